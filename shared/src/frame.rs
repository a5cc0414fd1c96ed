//! Link frames: bytes in, complete frames out (`docs/PROTOCOL.md`, section 2).

use crate::b64;
use crate::close::CloseCode;
use crate::ids::{AgentId, ConnId, DeviceId, RendezvousId, TokenId};
use crate::limits::{
    CREDIT_MAX, DEVICES_MAX, FIRST_MAX, FORMER_MAX, FRAME_HEADER, FRAME_MAX, IDENTITY_CHAIN_MAX,
    NAME_MAX, RENDEZVOUS_MAX, REVOKED_MAX, SENTENCE_MAX, SIGNERS_MAX, TOKEN_MAX, VERSIONS_MAX,
};
use crate::rotate::IdentityCert;
use crate::time::UnixMs;
use bytes::{BufMut as _, Bytes, BytesMut};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::net::Ipv6Addr;
use ts_rs::TS;

/// The number of a stream on one leg; 0 is the link itself.
pub type StreamId = u32;

/// One frame, parsed whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// The agent's identity changes its key.
    Rotate(Rotate),
    /// The relay asks for a proof.
    Challenge(Challenge),
    /// Who one is.
    Proof(Proof),
    /// A new agent introduces itself.
    Enrol(Enrol),
    /// The proof holds.
    Welcome(Welcome),
    /// The agent's public state.
    Announce(Announce),
    /// Are you there?
    Ping([u8; 8]),
    /// I am.
    Pong([u8; 8]),
    /// The agent is back.
    Wake,
    /// A new stream.
    Open(StreamId, Open),
    /// The stream stands.
    Accept(StreamId, Accept),
    /// Opaque bytes.
    Data(StreamId, Bytes),
    /// More may be sent.
    Credit(StreamId, u32),
    /// A later token for the stream.
    Renew(StreamId, String),
    /// The stream, or the link when the id is 0, has ended.
    Close(StreamId, Close),
}

/// Kinds as numbers. See the table in `docs/PROTOCOL.md`, section 2.
pub mod kind {
    #![allow(missing_docs)]
    pub const CHALLENGE: u8 = 0x01;
    pub const PROOF: u8 = 0x02;
    pub const ENROL: u8 = 0x03;
    pub const WELCOME: u8 = 0x04;
    pub const ANNOUNCE: u8 = 0x05;
    pub const PING: u8 = 0x06;
    pub const PONG: u8 = 0x07;
    pub const WAKE: u8 = 0x08;
    pub const ROTATE: u8 = 0x09;
    pub const OPEN: u8 = 0x10;
    pub const ACCEPT: u8 = 0x11;
    pub const DATA: u8 = 0x12;
    pub const CREDIT: u8 = 0x13;
    pub const RENEW: u8 = 0x14;
    pub const CLOSE: u8 = 0x15;

    /// All kinds with their names, for the generated types and the test that ties the docs to this file.
    pub const ALL: &[(u8, &str)] = &[
        (CHALLENGE, "challenge"),
        (PROOF, "proof"),
        (ENROL, "enrol"),
        (WELCOME, "welcome"),
        (ANNOUNCE, "announce"),
        (PING, "ping"),
        (PONG, "pong"),
        (WAKE, "wake"),
        (ROTATE, "rotate"),
        (OPEN, "open"),
        (ACCEPT, "accept"),
        (DATA, "data"),
        (CREDIT, "credit"),
        (RENEW, "renew"),
        (CLOSE, "close"),
    ];
}

/// The relay's question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Challenge {
    /// Fresh for every question.
    pub nonce: b64::Bytes<32>,
    /// The link's name; the same for as long as the link lives.
    pub conn: ConnId,
    /// The relay's clock.
    pub time: UnixMs,
    /// Link versions the relay speaks.
    pub versions: Vec<u16>,
}

/// Which of the two dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, TS)]
#[serde(rename_all = "lowercase")]
#[ts(export)]
pub enum Role {
    /// The machine.
    Agent,
    /// A browser or `lanyard attach`.
    Device,
}

/// The answer to a [`Challenge`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Proof {
    /// Agent or device.
    pub role: Role,
    /// The authority that was dialled, `name[:port]`, lower case.
    pub host: String,
    /// The agent, or the agent the device wants.
    pub agent: AgentId,
    /// The key that signs.
    pub key: b64::Bytes<32>,
    /// From the challenge.
    pub conn: ConnId,
    /// The prover's clock.
    pub time: UnixMs,
    /// The chosen link version.
    pub version: u16,
    /// Over transcript `lanyard/link-proof/v1`.
    pub signature: b64::Bytes<64>,
}

