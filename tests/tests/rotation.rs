//! Keys that take each other's place under sessions that stand: real relay, real agent, real viewer, and kills in between.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_client::client::Client;
use lanyard_client::{State, TerminalEvent};
use lanyard_shared::ids::DeviceId;
use lanyard_tests::process::run;
use lanyard_tests::viewer::plain;
use lanyard_tests::{Agent, PATIENCE, TestTerminal, TestViewer, World};
use serde_json::{Value, json};
use std::path::PathBuf;
use tokio::time::timeout;

const BOTH: &[&str] = &["view", "terminal"];

/// What `lanyard rotate` says in JSON.
async fn rotate(world: &World, args: &[&str]) -> Result<Vec<Value>> {
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    let (status, out, err) = run(command.arg("rotate").args(args).arg("--json")).await?;
    ensure!(status.success(), "{args:?}: {err}");
    Ok(serde_json::from_str(&out)?)
}

async fn typed(terminal: &mut TestTerminal, number: u32) -> Result<()> {
    terminal
        .type_text(&format!("echo n$(({number}+1))\r"))
        .await?;
    terminal.until(&format!("n{}\r\n", number + 1)).await
}

/// A session in which nothing was interrupted.
fn is_unbroken(terminal: &TestTerminal) -> bool {
    let broken = |event: &TerminalEvent| matches!(event, TerminalEvent::Interrupted(_));
    !terminal.events.iter().any(broken)
}

fn key_file(world: &World) -> PathBuf {
    world.agent.state.join("identity.key")
}

fn keys(world: &World) -> Result<Value> {
    let file = std::fs::read(key_file(world))?;
    // Below it is its digest.
    let mut values = serde_json::Deserializer::from_slice(&file).into_iter();
    Ok(values.next().context("keys")??)
}

async fn live(client: &Client) -> Result<()> {
    let mut state = client.state();
    let live = state.wait_for(|state| matches!(state, State::Live));
    timeout(PATIENCE, live).await??;
    Ok(())
}

#[tokio::test]
async fn signer_identity_and_noise_key_change_under_a_session_that_goes_on() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    typed(&mut terminal, 1).await?;
    let before = keys(&world)?;
    for (number, key) in (10..).step_by(10).zip(["signer", "identity", "noise"]) {
        let rotated = rotate(&world, &[key]).await?;
        ensure!(
            rotated.len() == 1 && rotated[0]["key"] == key,
            "{rotated:?}"
        );
        ensure!(rotated[0]["ends"].is_u64(), "an instant: {rotated:?}");
        ensure!(
            rotated[0]["waits"] == "",
            "nobody is waited for: {rotated:?}"
        );
        typed(&mut terminal, number).await?;
    }
    ensure!(is_unbroken(&terminal), "{:?}", terminal.events);
    let after = keys(&world)?;
    ensure!(before["identity"] != after["identity"] && before["noise"] != after["noise"]);
    ensure!(after["agent"] == before["agent"] && after["next"].is_null());
    Ok(())
}

#[tokio::test]
async fn a_viewer_that_was_away_comes_back_after_every_key_has_changed() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let machine = viewer.machine.clone();
    viewer.client.clone().close().await;
    for key in ["noise", "identity", "signer", "identity"] {
        rotate(&world, &[key]).await?;
    }
    world.agent.process.kill().await?;
    world.agent.restart().await?;
    // With what it kept from before all of that.
    let client = Client::connect(&viewer.device, &machine)
        .await
        .map_err(plain)?;
    live(&client).await
}

#[tokio::test]
async fn the_old_identity_opens_no_link_from_the_stated_instant_on() -> Result<()> {
    let mut world = World::start().await?;
    let thief = world.path("thief");
    let before = std::fs::read(key_file(&world))?;
    let rotated = rotate(&world, &["identity"]).await?;
    let now = lanyard_dial::clock::now().unix.0;
    ensure!(rotated[0]["ends"].as_u64().context("an instant")? <= now);
    // Somebody with the old key file, at the same relay.
    world.agent.process.kill().await?;
    let copied = std::process::Command::new("cp")
        .arg("-r")
        .arg(&world.agent.state)
        .arg(&thief)
        .status()?;
    ensure!(copied.success());
    std::fs::write(thief.join("identity.key"), before)?;
    let mut command = Agent::command(&thief, &world.home(), world.mark())?;
    let mut rogue =
        lanyard_tests::process::Process::start(command.args(["up", "--json", "--no-pair"]))?;
    let offline = rogue.event_named("offline").await?;
    ensure!(
        offline["sentence"]
            .as_str()
            .is_some_and(|s| s.contains("proof")),
        "{offline}"
    );
    rogue.kill().await?;
    // The honest twin.
    world.agent.restart().await
}

