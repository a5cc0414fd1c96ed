//! A relay and an agent in one, that do what a test says.

use super::world::AGENT;
use crate::core::Party;
use crate::core::{Half, Memory};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_shared::access::Reach;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{
    Accept, Challenge, Close, Frame, Leg, Open, StreamId, Target, Welcome,
};
use lanyard_shared::ids::{ConnId, TokenId};
use lanyard_shared::limits::{FRAME_HEADER, SESSION_VERSIONS};
use lanyard_shared::msg::{self, FromAgent, PairRequest, Scope, ToAgent, Wanted};
use lanyard_shared::noise::{Prologue, Psk, Responder, Session, StaticKey, Unconfirmed};
use lanyard_shared::pair::verify_pairing;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::seal::{Direction, Opener, Sealer, StreamSecret};
use lanyard_shared::time::UnixMs;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// What the peer saw of the viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Seen {
    Said(ToAgent),
    Opened(StreamId, Half, u32),
    Record(StreamId, ViewerRecord),
    Credit(StreamId, u32),
    Closed(StreamId, Option<CloseCode>),
}

/// The relay and the agent in one: what they do by themselves is what honest ones do, unless a switch says otherwise.
pub struct Peer {
    pub noise: StaticKey,
    pub psk: Option<Psk>,
    pub offer: Vec<u8>,
    pub links: u8,
    /// What sessions were opened with.
    pub grants: Vec<String>,
    /// The key that the present link proved.
    pub proven: Option<[u8; 32]>,
    talks: BTreeMap<StreamId, Talk>,
    tokens: BTreeMap<String, (TokenId, StreamSecret, Half)>,
    streams: BTreeMap<StreamId, Purpose>,
    next_token: u8,
    pub seen: Vec<Seen>,
    replies: VecDeque<Bytes>,
    /// What a session open is answered with, if not with an accept.
    pub refuses_sessions: Option<CloseCode>,
    pub refuses_mints: Option<(Half, CloseCode)>,
    pub answers_pings: bool,
    /// Nothing is said to a hello and what follows it.
    pub keeps_welcome: bool,
    /// Accepts of purpose streams are lost on the way.
    pub loses_accepts: bool,
    /// What it says it speaks.
    pub versions: Vec<u16>,
    pub credit: u32,
    /// What came in a pairing, and whether its signature holds in that handshake.
    pub request: Option<PairRequest>,
    pub request_verifies: bool,
}

enum Talk {
    Accepted,
    Unconfirmed(Unconfirmed),
    Standing(Session),
    Over,
}

struct Purpose {
    jti: TokenId,
    purpose: Half,
    sealer: Sealer,
    opener: Opener,
}

impl Peer {
    pub fn new() -> Self {
        Self {
            noise: StaticKey::from_bytes(&[9; 32]),
            psk: None,
            offer: Vec::new(),
            links: 0,
            grants: Vec::new(),
            proven: None,
            talks: BTreeMap::new(),
            tokens: BTreeMap::new(),
            streams: BTreeMap::new(),
            next_token: 0,
            seen: Vec::new(),
            replies: VecDeque::new(),
            refuses_sessions: None,
            refuses_mints: None,
            answers_pings: true,
            keeps_welcome: false,
            loses_accepts: false,
            versions: SESSION_VERSIONS.to_vec(),
            credit: 64 * 1024,
            request: None,
            request_verifies: false,
        }
    }

    /// A new WebSocket: the relay speaks first.
    pub fn new_link(&mut self) {
        self.links += 1;
        self.talks.clear();
        self.streams.clear();
        self.replies.clear();
        let challenge = Challenge {
            nonce: b64::Bytes([self.links; 32]),
            conn: self.conn(),
            time: UnixMs(0),
            versions: vec![1],
        };
        self.reply(Frame::Challenge(challenge));
    }

    /// Sessions are over and nobody was told.
    pub fn forget_talks(&mut self) {
        self.talks.clear();
    }

    fn conn(&self) -> ConnId {
        ConnId([self.links; 16])
    }

    pub fn reply(&mut self, frame: Frame) {
        self.replies.push_back(frame.encode());
    }

    pub fn take_reply(&mut self) -> Option<Bytes> {
        self.replies.pop_front()
    }

    pub fn take_frame(&mut self, message: Bytes) {
        match Frame::decode(message, Leg::Viewer).unwrap() {
            Frame::Proof(proof) => {
                self.proven = Some(proof.key.0);
                let warning = String::new();
                let welcome = Welcome {
                    held: 600_000,
                    time: UnixMs(0),
                    agent: AGENT,
                    web: String::new(),
                    warning,
                };
                self.reply(Frame::Welcome(welcome));
            }
            Frame::Ping(bytes) => self.reply(Frame::Pong(bytes)),
            Frame::Open(id, open) => self.opened(id, open),
            Frame::Data(id, data) => self.data(id, data),
            Frame::Credit(id, amount) => self.seen.push(Seen::Credit(id, amount)),
            Frame::Close(id, close) => {
                self.streams.remove(&id);
                self.talks.remove(&id);
                self.seen.push(Seen::Closed(id, close.code));
            }
            frame @ (Frame::Challenge(_)
            | Frame::Enrol(_)
            | Frame::Welcome(_)
            | Frame::Announce(_)
            | Frame::Pong(_)
            | Frame::Wake
            | Frame::Rotate(_)
            | Frame::Accept(..)
            | Frame::Renew(..)) => panic!("a viewer sent {frame:?}"),
        }
    }

