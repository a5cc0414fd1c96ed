//! `head_of_line`: a key on one terminal while another terminal of the same viewer is flooded, on the same two sockets.

use super::bulk::Flood;
use super::echo::{WARM_UP, type_keys};
use crate::Bench;
use crate::report::Row;
use crate::rig::Ours;
use crate::stats::{Rounds, percentile};
use crate::terminal::hand_over;
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
    let mut trips = Rounds::default();
    for _ in 0..rounds {
        let quiet = type_keys(&mut terminal, keys).await?;
        let (id, mut flooded) = ours.terminal().await?;
        let mut flood = Flood::begin(&mut flooded, ENDLESS).await?;
        let flooding = async {
            loop {
                flood.read(&mut flooded).await?;
            }
        };
        let busy = tokio::select! {
            busy = type_keys(&mut terminal, keys) => busy?,
            stuck = flooding => return stuck,
        };
        drop(flooded);
        ours.viewer.client.end(id).await.map_err(plain)?;
        trips.push(percentile(&busy, 0.99), percentile(&quiet, 0.99));
    }
    let row = Row::ratio("head_of_line", &trips, "us", rounds * keys);
    Ok(vec![row])
}
