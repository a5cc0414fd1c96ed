//! Every fault that a token can have, as a change of an honest one. Whoever holds the keys signs the result, so that nothing but the fault
//! is wrong with it.

use super::forge::{Forged, GRANT, GRANT_LIFE, TOKEN, VIEW_LIFE, quoted};
use ed25519_dalek::SigningKey;
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, ConnId, DeviceId};

/// A fault by its name, and the token that has it. It gets the honest token and the key that would sign it.
pub type Fault = (String, Box<dyn Fn(&Forged, &SigningKey) -> String + Send>);

/// A key that nobody has announced or enrolled.
#[must_use]
pub fn foreign_key() -> SigningKey {
    SigningKey::from_bytes(&[0x66; 32])
}

/// The neutral element of the curve, encoded. As a key it makes itself, with a zero behind it, a signature of everything.
#[must_use]
pub fn small_order() -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes[0] = 1;
    bytes
}

/// That signature.
#[must_use]
pub fn small_order_signature() -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..32].copy_from_slice(&small_order());
    bytes
}

/// Faults of the header and of the signature, of grants and tokens alike.
#[must_use]
pub fn of_header_and_signature() -> Vec<Fault> {
    let public = |key: &SigningKey| key.verifying_key().to_bytes();
    let mut faults = vec![
        fault("algorithm none", |token, _| {
            token
                .clone()
                .header("alg", quoted("none"))
                .with_signature(&[])
        }),
        fault("algorithm none, signed", |token, key| {
            token.clone().header("alg", quoted("none")).signed(key)
        }),
        fault("HS256 with the public key", move |token, key| {
            token.keyed(&public(key))
        }),
        fault("HS256 with the public key as text", move |token, key| {
            token.keyed(b64::encode(public(key)).as_bytes())
        }),
        fault("another algorithm", |token, key| {
            token.clone().header("alg", quoted("ES256")).signed(key)
        }),
        fault("a foreign key", |token, _| token.signed(&foreign_key())),
        fault("a foreign key, named", |token, _| {
            let id = b64::encode(foreign_key().verifying_key());
            token
                .clone()
                .header("kid", quoted(&id))
                .signed(&foreign_key())
        }),
        fault("a foreign key, brought along", |token, _| {
            let x = b64::encode(foreign_key().verifying_key());
            let jwk = format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"}}"#);
            token.clone().header("jwk", jwk).signed(&foreign_key())
        }),
        fault("the right key, named", move |token, key| {
            let id = b64::encode(public(key));
            token.clone().header("kid", quoted(&id)).signed(key)
        }),
        fault("no signature", |token, _| token.with_signature(&[])),
        fault("a short signature", |token, _| {
            token.with_signature(&[7; 63])
        }),
        fault("a long signature", |token, _| {
            token.with_signature(&[7; 65])
        }),
        fault("a signature of small order", |token, _| {
            token.with_signature(&small_order_signature())
        }),
        fault("another type", |token, key| {
            token.clone().header("typ", quoted("JWT")).signed(key)
        }),
    ];
    for (name, value) in [
        ("crit", r#"["exp"]"#),
        ("jku", r#""https://127.0.0.1:1/keys""#),
        ("x5u", r#""https://127.0.0.1:1/certificate""#),
        ("x5c", r#"["AAAA"]"#),
        ("zip", r#""DEF""#),
        ("b64", "false"),
        ("cty", r#""JWT""#),
    ] {
        faults.push(fault(name, move |token, key| {
            token.clone().header(name, value).signed(key)
        }));
    }
    faults
}

/// Faults of the times a token names.
#[must_use]
pub fn of_times() -> Vec<Fault> {
    let mut faults = Vec::new();
    for name in ["iat", "nbf", "exp"] {
        let with = |how: &'static str, change: fn(&str) -> String| {
            fault(format!("{name} {how}"), move |token, key| {
                token
                    .clone()
                    .claim(name, change(&token.says(name)))
                    .signed(key)
            })
        };
        faults.push(fault(format!("{name} missing"), move |token, key| {
            token.clone().without_claim(name).signed(key)
        }));
        faults.push(fault(format!("{name} twice"), move |token, key| {
            token.clone().and_claim(name, token.says(name)).signed(key)
        }));
        faults.push(with("in an array", |time| format!("[{time}]")));
        faults.push(with("as a string", quoted));
        faults.push(with("as a float", |time| format!("{time}.0")));
        faults.push(with("with an exponent", |time| format!("{time}e0")));
        faults.push(with("in milliseconds", |time| format!("{time}000")));
        faults.push(with("negative", |time| format!("-{time}")));
        faults.push(with("null", |_| "null".to_owned()));
        faults.push(with("at the end of time", |_| u64::MAX.to_string()));
    }
    faults.push(fault("all in milliseconds", |token, key| {
        let token = ["iat", "nbf", "exp"]
            .iter()
            .fold(token.clone(), |token, name| {
                let time = token.says(name);
                token.claim(name, format!("{time}000"))
            });
        token.signed(key)
    }));
    faults.push(fault("no life at all", |token, key| {
        token.clone().claim("exp", token.says("iat")).signed(key)
    }));
    faults.push(fault("nbf before iat", |token, key| {
        let earlier = token.claim_seconds("iat").saturating_sub(1);
        token.clone().claim("nbf", earlier).signed(key)
    }));
    faults.push(fault("a second too long", |token, key| {
        let later = token.claim_seconds("exp") + 1;
        token.clone().claim("exp", later).signed(key)
    }));
    faults
}

/// Faults of whom a token is by, for, and about.
#[must_use]
pub fn of_parties() -> Vec<Fault> {
    let mut faults = vec![
        fault("a foreign issuer", |token, key| {
            token
                .clone()
                .claim("iss", quoted(&AgentId([9; 16]).to_string()))
                .signed(key)
        }),
        fault("another device", |token, key| {
            token
                .clone()
                .claim("sub", quoted(&DeviceId([9; 16]).to_string()))
                .signed(key)
        }),
        fault("a purpose nobody knows", |token, key| {
            token.clone().claim("aud", quoted("root")).signed(key)
        }),
        fault("two purposes", |token, key| {
            token
                .clone()
                .claim("aud", r#"["view","terminal"]"#)
                .signed(key)
        }),
        fault("a claim too many", |token, key| {
            token.clone().and_claim("scope", quoted("all")).signed(key)
        }),
        fault("a link as a string that is none", |token, key| {
            token.clone().claim("conn", quoted("x")).signed(key)
        }),
        fault("an epoch as a string", |token, key| {
            token
                .clone()
                .claim("ep", quoted(&token.says("ep")))
                .signed(key)
        }),
        fault("nested deeply", |token, key| {
            token.signed_with_claims(&"[".repeat(300), key)
        }),
        fault("nested deeply inside", |token, key| {
            let deep = format!("{}{}", "[".repeat(120), "]".repeat(120));
            token.clone().and_claim("x", deep).signed(key)
        }),
    ];
    for name in ["iss", "aud", "sub", "jti", "conn", "ep"] {
        faults.push(fault(format!("{name} missing"), move |token, key| {
            token.clone().without_claim(name).signed(key)
        }));
        faults.push(fault(format!("{name} twice"), move |token, key| {
            token.clone().and_claim(name, token.says(name)).signed(key)
        }));
        faults.push(fault(format!("{name} in an array"), move |token, key| {
            let inside = format!("[{}]", token.says(name));
            token.clone().claim(name, inside).signed(key)
        }));
    }
    faults
}

/// Faults that only purpose tokens can have.
#[must_use]
pub fn of_tokens_alone() -> Vec<Fault> {
    vec![
        fault("the type of a grant", |token, key| {
            token.clone().header("typ", quoted(GRANT)).signed(key)
        }),
        fault("the purpose of a grant", |token, key| {
            token.clone().claim("aud", quoted("device")).signed(key)
        }),
        fault("another link", |token, key| {
            token
                .clone()
                .claim("conn", quoted(&ConnId([9; 16]).to_string()))
                .signed(key)
        }),
        fault("no link", |token, key| {
            token.clone().claim("conn", quoted("")).signed(key)
        }),
        fault("a shorter purpose's name on a longer life", |token, key| {
            token.clone().claim("aud", quoted("terminal")).signed(key)
        }),
        fault("a later epoch", |token, key| {
            token
                .clone()
                .claim("ep", token.claim_seconds("ep") + 1)
                .signed(key)
        }),
        fault("expired", |token, key| {
            aged(token, VIEW_LIFE + 1, VIEW_LIFE).signed(key)
        }),
        fault("issued too long ago to open", |token, key| {
            aged(token, 70, VIEW_LIFE).signed(key)
        }),
    ]
}

/// Faults that only grants can have.
#[must_use]
pub fn of_grants_alone() -> Vec<Fault> {
    vec![
        fault("the type of a token", |grant, key| {
            grant.clone().header("typ", quoted(TOKEN)).signed(key)
        }),
        fault("the purpose of a token", |grant, key| {
            grant.clone().claim("aud", quoted("terminal")).signed(key)
        }),
        fault("bound to a link", |grant, key| {
            grant
                .clone()
                .claim("conn", quoted(&ConnId([9; 16]).to_string()))
                .signed(key)
        }),
        fault("expired", |grant, key| {
            aged(grant, GRANT_LIFE + 1, GRANT_LIFE).signed(key)
        }),
    ]
}

/// Issued so many seconds earlier, for this life.
#[must_use]
pub fn aged(token: &Forged, age: u64, life: u64) -> Forged {
    let issued = token.claim_seconds("iat").saturating_sub(age);
    let token = token.clone().claim("iat", issued).claim("nbf", issued);
    token.claim("exp", issued + life)
}

/// From so many seconds in the future.
#[must_use]
pub fn early(token: &Forged, by: u64) -> Forged {
    let moved = |name| token.claim_seconds(name) + by;
    let (iat, exp) = (moved("iat"), moved("exp"));
    token
        .clone()
        .claim("iat", iat)
        .claim("nbf", iat)
        .claim("exp", exp)
}

fn fault(
    name: impl Into<String>,
    make: impl Fn(&Forged, &SigningKey) -> String + Send + 'static,
) -> Fault {
    (name.into(), Box::new(make))
}
