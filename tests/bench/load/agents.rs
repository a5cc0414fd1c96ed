//! Many idle agents: each with a key, an enrolment and a source address of its own, and nothing to do but keep its link alive.

use crate::peer::{AGENT, Peer, code, key};
use crate::{Crowd, Floor, Ours};
use anyhow::Result;
use lanyard_bench::floor::{Leg, connect};
use lanyard_bench::say;
use lanyard_dial::{Relay, clock};
use lanyard_shared::frame::Announce;
use lanyard_shared::ids::AgentId;
use lanyard_shared::limits::LIFE_SIGNER;
use lanyard_shared::link::Dialler;
use lanyard_shared::token::signer_cert;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::io::AsyncReadExt as _;
use tokio::sync::{Semaphore, mpsc};

/// Agents that dial at once.
const AT_ONCE: usize = 32;

/// Links so many agents, says so, and keeps them linked for ever.
pub async fn ours(at: &Ours, crowd: Crowd) -> Result<()> {
    let (relay, operator) = (Arc::new(at.relay()?), Arc::new(at.operator.clone()));
    keep(crowd, move |number, place| {
        agent(Arc::clone(&relay), Arc::clone(&operator), number, place)
    })
    .await
}

/// The same at the floor's relay.
pub async fn floor(at: &Floor, crowd: Crowd) -> Result<()> {
    let address = at.address()?;
    keep(crowd, move |number, place| {
        let address = address.clone();
        async move {
            let mut leg =
                connect(&address, Some(source(number)), Leg::Agent, number.into()).await?;
            place.stands();
            leg.read_u8().await?;
            Ok(())
        }
    })
    .await
}

/// A place among those who dial; given back when the link stands.
struct Place {
    _permit: tokio::sync::OwnedSemaphorePermit,
    standing: mpsc::UnboundedSender<()>,
}

impl Place {
    fn stands(self) {
        // Only a process that is ending does not listen.
        let _ = self.standing.send(());
    }
}

async fn keep<F>(crowd: Crowd, agent: impl Fn(u32, Place) -> F) -> Result<()>
where
    F: Future<Output = Result<()>> + Send + 'static,
{
    let places = Arc::new(Semaphore::new(AT_ONCE));
    let (standing, mut stands) = mpsc::unbounded_channel();
    let mut tasks = tokio::task::JoinSet::new();
    for number in crowd.first..crowd.first + crowd.count {
        let place = Place {
            _permit: Arc::clone(&places).acquire_owned().await?,
            standing: standing.clone(),
        };
        tasks.spawn(agent(number, place));
    }
    for _ in 0..crowd.count {
        tokio::select! {
            _ = stands.recv() => {}
            Some(ended) = tasks.join_next() => ended??,
        }
    }
    say::line(&serde_json::json!({"event": "standing", "count": crowd.count}))?;
    while let Some(ended) = tasks.join_next().await {
        ended??;
    }
    Ok(())
}

async fn agent(relay: Arc<Relay>, operator: Arc<PathBuf>, number: u32, place: Place) -> Result<()> {
    let mut peer = enrolled(&relay, &operator, number).await?;
    let (identity, signer) = (key(number), key(number | 1 << 31).verifying_key());
    let agent = AgentId::of_first_key(&identity.verifying_key().to_bytes());
    let now = clock::unix().secs();
    let until = now + LIFE_SIGNER.as_secs();
    peer.link.announce(Announce {
        signers: vec![signer_cert(
            &identity,
            agent,
            &signer.to_bytes(),
            now,
            until,
        )],
        devices: Vec::new(),
        revoked: Vec::new(),
        rendezvous: Vec::new(),
        former: vec![],
        locked: false,
    });
    place.stands();
    loop {
        peer.event().await?;
    }
}

async fn enrolled(relay: &Relay, operator: &Path, number: u32) -> Result<Peer> {
    let newcomer = Dialler::Newcomer {
        key: Arc::new(key(number)),
        code: code(operator).await?,
        name: format!("bench {number}"),
        chain: vec![],
    };
    Peer::dial(relay, AGENT, newcomer, Some(source(number))).await
}

/// An address of loopback for each: a relay bounds strangers by address, and ten thousand machines have as many.
fn source(number: u32) -> IpAddr {
    let [_, a, b, c] = number.to_be_bytes();
    Ipv4Addr::new(127, a + 1, b, c).into()
}
