//! How long each purpose lives, what keeps it alive, and what it reaches.

use super::rig::{GRID, Keys, Rig, TERMINAL, Viewer, granting, key, wanted};
use crate::core::Effect;
use crate::core::keys::Urgency;
use crate::core::pairing::Invitation;
use crate::core::rotation::Rotation;
use lanyard_shared::access::Reach;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Origin, Target};
use lanyard_shared::ids::{ConnId, TerminalId};
use lanyard_shared::limits::{DEVICE_KEYS_RENEW, LIFE_DEVICE, LIFE_NOISE_KEY, NOISE_OVERLAP};
use lanyard_shared::msg::{FromAgent, Scope, ToAgent, Wanted};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::UnixMs;
use lanyard_shared::token::{Kind, Renewal};
use std::time::Duration;

const CONN: ConnId = ConnId([40; 16]);
const KEYS: fn() -> Keys = || Keys::new(3);

fn session(rig: &mut Rig, scopes: &[Scope]) -> Viewer {
    let grant = rig.pair(&KEYS(), scopes);
    rig.session(&KEYS(), &grant, CONN)
}

/// Opens a stream for a purpose and says its opening.
fn opened(rig: &mut Rig, viewer: &mut Viewer, scope: Scope) -> super::rig::Sealed {
    match scope {
        Scope::View => rig.view(viewer),
        Scope::Terminal => rig.typist(viewer),
        Scope::FilesRead
        | Scope::Run
        | Scope::FilesWrite
        | Scope::Prompt
        | Scope::Approve
        | Scope::Devices => {
            let minted = rig.mint(viewer, scope).unwrap();
            let mut sealed = rig.open_sealed(viewer.origin, &minted);
            rig.send(&mut sealed, &ViewerRecord::Opening);
            assert_eq!(rig.records(&mut sealed), [AgentRecord::Ready]);
            sealed
        }
    }
}

#[test]
fn every_purpose_is_minted_for_its_own_life_and_only_when_it_was_granted() {
    for scope in Scope::ALL {
        let mut rig = Rig::new();
        let mut viewer = session(&mut rig, &[*scope]);
        let answers = rig.ask(
            &mut viewer,
            &ToAgent::Mint {
                req: 1,
                wanted: wanted(*scope),
            },
        );
        let Some(FromAgent::Minted {
            issued, expires, ..
        }) = answers.last()
        else {
            panic!("{scope:?}: {answers:?}")
        };
        assert_eq!(issued.until(*expires), scope.kind().life(), "{scope:?}");
        for other in Scope::ALL.iter().filter(|other| *other != scope) {
            assert_eq!(
                rig.mint(&mut viewer, *other).err().as_deref(),
                Some("not-granted"),
                "{scope:?} must not give {other:?}"
            );
        }
    }
}

/// Whether the stream of a purpose still stands after three of its lives, when every fifth of a life `act` is done.
fn stands(
    scope: Scope,
    mut act: impl FnMut(&mut Rig, &mut Viewer, &mut super::rig::Sealed),
) -> bool {
    let mut rig = Rig::new();
    let mut viewer = session(&mut rig, &[scope]);
    let mut sealed = opened(&mut rig, &mut viewer, scope);
    for _ in 0..15 {
        rig.pass(scope.kind().life() / 5);
        if rig.closed(sealed.stream).is_some() {
            assert_eq!(rig.closed(sealed.stream), Some(CloseCode::Lapsed));
            return false;
        }
        act(&mut rig, &mut viewer, &mut sealed);
    }
    true
}

#[test]
fn nothing_but_watching_goes_on_when_nobody_does_anything() {
    for scope in Scope::ALL {
        let goes_on = scope.kind().renewal() == Renewal::WhileAttached;
        assert_eq!(stands(*scope, |_, _, _| {}), goes_on, "{scope:?}");
    }
}

