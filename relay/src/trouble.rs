//! What goes wrong in front of the operator: an error in one line and what to do about it.

use std::fmt;

/// An error for a person, with a hint.
#[derive(Debug)]
pub struct Trouble {
    what: String,
    hint: String,
}

impl Trouble {
    /// An error in lower case, without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: String::new(),
        }
    }

    /// What the operator can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }

    /// The hint, if there is one.
    #[must_use]
    pub fn hint_text(&self) -> Option<&str> {
        (!self.hint.is_empty()).then_some(self.hint.as_str())
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)
    }
}

impl std::error::Error for Trouble {}
