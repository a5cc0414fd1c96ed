//! What flows on a stream that stands: data, credit, close.

use super::fault::PeerMisbehaved;
use super::hub::{Hub, Stream, Waiting, end};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame, StreamId};
use lanyard_shared::ids::ConnId;
use lanyard_shared::time::Mono;

impl Hub {
    /// A data, credit or close frame from a viewer. Others are not for here.
    ///
    /// # Errors
    /// The viewer broke the protocol.
    pub fn viewer_sends(
        &mut self,
        conn: ConnId,
        frame: Frame,
        now: Mono,
    ) -> Result<(), PeerMisbehaved> {
        match frame {
            Frame::Data(id, data) => {
                let Some((agent_id, stream)) = self.viewers_stream(conn, id)? else {
                    return Ok(());
                };
                if !stream.accepted {
                    return Err(PeerMisbehaved::OutOfTurn(id, "data"));
                }
                stream
                    .up
                    .source_sends(data.len())
                    .map_err(|_| PeerMisbehaved::CreditExceeded(id))?;
                // A timer that has elapsed may not have fired yet.
                if stream.has_lapsed(now) {
                    self.end_stream(agent_id, CloseCode::Lapsed, Waiting::Drop);
                } else if let Some(agent) = &mut self.agent {
                    agent.leg.push_data(agent_id, &data);
                    self.make_room();
                }
            }
            Frame::Credit(id, amount) => {
                let Some((agent_id, stream)) = self.viewers_stream(conn, id)? else {
                    return Ok(());
                };
                if !stream.accepted {
                    return Err(PeerMisbehaved::OutOfTurn(id, "credit"));
                }
                stream
                    .down
                    .sink_grants(amount)
                    .map_err(|_| PeerMisbehaved::CreditExceeded(id))?;
                if let (Some(amount), Some(agent)) = (stream.down.grant(), &mut self.agent) {
                    agent.leg.owe(agent_id, amount);
                }
            }
            Frame::Close(id, close) => {
                let Some((agent_id, _)) = self.viewers_stream(conn, id)? else {
                    return Ok(());
                };
                self.streams.remove(&agent_id);
                if let Some(viewer) = self.viewers.get_mut(&conn) {
                    viewer.streams.remove(&id);
                    viewer.leg.discard(id);
                }
                self.pass_close_to_agent(agent_id, close);
            }
            Frame::Challenge(_)
            | Frame::Proof(_)
            | Frame::Enrol(_)
            | Frame::Welcome(_)
            | Frame::Announce(_)
            | Frame::Ping(_)
            | Frame::Pong(_)
            | Frame::Wake
            | Frame::Rotate(_)
            | Frame::Open(..)
            | Frame::Accept(..)
            | Frame::Renew(..) => {
                return Err(PeerMisbehaved::OutOfPlace(super::fault::name(&frame)));
            }
        }
        Ok(())
    }

    /// A data, credit or close frame from the agent. Others are not for here.
    ///
    /// # Errors
    /// The agent broke the protocol.
    pub fn agent_sends(
        &mut self,
        conn: ConnId,
        frame: Frame,
        now: Mono,
    ) -> Result<(), PeerMisbehaved> {
        match frame {
            Frame::Data(id, data) => {
                let Some(stream) = self.agents_stream(conn, id)? else {
                    return Ok(());
                };
                if !stream.accepted {
                    return Err(PeerMisbehaved::OutOfTurn(id, "data"));
                }
                stream
                    .down
                    .source_sends(data.len())
                    .map_err(|_| PeerMisbehaved::CreditExceeded(id))?;
                let (viewer, viewer_id) = (stream.viewer, stream.viewer_id);
                if stream.has_lapsed(now) {
                    self.end_stream(id, CloseCode::Lapsed, Waiting::Drop);
                } else if let Some(viewer) = self.viewers.get_mut(&viewer) {
                    viewer.leg.push_data(viewer_id, &data);
                    self.make_room();
                }
            }
            Frame::Credit(id, amount) => {
                let Some(stream) = self.agents_stream(conn, id)? else {
                    return Ok(());
                };
                if !stream.accepted {
                    return Err(PeerMisbehaved::OutOfTurn(id, "credit"));
                }
                stream
                    .up
                    .sink_grants(amount)
                    .map_err(|_| PeerMisbehaved::CreditExceeded(id))?;
                let (viewer, viewer_id) = (stream.viewer, stream.viewer_id);
                if let (Some(amount), Some(viewer)) =
                    (stream.up.grant(), self.viewers.get_mut(&viewer))
                {
                    viewer.leg.owe(viewer_id, amount);
                }
            }
            Frame::Close(id, close) => {
                let Some(stream) = self.agents_stream(conn, id)? else {
                    return Ok(());
                };
                let (viewer, viewer_id) = (stream.viewer, stream.viewer_id);
                self.streams.remove(&id);
                if let Some(agent) = &mut self.agent {
                    agent.leg.discard(id);
                }
                if let Some(viewer) = self.viewers.get_mut(&viewer) {
                    viewer.streams.remove(&viewer_id);
                    end(&mut viewer.leg, viewer_id, close, Waiting::Deliver);
                }
            }
            Frame::Challenge(_)
            | Frame::Proof(_)
            | Frame::Enrol(_)
            | Frame::Welcome(_)
            | Frame::Announce(_)
            | Frame::Ping(_)
            | Frame::Pong(_)
            | Frame::Wake
            | Frame::Rotate(_)
            | Frame::Open(..)
            | Frame::Accept(..)
            | Frame::Renew(..) => {
                return Err(PeerMisbehaved::OutOfPlace(super::fault::name(&frame)));
            }
        }
        Ok(())
    }

    fn pass_close_to_agent(&mut self, id: StreamId, close: Close) {
        if let Some(agent) = &mut self.agent {
            end(&mut agent.leg, id, close, Waiting::Deliver);
        }
    }

    /// The stream behind an id of the viewer's leg, with its id on the agent's. `None` if it is over.
    fn viewers_stream(
        &mut self,
        conn: ConnId,
        id: StreamId,
    ) -> Result<Option<(StreamId, &mut Stream)>, PeerMisbehaved> {
        let Some(viewer) = self.viewers.get(&conn) else {
            return Ok(None);
        };
        if id > viewer.last_id {
            return Err(PeerMisbehaved::UnknownStream(id));
        }
        let agent_id = viewer.streams.get(&id).copied();
        Ok(agent_id.and_then(|agent_id| Some((agent_id, self.streams.get_mut(&agent_id)?))))
    }

    /// The stream behind an id of the agent's leg. `None` if it is over, or if the link is no longer the agent's.
    pub(super) fn agents_stream(
        &mut self,
        conn: ConnId,
        id: StreamId,
    ) -> Result<Option<&mut Stream>, PeerMisbehaved> {
        let Some(agent) = self.agent.as_ref().filter(|agent| agent.conn == conn) else {
            return Ok(None);
        };
        if id > agent.last_id {
            return Err(PeerMisbehaved::UnknownStream(id));
        }
        Ok(self.streams.get_mut(&id))
    }
}
