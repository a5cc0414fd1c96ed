//! Real programs in a real terminal: a snapshot at any point and the rest show what the whole stream shows, in an emulator that is not ours.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod common;
mod reference;

use avt::Terminal;
use common::{Held, Viewer};
use lanyard_holder::screen::Screen;
use reference::{assert_same, visible};

const COLS: u16 = 100;
const ROWS: u16 = 30;
const CUTS: usize = 80;

/// How long a program may take to show what it is waited for, before the test says what it shows instead.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(15);

/// Runs a program and types; before each text to type it waits for what must be on the screen.
async fn record(command: &[&str], steps: &[(&str, &str)]) -> Vec<u8> {
    let held = Held::start_with(command, |config| {
        (config.cols, config.rows) = (COLS, ROWS);
        let home = config.dir.to_string_lossy().into_owned();
        config.env = vec![
            ("HOME".into(), home.clone()),
            ("TMUX_TMPDIR".into(), home),
            ("LC_ALL".into(), "C.UTF-8".into()),
        ];
        config.env_remove = vec!["LESS".into(), "VIMINIT".into()];
    })
    .await;
    let mut viewer = held.watch().await;
    for (awaited, keys) in steps {
        let shown =
            tokio::time::timeout(PATIENCE, viewer.until(|viewer| shows(viewer, awaited))).await;
        assert!(
            shown.is_ok(),
            "{awaited:?} was never shown, but {:#?}",
            in_avt(&viewer.output).screen().text()
        );
        viewer.type_bytes(keys.as_bytes()).await;
    }
    viewer.until_exit().await;
    assert_eq!(viewer.snapshots.len(), 0);
    viewer.output
}

fn shows(viewer: &Viewer, text: &str) -> bool {
    let terminal = in_avt(&viewer.output);
    terminal
        .screen()
        .text()
        .iter()
        .any(|line| line.contains(text))
}

fn in_avt(stream: &[u8]) -> Terminal {
    reference::shown(COLS, ROWS, stream)
}

fn in_ours(stream: &[u8]) -> Screen {
    let mut screen = Screen::new(COLS, ROWS);
    screen.feed(stream);
    screen
}

fn assert_snapshots_hold(stream: &[u8]) {
    let whole = in_avt(stream);
    let whole_in_ours = in_ours(stream).snapshot();
    let mut modes_seen = false;
    for at in (0..=CUTS).map(|part| stream.len() * part / CUTS) {
        let before = in_ours(&stream[..at]);
        let boundary = at - before.undecided() as usize;
        let snapshot = before.snapshot();
        modes_seen |= snapshot.windows(7).any(|part| part == b"[?1047h");
        assert_same(
            &in_avt(&snapshot),
            &in_avt(&stream[..boundary]),
            at,
            visible,
        );
        let late = [&snapshot, &stream[boundary..]].concat();
        assert_same(&in_avt(&late), &whole, at, visible);
        assert_eq!(
            in_ours(&late).snapshot().escape_ascii().to_string(),
            whole_in_ours.escape_ascii().to_string(),
            "cut at {at}"
        );
    }
    assert!(modes_seen, "no cut fell into the alternate screen");
}

#[tokio::test]
async fn vim_comes_back_as_it_was() {
    let stream = record(
        &["/bin/sh", "-c", "echo before vim; vim -u NONE -N --cmd 'syntax on' --cmd 'set mouse=a ruler nu laststatus=2' /etc/services; echo after vim"],
        &[("1,1", "Gkkk"), ("Bot", "ihello 世界 wörld\x1b"), ("wörld", ":split\r"), ("[+]", "ggVjjj"), ("VISUAL", "\x1b:help\r"), ("help.txt", ":qa!\r")],
    )
    .await;
    assert_snapshots_hold(&stream);
}

#[tokio::test]
async fn htop_comes_back_as_it_was() {
    let stream = record(
        &["/bin/sh", "-c", "echo before; htop -d 1; echo after"],
        &[
            ("F10", "\x1bOB\x1bOB"),
            ("F10", "h"),
            ("show this help screen", "q"),
            ("F10", "q"),
        ],
    )
    .await;
    assert_snapshots_hold(&stream);
}

#[tokio::test]
async fn less_comes_back_as_it_was() {
    let stream = record(
        &[
            "/bin/sh",
            "-c",
            "echo before; less -N /etc/services; echo after",
        ],
        &[
            ("/etc/services", " "),
            ("47 auth", "G"),
            ("(END)", "g"),
            ("  1 #", "/syslog\r"),
            ("syslog", "q"),
        ],
    )
    .await;
    assert_snapshots_hold(&stream);
}

#[tokio::test]
async fn tmux_comes_back_as_it_was() {
    let stream = record(
        &[
            "/bin/sh",
            "-c",
            "echo before; PS1='$ ' exec tmux -f /dev/null -L lanyard new-session /bin/sh",
        ],
        &[
            // Prefix keys that come as fast as these would be taken for a paste.
            ("[0]", "seq 1 50\r"),
            ("50", "tmux -L lanyard split-window -h\r"),
            ("│", "echo right side\r"),
            ("right side", "tmux -L lanyard split-window -v\r"),
            ("─", "printf '\\033[31;4mred\\033[m\\n'\r"),
            ("red", "tmux -L lanyard copy-mode -t 0\r"),
            ("[0/", "tmux -L lanyard kill-server\r"),
        ],
    )
    .await;
    assert_snapshots_hold(&stream);
}
