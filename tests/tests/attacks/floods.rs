//! Bad credentials by the thousand, beside a session that works and keeps its echo.

use super::typed::Rig;
use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::SigningKey;
use lanyard_client::client::Client;
use lanyard_dial::clock;
use lanyard_relay::limits::{UNPROVEN_PER_ADDRESS, WRONG_PROOFS, WRONG_PROOFS_OF_AGENT};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Role, Target as For};
use lanyard_shared::ids::{AgentId, DeviceId, TokenId};
use lanyard_shared::proof::prove;
use lanyard_tests::attack::between::open;
use lanyard_tests::attack::cost::{STRANGER, anonymous_memory};
use lanyard_tests::attack::forge::{Forged, Of, quoted};
use lanyard_tests::attack::link::ATTACH;
use lanyard_tests::attack::target::source;
use lanyard_tests::attack::ws::Ending;
use lanyard_tests::attack::{Attackers, Beside, HostileLink, Target};
use lanyard_tests::viewer::plain;
use lanyard_tests::{TestViewer, World};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

/// Tokens of one flood at least.
const MANY: u64 = 3000;

/// A token that names a key nobody knows, and is signed by it. No two name the same.
fn by_an_unknown_key(number: u64, of: Of, conn: lanyard_shared::ids::ConnId) -> String {
    let mut seed = [0x66; 32];
    seed[..8].copy_from_slice(&number.to_be_bytes());
    let key = SigningKey::from_bytes(&seed);
    let kid = quoted(&b64::encode(key.verifying_key()));
    let token = Forged::view(&of, conn);
    // In turn well-formed, and with the name where a careless reader would look for it.
    if number.is_multiple_of(2) {
        token.signed(&key)
    } else {
        token.header("kid", kid).signed(&key)
    }
}

#[tokio::test]
async fn tokens_by_thousands_of_unknown_keys_slow_nobody_and_displace_no_key() -> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let mut beside = Beside::start(&world).await?;
    // A guest of the machine: a stranger's tokens would be refused without a look at their keys.
    let guest = TestViewer::pair(&world, &["view"]).await?;
    let (device, machine) = (guest.device.signing_key().clone(), guest.machine.agent);
    let attackers = Attackers::start()?;
    let relay = world.relay.process.pid()?;
    let (quiet, empty) = (beside.echo().await?, anonymous_memory(relay)?);
    let attack = attackers.attack(2, |number, hits| {
        let (target, device) = (target.clone(), device.clone());
        async move {
            let mut link = HostileLink::viewer(&target, machine, &device, source(number)).await?;
            for stream in 1_u32.. {
                let unique = u64::from(number) << 32 | u64::from(stream);
                let of = Of {
                    agent: machine,
                    device: DeviceId::of_key(&device.verifying_key().to_bytes()),
                    epoch: 1,
                    issued: clock::now().unix.secs(),
                    id: TokenId([7; 16]),
                };
                let raw = by_an_unknown_key(unique, of, link.conn);
                link.open(stream, For::Purpose(raw), 1000).await?;
                ensure!(link.refusal(stream).await? == CloseCode::TokenRefused);
                hits.hit();
            }
            Ok(())
        }
    });
    let attack = attack.await?;
    let echo = beside.keeps_its_echo(quiet).await?;
    attack.reached(MANY).await?;
    let full = anonymous_memory(relay)?;
    attack.goes_on().await?;
    attack.stop().await?;
    ensure!(
        full <= empty + (4 << 20),
        "{empty} -> {full}: keys are kept"
    );
    // The honest twin: the same device, with what it was given.
    Client::connect(&guest.device, &guest.machine)
        .await
        .map_err(plain)?;
    eprintln!("{echo:?}, {empty} -> {full} bytes");
    Ok(())
}

#[tokio::test]
async fn the_same_flood_at_the_agent_itself_ends_nothing_and_what_is_typed_comes() -> Result<()> {
    let mut rig = Rig::start().await?;
    let (_, origin) = rig.origin()?;
    let of = Of {
        agent: rig.between.id,
        device: DeviceId::of_key(&origin.device),
        epoch: 1,
        issued: clock::now().unix.secs(),
        id: TokenId([7; 16]),
    };
    let mut last = 0;
    for number in 0..MANY {
        let raw = by_an_unknown_key(number, of, origin.conn);
        last = rig
            .between
            .open_at(rig.between.id, open(For::Purpose(raw), origin), None)
            .await?;
    }
    let refused = rig.between.answer(rig.between.id, last).await?;
    ensure!(
        refused == Err(CloseCode::TokenRefused.into()),
        "{refused:?}"
    );
    rig.line_arrives().await?;
    ensure!(rig.interruptions() == 0, "it was disturbed");
    Ok(())
}

