//! The channel after the handshake.

use super::NoiseFault;
use crate::limits::{MESSAGE_MAX, TAG};
use snow::{HandshakeState, TransportState};
use std::fmt;

/// A channel whose both ends are who they say, now.
pub struct Session {
    transport: TransportState,
    hash: [u8; 32],
    remote: [u8; 32],
    ended: bool,
}

impl Session {
    pub(super) fn new(state: HandshakeState, remote: [u8; 32]) -> Result<Self, NoiseFault> {
        let hash = state.get_handshake_hash().try_into();
        let hash = hash.map_err(|_| NoiseFault::Unprepared)?;
        let transport = state.into_transport_mode().map_err(super::handshake)?;
        Ok(Self {
            transport,
            hash,
            remote,
            ended: false,
        })
    }

    /// The hash over the whole handshake (Noise, section 11.2). Names this session and no other.
    #[must_use]
    pub const fn handshake_hash(&self) -> &[u8; 32] {
        &self.hash
    }

    /// The other side's static key.
    #[must_use]
    pub const fn remote(&self) -> &[u8; 32] {
        &self.remote
    }

    /// Seals one message of at most [`MESSAGE_MAX`] bytes. The result is [`TAG`] bytes longer.
    ///
    /// # Errors
    /// The message is too large, or the session has ended.
    pub fn seal(&mut self, plaintext: &[u8]) -> Result<Vec<u8>, NoiseFault> {
        if plaintext.len() > MESSAGE_MAX {
            return Err(NoiseFault::TooLarge);
        }
        if self.ended {
            return Err(NoiseFault::Ended);
        }
        let mut message = vec![0; plaintext.len() + TAG];
        match self.transport.write_message(plaintext, &mut message) {
            Ok(_) => Ok(message),
            Err(_) => {
                self.ended = true;
                Err(NoiseFault::Ended)
            }
        }
    }

    /// Opens the next message. After the first that does not verify the session is over in both directions: a channel on which something
    /// was changed, dropped or repeated is not to be trusted again.
    ///
    /// # Errors
    /// The message does not verify, is too large, or the session has ended.
    pub fn open(&mut self, message: &[u8]) -> Result<Vec<u8>, NoiseFault> {
        if self.ended {
            return Err(NoiseFault::Ended);
        }
        let fault = if message.len() > MESSAGE_MAX + TAG {
            NoiseFault::TooLarge
        } else {
            let mut plaintext = vec![0; message.len()];
            if let Ok(length) = self.transport.read_message(message, &mut plaintext) {
                plaintext.truncate(length);
                return Ok(plaintext);
            }
            NoiseFault::Transport
        };
        self.ended = true;
        Err(fault)
    }
}

impl fmt::Debug for Session {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
