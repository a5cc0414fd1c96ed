//! What a person lets stand for now: the mode they have chosen, and rules for a time.

use lanyard_policy::decide::Grant;
use lanyard_policy::rules::Rule;
use lanyard_policy::settings;
use lanyard_shared::approval::Mode;
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};

/// As it counts in one workspace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Present {
    /// The mode; nothing for what settings say.
    pub mode: Option<Mode>,
    /// Rules, and until when each stands.
    pub rules: Vec<(String, UnixMs)>,
}

impl Present {
    /// As decisions take it. What is no rule allows nothing.
    #[must_use]
    pub fn grants(&self) -> Vec<Grant> {
        let rules = self.rules.iter();
        rules
            .filter_map(|(rule, until)| {
                Some(Grant {
                    rule: Rule::parse(rule).ok()?,
                    until: until.secs(),
                })
            })
            .collect()
    }

    /// The rules, as they were written.
    #[must_use]
    pub fn rules(&self) -> Vec<&str> {
        self.rules.iter().map(|(rule, _)| rule.as_str()).collect()
    }

    /// The mode as decisions take it.
    #[must_use]
    pub fn mode(&self) -> Option<settings::Mode> {
        self.mode.map(|mode| match mode {
            Mode::Plan => settings::Mode::Plan,
            Mode::Ask => settings::Mode::Ask,
            Mode::AcceptEdits => settings::Mode::AcceptEdits,
        })
    }
}
