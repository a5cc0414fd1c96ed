//! The proxy here is a script at the other end of a pipe, or of TLS on loopback.

use super::*;
use crate::proxy::Proxies;
use crate::{Relay, address};
use ring::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use tokio::io::duplex;
use tokio::net::TcpListener;

type Outcome = Result<(), Box<dyn std::error::Error>>;

fn proxy(url: &str) -> Result<Proxy, Box<dyn std::error::Error>> {
    let proxies = Proxies::read(|name| (name == "HTTPS_PROXY").then(|| url.to_owned()));
    let relay = Relay::parse("https://relay.example", address::Trust::System)?;
    Ok(proxies.before(&relay)?.ok_or("no proxy")?.clone())
}

/// What comes of an answer, in words, and what was asked.
async fn asked(url: &str, answer: &[u8]) -> Result<(String, String), Box<dyn std::error::Error>> {
    let (mut ours, mut theirs) = duplex(64 * 1024);
    theirs.write_all(answer).await?;
    theirs.shutdown().await?;
    let outcome = ask(&mut ours, &proxy(url)?, "relay.example:443").await;
    drop(ours);
    let mut request = String::new();
    theirs.read_to_string(&mut request).await?;
    let words = outcome.map_or_else(|error| error.to_string(), |()| "through".to_owned());
    Ok((words, request))
}

#[tokio::test]
async fn every_answer_of_a_proxy_has_its_sentence() -> Outcome {
    let nonsense = "the proxy at http://p:1 did not answer as an HTTP proxy does";
    let endless = format!(
        "HTTP/1.1 200 OK\r\nX: {}\r\n\r\n",
        "x".repeat(PROXY_HEAD_MAX)
    );
    for (answer, expected) in [
        ("HTTP/1.1 200 Connection established\r\n\r\n", "through"),
        ("HTTP/1.0 200\r\nVia: p\r\n\r\n", "through"),
        ("HTTP/1.1 204 Fine\r\n\r\n", "through"),
        (
            "HTTP/1.1 407 Who\r\nContent-Length: 2\r\n\r\nno",
            "the proxy at http://p:1 wants a user name and password, or others",
        ),
        (
            "HTTP/1.1 403 Forbidden\r\n\r\n",
            "the proxy at http://p:1 does not allow a connection to the relay",
        ),
        (
            "HTTP/1.1 502 Bad gateway\r\n\r\nsorry",
            "the proxy at http://p:1 could not connect to the relay (HTTP 502)",
        ),
        ("HTTP/1.1 200 OK\r\n\r\nand a word of its own", nonsense),
        ("SSH-2.0-OpenSSH\r\n\r\n", nonsense),
        ("HTTP/1.1 2000 OK\r\n\r\n", nonsense),
        ("HTTP/1.1 +20 OK\r\n\r\n", nonsense),
        ("HTTP/1.1 200 OK\r\n", nonsense),
        ("HTTP/1.1", nonsense),
        ("\r\n\r\n", nonsense),
        ("", nonsense),
        (&endless, nonsense),
    ] {
        let (words, _) = asked("http://p:1", answer.as_bytes()).await?;
        assert_eq!(words, expected, "{answer:?}");
    }
    Ok(())
}

#[tokio::test]
async fn the_proxy_is_asked_for_the_relay_and_told_who_asks_only_when_the_setting_says_so()
-> Outcome {
    let (_, request) = asked("http://p:1", b"").await?;
    let plain = "CONNECT relay.example:443 HTTP/1.1\r\nHost: relay.example:443\r\n";
    assert_eq!(request, format!("{plain}\r\n"));
    let (words, request) = asked("http://u:p@p:1", b"HTTP/1.1 407 No\r\n\r\n").await?;
    assert_eq!(
        request,
        format!("{plain}Proxy-Authorization: Basic dTpw\r\n\r\n")
    );
    assert!(!words.contains("u:p") && !words.contains("dTpw"), "{words}");
    Ok(())
}

#[tokio::test]
async fn a_proxy_with_tls_is_known_by_its_certificate_before_it_hears_a_password() -> Outcome {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()])?;
    let certificate = made.cert.der().clone();
    let mut pin = [0; 32];
    pin.copy_from_slice(digest(&SHA256, &certificate).as_ref());
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)?;
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://u:p@{}", listener.local_addr()?);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await;
                let _ = stream.read(&mut [0; 1024]).await;
            }
        }
    });
    let target = "relay.example:443";
    assert!(
        through(&proxy(&url)?, Trust::Pinned(pin), target)
            .await
            .is_ok()
    );
    for trust in [Trust::Pinned([0; 32]), Trust::System] {
        let refused = through(&proxy(&url)?, trust, target).await.err();
        let words = refused
            .ok_or("a foreign certificate was taken")?
            .to_string();
        assert!(
            words.contains("cannot be reached: invalid peer certificate"),
            "{words}"
        );
    }
    Ok(())
}
