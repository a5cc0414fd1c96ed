//! Who has access, seen and ended by the owner's own commands, at real viewers.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_client::client::Client;
use lanyard_client::{InputState, Mode, State, TerminalEvent};
use lanyard_tests::process::{Process, run};
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{Agent, PATIENCE, TestTerminal, TestViewer, World};
use serde_json::Value;
use tokio::time::timeout;

const BOTH: &[&str] = &["view", "terminal"];

/// Runs `lanyard` as its owner does; returns its exit code and what it said.
async fn lanyard(world: &World, args: &[&str]) -> Result<(i32, String, String)> {
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    let (status, out, err) = run(command.args(args)).await?;
    Ok((status.code().context("a status")?, out, err))
}

/// The same, with an answer in JSON.
async fn asked(world: &World, args: &[&str]) -> Result<Value> {
    let (status, out, err) = lanyard(world, args).await?;
    ensure!(status == 0, "{args:?}: {err}");
    Ok(serde_json::from_str(&out)?)
}

/// The live token of this purpose.
async fn token_id(world: &World, purpose: &str) -> Result<String> {
    let all = asked(world, &["tokens", "--json"]).await?;
    let tokens = all["tokens"].as_array().context("a list")?;
    let mut its = tokens.iter().filter(|token| token["purpose"] == purpose);
    let id = its.next().context("a token")?["jti"]
        .as_str()
        .context("an id")?;
    ensure!(its.next().is_none(), "one token of {purpose}");
    Ok(id.to_owned())
}

async fn typed(terminal: &mut TestTerminal, number: u32) -> Result<()> {
    terminal
        .type_text(&format!("echo n$(({number}+1))\r"))
        .await?;
    terminal.until(&format!("n{}\r\n", number + 1)).await
}

async fn over(client: &Client) -> Result<String> {
    let mut state = client.state();
    let over = state.wait_for(|state| matches!(state, State::Over(_)));
    Ok(format!("{:?}", *timeout(PATIENCE, over).await??))
}

#[tokio::test]
async fn ending_a_token_closes_exactly_its_stream_and_the_next_key_brings_it_back() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    typed(&mut terminal, 1).await?;
    let (view, typing) = (
        token_id(&world, "view").await?,
        token_id(&world, "terminal").await?,
    );
    let ended = asked(&world, &["revoke", "--json", "--token", &typing[..8]]).await?;
    assert_eq!(ended["ended"], 1);
    terminal
        .until_event(|event| *event == TerminalEvent::Input(InputState::Lapsed))
        .await?;
    assert_eq!(token_id(&world, "view").await?, view, "watching goes on");
    typed(&mut terminal, 2).await?;
    assert_ne!(token_id(&world, "terminal").await?, typing);
    assert_eq!(token_id(&world, "view").await?, view);
    let interrupted = |event: &TerminalEvent| matches!(event, TerminalEvent::Interrupted(_));
    assert!(
        !terminal.events.iter().any(interrupted),
        "{:?}",
        terminal.events
    );
    Ok(())
}

#[tokio::test]
async fn a_purpose_that_is_ended_is_no_longer_granted_and_watching_goes_on() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    typed(&mut terminal, 1).await?;
    let (status, _, said) = lanyard(
        &world,
        &["revoke", "--purpose", "terminal", "--device", "test"],
    )
    .await?;
    assert_eq!(status, 0, "{said}");
    assert_eq!(
        said,
        "ended 1 token; terminal is no longer granted to test\n"
    );
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Input(InputState::Refused(_))))
        .await?;
    let devices = asked(&world, &["devices", "--json"]).await?;
    assert_eq!(devices[0]["scopes"], serde_json::json!(["view"]));
    token_id(&world, "view").await?;
    Ok(())
}

#[tokio::test]
async fn a_device_is_ended_by_its_name_and_the_other_goes_on() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let other = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = other.terminal().await?;
    typed(&mut terminal, 1).await?;
    // Both call themselves the same, so the name alone does not do.
    let (status, _, said) = lanyard(&world, &["revoke", "test"]).await?;
    assert_eq!(status, 1);
    assert!(
        said.contains("may be 2 of them") && said.contains("hint: give more of its id"),
        "{said}"
    );
    let id = viewer.device.id().to_string();
    let (status, _, said) = lanyard(&world, &["revoke", &id]).await?;
    assert_eq!(
        (status, said.contains("test must pair again")),
        (0, true),
        "{said}"
    );
    assert!(over(&viewer.client).await?.contains("Revoked"));
    typed(&mut terminal, 2).await
}

