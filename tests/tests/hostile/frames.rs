//! What is no frame, or no WebSocket: refused by a code, before a proof and after it.

use anyhow::{Context as _, Result};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::kind;
use lanyard_shared::limits::{FRAME_HEADER, FRAME_MAX, SENTENCE_MAX, TOKEN_MAX, VERSIONS_MAX};
use lanyard_tests::World;
use lanyard_tests::attack::link::{ATTACH, told};
use lanyard_tests::attack::target::source;
use lanyard_tests::attack::ws::{
    BINARY, CONTINUATION, FIN, PING, RSV1, TEXT, declared, frame, unmasked,
};
use lanyard_tests::attack::{Attackers, Beside, HostileAgent, HostileLink, Target};

/// What is sent, and the code it is refused by.
type Case = (&'static str, Vec<u8>, CloseCode);

/// Breaks the rules of WebSockets, whoever sends it.
fn no_websocket() -> Vec<Case> {
    let malformed = |name, bytes| (name, bytes, CloseCode::Malformed);
    let too_large = |name, bytes| (name, bytes, CloseCode::TooLarge);
    let two = |first: Vec<u8>, second: Vec<u8>| [first, second].concat();
    vec![
        malformed("unmasked", unmasked(FIN | BINARY, &[0; 13])),
        malformed("compressed", frame(FIN | RSV1 | BINARY, &[0; 13])),
        malformed("reserved opcode", frame(FIN | 0x3, &[0; 13])),
        malformed("reserved control", frame(FIN | 0xb, b"")),
        malformed("ping in parts", frame(PING, b"")),
        malformed("ping too long", frame(FIN | PING, &[0; 126])),
        malformed("continues nothing", frame(FIN | CONTINUATION, b"x")),
        malformed(
            "begins within a message",
            two(frame(BINARY, b"x"), frame(FIN | BINARY, b"x")),
        ),
        malformed("text", frame(FIN | TEXT, b"hello")),
        malformed("text that is none", frame(FIN | TEXT, &[0xff, 0xfe])),
        malformed("empty", frame(FIN | BINARY, b"")),
        malformed("half a frame", frame(FIN | BINARY, &[0; FRAME_HEADER - 1])),
        too_large(
            "one byte too large",
            declared(FIN | BINARY, FRAME_MAX as u64 + 1, &[]),
        ),
        too_large(
            "as large as can be",
            declared(FIN | BINARY, u64::MAX >> 1, &[]),
        ),
    ]
}

fn link_frame(stream: u32, kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = stream.to_be_bytes().to_vec();
    bytes.push(kind);
    bytes.extend_from_slice(payload);
    frame(FIN | BINARY, &bytes)
}

fn open(target: u8, credit: u32, versions: usize, body: &[u8]) -> Vec<u8> {
    let mut payload = vec![target];
    payload.extend_from_slice(&credit.to_be_bytes());
    payload.push(u8::try_from(versions).unwrap_or(u8::MAX));
    payload.extend(std::iter::repeat_n([0, 1], versions).flatten());
    payload.extend_from_slice(body);
    link_frame(1, kind::OPEN, &payload)
}

/// Is no frame of a proven viewer.
fn no_frame() -> Vec<Case> {
    let malformed = |name, bytes| (name, bytes, CloseCode::Malformed);
    let out_of_place = |name, kind, payload: &[u8]| {
        let bytes = link_frame(1, kind, payload);
        (name, bytes, CloseCode::UnexpectedFrame)
    };
    let parts = {
        let half = vec![0; FRAME_MAX / 2 + 1];
        [frame(BINARY, &half), frame(FIN | CONTINUATION, &half)].concat()
    };
    let accept = [&1000_u32.to_be_bytes()[..], &[1, 0, 1]].concat();
    vec![
        ("parts too large", parts, CloseCode::TooLarge),
        (
            "unknown kind",
            link_frame(1, 0x7f, b"x"),
            CloseCode::UnknownKind,
        ),
        malformed("unknown target", open(9, 1000, 1, b"x")),
        malformed("short rendezvous", open(1, 1000, 1, &[7; 15])),
        malformed("long token", open(2, 1000, 0, &[b'x'; TOKEN_MAX + 1])),
        malformed("too many versions", open(0, 1000, VERSIONS_MAX + 1, b"x")),
        malformed("no data", link_frame(1, kind::DATA, b"")),
        malformed("no credit", link_frame(1, kind::CREDIT, &[0; 4])),
        malformed("long ping", link_frame(0, kind::PING, &[0; 9])),
        malformed(
            "long sentence",
            link_frame(
                1,
                kind::CLOSE,
                &[&[0, 1][..], &[b'x'; SENTENCE_MAX + 1]].concat(),
            ),
        ),
        malformed("stream in the link", link_frame(0, kind::DATA, b"x")),
        malformed("link in a stream", link_frame(1, kind::PING, &[0; 8])),
        out_of_place("accept", kind::ACCEPT, &accept),
        out_of_place("renewal", kind::RENEW, b"a.b.c"),
    ]
}

#[tokio::test]
async fn what_is_no_frame_ends_its_link_by_a_code_and_no_other_link() -> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let mut beside = Beside::start(&world).await?;
    let agent = HostileAgent::enrol(&target, &world.relay.enrol().await?).await?;
    let attackers = Attackers::start()?;
    let device = agent.device.clone();
    attackers
        .run(async move {
            for (name, bytes, code) in no_websocket() {
                let (mut stranger, _) = HostileLink::challenged(&target, ATTACH, source(1)).await?;
                stranger.socket.send(&bytes).await?;
                let ending = stranger.ending().await.context(name)?;
                assert_eq!(
                    told(ending).context(name)?,
                    code,
                    "{name}, before the proof"
                );
            }
            for (name, bytes, code) in no_websocket().into_iter().chain(no_frame()) {
                let mut viewer = HostileLink::viewer(&target, agent.id, &device, source(2)).await?;
                viewer.socket.send(&bytes).await?;
                let ending = viewer.ending().await.context(name)?;
                assert_eq!(told(ending).context(name)?, code, "{name}");
            }
            Ok(())
        })
        .await?;
    beside.echo().await?;
    Ok(())
}
