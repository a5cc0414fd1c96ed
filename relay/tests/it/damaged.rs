//! Files of the relay that are not as they were written: named, kept, and never guessed at.

use crate::command::{SERVE, Serving, command, failed, refused, run};
use rusqlite::Connection;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Harm {
    Empty,
    Half,
    /// A bit of the second page, or of the middle where there is none.
    Flipped,
    Zeros,
    Garbage,
    Folder,
    Pipe,
    Gone,
}

const ALL: [Harm; 8] = [
    Harm::Empty,
    Harm::Half,
    Harm::Flipped,
    Harm::Zeros,
    Harm::Garbage,
    Harm::Folder,
    Harm::Pipe,
    Harm::Gone,
];

const PAGE: usize = 4096;

impl Harm {
    fn strike(self, path: &Path) {
        let content = fs::read(path).unwrap();
        match self {
            Self::Empty => fs::write(path, "").unwrap(),
            Self::Half => fs::write(path, &content[..content.len() / 2]).unwrap(),
            Self::Flipped => {
                let mut content = content;
                let place = if content.len() > PAGE {
                    PAGE
                } else {
                    content.len() / 2
                };
                content[place] ^= 0x40;
                fs::write(path, content).unwrap();
            }
            Self::Zeros => fs::write(path, vec![0; content.len()]).unwrap(),
            Self::Garbage => fs::write(path, "no database, no key".repeat(400)).unwrap(),
            Self::Folder => {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
                fs::write(path.join("inside"), "precious").unwrap();
            }
            Self::Pipe => {
                fs::remove_file(path).unwrap();
                let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
                rustix::fs::mkfifoat(rustix::fs::CWD, path, mode).unwrap();
            }
            Self::Gone => fs::remove_file(path).unwrap(),
        }
    }
}

/// Its kind and its bytes.
fn look(path: &Path) -> String {
    let Ok(metadata) = fs::symlink_metadata(path) else {
        return "nothing".to_owned();
    };
    let inside = if metadata.is_file() {
        fs::read(path).unwrap()
    } else if metadata.is_dir() {
        fs::read(path.join("inside")).unwrap()
    } else {
        Vec::new()
    };
    format!("{:?} {inside:?}", metadata.file_type())
}

/// A relay that was stopped, or killed: its folder.
struct Ground {
    _dir: tempfile::TempDir,
    data: PathBuf,
    stays: String,
}

impl Ground {
    /// A relay that knows two machines; a third was removed, and of two tokens one has ended.
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let data = dir.path().join("data");
        drop(Serving::start(&data));
        let database = Connection::open(data.join("relay.db")).unwrap();
        for n in 1..=3_u8 {
            database
                .execute(
                    "INSERT INTO agents (id, key, name, enrolled) VALUES (?1, ?2, ?3, ?4)",
                    rusqlite::params![[n; 16], [n; 32], format!("machine {n}"), n],
                )
                .unwrap();
        }
        database.close().unwrap();
        let ground = Self {
            stays: String::new(),
            _dir: dir,
            data,
        };
        drop(Serving::start(&ground.data));
        ground.done(&["agents", "revoke", &id(3)]);
        let make = ["token", "create", "--purpose", "metrics", "--json"];
        let token = |made: String| {
            let made: serde_json::Value = serde_json::from_str(&made).unwrap();
            made["id"].as_str().unwrap().to_owned()
        };
        let (ended, stays) = (token(ground.done(&make)), token(ground.done(&make)));
        ground.done(&["token", "revoke", &ended]);
        Self { stays, ..ground }
    }

    fn done(&self, arguments: &[&str]) -> String {
        let output = run(&self.data, arguments);
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn path(&self, name: &str) -> PathBuf {
        self.data.join(name)
    }

    fn agents(&self) -> Vec<String> {
        let list: serde_json::Value =
            serde_json::from_str(&self.done(&["agents", "--json"])).unwrap();
        let names = list.as_array().unwrap().iter();
        names
            .map(|one| one["name"].as_str().unwrap().to_owned())
            .collect()
    }

    /// The tokens that open something.
    fn tokens(&self) -> Vec<String> {
        let list: serde_json::Value =
            serde_json::from_str(&self.done(&["token", "list", "--json"])).unwrap();
        let standing = list
            .as_array()
            .unwrap()
            .iter()
            .filter(|one| one["live"] == true);
        standing
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    }

    /// Starts the relay; with what it says on its log before it listens.
    fn serve(&self) -> (Serving, String) {
        let log = self.data.with_extension("log");
        let serving = Serving::from(
            command(&self.data, &SERVE).stderr(Stdio::from(File::create(&log).unwrap())),
        );
        (serving, fs::read_to_string(log).unwrap())
    }

    fn kept(&self, name: &str) -> Vec<PathBuf> {
        let prefix = format!("{name}.broken-");
        let entries = fs::read_dir(&self.data)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let its = entries.filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with(&prefix) && !name.ends_with("-wal") && !name.ends_with("-shm")
        });
        its.collect()
    }

    /// As it was, for the next harm.
    fn restore(&self, before: &[(PathBuf, Vec<u8>)]) {
        for entry in fs::read_dir(&self.data).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        for (path, content) in before {
            use std::os::unix::fs::PermissionsExt as _;
            fs::write(path, content).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
    }

    fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let entries = fs::read_dir(&self.data)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let files = entries.filter(|path| fs::symlink_metadata(path).unwrap().is_file());
        files
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }
}

