//! What terminals have printed, kept on the machine and played from there: exactly what it was, for whom it is, and no longer than it may.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_client::{Mode, TerminalEvent};
use lanyard_holder::history;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::msg::{Exit, Grid, PastTerminal};
use lanyard_tests::process::run;
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{Agent, PATIENCE, TestTerminal, TestViewer, World};
use rustix::fs::{FlockOperation, flock, inotify};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use std::fs::File;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::time::timeout;

const BOTH: &[&str] = &["view", "terminal"];

/// What was played, until the end.
#[derive(Debug, Default, PartialEq, Eq)]
struct Played {
    /// Offset of the first byte of output.
    first: u64,
    bytes: Vec<u8>,
    sizes: Vec<Grid>,
    exit: Option<Exit>,
    times: Vec<Duration>,
}

async fn play(viewer: &TestViewer, id: TerminalId, have: Option<u64>) -> Result<Played> {
    let opened = viewer.client.open_at(id, GRID, Mode::ViewOnly, have);
    let mut handle = opened.map_err(plain)?;
    let mut played = Played::default();
    loop {
        let event = timeout(PATIENCE, handle.next())
            .await?
            .context("the viewer is over")?;
        match event {
            TerminalEvent::Output { offset, bytes } => {
                if played.bytes.is_empty() {
                    played.first = offset;
                }
                ensure!(played.first + played.bytes.len() as u64 == offset, "a gap");
                played.bytes.extend_from_slice(&bytes);
            }
            TerminalEvent::Size(grid) => played.sizes.push(grid),
            TerminalEvent::At(time) => played.times.push(time),
            TerminalEvent::Exit(exit) => played.exit = Some(exit),
            TerminalEvent::Ended(why) => {
                ensure!(why.code() == Some(CloseCode::Done), "{why:?}");
                return Ok(played);
            }
            TerminalEvent::Renewed { .. } | TerminalEvent::Input(_) => {}
            TerminalEvent::Snapshot { .. }
            | TerminalEvent::Interrupted(_)
            | TerminalEvent::Resumed
            | TerminalEvent::Unsent { .. } => anyhow::bail!("unexpected: {event:?}"),
        }
    }
}

/// The output that was seen live, and the offset of its first byte.
fn seen(terminal: &TestTerminal) -> (u64, Vec<u8>) {
    let mut all = (0, Vec::new());
    for event in &terminal.events {
        if let TerminalEvent::Output { offset, bytes } = event {
            if all.1.is_empty() {
                all.0 = *offset;
            }
            all.1.extend_from_slice(bytes);
        }
    }
    all
}

fn folder(world: &World, id: TerminalId) -> PathBuf {
    let name = lanyard_holder::TerminalId(id.0).to_string();
    world.agent.state.join("history").join(name)
}

async fn only_past(viewer: &TestViewer) -> Result<PastTerminal> {
    let page = viewer.client.history(None).await.map_err(plain)?;
    ensure!(page.past.len() == 1 && page.next.is_none(), "{page:?}");
    page.past.first().cloned().context("one")
}

/// Ends a terminal's program by its own word, and the terminal.
async fn leave(viewer: &TestViewer, terminal: &mut TestTerminal, word: &str) -> Result<()> {
    terminal.type_text(&format!("{word}\r")).await?;
    terminal
        .until_event(|event| matches!(event, TerminalEvent::Exit(_)))
        .await?;
    let id = terminal.handle.terminal();
    viewer.client.end(id).await.map_err(plain)
}

/// A terminal in which something was printed, and which has ended.
async fn ended(viewer: &TestViewer, printed: &str) -> Result<TerminalId> {
    let mut terminal = viewer.terminal().await?;
    terminal
        .type_text(&format!("printf '%s-%s\\n' {printed} end\r"))
        .await?;
    terminal.until(&format!("{printed}-end")).await?;
    leave(viewer, &mut terminal, "exit").await?;
    Ok(terminal.handle.terminal())
}

/// The owner's command, to its end.
async fn lanyard(world: &World, args: &[&str]) -> Result<(bool, String, String)> {
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    let (status, out, said) = run(command.args(args)).await?;
    Ok((status.success(), out, said))
}

