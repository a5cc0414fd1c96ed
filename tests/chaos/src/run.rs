//! A run: set-ups beside each other, each with its share of the faults.

use crate::RunArgs;
use crate::arena::Arena;
use crate::fault::{FAULTS, Fault, fair};
use crate::model::HEARSAY;
use crate::report::{Report, error, progress, say};
use crate::small_disk::SmallDisk;
use anyhow::{Context as _, Result, ensure};
use fastrand::Rng;
use std::process::ExitCode;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::sleep;

/// How long everything must run undisturbed before the first fault.
const FIRST: Duration = Duration::from_secs(60);
/// One fault of so many comes together with another.
const TOGETHER: u32 = 5;

/// Runs all of it. Fails when anything was lost, came twice, was typed by who may not, or did not come back.
///
/// # Errors
/// A set-up could not be started, or the run was interrupted.
pub async fn all(args: RunArgs) -> Result<ExitCode> {
    let seed = args.seed.unwrap_or_else(|| fastrand::u64(..1 << 32));
    let is_meant = |name: &str| {
        args.only.is_empty() || args.only.iter().any(|part| name.contains(part.as_str()))
    };
    let meant = FAULTS.iter().filter(|(_, name, _)| is_meant(name));
    let mut kinds: Vec<_> = meant.map(|(fault, ..)| *fault).collect();
    if kinds.contains(&Fault::FullDisk) && !can_mount()? {
        progress("no disk is filled: this user may not mount one");
        kinds.retain(|fault| *fault != Fault::FullDisk);
    }
    ensure!(!kinds.is_empty(), "no fault is called so");
    let jobs = args.jobs.min(args.faults);
    let mut tasks = JoinSet::new();
    for job in 0..jobs {
        let share = args.faults / jobs + u64::from(job < args.faults % jobs);
        let random = Rng::with_seed(seed.wrapping_add(job.wrapping_mul(0x9e37_79b9_7f4a_7c15)));
        let page = job < args.pages;
        let mut kinds = kinds.clone();
        kinds.retain(|fault| page || *fault != Fault::KillPage);
        ensure!(!kinds.is_empty(), "there is no page: `--pages 1` adds one");
        tasks.spawn(one(job, share, random, kinds, page, args.stop));
    }
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let mut report = Report::default();
    let mut failed = false;
    loop {
        let done = tokio::select! {
            done = tasks.join_next() => done,
            _ = interrupt.recv() => break failed = true,
            _ = terminate.recv() => break failed = true,
        };
        match done {
            None => break,
            Some(outcome) => match outcome? {
                Ok(part) => {
                    report.add(part);
                    if args.stop && !report.wrongs.is_none() {
                        break;
                    }
                }
                Err(why) => {
                    error(&why);
                    failed = true;
                }
            },
        }
    }
    tasks.shutdown().await;
    if let Some(path) = &args.json {
        let text = format!("{:#}\n", report.json(seed));
        std::fs::write(path, text).with_context(|| path.display().to_string())?;
    }
    say(&report.table());
    say(&report.verdict(seed));
    Ok(if report.wrongs.is_none() && !failed {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn can_mount() -> Result<bool> {
    let dir = tempfile::tempdir()?;
    Ok(SmallDisk::mount(dir.path()).is_ok())
}

/// One set-up and its faults.
async fn one(
    job: u64,
    faults: u64,
    mut random: Rng,
    kinds: Vec<Fault>,
    page: bool,
    stop: bool,
) -> Result<Report> {
    let mut arena = Arena::start(page)
        .await
        .context("the set-up did not start")?;
    let mut report = Report::default();
    if let Err(missing) = arena.back(FIRST).await? {
        anyhow::bail!("nothing works even without faults: {missing}");
    }
    for number in 1..=faults {
        let fault = any(&mut random, &kinds);
        let other = (random.u32(..TOGETHER) == 0).then(|| any(&mut random, &kinds));
        sleep(Duration::from_millis(random.u64(50..400))).await;
        let mut trouble = None;
        for fault in [Some(fault), other].into_iter().flatten() {
            if let Err(why) = fault.happen(&mut arena, &mut random).await {
                trouble = Some(format!("{}: {why:#}", fault.name()));
            }
        }
        fair(&arena);
        let names = other.map_or(fault.name().to_owned(), |o| {
            format!("{} and {}", fault.name(), o.name())
        });
        let bound = fault
            .bound()
            .max(other.map_or(Duration::ZERO, Fault::bound));
        let outcome = match trouble {
            Some(trouble) => Err(trouble),
            None => arena.back(bound).await?,
        };
        for part in [&mut arena.relay, &mut arena.agent] {
            if let Err(why) = part.runs() {
                arena.terminals[0].model.stick(format!("{why:#}"));
            }
        }
        match outcome {
            Ok(time) => {
                progress(&format!(
                    "{job}.{number} {names}: back after {:.2} s",
                    time.as_secs_f64()
                ));
                report.back.entry(fault).or_default().push(time);
            }
            Err(why) => {
                report.back.entry(fault).or_default().push(bound);
                arena.terminals[0]
                    .model
                    .stick(format!("after {names}: {why}"));
                if !stop {
                    // Whatever is still out gets another chance, or all that follows would only say the same again.
                    let _ = arena.back(FIRST * 2).await?;
                }
            }
        }
        arena.thieves_try().await?;
        let mut wrong = false;
        arena.judge();
        for stage in &mut arena.terminals {
            for complaint in stage.model.complaints.drain(..) {
                progress(&format!("{job}.{number} {names}: WRONG: {complaint}"));
                wrong = true;
            }
        }
        if wrong {
            progress(&format!(
                "{job}: the logs are in {}",
                arena.logs().display()
            ));
        }
        if wrong && stop {
            break;
        }
    }
    // What was typed last is judged when something was typed after it, and what came back has been said.
    if !(stop && arena.is_wrong()) {
        if let Err(missing) = arena.back(FIRST).await? {
            let stuck = format!("at the end: {missing}");
            arena.terminals[0].model.stick(stuck);
        }
        arena.judge();
        sleep(HEARSAY).await;
        arena.look()?;
        arena.judge();
    }
    for stage in &arena.terminals {
        for complaint in &stage.model.complaints {
            progress(&format!("{job} at the end: WRONG: {complaint}"));
        }
        report.wrongs.add(stage.model.wrongs);
        report.words += stage.model.words;
        report.bytes += stage.printed()?;
    }
    if !report.wrongs.is_none() {
        progress(&format!(
            "{job}: the logs are kept in {}",
            arena.keep().display()
        ));
    }
    Ok(report)
}

fn any(random: &mut Rng, kinds: &[Fault]) -> Fault {
    loop {
        let fault = Fault::any(random);
        if kinds.contains(&fault) {
            return fault;
        }
    }
}
