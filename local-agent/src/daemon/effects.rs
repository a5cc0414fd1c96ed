//! What the core decided, done: on disk, at holders, in words for the owner.

use super::owner::Notice;
use super::{Daemon, DaemonError, holders};
use crate::core::Effect;
use crate::state::{Enrolment, StateError};
use lanyard_dial::clock;
use lanyard_holder::wire::FromClient;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::pair::address::Address;

impl Daemon {
    pub(super) fn carry_out(&mut self) -> Result<(), DaemonError> {
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::SaveDevices => {
                    if let Err(error) = self.disk.save_devices(&self.core) {
                        self.cannot_save(&error);
                    }
                }
                Effect::SaveKeys => {
                    if let Err(error) = self.disk.save_keys(&self.core) {
                        self.cannot_save(&error);
                    }
                }
                Effect::Rotated(rotated) => self.owners.tell(&Notice::RotationDone { rotated }),
                Effect::IdentityChanged => self.identity_changed(),
                Effect::SaveRules {
                    id,
                    workspace,
                    rules,
                } => self.save_rules(id, &workspace, rules),
                Effect::Record(event) => self.record(*event),
                Effect::CompareAudit {
                    stream,
                    device,
                    name,
                    seen,
                } => self.compare_audit(stream, device, name, seen),
                Effect::ReadAudit {
                    stream,
                    req,
                    before,
                } => self.read_audit(stream, req, before),
                Effect::Suspended { device, name } => {
                    self.owners.tell(&Notice::Suspended { device, name });
                }
                Effect::NoteDevices => {
                    if let Err(error) = self.disk.note_devices(&self.core) {
                        tracing::warn!(%error, "when devices were last seen could not be saved");
                    }
                }
                Effect::SaveTime => {
                    if let Some(time) = self.clock.vouched(clock::mono())
                        && let Err(error) = self.disk.note_time(time)
                    {
                        tracing::warn!(%error, "the time could not be saved");
                    }
                }
                Effect::Online { web, warning, .. } => self.online(&web, warning)?,
                Effect::TakenIn(upto) => self.handout.taken_in(upto),
                Effect::Offline(close) => {
                    self.handout.offline();
                    self.offline(close)?;
                }
                Effect::Ask(question) => self.owners.ask(question),
                Effect::Withdraw(question) => self.owners.withdraw(question),
                Effect::ApprovalAsked(request) => self.asked(request),
                Effect::ApprovalSettled(settled) => self.settled(settled),
                Effect::Paired { name, scopes } => self.owners.tell(&Notice::Paired {
                    device: name,
                    scopes,
                }),
                Effect::Spawn {
                    terminal,
                    name,
                    grid,
                } => self.holders.spawn(terminal, name, grid),
                Effect::Kill(terminal) => {
                    let ended = self
                        .core
                        .terminals()
                        .iter()
                        .any(|t| t.id == terminal && t.exit.is_some());
                    self.holders.kill(terminal, ended);
                }
                Effect::Rename {
                    terminal,
                    name,
                    wish,
                } => {
                    let outcome = self.holders.rename(terminal, &name);
                    self.core.renamed(terminal, name, wish, outcome);
                }
                Effect::Resize(terminal, grid) => {
                    self.holders.tell(
                        terminal,
                        FromClient::Resize {
                            cols: grid.cols,
                            rows: grid.rows,
                        },
                    );
                }
                Effect::Type {
                    terminal,
                    writer,
                    seq,
                    bytes,
                } => {
                    self.holders
                        .tell(terminal, holders::input(writer, seq, bytes));
                }
                Effect::LastInput { terminal, writer } => {
                    self.holders
                        .tell(terminal, FromClient::LastSeq { writer: writer.0 });
                }
                Effect::Watch {
                    stream,
                    terminal,
                    have,
                    pace,
                } => self.holders.watch(stream, terminal, have, pace),
                Effect::Play {
                    stream,
                    terminal,
                    have,
                } => self.holders.play(stream, terminal, have),
                Effect::ForgetPast { terminal, wish } => self.keeper.forget(terminal, wish),
                Effect::Pull(stream, bytes) => {
                    self.holders.tell_watch(stream, FromClient::Credit(bytes))
                }
                Effect::Pace(stream, on) => self.holders.tell_watch(stream, FromClient::Pace(on)),
                Effect::Unwatch(stream) => self.holders.unwatch(stream),
            }
        }
        self.core.set_disk_works(self.disk.works());
        Ok(())
    }

    /// What must be on disk is not, so what was to be said after it is not said: the link goes, and the owner hears why.
    fn cannot_save(&mut self, error: &StateError) {
        self.tell_trouble(error);
        self.socket = None;
        self.core.disconnected(CloseCode::Internal);
    }

    pub(super) fn tell_trouble(&self, error: &StateError) {
        self.owners.tell(&Notice::Trouble {
            sentence: error.to_string(),
            hint: error.hint(),
        });
    }

    fn online(&mut self, web: &str, warning: String) -> Result<(), DaemonError> {
        self.dialling.proven(clock::mono());
        self.ever_online = true;
        self.web = Address::parse(web).ok();
        if std::mem::take(&mut self.enrolling) {
            let fingerprint = self.fingerprint().map(b64::Bytes);
            let enrolment = Enrolment {
                relay: self.relay.to_string(),
                fingerprint,
            };
            self.disk
                .state
                .save_enrolment(&enrolment, self.now().unix)?;
            self.newcomer = None;
        }
        self.pulse.online(&self.relay.to_string());
        self.presence.online(clock::unix());
        self.warning.clone_from(&warning);
        self.owners.tell(&Notice::Online {
            relay: self.relay.to_string(),
            web: web.to_owned(),
            warning,
        });
        Ok(())
    }

    fn offline(&mut self, close: lanyard_shared::frame::Close) -> Result<(), DaemonError> {
        // The relay chooses the code; the words are ours.
        let code = close.code.unwrap_or(CloseCode::Cut);
        // It knew us once, or there would be no key to prove.
        let removed = code == CloseCode::UnknownAgent && !self.enrolling;
        let sentence = if removed {
            "the relay does not know this machine any more; its operator may have removed it"
        } else {
            code.sentence()
        }
        .to_owned();
        let lasting = self.enrolling
            || matches!(
                code,
                CloseCode::UnknownAgent | CloseCode::WrongHost | CloseCode::Version
            );
        let skewed = code == CloseCode::ClockSkew && !self.ever_online;
        if lasting || skewed {
            return Err(DaemonError::Refused { code, sentence });
        }
        self.pulse.offline(&sentence);
        self.presence.offline(&sentence, code.hint(), clock::unix());
        self.owners.tell(&Notice::Offline {
            sentence,
            hint: code.hint().to_owned(),
        });
        if code == CloseCode::Replaced {
            self.dialling.much_later(&self.relay);
        } else {
            self.dialling
                .again(&self.relay, close.again(), clock::mono());
        }
        Ok(())
    }
}
