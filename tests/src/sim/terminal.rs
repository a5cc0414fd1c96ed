//! A terminal that echoes what is typed, with a ring like a holder's, played by hand.

use crate::sim::{GRID, TERMINAL};
use bytes::Bytes;
use lanyard_agent::core::{Core, Effect, Watched};
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::WriterId;
use lanyard_shared::msg::Terminal;
use lanyard_shared::time::{Now, UnixMs};
use std::collections::BTreeMap;

const RING: usize = 2 * 1024 * 1024;
const CHUNK: usize = 32 * 1024;

struct Watch {
    next: Option<u64>,
    credit: usize,
}

/// The program and its holder.
#[derive(Default)]
pub struct EchoTerminal {
    /// Everything it ever printed.
    pub output: Vec<u8>,
    /// Everything that was typed, as it was applied.
    pub typed: Vec<u8>,
    writers: BTreeMap<WriterId, u64>,
    watches: BTreeMap<StreamId, Watch>,
}

impl EchoTerminal {
    /// Prints.
    pub fn print(&mut self, bytes: &[u8]) {
        self.output.extend_from_slice(bytes);
    }

    pub(super) fn carry_out(&mut self, effect: Effect, agent: &mut Core, now: Now) {
        match effect {
            Effect::Watch { stream, have, .. } => {
                let head = self.output.len() as u64;
                let tail = self.output.len().saturating_sub(RING) as u64;
                let next = have.filter(|have| (tail..=head).contains(have));
                self.watches.insert(stream, Watch { next, credit: 0 });
            }
            Effect::Pull(stream, bytes) => {
                if let Some(watch) = self.watches.get_mut(&stream) {
                    watch.credit += bytes as usize;
                }
            }
            Effect::Unwatch(stream) => drop(self.watches.remove(&stream)),
            Effect::LastInput { terminal, writer } => {
                let last = self.writers.get(&writer).copied().unwrap_or(0);
                agent.last_input(terminal, writer, last, now);
            }
            Effect::Type {
                terminal,
                writer,
                seq,
                bytes,
            } => {
                let last = self.writers.entry(writer).or_default();
                if seq == *last + 1 {
                    *last = seq;
                    self.typed.extend_from_slice(&bytes);
                    self.output.extend_from_slice(&bytes);
                }
                let last = *last;
                agent.applied(terminal, writer, last, now.mono);
            }
            Effect::SaveDevices
            | Effect::NoteDevices
            | Effect::SaveTime
            | Effect::Online { .. }
            | Effect::Offline(_)
            | Effect::Ask(_)
            | Effect::Withdraw(_)
            | Effect::Paired { .. }
            | Effect::Spawn { .. }
            | Effect::Kill(_)
            | Effect::Resize(..)
            | Effect::Pace(..) => {}
        }
    }

    /// Hands watchers what they have credit for. True when there was something.
    pub(super) fn deliver(&mut self, agent: &mut Core) -> bool {
        let mut ready = Vec::new();
        for (stream, watch) in &mut self.watches {
            let head = self.output.len() as u64;
            let next = match watch.next {
                Some(next) => next,
                None if watch.credit > 0 => {
                    ready.push((
                        *stream,
                        Watched::Snapshot {
                            offset: head,
                            grid: GRID,
                            total: 1,
                        },
                    ));
                    ready.push((*stream, Watched::Chunk(Bytes::from_static(b"S"))));
                    watch.credit -= 1;
                    watch.next = Some(head);
                    continue;
                }
                None => continue,
            };
            let left = (head - next) as usize;
            let size = left.min(watch.credit).min(CHUNK);
            if size > 0 {
                let from = next as usize;
                let bytes = Bytes::copy_from_slice(&self.output[from..from + size]);
                ready.push((
                    *stream,
                    Watched::Output {
                        offset: next,
                        bytes,
                    },
                ));
                watch.credit -= size;
                watch.next = Some(next + size as u64);
            }
        }
        let any = !ready.is_empty();
        for (stream, what) in ready {
            agent.watched(stream, what);
        }
        any
    }
}

/// The terminal in the agent's list.
pub(super) fn description() -> Terminal {
    Terminal {
        id: TERMINAL,
        name: "one".into(),
        title: String::new(),
        cwd: "/".into(),
        started: UnixMs(1),
        grid: GRID,
        exit: None,
    }
}
