//! Whatever bytes a stranger sends, every decoder says yes or no, and what it says yes to it writes the same way again.
//!
//! Not here: the lines of the operator's and the owner's socket, whose types are private; `hostile/sockets.rs` says nonsense to them.
//! Inputs are honest messages with damage done to them, and plain noise. `BOLERO_RANDOM_TEST_TIME_MS` says how long each test looks,
//! `BOLERO_RANDOM_SEED` repeats a run; `scripts/fuzz` looks for long.
#![allow(missing_docs)]

use bytes::{Bytes, BytesMut};
use ed25519_dalek::SigningKey;
use lanyard_agent::core::devices::Devices;
use lanyard_holder::screen::Screen;
use lanyard_holder::wire::{Decoder, FromClient, FromHolder, Kind, Message};
use lanyard_holder::{HolderConfig, Meta};
use lanyard_relay::names::{HostName, is_local};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::frame::{
    Accept, Announce, Challenge, Enrol, Frame, Leg, Open, Origin, Proof, Role, Target, Welcome,
};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, RendezvousId, TokenId, WriterId};
use lanyard_shared::limits::LIFE_VIEW;
use lanyard_shared::msg::{self, FromAgent, Grid, Offer, PairReply, PairRequest, ToAgent};
use lanyard_shared::noise::{Initiator, Prologue, Responder, StaticKey};
use lanyard_shared::pair::PairingLink;
use lanyard_shared::pair::address::Address;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::report::is_report;
use lanyard_shared::seal::{Direction, Opener, Sealer, StreamSecret};
use lanyard_shared::time::UnixMs;
use lanyard_shared::token::{self, Expected, NewToken};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::net::Ipv6Addr;

/// What is done to an honest message: which one, which bytes are replaced, where it is cut, and what follows.
type Damage = (u8, Vec<(u16, u8)>, u16, Vec<u8>);

/// One in eight inputs is noise alone, one in eight is honest.
fn damaged(honest: &[Vec<u8>], (which, edits, cut, tail): &Damage) -> Vec<u8> {
    let Some(message) = honest
        .get(usize::from(*which) % honest.len().max(1))
        .filter(|_| which % 8 != 0)
    else {
        return tail.clone();
    };
    let mut bytes = message.clone();
    if which % 8 == 1 {
        return bytes;
    }
    for (place, byte) in edits.iter().take(4) {
        let place = usize::from(*place) % bytes.len().max(1);
        if let Some(old) = bytes.get_mut(place) {
            *old = *byte;
        }
    }
    if which % 8 > 5 {
        bytes.truncate(usize::from(*cut) % (bytes.len() + 1));
    }
    if which % 4 == 3 {
        bytes.extend_from_slice(tail);
    }
    bytes
}

/// Feeds damaged bytes to a decoder.
fn decodes(honest: Vec<Vec<u8>>, decode: impl Fn(Vec<u8>) + std::panic::RefUnwindSafe) {
    bolero::check!()
        .with_type::<Damage>()
        .for_each(|damage| decode(damaged(&honest, damage)));
}

/// The same for text.
fn reads(honest: &[&str], read: impl Fn(&str) + std::panic::RefUnwindSafe) {
    let honest = honest.iter().map(|text| text.as_bytes().to_vec()).collect();
    decodes(honest, |bytes| read(&String::from_utf8_lossy(&bytes)));
}

fn frames() -> Vec<Frame> {
    let (agent, conn) = (AgentId([1; 16]), ConnId([2; 16]));
    let (host, time) = ("relay.test".to_owned(), UnixMs(5));
    let (key, signature) = (b64::Bytes([3; 32]), b64::Bytes([4; 64]));
    let open = |target, origin| Open {
        target,
        credit: 9,
        versions: Vec::new(),
        origin,
        first: Bytes::new(),
    };
    let origin = Some(Origin {
        conn,
        device: [5; 32],
        from: Ipv6Addr::LOCALHOST,
    });
    let mut session = open(Target::Session("a.b.c".into()), None);
    session.versions = vec![1, 2];
    session.first = Bytes::from_static(b"message 1");
    vec![
        Frame::Challenge(Challenge {
            nonce: b64::Bytes([6; 32]),
            conn,
            time,
            versions: vec![1],
        }),
        Frame::Proof(Proof {
            role: Role::Agent,
            host: host.clone(),
            agent,
            key,
            conn,
            time,
            version: 1,
            signature,
        }),
        Frame::Enrol(Enrol {
            chain: vec![],
            host,
            key,
            conn,
            time,
            version: 1,
            code: b64::Bytes([7; 16]),
            name: "desk".into(),
            signature,
        }),
        Frame::Welcome(Welcome {
            held: 1,
            time,
            agent,
            web: String::new(),
            warning: String::new(),
        }),
        Frame::Announce(Announce::default()),
        Frame::Ping([8; 8]),
        Frame::Wake,
        Frame::Open(1, session),
        Frame::Open(2, open(Target::Pair(RendezvousId([9; 16])), origin)),
        Frame::Open(3, open(Target::Purpose("a.b.c".into()), origin)),
        Frame::Accept(
            4,
            Accept {
                credit: 1,
                versions: vec![1],
            },
        ),
        Frame::Data(5, Bytes::from_static(b"opaque")),
        Frame::Credit(6, 7),
        Frame::Renew(7, "a.b.c".into()),
        Frame::Close(8, CloseCode::Revoked.into()),
    ]
}

