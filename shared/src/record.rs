//! Records of purpose streams: what is inside the seal (`docs/PROTOCOL.md`, section 4.4).

use crate::frame::Close;
use crate::ids::WriterId;
use crate::limits::{FRAME_HEADER, GRID_MAX, RECORD_MAX, TAG};
use crate::msg::{Exit, Grid};
use bytes::{BufMut as _, Bytes, BytesMut};

/// Kinds as numbers. See the table in `docs/PROTOCOL.md`, section 4.4.
pub mod kind {
    #![allow(missing_docs)]
    pub const VIEW_OPENING: u8 = 0x01;
    pub const TERMINAL_OPENING: u8 = 0x02;
    pub const INPUT: u8 = 0x03;
    pub const RESIZE: u8 = 0x04;
    pub const TAKE_OVER: u8 = 0x05;
    pub const OPENING: u8 = 0x06;
    pub const REQUEST: u8 = 0x07;
    pub const SNAPSHOT: u8 = 0x81;
    pub const SNAPSHOT_CHUNK: u8 = 0x82;
    pub const OUTPUT: u8 = 0x83;
    pub const SIZE: u8 = 0x84;
    pub const EXIT: u8 = 0x85;
    pub const OPENED: u8 = 0x86;
    pub const APPLIED: u8 = 0x87;
    pub const DRIVER: u8 = 0x88;
    pub const END: u8 = 0x89;
    pub const READY: u8 = 0x8a;
    pub const REPLY: u8 = 0x8b;
    pub const AT: u8 = 0x8c;

    /// All kinds with their names, for the generated types and the test that ties the docs to this file.
    pub const ALL: &[(u8, &str)] = &[
        (VIEW_OPENING, "view opening"),
        (TERMINAL_OPENING, "terminal opening"),
        (INPUT, "input"),
        (RESIZE, "resize"),
        (TAKE_OVER, "take over"),
        (OPENING, "opening"),
        (REQUEST, "request"),
        (SNAPSHOT, "snapshot"),
        (SNAPSHOT_CHUNK, "snapshot chunk"),
        (OUTPUT, "output"),
        (SIZE, "size"),
        (EXIT, "exit"),
        (OPENED, "opened"),
        (APPLIED, "applied"),
        (DRIVER, "driver"),
        (END, "end"),
        (READY, "ready"),
        (REPLY, "reply"),
        (AT, "at"),
    ];
}

/// Output bytes that fit into one record: kind and offset take nine.
pub const OUTPUT_MAX: usize = RECORD_MAX - 9;
/// Input bytes in one record; longer pastes are several records.
pub const INPUT_MAX: usize = 32 * 1024;
/// What sealing and the record header add to a piece of output on its way.
pub const OUTPUT_OVERHEAD: usize = 9 + TAG;

/// From the viewer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ViewerRecord {
    /// The first record of a `view` stream.
    ViewOpening {
        /// Output up to here is on the viewer's screen already.
        have: Option<u64>,
        /// What fits on its screen.
        grid: Grid,
    },
    /// The first record of a `terminal` stream.
    TerminalOpening {
        /// Who numbers the inputs.
        writer: WriterId,
        /// What fits on its screen.
        grid: Grid,
        /// Drive at once, whoever drives now.
        take_over: bool,
    },
    /// Keys.
    Input {
        /// From 1, by one.
        seq: u64,
        /// What the program reads.
        bytes: Bytes,
    },
    /// The driver's screen has changed.
    Resize(Grid),
    /// I drive now.
    TakeOver,
    /// The first record of every other stream.
    Opening,
    /// One JSON object, of the type that its purpose has; 1 byte at least.
    Request(Bytes),
}

