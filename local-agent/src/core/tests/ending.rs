//! Ending access: by token, purpose, device, everything, and the lock.

use super::rig::{Keys, Rig, Sealed, TERMINAL, Viewer, key};
use crate::audit::Who;
use crate::core::Effect;
use crate::limits::{DEVICES_LEASES, REPLIES_WAITING_MAX};
use lanyard_shared::access::{DevicesReply, DevicesRequest, Revocation};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Target;
use lanyard_shared::ids::{ConnId, TokenId};
use lanyard_shared::limits::{NAME_MAX, STREAM_WINDOW};
use lanyard_shared::msg::{self, FromAgent, Scope, ToAgent};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use std::time::Duration;

const CONN: ConnId = ConnId([40; 16]);
const ALL: &[Scope] = &[Scope::View, Scope::Terminal, Scope::Devices];

struct Open {
    keys: Keys,
    grant: String,
    viewer: Viewer,
    view: Sealed,
    typist: Sealed,
}

/// A device that watches and types.
fn open(rig: &mut Rig, seed: u8) -> Open {
    let keys = Keys::new(seed);
    let grant = rig.pair(&keys, ALL);
    let mut viewer = rig.session(&keys, &grant, ConnId([seed; 16]));
    let (view, typist) = (rig.view(&mut viewer), rig.typist(&mut viewer));
    Open {
        keys,
        grant,
        viewer,
        view,
        typist,
    }
}

fn last_word(rig: &mut Rig, sealed: &mut Sealed) -> Option<CloseCode> {
    match rig.records(sealed).pop()? {
        AgentRecord::End(close) => close.code,
        _ => None,
    }
}

fn revoke(rig: &mut Rig, revocation: Revocation) -> Result<u32, CloseCode> {
    let mut ended = Err(CloseCode::Internal);
    rig.with(|core, now| ended = core.revoke(revocation, Who::Machine {}, now));
    ended
}

#[test]
fn one_token_ends_with_its_stream_and_everything_beside_it_goes_on() {
    let mut rig = Rig::new();
    let mut open = open(&mut rig, 3);
    let jti = open.typist.jti;
    assert_eq!(revoke(&mut rig, Revocation::Token { jti }), Ok(1));
    assert_eq!(
        last_word(&mut rig, &mut open.typist),
        Some(CloseCode::TokenEnded)
    );
    assert_eq!(rig.closed(open.view.stream), None);
    rig.output(&open.view, 0, "still here");
    assert_eq!(rig.records(&mut open.view).len(), 1);
    // The relay is told, after the viewer was.
    assert_eq!(rig.last_announce().unwrap().revoked, [jti]);
    // What arrives late types nothing.
    rig.send(&mut open.typist, &key(1, "late"));
    assert!(rig.typed().is_empty());
    // And its device asks for another with the next key.
    let mut again = rig.typist(&mut open.viewer);
    rig.send(&mut again, &key(1, "x"));
    assert_eq!(rig.typed().len(), 1);
}

#[test]
fn a_token_that_was_never_opened_opens_nothing_once_it_is_ended() {
    let mut rig = Rig::new();
    let mut open = open(&mut rig, 3);
    let minted = rig.mint(&mut open.viewer, Scope::View).unwrap();
    assert!(revoke(&mut rig, Revocation::Token { jti: minted.jti }).is_ok());
    let stream = rig.open(open.viewer.origin, Target::Purpose(minted.token));
    assert_eq!(rig.closed(stream), Some(CloseCode::TokenRefused));
}

#[test]
fn ending_what_is_not_there_says_so() {
    let mut rig = Rig::new();
    let jti = TokenId([9; 16]);
    assert_eq!(
        revoke(&mut rig, Revocation::Token { jti }),
        Err(CloseCode::NotYours)
    );
    let device = Keys::new(9).id();
    assert_eq!(
        revoke(&mut rig, Revocation::Device { device }),
        Err(CloseCode::UnknownDevice)
    );
}

