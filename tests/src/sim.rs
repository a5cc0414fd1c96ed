//! Relay, agent and viewer as what they are without IO, joined on one manual clock: hours pass in a millisecond.
//!
//! The relay's router, the agent's core and the viewer's core are the real ones. Played by hand are the sockets between them, and a terminal
//! that echoes.

mod terminal;

use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_agent::core::devices::Devices;
use lanyard_agent::core::{Core, Identity, Machine};
use lanyard_client::core::{Event, HandleId, Mode, Party, TerminalEvent, Viewer};
use lanyard_relay::route::{AgentClock, Output, Port, Router};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Challenge, Frame, Leg, Role, Welcome};
use lanyard_shared::ids::{AgentId, ConnId, TerminalId, WriterId};
use lanyard_shared::limits::{LINK_VERSIONS, PROOF_HELD};
use lanyard_shared::link::{Dialler, Link};
use lanyard_shared::msg::{Grid, Scope};
use lanyard_shared::noise::StaticKey;
use lanyard_shared::proof::check_proof;
use lanyard_shared::time::{Mono, Now, UnixMs};
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;
use terminal::EchoTerminal;

const HOST: &str = "relay.test";
/// A size for everyone.
pub const GRID: Grid = Grid { cols: 80, rows: 24 };
/// The one terminal.
pub const TERMINAL: TerminalId = TerminalId([5; 16]);

/// Which of the two links.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The agent's.
    Agent,
    /// The viewer's.
    Viewer,
}

/// The relay's end of one link.
struct Wire {
    conn: ConnId,
    challenge: Challenge,
    port: Option<Port>,
    ask_again: Mono,
}

/// All of it.
pub struct Sim {
    /// Both clocks, of everyone.
    pub now: Now,
    /// The agent.
    pub agent: Core,
    /// The viewer.
    pub viewer: Viewer,
    /// What the viewer was told of its terminals.
    pub events: Vec<TerminalEvent>,
    /// The program behind the terminal.
    pub terminal: EchoTerminal,
    router: Arc<Router>,
    relay_up: bool,
    agent_wire: Option<Wire>,
    viewer_wire: Option<Wire>,
    agent_dials: Option<Mono>,
    next_conn: u8,
    /// Bytes of output the viewer's consumer has used.
    pub seen: Vec<u8>,
    identity: [u8; 32],
}

impl Sim {
    /// A paired viewer and its agent, both online.
    #[must_use]
    pub fn new() -> Self {
        let now = Now {
            mono: Mono::from_secs(1000),
            unix: UnixMs::from_secs(1_800_000_000),
        };
        let identity = Identity {
            key: Arc::new(SigningKey::from_bytes(&[1; 32])),
            noise: StaticKey::from_bytes(&[2; 32]),
        };
        let (agent_id, remote) = (identity.agent(), *identity.noise.public());
        let public = identity.key.verifying_key().to_bytes();
        let machine = Machine {
            name: "desk".into(),
            user: "ada".into(),
            folder: "work".into(),
        };
        let (devices, grant, party) = paired(&identity, agent_id, remote, now);
        let mut agent = Core::new(identity, machine, devices, now);
        agent.put_terminal(terminal::description());
        let mut sim = Self {
            now,
            agent,
            viewer: Viewer::new(party, grant, now.mono),
            events: Vec::new(),
            terminal: EchoTerminal::default(),
            router: Router::new(),
            relay_up: true,
            agent_wire: None,
            viewer_wire: None,
            agent_dials: Some(now.mono),
            next_conn: 1,
            seen: Vec::new(),
            identity: public,
        };
        sim.settle();
        sim
    }

    /// Attaches the viewer to the terminal.
    pub fn open(&mut self, mode: Mode) -> HandleId {
        let handle = 1;
        self.viewer.open(
            handle,
            TERMINAL,
            GRID,
            mode,
            WriterId([6; 16]),
            None,
            self.now,
        );
        self.settle();
        handle
    }

    /// Types.
    pub fn type_text(&mut self, handle: HandleId, text: &'static str) {
        self.viewer
            .type_bytes(handle, Bytes::from_static(text.as_bytes()), self.now);
        self.settle();
    }

    /// The program prints something by itself.
    pub fn print(&mut self, text: &str) {
        self.terminal.print(text.as_bytes());
        self.settle();
    }

    /// Cuts a link.
    pub fn cut(&mut self, side: Side) {
        match side {
            Side::Agent => {
                self.agent_wire = None;
                self.agent.disconnected(CloseCode::Cut);
                self.agent_dials = Some(self.now.mono + Duration::from_millis(200));
            }
            Side::Viewer => {
                self.viewer_wire = None;
                self.viewer.disconnected(0, self.now.mono);
            }
        }
        self.settle();
    }

    /// Kills the relay: both links are gone and nobody answers.
    pub fn relay_dies(&mut self) {
        self.relay_up = false;
        self.router = Router::new();
        self.cut(Side::Agent);
        self.cut(Side::Viewer);
    }

