//! What the agent's core promises, on a manual clock.
#![allow(
    clippy::wildcard_enum_match_arm,
    reason = "a test looks for one kind of thing among all"
)]

mod acks;
mod approving;
mod attacks;
mod ending;
mod first;
mod inventory;
mod lives;
mod past;
mod permissions;
mod recording;
mod rekey;
pub(crate) mod rig;
mod rotation;
mod seen;
mod sharing;

use crate::core::Effect;
use crate::limits::{LISTED_TEXT, WISHES_MAX};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Origin, RendezvousState, Target};
use lanyard_shared::ids::{ConnId, TerminalId};
use lanyard_shared::limits::{
    LIFE_TERMINAL, LIFE_VIEW, MESSAGE_MAX, NAME_MAX, PAIRING_LIFE, TERMINALS_MAX,
};
use lanyard_shared::msg::{FromAgent, PairReply, Scope, ToAgent};
use lanyard_shared::noise::Initiator;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::UnixMs;
use rig::{GRID, Keys, Rig, TERMINAL, granting, key, prologue};
use std::net::Ipv6Addr;
use std::time::Duration;

const CONN: ConnId = ConnId([40; 16]);
const BOTH: &[Scope] = &[Scope::View, Scope::Terminal];

#[test]
fn terminal_lapses_after_a_quiet_time_while_view_streams_on() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let mut view = rig.view(&mut viewer);
    let mut typist = rig.typist(&mut viewer);
    rig.send(&mut typist, &key(1, "a"));
    assert_eq!(rig.typed().len(), 1);

    rig.pass(LIFE_TERMINAL + Duration::from_secs(300));

    let ended = rig.records(&mut typist);
    assert!(
        matches!(ended.last(), Some(AgentRecord::End(close)) if close.code == Some(CloseCode::Lapsed)),
        "{ended:?}"
    );
    assert_eq!(rig.closed(typist.stream), Some(CloseCode::Lapsed));
    assert_eq!(rig.closed(view.stream), None);
    rig.output(&view, 0, "still here");
    assert!(matches!(
        rig.records(&mut view).last(),
        Some(AgentRecord::Output { offset: 0, .. })
    ));

    // The next key asks for a new token and is applied.
    let mut again = rig.typist(&mut viewer);
    rig.send(&mut again, &key(2, "b"));
    assert_eq!(rig.typed().len(), 1);
}

#[test]
fn terminal_is_renewed_while_a_person_types_and_view_while_attached() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let view = rig.view(&mut viewer);
    let mut typist = rig.typist(&mut viewer);
    for seq in 1..=60 {
        rig.pass(Duration::from_secs(60));
        rig.send(&mut typist, &key(seq, "x"));
    }
    assert!(rig.now.unix.0 > (LIFE_VIEW * 3).as_millis() as u64);
    assert_eq!(rig.closed(typist.stream), None);
    assert_eq!(rig.closed(view.stream), None);
    let renewed = |stream| {
        rig.said
            .iter()
            .filter(|f| matches!(f, Frame::Renew(id, _) if *id == stream))
            .count()
    };
    assert!(renewed(typist.stream) >= 10);
    assert!(renewed(view.stream) >= 4);
    let told = rig.told(&mut viewer);
    assert!(
        told.iter()
            .any(|m| matches!(m, FromAgent::Lease { jti, .. } if *jti == view.jti))
    );
}

#[test]
fn input_after_the_permit_has_lapsed_is_not_typed_even_before_a_timer_fires() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let mut typist = rig.typist(&mut viewer);
    // The machine slept: no timer fired, and the first thing that happens is a key.
    rig.now.mono = rig.now.mono + LIFE_TERMINAL;
    rig.now.unix = rig.now.unix + LIFE_TERMINAL;
    rig.send(&mut typist, &key(1, "rm -rf"));
    assert!(rig.typed().is_empty());
    assert_eq!(rig.closed(typist.stream), Some(CloseCode::Lapsed));
}

#[test]
fn a_token_opens_one_stream_once() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let minted = rig.mint(&mut viewer, Scope::View).unwrap();
    let first = rig.open_sealed(viewer.origin, &minted);
    let second = rig.open_sealed(viewer.origin, &minted);
    assert_eq!(rig.closed(first.stream), None);
    assert_eq!(rig.closed(second.stream), Some(CloseCode::TokenUsed));
}

