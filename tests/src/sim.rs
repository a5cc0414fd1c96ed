//! Relay, agent and viewers as what they are without IO, joined on one virtual clock: hours pass in a millisecond.
//!
//! The relay's router, the agent's core and the viewers' cores are the real ones. Played by hand are the sockets between them, which delay,
//! reorder across streams, break in every way a connection can, and on demand are in the hands of an attacker; and programs that echo.
//!
//! Keys and nonces are really random; everything that happens, and when, depends on the seed alone.

mod agent;
mod carry;
pub mod op;
mod relay;
mod tamper;
mod terminal;
mod viewer;
mod wire;

pub use relay::Way;
pub use tamper::{Forgery, Tamper};
pub use viewer::{Screen, Viewer, Word};
pub use wire::Millis;

use agent::Agent;
use bytes::Bytes;
use lanyard_agent::audit::Who;
use lanyard_agent::core::devices::Devices;
use lanyard_agent::core::keys::Urgency;
use lanyard_agent::core::rotation::Rotation;
use lanyard_client::core::{HandleId, Mode};
use lanyard_shared::access::Revocation;
use lanyard_shared::access::TokenEntry;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::{Grid, Scope};
use lanyard_shared::time::{Mono, Now, UnixMs};
use op::Key;
use relay::{LinkId, Relay};
use std::time::Duration;
use tamper::Kept;
use terminal::{Program, Terminals};

const HOST: &str = "relay.test";
/// When the simulation begins, by everyone's wall clock.
const START: UnixMs = UnixMs::from_secs(1_800_000_000);
/// How long the relay's machine was up by then.
const RELAY_BOOTED: Duration = Duration::from_secs(500);
/// A size for everyone.
pub const GRID: Grid = Grid { cols: 80, rows: 24 };
/// One terminal.
pub const ONE: TerminalId = TerminalId([5; 16]);
/// The other.
pub const TWO: TerminalId = TerminalId([7; 16]);
/// Rounds of carrying messages at one instant after which something must be talking to itself.
const ROUNDS: u32 = 100_000;
/// Instants in a row at which a timer may be due that was due before.
const OVERDUE: u32 = 200;

/// Whose link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The agent's.
    Agent,
    /// A viewer's.
    Viewer(usize),
}

/// How a connection breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// Both ends notice.
    Both,
    /// The relay goes on believing in it.
    UnnoticedByRelay,
    /// The one who dialled goes on believing in it.
    UnnoticedByDialler,
}

/// All of it.
pub struct Sim {
    /// Milliseconds since the beginning.
    pub at: Millis,
    /// The agent.
    pub agent: Agent,
    /// The viewers.
    pub viewers: Vec<Viewer>,
    /// The programs behind the terminals.
    pub terminals: Terminals,
    /// Messages that arrived, instants at which something was due, and operations so far.
    pub steps: u64,
    /// How long messages are on their way: between these, drawn anew for each.
    pub delay: (Millis, Millis),
    /// Frames of different streams overtake each other.
    pub shuffles: bool,
    /// Somebody has meddled with messages, so that anyone may find anyone at fault.
    meddled: bool,
    relay: Relay,
    kept: Kept,
    random: fastrand::Rng,
    overdue: u32,
}

impl Sim {
    /// A paired viewer that may do everything and its agent, both online, on a perfect network.
    #[must_use]
    pub fn new() -> Self {
        Self::with(&[&[Scope::View, Scope::Terminal]], 0)
    }

    /// An agent and one paired viewer for each list of scopes.
    #[must_use]
    pub fn with(viewers: &[&[Scope]], seed: u64) -> Self {
        let identity = Agent::identity();
        let mut devices = Devices::default();
        let viewers = viewers
            .iter()
            .zip(0..)
            .map(|(scopes, place)| {
                let (device, grant, party) = viewer::paired(place, scopes, &identity);
                devices
                    .admit(device.clone(), START)
                    .unwrap_or_else(|error| panic!("{error}"));
                Viewer::new(place, &device, grant, party)
            })
            .collect();
        let terminals = Terminals::new();
        let public = identity.public();
        let mut sim = Self {
            at: 0,
            agent: Agent::new(devices, &terminals),
            viewers,
            terminals,
            steps: 0,
            delay: (0, 0),
            shuffles: false,
            meddled: false,
            relay: Relay::new(identity.agent(), public),
            kept: Kept::default(),
            random: fastrand::Rng::with_seed(seed),
            overdue: 0,
        };
        sim.settle();
        sim
    }

    /// Attaches a viewer to a terminal.
    pub fn open(&mut self, viewer: usize, terminal: TerminalId, mode: Mode) -> HandleId {
        let handle = self.viewers[viewer].open(terminal, GRID, mode, self.at);
        self.settle();
        handle
    }

