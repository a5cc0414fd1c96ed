//! What can be said. One place defines each message: its kind, its body, its bounds.

use bytes::{BufMut, Bytes, BytesMut};

use super::WireError;
use super::codec::{Body, Message};
use super::refusal::Refusal;
use crate::limits;

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Gets the output, and may do all that [`Kind::Control`] may.
    Watch {
        /// The next offset wanted. Inside the ring, output goes on exactly there; `None` or anything else: a snapshot first.
        have: Option<u64>,
        /// Whether this connection holds back the PTY when it lags by [`limits::PACE_WINDOW`].
        pace: bool,
    },
    /// Gets no output; still gets `size`, `title` and `exit`.
    Control,
}

/// From a connection to its holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromClient {
    /// The first message, once.
    Hello {
        /// Version spoken.
        version: u16,
        /// What for.
        kind: Kind,
    },
    /// Allows so many more bytes of `output` and `snapshot_chunk` payload. Adds up; starts at none.
    Credit(u32),
    /// Typed bytes. `seq` counts messages of one writer from 1, without gaps; what was applied is not applied again.
    Input {
        /// Who types: an id chosen at random by each source of input.
        writer: [u8; 16],
        /// Number of this message.
        seq: u64,
        /// At most [`limits::PAYLOAD_BYTES`].
        bytes: Bytes,
    },
    /// Changes the size of the terminal.
    Resize {
        /// Columns, 1 to [`limits::MAX_COLS`].
        cols: u16,
        /// Rows, 1 to [`limits::MAX_ROWS`].
        rows: u16,
    },
    /// Ends the child (hang-up, then by force after [`limits::KILL_GRACE`]) and the holder.
    Kill,
    /// The exit status has been collected: the holder may leave. It takes its directory away, then closes the connection. Refused while the child runs.
    Forget,
    /// Asks for the last number applied of a writer; answered by `applied`, 0 if the writer is not known.
    LastSeq {
        /// The writer.
        writer: [u8; 16],
    },
    /// Turns holding back the PTY on or off for this connection.
    Pace(bool),
    /// How many seconds nobody may connect before the terminal is ended; 0: for ever. Since version 2.
    OrphanAfter(u64),
}

impl FromClient {
    /// The version that brought this message: a holder of an older one ends the connection over it.
    pub(crate) fn since(&self) -> u16 {
        match self {
            Self::Hello { .. }
            | Self::Credit(_)
            | Self::Input { .. }
            | Self::Resize { .. }
            | Self::Kill
            | Self::Forget
            | Self::LastSeq { .. }
            | Self::Pace(_) => 1,
            Self::OrphanAfter(_) => 2,
        }
    }
}

/// From a holder to a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FromHolder {
    /// The answer to `hello`.
    Welcome(Welcome),
    /// `total` bytes of escape sequences follow in chunks. Fed to a freshly reset terminal of this size they show the screen at `offset`,
    /// where output goes on. May come at any time; it replaces all that was shown before.
    Snapshot {
        /// Where output goes on.
        offset: u64,
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
        /// Bytes to come.
        total: u32,
    },
    /// The next part of a snapshot, at most [`limits::PAYLOAD_BYTES`].
    SnapshotChunk(Bytes),
    /// Output, at most [`limits::PAYLOAD_BYTES`]. Without a snapshot in between, offsets continue without gaps.
    Output {
        /// Offset of the first byte.
        offset: u64,
        /// As the PTY gave them; may cut characters and escape sequences anywhere.
        bytes: Bytes,
    },
    /// The terminal has a new size.
    Size {
        /// Columns.
        cols: u16,
        /// Rows.
        rows: u16,
    },
    /// The window title changed. No control characters; at most [`limits::TITLE_BYTES`].
    Title(String),
    /// The child has ended. To a watcher this comes after the last byte of its output.
    Exit(ExitStatus),
    /// The last input number applied of a writer: answers every `input` and `last_seq`.
    Applied {
        /// The writer.
        writer: [u8; 16],
        /// The last number applied.
        seq: u64,
    },
    /// Something was not done. [`Refusal::closes`] says whether the connection ends.
    Refused {
        /// Which fault.
        code: Refusal,
        /// The same for people.
        sentence: String,
    },
}

