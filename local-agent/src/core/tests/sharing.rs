//! Terminals that several viewers see: their names, who drives, and whom a slow viewer holds back.

use super::rig::{GRID, Keys, Rig, TERMINAL, Viewer, key};
use super::{BOTH, CONN};
use crate::core::{Effect, Watched};
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Frame;
use lanyard_shared::ids::{ConnId, WriterId};
use lanyard_shared::limits::{DRIVER_HEARTBEAT, NAME_MAX};
use lanyard_shared::msg::{Driver, FromAgent, Reason, Scope, Terminal, ToAgent};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use std::time::Duration;

/// The first two devices, each in a session.
fn two(rig: &mut Rig) -> (Viewer, Viewer) {
    let (first, second) = (Keys::new(3), Keys::new(4));
    let (grant1, grant2) = (rig.pair(&first, BOTH), rig.pair(&second, BOTH));
    let viewer1 = rig.session(&first, &grant1, CONN);
    let viewer2 = rig.session(&second, &grant2, ConnId([41; 16]));
    (viewer1, viewer2)
}

/// The terminal as a viewer was told last.
fn listed(told: &[FromAgent]) -> Option<&Terminal> {
    told.iter().rev().find_map(|message| match message {
        FromAgent::Terminals { terminals } | FromAgent::Welcome { terminals, .. } => {
            terminals.first()
        }
        _ => None,
    })
}

fn rename(rig: &mut Rig, viewer: &mut Viewer, name: &str) -> Vec<FromAgent> {
    let name = name.to_owned();
    let wish = ToAgent::Rename {
        req: 7,
        terminal: TERMINAL,
        name,
    };
    rig.ask(viewer, &wish)
}

/// The wish to write a name down, answered.
fn wrote(rig: &mut Rig, outcome: Result<(), CloseCode>) -> Option<String> {
    let at = rig
        .effects
        .iter()
        .position(|effect| matches!(effect, Effect::Rename { .. }))?;
    let Effect::Rename {
        terminal,
        name,
        wish,
    } = rig.effects.remove(at)
    else {
        return None;
    };
    rig.with(|core, _| core.renamed(terminal, name.clone(), wish, outcome));
    Some(name)
}

#[test]
fn a_new_name_is_on_disk_before_anyone_hears_of_it_and_then_all_do() {
    let mut rig = Rig::new();
    let (mut viewer, mut other) = two(&mut rig);
    let said = rename(&mut rig, &mut viewer, "build");
    assert!(
        said.iter().all(|m| !matches!(m, FromAgent::Done { .. })),
        "{said:?}"
    );
    assert_eq!(wrote(&mut rig, Ok(())).as_deref(), Some("build"));
    let told = rig.told(&mut viewer);
    assert!(told.contains(&FromAgent::Done { req: 7 }), "{told:?}");
    for told in [told, rig.told(&mut other)] {
        assert_eq!(listed(&told).unwrap().name, "build");
    }
    // A holder that was started under the old name says something: the new one stays.
    rig.with(|core, _| {
        let mut terminal = core.terminals().remove(0);
        (terminal.name, terminal.title) = ("one".into(), "vim".into());
        core.put_terminal(terminal);
    });
    let told = rig.told(&mut viewer);
    let terminal = listed(&told).unwrap();
    assert_eq!(
        (terminal.name.as_str(), terminal.title.as_str()),
        ("build", "vim")
    );
}

#[test]
fn a_name_that_cannot_be_written_down_stays_as_it_was() {
    let mut rig = Rig::new();
    let (mut viewer, _) = two(&mut rig);
    rename(&mut rig, &mut viewer, "build");
    wrote(&mut rig, Err(CloseCode::TerminalGone));
    let told = rig.told(&mut viewer);
    let refused = FromAgent::Refused {
        req: 7,
        reason: Reason::from(CloseCode::TerminalGone),
    };
    assert_eq!(told, [refused]);
    assert_eq!(rig.core.terminals()[0].name, "one");
}

