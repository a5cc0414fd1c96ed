//! `lanyard attach`: a terminal of a machine, in this terminal.

use std::path::PathBuf;

/// What `lanyard attach` was asked to do.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A pairing link: pairs first, and remembers the machine.
    pub link: Option<String>,
    /// The machine's name or id, where several are remembered.
    pub machine: Option<String>,
    /// The terminal's name or id; without it the only one there is, or a new one.
    pub terminal: Option<String>,
    /// Creates a terminal in any case. With `terminal`, under that name.
    pub new: bool,
    /// Only watches: never asks for the right to type.
    pub view: bool,
    /// Runs this command in a terminal of its own and leaves with its status.
    pub exec: Option<String>,
    /// How this device calls itself; by default the user and host.
    pub name: Option<String>,
    /// The device file; by default the user's.
    pub device_file: Option<PathBuf>,
}
