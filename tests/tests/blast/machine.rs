//! What is done in the machine's place. Where it succeeds the machine itself has lost its place, so it comes last and its world goes with it.

use super::scene::{Bag, Scene, own_keys};
use super::tries::yes;
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_client::client::Client;
use lanyard_dial::clock;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, Announce, DeviceEpoch, Frame, Role, Target as For};
use lanyard_shared::limits::SESSION_VERSIONS;
use lanyard_shared::msg::{self, ToAgent};
use lanyard_shared::noise::{MESSAGE_1, Prologue, Responder, StaticKey};
use lanyard_shared::proof::prove;
use lanyard_shared::rotate::rotate;
use lanyard_tests::attack::HostileLink;
use lanyard_tests::attack::link::AGENT;
use lanyard_tests::blast::{Act, Verdict};

/// All of it.
pub async fn tries(scene: &Scene, bag: &Bag) -> Result<Vec<(Act, Verdict)>> {
    let own = own_keys()?;
    let device = bag.keys.as_ref().map(|keys| keys.sign.clone());
    let identity = bag.identity.clone().or(device).unwrap_or(own.sign);
    let link = place(scene, &identity).await?;
    let (mut deceived, mut rotated) = (false, false);
    let there = link.is_some();
    if let Some(mut link) = link {
        let noise = bag.noise.clone().unwrap_or(own.noise);
        deceived = deceives(scene, &mut link, &noise)
            .await
            .context("deceiving")?;
        rotated = rotates(scene, &mut link, &identity)
            .await
            .context("rotating")?;
    }
    Ok(vec![
        (Act::BeMachine, yes(there)),
        (Act::DeceiveDevice, yes(deceived)),
        (Act::RotateIdentity, yes(rotated)),
    ])
}

/// The machine's place at the relay, by a proof with this key.
async fn place(scene: &Scene, identity: &SigningKey) -> Result<Option<HostileLink>> {
    let (mut link, challenge) =
        HostileLink::challenged(&scene.target, AGENT, scene.address()).await?;
    answers(scene, &mut link, identity, &challenge).await?;
    match link.next().await? {
        Frame::Welcome(_) => Ok(Some(link)),
        Frame::Close(0, close) if close.code == Some(CloseCode::ProofRefused) => Ok(None),
        frame => bail!("answered {frame:?}"),
    }
}

async fn answers(
    scene: &Scene,
    link: &mut HostileLink,
    key: &SigningKey,
    challenge: &lanyard_shared::frame::Challenge,
) -> Result<()> {
    let (now, host) = (clock::now().unix, scene.target.host());
    let proof = prove(key, Role::Agent, &host, scene.agent, challenge, now)?;
    link.send(&Frame::Proof(proof)).await
}

/// A device that knows the machine dials it: does it say hello to the thief?
async fn deceives(scene: &Scene, link: &mut HostileLink, noise: &StaticKey) -> Result<bool> {
    let announce = Announce {
        devices: vec![DeviceEpoch {
            id: scene.victim.device.id(),
            epoch: 1,
        }],
        ..Announce::default()
    };
    link.send(&Frame::Announce(announce)).await?;
    let (device, machine) = (scene.victim.device.clone(), scene.victim.machine.clone());
    let dialling = tokio::spawn(async move { Client::connect(&device, &machine).await });
    let heard = hears(scene, link, noise).await;
    dialling.abort();
    heard
}

async fn hears(scene: &Scene, link: &mut HostileLink, noise: &StaticKey) -> Result<bool> {
    let offered = |frame| {
        let Frame::Open(id, open) = frame else {
            return None;
        };
        let conn = open.origin.map(|origin| origin.conn)?;
        matches!(open.target, For::Session(_)).then_some((id, conn, open.first))
    };
    let (id, conn, first) = link.until(offered).await?;
    let versions = SESSION_VERSIONS.to_vec();
    let accept = Accept {
        credit: 1 << 16,
        versions,
    };
    link.send(&Frame::Accept(id, accept)).await?;
    let data = |frame| match frame {
        Frame::Data(its, data) if its == id => Some(Some(data)),
        Frame::Close(its, _) if its == id => Some(None),
        _ => None,
    };
    assert_eq!(first.len(), MESSAGE_1);
    let prologue = Prologue {
        agent: scene.agent,
        conn,
        viewer_versions: SESSION_VERSIONS,
        agent_versions: SESSION_VERSIONS,
    };
    let Ok(received) = Responder::read_session(&prologue, noise, &first) else {
        return Ok(false);
    };
    let (reply, waiting) = received.reply(&[])?;
    link.send(&Frame::Data(id, Bytes::from(reply))).await?;
    let Some(hello) = link.until(data).await? else {
        return Ok(false);
    };
    let (_, plain) = waiting.confirm(&hello)?;
    Ok(matches!(msg::decode(&plain)?, ToAgent::Hello { .. }))
}

/// The relay takes the thief's key for the machine's, for good.
async fn rotates(scene: &Scene, link: &mut HostileLink, identity: &SigningKey) -> Result<bool> {
    let next = own_keys()?.sign;
    let wish = rotate(identity, &next, scene.agent, link.conn);
    link.send(&Frame::Rotate(wish)).await?;
    let challenge = |frame| {
        if let Frame::Challenge(challenge) = frame {
            Some(challenge)
        } else {
            None
        }
    };
    let challenge = link.until(challenge).await?;
    answers(scene, link, &next, &challenge).await?;
    let welcome = |frame| matches!(frame, Frame::Welcome(_)).then_some(());
    link.until(welcome).await?;
    // The true identity has lost its place: only the thief's is known now.
    Ok(place(scene, identity).await?.is_none() && place(scene, &next).await?.is_some())
}