    /// Types into a terminal of the first viewer.
    pub fn type_text(&mut self, handle: HandleId, text: &'static str) {
        let text = Bytes::from_static(text.as_bytes());
        self.viewers[0].type_bytes(handle, text, self.at);
        self.settle();
    }

    /// A program prints something by itself.
    pub fn print(&mut self, terminal: TerminalId, text: &str) {
        self.terminals.print(terminal, text.as_bytes());
        self.settle();
    }

    /// One of the programs.
    #[must_use]
    pub fn program(&self, terminal: TerminalId) -> &Program {
        self.terminals.get(terminal)
    }

    /// What a page of the first viewer shows.
    #[must_use]
    pub fn screen(&self, handle: HandleId) -> &Screen {
        &self.viewers[0].screens[&handle]
    }

    /// Breaks a link.
    pub fn cut(&mut self, side: Side, how: Cut) {
        let Some(id) = self.link_of(side) else { return };
        match how {
            Cut::Both => {
                self.relay.links.remove(&id);
                self.party_lost(side);
            }
            Cut::UnnoticedByRelay => {
                if let Some(link) = self.relay.links.get_mut(&id) {
                    link.black_hole = true;
                }
                self.party_lost(side);
            }
            Cut::UnnoticedByDialler => drop(self.relay.links.remove(&id)),
        }
        self.settle();
    }

    /// Kills the relay: all links are gone and nobody answers.
    pub fn relay_dies(&mut self) {
        self.relay.up = false;
        self.relay.crash();
        for side in self.sides() {
            if self.link_of(side).is_some() {
                self.party_lost(side);
            }
        }
        self.settle();
    }

    /// Starts the relay again; it remembers no link.
    pub fn relay_returns(&mut self) {
        self.relay.up = true;
        self.settle();
    }

    /// Sets the relay's wall clock off by so much.
    pub fn set_relay_clock(&mut self, off: i64) {
        self.relay.clock = off;
    }

    /// Kills the agent and starts it again.
    pub fn restart_agent(&mut self) {
        if let Some(link) = self.agent.link.and_then(|id| self.relay.links.get_mut(&id)) {
            link.peer_gone = true;
        }
        self.agent.restart(&mut self.terminals, self.at);
        self.settle();
    }

    /// The owner has keys changed.
    pub fn rotate(&mut self, key: Key, urgency: Urgency) {
        let now = self.agent.now(self.at);
        let rotation = match key {
            Key::Signer => Rotation::Signer {},
            Key::Identity => Rotation::Identity {},
            Key::Noise => Rotation::Noise {},
            Key::Device(viewer) => Rotation::Device {
                device: Some(self.device_of(viewer)),
            },
        };
        // A clock that is behind certifies nothing, and a device may have been ended.
        let _ = self.agent.core.rotate(rotation, urgency, now);
        self.settle();
    }

    /// The owner ends what a viewer types with.
    pub fn end_typing(&mut self, viewer: usize) {
        let now = self.agent.now(self.at);
        let device = self.device_of(viewer);
        let tokens = self.agent.core.token_entries(|_| true);
        let its = |token: &&TokenEntry| token.device == device && token.purpose == Scope::Terminal;
        if let Some(jti) = tokens.iter().find(its).map(|token| token.jti) {
            let _ = self
                .agent
                .core
                .revoke(Revocation::Token { jti }, Who::Machine {}, now);
        }
        self.settle();
    }

    /// How the owner's lists call a viewer's device: while its keys change, by the old ones.
    fn device_of(&self, viewer: usize) -> DeviceId {
        let id = self.viewers[viewer].device;
        let entry = self.agent.core.devices().get(id);
        entry.and_then(|entry| entry.replaces).unwrap_or(id)
    }

    /// The owner ends a viewer's device.
    pub fn revoke(&mut self, viewer: usize) {
        let now = self.agent.now(self.at);
        let device = self.device_of(viewer);
        let revocation = Revocation::Device { device };
        if self
            .agent
            .core
            .revoke(revocation, Who::Machine {}, now)
            .is_ok()
        {
            let heads = [ONE, TWO].map(|id| (id, self.terminals.get(id).output.len() as u64));
            self.viewers[viewer].ended = Some(heads.into());
        }
        self.settle();
    }

    /// The machine of a side sleeps: it does nothing, and its timers are late.
    pub fn sleep(&mut self, side: Side, time: Millis) {
        let until = self.at + time;
        match side {
            Side::Agent => self.agent.asleep = self.agent.asleep.max(until),
            Side::Viewer(n) => self.viewers[n].asleep = self.viewers[n].asleep.max(until),
        }
    }

    /// Lets an attacker do this to the next message of a link. Without a link nothing happens.
    pub fn tamper(&mut self, side: Side, way: Way, tamper: Tamper) {
        let found = self.link_of(side);
        if let Some(link) = found.and_then(|id| self.relay.links.get_mut(&id)) {
            self.meddled = true;
            link.armed[way as usize].add(tamper);
        }
    }

