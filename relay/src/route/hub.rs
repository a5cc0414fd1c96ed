//! One agent and the viewers that want it: legs, streams between them, and when a stream must end. Sans-IO: the time is an argument, frames
//! go in, frames wait in the legs.
//!
//! The relay never looks into data: what a stream carries is opaque here, and stays so.

use super::flow::Flow;
use super::lease::{AgentClock, Lease, Trust};
use super::leg::{Left, Leg, Output};
use super::parting::{How, Parting};
use super::used::UsedTokens;
use super::waiting::Pool;
use crate::limits::VIEWERS_PER_AGENT;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame, Role, StreamId};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId};
use lanyard_shared::limits::CLOCK_REFUSE;
use lanyard_shared::time::Mono;
use std::collections::{BTreeMap, HashMap};
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

/// Everything the relay knows about one agent while it or someone who wants it is connected.
#[derive(Debug)]
pub struct Hub {
    pub(super) id: AgentId,
    pub(super) agent: Option<AgentLeg>,
    pub(super) viewers: HashMap<ConnId, ViewerLeg>,
    /// By their ids on the agent's leg.
    pub(super) streams: HashMap<StreamId, Stream>,
    /// When the agent was last refused because of its clock.
    skewed: Option<Mono>,
    /// How the agent left, while it is away.
    pub(super) parting: Option<Parting>,
    /// What waits for all of them.
    pub(super) pool: Pool,
    /// As much may wait.
    pub(super) room: usize,
    /// Bytes of streams that went out, of all hubs of a router together.
    carried: Arc<AtomicU64>,
}

#[derive(Debug)]
pub(super) struct AgentLeg {
    pub(super) conn: ConnId,
    pub(super) leg: Leg,
    pub(super) last_id: StreamId,
    pub(super) trust: Arc<Trust>,
}

#[derive(Debug)]
pub(super) struct ViewerLeg {
    pub(super) leg: Leg,
    pub(super) device: DeviceId,
    pub(super) key: [u8; 32],
    pub(super) from: Ipv6Addr,
    pub(super) last_id: StreamId,
    /// From this leg's ids to the agent's.
    pub(super) streams: BTreeMap<StreamId, StreamId>,
    pub(super) used: UsedTokens,
    /// It found the agent away and is to be woken.
    pub(super) waits: bool,
}

#[derive(Debug)]
pub(super) struct Stream {
    pub(super) viewer: ConnId,
    pub(super) viewer_id: StreamId,
    pub(super) accepted: bool,
    /// `None` for pairing, which the agent bounds by itself.
    pub(super) lease: Option<Lease>,
    /// From the viewer to the agent.
    pub(super) up: Flow,
    /// From the agent to the viewer.
    pub(super) down: Flow,
}

/// What becomes of frames that wait on a stream that ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Waiting {
    /// They were sent while the stream stood, and still go out.
    Deliver,
    /// They are worth nothing any more.
    Drop,
}

impl Hub {
    /// A hub with nobody in it, for whose links `room` bytes may wait.
    #[must_use]
    pub fn new(id: AgentId, room: usize) -> Self {
        Self {
            id,
            agent: None,
            viewers: HashMap::new(),
            streams: HashMap::new(),
            skewed: None,
            parting: None,
            pool: Pool::default(),
            room,
            carried: Arc::default(),
        }
    }

    /// Counts what it carries there.
    #[must_use]
    pub fn counting(mut self, carried: Arc<AtomicU64>) -> Self {
        self.carried = carried;
        self
    }

    /// Agents, viewers and streams that are here.
    #[must_use]
    pub fn counts(&self) -> (usize, usize, usize) {
        let agents = usize::from(self.agent.is_some());
        (agents, self.viewers.len(), self.streams.len())
    }

