//! The workspace profile: a program changes the workspace, but not what is kept of it, and nothing else. By bubblewrap and by Landlock alone.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use common::{CANARY, Fixture, SECRET, everyone, must, said};
use lanyard_sandbox::{
    Changes, Cut, Ending, Holder, Job, Kept, Launcher, Limits, Profile, Ran, StandIn, working,
};
use rustix::fs::{FlockOperation, flock};
use std::ffi::OsString;
use std::fs::{self, File, Permissions};
use std::io::Write as _;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// One user and one way to keep the profile.
struct Case {
    user: Fixture,
    holder: Holder,
}

impl Case {
    fn is_bubblewrap(&self) -> bool {
        self.holder.name() == "bubblewrap"
    }

    fn job(&self, line: &str) -> Job {
        let bash = lanyard_sandbox::resolve("bash", Path::new("/etc")).unwrap();
        let changes = Changes {
            kept: kept(),
            network: false,
            home: PathBuf::from("/nonexistent"),
            holder: self.holder.clone(),
        };
        let mut job = Job::changing(bash, &self.user.workspace, changes);
        job.environment = working(|_| None, &self.user.workspace);
        job.arguments = ["bash", "-c", line].map(OsString::from).to_vec();
        job
    }

    fn run(&self, line: &str) -> Ran {
        self.user.run(self.job(line))
    }

    /// What it says; it must succeed.
    fn succeeds(&self, line: &str) -> String {
        let ran = self.run(line);
        let name = self.holder.name();
        assert_eq!(
            ran.status,
            Ending::Exited(0),
            "{name}: {line}: {}",
            said(&ran)
        );
        String::from_utf8(ran.stdout).unwrap()
    }

    /// Each of these lines fails, and none of them changes the workspace or what lies beside it.
    fn none_succeeds(&self, lines: &[&str]) {
        let before = self.seen();
        for line in lines {
            let ran = self.run(line);
            let name = self.holder.name();
            assert_ne!(
                ran.status,
                Ending::Exited(0),
                "{name}: {line}: {}",
                said(&ran)
            );
        }
        assert_eq!(before, self.seen());
    }

    /// Whoever lived on would hold it. Namespaces end before the run does; a group is only killed by then.
    fn nobody_holds(&self, lock: &Path) {
        let how = if self.is_bubblewrap() {
            FlockOperation::NonBlockingLockExclusive
        } else {
            FlockOperation::LockExclusive
        };
        flock(File::open(lock).unwrap(), how).unwrap();
    }

    /// Without the times of folders: what stands in comes and goes.
    fn seen(&self) -> Vec<(PathBuf, String)> {
        let all = self.user.seen().into_iter().flatten();
        let of_folder = |told: String| {
            let (before, _) = told.split_once(" mtime").unwrap();
            before.split_once(" size").unwrap().0.to_owned()
        };
        all.map(|(path, told)| {
            let folder = path.is_dir();
            (path, if folder { of_folder(told) } else { told })
        })
        .collect()
    }
}

fn kept() -> Vec<Kept> {
    let folder = |path: &str| Kept {
        path: path.to_owned(),
        stand_in: StandIn::Folder,
    };
    vec![
        folder(".git/config"),
        folder(".git/hooks"),
        folder(".git/modules"),
        Kept {
            path: ".git/commondir".to_owned(),
            stand_in: StandIn::File(".\n".to_owned()),
        },
        folder(".lanyard"),
        folder(".bashrc"),
        Kept {
            path: ".npmrc".to_owned(),
            stand_in: StandIn::Nothing,
        },
    ]
}

fn launcher() -> Launcher {
    Launcher {
        helper: PathBuf::from(env!("CARGO_BIN_EXE_sandbox-test-helper")),
    }
}

fn cases() -> Vec<Case> {
    let holders = [
        Holder::bubblewrap(&launcher()).unwrap(),
        Holder::landlock(&launcher()).unwrap(),
    ];
    let of_each = holders.iter().flat_map(|holder| {
        everyone().into_iter().map(|user| Case {
            user,
            holder: holder.clone(),
        })
    });
    of_each.collect()
}

fn with_repository(user: &Fixture) {
    user.make_repository();
    for (name, value) in [("user.name", "A"), ("user.email", "a@example.org")] {
        must(user.git().args(["config", name, value]));
    }
}

