//! What a command's words run: every tail of a wrapper's words counts as a command, and each of them as a line.

use super::super::programs::{self, Role};
use super::super::word::Word;
use super::{Invocation, Reader};
use crate::limits::{INVOCATIONS_MAX, SHELL_OPTIONS_MAX};
use std::sync::Arc;

impl Reader<'_> {
    /// A command of these words, and all that they run, in the text that has them. All tails of them if something wraps them.
    pub(super) fn command(&mut self, words: Vec<Word>, text: &str, mut wraps: bool) {
        let words: Arc<[Word]> = words.into();
        let loose = words.iter().any(|word| word.unknown);
        self.loose |= loose;
        let (mut code, mut feeds) = (false, false);
        for from in 0..words.len() {
            if self.seen.commands.len() > INVOCATIONS_MAX {
                self.seen.everything = true;
                return;
            }
            let rest = words.get(from + 1..).unwrap_or_default();
            let Some(word) = words.get(from) else { break };
            self.seen.commands.push(Invocation {
                words: Arc::clone(&words),
                from,
                loose,
            });
            // In a word that is only a program's if another one wraps it, nothing more hides.
            if word.unknown || (!wraps && word.program.literal().is_none()) {
                self.scan_now(text);
            }
            let role = word.program.literal().map_or(Role::Plain, programs::role);
            match role {
                Role::Plain => {}
                Role::Wraps => self.inside(&mut wraps, rest, text),
                Role::Shell => {
                    let given = |word: &Word| word.is_option() && word.pattern.text().contains('c');
                    if !rest.iter().take(SHELL_OPTIONS_MAX).any(given) {
                        self.scan_all(text);
                    }
                    self.inside(&mut wraps, rest, text);
                }
                Role::Feeds => {
                    let more = |word: &Word| {
                        let known = word.program.literal().map(programs::role);
                        known.is_none_or(|role| role != Role::Plain)
                            || REPLACE
                                .iter()
                                .any(|option| word.pattern.text().starts_with(option))
                    };
                    if !std::mem::replace(&mut feeds, true) && rest.iter().any(more) {
                        self.scan_all(text);
                    }
                    self.inside(&mut wraps, rest, text);
                }
                Role::Code => {
                    if !std::mem::replace(&mut code, true) {
                        for word in rest.iter().filter(|word| !is_name(word.pattern.text())) {
                            self.scan(word.pattern.text());
                        }
                    }
                }
                Role::Behind(options) => {
                    let behind = rest.iter().position(|word| is_before(word, options));
                    let behind = behind.and_then(|at| rest.get(at + 1..)).unwrap_or_default();
                    if !wraps && !behind.is_empty() {
                        self.command(behind.to_vec(), text, true);
                        self.words(behind, text);
                    }
                    if !wraps {
                        let glued: Vec<_> = rest
                            .iter()
                            .filter(|word| is_glued(word, options))
                            .cloned()
                            .collect();
                        self.words(&glued, text);
                    }
                }
            }
            if !wraps {
                break;
            }
        }
    }

    /// The words of a program that wraps others. The next ones that do are among them.
    fn inside(&mut self, wraps: &mut bool, rest: &[Word], text: &str) {
        if !std::mem::replace(wraps, true) {
            self.words(rest, text);
        }
    }

    /// Words that may be run: each as a line, and the parts of each that stand behind an option's letters or an equals sign.
    fn words(&mut self, words: &[Word], text: &str) {
        if words.iter().any(|word| word.unknown) {
            self.scan_now(text);
        }
        for word in words {
            let whole = word.pattern.text();
            if !is_name(whole) {
                self.later(whole);
            }
            let value = whole.split_once('=').map(|(_, value)| value);
            let letters = [2, 3, 4].map(|at| {
                whole
                    .get(at..)
                    .filter(|_| whole.starts_with('-') && !whole.starts_with("--"))
            });
            for part in letters.into_iter().flatten().chain(value) {
                self.part(part);
            }
            // A transport of git's that runs a program.
            if let Some((_, transport)) = whole.split_once("ext::") {
                self.part(transport);
            }
            // An alias of git's that is none of the shell's.
            if let Some((_, value)) = whole
                .split_once('=')
                .filter(|(name, _)| name.starts_with("alias."))
            {
                self.later(&format!("git {value}"));
            }
        }
    }

    /// The value of a variable: programs run what some of them say.
    pub(super) fn value(&mut self, word: &Word) {
        self.part(word.pattern.text());
    }

    fn part(&mut self, part: &str) {
        let part = part.trim_start_matches('!');
        // Of `a=b=c` without a blank no more than the last can be a program, however many there are.
        let part = match is_name(&part.replace('=', "")) {
            true => part.rsplit('=').next().unwrap_or(part),
            false => part,
        };
        if part.contains(|c: char| c.is_ascii_alphanumeric()) {
            self.later(part);
        }
    }

    fn later(&mut self, line: &str) {
        let line = line.trim_start_matches('!');
        if !line.is_empty() && self.known.insert(line.to_owned()) {
            self.lines.push((line.to_owned(), self.depth + 1));
        }
    }
}

/// Options by which words that come in stand where they are written.
const REPLACE: &[&str] = &["-I", "-i", "--replace"];

/// `-x`, `--exec`, or letters that end with one: the next word is its value.
fn is_before(word: &Word, options: &[&str]) -> bool {
    let text = word.pattern.text();
    let bundled = |option: &&str| {
        letters(text)
            .zip(letters(option))
            .is_some_and(|(all, own)| own.len() == 1 && all.ends_with(own))
    };
    options.contains(&text) || options.iter().any(bundled)
}

/// `-xrm`, `-Hxrm` or `--exec=rm`: its value is in it.
fn is_glued(word: &Word, options: &[&str]) -> bool {
    let text = word.pattern.text();
    let glued = |option: &&str| {
        let bundled = letters(text)
            .zip(letters(option))
            .is_some_and(|(all, own)| own.len() == 1 && all.contains(own));
        bundled
            || text
                .strip_prefix(*option)
                .is_some_and(|rest| rest.starts_with('='))
    };
    options.iter().any(glued) || text.starts_with('!') || text.contains("ext::")
}

/// Of an option that has letters.
fn letters(option: &str) -> Option<&str> {
    option
        .strip_prefix('-')
        .filter(|letters| !letters.starts_with('-'))
}

/// One name or path: as a line it would run just that, and it is a command already.
fn is_name(text: &str) -> bool {
    text.chars().all(|c| {
        c.is_ascii_alphanumeric()
            || matches!(c, '.' | '_' | '-' | '/' | '+' | ':' | '@' | ',' | '%')
    })
}
