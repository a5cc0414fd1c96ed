//! An operator removes a machine.

use crate::command::{Serving, failed, run};
use crate::relay::*;
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Target;
use lanyard_shared::ids::AgentId;
use lanyard_shared::link::{Dialler, Event};
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

async fn ends(party: &mut Party) -> Option<CloseCode> {
    loop {
        match party.event().await {
            Event::Ended(close) => return close.code,
            _ => continue,
        }
    }
}

async fn ends_in_time(party: &mut Party) -> Option<CloseCode> {
    tokio::time::timeout(SECOND, ends(party)).await.unwrap()
}

async fn revoke(relay: &Relay, id: AgentId) -> serde_json::Value {
    relay
        .operator(json!({ "do": "revoke-agent", "id": id }))
        .await
}

fn agent(keys: &Keys) -> Dialler {
    Dialler::Agent {
        agent: keys.agent(),
        key: Arc::clone(&keys.identity),
    }
}

#[tokio::test]
async fn a_revoked_machine_and_all_its_viewers_are_cut_off_within_a_second_and_stay_so() {
    let relay = Relay::start().await;
    let keys = Keys::new();
    let mut machine = relay.newcomer(&keys.identity).await;
    machine.link.announce(keys.announce());
    machine.flush().await;
    let mut watching = relay.viewer(keys.agent(), &keys.device).await;
    watching
        .link
        .open(Target::Session(keys.grant()), 100_000, &[1], Bytes::new())
        .unwrap();
    watching.flush().await;
    assert!(matches!(machine.event().await, Event::Open(..)));
    let mut idle = relay
        .viewer(keys.agent(), &Arc::new(SigningKey::from_bytes(&[3; 32])))
        .await;
    let other_key = Arc::new(SigningKey::from_bytes(&[9; 32]));
    let mut other = relay.newcomer(&other_key).await;
    let other_id = AgentId::of_first_key(other_key.verifying_key().as_bytes());

    let removed = revoke(&relay, keys.agent()).await;
    assert_eq!(removed["removed"]["name"], "laptop", "{removed}");
    for party in [&mut machine, &mut watching, &mut idle] {
        assert_eq!(ends_in_time(party).await, Some(CloseCode::UnknownAgent));
    }
    let mut back = relay.dial(agent(&keys)).await;
    assert_eq!(ends_in_time(&mut back).await, Some(CloseCode::UnknownAgent));
    let mut viewer = relay
        .dial(Dialler::Viewer {
            agent: keys.agent(),
            key: Arc::clone(&keys.device),
        })
        .await;
    assert_eq!(
        ends_in_time(&mut viewer).await,
        Some(CloseCode::UnknownAgent)
    );

    // The other machine never noticed: a viewer reaches it over the same link.
    let mut viewer = relay.viewer(other_id, &keys.device).await;
    other.link.announce(keys.announce());
    other.flush().await;
    let grant = {
        use lanyard_shared::token::{Device, NewToken, issue};
        let new = NewToken {
            agent: other_id,
            device: keys.device_id(),
            issued: now(std::time::Instant::now()).unix,
            life: Duration::from_secs(60),
            id: lanyard_shared::ids::TokenId([8; 16]),
            conn: None,
            epoch: 0,
        };
        issue::<Device>(&other_key, &new).unwrap()
    };
    viewer
        .link
        .open(Target::Session(grant), 1000, &[1], Bytes::new())
        .unwrap();
    viewer.flush().await;
    assert!(matches!(other.event().await, Event::Open(..)));
    assert!(revoke(&relay, keys.agent()).await["failed"]["error"].is_string());

    // A new code is the one way back.
    relay.newcomer(&keys.identity).await;
    let mut back = relay.dial(agent(&keys)).await;
    assert!(matches!(back.event().await, Event::Welcome { .. }));
}

#[tokio::test]
async fn an_enrolment_or_a_proof_that_races_a_revocation_leaves_no_link_of_a_machine_that_is_unknown()
 {
    let relay = Relay::start().await;
    for round in 0..24_u8 {
        let key = Arc::new(SigningKey::from_bytes(&[100 + round; 32]));
        let id = AgentId::of_first_key(key.verifying_key().as_bytes());
        let code = *relay.code().await.code;
        let dialler = if round % 2 == 0 {
            Dialler::Newcomer {
                key: Arc::clone(&key),
                code,
                name: "racer".into(),
                chain: vec![],
            }
        } else {
            drop(relay.newcomer(&key).await);
            Dialler::Agent {
                agent: id,
                key: Arc::clone(&key),
            }
        };
        let mut racer = relay.dial(dialler).await;
        let (_, answer) = tokio::join!(
            // Its first frame goes out while the revocation comes.
            async { racer.answer().await },
            revoke(&relay, id)
        );
        if answer["removed"].is_object() {
            assert_eq!(
                ends_in_time(&mut racer).await,
                Some(CloseCode::UnknownAgent)
            );
            let agents = relay.operator(json!({ "do": "agents" })).await;
            let listed = agents["agents"].as_array().unwrap();
            assert!(listed.iter().all(|agent| agent["id"] != json!(id)));
        } else {
            // The revocation came first and found nobody; the enrolment stands.
            assert!(matches!(racer.event().await, Event::Welcome { .. }));
        }
    }
}

#[test]
fn a_machine_is_removed_while_the_relay_is_stopped_and_after_that_there_is_none_to_remove() {
    let dir = tempfile::tempdir().unwrap();
    let data = &dir.path().join("data");
    let keys = Keys::new();
    let id = keys.agent().to_string();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let mut relay = Relay::start_with(|options| options.data = data.clone().into()).await;
        let code = {
            let answer = run_async(data, &["enrol"]).await;
            lanyard_shared::code::EnrolmentCode::parse(&answer).unwrap()
        };
        let certificate = data.join("tls-cert.pem");
        let wire = tls_to(relay.port, &[certificate]).await.0;
        let dialler = Dialler::Newcomer {
            key: Arc::clone(&keys.identity),
            code: *code.code,
            name: "laptop".into(),
            chain: vec![],
        };
        let socket = socket(wire, &relay.host(), "/v1/agent").await;
        let mut machine = Party::new(socket, dialler, relay.host());
        assert!(matches!(machine.event().await, Event::Welcome { .. }));
        relay.stop();
        relay.stopped().await;
    });
    let removed = run(data, &["agents", "revoke", &id, "--json"]);
    let removed: serde_json::Value = serde_json::from_slice(&removed.stdout).unwrap();
    assert_eq!(
        (&removed["id"], &removed["online"]),
        (&json!(id), &json!(false))
    );
    let serving = Serving::start(data);
    assert_eq!(run(data, &["agents", "--json"]).stdout, b"[]\n");
    let said = failed(data, &["agents", "revoke", &id]);
    assert!(
        said.contains("no machine with this id")
            && said.contains("hint: run `lanyard-relay agents`")
    );
    // An id may begin with a hyphen, and is still none of our options.
    assert!(failed(data, &["agents", "revoke", "-AAAAAAAAAAAAAAAAAAAAA"]).contains("no machine"));
    assert_eq!(serving.terminate(), Some(0));
}
