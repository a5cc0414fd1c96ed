//! Bytes to and from a host: TCP, and TLS over it.

use crate::address::Trust;
use crate::error::NoName;
use crate::{eyeballs, tls};
use rustls::pki_types::ServerName;
use std::io;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::client::TlsStream;

/// A stream, whatever it is made of.
pub(crate) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// A TCP connection that does not hold keys back, to whichever address of the host answers.
pub(crate) async fn tcp(host: &str, port: u16) -> io::Result<TcpStream> {
    let found = tokio::net::lookup_host((host, port))
        .await
        .map_err(NoName::mark)?;
    let tcp = eyeballs::race(eyeballs::order(found), TcpStream::connect).await?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// TLS with `host` over a stream.
pub(crate) async fn secure<S: Duplex>(
    stream: S,
    host: &str,
    trust: Trust,
) -> io::Result<TlsStream<S>> {
    let name = ServerName::try_from(host.to_owned())
        .map_err(|_| io::Error::new(io::ErrorKind::InvalidInput, "not a host name"))?;
    let config = tls::config(trust).map_err(io::Error::other)?;
    tokio_rustls::TlsConnector::from(Arc::new(config))
        .connect(name, stream)
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::SocketAddr;
    use tokio::net::TcpListener;

    #[tokio::test]
    async fn a_port_that_only_one_family_answers_on_is_reached_whichever_the_resolver_prefers()
    -> io::Result<()> {
        for at in ["127.0.0.1:0", "[::1]:0"] {
            let listener = match TcpListener::bind(at).await {
                Ok(listener) => listener,
                // A machine without IPv6.
                Err(error) if error.kind() == io::ErrorKind::AddrNotAvailable => continue,
                Err(error) => return Err(error),
            };
            let port = listener.local_addr()?.port();
            let both = [
                SocketAddr::from(([127, 0, 0, 1], port)),
                SocketAddr::from(([0, 0, 0, 0, 0, 0, 0, 1], port)),
            ];
            for found in [both, [both[1], both[0]]] {
                let tcp = eyeballs::race(eyeballs::order(found), TcpStream::connect).await?;
                assert_eq!(tcp.peer_addr()?, listener.local_addr()?);
            }
        }
        Ok(())
    }
}
