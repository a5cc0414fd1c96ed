//! Typing: applied once or given back, whatever happens on the way.

use super::world::{GRID, HANDLE, World};
use crate::core::Half;
use crate::core::{InputState, Mode, TerminalEvent, Unsent};
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::WriterId;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use std::time::Duration;

fn input(seq: u64, text: &'static str) -> ViewerRecord {
    ViewerRecord::Input {
        seq,
        bytes: Bytes::from_static(text.as_bytes()),
    }
}

fn opening(take_over: bool) -> ViewerRecord {
    ViewerRecord::TerminalOpening {
        writer: WriterId([4; 16]),
        grid: GRID,
        take_over,
    }
}

fn unsent(text: &'static str, why: Unsent) -> TerminalEvent {
    TerminalEvent::Unsent {
        bytes: Bytes::from_static(text.as_bytes()),
        why,
    }
}

fn opened(world: &mut World, last: u64, driver: bool) {
    world
        .peer
        .record(Half::Terminal, &AgentRecord::Opened { last, driver });
    world.run();
}

fn applied(world: &mut World, seq: u64) {
    world
        .peer
        .record(Half::Terminal, &AgentRecord::Applied(seq));
    world.run();
}

#[test]
fn keys_are_numbered_from_one_and_not_repeated_once_applied() {
    let mut world = World::attached(Mode::Drive);
    world.type_text("a");
    world.type_text("b");
    assert_eq!(world.records(), [input(1, "a"), input(2, "b")]);
    applied(&mut world, 2);
    assert_eq!(world.viewer.unapplied(HANDLE), 0);
    world.cut_link();
    world.advance(Duration::from_secs(1));
    opened(&mut world, 2, true);
    world.type_text("c");
    let records = world.records();
    assert_eq!(
        &records[records.len() - 2..],
        [opening(false), input(3, "c")]
    );
}

#[test]
fn an_unacknowledged_key_is_sent_once_more_under_its_number() {
    let mut world = World::attached(Mode::Drive);
    world.type_text("a");
    world.type_text("b");
    world.cut_link();
    world.advance(Duration::from_secs(2));
    world.records();
    opened(&mut world, 1, true);
    assert_eq!(world.records(), [input(2, "b")]);
    applied(&mut world, 2);
    world.advance(Duration::from_secs(30));
    assert_eq!(world.records(), []);
    assert!(
        !world
            .terminal_events()
            .iter()
            .any(|event| matches!(event, TerminalEvent::Unsent { .. }))
    );
}

#[test]
fn after_ten_seconds_a_key_is_offered_to_the_person_and_not_sent() {
    let mut world = World::attached(Mode::Drive);
    world.type_text("rm x\r");
    world.reachable = false;
    world.cut_link();
    world.advance(Duration::from_secs(11));
    world.reachable = true;
    world.advance(Duration::from_secs(20));
    world.records();
    world.terminal_events();
    opened(&mut world, 0, true);
    assert_eq!(world.records(), []);
    assert_eq!(world.terminal_events()[0], unsent("rm x\r", Unsent::TooOld));
}

#[test]
fn a_key_that_was_applied_before_the_cut_is_never_offered_again() {
    let mut world = World::attached(Mode::Drive);
    world.type_text("rm x\r");
    world.reachable = false;
    world.cut_link();
    world.advance(Duration::from_secs(60));
    world.reachable = true;
    world.advance(Duration::from_secs(20));
    opened(&mut world, 1, true);
    assert!(
        !world
            .terminal_events()
            .iter()
            .any(|event| matches!(event, TerminalEvent::Unsent { .. }))
    );
}

#[test]
fn a_key_typed_without_a_stream_comes_back_after_ten_seconds() {
    let mut world = World::attached(Mode::Drive);
    world.reachable = false;
    world.cut_link();
    world.type_text("a");
    world.terminal_events();
    world.advance(Duration::from_secs(9));
    assert_eq!(world.terminal_events(), []);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.terminal_events(), [unsent("a", Unsent::TooOld)]);
}

#[test]
fn after_a_lapse_the_next_key_asks_for_a_token_and_is_applied() {
    let mut world = World::attached(Mode::Drive);
    world.peer.end(Half::Terminal, CloseCode::Lapsed);
    world.run();
    assert_eq!(
        world.terminal_events(),
        [TerminalEvent::Input(InputState::Lapsed)]
    );
    world.advance(Duration::from_secs(600));
    assert_eq!(world.minted(Half::Terminal), 0);
    world.records();
    world.type_text("x");
    assert_eq!(world.minted(Half::Terminal), 1);
    opened(&mut world, 0, true);
    assert_eq!(world.records(), [opening(false), input(1, "x")]);
    assert_eq!(
        world.terminal_events(),
        [TerminalEvent::Input(InputState::Driving)]
    );
}

