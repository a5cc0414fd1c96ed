//! Lists of operations to try, and what must hold after each list.

use super::{Cut, Forgery, GRID, Millis, ONE, Side, Sim, TWO, Tamper, Way};
use lanyard_agent::core::keys::Urgency;
use lanyard_client::core::{InputState, Mode, State, TerminalEvent, Unsent};
use lanyard_shared::ids::TerminalId;
use lanyard_shared::limits::{INPUT_RESEND, LIFE_TERMINAL, PRESENCE};
use lanyard_shared::msg::{Grid, Scope};
use proptest::collection::vec;
use proptest::prelude::*;
use std::fmt;
use std::time::Duration;

/// What every viewer of a case may do: two drive, one may only look.
const VIEWERS: &[&[Scope]] = &[
    &[Scope::View, Scope::Terminal],
    &[Scope::View, Scope::Terminal],
    &[Scope::View],
];

/// One thing that happens.
#[derive(Clone, Debug)]
pub enum Op {
    /// A viewer attaches to a terminal, if it has not.
    Open(usize, Which, Mode),
    /// It lets it go.
    Leave(usize, Which),
    /// A person types a word.
    Type(usize, Which),
    /// A person takes over.
    TakeOver(usize, Which),
    /// A window has another size.
    Resize(usize, Which, u16),
    /// A program prints so many lines.
    Print(Which, u16),
    /// Milliseconds pass.
    Pass(Millis),
    /// A link breaks.
    Cut(Side, Cut),
    /// The relay is killed and stays away for so long.
    RelayAway(Millis),
    /// The agent is killed and started again.
    RestartAgent,
    /// The owner ends a device.
    Revoke(usize),
    /// The owner has keys changed, by and by or at once.
    Rotate(Key, Urgency),
    /// The owner ends the token that a viewer types with.
    EndTyping(usize),
    /// A viewer stops reading, or goes on.
    Stall(usize, bool),
    /// Messages take so long, drawn between the two, and overtake each other or not.
    Network(Millis, Millis, bool),
    /// Holders take so long.
    Holders(Millis),
    /// A machine sleeps.
    Sleep(Side, Millis),
    /// A wall clock is off by so many seconds from now on.
    Clock(Clock, i64),
    /// An attacker does this to the next message.
    Tamper(Side, Way, Tamper),
}

/// One of the two terminals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// The one.
    One,
    /// The other.
    Two,
}

/// Which keys are changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    /// The token signer.
    Signer,
    /// The agent's identity.
    Identity,
    /// The agent's Noise key.
    Noise,
    /// A viewer's own.
    Device(usize),
}

/// Whose clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Clock {
    /// The agent's.
    Agent,
    /// The relay's.
    Relay,
    /// A viewer's.
    Viewer(usize),
}

impl Which {
    fn id(self) -> TerminalId {
        match self {
            Self::One => ONE,
            Self::Two => TWO,
        }
    }
}

/// A whole case.
#[derive(Clone)]
pub struct Case {
    /// Decides delays, jitter and what overtakes what.
    pub seed: u64,
    /// What happens.
    pub ops: Vec<Op>,
    /// The relay may be hostile.
    pub hostile: bool,
}

/// One line an operation, however it is asked for: a failure is read by people.
impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let net = if self.hostile { "hostile" } else { "honest" };
        writeln!(f, "{net}, seed {}", self.seed)?;
        self.ops.iter().try_for_each(|op| writeln!(f, "  {op:?}"))
    }
}

/// Cases on a network that breaks but does not lie.
pub fn honest() -> impl Strategy<Value = Case> {
    cases(op().boxed(), false)
}

/// Cases in which whoever carries the messages changes them.
pub fn hostile() -> impl Strategy<Value = Case> {
    cases(prop_oneof![2 => op(), 3 => tampering()].boxed(), true)
}

fn cases(op: BoxedStrategy<Op>, hostile: bool) -> impl Strategy<Value = Case> {
    (any::<u64>(), vec(op, 1..60)).prop_map(move |(seed, ops)| Case { seed, ops, hostile })
}

