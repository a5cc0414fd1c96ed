//! What is put where it does not belong is neither used nor written down.

use anyhow::{Context as _, Result};
use lanyard_client::Device;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::frame::Target as For;
use lanyard_shared::ids::{AgentId, TokenId};
use lanyard_shared::noise::{Psk, StaticKey};
use lanyard_shared::pair::address::Address;
use lanyard_shared::pair::{PairingLink, PairingSecret};
use lanyard_shared::seal::{Direction, Opener, Sealer, StreamSecret};
use lanyard_shared::token::View;
use lanyard_tests::attack::target::ask;
use lanyard_tests::attack::ws::upgrade;
use lanyard_tests::attack::{HostileAgent, Target};
use lanyard_tests::{Relay, TestViewer, World};
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

#[tokio::test]
async fn a_whole_session_leaves_no_secret_and_nothing_typed_in_the_logs_of_either_side()
-> Result<()> {
    let mut world = World::start_logging("trace").await?;
    let link = world
        .agent
        .pairing_link(&["view", "terminal"], true)
        .await?;
    let viewer = TestViewer::pair_by(&link).await?;
    let mut terminal = viewer.terminal().await?;
    terminal.type_text("echo private-$((40+2))\r").await?;
    terminal.until("private-42\r\n").await?;
    let keys = std::fs::read_to_string(world.agent.state.join("identity.key"))?;
    let keys: Vec<&str> = keys.split('"').filter(|text| text.len() == 43).collect();
    assert!(keys.len() >= 2, "the machine has two keys");
    drop(terminal);
    world.agent.process.leave().await?;
    world.relay.process.leave().await?;
    let logs = [
        world.agent.process.complaint().await,
        world.relay.process.complaint().await,
    ];
    let pairing = link.split_once("#pair=").context("a secret")?.1;
    // Behind version, flags, agent id and public key comes the secret itself.
    let secret = &pairing[pairing.len() / 2..];
    let mut secrets = vec![secret, "private-", viewer.machine.grant.as_str()];
    secrets.extend(&keys);
    // Every token begins so.
    secrets.push("eyJ");
    for log in &logs {
        assert!(log.lines().count() > 20, "much is logged: {log}");
        for secret in &secrets {
            let part = &secret[..secret.len().min(24)];
            assert!(!log.contains(part), "{part} is in a log");
        }
    }
    Ok(())
}

/// Every way in which these bytes could be written.
fn written(secret: &[u8]) -> [String; 3] {
    let hex = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let decimal = format!("{secret:?}");
    [hex, decimal, lanyard_shared::b64::encode(secret)]
}

#[test]
fn what_holds_a_secret_shows_nothing_of_it_when_it_is_written_for_a_developer() -> Result<()> {
    let secret: [u8; 32] = std::array::from_fn(|place| 0xa1_u8.wrapping_mul(place as u8 + 3));
    let device = Device::from_secrets(&secret, &secret, "a device");
    let link = PairingLink {
        agent: AgentId([1; 16]),
        noise_key: [2; 32],
        secret: PairingSecret::from_bytes(secret),
        fingerprint: None,
    };
    let code = EnrolmentCode {
        code: zeroize::Zeroizing::new(*secret.first_chunk().context("16 bytes")?),
        address: Address::parse("https://relay.example")?,
        fingerprint: None,
    };
    let stream = StreamSecret::from_bytes(secret);
    let jti = TokenId([3; 16]);
    let shown = [
        format!("{device:?} {device:#?}"),
        format!("{:?}", StaticKey::from_bytes(&secret)),
        format!("{:?}", Psk::from_bytes(zeroize::Zeroizing::new(secret))),
        format!("{:?} {:?}", link.secret, link.secret.psk()),
        format!("{code:?}"),
        format!("{stream:?}"),
        format!("{:?}", Sealer::new(&stream, jti, Direction::ToViewer)),
        format!("{:?}", Opener::new(&stream, jti, Direction::ToViewer)),
    ];
    for text in &shown {
        for secret in [&secret[..], &secret[..16]].map(written).iter().flatten() {
            assert!(!text.contains(secret), "{text}");
            let part = &secret[1..secret.len().min(12)];
            assert!(!text.contains(part), "{text}");
        }
    }
    Ok(())
}
