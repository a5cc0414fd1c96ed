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

use crate::daemon::owner::{Link, Notice, Status};
use crate::text::is_invisible;
use lanyard_shared::msg::{Exit, Scope};
use lanyard_shared::time::UnixMs;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};
use time::OffsetDateTime;
use time::macros::format_description;

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

/// For completions.
pub fn stdout() -> impl Write {
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

/// A pairing link, with a QR code when another device can open it.
pub fn link(link: &Link, scopes: &[Scope]) {
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
    println!("  Grants: {}.", plain(scopes));
    println!("  Works once, for 5 minutes; you will be asked here before anyone gets in.\n");
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
        | Notice::Refused { .. } => {}
    }
}

/// How things are, for a person.
pub fn status(status: &Status) {
    println!(
        "{}",
        if status.online {
            "connected"
        } else {
            "not connected"
        }
    );
    println!("relay      {}", status.relay);
    if let Some(web) = &status.web {
        println!("web        {web}");
    }
    println!("viewers    {}", status.sessions);
    println!("terminals  {}", status.terminals.len());
    for terminal in &status.terminals {
        let state = match terminal.exit {
            None => "running".to_owned(),
            Some(Exit::Status { code }) => format!("ended with status {code}"),
            Some(Exit::Signal { number }) => format!("ended by signal {number}"),
        };
        println!(
            "  {}  {}  {}",
            terminal.id,
            printable(&terminal.name),
            state
        );
    }
    println!("devices    {}", status.devices.len());
}

/// The paired devices, for a person.
pub fn devices(status: &Status) {
    if status.devices.is_empty() {
        println!("no devices are paired");
    }
    for device in &status.devices {
        println!(
            "{}  {}  may {}  last seen {}  ends {}",
            device.id,
            printable(&device.name),
            plain(&device.scopes),
            date(device.seen),
            date(device.expires)
        );
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

fn date(time: UnixMs) -> String {
    let time = i64::try_from(time.secs())
        .ok()
        .and_then(|secs| OffsetDateTime::from_unix_timestamp(secs).ok());
    let format = format_description!("[year]-[month]-[day] [hour]:[minute] UTC");
    time.and_then(|time| time.format(format).ok())
        .unwrap_or_default()
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