fn id(n: u8) -> String {
    lanyard_shared::ids::AgentId([n; 16]).to_string()
}

#[test]
fn a_damaged_database_is_kept_and_its_copy_brings_back_nothing_that_has_ended() {
    let ground = Ground::new();
    let before = ground.files();
    for harm in ALL {
        ground.restore(&before);
        let path = ground.path("relay.db");
        harm.strike(&path);
        let found = look(&path);
        let (serving, log) = ground.serve();
        assert!(
            log.contains("relay.db") && log.contains("copy"),
            "{harm:?}: {log}"
        );
        let kept = ground.kept("relay.db");
        if harm == Harm::Gone {
            assert!(kept.is_empty() && log.contains("missing"), "{log}");
        } else {
            assert_eq!(kept.len(), 1, "{harm:?}");
            assert_eq!(look(&kept[0]), found, "{harm:?}");
            assert!(log.contains(&kept[0].display().to_string()), "{log}");
        }
        assert_eq!(ground.agents(), ["machine 1", "machine 2"], "{harm:?}");
        assert_eq!(
            ground.tokens(),
            std::slice::from_ref(&ground.stays),
            "{harm:?}"
        );
        drop(serving);

        // Once more it finds nothing new, and tells of what still lies there.
        let (_serving, log) = ground.serve();
        assert_eq!(ground.kept("relay.db").len(), kept.len());
        assert_eq!(log.contains("kept as"), !kept.is_empty(), "{log}");
        assert_eq!(ground.agents(), ["machine 1", "machine 2"], "{harm:?}");
    }
}

#[test]
fn what_was_said_just_before_a_kill_holds_though_the_log_of_the_database_is_lost() {
    for harm in [
        Harm::Empty,
        Harm::Half,
        Harm::Zeros,
        Harm::Garbage,
        Harm::Gone,
    ] {
        let ground = Ground::new();
        let (serving, _) = ground.serve();
        ground.done(&["agents", "revoke", &id(2)]);
        ground.done(&["token", "revoke", &ground.stays]);
        drop(serving);
        let log = ground.path("relay.db-wal");
        assert!(
            fs::metadata(&log).unwrap().len() > 0,
            "it was not in the database yet"
        );
        harm.strike(&log);
        let (_serving, log) = ground.serve();
        assert!(
            log.contains("lost what was written to it last"),
            "{harm:?}: {log}"
        );
        assert_eq!(ground.agents(), ["machine 1"], "{harm:?}");
        assert!(ground.tokens().is_empty(), "{harm:?}");
    }
}

