//! Who may ask, and what every answer carries.

use crate::relay::*;
use lanyard_relay::server::Proxy;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Leg};
use lanyard_shared::pair::address::Address;
use std::time::Duration;
use tokio::io::AsyncReadExt as _;

const UPGRADE: &str = "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

fn get(path: &str, host: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
}

fn upgrade(path: &str, host: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: Upgrade\r\n{UPGRADE}{more}\r\n")
}

#[tokio::test]
async fn a_host_that_is_not_ours_is_refused_whatever_is_asked() {
    let relay = Relay::start().await;
    let (host, plain) = (relay.host(), format!("localhost:{}", relay.plain_port()));
    assert_eq!(
        ask(relay.tls().await, &get("/healthz", &host, "")).await.0,
        200
    );
    assert_eq!(
        ask(relay.plain().await, &get("/healthz", &plain, ""))
            .await
            .0,
        200
    );
    for path in ["/", "/healthz", "/v1/attach"] {
        for wrong in ["evil.example", "localhost", &host] {
            let (status, _, body) = ask(relay.plain().await, &get(path, wrong, "")).await;
            assert_eq!(
                (status, body.contains("--host")),
                (421, true),
                "{path} {wrong}"
            );
        }
    }
    let twice = get("/", &plain, "Host: evil.example\r\n");
    assert_ne!(ask(relay.plain().await, &twice).await.0, 200);
    let none = "GET / HTTP/1.1\r\nConnection: close\r\n\r\n";
    assert_ne!(ask(relay.plain().await, none).await.0, 200);
    let two_names = get("http://evil.example/", &plain, "");
    assert_eq!(ask(relay.plain().await, &two_names).await.0, 421);
}

#[tokio::test]
async fn a_page_of_another_site_cannot_attach_and_no_page_can_be_an_agent() {
    let relay = Relay::start().await;
    let (host, plain) = (relay.host(), format!("localhost:{}", relay.plain_port()));
    let status = async |path: &str, origin: &str| {
        let request = upgrade(path, &host, &format!("Origin: {origin}\r\n"));
        let mut wire = relay.tls().await;
        tokio::io::AsyncWriteExt::write_all(&mut wire, request.as_bytes())
            .await
            .unwrap();
        let mut head = [0; 12];
        wire.read_exact(&mut head).await.unwrap();
        String::from_utf8(head.to_vec()).unwrap()
    };
    assert_eq!(
        status("/v1/attach", &format!("https://{host}")).await,
        "HTTP/1.1 101"
    );
    for origin in [
        "https://evil.example",
        "null",
        &format!("http://{host}"),
        &format!("http://{plain}"),
        "https://localhost",
    ] {
        assert_eq!(
            status("/v1/attach", origin).await,
            "HTTP/1.1 403",
            "{origin}"
        );
    }
    assert_eq!(
        status("/v1/agent", &format!("https://{host}")).await,
        "HTTP/1.1 403"
    );
}

