//! The device file of `lanyard attach`: never replaced, for it is the device.

use crate::harm::{DAMAGE, Harm, TOUCHED, look};
use anyhow::{Context as _, Result, ensure};
use lanyard_tests::process::run;
use lanyard_tests::{Agent, World};
use std::path::{Path, PathBuf};

/// Runs a command at the machine through its relay, as a device with these keys.
async fn attach(world: &World, keys: &Path, link: Option<&str>) -> Result<(i32, String, String)> {
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    command.arg("attach").args(link);
    command
        .arg("--keys")
        .arg(keys)
        .args(["--exec", "echo n$((1+1))"]);
    let (status, out, err) = run(&mut command).await?;
    Ok((status.code().context("a status")?, out, err))
}

/// A device that is paired and may type: its file, and what is in it.
async fn paired(world: &World) -> Result<(PathBuf, Vec<u8>)> {
    let folder = world.path("viewer");
    std::fs::create_dir(&folder)?;
    let keys = folder.join("device.json");
    let link = world
        .agent
        .pairing_link(&["view", "terminal"], true)
        .await?;
    let (status, out, err) = attach(world, &keys, Some(&link)).await?;
    ensure!(status == 0 && out.contains("n2"), "{err}");
    let content = std::fs::read(&keys)?;
    Ok((keys, content))
}

#[tokio::test]
async fn a_damaged_device_file_is_named_and_left_as_it_is() -> Result<()> {
    let world = World::start().await?;
    let (keys, whole) = paired(&world).await?;
    let damage = DAMAGE.iter().chain(TOUCHED);
    // A flipped bit in a key makes another device of it, which the machine refuses; one in a brace is damage.
    for harm in damage.filter(|harm| **harm != Harm::Flipped) {
        if keys.is_dir() {
            std::fs::remove_dir_all(&keys)?;
        } else {
            std::fs::remove_file(&keys)?;
        }
        lanyard_dial::private_file::write_private(&keys, &whole)?;
        if !harm.strike(&keys)? {
            continue;
        }
        let found = look(&keys)?;
        let (status, out, err) = attach(&world, &keys, None).await?;
        let lines: Vec<_> = err.lines().collect();
        ensure!(status != 0 && out.is_empty(), "{harm:?}: {out}");
        ensure!(lines.len() == 2, "{harm:?}: {err}");
        ensure!(lines[0].contains("device.json"), "{harm:?}: {err}");
        let ways = ["pair again", "chmod 600", "as the user"];
        ensure!(
            ways.iter().any(|way| lines[1].contains(way)),
            "{harm:?}: {err}"
        );
        ensure!(look(&keys)? == found, "{harm:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_device_file_of_a_later_version_is_left_to_it() -> Result<()> {
    let world = World::start().await?;
    let (keys, whole) = paired(&world).await?;
    let later = String::from_utf8(whole)?.replace("\"version\": 1", "\"more\": [], \"version\": 2");
    lanyard_dial::private_file::write_private(&keys, later.as_bytes())?;
    let (status, _, err) = attach(&world, &keys, None).await?;
    ensure!(
        status != 0 && err.contains("later version") && err.contains("run that version"),
        "{err}"
    );
    ensure!(std::fs::read_to_string(&keys)? == later);
    Ok(())
}

#[tokio::test]
async fn a_flipped_bit_in_a_devices_key_lets_nobody_in() -> Result<()> {
    let world = World::start().await?;
    let (keys, whole) = paired(&world).await?;
    let text = String::from_utf8(whole)?;
    let place = text.find("\"key\": \"").context("a key")? + 12;
    let other = if &text[place..=place] == "A" {
        "B"
    } else {
        "A"
    };
    let mut flipped = text.clone();
    flipped.replace_range(place..=place, other);
    lanyard_dial::private_file::write_private(&keys, flipped.as_bytes())?;
    let (status, _, err) = attach(&world, &keys, None).await?;
    ensure!(status != 0 && err.contains("hint: "), "{err}");
    Ok(())
}

#[tokio::test]
async fn what_a_power_failure_left_beside_a_device_file_is_cleared_away() -> Result<()> {
    let world = World::start().await?;
    let (keys, _) = paired(&world).await?;
    let left = keys.with_file_name(".device-AAAAAAAAAAA");
    std::fs::write(&left, "{\"key\":")?;
    let mine = keys.with_file_name(".device-of-ada");
    std::fs::write(&mine, "mine")?;
    // Pairing again writes the file.
    let link = world
        .agent
        .pairing_link(&["view", "terminal"], true)
        .await?;
    let (status, _, err) = attach(&world, &keys, Some(&link)).await?;
    ensure!(status == 0, "{err}");
    ensure!(!left.exists() && mine.exists());
    Ok(())
}
