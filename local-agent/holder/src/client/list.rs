//! Finding holders again by the folders they live in.
//!
//! What is damaged or not ours there hides nothing else: it is told of, and left where it is.

use std::io;
use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};

use tokio::fs::{self, DirEntry};
use tokio::io::AsyncReadExt as _;
use tokio::net::UnixStream;

use super::is_nobody;
use crate::config::{META, Meta, SOCKET};
use crate::id::TerminalId;
use crate::socket::is_own_user;
use crate::{clock, limits};

/// What lies in the folder of holders.
#[derive(Debug, Default)]
pub struct Listing {
    /// Living holders, oldest first.
    pub found: Vec<Found>,
    /// What is not as a holder makes it.
    pub odd: Vec<Odd>,
}

/// A living holder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// What it says about itself.
    pub meta: Meta,
    /// Where it listens.
    pub socket: PathBuf,
}

/// Something among the holders that is not as a holder makes it.
#[derive(Debug, thiserror::Error)]
#[error("{path}: {why}")]
pub struct Odd {
    /// Where.
    pub path: PathBuf,
    /// What is odd about it.
    pub why: Oddity,
}

/// What can be odd about it.
#[derive(Debug, thiserror::Error)]
pub enum Oddity {
    /// A file or a link in the place of a holder's folder.
    #[error("it is not a folder")]
    NotAFolder,
    /// Another user made it.
    #[error("it belongs to another user")]
    Foreign,
    /// Another user listens there.
    #[error("another user listens there")]
    ForeignListener,
    /// Its socket is something else.
    #[error("its socket is none")]
    NotASocket,
    /// The holder lives, and what it left about itself cannot be read: its terminal has lost its name and folder.
    #[error("{META} is damaged; its terminal is found without its name and folder")]
    MetaDamaged,
    /// Nobody lives there, and things lie there that no holder makes.
    #[error("nobody lives there, and not all that is left is a holder's")]
    NotAllOurs,
    /// The system refused.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What is under `dir`; nothing when there is no `dir`. The folders of dead holders are removed.
///
/// A holder's folder appears under its name only once the holder listens, so one that is just starting is never taken for dead.
///
/// # Errors
/// `dir` itself cannot be read.
pub async fn list(dir: &Path) -> io::Result<Listing> {
    let mut listing = Listing::default();
    let mut entries = match fs::read_dir(dir).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(listing),
        Err(error) => return Err(error),
    };
    while let Some(entry) = entries.next_entry().await? {
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        let half_made = name.strip_prefix(HALF_MADE_PREFIX);
        let Ok(id) = half_made.unwrap_or(name).parse::<TerminalId>() else {
            continue;
        };
        let path = entry.path();
        let outcome = match half_made {
            None => look(&path, id, &mut listing.found).await,
            Some(_) => clear_half_made(&entry).await,
        };
        if let Err(why) = outcome {
            listing.odd.push(Odd { path, why });
        }
    }
    listing
        .found
        .sort_by_key(|found| (found.meta.started, found.meta.id));
    Ok(listing)
}

/// Gives a holder another name for people: [`list`] finds it under that from now on. The holder itself never reads what it has written there.
///
/// # Errors
/// There is no such holder, or its directory cannot be written.
pub fn rename(dir: &Path, id: TerminalId, name: &str) -> io::Result<()> {
    let path = dir.join(id.to_string()).join(META);
    let mut meta: Meta = serde_json::from_slice(&std::fs::read(&path)?)?;
    name.clone_into(&mut meta.name);
    // Written beside the holder's directory and moved into it whole: a holder that leaves takes away no more than what it made.
    let fresh = dir.join(format!(".meta-{id}"));
    std::fs::write(&fresh, serde_json::to_vec(&meta)?)
        .and_then(|()| std::fs::rename(&fresh, &path))
        .inspect_err(|_| drop(std::fs::remove_file(&fresh)))
}

/// Before the name of a directory whose holder does not listen yet.
pub(crate) const HALF_MADE_PREFIX: &str = ".new-";

/// Takes in the holder that lives there, or clears away what a dead one left.
async fn look(path: &Path, id: TerminalId, found: &mut Vec<Found>) -> Result<(), Oddity> {
    check_folder(path).await?;
    let socket = path.join(SOCKET);
    if !is_listening(&socket).await? {
        return clear(path).await;
    }
    let meta = read_meta(&path.join(META), id).await;
    let damaged = meta.is_none();
    let meta = meta.unwrap_or_else(|| Meta::unknown(id));
    found.push(Found { meta, socket });
    if damaged {
        Err(Oddity::MetaDamaged)
    } else {
        Ok(())
    }
}

async fn clear_half_made(entry: &DirEntry) -> Result<(), Oddity> {
    let path = entry.path();
    check_folder(&path).await?;
    let modified = entry.metadata().await?.modified()?;
    let is_old = clock::age(modified) > Some(limits::HALF_MADE);
    if is_old && !is_listening(&path.join(SOCKET)).await? {
        return clear(&path).await;
    }
    Ok(())
}

async fn check_folder(path: &Path) -> Result<(), Oddity> {
    let metadata = fs::symlink_metadata(path).await?;
    if !metadata.is_dir() {
        return Err(Oddity::NotAFolder);
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Err(Oddity::Foreign);
    }
    Ok(())
}

async fn is_listening(socket: &Path) -> Result<bool, Oddity> {
    match fs::symlink_metadata(socket).await {
        Ok(metadata) if !metadata.file_type().is_socket() => return Err(Oddity::NotASocket),
        Ok(_) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(error.into()),
    }
    match UnixStream::connect(socket).await {
        Ok(stream) if !is_own_user(&stream) => Err(Oddity::ForeignListener),
        Ok(_) => Ok(true),
        Err(error) if is_nobody(&error) => Ok(false),
        // A full queue of connections: somebody is there.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(true),
        Err(error) => Err(error.into()),
    }
}

/// Removes what a holder makes, and nothing else.
async fn clear(path: &Path) -> Result<(), Oddity> {
    for name in [SOCKET, META] {
        gone(fs::remove_file(path.join(name)).await)?;
    }
    match gone(fs::remove_dir(path).await) {
        Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty => Err(Oddity::NotAllOurs),
        outcome => Ok(outcome?),
    }
}

/// It may have gone by itself in the meantime.
fn gone(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

async fn read_meta(path: &Path, id: TerminalId) -> Option<Meta> {
    // What is no file may keep its reader waiting.
    if !fs::symlink_metadata(path).await.ok()?.is_file() {
        return None;
    }
    let mut text = Vec::new();
    let file = fs::File::open(path).await.ok()?;
    file.take(limits::META_BYTES)
        .read_to_end(&mut text)
        .await
        .ok()?;
    let meta: Meta = serde_json::from_slice(&text).ok()?;
    (meta.id == id).then_some(meta)
}