#[test]
fn a_renewal_that_races_its_end_loses() {
    let mut rig = Rig::new();
    let mut open = open(&mut rig, 3);
    let jti = open.view.jti;
    // The very moment at which it would be renewed.
    let at = rig.core.leases.get(jti).unwrap().renews();
    let (wait, moment) = (rig.now.unix.until(at), Duration::from_secs(1));
    rig.pass(wait - moment);
    rig.now.mono = rig.now.mono + moment;
    rig.now.unix = at;
    let before = rig.said.len();
    assert_eq!(revoke(&mut rig, Revocation::Token { jti }), Ok(1));
    rig.with(|core, now| core.on_timeout(now));
    let renewed = |frame: &lanyard_shared::frame::Frame| {
        matches!(frame, lanyard_shared::frame::Frame::Renew(..))
    };
    assert!(!rig.said[before..].iter().any(renewed));
    let asked = rig.ask(&mut open.viewer, &ToAgent::Renew { req: 5, jti });
    let refused = |m: &FromAgent| matches!(m, FromAgent::Refused { reason, .. } if reason.code == "not-yours");
    assert!(asked.iter().any(refused), "{asked:?}");
}

#[test]
fn a_purpose_is_taken_for_good_from_one_device_or_from_all() {
    for everyone in [false, true] {
        let mut rig = Rig::new();
        let (mut one, mut two) = (open(&mut rig, 3), open(&mut rig, 4));
        let device = (!everyone).then(|| one.keys.id());
        rig.effects.clear();
        let revocation = Revocation::Purpose {
            purpose: Scope::Terminal,
            device,
        };
        assert_eq!(
            revoke(&mut rig, revocation),
            Ok(if everyone { 2 } else { 1 })
        );
        assert!(rig.effects.iter().any(|e| matches!(e, Effect::SaveDevices)));
        assert_eq!(
            last_word(&mut rig, &mut one.typist),
            Some(CloseCode::Revoked)
        );
        assert_eq!(rig.closed(one.view.stream), None);
        let told = rig.told(&mut one.viewer);
        let scopes = told.iter().find_map(|message| match message {
            FromAgent::Scopes { scopes, .. } => Some(scopes.clone()),
            _ => None,
        });
        assert_eq!(scopes, Some(vec![Scope::View, Scope::Devices]));
        assert_eq!(
            rig.mint(&mut one.viewer, Scope::Terminal).err().as_deref(),
            Some("not-granted")
        );
        assert_eq!(
            rig.mint(&mut two.viewer, Scope::Terminal).is_ok(),
            !everyone
        );
    }
}

#[test]
fn everything_ends_devices_links_and_pairings() {
    let mut rig = Rig::new();
    let (one, two) = (open(&mut rig, 3), open(&mut rig, 4));
    let link = rig.pairing_link(&[Scope::View], false);
    assert_eq!(revoke(&mut rig, Revocation::Everything {}), Ok(4));
    for open in [&one, &two] {
        for stream in [open.viewer.stream, open.view.stream, open.typist.stream] {
            assert_eq!(rig.closed(stream), Some(CloseCode::Revoked));
        }
        let again = rig.open(open.viewer.origin, Target::Session(open.grant.clone()));
        assert_eq!(rig.closed(again), Some(CloseCode::UnknownDevice));
    }
    let knock = rig.open(one.viewer.origin, Target::Pair(link.secret.rendezvous()));
    assert_eq!(rig.closed(knock), Some(CloseCode::PairUsed));
    assert!(rig.last_announce().unwrap().devices.is_empty());
}

#[test]
fn a_locked_machine_lets_nobody_in_until_it_is_unlocked_and_forgets_nobody() {
    let mut rig = Rig::new();
    let one = open(&mut rig, 3);
    let link = rig.pairing_link(&[Scope::View], true);
    rig.effects.clear();
    rig.with(|core, _| core.lock(Who::Machine {}));
    assert!(rig.effects.iter().any(|e| matches!(e, Effect::SaveDevices)));
    for stream in [one.viewer.stream, one.view.stream, one.typist.stream] {
        assert_eq!(rig.closed(stream), Some(CloseCode::Locked));
    }
    assert!(rig.last_announce().unwrap().locked);
    // A relay that routes all the same gets nothing.
    let again = rig.open(one.viewer.origin, Target::Session(one.grant.clone()));
    assert_eq!(rig.closed(again), Some(CloseCode::Locked));
    let knock = rig.open(one.viewer.origin, Target::Pair(link.secret.rendezvous()));
    assert_eq!(rig.closed(knock), Some(CloseCode::PairUsed));
    let invitation = super::rig::granting(&[Scope::View], true);
    let refused = rig.core.open_pairing(invitation, None, rig.now);
    assert_eq!(refused.err(), Some(CloseCode::Locked));
    // Also after a restart: it is in what was saved.
    assert!(rig.core.devices().locked);
    rig.with(|core, _| core.unlock());
    assert!(!rig.last_announce().unwrap().locked);
    let mut viewer = rig.session(&one.keys, &one.grant, CONN);
    assert!(rig.mint(&mut viewer, Scope::View).is_ok());
}

