//! What a viewer tells its consumer.

use crate::failure::Failure;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_shared::access::Reach;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{DeviceId, TerminalId};
use lanyard_shared::msg::{Exit, Grid, PastPlace, PastTerminal, Scope, Terminal, Wanted};
use lanyard_shared::noise::StaticKey;
use lanyard_shared::time::UnixMs;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// Names one attached terminal of a [`super::Viewer`].
pub type HandleId = u32;

/// One of the two streams of an attached terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Half {
    /// Its output.
    View,
    /// Its input.
    Terminal,
}

impl Half {
    /// What its token is asked for with.
    #[must_use]
    pub const fn wanted(self, terminal: TerminalId) -> Wanted {
        match self {
            Self::View => Wanted::View { terminal },
            Self::Terminal => Wanted::Terminal { terminal },
        }
    }
}

/// What a viewer wants of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Only watch: never more than a `view` token is minted.
    ViewOnly,
    /// Watch and type. A `terminal` token is minted at once, and after a lapse by the next key.
    Drive,
}

/// Where the viewer stands with its machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// On the way: dialling, proving, shaking hands.
    Connecting,
    /// The relay is there, the machine is not. It goes on by itself.
    Offline,
    /// The machine answered, end to end, within [`lanyard_shared::limits::LIVE_FOR`].
    Live,
    /// The link stands, but the machine has not answered for [`lanyard_shared::limits::LIVE_FOR`], or not at all since it was asked.
    Silent,
    /// It does not come back by itself.
    Over(Failure),
}

/// Who types into an attached terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputState {
    /// Not open yet, or the stream was cut; what is typed waits.
    Opening,
    /// This viewer drives.
    Driving,
    /// Another viewer drives; what is typed comes back as [`TerminalEvent::Unsent`].
    Watching,
    /// The token has lapsed; the next key mints another and is applied.
    Lapsed,
    /// This viewer may not type.
    Refused(Failure),
}

/// Why input was given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unsent {
    /// It waited ten seconds; whoever typed it may want something else by now.
    TooOld,
    /// Another viewer drives, or drove meanwhile.
    NotDriving,
    /// This viewer may not type.
    Refused,
}

/// What happened on an attached terminal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TerminalEvent {
    /// The picture anew: to be fed to a reset terminal of this size.
    Snapshot {
        /// The output it stands for, in bytes from the start of the terminal.
        offset: u64,
        /// The terminal's size.
        grid: Grid,
        /// Escape sequences and text.
        bytes: Bytes,
    },
    /// Output, without a gap after what came before; of a terminal that has ended there may be one where nothing was kept. Must be reported to [`super::Viewer::consumed`].
    Output {
        /// Where it begins, in bytes from the start of the terminal.
        offset: u64,
        /// What the program wrote; 1 byte at least.
        bytes: Bytes,
    },
    /// The terminal has this size from here on.
    Size(Grid),
    /// What follows happened so long after the terminal's start. Only of a terminal that has ended.
    At(Duration),
    /// The program has ended.
    Exit(Exit),
    /// Nothing comes until [`TerminalEvent::Resumed`]. Said once an interruption.
    Interrupted(Failure),
    /// It goes on where it was interrupted.
    Resumed,
    /// Who types has changed.
    Input(InputState),
    /// A token was renewed; its stream goes on.
    Renewed {
        /// For what.
        purpose: Half,
        /// When it stops working now, by the machine's clock.
        expires: UnixMs,
    },
    /// Input that was not applied and will not be sent by itself: to be offered to the person.
    Unsent {
        /// What was typed.
        bytes: Bytes,
        /// Why.
        why: Unsent,
    },
    /// Nothing comes any more.
    Ended(Failure),
}

/// What a device keeps of one machine, so that it gets in again.
#[derive(Clone, PartialEq, Eq)]
pub struct Memory {
    /// The device grant.
    pub grant: String,
    /// When it ends unless used, by the machine's clock.
    pub expires: UnixMs,
    /// The machine's static Noise key.
    pub remote: [u8; 32],
    /// The serial of that key: the machine never goes back to an earlier one.
    pub serial: u32,
    /// The machine's identity key; `None` for who was paired before machines said it.
    pub identity: Option<[u8; 32]>,
    /// What the machine gave this device last to tell it from a copy.
    pub generation: u32,
    /// The device's keys for this machine, when they are no longer those it was paired with.
    pub keys: Option<OwnKeys>,
}

