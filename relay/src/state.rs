//! What every connection shares.

use crate::admission::Admission;
use crate::agents::Agents;
use crate::certificate::Certificate;
use crate::guesses::{WrongProofs, WrongTokens};
use crate::operator::Enroller;
use crate::route::Router;
use crate::tokens::Tokens;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use tokio::sync::{Notify, Semaphore, watch};

/// One running relay.
pub struct State {
    /// Who is connected.
    pub router: Arc<Router>,
    /// Who is enrolled.
    pub agents: Agents,
    /// What operators may do from afar.
    pub tokens: Tokens,
    /// Who shows wrong ones.
    pub wrong_tokens: WrongTokens,
    /// Proofs that did not hold.
    pub wrong_proofs: WrongProofs,
    /// What goes into an enrolment code.
    pub enroller: Enroller,
    /// What TLS listeners show; `None` behind a proxy.
    pub certificate: Option<Arc<Certificate>>,
    /// What was turned away.
    pub refused: Refused,
    /// How many strangers there are.
    pub admission: Admission,
    /// The address that browsers use.
    pub web: String,
    /// How many links there are.
    pub links: Links,
    /// For links that are being told why they end.
    pub farewells: Semaphore,
}

/// How often something was turned away since the relay started.
#[derive(Debug, Default)]
pub struct Refused {
    /// Connections of an address that has all it may have.
    pub connections: Count,
    /// Links that did not prove who they are.
    pub links: Count,
    /// Requests without the token they need.
    pub tokens: Count,
}

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Count(AtomicU64);

impl Count {
    /// One more.
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    /// How many so far.
    #[must_use]
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// Counts links, so that a stopping relay can wait for their goodbyes.
#[derive(Debug, Default)]
pub struct Links {
    count: AtomicUsize,
    none: Notify,
    stopping: watch::Sender<bool>,
}

/// Stands for one link.
pub struct LinkGuard<'a>(&'a Links);

impl Links {
    /// Counts one link for as long as the guard lives.
    #[must_use]
    pub fn guard(&self) -> LinkGuard<'_> {
        self.count.fetch_add(1, Ordering::Relaxed);
        LinkGuard(self)
    }

    /// From here on nobody becomes a link. Those there are must be told by the router, after this.
    pub fn stop(&self) {
        self.stopping.send_replace(true);
    }

    /// True since [`Links::stop`].
    #[must_use]
    pub fn are_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits for [`Links::stop`].
    pub async fn stopped(&self) {
        // The sender lives as long as this does, so there is no other end to the wait.
        let _ = self
            .stopping
            .subscribe()
            .wait_for(|stopping| *stopping)
            .await;
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Waits until there is none.
    pub async fn none(&self) {
        loop {
            let notified = self.none.notified();
            if self.count() == 0 {
                return;
            }
            notified.await;
        }
    }
}

impl Drop for LinkGuard<'_> {
    fn drop(&mut self) {
        if self.0.count.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.0.none.notify_waiters();
        }
    }
}
