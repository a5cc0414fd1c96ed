//! Modes, and rules that stand for a time or for good: who may choose them, and when they are over.

use super::approving::{Phone, heard, opened, phone, record, say};
use super::rig::{APPROVAL, Rig};
use crate::audit::{Event, Who};
use crate::core::Effect;
use lanyard_shared::approval::{Answer, End, Fences, Holds, Mode, Said, Verdict};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::ApprovalId;
use lanyard_shared::msg::{FromAgent, Scope, ToAgent};
use std::time::Duration;

const WORKSPACE: &str = "/home/ada/work";
const PLAIN: Fences = Fences::Workspace {
    network: false,
    repository: false,
};
const FIFTEEN: Holds = Holds::Time { minutes: 15 };
const ALWAYS: Holds = Holds::Always {};
const SCOPES: &[Scope] = &[Scope::Approve, Scope::Devices];

/// Says yes to what waits, for so long; returns how the stream of it ended.
fn approve(rig: &mut Rig, phone: &mut Phone, holds: Holds) -> Option<CloseCode> {
    let mut stream = opened(rig, phone, APPROVAL);
    let request = rig.core.approvals().next().unwrap();
    let verdict = Verdict::Approved;
    let said = Said { verdict, holds };
    let answer = Answer::sign(&phone.keys.sign, rig.core.agent(), request.hash(), said);
    say(rig, &mut stream, &answer);
    record(rig);
    heard(rig, &mut stream).1
}

/// What a phone is told of modes and rules, in order.
fn told(rig: &mut Rig, phone: &mut Phone) -> Vec<(Option<Mode>, usize)> {
    let told = rig.told(&mut phone.viewer);
    told.into_iter()
        .filter_map(|message| match message {
            FromAgent::Permissions { mode, granted } => Some((mode, granted.len())),
            _ => None,
        })
        .collect()
}

fn choose(rig: &mut Rig, phone: &mut Phone, mode: Option<Mode>) -> Result<(), String> {
    let answers = rig.ask(&mut phone.viewer, &ToAgent::SetMode { req: 5, mode });
    answered(&answers)
}

fn answered(answers: &[FromAgent]) -> Result<(), String> {
    answers
        .iter()
        .find_map(|message| match message {
            FromAgent::Done { .. } => Some(Ok(())),
            FromAgent::Refused { reason, .. } => Some(Err(reason.code.clone())),
            _ => None,
        })
        .unwrap()
}

#[test]
fn rules_that_a_person_lets_stand_count_in_their_workspace_until_their_time_is_over() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    assert_eq!(
        approve(&mut rig, &mut phone, FIFTEEN),
        Some(CloseCode::Done)
    );
    assert_eq!(told(&mut rig, &mut phone), [(None, 1)]);
    let until = rig.core.granted()[0].until;
    let rules = vec![("Bash(make)".to_owned(), until)];
    assert_eq!(rig.core.present(WORKSPACE, PLAIN).rules, rules);
    assert!(rig.core.present("/home/ada", PLAIN).rules.is_empty());
    // Nor for what would be let do more than that was.
    let network = Fences::Workspace {
        network: true,
        repository: false,
    };
    for more in [network, Fences::Outside {}] {
        assert!(rig.core.present(WORKSPACE, more).rules.is_empty());
    }
    rig.pass(Duration::from_secs(15 * 60 - 10));
    assert_eq!(rig.core.granted().len(), 1);
    rig.pass(Duration::from_secs(20));
    assert!(rig.core.granted().is_empty());
}

#[test]
fn nothing_stands_before_the_answer_is_on_the_disk() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    let mut stream = opened(&mut rig, &mut phone, APPROVAL);
    let hash = rig.core.approvals().next().unwrap().hash();
    let said = Said {
        verdict: Verdict::Approved,
        holds: FIFTEEN,
    };
    let answer = Answer::sign(&phone.keys.sign, rig.core.agent(), hash, said);
    say(&mut rig, &mut stream, &answer);
    assert!(rig.core.granted().is_empty());
    // It could not be written down.
    rig.with(|core, _| core.undo_approval(APPROVAL).unwrap());
    rig.effects.clear();
    record(&mut rig);
    assert!(rig.core.granted().is_empty());
}

#[test]
fn an_answer_that_is_repeated_lets_nothing_stand_twice() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, &[Scope::Approve]);
    approve(&mut rig, &mut phone, FIFTEEN);
    let settled = rig.core.settled_approval(APPROVAL).unwrap();
    rig.with(|core, _| core.approval_recorded(&settled));
    assert_eq!(rig.core.granted().len(), 1);
}

