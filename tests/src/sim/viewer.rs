//! A viewer without its socket: the real core, a person who types words that tell where they come from, and a screen that believes nothing.

use super::agent::Agent;
use super::relay::LinkId;
use super::terminal::Program;
use super::wire::Millis;
use super::{START, jumped};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_agent::core::Identity;
use lanyard_agent::core::devices::Device;
use lanyard_client::core::{Event, HandleId, Mode, Party, TerminalEvent, Unsent, Viewer as Core};
use lanyard_client::core::{Memory, News, OwnKeys};
use lanyard_shared::access::Reach;
use lanyard_shared::b64;
use lanyard_shared::ids::{DeviceId, TerminalId, TokenId, WriterId};
use lanyard_shared::limits::LIFE_DEVICE;
use lanyard_shared::msg::{Grid, Scope};
use lanyard_shared::noise::StaticKey;
use lanyard_shared::record::OUTPUT_OVERHEAD;
use lanyard_shared::time::{Mono, Now};
use lanyard_shared::token::{self, NewToken};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A viewer and the person in front of it.
pub struct Viewer {
    pub core: Core,
    pub device: DeviceId,
    /// What it keeps of the machine.
    kept: Memory,
    /// What the device was granted.
    pub scopes: Vec<Scope>,
    /// How far its wall clock is off, in milliseconds.
    pub wall: i64,
    /// Its link, as far as it knows.
    pub link: Option<LinkId>,
    /// Nothing happens on the machine until then.
    pub asleep: Millis,
    /// It reads nothing from its socket.
    pub stalled: bool,
    /// What it has attached to.
    pub screens: BTreeMap<HandleId, Screen>,
    /// When the owner ended it, and how much each terminal had printed by then.
    pub ended: Option<BTreeMap<TerminalId, u64>>,
    /// Every word ever typed, and what became of it.
    pub words: Vec<Word>,
    next_handle: HandleId,
    /// How often it has changed its keys.
    next_keys: u8,
    place: u8,
}

/// One attached terminal, as a page shows it.
pub struct Screen {
    pub terminal: TerminalId,
    pub mode: Mode,
    /// The page has let it go.
    pub left: bool,
    /// What the page was told.
    pub events: Vec<TerminalEvent>,
    /// What it shows: bytes since the last snapshot.
    pub seen: Vec<u8>,
    /// How far it is.
    pub offset: Option<u64>,
}

/// What was typed.
pub struct Word {
    pub handle: HandleId,
    pub text: Bytes,
    pub at: Millis,
    /// It was given back, and why.
    pub back: Option<Unsent>,
}

/// A device that the agent has admitted earlier, and what it holds.
pub fn paired(place: u8, scopes: &[Scope], agent: &Identity) -> (Device, String, Party) {
    let key = Arc::new(SigningKey::from_bytes(&[100 + place; 32]));
    let noise = StaticKey::from_bytes(&[200 + place; 32]);
    let id = DeviceId::of_key(&key.verifying_key().to_bytes());
    let name = format!("device {place}");
    let device = Device {
        id,
        name: name.clone(),
        noise_key: b64::Bytes(*noise.public()),
        scopes: scopes.to_vec(),
        epoch: 1,
        paired: START,
        seen: START,
        expires: START + LIFE_DEVICE,
        reach: Reach::default(),
        until: None,
        from: String::new(),
        keys_since: None,
        serial: 1,
        generation: 0,
        advanced: START,
        suspended: false,
        rekey: None,
        replaces: None,
    };
    let new = NewToken {
        agent: agent.agent(),
        device: id,
        issued: START,
        life: LIFE_DEVICE,
        id: TokenId([place; 16]),
        conn: None,
        epoch: 1,
    };
    let grant = token::issue::<token::Device>(agent.key(), &new)
        .unwrap_or_else(|fault| panic!("a grant of ours: {fault}"));
    let (agent, remote) = (agent.agent(), *agent.noise().key.public());
    let party = Party {
        agent,
        remote,
        key,
        noise,
        name,
    };
    (device, grant, party)
}

fn memory(party: &Party, grant: String) -> Memory {
    Memory {
        grant,
        expires: START + LIFE_DEVICE,
        remote: party.remote,
        serial: 1,
        identity: Some(Agent::identity().public()),
        generation: 0,
        keys: None,
    }
}

impl Viewer {
    /// A paired viewer that wants to dial.
    pub fn new(place: u8, device: &Device, grant: String, party: Party) -> Self {
        Self {
            core: Core::new(
                party.clone(),
                memory(&party, grant.clone()),
                Mono(booted(place)),
            ),
            next_keys: 0,
            device: device.id,
            kept: memory(&party, grant),
            scopes: device.scopes.clone(),
            wall: 0,
            link: None,
            asleep: 0,
            stalled: false,
            screens: BTreeMap::new(),
            ended: None,
            words: Vec::new(),
            next_handle: 1,
            place,
        }
    }

    /// What it takes for the time.
    pub fn now(&self, at: Millis) -> Now {
        Now {
            mono: Mono(booted(self.place) + Duration::from_millis(at)),
            unix: jumped(START + Duration::from_millis(at), self.wall),
        }
    }

    /// When its next timer is due.
    pub fn next(&self, at: Millis) -> Option<Millis> {
        let due = self.core.poll_timeout(self.now(at).mono)?;
        Some(super::millis(due, booted(self.place)))
    }

