//! Data, credit and closes between the legs.

use super::*;
use crate::limits::HELD_FRAME;
use lanyard_shared::limits::RELAY_WINDOW;
use proptest::prelude::*;

#[test]
fn data_flows_both_ways_under_each_legs_own_id() {
    let mut world = World::new();
    let (agent, mut other, mut viewer) = (world.agent(), world.viewer(), world.viewer());
    world.stand::<View>(&mut other, &agent);
    let (id, agents_id) = world.stand::<Terminal>(&mut viewer, &agent);
    assert_ne!(id, agents_id);
    viewer.port.take(data(id, b"up"), world.now).unwrap();
    agent.take(data(agents_id, b"down"), world.now).unwrap();
    assert_eq!(frames(&agent), [data(agents_id, b"up")]);
    assert_eq!(frames(&viewer.port), [data(id, b"down")]);
    assert_eq!(frames(&other.port), []);
}

#[test]
fn the_last_words_of_an_agent_come_before_its_close() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, agents_id) = world.stand::<View>(&mut viewer, &agent);
    agent.take(data(agents_id, b"end"), world.now).unwrap();
    agent
        .take(close(agents_id, CloseCode::Done), world.now)
        .unwrap();
    assert_eq!(
        frames(&viewer.port),
        [data(id, b"end"), close(id, CloseCode::Done)]
    );
}

#[test]
fn a_stream_that_a_viewer_closes_says_nothing_more_to_it() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, agents_id) = world.stand::<View>(&mut viewer, &agent);
    agent.take(data(agents_id, b"unread"), world.now).unwrap();
    viewer
        .port
        .take(data(id, b"sent before"), world.now)
        .unwrap();
    viewer
        .port
        .take(close(id, CloseCode::Done), world.now)
        .unwrap();
    assert_eq!(frames(&viewer.port), []);
    assert_eq!(
        frames(&agent),
        [
            data(agents_id, b"sent before"),
            close(agents_id, CloseCode::Done)
        ]
    );
}

#[test]
fn late_frames_for_a_closed_stream_are_dropped_and_frames_for_none_end_the_link() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, agents_id) = world.stand::<View>(&mut viewer, &agent);
    viewer
        .port
        .take(close(id, CloseCode::Done), world.now)
        .unwrap();
    frames(&agent);
    for frame in [
        data(id, b"late"),
        Frame::Credit(id, 1),
        close(id, CloseCode::Done),
    ] {
        viewer.port.take(frame, world.now).unwrap();
    }
    let late = [
        data(agents_id, b"late"),
        Frame::Credit(agents_id, 1),
        Frame::Renew(agents_id, "x".into()),
        close(agents_id, CloseCode::Done),
    ];
    for frame in late {
        agent.take(frame, world.now).unwrap();
    }
    assert_eq!((frames(&agent), frames(&viewer.port)), (vec![], vec![]));
    for (port, next) in [(&viewer.port, id + 1), (&agent, agents_id + 1)] {
        for frame in [
            data(next, b"x"),
            Frame::Credit(next, 1),
            close(next, CloseCode::Done),
        ] {
            assert_eq!(
                refused(port, frame, world.now),
                PeerMisbehaved::UnknownStream(next)
            );
        }
    }
}

#[test]
fn nothing_flows_before_the_accept() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let token = world.token::<View>(&viewer);
    let id = world.open(&mut viewer, token);
    frames(&agent);
    for frame in [data(id, b"x"), Frame::Credit(id, 1)] {
        assert!(matches!(
            refused(&viewer.port, frame, world.now),
            PeerMisbehaved::OutOfTurn(..)
        ));
    }
    for frame in [data(1, b"x"), Frame::Credit(1, 1)] {
        assert!(matches!(
            refused(&agent, frame, world.now),
            PeerMisbehaved::OutOfTurn(..)
        ));
    }
}

#[test]
fn more_data_than_credit_ends_the_link_of_who_sent_it() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, agents_id) = world.stand::<View>(&mut viewer, &agent);
    let half = vec![0; WINDOW as usize / 2];
    for (port, id) in [(&viewer.port, id), (&agent, agents_id)] {
        port.take(data(id, &half), world.now).unwrap();
        port.take(data(id, &half), world.now).unwrap();
        assert_eq!(
            refused(port, data(id, b"x"), world.now),
            PeerMisbehaved::CreditExceeded(id)
        );
    }
}

#[test]
fn the_relay_grants_its_own_window_at_most_and_more_only_as_the_sink_takes_it() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (id, agents_id) = world.stand::<View>(&mut viewer, &agent);
    viewer
        .port
        .take(Frame::Credit(id, 10 * RELAY_WINDOW), world.now)
        .unwrap();
    // What was granted with the open, and now the rest of the window.
    assert_eq!(
        frames(&agent),
        [Frame::Credit(agents_id, RELAY_WINDOW - WINDOW)]
    );
    for _ in 0..8 {
        agent
            .take(
                data(agents_id, &vec![0; RELAY_WINDOW as usize / 8]),
                world.now,
            )
            .unwrap();
    }
    assert_eq!(frames(&agent), []);
    assert_eq!(
        refused(&agent, data(agents_id, b"x"), world.now),
        PeerMisbehaved::CreditExceeded(agents_id)
    );
    frames(&viewer.port);
    assert_eq!(frames(&agent), [Frame::Credit(agents_id, RELAY_WINDOW)]);
}

