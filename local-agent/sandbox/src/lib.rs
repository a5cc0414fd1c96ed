//! Runs a program that may read the workspace and change nothing, or change the workspace and nothing else.
//!
//! The parent ([`run()`], [`spawn()`]) starts this same program again as a helper. The helper fences itself in and only then becomes the program that was asked for.
//! A fence that cannot be put up fully is a refusal with its reason, never a run without it.
//!
//! This is the only crate that may hold `unsafe`; each block says why it is sound.
//!
//! What the profile does not stop stands in `docs/SANDBOX.md`.
#![warn(missing_docs)]

mod bubblewrap;
mod calls;
mod environment;
mod fences;
mod handed;
mod helper;
mod holder;
mod id;
mod job;
mod kept;
mod limits;
mod links;
mod mounts;
mod private;
mod privileges;
mod processes;
mod repositories;
mod resolve;
mod run;
mod stage;
mod status;
mod suits;
mod talk;
mod tool_chains;
mod watch;

pub use environment::{reading, working};
pub use helper::helper_if_asked;
pub use holder::{CannotHold, Holder};
pub use job::{Bounds, Changes, Job, Kept, Profile, StandIn};
pub use limits::OUTPUT_FILE_BYTES;
pub use processes::Remote;
pub use resolve::{ResolveError, on_path, resolve};
pub use run::{Cut, Ending, Launcher, Limits, Ran, SandboxError, Sandboxed, Streams, run, spawn};
pub use status::{Status, status};