#[test]
fn when_database_and_copy_are_damaged_the_relay_waits_for_its_operator_who_can_repair_it() {
    let ground = Ground::new();
    let before = ground.files();
    for harm in ALL {
        ground.restore(&before);
        let (path, copy) = (ground.path("relay.db"), ground.path("relay.copy.db"));
        harm.strike(&path);
        Harm::Half.strike(&copy);
        let found = look(&path);
        for _start in 0..2 {
            let said = refused(&ground.data, &SERVE);
            let lines: Vec<_> = said.lines().collect();
            assert!(
                lines.len() == 2 && lines[0].contains("relay.db"),
                "{harm:?}: {said}"
            );
            assert!(lines[1].contains("backup") && lines[1].contains("doctor --repair"));
            assert_eq!(look(&path), found, "{harm:?}");
            assert!(ground.kept("relay.db").is_empty());
        }
        let output = run(&ground.data, &["doctor"]);
        assert!(!output.status.success());
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("doctor --repair"), "{said}");

        let output = run(&ground.data, &["doctor", "--repair"]);
        assert!(output.status.success(), "{harm:?}: {output:?}");
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(said.contains("machines could be read") && said.contains("tokens have ended"));
        let kept = ground.kept("relay.db");
        assert_eq!(kept.len(), usize::from(harm != Harm::Gone), "{harm:?}");
        if let Some(kept) = kept.first() {
            assert_eq!(look(kept), found, "{harm:?}");
            assert!(said.contains(&kept.display().to_string()), "{said}");
        }
        let (_serving, _) = ground.serve();
        assert!(
            !ground.agents().contains(&"machine 3".to_owned()),
            "{harm:?}"
        );
        assert!(ground.tokens().is_empty(), "{harm:?}");
        assert!(failed(&ground.data, &["doctor", "--repair"]).contains("running"));
    }
}

#[test]
fn a_repair_reads_every_row_that_can_be_read() {
    let ground = Ground::new();
    let database = Connection::open(ground.path("relay.db")).unwrap();
    for n in 0..2000_u32 {
        let mut key = [9_u8; 32];
        key[..4].copy_from_slice(&n.to_be_bytes());
        database
            .execute(
                "INSERT INTO agents (id, key, name, enrolled) VALUES (?1, ?2, ?3, 1)",
                rusqlite::params![&key[..16], key, format!("machine of many {n}")],
            )
            .unwrap();
    }
    database.close().unwrap();
    let path = ground.path("relay.db");
    let mut content = fs::read(&path).unwrap();
    let whole = content.clone();
    // A page in the middle is gone; of the others all are read.
    let needle = b"machine of many 1000";
    let place = whole
        .windows(needle.len())
        .position(|bytes| bytes == needle)
        .unwrap();
    let page = place / PAGE * PAGE;
    content[page..page + PAGE].fill(0xff);
    fs::write(&path, content).unwrap();
    Harm::Gone.strike(&ground.path("relay.copy.db"));
    refused(&ground.data, &SERVE);
    ground.done(&["doctor", "--repair"]);
    let (_serving, _) = ground.serve();
    let read = ground.agents();
    assert!((1900..2002).contains(&read.len()), "{}", read.len());
    assert!(read.contains(&"machine 1".to_owned()));
    assert!(read.contains(&"machine of many 1999".to_owned()));
    assert!(!read.contains(&"machine of many 1000".to_owned()));
}

#[test]
fn a_database_of_a_later_relay_is_left_to_it() {
    let ground = Ground::new();
    let database = Connection::open(ground.path("relay.db")).unwrap();
    database.pragma_update(None, "user_version", 99).unwrap();
    database.close().unwrap();
    let found = look(&ground.path("relay.db"));
    for arguments in [&SERVE[..], &["doctor", "--repair"]] {
        let said = refused(&ground.data, arguments);
        assert!(
            said.contains("later version") && said.contains("update the relay"),
            "{said}"
        );
    }
    assert_eq!(look(&ground.path("relay.db")), found);
}

