//! Requests for approval: decided here, written down, told to those who answer and to those who asked.

use super::Daemon;
use super::owner::{Notice, Wish};
use crate::audit::Event;
use crate::audit::log::{AuditError, AuditLog};
use crate::limits::{ASKED_LINE_MAX, CARD_MAX};
use crate::policy::card::card;
use crate::policy::standing::Standing;
use crate::random;
use crate::state::{Finding, StateDir, StateError};
use lanyard_policy::decide::{Decision, Request as Asking, Verdict};
use lanyard_shared::approval::{Asker, Request, Settled};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{AgentId, ApprovalId};
use lanyard_shared::msg;
use lanyard_shared::time::{Now, UnixMs};
use std::path::Path;
use std::time::Duration;

impl Daemon {
    /// Whether it may run; if that is for people to say, they are asked.
    pub(super) fn decide(&mut self, pid: u32, wish: Wish, now: Now) -> Result<Notice, CloseCode> {
        let folder = Path::new(&wish.folder);
        let whole = !wish.line.trim().is_empty() && wish.line.len() <= ASKED_LINE_MAX;
        if !whole || !folder.is_absolute() || !Path::new(&wish.workspace).is_absolute() {
            return Err(CloseCode::BadMessage);
        }
        let (mut verdict, life) = verdict(&wish, now.unix).ok_or(CloseCode::BadMessage)?;
        let by_itself = wish.session.is_some() && !verdict.is_allowed_by_rules_alone();
        if by_itself && verdict.decision == Decision::Allow {
            verdict.decision = Decision::Ask;
            verdict.reason = "it seems to only read, but would run without our fences".to_owned();
        }
        let request = match verdict.decision {
            Decision::Allow | Decision::Deny => None,
            Decision::Ask => {
                let name = wish.name;
                let asker = match wish.session {
                    Some(session) => Asker::Agent { pid, name, session },
                    None => Asker::Script { pid, name },
                };
                let request = Request {
                    id: ApprovalId(random::bytes()),
                    asker,
                    line: wish.line,
                    programs: wish.programs,
                    folder: wish.folder,
                    workspace: wish.workspace,
                    fences: wish.fences,
                    reason: verdict.reason.clone(),
                    asked: now.unix,
                    until: now.unix,
                };
                let card = card(request, &verdict.parts);
                if msg::encode(&card).len() > CARD_MAX {
                    verdict.decision = Decision::Deny;
                    verdict.reason = "it is too long to be shown to people as a whole".to_owned();
                    None
                } else {
                    Some(Box::new(self.core.ask_approval(card, life, now)?))
                }
            }
        };
        Ok(Notice::Decided {
            decision: verdict.decision,
            reason: verdict.reason,
            request,
        })
    }

    pub(super) fn asked(&mut self, request: Box<Request>) {
        let hash = request.hash();
        let event = Event::Asked {
            request: request.clone(),
            hash,
        };
        if let Err(error) = self.record(event) {
            self.tell_unrecorded(&error);
        }
        self.owners.tell(&Notice::Approval { request });
    }

    /// Nobody acts on an answer that is not on the disk.
    pub(super) fn settled(&mut self, settled: Settled) {
        let told = match self.record(Event::Settled {
            settled: settled.clone(),
        }) {
            Ok(()) => Some(settled),
            Err(error) => {
                self.tell_unrecorded(&error);
                self.core.undo_approval(settled.id)
            }
        };
        if let Some(settled) = told {
            self.core.approval_recorded(&settled);
            self.owners.tell(&Notice::Settled { settled });
        }
    }

    fn record(&mut self, event: Event) -> Result<(), AuditError> {
        let now = self.now().unix;
        self.audit.append(now, event).map(|_| ())
    }

    fn tell_unrecorded(&self, error: &AuditError) {
        self.owners.tell(&Notice::Trouble {
            sentence: format!("what was asked or answered could not be recorded: {error}"),
            hint: "check the disk; until then nothing is approved".to_owned(),
        });
    }
}

/// By the settings of its workspace, which are read anew each time, and how long an answer may take by them.
fn verdict(wish: &Wish, now: UnixMs) -> Option<(Verdict, Duration)> {
    let standing = Standing::of(Path::new(&wish.workspace));
    let place = standing.place(&wish.folder)?;
    let policy = standing.policy(now);
    let life = u64::from(standing.scopes().approval_minutes()) * 60;
    let verdict = policy.decide(&Asking::Command(&wish.line), &place);
    Some((verdict, Duration::from_secs(life)))
}

/// The log, and what is to be said of one that was damaged. That one is kept aside, and another begins.
pub(super) fn open_audit(
    state: &StateDir,
    agent: AgentId,
    now: UnixMs,
) -> Result<(AuditLog, Option<Finding>), StateError> {
    let path = state.audit_log();
    let open = || AuditLog::open(&path, now);
    let (mut log, finding) = match open() {
        Err(AuditError::Broken(broken)) => {
            let finding = state.set_aside(&path, &broken.to_string(), now)?;
            (open().map_err(StateError::Audit)?, Some(finding))
        }
        log => (log.map_err(StateError::Audit)?, None),
    };
    let version = env!("CARGO_PKG_VERSION").to_owned();
    log.append(now, Event::Began { agent, version })
        .map_err(StateError::Audit)?;
    Ok((log, finding))
}
