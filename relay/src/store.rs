//! What the relay keeps: agents, enrolment codes and operator tokens. The one module with SQL.
//!
//! Every row has a revision that rises with each change. A damaged database is kept, and its copy takes its place; never an empty one, which
//! would lock out every agent.

mod copy;
mod error;
mod recover;
mod schema;
mod tokens;

pub use copy::place as copy_of;
pub use error::StoreError;
pub use recover::{Repair, kept_aside, repair};

use crate::limits::STORE_WAIT;
use lanyard_shared::ids::AgentId;
use lanyard_shared::time::UnixMs;
use rusqlite::{Connection, ErrorCode, OptionalExtension as _, Row, TransactionBehavior, params};
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// The database.
pub struct Store {
    connection: Mutex<Connection>,
    path: PathBuf,
    copied: copy::Copied,
}

/// An enrolled machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// From its first identity key.
    pub id: AgentId,
    /// Its identity key.
    pub key: [u8; 32],
    /// The key that is to take its place, once it is proven.
    pub next: Option<[u8; 32]>,
    /// How the operator sees it.
    pub name: String,
    /// When it was enrolled.
    pub enrolled: UnixMs,
    /// When its link was last known to stand.
    pub seen: Option<UnixMs>,
}

impl Store {
    /// Opens the database, creating it if there has been none.
    ///
    /// # Errors
    /// It is damaged, from a later version, or cannot be opened.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        let fail = |source| classify(path, source);
        match std::fs::symlink_metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                if copy_of(path).exists() || !kept_aside(path).is_empty() {
                    return Err(StoreError::Missing(path.to_owned()));
                }
                create(path)?;
            }
            Ok(_) if !path.is_file() => {
                return Err(StoreError::Damaged {
                    path: path.to_owned(),
                    reason: "it is not a file".to_owned(),
                });
            }
            Ok(_) | Err(_) => {}
        }
        let mut connection = Connection::open(path).map_err(fail)?;
        connection.busy_timeout(STORE_WAIT).map_err(fail)?;
        check(&connection, path)?;
        connection
            .pragma_update(None, "journal_mode", "WAL")
            .map_err(fail)?;
        connection
            .pragma_update(None, "synchronous", "FULL")
            .map_err(fail)?;
        schema::migrate(&mut connection, path)?;
        let changes = copy::count(&connection).map_err(fail)?;
        if copy::changes_of(&copy_of(path)).is_some_and(|known| known > changes) {
            return Err(StoreError::Behind(path.to_owned()));
        }
        Ok(Self {
            connection: Mutex::new(connection),
            path: path.to_owned(),
            copied: copy::Copied::default(),
        })
    }

    /// All enrolled agents, oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn agents(&self) -> Result<Vec<Agent>, StoreError> {
        let connection = self.lock();
        let read = || {
            let mut statement = connection.prepare(
                "SELECT id, key, name, enrolled, seen, next FROM agents ORDER BY enrolled, id",
            )?;
            let rows = statement.query_map([], agent)?;
            rows.collect::<Result<_, _>>()
        };
        read().map_err(|source| self.fail(source))
    }

    /// Remembers the hash of a new code, and forgets codes that have expired.
    ///
    /// # Errors
    /// The database fails, or too many codes wait.
    pub fn add_code(
        &self,
        hash: &[u8; 32],
        now: UnixMs,
        expires: UnixMs,
    ) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let mut write = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            transaction.execute("DELETE FROM codes WHERE expires <= ?1", [now.0])?;
            let waiting: usize = transaction.query_row(
                "SELECT count(*) FROM codes WHERE used IS NULL",
                [],
                |row| row.get(0),
            )?;
            if waiting >= crate::limits::CODES_WAITING {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO codes (hash, created, expires) VALUES (?1, ?2, ?3)",
                params![hash, now.0, expires.0],
            )?;
            transaction.commit()?;
            Ok(true)
        };
        let added = write().map_err(|source| self.fail(source))?;
        added.then_some(()).ok_or(StoreError::TooManyCodes)
    }

    /// Spends a code for an agent, in one transaction: of two that race with one code, one wins. `before` are the keys that led to `key`, as
    /// they have signed.
    ///
    /// A machine that is known already may have changed its key elsewhere, or since this database was copied; never may a key that was
    /// replaced take its place back.
    ///
    /// # Errors
    /// `CodeRefused`; `KeyReplaced`, and the code is not spent; or the database fails.
    pub fn enrol(
        &self,
        hash: &[u8; 32],
        id: AgentId,
        key: &[u8; 32],
        before: &[[u8; 32]],
        name: &str,
        now: UnixMs,
    ) -> Result<Agent, StoreError> {
        let mut connection = self.lock();
        let mut write = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let spent = transaction.execute(
                "UPDATE codes SET used = ?2, revision = revision + 1 WHERE hash = ?1 AND used IS NULL AND expires > ?2",
                params![hash, now.0],
            )?;
            if spent != 1 {
                return Ok(Err(StoreError::CodeRefused));
            }
            let known: Option<[u8; 32]> = transaction
                .query_row("SELECT key FROM agents WHERE id = ?1", [id.0], |row| {
                    row.get(0)
                })
                .optional()?;
            if known.is_some_and(|known| known != *key && !before.contains(&known)) {
                return Ok(Err(StoreError::KeyReplaced));
            }
            // A machine that enrols again keeps its place; the operator's code is what lets it take a new name.
            let enrolled = transaction.query_row(
                "INSERT INTO agents (id, key, name, enrolled) VALUES (?1, ?2, ?3, ?4)
                 ON CONFLICT (id) DO UPDATE SET key = ?2, next = NULL, name = ?3, revision = revision + 1
                 RETURNING enrolled, seen",
                params![id.0, key, name, now.0],
                |row| Ok((row.get(0)?, row.get::<_, Option<u64>>(1)?)),
            )?;
            transaction.commit()?;
            Ok(Ok(enrolled))
        };
        let (enrolled, seen) = write().map_err(|source| self.fail(source))??;
        self.copy_change(&connection);
        Ok(Agent {
            id,
            key: *key,
            next: None,
            name: name.to_owned(),
            enrolled: UnixMs(enrolled),
            seen: seen.map(UnixMs),
        })
    }

    /// Remembers when agents were last seen.
    ///
    /// # Errors
    /// The database fails.
    pub fn seen(&self, seen: &[(AgentId, UnixMs)]) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let mut write = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            {
                let mut update = transaction
                    .prepare("UPDATE agents SET seen = max(coalesce(seen, 0), ?2), revision = revision + 1 WHERE id = ?1")?;
                for (id, at) in seen {
                    update.execute(params![id.0, at.0])?;
                }
            }
            transaction.commit()
        };
        write().map_err(|source| self.fail(source))
    }

    /// Remembers the key that is to take the place of an agent's `key`. False if that is not its key any more.
    ///
    /// # Errors
    /// The database fails.
    pub fn hand_over(
        &self,
        id: AgentId,
        key: &[u8; 32],
        next: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let connection = self.lock();
        let changed = connection.execute(
            "UPDATE agents SET next = ?3, revision = revision + 1 WHERE id = ?1 AND key = ?2",
            params![id.0, key, next],
        );
        let changed = changed.map_err(|source| self.fail(source))?;
        self.copy_change(&connection);
        Ok(changed == 1)
    }

    /// Puts an agent's next key in the place of its present one, which is forgotten. False if it is not its next key.
    ///
    /// # Errors
    /// The database fails.
    pub fn promote(&self, id: AgentId, next: &[u8; 32]) -> Result<bool, StoreError> {
        let connection = self.lock();
        let changed = connection.execute(
            "UPDATE agents SET key = next, next = NULL, revision = revision + 1 WHERE id = ?1 AND next = ?2",
            params![id.0, next],
        );
        let changed = changed.map_err(|source| self.fail(source))?;
        self.copy_change(&connection);
        Ok(changed == 1)
    }

    /// Forgets an agent for good. `None` if there is no such agent.
    ///
    /// # Errors
    /// The database fails.
    pub fn revoke_agent(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        let connection = self.lock();
        let removed = connection
            .query_row(
                "DELETE FROM agents WHERE id = ?1 RETURNING id, key, name, enrolled, seen, next",
                [id.0],
                agent,
            )
            .optional()
            .map_err(|source| self.fail(source))?;
        self.copy_change(&connection);
        Ok(removed)
    }

    fn lock(&self) -> MutexGuard<'_, Connection> {
        // A panic inside a transaction rolls it back when it is dropped, so the connection is good.
        self.connection
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn fail(&self, source: rusqlite::Error) -> StoreError {
        classify(&self.path, source)
    }
}

