//! `lanyard sandbox`: a command that can read a folder and change nothing, and whether this machine can keep that promise.

use super::output;
use clap::{Args, Subcommand, ValueEnum};
use lanyard_sandbox::{
    Job, Launcher, OUTPUT_FILE_BYTES, ResolveError, SandboxError, Streams, reading, resolve, spawn,
    status,
};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// As shells say that a command was not found.
const NOT_FOUND: u8 = 127;
/// As `env`, `timeout` and their like say that they themselves failed.
const REFUSED: u8 = 125;

#[derive(Debug, Subcommand)]
pub enum Sandbox {
    /// Run a command that can read a folder and change nothing
    ///
    /// It reads that folder and the system's programs, writes no file, opens no connection, and starts no other program. Its status is the
    /// status of this command; 125 says that the sandbox refused, 126 and 127 that the command could not be started or found.
    #[command(
        after_help = "Examples:\n  lanyard sandbox run --profile read-only -- git log -3\n  lanyard sandbox run --profile read-only --workspace ~/src -- grep -r TODO .\n  lanyard sandbox run --profile read-only --exec /usr/bin -- bash -c 'cat *.md | wc -l'"
    )]
    Run(RunArgs),
    /// Say whether this machine can fence a command in, by trying it
    #[command(
        after_help = "Examples:\n  lanyard sandbox status\n  lanyard sandbox status --json | jq .read_only"
    )]
    Status {
        /// Print JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub struct RunArgs {
    /// What the command may do
    #[arg(long, value_enum)]
    profile: Profile,
    /// The folder that it may read, and starts in [default: the present one]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// A folder whose programs it may start; may be given again
    #[arg(long, value_name = "DIR")]
    exec: Vec<PathBuf>,
    /// The command: the bare name of one of the system's programs, and its arguments
    #[arg(last = true, required = true, value_name = "ARGV")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Profile {
    /// Reads, and changes nothing
    ReadOnly,
}

pub fn sandbox(command: Sandbox) -> ExitCode {
    match command {
        Sandbox::Run(args) => run(args).unwrap_or_else(|why| {
            output::failure(&why.sentence, &why.hint);
            ExitCode::from(why.status)
        }),
        Sandbox::Status { json } => {
            let status = status(&Launcher::this_program());
            if json {
                output::json(&status);
            } else {
                output::lines(&status.sentences);
            }
            ExitCode::from(u8::from(!status.read_only))
        }
    }
}

struct NotRun {
    sentence: String,
    hint: String,
    status: u8,
}

fn run(args: RunArgs) -> Result<ExitCode, NotRun> {
    let Profile::ReadOnly = args.profile;
    let workspace = args.workspace.unwrap_or_else(|| PathBuf::from("."));
    let workspace = absolute(&workspace)?;
    let name = args.command.first().cloned().unwrap_or_default();
    let program = resolve(&name.to_string_lossy(), &workspace).map_err(unresolved)?;

    let mut job = Job::reading(&program, &workspace);
    job.arguments = args.command;
    job.environment = reading(&program, &workspace);
    for folder in &args.exec {
        job.exec.push(absolute(folder)?);
    }
    // The user's own shell may have made a file of its output.
    job.bounds.file_bytes = OUTPUT_FILE_BYTES;

    let ended = spawn(&Launcher::this_program(), &job, Streams::inherited())
        .and_then(|program| program.wait());
    let code = ended.map_err(not_run)?.code();
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

fn absolute(folder: &Path) -> Result<PathBuf, NotRun> {
    folder.canonicalize().map_err(|error| NotRun {
        sentence: format!("{}: {error}", folder.display()),
        hint: "name a folder that is there".to_owned(),
        status: REFUSED,
    })
}

fn unresolved(error: ResolveError) -> NotRun {
    let (hint, status) = match &error {
        ResolveError::NotAName(_) => ("name a program without its folder", REFUSED),
        ResolveError::NotFound(_) => ("name a program of /usr/bin", NOT_FOUND),
        ResolveError::Changeable(_) | ResolveError::InWorkspace(_) => (
            "only programs that the superuser alone can change are run",
            REFUSED,
        ),
        ResolveError::Unseen(..) => ("check the permissions on the way to it", REFUSED),
    };
    NotRun {
        sentence: error.to_string(),
        hint: hint.to_owned(),
        status,
    }
}

fn not_run(error: SandboxError) -> NotRun {
    let hint = match &error {
        SandboxError::NotStarted { .. } => "only ELF programs are run, not scripts",
        SandboxError::Refused(_) | SandboxError::NoHelper | SandboxError::Io(_) => {
            "run `lanyard sandbox status`"
        }
    };
    NotRun {
        sentence: error.to_string(),
        hint: hint.to_owned(),
        status: error.code(),
    }
}
