//! Tests of the store.

use super::*;
use std::sync::Arc;

const NOW: UnixMs = UnixMs(1_000_000);
const LATER: UnixMs = UnixMs(2_000_000);

fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("relay.db")).unwrap();
    (dir, store)
}

fn agent(n: u8) -> (AgentId, [u8; 32]) {
    (AgentId::of_first_key(&[n; 32]), [n; 32])
}

#[test]
fn a_code_enrols_once() {
    let (_dir, store) = store();
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    let (id, key) = agent(1);
    store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).unwrap();
    let (id, key) = agent(2);
    assert!(matches!(
        store.enrol(&[1; 32], id, &key, &[], "rogue", NOW),
        Err(StoreError::CodeRefused)
    ));
    assert_eq!(store.agents().unwrap().len(), 1);
}

#[test]
fn of_many_that_race_with_one_code_one_wins() {
    let (_dir, store) = store();
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    let store = Arc::new(store);
    let threads: Vec<_> = (0..8)
        .map(|n| {
            let store = Arc::clone(&store);
            std::thread::spawn(move || {
                let (id, key) = agent(n);
                store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).is_ok()
            })
        })
        .collect();
    let won = threads
        .into_iter()
        .map(|t| t.join().unwrap())
        .filter(|won| *won)
        .count();
    assert_eq!(won, 1);
    assert_eq!(store.agents().unwrap().len(), 1);
}

#[test]
fn a_known_machine_enrols_by_its_key_or_a_later_one_and_never_by_one_that_was_replaced() {
    let (_dir, store) = store();
    let (id, first) = agent(1);
    let (second, third) = ([2; 32], [3; 32]);
    let enrol = |code, key, before: &[[u8; 32]]| {
        store.add_code(&code, NOW, LATER).unwrap();
        store.enrol(&code, id, &key, before, "laptop", NOW)
    };
    enrol([1; 32], first, &[]).unwrap();
    // It has gone on twice since this database was copied.
    enrol([2; 32], third, &[first, second]).unwrap();
    enrol([3; 32], third, &[first, second]).unwrap();
    for (n, key, before) in [
        (4, first, &[][..]),
        (5, second, &[first]),
        (6, [9; 32], &[first]),
    ] {
        assert!(matches!(
            enrol([n; 32], key, before),
            Err(StoreError::KeyReplaced)
        ));
        assert_eq!(store.agents().unwrap()[0].key, third);
        // The code is still good for who comes with the right key.
        store
            .enrol(&[n; 32], id, &third, &[], "laptop", NOW)
            .unwrap();
    }
    // The operator's way out.
    store.revoke_agent(id).unwrap();
    enrol([7; 32], first, &[]).unwrap();
}

#[test]
fn an_expired_code_is_refused() {
    let (_dir, store) = store();
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    let (id, key) = agent(1);
    assert!(matches!(
        store.enrol(&[1; 32], id, &key, &[], "late", LATER),
        Err(StoreError::CodeRefused)
    ));
}

#[test]
fn agents_and_when_they_were_seen_survive_a_restart() {
    let (dir, store) = store();
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    let (id, key) = agent(1);
    store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).unwrap();
    store.seen(&[(id, LATER)]).unwrap();
    drop(store);
    let store = Store::open(&dir.path().join("relay.db")).unwrap();
    let expected = Agent {
        id,
        next: None,
        key,
        name: "laptop".into(),
        enrolled: NOW,
        seen: Some(LATER),
    };
    assert_eq!(store.agents().unwrap(), [expected]);
}

#[test]
fn a_damaged_or_emptied_database_is_reported_and_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("relay.db");
    for content in [
        b"this is not a database, and long enough to have a header, is it".repeat(20),
        Vec::new(),
    ] {
        std::fs::write(&path, &content).unwrap();
        assert!(matches!(
            Store::open(&path),
            Err(StoreError::Damaged { .. })
        ));
        assert_eq!(std::fs::read(&path).unwrap(), content);
    }
}

#[test]
fn a_database_of_a_later_relay_is_refused() {
    let (dir, store) = store();
    store
        .lock()
        .pragma_update(None, "user_version", schema::CURRENT + 1)
        .unwrap();
    drop(store);
    assert!(matches!(
        Store::open(&dir.path().join("relay.db")),
        Err(StoreError::TooNew { .. })
    ));
}

