//! Text as a person is asked about it: nothing is hidden, nothing cut off, and two texts that are not the same do not look the same.
//!
//! What cannot be seen as it is stands as its number between two signs that occur nowhere else: `⟨U+202E⟩` for a character, `⟨0xFF⟩` for a byte
//! that is no text. A backslash is a backslash, so `\n` is two characters that somebody wrote. The sign `⟨` itself is shown as `⟨U+27E8⟩`. A line
//! feed is shown as `⟨U+000A⟩` *and* ends the line, so that lines are seen as lines; no other character ends one.
//!
//! Shown as numbers are: control characters; all that changes direction, letters of scripts that run from right to left among them; whatever
//! has no width or no ink; blanks other than the space, and a space at the end of a line; marks that join the letter before them; what is
//! private, not assigned, or only another way to write other characters (Unicode's compatibility forms: `ﬁ`, full-width letters, `…`).
//!
//! Letters that look like others are shown as they are, and marked by [`Flag::LookAlike`].

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fmt::Write;
use unicode_bidi::{BidiClass, bidi_class};
use unicode_normalization::{IsNormalized, is_nfkc_quick};
use unicode_properties::{GeneralCategory, GeneralCategoryGroup, UnicodeGeneralCategory};
use unicode_script::Script;
use unicode_security::{MixedScript, skeleton};
use unicode_width::UnicodeWidthChar;

/// Text, and what is shown of it.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Shown {
    /// To be shown in one width, with its line ends, and never in another form.
    pub text: String,
    /// Lines of the original, by any character that some program ends a line at.
    pub lines: usize,
    /// Characters of the original; a byte that is no text counts as one.
    pub length: usize,
    /// What to tell the person of it.
    pub flags: BTreeSet<Flag>,
}

/// What is worth a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Flag {
    /// Control characters other than line feeds.
    Control,
    /// Characters that change the direction, or have another one.
    Bidi,
    /// Characters without width or ink, and bytes that are no text.
    Invisible,
    /// Characters beyond ASCII.
    NotAscii,
    /// Letters that pass for others.
    LookAlike,
    /// More than one line.
    ManyLines,
    /// More than 500 characters.
    Long,
    /// Ten blanks or more in a row, which may push what follows out of sight.
    Blanks,
}

const LONG: usize = 500;
const BLANKS: usize = 10;

/// Shows a text.
#[must_use]
pub fn show(text: &str) -> Shown {
    show_bytes(text.as_bytes())
}

/// Shows bytes that should be a text.
#[must_use]
pub fn show_bytes(bytes: &[u8]) -> Shown {
    let mut shower = Shower::default();
    let mut chunks = bytes.utf8_chunks().peekable();
    while let Some(chunk) = chunks.next() {
        let whole = chunk.invalid().is_empty() && chunks.peek().is_none();
        shower.text(chunk.valid(), whole);
        for byte in chunk.invalid() {
            shower.byte(*byte);
        }
    }
    shower.finish()
}

/// Whether a character can be shown as itself.
pub(crate) fn is_plain(c: char) -> bool {
    trouble(c).is_none()
}

#[derive(Default)]
struct Shower {
    out: String,
    flags: BTreeSet<Flag>,
    length: usize,
    breaks: usize,
    /// Something stands behind the last line end.
    open: bool,
    before: Option<char>,
    blanks: usize,
}

impl Shower {
    /// Text, which may be the end of all.
    fn text(&mut self, text: &str, last: bool) {
        for word in text.split(|c: char| !c.is_alphanumeric() && c != '_') {
            if looks_like_another(word) {
                self.flags.insert(Flag::LookAlike);
            }
        }
        let mut signs = text.chars().filter(|c| !c.is_alphanumeric() && *c != '⟨');
        if signs
            .any(|c| !c.is_ascii() && is_plain(c) && looks_like_another(c.encode_utf8(&mut [0; 4])))
        {
            self.flags.insert(Flag::LookAlike);
        }
        let mut chars = text.chars().peekable();
        while let Some(c) = chars.next() {
            let next = chars.peek().copied();
            self.count(c);
            match trouble(c) {
                _ if c == '\n' => {
                    self.number(c);
                    self.out.push('\n');
                }
                Some(trouble) => {
                    self.flags.extend(trouble.flag());
                    self.number(c);
                }
                // At the end of a line nothing would show that it is there.
                None if c == ' ' && (next == Some('\n') || (next.is_none() && last)) => {
                    self.number(c)
                }
                None => self.out.push(c),
            }
        }
    }

    fn byte(&mut self, byte: u8) {
        self.length += 1;
        self.blanks = 0;
        self.open = true;
        self.before = None;
        self.flags.insert(Flag::Invisible);
        // Writing to a `String` cannot fail.
        let _ = write!(self.out, "⟨0x{byte:02X}⟩");
    }

