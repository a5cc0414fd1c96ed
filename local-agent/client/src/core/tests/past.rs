//! Terminals that have ended: asked for page by page, played once, forgotten once.

use super::peer::Seen;
use super::world::{GRID, TERMINAL, World};
use crate::core::{Answer, Event, Half, Mode, PastPage, TerminalEvent};
use crate::failure::Failure;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::msg::{Exit, FromAgent, PastPlace, PastTerminal, ToAgent};
use lanyard_shared::record::AgentRecord;
use lanyard_shared::time::UnixMs;
use std::time::Duration;

fn past() -> PastTerminal {
    PastTerminal {
        id: TERMINAL,
        name: "build".to_owned(),
        cwd: "/".to_owned(),
        started: UnixMs(1),
        ended: UnixMs(2),
        exit: None,
        grid: GRID,
        kept: 3,
        dropped: 0,
    }
}

fn answer(world: &mut World, req: u32) -> Option<Result<Answer, Failure>> {
    world.events().into_iter().find_map(|event| {
        if let Event::Answered(of, answer) = event {
            (of == req).then_some(answer)
        } else {
            None
        }
    })
}

#[test]
fn the_history_is_asked_for_again_after_a_lost_link_and_goes_on_where_a_page_ended() {
    let mut world = World::live();
    let after = Some(PastPlace {
        ended: UnixMs(9),
        id: TERMINAL,
    });
    let req = world.viewer.history(after, world.both());
    world.run();
    world.cut_link();
    world.advance(Duration::from_secs(1));
    let asked = |seen: &&Seen| **seen == Seen::Said(ToAgent::History { req, after });
    assert_eq!(world.peer.seen.iter().filter(asked).count(), 2);
    world.events();
    world.peer.say(&FromAgent::History {
        req,
        past: vec![past()],
        more: true,
    });
    world.run();
    let next = Some(PastPlace {
        ended: UnixMs(2),
        id: TERMINAL,
    });
    let page = PastPage {
        past: vec![past()],
        next,
    };
    assert_eq!(answer(&mut world, req), Some(Ok(Answer::History(page))));
}

#[test]
fn a_machine_that_promises_more_after_nothing_is_not_asked_without_end() {
    let mut world = World::live();
    let req = world.viewer.history(None, world.both());
    world.run();
    world.peer.say(&FromAgent::History {
        req,
        past: vec![],
        more: true,
    });
    world.run();
    let trouble = Event::Trouble(CloseCode::BadMessage.into());
    assert!(world.events().contains(&trouble));
}

#[test]
fn what_was_forgotten_before_the_link_was_lost_is_forgotten() {
    let mut world = World::live();
    let req = world.viewer.forget_past(TERMINAL, world.both());
    world.run();
    world.cut_link();
    world.advance(Duration::from_secs(1));
    world.peer.say(&FromAgent::Refused {
        req,
        reason: CloseCode::TerminalGone.into(),
    });
    world.run();
    assert_eq!(answer(&mut world, req), Some(Ok(Answer::Done)));
}

#[test]
fn what_is_played_comes_with_its_times_and_is_not_played_again_at_its_end() {
    let mut world = World::live();
    world.open(Mode::ViewOnly, None);
    let bytes = Bytes::from_static(b"abc");
    for record in [
        AgentRecord::Size(GRID),
        AgentRecord::At(20),
        // The first bytes were dropped, and later ones were never kept.
        AgentRecord::Output {
            offset: 7,
            bytes: bytes.clone(),
        },
        AgentRecord::At(40),
        AgentRecord::Output {
            offset: 100,
            bytes: bytes.clone(),
        },
        AgentRecord::Exit(Exit::Status { code: 1 }),
    ] {
        world.peer.record(Half::View, &record);
    }
    world.peer.end(Half::View, CloseCode::Done);
    world.run();
    let output = |offset| TerminalEvent::Output {
        offset,
        bytes: bytes.clone(),
    };
    let mut events = world.terminal_events();
    events.retain(|event| !matches!(event, TerminalEvent::Input(_)));
    let from = events
        .iter()
        .position(|event| *event == TerminalEvent::Size(GRID))
        .unwrap();
    assert_eq!(
        events[from..],
        [
            TerminalEvent::Size(GRID),
            TerminalEvent::At(Duration::from_millis(20)),
            output(7),
            TerminalEvent::At(Duration::from_millis(40)),
            output(100),
            TerminalEvent::Exit(Exit::Status { code: 1 }),
            TerminalEvent::Ended(CloseCode::Done.into()),
        ]
    );
    world.peer.seen.clear();
    world.advance(Duration::from_secs(60));
    assert_eq!(world.minted(Half::View), 0);
}
