//! Terminals that have ended: for whom they exist, page by page, how they are played and forgotten.

use super::rig::{GRID, Keys, Rig, Sealed, TERMINAL, Viewer, granting};
use super::{BOTH, CONN};
use crate::core::pairing::Invitation;
use crate::core::{Effect, Watched};
use crate::limits::{LISTED_TEXT, PAST_AT_ONCE, PAST_MAX, PLAYED_SMALL};
use bytes::Bytes;
use lanyard_shared::access::Reach;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Frame;
use lanyard_shared::ids::TerminalId;
use lanyard_shared::limits::{MESSAGE_MAX, NAME_MAX, STREAM_WINDOW};
use lanyard_shared::msg::{self, Exit, FromAgent, PastPlace, PastTerminal, Scope, ToAgent, Wanted};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::UnixMs;

const PAST: TerminalId = TerminalId([50; 16]);
const EXIT: Exit = Exit::Status { code: 3 };

fn past(id: TerminalId, ended: u64) -> PastTerminal {
    PastTerminal {
        id,
        name: "two".into(),
        cwd: "/home/ada/work".into(),
        started: UnixMs(1),
        ended: UnixMs(ended),
        exit: Some(EXIT),
        grid: GRID,
        kept: 10,
        dropped: 0,
    }
}

fn numbered(n: usize) -> TerminalId {
    let mut id = [0; 16];
    id[8..].copy_from_slice(&(n as u64).to_be_bytes());
    TerminalId(id)
}

/// An agent with one terminal that has ended, and a device that may watch and type.
fn rig() -> (Rig, Viewer) {
    let mut rig = Rig::new();
    rig.with(|core, _| core.put_past(past(PAST, 1000)));
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, BOTH);
    let viewer = rig.session(&keys, &grant, CONN);
    (rig, viewer)
}

/// A device of this reach.
fn reaching(rig: &mut Rig, reach: Reach) -> Viewer {
    let keys = Keys::new(4);
    let link = rig.invitation(Invitation {
        reach,
        ..granting(&[Scope::View], true)
    });
    let grant = rig.follow(&keys, &link);
    rig.session(&keys, &grant, CONN)
}

fn page(rig: &mut Rig, viewer: &mut Viewer, after: Option<PastPlace>) -> (Vec<PastTerminal>, bool) {
    let mut told = rig.ask(viewer, &ToAgent::History { req: 9, after });
    match told.pop() {
        Some(FromAgent::History { req: 9, past, more }) => (past, more),
        other => panic!("no page: {other:?}"),
    }
}

fn ids(rig: &mut Rig, viewer: &mut Viewer) -> Vec<TerminalId> {
    let (past, _) = page(rig, viewer, None);
    past.into_iter().map(|past| past.id).collect()
}

fn forget(rig: &mut Rig, viewer: &mut Viewer, terminal: TerminalId) -> Option<String> {
    let told = rig.ask(viewer, &ToAgent::Forget { req: 7, terminal });
    told.iter().find_map(|message| match message {
        FromAgent::Refused { req: 7, reason } => Some(reason.code.clone()),
        _ => None,
    })
}

/// Opens a stream that plays, and grants what a viewer grants.
fn play(rig: &mut Rig, viewer: &mut Viewer, have: Option<u64>) -> Sealed {
    let minted = rig
        .mint_for(viewer, Wanted::View { terminal: PAST })
        .unwrap();
    let mut view = rig.open_sealed(viewer.origin, &minted);
    rig.send(&mut view, &ViewerRecord::ViewOpening { have, grid: GRID });
    view
}

fn bring(rig: &mut Rig, view: &Sealed, what: Watched) {
    rig.with(|core, now| core.watched(view.stream, what, now));
}

#[test]
fn the_history_comes_in_pages_the_latest_first_and_none_is_there_twice() {
    let (mut rig, mut viewer) = rig();
    let count = PAST_AT_ONCE * 2;
    rig.with(|core, _| {
        for n in 0..count {
            // Some ended in the same millisecond.
            core.put_past(past(numbered(n), 2000 + n as u64 / 3));
        }
    });
    let (mut all, mut after, mut pages) = (Vec::new(), None, 0);
    loop {
        let (past, more) = page(&mut rig, &mut viewer, after);
        pages += 1;
        after = past.last().map(|last| PastPlace {
            ended: last.ended,
            id: last.id,
        });
        all.extend(past);
        if !more {
            break;
        }
    }
    assert_eq!(pages, 3);
    assert_eq!(all.len(), count + 1);
    assert!(all.is_sorted_by(|a, b| (b.ended, a.id) < (a.ended, b.id)));
    assert_eq!(all.last().unwrap().id, PAST);
}

