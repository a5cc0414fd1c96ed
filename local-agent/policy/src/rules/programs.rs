//! Which programs run what they are given as words. The lists are for rules that deny, so a program too many makes such a rule match more, and
//! a program too few less: nothing is allowed by them.

/// What a program does with its words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It runs some of them, as a command or as a line.
    Wraps,
    /// Wraps, and takes lines from a file or from its input.
    Shell,
    /// Wraps, and takes words from its input.
    Feeds,
    /// It runs what follows these options.
    Behind(&'static [&'static str]),
    /// Its words may be code of another language, which may run programs.
    Code,
    /// Not known to run any of them.
    Plain,
}

/// By a name in lower case, without folders.
pub(super) fn role(name: &str) -> Role {
    // `python3.12`, `php8`, `gdb-multiarch` are not told apart from the program.
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    if WRAPS.contains(&name) {
        Role::Wraps
    } else if SHELLS.contains(&name) {
        Role::Shell
    } else if FEEDS.contains(&name) {
        Role::Feeds
    } else if CODE.contains(&stem) {
        Role::Code
    } else {
        let found = BEHIND.iter().find(|(program, _)| *program == name);
        found.map_or(Role::Plain, |(_, options)| Role::Behind(options))
    }
}

/// Words of the shell's language among them: a parser that has lost its way takes them for programs.
const WRAPS: &[&str] = &[
    "!", "{", "}", "(", ")", "do", "then", "else", "elif", "if", "while", "until", "time", "coproc", "function",
    "alias", "bind", "builtin", "command", "compgen", "complete", "enable", "eval", "exec", "hash", "mapfile", "readarray", "trap",
    "noglob", "nocorrect", "repeat",
    "at", "batch", "bwrap", "busybox", "capsh", "catchsegv", "chroot", "chrt", "choom", "coreutils", "cpulimit", "crontab",
    "daemonize", "dbus-launch", "dbus-run-session", "direnv", "distrobox", "doas", "docker", "dtach", "entr", "env",
    "expect", "faketime", "gdb", "lldb", "shell", "fakeroot", "fakechroot", "firejail", "flatpak", "flatpak-spawn", "flock", "gdbserver", "heaptrack",
    "hyperfine", "ionice", "ip", "kubectl", "ld.so", "ld-linux.so.2", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "linux32", "linux64",
    "logsave", "loginctl", "ltrace", "lxc", "machinectl", "memusage", "nerdctl", "newgrp", "nice", "nix", "nix-shell", "nodemon",
    "nohup", "npx", "nsenter", "numactl", "parallel-ssh", "pdsh", "perf", "pexec", "pkexec", "podman", "prlimit", "proot", "pssh",
    "rlwrap", "rsh", "run-parts", "run0", "runcon", "runuser", "schroot", "screen", "script", "setarch", "setpriv", "setsid",
    "sg", "softlimit", "sshpass", "ssh", "ssh-agent", "autossh", "mosh", "start-stop-daemon", "stdbuf", "strace", "su",
    "sudo", "sudoedit", "systemd-inhibit", "systemd-nspawn", "systemd-run", "taskset", "tcpserver", "timeout", "gtimeout", "tini",
    "dumb-init", "tmux", "toolbox", "torify", "torsocks", "proxychains", "proxychains4", "toybox", "tsocks", "uname26", "unbuffer",
    "unshare", "uv", "uvx", "valgrind", "vglrun", "wasmtime", "watch", "watchexec", "wsl", "x86_64", "i386", 
    "xterm", "xvfb-run", "gosu", "su-exec", "s6-setuidgid", "chpst", "cgexec", "bunx", "pnpx", "dotenv", "dotenvx", "foreman",
    "honcho", "concurrently", "cross-env", "poetry", "pipenv", "pipx", "hatch", "rye", "mise", "asdf", "rbenv", "pyenv", "bundle",
    "caffeinate", "arch", "gtime", "op", "aws-vault", "chamber", "doppler", "vagrant", "wine",
];

