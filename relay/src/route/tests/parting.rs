//! What those who come while a machine is away hear of how it left: its own devices, and nobody else.

use super::*;
use crate::limits::PARTING_KEPT;
use lanyard_shared::frame::Close;

const WAYS: [(How, CloseCode); 4] = [
    (How::Stopped, CloseCode::AgentStopped),
    (How::Lost, CloseCode::AgentLost),
    (How::Silent, CloseCode::AgentSilent),
    (How::Other, CloseCode::AgentOffline),
];

/// What is heard of opening this.
fn answer(world: &World, viewer: &mut Viewer, target: Target) -> Close {
    let id = world.open(viewer, target);
    match frames(&viewer.port).pop() {
        Some(Frame::Close(closed, close)) if closed == id => close,
        other => panic!("not refused: {other:?}"),
    }
}

#[test]
fn a_device_hears_how_its_machine_left_and_how_long_ago_and_is_woken_when_it_is_back() {
    for (how, code) in WAYS {
        let mut world = World::new();
        let (agent, mut viewer) = (world.agent(), world.viewer());
        agent.parts(how, world.now);
        drop(agent);
        world.wait(70);
        let grant = world.grant(&viewer);
        let heard = answer(&world, &mut viewer, grant);
        assert_eq!(heard, Close::for_so_long(code, Duration::from_secs(70)));
        let _agent = world.agent();
        assert_eq!(frames(&viewer.port), [Frame::Wake], "{code:?}");
    }
}

#[test]
fn a_device_that_comes_when_nobody_else_was_there_hears_it_too() {
    let mut world = World::new();
    let agent = world.agent();
    agent.parts(How::Silent, world.now);
    drop(agent);
    world.router.sweep(world.now);
    let mut viewer = world.viewer();
    let grant = world.grant(&viewer);
    let heard = answer(&world, &mut viewer, grant);
    assert_eq!(heard.code, Some(CloseCode::AgentSilent));
}

#[test]
fn whoever_has_no_grant_that_held_hears_that_the_machine_is_away_and_nothing_else() {
    let plain = Close::from(CloseCode::AgentOffline);
    for (how, _) in WAYS {
        let mut world = World::new();
        let (agent, mut viewer, mut other) =
            (world.agent(), world.viewer(), world.viewer_of_device(1));
        let mut stranger = world.viewer_of_device(9);
        let (grant, theirs) = (world.grant(&viewer), world.grant(&other));
        // A grant whose device was ended before the machine left.
        world.announce(&agent, |announce| announce.devices[1].epoch = 1);
        agent.parts(how, world.now);
        drop(agent);
        world.wait(3);
        assert_eq!(answer(&world, &mut other, theirs), plain);
        // Of a device that the machine never had.
        let unknown = world.grant(&stranger);
        assert_eq!(answer(&world, &mut stranger, unknown), plain);
        // Somebody else's.
        assert_eq!(answer(&world, &mut stranger, grant.clone()), plain);
        // Not signed by the machine.
        let new = world.new_token::<Device>(&viewer);
        let forged = issue::<Device>(&SigningKey::from_bytes(&[77; 32]), &new).unwrap();
        assert_eq!(answer(&world, &mut viewer, Target::Session(forged)), plain);
        let rendezvous = Target::Pair(RendezvousId([1; 16]));
        assert_eq!(answer(&world, &mut stranger, rendezvous), plain);
        let token = world.token::<View>(&viewer);
        assert_eq!(answer(&world, &mut viewer, token), plain);
        assert_ne!(answer(&world, &mut viewer, grant), plain);
    }
}

#[test]
fn a_machine_that_was_locked_or_left_long_ago_tells_nobody_how() {
    let plain = Close::from(CloseCode::AgentOffline);
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    world.announce(&agent, |announce| announce.locked = true);
    agent.parts(How::Lost, world.now);
    drop(agent);
    let grant = world.grant(&viewer);
    assert_eq!(answer(&world, &mut viewer, grant), plain);

    let agent = world.agent();
    agent.parts(How::Lost, world.now);
    drop(agent);
    world.wait(PARTING_KEPT.as_secs());
    let grant = world.grant(&viewer);
    assert_eq!(answer(&world, &mut viewer, grant), plain);
}

#[test]
fn what_is_said_of_a_machine_is_of_the_last_time_it_left() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    agent.parts(How::Lost, world.now);
    // The end of a link that is over already changes nothing.
    agent.parts(How::Silent, world.now);
    drop(agent);
    let agent = world.agent();
    frames(&viewer.port);
    agent.parts(How::Stopped, world.now);
    drop(agent);
    let grant = world.grant(&viewer);
    let heard = answer(&world, &mut viewer, grant);
    assert_eq!(heard.code, Some(CloseCode::AgentStopped));
    // One that is back and has not spoken yet is away, and no more is known.
    let _quiet = world.quiet_agent();
    let grant = world.grant(&viewer);
    assert_eq!(
        answer(&world, &mut viewer, grant),
        Close::from(CloseCode::AgentOffline)
    );
}
