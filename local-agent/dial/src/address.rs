//! Which relay is dialled, and how its certificate is judged.

use lanyard_shared::pair::address::{Address, AddressFault};
use std::fmt;

/// How the relay's certificate is judged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trust {
    /// By the certificate authorities this machine trusts.
    System,
    /// It must be exactly the certificate with this SHA-256.
    Pinned([u8; 32]),
}

impl From<Option<[u8; 32]>> for Trust {
    fn from(fingerprint: Option<[u8; 32]>) -> Self {
        fingerprint.map_or(Self::System, Self::Pinned)
    }
}

/// A relay: its address and how to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relay {
    address: Address,
    trust: Trust,
}

impl Relay {
    /// The relay at `address`.
    #[must_use]
    pub fn new(address: Address, trust: Trust) -> Self {
        Self { address, trust }
    }

    /// Reads `https://name[:port]`, or `http://` on loopback.
    ///
    /// # Errors
    /// The text is not exactly an origin.
    pub fn parse(url: &str, trust: Trust) -> Result<Self, AddressFault> {
        Ok(Self::new(Address::parse(url)?, trust))
    }

    /// Where it is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.address
    }

    /// How its certificate is judged.
    #[must_use]
    pub fn trust(&self) -> Trust {
        self.trust
    }

    /// Host name or bare IP address, and port.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        let standard = if self.address.is_https() { 443 } else { 80 };
        host_and_port(self.address.authority(), standard)
    }

    /// `host:port`, the port always and an IPv6 address in brackets.
    pub(crate) fn target(&self) -> String {
        match self.host_and_port() {
            (host, port) if host.contains(':') => format!("[{host}]:{port}"),
            (host, port) => format!("{host}:{port}"),
        }
    }
}

/// Splits `host[:port]`.
pub(crate) fn host_and_port(authority: &str, standard: u16) -> (&str, u16) {
    let (host, port) = match authority.rsplit_once(':') {
        // The colons of an IPv6 address stand inside brackets.
        Some((host, port)) if !port.contains(']') => (host, port.parse().unwrap_or(standard)),
        _ => (authority, standard),
    };
    (host.trim_start_matches('[').trim_end_matches(']'), port)
}

impl fmt::Display for Relay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.address.web())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_and_port_come_from_names_and_addresses_alike() -> Result<(), AddressFault> {
        for (url, expected) in [
            ("https://relay.example", ("relay.example", 443)),
            ("https://relay.example:8443", ("relay.example", 8443)),
            ("https://[::1]", ("::1", 443)),
            ("http://[::1]:7080", ("::1", 7080)),
            ("http://127.0.0.1:7080", ("127.0.0.1", 7080)),
        ] {
            let relay = Relay::parse(url, Trust::System)?;
            assert_eq!(relay.host_and_port(), expected);
            let (host, port) = expected;
            let bracketed = relay.target() == format!("[{host}]:{port}");
            assert!(bracketed || relay.target() == format!("{host}:{port}"));
            assert_eq!(bracketed, host.contains(':'));
        }
        Ok(())
    }
}
