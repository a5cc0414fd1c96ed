//! What lists show of the machine's keys and of links.

use super::BOTH;
use super::rig::{Keys, Rig};
use super::rotation::{relay_takes_rotation, rotate};
use crate::core::keys::Urgency;
use crate::core::pairing::Invitation;
use crate::core::rotation::Rotation;
use lanyard_shared::access::{KeyKind, Reach};
use lanyard_shared::limits::{LIFE_SIGNER, PAIRING_LIFE};
use lanyard_shared::msg::Scope;
use std::time::Duration;

#[test]
fn every_key_of_the_machine_is_listed_with_its_end() {
    let mut rig = Rig::new();
    let mut kinds = Vec::new();
    rig.with(|core, now| {
        let keys = core.key_entries(now);
        assert!(
            keys.iter()
                .all(|key| key.ends.is_some_and(|ends| ends > now.unix))
        );
        kinds = keys.iter().map(|key| key.kind).collect();
    });
    assert_eq!(kinds, [KeyKind::Identity, KeyKind::Noise, KeyKind::Signer]);
    rig.pass(LIFE_SIGNER / 2);
    rig.with(|core, now| {
        let keys = core.key_entries(now);
        kinds = keys.iter().map(|key| key.kind).collect();
    });
    assert_eq!(kinds.last(), Some(&KeyKind::SignerBefore));
}

#[test]
fn keys_that_are_on_their_way_in_or_out_are_listed() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    rig.pair(&keys, BOTH);
    rotate(&mut rig, Rotation::Identity {}, Urgency::Overlap);
    rotate(
        &mut rig,
        Rotation::Device { device: None },
        Urgency::Overlap,
    );
    let kinds = |rig: &Rig| -> Vec<_> {
        let keys = rig.core.key_entries(rig.now);
        keys.iter().map(|key| key.kind).collect()
    };
    assert!(kinds(&rig).contains(&KeyKind::IdentityNext));
    assert!(rig.core.device_entries(None)[0].changing_keys);
    relay_takes_rotation(&mut rig);
    assert!(!kinds(&rig).contains(&KeyKind::IdentityNext));
    assert!(kinds(&rig).contains(&KeyKind::IdentityBefore));
}

#[test]
fn a_link_is_listed_with_what_it_gives_until_it_is_used_or_over() {
    let mut rig = Rig::new();
    let share = Invitation {
        scopes: vec![Scope::View],
        reach: Reach {
            root: Some("/home/ada/project".to_owned()),
            terminal: None,
        },
        stays: Some(Duration::from_secs(1800)),
        without_asking: true,
    };
    let link = rig.invitation(share.clone());
    rig.pairing_link(BOTH, false);
    let mut listed = Vec::new();
    rig.with(|core, now| listed = core.invitation_entries(now));
    assert_eq!(listed.len(), 2);
    assert_eq!(
        (&listed[0].scopes, &listed[0].reach, listed[0].stays),
        (&share.scopes, &share.reach, Some(1800))
    );
    assert_eq!(listed[0].since + PAIRING_LIFE, listed[0].expires);

    rig.follow(&Keys::new(3), &link);
    rig.with(|core, now| listed = core.invitation_entries(now));
    assert_eq!(listed.len(), 1, "what was used opens nothing");
    rig.pass(PAIRING_LIFE);
    rig.with(|core, now| listed = core.invitation_entries(now));
    assert!(listed.is_empty());
}