#[test]
fn a_key_on_its_way_while_the_token_lapses_is_applied_under_the_next() {
    let mut world = World::attached(Mode::Drive);
    world.type_text("x");
    world.peer.close(Half::Terminal, CloseCode::Lapsed);
    world.run();
    world.records();
    opened(&mut world, 0, true);
    assert_eq!(world.records(), [input(1, "x")]);
}

#[test]
fn when_another_viewer_takes_over_keys_come_back_and_taking_over_drives_again() {
    let mut world = World::attached(Mode::Drive);
    world
        .peer
        .record(Half::Terminal, &AgentRecord::Driver(false));
    world.run();
    assert_eq!(
        world.terminal_events(),
        [TerminalEvent::Input(InputState::Watching)]
    );
    world.type_text("a");
    assert_eq!(world.terminal_events(), [unsent("a", Unsent::NotDriving)]);
    assert_eq!(world.records(), []);
    world.viewer.take_over(HANDLE, world.both());
    world.run();
    assert_eq!(world.records(), [ViewerRecord::TakeOver]);
    world
        .peer
        .record(Half::Terminal, &AgentRecord::Driver(true));
    world.run();
    world.type_text("b");
    assert_eq!(world.records(), [input(1, "b")]);
}

#[test]
fn keys_in_doubt_at_a_take_over_are_settled_by_a_new_opening() {
    let mut world = World::attached(Mode::Drive);
    world.type_text("a");
    world.type_text("b");
    world
        .peer
        .record(Half::Terminal, &AgentRecord::Driver(false));
    world.run();
    opened(&mut world, 1, false);
    let records = world.records();
    assert_eq!(records.last(), Some(&opening(false)));
    assert!(
        world
            .terminal_events()
            .contains(&unsent("b", Unsent::NotDriving))
    );
    world.viewer.take_over(HANDLE, world.both());
    world
        .peer
        .record(Half::Terminal, &AgentRecord::Driver(true));
    world.run();
    world.type_text("c");
    assert_eq!(world.records().last(), Some(&input(2, "c")));
}

#[test]
fn a_device_that_may_only_watch_hears_so_and_goes_on_watching() {
    let mut world = World::live();
    world.peer.refuses_mints = Some((Half::Terminal, CloseCode::NotGranted));
    world.open(Mode::Drive, None);
    let refused = InputState::Refused(CloseCode::NotGranted.into());
    assert_eq!(world.terminal_events(), [TerminalEvent::Input(refused)]);
    world.type_text("a");
    assert_eq!(world.terminal_events(), [unsent("a", Unsent::Refused)]);
    world.peer.record(
        Half::View,
        &AgentRecord::Snapshot {
            offset: 0,
            grid: GRID,
            total: 0,
        },
    );
    world.run();
    assert_eq!(world.terminal_events().len(), 1);
}

#[test]
fn a_paste_waits_for_credit_and_arrives_in_order() {
    let mut world = World::attached(Mode::Drive);
    let paste: &'static str = "0123456789".repeat(10_000).leak();
    world.type_text(paste);
    let mut got = Vec::new();
    let mut seq = 0;
    while got.len() < paste.len() {
        let mut paid = 0;
        for record in world.records() {
            let ViewerRecord::Input { seq: number, bytes } = record else {
                panic!("{record:?}")
            };
            assert_eq!(number, seq + 1);
            seq = number;
            paid += u32::try_from(bytes.len() + 25).unwrap();
            got.extend_from_slice(&bytes);
        }
        assert!(paid > 0 && paid <= 64 * 1024);
        let stream = world.peer.stream(Half::Terminal).unwrap();
        world
            .peer
            .reply(lanyard_shared::frame::Frame::Credit(stream, paid));
        applied(&mut world, seq);
    }
    assert_eq!(got, paste.as_bytes());
}

#[test]
fn only_the_last_of_many_sizes_waits_for_the_stream() {
    let mut world = World::attached(Mode::Drive);
    let grid = Grid {
        cols: 100,
        rows: 30,
    };
    world.viewer.resize(HANDLE, grid, world.both());
    world.run();
    assert_eq!(world.records(), [ViewerRecord::Resize(grid)]);
    world.viewer.resize(HANDLE, grid, world.both());
    world.run();
    assert_eq!(world.records(), []);
}

#[test]
fn a_size_that_came_while_the_opening_was_on_its_way_follows_it() {
    let mut world = World::attached(Mode::Drive);
    world.cut_link();
    world.advance(Duration::from_secs(1));
    assert_eq!(world.records().last(), Some(&opening(false)));
    let wide = Grid {
        cols: 101,
        rows: 33,
    };
    let now = world.both();
    world.viewer.resize(HANDLE, wide, now);
    world.run();
    assert_eq!(world.records(), []);
    opened(&mut world, 0, true);
    assert_eq!(world.records(), [ViewerRecord::Resize(wide)]);
}
