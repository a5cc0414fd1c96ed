//! What the audit log is told, and what devices hear of it.

use super::rig::{Keys, Rig, wanted};
use crate::audit::log::Page;
use crate::audit::{Event, Who};
use crate::core::Effect;
use lanyard_shared::access::{DevicesReply, DevicesRequest, Reach, Revocation};
use lanyard_shared::audit::Head;
use lanyard_shared::b64::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::ConnId;
use lanyard_shared::limits::LIFE_VIEW;
use lanyard_shared::msg::{self, FromAgent, Scope, ToAgent};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use std::time::Duration;

const CONN: ConnId = ConnId([40; 16]);
const HEAD: Head = Head {
    count: 7,
    hash: Bytes([7; 32]),
};

fn recorded(rig: &Rig) -> Vec<&Event> {
    let effects = rig.effects.iter();
    effects
        .filter_map(|effect| match effect {
            Effect::Record(event) => Some(&**event),
            _ => None,
        })
        .collect()
}

/// In this order, others may stand between them.
fn assert_recorded(rig: &Rig, expected: &[Event]) {
    let events = recorded(rig);
    let mut left = events.iter();
    for event in expected {
        assert!(
            left.any(|recorded| *recorded == event),
            "{event:?} is not in {events:#?}"
        );
    }
}

#[test]
fn a_device_is_on_record_from_its_pairing_through_its_tokens_to_its_end() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let scopes = [Scope::View, Scope::Terminal];
    let grant = rig.pair(&keys, &scopes);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let minted = rig.mint(&mut viewer, Scope::View).unwrap();
    assert!(rig.mint(&mut viewer, Scope::Devices).is_err());
    let expires = rig.now.unix + LIFE_VIEW;
    let device = keys.id();
    let by = Who::Machine {};
    let what = Revocation::Device { device };
    rig.with(|core, now| core.revoke(what, by.clone(), now).unwrap());
    let events = [
        Event::Paired {
            device,
            name: "Test on Linux".to_owned(),
            scopes: scopes.to_vec(),
            reach: Reach::default(),
            until: None,
        },
        Event::Connected {
            device,
            name: "Test".to_owned(),
            from: "::1".to_owned(),
        },
        Event::Minted {
            device,
            jti: minted.jti,
            wanted: wanted(Scope::View),
            expires,
        },
        Event::Refused {
            device,
            wanted: wanted(Scope::Devices),
            why: CloseCode::NotGranted.sentence().to_owned(),
        },
        Event::Ended {
            jti: minted.jti,
            why: CloseCode::Revoked.sentence().to_owned(),
        },
        Event::Revoked { what, by },
    ];
    assert_recorded(&rig, &events);
}

#[test]
fn what_a_device_ends_or_locks_is_on_record_under_its_name() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::View, Scope::Devices]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let what = Revocation::Purpose {
        purpose: Scope::View,
        device: Some(keys.id()),
    };
    let asked = ToAgent::Revoke {
        req: 9,
        revocation: what,
    };
    rig.ask(&mut viewer, &asked);
    let mut sealed = rig.opens_devices(&mut viewer);
    let lock = DevicesRequest::Lock { req: 1 };
    rig.send(
        &mut sealed,
        &ViewerRecord::Request(msg::encode(&lock).into()),
    );
    let by = recorded(&rig).into_iter().find_map(|event| match event {
        Event::Revoked { by, .. } => Some(by.clone()),
        _ => None,
    });
    let by = by.unwrap();
    assert!(matches!(&by, Who::Device { device, .. } if *device == keys.id()));
    let locked = Event::Locked {
        locked: true,
        by: by.clone(),
    };
    assert_recorded(&rig, &[Event::Revoked { what, by }, locked]);
}

#[test]
fn who_is_refused_a_lock_or_an_end_leaves_nothing_that_says_it_was_done() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::View]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let revocation = Revocation::Everything {};
    rig.ask(&mut viewer, &ToAgent::Revoke { req: 9, revocation });
    let ends = |event: &&Event| matches!(event, Event::Revoked { .. });
    assert!(!recorded(&rig).iter().any(ends));
}

#[test]
fn a_device_that_keeps_the_head_is_told_whether_the_log_goes_on_and_of_each_signature() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::View]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    // Nobody hears of it who has not asked.
    rig.with(|core, _| core.audit_signed(HEAD));
    assert!(rig.told(&mut viewer).is_empty());
    let seen = Some(HEAD);
    rig.ask(&mut viewer, &ToAgent::Audit { seen });
    let stream = rig.effects.iter().find_map(|effect| match effect {
        Effect::CompareAudit { stream, seen, .. } if *seen == Some(HEAD) => Some(*stream),
        _ => None,
    });
    let stream = stream.unwrap();
    rig.with(|core, _| core.audit_compared(stream, HEAD, Some(false)));
    rig.with(|core, _| core.audit_signed(HEAD));
    let audit = |agrees| FromAgent::Audit { head: HEAD, agrees };
    assert_eq!(rig.told(&mut viewer), [audit(Some(false)), audit(None)]);
}

#[test]
fn a_share_hears_nothing_of_the_log() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let mut invitation = super::rig::granting(&[Scope::View], true);
    invitation.stays = Some(Duration::from_secs(3600));
    let link = rig.invitation(invitation);
    let grant = rig.follow(&keys, &link);
    let mut viewer = rig.session(&keys, &grant, CONN);
    rig.ask(&mut viewer, &ToAgent::Audit { seen: None });
    rig.with(|core, _| core.audit_signed(HEAD));
    let compares = |effect: &Effect| matches!(effect, Effect::CompareAudit { .. });
    assert!(!rig.effects.iter().any(compares));
    assert!(rig.told(&mut viewer).is_empty());
}

#[test]
fn lines_are_read_with_a_token_for_devices_and_come_in_pieces() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::Devices]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let mut sealed = rig.opens_devices(&mut viewer);
    let before = Some(9);
    let asked = DevicesRequest::Audit { req: 4, before };
    rig.send(
        &mut sealed,
        &ViewerRecord::Request(msg::encode(&asked).into()),
    );
    let stream = rig.effects.iter().find_map(|effect| match effect {
        Effect::ReadAudit {
            stream,
            req: 4,
            before: Some(9),
        } => Some(*stream),
        _ => None,
    });
    let page = Page {
        first: 3,
        text: "x".repeat(30_000),
        more: true,
    };
    rig.with(|core, _| core.audit_read(stream.unwrap(), 4, HEAD, Ok(page)));
    let mut text = String::new();
    let mut pieces = 0;
    for record in rig.records(&mut sealed) {
        let AgentRecord::Reply(json) = record else {
            panic!("{record:?}");
        };
        let DevicesReply::Audited { text: piece, .. } = msg::decode(&json).unwrap() else {
            panic!("{json:?}");
        };
        text.push_str(&piece);
        pieces += 1;
    }
    assert_eq!((text.len(), pieces), (30_000, 2));
}