/// The state of a terminal at the moment of `hello`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Welcome {
    /// Version spoken on this connection.
    pub version: u16,
    /// Process id of the child.
    pub pid: u32,
    /// Columns.
    pub cols: u16,
    /// Rows.
    pub rows: u16,
    /// Offset after the last byte of output. What lies below is replay.
    pub head: u64,
    /// Offset of the oldest byte still in the ring.
    pub tail: u64,
    /// When the holder started, in seconds since 1970.
    pub started: u64,
    /// Window title.
    pub title: String,
    /// How the child ended, if it has.
    pub exit: Option<ExitStatus>,
}

/// How a child ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitStatus {
    /// By itself, with this status.
    Code(i32),
    /// By this signal.
    Signal(i32),
}

impl Message for FromClient {
    fn kind(&self) -> u8 {
        match self {
            Self::Hello { .. } => 1,
            Self::Credit(_) => 2,
            Self::Input { .. } => 3,
            Self::Resize { .. } => 4,
            Self::Kill => 5,
            Self::Forget => 6,
            Self::LastSeq { .. } => 7,
            Self::Pace(_) => 8,
            Self::OrphanAfter(_) => 9,
        }
    }

    fn put_body(&self, out: &mut BytesMut) {
        match self {
            Self::Hello { version, kind } => {
                out.put_u16(*version);
                match kind {
                    Kind::Control => out.put_u8(0),
                    Kind::Watch { have, pace } => {
                        out.put_u8(1 | u8::from(have.is_some()) << 1 | u8::from(*pace) << 2);
                        out.put_u64(have.unwrap_or(0));
                    }
                }
            }
            Self::Credit(bytes) => out.put_u32(*bytes),
            Self::Input { writer, seq, bytes } => {
                out.put_slice(writer);
                out.put_u64(*seq);
                out.put_slice(bytes);
            }
            Self::Resize { cols, rows } => put_size(out, *cols, *rows),
            Self::Kill | Self::Forget => {}
            Self::LastSeq { writer } => out.put_slice(writer),
            Self::Pace(on) => out.put_u8(u8::from(*on)),
            Self::OrphanAfter(secs) => out.put_u64(*secs),
        }
    }

    fn take(kind: u8, body: &mut Body) -> Result<Self, WireError> {
        Ok(match kind {
            1 => {
                let version = body.u16()?;
                // A newer hello may carry more than this build can read; its version is enough to refuse it.
                if !super::is_spoken(version) {
                    body.skip_rest();
                    return Ok(Self::Hello {
                        version,
                        kind: Kind::Control,
                    });
                }
                let kind = match body.u8()? {
                    0 => Kind::Control,
                    flags if flags & !7 == 0 && flags & 1 == 1 => {
                        let have = body.u64()?;
                        Kind::Watch {
                            have: (flags & 2 != 0).then_some(have),
                            pace: flags & 4 != 0,
                        }
                    }
                    _ => return Err(body.out_of_bounds()),
                };
                Self::Hello { version, kind }
            }
            2 => Self::Credit(body.u32()?),
            3 => Self::Input {
                writer: body.array()?,
                seq: body.u64()?,
                bytes: body.payload()?,
            },
            4 => Self::Resize {
                cols: body.u16()?,
                rows: body.u16()?,
            },
            5 => Self::Kill,
            6 => Self::Forget,
            7 => Self::LastSeq {
                writer: body.array()?,
            },
            8 => Self::Pace(body.bool()?),
            9 => Self::OrphanAfter(body.u64()?),
            other => return Err(WireError::UnknownKind(other)),
        })
    }
}

impl FromHolder {
    /// The kind of `output`, whose bytes a holder writes straight from its ring.
    pub(crate) const OUTPUT: u8 = 68;
}

impl Message for FromHolder {
    fn kind(&self) -> u8 {
        match self {
            Self::Welcome(_) => 65,
            Self::Snapshot { .. } => 66,
            Self::SnapshotChunk(_) => 67,
            Self::Output { .. } => Self::OUTPUT,
            Self::Size { .. } => 69,
            Self::Title(_) => 70,
            Self::Exit(_) => 71,
            Self::Applied { .. } => 72,
            Self::Refused { .. } => 73,
        }
    }

