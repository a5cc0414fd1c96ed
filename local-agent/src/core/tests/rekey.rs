//! A device changes its keys; and what becomes of copies of them.

use super::rig::{Keys, Rig, TERMINAL, Viewer};
use super::rotation::{one, rotate};
use crate::audit::Who;
use crate::core::Effect;
use crate::core::keys::Urgency;
use crate::core::rotation::Rotation;
use crate::limits::{ENDED_MAX, REKEY_AGAIN};
use lanyard_shared::access::Revocation;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Origin, Target};
use lanyard_shared::ids::{ConnId, DeviceId};
use lanyard_shared::limits::GENERATION_EVERY;
use lanyard_shared::msg::{FromAgent, Scope, ToAgent};
use lanyard_shared::rotate;
use std::time::Duration;

const CONN: ConnId = ConnId([40; 16]);
const BOTH: &[Scope] = &[Scope::View, Scope::Terminal];

/// The device, which is to, changes its keys in its session; returns its next ones and their grant.
fn rekey(
    rig: &mut Rig,
    keys: &Keys,
    viewer: &mut Viewer,
    seed: u8,
) -> Result<(Keys, String), String> {
    let next = Keys::new(seed);
    let proof = rotate::rekey(
        &keys.sign,
        &next.sign,
        next.noise.public(),
        rig.core.agent(),
        keys.id(),
        viewer.noise.handshake_hash(),
    );
    let answers = rig.ask(
        viewer,
        &ToAgent::Rekey {
            req: 6,
            keys: proof,
        },
    );
    match answers.into_iter().last() {
        Some(FromAgent::Rekeyed { grant, .. }) => Ok((next, grant)),
        Some(FromAgent::Refused { reason, .. }) => Err(reason.code),
        other => panic!("{other:?}"),
    }
}

/// A device in its session, which is to change its keys when it can.
fn due() -> (Rig, Keys, String, Viewer) {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let viewer = rig.session(&keys, &grant, CONN);
    let device = Some(keys.id());
    rotate(&mut rig, Rotation::Device { device }, Urgency::Overlap);
    (rig, keys, grant, viewer)
}

fn is_known(rig: &Rig, id: DeviceId) -> bool {
    rig.core.devices().get(id).is_some()
}

#[test]
fn a_device_changes_its_keys_and_the_old_ones_end_when_the_new_ones_have_said_hello() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let view = rig.view(&mut viewer);
    rotate(
        &mut rig,
        Rotation::Device {
            device: Some(keys.id()),
        },
        Urgency::Overlap,
    );
    let told = rig.told(&mut viewer);
    assert!(told.iter().any(|m| matches!(m, FromAgent::Rekey {})));
    let (next, newer) = rekey(&mut rig, &keys, &mut viewer, 30).unwrap();
    // Both are admitted, and nothing was dropped.
    assert!(is_known(&rig, keys.id()) && is_known(&rig, next.id()));
    assert_eq!(rig.closed(view.stream), None);
    rig.session(&next, &newer, ConnId([41; 16]));
    assert!(!is_known(&rig, keys.id()));
    assert_eq!(rig.closed(viewer.stream), Some(CloseCode::KeysChanged));
    let old = rig.open(viewer.origin, Target::Session(grant));
    assert_eq!(rig.closed(old), Some(CloseCode::UnknownDevice));
    let entry = rig.core.devices().get(next.id()).unwrap();
    assert_eq!(
        (entry.scopes.as_slice(), entry.replaces, entry.rekey),
        (BOTH, None, None)
    );
}

#[test]
fn a_device_that_crashes_before_it_kept_its_next_keys_comes_back_with_its_present_ones() {
    let (mut rig, keys, grant, mut viewer) = due();
    rekey(&mut rig, &keys, &mut viewer, 30).unwrap();
    let mut again = rig.session(&keys, &grant, ConnId([41; 16]));
    assert!(rig.mint(&mut again, Scope::View).is_ok());
    // Two pages do not take turns; later it may.
    assert_eq!(
        rekey(&mut rig, &keys, &mut again, 31).err().as_deref(),
        Some("busy")
    );
    rig.pass(Duration::from_secs(61));
    assert!(rekey(&mut rig, &keys, &mut again, 31).is_ok());
    assert!(!is_known(&rig, Keys::new(30).id()));
}

