//! Keys that take each other's place, and what a crash, a copy or an absence makes of it.

use super::rig::{Keys, Rig, key, prologue};
use crate::core::devices::Devices;
use crate::core::keys::{KeyFile, Urgency};
use crate::core::rotation::{Rotated, Rotation};
use crate::core::{Core, Effect, Machine};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Challenge, Frame, StreamId, Target, Welcome};
use lanyard_shared::ids::ConnId;
use lanyard_shared::limits::{
    LIFE_DEVICE, LIFE_IDENTITY, LIFE_NOISE_KEY, LINK_VERSIONS, NOISE_OVERLAP, TOKEN_OPENS_WITHIN,
};
use lanyard_shared::msg::{FromAgent, Scope, ToAgent};
use lanyard_shared::noise::Initiator;
use lanyard_shared::rotate;
use lanyard_shared::time::UnixMs;
use std::time::Duration;

const CONN: ConnId = ConnId([40; 16]);
const BOTH: &[Scope] = &[Scope::View, Scope::Terminal];

pub(super) fn rotate(rig: &mut Rig, what: Rotation, urgency: Urgency) -> Vec<Rotated> {
    let mut rotated = Err(CloseCode::Internal);
    rig.with(|core, now| rotated = core.rotate(what, urgency, now));
    rotated.unwrap()
}

pub(super) fn one(rotated: &[Rotated]) -> &Rotated {
    let [one] = rotated else {
        panic!("{rotated:?}")
    };
    one
}

// --- the signer

#[test]
fn tokens_of_the_signer_before_open_until_the_stated_instant_and_not_at_it() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let (early, late) = (
        rig.mint(&mut viewer, Scope::View).unwrap(),
        rig.mint(&mut viewer, Scope::View).unwrap(),
    );
    let rotated = rotate(&mut rig, Rotation::Signer {}, Urgency::Overlap);
    let ends = one(&rotated).ends.unwrap();
    assert_eq!(ends, rig.now.unix + TOKEN_OPENS_WITHIN);
    assert_eq!(rig.last_announce().unwrap().signers.len(), 2);
    rig.pass(rig.now.unix.until(ends) - Duration::from_secs(1));
    let stream = rig.open(viewer.origin, Target::Purpose(early.token));
    assert_eq!(rig.closed(stream), None);
    rig.pass(Duration::from_secs(1));
    let stream = rig.open(viewer.origin, Target::Purpose(late.token));
    assert_eq!(rig.closed(stream), Some(CloseCode::TokenRefused));
    assert_eq!(rig.last_announce().unwrap().signers.len(), 1);
}

#[test]
fn a_signer_replaced_at_once_ends_no_stream_and_opens_nothing_more() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let (view, mut typist) = (rig.view(&mut viewer), rig.typist(&mut viewer));
    let waiting = rig.mint(&mut viewer, Scope::View).unwrap();
    let rotated = rotate(&mut rig, Rotation::Signer {}, Urgency::Now);
    assert_eq!(one(&rotated).ends, Some(rig.now.unix));
    let announced = rig.last_announce().unwrap();
    assert_eq!(announced.signers.len(), 1);
    let stream = rig.open(viewer.origin, Target::Purpose(waiting.token));
    assert_eq!(rig.closed(stream), Some(CloseCode::TokenRefused));
    // What stands was renewed under the new one, at the relay too.
    let renewed = |stream: StreamId| {
        let is = |frame: &&Frame| matches!(frame, Frame::Renew(id, _) if *id == stream);
        rig.said.iter().any(|frame| is(&frame))
    };
    assert!(renewed(view.stream) && renewed(typist.stream));
    rig.send(&mut typist, &key(1, "x"));
    assert_eq!(rig.typed().len(), 1);
}

// --- the Noise key

