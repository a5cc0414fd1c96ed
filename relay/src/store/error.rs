//! Why the store said no.

use super::schema;
use std::path::PathBuf;

/// Why the store said no.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file is not a whole database.
    #[error("the database {path} is damaged: {reason}")]
    Damaged {
        /// The file.
        path: PathBuf,
        /// In SQLite's words.
        reason: String,
    },
    /// It is not there, though it was.
    #[error("the database {0} is missing, though this relay has had one")]
    Missing(PathBuf),
    /// Its copy knows of later changes.
    #[error("the database {0} has lost what was written to it last")]
    Behind(PathBuf),
    /// A later relay wrote it.
    #[error(
        "the database {path} was written by a later version of the relay (schema {found}, this one knows {})",
        schema::CURRENT
    )]
    TooNew {
        /// The file.
        path: PathBuf,
        /// Its schema.
        found: i64,
    },
    /// The enrolment code does not exist, was used or has expired.
    #[error("the enrolment code is wrong, used or expired")]
    CodeRefused,
    /// The machine has another key here, which the one that enrols does not follow.
    #[error("the machine is known by another key")]
    KeyReplaced,
    /// Too many codes wait to be used.
    #[error("too many enrolment codes are waiting to be used")]
    TooManyCodes,
    /// Too many operator tokens stand.
    #[error("too many operator tokens stand")]
    TooManyTokens,
    /// Anything else SQLite says.
    #[error("the database {path} does not work: {source}")]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What it said.
        source: rusqlite::Error,
    },
    /// The file cannot be made.
    #[error("cannot write {path}: {source}")]
    Create {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

impl StoreError {
    /// Whether the database is not what was written.
    #[must_use]
    pub const fn is_damage(&self) -> bool {
        matches!(
            self,
            Self::Damaged { .. } | Self::Missing(_) | Self::Behind(_)
        )
    }
}
