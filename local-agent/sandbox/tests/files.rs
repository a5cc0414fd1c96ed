//! Files: what may be read, and that nothing can be changed.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use common::{CANARY, SECRET, everyone, said};
use lanyard_sandbox::{Ending, Profile};

#[test]
fn a_program_reads_the_workspace() {
    for user in everyone() {
        assert_eq!(user.succeeds(&["cat", "notes.txt"]), "a note\nanother\n");
        assert_eq!(user.succeeds(&["ls"]), "folder\nnotes.txt\n");
        assert!(user.succeeds(&["ls", "-la"]).contains("notes.txt"));
        assert!(
            user.succeeds(&["grep", "-r", "inner", "."])
                .contains("inner")
        );
        assert!(
            user.succeeds(&["find", ".", "-name", "inner*"])
                .contains("inner")
        );
        assert!(user.succeeds(&["stat", "notes.txt"]).contains("notes.txt"));
        assert!(user.succeeds(&["wc", "-l", "notes.txt"]).contains('2'));
        assert!(user.succeeds(&["sort", "notes.txt"]).contains("another"));
        assert!(user.succeeds(&["perl", "-e", "print 1+1"]).contains('2'));
    }
}

#[test]
fn a_shell_that_was_widened_pipes_programs() {
    for user in everyone() {
        let ran = user.run(user.shell("cat notes.txt | sort | head -1; yes | head -2 >/dev/null"));
        assert_eq!(ran.stdout, b"a note\n", "{}", said(&ran));
        assert!(ran.stderr.is_empty(), "{}", said(&ran));
        assert_eq!(ran.status, Ending::Exited(0), "{}", said(&ran));
    }
}

#[test]
fn nothing_in_the_workspace_can_be_changed() {
    for user in everyone() {
        for line in [
            "echo x > new.txt",
            "echo x > notes.txt",
            "echo x >> notes.txt",
            "rm notes.txt",
            "rm -r folder",
            "rmdir folder",
            "mv notes.txt other.txt",
            "mv notes.txt folder/",
            "mkdir made",
            "mkfifo made",
            "mknod made p",
            "ln notes.txt made",
            "ln -s notes.txt made",
            "chmod 777 notes.txt",
            "chmod 777 .",
            "chown 65534 notes.txt",
            "chgrp 65534 notes.txt",
            "touch notes.txt",
            "touch -d 2001-01-01 notes.txt",
            "truncate -s 0 notes.txt",
            "sed -i s/a/b/ notes.txt",
            "tee notes.txt </dev/null",
            "cp notes.txt folder/",
            "dd if=/dev/zero of=notes.txt count=1",
            "sort -o notes.txt notes.txt",
            "perl -e 'utime(1,1,\"notes.txt\") or exit 1'",
            "perl -e 'truncate(\"notes.txt\",0) or exit 1'",
            "perl -e 'open(F,\"<\",\"notes.txt\"); truncate(F,0) or exit 1'",
            "perl -e 'open(F,\"<\",\"notes.txt\"); chmod(0777,F) or exit 1'",
            "perl -e 'syscall(188,\"notes.txt\",\"user.a\",\"b\",1,0)==0 or exit 1'",
            "chattr +d notes.txt",
        ] {
            user.fails(line);
        }
    }
}

#[test]
fn no_mark_can_be_set_on_a_file() {
    // FS_IOC_SETFLAGS needs only a file that is open for reading.
    for user in everyone() {
        user.fails(
            "perl -e 'open(F,\"<\",\"notes.txt\"); $a=pack(\"L\",0x40); ioctl(F,0x40086602,$a) or exit 1'",
        );
    }
}

#[test]
fn nothing_outside_the_workspace_can_be_read_or_changed() {
    for user in everyone() {
        let canary = user.outside.join("canary.txt");
        let canary = canary.display();
        let outside = user.outside.display();
        for line in [
            format!("cat {canary}"),
            format!("ls {outside}"),
            "cat ../outside/canary.txt".to_owned(),
            format!("cp {canary} /dev/stdout"),
            format!("echo x > {canary}"),
            format!("touch {outside}/new"),
            format!("rm {canary}"),
            "cat /etc/shadow".to_owned(),
            "cat /etc/hostname".to_owned(),
            "ls /root".to_owned(),
            "ls /home".to_owned(),
            "ls /tmp".to_owned(),
            "ls /proc".to_owned(),
            "ls /sys".to_owned(),
            "ls /var".to_owned(),
            "ls /run".to_owned(),
            "ls /".to_owned(),
            "echo x > /tmp/lanyard-sandbox-test".to_owned(),
        ] {
            let ran = user.fails(&line);
            assert!(!said(&ran).contains(CANARY), "{line}");
        }
    }
}

#[test]
fn a_link_in_the_workspace_opens_nothing_outside() {
    for user in everyone() {
        let link = user.workspace.join("link");
        std::os::unix::fs::symlink(user.outside.join("canary.txt"), &link).unwrap();
        assert!(!said(&user.fails("cat link")).contains(CANARY));
    }
}

#[test]
fn the_environment_of_another_process_stays_closed() {
    for user in everyone() {
        let line = "cat /proc/$PPID/environ";
        assert!(!said(&user.fails(line)).contains(SECRET));
        let mut job = user.shell(line);
        job.profile = Profile::ReadOnly { machine: true };
        let ran = user.run(job);
        assert_ne!(ran.status, Ending::Exited(0), "{}", said(&ran));
        assert!(!said(&ran).contains(SECRET));
    }
}

#[test]
fn the_machine_is_seen_only_when_asked_for() {
    for user in everyone() {
        user.fails("cat /proc/meminfo");
        let mut job = user.job(&["cat", "/proc/meminfo"]);
        job.profile = Profile::ReadOnly { machine: true };
        assert!(said(&user.run(job)).contains("MemTotal"));
        let mut job = user.shell("echo 1 > /proc/self/oom_score_adj");
        job.profile = Profile::ReadOnly { machine: true };
        assert_ne!(user.run(job).status, Ending::Exited(0));
    }
}

#[test]
fn the_environment_holds_nothing_of_the_parent() {
    for user in everyone() {
        let said = user.succeeds(&["env"]);
        assert!(said.contains("HOME=/nonexistent"));
        assert!(!said.contains(SECRET));
        let names: Vec<_> = said
            .lines()
            .filter_map(|line| line.split('=').next())
            .collect();
        assert_eq!(names, ["PATH", "HOME", "LC_ALL", "TERM", "PAGER"]);
    }
}

#[test]
fn the_whole_system_is_refused_as_a_workspace() {
    for user in everyone() {
        let mut job = user.job(&["cat", "notes.txt"]);
        job.workspace = "/".into();
        let (code, why) = user.tried(job).unwrap_err();
        assert_eq!(code, 125);
        assert!(why.contains("cannot be the workspace"), "{why}");
    }
}