    /// Puts an agent that has just proven itself in its place. An older link of the same agent hears `replaced`.
    pub fn attach_agent(&mut self, conn: ConnId, identity: [u8; 32], clock: AgentClock) {
        self.agent_gone(CloseCode::AgentGone);
        (self.skewed, self.parting) = (None, None);
        let trust = Arc::new(Trust::new(self.id, identity, clock));
        self.agent = Some(AgentLeg {
            conn,
            leg: Leg::new(self.pool.share()),
            last_id: 0,
            trust,
        });
    }

    /// The agent on `conn` has proven itself again.
    pub fn reprove_agent(&mut self, conn: ConnId, clock: AgentClock) {
        if let Some(agent) = self.agent_on(conn) {
            agent.trust = Arc::new(agent.trust.with_clock(clock));
        }
    }

    /// The agent on `conn` has proven its next identity: the one before is nobody from now on.
    pub fn identity_changed(&mut self, conn: ConnId, identity: [u8; 32]) {
        if let Some(agent) = self.agent_on(conn) {
            agent.trust = Arc::new(agent.trust.with_identity(identity));
        }
    }

    /// The link `conn` of the agent is over.
    pub fn detach_agent(&mut self, conn: ConnId) {
        if self.agent_on(conn).is_some() {
            self.agent_gone(CloseCode::AgentGone);
        }
    }

    /// The link `conn` of the agent is over in this way, in which it stood last at `since`. What else an agent says of its end is not handed
    /// on: viewers would read it as ours.
    pub fn agent_parts(&mut self, conn: ConnId, how: How, since: Mono) {
        let Some(agent) = self.agent_on(conn) else {
            return;
        };
        let trust = Arc::clone(&agent.trust);
        self.agent_gone(match how {
            How::Stopped => CloseCode::GoingAway,
            How::Lost | How::Silent | How::Other => CloseCode::AgentGone,
        });
        self.parting = Some(Parting { how, since, trust });
    }

    /// An agent was refused because of its clock: viewers are told so instead of "offline".
    pub fn agent_skewed(&mut self, now: Mono) {
        self.skewed = Some(now);
    }

    /// Takes a viewer that has just proven its device key.
    ///
    /// # Errors
    /// `Busy`: too many are here.
    pub fn attach_viewer(
        &mut self,
        conn: ConnId,
        key: [u8; 32],
        from: Ipv6Addr,
    ) -> Result<(), CloseCode> {
        // Any key proves itself; one that has opened nothing makes room for one that may.
        if self.viewers.len() >= VIEWERS_PER_AGENT
            && let Some((idle, _)) = self
                .viewers
                .iter()
                .find(|(_, viewer)| viewer.streams.is_empty())
        {
            let idle = *idle;
            if let Some(mut viewer) = self.viewers.remove(&idle) {
                viewer.leg.wake();
            }
        }
        if self.viewers.len() >= VIEWERS_PER_AGENT {
            return Err(CloseCode::Busy);
        }
        let viewer = ViewerLeg {
            leg: Leg::new(self.pool.share()),
            device: DeviceId::of_key(&key),
            key,
            from,
            last_id: 0,
            streams: BTreeMap::new(),
            used: UsedTokens::default(),
            waits: false,
        };
        self.viewers.insert(conn, viewer);
        Ok(())
    }

    /// The viewer's link is over.
    pub fn detach_viewer(&mut self, conn: ConnId) {
        let Some(viewer) = self.viewers.remove(&conn) else {
            return;
        };
        for id in viewer.streams.values() {
            self.streams.remove(id);
            if let Some(agent) = &mut self.agent {
                agent.leg.close(*id, CloseCode::ViewerGone.into());
            }
        }
    }

