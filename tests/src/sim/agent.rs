//! The agent without its sockets: the real core, a disk that keeps what it saves, and holders at the end of a wire of their own.

use super::relay::LinkId;
use super::terminal::{News, Terminals};
use super::wire::Millis;
use super::{HOST, START, jumped};
use ed25519_dalek::SigningKey;
use lanyard_agent::core::clock::AgentClock;
use lanyard_agent::core::devices::Devices;
use lanyard_agent::core::keys::KeyFile;
use lanyard_agent::core::{Core, Effect, Identity, Machine};
use lanyard_dial::Backoff;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::link::{Dialler, Link};
use lanyard_shared::noise::StaticKey;
use lanyard_shared::time::{Mono, Now, UnixMs};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// How long an agent waits after another took its place.
const AFTER_REPLACED: Millis = 60_000;

/// The agent and its machine.
pub struct Agent {
    pub core: Core,
    /// How far the machine's wall clock is off, in milliseconds.
    pub wall: i64,
    /// Its link, as far as it knows.
    pub link: Option<LinkId>,
    /// Nothing happens on the machine until then.
    pub asleep: Millis,
    /// How long holders take to hear and to answer.
    pub holder_delay: Millis,
    clock: AgentClock,
    backoff: Backoff,
    dials: Option<Millis>,
    /// What is on disk.
    saved: (Devices, UnixMs),
    to_holders: VecDeque<(Millis, Effect, u64)>,
    from_holders: VecDeque<(Millis, News)>,
    /// The keys it saved.
    keys: KeyFile,
    watches: BTreeMap<StreamId, u64>,
    next_watch: u64,
}

fn identity() -> Identity {
    Identity::new(
        Arc::new(SigningKey::from_bytes(&[1; 32])),
        StaticKey::from_bytes(&[2; 32]),
        START,
    )
}

fn core(keys: Identity, devices: Devices, now: Now, terminals: &Terminals) -> Core {
    let machine = Machine {
        name: "desk".into(),
        user: "ada".into(),
        folder: "work".into(),
        cwd: "/home/ada/work".into(),
    };
    let mut core = Core::new(keys, machine, devices, now);
    for terminal in terminals.list() {
        core.put_terminal(terminal);
    }
    core
}

impl Agent {
    /// Its public Noise key and its identity.
    pub fn identity() -> Identity {
        identity()
    }

    /// An agent that knows these devices and has never been linked.
    pub fn new(devices: Devices, terminals: &Terminals) -> Self {
        let now = machine_now(0, 0);
        Self {
            core: core(identity(), devices.clone(), now, terminals),
            wall: 0,
            link: None,
            asleep: 0,
            holder_delay: 0,
            clock: AgentClock::start(now, UnixMs(0)),
            backoff: Backoff::default(),
            dials: Some(0),
            saved: (devices, UnixMs(0)),
            keys: KeyFile::from(&identity()),
            to_holders: VecDeque::new(),
            from_holders: VecDeque::new(),
            watches: BTreeMap::new(),
            next_watch: 1,
        }
    }

    /// What the agent takes for the time.
    pub fn now(&self, at: Millis) -> Now {
        self.clock.at(machine_now(at, 0).mono)
    }

    /// When it dials, if it does.
    pub fn dials(&self) -> Option<Millis> {
        self.dials
    }

    /// When something of it is due: a timer, a dial, or an answer on its way.
    pub fn next(&self, at: Millis) -> Option<Millis> {
        let timer = self.core.poll_timeout(self.now(at)).map(millis);
        let holders = self.to_holders.front().map(|(at, ..)| *at);
        let news = self.from_holders.front().map(|(at, _)| *at);
        [timer, self.dials, holders, news]
            .into_iter()
            .flatten()
            .min()
    }

    /// A WebSocket stands.
    pub fn dialled(&mut self, link: LinkId, at: Millis) {
        self.dials = None;
        self.link = Some(link);
        self.clock.rebase(machine_now(at, self.wall));
        self.core.set_earliest(self.clock.earliest());
        let dialler = Dialler::Agent {
            agent: self.core.agent(),
            key: self.core.proof_key(),
        };
        self.core
            .connected(Link::new(dialler, HOST.into(), self.now(at).mono));
    }

    /// Nobody answered, or the link is gone: it dials again later.
    pub fn dial_again(&mut self, random: u32, at: Millis) {
        let wait = self.backoff.next_wait(random);
        self.dials = Some(at + wait.as_millis() as Millis);
    }

    /// The link is gone.
    pub fn disconnected(&mut self) {
        self.link = None;
        self.core.disconnected(CloseCode::Cut);
    }