#[test]
fn a_page_of_the_longest_names_and_folders_fits_into_one_message() {
    let (mut rig, mut viewer) = rig();
    rig.with(|core, _| {
        for n in 0..=PAST_AT_ONCE {
            let name = "\u{10ffff}".repeat(NAME_MAX * 2);
            let cwd = format!("/{}", "\u{1}".repeat(LISTED_TEXT * 2));
            core.put_past(PastTerminal {
                name,
                cwd,
                started: UnixMs(u64::MAX >> 11),
                kept: u64::MAX >> 11,
                dropped: u64::MAX >> 11,
                ..past(numbered(n), u64::MAX >> 11)
            });
        }
    });
    let told = rig.ask(
        &mut viewer,
        &ToAgent::History {
            req: u32::MAX,
            after: None,
        },
    );
    let [FromAgent::History { past, .. }] = &told[..] else {
        panic!("no page: {told:?}")
    };
    assert_eq!(past.len(), PAST_AT_ONCE);
    assert!(msg::encode(&told[0]).len() < MESSAGE_MAX);
}

#[test]
fn a_terminal_is_not_in_the_history_while_it_lives_and_never_nowhere() {
    let (mut rig, mut viewer) = rig();
    rig.with(|core, _| core.put_past(past(TERMINAL, 2000)));
    assert_eq!(ids(&mut rig, &mut viewer), [PAST]);
    // While it lives it is watched, not played, and there is nothing to forget.
    assert_eq!(
        forget(&mut rig, &mut viewer, TERMINAL).as_deref(),
        Some("terminal-gone")
    );
    rig.view(&mut viewer);
    assert!(
        rig.effects
            .iter()
            .any(|e| matches!(e, Effect::Watch { .. }))
    );
    rig.with(|core, _| core.terminal_gone(TERMINAL));
    assert_eq!(ids(&mut rig, &mut viewer), [TERMINAL, PAST]);
}

#[test]
fn what_lies_outside_the_reach_of_a_device_does_not_exist_for_it() {
    let elsewhere = Reach {
        root: Some("/srv".into()),
        ..Reach::default()
    };
    let around = Reach {
        root: Some("/home/ada".into()),
        ..Reach::default()
    };
    let another = Reach {
        terminal: Some(TERMINAL),
        ..Reach::default()
    };
    let itself = Reach {
        terminal: Some(PAST),
        ..Reach::default()
    };
    for (reach, exists) in [
        (elsewhere, false),
        (another, false),
        (around, true),
        (itself, true),
    ] {
        let (mut rig, _) = rig();
        let mut viewer = reaching(&mut rig, reach.clone());
        let seen = ids(&mut rig, &mut viewer);
        assert_eq!(seen.contains(&PAST), exists, "{reach:?}");
        let minted = rig.mint_for(&mut viewer, Wanted::View { terminal: PAST });
        assert_eq!(
            minted.map(drop).err().as_deref(),
            (!exists).then_some("terminal-gone"),
            "{reach:?}"
        );
    }
}

#[test]
fn many_that_a_device_does_not_reach_hide_none_that_it_does() {
    let (mut rig, _) = rig();
    rig.with(|core, _| {
        for n in 0..PAST_AT_ONCE * 3 {
            let cwd = "/srv".into();
            core.put_past(PastTerminal {
                cwd,
                ..past(numbered(n), 2000)
            });
        }
    });
    let around = Reach {
        root: Some("/home/ada".into()),
        ..Reach::default()
    };
    let mut viewer = reaching(&mut rig, around);
    let (past, more) = page(&mut rig, &mut viewer, None);
    assert_eq!((past.len(), past[0].id, more), (1, PAST, false));
}

