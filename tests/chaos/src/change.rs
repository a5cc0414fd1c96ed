//! A change that is asked for while something breaks: it must be made once, and said to be made.

use crate::arena::{ANSWERED, Arena, failed};
use crate::proxy::End;
use crate::screen::SIZE;
use anyhow::{Context as _, Result};
use fastrand::Rng;
use lanyard_client::client::Client;
use lanyard_client::keys::Store;
use lanyard_shared::msg::Grid;
use rustix::process::Signal;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A terminal is asked for, and something breaks before the answer is there. The viewer asks again by itself; there must be one terminal.
/// Then it is ended in the same way, and there must be none.
///
/// # Errors
/// Nothing could be asked for.
pub async fn ask_in_mid_break(arena: &mut Arena, random: &mut Rng) -> Result<()> {
    let (device, machine) = arena.paired(&["view", "terminal"]).await?;
    let (keys, _) = Store::at(&device)
        .load()
        .map_err(failed)?
        .context("not paired")?;
    let client = Client::start(&keys, &machine).map_err(failed)?;
    let name = format!("made {}", random.u32(..));
    let grid = Grid {
        cols: SIZE.0,
        rows: SIZE.1,
    };
    let (created, broken) = tokio::join!(
        timeout(ANSWERED, client.create(grid, &name)),
        break_something(arena, random)
    );
    broken?;
    let created = created.context("no answer to a wish for a terminal")?;
    let created = created.map_err(failed)?;
    there_are(arena, &name, 1).await?;
    let (ended, broken) = tokio::join!(
        timeout(ANSWERED, client.end(created.id)),
        break_something(arena, random)
    );
    broken?;
    ended
        .context("no answer to a wish for an end")?
        .map_err(failed)?;
    there_are(arena, &name, 0).await?;
    client.close().await;
    Ok(())
}

/// While the wish is on its way, or at the machine, or its answer is on its way.
async fn break_something(arena: &mut Arena, random: &mut Rng) -> Result<()> {
    sleep(Duration::from_micros(random.u64(..20_000))).await;
    match random.u32(..6) {
        0 => arena.far.end(End::Closed),
        1 => arena.far.end(End::Reset),
        2 => arena.near.end(End::Reset),
        3 => arena.relay.again(Signal::KILL, Duration::ZERO).await?,
        _ => arena.agent.again(Signal::KILL, Duration::ZERO).await?,
    }
    Ok(())
}

async fn there_are(arena: &mut Arena, name: &str, wanted: usize) -> Result<()> {
    let status = arena.lanyard(&["status", "--json"]).await?;
    let status: serde_json::Value = serde_json::from_str(&status)?;
    let all = status["terminals"].as_array().context("terminals")?;
    let count = all.iter().filter(|one| one["name"] == name).count();
    if count != wanted {
        let model = &mut arena.terminals[0].model;
        model.differ(
            count > wanted,
            format!("{count} terminals called {name}, not {wanted}"),
        );
    }
    Ok(())
}
