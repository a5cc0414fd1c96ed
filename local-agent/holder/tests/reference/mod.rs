//! An emulator that is not ours, to compare with.

use avt::Terminal;

/// What it makes of a stream.
pub fn shown(cols: u16, rows: u16, stream: &[u8]) -> Terminal {
    let mut terminal = Terminal::new(cols.into(), rows.into()).unwrap();
    terminal.feed(String::from_utf8_lossy(stream).as_ref());
    terminal
}

/// What of a cell is compared.
pub type Visible = (char, Option<avt::Color>, Option<avt::Pen>);

/// Of a space only what can be seen: where it was erased, `avt` keeps the colour of letters too, which xterm does not.
#[allow(dead_code, reason = "each test file uses one of the two")]
pub fn visible(cell: &avt::Cell) -> Visible {
    let pen = *cell.pen();
    let shows =
        cell.char() != ' ' || pen.is_inverse() || pen.is_underline() || pen.is_strikethrough();
    (cell.char(), pen.background(), shows.then_some(pen))
}

/// Of a space only its background: where it was erased, `avt` underlines and inverts it as well, which xterm does not.
#[allow(dead_code, reason = "each test file uses one of the two")]
pub fn visible_unless_erased(cell: &avt::Cell) -> Visible {
    let pen = *cell.pen();
    let shows = cell.char() != ' ';
    (cell.char(), pen.background(), shows.then_some(pen))
}

/// Compares all that can be seen, on both screens.
pub fn assert_same(
    one: &Terminal,
    other: &Terminal,
    at: usize,
    visible: fn(&avt::Cell) -> Visible,
) {
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