/// A first proof that also spends an enrolment code.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
pub struct Enrol {
    /// The authority that was dialled.
    pub host: String,
    /// The new agent's identity key.
    pub key: b64::Bytes<32>,
    /// From the challenge.
    pub conn: ConnId,
    /// The agent's clock.
    pub time: UnixMs,
    /// The chosen link version.
    pub version: u16,
    /// The code, once.
    pub code: b64::Bytes<16>,
    /// How the operator will see this machine.
    pub name: String,
    /// From the machine's first identity key, after which it is called, to `key`; empty when that is the first.
    pub chain: Vec<IdentityCert>,
    /// Over transcript `lanyard/enrol/v1`.
    pub signature: b64::Bytes<64>,
}

/// The relay's yes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, TS)]
#[serde(deny_unknown_fields)]
#[ts(export)]
pub struct Welcome {
    /// How long this proof holds, in milliseconds.
    #[ts(type = "number")]
    pub held: u64,
    /// The relay's clock.
    pub time: UnixMs,
    /// The agent this link belongs to.
    pub agent: AgentId,
    /// The address browsers use; empty for a viewer.
    pub web: String,
    /// Something a person should know, or empty.
    pub warning: String,
}

/// A token signer, certified by the agent's identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignerCert {
    /// The signer's key.
    pub key: b64::Bytes<32>,
    /// Unix seconds.
    pub not_before: u64,
    /// Unix seconds.
    pub expires: u64,
    /// Over transcript `lanyard/signer/v1`.
    pub signature: b64::Bytes<64>,
}

/// The agent's identity hands over to another key, on the link that it has proven. The relay then asks for a proof by the other, which ends
/// this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rotate {
    /// The next key.
    pub key: b64::Bytes<32>,
    /// By the present key, over transcript `lanyard/rotate-identity/v1`.
    pub old: b64::Bytes<64>,
    /// By the next key, over the same.
    pub new: b64::Bytes<64>,
}

/// An identity that was replaced: grants it signed hold until its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FormerIdentity {
    /// The key.
    pub key: b64::Bytes<32>,
    /// Unix seconds.
    pub until: u64,
    /// By the present identity, over transcript `lanyard/former-identity/v1`.
    pub signature: b64::Bytes<64>,
}

/// A device and its epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeviceEpoch {
    /// The device.
    pub id: DeviceId,
    /// Rises with every revocation.
    pub epoch: u32,
}

/// What has become of a rendezvous.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RendezvousState {
    /// A viewer may come.
    Open,
    /// One has.
    Used,
    /// None has, in time.
    Expired,
}

/// A rendezvous and its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rendezvous {
    /// Derived from the pairing secret.
    pub id: RendezvousId,
    /// Whether a viewer may still come.
    pub state: RendezvousState,
}

/// The agent's whole public state; replaces what the relay had.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Announce {
    /// Who may sign this agent's tokens.
    pub signers: Vec<SignerCert>,
    /// Who may come.
    pub devices: Vec<DeviceEpoch>,
    /// Tokens that were ended before their time.
    pub revoked: Vec<TokenId>,
    /// Where unpaired viewers may knock.
    pub rendezvous: Vec<Rendezvous>,
    /// Identities that were replaced and whose grants still hold.
    pub former: Vec<FormerIdentity>,
    /// The owner has ended all remote access for now: every stream ends, and nothing is opened.
    pub locked: bool,
}

/// What a stream is for, as far as the relay knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    /// A session of a paired device, with its grant.
    Session(String),
    /// The rendezvous of an unpaired viewer.
    Pair(RendezvousId),
    /// A stream for one purpose, with its token.
    Purpose(String),
}

/// Whose stream it is: added by the relay on the agent's leg.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The viewer's link.
    pub conn: ConnId,
    /// The device key that the link proved.
    pub device: [u8; 32],
    /// Where the link comes from, in the relay's words: for lists, never for decisions. IPv4 as mapped (RFC 4291, 2.5.5.2).
    pub from: Ipv6Addr,
}

/// A request for a stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Open {
    /// What for.
    pub target: Target,
    /// What the opener is ready to receive.
    pub credit: u32,
    /// End-to-end versions the viewer speaks.
    pub versions: Vec<u16>,
    /// `None` on the viewer's leg.
    pub origin: Option<Origin>,
    /// What comes first on the stream: taken as if it came right behind the accept, without credit. At most [`FIRST_MAX`] bytes, of which
    /// the relay understands nothing; empty if it waits for the accept.
    pub first: Bytes,
}

