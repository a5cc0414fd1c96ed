//! `lanyard up`.

use super::grant::{Grant, scopes};
use super::question::{Keyboard, Questions};
use super::span::{audit_time, keep_time, orphan_time};
use super::{Failure, output, policy};
use crate::core::Machine;
use crate::daemon::owner::{Notice, Owners, Request};
use crate::daemon::{Daemon, DaemonError, Options};
use crate::limits::LAST_WORDS;
use crate::state::StateDir;
use lanyard_shared::access::Reach;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::msg::Scope;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;
use tokio::runtime::Builder;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::broadcast::{self, error::RecvError};
use tokio::sync::oneshot;

/// Flags of `lanyard up`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// Spend an enrolment code from `lanyard-relay enrol`; needed once
    #[arg(
        long,
        value_name = "CODE",
        env = "LANYARD_ENROL",
        hide_env_values = true
    )]
    enrol: Option<String>,
    /// What the printed link grants; more than one with commas
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "view",
        value_name = "PURPOSE"
    )]
    grant: Vec<Grant>,
    /// Let in whoever opens the printed link, without asking; for scripts
    #[arg(long)]
    yes: bool,
    /// Print no pairing link
    #[arg(long)]
    no_pair: bool,
    /// How this machine calls itself [default: its host name]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// End terminals that no agent has come back to for so long; `never` to keep them
    #[arg(long, default_value = "30d", value_name = "TIME", value_parser = orphan_time)]
    orphans_end_after: Duration,
    /// Keep what terminals print on this machine for so long after they ended; 0 keeps nothing
    #[arg(long, default_value = "30d", value_name = "TIME", value_parser = keep_time)]
    keep_history: Duration,
    /// Keep the record of what was asked, answered and done for so long
    #[arg(long, default_value = "365d", value_name = "TIME", value_parser = audit_time)]
    keep_audit: Duration,
    /// Print events as JSON, one a line
    #[arg(long)]
    json: bool,
}

/// What the service manager is told not to start again after.
const NEEDS_A_PERSON: u8 = 3;

pub async fn run(state: Option<PathBuf>, args: Args) -> Result<ExitCode, Failure> {
    match prepare_and_run(state, args).await? {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(error) if error.is_lasting() => {
            let failure = Failure::from(error);
            output::failure(&failure.sentence, &failure.hint);
            Ok(ExitCode::from(NEEDS_A_PERSON))
        }
        Err(error) => Err(error.into()),
    }
}

async fn prepare_and_run(
    state: Option<PathBuf>,
    args: Args,
) -> Result<Result<(), DaemonError>, Failure> {
    let enrol = args
        .enrol
        .as_deref()
        .map(EnrolmentCode::parse)
        .transpose()
        .map_err(|fault| Failure {
            sentence: fault.to_string(),
            hint: "run `lanyard-relay enrol` on the relay for a new one, and copy all of it"
                .to_owned(),
        })?;
    let open = || {
        let state = StateDir::open(state)?;
        state.lock().map(|lock| (state, lock))
    };
    let (state, _lock) = match open() {
        Ok(open) => open,
        Err(error) => return Ok(Err(error.into())),
    };
    let folder = |error: std::io::Error| Failure {
        sentence: format!("the present folder cannot be used: {error}"),
        hint: "change to a folder that exists".to_owned(),
    };
    let cwd = std::env::current_dir().map_err(folder)?;
    let machine = Machine {
        name: args.name.clone().unwrap_or_else(host_name),
        user: user_name(),
        folder: cwd.file_name().map_or_else(
            || "/".to_owned(),
            |name| name.to_string_lossy().into_owned(),
        ),
        cwd: cwd.display().to_string(),
    };
    let asked_about = match args.json {
        true => None,
        false => policy::Question::at_start(&state, &cwd),
    };
    let options = Options {
        state,
        enrol,
        machine,
        cwd,
        exe: std::env::current_exe().map_err(folder)?,
        orphans_end_after: args.orphans_end_after,
        keep_history: args.keep_history,
        keep_audit: args.keep_audit,
    };
    let (daemon, owners) = match Daemon::prepare(options).await {
        Ok(prepared) => prepared,
        Err(error) => return Ok(Err(error)),
    };
    let mut stop = signals()?;
    let conversation = Conversation::begin(owners.clone(), args, asked_about).map_err(folder)?;
    // A task of its own is woken by other tasks without a system call; what `block_on` itself waits for is not.
    let mut running = tokio::spawn(daemon.run());
    loop {
        tokio::select! {
            outcome = &mut running => {
                conversation.end();
                return outcome.map_err(|_| broken());
            }
            _ = stop.recv() => owners.stop(),
        }
    }
}

/// What the person is told and asked, on a thread of its own: a terminal that is held (Ctrl-S), or a pipe that nobody reads, keeps the agent from
/// nothing.
struct Conversation {
    over: oneshot::Sender<()>,
    ended: mpsc::Receiver<()>,
}

impl Conversation {
    fn begin(
        owners: Owners,
        args: Args,
        folder: Option<policy::Question>,
    ) -> std::io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (over, is_over) = oneshot::channel();
        let (ends, ended) = mpsc::channel();
        // From now on: the first words are of what was found when it started.
        let notices = owners.subscribe();
        thread::Builder::new()
            .name("conversation".to_owned())
            .spawn(move || {
                runtime.block_on(converse(owners, notices, &args, folder, is_over));
                // A keyboard that somebody might still type at is not waited for.
                runtime.shutdown_background();
                drop(ends);
            })?;
        Ok(Self { over, ended })
    }

    /// Lets it say what it has still heard, if that is taken.
    fn end(self) {
        let _ = self.over.send(());
        let _ = self.ended.recv_timeout(LAST_WORDS);
    }
}

