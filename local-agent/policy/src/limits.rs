//! What is looked at is bounded, and what is larger asks. Lengths are bytes.

/// A whole line.
pub const LINE_MAX: usize = 16 * 1024;
/// Commands in one line: nobody reads more before saying yes.
pub const COMMANDS_MAX: usize = 50;
/// Words of one command.
pub const WORDS_MAX: usize = 1024;
/// A rule as it is written.
pub const RULE_MAX: usize = 1024;
/// A line that rules which deny look into. A longer one is touched by all of them.
pub const SEEN_MAX: usize = 1024 * 1024;
/// What the parser, which is not ours, is given of it. What is longer is scanned word by word.
pub const PARSED_MAX: usize = 64 * 1024;
/// What it is given in all, lines inside of words included. One that needs more is touched by all.
pub const PARSED_ALL_MAX: usize = 4 * PARSED_MAX;
/// Signs of the shell's language in what it is given. The time that it needs grows with their square at worst, so this bounds it, for one line
/// and for all lines of one together.
pub const PARSED_SIGNS_MAX: usize = 4000;
/// Lines inside of words inside of lines. Deeper, and all are touched.
pub const DEPTH_MAX: usize = 8;
/// Commands that one line may run. More, and all are touched.
pub const INVOCATIONS_MAX: usize = 1024;
/// Patterns among the words of one line that is scanned. More, and all are touched.
pub const SCANNED_PATTERNS_MAX: usize = 1024;
/// A path that is matched.
pub const PATH_MAX: usize = 16 * 1024;
/// A settings file.
pub const SETTINGS_MAX: usize = 256 * 1024;
/// Rules in it.
pub const RULES_MAX: usize = 1000;
/// Parts of a line for which rules are still offered; of more, nobody reads each.
pub const OFFERED_PARTS_MAX: usize = 5;
/// Folders in which a command may find itself, where nobody knows whether `cd` has moved. More, and it asks.
pub const PLACES_MAX: usize = 8;
/// Options of a shell before its script.
pub const SHELL_OPTIONS_MAX: usize = 16;
/// Characters of a text that is long to read.
pub const LONG: usize = 500;
/// Blanks in a row that push what follows out of sight.
pub const BLANKS: usize = 10;
/// An approval waits so long where no settings say otherwise.
pub const APPROVAL_MINUTES: u32 = 30;
/// Characters within which something that opens must close, where text is scanned.
pub const NEAR: usize = 64;
