//! Which proxy stands before a relay: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY`, read once and without IO.
//!
//! Lower case counts before upper case, as with curl. A setting that cannot be understood is a fault when it would be used, and not before:
//! a relay on this machine is dialled whatever it says.

use crate::address::{Relay, host_and_port};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use lanyard_shared::pair::address::Address;
use std::fmt;
use std::net::IpAddr;

/// What the environment says of proxies.
#[derive(Clone, Debug, Default)]
pub struct Proxies {
    proxy: Option<Result<Proxy, SettingFault>>,
    except: Vec<Except>,
}

/// An HTTP proxy.
#[derive(Clone, PartialEq, Eq)]
pub struct Proxy {
    authority: String,
    tls: bool,
    credentials: Option<String>,
}

/// Why a setting cannot be used. Never the setting itself: it may hold a password.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettingFault {
    /// A protocol that is not spoken here.
    #[error("{0} names a SOCKS proxy, and Lanyard speaks to HTTP proxies only")]
    Socks(&'static str),
    /// Not an address of a proxy.
    #[error("{0} is not the address of a proxy")]
    NoProxy(&'static str),
}

impl SettingFault {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(self) -> &'static str {
        match self {
            Self::Socks(_) => {
                "set HTTPS_PROXY to an HTTP proxy, or name the relay in NO_PROXY to dial it directly"
            }
            Self::NoProxy(_) => {
                "it looks like http://proxy.example:3128; special characters of a password are written as %40"
            }
        }
    }
}

/// A relay that is dialled directly.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Except {
    host: Host,
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Host {
    Any,
    /// A name and all names below it.
    Below(String),
    /// All addresses that begin with so many bits of this one.
    Network(IpAddr, u32),
}

impl Proxies {
    /// What this process was started with.
    #[must_use]
    pub fn of_environment() -> Self {
        Self::read(|name| std::env::var(name).ok())
    }

    /// Reads the variables that `get` knows.
    #[must_use]
    pub fn read(get: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: [&'static str; 2]| {
            names
                .into_iter()
                .filter_map(|name| Some((name, get(name)?.trim().to_owned())))
                .find(|(_, value)| !value.is_empty())
        };
        let proxy = first(["https_proxy", "HTTPS_PROXY"])
            .or_else(|| first(["all_proxy", "ALL_PROXY"]))
            .map(|(name, url)| Proxy::parse(name, &url));
        let except = first(["no_proxy", "NO_PROXY"]).map(|(_, list)| {
            let entries = list.split([',', ' ']);
            entries.filter_map(Except::parse).collect()
        });
        Self {
            proxy,
            except: except.unwrap_or_default(),
        }
    }

    /// The proxy for a relay; `None` when it is dialled directly. What runs on this machine always is.
    ///
    /// # Errors
    /// The relay would be dialled through a proxy that is named wrongly.
    pub fn before(&self, relay: &Relay) -> Result<Option<&Proxy>, SettingFault> {
        let Some(proxy) = &self.proxy else {
            return Ok(None);
        };
        let (host, port) = relay.host_and_port();
        let direct = relay.address().is_loopback()
            || !relay.address().is_https()
            || self.except.iter().any(|except| except.holds(host, port));
        if direct {
            return Ok(None);
        }
        proxy.as_ref().map(Some).map_err(|fault| *fault)
    }
}

impl Proxy {
    fn parse(variable: &'static str, url: &str) -> Result<Self, SettingFault> {
        let none = SettingFault::NoProxy(variable);
        let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
        let scheme = scheme.to_ascii_lowercase();
        if scheme.starts_with("socks") {
            return Err(SettingFault::Socks(variable));
        }
        let tls = match scheme.as_str() {
            "http" => false,
            "https" => true,
            _ => return Err(none),
        };
        let (user, authority) = match rest.rsplit_once('@') {
            Some((user, authority)) => (Some(user), authority),
            None => (None, rest),
        };
        let authority = authority.to_ascii_lowercase();
        let address = Address::parse(&format!("https://{authority}")).map_err(|_| none)?;
        let credentials = user.map(|user| basic(user).ok_or(none)).transpose()?;
        Ok(Self {
            authority: address.authority().to_owned(),
            tls,
            credentials,
        })
    }

    /// Host name or bare IP address, and port.
    pub(crate) fn host_and_port(&self) -> (&str, u16) {
        host_and_port(&self.authority, if self.tls { 443 } else { 80 })
    }

    /// True when TLS is spoken with the proxy itself.
    pub(crate) fn is_tls(&self) -> bool {
        self.tls
    }

