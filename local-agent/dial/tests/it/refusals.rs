//! A relay that answers and wants no link now.

use crate::Outcome;
use lanyard_dial::{DialError, Proxies, Relay, Socket, Trust};
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

/// What dialling makes of this answer to its request.
async fn refused(answer: &'static str) -> Result<DialError, Box<dyn std::error::Error>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let relay = Relay::parse(&format!("http://{}", listener.local_addr()?), Trust::System)?;
    let serve = async {
        let (mut stream, _) = listener.accept().await?;
        let mut request = Vec::new();
        while !request.ends_with(b"\r\n\r\n") {
            request.push(stream.read_u8().await?);
        }
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await
    };
    let proxies = Proxies::default();
    let (dialled, served) = tokio::join!(Socket::connect(&relay, &proxies, "/v1/agent"), serve);
    served?;
    Ok(dialled.err().ok_or("it was taken for a link")?)
}

#[tokio::test]
async fn a_relay_that_is_full_says_why_and_when_to_come_back() -> Outcome {
    let full =
        "HTTP/1.1 503 Service Unavailable\r\nRetry-After: 7\r\nContent-Length: 5\r\n\r\nfull\n";
    let error = refused(full).await?;
    assert!(
        error.to_string().ends_with("refused the connection: full"),
        "{error}"
    );
    assert_eq!(error.again(), Some(Duration::from_secs(7)));
    assert!(!error.is_lasting());
    Ok(())
}

#[tokio::test]
async fn what_is_no_number_of_seconds_is_not_waited_for() -> Outcome {
    for answer in [
        "HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 No\r\nRetry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 No\r\nRetry-After: -5\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 503 No\r\nRetry-After: 99999999999999999999\r\nContent-Length: 0\r\n\r\n",
    ] {
        assert_eq!(refused(answer).await?.again(), None, "{answer}");
    }
    Ok(())
}
