//! A database that is damaged, or has lost what was written to it last, is kept, and its copy takes its place. Where the copy is damaged too,
//! nothing is guessed: the relay does not start until its operator has restored a backup or has let [`repair`] read what can be read.

use super::copy::{changes_of, place, sync_folder};
use super::{Agent, Store, StoreError, agent, create};
use lanyard_shared::time::UnixMs;
use rusqlite::{Connection, params};
use std::fs::File;
use std::path::{Path, PathBuf};

/// Between a database's name and the time at which it was found damaged, in seconds since 1970.
const BROKEN: &str = ".broken-";
/// What SQLite writes beside a database.
const BESIDE: [&str; 2] = ["-wal", "-shm"];

impl Store {
    /// Opens the database; in place of one that is damaged, its copy. Says what was done. For the one process that has the folder.
    ///
    /// # Errors
    /// As [`Store::open`]; nothing was moved then.
    pub fn open_or_recover(path: &Path, now: UnixMs) -> Result<(Self, Option<String>), StoreError> {
        let why = match Self::open(path) {
            Ok(store) => {
                store.copy(&store.lock())?;
                return Ok((store, None));
            }
            Err(error) if error.is_damage() => error,
            Err(error) => return Err(error),
        };
        let copy = place(path);
        if changes_of(&copy).is_none() {
            return Err(why);
        }
        let fresh = scratch(path)?;
        write_through(&copy, &fresh)?;
        let kept = replace(path, &fresh, now)?;
        let store = Self::open(path)?;
        store.copy(&store.lock())?;
        let kept = kept.map_or_else(String::new, |kept| {
            format!("; it is kept as {}", kept.display())
        });
        let sentence = format!(
            "{why}: the copy of all machines and operator tokens has taken its place, without codes that were not used{kept}"
        );
        Ok((store, Some(sentence)))
    }
}

/// What became of a database that was to be repaired.
#[derive(Debug)]
pub enum Repair {
    /// It is whole.
    Whole,
    /// Its copy has taken its place, in words.
    Copied(String),
    /// Its rows were read one by one.
    Salvaged {
        /// Machines that could be read.
        agents: Vec<Agent>,
        /// The damaged database, if there was one.
        kept: Option<PathBuf>,
    },
}

/// Makes a database of what is left. Operator tokens and codes are left out, for nobody knows which have ended; they live a day at most.
///
/// # Errors
/// The folder cannot be written, or a later relay wrote the database.
pub fn repair(path: &Path, now: UnixMs) -> Result<Repair, StoreError> {
    match Store::open_or_recover(path, now) {
        Ok((_, None)) => return Ok(Repair::Whole),
        Ok((_, Some(sentence))) => return Ok(Repair::Copied(sentence)),
        Err(error) if error.is_damage() => {}
        Err(error) => return Err(error),
    }
    let agents = salvage(path)?;
    let fresh = scratch(path)?;
    create(&fresh)?;
    let filled = Connection::open(&fresh).and_then(|mut connection| {
        let transaction = connection.transaction()?;
        for agent in &agents {
            transaction.execute(
                "INSERT OR IGNORE INTO agents (id, key, name, enrolled, seen, next) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                params![agent.id.0, agent.key, agent.name, agent.enrolled.0, agent.seen.map(|at| at.0), agent.next],
            )?;
        }
        transaction.commit()
    });
    filled.map_err(|source| super::classify(&fresh, source))?;
    let kept = replace(path, &fresh, now)?;
    let (store, _) = Store::open_or_recover(path, now)?;
    let agents = store.agents()?;
    Ok(Repair::Salvaged { agents, kept })
}

/// Databases that were found damaged and still lie there.
#[must_use]
pub fn kept_aside(database: &Path) -> Vec<PathBuf> {
    let prefix = format!("{}{BROKEN}", name(database));
    let entries = database.parent().map(std::fs::read_dir);
    let entries = entries.into_iter().flatten().flatten().flatten();
    let mut kept: Vec<_> = entries
        .map(|entry| entry.path())
        .filter(|path| name(path).starts_with(&prefix))
        .filter(|path| !BESIDE.iter().any(|end| name(path).ends_with(end)))
        .collect();
    kept.sort();
    kept
}