fn op() -> impl Strategy<Value = Op> {
    let seconds = prop_oneof![
        6 => 1..2_000_u64,
        3 => 2_000..30_000_u64,
        1 => 30_000..1_200_000_u64,
    ];
    let away = prop_oneof![3 => 10..30_000_u64, 1 => 30_000..4_000_000_u64];
    let clock = prop_oneof![
        Just(Clock::Agent),
        Just(Clock::Relay),
        viewer().prop_map(Clock::Viewer)
    ];
    let mode = prop_oneof![3 => Just(Mode::Drive), 1 => Just(Mode::ViewOnly)];
    prop_oneof![
        8 => (viewer(), which(), mode).prop_map(|(v, w, m)| Op::Open(v, w, m)),
        1 => (viewer(), which()).prop_map(|(v, w)| Op::Leave(v, w)),
        16 => (viewer(), which()).prop_map(|(v, w)| Op::Type(v, w)),
        3 => (viewer(), which()).prop_map(|(v, w)| Op::TakeOver(v, w)),
        2 => (viewer(), which(), 1..400_u16).prop_map(|(v, w, c)| Op::Resize(v, w, c)),
        6 => (which(), 1..2000_u16).prop_map(|(w, n)| Op::Print(w, n)),
        16 => seconds.prop_map(Op::Pass),
        4 => (side(), cut()).prop_map(|(s, c)| Op::Cut(s, c)),
        2 => away.clone().prop_map(Op::RelayAway),
        2 => Just(Op::RestartAgent),
        1 => viewer().prop_map(Op::Revoke),
        1 => viewer().prop_map(Op::EndTyping),
        3 => rotation(),
        2 => (viewer(), any::<bool>()).prop_map(|(v, on)| Op::Stall(v, on)),
        3 => (0..300_u64, 0..1500_u64, any::<bool>())
            .prop_map(|(least, more, shuffles)| Op::Network(least, least + more, shuffles)),
        1 => (0..50_u64).prop_map(Op::Holders),
        1 => (side(), away).prop_map(|(s, t)| Op::Sleep(s, t)),
        1 => (clock, -700..700_i64).prop_map(|(c, s)| Op::Clock(c, s)),
    ]
}

/// Noise key and identity by and by only: who is away when one of them goes at once must pair again.
fn rotation() -> impl Strategy<Value = Op> {
    let urgency = prop_oneof![Just(Urgency::Overlap), Just(Urgency::Now)];
    let gently = prop_oneof![Just(Key::Identity), Just(Key::Noise)];
    let either = prop_oneof![Just(Key::Signer), viewer().prop_map(Key::Device)];
    prop_oneof![
        gently.prop_map(|key| Op::Rotate(key, Urgency::Overlap)),
        (either, urgency).prop_map(|(key, urgency)| Op::Rotate(key, urgency)),
    ]
}

fn tampering() -> impl Strategy<Value = Op> {
    let way = prop_oneof![Just(Way::Up), Just(Way::Down)];
    let stream = 0..9_u8;
    let forgery = prop_oneof![
        vec(any::<u8>(), 0..80).prop_map(Forgery::Garbage),
        (stream.clone(), 0..420_u16).prop_map(|(s, c)| Forgery::Close(s, c)),
        (stream.clone(), any::<u32>()).prop_map(|(s, c)| Forgery::Credit(s, c)),
        (stream.clone(), vec(any::<u8>(), 1..80)).prop_map(|(s, b)| Forgery::Data(s, b)),
        (stream.clone(), any::<u32>()).prop_map(|(s, c)| Forgery::Accept(s, c)),
        any::<u8>().prop_map(Forgery::Open),
        Just(Forgery::Wake),
        Just(Forgery::Announce),
    ];
    let tamper = prop_oneof![
        2 => Just(Tamper::Drop),
        2 => Just(Tamper::Duplicate),
        3 => (any::<u8>(), any::<u8>()).prop_map(|(at, mask)| Tamper::Corrupt(at, mask)),
        1 => any::<u8>().prop_map(Tamper::Truncate),
        2 => any::<u16>().prop_map(Tamper::Hold),
        1 => (1..6_u8).prop_map(Tamper::Restream),
        4 => any::<u8>().prop_map(Tamper::Replay),
        4 => forgery.prop_map(Tamper::Forge),
    ];
    (side(), way, tamper).prop_map(|(s, w, t)| Op::Tamper(s, w, t))
}

fn viewer() -> impl Strategy<Value = usize> {
    0..VIEWERS.len()
}

fn which() -> impl Strategy<Value = Which> {
    prop_oneof![3 => Just(Which::One), 1 => Just(Which::Two)]
}

