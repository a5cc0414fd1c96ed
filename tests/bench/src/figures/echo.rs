//! `echo_*`: one key to a raw PTY that runs `cat`, and back; in latency, and in CPU at the relay and on the developer's machine.

use crate::Bench;
use crate::floor::Wish;
use crate::proc::{self, Id};
use crate::report::Row;
use crate::rig::{Floor, Ours};
use crate::stats::{Rounds, percentile};
use crate::terminal::{Terminal, hand_over};
use anyhow::Result;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// From one key to the next: a fast typist is twenty times slower, so a round trip is seen alone.
pub const APART: Duration = Duration::from_millis(5);
/// Keys before it counts.
pub const WARM_UP: usize = 100;

/// What one side's round cost.
struct Round {
    trips: Vec<f64>,
    relay: f64,
    machine: f64,
}

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let (rounds, keys) = bench.choose((4, 250), (10, 500));
    let ours = Ours::start().await?;
    let mut floor = Floor::start().await?;
    let (_, mut our_terminal) = ours.terminal().await?;
    let mut floor_terminal = floor.attach(Wish::New, 1).await?;
    hand_over(&mut our_terminal, "exec cat").await?;
    hand_over(&mut floor_terminal, "exec cat").await?;
    type_keys(&mut our_terminal, WARM_UP).await?;
    type_keys(&mut floor_terminal, WARM_UP).await?;
    let (our_ids, floor_ids) = (
        (ours.relay()?, ours.machine()?),
        (floor.relay()?, floor.machine()?),
    );
    let mut rows: [Rounds; 4] = Default::default();
    for number in 0..rounds {
        // Whoever is second finds other caches; so they take turns.
        let (our, their) = if number % 2 == 0 {
            let our = round(&mut our_terminal, keys, &our_ids).await?;
            (our, round(&mut floor_terminal, keys, &floor_ids).await?)
        } else {
            let their = round(&mut floor_terminal, keys, &floor_ids).await?;
            (round(&mut our_terminal, keys, &our_ids).await?, their)
        };
        let [p50, p99, relay, machine] = &mut rows;
        p50.push(percentile(&our.trips, 0.5), percentile(&their.trips, 0.5));
        p99.push(percentile(&our.trips, 0.99), percentile(&their.trips, 0.99));
        relay.push(our.relay, their.relay);
        machine.push(our.machine, their.machine);
        bench.echoes[0].extend(our.trips);
        bench.echoes[1].extend(their.trips);
    }
    let names = ["echo_p50", "echo_p99", "echo_cpu", "echo_cpu_agent"];
    Ok(names
        .into_iter()
        .zip(&rows)
        .map(|(name, rounds_of)| Row::ratio(name, rounds_of, "us", rounds * keys))
        .collect())
}

async fn round(
    terminal: &mut impl Terminal,
    keys: usize,
    (relay, machine): &(Id, Vec<Id>),
) -> Result<Round> {
    let before = (proc::cpu(&[*relay])?, proc::cpu(machine)?);
    let trips = type_keys(terminal, keys).await?;
    Ok(Round {
        trips,
        relay: proc::cpu(&[*relay])?.since(&before.0) / keys as f64,
        machine: proc::cpu(machine)?.since(&before.1) / keys as f64,
    })
}

/// Types so many keys and waits for each to come back; the round trips in microseconds.
///
/// # Errors
/// The terminal is gone.
pub async fn type_keys(terminal: &mut impl Terminal, keys: usize) -> Result<Vec<f64>> {
    let mut trips = Vec::with_capacity(keys);
    let mut next = Instant::now();
    for key in 0..keys {
        sleep_until(next).await;
        let typed = Instant::now();
        next = typed + APART;
        terminal.write(&[b'a' + (key % 26) as u8]).await?;
        terminal.read().await?;
        trips.push(typed.elapsed().as_secs_f64() * 1e6);
    }
    Ok(trips)
}
