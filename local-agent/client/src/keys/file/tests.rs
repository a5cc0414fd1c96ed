//! What the device file is, and what it refuses to be.

use super::*;
use lanyard_shared::msg::Scope;
use lanyard_shared::time::UnixMs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

fn machine(agent: u8, grant: &str) -> Machine {
    Machine {
        agent: AgentId([agent; 16]),
        noise_key: b64::Bytes([2; 32]),
        relay: "https://relay.example".to_owned(),
        fingerprint: Some(b64::Bytes([3; 32])),
        grant: grant.to_owned(),
        expires: UnixMs(5),
        scopes: vec![Scope::View, Scope::Terminal],
        name: "desk".to_owned(),
        user: "me".to_owned(),
        identity: None,
        serial: 1,
        generation: 0,
        keys: None,
    }
}

fn grant(grant: &str, expires: u64) -> News {
    News::Grant {
        grant: grant.to_owned(),
        expires: UnixMs(expires),
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().mode() & 0o7777
}

#[test]
fn a_device_is_made_once_in_a_private_file_in_a_private_folder() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::at(home.path().join("lanyard/device.json"));
    let (device, machines) = store.load_or_create("laptop").unwrap();
    assert!(machines.is_empty());
    assert_eq!(mode(store.path()), 0o600);
    assert_eq!(mode(store.folder()), 0o700);
    let (again, _) = store.load_or_create("other").unwrap();
    assert_eq!((again.id(), again.name()), (device.id(), "laptop"));
}

#[test]
fn machines_are_remembered_replaced_renewed_and_forgotten() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::at(home.path().join("device.json"));
    assert!(store.remember(machine(1, "a")).is_err());
    store.load_or_create("laptop").unwrap();
    store.remember(machine(1, "a")).unwrap();
    store.remember(machine(2, "b")).unwrap();
    store.remember(machine(1, "c")).unwrap();
    let id = store.load().unwrap().unwrap().0.id();
    let news = grant("d", 9);
    assert!(store.keep(AgentId([2; 16]), id, &news).unwrap());
    let (_, machines) = store.load().unwrap().unwrap();
    let grants: Vec<_> = machines
        .iter()
        .map(|m| (m.agent.0[0], m.grant.as_str(), m.expires.0))
        .collect();
    assert_eq!(grants, [(2, "d", 9), (1, "c", 5)]);
    store.forget(AgentId([2; 16])).unwrap();
    assert_eq!(store.load().unwrap().unwrap().1.len(), 1);
    assert_eq!(mode(store.path()), 0o600);
}

#[test]
fn a_file_that_others_can_read_is_refused_with_the_way_out() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::at(home.path().join("device.json"));
    store.load_or_create("laptop").unwrap();
    for open in [0o640, 0o604, 0o620] {
        std::fs::set_permissions(store.path(), std::fs::Permissions::from_mode(open)).unwrap();
        let failure = store.load().unwrap_err();
        assert!(
            failure.sentence().contains("can be read by others"),
            "{failure}"
        );
        assert!(failure.hint().contains("chmod 600"));
    }
}

#[test]
fn a_folder_that_others_can_write_to_is_refused() {
    let home = tempfile::tempdir().unwrap();
    std::fs::set_permissions(home.path(), std::fs::Permissions::from_mode(0o777)).unwrap();
    let store = Store::at(home.path().join("device.json"));
    assert!(
        store
            .load_or_create("laptop")
            .unwrap_err()
            .hint()
            .contains("chmod 700")
    );
}

#[test]
fn a_link_in_place_of_the_file_is_not_followed() {
    let home = tempfile::tempdir().unwrap();
    let real = Store::at(home.path().join("real.json"));
    real.load_or_create("laptop").unwrap();
    let store = Store::at(home.path().join("device.json"));
    symlink(real.path(), store.path()).unwrap();
    assert!(store.load().is_err());
}

#[test]
fn a_broken_file_or_one_of_another_version_is_refused_and_stays() {
    let home = tempfile::tempdir().unwrap();
    let store = Store::at(home.path().join("device.json"));
    store.load_or_create("laptop").unwrap();
    for text in [
        "{",
        "{\"version\":2,\"name\":\"x\",\"key\":\"\",\"noise\":\"\",\"machines\":[]}",
    ] {
        std::fs::write(store.path(), text).unwrap();
        assert!(store.load_or_create("laptop").is_err());
        assert_eq!(std::fs::read_to_string(store.path()).unwrap(), text);
    }
}

/// A file with one machine, and the id of the device it was paired with.
fn paired(home: &Path) -> (Store, AgentId, DeviceId) {
    let store = Store::at(home.join("device.json"));
    let (device, _) = store.load_or_create("laptop").unwrap();
    store.remember(machine(1, "a")).unwrap();
    (store, AgentId([1; 16]), device.id())
}

#[test]
fn news_is_added_to_what_another_process_has_kept_meanwhile() {
    let home = tempfile::tempdir().unwrap();
    let (store, agent, device) = paired(home.path());
    let key = |serial: u32| News::MachineKey {
        remote: [u8::try_from(serial).unwrap(); 32],
        serial,
        identity: None,
    };
    for news in [
        News::Generation(7),
        key(5),
        grant("b", 9),
        News::Generation(6),
        key(4),
    ] {
        assert!(store.keep(agent, device, &news).unwrap());
    }
    let kept = store.recall(agent).unwrap().unwrap();
    assert_eq!((kept.grant.as_str(), kept.expires), ("b", UnixMs(9)));
    assert_eq!(
        (kept.generation, kept.serial, kept.remote),
        (7, 5, [5; 32]),
        "they only rise"
    );
}

#[test]
fn news_of_keys_that_were_replaced_or_of_a_forgotten_machine_is_dropped() {
    let home = tempfile::tempdir().unwrap();
    let (store, agent, device) = paired(home.path());
    let keys = OwnKeys::from(&Device::generate("next").unwrap());
    let next = News::OwnKeys {
        keys: keys.clone(),
        grant: "b".to_owned(),
        expires: UnixMs(9),
    };
    assert!(store.keep(agent, device, &next).unwrap());
    let kept = store.recall(agent).unwrap();
    assert!(kept.as_ref().is_some_and(|kept| kept.keys == Some(keys)));
    for stale in [next, grant("c", 10), News::Generation(9)] {
        assert!(!store.keep(agent, device, &stale).unwrap());
        assert_eq!(store.recall(agent).unwrap(), kept);
    }
    store.forget(agent).unwrap();
    assert!(!store.keep(agent, device, &grant("c", 10)).unwrap());
    assert_eq!(store.recall(agent).unwrap(), None);
}

#[test]
fn a_machine_that_was_paired_anew_is_recalled_with_the_keys_it_was_paired_with() {
    let home = tempfile::tempdir().unwrap();
    let (store, agent, device) = paired(home.path());
    let next = News::OwnKeys {
        keys: OwnKeys::from(&Device::generate("next").unwrap()),
        grant: "b".to_owned(),
        expires: UnixMs(9),
    };
    assert!(store.keep(agent, device, &next).unwrap());
    store.remember(machine(1, "c")).unwrap();
    let keys = store.recall(agent).unwrap().unwrap().keys.unwrap();
    assert_eq!(keys.device(), device);
}