/// A handshake under the Noise key `remote`, up to its outcome.
fn handshake(rig: &mut Rig, keys: &Keys, grant: &str, remote: &[u8; 32]) -> Result<(), CloseCode> {
    let origin = lanyard_shared::frame::Origin {
        conn: CONN,
        device: keys.public(),
        from: std::net::Ipv6Addr::LOCALHOST,
    };
    let stream = rig.open(origin, Target::Session(grant.to_owned()));
    let prologue = prologue(rig.core.agent(), CONN);
    let (message1, _) = Initiator::session(&prologue, &keys.noise, remote).unwrap();
    rig.hear(&Frame::Data(stream, message1.into()));
    rig.closed(stream).map_or(Ok(()), Err)
}

#[test]
fn a_noise_key_overlaps_for_a_week_and_a_device_that_was_away_longer_is_told_why() {
    let mut rig = Rig::new();
    let (here, away) = (Keys::new(3), Keys::new(4));
    let (grant, other) = (rig.pair(&here, BOTH), rig.pair(&away, BOTH));
    let old = *rig.core.identity().noise().key.public();
    let mut viewer = rig.session(&here, &grant, CONN);
    let view = rig.view(&mut viewer);
    let rotated = rotate(&mut rig, Rotation::Noise {}, Urgency::Overlap);
    let ends = one(&rotated).ends.unwrap();
    assert_eq!(ends, rig.now.unix + NOISE_OVERLAP);
    // Nothing that stands was dropped, and who is there hears the new key, certified.
    assert_eq!(rig.closed(view.stream), None);
    let told = rig.told(&mut viewer);
    let Some((chain, noise)) = told.iter().find_map(|m| match m {
        FromAgent::Keys { chain, noise } => Some((chain.clone(), noise.clone())),
        _ => None,
    }) else {
        panic!("{told:?}")
    };
    let identity = rig.core.identity().public();
    let follows = rotate::follow(&identity, &chain, rig.core.agent()).unwrap();
    assert!(rotate::check_noise_cert(&noise, &follows, rig.core.agent()));
    assert_eq!(noise.key.0, *rig.core.identity().noise().key.public());
    rig.ask(
        &mut viewer,
        &ToAgent::KeysTaken {
            serial: noise.serial,
        },
    );
    // Both open sessions until the stated instant, and only the new one from then on.
    assert_eq!(handshake(&mut rig, &away, &other, &old), Ok(()));
    rig.pass(rig.now.unix.until(ends) - Duration::from_secs(2));
    assert_eq!(handshake(&mut rig, &away, &other, &old), Ok(()));
    rig.pass(Duration::from_secs(2));
    assert_eq!(
        handshake(&mut rig, &away, &other, &old),
        Err(CloseCode::KeyRetired)
    );
    // Who was told, and comes with the old one all the same, is somebody else.
    assert_eq!(
        handshake(&mut rig, &here, &grant, &old),
        Err(CloseCode::HandshakeFailed)
    );
    assert_eq!(handshake(&mut rig, &here, &grant, &noise.key.0), Ok(()));
}

#[test]
fn a_noise_key_replaced_at_once_sends_everybody_home_with_the_new_one() {
    let mut rig = Rig::new();
    let (here, away) = (Keys::new(3), Keys::new(4));
    let (grant, other) = (rig.pair(&here, BOTH), rig.pair(&away, BOTH));
    let old = *rig.core.identity().noise().key.public();
    let mut viewer = rig.session(&here, &grant, CONN);
    let rotated = rotate(&mut rig, Rotation::Noise {}, Urgency::Now);
    let rotated = one(&rotated);
    assert_eq!((rotated.ends, rotated.pair_again), (Some(rig.now.unix), 1));
    let told = rig.told(&mut viewer);
    assert!(told.iter().any(|m| matches!(m, FromAgent::Keys { .. })));
    assert_eq!(rig.closed(viewer.stream), Some(CloseCode::GoingAway));
    assert_eq!(
        handshake(&mut rig, &away, &other, &old),
        Err(CloseCode::KeyRetired)
    );
    let new = *rig.core.identity().noise().key.public();
    assert_eq!(handshake(&mut rig, &here, &grant, &new), Ok(()));
}

