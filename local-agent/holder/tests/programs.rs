//! Real programs in a real terminal: a snapshot at any point and the rest show what the whole stream shows, in an emulator that is not ours.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod common;

use avt::Terminal;
use common::{Held, Viewer};
use lanyard_holder::screen::Screen;

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
    let mut terminal = Terminal::new(COLS.into(), ROWS.into()).unwrap();
    terminal.feed(String::from_utf8_lossy(stream).as_ref());
    terminal
}

fn in_ours(stream: &[u8]) -> Screen {
    let mut screen = Screen::new(COLS, ROWS);
    screen.feed(stream);
    screen
}

/// Of a space only what can be seen: where it was erased, `avt` keeps the colour of letters too, which xterm does not.
fn visible(cell: &avt::Cell) -> (char, Option<avt::Color>, Option<avt::Pen>) {
    let pen = *cell.pen();
    let shows =
        cell.char() != ' ' || pen.is_inverse() || pen.is_underline() || pen.is_strikethrough();
    (cell.char(), pen.background(), shows.then_some(pen))
}

fn assert_same(one: &Terminal, other: &Terminal, at: usize) {
    for (one, other) in [
        (one.screen(), other.screen()),
        (one.primary_screen(), other.primary_screen()),
    ] {
        for (row, (one, other)) in one.visible_lines().zip(other.visible_lines()).enumerate() {
            assert_eq!(
                one.text().trim_end(),
                other.text().trim_end(),
                "row {row}, cut at {at}"
            );
            let cells = one.cells().iter().zip(other.cells());
            let differs = cells
                .enumerate()
                .find(|(_, (one, other))| visible(one) != visible(other));
            assert_eq!(differs, None, "row {row}, cut at {at}");
        }
    }
    assert_eq!(one.cursor(), other.cursor(), "cut at {at}");
    assert_eq!(
        one.active_screen_kind(),
        other.active_screen_kind(),
        "cut at {at}"
    );
    assert_eq!(
        one.cursor_key_app_mode(),
        other.cursor_key_app_mode(),
        "cut at {at}"
    );
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
        assert_same(&in_avt(&snapshot), &in_avt(&stream[..boundary]), at);
        let late = [&snapshot, &stream[boundary..]].concat();
        assert_same(&in_avt(&late), &whole, at);
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