/// The answer to an [`Open`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Accept {
    /// What the accepter is ready to receive.
    pub credit: u32,
    /// End-to-end versions the agent speaks.
    pub versions: Vec<u16>,
}

/// An end, with words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// `None` when the peer used a number this build does not know.
    pub code: Option<CloseCode>,
    /// At most 256 bytes.
    pub sentence: String,
}

impl From<CloseCode> for Close {
    fn from(code: CloseCode) -> Self {
        Self {
            code: Some(code),
            sentence: code.sentence().to_owned(),
        }
    }
}

/// Which leg the bytes came over; an open looks different on each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leg {
    /// Between viewer and relay.
    Viewer,
    /// Between relay and agent.
    Agent,
}

/// Why bytes are not a frame. The peer is at fault, always.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// Longer than [`FRAME_MAX`].
    #[error("frame of {0} bytes is larger than allowed")]
    TooLarge(usize),
    /// Shorter than its kind demands, or with something left over.
    #[error("frame of kind {0:#04x} is malformed")]
    Malformed(u8),
    /// No such kind.
    #[error("frame of unknown kind {0:#04x}")]
    UnknownKind(u8),
}

impl From<FrameError> for CloseCode {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLarge(_) => Self::TooLarge,
            FrameError::Malformed(_) => Self::Malformed,
            FrameError::UnknownKind(_) => Self::UnknownKind,
        }
    }
}

impl Frame {
    /// Parses one WebSocket message. Data is not copied.
    ///
    /// # Errors
    /// The bytes are not exactly one frame within the limits.
    pub fn decode(message: Bytes, leg: Leg) -> Result<Self, FrameError> {
        if message.len() > FRAME_MAX {
            return Err(FrameError::TooLarge(message.len()));
        }
        let mut reader = Reader { rest: &message };
        let stream = reader.u32().ok_or(FrameError::Malformed(0))?;
        let kind = reader.u8().ok_or(FrameError::Malformed(0))?;
        let payload = message.slice(FRAME_HEADER..);
        let on_link = matches!(kind, kind::CHALLENGE..=kind::ROTATE);
        let on_stream = matches!(kind, kind::OPEN..=kind::RENEW);
        if !on_link && !on_stream && kind != kind::CLOSE {
            return Err(FrameError::UnknownKind(kind));
        }
        if (on_link && stream != 0) || (on_stream && stream == 0) {
            return Err(FrameError::Malformed(kind));
        }
        Self::decode_payload(stream, kind, payload, leg).ok_or(FrameError::Malformed(kind))
    }

    fn decode_payload(stream: StreamId, kind: u8, payload: Bytes, leg: Leg) -> Option<Self> {
        Some(match kind {
            kind::CHALLENGE => Self::Challenge(
                exact_json(&payload).filter(|c: &Challenge| versions_fit(&c.versions))?,
            ),
            kind::PROOF => Self::Proof(exact_json(&payload)?),
            kind::ENROL => Self::Enrol(exact_json(&payload).filter(Enrol::fits)?),
            kind::WELCOME => Self::Welcome(exact_json(&payload)?),
            kind::ANNOUNCE => Self::Announce(exact_json(&payload).filter(Announce::fits)?),
            kind::PING => Self::Ping(payload.as_ref().try_into().ok()?),
            kind::PONG => Self::Pong(payload.as_ref().try_into().ok()?),
            kind::WAKE => payload.is_empty().then_some(Self::Wake)?,
            kind::ROTATE => Self::Rotate(exact_json(&payload)?),
            kind::OPEN => Self::Open(stream, Open::decode(&payload, leg)?),
            kind::ACCEPT => Self::Accept(stream, Accept::decode(&payload)?),
            kind::DATA => (!payload.is_empty()).then_some(Self::Data(stream, payload))?,
            kind::CREDIT => {
                let amount = u32::from_be_bytes(payload.as_ref().try_into().ok()?);
                (1..=CREDIT_MAX)
                    .contains(&amount)
                    .then_some(Self::Credit(stream, amount))?
            }
            kind::RENEW => Self::Renew(stream, token(&payload)?),
            kind::CLOSE => Self::Close(stream, Close::decode(&payload)?),
            _ => return None,
        })
    }

