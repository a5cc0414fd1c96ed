//! Watching: what was seen once is not asked for twice, and what did not come sealed is not believed.

use super::peer::Seen;
use super::world::{GRID, HANDLE, World};
use crate::core::Half;
use crate::core::{Mode, TerminalEvent};
use crate::failure::Failure;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Frame;
use lanyard_shared::limits::STREAM_WINDOW;
use lanyard_shared::msg::{Exit, FromAgent};
use lanyard_shared::record::{AgentRecord, OUTPUT_OVERHEAD, ViewerRecord};
use lanyard_shared::time::UnixMs;
use std::time::Duration;

fn interrupted() -> TerminalEvent {
    TerminalEvent::Interrupted(CloseCode::Cut.into())
}

fn opening(have: u64) -> ViewerRecord {
    ViewerRecord::ViewOpening {
        have: Some(have),
        grid: GRID,
    }
}

#[test]
fn a_page_that_only_looks_holds_only_a_view_token() {
    let mut world = World::live();
    world.open(Mode::ViewOnly, None);
    world.type_text("ls\r");
    world.advance(Duration::from_secs(600));
    assert_eq!(
        (world.minted(Half::View), world.minted(Half::Terminal)),
        (1, 0)
    );
}

#[test]
fn after_a_lost_link_output_goes_on_at_the_exact_offset() {
    let mut world = World::attached(Mode::ViewOnly);
    world.output(100, "hello");
    world.terminal_events();
    world.cut_link();
    world.advance(Duration::from_secs(1));
    assert_eq!(
        world.terminal_events(),
        [interrupted(), TerminalEvent::Resumed]
    );
    assert_eq!(world.records(), [opening(105)]);
    world.output(105, " world");
    let bytes = Bytes::from_static(b" world");
    assert_eq!(
        world.terminal_events(),
        [TerminalEvent::Output { offset: 105, bytes }]
    );
}

#[test]
fn a_close_without_a_sealed_end_is_a_cut_whatever_the_relay_calls_it() {
    for code in [
        CloseCode::Done,
        CloseCode::Revoked,
        CloseCode::TerminalGone,
        CloseCode::Lapsed,
    ] {
        let mut world = World::attached(Mode::ViewOnly);
        world.peer.close(Half::View, code);
        world.run();
        assert_eq!(
            world.terminal_events(),
            [interrupted(), TerminalEvent::Resumed],
            "{code:?}"
        );
        assert_eq!(world.records(), [opening(100)]);
    }
}

#[test]
fn a_sealed_end_is_final_when_it_says_so() {
    let mut world = World::attached(Mode::Drive);
    world
        .peer
        .record(Half::View, &AgentRecord::Exit(Exit::Status { code: 3 }));
    world.peer.end(Half::View, CloseCode::TerminalGone);
    world.run();
    let events = world.terminal_events();
    assert_eq!(events[0], TerminalEvent::Exit(Exit::Status { code: 3 }));
    assert_eq!(
        events.last(),
        Some(&TerminalEvent::Ended(CloseCode::TerminalGone.into()))
    );
    world.peer.seen.clear();
    world.advance(Duration::from_secs(60));
    assert_eq!(world.minted(Half::View), 0);
}

#[test]
fn a_lapsed_view_comes_back_by_itself() {
    let mut world = World::attached(Mode::ViewOnly);
    world.peer.end(Half::View, CloseCode::Lapsed);
    world.run();
    assert_eq!(world.records(), [opening(100)]);
}

#[test]
fn a_record_that_does_not_verify_ends_the_stream_and_is_not_retried() {
    let mut world = World::attached(Mode::ViewOnly);
    let record = AgentRecord::Output {
        offset: 100,
        bytes: Bytes::from_static(b"x"),
    };
    let Frame::Data(id, data) = world.peer.sealed(Half::View, &record) else {
        unreachable!()
    };
    let mut forged = data.to_vec();
    forged[0] ^= 1;
    world.peer.reply(Frame::Data(id, forged.into()));
    world.run();
    assert_eq!(
        world.terminal_events(),
        [
            TerminalEvent::Input(crate::core::InputState::Refused(
                CloseCode::SealBroken.into()
            )),
            TerminalEvent::Ended(CloseCode::SealBroken.into())
        ]
    );
    assert!(
        world
            .peer
            .seen
            .contains(&Seen::Closed(id, Some(CloseCode::SealBroken)))
    );
    world.advance(Duration::from_secs(60));
    assert_eq!(world.minted(Half::View), 0);
}

#[test]
fn dropped_output_is_noticed_by_the_seal_and_skipped_output_by_its_offset() {
    let mut world = World::attached(Mode::ViewOnly);
    let first = AgentRecord::Output {
        offset: 100,
        bytes: Bytes::from_static(b"x"),
    };
    drop(world.peer.sealed(Half::View, &first));
    world.output(101, "y");
    assert_eq!(
        world.terminal_events().last(),
        Some(&TerminalEvent::Ended(CloseCode::SealBroken.into()))
    );
    let mut world = World::attached(Mode::ViewOnly);
    world.output(101, "y");
    assert_eq!(
        world.terminal_events().last(),
        Some(&TerminalEvent::Ended(CloseCode::Malformed.into()))
    );
}

