//! What the agent decides, without IO: whom it admits, what it mints, what each stream may do.
//!
//! Messages from the relay, news from terminals, answers of people and the time go in; [`Effect`]s and messages to the relay come
//! out. The shell carries effects out in order before it writes messages, so that what must be durable is.

mod access;
mod admission;
mod ahead;
pub mod approvals;
pub mod clock;
mod copies;
pub mod devices;
mod effect;
mod inventory;
pub mod keys;
mod lease;
mod minting;
pub mod pairing;
mod past;
mod permissions;
mod purpose;
mod recording;
mod rekey;
mod revoke;
pub mod rotation;
mod session;
mod signer;
mod standing;
mod talk;
pub mod terminals;
#[cfg(test)]
pub(crate) mod tests;

pub use effect::{Effect, Question, Watched};
pub use keys::Identity;

use devices::Devices;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Announce, Close, Open, StreamId, Target};
use lanyard_shared::ids::{AgentId, DeviceId};
use lanyard_shared::limits::SESSION_VERSIONS;
use lanyard_shared::link::{Event, Link};
use lanyard_shared::pair::{PairingLink, PairingSecret};
use lanyard_shared::time::{Mono, Now, UnixMs};
use lease::Leases;
use pairing::{Invitation, Pairings};
use past::Past;
use purpose::PurposeStream;
use revoke::Revoked;
use signer::Signer;
use std::collections::{BTreeMap, VecDeque};
use talk::Talk;
use terminals::Terminals;

/// How the machine presents itself.
#[derive(Clone, Debug)]
pub struct Machine {
    /// Its name.
    pub name: String,
    /// Whose account it is.
    pub user: String,
    /// The folder in which terminals start, by its last name; terminals are called after it.
    pub folder: String,
    /// The same folder, as an absolute path.
    pub cwd: String,
}

/// How far the present link has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// There is none, or it has ended and its last words wait.
    Ended,
    /// The relay has not welcomed it.
    Unproven,
    /// It has.
    Online,
}

/// The agent's decisions.
pub struct Core {
    identity: Identity,
    agent: AgentId,
    machine: Machine,
    devices: Devices,
    pairings: Pairings,
    signer: Signer,
    terminals: Terminals,
    past: Past,
    leases: Leases,
    revoked: Revoked,
    /// The relay is to be told when what waits has been said.
    announce_owed: bool,
    link: Option<Link>,
    talks: BTreeMap<StreamId, Talk>,
    purposes: BTreeMap<StreamId, PurposeStream>,
    /// When acknowledgements of input go out that nothing has taken along.
    acks_due: Option<Mono>,
    effects: VecDeque<Effect>,
    approvals: approvals::Approvals,
    permissions: permissions::Permissions,
    next_question: pairing::QuestionId,
    /// It was later than this once: while the clock says less, nothing is granted.
    earliest: UnixMs,
    /// In which session a device was last given its next keys.
    rekeyed_in: BTreeMap<DeviceId, StreamId>,
    stage: Stage,
    /// The time when something last happened.
    latest: UnixMs,
    /// The relay may know the identity's next key already: it is proven first.
    next_first: bool,
    /// The latest write went well. If not, nothing is begun that needs the disk and can wait.
    disk_works: bool,
    /// When the sessions that stand were last looked at.
    sessions_seen: UnixMs,
}

impl Core {
    /// An agent with these keys and devices, not yet linked.
    #[must_use]
    pub fn new(identity: Identity, machine: Machine, devices: Devices, now: Now) -> Self {
        let agent = identity.agent();
        let signer = Signer::new(&identity, now.unix);
        Self {
            identity,
            agent,
            machine,
            devices,
            pairings: Pairings::default(),
            signer,
            terminals: Terminals::default(),
            past: Past::default(),
            leases: Leases::default(),
            revoked: Revoked::default(),
            announce_owed: false,
            link: None,
            talks: BTreeMap::new(),
            purposes: BTreeMap::new(),
            acks_due: None,
            effects: VecDeque::new(),
            approvals: approvals::Approvals::default(),
            permissions: permissions::Permissions::default(),
            next_question: 1,
            earliest: UnixMs::default(),
            rekeyed_in: BTreeMap::new(),
            stage: Stage::Ended,
            latest: now.unix,
            next_first: false,
            disk_works: true,
            sessions_seen: now.unix,
        }
    }

    /// The devices, to save or to list.
    #[must_use]
    pub fn devices(&self) -> &Devices {
        &self.devices
    }

    /// The machine's id.
    #[must_use]
    pub fn agent(&self) -> AgentId {
        self.agent
    }

    /// The agent's long-lived keys, to save.
    #[must_use]
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// Says goodbye to the relay: viewers are told that this agent is restarting.
    pub fn leave(&mut self) {
        if let Some(link) = &mut self.link {
            link.end(CloseCode::GoingAway);
        }
    }

    /// How many sessions stand.
    #[must_use]
    pub fn sessions(&self) -> usize {
        self.talks.values().filter(|talk| talk.is_session()).count()
    }