#[test]
fn to_save_a_rule_takes_what_it_takes_to_give_access() {
    for (scopes, saves) in [(&[Scope::Approve][..], false), (SCOPES, true)] {
        let mut rig = Rig::new();
        let mut phone = phone(&mut rig, 3, scopes);
        let ended = approve(&mut rig, &mut phone, ALWAYS);
        let saved = rig.effects.iter().any(|effect| {
            matches!(effect, Effect::SaveRules { rules, workspace, .. } if rules == &["Bash(make)"] && workspace == WORKSPACE)
        });
        assert_eq!(saved, saves);
        let code = if saves {
            CloseCode::Done
        } else {
            CloseCode::NotGranted
        };
        assert_eq!(ended, Some(code));
        // Who may not save it has not answered either.
        assert_eq!(rig.core.approvals().count(), usize::from(!saves));
    }
}

#[test]
fn a_rule_that_was_not_offered_cannot_be_let_stand() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, SCOPES);
    let other = ApprovalId([77; 16]);
    rig.with(|core, now| {
        core.withdraw_approval(APPROVAL, now);
        let mut card = super::rig::card(other);
        card.request.rules.clear();
        core.ask_approval(card, Duration::from_secs(60), now)
            .unwrap();
    });
    for holds in [FIFTEEN, ALWAYS] {
        let mut stream = opened(&mut rig, &mut phone, other);
        let hash = rig.core.approvals().next().unwrap().hash();
        let verdict = Verdict::Approved;
        let said = Said { verdict, holds };
        let answer = Answer::sign(&phone.keys.sign, rig.core.agent(), hash, said);
        say(&mut rig, &mut stream, &answer);
        assert_eq!(heard(&mut rig, &mut stream).1, Some(CloseCode::BadMessage));
    }
    assert_eq!(rig.core.approvals().count(), 1);
}

#[test]
fn whoever_may_answer_ends_what_stands_with_one_tap() {
    let mut rig = Rig::new();
    let (mut one, mut two) = (
        phone(&mut rig, 3, &[Scope::Approve]),
        phone(&mut rig, 4, &[Scope::Approve]),
    );
    let mut watcher = phone(&mut rig, 5, &[Scope::View]);
    approve(&mut rig, &mut one, FIFTEEN);
    let id = APPROVAL;
    let end = ToAgent::EndGranted { req: 5, id };
    let refused = rig.ask(&mut watcher.viewer, &end);
    assert_eq!(answered(&refused), Err("not-granted".to_owned()));
    assert_eq!(answered(&rig.ask(&mut two.viewer, &end)), Ok(()));
    assert!(rig.core.granted().is_empty());
    assert_eq!(told(&mut rig, &mut one), [(None, 1), (None, 0)]);
    let again = rig.ask(&mut two.viewer, &end);
    assert_eq!(answered(&again), Err("approval-unknown".to_owned()));
    let recorded = |effect: &Effect| matches!(effect, Effect::Record(event) if matches!(&**event, Event::GrantEnded { by: Who::Device { device, .. }, .. } if *device == two.keys.id()));
    assert!(rig.effects.iter().any(recorded));
}

#[test]
fn another_mode_ends_what_waits_and_everybody_hears_of_it() {
    let mut rig = Rig::new();
    let mut phone = phone(&mut rig, 3, SCOPES);
    let hash = rig.core.approvals().next().unwrap().hash();
    assert_eq!(
        choose(&mut rig, &mut phone, Some(Mode::AcceptEdits)),
        Ok(())
    );
    assert_eq!(rig.core.mode(), Some(Mode::AcceptEdits));
    assert_eq!(rig.core.approvals().count(), 0);
    let by = lanyard_shared::approval::By::Machine {};
    let late =
        rig.with(|core, now| core.answer_approval(APPROVAL, hash, Verdict::Approved, by, now));
    assert_eq!(late.unwrap().end, End::Overtaken {});
    // The same again changes nothing.
    rig.with(|core, now| core.set_mode(Some(Mode::AcceptEdits), Who::Machine {}, now));
    let chosen = |effect: &&Effect| matches!(effect, Effect::Record(event) if matches!(**event, Event::ModeChosen { .. }));
    assert_eq!(rig.effects.iter().filter(chosen).count(), 1);
}

#[test]
fn to_allow_more_takes_more_than_to_allow_less() {
    let mut rig = Rig::new();
    let mut answers = phone(&mut rig, 3, &[Scope::Approve]);
    let mut views = phone(&mut rig, 4, &[Scope::View]);
    let refused = Err("not-granted".to_owned());
    for mode in [Some(Mode::AcceptEdits), Some(Mode::Ask), None] {
        assert_eq!(choose(&mut rig, &mut answers, mode), refused);
    }
    assert_eq!(choose(&mut rig, &mut views, Some(Mode::Plan)), refused);
    assert_eq!(choose(&mut rig, &mut answers, Some(Mode::Plan)), Ok(()));
    assert_eq!(rig.core.mode(), Some(Mode::Plan));
}