/// From the agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AgentRecord {
    /// A snapshot begins.
    Snapshot {
        /// The output it stands for.
        offset: u64,
        /// The size it was taken at.
        grid: Grid,
        /// Bytes to come in chunks.
        total: u32,
    },
    /// A piece of the snapshot.
    SnapshotChunk(Bytes),
    /// Output.
    Output {
        /// Where it begins.
        offset: u64,
        /// What the program wrote.
        bytes: Bytes,
    },
    /// The terminal has a new size from here on.
    Size(Grid),
    /// The program has ended.
    Exit(Exit),
    /// The answer to a terminal opening.
    Opened {
        /// The last input of this writer that was applied.
        last: u64,
        /// Whether this viewer drives.
        driver: bool,
    },
    /// All inputs up to this one are applied.
    Applied(u64),
    /// Whether this viewer drives now.
    Driver(bool),
    /// The stream ends here, and why.
    End(Close),
    /// The answer to an opening of a stream that is neither `view` nor `terminal`.
    Ready,
    /// One JSON object, of the type that the stream's purpose has; 1 byte at least.
    Reply(Bytes),
    /// What follows happened so many milliseconds after the terminal's start. Only where a terminal that has ended is played.
    At(u64),
}

/// A record under construction: room for the frame header, then the record. Sealing happens in place.
#[must_use]
pub fn buffer(capacity: usize) -> BytesMut {
    let mut out = BytesMut::with_capacity(FRAME_HEADER + capacity + TAG);
    out.put_bytes(0, FRAME_HEADER);
    out
}

impl ViewerRecord {
    /// Reads one record.
    #[must_use]
    pub fn decode(plain: &[u8]) -> Option<Self> {
        let (kind, body) = plain.split_first()?;
        Some(match *kind {
            kind::VIEW_OPENING => {
                let [flags, rest @ ..]: [u8; 13] = body.try_into().ok()?;
                let (have, grid) = rest.split_first_chunk::<8>()?;
                let have = u64::from_be_bytes(*have);
                let have = match (flags, have) {
                    (0, 0) => None,
                    (1, have) => Some(have),
                    _ => return None,
                };
                Self::ViewOpening {
                    have,
                    grid: grid_of(grid)?,
                }
            }
            kind::TERMINAL_OPENING => {
                let (writer, rest) = body.split_first_chunk::<16>()?;
                let (grid, flags) = rest.split_first_chunk::<4>()?;
                let take_over = match flags {
                    [0] => false,
                    [1] => true,
                    _ => return None,
                };
                Self::TerminalOpening {
                    writer: WriterId(*writer),
                    grid: grid_of(grid)?,
                    take_over,
                }
            }
            kind::INPUT => {
                let (seq, bytes) = body.split_first_chunk::<8>()?;
                let seq = u64::from_be_bytes(*seq);
                if seq == 0 || bytes.is_empty() || bytes.len() > INPUT_MAX {
                    return None;
                }
                Self::Input {
                    seq,
                    bytes: Bytes::copy_from_slice(bytes),
                }
            }
            kind::RESIZE => Self::Resize(grid_of(body)?),
            kind::TAKE_OVER => body.is_empty().then_some(Self::TakeOver)?,
            kind::OPENING => body.is_empty().then_some(Self::Opening)?,
            kind::REQUEST => {
                (!body.is_empty()).then(|| Self::Request(Bytes::copy_from_slice(body)))?
            }
            _ => return None,
        })
    }

    /// Writes one record behind room for the frame header.
    #[must_use]
    pub fn encode(&self) -> BytesMut {
        let mut out = buffer(32);
        match self {
            Self::ViewOpening { have, grid } => {
                out.put_u8(kind::VIEW_OPENING);
                out.put_u8(u8::from(have.is_some()));
                out.put_u64(have.unwrap_or(0));
                put_grid(&mut out, *grid);
            }
            Self::TerminalOpening {
                writer,
                grid,
                take_over,
            } => {
                out.put_u8(kind::TERMINAL_OPENING);
                out.put_slice(&writer.0);
                put_grid(&mut out, *grid);
                out.put_u8(u8::from(*take_over));
            }
            Self::Input { seq, bytes } => {
                out.reserve(bytes.len());
                out.put_u8(kind::INPUT);
                out.put_u64(*seq);
                out.put_slice(bytes);
            }
            Self::Resize(grid) => {
                out.put_u8(kind::RESIZE);
                put_grid(&mut out, *grid);
            }
            Self::TakeOver => out.put_u8(kind::TAKE_OVER),
            Self::Opening => out.put_u8(kind::OPENING),
            Self::Request(json) => put_bytes(&mut out, kind::REQUEST, json),
        }
        out
    }
}

