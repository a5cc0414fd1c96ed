//! The tables, and how a database of an earlier relay comes to have them.

use super::{StoreError, classify};
use rusqlite::{Connection, TransactionBehavior};
use std::path::Path;

/// Raised with every change of the tables; a database of a later relay is refused.
pub const CURRENT: i64 = 4;

/// What leads from each schema to the next, the first from an empty file. Databases in use have run them: a step is never changed.
const STEPS: [&str; 4] = [
    "
    CREATE TABLE agents (
        id BLOB PRIMARY KEY CHECK (length(id) = 16),
        key BLOB NOT NULL CHECK (length(key) = 32),
        name TEXT NOT NULL,
        enrolled INTEGER NOT NULL,
        seen INTEGER,
        revision INTEGER NOT NULL DEFAULT 1,
        expires INTEGER
    ) STRICT;
    CREATE TABLE codes (
        hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
        created INTEGER NOT NULL,
        used INTEGER,
        revision INTEGER NOT NULL DEFAULT 1,
        expires INTEGER NOT NULL
    ) STRICT;
    ",
    "
    CREATE TABLE tokens (
        hash BLOB PRIMARY KEY CHECK (length(hash) = 32),
        id BLOB NOT NULL UNIQUE CHECK (length(id) = 8),
        purpose TEXT NOT NULL CHECK (purpose IN ('metrics', 'enrol', 'admin')),
        note TEXT NOT NULL,
        created INTEGER NOT NULL,
        used INTEGER,
        used_from TEXT,
        revoked INTEGER,
        revision INTEGER NOT NULL DEFAULT 1,
        expires INTEGER NOT NULL
    ) STRICT;
    ",
    "
    ALTER TABLE agents ADD COLUMN next BLOB CHECK (next IS NULL OR length(next) = 32);
    ",
    // Counts what must not be lost, to tell a database from its copy. When somebody was seen is not among it.
    "
    CREATE TABLE changes (count INTEGER NOT NULL) STRICT;
    INSERT INTO changes (count) VALUES (1);
    CREATE TRIGGER agent_joined AFTER INSERT ON agents BEGIN UPDATE changes SET count = count + 1; END;
    CREATE TRIGGER agent_changed AFTER UPDATE OF key, next, name ON agents BEGIN UPDATE changes SET count = count + 1; END;
    CREATE TRIGGER agent_removed AFTER DELETE ON agents BEGIN UPDATE changes SET count = count + 1; END;
    CREATE TRIGGER token_made AFTER INSERT ON tokens BEGIN UPDATE changes SET count = count + 1; END;
    CREATE TRIGGER token_ended AFTER UPDATE OF revoked ON tokens BEGIN UPDATE changes SET count = count + 1; END;
    ",
];

/// Brings a database up to date, in one transaction: a crash leaves the old one.
pub fn migrate(connection: &mut Connection, path: &Path) -> Result<(), StoreError> {
    let fail = |source| classify(path, source);
    let transaction = connection
        .transaction_with_behavior(TransactionBehavior::Immediate)
        .map_err(fail)?;
    let found: i64 = transaction
        .query_row("PRAGMA user_version", [], |row| row.get(0))
        .map_err(fail)?;
    if found > CURRENT {
        return Err(StoreError::TooNew {
            path: path.to_owned(),
            found,
        });
    }
    let done = usize::try_from(found).unwrap_or(0);
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step).map_err(fail)?;
    }
    if found < CURRENT {
        transaction
            .pragma_update(None, "user_version", CURRENT)
            .map_err(fail)?;
    }
    transaction.commit().map_err(fail)
}

#[cfg(test)]
mod tests {
    use super::super::Store;
    use super::*;
    use lanyard_shared::ids::AgentId;
    use lanyard_shared::time::UnixMs;

    #[test]
    fn there_is_a_step_to_every_schema() {
        assert_eq!(STEPS.len(), usize::try_from(CURRENT).unwrap());
    }

    #[test]
    fn a_database_of_schema_one_keeps_its_rows_and_takes_tokens() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("relay.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(STEPS[0]).unwrap();
        old.execute_batch(
            "INSERT INTO agents (id, key, name, enrolled, seen) VALUES (zeroblob(16), zeroblob(32), 'laptop', 1, 2);
             INSERT INTO codes (hash, created, expires) VALUES (zeroblob(32), 1, 100);
             PRAGMA user_version = 1;",
        )
        .unwrap();
        drop(old);
        for _start in 0..2 {
            let store = Store::open(&path).unwrap();
            let agents = store.agents().unwrap();
            assert_eq!((agents.len(), &*agents[0].name), (1, "laptop"));
            assert!(store.tokens().is_ok());
        }
        let store = Store::open(&path).unwrap();
        let (id, key) = (AgentId::of_first_key(&[1; 32]), [1; 32]);
        assert!(
            store
                .enrol(&[0; 32], id, &key, &[], "second", UnixMs(50))
                .is_ok()
        );
        let found: i64 = store
            .lock()
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(found, CURRENT);
    }

    #[test]
    fn an_old_database_that_already_has_the_new_table_is_left_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("relay.db");
        let old = Connection::open(&path).unwrap();
        old.execute_batch(STEPS[0]).unwrap();
        old.execute_batch("CREATE TABLE tokens (x); PRAGMA user_version = 1;")
            .unwrap();
        drop(old);
        assert!(matches!(Store::open(&path), Err(StoreError::Sqlite { .. })));
        let left = Connection::open(&path).unwrap();
        let version: i64 = left
            .query_row("PRAGMA user_version", [], |row| row.get(0))
            .unwrap();
        assert_eq!(version, 1);
    }
}