    /// What proves who asks (RFC 7617). Not for anybody else's eyes.
    pub(crate) fn credentials(&self) -> Option<&str> {
        self.credentials.as_deref()
    }
}

/// Without its credentials.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        write!(f, "{scheme}://{}", self.authority)
    }
}

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Except {
    fn parse(entry: &str) -> Option<Self> {
        if let Some((address, bits)) = network(entry) {
            let host = Host::Network(address, bits);
            return Some(Self { host, port: None });
        }
        let (host, port) = match entry.rsplit_once(':') {
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (entry, None),
        };
        let host = host.trim_start_matches('[').trim_end_matches(']');
        let host = match network(host) {
            Some((address, bits)) => Host::Network(address, bits),
            None if host == "*" => Host::Any,
            None => {
                let name = host.strip_prefix('*').unwrap_or(host).trim_matches('.');
                if name.is_empty() {
                    return None;
                }
                Host::Below(name.to_ascii_lowercase())
            }
        };
        Some(Self { host, port })
    }

    fn holds(&self, host: &str, port: u16) -> bool {
        let same_host = match &self.host {
            Host::Any => true,
            Host::Below(name) => host
                .strip_suffix(name.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.')),
            Host::Network(network, bits) => host
                .parse()
                .is_ok_and(|address| begins_alike(*network, address, *bits)),
        };
        same_host && self.port.is_none_or(|only| only == port)
    }
}

/// An address, or `address/bits`.
fn network(text: &str) -> Option<(IpAddr, u32)> {
    let (address, bits) = match text.split_once('/') {
        Some((address, bits)) => (address, Some(bits.parse().ok()?)),
        None => (text, None),
    };
    let address: IpAddr = address.parse().ok()?;
    let all = if address.is_ipv4() { 32 } else { 128 };
    let bits = bits.unwrap_or(all);
    (bits <= all).then_some((address, bits))
}

fn begins_alike(network: IpAddr, address: IpAddr, bits: u32) -> bool {
    match (network, address) {
        (IpAddr::V4(a), IpAddr::V4(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits,
        (IpAddr::V6(a), IpAddr::V6(b)) => (a.to_bits() ^ b.to_bits()).leading_zeros() >= bits,
        (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
    }
}

/// `user:password` of a URL, as a header carries it. A colon in the user's name could not be told from the one after it.
fn basic(user: &str) -> Option<String> {
    let (name, password) = user.split_once(':').unwrap_or((user, ""));
    let name = unescaped(name)?;
    if name.contains(&b':') {
        return None;
    }
    let pair = [&name[..], b":", &unescaped(password)?].concat();
    Some(format!("Basic {}", STANDARD.encode(pair)))
}

/// Text with `%40` and the like put back.
fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = text.bytes();
    let mut out = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            out.push(byte);
            continue;
        }
        let mut digit = || char::from(bytes.next()?).to_digit(16);
        let (high, low) = (digit()?, digit()?);
        out.push(u8::try_from(high * 16 + low).ok()?);
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::address::Trust;

    fn proxies(variables: &[(&str, &str)]) -> Proxies {
        Proxies::read(|name| {
            let found = variables.iter().find(|(known, _)| *known == name);
            found.map(|(_, value)| (*value).to_owned())
        })
    }

    /// What is dialled for a relay: the proxy, "direct", or what is wrong.
    fn way(variables: &[(&str, &str)], relay: &str) -> String {
        let relay = Relay::parse(relay, Trust::System).map_err(|fault| fault.to_string());
        match relay.as_ref().map(|relay| {
            proxies(variables)
                .before(relay)
                .map(Option::<&Proxy>::cloned)
        }) {
            Ok(Ok(Some(proxy))) => proxy.to_string(),
            Ok(Ok(None)) => "direct".to_owned(),
            Ok(Err(fault)) => fault.to_string(),
            Err(fault) => fault.clone(),
        }
    }

    const RELAY: &str = "https://relay.example";

    #[test]
    fn the_first_variable_that_says_something_counts() {
        for (variables, expected) in [
            (&[][..], "direct"),
            (&[("HTTPS_PROXY", "http://a:1")], "http://a:1"),
            (
                &[("https_proxy", "http://a:1"), ("HTTPS_PROXY", "http://b:1")],
                "http://a:1",
            ),
            (
                &[("https_proxy", ""), ("HTTPS_PROXY", "http://b:1")],
                "http://b:1",
            ),
            (
                &[("ALL_PROXY", "http://c:1"), ("HTTPS_PROXY", "http://b:1")],
                "http://b:1",
            ),
            (&[("all_proxy", "http://c:1")], "http://c:1"),
            (&[("HTTP_PROXY", "http://d:1")], "direct"),
        ] {
            assert_eq!(way(variables, RELAY), expected, "{variables:?}");
        }
    }

    #[test]
    fn a_proxys_address_is_understood_or_refused_without_being_repeated() {
        let no = "HTTPS_PROXY is not the address of a proxy";
        for (url, expected) in [
            ("http://proxy.example:3128", "http://proxy.example:3128"),
            ("http://Proxy.Example:3128/", "http://proxy.example:3128"),
            ("proxy.example:3128", "http://proxy.example:3128"),
            ("HTTPS://proxy.example", "https://proxy.example"),
            ("http://[2001:db8::1]:3128", "http://[2001:db8::1]:3128"),
            ("http://anna:secret@proxy.example", "http://proxy.example"),
            (
                "socks5://anna:secret@proxy.example",
                "HTTPS_PROXY names a SOCKS proxy, and Lanyard speaks to HTTP proxies only",
            ),
            ("ftp://anna:secret@proxy.example", no),
            ("http://anna:%zz@proxy.example", no),
            ("http://an%3ana:secret@proxy.example", no),
            ("http://proxy.example/path", no),
            ("http://proxy.example:0", no),
            ("http://", no),
            ("http://pro xy", no),
            ("http://proxy\r\nX-Evil: 1", no),
        ] {
            assert_eq!(way(&[("HTTPS_PROXY", url)], RELAY), expected, "{url}");
        }
    }

    #[test]
    fn no_proxy_names_hosts_networks_and_ports() {
        for (list, relay, direct) in [
            ("relay.example", RELAY, true),
            ("RELAY.example.", RELAY, true),
            ("other.example, relay.example", RELAY, true),
            ("other.example relay.example", RELAY, true),
            ("example", RELAY, true),
            (".example", RELAY, true),
            ("*.example", RELAY, true),
            ("*", RELAY, true),
            ("ay.example", RELAY, false),
            ("sub.relay.example", RELAY, false),
            ("relay.example:443", RELAY, true),
            ("relay.example:8443", RELAY, false),
            ("relay.example:8443", "https://relay.example:8443", true),
            ("relay.example:http", RELAY, false),
            (",, ,", RELAY, false),
            ("192.0.2.7", "https://192.0.2.7", true),
            ("192.0.2.7:444", "https://192.0.2.7", false),
            ("192.0.2.0/24", "https://192.0.2.7", true),
            ("192.0.3.0/24", "https://192.0.2.7", false),
            ("0.0.0.0/0", "https://192.0.2.7", true),
            ("0.0.0.0/0", RELAY, false),
            ("192.0.2.0/33", "https://192.0.2.7", false),
            ("2001:db8::/32", "https://[2001:db8::1]", true),
            ("2001:db8::1", "https://[2001:db8::1]", true),
            ("[2001:db8::1]:443", "https://[2001:db8::1]", true),
            ("[2001:db8::1]:444", "https://[2001:db8::1]", false),
            ("2001:db9::/32", "https://[2001:db8::1]", false),
        ] {
            let way = way(&[("HTTPS_PROXY", "http://a:1"), ("NO_PROXY", list)], relay);
            assert_eq!(way == "direct", direct, "{list} {relay}: {way}");
        }
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy_whatever_the_variables_say() {
        for relay in [
            "http://localhost:7080",
            "http://127.0.0.1:7080",
            "https://localhost:7443",
            "https://127.8.8.8:7443",
            "https://[::1]:7443",
        ] {
            for url in ["http://a:1", "socks5://a:1", "nonsense://"] {
                assert_eq!(
                    way(&[("HTTPS_PROXY", url)], relay),
                    "direct",
                    "{relay} {url}"
                );
            }
        }
    }

    #[test]
    fn credentials_are_sent_and_never_shown() {
        let proxies = proxies(&[("HTTPS_PROXY", "http://Aladdin:open%20s%65same@a:1")]);
        let relay = Relay::parse(RELAY, Trust::System).ok();
        let proxy = relay.and_then(|relay| proxies.before(&relay).ok().flatten().cloned());
        assert_eq!(
            proxy.as_ref().and_then(Proxy::credentials),
            Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")
        );
        let shown = format!("{proxy:?} {proxies:?}");
        assert!(
            !shown.contains("laddin") && !shown.contains("QWxh"),
            "{shown}"
        );
    }
}
