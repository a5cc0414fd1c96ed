//! Files that nobody may guess: the machine's keys, its relay, whatever others could have touched. The agent does not start, and is not started again.

use crate::door::lets_in;
use crate::harm::{Before, DAMAGE, Harm, TOUCHED, kept, look};
use anyhow::{Context as _, Result, ensure};
use lanyard_tests::process::run;
use lanyard_tests::{Agent, TestViewer, World};
use std::path::Path;

/// Starts the agent, which must refuse for good; returns its error and its hint.
async fn refused(world: &World, what: &str) -> Result<(String, String)> {
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    let (status, _, complaint) = run(command.args(["up", "--no-pair"])).await?;
    // `RestartPreventExitStatus` of its unit.
    ensure!(status.code() == Some(3), "{what}: {status} {complaint}");
    let lines: Vec<_> = complaint.lines().collect();
    let [error, hint] = lines[..] else {
        anyhow::bail!("{what}: an error and a hint, not {complaint}");
    };
    let error = error.strip_prefix("error: ").context("an error")?;
    let hint = hint.strip_prefix("hint: ").context("a hint")?;
    Ok((error.to_owned(), hint.to_owned()))
}

/// Does each harm to a file; the agent must name the file, and neither touch nor replace it.
async fn each(
    world: &World,
    before: &Before,
    name: &str,
    harms: &[Harm],
    check: impl Fn(Harm, &str, &str) -> Result<()>,
) -> Result<()> {
    for harm in harms {
        before.restore()?;
        let path = world.agent.state.join(name);
        if !harm.strike(&path)? {
            continue;
        }
        let found = look(&path)?;
        for _start in 0..2 {
            let (error, hint) = refused(world, &format!("{name} {harm:?}")).await?;
            ensure!(error.contains(name), "{name} {harm:?}: {error}");
            check(*harm, &error, &hint)?;
            ensure!(look(&path)? == found, "{name} {harm:?}");
            ensure!(kept(&world.agent.state, name)?.is_empty());
        }
    }
    before.restore()
}

#[tokio::test]
async fn damaged_keys_are_never_replaced_and_both_ways_on_are_named() -> Result<()> {
    let mut world = World::start().await?;
    world.agent.process.leave().await?;
    let before = Before::of(&world.agent.state)?;
    each(&world, &before, "identity.key", DAMAGE, |harm, _, hint| {
        for way in ["backup", "mv ", "lanyard up --enrol"] {
            ensure!(hint.contains(way), "{harm:?}: {hint}");
        }
        Ok(())
    })
    .await?;
    // Keys that are gone make no other machine of this one in silence.
    std::fs::remove_file(world.agent.state.join("identity.key"))?;
    let (error, hint) = refused(&world, "gone").await?;
    ensure!(error.contains("identity.key is missing"), "{error}");
    ensure!(hint.contains("backup") && hint.contains("--enrol"));
    ensure!(!world.agent.state.join("identity.key").exists());
    Ok(())
}

#[tokio::test]
async fn the_way_on_that_is_named_for_damaged_keys_is_one() -> Result<()> {
    let mut world = World::start().await?;
    world.agent.process.leave().await?;
    let keys = world.agent.state.join("identity.key");
    Harm::Half.strike(&keys)?;
    let (_, hint) = refused(&world, "half").await?;
    let mut quoted = hint.split('`').skip(1).step_by(2);
    let said = quoted.next().context("a command")?;
    let words: Vec<_> = said.split(' ').collect();
    let done = std::process::Command::new(words[0])
        .args(&words[1..])
        .status()?;
    ensure!(done.success() && Path::new(words[2]).exists(), "{said}");
    let code = world.relay.enrol().await?;
    world.agent = Agent::start(
        world.agent.state.clone(),
        world.home(),
        world.mark(),
        Some(&code),
    )
    .await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    drop(viewer);
    world.agent.process.leave().await?;
    world.agent.restart().await
}

#[tokio::test]
async fn a_damaged_relay_address_is_named_and_enrolling_again_keeps_the_machine_and_its_devices()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    world.agent.process.leave().await?;
    let before = Before::of(&world.agent.state)?;
    let harms: Vec<_> = DAMAGE
        .iter()
        .copied()
        // What a flipped bit makes of it names no relay, or one without its certificate.
        .filter(|harm| *harm != Harm::Flipped)
        .collect();
    each(&world, &before, "relay.json", &harms, |harm, _, hint| {
        for way in ["backup", "lanyard up --enrol"] {
            ensure!(hint.contains(way), "{harm:?}: {hint}");
        }
        Ok(())
    })
    .await?;
    let path = world.agent.state.join("relay.json");
    Harm::Half.strike(&path)?;
    let found = look(&path)?;
    let code = world.relay.enrol().await?;
    world.agent = Agent::start(
        world.agent.state.clone(),
        world.home(),
        world.mark(),
        Some(&code),
    )
    .await?;
    let aside = kept(&world.agent.state, "relay.json")?;
    ensure!(aside.len() == 1 && look(&aside[0])? == found);
    lets_in(&world, &viewer).await
}

#[tokio::test]
async fn what_others_could_have_read_or_written_is_neither_used_nor_replaced() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    drop(viewer);
    world.agent.process.leave().await?;
    let before = Before::of(&world.agent.state)?;
    for name in ["identity.key", "relay.json", "devices.json", "clock.json"] {
        each(&world, &before, name, TOUCHED, |harm, error, hint| {
            let (says, way) = if harm == Harm::Open {
                ("others", "chmod")
            } else {
                ("another user", "as the user")
            };
            ensure!(error.contains(says) && hint.contains(way), "{error} {hint}");
            Ok(())
        })
        .await?;
    }
    each(
        &world,
        &before,
        "lock",
        &[Harm::Folder, Harm::Link, Harm::Pipe],
        |_, _, hint| {
            ensure!(hint.contains("move"), "{hint}");
            Ok(())
        },
    )
    .await
}

#[tokio::test]
async fn files_of_a_later_version_are_left_to_it() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    drop(viewer);
    world.agent.process.leave().await?;
    let before = Before::of(&world.agent.state)?;
    for name in ["identity.key", "devices.json", "clock.json"] {
        before.restore()?;
        let text = b"{\"of\": \"tomorrow\"}";
        let digest = ring::digest::digest(&ring::digest::SHA256, text);
        let hex: String = digest.as_ref().iter().map(|b| format!("{b:02x}")).collect();
        let later = [text, format!("\nsha256 {hex}\n").as_bytes()].concat();
        std::fs::write(world.agent.state.join(name), &later)?;
        let (error, hint) = refused(&world, name).await?;
        ensure!(
            error.contains(name) && error.contains("later version"),
            "{error}"
        );
        ensure!(hint.contains("run that version"), "{hint}");
        ensure!(std::fs::read(world.agent.state.join(name))? == later);
    }
    Ok(())
}
