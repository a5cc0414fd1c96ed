//! Holders and those who drive them may be of neighbouring versions.

#![allow(
    clippy::unwrap_used,
    clippy::wildcard_enum_match_arm,
    reason = "a test ends at its first surprise"
)]

mod common;

use std::path::Path;

use bytes::BytesMut;
use common::{Held, Viewer, config};
use lanyard_holder::client::{HolderConn, list};
use lanyard_holder::spawn_detached;
use lanyard_holder::wire::{
    Decoder, ExitStatus, FromClient, FromHolder, Kind, Message, OLDEST, VERSION,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

const FIRST: &str = env!("CARGO_BIN_EXE_holder-v1");

#[tokio::test]
async fn what_a_holder_of_the_first_version_holds_is_watched_typed_into_and_ended() {
    let dir = tempfile::tempdir().unwrap();
    let script = "stty -echo; echo ready; read word; stty size; echo got-$word; exit 3";
    let config = config(dir.path(), &["/bin/sh", "-c", script]);
    let spawned = spawn_detached(Path::new(FIRST), &config).await.unwrap();
    let held = Held { dir, spawned };
    let found = list(held.dir.path()).await.unwrap().found;
    assert_eq!(found[0].meta.version, 1);

    let watch = async |have| {
        let kind = Kind::Watch { have, pace: true };
        let mut viewer = Viewer::new(HolderConn::connect(&found[0].socket, kind).await.unwrap());
        assert_eq!(viewer.conn.welcome.version, 1);
        viewer.say(FromClient::Credit(u32::MAX)).await;
        viewer
    };
    let mut first = watch(Some(0)).await;
    first.until_text("ready").await;
    // It does not know this one, and must not be made to end the connection over it.
    first.say(FromClient::OrphanAfter(5)).await;
    first.say(FromClient::Resize { cols: 90, rows: 30 }).await;
    first.until(|viewer| viewer.sizes == [(90, 30)]).await;
    let mut late = watch(None).await;
    let shown = |viewer: &Viewer| String::from_utf8_lossy(&viewer.snapshots[0].1).into_owned();
    late.until(|viewer| !viewer.snapshots.is_empty() && shown(viewer).contains("ready"))
        .await;
    first.type_bytes(b"word\n").await;
    first.until(|viewer| viewer.applied == [1]).await;
    for viewer in [&mut first, &mut late] {
        assert_eq!(viewer.until_exit().await, ExitStatus::Code(3));
        assert!(
            viewer.text().contains("30 90\r\ngot-word"),
            "{}",
            viewer.text()
        );
    }
    first.say(FromClient::Forget).await;
    first.until_closed().await;
    assert!(list(held.dir.path()).await.unwrap().found.is_empty());
}

/// An agent that runs on while its program is replaced starts holders that are newer than itself.
#[tokio::test]
async fn a_client_of_every_version_still_spoken_is_answered_in_its_own() {
    let held = Held::start(&["/bin/cat"]).await;
    for version in OLDEST..=VERSION {
        let mut bytes = BytesMut::new();
        let kind = Kind::Control;
        FromClient::Hello { version, kind }.encode(&mut bytes);
        let mut stream = UnixStream::connect(&held.spawned.socket).await.unwrap();
        stream.write_all(&bytes).await.unwrap();
        let mut decoder = Decoder::<FromHolder>::default();
        let welcome = loop {
            if let Some(message) = decoder.next().unwrap() {
                break message;
            }
            assert_ne!(stream.read_buf(decoder.buffer()).await.unwrap(), 0);
        };
        let FromHolder::Welcome(welcome) = welcome else {
            panic!("{welcome:?}")
        };
        assert_eq!(welcome.version, version);
    }
}
