//! The certificate that is served now, and how another takes its place: new connections get the new one, links that stand never notice.
//!
//! A pair that does not work is refused whole and the old one goes on, so nothing an operator writes into these files ends a service.

use crate::limits::{TLS_ENDS_SOON, TLS_WARN_EVERY};
use crate::tls::{self, Identity, TlsError};
use lanyard_shared::time::{Mono, Now, UnixMs};
use rustls::ServerConfig;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use time::OffsetDateTime;

/// A certificate in use.
pub struct Certificate {
    /// Chain and key; `None` for the relay's own, which agents have pinned and which therefore stays.
    files: Option<(PathBuf, PathBuf)>,
    now: Mutex<InUse>,
}

struct InUse {
    identity: Identity,
    since: UnixMs,
    /// The files as they were when they were last judged, well or not.
    judged: Option<Stamp>,
    /// The files as they were when they were last looked at.
    seen: Option<Stamp>,
    warned: Option<Mono>,
}

/// What is served, for those who ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Served {
    /// SHA-256 of the certificate.
    pub fingerprint: [u8; 32],
    /// When it ends.
    pub ends: UnixMs,
    /// Since when it is served.
    pub since: UnixMs,
    /// True for the relay's own.
    pub own: bool,
    /// Whether it has just taken the place of another.
    pub changed: bool,
}

/// Why the old certificate goes on being served.
#[derive(Debug, thiserror::Error)]
pub enum ReloadError {
    /// The new pair does not work.
    #[error(transparent)]
    Unusable(#[from] TlsError),
    /// The new certificate is over.
    #[error("the certificate in {path} ended on {day}")]
    Ended {
        /// The file.
        path: PathBuf,
        /// When.
        day: String,
    },
    /// They changed while they were read.
    #[error("{0} is being written")]
    Moving(PathBuf),
}

/// Tells whether a file is still the one it was. Its change time tells of permissions too, and a link to another file of the other inode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp([Option<[i128; 4]>; 2]);

impl Certificate {
    /// Serves `identity` from now on. `files` is where it is from, if it was given.
    #[must_use]
    pub fn new(identity: Identity, files: Option<(PathBuf, PathBuf)>, now: UnixMs) -> Self {
        let stamp = files.as_ref().map(Stamp::of);
        Self {
            files,
            now: Mutex::new(InUse {
                identity,
                since: now,
                judged: stamp,
                seen: stamp,
                warned: None,
            }),
        }
    }

    /// For the next connection.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.lock().identity.config)
    }

    /// What is served.
    #[must_use]
    pub fn served(&self) -> Served {
        self.lock().served(self.files.is_none(), false)
    }

    /// Reads the files again. The relay's own certificate stays what it is.
    ///
    /// # Errors
    /// They do not work; what was served before still is.
    pub fn reload(&self, now: UnixMs) -> Result<Served, ReloadError> {
        let Some(files) = &self.files else {
            return Ok(self.served());
        };
        let before = Stamp::of(files);
        let loaded = tls::given(&files.0, &files.1);
        let mut in_use = self.lock();
        in_use.judged = Some(before);
        in_use.seen = Some(before);
        let identity = loaded?;
        if Stamp::of(files) != before {
            in_use.judged = None;
            return Err(ReloadError::Moving(files.0.clone()));
        }
        if identity.ends <= now {
            return Err(ReloadError::Ended {
                path: files.0.clone(),
                day: day(identity.ends),
            });
        }
        let changed = identity.fingerprint != in_use.identity.fingerprint;
        if changed {
            in_use.since = now;
            in_use.warned = None;
        }
        // The key may be another even where the certificate is not.
        in_use.identity = identity;
        Ok(in_use.served(false, changed))
    }

    /// Looks whether the files are others than those last judged, and reads them if so. They must have come to rest since the look before:
    /// whoever writes a certificate and then its key does not do it in one instant.
    pub fn look(&self, now: UnixMs) -> Option<Result<Served, ReloadError>> {
        let stamp = Stamp::of(self.files.as_ref()?);
        {
            let mut in_use = self.lock();
            let at_rest = in_use.seen.replace(stamp) == Some(stamp);
            if in_use.judged == Some(stamp) || !at_rest {
                return None;
            }
        }
        Some(self.reload(now))
    }

    /// A warning that is due: that it ends soon, or has ended. The relay's own renews by nobody and outlives us all.
    pub fn warning(&self, now: Now) -> Option<String> {
        let (path, _) = self.files.as_ref()?;
        let mut in_use = self.lock();
        let warning = warning(path, in_use.identity.ends, now.unix)?;
        let due = in_use
            .warned
            .is_none_or(|at| now.mono.since(at) >= TLS_WARN_EVERY);
        if due {
            in_use.warned = Some(now.mono);
        }
        due.then_some(warning)
    }

    fn lock(&self) -> MutexGuard<'_, InUse> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl InUse {
    fn served(&self, own: bool, changed: bool) -> Served {
        Served {
            fingerprint: self.identity.fingerprint,
            ends: self.identity.ends,
            since: self.since,
            own,
            changed,
        }
    }
}

impl ReloadError {
    /// What the operator can do.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::Unusable(error) => error.hint(),
            Self::Ended { .. } => "put a renewed certificate there".to_owned(),
            Self::Moving(_) => "try again in a moment".to_owned(),
        }
    }
}

impl Stamp {
    fn of((cert, key): &(PathBuf, PathBuf)) -> Self {
        Self([cert, key].map(|path| {
            let meta = std::fs::metadata(path).ok()?;
            Some([
                meta.ino().into(),
                meta.size().into(),
                i128::from(meta.mtime()) << 32 | i128::from(meta.mtime_nsec()),
                i128::from(meta.ctime()) << 32 | i128::from(meta.ctime_nsec()),
            ])
        }))
    }
}

fn warning(path: &Path, ends: UnixMs, now: UnixMs) -> Option<String> {
    let path = path.display();
    if ends <= now {
        Some(format!(
            "the certificate in {path} ended on {}; browsers and agents refuse it",
            day(ends)
        ))
    } else if now.until(ends) < TLS_ENDS_SOON {
        Some(format!("the certificate in {path} ends on {}", day(ends)))
    } else {
        None
    }
}

fn day(at: UnixMs) -> String {
    i64::try_from(at.secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .map_or_else(|| "an unknown day".to_owned(), |at| at.date().to_string())
}

#[cfg(test)]
mod tests;
