//! What comes with the open of a stream: taken as if it came right behind the accept, and worth no more than that.

use super::rig::{GRID, Keys, Rig, Viewer, prologue};
use super::{BOTH, CONN};
use crate::core::Effect;
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Origin, StreamId, Target};
use lanyard_shared::limits::{FRAME_HEADER, SESSION_VERSIONS};
use lanyard_shared::msg::Scope;
use lanyard_shared::noise::{AwaitingReply, Initiator};
use lanyard_shared::record::ViewerRecord;
use lanyard_shared::seal::{Direction, Sealer, StreamSecret};
use std::net::Ipv6Addr;

fn rig() -> (Rig, Keys, String) {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    (rig, keys, grant)
}

fn message1(rig: &Rig, keys: &Keys) -> (Bytes, AwaitingReply) {
    let remote = rig.core.identity().noise().key.public();
    let prologue = prologue(rig.core.agent(), CONN);
    let (message, awaiting) = Initiator::session(&prologue, &keys.noise, remote).unwrap();
    (message.into(), awaiting)
}

fn open_session(
    rig: &mut Rig,
    keys: &Keys,
    grant: &str,
    versions: &[u16],
    first: Bytes,
) -> StreamId {
    let origin = Origin {
        conn: CONN,
        device: keys.public(),
        from: Ipv6Addr::LOCALHOST,
    };
    let target = Target::Session(grant.to_owned());
    rig.open_with(origin, target, versions, first)
}

/// Credit that the agent has given back on a stream.
fn given_back(rig: &Rig, stream: StreamId) -> usize {
    let gives = |frame: &&Frame| matches!(frame, Frame::Credit(id, _) if *id == stream);
    rig.said.iter().filter(gives).count()
}

#[test]
fn message_1_that_comes_with_the_open_is_answered_and_takes_no_credit() {
    let (mut rig, keys, grant) = rig();
    let (first, awaiting) = message1(&rig, &keys);
    let stream = open_session(&mut rig, &keys, &grant, SESSION_VERSIONS, first);
    let reply = rig.data(stream).remove(0);
    assert!(awaiting.finish(&reply).is_ok());
    assert_eq!(given_back(&rig, stream), 0);
}

#[test]
fn message_1_made_for_other_versions_is_passed_over_and_comes_again_behind_the_accept() {
    let (mut rig, keys, grant) = rig();
    let (first, _) = message1(&rig, &keys);
    let stream = open_session(&mut rig, &keys, &grant, &[1, 2], first);
    assert!(rig.data(stream).is_empty());
    assert_eq!(rig.closed(stream), None);
    let remote = rig.core.identity().noise().key.public();
    let prologue = lanyard_shared::noise::Prologue {
        viewer_versions: &[1, 2],
        ..prologue(rig.core.agent(), CONN)
    };
    let (again, awaiting) = Initiator::session(&prologue, &keys.noise, remote).unwrap();
    rig.hear(&Frame::Data(stream, again.into()));
    let reply = rig.data(stream).remove(0);
    assert!(awaiting.finish(&reply).is_ok());
}

#[test]
fn a_first_message_that_a_relay_has_changed_ends_the_handshake() {
    let (mut rig, keys, grant) = rig();
    let (first, _) = message1(&rig, &keys);
    let mut changed = first.to_vec();
    changed[40] ^= 1;
    let stream = open_session(&mut rig, &keys, &grant, SESSION_VERSIONS, changed.into());
    assert!(rig.data(stream).is_empty());
    assert_eq!(rig.closed(stream), Some(CloseCode::HandshakeFailed));
}

fn sealed_opening(viewer: &mut Viewer, rig: &mut Rig) -> (Target, Bytes) {
    let minted = rig.mint(viewer, Scope::View).unwrap();
    let secret = StreamSecret::from_bytes(minted.secret);
    let mut framed = ViewerRecord::ViewOpening {
        have: None,
        grid: GRID,
    }
    .encode();
    let mut sealer = Sealer::new(&secret, minted.jti, Direction::ToAgent);
    sealer.seal(&mut framed, FRAME_HEADER).unwrap();
    let first = framed.freeze().slice(FRAME_HEADER..);
    (Target::Purpose(minted.token), first)
}

fn watches(rig: &Rig, stream: StreamId) -> bool {
    let watches =
        |effect: &Effect| matches!(effect, Effect::Watch { stream: id, .. } if *id == stream);
    rig.effects.iter().any(watches)
}

#[test]
fn an_opening_that_comes_with_the_open_is_carried_out_once_it_verifies() {
    let (mut rig, keys, grant) = rig();
    let mut viewer = rig.session(&keys, &grant, CONN);
    let (target, first) = sealed_opening(&mut viewer, &mut rig);
    let stream = rig.open_with(viewer.origin, target, &[], first);
    assert!(watches(&rig, stream));
    assert_eq!(given_back(&rig, stream), 0);

    let (target, first) = sealed_opening(&mut viewer, &mut rig);
    let mut changed = first.to_vec();
    changed[3] ^= 1;
    let stream = rig.open_with(viewer.origin, target, &[], changed.into());
    assert!(!watches(&rig, stream));
    assert_eq!(rig.closed(stream), Some(CloseCode::SealBroken));
}

#[test]
fn what_comes_with_an_open_that_is_refused_is_not_looked_at() {
    let (mut rig, keys, grant) = rig();
    let mut viewer = rig.session(&keys, &grant, CONN);
    let (target, first) = sealed_opening(&mut viewer, &mut rig);
    let opened = rig.open_with(viewer.origin, target.clone(), &[], first.clone());
    let again = rig.open_with(viewer.origin, target, &[], first);
    assert!(watches(&rig, opened) && !watches(&rig, again));
    assert_eq!(rig.closed(again), Some(CloseCode::TokenUsed));
}
