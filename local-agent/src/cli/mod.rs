//! The `lanyard` command.
//!
//! Exit codes: 0 done, 1 not done (with `error:` and `hint:` on standard error), 2 wrong usage, 3 `up` cannot run before a person has
//! seen to its files; `attach` and `sandbox run` leave with the status of what they ran.

mod approvals;
mod ask;
mod attach;
mod audit;
mod card;
mod clock;
mod end;
mod grant;
mod history;
mod hook;
mod output;
mod pair;
mod permissions;
mod pick;
mod policy;
mod question;
mod really;
mod record;
mod rotate;
mod sandbox;
mod see;
mod service;
mod show;
mod span;
mod table;
mod talk;
mod up;

use crate::daemon::DaemonError;
use crate::memory;
use crate::state::{StateDir, StateError};
use clap::{CommandFactory as _, Parser, Subcommand};
use see::List;
use std::path::PathBuf;
use std::process::ExitCode;

/// Drive a session on this machine from any browser or phone, through a relay you host yourself.
#[derive(Debug, Parser)]
#[command(
    name = "lanyard",
    version,
    max_term_width = 100,
    arg_required_else_help = true
)]
struct Cli {
    /// Where the agent keeps its keys and devices [default: ~/.local/state/lanyard]
    #[arg(long, global = true, value_name = "DIR", env = "LANYARD_STATE")]
    state: Option<PathBuf>,
    #[command(subcommand)]
    command: Cmd,
}