#[test]
fn link_frames() {
    let honest = frames()
        .iter()
        .map(|frame| frame.encode().to_vec())
        .collect();
    decodes(honest, |bytes| {
        for leg in [Leg::Viewer, Leg::Agent] {
            if let Ok(frame) = Frame::decode(Bytes::from(bytes.clone()), leg) {
                assert_eq!(Frame::decode(frame.encode(), leg), Ok(frame));
            }
        }
    });
}

const GRID: Grid = Grid { cols: 80, rows: 24 };

#[test]
fn records_of_viewers() {
    let records = [
        ViewerRecord::ViewOpening {
            have: Some(5),
            grid: GRID,
        },
        ViewerRecord::TerminalOpening {
            writer: WriterId([1; 16]),
            grid: GRID,
            take_over: true,
        },
        ViewerRecord::Input {
            seq: 1,
            bytes: Bytes::from_static(b"ls\r"),
        },
        ViewerRecord::Resize(GRID),
        ViewerRecord::TakeOver,
    ];
    decodes(
        records
            .iter()
            .map(|record| plain(&record.encode()))
            .collect(),
        |bytes| {
            if let Some(record) = ViewerRecord::decode(&bytes) {
                assert_eq!(ViewerRecord::decode(&plain(&record.encode())), Some(record));
            }
        },
    );
}

#[test]
fn records_of_agents() {
    let records = [
        AgentRecord::Snapshot {
            offset: 1,
            grid: GRID,
            total: 2,
        },
        AgentRecord::SnapshotChunk(Bytes::from_static(b"ab")),
        AgentRecord::Output {
            offset: 3,
            bytes: Bytes::from_static(b"out"),
        },
        AgentRecord::Size(GRID),
        AgentRecord::Exit(msg::Exit::Status { code: 1 }),
        AgentRecord::At(1500),
        AgentRecord::Opened {
            last: 1,
            driver: false,
        },
        AgentRecord::Applied(9),
        AgentRecord::Driver(true),
        AgentRecord::End(CloseCode::Lapsed.into()),
    ];
    decodes(
        records
            .iter()
            .map(|record| plain(&record.encode()))
            .collect(),
        |bytes| {
            if let Some(record) = AgentRecord::decode(&Bytes::from(bytes)) {
                let again = Bytes::from(plain(&record.encode()));
                assert_eq!(AgentRecord::decode(&again), Some(record));
            }
        },
    );
}

/// Without the room that is left for the frame's header.
fn plain(framed: &BytesMut) -> Vec<u8> {
    framed[lanyard_shared::limits::FRAME_HEADER..].to_vec()
}

fn message<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(message) = msg::decode::<T>(bytes) {
        assert_eq!(msg::decode::<T>(&msg::encode(&message)), Ok(message));
    }
}

#[test]
fn messages_inside_sessions() {
    let honest: [&[u8]; 8] = [
        br#"{"t":"hello","name":"phone"}"#,
        br#"{"t":"ping","n":1}"#,
        br#"{"t":"pong","n":1,"time":5}"#,
        br#"{"t":"mint","req":1,"purpose":"view","terminal":"BQUFBQUFBQUFBQUFBQUFBQ"}"#,
        br#"{"t":"create","req":1,"key":"BQUFBQUFBQUFBQUFBQUFBQ","name":"","grid":{"cols":80,"rows":24}}"#,
        br#"{"t":"done","req":1}"#,
        br#"{"t":"terminals","terminals":[]}"#,
        br#"{"t":"waiting"}"#,
    ];
    decodes(honest.map(<[u8]>::to_vec).to_vec(), |bytes| {
        message::<ToAgent>(&bytes);
        message::<FromAgent>(&bytes);
        message::<PairRequest>(&bytes);
        message::<PairReply>(&bytes);
        message::<Offer>(&bytes);
    });
}

