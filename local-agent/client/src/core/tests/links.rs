//! Links and sessions: they come back by themselves, and requests outlive them.

use super::peer::Seen;
use super::world::{GRID, TERMINAL, World, terminal};
use crate::core::{Answer, Event, Half, Mode, News, State, TerminalEvent};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame};
use lanyard_shared::limits::{DOUBT_TIME, HEARTBEAT, PROBE_TIME, SESSION_SILENCE, STREAM_TIME};
use lanyard_shared::msg::{FromAgent, ToAgent};
use lanyard_shared::record::AgentRecord;
use lanyard_shared::time::{Now, UnixMs};
use std::time::Duration;

fn created(world: &World) -> Vec<(u32, [u8; 16])> {
    let wish = |seen: &Seen| match seen {
        Seen::Said(ToAgent::Create { req, key, .. }) => Some((*req, key.0)),
        Seen::Said(_)
        | Seen::Opened(..)
        | Seen::Record(..)
        | Seen::Credit(..)
        | Seen::Closed(..) => None,
    };
    world.peer.seen.iter().filter_map(wish).collect()
}

#[test]
fn what_is_wanted_is_asked_behind_the_hello_and_does_not_wait_for_the_welcome() {
    let mut world = World::new();
    world.peer.keeps_welcome = true;
    world.open(Mode::ViewOnly, None);
    world
        .viewer
        .create([1; 16], "work".to_owned(), GRID, world.both());
    world.run();
    assert_eq!(created(&world).len(), 1);
    assert_eq!(world.minted(Half::View), 1);
    assert_eq!(world.viewer.state(), &State::Connecting);
}

