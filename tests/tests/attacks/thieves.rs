//! Whoever has copied a device's keys, or keeps what it was given: what that is worth, and how it ends.

use anyhow::{Context as _, Result, ensure};
use lanyard_client::client::Client;
use lanyard_client::core::State;
use lanyard_shared::close::CloseCode;
use lanyard_tests::viewer::plain;
use lanyard_tests::{PATIENCE, TestViewer, World};
use tokio::time::timeout;

const BOTH: &[&str] = &["view", "terminal"];

/// How a viewer ended.
async fn over(client: &Client) -> Result<CloseCode> {
    let mut state = client.state();
    let ended = state.wait_for(|state| matches!(state, State::Over(_)));
    let ended = timeout(PATIENCE, ended).await.context("it goes on")??;
    let State::Over(why) = &*ended else {
        anyhow::bail!("just seen");
    };
    why.code().context("a code")
}

/// A second link with the same keys while the first stands is the same device as long as nobody tells the two apart.
#[tokio::test]
async fn a_copy_of_a_devices_keys_ends_with_the_device_and_the_original_is_not_put_out_by_it()
-> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    let copy = Client::connect(&viewer.device, &viewer.machine)
        .await
        .map_err(plain)?;
    terminal.type_text("echo mine-$((1+1))\r").await?;
    terminal.until("mine-2").await?;
    let other = TestViewer::pair(&world, BOTH).await?;

    world.agent.end_device(viewer.device.id()).await?;
    for client in [&viewer.client, &copy] {
        let why = over(client).await?;
        ensure!(
            matches!(why, CloseCode::Revoked | CloseCode::UnknownDevice),
            "{why:?}"
        );
    }
    let again = Client::connect(&viewer.device, &viewer.machine).await;
    let refused = again.err().context("its keys open nothing any more")?;
    assert_eq!(refused.code(), Some(CloseCode::UnknownDevice));
    // The device beside it is not touched.
    let mut beside = other.terminal().await?;
    beside.type_text("echo beside-$((1+1))\r").await?;
    beside.until("beside-2").await
}

#[tokio::test]
async fn the_keys_of_a_device_without_its_grant_open_nothing_and_its_grant_without_them_neither()
-> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let other = TestViewer::pair(&world, &["view"]).await?;
    // Another's grant under one's own keys, and one's own under another's.
    for (device, machine) in [
        (&other.device, &viewer.machine),
        (&viewer.device, &other.machine),
    ] {
        let refused = Client::connect(device, machine).await.err();
        let code = refused.context("it opened a session")?.code();
        assert_eq!(code, Some(CloseCode::TokenRefused));
    }
    for honest in [&viewer, &other] {
        Client::connect(&honest.device, &honest.machine)
            .await
            .map_err(plain)?;
    }
    Ok(())
}
