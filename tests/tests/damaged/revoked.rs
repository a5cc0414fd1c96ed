//! What was ended stays ended, whatever becomes of the files that say so.

use crate::door::{lets_in, turns_away};
use crate::harm::{DAMAGE, Harm};
use anyhow::{Result, ensure};
use lanyard_client::client::Client;
use lanyard_tests::{TestViewer, World};
use serde_json::json;

const BOTH: &[&str] = &["view", "terminal"];

#[tokio::test]
async fn a_device_that_was_ended_just_before_the_table_was_damaged_stays_ended() -> Result<()> {
    let mut world = World::start().await?;
    let stays = TestViewer::pair(&world, BOTH).await?;
    for harm in [&[Harm::Gone], DAMAGE].concat() {
        let ended = TestViewer::pair(&world, BOTH).await?;
        world.agent.end_device(ended.device.id()).await?;
        world.agent.process.kill().await?;
        harm.strike(&world.agent.state.join("devices.json"))?;
        world.agent.restart().await?;
        turns_away(&world, &ended).await?;
        lets_in(&world, &stays).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_machine_that_was_locked_just_before_the_table_was_damaged_stays_locked() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let answer = world.agent.owner(json!({"t": "lock", "locked": true}));
    ensure!(answer.await?["event"] == "done");
    for harm in DAMAGE {
        world.agent.process.kill().await?;
        harm.strike(&world.agent.state.join("devices.json"))?;
        world.agent.restart().await?;
        let status = world.agent.owner(json!({"t": "status"})).await?;
        ensure!(status["locked"] == true, "{harm:?}");
        let refused = Client::connect(&viewer.device, &viewer.machine).await;
        ensure!(refused.is_err(), "{harm:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_copy_that_does_not_follow_the_table_is_never_believed() -> Result<()> {
    let mut world = World::start().await?;
    let ended = TestViewer::pair(&world, BOTH).await?;
    world.agent.process.leave().await?;
    let (table, copy) = ("devices.json", "devices.copy.json");
    let old = std::fs::read(world.agent.state.join(copy))?;
    world.agent.restart().await?;
    world.agent.end_device(ended.device.id()).await?;
    world.agent.process.kill().await?;
    // As a backup of this one file would.
    std::fs::write(world.agent.state.join(copy), &old)?;
    world.agent.restart().await?;
    world.agent.process.kill().await?;
    Harm::Empty.strike(&world.agent.state.join(table))?;
    world.agent.restart().await?;
    turns_away(&world, &ended).await
}
