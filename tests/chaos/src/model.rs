//! What must hold, whatever dies: each word is typed once or given back, in order; nothing that was printed is missing; nobody types who may not.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::{Duration, Instant};

/// What a viewer says of words that came back reaches us at the latest so much after a later word was typed: the machine is a busy one.
pub const HEARSAY: Duration = Duration::from_secs(10);

/// What was found to be wrong.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wrongs {
    /// Words or output that were to be there and are not.
    pub lost: u64,
    /// Words that were typed more than once.
    pub duplicated: u64,
    /// Words of who may not type.
    pub unauthorised: u64,
    /// Parts that did not come back in time.
    pub stuck: u64,
}

impl Wrongs {
    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Both together.
    pub fn add(&mut self, other: Self) {
        self.lost += other.lost;
        self.duplicated += other.duplicated;
        self.unauthorised += other.unauthorised;
        self.stuck += other.stuck;
    }
}

/// One viewer in one life of its process, and its words by number.
#[derive(Debug, Default)]
pub struct Typist {
    /// The last word it was about to type.
    pub sent: u64,
    /// The last of its words that was typed.
    pub typed: u64,
    /// Words of late: what it was about to type, what was typed, and what came back to it.
    said: BTreeSet<u64>,
    there: BTreeSet<u64>,
    back: BTreeSet<u64>,
    /// How far words were typed, and when that was seen.
    seen: VecDeque<(Instant, u64)>,
    /// It was killed: what it had not been answered for may be typed or not.
    killed: bool,
    /// Words after this one must not be typed.
    ends_at: Option<u64>,
}

impl Typist {
    /// How far its words can be judged: what has to be said of them was said long ago.
    fn settled(&mut self, now: Instant) -> u64 {
        self.seen.push_back((now, self.typed));
        let mut until = 0;
        while let Some((at, typed)) = self.seen.front().copied()
            && now.duration_since(at) >= HEARSAY
        {
            until = typed;
            self.seen.pop_front();
        }
        until
    }

    /// Words before `until` that are neither typed nor given back; of a typist that was killed, none. They are not asked for again.
    fn lost(&mut self, until: u64) -> Vec<u64> {
        let [said, there, back] = [&mut self.said, &mut self.there, &mut self.back].map(|words| {
            let later = words.split_off(&until);
            std::mem::replace(words, later)
        });
        let missing = said
            .into_iter()
            .filter(|n| !there.contains(n) && !back.contains(n));
        missing.filter(|_| !self.killed).collect()
    }
}

/// All of a terminal's typists.
#[derive(Debug, Default)]
pub struct Model {
    typists: BTreeMap<String, Typist>,
    /// The beginning of a word whose end has not been typed yet.
    rest: Vec<u8>,
    /// Everything wrong so far, in words.
    pub complaints: Vec<String>,
    /// The same in numbers.
    pub wrongs: Wrongs,
    /// Words that were typed.
    pub words: u64,
}

impl Model {
    /// What is known of a typist.
    #[must_use]
    pub fn typist(&self, name: &str) -> Option<&Typist> {
        self.typists.get(name)
    }

    /// A typist's process begins.
    pub fn begun(&mut self, name: &str) {
        self.typists.insert(name.to_owned(), Typist::default());
    }

    /// A typist is about to type a word.
    pub fn sent(&mut self, name: &str, n: u64) {
        let typist = self.typists.entry(name.to_owned()).or_default();
        typist.sent = n;
        typist.said.insert(n);
    }

    /// Words came back to whoever typed them.
    pub fn unsent(&mut self, words: &str) {
        for word in words.split(';').filter(|word| !word.is_empty()) {
            if let Some((name, n)) = parse(word)
                && let Some(typist) = self.typists.get_mut(name)
            {
                typist.back.insert(n);
            }
        }
    }

    /// The typist's process was killed.
    pub fn killed(&mut self, name: &str) {
        if let Some(typist) = self.typists.get_mut(name) {
            typist.killed = true;
        }
    }

    /// From the next word on the typist may not type: its device was ended.
    pub fn ended(&mut self, name: &str) {
        if let Some(typist) = self.typists.get_mut(name) {
            typist.killed = true;
            typist.ends_at = Some(typist.sent);
        }
    }

    /// Not one word of this typist may be typed.
    pub fn forbid(&mut self, name: &str) {
        let typist = self.typists.entry(name.to_owned()).or_default();
        typist.killed = true;
        typist.ends_at = Some(0);
    }

