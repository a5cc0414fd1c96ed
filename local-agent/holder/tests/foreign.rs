//! Other users of the machine: neither do they reach a terminal, nor is what they put among the holders taken for one.
//!
//! To be another user takes root; without it there is nothing to try.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod common;

use std::fs::{self, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use common::{BIN, Held, config};
use lanyard_holder::TerminalId;
use lanyard_holder::client::{ClientError, HolderConn, Listing, Oddity, list};
use lanyard_holder::wire::Kind;

/// Some user who is not this one.
const STRANGER: u32 = 65_534;

/// A folder that the stranger may use, with the program in it.
fn ground() -> Option<(tempfile::TempDir, PathBuf)> {
    if !rustix::process::geteuid().is_root() {
        return None;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), Permissions::from_mode(0o755)).unwrap();
    let program = dir.path().join("program");
    fs::copy(BIN, &program).unwrap();
    Some((dir, program))
}

fn as_stranger(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.uid(STRANGER).gid(STRANGER).current_dir("/");
    command
}

/// Killed when the test is over.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The stranger's own holder.
fn held_by_stranger(program: &Path, dir: &Path, id: TerminalId) -> Running {
    let mut config = config(dir, &["/bin/cat"]);
    config.id = id;
    let mut holder = as_stranger(program)
        .arg("holder")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = holder.stdin.take().unwrap();
    stdin
        .write_all(&serde_json::to_vec(&config).unwrap())
        .unwrap();
    drop(stdin);
    let mut line = String::new();
    let stdout = holder.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut line).unwrap();
    assert_eq!(line.trim_end(), "ready");
    Running(holder)
}

fn why<'a>(listing: &'a Listing, path: &Path) -> Option<&'a Oddity> {
    let odd = listing.odd.iter().find(|odd| odd.path == path);
    odd.map(|odd| &odd.why)
}

#[tokio::test]
async fn what_another_user_put_among_the_holders_is_named_left_and_hides_none_of_them() {
    let Some((ground, program)) = ground() else {
        return;
    };
    let held = Held::start(&["/bin/cat"]).await;
    let dir = held.dir.path();

    // A folder of theirs, in which somebody listens as us.
    let folder = dir.join(TerminalId([1; 16]).to_string());
    fs::create_dir(&folder).unwrap();
    let _ours = std::os::unix::net::UnixListener::bind(folder.join("socket")).unwrap();
    chown(&folder, Some(STRANGER), None).unwrap();

    // A folder of ours, in which they listen.
    let theirs = ground.path().join("theirs");
    fs::create_dir(&theirs).unwrap();
    chown(&theirs, Some(STRANGER), Some(STRANGER)).unwrap();
    let id = TerminalId([2; 16]);
    let _holder = held_by_stranger(&program, &theirs, id);
    let listener = dir.join(id.to_string());
    fs::create_dir(&listener).unwrap();
    for name in ["socket", "meta.json"] {
        let from = theirs.join(id.to_string()).join(name);
        fs::hard_link(from, listener.join(name)).unwrap();
    }

    let listing = list(dir).await.unwrap();
    assert_eq!(listing.found.len(), 1);
    assert_eq!(listing.found[0].socket, held.spawned.socket);
    assert!(matches!(why(&listing, &folder), Some(Oddity::Foreign)));
    assert!(matches!(
        why(&listing, &listener),
        Some(Oddity::ForeignListener)
    ));
    for odd in &listing.odd {
        assert!(odd.to_string().contains("another user"), "{odd}");
    }
    assert!(folder.join("socket").exists() && listener.join("socket").exists());

    // Nor does anybody talk to them who knows the place.
    let refused = HolderConn::connect(&listener.join("socket"), Kind::Control).await;
    assert!(matches!(refused, Err(ClientError::Foreign)));
}

#[tokio::test]
async fn another_user_who_gets_as_far_as_the_socket_is_shown_out_without_a_word() {
    let Some((_ground, program)) = ground() else {
        return;
    };
    let held = Held::start(&["/bin/cat"]).await;
    let socket = &held.spawned.socket;
    // Its folder keeps them out; when somebody opens it, the holder does.
    let closed = as_stranger(&program).arg("knock").arg(socket).status();
    assert!(!closed.unwrap().success());
    let opened = [
        (held.dir.path(), 0o755),
        (socket.parent().unwrap(), 0o755),
        (socket.as_path(), 0o666),
    ];
    for (path, mode) in opened {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }
    let shown_out = as_stranger(&program).arg("knock").arg(socket).status();
    assert!(shown_out.unwrap().success());
    held.connect(Kind::Control).await;
}