#[tokio::test]
async fn a_device_changes_its_keys_by_itself_and_goes_on() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    typed(&mut terminal, 1).await?;
    let old = viewer.device.id();
    let rotated = rotate(&world, &["device"]).await?;
    ensure!(
        rotated[0]["waits"] == "" && rotated[0]["ends"].is_u64(),
        "{rotated:?}"
    );
    let status = world.agent.owner(json!({"t": "status"})).await?;
    let devices = status["devices"].as_array().context("devices")?;
    ensure!(
        devices.len() == 1 && devices[0]["id"] != json!(old),
        "{devices:?}"
    );
    typed(&mut terminal, 20).await?;
    // Its old keys are nobody's.
    let refused = Client::connect(&viewer.device, &viewer.machine).await;
    ensure!(refused.is_err_and(|why| why.sentence().contains("does not know this device")));
    Ok(())
}

#[tokio::test]
async fn an_identity_rotation_goes_on_after_a_kill_of_either_side_in_the_middle() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let (before, agent) = (
        keys(&world)?["identity"].clone(),
        keys(&world)?["agent"].clone(),
    );
    // The relay is away: the wish is written down and waits.
    world.relay.process.kill().await?;
    let begun = rotate(&world, &["identity", "--no-wait"]).await?;
    ensure!(
        begun[0]["waits"] == "relay" && begun[0]["ends"].is_null(),
        "{begun:?}"
    );
    let next = keys(&world)?["next"]["key"].clone();
    ensure!(!next.is_null());
    // Now the agent is killed too; both come back.
    world.agent.process.kill().await?;
    world.relay.restart().await?;
    world.agent.restart().await?;
    world.agent.process.event_named("rotation_done").await?;
    let after = keys(&world)?;
    ensure!(after["identity"] == next && after["identity"] != before && after["agent"] == agent);
    live(&viewer.client).await?;
    let id: DeviceId = viewer.device.id();
    let status = world.agent.owner(json!({"t": "status"})).await?;
    ensure!(status["devices"][0]["id"] == json!(id));
    // Once more, and after another restart of everything the relay knows the new one only.
    world.relay.process.kill().await?;
    world.relay.restart().await?;
    live(&viewer.client).await
}

/// While it stands, no file can take the place of the agent's keys.
struct NoRoom {
    keys: PathBuf,
    aside: PathBuf,
}

impl NoRoom {
    fn for_keys_of(world: &World) -> Result<Self> {
        let (keys, aside) = (key_file(world), world.path("aside"));
        std::fs::rename(&keys, &aside)?;
        std::fs::create_dir(&keys)?;
        Ok(Self { keys, aside })
    }

    fn end(self) -> Result<()> {
        std::fs::remove_dir(&self.keys)?;
        Ok(std::fs::rename(&self.aside, &self.keys)?)
    }
}

#[tokio::test]
async fn a_key_that_cannot_be_kept_is_told_to_nobody_until_it_can() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let serial = keys(&world)?["noise_serial"].clone();
    let no_room = NoRoom::for_keys_of(&world)?;
    ensure!(rotate(&world, &["noise"]).await.is_err());
    // It dials again and again, and each time says why it does not connect.
    for _ in 0..3 {
        world.agent.process.event_named("trouble").await?;
    }
    let status = world.agent.owner(json!({"t": "status"})).await?;
    ensure!(status["online"] == false, "{status}");
    no_room.end()?;
    world.agent.process.event_named("online").await?;
    ensure!(keys(&world)?["noise_serial"] == json!(2) && serial == json!(1));
    live(&viewer.client).await
}

#[tokio::test]
async fn an_agent_that_is_killed_before_it_could_keep_a_key_is_the_one_it_was() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let before = keys(&world)?;
    let no_room = NoRoom::for_keys_of(&world)?;
    ensure!(rotate(&world, &["identity", "--now"]).await.is_err());
    world.agent.process.event_named("trouble").await?;
    world.agent.process.kill().await?;
    no_room.end()?;
    world.agent.restart().await?;
    ensure!(keys(&world)? == before);
    live(&viewer.client).await
}
