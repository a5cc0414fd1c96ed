//! Sealed records: the keys, two streams that must open, and streams that must not.

use crate::{hex, hkdf, written_down};
use bytes::BytesMut;
use lanyard_shared::ids::TokenId;
use lanyard_shared::seal::{Direction, Opener, SealFault, Sealer, StreamSecret};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use serde_json::{Value, json};

const SECRET: [u8; 32] = [0x11; 32];
const JTI: TokenId = TokenId([0x22; 16]);
const RECORDS: [&[u8]; 3] = [
    b"\x83\0\0\0\0\0\0\0\0hello",
    b"\x01",
    b"\x83\0\0\0\0\0\0\0\x05 world",
];

fn key(direction: Direction) -> Vec<u8> {
    let info = [&JTI.0[..], &[direction as u8]].concat();
    hkdf(b"lanyard/seal/v1", &SECRET, &info, 32)
}

fn stream(direction: Direction) -> Vec<Vec<u8>> {
    let mut sealer = Sealer::new(&StreamSecret::from_bytes(SECRET), JTI, direction);
    let seal = |record: &[u8]| {
        let mut buffer = BytesMut::from(record);
        sealer.seal(&mut buffer, 0).unwrap();
        buffer.to_vec()
    };
    RECORDS.map(seal).into()
}

fn described(direction: Direction, records: &[Vec<u8>]) -> Value {
    let records: Vec<Value> = RECORDS
        .iter()
        .zip(records)
        .map(|(record, sealed)| json!({"record": hex(record), "sealed": hex(sealed)}))
        .collect();
    json!({"direction": direction as u8, "key": hex(&key(direction)), "records": records})
}

#[test]
fn streams_are_sealed_as_written_down() {
    let mut streams = Vec::new();
    for direction in [Direction::ToAgent, Direction::ToViewer] {
        let sealed = stream(direction);
        for (counter, (record, sealed)) in RECORDS.iter().zip(&sealed).enumerate() {
            let key = LessSafeKey::new(UnboundKey::new(&AES_256_GCM, &key(direction)).unwrap());
            let mut nonce = [0; 12];
            nonce[11] = counter as u8;
            let nonce = Nonce::assume_unique_for_key(nonce);
            let mut sealed = sealed.clone();
            assert_eq!(
                key.open_in_place(nonce, Aad::empty(), &mut sealed).unwrap(),
                *record
            );
        }
        streams.push(described(direction, &sealed));
    }
    written_down(
        "seal/streams.json",
        &json!({"secret": hex(&SECRET), "jti": hex(&JTI.0), "streams": streams}),
    );
}

#[test]
fn cheats_on_a_stream_fail_where_it_is_written_down() {
    type Cheat = fn(&mut Vec<Vec<u8>>);
    let cheats: [(&str, Cheat); 8] = [
        ("changed", |s| s[1][0] ^= 1),
        ("changed-tag", |s| *s[1].last_mut().unwrap() ^= 0x80),
        ("repeated", |s| s[1] = s[0].clone()),
        ("dropped", |s| drop(s.remove(1))),
        ("reordered", |s| s.swap(1, 2)),
        ("truncated", |s| s[1].truncate(16)),
        ("extended", |s| s[1].push(0)),
        ("other-direction", |s| {
            s[1] = stream(Direction::ToAgent)[1].clone()
        }),
    ];
    let mut cases = Vec::new();
    for (name, cheat) in cheats {
        let mut sealed = stream(Direction::ToViewer);
        cheat(&mut sealed);
        let mut opener = Opener::new(&StreamSecret::from_bytes(SECRET), JTI, Direction::ToViewer);
        let text: Vec<String> = sealed.iter().map(|record| hex(record)).collect();
        assert!(opener.open(&mut sealed[0]).is_ok());
        assert!(opener.open(&mut sealed[1]).is_err(), "{name}");
        let next = sealed.last_mut().unwrap();
        assert_eq!(opener.open(next), Err(SealFault::Broken), "{name}");
        cases.push(json!({"name": name, "direction": 2, "sealed": text, "fails_at": 1}));
    }
    written_down(
        "seal/cheats.json",
        &json!({"secret": hex(&SECRET), "jti": hex(&JTI.0), "cases": cases}),
    );
}
