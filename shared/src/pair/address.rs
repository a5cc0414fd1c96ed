//! Web addresses that a pairing link or an enrolment code may name: an origin and nothing else.

use std::net::{Ipv4Addr, Ipv6Addr};

/// An origin (RFC 6454): `https://name[:port]`, or `http://` on loopback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    web: String,
    authority_at: usize,
}

/// Why text is not an address that may be dialled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressFault {
    /// Neither `https://` nor `http://` on loopback.
    #[error("the address is neither https nor http on this machine")]
    Scheme,
    /// A name and password before the host: `https://relay.example@evil.example`.
    #[error("the address has a user name in it")]
    UserInfo,
    /// Something after `?`.
    #[error("the address has a query")]
    Query,
    /// A path, or a fragment where none belongs.
    #[error("the address has a path")]
    Path,
    /// Not a host name or IP address with an optional port, in lower case.
    #[error("the address names no host")]
    Host,
}

impl Address {
    /// Reads an origin. One `/` may follow it.
    ///
    /// # Errors
    /// Anything that is not exactly an origin. Nothing is repaired: what a person sees is what is dialled.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        let (secure, rest) = match (text.strip_prefix("https://"), text.strip_prefix("http://")) {
            (Some(rest), _) => (true, rest),
            (None, Some(rest)) => (false, rest),
            (None, None) => return Err(AddressFault::Scheme),
        };
        if rest.contains('@') {
            return Err(AddressFault::UserInfo);
        }
        if rest.contains('?') {
            return Err(AddressFault::Query);
        }
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.contains(['/', '\\', '#']) {
            return Err(AddressFault::Path);
        }
        let host = host(authority).ok_or(AddressFault::Host)?;
        if !secure && !loopback(host) {
            return Err(AddressFault::Scheme);
        }
        let authority_at = text.len() - rest.len();
        let web = text[..authority_at + authority.len()].to_owned();
        Ok(Self { web, authority_at })
    }

    /// The origin, without a slash at its end.
    #[must_use]
    pub fn web(&self) -> &str {
        &self.web
    }

    /// `name[:port]`: what a proof names as `host`.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.web[self.authority_at..]
    }

    /// True when only programs on the same machine can get there.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        host(self.authority()).is_some_and(loopback)
    }

    /// False for `http` on loopback.
    #[must_use]
    pub fn is_https(&self) -> bool {
        self.web.starts_with("https")
    }
}

/// The host in `host[:port]`, if both have their proper form.
fn host(authority: &str) -> Option<&str> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let end = rest.find(']')?;
            rest[..end].parse::<Ipv6Addr>().ok()?;
            authority.split_at(end + 2)
        }
        None => authority.split_at(authority.find(':').unwrap_or(authority.len())),
    };
    let port_fits = match port.strip_prefix(':') {
        Some(digits) => {
            digits.bytes().all(|b| b.is_ascii_digit())
                && !digits.starts_with('0')
                && digits.parse::<u16>().is_ok()
        }
        None => port.is_empty(),
    };
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'.');
    let name = !host.is_empty() && host.len() <= 253 && host.bytes().all(plain);
    (port_fits && (name || host.starts_with('['))).then_some(host)
}

/// `localhost`, 127.0.0.0/8 in its full form, or `[::1]`: what browsers call potentially trustworthy over `http`.
fn loopback(host: &str) -> bool {
    let v6 = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    host == "localhost"
        || host.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback())
        || v6.is_some_and(|h| h.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_taken_as_they_stand() {
        for (text, web, authority) in [
            (
                "https://relay.example",
                "https://relay.example",
                "relay.example",
            ),
            (
                "https://relay.example:8443/",
                "https://relay.example:8443",
                "relay.example:8443",
            ),
            (
                "http://localhost:8080",
                "http://localhost:8080",
                "localhost:8080",
            ),
            ("http://127.8.9.1", "http://127.8.9.1", "127.8.9.1"),
            ("http://[::1]:80/", "http://[::1]:80", "[::1]:80"),
            (
                "https://[2001:db8::1]",
                "https://[2001:db8::1]",
                "[2001:db8::1]",
            ),
        ] {
            let address = Address::parse(text).unwrap();
            assert_eq!((address.web(), address.authority()), (web, authority));
        }
    }

    #[test]
    fn anything_but_an_origin_is_refused_by_name() {
        for (text, fault) in [
            ("ftp://relay.example", AddressFault::Scheme),
            ("HTTPS://relay.example", AddressFault::Scheme),
            ("javascript:alert(1)", AddressFault::Scheme),
            ("http://relay.example", AddressFault::Scheme),
            ("http://localhost.evil.example", AddressFault::Scheme),
            ("http://127.0.0.1.evil.example", AddressFault::Scheme),
            ("http://127.1", AddressFault::Scheme),
            ("http://[::2]", AddressFault::Scheme),
            ("https://relay.example@evil.example", AddressFault::UserInfo),
            (
                "https://relay.example?relay=evil.example",
                AddressFault::Query,
            ),
            ("https://relay.example/path", AddressFault::Path),
            ("https://relay.example\\evil.example", AddressFault::Path),
            ("https://relay.example//", AddressFault::Path),
            ("https://", AddressFault::Host),
            ("https://relay.example:", AddressFault::Host),
            ("https://relay.example:0", AddressFault::Host),
            ("https://relay.example:65536", AddressFault::Host),
            ("https://relay.example:+1", AddressFault::Host),
            ("https://Relay.example", AddressFault::Host),
            ("https://relay.example ", AddressFault::Host),
            ("https://rélay.example", AddressFault::Host),
            ("https://[::1]x", AddressFault::Host),
            ("https://[::1", AddressFault::Host),
        ] {
            assert_eq!(Address::parse(text), Err(fault), "{text}");
        }
    }
}
