//! A running relay: what it is told, what it tells, and how it stops.

use crate::admission::Admission;
use crate::agents::{Agents, blocking};
use crate::certificate::Certificate;
use crate::clock;
use crate::data::{DataDir, ServerLock};
use crate::door::{Door, Reach};
use crate::guesses::{WrongProofs, WrongTokens};
use crate::http;
use crate::limits::{CLOSING_TOTAL, SEEN_EVERY, STATUS_EVERY, STOP_TIME, TLS_LOOK};
use crate::listen::{Listener, bind};
use crate::names::{HostName, Names, is_local};
use crate::operator::{Enroller, Operator};
use crate::route::Router;
use crate::state::{Links, Refused, State};
use crate::store::{Store, kept_aside};
use crate::tls::{self, Identity};
use crate::tokens::Tokens;
use crate::trouble::Trouble;
use crate::views::hex;
use ::http::HeaderName;
use lanyard_service::notify::Notify;
use lanyard_shared::close::CloseCode;
use lanyard_shared::pair::address::Address;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

/// How to serve.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where state is kept.
    pub data: DataDir,
    /// Where agents and browsers connect.
    pub listen: SocketAddr,
    /// Where browsers of this machine connect without TLS.
    pub http_listen: Option<SocketAddr>,
    /// Names and addresses this relay is reached by.
    pub hosts: Vec<HostName>,
    /// The address people use.
    pub public_url: Option<Address>,
    /// Certificate chain and key, if not its own.
    pub tls_files: Option<(PathBuf, PathBuf)>,
    /// Set when a proxy on this machine does TLS.
    pub proxy: Option<Proxy>,
}

/// What is known of the proxy.
#[derive(Clone, Debug, Default)]
pub struct Proxy {
    /// The header in which it names its client.
    pub trusted_header: Option<HeaderName>,
}

/// What a relay tells when it is ready.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct Ready {
    /// Where agents connect; `None` behind a proxy.
    pub https: Option<String>,
    /// Where browsers connect.
    pub web: String,
    /// SHA-256 of the relay's own certificate in hexadecimal; empty if others vouch for it.
    pub fingerprint: String,
    /// Where state is kept.
    pub data: PathBuf,
}

/// A relay that listens.
pub struct Server {
    ready: Ready,
    state: Arc<State>,
    operator: Operator,
    listeners: Vec<(Listener, TcpListener)>,
    manager: Arc<Notify>,
    _lock: ServerLock,
}

impl Server {
    /// Opens the store and all sockets.
    ///
    /// # Errors
    /// What the operator has to put right.
    pub fn start(options: &Options) -> Result<Self, Trouble> {
        check(options)?;
        let manager = Notify::from_env().map_err(|error| {
            Trouble::new(format!("the service manager cannot be spoken to: {error}"))
                .hint("unset NOTIFY_SOCKET, or start the relay as `lanyard-relay service` does")
        })?;
        options.data.create()?;
        let lock = options.data.lock()?;
        let database = options.data.database();
        let (store, recovered) = Store::open_or_recover(&database, clock::now().unix)?;
        tell_of_damage(recovered, &database);
        let identity = identity(options)?;
        let main = listen(options.listen, "--listen")?;
        let plain = match options.http_listen.filter(|_| options.proxy.is_none()) {
            Some(at) => Some(listen(at, "--http-listen")?),
            None => None,
        };
        let address = dialled(options, at(&main)?)?;
        let plain_web = match &plain {
            Some(plain) => Some(format!("http://localhost:{}", at(plain)?.port())),
            None => None,
        };
        let web = match (&options.public_url, plain_web) {
            (Some(public), _) => public.web().to_owned(),
            (None, Some(plain)) => plain,
            (None, None) => address.web().to_owned(),
        };
        let pinned = identity
            .as_ref()
            .filter(|identity| identity.self_signed)
            .map(|identity| identity.fingerprint);
        let ready = Ready {
            https: identity
                .is_some()
                .then(|| at(&main))
                .transpose()?
                .map(|at| format!("https://{}", reachable(at))),
            web: web.clone(),
            fingerprint: pinned.map(hex).unwrap_or_default(),
            data: options.data.path().to_owned(),
        };
        let now = clock::now();
        let certificate = identity.map(|identity| {
            Arc::new(Certificate::new(
                identity,
                options.tls_files.clone(),
                now.unix,
            ))
        });
        let store = Arc::new(store);
        let state = Arc::new(State {
            router: Router::new(),
            agents: Agents::load(Arc::clone(&store))?,
            tokens: Tokens::load(store, now)?,
            wrong_tokens: WrongTokens::of_tokens(),
            wrong_proofs: WrongProofs::default(),
            enroller: Enroller {
                address,
                fingerprint: pinned,
            },
            certificate,
            refused: Refused::default(),
            admission: Admission::default(),
            web,
            links: Links::default(),
            farewells: Semaphore::new(CLOSING_TOTAL),
        });
        let operator = Operator::bind(&options.data.socket(), Arc::clone(&state))?;
        let listeners = doors(options, &state, main, plain)?;
        Ok(Self {
            ready,
            state,
            operator,
            listeners,
            manager: Arc::new(manager),
            _lock: lock,
        })
    }

