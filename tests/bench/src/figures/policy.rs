//! `policy`: one decision about a command line, of those that decisions are tested with, by a settings file of a usual size. `policy_sandbox`: what
//! the sandbox adds to the start of what is allowed.

use crate::Bench;
use crate::report::Row;
use crate::stats::percentile;
use anyhow::{Context as _, Result, anyhow, ensure};
use lanyard_policy::decide::{Decision, Policy, Request};
use lanyard_policy::place::{NoFiles, Place};
use lanyard_policy::settings::{Level, Scopes, Settings};
use lanyard_sandbox::{Job, Launcher, Limits, resolve, run};
use serde::Deserialize;
use std::fs;
use std::hint::black_box;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const CORPUS: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../../local-agent/policy/corpus"
);

/// What a project that denies, asks and allows some things says.
const SETTINGS: &str = r#"
[permissions]
allow = ["Bash(npm run build)", "Bash(npm run test:*)", "Bash(cargo test:*)", "Bash(cargo build:*)", "Bash(make test-*)", "Edit(src/**)"]
ask = ["Bash(git push:*)", "Bash(npm publish:*)", "Bash(docker:*)"]
deny = ["Bash(rm:*)", "Bash(curl:*)", "Bash(wget:*)", "Bash(sudo:*)", "Read(private/**)", "Read(*.pem)"]
"#;

#[derive(Deserialize)]
struct Entry {
    cmd: String,
}

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let rounds = bench.choose(1, 5);
    let lines = lines()?;
    let settings = Settings::read(Level::User, "settings.toml", SETTINGS);
    let settings = settings.map_err(|wrong| anyhow!("{wrong:?}"))?;
    let scopes = Scopes::merge(vec![settings], true);
    let policy = Policy {
        scopes: &scopes,
        grants: &[],
        mode: scopes.mode(),
        trusted: true,
        home: None,
        now: 0,
    };
    let place = Place::new(Path::new("/home/me/project"), &[], &NoFiles);
    let mut samples = Vec::new();
    let mut allowed = 0;
    for round in 0..=rounds {
        for line in &lines {
            let begun = Instant::now();
            let verdict = black_box(policy.decide(&Request::Command(black_box(line)), &place));
            let took = begun.elapsed();
            allowed += usize::from(verdict.decision == Decision::Allow);
            // The first round reads the tables.
            if round > 0 {
                samples.push(took.as_secs_f64() * 1e6);
            }
        }
    }
    ensure!(allowed > 0, "nothing was allowed");
    let note = format!(
        "{} lines; median {:.0} us; links not looked up",
        lines.len(),
        percentile(&samples, 0.5)
    );
    let p99 = percentile(&samples, 0.99);
    let decided = Row {
        samples: samples.len(),
        ..Row::absolute("policy", &[p99]).noting(note)
    };
    Ok(vec![decided, sandboxed(bench.choose(3, 10))?])
}

/// `true` in the sandbox and without it, in turns.
fn sandboxed(rounds: usize) -> Result<Row> {
    const TIMES: usize = 50;
    let launcher = Launcher::this_program();
    let program = resolve("true", Path::new("/etc"))?;
    let job = Job::reading(&program, "/usr");
    let limits = Limits {
        time: Duration::from_secs(10),
        output_bytes: 1024,
    };
    let mut more = Vec::new();
    let mut floor = Vec::new();
    for _ in 0..rounds {
        let (mut bare, mut fenced) = (Vec::new(), Vec::new());
        for _ in 0..TIMES {
            let begun = Instant::now();
            let ran = Command::new(&program).stdin(Stdio::null()).output()?;
            ensure!(ran.status.success(), "`true` failed");
            bare.push(begun.elapsed().as_secs_f64() * 1e3);
            let begun = Instant::now();
            let ran = run(&launcher, &job, &[], limits)?;
            ensure!(ran.status.code() == 0, "`true` failed in the sandbox");
            fenced.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        let bare = percentile(&bare, 0.5);
        more.push(percentile(&fenced, 0.5) - bare);
        floor.push(bare);
    }
    let note = format!("without it {:.1} ms", percentile(&floor, 0.5));
    Ok(Row::absolute("policy_sandbox", &more).noting(note))
}

/// All lines of the corpus, everyday and harmful.
fn lines() -> Result<Vec<String>> {
    let mut lines = Vec::new();
    for side in ["everyday", "harmful"] {
        for file in fs::read_dir(Path::new(CORPUS).join(side)).context("the corpus")? {
            for line in fs::read_to_string(file?.path())?.lines() {
                lines.push(serde_json::from_str::<Entry>(line)?.cmd);
            }
        }
    }
    Ok(lines)
}