#[test]
fn a_token_is_refused_on_another_link_for_another_device_and_after_a_minute() {
    let mut rig = Rig::new();
    let (keys, thief) = (Keys::new(3), Keys::new(4));
    let grant = rig.pair(&keys, BOTH);
    rig.pair(&thief, &[Scope::View]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let minted = rig.mint(&mut viewer, Scope::Terminal).unwrap();
    let other_link = Origin {
        conn: ConnId([41; 16]),
        ..viewer.origin
    };
    let other_device = Origin {
        device: thief.public(),
        ..viewer.origin
    };
    for origin in [other_link, other_device] {
        let opened = rig.open_sealed(origin, &minted);
        assert_eq!(rig.closed(opened.stream), Some(CloseCode::TokenRefused));
    }
    rig.pass(Duration::from_secs(61));
    let late = rig.open_sealed(viewer.origin, &minted);
    assert_eq!(rig.closed(late.stream), Some(CloseCode::TokenRefused));
}

#[test]
fn a_device_gets_no_token_beyond_what_it_was_granted() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::View]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    assert!(rig.mint(&mut viewer, Scope::View).is_ok());
    assert_eq!(
        rig.mint(&mut viewer, Scope::Terminal).err().as_deref(),
        Some("not-granted")
    );
    let create = ToAgent::Create {
        req: 2,
        key: lanyard_shared::b64::Bytes([1; 16]),
        name: String::new(),
        grid: GRID,
    };
    assert!(matches!(
        rig.ask(&mut viewer, &create).last(),
        Some(FromAgent::Refused { .. })
    ));
    let end = ToAgent::End {
        req: 3,
        terminal: TERMINAL,
    };
    assert!(matches!(
        rig.ask(&mut viewer, &end).last(),
        Some(FromAgent::Refused { .. })
    ));
    assert!(
        !rig.effects
            .iter()
            .any(|e| matches!(e, Effect::Spawn { .. } | Effect::Kill(_)))
    );
}

#[test]
fn an_end_of_a_terminal_is_told_when_it_is_gone_and_to_all_who_wished_for_it() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    rig.effects.clear();
    let done = |message: &FromAgent| match message {
        FromAgent::Done { req } => Some(*req),
        _ => None,
    };
    for req in [3, 4] {
        let end = ToAgent::End {
            req,
            terminal: TERMINAL,
        };
        let said = rig.ask(&mut viewer, &end);
        assert!(!said.iter().any(|message| done(message).is_some()));
    }
    let kills = |effect: &&Effect| matches!(effect, Effect::Kill(TERMINAL));
    assert_eq!(rig.effects.iter().filter(kills).count(), 2);
    rig.with(|core, _| core.terminal_gone(TERMINAL));
    let said: Vec<u32> = rig.told(&mut viewer).iter().filter_map(done).collect();
    assert_eq!(said, [3, 4]);
}

#[test]
fn the_longest_list_fits_into_one_message_also_where_a_folder_is_called_by_control_characters() {
    let mut rig = Rig::new();
    rig.with(|core, _| {
        let one = core.terminals().remove(0);
        for number in 1..u8::try_from(TERMINALS_MAX).unwrap() {
            let mut other = one.clone();
            other.id = TerminalId([200 - number; 16]);
            other.name = "\u{1f980}".repeat(NAME_MAX);
            other.title = "\u{1b}\"".repeat(LISTED_TEXT);
            other.cwd = format!("/home/{}", "\u{1}\\".repeat(LISTED_TEXT));
            core.put_terminal(other);
        }
    });
    let terminals = rig.core.terminals();
    assert_eq!(terminals.len(), TERMINALS_MAX);
    let list = lanyard_shared::msg::encode(&FromAgent::Terminals { terminals });
    assert!(list.len() <= MESSAGE_MAX, "{}", list.len());
}

#[test]
fn wishes_for_an_end_are_bounded() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    for req in 1..=u32::try_from(WISHES_MAX).unwrap() + 1 {
        let end = ToAgent::End {
            req,
            terminal: TERMINAL,
        };
        let refused = matches!(
            rig.ask(&mut viewer, &end).last(),
            Some(FromAgent::Refused { .. })
        );
        assert_eq!(refused, req as usize > WISHES_MAX);
    }
}

