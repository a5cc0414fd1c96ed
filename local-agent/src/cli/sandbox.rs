//! `lanyard sandbox`: a command that can read a folder and change nothing, or change that folder and nothing else; and whether this machine can keep
//! that promise.

pub(super) mod attended;
pub(super) mod stdio;

use super::{Failure, output};
use crate::execute::Work;
use crate::state::StateDir;
use attended::Unattended;
use clap::{Args, Subcommand, ValueEnum};
use lanyard_sandbox::{
    CannotHold, Job, Launcher, OUTPUT_FILE_BYTES, ResolveError, SandboxError, reading, resolve,
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
    /// Run a command that can read a folder and change nothing, or change that folder and nothing else
    ///
    /// Read-only, it reads that folder and the system's programs, writes no file, opens no connection, and starts no other program. In the workspace
    /// profile it also changes the folder, but for what decides what runs later (.git/config, .git/hooks, .bashrc, .vscode and their like), and starts
    /// programs of the system, of your tool chains and of the folder. What it does not keep stands in docs/SANDBOX.md.
    ///
    /// Its status is the status of this command; 125 says that the sandbox refused, 126 and 127 that the command could not be started or found.
    #[command(
        after_help = "Examples:\n  lanyard sandbox run --profile read-only -- git log -3\n  lanyard sandbox run --profile read-only --workspace ~/src -- grep -r TODO .\n  lanyard sandbox run --profile read-only --exec /usr/bin -- bash -c 'cat *.md | wc -l'\n  lanyard sandbox run --profile workspace -- npm test\n  lanyard sandbox run --profile workspace --network -- npm ci\n  lanyard sandbox run --profile workspace --git -- make release"
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
    /// The folder that it may read, or change, and starts in [default: the present one]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// A folder whose programs it may start; may be given again
    #[arg(long, value_name = "DIR")]
    exec: Vec<PathBuf>,
    /// Let it reach the network, in the workspace profile
    #[arg(long)]
    network: bool,
    /// Let it write repositories, as `git commit` does, but not their settings and hooks, in the workspace profile. Git itself always may
    #[arg(long)]
    git: bool,
    /// The command and its arguments. Read-only, the bare name of one of the system's programs
    #[arg(last = true, required = true, value_name = "ARGV")]
    command: Vec<OsString>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Profile {
    /// Reads, and changes nothing
    ReadOnly,
    /// Changes the workspace, and nothing else
    Workspace,
}

pub fn sandbox(state: Option<PathBuf>, command: Sandbox) -> ExitCode {
    match command {
        Sandbox::Run(args) => run(state, args).unwrap_or_else(|why| {
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

/// Keys, sockets and records of our own, wherever they lie.
pub(super) fn hidden(state: Option<PathBuf>) -> Vec<PathBuf> {
    let places = [StateDir::place(state), StateDir::place(None)];
    places.into_iter().flatten().collect()
}

pub(super) struct NotRun {
    sentence: String,
    hint: String,
    status: u8,
}

fn run(state: Option<PathBuf>, args: RunArgs) -> Result<ExitCode, NotRun> {
    let workspace = args.workspace.clone().unwrap_or_else(|| PathBuf::from("."));
    let workspace = absolute(&workspace)?;
    let launcher = Launcher::this_program();
    let mut job = match args.profile {
        Profile::ReadOnly if args.network => {
            return Err(NotRun {
                sentence: "a command that only reads is given no network".to_owned(),
                hint: "leave `--network` out, or use `--profile workspace`".to_owned(),
                status: REFUSED,
            });
        }
        Profile::ReadOnly if args.git => {
            return Err(NotRun {
                sentence: "a command that only reads writes no repository".to_owned(),
                hint: "leave `--git` out, or use `--profile workspace`".to_owned(),
                status: REFUSED,
            });
        }
        Profile::ReadOnly => read_only(&args, &workspace)?,
        Profile::Workspace => changing(&args, &workspace, &launcher)?,
    };
    for folder in &args.exec {
        job.exec.push(absolute(folder)?);
    }
    job.hidden = hidden(state);
    job.home = std::env::home_dir().unwrap_or(job.home);

    let code = attended::run(&launcher, &job).map_err(unattended)?.code();
    Ok(ExitCode::from(u8::try_from(code).unwrap_or(u8::MAX)))
}

fn read_only(args: &RunArgs, workspace: &Path) -> Result<Job, NotRun> {
    let program = resolve(&name(args), workspace).map_err(unresolved)?;
    let mut job = Job::reading(&program, workspace);
    job.environment = reading(&program, workspace);
    job.arguments.clone_from(&args.command);
    // The user's own shell may have made a file of its output.
    job.bounds.file_bytes = OUTPUT_FILE_BYTES;
    Ok(job)
}

fn changing(args: &RunArgs, workspace: &Path, launcher: &Launcher) -> Result<Job, NotRun> {
    let work = Work::here(launcher).map_err(not_held)?;
    let work = work.with_network(args.network).with_repository(args.git);
    let job = work.job(&name(args), args.command.clone(), workspace, workspace);
    job.map_err(unresolved)
}

fn name(args: &RunArgs) -> String {
    let name = args.command.first().cloned().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn not_held(why: CannotHold) -> NotRun {
    NotRun {
        sentence: why.to_string(),
        hint: "install bubblewrap, and let users make namespaces".to_owned(),
        status: REFUSED,
    }
}

/// The real path of a folder. A link in it may have been left by a command that could write there, and lead anywhere.
pub(super) fn absolute(folder: &Path) -> Result<PathBuf, NotRun> {
    let missing = |error: std::io::Error| NotRun {
        sentence: format!("{}: {error}", folder.display()),
        hint: "name a folder that is there".to_owned(),
        status: REFUSED,
    };
    let real = folder.canonicalize().map_err(missing)?;
    let named = std::env::current_dir().map_err(missing)?.join(folder);
    let is_link = |path: &Path| {
        path.symlink_metadata()
            .is_ok_and(|found| found.is_symlink())
    };
    // What lies directly below `/` is the system's.
    let below = |path: &&Path| path.components().count() > 2;
    match named.ancestors().filter(below).find(|path| is_link(path)) {
        None => Ok(real),
        Some(link) => Err(NotRun {
            sentence: format!(
                "{} is a link, and {} is {}",
                link.display(),
                folder.display(),
                real.display()
            ),
            hint: "name that folder itself if you mean it".to_owned(),
            status: REFUSED,
        }),
    }
}

fn unresolved(error: ResolveError) -> NotRun {
    let (hint, status) = match &error {
        ResolveError::NotAName(_) => ("name a program without its folder", REFUSED),
        ResolveError::NotFound(_) => (
            "name a program of the system, or in the workspace profile of your PATH",
            NOT_FOUND,
        ),
        ResolveError::Changeable(_) | ResolveError::InWorkspace(_) => (
            "only programs that no other user can change are run",
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

impl NotRun {
    pub(super) fn into_failure(self) -> Failure {
        Failure {
            sentence: self.sentence,
            hint: self.hint,
        }
    }
}

pub(super) fn unattended(why: Unattended) -> NotRun {
    match why {
        Unattended::NotRun(error) => not_run(error),
        Unattended::Unwritten(error) => unwritten(&error),
    }
}

/// It has run; whoever counts on its output must not take it for whole.
pub(super) fn unwritten(error: &std::io::Error) -> NotRun {
    NotRun {
        sentence: format!("what the command said could not all be written: {error}"),
        hint: "it has run; check where its output goes".to_owned(),
        status: REFUSED,
    }
}

fn not_run(error: SandboxError) -> NotRun {
    let hint = match &error {
        SandboxError::NotStarted { .. } => "read-only, only ELF programs are run, not scripts",
        SandboxError::Unsuitable(_) => "mend that, or name another folder",
        SandboxError::Disturbed(_) => {
            "look at what is there now before you use it, then start again"
        }
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
