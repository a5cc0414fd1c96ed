//! Agents that are enrolled, and then cheat on the relay and on the viewers that want them.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::frame::{
    Accept, Announce, DeviceEpoch, Frame, Rendezvous, RendezvousState, StreamId, Target as For,
    kind,
};
use lanyard_shared::ids::{ConnId, DeviceId, RendezvousId, TokenId};
use lanyard_shared::limits::{CREDIT_MAX, DEVICES_MAX, RENDEZVOUS_MAX, REVOKED_MAX};
use lanyard_shared::token::{Terminal, View};
use lanyard_tests::World;
use lanyard_tests::attack::cost::{LINK, anonymous_memory};
use lanyard_tests::attack::link::{HostileAgent, HostileLink, open, told};
use lanyard_tests::attack::target::source;
use lanyard_tests::attack::{Attackers, Beside, Target};

/// A relay with two enrolled machines: an honest one with a session that works, and this one.
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
        let agent = HostileAgent::enrol(&target, &world.relay.enrol().await?).await?;
        Ok(Self {
            world,
            target,
            beside,
            agent,
            attackers: Attackers::start()?,
        })
    }

    /// The agent on a fresh link, with a viewer whose first stream it was offered under this id.
    async fn offered(&mut self) -> Result<(HostileLink, StreamId)> {
        self.agent.again(&self.target).await?;
        self.agent.announce(self.agent.announcement()).await?;
        let mut viewer = self.agent.viewer(&self.target).await?;
        let token = self.agent.token::<View>(viewer.conn)?;
        viewer.open(1, For::Purpose(token), 1000).await?;
        let (id, _) = self.agent.offered().await?;
        Ok((viewer, id))
    }
}

fn accept(id: StreamId) -> Frame {
    let accept = Accept {
        credit: 1000,
        versions: vec![],
    };
    Frame::Accept(id, accept)
}

#[tokio::test]
async fn an_agent_that_breaks_a_streams_rules_loses_its_link_and_hears_which() -> Result<()> {
    let mut rig = Rig::start().await?;
    let data = |id, bytes: usize| Frame::Data(id, Bytes::from(vec![7; bytes]));
    let early = |name, frame: fn(StreamId) -> Frame, code| (name, frame, code, false);
    let later = |name, frame: fn(StreamId) -> Frame, code| (name, frame, code, true);
    let cases = [
        early(
            "data before its accept",
            |id| Frame::Data(id, Bytes::from_static(b"x")),
            CloseCode::UnexpectedFrame,
        ),
        early(
            "a stream of somebody else",
            |id| Frame::Data(id + 1, Bytes::from_static(b"x")),
            CloseCode::UnknownStream,
        ),
        early(
            "an accept of what nobody opened",
            |id| accept(id + 1),
            CloseCode::UnknownStream,
        ),
        early(
            "a close of what nobody opened",
            |id| Frame::Close(id + 7, CloseCode::Done.into()),
            CloseCode::UnknownStream,
        ),
        early(
            "a renewal of what nobody opened",
            |id| Frame::Renew(id + 1, "a.b.c".into()),
            CloseCode::UnknownStream,
        ),
        early("a wake", |_| Frame::Wake, CloseCode::UnexpectedFrame),
        later("accepted twice", accept, CloseCode::UnexpectedFrame),
        later(
            "credit beyond all bounds",
            |id| Frame::Credit(id, CREDIT_MAX),
            CloseCode::CreditExceeded,
        ),
    ];
    for (name, frame, code, accepted) in cases {
        let (mut viewer, id) = rig.offered().await?;
        if accepted {
            rig.agent.link.send(&accept(id)).await?;
        }
        rig.agent.link.send(&frame(id)).await?;
        let ending = rig.agent.link.ending().await.context(name)?;
        assert_eq!(told(ending).context(name)?, code, "{name}");
        assert_eq!(viewer.refusal(1).await?, CloseCode::AgentGone, "{name}");
    }
    // More than its viewer asked for.
    let (mut viewer, id) = rig.offered().await?;
    rig.agent.link.send(&accept(id)).await?;
    rig.agent.link.send(&data(id, 1000)).await?;
    rig.agent.link.send(&data(id, 1)).await?;
    let ending = rig.agent.link.ending().await?;
    assert_eq!(told(ending)?, CloseCode::CreditExceeded);
    assert_eq!(viewer.refusal(1).await?, CloseCode::AgentGone);
    // An agent opens nothing.
    rig.agent.again(&rig.target).await?;
    let nowhere = For::Pair(RendezvousId([0; 16]));
    rig.agent.link.send(&open(1, nowhere, 1000)).await?;
    let refused = told(rig.agent.link.ending().await?)?;
    ensure!(matches!(
        refused,
        CloseCode::UnexpectedFrame | CloseCode::Malformed
    ));
    rig.beside.echo().await?;
    Ok(())
}

