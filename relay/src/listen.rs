//! From a listening socket to requests: accept, count, TLS, HTTP.

use crate::admission::Place;
use crate::budget::Budgeted;
use crate::burst::Burst;
use crate::certificate::Certificate;
use crate::clock;
use crate::door::{Conn, Door};
use crate::limits::{
    ACCEPT_BACKLOG, HTTP_HEAD_MAX, HTTP_HEADERS_MAX, OUT_OF_DESCRIPTORS, PAGES_TIME,
};
use crate::state::State;
use axum::Router;
use axum::body::Body;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use lanyard_shared::limits::UNPROVEN_TIME;
use lanyard_shared::time::Mono;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tower::Service as _;

/// One listening socket and what stands behind it.
#[derive(Clone)]
pub struct Listener {
    /// What it answers to.
    pub door: Arc<Door>,
    /// `None` for a plain listener.
    pub tls: Option<Arc<Certificate>>,
    /// The service.
    pub app: Router,
    /// For counting strangers.
    pub state: Arc<State>,
}

/// Binds a listening socket.
///
/// # Errors
/// The address cannot be had.
pub fn bind(at: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = if at.is_ipv4() {
        TcpSocket::new_v4()?
    } else {
        TcpSocket::new_v6()?
    };
    // A relay that is started again at once finds its old connections in the way otherwise.
    socket.set_reuseaddr(true)?;
    socket.bind(at)?;
    socket.listen(ACCEPT_BACKLOG)
}

impl Listener {
    /// Accepts connections for ever.
    pub async fn run(self, socket: TcpListener) {
        loop {
            match socket.accept().await {
                Ok((stream, peer)) => self.accepted(stream, peer),
                Err(error) => {
                    // Either one connection failed before it began, or descriptors ran out; both pass.
                    tracing::warn!(%error, "accept failed");
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    }

    fn accepted(&self, stream: TcpStream, peer: SocketAddr) {
        let from = self.door.address(peer);
        let (place, displaced) = self.state.admission.admit_anyway(from);
        if displaced {
            self.state.refused.connections.add();
            tracing::debug!(%peer, "too many strangers of one address, its oldest dropped");
        }
        // Keys are small and must not wait for each other.
        if stream.set_nodelay(true).is_err() {
            return;
        }
        let (listener, accepted) = (self.clone(), clock::mono());
        tokio::spawn(async move { listener.connection(stream, from, accepted, place).await });
    }

    async fn connection(
        self,
        stream: TcpStream,
        from: Option<IpAddr>,
        accepted: Mono,
        place: Place,
    ) {
        let lost = place.lost();
        tokio::select! {
            () = self.requests(stream, from, accepted, place) => {}
            () = lost => tracing::debug!("a stranger made room for a newer one"),
        }
    }

    async fn requests(self, stream: TcpStream, from: Option<IpAddr>, accepted: Mono, place: Place) {
        let conn = Conn::new(Arc::clone(&self.door), from, accepted, place);
        match self.tls {
            None => serve(stream, conn, self.app, accepted).await,
            Some(tls) => {
                let deadline = clock::instant(accepted + UNPROVEN_TIME);
                let burst = Burst::new(stream, conn.budget.clone());
                // Asked for each connection: the next one gets a certificate that has just been put in place.
                let acceptor = TlsAcceptor::from(tls.config());
                match tokio::time::timeout_at(deadline, acceptor.accept(burst)).await {
                    Ok(Ok(stream)) => serve(stream, conn, self.app, accepted).await,
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => tracing::debug!("TLS handshake took too long"),
                }
            }
        }
    }
}

/// Serves requests until the connection ends or has become a link.
async fn serve<S>(stream: S, conn: Arc<Conn>, app: Router, accepted: Mono)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let stream = TokioIo::new(Budgeted::new(stream, conn.budget.clone()));
    let service = service_fn(move |mut request: hyper::Request<Incoming>| {
        request.extensions_mut().insert(Arc::clone(&conn));
        app.clone().call(request.map(Body::new))
    });
    let head_time = (accepted + UNPROVEN_TIME)
        .since(clock::mono())
        .max(Duration::from_millis(1));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(head_time)
        .max_buf_size(HTTP_HEAD_MAX)
        .max_headers(HTTP_HEADERS_MAX)
        .serve_connection(stream, service)
        .with_upgrades();
    // A link has left this connection behind long before.
    match tokio::time::timeout(PAGES_TIME, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "connection ended"),
        Err(_) => tracing::debug!("connection took too long"),
    }
}
