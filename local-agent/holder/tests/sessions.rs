//! Everything but output: input, size, ends, and who may connect.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends at its first surprise"
)]

mod common;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::{Bytes, BytesMut};
use common::{BIN, Held, ME, config};
use lanyard_holder::client::{ClientError, HolderConn, list, rename};
use lanyard_holder::wire::{ExitStatus, FromClient, FromHolder, Kind, Message, Refusal, VERSION};
use lanyard_holder::{SpawnError, limits, spawn_detached};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

fn input(seq: u64, bytes: &'static [u8]) -> FromClient {
    FromClient::Input {
        writer: ME,
        seq,
        bytes: Bytes::from_static(bytes),
    }
}

#[tokio::test]
async fn the_directory_and_socket_are_for_one_user_and_gone_after_the_end() {
    let held = Held::start(&["/bin/sh", "-c", "exit 3"]).await;
    let directory = held.spawned.socket.parent().unwrap().to_owned();
    let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(&directory), 0o700);
    assert_eq!(mode(&held.spawned.socket), 0o600);
    let found = list(held.dir.path()).await.unwrap().found;
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].meta.command.len(), found[0].meta.version),
        (3, VERSION)
    );
    let mut watcher = held.watch().await;
    assert_eq!(watcher.until_exit().await, ExitStatus::Code(3));
    watcher.say(FromClient::Forget).await;
    watcher.until_closed().await;
    assert!(!directory.exists());
    assert!(list(held.dir.path()).await.unwrap().found.is_empty());
}

#[tokio::test]
async fn a_holder_that_was_renamed_is_found_under_its_new_name_and_leaves_nothing_behind() {
    let held = Held::start(&["/bin/cat"]).await;
    let directory = held.spawned.socket.parent().unwrap().to_owned();
    let [found] = &list(held.dir.path()).await.unwrap().found[..] else {
        panic!("one holder")
    };
    rename(held.dir.path(), found.meta.id, "Größe 漢字").unwrap();
    let [renamed] = &list(held.dir.path()).await.unwrap().found[..] else {
        panic!("one holder")
    };
    assert_eq!(renamed.meta.name, "Größe 漢字");
    assert_eq!(renamed.meta.command, found.meta.command);
    let mut watcher = held.watch().await;
    watcher.say(FromClient::Kill).await;
    watcher.until_closed().await;
    assert!(!directory.exists());
    assert_eq!(std::fs::read_dir(held.dir.path()).unwrap().count(), 0);
    let gone = rename(held.dir.path(), found.meta.id, "late").unwrap_err();
    assert_eq!(gone.kind(), std::io::ErrorKind::NotFound);
}