    fn data(&mut self, id: StreamId, data: Bytes) {
        if self.talks.contains_key(&id) {
            self.talk(id, &data);
        } else if let Some(stream) = self.streams.get_mut(&id) {
            let plain = stream.opener.open_bytes(data).unwrap();
            let record = ViewerRecord::decode(&plain).unwrap();
            self.seen.push(Seen::Record(id, record));
        }
    }

    fn opened(&mut self, id: StreamId, open: Open) {
        let credit = open.credit;
        let versions = match &open.target {
            Target::Session(grant) => {
                self.grants.push(grant.clone());
                if let Some(code) = self.refuses_sessions {
                    return self.reply(Frame::Close(id, code.into()));
                }
                if self.loses_accepts {
                    return;
                }
                self.talks.insert(id, Talk::Accepted);
                self.versions.clone()
            }
            Target::Pair(_) => {
                self.talks.insert(id, Talk::Accepted);
                self.versions.clone()
            }
            Target::Purpose(token) => {
                let (jti, secret, purpose) = self.tokens.remove(token).expect("a token opens once");
                let sealer = Sealer::new(&secret, jti, Direction::ToViewer);
                let opener = Opener::new(&secret, jti, Direction::ToAgent);
                self.streams.insert(
                    id,
                    Purpose {
                        jti,
                        purpose,
                        sealer,
                        opener,
                    },
                );
                self.seen.push(Seen::Opened(id, purpose, credit));
                if self.loses_accepts {
                    return;
                }
                Vec::new()
            }
        };
        let counts = open.versions == versions;
        self.reply(Frame::Accept(
            id,
            Accept {
                credit: self.credit,
                versions,
            },
        ));
        if counts && !open.first.is_empty() {
            self.data(id, open.first);
        }
    }

    fn talk(&mut self, id: StreamId, data: &[u8]) {
        let talk = self.talks.insert(id, Talk::Over).unwrap();
        let next = match talk {
            Talk::Accepted => {
                let prologue = Prologue {
                    agent: AGENT,
                    conn: self.conn(),
                    viewer_versions: SESSION_VERSIONS,
                    agent_versions: &self.versions,
                };
                let received = match &self.psk {
                    Some(psk) => Responder::read_pair(&prologue, &self.noise, psk, data),
                    None => Responder::read_session(&prologue, &self.noise, data),
                };
                let Ok(received) = received else {
                    return self.reply(Frame::Close(id, CloseCode::HandshakeFailed.into()));
                };
                let (message2, unconfirmed) = received.reply(&self.offer).unwrap();
                self.reply(Frame::Data(id, message2.into()));
                Talk::Unconfirmed(unconfirmed)
            }
            Talk::Unconfirmed(unconfirmed) => {
                let (session, plain) = unconfirmed.confirm(data).unwrap();
                if self.psk.is_some() {
                    let request: PairRequest = msg::decode(&plain).unwrap();
                    let (hash, remote) = (session.handshake_hash(), session.remote());
                    self.request_verifies =
                        verify_pairing(&request.key.0, hash, AGENT, remote, &request.signature.0);
                    self.request = Some(request);
                }
                self.talks.insert(id, Talk::Standing(session));
                if self.psk.is_none() {
                    let hello: ToAgent = msg::decode(&plain).unwrap();
                    assert!(matches!(hello, ToAgent::Hello { .. }));
                    self.seen.push(Seen::Said(hello));
                    if !self.keeps_welcome {
                        self.say(&welcome());
                    }
                }
                return;
            }
            Talk::Standing(mut session) => {
                let plain = session.open(data).unwrap();
                self.talks.insert(id, Talk::Standing(session));
                return self.asked(msg::decode(&plain).unwrap());
            }
            Talk::Over => panic!("the viewer talks after the end"),
        };
        self.talks.insert(id, next);
    }

    fn asked(&mut self, message: ToAgent) {
        match &message {
            ToAgent::Ping { n } if self.answers_pings => self.say(&FromAgent::Pong {
                n: *n,
                time: UnixMs(0),
            }),
            ToAgent::Mint { req, wanted } => self.mint(*req, half(wanted)),
            ToAgent::Ping { .. }
            | ToAgent::Hello { .. }
            | ToAgent::Create { .. }
            | ToAgent::End { .. }
            | ToAgent::Rename { .. }
            | ToAgent::History { .. }
            | ToAgent::Forget { .. }
            | ToAgent::Renew { .. }
            | ToAgent::KeysTaken { .. }
            | ToAgent::Audit { .. }
            | ToAgent::SetMode { .. }
            | ToAgent::EndGranted { .. }
            | ToAgent::Rekey { .. }
            | ToAgent::Access { .. }
            | ToAgent::Revoke { .. } => {}
        }
        self.seen.push(Seen::Said(message));
    }

