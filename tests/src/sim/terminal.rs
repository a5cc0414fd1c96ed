//! Programs that echo what is typed, with rings like a holder's, played by hand. They outlive the agent.

use super::wire::Millis;
use super::{GRID, ONE, TWO};
use bytes::Bytes;
use lanyard_agent::core::{Effect, Watched};
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::{TerminalId, WriterId};
use lanyard_shared::msg::{Grid, Terminal};
use lanyard_shared::time::UnixMs;
use std::collections::BTreeMap;

const RING: usize = 2 * 1024 * 1024;
const CHUNK: usize = 32 * 1024;

/// One program and its holder.
pub struct Program {
    /// Everything it ever printed.
    pub output: Vec<u8>,
    /// Everything that was typed, as it was applied, and when.
    pub typed: Vec<(Millis, WriterId, Bytes)>,
    /// Its present size.
    pub grid: Grid,
    writers: BTreeMap<WriterId, u64>,
}

impl Program {
    /// What was typed, joined.
    #[must_use]
    pub fn typed_bytes(&self) -> Vec<u8> {
        self.typed
            .iter()
            .flat_map(|(_, _, bytes)| bytes.iter().copied())
            .collect()
    }
}

struct Watch {
    terminal: TerminalId,
    number: u64,
    next: Option<u64>,
    credit: usize,
    grid: Grid,
}

/// What a holder tells the agent.
pub enum News {
    Applied(TerminalId, WriterId, u64),
    Gap(TerminalId),
    Watched(StreamId, u64, Watched),
}

/// All programs, and who watches them.
pub struct Terminals {
    programs: BTreeMap<TerminalId, Program>,
    watches: BTreeMap<StreamId, Watch>,
}

impl Terminals {
    /// Two of them.
    pub fn new() -> Self {
        let program = || Program {
            output: Vec::new(),
            typed: Vec::new(),
            grid: GRID,
            writers: BTreeMap::new(),
        };
        Self {
            programs: [(ONE, program()), (TWO, program())].into(),
            watches: BTreeMap::new(),
        }
    }

    /// One of them.
    ///
    /// # Panics
    /// There is none of this id.
    #[must_use]
    pub fn get(&self, id: TerminalId) -> &Program {
        &self.programs[&id]
    }

    /// Prints.
    pub fn print(&mut self, id: TerminalId, bytes: &[u8]) {
        if let Some(program) = self.programs.get_mut(&id) {
            program.output.extend_from_slice(bytes);
        }
    }

    /// As an agent lists them.
    pub fn list(&self) -> impl Iterator<Item = Terminal> + use<'_> {
        self.programs.iter().map(|(id, program)| Terminal {
            id: *id,
            name: "one".into(),
            title: String::new(),
            cwd: "/".into(),
            started: UnixMs(1),
            grid: program.grid,
            exit: None,
            driver: None,
        })
    }

    /// The agent is gone, and its connections with it.
    pub fn forget_watches(&mut self) {
        self.watches.clear();
    }

    /// Does what the agent asks. `number` tells watches of one stream id apart.
    pub fn carry_out(&mut self, effect: Effect, number: u64, now: Millis) -> Option<News> {
        match effect {
            Effect::Watch {
                stream,
                terminal,
                have,
                ..
            } => {
                let program = self.programs.get(&terminal)?;
                let head = program.output.len() as u64;
                let tail = program.output.len().saturating_sub(RING) as u64;
                let watch = Watch {
                    terminal,
                    number,
                    next: have.filter(|have| (tail..=head).contains(have)),
                    credit: 0,
                    grid: program.grid,
                };
                self.watches.insert(stream, watch);
                None
            }
            Effect::Pull(stream, bytes) => {
                if let Some(watch) = self.watches.get_mut(&stream) {
                    watch.credit += bytes as usize;
                }
                None
            }
            Effect::Unwatch(stream) => {
                self.watches.remove(&stream);
                None
            }
            Effect::Resize(terminal, grid) => {
                if let Some(program) = self.programs.get_mut(&terminal) {
                    program.grid = grid;
                }
                None
            }
            Effect::LastInput { terminal, writer } => {
                let program = self.programs.get(&terminal)?;
                let last = program.writers.get(&writer).copied().unwrap_or(0);
                Some(News::Applied(terminal, writer, last))
            }
            Effect::Type {
                terminal,
                writer,
                seq,
                bytes,
            } => {
                let program = self.programs.get_mut(&terminal)?;
                let last = program.writers.entry(writer).or_default();
                if seq > *last + 1 {
                    return Some(News::Gap(terminal));
                }
                if seq == *last + 1 {
                    *last = seq;
                    program.output.extend_from_slice(&bytes);
                    program.typed.push((now, writer, bytes));
                }
                Some(News::Applied(terminal, writer, *last))
            }
            Effect::SaveDevices
            | Effect::SaveKeys
            | Effect::Rotated(_)
            | Effect::Suspended { .. }
            | Effect::NoteDevices
            | Effect::SaveTime
            | Effect::Online { .. }
            | Effect::TakenIn(_)
            | Effect::Offline(_)
            | Effect::Ask(_)
            | Effect::Withdraw(_)
            | Effect::ApprovalAsked(_)
            | Effect::ApprovalSettled(_)
            | Effect::Paired { .. }
            | Effect::Spawn { .. }
            | Effect::Kill(_)
            | Effect::Pace(..)
            | Effect::Rename { .. }
            | Effect::Play { .. }
            | Effect::Record(_)
            | Effect::SaveRules { .. }
            | Effect::CompareAudit { .. }
            | Effect::ReadAudit { .. }
            | Effect::IdentityChanged
            | Effect::ForgetPast { .. } => None,
        }
    }

    /// Hands watchers what they have credit for.
    pub fn deliver(&mut self) -> Vec<News> {
        let mut ready = Vec::new();
        for (stream, watch) in &mut self.watches {
            let Some(program) = self.programs.get(&watch.terminal) else {
                continue;
            };
            let mut say = |what| ready.push(News::Watched(*stream, watch.number, what));
            let head = program.output.len() as u64;
            let fell_out = program.output.len().saturating_sub(RING) as u64;
            let next = watch.next.filter(|next| *next >= fell_out);
            let Some(next) = next else {
                if watch.credit > 0 {
                    let picture = Bytes::from(format!("S{head}"));
                    say(Watched::Snapshot {
                        offset: head,
                        grid: program.grid,
                        total: u32::try_from(picture.len()).unwrap_or(u32::MAX),
                    });
                    watch.credit = watch.credit.saturating_sub(picture.len());
                    say(Watched::Chunk(picture));
                    (watch.next, watch.grid) = (Some(head), program.grid);
                }
                continue;
            };
            if watch.grid != program.grid {
                watch.grid = program.grid;
                say(Watched::Size(program.grid));
            }
            let size = ((head - next) as usize).min(watch.credit).min(CHUNK);
            if size > 0 {
                let from = next as usize;
                say(Watched::Output {
                    offset: next,
                    bytes: Bytes::copy_from_slice(&program.output[from..from + size]),
                });
                watch.credit -= size;
                watch.next = Some(next + size as u64);
            }
        }
        ready
    }
}