#[test]
fn a_relay_that_cuts_every_stream_is_asked_less_and_less_often() {
    let mut world = World::attached(Mode::ViewOnly);
    for _ in 0..200 {
        if world.peer.stream(Half::View).is_some() {
            world.peer.close(Half::View, CloseCode::Done);
        }
        world.advance(Duration::from_millis(100));
    }
    assert!(
        world.minted(Half::View) < 10,
        "{}",
        world.minted(Half::View)
    );
}

#[test]
fn a_machine_that_ends_every_stream_at_once_is_asked_less_and_less_often() {
    let mut world = World::attached(Mode::ViewOnly);
    for _ in 0..200 {
        if world.peer.stream(Half::View).is_some() {
            world.peer.record(Half::View, &AgentRecord::Size(GRID));
            world.peer.end(Half::View, CloseCode::Internal);
        }
        world.advance(Duration::from_millis(100));
    }
    assert!(
        world.minted(Half::View) < 10,
        "{}",
        world.minted(Half::View)
    );
}

#[test]
fn a_machine_that_comes_and_goes_is_never_made_to_wait_for_its_earlier_absences() {
    let mut world = World::attached(Mode::ViewOnly);
    for _ in 0..20 {
        world.peer.close(Half::View, CloseCode::AgentGone);
        world.run();
        world.cut_link();
        world.advance(Duration::from_secs(1));
        assert!(world.peer.stream(Half::View).is_some());
    }
}

#[test]
fn credit_is_given_for_what_was_consumed_and_for_nothing_else() {
    let mut world = World::attached(Mode::ViewOnly);
    let piece = "0123456789abcdef0123456789abcdef".repeat(1024).leak();
    let payload = u32::try_from(piece.len() + OUTPUT_OVERHEAD).unwrap();
    let mut offset = 100;
    for _ in 0..8 {
        world.output(offset, piece);
        offset += piece.len() as u64;
    }
    let granted = |world: &World| -> u32 {
        world
            .peer
            .seen
            .iter()
            .filter_map(|seen| {
                if let Seen::Credit(_, n) = seen {
                    Some(*n)
                } else {
                    None
                }
            })
            .sum()
    };
    // The session stream has given back what its own messages took, in the set-up before.
    assert_eq!(granted(&world), 0);
    for _ in 0..4 {
        world.viewer.consumed(HANDLE, payload);
    }
    world.run();
    let given = granted(&world);
    assert!(
        given > 4 * payload - STREAM_WINDOW / 8 && given <= 4 * payload + 64,
        "{given}"
    );
    // The next stream may bring only what still fits beside what waits.
    world.cut_link();
    world.peer.seen.clear();
    world.advance(Duration::from_secs(1));
    let opened = world.peer.seen.iter().find_map(|seen| match seen {
        Seen::Opened(_, Half::View, credit) => Some(*credit),
        Seen::Said(_)
        | Seen::Opened(..)
        | Seen::Record(..)
        | Seen::Credit(..)
        | Seen::Closed(..) => None,
    });
    assert_eq!(opened, Some(STREAM_WINDOW - 4 * payload));
}

#[test]
fn a_refused_view_says_why_and_a_busy_machine_is_asked_again() {
    let mut world = World::live();
    world.peer.refuses_mints = Some((Half::View, CloseCode::TerminalGone));
    world.open(Mode::ViewOnly, None);
    assert_eq!(
        world.terminal_events().last(),
        Some(&TerminalEvent::Ended(CloseCode::TerminalGone.into()))
    );
    let mut world = World::live();
    world.peer.refuses_mints = Some((Half::View, CloseCode::Busy));
    world.open(Mode::ViewOnly, None);
    let busy = Failure::from(&lanyard_shared::msg::Reason::from(CloseCode::Busy));
    assert_eq!(world.terminal_events(), [TerminalEvent::Interrupted(busy)]);
    world.peer.refuses_mints = None;
    world.advance(Duration::from_secs(1));
    assert_eq!(world.terminal_events(), [TerminalEvent::Resumed]);
}

#[test]
fn renewals_are_told_and_an_end_without_room_on_its_stream_is_heard_in_the_session() {
    let mut world = World::attached(Mode::ViewOnly);
    let jti = world.peer.jti(Half::View);
    world.peer.say(&FromAgent::Lease {
        jti,
        expires: UnixMs(9),
    });
    world.peer.say(&FromAgent::Ended {
        jti,
        reason: CloseCode::Revoked.into(),
    });
    world.run();
    let events = world.terminal_events();
    assert_eq!(
        events[0],
        TerminalEvent::Renewed {
            purpose: Half::View,
            expires: UnixMs(9)
        }
    );
    assert_eq!(
        events.last(),
        Some(&TerminalEvent::Ended(CloseCode::Revoked.into()))
    );
}