    fn mint(&mut self, req: u32, purpose: Half) {
        if self.keeps_welcome {
            return;
        }
        if let Some((refused, code)) = self.refuses_mints
            && refused == purpose
        {
            return self.say(&FromAgent::Refused {
                req,
                reason: code.into(),
            });
        }
        self.next_token += 1;
        let (jti, secret) = (TokenId([self.next_token; 16]), [self.next_token; 32]);
        let token = format!("token-{}", self.next_token);
        self.tokens.insert(
            token.clone(),
            (jti, StreamSecret::from_bytes(secret), purpose),
        );
        let secret = b64::Bytes(secret);
        self.say(&FromAgent::Minted {
            req,
            jti,
            token,
            secret,
            issued: UnixMs(0),
            expires: UnixMs(300_000),
        });
    }

    /// Closes the session that stands.
    pub fn close_session(&mut self, code: CloseCode) {
        let session = self.talks.pop_first().expect("a session stands").0;
        self.reply(Frame::Close(session, code.into()));
    }

    /// Says something inside the session or pairing that stands.
    pub fn say(&mut self, message: &impl serde::Serialize) {
        let standing = self.talks.iter_mut().find_map(|(id, talk)| match talk {
            Talk::Standing(session) => Some((*id, session)),
            Talk::Accepted | Talk::Unconfirmed(_) | Talk::Over => None,
        });
        let (id, session) = standing.expect("a session stands");
        let sealed = session.seal(&msg::encode(message)).unwrap();
        self.reply(Frame::Data(id, sealed.into()));
    }

    /// The stream for a purpose that stands.
    pub fn stream(&self, purpose: Half) -> Option<StreamId> {
        self.streams
            .iter()
            .rev()
            .find(|(_, stream)| stream.purpose == purpose)
            .map(|(id, _)| *id)
    }

    pub fn jti(&self, purpose: Half) -> TokenId {
        self.streams[&self.stream(purpose).unwrap()].jti
    }

    /// Sends a sealed record.
    pub fn record(&mut self, purpose: Half, record: &AgentRecord) {
        let frame = self.sealed(purpose, record);
        self.reply(frame);
    }

    pub fn sealed(&mut self, purpose: Half, record: &AgentRecord) -> Frame {
        let id = self.stream(purpose).expect("the stream stands");
        let stream = self.streams.get_mut(&id).unwrap();
        let mut framed = record.encode();
        stream.sealer.seal(&mut framed, FRAME_HEADER).unwrap();
        Frame::Data(id, framed.freeze().slice(FRAME_HEADER..))
    }

    /// Ends a stream as an honest agent does.
    pub fn end(&mut self, purpose: Half, code: CloseCode) {
        self.record(purpose, &AgentRecord::End(Close::from(code)));
        self.close(purpose, code);
    }

    /// Ends a stream as a relay can.
    pub fn close(&mut self, purpose: Half, code: CloseCode) {
        let id = self.stream(purpose).expect("the stream stands");
        self.streams.remove(&id);
        self.reply(Frame::Close(id, code.into()));
    }
}

/// Which of a terminal's two streams a token is wanted for.
pub fn half(wanted: &Wanted) -> Half {
    match wanted {
        Wanted::View { .. } => Half::View,
        Wanted::Terminal { .. } => Half::Terminal,
        Wanted::FilesRead { .. }
        | Wanted::Run { .. }
        | Wanted::FilesWrite { .. }
        | Wanted::Prompt { .. }
        | Wanted::Approve { .. }
        | Wanted::Devices {} => panic!("an attached terminal wants no token for {wanted:?}"),
    }
}

fn welcome() -> FromAgent {
    FromAgent::Welcome {
        machine: "desk".to_owned(),
        user: "me".to_owned(),
        time: UnixMs(0),
        scopes: vec![Scope::View, Scope::Terminal],
        reach: Reach::default(),
        expires: UnixMs(1_000_000),
        until: None,
        generation: 5,
        suspended: false,
        terminals: vec![],
    }
}

/// The seed of the machine's identity.
pub const IDENTITY: [u8; 32] = [77; 32];

pub fn memory(peer: &Peer) -> Memory {
    let identity = SigningKey::from_bytes(&IDENTITY).verifying_key().to_bytes();
    Memory {
        grant: "grant".to_owned(),
        expires: UnixMs(1_000_000),
        remote: *peer.noise.public(),
        serial: 1,
        identity: Some(identity),
        generation: 4,
        keys: None,
    }
}

pub fn party(peer: &Peer) -> Party {
    Party {
        agent: AGENT,
        remote: *peer.noise.public(),
        key: Arc::new(SigningKey::from_bytes(&[2; 32])),
        noise: StaticKey::from_bytes(&[3; 32]),
        name: "test".to_owned(),
    }
}
