//! Snapshots bring a fresh screen to the same state, whatever came before and comes after.

use std::fmt::Write;

use proptest::prelude::*;

use super::Screen;
use super::grid::Row;

/// Everything a viewer can see or feel. Soft wraps are left out: a snapshot may harden one.
fn state(screen: &Screen) -> String {
    let term = &screen.term;
    let mut out = String::new();
    let mut rows =
        |name: &str, rows: &[Row]| {
            for (at, row) in rows.iter().enumerate() {
                let text: String = row.cells.iter().map(|cell| cell.ch).collect();
                let _ = writeln!(out, "{name} {at:3} |{text}|");
                for (col, cell) in row.cells.iter().enumerate().filter(|(_, cell)| {
                    cell.pen != super::cell::Pen::default() || cell.marks.is_some()
                }) {
                    let _ = writeln!(
                        out,
                        "    {col} {:?} {:?} {:?}",
                        cell.span, cell.pen, cell.marks
                    );
                }
            }
        };
    rows("primary", &term.primary);
    rows("alternate", term.alternate.as_deref().unwrap_or_default());
    let _ = write!(
        out,
        "{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n{:?}\n",
        term.cursor,
        term.pen,
        term.charsets,
        term.saved,
        (term.top, term.bottom),
        term.modes,
        term.tabs,
        term.title
    );
    out
}

fn shown(screen: &Screen) -> Vec<String> {
    let line = |row: &Row| {
        row.cells
            .iter()
            .filter(|cell| cell.span != super::cell::Span::Tail)
            .map(|cell| cell.ch)
            .collect::<String>()
    };
    screen
        .term
        .shown()
        .iter()
        .map(|row| line(row).trim_end().to_owned())
        .collect()
}

fn fed(cols: u16, rows: u16, bytes: &[u8]) -> Screen {
    let mut screen = Screen::new(cols, rows);
    screen.feed(bytes);
    screen
}

/// Cuts the stream, makes a snapshot there, and compares what follows.
fn assert_equivalent(cols: u16, rows: u16, stream: &[u8], cut: usize) {
    let full = fed(cols, rows, stream);
    let before = fed(cols, rows, &stream[..cut]);
    let mut late = fed(cols, rows, &before.snapshot());
    assert_eq!(late.undecided(), 0);
    let boundary = cut - before.undecided() as usize;
    late.feed(&stream[boundary..]);
    similar_asserts(&state(&late), &state(&full), stream, cut);
}

fn similar_asserts(left: &str, right: &str, stream: &[u8], cut: usize) {
    if left != right {
        let lines: Vec<_> = left
            .lines()
            .zip(right.lines())
            .filter(|(a, b)| a != b)
            .map(|(a, b)| format!("late {a}\nfull {b}"))
            .collect();
        panic!(
            "cut {cut} of {}\n{}",
            stream.escape_ascii(),
            lines.join("\n")
        );
    }
}

/// A piece of a stream: text or one sequence, mostly well-formed.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    let number = prop_oneof![4 => 0u16..12, 1 => 0u16..300, 1 => any::<u16>()];
    let private = prop::sample::select(vec![
        1u16, 5, 6, 7, 9, 12, 25, 45, 47, 66, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1048,
        1049, 2004,
    ]);
    let text = prop::collection::vec(
        prop::sample::select(
            "abxyzq~_ 世界é🎉ßж\u{301}\u{302}"
                .chars()
                .collect::<Vec<_>>(),
        ),
        1..12,
    );
    prop_oneof![
        8 => text.prop_map(|chars| chars.into_iter().collect::<String>().into_bytes()),
        3 => prop::sample::select(vec!["\r\n", "\n", "\r", "\t", "\x08", "\x0e", "\x0f", "\x1bD", "\x1bM", "\x1bE", "\x1bH", "\x1b7", "\x1b8", "\x1b=", "\x1b>", "\x1b(0", "\x1b(B", "\x1b)0", "\x1b*0", "\x1bn", "\x1b#8"])
            .prop_map(|text| text.as_bytes().to_vec()),
        6 => (prop::collection::vec(number.clone(), 0..3), prop::sample::select(b"@ABCDEFGHIJKLMPSTXZ`abdegr".to_vec())).prop_map(|(numbers, action)| csi("", &numbers, action)),
        5 => prop::collection::vec(prop_oneof![Just(0u16), 1u16..10, 21u16..30, 30u16..50, 90u16..108, Just(53)], 0..3).prop_map(|numbers| csi("", &numbers, b'm')),
        1 => (prop::sample::select(vec!["38;2;", "48;2;", "58:2::", "38:5:", "48;5;"]), any::<[u8; 3]>()).prop_map(|(kind, [r, g, b])| {
            let mark = if kind.contains(':') { ':' } else { ';' };
            let tail = if kind.contains('5') && !kind.starts_with("58") { format!("{r}") } else { format!("{r}{mark}{g}{mark}{b}") };
            format!("\x1b[{kind}{tail}m").into_bytes()
        }),
        4 => (private, any::<bool>()).prop_map(|(number, on)| csi("?", &[number], if on { b'h' } else { b'l' })),
        1 => (prop::sample::select(vec![4u16, 20]), any::<bool>()).prop_map(|(number, on)| csi("", &[number], if on { b'h' } else { b'l' })),
        1 => (0u16..8).prop_map(|style| format!("\x1b[{style} q").into_bytes()),
        1 => prop::sample::select(vec!["\x1b]0;a title\x07", "\x1b]2;other; one\x1b\\", "\x1bPq123\x1b\\", "\x1b_apc\x1b\\", "\x1b[>4;2m", "\x1b[4:3m", "\x1b[!p", "\x1bc", "\x1b[c", "\x1b[6n"])
            .prop_map(|text| text.as_bytes().to_vec()),
    ]
}

