//! Addresses: `WebFetch`, `WebFetch(domain:example.com)`, `WebFetch(domain:*.example.com)`.

use super::BadRule;
use url::{Host, Url};

/// The hosts that a rule names.
#[derive(Clone, Debug)]
pub(super) enum Hosts {
    Every,
    These(Domain),
}

/// A host, in the form in which [`Url`] has them: lower case, punycode.
#[derive(Clone, Debug)]
pub(super) struct Domain {
    host: String,
    /// Those below it, and not itself.
    below: bool,
    /// If it is not the usual one.
    port: Option<u16>,
}

impl Hosts {
    pub fn parse(inside: Option<&str>) -> Result<Self, BadRule> {
        let Some(inside) = inside else {
            return Ok(Self::Every);
        };
        let written = inside.strip_prefix("domain:").ok_or(BadRule::Domain)?;
        let bad = || BadRule::Host(written.to_owned());
        let (below, name) = match written.strip_prefix("*.") {
            Some(rest) => (true, rest),
            None => (false, written),
        };
        let (name, port) = match name.rsplit_once(':') {
            Some((name, port)) if !port.contains(']') => {
                let digits = port.bytes().all(|byte| byte.is_ascii_digit());
                (
                    name,
                    Some(port.parse().ok().filter(|_| digits).ok_or_else(bad)?),
                )
            }
            _ => (name, None),
        };
        let host = Host::parse(name).map_err(|_| bad())?;
        // A port, user or path would be taken for part of a name, and an address of four numbers has nothing below it.
        let named = matches!(host, Host::Domain(_));
        let host = host.to_string();
        let host = host.trim_end_matches('.');
        if host.is_empty()
            || name.contains(['*', '/', '@', '?', '#', '%', ' '])
            || (below && !named)
        {
            return Err(bad());
        }
        Ok(Self::These(Domain {
            host: host.to_owned(),
            below,
            port,
        }))
    }

    pub fn allow(&self, text: &str) -> bool {
        // Some of these are dropped by readers of addresses, and others read a backslash as a slash.
        let strange = |c: char| c.is_control() || c.is_whitespace() || c == '\\';
        if text.contains(strange) {
            return false;
        }
        let Ok(url) = Url::parse(text) else {
            return false;
        };
        let web = matches!(url.scheme(), "http" | "https");
        // Both ways to write it: empty ones are dropped by the reader.
        let authority = text.split('/').nth(2).unwrap_or_default();
        let user =
            !url.username().is_empty() || url.password().is_some() || authority.contains('@');
        let Some(host) = host_of(&url).filter(|_| web && !user) else {
            return false;
        };
        match self {
            Self::Every => true,
            Self::These(domain) => {
                let named = match domain.below {
                    false => host == domain.host,
                    true => is_below(&host, &domain.host),
                };
                named && domain.has_port(&url)
            }
        }
    }

    pub fn touch(&self, text: &str) -> bool {
        let Self::These(domain) = self else {
            return true;
        };
        let host = Url::parse(text).ok().and_then(|url| host_of(&url));
        host.is_none_or(|host| host == domain.host || is_below(&host, &domain.host))
    }

    pub fn dangerous(&self) -> Option<&'static str> {
        match self {
            Self::Every => Some(
                "every address would be fetched without asking, and an address can carry data away",
            ),
            Self::These(domain) if domain.below && !domain.host.contains('.') => {
                Some("every host below a top-level domain would be fetched from without asking")
            }
            Self::These(_) => None,
        }
    }
}

impl Domain {
    fn has_port(&self, url: &Url) -> bool {
        match self.port {
            None => url.port().is_none(),
            Some(port) => url.port_or_known_default() == Some(port),
        }
    }
}

/// Of schemes that are not the web's, a host is not brought into one form by the reader.
fn host_of(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let host = Host::parse(host).map_or_else(|_| host.to_lowercase(), |host| host.to_string());
    let host = host.trim_end_matches('.');
    (!host.is_empty()).then(|| host.to_owned())
}

fn is_below(host: &str, domain: &str) -> bool {
    let rest = host.strip_suffix(domain);
    rest.is_some_and(|rest| rest.ends_with('.'))
}
