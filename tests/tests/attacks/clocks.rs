//! Clocks that are set back and machines that sleep across an expiry, with everything real but the sockets, on virtual time.

use lanyard_client::core::{Mode, State};
use lanyard_shared::limits::{CLOCK_REFUSE, INPUT_RESEND, LIFE_TERMINAL, LIFE_VIEW};
use lanyard_tests::sim::{Cut, ONE, Side, Sim};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const NIGHT: Duration = Duration::from_secs(8 * 3600);

/// Milliseconds.
const BACK: i64 = 570_000;
const _: () = assert!(
    BACK < CLOCK_REFUSE.as_millis() as i64 && BACK > LIFE_TERMINAL.as_millis() as i64,
    "it revives a token, and the relay does not mind"
);

fn typed(sim: &Sim) -> String {
    String::from_utf8_lossy(&sim.program(ONE).typed_bytes()).into_owned()
}

/// The agent takes its wall clock anew when it dials.
fn redial(sim: &mut Sim) {
    sim.cut(Side::Agent, Cut::Both);
    sim.pass(MINUTE);
}

#[test]
fn a_clock_set_back_past_an_expiry_types_and_mints_nothing_until_it_is_right_again() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::Drive);
    sim.type_text(handle, "a");
    sim.pass(LIFE_VIEW);
    assert_eq!(typed(&sim), "a");
    // Just little enough for the relay to go on, and longer than a token to type lives.
    sim.agent.wall = -BACK;
    redial(&mut sim);
    sim.type_text(handle, "b");
    sim.pass(MINUTE / 2);
    assert_eq!(typed(&sim), "a");
    assert!(!matches!(sim.viewers[0].core.state(), State::Live));
    // The honest twin: the same steps at the right time. What was typed in vain is offered to the person and not sent.
    sim.agent.wall = 0;
    redial(&mut sim);
    sim.pass(3 * MINUTE);
    sim.type_text(handle, "c");
    sim.pass(MINUTE);
    assert_eq!(typed(&sim), "ac");
    assert!(matches!(sim.viewers[0].core.state(), State::Live));
}

#[test]
fn whoever_sleeps_across_every_expiry_comes_back_by_new_tokens_and_types_once() {
    // All machines at once, the agent's alone, the viewer's alone.
    let nights: [fn(&mut Sim); 3] = [
        |sim| sim.jump(NIGHT),
        |sim| {
            sim.sleep(Side::Agent, 8 * 3_600_000);
            sim.pass(NIGHT);
        },
        |sim| {
            sim.sleep(Side::Viewer(0), 8 * 3_600_000);
            sim.pass(NIGHT);
        },
    ];
    for night in nights {
        let mut sim = Sim::new();
        let handle = sim.open(0, ONE, Mode::Drive);
        sim.type_text(handle, "a");
        sim.print(ONE, "evening");
        night(&mut sim);
        sim.pass(MINUTE);
        sim.print(ONE, "morning");
        sim.type_text(handle, "b");
        sim.pass(MINUTE);
        assert_eq!(typed(&sim), "ab");
        let seen = String::from_utf8_lossy(&sim.screen(handle).seen).into_owned();
        assert!(seen.contains("morning"), "{seen}");
    }
}

#[test]
fn input_that_was_typed_before_a_night_is_not_applied_in_the_morning() {
    let mut sim = Sim::new();
    let handle = sim.open(0, ONE, Mode::Drive);
    sim.type_text(handle, "a");
    // The key reaches nobody before the machine sleeps.
    sim.sleep(Side::Agent, 8 * 3_600_000);
    sim.type_text(handle, "b");
    sim.pass(INPUT_RESEND + NIGHT);
    sim.pass(MINUTE);
    let before = typed(&sim);
    sim.type_text(handle, "c");
    sim.pass(MINUTE);
    assert_eq!(typed(&sim), format!("{before}c"));
    assert!(before == "a", "{before}");
}
