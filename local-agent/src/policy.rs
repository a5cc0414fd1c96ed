//! The file system around [`lanyard_policy`]: where paths lead, and which settings files there are.

pub mod card;
pub mod files;
pub mod kept;
pub mod present;
pub mod save;
pub mod settings;
pub mod standing;
pub mod trust;
