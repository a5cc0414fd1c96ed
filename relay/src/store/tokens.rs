//! The rows of operator tokens. Only hashes are kept, so the file opens nothing.

use super::{Store, StoreError};
use crate::limits::{TOKEN_KEPT, TOKENS_STANDING};
use crate::tokens::{Purpose, Record, Spoken, TokenId};
use lanyard_shared::time::UnixMs;
use rusqlite::{Row, TransactionBehavior, params};
use std::net::IpAddr;

const COLUMNS: &str = "hash, id, purpose, note, created, used, used_from, revoked, expires";

impl Store {
    /// All operator tokens there are, ended ones too while they are remembered; oldest first.
    ///
    /// # Errors
    /// The database fails.
    pub fn tokens(&self) -> Result<Vec<Record>, StoreError> {
        let connection = self.lock();
        let read = || -> rusqlite::Result<Vec<_>> {
            let mut statement = connection.prepare(&format!(
                "SELECT {COLUMNS} FROM tokens ORDER BY created, id"
            ))?;
            statement.query_map([], record)?.collect()
        };
        read().map_err(|source| self.fail(source))
    }

    /// Remembers a new token, and forgets those that ended long ago.
    ///
    /// # Errors
    /// The database fails, or too many stand.
    pub fn add_token(&self, token: &Record, now: UnixMs) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let mut write = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            let kept = u64::try_from(TOKEN_KEPT.as_millis()).unwrap_or(u64::MAX);
            transaction.execute(
                "DELETE FROM tokens WHERE expires <= ?1",
                [now.0.saturating_sub(kept)],
            )?;
            let standing: usize = transaction.query_row(
                "SELECT count(*) FROM tokens WHERE revoked IS NULL AND expires > ?1",
                [now.0],
                |row| row.get(0),
            )?;
            if standing >= TOKENS_STANDING {
                return Ok(false);
            }
            transaction.execute(
                "INSERT INTO tokens (hash, id, purpose, note, created, expires) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![
                    token.hash,
                    token.id.0,
                    token.purpose.name(),
                    token.note,
                    token.created.0,
                    token.expires.0
                ],
            )?;
            transaction.commit()?;
            Ok(true)
        };
        let added = write().map_err(|source| self.fail(source))?;
        self.copy_change(&connection);
        added.then_some(()).ok_or(StoreError::TooManyTokens)
    }

    /// Ends those tokens that `which` names and that have not been ended before, and returns them.
    ///
    /// # Errors
    /// The database fails.
    pub fn revoke_tokens(&self, which: Spoken, now: UnixMs) -> Result<Vec<Record>, StoreError> {
        let (id, purpose) = match which {
            Spoken::Id(id) => (Some(id.0), None),
            Spoken::Purpose(purpose) => (None, Some(purpose.name())),
            Spoken::All => (None, None),
        };
        let connection = self.lock();
        let write = || -> rusqlite::Result<Vec<_>> {
            let mut statement = connection.prepare(&format!(
                "UPDATE tokens SET revoked = ?1, revision = revision + 1
                 WHERE revoked IS NULL AND expires > ?1 AND (?2 IS NULL OR id = ?2) AND (?3 IS NULL OR purpose = ?3)
                 RETURNING {COLUMNS}"
            ))?;
            statement
                .query_map(params![now.0, id, purpose], record)?
                .collect()
        };
        let ended = write().map_err(|source| self.fail(source))?;
        self.copy_change(&connection);
        Ok(ended)
    }

    /// Remembers when tokens were last used, and from where.
    ///
    /// # Errors
    /// The database fails.
    pub fn used_tokens(
        &self,
        used: &[(TokenId, UnixMs, Option<IpAddr>)],
    ) -> Result<(), StoreError> {
        let mut connection = self.lock();
        let mut write = || {
            let transaction =
                connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
            for (id, at, from) in used {
                transaction.execute(
                    "UPDATE tokens SET used = ?2, used_from = ?3, revision = revision + 1 WHERE id = ?1",
                    params![id.0, at.0, from.map(|from| from.to_string())],
                )?;
            }
            transaction.commit()
        };
        write().map_err(|source| self.fail(source))
    }
}

fn record(row: &Row<'_>) -> rusqlite::Result<Record> {
    let purpose: String = row.get(2)?;
    Ok(Record {
        hash: row.get(0)?,
        id: TokenId(row.get(1)?),
        purpose: Purpose::named(&purpose).ok_or_else(|| {
            rusqlite::Error::InvalidColumnType(2, purpose, rusqlite::types::Type::Text)
        })?,
        note: row.get(3)?,
        created: UnixMs(row.get(4)?),
        used: row.get::<_, Option<u64>>(5)?.map(UnixMs),
        from: row
            .get::<_, Option<String>>(6)?
            .and_then(|from| from.parse().ok()),
        revoked: row.get::<_, Option<u64>>(7)?.map(UnixMs),
        expires: UnixMs(row.get(8)?),
    })
}
