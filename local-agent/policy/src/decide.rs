//! Whether what somebody asks for is allowed, asked about, or denied.
//!
//! In this order: what a rule denies; what a rule asks about; what is not clear, hidden, secret or protected; what a rule allows; what is
//! known to only read; and last the mode. Every part of a line must be allowed for the line to be.
//!
//! Pure: the file system is asked through [`Files`](crate::place::Files), time is an argument, and nothing is carried out.

mod command;
mod start;
#[cfg(test)]
mod tests;
mod tools;

pub use start::{AllowedLine, Fences, Ready};

use crate::place::Place;
use crate::rules::{self, Rule};
use crate::settings::{Effect, Mode, Scopes};
use std::path::Path;

/// The answer.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// It may run, inside its sandbox.
    Allow,
    /// A person is asked.
    Ask,
    /// It does not run.
    Deny,
}

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Request<'a> {
    /// A line for a shell.
    Command(&'a str),
    /// A file to read.
    Read(&'a str),
    /// A file to write, whole or in part.
    Edit(&'a str),
    /// An address to fetch.
    Fetch(&'a str),
    /// A tool of a server that speaks the Model Context Protocol, by its whole name.
    Mcp(&'a str),
    /// Some other tool.
    Other(&'a str),
}

/// What decides, as it stands at one time.
#[derive(Clone, Copy, Debug)]
pub struct Policy<'a> {
    /// The rules of all files.
    pub scopes: &'a Scopes,
    /// Rules that stand for a time.
    pub grants: &'a [Grant],
    /// The session's mode.
    pub mode: Mode,
    /// The folder is trusted on this machine: its repository may be looked at.
    pub trusted: bool,
    /// Where `~/` of a rule is; nowhere if it is not known.
    pub home: Option<&'a Path>,
    /// Now, in seconds since 1970.
    pub now: u64,
}

/// A rule that stands until a time ("tests for 15 min"). It allows nothing that a saved rule could not.
#[derive(Clone, Debug)]
pub struct Grant {
    /// What it allows.
    pub rule: Rule,
    /// From then on it is as if it had never been. Seconds since 1970.
    pub until: u64,
}

/// What was decided, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The answer.
    pub decision: Decision,
    /// The rule that decided, as it was written.
    pub rule: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
    /// The same of each part, of a command that has been read.
    pub parts: Vec<Part>,
    /// The rules that "always" would save; none if none may be offered.
    pub always: Vec<String>,
}

impl Verdict {
    /// Whether each part is known to only read, or is allowed by one of these rules.
    #[must_use]
    pub fn is_allowed_by(&self, rules: &[&str]) -> bool {
        let by_these = |part: &Part| {
            let rule = part.rule.as_deref();
            rule.is_some_and(|rule| rule == command::READ_ONLY || rules.contains(&rule))
        };
        self.decision == Decision::Allow && self.parts.iter().all(by_these)
    }

    /// Whether rules that somebody has written allow every part. What is known to only read does so by how it is run here; who runs it in another
    /// way cannot count on that.
    #[must_use]
    pub fn is_allowed_by_rules_alone(&self) -> bool {
        let by_rule = |part: &Part| {
            let rule = part.rule.as_deref();
            part.decision == Decision::Allow && rule.is_some_and(|rule| rule != command::READ_ONLY)
        };
        self.decision == Decision::Allow && !self.parts.is_empty() && self.parts.iter().all(by_rule)
    }
}

/// One command of a line.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Part {
    /// Its words, quoted where they need it.
    pub text: String,
    /// What is decided of it alone.
    pub decision: Decision,
    /// The rule that decided.
    pub rule: Option<String>,
    /// Why.
    pub reason: String,
}

impl Policy<'_> {
    /// Decides.
    #[must_use]
    pub fn decide(&self, request: &Request<'_>, place: &Place<'_>) -> Verdict {
        match *request {
            Request::Command(line) => self.command(line, place),
            Request::Read(path) => self.read(path, place),
            Request::Edit(path) => self.edit(path, place),
            Request::Fetch(address) => self.fetch(address),
            Request::Mcp(name) => self.mcp(name),
            Request::Other(name) => Verdict::alone(
                Decision::Ask,
                None,
                format!("nothing is known of a tool called `{name}`"),
            ),
        }
    }

    /// What a rule of any level denies, or else asks about; and anything while a settings file is broken.
    fn barred(&self, touches: impl Fn(&Rule) -> bool) -> Option<Verdict> {
        if let Some(placed) = self.scopes.forbids(touches) {
            let decision = match placed.effect {
                Effect::Deny => Decision::Deny,
                Effect::Ask | Effect::Allow => Decision::Ask,
            };
            return Some(Verdict::alone(
                decision,
                Some(placed.rule.to_string()),
                placed.to_string(),
            ));
        }
        let wrong = self.scopes.wrong().first()?;
        let reason = format!(
            "{} cannot be read, so everything is asked about until it is mended",
            wrong.file
        );
        Some(Verdict::alone(Decision::Ask, None, reason))
    }

    /// What a rule says, and else the rest.
    fn unless(&self, barred: Option<Verdict>, rest: impl FnOnce() -> Verdict) -> Verdict {
        match barred {
            None => rest(),
            Some(verdict) if self.yields(&verdict) => {
                let rest = rest();
                match rest.decision {
                    Decision::Allow => verdict,
                    Decision::Ask | Decision::Deny => rest,
                }
            }
            Some(verdict) => verdict,
        }
    }

    /// Whether a rule's verdict gives way to a stricter one: in plan mode a question would be a way to more than reading.
    fn yields(&self, verdict: &Verdict) -> bool {
        self.mode == Mode::Plan && verdict.decision == Decision::Ask
    }

    /// The rule that allows it, saved or for a time. In plan mode none does.
    fn allowing(&self, allows: impl Fn(&Rule) -> bool) -> Option<(String, String)> {
        if self.mode == Mode::Plan {
            return None;
        }
        let saved = self
            .scopes
            .allow()
            .iter()
            .map(|placed| (&placed.rule, placed.to_string()));
        // Where only the machine's own rules may allow, what a person lets stand for a time allows no more than what one saves.
        let granted = if self.scopes.allow_only() {
            &[]
        } else {
            self.grants
        };
        let granted = granted.iter().filter(|grant| self.now < grant.until);
        let granted =
            granted.map(|grant| (&grant.rule, format!("allow {}, for a time", grant.rule)));
        let (rule, reason) = saved.chain(granted).find(|(rule, _)| allows(rule))?;
        Some((rule.to_string(), reason))
    }

    /// Where the paths of rules begin.
    fn rules_place(&self, place: &Place<'_>) -> rules::Place {
        rules::Place {
            workspace: place.workspace().to_owned(),
            home: self.home.map(Path::to_owned),
        }
    }

    /// What becomes of what no rule speaks of.
    fn left(&self, why: &str) -> Verdict {
        match self.mode {
            Mode::Plan => Verdict::alone(
                Decision::Deny,
                None,
                format!("{why}, and in plan mode nothing is done but reading"),
            ),
            Mode::Ask | Mode::AcceptEdits => Verdict::alone(Decision::Ask, None, why),
        }
    }
}

impl Verdict {
    pub(crate) fn alone(
        decision: Decision,
        rule: Option<String>,
        reason: impl Into<String>,
    ) -> Self {
        Self {
            decision,
            rule,
            reason: reason.into(),
            parts: Vec::new(),
            always: Vec::new(),
        }
    }
}
