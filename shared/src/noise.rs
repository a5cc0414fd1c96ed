//! The end-to-end channel between viewer and agent: Noise, revision 34, in two modes (`docs/PROTOCOL.md`, section 4.1).
//!
//! One type per state, each consumed by the next. The responder's side ends in [`Unconfirmed`]: message 1 can be replayed, so there is
//! no way to a [`Session`] that does not go through a first transport message that verified.

mod key;
#[cfg(test)]
mod published;
mod resolver;
mod session;
#[cfg(test)]
mod tests;
#[cfg(test)]
mod vectors;

pub use key::{Psk, StaticKey};
pub use session::Session;

use crate::close::CloseCode;
use crate::ids::{AgentId, ConnId};
use crate::limits::{FIRST_MAX, MESSAGE_MAX, PAYLOAD_MAX, TAG};
use crate::sign;
use resolver::Resolver;
use snow::{Builder, HandshakeState};

/// Context of the transcript that is the prologue.
pub const PROLOGUE_CONTEXT: &str = "lanyard/noise/v1";
/// The protocol of sessions, as the Noise specification names it (section 8).
pub const SESSION_PROTOCOL: &str = "Noise_IK_25519_AESGCM_SHA256";
/// The protocol of pairing.
pub const PAIR_PROTOCOL: &str = "Noise_IKpsk1_25519_AESGCM_SHA256";
/// Length of message 1 in bytes: an ephemeral key, a sealed static key, a sealed empty payload.
pub const MESSAGE_1: usize = 32 + (32 + TAG) + TAG;
// It travels with the open of its stream.
const _: () = assert!(MESSAGE_1 <= FIRST_MAX);
/// Length of message 2 in bytes without its payload: an ephemeral key and a tag.
pub const MESSAGE_2_OVERHEAD: usize = 32 + TAG;

/// What a handshake is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Two parties that know each other's keys.
    Session,
    /// A device that knows only a pairing secret.
    Pair,
}

impl Mode {
    /// How the prologue calls it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Session => "session",
            Self::Pair => "pair",
        }
    }

    /// The Noise protocol name.
    #[must_use]
    pub const fn protocol(self) -> &'static str {
        match self {
            Self::Session => SESSION_PROTOCOL,
            Self::Pair => PAIR_PROTOCOL,
        }
    }
}

/// What both sides must agree on before the first byte. A relay that tells the two different things ends the handshake.
#[derive(Clone, Copy, Debug)]
pub struct Prologue<'a> {
    /// The machine.
    pub agent: AgentId,
    /// The viewer's link.
    pub conn: ConnId,
    /// The versions of the viewer's `open`, in its order.
    pub viewer_versions: &'a [u16],
    /// The versions of the agent's `accept`, in its order.
    pub agent_versions: &'a [u16],
}

impl Prologue<'_> {
    /// The bytes that Noise mixes into its hash.
    #[must_use]
    pub fn bytes(&self, mode: Mode) -> Vec<u8> {
        sign::transcript(
            PROLOGUE_CONTEXT,
            &[
                mode.name().as_bytes(),
                &self.agent.0,
                &self.conn.0,
                &be(self.viewer_versions),
                &be(self.agent_versions),
            ],
        )
    }
}

fn be(versions: &[u16]) -> Vec<u8> {
    versions.iter().flat_map(|v| v.to_be_bytes()).collect()
}

/// Why a handshake or session ended. The peer, or the relay between, is at fault except where said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoiseFault {
    /// A static or ephemeral key gave an all-zero shared secret (RFC 7748, section 6.1).
    #[error("a key of low order was sent")]
    LowOrderKey,
    /// A handshake message is shorter or longer than its pattern allows.
    #[error("a handshake message has the wrong length")]
    Length,
    /// A handshake message does not verify: other keys, another secret, another prologue, or changed on the way.
    #[error("a handshake message does not verify")]
    Handshake,
    /// A transport message does not verify, or is out of order.
    #[error("a transport message does not verify")]
    Transport,
    /// The session was used after it had failed or run out of counters. Our fault.
    #[error("the session has ended")]
    Ended,
    /// A message larger than [`MESSAGE_MAX`]. Whose fault depends on the direction.
    #[error("a message inside the session is larger than allowed")]
    TooLarge,
    /// The system gives no randomness, or the library refuses its parameters. Our fault.
    #[error("the handshake could not be prepared")]
    Unprepared,
}

