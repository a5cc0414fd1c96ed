//! What ends streams and links: time, the owner, and peers that go.

use super::*;
use lanyard_shared::limits::{LIFE_TERMINAL, LIFE_VIEW};
use std::net::Ipv6Addr;

#[test]
fn an_expired_terminal_token_leaves_view_streaming() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (view, agents_view) = world.stand::<View>(&mut viewer, &agent);
    let (typing, agents_typing) = world.stand::<Terminal>(&mut viewer, &agent);
    assert_eq!(viewer.port.deadline(), Some(START + LIFE_TERMINAL));
    world.wait(LIFE_TERMINAL.as_secs());
    viewer.port.lapse(world.now);
    assert_eq!(frames(&viewer.port), [close(typing, CloseCode::Lapsed)]);
    assert_eq!(frames(&agent), [close(agents_typing, CloseCode::Lapsed)]);
    agent.take(data(agents_view, b"output"), world.now).unwrap();
    assert_eq!(frames(&viewer.port), [data(view, b"output")]);
    assert_eq!(viewer.port.deadline(), Some(START + LIFE_VIEW));
}

#[test]
fn a_stream_ends_at_its_deadline_even_if_no_timer_has_fired() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, agents_id) = world.stand::<Terminal>(&mut viewer, &agent);
    world.wait(LIFE_TERMINAL.as_secs() - 1);
    viewer.port.take(data(id, b"in time"), world.now).unwrap();
    assert_eq!(frames(&agent), [data(agents_id, b"in time")]);
    world.wait(1);
    viewer.port.take(data(id, b"too late"), world.now).unwrap();
    assert_eq!(frames(&agent), [close(agents_id, CloseCode::Lapsed)]);
    assert_eq!(frames(&viewer.port), [close(id, CloseCode::Lapsed)]);
}

#[test]
fn a_renewal_prolongs_a_stream_and_its_token_does_not_open_another() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let mut new = world.new_token::<Terminal>(&viewer);
    let first = issue::<Terminal>(&world.signer, &new).unwrap();
    let id = world.open(&mut viewer, Target::Purpose(first));
    world.accept(&agent, 1);
    world.wait(200);
    new.issued = world.agents_time();
    let renewed = issue::<Terminal>(&world.signer, &new).unwrap();
    agent
        .take(Frame::Renew(1, renewed.clone()), world.now)
        .unwrap();
    assert_eq!(viewer.port.deadline(), Some(world.now + LIFE_TERMINAL));
    frames(&viewer.port);
    world.wait(LIFE_TERMINAL.as_secs() - 1);
    viewer.port.lapse(world.now);
    viewer
        .port
        .take(data(id, b"still here"), world.now)
        .unwrap();
    assert_eq!(frames(&viewer.port), []);
    world.wait(1);
    viewer.port.lapse(world.now);
    assert_eq!(frames(&viewer.port), [close(id, CloseCode::Lapsed)]);
    let used = world.open(&mut viewer, Target::Purpose(renewed));
    assert!(matches!(&frames(&viewer.port)[..], [Frame::Close(closed, _)] if *closed == used));
}

#[test]
fn a_renewal_for_another_token_link_or_device_ends_the_stream() {
    let changes: [fn(&mut NewToken); 5] = [
        |new| new.id = TokenId([200; 16]),
        |new| new.conn = Some(ConnId([200; 16])),
        |new| new.device = DeviceId([200; 16]),
        |new| new.epoch = 1,
        |new| new.life = Duration::from_secs(1),
    ];
    for change in changes {
        let mut world = World::new();
        let (agent, mut viewer) = (world.agent(), world.viewer());
        let mut new = world.new_token::<Terminal>(&viewer);
        let id = world.open(
            &mut viewer,
            Target::Purpose(issue::<Terminal>(&world.signer, &new).unwrap()),
        );
        world.accept(&agent, 1);
        frames(&agent);
        frames(&viewer.port);
        change(&mut new);
        agent
            .take(
                Frame::Renew(1, issue::<Terminal>(&world.signer, &new).unwrap()),
                world.now,
            )
            .unwrap();
        assert_eq!(frames(&viewer.port), [close(id, CloseCode::TokenRefused)]);
        assert_eq!(frames(&agent), [close(1, CloseCode::TokenRefused)]);
    }
}

