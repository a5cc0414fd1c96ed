//! What operators do from afar, each place with a token for its own purpose.
//!
//! Only where TLS comes first, ours or a proxy's. Not on the plain listener: whoever takes its port while the relay is down would be handed
//! tokens, and on this machine the operator's socket needs none.

use super::{metrics, nothing_here};
use crate::clock;
use crate::door::Conn;
use crate::guesses::Verdict;
use crate::limits::{OPERATOR_BODY, OPERATOR_TIME};
use crate::operator::{Answer, Request as Ask, no_agent, perform};
use crate::state::State;
use crate::tokens::Purpose;
use crate::trouble::Trouble;
use crate::views;
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State as Shared};
use axum::http::{HeaderMap, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use lanyard_shared::ids::AgentId;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use zeroize::Zeroizing;

const REFUSED: &str = "this needs a token that opens it\n";

/// One place: its method and what its token must be for.
#[derive(Clone, Copy)]
enum Place {
    Metrics,
    Enrol,
    Agents,
    RevokeAgent,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EnrolBody {
    seconds: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RevokeBody {
    id: AgentId,
}

/// All places.
pub fn routes() -> Router<Arc<State>> {
    let place = |place| {
        any(move |state: Shared<Arc<State>>, request: Request| answer(state, place, request))
    };
    Router::new()
        .route("/v1/metrics", place(Place::Metrics))
        .route("/v1/enrol", place(Place::Enrol))
        .route("/v1/agents", place(Place::Agents))
        .route("/v1/agents/revoke", place(Place::RevokeAgent))
}

async fn answer(Shared(state): Shared<Arc<State>>, place: Place, request: Request) -> Response {
    let Some(conn) = request.extensions().get::<Arc<Conn>>().cloned() else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if !conn.door.serves_operators() {
        return nothing_here().await;
    }
    let from = conn.from.or_else(|| conn.door.forwarded(request.headers()));
    // Before anything else is looked at: without a token all that is asked here gets the same answer.
    if let Err(status) = admit(&state, place, request.headers(), from) {
        return refused(status);
    }
    if request.method() != place.method() {
        let method = place.method();
        let allow = [(header::ALLOW, method.as_str())];
        return (StatusCode::METHOD_NOT_ALLOWED, allow).into_response();
    }
    let done = tokio::time::timeout(OPERATOR_TIME, perform_at(&state, place, request)).await;
    done.unwrap_or_else(|_| StatusCode::REQUEST_TIMEOUT.into_response())
}

fn admit(
    state: &State,
    place: Place,
    headers: &HeaderMap,
    from: Option<IpAddr>,
) -> Result<(), StatusCode> {
    let (now, purpose) = (clock::now(), place.purpose());
    let refusal = match state.tokens.check(bearer(headers), purpose, now, from) {
        Ok(token) => {
            // Figures are asked for every few seconds.
            match purpose {
                Purpose::Metrics => tracing::debug!(%token, ?from, "operator token used"),
                Purpose::Enrol | Purpose::Admin => {
                    tracing::info!(%token, purpose = purpose.name(), ?from, "operator token used");
                }
            }
            return Ok(());
        }
        Err(refusal) => refusal,
    };
    state.refused.tokens.add();
    let token = refusal.token.map(|token| token.to_string());
    let verdict = state.wrong_tokens.by_address(from, now.mono);
    match verdict {
        Verdict::Refuse | Verdict::Last => {
            let fault = refusal.fault;
            tracing::warn!(%fault, token, purpose = purpose.name(), ?from, "operator token refused");
        }
        Verdict::TurnAway => {}
    }
    Err(match verdict {
        Verdict::Refuse => StatusCode::UNAUTHORIZED,
        Verdict::Last => {
            tracing::warn!(
                ?from,
                "too many wrong operator tokens: the next ones are not written down"
            );
            StatusCode::UNAUTHORIZED
        }
        // The body is the same; only that there were too many is told.
        Verdict::TurnAway => StatusCode::TOO_MANY_REQUESTS,
    })
}

/// The same for every fault. The connection ends, so that each further try costs a handshake and a stranger's place.
fn refused(status: StatusCode) -> Response {
    let headers = [
        (header::WWW_AUTHENTICATE, "Bearer"),
        (header::CONNECTION, "close"),
    ];
    (status, headers, REFUSED).into_response()
}

/// The token of a request that shows exactly one.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(value), None) = (values.next(), values.next()) else {
        return None;
    };
    let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token)
}

async fn perform_at(state: &State, place: Place, request: Request) -> Response {
    let ask = match place {
        Place::Metrics => {
            let headers = [(header::CONTENT_TYPE, metrics::CONTENT_TYPE)];
            return (headers, metrics::text(state, clock::unix())).into_response();
        }
        Place::Agents => Ask::Agents {},
        Place::Enrol => match body::<EnrolBody>(request).await {
            Ok(EnrolBody { seconds }) => Ask::Enrol { seconds },
            Err(response) => return response,
        },
        Place::RevokeAgent => match body::<RevokeBody>(request).await {
            Ok(RevokeBody { id }) if state.agents.key(id).is_none() => {
                return (StatusCode::NOT_FOUND, value(&words(&no_agent()))).into_response();
            }
            Ok(RevokeBody { id }) => Ask::RevokeAgent { id },
            Err(response) => return response,
        },
    };
    match perform(state, ask).await {
        Ok(Answer::Code(code)) => value(&views::code(&code)),
        Ok(Answer::Agents(agents)) => value(&views::agents(&agents)),
        Ok(Answer::Removed(agent)) => value(&views::agent(&agent)),
        // Nothing that is asked for here is answered by them.
        Ok(
            Answer::Token(_) | Answer::Tokens(_) | Answer::Certificate(_) | Answer::Failed { .. },
        ) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
        Err(trouble) => (StatusCode::SERVICE_UNAVAILABLE, value(&words(&trouble))).into_response(),
    }
}

async fn body<T: DeserializeOwned>(request: Request) -> Result<T, Response> {
    let wrong = |status, what: &str| {
        let trouble = Trouble::new(what).hint("see docs/OPERATING.md for what is taken here");
        (status, value(&words(&trouble))).into_response()
    };
    let bytes = axum::body::to_bytes(request.into_body(), OPERATOR_BODY)
        .await
        .map_err(|_| {
            wrong(
                StatusCode::PAYLOAD_TOO_LARGE,
                "the body is too long or was cut short",
            )
        })?;
    serde_json::from_slice(&bytes).map_err(|_| {
        wrong(
            StatusCode::BAD_REQUEST,
            "the body is not the JSON that is taken here",
        )
    })
}

fn words(trouble: &Trouble) -> Value {
    json!({ "error": trouble.to_string(), "hint": trouble.hint_text() })
}

fn value(value: &Value) -> Response {
    let text = Zeroizing::new(format!("{value}\n"));
    let body = Body::from(text.as_bytes().to_vec());
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

impl Place {
    fn method(self) -> Method {
        match self {
            Self::Metrics | Self::Agents => Method::GET,
            Self::Enrol | Self::RevokeAgent => Method::POST,
        }
    }

    fn purpose(self) -> Purpose {
        match self {
            Self::Metrics => Purpose::Metrics,
            Self::Enrol => Purpose::Enrol,
            Self::Agents | Self::RevokeAgent => Purpose::Admin,
        }
    }
}