#[test]
fn keys_that_are_due_rotate_by_themselves() {
    let mut rig = Rig::new();
    let (identity, noise) = (
        rig.core.identity().public(),
        rig.core.identity().noise().serial,
    );
    rig.later(LIFE_NOISE_KEY - NOISE_OVERLAP);
    assert_eq!(rig.core.identity().noise().serial, noise + 1);
    rig.later(LIFE_IDENTITY - LIFE_NOISE_KEY);
    assert!(rig.core.identity().next().is_some(), "the identity is due");
    assert!(
        rig.said
            .iter()
            .any(|frame| matches!(frame, Frame::Rotate(_)))
    );
    assert_eq!(
        rig.core.identity().public(),
        identity,
        "until the relay has it"
    );
}

// --- the identity

/// The relay takes a `rotate` as a relay must: it asks for a proof, and says welcome to the one by the next key.
pub(super) fn relay_takes_rotation(rig: &mut Rig) {
    let Some(Frame::Rotate(rotate)) = rig
        .said
        .iter()
        .rev()
        .find(|frame| matches!(frame, Frame::Rotate(_)))
        .cloned()
    else {
        panic!("the relay was not told")
    };
    let from = rig.core.identity().public();
    assert!(rotate::check_rotate(
        &rotate,
        &from,
        rig.core.agent(),
        ConnId([8; 16])
    ));
    challenge(rig);
    let Some(Frame::Proof(proof)) = rig.said.iter().rev().find(|f| matches!(f, Frame::Proof(_)))
    else {
        panic!("no proof")
    };
    assert_eq!(proof.key, rotate.key);
    welcome(rig);
}

fn challenge(rig: &mut Rig) {
    let challenge = Challenge {
        nonce: b64::Bytes([77; 32]),
        conn: ConnId([8; 16]),
        time: rig.now.unix,
        versions: LINK_VERSIONS.to_vec(),
    };
    rig.hear(&Frame::Challenge(challenge));
}

fn welcome(rig: &mut Rig) {
    let welcome = Welcome {
        held: 600_000,
        time: rig.now.unix,
        agent: rig.core.agent(),
        web: "http://localhost:1".into(),
        warning: String::new(),
    };
    rig.hear(&Frame::Welcome(welcome));
}

#[test]
fn an_identity_changes_on_the_standing_link_and_nothing_on_it_is_dropped() {
    let mut rig = Rig::new();
    let (here, away) = (Keys::new(3), Keys::new(4));
    let (grant, others) = (rig.pair(&here, BOTH), rig.pair(&away, BOTH));
    let mut viewer = rig.session(&here, &grant, CONN);
    let (view, mut typist) = (rig.view(&mut viewer), rig.typist(&mut viewer));
    let (agent, old) = (rig.core.agent(), rig.core.identity().public());
    let rotated = rotate(&mut rig, Rotation::Identity {}, Urgency::Overlap);
    assert_eq!(
        (one(&rotated).ends, one(&rotated).waits.as_str()),
        (None, "relay")
    );
    rig.effects.clear();
    relay_takes_rotation(&mut rig);
    let new = rig.core.identity().public();
    assert_ne!(new, old);
    assert_eq!(rig.core.agent(), agent, "the machine keeps its name");
    let said =
        |effect: &Effect| matches!(effect, Effect::Rotated(r) if r.ends == Some(rig.now.unix));
    assert!(rig.effects.iter().any(said));
    assert!(matches!(rig.effects.first(), Some(Effect::SaveKeys)));
    for stream in [viewer.stream, view.stream, typist.stream] {
        assert_eq!(rig.closed(stream), None);
    }
    rig.send(&mut typist, &key(1, "x"));
    assert_eq!(rig.typed().len(), 1);
    // The relay is told, by the new one, whose grants still hold; who is there gets a new one.
    let announced = rig.last_announce().unwrap();
    let former = &announced.former[0];
    assert_eq!(
        rotate::check_former(former, &new, agent, rig.now.unix),
        Some(old)
    );
    let told = rig.told(&mut viewer);
    assert!(told.iter().any(|m| matches!(m, FromAgent::Grant { .. })));
    // Who was away comes with the old grant and gets a new one.
    let mut late = rig.session(&away, &others, ConnId([41; 16]));
    let answers = rig.ask(&mut late, &ToAgent::Ping { n: 1 });
    assert!(!answers.is_empty());
    // And after a month the old one's grants are void.
    rig.later(LIFE_DEVICE);
    assert_eq!(rig.core.identity().grant_keys(rig.now.unix), [new]);
}

