//! What a person lets stand for now: the mode they have chosen, and rules for a time. In memory alone: after a restart settings count, and nothing else.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::talk::Talk;
use crate::audit::{Event, Who};
use crate::limits::GRANTED_MAX;
use crate::policy::present::Present;
use lanyard_shared::access::Reach;
use lanyard_shared::approval::{By, End, Fences, Granted, Holds, Mode, Request, Settled, Verdict};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::ApprovalId;
use lanyard_shared::msg::{FromAgent, Scope};
use lanyard_shared::time::{Now, UnixMs};
use std::time::Duration;

/// All of it.
#[derive(Debug, Default)]
pub(super) struct Permissions {
    mode: Option<Mode>,
    granted: Vec<Granted>,
}

impl Core {
    /// As it counts in one workspace, for what would be kept to these fences: what was let run in the sandbox was not let run outside.
    #[must_use]
    pub fn present(&self, workspace: &str, fences: Fences) -> Present {
        let here =
            |granted: &&Granted| granted.workspace == workspace && granted.fences.cover(fences);
        let rules = self.permissions.granted.iter().filter(here);
        Present {
            mode: self.permissions.mode,
            rules: rules
                .flat_map(|granted| {
                    granted
                        .rules
                        .iter()
                        .map(|rule| (rule.clone(), granted.until))
                })
                .collect(),
        }
    }

    /// The mode that was chosen.
    #[must_use]
    pub fn mode(&self) -> Option<Mode> {
        self.permissions.mode
    }

    /// The rules that stand for a time.
    #[must_use]
    pub fn granted(&self) -> &[Granted] {
        &self.permissions.granted
    }

    /// From now on work in this mode. What waits was asked about under another one: it ends, and may be asked again.
    pub fn set_mode(&mut self, mode: Option<Mode>, by: Who, now: Now) {
        if self.permissions.mode == mode {
            return;
        }
        self.permissions.mode = mode;
        self.record(Event::ModeChosen { mode, by });
        let waiting: Vec<_> = self.approvals().map(|request| request.id).collect();
        for id in waiting {
            self.settle(id, End::Overtaken {}, now);
        }
        self.tell_permissions();
    }

    /// Rules that stand for a time stand no longer.
    ///
    /// # Errors
    /// `ApprovalUnknown`: there are none of this name.
    pub fn end_granted(&mut self, id: ApprovalId, by: Who) -> Result<(), CloseCode> {
        let before = self.permissions.granted.len();
        self.permissions.granted.retain(|granted| granted.id != id);
        if self.permissions.granted.len() == before {
            return Err(CloseCode::ApprovalUnknown);
        }
        self.record(Event::GrantEnded { id, by });
        self.tell_permissions();
        Ok(())
    }

    /// A device chooses a mode. To allow less it needs what it answers with, to allow more also what it takes to save a rule.
    pub(super) fn choose_mode(
        &mut self,
        stream: StreamId,
        mode: Option<Mode>,
        now: Now,
    ) -> Result<(), CloseCode> {
        let (device, _) = self.allowed(stream, Scope::Approve, now)?;
        let stricter = mode == Some(Mode::Plan);
        let may = whole(device) && (stricter || device.allows(Scope::Devices));
        if !may {
            return Err(CloseCode::NotGranted);
        }
        let by = self.who(device.id);
        self.set_mode(mode, by, now);
        Ok(())
    }

    /// A device ends what somebody let stand. That allows less, and so needs no more than to answer does.
    pub(super) fn end_granted_by(
        &mut self,
        stream: StreamId,
        id: ApprovalId,
        now: Now,
    ) -> Result<(), CloseCode> {
        let (device, _) = self.allowed(stream, Scope::Approve, now)?;
        let known = self.permissions.granted.iter().find(|one| one.id == id);
        if !known.is_some_and(|granted| sees(device, granted)) {
            return Err(CloseCode::ApprovalUnknown);
        }
        let by = self.who(device.id);
        self.end_granted(id, by)
    }

    /// What was answered is on the disk: if it holds for longer than once, it does from now on.
    pub(super) fn let_stand(&mut self, settled: &Settled, request: &Request) {
        let End::Answered {
            verdict: Verdict::Approved,
            holds,
            by,
        } = &settled.end
        else {
            return;
        };
        match holds {
            Holds::Once {} => {}
            Holds::Time { minutes } => {
                let granted = &mut self.permissions.granted;
                if granted.len() >= GRANTED_MAX {
                    granted.remove(0);
                }
                granted.push(Granted {
                    id: settled.id,
                    rules: request.rules.clone(),
                    workspace: request.workspace.clone(),
                    fences: request.fences,
                    until: settled.at + Duration::from_secs(u64::from(*minutes) * 60),
                    by: match by {
                        By::Machine {} => String::new(),
                        By::Device { name, .. } => name.clone(),
                    },
                });
                self.tell_permissions();
            }
            Holds::Always {} => self.effects.push_back(Effect::SaveRules {
                id: settled.id,
                workspace: request.workspace.clone(),
                rules: request.rules.clone(),
            }),
        }
    }

    /// Forgets what has stood for its time.
    pub(super) fn expire_granted(&mut self, now: Now) {
        let granted = &mut self.permissions.granted;
        let before = granted.len();
        granted.retain(|granted| now.unix < granted.until);
        if granted.len() != before {
            self.tell_permissions();
        }
    }

    pub(super) fn next_granted_end(&self) -> Option<UnixMs> {
        let ends = self.permissions.granted.iter();
        ends.map(|granted| granted.until).min()
    }

    fn tell_permissions(&mut self) {
        for stream in self.streams_of(Talk::is_session) {
            if let Some(talk) = self.talks.get_mut(&stream) {
                talk.permissions_are_old = true;
            }
            self.flush_talk(stream);
        }
    }

    /// As a device may see it; nothing for one that may not answer.
    pub(super) fn permissions_for(&self, device: &Device) -> Option<FromAgent> {
        if !device.allows(Scope::Approve) {
            return None;
        }
        let granted = self.permissions.granted.iter();
        Some(FromAgent::Permissions {
            mode: self.permissions.mode,
            granted: granted
                .filter(|granted| sees(device, granted))
                .cloned()
                .collect(),
        })
    }
}

/// A mode is for the whole machine, and so for those alone who are not bounded to a part of it.
fn whole(device: &Device) -> bool {
    device.reach == Reach::default()
}

fn sees(device: &Device, granted: &Granted) -> bool {
    device.reaches_path(&granted.workspace)
}
