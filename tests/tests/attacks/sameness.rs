//! What an outsider may not tell apart: something that does not exist, and something that is another's. Whole frames are compared.

use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::SigningKey;
use lanyard_dial::clock;
use lanyard_shared::frame::{Close, DeviceEpoch, Frame, StreamId, Target as For};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, RendezvousId, TokenId};
use lanyard_tests::attack::faults::foreign_key;
use lanyard_tests::attack::forge::{Forged, Of};
use lanyard_tests::attack::{Ground, HostileAgent, HostileLink};
use std::net::Ipv4Addr;

/// A relay; an agent that knows two devices; another agent.
struct Rig {
    ground: Ground,
    other: HostileAgent,
    mine: SigningKey,
    theirs: SigningKey,
}

/// Makes a token for this link, or for another device's.
type MakeToken = fn(&Rig, ConnId, ConnId) -> String;
/// Makes a grant.
type MakeGrant = fn(&Rig) -> String;

fn id_of(key: &SigningKey) -> DeviceId {
    DeviceId::of_key(&key.verifying_key().to_bytes())
}

impl Rig {
    async fn start() -> Result<Self> {
        let mut ground = Ground::start().await?;
        let mut other = ground.another().await?;
        let agent = &mut ground.agent;
        let (mine, theirs) = (agent.device.clone(), SigningKey::from_bytes(&[78; 32]));
        let mut announce = agent.announcement();
        announce.devices.push(DeviceEpoch {
            id: id_of(&theirs),
            epoch: 0,
        });
        agent.announce(announce).await?;
        other.announce(other.announcement()).await?;
        Ok(Self {
            ground,
            other,
            mine,
            theirs,
        })
    }

    async fn link(&self, key: &SigningKey) -> Result<HostileLink> {
        HostileLink::viewer(
            &self.ground.target,
            self.ground.agent.id,
            key,
            Ipv4Addr::LOCALHOST,
        )
        .await
    }

    fn of(&self, device: &SigningKey) -> Of {
        Of {
            agent: self.ground.agent.id,
            device: id_of(device),
            epoch: 0,
            issued: clock::now().unix.secs(),
            id: TokenId([5; 16]),
        }
    }
}

/// The frame by which the first stream of a link is refused.
async fn refusal(link: &mut HostileLink, target: For) -> Result<Frame> {
    const FIRST: StreamId = 1;
    link.open(FIRST, target, 1000).await?;
    let its = |frame: Frame| matches!(frame, Frame::Close(FIRST, _)).then_some(frame);
    link.until(its).await
}

/// All of these are the same, and say something to a person.
fn same(answers: &[(&str, Frame)]) -> Result<()> {
    let (_, first) = answers.first().context("an answer")?;
    for (name, answer) in answers {
        ensure!(
            answer.encode() == first.encode(),
            "{name}: {answer:?}, not {first:?}"
        );
    }
    let Frame::Close(_, Close { code, sentence }) = first else {
        anyhow::bail!("no close: {first:?}");
    };
    ensure!(code.is_some_and(|code| code.sentence() == sentence && !sentence.is_empty()));
    Ok(())
}

#[tokio::test]
async fn a_token_that_is_not_ones_own_is_refused_as_one_that_does_not_exist() -> Result<()> {
    let rig = Rig::start().await?;
    let theirs = rig.link(&rig.theirs).await?;
    let mut answers = Vec::new();
    let kinds: [(&str, MakeToken); 6] = [
        ("no token", |_, _, _| "no.token.this".to_owned()),
        ("by nobody's key", |rig, conn, _| {
            Forged::view(&rig.of(&rig.mine), conn).signed(&foreign_key())
        }),
        ("another device's, on its own link", |rig, _, theirs| {
            Forged::view(&rig.of(&rig.theirs), theirs).signed(&rig.ground.agent.signer)
        }),
        ("another device's, on this link", |rig, conn, _| {
            Forged::view(&rig.of(&rig.theirs), conn).signed(&rig.ground.agent.signer)
        }),
        ("another machine's", |rig, conn, _| {
            let of = Of {
                agent: rig.other.id,
                ..rig.of(&rig.mine)
            };
            Forged::view(&of, conn).signed(&rig.other.signer)
        }),
        ("a machine's that does not exist", |rig, conn, _| {
            let of = Of {
                agent: AgentId([9; 16]),
                ..rig.of(&rig.mine)
            };
            Forged::view(&of, conn).signed(&foreign_key())
        }),
    ];
    for (name, make) in kinds {
        let mut link = rig.link(&rig.mine).await?;
        let raw = make(&rig, link.conn, theirs.conn);
        answers.push((name, refusal(&mut link, For::Purpose(raw)).await?));
    }
    same(&answers)
}

#[tokio::test]
async fn a_grant_that_is_not_ones_own_is_refused_as_one_that_does_not_exist() -> Result<()> {
    let rig = Rig::start().await?;
    let kinds: [(&str, MakeGrant); 4] = [
        ("no grant", |_| "no.grant.this".to_owned()),
        ("by nobody's key", |rig| {
            Forged::grant(&rig.of(&rig.mine)).signed(&foreign_key())
        }),
        ("another device's", |rig| {
            Forged::grant(&rig.of(&rig.theirs)).signed(&rig.ground.agent.identity)
        }),
        ("of a device that does not exist", |rig| {
            Forged::grant(&rig.of(&foreign_key())).signed(&rig.ground.agent.identity)
        }),
    ];
    // To a device that is known here, and to one that is not.
    for key in [&rig.mine, &foreign_key()] {
        let mut answers = Vec::new();
        for (name, make) in kinds {
            let mut link = rig.link(key).await?;
            answers.push((name, refusal(&mut link, For::Session(make(&rig))).await?));
        }
        same(&answers)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_device_of_another_machine_is_refused_as_one_that_does_not_exist() -> Result<()> {
    let mut rig = Rig::start().await?;
    // It is known there, and not here.
    rig.other.device = SigningKey::from_bytes(&[79; 32]);
    rig.other.announce(rig.other.announcement()).await?;
    let elsewhere = rig.other.device.clone();
    let mut answers = Vec::new();
    for (name, key) in [
        ("another machine's", &elsewhere),
        ("nobody's", &foreign_key()),
    ] {
        let mut link = rig.link(key).await?;
        let grant = Forged::grant(&rig.of(key)).signed(&rig.ground.agent.identity);
        answers.push((name, refusal(&mut link, For::Session(grant)).await?));
        let mut link = rig.link(key).await?;
        let conn = link.conn;
        let token = Forged::view(&rig.of(key), conn).signed(&rig.ground.agent.signer);
        answers.push((name, refusal(&mut link, For::Purpose(token)).await?));
    }
    same(&answers)
}

#[tokio::test]
async fn a_rendezvous_of_another_machine_is_refused_as_one_that_does_not_exist() -> Result<()> {
    use lanyard_shared::frame::{Rendezvous, RendezvousState};
    let mut rig = Rig::start().await?;
    let mut announce = rig.other.announcement();
    let id = RendezvousId([3; 16]);
    let state = RendezvousState::Open;
    announce.rendezvous.push(Rendezvous { id, state });
    rig.other.announce(announce).await?;
    let mut answers = Vec::new();
    for (name, id) in [
        ("another machine's", id),
        ("nobody's", RendezvousId([4; 16])),
    ] {
        let mut link = rig.link(&rig.mine).await?;
        answers.push((name, refusal(&mut link, For::Pair(id)).await?));
    }
    same(&answers)
}