impl AgentRecord {
    /// Reads one record; its bytes are shared with `plain`, not copied.
    #[must_use]
    pub fn decode(plain: &Bytes) -> Option<Self> {
        let (kind, body) = plain.split_first()?;
        Some(match *kind {
            kind::SNAPSHOT => {
                let (offset, rest) = body.split_first_chunk::<8>()?;
                let (grid, total) = rest.split_first_chunk::<4>()?;
                Self::Snapshot {
                    offset: u64::from_be_bytes(*offset),
                    grid: grid_of(grid)?,
                    total: u32::from_be_bytes(total.try_into().ok()?),
                }
            }
            kind::SNAPSHOT_CHUNK => {
                (!body.is_empty()).then(|| Self::SnapshotChunk(plain.slice(1..)))?
            }
            kind::OUTPUT => {
                let (offset, bytes) = body.split_first_chunk::<8>()?;
                (!bytes.is_empty()).then(|| Self::Output {
                    offset: u64::from_be_bytes(*offset),
                    bytes: plain.slice(9..),
                })?
            }
            kind::SIZE => Self::Size(grid_of(body)?),
            kind::EXIT => {
                let [kind, value @ ..]: [u8; 5] = body.try_into().ok()?;
                let value = u32::from_be_bytes(value);
                Self::Exit(match kind {
                    0 => Exit::Status { code: value },
                    1 => Exit::Signal { number: value },
                    _ => return None,
                })
            }
            kind::OPENED => {
                let [last @ .., driver]: [u8; 9] = body.try_into().ok()?;
                Self::Opened {
                    last: u64::from_be_bytes(last),
                    driver: flag(driver)?,
                }
            }
            kind::APPLIED => Self::Applied(u64::from_be_bytes(body.try_into().ok()?)),
            kind::DRIVER => match body {
                [driver] => Self::Driver(flag(*driver)?),
                _ => return None,
            },
            kind::END => Self::End(Close::decode(body)?),
            kind::READY => body.is_empty().then_some(Self::Ready)?,
            kind::REPLY => (!body.is_empty()).then(|| Self::Reply(plain.slice(1..)))?,
            kind::AT => Self::At(u64::from_be_bytes(body.try_into().ok()?)),
            _ => return None,
        })
    }

    /// Writes one record behind room for the frame header.
    #[must_use]
    pub fn encode(&self) -> BytesMut {
        let mut out = buffer(32);
        match self {
            Self::Snapshot {
                offset,
                grid,
                total,
            } => {
                out.put_u8(kind::SNAPSHOT);
                out.put_u64(*offset);
                put_grid(&mut out, *grid);
                out.put_u32(*total);
            }
            Self::SnapshotChunk(bytes) => put_bytes(&mut out, kind::SNAPSHOT_CHUNK, bytes),
            Self::Output { offset, bytes } => {
                out.reserve(bytes.len() + OUTPUT_OVERHEAD);
                out.put_u8(kind::OUTPUT);
                out.put_u64(*offset);
                out.put_slice(bytes);
            }
            Self::Size(grid) => {
                out.put_u8(kind::SIZE);
                put_grid(&mut out, *grid);
            }
            Self::Exit(exit) => {
                let (kind, value) = match exit {
                    Exit::Status { code } => (0, *code),
                    Exit::Signal { number } => (1, *number),
                };
                out.put_u8(kind::EXIT);
                out.put_u8(kind);
                out.put_u32(value);
            }
            Self::Opened { last, driver } => {
                out.put_u8(kind::OPENED);
                out.put_u64(*last);
                out.put_u8(u8::from(*driver));
            }
            Self::Applied(seq) => {
                out.put_u8(kind::APPLIED);
                out.put_u64(*seq);
            }
            Self::Driver(driver) => {
                out.put_u8(kind::DRIVER);
                out.put_u8(u8::from(*driver));
            }
            Self::End(close) => {
                out.put_u8(kind::END);
                close.encode(&mut out);
            }
            Self::Ready => out.put_u8(kind::READY),
            Self::Reply(json) => put_bytes(&mut out, kind::REPLY, json),
            Self::At(ms) => {
                out.put_u8(kind::AT);
                out.put_u64(*ms);
            }
        }
        out
    }
}

