//! `relay_limit*`: bytes a second through the relay alone, and its CPU for them: an agent's link makes them, a viewer's link counts them.

use crate::Bench;
use crate::proc::{self, Id};
use crate::report::Row;
use crate::rig::{FloorRelay, at, load};
use crate::stats::Rounds;
use anyhow::{Context as _, Result};
use lanyard_tests::Relay;
use lanyard_tests::process::Process;

const MIB: u64 = 1024 * 1024;
const MB: f64 = 1e6;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let (rounds, bytes) = bench.choose((2, 256 * MIB), (3, 2048 * MIB));
    let dir = tempfile::tempdir()?;
    let relay = Relay::start_tls_only(dir.path().join("relay")).await?;
    let relay_id = relay.process.pid()?.as_raw_nonzero().get();
    let floor = FloorRelay::start(dir.path()).await?;
    let bytes = ["--bytes", &bytes.to_string()];
    let (mut speed, mut cost) = (Rounds::default(), Rounds::default());
    for _ in 0..rounds {
        let ours = flood(load("flood", &at(&relay), &bytes)?, relay_id).await?;
        let theirs = flood(load("floor-flood", &floor.at(), &bytes)?, floor.id()?).await?;
        speed.push(ours.0, theirs.0);
        cost.push(ours.1, theirs.1);
    }
    Ok(vec![
        Row::ratio("relay_limit", &speed, "MB/s", rounds),
        Row::ratio("relay_limit_cpu", &cost, "us/MB", rounds),
    ])
}

/// MB a second, and microseconds of the relay's CPU for one MB.
async fn flood(mut load: Process, relay: Id) -> Result<(f64, f64)> {
    load.event_named("begun").await?;
    let before = proc::cpu(&[relay])?;
    let over = load.event_named("over").await?;
    let spent = proc::cpu(&[relay])?.since(&before);
    let megabytes = over["bytes"].as_f64().context("bytes")? / MB;
    let seconds = over["seconds"].as_f64().context("seconds")?;
    Ok((megabytes / seconds, spent / megabytes))
}
