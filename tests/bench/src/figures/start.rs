//! `start*`: how soon a relay listens and an agent has its link, on a machine where both have run before.

use crate::Bench;
use crate::report::Row;
use anyhow::Result;
use lanyard_tests::World;
use tokio::time::Instant;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let rounds = bench.choose(3, 15);
    let mut world = World::start_tls_only().await?;
    let (mut listening, mut linked) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        world.agent.process.leave().await?;
        world.relay.process.leave().await?;
        let began = Instant::now();
        world.relay.restart().await?;
        listening.push(began.elapsed().as_secs_f64() * 1e3);
        let began = Instant::now();
        world.agent.restart().await?;
        linked.push(began.elapsed().as_secs_f64() * 1e3);
    }
    Ok(vec![
        Row::absolute("start", &listening),
        Row::absolute("start_link", &linked),
    ])
}
