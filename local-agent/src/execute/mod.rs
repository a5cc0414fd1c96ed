//! Runs a line that may run without asking. There is no shell: the line that the policy has read is walked here, names are put in the place of
//! its patterns here, and every program is started by itself, in the sandbox.
//!
//! **Everything is decided twice.** The whole line before anything runs, and every command once more when it is about to start, with the names
//! that its patterns stand for, in the folder where the line has come to. A name that reads as an option, a link out of the workspace, a secret or
//! a rule that denies ends the line there.
//!
//! A program dies with the *thread* that started it, so a line runs on one thread from its beginning to its end, and waits there.
//!
//! `cd` through a link leads to the folder itself, of which `..` is then the one above; a shell would remember the link.

mod builtin;
mod expand;
mod gather;
mod name;
mod pipeline;
mod sentence;
mod streams;
mod until;
mod work;

pub use gather::Gathered;
pub use streams::Outputs;
pub use until::Until;
pub use work::Work;

use lanyard_policy::decide::{Decision, Part, Policy, Verdict};
use lanyard_policy::grammar::{Command, Join, Line, Pipeline, Word};
use lanyard_policy::place::Place;
use lanyard_sandbox::Launcher;
use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::io::Errno;
use std::path::{Path, PathBuf};
use streams::Streams;

/// What runs lines, and for whom.
#[derive(Clone, Copy, Debug)]
pub struct Executor<'a> {
    /// What decides.
    pub policy: &'a Policy<'a>,
    /// What becomes the sandbox's helper.
    pub launcher: &'a Launcher,
    /// What programs get that a rule lets change the workspace; nothing if this machine cannot keep them to it, so that they ask.
    pub work: Option<&'a Work>,
    /// Folders that no program sees: what is our own.
    pub hidden: &'a [PathBuf],
}

/// What became of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It may not run without asking, or not at all. Nothing has run.
    NotAllowed(Verdict),
    /// It ran to its end. The status is what Bash would make of it.
    Ended {
        /// 128 and more for a signal, 127 for a program that is not there.
        status: i32,
    },
    /// It ran up to a command that may not start without asking. That one did not, nor any of its pipeline, nor what stands behind it.
    Stopped {
        /// The command as it would have started, and what is decided of it. To be shown with its escapes only.
        part: Part,
        /// What was said on the error stream: one line, with nothing in it that a terminal would obey.
        sentence: String,
    },
    /// All that ran was ended.
    Cut(Why),
    /// This machine could not do its part: it cannot keep what the sandbox promises, or has run out of something.
    Failed {
        /// What was said on the error stream.
        sentence: String,
    },
}

/// Why a line was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// It took too long.
    Time,
    /// It said too much to be gathered.
    Output,
    /// Whoever wanted it wants it no more.
    Cancelled,
}

impl Executor<'_> {
    /// Runs a line, if it may run without asking. It begins in the folder that `place` is in, reads nothing but files, and writes to the outputs,
    /// which somebody must take from while it runs.
    ///
    /// It returns when all of it has ended. The calling thread starts the programs, and they die with it.
    #[must_use]
    pub fn run(&self, line: &str, place: &Place<'_>, outputs: &Outputs, until: &Until) -> Outcome {
        let allowed = match self.policy.allowed_line(line, place) {
            Ok(allowed) => allowed,
            Err(verdict) => return Outcome::NotAllowed(verdict),
        };
        let streams = match Streams::to(outputs) {
            Ok(streams) => streams,
            Err(error) => {
                let sentence = sentence::shown(&error.to_string());
                return Outcome::Failed { sentence };
            }
        };
        let mut walk = Walk {
            executor: *self,
            place: place.clone(),
            streams,
            until,
        };
        match walk.line(allowed.line()) {
            Ok(status) => Outcome::Ended { status },
            Err(end) => walk.told(end),
        }
    }
}

/// A line that runs.
struct Walk<'a> {
    executor: Executor<'a>,
    /// Where the line has come to.
    place: Place<'a>,
    /// Where its programs read and write, unless they are told otherwise.
    streams: Streams,
    until: &'a Until,
}

/// Why a line ends before its end.
#[derive(Debug)]
enum End {
    NotAllowed(Part),
    Cut(Why),
    Failed(String),
}

impl Walk<'_> {
    /// The status of the pipeline that ran last. `&&` and `||` are equally strong, as in Bash.
    fn line(&mut self, line: &Line) -> Result<i32, End> {
        let mut status = self.pipeline(&line.first)?;
        for (join, pipeline) in &line.rest {
            let runs = match join {
                Join::And => status == 0,
                Join::Or => status != 0,
                Join::Then => true,
            };
            if runs {
                status = self.pipeline(pipeline)?;
            }
        }
        Ok(status)
    }

    fn pipeline(&mut self, pipeline: &Pipeline) -> Result<i32, End> {
        self.until.check()?;
        let status = match pipeline.commands.as_slice() {
            [command] if command.name == "cd" && !pipeline.negated => self.cd(command)?,
            commands => self.programs(commands)?,
        };
        Ok(if pipeline.negated {
            i32::from(status == 0)
        } else {
            status
        })
    }

    fn cd(&mut self, command: &Command) -> Result<i32, End> {
        let entered = self.executor.policy.enter(command, &self.place);
        let entered = entered.map_err(End::NotAllowed)?;
        let why = match enters(entered.current()) {
            Ok(()) => {
                self.place = entered;
                return Ok(0);
            }
            Err(Errno::NOENT) => "there is no such folder".to_owned(),
            Err(Errno::NOTDIR) => "it is no folder".to_owned(),
            Err(error) => error.to_string(),
        };
        let folder = command.arguments.first().and_then(Word::literal);
        let mut streams = self.streams.clone();
        // The policy lets no `cd` read a file.
        streams
            .redirect(&command.redirects, |_| Err(Errno::INVAL.into()))
            .map_err(|error| End::Failed(error.to_string()))?;
        let sentence = format!("cd: {}: {why}", folder.unwrap_or_default());
        streams.say(&sentence::shown(&sentence), self.until)?;
        Ok(1)
    }

    fn told(&self, end: End) -> Outcome {
        let say = |text: &str| {
            let sentence = sentence::shown(text);
            // Whoever does not listen any more is told by the outcome.
            let _ = self.streams.say(&sentence, self.until);
            sentence
        };
        match end {
            End::NotAllowed(part) => {
                let what = match part.decision {
                    Decision::Deny => "denied before it started",
                    Decision::Ask | Decision::Allow => "not started without asking",
                };
                // The command last: it may be long, and what is too long is cut off.
                let sentence = say(&format!("{what}: {}: {}", part.reason, part.text));
                Outcome::Stopped { part, sentence }
            }
            End::Cut(why) => Outcome::Cut(why),
            End::Failed(why) => Outcome::Failed {
                sentence: say(&why),
            },
        }
    }
}

fn enters(folder: &Path) -> Result<(), Errno> {
    accessat(CWD, folder.join("."), Access::EXEC_OK, AtFlags::EACCESS)
}