    /// Attaches to a terminal.
    pub fn open(&mut self, terminal: TerminalId, grid: Grid, mode: Mode, at: Millis) -> HandleId {
        let handle = self.next_handle;
        self.next_handle += 1;
        let screen = Screen {
            terminal,
            mode,
            left: false,
            events: Vec::new(),
            seen: Vec::new(),
            offset: None,
        };
        self.screens.insert(handle, screen);
        let mut writer = [self.place; 16];
        writer[..4].copy_from_slice(&handle.to_be_bytes());
        let now = self.now(at);
        let writer = WriterId(writer);
        self.core
            .open(handle, terminal, grid, mode, writer, None, now);
        handle
    }

    /// The page it shows of a terminal, if any.
    pub fn handle(&self, terminal: TerminalId) -> Option<HandleId> {
        let shows = |screen: &Screen| screen.terminal == terminal && !screen.left;
        let found = self.screens.iter().find(|(_, screen)| shows(screen));
        found.map(|(handle, _)| *handle)
    }

    /// Lets a terminal go.
    pub fn leave(&mut self, handle: HandleId) {
        if let Some(screen) = self.screens.get_mut(&handle) {
            screen.left = true;
            self.core.close(handle);
        }
    }

    /// Types these bytes.
    pub fn type_bytes(&mut self, handle: HandleId, text: Bytes, at: Millis) {
        let word = Word {
            handle,
            text: text.clone(),
            at,
            back: None,
        };
        self.words.push(word);
        let now = self.now(at);
        self.core.type_bytes(handle, text, now);
    }

    /// Types a word that nobody else types.
    pub fn type_word(&mut self, handle: HandleId, at: Millis) {
        let text = format!("{}.{};", self.place, self.words.len());
        self.type_bytes(handle, text.into(), at);
    }

    /// Takes what the core says, looking at each word of it. `program` tells what a terminal really printed.
    ///
    /// # Panics
    /// It says what is not so.
    pub fn consume<'a>(&mut self, program: impl Fn(TerminalId) -> &'a Program, now: Now) -> bool {
        let mut moved = self.core.wants_recall();
        self.core.recalled(Some(self.kept.clone()), now.mono);
        while let Some(event) = self.core.poll_event() {
            moved = true;
            let (handle, event) = match event {
                Event::Terminal(handle, event) => (handle, event),
                Event::Remember(_, news) => {
                    self.kept.learn(&news);
                    if let News::OwnKeys { keys, .. } = &news {
                        self.device = keys.device();
                    }
                    self.core.kept(now);
                    continue;
                }
                Event::Rekey => {
                    self.next_keys = self.next_keys.wrapping_add(1);
                    let seed = [self.place, self.next_keys].repeat(16);
                    let seed: [u8; 32] = seed.try_into().unwrap_or_default();
                    let keys = OwnKeys {
                        key: Arc::new(SigningKey::from_bytes(&seed)),
                        noise: StaticKey::from_bytes(&seed),
                    };
                    self.core.rekey(keys, now);
                    continue;
                }
                Event::State(_)
                | Event::Trouble(_)
                | Event::Welcome(_)
                | Event::Scopes(..)
                | Event::Terminals(_)
                | Event::Answered(..) => continue,
            };
            let Some(screen) = self.screens.get_mut(&handle) else {
                panic!("a terminal that was never attached says {event:?}");
            };
            let ended = self
                .ended
                .as_ref()
                .map(|heads| heads.get(&screen.terminal).copied().unwrap_or(0));
            match &event {
                TerminalEvent::Unsent { bytes, why } => {
                    give_back(&mut self.words, handle, bytes, *why)
                }
                TerminalEvent::Output { bytes, .. } => {
                    let payload = u32::try_from(bytes.len() + OUTPUT_OVERHEAD).unwrap_or(u32::MAX);
                    self.core.consumed(handle, payload);
                }
                TerminalEvent::Snapshot { .. }
                | TerminalEvent::Size(_)
                | TerminalEvent::At(_)
                | TerminalEvent::Exit(_)
                | TerminalEvent::Interrupted(_)
                | TerminalEvent::Resumed
                | TerminalEvent::Input(_)
                | TerminalEvent::Renewed { .. }
                | TerminalEvent::Ended(_) => {}
            }
            screen.show(event, program(screen.terminal), ended);
        }
        moved
    }
}

impl Screen {
    fn show(&mut self, event: TerminalEvent, program: &Program, ended: Option<u64>) {
        match &event {
            TerminalEvent::Snapshot { offset, bytes, .. } => {
                assert_eq!(*bytes, format!("S{offset}"), "a picture of something else");
                assert!(ended.is_none_or(|head| *offset <= head), "after its end");
                self.offset = Some(*offset);
                self.seen.clear();
            }
            TerminalEvent::Output { offset, bytes } => {
                assert_eq!(self.offset, Some(*offset), "a gap in the output");
                let end = *offset + bytes.len() as u64;
                let printed = program.output.get(*offset as usize..end as usize);
                assert!(printed == Some(bytes), "output that nobody printed");
                assert!(ended.is_none_or(|head| end <= head), "after its end");
                self.offset = Some(end);
                self.seen.extend_from_slice(bytes);
            }
            TerminalEvent::At(_) => panic!("a terminal that lives was played"),
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

/// Notes which words a person is offered again.
fn give_back(words: &mut [Word], handle: HandleId, bytes: &Bytes, why: Unsent) {
    let mut rest = &bytes[..];
    for word in words.iter_mut().filter(|word| word.handle == handle) {
        if !rest.is_empty()
            && word.back.is_none()
            && let Some(after) = rest.strip_prefix(&word.text[..])
        {
            word.back = Some(why);
            rest = after;
        }
    }
    assert!(
        rest.is_empty(),
        "given back but never typed, or given back before: {:?}",
        String::from_utf8_lossy(rest)
    );
}

fn booted(place: u8) -> Duration {
    Duration::from_secs(2000 + 1000 * u64::from(place))
}
