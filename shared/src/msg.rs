//! What viewer and agent say to each other inside a Noise session: one JSON object a message (`docs/PROTOCOL.md`, section 4).

use crate::access::{DeviceEntry, Reach, Revocation, TokenEntry};
use crate::approval::{Card, Granted, Mode, Settled};
use crate::audit::Head;
use crate::b64;
use crate::close::CloseCode;
use crate::frame::exact_json;
use crate::ids::{ApprovalId, TerminalId, TokenId};
use crate::limits::MESSAGE_MAX;
use crate::rotate::{IdentityCert, NewKeys, NoiseCert};
use crate::time::UnixMs;
use crate::token::Kind;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use ts_rs::TS;

/// What a device may ask tokens for. Granted at pairing, by name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum Scope {
    /// Watch terminals.
    View,
    /// Read files.
    #[serde(rename = "files.read")]
    FilesRead,
    /// Open terminals and type into them: the full power of the user.
    Terminal,
    /// Start commands.
    Run,
    /// Change files.
    #[serde(rename = "files.write")]
    FilesWrite,
    /// Speak to coding agents.
    Prompt,
    /// Answer requests for approval.
    Approve,
    /// See and end what has access to the machine.
    Devices,
}

impl Scope {
    /// All of them, in the order in which lists show them.
    pub const ALL: &'static [Self] = &[
        Self::View,
        Self::FilesRead,
        Self::Terminal,
        Self::Run,
        Self::FilesWrite,
        Self::Prompt,
        Self::Approve,
        Self::Devices,
    ];

    /// The purpose of its tokens.
    #[must_use]
    pub const fn kind(self) -> Kind {
        match self {
            Self::View => Kind::View,
            Self::FilesRead => Kind::FilesRead,
            Self::Terminal => Kind::Terminal,
            Self::Run => Kind::Run,
            Self::FilesWrite => Kind::FilesWrite,
            Self::Prompt => Kind::Prompt,
            Self::Approve => Kind::Approve,
            Self::Devices => Kind::Devices,
        }
    }

    /// What it allows, in words for a person.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::View => "watch terminals",
            Self::FilesRead => "read files",
            Self::Terminal => "open terminals and type into them: the full power of the user",
            Self::Run => "start commands: the full power of the user",
            Self::FilesWrite => "change files: the full power of the user",
            Self::Prompt => "speak to coding agents: the full power of the user",
            Self::Approve => "answer requests for approval",
            Self::Devices => "see and end who has access",
        }
    }

    /// Whether it is code execution as the user, whatever its name says.
    #[must_use]
    pub const fn is_full_power(self) -> bool {
        match self {
            Self::Terminal | Self::Run | Self::FilesWrite | Self::Prompt => true,
            Self::View | Self::FilesRead | Self::Approve | Self::Devices => false,
        }
    }

    /// As it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.kind().name()
    }
}

/// What a token is wanted for: a purpose, and what it is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "purpose", rename_all = "lowercase", deny_unknown_fields)]
#[ts(export)]
pub enum Wanted {
    /// To watch a terminal.
    View {
        /// Which.
        terminal: TerminalId,
    },
    /// To read files.
    #[serde(rename = "files.read")]
    FilesRead {
        /// An absolute path: only what is below it.
        root: String,
    },
    /// To type into a terminal.
    Terminal {
        /// Which.
        terminal: TerminalId,
    },
    /// To start commands.
    Run {
        /// An absolute path: where they run.
        root: String,
    },
    /// To change files.
    #[serde(rename = "files.write")]
    FilesWrite {
        /// An absolute path: only what is below it.
        root: String,
    },
    /// To speak to a coding agent.
    Prompt {
        /// An absolute path: where it works.
        root: String,
    },
    /// To answer one request for approval.
    Approve {
        /// Which.
        request: ApprovalId,
    },
    /// To see and end what has access to the machine.
    Devices {},
}

impl Wanted {
    /// The purpose.
    #[must_use]
    pub const fn scope(&self) -> Scope {
        match self {
            Self::View { .. } => Scope::View,
            Self::FilesRead { .. } => Scope::FilesRead,
            Self::Terminal { .. } => Scope::Terminal,
            Self::Run { .. } => Scope::Run,
            Self::FilesWrite { .. } => Scope::FilesWrite,
            Self::Prompt { .. } => Scope::Prompt,
            Self::Approve { .. } => Scope::Approve,
            Self::Devices {} => Scope::Devices,
        }
    }

    /// The terminal it is about, if it is about one.
    #[must_use]
    pub const fn terminal(&self) -> Option<TerminalId> {
        match self {
            Self::View { terminal } | Self::Terminal { terminal } => Some(*terminal),
            Self::FilesRead { .. }
            | Self::Run { .. }
            | Self::FilesWrite { .. }
            | Self::Prompt { .. }
            | Self::Approve { .. }
            | Self::Devices {} => None,
        }
    }

