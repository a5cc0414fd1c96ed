//! Who may open a stream, with what, and how often.

use super::*;
use lanyard_shared::limits::{CLOCK_REFUSE, STREAMS_PER_VIEWER, TOKEN_OPENS_WITHIN};

/// What the viewer hears when it opens `target`.
fn answer(
    world: &World,
    viewer: &mut Viewer,
    agent: &Port,
    target: Target,
) -> Result<(), CloseCode> {
    let id = world.open(viewer, target);
    match (&frames(&viewer.port)[..], &frames(agent)[..]) {
        ([], [Frame::Open(..)]) => Ok(()),
        ([Frame::Close(closed, close)], []) if *closed == id => Err(close.code.unwrap()),
        other => panic!("neither opened nor refused: {other:?}"),
    }
}

#[test]
fn a_session_opens_with_a_grant_and_the_agent_learns_whose_it_is() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let target = world.grant(&viewer);
    world.open(&mut viewer, target.clone());
    let [Frame::Open(1, open)] = &frames(&agent)[..] else {
        panic!()
    };
    let origin = open.origin.unwrap();
    assert_eq!(
        (origin.conn, origin.device),
        (viewer.port.conn(), device_key(0))
    );
    assert_eq!(
        (&open.target, open.credit, &open.versions[..]),
        (&target, WINDOW, &[1][..])
    );
}

#[test]
fn a_token_opens_once() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let token = world.token::<View>(&viewer);
    assert_eq!(answer(&world, &mut viewer, &agent, token.clone()), Ok(()));
    assert_eq!(
        answer(&world, &mut viewer, &agent, token),
        Err(CloseCode::TokenUsed)
    );
}

#[test]
fn a_grant_opens_sessions_as_often_as_it_lives_and_nothing_else() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let grant = world.grant(&viewer);
    assert_eq!(answer(&world, &mut viewer, &agent, grant.clone()), Ok(()));
    assert_eq!(answer(&world, &mut viewer, &agent, grant.clone()), Ok(()));
    let Target::Session(raw) = grant else {
        panic!()
    };
    assert_eq!(
        answer(&world, &mut viewer, &agent, Target::Purpose(raw)),
        Err(CloseCode::TokenRefused)
    );
    let Target::Purpose(raw) = world.token::<Terminal>(&viewer) else {
        panic!()
    };
    assert_eq!(
        answer(&world, &mut viewer, &agent, Target::Session(raw)),
        Err(CloseCode::TokenRefused)
    );
}

#[test]
fn a_token_for_another_link_is_refused_even_on_the_same_device() {
    let mut world = World::new();
    let (agent, first) = (world.agent(), world.viewer());
    let stolen = world.token::<View>(&first);
    let mut second = world.viewer();
    assert_eq!(
        answer(&world, &mut second, &agent, stolen),
        Err(CloseCode::TokenRefused)
    );
}

#[test]
fn a_token_that_waited_too_long_opens_nothing() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (first, second) = (world.token::<View>(&viewer), world.token::<View>(&viewer));
    world.wait(TOKEN_OPENS_WITHIN.as_secs());
    assert_eq!(answer(&world, &mut viewer, &agent, first), Ok(()));
    world.wait(1);
    assert_eq!(
        answer(&world, &mut viewer, &agent, second),
        Err(CloseCode::TokenRefused)
    );
}

#[test]
fn a_token_by_a_signer_that_is_not_announced_any_more_opens_nothing() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (standing, _) = world.stand::<View>(&mut viewer, &agent);
    let token = world.token::<View>(&viewer);
    world.announce(&agent, |announce| announce.signers.clear());
    assert_eq!(
        answer(&world, &mut viewer, &agent, token),
        Err(CloseCode::TokenRefused)
    );
    // What stands, stands.
    viewer.port.take(data(standing, b"x"), world.now).unwrap();
    assert_eq!(frames(&agent), [data(1, b"x")]);
}

#[test]
fn a_signer_that_the_identity_did_not_certify_ends_the_agents_link() {
    let mut world = World::new();
    let agent = world.agent();
    let mut announce = world.announcement();
    announce.signers[0].expires -= 1;
    let fault = refused(&agent, Frame::Announce(announce), world.now);
    assert_eq!(CloseCode::from(fault), CloseCode::ProofRefused);
}

#[test]
fn a_device_that_is_not_announced_is_unknown_and_an_old_grant_is_revoked() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let grant = world.grant(&viewer);
    world.announce(&agent, |announce| announce.devices[0].epoch = 1);
    assert_eq!(
        answer(&world, &mut viewer, &agent, grant.clone()),
        Err(CloseCode::Revoked)
    );
    world.announce(&agent, |announce| announce.devices.clear());
    assert_eq!(
        answer(&world, &mut viewer, &agent, grant),
        Err(CloseCode::UnknownDevice)
    );
}

#[test]
fn a_revoked_token_opens_nothing() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let token = world.token::<View>(&viewer);
    world.announce(&agent, |announce| announce.revoked.push(TokenId([1; 16])));
    assert_eq!(
        answer(&world, &mut viewer, &agent, token),
        Err(CloseCode::Revoked)
    );
}

