//! Rules as developers write them: `Bash(npm run test:*)`, `Read(docs/**)`, `Edit(src/**)`, `WebFetch(domain:example.com)`, `mcp__server__tool`.
//!
//! A rule is read in two ways. What **allows** is narrow: only what the rule says in so many words. What **denies or asks** is wide: it looks
//! through whatever may hide what the rule names, and errs on the side of matching. The same rule thus allows less than it denies; the pairs of
//! methods `allows…` and `touches…` are these two readings, and nothing else compares a rule with anything.
//!
//! ## `Bash(…)`
//!
//! The words in the parentheses are words of a command, apart by blanks; a word that has one is written in quotes.
//!
//! | rule | allows |
//! |---|---|
//! | `Bash(npm run build)` | these words and no others |
//! | `Bash(npm run test:*)`, `Bash(npm run test *)` | the words `npm`, `run`, `test`, then any words |
//! | `Bash(git show * --stat)` | one word in that place, which does not begin with `-` |
//! | `Bash(make test-*)` | one word that begins with `test-`, and goes up no folder |
//! | `Bash`, `Bash(*)` | every command that is clear |
//!
//! `npm run test:unit` is **not** allowed by `Bash(npm run test:*)`: `test:unit` is another word than `test`. (`Bash(npm run 'test:'*)` allows it.)
//! The name of the program is compared as written: `Bash(npm:*)` does not allow `./npm`. Nothing allows a command that reads a file by `<`.
//!
//! A rule that allows `timeout:*` allows `timeout` with any words, so any program: that is what was written. [`Rule::dangerous`] says so.
//!
//! The same rules **deny** by the program's name wherever it stands and however it is called: see [`Seen`]. There `Bash(npm publish)` also
//! stands for `npm publish --tag x`, options may stand between the words, a rule's own options may stand anywhere, bundled or cut short, and
//! `*` is any number of words.

mod hosts;
mod line;
pub mod paths;
mod pattern;
mod programs;
mod scan;
mod servers;
mod shell;
#[cfg(test)]
mod tests;
mod word;

pub use line::Seen;
pub use paths::{Access, Place};

use crate::grammar::Command;
use crate::limits::RULE_MAX;
use crate::prompt::is_plain;
use hosts::Hosts;
use paths::Paths;
use servers::Tools;
use shell::Commands;
use std::fmt;
use std::path::Path;

/// One rule.
#[derive(Clone, Debug)]
pub struct Rule {
    written: String,
    what: What,
}

#[derive(Clone, Debug)]
enum What {
    Bash(Commands),
    Files(Access, Paths),
    Fetch(Hosts),
    Tool(Tools),
}

impl Rule {
    /// Reads a rule, and takes nothing that it does not understand.
    ///
    /// # Errors
    /// It is none.
    pub fn parse(written: &str) -> Result<Self, BadRule> {
        if written.len() > RULE_MAX {
            return Err(BadRule::TooLong);
        }
        if written.trim().is_empty() {
            return Err(BadRule::Empty);
        }
        if let Some(hidden) = written.chars().find(|c| !is_plain(*c)) {
            return Err(BadRule::Hidden(hidden));
        }
        let what = if written.starts_with("mcp__") {
            What::Tool(Tools::parse(written)?)
        } else {
            let (tool, inside) = split(written)?;
            match tool {
                "Bash" => What::Bash(Commands::parse(inside)?),
                "Read" => What::Files(Access::Read, Paths::parse(inside)?),
                "Edit" => What::Files(Access::Edit, Paths::parse(inside)?),
                "WebFetch" => What::Fetch(Hosts::parse(inside)?),
                _ => return Err(BadRule::UnknownTool(tool.to_owned())),
            }
        };
        Ok(Self {
            written: written.to_owned(),
            what,
        })
    }

    /// Whether it allows a command, which [`crate::grammar::parse`] has found clear. Every command of a line needs a rule.
    #[must_use]
    pub fn allows(&self, command: &Command) -> bool {
        match &self.what {
            What::Bash(commands) => commands.allow(command),
            What::Files(..) | What::Fetch(_) | What::Tool(_) => false,
        }
    }

    /// Whether a line, clear or not, may run what it names. For several rules read the line once, and ask [`Rule::touches_any`].
    #[must_use]
    pub fn touches(&self, line: &str) -> bool {
        self.touches_any(&Seen::in_line(line))
    }

