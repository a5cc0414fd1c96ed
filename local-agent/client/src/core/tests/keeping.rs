//! What a device keeps of its machine: next to nothing is told or used before it is on disk, and nothing is believed that does not lead
//! back to what is known.

use super::peer::{IDENTITY, Seen, memory};
use super::world::{AGENT, World};
use crate::core::{Event, Memory, News, OwnKeys, State};
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

/// What is to be kept after the machine has said these keys; `None` when nothing new is.
fn after(chain: Vec<IdentityCert>, noise: NoiseCert) -> (World, Option<News>) {
    let mut world = World::live();
    world.peer.say(&FromAgent::Keys { chain, noise });
    world.run();
    let kept = world
        .events()
        .into_iter()
        .rev()
        .find_map(|event| match event {
            Event::Remember(_, news) => Some(news),
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
    let kept = |event: &Event| matches!(event, Event::Remember(_, News::Generation(5)));
    assert!(world.events().iter().any(kept));
}

#[test]
fn a_next_noise_key_is_kept_first_and_acknowledged_then() {
    let (mut world, kept) = after(vec![], cert(&identity(), 30, 2));
    let next = News::MachineKey {
        remote: *StaticKey::from_bytes(&[30; 32]).public(),
        serial: 2,
        identity: Some(identity().verifying_key().to_bytes()),
    };
    assert_eq!(kept, Some(next));
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
    let certified = |news: &News| matches!(news, News::MachineKey { identity, .. } if *identity == Some(public(&next)));
    assert!(kept.as_ref().is_some_and(certified));
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
fn a_next_noise_key_that_cannot_be_kept_is_not_acknowledged_nor_said_to_be_known() {
    let (mut world, _) = after(vec![], cert(&identity(), 30, 2));
    world.viewer.not_kept();
    world.cut_link();
    world.advance(Duration::from_secs(1));
    assert_eq!(world.viewer.state(), &State::Live);
    assert!(!said(&world, |m| matches!(m, ToAgent::KeysTaken { .. })));
    assert!(said(&world, |m| matches!(
        m,
        ToAgent::Hello { serial: 1, .. }
    )));
}

/// A world whose device was asked for next keys and has brought them, and these.
fn rekeyed() -> (World, OwnKeys) {
    let mut world = World::live();
    // The machine asks twice, and is answered once.
    for _ in 0..2 {
        world.peer.say(&FromAgent::Rekey {});
        world.run();
        assert_eq!(world.events(), [Event::Rekey]);
        let now = world.both();
        world.viewer.rekey(own(50), now);
        world.run();
    }
    let asked: Vec<_> = world
        .peer
        .seen
        .iter()
        .filter_map(|seen| match seen {
            Seen::Said(ToAgent::Rekey { req, keys }) => Some((*req, keys.key.0)),
            Seen::Said(_)
            | Seen::Opened(..)
            | Seen::Record(..)
            | Seen::Credit(..)
            | Seen::Closed(..) => None,
        })
        .collect();
    let [(req, key)] = asked[..] else {
        panic!("asked once, not {}", asked.len());
    };
    assert_eq!(key, own(50).key.verifying_key().to_bytes());
    world.peer.say(&FromAgent::Rekeyed {
        req,
        grant: "grant-2".to_owned(),
        expires: UnixMs(9),
    });
    world.run();
    (world, own(50))
}

fn own(seed: u8) -> OwnKeys {
    OwnKeys {
        key: Arc::new(SigningKey::from_bytes(&[seed; 32])),
        noise: StaticKey::from_bytes(&[seed + 1; 32]),
    }
}

fn proven(world: &World) -> Option<DeviceId> {
    world.peer.proven.map(|key| DeviceId::of_key(&key))
}

#[test]
fn a_device_goes_on_under_its_next_keys_once_they_are_kept() {
    let (mut world, keys) = rekeyed();
    let next = News::OwnKeys {
        keys: keys.clone(),
        grant: "grant-2".to_owned(),
        expires: UnixMs(9),
    };
    let before = proven(&world).unwrap();
    assert!(world.events().contains(&Event::Remember(before, next)));
    let links = world.peer.links;
    world.run();
    assert_eq!(
        world.peer.links, links,
        "nothing changes before they are kept"
    );
    let now = world.both();
    world.viewer.kept(now);
    world.advance(Duration::from_secs(1));
    assert!(world.peer.links > links);
    assert_eq!(proven(&world), Some(keys.device()));
    assert_eq!(world.peer.grants, ["grant", "grant-2"]);
}

#[test]
fn next_keys_that_cannot_be_kept_are_not_used() {
    let (mut world, keys) = rekeyed();
    world.viewer.not_kept();
    world.cut_link();
    world.advance(Duration::from_secs(1));
    assert_eq!(world.viewer.state(), &State::Live);
    assert_ne!(proven(&world), Some(keys.device()));
    assert_eq!(world.peer.grants, ["grant", "grant"]);
}

#[test]
fn what_is_kept_now_is_what_the_next_session_is_opened_with() {
    let mut world = World::live();
    world.kept = Some(Memory {
        grant: "grant-2".to_owned(),
        generation: 8,
        ..memory(&world.peer)
    });
    world.cut_link();
    world.advance(Duration::from_secs(1));
    assert_eq!(world.peer.grants, ["grant", "grant-2"]);
    assert!(said(&world, |m| matches!(
        m,
        ToAgent::Hello { generation: 8, .. }
    )));
}

#[test]
fn a_viewer_whose_keys_another_one_has_changed_goes_on_under_those() {
    for code in [
        CloseCode::KeysChanged,
        CloseCode::UnknownDevice,
        CloseCode::TokenRefused,
    ] {
        let mut world = World::live();
        world.kept = Some(Memory {
            keys: Some(own(50)),
            grant: "grant-2".to_owned(),
            ..memory(&world.peer)
        });
        world.peer.close_session(code);
        world.advance(Duration::from_secs(1));
        assert_eq!(world.viewer.state(), &State::Live, "{code:?}");
        assert_eq!(proven(&world), Some(own(50).device()));
        assert_eq!(world.peer.grants, ["grant", "grant-2"]);
    }
}

#[test]
fn a_viewer_whose_keys_nobody_has_changed_says_that_it_was_let_go() {
    for code in [CloseCode::KeysChanged, CloseCode::UnknownDevice] {
        let mut world = World::live();
        world.kept = Some(memory(&world.peer));
        world.peer.close_session(code);
        world.advance(Duration::from_secs(60));
        assert_eq!(world.viewer.state(), &State::Over(code.into()));
        assert_eq!((world.peer.links, world.peer.grants.len()), (1, 1));
    }
}

#[test]
fn a_refused_grant_is_the_end_only_if_it_is_the_one_that_is_held() {
    for code in [CloseCode::Lapsed, CloseCode::TokenRefused] {
        let mut world = World::live();
        world.peer.say(&FromAgent::Grant {
            grant: "grant-2".to_owned(),
            expires: UnixMs(5),
        });
        world.run();
        let now = world.both();
        world.viewer.kept(now);
        world.peer.close_session(code);
        world.advance(Duration::from_secs(1));
        assert_eq!(world.viewer.state(), &State::Live, "{code:?}");
        assert_eq!(world.peer.grants, ["grant", "grant-2"]);
        world.peer.close_session(code);
        world.advance(Duration::from_secs(1));
        let State::Over(why) = world.viewer.state() else {
            panic!("{code:?}: {:?}", world.viewer.state());
        };
        assert!(why.hint().contains("pair again"));
        assert_eq!(world.peer.links, 1);
    }
}
