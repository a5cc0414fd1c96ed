//! The map of hubs and a link's place in one of them.

use super::fault::{PeerMisbehaved, name};
use super::hub::Hub;
use super::lease::AgentClock;
use super::leg::Output;
use super::parting::How;
use crate::limits::HELD_PER_AGENT;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Announce, Frame, Open, Role, StreamId};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::time::Mono;
use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

type Shared = Arc<Mutex<Hub>>;

/// All hubs. The map's lock is taken before a hub's, never after.
#[derive(Debug)]
pub struct Router {
    hubs: Mutex<HashMap<AgentId, Shared>>,
    /// What may wait in each.
    room: usize,
    carried: Arc<AtomicU64>,
}

/// How much there is of what is routed. Numbers only: who it is does not belong here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Agents with a link.
    pub agents: usize,
    /// Links of viewers.
    pub viewers: usize,
    /// Streams between them.
    pub streams: usize,
    /// Bytes of streams that were handed on since the relay started.
    pub bytes: u64,
}

/// A link's place in its hub. Dropping it leaves.
#[derive(Debug)]
pub struct Port {
    router: Arc<Router>,
    hub: Shared,
    role: Role,
    agent: AgentId,
    conn: ConnId,
}

impl Router {
    /// A router that knows nobody.
    #[must_use]
    pub fn new() -> Arc<Self> {
        Self::with_room(HELD_PER_AGENT)
    }

    /// A router that knows nobody and holds at most `room` bytes for the links of one agent.
    #[must_use]
    pub fn with_room(room: usize) -> Arc<Self> {
        let hubs = Mutex::default();
        Arc::new(Self {
            hubs,
            room,
            carried: Arc::default(),
        })
    }

    /// Gives an agent that has proven itself its place. The newest proof wins.
    pub fn attach_agent(
        self: &Arc<Self>,
        agent: AgentId,
        conn: ConnId,
        identity: [u8; 32],
        clock: AgentClock,
    ) -> Port {
        let mut hubs = self.lock();
        let hub = self.hub(&mut hubs, agent);
        lock(&hub).attach_agent(conn, identity, clock);
        Port {
            router: Arc::clone(self),
            hub,
            role: Role::Agent,
            agent,
            conn,
        }
    }

    /// Gives a viewer that has proven its device key its place beside the agent it wants.
    ///
    /// # Errors
    /// `Busy`: too many want this agent.
    pub fn attach_viewer(
        self: &Arc<Self>,
        agent: AgentId,
        conn: ConnId,
        key: [u8; 32],
        from: Ipv6Addr,
    ) -> Result<Port, CloseCode> {
        let mut hubs = self.lock();
        let hub = self.hub(&mut hubs, agent);
        lock(&hub).attach_viewer(conn, key, from)?;
        Ok(Port {
            router: Arc::clone(self),
            hub,
            role: Role::Device,
            agent,
            conn,
        })
    }

    /// An agent was refused because of its clock.
    pub fn agent_skewed(&self, agent: AgentId, now: Mono) {
        let mut hubs = self.lock();
        lock(&self.hub(&mut hubs, agent)).agent_skewed(now);
    }

    /// True while the agent is connected.
    #[must_use]
    pub fn is_online(&self, agent: AgentId) -> bool {
        self.lock()
            .get(&agent)
            .is_some_and(|hub| lock(hub).is_online())
    }

    /// Ends the links of an agent and of all who want it.
    pub fn end_agent(&self, agent: AgentId, code: CloseCode) {
        if let Some(hub) = self.lock().get(&agent) {
            lock(hub).end_all(code);
        }
    }