#[tokio::test]
async fn an_ended_terminal_nobody_asks_for_leaves_after_its_linger() {
    let held = Held::start_with(&["/bin/true"], |config| config.linger_secs = 0).await;
    let directory = held.spawned.socket.parent().unwrap();
    if let Ok(conn) = HolderConn::connect(&held.spawned.socket, Kind::Control).await {
        let (_, mut reader, _writer) = conn.split();
        while let Ok(Some(_)) = reader.recv().await {}
    }
    while directory.exists() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_terminal_that_nobody_comes_for_is_ended_with_all_it_left() {
    let held = Held::start_with(&["/bin/cat"], |config| config.orphan_secs = 1).await;
    let directory = held.spawned.socket.parent().unwrap();
    while directory.exists() || test_kill_process(held.pid()).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_deaf_program_is_ended_too_once_it_was_left_alone_for_longer_than_its_holder_was_told() {
    let deaf = "trap '' HUP; echo deaf; while :; do read go; done";
    let held = Held::start(&["/bin/sh", "-c", deaf]).await;
    let mut watcher = held.watch().await;
    watcher.until_text("deaf").await;
    let child = Pid::from_raw(watcher.conn.welcome.pid as i32).unwrap();
    watcher.say(FromClient::OrphanAfter(1)).await;
    drop(watcher);
    while held.spawned.socket.exists() || test_kill_process(child).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_terminal_that_somebody_holds_on_to_is_no_orphan_however_short_its_bound() {
    let held = Held::start(&["/bin/cat"]).await;
    let mut watcher = held.watch().await;
    watcher.say(FromClient::OrphanAfter(1)).await;
    // Of another one that was told later, the end shows when the time is over.
    let orphan = Held::start_with(&["/bin/cat"], |config| config.orphan_secs = 1).await;
    while orphan.spawned.socket.exists() {
        tokio::task::yield_now().await;
    }
    watcher.type_bytes(b"alive\n").await;
    watcher.until_text("alive\r\nalive").await;
}

#[tokio::test]
async fn a_running_terminal_is_not_forgotten() {
    let held = Held::start(&["/bin/cat"]).await;
    let mut watcher = held.watch().await;
    watcher.say(FromClient::Forget).await;
    watcher
        .until(|viewer| viewer.refused == [Refusal::StillRunning])
        .await;
    watcher.type_bytes(b"still here\n").await;
    watcher.until_text("still here\r\nstill here").await;
}

#[tokio::test]
async fn input_repeated_after_a_reconnect_is_applied_once() {
    let held = Held::start(&[BIN, "sink", "6"]).await;
    let mut first = held.watch().await;
    first.until_text("ready").await;
    first.say(input(1, b"abc")).await;
    first.until(|viewer| viewer.applied == [1]).await;
    drop(first);
    let mut second = held.watch().await;
    second.say(FromClient::LastSeq { writer: ME }).await;
    second.say(input(1, b"abc")).await;
    second.say(input(3, b"xyz")).await;
    second.say(input(2, b"def")).await;
    second.until_exit().await;
    assert_eq!(second.applied, [1, 1, 2]);
    assert_eq!(second.refused, [Refusal::InputGap]);
    let sum: u32 = b"abcdef".iter().map(|byte| u32::from(*byte)).sum();
    assert!(
        second.text().contains(&format!("read 6 {sum}.")),
        "{}",
        second.text()
    );
}

#[tokio::test]
async fn input_faster_than_the_program_reads_is_held_back_not_lost() {
    let count = 3 * 1024 * 1024;
    let held = Held::start(&[BIN, "sink", &count.to_string()]).await;
    let mut driver = held.watch().await;
    driver.until_text("ready").await;
    let (_, mut reader, mut writer) = driver.conn.split();
    let typing = async {
        for (seq, _) in (1..).zip((0..count).step_by(32 * 1024)) {
            let bytes = Bytes::from(vec![seq as u8; 32 * 1024]);
            writer
                .send(&FromClient::Input {
                    writer: ME,
                    seq,
                    bytes,
                })
                .await
                .unwrap();
        }
    };
    let reading = async {
        let mut text = Vec::new();
        while let Some(message) = reader.recv().await.unwrap() {
            match message {
                FromHolder::Output { bytes, .. } => text.extend_from_slice(&bytes),
                FromHolder::Exit(_) => break,
                _ => {}
            }
        }
        String::from_utf8(text).unwrap()
    };
    let ((), text) = tokio::join!(typing, reading);
    let sum: u64 = (1..=96u64).map(|seq| seq * 32 * 1024).sum();
    assert!(text.contains(&format!("read {count} {sum}.")), "{text}");
}

#[tokio::test]
async fn a_death_by_signal_is_told_as_such() {
    let held = Held::start(&["/bin/sh", "-c", "kill -9 $$"]).await;
    assert_eq!(held.watch().await.until_exit().await, ExitStatus::Signal(9));
    assert_eq!(
        held.connect(Kind::Control).await.welcome.exit,
        Some(ExitStatus::Signal(9))
    );
}

#[tokio::test]
async fn output_of_a_process_left_behind_does_not_keep_the_exit_back() {
    let held = Held::start(&["/bin/sh", "-c", "trap '' HUP; sleep 1000 & exit 4"]).await;
    assert_eq!(held.watch().await.until_exit().await, ExitStatus::Code(4));
}

#[tokio::test]
async fn a_resize_is_seen_by_the_program_and_told_to_all() {
    let held = Held::start(&["/bin/sh", "-c", "stty size; read go; stty size"]).await;
    let mut watcher = held.watch().await;
    watcher.until_text("24 80").await;
    let mut other = held.watch().await;
    other
        .say(FromClient::Resize {
            cols: 132,
            rows: 43,
        })
        .await;
    watcher.until(|viewer| viewer.sizes == [(132, 43)]).await;
    other.say(FromClient::Resize { cols: 0, rows: 43 }).await;
    other
        .say(FromClient::Resize {
            cols: 80,
            rows: limits::MAX_ROWS + 1,
        })
        .await;
    other
        .until(|viewer| viewer.refused == [Refusal::SizeOutOfBounds; 2])
        .await;
    watcher.type_bytes(b"\n").await;
    watcher.until_text("43 132").await;
    watcher.until_exit().await;
    let welcome = held.connect(Kind::Control).await.welcome;
    assert_eq!((welcome.cols, welcome.rows), (132, 43));
}

#[tokio::test]
async fn kill_ends_even_a_child_that_ignores_hang_ups() {
    let held = Held::start(&[
        "/bin/sh",
        "-c",
        "trap '' HUP; echo deaf; while :; do read go; done",
    ])
    .await;
    let mut watcher = held.watch().await;
    watcher.until_text("deaf").await;
    watcher.say(FromClient::Kill).await;
    assert_eq!(watcher.until_exit().await, ExitStatus::Signal(9));
    watcher.until_closed().await;
    assert!(!held.spawned.socket.exists());
}

#[tokio::test]
async fn sigterm_ends_child_and_holder_and_a_hang_up_ends_neither() {
    let held = Held::start(&["/bin/cat"]).await;
    let mut watcher = held.watch().await;
    kill_process(held.pid(), Signal::HUP).unwrap();
    watcher.type_bytes(b"alive\n").await;
    watcher.until_text("alive\r\nalive").await;
    kill_process(held.pid(), Signal::TERM).unwrap();
    assert_eq!(watcher.until_exit().await, ExitStatus::Signal(1));
    watcher.until_closed().await;
    assert!(!held.spawned.socket.exists());
}

#[tokio::test]
async fn the_shell_survives_its_starter_being_killed() {
    let dir = tempfile::tempdir().unwrap();
    let mut starter = Command::new(BIN)
        .arg("start")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let json = serde_json::to_vec(&config(dir.path(), &["/bin/cat"])).unwrap();
    starter.stdin.take().unwrap().write_all(&json).unwrap();
    let mut line = String::new();
    BufReader::new(starter.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let holder = Pid::from_raw(line.trim().parse().unwrap()).unwrap();
    starter.kill().unwrap();
    starter.wait().unwrap();
    let found = list(dir.path()).await.unwrap().found;
    let mut conn = HolderConn::connect(&found[0].socket, Kind::Control)
        .await
        .unwrap();
    conn.send(&input(1, b"x")).await.unwrap();
    assert_eq!(
        conn.recv().await.unwrap(),
        Some(FromHolder::Applied { writer: ME, seq: 1 })
    );
    // It leads a session of its own. (Asking for ours would answer 0 where our leader is in another PID namespace.)
    assert_eq!(rustix::process::getsid(Some(holder)).unwrap(), holder);
    // A holder killed like that cannot tidy up after itself; whoever looks next does.
    kill_process(holder, Signal::KILL).unwrap();
    while conn.recv().await.unwrap().is_some() {}
    assert!(found[0].socket.exists());
    // The kernel closes what a killed process had open one by one: its listener may go after its connections.
    while !list(dir.path()).await.unwrap().found.is_empty() {
        tokio::task::yield_now().await;
    }
    assert!(!found[0].socket.parent().unwrap().exists());
    assert!(matches!(
        HolderConn::connect(&found[0].socket, Kind::Control).await,
        Err(ClientError::Gone)
    ));
}

#[tokio::test]
async fn an_ended_holder_leaves_no_zombie_with_its_starter() {
    let held = Held::start(&["/bin/true"]).await;
    let mut watcher = held.watch().await;
    watcher.until_exit().await;
    watcher.say(FromClient::Forget).await;
    watcher.until_closed().await;
    while test_kill_process(held.pid()).is_ok() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_holder_that_cannot_start_says_why_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let refusal = async |adjust: &dyn Fn(&mut lanyard_holder::HolderConfig)| {
        let mut config = config(dir.path(), &["/bin/cat"]);
        adjust(&mut config);
        match spawn_detached(Path::new(BIN), &config).await {
            Err(SpawnError::Refused(sentence)) => sentence,
            other => panic!("{other:?}"),
        }
    };
    assert!(
        refusal(&|config| config.cwd = Some("/nowhere".into()))
            .await
            .contains("/nowhere is not there")
    );
    assert!(
        refusal(&|config| config.command = vec!["/no/such".into()])
            .await
            .contains("/no/such could not be started")
    );
    assert!(refusal(&|config| config.rows = 0).await.contains("80x0"));
    assert!(
        refusal(&|config| config.dir = dir.path().join("d".repeat(100)))
            .await
            .contains("too long")
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let held = spawn_detached(Path::new(BIN), &config(dir.path(), &["/bin/cat"]))
        .await
        .unwrap();
    assert!(refusal(&|_| {}).await.contains("already held"));
    let mut conn = HolderConn::connect(&held.socket, Kind::Control)
        .await
        .unwrap();
    conn.send(&FromClient::Kill).await.unwrap();
    while conn.recv().await.unwrap().is_some() {}
}

/// Says bytes without any client in between, and hears until the holder closes.
async fn raw(held: &Held, bytes: &[u8]) -> Vec<u8> {
    let mut stream = UnixStream::connect(&held.spawned.socket).await.unwrap();
    stream.write_all(bytes).await.unwrap();
    let mut heard = Vec::new();
    stream.read_to_end(&mut heard).await.unwrap();
    heard
}

#[tokio::test]
async fn strangers_are_refused_by_name_and_the_shell_does_not_notice() {
    let held = Held::start(&["/bin/cat"]).await;
    let mut hello = BytesMut::new();
    FromClient::Hello {
        version: VERSION + 1,
        kind: Kind::Control,
    }
    .encode(&mut hello);
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    assert!(text(raw(&held, &hello).await).contains("speaks versions 1 to 2, not 3"));
    assert!(text(raw(&held, b"GET / HTTP/1.1\r\n\r\n").await).contains("too long"));
    assert!(text(raw(&held, &[0, 0, 0, 1, 5]).await).contains("first message is hello"));
    let mut watcher = held.watch().await;
    watcher.type_bytes(b"fine\n").await;
    watcher.until_text("fine\r\nfine").await;
}

#[tokio::test]
async fn connections_beyond_the_bound_are_refused_by_name() {
    let held = Held::start(&["/bin/cat"]).await;
    let mut all = Vec::new();
    for _ in 0..limits::CONNECTIONS {
        all.push(held.connect(Kind::Control).await);
    }
    let refused = HolderConn::connect(&held.spawned.socket, Kind::Control).await;
    assert!(matches!(
        refused,
        Err(ClientError::Refused {
            code: Refusal::TooMany,
            ..
        })
    ));
}

#[tokio::test]
async fn the_child_gets_a_terminal_of_its_own_and_a_sane_environment() {
    let script = "tty; ps -o tpgid= -p $$ | grep -c $$; echo $TERM $COLORTERM $ADDED [$REMOVED] ${LC_ALL:-${LC_CTYPE:-$LANG}}; pwd";
    let held = Held::start_with(&["/bin/sh", "-c", script], |config| {
        config.env = vec![
            ("ADDED".into(), "yes".into()),
            ("REMOVED".into(), String::new()),
        ];
        config.cwd = Some("/usr".into());
    })
    .await;
    let mut watcher = held.watch().await;
    watcher.until_exit().await;
    let text = watcher.text();
    assert!(
        text.contains("/dev/pts/") && text.contains("\r\n1\r\n"),
        "{text}"
    );
    assert!(
        text.contains("xterm-256color truecolor yes []") && text.contains("/usr\r\n"),
        "{text}"
    );
}
