//! `attach_*`: from a viewer's first packet to the first bytes of a terminal.

use crate::Bench;
use crate::floor::Wish;
use crate::report::Row;
use crate::rig::{Floor, Ours};
use crate::stats::Rounds;
use crate::terminal::{Ours as OurTerminal, Terminal, hand_over};
use anyhow::Result;
use lanyard_client::Mode;
use lanyard_client::client::Client;
use lanyard_shared::ids::TerminalId;
use lanyard_tests::viewer::{GRID, plain};
use tokio::time::Instant;

/// What a terminal with history has shown: more than fits into a screen.
const HISTORY: &str = "read begin; seq 2000; exec cat";
/// The floor's terminal with history.
const OLD: u32 = 0;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let rounds = bench.choose(6, 30);
    let ours = Ours::start().await?;
    let mut floor = Floor::start().await?;
    let (old, mut terminal) = ours.terminal().await?;
    history(&mut terminal).await?;
    let mut terminal = floor.attach(Wish::New, OLD).await?;
    history(&mut terminal).await?;
    let (mut new, mut existing) = (Rounds::default(), Rounds::default());
    for number in 0..rounds {
        let our = attach_new(&ours).await?;
        new.push(our, floor_attach(&mut floor, Wish::New, number + 1).await?);
        let our = attach_existing(&ours, old).await?;
        existing.push(our, floor_attach(&mut floor, Wish::Existing, OLD).await?);
    }
    let rounds = rounds as usize;
    Ok(vec![
        Row::ratio("attach_new", &new, "ms", rounds),
        Row::ratio("attach_existing", &existing, "ms", rounds),
    ])
}

async fn history(terminal: &mut impl Terminal) -> Result<()> {
    hand_over(terminal, HISTORY).await?;
    terminal.write(b"\n").await?;
    let mut seen = Vec::new();
    while !seen.ends_with(b"2000\n") {
        seen.extend_from_slice(&terminal.read().await?);
    }
    Ok(())
}

async fn attach_new(ours: &Ours) -> Result<f64> {
    let began = Instant::now();
    let client = start(ours)?;
    let id = client.create(GRID, "bench").await.map_err(plain)?.id;
    let mut terminal = ours.open(&client, id, Mode::Drive)?;
    first_bytes(&mut terminal).await?;
    let took = milliseconds(began);
    client.end(id).await.map_err(plain)?;
    client.close().await;
    Ok(took)
}

async fn attach_existing(ours: &Ours, id: TerminalId) -> Result<f64> {
    let began = Instant::now();
    let client = start(ours)?;
    let mut terminal: OurTerminal = ours.open(&client, id, Mode::Drive)?;
    first_bytes(&mut terminal).await?;
    let took = milliseconds(began);
    client.close().await;
    Ok(took)
}

async fn floor_attach(floor: &mut Floor, wish: Wish, number: u32) -> Result<f64> {
    floor.ready().await?;
    let began = Instant::now();
    let mut terminal = floor.attach(wish, number).await?;
    first_bytes(&mut terminal).await?;
    Ok(milliseconds(began))
}

/// What is asked for at once waits in the viewer for its session, as in a page that knows which terminal it shows.
fn start(ours: &Ours) -> Result<Client> {
    Client::start(&ours.viewer.device, &ours.viewer.machine).map_err(plain)
}

/// Waits for something to show. The picture of an empty screen is nothing.
async fn first_bytes(terminal: &mut impl Terminal) -> Result<()> {
    while terminal.read().await?.is_empty() {}
    Ok(())
}

fn milliseconds(began: Instant) -> f64 {
    began.elapsed().as_secs_f64() * 1e3
}