fn csi(prefix: &str, numbers: &[u16], action: u8) -> Vec<u8> {
    let numbers: Vec<_> = numbers.iter().map(u16::to_string).collect();
    format!("\x1b[{prefix}{}{}", numbers.join(";"), char::from(action)).into_bytes()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_at_any_cut_and_the_rest_show_what_the_whole_stream_shows(
        pieces in prop::collection::vec(piece(), 1..40),
        at in any::<prop::sample::Index>(),
        (cols, rows) in (2u16..14, 2u16..8),
    ) {
        let stream = pieces.concat();
        assert_equivalent(cols, rows, &stream, at.index(stream.len() + 1));
    }

    #[test]
    fn any_bytes_in_any_sizes_do_no_harm(
        parts in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..60), piece(), 1u16..9, 1u16..9), 1..30),
    ) {
        let mut screen = Screen::new(5, 3);
        for (noise, piece, cols, rows) in parts {
            screen.feed(&noise);
            screen.feed(&piece);
            screen.resize(cols, rows);
            prop_assert_eq!(screen.size(), (cols, rows));
            let late = fed(cols, rows, &screen.snapshot());
            prop_assert_eq!(late.undecided(), 0);
            prop_assert_eq!(shown(&late), shown(&screen));
        }
    }

    #[test]
    fn cutting_the_feed_changes_nothing(pieces in prop::collection::vec(piece(), 1..20), size in 1usize..7) {
        let stream = pieces.concat();
        let mut slow = Screen::new(9, 4);
        stream.chunks(size).for_each(|part| slow.feed(part));
        prop_assert_eq!(state(&slow), state(&fed(9, 4, &stream)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, failure_persistence: None, max_shrink_iters: 50, ..ProptestConfig::default() })]

    #[test]
    fn skipping_what_scrolls_away_changes_nothing(
        pieces in prop::collection::vec(piece(), 0..10),
        lines in prop::collection::vec("[ -~\t]{0,90}", 1..20),
        split in any::<prop::sample::Index>(),
        ends in prop::collection::vec(prop::sample::select(vec!["\r\n", "\n", "\r\n"]), 3),
        rest in prop::collection::vec(piece(), 0..10),
    ) {
        let mut flood = Vec::new();
        let mut at = 0;
        while flood.len() < 200 * 1024 {
            flood.extend_from_slice(lines[at % lines.len()].as_bytes());
            flood.extend_from_slice(ends[at % ends.len()].as_bytes());
            at += 1;
        }
        let mut skipping = fed(40, 6, &pieces.concat());
        let mut patient = fed(40, 6, &pieces.concat());
        let (first, second) = flood.split_at(split.index(flood.len()));
        let skipped = skipping.skip_what_scrolls_away(first, second);
        skipping.feed(&flood[skipped..]);
        patient.feed(&flood);
        skipping.feed(&rest.concat());
        patient.feed(&rest.concat());
        prop_assert_eq!(state(&skipping), state(&patient));
        prop_assert_eq!(skipping.snapshot(), patient.snapshot());
    }
}

#[test]
fn a_plain_flood_is_skipped() {
    let flood = b"some line of text\r\n".repeat(50_000);
    let skipped = Screen::new(80, 24).skip_what_scrolls_away(&flood, b"");
    assert!(skipped > flood.len() * 9 / 10, "{skipped}");
    let colourful = b"some \x1b[31mline\x1b[m of text\r\n".repeat(50_000);
    assert_eq!(
        Screen::new(80, 24).skip_what_scrolls_away(&colourful, b""),
        0
    );
}