#[test]
fn a_damaged_certificate_or_key_is_never_replaced() {
    let ground = Ground::new();
    let before = ground.files();
    for name in ["tls-cert.pem", "tls-key.pem"] {
        for harm in ALL {
            // A certificate that is gone is made anew for the same key: a start that was cut short.
            if (name, harm) == ("tls-cert.pem", Harm::Gone) {
                continue;
            }
            ground.restore(&before);
            let path = ground.path(name);
            harm.strike(&path);
            let found = look(&path);
            for _start in 0..2 {
                let said = refused(&ground.data, &SERVE);
                let lines: Vec<_> = said.lines().collect();
                assert!(lines.len() == 2, "{name} {harm:?}: {said}");
                assert!(said.contains(name), "{name} {harm:?}: {said}");
                assert!(
                    ["backup", "back; ", "chmod"]
                        .iter()
                        .any(|way| lines[1].contains(way)),
                    "{name} {harm:?}: {said}"
                );
                assert_eq!(look(&path), found, "{name} {harm:?}");
            }
            assert!(
                !run(&ground.data, &["doctor"]).status.success(),
                "{name} {harm:?}"
            );
        }
    }
}

#[test]
fn what_lies_in_the_place_of_socket_or_lock_is_kept_and_named() {
    let ground = Ground::new();
    let before = ground.files();
    for harm in [Harm::Empty, Harm::Folder, Harm::Pipe] {
        ground.restore(&before);
        let path = ground.path("operator.sock");
        fs::write(&path, "not ours").unwrap();
        harm.strike(&path);
        let found = look(&path);
        let (_serving, log) = ground.serve();
        let kept = ground.kept("operator.sock");
        assert_eq!(kept.len(), 1, "{harm:?}");
        assert_eq!(look(&kept[0]), found, "{harm:?}");
        assert!(log.contains(&kept[0].display().to_string()), "{log}");
        assert_eq!(ground.agents().len(), 2);
    }
    for harm in [Harm::Folder, Harm::Pipe] {
        ground.restore(&before);
        harm.strike(&ground.path("lock"));
        let said = refused(&ground.data, &SERVE);
        assert!(
            said.contains("lock is not a file") && said.contains("hint: move it"),
            "{said}"
        );
    }
}

#[test]
fn what_a_power_failure_left_half_written_changes_nothing() {
    let ground = Ground::new();
    let left = [
        "relay.new",
        "relay.copy.new",
        "relay.scratch",
        "tls-key.new",
        "tls-cert.new",
    ];
    for name in left {
        fs::write(ground.path(name), "half").unwrap();
    }
    let (_serving, log) = ground.serve();
    assert!(!log.contains("ERROR"), "{log}");
    assert_eq!(ground.agents(), ["machine 1", "machine 2"]);
    ground.done(&["agents", "revoke", &id(2)]);
    assert_eq!(ground.agents(), ["machine 1"]);
}

#[test]
fn a_first_start_that_was_cut_short_is_begun_again() {
    let dir = tempfile::tempdir().unwrap();
    let data = dir.path().join("data");
    drop(Serving::start(&data));
    // The database is there whole or not at all, so this is all that can be left.
    for name in [
        "relay.db",
        "relay.copy.db",
        "relay.db-wal",
        "relay.db-shm",
        "tls-cert.pem",
    ] {
        let _ = fs::remove_file(data.join(name));
    }
    fs::write(data.join("relay.new"), "half").unwrap();
    drop(Serving::start(&data));
}

#[test]
fn the_doctor_finds_nothing_in_a_relay_that_is_well() {
    let ground = Ground::new();
    let said = ground.done(&["doctor"]);
    assert!(said.contains("database: whole, with 2 machines"), "{said}");
    assert!(said.contains("own certificate: whole"), "{said}");
    assert_eq!(ground.done(&["doctor", "--repair"]), "");
    let json: serde_json::Value =
        serde_json::from_str(&ground.done(&["doctor", "--json"])).unwrap();
    assert!(
        json.as_array()
            .unwrap()
            .iter()
            .all(|check| check["well"] == true)
    );
}
