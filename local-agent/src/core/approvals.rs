//! Requests for approval: each is asked once, answered once, and never forgotten while somebody could still act on it.
//!
//! The first answer counts, wherever it comes from; a later one hears what the first was. What nobody answers is denied at its time.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::talk::Talk;
use crate::limits::{APPROVALS_MAX, SETTLED_MAX};
use lanyard_shared::access::Reach;
use lanyard_shared::approval::{By, Card, End, Fences, Hash, Request, Said, Settled};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::ApprovalId;
use lanyard_shared::msg::{FromAgent, Scope};
use lanyard_shared::time::{Now, UnixMs};
use std::collections::VecDeque;
use std::time::Duration;

/// All requests: those that wait, and the last that ended.
#[derive(Debug, Default)]
pub(super) struct Approvals {
    waiting: Vec<Card>,
    settled: VecDeque<Ended>,
}

/// One that has ended.
#[derive(Debug)]
struct Ended {
    settled: Settled,
    /// What was asked.
    request: Request,
    /// It is on the disk, or known not to be: devices may hear it.
    recorded: bool,
}

/// Where something would run.
#[derive(Clone, Debug)]
struct Place {
    folder: String,
    workspace: String,
    outside: bool,
}

impl Place {
    fn of(request: &Request) -> Self {
        Self {
            folder: request.folder.clone(),
            workspace: request.workspace.clone(),
            outside: request.fences == Fences::Outside {},
        }
    }

    /// What runs outside of the sandbox is bounded by nothing, so that it is for those alone who are not bounded either.
    fn is_reached_by(&self, device: &Device) -> bool {
        let whole = device.reach == Reach::default();
        whole
            || !self.outside
                && device.reaches_path(&self.folder)
                && device.reaches_path(&self.workspace)
    }
}

impl Core {
    /// Asks people, who have so long to answer. The request gets its times here.
    ///
    /// # Errors
    /// Too many wait, its name is taken, or the clock cannot be believed.
    pub fn ask_approval(
        &mut self,
        mut card: Card,
        life: Duration,
        now: Now,
    ) -> Result<Request, CloseCode> {
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        let approvals = &mut self.approvals;
        let id = card.request.id;
        if approvals.place(id).is_some() {
            return Err(CloseCode::BadMessage);
        }
        if approvals.waiting.len() >= APPROVALS_MAX {
            return Err(CloseCode::Busy);
        }
        card.request.asked = now.unix;
        card.request.until = now.unix + life;
        let request = card.request.clone();
        approvals.waiting.push(card);
        let asked = Box::new(request.clone());
        self.effects.push_back(Effect::ApprovalAsked(asked));
        self.tell_sessions(id);
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
        said: impl Into<Said>,
        by: By,
        now: Now,
    ) -> Result<Settled, CloseCode> {
        let said = said.into();
        self.expire_approvals(now);
        if let Some(settled) = self.approvals.settled(id) {
            return if settled.hash == hash {
                Ok(settled.clone())
            } else {
                Err(CloseCode::BadMessage)
            };
        }
        let card = self.approvals.card(id).ok_or(CloseCode::ApprovalUnknown)?;
        if card.request.hash() != hash || !said.fits(&card.request) {
            return Err(CloseCode::BadMessage);
        }
        let Said { verdict, holds } = said;
        let end = End::Answered { verdict, holds, by };
        self.settle(id, end, now);
        let settled = self.approvals.settled(id).ok_or(CloseCode::Internal)?;
        Ok(settled.clone())
    }

    /// Whoever asked has gone. Nothing if it is answered already.
    pub fn withdraw_approval(&mut self, id: ApprovalId, now: Now) {
        self.settle(id, End::Withdrawn {}, now);
    }

    /// What was answered could not be written down: nothing is done by it.
    pub fn undo_approval(&mut self, id: ApprovalId) -> Option<Settled> {
        let mut settled = self.approvals.settled.iter_mut();
        let ended = settled.find(|ended| ended.settled.id == id)?;
        ended.settled.end = End::Withdrawn {};
        Some(ended.settled.clone())
    }

