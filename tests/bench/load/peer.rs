//! One real link over one real socket, and what an agent needs to have one.

use anyhow::{Context as _, Result, bail};
use ed25519_dalek::SigningKey;
use lanyard_bench::floor::dial;
use lanyard_dial::{Incoming, Relay, Socket, clock};
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::ids::ConnId;
use lanyard_shared::link::{Dialler, Event, Link};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::UnixStream;
use tokio::time::sleep;

/// Where agents dial.
pub const AGENT: &str = "/v1/agent";
/// Where viewers dial.
pub const VIEWER: &str = "/v1/attach";

/// A link that stands.
pub struct Peer {
    /// Its protocol.
    pub link: Link,
    /// Its name.
    pub conn: ConnId,
    socket: Socket,
}

impl Peer {
    /// Dials from `from`, if it is named, and proves who it is.
    ///
    /// # Errors
    /// The relay does not let it in.
    pub async fn dial(
        relay: &Relay,
        path: &str,
        dialler: Dialler,
        from: Option<IpAddr>,
    ) -> Result<Self> {
        let to: SocketAddr = relay.address().authority().parse()?;
        let tcp = dial(to, from).await?;
        let socket = Socket::over(relay, path, tcp).await?;
        let host = relay.address().authority().to_owned();
        let mut peer = Self {
            link: Link::new(dialler, host, clock::mono()),
            conn: ConnId([0; 16]),
            socket,
        };
        loop {
            if let Event::Welcome { conn, .. } = peer.event().await? {
                peer.conn = conn;
                return Ok(peer);
            }
        }
    }

    /// Carries messages until something happens. Nothing is lost when the future is dropped.
    ///
    /// # Errors
    /// The link is over.
    pub async fn event(&mut self) -> Result<Event> {
        loop {
            match self.link.poll_event() {
                Some(Event::Ended(close)) => bail!("the link ended: {}", close.sentence),
                Some(event) => return Ok(event),
                None => {}
            }
            let due = self.link.poll_timeout().context("the link is over")?;
            tokio::select! {
                incoming = self.socket.next(|| self.link.poll_output()) => match incoming {
                    Incoming::Message(message) => self.link.handle(message, clock::now()),
                    Incoming::Gone => bail!("the relay has gone"),
                },
                () = sleep(due.since(clock::mono())) => self.link.on_timeout(clock::mono()),
            }
        }
    }
}

/// A key that nobody else has; `number` tells those of one process apart.
#[must_use]
pub fn key(number: u32) -> SigningKey {
    let mut secret = [0; 32];
    secret[..4].copy_from_slice(&number.to_be_bytes());
    secret[4..8].copy_from_slice(&std::process::id().to_be_bytes());
    SigningKey::from_bytes(&secret)
}

/// An enrolment code from the relay's operator's socket.
///
/// # Errors
/// The relay gives none.
pub async fn code(operator: &Path) -> Result<[u8; 16]> {
    let mut stream = UnixStream::connect(operator).await?;
    stream
        .write_all(b"{\"do\":\"enrol\",\"seconds\":600}\n")
        .await?;
    let mut answer = String::new();
    BufReader::new(stream).read_line(&mut answer).await?;
    let json: serde_json::Value = serde_json::from_str(&answer)?;
    let text = json["code"]["code"]
        .as_str()
        .with_context(|| format!("a code, not {answer}"))?;
    Ok(*EnrolmentCode::parse(text)?.code)
}
