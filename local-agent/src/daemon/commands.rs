//! What the owner's commands ask.

use super::owner::{self, Command, Notice};
use super::{Daemon, DaemonError};
use crate::audit::Who;
use crate::core::clock::AgentClock;
use lanyard_dial::clock;
use lanyard_shared::approval::By;
use lanyard_shared::close::CloseCode;
use lanyard_shared::time::UnixMs;

impl Daemon {
    /// Does what an owner's command asks. True when it is to stop.
    pub(super) fn obey(&mut self, command: Command) -> Result<bool, DaemonError> {
        let now = self.now();
        match command {
            Command::Pair { invitation, reply } => {
                let outcome = match &self.web {
                    Some(web) if self.core.is_online() => {
                        let fingerprint = self.fingerprint().filter(|_| web.is_https());
                        let link = self.core.open_pairing(invitation, fingerprint, now);
                        link.map(|link| owner::Link::new(web, &link))
                    }
                    Some(_) | None => Err(CloseCode::AgentOffline),
                };
                self.handout.put(outcome, || self.core.ask_relay(), reply);
            }
            Command::Cancel => self.core.cancel_pairings(),
            Command::Answer { question, yes } => {
                self.core.answer(question, yes, now);
                self.owners.withdraw(question);
            }
            Command::Status { reply } => {
                let _ = reply.send(owner::Status {
                    online: self.core.is_online(),
                    since: self.presence.since(),
                    trouble: self.presence.trouble(),
                    gap: self.presence.gap(),
                    relay: self.relay.to_string(),
                    web: self.web.as_ref().map(|web| web.web().to_owned()),
                    agent: self.agent(),
                    sessions: self.core.sessions(),
                    terminals: self.core.terminals(),
                    time: now.unix,
                    locked: self.core.devices().locked,
                    devices: self.core.device_entries(None),
                    tokens: self.core.token_entries(|_| true),
                    keys: self.core.key_entries(now),
                    invitations: self.core.invitation_entries(now),
                    warning: self.warning.clone(),
                    clock_behind: self.core.clock_behind(now),
                    findings: self.disk.state.kept_aside(),
                });
            }
            Command::Revoke { revocation, reply } => {
                let ended = self.core.revoke(revocation, Who::Machine {}, now);
                self.carry_out()?;
                let _ = reply.send(ended.and_then(|ended| self.saved().map(|()| ended)));
            }
            Command::Lock { locked, reply } => {
                if locked {
                    self.core.lock(Who::Machine {});
                } else {
                    self.core.unlock();
                }
                self.carry_out()?;
                let _ = reply.send(self.saved());
            }
            Command::Rotate {
                rotation,
                urgency,
                reply,
            } => {
                let rotated = self.core.rotate(rotation, urgency, now);
                self.carry_out()?;
                let _ = reply.send(rotated.and_then(|rotated| self.saved().map(|()| rotated)));
            }
            Command::Trust { device, reply } => {
                let trusted = self.core.trust(device);
                self.carry_out()?;
                let _ = reply.send(trusted.and_then(|()| self.saved()));
            }
            Command::Ask { pid, wish, reply } => {
                let decided = self.decide(pid, *wish, now);
                self.carry_out()?;
                let _ = reply.send(decided);
            }
            Command::WithdrawApprovals(ids) => {
                for id in ids {
                    self.core.withdraw_approval(id, now);
                }
            }
            Command::Settled { id, reply } => {
                let _ = reply.send(self.core.settled_approval(id));
            }
            Command::Approvals { reply } => {
                let _ = reply.send(self.core.approvals().cloned().collect());
            }
            Command::AnswerApproval {
                id,
                hash,
                said,
                reply,
            } => {
                let at_machine = || By::Machine {};
                let core = &mut self.core;
                let answered = core.answer_approval(id, hash, said, at_machine(), now);
                self.carry_out()?;
                // What could not be written down has come to something else.
                let core = &mut self.core;
                let again = |_| core.answer_approval(id, hash, said, at_machine(), now);
                let settled = answered.and_then(again);
                let _ = reply.send(settled);
            }
            Command::Permissions { reply } => {
                let granted = self.core.granted().to_vec();
                let _ = reply.send((self.core.mode(), granted));
            }
            Command::SetMode { mode, reply } => {
                self.core.set_mode(mode, Who::Machine {}, now);
                self.carry_out()?;
                let _ = reply.send(());
            }
            Command::EndGranted { id, reply } => {
                let ended = self.core.end_granted(id, Who::Machine {});
                self.carry_out()?;
                let _ = reply.send(ended);
            }
            Command::LookAtHistory { reply } => self.keeper.look(Some(reply)),
            Command::AcceptClock { reply } => {
                let _ = reply.send(self.accept_clock()?);
            }
            Command::Stop => return Ok(true),
        }
        Ok(false)
    }

    /// The owner says that the present time is right, whatever was known before. What stands is dialled anew under it.
    fn accept_clock(&mut self) -> Result<Result<Notice, CloseCode>, DaemonError> {
        self.clock = AgentClock::start(clock::now(), UnixMs::default());
        let now = self.now();
        let pair_again = self.core.accept_clock(now);
        self.carry_out()?;
        let noted = self.disk.note_time(now.unix);
        self.core.leave();
        let saved = noted
            .map_err(|_| CloseCode::Internal)
            .and_then(|()| self.saved());
        Ok(saved.map(|()| Notice::ClockAccepted {
            time: now.unix,
            pair_again,
        }))
    }

    /// Whether all that must be on disk is.
    fn saved(&mut self) -> Result<(), CloseCode> {
        let saved = self.disk.catch_up(&self.core);
        saved.map_err(|_| CloseCode::Internal)
    }
}
