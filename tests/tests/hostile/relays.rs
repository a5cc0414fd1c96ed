//! An agent whose relay has turned against it: it loses its link and nothing else, and dials again, with longer and longer waits.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use lanyard_dial::limits::CONNECT_TIME;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, Frame, Open, Origin, Target as For, kind};
use lanyard_shared::ids::ConnId;
use lanyard_shared::limits::{FRAME_MAX, LINK_FRAMES_WAITING, RETRY_FIRST};
use lanyard_tests::Agent;
use lanyard_tests::attack::cost::anonymous_memory;
use lanyard_tests::attack::hostile_relay::{HeldLink, HostileRelay};
use lanyard_tests::attack::ws::{self, BINARY, CONTINUATION, FIN, RSV1, TEXT};
use lanyard_tests::process::Process;
use std::net::Ipv6Addr;
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tokio::task::JoinSet;

/// An agent that has joined such a relay.
struct Victim {
    relay: HostileRelay,
    agent: Process,
    link: HeldLink,
    _dir: TempDir,
}

impl Victim {
    async fn start() -> Result<Self> {
        let relay = HostileRelay::start().await?;
        let dir = TempDir::new()?;
        let mark = dir.path().display().to_string();
        let mut up = Agent::command(&dir.path().join("agent"), dir.path(), &mark)?;
        up.args(["up", "--json", "--no-pair", "--enrol", &relay.code()?]);
        let mut agent = Process::start(&mut up)?;
        let link = relay.link().await?;
        agent.event_named("online").await?;
        Ok(Self {
            relay,
            agent,
            link,
            _dir: dir,
        })
    }

    /// It hangs up, dials again, and is online again when the relay behaves.
    async fn recovers(&mut self) -> Result<()> {
        self.link.hung_up().await?;
        self.link = self.relay.link().await?;
        self.agent.event_named("online").await?;
        Ok(())
    }

    async fn leaves(mut self) -> Result<()> {
        ensure!(self.agent.leave().await?.success(), "it leaves in order");
        Ok(())
    }
}

fn open(id: u32, target: For) -> Frame {
    let origin = Some(Origin {
        conn: ConnId([1; 16]),
        device: [2; 32],
        from: Ipv6Addr::LOCALHOST,
    });
    let open = Open {
        target,
        credit: 1000,
        versions: vec![1],
        origin,
        first: Bytes::new(),
    };
    Frame::Open(id, open)
}

fn grant(id: u32) -> Frame {
    open(id, For::Session("no.grant.this".into()))
}

fn link_frame(frame: &Frame) -> Vec<u8> {
    ws::unmasked(FIN | BINARY, &frame.encode())
}

/// What a relay must not send, one way to be hostile each.
fn insults(link: &HeldLink) -> Result<Vec<(&'static str, Vec<u8>)>> {
    let data = Frame::Data(9, Bytes::from_static(b"x"));
    let accept = Accept {
        credit: 1000,
        versions: vec![1],
    };
    let mut long = 0_u32.to_be_bytes().to_vec();
    long.push(kind::PONG);
    long.resize(FRAME_MAX + 1, 0);
    Ok(vec![
        ("garbage", vec![0xff; 500]),
        ("text", ws::unmasked(FIN | TEXT, b"hello")),
        ("compressed", ws::unmasked(FIN | RSV1 | BINARY, b"x")),
        ("continues nothing", ws::unmasked(FIN | CONTINUATION, b"x")),
        ("too large", ws::unmasked(FIN | BINARY, &long)),
        ("half a frame", ws::unmasked(FIN | BINARY, &[0, 0])),
        (
            "unknown kind",
            ws::unmasked(FIN | BINARY, &[0, 0, 0, 0, 0x7f]),
        ),
        (
            "another link's question",
            link_frame(&link.challenge(ConnId([8; 16]))?),
        ),
        ("a renewal", link_frame(&Frame::Renew(1, "a.b.c".into()))),
        ("an accept", link_frame(&Frame::Accept(1, accept))),
        ("data of no stream", link_frame(&data)),
        ("credit of no stream", link_frame(&Frame::Credit(9, 1))),
        (
            "close of no stream",
            link_frame(&Frame::Close(9, CloseCode::Done.into())),
        ),
        (
            "an id twice",
            [link_frame(&grant(3)), link_frame(&grant(3))].concat(),
        ),
        ("a ping", link_frame(&Frame::Ping([0; 8]))),
    ])
}

