//! The token signer lies in the memory of a running agent and nowhere else, so its theft is played at a machine of the test's own: the relay
//! takes what the thief signs. That a real machine refuses it is shown where its signer can be reached: `local-agent/src/core/tests/attacks.rs`.

use super::tries::Outcomes;
use anyhow::Result;
use ed25519_dalek::SigningKey;
use lanyard_dial::clock;
use lanyard_shared::frame::{Frame, Target as For};
use lanyard_shared::ids::{DeviceId, TokenId};
use lanyard_shared::token::Kind;
use lanyard_tests::attack::forge::{Forged, Of, quoted};
use lanyard_tests::attack::{Ground, HostileLink};
use lanyard_tests::blast::{Loot, Operation, Step, Verdict};
use std::net::Ipv4Addr;

/// Puts what a signer opens in the place of what was tried without one.
pub async fn instead(outcomes: &mut Outcomes, loot: Loot) -> Result<()> {
    let mut ground = Ground::start().await?;
    let (target, agent) = (&ground.target, &mut ground.agent);
    // With the device's keys or its link the thief is that device at the relay; alone it is a stranger.
    let key = if loot.keys || loot.link {
        agent.device.clone()
    } else {
        SigningKey::from_bytes(&[99; 32])
    };
    let mut link = HostileLink::viewer(target, agent.id, &key, Ipv4Addr::LOCALHOST).await?;
    for (number, kind) in (1..).zip(Kind::ALL.iter().copied()) {
        let of = Of {
            agent: agent.id,
            device: DeviceId::of_key(key.verifying_key().as_bytes()),
            epoch: 0,
            issued: clock::now().unix.secs(),
            id: TokenId([number; 16]),
        };
        let target = if kind == Kind::Device {
            For::Session(Forged::grant(&of).signed(&agent.signer))
        } else {
            let token = Forged::view(&of, link.conn).claim("aud", quoted(kind.name()));
            let ends = of.issued + kind.life().as_secs();
            For::Purpose(token.claim("exp", ends).signed(&agent.signer))
        };
        link.open(u32::from(number), target, 1000).await?;
        let taken = tokio::select! {
            offered = agent.offered() => {
                let (id, _) = offered?;
                let no = lanyard_shared::close::CloseCode::TokenRefused;
                agent.link.send(&Frame::Close(id, no.into())).await?;
                true
            }
            refused = link.refusal(u32::from(number)) => {
                refused?;
                false
            }
        };
        let operation = Operation::Purpose(Step::Open, kind);
        let verdict = if taken {
            Verdict::RelayOnly
        } else {
            Verdict::No
        };
        for (tried, found) in outcomes.iter_mut() {
            if *tried == operation {
                *found = verdict;
            }
        }
    }
    Ok(())
}