/// The daemon's task panicked, and has said so.
fn broken() -> Failure {
    Failure {
        sentence: "the agent came to an unexpected end".to_owned(),
        hint: "terminals live on: start it again with `lanyard up`, and please report this"
            .to_owned(),
    }
}

/// Tells the person what happens, prints a link once the relay is there, and asks when a device wants in, until it is over and all is said.
async fn converse(
    owners: Owners,
    mut notices: broadcast::Receiver<Notice>,
    args: &Args,
    folder: Option<policy::Question>,
    mut is_over: oneshot::Receiver<()>,
) {
    let scopes = scopes(&args.grant);
    let mut keyboard = Keyboard::default();
    let mut questions = Questions::default();
    let mut linked = args.no_pair;
    let mut said_unreachable = false;
    if let Some(folder) = folder {
        questions.ask_folder(folder, &mut keyboard);
    }
    loop {
        tokio::select! {
            biased;
            notice = notices.recv() => {
                let notice = match notice {
                    Ok(notice) => notice,
                    Err(RecvError::Lagged(_)) => {
                        catch_up(&owners, &mut questions, &mut keyboard, args.json).await;
                        continue;
                    }
                    Err(RecvError::Closed) => return,
                };
                // Every attempt fails alike; once is enough.
                let repeats = matches!(notice, Notice::Unreachable { .. });
                if !(repeats && std::mem::replace(&mut said_unreachable, repeats)) {
                    show(&notice, args.json);
                }
                if !args.json {
                    questions.hear(&notice, &mut keyboard);
                }
                if matches!(notice, Notice::Online { .. }) {
                    said_unreachable = false;
                    if !std::mem::replace(&mut linked, true) {
                        let link = owners.request(Request::Pair { scopes: scopes.clone(), reach: Reach::default(), stays: None, yes: args.yes }).await;
                        show_link(&link, &scopes, args);
                    }
                }
            }
            _ = &mut is_over => return,
            line = keyboard.line() => {
                if let Some(answer) = questions.answer(&line) {
                    owners.request(answer.into()).await;
                }
            }
        }
    }
}

/// What was missed may have been a question: those that wait are asked.
async fn catch_up(owners: &Owners, questions: &mut Questions, keyboard: &mut Keyboard, json: bool) {
    let Notice::Approvals { requests } = owners.request(Request::Approvals {}).await else {
        return;
    };
    questions.keep_only(&requests);
    for request in requests {
        let notice = Notice::Approval {
            request: Box::new(request),
        };
        if json {
            show(&notice, json);
        } else {
            questions.hear(&notice, keyboard);
        }
    }
}

fn show(notice: &Notice, json: bool) {
    if json {
        output::json(notice);
    } else {
        output::notice(notice);
    }
}

fn show_link(notice: &Notice, scopes: &[Scope], args: &Args) {
    let terms = output::Terms {
        scopes,
        reaches: String::new(),
        stays: None,
        asks: !args.yes,
    };
    match notice {
        _ if args.json => output::json(notice),
        Notice::Link(link) => output::link(link, &terms),
        Notice::Refused { reason } => output::failure(&reason.sentence, &reason.hint),
        Notice::Online { .. }
        | Notice::Offline { .. }
        | Notice::Unreachable { .. }
        | Notice::Trouble { .. }
        | Notice::Question { .. }
        | Notice::Withdrawn { .. }
        | Notice::Paired { .. }
        | Notice::Status(_)
        | Notice::Done {}
        | Notice::Ended { .. }
        | Notice::Rotated { .. }
        | Notice::RotationDone { .. }
        | Notice::ClockAccepted { .. }
        | Notice::Decided { .. }
        | Notice::Approval { .. }
        | Notice::Settled { .. }
        | Notice::Answered { .. }
        | Notice::Approvals { .. }
        | Notice::Permissions { .. }
        | Notice::Suspended { .. } => {}
    }
}

/// Ctrl-C and SIGTERM, as one stream.
pub fn signals() -> Result<tokio::sync::mpsc::Receiver<()>, Failure> {
    let failure = |error: std::io::Error| Failure {
        sentence: format!("signals cannot be handled: {error}"),
        hint: String::new(),
    };
    let (sender, receiver) = tokio::sync::mpsc::channel(1);
    for kind in [SignalKind::interrupt(), SignalKind::terminate()] {
        let mut signal = signal(kind).map_err(failure)?;
        let sender = sender.clone();
        tokio::spawn(async move {
            while signal.recv().await.is_some() && sender.send(()).await.is_ok() {}
        });
    }
    Ok(receiver)
}

fn host_name() -> String {
    let uname = rustix::system::uname();
    uname
        .nodename()
        .to_str()
        .ok()
        .filter(|name| !name.is_empty())
        .unwrap_or("this machine")
        .to_owned()
}

fn user_name() -> String {
    let id = rustix::process::geteuid().as_raw().to_string();
    // passwd(5): the third field is the id, the first the name.
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let mut fields = users
        .lines()
        .map(|line| line.split(':').collect::<Vec<_>>());
    let named = fields.find(|user| user.get(2) == Some(&id.as_str()));
    named
        .and_then(|user| user.first().map(|name| (*name).to_owned()))
        .unwrap_or_else(|| format!("user {id}"))
}
