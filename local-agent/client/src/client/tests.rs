//! Handles without a task behind them, and what happens when there is nobody to dial.

use super::engine::Command;
use super::{Client, Keyboard, TerminalHandle};
use crate::core::TerminalEvent;
use crate::keys::{Device, Machine};
use bytes::Bytes;
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, TerminalId};
use lanyard_shared::time::UnixMs;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// What was typed into a scripted handle.
pub(crate) struct Typed(pub Bytes);

/// A handle whose events a test sends, and what is typed into it. To be called inside a runtime.
pub(crate) fn scripted() -> (
    TerminalHandle,
    UnboundedSender<TerminalEvent>,
    UnboundedReceiver<Typed>,
) {
    let (commands, mut orders) = unbounded_channel();
    let (events, incoming) = unbounded_channel();
    let (keys, typed) = unbounded_channel();
    tokio::spawn(async move {
        while let Some(command) = orders.recv().await {
            if let Command::Type { bytes, room, .. } = command {
                let _ = keys.send(Typed(bytes));
                let _ = room.send(());
            }
        }
    });
    (
        TerminalHandle::new(TerminalId([1; 16]), Keyboard::new(0, commands), incoming),
        events,
        typed,
    )
}

fn machine(port: u16) -> Machine {
    Machine {
        agent: AgentId([1; 16]),
        noise_key: b64::Bytes([9; 32]),
        relay: format!("http://127.0.0.1:{port}"),
        fingerprint: None,
        grant: "grant".to_owned(),
        expires: UnixMs(0),
        scopes: vec![],
        name: "desk".to_owned(),
        user: "me".to_owned(),
        identity: None,
        serial: 1,
        generation: 0,
        keys: None,
    }
}

fn device() -> Device {
    Device::from_secrets(&[1; 32], &[2; 32], "test")
}

#[tokio::test]
async fn a_relay_that_is_not_there_is_one_error_with_a_hint() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let failure = Client::connect(&device(), &machine(port))
        .await
        .unwrap_err();
    assert!(
        failure.sentence().contains("cannot be reached"),
        "{failure}"
    );
    assert!(failure.hint().contains("lanyard-relay serve"));
}

#[tokio::test]
async fn what_another_server_says_is_shown_without_its_control_characters() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let server = async {
        let (mut stream, _) = listener.accept().await.unwrap();
        let mut request = [0; 1024];
        let _ = stream.read(&mut request).await.unwrap();
        let body = "\x1b[2Jno such thing";
        let head = format!(
            "HTTP/1.1 404 Not Found\r\ncontent-length: {}\r\n\r\n{body}",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream
    };
    let (device, machine) = (device(), machine(port));
    let (outcome, _stream) = tokio::join!(Client::connect(&device, &machine), server);
    let failure = outcome.unwrap_err();
    assert!(failure.sentence().contains("refused"), "{failure}");
    assert!(!failure.sentence().contains('\x1b'));
}

#[tokio::test]
async fn a_closed_viewer_says_so_to_whoever_still_holds_it() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let client = Client::start(&device(), &machine(listener.local_addr().unwrap().port())).unwrap();
    let grid = lanyard_shared::msg::Grid { cols: 80, rows: 24 };
    let mut handle = client
        .open(TerminalId([1; 16]), grid, crate::core::Mode::Drive)
        .unwrap();
    let other = client.clone();
    client.close().await;
    assert!(matches!(
        handle.next().await,
        Some(TerminalEvent::Input(_) | TerminalEvent::Ended(_))
    ));
    assert!(other.create(grid, "").await.is_err());
    while handle.next().await.is_some() {}
}
