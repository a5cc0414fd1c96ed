//! One listener: how it is reached, what it answers to, and what it knows of a connection.

use crate::admission::Place;
use crate::budget::Budget;
use crate::clock;
use crate::names::Names;
use http::{HeaderMap, HeaderName};
use lanyard_shared::limits::UNPROVEN_TIME;
use lanyard_shared::time::Mono;
use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How connections come in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// TLS, ours: agents and browsers.
    Tls,
    /// Plain, on loopback: browsers of this machine.
    Local,
    /// Plain, on loopback, from a proxy that did TLS: agents and browsers.
    Proxied {
        /// Where the proxy says who it speaks for.
        trusted: Option<HeaderName>,
    },
}

/// A listener.
#[derive(Debug)]
pub struct Door {
    /// How it is reached.
    pub reach: Reach,
    /// What it answers to.
    pub names: Names,
    /// Whether browsers are to insist on TLS from now on.
    pub hsts: bool,
}

/// What is known of a connection before it says anything.
#[derive(Debug)]
pub struct Conn {
    /// Where it came in.
    pub door: Arc<Door>,
    /// Where it comes from; `None` when only the request says so: see [`Door::forwarded`].
    pub from: Option<IpAddr>,
    /// What it may still send.
    pub budget: Budget,
    accepted: Mono,
    fresh: AtomicBool,
    place: Mutex<Option<Place>>,
}

impl Conn {
    /// A connection that was accepted at `accepted` and holds `place`.
    #[must_use]
    pub fn new(door: Arc<Door>, from: Option<IpAddr>, accepted: Mono, place: Place) -> Arc<Self> {
        Arc::new(Self {
            door,
            from,
            budget: Budget::open(),
            accepted,
            fresh: AtomicBool::new(true),
            place: Mutex::new(Some(place)),
        })
    }

    /// The place of this connection, for the link it becomes.
    pub fn take_place(&self) -> Option<Place> {
        self.place
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }

    /// Until when a link that begins with this request must be proven. The first request's time began with the connection.
    pub fn unproven_until(&self) -> Mono {
        let since = if self.fresh.swap(false, Ordering::Relaxed) {
            self.accepted
        } else {
            clock::mono()
        };
        since + UNPROVEN_TIME
    }
}

impl Door {
    /// The address that counts for the limit of strangers, as far as the connection alone tells.
    #[must_use]
    pub fn address(&self, peer: SocketAddr) -> Option<IpAddr> {
        match self.reach {
            Reach::Tls | Reach::Local => Some(peer.ip()),
            // All come from the proxy; the request says more.
            Reach::Proxied { .. } => None,
        }
    }

    /// The address for which a trusted proxy speaks: the last one in its header, which is the one it wrote itself.
    #[must_use]
    pub fn forwarded(&self, headers: &HeaderMap) -> Option<IpAddr> {
        let Reach::Proxied {
            trusted: Some(name),
        } = &self.reach
        else {
            return None;
        };
        let last = headers
            .get_all(name)
            .iter()
            .next_back()?
            .to_str()
            .ok()?
            .rsplit(',')
            .next()?
            .trim();
        let bare = last.trim_start_matches('[');
        bare.parse()
            .ok()
            .or_else(|| last.parse::<SocketAddr>().ok().map(|address| address.ip()))
            .or_else(|| bare.trim_end_matches(']').parse().ok())
    }

    /// True where operator tokens are taken: where nobody but this relay, or its proxy, can have answered.
    #[must_use]
    pub fn serves_operators(&self) -> bool {
        self.serves_agents()
    }

    /// True where agents may connect.
    #[must_use]
    pub fn serves_agents(&self) -> bool {
        match self.reach {
            Reach::Tls | Reach::Proxied { .. } => true,
            Reach::Local => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn forwarded(values: &[&str]) -> Option<IpAddr> {
        let name = HeaderName::from_static("x-forwarded-for");
        let reach = Reach::Proxied {
            trusted: Some(name.clone()),
        };
        let door = Door {
            reach,
            names: Names::default(),
            hsts: false,
        };
        let headers = values
            .iter()
            .map(|value| (name.clone(), value.parse().unwrap()))
            .collect();
        door.forwarded(&headers)
    }

    #[test]
    fn the_proxys_own_entry_counts_and_not_what_the_client_wrote() {
        let real: IpAddr = "192.0.2.7".parse().unwrap();
        assert_eq!(forwarded(&["10.9.9.9, 192.0.2.7"]), Some(real));
        assert_eq!(forwarded(&["10.9.9.9", "192.0.2.7"]), Some(real));
        assert_eq!(forwarded(&["192.0.2.7:4711"]), Some(real));
        assert_eq!(
            forwarded(&["[2001:db8::1]:4711"]),
            "2001:db8::1".parse().ok()
        );
        assert_eq!(forwarded(&["nonsense"]), None);
        assert_eq!(forwarded(&[]), None);
    }

    #[test]
    fn without_a_trusted_header_nothing_a_client_writes_counts() {
        let door = Door {
            reach: Reach::Local,
            names: Names::default(),
            hsts: false,
        };
        let headers = [(
            HeaderName::from_static("x-forwarded-for"),
            "192.0.2.7".parse().unwrap(),
        )];
        assert_eq!(door.forwarded(&headers.into_iter().collect()), None);
    }
}
