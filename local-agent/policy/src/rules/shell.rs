//! The two readings of `Bash(…)`: what it allows, word by word, and what it denies or asks about.

use super::BadRule;
use super::line::Seen;
use super::pattern::Pattern;
use super::programs::{self, Role};
use super::scan::Scan;
use super::word::Word;
use crate::grammar::{self, Command, Redirect};

/// The commands that a rule names.
#[derive(Clone, Debug)]
pub(super) enum Commands {
    Every,
    These(Words),
}

/// Words of a command.
#[derive(Clone, Debug)]
pub(super) struct Words {
    /// As written.
    name: Pattern,
    /// Without folders, in lower case.
    program: Pattern,
    slots: Vec<Slot>,
    /// Any words may follow.
    tail: bool,
}

/// What may stand in the place of one word.
#[derive(Clone, Debug)]
enum Slot {
    /// `*`.
    Any,
    Word(Pattern),
}

impl Commands {
    pub fn parse(inside: Option<&str>) -> Result<Self, BadRule> {
        let Some(inside) = inside.map(str::trim).filter(|inside| *inside != "*") else {
            return Ok(Self::Every);
        };
        if let Some(foreign) = inside.chars().find(|c| !c.is_ascii()) {
            return Err(BadRule::Foreign(foreign));
        }
        let shells = |c: &char| matches!(c, '|' | ';' | '&' | '$' | '<' | '>' | '`' | '\\');
        if let Some(sign) = inside.chars().find(shells) {
            return Err(BadRule::Shell(sign));
        }
        let (inside, colon) = match inside.strip_suffix(":*") {
            Some(before) => (before, true),
            None => (inside, false),
        };
        let mut words = words(inside)?;
        // Nothing, a blank, or the end of a quoted word may be before it.
        if colon && (inside.is_empty() || inside.ends_with([' ', ':'])) {
            return Err(BadRule::Tail);
        }
        let star = !colon && words.len() > 1 && words.last().is_some_and(|word| word.0.is_open());
        if star {
            words.pop();
        }
        let mut words = words.into_iter();
        let (name, _) = words.next().ok_or(BadRule::Empty)?;
        if name.is_open()
            || name.text().is_empty()
            || name.text().contains('=')
            || name.text().ends_with('/')
        {
            return Err(BadRule::Name);
        }
        let slots = words.map(|(word, quoted)| {
            if word.is_open() {
                return Ok(Slot::Any);
            }
            // Written so, it looks like the tail that it is not.
            let tail = !quoted
                && !word.begins_with_gap()
                && word.text().ends_with(':')
                && word.literal().is_none();
            if tail {
                Err(BadRule::Tail)
            } else {
                Ok(Slot::Word(word))
            }
        });
        Ok(Self::These(Words {
            program: name.program(),
            name,
            slots: slots.collect::<Result<_, _>>()?,
            tail: colon || star,
        }))
    }

    pub fn allow(&self, command: &Command) -> bool {
        if command
            .redirects
            .iter()
            .any(|redirect| matches!(redirect, Redirect::Input(_)))
        {
            return false;
        }
        match self {
            Self::Every => true,
            Self::These(words) => words.allow(command),
        }
    }

    pub fn touch(&self, seen: &Seen) -> bool {
        match self {
            Self::Every => true,
            Self::These(words) => words.touch(seen),
        }
    }

    pub fn never_allow(&self) -> Option<BadRule> {
        match self {
            Self::These(words) if words.name.literal().is_none() => Some(BadRule::NamePattern),
            Self::These(_) | Self::Every => None,
        }
    }

    pub fn dangerous(&self) -> Option<&'static str> {
        match self {
            Self::Every => Some("every command that is clear would run without asking"),
            Self::These(words) => words.dangerous(),
        }
    }
}

/// The words of a rule, apart by blanks, and whether any of each was quoted.
fn words(inside: &str) -> Result<Vec<(Pattern, bool)>, BadRule> {
    let mut words = Vec::new();
    let mut word: Option<(Pattern, bool)> = None;
    let mut chars = inside.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' => words.extend(word.take()),
            '\'' | '"' => {
                let (pattern, quoted) = word.get_or_insert_default();
                *quoted = true;
                loop {
                    match chars.next() {
                        Some(end) if end == c => break,
                        Some(inner) => pattern.push(inner),
                        None => return Err(BadRule::Quote),
                    }
                }
            }
            '*' => word.get_or_insert_default().0.push_gap(),
            _ => word.get_or_insert_default().0.push(c),
        }
    }
    words.extend(word);
    Ok(words)
}

/// The narrow reading.
impl Words {
    fn allow(&self, command: &Command) -> bool {
        if self.name.literal() != Some(command.name.as_str()) {
            return false;
        }
        let fixed = command.arguments.get(..self.slots.len());
        let enough = self.tail || command.arguments.len() == self.slots.len();
        enough
            && fixed.is_some_and(|fixed| {
                self.slots
                    .iter()
                    .zip(fixed)
                    .all(|(slot, word)| slot.allows(word))
            })
    }