    fn put_body(&self, out: &mut BytesMut) {
        match self {
            Self::Welcome(welcome) => {
                out.put_u16(welcome.version);
                out.put_u32(welcome.pid);
                put_size(out, welcome.cols, welcome.rows);
                out.put_u64(welcome.head);
                out.put_u64(welcome.tail);
                out.put_u64(welcome.started);
                put_exit(out, welcome.exit);
                put_text(out, &welcome.title, limits::TITLE_BYTES);
            }
            Self::Snapshot {
                offset,
                cols,
                rows,
                total,
            } => {
                out.put_u64(*offset);
                put_size(out, *cols, *rows);
                out.put_u32(*total);
            }
            Self::SnapshotChunk(bytes) => out.put_slice(bytes),
            Self::Output { offset, bytes } => {
                out.put_u64(*offset);
                out.put_slice(bytes);
            }
            Self::Size { cols, rows } => put_size(out, *cols, *rows),
            Self::Title(title) => put_text(out, title, limits::TITLE_BYTES),
            Self::Exit(status) => put_exit(out, Some(*status)),
            Self::Applied { writer, seq } => {
                out.put_slice(writer);
                out.put_u64(*seq);
            }
            Self::Refused { code, sentence } => {
                out.put_u8(code.code());
                put_text(out, sentence, limits::SENTENCE_BYTES);
            }
        }
    }

    fn take(kind: u8, body: &mut Body) -> Result<Self, WireError> {
        Ok(match kind {
            65 => Self::Welcome(Welcome {
                version: body.u16()?,
                pid: body.u32()?,
                cols: body.u16()?,
                rows: body.u16()?,
                head: body.u64()?,
                tail: body.u64()?,
                started: body.u64()?,
                exit: take_exit(body)?,
                title: body.text(limits::TITLE_BYTES)?,
            }),
            66 => Self::Snapshot {
                offset: body.u64()?,
                cols: body.u16()?,
                rows: body.u16()?,
                total: body.u32()?,
            },
            67 => Self::SnapshotChunk(body.payload()?),
            Self::OUTPUT => Self::Output {
                offset: body.u64()?,
                bytes: body.payload()?,
            },
            69 => Self::Size {
                cols: body.u16()?,
                rows: body.u16()?,
            },
            70 => Self::Title(body.text(limits::TITLE_BYTES)?),
            71 => match take_exit(body)? {
                Some(status) => Self::Exit(status),
                None => return Err(body.out_of_bounds()),
            },
            72 => Self::Applied {
                writer: body.array()?,
                seq: body.u64()?,
            },
            73 => {
                let code = Refusal::from_code(body.u8()?).ok_or(body.out_of_bounds())?;
                Self::Refused {
                    code,
                    sentence: body.text(limits::SENTENCE_BYTES)?,
                }
            }
            other => return Err(WireError::UnknownKind(other)),
        })
    }
}

fn put_size(out: &mut BytesMut, cols: u16, rows: u16) {
    out.put_u16(cols);
    out.put_u16(rows);
}

/// Text goes last in a body and fills it; what is above the bound is cut at a character.
fn put_text(out: &mut BytesMut, text: &str, max: usize) {
    let mut end = text.len().min(max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    out.put_slice(&text.as_bytes()[..end]);
}

fn put_exit(out: &mut BytesMut, exit: Option<ExitStatus>) {
    let (tag, value) = match exit {
        None => (0, 0),
        Some(ExitStatus::Code(code)) => (1, code),
        Some(ExitStatus::Signal(signal)) => (2, signal),
    };
    out.put_u8(tag);
    out.put_i32(value);
}

fn take_exit(body: &mut Body) -> Result<Option<ExitStatus>, WireError> {
    let (tag, value) = (body.u8()?, body.i32()?);
    match tag {
        0 if value == 0 => Ok(None),
        1 => Ok(Some(ExitStatus::Code(value))),
        2 => Ok(Some(ExitStatus::Signal(value))),
        _ => Err(body.out_of_bounds()),
    }
}
