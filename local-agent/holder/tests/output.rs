//! Output: resumed exactly, held back only by those who may, never lost to a driver.

#![allow(clippy::unwrap_used, reason = "a test ends at its first surprise")]

mod common;

use common::{BIN, Held, Viewer, assert_pattern};
use lanyard_holder::limits;
use lanyard_holder::screen::Screen;
use lanyard_holder::wire::{ExitStatus, FromClient, Kind};

const MIB: u64 = 1024 * 1024;

#[tokio::test]
async fn a_viewer_goes_on_exactly_where_it_left() {
    let held = Held::start(&[BIN, "emit", "100000"]).await;
    let mut all = held.watch().await;
    assert_eq!(all.until_exit().await, ExitStatus::Code(0));
    assert_eq!(all.output.len(), 100_000);
    assert_pattern(&all.output, 0);
    for have in [1, 4095, 65_536, 99_999, 100_000] {
        let mut again = held.watch_from(Some(have), false).await;
        again.until_exit().await;
        assert_eq!(again.output.len() as u64, 100_000 - have);
        assert_pattern(&again.output, have);
        assert!(again.snapshots.is_empty());
    }
}

#[tokio::test]
async fn an_offset_that_is_gone_or_not_yet_there_brings_a_snapshot() {
    let held = Held::start(&[BIN, "emit", &(4 * MIB).to_string()]).await;
    held.watch().await.until_exit().await;
    for have in [
        None,
        Some(0),
        Some(2 * MIB - 1),
        Some(4 * MIB + 1),
        Some(u64::MAX),
    ] {
        let mut late = held.watch_from(have, false).await;
        late.until_exit().await;
        assert_eq!(late.snapshots.len(), 1);
        assert_eq!(late.snapshots[0].0, 4 * MIB);
        assert!(late.output.is_empty());
    }
    let mut in_time = held.watch_from(Some(2 * MIB), false).await;
    in_time.until_exit().await;
    assert_pattern(&in_time.output, 2 * MIB);
    assert!(in_time.snapshots.is_empty());
}

#[tokio::test]
async fn all_of_a_large_output_reaches_a_pacing_watcher_byte_for_byte() {
    let total = 64 * MIB;
    let held = Held::start(&[BIN, "emit", &total.to_string()]).await;
    let mut driver = held.watch().await;
    let mut seen = 0;
    while driver.exit.is_none() {
        assert!(driver.step().await);
        assert_pattern(&driver.output, seen);
        seen += driver.output.len() as u64;
        driver.output.clear();
    }
    assert_eq!((seen, driver.snapshots.len()), (total, 0));
}

#[tokio::test]
async fn a_guest_without_credit_does_not_slow_the_driver_and_gets_a_snapshot_when_it_wakes() {
    let held = Held::start(&[BIN, "emit", &(8 * MIB).to_string()]).await;
    let mut guest = Viewer::new(
        held.connect(Kind::Watch {
            have: Some(0),
            pace: false,
        })
        .await,
    );
    let mut driver = held.watch().await;
    driver.until_exit().await;
    assert_eq!(driver.output.len() as u64, 8 * MIB);
    assert_pattern(&driver.output, 0);
    guest.say(FromClient::Credit(u32::MAX)).await;
    guest.until_exit().await;
    assert_eq!(guest.snapshots.len(), 1);
    assert!(guest.output.is_empty());
}

/// Asks for the state until the output stands at `head`.
async fn until_head(held: &Held, head: u64) {
    while held.connect(Kind::Control).await.welcome.head != head {}
}

