//! All that these programs print: answers and events on standard output, progress on standard error.
#![allow(clippy::print_stderr, reason = "the one place that prints")]

use serde_json::Value;
use std::io::{Result, Write as _};

/// One event, as a line of JSON.
///
/// # Errors
/// Nobody reads any more.
pub fn line(event: &Value) -> Result<()> {
    text(&format!("{event}\n"))
}

/// Text of an answer.
///
/// # Errors
/// Nobody reads any more.
pub fn text(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(text.as_bytes())?;
    out.flush()
}

/// What is going on, for a person who waits.
pub fn progress(words: &str) {
    eprintln!("-- {words}");
}

/// What went wrong.
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