#[test]
fn a_flooded_stream_delays_another_by_one_frame() {
    let mut world = World::new();
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (flood, agents_flood) = world.stand::<View>(&mut viewer, &agent);
    let (quiet, agents_quiet) = world.stand::<View>(&mut viewer, &agent);
    for _ in 0..50 {
        agent
            .take(data(agents_flood, &[0; 1000]), world.now)
            .unwrap();
    }
    agent.take(data(agents_quiet, b"key"), world.now).unwrap();
    assert!(matches!(next(&viewer.port), Ok(Some(Frame::Data(id, _))) if id == flood));
    assert_eq!(next(&viewer.port), Ok(Some(data(quiet, b"key"))));
}

#[test]
fn when_too_much_waits_for_one_machine_the_link_that_lets_most_wait_ends() {
    let mut world = World::new();
    world.router = Router::with_room(200_000);
    let agent = world.agent();
    let (mut modest, mut greedy) = (world.viewer(), world.viewer());
    let (_, little) = world.stand::<View>(&mut modest, &agent);
    let much = [0; 4].map(|_| world.stand::<View>(&mut greedy, &agent).1);
    agent.take(data(little, b"key"), world.now).unwrap();
    for id in much {
        agent.take(data(id, &[0; 60_000]), world.now).unwrap();
    }
    assert_eq!(next(&greedy.port), Err(CloseCode::Busy));
    assert!(matches!(next(&modest.port), Ok(Some(Frame::Data(..)))));
    // What was let go is free again, before the link has noticed.
    agent.take(data(little, &[0; 60_000]), world.now).unwrap();
    assert!(matches!(next(&modest.port), Ok(Some(Frame::Data(..)))));
}

#[test]
fn crumbs_that_wait_count_for_what_they_cost() {
    let mut world = World::new();
    world.router = Router::with_room(200_000);
    let (agent, mut viewer) = (world.agent(), world.viewer());
    let (_, id) = world.stand::<View>(&mut viewer, &agent);
    let crumbs = (0..10_000).take_while(|_| {
        agent.take(data(id, b"x"), world.now).unwrap();
        viewer.port.ending(Waker::noop()).is_none()
    });
    assert!(crumbs.count() < 200_000 / HELD_FRAME);
}

#[derive(Clone, Debug)]
enum Step {
    Send { up: bool, bytes: u32 },
    Grant { up: bool, amount: u32 },
    Write { up: bool },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (any::<bool>(), 1..60_000_u32).prop_map(|(up, bytes)| Step::Send { up, bytes }),
        1 => (any::<bool>(), 1..500_000_u32).prop_map(|(up, amount)| Step::Grant { up, amount }),
        3 => any::<bool>().prop_map(|up| Step::Write { up }),
    ]
}

/// One direction as its two ends count it.
#[derive(Default)]
struct Count {
    sink_granted: u64,
    source_may: u64,
    sent: u64,
    written: u64,
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_the_relay_holds_never_exceeds_its_window_nor_what_it_sends_the_sinks_credit(
        steps in prop::collection::vec(step(), 1..150),
    ) {
        let mut world = World::new();
        let (agent, mut viewer) = (world.agent(), world.viewer());
        let (id, agents_id) = world.stand::<View>(&mut viewer, &agent);
        let start = || Count { sink_granted: WINDOW.into(), source_may: WINDOW.into(), ..Count::default() };
        let mut counts = [start(), start()];
        for step in steps {
            match step {
                Step::Send { up, bytes } => {
                    let count = &mut counts[usize::from(up)];
                    let bytes = u64::from(bytes).min(count.source_may - count.sent);
                    if bytes > 0 {
                        let (port, id) = if up { (&viewer.port, id) } else { (&agent, agents_id) };
                        port.take(data(id, &vec![0; bytes as usize]), world.now).unwrap();
                        count.sent += bytes;
                    }
                }
                Step::Grant { up, amount } => {
                    let (port, id) = if up { (&agent, agents_id) } else { (&viewer.port, id) };
                    port.take(Frame::Credit(id, amount), world.now).unwrap();
                    counts[usize::from(up)].sink_granted += u64::from(amount);
                }
                Step::Write { up } => {
                    let sink = if up { &agent } else { &viewer.port };
                    match next(sink).unwrap() {
                        Some(Frame::Data(_, data)) => counts[usize::from(up)].written += data.len() as u64,
                        // The sink of one direction is the source of the other.
                        Some(Frame::Credit(_, amount)) => counts[usize::from(!up)].source_may += u64::from(amount),
                        None => {}
                        Some(other) => panic!("{other:?}"),
                    }
                }
            }
            for count in &counts {
                prop_assert!(count.sent - count.written <= u64::from(RELAY_WINDOW));
                prop_assert!(count.source_may - count.written <= u64::from(RELAY_WINDOW));
                prop_assert!(count.source_may <= count.sink_granted);
            }
        }
    }
}
