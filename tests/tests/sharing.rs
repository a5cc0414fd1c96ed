//! Several viewers at one terminal, with real processes: names, who drives, and a guest that stops reading.
#![allow(missing_docs)]

use anyhow::{Context as _, Result};
use lanyard_client::{Mode, TerminalEvent};
use lanyard_shared::msg::Terminal;
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{TestTerminal, TestViewer, World};
use tokio::time::timeout;

const BOTH: &[&str] = &["view", "terminal"];

/// The only terminal, once a viewer has been told what is asked for.
async fn listed(viewer: &TestViewer, wanted: impl Fn(&Terminal) -> bool) -> Result<Terminal> {
    let mut terminals = viewer.client.terminals();
    let found = terminals.wait_for(|list| list.first().is_some_and(&wanted));
    let list = timeout(lanyard_tests::PATIENCE, found)
        .await
        .context("the list never said so")??;
    list.first().cloned().context("just seen")
}

#[tokio::test]
async fn a_terminal_that_was_renamed_keeps_its_name_after_the_agent_was_killed() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let other = TestViewer::pair(&world, &["view"]).await?;
    let terminal = viewer.terminal().await?;
    let id = terminal.handle.terminal();
    viewer
        .client
        .rename(id, "Bau\u{202e} 漢字\n")
        .await
        .map_err(plain)?;
    listed(&other, |terminal| terminal.name == "Bau 漢字").await?;
    world.agent.process.kill().await?;
    world.agent.restart().await?;
    let fresh = TestViewer::pair(&world, &["view"]).await?;
    listed(&fresh, |terminal| terminal.name == "Bau 漢字").await?;
    Ok(())
}

#[tokio::test]
async fn every_viewer_hears_which_device_drives() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let guest = TestViewer::pair(&world, &["view"]).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.type_text("echo here\r").await?;
    terminal.until("here\r\n").await?;
    let seen = listed(&guest, |terminal| terminal.driver.is_some()).await?;
    let driver = seen.driver.context("just seen")?;
    assert_eq!((driver.name.as_str(), driver.yours), ("test", false));
    let seen = listed(&viewer, |terminal| terminal.driver.is_some()).await?;
    assert!(seen.driver.context("just seen")?.yours);
    drop(terminal);
    listed(&guest, |terminal| terminal.driver.is_none()).await?;
    Ok(())
}

/// Far beyond what ring, relay and credit together can hold.
const LINES: usize = 600_000;

#[tokio::test]
async fn a_guest_that_stops_reading_slows_nobody_and_sees_the_screen_when_it_is_back() -> Result<()>
{
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let guest = TestViewer::pair(&world, &["view"]).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.type_text("echo ready\r").await?;
    terminal.until("ready\r\n").await?;
    let handle = guest
        .client
        .open(terminal.handle.terminal(), GRID, Mode::ViewOnly)
        .map_err(plain)?;
    let mut stalled = TestTerminal {
        handle,
        text: Vec::new(),
        events: Vec::new(),
    };
    stalled.until("ready\r\n").await?;

    // From here on the guest takes nothing, and gives no credit back.
    terminal
        .type_text(&format!("seq {LINES}; echo over-$((3+4))\r"))
        .await?;
    terminal.until("over-7\r\n").await?;
    let text = String::from_utf8_lossy(&terminal.text);
    let mut expected = 1;
    for line in text.lines() {
        // Before the first number the shell says that pasting is not bracketed any more.
        let number = line.rsplit('\r').next().unwrap_or_default();
        if number == expected.to_string() {
            expected += 1;
        }
    }
    assert_eq!(expected, LINES + 1, "a line is missing or out of place");
    let snapshots = |terminal: &TestTerminal| {
        let is_one = |event: &&TerminalEvent| matches!(event, TerminalEvent::Snapshot { .. });
        terminal.events.iter().filter(is_one).count()
    };
    assert_eq!(snapshots(&terminal), 1, "the driver lost its place");

    // It reads on: what it missed is gone, the screen is not.
    stalled.until("over-7\r\n").await?;
    assert_eq!(snapshots(&stalled), 2);
    Ok(())
}
