//! What operators do from afar, over real TLS.

use crate::relay::*;
use lanyard_relay::server::Proxy;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::link::{Dialler, Event};
use lanyard_shared::pair::address::Address;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;

const PLACES: [(&str, &str, &str, &str); 4] = [
    ("GET", "/v1/metrics", "", "metrics"),
    ("POST", "/v1/enrol", "{\"seconds\":60}", "enrol"),
    ("GET", "/v1/agents", "", "admin"),
    (
        "POST",
        "/v1/agents/revoke",
        "{\"id\":\"AAAAAAAAAAAAAAAAAAAAAA\"}",
        "admin",
    ),
];

fn request(
    method: &str,
    path: &str,
    host: &str,
    token: Option<&str>,
    body: &str,
    more: &str,
) -> String {
    let token = token.map_or_else(String::new, |token| {
        format!("Authorization: Bearer {token}\r\n")
    });
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Length: {length}\r\n{token}{more}\r\n{body}"
    )
}

async fn token(relay: &Relay, purpose: &str, seconds: u64) -> (String, String) {
    let request =
        json!({ "do": "create-token", "purpose": purpose, "seconds": seconds, "note": "" });
    let answer = relay.operator(request).await;
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    (
        text(&answer["token"]["token"]),
        text(&answer["token"]["about"]["id"]),
    )
}

async fn call(
    relay: &Relay,
    method: &str,
    path: &str,
    token: Option<&str>,
    body: &str,
) -> (u16, String, String) {
    let request = request(method, path, &relay.host(), token, body, "");
    let (status, head, body) = ask(relay.tls().await, &request).await;
    let head = head
        .lines()
        .filter(|line| !line.starts_with("date:"))
        .collect::<Vec<_>>()
        .join("\n");
    (status, head, body)
}

#[tokio::test]
async fn each_token_opens_its_own_places_and_all_that_open_nothing_look_the_same() {
    let relay = Relay::start().await;
    let mut refusals = Vec::new();
    for of in ["metrics", "enrol", "admin"] {
        let (text, _) = token(&relay, of, 60).await;
        for (method, path, body, purpose) in PLACES {
            let answer = call(&relay, method, path, Some(&text), body).await;
            if of == purpose {
                // There is no machine to remove, which only this token is told.
                let expected = if path.ends_with("revoke") { 404 } else { 200 };
                assert_eq!(answer.0, expected, "{path}: {answer:?}");
            } else {
                refusals.push(answer);
            }
        }
    }
    let (_, path, ..) = PLACES[0];
    let (revoked, id) = token(&relay, "metrics", 60).await;
    let ended = relay
        .operator(json!({ "do": "revoke-tokens", "which": { "id": id } }))
        .await;
    assert_eq!(ended["tokens"][0]["live"], false);
    let unknown = format!("lanyardop1.{}", "A".repeat(43));
    for wrong in [
        Some(&*revoked),
        Some(&*unknown),
        Some("nonsense"),
        Some(""),
        None,
    ] {
        refusals.push(call(&relay, "GET", path, wrong, "").await);
    }
    let first = &refusals[0];
    assert_eq!(first.0, 401);
    assert!(
        first.1.contains("www-authenticate: bearer") && first.1.contains("cache-control: no-store")
    );
    for refusal in &refusals {
        assert_eq!(refusal, first);
    }
}

#[tokio::test]
async fn a_token_that_ends_opens_nothing_from_then_on() {
    let relay = Relay::start().await;
    let (text, _) = token(&relay, "metrics", 1).await;
    let began = std::time::Instant::now();
    let mut opened = false;
    loop {
        match call(&relay, "GET", "/v1/metrics", Some(&text), "").await.0 {
            200 => opened = true,
            status => {
                assert_eq!(status, 401);
                break;
            }
        }
        assert!(began.elapsed() < Duration::from_secs(20));
    }
    assert!(opened || began.elapsed() >= Duration::from_secs(1));
    let listed = relay.operator(json!({ "do": "tokens" })).await;
    assert_eq!(listed["tokens"][0]["live"], false);
}