/// Returns when this holds, told by the system of each change in the folder.
async fn until(folder: &Path, holds: impl Fn() -> bool + Send + 'static) -> Result<()> {
    let changes = inotify::init(inotify::CreateFlags::CLOEXEC)?;
    let every = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE;
    inotify::add_watch(&changes, folder, every)?;
    let waited = tokio::task::spawn_blocking(move || {
        while !holds() {
            rustix::io::read(&changes, &mut [0; 4096][..])?;
        }
        anyhow::Ok(())
    });
    timeout(PATIENCE, waited).await??
}

#[tokio::test]
async fn a_terminal_that_has_ended_is_played_byte_for_byte_with_its_times_and_sizes() -> Result<()>
{
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal
        .type_text("stty -echo; seq 1 60000; printf '\\377\\303\\n'; echo ha''lf\r")
        .await?;
    terminal.until("half\r\n").await?;
    let wide = Grid {
        cols: 101,
        rows: 33,
    };
    terminal.handle.resize(wide).map_err(plain)?;
    terminal
        .until_event(|event| *event == TerminalEvent::Size(wide))
        .await?;
    leave(&viewer, &mut terminal, "exit 3").await?;

    let id = terminal.handle.terminal();
    let past = only_past(&viewer).await?;
    assert_eq!((past.id, past.name.as_str()), (id, "test"));
    assert_eq!(past.exit, Some(Exit::Status { code: 3 }));
    assert_eq!((past.grid, past.dropped), (wide, 0));
    assert_eq!(past.cwd, world.home().display().to_string());
    assert!(past.ended >= past.started);

    let played = play(&viewer, id, None).await?;
    let (first, live) = seen(&terminal);
    let skip = usize::try_from(first)?;
    assert!(live.len() > 300_000);
    assert!(played.bytes.get(skip..) == Some(live.as_slice()));
    assert_eq!(played.bytes.len() as u64, past.kept);
    assert_eq!(played.sizes, [GRID, wide]);
    assert_eq!(played.exit, past.exit);
    assert!(played.times.is_sorted() && played.times.len() > 2);

    // Who has some of it gets the rest, and the size it has by then.
    let have = played.bytes.len() as u64 - 5;
    let rest = play(&viewer, id, Some(have)).await?;
    assert_eq!(rest.first, have);
    assert!(played.bytes.ends_with(&rest.bytes) && rest.bytes.len() == 5);
    assert_eq!(rest.sizes, [wide]);
    Ok(())
}

#[tokio::test]
async fn of_a_terminal_whose_holder_and_agent_were_killed_all_is_there_that_was_on_the_disk()
-> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal
        .type_text("stty -echo; echo holder-$PPID-; echo be''fore\r")
        .await?;
    terminal.until("before\r\n").await?;
    let id = terminal.handle.terminal();
    let place = folder(&world, id);
    let looked = place.clone();
    until(&place, move || {
        let records = history::read(&looked).unwrap_or_default().records;
        let output = records.into_iter().filter_map(|record| match record.what {
            history::What::Output { bytes, .. } => Some(bytes),
            history::What::Size { .. } | history::What::Exit(_) => None,
        });
        let output: Vec<u8> = output.flatten().collect();
        output.windows(8).any(|window| window == b"before\r\n")
    })
    .await?;
    let text = String::from_utf8_lossy(&terminal.text).into_owned();
    let number = text.rsplit("holder-").next().context("the answer")?;
    let number = number.split('-').next().context("its number")?.parse()?;

    world.agent.process.kill().await?;
    kill_process(Pid::from_raw(number).context("a process")?, Signal::KILL)?;
    let lock = File::open(place.join("lock"))?;
    let dead = tokio::task::spawn_blocking(move || flock(&lock, FlockOperation::LockShared));
    timeout(PATIENCE, dead).await???;
    world.agent.restart().await?;
    world.agent.owner(json!({"t": "look_at_history"})).await?;

    let viewer = TestViewer::pair(&world, BOTH).await?;
    let past = only_past(&viewer).await?;
    assert_eq!((past.id, past.exit), (id, None));
    let played = play(&viewer, id, None).await?;
    let (first, live) = seen(&terminal);
    let kept = played.bytes.get(usize::try_from(first)?..);
    let kept = kept.context("more than what was before")?;
    // The prompt after it may have been on its way.
    assert!(live.starts_with(kept) || kept.starts_with(&live));
    assert!(kept.windows(8).any(|window| window == b"before\r\n"));
    Ok(())
}

