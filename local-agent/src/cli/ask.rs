//! `lanyard ask`: a script would like to run something. What may run without asking runs; for the rest a person is asked, here or on a device.

use super::sandbox::attended;
use super::sandbox::stdio;
use super::sandbox::{NotRun, absolute, hidden, unattended, unwritten};
use super::talk::{connect, lost, unexpected};
use super::{Failure, approvals, block_on, output};
use crate::daemon::owner::{Notice, OwnerConn, Request, Wish};
use crate::execute::{Executor, Outcome, Outputs, Until, Work};
use crate::limits::RUN_TIME;
use crate::policy::present::Present;
use crate::policy::standing::Standing;
use crate::state::StateDir;
use lanyard_dial::clock;
use lanyard_policy::decide::Decision;
use lanyard_policy::grammar;
use lanyard_sandbox::{Launcher, on_path};
use lanyard_shared::approval::{End, Fences, Program, Request as Approval, Settled};
use serde_json::json;
use std::env;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Instant;

/// Flags of `lanyard ask`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it may change [default: the present folder]
    #[arg(long, value_name = "DIR")]
    workspace: Option<PathBuf>,
    /// Who asks, for the person who answers
    #[arg(long, value_name = "NAME", default_value = "")]
    name: String,
    /// A whole line for a shell, in the place of a command and its arguments
    #[arg(long, short = 'c', value_name = "LINE", conflicts_with = "command")]
    line: Option<String>,
    /// Ask for the network too
    #[arg(long)]
    network: bool,
    /// Ask to write repositories too, as `git commit` does
    #[arg(long)]
    git: bool,
    /// Ask to run outside of the sandbox: with all that you can do
    #[arg(long, conflicts_with_all = ["network", "git"])]
    outside: bool,
    /// Say on standard error in JSON what is decided and answered
    #[arg(long)]
    json: bool,
    /// The command and its arguments
    #[arg(last = true, value_name = "CMD", required_unless_present = "line")]
    command: Vec<String>,
}

/// As `env`, `timeout` and their like say that they themselves did not run it.
const NOT_RUN: u8 = 125;

pub fn ask(state: Option<PathBuf>, args: &Args) -> Result<ExitCode, Failure> {
    let launcher = Launcher::this_program();
    let (wish, work) = wish(args, &launcher)?;
    let hidden = hidden(state.clone());
    let state = StateDir::open(state)?;
    let mut decided = None;
    let code = block_on(async {
        let mut owner = connect(&state).await?;
        decided = Some(decide(&mut owner, &wish, |told| tell(args.json, &told)).await?);
        Ok(ExitCode::SUCCESS)
    })?;
    match decided {
        Some(Decided::Allowed(present)) => {
            let standing = Standing::of(Path::new(&wish.workspace), &state.trust(), &present);
            run_allowed(&wish, work.as_ref(), &launcher, &hidden, &standing)
        }
        Some(Decided::Approved) => run_approved(&wish, work, &launcher, hidden),
        Some(Decided::Denied(why) | Decided::Nobody(why)) => {
            if !args.json {
                output::failure(&why.sentence, &why.hint);
            }
            Ok(ExitCode::from(NOT_RUN))
        }
        None => Ok(code),
    }
}

