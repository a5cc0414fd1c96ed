//! A stream of bytes that ends when more comes in than was allowed. It stands below the WebSocket, so that a stranger's bytes are counted
//! before anything is kept of them.

use crate::through::writes_through;
use lanyard_shared::limits::UNPROVEN_BYTES;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, ReadBuf};

/// What may still come in; `usize::MAX` stands for anything.
#[derive(Clone, Debug)]
pub struct Budget(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    left: AtomicUsize,
    lifted: AtomicBool,
}

/// The peer sent more than it may.
#[derive(Debug, thiserror::Error)]
#[error("more than {UNPROVEN_BYTES} bytes came before a proof of identity")]
pub struct Spent;

impl Budget {
    /// No limit. A request head has its own.
    #[must_use]
    pub fn open() -> Self {
        Self(Arc::new(Counts {
            left: AtomicUsize::new(usize::MAX),
            lifted: AtomicBool::new(false),
        }))
    }

    /// From here on `bytes` may come.
    pub fn limit(&self, bytes: usize) {
        self.0.left.store(bytes, Ordering::Relaxed);
    }

    /// The peer has proven who it is.
    pub fn lift(&self) {
        self.limit(usize::MAX);
        self.0.lifted.store(true, Ordering::Relaxed);
    }

    /// Whether the peer has proven who it is.
    #[must_use]
    pub fn is_lifted(&self) -> bool {
        self.0.lifted.load(Ordering::Relaxed)
    }
}

/// A stream that watches its budget.
pub struct Budgeted<S> {
    stream: S,
    budget: Budget,
}

impl<S> Budgeted<S> {
    /// Counts what comes in from `stream`.
    pub fn new(stream: S, budget: Budget) -> Self {
        Self { stream, budget }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Budgeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(cx, buf);
        let left = self.budget.0.left.load(Ordering::Relaxed);
        if left != usize::MAX {
            match left.checked_sub(buf.filled().len() - before) {
                Some(left) => self.budget.limit(left),
                None => return Poll::Ready(Err(io::Error::other(Spent))),
            }
        }
        polled
    }
}

writes_through!(Budgeted);

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::io::AsyncReadExt as _;

    #[tokio::test]
    async fn the_byte_after_the_budget_ends_the_stream_unless_it_was_lifted() {
        let budget = Budget::open();
        let bytes = [7_u8; 100];
        let mut stream = Budgeted::new(&bytes[..], budget.clone());
        stream.read_exact(&mut [0; 50]).await.unwrap();
        budget.limit(20);
        stream.read_exact(&mut [0; 20]).await.unwrap();
        let error = stream.read_exact(&mut [0; 1]).await.unwrap_err();
        assert!(error.get_ref().unwrap().is::<Spent>());
        budget.lift();
        stream.read_exact(&mut [0; 29]).await.unwrap();
    }
}