fn side() -> impl Strategy<Value = Side> {
    prop_oneof![1 => Just(Side::Agent), 2 => viewer().prop_map(Side::Viewer)]
}

fn cut() -> impl Strategy<Value = Cut> {
    prop_oneof![
        3 => Just(Cut::Both),
        1 => Just(Cut::UnnoticedByRelay),
        1 => Just(Cut::UnnoticedByDialler),
    ]
}

impl Case {
    /// Lets it all happen and looks at what must hold. Returns the steps it took.
    ///
    /// # Panics
    /// Something does not hold.
    #[must_use]
    pub fn run(&self) -> u64 {
        let mut sim = Sim::with(VIEWERS, self.seed);
        for op in &self.ops {
            sim.steps += 1;
            sim.apply(op);
        }
        sim.heal();
        sim.typed_is_right();
        if !self.hostile {
            sim.every_word_has_one_fate();
        }
        sim.everyone_is_back(self.hostile);
        sim.steps
    }
}

impl Sim {
    fn apply(&mut self, op: &Op) {
        let at = self.at;
        match *op {
            Op::Open(viewer, which, mode) => {
                if self.viewers[viewer].handle(which.id()).is_none() {
                    self.open(viewer, which.id(), mode);
                }
            }
            Op::Leave(viewer, which) => {
                if let Some(handle) = self.viewers[viewer].handle(which.id()) {
                    self.viewers[viewer].leave(handle);
                }
            }
            Op::Type(viewer, which) => {
                if let Some(handle) = self.viewers[viewer].handle(which.id()) {
                    self.viewers[viewer].type_word(handle, at);
                }
            }
            Op::TakeOver(viewer, which) => {
                let now = self.viewers[viewer].now(at);
                if let Some(handle) = self.viewers[viewer].handle(which.id()) {
                    self.viewers[viewer].core.take_over(handle, now);
                }
            }
            Op::Resize(viewer, which, cols) => {
                let (now, rows) = (self.viewers[viewer].now(at), GRID.rows);
                if let Some(handle) = self.viewers[viewer].handle(which.id()) {
                    let grid = Grid { cols, rows };
                    self.viewers[viewer].core.resize(handle, grid, now);
                }
            }
            Op::Print(which, lines) => {
                let text = "0123456789abcdef0123456789abcdef\r\n".repeat(lines.into());
                self.print(which.id(), &text);
            }
            Op::Pass(time) => return self.pass(Duration::from_millis(time)),
            Op::Cut(side, how) => return self.cut(side, how),
            Op::RelayAway(time) => {
                self.relay_dies();
                self.pass(Duration::from_millis(time));
                return self.relay_returns();
            }
            // Nobody does anything at a machine that sleeps.
            Op::RestartAgent | Op::Revoke(_) | Op::Rotate(..) | Op::EndTyping(_)
                if self.agent.asleep > at => {}
            Op::RestartAgent => return self.restart_agent(),
            Op::Revoke(viewer) => return self.revoke(viewer),
            Op::Rotate(key, urgency) => return self.rotate(key, urgency),
            Op::EndTyping(viewer) => return self.end_typing(viewer),
            Op::Stall(viewer, on) => self.viewers[viewer].stalled = on,
            Op::Network(least, most, shuffles) => {
                (self.delay, self.shuffles) = ((least, most), shuffles);
            }
            Op::Holders(time) => self.agent.holder_delay = time,
            Op::Sleep(side, time) => self.sleep(side, time),
            Op::Clock(clock, seconds) => match clock {
                Clock::Agent => self.agent.wall = seconds * 1000,
                Clock::Relay => self.set_relay_clock(seconds * 1000),
                Clock::Viewer(viewer) => self.viewers[viewer].wall = seconds * 1000,
            },
            Op::Tamper(side, way, ref tamper) => self.tamper(side, way, tamper.clone()),
        }
        self.pass(Duration::ZERO);
    }

