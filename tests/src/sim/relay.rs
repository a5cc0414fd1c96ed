//! The relay without its sockets: the real router, the real proofs, and the ends of links that a crash or a cut leaves behind.

use super::tamper::Armed;
use super::wire::Pipe;
use super::{HOST, Side};
use bytes::Bytes;
use lanyard_relay::route::{AgentClock, Output, Port, Router};
use lanyard_relay::{Due, Held, check_clock};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Challenge, Frame, Leg, Proof, Role, Welcome};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::limits::{LINK_VERSIONS, PROOF_HELD, RELAY_SILENCE, UNPROVEN_TIME};
use lanyard_shared::proof::check_proof;
use lanyard_shared::rotate::check_rotate;
use lanyard_shared::time::{Mono, Now};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::task::Waker;

/// A link, as the relay numbers it.
pub type LinkId = u64;

/// Which of the two ways on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// To the relay.
    Up,
    /// From the relay.
    Down,
}

/// Where a link stands at the relay.
enum Stage {
    Asked(Challenge, Mono),
    Stands(Port, Held, [u8; 32]),
    /// The relay has said why and waits for the rest to be read.
    Closing,
}

/// One link.
pub struct Link {
    pub side: Side,
    pub up: Pipe,
    pub down: Pipe,
    /// What is to happen to the next message of each way.
    pub armed: [Armed; 2],
    /// Nothing arrives any more, and neither end is told.
    pub black_hole: bool,
    /// The peer has closed its end; what it sent before still arrives.
    pub peer_gone: bool,
    stage: Stage,
    conn: ConnId,
    heard: Mono,
}

/// The relay.
pub struct Relay {
    /// Whether it runs.
    pub up: bool,
    /// How far its wall clock is off, in milliseconds.
    pub clock: i64,
    /// Every link it believes in.
    pub links: BTreeMap<LinkId, Link>,
    router: Arc<Router>,
    next: LinkId,
    agent: AgentId,
    /// On disk: the agent's identity, and the one that is to take its place.
    identity: [u8; 32],
    next_identity: Option<[u8; 32]>,
}

impl Link {
    /// The way of that name.
    pub fn pipe(&mut self, way: Way) -> &mut Pipe {
        match way {
            Way::Up => &mut self.up,
            Way::Down => &mut self.down,
        }
    }

    /// Whether the relay has nothing more to say and closes once all is read.
    pub fn is_closing(&self) -> bool {
        matches!(self.stage, Stage::Closing)
    }

    /// When the relay wants to look at this link.
    pub fn deadline(&self) -> Option<Mono> {
        match &self.stage {
            Stage::Asked(_, until) => Some(*until),
            Stage::Stands(port, held, _) => {
                let silent = self.heard + RELAY_SILENCE;
                [Some(held.deadline()), Some(silent), port.deadline()]
                    .into_iter()
                    .flatten()
                    .min()
            }
            Stage::Closing => None,
        }
    }

    fn leg(&self) -> Leg {
        match self.side {
            Side::Agent => Leg::Agent,
            Side::Viewer(_) => Leg::Viewer,
        }
    }

    /// The next message for the peer.
    pub fn poll(&mut self) -> Option<Bytes> {
        let Stage::Stands(port, ..) = &self.stage else {
            return None;
        };
        match port.output(Waker::noop()) {
            Output::Message(message) => Some(message),
            Output::End(code) => Some(self.end(code)),
            Output::Nothing => None,
        }
    }

    /// Ends the link; returns the last word.
    fn end(&mut self, code: CloseCode) -> Bytes {
        self.stage = Stage::Closing;
        Frame::Close(0, code.into()).encode()
    }
}

impl Relay {
    /// A relay that knows one agent.
    pub fn new(agent: AgentId, identity: [u8; 32]) -> Self {
        Self {
            up: true,
            clock: 0,
            links: BTreeMap::new(),
            router: Router::new(),
            next: 1,
            agent,
            identity,
            next_identity: None,
        }
    }

