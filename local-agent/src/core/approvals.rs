//! Requests for approval: each is asked once, answered once, and never forgotten while somebody could still act on it.
//!
//! The first answer counts, wherever it comes from; a later one hears what the first was. What nobody answers is denied at its time.

use super::Core;
use super::effect::Effect;
use crate::limits::{APPROVALS_MAX, SETTLED_MAX};
use lanyard_shared::approval::{Hash, Request, Verdict};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{ApprovalId, DeviceId};
use lanyard_shared::time::{Now, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settled {
    /// Which.
    pub id: ApprovalId,
    /// What it was about.
    pub hash: Hash,
    /// The end of it.
    pub end: End,
    /// When.
    pub at: UnixMs,
}

/// How a request ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "end", deny_unknown_fields)]
pub enum End {
    /// Somebody has answered.
    Answered {
        /// What.
        verdict: Verdict,
        /// Who.
        by: By,
    },
    /// Nobody has, in all its time.
    Expired {},
    /// Whoever asked needs no answer any more.
    Withdrawn {},
}

impl End {
    /// Whether it may be acted on.
    #[must_use]
    pub fn is_approval(self) -> bool {
        matches!(
            self,
            Self::Answered {
                verdict: Verdict::Approved,
                ..
            }
        )
    }
}

/// Who answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "at", deny_unknown_fields)]
pub enum By {
    /// The person at the machine.
    Machine {},
    /// A device.
    Device {
        /// Which.
        device: DeviceId,
    },
}

/// All requests: those that wait, and the last that ended.
#[derive(Debug, Default)]
pub(super) struct Approvals {
    waiting: Vec<Request>,
    settled: VecDeque<Settled>,
}

impl Core {
    /// Asks people, who have so long to answer. The request gets its times here.
    ///
    /// # Errors
    /// Too many wait, its name is taken, or the clock cannot be believed.
    pub fn ask_approval(
        &mut self,
        mut request: Request,
        life: Duration,
        now: Now,
    ) -> Result<Request, CloseCode> {
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        let approvals = &mut self.approvals;
        let known = approvals.waiting.iter().any(|other| other.id == request.id);
        if known || approvals.settled(request.id).is_some() {
            return Err(CloseCode::BadMessage);
        }
        if approvals.waiting.len() >= APPROVALS_MAX {
            return Err(CloseCode::Busy);
        }
        request.asked = now.unix;
        request.until = now.unix + life;
        approvals.waiting.push(request.clone());
        let asked = Box::new(request.clone());
        self.effects.push_back(Effect::ApprovalAsked(asked));
        Ok(request)
    }

    /// Takes an answer to what somebody was shown, by its hash. The first one counts; of a later one this is what the first has brought.
    ///
    /// # Errors
    /// There is no such request any more, or something else was shown than is asked.
    pub fn answer_approval(
        &mut self,
        id: ApprovalId,
        hash: Hash,
        verdict: Verdict,
        by: By,
        now: Now,
    ) -> Result<Settled, CloseCode> {
        self.expire_approvals(now);
        if let Some(settled) = self.approvals.settled(id) {
            return if settled.hash == hash {
                Ok(settled)
            } else {
                Err(CloseCode::BadMessage)
            };
        }
        let request = self
            .approvals
            .waiting
            .iter()
            .find(|request| request.id == id);
        let request = request.ok_or(CloseCode::ApprovalUnknown)?;
        if request.hash() != hash {
            return Err(CloseCode::BadMessage);
        }
        self.settle(id, End::Answered { verdict, by }, now);
        self.approvals.settled(id).ok_or(CloseCode::Internal)
    }

    /// Whoever asked has gone. Nothing if it is answered already.
    pub fn withdraw_approval(&mut self, id: ApprovalId, now: Now) {
        self.settle(id, End::Withdrawn {}, now);
    }

    /// What was answered could not be written down: nothing is done by it.
    pub fn undo_approval(&mut self, id: ApprovalId) -> Option<Settled> {
        let mut settled = self.approvals.settled.iter_mut();
        let settled = settled.find(|settled| settled.id == id)?;
        settled.end = End::Withdrawn {};
        Some(*settled)
    }

    /// How a request has ended, if it has, and not too long ago.
    #[must_use]
    pub fn settled_approval(&self, id: ApprovalId) -> Option<Settled> {
        self.approvals.settled(id)
    }

    /// The requests that wait, the oldest first.
    #[must_use]
    pub fn approvals(&self) -> &[Request] {
        &self.approvals.waiting
    }

    pub(super) fn expire_approvals(&mut self, now: Now) {
        let over = |request: &&Request| request.until <= now.unix;
        while let Some(id) = self
            .approvals
            .waiting
            .iter()
            .find(over)
            .map(|request| request.id)
        {
            self.settle(id, End::Expired {}, now);
        }
    }

    pub(super) fn next_approval_end(&self) -> Option<UnixMs> {
        let waiting = self.approvals.waiting.iter();
        waiting.map(|request| request.until).min()
    }

    fn settle(&mut self, id: ApprovalId, end: End, now: Now) {
        let waiting = &mut self.approvals.waiting;
        let Some(at) = waiting.iter().position(|request| request.id == id) else {
            return;
        };
        let hash = waiting.remove(at).hash();
        let settled = Settled {
            id,
            hash,
            end,
            at: now.unix,
        };
        if self.approvals.settled.len() >= SETTLED_MAX {
            self.approvals.settled.pop_front();
        }
        self.approvals.settled.push_back(settled);
        self.effects.push_back(Effect::ApprovalSettled(settled));
    }
}

impl Approvals {
    fn settled(&self, id: ApprovalId) -> Option<Settled> {
        self.settled
            .iter()
            .find(|settled| settled.id == id)
            .copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::devices::Devices;
    use crate::core::{Identity, Machine};
    use lanyard_shared::approval::{Asker, Fences};
    use lanyard_shared::time::Mono;

    const LIFE: Duration = Duration::from_secs(1800);
    const AT_MACHINE: By = By::Machine {};

    fn at(seconds: u64) -> Now {
        Now {
            mono: Mono::from_secs(seconds),
            unix: UnixMs::from_secs(1_000_000 + seconds),
        }
    }

    fn core() -> Core {
        let machine = Machine {
            name: "desk".to_owned(),
            user: "ada".to_owned(),
            folder: "src".to_owned(),
            cwd: "/home/ada/src".to_owned(),
        };
        let identity = Identity::generate(at(0).unix);
        Core::new(identity, machine, Devices::default(), at(0))
    }

    fn request(number: u32) -> Request {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        Request {
            id: ApprovalId(id),
            asker: Asker::Script {
                pid: 1,
                name: String::new(),
            },
            line: "npm test".to_owned(),
            programs: Vec::new(),
            folder: "/work".to_owned(),
            workspace: "/work".to_owned(),
            fences: Fences::Outside {},
            reason: "no rule speaks of it".to_owned(),
            asked: UnixMs(0),
            until: UnixMs(0),
        }
    }

    fn settled(core: &mut Core) -> Vec<(ApprovalId, bool)> {
        let effects = std::iter::from_fn(|| core.poll_effect());
        effects
            .filter_map(|effect| {
                let Effect::ApprovalSettled(settled) = effect else {
                    return None;
                };
                Some((settled.id, settled.end.is_approval()))
            })
            .collect()
    }

    #[test]
    fn the_first_answer_counts_and_is_repeated_to_later_ones() {
        let mut core = core();
        let asked = core.ask_approval(request(1), LIFE, at(1)).unwrap();
        let (id, hash) = (asked.id, asked.hash());
        let first = core.answer_approval(id, hash, Verdict::Approved, AT_MACHINE, at(2));
        let device = By::Device {
            device: DeviceId([7; 16]),
        };
        let later = core.answer_approval(id, hash, Verdict::Denied, device, at(3));
        assert!(first.unwrap().end.is_approval());
        assert_eq!(later, first);
        assert_eq!(settled(&mut core), [(id, true)]);
        assert!(core.approvals().is_empty());
    }

    #[test]
    fn an_answer_is_about_what_was_shown_and_no_other() {
        let mut core = core();
        let asked = core.ask_approval(request(1), LIFE, at(1)).unwrap();
        let mut other = asked.clone();
        other.line.push_str("; evil");
        for (id, hash) in [(asked.id, other.hash()), (request(2).id, asked.hash())] {
            let answered = core.answer_approval(id, hash, Verdict::Approved, AT_MACHINE, at(2));
            assert!(answered.is_err());
        }
        assert!(settled(&mut core).is_empty());
        // Nor is it once it has been answered.
        let yes = Verdict::Approved;
        core.answer_approval(asked.id, asked.hash(), yes, AT_MACHINE, at(2))
            .unwrap();
        let answered = core.answer_approval(asked.id, other.hash(), yes, AT_MACHINE, at(2));
        assert!(answered.is_err());
    }

    #[test]
    fn what_nobody_answers_is_denied_at_its_time() {
        let mut core = core();
        let asked = core.ask_approval(request(1), LIFE, at(1)).unwrap();
        assert_eq!(core.poll_timeout(at(1)), Some(Mono::from_secs(1801)));
        core.on_timeout(at(1800));
        assert_eq!(core.approvals().len(), 1);
        // An answer that comes at that time is too late, even if nobody has looked at the clock.
        let yes = Verdict::Approved;
        let late = core.answer_approval(asked.id, asked.hash(), yes, AT_MACHINE, at(1801));
        assert_eq!(late.unwrap().end, End::Expired {});
        assert_eq!(settled(&mut core), [(asked.id, false)]);
    }

    #[test]
    fn what_is_withdrawn_or_could_not_be_written_down_is_no_approval() {
        let mut core = core();
        let gone = core.ask_approval(request(1), LIFE, at(1)).unwrap();
        core.withdraw_approval(gone.id, at(2));
        let yes = Verdict::Approved;
        let late = core.answer_approval(gone.id, gone.hash(), yes, AT_MACHINE, at(3));
        assert_eq!(late.unwrap().end, End::Withdrawn {});

        let lost = core.ask_approval(request(2), LIFE, at(1)).unwrap();
        core.answer_approval(lost.id, lost.hash(), yes, AT_MACHINE, at(2))
            .unwrap();
        core.undo_approval(lost.id).unwrap();
        let again = core.answer_approval(lost.id, lost.hash(), yes, AT_MACHINE, at(3));
        assert!(!again.unwrap().end.is_approval());
    }

    #[test]
    fn too_many_are_refused_and_a_name_is_for_one() {
        let mut core = core();
        for number in 0..u32::try_from(APPROVALS_MAX).unwrap() {
            core.ask_approval(request(number), LIFE, at(1)).unwrap();
        }
        let more = core.ask_approval(request(u32::MAX), LIFE, at(1));
        assert_eq!(more, Err(CloseCode::Busy));
        core.withdraw_approval(request(0).id, at(1));
        let again = core.ask_approval(request(0), LIFE, at(1));
        assert_eq!(again, Err(CloseCode::BadMessage));
    }
}
