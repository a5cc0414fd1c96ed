//! Where credentials are attacked: a relay, and an agent of it whose keys are held here.

use super::{HostileAgent, Target};
use crate::Relay;
use anyhow::Result;
use tempfile::TempDir;

/// A relay with an agent that has announced itself.
pub struct Ground {
    /// The relay.
    pub relay: Relay,
    /// Where it is.
    pub target: Target,
    /// The agent.
    pub agent: HostileAgent,
    /// What the relay keeps.
    pub dir: TempDir,
}

impl Ground {
    /// Starts both.
    ///
    /// # Errors
    /// The relay does not start, or refuses the agent.
    pub async fn start() -> Result<Self> {
        let dir = TempDir::new()?;
        let relay = Relay::start(dir.path().join("relay")).await?;
        let target = Target::of(&relay)?;
        let mut agent = HostileAgent::enrol(&target, &relay.enrol().await?).await?;
        agent.announce(agent.announcement()).await?;
        Ok(Self {
            relay,
            target,
            agent,
            dir,
        })
    }

    /// Another agent, which has announced nothing.
    ///
    /// # Errors
    /// The relay refuses it.
    pub async fn another(&self) -> Result<HostileAgent> {
        HostileAgent::enrol_as(&self.target, &self.relay.enrol().await?, [74; 32]).await
    }
}
