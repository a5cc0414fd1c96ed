//! A hostile relay between a real agent and a real viewer: it answers in another's place, repeats what it heard, and keeps back what it should
//! pass on. It gets nothing by it, and once it behaves again, all goes on.

use super::typed::{BOTH, Rig};
use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use lanyard_client::client::Client;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, Close, Frame, Target as For};
use lanyard_shared::limits::SESSION_VERSIONS;
use lanyard_shared::noise::{
    MESSAGE_1, MESSAGE_2_OVERHEAD, NoiseFault, Prologue, Responder, StaticKey,
};
use lanyard_tests::attack::between::open;
use lanyard_tests::attack::{Carried, Side};
use lanyard_tests::viewer::plain;
use std::sync::{Arc, Mutex, PoisonError};

#[tokio::test]
async fn a_relay_that_answers_with_a_key_of_its_own_gets_no_session_and_reads_nothing() -> Result<()>
{
    let rig = Rig::start().await?;
    let (agent, own) = (rig.between.id, StaticKey::from_bytes(&[0x66; 32]));
    let tried = Arc::<Mutex<Vec<NoiseFault>>>::default();
    let seen = Arc::clone(&tried);
    // In the machine's place it accepts, and answers the handshake as far as it can.
    rig.between.meddle(move |carried| {
        let Side::Viewer(_) = carried.from else {
            return vec![carried];
        };
        let back = |frame| {
            let (from, to) = (Side::Relay, carried.from);
            vec![Carried {
                from,
                to,
                stream: carried.stream,
                frame,
            }]
        };
        match &carried.frame {
            Frame::Open(_, open) if matches!(open.target, For::Session(_)) => {
                let versions = SESSION_VERSIONS.to_vec();
                let accept = Accept {
                    credit: 1 << 16,
                    versions,
                };
                let prologue = Prologue {
                    agent,
                    conn: lanyard_shared::ids::ConnId([0; 16]),
                    viewer_versions: &[1],
                    agent_versions: SESSION_VERSIONS,
                };
                if let Err(fault) = Responder::read_session(&prologue, &own, &open.first) {
                    seen.lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .push(fault);
                }
                let made_up = Bytes::from(vec![0x55; MESSAGE_2_OVERHEAD]);
                let mut answer = back(Frame::Accept(carried.stream, accept));
                answer.extend(back(Frame::Data(carried.stream, made_up)));
                answer
            }
            _ => vec![carried],
        }
    });
    let refused = Client::connect(&rig.viewer.device, &rig.viewer.machine).await;
    let failure = refused
        .err()
        .context("there is no session with such a relay")?;
    assert_eq!(failure.code(), Some(CloseCode::HandshakeFailed));
    let tried = tried.lock().unwrap_or_else(PoisonError::into_inner).clone();
    ensure!(
        !tried.is_empty(),
        "it saw a first message, and could not read it"
    );
    rig.between.behave();
    let twin = Client::connect(&rig.viewer.device, &rig.viewer.machine).await;
    twin.map_err(plain)?;
    Ok(())
}

/// What a viewer sent in its session's handshake: its open, its first message, and the next.
fn handshake(log: &[Carried], place: usize) -> Result<(For, Bytes, Bytes)> {
    let its = || {
        log.iter()
            .filter(|carried| carried.from == Side::Viewer(place))
    };
    let opened = its().find_map(|carried| match &carried.frame {
        Frame::Open(_, open) if matches!(open.target, For::Session(_)) => {
            Some((carried.stream, open.target.clone(), open.first.clone()))
        }
        _ => None,
    });
    let (stream, target, first) = opened.context("a session")?;
    let mut data = its()
        .filter(|carried| carried.stream == stream)
        .filter_map(|carried| {
            if let Frame::Data(_, data) = &carried.frame {
                Some(data.clone())
            } else {
                None
            }
        });
    ensure!(first.len() == MESSAGE_1, "a first message");
    Ok((target, first, data.next().context("a second message")?))
}

#[tokio::test]
async fn a_first_message_that_is_replayed_gets_no_further_than_an_answer_nobody_can_read()
-> Result<()> {
    let mut rig = Rig::start().await?;
    let (place, origin) = rig.origin()?;
    let (target, first, second) = handshake(&rig.between.log(), place)?;
    let id = rig.between.try_open(target.clone(), origin).await?;
    let id = id.map_err(|close| anyhow::anyhow!("{close:?}"))?;
    let agent = rig.between.id;
    rig.between
        .say(Side::Agent(agent), Frame::Data(id, first))?;
    let answered = rig.between.carried(|carried| {
        let its = carried.from == Side::Agent(agent) && carried.stream == id;
        (its && matches!(carried.frame, Frame::Data(..))).then_some(())
    });
    answered.await?;
    // The next message of the same viewer was for another handshake.
    rig.between
        .say(Side::Agent(agent), Frame::Data(id, second))?;
    let ended = rig.between.ended(agent, id).await?;
    assert_eq!(ended, Close::from(CloseCode::SealBroken));
    let said = rig.between.log().into_iter().filter(|carried| {
        let its = carried.from == Side::Agent(agent) && carried.stream == id;
        its && matches!(carried.frame, Frame::Data(..))
    });
    assert_eq!(
        said.count(),
        1,
        "one answer to the handshake, and nothing in it"
    );
    // The session whose words these were stands, and so does what it opened.
    rig.line_arrives().await?;
    ensure!(rig.interruptions() == 0, "it was disturbed");
    let twin = Client::connect(&rig.viewer.device, &rig.viewer.machine).await;
    twin.map_err(plain)?;
    Ok(())
}

