//! Reads one file, and goes on behind what is wrong, so that all of it is said at once.

use super::{Effect, Example, Fault, Folder, Level, Managed, Mode, Placed, Settings, Wrong};
use crate::limits::{RULES_MAX, SETTINGS_MAX};
use crate::prompt::{is_plain, show};
use crate::rules::Rule;
use std::ops::Range;
use std::sync::Arc;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

type Value<'a> = Spanned<DeValue<'a>>;

pub(super) fn read(level: Level, file: &str, text: &str) -> Result<Settings, Vec<Wrong>> {
    let mut reader = Reader::new(level, file, text);
    if text.len() > SETTINGS_MAX {
        reader.wrong(0..0, Fault::TooLarge);
        return Err(reader.wrongs);
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    for error in errors {
        let message = show(error.message()).text;
        reader.wrong(error.span().unwrap_or_default(), Fault::Syntax(message));
    }
    // What was understood of a broken text may be anything.
    if reader.wrongs.is_empty() {
        reader.file(table.get_ref());
    }
    match reader.wrongs.is_empty() {
        true => Ok(reader.settings),
        false => Err(reader.wrongs),
    }
}

struct Reader<'a> {
    file: Arc<str>,
    text: &'a str,
    /// The byte at which each line begins.
    lines: Vec<usize>,
    settings: Settings,
    wrongs: Vec<Wrong>,
}

impl<'a> Reader<'a> {
    fn new(level: Level, file: &str, text: &'a str) -> Self {
        let ends = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        Self {
            file: file.into(),
            text,
            lines: std::iter::once(0)
                .chain(ends.map(|(at, _)| at + 1))
                .collect(),
            settings: Settings {
                level,
                mode: None,
                approval_minutes: None,
                rules: Vec::new(),
                folders: Vec::new(),
                managed: Managed::default(),
            },
            wrongs: Vec::new(),
        }
    }

