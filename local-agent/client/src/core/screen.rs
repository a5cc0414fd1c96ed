//! What a view stream brings, put together and checked: snapshots whole, output without a gap.

use super::TerminalEvent;
use crate::limits::SNAPSHOT_MAX;
use bytes::{Bytes, BytesMut};
use lanyard_shared::close::CloseCode;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::AgentRecord;

/// Where one terminal's picture stands. Outlives the streams that feed it.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// Output up to here was handed out.
    have: Option<u64>,
    /// A snapshot on its way.
    partial: Option<Partial>,
}

#[derive(Debug)]
struct Partial {
    offset: u64,
    grid: Grid,
    total: usize,
    bytes: BytesMut,
}

impl Screen {
    /// A picture that has everything up to `have` already.
    pub fn new(have: Option<u64>) -> Self {
        Self {
            have,
            partial: None,
        }
    }

    /// What to ask the next stream for.
    pub fn have(&self) -> Option<u64> {
        self.have
    }

    /// A new stream begins; half a snapshot is worth nothing.
    pub fn restart(&mut self) {
        self.partial = None;
    }

    /// Takes a record of a view stream, except its end. `None` while a snapshot is incomplete.
    pub fn take(&mut self, record: AgentRecord) -> Result<Option<TerminalEvent>, CloseCode> {
        match record {
            AgentRecord::Snapshot {
                offset,
                grid,
                total,
            } => {
                if self.partial.is_some() || total > SNAPSHOT_MAX {
                    return Err(CloseCode::Malformed);
                }
                let partial = Partial {
                    offset,
                    grid,
                    total: total as usize,
                    bytes: BytesMut::new(),
                };
                Ok(self.finish(partial))
            }
            AgentRecord::SnapshotChunk(chunk) => {
                let mut partial = self.partial.take().ok_or(CloseCode::Malformed)?;
                if partial.bytes.len() + chunk.len() > partial.total {
                    return Err(CloseCode::Malformed);
                }
                partial.bytes.extend_from_slice(&chunk);
                Ok(self.finish(partial))
            }
            AgentRecord::Output { offset, bytes } => self.output(offset, bytes).map(Some),
            AgentRecord::Size(grid) => Ok(Some(TerminalEvent::Size(grid))),
            AgentRecord::Exit(exit) => Ok(Some(TerminalEvent::Exit(exit))),
            AgentRecord::Opened { .. }
            | AgentRecord::Applied(_)
            | AgentRecord::Driver(_)
            | AgentRecord::Ready
            | AgentRecord::Reply(_)
            | AgentRecord::End(_) => Err(CloseCode::UnexpectedFrame),
        }
    }

    fn finish(&mut self, partial: Partial) -> Option<TerminalEvent> {
        if partial.bytes.len() < partial.total {
            self.partial = Some(partial);
            return None;
        }
        let Partial {
            offset,
            grid,
            bytes,
            ..
        } = partial;
        self.have = Some(offset);
        Some(TerminalEvent::Snapshot {
            offset,
            grid,
            bytes: bytes.freeze(),
        })
    }

    /// Output goes on exactly where the last ended; a gap would be silently lost output.
    fn output(&mut self, offset: u64, bytes: Bytes) -> Result<TerminalEvent, CloseCode> {
        if self.partial.is_some() || self.have.is_some_and(|have| have != offset) {
            return Err(CloseCode::Malformed);
        }
        self.have = Some(
            offset
                .checked_add(bytes.len() as u64)
                .ok_or(CloseCode::Malformed)?,
        );
        Ok(TerminalEvent::Output { offset, bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GRID: Grid = Grid { cols: 80, rows: 24 };

    fn output(offset: u64, text: &'static str) -> AgentRecord {
        AgentRecord::Output {
            offset,
            bytes: Bytes::from_static(text.as_bytes()),
        }
    }

    #[test]
    fn a_snapshot_is_handed_out_whole_and_output_goes_on_at_its_offset() {
        let mut screen = Screen::default();
        let opening = AgentRecord::Snapshot {
            offset: 100,
            grid: GRID,
            total: 6,
        };
        assert_eq!(screen.take(opening), Ok(None));
        assert_eq!(
            screen.take(AgentRecord::SnapshotChunk(Bytes::from_static(b"abc"))),
            Ok(None)
        );
        let whole = screen
            .take(AgentRecord::SnapshotChunk(Bytes::from_static(b"def")))
            .unwrap();
        let expected = TerminalEvent::Snapshot {
            offset: 100,
            grid: GRID,
            bytes: Bytes::from_static(b"abcdef"),
        };
        assert_eq!(whole, Some(expected));
        assert!(screen.take(output(100, "xy")).is_ok());
        assert_eq!(screen.have(), Some(102));
    }

    #[test]
    fn an_empty_snapshot_needs_no_chunk() {
        let mut screen = Screen::default();
        let event = screen
            .take(AgentRecord::Snapshot {
                offset: 0,
                grid: GRID,
                total: 0,
            })
            .unwrap();
        assert_eq!(
            event,
            Some(TerminalEvent::Snapshot {
                offset: 0,
                grid: GRID,
                bytes: Bytes::new()
            })
        );
    }

    #[test]
    fn output_that_leaves_a_gap_or_repeats_is_refused() {
        for offset in [9, 11] {
            let mut screen = Screen::new(Some(10));
            assert_eq!(screen.take(output(offset, "x")), Err(CloseCode::Malformed));
        }
    }

    #[test]
    fn more_chunks_than_announced_or_a_snapshot_too_large_are_refused() {
        let mut screen = Screen::default();
        let chunk = || AgentRecord::SnapshotChunk(Bytes::from_static(b"abc"));
        assert_eq!(screen.take(chunk()), Err(CloseCode::Malformed));
        assert_eq!(
            screen.take(AgentRecord::Snapshot {
                offset: 0,
                grid: GRID,
                total: 2
            }),
            Ok(None)
        );
        assert_eq!(screen.take(chunk()), Err(CloseCode::Malformed));
        let huge = AgentRecord::Snapshot {
            offset: 0,
            grid: GRID,
            total: SNAPSHOT_MAX + 1,
        };
        assert_eq!(Screen::default().take(huge), Err(CloseCode::Malformed));
    }

    #[test]
    fn half_a_snapshot_is_forgotten_with_its_stream() {
        let mut screen = Screen::new(Some(5));
        assert_eq!(
            screen.take(AgentRecord::Snapshot {
                offset: 50,
                grid: GRID,
                total: 2
            }),
            Ok(None)
        );
        screen.restart();
        assert_eq!(screen.have(), Some(5));
        assert!(screen.take(output(5, "x")).is_ok());
    }
}