#[tokio::test]
async fn what_is_kept_too_long_or_is_not_to_be_kept_is_on_no_disk() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let (old, young) = (ended(&viewer, "old").await?, ended(&viewer, "young").await?);
    let month = SystemTime::now() - Duration::from_secs(31 * 24 * 3600);
    let meta = folder(&world, old).join("meta.json");
    let mut said: Value = serde_json::from_slice(&std::fs::read(&meta)?)?;
    said["started"] = json!(1);
    std::fs::write(&meta, said.to_string())?;
    for entry in std::fs::read_dir(folder(&world, old))? {
        File::options()
            .append(true)
            .open(entry?.path())?
            .set_modified(month)?;
    }
    world.agent.process.kill().await?;
    world.agent.restart().await?;
    world.agent.owner(json!({"t": "look_at_history"})).await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    assert_eq!(only_past(&viewer).await?.id, young);
    assert!(!folder(&world, old).exists());

    world.agent.process.leave().await?;
    world.agent.restart_keeping("0").await?;
    world.agent.owner(json!({"t": "look_at_history"})).await?;
    assert!(!folder(&world, young).exists());
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.remember().await?;
    assert!(!folder(&world, terminal.handle.terminal()).exists());
    leave(&viewer, &mut terminal, "exit").await?;
    let page = viewer.client.history(None).await.map_err(plain)?;
    assert!(page.past.is_empty());
    Ok(())
}

#[tokio::test]
async fn what_a_device_or_the_owner_forgets_is_off_the_disk_and_out_of_every_list() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let (first, second) = (ended(&viewer, "one").await?, ended(&viewer, "two").await?);
    let running = viewer.terminal().await?;
    let watcher = TestViewer::pair(&world, &["view"]).await?;
    let refused = watcher.client.forget(first).await;
    assert_eq!(
        refused.err().and_then(|why| why.code()),
        Some(CloseCode::NotGranted)
    );
    assert!(folder(&world, first).exists());
    viewer.client.forget(first).await.map_err(plain)?;
    assert!(!folder(&world, first).exists());
    assert_eq!(only_past(&watcher).await?.id, second);

    let live = running.handle.terminal().to_string();
    let (done, _, said) = lanyard(&world, &["history", "forget", &live]).await?;
    assert!(!done && said.contains("has not ended"), "{said}");
    let (done, out, _) =
        lanyard(&world, &["history", "forget", "--all", "--yes", "--json"]).await?;
    assert!(done);
    assert_eq!(
        serde_json::from_str::<Value>(&out)?,
        json!({"forgotten": [second]})
    );
    assert!(!folder(&world, second).exists());
    let page = viewer.client.history(None).await.map_err(plain)?;
    assert!(page.past.is_empty());
    let gone = play(&viewer, second, None).await;
    assert!(format!("{gone:?}").contains("TerminalGone"), "{gone:?}");
    Ok(())
}

