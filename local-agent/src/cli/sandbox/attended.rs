//! A command that somebody waits for: at a terminal, or in a script.

use lanyard_sandbox::{
    Ending, Job, Launcher, Profile, Remote, SandboxError, Streams, is_nameless, spawn,
};
use rustix::process::Signal;
use rustix::termios::isatty;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::process::Stdio;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, JoinHandle};
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// Runs it, and passes interrupts on to it. It dies with the thread that starts it, which is this one.
pub(super) fn run(launcher: &Launcher, job: &Job) -> Result<Ending, SandboxError> {
    let runs = pass_on_interrupts()?;
    let (streams, copies) = match job.profile {
        Profile::ReadOnly { .. } => (Streams::inherited(), Vec::new()),
        Profile::Workspace(_) => through_pipes()?,
    };
    let program = spawn(launcher, job, streams)?;
    let _ = runs.send(program.remote()?);
    let ended = program.wait();
    for copy in copies {
        // A reader that has gone away is told to the program, and to nobody else.
        let _ = copy.join();
    }
    let _ = io::stdout().flush();
    ended
}

/// What the shell has opened for it is written here, and not handed to it: it could set the modes of a file that is nowhere near the workspace. A
/// terminal is handed to it, as programs look whether there is one.
fn through_pipes() -> io::Result<(Streams, Vec<JoinHandle<io::Result<u64>>>)> {
    let terminal = isatty(io::stdout());
    let stays = |stream: BorrowedFd<'_>| is_nameless(stream) || terminal && isatty(stream);
    let mut streams = Streams::inherited();
    if !stays(io::stdin().as_fd()) {
        let (reads, mut writes) = io::pipe()?;
        streams.input = reads.into();
        // It ends with this process, if nothing is typed any more.
        thread::spawn(move || io::copy(&mut io::stdin(), &mut writes));
    }
    let mut copies = Vec::new();
    let mut copied = |mut to: Box<dyn io::Write + Send>| -> io::Result<Stdio> {
        let (mut reads, writes) = io::pipe()?;
        copies.push(thread::spawn(move || io::copy(&mut reads, &mut to)));
        Ok(writes.into())
    };
    if !stays(io::stdout().as_fd()) {
        streams.output = copied(Box::new(io::stdout()))?;
    }
    if !stays(io::stderr().as_fd()) {
        streams.errors = copied(Box::new(io::stderr()))?;
    }
    Ok((streams, copies))
}

/// The program is in a session of its own, where the keys of this terminal reach nobody. The first interrupt is for the program to take; the next
/// one ends it, as do a request to end and a terminal that goes away.
fn pass_on_interrupts() -> io::Result<Sender<Remote>> {
    let runtime = Builder::new_current_thread().enable_io().build()?;
    let kinds = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    let signals = runtime.block_on(async { kinds.map(signal) });
    let [interrupt, terminate, hangup] = signals;
    let signals = [interrupt?, terminate?, hangup?];
    let (runs, program) = channel();
    thread::spawn(move || heed(&runtime, signals, &program));
    Ok(runs)
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
