//! A relay with a certificate that an authority vouches for: no fingerprint travels, and the agent asks its system's authorities.
#![allow(missing_docs)]

use anyhow::Result;
use lanyard_shared::code::EnrolmentCode;
use lanyard_tests::Agent;
use lanyard_tests::process::{Process, program, run};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use tempfile::TempDir;
use tokio::process::Command;

#[tokio::test]
async fn a_given_certificate_is_served_and_trusted_by_its_authority() -> Result<()> {
    let dir = TempDir::new()?;
    let path = |name: &str| dir.path().join(name);
    let authority_key = KeyPair::generate()?;
    let mut authority = CertificateParams::new(Vec::new())?;
    authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    std::fs::write(
        path("authority.pem"),
        authority.self_signed(&authority_key)?.pem(),
    )?;
    let issuer = Issuer::from_params(&authority, &authority_key);
    let key = KeyPair::generate()?;
    let names = CertificateParams::new(vec!["localhost".to_owned()])?;
    std::fs::write(path("cert.pem"), names.signed_by(&key, &issuer)?.pem())?;
    std::fs::write(path("key.pem"), key.serialize_pem())?;
    std::fs::set_permissions(path("key.pem"), Permissions::from_mode(0o600))?;

    let mut serve = Command::new(program("lanyard-relay")?);
    serve.args([
        "serve",
        "--json",
        "--listen",
        "127.0.0.1:0",
        "--http-listen",
        "off",
    ]);
    serve.args(["--host", "localhost"]);
    serve.arg("--data").arg(path("relay"));
    serve.arg("--tls-cert").arg(path("cert.pem"));
    serve.arg("--tls-key").arg(path("key.pem"));
    let mut relay = Process::start(&mut serve)?;
    relay.event_named("listening").await?;
    let mut enrol = Command::new(program("lanyard-relay")?);
    let (_, code, _) = run(enrol.arg("enrol").arg("--data").arg(path("relay"))).await?;
    let code = code.lines().next().unwrap_or_default().to_owned();
    assert_eq!(EnrolmentCode::parse(&code)?.fingerprint, None);

    let mark = dir.path().display().to_string();
    let mut up = Agent::command(&path("agent"), dir.path(), &mark)?;
    up.args(["up", "--json", "--no-pair", "--enrol", &code])
        .env("SSL_CERT_FILE", path("authority.pem"));
    let mut agent = Process::start(&mut up)?;
    agent.event_named("online").await?;
    agent.leave().await?;
    relay.leave().await?;
    Ok(())
}
