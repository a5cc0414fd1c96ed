//! The WebSocket under a link: which of its messages are frames, what its errors mean, and how it is closed.

use crate::budget::Spent;
use crate::limits::CLOSE_TIME;
use crate::route::PeerMisbehaved;
use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use bytes::Bytes;
use futures_util::{FutureExt as _, SinkExt as _, StreamExt as _};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame, FrameError};
use lanyard_shared::limits::FRAME_MAX;
use std::error::Error;
use tokio_tungstenite::tungstenite::{self, error::ProtocolError};

/// Close codes of WebSockets for use by applications begin here.
const WS_CODES: u16 = 4000;

/// What came over the socket.
pub enum Incoming {
    /// One frame's bytes.
    Frame(Bytes),
    /// Something that only shows that the peer is there.
    Alive,
    /// The peer broke the protocol.
    Misbehaved(PeerMisbehaved),
    /// The peer sent more than a stranger may.
    Spent,
    /// The peer has gone.
    Gone,
}

/// Sorts what the WebSocket gave.
pub fn incoming(message: Option<Result<Message, axum::Error>>) -> Incoming {
    match message {
        Some(Ok(Message::Binary(bytes))) => Incoming::Frame(bytes),
        Some(Ok(Message::Text(_))) => Incoming::Misbehaved(PeerMisbehaved::Text),
        Some(Ok(Message::Ping(_) | Message::Pong(_))) => Incoming::Alive,
        Some(Ok(Message::Close(_))) | None => Incoming::Gone,
        Some(Err(error)) => failed(error),
    }
}

fn failed(error: axum::Error) -> Incoming {
    let Ok(error) = error.into_inner().downcast::<tungstenite::Error>() else {
        return Incoming::Gone;
    };
    if is_spent(&error) {
        return Incoming::Spent;
    }
    let fault = match *error {
        tungstenite::Error::Capacity(_) => FrameError::TooLarge(FRAME_MAX + 1).into(),
        tungstenite::Error::Utf8(_) => PeerMisbehaved::Text,
        // What a peer looks like that just goes away.
        tungstenite::Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => {
            return Incoming::Gone;
        }
        tungstenite::Error::Protocol(_) => PeerMisbehaved::WebSocket,
        tungstenite::Error::ConnectionClosed
        | tungstenite::Error::AlreadyClosed
        | tungstenite::Error::Io(_)
        | tungstenite::Error::Tls(_)
        | tungstenite::Error::WriteBufferFull(_)
        | tungstenite::Error::AttackAttempt
        | tungstenite::Error::Url(_)
        | tungstenite::Error::Http(_)
        | tungstenite::Error::HttpFormat(_) => return Incoming::Gone,
    };
    Incoming::Misbehaved(fault)
}

fn is_spent(error: &tungstenite::Error) -> bool {
    let mut source: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(error) = source {
        if error.is::<Spent>() {
            return true;
        }
        let inner = error
            .downcast_ref::<std::io::Error>()
            .and_then(|io| io.get_ref());
        source = inner
            .map(|inner| inner as &(dyn Error + 'static))
            .or_else(|| error.source());
    }
    false
}

/// Tells the peer why its link ends, and closes. A peer that does not read is not waited for.
pub async fn farewell(mut socket: Box<WebSocket>, close: Close) {
    let farewell = async {
        say(&mut socket, close).await?;
        // Until the peer has answered, so that its last words in flight do not turn our close into a reset.
        while let Some(Ok(_)) = socket.next().await {}
        Ok::<(), axum::Error>(())
    };
    let _ = tokio::time::timeout(CLOSE_TIME, farewell).await;
}

/// The same without waiting for anything: what does not fit into the socket at once is not said.
pub fn farewell_now(mut socket: Box<WebSocket>, close: Close) {
    let _ = say(&mut socket, close).now_or_never();
}

async fn say(socket: &mut WebSocket, close: Close) -> Result<(), axum::Error> {
    let code = close.code.unwrap_or(CloseCode::Done);
    let end = CloseFrame {
        code: WS_CODES + code as u16,
        reason: Utf8Bytes::from_static(code.name()),
    };
    let close = Frame::Close(0, close).encode();
    socket.feed(Message::Binary(close)).await?;
    socket.send(Message::Close(Some(end))).await
}