#[tokio::test]
async fn no_query_is_taken_anywhere_not_even_by_a_page() {
    let relay = Relay::start().await;
    for path in [
        "/v1/attach?token=x",
        "/v1/agent?",
        "/v1/other?a",
        "/?relay=https://evil.example",
        "/index.html?pair=x",
        "/healthz?",
    ] {
        let (status, _, body) = ask(relay.tls().await, &get(path, &relay.host(), UPGRADE)).await;
        assert_eq!(
            (status, body.contains("no token in a URL")),
            (400, true),
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_answer_carries_the_security_headers() {
    let relay = Relay::start().await;
    let host = relay.host();
    for (path, host, status) in [
        ("/", &*host, 200),
        ("/missing", &host, 404),
        ("/v1/attach", &host, 400),
        ("/", "evil.example", 421),
    ] {
        let (found, head, _) = ask(relay.tls().await, &get(path, host, "")).await;
        assert_eq!(found, status, "{path}");
        for header in [
            "content-security-policy: default-src 'none'; script-src 'self';",
            "require-trusted-types-for 'script'; trusted-types svelte-trusted-html\r\n",
            "cross-origin-opener-policy: same-origin",
            "cross-origin-resource-policy: same-origin",
            "cross-origin-embedder-policy: require-corp",
            "referrer-policy: no-referrer",
            "x-content-type-options: nosniff",
            "origin-agent-cluster: ?1",
            "permissions-policy: ",
        ] {
            assert!(head.contains(header), "{path}: {header} is not in {head}");
        }
        assert!(head.contains(if path.starts_with("/v1") {
            "cache-control: no-store"
        } else {
            "cache-control: no-cache"
        }));
        // Nobody but this relay vouches for its own certificate.
        assert!(!head.contains("strict-transport-security"));
        assert!(!head.contains("set-cookie"));
    }
}

#[tokio::test]
async fn agents_have_no_place_on_the_plain_listener() {
    let relay = Relay::start().await;
    let plain = format!("localhost:{}", relay.plain_port());
    let (status, _, _) = ask(
        relay.plain().await,
        &upgrade("/v1/agent", &plain, "Connection: close\r\n"),
    )
    .await;
    assert_eq!(status, 404);
    socket(relay.plain().await, &plain, "/v1/attach").await;
}

#[tokio::test]
async fn a_request_head_that_is_too_long_is_refused() {
    let relay = Relay::start().await;
    let long = format!("X: {}\r\n", "x".repeat(20_000));
    let (status, _, _) = ask(relay.tls().await, &get("/", &relay.host(), &long)).await;
    assert_eq!(status, 431);
}

#[tokio::test]
async fn behind_a_proxy_one_listener_serves_both_and_counts_strangers_by_its_header() {
    let relay = Relay::start_with(|options| {
        options.proxy = Some(Proxy {
            trusted_header: Some("x-forwarded-for".parse().unwrap()),
        });
        options.public_url = Some(Address::parse("https://relay.example").unwrap());
    })
    .await;
    assert_eq!(
        (relay.ready.https.as_deref(), &*relay.ready.web),
        (None, "https://relay.example")
    );
    let dial = async |path: &str, client: &str| {
        let mut wire = tokio::net::TcpStream::connect(("127.0.0.1", relay.port))
            .await
            .unwrap();
        let request = upgrade(
            path,
            "relay.example",
            &format!("X-Forwarded-For: 10.0.0.1, {client}\r\n"),
        );
        tokio::io::AsyncWriteExt::write_all(&mut wire, request.as_bytes())
            .await
            .unwrap();
        let mut head = [0; 12];
        wire.read_exact(&mut head).await.unwrap();
        (String::from_utf8(head.to_vec()).unwrap(), wire)
    };
    let mut strangers = Vec::new();
    for n in 0..64 {
        let path = if n % 2 == 0 {
            "/v1/attach"
        } else {
            "/v1/agent"
        };
        let (status, wire) = dial(path, "192.0.2.1").await;
        assert_eq!(status, "HTTP/1.1 101");
        strangers.push(wire);
    }
    let (status, mut refused) = dial("/v1/attach", "192.0.2.1").await;
    assert_eq!(status, "HTTP/1.1 503");
    let mut rest = [0; 256];
    let length = refused.read(&mut rest).await.unwrap();
    let head = String::from_utf8_lossy(&rest[..length]).to_ascii_lowercase();
    let again = head.split("retry-after: ").nth(1).unwrap();
    let again: u32 = again.split("\r\n").next().unwrap().parse().unwrap();
    assert!((1..=30).contains(&again), "{again}");
    assert_eq!(dial("/v1/attach", "192.0.2.2").await.0, "HTTP/1.1 101");
}

#[tokio::test]
async fn a_stranger_who_makes_room_for_others_is_told_when_to_come_back() {
    let relay = Relay::start_with(|options| {
        options.proxy = Some(Proxy {
            trusted_header: None,
        });
        options.public_url = Some(Address::parse("https://relay.example").unwrap());
    })
    .await;
    let connect = async || {
        tokio::net::TcpStream::connect(("127.0.0.1", relay.port))
            .await
            .unwrap()
    };
    let mut first = socket(Box::new(connect().await), "relay.example", "/v1/agent").await;
    binary(&mut first).await;
    let mut crowd = Vec::new();
    // One by one, so that a machine with few descriptors tells what it lacks and not something else.
    for _ in 0..4096 {
        crowd.push(connect().await);
    }
    let last = binary(&mut first).await;
    let Ok(Frame::Close(0, close)) = Frame::decode(last, Leg::Agent) else {
        panic!("no close");
    };
    assert_eq!(close.code, Some(CloseCode::Busy));
    let again = close.again().unwrap();
    assert!(again >= Duration::from_secs(1) && again <= Duration::from_secs(30));
}

#[tokio::test]
async fn in_a_crowd_from_one_address_the_oldest_goes_and_the_newest_is_served() {
    let relay = Relay::start_with(|options| options.http_listen = None).await;
    let connect = async || {
        tokio::net::TcpStream::connect(("127.0.0.1", relay.port))
            .await
            .unwrap()
    };
    let mut crowd = Vec::new();
    for _ in 0..64 {
        crowd.push(connect().await);
    }
    let mut one_more = connect().await;
    assert!(matches!(crowd[0].read(&mut [0; 1]).await, Ok(0) | Err(_)));
    // What is no TLS gets an answer, and so is not dropped at the door.
    tokio::io::AsyncWriteExt::write_all(&mut one_more, b"GET / HTTP/1.1\r\n\r\n")
        .await
        .unwrap();
    assert!(matches!(one_more.read(&mut [0; 1]).await, Ok(1)));
}
