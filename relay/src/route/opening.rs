//! How a stream comes to stand, and stays: open, accept, renew.
//!
//! Signatures take longer than a lock should be held. So the hub hands out a [`Check`] that is made without it, and takes the verdict only
//! while it still believes what the check believed.

use super::fault::PeerMisbehaved;
use super::flow::Flow;
use super::hub::{Hub, Stream, Waiting};
use super::lease::{Lease, Lent, Refusal, Trust};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Accept, Close, Frame, Open, Origin, StreamId, Target};
use lanyard_shared::ids::{ConnId, DeviceId};
use lanyard_shared::limits::{STREAMS_PER_AGENT, STREAMS_PER_VIEWER};
use lanyard_shared::time::Mono;
use std::sync::Arc;

/// A token to check before a stream is opened.
#[derive(Debug)]
pub struct Check {
    conn: ConnId,
    id: StreamId,
    open: Open,
    device: DeviceId,
    trust: Arc<Trust>,
}

/// A check that was made.
#[derive(Debug)]
pub struct Checked {
    check: Check,
    verdict: Result<Lease, Refusal>,
}

/// A token to check before a stream is prolonged.
#[derive(Debug)]
pub struct Renewal {
    id: StreamId,
    raw: String,
    lent: Lent,
    trust: Arc<Trust>,
}

/// A renewal that was checked.
#[derive(Debug)]
pub struct Renewed {
    id: StreamId,
    verdict: Result<Lease, Refusal>,
}

impl Check {
    /// Checks the token. Takes as long as a signature.
    #[must_use]
    pub fn run(self, now: Mono) -> Checked {
        let verdict = match &self.open.target {
            Target::Session(raw) => self.trust.check_grant(raw, self.device, now),
            Target::Purpose(raw) => self.trust.check_token(raw, self.device, self.conn, now),
            // Never handed out for pairing, which has no token.
            Target::Pair(_) => Err(Refusal::Revoked),
        };
        if let Err(refusal) = &verdict {
            tracing::info!(conn = %self.conn, device = %self.device, %refusal, "open refused");
        }
        Checked {
            check: self,
            verdict,
        }
    }
}

impl Renewal {
    /// Checks the token. Takes as long as a signature.
    #[must_use]
    pub fn run(self, now: Mono) -> Renewed {
        let verdict = self.trust.renew(self.lent, &self.raw, now);
        if let Err(refusal) = &verdict {
            tracing::info!(stream = self.id, %refusal, "renewal refused");
        }
        Renewed {
            id: self.id,
            verdict,
        }
    }
}

impl Hub {
    /// A viewer wants a stream. With a token, it is to be checked first: see [`Hub::checked`].
    ///
    /// # Errors
    /// The id is not above all earlier ones.
    pub fn open(
        &mut self,
        conn: ConnId,
        id: StreamId,
        open: Open,
        now: Mono,
    ) -> Result<Option<Check>, PeerMisbehaved> {
        let away = self.away(now);
        let parted = self.parted(&open.target, now);
        let Some(viewer) = self.viewers.get_mut(&conn) else {
            return Ok(None);
        };
        if id <= viewer.last_id {
            return Err(PeerMisbehaved::StreamReused(id));
        }
        viewer.last_id = id;
        let Some(agent) = self
            .agent
            .as_ref()
            .filter(|agent| agent.trust.is_announced())
        else {
            let device = viewer.device;
            let Some(trust) = parted else {
                self.refuse_for_now(conn, id, away.into());
                return Ok(None);
            };
            return Ok(Some(Check {
                conn,
                id,
                open,
                device,
                trust,
            }));
        };
        let trust = Arc::clone(&agent.trust);
        if trust.is_locked() {
            self.refuse_for_now(conn, id, CloseCode::Locked.into());
            return Ok(None);
        }
        if viewer.streams.len() + viewer.leg.closing() >= STREAMS_PER_VIEWER {
            self.refuse(conn, id, CloseCode::TooManyStreams);
            return Ok(None);
        }
        if let Target::Pair(rendezvous) = open.target {
            match trust.rendezvous(rendezvous) {
                Ok(()) => self.establish(conn, id, open, None),
                Err(code) => self.refuse(conn, id, code),
            }
            return Ok(None);
        }
        Ok(Some(Check {
            conn,
            id,
            open,
            device: viewer.device,
            trust,
        }))
    }

    /// Opens or refuses the stream of a check that was made. If the agent has announced something since, the check is to be made again.
    pub fn checked(&mut self, checked: Checked, now: Mono) -> Option<Check> {
        let Checked { check, verdict } = checked;
        let (conn, id) = (check.conn, check.id);
        let Some(agent) = self
            .agent
            .as_ref()
            .filter(|agent| agent.trust.is_announced())
        else {
            let away = self.away_for(&check, verdict.is_ok(), now);
            self.refuse_for_now(conn, id, away);
            return None;
        };
        if agent.trust.is_locked() {
            self.refuse_for_now(conn, id, CloseCode::Locked.into());
            return None;
        }
        if !Arc::ptr_eq(&agent.trust, &check.trust) {
            return Some(Check {
                trust: Arc::clone(&agent.trust),
                ..check
            });
        }
        match self.admit(&check, verdict, now) {
            Ok(lease) => self.establish(conn, id, check.open, Some(lease)),
            Err(code) => self.refuse(conn, id, code),
        }
        None
    }

    /// By what the grant in this open is to be checked while the agent is away, when there is something that a good one lets its device know.
    fn parted(&self, target: &Target, now: Mono) -> Option<Arc<Trust>> {
        let asks = match target {
            Target::Session(_) => true,
            Target::Pair(_) | Target::Purpose(_) => false,
        };
        self.parting
            .as_ref()
            .filter(|parting| asks && parting.may_be_told(now))
            .map(|parting| Arc::clone(&parting.trust))
    }

