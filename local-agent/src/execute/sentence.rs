//! What is said about commands that do not run. File names come from strangers, and a terminal obeys what is written to it.

use crate::limits::SENTENCE_MAX;
use lanyard_policy::prompt;

/// One line, every character of which is seen.
pub(super) fn shown(text: &str) -> String {
    // A line end is shown by its number, and kept; here there is one line.
    let mut shown = prompt::show(text).text.replace('\n', "");
    if shown.len() > SENTENCE_MAX {
        let end = shown.floor_char_boundary(SENTENCE_MAX - "…".len());
        shown.truncate(end);
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sentence_is_one_line_that_no_terminal_obeys_and_not_longer_than_a_pipe_takes() {
        assert_eq!(shown("a\nb\u{1b}[2Jc"), "a⟨U+000A⟩b⟨U+001B⟩[2Jc");
        assert!(shown(&"ä".repeat(10_000)).len() <= SENTENCE_MAX);
    }
}
