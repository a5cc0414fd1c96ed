//! Viewers that have proven a key, and then cheat.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_relay::limits::QUEUED_LINK_FRAMES;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Announce, Frame, Target as For};
use lanyard_shared::ids::RendezvousId;
use lanyard_shared::limits::{CREDIT_MAX, RELAY_WINDOW, STREAMS_PER_VIEWER};
use lanyard_shared::token::View;
use lanyard_tests::World;
use lanyard_tests::attack::cost::{LINK, anonymous_memory};
use lanyard_tests::attack::link::{HostileAgent, HostileLink, open, told};
use lanyard_tests::attack::target::source;
use lanyard_tests::attack::ws::{self, BINARY, FIN, PING};
use lanyard_tests::attack::{Attackers, Beside, Target};
use std::net::Ipv4Addr;

/// Nobody announced it.
const NOWHERE: For = For::Pair(RendezvousId([0; 16]));

/// A relay, a session that works, and an agent that is on the side of the attackers.
struct Rig {
    world: World,
    target: Target,
    beside: Beside,
    agent: HostileAgent,
    attackers: Attackers,
}

impl Rig {
    async fn start() -> Result<Self> {
        let world = World::start().await?;
        let target = Target::of(&world.relay)?;
        let beside = Beside::start(&world).await?;
        let mut agent = HostileAgent::enrol(&target, &world.relay.enrol().await?).await?;
        agent.announce(agent.announcement()).await?;
        Ok(Self {
            world,
            target,
            beside,
            agent,
            attackers: Attackers::start()?,
        })
    }

    fn relay_memory(&self) -> Result<usize> {
        anonymous_memory(self.world.relay.process.pid()?)
    }

    /// A viewer with a stream that its agent was offered: its id at the agent.
    async fn opened(&mut self, credit: u32) -> Result<(HostileLink, u32)> {
        let mut viewer = self.agent.viewer(&self.target).await?;
        viewer.open(1, self.agent.grant()?, credit).await?;
        let (id, granted) = self.agent.offered().await?;
        ensure!(granted == credit.min(RELAY_WINDOW));
        Ok((viewer, id))
    }

    /// The same, accepted with as much credit.
    async fn standing(&mut self, credit: u32) -> Result<(HostileLink, u32)> {
        let (mut viewer, id) = self.opened(credit).await?;
        self.agent.accept(id, credit).await?;
        let accepted = |frame| matches!(frame, Frame::Accept(1, _)).then_some(());
        viewer.until(accepted).await?;
        Ok((viewer, id))
    }
}

#[tokio::test]
async fn a_viewer_that_breaks_a_streams_rules_loses_its_link_and_hears_which() -> Result<()> {
    let mut rig = Rig::start().await?;
    let data = |id, bytes: usize| Frame::Data(id, Bytes::from(vec![7; bytes]));
    let announce = Frame::Announce(Announce::default());

    for (name, frame, code) in [
        ("data before accept", data(1, 1), CloseCode::UnexpectedFrame),
        (
            "credit before accept",
            Frame::Credit(1, 1),
            CloseCode::UnexpectedFrame,
        ),
        ("reused id", open(1, NOWHERE, 1), CloseCode::StreamReused),
        ("id 0", open(0, NOWHERE, 1), CloseCode::Malformed),
        ("unknown stream", data(2, 1), CloseCode::UnknownStream),
        (
            "credit of an unknown stream",
            Frame::Credit(2, 1),
            CloseCode::UnknownStream,
        ),
        ("announcement", announce, CloseCode::UnexpectedFrame),
        ("wake", Frame::Wake, CloseCode::UnexpectedFrame),
        ("pong", Frame::Pong([0; 8]), CloseCode::UnexpectedFrame),
    ] {
        let (mut viewer, _) = rig.opened(1000).await?;
        viewer.send(&frame).await?;
        let ending = viewer.ending().await.context(name)?;
        assert_eq!(told(ending).context(name)?, code, "{name}");
    }
    for (name, frame, code) in [
        (
            "more than its credit",
            data(1, 1001),
            CloseCode::CreditExceeded,
        ),
        (
            "credit beyond all bounds",
            Frame::Credit(1, CREDIT_MAX),
            CloseCode::CreditExceeded,
        ),
    ] {
        let (mut viewer, _) = rig.standing(1000).await?;
        viewer.send(&frame).await?;
        let ending = viewer.ending().await.context(name)?;
        assert_eq!(told(ending).context(name)?, code, "{name}");
    }
    // What comes late for a stream that was closed is nobody's fault.
    let (mut viewer, id) = rig.standing(1000).await?;
    let close = Frame::Close(id, CloseCode::Done.into());
    rig.agent.link.send(&close).await?;
    assert_eq!(viewer.refusal(1).await?, CloseCode::Done);
    for _ in 0..100 {
        viewer.send(&data(1, 100)).await?;
    }
    viewer.send(&Frame::Ping([1; 8])).await?;
    assert_eq!(viewer.next().await?, Frame::Pong([1; 8]));
    rig.beside.echo().await?;
    Ok(())
}