#[test]
fn a_persons_tap_keeps_alive_what_lives_while_a_person_is_present_and_nothing_that_is_never_renewed()
 {
    for scope in Scope::ALL {
        let tap = |rig: &mut Rig, viewer: &mut Viewer, sealed: &mut super::rig::Sealed| {
            let jti = sealed.jti;
            rig.ask(viewer, &ToAgent::Renew { req: 7, jti });
        };
        let renewable = scope.kind().renewal() != Renewal::Never;
        assert_eq!(stands(*scope, tap), renewable, "{scope:?}");
    }
}

#[test]
fn keys_keep_typing_alive_and_what_a_terminal_answers_by_itself_does_not() {
    let mut seq = 0;
    let mut typed = |text: &'static str| {
        seq = 0;
        stands(Scope::Terminal, |rig, _, sealed| {
            seq += 1;
            rig.send(sealed, &key(seq, text));
        })
    };
    assert!(typed("x"));
    assert!(!typed("\x1b[0n"));
}

#[test]
fn reading_files_goes_on_while_it_is_used() {
    // Nothing is behind it yet, so what "use" is can be seen only by its lease.
    let mut rig = Rig::new();
    let mut viewer = session(&mut rig, &[Scope::FilesRead]);
    let sealed = opened(&mut rig, &mut viewer, Scope::FilesRead);
    for _ in 0..15 {
        rig.pass(Kind::FilesRead.life() / 5);
        rig.with(|core, now| core.leases.touch(sealed.jti, now.unix));
    }
    assert_eq!(rig.closed(sealed.stream), None);
    rig.pass(Kind::FilesRead.life() * 2);
    assert_eq!(rig.closed(sealed.stream), Some(CloseCode::Lapsed));
}

#[test]
fn a_stream_with_nothing_behind_it_yet_says_so_and_ends() {
    for scope in [
        Scope::FilesRead,
        Scope::Run,
        Scope::FilesWrite,
        Scope::Prompt,
    ] {
        let mut rig = Rig::new();
        let mut viewer = session(&mut rig, &[scope]);
        let mut sealed = opened(&mut rig, &mut viewer, scope);
        rig.send(&mut sealed, &ViewerRecord::Request("{}".into()));
        let [AgentRecord::End(close)] = &rig.records(&mut sealed)[..] else {
            panic!("{scope:?} was not ended")
        };
        assert_eq!(close.code, Some(CloseCode::NotOffered));
    }
}

#[test]
fn a_token_opens_the_stream_of_its_own_purpose_and_takes_no_records_of_another() {
    let records = || {
        [
            (
                Scope::View,
                ViewerRecord::ViewOpening {
                    have: None,
                    grid: GRID,
                },
            ),
            (Scope::Terminal, key(1, "x")),
            (Scope::Devices, ViewerRecord::Request("{}".into())),
        ]
    };
    for scope in Scope::ALL {
        for (of, record) in records() {
            if of == *scope {
                continue;
            }
            let mut rig = Rig::new();
            let mut viewer = session(&mut rig, &[*scope]);
            let minted = rig.mint(&mut viewer, *scope).unwrap();
            let mut sealed = rig.open_sealed(viewer.origin, &minted);
            rig.send(&mut sealed, &record);
            assert_eq!(
                rig.closed(sealed.stream),
                Some(CloseCode::UnexpectedFrame),
                "a record of {of:?} on {scope:?}"
            );
            assert!(rig.typed().is_empty());
        }
    }
}

fn share(scopes: &[Scope], reach: Reach, stays: u64) -> Invitation {
    Invitation {
        reach,
        stays: Some(Duration::from_secs(stays)),
        ..granting(scopes, true)
    }
}

