//! All that this program prints.
//!
//! Answers go to standard output: plain text for people, with `--json` one value for programs. Everything else goes to standard error:
//! `error: …` in lower case, then `hint: …` with what to do. Logs go there too, and never hold a token, a code or content.
#![allow(clippy::print_stderr, reason = "the one place that prints")]

use crate::operator::{Listed, ListedToken, NewCode, NewToken, ServedNow};
use crate::server::Ready;
use crate::trouble::Trouble;
use crate::views::{self, instant};
use lanyard_service::systemd::Status;
use lanyard_shared::time::UnixMs;
use serde_json::json;
use std::io::Write as _;
use zeroize::Zeroizing;

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
            line(&Zeroizing::new(views::code(code).to_string()));
        }
        // Alone on standard output, so that it can be piped.
        Form::Plain => {
            line(code.code.reveal());
            eprintln!("enrols one machine, once, until {}", instant(code.expires));
            eprintln!("on that machine: lanyard up --enrol {}", code.code.reveal());
        }
    }
}

/// Lists agents.
pub fn agents(form: Form, agents: &[Listed]) {
    match form {
        Form::Json => {
            line(&views::agents(agents).to_string());
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

/// Says that an agent was removed.
pub fn removed(form: Form, agent: &Listed) {
    match form {
        Form::Json => line(&views::agent(agent).to_string()),
        Form::Plain => {
            let (name, id) = (printable(&agent.name), agent.id);
            line(&format!("removed {name} ({id})"));
            let links = if agent.online {
                "its link and those of all who were connected to it have ended"
            } else {
                "it was not connected"
            };
            eprintln!("{links}; it can join again only with a new code");
        }
    }
}

/// Shows a new operator token.
pub fn new_token(form: Form, new: &NewToken) {
    match form {
        Form::Json => line(&Zeroizing::new(views::new_token(new).to_string())),
        // Alone on standard output, so that it can be piped.
        Form::Plain => {
            line(new.token.reveal());
            let (purpose, until) = (new.about.purpose.name(), instant(new.about.expires));
            eprintln!("opens `{purpose}` and nothing else until {until}; it is not shown again");
            eprintln!(
                "to end it before: lanyard-relay token revoke {}",
                new.about.id
            );
        }
    }
}

/// Lists operator tokens.
pub fn tokens(form: Form, tokens: &[ListedToken]) {
    match form {
        Form::Json => line(&views::tokens(tokens).to_string()),
        Form::Plain => {
            if tokens.is_empty() {
                eprintln!("there is no operator token; make one with `lanyard-relay token create`");
                return;
            }
            line(&format!(
                "{:<16}  {:<7}  {:<28}  {:<20}  {:<20}  {:<15}  {}",
                "ID", "PURPOSE", "ENDS", "CREATED", "LAST USED", "FROM", "NOTE"
            ));
            for token in tokens {
                let ends = match (token.revoked, token.live) {
                    (Some(at), _) => format!("revoked {}", instant(at)),
                    (None, false) => format!("expired {}", instant(token.expires)),
                    (None, true) => instant(token.expires),
                };
                let used = token.used.map_or_else(|| "never".to_owned(), instant);
                let from = token.from.map(|from| from.to_string()).unwrap_or_default();
                let row = format!(
                    "{}  {:<7}  {ends:<28}  {:<20}  {used:<20}  {from:<15}  {}",
                    token.id,
                    token.purpose.name(),
                    instant(token.created),
                    printable(&token.note)
                );
                line(row.trim_end());
            }
        }
    }
}

/// Says which operator tokens were ended.
pub fn ended(form: Form, tokens: &[ListedToken]) {
    match form {
        Form::Json => line(&views::tokens(tokens).to_string()),
        Form::Plain => {
            if tokens.is_empty() {
                eprintln!("no such token stands, so none was ended");
            }
            for token in tokens {
                line(&format!("revoked {} ({})", token.id, token.purpose.name()));
            }
        }
    }
}

/// Tells what TLS listeners show now.
pub fn certificate(form: Form, served: &ServedNow) {
    match form {
        Form::Json => line(&views::certificate(served).to_string()),
        Form::Plain => {
            line(&format!("SHA-256      {}", served.fingerprint));
            line(&format!("valid until  {}", instant(served.expires)));
            line(&format!("since        {}", instant(served.since)));
            let what = if served.own {
                "it is the relay's own, which agents have pinned: there is nothing to reload"
            } else if served.changed {
                "new connections get it from now on; those that stand go on"
            } else {
                "the files hold the certificate that was served already"
            };
            eprintln!("{what}");
        }
    }
}

/// Says what was done about the service, and what there is to do next.
pub fn done(form: Form, outcome: &serde_json::Value, lines: &[String]) {
    match form {
        Form::Json => line(&outcome.to_string()),
        Form::Plain => lines.iter().for_each(|text| eprintln!("{text}")),
    }
}

/// Shows what the service manager says of the relay.
pub fn service(form: Form, status: &Status) {
    match form {
        Form::Json => line(&json!(status).to_string()),
        Form::Plain => {
            for text in status.lines(|at| instant(UnixMs(at))) {
                line(&text);
            }
        }
    }
}

/// One thing that was looked at.
#[derive(Debug, serde::Serialize)]
pub struct Check {
    /// What.
    pub what: String,
    /// Whether all is well with it.
    pub well: bool,
    /// How it is.
    pub state: String,
    /// What to do; empty when all is well.
    pub hint: String,
}

/// Prints what was looked at.
pub fn checks(form: Form, checks: &[Check]) {
    match form {
        Form::Json => line(&json!(checks).to_string()),
        Form::Plain => {
            for check in checks {
                line(&format!("{}: {}", check.what, check.state));
            }
        }
    }
}

/// Prints a unit, as it is.
pub fn unit(text: &str) {
    line(text.trim_end());
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
    fn a_name_cannot_move_the_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb"), "a\u{fffd}[2Jb");
    }
}
