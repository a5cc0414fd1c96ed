//! What is kept on disk of a terminal, as a real holder writes it.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends at its first surprise"
)]

mod common;

use std::fs;
use std::path::{Path, PathBuf};

use common::{BIN, Held, assert_pattern};
use lanyard_holder::history::{What, is_live, meta, read, rename};
use lanyard_holder::limits::{HISTORY_SEGMENT_BYTES, HISTORY_SEGMENTS};
use lanyard_holder::wire::{ExitStatus, FromClient};
use rustix::fs::{FlockOperation, flock, inotify};
use rustix::process::{Signal, kill_process};

/// A holder that keeps its history, and the folder of that.
async fn keeping(command: &[&str]) -> (Held, PathBuf) {
    let mut folder = PathBuf::new();
    let held = Held::start_with(command, |config| {
        folder = config.dir.join("history").join("one");
        config.history = Some(folder.clone());
        config.name = "build".to_owned();
    })
    .await;
    (held, folder)
}

/// Output as it is kept: offset of the first byte, and all bytes; a gap is a failure.
fn output(folder: &Path) -> (u64, Vec<u8>) {
    let mut all: Option<(u64, Vec<u8>)> = None;
    for record in read(folder).unwrap().records {
        let What::Output { offset, bytes } = record.what else {
            continue;
        };
        let (start, kept) = all.get_or_insert((offset, Vec::new()));
        assert_eq!(*start + kept.len() as u64, offset, "a gap");
        kept.extend_from_slice(&bytes);
    }
    all.unwrap_or_default()
}

fn exits(folder: &Path) -> Vec<ExitStatus> {
    let records = read(folder).unwrap().records;
    let exit = |record: lanyard_holder::history::Record| match record.what {
        What::Exit(status) => Some(status),
        _ => None,
    };
    records.into_iter().filter_map(exit).collect()
}

/// Returns when that holds for what is in the folder, told by the system of each change there.
fn until(folder: &Path, holds: impl Fn() -> bool) {
    let changes = inotify::init(inotify::CreateFlags::CLOEXEC).unwrap();
    let every = inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE;
    inotify::add_watch(&changes, folder, every).unwrap();
    while !holds() {
        rustix::io::read(&changes, &mut [0; 4096][..]).unwrap();
    }
}