#[test]
fn a_replayed_first_message_mints_ends_and_shows_nothing() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let link = rig.pairing_link(BOTH, false);
    let origin = Origin {
        conn: CONN,
        device: keys.public(),
        from: Ipv6Addr::LOCALHOST,
    };
    let prologue = prologue(link.agent, CONN);
    let (message1, _) =
        Initiator::pair(&prologue, &keys.noise, &link.noise_key, &link.secret.psk()).unwrap();
    rig.effects.clear();
    let stream = rig.open(origin, Target::Pair(link.secret.rendezvous()));
    rig.hear(&Frame::Data(stream, message1.into()));
    // The relay has no transport message to follow it with.
    rig.hear(&Frame::Data(stream, vec![0; 64].into()));
    assert_eq!(rig.closed(stream), Some(CloseCode::SealBroken));
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
    // The real viewer can still come.
    let (mut viewer, _) = rig.start_pairing(&keys, &link, ConnId([42; 16]));
    rig.request_pairing(&keys, &mut viewer);
    assert!(rig.effects.iter().any(|e| matches!(e, Effect::Ask(_))));
}

#[test]
fn a_pairing_secret_is_spent_by_the_third_first_message() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let link = rig.pairing_link(BOTH, false);
    for n in 0..3 {
        let origin = Origin {
            conn: ConnId([n; 16]),
            device: keys.public(),
            from: Ipv6Addr::LOCALHOST,
        };
        let stream = rig.open(origin, Target::Pair(link.secret.rendezvous()));
        rig.hear(&Frame::Data(
            stream,
            vec![1; lanyard_shared::noise::MESSAGE_1].into(),
        ));
        assert_eq!(rig.closed(stream), Some(CloseCode::HandshakeFailed));
    }
    let stream = rig.open(
        Origin {
            conn: CONN,
            device: keys.public(),
            from: Ipv6Addr::LOCALHOST,
        },
        Target::Pair(link.secret.rendezvous()),
    );
    assert!(rig.closed(stream).is_some());
    assert_eq!(
        rig.last_announce().unwrap().rendezvous[0].state,
        RendezvousState::Used
    );
}

#[test]
fn both_sides_see_the_same_words_and_nothing_is_granted_before_the_yes() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let link = rig.pairing_link(BOTH, false);
    let (mut viewer, offer) = rig.start_pairing(&keys, &link, CONN);
    assert_eq!(
        (offer.machine.as_str(), offer.scopes.as_slice()),
        ("desk", BOTH)
    );
    rig.request_pairing(&keys, &mut viewer);
    let question = rig
        .effects
        .iter()
        .find_map(|e| {
            if let Effect::Ask(q) = e {
                Some(q.clone())
            } else {
                None
            }
        })
        .unwrap();
    assert_eq!(
        question.words,
        lanyard_shared::words::check_words(viewer.noise.handshake_hash())
    );
    assert_eq!(rig.pair_replies(&mut viewer), [PairReply::Waiting {}]);
    assert!(rig.core.devices().get(keys.id()).is_none());
    rig.with(|core, now| assert!(core.answer(question.id, true, now)));
    assert!(matches!(
        rig.pair_replies(&mut viewer).as_slice(),
        [PairReply::Granted { .. }]
    ));
    assert!(rig.core.devices().get(keys.id()).is_some());
    // The answer counts once.
    rig.with(|core, now| assert!(!core.answer(question.id, true, now)));
}

#[test]
fn a_no_at_the_machine_ends_the_pairing_with_words() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let link = rig.pairing_link(BOTH, false);
    let (mut viewer, _) = rig.start_pairing(&keys, &link, CONN);
    rig.request_pairing(&keys, &mut viewer);
    rig.with(|core, now| assert!(core.answer(1, false, now)));
    let replies = rig.pair_replies(&mut viewer);
    assert!(
        matches!(replies.last(), Some(PairReply::Refused { reason }) if reason.code == "pair-denied")
    );
    assert!(rig.core.devices().get(keys.id()).is_none());
}

#[test]
fn a_pairing_request_whose_keys_were_not_joined_by_the_device_is_refused() {
    let mut rig = Rig::new();
    let (keys, other) = (Keys::new(3), Keys::new(4));
    let link = rig.pairing_link(BOTH, true);
    let (mut viewer, _) = rig.start_pairing(&keys, &link, CONN);
    // Another device's signing key, rightly signed by it, over this handshake.
    rig.request_pairing(&other, &mut viewer);
    assert_eq!(rig.closed(viewer.stream), Some(CloseCode::ProofRefused));
    assert_eq!(rig.core.devices().iter().count(), 0);
}

#[test]
fn a_pairing_link_ends_after_five_minutes() {
    let mut rig = Rig::new();
    let link = rig.pairing_link(BOTH, true);
    rig.pass(PAIRING_LIFE + Duration::from_secs(1));
    assert_eq!(
        rig.last_announce().unwrap().rendezvous[0].state,
        RendezvousState::Expired
    );
    let keys = Keys::new(3);
    let stream = rig.open(
        Origin {
            conn: CONN,
            device: keys.public(),
            from: Ipv6Addr::LOCALHOST,
        },
        Target::Pair(link.secret.rendezvous()),
    );
    assert!(rig.closed(stream).is_some());
}