#[tokio::test]
async fn a_token_opens_one_stream_and_the_sixty_fifth_stream_is_refused() -> Result<()> {
    let mut rig = Rig::start().await?;
    let mut viewer = rig.agent.viewer(&rig.target).await?;
    let token = rig.agent.token::<View>(viewer.conn)?;
    viewer.open(1, For::Purpose(token.clone()), 1000).await?;
    viewer.open(2, For::Purpose(token.clone()), 1000).await?;
    assert_eq!(viewer.refusal(2).await?, CloseCode::TokenUsed);

    // On another link it is worth nothing, even to the same device.
    let mut other = rig.agent.viewer(&rig.target).await?;
    other.open(1, For::Purpose(token), 1000).await?;
    assert_eq!(other.refusal(1).await?, CloseCode::TokenRefused);

    let last = u32::try_from(STREAMS_PER_VIEWER)? + 2;
    for id in 3..=last {
        viewer.open(id, rig.agent.grant()?, 1000).await?;
    }
    assert_eq!(viewer.refusal(last).await?, CloseCode::TooManyStreams);
    Ok(())
}

#[tokio::test]
async fn opens_by_the_thousand_and_pings_without_end_do_not_slow_the_session_beside() -> Result<()>
{
    let mut rig = Rig::start().await?;
    let (empty, grant) = (rig.relay_memory()?, rig.agent.grant()?);
    let (target, id, device) = (rig.target.clone(), rig.agent.id, rig.agent.device.clone());
    let echo = rig
        .beside
        .through(&rig.attackers, 3, |number, hits| {
            let (target, device, grant) = (target.clone(), device.clone(), grant.clone());
            async move {
                let mut viewer = HostileLink::viewer(&target, id, &device, source(number)).await?;
                let ping = ws::frame(FIN | PING, &[0; 100]);
                for stream in 1.. {
                    // In turn one that is refused without a look, one whose token is checked, and one that is taken back at once.
                    let (wanted, nothing) = match stream % 3 {
                        0 => (NOWHERE, false),
                        1 => (For::Session("no.token.this".into()), false),
                        _ => (grant.clone(), true),
                    };
                    viewer.open(stream, wanted, 1000).await?;
                    viewer.socket.send(&ping).await?;
                    if nothing {
                        let close = Frame::Close(stream, CloseCode::Done.into());
                        viewer.send(&close).await?;
                    } else {
                        viewer.refusal(stream).await?;
                    }
                    hits.hit();
                }
                Ok(())
            }
        })
        .await?;
    let full = rig.relay_memory()?;
    assert!(full <= empty + 4 * LINK, "{empty} -> {full}");
    eprintln!("{echo:?}, {empty} -> {full} bytes");
    Ok(())
}

#[tokio::test]
async fn pings_whose_answers_nobody_reads_cost_one_answer() -> Result<()> {
    let mut rig = Rig::start().await?;
    let empty = rig.relay_memory()?;
    let (target, id, device) = (rig.target.clone(), rig.agent.id, rig.agent.device.clone());
    let echo = rig
        .beside
        .through(&rig.attackers, 2, |number, hits| {
            let (target, device) = (target.clone(), device.clone());
            async move {
                let mut viewer = HostileLink::viewer(&target, id, &device, source(number)).await?;
                let below = ws::frame(FIN | PING, &[7; 125]);
                let within = ws::frame(FIN | BINARY, &Frame::Ping([7; 8]).encode());
                let pings = [below, within].concat().repeat(100);
                loop {
                    viewer.socket.send(&pings).await?;
                    hits.hit();
                }
            }
        })
        .await?;
    let full = rig.relay_memory()?;
    assert!(full <= empty + 4 * LINK, "{empty} -> {full}");
    eprintln!("{echo:?}, {empty} -> {full} bytes");
    Ok(())
}