/// Attackers that share one address.
const ONE_ADDRESS: u32 = 3;

#[tokio::test]
async fn proofs_that_do_not_hold_slow_no_session_whether_from_one_address_or_for_one_machine()
-> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let mut beside = Beside::start(&world).await?;
    let (machine, relay) = (beside.viewer.machine.agent, world.relay.process.pid()?);
    let attackers = Attackers::start()?;
    let empty = anonymous_memory(relay)?;
    // Some attack from one address, and some each from its own; how many proofs came from each.
    let sent: Arc<[AtomicU32; ONE_ADDRESS as usize]> = Arc::default();
    let echo = beside
        .through(&attackers, 2 * ONE_ADDRESS, |number, hits| {
            let (target, sent) = (target.clone(), Arc::clone(&sent));
            async move {
                let address = number.saturating_sub(ONE_ADDRESS);
                let from = source(address);
                let key = SigningKey::from_bytes(&[0x66; 32]);
                for round in 0_u64.. {
                    let (mut link, challenge) =
                        HostileLink::challenged(&target, ATTACH, from).await?;
                    // In turn for the machine that is attacked, and for one that is not there.
                    let wrong = round % 2 == 1;
                    let agent = if wrong { AgentId([9; 16]) } else { machine };
                    let now = clock::now().unix;
                    let mut proof =
                        prove(&key, Role::Device, &target.host(), agent, &challenge, now)?;
                    if !wrong {
                        proof.signature = b64::Bytes([7; 64]);
                    }
                    sent[address as usize].fetch_add(1, Ordering::SeqCst);
                    link.send(&Frame::Proof(proof)).await?;
                    let expected = if wrong {
                        CloseCode::UnknownAgent
                    } else {
                        CloseCode::ProofRefused
                    };
                    match link.ending().await? {
                        Ending::Told(code) => ensure!(code == expected, "{code:?}"),
                        // Nobody is dropped without a word before there were too many.
                        Ending::Cut => {
                            let sent = || sent.iter().map(|sent| sent.load(Ordering::SeqCst));
                            let by_one = sent().nth(address as usize) > Some(WRONG_PROOFS);
                            let by_all = sent().sum::<u32>() > WRONG_PROOFS_OF_AGENT;
                            ensure!(by_one || by_all, "{:?}", sent().collect::<Vec<_>>());
                        }
                    }
                    hits.hit();
                }
                Ok(())
            }
        })
        .await?;
    let full = anonymous_memory(relay)?;
    ensure!(full <= empty + 64 * STRANGER, "{empty} -> {full}");
    // A device that comes now gets in.
    let newcomer = TestViewer::pair(&world, &["view"]).await?;
    newcomer.client.close().await;
    eprintln!("{echo:?}, {empty} -> {full} bytes");
    Ok(())
}

#[tokio::test]
async fn an_address_that_proves_nothing_displaces_its_own_and_leaves_room_for_its_neighbours_and_others()
-> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let viewer = TestViewer::pair(&world, &["view"]).await?;
    let (agent, key) = (viewer.machine.agent, SigningKey::from_bytes(&[5; 32]));
    let (mut elsewhere, challenge) = HostileLink::challenged(&target, ATTACH, source(2)).await?;
    let mut waiting = Vec::new();
    for _ in 0..UNPROVEN_PER_ADDRESS {
        waiting.push(HostileLink::challenged(&target, ATTACH, source(1)).await?);
    }
    // A neighbour behind the same address gets in.
    HostileLink::viewer(&target, agent, &key, source(1)).await?;
    // One address has a bound, and the oldest of it is told when to come back.
    let (oldest, _) = waiting.first_mut().context("the oldest")?;
    let told = oldest
        .until(|frame| match frame {
            Frame::Close(0, close) => Some(close),
            _ => None,
        })
        .await?;
    assert_eq!(told.code, Some(CloseCode::Busy));
    ensure!(told.again().is_some(), "{told:?}");
    // Nobody elsewhere made room.
    let now = clock::now().unix;
    let proof = prove(&key, Role::Device, &target.host(), agent, &challenge, now)?;
    elsewhere.send(&Frame::Proof(proof)).await?;
    let welcomed = elsewhere.next().await?;
    ensure!(matches!(welcomed, Frame::Welcome(_)), "{welcomed:?}");
    Ok(())
}
