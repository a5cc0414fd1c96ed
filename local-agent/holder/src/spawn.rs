//! Starting a holder that does not end with its starter.
//!
//! The starter runs `<exe> holder` with the configuration on standard input and reads one line from its standard
//! output: `ready`, or why not. The new process makes itself leader of a new session first thing, so neither a hang-up of the starter's
//! terminal nor a signal to its group reaches it; nothing ties its life to the starter's.
//! (A service manager that kills a whole control group on restart still would: under systemd the service needs `KillMode=process`.)

use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Stdio;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::process::{Child, Command};

use crate::config::HolderConfig;
use crate::error::{HolderError, SpawnError};
use crate::{limits, server};

/// The hidden subcommand under which the binary becomes a holder by calling [`run_from_stdin`].
pub const SUBCOMMAND: &str = "holder";

/// A holder that has just come up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spawned {
    /// Process id of the holder (not of its shell; the welcome has that one).
    pub pid: u32,
    /// Where it listens.
    pub socket: std::path::PathBuf,
}

/// Starts `<exe> holder` and waits, at most [`limits::START_WAIT`], until it listens. Must be called inside a tokio runtime, which
/// collects the process when it ends one day.
pub async fn spawn_detached(exe: &Path, config: &HolderConfig) -> Result<Spawned, SpawnError> {
    let json =
        serde_json::to_vec(config).map_err(|error| SpawnError::ConfigNotTaken(error.into()))?;
    let mut child = Command::new(exe)
        .arg(SUBCOMMAND)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(log_file(config)?)
        .spawn()
        .map_err(|source| SpawnError::ExeNotStarted {
            exe: exe.to_owned(),
            source,
        })?;
    let pid = child.id().ok_or(SpawnError::Died)?;
    let answer = tokio::time::timeout(limits::START_WAIT, hand_over(&mut child, &json)).await;
    let outcome = match answer {
        Ok(Ok(line)) => match line.trim_end() {
            READY => Ok(Spawned {
                pid,
                socket: config.socket_path(),
            }),
            "" => Err(SpawnError::Died),
            sentence => Err(SpawnError::Refused(sentence.to_owned())),
        },
        Ok(Err(error)) => Err(SpawnError::ConfigNotTaken(error)),
        Err(_) => {
            // It never listened, so nobody else can know of it.
            let _ = child.start_kill();
            Err(SpawnError::TimedOut)
        }
    };
    tokio::spawn(async move { child.wait().await });
    outcome
}

/// Becomes a holder: reads the configuration from standard input, leaves the starter's session, says `ready` or why not on standard
/// output, and serves until the terminal is over. Call it before any thread or runtime exists.
pub fn run_from_stdin() -> Result<(), HolderError> {
    let outcome = run_until_over();
    if let Err(error) = &outcome {
        let _ = answer(&error.to_string());
    }
    outcome
}

fn run_until_over() -> Result<(), HolderError> {
    // Fails only for a process that already leads its group, as when started by hand; then there is nothing to leave.
    let _ = rustix::process::setsid();
    let mut json = Vec::new();
    io::stdin()
        .lock()
        .take(limits::CONFIG_BYTES)
        .read_to_end(&mut json)
        .map_err(HolderError::ConfigUnreadable)?;
    let config: HolderConfig =
        serde_json::from_slice(&json).map_err(HolderError::ConfigMalformed)?;
    drop(json);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .event_interval(server::EVENT_INTERVAL)
        .build()
        .map_err(HolderError::Process)?;
    let outcome = runtime.block_on(server::run_and_tell(config, || {
        let _ = answer(READY);
        // The starter reads until here; a pipe kept open would also keep it waiting for an end.
        let _ = let_go_of_stdio();
    }));
    // A disk that does not answer keeps no holder from leaving.
    runtime.shutdown_background();
    outcome
}

const READY: &str = "ready";

fn answer(line: &str) -> io::Result<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{}", line.replace(['\n', '\r'], " "))?;
    stdout.flush()
}

fn let_go_of_stdio() -> io::Result<()> {
    let null = std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/null")?;
    rustix::stdio::dup2_stdin(null.as_fd())?;
    rustix::stdio::dup2_stdout(null.as_fd())?;
    Ok(())
}

fn log_file(config: &HolderConfig) -> Result<Stdio, SpawnError> {
    let Some(path) = &config.log else {
        return Ok(Stdio::null());
    };
    let file = std::fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(path);
    file.map(Stdio::from)
        .map_err(|source| SpawnError::LogNotOpened {
            path: path.clone(),
            source,
        })
}

/// Gives the configuration, takes the one line of answer.
async fn hand_over(child: &mut Child, json: &[u8]) -> io::Result<String> {
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(json).await?;
    }
    let mut line = String::new();
    if let Some(stdout) = child.stdout.take() {
        BufReader::new(stdout.take(limits::READY_LINE_BYTES))
            .read_line(&mut line)
            .await?;
    }
    Ok(line)
}