#[test]
fn a_name_is_cleaned_of_what_a_person_cannot_see_and_is_not_too_long() {
    let mut rig = Rig::new();
    let (mut viewer, _) = two(&mut rig);
    for (wanted, given) in [
        ("  a\u{1b}[31m\u{202e}b\u{200b}\r\n ", "a[31mb"),
        (&"x".repeat(500), &"x".repeat(NAME_MAX)),
        // Nothing is left of it: the machine chooses.
        (" \u{200f} ", "work"),
    ] {
        rename(&mut rig, &mut viewer, wanted);
        assert_eq!(wrote(&mut rig, Ok(())).as_deref(), Some(given));
    }
}

#[test]
fn giving_the_name_back_to_the_machine_twice_is_giving_it_back_once() {
    let mut rig = Rig::new();
    let (mut viewer, _) = two(&mut rig);
    for _ in 0..2 {
        rename(&mut rig, &mut viewer, "");
        assert_eq!(wrote(&mut rig, Ok(())).as_deref(), Some("work"));
    }
}

#[test]
fn a_guest_that_may_only_watch_renames_nothing() {
    let mut rig = Rig::new();
    let keys = Keys::new(3);
    let grant = rig.pair(&keys, &[Scope::View]);
    let mut viewer = rig.session(&keys, &grant, CONN);
    let told = rename(&mut rig, &mut viewer, "mine");
    assert!(
        matches!(told.last(), Some(FromAgent::Refused { reason, .. }) if reason.code == "not-granted")
    );
    assert_eq!(wrote(&mut rig, Ok(())), None);
}

#[test]
fn everyone_is_told_which_device_drives_and_that_device_that_it_is_itself() {
    let mut rig = Rig::new();
    let (mut viewer1, mut viewer2) = two(&mut rig);
    let driver = |yours| {
        Some(Driver {
            name: "Test".into(),
            yours,
        })
    };
    let mut typist = rig.typist(&mut viewer1);
    assert_eq!(
        listed(&rig.told(&mut viewer1)).unwrap().driver,
        driver(true)
    );
    assert_eq!(
        listed(&rig.told(&mut viewer2)).unwrap().driver,
        driver(false)
    );
    // Who comes later knows it from the start.
    let (keys, conn) = (Keys::new(5), ConnId([42; 16]));
    let grant = rig.pair(&keys, BOTH);
    let mut late = rig.session(&keys, &grant, conn);
    assert_eq!(rig.core.terminals()[0].driver, driver(false));
    drop(rig.told(&mut late));

    // The typist goes; the wheel is free, and all are told.
    rig.hear(&Frame::Close(typist.stream, CloseCode::Done.into()));
    assert_eq!(listed(&rig.told(&mut viewer2)).unwrap().driver, None);
    typist = rig.typist(&mut viewer2);
    rig.send(&mut typist, &key(1, "x"));
    assert_eq!(
        listed(&rig.told(&mut viewer2)).unwrap().driver,
        driver(true)
    );
    assert_eq!(
        listed(&rig.told(&mut viewer1)).unwrap().driver,
        driver(false)
    );
}

