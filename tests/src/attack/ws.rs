//! A WebSocket that says anything: frames are put together byte by byte (RFC 6455, section 5.2).

use super::target::{Target, Wire};
use crate::PATIENCE;
use anyhow::{Context as _, Result, bail};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Leg};
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::net::Ipv4Addr;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::timeout;

/// Opcodes.
pub const CONTINUATION: u8 = 0x0;
/// Text, which has no place in a link.
pub const TEXT: u8 = 0x1;
/// Binary: frames of the link.
pub const BINARY: u8 = 0x2;
/// The end.
pub const CLOSE: u8 = 0x8;
/// A ping of the WebSocket itself.
pub const PING: u8 = 0x9;
/// The last frame of a message.
pub const FIN: u8 = 0x80;
/// The bit that compression would set.
pub const RSV1: u8 = 0x40;

/// The relay adds this to a close code.
const WS_CODES: u16 = 4000;

/// One frame as clients send it: masked, and as long as it says.
#[must_use]
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    declared(first, payload.len() as u64, payload)
}

/// A frame that says it has `length` bytes, whatever follows.
#[must_use]
pub fn declared(first: u8, length: u64, payload: &[u8]) -> Vec<u8> {
    const MASK: [u8; 4] = [1, 2, 3, 4];
    let mut bytes = head(first, 0x80, length);
    bytes.extend_from_slice(&MASK);
    bytes.extend(
        payload
            .iter()
            .zip(MASK.iter().cycle())
            .map(|(byte, mask)| byte ^ mask),
    );
    bytes
}

/// A frame without a mask, as only servers may send it.
#[must_use]
pub fn unmasked(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut bytes = head(first, 0, payload.len() as u64);
    bytes.extend_from_slice(payload);
    bytes
}

fn head(first: u8, mask: u8, length: u64) -> Vec<u8> {
    let mut bytes = vec![first];
    match (u8::try_from(length), u16::try_from(length)) {
        (Ok(short @ 0..=125), _) => bytes.push(mask | short),
        (_, Ok(medium)) => {
            bytes.push(mask | 126);
            bytes.extend_from_slice(&medium.to_be_bytes());
        }
        (_, Err(_)) => {
            bytes.push(mask | 127);
            bytes.extend_from_slice(&length.to_be_bytes());
        }
    }
    bytes
}

/// The request that begins a WebSocket.
#[must_use]
pub fn upgrade(path: &str, host: &str, more: &str) -> String {
    format!(
        "GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
    )
}

/// How the relay ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// With a code, in its own close frame and in the WebSocket's.
    Told(CloseCode),
    /// Without a word.
    Cut,
}

/// What the relay said.
#[derive(Debug)]
pub enum Heard {
    /// One message.
    Message(Bytes),
    /// Something of the WebSocket itself, like an answer to a ping.
    Control,
    /// The WebSocket's close, with its code.
    Closed(u16),
    /// Nothing will come any more.
    Gone,
}

/// A WebSocket of an attacker.
pub struct RawSocket {
    wire: Box<dyn Wire>,
    heard: Vec<u8>,
}

impl RawSocket {
    /// Begins one at `path`, from this address of ours.
    ///
    /// # Errors
    /// The relay does not agree to a WebSocket.
    pub async fn open(target: &Target, path: &str, source: Ipv4Addr) -> Result<Self> {
        let wire = target.tls(source).await?;
        Self::over(wire, path, &target.host()).await
    }

    /// Begins one over a connection that stands.
    ///
    /// # Errors
    /// The relay does not agree to a WebSocket.
    pub async fn over(wire: Box<dyn Wire>, path: &str, host: &str) -> Result<Self> {
        let mut socket = Self {
            wire,
            heard: Vec::new(),
        };
        socket.send(upgrade(path, host, "").as_bytes()).await?;
        let head = socket.head().await?;
        if !head.starts_with("HTTP/1.1 101") {
            bail!("no WebSocket: {head}");
        }
        Ok(socket)
    }