#[test]
fn no_token_outlives_the_share_it_came_from_and_the_share_ends_by_itself() {
    let mut rig = Rig::new();
    let link = rig.invitation(share(&[Scope::View], Reach::default(), 120));
    let grant = rig.follow(&KEYS(), &link);
    let mut viewer = rig.session(&KEYS(), &grant, CONN);
    let answers = rig.ask(
        &mut viewer,
        &ToAgent::Mint {
            req: 1,
            wanted: wanted(Scope::View),
        },
    );
    let Some(FromAgent::Minted {
        issued, expires, ..
    }) = answers.last()
    else {
        panic!("{answers:?}")
    };
    assert!(issued.until(*expires) <= Duration::from_secs(120));
    rig.pass(Duration::from_secs(121));
    assert!(rig.core.devices().get(KEYS().id()).is_none());
    assert_eq!(rig.closed(viewer.stream), Some(CloseCode::ShareEnded));
    let announced = rig.last_announce().unwrap();
    assert!(announced.devices.iter().all(|d| d.id != KEYS().id()));
}

#[test]
fn a_share_does_not_slide_and_a_device_of_ones_own_does() {
    for (stays, slides) in [(None, true), (Some(LIFE_DEVICE / 2), false)] {
        let mut rig = Rig::new();
        let link = rig.invitation(Invitation {
            stays,
            ..granting(&[Scope::View], true)
        });
        let grant = rig.follow(&KEYS(), &link);
        let before = rig.core.devices().get(KEYS().id()).unwrap().expires;
        rig.pass(Duration::from_secs(3 * 24 * 3600));
        rig.session(&KEYS(), &grant, CONN);
        let after = rig.core.devices().get(KEYS().id()).unwrap().expires;
        assert_eq!(after > before, slides, "{stays:?}");
    }
}

#[test]
fn what_a_share_does_not_reach_is_not_there() {
    const OTHER: TerminalId = TerminalId([77; 16]);
    let below = |root: &str| Reach {
        root: Some(root.to_owned()),
        terminal: None,
    };
    let only = |terminal| Reach {
        root: None,
        terminal: Some(terminal),
    };
    for (reach, sees, starts) in [
        (Reach::default(), vec![TERMINAL, OTHER], true),
        (below("/home/ada"), vec![OTHER], true),
        (below("/home/ad"), vec![], false),
        (below("/home/ada/work/api"), vec![], false),
        (only(TERMINAL), vec![TERMINAL], false),
    ] {
        let mut rig = Rig::new();
        rig.with(|core, _| {
            let mut other = core.terminals().remove(0);
            (other.id, other.cwd) = (OTHER, "/home/ada/work".into());
            core.put_terminal(other);
        });
        let link = rig.invitation(share(
            &[Scope::View, Scope::Terminal, Scope::FilesRead],
            reach.clone(),
            600,
        ));
        let grant = rig.follow(&KEYS(), &link);
        rig.said.retain(|frame| !matches!(frame, Frame::Data(..)));
        let mut viewer = rig.session(&KEYS(), &grant, CONN);
        for terminal in [TERMINAL, OTHER] {
            for wanted in [Wanted::View { terminal }, Wanted::Terminal { terminal }] {
                let expected = if sees.contains(&terminal) {
                    None
                } else {
                    Some("terminal-gone".to_owned())
                };
                let refused = rig.mint_for(&mut viewer, wanted).err();
                assert_eq!(refused, expected, "{reach:?} {terminal:?}");
            }
            rig.effects.clear();
            rig.ask(&mut viewer, &ToAgent::End { req: 3, terminal });
            let ended = rig
                .effects
                .iter()
                .any(|effect| matches!(effect, Effect::Kill(id) if *id == terminal));
            assert_eq!(ended, sees.contains(&terminal), "{reach:?} {terminal:?}");
        }
        let create = ToAgent::Create {
            req: 4,
            key: lanyard_shared::b64::Bytes([4; 16]),
            name: String::new(),
            grid: GRID,
        };
        let refused = rig
            .ask(&mut viewer, &create)
            .iter()
            .any(|m| matches!(m, FromAgent::Refused { .. }));
        assert_eq!(refused, !starts, "{reach:?} starts a terminal");
    }
}