#[test]
fn a_page_that_is_back_on_another_link_drives_on_though_its_dead_one_still_seems_to_stand() {
    let mut rig = Rig::new();
    let (keys, other) = (Keys::new(3), Keys::new(4));
    let (grant, others) = (rig.pair(&keys, BOTH), rig.pair(&other, BOTH));
    let mut before = rig.session(&keys, &grant, CONN);
    let mut dead = rig.typist(&mut before);
    drop(rig.records(&mut dead));
    // Another device that says the same name, and another page of the same device, only watch.
    let mut guest = rig.session(&other, &others, ConnId([41; 16]));
    let mut watching = rig.typist(&mut guest);
    let drives = |driver| AgentRecord::Opened { last: 0, driver };
    assert_eq!(rig.records(&mut watching), [drives(false)]);
    let mut again = rig.session(&keys, &grant, ConnId([42; 16]));
    let mut beside = rig.typist_of(&mut again, WriterId([99; 16]));
    assert_eq!(rig.records(&mut beside), [drives(false)]);

    let mut back = rig.typist(&mut again);
    let told = rig.records(&mut back);
    assert_eq!(told.first(), Some(&drives(true)));
    rig.send(&mut back, &key(1, "x"));
    assert_eq!(rig.typed(), [(1, Bytes::from_static(b"x"))]);
    // What was still on its way on the dead link is typed by nobody.
    rig.send(&mut dead, &key(1, "x"));
    assert_eq!(rig.typed(), []);
}

#[test]
fn a_guest_that_stops_reading_holds_nobody_back_and_keeps_little_here() {
    let mut rig = Rig::new();
    let (mut viewer, mut guest) = two(&mut rig);
    rig.typist(&mut viewer);
    let view = rig.view(&mut viewer);
    let stalled = rig.view(&mut guest);
    let paces = |rig: &Rig, stream| {
        let mut paces = false;
        for effect in &rig.effects {
            match effect {
                Effect::Watch {
                    stream: of, pace, ..
                } if *of == stream => paces = *pace,
                Effect::Pace(of, pace) if *of == stream => paces = *pace,
                _ => {}
            }
        }
        paces
    };
    assert!(paces(&rig, view.stream));
    assert!(!paces(&rig, stalled.stream));
    // The guest gives no credit back. What its watch may bring is bounded by what it gave once.
    let allowed = |rig: &Rig, stream| {
        rig.effects
            .iter()
            .filter_map(|effect| match effect {
                Effect::Pull(of, bytes) if *of == stream => Some(u64::from(*bytes)),
                _ => None,
            })
            .sum::<u64>()
    };
    let most = allowed(&rig, stalled.stream);
    let piece = Bytes::from(vec![b'x'; 32 * 1024]);
    for n in 0..most / 32_768 {
        let output = Watched::Output {
            offset: n * 32_768,
            bytes: piece.clone(),
        };
        rig.with(|core, now| core.watched(stalled.stream, output, now));
    }
    let more = allowed(&rig, stalled.stream) - most;
    assert!(more < 64 * 1024, "{more} bytes more were asked for");
    assert_eq!(rig.closed(stalled.stream), None);
}

#[test]
fn a_driver_whose_heartbeat_stops_no_longer_holds_back_the_terminal_and_may_again_when_it_is_back()
{
    let mut rig = Rig::new();
    let (mut viewer, _) = two(&mut rig);
    let view = rig.view(&mut viewer);
    let mut typist = rig.typist(&mut viewer);
    let changes = |rig: &mut Rig| {
        let mut changes = Vec::new();
        rig.effects.retain(|effect| match effect {
            Effect::Pace(stream, pace) => {
                assert_eq!(*stream, view.stream);
                changes.push(*pace);
                false
            }
            _ => true,
        });
        changes
    };
    assert_eq!(changes(&mut rig), [true]);
    rig.pass(DRIVER_HEARTBEAT - Duration::from_secs(1));
    assert!(changes(&mut rig).is_empty());
    rig.pass(Duration::from_secs(2));
    assert_eq!(changes(&mut rig), [false]);
    // It answers again: one more look, and it counts.
    rig.send(&mut typist, &ViewerRecord::TakeOver);
    assert_eq!(changes(&mut rig), [true]);
    let grid = lanyard_shared::msg::Grid {
        cols: GRID.cols + 1,
        rows: GRID.rows,
    };
    rig.send(&mut typist, &ViewerRecord::Resize(grid));
    assert!(
        rig.records(&mut typist)
            .iter()
            .all(|record| !matches!(record, AgentRecord::Driver(false)))
    );
}
