//! A hostile relay with real agents and real viewers on it. It carries their frames as a relay does, checks nothing, and meddles when told to.

mod pump;

use super::hostile_relay::HostileRelay;
use crate::mark::Mark;
use crate::viewer::TestViewer;
use crate::{Agent, PATIENCE};
use anyhow::{Context as _, Result};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_agent::core::Identity;
use lanyard_agent::state::StateDir;
use lanyard_dial::clock;
use lanyard_shared::frame::{Announce, Close, Frame, Open, Origin, StreamId, Target as For};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::pair::PairingLink;
use lanyard_shared::pair::address::Address;
pub use pump::renumbered;
use pump::{Input, Joined, Pump};
use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use tempfile::TempDir;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;

/// One end of a way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// A machine.
    Agent(AgentId),
    /// A viewer's link, in the order in which they came.
    Viewer(usize),
    /// The relay itself: an answer on a stream that it opened, or a frame that goes no further.
    Relay,
}

/// A frame on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Carried {
    /// Whose.
    pub from: Side,
    /// For whom.
    pub to: Side,
    /// The stream, as its sender numbers it.
    pub stream: StreamId,
    /// The frame, numbered as its receiver does.
    pub frame: Frame,
}

/// What is carried in place of a frame.
pub type Meddle = Box<dyn FnMut(Carried) -> Vec<Carried> + Send>;

/// Where an end is to open a stream: on behalf of a viewer's stream, or of the relay itself.
pub type OnBehalf = Option<(usize, StreamId)>;

/// The relay and the agent that was enrolled with it first.
pub struct Between {
    /// The first agent.
    pub agent: Agent,
    /// Its id.
    pub id: AgentId,
    inputs: mpsc::UnboundedSender<Input>,
    meddle: Arc<Mutex<Meddle>>,
    log: watch::Receiver<Vec<Carried>>,
    announced: watch::Receiver<HashMap<AgentId, Announce>>,
    links: watch::Receiver<Vec<Joined>>,
    relay: Arc<HostileRelay>,
    address: Address,
    mark: Mark,
    dir: TempDir,
}