#[derive(Debug, Subcommand)]
enum Cmd {
    /// Connect this machine to its relay and keep it connected
    ///
    /// New terminals start in the present folder. Prints a pairing link, asks before a device is let in, and runs until Ctrl-C; terminals
    /// outlive it.
    #[command(after_help = "Example:\n  lanyard up --enrol lanyard1.AAAA… --grant terminal")]
    Up(up::Args),
    /// Print a pairing link for one more device
    #[command(
        after_help = "Examples:\n  lanyard pair --grant view,terminal\n  lanyard pair --cancel              # end all links that are still open"
    )]
    Pair(pair::PairArgs),
    /// Print a one-time link for another person's device: narrower than your own, and for a time
    ///
    /// The device is listed by `lanyard devices` and ended by `lanyard revoke`, like any other; at its time it ends by itself.
    #[command(
        after_help = "Examples:\n  lanyard share --for 30m                          # watch all terminals\n  lanyard share --for 2h --root ~/src/project      # only those started below it\n  lanyard share --for 1d --terminal build --purpose view,terminal"
    )]
    Share(pair::ShareArgs),
    /// Show the link to the relay, the terminals, and what will stop working first
    #[command(
        after_help = "Examples:\n  lanyard status --json | jq .online\n  lanyard status --watch"
    )]
    Status(see::SeeArgs),
    /// List paired devices and what was shared
    #[command(
        after_help = "Examples:\n  lanyard devices\n  lanyard devices --json | jq -r '.[].name'"
    )]
    Devices(see::SeeArgs),
    /// List every live credential: keys, links, devices, tokens
    #[command(after_help = "Examples:\n  lanyard tokens\n  lanyard tokens --watch")]
    Tokens(see::SeeArgs),
    /// End access now: a device, one token, a purpose, or everything
    #[command(
        after_help = "Examples:\n  lanyard revoke Pixel                  # a name or id from `lanyard devices`\n  lanyard revoke --token 3q2-7w         # from `lanyard tokens`\n  lanyard revoke --purpose terminal     # of every device; --device NAME for one\n  lanyard revoke --all --yes"
    )]
    Revoke(end::RevokeArgs),
    /// End all remote access now, until `lanyard unlock`; devices stay paired
    #[command(after_help = "Example:\n  lanyard lock")]
    Lock(end::LockArgs),
    /// Let paired devices in again
    #[command(after_help = "Example:\n  lanyard unlock")]
    Unlock(end::LockArgs),
    /// Put new keys in the place of old ones, and say when the old ones stop working
    ///
    /// All keys rotate by themselves before they end; this does it now. No session is dropped without `--now`.
    #[command(
        after_help = "Examples:\n  lanyard rotate signer\n  lanyard rotate device Pixel --now\n  lanyard rotate all --compromised     # after suspicion: every device must pair again"
    )]
    Rotate(rotate::RotateArgs),
    /// Say that a suspended device is yours: the copy that comes back first is taken for it
    #[command(after_help = "Example:\n  lanyard trust Pixel")]
    Trust(rotate::TrustArgs),
    /// Show whether this machine believes its clock; and accept it, when it was ahead once and is right now
    ///
    /// A machine that knew a later time than its clock says grants nothing: by a clock that was set back, what is over would be good again.
    #[command(after_help = "Example:\n  lanyard clock --accept")]
    Clock(clock::ClockArgs),
    /// List what is kept of terminals, print it, or forget it
    ///
    /// What a terminal prints is kept on this machine for `lanyard up --keep-history`, 30 days by default, and 1 GiB in all. It is read from
    /// the disk: no agent needs to run.
    #[command(
        after_help = "Examples:\n  lanyard history\n  lanyard history show build | less\n  lanyard history forget build"
    )]
    History(history::Args),
    /// Write what a terminal has printed, with its times, to a file that can be played: asciicast
    #[command(
        after_help = "Examples:\n  lanyard record build\n  lanyard record build --follow --output build.cast   # until it ends or Ctrl-C"
    )]
    Record(record::Args),
    /// Say what may run without asking: of any command, by the rules of this folder; nothing is run
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard policy explain 'git log | head'\n  lanyard policy test"
    )]
    Policy(policy::Command),
    /// Run a command, once it is allowed: by the rules, or by a person who is asked, here or on a device
    ///
    /// What only reads, and what a rule allows, runs at once. For all else it waits for an answer, 30 minutes at most, and runs in the sandbox
    /// upon a yes. Its status is the status of the command; 125 says that it was not run.
    #[command(
        after_help = "Examples:\n  lanyard ask -- npm test\n  lanyard ask --name release -c 'make dist && make upload' --network\n  lanyard ask --json -- cargo test 2> decisions.jsonl"
    )]
    Ask(ask::Args),
    /// Let coding agents ask before they run something, and answer them on your devices
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard hook install\n  lanyard hook uninstall"
    )]
    Hook(hook::Hook),
    /// List what waits for an approval
    #[command(
        after_help = "Examples:\n  lanyard approvals\n  lanyard approvals --json | jq -r '.[].line'"
    )]
    Approvals(approvals::ListArgs),
    /// Let something run that waits for an approval
    #[command(
        after_help = "Examples:\n  lanyard approve 3q2-7w             # from `lanyard approvals`\n  lanyard approve 3q2-7w --for 15m   # and whatever its rules allow, for so long"
    )]
    Approve(approvals::ApproveArgs),
    /// Keep something from running that waits for an approval
    #[command(after_help = "Example:\n  lanyard deny 3q2-7w")]
    Deny(approvals::AnswerArgs),
    /// Choose how to work for now: only read, ask, or accept edits
    ///
    /// What waits for an approval ends when the mode changes, and may be asked again. After a restart settings count again.
    #[command(
        after_help = "Examples:\n  lanyard mode\n  lanyard mode plan\n  lanyard mode settings"
    )]
    Mode(permissions::ModeArgs),
    /// List the rules that stand for a time, or end one
    #[command(after_help = "Examples:\n  lanyard grants\n  lanyard grants --end 3q2-7w")]
    Grants(permissions::GrantsArgs),
    /// Show what was asked, answered and done on this machine, and check that nobody has edited the record
    #[command(
        after_help = "Examples:\n  lanyard audit\n  lanyard audit --follow --json | jq .event\n  lanyard audit verify"
    )]
    Audit(audit::Args),
    /// View and type into a terminal without a browser
    #[command(
        after_help = "Examples:\n  lanyard attach 'http://localhost:7080/#pair=…'   # pair, then attach\n  lanyard attach --exec 'make test'                # run one command and leave with its status\n\nInside: ~. detaches, ~? helps (after Enter)."
    )]
    Attach(attach::Args),
    /// Run the agent as a service: from the start of the machine on, with its log in the journal
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard service install\n  lanyard service status\n  lanyard service uninstall"
    )]
    Service(service::Service),
    /// Run a command that can read and change nothing, fenced in by the kernel
    #[command(
        subcommand,
        after_help = "Examples:\n  lanyard sandbox run --profile read-only -- git status\n  lanyard sandbox status"
    )]
    Sandbox(sandbox::Sandbox),
    /// Print completions for a shell
    #[command(
        after_help = "Example:\n  lanyard completions bash > ~/.local/share/bash-completion/completions/lanyard"
    )]
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    #[command(hide = true, about = "Holds one terminal; started by `lanyard up`")]
    Holder,
}

