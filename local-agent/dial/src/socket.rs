//! One WebSocket to a relay: whole messages in and out, with bounded buffers.

use crate::address::Relay;
use crate::limits::{
    CONNECT_TIME, FINISH_TIME, READ_BUFFER, REFUSAL_SHOWN, WRITE_BUFFER, WRITE_BUFFER_MAX,
};
use crate::tls;
use bytes::Bytes;
use futures_util::{Sink as _, Stream as _};
use lanyard_shared::limits::FRAME_MAX;
use rustls::pki_types::ServerName;
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WsError, Message};

/// Why no WebSocket came to be.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No TCP connection.
    #[error("the relay at {address} cannot be reached: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// Nothing happened for ten seconds.
    #[error("the relay at {0} did not answer within 10 seconds")]
    Timeout(String),
    /// The certificate is not the one expected, or no authority vouches for it.
    #[error("the relay's certificate is not the one expected: {0}")]
    Certificate(std::io::Error),
    /// TLS could not be set up.
    #[error("TLS could not be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// The answer was not a WebSocket.
    #[error("the relay at {address} refused the connection: {reason}")]
    Refused {
        /// Where.
        address: String,
        /// What it said.
        reason: String,
    },
}

impl DialError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Timeout(_) => {
                "check that `lanyard-relay serve` runs there and that a firewall lets its port through"
            }
            Self::Certificate(_) | Self::Tls(_) => {
                "if the relay's certificate was replaced, run `lanyard-relay enrol` there and `lanyard up --enrol CODE` here"
            }
            Self::Refused { .. } => {
                "check the address; the relay may know itself by another name (`--host`)"
            }
        }
    }

    /// True when trying again later cannot help by itself.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        matches!(self, Self::Certificate(_) | Self::Tls(_))
    }
}

trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

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
    /// Connects to `path` at the relay.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn connect(relay: &Relay, path: &str) -> Result<Self, DialError> {
        let attempt = Self::connect_slowly(relay, path);
        tokio::time::timeout(CONNECT_TIME, attempt)
            .await
            .map_err(|_| DialError::Timeout(relay.to_string()))?
    }

    async fn connect_slowly(relay: &Relay, path: &str) -> Result<Self, DialError> {
        let unreachable = |source| DialError::Unreachable {
            address: relay.to_string(),
            source,
        };
        let tcp = TcpStream::connect(relay.host_and_port())
            .await
            .map_err(unreachable)?;
        Self::over(relay, path, tcp).await
    }

    /// The same over a TCP connection that stands already.
    ///
    /// # Errors
    /// See [`DialError`].
    pub async fn over(relay: &Relay, path: &str, tcp: TcpStream) -> Result<Self, DialError> {
        let unreachable = |source| DialError::Unreachable {
            address: relay.to_string(),
            source,
        };
        tcp.set_nodelay(true).map_err(unreachable)?;
        let stream: Box<dyn Duplex> = if relay.address().is_https() {
            let name = ServerName::try_from(relay.host_and_port().0.to_owned())
                .map_err(|_| unreachable(std::io::Error::other("not a host name")))?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(tls::config(relay.trust())?));
            Box::new(
                connector
                    .connect(name, tcp)
                    .await
                    .map_err(|error| tls_failed(relay, error))?,
            )
        } else {
            Box::new(tcp)
        };
        let scheme = if relay.address().is_https() {
            "wss"
        } else {
            "ws"
        };
        let url = format!("{scheme}://{}{path}", relay.address().authority());
        let (ws, _) = tokio_tungstenite::client_async_with_config(url, stream, Some(buffers()))
            .await
            .map_err(|error| DialError::Refused {
                address: relay.to_string(),
                reason: refusal(error),
            })?;
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

fn tls_failed(relay: &Relay, error: std::io::Error) -> DialError {
    let certificate = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>())
        .is_some_and(|inner| matches!(inner, rustls::Error::InvalidCertificate(_)));
    if certificate {
        DialError::Certificate(error)
    } else {
        DialError::Unreachable {
            address: relay.to_string(),
            source: error,
        }
    }
}

fn refusal(error: WsError) -> String {
    if let WsError::Http(response) = &error {
        let body = response.body().as_deref().unwrap_or_default();
        let text = String::from_utf8_lossy(&body[..body.len().min(REFUSAL_SHOWN)])
            .trim()
            .to_owned();
        return if text.is_empty() {
            format!("HTTP {}", response.status())
        } else {
            text
        };
    }
    error.to_string()
}
