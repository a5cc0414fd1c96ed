//! Links from challenge to goodbye.

use crate::relay::*;
use bytes::{BufMut as _, Bytes, BytesMut};
use ed25519_dalek::SigningKey;
use futures_util::{SinkExt as _, StreamExt as _};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Leg, Role, Target};
use lanyard_shared::ids::AgentId;
use lanyard_shared::limits::FRAME_HEADER;
use lanyard_shared::link::{Dialler, Event};
use lanyard_shared::proof::prove;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_tungstenite::tungstenite::Message;

const AHEAD: u64 = 4000;

fn ended(code: CloseCode) -> (u16, u16) {
    (code as u16, (AHEAD + code as u64) as u16)
}

fn payload(bytes: &[u8]) -> BytesMut {
    let mut framed = BytesMut::zeroed(FRAME_HEADER);
    framed.put_slice(bytes);
    framed
}

#[tokio::test]
async fn an_agent_enrols_once_with_a_code_and_then_proves_its_key() {
    let relay = Relay::start().await;
    let keys = Keys::new();
    let code = relay.code().await;
    assert_eq!(
        code.address.web(),
        format!("https://127.0.0.1:{}", relay.port)
    );
    let newcomer = |key: &Arc<SigningKey>| Dialler::Newcomer {
        key: Arc::clone(key),
        code: *code.code,
        name: "laptop".into(),
        chain: vec![],
    };
    let mut first = relay.dial(newcomer(&keys.identity)).await;
    let Event::Welcome { welcome, .. } = first.event().await else {
        panic!()
    };
    assert_eq!(
        (welcome.agent, &*welcome.web, &*welcome.warning),
        (keys.agent(), &*relay.ready.web, "")
    );
    drop(first);

    let rogue = Arc::new(SigningKey::from_bytes(&[9; 32]));
    let mut second = relay.dial(newcomer(&rogue)).await;
    assert!(
        matches!(second.event().await, Event::Ended(close) if close.code == Some(CloseCode::EnrolRefused))
    );

    let mut again = relay
        .dial(Dialler::Agent {
            agent: keys.agent(),
            key: Arc::clone(&keys.identity),
        })
        .await;
    assert!(matches!(
        again.event().await,
        Event::Welcome { first: true, .. }
    ));
}

#[tokio::test]
async fn a_session_carries_bytes_both_ways_unchanged() {
    let relay = Relay::start().await;
    let keys = Keys::new();
    let mut agent = relay.newcomer(&keys.identity).await;
    agent.link.announce(keys.announce());
    agent.flush().await;
    // Over the plain listener, as a browser on this machine comes.
    let host = format!("localhost:{}", relay.plain_port());
    let plain = socket(relay.plain().await, &host, "/v1/attach").await;
    let dialler = Dialler::Viewer {
        agent: keys.agent(),
        key: Arc::clone(&keys.device),
    };
    let mut viewer = Party::new(plain, dialler, host);
    assert!(matches!(
        viewer.event().await,
        Event::Welcome { first: true, .. }
    ));

    viewer
        .link
        .open(Target::Session(keys.grant()), 100_000, &[1], Bytes::new())
        .unwrap();
    viewer.flush().await;
    let Event::Open(id, open) = agent.event().await else {
        panic!()
    };
    assert_eq!(
        open.origin.unwrap().device,
        keys.device.verifying_key().to_bytes()
    );
    agent.link.accept(id, 100_000, &[1]);
    agent.flush().await;
    assert!(matches!(viewer.event().await, Event::Accepted(1, _)));

    viewer.link.send(1, payload(b"hello")).unwrap();
    viewer.flush().await;
    assert!(matches!(agent.event().await, Event::Data(_, data) if data == "hello"));

    // Two mebibytes through a credit of a hundred kilobytes.
    let all: Vec<u8> = (0..2_u32 << 20).map(|n| (n ^ n >> 9) as u8).collect();
    let sending = async {
        let mut rest = &all[..];
        while !rest.is_empty() {
            let room = agent.link.room(id) as usize;
            if room == 0 {
                assert!(matches!(agent.event().await, Event::Room(_)));
                continue;
            }
            let (now, later) = rest.split_at(room.min(50_000).min(rest.len()));
            agent.link.send(id, payload(now)).unwrap();
            agent.flush().await;
            rest = later;
        }
        agent.link.close(id, CloseCode::Done.into());
        agent.flush().await;
    };
    let receiving = async {
        let mut got = Vec::new();
        loop {
            match viewer.event().await {
                Event::Data(1, data) => {
                    viewer.link.grant(1, data.len() as u32);
                    got.extend_from_slice(&data);
                }
                Event::Closed(1, close) => return (got, close.code),
                Event::Room(1) => {}
                other => panic!("{other:?}"),
            }
        }
    };
    let ((), (got, code)) = tokio::join!(sending, receiving);
    assert!(
        got == all,
        "{} of {} bytes, or others",
        got.len(),
        all.len()
    );
    assert_eq!(code, Some(CloseCode::Done));
}