    /// What has come of a request is on the disk, and devices may hear it.
    pub fn approval_recorded(&mut self, settled: &Settled) {
        let mut ended = self.approvals.settled.iter_mut();
        let ended = ended.find(|ended| ended.settled.id == settled.id);
        if let Some(ended) = ended.filter(|ended| !ended.recorded) {
            ended.recorded = true;
            let request = ended.request.clone();
            self.let_stand(settled, &request);
        }
        self.tell_sessions(settled.id);
        self.reply_to_answers(settled);
    }

    /// How a request has ended, if it has, and not too long ago.
    #[must_use]
    pub fn settled_approval(&self, id: ApprovalId) -> Option<Settled> {
        self.approvals.settled(id).cloned()
    }

    /// The same, where devices may hear it.
    pub(super) fn recorded_approval(&self, id: ApprovalId) -> Option<Settled> {
        let ended = self.approvals.ended(id).filter(|ended| ended.recorded)?;
        Some(ended.settled.clone())
    }

    /// The requests that wait, the oldest first.
    pub fn approvals(&self) -> impl Iterator<Item = &Request> {
        self.approvals.waiting.iter().map(|card| &card.request)
    }

    /// Whether a device may see and answer this request, which waits or has ended a short while ago.
    pub(super) fn may_answer(&self, device: &Device, id: ApprovalId) -> bool {
        let place = self.approvals.place(id);
        device.allows(Scope::Approve) && place.is_some_and(|place| place.is_reached_by(device))
    }

    /// What a session that begins is told: which of them wait for it. The cards follow as fast as it takes them.
    pub(super) fn tell_approvals(&mut self, stream: StreamId) {
        let Some(talk) = self.talks.get_mut(&stream) else {
            return;
        };
        let Some(device) = self.devices.get(talk.device) else {
            return;
        };
        if !device.allows(Scope::Approve) {
            return;
        }
        let cards = self.approvals.waiting.iter();
        let its = cards.filter(|card| Place::of(&card.request).is_reached_by(device));
        let waiting: Vec<_> = its.map(|card| card.request.id).collect();
        talk.approvals_owed = waiting.iter().copied().collect();
        talk.permissions_are_old = true;
        self.say(stream, &FromAgent::Approvals { waiting });
    }

    /// What is next to be said of a request to a session; nothing if there is nothing any more.
    pub(super) fn approval_news(&self, device: &Device, id: ApprovalId) -> Option<FromAgent> {
        if !self.may_answer(device, id) {
            return None;
        }
        let card = self.approvals.card(id).map(|card| FromAgent::Approval {
            card: Box::new(card.clone()),
        });
        card.or_else(|| {
            let settled = self.recorded_approval(id)?;
            Some(FromAgent::Settled { settled })
        })
    }

    fn tell_sessions(&mut self, id: ApprovalId) {
        for stream in self.streams_of(Talk::is_session) {
            if let Some(talk) = self.talks.get_mut(&stream)
                && !talk.approvals_owed.contains(&id)
            {
                talk.approvals_owed.push_back(id);
                // Of what is forgotten there is nothing to say to who does not read.
                if talk.approvals_owed.len() > APPROVALS_MAX + SETTLED_MAX {
                    let known = |id: &ApprovalId| self.approvals.place(*id).is_some();
                    talk.approvals_owed.retain(known);
                }
            }
            self.flush_talk(stream);
        }
    }

    pub(super) fn expire_approvals(&mut self, now: Now) {
        let waiting = self.approvals();
        let over = waiting.filter(|request| request.until <= now.unix);
        for id in over.map(|request| request.id).collect::<Vec<_>>() {
            self.settle(id, End::Expired {}, now);
        }
    }

    pub(super) fn next_approval_end(&self) -> Option<UnixMs> {
        self.approvals().map(|request| request.until).min()
    }

