//! How an agent left, as far as its relay can tell, and who may know it.
//!
//! It is told to devices whose grant held when the agent was here, and to nobody else: anybody can ask by any key.

use super::lease::Trust;
use crate::limits::PARTING_KEPT;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Close;
use lanyard_shared::time::Mono;
use std::sync::Arc;

/// How an agent's link ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// The agent said that it stops.
    Stopped,
    /// The connection ended without a word: the program was killed, the machine went down, or something between cut it.
    Lost,
    /// Nothing was heard for too long: the machine sleeps, or has no network.
    Silent,
    /// Some other way, of which nothing is to be concluded.
    Other,
}

/// The last of an agent that is away.
#[derive(Debug)]
pub(super) struct Parting {
    pub how: How,
    /// When it stopped, or was heard last.
    pub since: Mono,
    /// By which grants were judged then.
    pub trust: Arc<Trust>,
}

impl Parting {
    /// What a device of this machine hears that asks for it.
    pub fn close(&self, now: Mono) -> Close {
        let code = match self.how {
            How::Stopped => CloseCode::AgentStopped,
            How::Lost => CloseCode::AgentLost,
            How::Silent => CloseCode::AgentSilent,
            How::Other => CloseCode::AgentOffline,
        };
        Close::for_so_long(code, now.since(self.since))
    }

    /// A locked machine tells nobody anything, and what was long ago is forgotten.
    pub fn may_be_told(&self, now: Mono) -> bool {
        self.trust.is_announced() && !self.trust.is_locked() && now.since(self.since) < PARTING_KEPT
    }
}