#[tokio::test]
async fn a_renewal_that_is_not_of_its_stream_ends_that_stream_alone() -> Result<()> {
    let mut rig = Rig::start().await?;
    type Forge = fn(&mut HostileAgent, ConnId) -> Result<String>;
    let forgeries: [(&str, Forge); 4] = [
        ("another token", |agent, conn| agent.token::<View>(conn)),
        ("another purpose", |agent, conn| {
            agent.token::<Terminal>(conn)
        }),
        ("another link", |agent, _| {
            agent.token::<View>(ConnId([3; 16]))
        }),
        ("no token", |_, _| Ok("no.token.this".into())),
    ];
    for (name, forge) in forgeries {
        let (mut viewer, id) = rig.offered().await?;
        rig.agent.link.send(&accept(id)).await?;
        let token = rig.agent.token::<View>(viewer.conn)?;
        viewer.open(2, For::Purpose(token), 1000).await?;
        let (other, _) = rig.agent.offered().await?;
        rig.agent.link.send(&accept(other)).await?;
        let forged = forge(&mut rig.agent, viewer.conn)?;
        rig.agent.link.send(&Frame::Renew(id, forged)).await?;
        assert_eq!(
            viewer.refusal(1).await.context(name)?,
            CloseCode::TokenRefused
        );
        let last = Bytes::from_static(b"still here");
        rig.agent.data(other, last.clone()).await?;
        let arrived = |frame| (frame == Frame::Data(2, last.clone())).then_some(());
        viewer.until(arrived).await.context(name)?;
    }
    Ok(())
}

fn announcements(honest: &Announce) -> Vec<(&'static str, Announce, CloseCode)> {
    let with = |change: &dyn Fn(&mut Announce)| {
        let mut announce = honest.clone();
        change(&mut announce);
        announce
    };
    let device = DeviceEpoch {
        id: DeviceId([1; 16]),
        epoch: 0,
    };
    let knock = Rendezvous {
        id: RendezvousId([1; 16]),
        state: RendezvousState::Open,
    };
    vec![
        (
            "a signer too many",
            with(&|a| a.signers = vec![a.signers[0].clone(); 3]),
            CloseCode::Malformed,
        ),
        (
            "a device too many",
            with(&|a| a.devices = vec![device; DEVICES_MAX + 1]),
            CloseCode::Malformed,
        ),
        (
            "an ended token too many",
            with(&|a| a.revoked = vec![TokenId([1; 16]); REVOKED_MAX + 1]),
            CloseCode::Malformed,
        ),
        (
            "a rendezvous too many",
            with(&|a| a.rendezvous = vec![knock; RENDEZVOUS_MAX + 1]),
            CloseCode::Malformed,
        ),
        (
            "a signer for ever",
            with(&|a| a.signers[0].expires += 1),
            CloseCode::ProofRefused,
        ),
    ]
}