#[test]
fn nobody_types_into_what_has_ended_nor_renames_or_ends_it() {
    let (mut rig, mut viewer) = rig();
    let typing = rig.mint_for(&mut viewer, Wanted::Terminal { terminal: PAST });
    assert_eq!(typing.map(drop), Err("terminal-gone".into()));
    let name = "other".into();
    for wish in [
        ToAgent::Rename {
            req: 7,
            terminal: PAST,
            name,
        },
        ToAgent::End {
            req: 7,
            terminal: PAST,
        },
    ] {
        let told = rig.ask(&mut viewer, &wish);
        assert!(
            matches!(&told[..], [FromAgent::Refused { req: 7, reason }] if reason.code == "terminal-gone"),
            "{told:?}"
        );
    }
}

#[test]
fn a_device_that_may_only_watch_forgets_nothing() {
    let (mut rig, _) = rig();
    let mut viewer = reaching(&mut rig, Reach::default());
    assert_eq!(
        forget(&mut rig, &mut viewer, PAST).as_deref(),
        Some("not-granted")
    );
    assert!(
        !rig.effects
            .iter()
            .any(|e| matches!(e, Effect::ForgetPast { .. }))
    );
    assert_eq!(ids(&mut rig, &mut viewer), [PAST]);
}

#[test]
fn a_device_that_may_not_watch_is_told_no_history() {
    let (mut rig, _) = rig();
    let keys = Keys::new(5);
    let grant = rig.pair(&keys, &[Scope::Devices]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let told = rig.ask(
        &mut viewer,
        &ToAgent::History {
            req: 9,
            after: None,
        },
    );
    assert!(
        matches!(&told[..], [FromAgent::Refused { req: 9, reason }] if reason.code == "not-granted"),
        "{told:?}"
    );
}

#[test]
fn forgetting_is_answered_when_it_is_off_the_disk_and_whoever_played_it_is_told() {
    let (mut rig, mut viewer) = rig();
    let mut view = play(&mut rig, &mut viewer, None);
    for outcome in [Err(CloseCode::Internal), Ok(())] {
        assert_eq!(forget(&mut rig, &mut viewer, PAST), None);
        let at = rig
            .effects
            .iter()
            .position(|e| matches!(e, Effect::ForgetPast { .. }))
            .unwrap();
        let Effect::ForgetPast { terminal, wish } = rig.effects.remove(at) else {
            unreachable!()
        };
        assert_eq!(terminal, PAST);
        assert_eq!(rig.closed(view.stream), None);
        rig.with(|core, _| core.forgot(terminal, wish, outcome));
        let told = rig.told(&mut viewer);
        let done = told.contains(&FromAgent::Done { req: 7 });
        assert_eq!(done, outcome.is_ok(), "{told:?}");
        assert_eq!(ids(&mut rig, &mut viewer).is_empty(), outcome.is_ok());
    }
    assert!(matches!(
        rig.records(&mut view).last(),
        Some(AgentRecord::End(close)) if close.code == Some(CloseCode::TerminalGone)
    ));
    // Asked again, also by who may forget, it is as any that never was.
    for terminal in [PAST, numbered(1)] {
        assert_eq!(
            forget(&mut rig, &mut viewer, terminal).as_deref(),
            Some("terminal-gone")
        );
    }
}

#[test]
fn what_is_kept_is_played_with_its_times_and_ends_with_done() {
    let (mut rig, mut viewer) = rig();
    let mut view = play(&mut rig, &mut viewer, Some(4));
    assert!(rig.effects.iter().any(|effect| matches!(
        effect,
        Effect::Play { stream, terminal: PAST, have: Some(4) } if *stream == view.stream
    )));
    let bytes = Bytes::from_static(b"hello");
    for what in [
        Watched::Size(GRID),
        Watched::At(1500),
        Watched::Output {
            offset: 4,
            bytes: bytes.clone(),
        },
        Watched::At(9000),
        Watched::Exit(EXIT),
        Watched::Played,
    ] {
        bring(&mut rig, &view, what);
    }
    assert_eq!(
        rig.records(&mut view),
        [
            AgentRecord::Size(GRID),
            AgentRecord::At(1500),
            AgentRecord::Output { offset: 4, bytes },
            AgentRecord::At(9000),
            AgentRecord::Exit(EXIT),
            AgentRecord::End(CloseCode::Done.into()),
        ]
    );
    assert_eq!(rig.closed(view.stream), Some(CloseCode::Done));
    assert!(
        rig.effects
            .iter()
            .any(|e| matches!(e, Effect::Unwatch(stream) if *stream == view.stream))
    );
    // Said in the session too it could overtake the last output on another stream.
    let told = rig.told(&mut viewer);
    assert!(
        !told.iter().any(|m| matches!(m, FromAgent::Ended { .. })),
        "{told:?}"
    );
    assert_eq!(rig.core.leases.iter().count(), 0);
}

#[test]
fn the_end_waits_until_the_viewer_has_taken_all_that_was_played() {
    let (mut rig, mut viewer) = rig();
    let mut view = play(&mut rig, &mut viewer, None);
    let piece = Bytes::from(vec![b'x'; 32 * 1024]);
    let pieces = u64::from(STREAM_WINDOW) / 32_768 * 3;
    for n in 0..pieces {
        let (offset, bytes) = (n * 32_768, piece.clone());
        bring(&mut rig, &view, Watched::Output { offset, bytes });
    }
    bring(&mut rig, &view, Watched::Played);
    let mut records = rig.records(&mut view);
    assert!((records.len() as u64) < pieces, "it all fitted at once");
    assert_eq!(rig.closed(view.stream), None);
    let mut grants = 0;
    while rig.closed(view.stream).is_none() {
        grants += 1;
        assert!(grants < 1000, "it never ends");
        rig.hear(&Frame::Credit(view.stream, 20_000));
        records.extend(rig.records(&mut view));
    }
    let output = records
        .iter()
        .filter(|r| matches!(r, AgentRecord::Output { .. }));
    assert_eq!(output.count() as u64, pieces);
    assert!(matches!(
        records.last(),
        Some(AgentRecord::End(close)) if close.code == Some(CloseCode::Done)
    ));
}

#[test]
fn a_recording_of_nothing_but_sizes_is_pulled_no_faster_than_it_is_taken() {
    let (mut rig, mut viewer) = rig();
    let view = play(&mut rig, &mut viewer, None);
    let pulled = |rig: &Rig| -> u64 {
        let pulls = rig.effects.iter().filter_map(|effect| match effect {
            Effect::Pull(of, bytes) if *of == view.stream => Some(u64::from(*bytes)),
            _ => None,
        });
        pulls.sum()
    };
    let mut brought: u64 = 0;
    // Whoever plays stops when nothing is left of what was pulled.
    while brought < pulled(&rig) {
        brought += 2 * u64::from(PLAYED_SMALL);
        assert!(brought < 8 * 1024 * 1024, "it is pulled without end");
        bring(&mut rig, &view, Watched::At(brought));
        bring(&mut rig, &view, Watched::Size(GRID));
    }
    assert!(brought > 0);
}

#[test]
fn a_repeated_wish_for_a_terminal_that_has_ended_does_not_begin_another_after_a_restart() {
    let (mut rig, mut viewer) = rig();
    let create = ToAgent::Create {
        req: 5,
        key: b64::Bytes([1; 16]),
        name: String::new(),
        grid: GRID,
    };
    rig.ask(&mut viewer, &create);
    let at = rig
        .effects
        .iter()
        .position(|e| matches!(e, Effect::Spawn { .. }))
        .unwrap();
    let Effect::Spawn { terminal, .. } = rig.effects.remove(at) else {
        unreachable!()
    };
    // An agent that is started anew knows of it only what is on disk.
    let (mut rig, mut viewer) = self::rig();
    rig.with(|core, _| core.put_past(past(terminal, 3000)));
    let told = rig.ask(&mut viewer, &create);
    assert!(
        matches!(&told[..], [FromAgent::Refused { req: 5, reason }] if reason.code == "terminal-gone"),
        "{told:?}"
    );
}

#[test]
fn of_too_many_the_earliest_is_forgotten_also_on_disk() {
    let (mut rig, mut viewer) = rig();
    rig.with(|core, _| {
        for n in 0..PAST_MAX {
            core.put_past(past(numbered(n), 2000 + n as u64));
        }
    });
    let forgotten: Vec<_> = rig
        .effects
        .iter()
        .filter_map(|effect| match effect {
            Effect::ForgetPast {
                terminal,
                wish: None,
            } => Some(*terminal),
            _ => None,
        })
        .collect();
    assert_eq!(forgotten, [PAST]);
    let minted = rig.mint_for(&mut viewer, Wanted::View { terminal: PAST });
    assert_eq!(minted.map(drop), Err("terminal-gone".into()));
}
