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
            repository: vec![folder(".git")],
            network: false,
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

    /// The same with leave to write repositories.
    fn with_git(&self, line: &str) -> Job {
        let mut job = self.job(line);
        changes(&mut job).repository = of_repository();
        job
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
        self.none_of(lines.iter().map(|line| self.job(line)));
    }

    fn none_of(&self, jobs: impl Iterator<Item = Job>) {
        let before = self.seen();
        for job in jobs {
            let line = job.arguments.last().unwrap().clone();
            let ran = self.user.run(job);
            let name = self.holder.name();
            assert_ne!(
                ran.status,
                Ending::Exited(0),
                "{name}: {line:?}: {}",
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

fn folder(path: &str) -> Kept {
    Kept {
        path: path.into(),
        stand_in: StandIn::Folder,
    }
}

fn kept() -> Vec<Kept> {
    [".lanyard", ".bashrc", ".envrc"].map(folder).to_vec()
}

/// Of a repository that Git may write.
fn of_repository() -> Vec<Kept> {
    let mut kept = [".git/config", ".git/hooks", ".git/modules"]
        .map(folder)
        .to_vec();
    kept.push(Kept {
        path: ".git/commondir".into(),
        stand_in: StandIn::File(".\n".to_owned()),
    });
    kept
}

fn changes(job: &mut Job) -> &mut Changes {
    match &mut job.profile {
        Profile::Workspace(changes) => changes,
        Profile::ReadOnly { .. } => unreachable!(),
    }
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

/// Unlike `mv`, it copies nothing where it cannot rename.
fn renames(from: &str, to: &str) -> String {
    format!("perl -e 'rename(\"{from}\", \"{to}\") or exit 1'")
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
        let lines = [
            "echo x >> .git/config",
            "git config core.fsmonitor ./x",
            "echo x > .git/hooks/pre-commit",
            "rm -r .git/hooks",
            "mv .git/hooks .git/others",
            "mv .git/config .git/other",
            "mv .git other",
            "ln .git/config folder/link && echo x > folder/link",
            "chmod -R 777 .git/hooks",
        ];
        case.none_succeeds(&lines);
        case.none_of(lines.iter().map(|line| case.with_git(line)));
        case.none_succeeds(&[
            "echo x > .git/x",
            "rm .git/HEAD",
            "git commit --allow-empty -m x",
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
        let lines = [
            "echo ../evil > .git/commondir",
            "mv .git/HEAD .git/commondir",
            "mkdir .git/modules/x",
            "echo x > .bashrc",
        ];
        case.none_of(lines.iter().map(|line| case.with_git(line)));
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
        let line = "echo more >> notes.txt && git add -A && git commit -qm second
                    git status --porcelain && git show --name-only --format=";
        let ran = case.user.run(case.with_git(line));
        assert_eq!(ran.stdout, b"notes.txt\n", "{}", said(&ran));
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
fn a_link_in_the_place_of_what_is_kept_is_kept_with_what_it_leads_to() {
    for case in cases() {
        let conf = case.user.workspace.join("folder/conf");
        fs::create_dir(&conf).unwrap();
        fs::write(conf.join("settings.toml"), "").unwrap();
        symlink("folder/conf", case.user.workspace.join(".lanyard")).unwrap();
        symlink(&case.user.outside, case.user.workspace.join(".envrc")).unwrap();
        case.user.hand_over();
        case.none_succeeds(&[
            "rm .lanyard",
            &renames(".lanyard", "other"),
            "ln -sfn folder .lanyard",
            "echo x > .lanyard/settings.toml",
            "echo x > folder/conf/settings.toml",
            &renames("folder/conf", "folder/other"),
            &renames("folder", "other"),
            "cat .envrc/canary.txt",
            "rm .envrc",
        ]);
        if case.is_bubblewrap() {
            case.succeeds("echo x > folder/new");
            // Git sees the links that it tracks.
            assert_eq!(case.succeeds("readlink .lanyard"), "folder/conf\n");
        }
    }
}

#[test]
fn every_link_on_the_way_to_what_is_kept_is_kept() {
    for case in cases() {
        let top = &case.user.workspace;
        fs::create_dir_all(top.join("folder/conf")).unwrap();
        symlink("one", top.join(".lanyard")).unwrap();
        symlink("folder/two", top.join("one")).unwrap();
        symlink(top.join("folder/conf"), top.join("folder/two")).unwrap();
        symlink("aside", top.join(".envrc")).unwrap();
        symlink(&case.user.outside, top.join("aside")).unwrap();
        case.user.hand_over();
        case.none_succeeds(&[
            "ln -sfn folder one",
            &renames("one", "x"),
            "ln -sfn .. folder/two",
            &renames("folder/two", "folder/x"),
            "echo x > folder/conf/tasks.json",
            "rm aside",
            "ln -sfn folder aside",
        ]);
    }
}

#[test]
fn where_a_kept_link_leads_that_leads_nowhere_nothing_is_made() {
    for case in cases() {
        let top = &case.user.workspace;
        symlink("nothing/at/all", top.join(".lanyard")).unwrap();
        symlink("round", top.join(".envrc")).unwrap();
        symlink(".envrc", top.join("round")).unwrap();
        symlink("nowhere", top.join("folder/.git")).unwrap();
        case.user.hand_over();
        case.none_succeeds(&[
            "mkdir -p nothing/at/all",
            "rmdir nothing; mkdir -p nothing/at/all",
            "rm .lanyard",
            "rm round",
            "mkdir folder/nowhere/hooks",
            "git init -q folder/nowhere",
        ]);
        assert!(!top.join("nothing").exists() && !top.join("folder/nowhere").exists());
    }
}

#[test]
fn a_folder_that_is_closed_is_not_opened_to_make_a_repository_in_it() {
    for case in cases().into_iter().filter(|case| !case.user.is_root()) {
        let top = &case.user.workspace;
        let repositories = ["folder/one/.git", "folder/two/.git"];
        for closed in ["folder/closed", "folder/a/b", "unsearched"]
            .iter()
            .chain(&repositories)
        {
            fs::create_dir_all(top.join(closed)).unwrap();
        }
        case.user.hand_over();
        for closed in ["folder/closed", "folder/a/b", "unsearched"] {
            let mode = if closed == "unsearched" { 0o600 } else { 0 };
            fs::set_permissions(top.join(closed), Permissions::from_mode(mode)).unwrap();
        }
        // One that is there, and takes nothing new.
        for (name, mode) in [("one", 0), ("two", 0o555)] {
            let repository = top.join("folder").join(name).join(".git");
            fs::set_permissions(repository, Permissions::from_mode(mode)).unwrap();
        }
        let lines = ["one", "two"].map(|name| {
            format!("chmod 700 folder/{name}/.git && echo x > folder/{name}/.git/config")
        });
        case.none_of(lines.iter().map(|line| case.with_git(line)));
        case.none_succeeds(&[
            "chmod 700 folder/closed && mkdir folder/closed/.git",
            "chmod 700 folder/a/b && mkdir folder/a/b/.git",
            "chmod 700 unsearched && mkdir unsearched/.git",
            &renames("folder/closed", "folder/x"),
        ]);
    }
}

#[test]
fn a_repository_that_lies_beside_its_folder_is_kept_too() {
    for case in cases() {
        let top = &case.user.workspace;
        for folder in [
            ".bare/hooks",
            ".bare/objects",
            ".bare/refs",
            ".bare/worktrees/w",
            "apart/refs",
            "apart/objects",
            "apart/hooks",
            "named/hooks",
            "w",
        ] {
            fs::create_dir_all(top.join(folder)).unwrap();
        }
        for (file, text) in [
            (".bare/HEAD", ""),
            (".bare/worktrees/w/commondir", "../..\n"),
            ("apart/HEAD", ""),
            ("w/.git", "gitdir: ../.bare/worktrees/w\n"),
            ("folder/.git", "gitdir: ../named\n"),
        ] {
            fs::write(top.join(file), text).unwrap();
        }
        case.user.hand_over();
        let lines = [
            "echo x > .bare/config",
            "echo x > .bare/hooks/pre-commit",
            "echo x > .bare/worktrees/w/commondir",
            "echo x > apart/hooks/pre-commit",
            "echo x > named/config",
            "echo x > named/hooks/pre-commit",
            &renames("named", "x"),
            "rm folder/.git",
        ];
        case.none_succeeds(&lines);
        case.none_of(lines.iter().map(|line| case.with_git(line)));
    }
}

#[test]
fn repositories_in_folders_below_are_kept_too() {
    for case in cases() {
        let below = case.user.workspace.join("folder/below/.git");
        fs::create_dir_all(below.join("hooks")).unwrap();
        fs::write(below.join("config"), "").unwrap();
        let submodule = case.user.workspace.join("module");
        fs::create_dir(&submodule).unwrap();
        fs::write(submodule.join(".git"), "gitdir: ../.git/modules/x\n").unwrap();
        case.user.hand_over();
        let lines = [
            "echo x > folder/below/.git/config",
            "echo x > folder/below/.git/hooks/pre-commit",
            &renames("folder/below/.git", "folder/x"),
            &renames("folder/below", "folder/x"),
            &renames("folder", "x"),
            "echo x > module/.git",
            "rm module/.git",
            &renames("module", "x"),
        ];
        case.none_succeeds(&lines);
        case.none_of(lines.iter().map(|line| case.with_git(line)));
        if case.is_bubblewrap() {
            case.succeeds("echo x > module/new && echo x > folder/below/new");
        }
    }
}

#[test]
fn a_command_leads_no_mount_of_another_astray() {
    for case in cases() {
        let out = case.user.outside.clone();
        let begun = case.user.workspace.join("folder/begun");
        must(case.user.command("mkfifo".as_ref()).arg(&begun));
        fs::create_dir(case.user.workspace.join("sub")).unwrap();
        for name in ["sub/.git", "a.sh"] {
            fs::write(case.user.workspace.join(name), "#!/bin/sh\necho ran\n").unwrap();
        }
        let script = case.user.workspace.join("folder/a.sh");
        fs::write(
            &script,
            "#!/bin/sh\ncat sub/.git sub/.git/canary.txt a.sh\n",
        )
        .unwrap();
        fs::set_permissions(&script, Permissions::from_mode(0o755)).unwrap();
        case.user.hand_over();
        // What it finds kept it cannot exchange; what it makes anew it can.
        let line = format!(
            "mkdir folder/new folder/one folder/new/.git; ln -s {o} folder/one/.git; ln -s {o}/canary.txt folder/b.sh
             echo x > folder/begun
             exec perl -e 'while (1) {{ for ([\"folder/new\", \"folder/one\"], [\"folder/a.sh\", \"folder/b.sh\"]) {{
                 rename($_->[0], \"folder/x\"); rename($_->[1], $_->[0]); rename(\"folder/x\", $_->[1]) }} }}'",
            o = out.display()
        );
        let limits = Limits {
            time: Duration::from_secs(4),
            output_bytes: 1024,
        };
        let before = common::inodes(&out);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| case.user.run_all(vec![(case.job(&line), vec![])], limits));
            assert_eq!(fs::read_to_string(&begun).unwrap(), "x\n");
            while !first.is_finished() {
                let mut job = case.job("cat folder/*/.git/canary.txt; echo x >> folder/new/.git/canary.txt; echo x >> folder/new/.git/y");
                if !first.is_finished() {
                    job.program = script.clone();
                    job.arguments = vec!["a.sh".into()];
                }
                // It may be refused: what it is to be kept from changes under its feet.
                if let Ok(ran) = case.user.tried(job) {
                    assert!(!said(&ran).contains(CANARY), "{}", said(&ran));
                }
            }
            first.join().unwrap();
        });
        assert_eq!(before, common::inodes(&out));
    }
}

#[test]
fn a_workspace_inside_of_anothers_is_not_led_astray() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        let out = case.user.outside.clone();
        let inner = case.user.workspace.join("folder/way/inner");
        fs::create_dir_all(&inner).unwrap();
        fs::create_dir(out.join("inner")).unwrap();
        fs::write(out.join("inner/canary.txt"), CANARY).unwrap();
        symlink(&out, case.user.workspace.join("folder/link")).unwrap();
        let begun = case.user.workspace.join("begun");
        must(case.user.command("mkfifo".as_ref()).arg(&begun));
        case.user.hand_over();
        let line = "echo x > begun
             exec perl -e 'chdir(\"folder\"); while (1) { rename(\"way\", \"x\"); rename(\"link\", \"way\"); rename(\"x\", \"link\");
                 rename(\"way\", \"x\"); rename(\"link\", \"way\"); rename(\"x\", \"link\") }'";
        let limits = Limits {
            time: Duration::from_secs(4),
            output_bytes: 1024,
        };
        let before = common::inodes(&out);
        std::thread::scope(|scope| {
            let first = scope.spawn(|| case.user.run_all(vec![(case.job(line), vec![])], limits));
            assert_eq!(fs::read_to_string(&begun).unwrap(), "x\n");
            while !first.is_finished() {
                let line = "cat canary.txt; echo x > new";
                for mut job in [case.job(line), case.user.shell(line)] {
                    job.workspace.clone_from(&inner);
                    job.folder.clone_from(&inner);
                    if let Ok(ran) = case.user.tried(job) {
                        assert!(!said(&ran).contains(CANARY), "{}", said(&ran));
                    }
                }
            }
            first.join().unwrap();
        });
        assert_eq!(before, common::inodes(&out));
    }
}

#[test]
fn git_outside_changes_its_settings_and_a_command_still_cannot() {
    for case in cases() {
        with_repository(&case.user);
        let begun = case.user.workspace.join("folder/begun");
        let go = case.user.workspace.join("folder/go");
        for pipe in [&begun, &go] {
            must(case.user.command("mkfifo".as_ref()).arg(pipe));
        }
        let line = "echo x > folder/begun; read < folder/go
                    echo evil >> .git/config || rm .git/config || mv .git .other || mkdir .git/hooks/x";
        std::thread::scope(|scope| {
            let first = scope.spawn(|| case.run(line));
            assert_eq!(fs::read_to_string(&begun).unwrap(), "x\n");
            must(case.user.git().args(["config", "core.editor", "true"]));
            fs::remove_dir_all(case.user.workspace.join(".git/hooks")).unwrap();
            fs::create_dir(case.user.workspace.join(".git/hooks")).unwrap();
            fs::write(&go, "x\n").unwrap();
            let first = first.join().unwrap();
            assert_ne!(first.status, Ending::Exited(0), "{}", said(&first));
        });
        let config = fs::read_to_string(case.user.workspace.join(".git/config")).unwrap();
        assert!(
            config.contains("editor") && !config.contains("evil"),
            "{config}"
        );
    }
}

#[test]
fn a_command_is_ended_when_what_is_kept_from_it_is_replaced() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        with_repository(&case.user);
        let begun = case.user.workspace.join("folder/begun");
        must(case.user.command("mkfifo".as_ref()).arg(&begun));
        let workspace = &case.user.workspace;
        let replace: [(&str, &dyn Fn()); 3] = [
            (".git/config", &|| {
                must(case.user.git().args(["config", "core.editor", "true"]));
            }),
            (".git/hooks", &|| {
                fs::rename(workspace.join(".git/hooks"), workspace.join(".git/h")).unwrap();
            }),
            // Stood in for until then.
            (".lanyard", &|| {
                fs::remove_dir(workspace.join(".lanyard")).unwrap()
            }),
        ];
        for (path, replace) in replace {
            let (status, why) = std::thread::scope(|scope| {
                let line = "echo x > folder/begun; sleep 1000";
                let first = scope.spawn(|| case.user.tried(case.with_git(line)));
                assert_eq!(fs::read_to_string(&begun).unwrap(), "x\n");
                replace();
                first.join().unwrap().unwrap_err()
            });
            assert!(
                status == 125 && why.contains(&format!("{path} was replaced")),
                "{why}"
            );
        }
    }
}

#[test]
fn a_commands_own_folders_lie_where_no_setting_leads_them_and_go_with_it() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        let begun = case.user.workspace.join("folder/begun");
        let go = case.user.workspace.join("folder/go");
        for pipe in [&begun, &go] {
            must(case.user.command("mkfifo".as_ref()).arg(pipe));
        }
        let elsewhere = case.user.outside.join("tmp");
        fs::create_dir(&elsewhere).unwrap();
        case.user.hand_over();
        std::thread::scope(|scope| {
            let line = "echo x > folder/begun; read < folder/go; mkdir .lanyard";
            let first = scope.spawn(|| case.run(line));
            assert_eq!(fs::read_to_string(&begun).unwrap(), "x\n");
            // It closes what is its own, and it is removed all the same.
            let mark = format!("{}-{}", case.holder.name(), case.user.is_root());
            let line =
                format!("mkdir -p $TMPDIR/{mark}/b $HOME/c && chmod 0 $TMPDIR/{mark} $HOME/c");
            let mut driver = case.user.driver();
            driver.env("TMPDIR", &elsewhere);
            let most = Limits {
                time: Duration::from_secs(20),
                output_bytes: 1024,
            };
            let ran = common::drive(driver, &[(case.job(&line), vec![])], most)
                .remove(0)
                .unwrap();
            assert_eq!(ran.status, Ending::Exited(0), "{}", said(&ran));
            assert!(case.user.workspace.join(".lanyard").is_dir());
            let own = rustix::process::getuid().as_raw();
            let uid = case.user.uid().unwrap_or(own);
            for run in fs::read_dir(format!("/tmp/lanyard-sandbox-{uid}")).unwrap() {
                assert!(!run.unwrap().path().join("tmp").join(&mark).exists());
            }
            fs::write(&go, "x\n").unwrap();
            let first = first.join().unwrap();
            assert_ne!(first.status, Ending::Exited(0), "{}", said(&first));
        });
        assert_eq!(fs::read_dir(&elsewhere).unwrap().count(), 0);
    }
}

