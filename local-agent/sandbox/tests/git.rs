//! Git reads a repository, even one whose settings mean harm.
#![allow(clippy::unwrap_used, clippy::expect_used, missing_docs)]

mod common;

use common::{Fixture, everyone, must, said};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

/// Git outside of the sandbox, to make what is looked at.
fn git(user: &Fixture) -> Command {
    let mut git = user.command("git".as_ref());
    git.current_dir(&user.workspace)
        .env("HOME", "/nonexistent")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .args(["-c", "user.name=A", "-c", "user.email=a@example.org"]);
    git
}

fn repository(user: &Fixture) {
    must(git(user).args(["init", "-q", "-b", "main"]));
    must(git(user).args(["add", "."]));
    must(git(user).args(["commit", "-qm", "the first"]));
    user.write("notes.txt", "a note\nchanged\n");
}

#[test]
fn git_reads_a_repository() {
    for user in everyone() {
        repository(&user);
        let before = user.seen();
        assert!(
            user.succeeds(&["git", "status"])
                .contains("modified:   notes.txt")
        );
        assert!(
            user.succeeds(&["git", "status", "--short"])
                .contains(" M notes.txt")
        );
        assert!(
            user.succeeds(&["git", "log", "--stat"])
                .contains("the first")
        );
        assert!(user.succeeds(&["git", "diff"]).contains("+changed"));
        assert!(user.succeeds(&["git", "show"]).contains("+another"));
        assert!(
            user.succeeds(&["git", "blame", "notes.txt"])
                .contains("changed")
        );
        assert!(user.succeeds(&["git", "branch", "-a"]).contains("main"));
        assert!(
            user.succeeds(&["git", "ls-files"])
                .contains("folder/inner.txt")
        );
        assert!(user.succeeds(&["git", "grep", "inner"]).contains("inner"));
        assert!(user.succeeds(&["git", "rev-parse", "HEAD"]).len() == 41);
        assert_eq!(before, user.seen());
    }
}

#[test]
fn git_reads_a_repository_of_somebody_else() {
    for user in everyone().iter().filter(|user| user.is_root()) {
        let other = Fixture::of(Some(common::NOBODY));
        repository(&other);
        let mut job = user.job(&["git", "log"]);
        job.workspace = other.workspace.clone();
        job.folder = other.workspace.clone();
        job.environment = lanyard_sandbox::reading(&job.program, &other.workspace);
        let ran = user.run(job);
        assert!(said(&ran).contains("the first"), "{}", said(&ran));
    }
}

#[test]
fn a_hostile_repository_starts_nothing() {
    for user in everyone() {
        repository(&user);
        let marker = user.outside.join("marker");
        let evil = user.write(
            "evil",
            &format!("#!/bin/sh\ntouch {}\ntouch started\n", marker.display()),
        );
        fs::set_permissions(&evil, fs::Permissions::from_mode(0o755)).unwrap();
        user.write(".gitattributes", "*.txt diff=evil filter=evil merge=evil\n");
        for name in [
            "pre-commit",
            "post-checkout",
            "post-index-change",
            "reference-transaction",
        ] {
            let hook = user.workspace.join(".git/hooks").join(name);
            fs::copy(&evil, hook).unwrap();
        }
        let evil = evil.display().to_string();
        for name in [
            "core.fsmonitor",
            "core.pager",
            "core.editor",
            "core.sshCommand",
            "core.askPass",
            "diff.external",
            "diff.evil.command",
            "diff.evil.textconv",
            "filter.evil.clean",
            "filter.evil.smudge",
            "filter.evil.process",
            "merge.evil.driver",
            "gpg.program",
            "credential.helper",
            "pager.log",
            "pager.status",
            "interactive.diffFilter",
            "sequence.editor",
            "uploadpack.packObjectsHook",
        ] {
            must(git(&user).args(["config", name, &evil]));
        }
        must(git(&user).args(["config", "core.hooksPath", "."]));
        must(git(&user).args(["config", "alias.st", &format!("!{evil}")]));
        must(git(&user).args(["config", "log.showSignature", "true"]));
        let before = user.seen();
        for words in [
            &["git", "status"][..],
            &["git", "log", "-p"],
            &["git", "diff"],
            &["git", "show"],
            &["git", "-p", "log"],
            &["git", "st"],
            &["git", "diff", "--ext-diff"],
            &["git", "log", "-p", "--textconv"],
            &["git", "blame", "notes.txt"],
            &["git", "cat-file", "--textconv", "HEAD:notes.txt"],
            &["git", "fetch"],
            &["git", "checkout", "."],
            &["git", "commit", "-am", "x"],
            &["git", "add", "."],
            &["git", "stash"],
            &["git", "grep", "-O", "a"],
            &["git", "difftool", "-y"],
        ] {
            let ran = user.run(user.job(words));
            assert!(!marker.exists(), "{words:?} {}", said(&ran));
            assert_eq!(before, user.seen(), "{words:?} {}", said(&ran));
        }
    }
}
