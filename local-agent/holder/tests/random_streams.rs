//! Random streams of everything that the reference emulator knows: a snapshot at any place shows there what the stream up to it shows, and what
//! follows finds all as it left it: both screens, modes, cursor, colours, title.
//!
//! Where the reference does otherwise than xterm, streams keep away from it, and the place says so. That snapshots bring back our own
//! model there too is tried beside it (`src/screen/tests.rs`): single shifts, wrapping that is off, mouse modes, and the rest.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod reference;

use lanyard_holder::screen::Screen;
use proptest::prelude::*;
use reference::{assert_same, shown, visible_unless_erased};

/// Text or one sequence, and the title that it sets.
#[derive(Clone)]
struct Piece {
    bytes: Vec<u8>,
    title: Option<String>,
}

impl std::fmt::Debug for Piece {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.bytes.escape_ascii())
    }
}

fn plain(bytes: impl Into<Vec<u8>>) -> Piece {
    Piece {
        bytes: bytes.into(),
        title: None,
    }
}

fn csi(prefix: &str, numbers: &[u16], action: char) -> Piece {
    let numbers: Vec<_> = numbers.iter().map(u16::to_string).collect();
    plain(format!("\x1b[{prefix}{}{action}", numbers.join(";")))
}

fn text() -> impl Strategy<Value = Piece> {
    let letters: Vec<char> = "abcxyz |0Jjqlé世界ß".chars().collect();
    prop::collection::vec(prop::sample::select(letters), 1..12)
        .prop_map(|chars| plain(chars.into_iter().collect::<String>()))
}

/// Line drawing: xterm saves which letters are in use together with the cursor, the reference does not, so here they never stay.
fn drawing() -> impl Strategy<Value = Piece> {
    let ways = vec![("\x1b(0", "\x1b(B"), ("\x1b)0\x0e", "\x0f\x1b)B")];
    (prop::sample::select(ways), text())
        .prop_map(|((on, off), text)| plain([on.as_bytes(), &text.bytes, off.as_bytes()].concat()))
}

fn control() -> impl Strategy<Value = Piece> {
    let controls = vec![
        "\r\n",
        "\r\n",
        "\x1b[D\n",
        "\r",
        "\x1b[D\t",
        "\x08",
        "\x1b[?6l\x1b[3;2H\x1bM",
        "\x1b[?6l\x1bM",
        "\x1bE",
        "\x1bH",
        "\x1b[D\x1b7",
        "\x1b[r\x1b8",
        "\x1b[D\x1b[s",
        "\x1b[r\x1b[u",
        "\x1b[?1l\x1b[!p",
        "\x1bc",
    ];
    prop::sample::select(controls).prop_map(plain)
}

/// Moves the cursor, edits, erases, scrolls, sets tabs and regions.
fn movement() -> impl Strategy<Value = Piece> {
    let number = prop_oneof![4 => 0_u16..12, 1 => 0_u16..300];
    let actions: Vec<char> = "@ABCDEFGHIJKPSTXZ`abdefg".chars().collect();
    (
        prop::collection::vec(number, 0..3),
        prop::sample::select(actions),
    )
        .prop_map(|(numbers, action)| {
            let mut piece = csi("", &numbers, action);
            match action {
                // Behind a full row xterm edits its last character and takes no tab; the reference has a column there.
                '@' | 'P' | 'X' | 'I' | 'Z' => piece.bytes.splice(..0, *b"\x1b[D").for_each(drop),
                _ => {}
            }
            piece
        })
}

/// Lines go in and out at the first column of a region: elsewhere xterm moves there or does nothing, the reference does as it is told.
fn lines() -> impl Strategy<Value = Piece> {
    let regions = vec!["\x1b[r\x1b[2;1H", "\x1b[2;4r\x1b[2;1H"];
    let action = prop::sample::select(vec!['L', 'M']);
    (prop::sample::select(regions), 0_u16..5, action)
        .prop_map(|(region, count, action)| plain(format!("{region}\x1b[{count}{action}")))
}

/// Regions that every screen here has room for: one without is passed over by xterm and moves the cursor in the reference.
fn region() -> impl Strategy<Value = Piece> {
    let bottom = prop::sample::select(vec![0_u16, 4]);
    (1_u16..4, bottom).prop_map(|(top, bottom)| csi("", &[top, bottom], 'r'))
}

fn colour() -> impl Strategy<Value = Piece> {
    // Bold or faint: the reference knows no letters that are both.
    let weight = prop::sample::select(vec![csi("", &[22, 1], 'm'), csi("", &[22, 2], 'm')]);
    let simple = prop_oneof![
        Just(0_u16),
        3_u16..6,
        Just(7),
        Just(9),
        22_u16..26,
        Just(27),
        Just(29),
        30_u16..38,
        39_u16..48,
        Just(49),
        90_u16..98,
        100_u16..108,
    ];
    let simple = prop::collection::vec(simple, 0..4).prop_map(|numbers| csi("", &numbers, 'm'));
    let indexed = (prop::sample::select(vec![38_u16, 48]), any::<u8>())
        .prop_map(|(which, index)| csi("", &[which, 5, index.into()], 'm'));
    let mark = prop::sample::select(vec![';', ':']);
    let direct = (
        prop::sample::select(vec![38_u16, 48]),
        mark,
        any::<[u8; 3]>(),
    )
        .prop_map(|(which, mark, [r, g, b])| {
            plain(format!("\x1b[{which}{mark}2{mark}{r}{mark}{g}{mark}{b}m"))
        });
    prop_oneof![4 => simple, 1 => weight, 1 => indexed, 1 => direct]
}

