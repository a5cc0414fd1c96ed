//! Well-formed tokens that nobody may have signed, or that are for somebody, something or some time else.

use super::cases::{Case, case};
use super::forge::*;
use lanyard_shared::token::TokenFault;

pub fn signatures() -> Vec<Case> {
    use TokenFault::Signature;
    let honest = signed(&header(), &claims());
    let signature = honest.rsplit_once('.').unwrap().1;
    let swapped = message(&header().text(), &claims().set("ep", 4).text());
    let mut small_order_key = case("small-order-key", Signature, {
        resigned(|_, s| *s = [identity(), [0; 32]].concat())
    });
    small_order_key.keys.push(identity());
    vec![
        case(
            "signed-by-another-key",
            Signature,
            resigned(|message, s| {
                use ed25519_dalek::Signer as _;
                let other = ed25519_dalek::SigningKey::from_bytes(&[0x52; 32]);
                *s = other.sign(message.as_bytes()).to_bytes().to_vec();
            }),
        ),
        case(
            "signature-of-another-payload",
            Signature,
            format!("{swapped}.{signature}"),
        ),
        case(
            "signature-changed-in-r",
            Signature,
            resigned(|_, s| s[0] ^= 1),
        ),
        case(
            "signature-changed-in-s",
            Signature,
            resigned(|_, s| s[32] ^= 1),
        ),
        case("signature-empty", Signature, resigned(|_, s| s.clear())),
        case(
            "signature-short",
            Signature,
            resigned(|_, s| s.truncate(63)),
        ),
        case("signature-long", Signature, resigned(|_, s| s.push(0))),
        case("signature-zero", Signature, resigned(|_, s| s.fill(0))),
        case(
            "signature-with-s-not-reduced",
            Signature,
            resigned(|_, s| add_group_order(s)),
        ),
        case("signature-with-r-of-small-order", Signature, {
            resigned(|message, s| *s = with_small_order_r(message))
        }),
        small_order_key,
    ]
}

pub fn contents() -> Vec<Case> {
    use TokenFault::{WrongAgent, WrongConn, WrongDevice, WrongEpoch};
    let with = |claims: Fields| signed(&header(), &claims);
    vec![
        case(
            "of-another-agent",
            WrongAgent,
            with(claims().set("iss", id(OTHER))),
        ),
        case(
            "of-another-device",
            WrongDevice,
            with(claims().set("sub", id(OTHER))),
        ),
        case(
            "for-another-link",
            WrongConn,
            with(claims().set("conn", id(OTHER))),
        ),
        case(
            "bound-to-no-link",
            WrongConn,
            with(claims().set("conn", quoted(""))),
        ),
        case(
            "of-an-earlier-epoch",
            WrongEpoch,
            with(claims().set("ep", EPOCH - 1)),
        ),
        case(
            "of-a-later-epoch",
            WrongEpoch,
            with(claims().set("ep", EPOCH + 1)),
        ),
        Case {
            purpose: "device",
            honest: signed(&grant_header(), &grant()),
            ..case("grant-bound-to-a-link", WrongConn, {
                signed(&grant_header(), &grant().set("conn", id(CONN)))
            })
        },
    ]
}

pub fn purposes() -> Vec<Case> {
    use TokenFault::{TypConfusion, WrongPurpose};
    let view = claims().set("aud", quoted("view"));
    let as_view = |case| Case {
        purpose: "view",
        honest: signed(&header(), &view),
        ..case
    };
    let as_grant = |case| Case {
        purpose: "device",
        honest: signed(&grant_header(), &grant()),
        ..case
    };
    vec![
        case(
            "view-where-terminal-is-asked",
            WrongPurpose,
            signed(&header(), &view),
        ),
        as_view(case(
            "terminal-where-view-is-asked",
            WrongPurpose,
            signed(&header(), &claims()),
        )),
        case(
            "grant-where-a-token-is-asked",
            TypConfusion,
            signed(&grant_header(), &grant()),
        ),
        case(
            "grant-claims-under-the-typ-of-a-token",
            WrongPurpose,
            signed(&header(), &grant()),
        ),
        as_grant(case(
            "token-where-a-grant-is-asked",
            TypConfusion,
            signed(&header(), &claims()),
        )),
        as_grant(case(
            "token-claims-under-the-typ-of-a-grant",
            WrongPurpose,
            signed(&grant_header(), &claims()),
        )),
    ]
}

pub fn times() -> Vec<Case> {
    use TokenFault::{Expired, ExpiryBeforeIssue, LifeTooLong, NotBefore, NotYet};
    let with = |claims: Fields| signed(&header(), &claims);
    let issued = NOW - 10;
    let view = |life| with(timed(issued, life).set("aud", quoted("view")));
    let days = |seconds| grant().set("exp", issued + 30 * 24 * 3600 + seconds);
    vec![
        Case {
            now: (NOW + 290) * 1000,
            honest: with(timed(NOW, 291)),
            ..case("expired", Expired, with(claims()))
        },
        Case {
            honest: with(timed(NOW, 300)),
            ..case("not-yet", NotYet, with(timed(NOW + 1, 299)))
        },
        Case {
            early: 5000,
            honest: with(timed(NOW + 5, 295)),
            ..case(
                "not-yet-by-more-than-the-measure",
                NotYet,
                with(timed(NOW + 6, 294)),
            )
        },
        Case {
            // Who asks for more gets no more.
            early: 60_000,
            honest: with(timed(NOW + 5, 295)),
            ..case(
                "not-yet-whatever-is-asked-for",
                NotYet,
                with(timed(NOW + 6, 294)),
            )
        },
        Case {
            honest: with(timed(issued, 300)),
            ..case(
                "life-too-long-for-terminal",
                LifeTooLong,
                with(timed(issued, 301)),
            )
        },
        Case {
            purpose: "view",
            honest: view(900),
            ..case("life-too-long-for-view", LifeTooLong, view(901))
        },
        Case {
            purpose: "device",
            honest: signed(&grant_header(), &days(0)),
            ..case(
                "life-too-long-for-device",
                LifeTooLong,
                signed(&grant_header(), &days(1)),
            )
        },
        case(
            "exp-at-the-end-of-time",
            LifeTooLong,
            with(claims().set("exp", u64::MAX)),
        ),
        case(
            "exp-before-iat",
            ExpiryBeforeIssue,
            with(claims().set("exp", NOW - 11)),
        ),
        case(
            "exp-at-iat",
            ExpiryBeforeIssue,
            with(claims().set("exp", NOW - 10)),
        ),
        case(
            "nbf-after-iat",
            NotBefore,
            with(claims().set("nbf", NOW - 9)),
        ),
        case("nbf-before-iat", NotBefore, with(claims().set("nbf", 0))),
    ]
}
