//! The programs of one pipeline: all of them are decided on before the first starts, and all run at the same time.

use super::expand::{Stop, expand};
use super::streams::{self, Streams};
use super::{End, Walk, builtin, sentence};
use lanyard_policy::decide::{Fences, Ready};
use lanyard_policy::grammar::Command;
use lanyard_sandbox::{
    Job, OUTPUT_FILE_BYTES, Profile, ResolveError, SandboxError, Sandboxed, reading, resolve, spawn,
};
use rustix::event::PollFlags;
use std::ffi::OsString;

/// As shells say that a program was not found, could not be started, or was ended because nobody reads what it says.
const NOT_FOUND: i32 = 127;
const NOT_STARTED: i32 = 126;
const UNHEARD: i32 = 128 + 13;

/// A command that may start, and how.
struct Prepared {
    ready: Ready,
    how: How,
}

enum How {
    Program(Box<Job>),
    /// It is no program, and has this to say.
    Says(builtin::Said),
    /// There is no such program: a status and a sentence.
    Not(i32, String),
}

/// A command of a pipeline of which not all run yet.
enum Stage {
    Running(Running),
    /// It is said once those run who could read it.
    Says(builtin::Said, Streams),
    /// It is started once those run who say what it reads.
    Waits(Box<Job>, Streams),
}

enum Running {
    Program(Sandboxed),
    Ended(i32),
}

