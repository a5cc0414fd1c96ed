//! A relay in this process and those who dial it.

use crate::command::command;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use futures_util::{SinkExt as _, StreamExt as _};
use lanyard_relay::data::DataDir;
use lanyard_relay::server::{Options, Ready, Server};
use lanyard_shared::frame::{Announce, DeviceEpoch, Frame, Leg};
use lanyard_shared::ids::{AgentId, DeviceId};
use lanyard_shared::link::{Dialler, Event, Link};
use lanyard_shared::time::{Mono, Now, UnixMs};
use lanyard_shared::token::{Device, NewToken, issue};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{WebSocketStream, client_async};

/// A connection of either kind.
pub trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

pub type Socket = WebSocketStream<Box<dyn Wire>>;

/// A relay that serves until it is stopped or dropped.
pub struct Relay {
    pub dir: tempfile::TempDir,
    pub ready: Ready,
    /// The port of the TLS listener, or of the one behind a proxy.
    pub port: u16,
    stop: Option<oneshot::Sender<()>>,
    task: JoinHandle<()>,
}

pub fn any_port() -> SocketAddr {
    "127.0.0.1:0".parse().unwrap()
}

pub fn options(dir: &tempfile::TempDir) -> Options {
    Options {
        data: DataDir::from(dir.path().join("data")),
        listen: any_port(),
        http_listen: Some(any_port()),
        hosts: vec![],
        public_url: None,
        tls_files: None,
        proxy: None,
    }
}

impl Relay {
    pub async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    pub async fn start_with(change: impl FnOnce(&mut Options)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut options = options(&dir);
        change(&mut options);
        let server = Server::start(&options).unwrap();
        let (stop, stopped) = oneshot::channel();
        let (ready, port) = (server.ready().clone(), server.addresses()[0].port());
        let task = tokio::spawn(server.run(async move {
            let _ = stopped.await;
        }));
        Self {
            dir,
            ready,
            port,
            stop: Some(stop),
            task,
        }
    }

    /// Tells the relay to stop.
    pub fn stop(&mut self) {
        let _ = self.stop.take().unwrap().send(());
    }

    /// Waits until it has.
    pub async fn stopped(self) {
        self.task.await.unwrap();
    }

    pub fn data(&self) -> DataDir {
        DataDir::from(self.dir.path().join("data"))
    }

    pub fn plain_port(&self) -> u16 {
        self.ready.web.rsplit(':').next().unwrap().parse().unwrap()
    }

    pub async fn plain(&self) -> Box<dyn Wire> {
        Box::new(
            TcpStream::connect(("127.0.0.1", self.plain_port()))
                .await
                .unwrap(),
        )
    }

    pub async fn tls(&self) -> Box<dyn Wire> {
        tls_to(self.port, &[self.data().certificate()]).await.0
    }