    /// Forgets everything it has in memory.
    pub fn crash(&mut self) {
        self.links.clear();
        self.router = Router::new();
    }

    /// Someone has connected; returns the link and the first word.
    pub fn accept(&mut self, side: Side, now: Now) -> (LinkId, Bytes) {
        let id = self.next;
        self.next += 1;
        let mut conn = [0xC0; 16];
        conn[..8].copy_from_slice(&id.to_be_bytes());
        let challenge = Challenge {
            nonce: b64::Bytes([id.to_be_bytes()[7]; 32]),
            conn: ConnId(conn),
            time: now.unix,
            versions: LINK_VERSIONS.to_vec(),
        };
        let question = Frame::Challenge(challenge.clone()).encode();
        let link = Link {
            side,
            up: Pipe::default(),
            down: Pipe::default(),
            armed: Default::default(),
            black_hole: false,
            peer_gone: false,
            stage: Stage::Asked(challenge, now.mono + UNPROVEN_TIME),
            conn: ConnId(conn),
            heard: now.mono,
        };
        self.links.insert(id, link);
        (id, question)
    }

    /// Takes a message; returns what must be said at once.
    ///
    /// # Errors
    /// The peer broke the protocol; the link is closing, and the last word is in the error.
    pub fn hear(&mut self, id: LinkId, message: Bytes, now: Now) -> Result<(), (Bytes, String)> {
        let Some(link) = self.links.get_mut(&id) else {
            return Ok(());
        };
        link.heard = now.mono;
        let frame = match Frame::decode(message, link.leg()) {
            Ok(frame) => frame,
            Err(fault) => return Err((link.end(fault.into()), fault.to_string())),
        };
        match self.take(id, frame, now) {
            Ok(()) => Ok(()),
            Err((code, why)) => {
                let link = self.links.get_mut(&id);
                Err((link.map(|link| link.end(code)).unwrap_or_default(), why))
            }
        }
    }

    fn take(&mut self, id: LinkId, frame: Frame, now: Now) -> Result<(), (CloseCode, String)> {
        let Some(link) = self.links.get_mut(&id) else {
            return Ok(());
        };
        match (&mut link.stage, frame) {
            (Stage::Asked(challenge, _), Frame::Proof(proof)) => {
                let challenge = challenge.clone();
                self.proven(id, &proof, &challenge, now)
                    .map_err(|code| (code, "a first proof".into()))
            }
            (Stage::Stands(port, held, key), Frame::Rotate(rotate)) if link.side == Side::Agent => {
                if !check_rotate(&rotate, key, self.agent, link.conn) {
                    return Err((CloseCode::ProofRefused, "a rotation".into()));
                }
                self.next_identity = Some(rotate.key.0);
                if !held.is_asked()
                    && let Some(challenge) = held.ask(link.conn, now)
                {
                    port.push(&Frame::Challenge(challenge));
                }
                Ok(())
            }
            (Stage::Stands(port, held, key), Frame::Proof(proof)) => {
                let asked = held.take_asked();
                let asked = asked.ok_or((CloseCode::UnexpectedFrame, "a proof unasked".into()))?;
                let by_next = link.side == Side::Agent && self.next_identity == Some(proof.key.0);
                if by_next {
                    (self.identity, self.next_identity) = (proof.key.0, None);
                    *key = proof.key.0;
                    port.identity_changed(proof.key.0);
                }
                let same = proof.key.0 == *key && proof.host == HOST;
                if !same {
                    return Err((CloseCode::ProofRefused, "another's proof".into()));
                }
                self.reproven(id, &proof, &asked, now)
                    .map_err(|code| (code, "a later proof".into()))
            }
            (Stage::Stands(port, ..), Frame::Ping(body)) => {
                port.push(&Frame::Pong(body));
                Ok(())
            }
            (Stage::Stands(..) | Stage::Asked(..), Frame::Close(0, _)) => {
                link.peer_gone = true;
                link.stage = Stage::Closing;
                Ok(())
            }
            (Stage::Stands(port, ..), frame) => port.take(frame, now.mono).map_err(|fault| {
                let why = fault.to_string();
                (fault.into(), why)
            }),
            (Stage::Asked(..), frame) => Err((
                CloseCode::UnexpectedFrame,
                format!("before its proof: {frame:?}"),
            )),
            (Stage::Closing, _) => Ok(()),
        }
    }