impl Between {
    /// A relay that behaves, and one agent on it.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start() -> Result<Self> {
        let dir = TempDir::new()?;
        let mark = Mark::new(dir.path().display().to_string());
        let relay = Arc::new(HostileRelay::start().await?);
        let address = relay.address()?;
        let (inputs, incoming) = mpsc::unbounded_channel();
        let (log, seen) = watch::channel(Vec::new());
        let (announce, announced) = watch::channel(HashMap::new());
        let (join, links) = watch::channel(Vec::new());
        let meddle: Arc<Mutex<Meddle>> = Arc::new(Mutex::new(Box::new(|carried| vec![carried])));
        let pump = Pump::new(inputs.downgrade(), log, announce, join, Arc::clone(&meddle));
        tokio::spawn(pump.run(incoming));
        tokio::spawn(welcome_all(Arc::clone(&relay), inputs.clone()));
        let (agent, id) = joined(&relay, dir.path(), "agent", mark.text()).await?;
        Ok(Self {
            agent,
            id,
            inputs,
            meddle,
            log: seen,
            announced,
            links,
            relay,
            address,
            mark,
            dir,
        })
    }

    /// One more agent.
    ///
    /// # Errors
    /// It does not start.
    pub async fn another_agent(&self) -> Result<(Agent, AgentId)> {
        joined(&self.relay, self.dir.path(), "another", self.mark.text()).await
    }

    /// A path inside the folder of all this.
    #[must_use]
    pub fn path(&self, name: &str) -> std::path::PathBuf {
        self.dir.path().join(name)
    }

    /// A pairing link that asks nobody and leads here.
    ///
    /// # Errors
    /// The agent gives none.
    pub async fn link_of(&self, agent: &Agent, scopes: &[&str]) -> Result<String> {
        let (_, link) = PairingLink::parse(&agent.pairing_link(scopes, true).await?)?;
        Ok(link.url(&self.address).to_string())
    }

    /// A fresh device, paired with the first agent and connected.
    ///
    /// # Errors
    /// Something between does not work.
    pub async fn viewer(&self, scopes: &[&str]) -> Result<TestViewer> {
        TestViewer::pair_by(&self.link_of(&self.agent, scopes).await?).await
    }

    /// From now on this is carried in place of each frame.
    pub fn meddle(&self, meddle: impl FnMut(Carried) -> Vec<Carried> + Send + 'static) {
        *self.meddle.lock().unwrap_or_else(PoisonError::into_inner) = Box::new(meddle);
    }

    /// From now on it behaves.
    pub fn behave(&self) {
        self.meddle(|carried| vec![carried]);
    }

    /// Opens a stream at an agent, whatever is asked there, as if it had passed every check.
    ///
    /// # Errors
    /// The agent is not there.
    pub async fn open_at(
        &self,
        agent: AgentId,
        open: Open,
        for_whom: OnBehalf,
    ) -> Result<StreamId> {
        let (reply, id) = oneshot::channel();
        let input = Input::Open {
            agent,
            open,
            for_whom,
            reply,
        };
        self.inputs.send(input).ok().context("the relay runs")?;
        id.await.context("the agent is there")
    }

    /// Opens one at the first agent with a token or grant, and waits for what it says.
    ///
    /// # Errors
    /// It says nothing.
    pub async fn try_open(&self, target: For, origin: Origin) -> Result<Result<StreamId, Close>> {
        let id = self.open_at(self.id, open(target, origin), None).await?;
        self.answer(self.id, id).await
    }

    /// Says something on a stream of its own.
    ///
    /// # Errors
    /// All is over.
    pub fn say(&self, to: Side, frame: Frame) -> Result<()> {
        self.inputs
            .send(Input::Say(to, frame))
            .ok()
            .context("the relay runs")
    }

    /// Whether an agent accepts a stream.
    ///
    /// # Errors
    /// It says nothing.
    pub async fn answer(&self, agent: AgentId, id: StreamId) -> Result<Result<StreamId, Close>> {
        self.carried(|carried| {
            if carried.from != Side::Agent(agent) || carried.stream != id {
                return None;
            }
            if let Frame::Close(_, close) = &carried.frame {
                Some(Err(close.clone()))
            } else {
                Some(Ok(id))
            }
        })
        .await
    }

    /// How an agent ended a stream.
    ///
    /// # Errors
    /// It does not.
    pub async fn ended(&self, agent: AgentId, id: StreamId) -> Result<Close> {
        self.carried(|carried| {
            let its = carried.from == Side::Agent(agent) && carried.stream == id;
            if let Frame::Close(_, close) = &carried.frame {
                Some(close.clone()).filter(|_| its)
            } else {
                None
            }
        })
        .await
    }

    /// Waits for the first frame, of all that ever came, that is as wanted.
    ///
    /// # Errors
    /// None comes.
    pub async fn carried<T>(&self, wanted: impl Fn(&Carried) -> Option<T>) -> Result<T> {
        let mut log = self.log.clone();
        let found = log.wait_for(|log| log.iter().any(|carried| wanted(carried).is_some()));
        let log = timeout(PATIENCE, found).await.context("it never came")??;
        log.iter().find_map(wanted).context("just seen")
    }

    /// All that came so far.
    #[must_use]
    pub fn log(&self) -> Vec<Carried> {
        self.log.borrow().clone()
    }

    /// What an agent announced last.
    #[must_use]
    pub fn announced(&self, agent: AgentId) -> Announce {
        self.announced
            .borrow()
            .get(&agent)
            .cloned()
            .unwrap_or_default()
    }

    /// Waits until an agent announces what is wanted.
    ///
    /// # Errors
    /// It does not.
    pub async fn announces(
        &self,
        agent: AgentId,
        wanted: impl Fn(&Announce) -> bool,
    ) -> Result<()> {
        let mut announced = self.announced.clone();
        let found = announced.wait_for(|all| all.get(&agent).is_some_and(&wanted));
        timeout(PATIENCE, found)
            .await
            .context("it never said so")??;
        Ok(())
    }

    /// The last link of a device, by its key, and what the relay says of it at agents.
    ///
    /// # Errors
    /// The device has none.
    pub fn link_by(&self, key: &SigningKey) -> Result<(usize, Origin)> {
        let device = key.verifying_key().to_bytes();
        let links = self.links.borrow();
        let found = links.iter().rposition(|link| link.device == device);
        let place = found.context("the device has a link")?;
        let conn: ConnId = links[place].conn;
        Ok((
            place,
            Origin {
                conn,
                device,
                from: Ipv6Addr::LOCALHOST,
            },
        ))
    }

    /// The first agent's identity, as a thief of its file would have it.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn identity(&self) -> Result<Arc<SigningKey>> {
        Ok(Arc::clone(keys_of(&self.agent)?.key()))
    }
}

/// An open as a relay passes it on.
#[must_use]
pub fn open(target: For, origin: Origin) -> Open {
    let versions = match target {
        For::Purpose(_) => vec![],
        For::Session(_) | For::Pair(_) => vec![1],
    };
    Open {
        target,
        credit: 1 << 18,
        versions,
        origin: Some(origin),
        first: Bytes::new(),
    }
}

async fn welcome_all(relay: Arc<HostileRelay>, inputs: mpsc::UnboundedSender<Input>) {
    // Who hangs up before it has proven anything is not waited for again, and nobody dials for ever.
    while !inputs.is_closed() {
        if let Ok(link) = relay.welcomed().await
            && inputs.send(Input::Joined(link)).is_err()
        {
            return;
        }
    }
}

async fn joined(
    relay: &HostileRelay,
    dir: &Path,
    name: &str,
    mark: &str,
) -> Result<(Agent, AgentId)> {
    let home = dir.join(format!("{name}-home"));
    std::fs::create_dir(&home)?;
    std::fs::write(home.join(".bashrc"), "PS1='$ '\nunset PROMPT_COMMAND\n")?;
    let agent = Agent::start(dir.join(name), home, mark, Some(&relay.code()?)).await?;
    let id = keys_of(&agent)?.agent();
    Ok((agent, id))
}

/// An agent's keys, from a copy of its file: reading them also writes them.
fn keys_of(agent: &Agent) -> Result<Identity> {
    let dir = TempDir::new()?;
    let stolen = StateDir::open(Some(dir.path().join("stolen")))?;
    let file = "identity.key";
    std::fs::copy(agent.state.join(file), dir.path().join("stolen").join(file))?;
    Ok(stolen.identity(clock::now().unix)?)
}
