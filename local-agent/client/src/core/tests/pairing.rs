//! Pairing against a scripted machine.

use super::peer::{Peer, party};
use crate::core::Memory;
use crate::core::{Pairing, PairingEvent};
use bytes::Bytes;
use lanyard_shared::access::Reach;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Frame;
use lanyard_shared::msg::{self, Offer, PairReply, Scope};
use lanyard_shared::pair::PairingSecret;
use lanyard_shared::time::{Mono, Now, UnixMs};

const NOW: Now = Now {
    mono: Mono::from_secs(1),
    unix: UnixMs(0),
};

fn secret(byte: u8) -> PairingSecret {
    PairingSecret::from_bytes([byte; 32])
}

fn offer(machine: &str) -> Offer {
    Offer {
        machine: machine.to_owned(),
        user: "me".to_owned(),
        scopes: vec![Scope::View],
        reach: Reach::default(),
        stays: None,
        expires: UnixMs(9),
    }
}

/// A pairing by a viewer that knows `theirs`, at a machine that knows the secret 5.
fn start(theirs: u8, machine: &str) -> (Pairing, Peer) {
    let mut peer = Peer::new();
    peer.psk = Some(secret(5).psk());
    peer.offer = msg::encode(&offer(machine));
    peer.new_link();
    let mut pairing = Pairing::new(
        party(&peer),
        secret(theirs),
        "relay.example".to_owned(),
        NOW.mono,
    );
    run(&mut pairing, &mut peer);
    (pairing, peer)
}

fn run(pairing: &mut Pairing, peer: &mut Peer) {
    loop {
        if let Some(message) = pairing.poll_output() {
            peer.take_frame(message);
        } else if let Some(message) = peer.take_reply() {
            pairing.handle(message, NOW);
        } else {
            return;
        }
    }
}

fn events(pairing: &mut Pairing) -> Vec<PairingEvent> {
    std::iter::from_fn(|| pairing.poll_event()).collect()
}

#[test]
fn words_are_shown_before_anybody_is_asked_and_a_yes_brings_the_grant() {
    let (mut pairing, mut peer) = start(5, "desk");
    let first = events(&mut pairing);
    assert!(matches!(&first[..], [PairingEvent::Offered { offer: o, .. }] if *o == offer("desk")));
    peer.say(&PairReply::Waiting {});
    let granted = PairReply::Granted {
        grant: "grant".to_owned(),
        scopes: vec![Scope::View],
        reach: Reach::default(),
        expires: UnixMs(7),
        until: None,
        identity: b64::Bytes([8; 32]),
        serial: 3,
    };
    peer.say(&granted);
    run(&mut pairing, &mut peer);
    let granted = PairingEvent::Granted {
        memory: Memory {
            grant: "grant".to_owned(),
            expires: UnixMs(7),
            remote: *peer.noise.public(),
            serial: 3,
            identity: Some([8; 32]),
            generation: 0,
            keys: None,
        },
        scopes: vec![Scope::View],
    };
    assert_eq!(events(&mut pairing), [PairingEvent::Waiting, granted]);
}

#[test]
fn a_machines_name_cannot_drive_the_terminal_that_shows_it() {
    let (mut pairing, _) = start(5, "\u{1b}[2Jdesk");
    assert!(
        matches!(&events(&mut pairing)[..], [PairingEvent::Offered { offer, .. }] if offer.machine == " [2Jdesk")
    );
}

#[test]
fn a_link_with_another_secret_is_called_wrong() {
    let (mut pairing, _) = start(6, "desk");
    assert_eq!(
        events(&mut pairing),
        [PairingEvent::Failed(CloseCode::PairUnknown.into())]
    );
}

#[test]
fn used_and_expired_links_and_a_no_are_told_apart() {
    for code in [
        CloseCode::PairUsed,
        CloseCode::PairExpired,
        CloseCode::PairUnknown,
    ] {
        let mut peer = Peer::new();
        peer.new_link();
        let mut pairing = Pairing::new(
            party(&peer),
            secret(5),
            "relay.example".to_owned(),
            NOW.mono,
        );
        let challenge: Bytes = peer.take_reply().unwrap();
        pairing.handle(challenge, NOW);
        peer.take_frame(pairing.poll_output().unwrap());
        pairing.handle(peer.take_reply().unwrap(), NOW);
        pairing.handle(Frame::Close(1, code.into()).encode(), NOW);
        assert_eq!(events(&mut pairing), [PairingEvent::Failed(code.into())]);
    }
    let (mut pairing, mut peer) = start(5, "desk");
    peer.say(&PairReply::Refused {
        reason: CloseCode::PairDenied.into(),
    });
    run(&mut pairing, &mut peer);
    assert_eq!(
        events(&mut pairing).pop(),
        Some(PairingEvent::Failed(CloseCode::PairDenied.into()))
    );
}

#[test]
fn a_close_while_the_person_thinks_is_a_cut_and_not_their_no() {
    let (mut pairing, mut peer) = start(5, "desk");
    events(&mut pairing);
    peer.reply(Frame::Close(1, CloseCode::PairDenied.into()));
    run(&mut pairing, &mut peer);
    let events = events(&mut pairing);
    assert!(
        matches!(&events[..], [PairingEvent::Failed(why)] if why.code() == Some(CloseCode::Cut))
    );
}

#[test]
fn the_device_signs_that_both_its_keys_are_one_device() {
    let (_, peer) = start(5, "desk");
    let request = peer.request.as_ref().unwrap();
    let device = party(&peer);
    assert_eq!(request.name, "test");
    assert_eq!(request.key.0, device.key.verifying_key().to_bytes());
    assert!(peer.request_verifies);
}
