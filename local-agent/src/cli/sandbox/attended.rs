//! A command that somebody waits for: at a terminal, or in a script.

use super::stdio;
use lanyard_sandbox::{Ending, Job, Launcher, Remote, SandboxError, spawn};
use rustix::process::Signal;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use tokio::runtime::{Builder, Runtime};
use tokio::signal::unix::{Signal as Signals, SignalKind, signal};

/// Why a command has no status.
#[derive(Debug)]
pub enum Unattended {
    /// It did not run, or was ended.
    NotRun(SandboxError),
    /// What it said could not be written where it belongs.
    Unwritten(io::Error),
}

/// Runs it, and passes interrupts on to it. It dies with the thread that starts it, which is this one.
pub fn run(launcher: &Launcher, job: &Job) -> Result<Ending, Unattended> {
    let io = |error| Unattended::NotRun(SandboxError::Io(error));
    let runs = pass_on_signals().map_err(io)?;
    let (streams, piped) = stdio::of_its_own().map_err(io)?;
    let program = spawn(launcher, job, streams).map_err(Unattended::NotRun)?;
    let _ = runs.send(program.remote().map_err(Unattended::NotRun)?);
    let ended = program.wait().map_err(Unattended::NotRun);
    let written = piped.finish().map_err(Unattended::Unwritten);
    ended.and_then(|ended| written.map(|()| ended))
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

/// The program is in a session of its own, where the keys of this terminal reach nobody. The first interrupt and the first request to end are for the
/// program to take; the next of them ends it, as does a terminal that goes away.
fn pass_on_signals() -> io::Result<Sender<Remote>> {
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
        let asked = async {
            tokio::select! {
                _ = interrupt.recv() => program.send(Signal::INT),
                _ = terminate.recv() => program.send(Signal::TERM),
            }
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
        };
        tokio::select! {
            () = asked => {}
            _ = hangup.recv() => {}
        }
        program.end();
    });
}