impl From<NoiseFault> for CloseCode {
    fn from(fault: NoiseFault) -> Self {
        match fault {
            NoiseFault::LowOrderKey | NoiseFault::Length | NoiseFault::Handshake => {
                Self::HandshakeFailed
            }
            NoiseFault::Transport | NoiseFault::Ended => Self::SealBroken,
            NoiseFault::TooLarge => Self::BadMessage,
            NoiseFault::Unprepared => Self::Internal,
        }
    }
}

/// The viewer's side before anything was sent.
#[derive(Debug)]
pub struct Initiator;

impl Initiator {
    /// Starts a session with the agent that holds `remote`. Returns message 1.
    ///
    /// # Errors
    /// `remote` is of low order, or the system gives no randomness.
    pub fn session(
        prologue: &Prologue<'_>,
        key: &StaticKey,
        remote: &[u8; 32],
    ) -> Result<(Vec<u8>, AwaitingReply), NoiseFault> {
        Self::start(
            builder(Mode::Session)?,
            Mode::Session,
            prologue,
            key,
            remote,
        )
    }

    /// Starts pairing with the agent that holds `remote` and knows the same secret. Returns message 1.
    ///
    /// # Errors
    /// `remote` is of low order, or the system gives no randomness.
    pub fn pair(
        prologue: &Prologue<'_>,
        key: &StaticKey,
        remote: &[u8; 32],
        psk: &Psk,
    ) -> Result<(Vec<u8>, AwaitingReply), NoiseFault> {
        let builder = builder(Mode::Pair)?.psk(1, psk.expose());
        let builder = builder.map_err(|_| NoiseFault::Unprepared)?;
        Self::start(builder, Mode::Pair, prologue, key, remote)
    }

    fn start(
        builder: Builder<'_>,
        mode: Mode,
        prologue: &Prologue<'_>,
        key: &StaticKey,
        remote: &[u8; 32],
    ) -> Result<(Vec<u8>, AwaitingReply), NoiseFault> {
        let mut state = builder
            .local_private_key(key.expose())
            .and_then(|b| b.remote_public_key(remote))
            .and_then(|b| b.prologue(&prologue.bytes(mode))?.build_initiator())
            .map_err(|_| NoiseFault::Unprepared)?;
        let mut message = vec![0; MESSAGE_1];
        let length = state.write_message(&[], &mut message).map_err(handshake)?;
        message.truncate(length);
        Ok((
            message,
            AwaitingReply {
                state,
                remote: *remote,
            },
        ))
    }
}

/// The viewer's side after message 1.
#[derive(Debug)]
pub struct AwaitingReply {
    state: HandshakeState,
    remote: [u8; 32],
}

impl AwaitingReply {
    /// Reads message 2. Returns the session and the payload of message 2.
    ///
    /// # Errors
    /// Message 2 has the wrong length, holds a key of low order, or does not verify.
    pub fn finish(mut self, message2: &[u8]) -> Result<(Session, Vec<u8>), NoiseFault> {
        if !(MESSAGE_2_OVERHEAD..=MESSAGE_2_OVERHEAD + MESSAGE_MAX).contains(&message2.len()) {
            return Err(NoiseFault::Length);
        }
        let payload = read(&mut self.state, message2)?;
        Ok((Session::new(self.state, self.remote)?, payload))
    }
}

/// The agent's side before anything was read.
#[derive(Debug)]
pub struct Responder;

impl Responder {
    /// Reads message 1 of a session.
    ///
    /// # Errors
    /// Message 1 is not exactly [`MESSAGE_1`] bytes (so its payload is empty), holds a key of low order, or does not verify.
    pub fn read_session(
        prologue: &Prologue<'_>,
        key: &StaticKey,
        message1: &[u8],
    ) -> Result<Received, NoiseFault> {
        Self::read(
            builder(Mode::Session)?,
            Mode::Session,
            prologue,
            key,
            message1,
        )
    }

