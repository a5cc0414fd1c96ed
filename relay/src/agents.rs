//! Enrolled agents: the store, kept in memory, and when each was last seen.

use crate::store::{Agent, Store, StoreError};
use lanyard_shared::ids::AgentId;
use lanyard_shared::time::UnixMs;
use ring::digest::{SHA256, digest};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

/// All agents.
pub struct Agents {
    store: Arc<Store>,
    known: Arc<RwLock<HashMap<AgentId, Agent>>>,
    /// Held while the store and what is in memory change together, so that an enrolment and a revocation never leave the two in disagreement.
    changes: Arc<Mutex<()>>,
    /// Sightings that are not in the store yet. A thousand agents that come back at once cost one transaction.
    seen: Mutex<HashMap<AgentId, UnixMs>>,
}

/// Why an enrolment failed.
#[derive(Debug, thiserror::Error)]
pub enum EnrolError {
    /// The code is wrong, used or expired.
    #[error("the enrolment code is wrong, used or expired")]
    Refused,
    /// The machine has another key here, which the one that enrols does not follow.
    #[error("the machine is known by another key")]
    KeyReplaced,
    /// The store failed.
    #[error(transparent)]
    Store(StoreError),
}

/// What a key is to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Its identity.
    Present,
    /// What is to take its place: the first proof by it does.
    Next,
    /// Nothing.
    Stranger,
}

impl Agents {
    /// Reads the store.
    ///
    /// # Errors
    /// It fails.
    pub fn load(store: Arc<Store>) -> Result<Self, StoreError> {
        let known = store
            .agents()?
            .into_iter()
            .map(|agent| (agent.id, agent))
            .collect();
        Ok(Self {
            store,
            known: Arc::new(RwLock::new(known)),
            changes: Arc::default(),
            seen: Mutex::default(),
        })
    }

    /// The identity key of an enrolled agent.
    #[must_use]
    pub fn key(&self, id: AgentId) -> Option<[u8; 32]> {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&id)
            .map(|agent| agent.key)
    }

    /// What a key is to an agent; `None` when the agent is not enrolled.
    #[must_use]
    pub fn standing(&self, id: AgentId, key: &[u8; 32]) -> Option<Standing> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let agent = known.get(&id)?;
        Some(if agent.key == *key {
            Standing::Present
        } else if agent.next.as_ref() == Some(key) {
            Standing::Next
        } else {
            Standing::Stranger
        })
    }

    /// Remembers that `next` is to take the place of `key`. False if `key` is not the agent's any more.
    ///
    /// # Errors
    /// The store fails.
    pub async fn hand_over(
        &self,
        id: AgentId,
        key: [u8; 32],
        next: [u8; 32],
    ) -> Result<bool, StoreError> {
        self.change(
            move |store| store.hand_over(id, &key, &next),
            move |known, changed| {
                if let Some(agent) = known.get_mut(&id).filter(|_| *changed) {
                    agent.next = Some(next);
                }
            },
        )
        .await
    }

    /// The agent has proven its next key: the present one is forgotten. False if that is not its next key.
    ///
    /// # Errors
    /// The store fails.
    pub async fn promote(&self, id: AgentId, next: [u8; 32]) -> Result<bool, StoreError> {
        self.change(
            move |store| store.promote(id, &next),
            move |known, changed| {
                if let Some(agent) = known.get_mut(&id).filter(|_| *changed) {
                    (agent.key, agent.next) = (next, None);
                }
            },
        )
        .await
    }

    /// Changes the store and then what is in memory, not cut short when the link that asks goes away.
    async fn change<T: Send + 'static>(
        &self,
        write: impl FnOnce(&Store) -> Result<T, StoreError> + Send + 'static,
        then: impl FnOnce(&mut HashMap<AgentId, Agent>, &T) + Send + 'static,
    ) -> Result<T, StoreError> {
        let (store, known, changes) = (
            Arc::clone(&self.store),
            Arc::clone(&self.known),
            Arc::clone(&self.changes),
        );
        blocking(move || {
            let _order = changes.lock().unwrap_or_else(PoisonError::into_inner);
            let written = write(&store)?;
            let mut known = known.write().unwrap_or_else(PoisonError::into_inner);
            then(&mut known, &written);
            Ok(written)
        })
        .await
    }

    /// Spends a code for an agent; `before` are the keys that led to `key`: see [`Store::enrol`].
    ///
    /// # Errors
    /// See [`EnrolError`].
    pub async fn enrol(
        &self,
        code: &[u8; 16],
        id: AgentId,
        key: &[u8; 32],
        before: Vec<[u8; 32]>,
        name: &str,
        now: UnixMs,
    ) -> Result<(), EnrolError> {
        let (hash, key, name) = (hash_code(code), *key, name.to_owned());
        self.change(
            move |store| store.enrol(&hash, id, &key, &before, &name, now),
            move |known, agent| {
                known.insert(id, agent.clone());
            },
        )
        .await
        .map(drop)
        .map_err(|error| match error {
            StoreError::CodeRefused => EnrolError::Refused,
            StoreError::KeyReplaced => EnrolError::KeyReplaced,
            error @ (StoreError::Missing(_)
            | StoreError::Behind(_)
            | StoreError::Damaged { .. }
            | StoreError::TooNew { .. }
            | StoreError::TooManyCodes
            | StoreError::TooManyTokens
            | StoreError::Sqlite { .. }
            | StoreError::Create { .. }) => EnrolError::Store(error),
        })
    }

    /// Forgets an agent for good; from here on no proof of its holds. `None` if there is no such agent.
    ///
    /// # Errors
    /// The store fails; nothing has changed then.
    pub async fn revoke(&self, id: AgentId) -> Result<Option<Agent>, StoreError> {
        self.change(
            move |store| store.revoke_agent(id),
            move |known, _| {
                known.remove(&id);
            },
        )
        .await
    }

    /// Remembers a new code by its hash.
    ///
    /// # Errors
    /// The store fails.
    pub async fn add_code(
        &self,
        code: &[u8; 16],
        now: UnixMs,
        expires: UnixMs,
    ) -> Result<(), StoreError> {
        let (store, hash) = (Arc::clone(&self.store), hash_code(code));
        blocking(move || store.add_code(&hash, now, expires)).await
    }

    /// An agent was here just now.
    pub fn saw(&self, id: AgentId, now: UnixMs) {
        if let Some(agent) = self
            .known
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .get_mut(&id)
        {
            agent.seen = Some(now);
        }
        self.seen
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id, now);
    }

    /// Writes the sightings down.
    ///
    /// # Errors
    /// The store fails; they are forgotten.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let seen = std::mem::take(&mut *self.seen.lock().unwrap_or_else(PoisonError::into_inner));
        if seen.is_empty() {
            return Ok(());
        }
        let store = Arc::clone(&self.store);
        blocking(move || store.seen(&seen.into_iter().collect::<Vec<_>>())).await
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .len()
    }

    /// All of them, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Agent> {
        let mut list: Vec<_> = self
            .known
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        list.sort_by_key(|agent| (agent.enrolled, agent.id));
        list
    }
}

fn hash_code(code: &[u8; 16]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, code).as_ref());
    hash
}

/// Runs what waits for a disk away from the links.
pub async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(done) => done,
        // The work is not cancelled, so it panicked.
        Err(failed) => std::panic::resume_unwind(failed.into_panic()),
    }
}
