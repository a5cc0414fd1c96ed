//! The parent's side: starts the helper, hears whether the fences stand, and ends the program at its limits.

use crate::helper::{HELPER_ARG, Order, READY, Refusal};
use crate::job::{Job, Profile};
use crate::limits;
use crate::processes::{Remote, Within};
use crate::stage::{Helper, Stage};
use crate::suits::suits;
use crate::talk::{Talk, wait_for};
use crate::watch::Guard;
use rustix::event::{PollFd, PollFlags};
use rustix::fs::{MemfdFlags, memfd_create};
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process_group, pidfd_open, waitid,
};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{ErrorKind, Seek, Write};
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};

/// The program that becomes the helper. It calls [`helper_if_asked`](crate::helper_if_asked) first.
#[derive(Clone, Debug)]
pub struct Launcher {
    /// Its path.
    pub helper: PathBuf,
}

impl Launcher {
    /// The running program itself, even if its file has been replaced since.
    pub fn this_program() -> Self {
        Self {
            helper: PathBuf::from("/proc/self/exe"),
        }
    }
}

/// When a program is ended.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Limits {
    /// How long it may take.
    pub time: Duration,
    /// How much it may say, on both outputs together.
    pub output_bytes: usize,
}

/// A program that has run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Ran {
    /// How it ended.
    pub status: Ending,
    /// Its output.
    pub stdout: Vec<u8>,
    /// Its complaints.
    pub stderr: Vec<u8>,
    /// The limit at which it was ended, if it was.
    pub cut: Option<Cut>,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ending {
    /// By itself, with this status.
    Exited(i32),
    /// By this signal.
    Signalled(i32),
}

impl Ending {
    /// The one number that shells make of it.
    pub fn code(self) -> i32 {
        match self {
            Self::Exited(code) => code,
            Self::Signalled(signal) => 128 + signal,
        }
    }
}

/// The limit at which a program was ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Cut {
    /// It took too long.
    Time,
    /// It said too much.
    Output,
}

/// Why a program did not run.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The fences could not be put up fully.
    #[error("the sandbox refused to run the program: {0}")]
    Refused(String),
    /// The fences stood, but the program could not be started.
    #[error("the program could not be started: {reason}")]
    NotStarted {
        /// Why.
        reason: String,
        /// 126, or 127 if it was not found, as shells say it.
        status: u8,
    },
    /// The workspace, or something else to be read, is none that a command may have.
    #[error("{0}")]
    Unsuitable(String),
    /// What keeps the workspace was taken away from outside while the program ran, which was ended for it.
    #[error("the command was ended, as {} was replaced while it ran", .0.display())]
    Disturbed(PathBuf),
    /// The helper did not answer as one.
    #[error("the sandbox's helper did not answer")]
    NoHelper,
    /// The parent itself could not do its part.
    #[error("the sandbox could not be made: {0}")]
    Io(#[from] std::io::Error),
}

impl SandboxError {
    /// The status for a shell.
    pub fn code(&self) -> u8 {
        match self {
            Self::NotStarted { status, .. } => *status,
            Self::Refused(_)
            | Self::Unsuitable(_)
            | Self::Disturbed(_)
            | Self::NoHelper
            | Self::Io(_) => limits::STATUS_REFUSED,
        }
    }
}

/// Runs a program with this input until it ends or meets a limit.
///
/// # Errors
/// The program did not run, or its output could not be read.
pub fn run(
    launcher: &Launcher,
    job: &Job,
    stdin: &[u8],
    limits: Limits,
) -> Result<Ran, SandboxError> {
    let (input, feed) = if stdin.is_empty() {
        (File::open("/dev/null")?.into(), None)
    } else {
        let (reads, writes) = std::io::pipe()?;
        (reads.into(), Some(writes))
    };
    let (said, output) = std::io::pipe()?;
    let (complained, errors) = std::io::pipe()?;
    let streams = Streams {
        input,
        output: output.into(),
        errors: errors.into(),
    };
    let mut program = spawn(launcher, job, streams)?;
    let deadline = Instant::now() + limits.time;
    let mut talk = Talk::with(feed, stdin, said, complained)?;
    let pidfd = program.ends()?;
    let cut = talk.until_end(&pidfd, deadline, limits.output_bytes)?;
    let status = program.end()?;
    // All writers are dead, so that what is left is in the pipes.
    let cut = match cut {
        Some(cut) => Some(cut),
        None => talk.drain(limits.output_bytes)?,
    };
    Ok(Ran {
        status,
        stdout: talk.stdout.said,
        stderr: talk.stderr.said,
        cut,
    })
}

