//! Whether a name is one that a pattern means, as Bash says it in `C.UTF-8`.

use lanyard_policy::grammar::Piece;

/// Whether a name fits all of a pattern. A byte that is no text is one character, as it is to Bash.
pub(super) fn fits(pattern: &[Piece], name: &[u8]) -> bool {
    // Only who asks for a dot gets one.
    let asks_for_dot = matches!(pattern.first(), Some(Piece::Text(text)) if text.starts_with('.'));
    if name.starts_with(b".") && !asks_for_dot {
        return false;
    }
    let pattern: Vec<_> = pattern.iter().flat_map(signs).collect();
    let name = characters(name);
    // In time that grows with both lengths: at most the last star is tried again.
    let (mut at, mut behind) = (0, 0);
    let mut star = None;
    while let Some(character) = name.get(behind) {
        let next = match pattern.get(at) {
            Some(Sign::Any) => {
                star = Some((at, behind));
                at += 1;
                continue;
            }
            Some(Sign::One) => true,
            Some(Sign::This(wanted)) => *character == Ok(*wanted),
            None => false,
        };
        if next {
            (at, behind) = (at + 1, behind + 1);
        } else {
            let Some((from, taken)) = star else {
                return false;
            };
            star = Some((from, taken + 1));
            (at, behind) = (from + 1, taken + 1);
        }
    }
    pattern.iter().skip(at).all(|sign| *sign == Sign::Any)
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Sign {
    This(char),
    One,
    Any,
}

fn signs(piece: &Piece) -> Vec<Sign> {
    match piece {
        Piece::Text(text) => text.chars().map(Sign::This).collect(),
        Piece::One => vec![Sign::One],
        Piece::Any => vec![Sign::Any],
    }
}

fn characters(name: &[u8]) -> Vec<Result<char, u8>> {
    let chunks = name.utf8_chunks();
    chunks
        .flat_map(|chunk| {
            let text = chunk.valid().chars().map(Ok);
            text.chain(chunk.invalid().iter().copied().map(Err))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Vec<Piece> {
        text.chars()
            .map(|c| match c {
                '*' => Piece::Any,
                '?' => Piece::One,
                _ => Piece::Text(c.to_string()),
            })
            .collect()
    }

    #[test]
    fn stars_and_question_marks_stand_for_characters_of_a_name() {
        for (text, name) in [
            ("*", "a"),
            ("*.rs", "main.rs"),
            ("a*b*c", "a-b-bc"),
            ("?", "ä"),
            ("??", "a\n"),
            (".*", ".env"),
            ("**", "a"),
            ("a*", "a"),
        ] {
            assert!(fits(&pattern(text), name.as_bytes()), "{text} {name}");
        }
        for (text, name) in [
            ("*", ".env"),
            ("?env", ".env"),
            ("*.rs", "main.rst"),
            ("?", ""),
            ("a?", "a"),
            ("A", "a"),
            ("[ab]", "a"),
        ] {
            assert!(!fits(&pattern(text), name.as_bytes()), "{text} {name}");
        }
        assert!(fits(&pattern("a?b"), b"a\xffb"));
        assert!(fits(&pattern("*b"), b"\xff\xfeb"));
    }
}