/// On the way to a decision.
pub(super) enum Told<'a> {
    Decided(&'a Notice),
    Waits(&'a Approval),
    Settled(&'a Settled),
}

fn tell(json: bool, told: &Told<'_>) {
    match told {
        Told::Decided(notice) if json => output::json_aside(notice),
        Told::Settled(settled) if json => output::json_aside(&json!({ "settled": settled })),
        Told::Waits(request) if !json => output::say(&format!(
            "waiting for an approval: answer on a device, where `lanyard up` runs, or with `lanyard approve {}`",
            request.id
        )),
        Told::Decided(_) | Told::Settled(_) | Told::Waits(_) => {}
    }
}

/// What has come of it.
pub(super) enum Decided {
    /// By what was let stand for now, and rules.
    Allowed(Present),
    Approved,
    /// By a rule or a person.
    Denied(Failure),
    /// Nobody has answered, or what was approved is not what would run now.
    Nobody(Failure),
}

fn wish(args: &Args, launcher: &Launcher) -> Result<(Wish, Option<Work>), Failure> {
    let here = env::current_dir().and_then(|folder| folder.canonicalize());
    let folder = here.map_err(|error| unusable("the present folder", &error))?;
    let workspace = match &args.workspace {
        Some(named) => absolute(named).map_err(NotRun::into_failure)?,
        None => folder.clone(),
    };
    let line = match &args.line {
        Some(line) => line.clone(),
        None => args
            .command
            .iter()
            .map(|word| quoted(word))
            .collect::<Vec<_>>()
            .join(" "),
    };
    let work = if args.outside {
        None
    } else {
        let work = Work::here(launcher).map_err(|why| Failure {
            sentence: why.to_string(),
            hint: "install bubblewrap; or ask to run it with `--outside` the sandbox".to_owned(),
        })?;
        Some(work.with_network(args.network).with_repository(args.git))
    };
    let fences = if args.outside {
        Fences::Outside {}
    } else {
        Fences::Workspace {
            network: args.network,
            repository: args.git,
        }
    };
    let wish = Wish {
        name: args.name.clone(),
        session: None,
        programs: programs(&line, &folder, &workspace),
        line,
        folder: text(folder)?,
        workspace: text(workspace)?,
        fences,
    };
    Ok((wish, work))
}

/// Those that the line starts, as far as it can be read.
pub(super) fn programs(line: &str, folder: &Path, workspace: &Path) -> Vec<Program> {
    let Ok(line) = grammar::parse(line) else {
        return Vec::new();
    };
    let path = env::var_os("PATH").unwrap_or_default();
    let pipelines = std::iter::once(&line.first).chain(line.rest.iter().map(|(_, rest)| rest));
    let names =
        pipelines.flat_map(|pipeline| pipeline.commands.iter().map(|command| &command.name));
    let found = names.filter_map(|name| {
        let file = on_path(name, folder, workspace, &path).ok()?;
        Some(Program {
            name: name.clone(),
            path: file.to_str()?.to_owned(),
        })
    });
    found.collect()
}

pub(super) async fn decide(
    owner: &mut OwnerConn,
    wish: &Wish,
    told: impl Fn(Told<'_>),
) -> Result<Decided, Failure> {
    let ask = Request::Ask {
        wish: Box::new(wish.clone()),
    };
    let notice = super::talk::ask(owner, ask).await?;
    told(Told::Decided(&notice));
    let Notice::Decided {
        decision,
        reason,
        request,
        present,
    } = notice
    else {
        return Err(unexpected());
    };
    match (decision, request) {
        (Decision::Allow, None) => Ok(Decided::Allowed(present)),
        (Decision::Deny, None) => Ok(Decided::Denied(Failure {
            sentence: format!("it is denied: {}", output::printable(&reason)),
            hint: "`lanyard policy explain` says more".to_owned(),
        })),
        (Decision::Ask, Some(request)) => {
            told(Told::Waits(&request));
            let settled = answer(owner, &request).await?;
            told(Told::Settled(&settled));
            Ok(acted_on(&settled, &request, wish))
        }
        (Decision::Allow | Decision::Deny, Some(_)) | (Decision::Ask, None) => Err(unexpected()),
    }
}

async fn answer(owner: &mut OwnerConn, request: &Approval) -> Result<Settled, Failure> {
    loop {
        let notice = owner.next().await.map_err(lost)?;
        match notice {
            Some(Notice::Settled { settled }) if settled.id == request.id => return Ok(settled),
            Some(_) => {}
            None => {
                return Err(Failure {
                    sentence: "the agent has left before anybody answered".to_owned(),
                    hint: "nothing was run; start `lanyard up`, and ask again".to_owned(),
                });
            }
        }
    }
}

/// Right before anything is done: the answer is about just this, and all of it still is as it was.
fn acted_on(settled: &Settled, request: &Approval, wish: &Wish) -> Decided {
    let now = programs(
        &wish.line,
        Path::new(&wish.folder),
        Path::new(&wish.workspace),
    );
    let same = request.line == wish.line
        && request.folder == wish.folder
        && request.workspace == wish.workspace
        && request.fences == wish.fences
        && request.programs == now;
    if !settled.end.is_approval() {
        let why = Failure {
            sentence: format!("it was not run: {}", approvals::said(settled)),
            hint: String::new(),
        };
        return match settled.end {
            End::Answered { .. } => Decided::Denied(why),
            End::Expired {} | End::Withdrawn {} | End::Overtaken {} => Decided::Nobody(why),
        };
    }
    if !same || settled.hash != request.hash() {
        return Decided::Nobody(Failure {
            sentence: "it was not run: what was approved is not what would run now".to_owned(),
            hint: "a program may have been replaced meanwhile: look, and ask again".to_owned(),
        });
    }
    Decided::Approved
}

/// Without a shell, and decided once more.
fn run_allowed(
    wish: &Wish,
    work: Option<&Work>,
    launcher: &Launcher,
    hidden: &[PathBuf],
    standing: &Standing,
) -> Result<ExitCode, Failure> {
    let place = standing.place(&wish.folder).ok_or_else(changed)?;
    let policy = standing.policy(clock::now().unix);
    let (streams, piped) = stdio::of_its_own().map_err(|error| unusable("an output", &error))?;
    let outputs = Outputs {
        output: streams.output,
        errors: streams.errors,
    };
    let mut until = Until::deadline(Instant::now() + RUN_TIME);
    until
        .cancelled
        .push(attended::interrupted().map_err(|error| unusable("a signal", &error))?);
    let executor = Executor {
        policy: &policy,
        launcher,
        work,
        hidden,
    };
    let outcome = executor.run(&wish.line, &place, &outputs, &until);
    drop(outputs);
    piped
        .finish()
        .map_err(|error| unwritten(&error).into_failure())?;
    match outcome {
        Outcome::Ended { status } => Ok(ExitCode::from(u8::try_from(status).unwrap_or(u8::MAX))),
        // Their sentences were said on its error output.
        Outcome::Stopped { .. } | Outcome::Failed { .. } => Ok(ExitCode::from(NOT_RUN)),
        Outcome::Cut(_) => Ok(ExitCode::from(INTERRUPTED)),
        Outcome::NotAllowed(_) => Err(changed()),
    }
}

/// As shells say it of an interrupt.
const INTERRUPTED: u8 = 130;

/// By a shell: the person has read the line.
fn run_approved(
    wish: &Wish,
    work: Option<Work>,
    launcher: &Launcher,
    hidden: Vec<PathBuf>,
) -> Result<ExitCode, Failure> {
    let arguments = ["bash", "-c", &wish.line].map(OsString::from).to_vec();
    let Some(work) = work else {
        let error = std::process::Command::new("bash")
            .args(arguments.iter().skip(1))
            .current_dir(&wish.folder)
            .exec();
        return Err(unusable("bash", &error));
    };
    let (folder, workspace) = (Path::new(&wish.folder), Path::new(&wish.workspace));
    let job = work.job("bash", arguments, folder, workspace);
    let mut job = job.map_err(|error| Failure {
        sentence: error.to_string(),
        hint: "install bash".to_owned(),
    })?;
    job.hidden = hidden;
    let ended = attended::run(launcher, &job);
    let ended = ended.map_err(|why| unattended(why).into_failure())?;
    Ok(ExitCode::from(
        u8::try_from(ended.code()).unwrap_or(u8::MAX),
    ))
}

fn changed() -> Failure {
    Failure {
        sentence: "it was not run: what may run without asking has changed meanwhile".to_owned(),
        hint: "ask again".to_owned(),
    }
}

fn text(path: PathBuf) -> Result<String, Failure> {
    path.into_os_string().into_string().map_err(|path| Failure {
        sentence: format!("the name of {} is no text", path.to_string_lossy()),
        hint: "ask from a folder whose name can be shown".to_owned(),
    })
}

fn unusable(what: &str, error: &std::io::Error) -> Failure {
    Failure {
        sentence: format!("{what} cannot be used: {error}"),
        hint: "check that it is there and yours".to_owned(),
    }
}

/// A word as a shell reads it back.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) && !word.starts_with('=') {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_so_that_a_shell_reads_them_back() {
        for word in [
            "a", "", "a b", "it's", "$x", "a\nb", "~", "*", "-n", "é", "=ls", "a=b",
        ] {
            let line = format!("printf %s {}", quoted(word));
            let said = std::process::Command::new("bash")
                .args(["-c", &line])
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(said.stdout).unwrap(), word);
        }
    }
}