    fn proven(
        &mut self,
        id: LinkId,
        proof: &Proof,
        asked: &Challenge,
        now: Now,
    ) -> Result<(), CloseCode> {
        let Some(link) = self.links.get_mut(&id) else {
            return Ok(());
        };
        check_proof(proof, asked)?;
        if proof.agent != self.agent {
            return Err(CloseCode::UnknownAgent);
        }
        let port = match (link.side, proof.role) {
            (Side::Agent, Role::Agent) => {
                if self.next_identity == Some(proof.key.0) {
                    (self.identity, self.next_identity) = (proof.key.0, None);
                }
                if proof.key.0 != self.identity {
                    return Err(CloseCode::ProofRefused);
                }
                check_clock(proof.time, now)
                    .inspect_err(|_| self.router.agent_skewed(self.agent, now.mono))?;
                let clock = AgentClock::measured(now.mono, proof.time);
                self.router
                    .attach_agent(self.agent, link.conn, self.identity, clock)
            }
            (Side::Viewer(_), Role::Device) => self.router.attach_viewer(
                self.agent,
                link.conn,
                proof.key.0,
                Ipv6Addr::LOCALHOST,
            )?,
            (Side::Agent | Side::Viewer(_), Role::Agent | Role::Device) => {
                return Err(CloseCode::ProofRefused);
            }
        };
        port.push(&welcome(self.agent, now));
        link.stage = Stage::Stands(port, Held::new(now.mono, 0), proof.key.0);
        Ok(())
    }

    fn reproven(
        &mut self,
        id: LinkId,
        proof: &Proof,
        asked: &Challenge,
        now: Now,
    ) -> Result<(), CloseCode> {
        check_proof(proof, asked)?;
        let agent = self.agent;
        let Some(Link {
            stage: Stage::Stands(port, held, _),
            ..
        }) = self.links.get_mut(&id)
        else {
            return Ok(());
        };
        match proof.role {
            Role::Agent => {
                check_clock(proof.time, now)
                    .inspect_err(|_| self.router.agent_skewed(agent, now.mono))?;
                port.reproven(AgentClock::measured(now.mono, proof.time));
            }
            Role::Device => {}
        }
        *held = Held::new(now.mono, 0);
        port.push(&welcome(agent, now));
        Ok(())
    }

    /// Looks at the clock for one link; returns the last word if it ends.
    pub fn on_timeout(&mut self, id: LinkId, now: Now) -> Option<Bytes> {
        let link = self.links.get_mut(&id)?;
        match &mut link.stage {
            Stage::Asked(_, until) if *until <= now.mono => {
                Some(link.end(CloseCode::HandshakeTimeout))
            }
            Stage::Stands(port, held, _) => {
                if now.mono.since(link.heard) >= RELAY_SILENCE {
                    return Some(link.end(CloseCode::Silent));
                }
                match held.due(now.mono) {
                    Due::Expired => return Some(link.end(CloseCode::ProofExpired)),
                    Due::Ask => {
                        if let Some(challenge) = held.ask(link.conn, now) {
                            port.push(&Frame::Challenge(challenge));
                        }
                    }
                    Due::Nothing => {}
                }
                port.lapse(now.mono);
                None
            }
            Stage::Asked(..) | Stage::Closing => None,
        }
    }
}

fn welcome(agent: AgentId, now: Now) -> Frame {
    Frame::Welcome(Welcome {
        held: u64::try_from(PROOF_HELD.as_millis()).unwrap_or(0),
        time: now.unix,
        agent,
        web: String::new(),
        warning: String::new(),
    })
}
