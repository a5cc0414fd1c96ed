//! The relay's HTTP: who may ask (`gate`), what every answer carries (`headers`), the web UI (`assets`), what operators do from afar
//! (`operator`), and the two places where a WebSocket begins.

mod assets;
mod gate;
mod headers;
mod metrics;
mod operator;

use crate::door::{Conn, Reach};
use crate::limits::{WS_READ_BUFFER, WS_WRITE_BUFFER, WS_WRITE_BUFFER_MAX};
use crate::link::{self, Stranger};
use crate::random;
use crate::state::State;
use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Extension, State as Shared};
use axum::http::{HeaderMap, StatusCode, header};
use axum::middleware;
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use lanyard_shared::frame::Role;
use lanyard_shared::limits::FRAME_MAX;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

/// The service behind every listener. It expects an `Arc<Conn>` among the extensions of a request.
pub fn app(state: Arc<State>) -> Router {
    Router::new()
        .route("/v1/agent", get(agent))
        .route("/v1/attach", get(attach))
        .merge(operator::routes())
        .route("/v1/{*rest}", any(nothing_here))
        .route("/healthz", get(|| async { "ok\n" }))
        .fallback(assets::serve)
        .layer(middleware::from_fn(gate::check))
        .layer(middleware::from_fn(headers::add))
        .with_state(state)
}

async fn agent(
    state: Shared<Arc<State>>,
    conn: Extension<Arc<Conn>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    if !conn.door.serves_agents() {
        return nothing_here().await;
    }
    begin(Role::Agent, state, conn, &headers, upgrade)
}

async fn attach(
    state: Shared<Arc<State>>,
    conn: Extension<Arc<Conn>>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    begin(Role::Device, state, conn, &headers, upgrade)
}

fn begin(
    role: Role,
    Shared(state): Shared<Arc<State>>,
    Extension(conn): Extension<Arc<Conn>>,
    headers: &HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(rejection) => return rejection.into_response(),
    };
    let place = match &conn.door.reach {
        Reach::Tls | Reach::Local => conn.take_place(),
        // The connection is the proxy's; who stands behind it is known only now.
        Reach::Proxied { .. } => state.admission.admit(conn.door.forwarded(headers)),
    };
    let Some(place) = place else {
        return full(&state);
    };
    let from = conn.from.or_else(|| conn.door.forwarded(headers));
    let stranger = Stranger {
        role,
        from: from.map_or(Ipv6Addr::UNSPECIFIED, mapped),
        door: Arc::clone(&conn.door),
        place,
        budget: conn.budget.clone(),
        deadline: conn.unproven_until(),
    };
    upgrade
        .read_buffer_size(WS_READ_BUFFER)
        .write_buffer_size(WS_WRITE_BUFFER)
        .max_write_buffer_size(WS_WRITE_BUFFER_MAX)
        .max_message_size(FRAME_MAX)
        .max_frame_size(FRAME_MAX)
        .on_upgrade(move |socket| {
            // A task of its own: the one that upgraded the connection is large, and would live as long as the link.
            tokio::spawn(link::serve(state, stranger, socket));
            std::future::ready(())
        })
}

/// There is no place for a stranger now; there is later.
fn full(state: &State) -> Response {
    let again = state.admission.again(random::jitter());
    // Whole seconds are all that the header holds: never sooner than meant.
    let seconds = again.as_secs() + u64::from(again.subsec_nanos() > 0);
    (
        StatusCode::SERVICE_UNAVAILABLE,
        [(header::RETRY_AFTER, seconds.to_string())],
        "too many connections are waiting to prove who they are\n",
    )
        .into_response()
}

fn mapped(from: IpAddr) -> Ipv6Addr {
    match from {
        IpAddr::V4(from) => from.to_ipv6_mapped(),
        IpAddr::V6(from) => from,
    }
}

async fn nothing_here() -> Response {
    (StatusCode::NOT_FOUND, "there is nothing here\n").into_response()
}