    /// What to tell.
    #[must_use]
    pub fn ready(&self) -> &Ready {
        &self.ready
    }

    /// Where it listens: first for agents, then, if at all, without TLS.
    #[must_use]
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.listeners
            .iter()
            .filter_map(|(_, socket)| socket.local_addr().ok())
            .collect()
    }

    /// Serves until `stop` completes, then says goodbye to every link.
    pub async fn run(self, stop: impl Future<Output = ()>) {
        let mut tasks = JoinSet::new();
        for (listener, socket) in self.listeners {
            tasks.spawn(listener.run(socket));
        }
        tasks.spawn(self.operator.run());
        tasks.spawn(keep_house(Arc::clone(&self.state)));
        if let Some(certificate) = &self.state.certificate {
            tasks.spawn(keep_certificate(Arc::clone(certificate)));
        }
        self.manager.ready(&status(&self.state));
        tasks.spawn(tell_manager(
            Arc::clone(&self.manager),
            Arc::clone(&self.state),
        ));
        stop.await;
        tracing::info!("stopping");
        self.manager.stopping();
        // No more connections, then an end to those there are.
        tasks.shutdown().await;
        self.state.links.stop();
        self.state.router.end_all(CloseCode::GoingAway);
        if tokio::time::timeout(STOP_TIME, self.state.links.none())
            .await
            .is_err()
        {
            tracing::warn!("some links did not end in time");
        }
        flush(&self.state).await;
    }
}

/// Signs of life for the service manager. Each asks the router, so that one that hangs gives none, like a runtime that does.
async fn tell_manager(manager: Arc<Notify>, state: Arc<State>) {
    let mut said = String::new();
    loop {
        let status = status(&state);
        manager.alive();
        if status != said {
            manager.status(&status);
            said = status;
        }
        tokio::time::sleep(manager.every().unwrap_or(STATUS_EVERY)).await;
    }
}

fn status(state: &State) -> String {
    let traffic = state.router.traffic();
    format!(
        "{} machines online, {} viewers",
        traffic.agents, traffic.viewers
    )
}

/// Now and then: sightings to disk, forgotten hubs out of memory.
async fn keep_house(state: Arc<State>) {
    loop {
        tokio::time::sleep(SEEN_EVERY).await;
        flush(&state).await;
        state.router.sweep(clock::mono());
    }
}

/// Takes another certificate when its files are others, and warns before it ends.
async fn keep_certificate(certificate: Arc<Certificate>) {
    loop {
        let now = clock::now();
        let looked = Arc::clone(&certificate);
        match blocking(move || looked.look(now.unix)).await {
            Some(Ok(served)) => {
                let fingerprint = hex(served.fingerprint);
                tracing::info!(fingerprint, "a new certificate is served");
            }
            Some(Err(error)) => {
                tracing::warn!(%error, "new certificate refused, the old one goes on being served");
            }
            None => {}
        }
        if let Some(warning) = certificate.warning(now) {
            tracing::warn!("{warning}");
        }
        tokio::time::sleep(TLS_LOOK).await;
    }
}

async fn flush(state: &State) {
    if let Err(error) = state.agents.flush().await {
        tracing::error!(%error, "cannot write down when agents were seen");
    }
    if let Err(error) = state.tokens.flush().await {
        tracing::error!(%error, "cannot write down when operator tokens were used");
    }
}

fn check(options: &Options) -> Result<(), Trouble> {
    if let Some(at) = options
        .http_listen
        .filter(|at| options.proxy.is_none() && !at.ip().is_loopback())
    {
        return Err(Trouble::new(format!(
            "the plain listener is for this machine only, and {at} can be reached by others"
        ))
        .hint("use --http-listen 127.0.0.1:PORT or `off`; others connect over TLS to --listen"));
    }
    if options.proxy.is_some() {
        if !options.listen.ip().is_loopback() {
            return Err(Trouble::new(format!(
                "behind a proxy the relay listens without TLS, and {} can be reached by others",
                options.listen
            ))
            .hint("use --listen 127.0.0.1:PORT and let the proxy connect there"));
        }
        if options
            .public_url
            .as_ref()
            .is_none_or(|url| !url.is_https())
        {
            return Err(
                Trouble::new("behind a proxy the relay must know its https address")
                    .hint("pass --public-url https://NAME"),
            );
        }
    }
    Ok(())
}

