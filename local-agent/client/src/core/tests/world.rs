//! One viewer and its peer, and the time between them.

use super::peer::{Peer, Seen, party};
use super::peer::{half, memory};
use crate::core::Half;
use crate::core::{Event, HandleId, Memory, Mode, State, TerminalEvent, Viewer};
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{AgentId, TerminalId, WriterId};
use lanyard_shared::msg::{Grid, Terminal, ToAgent};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::{Mono, Now, UnixMs};
use std::time::Duration;

pub const AGENT: AgentId = AgentId([1; 16]);
pub const TERMINAL: TerminalId = TerminalId([7; 16]);
pub const GRID: Grid = Grid { cols: 80, rows: 24 };
pub const HANDLE: HandleId = 5;

/// The viewer and its peer.
pub struct World {
    pub viewer: Viewer,
    pub peer: Peer,
    pub now: Mono,
    /// What is kept of the machine; `None` while nothing is or it cannot be read.
    pub kept: Option<Memory>,
    /// Whether dialling succeeds.
    pub reachable: bool,
}

impl World {
    pub fn new() -> Self {
        let now = Mono::from_secs(1000);
        let peer = Peer::new();
        let viewer = Viewer::new(party(&peer), memory(&peer), now);
        Self {
            viewer,
            peer,
            now,
            kept: None,
            reachable: true,
        }
    }

    /// A world whose session stands, and whose device keeps what it was told so far.
    pub fn live() -> Self {
        let mut world = Self::new();
        world.run();
        assert_eq!(world.viewer.state(), &State::Live);
        let now = world.both();
        for event in world.events() {
            if matches!(event, Event::Remember(..)) {
                world.viewer.kept(now);
            }
        }
        world.peer.seen.clear();
        world
    }

    /// A live world with an attached terminal whose streams stand and are opened.
    pub fn attached(mode: Mode) -> Self {
        let mut world = Self::live();
        world.open(mode, None);
        world.peer.record(
            Half::View,
            &AgentRecord::Snapshot {
                offset: 100,
                grid: GRID,
                total: 0,
            },
        );
        if mode == Mode::Drive {
            world.peer.record(
                Half::Terminal,
                &AgentRecord::Opened {
                    last: 0,
                    driver: true,
                },
            );
        }
        world.run();
        world.terminal_events();
        world.peer.seen.clear();
        world
    }

    pub fn open(&mut self, mode: Mode, have: Option<u64>) {
        self.viewer.open(
            HANDLE,
            TERMINAL,
            GRID,
            mode,
            WriterId([4; 16]),
            have,
            self.both(),
        );
        self.run();
    }

    pub fn both(&self) -> Now {
        Now {
            mono: self.now,
            unix: UnixMs(0),
        }
    }

    /// Carries messages until both sides are quiet.
    pub fn run(&mut self) {
        loop {
            if self.viewer.wants_recall() {
                self.viewer.recalled(self.kept.clone(), self.now);
            }
            if self.viewer.poll_dial(self.now) {
                if self.reachable {
                    self.peer.new_link();
                    self.viewer.dialled("relay.example".to_owned(), self.now);
                } else {
                    self.viewer
                        .dial_failed(CloseCode::Silent.into(), None, u32::MAX, self.now);
                }
            }
            if let Some(message) = self.viewer.poll_output() {
                self.peer.take_frame(message);
            } else if self.viewer.is_link_over() {
                self.viewer.disconnected(u32::MAX, self.now);
            } else if let Some(message) = self.peer.take_reply() {
                self.viewer.handle(message, self.both());
            } else {
                return;
            }
        }
    }

    /// Lets time pass, from deadline to deadline.
    pub fn advance(&mut self, time: Duration) {
        let end = self.now + time;
        self.run();
        while let Some(at) = self.viewer.poll_timeout(self.now).filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.viewer.on_timeout(self.both());
            self.run();
        }
        self.now = end;
        self.viewer.on_timeout(self.both());
        self.run();
    }

    /// The network is gone; the next dial finds it again.
    pub fn cut_link(&mut self) {
        self.viewer.disconnected(u32::MAX, self.now);
    }

    pub fn type_text(&mut self, text: &'static str) {
        self.viewer
            .type_bytes(HANDLE, Bytes::from_static(text.as_bytes()), self.both());
        self.run();
    }

    pub fn output(&mut self, offset: u64, text: &'static str) {
        let bytes = Bytes::from_static(text.as_bytes());
        self.peer
            .record(Half::View, &AgentRecord::Output { offset, bytes });
        self.run();
    }

    pub fn events(&mut self) -> Vec<Event> {
        std::iter::from_fn(|| self.viewer.poll_event()).collect()
    }

    pub fn terminal_events(&mut self) -> Vec<TerminalEvent> {
        let of_terminal = |event| {
            if let Event::Terminal(HANDLE, event) = event {
                Some(event)
            } else {
                None
            }
        };
        self.events().into_iter().filter_map(of_terminal).collect()
    }

    /// The records that came on streams, in order.
    pub fn records(&mut self) -> Vec<ViewerRecord> {
        let records = std::mem::take(&mut self.peer.seen).into_iter();
        records
            .filter_map(|seen| {
                if let Seen::Record(_, record) = seen {
                    Some(record)
                } else {
                    None
                }
            })
            .collect()
    }

    pub fn minted(&self, purpose: Half) -> usize {
        let is_mint = |seen: &&Seen| matches!(seen, Seen::Said(ToAgent::Mint { wanted, .. }) if half(wanted) == purpose);
        self.peer.seen.iter().filter(is_mint).count()
    }
}

pub fn terminal(id: TerminalId) -> Terminal {
    Terminal {
        id,
        name: "shell".to_owned(),
        title: String::new(),
        cwd: "/".to_owned(),
        started: UnixMs(0),
        grid: GRID,
        exit: None,
        driver: None,
    }
}