    /// The folder it is about, if it is about one.
    #[must_use]
    pub fn root(&self) -> Option<&str> {
        match self {
            Self::FilesRead { root }
            | Self::Run { root }
            | Self::FilesWrite { root }
            | Self::Prompt { root } => Some(root),
            Self::View { .. } | Self::Terminal { .. } | Self::Approve { .. } | Self::Devices {} => {
                None
            }
        }
    }
}

/// What waits at the rendezvous. Payload of Noise message 2 in pairing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Offer {
    /// The machine's name.
    pub machine: String,
    /// The user whose machine it is.
    pub user: String,
    /// What the link grants.
    pub scopes: Vec<Scope>,
    /// What that reaches.
    pub reach: Reach,
    /// For how long the device may stay, in milliseconds; `null` while it is used.
    #[ts(type = "number | null")]
    pub stays: Option<u64>,
    /// When the link ends, by the machine's clock.
    pub expires: UnixMs,
}

/// The first transport message in pairing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct PairRequest {
    /// How the device calls itself, for example "Chrome on Linux".
    pub name: String,
    /// The device's Ed25519 key: the one its link proved.
    pub key: b64::Bytes<32>,
    /// Over transcript `lanyard/pair/v1`.
    pub signature: b64::Bytes<64>,
}

/// What the agent answers to a [`PairRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export)]
pub enum PairReply {
    /// A person at the machine is being asked.
    Waiting {},
    /// Paired.
    Granted {
        /// The device grant.
        grant: String,
        /// What was granted.
        scopes: Vec<Scope>,
        /// What that reaches.
        reach: Reach,
        /// When the grant ends unless used, by the machine's clock.
        expires: UnixMs,
        /// When it ends whatever happens: a share.
        until: Option<UnixMs>,
        /// The machine's identity key: it certifies later Noise keys.
        identity: b64::Bytes<32>,
        /// The serial of the machine's Noise key.
        serial: u32,
    },
    /// Not paired.
    Refused {
        /// Why.
        reason: Reason,
    },
}

/// A refusal for a person: the code, a sentence and a hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Reason {
    /// The name of a close code.
    pub code: String,
    /// What happened.
    pub sentence: String,
    /// What to do; may be empty.
    pub hint: String,
}

impl From<CloseCode> for Reason {
    fn from(code: CloseCode) -> Self {
        Self {
            code: code.name().to_owned(),
            sentence: code.sentence().to_owned(),
            hint: code.hint().to_owned(),
        }
    }
}

/// A size of a terminal in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Grid {
    /// Columns, 1 to 1000.
    pub cols: u16,
    /// Rows, 1 to 1000.
    pub rows: u16,
}

/// How a terminal's program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export)]
pub enum Exit {
    /// It returned this status.
    Status {
        /// 0 to 255.
        code: u32,
    },
    /// This signal ended it.
    Signal {
        /// The signal's number.
        number: u32,
    },
}

/// Who types into a terminal now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Driver {
    /// How the device calls itself.
    pub name: String,
    /// Whether it is the device that is told this.
    pub yours: bool,
}

/// One terminal, as a list shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Terminal {
    /// Its id.
    pub id: TerminalId,
    /// The name given to it.
    pub name: String,
    /// The title its program set; may be empty.
    pub title: String,
    /// Where it was started.
    pub cwd: String,
    /// When it was started.
    pub started: UnixMs,
    /// Its size.
    pub grid: Grid,
    /// `None` while it runs.
    pub exit: Option<Exit>,
    /// `None` while nobody types.
    pub driver: Option<Driver>,
}

/// A terminal that has ended and whose output is still kept, as the history shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct PastTerminal {
    /// Its id, that of the terminal. A `view` token for it plays what is kept.
    pub id: TerminalId,
    /// The name it had last.
    pub name: String,
    /// Where it was started.
    pub cwd: String,
    /// When it was started.
    pub started: UnixMs,
    /// When it ended, or the last that was heard of it.
    pub ended: UnixMs,
    /// How its program ended; `None` if nobody was there to see it: its holder was killed, or the power failed.
    pub exit: Option<Exit>,
    /// Its last size.
    pub grid: Grid,
    /// Bytes of output from the first that is kept to the last, holes included: what a disk refused or damage took in between counts too.
    #[ts(type = "number")]
    pub kept: u64,
    /// Bytes of output before those, which are no longer kept.
    #[ts(type = "number")]
    pub dropped: u64,
}

/// A place in the history, which is sorted by when terminals ended, the latest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct PastPlace {
    /// When the terminal of this place ended.
    pub ended: UnixMs,
    /// That terminal.
    pub id: TerminalId,
}

