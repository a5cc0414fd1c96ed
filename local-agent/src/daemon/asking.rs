//! Requests for approval: decided here, written down, told to those who answer and to those who asked.

use super::Daemon;
use super::owner::{Notice, Wish};
use crate::audit::Event;
use crate::limits::{ASKED_LINE_MAX, CARD_MAX, GRANTED_RULES_MAX, TRUSTED_MAX};
use crate::policy::card::card;
use crate::policy::save::{file_of, save};
use crate::policy::standing::Standing;
use crate::policy::trust::{Known, ProjectHash};
use crate::random;
use lanyard_policy::decide::{Decision, Request as Asking, Verdict};
use lanyard_shared::approval::{Asker, Request, Settled};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::ApprovalId;
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
        let present = self.core.present(&wish.workspace, wish.fences);
        let trust = self.disk.state.trust();
        let standing = Standing::of(Path::new(&wish.workspace), &trust, &present);
        self.note_trust(&wish.workspace, standing.trust());
        let (mut verdict, life) =
            verdict(&standing, &wish, now.unix).ok_or(CloseCode::BadMessage)?;
        let by_itself = wish.session.is_some() && !verdict.is_allowed_by_rules_alone();
        if by_itself && verdict.decision == Decision::Allow {
            verdict.decision = Decision::Ask;
            verdict.reason = "it seems to only read, but would run without our fences".to_owned();
        }
        let more = wish.session.is_none() && !wish.fences.are_plain();
        if more && verdict.decision == Decision::Allow && !verdict.is_allowed_by(&present.rules()) {
            verdict.decision = Decision::Ask;
            verdict.reason = "it would be allowed in the sandbox, and asks for more".to_owned();
        }
        let name = wish.name;
        let asker = match wish.session {
            Some(session) => Asker::Agent { pid, name, session },
            None => Asker::Script { pid, name },
        };
        let request = match verdict.decision {
            Decision::Allow | Decision::Deny => {
                self.record(Event::Decided {
                    asker,
                    line: wish.line,
                    folder: wish.folder,
                    allowed: verdict.decision == Decision::Allow,
                    reason: verdict.reason.clone(),
                });
                None
            }
            Decision::Ask => {
                let request = Request {
                    id: ApprovalId(random::bytes()),
                    asker,
                    line: wish.line,
                    programs: wish.programs,
                    folder: wish.folder,
                    workspace: wish.workspace,
                    fences: wish.fences,
                    reason: verdict.reason.clone(),
                    rules: offered(&standing, verdict.always),
                    saved_in: standing.saved_in(),
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
            present,
        })
    }

    /// What counts from now on is on record; what does not any more is said once.
    fn note_trust(&mut self, folder: &str, (hash, known): (ProjectHash, Known)) {
        let folder = folder.to_owned();
        if self.trust_noted.insert(folder.clone(), (hash, known)) == Some((hash, known)) {
            return;
        }
        match known {
            Known::Trusted => self.record(Event::FolderTrusted { folder, hash }),
            Known::Changed => self.owners.tell(&Notice::Trouble {
                sentence: format!(
                    "the settings of {folder} have changed since it was trusted: what they allow does not count"
                ),
                hint: "look at them, then `lanyard policy trust` in that folder".to_owned(),
            }),
            Known::Refused | Known::Nothing => {}
        }
        while self.trust_noted.len() > TRUSTED_MAX {
            self.trust_noted.pop_first();
        }
    }

    /// What cannot be saved was answered once all the same.
    pub(super) fn save_rules(&mut self, id: ApprovalId, workspace: &str, rules: Vec<String>) {
        let (workspace, now) = (Path::new(workspace), self.now().unix);
        let mut trust = self.disk.state.trust();
        let saved = save(workspace, &rules, &mut trust, now).map_err(|error| error.to_string());
        let saved = saved.and_then(|()| {
            let written = self.disk.state.save_trust(&trust, now);
            written.map_err(|error| error.to_string())
        });
        let file = file_of(workspace).to_string_lossy().into_owned();
        let failed = saved.err();
        if let Some(why) = &failed {
            self.owners.tell(&Notice::Trouble {
                sentence: format!("it was approved once, but its rules could not be saved: {why}"),
                hint: "look at the file and the folder, and `lanyard policy trust`".to_owned(),
            });
        }
        self.record(Event::RulesSaved {
            id,
            rules,
            file,
            failed,
        });
    }

    pub(super) fn asked(&mut self, request: Box<Request>) {
        let hash = request.hash();
        let event = Event::Asked {
            request: request.clone(),
            hash,
        };
        self.record(event);
        self.owners.tell(&Notice::Approval { request });
    }

    /// Nobody acts on an answer that is not on the disk.
    pub(super) fn settled(&mut self, settled: Settled) {
        let told = match self.write_down(Event::Settled {
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
}

/// None where they would allow nothing, or are too long to be read.
fn offered(standing: &Standing, rules: Vec<String>) -> Vec<String> {
    let long: usize = rules.iter().map(String::len).sum();
    if standing.scopes().allow_only() || long > GRANTED_RULES_MAX {
        return Vec::new();
    }
    rules
}

/// By the settings of its workspace, which are read anew each time, and how long an answer may take by them.
fn verdict(standing: &Standing, wish: &Wish, now: UnixMs) -> Option<(Verdict, Duration)> {
    let place = standing.place(&wish.folder)?;
    let policy = standing.policy(now);
    let life = u64::from(standing.scopes().approval_minutes()) * 60;
    let verdict = policy.decide(&Asking::Command(&wish.line), &place);
    Some((verdict, Duration::from_secs(life)))
}