#[tokio::test]
async fn ending_everything_asks_first_and_then_ends_every_device_and_link() -> Result<()> {
    let world = World::start().await?;
    let viewers = [
        TestViewer::pair(&world, BOTH).await?,
        TestViewer::pair(&world, &["view"]).await?,
    ];
    let link = world.agent.pairing_link(BOTH, true).await?;
    let (status, _, said) = lanyard(&world, &["revoke", "--all"]).await?;
    assert_eq!(
        (status, said.contains("hint: add `--yes`")),
        (1, true),
        "{said}"
    );
    assert_eq!(
        asked(&world, &["devices", "--json"])
            .await?
            .as_array()
            .map(Vec::len),
        Some(2)
    );

    asked(&world, &["revoke", "--all", "--yes", "--json"]).await?;
    for viewer in &viewers {
        over(&viewer.client).await?;
    }
    let all = asked(&world, &["tokens", "--json"]).await?;
    for kind in ["devices", "tokens", "invitations"] {
        assert_eq!(all[kind], serde_json::json!([]), "{kind}");
    }
    assert!(
        TestViewer::pair_by(&link).await.is_err(),
        "the link is spent"
    );
    Ok(())
}

#[tokio::test]
async fn what_is_not_there_is_said_with_where_to_look() -> Result<()> {
    let world = World::start().await?;
    for (args, hint) in [
        (&["revoke", "nobody"][..], "`lanyard devices` lists them"),
        (
            &["revoke", "--token", "AAAA"],
            "`lanyard tokens` lists them",
        ),
        (
            &["share", "--for", "1m", "--terminal", "none"],
            "`lanyard status` lists them",
        ),
        (
            &["share", "--for", "1m", "--root", "/nowhere/at/all"],
            "give a folder that exists",
        ),
    ] {
        let (status, out, said) = lanyard(&world, args).await?;
        assert_eq!((status, out.as_str()), (1, ""), "{args:?}: {said}");
        assert!(
            said.starts_with("error: ") && said.contains(hint),
            "{args:?}: {said}"
        );
    }
    for wrong in [
        &["share"][..],
        &["share", "--for", "30s"],
        &["revoke"],
        &["pair", "--grant", "all"],
    ] {
        assert_eq!(lanyard(&world, wrong).await?.0, 2, "{wrong:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_locked_machine_shuts_everyone_out_across_a_restart_and_lets_them_back_by_themselves()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    typed(&mut terminal, 1).await?;
    assert_eq!(asked(&world, &["lock", "--json"]).await?["locked"], true);
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Interrupted(_)))
        .await?;
    let (_, said, _) = lanyard(&world, &["status"]).await?;
    assert!(said.starts_with("locked: "), "{said}");
    let (status, _, said) = lanyard(&world, &["pair", "--yes"]).await?;
    assert_eq!(
        (status, said.contains("lanyard unlock")),
        (1, true),
        "{said}"
    );

    world.agent.process.leave().await?;
    world.agent.restart().await?;
    assert_eq!(asked(&world, &["status", "--json"]).await?["locked"], true);
    assert_eq!(asked(&world, &["status", "--json"]).await?["sessions"], 0);
    asked(&world, &["unlock", "--json"]).await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Resumed))
        .await?;
    typed(&mut terminal, 2).await
}