#[tokio::test]
async fn an_announcement_that_says_too_much_ends_the_link() -> Result<()> {
    let mut rig = Rig::start().await?;
    for (name, announce, code) in announcements(&rig.agent.announcement()) {
        rig.agent.again(&rig.target).await?;
        rig.agent.link.send(&Frame::Announce(announce)).await?;
        let ending = rig.agent.link.ending().await.context(name)?;
        assert_eq!(told(ending).context(name)?, code, "{name}");
    }
    for (name, bytes) in [
        ("no object", &b"[]"[..]),
        (
            "a field nobody knows",
            br#"{"signers":[],"devices":[],"revoked":[],"rendezvous":[],"x":1}"#,
        ),
        (
            "a field twice",
            br#"{"signers":[],"signers":[],"devices":[],"revoked":[],"rendezvous":[]}"#,
        ),
        ("deep", &[b'['; 10_000]),
    ] {
        rig.agent.again(&rig.target).await?;
        rig.agent.link.send_bytes(0, kind::ANNOUNCE, bytes).await?;
        let ending = rig.agent.link.ending().await.context(name)?;
        assert_eq!(told(ending).context(name)?, CloseCode::Malformed, "{name}");
    }
    Ok(())
}

#[tokio::test]
async fn an_agent_that_floods_the_relay_with_announcements_costs_the_others_nothing() -> Result<()>
{
    let mut rig = Rig::start().await?;
    let relay = rig.world.relay.process.pid()?;
    let empty = anonymous_memory(relay)?;
    let code = rig.world.relay.enrol().await?;
    let target = rig.target.clone();
    let echo = rig
        .beside
        .through(&rig.attackers, 1, |_, hits| {
            let (target, code) = (target.clone(), code.clone());
            async move {
                // Not the one of the rig: the newest link of an identity takes the place of an older one.
                let mut agent = HostileAgent::enrol_as(&target, &code, [81; 32]).await?;
                let mut announce = agent.announcement();
                announce.devices = (0..DEVICES_MAX)
                    .map(|n| DeviceEpoch {
                        id: DeviceId([u8::try_from(n % 256).unwrap_or(0); 16]),
                        epoch: 0,
                    })
                    .collect();
                announce.devices.dedup_by_key(|device| device.id);
                loop {
                    agent.announce(announce.clone()).await?;
                    hits.hit();
                }
            }
        })
        .await?;
    let full = anonymous_memory(relay)?;
    assert!(full <= empty + 8 * LINK, "{empty} -> {full}");
    eprintln!("{echo:?}, {empty} -> {full} bytes");
    Ok(())
}

#[tokio::test]
async fn enrolment_codes_are_refused_by_the_hundred_and_the_right_one_still_works() -> Result<()> {
    let mut rig = Rig::start().await?;
    let relay = rig.world.relay.process.pid()?;
    let empty = anonymous_memory(relay)?;
    let right = rig.world.relay.enrol().await?;
    let used = rig.world.relay.enrol().await?;
    HostileAgent::enrol_as(&rig.target, &used, [82; 32]).await?;
    let target = rig.target.clone();
    let echo = rig
        .beside
        .through(&rig.attackers, 4, |number, hits| {
            let (target, used) = (target.clone(), used.clone());
            async move {
                let (secret, used) = (
                    [u8::try_from(number)? + 90; 32],
                    EnrolmentCode::parse(&used)?,
                );
                for guess in 0_u64.. {
                    // In turn one that was used up and one that never was.
                    let mut code = *used.code;
                    if guess % 2 == 1 {
                        code[..8].copy_from_slice(&guess.to_be_bytes());
                    }
                    let from = source(number);
                    let refused = HostileAgent::try_code(&target, &code, secret, from).await?;
                    ensure!(refused == CloseCode::EnrolRefused);
                    hits.hit();
                }
                Ok(())
            }
        })
        .await?;
    let full = anonymous_memory(relay)?;
    assert!(full <= empty + (16 << 20), "{empty} -> {full}");
    HostileAgent::enrol_as(&rig.target, &right, [83; 32]).await?;
    eprintln!("{echo:?}, {empty} -> {full} bytes");
    Ok(())
}