    /// What the opener of a stream hears while the agent is away: how it left, if its grant `holds` and was checked by what held then.
    fn away_for(&self, check: &Check, holds: bool, now: Mono) -> Close {
        let known = self.parting.as_ref().filter(|parting| {
            let asks = matches!(check.open.target, Target::Session(_));
            asks && holds && Arc::ptr_eq(&parting.trust, &check.trust) && parting.may_be_told(now)
        });
        match (self.away(now), known) {
            (CloseCode::AgentOffline, Some(parting)) => parting.close(now),
            (code, _) => code.into(),
        }
    }

    fn admit(
        &mut self,
        check: &Check,
        verdict: Result<Lease, Refusal>,
        now: Mono,
    ) -> Result<Lease, CloseCode> {
        let lease = verdict.map_err(CloseCode::from)?;
        if matches!(check.open.target, Target::Purpose(_))
            && let Some(viewer) = self.viewers.get_mut(&check.conn)
        {
            viewer
                .used
                .spend(lease.claims().id, lease.deadline(), now)?;
        }
        Ok(lease)
    }

    fn establish(&mut self, conn: ConnId, viewer_id: StreamId, open: Open, lease: Option<Lease>) {
        let (Some(agent), Some(viewer)) = (&mut self.agent, self.viewers.get_mut(&conn)) else {
            return;
        };
        if self.streams.len() + agent.leg.closing() >= STREAMS_PER_AGENT {
            return self.refuse(conn, viewer_id, CloseCode::Busy);
        }
        let Some(id) = agent.last_id.checked_add(1) else {
            // Four thousand million streams on one link: a new link starts to count again.
            agent.leg.end(CloseCode::GoingAway);
            return self.refuse(conn, viewer_id, CloseCode::AgentOffline);
        };
        agent.last_id = id;
        let mut down = Flow::default();
        // The first grant of a new stream, and a frame's credit is within the limit.
        let _ = down.sink_grants(open.credit);
        let open = Open {
            credit: down.first_grant(),
            origin: Some(Origin {
                conn,
                device: viewer.key,
                from: viewer.from,
            }),
            ..open
        };
        agent.leg.push_open(&Frame::Open(id, open));
        viewer.streams.insert(viewer_id, id);
        let up = Flow::default();
        self.streams.insert(
            id,
            Stream {
                viewer: conn,
                viewer_id,
                accepted: false,
                lease,
                up,
                down,
            },
        );
    }

    /// The viewer is woken when that may have changed.
    fn refuse_for_now(&mut self, conn: ConnId, id: StreamId, close: Close) {
        if let Some(viewer) = self.viewers.get_mut(&conn) {
            viewer.waits = true;
            viewer.leg.push_link(&Frame::Close(id, close));
        }
    }

    fn refuse(&mut self, conn: ConnId, id: StreamId, code: CloseCode) {
        if let Some(viewer) = self.viewers.get_mut(&conn) {
            viewer.leg.push_link(&Frame::Close(id, code.into()));
        }
    }

    /// The agent accepts a stream.
    ///
    /// # Errors
    /// It was never offered, or accepted before.
    pub fn accept(
        &mut self,
        conn: ConnId,
        id: StreamId,
        accept: Accept,
    ) -> Result<(), PeerMisbehaved> {
        let Some(stream) = self.agents_stream(conn, id)? else {
            return Ok(());
        };
        if std::mem::replace(&mut stream.accepted, true) {
            return Err(PeerMisbehaved::OutOfTurn(id, "accept"));
        }
        // As in an open.
        let _ = stream.up.sink_grants(accept.credit);
        let accept = Accept {
            credit: stream.up.first_grant(),
            ..accept
        };
        let (viewer, viewer_id) = (stream.viewer, stream.viewer_id);
        if let Some(viewer) = self.viewers.get_mut(&viewer) {
            viewer.leg.push_link(&Frame::Accept(viewer_id, accept));
        }
        Ok(())
    }

    /// The agent prolongs a stream. The token is to be checked first: see [`Hub::renewed`].
    ///
    /// # Errors
    /// The stream was never offered.
    pub fn renew(
        &mut self,
        conn: ConnId,
        id: StreamId,
        raw: String,
        now: Mono,
    ) -> Result<Option<Renewal>, PeerMisbehaved> {
        let Some(stream) = self.agents_stream(conn, id)? else {
            return Ok(None);
        };
        if stream.has_lapsed(now) {
            self.end_stream(id, CloseCode::Lapsed, Waiting::Drop);
            return Ok(None);
        }
        let Some(lent) = stream.lease.as_mut().and_then(Lease::lend) else {
            // Pairing has nothing to renew.
            self.end_stream(id, CloseCode::TokenRefused, Waiting::Drop);
            return Ok(None);
        };
        let Some(agent) = &self.agent else {
            return Ok(None);
        };
        Ok(Some(Renewal {
            id,
            raw,
            lent,
            trust: Arc::clone(&agent.trust),
        }))
    }

    /// Prolongs or ends the stream of a renewal that was checked. Announcements come over the same link as renewals, so none came between.
    pub fn renewed(&mut self, conn: ConnId, renewed: Renewed) {
        if self.agent_on(conn).is_none() {
            return;
        }
        match renewed.verdict {
            Ok(lease) => {
                if let Some(stream) = self.streams.get_mut(&renewed.id) {
                    stream.lease = Some(lease);
                }
            }
            Err(_) => self.end_stream(renewed.id, CloseCode::TokenRefused, Waiting::Drop),
        }
    }
}