#[test]
fn tokens_and_grants() {
    let key = SigningKey::from_bytes(&[1; 32]);
    let (agent, device, conn) = (AgentId([2; 16]), DeviceId([3; 16]), ConnId([4; 16]));
    let new = NewToken {
        agent,
        device,
        issued: UnixMs::from_secs(1000),
        life: LIFE_VIEW,
        id: TokenId([5; 16]),
        conn: Some(conn),
        epoch: 1,
    };
    let honest = token::issue::<token::View>(&key, &new).unwrap();
    let expected = Expected {
        agent,
        device,
        conn: Some(conn),
        epoch: 1,
        early: std::time::Duration::ZERO,
    };
    let (now, keys) = (UnixMs::from_secs(1010), [key.verifying_key().to_bytes()]);
    assert!(token::verify_any(now, &honest, &keys, &expected).is_ok());
    reads(&[&honest], |text| {
        // Nothing but what was signed verifies, character for character.
        let verified = token::verify_any(now, text, &keys, &expected).is_ok();
        assert_eq!(verified, text == honest);
        assert!(token::verify::<token::Device>(now, text, &keys, &expected).is_err());
    });
}

#[test]
fn first_words_of_handshakes() {
    let (device, machine) = (
        StaticKey::from_bytes(&[1; 32]),
        StaticKey::from_bytes(&[2; 32]),
    );
    let prologue = Prologue {
        agent: AgentId([3; 16]),
        conn: ConnId([4; 16]),
        viewer_versions: &[1],
        agent_versions: &[1],
    };
    let (session, _) = Initiator::session(&prologue, &device, machine.public()).unwrap();
    let psk = lanyard_shared::pair::PairingSecret::from_bytes([5; 32]).psk();
    let (pair, _) = Initiator::pair(&prologue, &device, machine.public(), &psk).unwrap();
    decodes(vec![session.clone(), pair.clone()], |bytes| {
        let opened = Responder::read_session(&prologue, &machine, &bytes).is_ok();
        assert!(!opened || bytes == session);
        let paired = Responder::read_pair(&prologue, &machine, &psk, &bytes).is_ok();
        assert!(!paired || bytes == pair);
    });
}

#[test]
fn sealed_records() {
    let secret = StreamSecret::from_bytes([1; 32]);
    let (jti, way) = (TokenId([2; 16]), Direction::ToAgent);
    let mut sealed = BytesMut::from(&b"     record"[..]);
    Sealer::new(&secret, jti, way).seal(&mut sealed, 5).unwrap();
    let honest = sealed[5..].to_vec();
    decodes(vec![honest.clone()], |bytes| {
        let opened = Opener::new(&secret, jti, way).open_bytes(Bytes::from(bytes.clone()));
        assert_eq!(opened.is_ok(), bytes == honest);
    });
}

#[test]
fn links_codes_and_addresses() {
    let link = PairingLink {
        agent: AgentId([1; 16]),
        noise_key: [2; 32],
        secret: lanyard_shared::pair::PairingSecret::from_bytes([3; 32]),
        fingerprint: Some([4; 32]),
    };
    let url = link.url(&Address::parse("https://relay.test:8443").unwrap());
    let code = EnrolmentCode {
        address: Address::parse("https://relay.test").unwrap(),
        fingerprint: None,
        code: zeroize::Zeroizing::new([5; 16]),
    };
    let honest = [
        url.as_str(),
        &code.encode(),
        "https://relay.test",
        "http://[::1]:8080",
        "relay.test:443",
    ];
    reads(&honest, |text| {
        if let Ok((address, link)) = PairingLink::parse(text) {
            let again = PairingLink::parse(&link.url(&address)).unwrap();
            assert_eq!((again.0, again.1.agent), (address, link.agent));
        }
        if let Ok(code) = EnrolmentCode::parse(text) {
            assert!(EnrolmentCode::parse(&code.encode()).is_ok());
        }
        if let Ok(address) = Address::parse(text) {
            assert_eq!(Address::parse(address.web()), Ok(address));
        }
        let _ = (HostName::parse(text), is_local(text));
    });
}

