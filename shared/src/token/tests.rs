use super::*;
use crate::ids::{AgentId, ConnId, DeviceId, TokenId};
use crate::limits::{LIFE_TERMINAL, LIFE_VIEW};
use std::time::Duration;

const NOW: UnixMs = UnixMs(1_700_000_000_000);

fn key() -> SigningKey {
    SigningKey::from_bytes(&[1; 32])
}

fn keys() -> [[u8; 32]; 1] {
    [key().verifying_key().to_bytes()]
}

fn new() -> NewToken {
    NewToken {
        agent: AgentId([1; 16]),
        device: DeviceId([2; 16]),
        issued: NOW,
        life: LIFE_TERMINAL,
        id: TokenId([3; 16]),
        conn: Some(ConnId([4; 16])),
        epoch: 5,
    }
}

fn expected() -> Expected {
    Expected {
        agent: AgentId([1; 16]),
        device: DeviceId([2; 16]),
        conn: Some(ConnId([4; 16])),
        epoch: 5,
        early: Duration::ZERO,
    }
}

fn terminal() -> Permit<Terminal> {
    let raw = issue::<Terminal>(&key(), &new()).unwrap();
    verify(NOW, &raw, &keys(), &expected()).unwrap()
}

fn after(seconds: u64) -> UnixMs {
    NOW + Duration::from_secs(seconds)
}

/// A token like the permit's, issued and changed later.
fn renewal(at: u64, change: impl FnOnce(&mut NewToken)) -> String {
    let mut new = new();
    new.issued = after(at);
    change(&mut new);
    issue::<Terminal>(&key(), &new).unwrap()
}

#[test]
fn what_is_issued_verifies_and_says_what_it_was_told() {
    let permit = terminal();
    let claims = permit.claims();
    assert_eq!(
        (claims.agent, claims.device, claims.id),
        (new().agent, new().device, new().id)
    );
    assert_eq!((claims.conn, claims.epoch), (new().conn, 5));
    assert_eq!(claims.expires_at(), after(300));
    assert_eq!(claims.purpose().name(), Terminal::NAME);

    let grant = NewToken {
        conn: None,
        life: Device::LIFE,
        ..new()
    };
    let raw = issue::<Device>(&key(), &grant).unwrap();
    assert!(raw.len() < TOKEN_MAX / 2);
    let permit = verify::<Device>(NOW, &raw, &keys(), &expected()).unwrap();
    assert_eq!(permit.claims().conn, None);
}

#[test]
fn nothing_is_issued_that_would_be_refused() {
    let long = NewToken {
        life: LIFE_VIEW,
        ..new()
    };
    assert!(issue::<View>(&key(), &long).is_ok());
    assert_eq!(
        issue::<Terminal>(&key(), &long),
        Err(TokenFault::LifeTooLong)
    );
    let short = NewToken {
        life: Duration::from_millis(999),
        ..new()
    };
    assert_eq!(
        issue::<View>(&key(), &short),
        Err(TokenFault::ExpiryBeforeIssue)
    );
    assert_eq!(issue::<Device>(&key(), &new()), Err(TokenFault::WrongConn));
    let unbound = NewToken {
        conn: None,
        ..new()
    };
    assert_eq!(issue::<View>(&key(), &unbound), Err(TokenFault::WrongConn));
}

#[test]
fn who_expects_no_link_gets_no_token_bound_to_one() {
    let raw = issue::<Terminal>(&key(), &new()).unwrap();
    let nowhere = Expected {
        conn: None,
        ..expected()
    };
    let refused = verify::<Terminal>(NOW, &raw, &keys(), &nowhere);
    assert_eq!(refused.unwrap_err(), TokenFault::WrongConn);
}

