//! Codes in the hands of who has a key that was replaced: the machine keeps its name, and enrols under it itself.

use anyhow::{Result, bail};
use ed25519_dalek::SigningKey;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::frame::Frame;
use lanyard_shared::ids::AgentId;
use lanyard_shared::rotate::{IdentityCert, identity_cert};
use lanyard_tests::attack::Ground;
use lanyard_tests::attack::link::{introduced, told};
use std::net::Ipv4Addr;

fn key(seed: u8) -> SigningKey {
    SigningKey::from_bytes(&[seed; 32])
}

/// What the relay makes of this key and chain with a code.
struct Newcomer<'a> {
    ground: &'a Ground,
    code: EnrolmentCode,
}

impl<'a> Newcomer<'a> {
    async fn with_code(ground: &'a Ground) -> Result<Self> {
        let code = EnrolmentCode::parse(&ground.relay.enrol().await?)?;
        Ok(Self { ground, code })
    }

    fn leads(&self, from: &SigningKey, to: &SigningKey) -> IdentityCert {
        identity_cert(from, &to.verifying_key().to_bytes(), self.ground.agent.id)
    }

    async fn refused(&self, key: &SigningKey, chain: &[IdentityCert]) -> Result<CloseCode> {
        let (target, home) = (&self.ground.target, Ipv4Addr::LOCALHOST);
        let mut link = introduced(target, &self.code.code, key, chain, home).await?;
        told(link.ending().await?)
    }

    /// The name under which it is enrolled.
    async fn enrolled(&self, key: &SigningKey, chain: &[IdentityCert]) -> Result<AgentId> {
        let (target, home) = (&self.ground.target, Ipv4Addr::LOCALHOST);
        let mut link = introduced(target, &self.code.code, key, chain, home).await?;
        match link.next().await? {
            Frame::Welcome(welcome) => Ok(welcome.agent),
            other => bail!("{other:?} in place of a welcome"),
        }
    }
}

#[tokio::test]
async fn an_identity_that_was_replaced_does_not_take_the_machines_name_back_with_a_code()
-> Result<()> {
    let mut ground = Ground::start().await?;
    let (stolen, present, thief) = (ground.agent.identity.clone(), key(81), key(82));
    ground.agent.rotate(&ground.target, &present).await?;
    let newcomer = Newcomer::with_code(&ground).await?;
    let onwards = [newcomer.leads(&stolen, &thief)];
    for (key, chain) in [(&stolen, &[][..]), (&thief, &onwards)] {
        let refused = newcomer.refused(key, chain).await?;
        assert_eq!(refused, CloseCode::EnrolRefused);
    }
    // The honest twin, with the code that the thief had: the machine by its present key.
    let chain = [newcomer.leads(&stolen, &present)];
    let name = newcomer.enrolled(&present, &chain).await?;
    assert_eq!(name, ground.agent.id);
    ground.agent.again(&ground.target).await
}

#[tokio::test]
async fn a_machine_that_its_relay_knows_by_an_older_key_enrols_by_the_chain_from_there()
-> Result<()> {
    // As from a copy of the relay's database that is older than two rotations.
    let mut ground = Ground::start().await?;
    let (known, between, present) = (ground.agent.identity.clone(), key(81), key(82));
    let newcomer = Newcomer::with_code(&ground).await?;
    let chain = [
        newcomer.leads(&known, &between),
        newcomer.leads(&between, &present),
    ];
    let name = newcomer.enrolled(&present, &chain).await?;
    assert_eq!(name, ground.agent.id);
    // And what came before is nobody's from then on.
    let newcomer = Newcomer::with_code(&ground).await?;
    for (key, chain) in [(&known, &[][..]), (&between, &chain[..1])] {
        let refused = newcomer.refused(key, chain).await?;
        assert_eq!(refused, CloseCode::EnrolRefused);
    }
    ground.agent.identity = present;
    ground.agent.again(&ground.target).await
}
