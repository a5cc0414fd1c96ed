//! The names a listener answers to, and the origins its pages come from. A name that is not listed is refused, which is what keeps a page
//! of another site from reaching a relay on this machine by rebinding its own name.

use lanyard_shared::pair::address::{Address, AddressFault};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

/// A name the operator gave with `--host`: `name` or `name:port`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostName(Address);

impl HostName {
    /// Reads `name[:port]`.
    ///
    /// # Errors
    /// It is not a host name or address with an optional port.
    pub fn parse(text: &str) -> Result<Self, AddressFault> {
        // An IPv6 address needs no brackets here.
        let text = match text.parse::<IpAddr>() {
            Ok(IpAddr::V6(ip)) => format!("[{ip}]"),
            Ok(IpAddr::V4(_)) | Err(_) => text.to_ascii_lowercase(),
        };
        Address::parse(&format!("https://{text}")).map(Self)
    }

    /// Without the port and the brackets of an address, as a certificate names it.
    #[must_use]
    pub fn bare(&self) -> &str {
        let (name, _) = split(self.0.authority());
        name.trim_start_matches('[').trim_end_matches(']')
    }

    /// `name:port`, with `port` unless the operator named one.
    #[must_use]
    pub fn with_port(&self, port: u16) -> String {
        match split(self.0.authority()) {
            (_, Some(_)) => self.0.authority().to_owned(),
            (name, None) => format!("{name}:{port}"),
        }
    }
}

/// What one listener answers to.
#[derive(Clone, Debug, Default)]
pub struct Names {
    hosts: BTreeSet<String>,
    origins: BTreeSet<String>,
}

impl Names {
    /// The names of a listener at `at` that is reached by `scheme`, as `hosts`, as its own loopback address, and as `public`.
    #[must_use]
    pub fn new(scheme: &str, at: SocketAddr, hosts: &[HostName], public: Option<&Address>) -> Self {
        let mut names = Self::default();
        let default_port = if scheme == "https" { 443 } else { 80 };
        let mut add = |authority: String| {
            names.origins.insert(format!("{scheme}://{authority}"));
            names.hosts.insert(authority);
        };
        for name in own_names(at.ip()) {
            if at.port() == default_port {
                add(name.clone());
            }
            add(format!("{name}:{}", at.port()));
        }
        for host in hosts {
            // Without a port the operator may mean the one others dial, which a firewall maps to ours.
            add(host.0.authority().to_owned());
            add(host.with_port(at.port()));
        }
        if let Some(public) = public {
            names.origins.insert(public.web().to_owned());
            names.hosts.insert(public.authority().to_owned());
        }
        names
    }

    /// True for a `Host` header, or the host of a proof, that names this relay.
    #[must_use]
    pub fn has_host(&self, authority: &str) -> bool {
        self.hosts.contains(&authority.to_ascii_lowercase())
    }

    /// True for an `Origin` header of a page that this relay serves.
    #[must_use]
    pub fn has_origin(&self, origin: &str) -> bool {
        self.origins.contains(origin)
    }
}

/// True for names only this machine can mean.
#[must_use]
pub fn is_local(authority: &str) -> bool {
    let (name, _) = split(authority);
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    bare == "localhost" || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

fn own_names(ip: IpAddr) -> Vec<String> {
    let mut names = Vec::new();
    if ip.is_loopback() || ip.is_unspecified() {
        names.extend(["localhost", "127.0.0.1", "[::1]"].map(str::to_owned));
    }
    if !ip.is_unspecified() {
        names.push(if ip.is_ipv6() {
            format!("[{ip}]")
        } else {
            ip.to_string()
        });
    }
    names
}

/// Name and port of an authority; the colons inside brackets belong to the name.
fn split(authority: &str) -> (&str, Option<&str>) {
    let after = authority.rfind(']').map_or(0, |end| end + 1);
    match authority[after..].find(':') {
        Some(colon) => (
            &authority[..after + colon],
            Some(&authority[after + colon + 1..]),
        ),
        None => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(names: &[&str]) -> Vec<HostName> {
        names
            .iter()
            .map(|name| HostName::parse(name).unwrap())
            .collect()
    }

    #[test]
    fn a_listener_on_loopback_answers_to_loopback_names_with_its_port_only() {
        let names = Names::new("http", "127.0.0.1:7080".parse().unwrap(), &[], None);
        for host in [
            "localhost:7080",
            "LOCALHOST:7080",
            "127.0.0.1:7080",
            "[::1]:7080",
        ] {
            assert!(names.has_host(host), "{host}");
        }
        for host in [
            "localhost",
            "localhost:80",
            "evil.example",
            "evil.example:7080",
            "localhost:7080.evil.example",
            "",
        ] {
            assert!(!names.has_host(host), "{host}");
        }
        assert!(names.has_origin("http://localhost:7080"));
        assert!(!names.has_origin("https://localhost:7080"));
        assert!(!names.has_origin("null"));
    }

    #[test]
    fn a_listener_on_every_address_answers_to_the_names_it_was_given() {
        let at = "0.0.0.0:7443".parse().unwrap();
        let names = Names::new(
            "https",
            at,
            &hosts(&[
                "relay.example",
                "192.168.1.5",
                "2001:db8::1",
                "nat.example:8443",
            ]),
            None,
        );
        for host in [
            "relay.example:7443",
            "relay.example",
            "192.168.1.5:7443",
            "[2001:db8::1]:7443",
            "nat.example:8443",
            "localhost:7443",
        ] {
            assert!(names.has_host(host), "{host}");
        }
        assert!(!names.has_host("nat.example:7443"));
        assert!(!names.has_host("0.0.0.0:7443"));
    }

    #[test]
    fn the_public_address_is_a_name_and_an_origin_everywhere() {
        let public = Address::parse("https://relay.example").unwrap();
        let names = Names::new(
            "http",
            "127.0.0.1:7443".parse().unwrap(),
            &[],
            Some(&public),
        );
        assert!(names.has_host("relay.example"));
        assert!(names.has_origin("https://relay.example"));
        assert!(!names.has_origin("http://relay.example"));
    }

    #[test]
    fn a_certificate_names_hosts_without_ports_and_brackets() {
        let bare: Vec<_> = hosts(&["relay.example:8443", "[::1]", "10.0.0.1"])
            .iter()
            .map(|h| h.bare().to_owned())
            .collect();
        assert_eq!(bare, ["relay.example", "::1", "10.0.0.1"]);
    }
}