    /// Tells the core what it must have been at least: while its clock says less, it grants nothing.
    pub fn set_earliest(&mut self, earliest: UnixMs) {
        self.earliest = earliest;
    }

    /// Whether the latest write to the disk went well.
    pub fn set_disk_works(&mut self, works: bool) {
        self.disk_works = works;
    }

    fn clock_is_behind(&self, now: Now) -> bool {
        now.unix < self.earliest
    }

    /// A WebSocket to the relay stands; `link` is our end of it.
    pub fn connected(&mut self, link: Link) {
        self.link = Some(link);
        self.stage = Stage::Unproven;
    }

    /// The WebSocket is gone. All sessions and leases end with it.
    pub fn disconnected(&mut self, why: CloseCode) {
        if self.link.take().is_some() {
            self.forget_link(why.into());
        }
    }

    /// Takes one message from the relay.
    pub fn handle(&mut self, message: bytes::Bytes, now: Now) {
        self.latest = now.unix;
        // After a sleep this may come before the timer that ends what has lapsed.
        self.look_at_leases(now);
        if let Some(link) = &mut self.link {
            link.handle(message, now);
        }
        self.drain_events(now);
    }

    /// The next message to the relay. To be called only after [`Core::poll_effect`] has nothing more.
    pub fn poll_output(&mut self) -> Option<bytes::Bytes> {
        if let Some(message) = self.link.as_mut()?.poll_output() {
            return Some(message);
        }
        if std::mem::take(&mut self.announce_owed) {
            self.announce();
        }
        self.link.as_mut()?.poll_output()
    }