const SHELLS: &[&str] = &[
    "sh", "bash", "dash", "zsh", "ksh", "ksh93", "mksh", "ash", "fish", "csh", "tcsh", "rbash", "rzsh", "yash", "osh", "elvish", "nu",
    "pwsh", "xonsh", ".", "source",
];

const FEEDS: &[&str] = &["xargs", "gxargs", "parallel", "sem", "rush"];

const CODE: &[&str] = &[
    "python", "pypy", "ipython", "perl", "ruby", "irb", "node", "nodejs", "deno", "bun", "php", "lua", "luajit", "tclsh", "wish", "awk",
    "gawk", "mawk", "nawk", "ghc", "runghc", "ghci", "guile", "racket", "sbcl", "clisp", "emacs", "julia", "octave", "r", "rscript", "scala",
    "groovy", "jshell", "jrunscript", "jjs", "elixir", "erl", "escript", "ocaml", "swift", "osascript", "vim", "vi", "nvim", "vimdiff",
    "view", "ex", "ed", "red", "mysql", "mariadb", "psql", "sqlite", "mongo", "mongosh", "redis-cli", "ftp", "sftp", "lftp",
    "socat", "bc", "dc", "gnuplot", "less", "more", "most", "man", "pry", "byebug", "rake", "gem", "cpan", "bpftrace",
    "dtrace", "stap", "ansible", "make", "gmake", "ninja", "just", "openssl", "nmap", "zip", "ctags", "pdb", "rpm", "dpkg", "logrotate", 
];

const BEHIND: &[(&str, &[&str])] = &[
    ("find", &["-exec", "-execdir", "-ok", "-okdir"]),
    ("gfind", &["-exec", "-execdir", "-ok", "-okdir"]),
    ("bfs", &["-exec", "-execdir", "-ok", "-okdir"]),
    ("fd", FD),
    ("fdfind", FD),
    ("rg", &["--pre", "--hostname-bin"]),
    ("git", GIT),
    ("tar", TAR),
    ("gtar", TAR),
    ("bsdtar", TAR),
    ("nc", NC),
    ("ncat", NC),
    ("netcat", NC),
    ("rsync", &["-e", "--rsh", "--rsync-path"]),
    ("scp", &["-S", "-o"]),
    ("sort", &["--compress-program"]),
    ("split", &["--filter"]),
    ("go", &["-exec", "-toolexec", "-vettool"]),
    ("cargo", &["--config"]),
    ("npm", &["exec", "x", "-c", "--call"]),
    ("yarn", &["exec", "dlx"]),
    ("pnpm", &["exec", "dlx"]),
    ("fzf", &["--bind", "--preview", "--with-shell"]),
    ("wget", &["--use-askpass"]),
    ("gcc", &["-wrapper"]),
    ("cc", &["-wrapper"]),
    ("hg", &["--config"]),
    ("svn", &["--diff-cmd", "--diff3-cmd", "--editor-cmd", "--config-option"]),
    ("ag", &["--pager"]),
    ("ack", &["--pager"]),
    ("bat", &["--pager"]),
    ("batcat", &["--pager"]),
    ("jj", &["--config"]),
    ("gh", &["alias", "extension"]),
];

const FD: &[&str] = &["-x", "-X", "--exec", "--exec-batch"];

const NC: &[&str] = &["-e", "-c", "--exec", "--sh-exec"];

const TAR: &[&str] = &[
    "-I",
    "-F",
    "--use-compress-program",
    "--to-command",
    "--checkpoint-action",
    "--info-script",
    "--new-volume-script",
    "--rsh-command",
    "--rmt-command",
];

const GIT: &[&str] = &[
    "-c",
    "--config-env",
    "--exec-path",
    "-x",
    "--exec",
    "--extcmd",
    "--upload-pack",
    "--receive-pack",
    "-O",
    "--open-files-in-pager",
    "--tree-filter",
    "--index-filter",
    "--msg-filter",
    "--env-filter",
    "--commit-filter",
    "--parent-filter",
    "--tag-name-filter",
    "--to-cmd",
    "--cc-cmd",
    "--sendmail-cmd",
    "run",
    "foreach",
    "config",
];