#[test]
fn a_command_that_locks_the_workspace_keeps_others_from_it_only_while_it_runs() {
    for case in cases().iter().filter(|case| case.is_bubblewrap()) {
        let begun = case.user.workspace.join("folder/begun");
        must(case.user.command("mkfifo".as_ref()).arg(&begun));
        // The first one shares the lock, so that the program can have it alone only outside.
        let lock = File::open(&case.user.workspace).unwrap();
        flock(&lock, FlockOperation::LockExclusive).unwrap();
        let (status, why) = case.user.tried(case.job("true")).unwrap_err();
        assert!(status == 125 && why.contains("keeps a lock"), "{why}");
        drop(lock);
        case.succeeds("! flock -n -x . true");
    }
}

#[test]
fn no_file_is_left_that_runs_as_its_owner() {
    for case in cases() {
        fs::copy("/bin/true", case.user.workspace.join("folder/true")).unwrap();
        case.user.hand_over();
        let by_calls = [
            "sysopen(F, \"folder/n\", 0101, 04755)",
            "sysopen(F, \"folder/n\", 0101, 02755)",
            "sysopen(F, \"folder\", 020200002, 04755)",
            "chmod(04755, \"folder/true\")",
            "open(F, \"<\", \"folder/true\") && chmod(02755, *F)",
            "syscall(133, \"folder/n\", 0104755, 0) == 0",
            "syscall(85, \"folder/n\", 04755) >= 0",
        ];
        let lines: Vec<_> = by_calls
            .iter()
            .map(|call| format!("perl -e '({call}) or exit 1'"))
            .collect();
        let lines: Vec<_> = lines.iter().map(String::as_str).collect();
        case.none_succeeds(&lines);
        case.none_succeeds(&["chmod u+s folder/true", "chmod g+s folder/true"]);
        if case.is_bubblewrap() {
            case.succeeds("chmod 700 folder/true");
        }
    }
}