#[test]
fn ending_a_device_closes_its_streams_and_voids_its_grant_before_anything_else_is_said() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let view = rig.view(&mut viewer);
    let mut typist = rig.typist(&mut viewer);
    rig.said.clear();
    rig.with(|core, now| assert!(core.remove_device(keys.id(), CloseCode::Revoked, now)));
    assert!(matches!(rig.said.first(), Some(Frame::Announce(a)) if a.devices.is_empty()));
    for stream in [view.stream, typist.stream, viewer.stream] {
        assert_eq!(rig.closed(stream), Some(CloseCode::Revoked));
    }
    rig.send(&mut typist, &key(1, "x"));
    assert!(rig.typed().is_empty());
    let stream = rig.open(viewer.origin, Target::Session(grant));
    assert_eq!(rig.closed(stream), Some(CloseCode::UnknownDevice));
}

#[test]
fn only_the_driver_types_and_taking_over_tells_the_one_before() {
    let mut rig = Rig::new();
    let (first, second) = (Keys::new(3), Keys::new(4));
    let (grant1, grant2) = (rig.pair(&first, BOTH), rig.pair(&second, BOTH));
    let mut viewer1 = rig.session(&first, &grant1, CONN);
    let mut viewer2 = rig.session(&second, &grant2, ConnId([41; 16]));
    let mut typist1 = rig.typist(&mut viewer1);
    let mut typist2 = rig.typist(&mut viewer2);
    assert!(matches!(
        rig.records(&mut typist2)[0],
        AgentRecord::Opened { driver: false, .. }
    ));
    rig.send(&mut typist2, &key(1, "x"));
    assert!(rig.typed().is_empty());
    assert_eq!(rig.records(&mut typist2), [AgentRecord::Driver(false)]);
    rig.records(&mut typist1);
    rig.send(&mut typist2, &ViewerRecord::TakeOver);
    assert_eq!(rig.records(&mut typist1), [AgentRecord::Driver(false)]);
    assert_eq!(rig.records(&mut typist2), [AgentRecord::Driver(true)]);
    rig.send(&mut typist2, &key(1, "x"));
    assert_eq!(rig.typed().len(), 1);
}

#[test]
fn nothing_is_granted_while_the_clock_is_behind_and_all_is_well_once_it_is_not() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    rig.core
        .set_earliest(rig.now.unix + Duration::from_secs(10));
    assert_eq!(
        rig.mint(&mut viewer, Scope::View).err().as_deref(),
        Some("clock-behind")
    );
    assert!(
        rig.core
            .open_pairing(granting(BOTH, true), None, rig.now)
            .is_err()
    );
    rig.pass(Duration::from_secs(10));
    assert!(rig.mint(&mut viewer, Scope::View).is_ok());
}

#[test]
fn a_signer_made_while_the_clock_was_ahead_is_replaced_on_the_next_link() {
    let mut rig = Rig::new();
    rig.with(|core, _| core.disconnected(CloseCode::Cut));
    // The machine had started before it was told the time.
    rig.now.unix = UnixMs(rig.now.unix.0 - 300_000);
    rig.with(|core, now| core.on_timeout(now));
    rig.link_up_and_keep_words();
    let signers = &rig.last_announce().unwrap().signers;
    assert_eq!(signers[0].not_before, rig.now.unix.secs());
}

#[test]
fn a_lost_link_ends_all_leases_and_a_new_session_starts_with_none() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let minted = rig.mint(&mut viewer, Scope::View).unwrap();
    rig.with(|core, _| core.disconnected(CloseCode::Cut));
    // Hours later both are back; the link has another name, and the old token opens nothing even under the old one.
    rig.now.mono = rig.now.mono + Duration::from_secs(5 * 3600);
    rig.now.unix = rig.now.unix + Duration::from_secs(5 * 3600);
    rig.link_up();
    let mut viewer = rig.session(&keys, &grant, CONN);
    let stale = rig.open_sealed(viewer.origin, &minted);
    assert_eq!(rig.closed(stale.stream), Some(CloseCode::TokenRefused));
    let view = rig.view(&mut viewer);
    assert_eq!(rig.closed(view.stream), None);
}