fn put_bytes(out: &mut BytesMut, kind: u8, bytes: &[u8]) {
    out.reserve(bytes.len() + 1 + TAG);
    out.put_u8(kind);
    out.put_slice(bytes);
}

fn flag(byte: u8) -> Option<bool> {
    match byte {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

fn grid_of(bytes: &[u8]) -> Option<Grid> {
    let [a, b, c, d]: [u8; 4] = bytes.try_into().ok()?;
    let grid = Grid {
        cols: u16::from_be_bytes([a, b]),
        rows: u16::from_be_bytes([c, d]),
    };
    grid.fits().then_some(grid)
}

fn put_grid(out: &mut BytesMut, grid: Grid) {
    out.put_u16(grid.cols);
    out.put_u16(grid.rows);
}

impl Grid {
    /// True when both sides are within 1 to [`GRID_MAX`].
    #[must_use]
    pub fn fits(self) -> bool {
        (1..=GRID_MAX).contains(&self.cols) && (1..=GRID_MAX).contains(&self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::close::CloseCode;
    use proptest::prelude::*;

    fn plain(encoded: BytesMut) -> Bytes {
        encoded.freeze().slice(FRAME_HEADER..)
    }

    #[test]
    fn every_record_goes_there_and_back() {
        let grid = Grid { cols: 80, rows: 24 };
        for record in [
            ViewerRecord::ViewOpening {
                have: Some(7),
                grid,
            },
            ViewerRecord::ViewOpening { have: None, grid },
            ViewerRecord::TerminalOpening {
                writer: WriterId([1; 16]),
                grid,
                take_over: true,
            },
            ViewerRecord::Input {
                seq: 1,
                bytes: Bytes::from_static(b"ls\r"),
            },
            ViewerRecord::Resize(grid),
            ViewerRecord::TakeOver,
        ] {
            assert_eq!(ViewerRecord::decode(&plain(record.encode())), Some(record));
        }
        for record in [
            AgentRecord::Snapshot {
                offset: 9,
                grid,
                total: 3,
            },
            AgentRecord::SnapshotChunk(Bytes::from_static(b"abc")),
            AgentRecord::Output {
                offset: 9,
                bytes: Bytes::from_static(b"abc"),
            },
            AgentRecord::Size(grid),
            AgentRecord::Exit(Exit::Status { code: 3 }),
            AgentRecord::Exit(Exit::Signal { number: 9 }),
            AgentRecord::At(u64::MAX),
            AgentRecord::Opened {
                last: 4,
                driver: false,
            },
            AgentRecord::Applied(5),
            AgentRecord::Driver(true),
            AgentRecord::End(CloseCode::Lapsed.into()),
        ] {
            assert_eq!(AgentRecord::decode(&plain(record.encode())), Some(record));
        }
    }

    #[test]
    fn a_grid_of_no_columns_or_a_thousand_and_one_is_refused() {
        for cols in [0, 1001] {
            let resize = ViewerRecord::Resize(Grid { cols, rows: 24 });
            assert_eq!(ViewerRecord::decode(&plain(resize.encode())), None);
        }
    }

    proptest! {
        #[test]
        fn garbage_is_refused_or_means_exactly_one_thing(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            if let Some(record) = ViewerRecord::decode(&bytes) {
                prop_assert_eq!(plain(record.encode()), &bytes);
            }
            let bytes = Bytes::from(bytes);
            if let Some(record) = AgentRecord::decode(&bytes) {
                // A close code this build does not know is written back as 0.
                if !matches!(record, AgentRecord::End(_)) {
                    prop_assert_eq!(plain(record.encode()), bytes);
                }
            }
        }
    }
}