    fn dangerous(&self) -> Option<&'static str> {
        let any = |slot: &Slot| matches!(slot, Slot::Any);
        if !self.tail && !self.slots.iter().any(any) {
            return None;
        }
        // `python -m pytest:*` says which code runs, `python -c:*` does not.
        let says = |slot: &Slot| matches!(slot, Slot::Word(word) if !word.text().starts_with('-') && word.literal().is_some());
        let said = self.slots.iter().any(says);
        match programs::role(self.program.literal()?) {
            Role::Wraps | Role::Feeds => Some("the program runs any other that it is given"),
            Role::Shell if !said => Some("a shell runs any line that it is given"),
            Role::Code if !said => Some("the program runs any code that it is given"),
            Role::Behind(_) if !said => Some("some of the program's options run any other program"),
            Role::Shell | Role::Code | Role::Behind(_) | Role::Plain => None,
        }
    }
}

impl Slot {
    fn allows(&self, word: &grammar::Word) -> bool {
        let Some(text) = word.literal() else {
            return false;
        };
        match self {
            Self::Any => !text.starts_with('-'),
            Self::Word(pattern) => {
                let plain = pattern.literal().is_some();
                let option = pattern.begins_with_gap() && text.starts_with('-');
                let up = text.split('/').any(|part| part == "..");
                pattern.matches(&text) && (plain || !option && !up)
            }
        }
    }
}

/// The wide reading.
impl Words {
    fn touch(&self, seen: &Seen) -> bool {
        let command = |invocation: &super::line::Invocation| {
            let Some(program) = invocation.program() else {
                return false;
            };
            let words = invocation.arguments();
            if !program.is_open() && program.meets(&self.program) {
                let may = || seen.whole.as_ref().filter(|_| invocation.loose);
                return self.meet(&self.slots, words)
                    || may().is_some_and(|whole| self.touch_scan(whole));
            }
            // `git-push` is how Git calls `git push`.
            let Some((Slot::Word(first), rest)) = self.slots.split_first() else {
                return false;
            };
            let joined = match (self.program.literal(), first.literal()) {
                (Some(program), Some(first)) => format!("{program}-{first}"),
                _ => return false,
            };
            program.literal() == Some(joined.as_str()) && self.meet(rest, words)
        };
        seen.everything
            || seen.scans.iter().any(|scan| self.touch_scan(scan))
            || seen.commands.iter().any(command)
    }

    fn touch_scan(&self, scan: &Scan) -> bool {
        let slot = |slot: &Slot| match slot {
            Slot::Any => true,
            Slot::Word(word) => scan.has(word) || is_option(word) && among(word, scan.options()),
        };
        scan.names(&self.program) && self.slots.iter().all(slot)
    }

    /// Whether the words may be these: in their order, with options between them that may each have a value. Options stand anywhere.
    fn meet(&self, slots: &[Slot], words: &[Word]) -> bool {
        let texts = words
            .iter()
            .filter(|word| word.is_option())
            .map(|word| word.pattern.text());
        let mut starts = vec![false; words.len() + 1];
        if let Some(first) = starts.first_mut() {
            *first = true;
        }
        let mut any = false;
        for slot in slots {
            match slot {
                Slot::Any => any = true,
                Slot::Word(option) if is_option(option) => {
                    let known = |word: &Word| !word.pattern.is_open() && word.pattern.meets(option);
                    if !words.iter().any(known) && !among(option, texts.clone()) {
                        return false;
                    }
                }
                Slot::Word(pattern) => {
                    starts = next(&starts, words, pattern, std::mem::take(&mut any));
                    if !starts.contains(&true) {
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// Behind which words a pattern may be met, if what came before it may end before these.
fn next(starts: &[bool], words: &[Word], pattern: &Pattern, any: bool) -> Vec<bool> {
    let mut ends = vec![false; words.len() + 1];
    // Whether all before a word may be left out, and whether the word before it was an option that may have this one as its value.
    let (mut here, mut value) = (false, false);
    for (at, word) in words.iter().enumerate() {
        here |= starts.get(at).copied().unwrap_or(false);
        let met = here && !word.pattern.is_open() && word.pattern.meets(pattern);
        if let Some(end) = ends.get_mut(at + 1) {
            *end = met;
        }
        let may_be_option = word.is_option() || word.pattern.begins_with_gap();
        (here, value) = match here {
            false => (false, false),
            true if any => (true, false),
            true if may_be_option => (true, !word.pattern.text().contains('=')),
            true => (value, false),
        };
    }
    ends
}

fn is_option(word: &Pattern) -> bool {
    word.text().starts_with('-') && !word.begins_with_gap()
}

/// Whether an option is among others, cut short, with a value, or bundled.
fn among<'a>(option: &Pattern, mut others: impl Iterator<Item = &'a str> + Clone) -> bool {
    let named = |text: &'a str| text.split('=').next().unwrap_or(text);
    let own = option.text().split('=').next().unwrap_or_default();
    let mut same = others.clone().map(named);
    if own.starts_with("--") {
        return same.any(|name| name.len() > 2 && own.starts_with(name));
    }
    // Of three letters at most: a longer one is a word, as those of `find`.
    let letters = own.get(1..).unwrap_or_default();
    if same.any(|name| name == own) {
        return true;
    }
    let bundle = |text: &&str| text.starts_with('-') && !text.starts_with("--");
    let all = |letter: char| {
        others
            .clone()
            .filter(bundle)
            .any(|text| text.contains(letter))
    };
    !letters.is_empty() && letters.len() <= 3 && letters.chars().all(all) && others.next().is_some()
}