#[test]
fn a_compromised_identity_voids_every_grant_it_made() {
    let mut rig = Rig::new();
    let away = Keys::new(4);
    let grant = rig.pair(&away, BOTH);
    rotate(&mut rig, Rotation::Identity {}, Urgency::Compromised);
    relay_takes_rotation(&mut rig);
    let origin = lanyard_shared::frame::Origin {
        conn: CONN,
        device: away.public(),
        from: std::net::Ipv6Addr::LOCALHOST,
    };
    let stream = rig.open(origin, Target::Session(grant));
    assert_eq!(rig.closed(stream), Some(CloseCode::TokenRefused));
    assert!(rig.last_announce().unwrap().former.is_empty());
}

/// What an agent has on disk: the last keys and devices that it was told to save before anything else happened.
struct Disk {
    keys: String,
    devices: String,
}

impl Disk {
    fn of(core: &Core) -> Self {
        Self {
            keys: serde_json::to_string(&KeyFile::from(core.identity())).unwrap(),
            devices: serde_json::to_string(core.devices()).unwrap(),
        }
    }

    fn start(&self, rig: &Rig) -> Rig {
        let file: KeyFile = serde_json::from_str(&self.keys).unwrap();
        let devices: Devices = serde_json::from_str(&self.devices).unwrap();
        let machine = Machine {
            name: "desk".into(),
            user: "ada".into(),
            folder: "work".into(),
            cwd: "/home/ada/work".into(),
        };
        let mut again = Rig::new();
        again.now = rig.now;
        again.core = Core::new(file.keys(rig.now.unix), machine, devices, rig.now);
        again
    }
}

/// A relay as far as identities go: the key it has, and the one that it was told.
struct Keeper {
    present: [u8; 32],
    next: Option<[u8; 32]>,
}

impl Keeper {
    /// Judges the last proof; a proof by the next key makes it the present one.
    fn takes(&mut self, proven: [u8; 32]) -> bool {
        if self.next == Some(proven) {
            (self.present, self.next) = (proven, None);
        }
        self.present == proven
    }
}

#[test]
fn an_identity_rotation_that_crashes_at_any_step_is_gone_on_from() {
    for crash in 0..4 {
        goes_on_after(crash, |rig| {
            rig.hear(&Frame::Close(0, CloseCode::ProofRefused.into()));
        });
    }
}

#[test]
fn an_identity_rotation_goes_on_from_any_step_when_the_relay_refuses_proofs_in_silence() {
    for crash in 0..4 {
        goes_on_after(crash, |_| {});
    }
}

/// Crashes at a step: 0 the wish is on disk, 1 the relay has heard it, 2 the relay has taken the proof, 3 the agent has heard so. `refusal` is
/// what the relay says to a proof that it does not take.
fn goes_on_after(crash: u8, refusal: impl Fn(&mut Rig)) {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut relay = Keeper {
        present: rig.core.identity().public(),
        next: None,
    };
    let agent = rig.core.agent();
    rotate(&mut rig, Rotation::Identity {}, Urgency::Overlap);
    let next = rig
        .core
        .identity()
        .next()
        .unwrap()
        .verifying_key()
        .to_bytes();
    if crash >= 1 {
        relay.next = Some(next);
    }
    if crash >= 2 {
        challenge(&mut rig);
        assert!(relay.takes(next));
    }
    if crash >= 3 {
        welcome(&mut rig);
    }
    // Killed here; started again from what is on disk.
    let mut rig = Disk::of(&rig.core).start(&rig);
    assert_eq!(rig.core.agent(), agent);
    let mut tries = 0;
    loop {
        tries += 1;
        assert!(tries < 4, "crash {crash}: it goes round in circles");
        let dials = rig.core.proof_key().verifying_key().to_bytes();
        if relay.takes(dials) {
            rig.link_up_and_keep_words();
            break;
        }
        rig.link_up_refused(&refusal);
    }
    if rig.core.identity().next().is_some() {
        relay.next = Some(next);
        relay_takes_rotation(&mut rig);
        assert!(relay.takes(rig.core.identity().public()));
    }
    assert_eq!(rig.core.identity().public(), next, "crash {crash}");
    assert_eq!(relay.present, next, "crash {crash}");
    // The device that was paired before comes in.
    rig.with(|core, _| core.put_terminal(super::rig::terminal()));
    let mut viewer = rig.session(&keys, &grant, CONN);
    assert!(rig.mint(&mut viewer, Scope::View).is_ok(), "crash {crash}");
}

