//! What a relay's operator does to those who use it, with real processes.
#![allow(missing_docs)]

use anyhow::Result;
use lanyard_client::TerminalEvent;
use lanyard_tests::process::{program, run};
use lanyard_tests::{Agent, TestViewer, World};
use serde_json::Value;
use std::time::Duration;
use tokio::process::Command;

async fn operator(world: &World, arguments: &[&str]) -> Result<Value> {
    let mut command = Command::new(program("lanyard-relay")?);
    command.args(arguments).args(["--json", "--data"]);
    let (status, out, complaint) = run(command.arg(&world.relay.data)).await?;
    assert!(status.success(), "{complaint}");
    Ok(serde_json::from_str(&out)?)
}

#[tokio::test]
async fn a_machine_that_the_operator_removes_says_so_ends_and_comes_back_only_with_a_new_code()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, &["view", "terminal"]).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.type_text("echo here-$((6*7))\r").await?;
    terminal.until("here-42").await?;
    let listed = operator(&world, &["agents"]).await?;
    let id = listed[0]["id"].as_str().unwrap_or_default().to_owned();

    operator(&world, &["agents", "revoke", &id]).await?;
    let cut = terminal.until_event(|event| matches!(event, TerminalEvent::Interrupted(_)));
    tokio::time::timeout(Duration::from_secs(1), cut).await??;
    let (status, said) = world.agent.process.end().await?;
    assert!(!status.success());
    assert!(said.contains("its operator may have removed it"), "{said}");
    assert!(
        said.contains("hint: ask the relay's operator for a code"),
        "{said}"
    );

    let again = |code: Option<String>| {
        let (state, home) = (world.agent.state.clone(), world.home());
        let mark = world.mark().to_owned();
        async move { Agent::start(state, home, &mark, code.as_deref()).await }
    };
    assert!(again(None).await.is_err());
    let code = world.relay.enrol().await?;
    world.agent = again(Some(code)).await?;
    let listed = operator(&world, &["agents"]).await?;
    assert_eq!(
        (&listed[0]["id"], &listed[0]["online"]),
        (&id.into(), &true.into())
    );
    Ok(())
}
