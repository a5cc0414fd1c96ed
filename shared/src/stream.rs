//! Credit of one stream in one direction, and the fair queue of frames that wait for a socket.

use crate::close::CloseCode;
use crate::frame::StreamId;
use crate::limits::CREDIT_MAX;
use bytes::Bytes;
use std::collections::{HashMap, VecDeque};

/// Bytes of `data` payload that one side may still send to the other. Both sides keep the same count, each at its own end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Credit(u32);

impl Credit {
    /// Credit of `amount` bytes.
    #[must_use]
    pub const fn new(amount: u32) -> Self {
        Self(amount)
    }

    /// What is left.
    #[must_use]
    pub const fn left(self) -> u32 {
        self.0
    }

    /// Adds `amount` bytes.
    ///
    /// # Errors
    /// More than [`CREDIT_MAX`] would be outstanding: `CreditExceeded`.
    pub fn add(&mut self, amount: u32) -> Result<(), CloseCode> {
        self.0 = self
            .0
            .checked_add(amount)
            .filter(|sum| *sum <= CREDIT_MAX)
            .ok_or(CloseCode::CreditExceeded)?;
        Ok(())
    }

    /// Uses `amount` bytes.
    ///
    /// # Errors
    /// Less than that is left: `CreditExceeded`.
    pub fn take(&mut self, amount: usize) -> Result<(), CloseCode> {
        let amount = u32::try_from(amount).map_err(|_| CloseCode::CreditExceeded)?;
        self.0 = self
            .0
            .checked_sub(amount)
            .ok_or(CloseCode::CreditExceeded)?;
        Ok(())
    }
}

/// Frames that wait for the socket. Frames of the link go first; streams take turns, one frame each, so a flooded stream delays
/// another by one frame at most. Its size is bounded by the credit of its streams, not here.
#[derive(Debug, Default)]
pub struct Outbox {
    link: VecDeque<Bytes>,
    streams: HashMap<StreamId, VecDeque<Bytes>>,
    turns: VecDeque<StreamId>,
}

/// One frame on its way to the socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The stream whose turn it was; `None` for frames of the link.
    pub stream: Option<StreamId>,
    /// One whole message.
    pub message: Bytes,
}

impl Outbox {
    /// Queues a frame ahead of all streams: link frames, credit, and whatever makes a stream exist.
    pub fn push_link(&mut self, message: Bytes) {
        self.link.push_back(message);
    }

    /// Queues a frame behind the frames of its own stream: data, renewals, the close.
    pub fn push_stream(&mut self, stream: StreamId, message: Bytes) {
        let queue = self.streams.entry(stream).or_default();
        if queue.is_empty() {
            self.turns.push_back(stream);
        }
        queue.push_back(message);
    }

    /// The next frame to write.
    pub fn pop(&mut self) -> Option<Outgoing> {
        if let Some(message) = self.link.pop_front() {
            return Some(Outgoing {
                stream: None,
                message,
            });
        }
        let stream = self.turns.pop_front()?;
        let queue = self.streams.get_mut(&stream)?;
        let message = queue.pop_front()?;
        if queue.is_empty() {
            self.streams.remove(&stream);
        } else {
            self.turns.push_back(stream);
        }
        Some(Outgoing {
            stream: Some(stream),
            message,
        })
    }

    /// Takes away what a stream still had to say; for a stream that was closed by the other side or must end at once.
    pub fn discard(&mut self, stream: StreamId) -> VecDeque<Bytes> {
        let Some(queue) = self.streams.remove(&stream) else {
            return VecDeque::new();
        };
        self.turns.retain(|turn| *turn != stream);
        queue
    }

    /// Frames of the link that wait.
    #[must_use]
    pub fn link_frames(&self) -> usize {
        self.link.len()
    }

    /// True when nothing waits.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.link.is_empty() && self.turns.is_empty()
    }

    /// Gives back memory of a burst that is over.
    pub fn shrink(&mut self) {
        if self.is_empty() {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(text: &'static str) -> Bytes {
        Bytes::from_static(text.as_bytes())
    }

    #[test]
    fn a_flooded_stream_delays_another_by_one_frame() {
        let mut outbox = Outbox::default();
        for _ in 0..100 {
            outbox.push_stream(1, frame("flood"));
        }
        outbox.push_stream(2, frame("key"));
        outbox.push_link(frame("ping"));
        let order: Vec<_> = std::iter::from_fn(|| outbox.pop())
            .take(3)
            .map(|out| out.stream)
            .collect();
        assert_eq!(order, [None, Some(1), Some(2)]);
    }

    #[test]
    fn a_discarded_stream_says_nothing_more_and_the_others_go_on() {
        let mut outbox = Outbox::default();
        outbox.push_stream(1, frame("a"));
        outbox.push_stream(2, frame("b"));
        outbox.discard(1);
        assert_eq!(
            outbox.pop(),
            Some(Outgoing {
                stream: Some(2),
                message: frame("b")
            })
        );
        assert!(outbox.is_empty());
    }

    #[test]
    fn credit_neither_overflows_nor_goes_below_zero() {
        let mut credit = Credit::new(10);
        assert_eq!(credit.take(11), Err(CloseCode::CreditExceeded));
        assert_eq!(credit.add(CREDIT_MAX), Err(CloseCode::CreditExceeded));
        assert_eq!(credit.take(10), Ok(()));
        assert_eq!(credit.left(), 0);
    }
}
