//! The relay as an attacker sees it: two ports, and a certificate.

use crate::{PATIENCE, Relay};
use anyhow::{Context as _, Result};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// A connection of any kind.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

/// Where to attack.
#[derive(Clone)]
pub struct Target {
    /// The port with TLS.
    pub tls_port: u16,
    /// The port without.
    pub plain_port: u16,
    /// What our end of a connection may keep without being read, if not what the system thinks best.
    pub receive_buffer: Option<u32>,
    connector: TlsConnector,
}

/// The answer to a request.
#[derive(Debug)]
pub struct Answer {
    /// Its status.
    pub status: u16,
    /// What came after the head.
    pub body: String,
}

impl Target {
    /// This relay.
    ///
    /// # Errors
    /// Its certificate cannot be read.
    pub fn of(relay: &Relay) -> Result<Self> {
        let port = |url: &str| url.rsplit_once(':')?.1.parse().ok();
        let certificate = CertificateDer::from_pem_file(relay.data.join("tls-cert.pem"))?;
        let mut roots = RootCertStore::empty();
        roots.add(certificate)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            tls_port: port(&relay.https).context("a port")?,
            plain_port: port(&relay.web).context("a port")?,
            receive_buffer: None,
            connector: TlsConnector::from(Arc::new(config)),
        })
    }

    /// The name under which the TLS port is dialled.
    #[must_use]
    pub fn host(&self) -> String {
        format!("localhost:{}", self.tls_port)
    }

    /// A TCP connection to the port with TLS, from this address of ours.
    ///
    /// # Errors
    /// It is refused.
    pub async fn tcp(&self, source: Ipv4Addr) -> Result<TcpStream> {
        let socket = TcpSocket::new_v4()?;
        if let Some(bytes) = self.receive_buffer {
            socket.set_recv_buffer_size(bytes)?;
        }
        socket.bind(SocketAddr::from((source, 0)))?;
        let to = SocketAddr::from((Ipv4Addr::LOCALHOST, self.tls_port));
        let stream = timeout(PATIENCE, socket.connect(to))
            .await
            .context("no connection in time")??;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// A connection with TLS, from this address of ours.
    ///
    /// # Errors
    /// It is refused, or ended in the handshake.
    pub async fn tls(&self, source: Ipv4Addr) -> Result<Box<dyn Wire>> {
        let tcp = self.tcp(source).await?;
        let name = ServerName::try_from("localhost")?;
        let tls = timeout(PATIENCE, self.connector.connect(name, tcp));
        Ok(Box::new(tls.await.context("no TLS in time")??))
    }

    /// A connection to the port without TLS.
    ///
    /// # Errors
    /// It is refused.
    pub async fn plain(&self) -> Result<Box<dyn Wire>> {
        let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.plain_port)).await?;
        Ok(Box::new(stream))
    }
}

/// Sends a request and reads the answer until the relay hangs up.
///
/// # Errors
/// There is no answer.
pub async fn ask(mut wire: Box<dyn Wire>, request: &str) -> Result<Answer> {
    wire.write_all(request.as_bytes()).await?;
    let mut bytes = Vec::new();
    let reading = timeout(PATIENCE, wire.read_to_end(&mut bytes)).await;
    // A relay that hangs up without a TLS goodbye has still answered.
    let _ = reading.context("the relay does not hang up")?;
    let text = String::from_utf8_lossy(&bytes);
    let (head, body) = text
        .split_once("\r\n\r\n")
        .with_context(|| format!("no answer: {text:?}"))?;
    let status = head.split(' ').nth(1).context("a status")?.parse()?;
    Ok(Answer {
        status,
        body: body.to_owned(),
    })
}

/// An address of this machine for the attacker of this number. Each is another one to the relay.
#[must_use]
pub fn source(number: u32) -> Ipv4Addr {
    // 127.1.0.0 and up: none of the addresses that honest viewers use.
    Ipv4Addr::from_bits(Ipv4Addr::new(127, 1, 0, 0).to_bits() + number)
}