    /// These bytes were typed, after all before.
    pub fn typed(&mut self, bytes: &[u8]) {
        self.rest.extend_from_slice(bytes);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b';') else {
            return;
        };
        let whole: Vec<u8> = self.rest.drain(..=end).collect();
        for word in String::from_utf8_lossy(&whole).split_terminator(';') {
            self.word(word);
        }
    }

    fn word(&mut self, word: &str) {
        let Some((name, n)) = parse(word) else {
            return self.lose(format!("a broken word: {word:?}"));
        };
        let Some(typist) = self.typists.get_mut(name) else {
            self.wrongs.unauthorised += 1;
            return self
                .complaints
                .push(format!("{word} is nobody's, and was typed"));
        };
        if typist.ends_at.is_some_and(|last| n > last) {
            self.wrongs.unauthorised += 1;
            self.complaints
                .push(format!("{word} was typed after its device had ended"));
        }
        if n <= typist.typed {
            self.wrongs.duplicated += 1;
            self.complaints
                .push(format!("{word} was typed again, or after a later one"));
            return;
        }
        typist.typed = n;
        typist.there.insert(n);
        self.words += 1;
    }

    /// Looks for words that are lost: those before one that was typed long ago. To be called when what was typed is read to its end.
    pub fn judge(&mut self, now: Instant) {
        let mut lost = Vec::new();
        for (name, typist) in &mut self.typists {
            let until = typist.settled(now);
            let its = typist.lost(until).into_iter();
            lost.extend(its.map(|n| format!("{name}.{n} was neither typed nor given back")));
        }
        lost.into_iter().for_each(|what| self.lose(what));
    }

    /// Something is not there.
    pub fn lose(&mut self, what: String) {
        self.wrongs.lost += 1;
        self.complaints.push(what);
    }

    /// A change was made more often than it was asked for, or not at all.
    pub fn differ(&mut self, more: bool, what: String) {
        if more {
            self.wrongs.duplicated += 1;
            self.complaints.push(what);
        } else {
            self.lose(what);
        }
    }

    /// Something did not come back in time.
    pub fn stick(&mut self, what: String) {
        self.wrongs.stuck += 1;
        self.complaints.push(what);
    }
}

/// Whose word, and which.
fn parse(word: &str) -> Option<(&str, u64)> {
    let (name, n) = word.trim_end_matches('!').rsplit_once('.')?;
    Some((name, n.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(run: impl FnOnce(&mut Model)) -> Wrongs {
        let mut model = Model::default();
        for n in 1..=4 {
            model.sent("a.0", n);
        }
        run(&mut model);
        let now = Instant::now();
        model.judge(now);
        model.judge(now + HEARSAY);
        model.wrongs
    }

    #[test]
    fn words_that_are_typed_in_order_or_given_back_are_right() {
        let wrongs = after(|model| {
            model.typed(b"a.0.1;a.0");
            model.unsent("a.0.2;");
            model.typed(b".3;");
        });
        assert!(wrongs.is_none(), "{wrongs:?}");
    }

    #[test]
    fn a_word_that_is_missing_before_a_later_one_is_lost_unless_its_typist_was_killed() {
        assert_eq!(after(|model| model.typed(b"a.0.1;a.0.3;")).lost, 1);
        let wrongs = after(|model| {
            model.killed("a.0");
            model.typed(b"a.0.1;a.0.3;");
        });
        assert!(wrongs.is_none(), "{wrongs:?}");
    }

    #[test]
    fn a_word_that_is_quicker_than_what_is_said_of_it_is_not_lost() {
        let wrongs = after(|model| {
            model.begun("b.0");
            model.typed(b"b.0.1;b.0.2;");
            model.sent("b.0", 1);
            model.sent("b.0", 2);
        });
        assert!(wrongs.is_none(), "{wrongs:?}");
    }

    #[test]
    fn a_word_that_is_missing_is_lost_also_when_it_is_said_after_a_later_one_was_typed() {
        let wrongs = after(|model| {
            model.begun("b.0");
            model.typed(b"b.0.1;b.0.3;");
            (1..=3).for_each(|n| model.sent("b.0", n));
        });
        assert_eq!(wrongs.lost, 1);
    }

    #[test]
    fn a_word_that_is_typed_twice_is_duplicated() {
        assert_eq!(after(|model| model.typed(b"a.0.1;a.0.1;")).duplicated, 1);
        assert_eq!(after(|model| model.typed(b"a.0.2;a.0.1;")).duplicated, 1);
    }

    #[test]
    fn a_word_of_a_device_that_had_ended_is_unauthorised() {
        let wrongs = after(|model| {
            model.ended("a.0");
            model.typed(b"a.0.4;");
            model.sent("a.0", 5);
            model.typed(b"a.0.5;b.0.1;");
        });
        assert_eq!(wrongs.unauthorised, 2);
    }
}