/// Agents that are insulted at the same time, each with its own share: they wait longer after every link that did not stand.
const SHARES: usize = 8;

#[tokio::test]
async fn an_insulted_agent_hangs_up_and_comes_back() -> Result<()> {
    let mut shares = JoinSet::new();
    for share in 0..SHARES {
        shares.spawn(async move {
            let mut victim = Victim::start().await.context("it joins")?;
            let mut number = share;
            while let Some((name, bytes)) = insults(&victim.link)?.into_iter().nth(number) {
                // It may hang up before it has heard all of it.
                let _ = victim.link.socket.send(&bytes).await;
                victim.recovers().await.context(name)?;
                number += SHARES;
            }
            victim.leaves().await
        });
    }
    while let Some(share) = shares.join_next().await {
        share??;
    }
    Ok(())
}

#[tokio::test]
async fn pushes_without_end_neither_fill_the_agents_memory_nor_keep_it_from_its_owner() -> Result<()>
{
    let mut victim = Victim::start().await?;
    let pid = victim.agent.pid()?;
    let empty = anonymous_memory(pid)?;
    // Opens that are refused, each with a close that is never read; the second thousand is more than may wait.
    let more_than_wait = u32::try_from(LINK_FRAMES_WAITING)?;
    let mut opens = Vec::new();
    for id in 1..=more_than_wait {
        opens.extend(link_frame(&grant(id)));
    }
    victim.link.socket.send(&opens).await?;
    let full = anonymous_memory(pid)?;
    assert!(full <= empty + BOUND, "after opens: {empty} -> {full}");
    // Questions, each of which takes a signature, and none of whose answers is read.
    let mut asked = 0;
    let question = link_frame(&victim.link.challenge(victim.link.conn)?).repeat(64);
    while asked < QUESTIONS && victim.link.socket.send(&question).await.is_ok() {
        asked += 64;
    }
    let full = anonymous_memory(pid)?;
    assert!(full <= empty + BOUND, "after questions: {empty} -> {full}");
    eprintln!("{asked} questions, agent {empty} -> {full} bytes");
    victim.recovers().await?;
    victim.leaves().await
}

/// What an agent may take for a relay that floods it: what waits for a socket that is not read, and what is being read.
const BOUND: usize = 16 << 20;
/// More than an agent answers without being read.
const QUESTIONS: usize = 100_000;

#[tokio::test]
async fn a_relay_that_hangs_up_at_once_is_dialled_less_and_less() -> Result<()> {
    let mut victim = Victim::start().await?;
    for attempt in 0..4 {
        // Even after a proof that it took.
        drop(victim.link);
        let hung_up = Instant::now();
        victim.link = victim.relay.link().await?;
        let waited = hung_up.elapsed();
        let least = RETRY_FIRST / 2 * 2_u32.pow(attempt);
        assert!(waited >= least, "attempt {attempt} came after {waited:?}");
    }
    victim.leaves().await
}

#[tokio::test]
async fn a_relay_that_never_answers_is_given_up_and_dialled_again() -> Result<()> {
    let mut victim = Victim::start().await?;
    drop(victim.link);
    let silent = victim.relay.dialled().await?;
    let since = Instant::now();
    victim.link = victim.relay.link().await?;
    let waited = since.elapsed();
    assert!(
        waited >= CONNECT_TIME - Duration::from_millis(500),
        "{waited:?}"
    );
    drop(silent);
    victim.leaves().await
}
