//! What was asked, answered and done on this machine, in a record that cannot be edited unnoticed: each line names the hash of all before it.
//!
//! [`chain`] and `sense` are pure: whether lines follow from each other, and whether what they say can be true. [`log`] keeps them on the disk.

pub mod chain;
pub mod log;
mod sense;

use lanyard_shared::approval::{Hash, Request, Settled};
use lanyard_shared::ids::AgentId;
use serde::{Deserialize, Serialize};

/// What is recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event", deny_unknown_fields)]
pub enum Event {
    /// The agent has begun to work.
    Began {
        /// This machine, to which devices have signed.
        agent: AgentId,
        /// Its version.
        version: String,
    },
    /// The last line had not been written whole, and was taken away.
    Torn {
        /// How many bytes there were of it.
        bytes: u64,
    },
    /// People are asked.
    Asked {
        /// For what.
        request: Box<Request>,
        /// What their answer will be about.
        hash: Hash,
    },
    /// A request for approval has ended. Nothing is done by it before this is on the disk.
    Settled {
        /// How.
        settled: Settled,
    },
}
