//! `head_of_line`: a key on one terminal while another terminal of the same viewer is flooded, on the same two sockets. The flood is taken
//! as fast as a browser can draw it, so every queue on its way is full, and the processor is not what the key waits for. The note says what
//! a flood does that is taken as fast as it comes.

use super::bulk::{Flood, SLOW};
use super::echo::{WARM_UP, type_keys};
use crate::Bench;
use crate::report::Row;
use crate::rig::Ours;
use crate::stats::{Rounds, median, percentile};
use crate::terminal::{Ours as OurTerminal, hand_over};
use anyhow::Result;
use lanyard_tests::viewer::plain;

/// More than anybody takes while keys are typed.
const ENDLESS: u64 = 1 << 40;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let (rounds, keys) = bench.choose((2, 200), (5, 400));
    let ours = Ours::start().await?;
    let (_, mut terminal) = ours.terminal().await?;
    hand_over(&mut terminal, "exec cat").await?;
    type_keys(&mut terminal, WARM_UP).await?;
    let (mut drawn, mut unbounded) = (Rounds::default(), Rounds::default());
    for _ in 0..rounds {
        let quiet = percentile(&type_keys(&mut terminal, keys).await?, 0.99);
        let busy = beside_a_flood(&ours, &mut terminal, keys, Some(SLOW)).await?;
        drawn.push(percentile(&busy, 0.99), quiet);
        let busy = beside_a_flood(&ours, &mut terminal, keys, None).await?;
        unbounded.push(percentile(&busy, 0.99), quiet);
    }
    let note = format!(
        "{:.1}x when the flood is taken as fast as it comes",
        median(&unbounded.ratios())
    );
    let row = Row::ratio("head_of_line", &drawn, "us", rounds * keys);
    Ok(vec![row.noting(note)])
}

/// Keys typed while another terminal is flooded, and so many bytes a second of it are taken.
async fn beside_a_flood(
    ours: &Ours,
    terminal: &mut OurTerminal,
    keys: usize,
    pace: Option<f64>,
) -> Result<Vec<f64>> {
    let (id, mut flooded) = ours.terminal().await?;
    let mut flood = Flood::begin(&mut flooded, ENDLESS).await?;
    let flooding = async {
        loop {
            flood.read(&mut flooded).await?;
            if let Some(pace) = pace {
                flood.keep_to(pace).await;
            }
        }
    };
    let trips = tokio::select! {
        trips = type_keys(terminal, keys) => trips?,
        stuck = flooding => return stuck,
    };
    drop(flooded);
    ours.viewer.client.end(id).await.map_err(plain)?;
    Ok(trips)
}
