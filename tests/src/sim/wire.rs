//! One direction of a connection: messages on their way, in order, unless someone on the way meddles.

use bytes::Bytes;
use lanyard_shared::frame::{StreamId, kind};
use lanyard_shared::limits::FRAME_HEADER;
use std::collections::VecDeque;

/// Milliseconds since the simulation began.
pub type Millis = u64;

/// What fits on the way before the sender has to wait: the socket buffers of both ends.
const ON_THE_WAY: usize = 256 * 1024;

/// See the module.
#[derive(Default)]
pub struct Pipe {
    queue: VecDeque<(Millis, Bytes)>,
    bytes: usize,
}

impl Pipe {
    /// Sends a message that arrives at `at`, or right after the one before it.
    pub fn push(&mut self, message: Bytes, at: Millis) {
        let at = self.queue.back().map_or(at, |(last, _)| at.max(*last));
        self.push_late(message, at);
    }

    /// Sends a message that later ones may overtake.
    pub fn push_late(&mut self, message: Bytes, at: Millis) {
        self.bytes += message.len();
        let behind = self.queue.iter().take_while(|(due, _)| *due <= at).count();
        self.queue.insert(behind, (at, message));
    }

    /// Lets the last message overtake the one before it, as frames of two streams may.
    pub fn overtake(&mut self) {
        let Some(last) = self.queue.len().checked_sub(1).filter(|last| *last > 0) else {
            return;
        };
        let (before, after) = (&self.queue[last - 1].1, &self.queue[last].1);
        if may_swap(before, after) {
            let at = self.queue[last - 1].0;
            self.queue.swap(last - 1, last);
            self.queue[last - 1].0 = at;
        }
    }

    /// The next message that has arrived.
    pub fn take(&mut self, now: Millis) -> Option<Bytes> {
        self.queue.front().filter(|(at, _)| *at <= now)?;
        let (_, message) = self.queue.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }

    /// When the next message arrives.
    pub fn next(&self) -> Option<Millis> {
        self.queue.front().map(|(at, _)| *at)
    }

    /// Whether the sender has to wait.
    pub fn is_full(&self) -> bool {
        self.bytes >= ON_THE_WAY
    }
}

fn may_swap(before: &Bytes, after: &Bytes) -> bool {
    let (Some((one, first)), Some((other, second))) = (header(before), header(after)) else {
        return false;
    };
    // Streams are independent of each other, but their numbers must rise and the link's own frames stay where they are.
    one != other && one != 0 && other != 0 && (first != kind::OPEN || second != kind::OPEN)
}

fn header(message: &Bytes) -> Option<(StreamId, u8)> {
    let (stream, rest) = message.split_first_chunk::<4>()?;
    let kind = *rest.first()?;
    (message.len() >= FRAME_HEADER).then_some((u32::from_be_bytes(*stream), kind))
}
