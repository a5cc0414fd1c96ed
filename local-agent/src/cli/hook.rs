//! `lanyard hook`: coding agents ask before they run something, and a person answers, here or on a device.

mod claude_code;
mod settings;

use super::ask::{Decided, decide, programs};
use super::really::really;
use super::talk::connect;
use super::{Failure, block_on, output};
use crate::daemon::owner::Wish;
use crate::limits::HOOK_INPUT_MAX;
use crate::policy::present::Present;
use crate::policy::standing::Standing;
use crate::state::StateDir;
use claude_code::{Answer, Asked, Event};
use lanyard_dial::clock;
use lanyard_policy::decide::{Decision, Request};
use lanyard_shared::approval::Fences;
use serde_json::Value;
use std::env;
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

#[derive(Debug, clap::Subcommand)]
pub enum Hook {
    /// Answer a hook of Claude Code: its JSON on standard input, the decision on standard output
    ///
    /// `PreToolUse` denies what a rule of Lanyard denies, and leaves all else to Claude Code. `PermissionRequest`, where Claude Code would show its
    /// dialog, asks on your devices; when nobody answers there, or no agent runs, the dialog stays. Only commands (`Bash`) are asked for.
    #[command(after_help = "Example:\n  lanyard hook install      # has Claude Code call it")]
    ClaudeCode,
    /// Have Claude Code ask Lanyard: shows what it would write into its settings, and asks first
    #[command(
        after_help = "Examples:\n  lanyard hook install --print     # show it, change nothing\n  lanyard hook install --project   # only in this folder"
    )]
    Install(Args),
    /// Take it out of the settings of Claude Code again, and nothing else
    #[command(after_help = "Example:\n  lanyard hook uninstall")]
    Uninstall(Args),
}

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Only for this folder: .claude/settings.local.json [default: ~/.claude/settings.json]
    #[arg(long)]
    project: bool,
    /// Show the settings as they would be, and change nothing
    #[arg(long)]
    print: bool,
    /// Do not ask again
    #[arg(long)]
    yes: bool,
}

pub fn hook(state: Option<PathBuf>, hook: &Hook) -> Result<ExitCode, Failure> {
    match hook {
        Hook::ClaudeCode => claude_code(state),
        Hook::Install(args) => change(args, "Write this into", settings::with),
        Hook::Uninstall(args) => change(args, "Leave this in", |settings, _| {
            settings::without(settings)
        }),
    }
}

fn claude_code(state: Option<PathBuf>) -> Result<ExitCode, Failure> {
    let mut input = Vec::new();
    let read = io::stdin().take(HOOK_INPUT_MAX).read_to_end(&mut input);
    read.map_err(|error| unreadable(&error))?;
    let Some(asked) = Asked::read(&input).map_err(|error| unreadable(&error))? else {
        // Not ours to answer.
        return Ok(ExitCode::SUCCESS);
    };
    let answer = match asked.event {
        Event::PreToolUse => denied(state, &asked)?,
        Event::PermissionRequest => answered(state, &asked)?,
    };
    if let Some(answer) = answer {
        let said = writeln!(output::stdout(), "{}", asked.event.reply(&answer));
        said.map_err(|error| unreadable(&error))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// What a rule denies, and nothing else: Claude Code has rules of its own for the rest.
fn denied(state: Option<PathBuf>, asked: &Asked) -> Result<Option<Answer>, Failure> {
    let trust = StateDir::find(state)?.map(|state| state.trust());
    let standing = Standing::of(
        &asked.workspace,
        &trust.unwrap_or_default(),
        &Present::default(),
    );
    let folder = text(&asked.folder)?;
    let place = standing.place(folder).ok_or_else(|| nowhere(asked))?;
    let policy = standing.policy(clock::now().unix);
    let verdict = policy.decide(&Request::Command(&asked.line), &place);
    Ok((verdict.decision == Decision::Deny).then_some(Answer::Deny(verdict.reason)))
}

fn answered(state: Option<PathBuf>, asked: &Asked) -> Result<Option<Answer>, Failure> {
    let wish = Wish {
        name: claude_code::NAME.to_owned(),
        session: Some(asked.session.clone()),
        programs: programs(&asked.line, &asked.folder, &asked.workspace),
        line: asked.line.clone(),
        folder: text(&asked.folder)?.to_owned(),
        workspace: text(&asked.workspace)?.to_owned(),
        // Claude Code runs it, and not in our sandbox.
        fences: Fences::Outside {},
    };
    let state = StateDir::open(state)?;
    let mut outcome = None;
    block_on(async {
        let mut owner = connect(&state).await?;
        outcome = Some(decide(&mut owner, &wish, |_| {}).await?);
        Ok(ExitCode::SUCCESS)
    })?;
    Ok(match outcome {
        Some(Decided::Allowed(_) | Decided::Approved) => Some(Answer::Allow),
        Some(Decided::Denied(why)) => Some(Answer::Deny(why.sentence)),
        // Nobody has answered: its own dialog is still there.
        Some(Decided::Nobody(_)) | None => None,
    })
}

fn change(
    args: &Args,
    what: &str,
    to: impl FnOnce(Value, &str) -> Result<Value, Failure>,
) -> Result<ExitCode, Failure> {
    let path = settings::place(args.project)?;
    let before = settings::read(&path)?;
    let exe = env::current_exe().map_err(|error| unreadable(&error))?;
    let after = to(before.clone(), &settings::command(&exe))?;
    let shown = format!("{after:#}");
    if args.print {
        output::lines(&[shown]);
        return Ok(ExitCode::SUCCESS);
    }
    if after == before {
        output::lines(&[format!("{} is as it should be", path.display())]);
        return Ok(ExitCode::SUCCESS);
    }
    if !args.yes {
        output::lines(std::slice::from_ref(&shown));
        let nobody = || Failure {
            sentence: "nobody can be asked whether to write that".to_owned(),
            hint: "look at it with `--print`, then pass `--yes`".to_owned(),
        };
        let question = format!("{what} {}?", path.display());
        if !really(&question, "nothing was changed", nobody)? {
            return Ok(ExitCode::FAILURE);
        }
    }
    settings::write(&path, &shown)?;
    output::lines(&[format!(
        "{} is written; sessions of Claude Code that begin now go by it",
        path.display()
    )]);
    Ok(ExitCode::SUCCESS)
}

fn text(path: &Path) -> Result<&str, Failure> {
    path.to_str().ok_or_else(|| Failure {
        sentence: format!("the name of {} is no text", path.to_string_lossy()),
        hint: "work in a folder whose name can be shown".to_owned(),
    })
}

fn nowhere(asked: &Asked) -> Failure {
    Failure {
        sentence: format!("{} cannot be looked at", asked.folder.display()),
        hint: "Claude Code asks by itself meanwhile".to_owned(),
    }
}

fn unreadable(error: &dyn std::fmt::Display) -> Failure {
    Failure {
        sentence: format!("the hook could not be answered: {error}"),
        hint: "Claude Code asks by itself meanwhile".to_owned(),
    }
}