#[test]
fn a_changed_record_ends_its_stream_and_no_other() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let view = rig.view(&mut viewer);
    let typist = rig.typist(&mut viewer);
    rig.hear(&Frame::Data(typist.stream, vec![0; 40].into()));
    assert_eq!(rig.closed(typist.stream), Some(CloseCode::SealBroken));
    assert_eq!(rig.closed(view.stream), None);
}

#[test]
fn a_device_that_was_ended_and_pairs_again_with_the_same_keys_has_a_grant_that_outranks_the_stolen_one()
 {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let stolen = rig.pair(&keys, BOTH);
    rig.with(|core, now| assert!(core.remove_device(keys.id(), CloseCode::Revoked, now)));
    let fresh = rig.pair(&keys, BOTH);
    let origin = Origin {
        conn: CONN,
        device: keys.public(),
        from: Ipv6Addr::LOCALHOST,
    };
    let stream = rig.open(origin, Target::Session(stolen));
    assert_eq!(rig.closed(stream), Some(CloseCode::TokenRefused));
    rig.session(&keys, &fresh, CONN);
}

#[test]
fn a_program_that_asks_the_terminal_every_minute_does_not_keep_typing_alive() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let mut typist = rig.typist(&mut viewer);
    for seq in 1..=9 {
        rig.send(&mut typist, &key(seq, "\u{1b}[24;80R"));
        rig.pass(Duration::from_secs(60));
    }
    rig.pass(Duration::from_secs(120));
    assert_eq!(rig.closed(typist.stream), Some(CloseCode::Lapsed));
}

#[test]
fn a_clock_that_has_jumped_a_year_ends_no_device_before_the_relay_has_vouched_for_it() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    rig.pair(&keys, BOTH);
    rig.with(|core, _| core.disconnected(CloseCode::Cut));
    rig.effects.clear();
    rig.now.unix = rig.now.unix + Duration::from_secs(366 * 24 * 3600);
    let dialler = lanyard_shared::link::Dialler::Agent {
        agent: rig.core.agent(),
        key: rig.core.proof_key(),
    };
    let link = lanyard_shared::link::Link::new(dialler, "relay.test".into(), rig.now.mono);
    rig.core.connected(link);
    rig.with(|core, now| core.on_timeout(now));
    assert!(rig.core.devices().get(keys.id()).is_some());
    assert!(rig.effects.is_empty(), "{:?}", rig.effects);
}

#[test]
fn one_device_does_not_take_all_places() {
    let mut rig = Rig::new();
    let (greedy, other) = (Keys::new(3), Keys::new(4));
    let (grant, fair) = (
        rig.pair(&greedy, &[Scope::View]),
        rig.pair(&other, &[Scope::View]),
    );
    let origin = Origin {
        conn: CONN,
        device: greedy.public(),
        from: Ipv6Addr::LOCALHOST,
    };
    let streams: Vec<_> = (0..100)
        .map(|_| rig.open(origin, Target::Session(grant.clone())))
        .collect();
    let busy = |stream: &&u32| rig.closed(**stream) == Some(CloseCode::Busy);
    let refused = streams.iter().filter(busy).count();
    assert!(refused >= 88, "{refused}");
    let mut viewer = rig.session(&other, &fair, ConnId([41; 16]));
    let minted = (0..30)
        .filter(|_| rig.mint(&mut viewer, Scope::View).is_ok())
        .count();
    assert_eq!(
        minted,
        lanyard_shared::limits::LEASES_PER_DEVICE_AND_TERMINAL
    );
}

#[test]
fn a_session_that_does_not_read_has_one_list_of_terminals_waiting_however_often_a_title_changes() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let viewer = rig.session(&keys, &grant, CONN);
    for n in 0..20_000 {
        rig.with(|core, _| {
            let mut terminal = core.terminals().remove(0);
            terminal.title = format!("{n}-{}", "\"".repeat(1000));
            core.put_terminal(terminal);
        });
    }
    assert_eq!(rig.closed(viewer.stream), None);
}

#[test]
fn the_end_of_a_link_is_told_once_and_with_the_relays_reason() {
    let mut rig = Rig::new();
    rig.effects.clear();
    rig.hear(&Frame::Close(0, CloseCode::Replaced.into()));
    rig.with(|core, _| core.disconnected(CloseCode::Cut));
    let ends: Vec<_> = rig
        .effects
        .iter()
        .filter_map(|effect| {
            if let Effect::Offline(close) = effect {
                Some(close.code)
            } else {
                None
            }
        })
        .collect();
    assert_eq!(ends, [Some(CloseCode::Replaced)]);
}
