//! What carries the frames: one task that knows who is there, and one for each link.

use super::{Carried, Meddle, OnBehalf, Side};
use crate::attack::hostile_relay::HeldLink;
use anyhow::Context as _;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Announce, Frame, Open, Origin, StreamId};
use lanyard_shared::ids::{AgentId, ConnId};
use std::collections::HashMap;
use std::net::Ipv6Addr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::sync::{mpsc, oneshot, watch};

/// What the task hears of.
pub enum Input {
    /// A link stands.
    Joined(HeldLink),
    /// Somebody said something.
    Heard(Side, Frame),
    /// A link of this name is over.
    Left(Side, ConnId),
    /// The relay says something of its own.
    Say(Side, Frame),
    /// The relay opens a stream at an agent.
    Open {
        /// Where.
        agent: AgentId,
        /// What for.
        open: Open,
        /// Whose it is to be.
        for_whom: OnBehalf,
        /// Its id there.
        reply: oneshot::Sender<StreamId>,
    },
}

/// A viewer's link.
#[derive(Clone, Copy, Debug)]
pub struct Joined {
    /// The relay's name for it.
    pub conn: ConnId,
    /// The device that proved itself.
    pub device: [u8; 32],
}

pub struct Pump {
    inputs: mpsc::WeakUnboundedSender<Input>,
    log: watch::Sender<Vec<Carried>>,
    announced: watch::Sender<HashMap<AgentId, Announce>>,
    joined: watch::Sender<Vec<Joined>>,
    meddle: Arc<Mutex<Meddle>>,
    agents: HashMap<AgentId, Machine>,
    viewers: Vec<Guest>,
}

struct Machine {
    conn: ConnId,
    out: mpsc::UnboundedSender<Frame>,
    last: StreamId,
    announced: bool,
    /// The highest that it was told of.
    told: StreamId,
    /// Whose each of its streams is.
    streams: HashMap<StreamId, OnBehalf>,
}

struct Guest {
    out: mpsc::UnboundedSender<Frame>,
    agent: AgentId,
    origin: Origin,
    /// Its streams, and their ids at the agent.
    streams: HashMap<StreamId, StreamId>,
}

impl Pump {
    pub fn new(
        inputs: mpsc::WeakUnboundedSender<Input>,
        log: watch::Sender<Vec<Carried>>,
        announced: watch::Sender<HashMap<AgentId, Announce>>,
        joined: watch::Sender<Vec<Joined>>,
        meddle: Arc<Mutex<Meddle>>,
    ) -> Self {
        Self {
            inputs,
            log,
            announced,
            joined,
            meddle,
            agents: HashMap::new(),
            viewers: Vec::new(),
        }
    }

    pub async fn run(mut self, mut incoming: mpsc::UnboundedReceiver<Input>) {
        while let Some(input) = incoming.recv().await {
            match input {
                Input::Joined(link) => self.join(link),
                Input::Heard(Side::Agent(agent), frame) => self.agent_said(agent, frame),
                Input::Heard(Side::Viewer(place), frame) => self.viewer_said(place, frame),
                Input::Heard(Side::Relay, _) => {}
                Input::Left(side, conn) => self.left(side, conn),
                Input::Say(to, frame) => self.send(to, frame),
                Input::Open {
                    agent,
                    open,
                    for_whom,
                    reply,
                } => {
                    if let Some(id) = self.open(agent, for_whom) {
                        self.send(Side::Agent(agent), Frame::Open(id, open));
                        let _ = reply.send(id);
                    }
                }
            }
        }
    }

    fn join(&mut self, link: HeldLink) {
        let Some(inputs) = self.inputs.upgrade() else {
            return;
        };
        let (out, outgoing) = mpsc::unbounded_channel();
        let (agent, conn) = (link.agent, link.conn);
        let side = if let Some(device) = link.device {
            let origin = Origin {
                conn,
                device,
                from: Ipv6Addr::LOCALHOST,
            };
            self.viewers.push(Guest {
                out,
                agent,
                origin,
                streams: HashMap::new(),
            });
            self.joined
                .send_modify(|all| all.push(Joined { conn, device }));
            Side::Viewer(self.viewers.len() - 1)
        } else {
            let machine = Machine {
                conn,
                out,
                last: 0,
                announced: false,
                told: 0,
                streams: HashMap::new(),
            };
            self.agents.insert(agent, machine);
            Side::Agent(agent)
        };
        tokio::spawn(member(link, side, inputs, outgoing));
    }

    /// The next id at an agent.
    fn open(&mut self, agent: AgentId, for_whom: OnBehalf) -> Option<StreamId> {
        let machine = self.agents.get_mut(&agent)?;
        machine.last += 1;
        machine.streams.insert(machine.last, for_whom);
        if let Some((place, stream)) = for_whom
            && let Some(guest) = self.viewers.get_mut(place)
        {
            guest.streams.insert(stream, machine.last);
        }
        Some(machine.last)
    }

    fn viewer_said(&mut self, place: usize, frame: Frame) {
        let Some(guest) = self.viewers.get(place) else {
            return;
        };
        let (agent, origin) = (guest.agent, guest.origin);
        let Some(stream) = stream_of(&frame) else {
            return;
        };
        let frame = if let Frame::Open(_, open) = frame {
            let Some(id) = self.open(agent, Some((place, stream))) else {
                let offline = CloseCode::AgentOffline.into();
                return self.send(Side::Viewer(place), Frame::Close(stream, offline));
            };
            let origin = Some(origin);
            Frame::Open(id, Open { origin, ..open })
        } else {
            let Some(id) = guest.streams.get(&stream) else {
                return;
            };
            renumbered(frame, *id)
        };
        self.carry(Carried {
            from: Side::Viewer(place),
            to: Side::Agent(agent),
            stream,
            frame,
        });
    }