#[test]
fn the_database_is_for_the_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (dir, _store) = store();
    let mode = std::fs::metadata(dir.path().join("relay.db"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_revoked_agent_is_gone_for_good_and_comes_back_only_with_a_new_code() {
    let (dir, store) = store();
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    let (id, key) = agent(1);
    store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).unwrap();
    assert_eq!(store.revoke_agent(id).unwrap().unwrap().name, "laptop");
    assert_eq!(store.revoke_agent(id).unwrap(), None);
    drop(store);
    let store = Store::open(&dir.path().join("relay.db")).unwrap();
    assert_eq!(store.agents().unwrap(), []);
    assert!(matches!(
        store.enrol(&[1; 32], id, &key, &[], "laptop", NOW),
        Err(StoreError::CodeRefused)
    ));
    store.add_code(&[2; 32], NOW, LATER).unwrap();
    store.enrol(&[2; 32], id, &key, &[], "laptop", NOW).unwrap();
}

#[test]
fn a_sighting_that_comes_late_does_not_bring_a_revoked_agent_back() {
    let (_dir, store) = store();
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    let (id, key) = agent(1);
    store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).unwrap();
    store.revoke_agent(id).unwrap();
    store.seen(&[(id, LATER)]).unwrap();
    assert_eq!(store.agents().unwrap(), []);
}

/// What the copy says on its own.
fn copied(dir: &tempfile::TempDir) -> (Vec<Agent>, usize) {
    let alone = tempfile::tempdir().unwrap();
    let path = alone.path().join("relay.db");
    std::fs::copy(copy_of(&dir.path().join("relay.db")), &path).unwrap();
    let store = Store::open(&path).unwrap();
    let standing = store.tokens().unwrap();
    let standing = standing.iter().filter(|token| token.revoked.is_none());
    (store.agents().unwrap(), standing.count())
}

#[test]
fn what_must_not_be_lost_is_in_the_copy_before_it_is_answered() {
    use crate::tokens::{Purpose, Spoken, fresh};
    let (dir, store) = store();
    let (id, key) = agent(1);
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).unwrap();
    assert_eq!(copied(&dir).0[0].key, key);
    store.hand_over(id, &key, &[7; 32]).unwrap();
    assert_eq!(copied(&dir).0[0].next, Some([7; 32]));
    store.promote(id, &[7; 32]).unwrap();
    assert_eq!(copied(&dir).0[0].key, [7; 32]);
    let (_, token) = fresh(Purpose::Metrics, String::new(), LATER, NOW).unwrap();
    store.add_token(&token, NOW).unwrap();
    assert_eq!(copied(&dir).1, 1);
    store.revoke_tokens(Spoken::All, NOW).unwrap();
    assert_eq!(copied(&dir).1, 0);
    store.revoke_agent(id).unwrap();
    assert_eq!(copied(&dir).0, []);
}

#[test]
fn a_copy_that_cannot_follow_is_removed_and_made_when_it_can_be() {
    let (dir, store) = store();
    let path = dir.path().join("relay.db");
    let (id, key) = agent(1);
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).unwrap();
    assert!(copy_of(&path).exists());
    // No file can be written where a folder is.
    let blocked = dir.path().join("relay.copy.new");
    std::fs::create_dir(&blocked).unwrap();
    store.revoke_agent(id).unwrap();
    assert!(!copy_of(&path).exists(), "it would bring the machine back");
    std::fs::remove_dir(&blocked).unwrap();
    drop(store);
    let (store, told) = Store::open_or_recover(&path, NOW).unwrap();
    assert!(told.is_none() && copy_of(&path).exists());
    assert_eq!(store.agents().unwrap(), []);
}

#[test]
fn a_database_that_is_ahead_of_its_copy_is_believed_and_one_that_is_behind_is_not() {
    let (dir, store) = store();
    let path = dir.path().join("relay.db");
    let (id, key) = agent(1);
    store.add_code(&[1; 32], NOW, LATER).unwrap();
    store.enrol(&[1; 32], id, &key, &[], "laptop", NOW).unwrap();
    let before = std::fs::read(copy_of(&path)).unwrap();
    store.revoke_agent(id).unwrap();
    let after = std::fs::read(copy_of(&path)).unwrap();
    drop(store);
    std::fs::write(copy_of(&path), &before).unwrap();
    let (store, told) = Store::open_or_recover(&path, NOW).unwrap();
    assert!(told.is_none() && store.agents().unwrap().is_empty());
    drop(store);
    for beside in ["relay.db-wal", "relay.db-shm"] {
        let _ = std::fs::remove_file(dir.path().join(beside));
    }
    std::fs::write(&path, &before).unwrap();
    std::fs::write(copy_of(&path), &after).unwrap();
    assert!(matches!(Store::open(&path), Err(StoreError::Behind(_))));
    let (store, told) = Store::open_or_recover(&path, NOW).unwrap();
    assert!(told.unwrap().contains("lost what was written"));
    assert!(store.agents().unwrap().is_empty());
}