/// An error for a person: what happened, and what to do.
#[derive(Debug)]
struct Failure {
    sentence: String,
    hint: String,
}

impl From<StateError> for Failure {
    fn from(error: StateError) -> Self {
        Self {
            sentence: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        Self {
            sentence: error.to_string(),
            hint: error.hint(),
        }
    }
}

/// Runs the command line and returns the process's exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    if matches!(cli.command, Cmd::Holder) {
        // Before any thread or runtime exists. What goes wrong was said on the pipe to whoever started this.
        return if lanyard_holder::run_from_stdin().is_ok() {
            ExitCode::SUCCESS
        } else {
            ExitCode::FAILURE
        };
    }
    let outcome = dispatch(cli);
    outcome.unwrap_or_else(|failure| {
        output::failure(&failure.sentence, &failure.hint);
        ExitCode::FAILURE
    })
}

fn dispatch(cli: Cli) -> Result<ExitCode, Failure> {
    match cli.command {
        Cmd::Completions { shell } => {
            clap_complete::generate(shell, &mut Cli::command(), "lanyard", &mut output::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Cmd::Attach(args) => {
            memory::keep_private();
            block_on(async { Ok(attach::run(args).await) })
        }
        Cmd::Up(args) => {
            output::start_log();
            memory::keep_private();
            block_on(up::run(cli.state, args))
        }
        Cmd::Pair(args) => block_on(pair::pair(StateDir::open(cli.state)?, args)),
        Cmd::Share(args) => block_on(pair::share(StateDir::open(cli.state)?, args)),
        Cmd::Status(args) => see(cli.state, args, List::Status),
        Cmd::Devices(args) => see(cli.state, args, List::Devices),
        Cmd::Tokens(args) => see(cli.state, args, List::Tokens),
        Cmd::Revoke(args) => block_on(end::revoke(StateDir::open(cli.state)?, args)),
        Cmd::Lock(args) => block_on(end::lock(StateDir::open(cli.state)?, args, true)),
        Cmd::Unlock(args) => block_on(end::lock(StateDir::open(cli.state)?, args, false)),
        Cmd::Rotate(args) => block_on(rotate::rotate(StateDir::open(cli.state)?, args)),
        Cmd::Trust(args) => block_on(rotate::trust(StateDir::open(cli.state)?, args)),
        Cmd::Clock(args) => block_on(clock::clock(StateDir::open(cli.state)?, args)),
        Cmd::History(args) => block_on(history::history(StateDir::open(cli.state)?, args)),
        Cmd::Record(args) => block_on(record::record(StateDir::open(cli.state)?, args)),
        Cmd::Ask(args) => ask::ask(cli.state, &args),
        Cmd::Hook(command) => hook::hook(cli.state, &command),
        Cmd::Approvals(args) => block_on(approvals::list(StateDir::open(cli.state)?, args)),
        Cmd::Approve(args) => block_on(approvals::approve(StateDir::open(cli.state)?, args)),
        Cmd::Deny(args) => block_on(approvals::deny(StateDir::open(cli.state)?, args)),
        Cmd::Mode(args) => block_on(permissions::mode(StateDir::open(cli.state)?, args)),
        Cmd::Grants(args) => block_on(permissions::grants(StateDir::open(cli.state)?, args)),
        Cmd::Audit(args) => block_on(audit::audit(StateDir::open(cli.state)?, args)),
        Cmd::Policy(command) => policy::policy(cli.state, &command),
        Cmd::Service(command) => service::service(cli.state, command),
        Cmd::Sandbox(command) => Ok(sandbox::sandbox(cli.state, command)),
        Cmd::Holder => Ok(ExitCode::FAILURE),
    }
}

fn see(state: Option<PathBuf>, args: see::SeeArgs, list: List) -> Result<ExitCode, Failure> {
    block_on(see::see(StateDir::open(state)?, args, list))
}

/// One thread: nothing here computes for long, and a key's way from socket to holder takes no thread switch.
fn block_on(future: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.map_err(|error| Failure {
        sentence: format!("the program could not be set up: {error}"),
        hint: "check the limits on threads and open files".to_owned(),
    })?;
    let outcome = runtime.block_on(future);
    // A thread may still wait for a line from the keyboard; nobody needs it any more.
    runtime.shutdown_background();
    outcome
}
