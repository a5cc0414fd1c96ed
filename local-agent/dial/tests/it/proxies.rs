//! A relay that only a proxy can find: its name is nobody's, so nothing gets there but through the proxy.

use crate::Outcome;
use crate::relay::{FakeRelay, WORD};
use lanyard_dial::{DialError, Incoming, Proxies, Relay, Socket};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

/// A proxy that takes everybody to one port of this machine, and keeps what it saw go by before that.
struct ConnectProxy {
    port: u16,
    heads: Arc<Mutex<Vec<String>>>,
}

impl ConnectProxy {
    async fn before(relay: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let port = listener.local_addr()?.port();
        let heads = Arc::<Mutex<Vec<String>>>::default();
        let seen = Arc::clone(&heads);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(forward(stream, relay, Arc::clone(&seen)));
            }
        });
        Ok(Self { port, heads })
    }

    fn heads(&self) -> Vec<String> {
        let heads = self.heads.lock();
        heads.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

async fn forward(
    mut stream: TcpStream,
    relay: u16,
    heads: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await?);
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    heads
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(head);
    let mut far = TcpStream::connect(("127.0.0.1", relay)).await?;
    stream
        .write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    copy_bidirectional(&mut stream, &mut far).await?;
    Ok(())
}

fn by(url: String) -> Proxies {
    Proxies::read(move |name| (name == "HTTPS_PROXY").then(|| url.clone()))
}

async fn dial(relay: &Relay, proxies: &Proxies) -> Result<Incoming, DialError> {
    let mut socket = Socket::connect(relay, proxies, "/v1/agent").await?;
    Ok(socket.next(|| None).await)
}

#[tokio::test]
async fn a_relay_behind_a_proxy_is_dialled_through_it_and_known_by_its_own_certificate() -> Outcome
{
    let real = FakeRelay::start().await?;
    let proxy = ConnectProxy::before(real.port).await?;
    let proxies = by(format!("http://anna:secret@127.0.0.1:{}", proxy.port));
    let relay = Relay::parse("https://relay.invalid:7443", real.pin)?;
    let heard = dial(&relay, &proxies).await?;
    assert!(matches!(heard, Incoming::Message(word) if word == WORD));
    assert_eq!(
        proxy.heads(),
        [
            "CONNECT relay.invalid:7443 HTTP/1.1\r\nHost: relay.invalid:7443\r\n\
          Proxy-Authorization: Basic YW5uYTpzZWNyZXQ=\r\n\r\n"
        ]
    );
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_leads_to_another_relay_is_found_out_by_the_pin() -> Outcome {
    let (real, other) = (FakeRelay::start().await?, FakeRelay::start().await?);
    let proxy = ConnectProxy::before(other.port).await?;
    let proxies = by(format!("http://127.0.0.1:{}", proxy.port));
    let relay = Relay::parse("https://relay.invalid", real.pin)?;
    let refused = dial(&relay, &proxies).await;
    assert!(matches!(refused, Err(DialError::Certificate(_))));
    Ok(())
}

#[tokio::test]
async fn a_relay_on_this_machine_is_dialled_directly_though_a_proxy_is_set() -> Outcome {
    let real = FakeRelay::start().await?;
    let proxy = ConnectProxy::before(real.port).await?;
    let proxies = by(format!("http://127.0.0.1:{}", proxy.port));
    let relay = Relay::parse(&format!("https://127.0.0.1:{}", real.port), real.pin)?;
    assert!(matches!(
        dial(&relay, &proxies).await?,
        Incoming::Message(_)
    ));
    assert!(proxy.heads().is_empty());
    Ok(())
}

#[tokio::test]
async fn a_proxy_that_is_not_there_is_named_with_a_way_out_and_without_its_password() -> Outcome {
    let gone = TcpListener::bind("127.0.0.1:0").await?.local_addr()?;
    let proxies = by(format!("http://anna:secret@{gone}"));
    let real = FakeRelay::start().await?;
    let relay = Relay::parse("https://relay.invalid", real.pin)?;
    let error = dial(&relay, &proxies).await.err().ok_or("it answered")?;
    let words = format!("{error} {error:?}");
    assert!(words.contains(&format!("the proxy at http://{gone} cannot be reached")));
    assert!(error.hint().contains("NO_PROXY"));
    assert!(
        !words.contains("secret") && !words.contains("anna"),
        "{words}"
    );
    assert!(!error.is_lasting());
    Ok(())
}

#[tokio::test]
async fn a_setting_that_names_no_proxy_we_speak_to_is_refused_before_anything_is_dialled() -> Outcome
{
    let real = FakeRelay::start().await?;
    let relay = Relay::parse("https://relay.invalid", real.pin)?;
    let error = dial(&relay, &by("socks5://127.0.0.1:1080".to_owned())).await;
    let error = error.err().ok_or("it was dialled")?;
    assert!(error.to_string().contains("SOCKS"));
    assert!(error.is_lasting());
    Ok(())
}