    /// The bytes of one WebSocket message.
    #[must_use]
    pub fn encode(&self) -> Bytes {
        let mut out = BytesMut::with_capacity(FRAME_HEADER + 64);
        let (stream, kind) = self.header();
        out.put_u32(stream);
        out.put_u8(kind);
        match self {
            Self::Challenge(body) => put_json(&mut out, body),
            Self::Proof(body) => put_json(&mut out, body),
            Self::Enrol(body) => put_json(&mut out, body),
            Self::Welcome(body) => put_json(&mut out, body),
            Self::Announce(body) => put_json(&mut out, body),
            Self::Ping(body) | Self::Pong(body) => out.put_slice(body),
            Self::Wake => {}
            Self::Rotate(body) => put_json(&mut out, body),
            Self::Open(_, open) => open.encode(&mut out),
            Self::Accept(_, accept) => {
                out.put_u32(accept.credit);
                put_versions(&mut out, &accept.versions);
            }
            Self::Data(_, data) => out.put_slice(data),
            Self::Credit(_, amount) => out.put_u32(*amount),
            Self::Renew(_, token) => out.put_slice(token.as_bytes()),
            Self::Close(_, close) => close.encode(&mut out),
        }
        out.freeze()
    }

    fn header(&self) -> (StreamId, u8) {
        match self {
            Self::Challenge(_) => (0, kind::CHALLENGE),
            Self::Proof(_) => (0, kind::PROOF),
            Self::Enrol(_) => (0, kind::ENROL),
            Self::Welcome(_) => (0, kind::WELCOME),
            Self::Announce(_) => (0, kind::ANNOUNCE),
            Self::Ping(_) => (0, kind::PING),
            Self::Pong(_) => (0, kind::PONG),
            Self::Wake => (0, kind::WAKE),
            Self::Rotate(_) => (0, kind::ROTATE),
            Self::Open(stream, _) => (*stream, kind::OPEN),
            Self::Accept(stream, _) => (*stream, kind::ACCEPT),
            Self::Data(stream, _) => (*stream, kind::DATA),
            Self::Credit(stream, _) => (*stream, kind::CREDIT),
            Self::Renew(stream, _) => (*stream, kind::RENEW),
            Self::Close(stream, _) => (*stream, kind::CLOSE),
        }
    }
}

impl Enrol {
    fn fits(&self) -> bool {
        self.name.chars().count() <= NAME_MAX && self.chain.len() <= IDENTITY_CHAIN_MAX
    }
}

impl Announce {
    fn fits(&self) -> bool {
        self.signers.len() <= SIGNERS_MAX
            && self.devices.len() <= DEVICES_MAX
            && self.revoked.len() <= REVOKED_MAX
            && self.rendezvous.len() <= RENDEZVOUS_MAX
            && self.former.len() <= FORMER_MAX
    }
}

impl Open {
    fn decode(payload: &Bytes, leg: Leg) -> Option<Self> {
        let mut reader = Reader { rest: payload };
        let target = reader.u8()?;
        let credit = reader.u32().filter(|credit| *credit <= CREDIT_MAX)?;
        let versions = reader.versions()?;
        let origin = match leg {
            Leg::Viewer => None,
            Leg::Agent => Some(Origin {
                conn: ConnId(reader.array()?),
                device: reader.array()?,
                from: Ipv6Addr::from(reader.array::<16>()?),
            }),
        };
        let length = usize::from(reader.array().map(u16::from_be_bytes)?);
        let (first, rest) = reader.rest.split_at_checked(length)?;
        let first = (length <= FIRST_MAX).then(|| payload.slice_ref(first))?;
        reader.rest = rest;
        let target = match target {
            0 => Target::Session(token(reader.rest)?),
            1 => Target::Pair(RendezvousId(reader.rest.try_into().ok()?)),
            2 => Target::Purpose(token(reader.rest)?),
            _ => return None,
        };
        let wants_versions = !matches!(target, Target::Purpose(_));
        (wants_versions != versions.is_empty()).then_some(Self {
            target,
            credit,
            versions,
            origin,
            first,
        })
    }

    fn encode(&self, out: &mut BytesMut) {
        out.put_u8(match self.target {
            Target::Session(_) => 0,
            Target::Pair(_) => 1,
            Target::Purpose(_) => 2,
        });
        out.put_u32(self.credit);
        put_versions(out, &self.versions);
        if let Some(origin) = &self.origin {
            out.put_slice(&origin.conn.0);
            out.put_slice(&origin.device);
            out.put_slice(&origin.from.octets());
        }
        let first = self.first.get(..FIRST_MAX).unwrap_or(&self.first);
        out.put_u16(u16::try_from(first.len()).unwrap_or(0));
        out.put_slice(first);
        match &self.target {
            Target::Session(token) | Target::Purpose(token) => out.put_slice(token.as_bytes()),
            Target::Pair(id) => out.put_slice(&id.0),
        }
    }
}