    fn file(&mut self, table: &DeTable<'_>) {
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "mode" => self.settings.mode = self.mode(value),
                "approval_minutes" => self.minutes(value),
                "permissions" => self.permissions(value),
                "managed" if self.settings.level != Level::Managed => {
                    self.wrong(key.span(), Fault::NotManaged)
                }
                "managed" => self.managed(value),
                other => self.unknown(key.span(), other),
            }
        }
    }

    fn permissions(&mut self, value: &Value<'_>) {
        let Some(table) = value.get_ref().as_table() else {
            return self.wrong(value.span(), Fault::Type("a table, [permissions]"));
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "allow" => self.rules(Effect::Allow, value),
                "ask" => self.rules(Effect::Ask, value),
                "deny" => self.rules(Effect::Deny, value),
                "folders" => self.folders(value),
                other => self.unknown(key.span(), other),
            }
        }
    }

    fn rules(&mut self, effect: Effect, value: &Value<'_>) {
        let Some(rules) = value.get_ref().as_array() else {
            return self.wrong(value.span(), Fault::Type("a list of rules"));
        };
        for value in rules.iter() {
            if self.settings.rules.len() >= RULES_MAX {
                return self.wrong(value.span(), Fault::TooMany);
            }
            match value.get_ref() {
                DeValue::String(rule) => self.rule(effect, rule, value.span(), Vec::new()),
                DeValue::Table(table) => self.with_examples(effect, table, value.span()),
                DeValue::Integer(_)
                | DeValue::Float(_)
                | DeValue::Boolean(_)
                | DeValue::Datetime(_)
                | DeValue::Array(_) => self.wrong(value.span(), Fault::Type("a rule in quotes")),
            }
        }
    }

    fn with_examples(&mut self, effect: Effect, table: &DeTable<'_>, span: Range<usize>) {
        let (mut rule, mut examples) = (None, Vec::new());
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "rule" => rule = Some(value),
                "matches" => self.examples(true, value, &mut examples),
                "not" => self.examples(false, value, &mut examples),
                other => self.unknown(key.span(), other),
            }
        }
        match rule.map(|value| (value.get_ref().as_str(), value.span())) {
            Some((Some(rule), span)) => self.rule(effect, rule, span, examples),
            Some((None, span)) => self.wrong(span, Fault::Type("a rule in quotes")),
            None => self.wrong(
                span,
                Fault::Type("a rule: { rule = \"…\", matches = […], not = […] }"),
            ),
        }
    }

    fn examples(&mut self, matches: bool, value: &Value<'_>, into: &mut Vec<Example>) {
        for (text, line) in self.texts(value) {
            into.push(Example {
                text,
                line,
                matches,
            });
        }
    }

    fn rule(&mut self, effect: Effect, written: &str, span: Range<usize>, examples: Vec<Example>) {
        let rule = match Rule::parse(written) {
            Ok(rule) => rule,
            Err(bad) => return self.wrong(span, bad.into()),
        };
        if let Some(bad) = rule.never_allows().filter(|_| effect == Effect::Allow) {
            return self.wrong(span, bad.into());
        }
        let placed = Placed {
            rule,
            effect,
            level: self.settings.level,
            file: Arc::clone(&self.file),
            line: self.position(span.start).0,
            examples,
        };
        self.settings.rules.push(placed);
    }

    fn folders(&mut self, value: &Value<'_>) {
        let level = self.settings.level;
        for (path, _) in self.texts(value) {
            if path.trim().is_empty() || !path.chars().all(is_plain) {
                self.wrong(value.span(), Fault::Folder);
            }
            self.settings.folders.push(Folder { path, level });
        }
    }

    fn mode(&mut self, value: &Value<'_>) -> Option<Mode> {
        let Some(name) = value.get_ref().as_str() else {
            self.wrong(value.span(), Fault::Type("a mode in quotes"));
            return None;
        };
        let mode = Mode::named(name);
        if mode.is_none() {
            self.wrong(value.span(), Fault::Mode(show(name).text));
        }
        mode
    }

    fn minutes(&mut self, value: &Value<'_>) {
        let Some(number) = value.get_ref().as_integer() else {
            return self.wrong(value.span(), Fault::Type("a number of minutes"));
        };
        let minutes = u32::from_str_radix(number.as_str(), number.radix()).ok();
        self.settings.approval_minutes = minutes.filter(|minutes| (1..=1440).contains(minutes));
        if self.settings.approval_minutes.is_none() {
            self.wrong(value.span(), Fault::Minutes);
        }
    }

    fn managed(&mut self, value: &Value<'_>) {
        let Some(table) = value.get_ref().as_table() else {
            return self.wrong(value.span(), Fault::Type("a table, [managed]"));
        };
        for (key, value) in table {
            match key.get_ref().as_ref() {
                "allow_only" => {
                    self.settings.managed.allow_only = self.truth(value).unwrap_or(true)
                }
                "terminals" => self.settings.managed.terminals = self.truth(value),
                "modes" => self.modes(value),
                other => self.unknown(key.span(), other),
            }
        }
    }

    fn modes(&mut self, value: &Value<'_>) {
        let Some(list) = value.get_ref().as_array() else {
            return self.wrong(value.span(), Fault::Type("a list of modes"));
        };
        let modes: Vec<_> = list.iter().filter_map(|value| self.mode(value)).collect();
        if modes.is_empty() {
            self.wrong(value.span(), Fault::NoModes);
        }
        self.settings.managed.modes = Some(modes);
    }

    fn truth(&mut self, value: &Value<'_>) -> Option<bool> {
        let truth = value.get_ref().as_bool();
        if truth.is_none() {
            self.wrong(value.span(), Fault::Type("true or false"));
        }
        truth
    }

    /// A list of texts, and the line of each.
    fn texts(&mut self, value: &Value<'_>) -> Vec<(String, usize)> {
        let Some(list) = value.get_ref().as_array() else {
            self.wrong(value.span(), Fault::Type("a list of texts in quotes"));
            return Vec::new();
        };
        let mut texts = Vec::new();
        for value in list.iter() {
            match value.get_ref().as_str() {
                Some(text) => texts.push((text.to_owned(), self.position(value.span().start).0)),
                None => self.wrong(value.span(), Fault::Type("a text in quotes")),
            }
        }
        texts
    }

    fn unknown(&mut self, span: Range<usize>, key: &str) {
        self.wrong(span, Fault::UnknownKey(show(key).text));
    }

    fn wrong(&mut self, span: Range<usize>, fault: Fault) {
        let (line, column) = self.position(span.start);
        self.wrongs.push(Wrong {
            level: self.settings.level,
            file: Arc::clone(&self.file),
            line,
            column,
            fault,
        });
    }

    fn position(&self, at: usize) -> (usize, usize) {
        let line = self.lines.partition_point(|begin| *begin <= at).max(1);
        let begin = self.lines.get(line - 1).copied().unwrap_or_default();
        let before = self.text.get(begin..at).unwrap_or_default();
        (line, before.chars().count() + 1)
    }
}