#[tokio::test]
async fn machines_are_enrolled_listed_and_removed_from_afar() {
    let relay = Relay::start().await;
    let (enrol, _) = token(&relay, "enrol", 60).await;
    let (admin, _) = token(&relay, "admin", 60).await;
    let (status, _, body) = call(
        &relay,
        "POST",
        "/v1/enrol",
        Some(&enrol),
        "{\"seconds\":60}",
    )
    .await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(status, 200);
    let code = EnrolmentCode::parse(body["code"].as_str().unwrap()).unwrap();
    let keys = Keys::new();
    let mut machine = relay
        .dial(Dialler::Newcomer {
            key: Arc::clone(&keys.identity),
            code: *code.code,
            name: "laptop".into(),
            chain: vec![],
        })
        .await;
    assert!(matches!(machine.event().await, Event::Welcome { .. }));
    let (_, _, body) = call(&relay, "GET", "/v1/agents", Some(&admin), "").await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(
        (&body[0]["id"], &body[0]["online"]),
        (&json!(keys.agent()), &json!(true))
    );
    let revoke = json!({ "id": keys.agent() }).to_string();
    let (status, _, body) = call(&relay, "POST", "/v1/agents/revoke", Some(&admin), &revoke).await;
    assert_eq!(status, 200, "{body}");
    let end = tokio::time::timeout(Duration::from_secs(1), machine.event())
        .await
        .unwrap();
    assert!(matches!(end, Event::Ended(close) if close.code == Some(CloseCode::UnknownAgent)));
    let listed = relay.operator(json!({ "do": "tokens" })).await;
    for token in listed["tokens"].as_array().unwrap() {
        assert_eq!(token["from"], "127.0.0.1", "{token}");
        assert!(token["used"].is_number());
    }
}

#[tokio::test]
async fn bodies_are_bounded_and_strict_and_methods_are_told() {
    let relay = Relay::start().await;
    let (enrol, _) = token(&relay, "enrol", 60).await;
    let long = format!("{{\"seconds\":60{}}}", " ".repeat(2000));
    for (body, status) in [
        ("{\"seconds\":60}", 200),
        (&*long, 413),
        ("{\"seconds\":60,\"more\":1}", 400),
        ("{\"seconds\":-1}", 400),
        ("{\"seconds\":\"60\"}", 400),
        ("seconds=60", 400),
        ("", 400),
    ] {
        let answer = call(&relay, "POST", "/v1/enrol", Some(&enrol), body).await;
        assert_eq!(answer.0, status, "{body}: {answer:?}");
    }
    let answer = call(&relay, "GET", "/v1/enrol", Some(&enrol), "").await;
    assert!(answer.0 == 405 && answer.1.contains("allow: post"));
    assert_eq!(call(&relay, "GET", "/v1/enrol", None, "").await.0, 401);
}

#[tokio::test]
async fn a_right_token_is_taken_only_over_tls_in_its_header_and_from_no_other_site() {
    let relay = Relay::start().await;
    let (text, _) = token(&relay, "metrics", 60).await;
    let host = relay.host();
    let get =
        |host: &str, path: &str, more: &str| request("GET", path, host, Some(&text), "", more);
    for (origin, status) in [
        (format!("https://{host}"), 200),
        ("https://evil.example".to_owned(), 403),
        ("null".to_owned(), 403),
        (format!("http://{host}"), 403),
    ] {
        let request = get(&host, "/v1/metrics", &format!("Origin: {origin}\r\n"));
        assert_eq!(ask(relay.tls().await, &request).await.0, status, "{origin}");
    }
    let in_url = request(
        "GET",
        &format!("/v1/metrics?token={text}"),
        &host,
        None,
        "",
        "",
    );
    assert_eq!(ask(relay.tls().await, &in_url).await.0, 400);
    let cookie = request(
        "GET",
        "/v1/metrics",
        &host,
        None,
        "",
        &format!("Cookie: token={text}\r\n"),
    );
    assert_eq!(ask(relay.tls().await, &cookie).await.0, 401);
    let twice = get(
        &host,
        "/v1/metrics",
        &format!("Authorization: Bearer {text}\r\n"),
    );
    assert_eq!(ask(relay.tls().await, &twice).await.0, 401);
    let plain = format!("localhost:{}", relay.plain_port());
    assert_eq!(
        ask(relay.plain().await, &get(&plain, "/v1/metrics", ""))
            .await
            .0,
        404
    );
}

