//! Requests for approval on devices: who sees them, whose answer counts, and what each is told.

use super::rig::{APPROVAL, Keys, Rig, Sealed, Viewer, card, granting};
use crate::audit::Who;
use crate::core::Effect;
use crate::core::pairing::Invitation;
use lanyard_shared::access::{Reach, Revocation};
use lanyard_shared::approval::{Answer, By, End, Fences, Settled, Verdict};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Frame;
use lanyard_shared::ids::{AgentId, ApprovalId, ConnId};
use lanyard_shared::msg::{self, FromAgent, Scope, Wanted};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use std::time::Duration;

const NEXT: ApprovalId = ApprovalId([2; 16]);
const LIFE: Duration = Duration::from_secs(1800);

pub(super) struct Phone {
    pub keys: Keys,
    pub viewer: Viewer,
    /// What it was told when it came.
    pub greeting: Vec<FromAgent>,
}

pub(super) fn phone(rig: &mut Rig, seed: u8, scopes: &[Scope]) -> Phone {
    invited(rig, seed, granting(scopes, true))
}

pub(super) fn invited(rig: &mut Rig, seed: u8, invitation: Invitation) -> Phone {
    let keys = Keys::new(seed);
    let link = rig.invitation(invitation);
    let grant = rig.follow(&keys, &link);
    let (viewer, greeting) = rig.greeted(&keys, &grant, ConnId([seed; 16]));
    Phone {
        keys,
        viewer,
        greeting,
    }
}

/// The daemon has written down what has ended.
pub(super) fn record(rig: &mut Rig) {
    let effects: Vec<_> = std::mem::take(&mut rig.effects);
    for effect in effects {
        if let Effect::ApprovalSettled(settled) = effect {
            rig.with(|core, _| core.approval_recorded(&settled));
        }
    }
}

pub(super) fn opened(rig: &mut Rig, phone: &mut Phone, request: ApprovalId) -> Sealed {
    let minted = rig.mint_for(&mut phone.viewer, Wanted::Approve { request });
    let mut stream = rig.open_sealed(phone.viewer.origin, &minted.unwrap());
    rig.send(&mut stream, &ViewerRecord::Opening);
    assert_eq!(rig.records(&mut stream), [AgentRecord::Ready]);
    stream
}

fn signed(rig: &Rig, phone: &Phone, verdict: Verdict) -> Answer {
    let request = rig.core.approvals().next().unwrap();
    Answer::sign(&phone.keys.sign, rig.core.agent(), request.hash(), verdict)
}

pub(super) fn say(rig: &mut Rig, stream: &mut Sealed, answer: &Answer) {
    rig.send(stream, &ViewerRecord::Request(msg::encode(answer).into()));
}

/// The reply, and how the stream ended.
pub(super) fn heard(rig: &mut Rig, stream: &mut Sealed) -> (Option<Settled>, Option<CloseCode>) {
    let mut heard = (None, None);
    for record in rig.records(stream) {
        match record {
            AgentRecord::Reply(json) => heard.0 = Some(msg::decode(&json).unwrap()),
            AgentRecord::End(close) => heard.1 = close.code,
            other => panic!("{other:?}"),
        }
    }
    heard
}

fn shown(told: &[FromAgent]) -> Vec<ApprovalId> {
    let cards = told.iter().filter_map(|message| match message {
        FromAgent::Approval { card } => Some(card.request.id),
        _ => None,
    });
    cards.collect()
}

#[test]
fn whoever_may_answer_sees_what_waits_when_it_comes_and_what_is_asked_later() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    let waits = FromAgent::Approvals {
        waiting: vec![APPROVAL],
    };
    assert!(phone.greeting.contains(&waits));
    assert_eq!(shown(&phone.greeting), [APPROVAL]);
    rig.with(|core, now| core.ask_approval(card(NEXT), LIFE, now).unwrap());
    assert_eq!(shown(&rig.told(&mut phone.viewer)), [NEXT]);
}

#[test]
fn whoever_may_not_answer_is_told_of_nothing_and_given_no_token() {
    let mut rig = Rig::new();
    let scopes = [Scope::View, Scope::Terminal, Scope::Devices];
    let mut other = phone(&mut rig, 3, &scopes);
    let elsewhere = Invitation {
        reach: Reach {
            root: Some("/home/ada/other".to_owned()),
            terminal: None,
        },
        ..granting(&[Scope::Approve], true)
    };
    let mut elsewhere = invited(&mut rig, 4, elsewhere);
    rig.with(|core, now| core.ask_approval(card(NEXT), LIFE, now).unwrap());
    for (phone, refusal) in [
        (&mut other, "not-granted"),
        (&mut elsewhere, "approval-unknown"),
    ] {
        assert!(shown(&phone.greeting).is_empty());
        assert!(shown(&rig.told(&mut phone.viewer)).is_empty());
        for request in [APPROVAL, NEXT, ApprovalId([9; 16])] {
            let minted = rig.mint_for(&mut phone.viewer, Wanted::Approve { request });
            assert_eq!(minted.err().as_deref(), Some(refusal));
        }
    }
}

