//! `idle_*`: what an agent that does nothing costs the relay: memory, flat in their number, and CPU.

use crate::Bench;
use crate::machine::descriptors;
use crate::proc::{self, Id};
use crate::report::Row;
use crate::rig::{FloorRelay, at, load};
use crate::stats::{Memory, Rounds};
use anyhow::Result;
use lanyard_tests::Relay;
use lanyard_tests::process::Process;
use std::time::Duration;
use tokio::time::sleep;

/// How many there are, and the figure that is of them.
const STAGES: [(u32, &str); 3] = [
    (500, "idle_agent_500"),
    (2000, "idle_agent_2000"),
    (10_000, "idle_agent"),
];
/// The number of agents whose CPU is measured.
const CPU_AT: u32 = 2000;
/// Every agent pings once in this time.
const WATCHED: Duration = Duration::from_secs(20);
/// What was said last has been heard, and buffers of handshakes are gone.
const SETTLED: Duration = Duration::from_secs(1);
/// What a process needs beside one descriptor for each agent.
const SPARE: u64 = 200;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let most = bench.choose(2000, 10_000);
    let dir = tempfile::tempdir()?;
    let relay = Relay::start_tls_only(dir.path().join("relay")).await?;
    let id = relay.process.pid()?.as_raw_nonzero().get();
    let floor = FloorRelay::start(dir.path()).await?;
    let before = (proc::anonymous(id)?, proc::anonymous(floor.id()?)?);
    let mut loads: Vec<Process> = Vec::new();
    let mut rows = Vec::new();
    let mut there = 0;
    for (agents, name) in STAGES {
        if agents > most {
            rows.push(Row::missing(name, "not in a quick run"));
            continue;
        }
        if u64::from(agents) + SPARE > descriptors() {
            let why = format!(
                "a process may have {} descriptors here; `ulimit -n` raises that",
                descriptors()
            );
            rows.push(Row::missing(name, why));
            continue;
        }
        let crowd = [
            "--first",
            &(there + 1).to_string(),
            "--count",
            &(agents - there).to_string(),
        ];
        for (what, at) in [("agents", &at(&relay)[..]), ("floor-agents", &floor.at())] {
            let mut load = load(what, at, &crowd)?;
            crate::say::progress(&format!("{what} up to {agents}"));
            standing(&mut load).await?;
            loads.push(load);
        }
        there = agents;
        sleep(SETTLED).await;
        let each = |now: f64, before: f64| (now - before) / f64::from(agents);
        let memory = Memory {
            agents: agents as usize,
            ours: each(proc::anonymous(id)?, before.0),
            floor: each(proc::anonymous(floor.id()?)?, before.1),
        };
        bench.memory.push(memory);
        let mut rounds = Rounds::default();
        rounds.push(memory.ours / 1024.0, memory.floor / 1024.0);
        rows.push(Row::ratio(name, &rounds, "KiB", agents as usize));
        if agents == CPU_AT {
            rows.push(Row::absolute("idle_cpu", &[cpu(id, agents).await?]));
        }
    }
    if there < CPU_AT {
        rows.push(Row::missing(
            "idle_cpu",
            "too few descriptors for its agents",
        ));
    }
    Ok(rows)
}

/// Enrolling writes to disk twice for each, so this takes a while.
async fn standing(load: &mut Process) -> Result<()> {
    load.event_within(Duration::from_secs(300), "standing")
        .await
        .map(drop)
}

/// Microseconds a second for one agent.
async fn cpu(relay: Id, agents: u32) -> Result<f64> {
    let before = proc::cpu(&[relay])?;
    sleep(WATCHED).await;
    let spent = proc::cpu(&[relay])?.since(&before);
    Ok(spent / WATCHED.as_secs_f64() / f64::from(agents))
}