#[tokio::test]
async fn a_proof_holds_for_this_relay_this_link_this_agent_and_this_place() {
    let relay = Relay::start().await;
    let keys = Keys::new();
    drop(relay.newcomer(&keys.identity).await);
    let other = Arc::new(SigningKey::from_bytes(&[9; 32]));
    let nobody = AgentId([9; 16]);
    let (ours, agent) = (relay.host(), keys.agent());
    let refused =
        async |path: &str, host: &str, role, agent, key: &SigningKey, earlier: Option<Frame>| {
            let mut socket = relay.socket(path).await;
            let Ok(Frame::Challenge(challenge)) =
                Frame::decode(binary(&mut socket).await, Leg::Viewer)
            else {
                panic!()
            };
            let proof =
                prove(key, role, host, agent, &challenge, now(Instant::now()).unix).unwrap();
            let frame = earlier.unwrap_or(Frame::Proof(proof.clone()));
            socket.send(Message::Binary(frame.encode())).await.unwrap();
            (goodbye(&mut socket).await, Frame::Proof(proof))
        };
    let (identity, device) = (&*keys.identity, &*keys.device);
    let cases = [
        (
            "/v1/attach",
            "evil.example",
            Role::Device,
            agent,
            device,
            CloseCode::WrongHost,
        ),
        (
            "/v1/attach",
            &*ours,
            Role::Device,
            nobody,
            device,
            CloseCode::UnknownAgent,
        ),
        (
            "/v1/attach",
            &*ours,
            Role::Agent,
            agent,
            identity,
            CloseCode::ProofRefused,
        ),
        (
            "/v1/agent",
            &*ours,
            Role::Device,
            agent,
            device,
            CloseCode::ProofRefused,
        ),
        (
            "/v1/agent",
            &*ours,
            Role::Agent,
            agent,
            &other,
            CloseCode::ProofRefused,
        ),
        (
            "/v1/agent",
            &*ours,
            Role::Agent,
            nobody,
            &other,
            CloseCode::UnknownAgent,
        ),
    ];
    let mut replayed = None;
    for (path, host, role, agent, key, code) in cases {
        let (heard, proof) = refused(path, host, role, agent, key, None).await;
        assert_eq!(heard, ended(code), "{path} {host} {role:?}");
        replayed = Some(proof);
    }
    let (heard, _) = refused("/v1/agent", &ours, Role::Agent, agent, identity, replayed).await;
    assert_eq!(heard, ended(CloseCode::ProofRefused));
}

#[tokio::test]
async fn an_agent_whose_clock_is_far_off_is_told_so_and_keeps_its_code() {
    let relay = Relay::start().await;
    let keys = Keys::new();
    drop(relay.newcomer(&keys.identity).await);
    let mut socket = relay.socket("/v1/agent").await;
    let Ok(Frame::Challenge(challenge)) = Frame::decode(binary(&mut socket).await, Leg::Agent)
    else {
        panic!()
    };
    let time = now(Instant::now()).unix + std::time::Duration::from_secs(3600);
    let proof = prove(
        &keys.identity,
        Role::Agent,
        &relay.host(),
        keys.agent(),
        &challenge,
        time,
    )
    .unwrap();
    socket
        .send(Message::Binary(Frame::Proof(proof).encode()))
        .await
        .unwrap();
    assert_eq!(goodbye(&mut socket).await, ended(CloseCode::ClockSkew));

    let mut viewer = relay.viewer(keys.agent(), &keys.device).await;
    viewer
        .link
        .open(Target::Session(keys.grant()), 1000, &[1], Bytes::new())
        .unwrap();
    assert!(
        matches!(viewer.event().await, Event::Closed(1, close) if close.code == Some(CloseCode::AgentClock))
    );
}

#[tokio::test]
async fn a_stranger_is_closed_for_what_it_does() {
    let relay = Relay::start().await;
    let ping = Frame::Ping([0; 8]).encode();
    for (message, code) in [
        (Message::text("hello"), CloseCode::Malformed),
        (Message::binary(vec![1, 2, 3]), CloseCode::Malformed),
        (
            Message::binary(vec![0, 0, 0, 0, 0x7f]),
            CloseCode::UnknownKind,
        ),
        (Message::binary(ping), CloseCode::UnexpectedFrame),
        (Message::binary(vec![0; 4096]), CloseCode::UnprovenBytes),
        (Message::binary(vec![0; 200_000]), CloseCode::TooLarge),
    ] {
        let mut socket = relay.socket("/v1/attach").await;
        let _ = socket.send(message).await;
        assert_eq!(goodbye(&mut socket).await, ended(code));
    }
}

#[tokio::test]
async fn a_stranger_that_says_nothing_is_closed_in_time() {
    let relay = Relay::start().await;
    let mut socket = relay.socket("/v1/attach").await;
    assert_eq!(
        goodbye(&mut socket).await,
        ended(CloseCode::HandshakeTimeout)
    );
}

#[tokio::test]
async fn the_newest_agent_wins_and_a_stopping_relay_says_goodbye() {
    let mut relay = Relay::start().await;
    let keys = Keys::new();
    let mut first = relay.newcomer(&keys.identity).await;
    let mut second = relay
        .dial(Dialler::Agent {
            agent: keys.agent(),
            key: Arc::clone(&keys.identity),
        })
        .await;
    assert!(matches!(second.event().await, Event::Welcome { .. }));
    assert_eq!(goodbye(&mut first.socket).await, ended(CloseCode::Replaced));
    let mut viewer = relay.viewer(keys.agent(), &keys.device).await;
    relay.stop();
    assert_eq!(
        goodbye(&mut second.socket).await,
        ended(CloseCode::GoingAway)
    );
    assert_eq!(
        goodbye(&mut viewer.socket).await,
        ended(CloseCode::GoingAway)
    );
    drop((first, second, viewer));
    relay.stopped().await;
}

#[tokio::test]
async fn a_stopping_relay_does_not_wait_for_strangers() {
    let mut relay = Relay::start().await;
    let mut stranger = relay.socket("/v1/attach").await;
    assert!(stranger.next().await.is_some(), "it is asked who it is");
    relay.stop();
    let stopped = tokio::time::timeout(Duration::from_secs(1), relay.stopped());
    stopped.await.unwrap();
}
