//! Links go and come back, after seconds or hours: the parts find each other by themselves, and the screen is right. On a manual clock, with the
//! real router and the real cores.
#![allow(missing_docs)]

use lanyard_client::core::{HandleId, InputState, Mode, TerminalEvent};
use lanyard_shared::limits::{LIFE_TERMINAL, PRESENCE};
use lanyard_tests::sim::{Cut, ONE, Side, Sim};
use std::time::Duration;

const HOUR: Duration = Duration::from_secs(3600);

fn snapshots(sim: &Sim, handle: HandleId) -> usize {
    sim.screen(handle)
        .events
        .iter()
        .filter(|event| matches!(event, TerminalEvent::Snapshot { .. }))
        .count()
}

#[test]
fn a_relay_that_was_gone_for_five_hours_is_found_again_and_the_output_of_the_time_is_all_there() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::Drive);
    sim.type_text(handle, "a");
    sim.relay_dies();
    for hour in 0..5 {
        sim.pass(HOUR);
        sim.print(ONE, &format!("hour {hour}\r\n"));
    }
    sim.relay_returns();
    sim.pass(Duration::from_secs(30));
    assert_eq!(sim.screen(handle).seen, sim.program(ONE).output);
    assert_eq!(
        snapshots(&sim, handle),
        1,
        "the old pixels stayed; only the first picture was one"
    );
    sim.type_text(handle, "b");
    sim.pass(Duration::from_secs(1));
    assert_eq!(sim.program(ONE).typed_bytes(), b"ab");
}

#[test]
fn what_fell_out_of_the_ring_comes_back_as_a_snapshot() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::ViewOnly);
    sim.cut(Side::Viewer(0), Cut::Both);
    sim.print(ONE, &"x".repeat(3 * 1024 * 1024));
    sim.pass(Duration::from_secs(20));
    assert_eq!(snapshots(&sim, handle), 2);
    sim.print(ONE, "after");
    assert_eq!(sim.screen(handle).seen, b"after");
}

#[test]
fn either_link_may_go_at_any_time_and_nothing_is_lost_or_typed_twice() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::Drive);
    let mut typed = Vec::new();
    for round in 0..40 {
        sim.type_text(handle, "k");
        typed.push(b'k');
        let side = if round % 2 == 0 {
            Side::Agent
        } else {
            Side::Viewer(0)
        };
        sim.cut(side, Cut::Both);
        sim.print(ONE, "p");
        sim.type_text(handle, "j");
        typed.push(b'j');
        sim.pass(Duration::from_secs(5));
        assert_eq!(sim.program(ONE).typed_bytes(), typed, "round {round}");
        assert_eq!(
            sim.screen(handle).seen,
            sim.program(ONE).output,
            "round {round}"
        );
    }
}

#[test]
fn keys_typed_into_an_outage_of_a_minute_are_given_back_and_not_typed_later() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::Drive);
    sim.type_text(handle, "a");
    sim.relay_dies();
    sim.type_text(handle, "rm important\r");
    sim.pass(Duration::from_secs(60));
    sim.relay_returns();
    sim.pass(Duration::from_secs(60));
    assert_eq!(sim.program(ONE).typed_bytes(), b"a");
    let given_back = sim.screen(handle).events.iter().any(
        |event| matches!(event, TerminalEvent::Unsent { bytes, .. } if bytes == "rm important\r"),
    );
    assert!(given_back, "{:?}", sim.screen(handle).events);
}

#[test]
fn terminal_lapses_at_relay_and_agent_while_view_streams_on_and_the_next_key_goes_through() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::Drive);
    sim.type_text(handle, "a");
    sim.pass(LIFE_TERMINAL + PRESENCE);
    assert!(
        sim.screen(handle)
            .events
            .contains(&TerminalEvent::Input(InputState::Lapsed)),
        "{:?}",
        sim.screen(handle).events
    );
    let interrupted = sim
        .screen(handle)
        .events
        .iter()
        .any(|event| matches!(event, TerminalEvent::Interrupted(_)));
    assert!(!interrupted, "the screen was never interrupted");
    sim.print(ONE, "still streaming");
    assert_eq!(sim.screen(handle).seen, sim.program(ONE).output);
    sim.type_text(handle, "b");
    assert_eq!(sim.program(ONE).typed_bytes(), b"ab");
}

#[test]
fn a_page_that_only_looks_streams_for_a_day_on_renewed_tokens() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::ViewOnly);
    for _ in 0..24 {
        sim.pass(HOUR);
        sim.print(ONE, "tick");
    }
    assert_eq!(sim.screen(handle).seen, sim.program(ONE).output);
    assert!(
        !sim.screen(handle)
            .events
            .iter()
            .any(|event| matches!(event, TerminalEvent::Interrupted(_))),
        "{:?}",
        sim.screen(handle).events
    );
    assert!(
        !sim.screen(handle)
            .events
            .iter()
            .any(|event| matches!(event, TerminalEvent::Input(_))),
        "it holds no token to type"
    );
}

#[test]
fn machines_that_sleep_for_a_night_come_back_by_themselves() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::Drive);
    sim.type_text(handle, "a");
    sim.jump(8 * HOUR);
    sim.pass(Duration::from_secs(60));
    sim.print(ONE, "morning");
    assert_eq!(sim.screen(handle).seen, sim.program(ONE).output);
    sim.type_text(handle, "b");
    sim.pass(Duration::from_secs(1));
    assert_eq!(sim.program(ONE).typed_bytes(), b"ab");
}