    /// Starts the relay again; it remembers no link.
    pub fn relay_returns(&mut self) {
        self.relay_up = true;
    }

    /// Time passes; every deadline on the way is kept.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        while self.now.mono < end {
            let next = self.next_deadline().unwrap_or(end).min(end);
            self.jump(next.since(self.now.mono).max(Duration::from_millis(1)));
        }
    }

    /// Time passes at once; no timer fires before its end, as when machines sleep.
    pub fn jump(&mut self, time: Duration) {
        self.now = Now {
            mono: self.now.mono + time,
            unix: self.now.unix + time,
        };
        self.agent.on_timeout(self.now);
        self.viewer.on_timeout(self.now);
        for side in [Side::Agent, Side::Viewer] {
            self.relay_timer(side);
        }
        self.settle();
    }

    fn next_deadline(&self) -> Option<Mono> {
        let wires = self.agent_wire.iter().chain(&self.viewer_wire);
        let asks = wires.clone().map(|wire| wire.ask_again);
        let lapses = wires.filter_map(|wire| wire.port.as_ref()?.deadline());
        let parties = [
            self.agent.poll_timeout(self.now),
            self.viewer.poll_timeout(self.now.mono),
            self.agent_dials,
        ];
        parties
            .into_iter()
            .flatten()
            .chain(asks)
            .chain(lapses)
            .min()
    }

    fn relay_timer(&mut self, side: Side) {
        let now = self.now;
        let Some(wire) = self.wire(side) else { return };
        let Some(port) = &wire.port else { return };
        port.lapse(now.mono);
        if wire.ask_again <= now.mono {
            wire.challenge.nonce.0[0] = wire.challenge.nonce.0[0].wrapping_add(1);
            port.push(&Frame::Challenge(wire.challenge.clone()));
            wire.ask_again = now.mono + PROOF_HELD * 3 / 5;
        }
    }

    fn wire(&mut self, side: Side) -> &mut Option<Wire> {
        match side {
            Side::Agent => &mut self.agent_wire,
            Side::Viewer => &mut self.viewer_wire,
        }
    }

    /// Carries everything there is to carry until nothing moves.
    fn settle(&mut self) {
        loop {
            let mut moved = self.dial();
            moved |= self.carry(Side::Agent);
            moved |= self.carry(Side::Viewer);
            moved |= self.carry_out();
            moved |= self.consume();
            if !moved {
                return;
            }
        }
    }

    fn dial(&mut self) -> bool {
        let mut moved = false;
        if self.agent_dials.is_some_and(|at| at <= self.now.mono) {
            moved = true;
            if self.relay_up {
                self.agent_dials = None;
                let dialler = Dialler::Agent {
                    agent: self.agent.agent(),
                    key: self.agent.identity_key(),
                };
                self.agent
                    .connected(Link::new(dialler, HOST.into(), self.now.mono));
                self.agent_wire = Some(self.challenge());
                self.ask(Side::Agent);
            } else {
                self.agent_dials = Some(self.now.mono + Duration::from_secs(5));
            }
        }
        if self.viewer.poll_dial(self.now.mono) {
            moved = true;
            if self.relay_up {
                self.viewer.dialled(HOST.into(), self.now.mono);
                self.viewer_wire = Some(self.challenge());
                self.ask(Side::Viewer);
            } else {
                self.viewer
                    .dial_failed(CloseCode::Cut.into(), u32::MAX, self.now.mono);
            }
        }
        moved
    }

    fn challenge(&mut self) -> Wire {
        let conn = ConnId([self.next_conn; 16]);
        self.next_conn = self.next_conn.wrapping_add(1);
        let nonce = b64::Bytes([0; 32]);
        let challenge = Challenge {
            nonce,
            conn,
            time: self.now.unix,
            versions: LINK_VERSIONS.to_vec(),
        };
        Wire {
            conn,
            challenge,
            port: None,
            ask_again: self.now.mono + PROOF_HELD * 3 / 5,
        }
    }

    fn ask(&mut self, side: Side) {
        let Some(wire) = self.wire(side) else { return };
        let message = Frame::Challenge(wire.challenge.clone()).encode();
        self.deliver(side, message);
    }

    fn deliver(&mut self, side: Side, message: Bytes) {
        match side {
            Side::Agent => self.agent.handle(message, self.now),
            Side::Viewer => self.viewer.handle(message, self.now),
        }
    }

    /// Carries messages both ways between one party and the relay.
    fn carry(&mut self, side: Side) -> bool {
        let mut moved = self.carry_out();
        loop {
            let message = match side {
                Side::Agent => self.agent.poll_output(),
                Side::Viewer => self.viewer.poll_output(),
            };
            let Some(message) = message else { break };
            moved = true;
            self.relay_hears(side, message);
        }
        while let Some(port) = self.wire(side).as_ref().and_then(|wire| wire.port.as_ref()) {
            match port.output(Waker::noop()) {
                Output::Message(message) => self.deliver(side, message),
                Output::End(code) => {
                    self.deliver(side, Frame::Close(0, code.into()).encode());
                    self.cut(side);
                }
                Output::Nothing => break,
            }
            moved = true;
        }
        moved
    }

    fn relay_hears(&mut self, side: Side, message: Bytes) {
        let leg = if side == Side::Agent {
            Leg::Agent
        } else {
            Leg::Viewer
        };
        let frame =
            Frame::decode(message, leg).unwrap_or_else(|fault| panic!("our own frame: {fault}"));
        let (now, router, identity, agent) = (
            self.now,
            Arc::clone(&self.router),
            self.identity,
            self.agent.agent(),
        );
        let Some(wire) = self.wire(side) else { return };
        match (frame, &wire.port) {
            (Frame::Proof(proof), port) => {
                check_proof(&proof, &wire.challenge)
                    .unwrap_or_else(|code| panic!("a proof of ours: {code}"));
                if port.is_none() {
                    wire.port = Some(match proof.role {
                        Role::Agent => {
                            let clock = AgentClock::measured(now.mono, proof.time);
                            router.attach_agent(agent, wire.conn, identity, clock)
                        }
                        Role::Device => router
                            .attach_viewer(agent, wire.conn, proof.key.0)
                            .unwrap_or_else(|code| panic!("a viewer of ours: {code}")),
                    });
                }
                let held = u64::try_from(PROOF_HELD.as_millis()).unwrap_or(0);
                let (web, warning) = (String::new(), String::new());
                if let Some(port) = &wire.port {
                    port.push(&Frame::Welcome(Welcome {
                        held,
                        time: now.unix,
                        agent,
                        web,
                        warning,
                    }));
                }
            }
            (Frame::Ping(body), Some(port)) => port.push(&Frame::Pong(body)),
            (Frame::Close(0, _), _) => self.cut(side),
            (frame, Some(port)) => port
                .take(frame, now.mono)
                .unwrap_or_else(|fault| panic!("{side:?}: {fault}")),
            (frame, None) => panic!("{side:?} said {frame:?} before its proof"),
        }
    }

    fn carry_out(&mut self) -> bool {
        let mut effects = VecDeque::new();
        while let Some(effect) = self.agent.poll_effect() {
            effects.push_back(effect);
        }
        let mut moved = !effects.is_empty();
        for effect in effects {
            self.terminal.carry_out(effect, &mut self.agent, self.now);
        }
        moved |= self.terminal.deliver(&mut self.agent);
        moved
    }

    fn consume(&mut self) -> bool {
        let mut moved = false;
        while let Some(event) = self.viewer.poll_event() {
            moved = true;
            if let Event::Terminal(handle, event) = event {
                match &event {
                    TerminalEvent::Output { bytes, .. } => {
                        self.seen.extend_from_slice(bytes);
                        let payload = bytes.len() + lanyard_shared::record::OUTPUT_OVERHEAD;
                        self.viewer
                            .consumed(handle, u32::try_from(payload).unwrap_or(u32::MAX));
                    }
                    TerminalEvent::Snapshot { .. } => self.seen.clear(),
                    TerminalEvent::Size(_)
                    | TerminalEvent::Exit(_)
                    | TerminalEvent::Interrupted(_)
                    | TerminalEvent::Resumed
                    | TerminalEvent::Input(_)
                    | TerminalEvent::Renewed { .. }
                    | TerminalEvent::Unsent { .. }
                    | TerminalEvent::Ended(_) => {}
                }
                self.events.push(event);
            }
        }
        moved
    }
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}