#[tokio::test]
async fn a_device_ended_while_the_relay_is_away_does_not_come_back_with_it() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    typed(&mut terminal, 1).await?;
    world.relay.process.kill().await?;
    world.agent.process.event_named("unreachable").await?;
    let (status, _, said) = lanyard(&world, &["revoke", "test"]).await?;
    assert_eq!(status, 0, "{said}");
    world.relay.restart().await?;
    let said = over(&viewer.client).await?;
    assert!(
        said.contains("UnknownDevice") || said.contains("Revoked"),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn a_share_reaches_one_terminal_once_is_listed_and_ends_like_a_device() -> Result<()> {
    let world = World::start().await?;
    let owner = TestViewer::pair(&world, BOTH).await?;
    let mut shown = owner.terminal().await?;
    let mut hidden = owner.terminal().await?;
    typed(&mut hidden, 1).await?;
    let id = shown.handle.terminal().to_string();
    let link = asked(
        &world,
        &[
            "share",
            "--for",
            "30m",
            "--terminal",
            &id,
            "--yes",
            "--json",
        ],
    )
    .await?;
    let link = link["url"].as_str().context("a link")?;
    let guest = TestViewer::pair_by(link).await?;
    assert!(
        TestViewer::pair_by(link).await.is_err(),
        "a link lets one in"
    );

    let listed: Vec<_> = guest
        .client
        .terminals()
        .borrow()
        .iter()
        .map(|t| t.id)
        .collect();
    assert_eq!(listed, [shown.handle.terminal()]);
    let open = |id| guest.client.open(id, GRID, Mode::ViewOnly).map_err(plain);
    let mut seen = TestTerminal {
        handle: open(shown.handle.terminal())?,
        text: Vec::new(),
        events: Vec::new(),
    };
    typed(&mut shown, 4).await?;
    seen.until("n5\r\n").await?;
    // What is not shared and what was never there are told alike.
    let mut ends = Vec::new();
    for id in [
        hidden.handle.terminal(),
        lanyard_shared::ids::TerminalId([9; 16]),
    ] {
        let mut other = TestTerminal {
            handle: open(id)?,
            text: Vec::new(),
            events: Vec::new(),
        };
        let end = other.until("anything").await.err();
        ends.push(end.context("an end")?.to_string());
    }
    assert_eq!(ends[0], ends[1]);
    assert!(ends[0].contains("there is no such terminal"), "{}", ends[0]);

    let (_, said, _) = lanyard(&world, &["devices"]).await?;
    assert!(
        said.contains("shared until") && said.contains("only in terminal test"),
        "{said}"
    );
    let (status, _, said) = lanyard(&world, &["revoke", &guest.device.id().to_string()]).await?;
    assert_eq!(status, 0, "{said}");
    over(&guest.client).await?;
    typed(&mut shown, 6).await
}

#[tokio::test]
async fn a_share_of_a_folder_reaches_what_was_started_below_it_and_nothing_else() -> Result<()> {
    let world = World::start().await?;
    let owner = TestViewer::pair(&world, BOTH).await?;
    let _terminal = owner.terminal().await?;
    let home = world.home();
    let elsewhere = world.path("elsewhere");
    std::fs::create_dir(&elsewhere)?;
    for (root, reached) in [(&home, 1), (&elsewhere, 0)] {
        let root = root.to_str().context("text")?;
        let link = asked(
            &world,
            &["share", "--for", "1h", "--root", root, "--yes", "--json"],
        )
        .await?;
        let guest = TestViewer::pair_by(link["url"].as_str().context("a link")?).await?;
        assert_eq!(guest.client.terminals().borrow().len(), reached, "{root}");
    }
    let (_, said, _) = lanyard(&world, &["devices"]).await?;
    assert!(
        said.contains(&format!("only below {}", home.canonicalize()?.display())),
        "{said}"
    );
    Ok(())
}

#[tokio::test]
async fn every_live_credential_is_listed_and_none_of_their_secrets() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    typed(&mut terminal, 1).await?;
    let link = world.agent.pairing_link(&["view"], true).await?;
    let (_, said, _) = lanyard(&world, &["tokens"]).await?;
    for credential in [
        "identity key",
        "noise key",
        "token signer",
        "pairing link",
        "device keys",
        "device grant",
        "view",
        "terminal",
    ] {
        assert!(said.contains(credential), "{credential} is missing: {said}");
    }
    assert!(
        said.contains("first to stop: typing from test (test) in "),
        "{said}"
    );
    let json = asked(&world, &["tokens", "--json"]).await?.to_string();
    let secret = link.split_once("#pair=").context("a secret")?.1;
    for text in [&said, &json] {
        assert!(!text.contains(&viewer.machine.grant) && !text.contains(secret));
    }
    Ok(())
}

#[tokio::test]
async fn a_list_that_is_watched_tells_every_change_and_outlives_the_agent() -> Result<()> {
    let mut world = World::start().await?;
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    let mut watch = Process::start(command.args(["status", "--json", "--watch"]))?;
    assert_eq!(watch.event().await?["devices"], serde_json::json!([]));
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    while watch.event().await?["devices"][0]["name"] != "test" {}
    world.agent.process.leave().await?;
    while watch.event().await?["waiting"] != "agent is not running; waiting" {}
    world.agent.restart().await?;
    while watch.event().await?["devices"][0]["name"] != "test" {}
    drop(viewer);
    rustix::process::kill_process(watch.pid()?, rustix::process::Signal::INT)?;
    let (status, said) = watch.end().await?;
    assert_eq!((status.code(), said.as_str()), (Some(0), ""));
    Ok(())
}

#[tokio::test]
async fn a_clock_that_was_ahead_once_is_accepted_by_the_owner() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    world.agent.process.kill().await?;
    let tomorrow = lanyard_dial::clock::now().unix.0 + 24 * 3_600_000;
    std::fs::write(world.agent.state.join("clock.json"), tomorrow.to_string())?;
    world.agent.restart().await?;
    let behind = asked(&world, &["clock", "--json"]).await?;
    ensure!(
        behind["behind"].as_u64() > behind["time"].as_u64(),
        "{behind}"
    );
    let (status, _, err) = lanyard(&world, &["pair", "--json"]).await?;
    ensure!(
        status == 1 && err.contains("lanyard clock --accept"),
        "{err}"
    );
    let accepted = asked(&world, &["clock", "--accept", "--json"]).await?;
    ensure!(accepted["behind"].is_null() && accepted["pair_again"] == serde_json::json!([]));
    world.agent.process.event_named("online").await?;
    asked(&world, &["pair", "--json"]).await?;
    // The device of before comes back by itself, and a restart still believes the clock.
    let mut state = viewer.client.state();
    let live = state.wait_for(|state| matches!(state, State::Live));
    timeout(PATIENCE, live).await??;
    world.agent.process.kill().await?;
    world.agent.restart().await?;
    ensure!(asked(&world, &["clock", "--json"]).await?["behind"].is_null());
    Ok(())
}
