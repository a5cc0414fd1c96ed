//! Who is not there, with real processes: Lanyard stopped or killed, a machine that sleeps, a relay that is gone. Nobody is called live
//! who has not answered.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_client::State;
use lanyard_client::client::Client;
use lanyard_dial::clock;
use lanyard_shared::access::in_short;
use lanyard_shared::close::CloseCode;
use lanyard_shared::limits::{DOUBT_TIME, HEARTBEAT, LIVE_FOR};
use lanyard_tests::viewer::plain;
use lanyard_tests::{TestViewer, World};
use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use std::time::Duration;
use tokio::time::timeout;

/// A viewer knows by then whose silence it is; what is beyond is for a busy machine.
const KNOWN: Duration = Duration::from_secs(60);

async fn becomes(client: &Client, wanted: fn(&State) -> bool) -> Result<()> {
    let mut state = client.state();
    let waited = timeout(KNOWN, state.wait_for(wanted)).await;
    waited
        .context("it never is")?
        .context("the viewer is over")?;
    Ok(())
}

/// Waits until this is the last that went wrong; returns it in words.
async fn hears(client: &Client, code: CloseCode) -> Result<String> {
    let mut trouble = client.trouble();
    let heard = timeout(
        KNOWN,
        trouble.wait_for(|why| why.as_ref().is_some_and(|why| why.code() == Some(code))),
    );
    let why = heard.await.context("it never is")??.clone();
    Ok(why.context("a reason")?.sentence().to_owned())
}

#[tokio::test]
async fn lanyard_that_was_killed_and_lanyard_that_was_stopped_are_told_apart_by_who_is_there_and_who_comes()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    for (code, killed) in [
        (CloseCode::AgentLost, true),
        (CloseCode::AgentStopped, false),
    ] {
        if killed {
            world.agent.process.kill().await?;
        } else {
            world.agent.process.leave().await?;
        }
        let since = clock::mono();
        let said = hears(&viewer.client, code).await?;
        ensure!(said.ends_with(" ago"), "{said}");
        becomes(&viewer.client, |state| *state == State::Offline).await?;

        let late = Client::connect(&viewer.device, &viewer.machine).await;
        let why = late.err().context("the machine is away")?;
        ensure!(why.code() == Some(code), "{why:?}");
        // Since when is what it was, and not since it is asked.
        let ago = clock::mono().since(since);
        let possible =
            (0..=ago.as_secs() + 1).map(|seconds| in_short(Duration::from_secs(seconds)));
        let ends: Vec<String> = possible.map(|span| format!(", {span} ago")).collect();
        ensure!(
            ends.iter().any(|end| why.sentence().ends_with(end)),
            "{why:?}"
        );

        world.agent.restart().await?;
        becomes(&viewer.client, |state| *state == State::Live).await?;
    }
    Ok(())
}

#[tokio::test]
async fn a_device_that_was_ended_hears_nothing_of_how_its_machine_left() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    world.agent.end_device(viewer.device.id()).await?;
    world.agent.process.kill().await?;
    let late = Client::connect(&viewer.device, &viewer.machine).await;
    let why = late.err().context("the machine is away")?;
    assert_eq!(why.code(), Some(CloseCode::AgentOffline));
    assert_eq!(why.sentence(), CloseCode::AgentOffline.sentence());
    Ok(())
}

#[tokio::test]
async fn a_machine_that_sleeps_is_silent_to_who_is_there_and_to_who_comes_and_live_when_it_wakes()
-> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    becomes(&viewer.client, |state| *state == State::Live).await?;
    let agent = world.agent.process.pid()?;
    kill_process(agent, Signal::STOP)?;
    let comes = Client::start(&viewer.device, &viewer.machine).map_err(plain)?;
    becomes(&comes, |state| *state == State::Silent).await?;
    becomes(&viewer.client, |state| *state == State::Silent).await?;
    let (heard, _) = viewer.client.heartbeat().await.map_err(plain)?;
    ensure!(heard.context("it was heard")? >= LIVE_FOR);

    kill_process(agent, Signal::CONT)?;
    becomes(&viewer.client, |state| *state == State::Live).await?;
    becomes(&comes, |state| *state == State::Live).await?;
    // The owner is told that nothing ran here meanwhile.
    let gap = loop {
        let status = world.agent.owner(json!({"t": "status"})).await?;
        if status["gap"] != Value::Null {
            break status["gap"].clone();
        }
        tokio::task::yield_now().await;
    };
    assert_eq!(gap["asleep"], false);
    let lasted = gap["to"].as_u64().context("a time")? - gap["from"].as_u64().context("a time")?;
    ensure!(u128::from(lasted) >= HEARTBEAT.as_millis(), "{gap}");
    Ok(())
}

#[tokio::test]
async fn a_relay_that_is_gone_is_no_machine_that_is_gone_and_the_owner_hears_why_and_since_when()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    world.relay.process.kill().await?;
    let mut trouble = viewer.client.trouble();
    let unreachable = trouble.wait_for(|why| {
        why.as_ref()
            .is_some_and(|why| why.code().is_none() && why.sentence().starts_with("the relay at"))
    });
    timeout(KNOWN, unreachable).await??;
    assert_eq!(*viewer.client.state().borrow(), State::Connecting);
    let why = loop {
        let status = world.agent.owner(json!({"t": "status"})).await?;
        let why = status["trouble"]["sentence"].as_str().unwrap_or_default();
        if why.starts_with("the relay at") {
            assert_eq!(status["online"], false);
            break status;
        }
        tokio::task::yield_now().await;
    };
    ensure!(why["since"].as_u64() <= why["time"].as_u64(), "{why}");
    world.relay.restart().await?;
    becomes(&viewer.client, |state| *state == State::Live).await?;
    let status = world.agent.owner(json!({"t": "status"})).await?;
    assert_eq!(status["trouble"], Value::Null);
    ensure!(status["since"].as_u64() > why["since"].as_u64(), "{status}");
    Ok(())
}

#[tokio::test]
async fn a_relay_that_forgets_a_link_is_left_long_before_its_silence_is_noticed() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    becomes(&viewer.client, |state| *state == State::Live).await?;
    let relay = world.relay.process.pid()?;
    kill_process(relay, Signal::STOP)?;
    let since = clock::mono();
    becomes(&viewer.client, |state| *state == State::Connecting).await?;
    let took = clock::mono().since(since);
    kill_process(relay, Signal::CONT)?;
    ensure!(took >= DOUBT_TIME, "{took:?}");
    becomes(&viewer.client, |state| *state == State::Live).await
}