#[test]
fn a_device_ends_its_own_and_nothing_of_another() {
    let mut rig = Rig::new();
    let (mut one, two) = (open(&mut rig, 3), open(&mut rig, 4));
    let its = [
        Revocation::Token { jti: one.view.jti },
        Revocation::Purpose {
            purpose: Scope::Terminal,
            device: Some(one.keys.id()),
        },
    ];
    let not_its = [
        Revocation::Token { jti: two.view.jti },
        Revocation::Token {
            jti: TokenId([0; 16]),
        },
        Revocation::Purpose {
            purpose: Scope::Terminal,
            device: Some(two.keys.id()),
        },
        Revocation::Purpose {
            purpose: Scope::Terminal,
            device: None,
        },
        Revocation::Device {
            device: two.keys.id(),
        },
        Revocation::Everything {},
    ];
    for revocation in not_its {
        let answers = rig.ask(&mut one.viewer, &ToAgent::Revoke { req: 1, revocation });
        let refused = |m: &FromAgent| matches!(m, FromAgent::Refused { reason, .. } if reason.code == "not-yours");
        assert!(
            answers.last().is_some_and(refused),
            "{revocation:?}: {answers:?}"
        );
        assert_eq!(rig.closed(two.view.stream), None);
    }
    for revocation in its {
        let answers = rig.ask(&mut one.viewer, &ToAgent::Revoke { req: 1, revocation });
        let done = |m: &FromAgent| matches!(m, FromAgent::Done { .. });
        assert!(answers.iter().any(done), "{revocation:?}: {answers:?}");
    }
    assert_eq!(rig.closed(one.view.stream), Some(CloseCode::TokenEnded));
    assert_eq!(rig.closed(one.typist.stream), Some(CloseCode::Revoked));
}

#[test]
fn one_of_two_copies_ends_a_token_and_not_the_device() {
    let mut rig = Rig::new();
    let mut one = open(&mut rig, 3);
    let device = one.keys.id();
    rig.with(|core, _| core.devices.get_mut(device).unwrap().suspended = true);
    let purpose = Revocation::Purpose {
        purpose: Scope::View,
        device: Some(device),
    };
    for revocation in [Revocation::Device { device }, purpose] {
        let answers = rig.ask(&mut one.viewer, &ToAgent::Revoke { req: 1, revocation });
        let refused = |m: &FromAgent| matches!(m, FromAgent::Refused { reason, .. } if reason.code == "suspended");
        assert!(answers.iter().any(refused), "{answers:?}");
    }
    let revocation = Revocation::Token { jti: one.view.jti };
    rig.ask(&mut one.viewer, &ToAgent::Revoke { req: 1, revocation });
    assert_eq!(rig.closed(one.view.stream), Some(CloseCode::TokenEnded));
}

fn request(rig: &mut Rig, devices: &mut Sealed, request: &DevicesRequest) -> Vec<DevicesReply> {
    rig.send(devices, &ViewerRecord::Request(msg::encode(request).into()));
    let replies = rig
        .records(devices)
        .into_iter()
        .filter_map(|record| match record {
            AgentRecord::Reply(json) => Some(msg::decode(&json).unwrap()),
            _ => None,
        });
    replies.collect()
}