#[test]
fn a_token_bound_to_no_link_is_refused_even_where_none_is_expected() {
    use ed25519_dalek::Signer as _;
    let header = format!(r#"{{"alg":"EdDSA","typ":"{TOKEN_TYP}"}}"#);
    let grant = Claims::new(
        Kind::Device,
        &NewToken {
            conn: None,
            ..new()
        },
    )
    .unwrap();
    let claims = serde_json::to_string(&grant.wire()).unwrap();
    let claims = claims.replace(r#""aud":"device""#, r#""aud":"terminal""#);
    let message = format!("{}.{}", b64::encode(header), b64::encode(claims));
    let signature = key().sign(message.as_bytes()).to_bytes();
    let raw = format!("{message}.{}", b64::encode(signature));
    let nowhere = Expected {
        conn: None,
        ..expected()
    };
    let refused = verify::<Terminal>(NOW, &raw, &keys(), &nowhere);
    assert_eq!(refused.unwrap_err(), TokenFault::WrongConn);
}

#[test]
fn without_keys_nothing_verifies() {
    let raw = issue::<Terminal>(&key(), &new()).unwrap();
    let refused = verify::<Terminal>(NOW, &raw, &[], &expected());
    assert_eq!(refused.unwrap_err(), TokenFault::Signature);
}

#[test]
fn a_permit_lives_until_the_millisecond_of_its_expiry() {
    let permit = terminal();
    let last = UnixMs(after(300).0 - 1);
    assert_eq!(permit.live(last).unwrap().claims(), permit.claims());
    assert_eq!(permit.live(after(300)).unwrap_err(), Lapsed);
}

#[test]
fn a_token_opens_within_a_minute_of_its_issue() {
    let permit = terminal();
    assert_eq!(permit.opens(after(60)), Ok(()));
    let late = UnixMs(after(60).0 + 1);
    assert_eq!(permit.opens(late), Err(TokenFault::OpenedLate));
    assert_eq!(permit.opens(after(300)), Err(TokenFault::Expired));
    assert!(permit.live(late).is_ok());
}

#[test]
fn a_renewal_moves_the_expiry_and_nothing_else() {
    let mut permit = terminal();
    let raw = renewal(200, |_| ());
    permit.renew(after(200), &raw, &keys(), 5).unwrap();
    assert_eq!(permit.claims().expires_at(), after(500));
    assert!(permit.live(after(499)).is_ok());
    // The same again changes nothing.
    permit.renew(after(201), &raw, &keys(), 5).unwrap();
}

#[test]
fn a_renewal_of_another_token_or_with_an_earlier_end_leaves_the_permit_as_it_was() {
    let other = AgentId([9; 16]);
    for (raw, fault) in [
        (
            renewal(9, |n| n.id = TokenId([9; 16])),
            TokenFault::WrongToken,
        ),
        (renewal(9, |n| n.agent = other), TokenFault::WrongAgent),
        (
            renewal(9, |n| n.device = DeviceId([9; 16])),
            TokenFault::WrongDevice,
        ),
        (
            renewal(9, |n| n.conn = Some(ConnId([9; 16]))),
            TokenFault::WrongConn,
        ),
        (renewal(9, |n| n.epoch = 4), TokenFault::WrongEpoch),
        (
            renewal(9, |n| n.life = Duration::from_secs(290)),
            TokenFault::Shortened,
        ),
        (
            issue::<View>(&key(), &new()).unwrap(),
            TokenFault::WrongPurpose,
        ),
        (
            issue::<Terminal>(&SigningKey::from_bytes(&[9; 32]), &new()).unwrap(),
            TokenFault::Signature,
        ),
    ] {
        let mut permit = terminal();
        assert_eq!(permit.renew(after(10), &raw, &keys(), 5), Err(fault));
        assert_eq!(permit.claims(), terminal().claims());
    }
}

#[test]
fn a_renewal_that_comes_after_a_revocation_or_the_expiry_loses() {
    let mut permit = terminal();
    let raw = renewal(200, |_| ());
    assert_eq!(
        permit.renew(after(200), &raw, &keys(), 6),
        Err(TokenFault::WrongEpoch)
    );
    assert_eq!(
        permit.renew(after(300), &raw, &keys(), 5),
        Err(TokenFault::Expired)
    );
}

#[test]
fn a_relay_learns_the_purpose_and_never_takes_a_grant() {
    let view = issue::<View>(&key(), &new()).unwrap();
    let any = verify_any(NOW, &view, &keys(), &expected()).unwrap();
    assert!(matches!(any, AnyPermit::View(_)));
    assert_eq!(
        (any.purpose(), any.live(after(300))),
        (Kind::View, Err(Lapsed))
    );
    let mut any = verify_any(NOW, &renewal(0, |_| ()), &keys(), &expected()).unwrap();
    assert!(matches!(any, AnyPermit::Terminal(_)));
    assert_eq!(any.opens(after(61)), Err(TokenFault::OpenedLate));
    assert_eq!(
        any.renew(after(9), &view, &keys(), 5),
        Err(TokenFault::WrongPurpose)
    );

    let grant = NewToken {
        conn: None,
        ..new()
    };
    let grant = issue::<Device>(&key(), &grant).unwrap();
    let refused = verify_any(NOW, &grant, &keys(), &expected());
    assert_eq!(refused.unwrap_err(), TokenFault::TypConfusion);
}

#[test]
fn a_token_can_stand_for_no_transcript() {
    // The same identity signs both. A transcript begins with the high byte of a length below 2^24; a token with a letter.
    let raw = issue::<Terminal>(&key(), &new()).unwrap();
    assert!(raw.starts_with('e'));
    assert_eq!(crate::sign::transcript(SIGNER_CONTEXT, &[])[0], 0);
}

#[test]
fn what_is_said_of_a_token_does_not_hold_the_token() {
    let raw = issue::<Terminal>(&key(), &new()).unwrap();
    let permit = terminal();
    let text = format!("{permit:?} {:?}", permit.live(NOW).unwrap());
    assert!(!text.contains(&raw[..20]) && !text.contains(raw.rsplit_once('.').unwrap().1));
}

#[test]
fn names_of_faults_are_unique() {
    for (i, fault) in TokenFault::ALL.iter().enumerate() {
        assert!(
            TokenFault::ALL[..i]
                .iter()
                .all(|other| other.name() != fault.name())
        );
    }
}
