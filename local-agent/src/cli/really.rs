//! Asking before much is gone at once.

use super::{Failure, output};
use std::io::{self, IsTerminal as _};

/// Whether a person says yes; else `kept` is said. Who cannot be asked has said so with a flag, or hears of `nobody`.
pub fn really(
    question: &str,
    kept: &str,
    nobody: impl FnOnce() -> Failure,
) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(nobody());
    }
    output::prompt(&format!("{question} [y/N] "));
    let mut line = String::new();
    // What cannot be read is no yes.
    let _ = io::stdin().read_line(&mut line);
    let yes = matches!(line.trim().to_ascii_lowercase().as_str(), "y" | "yes");
    if !yes {
        output::say(kept);
    }
    Ok(yes)
}