    /// The same for a line that has been read.
    #[must_use]
    pub fn touches_any(&self, seen: &Seen) -> bool {
        match &self.what {
            What::Bash(commands) => commands.touch(seen),
            What::Files(..) | What::Fetch(_) | What::Tool(_) => false,
        }
    }

    /// Whether it allows this access to a file. The path is absolute, and its links are resolved.
    #[must_use]
    pub fn allows_path(&self, access: Access, path: &Path, place: &Place) -> bool {
        match &self.what {
            What::Files(own, paths) => *own == access && paths.allow(path, place),
            What::Bash(_) | What::Fetch(_) | What::Tool(_) => false,
        }
    }

    /// Whether a file may be one that it names, by the path as it was given or as it was resolved. Who may not read a file may not edit it:
    /// an edit shows what was there.
    #[must_use]
    pub fn touches_path(
        &self,
        access: Access,
        resolved: &Path,
        given: &Path,
        place: &Place,
    ) -> bool {
        match &self.what {
            What::Files(own, paths) => {
                own.includes(access) && (paths.touch(resolved, place) || paths.touch(given, place))
            }
            What::Bash(_) | What::Fetch(_) | What::Tool(_) => false,
        }
    }

    /// Whether anything in a folder, however deep, may be a file that it names: for commands that read whole folders.
    #[must_use]
    pub fn touches_below(&self, access: Access, folder: &Path, place: &Place) -> bool {
        match &self.what {
            What::Files(own, paths) => own.includes(access) && paths.touch_below(folder, place),
            What::Bash(_) | What::Fetch(_) | What::Tool(_) => false,
        }
    }

    /// Whether it allows an address to be fetched.
    #[must_use]
    pub fn allows_url(&self, url: &str) -> bool {
        match &self.what {
            What::Fetch(hosts) => hosts.allow(url),
            What::Bash(_) | What::Files(..) | What::Tool(_) => false,
        }
    }

    /// Whether an address may be one that it names. One that cannot be read is.
    #[must_use]
    pub fn touches_url(&self, url: &str) -> bool {
        match &self.what {
            What::Fetch(hosts) => hosts.touch(url),
            What::Bash(_) | What::Files(..) | What::Tool(_) => false,
        }
    }

    /// Whether it allows a tool of a server.
    #[must_use]
    pub fn allows_tool(&self, server: &str, tool: &str) -> bool {
        match &self.what {
            What::Tool(tools) => tools.allow(server, tool),
            What::Bash(_) | What::Files(..) | What::Fetch(_) => false,
        }
    }

    /// Whether a tool may be one that it names.
    #[must_use]
    pub fn touches_tool(&self, server: &str, tool: &str) -> bool {
        match &self.what {
            What::Tool(tools) => tools.touch(server, tool),
            What::Bash(_) | What::Files(..) | What::Fetch(_) => false,
        }
    }

    /// If it allowed, why it would let nearly anything happen: for a warning.
    #[must_use]
    pub fn dangerous(&self) -> Option<&'static str> {
        match &self.what {
            What::Bash(commands) => commands.dangerous(),
            What::Files(access, paths) => paths.dangerous(*access),
            What::Fetch(hosts) => hosts.dangerous(),
            What::Tool(_) => None,
        }
    }

    /// Why it can only deny or ask. As one that allows it would never match.
    #[must_use]
    pub fn never_allows(&self) -> Option<BadRule> {
        match &self.what {
            What::Bash(commands) => commands.never_allow(),
            What::Files(..) | What::Fetch(_) | What::Tool(_) => None,
        }
    }

    /// What its examples are.
    pub(crate) fn subject(&self) -> Subject {
        match &self.what {
            What::Bash(_) => Subject::Line,
            What::Files(access, _) => Subject::File(*access),
            What::Fetch(_) => Subject::Address,
            What::Tool(_) => Subject::Tool,
        }
    }
}

/// What a rule is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    Line,
    File(Access),
    Address,
    Tool,
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.written)
    }
}

