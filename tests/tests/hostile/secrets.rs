//! What is put where it does not belong is neither used nor written down.

use anyhow::Result;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Target as For;
use lanyard_shared::token::View;
use lanyard_tests::Relay;
use lanyard_tests::attack::target::ask;
use lanyard_tests::attack::ws::upgrade;
use lanyard_tests::attack::{HostileAgent, Target};
use std::net::Ipv4Addr;
use tempfile::TempDir;

/// Stands for whatever should not be there.
const SECRET: &str = "eyJhbGciOiJFZERTQSJ9";

const HERE: Ipv4Addr = Ipv4Addr::LOCALHOST;

fn get(path: &str, host: &str, more: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n{more}\r\n")
}

#[tokio::test]
async fn a_secret_in_an_address_is_refused_and_no_secret_at_all_is_logged() -> Result<()> {
    let dir = TempDir::new()?;
    let mut relay = Relay::start_logging(dir.path().join("relay"), "trace").await?;
    let target = Target::of(&relay)?;
    let host = target.host();
    for (path, status) in [
        (format!("/?relay=https://evil.example/{SECRET}"), 400),
        (format!("/?{SECRET}"), 400),
        (format!("/index.html?pair={SECRET}"), 400),
        (format!("/v1/attach?token={SECRET}"), 400),
        (format!("/v1/agent?code={SECRET}"), 400),
        (format!("/healthz?{SECRET}"), 400),
        (format!("/v1/attach/{SECRET}"), 404),
        (format!("/{SECRET}"), 404),
    ] {
        let answer = ask(target.tls(HERE).await?, &get(&path, &host, "")).await?;
        assert_eq!(answer.status, status, "{path}");
        assert!(!answer.body.contains(SECRET), "{path}");
    }
    let origin = format!("Origin: https://{SECRET}.example\r\nConnection: close\r\n");
    let request = upgrade("/v1/attach", &host, &origin);
    let answer = ask(target.tls(HERE).await?, &request).await?;
    assert_eq!(answer.status, 403);
    // Not refused, for a browser or a proxy may add such things; but nobody looks at them.
    for header in ["Cookie: session=", "Authorization: Bearer "] {
        let request = get("/healthz", &host, &format!("{header}{SECRET}\r\n"));
        assert_eq!(ask(target.tls(HERE).await?, &request).await?.status, 200);
    }
    let wrong_host = get("/", &format!("{SECRET}.example"), "");
    let answer = ask(target.plain().await?, &wrong_host).await?;
    assert_eq!(answer.status, 421);

    // The secrets that have a place: a code, a grant, a token.
    let code = relay.enrol().await?;
    let mut agent = HostileAgent::enrol(&target, &code).await?;
    agent.announce(agent.announcement()).await?;
    let mut viewer = agent.viewer(&target).await?;
    let token = agent.token::<View>(viewer.conn)?;
    let forged = format!("{token}x");
    viewer.open(1, For::Purpose(token.clone()), 1000).await?;
    agent.offered().await?;
    viewer.open(2, For::Purpose(forged), 1000).await?;
    assert_eq!(viewer.refusal(2).await?, CloseCode::TokenRefused);
    let grant = agent.grant()?;
    viewer.open(3, grant.clone(), 1000).await?;
    agent.offered().await?;

    drop((agent, viewer));
    relay.process.leave().await?;
    let log = relay.process.complaint().await;
    assert!(log.contains("request refused"), "something is logged");
    let code = code.trim_start_matches("lanyard1.");
    let grant = match &grant {
        For::Session(text) | For::Purpose(text) => text.clone(),
        For::Pair(_) => String::new(),
    };
    for secret in [SECRET, code, &token, &grant] {
        // Even a part of it would be too much.
        let part = &secret[secret.len() / 4..secret.len() / 4 + 16.min(secret.len() / 2)];
        assert!(!log.contains(part), "{part} is in the log");
    }
    Ok(())
}
