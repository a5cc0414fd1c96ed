//! Whatever is wrong is said in one line, with a hint, and the exit code is not 0.
#![allow(missing_docs)]

use anyhow::Result;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::pair::address::Address;
use lanyard_tests::process::{program, run};
use lanyard_tests::{Agent, Relay, World};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use tempfile::TempDir;
use tokio::process::Command;

/// Runs a command that must fail, and returns its error line and its hint.
async fn refused(command: &mut Command) -> Result<(String, String)> {
    let (status, _, complaint) = run(command).await?;
    // 3: starting again is of no use.
    assert!(matches!(status.code(), Some(1 | 3)), "{complaint}");
    let lines: Vec<_> = complaint.lines().collect();
    let error = lines.iter().find_map(|line| line.strip_prefix("error: "));
    let hint = lines.iter().find_map(|line| line.strip_prefix("hint: "));
    assert!(
        lines.len() <= 3 && error.is_some() && hint.is_some(),
        "one line and a hint, not: {complaint}"
    );
    Ok((
        error.unwrap_or_default().to_owned(),
        hint.unwrap_or_default().to_owned(),
    ))
}

fn up(dir: &Path) -> Result<Command> {
    let mut command = Agent::command(&dir.join("agent"), dir, &dir.display().to_string())?;
    command.arg("up");
    Ok(command)
}

#[tokio::test]
async fn an_agent_that_belongs_to_no_relay_says_how_to_enrol() -> Result<()> {
    let dir = TempDir::new()?;
    let (error, hint) = refused(&mut up(dir.path())?).await?;
    assert!(
        error.contains("not enrolled") && hint.contains("--enrol"),
        "{error} / {hint}"
    );
    Ok(())
}

#[tokio::test]
async fn a_code_that_is_none_a_used_one_and_one_for_an_unreachable_relay_are_told_apart()
-> Result<()> {
    let world = World::start().await?;
    let dir = TempDir::new()?;
    refused(up(dir.path())?.args(["--enrol", "lanyard1.nonsense"])).await?;

    let code = world.relay.enrol().await?;
    let mut first = Agent::start(
        dir.path().join("one"),
        world.home(),
        world.mark(),
        Some(&code),
    )
    .await?;
    first.process.leave().await?;
    let (error, hint) = refused(up(dir.path())?.args(["--enrol", &code])).await?;
    assert!(
        error.contains("used") && hint.contains("lanyard-relay enrol"),
        "{error} / {hint}"
    );

    let nobody = EnrolmentCode {
        code: EnrolmentCode::generate().expect("randomness"),
        address: Address::parse("https://127.0.0.1:1")?,
        fingerprint: None,
    };
    let (error, hint) = refused(up(dir.path())?.args(["--enrol", &nobody.encode()])).await?;
    assert!(
        error.contains("cannot be reached") && hint.contains("serve"),
        "{error} / {hint}"
    );
    Ok(())
}

#[tokio::test]
async fn a_relay_with_another_certificate_is_not_talked_to() -> Result<()> {
    let world = World::start().await?;
    let dir = TempDir::new()?;
    let mut code = EnrolmentCode::parse(&world.relay.enrol().await?)?;
    code.fingerprint = Some([7; 32]);
    let (error, _) = refused(up(dir.path())?.args(["--enrol", &code.encode()])).await?;
    assert!(error.contains("certificate"), "{error}");
    // Without a fingerprint an authority must vouch for it, and none does.
    code.fingerprint = None;
    let (error, _) = refused(up(dir.path())?.args(["--enrol", &code.encode()])).await?;
    assert!(error.contains("certificate"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_clock_eleven_minutes_off_is_refused_with_the_way_to_set_it() -> Result<()> {
    let mut world = World::start().await?;
    world.agent.process.leave().await?;
    for offset in ["660", "-660"] {
        let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
        let (error, hint) = refused(command.arg("up").env("LANYARD_CLOCK_OFFSET", offset)).await?;
        assert!(
            error.contains("clock") && hint.contains("timedatectl"),
            "{error} / {hint}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn key_files_that_others_can_read_are_refused_by_agent_and_relay() -> Result<()> {
    let mut world = World::start().await?;
    world.agent.process.leave().await?;
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(world.agent.state.join("identity.key"), open.clone())?;
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    let (error, hint) = refused(command.arg("up")).await?;
    assert!(
        error.contains("others") && hint.contains("chmod"),
        "{error} / {hint}"
    );

    world.relay.process.leave().await?;
    let keys: Vec<_> = std::fs::read_dir(&world.relay.data)?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.to_string_lossy().contains("key"))
        .collect();
    assert!(!keys.is_empty());
    for key in keys {
        std::fs::set_permissions(key, open.clone())?;
    }
    let mut command = Command::new(program("lanyard-relay")?);
    command
        .args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--http-listen",
            "off",
            "--data",
        ])
        .arg(&world.relay.data);
    let (error, _) = refused(&mut command).await?;
    assert!(error.contains("can be read by other"), "{error}");
    Ok(())
}

#[tokio::test]
async fn a_taken_port_and_a_relay_that_is_not_there_are_named() -> Result<()> {
    let dir = TempDir::new()?;
    let relay = Relay::start(dir.path().join("one")).await?;
    let taken = relay.https.trim_start_matches("https://").to_owned();
    let mut command = Command::new(program("lanyard-relay")?);
    command
        .args([
            "serve",
            "--http-listen",
            "off",
            "--listen",
            &taken,
            "--data",
        ])
        .arg(dir.path().join("two"));
    let (error, _) = refused(&mut command).await?;
    assert!(error.contains(&taken), "{error}");

    let mut command = Command::new(program("lanyard-relay")?);
    let (_, hint) = refused(
        command
            .args(["enrol", "--data"])
            .arg(dir.path().join("three")),
    )
    .await?;
    assert!(hint.contains("serve"), "{hint}");
    Ok(())
}

#[tokio::test]
async fn commands_of_the_owner_say_that_no_agent_runs() -> Result<()> {
    let dir = TempDir::new()?;
    for command in ["status", "devices", "pair"] {
        let mut agent = Agent::command(&dir.path().join("agent"), dir.path(), "none")?;
        let (error, hint) = refused(agent.arg(command)).await?;
        assert!(
            error.contains("no agent") && hint.contains("lanyard up"),
            "{error} / {hint}"
        );
    }
    Ok(())
}