#[test]
fn what_would_run_outside_of_the_sandbox_is_for_devices_alone_that_are_bounded_by_nothing() {
    let mut rig = Rig::new();
    let rooted = Invitation {
        reach: Reach {
            root: Some("/home/ada".to_owned()),
            terminal: None,
        },
        ..granting(&[Scope::Approve], true)
    };
    let mut rooted = invited(&mut rig, 3, rooted);
    let mut whole = phone(&mut rig, 4, &[Scope::Approve]);
    assert_eq!(shown(&rooted.greeting), [APPROVAL]);
    let mut outside = card(NEXT);
    outside.request.fences = Fences::Outside {};
    rig.with(|core, now| core.ask_approval(outside, LIFE, now).unwrap());
    assert!(shown(&rig.told(&mut rooted.viewer)).is_empty());
    assert_eq!(shown(&rig.told(&mut whole.viewer)), [NEXT]);
}

#[test]
fn an_answer_of_a_device_counts_once_and_nothing_is_said_before_it_is_written_down() {
    let mut rig = Rig::new();
    let mut one = phone(&mut rig, 3, &[Scope::Approve]);
    let mut two = phone(&mut rig, 4, &[Scope::Approve]);
    let (mut first, mut second) = (
        opened(&mut rig, &mut one, APPROVAL),
        opened(&mut rig, &mut two, APPROVAL),
    );
    let (yes, no) = (
        signed(&rig, &one, Verdict::Approved),
        signed(&rig, &two, Verdict::Denied),
    );
    say(&mut rig, &mut first, &yes);
    assert_eq!(heard(&mut rig, &mut first), (None, None));
    record(&mut rig);
    let (settled, end) = heard(&mut rig, &mut first);
    let settled = settled.unwrap();
    assert_eq!(end, Some(CloseCode::Done));
    assert!(settled.end.is_approval() && settled.is_signed(rig.core.agent()));
    assert!(!settled.is_signed(AgentId([0; 16])));
    // Whoever answers after that hears what it was, as all others do.
    let told = rig.told(&mut two.viewer);
    let news = FromAgent::Settled {
        settled: settled.clone(),
    };
    assert!(told.contains(&news), "{told:?}");
    say(&mut rig, &mut second, &no);
    assert_eq!(
        heard(&mut rig, &mut second),
        (Some(settled), Some(CloseCode::Done))
    );
    assert_eq!(rig.core.approvals().count(), 0);
}

#[test]
fn nobody_hears_of_an_answer_before_it_is_written_down_who_was_slow_or_answers_too() {
    let mut rig = Rig::new();
    let mut one = phone(&mut rig, 3, &[Scope::Approve]);
    let mut two = phone(&mut rig, 4, &[Scope::Approve]);
    let (mut first, mut second) = (
        opened(&mut rig, &mut one, APPROVAL),
        opened(&mut rig, &mut two, APPROVAL),
    );
    let (yes, no) = (
        signed(&rig, &one, Verdict::Approved),
        signed(&rig, &two, Verdict::Denied),
    );
    say(&mut rig, &mut first, &yes);
    say(&mut rig, &mut second, &no);
    let stream = two.viewer.stream;
    rig.with(|core, _| {
        let talk = core.talks.get_mut(&stream).unwrap();
        talk.approvals_owed.push_back(APPROVAL);
        core.flush_talk(stream);
    });
    assert!(rig.told(&mut two.viewer).is_empty());
    assert_eq!(heard(&mut rig, &mut second), (None, None));
    record(&mut rig);
    for stream in [&mut first, &mut second] {
        assert!(heard(&mut rig, stream).0.unwrap().end.is_approval());
    }
    assert_eq!(rig.told(&mut two.viewer).len(), 1);
}

#[test]
fn an_answer_that_could_not_be_written_down_is_told_as_none() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    let mut stream = opened(&mut rig, &mut phone, APPROVAL);
    let yes = signed(&rig, &phone, Verdict::Approved);
    say(&mut rig, &mut stream, &yes);
    let undone = rig.with(|core, _| core.undo_approval(APPROVAL).unwrap());
    rig.with(|core, _| core.approval_recorded(&undone));
    let (settled, _) = heard(&mut rig, &mut stream);
    assert_eq!(settled.unwrap().end, End::Withdrawn {});
}