/// Where a program reads and writes: pipes that were made for it, its terminal, `/dev/null`, or a file to read. Never a pipe or socket that somebody
/// else has open: through `/proc/self/fd` the program could open its other end.
#[derive(Debug)]
pub struct Streams {
    /// What it reads.
    pub input: OwnedFd,
    /// Its output.
    pub output: OwnedFd,
    /// Its complaints.
    pub errors: OwnedFd,
}

/// Starts a program with these streams.
///
/// The program dies with the thread that called this, so that no thread of a pool may.
///
/// # Errors
/// The program did not start.
pub fn spawn(launcher: &Launcher, job: &Job, streams: Streams) -> Result<Sandboxed, SandboxError> {
    suits(job)?;
    let mut stage = match &job.profile {
        Profile::ReadOnly { .. } => None,
        Profile::Workspace(changes) => {
            let stage = Stage::set(job, changes).map_err(|error| {
                // What is said of the workspace, and not by the system.
                if error.kind() == ErrorKind::Other {
                    SandboxError::Unsuitable(error.to_string())
                } else {
                    SandboxError::Io(error)
                }
            })?;
            Some((stage, changes))
        }
    };
    let order = write_order(job, stage.as_ref().map(|(stage, _)| stage))?;
    let (report, said) = pipe_with(PipeFlags::CLOEXEC).map_err(std::io::Error::from)?;
    let (told, tells) =
        pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).map_err(std::io::Error::from)?;
    let file = File::open(&launcher.helper)?;
    let helper = Helper {
        path: &launcher.helper,
        file: file.as_raw_fd(),
        told: tells.as_raw_fd(),
    };
    let mut handed = vec![order.as_raw_fd(), said.as_raw_fd()];
    let apart = stage
        .as_ref()
        .is_some_and(|(stage, _)| stage.order.is_apart());
    if apart {
        handed.extend([helper.file, helper.told]);
        handed.extend(stage.as_ref().and_then(|(stage, _)| stage.handed()));
    }
    let mut command = match &stage {
        Some((stage, changes)) => stage.command(changes, &helper),
        None => Command::new(&launcher.helper),
    };
    if apart {
        // The helper makes a session, and so a group; of bubblewrap nobody does.
        command.process_group(0);
    } else {
        command.arg0("lanyard-sandbox");
    }
    command
        .arg(HELPER_ARG)
        .arg(order.as_raw_fd().to_string())
        .arg(said.as_raw_fd().to_string())
        .env_clear()
        .stdin(streams.input)
        .stdout(streams.output)
        .stderr(streams.errors);
    // SAFETY: between fork and exec it makes calls that are safe to make there, and allocates nothing.
    unsafe { command.pre_exec(move || keep_open(&handed)) };
    let watch = stage.as_mut().and_then(|(stage, _)| stage.watch.take());
    let mut program = Sandboxed {
        child: command.spawn()?,
        ended: false,
        within: None,
        guard: None,
        _stage: stage.map(|(stage, _)| Box::new(stage)),
    };
    // It holds the caller's ends of pipes.
    drop(command);
    drop((order, said, tells));
    let deadline = Instant::now() + limits::START_TIME;
    match read_report(report, deadline)? {
        Heard::Runs => {
            if let Some(watch) = watch {
                program.within = Within::told(told, program.child.id());
                match &program.within {
                    Some(within) => program.guard = Some(watch.over(within.first.try_clone()?)),
                    // It may have been quick; but what cannot be watched does not go on.
                    None if program.has_ended()? => {}
                    None => {
                        program.end()?;
                        let why = "its processes cannot be watched".to_owned();
                        return Err(SandboxError::Refused(why));
                    }
                }
            }
            Ok(program)
        }
        Heard::Refused(Refusal { status, reason }) => {
            program.end()?;
            Err(match status {
                limits::STATUS_REFUSED => SandboxError::Refused(reason),
                _ => SandboxError::NotStarted { reason, status },
            })
        }
    }
}

/// A running program. Dropping it ends it and all that it started.
#[derive(Debug)]
pub struct Sandboxed {
    child: Child,
    ended: bool,
    /// In namespaces of its own.
    within: Option<Within>,
    /// Watches over what is kept until then.
    guard: Option<Guard>,
    // Last: folders go once nobody is in them.
    _stage: Option<Box<Stage>>,
}

impl Sandboxed {
    /// Waits until the program has ended by itself, and ends what it left behind.
    ///
    /// # Errors
    /// The kernel does not know the program any more.
    pub fn wait(mut self) -> Result<Ending, SandboxError> {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
        let pid = self.pid()?;
        // It stays a zombie, so that its number and its group's mean it and nobody else.
        rustix::io::retry_on_intr(|| waitid(WaitId::Pid(pid), options))
            .map_err(std::io::Error::from)?;
        self.end()
    }

    /// A descriptor that can be read from when the program has ended: to wait for it and for something else.
    ///
    /// # Errors
    /// The kernel does not know the program any more.
    pub fn ends(&self) -> Result<OwnedFd, SandboxError> {
        Ok(pidfd_open(self.pid()?, PidfdFlags::empty()).map_err(std::io::Error::from)?)
    }