    fn agent_said(&mut self, agent: AgentId, frame: Frame) {
        if let Frame::Announce(announce) = frame {
            return self.announce(agent, announce);
        }
        let Some(stream) = stream_of(&frame) else {
            return;
        };
        let machine = self.agents.get(&agent);
        let whose = machine.and_then(|machine| machine.streams.get(&stream).copied().flatten());
        let (to, frame) = match (whose, &frame) {
            // Viewers hear of renewals inside their session.
            (_, Frame::Renew(..)) | (None, _) => (Side::Relay, frame),
            (Some((place, id)), _) => (Side::Viewer(place), renumbered(frame, id)),
        };
        self.carry(Carried {
            from: Side::Agent(agent),
            to,
            stream,
            frame,
        });
    }

    fn announce(&mut self, agent: AgentId, announce: Announce) {
        self.announced
            .send_modify(|all| drop(all.insert(agent, announce)));
        let Some(machine) = self.agents.get_mut(&agent) else {
            return;
        };
        if !std::mem::replace(&mut machine.announced, true) {
            for place in 0..self.viewers.len() {
                if self.viewers[place].agent == agent {
                    self.send(Side::Viewer(place), Frame::Wake);
                }
            }
        }
    }

    fn carry(&mut self, carried: Carried) {
        self.log.send_modify(|log| log.push(carried.clone()));
        let instead = {
            let mut meddle = self.meddle.lock().unwrap_or_else(PoisonError::into_inner);
            (*meddle)(carried)
        };
        for carried in instead {
            self.send(carried.to, carried.frame);
        }
    }

    fn send(&mut self, to: Side, frame: Frame) {
        if let Side::Agent(agent) = to
            && let Some(machine) = self.agents.get_mut(&agent)
            && let Some(id) = stream_of(&frame)
        {
            if let Frame::Open(..) = frame {
                machine.told = machine.told.max(id);
            } else if id > machine.told {
                // Its open was kept from it, so it hears nothing of the rest.
                return;
            }
        }
        let out = match to {
            Side::Agent(agent) => self.agents.get(&agent).map(|machine| &machine.out),
            Side::Viewer(place) => self.viewers.get(place).map(|guest| &guest.out),
            Side::Relay => None,
        };
        if let Some(out) = out {
            // Who has left hears nothing more.
            let _ = out.send(frame);
        }
    }

    fn left(&mut self, side: Side, conn: ConnId) {
        match side {
            Side::Agent(agent) => {
                if self.agents.get(&agent).is_none_or(|it| it.conn != conn) {
                    return;
                }
                let gone = self.agents.remove(&agent);
                for (place, stream) in gone
                    .into_iter()
                    .flat_map(|it| it.streams.into_values().flatten())
                {
                    let close = Frame::Close(stream, CloseCode::AgentGone.into());
                    self.send(Side::Viewer(place), close);
                    if let Some(guest) = self.viewers.get_mut(place) {
                        guest.streams.remove(&stream);
                    }
                }
            }
            Side::Viewer(place) => {
                let Some(guest) = self.viewers.get_mut(place) else {
                    return;
                };
                let (agent, streams) = (guest.agent, std::mem::take(&mut guest.streams));
                for id in streams.into_values() {
                    let close = Frame::Close(id, CloseCode::ViewerGone.into());
                    self.send(Side::Agent(agent), close);
                }
            }
            Side::Relay => {}
        }
    }
}

/// One link: what it says goes in, what is for it goes out.
async fn member(
    mut link: HeldLink,
    side: Side,
    inputs: mpsc::UnboundedSender<Input>,
    mut outgoing: mpsc::UnboundedReceiver<Frame>,
) {
    let conn = link.conn;
    loop {
        let next = tokio::select! {
            heard = link.next() => heard.map(Some),
            said = outgoing.recv() => match said {
                Some(frame) => link.send(&frame).await.map(|()| None),
                None => return,
            },
        };
        let answered = match next {
            Ok(Some(Frame::Ping(body))) => link.send(&Frame::Pong(body)).await,
            Ok(Some(frame)) => inputs
                .send(Input::Heard(side, frame))
                .ok()
                .context("the relay runs"),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        if answered.is_err() {
            let _ = inputs.send(Input::Left(side, conn));
            return;
        }
    }
}

/// The stream that a frame is about; none for the link's own.
#[must_use]
pub fn stream_of(frame: &Frame) -> Option<StreamId> {
    let encoded = frame.encode();
    let (id, _) = encoded.split_first_chunk()?;
    Some(u32::from_be_bytes(*id)).filter(|id| *id != 0)
}

/// The same frame as if of another stream.
#[must_use]
pub fn renumbered(frame: Frame, id: StreamId) -> Frame {
    if let Frame::Open(_, open) = frame {
        Frame::Open(id, open)
    } else if let Frame::Accept(_, accept) = frame {
        Frame::Accept(id, accept)
    } else if let Frame::Data(_, data) = frame {
        Frame::Data(id, data)
    } else if let Frame::Credit(_, amount) = frame {
        Frame::Credit(id, amount)
    } else if let Frame::Renew(_, token) = frame {
        Frame::Renew(id, token)
    } else if let Frame::Close(_, close) = frame {
        Frame::Close(id, close)
    } else {
        frame
    }
}
