//! What is asked of the relay itself: by a code, by an operator's token, by its certificate.

use super::scene::{Bag, Scene};
use super::tries::yes;
use anyhow::{Context as _, Result};
use ed25519_dalek::SigningKey;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::ids::AgentId;
use lanyard_tests::attack::HostileAgent;
use lanyard_tests::attack::target::{Answer, ask};
use lanyard_tests::blast::{Act, Verdict};
use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::sync::Arc;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// All of it.
pub async fn tries(scene: &Scene, bag: &Bag) -> Result<Vec<(Act, Verdict)>> {
    let metrics = asked(scene, bag, "GET /v1/metrics", "").await?;
    let code = asked(scene, bag, "POST /v1/enrol", "{\"seconds\":60}").await?;
    let agents = asked(scene, bag, "GET /v1/agents", "").await?;
    let made: Option<String> = if code.status == 200 {
        let made: serde_json::Value = serde_json::from_str(&code.body)?;
        made["code"].as_str().map(str::to_owned)
    } else {
        None
    };
    let enrolled = enrols(scene, bag.code.clone().or(made)).await?;
    // A machine that nobody misses.
    let victim = HostileAgent::enrol_as(
        &scene.target,
        &scene.world.relay.enrol().await?,
        fresh_secret(),
    )
    .await?;
    let removed = asked(
        scene,
        bag,
        "POST /v1/agents/revoke",
        &format!("{{\"id\":\"{}\"}}", victim.id),
    )
    .await?;
    Ok(vec![
        (Act::ReadFigures, yes(metrics.status == 200)),
        (Act::MakeCode, yes(code.status == 200)),
        (Act::ListMachines, yes(agents.status == 200)),
        (Act::EnrolMachine, yes(enrolled)),
        (Act::RemoveMachine, yes(removed.status == 200)),
        (Act::BeRelay, yes(stands_in(scene, bag).await?)),
    ])
}

fn fresh_secret() -> [u8; 32] {
    let half: [u8; 16] = fastrand::u128(..).to_be_bytes();
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(&half);
    secret
}

/// With the operator's token, or with whatever else is a text in the bag.
async fn asked(scene: &Scene, bag: &Bag, what: &str, body: &str) -> Result<Answer> {
    let token = bag.token.as_ref().map(|(_, token)| token.clone());
    let shown = [bag.operator.clone(), token, bag.grant.clone()];
    let shown = shown.into_iter().flatten().next();
    let shown = shown.unwrap_or_else(|| format!("lanyardop1.{}", "A".repeat(43)));
    let request = format!(
        "{what} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nAuthorization: Bearer {shown}\r\nContent-Length: {}\r\n\r\n{body}",
        scene.target.host(),
        body.len()
    );
    ask(scene.target.tls(scene.address()).await?, &request).await
}

/// With a code, or with one that is made up.
async fn enrols(scene: &Scene, code: Option<String>) -> Result<bool> {
    let secret = fresh_secret();
    let Some(code) = code else {
        let tried = HostileAgent::try_code(&scene.target, &[5; 16], secret, scene.address()).await;
        return Ok(tried.is_err());
    };
    let bytes = EnrolmentCode::parse(&code)?;
    let enrolled = HostileAgent::enrol_as(&scene.target, &bytes.encode(), secret).await?;
    let key = SigningKey::from_bytes(&secret).verifying_key();
    Ok(enrolled.id == AgentId::of_first_key(key.as_bytes()))
}

/// Serves with the relay's certificate, or with one of its own making, to somebody who trusts the relay's.
async fn stands_in(scene: &Scene, bag: &Bag) -> Result<bool> {
    let real = CertificateDer::from_pem_file(scene.world.relay.data.join("tls-cert.pem"))?;
    let (chain, key) = match &bag.relay_key {
        Some(data) => {
            let key = PrivateKeyDer::from_pem_file(data.join("tls-key.pem"))?;
            (vec![real.clone()], key)
        }
        None => {
            let CertifiedKey { cert, signing_key } =
                generate_simple_self_signed(vec!["localhost".to_owned()])?;
            let key = PrivateKeyDer::try_from(signing_key.serialize_der());
            let key = key.map_err(|error| anyhow::anyhow!("no key: {error}"))?;
            (vec![cert.der().clone()], key)
        }
    };
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    let mut roots = RootCertStore::empty();
    roots.add(real)?;
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let (here, there) = tokio::io::duplex(1 << 16);
    let name = ServerName::try_from("localhost").context("a name")?;
    let (accepted, connected) = tokio::join!(
        TlsAcceptor::from(Arc::new(server)).accept(there),
        TlsConnector::from(Arc::new(client)).connect(name, here)
    );
    Ok(accepted.is_ok() && connected.is_ok())
}