#[test]
fn a_folder_is_reached_by_its_words_and_not_by_tricks_with_them() {
    let mut rig = Rig::new();
    let reach = Reach {
        root: Some("/home/ada/work".into()),
        terminal: None,
    };
    let link = rig.invitation(share(&[Scope::FilesRead], reach, 600));
    let grant = rig.follow(&KEYS(), &link);
    let mut viewer = rig.session(&KEYS(), &grant, CONN);
    let mut may = |root: &str| {
        let root = root.to_owned();
        rig.mint_for(&mut viewer, Wanted::FilesRead { root })
            .is_ok()
    };
    assert!(may("/home/ada/work") && may("/home/ada/work/src") && may("/home/ada/work/"));
    for trick in [
        "/home/ada",
        "/home/ada/workshop",
        "/home/ada/work/..",
        "/home/ada/work/../.ssh",
        "home/ada/work",
        "",
        "/",
        "/home/ada/work/../work",
    ] {
        assert!(!may(trick), "{trick}");
    }
}

#[test]
fn a_laptop_that_slept_past_every_expiry_mints_anew_and_accepts_nothing_from_before() {
    let mut rig = Rig::new();
    let mut viewer = session(&mut rig, &[Scope::View, Scope::Terminal]);
    let mut typist = rig.typist(&mut viewer);
    // Asleep: no timer fires, and the first thing that arrives is a key from before.
    let slept = Duration::from_secs(8 * 3600);
    rig.now.mono = rig.now.mono + slept;
    rig.now.unix = rig.now.unix + slept;
    rig.send(&mut typist, &key(1, "late"));
    assert!(rig.typed().is_empty());
    assert_eq!(rig.closed(typist.stream), Some(CloseCode::Lapsed));
    let mut typist = rig.typist(&mut viewer);
    rig.send(&mut typist, &key(1, "x"));
    assert_eq!(rig.typed().len(), 1);
}

#[test]
fn a_session_that_stands_for_longer_than_its_grant_goes_on_under_younger_ones() {
    let mut rig = Rig::new();
    let mut viewer = session(&mut rig, &[Scope::View]);
    for _ in 0..3 {
        rig.said.clear();
        rig.pass(LIFE_DEVICE / 2);
        let told = rig.told(&mut viewer);
        let mut grants = told.iter().filter_map(|message| match message {
            FromAgent::Grant { grant, expires } => Some((grant.clone(), *expires)),
            _ => None,
        });
        let (newest, expires) = grants.next_back().unwrap();
        assert!(expires > rig.now.unix + (LIFE_DEVICE - Duration::from_secs(2 * 24 * 3600)));
        assert!(rig.mint(&mut viewer, Scope::View).is_ok());
        // The relay has it too, for the stream that stands.
        let renewed = |frame: &Frame| matches!(frame, Frame::Renew(stream, grant) if *stream == viewer.stream && *grant == newest);
        assert!(rig.said.iter().any(renewed));
    }
}

#[test]
fn a_share_that_stands_is_not_given_a_longer_grant() {
    let mut rig = Rig::new();
    let link = rig.invitation(share(&[Scope::View], Reach::default(), 20 * 24 * 3600));
    let grant = rig.follow(&KEYS(), &link);
    let mut viewer = rig.session(&KEYS(), &grant, CONN);
    rig.pass(Duration::from_secs(19 * 24 * 3600));
    let told = rig.told(&mut viewer);
    assert!(
        !told.iter().any(|m| matches!(m, FromAgent::Grant { .. })),
        "{told:?}"
    );
}

#[test]
fn a_session_that_stands_hears_that_its_keys_are_due() {
    let mut rig = Rig::new();
    let mut viewer = session(&mut rig, &[Scope::View]);
    rig.pass(DEVICE_KEYS_RENEW + Duration::from_secs(2 * 3600));
    let told = rig.told(&mut viewer);
    assert!(
        told.iter().any(|m| matches!(m, FromAgent::Rekey {})),
        "{told:?}"
    );
}

