//! The one place that prints.
//!
//! Rules: results go to standard output, everything said to a person while something runs goes to standard error; with `--json` standard output
//! carries JSON and nothing else. Errors are lower case, one line, followed by a `hint:` line. No secrets but the pairing link, which is
//! meant to be seen once.
#![allow(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "this is the one place"
)]

use super::grant::meaning;
use crate::daemon::owner::{Link, Notice};
use crate::limits::ANY_WIDTH;
use crate::text::is_invisible;
use lanyard_shared::limits::PAIRING_LIFE;
use lanyard_shared::msg::Scope;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use rustix::termios::tcgetwinsize;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};
use std::time::Duration;

/// An error and what to do about it.
pub fn failure(sentence: &str, hint: &str) {
    // A sentence may come from the relay, and the relay may be hostile.
    eprintln!("error: {}", printable(sentence));
    if !hint.is_empty() {
        eprintln!("hint: {}", printable(hint));
    }
}

/// A line for the person, while something runs.
pub fn say(line: &str) {
    eprintln!("{line}");
}

/// A question; the answer is typed behind it.
pub fn prompt(text: &str) {
    eprint!("{text}");
    let _ = io::stderr().flush();
}

/// One JSON value a line.
pub fn json(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        println!("{text}");
    }
}

/// The same on standard error, beside what a command prints.
pub fn json_aside(value: &impl Serialize) {
    if let Ok(text) = serde_json::to_string(value) {
        eprintln!("{text}");
    }
}

/// For what is not printed by lines.
pub fn stdout() -> io::Stdout {
    io::stdout()
}

/// The log goes to standard error; `LANYARD_LOG` chooses how much, `warn` by default.
pub fn start_log() {
    let filter = tracing_subscriber::EnvFilter::try_from_env("LANYARD_LOG")
        .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("warn"));
    // Below `info` the library writes whole frames, tokens and codes included.
    let quiet = ["tungstenite=info", "tokio_tungstenite=info"];
    let filter = quiet
        .iter()
        .filter_map(|directive| directive.parse().ok())
        .fold(filter, tracing_subscriber::EnvFilter::add_directive);
    let _ = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .try_init();
}

/// What a link gives.
pub struct Terms<'a> {
    /// What the device may do.
    pub scopes: &'a [Scope],
    /// What bounds that, in words; may be empty.
    pub reaches: String,
    /// For how long the device may stay: a share.
    pub stays: Option<Duration>,
    /// Whether a person is asked before anyone gets in.
    pub asks: bool,
}

/// A pairing link, with a QR code when another device can open it.
pub fn link(link: &Link, terms: &Terms<'_>) {
    println!("\n  {}\n", link.url);
    if link.local_only {
        println!("  Opens on this machine only. For a phone on the same network: scripts/up --lan");
    } else if let Some(code) = qr(&link.url) {
        println!("{code}");
    }
    if let Some(fingerprint) = &link.fingerprint {
        println!(
            "  The relay's certificate is its own. Compare in the browser, SHA-256:\n  {}",
            colons(fingerprint)
        );
    }
    println!("  Grants:");
    for line in meaning(terms.scopes) {
        println!("    {line}");
    }
    if !terms.reaches.is_empty() {
        println!("  Reaches {}.", terms.reaches);
    }
    if let Some(stays) = terms.stays {
        println!("  Ends {} after the device was let in.", in_words(stays));
    }
    let asks = if terms.asks {
        "you will be asked here before anyone gets in"
    } else {
        "whoever opens it first gets in, without a question"
    };
    println!("  Works once, for {}; {asks}.\n", in_words(PAIRING_LIFE));
    let _ = io::stdout().flush();
}

/// What happens, in words. Questions are asked elsewhere.
pub fn notice(notice: &Notice) {
    match notice {
        Notice::Online { relay, warning, .. } => {
            say(&format!("connected to {relay}"));
            if !warning.is_empty() {
                say(&format!("warning: {}", printable(warning)));
            }
        }
        Notice::Offline { sentence, hint } | Notice::Unreachable { sentence, hint } => {
            say(&format!(
                "not connected: {}; trying again",
                printable(sentence)
            ));
            if !hint.is_empty() {
                say(&format!("hint: {}", printable(hint)));
            }
        }
        Notice::Trouble { sentence, hint } => failure(sentence, hint),
        Notice::Paired { device, scopes } => say(&format!(
            "paired: {} may {}",
            printable(device),
            plain(scopes)
        )),
        Notice::Suspended { device, name } => {
            say(&format!(
                "warning: a copy of {} was seen; both may only watch now",
                printable(name)
            ));
            say(&format!(
                "hint: `lanyard trust {device}` if it is yours, `lanyard revoke {device}` if not"
            ));
        }
        Notice::Withdrawn { .. }
        | Notice::Question { .. }
        | Notice::Link(_)
        | Notice::Status(_)
        | Notice::Done {}
        | Notice::Ended { .. }
        | Notice::Rotated { .. }
        | Notice::RotationDone { .. }
        | Notice::ClockAccepted { .. }
        | Notice::Decided { .. }
        | Notice::Approval { .. }
        | Notice::Settled { .. }
        | Notice::Answered { .. }
        | Notice::Approvals { .. }
        | Notice::Permissions { .. }
        | Notice::Refused { .. } => {}
    }
}