#[tokio::test]
async fn behind_a_proxy_tokens_are_taken_and_their_use_is_put_down_to_its_client() {
    let relay = Relay::start_with(|options| {
        options.proxy = Some(Proxy {
            trusted_header: Some("x-forwarded-for".parse().unwrap()),
        });
        options.public_url = Some(Address::parse("https://relay.example").unwrap());
    })
    .await;
    let (text, _) = token(&relay, "metrics", 60).await;
    let wire = TcpStream::connect(("127.0.0.1", relay.port)).await.unwrap();
    let forwarded = "X-Forwarded-For: 192.0.2.9\r\n";
    let request = request(
        "GET",
        "/v1/metrics",
        "relay.example",
        Some(&text),
        "",
        forwarded,
    );
    let (status, _, body) = ask(Box::new(wire), &request).await;
    assert_eq!(status, 200);
    assert!(!body.contains("tls_certificate"));
    let listed = relay.operator(json!({ "do": "tokens" })).await;
    assert_eq!(listed["tokens"][0]["from"], "192.0.2.9");
    let reload = relay.operator(json!({ "do": "reload" })).await;
    assert!(
        reload["failed"]["error"]
            .as_str()
            .unwrap()
            .contains("a proxy")
    );
}

#[tokio::test]
async fn a_flood_of_wrong_tokens_is_turned_away_and_holds_no_right_one_back() {
    let relay = Relay::start().await;
    let (text, _) = token(&relay, "metrics", 60).await;
    let mut statuses = Vec::new();
    for n in 0..30 {
        let wrong = format!("lanyardop1.{:A>43}", n);
        statuses.push(call(&relay, "GET", "/v1/metrics", Some(&wrong), "").await.0);
    }
    assert!(
        statuses[..20].iter().all(|status| *status == 401),
        "{statuses:?}"
    );
    assert!(
        statuses[20..].iter().all(|status| *status == 429),
        "{statuses:?}"
    );
    let (status, _, figures) = call(&relay, "GET", "/v1/metrics", Some(&text), "").await;
    assert_eq!(status, 200);
    assert!(
        figures.contains("lanyard_refused_total{what=\"token\"} 30\n"),
        "{figures}"
    );
}

#[tokio::test]
async fn the_figures_tell_how_much_there_is_and_not_who() {
    let relay = Relay::start().await;
    let keys = Keys::new();
    let (text, id) = token(&relay, "metrics", 60).await;
    let mut machine = relay.newcomer(&keys.identity).await;
    machine.link.announce(keys.announce());
    machine.flush().await;
    let _viewer = relay.viewer(keys.agent(), &keys.device).await;
    let (status, head, body) = call(&relay, "GET", "/v1/metrics", Some(&text), "").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/plain; version=0.0.4"));
    for line in [
        "lanyard_agents_enrolled 1",
        "lanyard_agents_online 1",
        "lanyard_viewers 1",
        "lanyard_streams 0",
        "lanyard_carried_bytes_total 0",
        "lanyard_refused_total{what=\"link\"} 0",
        "# TYPE lanyard_strangers gauge",
        "# TYPE lanyard_tls_certificate_expires_seconds gauge",
    ] {
        assert!(
            body.lines().any(|found| found == line),
            "{line} is not in {body}"
        );
    }
    for who in [
        "127.0.0.1",
        "laptop",
        &id,
        &keys.agent().to_string(),
        &keys.device_id().to_string(),
    ] {
        assert!(!body.contains(who), "{who} is in {body}");
    }
    // Every sample has a name, a type before it and one number.
    for line in body.lines().filter(|line| !line.starts_with('#')) {
        let (name, number) = line.rsplit_once(' ').unwrap();
        let name = name.split('{').next().unwrap();
        assert!(
            number.parse::<f64>().is_ok() && body.contains(&format!("# TYPE {name} ")),
            "{line}"
        );
    }
}