/// The tool, and what is in its parentheses.
fn split(written: &str) -> Result<(&str, Option<&str>), BadRule> {
    let Some((tool, rest)) = written.split_once('(') else {
        return match written.contains(')') {
            true => Err(BadRule::Parentheses),
            false => Ok((written, None)),
        };
    };
    let inside = rest.strip_suffix(')').ok_or(BadRule::Parentheses)?;
    if inside.contains(['(', ')']) {
        return Err(BadRule::Parentheses);
    }
    if inside.trim().is_empty() {
        return Err(BadRule::Empty);
    }
    Ok((tool, Some(inside)))
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// Longer than [`RULE_MAX`].
    #[error("the rule is longer than {RULE_MAX} bytes")]
    TooLong,
    /// Nothing in it, or nothing in its parentheses.
    #[error("the rule is empty")]
    Empty,
    /// A character that cannot be seen, or changes how others are seen.
    #[error("the rule has a character that cannot be seen as it is: U+{:04X}", u32::from(*.0))]
    Hidden(char),
    /// No tool that there is.
    #[error("there is no tool `{0}`")]
    UnknownTool(String),
    /// Not one pair, around all that follows the tool.
    #[error("the parentheses are not one pair that ends the rule")]
    Parentheses,
    /// A letter beyond ASCII in `Bash(…)`.
    #[error("`{0}` is not ASCII, and may look like another character")]
    Foreign(char),
    /// What a shell would work out, or a command would end at.
    #[error("`{0}` is part of the shell's language, and never of a word")]
    Shell(char),
    /// A quote that does not end.
    #[error("a quote does not end")]
    Quote,
    /// `:*` elsewhere than at the end, or behind a blank.
    #[error("`:*` stands for any further words only at the end, right behind a word")]
    Tail,
    /// The program's name is a pattern.
    #[error("the name of the program is a pattern, and a rule that allows needs the name itself")]
    NamePattern,
    /// The program's name is none.
    #[error("a rule begins with the name of a program")]
    Name,
    /// One slash at the beginning.
    #[error("a path that begins with one slash could mean two places")]
    OneSlash,
    /// `..`, `.` or nothing between two slashes.
    #[error("`{0}` cannot be a part of a path in a rule")]
    Part(String),
    /// Signs of other patterns.
    #[error("`{0}` is no sign that patterns of paths have here")]
    Sign(char),
    /// The glob was refused.
    #[error("this is no pattern of paths")]
    Glob,
    /// Not `domain:`.
    #[error("an address is named by its domain")]
    Domain,
    /// What follows `domain:` is no host.
    #[error("`{0}` is no domain")]
    Host(String),
    /// Not a server's or a tool's name.
    #[error("a server and a tool are named `mcp__server__tool`, with letters, digits, `_` and `-`")]
    Server,
}

impl BadRule {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::TooLong => "name fewer words, and end with `:*`",
            Self::Empty => "write for example `Bash(npm run build)`, or `Bash` for every command",
            Self::Hidden(_) => "type the rule by hand instead of pasting it",
            Self::UnknownTool(_) => {
                "the tools are Bash, Read, Edit (which covers Write), WebFetch and mcp__server__tool"
            }
            Self::Parentheses => "write for example `Bash(npm run build)`",
            Self::Foreign(_) => "write a rule with ASCII letters; `*` stands for others",
            Self::Shell(_) => {
                "a rule is about one command; write one for each, without redirections or variables"
            }
            Self::Quote => "close it, or leave it out",
            Self::Tail => {
                "write `npm run test:*` for the words npm, run, test and any others; quote a colon before a star: `'test:'*`"
            }
            Self::NamePattern => {
                "write one rule for each program; patterns of names are for `deny` and `ask`"
            }
            Self::Name => {
                "leave out variables before the command; to name all commands write `Bash`"
            }
            Self::OneSlash => {
                "write `//etc/hosts` for the root of the file system, `docs/**` for the workspace"
            }
            Self::Part(_) => {
                "write `//path` for a place outside the workspace, without `.` and `..`"
            }
            Self::Sign(_) => {
                "`*` stands for characters of one name, `**` for any folders, `?` for one character"
            }
            Self::Glob => "write `docs/**` or `src/*.rs`; `**` stands alone between slashes",
            Self::Domain => {
                "write `WebFetch(domain:example.com)` or `WebFetch(domain:*.example.com)`"
            }
            Self::Host(_) => {
                "write a host, and a port if it is not the usual one: `domain:example.com`"
            }
            Self::Server => "write `mcp__server`, `mcp__server__*` or `mcp__server__tool`",
        }
    }
}
