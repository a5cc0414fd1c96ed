//! Files of the agent that it can do without: it starts, says what was wrong, and keeps what it found.

use crate::door::{lets_in, turns_away};
use crate::harm::{Before, DAMAGE, Harm, kept, look};
use anyhow::{Context as _, Result, ensure};
use lanyard_tests::{TestViewer, World};
use serde_json::{Value, json};

const BOTH: &[&str] = &["view", "terminal"];

async fn status(world: &World) -> Result<Value> {
    world.agent.owner(json!({"t": "status"})).await
}

/// The findings that `lanyard status` shows.
fn findings(status: &Value) -> Result<Vec<String>> {
    let list = status["findings"].as_array().context("a list")?;
    let sentences = list.iter().map(|one| one["sentence"].to_string());
    Ok(sentences.collect())
}

/// Starts the agent on what lies there; returns what it said was wrong before it was online.
async fn start(world: &mut World) -> Result<Vec<Value>> {
    let (agent, troubles) = world.agent.start_and_listen().await?;
    world.agent = agent;
    Ok(troubles
        .into_iter()
        .filter(|event| event["event"] == "trouble")
        .collect())
}

/// Does each harm to a file, and looks at how the agent starts then, and that the second start finds nothing more.
async fn each(
    world: &mut World,
    name: &str,
    harms: &[Harm],
    check: impl AsyncFn(&World, Harm, &[Value]) -> Result<()>,
) -> Result<()> {
    world.agent.process.leave().await?;
    let before = Before::of(&world.agent.state)?;
    for harm in harms {
        before.restore()?;
        let path = world.agent.state.join(name);
        if !harm.strike(&path)? {
            continue;
        }
        let found = look(&path)?;
        let troubles = start(world).await?;
        let said = format!("{harm:?}: {troubles:?}");
        ensure!(troubles.len() == 1, "{said}");
        ensure!(troubles[0].to_string().contains(name), "{said}");
        ensure!(!troubles[0]["hint"].as_str().context("a hint")?.is_empty());
        let aside = kept(&world.agent.state, name)?;
        ensure!(aside.len() == 1, "{harm:?}: {aside:?}");
        ensure!(look(&aside[0])? == found, "{harm:?}");
        check(world, *harm, &troubles).await?;

        // It goes on from there, also when it is killed, until the owner has taken away what was kept.
        world.agent.process.kill().await?;
        ensure!(start(world).await?.is_empty(), "{harm:?}");
        ensure!(kept(&world.agent.state, name)?.len() == 1, "{harm:?}");
        let shown = findings(&status(world).await?)?;
        ensure!(shown.len() == 1 && shown[0].contains(name), "{shown:?}");
        let aside = &aside[0];
        if std::fs::symlink_metadata(aside)?.is_dir() {
            std::fs::remove_dir_all(aside)?;
        } else {
            std::fs::remove_file(aside)?;
        }
        ensure!(findings(&status(world).await?)?.is_empty(), "{harm:?}");
        world.agent.process.leave().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_damaged_table_of_devices_is_replaced_by_its_copy_and_paired_devices_come_back()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    each(
        &mut world,
        "devices.json",
        DAMAGE,
        async |world, harm, _| {
            let status = status(world).await?;
            ensure!(status["locked"] == false, "{harm:?}");
            ensure!(status["devices"][0]["name"] == "test", "{harm:?}");
            lets_in(world, &viewer).await
        },
    )
    .await
}

#[tokio::test]
async fn when_table_and_copy_are_damaged_nobody_is_admitted_and_the_machine_is_locked() -> Result<()>
{
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    world.agent.process.leave().await?;
    let (table, copy) = ("devices.json", "devices.copy.json");
    let before = Before::of(&world.agent.state)?;
    for (first, second) in [
        (Harm::Empty, Harm::Empty),
        (Harm::Half, Harm::Flipped),
        (Harm::Zeros, Harm::Gone),
        (Harm::Gone, Harm::Folder),
    ] {
        before.restore()?;
        first.strike(&world.agent.state.join(table))?;
        second.strike(&world.agent.state.join(copy))?;
        let troubles = start(&mut world).await?;
        ensure!(troubles.len() == 1, "{troubles:?}");
        let said = troubles[0].to_string();
        ensure!(said.contains(table) && said.contains("locked"), "{said}");
        ensure!(said.contains("lanyard unlock"), "{said}");
        // Also after a kill.
        world.agent.process.kill().await?;
        start(&mut world).await?;
        let status = status(&world).await?;
        ensure!(status["locked"] == true && status["devices"] == json!([]));
        let answer = world.agent.owner(json!({"t": "lock", "locked": false}));
        ensure!(answer.await?["event"] == "done");
        turns_away(&world, &viewer).await?;
        // By the owner's yes it comes back.
        let again = TestViewer::pair(&world, BOTH).await?;
        drop(again);
        world.agent.process.leave().await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_table_that_is_gone_is_no_new_machine() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    world.agent.process.leave().await?;
    Harm::Gone.strike(&world.agent.state.join("devices.json"))?;
    let troubles = start(&mut world).await?;
    ensure!(troubles.len() == 1 && troubles[0].to_string().contains("missing"));
    lets_in(&world, &viewer).await
}

#[tokio::test]
async fn a_damaged_latest_time_is_taken_from_keys_and_devices() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    drop(viewer);
    each(&mut world, "clock.json", DAMAGE, async |world, harm, _| {
        let status = status(world).await?;
        ensure!(status["clock_behind"].is_null(), "{harm:?}");
        Ok(())
    })
    .await?;
    // A clock that is set back below what the devices tell of is noticed all the same.
    Harm::Empty.strike(&world.agent.state.join("clock.json"))?;
    let (agent, _) = world.agent.start_with_clock(-300).await?;
    world.agent = agent;
    let status = status(&world).await?;
    ensure!(!status["clock_behind"].is_null(), "{status}");
    Ok(())
}

#[tokio::test]
async fn what_lies_in_the_place_of_a_socket_or_of_the_terminals_is_moved_away() -> Result<()> {
    let mut world = World::start().await?;
    world.agent.process.leave().await?;
    let before = Before::of(&world.agent.state)?;
    let mut cases = vec![("owner.sock", Harm::Folder)];
    for harm in [Harm::Empty, Harm::Link, Harm::Pipe] {
        cases.extend([("owner.sock", harm), ("holders", harm)]);
    }
    for (name, harm) in cases {
        before.restore()?;
        let path = world.agent.state.join(name);
        std::fs::write(&path, "not ours")?;
        harm.strike(&path)?;
        let found = look(&path)?;
        let troubles = start(&mut world).await?;
        ensure!(troubles.len() == 1, "{name} {harm:?}: {troubles:?}");
        ensure!(troubles[0].to_string().contains(name));
        let aside = kept(&world.agent.state, name)?;
        ensure!(aside.len() == 1 && look(&aside[0])? == found, "{harm:?}");
        let viewer = TestViewer::pair(&world, BOTH).await?;
        let mut terminal = viewer.terminal().await?;
        terminal.type_text("echo n$((1+1))\r").await?;
        terminal.until("n2\r\n").await?;
        world.agent.process.leave().await?;
    }
    Ok(())
}

#[tokio::test]
async fn what_a_power_failure_left_half_written_is_cleared_away() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    drop(viewer);
    world.agent.process.kill().await?;
    let left = ["identity.new-71", "devices.new-71", "clock.new-4194304"];
    for name in left {
        std::fs::write(world.agent.state.join(name), "{\"identity\":")?;
    }
    let others = ["notes.new-idea", "identity.key.of-ada"];
    for name in others {
        std::fs::write(world.agent.state.join(name), "mine")?;
    }
    ensure!(start(&mut world).await?.is_empty());
    for name in left {
        ensure!(!world.agent.state.join(name).exists(), "{name}");
    }
    for name in others {
        ensure!(world.agent.state.join(name).exists(), "{name}");
    }
    Ok(())
}