#[test]
fn other_processes_are_not_limited_read_or_shared_with() {
    for case in cases() {
        let secret = "a-secret-argument-6d1f";
        let mut other = case.user.command("bash".as_ref());
        let mut other = other
            .args(["-c", "read; true", secret])
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let pid = other.id();
        let ran = case.run("cat /proc/[0-9]*/cmdline | tr '\\0' ' '");
        assert!(!said(&ran).contains(secret), "{}", said(&ran));
        case.none_succeeds(&[
            &format!("prlimit --pid {pid} --nofile=1:1"),
            &format!("renice -n 5 -p {pid}"),
            &format!("kill -TERM {pid}"),
            &format!("cat /proc/{pid}/cmdline"),
        ]);
        case.succeeds("ulimit -n 64 && ulimit -n && cat /proc/meminfo > /dev/null");
        drop(other.stdin.take());
        assert!(other.wait().unwrap().success());
        if !case.is_bubblewrap() {
            let shared = "perl -e 'shmget(0x51a7, 4096, 01666) or exit 1; shmctl(shmget(0x51a7, 0, 0), 0, 0)'";
            case.none_succeeds(&[shared]);
        }
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
            changes(&mut job).network = true;
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
            // A lease, for which others wait who open the file, and news of a folder: F_SETLEASE, F_NOTIFY.
            "perl -e 'open(F, q(<), q(notes.txt)) or exit 0; exit !fcntl(F, 1024, 0)'",
            "perl -e 'open(F, q(<), q(.)) or exit 0; exit !fcntl(F, 1026, 1)'",
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
        job.home = home;
        let ran = case.user.run(job);
        assert_eq!(ran.stdout, b"tool\nA Person\n", "{}", said(&ran));
        assert_ne!(ran.status, Ending::Exited(0));
    }
}