/// What a viewer has learned of its machine: to be added to what is kept.
#[derive(Clone, PartialEq, Eq)]
pub enum News {
    /// A younger grant.
    Grant {
        /// The device grant.
        grant: String,
        /// When it ends unless used, by the machine's clock.
        expires: UnixMs,
    },
    /// What the machine gave this device to tell it from a copy.
    Generation(u32),
    /// The machine's next Noise key.
    MachineKey {
        /// The key.
        remote: [u8; 32],
        /// Its serial.
        serial: u32,
        /// The identity that certified it; `None` where none was known to lead back to.
        identity: Option<[u8; 32]>,
    },
    /// The device's next keys, and the grant that is theirs.
    OwnKeys {
        /// The keys.
        keys: OwnKeys,
        /// The device grant.
        grant: String,
        /// When it ends unless used, by the machine's clock.
        expires: UnixMs,
    },
}

/// A device's keys.
#[derive(Clone)]
pub struct OwnKeys {
    /// What links prove.
    pub key: Arc<SigningKey>,
    /// What sessions prove.
    pub noise: StaticKey,
}

impl OwnKeys {
    /// How machines name a device with these keys.
    #[must_use]
    pub fn device(&self) -> DeviceId {
        DeviceId::of_key(&self.key.verifying_key().to_bytes())
    }
}

impl PartialEq for OwnKeys {
    fn eq(&self, other: &Self) -> bool {
        self.key.verifying_key() == other.key.verifying_key()
            && self.noise.public() == other.noise.public()
    }
}

impl Eq for OwnKeys {}

impl fmt::Debug for Memory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Memory")
            .field("expires", &self.expires)
            .field("serial", &self.serial)
            .field("generation", &self.generation)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for News {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Grant { .. } => "Grant",
            Self::Generation(_) => "Generation",
            Self::MachineKey { .. } => "MachineKey",
            Self::OwnKeys { .. } => "OwnKeys",
        })
    }
}

/// The answer to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// The terminal stands.
    Created(Terminal),
    /// One page of the terminals that have ended.
    History(PastPage),
    /// Done as asked.
    Done,
}

/// Terminals that have ended and whose output is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PastPage {
    /// The latest first.
    pub past: Vec<PastTerminal>,
    /// Where the next page begins, if there is one.
    pub next: Option<PastPlace>,
}

impl PastPage {
    /// A page as the machine says it. More after nothing would be asked for without end.
    pub(super) fn of(past: Vec<PastTerminal>, more: bool) -> Result<Self, CloseCode> {
        let last = past.last().map(|last| PastPlace {
            ended: last.ended,
            id: last.id,
        });
        match (more, last) {
            (true, None) => Err(CloseCode::BadMessage),
            (true, next) => Ok(Self { past, next }),
            (false, _) => Ok(Self { past, next: None }),
        }
    }
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Where the viewer stands has changed.
    State(State),
    /// An attempt failed; the next follows by itself.
    Trouble(Failure),
    /// The machine said welcome.
    Welcome(Greeting),
    /// This device may ask for something else now.
    Scopes(Vec<Scope>, Reach),
    /// The list of terminals, whenever it changed.
    Terminals(Vec<Terminal>),
    /// This was told to the device and is to be kept. Who keeps it says [`super::Viewer::kept`] when it is on disk, or
    /// [`super::Viewer::not_kept`].
    Remember(DeviceId, News),
    /// The machine wants this device to change its keys: [`super::Viewer::rekey`] with fresh ones.
    Rekey,
    /// A request was answered.
    Answered(u32, Result<Answer, Failure>),
    /// Something happened on an attached terminal.
    Terminal(HandleId, TerminalEvent),
}

/// How the machine introduces itself in every session. Its texts are cleaned of control characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Greeting {
    /// Its name.
    pub machine: String,
    /// Whose account it is.
    pub user: String,
    /// What this device may ask for.
    pub scopes: Vec<Scope>,
    /// What that reaches.
    pub reach: Reach,
    /// When the device's grant ends unless used, by the machine's clock.
    pub expires: UnixMs,
    /// When it ends whatever happens: a share.
    pub until: Option<UnixMs>,
    /// A copy of this device was seen: it may only watch until a person at the machine has decided.
    pub suspended: bool,
}
