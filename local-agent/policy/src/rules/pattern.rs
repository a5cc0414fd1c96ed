//! Text with gaps, each of which stands for any characters: a rule's word, or a word of which only some is known.

/// Text, and where in it anything may stand.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Pattern {
    text: String,
    /// Bytes of `text`, rising.
    gaps: Vec<usize>,
}

impl Pattern {
    pub fn push(&mut self, c: char) {
        self.text.push(c);
    }

    pub fn push_gap(&mut self) {
        if self.gaps.last() != Some(&self.text.len()) {
            self.gaps.push(self.text.len());
        }
    }

    /// All of it, if there is no gap.
    pub fn literal(&self) -> Option<&str> {
        self.gaps.is_empty().then_some(self.text.as_str())
    }

    /// What is known of it.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Nothing is known of it.
    pub fn is_open(&self) -> bool {
        self.text.is_empty() && !self.gaps.is_empty()
    }

    pub fn begins_with_gap(&self) -> bool {
        self.gaps.first() == Some(&0)
    }

    /// The name of the program that it would run: without its folders, in lower case.
    pub fn program(&self) -> Self {
        let begins = self.text.rfind('/').map_or(0, |slash| slash + 1);
        let mut name = Self::default();
        for (at, c) in self.text.char_indices().filter(|(at, _)| *at >= begins) {
            if self.gaps.binary_search(&at).is_ok() {
                name.push_gap();
            }
            name.text.extend(c.to_lowercase());
        }
        if self.gaps.last() == Some(&self.text.len()) {
            name.push_gap();
        }
        name
    }

    /// Whether this text may be meant.
    pub fn matches(&self, text: &str) -> bool {
        let (Some(first), Some(last)) = (self.gaps.first(), self.gaps.last()) else {
            return self.text == text;
        };
        let (begin, end) = (self.part(0, *first), self.part(*last, self.text.len()));
        if text.len() < begin.len() + end.len() || !text.starts_with(begin) || !text.ends_with(end)
        {
            return false;
        }
        let mut rest = text
            .get(begin.len()..text.len() - end.len())
            .unwrap_or_default();
        for pair in self.gaps.windows(2) {
            let &[from, to] = pair else { continue };
            let part = self.part(from, to);
            let Some(at) = rest.find(part) else {
                return false;
            };
            rest = rest.get(at + part.len()..).unwrap_or_default();
        }
        true
    }

    /// Whether there is a text that both may mean.
    pub fn meets(&self, other: &Self) -> bool {
        if let Some(text) = other.literal() {
            return self.matches(text);
        }
        if let Some(text) = self.literal() {
            return other.matches(text);
        }
        // Each has a gap to put the other's middle in, so only the two ends can disagree.
        let (begin, other_begin) = (self.begin(), other.begin());
        let (end, other_end) = (self.end(), other.end());
        (begin.starts_with(other_begin) || other_begin.starts_with(begin))
            && (end.ends_with(other_end) || other_end.ends_with(end))
    }

    fn begin(&self) -> &str {
        self.part(0, self.gaps.first().copied().unwrap_or(self.text.len()))
    }

    fn end(&self) -> &str {
        self.part(self.gaps.last().copied().unwrap_or(0), self.text.len())
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self {
            text: text.to_owned(),
            gaps: Vec::new(),
        }
    }
}