/// A device that the agent has admitted earlier, and its grant.
fn paired(
    identity: &Identity,
    agent: AgentId,
    remote: [u8; 32],
    now: Now,
) -> (Devices, String, Party) {
    use lanyard_agent::core::devices::Device;
    use lanyard_shared::ids::{DeviceId, TokenId};
    use lanyard_shared::limits::LIFE_DEVICE;
    use lanyard_shared::token::{self, NewToken};

    let key = Arc::new(SigningKey::from_bytes(&[3; 32]));
    let noise = StaticKey::from_bytes(&[4; 32]);
    let id = DeviceId::of_key(&key.verifying_key().to_bytes());
    let mut devices = Devices::default();
    let device = Device {
        id,
        name: "phone".into(),
        noise_key: b64::Bytes(*noise.public()),
        scopes: vec![Scope::View, Scope::Terminal],
        epoch: 1,
        paired: now.unix,
        seen: now.unix,
        expires: now.unix + LIFE_DEVICE,
    };
    devices
        .admit(device, now.unix)
        .unwrap_or_else(|error| panic!("{error}"));
    let new = NewToken {
        agent,
        device: id,
        issued: now.unix,
        life: LIFE_DEVICE,
        id: TokenId([9; 16]),
        conn: None,
        epoch: 1,
    };
    let grant = token::issue::<token::Device>(&identity.key, &new)
        .unwrap_or_else(|fault| panic!("{fault}"));
    (
        devices,
        grant,
        Party {
            agent,
            remote,
            key,
            noise,
            name: "phone".into(),
        },
    )
}