fn identity(options: &Options) -> Result<Option<Identity>, Trouble> {
    if options.proxy.is_some() {
        return Ok(None);
    }
    if let Some((cert, key)) = &options.tls_files {
        return Ok(Some(tls::given(cert, key)?));
    }
    let mut names: Vec<String> = ["localhost", "127.0.0.1", "::1"]
        .map(str::to_owned)
        .to_vec();
    if !options.listen.ip().is_unspecified() {
        names.push(options.listen.ip().to_string());
    }
    names.extend(options.hosts.iter().map(|host| host.bare().to_owned()));
    if let Some(url) = &options.public_url
        && let Ok(host) = HostName::parse(url.authority())
    {
        names.push(host.bare().to_owned());
    }
    let mut unique: Vec<String> = Vec::with_capacity(names.len());
    for name in names {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    Ok(Some(tls::kept(&options.data, unique)?))
}

fn doors(
    options: &Options,
    state: &Arc<State>,
    main: TcpListener,
    plain: Option<TcpListener>,
) -> Result<Vec<(Listener, TcpListener)>, Trouble> {
    let app = http::app(Arc::clone(state));
    let listener = |reach, scheme, socket: &TcpListener, hosts: &[HostName], hsts, tls| {
        let names = Names::new(scheme, at(socket)?, hosts, options.public_url.as_ref());
        let door = Arc::new(Door { reach, names, hsts });
        Ok::<_, Trouble>(Listener {
            door,
            tls,
            app: app.clone(),
            state: Arc::clone(state),
        })
    };
    let mut listeners = Vec::new();
    let first = match (&state.certificate, &options.proxy) {
        (Some(certificate), _) => listener(
            Reach::Tls,
            "https",
            &main,
            &options.hosts,
            !certificate.served().own,
            Some(Arc::clone(certificate)),
        )?,
        (None, proxy) => {
            let trusted = proxy.clone().unwrap_or_default().trusted_header;
            let hsts = options
                .public_url
                .as_ref()
                .is_some_and(|url| !is_local(url.authority()));
            listener(
                Reach::Proxied { trusted },
                "https",
                &main,
                &options.hosts,
                hsts,
                None,
            )?
        }
    };
    listeners.push((first, main));
    if let Some(socket) = plain {
        listeners.push((
            listener(Reach::Local, "http", &socket, &[], false, None)?,
            socket,
        ));
    }
    Ok(listeners)
}

fn listen(at: SocketAddr, flag: &str) -> Result<TcpListener, Trouble> {
    bind(at).map_err(|error| {
        let what = if error.kind() == std::io::ErrorKind::AddrInUse {
            format!("{at} is taken by another program")
        } else {
            format!("cannot listen on {at}: {error}")
        };
        Trouble::new(what).hint(format!(
            "stop what uses it, or choose another address with {flag}"
        ))
    })
}

fn at(socket: &TcpListener) -> Result<SocketAddr, Trouble> {
    socket
        .local_addr()
        .map_err(|error| Trouble::new(format!("a listening socket has no address: {error}")))
}

/// The address that agents of this relay dial.
fn dialled(options: &Options, at: SocketAddr) -> Result<Address, Trouble> {
    if let Some(public) = options.public_url.as_ref().filter(|url| url.is_https()) {
        return Ok(public.clone());
    }
    let authority = match options.hosts.first() {
        Some(host) => host.with_port(at.port()),
        None => reachable(at).to_string(),
    };
    let authority = authority.strip_suffix(":443").unwrap_or(&authority);
    Address::parse(&format!("https://{authority}"))
        .map_err(|error| Trouble::new(format!("agents cannot dial https://{authority}: {error}")))
}

/// An address that one can connect to on this machine.
fn reachable(at: SocketAddr) -> SocketAddr {
    let ip = match at.ip() {
        ip if !ip.is_unspecified() => ip,
        IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
    };
    SocketAddr::new(ip, at.port())
}

/// Until what was found damaged is taken away, each start tells of it.
fn tell_of_damage(recovered: Option<String>, database: &Path) {
    if let Some(sentence) = recovered {
        tracing::error!("{sentence}");
    }
    for kept in kept_aside(database) {
        let kept = kept.display();
        tracing::warn!(
            "a damaged database is kept as {kept}; look through `lanyard-relay agents` and `lanyard-relay token list`, then take it away"
        );
    }
}