#[test]
fn a_share_is_not_ended_by_a_clock_that_nobody_vouched_for() {
    let mut rig = Rig::new();
    let link = rig.invitation(share(&[Scope::View], Reach::default(), 3600));
    rig.follow(&KEYS(), &link);
    rig.with(|core, _| core.disconnected(CloseCode::Cut));
    rig.pass(Duration::from_secs(7200));
    assert!(rig.core.devices().get(KEYS().id()).is_some());
    rig.link_up_and_keep_words();
    rig.pass(Duration::from_secs(1));
    assert!(rig.core.devices().get(KEYS().id()).is_none());
}

#[test]
fn no_share_of_devices_is_bound_to_what_it_would_not_keep_to() {
    let mut rig = Rig::new();
    let bound = Reach {
        root: Some("/home".into()),
        terminal: None,
    };
    for (scopes, sound) in [
        (&[Scope::View, Scope::Devices][..], false),
        (&[Scope::View], true),
    ] {
        let invitation = share(scopes, bound.clone(), 3600);
        rig.with(|core, now| {
            let link = core.open_pairing(invitation, None, now);
            assert_eq!(link.err(), (!sound).then_some(CloseCode::NotGranted));
        });
    }
}

#[test]
fn after_a_clock_that_was_ahead_the_owner_accepts_the_present_one_and_nothing_of_then_holds() {
    const AHEAD: Duration = Duration::from_secs(400 * 24 * 3600);
    let mut rig = Rig::new();
    let keys = KEYS();
    let grant = rig.pair(&keys, &[Scope::View]);
    // The relay's clock was wrong with ours, or it would not have said welcome.
    rig.now.unix = rig.now.unix + AHEAD;
    let latest = rig.now.unix;
    let (other, noise) = (Keys::new(4), rig.core.identity().noise().serial);
    let link = rig.pairing_link(&[Scope::View], true);
    let later = rig.follow(&other, &link);
    rig.pass(Duration::from_secs(1));
    assert!(
        rig.core.identity().noise().serial > noise,
        "it was due, then"
    );
    rig.now.unix = UnixMs(rig.now.unix.0 - u64::try_from(AHEAD.as_millis()).unwrap());
    rig.link_up_and_keep_words();
    rig.with(|core, now| {
        core.set_earliest(latest);
        assert_eq!(core.clock_behind(now), Some(latest));
        assert_eq!(core.accept_clock(now), ["Test on Linux"]);
        assert_eq!(core.clock_behind(now), None);
        core.disconnected(CloseCode::Cut);
    });
    rig.link_up_and_keep_words();
    let opens = |rig: &mut Rig| {
        let origin = Origin {
            conn: CONN,
            device: other.public(),
            from: std::net::Ipv6Addr::LOCALHOST,
        };
        let stream = rig.open(origin, Target::Session(later.clone()));
        rig.closed(stream)
    };
    rig.said.clear();
    assert_eq!(opens(&mut rig), Some(CloseCode::UnknownDevice));
    // What was granted before goes on, what was granted then is over for good.
    let mut viewer = rig.session(&keys, &grant, CONN);
    assert!(rig.mint(&mut viewer, Scope::View).is_ok());
}

#[test]
fn keys_made_by_a_clock_that_was_ahead_fall_due_as_if_they_were_made_now() {
    let mut rig = Rig::new();
    let now = rig.now.unix;
    rig.now.unix = now + LIFE_NOISE_KEY * 3;
    rig.with(|core, now| drop(core.rotate(Rotation::Noise {}, Urgency::Overlap, now)));
    rig.now.unix = now;
    rig.with(|core, now| drop(core.accept_clock(now)));
    let identity = rig.core.identity();
    assert_eq!(identity.noise().since, now);
    assert!(identity.noise_before_ends() <= Some(now + NOISE_OVERLAP));
}