#[test]
fn leaving_the_alternate_screen_after_a_snapshot_shows_the_shell_again() {
    let stream = b"$ vim\r\n\x1b[?1049h\x1b[H\x1b[2J~ tilde\x1b[5;5H";
    let mut late = fed(20, 6, &fed(20, 6, stream).snapshot());
    assert_eq!(shown(&late)[0], "~ tilde");
    late.feed(b"\x1b[?1049l$ ls");
    assert_eq!(shown(&late)[..2], ["$ vim", "$ ls"]);
}

#[test]
fn wide_combining_and_true_colour_survive() {
    let text = "\x1b[38;2;1;2;3;48;5;200m世界e\u{301}\x1b[4:3;58:2::9:8:7mx\x1b[m🎉";
    let screen = fed(20, 2, text.as_bytes());
    let snapshot = String::from_utf8(screen.snapshot()).unwrap();
    assert!(
        snapshot.contains("38;2;1;2;3")
            && snapshot.contains("48;5;200")
            && snapshot.contains("58:2::9:8:7"),
        "{snapshot:?}"
    );
    assert!(
        snapshot.contains("世界e\u{301}") && snapshot.contains('🎉'),
        "{snapshot:?}"
    );
    assert_eq!(state(&fed(20, 2, snapshot.as_bytes())), state(&screen));
}

#[test]
fn lines_above_the_screen_come_back_up_to_their_bound() {
    let stream: String = (0..1500).map(|line| format!("line {line}\r\n")).collect();
    let snapshot = String::from_utf8(fed(30, 5, stream.as_bytes()).snapshot()).unwrap();
    // Of 1501 rows 5 are on the screen, 1000 are kept above it, the rest is gone.
    assert!(
        snapshot.contains("line 1499") && snapshot.contains("line 496\r"),
        "{snapshot}"
    );
    assert!(!snapshot.contains("line 495\r"));
}

#[test]
fn a_soft_wrapped_line_stays_one_line_in_a_snapshot_even_across_the_top() {
    let long: String = ('a'..='z').cycle().take(75).collect();
    let snapshot =
        String::from_utf8(fed(10, 4, format!("{long}\r\n").as_bytes()).snapshot()).unwrap();
    assert!(snapshot.contains(&long), "{snapshot:?}");
}

#[test]
fn resizing_wraps_lines_anew_and_keeps_the_cursor_with_its_text() {
    let mut screen = fed(10, 4, b"one\r\nabcdefghijklmno\r\n$ x");
    screen.resize(5, 6);
    assert_eq!(
        shown(&screen),
        ["one", "abcde", "fghij", "klmno", "$ x", ""]
    );
    screen.feed(b"y");
    screen.resize(20, 6);
    assert_eq!(
        shown(&screen),
        ["one", "abcdefghijklmno", "$ xy", "", "", ""]
    );
    screen.feed(b"!");
    screen.resize(20, 2);
    assert_eq!(shown(&screen), ["abcdefghijklmno", "$ xy!"]);
}

#[test]
fn a_snapshot_never_makes_a_terminal_answer() {
    let queries = b"\x1b[c\x1b[>c\x1b[=c\x1b[5n\x1b[6n\x1b[?6n\x1b[?1$p\x1b[>q\x1b[18t\x1bZ\x05\x1b]10;?\x07\x1b]4;1;?\x07\x1b]52;c;?\x07\x1bP$qm\x1b\\\x1bP+q544e\x1b\\text";
    let snapshot = fed(20, 3, queries).snapshot();
    assert_eq!(snapshot, b"text\r\n\r\n\x1b[1;5H");
}

#[test]
fn an_endless_string_costs_nothing_and_ends_for_late_viewers_too() {
    let mut screen = fed(10, 2, b"ab\x1b]0;");
    for _ in 0..100 {
        screen.feed(&[b'x'; 4096]);
    }
    assert_eq!(screen.undecided(), 4 + 100 * 4096);
    let mut late = fed(
        10,
        2,
        &[&screen.snapshot()[..], screen.open_string()].concat(),
    );
    late.feed(b"xx\x07cd");
    assert_eq!(shown(&late)[0], "abcd");
}

#[test]
fn titles_are_bounded_and_hold_no_controls() {
    let screen = fed(
        10,
        2,
        format!("\x1b]2;a\u{85}b\u{9b}{}\x07", "é".repeat(2000)).as_bytes(),
    );
    assert!(
        screen.title().starts_with("abéé") && screen.title().len() <= crate::limits::TITLE_BYTES
    );
}