/// Where the cursor is saved it moves to the left first: with it xterm saves that the next character wraps, and the reference does not. Where it is
/// restored there is no region: xterm keeps a cursor in it that was saved with origin mode.
fn mode() -> impl Strategy<Value = Piece> {
    let private = prop::sample::select(vec![1_u16, 6, 25, 47, 1047, 1048, 1049, 1049, 2004]);
    let private = (private, any::<bool>()).prop_map(|(number, on)| {
        let mut piece = csi("?", &[number], if on { 'h' } else { 'l' });
        if matches!(number, 1048 | 1049) {
            let first: &[u8] = if on { b"\x1b[D" } else { b"\x1b[r" };
            piece.bytes.splice(..0, first.iter().copied());
        }
        if on && matches!(number, 47 | 1047 | 1049) {
            // What was saved there at an earlier time is forgotten by our model, and by nobody else; no program counts on it.
            piece.bytes.extend_from_slice(b"\x1b[D\x1b7");
        }
        piece
    });
    let new_line = any::<bool>().prop_map(|on| plain(if on { "\x1b[20h" } else { "\x1b[20l" }));
    // Among narrow characters: a wide one is moved otherwise in the reference.
    let insert =
        "[a-z0-9]{1,3}".prop_map(|text| plain(format!("\r\x1b[Kabc\r\x1b[4h{text}\x1b[4l")));
    prop_oneof![4 => private, 1 => new_line, 1 => insert]
}

fn title() -> impl Strategy<Value = Piece> {
    let kind = prop::sample::select(vec!["0", "2"]);
    let end = prop::sample::select(vec!["\x07", "\x1b\\"]);
    (kind, "[ -~é世]{0,20}", end).prop_map(|(kind, title, end)| Piece {
        bytes: format!("\x1b]{kind};{title}{end}").into_bytes(),
        title: Some(title),
    })
}

fn piece() -> impl Strategy<Value = Piece> {
    prop_oneof![
        8 => text(),
        1 => drawing(),
        4 => control(),
        6 => movement(),
        1 => region(),
        1 => lines(),
        5 => colour(),
        4 => mode(),
        1 => title(),
    ]
}

fn ours(cols: u16, rows: u16, stream: &[u8]) -> Screen {
    let mut screen = Screen::new(cols, rows);
    screen.feed(stream);
    screen
}

/// Whether a snapshot after so many bytes, and then the rest, shows what the other emulator shows of the stream.
fn holds(cols: u16, rows: u16, stream: &[u8], at: usize) -> Screen {
    let before = ours(cols, rows, &stream[..at]);
    // A snapshot is of all that is decided; what is not comes with the rest.
    let boundary = at - usize::try_from(before.undecided()).unwrap();
    let snapshot = before.snapshot();
    let same = |one: &[u8], other: &[u8]| {
        let (one, other) = (shown(cols, rows, one), shown(cols, rows, other));
        assert_same(&one, &other, at, visible_unless_erased);
    };
    same(&snapshot, &stream[..boundary]);
    let late = [&snapshot, &stream[boundary..]].concat();
    same(&late, stream);
    ours(cols, rows, &late)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_of_a_random_stream_shows_what_another_emulator_shows(
        pieces in prop::collection::vec(piece(), 1..40),
        at in any::<prop::sample::Index>(),
        (cols, rows) in (4_u16..14, 4_u16..9),
    ) {
        let stream: Vec<u8> = pieces.iter().flat_map(|piece| piece.bytes.clone()).collect();
        let restored = holds(cols, rows, &stream, at.index(stream.len() + 1));
        let title = pieces.iter().rev().find_map(|piece| piece.title.clone());
        prop_assert_eq!(restored.title(), title.unwrap_or_default());
    }
}

/// Streams that are kept, with the size of their screen: what once failed, and one of each thing that a program leaves behind.
const RECORDED: &[(u16, u16, &[u8])] = &[
    // A character that is repeated beyond the screen, narrow and wide.
    (11, 4, b"a\x1b[140baa"),
    (11, 4, b"\xe4\xb8\x96\x1b[299bab"),
    // The alternate screen within another cursor, colours and a region.
    (
        12,
        6,
        b"one\r\ntwo\x1b[31m\x1b[?1049h\x1b[2;4r\x1b[44mx\x1b[3;3Hy\r\n\n\n\x1b[?1049l\x1b[rthree",
    ),
    // Origin, keys of the cursor, a hidden cursor, line drawing and tabs of one's own.
    (
        12,
        6,
        b"\x1b[2;4r\x1b[?6h\x1b[?1h\x1b[?25l\x1b(0lqk\x1b(B\x1b[3g\x1b[5G\x1bH\r\tz\x1b[?6l",
    ),
    (
        10,
        4,
        b"\x1b]0;first\x07\x1b[38;2;1;2;3;48;5;9mtext\x1b]2;second\x1b\\\x1b[m\x1b[2J",
    ),
];

#[test]
fn recorded_streams_come_back_at_every_cut() {
    for (cols, rows, stream) in RECORDED {
        for at in 0..=stream.len() {
            holds(*cols, *rows, stream, at);
        }
    }
}
