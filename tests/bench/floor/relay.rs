//! The floor's relay: TLS on both legs, and bytes copied between them.

use anyhow::Result;
use lanyard_bench::floor::{ID_BYTES, Leg};
use lanyard_bench::say;
use rcgen::{CertificateParams, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, copy_bidirectional_with_sizes};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::sync::oneshot;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// One read and one write; four TLS records.
const COPY: usize = 64 * 1024;
const BACKLOG: u32 = 4096;

type Stream = TlsStream<TcpStream>;
/// Where a waiting agent's leg takes its viewer.
type Waiting = Mutex<HashMap<[u8; ID_BYTES], oneshot::Sender<Box<Stream>>>>;

pub async fn run(port: u16, identity: &Path) -> Result<()> {
    let acceptor = acceptor(identity)?;
    let socket = TcpSocket::new_v4()?;
    // Connections of the one before it may still be closing.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from(([127, 0, 0, 1], port)))?;
    let listener = socket.listen(BACKLOG)?;
    say::line(&serde_json::json!({
        "event": "listening",
        "port": listener.local_addr()?.port(),
    }))?;
    serve(listener, acceptor).await
}

async fn serve(listener: TcpListener, acceptor: TlsAcceptor) -> Result<()> {
    let waiting = Arc::new(Waiting::default());
    loop {
        let (tcp, _) = listener.accept().await?;
        tcp.set_nodelay(true)?;
        let (acceptor, waiting) = (acceptor.clone(), Arc::clone(&waiting));
        tokio::spawn(async move {
            // Who goes away in the middle is not worth a word here.
            let _ = connection(acceptor, tcp, &waiting).await;
        });
    }
}

async fn connection(acceptor: TlsAcceptor, tcp: TcpStream, waiting: &Waiting) -> Result<()> {
    // Boxed, so that what the handshake needs is given back when it is over.
    let mut stream = Box::new(Box::pin(acceptor.accept(tcp)).await?);
    let mut hello = [0; 1 + ID_BYTES];
    stream.read_exact(&mut hello).await?;
    let [leg, id @ ..] = hello;
    if leg == Leg::Viewer as u8 {
        let agent = waiting
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&id);
        if let Some(agent) = agent {
            // A leg that has just gone takes no viewer.
            let _ = agent.send(stream);
        }
        return Ok(());
    }
    let (sender, viewer) = oneshot::channel();
    waiting
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .insert(id, sender);
    // An idle leg is watched for its end, with one byte.
    let mut byte = [0; 1];
    let viewer = tokio::select! {
        viewer = viewer => viewer.ok(),
        _ = stream.read(&mut byte) => None,
    };
    let Some(mut viewer) = viewer else {
        return Ok(());
    };
    Box::pin(copy_bidirectional_with_sizes(
        &mut stream,
        &mut viewer,
        COPY,
        COPY,
    ))
    .await?;
    Ok(())
}

fn acceptor(identity: &Path) -> Result<TlsAcceptor> {
    if !identity.exists() {
        let key = KeyPair::generate()?;
        let certificate =
            CertificateParams::new(vec!["localhost".to_owned()])?.self_signed(&key)?;
        std::fs::write(identity, certificate.der())?;
        std::fs::write(identity.with_extension("key"), key.serialize_der())?;
    }
    let certificate = CertificateDer::from(std::fs::read(identity)?);
    let key = std::fs::read(identity.with_extension("key"))?;
    let key = PrivateKeyDer::Pkcs8(key.into());
    let mut config =
        ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
    // As the real relay has it.
    config.send_tls13_tickets = 0;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
