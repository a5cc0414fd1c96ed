//! What waits in memory for the peers of one agent, all of them together.
//!
//! Credit bounds every stream, and the number of streams bounds their sum. But an agent and its viewers may be on the same side, and then the
//! sum of all windows is far more than a relay should hold for one machine.

use super::fault::PeerMisbehaved;
use super::hub::Hub;
use crate::limits::HELD_FRAME;
use bytes::Bytes;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The sum of all shares. It is only touched under the hub's lock.
#[derive(Clone, Debug, Default)]
pub struct Pool(Arc<AtomicUsize>);

/// What one link has waiting. Gives all of it back when it goes.
#[derive(Debug, Default)]
pub struct Share {
    pool: Pool,
    own: usize,
}

impl Pool {
    /// What waits for all.
    #[must_use]
    pub fn total(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    /// A share with nothing in it.
    #[must_use]
    pub fn share(&self) -> Share {
        Share {
            pool: self.clone(),
            own: 0,
        }
    }
}

impl Share {
    /// What waits for this link.
    #[must_use]
    pub fn own(&self) -> usize {
        self.own
    }

    /// A message waits from now on.
    pub fn add(&mut self, message: &Bytes) {
        let cost = cost(message);
        self.own += cost;
        self.pool.0.fetch_add(cost, Ordering::Relaxed);
    }

    /// A message that was added waits no more.
    pub fn remove(&mut self, message: &Bytes) {
        self.give_back(cost(message));
    }

    /// Nothing waits any more.
    pub fn clear(&mut self) {
        self.give_back(self.own);
    }

    fn give_back(&mut self, cost: usize) {
        self.own -= cost;
        self.pool.0.fetch_sub(cost, Ordering::Relaxed);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.clear();
    }
}

impl Hub {
    /// Ends the link for which most waits, if too much waits for all of them together.
    pub(super) fn make_room(&mut self) {
        if self.pool.total() <= self.room {
            return;
        }
        let viewers = self.viewers.values_mut().map(|viewer| &mut viewer.leg);
        let agent = self.agent.as_mut().map(|agent| &mut agent.leg);
        if let Some(leg) = viewers.chain(agent).max_by_key(|leg| leg.held()) {
            tracing::warn!(agent = %self.id, "too much waits for the links of one agent");
            leg.give_up(PeerMisbehaved::NotReading.into());
        }
    }
}

fn cost(message: &Bytes) -> usize {
    message.len() + HELD_FRAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_the_sum_of_its_shares_and_a_share_that_goes_leaves_nothing() {
        let pool = Pool::default();
        let (mut one, mut two) = (pool.share(), pool.share());
        let (short, long) = (Bytes::from_static(b"x"), Bytes::from_static(&[0; 1000]));
        one.add(&short);
        one.add(&long);
        two.add(&long);
        assert_eq!(pool.total(), one.own() + two.own());
        assert_eq!(two.own(), 1000 + HELD_FRAME);
        one.remove(&short);
        assert_eq!(one.own(), two.own());
        drop(one);
        assert_eq!(pool.total(), two.own());
        two.remove(&long);
        assert_eq!(pool.total(), 0);
    }
}