    /// The other end of one: takes the request, whatever it asks for.
    ///
    /// # Errors
    /// There is none.
    pub async fn answered(wire: Box<dyn Wire>) -> Result<Self> {
        let mut socket = Self {
            wire,
            heard: Vec::new(),
        };
        let head = socket.head().await?;
        let key = head.lines().find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("sec-websocket-key")
                .then_some(value)
        });
        let accepted = format!(
            "{}258EAFA5-E914-47DA-95CA-C5AB0DC85B11",
            key.context("a request for a WebSocket")?
        );
        let digest = digest(&SHA1_FOR_LEGACY_USE_ONLY, accepted.as_bytes());
        let answer = format!(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: {}\r\n\r\n",
            STANDARD.encode(digest)
        );
        socket.send(answer.as_bytes()).await?;
        Ok(socket)
    }

    /// The head of a request or an answer.
    async fn head(&mut self) -> Result<String> {
        loop {
            if let Some(at) = self.heard.windows(4).position(|w| w == b"\r\n\r\n") {
                let head: Vec<u8> = self.heard.drain(..at + 4).collect();
                return Ok(String::from_utf8_lossy(&head).into_owned());
            }
            if !self.read().await? {
                bail!("the other end hung up");
            }
        }
    }

    /// Sends any bytes.
    ///
    /// # Errors
    /// The relay has hung up, or does not read.
    pub async fn send(&mut self, bytes: &[u8]) -> Result<()> {
        let sending = async {
            self.wire.write_all(bytes).await?;
            self.wire.flush().await
        };
        timeout(PATIENCE, sending)
            .await
            .context("the relay does not read")??;
        Ok(())
    }

    /// Sends a frame of the link.
    ///
    /// # Errors
    /// The relay has hung up, or does not read.
    pub async fn send_link_frame(&mut self, link_frame: &Frame) -> Result<()> {
        self.send(&frame(FIN | BINARY, &link_frame.encode())).await
    }

    /// What the relay says next.
    ///
    /// # Errors
    /// Nothing comes in time.
    pub async fn hear(&mut self) -> Result<Heard> {
        loop {
            if let Some(heard) = self.parse() {
                return Ok(heard);
            }
            if !self.read().await? {
                return Ok(Heard::Gone);
            }
        }
    }

    /// Reads until the relay ends it.
    ///
    /// # Errors
    /// It does not in time, or its two codes differ.
    pub async fn ending(&mut self) -> Result<Ending> {
        let mut told = None;
        loop {
            match self.hear().await? {
                Heard::Message(message) => {
                    if let Ok(Frame::Close(0, close)) = Frame::decode(message, Leg::Viewer) {
                        told = close.code;
                    }
                }
                Heard::Control => {}
                Heard::Closed(code) => {
                    // The relay waits for this, or for its patience to end.
                    let _ = self.send(&frame(FIN | CLOSE, &code.to_be_bytes())).await;
                    let told = told.context("a close frame before the WebSocket's")?;
                    if code != WS_CODES + told as u16 {
                        bail!("{told:?} and {code} do not fit");
                    }
                    return Ok(Ending::Told(told));
                }
                Heard::Gone => return Ok(Ending::Cut),
            }
        }
    }

    /// False when the relay has hung up.
    async fn read(&mut self) -> Result<bool> {
        let mut buffer = [0; 8 * 1024];
        let read = timeout(PATIENCE, self.wire.read(&mut buffer))
            .await
            .context("the relay says nothing and does not hang up")?;
        // A connection that was reset is over as well.
        let read = read.unwrap_or(0);
        self.heard.extend_from_slice(&buffer[..read]);
        Ok(read > 0)
    }

    fn parse(&mut self) -> Option<Heard> {
        let (&[first, length], rest) = self.heard.split_first_chunk::<2>()?;
        let masked = length & 0x80 != 0;
        let (length, rest) = match length & 0x7f {
            126 => rest
                .split_first_chunk::<2>()
                .map(|(l, rest)| (usize::from(u16::from_be_bytes(*l)), rest))?,
            127 => rest
                .split_first_chunk::<8>()
                .map(|(l, rest)| (u64::from_be_bytes(*l) as usize, rest))?,
            short => (usize::from(short), rest),
        };
        let (mask, rest) = if masked {
            rest.split_first_chunk::<4>()?
        } else {
            (&[0; 4], rest)
        };
        let payload: Bytes = rest
            .get(..length)?
            .iter()
            .zip(mask.iter().cycle())
            .map(|(byte, mask)| byte ^ mask)
            .collect();
        let used = self.heard.len() - rest.len() + length;
        self.heard.drain(..used);
        Some(match first & 0x0f {
            BINARY => Heard::Message(payload),
            CLOSE => Heard::Closed(
                payload
                    .first_chunk()
                    .map_or(0, |code| u16::from_be_bytes(*code)),
            ),
            _ => Heard::Control,
        })
    }
}
