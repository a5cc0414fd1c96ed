//! Where a relay is, and how its certificate is judged.

use std::fmt;
use std::net::IpAddr;

/// How the relay's certificate is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By the certificate authorities this machine trusts.
    System,
    /// It must be exactly the certificate with this SHA-256.
    Pinned([u8; 32]),
}

/// A relay's address, taken from a URL with nothing but scheme, host and port in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    secure: bool,
    host: String,
    port: u16,
    explicit_port: bool,
    trust: Trust,
}

/// Why text is not a relay's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// Neither `https://` nor `http://`.
    #[error("a relay's address starts with https://")]
    Scheme,
    /// `http://` to somewhere else than this machine.
    #[error("http:// is allowed to this machine itself only")]
    PlainBeyondLoopback,
    /// User name, path, query or nothing at all where a host should be.
    #[error("a relay's address is https://name or https://name:port and nothing more")]
    Host,
}

impl Address {
    /// Parses `https://name[:port]`, or `http://` for loopback names.
    ///
    /// # Errors
    /// See [`AddressError`].
    pub fn parse(url: &str, trust: Trust) -> Result<Self, AddressError> {
        let uri: http::Uri = url.trim_end_matches('/').parse().map_err(|_| AddressError::Host)?;
        let secure = match uri.scheme_str() {
            Some("https" | "wss") => true,
            Some("http" | "ws") => false,
            _ => return Err(AddressError::Scheme),
        };
        let authority = uri.authority().ok_or(AddressError::Host)?;
        let bare = uri.path_and_query().is_none_or(|rest| rest.as_str() == "/" || rest.as_str().is_empty());
        if authority.as_str().contains('@') || !bare || url.contains('#') || authority.host().is_empty() {
            return Err(AddressError::Host);
        }
        let host = authority.host().to_ascii_lowercase();
        if !secure && !is_loopback(&host) {
            return Err(AddressError::PlainBeyondLoopback);
        }
        let port = authority.port_u16().unwrap_or(if secure { 443 } else { 80 });
        Ok(Self { secure, host, port, explicit_port: authority.port().is_some(), trust })
    }

    /// What goes into `Host` and into the proof: `name[:port]`, lower case.
    #[must_use]
    pub fn authority(&self) -> String {
        if self.explicit_port { format!("{}:{}", self.host, self.port) } else { self.host.clone() }
    }

    /// Whether TLS is spoken.
    #[must_use]
    pub fn is_secure(&self) -> bool {
        self.secure
    }

    /// How the certificate is judged.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.trust
    }

    pub(crate) fn host(&self) -> &str {
        self.host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_http_is_refused_beyond_this_machine() {
        assert_eq!(Address::parse("http://relay.example", Trust::System), Err(AddressError::PlainBeyondLoopback));
        assert!(Address::parse("http://localhost:7080", Trust::System).is_ok());
        assert!(Address::parse("http://[::1]:7080/", Trust::System).is_ok());
    }

    #[test]
    fn user_names_paths_queries_and_fragments_are_refused() {
        for url in ["https://a@b", "https://b/x", "https://b/?relay=c", "https://b?x", "https://b/#x", "https://"] {
            assert_eq!(Address::parse(url, Trust::System), Err(AddressError::Host), "{url}");
        }
        assert_eq!(Address::parse("ftp://b", Trust::System), Err(AddressError::Scheme));
    }

    #[test]
    fn the_authority_is_what_was_written() {
        let authority = |url| Address::parse(url, Trust::System).map(|address| address.authority());
        assert_eq!(authority("https://Relay.Example:8443"), Ok("relay.example:8443".into()));
        assert_eq!(authority("https://relay.example"), Ok("relay.example".into()));
    }
}