#[test]
fn an_answer_that_this_device_has_not_signed_for_just_this_is_none() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    let mut other = card(NEXT);
    other.request.line.push_str("; evil");
    rig.with(|core, now| core.ask_approval(other, LIFE, now).unwrap());
    let agent = rig.core.agent();
    let hashes: Vec<_> = rig.core.approvals().map(|request| request.hash()).collect();
    let yes = Answer::sign(&phone.keys.sign, agent, hashes[0], Verdict::Approved);
    let of = |seed, agent| Answer::sign(&Keys::new(seed).sign, agent, hashes[0], Verdict::Approved);
    for (answer, refusal) in [
        (of(9, agent), CloseCode::ProofRefused),
        (of(3, AgentId([0; 16])), CloseCode::ProofRefused),
        (
            Answer {
                verdict: Verdict::Denied,
                ..yes
            },
            CloseCode::ProofRefused,
        ),
        (
            Answer {
                signature: b64::Bytes([0; 64]),
                ..yes
            },
            CloseCode::ProofRefused,
        ),
        // Signed as it should be, for another request.
        (
            Answer::sign(&phone.keys.sign, agent, hashes[1], Verdict::Approved),
            CloseCode::BadMessage,
        ),
    ] {
        let mut stream = opened(&mut rig, &mut phone, APPROVAL);
        say(&mut rig, &mut stream, &answer);
        assert_eq!(heard(&mut rig, &mut stream), (None, Some(refusal)));
    }
    assert_eq!(rig.core.approvals().count(), 2);
    let mut stream = opened(&mut rig, &mut phone, APPROVAL);
    say(&mut rig, &mut stream, &yes);
    assert_eq!(rig.core.approvals().count(), 1);
}

#[test]
fn a_device_that_is_ended_between_tap_and_arrival_answers_nothing() {
    for revocation in [
        |keys: &Keys| Revocation::Device { device: keys.id() },
        |keys: &Keys| Revocation::Purpose {
            device: Some(keys.id()),
            purpose: Scope::Approve,
        },
    ] {
        let mut rig = Rig::new();
        let mut phone = phone(&mut rig, 3, &[Scope::Approve, Scope::View]);
        let mut stream = opened(&mut rig, &mut phone, APPROVAL);
        let yes = signed(&rig, &phone, Verdict::Approved);
        let revocation = revocation(&phone.keys);
        rig.with(|core, now| core.revoke(revocation, Who::Machine {}, now).unwrap());
        assert_eq!(
            heard(&mut rig, &mut stream),
            (None, Some(CloseCode::Revoked))
        );
        say(&mut rig, &mut stream, &yes);
        assert_eq!(rig.core.approvals().count(), 1);
    }
}

#[test]
fn an_answer_after_its_time_hears_that_it_is_denied() {
    let mut rig = Rig::new();
    let life = Duration::from_secs(60);
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    rig.with(|core, now| core.ask_approval(card(NEXT), life, now).unwrap());
    let mut stream = opened(&mut rig, &mut phone, NEXT);
    let request = rig.core.approvals().nth(1).unwrap();
    let (agent, hash) = (rig.core.agent(), request.hash());
    rig.pass(life);
    record(&mut rig);
    let yes = Answer::sign(&phone.keys.sign, agent, hash, Verdict::Approved);
    say(&mut rig, &mut stream, &yes);
    let (settled, _) = heard(&mut rig, &mut stream);
    assert_eq!(settled.unwrap().end, End::Expired {});
}

#[test]
fn an_answer_at_the_machine_is_told_to_devices() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    let hash = rig.core.approvals().next().unwrap().hash();
    let at = || By::Machine {};
    rig.with(|core, now| core.answer_approval(APPROVAL, hash, Verdict::Denied, at(), now))
        .unwrap();
    record(&mut rig);
    let told = rig.told(&mut phone.viewer);
    let [FromAgent::Settled { settled }] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!((settled.id, settled.hash), (APPROVAL, hash));
}

#[test]
fn a_viewer_that_does_not_read_is_told_in_the_end_how_all_stands() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    // As much as it takes, and more.
    for number in 10..110 {
        let mut long = card(ApprovalId([number; 16]));
        long.shown = "x".repeat(60_000);
        rig.with(|core, now| core.ask_approval(long, LIFE, now).unwrap());
    }
    let mut seen = Vec::new();
    loop {
        let told = rig.told(&mut phone.viewer);
        if told.is_empty() {
            break;
        }
        seen.extend(shown(&told));
        rig.hear(&Frame::Credit(phone.viewer.stream, 1 << 20));
    }
    assert_eq!(seen.len(), 100);
    assert_eq!(rig.closed(phone.viewer.stream), None);
}