    /// Reads message 1 of a pairing.
    ///
    /// # Errors
    /// As [`Responder::read_session`]; also when the other side does not know the pairing secret.
    pub fn read_pair(
        prologue: &Prologue<'_>,
        key: &StaticKey,
        psk: &Psk,
        message1: &[u8],
    ) -> Result<Received, NoiseFault> {
        let builder = builder(Mode::Pair)?.psk(1, psk.expose());
        let builder = builder.map_err(|_| NoiseFault::Unprepared)?;
        Self::read(builder, Mode::Pair, prologue, key, message1)
    }

    fn read(
        builder: Builder<'_>,
        mode: Mode,
        prologue: &Prologue<'_>,
        key: &StaticKey,
        message1: &[u8],
    ) -> Result<Received, NoiseFault> {
        if message1.len() != MESSAGE_1 {
            return Err(NoiseFault::Length);
        }
        let mut state = builder
            .local_private_key(key.expose())
            .and_then(|b| b.prologue(&prologue.bytes(mode))?.build_responder())
            .map_err(|_| NoiseFault::Unprepared)?;
        read(&mut state, message1)?;
        let remote = state.get_remote_static().and_then(|k| k.try_into().ok());
        let remote = remote.ok_or(NoiseFault::Unprepared)?;
        Ok(Received { state, remote })
    }
}

/// The agent's side after message 1. Whoever wrote it holds the remote key, now or at some earlier time.
#[derive(Debug)]
pub struct Received {
    state: HandshakeState,
    remote: [u8; 32],
}

impl Received {
    /// The viewer's static key. Not yet known to be fresh.
    #[must_use]
    pub const fn remote(&self) -> &[u8; 32] {
        &self.remote
    }

    /// Writes message 2 with `payload` (at most [`MESSAGE_MAX`] bytes). Returns message 2.
    ///
    /// # Errors
    /// The payload is too large, or the system gives no randomness.
    pub fn reply(mut self, payload: &[u8]) -> Result<(Vec<u8>, Unconfirmed), NoiseFault> {
        if payload.len() > MESSAGE_MAX {
            return Err(NoiseFault::TooLarge);
        }
        let mut message = vec![0; MESSAGE_2_OVERHEAD + payload.len()];
        let length = self
            .state
            .write_message(payload, &mut message)
            .map_err(handshake)?;
        message.truncate(length);
        let session = Session::new(self.state, self.remote)?;
        Ok((message, Unconfirmed { session }))
    }
}

/// The agent's side after message 2: perhaps a replay. There is nothing to do with it but [`Unconfirmed::confirm`].
#[derive(Debug)]
pub struct Unconfirmed {
    session: Session,
}

impl Unconfirmed {
    /// The viewer's static key, as it claims.
    #[must_use]
    pub const fn remote(&self) -> &[u8; 32] {
        self.session.remote()
    }

    /// Reads the first transport message, which only a viewer that is there now can have written. Returns what it says.
    ///
    /// # Errors
    /// The message does not verify or is too large; the handshake is over.
    pub fn confirm(mut self, message: &[u8]) -> Result<(Session, Vec<u8>), NoiseFault> {
        let plaintext = self.session.open(message)?;
        Ok((self.session, plaintext))
    }
}

// A sealed message of the largest size fits into one frame.
const _: () = assert!(MESSAGE_2_OVERHEAD + MESSAGE_MAX <= PAYLOAD_MAX);

fn builder<'a>(mode: Mode) -> Result<Builder<'a>, NoiseFault> {
    let params = mode
        .protocol()
        .parse()
        .map_err(|_| NoiseFault::Unprepared)?;
    Ok(Builder::with_resolver(params, Box::new(Resolver)))
}

fn read(state: &mut HandshakeState, message: &[u8]) -> Result<Vec<u8>, NoiseFault> {
    let mut payload = vec![0; message.len()];
    let length = state
        .read_message(message, &mut payload)
        .map_err(handshake)?;
    payload.truncate(length);
    Ok(payload)
}

/// The library's error type may grow, so it is named by what we know of it.
fn handshake(error: snow::Error) -> NoiseFault {
    match error {
        snow::Error::Dh => NoiseFault::LowOrderKey,
        snow::Error::Decrypt => NoiseFault::Handshake,
        snow::Error::Input => NoiseFault::Length,
        snow::Error::Pattern(_)
        | snow::Error::Init(_)
        | snow::Error::Prereq(_)
        | snow::Error::State(_)
        | snow::Error::Rng
        | _ => NoiseFault::Unprepared,
    }
}