#[test]
fn a_program_changes_the_workspace_and_folders_of_its_own() {
    for case in cases() {
        let own = case.succeeds(
            "echo x > folder/new; rm folder/inner.txt; mkdir -p folder/a/b; mv folder/a folder/c
             echo y > $TMPDIR/t && echo z > $HOME/h && cat $TMPDIR/t $HOME/h && echo $TMPDIR",
        );
        let folder = case.user.workspace.join("folder");
        assert_eq!(fs::read_to_string(folder.join("new")).unwrap(), "x\n");
        assert!(!folder.join("inner.txt").exists() && folder.join("c/b").is_dir());
        let own: Vec<_> = own.lines().collect();
        assert_eq!(own[..2], ["y", "z"]);
        assert!(!Path::new(own[2]).join("t").exists(), "{own:?}");
        if case.is_bubblewrap() {
            case.succeeds(
                "echo x > new && chmod 755 new && touch -d yesterday new && rm notes.txt",
            );
        } else {
            case.none_succeeds(&["echo x > new", "rm notes.txt", "chmod 700 folder/new"]);
        }
    }
}

#[test]
fn nothing_outside_of_the_workspace_is_read_or_changed() {
    for case in cases() {
        let out = case.user.outside.display();
        case.none_succeeds(&[
            &format!("cat {out}/canary.txt"),
            &format!("echo x > {out}/new"),
            &format!("chmod 777 {out}/canary.txt"),
            &format!("touch {out}/canary.txt"),
            &format!("rm {out}/canary.txt"),
            &format!("ln {out}/canary.txt folder/link"),
            &format!("ln -s {out}/canary.txt folder/soft && cat folder/soft; s=$?; rm folder/soft; exit $s"),
            "cat /etc/shadow /etc/ssh/ssh_host_ed25519_key",
            "echo x > /usr/lanyard-was-here",
            "touch -c /usr/bin",
            "chmod 755 /usr/bin/env",
            "chmod 666 /dev/null",
            "chmod 444 /proc/meminfo",
        ]);
        let all = case.run("cat ../outside/* /proc/*/environ; env; ls -la /root /home /var");
        let all = String::from_utf8_lossy(&[all.stdout, all.stderr].concat()).into_owned();
        assert!(!all.contains(CANARY) && !all.contains(SECRET), "{all}");
    }
}

#[test]
fn what_is_kept_cannot_be_written_moved_or_replaced() {
    for case in cases() {
        with_repository(&case.user);
        case.none_succeeds(&[
            "echo x >> .git/config",
            "git config core.fsmonitor ./x",
            "echo x > .git/hooks/pre-commit",
            "rm -r .git/hooks",
            "mv .git/hooks .git/others",
            "mv .git/config .git/other",
            "mv .git other",
            "ln .git/config folder/link && echo x > folder/link",
            "chmod -R 777 .git/hooks",
        ]);
    }
}

#[test]
fn what_is_kept_cannot_be_made_where_it_is_not() {
    for case in cases() {
        let lines = [
            "echo x > .bashrc",
            "mkdir -p .lanyard && echo x > .lanyard/settings.toml",
            "rmdir .lanyard; mkdir .lanyard && echo x > .lanyard/x",
            "mv folder .lanyard && ls .lanyard/inner.txt",
            "mkdir -p .git/hooks && echo x > .git/hooks/pre-commit",
            "git init -q .",
        ];
        case.none_succeeds(&lines);
        with_repository(&case.user);
        case.none_succeeds(&[
            "echo ../evil > .git/commondir",
            "mv .git/HEAD .git/commondir",
            "mkdir .git/modules/x",
            "echo x > .bashrc",
        ]);
        // And none of what stood in is left.
        for name in [".bashrc", ".lanyard", ".git/commondir", ".git/modules"] {
            let path = case.user.workspace.join(name);
            assert!(fs::symlink_metadata(&path).is_err(), "{name}");
        }
    }
}

#[test]
fn git_commits_under_bubblewrap_and_sees_nothing_that_stands_in() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        with_repository(&case.user);
        let status = case.succeeds(
            "echo more >> notes.txt && git add -A && git commit -qm second && git status --porcelain",
        );
        assert_eq!(status, "");
        let files = case.succeeds("git show --name-only --format=");
        assert_eq!(files, "notes.txt\n");
    }
}

#[test]
fn what_stands_in_stays_until_the_last_of_two_has_ended() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        let pipe = |name: &str| {
            let path = case.user.workspace.join(name);
            must(case.user.command("mkfifo".as_ref()).arg(&path));
            path
        };
        let (begun, go) = (pipe("begun"), pipe("go"));
        std::thread::scope(|scope| {
            let line = "echo begun > begun; read < go; mkdir .lanyard; echo x > .lanyard/x";
            let first = scope.spawn(|| case.run(line));
            assert_eq!(fs::read_to_string(begun).unwrap(), "begun\n");
            case.succeeds("true");
            assert!(case.user.workspace.join(".lanyard").is_dir());
            fs::write(go, "go\n").unwrap();
            let first = first.join().unwrap();
            assert_ne!(first.status, Ending::Exited(0), "{}", said(&first));
        });
        assert!(!case.user.workspace.join(".lanyard").exists());
    }
}