#[test]
fn a_lapsed_stream_is_not_revived_by_a_renewal() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let mut new = world.new_token::<Terminal>(&viewer);
    let id = world.open(
        &mut viewer,
        Target::Purpose(issue::<Terminal>(&world.signer, &new).unwrap()),
    );
    world.accept(&agent, 1);
    frames(&viewer.port);
    world.wait(LIFE_TERMINAL.as_secs());
    new.issued = world.agents_time();
    agent
        .take(
            Frame::Renew(1, issue::<Terminal>(&world.signer, &new).unwrap()),
            world.now,
        )
        .unwrap();
    assert_eq!(frames(&viewer.port), [close(id, CloseCode::Lapsed)]);
}

#[test]
fn a_revoked_device_loses_its_streams_at_once_and_others_keep_theirs() {
    let mut world = World::new();
    let (agent, mut revoked, mut other) = (
        world.agent(),
        world.viewer_of_device(0),
        world.viewer_of_device(1),
    );
    let (first, _) = world.stand::<View>(&mut revoked, &agent);
    let (second, _) = world.stand::<Terminal>(&mut revoked, &agent);
    let (kept, agents_kept) = world.stand::<View>(&mut other, &agent);
    agent.take(data(1, b"waits"), world.now).unwrap();
    world.announce(&agent, |announce| announce.devices[0].epoch = 1);
    let mut heard = frames(&revoked.port);
    heard.sort_by_key(|frame| {
        let Frame::Close(id, _) = frame else {
            panic!("revoked, and yet {frame:?}")
        };
        *id
    });
    assert_eq!(
        heard,
        [
            close(first, CloseCode::Revoked),
            close(second, CloseCode::Revoked)
        ]
    );
    assert_eq!(frames(&agent).len(), 2);
    agent.take(data(agents_kept, b"x"), world.now).unwrap();
    assert_eq!(frames(&other.port), [data(kept, b"x")]);
}

#[test]
fn a_revoked_token_ends_its_stream_alone() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (first, _) = world.stand::<View>(&mut viewer, &agent);
    let (second, agents_second) = world.stand::<View>(&mut viewer, &agent);
    world.announce(&agent, |announce| announce.revoked.push(TokenId([1; 16])));
    assert_eq!(frames(&viewer.port), [close(first, CloseCode::Revoked)]);
    viewer.port.take(data(second, b"x"), world.now).unwrap();
    assert_eq!(
        frames(&agent),
        [close(1, CloseCode::Revoked), data(agents_second, b"x")]
    );
}

#[test]
fn a_device_that_was_removed_loses_its_session() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let grant = world.grant(&viewer);
    let id = world.open(&mut viewer, grant);
    world.accept(&agent, 1);
    frames(&viewer.port);
    world.announce(&agent, |announce| announce.devices.clear());
    assert_eq!(frames(&viewer.port), [close(id, CloseCode::Revoked)]);
}

#[test]
fn the_newest_proof_wins_and_the_older_link_hears_replaced() {
    let mut world = World::new();
    let (old, mut viewer) = (world.agent(), world.viewer());
    let (id, _) = world.stand::<View>(&mut viewer, &old);
    let new = world.agent();
    assert_eq!(next(&old), Err(CloseCode::Replaced));
    assert_eq!(frames(&viewer.port), [close(id, CloseCode::AgentGone)]);
    // What the old one still says counts for nothing, and that it goes ends nothing.
    old.take(data(1, b"x"), world.now).unwrap();
    old.take(Frame::Announce(Announce::default()), world.now)
        .unwrap();
    drop(old);
    assert!(world.router.is_online(world.agent_id()));
    world.stand::<View>(&mut viewer, &new);
}