    /// How much there is now.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let traffic = Traffic {
            bytes: self.carried.load(Ordering::Relaxed),
            ..Traffic::default()
        };
        self.lock().values().fold(traffic, |sum, hub| {
            let (agents, viewers, streams) = lock(hub).counts();
            Traffic {
                agents: sum.agents + agents,
                viewers: sum.viewers + viewers,
                streams: sum.streams + streams,
                ..sum
            }
        })
    }

    /// Ends every link.
    pub fn end_all(&self, code: CloseCode) {
        for hub in self.lock().values() {
            lock(hub).end_all(code);
        }
    }

    /// Forgets hubs with nobody in them whose memory has expired.
    pub fn sweep(&self, now: Mono) {
        self.lock().retain(|_, hub| !lock(hub).is_idle(now));
    }

    fn hub(&self, hubs: &mut HashMap<AgentId, Shared>, agent: AgentId) -> Shared {
        let fresh = || {
            let hub = Hub::new(agent, self.room).counting(Arc::clone(&self.carried));
            Arc::new(Mutex::new(hub))
        };
        Arc::clone(hubs.entry(agent).or_insert_with(fresh))
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<AgentId, Shared>> {
        self.hubs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Port {
    /// Agent or device.
    #[must_use]
    pub fn role(&self) -> Role {
        self.role
    }

    /// The agent whose hub this is.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// The link's name.
    #[must_use]
    pub fn conn(&self) -> ConnId {
        self.conn
    }

    /// Takes one frame from the peer. Proofs, pings and the link's own close are for the link itself.
    ///
    /// # Errors
    /// The peer broke the protocol; its link is to end.
    pub fn take(&self, frame: Frame, now: Mono) -> Result<(), PeerMisbehaved> {
        match (self.role, frame) {
            (Role::Device, Frame::Open(id, open)) => self.open(id, open, now),
            (Role::Agent, Frame::Announce(announce)) => self.announce(announce, now),
            (Role::Agent, Frame::Renew(id, token)) => self.renew(id, token, now),
            (Role::Agent, Frame::Accept(id, accept)) => self.lock().accept(self.conn, id, accept),
            (Role::Device, frame @ (Frame::Data(..) | Frame::Credit(..) | Frame::Close(..))) => {
                self.lock().viewer_sends(self.conn, frame, now)
            }
            (Role::Agent, frame @ (Frame::Data(..) | Frame::Credit(..) | Frame::Close(..))) => {
                self.lock().agent_sends(self.conn, frame, now)
            }
            (
                Role::Agent | Role::Device,
                frame @ (Frame::Challenge(_)
                | Frame::Proof(_)
                | Frame::Enrol(_)
                | Frame::Welcome(_)
                | Frame::Announce(_)
                | Frame::Rotate(_)
                | Frame::Ping(_)
                | Frame::Pong(_)
                | Frame::Wake
                | Frame::Open(..)
                | Frame::Accept(..)
                | Frame::Renew(..)),
            ) => Err(PeerMisbehaved::OutOfPlace(name(&frame))),
        }
    }

    /// The agent has proven itself again.
    pub fn reproven(&self, clock: AgentClock) {
        self.lock().reprove_agent(self.conn, clock);
    }

    /// The agent has proven its next identity.
    pub fn identity_changed(&self, identity: [u8; 32]) {
        self.lock().identity_changed(self.conn, identity);
    }

    /// The link is over in this way, in which it stood last at `since`. Of an agent its viewers may know it.
    pub fn parts(&self, how: How, since: Mono) {
        match self.role {
            Role::Agent => self.lock().agent_parts(self.conn, how, since),
            Role::Device => {}
        }
    }

    /// Queues a frame of the link itself.
    pub fn push(&self, frame: &Frame) {
        self.lock().push(self.role, self.conn, frame);
    }

    /// What to do next; `waker` is called when there is more.
    #[must_use]
    pub fn output(&self, waker: &Waker) -> Output {
        self.lock().output(self.role, self.conn, waker)
    }

    /// Why the link is to end, for one whose socket takes nothing; `waker` is called when that may have changed.
    #[must_use]
    pub fn ending(&self, waker: &Waker) -> Option<CloseCode> {
        self.lock().ending(self.role, self.conn, waker)
    }

    /// When the first of a viewer's streams is to end.
    #[must_use]
    pub fn deadline(&self) -> Option<Mono> {
        match self.role {
            Role::Agent => None,
            Role::Device => self.lock().deadline(self.conn),
        }
    }

    /// Ends those of a viewer's streams whose time is over.
    pub fn lapse(&self, now: Mono) {
        match self.role {
            Role::Agent => {}
            Role::Device => self.lock().lapse(self.conn, now),
        }
    }

    fn open(&self, id: StreamId, open: Open, now: Mono) -> Result<(), PeerMisbehaved> {
        let mut next = self.lock().open(self.conn, id, open, now)?;
        // The lock is not held while a signature is verified. Each further turn takes an announcement that came in between.
        while let Some(check) = next {
            let checked = check.run(now);
            next = self.lock().checked(checked, now);
        }
        Ok(())
    }

    fn announce(&self, announce: Announce, now: Mono) -> Result<(), PeerMisbehaved> {
        let Some(trust) = self.lock().trust(self.conn) else {
            return Ok(());
        };
        let trust = trust.with_announce(announce, now)?;
        self.lock().announced(self.conn, trust);
        Ok(())
    }

    fn renew(&self, id: StreamId, token: String, now: Mono) -> Result<(), PeerMisbehaved> {
        let renewal = self.lock().renew(self.conn, id, token, now)?;
        if let Some(renewal) = renewal {
            let renewed = renewal.run(now);
            self.lock().renewed(self.conn, renewed);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Hub> {
        lock(&self.hub)
    }
}

impl Drop for Port {
    fn drop(&mut self) {
        {
            let mut hub = self.lock();
            match self.role {
                Role::Agent => hub.detach_agent(self.conn),
                Role::Device => hub.detach_viewer(self.conn),
            }
            if !hub.is_empty() {
                return;
            }
        }
        // Someone may have come since; the map's lock keeps others out while it is looked at again.
        let mut hubs = self.router.lock();
        if hubs
            .get(&self.agent)
            .is_some_and(|hub| lock(hub).is_empty())
        {
            hubs.remove(&self.agent);
        }
    }
}

fn lock(hub: &Shared) -> MutexGuard<'_, Hub> {
    // No hub method panics halfway through a change that others rely on; a poisoned hub serves on.
    hub.lock().unwrap_or_else(PoisonError::into_inner)
}