#[test]
fn pairing_is_open_only_where_the_agent_says_so() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer_of_device(9));
    let states = [
        RendezvousState::Open,
        RendezvousState::Used,
        RendezvousState::Expired,
    ];
    world.announce(&agent, |announce| {
        announce.rendezvous = states
            .into_iter()
            .zip(0..)
            .map(|(state, n)| Rendezvous {
                id: RendezvousId([n; 16]),
                state,
            })
            .collect();
    });
    let mut ask = |n| {
        answer(
            &world,
            &mut viewer,
            &agent,
            Target::Pair(RendezvousId([n; 16])),
        )
    };
    assert_eq!(ask(0), Ok(()));
    assert_eq!(ask(1), Err(CloseCode::PairUsed));
    assert_eq!(ask(2), Err(CloseCode::PairExpired));
    assert_eq!(ask(3), Err(CloseCode::PairUnknown));
}

#[test]
fn a_viewer_that_finds_the_agent_away_is_woken_when_it_has_announced_itself() {
    let mut world = World::new();
    let (mut viewer, other) = (world.viewer(), world.viewer());
    let grant = world.grant(&viewer);
    world.open(&mut viewer, grant.clone());
    assert_eq!(frames(&viewer.port), [close(1, CloseCode::AgentOffline)]);
    // Nothing is routed to an agent that has not announced itself.
    let agent = world.quiet_agent();
    world.open(&mut viewer, grant);
    assert_eq!(frames(&viewer.port), [close(2, CloseCode::AgentOffline)]);
    world.announce(&agent, |_| {});
    assert_eq!(frames(&viewer.port), [Frame::Wake]);
    assert_eq!(frames(&other.port), []);
    world.announce(&agent, |_| {});
    assert_eq!(frames(&viewer.port), []);
}

#[test]
fn whom_a_lock_shut_out_is_woken_when_it_opens_whatever_the_agent_did_meanwhile() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    world.stand::<View>(&mut viewer, &agent);
    world.announce(&agent, |announce| announce.locked = true);
    assert_eq!(frames(&viewer.port), [close(1, CloseCode::Locked)]);
    world.announce(&agent, |announce| announce.locked = false);
    assert_eq!(frames(&viewer.port), [Frame::Wake]);
    world.announce(&agent, |announce| announce.locked = false);
    assert_eq!(frames(&viewer.port), []);
}

#[test]
fn an_agent_refused_for_its_clock_is_not_called_offline() {
    let mut world = World::new();
    world.router.agent_skewed(world.agent_id(), world.now);
    let mut viewer = world.viewer();
    let grant = world.grant(&viewer);
    world.open(&mut viewer, grant.clone());
    assert_eq!(frames(&viewer.port), [close(1, CloseCode::AgentClock)]);
    world.wait(CLOCK_REFUSE.as_secs());
    world.open(&mut viewer, grant);
    assert_eq!(frames(&viewer.port), [close(2, CloseCode::AgentOffline)]);
}

#[test]
fn a_viewer_has_sixty_four_streams_and_closed_ones_count_until_it_has_read_that() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let grant = world.grant(&viewer);
    for _ in 0..STREAMS_PER_VIEWER {
        assert_eq!(answer(&world, &mut viewer, &agent, grant.clone()), Ok(()));
    }
    assert_eq!(
        answer(&world, &mut viewer, &agent, grant.clone()),
        Err(CloseCode::TooManyStreams)
    );
    agent.take(close(1, CloseCode::Done), world.now).unwrap();
    world.open(&mut viewer, grant.clone());
    assert_eq!(frames(&agent), []);
    frames(&viewer.port);
    assert_eq!(answer(&world, &mut viewer, &agent, grant), Ok(()));
}

#[test]
fn stream_ids_rise_and_are_never_used_twice() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, _) = world.stand::<View>(&mut viewer, &agent);
    let grant = world.grant(&viewer);
    assert_eq!(
        refused(&viewer.port, open(id, grant.clone()), world.now),
        PeerMisbehaved::StreamReused(id)
    );
    viewer
        .port
        .take(open(10, grant.clone()), world.now)
        .unwrap();
    assert_eq!(
        refused(&viewer.port, open(9, grant), world.now),
        PeerMisbehaved::StreamReused(9)
    );
}

#[test]
fn an_agent_opens_nothing_and_a_viewer_accepts_renews_and_announces_nothing() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, agents_id) = world.stand::<View>(&mut viewer, &agent);
    let grant = world.grant(&viewer);
    let accept = Accept {
        credit: 1,
        versions: vec![],
    };
    for (port, frame) in [
        (&agent, open(agents_id + 1, grant)),
        (&viewer.port, Frame::Accept(id, accept.clone())),
        (&viewer.port, Frame::Renew(id, "x".into())),
        (&viewer.port, Frame::Announce(Announce::default())),
        (&viewer.port, Frame::Wake),
    ] {
        assert!(matches!(
            refused(port, frame, world.now),
            PeerMisbehaved::OutOfPlace(_)
        ));
    }
    assert!(matches!(
        refused(&agent, Frame::Accept(agents_id, accept), world.now),
        PeerMisbehaved::OutOfTurn(..)
    ));
}