impl Accept {
    fn decode(payload: &[u8]) -> Option<Self> {
        let mut reader = Reader { rest: payload };
        let credit = reader.u32().filter(|credit| *credit <= CREDIT_MAX)?;
        let versions = reader.versions()?;
        reader.rest.is_empty().then_some(Self { credit, versions })
    }
}

impl Close {
    /// Reads `code u16 | sentence`, the form that close frames and sealed `end` records share.
    #[must_use]
    pub fn decode(payload: &[u8]) -> Option<Self> {
        let (code, sentence) = payload.split_first_chunk::<2>()?;
        let sentence = std::str::from_utf8(sentence)
            .ok()
            .filter(|s| s.len() <= SENTENCE_MAX)?;
        Some(Self {
            code: CloseCode::from_number(u16::from_be_bytes(*code)),
            sentence: sentence.to_owned(),
        })
    }

    /// Writes what [`Close::decode`] reads.
    pub fn encode(&self, out: &mut BytesMut) {
        out.put_u16(self.code.map_or(0, |code| code as u16));
        let end = self.sentence.floor_char_boundary(SENTENCE_MAX);
        out.put_slice(&self.sentence.as_bytes()[..end]);
    }
}

struct Reader<'a> {
    rest: &'a [u8],
}

impl Reader<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.rest.split_first_chunk::<N>()?;
        self.rest = rest;
        Some(*head)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    fn versions(&mut self) -> Option<Vec<u16>> {
        let count = usize::from(self.u8()?);
        if count > VERSIONS_MAX {
            return None;
        }
        (0..count)
            .map(|_| self.array().map(u16::from_be_bytes))
            .collect()
    }
}

fn versions_fit(versions: &[u16]) -> bool {
    (1..=VERSIONS_MAX).contains(&versions.len())
}

fn put_versions(out: &mut BytesMut, versions: &[u16]) {
    out.put_u8(versions.len().min(VERSIONS_MAX) as u8);
    for version in versions.iter().take(VERSIONS_MAX) {
        out.put_u16(*version);
    }
}

/// A token's characters; what they mean is for `token` to say.
fn token(bytes: &[u8]) -> Option<String> {
    let plain = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let fits = (1..=TOKEN_MAX).contains(&bytes.len()) && bytes.iter().all(plain);
    fits.then(|| String::from_utf8_lossy(bytes).into_owned())
}

/// Reads a JSON object that says exactly what `T` writes. Derived readers take arrays where objects belong and supply what is missing; here
/// whatever would be written otherwise is refused.
pub(crate) fn exact_json<T: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<T> {
    let value: T = serde_json::from_slice(bytes).ok()?;
    let read: serde_json::Value = serde_json::from_slice(bytes).ok()?;
    (serde_json::to_value(&value).ok()? == read).then_some(value)
}

fn put_json(out: &mut BytesMut, body: &impl Serialize) {
    // Our own frame bodies hold no maps with odd keys and no failing serialisers, so this cannot fail.
    if let Ok(text) = serde_json::to_vec(body) {
        out.put_slice(&text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An open that a viewer sends, with so many bytes of what comes first.
    fn open(first: usize) -> Bytes {
        let mut out = BytesMut::new();
        out.put_u32(1);
        out.put_u8(kind::OPEN);
        out.put_u8(2);
        out.put_u32(9);
        put_versions(&mut out, &[]);
        out.put_u16(u16::try_from(first).unwrap());
        out.put_bytes(7, first);
        out.put_slice(b"x.y.z");
        out.freeze()
    }

    #[test]
    fn an_open_brings_at_most_256_bytes() {
        let whole = Frame::decode(open(FIRST_MAX), Leg::Viewer).unwrap();
        assert!(matches!(&whole, Frame::Open(1, open) if open.first.len() == 256));
        assert_eq!(whole.encode(), open(FIRST_MAX));
        let refused = Frame::decode(open(FIRST_MAX + 1), Leg::Viewer);
        assert_eq!(refused, Err(FrameError::Malformed(kind::OPEN)));
    }

    #[test]
    fn an_open_that_says_that_it_brings_more_than_it_does_is_refused() {
        let cut = open(9).slice(..FRAME_HEADER + 12);
        assert_eq!(
            Frame::decode(cut, Leg::Viewer),
            Err(FrameError::Malformed(kind::OPEN))
        );
    }
}