    /// What reached a program was typed by somebody who may, in order, once, and not long ago.
    fn typed_is_right(&self) {
        // A live token is the longest that anything on its way can be held back.
        let longest = (INPUT_RESEND + PRESENCE + LIFE_TERMINAL).as_millis() as Millis;
        for terminal in [ONE, TWO] {
            let mut last = vec![None; self.viewers.len()];
            for (at, writer, bytes) in &self.program(terminal).typed {
                let text = String::from_utf8_lossy(bytes);
                let (viewer, number) = word(&text);
                let typed = &self.viewers[viewer].words[number];
                let screen = &self.viewers[viewer].screens[&typed.handle];
                assert_eq!(screen.terminal, terminal, "{text} in another terminal");
                assert_eq!(
                    writer.0[..4],
                    typed.handle.to_be_bytes(),
                    "{text} under another writer's name"
                );
                assert!(last[viewer] < Some(number), "{text} twice, or out of order");
                last[viewer] = Some(number);
                let may = VIEWERS[viewer].contains(&Scope::Terminal) && screen.mode == Mode::Drive;
                assert!(may, "{text} by one who may only look");
                assert!(
                    *at - typed.at <= longest,
                    "{text} typed {} ms ago",
                    at - typed.at
                );
            }
        }
    }

    /// On a network that does not lie, each word was applied, or offered to the person again, and never both.
    fn every_word_has_one_fate(&self) {
        for (place, viewer) in self.viewers.iter().enumerate() {
            for (number, word) in viewer.words.iter().enumerate() {
                let screen = &viewer.screens[&word.handle];
                let applied = self
                    .program(screen.terminal)
                    .typed
                    .iter()
                    .any(|(_, _, bytes)| *bytes == word.text);
                let which = format!("word {number} of viewer {place}, typed at {}", word.at);
                // Who was turned away in the middle cannot know.
                let in_doubt = word.back == Some(Unsent::Refused);
                assert!(
                    !(applied && word.back.is_some()) || in_doubt,
                    "{which} was applied and given back: {:?}",
                    word.back
                );
                let told = applied || word.back.is_some() || screen.left;
                assert!(told, "{which} is lost");
            }
        }
    }

    /// Every viewer that was not ended sees all there is to see, and who may type can.
    fn everyone_is_back(&mut self, hostile: bool) {
        for viewer in 0..self.viewers.len() {
            let over = matches!(self.viewers[viewer].core.state(), State::Over(_));
            if self.viewers[viewer].ended.is_some() {
                assert!(over, "viewer {viewer} was ended and is not told");
                continue;
            }
            // A relay can turn anyone away; it says so in its own name, and the person may try again.
            if over && hostile {
                continue;
            }
            let state = self.viewers[viewer].core.state();
            assert_eq!(*state, State::Live, "viewer {viewer}");
            for terminal in [ONE, TWO] {
                self.sees_all(viewer, terminal, hostile);
            }
        }
    }

    fn sees_all(&mut self, viewer: usize, terminal: TerminalId, hostile: bool) {
        let Some(handle) = self.viewers[viewer].handle(terminal) else {
            return;
        };
        if hostile {
            // What was held back without a trace is missed at the next word.
            self.print(terminal, "next");
            self.pass(Duration::from_secs(30));
        }
        let screen = &self.viewers[viewer].screens[&handle];
        let over = |event: &TerminalEvent| matches!(event, TerminalEvent::Ended(_));
        if hostile && screen.events.iter().any(over) {
            return;
        }
        let head = self.program(terminal).output.len() as u64;
        assert_eq!(screen.offset, Some(head), "viewer {viewer} is behind");
        let refused =
            |event: &TerminalEvent| matches!(event, TerminalEvent::Input(InputState::Refused(_)));
        let may = VIEWERS[viewer].contains(&Scope::Terminal) && screen.mode == Mode::Drive;
        if !may || (hostile && screen.events.iter().any(refused)) {
            return;
        }
        let now = self.viewers[viewer].now(self.at);
        self.viewers[viewer].core.take_over(handle, now);
        self.pass(Duration::from_secs(1));
        let before = self.program(terminal).typed.len();
        self.viewers[viewer].type_word(handle, self.at);
        self.pass(Duration::from_secs(if hostile { 30 } else { 1 }));
        assert_eq!(
            self.program(terminal).typed.len(),
            before + 1,
            "viewer {viewer} types and nothing comes of it: {:?}",
            self.viewers[viewer].screens[&handle].events.last()
        );
    }
}

/// Who typed a word, and which of theirs it is.
fn word(text: &str) -> (usize, usize) {
    let parts = text.strip_suffix(';').and_then(|text| text.split_once('.'));
    let parsed = parts.and_then(|(who, which)| Some((who.parse().ok()?, which.parse().ok()?)));
    parsed.unwrap_or_else(|| panic!("nobody typed {text}"))
}
