//! Hubs on virtual time, through the ports that links use.

mod ending;
mod opening;
mod parting;
mod traffic;

use super::lease::AgentClock;
use super::{How, Output, PeerMisbehaved, Port, Router};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{
    Accept, Announce, DeviceEpoch, Frame, Leg, Open, Rendezvous, RendezvousState, Role, StreamId,
    Target,
};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, RendezvousId, TokenId};
use lanyard_shared::time::{Mono, UnixMs};
use lanyard_shared::token::{Device, NewToken, Purpose, Terminal, View, issue, signer_cert};
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

/// When everything begins, by the relay's clock; the agent's shows something else.
const START: Mono = Mono::from_secs(1000);
const AGENTS_START: UnixMs = UnixMs::from_secs(2_000_000_000);
const WINDOW: u32 = 100_000;

struct World {
    router: Arc<Router>,
    identity: SigningKey,
    signer: SigningKey,
    now: Mono,
    conns: u8,
    tokens: u8,
}

struct Viewer {
    port: Port,
    device: DeviceId,
    last_id: StreamId,
}

impl World {
    fn new() -> Self {
        Self {
            router: Router::new(),
            identity: SigningKey::from_bytes(&[1; 32]),
            signer: SigningKey::from_bytes(&[2; 32]),
            now: START,
            conns: 0,
            tokens: 0,
        }
    }

    fn agent_id(&self) -> AgentId {
        AgentId::of_first_key(self.identity.verifying_key().as_bytes())
    }

    fn agents_time(&self) -> UnixMs {
        AGENTS_START + self.now.since(START)
    }

    fn wait(&mut self, seconds: u64) {
        self.now = self.now + Duration::from_secs(seconds);
    }

    fn conn(&mut self) -> ConnId {
        self.conns += 1;
        ConnId([self.conns; 16])
    }

    /// An agent that has proven itself and said nothing.
    fn quiet_agent(&mut self) -> Port {
        let conn = self.conn();
        let clock = AgentClock::measured(self.now, self.agents_time());
        self.router.attach_agent(
            self.agent_id(),
            conn,
            self.identity.verifying_key().to_bytes(),
            clock,
        )
    }

    /// An agent that has announced its signer and the device of `viewer`s, at epoch 0.
    fn agent(&mut self) -> Port {
        let agent = self.quiet_agent();
        self.announce(&agent, |_| {});
        agent
    }

    fn announce(&self, agent: &Port, change: impl FnOnce(&mut Announce)) {
        let mut announce = self.announcement();
        change(&mut announce);
        agent.take(Frame::Announce(announce), self.now).unwrap();
    }

    fn announcement(&self) -> Announce {
        let since = AGENTS_START.secs();
        let key = self.signer.verifying_key().to_bytes();
        Announce {
            signers: vec![signer_cert(
                &self.identity,
                self.agent_id(),
                &key,
                since,
                since + 24 * 3600,
            )],
            devices: [0, 1]
                .map(|n| DeviceEpoch {
                    id: DeviceId::of_key(&device_key(n)),
                    epoch: 0,
                })
                .to_vec(),
            revoked: vec![],
            rendezvous: vec![],
            former: vec![],
            locked: false,
        }
    }

    fn viewer(&mut self) -> Viewer {
        self.viewer_of_device(0)
    }

    fn viewer_of_device(&mut self, n: u8) -> Viewer {
        let (conn, key) = (self.conn(), device_key(n));
        let port = self
            .router
            .attach_viewer(self.agent_id(), conn, key, Ipv6Addr::LOCALHOST)
            .unwrap();
        Viewer {
            port,
            device: DeviceId::of_key(&key),
            last_id: 0,
        }
    }

    fn new_token<P: Purpose>(&mut self, viewer: &Viewer) -> NewToken {
        self.tokens += 1;
        NewToken {
            agent: self.agent_id(),
            device: viewer.device,
            issued: self.agents_time(),
            life: P::LIFE,
            id: TokenId([self.tokens; 16]),
            conn: (P::NAME != Device::NAME).then(|| viewer.port.conn()),
            epoch: 0,
        }
    }

    fn token<P: Purpose>(&mut self, viewer: &Viewer) -> Target {
        let new = self.new_token::<P>(viewer);
        Target::Purpose(issue::<P>(&self.signer, &new).unwrap())
    }

    fn grant(&mut self, viewer: &Viewer) -> Target {
        let new = self.new_token::<Device>(viewer);
        Target::Session(issue::<Device>(&self.identity, &new).unwrap())
    }

    /// Sends an open and returns the viewer's id.
    fn open(&self, viewer: &mut Viewer, target: Target) -> StreamId {
        viewer.last_id += 1;
        viewer
            .port
            .take(open(viewer.last_id, target), self.now)
            .unwrap();
        viewer.last_id
    }

    /// Opens a stream for a purpose that the agent accepts: the viewer's id and the agent's.
    fn stand<P: Purpose>(&mut self, viewer: &mut Viewer, agent: &Port) -> (StreamId, StreamId) {
        let target = self.token::<P>(viewer);
        let id = self.open(viewer, target);
        let agents_id = match &frames(agent)[..] {
            [Frame::Open(id, _)] => *id,
            other => panic!("not an open: {other:?}"),
        };
        self.accept(agent, agents_id);
        assert!(matches!(frames(&viewer.port)[..], [Frame::Accept(accepted, _)] if accepted == id));
        (id, agents_id)
    }

    fn accept(&self, agent: &Port, id: StreamId) {
        agent
            .take(
                Frame::Accept(
                    id,
                    Accept {
                        credit: WINDOW,
                        versions: vec![],
                    },
                ),
                self.now,
            )
            .unwrap();
    }
}

fn device_key(n: u8) -> [u8; 32] {
    SigningKey::from_bytes(&[100 + n; 32])
        .verifying_key()
        .to_bytes()
}

fn open(id: StreamId, target: Target) -> Frame {
    let versions = if matches!(target, Target::Purpose(_)) {
        vec![]
    } else {
        vec![1]
    };
    Frame::Open(
        id,
        Open {
            target,
            credit: WINDOW,
            versions,
            origin: None,
            first: Bytes::new(),
        },
    )
}

fn data(id: StreamId, bytes: &[u8]) -> Frame {
    Frame::Data(id, bytes.to_vec().into())
}

fn close(id: StreamId, code: CloseCode) -> Frame {
    Frame::Close(id, code.into())
}

/// The next thing a port has to write.
fn next(port: &Port) -> Result<Option<Frame>, CloseCode> {
    let leg = match port.role() {
        Role::Agent => Leg::Agent,
        Role::Device => Leg::Viewer,
    };
    match port.output(Waker::noop()) {
        Output::Message(message) => Ok(Some(Frame::decode(message, leg).unwrap())),
        Output::End(code) => Err(code),
        Output::Nothing => Ok(None),
    }
}

/// Everything a port has to write.
fn frames(port: &Port) -> Vec<Frame> {
    std::iter::from_fn(|| next(port).unwrap()).collect()
}

fn refused(port: &Port, frame: Frame, now: Mono) -> PeerMisbehaved {
    port.take(frame, now).unwrap_err()
}