/// From the viewer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export)]
pub enum ToAgent {
    /// The first message; proves that message 1 was fresh.
    Hello {
        /// How the device calls itself now.
        name: String,
        /// The generation it was last given; 0 before the first.
        generation: u32,
        /// The highest serial of the machine's Noise keys that it knows.
        serial: u32,
    },
    /// The keys of `keys` are kept.
    KeysTaken {
        /// The serial of the Noise key.
        serial: u32,
    },
    /// This device's next keys, asked for by `rekey` or wanted by itself. The answer is `rekeyed`.
    Rekey {
        /// Number of the request.
        req: u32,
        /// The keys and their proof.
        keys: NewKeys,
    },
    /// The end-to-end heartbeat.
    Ping {
        /// Any number; comes back.
        n: u32,
    },
    /// A token for one purpose, please.
    Mint {
        /// Number of the request, chosen by the viewer; comes back.
        req: u32,
        /// What for.
        wanted: Wanted,
    },
    /// A person wants this token to live longer: a tap on its row. Says that somebody is present, as a key does.
    Renew {
        /// Number of the request.
        req: u32,
        /// The token.
        jti: TokenId,
    },
    /// What this device has access to over this link, please.
    Access {
        /// Number of the request.
        req: u32,
    },
    /// End something of this device's own: one of its tokens, one of its purposes, itself.
    Revoke {
        /// Number of the request.
        req: u32,
        /// What.
        revocation: Revocation,
    },
    /// A new terminal, please. Needs scope `terminal`. The key makes a repeat harmless.
    Create {
        /// Number of the request.
        req: u32,
        /// Idempotency key, fresh per wish.
        key: b64::Bytes<16>,
        /// Its name; empty lets the machine choose.
        name: String,
        /// Its first size.
        grid: Grid,
    },
    /// End a terminal's program and forget the terminal. Needs scope `terminal`.
    End {
        /// Number of the request.
        req: u32,
        /// The terminal.
        terminal: TerminalId,
    },
    /// Call a terminal something else. Needs scope `terminal`.
    Rename {
        /// Number of the request.
        req: u32,
        /// The terminal.
        terminal: TerminalId,
        /// Its new name; empty lets the machine choose.
        name: String,
    },
    /// The terminals that have ended, please: one page of them. Needs scope `view`.
    History {
        /// Number of the request.
        req: u32,
        /// Only what comes after this place; `None` from the latest on.
        after: Option<PastPlace>,
    },
    /// How far the machine's audit log went when this viewer heard of it last, please say how far it goes now.
    Audit {
        /// Nothing for who has never heard of it.
        seen: Option<Head>,
    },
    /// From now on work in this mode, please; nothing for what settings say.
    SetMode {
        /// Number of the request.
        req: u32,
        /// Which.
        mode: Option<Mode>,
    },
    /// Rules that stand for a time are to stand no longer.
    EndGranted {
        /// Number of the request.
        req: u32,
        /// Which.
        id: ApprovalId,
    },
    /// Forget what is kept of a terminal that has ended. Needs scope `terminal`.
    Forget {
        /// Number of the request.
        req: u32,
        /// The terminal.
        terminal: TerminalId,
    },
}