    /// It is killed and started again; what it had in memory is gone, what it saved is not, and the terminals are still there.
    pub fn restart(&mut self, terminals: &mut Terminals, at: Millis) {
        terminals.forget_watches();
        self.from_holders.clear();
        self.watches.clear();
        self.to_holders
            .retain(|(_, effect, _)| matches!(effect, Effect::Type { .. } | Effect::Resize(..)));
        let now = machine_now(at, self.wall);
        self.clock = AgentClock::start(now, self.saved.1);
        self.core = core(
            self.keys.keys(now.unix),
            self.saved.0.clone(),
            now,
            terminals,
        );
        self.backoff.reset();
        self.link = None;
        self.dials = Some(at);
    }

    /// Carries out what the core wants, and tells it what the holders say. True when anything happened.
    pub fn carry_out(&mut self, terminals: &mut Terminals, random: u32, at: Millis) -> bool {
        let mut moved = false;
        while let Some(effect) = self.core.poll_effect() {
            moved = true;
            self.do_or_pass_on(effect, random, at);
        }
        while let Some((_, effect, number)) = due(&mut self.to_holders, at) {
            moved = true;
            if let Some(news) = terminals.carry_out(effect, number, at) {
                self.from_holders.push_back((at + self.holder_delay, news));
            }
        }
        for news in terminals.deliver() {
            self.from_holders.push_back((at + self.holder_delay, news));
        }
        while let Some((_, news)) = due(&mut self.from_holders, at) {
            moved = true;
            self.hear(news, at);
        }
        moved
    }

    fn do_or_pass_on(&mut self, effect: Effect, random: u32, at: Millis) {
        match &effect {
            Effect::SaveDevices | Effect::NoteDevices => {
                self.saved.0 = self.core.devices().clone();
            }
            Effect::SaveKeys => self.keys = KeyFile::from(self.core.identity()),
            Effect::SaveTime => {
                if let Some(time) = self.clock.vouched(machine_now(at, 0).mono) {
                    self.saved.1 = time;
                }
            }
            Effect::Online { .. } => self.backoff.reset(),
            Effect::Offline(close) if close.code == Some(CloseCode::Replaced) => {
                self.dials = Some(at + AFTER_REPLACED);
            }
            Effect::Offline(_) => self.dial_again(random, at),
            Effect::Watch { stream, .. } => {
                let number = self.next_watch;
                self.next_watch += 1;
                self.watches.insert(*stream, number);
                self.pass_on(effect, number, at);
            }
            Effect::Unwatch(stream) => {
                self.watches.remove(stream);
                self.pass_on(effect, 0, at);
            }
            Effect::Pull(..)
            | Effect::Pace(..)
            | Effect::Resize(..)
            | Effect::Type { .. }
            | Effect::LastInput { .. } => self.pass_on(effect, 0, at),
            Effect::TakenIn(_)
            | Effect::Ask(_)
            | Effect::Withdraw(_)
            | Effect::ApprovalAsked(_)
            | Effect::ApprovalSettled(_)
            | Effect::Paired { .. }
            | Effect::Spawn { .. }
            | Effect::Rename { .. }
            | Effect::Play { .. }
            | Effect::ForgetPast { .. }
            | Effect::Rotated(_)
            | Effect::Suspended { .. }
            | Effect::Record(_)
            | Effect::SaveRules { .. }
            | Effect::CompareAudit { .. }
            | Effect::ReadAudit { .. }
            | Effect::IdentityChanged
            | Effect::Kill(_) => {}
        }
    }

    fn pass_on(&mut self, effect: Effect, number: u64, at: Millis) {
        self.to_holders
            .push_back((at + self.holder_delay, effect, number));
    }

    fn hear(&mut self, news: News, at: Millis) {
        let now = self.now(at);
        match news {
            News::Applied(terminal, writer, seq) => {
                self.core.last_input(terminal, writer, seq, now);
                self.core.applied(terminal, writer, seq, now.mono);
            }
            News::Gap(terminal) => self.core.input_refused(terminal, CloseCode::InputGap),
            News::Watched(stream, number, watched) => {
                if self.watches.get(&stream) == Some(&number) {
                    self.core.watched(stream, watched, now);
                }
            }
        }
    }
}

/// The first of a queue that is due.
fn due<T: Dated>(queue: &mut VecDeque<T>, at: Millis) -> Option<T> {
    queue.front().filter(|item| item.date() <= at)?;
    queue.pop_front()
}

trait Dated {
    fn date(&self) -> Millis;
}

impl Dated for (Millis, Effect, u64) {
    fn date(&self) -> Millis {
        self.0
    }
}

impl Dated for (Millis, News) {
    fn date(&self) -> Millis {
        self.0
    }
}

/// What the machine's clocks say.
fn machine_now(at: Millis, wall: i64) -> Now {
    Now {
        mono: Mono(BOOTED + Duration::from_millis(at)),
        unix: jumped(START + Duration::from_millis(at), wall),
    }
}

fn millis(mono: Mono) -> Millis {
    super::millis(mono, BOOTED)
}

/// How long the machine was up when the simulation began.
const BOOTED: Duration = Duration::from_secs(1000);