/// Lines of a result.
pub fn lines(lines: &[String]) {
    for line in lines {
        println!("{line}");
    }
}

/// A file that is shown, as it is.
pub fn text(text: &str) {
    print!("{text}");
}

/// How wide a line may be: as the terminal is, or as it likes when nobody looks at it.
pub fn width() -> usize {
    let size = io::stdout()
        .is_terminal()
        .then(|| tcgetwinsize(io::stdout()).ok());
    let columns = size.flatten().map(|size| usize::from(size.ws_col));
    columns.filter(|columns| *columns > 0).unwrap_or(ANY_WIDTH)
}

/// A list that is drawn again and again: in place on a terminal, one below the other elsewhere.
#[derive(Default)]
pub struct Screen {
    before: Vec<String>,
    taken: bool,
}

impl Screen {
    /// Shows these lines in place of those before.
    pub fn draw(&mut self, lines: &[String]) {
        if !io::stdout().is_terminal() {
            if lines != self.before {
                self::lines(lines);
                println!();
                self.before = lines.to_vec();
            }
            let _ = io::stdout().flush();
            return;
        }
        let rows = tcgetwinsize(io::stdout()).map_or(24, |size| usize::from(size.ws_row));
        // A screen of its own, left as it was found; every line is overwritten where it stands, so nothing flickers.
        let begin = if std::mem::replace(&mut self.taken, true) {
            ""
        } else {
            "\x1b[?1049h\x1b[?25l"
        };
        print!("{begin}\x1b[H");
        let room = rows.saturating_sub(1).max(1);
        for line in lines.iter().take(room) {
            print!("{line}\x1b[K\r\n");
        }
        if lines.len() > room {
            print!("… {} more lines\x1b[K", lines.len() - room);
        }
        print!("\x1b[J");
        let _ = io::stdout().flush();
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if self.taken {
            print!("\x1b[?25h\x1b[?1049l");
            let _ = io::stdout().flush();
        }
    }
}

/// Scopes in plain words.
pub fn plain(scopes: &[Scope]) -> String {
    let words: Vec<_> = scopes.iter().map(|scope| scope.words()).collect();
    words.join(", ")
}

/// Text from elsewhere, with everything that could move the cursor or hide shown as an escape.
pub fn printable(text: &str) -> String {
    let shown = |c: char| c.is_control() || is_invisible(c);
    text.chars()
        .flat_map(|c| {
            if shown(c) {
                c.escape_unicode().collect::<Vec<_>>()
            } else {
                vec![c]
            }
        })
        .collect()
}

/// A span in whole units, as it was given: `30 minutes`, `1 hour`, `7 days`.
pub fn in_words(span: Duration) -> String {
    let seconds = span.as_secs();
    let (count, unit) = if seconds.is_multiple_of(86_400) {
        (seconds / 86_400, "day")
    } else if seconds.is_multiple_of(3600) {
        (seconds / 3600, "hour")
    } else {
        (seconds / 60, "minute")
    };
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {unit}{plural}")
}

fn colons(hex: &str) -> String {
    let pairs: Vec<_> = hex
        .as_bytes()
        .chunks(2)
        .map(|pair| String::from_utf8_lossy(pair).to_uppercase())
        .collect();
    pairs.join(":")
}

/// White on black whatever the terminal's own colours are, so that a camera reads it.
fn qr(text: &str) -> Option<String> {
    let code = QrCode::new(text).ok()?;
    let drawn = code
        .render::<Dense1x2>()
        .dark_color(Dense1x2::Light)
        .light_color(Dense1x2::Dark)
        .quiet_zone(true)
        .build();
    if !io::stdout().is_terminal() {
        return Some(drawn);
    }
    let lines: Vec<_> = drawn
        .lines()
        .map(|line| format!("\x1b[38;5;231;48;5;16m{line}\x1b[0m"))
        .collect();
    Some(lines.join("\n"))
}