fn agent(row: &Row<'_>) -> rusqlite::Result<Agent> {
    Ok(Agent {
        id: AgentId(row.get(0)?),
        key: row.get(1)?,
        name: row.get(2)?,
        enrolled: UnixMs(row.get(3)?),
        seen: row.get::<_, Option<u64>>(4)?.map(UnixMs),
        next: row.get(5)?,
    })
}

/// Makes an empty database, whole from its first moment on.
fn create(path: &Path) -> Result<(), StoreError> {
    let fresh = path.with_extension("new");
    let fail = |source| classify(&fresh, source);
    let _ = std::fs::remove_file(&fresh);
    create_file(&fresh)?;
    let mut connection = Connection::open(&fresh).map_err(fail)?;
    schema::migrate(&mut connection, &fresh)?;
    connection
        .close()
        .map_err(|(_, source)| classify(&fresh, source))?;
    std::fs::rename(&fresh, path)
        .and_then(|()| copy::sync_folder(path))
        .map_err(|source| StoreError::Create {
            path: path.to_owned(),
            source,
        })
}

/// Makes a file for the owner alone.
fn create_file(path: &Path) -> Result<(), StoreError> {
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map(drop).map_err(|source| StoreError::Create {
        path: path.to_owned(),
        source,
    })
}

fn check(connection: &Connection, path: &Path) -> Result<(), StoreError> {
    let damaged = |reason: &str| StoreError::Damaged {
        path: path.to_owned(),
        reason: reason.to_owned(),
    };
    let verdict: String = connection
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|source| classify(path, source))?;
    if verdict != "ok" {
        // Above it SQLite names the database.
        return Err(damaged(verdict.lines().last().unwrap_or_default()));
    }
    let tables: Option<i64> = connection
        .query_row(
            "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'agents'",
            [],
            |row| row.get(0),
        )
        .optional()
        .map_err(|source| classify(path, source))?;
    // SQLite takes an empty file for a new database.
    tables.map(|_| ()).ok_or_else(|| damaged("it is empty"))
}

fn classify(path: &Path, source: rusqlite::Error) -> StoreError {
    let path = path.to_owned();
    match source.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => StoreError::Damaged {
            path,
            reason: source.to_string(),
        },
        Some(_) | None => StoreError::Sqlite { path, source },
    }
}

#[cfg(test)]
mod tests;
