//! Proofs of possession, with the bytes their signatures cover.

use crate::{hex, written_down};
use ed25519_dalek::SigningKey;
use lanyard_shared::b64::Bytes;
use lanyard_shared::frame::{Challenge, Role};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::proof::{check_enrol, check_proof, prove, prove_enrol};
use lanyard_shared::sign::{transcript, verify};
use lanyard_shared::time::UnixMs;
use lanyard_shared::token::signer_cert;
use serde_json::{Value, json};

const SEED: [u8; 32] = [4; 32];
const HOST: &str = "relay.example:8443";
const TIME: UnixMs = UnixMs(1_700_000_000_123);

fn challenge() -> Challenge {
    Challenge {
        nonce: Bytes([1; 32]),
        conn: ConnId([2; 16]),
        time: UnixMs(1_700_000_000_000),
        versions: vec![1, 0x0203],
    }
}

/// The fields that all link proofs share, put together by hand.
fn fields(role: &str, agent: AgentId) -> Vec<Vec<u8>> {
    let key = SigningKey::from_bytes(&SEED).verifying_key().to_bytes();
    vec![
        role.into(),
        HOST.into(),
        agent.0.into(),
        key.into(),
        vec![2; 16],
        vec![1; 32],
        TIME.0.to_be_bytes().into(),
        vec![0, 1, 2, 3],
        vec![0, 1],
    ]
}

fn covered(context: &str, fields: &[Vec<u8>], answer: &Value) -> Value {
    let fields: Vec<&[u8]> = fields.iter().map(Vec::as_slice).collect();
    let key = SigningKey::from_bytes(&SEED).verifying_key().to_bytes();
    let signature: Bytes<64> = serde_json::from_value(answer["signature"].clone()).unwrap();
    assert!(verify(&key, context, &fields, &signature.0));
    json!({
        "seed": hex(&SEED),
        "challenge": challenge(),
        "transcript": hex(&transcript(context, &fields)),
        "answer": answer,
    })
}

#[test]
fn proofs_are_as_written_down() {
    let key = SigningKey::from_bytes(&SEED);
    let agent = AgentId([5; 16]);
    for (role, name) in [(Role::Agent, "agent"), (Role::Device, "device")] {
        let proof = prove(&key, role, HOST, agent, &challenge(), TIME).unwrap();
        assert_eq!(check_proof(&proof, &challenge()), Ok(()));
        let answer = serde_json::to_value(&proof).unwrap();
        let case = covered("lanyard/link-proof/v1", &fields(name, agent), &answer);
        written_down(&format!("proof/{name}.json"), &case);
    }
}

#[test]
fn enrolments_are_as_written_down() {
    let key = SigningKey::from_bytes(&SEED);
    let enrol = prove_enrol(
        &key,
        HOST,
        &[7; 16],
        "Ada's laptop",
        &[],
        &challenge(),
        TIME,
    )
    .unwrap();
    let agent = check_enrol(&enrol, &challenge()).unwrap();
    let mut fields = fields("enrol", agent);
    fields.extend([vec![7; 16], b"Ada's laptop".to_vec()]);
    let answer = serde_json::to_value(&enrol).unwrap();
    let mut case = covered("lanyard/enrol/v1", &fields, &answer);
    case["agent"] = agent.to_string().into();
    written_down("proof/enrol.json", &case);
}

#[test]
fn signer_certificates_are_as_written_down() {
    let agent = AgentId([5; 16]);
    let cert = signer_cert(
        &SigningKey::from_bytes(&SEED),
        agent,
        &[6; 32],
        1_700_000_000,
        1_700_086_400,
    );
    let fields = [
        agent.0.to_vec(),
        vec![6; 32],
        1_700_000_000_u64.to_be_bytes().to_vec(),
        1_700_086_400_u64.to_be_bytes().to_vec(),
    ];
    let mut case = covered(
        "lanyard/signer/v1",
        &fields,
        &serde_json::to_value(&cert).unwrap(),
    );
    case["challenge"] = Value::Null;
    case["agent"] = agent.to_string().into();
    written_down("proof/signer.json", &case);
}
