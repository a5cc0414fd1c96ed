//! A whole copy of the database beside it, made anew before anything is said that must not be undone: who has joined and by which key,
//! who was removed, which operator tokens have ended.
//!
//! Both count such changes. A database that counts fewer than its copy has lost some; one that counts more was ahead of its copy as the power
//! failed, and nothing of that was said. A copy that cannot be made anew is removed: an older one would bring back what has ended.

use super::{Store, StoreError, classify, create_file};
use rusqlite::{Connection, OpenFlags};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};

/// How many changes the copy has; less than any when that is not known.
pub(super) struct Copied(AtomicI64);

impl Default for Copied {
    fn default() -> Self {
        Self(AtomicI64::new(UNKNOWN))
    }
}

const UNKNOWN: i64 = -1;

impl Store {
    /// [`Store::copy`] after a change, which is on disk by now and not undone by what becomes of the copy.
    pub(super) fn copy_change(&self, connection: &Connection) {
        if let Err(error) = self.copy(connection) {
            tracing::error!(%error, "an old copy of the database cannot be removed: take it away, it would bring back what has ended");
        }
    }

    /// Sees to it that the copy has all that was changed, or is none.
    ///
    /// # Errors
    /// It cannot be made, and the one that is there cannot be removed.
    pub(super) fn copy(&self, connection: &Connection) -> Result<(), StoreError> {
        let fail = |source| classify(&self.path, source);
        let changes = count(connection).map_err(fail)?;
        if self.copied.0.load(Ordering::Relaxed) == changes {
            return Ok(());
        }
        let copy = place(&self.path);
        match write(connection, &copy) {
            Ok(()) => self.copied.0.store(changes, Ordering::Relaxed),
            Err(error) => {
                tracing::warn!(%error, "the database cannot be copied; a damaged one could not be replaced");
                self.copied.0.store(UNKNOWN, Ordering::Relaxed);
                remove(&copy)?;
            }
        }
        Ok(())
    }
}

/// Where the copy of the database is.
pub fn place(database: &Path) -> PathBuf {
    database.with_extension("copy.db")
}

/// How many changes a copy has; `None` when there is none or it is not whole.
pub(super) fn changes_of(copy: &Path) -> Option<i64> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if !copy.is_file() {
        return None;
    }
    let connection = Connection::open_with_flags(copy, flags).ok()?;
    super::check(&connection, copy).ok()?;
    count(&connection).ok()
}

/// How many changes a database counts.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<i64> {
    connection.query_row("SELECT count FROM changes", [], |row| row.get(0))
}

fn write(connection: &Connection, copy: &Path) -> Result<(), StoreError> {
    let fresh = copy.with_extension("new");
    let at = |path: &Path| {
        let path = path.to_owned();
        move |source| StoreError::Create { path, source }
    };
    remove(&fresh)?;
    create_file(&fresh)?;
    connection
        .execute("VACUUM INTO ?1", [fresh.to_string_lossy()])
        .map_err(|source| classify(&fresh, source))?;
    File::open(&fresh)
        .and_then(|file| file.sync_all())
        .and_then(|()| std::fs::rename(&fresh, copy))
        .and_then(|()| sync_folder(copy))
        .map_err(at(copy))
}

fn remove(path: &Path) -> Result<(), StoreError> {
    match std::fs::remove_file(path) {
        Err(source) if source.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Create {
            path: path.to_owned(),
            source,
        }),
        _ => Ok(()),
    }
}

/// What was renamed in the folder of `path` stays so when the power fails.
pub(super) fn sync_folder(path: &Path) -> std::io::Result<()> {
    let folder = path.parent().filter(|f| !f.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}
