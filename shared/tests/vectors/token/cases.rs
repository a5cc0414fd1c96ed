//! The cases: tokens that are not well-formed here, those that mean the wrong thing in `meaning`.

use super::forge::*;
use super::meaning::{contents, purposes, signatures, times};
use lanyard_shared::token::TokenFault;
use ring::hmac;

pub struct Case {
    pub name: String,
    /// Unix milliseconds.
    pub now: u64,
    pub purpose: &'static str,
    pub keys: Vec<[u8; 32]>,
    /// Milliseconds.
    pub early: u64,
    pub honest: String,
    pub faulty: String,
    pub fault: TokenFault,
}

pub fn case(name: impl Into<String>, fault: TokenFault, faulty: String) -> Case {
    Case {
        name: name.into(),
        now: NOW * 1000,
        purpose: "terminal",
        keys: vec![public()],
        early: 0,
        honest: signed(&header(), &claims()),
        faulty,
        fault,
    }
}

pub fn all() -> Vec<Case> {
    [
        form(),
        headers(),
        claim_forms(),
        signatures(),
        contents(),
        purposes(),
        times(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn form() -> Vec<Case> {
    use TokenFault::{Encoding, NotAnObject, Oversize, Segments};
    let honest = signed(&header(), &claims());
    let (message, signature) = honest.rsplit_once('.').unwrap();
    let (head, payload) = message.split_once('.').unwrap();
    let claims = claims().text();
    // The last of 86 characters holds two bits of the signature and four that must be zero.
    let last = signature.chars().last().unwrap();
    let trailing = char::from(last as u8 + 1);
    let long = format!("{}{}", claims, " ".repeat(1024));
    vec![
        case("oversize", Oversize, signed_text(&header().text(), &long)),
        case("empty", Segments, String::new()),
        case("two-segments", Segments, message.to_owned()),
        case("extra-segment", Segments, format!("{honest}.")),
        case(
            "extra-segment-in-front",
            Segments,
            format!("{head}.{honest}"),
        ),
        case(
            "truncated-by-one",
            Encoding,
            honest[..honest.len() - 1].to_owned(),
        ),
        case("padded-signature", Encoding, format!("{honest}==")),
        case(
            "padded-payload",
            Encoding,
            format!("{head}.{payload}=.{signature}"),
        ),
        case(
            "trailing-bits",
            Encoding,
            format!("{}{trailing}", &honest[..honest.len() - 1]),
        ),
        case("leading-space", Encoding, format!(" {honest}")),
        case("trailing-newline", Encoding, format!("{honest}\n")),
        case(
            "standard-alphabet",
            Encoding,
            format!("{head}.{payload}+/.{signature}"),
        ),
        case(
            "payload-is-an-array",
            NotAnObject,
            signed_text(&header().text(), "[1]"),
        ),
        case(
            "payload-is-empty",
            NotAnObject,
            signed_text(&header().text(), ""),
        ),
        case(
            "payload-has-a-tail",
            NotAnObject,
            signed_text(&header().text(), &format!("{claims}{{}}")),
        ),
        case("payload-is-not-utf8", NotAnObject, {
            let message = format!("{head}.{}", lanyard_shared::b64::encode([b'{', 0xff, b'}']));
            use ed25519_dalek::Signer as _;
            joined(&message, &key().sign(message.as_bytes()).to_bytes())
        }),
        case(
            "payload-too-deep",
            NotAnObject,
            signed_text(&header().text(), &"[".repeat(300)),
        ),
    ]
}

fn headers() -> Vec<Case> {
    use TokenFault::{
        Algorithm, DuplicateHeader, MissingHeader, NotAnObject, TypConfusion, UnknownHeader,
    };
    let with = |header: Fields| signed(&header, &claims());
    let unsigned = message(
        &header().set("alg", quoted("none")).text(),
        &claims().text(),
    );
    let hs256 = message(
        &header().set("alg", quoted("HS256")).text(),
        &claims().text(),
    );
    let mac = hmac::sign(
        &hmac::Key::new(hmac::HMAC_SHA256, &public()),
        hs256.as_bytes(),
    );
    let mut cases = vec![
        case("alg-none", Algorithm, format!("{unsigned}.")),
        case(
            "alg-none-with-a-signature",
            Algorithm,
            with(header().set("alg", quoted("none"))),
        ),
        case(
            "alg-hs256-keyed-with-the-public-key",
            Algorithm,
            joined(&hs256, mac.as_ref()),
        ),
        case(
            "alg-es256",
            Algorithm,
            with(header().set("alg", quoted("ES256"))),
        ),
        case(
            "alg-in-lower-case",
            Algorithm,
            with(header().set("alg", quoted("eddsa"))),
        ),
        case(
            "alg-ed25519",
            Algorithm,
            with(header().set("alg", quoted("Ed25519"))),
        ),
        case(
            "alg-array",
            Algorithm,
            with(header().set("alg", "[\"EdDSA\"]")),
        ),
        case(
            "header-without-alg",
            MissingHeader,
            with(header().without("alg")),
        ),
        case(
            "header-without-typ",
            MissingHeader,
            with(header().without("typ")),
        ),
        case(
            "header-alg-twice",
            DuplicateHeader,
            with(header().and("alg", quoted("EdDSA"))),
        ),
        case("header-is-an-array", NotAnObject, {
            signed_text("[\"EdDSA\",\"lanyard-token+jwt\"]", &claims().text())
        }),
        case(
            "typ-jwt",
            TypConfusion,
            with(header().set("typ", quoted("JWT"))),
        ),
        case("typ-of-a-grant", TypConfusion, with(grant_header())),
        case("typ-in-upper-case", TypConfusion, {
            with(header().set("typ", quoted("LANYARD-TOKEN+JWT")))
        }),
        case("typ-null", TypConfusion, with(header().set("typ", "null"))),
    ];
    let key = lanyard_shared::b64::encode(public());
    for (name, value) in [
        ("crit", "[\"exp\"]".to_owned()),
        ("jku", quoted("https://evil.example/keys")),
        (
            "jwk",
            format!("{{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":\"{key}\"}}"),
        ),
        ("x5u", quoted("https://evil.example/chain")),
        ("x5c", "[]".to_owned()),
        ("kid", quoted("1")),
        ("b64", "false".to_owned()),
        ("cty", quoted("JWT")),
        ("zip", quoted("DEF")),
    ] {
        let faulty = with(header().and(name, value));
        cases.push(case(format!("header-with-{name}"), UnknownHeader, faulty));
    }
    cases
}

fn claim_forms() -> Vec<Case> {
    use TokenFault::{ClaimForm, DuplicateClaim, MissingClaim, UnknownClaim};
    let with = |claims: Fields| signed(&header(), &claims);
    let mut cases = Vec::new();
    for (name, value) in claims().0 {
        let faulty = with(claims().without(&name));
        cases.push(case(format!("without-{name}"), MissingClaim, faulty));
        let faulty = with(claims().and(&name, &value));
        cases.push(case(format!("{name}-twice"), DuplicateClaim, faulty));
        let faulty = with(claims().set(&name, "null"));
        cases.push(case(format!("{name}-null"), ClaimForm, faulty));
        let faulty = with(claims().set(&name, format!("[{value}]")));
        cases.push(case(format!("{name}-array"), ClaimForm, faulty));
    }
    for (name, claim, value) in [
        ("exp-string", "exp", quoted(&(NOW + 290).to_string())),
        ("exp-float", "exp", format!("{}.0", NOW + 290)),
        ("exp-exponent", "exp", "17.0000029e8".to_owned()),
        ("exp-negative", "exp", "-1".to_owned()),
        (
            "exp-larger-than-u64",
            "exp",
            "18446744073709551616".to_owned(),
        ),
        ("iat-string", "iat", quoted(&(NOW - 10).to_string())),
        ("iat-negative-zero", "iat", "-0".to_owned()),
        ("iat-true", "iat", "true".to_owned()),
        ("ep-float", "ep", "3.0".to_owned()),
        ("ep-larger-than-u32", "ep", "4294967299".to_owned()),
        ("ep-string", "ep", quoted("3")),
        ("iss-short", "iss", quoted("AAAA")),
        ("iss-number", "iss", "1".to_owned()),
        ("sub-padded", "sub", id(DEVICE).replace("Q\"", "Q==\"")),
        ("sub-with-trailing-bits", "sub", quoted(&"B".repeat(22))),
        ("jti-empty", "jti", quoted("")),
        ("conn-short", "conn", quoted("AA")),
        ("aud-of-no-purpose", "aud", quoted("everything")),
        ("aud-in-upper-case", "aud", quoted("TERMINAL")),
    ] {
        cases.push(case(name, ClaimForm, with(claims().set(claim, value))));
    }
    cases.push(case(
        "unknown-claim",
        UnknownClaim,
        with(claims().and("scope", quoted("*"))),
    ));
    let escaped = with(claims().and("\\u0065xp", NOW + 290));
    cases.push(case("exp-twice-once-escaped", DuplicateClaim, escaped));
    let longer = with(claims().and("exp", NOW + 10_000));
    cases.push(case("exp-twice-second-later", DuplicateClaim, longer));
    cases
}
