//! A way to the relay through an HTTP proxy: CONNECT (RFC 9110, 9.3.6). What travels in it is TLS with the relay, which the proxy cannot open.

use crate::address::Trust;
use crate::limits::PROXY_HEAD_MAX;
use crate::proxy::{Proxy, SettingFault};
use crate::stream::{Duplex, secure, tcp};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};

#[cfg(test)]
mod tests;

/// Why there is no way through the proxy.
#[derive(Debug, thiserror::Error)]
pub enum ProxyError {
    /// The environment names none that can be used.
    #[error(transparent)]
    Setting(#[from] SettingFault),
    /// No connection to it.
    #[error("the proxy at {proxy} cannot be reached: {source}")]
    Unreachable {
        /// Which.
        proxy: String,
        /// Why.
        source: std::io::Error,
    },
    /// It wants to know who asks, or does not believe it.
    #[error("the proxy at {0} wants a user name and password, or others")]
    Credentials(String),
    /// It does not let this relay be dialled.
    #[error("the proxy at {0} does not allow a connection to the relay")]
    Forbidden(String),
    /// It tried, or did not, and says no.
    #[error("the proxy at {proxy} could not connect to the relay (HTTP {status})")]
    Failed {
        /// Which.
        proxy: String,
        /// What it said.
        status: u16,
    },
    /// It does not speak HTTP, or not as a proxy.
    #[error("the proxy at {0} did not answer as an HTTP proxy does")]
    Nonsense(String),
}

impl ProxyError {
    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> &'static str {
        match self {
            Self::Setting(fault) => fault.hint(),
            Self::Unreachable { .. } => {
                "check HTTPS_PROXY; a relay that needs no proxy belongs into NO_PROXY"
            }
            Self::Credentials(_) => {
                "set HTTPS_PROXY to http://USER:PASSWORD@NAME:PORT; special characters are written as %40"
            }
            Self::Forbidden(_) => {
                "ask who runs the proxy to allow the relay's name and port, or name the relay in NO_PROXY"
            }
            Self::Failed { .. } => {
                "check that `lanyard-relay serve` runs there and that the proxy can reach it"
            }
            Self::Nonsense(_) => "check that HTTPS_PROXY names an HTTP proxy and its port",
        }
    }

    /// True when trying again later cannot help by itself.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::Setting(_) | Self::Credentials(_) => true,
            Self::Unreachable { .. }
            | Self::Forbidden(_)
            | Self::Failed { .. }
            | Self::Nonsense(_) => false,
        }
    }
}

/// A stream to `target` (`host:port`) through `proxy`, whose own certificate, if it has one, is judged by `trust`.
pub(crate) async fn through(
    proxy: &Proxy,
    trust: Trust,
    target: &str,
) -> Result<Box<dyn Duplex>, ProxyError> {
    let unreachable = |source| ProxyError::Unreachable {
        proxy: proxy.to_string(),
        source,
    };
    let (host, port) = proxy.host_and_port();
    let tcp = tcp(host, port).await.map_err(unreachable)?;
    let mut stream: Box<dyn Duplex> = if proxy.is_tls() {
        let secured = secure(tcp, host, trust).await;
        Box::new(secured.map_err(unreachable)?)
    } else {
        Box::new(tcp)
    };
    ask(&mut stream, proxy, target).await?;
    Ok(stream)
}

async fn ask(
    stream: &mut (impl AsyncRead + AsyncWrite + Unpin),
    proxy: &Proxy,
    target: &str,
) -> Result<(), ProxyError> {
    let unreachable = |source| ProxyError::Unreachable {
        proxy: proxy.to_string(),
        source,
    };
    let mut request = format!("CONNECT {target} HTTP/1.1\r\nHost: {target}\r\n");
    if let Some(credentials) = proxy.credentials() {
        request.push_str(&format!("Proxy-Authorization: {credentials}\r\n"));
    }
    request.push_str("\r\n");
    stream
        .write_all(request.as_bytes())
        .await
        .map_err(unreachable)?;
    stream.flush().await.map_err(unreachable)?;
    let name = proxy.to_string();
    let answer = answer(stream).await.map_err(unreachable)?;
    match answer {
        // The relay speaks second: whatever is there already is not its word.
        Some((200..=299, true)) => Ok(()),
        None | Some((200..=299, false)) => Err(ProxyError::Nonsense(name)),
        Some((407, _)) => Err(ProxyError::Credentials(name)),
        Some((403, _)) => Err(ProxyError::Forbidden(name)),
        Some((status, _)) => Err(ProxyError::Failed {
            proxy: name,
            status,
        }),
    }
}

/// The status of an answer, and whether its head was all that came. `None` when it is no answer, or its head too long.
async fn answer(stream: &mut (impl AsyncRead + Unpin)) -> std::io::Result<Option<(u16, bool)>> {
    let mut head = vec![0; PROXY_HEAD_MAX];
    let mut length = 0;
    loop {
        let read = stream.read(&mut head[length..]).await?;
        if read == 0 {
            return Ok(None);
        }
        let looked_at = length.saturating_sub(3);
        length += read;
        let end = head[looked_at..length]
            .windows(4)
            .position(|window| window == b"\r\n\r\n");
        if let Some(end) = end {
            let all = looked_at + end + 4 == length;
            return Ok(status(&head).map(|status| (status, all)));
        }
    }
}

/// Of `HTTP/1.1 200 Connection established`.
fn status(head: &[u8]) -> Option<u16> {
    let rest = head.strip_prefix(b"HTTP/1.")?;
    let [b'0' | b'1', b' ', digits @ .., _] = rest.get(..6)? else {
        return None;
    };
    let ends = matches!(rest[5], b' ' | b'\r');
    let digits = str::from_utf8(digits).ok()?;
    let status = digits.parse().ok()?;
    (ends && (100..600).contains(&status)).then_some(status)
}