#[tokio::test]
async fn a_driver_without_credit_holds_back_the_pty_and_then_gets_everything() {
    let held = Held::start(&["/bin/sh", "-c", "read go; exec \"$0\" emit 16777216", BIN]).await;
    let mut driver = Viewer::new(
        held.connect(Kind::Watch {
            have: Some(0),
            pace: true,
        })
        .await,
    );
    driver.type_bytes(b"\n").await;
    until_head(&held, limits::PACE_WINDOW).await;
    for _ in 0..200 {
        assert_eq!(
            held.connect(Kind::Control).await.welcome.head,
            limits::PACE_WINDOW
        );
    }
    assert!(held.memory() < 5 * MIB, "{}", held.memory());
    driver.say(FromClient::Credit(1000)).await;
    until_head(&held, limits::PACE_WINDOW + 1000).await;
    driver.say(FromClient::Credit(u32::MAX)).await;
    driver.until_exit().await;
    let echo = driver.output.len() - 16 * MIB as usize;
    assert_pattern(&driver.output[echo..], 0);
}

#[tokio::test]
async fn a_driver_that_stops_pacing_or_leaves_lets_the_shell_go_on() {
    for leaves in [false, true] {
        // What starts before the driver is there is not paced at all.
        let held = Held::start(&["/bin/sh", "-c", "read go; exec \"$0\" emit 4194304", BIN]).await;
        let mut driver = Viewer::new(
            held.connect(Kind::Watch {
                have: Some(0),
                pace: true,
            })
            .await,
        );
        driver.type_bytes(b"\n").await;
        until_head(&held, limits::PACE_WINDOW).await;
        if leaves {
            drop(driver);
        } else {
            driver.say(FromClient::Pace(false)).await;
        }
        let echo = "\r\n".len() as u64;
        until_head(&held, echo + 4 * MIB).await;
    }
}

#[tokio::test]
async fn credit_is_never_exceeded_not_even_by_a_snapshot() {
    let held = Held::start(&["/bin/sh", "-c", "seq 1 300; echo end"]).await;
    held.watch().await.until_exit().await;
    let mut late = Viewer::new(
        held.connect(Kind::Watch {
            have: None,
            pace: false,
        })
        .await,
    );
    let mut granted = 0;
    while late.exit.is_none() {
        late.say(FromClient::Credit(10)).await;
        granted += 10;
        let got = |viewer: &Viewer| {
            viewer.output.len() + viewer.snapshots.first().map_or(0, |(_, bytes)| bytes.len())
        };
        late.until(|viewer| got(viewer) == granted || viewer.exit.is_some())
            .await;
        assert!(got(&late) <= granted);
    }
    let mut screen = Screen::new(80, 24);
    screen.feed(&late.snapshots[0].1);
    assert!(String::from_utf8_lossy(&screen.snapshot()).contains("\r\n300\r\nend"));
}

#[tokio::test]
async fn a_character_cut_by_a_read_is_whole_for_one_who_comes_in_between() {
    let held = Held::start(&[
        "/bin/sh",
        "-c",
        "stty -echo; printf 'a\\303'; read go; printf '\\251b'",
    ])
    .await;
    let mut driver = held.watch().await;
    driver
        .until(|viewer| viewer.output.ends_with(b"a\xc3"))
        .await;
    let mut late = held.watch_from(None, false).await;
    late.until(|viewer| viewer.output == [0xc3]).await;
    assert_eq!(late.snapshots[0].0 + 1, driver.offset);
    driver.type_bytes(b"\n").await;
    late.until_exit().await;
    assert_eq!(late.text(), "éb");
}

#[tokio::test]
async fn a_title_is_told_and_kept_for_those_who_come_later() {
    let script = "read go; printf '\\033]2;building\\007'; read go";
    let held = Held::start(&["/bin/sh", "-c", script]).await;
    let mut watcher = held.watch().await;
    watcher.type_bytes(b"\n").await;
    watcher.until(|viewer| viewer.titles == ["building"]).await;
    assert_eq!(held.connect(Kind::Control).await.welcome.title, "building");
}

#[tokio::test]
async fn an_idle_holder_is_small() {
    let held = Held::start(&["/bin/sh", "-c", "echo here; read go"]).await;
    let mut watcher = held.watch().await;
    watcher.until_text("here").await;
    assert!(held.memory() < 2 * MIB, "{}", held.memory());
}
