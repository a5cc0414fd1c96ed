//! Many idle agents: each with a key, an enrolment and a source address of its own, and nothing to do but keep its link alive, or come back.

use crate::peer::{AGENT, Peer, code, key};
use crate::{Crowd, Floor, Ours};
use anyhow::{Context as _, Result};
use lanyard_bench::floor::{Address, Leg, connect};
use lanyard_bench::say;
use lanyard_dial::{Backoff, Relay, clock};
use lanyard_shared::frame::Announce;
use lanyard_shared::ids::AgentId;
use lanyard_shared::limits::LIFE_SIGNER;
use lanyard_shared::link::Dialler;
use lanyard_shared::random;
use lanyard_shared::token::signer_cert;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::sleep;

/// Agents that dial at once, at first.
const AT_ONCE: usize = 32;
/// How soon the floor's agents dial again.
const FLOOR_AGAIN: Duration = Duration::from_millis(20);

/// Links so many agents, says so, and keeps them linked for ever.
pub async fn ours(at: &Ours, crowd: Crowd) -> Result<()> {
    let (relay, operator) = (Arc::new(at.relay()?), Arc::new(at.operator.clone()));
    keep(crowd, move |number, mut place| {
        let (relay, operator) = (Arc::clone(&relay), Arc::clone(&operator));
        async move {
            let mut dialler = Dialler::Newcomer {
                key: Arc::new(key(number)),
                code: code(&operator).await?,
                name: format!("bench {number}"),
                chain: vec![],
            };
            let mut backoff = Backoff::default();
            loop {
                let ended = link(&relay, number, dialler, &mut place).await;
                if !place.goes_on() {
                    return ended;
                }
                dialler = Dialler::Agent {
                    agent: AgentId::of_first_key(&key(number).verifying_key().to_bytes()),
                    key: Arc::new(key(number)),
                };
                let chance = random::secret().context("randomness")?;
                sleep(backoff.next_wait(u32::from_be_bytes(*chance))).await;
            }
        }
    })
    .await
}

/// One link of an agent, from dialling to its end.
async fn link(relay: &Relay, number: u32, dialler: Dialler, place: &mut Place) -> Result<()> {
    let mut peer = Peer::dial(relay, AGENT, dialler, Some(source(number))).await?;
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

/// The same at the floor's relay. A viewer that comes is given `history` bytes.
pub async fn floor(at: &Floor, crowd: Crowd, history: u32) -> Result<()> {
    let address = at.address()?;
    keep(crowd, move |number, mut place| {
        let address = address.clone();
        async move {
            loop {
                let ended = leg(&address, number, history, &mut place).await;
                if !place.goes_on() {
                    return ended;
                }
                sleep(FLOOR_AGAIN).await;
            }
        }
    })
    .await
}

/// One leg of the floor's agent, from dialling to its end.
async fn leg(address: &Address, number: u32, history: u32, place: &mut Place) -> Result<()> {
    let mut leg = connect(address, Some(source(number)), Leg::Agent, number.into()).await?;
    place.stands();
    leg.read_u8().await?;
    leg.write_all(&vec![b'h'; history as usize]).await?;
    leg.flush().await?;
    leg.read_u8().await?;
    Ok(())
}

/// A place among those who dial at first, given back when the link stands; and how often it has stood.
struct Place {
    permit: Option<OwnedSemaphorePermit>,
    stood: usize,
    comes_back: bool,
    standing: mpsc::UnboundedSender<usize>,
}

impl Place {
    fn stands(&mut self) {
        self.permit = None;
        // Only a process that is ending does not listen.
        let _ = self.standing.send(self.stood);
        self.stood += 1;
    }

    /// Whether an end of the link is a reason to dial again.
    fn goes_on(&self) -> bool {
        self.comes_back && self.stood > 0
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
            permit: Some(Arc::clone(&places).acquire_owned().await?),
            stood: 0,
            comes_back: crowd.come_back,
            standing: standing.clone(),
        };
        tasks.spawn(agent(number, place));
    }
    // How many have stood once, twice, ...
    let mut stood: Vec<u32> = Vec::new();
    loop {
        tokio::select! {
            Some(times) = stands.recv() => {
                stood.resize(stood.len().max(times + 1), 0);
                stood[times] += 1;
                if stood[times] == crowd.count {
                    say::line(&serde_json::json!({"event": "standing", "count": crowd.count}))?;
                }
            }
            Some(ended) = tasks.join_next() => ended??,
        }
    }
}

/// An address of loopback for each: a relay bounds strangers by address, and ten thousand machines have as many.
fn source(number: u32) -> IpAddr {
    let [_, a, b, c] = number.to_be_bytes();
    Ipv4Addr::new(127, a + 1, b, c).into()
}