#[test]
fn a_link_in_the_place_of_a_tool_chain_leads_to_nothing_secret() {
    for case in cases() {
        let home = case.user.outside.clone();
        let other = case.user.workspace.parent().unwrap().join("other");
        for folder in [".ssh", "go", "state", ".config/git"] {
            fs::create_dir_all(home.join(folder)).unwrap();
        }
        fs::create_dir_all(other.join("bin")).unwrap();
        fs::write(home.join(".ssh/id"), CANARY).unwrap();
        fs::write(home.join("state/key"), CANARY).unwrap();
        fs::write(other.join("bin/tool"), "tool").unwrap();
        symlink("../.ssh", home.join("go/bin")).unwrap();
        symlink("state", home.join(".rustup")).unwrap();
        symlink(&home, home.join(".nvm")).unwrap();
        symlink("../../.ssh/id", home.join(".config/git/config")).unwrap();
        symlink(&other, home.join(".volta")).unwrap();
        case.user.hand_over();
        let line = format!(
            "cat {h}/.volta/bin/tool; cat {h}/go/bin/id {h}/.rustup/key {h}/.nvm/canary.txt {h}/.config/git/config",
            h = home.display()
        );
        let mut job = case.job(&line);
        job.hidden = vec![home.join("state")];
        job.home = home;
        let ran = case.user.run(job);
        let holder = case.holder.name();
        assert_eq!(ran.stdout, b"tool", "{holder}: {}", said(&ran));
    }
}

