//! A command that somebody waits for: at a terminal, or in a script.

use lanyard_sandbox::{
    Ending, Job, Launcher, Profile, Remote, SandboxError, Streams, is_nameless, spawn,
};
use rustix::process::Signal;
use rustix::termios::isatty;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// Runs it, and passes interrupts on to it. It dies with the thread that starts it, which is this one.
pub fn run(launcher: &Launcher, job: &Job) -> Result<Ending, SandboxError> {
    let runs = pass_on_interrupts()?;
    let (streams, piped) = match job.profile {
        Profile::ReadOnly { .. } => (Streams::inherited(), None),
        Profile::Workspace(_) => {
            let (stdio, piped) = Stdio::through_pipes()?;
            let streams = Streams {
                input: stdio.input.into(),
                output: stdio.output.into(),
                errors: stdio.errors.into(),
            };
            (streams, Some(piped))
        }
    };
    let program = spawn(launcher, job, streams)?;
    let _ = runs.send(program.remote()?);
    let ended = program.wait();
    if let Some(piped) = piped {
        piped.finish();
    }
    ended
}

/// Where a command reads and writes.
pub struct Stdio {
    pub input: OwnedFd,
    pub output: OwnedFd,
    pub errors: OwnedFd,
}

/// What is still on its way to where it belongs.
pub struct Piped(Vec<JoinHandle<io::Result<u64>>>);

impl Stdio {
    /// What the shell has opened for it is written here, and not handed to it: it could set the modes of a file that is nowhere near the workspace.
    /// A terminal is handed to it, as programs look whether there is one.
    pub fn through_pipes() -> io::Result<(Self, Piped)> {
        let terminal = isatty(io::stdout());
        let mut copies = Vec::new();
        let mut out = |own: BorrowedFd<'_>, mut to: Box<dyn io::Write + Send>| {
            if stays(own, terminal) {
                return own.try_clone_to_owned();
            }
            let (mut reads, writes) = io::pipe()?;
            copies.push(thread::spawn(move || io::copy(&mut reads, &mut to)));
            Ok(writes.into())
        };
        let output = out(io::stdout().as_fd(), Box::new(io::stdout()))?;
        let errors = out(io::stderr().as_fd(), Box::new(io::stderr()))?;
        let stdio = Self {
            input: input(terminal)?,
            output,
            errors,
        };
        Ok((stdio, Piped(copies)))
    }
}

fn input(terminal: bool) -> io::Result<OwnedFd> {
    let stdin = io::stdin();
    if stays(stdin.as_fd(), terminal) {
        return stdin.as_fd().try_clone_to_owned();
    }
    let (reads, mut writes) = io::pipe()?;
    // It ends with this process, if nothing is typed any more.
    thread::spawn(move || io::copy(&mut io::stdin(), &mut writes));
    Ok(reads.into())
}

fn stays(own: BorrowedFd<'_>, terminal: bool) -> bool {
    is_nameless(own) || terminal && isatty(own)
}

impl Piped {
    /// Waits until all is written. The command's own ends are closed by now.
    pub fn finish(self) {
        for copy in self.0 {
            // A reader that has gone away is told to the program, and to nobody else.
            let _ = copy.join();
        }
        let _ = io::stdout().flush();
    }
}

/// An end of a pipe that lets go when this process is interrupted or asked to end.
pub fn interrupted() -> io::Result<OwnedFd> {
    let (runtime, signals) = signals()?;
    let (reads, writes) = io::pipe()?;
    thread::spawn(move || {
        let [mut interrupt, mut terminate, mut hangup] = signals;
        runtime.block_on(async {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
                _ = hangup.recv() => {}
            }
        });
        drop(writes);
    });
    Ok(reads.into())
}

/// The program is in a session of its own, where the keys of this terminal reach nobody. The first interrupt is for the program to take; the next
/// one ends it, as do a request to end and a terminal that goes away.
fn pass_on_interrupts() -> io::Result<Sender<Remote>> {
    let (runtime, signals) = signals()?;
    let (runs, program) = channel();
    thread::spawn(move || heed(&runtime, signals, &program));
    Ok(runs)
}

fn signals() -> io::Result<(Runtime, [Signals; 3])> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let [interrupt, terminate, hangup] = runtime.block_on(async { kinds.map(signal) });
    Ok((runtime, [interrupt?, terminate?, hangup?]))
}

fn heed(runtime: &Runtime, signals: [Signals; 3], program: &Receiver<Remote>) {
    let [mut interrupt, mut terminate, mut hangup] = signals;
    // Nothing runs if it could not be started.
    let Ok(program) = program.recv() else {
        return;
    };
    runtime.block_on(async {
        let again = async {
            interrupt.recv().await;
            program.send(Signal::INT);
            interrupt.recv().await;
        };
        tokio::select! {
            () = again => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
        program.end();
    });
}
