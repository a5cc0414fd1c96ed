//! Everything that goes between a viewer and the plain side of the relay, kept.

use crate::relay::Relay;
use anyhow::{Context as _, Result};
use bytes::Bytes;
use lanyard_shared::b64;
use lanyard_shared::frame::{Frame, Leg, Target};
use lanyard_shared::ids::TokenId;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

/// A listener that passes everything on and remembers it.
pub struct Wiretap {
    /// Where viewers dial instead of the relay.
    pub web: String,
    from_viewer: Arc<Mutex<Vec<u8>>>,
    from_relay: Arc<Mutex<Vec<u8>>>,
}

impl Wiretap {
    /// Listens on the other loopback address at the relay's own port: the relay knows itself by that name too, so that its checks of names stay
    /// as they are.
    ///
    /// # Errors
    /// The port is taken there.
    pub async fn before(relay: &Relay) -> Result<Self> {
        let port = relay.web.rsplit_once(':').context("a port")?.1.to_owned();
        let listener = TcpListener::bind(format!("[::1]:{port}")).await?;
        let (from_viewer, from_relay): (Arc<Mutex<_>>, Arc<Mutex<_>>) = Default::default();
        let (viewer_bytes, relay_bytes) = (Arc::clone(&from_viewer), Arc::clone(&from_relay));
        let (to, web) = (format!("127.0.0.1:{port}"), format!("http://[::1]:{port}"));
        tokio::spawn(async move {
            while let Ok((viewer, _)) = listener.accept().await {
                let Ok(relay) = TcpStream::connect(&to).await else {
                    return;
                };
                let ((from_viewer, to_viewer), (from_relay, to_relay)) =
                    (viewer.into_split(), relay.into_split());
                tokio::spawn(pass(from_viewer, to_relay, Arc::clone(&viewer_bytes)));
                tokio::spawn(pass(from_relay, to_viewer, Arc::clone(&relay_bytes)));
            }
        });
        Ok(Self {
            web,
            from_viewer,
            from_relay,
        })
    }

    /// What the relay sent to viewers.
    #[must_use]
    pub fn heard_from_relay(&self) -> Vec<u8> {
        self.from_relay
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// The payloads of what viewers sent to the relay, their masks taken off (RFC 6455, section 5.2).
    #[must_use]
    pub fn said_by_viewers(&self) -> Vec<Bytes> {
        let bytes = self
            .from_viewer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut payloads = Vec::new();
        let mut rest = bytes.as_slice();
        while let Some(at) = rest.windows(4).position(|window| window == b"\r\n\r\n") {
            rest = &rest[at + 4..];
            while let Some((payload, after)) = unmask(rest) {
                payloads.push(payload.into());
                rest = after;
            }
        }
        payloads
    }

    /// The ids of the tokens that went by in opens of purpose streams.
    #[must_use]
    pub fn token_ids(&self) -> Vec<TokenId> {
        let frames = self
            .said_by_viewers()
            .into_iter()
            .filter_map(|payload| Frame::decode(payload, Leg::Viewer).ok());
        let targets = frames.filter_map(|frame| {
            if let Frame::Open(_, open) = frame {
                Some(open.target)
            } else {
                None
            }
        });
        let tokens = targets.filter_map(|target| {
            if let Target::Purpose(token) = target {
                Some(token)
            } else {
                None
            }
        });
        tokens.filter_map(|token| token_id(&token)).collect()
    }
}

fn token_id(token: &str) -> Option<TokenId> {
    let claims: serde_json::Value =
        serde_json::from_slice(&b64::decode(token.split('.').nth(1)?)?).ok()?;
    TokenId::parse(claims["jti"].as_str()?)
}

fn unmask(bytes: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (&[_, length], rest) = bytes.split_first_chunk::<2>()?;
    if length & 0x80 == 0 {
        return None;
    }
    let (length, rest) = match length & 0x7f {
        126 => rest
            .split_first_chunk::<2>()
            .map(|(l, rest)| (usize::from(u16::from_be_bytes(*l)), rest))?,
        127 => rest
            .split_first_chunk::<8>()
            .map(|(l, rest)| (u64::from_be_bytes(*l) as usize, rest))?,
        short => (usize::from(short), rest),
    };
    let (mask, rest) = rest.split_first_chunk::<4>()?;
    let payload = rest.get(..length)?;
    let plain = payload
        .iter()
        .zip(mask.iter().cycle())
        .map(|(byte, mask)| byte ^ mask)
        .collect();
    Some((plain, &rest[length..]))
}

async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    heard: Arc<Mutex<Vec<u8>>>,
) -> std::io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let read = from.read(&mut buffer).await?;
        if read == 0 {
            return to.shutdown().await;
        }
        heard
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .extend_from_slice(&buffer[..read]);
        to.write_all(&buffer[..read]).await?;
    }
}
