//! One link, from its WebSocket to its close: prove, then carry frames between the socket and the hub.

mod drive;
mod held;
mod prove;
mod socket;

#[cfg(test)]
mod tests;

pub use held::{Due, Held};
pub use prove::check_clock;

use crate::admission::{Place, spread};
use crate::budget::Budget;
use crate::door::Door;
use crate::limits::{AGAIN_MOST, RETURN_OF_ONE};
use crate::random;
use crate::state::State;
use axum::extract::ws::WebSocket;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Role};
use lanyard_shared::limits::UNPROVEN_BYTES;
use lanyard_shared::time::Mono;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

/// A WebSocket that has said nothing yet, and what came with it.
pub struct Stranger {
    /// Who it must prove to be.
    pub role: Role,
    /// Where it comes from; unspecified when that is not known.
    pub from: Ipv6Addr,
    /// Where it came in.
    pub door: Arc<Door>,
    /// Its place among the unproven; kept until the stranger is one no more, or has gone.
    pub place: Place,
    /// What it may still send.
    pub budget: Budget,
    /// By when it must have proven itself.
    pub deadline: Mono,
}

/// Serves one link to its end. What an idle link keeps is small, for it may be idle for days: each stage has its own memory, which is given
/// back when the stage is over.
pub fn serve(state: Arc<State>, stranger: Stranger, socket: WebSocket) -> impl Future<Output = ()> {
    let socket = Box::new(socket);
    async move {
        let _guard = state.links.guard();
        let Some((proven, socket)) = Box::pin(admit(&state, stranger, socket)).await else {
            return;
        };
        // The router has told all links that the relay stops, perhaps just before this one came to be.
        if state.links.are_stopping() {
            drop(proven);
            let close = last_words(&state, CloseCode::GoingAway);
            return Box::pin(socket::farewell(socket, close)).await;
        }
        let Some((code, socket)) = drive::drive(&state, proven, socket).await else {
            return;
        };
        // Who is told to wait or to come back must hear it; there are as many of these as agents, or the relay is stopping.
        let must = matches!(code, CloseCode::Replaced | CloseCode::GoingAway);
        let turn = state.farewells.try_acquire();
        if turn.is_err() && !must {
            return;
        }
        let close = last_words(&state, code);
        Box::pin(socket::farewell(socket, close)).await;
    }
}

async fn admit(
    state: &State,
    stranger: Stranger,
    mut socket: Box<WebSocket>,
) -> Option<(prove::Proven, Box<WebSocket>)> {
    stranger.budget.limit(UNPROVEN_BYTES);
    let lost = stranger.place.lost();
    let proven = tokio::select! {
        proven = prove::prove(state, &stranger, &mut socket) => proven,
        () = lost => {
            tracing::debug!("a stranger made room for a newer one");
            let again = state.admission.again(random::jitter());
            // Nothing is waited for: the place is somebody else's.
            socket::farewell_now(socket, Close::again_in(CloseCode::Busy, again));
            return None;
        }
        // Who it is will not be known in time, and there is nothing it could lose.
        () = state.links.stopped() => return None,
    };
    match proven {
        Ok(proven) => {
            stranger.budget.lift();
            Some((proven, socket))
        }
        Err(prove::Unproven::Gone) => None,
        Err(prove::Unproven::Refused(code)) => {
            state.refused.links.add();
            tracing::info!(role = ?stranger.role, code = code.name(), "link refused");
            // It keeps its place until it has gone, or until it loses it: one that does not read its refusal still costs a socket.
            tokio::select! {
                () = socket::farewell(socket, code.into()) => {}
                () = stranger.place.lost() => {}
            }
            None
        }
    }
}

/// Why a link ends, in words. All who hear that the relay stops come back, and are told not to come at once.
fn last_words(state: &State, code: CloseCode) -> Close {
    let links = u32::try_from(state.links.count()).unwrap_or(u32::MAX);
    let most = RETURN_OF_ONE.saturating_mul(links).min(AGAIN_MOST);
    let again = spread(Duration::ZERO, most, random::jitter());
    if code == CloseCode::GoingAway && again.as_millis() > 0 {
        Close::again_in(code, again)
    } else {
        code.into()
    }
}

/// A close code for the one who broke something, and a line for the log.
fn blame(fault: crate::route::PeerMisbehaved) -> CloseCode {
    let code = CloseCode::from(fault);
    tracing::warn!(%fault, code = code.name(), "peer misbehaved");
    code
}
