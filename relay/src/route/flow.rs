//! Credit of one direction of a stream as the relay passes it on: from the sink that grants it to the source that uses it.
//!
//! What the source may still send and what waits for the sink's socket are together never more than the window, and all of it was granted
//! by the sink. So the relay never holds more of a stream than the window, and never sends a sink more than it asked for.

use crate::limits::{CREDIT_GATHER, QUEUED_FRAMES};
use lanyard_shared::limits::{CREDIT_MAX, RELAY_WINDOW};
use lanyard_shared::stream::Credit;

/// One direction of a stream.
#[derive(Clone, Copy, Debug, Default)]
pub struct Flow {
    /// What the sink granted and the source has not been told.
    sink: u32,
    /// What the source may still send.
    source: Credit,
    /// What came from the source and waits for the sink's socket.
    queued: u32,
    queued_frames: u32,
}

/// More was sent or granted than is allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exceeded;

impl Flow {
    /// The sink is ready for `amount` more bytes.
    ///
    /// # Errors
    /// More than `CREDIT_MAX` would be outstanding.
    pub fn sink_grants(&mut self, amount: u32) -> Result<(), Exceeded> {
        let outstanding = u64::from(self.sink) + u64::from(self.ahead());
        if outstanding + u64::from(amount) > u64::from(CREDIT_MAX) {
            return Err(Exceeded);
        }
        self.sink += amount;
        Ok(())
    }

    /// What the source is to be told now, if it is worth a frame.
    pub fn grant(&mut self) -> Option<u32> {
        let amount = self.grantable();
        let due = amount >= CREDIT_GATHER || (amount > 0 && self.source.left() < CREDIT_GATHER);
        due.then(|| self.take(amount))
    }

    /// What the source is told with the frame that makes the stream exist.
    pub fn first_grant(&mut self) -> u32 {
        let amount = self.grantable();
        self.take(amount)
    }

    /// `bytes` came from the source and wait for the sink's socket.
    ///
    /// # Errors
    /// It was not given that much credit, or sends it in crumbs.
    pub fn source_sends(&mut self, bytes: usize) -> Result<(), Exceeded> {
        self.source.take(bytes).map_err(|_| Exceeded)?;
        // `take` has seen that it fits.
        self.queued += bytes as u32;
        self.queued_frames += 1;
        if self.queued_frames > QUEUED_FRAMES {
            Err(Exceeded)
        } else {
            Ok(())
        }
    }

    /// One frame with `bytes` went to the sink's socket.
    pub fn written(&mut self, bytes: usize) {
        self.queued = self.queued.saturating_sub(bytes as u32);
        self.queued_frames = self.queued_frames.saturating_sub(1);
    }

    /// What waits for the sink's socket.
    #[cfg(test)]
    pub fn queued(&self) -> u32 {
        self.queued
    }

    fn ahead(&self) -> u32 {
        self.source.left() + self.queued
    }

    fn grantable(&self) -> u32 {
        self.sink.min(RELAY_WINDOW.saturating_sub(self.ahead()))
    }

    fn take(&mut self, amount: u32) -> u32 {
        self.sink -= amount;
        // At most the window, so it fits.
        let _ = self.source.add(amount);
        amount
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_source_gets_the_smaller_of_the_sinks_grant_and_the_window() {
        let mut small = Flow::default();
        small.sink_grants(1000).unwrap();
        assert_eq!(small.first_grant(), 1000);
        let mut large = Flow::default();
        large.sink_grants(CREDIT_MAX).unwrap();
        assert_eq!(large.first_grant(), RELAY_WINDOW);
        assert_eq!(large.sink_grants(1), Err(Exceeded));
    }

    #[test]
    fn crumbs_are_refused_before_their_bookkeeping_outgrows_the_window() {
        let mut flow = Flow::default();
        flow.sink_grants(RELAY_WINDOW).unwrap();
        flow.first_grant();
        let sent = (0..RELAY_WINDOW)
            .take_while(|_| flow.source_sends(1).is_ok())
            .count();
        assert_eq!(sent, QUEUED_FRAMES as usize);
    }

    #[derive(Clone, Debug)]
    enum Step {
        SinkGrants(u32),
        Grant,
        Send(u32),
        Write,
    }

    fn step() -> impl Strategy<Value = Step> {
        prop_oneof![
            (1..=2 * RELAY_WINDOW).prop_map(Step::SinkGrants),
            Just(Step::Grant),
            (1..65_000_u32).prop_map(Step::Send),
            Just(Step::Write),
        ]
    }

    proptest! {
        #[test]
        fn nothing_is_ever_held_beyond_the_window_or_sent_beyond_the_sinks_grant(steps in prop::collection::vec(step(), 1..200)) {
            let mut flow = Flow::default();
            let (mut granted, mut sent) = (0_u64, 0_u64);
            let mut queue = std::collections::VecDeque::new();
            for step in steps {
                match step {
                    Step::SinkGrants(amount) => {
                        if flow.sink_grants(amount).is_ok() {
                            granted += u64::from(amount);
                        }
                    }
                    Step::Grant => { flow.grant(); }
                    Step::Send(bytes) => {
                        let bytes = bytes.min(flow.source.left());
                        if bytes > 0 {
                            flow.source_sends(bytes as usize).unwrap();
                            sent += u64::from(bytes);
                            queue.push_back(bytes);
                        }
                    }
                    Step::Write => if let Some(bytes) = queue.pop_front() { flow.written(bytes as usize) }
                }
                prop_assert!(flow.queued() + flow.source.left() <= RELAY_WINDOW);
                prop_assert!(sent <= granted);
                prop_assert_eq!(flow.queued(), queue.iter().sum::<u32>());
            }
        }
    }
}
