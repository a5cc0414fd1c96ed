//! What a view stream brings, put together and checked: snapshots whole, output without a gap.

use super::TerminalEvent;
use crate::limits::SNAPSHOT_MAX;
use bytes::{Bytes, BytesMut};
use lanyard_shared::close::CloseCode;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::AgentRecord;
use std::time::Duration;

/// Where one terminal's picture stands. Outlives the streams that feed it.
#[derive(Debug, Default)]
pub(super) struct Screen {
    /// Output up to here was handed out.
    have: Option<u64>,
    /// A snapshot on its way.
    partial: Option<Partial>,
    /// It was just said when the following happened: a terminal that has ended is played, and of it something may not have been kept.
    played: bool,
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
            played: false,
        }
    }

    /// What to ask the next stream for.
    pub fn have(&self) -> Option<u64> {
        self.have
    }

    /// A new stream begins; half a snapshot is worth nothing.
    pub fn restart(&mut self) {
        (self.partial, self.played) = (None, false);
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
            AgentRecord::At(ms) => {
                self.played = true;
                Ok(Some(TerminalEvent::At(Duration::from_millis(ms))))
            }
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
        let played = std::mem::take(&mut self.played);
        let follows = |have| offset == have || (played && offset > have);
        if self.partial.is_some() || !self.have.is_none_or(follows) {
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
    fn a_gap_in_what_was_kept_is_taken_after_its_time_and_only_forwards() {
        let at = || AgentRecord::At(1500);
        let mut screen = Screen::new(Some(10));
        let when = TerminalEvent::At(Duration::from_millis(1500));
        assert_eq!(screen.take(at()), Ok(Some(when)));
        assert!(screen.take(output(20, "x")).is_ok());
        // Each gap needs its own time before it.
        assert_eq!(screen.take(output(30, "x")), Err(CloseCode::Malformed));
        let mut screen = Screen::new(Some(10));
        assert!(screen.take(at()).is_ok());
        assert_eq!(screen.take(output(9, "x")), Err(CloseCode::Malformed));
        // Half of what a stream said counts for nothing on the next.
        let mut screen = Screen::new(Some(10));
        assert!(screen.take(at()).is_ok());
        screen.restart();
        assert_eq!(screen.take(output(20, "x")), Err(CloseCode::Malformed));
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