#[test]
fn what_leads_later_commands_is_no_workspace() {
    for case in cases() {
        for (path, home) in [
            ("folder", case.user.workspace.join("..")),
            ("folder", case.user.workspace.clone()),
        ] {
            let mut job = case.job("true");
            job.home = home.canonicalize().unwrap();
            let below = if job.home == case.user.workspace {
                ".ssh"
            } else {
                "go"
            };
            let workspace = job.home.join(below);
            fs::create_dir_all(workspace.join(path)).unwrap();
            case.user.hand_over();
            job.workspace = workspace.canonicalize().unwrap();
            let (status, why) = case.user.tried(job).unwrap_err();
            assert!(
                status == 125 && why.contains("cannot be the workspace"),
                "{why}"
            );
        }
        for system in ["/etc", "/usr", "/proc/self/fd", "/dev"] {
            let mut job = case.job("true");
            job.workspace = fs::canonicalize(system).unwrap();
            let (status, why) = case.user.tried(job).unwrap_err();
            assert!(status == 125 && why.contains("the system's"), "{why}");
        }
    }
}

#[test]
fn what_no_command_may_see_lies_in_nothing_that_one_may_read() {
    for case in cases() {
        let hidden = case.user.workspace.join("folder/state");
        let mut within = case.job("true");
        within.hidden = vec![hidden.clone()];
        let mut reads = case.user.shell("true");
        reads.hidden = vec![hidden];
        let mut inside = case.job("true");
        inside.hidden = vec![case.user.workspace.parent().unwrap().to_owned()];
        let mut beside = case.job("true");
        beside.exec = vec![case.user.outside.clone()];
        beside.hidden = vec![case.user.outside.join("state")];
        for job in [within, reads, inside, beside] {
            let (status, why) = case.user.tried(job).unwrap_err();
            assert!(status == 125 && why.contains("no command may see"), "{why}");
        }
    }
}

#[test]
fn a_home_is_a_workspace_in_neither_profile() {
    for case in cases() {
        for home in [&case.user.workspace, &case.user.workspace.join("folder")] {
            for mut job in [case.job("true"), case.user.shell("true")] {
                job.home.clone_from(home);
                let (status, why) = case.user.tried(job).unwrap_err();
                assert!(status == 125 && why.contains("your home"), "{why}");
            }
        }
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