/// Reads all machines that can be read, from both ends: what is damaged lies between.
fn salvage(path: &Path) -> Result<Vec<Agent>, StoreError> {
    // SQLite writes to what it reads; what is kept stays as it was found.
    let scratch = scratch(path)?;
    if !path.is_file() || write_through(path, &scratch).is_err() {
        return Ok(Vec::new());
    }
    let _ = std::fs::copy(beside(path, BESIDE[0]), beside(&scratch, BESIDE[0]));
    let mut agents: Vec<Agent> = Vec::new();
    if let Ok(connection) = Connection::open(&scratch) {
        for order in ["ASC", "DESC"] {
            let _ = read(&connection, order, &mut agents);
        }
    }
    for end in BESIDE {
        let _ = std::fs::remove_file(beside(&scratch, end));
    }
    std::fs::remove_file(&scratch).map_err(at(&scratch))?;
    Ok(agents)
}

/// Adds what it has not; ends at the first page that cannot be read.
fn read(connection: &Connection, order: &str, agents: &mut Vec<Agent>) -> rusqlite::Result<()> {
    let mut statement = connection.prepare(&format!(
        "SELECT id, key, name, enrolled, seen, next FROM agents ORDER BY rowid {order}"
    ))?;
    let mut rows = statement.query([])?;
    while let Some(row) = rows.next()? {
        // A row that is none is passed over.
        if let Ok(agent) = agent(row)
            && agents.iter().all(|other| other.id != agent.id)
        {
            agents.push(agent);
        }
    }
    Ok(())
}

/// Moves what lies at `path` aside, with what is beside it, and puts `fresh` there.
fn replace(path: &Path, fresh: &Path, now: UnixMs) -> Result<Option<PathBuf>, StoreError> {
    let kept = if std::fs::symlink_metadata(path).is_ok() {
        let kept = free_name(path, now);
        for end in BESIDE {
            let from = beside(path, end);
            if from.exists() {
                std::fs::rename(&from, beside(&kept, end)).map_err(at(&from))?;
            }
        }
        std::fs::rename(path, &kept).map_err(at(path))?;
        Some(kept)
    } else {
        for end in BESIDE {
            let _ = std::fs::remove_file(beside(path, end));
        }
        None
    };
    std::fs::rename(fresh, path)
        .and_then(|()| sync_folder(path))
        .map_err(at(path))?;
    Ok(kept)
}

fn write_through(from: &Path, to: &Path) -> Result<(), StoreError> {
    super::create_file(to)?;
    std::fs::copy(from, to)
        .and_then(|_| File::open(to)?.sync_all())
        .map_err(at(to))
}

/// A name to work under; nothing lies there.
fn scratch(path: &Path) -> Result<PathBuf, StoreError> {
    let scratch = path.with_extension("scratch");
    for path in [
        &scratch,
        &beside(&scratch, BESIDE[0]),
        &beside(&scratch, BESIDE[1]),
    ] {
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(at(path)(error));
            }
            _ => {}
        }
    }
    Ok(scratch)
}

fn free_name(path: &Path, now: UnixMs) -> PathBuf {
    let first = format!("{}{BROKEN}{}", name(path), now.secs());
    let others = (2_u32..).map(|n| format!("{first}-{n}"));
    std::iter::once(first.clone())
        .chain(others)
        .map(|name| path.with_file_name(name))
        .find(|path| std::fs::symlink_metadata(path).is_err())
        .unwrap_or_default()
}

fn beside(path: &Path, end: &str) -> PathBuf {
    path.with_file_name(format!("{}{end}", name(path)))
}

fn name(path: &Path) -> String {
    let name = path.file_name().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

fn at(path: &Path) -> impl Fn(std::io::Error) -> StoreError {
    move |source| StoreError::Create {
        path: path.to_owned(),
        source,
    }
}
