//! What every connection shares.

use crate::admission::Admission;
use crate::agents::Agents;
use crate::route::Router;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{Notify, Semaphore};

/// One running relay.
pub struct State {
    /// Who is connected.
    pub router: Arc<Router>,
    /// Who is enrolled.
    pub agents: Agents,
    /// How many strangers there are.
    pub admission: Admission,
    /// The address that browsers use.
    pub web: String,
    /// How many links there are.
    pub links: Links,
    /// For links that are being told why they end.
    pub farewells: Semaphore,
}

/// Counts links, so that a stopping relay can wait for their goodbyes.
#[derive(Debug, Default)]
pub struct Links {
    count: AtomicUsize,
    none: Notify,
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

    /// Waits until there is none.
    pub async fn none(&self) {
        loop {
            let notified = self.none.notified();
            if self.count.load(Ordering::Relaxed) == 0 {
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
