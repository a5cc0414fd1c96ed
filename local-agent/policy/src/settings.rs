//! Settings files: their rules, and how those of several files count together.
//!
//! ```toml
//! mode = "ask"                       # plan | ask | accept-edits
//! approval_minutes = 30
//!
//! [permissions]
//! allow = ["Bash(npm run build)", { rule = "Bash(npm run test:*)", matches = ["npm run test -- -u"], not = ["npm run test; rm x"] }]
//! ask = ["Bash(git push)"]
//! deny = ["Read(.env)"]
//! folders = ["../shared"]            # further folders that may be read
//!
//! [managed]                          # only in the machine's own file
//! allow_only = true                  # no other file's rules allow anything
//! terminals = false                  # nobody is granted a terminal
//! modes = ["plan", "ask"]            # which modes may be chosen
//! ```
//!
//! A file counts whole or not at all. Reading files, and finding them, is somebody else's: here are texts and their names.

mod read;
mod scopes;
#[cfg(test)]
mod tests;

pub use scopes::Scopes;

use crate::grammar;
use crate::limits::{RULES_MAX, SETTINGS_MAX};
use crate::rules::{Access, BadRule, Place, Rule, Subject};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Whose file it is. What an earlier one forbids, no later one can loosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The machine's, `/etc/lanyard/settings.toml`.
    Managed,
    /// The person's.
    User,
    /// The project's, which whoever writes the project writes.
    Project,
    /// The person's for this project, beside it.
    Local,
}

impl Level {
    /// Whether it comes with a project, so that it must be trusted before it loosens anything.
    #[must_use]
    pub fn comes_with_project(self) -> bool {
        match self {
            Self::Managed | Self::User => false,
            Self::Project | Self::Local => true,
        }
    }
}

/// What is done with what no rule decides. A stricter one is smaller.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize,
)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Nothing but what only reads.
    Plan,
    /// Everything else is asked for.
    Ask,
    /// Edits in the workspace are not.
    AcceptEdits,
}

impl Mode {
    fn named(name: &str) -> Option<Self> {
        match name {
            "plan" => Some(Self::Plan),
            "ask" => Some(Self::Ask),
            "accept-edits" => Some(Self::AcceptEdits),
            _ => None,
        }
    }
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It lets through.
    Allow,
    /// It asks, whatever allows.
    Ask,
    /// It refuses, whatever else there is.
    Deny,
}

impl fmt::Display for Effect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Allow => "allow",
            Self::Ask => "ask",
            Self::Deny => "deny",
        })
    }
}

/// A rule, and where it was written.
#[derive(Clone, Debug)]
pub struct Placed {
    /// The rule.
    pub rule: Rule,
    /// What it does.
    pub effect: Effect,
    /// Whose it is.
    pub level: Level,
    /// Its file, as the person knows it.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    examples: Vec<Example>,
}

#[derive(Clone, Debug)]
struct Example {
    text: String,
    line: usize,
    matches: bool,
}

impl fmt::Display for Placed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            rule,
            effect,
            file,
            line,
            ..
        } = self;
        write!(f, "{effect} {rule}, {file} line {line}")
    }
}

/// A further folder that may be read, as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// Absolute, of the home folder, or of the folder that the settings are for.
    pub path: String,
    /// Whose it is.
    pub level: Level,
}

/// One file.
#[derive(Clone, Debug)]
pub struct Settings {
    level: Level,
    mode: Option<Mode>,
    approval_minutes: Option<u32>,
    rules: Vec<Placed>,
    folders: Vec<Folder>,
    managed: Managed,
}

#[derive(Clone, Debug, Default)]
struct Managed {
    allow_only: bool,
    terminals: Option<bool>,
    modes: Option<Vec<Mode>>,
}

impl Settings {
    /// Reads a file's text.
    ///
    /// # Errors
    /// All that is wrong with it. Nothing of the file counts then.
    pub fn read(level: Level, file: &str, text: &str) -> Result<Self, Vec<Wrong>> {
        read::read(level, file, text)
    }

    /// Its rules, as they were written.
    #[must_use]
    pub fn rules(&self) -> &[Placed] {
        &self.rules
    }

    /// Tries the examples of all rules.
    #[must_use]
    pub fn test(&self) -> Vec<Failure> {
        let mut failures = Vec::new();
        for placed in &self.rules {
            for example in &placed.examples {
                if placed.decides(&example.text) != example.matches {
                    failures.push(Failure {
                        file: Arc::clone(&placed.file),
                        line: example.line,
                        rule: placed.rule.to_string(),
                        example: example.text.clone(),
                        should_match: example.matches,
                    });
                }
            }
        }
        failures
    }
}