#[test]
fn who_holds_devices_sees_everything_that_has_access_and_ends_it() {
    let mut rig = Rig::new();
    let (mut one, two) = (open(&mut rig, 3), open(&mut rig, 4));
    let mut stream = rig.opens_devices(&mut one.viewer);
    let listed = request(&mut rig, &mut stream, &DevicesRequest::List { req: 1 });
    let [
        DevicesReply::Listed {
            devices,
            tokens,
            more: false,
            ..
        },
    ] = &listed[..]
    else {
        panic!("{listed:?}")
    };
    assert_eq!(
        devices.iter().map(|d| (d.id, d.yours)).collect::<Vec<_>>(),
        [(one.keys.id(), true), (two.keys.id(), false)]
    );
    assert_eq!(tokens.len(), 5);
    assert!(tokens.iter().any(|t| t.jti == two.typist.jti
        && t.purpose == Scope::Terminal
        && t.about == "one"
        && t.from == "::1"));
    let revocation = Revocation::Device {
        device: two.keys.id(),
    };
    let done = request(
        &mut rig,
        &mut stream,
        &DevicesRequest::Revoke { req: 2, revocation },
    );
    assert_eq!(done, [DevicesReply::Done { req: 2, ended: 2 }]);
    assert_eq!(rig.closed(two.viewer.stream), Some(CloseCode::Revoked));
    let done = request(&mut rig, &mut stream, &DevicesRequest::Lock { req: 3 });
    assert_eq!(done, [DevicesReply::Done { req: 3, ended: 0 }]);
    assert_eq!(rig.closed(one.viewer.stream), Some(CloseCode::Locked));
}

#[test]
fn a_devices_stream_lapses_for_good_whatever_is_done_on_it() {
    let mut rig = Rig::new();
    let mut one = open(&mut rig, 3);
    let mut stream = rig.opens_devices(&mut one.viewer);
    for _ in 0..11 {
        rig.pass(Duration::from_secs(10));
        let listed = request(&mut rig, &mut stream, &DevicesRequest::List { req: 1 });
        assert!(!listed.is_empty());
    }
    rig.pass(Duration::from_secs(10));
    assert_eq!(rig.closed(stream.stream), Some(CloseCode::Lapsed));
}

#[test]
fn a_long_list_comes_in_parts_that_fit_and_who_does_not_read_fills_no_memory() {
    let mut rig = Rig::new();
    let mut one = open(&mut rig, 3);
    for seed in 10..80 {
        rig.pair(&Keys::new(seed), &[Scope::View]);
    }
    let long = "\u{1f9ed}".repeat(NAME_MAX);
    rig.with(|core, _| {
        core.devices
            .iter_mut()
            .for_each(|d| d.name.clone_from(&long))
    });
    let mut stream = rig.opens_devices(&mut one.viewer);
    let listed = request(&mut rig, &mut stream, &DevicesRequest::List { req: 1 });
    let count: usize = listed
        .iter()
        .map(|reply| match reply {
            DevicesReply::Listed { devices, .. } => devices.len(),
            _ => 0,
        })
        .sum();
    assert!(
        listed.len() > 1 && count == 71,
        "{} parts, {count} devices",
        listed.len()
    );
    let one_list: usize = listed.iter().map(|reply| msg::encode(reply).len()).sum();
    for n in 0..10_000 {
        rig.send(
            &mut stream,
            &ViewerRecord::Request(msg::encode(&DevicesRequest::List { req: n }).into()),
        );
        if rig.closed(stream.stream).is_some() {
            // By their length and not by their number.
            let lists = (STREAM_WINDOW as usize + REPLIES_WAITING_MAX) / one_list;
            assert!(n as usize <= lists + 2, "{n} lists wait");
            break;
        }
    }
    assert_eq!(rig.closed(stream.stream), Some(CloseCode::Busy));
}

#[test]
fn a_device_has_few_streams_on_which_lists_can_wait() {
    let mut rig = Rig::new();
    let mut one = open(&mut rig, 3);
    for _ in 0..DEVICES_LEASES {
        assert!(rig.mint(&mut one.viewer, Scope::Devices).is_ok());
    }
    assert_eq!(
        rig.mint(&mut one.viewer, Scope::Devices).err().as_deref(),
        Some("busy")
    );
}

#[test]
fn access_shows_this_session_and_its_tokens() {
    let mut rig = Rig::new();
    let (mut one, _two) = (open(&mut rig, 3), open(&mut rig, 4));
    let answers = rig.ask(&mut one.viewer, &ToAgent::Access { req: 8 });
    let Some(FromAgent::Access { device, tokens, .. }) = answers.last() else {
        panic!("{answers:?}")
    };
    assert!(device.yours && device.id == one.keys.id() && device.sessions == 1);
    let mut jtis: Vec<_> = tokens.iter().map(|token| token.jti).collect();
    let mut expected = vec![one.view.jti, one.typist.jti];
    jtis.sort();
    expected.sort();
    assert_eq!(jtis, expected);
    assert!(rig.core.terminals().iter().any(|t| t.id == TERMINAL));
}
