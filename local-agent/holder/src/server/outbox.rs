//! What one connection is owed, in order: control messages, a snapshot, output.

use std::io::IoSlice;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::hub::{Hub, Snapshot};
use crate::limits;
use crate::wire::{FromHolder, Message};

/// The state of sending to one connection. Output is never queued here: it is written from the ring when the socket takes it, and
/// only what is left of a message that the socket took in part is copied.
pub(crate) struct Outbox {
    /// Encoded and not yet taken by the socket.
    queue: BytesMut,
    /// What a watcher gets besides control messages.
    watch: Option<Watching>,
    exit_told: bool,
}

/// The state of a watcher.
struct Watching {
    /// Next offset of output; `None`: needs a snapshot first.
    next: Option<u64>,
    /// The head at hello: where a watcher without `next` stands.
    begun: u64,
    /// Payload bytes that may still be sent.
    credit: u64,
    /// Holds back the PTY.
    pace: bool,
    /// What is left of a snapshot.
    snapshot: Bytes,
}

/// What came of an attempt to send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent {
    /// Nothing more to send now.
    All,
    /// The socket is full.
    Blocked,
    /// The connection is broken.
    Broken,
}

/// What takes bytes: a socket that does not block.
pub(crate) trait Sink {
    /// Like `write_vectored`.
    fn write(&self, parts: &[IoSlice<'_>]) -> std::io::Result<usize>;
}

impl Outbox {
    /// For a connection that gets no output.
    pub(crate) fn control() -> Self {
        Self {
            queue: BytesMut::new(),
            watch: None,
            exit_told: false,
        }
    }

    /// From now on a watcher, at `next` or at a snapshot of `begun` or later. Without credit yet.
    pub(crate) fn watch(&mut self, next: Option<u64>, begun: u64, pace: bool) {
        self.watch = Some(Watching {
            next,
            begun,
            credit: 0,
            pace,
            snapshot: Bytes::new(),
        });
    }

    pub(crate) fn add_credit(&mut self, bytes: u32) {
        if let Some(watch) = &mut self.watch {
            watch.credit = watch.credit.saturating_add(u64::from(bytes));
        }
    }

    pub(crate) fn set_pace(&mut self, on: bool) {
        if let Some(watch) = &mut self.watch {
            watch.pace = on;
        }
    }

    /// The offset from which this connection holds back the PTY, if it does.
    pub(crate) fn paces_from(&self) -> Option<u64> {
        self.watch
            .as_ref()
            .filter(|watch| watch.pace)
            .map(|watch| watch.next.unwrap_or(watch.begun))
    }

    /// Queues a control message. False if the peer has let too many of them pile up.
    pub(crate) fn push(&mut self, message: &FromHolder) -> bool {
        message.encode(&mut self.queue);
        self.queue.len() <= limits::CONTROL_BACKLOG
    }

    /// Sends as much as socket and credit allow.
    pub(crate) fn advance(&mut self, hub: &Hub, sink: &impl Sink) -> Sent {
        loop {
            while self.queue.has_remaining() {
                match attempt(sink, &[IoSlice::new(&self.queue)]) {
                    Ok(count) => self.queue.advance(count),
                    Err(sent) => return sent,
                }
            }
            if self.queue.capacity() > limits::QUEUE_KEPT {
                self.queue = BytesMut::new();
            }
            match self.step(hub, sink) {
                Ok(true) => {}
                Ok(false) => return Sent::All,
                Err(sent) => return sent,
            }
        }
    }

    /// Queues or writes the next thing. False if nothing is due.
    fn step(&mut self, hub: &Hub, sink: &impl Sink) -> Result<bool, Sent> {
        if let Some(watch) = &mut self.watch {
            if !watch.snapshot.is_empty() {
                let Some(count) = watch.spend(watch.snapshot.len()) else {
                    return Ok(false);
                };
                FromHolder::SnapshotChunk(watch.snapshot.split_to(count)).encode(&mut self.queue);
                return Ok(true);
            }
            let (head, tail) = {
                let ring = hub.ring.borrow();
                (ring.head(), ring.tail())
            };
            match watch.next {
                // A snapshot is made only when it can be sent: a stalled watcher costs nothing.
                None if watch.credit == 0 => return Ok(false),
                Some(next) if next < tail && watch.credit == 0 => return Ok(false),
                Some(next) if (tail..=head).contains(&next) => {
                    if next < head {
                        return watch.write_output(next, hub, sink, &mut self.queue);
                    }
                }
                None | Some(_) => {
                    let Snapshot {
                        offset,
                        size: (cols, rows),
                        bytes,
                    } = hub.snapshot();
                    let total = u32::try_from(bytes.len()).map_err(|_| Sent::Broken)?;
                    FromHolder::Snapshot {
                        offset,
                        cols,
                        rows,
                        total,
                    }
                    .encode(&mut self.queue);
                    watch.next = Some(offset);
                    watch.snapshot = bytes.into();
                    return Ok(true);
                }
            }
        }
        match hub.exit.get() {
            Some(status) if !self.exit_told => {
                self.exit_told = true;
                FromHolder::Exit(status).encode(&mut self.queue);
                Ok(true)
            }
            Some(_) | None => Ok(false),
        }
    }
}

impl Watching {
    /// Takes credit for one message of at most `wanted` bytes; `None` if there is none.
    fn spend(&mut self, wanted: usize) -> Option<usize> {
        let count = wanted
            .min(limits::PAYLOAD_BYTES)
            .min(usize::try_from(self.credit).unwrap_or(usize::MAX));
        self.credit -= count as u64;
        (count > 0).then_some(count)
    }

    fn write_output(
        &mut self,
        next: u64,
        hub: &Hub,
        sink: &impl Sink,
        queue: &mut BytesMut,
    ) -> Result<bool, Sent> {
        let ring = hub.ring.borrow();
        let max = usize::try_from(self.credit)
            .unwrap_or(usize::MAX)
            .min(limits::PAYLOAD_BYTES);
        let (first, second) = ring.slices(next, max);
        let count = first.len() + second.len();
        if count == 0 {
            return Ok(false);
        }
        let header = output_header(next, count);
        let written = attempt(
            sink,
            &[
                IoSlice::new(&header),
                IoSlice::new(first),
                IoSlice::new(second),
            ],
        )?;
        self.next = Some(next + count as u64);
        self.credit -= count as u64;
        // The ring may move on before the socket takes the rest of this message.
        let mut skip = written;
        for part in [&header[..], first, second] {
            let skipped = skip.min(part.len());
            queue.extend_from_slice(&part[skipped..]);
            skip -= skipped;
        }
        Ok(true)
    }
}

/// Length, kind and offset of an `output` message of `count` bytes.
fn output_header(offset: u64, count: usize) -> [u8; 13] {
    let mut header = [0; 13];
    let mut rest = &mut header[..];
    rest.put_u32(count as u32 + 9);
    rest.put_u8(FromHolder::OUTPUT);
    rest.put_u64(offset);
    header
}

fn attempt(sink: &impl Sink, parts: &[IoSlice<'_>]) -> Result<usize, Sent> {
    loop {
        match sink.write(parts) {
            Ok(count) if count > 0 => return Ok(count),
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {
                return Err(Sent::Blocked);
            }
            Ok(_) | Err(_) => return Err(Sent::Broken),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::Decoder;

    #[test]
    fn the_header_written_for_output_is_the_one_the_codec_writes() {
        let bytes = Bytes::from_static(b"some output");
        let mut encoded = BytesMut::new();
        FromHolder::Output {
            offset: 77,
            bytes: bytes.clone(),
        }
        .encode(&mut encoded);
        assert_eq!(&encoded[..13], &output_header(77, bytes.len()));
        let mut decoder = Decoder::<FromHolder>::default();
        decoder.buffer().extend_from_slice(&encoded);
        assert_eq!(
            decoder.next(),
            Ok(Some(FromHolder::Output { offset: 77, bytes }))
        );
    }
}
