//! The rules that "always" would save: exactly the commands that were shown, and for some programs none at all.

use crate::grammar::{Command, Word};
use crate::limits::OFFERED_PARTS_MAX;

/// Programs that run whatever they are given, remove, or send: each time is another.
const NEVER: &[&str] = &[
    ".",
    "conda",
    "dbus-run-session",
    "direnv",
    "gh",
    "ghci",
    "go",
    "hg",
    "nano",
    "nvim",
    "pipenv",
    "poetry",
    "rscript",
    "runuser",
    "rustup",
    "terraform",
    "truncate",
    "uclampset",
    "unlink",
    "uv",
    "ash",
    "at",
    "awk",
    "bash",
    "batch",
    "builtin",
    "bun",
    "bunx",
    "busybox",
    "chgrp",
    "chmod",
    "chown",
    "chroot",
    "command",
    "crontab",
    "csh",
    "curl",
    "dash",
    "dd",
    "deno",
    "docker",
    "doas",
    "ed",
    "emacs",
    "env",
    "eval",
    "ex",
    "exec",
    "expect",
    "fdisk",
    "find",
    "fish",
    "flock",
    "gawk",
    "gdb",
    "git",
    "groovy",
    "ionice",
    "irb",
    "java",
    "julia",
    "ksh",
    "kubectl",
    "ld.so",
    "ln",
    "lua",
    "luajit",
    "mawk",
    "mkfs",
    "mv",
    "nc",
    "ncat",
    "nice",
    "node",
    "nohup",
    "npx",
    "nsenter",
    "osascript",
    "parallel",
    "perl",
    "php",
    "pkexec",
    "pnpx",
    "podman",
    "powershell",
    "psql",
    "pwsh",
    "pypy",
    "python",
    "rm",
    "rsync",
    "ruby",
    "rvim",
    "scp",
    "screen",
    "script",
    "sed",
    "setsid",
    "sh",
    "shred",
    "socat",
    "source",
    "sqlite3",
    "ssh",
    "stdbuf",
    "strace",
    "su",
    "sudo",
    "systemctl",
    "systemd-run",
    "taskset",
    "tclsh",
    "tcsh",
    "tee",
    "telnet",
    "time",
    "timeout",
    "tmux",
    "ts-node",
    "tsx",
    "unshare",
    "uvx",
    "vi",
    "view",
    "vim",
    "watch",
    "wget",
    "xargs",
    "xonsh",
    "yash",
    "zsh",
];

/// A rule for each of these commands, or none at all.
#[must_use]
pub fn rules<'a>(commands: impl Iterator<Item = &'a Command>) -> Vec<String> {
    let rules: Option<Vec<String>> = commands.map(rule).collect();
    let mut rules = rules.unwrap_or_default();
    rules.dedup();
    if rules.len() > OFFERED_PARTS_MAX {
        return Vec::new();
    }
    rules
}

fn rule(command: &Command) -> Option<String> {
    let name = command.name.to_lowercase();
    // `python3.11` is `python`.
    let plain = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    // `mkfs.ext4`, `ld-linux-x86-64.so.2`.
    let first = name.split('.').next().unwrap_or_default();
    let second = command.arguments.first().and_then(Word::literal);
    let runs_others =
        ["dlx", "exec", "install", "publish", "x"].contains(&second.unwrap_or_default().as_str());
    let is_set = |word: &Word| {
        word.literal()
            .is_some_and(|word| !word.starts_with('-') && word.contains('='))
    };
    let sets = command.arguments.iter().any(is_set);
    if runs_others || sets || first.starts_with("ld-") || NEVER.contains(&first) {
        return None;
    }
    if name.contains('/') || NEVER.contains(&name.as_str()) || NEVER.contains(&plain) {
        return None;
    }
    let mut words = vec![command.name.clone()];
    for argument in &command.arguments {
        words.push(argument.literal()?);
    }
    // A word with a blank or a sign would not be the same word in the rule's text.
    let is_plain = |word: &String| {
        !word.is_empty()
            && word
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || b"_./:@%+=,-".contains(&byte))
    };
    let ends_open = words.last().is_some_and(|word| word.ends_with(":*"));
    (words.iter().all(is_plain) && !ends_open).then(|| format!("Bash({})", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::grammar::parse;

    fn offered(line: &str) -> Vec<String> {
        rules(parse(line).unwrap().commands())
    }

    #[test]
    fn what_is_offered_is_exactly_what_was_shown() {
        assert_eq!(offered("npm  run 'test'"), ["Bash(npm run test)"]);
        assert_eq!(
            offered("cargo test -p a && cargo fmt"),
            ["Bash(cargo test -p a)", "Bash(cargo fmt)"]
        );
    }

    #[test]
    fn nothing_is_offered_for_what_runs_anything_or_cannot_be_written_as_a_rule() {
        for line in [
            "python3.11 x.py",
            "sh x",
            "sudo make",
            "/bin/make",
            "./x",
            "rm a",
            "make 'a b'",
            "make *",
            "npm test && curl x",
            "a;b;c;d;e;f",
            "git push",
            "node x",
            "make ''",
            "perl5.36 x",
            "mkfs.ext4 x",
            "npm exec x",
            "yarn dlx x",
            "make SHELL=./x",
            "cargo publish",
            "ld-linux-x86-64.so.2 x",
        ] {
            assert_eq!(offered(line), [""; 0], "{line}");
        }
    }
}