#[test]
fn everything_compromised_leaves_no_device_and_no_key() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let viewer = rig.session(&keys, &grant, CONN);
    let before = (
        rig.core.identity().public(),
        *rig.core.identity().noise().key.public(),
        rig.last_announce().unwrap().signers[0].key,
    );
    rotate(&mut rig, Rotation::All {}, Urgency::Compromised);
    relay_takes_rotation(&mut rig);
    assert_eq!(rig.closed(viewer.stream), Some(CloseCode::Revoked));
    assert!(rig.core.devices().iter().next().is_none());
    let announced = rig.last_announce().unwrap();
    let after = (
        rig.core.identity().public(),
        *rig.core.identity().noise().key.public(),
        announced.signers[0].key,
    );
    assert!(before.0 != after.0 && before.1 != after.1 && before.2 != after.2);
    assert_eq!((announced.signers.len(), announced.former.len()), (1, 0));
    assert_eq!(rig.core.identity().noise_before(UnixMs(0)).count(), 0);
}

#[test]
fn all_keys_are_rotated_or_none_of_them() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    rig.pair(&keys, BOTH);
    while rig
        .core
        .identity()
        .has_room_for_noise(Urgency::Overlap, rig.now.unix)
    {
        rotate(&mut rig, Rotation::Noise {}, Urgency::Overlap);
    }
    rig.with(|core, now| {
        let refused = core.rotate(Rotation::All {}, Urgency::Overlap, now);
        assert_eq!(refused.err(), Some(CloseCode::KeysOverlap));
        assert!(core.devices().iter().all(|device| device.rekey.is_none()));
        assert!(core.identity().next().is_none());
    });
}

#[test]
fn keys_that_are_due_and_cannot_be_replaced_yet_keep_nobody_busy() {
    let due = LIFE_NOISE_KEY;
    // Too many overlap; the clock is behind; the disk takes nothing.
    let reasons: [fn(&mut Rig); 3] = [
        |rig| {
            while rig
                .core
                .identity()
                .has_room_for_noise(Urgency::Overlap, rig.now.unix)
            {
                rotate(rig, Rotation::Noise {}, Urgency::Overlap);
            }
            rig.with(|core, _| core.identity.backdate_noise(LIFE_NOISE_KEY));
        },
        |rig| {
            let ahead = rig.now.unix + LIFE_NOISE_KEY;
            rig.with(|core, _| core.set_earliest(ahead));
        },
        |rig| rig.with(|core, _| core.set_disk_works(false)),
    ];
    for (n, prevent) in reasons.into_iter().enumerate() {
        let mut rig = Rig::new();
        rig.with(|core, _| core.identity.backdate_noise(due));
        prevent(&mut rig);
        rig.with(|core, now| {
            core.on_timeout(now);
            let next = core.poll_timeout(now).unwrap();
            assert!(next > now.mono, "reason {n}");
        });
    }
}

#[test]
fn a_disk_that_takes_nothing_starts_no_rotation_that_can_wait() {
    let mut rig = Rig::new();
    rig.with(|core, _| core.set_disk_works(false));
    let serial = rig.core.identity().noise().serial;
    rig.pass(LIFE_NOISE_KEY);
    assert_eq!(rig.core.identity().noise().serial, serial);
    rig.with(|core, _| core.set_disk_works(true));
    rig.pass(Duration::from_secs(60));
    assert_eq!(rig.core.identity().noise().serial, serial + 1);
}