#[test]
fn when_a_link_ends_the_other_side_hears_whose() {
    let mut world = World::new();
    let (agent, mut staying, mut leaving) = (world.agent(), world.viewer(), world.viewer());
    let (_, agents_leaving) = world.stand::<View>(&mut leaving, &agent);
    let (id, agents_id) = world.stand::<View>(&mut staying, &agent);
    drop(leaving);
    assert_eq!(
        frames(&agent),
        [close(agents_leaving, CloseCode::ViewerGone)]
    );
    agent.take(data(agents_id, b"last"), world.now).unwrap();
    drop(agent);
    assert_eq!(
        frames(&staying.port),
        [data(id, b"last"), close(id, CloseCode::AgentGone)]
    );
    assert!(!world.router.is_online(world.agent_id()));
}

#[test]
fn viewers_of_an_agent_that_restarts_hear_that_it_does() {
    let mut world = World::new();
    let (old, mut viewer) = (world.agent(), world.viewer());
    let (id, _) = world.stand::<View>(&mut viewer, &old);
    old.parts(How::Stopped, world.now);
    assert_eq!(frames(&viewer.port), [close(id, CloseCode::GoingAway)]);
    drop(old);
    assert!(frames(&viewer.port).is_empty());
    // A viewer that restarts is like one that goes, and an older link of an agent speaks for nobody.
    let (displaced, new) = (world.agent(), world.agent());
    let (_, agents_id) = world.stand::<View>(&mut viewer, &new);
    displaced.parts(How::Stopped, world.now);
    viewer.port.parts(How::Stopped, world.now);
    drop(viewer);
    assert_eq!(frames(&new), [close(agents_id, CloseCode::ViewerGone)]);
}

#[test]
fn a_stopping_relay_says_going_away_to_everyone() {
    let mut world = World::new();
    let (agent, viewer) = (world.agent(), world.viewer());
    world.router.end_all(CloseCode::GoingAway);
    assert_eq!(next(&agent), Err(CloseCode::GoingAway));
    assert_eq!(next(&viewer.port), Err(CloseCode::GoingAway));
}

#[test]
fn a_clock_measured_again_judges_later_tokens_and_moves_no_deadline() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    world.stand::<View>(&mut viewer, &agent);
    let deadline = viewer.port.deadline();
    // The agent's clock was set back by a minute.
    agent.reproven(AgentClock::measured(
        world.now,
        UnixMs::from_secs(AGENTS_START.secs() - 60),
    ));
    assert_eq!(viewer.port.deadline(), deadline);
    let token = world.token::<View>(&viewer);
    let id = world.open(&mut viewer, token);
    assert_eq!(frames(&viewer.port), [close(id, CloseCode::TokenRefused)]);
}

#[test]
fn links_that_open_nothing_make_room_for_a_device_when_all_places_are_taken() {
    let mut world = World::new();
    let (agent, mut first) = (world.agent(), world.viewer());
    let (view, agents_view) = world.stand::<View>(&mut first, &agent);
    let strangers: Vec<_> = (0..600_u16)
        .map(|n| {
            let mut conn = [200; 16];
            conn[..2].copy_from_slice(&n.to_be_bytes());
            world
                .router
                .attach_viewer(
                    world.agent_id(),
                    ConnId(conn),
                    device_key(50),
                    Ipv6Addr::LOCALHOST,
                )
                .unwrap()
        })
        .collect();
    let ended = strangers
        .iter()
        .filter(|port| port.output(Waker::noop()) == Output::End(CloseCode::Busy))
        .count();
    assert_eq!(ended, 601 - crate::limits::VIEWERS_PER_AGENT);
    agent.take(data(agents_view, b"output"), world.now).unwrap();
    assert_eq!(frames(&first.port), [data(view, b"output")]);
}