    /// What reaches it from another thread, while this one waits for it.
    ///
    /// # Errors
    /// The kernel does not know the program any more.
    pub fn remote(&self) -> Result<Remote, SandboxError> {
        let all = self.ends()?;
        let program = match &self.within {
            Some(within) => within.program.try_clone()?,
            None => all.try_clone()?,
        };
        Ok(Remote { program, all })
    }

    /// Ends the group before its leader is reaped. Nothing in the group can leave it.
    fn end(&mut self) -> Result<Ending, SandboxError> {
        self.ended = true;
        // Before it has a group of its own, it is ended alone.
        if kill_process_group(self.pid()?, Signal::KILL).is_err() {
            let _ = self.child.kill();
        }
        let ended = ending(self.child.wait()?);
        if let Some(within) = self.within.take() {
            let gone = wait_for(
                &mut [PollFd::new(&within.first, PollFlags::IN)],
                Instant::now() + limits::END_TIME,
            )?;
            if !gone {
                return Err(SandboxError::Io(std::io::ErrorKind::TimedOut.into()));
            }
        }
        match self.guard.take().and_then(Guard::heard) {
            Some(replaced) => Err(SandboxError::Disturbed(replaced)),
            None => Ok(ended),
        }
    }

    /// Of one that cannot be found any more: whether that is why.
    fn has_ended(&self) -> Result<bool, SandboxError> {
        let ends = self.ends()?;
        let soon = Instant::now() + limits::QUICK_TIME;
        Ok(wait_for(&mut [PollFd::new(&ends, PollFlags::IN)], soon)?)
    }

    fn pid(&self) -> Result<Pid, SandboxError> {
        Pid::from_raw(self.child.id().cast_signed()).ok_or(SandboxError::NoHelper)
    }
}

impl Drop for Sandboxed {
    fn drop(&mut self) {
        if !self.ended {
            let _ = self.end();
        }
    }
}

fn ending(status: ExitStatus) -> Ending {
    match (status.code(), status.signal()) {
        (Some(code), _) => Ending::Exited(code),
        (None, signal) => Ending::Signalled(signal.unwrap_or_default()),
    }
}

fn keep_open(handed: &[RawFd]) -> std::io::Result<()> {
    for fd in handed {
        // SAFETY: it changes a flag of a descriptor that is open here, as the parent holds it until the spawn has returned.
        if unsafe { libc::fcntl(*fd, libc::F_SETFD, 0) } == -1 {
            return Err(std::io::Error::last_os_error());
        }
    }
    Ok(())
}

fn write_order(job: &Job, stage: Option<&Stage>) -> Result<OwnedFd, SandboxError> {
    /// In namespaces of its own, the first process.
    const FIRST: i32 = 1;
    let mut order = Order {
        job: job.clone(),
        parent: std::process::id().cast_signed(),
        staged: stage.map(|stage| stage.order.clone()),
    };
    if let Some(stage) = stage {
        order.job.environment.extend(stage.environment());
        if stage.order.is_apart() {
            order.parent = FIRST;
        }
    }
    let text = serde_json::to_vec(&order).map_err(std::io::Error::from)?;
    if text.len() as u64 > limits::JOB_BYTES {
        return Err(SandboxError::Refused("the job is too long".to_owned()));
    }
    let mut file =
        File::from(memfd_create("job", MemfdFlags::CLOEXEC).map_err(std::io::Error::from)?);
    file.write_all(&text)?;
    file.rewind()?;
    Ok(file.into())
}

enum Heard {
    Runs,
    Refused(Refusal),
}

/// The report ends when the helper has become the program. Only a helper says that it is ready, and nothing may follow that.
fn read_report(report: OwnedFd, deadline: Instant) -> Result<Heard, SandboxError> {
    let report = File::from(report);
    let mut said = Vec::new();
    loop {
        if !wait_for(&mut [PollFd::new(&report, PollFlags::IN)], deadline)? {
            return Err(SandboxError::Refused("its fences took too long".to_owned()));
        }
        let mut part = [0; 1024];
        let length = rustix::io::retry_on_intr(|| rustix::io::read(&report, &mut part))
            .map_err(std::io::Error::from)?;
        if length == 0 || said.len() as u64 > limits::REPORT_BYTES {
            break;
        }
        said.extend(part.iter().take(length));
    }
    let reason = said.strip_prefix(READY);
    if reason.is_some_and(<[u8]>::is_empty) {
        return Ok(Heard::Runs);
    }
    let refusal = serde_json::from_slice(reason.unwrap_or(&said));
    refusal
        .map(Heard::Refused)
        .map_err(|_| SandboxError::NoHelper)
}
