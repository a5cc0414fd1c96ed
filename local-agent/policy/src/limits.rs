//! What is looked at is bounded, and what is larger asks. Lengths are bytes.

/// A whole line.
pub const LINE_MAX: usize = 16 * 1024;
/// Commands in one line: nobody reads more before saying yes.
pub const COMMANDS_MAX: usize = 50;
/// Words of one command.
pub const WORDS_MAX: usize = 1024;
