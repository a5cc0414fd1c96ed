//! Another certificate takes the place of the one that is served.

use crate::command::{Serving, command, failed, run};
use crate::relay::*;
use bytes::Bytes;
use lanyard_shared::link::{Dialler, Event};
use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::CertificateDer;
use serde_json::{Value, json};
use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Writes a fresh pair, with its certificate once more under another name.
fn put(dir: &Path, copy: &str) -> PathBuf {
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    let certificate = params.self_signed(&key).unwrap().pem();
    std::fs::write(dir.join("key.pem"), key.serialize_pem()).unwrap();
    std::fs::set_permissions(dir.join("key.pem"), Permissions::from_mode(0o600)).unwrap();
    std::fs::write(dir.join("cert.pem"), &certificate).unwrap();
    std::fs::write(dir.join(copy), certificate).unwrap();
    dir.join(copy)
}

/// A relay that serves a fresh pair, whose certificate is in `old.pem`; and that file, and what is shown to those who connect.
async fn serving(dir: &Path) -> (Relay, PathBuf, CertificateDer<'static>) {
    let old = put(dir, "old.pem");
    let files = (dir.join("cert.pem"), dir.join("key.pem"));
    let relay = Relay::start_with(|options| options.tls_files = Some(files)).await;
    let shown = tls_to(relay.port, std::slice::from_ref(&old)).await.1;
    (relay, old, shown)
}

/// A machine whose link stands.
async fn machine(relay: &Relay, trusted: &PathBuf, keys: &Keys) -> Party {
    let code = *relay.code().await.code;
    let wire = tls_to(relay.port, std::slice::from_ref(trusted)).await.0;
    let dialler = Dialler::Newcomer {
        key: Arc::clone(&keys.identity),
        code,
        name: "laptop".into(),
        chain: vec![],
    };
    let socket = socket(wire, &relay.host(), "/v1/agent").await;
    let mut machine = Party::new(socket, dialler, relay.host());
    assert!(matches!(machine.event().await, Event::Welcome { .. }));
    machine
}

/// The link still carries what comes: a viewer over a new connection reaches the machine over its old one.
async fn still_stands(relay: &Relay, trusted: &[PathBuf], machine: &mut Party, keys: &Keys) {
    use lanyard_shared::frame::Target;
    machine.link.announce(keys.announce());
    machine.flush().await;
    let wire = tls_to(relay.port, trusted).await.0;
    let dialler = Dialler::Viewer {
        agent: keys.agent(),
        key: Arc::clone(&keys.device),
    };
    let socket = socket(wire, &relay.host(), "/v1/attach").await;
    let mut viewer = Party::new(socket, dialler, relay.host());
    assert!(matches!(viewer.event().await, Event::Welcome { .. }));
    viewer
        .link
        .open(Target::Session(keys.grant()), 1000, &[1], Bytes::new())
        .unwrap();
    viewer.flush().await;
    assert!(matches!(machine.event().await, Event::Open(..)));
}

#[tokio::test]
async fn after_a_reload_new_connections_see_the_new_certificate_and_links_that_stand_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (relay, old, before) = serving(dir.path()).await;
    let keys = Keys::new();
    let mut machine = machine(&relay, &old, &keys).await;

    let new = put(dir.path(), "new.pem");
    let said = run_async(relay.data().path(), &["tls", "reload", "--json"]).await;
    let said: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(
        (&said["own"], said["fingerprint"].as_str().unwrap().len()),
        (&json!(false), 64)
    );
    assert!(said["expires"].is_string() && said["since"].is_string());
    // Only the new one is trusted here, so nothing else can be shown.
    let after = tls_to(relay.port, std::slice::from_ref(&new)).await.1;
    assert_ne!(before, after);
    still_stands(&relay, &[new], &mut machine, &keys).await;
    let plain = run_async(relay.data().path(), &["tls", "reload"]).await;
    assert!(
        plain.contains(said["fingerprint"].as_str().unwrap()),
        "{plain}"
    );
    assert!(plain.contains("valid until") && plain.contains("since"));
}

#[tokio::test]
async fn changed_files_are_noticed_without_a_command_and_links_that_stand_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let (relay, old, before) = serving(dir.path()).await;
    let keys = Keys::new();
    let mut machine = machine(&relay, &old, &keys).await;
    let new = put(dir.path(), "new.pem");
    let both = [old, new.clone()];
    let began = Instant::now();
    while tls_to(relay.port, &both).await.1 == before {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "it was never noticed"
        );
    }
    still_stands(&relay, &[new], &mut machine, &keys).await;
}

#[tokio::test]
async fn a_broken_new_pair_is_refused_with_words_and_the_old_one_goes_on_being_served() {
    let dir = tempfile::tempdir().unwrap();
    let (relay, old, before) = serving(dir.path()).await;
    put(dir.path(), "new.pem");
    // The key of another certificate.
    std::fs::copy(&old, dir.path().join("cert.pem")).unwrap();
    let mut reload =
        tokio::process::Command::from(command(relay.data().path(), &["tls", "reload"]));
    let output = reload.output().await.unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("do not work together") && said.contains("goes on being served"),
        "{said}"
    );
    assert!(said.contains("\nhint: "));
    assert_eq!(tls_to(relay.port, &[old]).await.1, before);
}

#[test]
fn for_its_own_certificate_a_relay_says_that_there_is_nothing_to_reload() {
    let dir = tempfile::tempdir().unwrap();
    let data = &dir.path().join("data");
    assert!(failed(data, &["tls", "reload"]).contains("no relay is running"));
    let serving = Serving::start(data);
    let output = run(data, &["tls", "reload"]);
    assert!(output.status.success());
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.contains("the relay's own") && said.contains("nothing to reload"),
        "{said}"
    );
    let output = run(data, &["tls", "reload", "--json"]);
    let served: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&served["own"], &served["changed"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(served["fingerprint"], serving.ready["fingerprint"]);
    // Without a relay there is nobody to read anything again.
    assert_eq!(serving.terminate(), Some(0));
    assert!(failed(data, &["tls", "reload"]).contains("no relay is running"));
}