impl Placed {
    /// Whether the rule would decide about what an example says.
    fn decides(&self, example: &str) -> bool {
        let allows = self.effect == Effect::Allow;
        match self.rule.subject() {
            Subject::Line if allows => grammar::parse(example)
                .is_ok_and(|line| line.commands().all(|command| self.rule.allows(command))),
            Subject::Line => self.rule.touches(example),
            Subject::File(access) => self.decides_file(access, example),
            Subject::Address if allows => self.rule.allows_url(example),
            Subject::Address => self.rule.touches_url(example),
            Subject::Tool => {
                let name = example
                    .strip_prefix("mcp__")
                    .and_then(|name| name.split_once("__"));
                name.is_some_and(|(server, tool)| match allows {
                    true => self.rule.allows_tool(server, tool),
                    false => self.rule.touches_tool(server, tool),
                })
            }
        }
    }

    /// In a workspace and a home folder that stand for anybody's.
    fn decides_file(&self, access: Access, example: &str) -> bool {
        let home = PathBuf::from("/home/person");
        let workspace = home.join("workspace");
        let path = match example.strip_prefix("~/") {
            Some(rest) => home.join(rest),
            None => workspace.join(example),
        };
        let path: &Path = path.as_path();
        let place = Place {
            workspace,
            home: Some(home),
        };
        match self.effect {
            Effect::Allow => self.rule.allows_path(access, path, &place),
            Effect::Ask | Effect::Deny => self.rule.touches_path(access, path, path, &place),
        }
    }
}

/// An example that a rule does not decide about as it says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {rule} should {}match `{}`, and does{}", if *.should_match { "" } else { "not " }, crate::prompt::show(.example).text, if *.should_match { " not" } else { "" })]
pub struct Failure {
    /// The file.
    pub file: Arc<str>,
    /// The example's line, from 1.
    pub line: usize,
    /// The rule, as written.
    pub rule: String,
    /// What it was tried with.
    pub example: String,
    /// What the file says that it should do.
    pub should_match: bool,
}

/// Something wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}:{column}: {fault}")]
pub struct Wrong {
    /// Whose file it is.
    pub level: Level,
    /// Its name.
    pub file: Arc<str>,
    /// From 1.
    pub line: usize,
    /// Characters, from 1.
    pub column: usize,
    /// What it is.
    pub fault: Fault,
}

/// What is wrong in a file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Larger than [`SETTINGS_MAX`].
    #[error("the file is larger than {SETTINGS_MAX} bytes")]
    TooLarge,
    /// More than [`RULES_MAX`] rules.
    #[error("there are more than {RULES_MAX} rules")]
    TooMany,
    /// It is not TOML.
    #[error("{0}")]
    Syntax(String),
    /// No setting of this name.
    #[error("there is no setting `{0}` here")]
    UnknownKey(String),
    /// A value of another type.
    #[error("this should be {0}")]
    Type(&'static str),
    /// No such mode.
    #[error("there is no mode `{0}`")]
    Mode(String),
    /// A number of minutes that makes no sense.
    #[error("an approval waits between 1 and 1440 minutes")]
    Minutes,
    /// No rule.
    #[error("{0}")]
    Rule(#[from] BadRule),
    /// A path that is none.
    #[error("this is no folder's path")]
    Folder,
    /// What only the machine's file may say.
    #[error("only the machine's own settings may say this")]
    NotManaged,
    /// No mode at all would be left.
    #[error("at least one mode must be left")]
    NoModes,
}

impl Fault {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLarge | Self::TooMany => {
                "one rule can stand for many: `Bash(npm run *)`, `Read(docs/**)`"
            }
            Self::Syntax(_) => "settings are TOML: https://toml.io",
            Self::UnknownKey(_) => {
                "there are: mode, approval_minutes; in [permissions] allow, ask, deny, folders; beside a rule matches, not"
            }
            Self::Type(_) => "write for example allow = [\"Bash(npm run build)\"]",
            Self::Mode(_) => "the modes are plan, ask and accept-edits",
            Self::Minutes => "leave it out for 30",
            Self::Rule(rule) => rule.hint(),
            Self::Folder => "write a path such as \"../shared\"",
            Self::NotManaged => "move [managed] to /etc/lanyard/settings.toml",
            Self::NoModes => "write for example modes = [\"plan\", \"ask\"]",
        }
    }
}
