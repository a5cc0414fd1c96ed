//! A relay as far as dialling sees it: TLS with a certificate of its own, and a WebSocket that says one word.

use bytes::Bytes;
use futures_util::{SinkExt as _, StreamExt as _};
use lanyard_dial::Trust;
use ring::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_tungstenite::tungstenite::Message;

pub const WORD: &[u8] = b"hello";

pub struct FakeRelay {
    pub port: u16,
    pub pin: Trust,
}

impl FakeRelay {
    pub async fn start() -> Result<Self, Box<dyn std::error::Error>> {
        let made = rcgen::generate_simple_self_signed(["relay.example".to_owned()])?;
        let certificate = made.cert.der().clone();
        let mut pin = [0; 32];
        pin.copy_from_slice(digest(&SHA256, &certificate).as_ref());
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![certificate], key)?;
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(greet(acceptor.clone(), stream));
            }
        });
        let pin = Trust::Pinned(pin);
        Ok(Self { port, pin })
    }
}

/// Says the word and waits until the other side has gone.
async fn greet(acceptor: TlsAcceptor, stream: TcpStream) -> Option<()> {
    let stream = acceptor.accept(stream).await.ok()?;
    let mut socket = tokio_tungstenite::accept_async(stream).await.ok()?;
    let word = Message::Binary(Bytes::from_static(WORD));
    socket.send(word).await.ok()?;
    while let Some(Ok(_)) = socket.next().await {}
    Some(())
}
