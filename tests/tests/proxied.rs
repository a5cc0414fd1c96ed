//! An agent that reaches its relay only through an HTTP proxy, as in many offices.
#![allow(missing_docs)]

use anyhow::{Context as _, Result, ensure};
use lanyard_tests::Agent;
use lanyard_tests::process::{Process, program, run};
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::process::Command;
use tokio::task::JoinHandle;

/// Nobody's name: what is dialled by it gets there through the proxy or not at all.
const NAME: &str = "relay.invalid";

/// A proxy that knows where that is. Its connections end when it goes.
struct Proxy {
    port: u16,
    asked: Arc<Mutex<Vec<String>>>,
    serving: JoinHandle<()>,
}

impl Proxy {
    async fn on(port: u16, relay: u16) -> Result<Self> {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(([127, 0, 0, 1], port).into())?;
        let listener = socket.listen(16)?;
        let port = listener.local_addr()?.port();
        let asked = Arc::<Mutex<Vec<String>>>::default();
        let serving = tokio::spawn(serve(listener, relay, Arc::clone(&asked)));
        Ok(Self {
            port,
            asked,
            serving,
        })
    }

    fn asked(&self) -> Vec<String> {
        let asked = self.asked.lock();
        asked.unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn end(self) {
        self.serving.abort();
        // With the task go its listener and its connections.
        let _ = self.serving.await;
    }
}

async fn serve(listener: TcpListener, relay: u16, asked: Arc<Mutex<Vec<String>>>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(carry(stream, relay, Arc::clone(&asked)));
    }
}

async fn carry(
    mut near: TcpStream,
    relay: u16,
    asked: Arc<Mutex<Vec<String>>>,
) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(near.read_u8().await?);
    }
    let line = String::from_utf8_lossy(&head)
        .lines()
        .next()
        .unwrap_or_default()
        .to_owned();
    asked
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(line);
    let mut far = TcpStream::connect(("127.0.0.1", relay)).await?;
    near.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")
        .await?;
    copy_bidirectional(&mut near, &mut far).await?;
    Ok(())
}

/// A relay that is known by that name only, and its port.
async fn relay(dir: &TempDir) -> Result<(Process, u16)> {
    let mut serve = Command::new(program("lanyard-relay")?);
    serve.args(["serve", "--json", "--host", NAME]);
    serve.args(["--listen", "127.0.0.1:0", "--http-listen", "off", "--data"]);
    let mut relay = Process::start(serve.arg(dir.path().join("relay")))?;
    let event = relay.event_named("listening").await?;
    let https = event["https"].as_str().context("an address")?;
    let port = https.rsplit_once(':').context("a port")?.1.parse()?;
    Ok((relay, port))
}

async fn code(dir: &TempDir) -> Result<String> {
    let mut enrol = Command::new(program("lanyard-relay")?);
    let (_, code, _) = run(enrol
        .arg("enrol")
        .arg("--data")
        .arg(dir.path().join("relay")))
    .await?;
    Ok(code.lines().next().context("a code")?.to_owned())
}

fn up(dir: &TempDir, proxy: &str, enrol: &str) -> Result<Command> {
    let mark = dir.path().display().to_string();
    let mut up = Agent::command(&dir.path().join("agent"), dir.path(), &mark)?;
    up.args(["up", "--json", "--no-pair", "--enrol", enrol]);
    up.env("HTTPS_PROXY", proxy);
    Ok(up)
}

#[tokio::test]
async fn an_agent_joins_through_a_proxy_and_comes_back_through_it_when_it_was_away() -> Result<()> {
    let dir = TempDir::new()?;
    let (mut relay, port) = relay(&dir).await?;
    let proxy = Proxy::on(0, port).await?;
    let address = format!("http://127.0.0.1:{}", proxy.port);
    let mut agent = Process::start(&mut up(&dir, &address, &code(&dir).await?)?)?;
    agent.event_named("online").await?;
    assert_eq!(proxy.asked(), [format!("CONNECT {NAME}:{port} HTTP/1.1")]);

    let there = proxy.port;
    proxy.end().await;
    agent.event_named("offline").await?;
    let told = agent.event_named("unreachable").await?;
    let sentence = told["sentence"].as_str().context("a sentence")?;
    ensure!(sentence.contains("proxy"), "{sentence}");
    ensure!(
        told["hint"]
            .as_str()
            .is_some_and(|hint| hint.contains("HTTPS_PROXY")),
        "{told}"
    );
    let proxy = Proxy::on(there, port).await?;
    agent.event_named("online").await?;
    ensure!(!proxy.asked().is_empty());
    agent.leave().await?;
    relay.leave().await?;
    Ok(())
}