    /// What the operator's socket answers.
    pub async fn operator(&self, request: serde_json::Value) -> serde_json::Value {
        let mut stream = tokio::net::UnixStream::connect(self.data().socket())
            .await
            .unwrap();
        let line = format!("{request}\n");
        stream.write_all(line.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        serde_json::from_str(&answer).unwrap()
    }

    /// `localhost` with the port of the TLS listener.
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// A WebSocket over TLS.
    pub async fn socket(&self, path: &str) -> Socket {
        socket(self.tls().await, &self.host(), path).await
    }

    /// A fresh enrolment code from the operator's socket.
    pub async fn code(&self) -> lanyard_shared::code::EnrolmentCode {
        let request = serde_json::json!({ "do": "enrol", "seconds": 600 });
        let answer = self.operator(request).await;
        lanyard_shared::code::EnrolmentCode::parse(answer["code"]["code"].as_str().unwrap())
            .unwrap()
    }

    pub async fn dial(&self, dialler: Dialler) -> Party {
        let path = match dialler {
            Dialler::Agent { .. } | Dialler::Newcomer { .. } => "/v1/agent",
            Dialler::Viewer { .. } => "/v1/attach",
        };
        Party::new(self.socket(path).await, dialler, self.host())
    }

    /// An agent that has just been enrolled.
    pub async fn newcomer(&self, key: &Arc<SigningKey>) -> Party {
        let code = *self.code().await.code;
        let dialler = Dialler::Newcomer {
            key: Arc::clone(key),
            code,
            name: "laptop".into(),
            chain: vec![],
        };
        let mut agent = self.dial(dialler).await;
        assert!(matches!(
            agent.event().await,
            Event::Welcome { first: true, .. }
        ));
        agent
    }

    pub async fn viewer(&self, agent: AgentId, key: &Arc<SigningKey>) -> Party {
        let mut viewer = self
            .dial(Dialler::Viewer {
                agent,
                key: Arc::clone(key),
            })
            .await;
        assert!(matches!(
            viewer.event().await,
            Event::Welcome { first: true, .. }
        ));
        viewer
    }
}

/// A TLS connection to a relay that shows one of these certificates, and the one it showed.
pub async fn tls_to(port: u16, trusted: &[PathBuf]) -> (Box<dyn Wire>, CertificateDer<'static>) {
    let mut roots = RootCertStore::empty();
    for path in trusted {
        roots
            .add(CertificateDer::from_pem_file(path).unwrap())
            .unwrap();
    }
    let config =
        ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
    let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let name = ServerName::try_from("localhost").unwrap();
    let stream = TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
        .unwrap();
    let shown = stream.get_ref().1.peer_certificates().unwrap()[0].clone();
    (Box::new(stream), shown.into_owned())
}

/// What a command prints. It waits in place, so a relay in this process serves on meanwhile.
pub async fn run_async(data: &Path, arguments: &[&str]) -> String {
    let mut command = tokio::process::Command::from(command(data, arguments));
    let output = command.output().await.unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

/// A dialler's end of a link over a real socket.
pub struct Party {
    pub link: Link,
    pub socket: Socket,
    began: Instant,
}

impl Party {
    pub fn new(socket: Socket, dialler: Dialler, host: String) -> Self {
        Self {
            link: Link::new(dialler, host, Mono::default()),
            socket,
            began: Instant::now(),
        }
    }

    /// Writes what waits.
    pub async fn flush(&mut self) {
        while let Some(message) = self.link.poll_output() {
            // A relay that has hung up is noticed when its last words are read.
            let _ = self.socket.send(Message::Binary(message)).await;
        }
    }

    /// Reads the relay's question and writes the answer, without waiting for what comes of it.
    pub async fn answer(&mut self) {
        let bytes = binary(&mut self.socket).await;
        self.link.handle(bytes, now(self.began));
        self.flush().await;
    }

    /// The next thing that happens.
    pub async fn event(&mut self) -> Event {
        loop {
            self.flush().await;
            if let Some(event) = self.link.poll_event() {
                return event;
            }
            let bytes = binary(&mut self.socket).await;
            self.link.handle(bytes, now(self.began));
        }
    }
}

/// An origin where nothing is: the machine's identity, its device, and a grant.
pub struct Keys {
    pub identity: Arc<SigningKey>,
    pub device: Arc<SigningKey>,
}

impl Keys {
    pub fn new() -> Self {
        Self {
            identity: Arc::new(SigningKey::from_bytes(&[1; 32])),
            device: Arc::new(SigningKey::from_bytes(&[2; 32])),
        }
    }

    pub fn agent(&self) -> AgentId {
        AgentId::of_first_key(self.identity.verifying_key().as_bytes())
    }

    pub fn device_id(&self) -> DeviceId {
        DeviceId::of_key(self.device.verifying_key().as_bytes())
    }

    pub fn announce(&self) -> Announce {
        let device = DeviceEpoch {
            id: self.device_id(),
            epoch: 0,
        };
        Announce {
            devices: vec![device],
            ..Announce::default()
        }
    }

    pub fn grant(&self) -> String {
        let new = NewToken {
            agent: self.agent(),
            device: self.device_id(),
            issued: now(Instant::now()).unix,
            life: Duration::from_secs(3600),
            id: lanyard_shared::ids::TokenId([7; 16]),
            conn: None,
            epoch: 0,
        };
        issue::<Device>(&self.identity, &new).unwrap()
    }
}

pub fn now(began: Instant) -> Now {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    Now {
        mono: Mono(began.elapsed()),
        unix: UnixMs(unix.as_millis() as u64),
    }
}

pub async fn socket(wire: Box<dyn Wire>, host: &str, path: &str) -> Socket {
    let request = format!("ws://{host}{path}").into_client_request().unwrap();
    client_async(request, wire).await.unwrap().0
}

/// The next binary message.
pub async fn binary(socket: &mut Socket) -> Bytes {
    match socket.next().await {
        Some(Ok(Message::Binary(bytes))) => bytes,
        other => panic!("no frame: {other:?}"),
    }
}

/// The relay's last words: the code in its close frame and the code of the WebSocket's.
pub async fn goodbye(socket: &mut Socket) -> (u16, u16) {
    let mut code = 0;
    loop {
        match socket.next().await {
            Some(Ok(Message::Binary(bytes))) => {
                if let Ok(Frame::Close(0, close)) = Frame::decode(bytes, Leg::Viewer) {
                    code = close.code.unwrap() as u16;
                }
            }
            Some(Ok(Message::Close(Some(close)))) => return (code, close.code.into()),
            other => panic!("no goodbye: {other:?}"),
        }
    }
}

/// An answer's status, its head in lower case, and its body.
pub async fn ask(mut wire: Box<dyn Wire>, request: &str) -> (u16, String, String) {
    wire.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // The relay closes: the request asked for it, or was refused.
    let _ = wire.read_to_end(&mut answer).await;
    let answer = String::from_utf8(answer).unwrap();
    let (head, body) = answer
        .split_once("\r\n\r\n")
        .unwrap_or_else(|| panic!("no answer: {answer:?}"));
    (
        head.split(' ').nth(1).unwrap().parse().unwrap(),
        head.to_ascii_lowercase(),
        body.to_owned(),
    )
}
