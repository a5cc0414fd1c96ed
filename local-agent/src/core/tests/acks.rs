//! When a viewer hears that its input was applied.

use super::rig::{Keys, Rig, Sealed, TERMINAL, WRITER, key};
use super::{BOTH, CONN};
use crate::core::Effect;
use lanyard_shared::frame::Frame;
use lanyard_shared::record::AgentRecord;
use std::time::Duration;

#[test]
fn what_was_applied_before_a_stream_was_opened_is_told_in_the_answer_to_its_opening_and_not_before()
{
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let mut typist = rig.opens_typing(&mut viewer, WRITER);
    rig.with(|core, now| core.applied(TERMINAL, WRITER, 7, now.mono));
    rig.pass(Duration::from_millis(10));
    assert_eq!(rig.records(&mut typist), []);
    rig.with(|core, now| core.last_input(TERMINAL, WRITER, 7, now));
    let opened = AgentRecord::Opened {
        last: 7,
        driver: true,
    };
    assert_eq!(rig.records(&mut typist).first(), Some(&opened));
}

/// A view and a typist, and one key that the holder has applied.
fn typed() -> (Rig, Sealed, Sealed) {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let view = rig.view(&mut viewer);
    let mut typist = rig.typist(&mut viewer);
    rig.records(&mut typist);
    rig.send(&mut typist, &key(1, "x"));
    assert!(
        rig.effects
            .iter()
            .any(|e| matches!(e, Effect::Type { seq: 1, .. }))
    );
    rig.with(|core, now| core.applied(TERMINAL, WRITER, 1, now.mono));
    (rig, view, typist)
}

#[test]
fn an_acknowledgement_travels_behind_the_echo() {
    let (mut rig, view, mut typist) = typed();
    rig.said.clear();
    rig.output(&view, 0, "x");
    let order: Vec<_> = rig
        .said
        .iter()
        .filter_map(|frame| match frame {
            Frame::Data(stream, _) => Some(*stream),
            _ => None,
        })
        .collect();
    assert_eq!(order, [view.stream, typist.stream]);
    assert_eq!(rig.records(&mut typist), [AgentRecord::Applied(1)]);
    let next = rig.core.poll_timeout(rig.now).unwrap();
    assert!(
        next.since(rig.now.mono) > Duration::from_millis(100),
        "nobody is woken for what has been said"
    );
}

#[test]
fn an_acknowledgement_that_nothing_takes_along_comes_by_itself_at_once_for_a_person() {
    let (mut rig, _, mut typist) = typed();
    assert_eq!(rig.records(&mut typist), []);
    rig.pass(Duration::from_millis(10));
    assert_eq!(rig.records(&mut typist), [AgentRecord::Applied(1)]);
}
