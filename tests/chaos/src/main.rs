//! `scripts/chaos`: breaks what can break, at random and again by its seed, and says what was lost.

mod arena;
mod change;
mod fault;
mod life;
mod model;
mod part;
mod proxy;
mod report;
mod run;
mod screen;
mod small_disk;
mod stage;
mod viewer;
mod witness;

use anyhow::{Context as _, Result};
use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Kills, cuts and fills what it can, while a model checks that nothing is lost, nothing comes twice and everything comes back.
#[derive(Debug, Parser)]
#[command(
    name = "scripts/chaos",
    args_conflicts_with_subcommands = true,
    after_help = "Examples:\n  scripts/chaos --faults 200\n  scripts/chaos --faults 200 --seed 7 --jobs 1     # the same faults in the same order"
)]
struct Arguments {
    #[command(flatten)]
    run: RunArgs,
    #[command(subcommand)]
    part: Option<Part>,
}

/// How much, and of what.
#[derive(Clone, Debug, clap::Args)]
pub struct RunArgs {
    /// How many faults, in all jobs together
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u64).range(1..=1_000_000))]
    faults: u64,
    /// Which faults, and in which order [default: by chance]
    #[arg(long, value_name = "S")]
    seed: Option<u64>,
    /// Set-ups that run beside each other
    #[arg(long, value_name = "J", default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=256))]
    jobs: u64,
    /// Set-ups in which a browser's page types too; wants what the browser tests want
    #[arg(long, value_name = "P", default_value_t = 0, overrides_with = "pages")]
    pages: u64,
    /// Write figures to a file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Only faults whose name contains one of these
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    only: Vec<String>,
    /// End at the first thing that is wrong
    #[arg(long)]
    stop: bool,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// One viewer of a run
    #[command(hide = true)]
    Viewer(viewer::ViewerArgs),
}

fn main() -> ExitCode {
    let is_shell = std::env::args_os()
        .next()
        .is_some_and(|name| Path::new(&name).file_name() == Some("shell".as_ref()));
    let outcome = if is_shell { shell() } else { chaos() };
    outcome.unwrap_or_else(|error| {
        report::error(&error);
        ExitCode::from(2)
    })
}

fn shell() -> Result<ExitCode> {
    let folder = std::env::var_os(witness::FOLDER).context("not in a run")?;
    witness::run(Path::new(&folder))?;
    Ok(ExitCode::SUCCESS)
}

fn chaos() -> Result<ExitCode> {
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        match arguments.part {
            Some(Part::Viewer(args)) => viewer::run(args).await.map(|()| ExitCode::SUCCESS),
            None => run::all(arguments.run).await,
        }
    })
}