#[test]
fn nobody_changes_the_keys_of_another_device_or_of_another_session() {
    let mut rig = Rig::new();
    let (keys, thief) = (Keys::new(3), Keys::new(4));
    let (grant, other) = (rig.pair(&keys, BOTH), rig.pair(&thief, BOTH));
    let viewer = rig.session(&keys, &grant, CONN);
    let mut theirs = rig.session(&thief, &other, ConnId([41; 16]));
    rotate(
        &mut rig,
        Rotation::Device { device: None },
        Urgency::Overlap,
    );
    let next = Keys::new(30);
    let agent = rig.core.agent();
    let (here, elsewhere) = (
        *theirs.noise.handshake_hash(),
        *viewer.noise.handshake_hash(),
    );
    for (old, device, hash) in [
        (&thief.sign, keys.id(), &here),
        (&keys.sign, thief.id(), &here),
        (&thief.sign, thief.id(), &elsewhere),
    ] {
        let keys = rotate::rekey(old, &next.sign, next.noise.public(), agent, device, hash);
        let answers = rig.ask(&mut theirs, &ToAgent::Rekey { req: 1, keys });
        let refused = |m: &FromAgent| matches!(m, FromAgent::Refused { reason, .. } if reason.code == "proof-refused");
        assert!(answers.iter().any(refused), "{answers:?}");
    }
    // The honest twin.
    assert!(rekey(&mut rig, &thief, &mut theirs, 31).is_ok());
}

#[test]
fn nobody_changes_keys_that_are_not_to_change_and_a_device_that_ends_takes_its_next_keys_along() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    // A thief of the keys would lock the owner out.
    let refused = rekey(&mut rig, &keys, &mut viewer, 30).err();
    assert_eq!(refused.as_deref(), Some("not-granted"));
    rotate(
        &mut rig,
        Rotation::Device { device: None },
        Urgency::Overlap,
    );
    let (next, newer) = rekey(&mut rig, &keys, &mut viewer, 30).unwrap();
    assert_eq!(rig.core.device_entries(None).len(), 1, "it is one device");
    let device = keys.id();
    rig.with(|core, now| {
        assert!(
            core.revoke(Revocation::Device { device }, Who::Machine {}, now)
                .is_ok()
        )
    });
    let origin = lanyard_shared::frame::Origin {
        device: next.public(),
        ..viewer.origin
    };
    let stream = rig.open(origin, Target::Session(newer));
    assert_eq!(rig.closed(stream), Some(CloseCode::UnknownDevice));
}

#[test]
fn keys_that_must_go_at_once_change_themselves_and_do_nothing_else() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let view = rig.view(&mut viewer);
    let device = Some(keys.id());
    let rotated = rotate(&mut rig, Rotation::Device { device }, Urgency::Now);
    assert_eq!(one(&rotated).ends, Some(rig.now.unix));
    assert_eq!(rig.closed(view.stream), Some(CloseCode::KeysChanged));
    assert_eq!(
        rig.mint(&mut viewer, Scope::View).err().as_deref(),
        Some("keys-changed")
    );
    let (next, newer) = rekey(&mut rig, &keys, &mut viewer, 30).unwrap();
    let mut viewer = rig.session(&next, &newer, ConnId([41; 16]));
    assert!(rig.mint(&mut viewer, Scope::View).is_ok());
}

// --- copies