impl Walk<'_> {
    /// The status of the last command, when all have ended.
    pub(super) fn programs(&self, commands: &[Command]) -> Result<i32, End> {
        let prepared = commands.iter().map(|command| self.prepare(command));
        let prepared = prepared.collect::<Result<Vec<_>, _>>()?;
        let mut stages = Vec::new();
        let mut streams = self.streams.clone();
        let mut left = prepared.into_iter().peekable();
        while let Some(prepared) = left.next() {
            let next = if left.peek().is_some() {
                let (read, write) = std::io::pipe().map_err(failed)?;
                streams = streams.writing(write);
                self.streams.clone().reading(read)
            } else {
                self.streams.clone()
            };
            // Its ends of pipes are closed here with it, so that its neighbours learn when it has gone.
            let own = std::mem::replace(&mut streams, next);
            stages.push(self.stage(prepared, own)?);
        }
        drop(streams);
        // From left to right: what one of them waits for, those before it say.
        let late = stages.into_iter().map(|stage| self.late(stage));
        let running = late.collect::<Result<Vec<_>, _>>()?;
        let mut status = 0;
        for running in running {
            status = self.end(running)?;
        }
        Ok(status)
    }

    /// Decides on a command with names in the place of its patterns.
    fn prepare(&self, command: &Command) -> Result<Prepared, End> {
        let policy = self.executor.policy;
        let expanded = expand(command, &self.place, self.until).map_err(|stop| match stop {
            Stop::End(end) => end,
            Stop::Why(why) => End::NotAllowed(policy.unsure(command, &why)),
        });
        let command = expanded?;
        let ready = policy.start(&command, &self.place);
        let ready = ready.map_err(End::NotAllowed)?;
        let how = match builtin::of(&ready) {
            Some(said) => How::Says(said),
            None => self.job_for(&ready, &command)?,
        };
        Ok(Prepared { ready, how })
    }

    /// What its program may do. The one place where fences are chosen.
    fn job_for(&self, ready: &Ready, command: &Command) -> Result<How, End> {
        let workspace = self.place.workspace();
        let arguments = std::iter::once(ready.program())
            .chain(ready.arguments().iter().map(String::as_str))
            .map(OsString::from)
            .collect();
        let mut job = match ready.fences() {
            Fences::ReadOnly { machine } => {
                let program = match resolve(ready.program(), workspace) {
                    Ok(program) => program,
                    Err(error) => return Ok(unresolved(&error)),
                };
                let mut job = Job::reading(&program, workspace);
                job.arguments = arguments;
                job.environment = reading(&program, workspace);
                job.folder = self.place.current().to_owned();
                // One in the workspace is read anyway, and somebody could put a link in its place.
                job.profile = Profile::ReadOnly { machine };
                job
            }
            Fences::Workspace => {
                let Some(work) = self.executor.work else {
                    let why = "nothing on this machine keeps it to the workspace";
                    return Err(End::NotAllowed(self.executor.policy.unsure(command, why)));
                };
                let folder = self.place.current();
                match work.job(ready.program(), arguments, folder, workspace) {
                    Ok(job) => job,
                    Err(error) => return Ok(unresolved(&error)),
                }
            }
        };
        // One in the workspace is read anyway, and somebody could put a link in its place.
        let further = self.place.folders().iter();
        let further = further.filter(|folder| !folder.starts_with(workspace));
        job.read = further.cloned().collect();
        job.hidden = self.executor.hidden.to_vec();
        if let Some(home) = self.executor.policy.home {
            job.home = home.to_owned();
        }
        Ok(How::Program(Box::new(job)))
    }

    fn stage(&self, prepared: Prepared, mut streams: Streams) -> Result<Stage, End> {
        let name = prepared.ready.program();
        let opened = streams.redirect(prepared.ready.redirects(), |file| streams::open(file));
        if let Err(error) = opened {
            let why = format!("what it would read: {error}");
            return self.not(&streams, 1, name, &why).map(Stage::Running);
        }
        match prepared.how {
            How::Says(said) => Ok(Stage::Says(said, streams)),
            How::Not(status, why) => self.not(&streams, status, name, &why).map(Stage::Running),
            // It begins at the end, and what comes from a pipe it would keep in a file, which it may not make.
            How::Program(job) if name == "tac" && streams.reads_a_pipe() => {
                Ok(Stage::Waits(job, streams))
            }
            How::Program(job) => self.spawn(*job, &streams).map(Stage::Running),
        }
    }

    /// What comes once all others of the pipeline run.
    fn late(&self, stage: Stage) -> Result<Running, End> {
        match stage {
            Stage::Says(said, streams) => {
                let heard = streams.write(said.output.as_bytes(), self.until)?;
                Ok(Running::Ended(if heard { said.status } else { UNHEARD }))
            }
            Stage::Waits(job, mut streams) => {
                if streams.take_whole_input(self.until)? {
                    return self.spawn(*job, &streams);
                }
                self.not(&streams, 1, name(&job), "it would read too much")
            }
            Stage::Running(running) => Ok(running),
        }
    }

    fn spawn(&self, mut job: Job, streams: &Streams) -> Result<Running, End> {
        if job.bounds.file_bytes == 0 && streams.make_a_file() {
            job.bounds.file_bytes = OUTPUT_FILE_BYTES;
        }
        let handed = streams.hand_over().map_err(failed)?;
        match spawn(self.executor.launcher, &job, handed) {
            Ok(program) => Ok(Running::Program(program)),
            Err(SandboxError::NotStarted { reason, status }) => {
                self.not(streams, i32::from(status), name(&job), &reason)
            }
            Err(
                error @ (SandboxError::Refused(_)
                | SandboxError::Unsuitable(_)
                | SandboxError::Disturbed(_)
                | SandboxError::NoHelper
                | SandboxError::Io(_)),
            ) => Err(End::Failed(format!("{}: {error}", name(&job)))),
        }
    }

    /// A command that does not run, while the others of its pipeline do.
    fn not(&self, streams: &Streams, status: i32, name: &str, why: &str) -> Result<Running, End> {
        let sentence = sentence::shown(&format!("{name}: {why}"));
        streams.say(&sentence, self.until)?;
        Ok(Running::Ended(status))
    }

    fn end(&self, running: Running) -> Result<i32, End> {
        match running {
            Running::Program(program) => {
                let ends = program.ends().map_err(failed)?;
                self.until.wait(ends, PollFlags::IN)?;
                Ok(program.wait().map_err(failed)?.code())
            }
            Running::Ended(status) => Ok(status),
        }
    }
}

fn unresolved(error: &ResolveError) -> How {
    match error {
        ResolveError::NotFound(_) => How::Not(NOT_FOUND, "there is no such program".to_owned()),
        ResolveError::NotAName(_)
        | ResolveError::Changeable(_)
        | ResolveError::InWorkspace(_)
        | ResolveError::Unseen(..) => How::Not(NOT_STARTED, error.to_string()),
    }
}

fn name(job: &Job) -> &str {
    let name = job.arguments.first().and_then(|name| name.to_str());
    name.unwrap_or_default()
}

fn failed(error: impl std::fmt::Display) -> End {
    End::Failed(error.to_string())
}