#[test]
fn a_machine_that_speaks_other_versions_too_gets_its_handshake_behind_the_accept() {
    let mut world = World::new();
    world.peer.versions = vec![1, 2];
    world.run();
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn an_outage_of_any_length_ends_without_a_person() {
    let mut world = World::live();
    world.reachable = false;
    world.cut_link();
    world.advance(Duration::from_secs(6000));
    assert_eq!(world.viewer.state(), &State::Connecting);
    world.reachable = true;
    world.advance(Duration::from_secs(16));
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn a_relay_that_says_when_to_come_back_is_not_dialled_before() {
    let mut world = World::live();
    let told = Duration::from_secs(30);
    let close = Close::again_in(CloseCode::GoingAway, told);
    world.peer.reply(Frame::Close(0, close));
    world.run();
    assert_eq!(world.viewer.state(), &State::Connecting);
    world.advance(told);
    assert_eq!(world.viewer.state(), &State::Connecting);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn another_network_ends_the_wait_but_not_the_one_the_relay_asked_for() {
    for told in [None, Some(Duration::from_secs(30))] {
        let mut world = World::live();
        world.reachable = false;
        world.cut_link();
        world.advance(Duration::from_secs(6000));
        world.reachable = true;
        let why = CloseCode::Busy.into();
        world.viewer.dial_failed(why, told, u32::MAX, world.now);
        world.viewer.network_changed(world.now);
        world.run();
        let expected = if told.is_none() {
            State::Live
        } else {
            State::Connecting
        };
        assert_eq!(world.viewer.state(), &expected);
    }
}

#[test]
fn a_link_that_does_not_answer_on_another_network_is_left_for_a_new_one_within_seconds() {
    let mut world = World::live();
    world.viewer.network_changed(world.now);
    let ping = world.viewer.poll_output();
    assert_eq!(ping, Some(Frame::Ping([0; 8]).encode()));
    let later = Now {
        mono: world.now + PROBE_TIME,
        ..world.both()
    };
    world.viewer.on_timeout(later);
    assert!(world.viewer.is_link_over());
}

#[test]
fn a_machine_that_is_away_is_waited_for_and_its_return_is_noticed_at_once() {
    let mut world = World::new();
    world.peer.refuses_sessions = Some(CloseCode::AgentOffline);
    world.run();
    assert_eq!(world.viewer.state(), &State::Offline);
    assert!(
        world
            .events()
            .contains(&Event::Trouble(CloseCode::AgentOffline.into()))
    );
    world.peer.refuses_sessions = None;
    world.peer.reply(Frame::Wake);
    world.run();
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn how_a_machine_left_is_said_and_it_is_waited_for_whatever_the_way() {
    for code in [
        CloseCode::AgentStopped,
        CloseCode::AgentLost,
        CloseCode::AgentSilent,
    ] {
        let mut world = World::new();
        world.peer.refuses_sessions = Some(code);
        world.run();
        assert_eq!(world.viewer.state(), &State::Offline);
        assert!(world.events().contains(&Event::Trouble(code.into())));
        world.peer.refuses_sessions = None;
        world.peer.reply(Frame::Wake);
        world.run();
        assert_eq!(world.viewer.state(), &State::Live);
    }
}

#[test]
fn a_relay_that_owes_an_answer_as_well_as_the_machine_is_left_long_before_its_silence_is() {
    let mut world = World::live();
    world.peer.answers_pings = false;
    world.advance(HEARTBEAT);
    while world.viewer.poll_output().is_some() {}
    let now = world.now;
    let later = |seconds| Now {
        mono: now + Duration::from_secs(seconds),
        unix: UnixMs(0),
    };
    // The heartbeat before this one was not answered, and from here on nothing comes at all.
    world.viewer.on_timeout(later(5));
    let ping = Frame::Ping([0; 8]).encode();
    assert!(std::iter::from_fn(|| world.viewer.poll_output()).any(|frame| frame == ping));
    world.viewer.on_timeout(later(5 + DOUBT_TIME.as_secs() - 1));
    assert!(!world.viewer.is_link_over());
    world.viewer.on_timeout(later(5 + DOUBT_TIME.as_secs()));
    assert!(world.viewer.is_link_over());
}

#[test]
fn a_machine_that_says_nothing_to_who_comes_is_silent_within_seconds_and_until_it_answers() {
    let mut world = World::new();
    world.peer.loses_accepts = true;
    world.run();
    world.advance(HEARTBEAT);
    for second in 0..60 {
        assert_eq!(world.viewer.state(), &State::Silent, "{second}");
        world.advance(Duration::from_secs(1));
    }
    world.peer.loses_accepts = false;
    world.advance(Duration::from_secs(30));
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn a_revoked_device_stops_and_says_why() {
    let mut world = World::new();
    world.peer.refuses_sessions = Some(CloseCode::Revoked);
    world.run();
    assert_eq!(
        world.viewer.state(),
        &State::Over(CloseCode::Revoked.into())
    );
    world.advance(Duration::from_secs(60));
    assert!(!world.viewer.poll_dial(world.now));
    let req = world
        .viewer
        .create([1; 16], String::new(), GRID, world.both());
    assert_eq!(
        world.events().last(),
        Some(&Event::Answered(req, Err(CloseCode::Revoked.into())))
    );
}

#[test]
fn another_machine_under_the_same_address_is_not_believed() {
    let mut world = World::new();
    world.peer.noise = lanyard_shared::noise::StaticKey::from_bytes(&[8; 32]);
    world.run();
    assert!(
        matches!(world.viewer.state(), State::Over(why) if why.code() == Some(CloseCode::HandshakeFailed))
    );
}

#[test]
fn live_means_an_answer_end_to_end_and_not_a_link_that_stands() {
    let mut world = World::live();
    world.advance(Duration::from_secs(60));
    assert_eq!(world.viewer.state(), &State::Live);
    world.peer.answers_pings = false;
    world.advance(Duration::from_secs(13));
    assert_eq!(world.viewer.state(), &State::Silent);
    world.peer.answers_pings = true;
    world.advance(Duration::from_secs(6));
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn a_session_whose_end_was_lost_on_the_way_is_given_up_after_two_minutes_of_silence() {
    let mut world = World::live();
    world.peer.answers_pings = false;
    world.advance(SESSION_SILENCE - Duration::from_secs(1));
    assert_eq!(world.viewer.state(), &State::Silent);
    world.peer.answers_pings = true;
    // Nothing of the old session comes any more; only another one can be heard.
    world.peer.forget_talks();
    world.advance(Duration::from_secs(10));
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn a_stream_whose_accept_was_lost_on_the_way_is_asked_for_again() {
    let mut world = World::live();
    world.peer.loses_accepts = true;
    world.open(Mode::ViewOnly, None);
    assert_eq!(world.minted(Half::View), 1);
    world.peer.loses_accepts = false;
    world.advance(STREAM_TIME);
    assert_eq!(world.minted(Half::View), 2);
    let picture = AgentRecord::Snapshot {
        offset: 100,
        grid: GRID,
        total: 0,
    };
    world.peer.record(Half::View, &picture);
    world.run();
    let shown = |event: &TerminalEvent| matches!(event, TerminalEvent::Snapshot { .. });
    assert!(world.terminal_events().iter().any(shown));
}

#[test]
fn a_grant_from_the_future_is_tried_again_until_the_clock_is_right() {
    let mut world = World::new();
    world.peer.refuses_sessions = Some(CloseCode::ClockBehind);
    world.run();
    assert_eq!(world.viewer.state(), &State::Connecting);
    world.peer.refuses_sessions = None;
    world.advance(Duration::from_secs(30));
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn a_wish_for_a_terminal_survives_a_lost_link_under_its_key() {
    let mut world = World::live();
    let req = world
        .viewer
        .create([6; 16], "shell".to_owned(), GRID, world.both());
    world.run();
    world.cut_link();
    world.advance(Duration::from_secs(1));
    assert_eq!(created(&world), [(req, [6; 16]), (req, [6; 16])]);
    world.events();
    world.peer.say(&FromAgent::Created {
        req,
        terminal: terminal(TERMINAL),
    });
    world.run();
    let answer = Event::Answered(req, Ok(Answer::Created(terminal(TERMINAL))));
    assert!(world.events().contains(&answer));
}

#[test]
fn an_end_asked_for_twice_is_an_end() {
    let mut world = World::live();
    let req = world.viewer.end_terminal(TERMINAL, world.both());
    world.cut_link();
    world.advance(Duration::from_secs(1));
    world.peer.say(&FromAgent::Refused {
        req,
        reason: CloseCode::TerminalGone.into(),
    });
    world.run();
    assert!(
        world
            .events()
            .contains(&Event::Answered(req, Ok(Answer::Done)))
    );
}

#[test]
fn an_answer_to_nothing_ends_the_session_and_the_next_one_follows() {
    let mut world = World::live();
    world.peer.say(&FromAgent::Done { req: 999 });
    world.run();
    assert_eq!(world.viewer.state(), &State::Connecting);
    world.advance(Duration::from_secs(1));
    assert_eq!(world.viewer.state(), &State::Live);
}

#[test]
fn a_younger_grant_in_the_middle_of_a_session_is_to_be_kept() {
    let mut world = World::live();
    world.peer.say(&FromAgent::Grant {
        grant: "grant-2".to_owned(),
        expires: UnixMs(5),
    });
    world.run();
    let kept = |event: &Event| matches!(event, Event::Remember(_, News::Grant { grant, expires: UnixMs(5) }) if grant == "grant-2");
    assert!(world.events().iter().any(kept));
}

#[test]
fn the_list_of_terminals_is_pushed() {
    let mut world = World::live();
    world.peer.say(&FromAgent::Terminals {
        terminals: vec![terminal(TERMINAL)],
    });
    world.run();
    assert_eq!(world.events(), [Event::Terminals(vec![terminal(TERMINAL)])]);
}

#[test]
fn requests_carry_what_was_asked() {
    let mut world = World::live();
    let req = world
        .viewer
        .create([6; 16], "shell".to_owned(), GRID, world.both());
    world.run();
    let asked = ToAgent::Create {
        req,
        key: b64::Bytes([6; 16]),
        name: "shell".to_owned(),
        grid: GRID,
    };
    assert!(world.peer.seen.contains(&Seen::Said(asked)));
}

#[test]
fn shutting_down_says_goodbye_and_dials_no_more() {
    let mut world = World::live();
    world.viewer.shut_down();
    world.run();
    assert!(
        world
            .peer
            .seen
            .contains(&Seen::Closed(0, Some(CloseCode::Done)))
    );
    world.advance(Duration::from_secs(60));
    assert!(!world.viewer.poll_dial(world.now));
}
