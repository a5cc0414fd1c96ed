//! All that this program prints.
//!
//! Answers go to standard output: plain text for people, with `--json` one value for programs. Everything else goes to standard error:
//! `error: …` in lower case, then `hint: …` with what to do. Logs go there too, and never hold a token, a code or content.
#![allow(clippy::print_stderr, reason = "the one place that prints")]

use crate::operator::{Listed, NewCode};
use crate::server::Ready;
use crate::trouble::Trouble;
use lanyard_shared::time::UnixMs;
use serde_json::json;
use std::io::Write as _;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// For people or for programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Words.
    Plain,
    /// JSON.
    Json,
}

impl Form {
    /// JSON if `json`.
    #[must_use]
    pub const fn json(json: bool) -> Self {
        if json { Self::Json } else { Self::Plain }
    }
}

/// Tells that the relay listens.
pub fn ready(form: Form, ready: &Ready) {
    match form {
        Form::Json => line(
            &json!({
                "event": "listening",
                "https": ready.https,
                "web": ready.web,
                "fingerprint": ready.fingerprint,
                "data": ready.data,
            })
            .to_string(),
        ),
        Form::Plain => {
            line("relay is ready");
            if let Some(https) = &ready.https {
                line(&format!("  agents     {https}"));
            }
            line(&format!("  browsers   {}", ready.web));
            if !ready.fingerprint.is_empty() {
                line(&format!("  SHA-256    {}", ready.fingerprint));
            }
            line(&format!("  data       {}", ready.data.display()));
            line("to add a machine, run `lanyard-relay enrol`; stop with Ctrl-C");
        }
    }
}

/// Shows a new enrolment code.
pub fn code(form: Form, code: &NewCode) {
    match form {
        Form::Json => {
            line(&json!({ "code": code.code, "address": code.address, "expires": instant(code.expires) }).to_string());
        }
        // Alone on standard output, so that it can be piped.
        Form::Plain => {
            line(&code.code);
            eprintln!("enrols one machine, once, until {}", instant(code.expires));
            eprintln!("on that machine: lanyard up --enrol {}", code.code);
        }
    }
}

/// Lists agents.
pub fn agents(form: Form, agents: &[Listed]) {
    match form {
        Form::Json => {
            let list: Vec<_> = agents
                .iter()
                .map(|agent| {
                    json!({
                        "id": agent.id,
                        "name": agent.name,
                        "enrolled": instant(agent.enrolled),
                        "online": agent.online,
                        "last_seen": agent.seen.map(instant),
                    })
                })
                .collect();
            line(&json!(list).to_string());
        }
        Form::Plain => {
            if agents.is_empty() {
                eprintln!("no machine is enrolled; add one with `lanyard-relay enrol`");
                return;
            }
            let names: Vec<String> = agents.iter().map(|agent| printable(&agent.name)).collect();
            let width = names
                .iter()
                .map(|name| name.chars().count())
                .max()
                .unwrap_or(0)
                .max(4);
            line(&format!(
                "{:<22}  {:<width$}  {:<20}  {}",
                "ID", "NAME", "ENROLLED", "SEEN"
            ));
            for (agent, name) in agents.iter().zip(names) {
                let seen = match (agent.online, agent.seen) {
                    (true, _) => "online".to_owned(),
                    (false, Some(seen)) => instant(seen),
                    (false, None) => "never".to_owned(),
                };
                line(&format!(
                    "{}  {name:<width$}  {:<20}  {seen}",
                    agent.id,
                    instant(agent.enrolled)
                ));
            }
        }
    }
}

/// Prints what was generated for a shell.
pub fn completions(script: &[u8]) {
    let _ = std::io::stdout().write_all(script);
}

/// Says what went wrong.
pub fn error(trouble: &Trouble) {
    eprintln!("error: {trouble}");
    if let Some(hint) = trouble.hint_text() {
        eprintln!("hint: {hint}");
    }
}

/// A reader that has gone away is no error of ours.
fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

fn instant(at: UnixMs) -> String {
    i64::try_from(at.secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// A name is an agent's own choice; it must not move the cursor.
fn printable(name: &str) -> String {
    name.chars()
        .map(|c| if c.is_control() { '\u{fffd}' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_programs_and_people_read_them() {
        assert_eq!(
            instant(UnixMs::from_secs(1_767_225_600)),
            "2026-01-01T00:00:00Z"
        );
    }

    #[test]
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
