//! Relay and agent as services, with real processes: what their manager hears of them, and what their peers hear when they are told to stop.
#![allow(missing_docs)]

use anyhow::{Context as _, Result};
use lanyard_client::TerminalEvent;
use lanyard_shared::close::CloseCode;
use lanyard_tests::process::{Process, program, run};
use lanyard_tests::{Agent, Manager, TestViewer, World};
use rustix::process::{Signal, kill_process};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::process::Command;
use tokio::time::timeout;

const BOTH: &[&str] = &["view", "terminal"];
const SOON: Duration = Duration::from_secs(1);

fn terminate(process: &Process) -> Result<()> {
    Ok(kill_process(process.pid()?, Signal::TERM)?)
}

/// Waits until the viewer is told that what it lost restarts.
async fn hears_of_a_restart(viewer: &TestViewer) -> Result<()> {
    let mut trouble = viewer.client.trouble();
    let restarts = |why: &Option<lanyard_client::Failure>| {
        why.as_ref().and_then(lanyard_client::Failure::code) == Some(CloseCode::GoingAway)
    };
    timeout(SOON, trouble.wait_for(restarts))
        .await
        .context("nobody said so in time")??;
    Ok(())
}

#[tokio::test]
async fn a_relay_is_ready_once_it_listens_gives_signs_of_life_and_says_that_it_stops() -> Result<()>
{
    let dir = tempfile::tempdir()?;
    let manager = Manager::listen()?;
    let mut command = Command::new(program("lanyard-relay")?);
    command
        .args(["serve", "--json", "--listen", "127.0.0.1:0"])
        .args(["--http-listen", "off", "--data"])
        .arg(dir.path().join("data"));
    let mut relay = Process::start(manager.starts(&mut command))?;
    let first = manager.hears().await?;
    assert_eq!(first, "READY=1\nSTATUS=0 machines online, 0 viewers");
    let listening = relay.event_named("listening").await?;
    let https = listening["https"].as_str().unwrap_or_default();
    TcpStream::connect(https.trim_start_matches("https://")).await?;
    manager.hears_signs(5).await?;
    assert!(relay.leave().await?.success());
    manager.hears_until("STOPPING=1").await?;
    Ok(())
}

#[tokio::test]
async fn an_agent_is_ready_once_it_is_online_and_until_then_it_says_why_not() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    assert!(world.agent.process.leave().await?.success());
    assert!(world.relay.process.leave().await?.success());

    let manager = Manager::listen()?;
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    command.args(["up", "--json", "--no-pair"]);
    world.agent.process = Process::start(manager.starts(&mut command))?;
    let heard = manager.hears_until("STATUS=not connected").await?;
    assert!(
        !heard.iter().any(|said| said.contains("READY")),
        "{heard:?}"
    );
    manager.hears_signs(5).await?;

    world.relay.restart().await?;
    let heard = manager.hears_until("READY=1").await?;
    let last = heard.last().map(String::as_str).unwrap_or_default();
    assert_eq!(
        last,
        format!("READY=1\nSTATUS=connected to {}", world.relay.https)
    );
    manager.hears_signs(5).await?;

    // What the manager says to the agent is not said to what runs in its terminals.
    let mut terminal = viewer.terminal().await?;
    terminal
        .type_text("echo [$NOTIFY_SOCKET$WATCHDOG_USEC]-$USER\r")
        .await?;
    terminal.until("[]-ada").await?;

    assert!(world.agent.process.leave().await?.success());
    manager.hears_until("STOPPING=1").await?;
    Ok(())
}

#[tokio::test]
async fn viewers_of_an_agent_that_is_told_to_stop_hear_that_it_restarts_and_find_their_terminal_again()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.remember().await?;

    terminate(&world.agent.process)?;
    hears_of_a_restart(&viewer).await?;
    let (status, said) = world.agent.process.end().await?;
    assert!(status.success(), "{said}");

    world.agent.restart().await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Resumed))
        .await?;
    terminal.remembers().await
}

#[tokio::test]
async fn a_relay_that_is_told_to_stop_says_so_to_both_sides_ends_soon_and_is_found_again()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.type_text("echo here-$((6*7))\r").await?;
    terminal.until("here-42").await?;
    // One that never says who it is has nothing to be told, and is not waited for.
    let stranger = TcpStream::connect(world.relay.https.trim_start_matches("https://")).await?;

    terminate(&world.relay.process)?;
    hears_of_a_restart(&viewer).await?;
    let offline = world.agent.process.event_named("offline").await?;
    assert_eq!(offline["sentence"], CloseCode::GoingAway.sentence());
    let ended = timeout(SOON, world.relay.process.end());
    let (status, said) = ended.await.context("it does not end soon")??;
    assert!(status.success(), "{said}");
    drop(stranger);

    world.relay.restart().await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Resumed))
        .await?;
    terminal.type_text("echo still-$((6*7))\r").await?;
    terminal.until("still-42").await
}

const INSTALL: &[&str] = &["service", "install"];

/// A program of ours on a home of its own.
fn command(name: &str, home: &Path, arguments: &[&str]) -> Result<Command> {
    let mut command = Command::new(program(name)?);
    command
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("XDG_STATE_HOME")
        .env("HOME", home)
        .current_dir(home)
        .args(arguments);
    Ok(command)
}

