//! How one dials the floor (`tests/bench/floor`): what its viewer, its agent and its load share.

use anyhow::{Context as _, Result};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The id by which viewer and agent find each other.
pub const ID_BYTES: usize = 16;
/// The number of a terminal, as a viewer sends it.
pub const PTY_NUMBER: usize = 4;

/// Who dials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Leg {
    /// An agent's leg, which waits for a viewer.
    Agent = b'A',
    /// A viewer.
    Viewer = b'V',
}

/// Which terminal a viewer wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Wish {
    /// A fresh one.
    New = b'n',
    /// One that is there.
    Existing = b'e',
}

/// Where the floor's relay is, and how to know it.
#[derive(Clone)]
pub struct Address {
    at: SocketAddr,
    config: Arc<ClientConfig>,
}

impl Address {
    /// The relay on this port of loopback, with this certificate.
    ///
    /// # Errors
    /// It is no certificate.
    pub fn new(port: u16, certificate: &[u8]) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from(certificate.to_vec()))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            at: SocketAddr::from(([127, 0, 0, 1], port)),
            config: Arc::new(config),
        })
    }

    /// The same, with the certificate in a file.
    ///
    /// # Errors
    /// The file cannot be read or is no certificate.
    pub fn read(port: u16, certificate: &Path) -> Result<Self> {
        let bytes = std::fs::read(certificate)
            .with_context(|| format!("cannot read {}", certificate.display()))?;
        Self::new(port, &bytes)
    }
}

/// Dials the floor's relay, from a given source address if one is named, and says who one is.
///
/// # Errors
/// The relay cannot be reached.
pub async fn connect(
    address: &Address,
    from: Option<IpAddr>,
    leg: Leg,
    id: u64,
) -> Result<TlsStream<TcpStream>> {
    let tcp = dial(address.at, from).await?;
    let connector = TlsConnector::from(Arc::clone(&address.config));
    let mut stream = connector
        .connect(ServerName::try_from("localhost")?, tcp)
        .await?;
    let mut hello = [0; 1 + ID_BYTES];
    hello[0] = leg as u8;
    hello[1..9].copy_from_slice(&id.to_be_bytes());
    stream.write_all(&hello).await?;
    stream.flush().await?;
    Ok(stream)
}

/// A TCP connection without Nagle's delay, from a given source address if one is named.
///
/// # Errors
/// Nobody listens there.
pub async fn dial(to: SocketAddr, from: Option<IpAddr>) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    let tcp = socket.connect(to).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}
