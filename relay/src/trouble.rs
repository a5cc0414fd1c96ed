//! What goes wrong in front of the operator: an error in one line and what to do about it.

use crate::store::StoreError;
use crate::tls::TlsError;
use std::fmt;
use std::io::ErrorKind;

/// An error for a person, with a hint.
#[derive(Debug)]
pub struct Trouble {
    what: String,
    hint: String,
    lasting: bool,
}

impl Trouble {
    /// An error in lower case, without a full stop.
    pub fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            hint: String::new(),
            lasting: false,
        }
    }

    /// It stays so until a person does something: starting again is of no use.
    #[must_use]
    pub fn lasting(mut self, lasting: bool) -> Self {
        self.lasting = lasting;
        self
    }

    /// Whether it stays so until a person does something.
    #[must_use]
    pub const fn is_lasting(&self) -> bool {
        self.lasting
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

impl From<StoreError> for Trouble {
    fn from(error: StoreError) -> Self {
        let hint = match &error {
            StoreError::Damaged { path, .. }
            | StoreError::Missing(path)
            | StoreError::Behind(path) => format!(
                "restore {} from a backup; or run `lanyard-relay doctor --repair` with the same --data, which keeps it and reads what can be read",
                path.display()
            ),
            StoreError::TooNew { .. } => "update the relay, or pass another --data DIR".to_owned(),
            StoreError::TooManyCodes => "use or wait out the codes there are".to_owned(),
            StoreError::TooManyTokens => {
                "end some of them with `lanyard-relay token revoke`".to_owned()
            }
            StoreError::KeyReplaced => {
                "remove it first: `lanyard-relay agents revoke ID`".to_owned()
            }
            StoreError::CodeRefused => String::new(),
            StoreError::Sqlite { .. } | StoreError::Create { .. } => {
                "check that the disk has room and can be written, and the folder's permissions"
                    .to_owned()
            }
        };
        let lasting = match &error {
            StoreError::TooNew { .. } => true,
            StoreError::Create { source, .. } => matches!(
                source.kind(),
                ErrorKind::PermissionDenied | ErrorKind::IsADirectory
            ),
            StoreError::Damaged { .. }
            | StoreError::Missing(_)
            | StoreError::Behind(_)
            | StoreError::CodeRefused
            | StoreError::KeyReplaced
            | StoreError::TooManyCodes
            | StoreError::TooManyTokens
            | StoreError::Sqlite { .. } => error.is_damage(),
        };
        Self::new(error.to_string()).hint(hint).lasting(lasting)
    }
}

impl From<TlsError> for Trouble {
    fn from(error: TlsError) -> Self {
        Self::new(error.to_string())
            .hint(error.hint())
            .lasting(error.is_lasting())
    }
}
