//! Escapes in what is typed, as ssh has them: a tilde after a new line speaks to `attach`, not to the program.

use bytes::Bytes;

/// What the person wants.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    Type(Bytes),
    Detach,
    TakeOver,
    Help,
}

/// Reads keys as they come.
#[derive(Debug)]
pub(super) struct Escapes {
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    LineStart,
    Tilde,
    InLine,
}

impl Escapes {
    /// At the start of a line.
    pub fn new() -> Self {
        Self {
            state: State::LineStart,
        }
    }

    /// Takes keys; returns what is wanted, in order.
    pub fn feed(&mut self, keys: &[u8]) -> Vec<Wish> {
        let mut wishes = Vec::new();
        let mut typed = Vec::with_capacity(keys.len());
        for &key in keys {
            let wish = match (self.state, key) {
                (State::LineStart, b'~') => {
                    self.state = State::Tilde;
                    continue;
                }
                (State::Tilde, b'.') => Some(Wish::Detach),
                (State::Tilde, b't') => Some(Wish::TakeOver),
                (State::Tilde, b'?') => Some(Wish::Help),
                (State::Tilde, b'~') => None,
                (State::Tilde, _) => {
                    typed.push(b'~');
                    None
                }
                (State::LineStart | State::InLine, _) => None,
            };
            if let Some(wish) = wish {
                self.state = State::LineStart;
                flush(&mut typed, &mut wishes);
                wishes.push(wish);
            } else {
                self.state = if matches!(key, b'\r' | b'\n') {
                    State::LineStart
                } else {
                    State::InLine
                };
                typed.push(key);
            }
        }
        flush(&mut typed, &mut wishes);
        wishes
    }
}

fn flush(typed: &mut Vec<u8>, wishes: &mut Vec<Wish>) {
    if !typed.is_empty() {
        wishes.push(Wish::Type(std::mem::take(typed).into()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(text: &'static str) -> Wish {
        Wish::Type(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_tilde_after_a_new_line_speaks_to_us_and_any_other_to_the_program() {
        assert_eq!(Escapes::new().feed(b"~."), [Wish::Detach]);
        assert_eq!(
            Escapes::new().feed(b"ls\r~."),
            [typed("ls\r"), Wish::Detach]
        );
        assert_eq!(Escapes::new().feed(b"cd ~.\r"), [typed("cd ~.\r")]);
        assert_eq!(Escapes::new().feed(b"~~.\r"), [typed("~.\r")]);
        assert_eq!(Escapes::new().feed(b"~x"), [typed("~x")]);
        assert_eq!(Escapes::new().feed(b"~t~?"), [Wish::TakeOver, Wish::Help]);
        assert_eq!(Escapes::new().feed(b"~\r~."), [typed("~\r"), Wish::Detach]);
    }

    fn joined(wishes: Vec<Wish>) -> Vec<Wish> {
        let mut out: Vec<Wish> = Vec::new();
        for wish in wishes {
            if let (Some(Wish::Type(before)), Wish::Type(more)) = (out.last_mut(), &wish) {
                *before = [&before[..], &more[..]].concat().into();
            } else {
                out.push(wish);
            }
        }
        out
    }

    proptest! {
        #[test]
        fn it_does_not_matter_how_keys_are_cut(keys in "[~.t?x\r]{0,24}", at in 0usize..24) {
            let whole = joined(Escapes::new().feed(keys.as_bytes()));
            let (a, b) = keys.as_bytes().split_at(at.min(keys.len()));
            let mut escapes = Escapes::new();
            let mut cut = escapes.feed(a);
            cut.extend(escapes.feed(b));
            prop_assert_eq!(joined(cut), whole);
        }
    }
}
