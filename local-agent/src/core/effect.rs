//! What the core wants done. The shell does it, in order, before it writes to the relay.

use crate::audit::Event;
use crate::core::pairing::QuestionId;
use crate::core::rotation::Rotated;
use crate::core::terminals::Wish;
use bytes::Bytes;
use lanyard_shared::access::Reach;
use lanyard_shared::approval::{Request, Settled};
use lanyard_shared::audit::Head;
use lanyard_shared::frame::{Close, StreamId};
use lanyard_shared::ids::{AgentId, ApprovalId, DeviceId, TerminalId, WriterId};
use lanyard_shared::msg::{Grid, Scope};
use lanyard_shared::time::UnixMs;

/// One thing to do.
#[derive(Debug)]
pub enum Effect {
    /// Write the device table to disk, durably, before anything that follows.
    SaveDevices,
    /// Write the agent's keys to disk, durably, before anything that follows.
    SaveKeys,
    /// A rotation that waited for somebody is done.
    Rotated(Rotated),
    /// The identity key is another one: the audit log says so.
    IdentityChanged,
    /// A copy of a device was seen: it may only watch until a person has decided.
    Suspended {
        /// The device.
        device: DeviceId,
        /// How it calls itself.
        name: String,
    },
    /// Write the device table to disk when it can be done; nothing depends on it.
    NoteDevices,
    /// Remember the time: an earlier one than this must not be believed after a restart.
    SaveTime,
    /// The relay has accepted this machine.
    Online {
        /// Its id, for a newcomer to remember.
        agent: AgentId,
        /// The address browsers use.
        web: String,
        /// Something the person should know, or empty.
        warning: String,
    },
    /// The relay has taken in what was said before [`crate::core::Core::ask_relay`] gave this number.
    TakenIn(u64),
    /// The link has ended.
    Offline(Close),
    /// A device wants in: show this and ask.
    Ask(Question),
    /// The device has gone; nobody needs to answer any more.
    Withdraw(QuestionId),
    /// Ask people for an approval.
    ApprovalAsked(Box<Request>),
    /// A request for approval has ended: write it down, durably, before anybody acts on it.
    ApprovalSettled(Settled),
    /// Save rules that a person lets stand for good.
    SaveRules {
        /// The request to which that was the answer.
        id: ApprovalId,
        /// Where they count.
        workspace: String,
        /// The rules.
        rules: Vec<String>,
    },
    /// Write this into the audit log.
    Record(Box<Event>),
    /// Say how far the audit log goes, and whether it goes on from there; answered by [`crate::core::Core::audit_compared`].
    CompareAudit {
        /// The session that asks.
        stream: StreamId,
        /// Its device.
        device: DeviceId,
        /// How that calls itself.
        name: String,
        /// What it has seen.
        seen: Option<Head>,
    },
    /// Read lines of the audit log; answered by [`crate::core::Core::audit_read`].
    ReadAudit {
        /// The stream that asks.
        stream: StreamId,
        /// The number of its request.
        req: u32,
        /// Those before this line, or the last ones.
        before: Option<u64>,
    },
    /// A device was paired.
    Paired {
        /// How it calls itself.
        name: String,
        /// What it was granted.
        scopes: Vec<Scope>,
    },
    /// Start a terminal.
    Spawn {
        /// Its id.
        terminal: TerminalId,
        /// Its name.
        name: String,
        /// Its first size.
        grid: Grid,
    },
    /// End a terminal's program and forget it.
    Kill(TerminalId),
    /// Write a terminal's new name where it outlives this process; answered by [`crate::core::Core::renamed`].
    Rename {
        /// The terminal.
        terminal: TerminalId,
        /// Its new name.
        name: String,
        /// Who wants it.
        wish: Wish,
    },
    /// Change a terminal's size.
    Resize(TerminalId, Grid),
    /// Type into a terminal; answered by [`crate::core::Core::applied`].
    Type {
        /// The terminal.
        terminal: TerminalId,
        /// Who numbers the inputs.
        writer: WriterId,
        /// The number.
        seq: u64,
        /// What to type.
        bytes: Bytes,
    },
    /// Ask for a writer's last applied number; answered by [`crate::core::Core::last_input`].
    LastInput {
        /// The terminal.
        terminal: TerminalId,
        /// The writer.
        writer: WriterId,
    },
    /// Watch a terminal for a stream; answered by [`crate::core::Core::watched`].
    Watch {
        /// The stream.
        stream: StreamId,
        /// The terminal.
        terminal: TerminalId,
        /// Output up to here is there already.
        have: Option<u64>,
        /// Whether this watcher holds back the terminal.
        pace: bool,
    },
    /// Play what is kept of a terminal that has ended for a stream; answered by [`crate::core::Core::watched`].
    Play {
        /// The stream.
        stream: StreamId,
        /// The terminal.
        terminal: TerminalId,
        /// Output up to here is there already.
        have: Option<u64>,
    },
    /// Remove what is kept of a terminal that has ended; answered by [`crate::core::Core::forgot`].
    ForgetPast {
        /// The terminal.
        terminal: TerminalId,
        /// Who wants it; `None` when there are too many.
        wish: Option<Wish>,
    },
    /// Let a watch bring so many more bytes. What plays a terminal that has ended goes on while some are left; each `At`, `Size` and
    /// `Exit` takes [`crate::limits::PLAYED_SMALL`] of them.
    Pull(StreamId, u32),
    /// Whether a watch holds back the terminal.
    Pace(StreamId, bool),
    /// End a watch.
    Unwatch(StreamId),
}

/// What the person at the machine is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// To answer with.
    pub id: QuestionId,
    /// How the device calls itself; cleaned of control characters.
    pub device: String,
    /// To compare with the device's screen.
    pub words: [&'static str; 4],
    /// What a yes grants.
    pub scopes: Vec<Scope>,
    /// What that reaches.
    pub reach: Reach,
    /// When it ends whatever happens.
    pub until: Option<UnixMs>,
}

/// What a watch brings.
#[derive(Debug)]
pub enum Watched {
    /// A snapshot begins.
    Snapshot {
        /// The output it stands for.
        offset: u64,
        /// Its size.
        grid: Grid,
        /// Bytes to come.
        total: u32,
    },
    /// A piece of it.
    Chunk(Bytes),
    /// Output.
    Output {
        /// Where it begins.
        offset: u64,
        /// What the program wrote.
        bytes: Bytes,
    },
    /// A new size from here on.
    Size(Grid),
    /// The program has ended.
    Exit(lanyard_shared::msg::Exit),
    /// The holder is gone.
    Gone,
    /// What follows happened so many milliseconds after the terminal's start; only of one that has ended.
    At(u64),
    /// All that is kept was played.
    Played,
    /// The holder is there, but does not let itself be watched now.
    Busy,
}

impl Watched {
    /// Whether it becomes a record of a few bytes.
    pub(super) fn is_small(&self) -> bool {
        match self {
            Self::At(_) | Self::Size(_) | Self::Exit(_) => true,
            Self::Snapshot { .. }
            | Self::Chunk(_)
            | Self::Output { .. }
            | Self::Gone
            | Self::Played
            | Self::Busy => false,
        }
    }
}