/// From the agent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
#[ts(export)]
pub enum FromAgent {
    /// The answer to `hello`.
    Welcome {
        /// The machine's name.
        machine: String,
        /// The user whose machine it is.
        user: String,
        /// The machine's clock.
        time: UnixMs,
        /// What this device may ask for.
        scopes: Vec<Scope>,
        /// What that reaches.
        reach: Reach,
        /// When the device's grant ends unless used, by the machine's clock.
        expires: UnixMs,
        /// When it ends whatever happens: a share.
        until: Option<UnixMs>,
        /// To be kept, and said in the next `hello`: so a copy of this device is told from it.
        generation: u32,
        /// A copy of this device was seen, or it is one: it may only watch until a person at the machine has decided.
        suspended: bool,
        /// All terminals.
        terminals: Vec<Terminal>,
    },
    /// The answer to `ping`.
    Pong {
        /// From the ping.
        n: u32,
        /// The machine's clock.
        time: UnixMs,
    },
    /// A token and the secret of its one stream.
    Minted {
        /// From the request.
        req: u32,
        /// The token's id.
        jti: TokenId,
        /// The token, to open the stream with.
        token: String,
        /// The stream secret.
        secret: b64::Bytes<32>,
        /// When it was issued, by the machine's clock.
        issued: UnixMs,
        /// When it stops working unless it is renewed.
        expires: UnixMs,
    },
    /// The terminal stands.
    Created {
        /// From the request.
        req: u32,
        /// The terminal.
        terminal: Terminal,
    },
    /// Done as asked.
    Done {
        /// From the request.
        req: u32,
    },
    /// Not done.
    Refused {
        /// From the request.
        req: u32,
        /// Why.
        reason: Reason,
    },
    /// The answer to `access`.
    Access {
        /// From the request.
        req: u32,
        /// The machine's clock.
        time: UnixMs,
        /// This device.
        device: DeviceEntry,
        /// The live tokens of this session.
        tokens: Vec<TokenEntry>,
    },
    /// The answer to `history`: one page.
    History {
        /// From the request.
        req: u32,
        /// The latest first.
        past: Vec<PastTerminal>,
        /// There are more after the last of these.
        more: bool,
    },
    /// This device may ask for something else now.
    Scopes {
        /// What it may ask for.
        scopes: Vec<Scope>,
        /// What that reaches.
        reach: Reach,
    },
    /// The list has changed.
    Terminals {
        /// All terminals.
        terminals: Vec<Terminal>,
    },
    /// The requests that wait for approval and that this device may answer, when its session begins. A card for each of them follows.
    Approvals {
        /// Which.
        waiting: Vec<ApprovalId>,
    },
    /// People are asked.
    Approval {
        /// For what.
        card: Box<Card>,
    },
    /// A request has ended.
    Settled {
        /// How.
        settled: Settled,
    },
    /// How far the machine's audit log goes.
    Audit {
        /// Now.
        head: Head,
        /// Whether it goes on from where the viewer had seen it end; nothing if that is not known any more, or was not asked.
        agrees: Option<bool>,
    },
    /// What a person lets stand for now.
    Permissions {
        /// The mode that was chosen; nothing for what settings say.
        mode: Option<Mode>,
        /// The rules that stand for a time.
        granted: Vec<Granted>,
    },
    /// A token was renewed; its stream goes on.
    Lease {
        /// The token.
        jti: TokenId,
        /// When it stops working now.
        expires: UnixMs,
    },
    /// A token has ended.
    Ended {
        /// The token.
        jti: TokenId,
        /// Why.
        reason: Reason,
    },
    /// The machine's Noise key has been, or will be, replaced. To be kept, then `keys_taken`.
    Keys {
        /// From the identity that the device knows to the present one; oldest first.
        chain: Vec<IdentityCert>,
        /// The present Noise key, by the last identity of the chain.
        noise: NoiseCert,
    },
    /// This device is to change its keys.
    Rekey {},
    /// The answer to `rekey`: the next keys are admitted. The present ones end when the next have said hello.
    Rekeyed {
        /// From the request.
        req: u32,
        /// The grant of the next keys.
        grant: String,
        /// When it ends unless used.
        expires: UnixMs,
    },
    /// The device grant was renewed; replace the stored one.
    Grant {
        /// The new grant.
        grant: String,
        /// When it ends unless used.
        expires: UnixMs,
    },
}

/// Why bytes are not a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a message inside the session was malformed")]
pub struct BadMessage;

/// Reads one message.
///
/// # Errors
/// Larger than [`MESSAGE_MAX`], not JSON, or not of this type.
pub fn decode<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Result<T, BadMessage> {
    if bytes.len() > MESSAGE_MAX {
        return Err(BadMessage);
    }
    exact_json(bytes).ok_or(BadMessage)
}

/// Writes one message. Our own messages hold no maps and no failing serialisers, so the empty message never occurs.
#[must_use]
pub fn encode(message: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(message).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_an_object_with_exactly_its_fields() {
        assert!(decode::<ToAgent>(br#"{"t":"ping","n":1}"#).is_ok());
        for wrong in [
            &br#"["ping",1]"#[..],
            br#"{"t":"ping","n":1,"m":2}"#,
            br#"{"t":"ping"}"#,
            br#"{"t":"ping","n":1,"n":1}"#,
            br#"{"t":"end","req":1,"terminal":"short"}"#,
        ] {
            assert_eq!(
                decode::<ToAgent>(wrong),
                Err(BadMessage),
                "{}",
                String::from_utf8_lossy(wrong)
            );
        }
        assert_eq!(decode::<Grid>(b"[80,24]"), Err(BadMessage));
    }

    #[test]
    fn what_is_not_there_is_null_and_never_left_out() {
        let terminal = Terminal {
            id: TerminalId([1; 16]),
            name: String::new(),
            title: String::new(),
            cwd: String::new(),
            started: UnixMs(1),
            grid: Grid { cols: 80, rows: 24 },
            exit: None,
            driver: None,
        };
        let text = String::from_utf8(encode(&terminal)).unwrap();
        assert_eq!(decode::<Terminal>(text.as_bytes()), Ok(terminal));
        for field in [r#","exit":null"#, r#","driver":null"#] {
            let without = text.replace(field, "");
            assert_eq!(decode::<Terminal>(without.as_bytes()), Err(BadMessage));
        }
    }
}
