//! Operator tokens: opaque, each for one purpose and a short time, kept as hashes. Whether one opens something is decided here, at every request.

mod text;

pub use text::OperatorToken;

use crate::agents::blocking;
use crate::limits::TOKEN_LIFE_MAX;
use crate::random;
use crate::store::{Store, StoreError};
use clap::ValueEnum;
use lanyard_shared::time::{Mono, Now, UnixMs};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What a token opens. None of them contains another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Purpose {
    /// Read the relay's figures
    Metrics,
    /// Make codes that let machines join
    Enrol,
    /// List machines and remove them
    Admin,
}

/// A token's name in lists and logs. It opens nothing.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenId(pub [u8; 8]);

/// All that is known of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// SHA-256 of it.
    pub hash: [u8; 32],
    /// Its name.
    pub id: TokenId,
    /// What it opens.
    pub purpose: Purpose,
    /// What the operator wrote to it.
    pub note: String,
    /// When it was made.
    pub created: UnixMs,
    /// When it opened something last.
    pub used: Option<UnixMs>,
    /// For whom.
    pub from: Option<IpAddr>,
    /// When it was ended.
    pub revoked: Option<UnixMs>,
    /// When it ends by itself.
    pub expires: UnixMs,
}

/// Which tokens an operator speaks of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Spoken {
    /// One.
    Id(TokenId),
    /// All of a purpose.
    Purpose(Purpose),
    /// All.
    All,
}

/// Why a token opens nothing: for the log. Outside all of them look the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// None was shown.
    #[error("no token")]
    Missing,
    /// It is not one of ours.
    #[error("unknown token")]
    Unknown,
    /// It was ended.
    #[error("revoked token")]
    Revoked,
    /// Its time is over.
    #[error("expired token")]
    Expired,
    /// It opens something else.
    #[error("token for another purpose")]
    OtherPurpose,
}

/// A refusal, as it is written down.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Which token, if it is known.
    pub token: Option<TokenId>,
    /// Why.
    pub fault: Fault,
}

/// All tokens, in memory and in the store.
pub struct Tokens {
    store: Arc<Store>,
    known: Arc<Mutex<Known>>,
    /// Held while the store and what is in memory change together, so that what is revoked meanwhile is the token that is being made too, or
    /// comes before it. Requests do not wait for it.
    changes: Arc<Mutex<()>>,
}

#[derive(Default)]
struct Known {
    by_hash: HashMap<[u8; 32], Held>,
    /// Uses that are not in the store yet.
    used: HashMap<TokenId, (UnixMs, Option<IpAddr>)>,
}

struct Held {
    record: Record,
    /// Its end on the clock that nobody sets: a wall clock that is set back gives no token more time.
    deadline: Mono,
}

impl Tokens {
    /// Reads the store.
    ///
    /// # Errors
    /// It fails.
    pub fn load(store: Arc<Store>, now: Now) -> Result<Self, StoreError> {
        let mut known = Known::default();
        for record in store.tokens()? {
            known.put(record, now);
        }
        Ok(Self {
            store,
            known: Arc::new(Mutex::new(known)),
            changes: Arc::default(),
        })
    }

    /// Makes a token. Its text exists nowhere else.
    ///
    /// # Errors
    /// The store fails, too many stand, or the system gives no random numbers (`None`).
    pub async fn create(
        &self,
        purpose: Purpose,
        note: String,
        expires: UnixMs,
        now: Now,
    ) -> Result<Option<(OperatorToken, Record)>, StoreError> {
        let Some((token, record)) = fresh(purpose, note, expires, now.unix) else {
            return Ok(None);
        };
        let added = record.clone();
        self.change(
            move |store| store.add_token(&added, now.unix).map(|()| added),
            move |known, added| known.put(added.clone(), now),
        )
        .await?;
        Ok(Some((token, record)))
    }

    /// Ends tokens; the next request with one of them is refused.
    ///
    /// # Errors
    /// The store fails; nothing is ended then.
    pub async fn revoke(&self, which: Spoken, now: UnixMs) -> Result<Vec<Record>, StoreError> {
        self.change(
            move |store| store.revoke_tokens(which, now),
            |known, ended| {
                for record in ended {
                    if let Some(held) = known.by_hash.get_mut(&record.hash) {
                        held.record.revoked = record.revoked;
                    }
                }
            },
        )
        .await
    }

