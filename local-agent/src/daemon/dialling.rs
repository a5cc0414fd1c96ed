//! One attempt to reach the relay at a time, with waits in between that grow and never end.

use crate::limits::AFTER_REPLACED;
use crate::random;
use lanyard_dial::{Backoff, DialError, Proxies, Relay, Socket};
use lanyard_shared::limits::RETRY_GOOD_AFTER;
use lanyard_shared::time::Mono;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

/// What came of an attempt.
pub type Dialled = Result<Socket, DialError>;

#[derive(Default)]
pub struct Dialling {
    proxies: Proxies,
    backoff: Backoff,
    /// The wait was asked for by the relay.
    told: bool,
    /// Since when the present link is proven.
    proven: Option<Mono>,
    attempt: Option<Pin<Box<dyn Future<Output = Dialled> + Send>>>,
}

impl Dialling {
    pub fn new(proxies: Proxies) -> Self {
        Self {
            proxies,
            ..Self::default()
        }
    }

    /// Dials after `wait`.
    pub fn start(&mut self, relay: &Relay, wait: Duration) {
        self.told = false;
        let (relay, proxies) = (relay.clone(), self.proxies.clone());
        self.attempt = Some(Box::pin(async move {
            tokio::time::sleep(wait).await;
            Socket::connect(&relay, &proxies, "/v1/agent").await
        }));
    }

    /// Dials after the next wait, which is short if there was a link that stood and the relay did not tell us to stay away for a while.
    pub fn again(&mut self, relay: &Relay, told: Option<Duration>, now: Mono) {
        if let Some(since) = self.proven.take()
            && now.since(since) >= RETRY_GOOD_AFTER
        {
            self.backoff.reset();
        }
        let random = u32::from_be_bytes(random::bytes());
        let wait = self.backoff.next_wait_after(told, random);
        self.start(relay, wait);
        self.told = told.is_some();
    }

    /// Dials after a long wait.
    pub fn much_later(&mut self, relay: &Relay) {
        self.proven = None;
        self.start(relay, AFTER_REPLACED);
        self.told = true;
    }

    /// Dials now if it is about to: what failed on the network before may work on this one. What the relay asked for stands.
    pub fn hurry(&mut self, relay: &Relay) {
        if self.attempt.is_some() && !self.told {
            self.backoff.reset();
            self.start(relay, Duration::ZERO);
        }
    }

    /// A link was proven.
    pub fn proven(&mut self, now: Mono) {
        self.proven.get_or_insert(now);
    }

    /// What comes of the attempt; never, when there is none. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Dialled {
        match &mut self.attempt {
            Some(attempt) => {
                let dialled = attempt.await;
                self.attempt = None;
                dialled
            }
            None => std::future::pending().await,
        }
    }
}
