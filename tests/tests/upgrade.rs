//! An agent that starts finds the terminals of the one before it, whatever program holds them and whatever else lies among them.
#![allow(missing_docs)]

use anyhow::{Context as _, Result};
use lanyard_client::{Mode, TerminalEvent};
use lanyard_holder::HolderConfig;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::Grid;
use lanyard_tests::process::program;
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{TestTerminal, TestViewer, World};
use serde_json::json;
use std::os::unix::net::UnixListener;
use std::process::Stdio;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

const BOTH: &[&str] = &["view", "terminal"];

/// Says what it hears, and on `go` waits for a file before it prints 3000 lines.
const PROGRAM: &str = r#"stty -echo; echo ready
while read word; do case $word in
  size) stty size;;
  go) echo going; until [ -e go ]; do sleep 0.01; done; seq 1 3000;;
  *) echo "[$word]";;
esac; done"#;

/// What an agent of the first version has left running.
async fn hold_as_before(world: &World, id: TerminalId) -> Result<()> {
    let mut config = HolderConfig::new(
        world.agent.state.join("holders"),
        lanyard_holder::TerminalId(id.0),
    );
    config.name = "from before".to_owned();
    config.command = ["/bin/bash", "-c", PROGRAM].map(str::to_owned).to_vec();
    config.cwd = Some(world.home());
    let mut holder = Command::new(program("holder-v1")?)
        .env("LANYARD_TEST_MARK", world.mark())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut stdin = holder.stdin.take().context("standard input")?;
    stdin.write_all(&serde_json::to_vec(&config)?).await?;
    drop(stdin);
    let mut lines = BufReader::new(holder.stdout.take().context("standard output")?).lines();
    assert_eq!(lines.next_line().await?.as_deref(), Some("ready"));
    Ok(())
}

#[tokio::test]
async fn a_shell_held_by_a_program_of_the_previous_version_goes_on_under_new_agents() -> Result<()>
{
    let mut world = World::start().await?;
    world.agent.process.leave().await?;
    let id = TerminalId([5; 16]);
    hold_as_before(&world, id).await?;
    world.agent.restart().await?;
    let status = world.agent.owner(json!({"t": "status"})).await?;
    assert_eq!(status["terminals"][0]["name"], "from before");

    let viewer = TestViewer::pair(&world, BOTH).await?;
    let handle = viewer.client.open(id, GRID, Mode::Drive).map_err(plain)?;
    let (text, events) = (Vec::new(), Vec::new());
    let mut terminal = TestTerminal {
        handle,
        text,
        events,
    };
    terminal.until("ready").await?;
    let (cols, rows) = (101, 33);
    let wide = Grid { cols, rows };
    terminal.handle.resize(wide).map_err(plain)?;
    terminal
        .until_event(|event| *event == TerminalEvent::Size(wide))
        .await?;
    terminal.type_text("size\rgo\r").await?;
    terminal.until("33 101\r\ngoing").await?;

    world.agent.process.kill().await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Interrupted(_)))
        .await?;
    terminal.type_text("once\r").await?;
    std::fs::write(world.home().join("go"), "")?;
    world.agent.restart().await?;
    terminal.until("[once]").await?;
    terminal.type_text("last\r").await?;
    terminal.until("[last]").await?;

    let text = String::from_utf8_lossy(&terminal.text).into_owned();
    let numbers: Vec<u32> = text
        .lines()
        .filter_map(|line| line.trim().parse().ok())
        .collect();
    assert_eq!(numbers, (1..=3000).collect::<Vec<_>>());
    assert_eq!(text.matches("[once]").count(), 1);
    Ok(())
}

#[tokio::test]
async fn odd_things_among_the_terminals_do_not_keep_the_agent_from_starting() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.remember().await?;
    world.agent.process.kill().await?;

    let holders = world.agent.state.join("holders");
    let place = |number: u8| holders.join(lanyard_holder::TerminalId([number; 16]).to_string());
    // Two that accept and never answer cost no more time than one.
    let mut silent = Vec::new();
    for number in [1, 2] {
        std::fs::create_dir(place(number))?;
        silent.push(UnixListener::bind(place(number).join("socket"))?);
    }
    std::fs::create_dir(place(3))?;
    drop(UnixListener::bind(place(3).join("socket"))?);
    std::fs::write(place(4), "a file")?;
    world.agent.restart().await?;
    let status = world.agent.owner(json!({"t": "status"})).await?;
    assert_eq!(status["terminals"].as_array().map(Vec::len), Some(1));
    terminal.remembers().await?;

    world.agent.process.leave().await?;
    let complaint = world.agent.process.complaint().await;
    assert!(!place(3).exists(), "what is dead is removed: {complaint}");
    let said = |words: &str| {
        complaint
            .lines()
            .filter(|line| line.contains(words))
            .count()
    };
    assert_eq!(said("a terminal does not answer"), 2, "{complaint}");
    assert_eq!(said("it is not a folder"), 1, "{complaint}");
    assert_eq!(said("meta.json is damaged"), 2, "{complaint}");
    Ok(())
}