    /// Changes the store and then what is in memory, not cut short when who asks goes away.
    async fn change<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(&mut Known, &T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, known, changes) = (
            Arc::clone(&self.store),
            Arc::clone(&self.known),
            Arc::clone(&self.changes),
        );
        blocking(move || {
            let _order = lock(&changes);
            let written = write(&store)?;
            then(&mut lock(&known), &written);
            Ok(written)
        })
        .await
    }

    /// All of them, ended ones too while they are remembered; oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Record> {
        let known = self.lock();
        let mut list: Vec<_> = known
            .by_hash
            .values()
            .map(|held| held.record.clone())
            .collect();
        list.sort_by_key(|record| (record.created, record.id));
        list
    }

    /// Whether `shown` opens `purpose` now.
    ///
    /// # Errors
    /// It does not. The lookup is by hash, so the time it takes tells nothing about the tokens there are.
    pub fn check(
        &self,
        shown: Option<&str>,
        purpose: Purpose,
        now: Now,
        from: Option<IpAddr>,
    ) -> Result<TokenId, Refusal> {
        let refuse = |token, fault| Refusal { token, fault };
        let shown = shown.ok_or(refuse(None, Fault::Missing))?;
        let token = OperatorToken::parse(shown).ok_or(refuse(None, Fault::Unknown))?;
        let mut known = self.lock();
        let held = known
            .by_hash
            .get_mut(&token.hash())
            .ok_or(refuse(None, Fault::Unknown))?;
        let id = held.record.id;
        if held.record.revoked.is_some() {
            return Err(refuse(Some(id), Fault::Revoked));
        }
        if now.unix >= held.record.expires || now.mono >= held.deadline {
            return Err(refuse(Some(id), Fault::Expired));
        }
        if held.record.purpose != purpose {
            return Err(refuse(Some(id), Fault::OtherPurpose));
        }
        held.record.used = Some(now.unix);
        held.record.from = from;
        known.used.insert(id, (now.unix, from));
        Ok(id)
    }

    /// Writes the last uses down, and forgets in memory what the store has forgotten.
    ///
    /// # Errors
    /// The store fails; they are forgotten.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let used = std::mem::take(&mut self.lock().used);
        if used.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        let used: Vec<_> = used
            .into_iter()
            .map(|(id, (at, from))| (id, at, from))
            .collect();
        blocking(move || store.used_tokens(&used)).await
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        lock(&self.known)
    }
}

impl Known {
    fn put(&mut self, record: Record, now: Now) {
        // Of those that ended long ago the store keeps nothing either.
        let kept = crate::limits::TOKEN_KEPT;
        self.by_hash
            .retain(|_, held| held.record.expires + kept > now.unix);
        let deadline = now.mono + now.unix.until(record.expires).min(TOKEN_LIFE_MAX);
        self.by_hash.insert(record.hash, Held { record, deadline });
    }
}

/// A token and its record; `None` when the system gives no random numbers.
#[must_use]
pub fn fresh(
    purpose: Purpose,
    note: String,
    expires: UnixMs,
    now: UnixMs,
) -> Option<(OperatorToken, Record)> {
    let token = OperatorToken::generate()?;
    let record = Record {
        hash: token.hash(),
        id: TokenId(random::bytes()?),
        purpose,
        note,
        created: now,
        used: None,
        from: None,
        revoked: None,
        expires: expires.min(now + TOKEN_LIFE_MAX),
    };
    Some((token, record))
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Purpose {
    /// All of them.
    pub fn all() -> impl Iterator<Item = Self> {
        Self::value_variants().iter().copied()
    }

    /// As it is typed and stored.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Metrics => "metrics",
            Self::Enrol => "enrol",
            Self::Admin => "admin",
        }
    }

    /// The purpose of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::all().find(|purpose| purpose.name() == name)
    }
}

impl TokenId {
    /// Reads what `Display` writes.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() != 16
            || !text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        {
            return None;
        }
        u64::from_str_radix(text, 16)
            .ok()
            .map(|number| Self(number.to_be_bytes()))
    }
}

impl fmt::Display for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", u64::from_be_bytes(self.0))
    }
}

impl fmt::Debug for TokenId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TokenId({self})")
    }
}

impl Serialize for TokenId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for TokenId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).ok_or_else(|| serde::de::Error::custom("not the id of a token"))
    }
}

#[cfg(test)]
mod tests;
