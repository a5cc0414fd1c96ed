//! Runs the published vectors, and writes down our own, on the primitives that sessions use.

use super::tests::{agent, hex, prologue};
use super::*;
use serde_json::{Value, json};

#[test]
fn published_vectors_hold() {
    for text in [
        include_str!("../../vectors/noise/published-ik.json"),
        include_str!("../../vectors/noise/published-ikpsk1.json"),
    ] {
        let file: Value = serde_json::from_str(text).unwrap();
        let vectors = file["vectors"].as_array().unwrap();
        assert!(!vectors.is_empty());
        for vector in vectors {
            run(vector);
        }
    }
}

/// A handshake of ours from fixed keys, written down for other implementations.
#[test]
fn handshakes_of_this_protocol_are_as_written_down() {
    for mode in [Mode::Session, Mode::Pair] {
        let path = format!(
            "{}/vectors/noise/lanyard-{}.json",
            env!("CARGO_MANIFEST_DIR"),
            mode.name()
        );
        let vector = ours(mode);
        run(&vector);
        let text = serde_json::to_string_pretty(&vector).unwrap() + "\n";
        if std::env::var_os("LANYARD_REGENERATE").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(
            committed == text,
            "{path}: run `LANYARD_REGENERATE=1 cargo test -p lanyard-shared noise`"
        );
    }
}

fn ours(mode: Mode) -> Value {
    let bytes = prologue().bytes(mode);
    let psks = match mode {
        Mode::Session => json!([]),
        Mode::Pair => json!([to_hex(&[5; 32])]),
    };
    let offer = match mode {
        Mode::Session => "",
        Mode::Pair => {
            r#"{"machine":"laptop","user":"ada","scopes":["view"],"expires":1700000000000}"#
        }
    };
    let mut vector = json!({
        "source": "this repository",
        "protocol_name": mode.protocol(),
        "mode": mode.name(),
        "agent": to_hex(&prologue().agent.0),
        "conn": to_hex(&prologue().conn.0),
        "viewer_versions": prologue().viewer_versions,
        "agent_versions": prologue().agent_versions,
        "init_prologue": to_hex(&bytes),
        "resp_prologue": to_hex(&bytes),
        "init_psks": psks,
        "resp_psks": psks,
        "init_static": to_hex(&[3; 32]),
        "init_ephemeral": to_hex(&[6; 32]),
        "init_remote_static": to_hex(agent().public()),
        "resp_static": to_hex(&[4; 32]),
        "resp_ephemeral": to_hex(&[7; 32]),
    });
    let (mut initiator, mut responder) = handshakes(&vector);
    let mut messages = Vec::new();
    let (mut buffer, mut back) = ([0; 1024], [0; 1024]);
    let m1 = initiator.write_message(&[], &mut buffer).unwrap();
    messages.push(json!({"payload": "", "ciphertext": to_hex(&buffer[..m1])}));
    responder.read_message(&buffer[..m1], &mut back).unwrap();
    let m2 = responder
        .write_message(offer.as_bytes(), &mut buffer)
        .unwrap();
    messages
        .push(json!({"payload": to_hex(offer.as_bytes()), "ciphertext": to_hex(&buffer[..m2])}));
    initiator.read_message(&buffer[..m2], &mut back).unwrap();
    vector["handshake_hash"] = to_hex(initiator.get_handshake_hash()).into();
    let (mut initiator, mut responder) = (
        initiator.into_transport_mode().unwrap(),
        responder.into_transport_mode().unwrap(),
    );
    for (i, text) in [
        r#"{"t":"hello","name":"Chrome on Linux"}"#,
        r#"{"t":"pong","n":1,"time":2}"#,
        r#"{"t":"ping","n":2}"#,
    ]
    .iter()
    .enumerate()
    {
        let side = if i % 2 == 0 {
            &mut initiator
        } else {
            &mut responder
        };
        let length = side.write_message(text.as_bytes(), &mut buffer).unwrap();
        messages.push(
            json!({"payload": to_hex(text.as_bytes()), "ciphertext": to_hex(&buffer[..length])}),
        );
    }
    vector["messages"] = messages.into();
    vector
}

/// Both sides of a vector, with its fixed keys, on our primitives.
fn handshakes(vector: &Value) -> (HandshakeState, HandshakeState) {
    let field = |name: &str| hex(vector[name].as_str().unwrap());
    let psk: Option<[u8; 32]> = vector["init_psks"]
        .as_array()
        .and_then(|p| p.first())
        .map(|p| hex(p.as_str().unwrap()).try_into().unwrap());
    let builder = || {
        let params = vector["protocol_name"].as_str().unwrap().parse().unwrap();
        Builder::with_resolver(params, Box::new(Resolver))
    };
    let build = |side: &str, remote: Option<Vec<u8>>| {
        let (prologue, key, ephemeral) = (
            field(&format!("{side}_prologue")),
            field(&format!("{side}_static")),
            field(&format!("{side}_ephemeral")),
        );
        let mut builder = builder()
            .prologue(&prologue)
            .and_then(|b| b.local_private_key(&key))
            .unwrap()
            .fixed_ephemeral_key_for_testing_only(&ephemeral);
        if let Some(psk) = &psk {
            builder = builder.psk(1, psk).unwrap();
        }
        match &remote {
            Some(remote) => builder
                .remote_public_key(remote)
                .and_then(Builder::build_initiator)
                .unwrap(),
            None => builder.build_responder().unwrap(),
        }
    };
    (
        build("init", Some(field("init_remote_static"))),
        build("resp", None),
    )
}

fn run(vector: &Value) {
    let (mut initiator, mut responder) = handshakes(vector);
    let messages = vector["messages"].as_array().unwrap();
    let (mut out, mut back) = ([0; 2048], [0; 2048]);
    let part = |message: &Value, name: &str| hex(message[name].as_str().unwrap());
    for (i, message) in messages[..2].iter().enumerate() {
        let (from, to) = if i == 0 {
            (&mut initiator, &mut responder)
        } else {
            (&mut responder, &mut initiator)
        };
        let (payload, ciphertext) = (part(message, "payload"), part(message, "ciphertext"));
        let length = from.write_message(&payload, &mut out).unwrap();
        assert_eq!(out[..length], ciphertext);
        let length = to.read_message(&ciphertext, &mut back).unwrap();
        assert_eq!(back[..length], payload);
    }
    if let Some(hash) = vector["handshake_hash"].as_str() {
        assert_eq!(to_hex(initiator.get_handshake_hash()), hash);
        assert_eq!(to_hex(responder.get_handshake_hash()), hash);
    }
    let mut initiator = initiator.into_transport_mode().unwrap();
    let mut responder = responder.into_transport_mode().unwrap();
    for (i, message) in messages[2..].iter().enumerate() {
        let (from, to) = if i % 2 == 0 {
            (&mut initiator, &mut responder)
        } else {
            (&mut responder, &mut initiator)
        };
        let (payload, ciphertext) = (part(message, "payload"), part(message, "ciphertext"));
        let length = from.write_message(&payload, &mut out).unwrap();
        assert_eq!(out[..length], ciphertext);
        let length = to.read_message(&ciphertext, &mut back).unwrap();
        assert_eq!(back[..length], payload);
    }
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
