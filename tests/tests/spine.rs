//! The whole way, with real processes: pair, open a terminal, press a key, see it come back, lose parts, go on.
#![allow(missing_docs)]

use anyhow::Result;
use lanyard_client::TerminalEvent;
use lanyard_client::client::Client;
use lanyard_client::keys::Device;
use lanyard_shared::msg::{Exit, Grid};
use lanyard_tests::viewer::plain;
use lanyard_tests::{TestViewer, World};
use serde_json::json;

const BOTH: &[&str] = &["view", "terminal"];

#[tokio::test]
async fn a_key_pressed_at_a_viewer_comes_back_from_the_machines_own_shell() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.type_text("echo $((6*7))-$USER-$PWD\r").await?;
    terminal
        .until(&format!("42-ada-{}", world.home().display()))
        .await
}

#[tokio::test]
async fn the_person_at_the_machine_sees_the_same_words_and_decides() -> Result<()> {
    let mut world = World::start().await?;
    let link = world.agent.pairing_link(BOTH, false).await?;
    let device = Device::generate("a phone").map_err(plain)?;
    let pairing = Client::pair(&link, &device).await.map_err(plain)?;
    let words = pairing.words();
    let waiting = tokio::spawn(pairing.wait());
    let question = world.agent.process.event_named("question").await?;
    assert_eq!(question["words"], json!(words));
    assert_eq!(question["device"], "a phone");
    world
        .agent
        .owner(json!({"t": "answer", "question": question["question"], "yes": false}))
        .await?;
    let Err(refused) = waiting.await? else {
        panic!("the person said no")
    };
    assert!(format!("{refused:?}").contains("PairDenied"), "{refused:?}");
    Ok(())
}

#[tokio::test]
async fn the_shell_outlives_an_agent_that_is_killed() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.remember().await?;
    world.agent.process.kill().await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Interrupted(_)))
        .await?;
    world.agent.restart().await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Resumed))
        .await?;
    terminal.remembers().await
}

#[tokio::test]
async fn output_and_typing_go_on_exactly_after_the_relay_was_killed() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    // The loop waits for the file, so that it prints while there is no relay.
    let go = world.path("go");
    terminal
        .type_text(&format!(
            "echo ready; until [ -e {} ]; do :; done; seq 1 3000\r",
            go.display()
        ))
        .await?;
    terminal.until("ready\r\n").await?;
    world.relay.process.kill().await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Interrupted(_)))
        .await?;
    std::fs::write(&go, "")?;
    world.relay.restart().await?;
    terminal.until("\n3000\r\n").await?;
    let text = String::from_utf8_lossy(&terminal.text).into_owned();
    let numbers: Vec<u32> = text
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    assert_eq!(numbers, (1..=3000).collect::<Vec<_>>());
    assert_eq!(
        terminal
            .events
            .iter()
            .filter(|e| matches!(e, TerminalEvent::Snapshot { .. }))
            .count(),
        1
    );
    terminal.type_text("echo typed-$((1+1))\r").await?;
    terminal.until("typed-2").await
}

#[tokio::test]
async fn the_terminal_takes_the_drivers_size_and_reports_how_its_program_ended() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.until("$").await?;
    let wide = Grid {
        cols: 101,
        rows: 33,
    };
    terminal.handle.resize(wide).map_err(plain)?;
    // The size may have come in time for the opening; then the snapshot has it already.
    let has_it = |event: &TerminalEvent| match event {
        TerminalEvent::Size(grid) | TerminalEvent::Snapshot { grid, .. } => *grid == wide,
        TerminalEvent::Output { .. }
        | TerminalEvent::At(_)
        | TerminalEvent::Exit(_)
        | TerminalEvent::Interrupted(_)
        | TerminalEvent::Resumed
        | TerminalEvent::Input(_)
        | TerminalEvent::Renewed { .. }
        | TerminalEvent::Unsent { .. }
        | TerminalEvent::Ended(_) => false,
    };
    if !terminal.events.iter().any(has_it) {
        terminal.until_event(has_it).await?;
    }
    terminal.type_text("stty size\r").await?;
    terminal.until("33 101").await?;
    terminal.type_text("exit 3\r").await?;
    terminal
        .until_event(|event| *event == TerminalEvent::Exit(Exit::Status { code: 3 }))
        .await
}

#[tokio::test]
async fn a_guest_that_may_only_watch_sees_the_same_and_types_nothing() -> Result<()> {
    let world = World::start().await?;
    let owner = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = owner.terminal().await?;
    let guest = TestViewer::pair(&world, &["view"]).await?;
    let handle = guest.client.open(
        terminal.handle.terminal(),
        lanyard_tests::viewer::GRID,
        lanyard_client::Mode::Drive,
    );
    let mut seen = lanyard_tests::TestTerminal {
        handle: handle.map_err(plain)?,
        text: Vec::new(),
        events: Vec::new(),
    };
    seen.type_text("echo intruder\r").await?;
    seen.until_event(|event| matches!(event, TerminalEvent::Unsent { .. }))
        .await?;
    terminal.type_text("echo shared-$((2+2))\r").await?;
    seen.until("shared-4").await?;
    terminal.until("shared-4").await?;
    assert!(!terminal.shown().contains("intruder"));
    Ok(())
}

#[tokio::test]
async fn ending_a_device_cuts_its_open_streams_within_a_second() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.type_text("echo here\r").await?;
    terminal.until("here\r\n").await?;
    let revoking = std::time::Instant::now();
    world.agent.end_device(viewer.device.id()).await?;
    let mut state = viewer.client.state();
    let over = state.wait_for(|state| matches!(state, lanyard_client::State::Over(_)));
    tokio::time::timeout(lanyard_tests::PATIENCE, over).await??;
    assert!(
        revoking.elapsed() < std::time::Duration::from_secs(1),
        "{:?}",
        revoking.elapsed()
    );
    Ok(())
}

#[tokio::test]
async fn a_program_in_a_lanyard_terminal_cannot_use_the_owners_socket() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    let lanyard = lanyard_tests::process::program("lanyard")?;
    let state = world.agent.state.display().to_string();
    terminal
        .type_text(&format!(
            "{} --state {state} pair --yes --json; echo status-$?\r",
            lanyard.display()
        ))
        .await?;
    terminal.until("status-1").await?;
    assert!(!terminal.shown().contains("#pair="), "{}", terminal.shown());
    Ok(())
}

#[tokio::test]
async fn the_owner_is_told_how_things_are() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let _terminal = viewer.terminal().await?;
    let status = world.agent.owner(json!({"t": "status"})).await?;
    assert_eq!(status["online"], true);
    assert_eq!(status["sessions"], 1);
    assert_eq!(status["devices"][0]["name"], "test");
    assert_eq!(status["terminals"][0]["name"], "test");
    Ok(())
}