/// What stands in a file is read back as it was written.
fn stored<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    if let Ok(value) = serde_json::from_slice::<T>(bytes) {
        let again = serde_json::to_vec(&value).unwrap_or_default();
        assert_eq!(serde_json::from_slice::<T>(&again).ok(), Some(value));
    }
}

#[test]
fn files_of_agent_and_holder() {
    let id = "05".repeat(16).parse().unwrap();
    let config = HolderConfig::new("/run/lanyard", id);
    let meta = Meta {
        id,
        name: "one".into(),
        command: vec!["/bin/sh".into()],
        cwd: "/".into(),
        started: 1,
        version: 1,
    };
    let devices =
        br#"{"devices":[],"ended":[{"id":"BQUFBQUFBQUFBQUFBQUFBQ","epoch":2,"until":5}]}"#;
    assert!(serde_json::from_slice::<Devices>(devices).is_ok());
    let honest = vec![
        serde_json::to_vec(&config).unwrap(),
        serde_json::to_vec(&meta).unwrap(),
        devices.to_vec(),
    ];
    decodes(honest, |bytes| {
        stored::<Devices>(&bytes);
        stored::<Meta>(&bytes);
        stored::<HolderConfig>(&bytes);
    });
}

/// Bytes as a socket brings them: in pieces.
fn holder_messages<M: Message + PartialEq + std::fmt::Debug>(bytes: &[u8]) {
    let mut decoder = Decoder::<M>::default();
    for piece in bytes.chunks(7) {
        decoder.buffer().extend_from_slice(piece);
        loop {
            match decoder.next() {
                Ok(Some(message)) => {
                    let mut again = Decoder::<M>::default();
                    message.encode(again.buffer());
                    assert_eq!(again.next(), Ok(Some(message)));
                }
                Ok(None) => break,
                Err(_) => return,
            }
        }
    }
}

#[test]
fn messages_between_agent_and_holder() {
    let mut honest = Vec::new();
    let mut add = |encode: &dyn Fn(&mut BytesMut)| {
        let mut bytes = BytesMut::new();
        encode(&mut bytes);
        honest.push(bytes.to_vec());
    };
    for message in [
        FromClient::Hello {
            version: 1,
            kind: Kind::Control,
        },
        FromClient::Resize { cols: 80, rows: 24 },
        FromClient::Credit(5),
    ] {
        add(&|bytes| message.encode(bytes));
    }
    for message in [
        FromHolder::Applied {
            writer: [1; 16],
            seq: 2,
        },
        FromHolder::Output {
            offset: 3,
            bytes: Bytes::from_static(b"x"),
        },
    ] {
        add(&|bytes| message.encode(bytes));
    }
    decodes(honest, |bytes| {
        holder_messages::<FromClient>(&bytes);
        holder_messages::<FromHolder>(&bytes);
    });
}

#[test]
fn what_programs_print() {
    let honest: [&[u8]; 6] = [
        b"\x1b[2J\x1b[1;1H\x1b[38;2;1;2;3mtext\x1b[0m\r\n",
        b"\x1b[?1049h\x1b[5;20r\x1b[10L\x1b[3M\x1b[4P\x1b[?1049l",
        b"\x1b]0;title\x07\x1b]8;;https://x.test\x1b\\link\x1b]8;;\x1b\\",
        "e\u{301}\u{65e5}\u{672c}\u{1f468}\u{200d}\u{1f469}".as_bytes(),
        b"\x1b[9999;9999H\x1b[999999999@\x1b[65535X\x1b7\x1b8\x1b[!p",
        b"\x1b(0lqqk\x1b(B\x0e\x0f\t\t\x08\x1bM\x1bD",
    ];
    decodes(honest.map(<[u8]>::to_vec).to_vec(), |bytes| {
        let mut screen = Screen::new(20, 6);
        let (first, second) = bytes.split_at(bytes.len() / 2);
        screen.feed(first);
        screen.resize(7, 3);
        screen.feed(second);
        // A picture is made of whole sequences: drawing it once more changes nothing.
        let picture = screen.snapshot();
        let mut copy = Screen::new(7, 3);
        copy.feed(&picture);
        assert_eq!(copy.size(), screen.size());
        let _ = is_report(&bytes);
    });
}