    /// The next thing to do.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.effects.pop_front()
    }

    /// The network may be another one: a link that does not answer soon is given up.
    pub fn probe(&mut self, now: Mono) {
        if let Some(link) = &mut self.link {
            link.probe(now);
        }
    }

    /// True while a link stands or its last words wait to be written.
    #[must_use]
    pub fn has_link(&self) -> bool {
        self.link.as_ref().is_some_and(|link| !link.is_over())
    }

    /// Opens a pairing link. The caller adds the relay's address and certificate.
    ///
    /// # Errors
    /// The machine is locked, its clock is behind, the invitation grants what its reach cannot bound, or the system has no randomness.
    pub fn open_pairing(
        &mut self,
        invitation: Invitation,
        fingerprint: Option<[u8; 32]>,
        now: Now,
    ) -> Result<PairingLink, CloseCode> {
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        if self.devices.locked {
            return Err(CloseCode::Locked);
        }
        if !invitation.reach.can_bound(&invitation.scopes) {
            return Err(CloseCode::NotGranted);
        }
        let secret = PairingSecret::generate().ok_or(CloseCode::Internal)?;
        let link = PairingLink {
            agent: self.agent,
            noise_key: *self.identity.noise().key.public(),
            secret: PairingSecret::from_bytes(*secret.expose()),
            fingerprint,
        };
        self.pairings.open(secret, invitation, now.unix);
        self.announce();
        Ok(link)
    }

    /// Whether the relay has welcomed the present link.
    #[must_use]
    pub fn is_online(&self) -> bool {
        self.stage == Stage::Online
    }

    /// Asks for a sign that the relay has taken in what was said so far: [`Effect::TakenIn`] with this number or a higher one, or
    /// [`Effect::Offline`]. `None` without a link.
    pub fn ask_relay(&mut self) -> Option<u64> {
        let online = self.is_online();
        self.link.as_mut().filter(|_| online).map(Link::ask)
    }

    /// Ends every pairing link that is still open.
    pub fn cancel_pairings(&mut self) {
        self.pairings.cancel_all();
        self.announce();
    }

    /// When [`Core::on_timeout`] wants to be called at the latest.
    #[must_use]
    pub fn poll_timeout(&self, now: Now) -> Option<Mono> {
        let at = |at: UnixMs| now.mono + now.unix.until(at);
        let approvals = self.next_approval_end().map(at);
        let granted = self.next_granted_end().map(at);
        [approvals, granted, self.next_of_link(now)]
            .into_iter()
            .flatten()
            .min()
    }

    fn next_of_link(&self, now: Now) -> Option<Mono> {
        let link = self.link.as_ref()?;
        let ours = self.is_online().then(|| {
            [
                self.pairings.next_expiry(),
                Some(self.signer.next_look()),
                self.next_share_end(),
                self.next_key_look(now),
                self.next_session_look(),
            ]
        });
        let unix = ours.into_iter().flatten().chain([self.leases.next_look()]);
        let unix = unix.flatten().min().map(|at| now.mono + now.unix.until(at));
        let mono = [link.poll_timeout(), self.next_talk_look(), self.acks_due];
        mono.into_iter().flatten().chain(unix).min()
    }

    /// Looks at the clock.
    pub fn on_timeout(&mut self, now: Now) {
        self.latest = now.unix;
        // Before the relay's welcome the clock has been vouched for by nobody.
        if self.is_online() {
            let mut changed = self.pairings.expire(now.unix);
            changed |= self.signer.look(&self.identity, now.unix);
            self.look_at_keys(now);
            self.look_at_shares(now);
            self.look_at_sessions(now);
            if changed {
                self.announce();
            }
        }
        self.expire_approvals(now);
        self.expire_granted(now);
        self.look_at_leases(now);
        self.look_at_talks(now);
        self.look_at_acks(now.mono);
        if let Some(link) = &mut self.link {
            link.on_timeout(now.mono);
        }
        self.drain_events(now);
    }

    fn drain_events(&mut self, now: Now) {
        while let Some(event) = self.link.as_mut().and_then(Link::poll_event) {
            match event {
                Event::Welcome {
                    welcome,
                    first,
                    proven,
                    ..
                } => {
                    self.identity_proven(&proven, now);
                    if first {
                        self.stage = Stage::Online;
                        if !self.signer.holds(now.unix) {
                            self.signer.rotate(&self.identity, now.unix);
                        }
                        self.announce();
                        self.hand_over();
                        let (agent, web, warning) = (welcome.agent, welcome.web, welcome.warning);
                        self.effects.push_back(Effect::Online {
                            agent,
                            web,
                            warning,
                        });
                    }
                    self.effects.push_back(Effect::SaveTime);
                }
                // The relay sends neither to an agent.
                Event::Wake | Event::Accepted(..) => {}
                Event::TakenIn(upto) => self.effects.push_back(Effect::TakenIn(upto)),
                Event::Open(stream, open) => self.opened(stream, open, now),
                Event::Data(stream, data) => {
                    let cost = u32::try_from(data.len()).unwrap_or(u32::MAX);
                    self.data(stream, data, cost, now);
                }
                Event::Room(stream) => self.room(stream),
                Event::Closed(stream, _) => self.stream_closed(stream),
                Event::Ended(close) => self.forget_link(close),
            }
        }
    }

    fn opened(&mut self, stream: StreamId, open: Open, now: Now) {
        let Some(origin) = open.origin else {
            return self.close(stream, CloseCode::Malformed);
        };
        // A handshake begun for other versions than ours begins again behind the accept.
        let counts = open.versions.is_empty() || open.versions == SESSION_VERSIONS;
        let first = open.first;
        let outcome = match open.target {
            Target::Session(grant) => self.open_session(stream, origin, &grant, open.versions, now),
            Target::Pair(rendezvous) => {
                self.open_pair(stream, origin, rendezvous, open.versions, now)
            }
            Target::Purpose(token) => self.open_purpose(stream, origin, &token, now),
        };
        match outcome {
            // It took no credit, so none is given back.
            Ok(()) if counts && !first.is_empty() => self.data(stream, first, 0, now),
            Ok(()) => {}
            Err(code) => {
                tracing::info!(stream, reason = code.name(), "stream refused");
                self.close(stream, code);
            }
        }
    }

    /// A message or record of the viewer's, and what it took of the credit.
    fn data(&mut self, stream: StreamId, data: bytes::Bytes, cost: u32, now: Now) {
        if self.talks.contains_key(&stream) {
            self.talk_data(stream, &data, cost, now);
        } else if self.purposes.contains_key(&stream) {
            self.purpose_data(stream, data, cost, now);
        }
    }

    fn room(&mut self, stream: StreamId) {
        if self.talks.contains_key(&stream) {
            self.flush_talk(stream);
        } else {
            self.flush_purpose(stream);
        }
    }

    fn stream_closed(&mut self, stream: StreamId) {
        if self.talks.contains_key(&stream) {
            self.end_talk(stream);
        } else {
            self.end_purpose(stream);
        }
    }

    /// Ends a stream from our side with a code the relay may see, and forgets it.
    fn close(&mut self, stream: StreamId, code: CloseCode) {
        if let Some(link) = &mut self.link {
            link.close(stream, Close::from(code));
        }
        self.stream_closed(stream);
    }

    fn forget_link(&mut self, why: Close) {
        // A link that said why it ended hears of it once more when its socket goes.
        let stage = std::mem::replace(&mut self.stage, Stage::Ended);
        if stage == Stage::Ended {
            return;
        }
        self.look_at_refusal(stage, &why);
        let streams: Vec<_> = self.talks.keys().copied().collect();
        for stream in streams {
            self.end_talk(stream);
        }
        let streams: Vec<_> = self.purposes.keys().copied().collect();
        for stream in streams {
            self.end_purpose(stream);
        }
        self.leases.clear();
        self.rekeyed_in.clear();
        self.terminals.clear_drivers();
        self.effects.push_back(Effect::Offline(why));
    }

    /// Tells the relay our whole public state.
    fn announce(&mut self) {
        let announce = Announce {
            signers: self.signer.certificates(),
            devices: self.devices.epochs(),
            revoked: self.revoked.ids(),
            rendezvous: self.pairings.rendezvous(),
            former: self.identity.formers(self.latest),
            locked: self.devices.locked,
        };
        let online = self.is_online();
        if let Some(link) = self.link.as_mut().filter(|_| online) {
            link.announce(announce);
        }
    }
}
