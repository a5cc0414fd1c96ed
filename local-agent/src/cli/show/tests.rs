use super::*;
use crate::limits::ANY_WIDTH;
use lanyard_shared::access::{InvitationEntry, KeyEntry, KeyKind, TokenEntry};
use lanyard_shared::ids::{AgentId, ConnId, TokenId};
use std::time::Duration;

/// 2026-03-01 12:00:00 UTC.
const NOW: UnixMs = UnixMs::from_secs(1_772_366_400);
const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

fn device(id: u8, name: &str) -> DeviceEntry {
    DeviceEntry {
        id: DeviceId([id; 16]),
        name: name.to_owned(),
        scopes: vec![Scope::View, Scope::Terminal],
        reach: Reach::default(),
        paired: UnixMs(NOW.0 - 3_600_000),
        seen: UnixMs(NOW.0 - 60_000),
        from: "192.0.2.7".to_owned(),
        expires: NOW + DAY * 30,
        until: None,
        keys_end: NOW + DAY * 90,
        sessions: 1,
        suspended: false,
        changing_keys: false,
        yours: false,
    }
}

fn full() -> Status {
    let mut guest = device(2, "a \u{202e}friend");
    guest.scopes = vec![Scope::View];
    guest.reach.root = Some("/srv/project".to_owned());
    guest.until = Some(NOW + HOUR);
    guest.expires = NOW + HOUR;
    Status {
        online: true,
        since: Some(UnixMs(NOW.0 - 7_200_000)),
        trouble: None,
        gap: None,
        relay: "https://relay.example".to_owned(),
        web: None,
        agent: AgentId([9; 16]),
        sessions: 2,
        terminals: Vec::new(),
        time: NOW,
        locked: false,
        devices: vec![device(1, "Pixel"), guest],
        tokens: vec![TokenEntry {
            jti: TokenId([3; 16]),
            purpose: Scope::Terminal,
            device: DeviceId([1; 16]),
            conn: ConnId([4; 16]),
            from: "192.0.2.7".to_owned(),
            about: "build".to_owned(),
            issued: UnixMs(NOW.0 - 107_000),
            expires: NOW + Duration::from_secs(193),
            used: UnixMs(NOW.0 - 5_000),
            attached: true,
        }],
        keys: vec![KeyEntry {
            kind: KeyKind::Identity,
            since: Some(UnixMs(NOW.0 - 86_400_000)),
            ends: Some(NOW + DAY * 364),
        }],
        invitations: vec![InvitationEntry {
            scopes: vec![Scope::View],
            reach: Reach::default(),
            since: NOW,
            expires: NOW + Duration::from_secs(300),
            stays: Some(1800),
            without_asking: false,
        }],
        warning: String::new(),
        clock_behind: None,
        findings: Vec::new(),
    }
}

#[test]
fn every_live_credential_is_a_row_with_its_life_and_what_keeps_it() {
    let lines = tokens(&full(), ANY_WIDTH);
    let said = lines.join("\n");
    assert_eq!(lines.len(), 1 + 1 + 1 + 2 * 2 + 1 + 1, "{said}");
    for part in [
        "identity key",
        "share link",
        "whom you let in",
        "in 364 d (2027-02-28)",
        "device keys",
        "view,terminal",
        "view, only below /srv/project",
        "1:47 ago",
        "in 3:13 (12:03:13)",
        "keys pressed",
        "192.0.2.7",
    ] {
        assert!(said.contains(part), "{part} is missing: {said}");
    }
    assert!(
        lines.last().is_some_and(|last| last.starts_with(
            "first to stop: typing from Pixel (build) in 3:12 unless a key is pressed"
        )),
        "{said}"
    );
}

#[test]
fn a_narrow_terminal_gets_a_block_for_each_and_a_wide_one_aligned_columns() {
    let narrow = tokens(&full(), 60);
    assert!(
        narrow.iter().any(|line| line == "OF          Pixel"),
        "{narrow:?}"
    );
    let wide = tokens(&full(), ANY_WIDTH);
    let column = wide[0].find("ENDS").unwrap_or(0);
    assert!(wide[1][column..].starts_with("in 364 d"), "{wide:?}");
}

#[test]
fn a_share_is_listed_with_its_end_and_what_it_reaches_and_no_name_hides_anything() {
    let said = devices(&full(), ANY_WIDTH).join("\n");
    assert!(
        said.contains("shared until 13:00:00 (in 1 h 00 min)"),
        "{said}"
    );
    assert!(said.contains("only below /srv/project"), "{said}");
    assert!(
        said.contains("a \\u{202e}friend") && !said.contains('\u{202e}'),
        "{said}"
    );
}

#[test]
fn the_lock_is_said_first_and_warnings_last() {
    let mut machine = full();
    machine.locked = true;
    machine.clock_behind = Some(NOW + DAY);
    machine.warning = "the clock is 40 s off".to_owned();
    for lines in [
        status(&machine, 80),
        devices(&machine, 80),
        tokens(&machine, 80),
    ] {
        assert!(lines[0].starts_with("locked"), "{lines:?}");
        let said = lines.join("\n");
        assert!(said.contains("warning: the clock is behind"), "{said}");
        assert!(said.ends_with("warning: the clock is 40 s off"), "{said}");
    }
}

#[test]
fn what_is_over_says_so() {
    assert_eq!(when(NOW, UnixMs(NOW.0 - 5_000)), "over since 0:05");
    assert_eq!(ago(NOW, UnixMs::default()), "never");
    assert_eq!(
        when(NOW, NOW + HOUR * 20),
        "in 20 h 00 min (2026-03-02 08:00)"
    );
}

#[test]
fn the_link_is_told_with_since_when_and_why_not_and_a_sleep_with_when_it_was() {
    let mut machine = full();
    assert_eq!(
        status(&machine, 80)[0],
        "connected for 2 h 00 min (since 10:00:00 UTC)"
    );
    machine.online = false;
    machine.trouble = Some(crate::daemon::owner::Trouble {
        sentence: "this device has no network".to_owned(),
        hint: "it goes on by itself when there is one".to_owned(),
    });
    let yesterday = UnixMs(NOW.0 - 14 * 3_600_000);
    machine.gap = Some(crate::daemon::owner::Gap {
        from: yesterday,
        to: UnixMs(NOW.0 - 3_600_000),
        asleep: true,
    });
    let lines = status(&machine, 80);
    let told = [
        "not connected for 2 h 00 min (since 10:00:00 UTC)",
        "why        this device has no network",
        "hint: it goes on by itself when there is one",
        "next       it is tried again by itself, without end",
        "was asleep from 2026-02-28 22:00:00 UTC to 11:00:00 UTC (13 h 00 min)",
    ];
    assert_eq!(lines[..told.len()], told);
    machine.gap = machine.gap.map(|gap| crate::daemon::owner::Gap {
        asleep: false,
        ..gap
    });
    assert!(status(&machine, 80)[4].starts_with("did not run from"));
}
