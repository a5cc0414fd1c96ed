//! Why dialling failed, for people and for those who dial again.

use crate::address::Relay;
use crate::limits::REFUSAL_SHOWN;
use crate::tunnel::ProxyError;
use http::header::RETRY_AFTER;
use std::fmt;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Error as WsError;

/// Why no WebSocket came to be.
#[derive(Debug, thiserror::Error)]
pub enum DialError {
    /// No TCP connection.
    #[error("the relay at {address} cannot be reached: {source}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        source: std::io::Error,
    },
    /// There is no way to anywhere.
    #[error("this device has no network, so the relay at {address} cannot be reached: {source}")]
    NoNetwork {
        /// Where.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// The name could not be looked up.
    #[error("the relay at {address} cannot be looked up: {source}")]
    NoName {
        /// Where.
        address: String,
        /// What the system said.
        source: std::io::Error,
    },
    /// Nothing happened for ten seconds.
    #[error("the relay at {address} did not answer within 10 seconds{}", Through(.proxy.as_deref()))]
    Timeout {
        /// Where.
        address: String,
        /// The proxy that was asked for it.
        proxy: Option<String>,
    },
    /// No way through the proxy.
    #[error(transparent)]
    Proxy(#[from] ProxyError),
    /// The certificate is not the one expected, or no authority vouches for it.
    #[error("the relay's certificate is not the one expected: {0}")]
    Certificate(std::io::Error),
    /// The answer was not a WebSocket.
    #[error("the relay at {address} refused the connection: {reason}")]
    Refused {
        /// Where.
        address: String,
        /// What it said.
        reason: String,
        /// When it wants to be asked again, if it said so.
        again: Option<Duration>,
    },
}

/// How the way went, when it did not go straight.
struct Through<'a>(Option<&'a str>);

impl fmt::Display for Through<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(proxy) => write!(f, " through the proxy at {proxy}"),
            None => Ok(()),
        }
    }
}

impl DialError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Timeout { proxy: Some(_), .. } => {
                "check HTTPS_PROXY, and that the proxy can reach the relay; a relay that needs no proxy belongs into NO_PROXY"
            }
            Self::NoNetwork { .. } => "it goes on by itself when there is a network",
            Self::NoName { .. } => {
                "check that this device has a network, and that the relay's name is right"
            }
            Self::Unreachable { .. } | Self::Timeout { proxy: None, .. } => {
                "check that `lanyard-relay serve` runs there and that a firewall lets its port through"
            }
            Self::Proxy(error) => error.hint(),
            Self::Certificate(_) => {
                "if the relay's certificate was replaced, run `lanyard-relay enrol` there and `lanyard up --enrol CODE` here"
            }
            Self::Refused { .. } => {
                "check the address; the relay may know itself by another name (`--host`)"
            }
        }
    }

    /// True when trying again later cannot help by itself.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Certificate(_) => true,
            Self::Proxy(error) => error.is_lasting(),
            Self::Unreachable { .. }
            | Self::NoNetwork { .. }
            | Self::NoName { .. }
            | Self::Timeout { .. }
            | Self::Refused { .. } => false,
        }
    }

    /// When the relay wants to be asked again, if it said so.
    #[must_use]
    pub fn again(&self) -> Option<Duration> {
        match self {
            Self::Refused { again, .. } => *again,
            Self::Unreachable { .. }
            | Self::NoNetwork { .. }
            | Self::NoName { .. }
            | Self::Timeout { .. }
            | Self::Proxy(_)
            | Self::Certificate(_) => None,
        }
    }

    pub(crate) fn unreachable(relay: &Relay, source: std::io::Error) -> Self {
        let address = relay.to_string();
        if NoName::is(&source) {
            return Self::NoName { address, source };
        }
        if is_without_network(&source) {
            return Self::NoNetwork { address, source };
        }
        Self::Unreachable { address, source }
    }

    pub(crate) fn of_tls(relay: &Relay, error: std::io::Error) -> Self {
        let inner = error.get_ref();
        match inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            Some(rustls::Error::InvalidCertificate(_)) => Self::Certificate(error),
            _ => Self::unreachable(relay, error),
        }
    }

    pub(crate) fn of_upgrade(relay: &Relay, error: WsError) -> Self {
        Self::Refused {
            address: relay.to_string(),
            again: again(&error),
            reason: reason(error),
        }
    }
}

/// What a failed lookup is marked with: the system has no kind of error for it.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct NoName(std::io::Error);

impl NoName {
    pub(crate) fn mark(error: std::io::Error) -> std::io::Error {
        std::io::Error::other(Self(error))
    }

    fn is(error: &std::io::Error) -> bool {
        error.get_ref().is_some_and(|inner| inner.is::<Self>())
    }
}

/// Whether the system knows of no way to where it was asked to connect.
pub(crate) fn is_without_network(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        std::io::ErrorKind::NetworkUnreachable | std::io::ErrorKind::NetworkDown
    )
}

/// `Retry-After` in seconds; dates are for browsers.
fn again(error: &WsError) -> Option<Duration> {
    let WsError::Http(response) = error else {
        return None;
    };
    let value = response.headers().get(RETRY_AFTER)?;
    let seconds: u32 = value.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(seconds.into()))
}

fn reason(error: WsError) -> String {
    if let WsError::Http(response) = &error {
        let body = response.body().as_deref().unwrap_or_default();
        let text = String::from_utf8_lossy(&body[..body.len().min(REFUSAL_SHOWN)])
            .trim()
            .to_owned();
        return if text.is_empty() {
            format!("HTTP {}", response.status())
        } else {
            text
        };
    }
    error.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Error, ErrorKind};

    #[test]
    fn no_network_no_name_and_no_relay_are_three_things_and_none_of_them_lasts() {
        let relay = Relay::parse("https://relay.example", None.into()).unwrap();
        let why = |error| DialError::unreachable(&relay, error);
        let none = why(ErrorKind::NetworkUnreachable.into());
        assert!(matches!(none, DialError::NoNetwork { .. }));
        assert!(none.to_string().starts_with("this device has no network"));
        let name = why(NoName::mark(Error::other(
            "no answer from the name service",
        )));
        assert!(matches!(name, DialError::NoName { .. }));
        assert!(
            name.to_string()
                .ends_with("no answer from the name service")
        );
        let refused = why(ErrorKind::ConnectionRefused.into());
        assert!(matches!(refused, DialError::Unreachable { .. }));
        let all = [none, name, refused];
        assert!(
            all.iter()
                .all(|error| !error.is_lasting() && !error.hint().is_empty())
        );
        let hints: std::collections::HashSet<_> = all.iter().map(DialError::hint).collect();
        assert_eq!(hints.len(), 3);
    }
}