#[test]
fn a_copy_of_a_device_may_only_watch_until_a_person_has_decided_and_the_owner_is_not_locked_out() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let hello = |rig: &mut Rig, conn: u8| rig.session(&keys, &grant, ConnId([conn; 16]));
    // The device is used for a while; a copy was made at its second generation.
    for conn in 50..55 {
        hello(&mut rig, conn);
        keys.generation
            .set(rig.core.devices().get(keys.id()).unwrap().generation);
        rig.pass(GENERATION_EVERY);
    }
    let present = keys.generation.get();
    assert!(present >= 4, "{present}");
    let mut honest = hello(&mut rig, 60);
    let typist = rig.typist(&mut honest);
    keys.generation.set(2);
    rig.effects.clear();
    let mut copy = hello(&mut rig, 61);
    let asked = |effect: &Effect| matches!(effect, Effect::Suspended { device, .. } if *device == keys.id());
    assert!(rig.effects.iter().any(asked));
    assert_eq!(rig.closed(typist.stream), Some(CloseCode::Suspended));
    for viewer in [&mut copy, &mut honest] {
        assert_eq!(
            rig.mint(viewer, Scope::Terminal).err().as_deref(),
            Some("not-granted")
        );
        assert!(rig.mint(viewer, Scope::View).is_ok());
    }
    // A person at the machine says it is theirs: whoever comes first is taken for it.
    rig.with(|core, _| core.trust(keys.id()).unwrap());
    keys.generation.set(present);
    let mut honest = hello(&mut rig, 62);
    assert!(rig.mint(&mut honest, Scope::Terminal).is_ok());
    // And the copy is told apart again.
    keys.generation.set(2);
    let mut copy = hello(&mut rig, 63);
    assert!(rig.mint(&mut copy, Scope::Terminal).is_err());
}

#[test]
fn many_pages_of_one_device_that_start_at_once_are_no_copies() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    for round in 0..20 {
        let known = rig.core.devices().get(keys.id()).unwrap().generation;
        // All of them read what was kept before the first of them kept anything.
        keys.generation.set(known);
        let pages: Vec<_> = (0..10)
            .map(|page| rig.session(&keys, &grant, ConnId([round * 10 + page; 16])))
            .collect();
        assert!(!rig.core.devices().get(keys.id()).unwrap().suspended);
        for page in pages {
            rig.hear(&Frame::Close(page.stream, CloseCode::ViewerGone.into()));
        }
        rig.pass(GENERATION_EVERY);
    }
    assert!(rig.core.terminals().iter().any(|t| t.id == TERMINAL));
}

#[test]
fn a_device_whose_latest_generation_was_never_written_down_is_no_copy() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    rig.session(&keys, &grant, CONN);
    let known = rig.core.devices().get(keys.id()).unwrap().generation;
    // The agent lost its note of two of them.
    keys.generation.set(known + 2);
    let mut viewer = rig.session(&keys, &grant, ConnId([41; 16]));
    assert!(rig.mint(&mut viewer, Scope::Terminal).is_ok());
    // And goes on from there: a copy is still told apart.
    keys.generation.set(known);
    let mut copy = rig.session(&keys, &grant, ConnId([42; 16]));
    assert!(rig.mint(&mut copy, Scope::Terminal).is_err());
}

#[test]
fn next_keys_that_nobody_has_used_end_when_a_copy_is_seen() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    rig.session(&keys, &grant, CONN);
    rig.with(|core, _| core.devices.get_mut(keys.id()).unwrap().generation = 9);
    keys.generation.set(9);
    let mut thief = rig.session(&keys, &grant, ConnId([41; 16]));
    let device = Some(keys.id());
    rotate(&mut rig, Rotation::Device { device }, Urgency::Overlap);
    let (next, newer) = rekey(&mut rig, &keys, &mut thief, 30).unwrap();
    keys.generation.set(2);
    rig.session(&keys, &grant, ConnId([42; 16]));
    assert!(!is_known(&rig, next.id()));
    let announced = &rig.last_announce().unwrap().devices;
    assert!(announced.iter().all(|device| device.id != next.id()));
    assert_eq!(
        refusal(&mut rig, &next, newer),
        Some(CloseCode::UnknownDevice)
    );
}

