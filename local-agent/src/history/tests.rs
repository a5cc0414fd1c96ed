use super::*;
use lanyard_holder::HolderConfig;
use std::os::unix::fs::symlink;
use tempfile::TempDir;

const ID: TerminalId = TerminalId([7; 16]);

/// What a real holder has kept of a command that has ended.
async fn kept(command: &[&str]) -> (TempDir, Shelf) {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path().join("history"));
    let id = lanyard_holder::TerminalId(ID.0);
    let mut config = HolderConfig::new(dir.path().join("holders"), id);
    config.command = command.iter().map(|word| (*word).to_owned()).collect();
    config.name = "build".to_owned();
    config.cwd = Some("/".into());
    config.linger_secs = 0;
    config.history = Some(shelf.folder(ID));
    tokio::task::LocalSet::new()
        .run_until(lanyard_holder::run(config))
        .await
        .unwrap();
    (dir, shelf)
}

#[tokio::test]
async fn what_has_ended_is_found_with_how_it_ended_and_how_much_is_kept() {
    let (_dir, shelf) = kept(&["/bin/sh", "-c", "printf hello; exit 3"]).await;
    assert_eq!(shelf.list().unwrap().ids, [ID]);
    let found = shelf.find(ID).unwrap().unwrap();
    assert!(!found.live && !found.nameless && found.bytes > 5);
    let past = found.past;
    assert_eq!((past.name.as_str(), past.cwd.as_str()), ("build", "/"));
    assert_eq!(past.exit, Some(Exit::Status { code: 3 }));
    assert_eq!((past.kept, past.dropped), (5, 0));
    let (cols, rows) = (80, 24);
    assert_eq!(past.grid, Grid { cols, rows });
    assert!(past.started.0 > 0 && past.ended >= past.started);
}

#[tokio::test]
async fn a_name_is_changed_and_what_has_lost_its_name_is_there_without() {
    let (_dir, shelf) = kept(&["/bin/echo", "hello"]).await;
    shelf.rename(ID, "other").unwrap();
    assert_eq!(shelf.find(ID).unwrap().unwrap().past.name, "other");
    shelf.rename(TerminalId([8; 16]), "nothing").unwrap();
    fs::write(shelf.folder(ID).join("meta.json"), "{\"id\":").unwrap();
    let found = shelf.find(ID).unwrap().unwrap();
    assert!(found.nameless);
    assert_eq!((found.past.name.as_str(), found.past.kept), ("", 7));
}

#[tokio::test]
async fn what_is_removed_is_gone_at_once_and_a_removal_that_was_cut_short_is_finished() {
    let (_dir, shelf) = kept(&["/bin/echo", "hello"]).await;
    let half = shelf
        .folder(ID)
        .with_file_name(format!("{REMOVED}{}", lanyard_holder::TerminalId([9; 16])));
    fs::create_dir(&half).unwrap();
    fs::write(half.join("00000000.log"), "half").unwrap();
    shelf.remove(ID).unwrap();
    assert!(shelf.list().unwrap().ids.is_empty());
    assert!(!half.exists() && !shelf.folder(ID).exists());
    shelf.remove(ID).unwrap();
    assert_eq!(shelf.find(ID).unwrap(), None);
}

#[tokio::test]
async fn what_is_not_a_terminals_folder_is_named_and_left_alone() {
    let (dir, shelf) = kept(&["/bin/echo", "hello"]).await;
    let precious = dir.path().join("precious");
    fs::create_dir(&precious).unwrap();
    fs::write(precious.join("file"), "").unwrap();
    let other = TerminalId([8; 16]);
    symlink(&precious, shelf.folder(other)).unwrap();
    fs::write(shelf.folder(ID).with_file_name("notes.txt"), "").unwrap();
    let listing = shelf.list().unwrap();
    assert_eq!((listing.ids, listing.odd.len()), (vec![ID], 2));
    assert_eq!(shelf.find(other).unwrap(), None);
    shelf.remove(other).unwrap();
    assert!(precious.join("file").exists());
}

#[test]
fn where_nothing_was_ever_kept_nothing_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let shelf = Shelf::new(dir.path().join("history"));
    assert!(shelf.list().unwrap().ids.is_empty());
    assert_eq!(shelf.find(ID).unwrap(), None);
}