    pub(super) fn settle(&mut self, id: ApprovalId, end: End, now: Now) {
        let mut waiting = self.approvals.waiting.iter();
        let Some(at) = waiting.position(|card| card.request.id == id) else {
            return;
        };
        let request = self.approvals.waiting.remove(at).request;
        let settled = Settled {
            id,
            hash: request.hash(),
            end,
            at: now.unix,
        };
        if self.approvals.settled.len() >= SETTLED_MAX {
            self.approvals.settled.pop_front();
        }
        self.approvals.settled.push_back(Ended {
            settled: settled.clone(),
            request,
            recorded: false,
        });
        self.effects.push_back(Effect::ApprovalSettled(settled));
    }
}

impl Approvals {
    fn card(&self, id: ApprovalId) -> Option<&Card> {
        self.waiting.iter().find(|card| card.request.id == id)
    }

    fn settled(&self, id: ApprovalId) -> Option<&Settled> {
        self.ended(id).map(|ended| &ended.settled)
    }

    fn ended(&self, id: ApprovalId) -> Option<&Ended> {
        self.settled.iter().find(|ended| ended.settled.id == id)
    }

    fn place(&self, id: ApprovalId) -> Option<Place> {
        let card = self.card(id).map(|card| Place::of(&card.request));
        card.or_else(|| self.ended(id).map(|ended| Place::of(&ended.request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::devices::Devices;
    use crate::core::tests::rig;
    use crate::core::{Identity, Machine};
    use lanyard_shared::approval::Verdict;
    use lanyard_shared::b64::Bytes;
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

    fn card(number: u32) -> Card {
        let mut id = [0; 16];
        id[..4].copy_from_slice(&number.to_be_bytes());
        rig::card(ApprovalId(id))
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
        let asked = core.ask_approval(card(1), LIFE, at(1)).unwrap();
        let (id, hash) = (asked.id, asked.hash());
        let first = core.answer_approval(id, hash, Verdict::Approved, AT_MACHINE, at(2));
        let device = By::Device {
            name: "phone".to_owned(),
            key: Bytes([7; 32]),
            signature: Bytes([0; 64]),
        };
        let later = core.answer_approval(id, hash, Verdict::Denied, device, at(3));
        assert_eq!(later, first);
        assert!(first.unwrap().end.is_approval());
        assert_eq!(settled(&mut core), [(id, true)]);
        assert_eq!(core.approvals().count(), 0);
    }

    #[test]
    fn an_answer_is_about_what_was_shown_and_no_other() {
        let mut core = core();
        let asked = core.ask_approval(card(1), LIFE, at(1)).unwrap();
        let mut other = asked.clone();
        other.line.push_str("; evil");
        for (id, hash) in [(asked.id, other.hash()), (card(2).request.id, asked.hash())] {
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
        let asked = core.ask_approval(card(1), LIFE, at(1)).unwrap();
        assert_eq!(core.poll_timeout(at(1)), Some(Mono::from_secs(1801)));
        core.on_timeout(at(1800));
        assert_eq!(core.approvals().count(), 1);
        // An answer that comes at that time is too late, even if nobody has looked at the clock.
        let yes = Verdict::Approved;
        let late = core.answer_approval(asked.id, asked.hash(), yes, AT_MACHINE, at(1801));
        assert_eq!(late.unwrap().end, End::Expired {});
        assert_eq!(settled(&mut core), [(asked.id, false)]);
    }

    #[test]
    fn what_is_withdrawn_or_could_not_be_written_down_is_no_approval() {
        let mut core = core();
        let gone = core.ask_approval(card(1), LIFE, at(1)).unwrap();
        core.withdraw_approval(gone.id, at(2));
        let yes = Verdict::Approved;
        let late = core.answer_approval(gone.id, gone.hash(), yes, AT_MACHINE, at(3));
        assert_eq!(late.unwrap().end, End::Withdrawn {});

        let lost = core.ask_approval(card(2), LIFE, at(1)).unwrap();
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
            core.ask_approval(card(number), LIFE, at(1)).unwrap();
        }
        let more = core.ask_approval(card(u32::MAX), LIFE, at(1));
        assert_eq!(more, Err(CloseCode::Busy));
        core.withdraw_approval(card(0).request.id, at(1));
        let again = core.ask_approval(card(0), LIFE, at(1));
        assert_eq!(again, Err(CloseCode::BadMessage));
    }
}