    fn number(&mut self, c: char) {
        let _ = write!(self.out, "⟨U+{:04X}⟩", u32::from(c));
    }

    fn count(&mut self, c: char) {
        self.length += 1;
        if !c.is_ascii() {
            self.flags.insert(Flag::NotAscii);
        }
        self.blanks = if is_blank(c) { self.blanks + 1 } else { 0 };
        if self.blanks >= BLANKS {
            self.flags.insert(Flag::Blanks);
        }
        let ends = matches!(
            c,
            '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
        );
        if ends && !(c == '\n' && self.before == Some('\r')) {
            self.breaks += 1;
        }
        self.open = !ends;
        self.before = Some(c);
    }

    fn finish(mut self) -> Shown {
        let lines = self.breaks + usize::from(self.open);
        if lines > 1 {
            self.flags.insert(Flag::ManyLines);
        }
        if self.length > LONG {
            self.flags.insert(Flag::Long);
        }
        Shown {
            text: self.out,
            lines,
            length: self.length,
            flags: self.flags,
        }
    }
}

/// Why a character is not shown as itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    Control,
    Bidi,
    Invisible,
    /// Another way to write other characters.
    Form,
    /// What escapes begin with.
    Sign,
}

impl Trouble {
    fn flag(self) -> Option<Flag> {
        match self {
            Self::Control => Some(Flag::Control),
            Self::Bidi => Some(Flag::Bidi),
            Self::Invisible => Some(Flag::Invisible),
            Self::Form => Some(Flag::LookAlike),
            Self::Sign => None,
        }
    }
}

fn trouble(c: char) -> Option<Trouble> {
    if matches!(c, ' '..='~') {
        return None;
    }
    if c.is_control() {
        return Some(Trouble::Control);
    }
    if c == '⟨' {
        return Some(Trouble::Sign);
    }
    if runs_otherwise(c) {
        return Some(Trouble::Bidi);
    }
    let seen = match c.general_category_group() {
        GeneralCategoryGroup::Letter
        | GeneralCategoryGroup::Number
        | GeneralCategoryGroup::Punctuation
        | GeneralCategoryGroup::Symbol => !is_blank(c) && c.width().is_some_and(|width| width > 0),
        GeneralCategoryGroup::Mark
        | GeneralCategoryGroup::Separator
        | GeneralCategoryGroup::Other => false,
    };
    if !seen || is_ignorable(c) {
        return Some(Trouble::Invisible);
    }
    let stable = is_nfkc_quick(std::iter::once(c)) == IsNormalized::Yes;
    (!stable || is_part_of_syllable(c)).then_some(Trouble::Form)
}

fn runs_otherwise(c: char) -> bool {
    matches!(
        bidi_class(c),
        BidiClass::R
            | BidiClass::AL
            | BidiClass::AN
            | BidiClass::LRE
            | BidiClass::RLE
            | BidiClass::LRO
            | BidiClass::RLO
            | BidiClass::PDF
            | BidiClass::LRI
            | BidiClass::RLI
            | BidiClass::FSI
            | BidiClass::PDI
    ) || matches!(c, '\u{200e}' | '\u{200f}' | '\u{61c}')
}

/// Letters and symbols that have no ink (Unicode's `Default_Ignorable_Code_Point`, and what fonts leave blank).
fn is_ignorable(c: char) -> bool {
    matches!(
        c,
        '\u{115f}'
            | '\u{1160}'
            | '\u{3164}'
            | '\u{ffa0}'
            | '\u{2800}'
            | '\u{fffc}'
            | '\u{1d159}'
            | '\u{16fe4}'
    )
}

/// Single sounds of Korean, of which several look like one syllable.
fn is_part_of_syllable(c: char) -> bool {
    matches!(c, '\u{1100}'..='\u{11ff}' | '\u{a960}'..='\u{a97f}' | '\u{d7b0}'..='\u{d7ff}')
}

fn is_blank(c: char) -> bool {
    let separator = matches!(
        c.general_category(),
        GeneralCategory::SpaceSeparator
            | GeneralCategory::LineSeparator
            | GeneralCategory::ParagraphSeparator
    );
    separator || c.is_whitespace() || c == '\u{2800}'
}

/// A word with letters of Latin and of another script, or one that could be taken for one in ASCII.
fn looks_like_another(word: &str) -> bool {
    if word.is_ascii() {
        return false;
    }
    let latin = word.chars().any(|c| Script::from(c) == Script::Latin);
    let mixed = latin && !word.is_single_script();
    // Of what has no ink, nothing is left that could pass for anything.
    let mut alike = skeleton(word).peekable();
    mixed || alike.peek().is_some() && alike.all(|c| c.is_ascii())
}
