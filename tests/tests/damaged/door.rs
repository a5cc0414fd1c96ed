//! Who is let in, once the relay knows what the agent admits: a pairing link is handed out no sooner.

use anyhow::{Result, ensure};
use lanyard_client::client::Client;
use lanyard_tests::viewer::plain;
use lanyard_tests::{TestViewer, World};

/// The device comes in with the keys and the grant of before.
pub async fn lets_in(world: &World, viewer: &TestViewer) -> Result<()> {
    world.agent.pairing_link(&["view"], true).await?;
    let client = Client::connect(&viewer.device, &viewer.machine).await;
    client.map(drop).map_err(plain)
}

/// The device is nobody.
pub async fn turns_away(world: &World, viewer: &TestViewer) -> Result<()> {
    world.agent.pairing_link(&["view"], true).await?;
    let refused = Client::connect(&viewer.device, &viewer.machine).await;
    let why = refused.err().map(|why| why.sentence().to_owned());
    let why = why.unwrap_or_default();
    ensure!(why.contains("does not know this device"), "{why:?}");
    Ok(())
}
