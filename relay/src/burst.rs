//! Reads a burst in large pieces, and an idle connection with no memory at all.
//!
//! TLS asks for 4 KiB at a time. In a flood that is a system call for every four kilobytes; so once a read was filled to the brim, the next
//! one takes as much as there is, if the peer has proven who it is, and what TLS did not ask for waits here. The buffer goes as soon as a read finds less than that.

use crate::budget::Budget;
use crate::limits::BURST_READ;
use crate::through::writes_through;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, ReadBuf};

/// A connection that reads so.
pub struct Burst<S> {
    stream: S,
    /// A stranger gets no buffer.
    budget: Budget,
    /// What was read ahead; empty between bursts.
    ahead: Vec<u8>,
    taken: usize,
    /// The last read was filled.
    flooded: bool,
}

impl<S> Burst<S> {
    /// Reads `stream` so.
    pub fn new(stream: S, budget: Budget) -> Self {
        Self {
            stream,
            budget,
            ahead: Vec::new(),
            taken: 0,
            flooded: false,
        }
    }

    /// Hands out what was read ahead.
    fn hand_out(&mut self, buf: &mut ReadBuf<'_>) {
        let rest = &self.ahead[self.taken..];
        let count = rest.len().min(buf.remaining());
        buf.put_slice(&rest[..count]);
        self.taken += count;
        if self.taken == self.ahead.len() && !self.flooded {
            self.ahead = Vec::new();
            self.taken = 0;
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Burst<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        if this.taken < this.ahead.len() {
            this.hand_out(buf);
            return Poll::Ready(Ok(()));
        }
        if !this.flooded {
            let (before, room) = (buf.filled().len(), buf.remaining());
            ready!(Pin::new(&mut this.stream).poll_read(cx, buf))?;
            let filled = room > 0 && buf.filled().len() - before == room;
            this.flooded = filled && this.budget.is_lifted();
            return Poll::Ready(Ok(()));
        }
        this.ahead.resize(BURST_READ, 0);
        this.taken = 0;
        let mut large = ReadBuf::new(&mut this.ahead);
        let read = Pin::new(&mut this.stream).poll_read(cx, &mut large);
        let count = large.filled().len();
        this.flooded = count == BURST_READ;
        if !matches!(read, Poll::Ready(Ok(()))) || count == 0 {
            this.ahead = Vec::new();
            return read;
        }
        this.ahead.truncate(count);
        this.hand_out(buf);
        Poll::Ready(Ok(()))
    }
}

writes_through!(Burst);

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    #[tokio::test]
    async fn a_flood_comes_out_as_it_went_in_and_leaves_no_memory_behind() {
        let (mut source, sink) = tokio::io::duplex(3 * BURST_READ);
        let budget = Budget::open();
        budget.lift();
        let mut sink = Burst::new(sink, budget);
        let sent: Vec<u8> = (0..2 * BURST_READ + 1000)
            .map(|n| (n % 251) as u8)
            .collect();
        source.write_all(&sent).await.unwrap();
        let mut came = vec![0; sent.len()];
        let mut largest = 0;
        for piece in came.chunks_mut(4096) {
            sink.read_exact(piece).await.unwrap();
            largest = largest.max(sink.ahead.len());
        }
        assert_eq!(came, sent);
        assert_eq!(largest, BURST_READ);
        source.write_all(b"key").await.unwrap();
        sink.read_exact(&mut [0; 3]).await.unwrap();
        assert_eq!(sink.ahead.capacity(), 0);
    }

    #[tokio::test]
    async fn a_stranger_gets_no_buffer_however_much_it_sends() {
        let (mut source, sink) = tokio::io::duplex(3 * BURST_READ);
        let mut sink = Burst::new(sink, Budget::open());
        source.write_all(&[7; 2 * BURST_READ]).await.unwrap();
        for _ in 0..4 {
            sink.read_exact(&mut [0; 4096]).await.unwrap();
            assert_eq!(sink.ahead.capacity(), 0);
        }
    }

    #[tokio::test]
    async fn small_reads_and_an_end_pass_through() {
        let (mut source, sink) = tokio::io::duplex(64);
        let mut sink = Burst::new(sink, Budget::open());
        source.write_all(b"keys").await.unwrap();
        let mut four = [0; 4];
        sink.read_exact(&mut four).await.unwrap();
        assert_eq!(&four, b"keys");
        drop(source);
        assert_eq!(sink.read(&mut [0; 8]).await.unwrap(), 0);
        assert_eq!(sink.ahead.capacity(), 0);
    }
}