#[tokio::test]
async fn the_owners_commands_list_show_and_record_it_without_an_agent() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let id = ended(&viewer, "größe").await?.to_string();
    let played = play(&viewer, TerminalId::parse(&id).context("an id")?, None).await?;
    world.agent.process.leave().await?;

    let (_, out, _) = lanyard(&world, &["history", "--json"]).await?;
    let list: Value = serde_json::from_str(&out)?;
    assert_eq!(
        (&list[0]["id"], &list[0]["live"]),
        (&json!(id), &json!(false))
    );
    let (_, out, _) = lanyard(&world, &["history"]).await?;
    assert!(
        out.contains(&format!("in {}:", world.home().display())),
        "{out}"
    );
    assert!(out.contains("status 0") && out.contains(&id), "{out}");

    let (_, out, _) = lanyard(&world, &["history", "show", &id]).await?;
    assert!(out.contains("\ngröße-end\n"), "{out}");
    assert!(!out.contains('\x1b') && !out.contains('\r'), "{out}");
    let (_, raw, _) = lanyard(&world, &["history", "show", "test", "--raw"]).await?;
    assert_eq!(raw.as_bytes(), played.bytes);

    let (done, cast, said) = lanyard(&world, &["record", &id, "--output", "-"]).await?;
    assert!(done, "{said}");
    let mut lines = cast.lines();
    let header: Value = serde_json::from_str(lines.next().context("a header")?)?;
    assert_eq!(
        (&header["version"], &header["width"]),
        (&json!(2), &json!(80))
    );
    let events: Vec<(f64, String, String)> =
        lines.map(serde_json::from_str).collect::<Result<_, _>>()?;
    assert!(events.is_sorted_by_key(|(time, ..)| *time));
    let text: String = events.into_iter().map(|(_, _, data)| data).collect();
    assert_eq!(text.as_bytes(), played.bytes);

    let file = world.home().join(format!("lanyard-{}.cast", &id[..8]));
    for (force, done, words) in [
        (false, true, "wrote"),
        (false, false, "--force"),
        (true, true, "wrote"),
    ] {
        let mut args = vec!["record", id.as_str()];
        args.extend(force.then_some("--force"));
        let outcome = lanyard(&world, &args).await?;
        assert!(
            outcome.0 == done && outcome.2.contains(words),
            "{outcome:?}"
        );
        assert_eq!(std::fs::read_to_string(&file)?, cast);
        assert_eq!(
            std::fs::metadata(&file)?.permissions().mode() & 0o777,
            0o600
        );
    }
    Ok(())
}

#[tokio::test]
async fn the_owners_commands_name_what_they_cannot_read_to_its_end() -> Result<()> {
    let mut world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let id = ended(&viewer, "whole").await?;
    world.agent.process.leave().await?;
    let segment = folder(&world, id).join("00000000.log");
    let name = segment.display().to_string();
    let id = id.to_string();
    let commands = [
        vec!["history", "show", &id],
        vec!["history", "show", &id, "--raw"],
        vec!["record", &id, "--output", "-"],
    ];
    for command in &commands {
        let (done, _, said) = lanyard(&world, command).await?;
        assert!(done && said.is_empty(), "{said}");
    }
    let mut bytes = std::fs::read(&segment)?;
    bytes.extend(b"no record");
    std::fs::write(&segment, bytes)?;
    for command in &commands {
        let (done, out, said) = lanyard(&world, command).await?;
        assert!(done && out.contains("whole-end"), "{out} {said}");
        assert!(said.contains(&name), "{said}");
    }
    Ok(())
}

#[tokio::test]
async fn a_terminal_is_recorded_while_it_runs_until_it_ends() -> Result<()> {
    let world = World::start().await?;
    let viewer = TestViewer::pair(&world, BOTH).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.remember().await?;
    let id = terminal.handle.terminal().to_string();
    let mut command = Agent::command(&world.agent.state, &world.home(), world.mark())?;
    command.args(["record", &id, "--follow", "--output", "live.cast"]);
    let recording = tokio::spawn(async move { run(&mut command).await });
    let file = world.home().join("live.cast");
    let looked = file.clone();
    // It has begun before the terminal ends.
    until(&world.home(), move || {
        std::fs::read_to_string(&looked).is_ok_and(|text| text.contains("set-yes"))
    })
    .await?;
    terminal.type_text("echo last-$remembered\r").await?;
    terminal.until("last-yes").await?;
    leave(&viewer, &mut terminal, "exit").await?;
    let (status, _, said) = recording.await??;
    assert!(status.success(), "{said}");
    assert!(said.contains("live.cast"), "{said}");
    assert!(std::fs::read_to_string(&file)?.contains("last-yes"));
    Ok(())
}