/// Ends the holder without a word, and returns when the system has let go of its lock.
fn kill_holder(held: &Held, folder: &Path) {
    kill_process(held.pid(), Signal::KILL).unwrap();
    let lock = fs::File::open(folder.join("lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
}

#[tokio::test]
async fn all_output_the_sizes_and_the_end_of_a_terminal_are_kept_as_they_were() {
    let (held, folder) = keeping(&[BIN, "emit", "700000"]).await;
    let mut watcher = held.watch().await;
    assert_eq!(watcher.until_exit().await, ExitStatus::Code(0));
    watcher.say(FromClient::Forget).await;
    watcher.until_closed().await;
    until(&folder, || !exits(&folder).is_empty());
    assert_eq!(output(&folder), (0, watcher.output.clone()));
    assert_pattern(&watcher.output, 0);
    assert_eq!(exits(&folder), [ExitStatus::Code(0)]);
    let first = read(&folder).unwrap().records.remove(0);
    assert_eq!(first.what, What::Size { cols: 80, rows: 24 });
    let known = meta(&folder).unwrap();
    assert_eq!((known.name.as_str(), known.cwd), ("build", "/".into()));
    assert!(read(&folder).unwrap().damaged.is_empty());
}

#[tokio::test]
async fn a_holder_killed_with_9_leaves_what_its_terminal_had_printed() {
    let (held, folder) = keeping(&["/bin/sh", "-c", "echo before; exec cat"]).await;
    let mut watcher = held.watch().await;
    watcher.until_text("before").await;
    watcher.say(FromClient::Resize { cols: 99, rows: 33 }).await;
    watcher.type_bytes(b"typed\n").await;
    watcher.until_text("typed\r\ntyped").await;
    let text = watcher.output.clone();
    until(&folder, || output(&folder).1.len() >= text.len());
    assert!(is_live(&folder).unwrap());
    kill_holder(&held, &folder);
    assert!(!is_live(&folder).unwrap());
    assert_eq!(output(&folder).1[..text.len()], text);
    assert!(exits(&folder).is_empty(), "nobody saw it end");
    let size = What::Size { cols: 99, rows: 33 };
    let records = read(&folder).unwrap().records;
    assert!(records.iter().any(|record| record.what == size));
}

#[tokio::test]
async fn what_is_kept_of_a_flood_is_bounded_and_its_end_is_whole() {
    let bytes = HISTORY_SEGMENT_BYTES * (HISTORY_SEGMENTS as u64 + 4);
    let (held, folder) = keeping(&[BIN, "emit", &bytes.to_string()]).await;
    let mut watcher = held.watch().await;
    watcher.until_exit().await;
    until(&folder, || !exits(&folder).is_empty());
    let on_disk: u64 = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum();
    assert!(on_disk <= HISTORY_SEGMENT_BYTES * HISTORY_SEGMENTS as u64 + 4096);
    let records = read(&folder).unwrap().records;
    let mut end = 0;
    for record in &records {
        if let What::Output { offset, bytes } = &record.what {
            assert_pattern(bytes, *offset);
            end = offset + bytes.len() as u64;
        }
    }
    assert_eq!(end, bytes);
    assert!(matches!(records[0].what, What::Size { .. }));
}

#[tokio::test]
async fn a_disk_that_refuses_hurts_no_terminal_and_what_it_missed_shows_as_a_gap_at_most() {
    let emit = format!("echo begin; read go; {BIN} emit 3000000; echo done; exec cat");
    let (held, folder) = keeping(&["/bin/sh", "-c", &emit]).await;
    let mut watcher = held.watch().await;
    watcher.until_text("begin").await;
    until(&folder, || !output(&folder).1.is_empty());
    // Where the next segments would go, something else is.
    for number in 1..9 {
        fs::create_dir(folder.join(format!("{number:08}.log"))).unwrap();
    }
    watcher.type_bytes(b"\n").await;
    watcher.until_text("done").await;
    for number in 1..9 {
        fs::remove_dir(folder.join(format!("{number:08}.log"))).unwrap();
    }
    watcher.type_bytes(b"still here\n").await;
    watcher.until_text("still here\n").await;
    let all = watcher.output.clone();
    let head = all.len() as u64;
    let is_kept = |what: &What| matches!(what, What::Output { offset, bytes } if offset + bytes.len() as u64 == head);
    until(&folder, || {
        let records = read(&folder).unwrap().records;
        records.iter().any(|record| is_kept(&record.what))
    });
    for record in read(&folder).unwrap().records {
        if let What::Output { offset, bytes } = record.what {
            let start = usize::try_from(offset).unwrap();
            assert_eq!(bytes, all[start..start + bytes.len()]);
        }
    }
}

#[tokio::test]
async fn a_terminal_of_which_nothing_can_be_kept_works_all_the_same() {
    let held = Held::start_with(&["/bin/echo", "hello"], |config| {
        let file = config.dir.join("file");
        fs::write(&file, "").unwrap();
        config.history = Some(file.join("history"));
    })
    .await;
    let mut watcher = held.watch().await;
    assert_eq!(watcher.until_exit().await, ExitStatus::Code(0));
    assert_eq!(watcher.text(), "hello\r\n");
}

#[tokio::test]
async fn a_terminal_is_kept_under_its_new_name_and_damage_costs_only_what_lies_behind_it() {
    let (held, folder) = keeping(&["/bin/sh", "-c", "echo one; read go; echo two"]).await;
    let mut watcher = held.watch().await;
    watcher.until_text("one").await;
    until(&folder, || output(&folder).1.starts_with(b"one"));
    rename(&folder, "Größe").unwrap();
    assert_eq!(meta(&folder).unwrap().name, "Größe");
    let whole = fs::metadata(folder.join("00000000.log")).unwrap().len();
    watcher.type_bytes(b"\n").await;
    watcher.until_exit().await;
    until(&folder, || !exits(&folder).is_empty());
    let mut bytes = fs::read(folder.join("00000000.log")).unwrap();
    let at = usize::try_from(whole).unwrap() + 12;
    bytes[at] ^= 1;
    fs::write(folder.join("00000000.log"), bytes).unwrap();
    let past = read(&folder).unwrap();
    assert_eq!(past.damaged, [folder.join("00000000.log")]);
    assert_eq!(output(&folder), (0, b"one\r\n".to_vec()));
    assert!(exits(&folder).is_empty());
}
