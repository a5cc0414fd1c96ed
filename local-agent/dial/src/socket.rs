//! One WebSocket to a relay: whole messages in and out, with bounded buffers.

use crate::address::{Relay, Trust};
use crate::error::DialError;
use crate::limits::{CONNECT_TIME, FINISH_TIME, READ_BUFFER, WRITE_BUFFER, WRITE_BUFFER_MAX};
use crate::proxy::{Proxies, Proxy};
use crate::stream::{self, Duplex};
use crate::tunnel::{self, ProxyError};
use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use lanyard_shared::limits::FRAME_MAX;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

/// What the relay sent.
#[derive(Debug)]
pub enum Incoming {
    /// One message.
    Message(Bytes),
    /// The connection is over.
    Gone,
}

/// One WebSocket.
pub struct Socket {
    ws: WebSocketStream<Box<dyn Duplex>>,
    /// Something was given to the sink and not yet flushed.
    unflushed: bool,
}

impl Socket {
    /// Connects to `path` at the relay, through the proxy that stands before it, if one does.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn connect(relay: &Relay, proxies: &Proxies, path: &str) -> Result<Self, DialError> {
        let proxy = proxies.before(relay).map_err(ProxyError::from)?;
        let attempt = Self::connect_slowly(relay, proxy, path);
        tokio::time::timeout(CONNECT_TIME, attempt)
            .await
            .map_err(|_| DialError::Timeout {
                address: relay.to_string(),
                proxy: proxy.map(Proxy::to_string),
            })?
    }

    async fn connect_slowly(
        relay: &Relay,
        proxy: Option<&Proxy>,
        path: &str,
    ) -> Result<Self, DialError> {
        let stream: Box<dyn Duplex> = match proxy {
            Some(proxy) => tunnel::through(proxy, Trust::System, &relay.target()).await?,
            None => {
                let (host, port) = relay.host_and_port();
                let tcp = stream::tcp(host, port).await;
                Box::new(tcp.map_err(|source| DialError::unreachable(relay, source))?)
            }
        };
        Self::upgrade(relay, path, stream).await
    }

    /// The same over a TCP connection that stands already.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn over(relay: &Relay, path: &str, tcp: TcpStream) -> Result<Self, DialError> {
        tcp.set_nodelay(true)
            .map_err(|source| DialError::unreachable(relay, source))?;
        Self::upgrade(relay, path, Box::new(tcp)).await
    }

    async fn upgrade(
        relay: &Relay,
        path: &str,
        mut stream: Box<dyn Duplex>,
    ) -> Result<Self, DialError> {
        let mut scheme = "ws";
        if relay.address().is_https() {
            scheme = "wss";
            let (host, _) = relay.host_and_port();
            let secured = stream::secure(stream, host, relay.trust()).await;
            stream = Box::new(secured.map_err(|error| DialError::of_tls(relay, error))?);
        }
        let url = format!("{scheme}://{}{path}", relay.address().authority());
        let (ws, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(buffers()))
            .await
            .map_err(|error| DialError::of_upgrade(relay, error))?;
        Ok(Self {
            ws,
            unflushed: false,
        })
    }

    /// Writes what `source` yields as fast as the connection takes it, until a message comes in. Nothing is lost when the future is
    /// dropped: a message is taken from `source` only when there is room for it.
    pub async fn next(&mut self, mut source: impl FnMut() -> Option<Bytes>) -> Incoming {
        poll_fn(|cx| {
            if self.poll_write(cx, &mut source).is_err() {
                return Poll::Ready(Incoming::Gone);
            }
            self.poll_read(cx)
        })
        .await
    }

    /// Writes what `source` still has, then closes. Bounded by a second: the peer may be gone.
    pub async fn finish(mut self, mut source: impl FnMut() -> Option<Bytes>) {
        let closing = poll_fn(|cx| match self.poll_write(cx, &mut source) {
            Ok(true) => Pin::new(&mut self.ws).poll_close(cx).map(|_| ()),
            Ok(false) => Poll::Pending,
            Err(_) => Poll::Ready(()),
        });
        let _ = tokio::time::timeout(FINISH_TIME, closing).await;
    }

    /// True when all is written and flushed.
    fn poll_write(
        &mut self,
        cx: &mut Context<'_>,
        source: &mut impl FnMut() -> Option<Bytes>,
    ) -> Result<bool, WsError> {
        let mut sink = Pin::new(&mut self.ws);
        loop {
            if sink.as_mut().poll_ready(cx)?.is_pending() {
                return Ok(false);
            }
            let Some(message) = source() else { break };
            sink.as_mut().start_send(Message::Binary(message))?;
            self.unflushed = true;
        }
        if self.unflushed {
            if sink.as_mut().poll_flush(cx)?.is_pending() {
                return Ok(false);
            }
            self.unflushed = false;
        }
        Ok(true)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Incoming> {
        loop {
            return match Pin::new(&mut self.ws).poll_next(cx) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Some(Ok(Message::Binary(message)))) => {
                    Poll::Ready(Incoming::Message(message))
                }
                // Pings are answered inside; the relay speaks in binary messages only.
                Poll::Ready(Some(Ok(Message::Ping(_) | Message::Pong(_)))) => continue,
                Poll::Ready(
                    Some(Ok(Message::Text(_) | Message::Frame(_) | Message::Close(_)) | Err(_))
                    | None,
                ) => Poll::Ready(Incoming::Gone),
            };
        }
    }
}

fn buffers() -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(WRITE_BUFFER_MAX)
        .max_message_size(Some(FRAME_MAX))
        .max_frame_size(Some(FRAME_MAX))
}
