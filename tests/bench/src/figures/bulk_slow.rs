//! `bulk_slow*`: output for somebody who takes it slowly, stops for a while, or stops for good beside somebody who does not.

use super::bulk::{Flood, SLOW, flood};
use crate::Bench;
use crate::pattern::{BULK, Pattern};
use crate::proc;
use crate::report::Row;
use crate::rig::Ours;
use crate::stats::{Rounds, median};
use crate::terminal::Terminal as _;
use anyhow::Result;
use lanyard_client::Mode;
use lanyard_shared::limits::RELAY_WINDOW;
use lanyard_tests::TestViewer;
use lanyard_tests::viewer::plain;
use std::time::Duration;
use tokio::time::sleep;

/// What a viewer takes before it stops.
const BEFORE_STOP: u64 = BULK / 8;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let stop = Duration::from_secs(bench.choose(3, 10));
    let rounds = bench.choose(2, 6);
    let expected = Pattern::digest(BULK);
    let ours = Ours::start().await?;
    // The first flood makes the relay's buffers what they are in use.
    let (id, mut terminal) = ours.terminal().await?;
    flood(&mut terminal, &expected).await?;
    ours.viewer.client.end(id).await.map_err(plain)?;

    slowly(&ours, &expected).await?;
    let held = stopping(&ours, stop, &expected).await?;
    let exact = Row::absolute("bulk_slow", &[1.0, 1.0]);
    let memory = Row {
        sides: Some([held / 1024.0, f64::from(RELAY_WINDOW) / 1024.0]),
        measure: "KiB",
        ..Row::absolute("bulk_slow_memory", &[held / f64::from(RELAY_WINDOW)])
    };

    let mut speed = Rounds::default();
    for _ in 0..rounds {
        let alone = beside(&ours, None, &expected).await?;
        let guest = TestViewer::pair(&ours.world, &["view"]).await?;
        let beside = beside(&ours, Some(&guest), &expected).await?;
        guest.client.close().await;
        speed.push(beside, alone);
    }
    let guest = Row::ratio("bulk_slow_guest", &speed, "MB/s", rounds);
    Ok(vec![exact, memory, guest])
}

/// Takes 20 MB a second, to the end.
async fn slowly(ours: &Ours, expected: &[u8]) -> Result<()> {
    let (id, mut terminal) = ours.terminal().await?;
    let mut flood = Flood::begin(&mut terminal, BULK).await?;
    while flood.left > 0 {
        flood.read(&mut terminal).await?;
        flood.keep_to(SLOW).await;
    }
    flood.end(expected)?;
    ours.viewer.client.end(id).await.map_err(plain)
}

/// Takes some, stops, takes the rest; the memory that the relay took meanwhile, in bytes.
async fn stopping(ours: &Ours, stop: Duration, expected: &[u8]) -> Result<f64> {
    let relay = ours.relay()?;
    let (id, mut terminal) = ours.terminal().await?;
    let quiet = proc::anonymous(relay)?;
    let mut flood = Flood::begin(&mut terminal, BULK).await?;
    while flood.left > BULK - BEFORE_STOP {
        flood.read(&mut terminal).await?;
    }
    let looks = 10;
    let mut held = Vec::new();
    for _ in 0..looks {
        sleep(stop / looks).await;
        held.push(proc::anonymous(relay)? - quiet);
    }
    while flood.left > 0 {
        flood.read(&mut terminal).await?;
    }
    flood.end(expected)?;
    ours.viewer.client.end(id).await.map_err(plain)?;
    Ok(median(&held).max(0.0))
}

/// The driver's speed, with a guest that reads nothing or without one.
async fn beside(ours: &Ours, guest: Option<&TestViewer>, expected: &[u8]) -> Result<f64> {
    let (id, mut terminal) = ours.terminal().await?;
    let mut stalled = None;
    if let Some(guest) = guest {
        let mut watching = ours.open(&guest.client, id, Mode::ViewOnly)?;
        watching.read().await?;
        stalled = Some(watching);
    }
    let speed = flood(&mut terminal, expected).await?;
    drop(stalled);
    ours.viewer.client.end(id).await.map_err(plain)?;
    Ok(speed)
}
