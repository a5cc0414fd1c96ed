//! `scripts/bench`: measures what is asked for and tells it.

use anyhow::{Result, bail};
use clap::Parser;
use lanyard_bench::bars::{BARS, bar};
use lanyard_bench::figures::{FIGURES, Figure};
use lanyard_bench::machine::Machine;
use lanyard_bench::report::{Report, Row};
use lanyard_bench::{Bench, docs, plots, say};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::signal::unix::{SignalKind, signal};

/// Starts everything on loopback, measures it beside a bare byte relay, prints a table, and ends what it started.
#[derive(Parser)]
#[command(
    name = "scripts/bench",
    after_help = "Example: scripts/bench --quick --only echo_p50,bulk --json figures.json"
)]
struct Arguments {
    /// Write the figures to a file as JSON
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
    /// Measure only these, and those of the same name with more behind it (`policy`: `policy_sandbox` too)
    #[arg(long, value_name = "A,B", value_delimiter = ',')]
    only: Vec<String>,
    /// Draw what was measured, as SVG
    #[arg(long, value_name = "DIR")]
    plots: Option<PathBuf>,
    /// Write the table and the pictures of docs/PERFORMANCE.md anew
    #[arg(long)]
    docs: bool,
    /// Finish in about a minute, with more noise
    #[arg(long)]
    quick: bool,
}

fn main() -> ExitCode {
    lanyard_sandbox::helper_if_asked();
    let arguments = Arguments::parse();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(until_told(arguments)),
        Err(error) => Err(error.into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say::error(&error);
            ExitCode::FAILURE
        }
    }
}

/// Runs to the end, or until a signal; either way all that was started is ended, since it goes out of scope.
async fn until_told(arguments: Arguments) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    tokio::select! {
        outcome = run(arguments) => outcome,
        _ = interrupt.recv() => bail!("interrupted; everything that was started has been ended"),
        _ = terminate.recv() => bail!("told to stop; everything that was started has been ended"),
    }
}

async fn run(arguments: Arguments) -> Result<()> {
    if let Some(unknown) = arguments.only.iter().find(|name| bar(name).is_none()) {
        let known: Vec<&str> = BARS.iter().map(|bar| bar.name).collect();
        bail!(
            "there is no figure {unknown}; there are {}",
            known.join(" ")
        );
    }
    let of = |whole: &str, name: &str| {
        let more = name.strip_prefix(whole);
        more.is_some_and(|more| more.is_empty() || more.starts_with('_'))
    };
    let only = &arguments.only;
    let wanted = |name: &str| only.is_empty() || only.iter().any(|whole| of(whole, name));
    let mut bench = Bench {
        quick: arguments.quick,
        ..Bench::default()
    };
    let machine = Machine::here(arguments.quick);
    let mut rows = Vec::new();
    for figure in FIGURES {
        if figure.names.iter().any(|name| wanted(name)) {
            say::progress(&figure.names.join(" "));
            rows.extend(measured(figure, &mut bench).await);
        }
    }
    rows.retain(|row| wanted(row.name));
    rows.sort_by_key(|row| BARS.iter().position(|bar| bar.name == row.name));
    let report = Report { rows, machine };
    say::text(&report.table())?;
    if let Some(path) = &arguments.json {
        std::fs::write(path, format!("{:#}\n", report.json()))?;
    }
    if let Some(dir) = &arguments.plots {
        plots::draw(&bench, dir)?;
    }
    if arguments.docs {
        let root = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
        docs::write(Path::new(root), &bench, &report)?;
    }
    Ok(())
}

/// What a measurement finds, or why it finds nothing; the others are made all the same.
async fn measured(figure: &Figure, bench: &mut Bench) -> Vec<Row> {
    match (figure.measure)(bench).await {
        Ok(rows) => rows,
        Err(error) => {
            say::error(&error);
            let missing = |name: &&'static str| Row::missing(name, format!("{error:#}"));
            figure.names.iter().map(missing).collect()
        }
    }
}