#[test]
fn what_a_killed_run_left_standing_in_goes_with_the_next() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        let left = case.user.workspace.join(".lanyard");
        must(
            case.user
                .command("mkdir".as_ref())
                .args(["-m", "500"])
                .arg(&left),
        );
        case.succeeds("true");
        assert!(!left.exists());
    }
}

#[test]
fn a_link_in_the_place_of_what_is_kept_is_refused() {
    for case in cases() {
        symlink("folder", case.user.workspace.join(".lanyard")).unwrap();
        let (status, why) = case.user.tried(case.job("true")).unwrap_err();
        assert_eq!(status, 125);
        assert!(why.contains(".lanyard is a link"), "{why}");
    }
}

#[test]
fn without_the_network_nothing_is_reached_and_with_it_no_path_is() {
    let perl = |address: &str| {
        format!(r#"perl -MSocket -e 'socket($s,{address}) or exit 1; connect($s,$a) or exit 1'"#)
    };
    for case in cases() {
        let internet = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = internet.local_addr().unwrap().port();
        let path = case.user.workspace.join("socket");
        let _unix = UnixListener::bind(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        let tcp = perl(&format!(
            "AF_INET,SOCK_STREAM,0) and ($a=sockaddr_in({port},inet_aton(\"127.0.0.1\"))"
        ));
        let unix = perl("AF_UNIX,SOCK_STREAM,0) and ($a=sockaddr_un(\"socket\")");
        let pair = r#"perl -MSocket -e 'socketpair($s,$t,AF_UNIX,SOCK_DGRAM,0) or exit 1'"#;
        case.none_succeeds(&[&tcp, &unix, pair]);
        case.succeeds(r#"perl -MSocket -e 'socketpair($s,$t,AF_UNIX,SOCK_STREAM,0) or exit 1'"#);

        let with_network = |line: &str| {
            let mut job = case.job(line);
            if let Profile::Workspace(changes) = &mut job.profile {
                changes.network = true;
            }
            case.user.run(job)
        };
        let ran = with_network(&tcp);
        assert_eq!(ran.status, Ending::Exited(0), "{}", said(&ran));
        for line in [&unix, pair] {
            assert_ne!(with_network(line).status, Ending::Exited(0), "{line}");
        }
    }
}

#[test]
fn calls_that_reach_beyond_files_are_denied() {
    for case in cases() {
        case.none_succeeds(&[
            "unshare --user true",
            "unshare --mount true",
            "mount -t tmpfs x folder",
            "umount .git",
            "chroot / true",
            "dmesg",
        ]);
        let held = case.succeeds("grep -E 'Cap(Prm|Eff|Bnd)|NoNewPrivs' /proc/self/status");
        let privileged = case.user.is_root() || case.is_bubblewrap();
        for line in held
            .lines()
            .filter(|line| privileged || !line.starts_with("CapBnd"))
        {
            let value = line.split_whitespace().last().unwrap();
            assert!(
                line.starts_with("NoNewPrivs:\t1") || value.trim_matches('0').is_empty(),
                "{line}"
            );
        }
    }
}

#[test]
fn what_a_program_left_behind_is_ended_with_it() {
    for case in cases() {
        let lock = case.user.write("folder/lock", "");
        case.succeeds(
            "exec 9> folder/lock; flock 9
             setsid sleep 1000 > /dev/null 2>&1 & sleep 1000 > /dev/null 2>&1 & true",
        );
        case.nobody_holds(&lock);
    }
}

#[test]
fn when_its_caller_is_killed_all_of_it_is_ended() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        let lock = case.user.write("folder/lock", "");
        let begun = case.user.workspace.join("begun");
        must(case.user.command("mkfifo".as_ref()).arg(&begun));
        let line = "exec 9> folder/lock; flock 9; echo x > begun; setsid sleep 1000 & sleep 1000";
        let mut driver = case.user.driver();
        let mut driver = driver
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let limits = Limits {
            time: Duration::from_secs(1000),
            output_bytes: 1024,
        };
        let jobs = (vec![(case.job(line), Vec::<u8>::new())], limits);
        let jobs = serde_json::to_vec(&jobs).unwrap();
        driver.stdin.take().unwrap().write_all(&jobs).unwrap();
        assert_eq!(fs::read_to_string(&begun).unwrap(), "x\n");
        driver.kill().unwrap();
        driver.wait().unwrap();
        flock(File::open(&lock).unwrap(), FlockOperation::LockExclusive).unwrap();
        // The next one removes what this one could not.
        assert!(case.user.workspace.join(".lanyard").exists());
        case.succeeds("true");
        assert!(!case.user.workspace.join(".lanyard").exists());
    }
}

#[test]
fn a_folder_that_holds_more_than_a_workspace_is_refused() {
    for case in cases() {
        for folder in [Path::new("/"), &std::env::temp_dir()] {
            let mut job = case.job("true");
            job.workspace = folder.to_owned();
            let (status, why) = case.user.tried(job).unwrap_err();
            assert!(
                status == 125 && why.contains("cannot be the workspace"),
                "{why}"
            );
        }
    }
}

#[test]
fn at_its_limit_of_time_all_of_it_is_ended() {
    for case in cases() {
        let lock = case.user.write("folder/lock", "");
        let limits = Limits {
            time: Duration::from_millis(500),
            output_bytes: 1024,
        };
        let job = case.job("exec 9> folder/lock; flock 9; sleep 1000 & sleep 1000");
        let ran = case
            .user
            .run_all(vec![(job, vec![])], limits)
            .remove(0)
            .unwrap();
        assert_eq!(ran.cut, Some(Cut::Time), "{}", said(&ran));
        case.nobody_holds(&lock);
    }
}

#[test]
fn a_script_of_the_workspace_runs_and_its_status_is_passed_on() {
    for case in cases() {
        let script = case
            .user
            .write("folder/run.sh", "#!/bin/sh\necho \"$0 $1\"\nexit 7\n");
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        let mut job = case.job("");
        job.arguments = vec!["run.sh".into(), "one".into()];
        job.program = script.clone();
        let ran = case.user.run(job);
        assert_eq!(ran.status, Ending::Exited(7), "{}", said(&ran));
        assert_eq!(
            ran.stdout,
            format!("{} one\n", script.display()).into_bytes()
        );
        let ran = case.run("kill -TERM $$");
        assert_eq!(ran.status.code(), 143, "{}", said(&ran));
    }
}

#[test]
fn a_home_shows_its_tool_chains_and_nothing_else() {
    for case in cases() {
        let home = case.user.outside.clone();
        fs::create_dir_all(home.join(".cargo/bin")).unwrap();
        fs::create_dir(home.join(".ssh")).unwrap();
        fs::write(home.join(".ssh/id"), CANARY).unwrap();
        fs::write(home.join(".cargo/credentials.toml"), CANARY).unwrap();
        fs::write(home.join(".gitconfig"), "[user]\n\tname = A Person\n").unwrap();
        fs::write(home.join(".cargo/bin/tool"), "#!/bin/sh\necho tool\n").unwrap();
        fs::set_permissions(home.join(".cargo/bin/tool"), Permissions::from_mode(0o755)).unwrap();
        case.user.hand_over();
        let tool = home.join(".cargo/bin/tool");
        let line = format!(
            "{} && git config user.name && ! echo x > {} && cat {h}/.ssh/id {h}/.cargo/credentials.toml {h}/canary.txt",
            tool.display(),
            tool.display(),
            h = home.display()
        );
        let mut job = case.job(&line);
        if let Profile::Workspace(changes) = &mut job.profile {
            changes.home = home;
        }
        let ran = case.user.run(job);
        assert_eq!(ran.stdout, b"tool\nA Person\n", "{}", said(&ran));
        assert_ne!(ran.status, Ending::Exited(0));
    }
}

#[test]
fn what_is_hidden_is_seen_in_neither_profile() {
    for case in cases() {
        let hidden = case.user.workspace.join("folder/state");
        fs::create_dir(&hidden).unwrap();
        fs::write(hidden.join("key"), CANARY).unwrap();
        case.user.hand_over();
        let mut change = case.job("cat folder/inner.txt && cat folder/state/key");
        let mut read = case
            .user
            .shell("cat folder/inner.txt && cat folder/state/key");
        for job in [&mut change, &mut read] {
            job.hidden = vec![hidden.clone()];
            let ran = case.user.run(job.clone());
            assert_eq!(ran.stdout, b"inner\n", "{}", said(&ran));
            assert_ne!(ran.status, Ending::Exited(0));
        }
        let mut job = case.job("echo x > folder/state/key; rm -r folder/state");
        job.hidden = vec![hidden.clone()];
        assert_ne!(case.user.run(job).status, Ending::Exited(0));
        assert_eq!(fs::read_to_string(hidden.join("key")).unwrap(), CANARY);
    }
}

#[test]
fn where_neither_can_hold_both_reasons_are_told() {
    let nobody = Launcher {
        helper: PathBuf::from("/usr/bin/true"),
    };
    let why = Holder::find(&nobody).unwrap_err().to_string();
    assert!(
        why.contains("bubblewrap: ") && why.contains("Landlock: "),
        "{why}"
    );
}