    /// Time passes; every deadline on the way is kept.
    pub fn pass(&mut self, time: Duration) {
        let end = self.at + u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.settle();
        while self.at < end {
            let next = self.next().unwrap_or(end).min(end);
            self.look_for_idle_timers(next);
            self.at = next.max(self.at + 1);
            self.fire();
            self.settle();
        }
    }

    /// Time passes for everyone at once; no timer fires before its end, as when all machines sleep.
    pub fn jump(&mut self, time: Duration) {
        self.at += u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
        self.fire();
        self.settle();
    }

    /// Everything that was broken is whole again and clocks are right; where messages were changed an honest relay has taken the place of
    /// the hostile one. Then twenty minutes pass: a clock can have been eleven ahead, and is believed only when it has caught up.
    pub fn heal(&mut self) {
        if self.meddled {
            self.relay_dies();
        }
        (self.relay.up, self.relay.clock) = (true, 0);
        (self.delay, self.shuffles) = ((0, 0), false);
        (self.agent.wall, self.agent.asleep, self.agent.holder_delay) = (0, 0, 0);
        for link in self.relay.links.values_mut() {
            link.armed = Default::default();
        }
        for viewer in &mut self.viewers {
            (viewer.wall, viewer.asleep, viewer.stalled) = (0, 0, false);
        }
        self.pass(Duration::from_secs(21 * 60));
    }

    /// A number below `bound` that depends on the seed.
    pub fn random_below(&mut self, bound: u64) -> u64 {
        self.random.u64(..bound.max(1))
    }

    fn sides(&self) -> impl Iterator<Item = Side> + use<> {
        std::iter::once(Side::Agent).chain((0..self.viewers.len()).map(Side::Viewer))
    }

    fn link_of(&self, side: Side) -> Option<LinkId> {
        match side {
            Side::Agent => self.agent.link,
            Side::Viewer(n) => self.viewers[n].link,
        }
    }

    fn is_asleep(&self, side: Side) -> bool {
        let until = match side {
            Side::Agent => self.agent.asleep,
            Side::Viewer(n) => self.viewers[n].asleep,
        };
        until > self.at
    }

    /// Whether it takes nothing from its socket.
    fn is_deaf(&self, side: Side) -> bool {
        let stalled = match side {
            Side::Agent => false,
            Side::Viewer(n) => self.viewers[n].stalled,
        };
        stalled || self.is_asleep(side)
    }

    fn relay_now(&self) -> Now {
        let since = Duration::from_millis(self.at);
        Now {
            mono: Mono(RELAY_BOOTED + since),
            unix: jumped(START + since, self.relay.clock),
        }
    }

    /// When the next thing is due, from what is known now.
    fn next(&self) -> Option<Millis> {
        let awake = |side: Side, due: Option<Millis>| {
            let until = match side {
                Side::Agent => self.agent.asleep,
                Side::Viewer(n) => self.viewers[n].asleep,
            };
            due.map(|due| due.max(until))
        };
        let agent = awake(Side::Agent, self.agent.next(self.at));
        let viewers = self
            .viewers
            .iter()
            .enumerate()
            .map(|(n, viewer)| awake(Side::Viewer(n), viewer.next(self.at)));
        let links = self.relay.links.iter().flat_map(|(id, link)| {
            let timer = link.deadline().map(|due| millis(due, RELAY_BOOTED));
            let up = link.up.next().filter(|_| !link.black_hole);
            // One who sleeps hears it later; one who does not read, or who has left, never does.
            let deaf = self.is_deaf(link.side) && !self.is_asleep(link.side);
            let heard = !deaf && !link.black_hole && self.link_of(link.side) == Some(*id);
            let down = awake(link.side, link.down.next().filter(|_| heard));
            [timer, up, down]
        });
        viewers.chain([agent]).chain(links).flatten().min()
    }

    /// A timer that is due, fires, and is due again at once would keep a processor busy.
    fn look_for_idle_timers(&mut self, next: Millis) {
        self.overdue = if next <= self.at { self.overdue + 1 } else { 0 };
        assert!(
            self.overdue < OVERDUE,
            "a timer fires again and again: agent {:?}, viewers {:?}, at {}",
            self.agent.next(self.at),
            self.viewers
                .iter()
                .map(|viewer| viewer.next(self.at))
                .collect::<Vec<_>>(),
            self.at
        );
    }
}

impl Default for Sim {
    fn default() -> Self {
        Self::new()
    }
}

/// A wall clock that is off by so many milliseconds.
fn jumped(right: UnixMs, off: i64) -> UnixMs {
    UnixMs(right.0.saturating_add_signed(off))
}

/// When a clock that had run for `booted` at the beginning says `due`; rounded up.
fn millis(due: Mono, booted: Duration) -> Millis {
    let since = due.0.saturating_sub(booted);
    u64::try_from(since.as_micros().div_ceil(1000)).unwrap_or(u64::MAX)
}