#[tokio::test]
async fn a_viewer_that_asks_and_does_not_read_loses_its_link() -> Result<()> {
    let mut rig = Rig::start().await?;
    let empty = rig.relay_memory()?;
    let (mut target, id, device) = (rig.target.clone(), rig.agent.id, rig.agent.device.clone());
    target.receive_buffer = Some(4096);
    let asked = rig
        .attackers
        .run(async move {
            let mut viewer = HostileLink::viewer(&target, id, &device, Ipv4Addr::LOCALHOST).await?;
            let mut asked = 0;
            // Its refusals fill the sockets between, then the relay's queue, and then the relay has had enough.
            while viewer.open(asked + 1, NOWHERE, 1).await.is_ok() {
                asked += 1;
                ensure!(asked < 1_000_000, "the relay takes whatever is asked");
            }
            Ok(asked)
        })
        .await?;
    assert!(asked > QUEUED_LINK_FRAMES);
    let full = rig.relay_memory()?;
    assert!(full <= empty + 2 * LINK, "{empty} -> {full}");
    rig.beside.echo().await?;
    eprintln!("{asked} asked, {empty} -> {full} bytes");
    Ok(())
}

/// Links that fill their windows, and the streams of each.
const FILLED: (usize, usize) = (2, STREAMS_PER_VIEWER);

/// What the sockets between may take of it, for each link.
const SOCKETS: usize = 8 << 20;

#[tokio::test]
async fn what_waits_for_viewers_that_do_not_read_stays_within_the_windows_granted() -> Result<()> {
    let mut rig = Rig::start().await?;
    let (quiet, empty) = (rig.beside.echo().await?, rig.relay_memory()?);
    let mut viewers = Vec::new();
    for _ in 0..FILLED.0 {
        let mut viewer = rig.agent.viewer(&rig.target).await?;
        for id in 1..=u32::try_from(FILLED.1)? {
            viewer.open(id, rig.agent.grant()?, CREDIT_MAX).await?;
            let (id, credit) = rig.agent.offered().await?;
            assert_eq!(credit, RELAY_WINDOW);
            rig.agent.accept(id, 1).await?;
            for _ in 0..8 {
                let piece = Bytes::from(vec![7; RELAY_WINDOW as usize / 8]);
                rig.agent.data(id, piece).await?;
            }
        }
        viewers.push(viewer);
    }
    rig.agent.settled().await?;
    let full = rig.relay_memory()?;
    let held = FILLED.0 * FILLED.1 * RELAY_WINDOW as usize;
    assert!(full >= empty + held - FILLED.0 * SOCKETS, "it waits here");
    // An eighth for what a queue and an allocator need beside the bytes.
    assert!(
        full <= empty + held + held / 8 + (FILLED.0 + 1) * LINK,
        "{empty} -> {full}, of which {held} may wait"
    );
    rig.beside.keeps_its_echo(quiet).await?;
    eprintln!("{held} may wait, {empty} -> {full} bytes");
    Ok(())
}

#[tokio::test]
async fn pair_streams_by_the_hundred_bound_the_agent_and_the_next_link_still_pairs() -> Result<()> {
    let mut rig = Rig::start().await?;
    let agent = rig.world.agent.process.pid()?;
    let link = rig.world.agent.pairing_link(&["view"], true).await?;
    let (_, parsed) = lanyard_shared::pair::PairingLink::parse(&link)?;
    let (knock, machine) = (parsed.secret.rendezvous(), parsed.agent);
    let (target, empty) = (rig.target.clone(), anonymous_memory(agent)?);
    let echo = rig
        .beside
        .through(&rig.attackers, 2, |number, hits| {
            let target = target.clone();
            async move {
                let key = SigningKey::from_bytes(&[u8::try_from(number)? + 1; 32]);
                let from = source(number);
                let mut viewer = HostileLink::viewer(&target, machine, &key, from).await?;
                for stream in 1.. {
                    viewer.open(stream, For::Pair(knock), 1000).await?;
                    let answer = |frame| match frame {
                        Frame::Accept(id, _) if id == stream => Some(true),
                        Frame::Close(id, _) if id == stream => Some(false),
                        Frame::Accept(..)
                        | Frame::Close(..)
                        | Frame::Challenge(_)
                        | Frame::Proof(_)
                        | Frame::Enrol(_)
                        | Frame::Welcome(_)
                        | Frame::Announce(_)
                        | Frame::Ping(_)
                        | Frame::Pong(_)
                        | Frame::Wake
                        | Frame::Rotate(_)
                        | Frame::Open(..)
                        | Frame::Data(..)
                        | Frame::Credit(..)
                        | Frame::Renew(..) => None,
                    };
                    if viewer.until(answer).await? {
                        let garbage = Bytes::from(vec![9; 96]);
                        viewer.send(&Frame::Data(stream, garbage)).await?;
                    }
                    hits.hit();
                }
                Ok(())
            }
        })
        .await?;
    let full = anonymous_memory(agent)?;
    assert!(full <= empty + (8 << 20), "{empty} -> {full}");
    // The secret that was attacked is spent; another one is not.
    lanyard_tests::TestViewer::pair(&rig.world, &["view"]).await?;
    eprintln!("{echo:?}, agent {empty} -> {full} bytes");
    Ok(())
}
