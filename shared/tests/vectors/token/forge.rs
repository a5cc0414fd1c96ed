//! Puts tokens together by hand, so that anything can be wrong with them. Nothing here uses the crate's own issuer.

use ed25519_dalek::{Signer as _, SigningKey};
use lanyard_shared::b64;

pub const AGENT: [u8; 16] = [0xa1; 16];
pub const DEVICE: [u8; 16] = [0xd1; 16];
pub const CONN: [u8; 16] = [0xc1; 16];
pub const TOKEN: [u8; 16] = [0x71; 16];
pub const OTHER: [u8; 16] = [0x0f; 16];
pub const EPOCH: u32 = 3;
/// Unix seconds.
pub const NOW: u64 = 1_700_000_000;

pub fn key() -> SigningKey {
    SigningKey::from_bytes(&[0x51; 32])
}

pub fn public() -> [u8; 32] {
    key().verifying_key().to_bytes()
}

pub fn unhex(text: &str) -> [u8; 32] {
    std::array::from_fn(|i| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap())
}

/// A JSON object as a list of names and values as they are written.
#[derive(Clone)]
pub struct Fields(pub Vec<(String, String)>);

impl Fields {
    pub fn set(mut self, name: &str, value: impl ToString) -> Self {
        let field = self.0.iter_mut().find(|(n, _)| n == name).unwrap();
        field.1 = value.to_string();
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.0.retain(|(n, _)| n != name);
        self
    }

    pub fn and(mut self, name: &str, value: impl ToString) -> Self {
        self.0.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn text(&self) -> String {
        let fields: Vec<String> = self.0.iter().map(|(n, v)| format!("\"{n}\":{v}")).collect();
        format!("{{{}}}", fields.join(","))
    }
}

pub fn quoted(text: &str) -> String {
    format!("\"{text}\"")
}

pub fn id(bytes: [u8; 16]) -> String {
    quoted(&b64::encode(bytes))
}

/// The header of a purpose token.
pub fn header() -> Fields {
    Fields(Vec::new())
        .and("typ", quoted("lanyard-token+jwt"))
        .and("alg", quoted("EdDSA"))
}

/// The claims of a `terminal` token, issued ten seconds ago for five minutes.
pub fn claims() -> Fields {
    Fields(Vec::new())
        .and("iss", id(AGENT))
        .and("aud", quoted("terminal"))
        .and("sub", id(DEVICE))
        .and("iat", NOW - 10)
        .and("nbf", NOW - 10)
        .and("exp", NOW + 290)
        .and("jti", id(TOKEN))
        .and("conn", id(CONN))
        .and("ep", EPOCH)
}

/// Issued at `iat` for `life` seconds.
pub fn timed(iat: u64, life: u64) -> Fields {
    claims()
        .set("iat", iat)
        .set("nbf", iat)
        .set("exp", iat + life)
}

pub fn grant_header() -> Fields {
    header().set("typ", quoted("lanyard-grant+jwt"))
}

/// The claims of a grant for 30 days.
pub fn grant() -> Fields {
    claims()
        .set("aud", quoted("device"))
        .set("conn", quoted(""))
        .set("exp", NOW - 10 + 30 * 24 * 3600)
}

pub fn message(header: &str, claims: &str) -> String {
    format!("{}.{}", b64::encode(header), b64::encode(claims))
}

pub fn signed_text(header: &str, claims: &str) -> String {
    let message = message(header, claims);
    let signature = key().sign(message.as_bytes()).to_bytes();
    joined(&message, &signature)
}

pub fn signed(header: &Fields, claims: &Fields) -> String {
    signed_text(&header.text(), &claims.text())
}

pub fn joined(message: &str, signature: &[u8]) -> String {
    format!("{message}.{}", b64::encode(signature))
}

/// An honest token whose message is `message`, with another signature made from the honest one.
pub fn resigned(change: impl FnOnce(&str, &mut Vec<u8>)) -> String {
    let message = message(&header().text(), &claims().text());
    let mut signature = key().sign(message.as_bytes()).to_bytes().to_vec();
    change(&message, &mut signature);
    joined(&message, &signature)
}

/// The same signature with S + L for S: equal modulo the group order L (RFC 8032, section 5.1.7 demands S < L).
pub fn add_group_order(signature: &mut [u8]) {
    const L: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, l) in signature[32..].iter_mut().zip(L) {
        let sum = u16::from(*byte) + u16::from(l) + carry;
        *byte = sum as u8;
        carry = sum >> 8;
    }
    assert_eq!(carry, 0);
}

/// The identity of the curve, encoded: as a key, it makes `S = 0` a signature of everything.
pub fn identity() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

/// A signature by the honest key with the identity as R: one equation holds, but R says nothing.
pub fn with_small_order_r(message: &str) -> Vec<u8> {
    use curve25519_dalek::Scalar;
    use ring::digest::{Context, SHA512};
    let mut hash = Context::new(&SHA512);
    for part in [&identity()[..], &public()[..], message.as_bytes()] {
        hash.update(part);
    }
    let k: [u8; 64] = hash.finish().as_ref().try_into().unwrap();
    let s = Scalar::from_bytes_mod_order_wide(&k) * key().to_scalar();
    let signature = [identity(), s.to_bytes()].concat();
    // Without strictness it would pass: that is what makes it a case.
    use ed25519_dalek::{Signature, Verifier as _};
    let lax = Signature::from_slice(&signature).unwrap();
    key()
        .verifying_key()
        .verify(message.as_bytes(), &lax)
        .unwrap();
    signature
}