    /// True while the agent is connected.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.agent.is_some()
    }

    /// True when there is nobody here and nothing was ever to be remembered.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.agent.is_none()
            && self.viewers.is_empty()
            && self.skewed.is_none()
            && self.parting.is_none()
    }

    /// True when there is nobody here and nothing to remember any more.
    #[must_use]
    pub fn is_idle(&self, now: Mono) -> bool {
        let remembers = self.is_skewed(now)
            || self
                .parting
                .as_ref()
                .is_some_and(|parting| parting.may_be_told(now));
        self.agent.is_none() && self.viewers.is_empty() && !remembers
    }

    /// What the agent's tokens are judged by now.
    #[must_use]
    pub fn trust(&mut self, conn: ConnId) -> Option<Arc<Trust>> {
        self.agent_on(conn).map(|agent| Arc::clone(&agent.trust))
    }

    /// What the opener of a stream hears while the agent is away.
    pub(super) fn away(&self, now: Mono) -> CloseCode {
        if self.is_skewed(now) {
            CloseCode::AgentClock
        } else {
            CloseCode::AgentOffline
        }
    }

    fn is_skewed(&self, now: Mono) -> bool {
        self.skewed.is_some_and(|at| now.since(at) < CLOCK_REFUSE)
    }

    /// Replaces what the agent announced, ends every stream that no longer stands, and wakes those who waited for it.
    pub fn announced(&mut self, conn: ConnId, trust: Trust) {
        let Some(agent) = self.agent_on(conn) else {
            return;
        };
        let trust = Arc::new(trust);
        agent.trust = Arc::clone(&trust);
        let fallen: Vec<StreamId> = self
            .streams
            .iter()
            .filter(|(_, stream)| {
                stream
                    .lease
                    .as_ref()
                    .is_some_and(|lease| !trust.stands(lease.claims()))
            })
            .map(|(id, _)| *id)
            .collect();
        let why = if trust.is_locked() {
            CloseCode::Locked
        } else {
            CloseCode::Revoked
        };
        for id in fallen {
            self.end_stream(id, why, Waiting::Drop);
        }
        for viewer in self.viewers.values_mut().filter(|viewer| viewer.waits) {
            viewer.waits = false;
            viewer.leg.push_link(&Frame::Wake);
        }
        // Whom the lock shut out now waits for its end like those it shuts out later.
        if trust.is_locked() {
            for viewer in self.viewers.values_mut() {
                viewer.waits = true;
            }
        }
    }

    /// When [`Hub::lapse`] wants to be called for this viewer's streams.
    #[must_use]
    pub fn deadline(&self, conn: ConnId) -> Option<Mono> {
        let viewer = self.viewers.get(&conn)?;
        viewer
            .streams
            .values()
            .filter_map(|id| self.streams.get(id)?.lease.as_ref())
            .map(Lease::deadline)
            .min()
    }

    /// Ends those of the viewer's streams whose time is over.
    pub fn lapse(&mut self, conn: ConnId, now: Mono) {
        let Some(viewer) = self.viewers.get(&conn) else {
            return;
        };
        let lapsed: Vec<StreamId> = viewer
            .streams
            .values()
            .copied()
            .filter(|id| {
                self.streams
                    .get(id)
                    .is_some_and(|stream| stream.has_lapsed(now))
            })
            .collect();
        for id in lapsed {
            self.end_stream(id, CloseCode::Lapsed, Waiting::Drop);
        }
    }

    /// What the link `conn` is to do next. `waker` is called when there is more.
    pub fn output(&mut self, role: Role, conn: ConnId, waker: &Waker) -> Output {
        let Some(leg) = self.leg(role, conn) else {
            return Output::End(displaced(role));
        };
        match leg.next(waker) {
            Left::Message(message, Some((id, bytes))) => {
                self.written(role, conn, id, bytes);
                Output::Message(message)
            }
            Left::Message(message, None) => Output::Message(message),
            Left::End(code) => Output::End(code),
            Left::Nothing => Output::Nothing,
        }
    }

    /// Why the link `conn` is to end, whether or not its socket takes anything. `waker` is called when that may have changed.
    pub fn ending(&mut self, role: Role, conn: ConnId, waker: &Waker) -> Option<CloseCode> {
        match self.leg(role, conn) {
            Some(leg) => leg.ending(waker),
            None => Some(displaced(role)),
        }
    }

    /// Queues a frame of the link itself: a challenge, a welcome, a pong.
    pub fn push(&mut self, role: Role, conn: ConnId, frame: &Frame) {
        match (self.leg(role, conn), frame) {
            (Some(leg), Frame::Pong(body)) => leg.pong(*body),
            (Some(leg), _) => leg.push_link(frame),
            (None, _) => {}
        }
    }

    /// Ends every link.
    pub fn end_all(&mut self, code: CloseCode) {
        if let Some(agent) = &mut self.agent {
            agent.leg.end(code);
        }
        for viewer in self.viewers.values_mut() {
            viewer.leg.end(code);
        }
    }

    fn leg(&mut self, role: Role, conn: ConnId) -> Option<&mut Leg> {
        match role {
            Role::Agent => self.agent_on(conn).map(|agent| &mut agent.leg),
            Role::Device => self.viewers.get_mut(&conn).map(|viewer| &mut viewer.leg),
        }
    }

    pub(super) fn agent_on(&mut self, conn: ConnId) -> Option<&mut AgentLeg> {
        self.agent.as_mut().filter(|agent| agent.conn == conn)
    }

    /// Ends a stream at both its ends.
    pub(super) fn end_stream(&mut self, id: StreamId, code: CloseCode, waiting: Waiting) {
        let Some(stream) = self.streams.remove(&id) else {
            return;
        };
        if let Some(agent) = &mut self.agent {
            end(&mut agent.leg, id, code.into(), waiting);
        }
        if let Some(viewer) = self.viewers.get_mut(&stream.viewer) {
            viewer.streams.remove(&stream.viewer_id);
            end(&mut viewer.leg, stream.viewer_id, code.into(), waiting);
        }
    }

    fn agent_gone(&mut self, code: CloseCode) {
        let Some(mut agent) = self.agent.take() else {
            return;
        };
        // Its link looks for its leg, does not find it, and says `replaced`.
        agent.leg.wake();
        for stream in std::mem::take(&mut self.streams).into_values() {
            if let Some(viewer) = self.viewers.get_mut(&stream.viewer) {
                viewer.streams.remove(&stream.viewer_id);
                viewer.leg.close(stream.viewer_id, code.into());
            }
        }
    }

    /// A frame of data has gone to a socket: its source may send as much more.
    fn written(&mut self, role: Role, conn: ConnId, id: StreamId, bytes: usize) {
        self.carried
            .fetch_add(u64::try_from(bytes).unwrap_or(0), Ordering::Relaxed);
        match role {
            Role::Agent => {
                let Some(stream) = self.streams.get_mut(&id) else {
                    return;
                };
                stream.up.written(bytes);
                if let (Some(amount), Some(viewer)) =
                    (stream.up.grant(), self.viewers.get_mut(&stream.viewer))
                {
                    viewer.leg.owe(stream.viewer_id, amount);
                }
            }
            Role::Device => {
                let Some(id) = self
                    .viewers
                    .get(&conn)
                    .and_then(|viewer| viewer.streams.get(&id))
                    .copied()
                else {
                    return;
                };
                let Some(stream) = self.streams.get_mut(&id) else {
                    return;
                };
                stream.down.written(bytes);
                if let (Some(amount), Some(agent)) = (stream.down.grant(), &mut self.agent) {
                    agent.leg.owe(id, amount);
                }
            }
        }
    }
}

/// Why a link ends that lost its place while it lives: to a newer link of the same agent, or to a viewer that came when all places were taken.
fn displaced(role: Role) -> CloseCode {
    match role {
        Role::Agent => CloseCode::Replaced,
        Role::Device => CloseCode::Busy,
    }
}

impl Stream {
    pub(super) fn has_lapsed(&self, now: Mono) -> bool {
        self.lease
            .as_ref()
            .is_some_and(|lease| now >= lease.deadline())
    }
}

pub(super) fn end(leg: &mut Leg, id: StreamId, close: Close, waiting: Waiting) {
    match waiting {
        Waiting::Deliver => {}
        Waiting::Drop => leg.discard(id),
    }
    leg.close(id, close);
}