#[tokio::test]
async fn the_printed_units_are_what_systemd_understands_and_nothing_is_written() -> Result<()> {
    let dir = tempfile::tempdir()?;
    let home = dir.path().join("home of ada 100%");
    std::fs::create_dir(&home)?;
    let units = dir.path().join("units");
    std::fs::create_dir(&units)?;
    let serve = ["--", "--listen", "0.0.0.0:443", "--host", "relay.example"];
    let relay = [INSTALL, &["--print"], &serve].concat();
    let agent = [INSTALL, &["--print"]].concat();
    for (name, unit, arguments) in [
        ("lanyard-relay", "lanyard-relay.service", relay),
        ("lanyard", "lanyard.service", agent),
    ] {
        let (status, text, said) = run(&mut command(name, &home, &arguments)?).await?;
        assert!(status.success(), "{said}");
        assert_eq!(
            std::fs::read_dir(&home)?.count(),
            0,
            "{name} changes nothing"
        );
        let path = units.join(unit);
        std::fs::write(&path, &text)?;
        if Command::new("systemd-analyze")
            .arg("--version")
            .output()
            .await
            .is_err()
        {
            eprintln!("skipped: there is no systemd-analyze to read {unit}");
            continue;
        }
        let scope = if text.contains("multi-user.target") {
            "--system"
        } else {
            "--user"
        };
        let mut verify = Command::new("systemd-analyze");
        verify.env("XDG_RUNTIME_DIR", dir.path());
        verify.args([scope, "--man=no", "verify"]).arg(&path);
        let (status, _, said) = run(&mut verify).await?;
        // It reads what the unit refers to as well, which is not ours.
        let ours: Vec<&str> = said
            .lines()
            .filter(|line| line.contains("lanyard"))
            .collect();
        assert!(ours.is_empty(), "{ours:?}");
        assert!(status.success(), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn units_are_written_below_a_root_kept_when_changed_by_hand_and_removed() -> Result<()> {
    for name in ["lanyard", "lanyard-relay"] {
        let dir = tempfile::tempdir()?;
        let root = dir.path().join("image").display().to_string();
        let with = |words: &[&str]| {
            command(
                name,
                dir.path(),
                &[words, &["--root", &root, "--json"]].concat(),
            )
        };
        let (status, out, said) = run(&mut with(INSTALL)?).await?;
        assert!(status.success(), "{said}");
        let outcome: serde_json::Value = serde_json::from_str(&out)?;
        assert_eq!(outcome["started"], false);
        let path = PathBuf::from(outcome["path"].as_str().unwrap_or_default());
        assert!(path.starts_with(&root));
        let written = std::fs::read_to_string(&path)?;

        std::fs::write(&path, "[Service]\nExecStart=/bin/mine\n")?;
        for refused in [INSTALL, &["service", "uninstall"]] {
            let (status, _, said) = run(&mut with(refused)?).await?;
            assert_eq!(status.code(), Some(1));
            assert!(said.contains("changed by hand"), "{said}");
            assert!(
                said.contains("hint: ") && said.contains("--force"),
                "{said}"
            );
        }
        let forced = [INSTALL, &["--force"]].concat();
        assert!(run(&mut with(&forced)?).await?.0.success());
        assert_eq!(std::fs::read_to_string(&path)?, written);

        for removed in [true, false] {
            let (status, out, said) = run(&mut with(&["service", "uninstall"])?).await?;
            assert!(status.success(), "{said}");
            let outcome: serde_json::Value = serde_json::from_str(&out)?;
            assert_eq!(outcome["removed"], removed);
        }
        assert!(!path.exists());
    }
    Ok(())
}

#[tokio::test]
async fn without_systemd_install_says_so_and_writes_nothing() -> Result<()> {
    if Path::new("/run/systemd/system").exists() {
        eprintln!("skipped: this machine is run by systemd, and install would do it");
        return Ok(());
    }
    for name in ["lanyard", "lanyard-relay"] {
        let home = tempfile::tempdir()?;
        for asked in [INSTALL, &["service", "status"]] {
            let (status, _, said) = run(&mut command(name, home.path(), asked)?).await?;
            assert_eq!(status.code(), Some(1), "{said}");
            assert!(
                said.starts_with("error: this machine is not run by systemd\nhint: "),
                "{said}"
            );
        }
        assert_eq!(std::fs::read_dir(home.path())?.count(), 0);
    }
    Ok(())
}

#[tokio::test]
async fn a_relay_is_not_installed_with_options_that_cannot_be_served() -> Result<()> {
    let home = tempfile::tempdir()?;
    let with = |serve: &[&str]| {
        let arguments = [INSTALL, &["--print", "--"], serve].concat();
        command("lanyard-relay", home.path(), &arguments)
    };
    let (status, _, said) = run(&mut with(&["--listen", "nowhere"])?).await?;
    assert_eq!(status.code(), Some(2), "{said}");
    assert!(
        said.contains("invalid value 'nowhere' for '--listen <ADDR>'"),
        "{said}"
    );
    let files = ["--tls-cert", "chain.pem", "--tls-key", "key.pem"];
    let (status, _, said) = run(&mut with(&files)?).await?;
    assert_eq!(status.code(), Some(1));
    assert!(said.contains("chain.pem is relative"), "{said}");
    Ok(())
}
