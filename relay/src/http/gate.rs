//! Who may ask: requests must name this relay, come from its own pages if they come from a page, and carry nothing secret in a URL.

use crate::door::Conn;
use axum::extract::{Extension, Request};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::sync::Arc;

/// Why a request is not answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The `Host` is not a name of this relay. A page of another site could have rebound its own name to us.
    #[error("this relay is not known by that name; start it with `--host NAME` to add one")]
    Host,
    /// Another site's page.
    #[error("this page may not connect here")]
    Origin,
    /// A page at the agents' place.
    #[error("agents connect here, pages do not")]
    Page,
    /// URLs end up in logs and histories.
    #[error("no token in a URL: this address takes no query")]
    Query,
}

/// Lets a request through or answers it.
pub async fn check(
    Extension(conn): Extension<Arc<Conn>>,
    request: Request,
    next: Next,
) -> Response {
    match judge(&conn, &request) {
        Ok(()) => next.run(request).await,
        Err(refused) => {
            // Nothing of the address: whoever put a secret there would find it in the log.
            tracing::info!(%refused, "request refused");
            (refused.status(), format!("{refused}\n")).into_response()
        }
    }
}

fn judge(conn: &Conn, request: &Request) -> Result<(), Refused> {
    let names = &conn.door.names;
    let host = single(request.headers(), &header::HOST)
        .ok_or(Refused::Host)?
        .ok_or(Refused::Host)?;
    // A request may name its host a second time, in the request line.
    let also = request
        .uri()
        .authority()
        .map(|authority| authority.as_str());
    if !names.has_host(host) || also.is_some_and(|also| !also.eq_ignore_ascii_case(host)) {
        return Err(Refused::Host);
    }
    let path = request.uri().path();
    // Pages take none either: nobody is to find that a link with `?relay=` or `?token=` in it seems to work.
    if request.uri().query().is_some() {
        return Err(Refused::Query);
    }
    if path != "/v1" && !path.starts_with("/v1/") {
        return Ok(());
    }
    // Who has no origin is a native client.
    match single(request.headers(), &header::ORIGIN).ok_or(Refused::Origin)? {
        None => Ok(()),
        Some(_) if path == "/v1/agent" => Err(Refused::Page),
        Some(origin) if names.has_origin(origin) => Ok(()),
        Some(_) => Err(Refused::Origin),
    }
}

/// A header that may be there once: `None` if it is there more often or is not text.
fn single<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<Option<&'a str>> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (None, _) => Some(None),
        (Some(value), None) => value.to_str().ok().map(Some),
        (Some(_), Some(_)) => None,
    }
}

impl Refused {
    fn status(self) -> StatusCode {
        match self {
            Self::Host => StatusCode::MISDIRECTED_REQUEST,
            Self::Origin | Self::Page => StatusCode::FORBIDDEN,
            Self::Query => StatusCode::BAD_REQUEST,
        }
    }
}