#[test]
fn next_keys_that_nobody_has_used_end_when_their_device_pairs_again() {
    let (mut rig, keys, _, mut viewer) = due();
    let (next, newer) = rekey(&mut rig, &keys, &mut viewer, 30).unwrap();
    rig.pair(&keys, &[Scope::View]);
    assert_eq!(
        refusal(&mut rig, &next, newer),
        Some(CloseCode::UnknownDevice)
    );
    assert!(is_known(&rig, keys.id()));
}

/// Why a device's session does not open.
fn refusal(rig: &mut Rig, keys: &Keys, grant: String) -> Option<CloseCode> {
    let origin = Origin {
        conn: CONN,
        device: keys.public(),
        from: std::net::Ipv6Addr::LOCALHOST,
    };
    let stream = rig.open(origin, Target::Session(grant));
    rig.closed(stream)
}

#[test]
fn a_session_that_brings_keys_again_and_again_is_told_to_wait() {
    let (mut rig, keys, _, mut viewer) = due();
    assert!(rekey(&mut rig, &keys, &mut viewer, 30).is_ok());
    rig.effects.clear();
    let refused = rekey(&mut rig, &keys, &mut viewer, 31).err();
    assert_eq!(refused.as_deref(), Some("busy"));
    assert!(
        rig.effects.is_empty(),
        "nothing is written: {:?}",
        rig.effects
    );
    rig.pass(REKEY_AGAIN);
    let (next, newer) = rekey(&mut rig, &keys, &mut viewer, 32).unwrap();
    assert_eq!(refusal(&mut rig, &next, newer), None);
}

#[test]
fn devices_that_ended_are_remembered_in_bounds_and_no_epoch_comes_again() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    rig.pair(&keys, BOTH);
    rig.pair(&keys, BOTH);
    let last = rig.core.devices().get(keys.id()).unwrap().epoch;
    let device = rig.core.devices().get(keys.id()).unwrap().clone();
    rig.with(|core, now| {
        core.devices.remove(keys.id(), now.unix);
        for n in 0..ENDED_MAX * 2 {
            let mut id = [0; 16];
            id[..8].copy_from_slice(&n.to_be_bytes());
            let other = crate::core::devices::Device {
                id: DeviceId(id),
                epoch: 1,
                ..device.clone()
            };
            core.devices.admit(other, now.unix).unwrap();
            core.devices.remove(DeviceId(id), now.unix);
        }
        assert!(core.devices.next_epoch(keys.id()) > last);
        let size = serde_json::to_string(&core.devices).unwrap().len();
        assert!(size < ENDED_MAX * 120, "{size} bytes");
    });
}

#[test]
fn a_person_is_told_of_devices_and_not_of_keys_that_wait() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let all = Rotation::Device { device: None };
    rotate(&mut rig, all, Urgency::Overlap);
    rekey(&mut rig, &keys, &mut viewer, 30).unwrap();
    assert_eq!(
        one(&rotate(&mut rig, all, Urgency::Overlap)).device,
        Some(keys.id())
    );
    let noise = rotate(&mut rig, Rotation::Noise {}, Urgency::Now);
    assert_eq!(one(&noise).pair_again, 0);
    let ended = rotate(&mut rig, all, Urgency::Compromised);
    assert_eq!(one(&ended).device, Some(keys.id()));
    assert!(rig.core.devices().iter().next().is_none());
}

#[test]
fn keys_taken_twice_are_written_down_once() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::View]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    rotate(&mut rig, Rotation::Noise {}, Urgency::Overlap);
    let serial = rig.core.identity().noise().serial;
    rig.effects.clear();
    for _ in 0..5 {
        rig.ask(&mut viewer, &ToAgent::KeysTaken { serial });
    }
    let writes = rig
        .effects
        .iter()
        .filter(|e| matches!(e, Effect::NoteDevices));
    assert_eq!(writes.count(), 1);
}
