//! A real holder in a process of its own, and a viewer who collects what it sends.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use bytes::Bytes;
use lanyard_holder::client::HolderConn;
use lanyard_holder::wire::{ExitStatus, FromClient, FromHolder, Kind};
use lanyard_holder::{HolderConfig, Spawned, TerminalId, spawn_detached};
use rustix::process::{Pid, Signal, kill_process};

pub const BIN: &str = env!("CARGO_BIN_EXE_holder-testbin");
pub const ME: [u8; 16] = [9; 16];

/// A holder; killed when the test is over, if it is still there.
pub struct Held {
    pub dir: tempfile::TempDir,
    pub spawned: Spawned,
}

impl Held {
    pub async fn start(command: &[&str]) -> Self {
        Self::start_with(command, |_| {}).await
    }

    pub async fn start_with(command: &[&str], adjust: impl FnOnce(&mut HolderConfig)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config(dir.path(), command);
        adjust(&mut config);
        let spawned = spawn_detached(Path::new(BIN), &config).await.unwrap();
        Self { dir, spawned }
    }

    pub async fn connect(&self, kind: Kind) -> HolderConn {
        HolderConn::connect(&self.spawned.socket, kind)
            .await
            .unwrap()
    }

    /// A watcher from the first byte on, with all credit it could want.
    pub async fn watch(&self) -> Viewer {
        self.watch_from(Some(0), true).await
    }

    pub async fn watch_from(&self, have: Option<u64>, pace: bool) -> Viewer {
        let mut viewer = Viewer::new(self.connect(Kind::Watch { have, pace }).await);
        viewer.offset = have.unwrap_or(0);
        viewer
            .conn
            .send(&FromClient::Credit(u32::MAX))
            .await
            .unwrap();
        viewer
    }

    pub fn pid(&self) -> Pid {
        Pid::from_raw(self.spawned.pid as i32).unwrap()
    }

    /// Anonymous memory of the holder, in bytes.
    pub fn memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.spawned.pid)).unwrap();
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("RssAnon:"))
            .unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let _ = kill_process(self.pid(), Signal::TERM);
    }
}

pub fn config(dir: &Path, command: &[&str]) -> HolderConfig {
    let mut config = HolderConfig::new(dir, TerminalId([7; 16]));
    config.command = command.iter().map(|word| (*word).to_owned()).collect();
    config.cwd = Some(PathBuf::from("/"));
    config
}

/// A watcher that checks offsets and keeps what it got.
pub struct Viewer {
    pub conn: HolderConn,
    /// Next offset expected.
    pub offset: u64,
    pub output: Vec<u8>,
    pub snapshots: Vec<(u64, Vec<u8>)>,
    expected_of_snapshot: usize,
    pub titles: Vec<String>,
    pub sizes: Vec<(u16, u16)>,
    pub applied: Vec<u64>,
    pub refused: Vec<lanyard_holder::wire::Refusal>,
    pub exit: Option<ExitStatus>,
    next_input: u64,
}

impl Viewer {
    pub fn new(conn: HolderConn) -> Self {
        Self {
            conn,
            offset: 0,
            output: Vec::new(),
            snapshots: Vec::new(),
            expected_of_snapshot: 0,
            titles: Vec::new(),
            sizes: Vec::new(),
            applied: Vec::new(),
            refused: Vec::new(),
            exit: None,
            next_input: 1,
        }
    }

    /// Takes one message; false at the end.
    pub async fn step(&mut self) -> bool {
        let Some(message) = self.conn.recv().await.unwrap() else {
            return false;
        };
        match message {
            FromHolder::Output { offset, bytes } => {
                assert_eq!(self.expected_of_snapshot, 0, "output inside a snapshot");
                assert_eq!(offset, self.offset, "a gap in the output");
                self.offset += bytes.len() as u64;
                self.output.extend_from_slice(&bytes);
            }
            FromHolder::Snapshot { offset, total, .. } => {
                self.offset = offset;
                self.expected_of_snapshot = total as usize;
                self.snapshots.push((offset, Vec::new()));
            }
            FromHolder::SnapshotChunk(bytes) => {
                self.expected_of_snapshot -= bytes.len();
                self.snapshots
                    .last_mut()
                    .unwrap()
                    .1
                    .extend_from_slice(&bytes);
            }
            FromHolder::Size { cols, rows } => self.sizes.push((cols, rows)),
            FromHolder::Title(title) => self.titles.push(title),
            FromHolder::Exit(status) => self.exit = Some(status),
            FromHolder::Applied { seq, .. } => self.applied.push(seq),
            FromHolder::Refused { code, .. } => self.refused.push(code),
            FromHolder::Welcome(_) => panic!("welcome twice"),
        }
        true
    }

    pub async fn until(&mut self, mut done: impl FnMut(&Self) -> bool) {
        while !done(self) {
            assert!(
                self.step().await,
                "the holder closed; output so far: {}",
                self.text()
            );
        }
    }

    pub async fn until_text(&mut self, text: &str) {
        self.until(|viewer| viewer.text().contains(text)).await;
    }

    pub async fn until_exit(&mut self) -> ExitStatus {
        self.until(|viewer| viewer.exit.is_some()).await;
        self.exit.unwrap()
    }

    pub async fn until_closed(&mut self) {
        while self.step().await {}
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.output).into_owned()
    }

    pub async fn say(&mut self, message: FromClient) {
        self.conn.send(&message).await.unwrap();
    }

    pub async fn type_bytes(&mut self, bytes: &[u8]) {
        let seq = self.next_input;
        self.next_input += 1;
        self.say(FromClient::Input {
            writer: ME,
            seq,
            bytes: Bytes::copy_from_slice(bytes),
        })
        .await;
    }
}

/// What `emit` of the test binary writes at an offset.
pub fn pattern(offset: u64) -> u8 {
    if offset % 64 == 63 {
        b'\n'
    } else {
        b' ' + ((offset.wrapping_mul(2_654_435_761) >> 13) % 95) as u8
    }
}

pub fn assert_pattern(bytes: &[u8], from: u64) {
    let wrong = bytes
        .iter()
        .zip(from..)
        .find(|(byte, offset)| **byte != pattern(*offset));
    assert_eq!(wrong, None);
}
