//! All files together: what any of them denies or asks about counts, and what allows counts only from those that may allow.

use super::{Effect, Folder, Level, Managed, Mode, Placed, Settings, Wrong};
use crate::limits::APPROVAL_MINUTES;
use crate::rules::Rule;

/// What is in force.
#[derive(Clone, Debug)]
pub struct Scopes {
    deny: Vec<Placed>,
    ask: Vec<Placed>,
    allow: Vec<Placed>,
    folders: Vec<Folder>,
    mode: Mode,
    modes: Vec<Mode>,
    approval_minutes: u32,
    terminals: bool,
    allow_only: bool,
    wrong: Vec<Wrong>,
}

impl Scopes {
    /// Puts files together. Files that come with the project allow nothing, add no folder and choose no looser mode until it is trusted.
    #[must_use]
    pub fn merge(mut files: Vec<Settings>, trusted: bool) -> Self {
        let managed: Vec<Managed> = files.iter().map(|file| file.managed.clone()).collect();
        let allow_only = managed.iter().any(|managed| managed.allow_only);
        let mut scopes = Self {
            deny: Vec::new(),
            ask: Vec::new(),
            allow: Vec::new(),
            folders: Vec::new(),
            mode: Mode::Ask,
            modes: vec![Mode::Plan, Mode::Ask, Mode::AcceptEdits],
            approval_minutes: APPROVAL_MINUTES,
            terminals: managed
                .iter()
                .all(|managed| managed.terminals != Some(false)),
            allow_only,
            wrong: Vec::new(),
        };
        for list in managed.iter().filter_map(|managed| managed.modes.as_ref()) {
            scopes.modes.retain(|mode| list.contains(mode));
        }
        let loosens = |level: Level| trusted || !level.comes_with_project();
        // A project that nobody trusts may only be stricter than what would hold without it.
        let (own, projects): (Vec<&Settings>, Vec<&Settings>) =
            files.iter().partition(|file| loosens(file.level));
        let strictest = |files: Vec<&Settings>| files.iter().filter_map(|file| file.mode).min();
        let chosen = strictest(own).unwrap_or(Mode::Ask);
        let chosen = strictest(projects).map_or(chosen, |mode| mode.min(chosen));
        scopes.mode = scopes.permitted(chosen);
        let minutes = files.iter().filter_map(|file| file.approval_minutes);
        scopes.approval_minutes = minutes.min().unwrap_or(APPROVAL_MINUTES);
        files.sort_by_key(|file| file.level);
        for file in files {
            let may_allow = loosens(file.level) && (!allow_only || file.level == Level::Managed);
            for placed in file.rules {
                match placed.effect {
                    Effect::Deny => scopes.deny.push(placed),
                    Effect::Ask => scopes.ask.push(placed),
                    Effect::Allow if may_allow => scopes.allow.push(placed),
                    Effect::Allow => {}
                }
            }
            if loosens(file.level) {
                scopes.folders.extend(file.folders);
            }
        }
        scopes
    }

    /// What is in force while a file is broken: all that the others deny, and a question for everything else, reading included. If it is the
    /// machine's own, nobody knows what it forbids, so no terminal is granted either.
    #[must_use]
    pub fn broken(others: Vec<Settings>, wrong: Vec<Wrong>) -> Self {
        let mut scopes = Self::merge(others, false);
        scopes.allow.clear();
        scopes.folders.clear();
        scopes.mode = scopes.mode.min(Mode::Ask);
        scopes.modes.retain(|mode| *mode <= Mode::Ask);
        scopes.terminals &= !wrong.iter().any(|wrong| wrong.level == Level::Managed);
        scopes.wrong = wrong;
        scopes
    }

    /// Adds a rule that is in no file: one that comes with a request to be tried. Where only managed rules may allow, it allows nothing.
    pub fn add(&mut self, effect: Effect, rule: Rule) {
        let placed = Placed::beside(effect, rule);
        match effect {
            Effect::Deny => self.deny.push(placed),
            Effect::Ask => self.ask.push(placed),
            Effect::Allow if self.allow_only => {}
            Effect::Allow => self.allow.push(placed),
        }
    }

    /// Rules that refuse, from the machine's down.
    #[must_use]
    pub fn deny(&self) -> &[Placed] {
        &self.deny
    }

    /// Rules that ask.
    #[must_use]
    pub fn ask(&self) -> &[Placed] {
        &self.ask
    }

    /// Rules that allow, where none of the others does anything.
    #[must_use]
    pub fn allow(&self) -> &[Placed] {
        &self.allow
    }

    /// The first rule by which something is refused or asked about, of those for which `touches` holds.
    #[must_use]
    pub fn forbids(&self, touches: impl Fn(&Rule) -> bool) -> Option<&Placed> {
        let all = self.deny.iter().chain(&self.ask);
        all.into_iter().find(|placed| touches(&placed.rule))
    }

    /// Further folders that may be read.
    #[must_use]
    pub fn folders(&self) -> &[Folder] {
        &self.folders
    }

    /// Whether only the machine's own rules may allow anything.
    #[must_use]
    pub fn allow_only(&self) -> bool {
        self.allow_only
    }

    /// The mode to begin in.
    #[must_use]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether a person may choose a mode.
    #[must_use]
    pub fn may_choose(&self, mode: Mode) -> bool {
        self.modes.contains(&mode)
    }

    /// The mode in which things are decided when a person has chosen one: a stricter one is never refused, and a looser one only where it may be
    /// chosen.
    #[must_use]
    pub fn mode_chosen(&self, chosen: Option<Mode>) -> Mode {
        match chosen {
            Some(mode) if self.may_choose(mode) || mode < self.mode => mode,
            Some(_) | None => self.mode,
        }
    }

    /// How long an approval waits before it is denied.
    #[must_use]
    pub fn approval_minutes(&self) -> u32 {
        self.approval_minutes
    }

    /// Whether terminals may be granted at all.
    #[must_use]
    pub fn terminals(&self) -> bool {
        self.terminals
    }

    /// Whether the built-in commands that only read run without asking. Not while a file is broken.
    #[must_use]
    pub fn reads_without_asking(&self) -> bool {
        self.wrong.is_empty()
    }

    /// What is wrong with a file, if one is broken.
    #[must_use]
    pub fn wrong(&self) -> &[Wrong] {
        &self.wrong
    }

    /// The mode itself, or the loosest one below it that may be chosen, or the strictest of all.
    fn permitted(&self, mode: Mode) -> Mode {
        let below = self.modes.iter().filter(|other| **other <= mode);
        below.max().copied().unwrap_or(Mode::Plan)
    }
}
