//! What is damaged or foreign among the holders hides none of them, is told of, and stays; what the dead left is cleared away.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod common;

use std::fs;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use common::Held;
use lanyard_holder::TerminalId;
use lanyard_holder::client::{Listing, Oddity, list};

fn folder(dir: &Path, number: u8) -> PathBuf {
    let path = dir.join(TerminalId([number; 16]).to_string());
    fs::create_dir(&path).unwrap();
    path
}

/// Whoever listened there is gone.
fn dead_socket(path: &Path) {
    drop(UnixListener::bind(path.join("socket")).unwrap());
}

fn why(listing: &Listing, path: &Path) -> String {
    let odd = listing.odd.iter().find(|odd| odd.path == path);
    odd.map(|odd| odd.why.to_string()).unwrap_or_default()
}

#[tokio::test]
async fn odd_things_among_the_holders_are_named_and_hide_none_of_them() {
    let held = Held::start(&["/bin/cat"]).await;
    let dir = held.dir.path();
    let file = dir.join(TerminalId([1; 16]).to_string());
    fs::write(&file, "").unwrap();
    let link = dir.join(TerminalId([2; 16]).to_string());
    std::os::unix::fs::symlink(held.spawned.socket.parent().unwrap(), &link).unwrap();
    let no_socket = folder(dir, 3);
    fs::write(no_socket.join("socket"), "").unwrap();
    let not_ours = folder(dir, 4);
    dead_socket(&not_ours);
    fs::write(not_ours.join("thesis.txt"), "").unwrap();
    fs::write(dir.join("notes"), "not one of ours").unwrap();

    let listing = list(dir).await.unwrap();
    assert_eq!(listing.found.len(), 1);
    assert_eq!(listing.found[0].socket, held.spawned.socket);
    assert_eq!(listing.odd.len(), 4);
    assert!(why(&listing, &file).contains("not a folder"));
    assert!(why(&listing, &link).contains("not a folder"));
    assert!(why(&listing, &no_socket).contains("socket is none"));
    assert!(why(&listing, &not_ours).contains("not all that is left"));
    assert!(not_ours.join("thesis.txt").exists());
}

#[tokio::test]
async fn a_living_holder_whose_file_is_damaged_is_found_and_said_to_be_so() {
    let held = Held::start(&["/bin/cat"]).await;
    let meta = held.spawned.socket.with_file_name("meta.json");
    let whole = fs::read(&meta).unwrap();
    let other = String::from_utf8(whole.clone()).unwrap();
    let other = other.replace(
        &TerminalId([7; 16]).to_string(),
        &TerminalId([8; 16]).to_string(),
    );
    let half = &whole[..whole.len() / 2];
    for damaged in [half, b"", b"\xff\x00\x07", b"[]", other.as_bytes()] {
        fs::write(&meta, damaged).unwrap();
        let listing = list(held.dir.path()).await.unwrap();
        assert_eq!(listing.found.len(), 1);
        assert_eq!(listing.found[0].meta.id, TerminalId([7; 16]));
        assert!(matches!(listing.odd[0].why, Oddity::MetaDamaged));
    }
    fs::remove_file(&meta).unwrap();
    rustix::fs::mkfifoat(rustix::fs::CWD, &meta, rustix::fs::Mode::RUSR).unwrap();
    assert_eq!(list(held.dir.path()).await.unwrap().found.len(), 1);
}

#[tokio::test]
async fn what_dead_holders_left_is_cleared_away_however_incomplete() {
    let dir = tempfile::tempdir().unwrap();
    folder(dir.path(), 1);
    dead_socket(&folder(dir.path(), 2));
    let whole = folder(dir.path(), 3);
    dead_socket(&whole);
    fs::write(whole.join("meta.json"), "{}").unwrap();
    fs::write(folder(dir.path(), 4).join("meta.json"), "{\"id\":").unwrap();
    let starting = dir.path().join(format!(".new-{}", TerminalId([5; 16])));
    fs::create_dir(&starting).unwrap();
    let listing = list(dir.path()).await.unwrap();
    assert!(
        listing.found.is_empty() && listing.odd.is_empty(),
        "{listing:?}"
    );
    let left: Vec<_> = fs::read_dir(dir.path()).unwrap().collect();
    assert_eq!(left.len(), 1, "the one that may just be starting");
    assert!(starting.exists());
}