#[tokio::test]
async fn opens_that_are_sent_again_open_nothing_and_end_nothing() -> Result<()> {
    let mut rig = Rig::start().await?;
    let (place, origin) = rig.origin()?;
    let opens: Vec<For> = rig
        .between
        .log()
        .into_iter()
        .filter(|carried| carried.from == Side::Viewer(place))
        .filter_map(|carried| match carried.frame {
            Frame::Open(_, open) if matches!(open.target, For::Purpose(_)) => Some(open.target),
            _ => None,
        })
        .collect();
    assert_eq!(opens.len(), 2, "to watch and to type");
    for target in opens {
        let again = rig.between.try_open(target, origin).await?;
        assert_eq!(again, Err(CloseCode::TokenUsed.into()));
    }
    rig.line_arrives().await?;
    ensure!(rig.interruptions() == 0, "it was disturbed");
    // A stream id that comes again ends the relay's link, and the viewer finds its terminal again.
    let used = rig
        .between
        .open_at(
            rig.between.id,
            open(For::Session("no.grant.this".into()), origin),
            None,
        )
        .await?;
    let replayed = Frame::Open(used, open(For::Session("no.grant.this".into()), origin));
    rig.between.say(Side::Agent(rig.between.id), replayed)?;
    rig.notices().await?;
    rig.reopen()?;
    rig.line_arrives().await
}

#[tokio::test]
async fn another_machine_that_is_put_in_the_place_of_the_one_asked_for_opens_nothing() -> Result<()>
{
    let mut rig = Rig::start().await?;
    let (other, other_id) = rig.between.another_agent().await?;
    let (_, origin) = rig.origin()?;
    let asked = rig.between.id;
    let carried_to = |target| rig.between.open_at(other_id, open(target, origin), None);
    let (target, first, _) = handshake(&rig.between.log(), rig.origin()?.0)?;
    // It does not know the device.
    let id = carried_to(target.clone()).await?;
    let answer = rig.between.answer(other_id, id).await?;
    assert_eq!(answer, Err(CloseCode::UnknownDevice.into()));
    // Nor, when it does, the grant of another machine.
    let link = rig.between.link_of(&other, BOTH).await?;
    let machine = Client::pair(&link, &rig.viewer.device)
        .await
        .map_err(plain)?;
    let machine = machine.wait().await.map_err(plain)?;
    let id = carried_to(target).await?;
    let answer = rig.between.answer(other_id, id).await?;
    assert_eq!(answer, Err(CloseCode::TokenRefused.into()));
    // And with a grant of its own it cannot read what was meant for the other.
    let id = carried_to(For::Session(machine.grant.clone())).await?;
    let answer = rig.between.answer(other_id, id).await?;
    ensure!(answer.is_ok(), "{answer:?}");
    rig.between
        .say(Side::Agent(other_id), Frame::Data(id, first))?;
    let ended = rig.between.ended(other_id, id).await?;
    assert_eq!(ended, Close::from(CloseCode::HandshakeFailed));
    // Each answers for itself.
    let twin = Client::connect(&rig.viewer.device, &machine).await;
    twin.map_err(plain)?;
    ensure!(asked != other_id, "they are two");
    rig.line_arrives().await
}

#[tokio::test]
async fn a_revocation_that_the_relay_withholds_ends_the_device_at_the_machine_all_the_same()
-> Result<()> {
    let rig = Rig::start().await?;
    let honest = rig.between.viewer(BOTH).await?;
    let (place, origin) = rig.origin()?;
    let (grant, ..) = handshake(&rig.between.log(), place)?;
    // Nothing that the machine says reaches this viewer any more.
    rig.between.meddle(move |carried| {
        if carried.to == Side::Viewer(place) {
            vec![]
        } else {
            vec![carried]
        }
    });
    let device = rig.viewer.device.id();
    let agent = rig.between.id;
    rig.between.agent.end_device(device).await?;
    rig.between
        .announces(agent, |announce| {
            announce.devices.iter().all(|known| known.id != device)
        })
        .await?;
    // It types on: its streams are gone at the machine.
    let told = rig.between.log().len();
    let line = format!("echo 999 >> {}\r", rig.file.display());
    rig.terminal.type_text(&line).await?;
    let arrived = |carried: &Carried| {
        let its = carried.from == Side::Viewer(place);
        (its && matches!(carried.frame, Frame::Data(..))).then_some(())
    };
    rig.between.carried(arrived).await?;
    let opened = rig.between.try_open(grant, origin).await?;
    assert_eq!(opened, Err(CloseCode::UnknownDevice.into()));
    rig.between.behave();
    // What came later came behind the keys that were typed in vain.
    let mut another = honest.terminal().await?;
    another.type_text("echo here-$((1+1))\r").await?;
    another.until("here-2").await?;
    rig.arrived()?;
    let said = rig.between.log()[told..].iter().any(|carried| {
        carried.to == Side::Viewer(place) && matches!(carried.frame, Frame::Data(..))
    });
    ensure!(!said, "it was shown something after its end");
    Ok(())
}
