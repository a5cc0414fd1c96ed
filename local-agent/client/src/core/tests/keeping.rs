//! What a device keeps of its machine: next to nothing is told or used before it is on disk, and nothing is believed that does not lead
//! back to what is known.

use super::peer::{IDENTITY, Seen};
use super::world::{AGENT, World};
use crate::core::{Event, Memory, OwnKeys, State};
use ed25519_dalek::SigningKey;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::msg::{FromAgent, ToAgent};
use lanyard_shared::noise::StaticKey;
use lanyard_shared::rotate::{self, IdentityCert, NoiseCert};
use lanyard_shared::time::UnixMs;
use std::sync::Arc;
use std::time::Duration;

fn identity() -> SigningKey {
    SigningKey::from_bytes(&IDENTITY)
}

fn cert(by: &SigningKey, key: u8, serial: u32) -> NoiseCert {
    let key = StaticKey::from_bytes(&[key; 32]);
    rotate::noise_cert(by, AGENT, key.public(), serial, UnixMs::from_secs(1000))
}

/// What is remembered after the machine has said these keys; `None` when nothing new is.
fn after(chain: Vec<IdentityCert>, noise: NoiseCert) -> (World, Option<Memory>) {
    let mut world = World::live();
    world.peer.say(&FromAgent::Keys { chain, noise });
    world.run();
    let kept = world
        .events()
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::Remember(memory) => Some(memory),
            Event::State(_)
            | Event::Trouble(_)
            | Event::Welcome(_)
            | Event::Scopes(..)
            | Event::Terminals(_)
            | Event::Rekey
            | Event::Answered(..)
            | Event::Terminal(..) => None,
        });
    (world, kept)
}

fn said(world: &World, which: impl Fn(&ToAgent) -> bool) -> bool {
    let is = |seen: &Seen| matches!(seen, Seen::Said(message) if which(message));
    world.peer.seen.iter().any(is)
}

#[test]
fn the_generation_and_the_serial_that_are_known_are_said_and_the_next_one_is_kept() {
    let mut world = World::new();
    world.run();
    let hello = |m: &ToAgent| {
        matches!(
            m,
            ToAgent::Hello {
                generation: 4,
                serial: 1,
                ..
            }
        )
    };
    assert!(said(&world, hello));
    let kept = |event: &Event| matches!(event, Event::Remember(memory) if memory.generation == 5);
    assert!(world.events().iter().any(kept));
}

#[test]
fn a_next_noise_key_is_kept_first_and_acknowledged_then() {
    let (mut world, kept) = after(vec![], cert(&identity(), 30, 2));
    let kept = kept.unwrap();
    assert_eq!(kept.remote, *StaticKey::from_bytes(&[30; 32]).public());
    assert_eq!(kept.serial, 2);
    let taken = |m: &ToAgent| matches!(m, ToAgent::KeysTaken { serial: 2 });
    assert!(!said(&world, taken), "it is not on disk yet");
    let now = world.both();
    world.viewer.kept(now);
    world.run();
    assert!(said(&world, taken));
}

#[test]
fn a_noise_key_is_believed_only_from_an_identity_that_leads_back_to_the_one_that_is_known() {
    let (next, thief) = (
        SigningKey::from_bytes(&[78; 32]),
        SigningKey::from_bytes(&[79; 32]),
    );
    let public = |key: &SigningKey| key.verifying_key().to_bytes();
    let chain = vec![rotate::identity_cert(&identity(), &public(&next), AGENT)];
    let (_, kept) = after(chain.clone(), cert(&next, 30, 2));
    assert_eq!(kept.unwrap().identity, Some(public(&next)));
    for (chain, noise) in [
        (vec![], cert(&thief, 30, 2)),
        (chain.clone(), cert(&thief, 30, 2)),
        (
            vec![rotate::identity_cert(&thief, &public(&next), AGENT)],
            cert(&next, 30, 2),
        ),
    ] {
        let (world, kept) = after(chain, noise);
        assert_eq!(kept, None);
        let over = State::Over(CloseCode::ProofRefused.into());
        assert_eq!(world.viewer.state(), &over);
    }
}

#[test]
fn an_earlier_noise_key_is_never_gone_back_to() {
    let (_, kept) = after(vec![], cert(&identity(), 30, 1));
    assert_eq!(kept, None);
}

#[test]
fn a_device_goes_on_under_its_next_keys_once_they_are_kept() {
    let mut world = World::live();
    world.peer.say(&FromAgent::Rekey {});
    world.run();
    assert!(world.events().contains(&Event::Rekey));
    let keys = OwnKeys {
        key: Arc::new(SigningKey::from_bytes(&[50; 32])),
        noise: StaticKey::from_bytes(&[51; 32]),
    };
    let now = world.both();
    world.viewer.rekey(keys.clone(), now);
    world.run();
    let asked = world.peer.seen.iter().find_map(|seen| match seen {
        Seen::Said(ToAgent::Rekey { req, keys }) => Some((*req, keys.clone())),
        Seen::Said(_)
        | Seen::Opened(..)
        | Seen::Record(..)
        | Seen::Credit(..)
        | Seen::Closed(..) => None,
    });
    let (req, proof) = asked.unwrap();
    assert_eq!(proof.key.0, keys.key.verifying_key().to_bytes());
    let links = world.peer.links;
    world.peer.say(&FromAgent::Rekeyed {
        req,
        grant: "grant-2".to_owned(),
        expires: UnixMs(9),
    });
    world.run();
    let kept = |event: &Event| matches!(event, Event::Remember(memory) if memory.keys == Some(keys.clone()) && memory.grant == "grant-2");
    assert!(world.events().iter().any(kept));
    assert_eq!(
        world.peer.links, links,
        "nothing changes before they are kept"
    );
    let now = world.both();
    world.viewer.kept(now);
    world.advance(Duration::from_secs(1));
    assert!(world.peer.links > links);
    let device = DeviceId::of_key(&proof.key.0);
    assert_eq!(
        world.peer.proven.map(|key| DeviceId::of_key(&key)),
        Some(device)
    );
}
