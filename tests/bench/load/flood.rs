//! As many bytes as the relay passes on: made at an agent's end, counted at a viewer's, with no terminal and no seal.

use crate::peer::{AGENT, Peer, VIEWER, code, key};
use crate::{Floor, Ours};
use anyhow::{Context as _, Result, bail};
use bytes::{Bytes, BytesMut};
use lanyard_bench::floor::{Leg, connect};
use lanyard_bench::say;
use lanyard_dial::{Relay, clock};
use lanyard_shared::frame::{Announce, DeviceEpoch, StreamId, Target};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, TokenId};
use lanyard_shared::limits::{FRAME_HEADER, LIFE_SIGNER, LIFE_VIEW, PAYLOAD_MAX, STREAM_WINDOW};
use lanyard_shared::link::{Dialler, Event};
use lanyard_shared::token::{NewToken, View, issue, signer_cert};
use std::sync::Arc;
use std::time::Instant;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A frame smaller than this is not worth sending while more credit is on its way.
const WORTH: usize = 16 * 1024;
/// A viewer gives credit back in pieces of this size, as ours does.
const PIECE: u32 = STREAM_WINDOW / 16;
const DEVICE: u32 = 1;
const SIGNER: u32 = 2;
const IDENTITY: u32 = 3;

/// Floods our relay.
pub async fn ours(at: &Ours, bytes: u64) -> Result<()> {
    let relay = at.relay()?;
    let identity = Arc::new(key(IDENTITY));
    let newcomer = Dialler::Newcomer {
        key: Arc::clone(&identity),
        code: code(&at.operator).await?,
        name: "bench".to_owned(),
        chain: vec![],
    };
    let mut source = Peer::dial(&relay, AGENT, newcomer, None).await?;
    let agent = AgentId::of_first_key(&identity.verifying_key().to_bytes());
    let device = key(DEVICE).verifying_key().to_bytes();
    let now = clock::unix().secs();
    source.link.announce(Announce {
        signers: vec![signer_cert(
            &identity,
            agent,
            &key(SIGNER).verifying_key().to_bytes(),
            now,
            now + LIFE_SIGNER.as_secs(),
        )],
        devices: vec![DeviceEpoch {
            id: DeviceId::of_key(&device),
            epoch: 0,
        }],
        revoked: Vec::new(),
        rendezvous: Vec::new(),
        former: vec![],
        locked: false,
    });
    let source = tokio::spawn(pour(source, bytes));
    let sink = drain(&relay, agent, bytes);
    tokio::select! {
        // The source stays on the line until the last byte has been counted.
        poured = source => poured?,
        drained = sink => drained,
    }
}

/// Sends on the first stream that is opened, as fast as credit comes.
async fn pour(mut peer: Peer, bytes: u64) -> Result<()> {
    let mut stream: Option<StreamId> = None;
    let mut left = bytes;
    let chunk = BytesMut::zeroed(FRAME_HEADER + PAYLOAD_MAX);
    loop {
        match peer.event().await? {
            Event::Open(id, _) => {
                peer.link.accept(id, STREAM_WINDOW, &[]);
                stream = Some(id);
            }
            Event::Closed(..) => stream = None,
            Event::Welcome { .. }
            | Event::Wake
            | Event::TakenIn(_)
            | Event::Accepted(..)
            | Event::Data(..)
            | Event::Room(_)
            | Event::Ended(_) => {}
        }
        let Some(id) = stream else { continue };
        loop {
            let payload = left.min(PAYLOAD_MAX as u64) as usize;
            let room = peer.link.room(id) as usize;
            if payload == 0 || room < payload.min(WORTH) {
                break;
            }
            let payload = payload.min(room);
            let framed = BytesMut::from(&chunk[..FRAME_HEADER + payload]);
            if peer.link.send(id, framed).is_err() {
                bail!("a frame was refused that fits into the room there was");
            }
            left -= payload as u64;
        }
    }
}

/// Opens a stream, counts what comes, and says how long it took.
async fn drain(relay: &Relay, agent: AgentId, bytes: u64) -> Result<()> {
    let viewer = Dialler::Viewer {
        agent,
        key: Arc::new(key(DEVICE)),
    };
    let mut peer = Peer::dial(relay, VIEWER, viewer, None).await?;
    open(&mut peer, agent)?;
    let (mut came, mut used, mut began) = (0, 0, Instant::now());
    while came < bytes {
        match peer.event().await? {
            Event::Accepted(..) => {
                say::line(&serde_json::json!({"event": "begun"}))?;
                began = Instant::now();
            }
            Event::Data(id, data) => {
                came += data.len() as u64;
                used += u32::try_from(data.len())?;
                if used >= PIECE {
                    peer.link.grant(id, std::mem::take(&mut used));
                }
            }
            // The announcement was still on its way.
            Event::Closed(..) if came == 0 => open(&mut peer, agent)?,
            Event::Closed(_, close) => bail!("the stream was closed: {}", close.sentence),
            Event::Welcome { .. }
            | Event::Wake
            | Event::TakenIn(_)
            | Event::Open(..)
            | Event::Room(_)
            | Event::Ended(_) => {}
        }
    }
    over(began, came)
}

fn open(peer: &mut Peer, agent: AgentId) -> Result<()> {
    let token = token(agent, peer.conn)?;
    peer.link
        .open(Target::Purpose(token), STREAM_WINDOW, &[], Bytes::new())
        .context("a stream")?;
    Ok(())
}

fn token(agent: AgentId, conn: ConnId) -> Result<String> {
    let device = key(DEVICE).verifying_key().to_bytes();
    let mut id = [0; 16];
    // Time tells the tokens of one process apart.
    id[..8].copy_from_slice(&clock::mono().0.as_nanos().to_be_bytes()[8..]);
    let new = NewToken {
        agent,
        device: DeviceId::of_key(&device),
        issued: clock::unix(),
        life: LIFE_VIEW,
        id: TokenId(id),
        conn: Some(conn),
        epoch: 0,
    };
    Ok(issue::<View>(&key(SIGNER), &new)?)
}

/// Floods the floor's relay.
pub async fn floor(at: &Floor, bytes: u64) -> Result<()> {
    let address = at.address()?;
    let mut source = connect(&address, None, Leg::Agent, 0).await?;
    let mut sink = connect(&address, None, Leg::Viewer, 0).await?;
    // One byte to and fro: both legs are joined.
    sink.write_all(b"?").await?;
    sink.flush().await?;
    source.read_u8().await?;
    say::line(&serde_json::json!({"event": "begun"}))?;
    let began = Instant::now();
    let pouring = tokio::spawn(async move {
        let chunk = vec![0; PAYLOAD_MAX];
        let mut left = bytes;
        while left > 0 {
            let take = left.min(chunk.len() as u64);
            source.write_all(&chunk[..take as usize]).await?;
            left -= take;
        }
        source.flush().await?;
        anyhow::Ok(source)
    });
    let (mut came, mut buffer) = (0, vec![0; PAYLOAD_MAX]);
    while came < bytes {
        match sink.read(&mut buffer).await? {
            0 => bail!("the floor's relay has gone"),
            count => came += count as u64,
        }
    }
    over(began, came)?;
    pouring.await??;
    Ok(())
}

fn over(began: Instant, bytes: u64) -> Result<()> {
    let seconds = began.elapsed().as_secs_f64();
    Ok(say::line(
        &serde_json::json!({"event": "over", "bytes": bytes, "seconds": seconds}),
    )?)
}
