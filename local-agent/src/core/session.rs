//! What viewers ask inside a session, and how unpaired ones come in.

use super::devices::Device;
use super::effect::{Effect, Question};
use super::lease::{Lease, life};
use super::pairing::QuestionId;
use super::talk::{Phase, TalkPurpose};
use super::terminals::Wish;
use super::{Core, lease};
use crate::random;
use crate::text::{is_invisible, shortened};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Origin, StreamId};
use lanyard_shared::ids::{ConnId, DeviceId, RendezvousId, TerminalId, TokenId};
use lanyard_shared::limits::{
    LEASES_PER_DEVICE_AND_TERMINAL, LEASES_PER_SESSION, LIFE_DEVICE, MESSAGE_MAX, NAME_MAX,
    TERMINALS_MAX,
};
use lanyard_shared::msg::{
    self, FromAgent, Grid, PairReply, PairRequest, Reason, Scope, Terminal, ToAgent,
};
use lanyard_shared::noise::Session;
use lanyard_shared::seal::StreamSecret;
use lanyard_shared::time::{Now, UnixMs};
use lanyard_shared::token::{self, Expected, NewToken};
use lanyard_shared::{pair, sign, words};
use std::time::Duration;

/// A grant is replaced by a younger one when it is used this long after its issue.
const GRANT_SLIDES_AFTER: Duration = Duration::from_secs(24 * 3600);

/// Bytes of a title or folder in the list of terminals.
const LISTED_TEXT: usize = 200;
// Every byte of a text may become two in JSON, and what surrounds the texts takes less than 400.
const _: () = assert!(TERMINALS_MAX * (2 * (2 * LISTED_TEXT + NAME_MAX) + 400) / 2 < MESSAGE_MAX);

impl Core {
    /// A paired device opens its session.
    pub(super) fn open_session(
        &mut self,
        stream: StreamId,
        origin: Origin,
        grant: &str,
        versions: Vec<u16>,
        now: Now,
    ) -> Result<(), CloseCode> {
        let id = DeviceId::of_key(&origin.device);
        let device = self.devices.get(id).ok_or(CloseCode::UnknownDevice)?;
        let expected = Expected {
            agent: self.agent,
            device: id,
            conn: None,
            epoch: device.epoch,
            early: Duration::ZERO,
        };
        let key = self.identity.key.verifying_key().to_bytes();
        token::verify::<token::Device>(now.unix, grant, &[key], &expected)
            .map_err(|_| CloseCode::TokenRefused)?;
        self.accept_talk(stream, origin, id, TalkPurpose::Session, versions, now)
    }

    /// An unpaired viewer knocks.
    pub(super) fn open_pair(
        &mut self,
        stream: StreamId,
        origin: Origin,
        rendezvous: RendezvousId,
        versions: Vec<u16>,
        now: Now,
    ) -> Result<(), CloseCode> {
        if self.clock_behind {
            return Err(CloseCode::ClockBehind);
        }
        self.pairings
            .get_open(rendezvous, now.unix)
            .ok_or(CloseCode::PairUnknown)?;
        let id = DeviceId::of_key(&origin.device);
        self.accept_talk(
            stream,
            origin,
            id,
            TalkPurpose::Pair(rendezvous),
            versions,
            now,
        )
    }

    /// The first transport message of a pairing: the secret is spent, and a person is asked.
    pub(super) fn pair_request(
        &mut self,
        stream: StreamId,
        session: Session,
        rendezvous: RendezvousId,
        plain: &[u8],
        now: Now,
    ) -> Result<(), CloseCode> {
        let pairing = self
            .pairings
            .spend(rendezvous, now.unix)
            .ok_or(CloseCode::PairUsed)?;
        let (scopes, without_asking) = (pairing.scopes.clone(), pairing.without_asking);
        self.announce();
        let request: PairRequest = msg::decode(plain).map_err(|_| CloseCode::BadMessage)?;
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let noise_key = *session.remote();
        let joined = pair::verify_pairing(
            &request.key.0,
            session.handshake_hash(),
            self.agent,
            &noise_key,
            &request.signature.0,
        );
        // The link proved the same key, so that the relay's idea of this device is ours too.
        if !joined || request.key.0 != talk.origin.device {
            return Err(CloseCode::ProofRefused);
        }
        let device = Device {
            id: talk.device,
            name: clean_name(&request.name),
            noise_key: b64::Bytes(noise_key),
            scopes,
            epoch: 1,
            paired: now.unix,
            seen: now.unix,
            expires: now.unix + LIFE_DEVICE,
        };
        let question = self.next_question;
        self.next_question += 1;
        let ask = Question {
            id: question,
            device: device.name.clone(),
            words: words::check_words(session.handshake_hash()),
            scopes: device.scopes.clone(),
        };
        self.stand(stream, Phase::Asking(session, device, question));
        self.say(stream, &PairReply::Waiting {});
        if without_asking {
            self.answer(question, true, now);
        } else {
            self.effects.push_back(Effect::Ask(ask));
        }
        Ok(())
    }

    /// A person at the machine has answered. False when the question is no longer asked.
    pub fn answer(&mut self, question: QuestionId, yes: bool, now: Now) -> bool {
        let asked = |phase: &Phase| matches!(phase, Phase::Asking(_, _, id) if *id == question);
        let Some((stream, talk)) = self.talks.iter_mut().find(|(_, talk)| asked(&talk.phase))
        else {
            return false;
        };
        let stream = *stream;
        let Phase::Asking(session, device, _) = std::mem::replace(&mut talk.phase, Phase::Over)
        else {
            return false;
        };
        talk.phase = Phase::Standing(session);
        let verdict = if !yes {
            Err(CloseCode::PairDenied)
        } else if self.clock_behind {
            Err(CloseCode::ClockBehind)
        } else {
            self.admit(device, now)
        };
        match verdict {
            Ok(reply) => {
                self.say(stream, &reply);
                self.close(stream, CloseCode::Done);
            }
            Err(code) => {
                self.say(
                    stream,
                    &PairReply::Refused {
                        reason: code.into(),
                    },
                );
                self.close(stream, code);
            }
        }
        true
    }

    fn admit(&mut self, device: Device, now: Now) -> Result<PairReply, CloseCode> {
        // A device that pairs again starts a new epoch: whatever it held before is void.
        let epoch = self.devices.next_epoch(device.id);
        self.end_device(device.id, CloseCode::Replaced);
        let device = Device { epoch, ..device };
        let (name, scopes) = (device.name.clone(), device.scopes.clone());
        let (grant, expires) = self.grant(&device, now.unix)?;
        self.devices
            .admit(device, now.unix)
            .map_err(|_| CloseCode::Busy)?;
        self.effects.push_back(Effect::SaveDevices);
        self.announce();
        let reply = PairReply::Granted {
            grant,
            scopes: scopes.clone(),
            expires,
        };
        self.effects.push_back(Effect::Paired { name, scopes });
        Ok(reply)
    }

    fn grant(&self, device: &Device, now: UnixMs) -> Result<(String, UnixMs), CloseCode> {
        let new = NewToken {
            agent: self.agent,
            device: device.id,
            issued: now,
            life: LIFE_DEVICE,
            id: TokenId(random::bytes()),
            conn: None,
            epoch: device.epoch,
        };
        let grant = token::issue::<token::Device>(&self.identity.key, &new)
            .map_err(|_| CloseCode::Internal)?;
        Ok((grant, UnixMs::from_secs(now.secs()) + LIFE_DEVICE))
    }

    /// The first message of a session: it was no replay.
    pub(super) fn hello(
        &mut self,
        stream: StreamId,
        plain: &[u8],
        now: Now,
    ) -> Result<(), CloseCode> {
        let ToAgent::Hello { name } = msg::decode(plain).map_err(|_| CloseCode::BadMessage)? else {
            return Err(CloseCode::UnexpectedFrame);
        };
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let mut device = self
            .devices
            .get(talk.device)
            .cloned()
            .ok_or(CloseCode::UnknownDevice)?;
        device.name = clean_name(&name);
        let slides =
            !self.clock_behind && now.unix.until(device.expires) < LIFE_DEVICE - GRANT_SLIDES_AFTER;
        let renewed = slides.then(|| self.grant(&device, now.unix)).transpose()?;
        if let Some((_, expires)) = &renewed {
            device.expires = *expires;
        }
        device.seen = now.unix;
        let welcome = FromAgent::Welcome {
            machine: self.machine.name.clone(),
            user: self.machine.user.clone(),
            time: now.unix,
            scopes: device.scopes.clone(),
            expires: device.expires,
            terminals: self.terminals.list(),
        };
        self.devices
            .admit(device, now.unix)
            .map_err(|_| CloseCode::Busy)?;
        self.effects.push_back(Effect::NoteDevices);
        self.say(stream, &welcome);
        if let Some((grant, expires)) = renewed {
            self.say(stream, &FromAgent::Grant { grant, expires });
        }
        Ok(())
    }

    /// Any later message.
    pub(super) fn session_message(
        &mut self,
        stream: StreamId,
        plain: &[u8],
        now: Now,
    ) -> Result<(), CloseCode> {
        match msg::decode(plain).map_err(|_| CloseCode::BadMessage)? {
            ToAgent::Hello { .. } => return Err(CloseCode::UnexpectedFrame),
            ToAgent::Ping { n } => self.say(stream, &FromAgent::Pong { n, time: now.unix }),
            ToAgent::Mint {
                req,
                purpose,
                terminal,
            } => {
                let outcome = self.mint(stream, req, purpose, terminal, now);
                self.reply(stream, req, outcome);
            }
            ToAgent::Create {
                req,
                key,
                name,
                grid,
            } => {
                let outcome = self.create(stream, req, key.0, &name, grid, now);
                if let Some(outcome) = outcome.transpose() {
                    self.reply(stream, req, outcome);
                }
            }
            ToAgent::End { req, terminal } => {
                let outcome = self.end_terminal(stream, terminal, now);
                self.reply(stream, req, outcome.map(|()| FromAgent::Done { req }));
            }
        }
        Ok(())
    }

    fn reply(&mut self, stream: StreamId, req: u32, outcome: Result<FromAgent, CloseCode>) {
        let message = outcome.unwrap_or_else(|code| FromAgent::Refused {
            req,
            reason: code.into(),
        });
        self.say(stream, &message);
    }

    /// What a session may do: its device's scope, looked up at every request.
    fn allowed(&self, stream: StreamId, scope: Scope) -> Result<(&Device, ConnId), CloseCode> {
        if self.clock_behind {
            return Err(CloseCode::ClockBehind);
        }
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let device = self
            .devices
            .get(talk.device)
            .ok_or(CloseCode::UnknownDevice)?;
        if device.scopes.contains(&scope) {
            Ok((device, talk.origin.conn))
        } else {
            Err(CloseCode::NotGranted)
        }
    }

    fn mint(
        &mut self,
        stream: StreamId,
        req: u32,
        purpose: Scope,
        terminal: TerminalId,
        now: Now,
    ) -> Result<FromAgent, CloseCode> {
        let (device, conn) = self.allowed(stream, purpose)?;
        let (device, epoch, bound) = (device.id, device.epoch, device.expires);
        self.terminals
            .get(terminal)
            .ok_or(CloseCode::TerminalGone)?;
        // One device must not take the places of others: a holder has 64.
        let its = |lease: &&Lease| lease.device == device && lease.terminal == terminal;
        if self.leases.of_session(stream) >= LEASES_PER_SESSION
            || self.leases.iter().filter(its).count() >= LEASES_PER_DEVICE_AND_TERMINAL
        {
            return Err(CloseCode::Busy);
        }
        let secret = StreamSecret::generate().map_err(|_| CloseCode::Internal)?;
        let lease = Lease {
            jti: TokenId(random::bytes()),
            purpose,
            device,
            conn,
            session: stream,
            terminal,
            secret: Some(secret.clone()),
            issued: now.unix,
            expires: expiry(purpose, now.unix, bound),
            stream: None,
        };
        let message = FromAgent::Minted {
            req,
            jti: lease.jti,
            token: self.token(&lease, epoch)?,
            secret: b64::Bytes(*secret.expose()),
            expires: lease.expires,
            life: u64::try_from(life(purpose).as_millis()).unwrap_or(u64::MAX),
        };
        if purpose == Scope::Terminal
            && let Some(talk) = self.talks.get_mut(&stream)
        {
            // A viewer asks for this when a key was pressed.
            talk.present = Some(now.mono);
        }
        self.leases.insert(lease);
        Ok(message)
    }

    /// Signs the token of a lease.
    fn token(&self, lease: &Lease, epoch: u32) -> Result<String, CloseCode> {
        let new = NewToken {
            agent: self.agent,
            device: lease.device,
            issued: lease.issued,
            life: Duration::from_secs(lease.expires.secs().saturating_sub(lease.issued.secs())),
            id: lease.jti,
            conn: Some(lease.conn),
            epoch,
        };
        let token = match lease.purpose {
            Scope::View => token::issue::<token::View>(self.signer.key(), &new),
            Scope::Terminal => token::issue::<token::Terminal>(self.signer.key(), &new),
        };
        token.map_err(|_| CloseCode::Internal)
    }

    /// Signs a later token for a lease and pushes it: to the relay as `renew`, to the viewer as `lease`.
    fn renew(&mut self, jti: TokenId, now: Now) -> Result<(), CloseCode> {
        let lease = self.leases.get(jti).ok_or(CloseCode::Internal)?;
        let device = self
            .devices
            .get(lease.device)
            .ok_or(CloseCode::UnknownDevice)?;
        let epoch = device.epoch;
        // Never earlier than what was promised.
        let expires = lease
            .expires
            .max(expiry(lease.purpose, now.unix, device.expires));
        self.leases.update(jti, |lease| {
            lease.issued = now.unix;
            lease.expires = expires;
        });
        let lease = self.leases.get(jti).ok_or(CloseCode::Internal)?;
        let (session, stream) = (lease.session, lease.stream.ok_or(CloseCode::Internal)?);
        let token = self.token(lease, epoch)?;
        self.renew_permit(stream, &token, epoch, now.unix)?;
        if let Some(link) = &mut self.link {
            link.renew(stream, token);
        }
        self.say(session, &FromAgent::Lease { jti, expires });
        Ok(())
    }

    /// `Ok(None)` means: the answer comes when the holder stands.
    fn create(
        &mut self,
        stream: StreamId,
        req: u32,
        key: [u8; 16],
        name: &str,
        grid: Grid,
        now: Now,
    ) -> Result<Option<FromAgent>, CloseCode> {
        let device = self.allowed(stream, Scope::Terminal)?.0.id;
        // The same wish of the same device is the same terminal, also after a restart of this process.
        let terminal = TerminalId(sign::digest_16(
            "lanyard/terminal-id/v1",
            &[&device.0, &key],
        ));
        if self.terminals.has_ended(terminal) {
            return Err(CloseCode::TerminalGone);
        }
        if let Some(terminal) = self.terminals.get(terminal) {
            return Ok(Some(FromAgent::Created {
                req,
                terminal: terminal.clone(),
            }));
        }
        if self.terminals.is_full() || !grid.fits() {
            return Err(CloseCode::Busy);
        }
        if let Some(talk) = self.talks.get_mut(&stream) {
            talk.present = Some(now.mono);
        }
        if self.terminals.wish(
            terminal,
            Wish {
                session: stream,
                req,
            },
        ) {
            self.effects.push_back(Effect::Spawn {
                terminal,
                name: self.terminal_name(name),
                grid,
            });
        }
        Ok(None)
    }

    /// The name asked for, or the folder's with a number.
    fn terminal_name(&self, wanted: &str) -> String {
        if !wanted.trim().is_empty() {
            return clean_name(wanted);
        }
        let taken = |name: &str| {
            self.terminals
                .list()
                .iter()
                .any(|terminal| terminal.name == name)
        };
        let numbered = |n: usize| {
            if n == 1 {
                self.machine.folder.clone()
            } else {
                format!("{} {n}", self.machine.folder)
            }
        };
        (1..)
            .map(numbered)
            .find(|name| !taken(name))
            .unwrap_or_default()
    }

    fn end_terminal(
        &mut self,
        stream: StreamId,
        terminal: TerminalId,
        _now: Now,
    ) -> Result<(), CloseCode> {
        self.allowed(stream, Scope::Terminal)?;
        self.terminals
            .get(terminal)
            .ok_or(CloseCode::TerminalGone)?;
        self.effects.push_back(Effect::Kill(terminal));
        Ok(())
    }

    /// A holder stands, or could not be started.
    pub fn spawned(&mut self, id: TerminalId, outcome: Result<Terminal, String>) {
        let wishes = self.terminals.take_wishes(id);
        let message = |req| match &outcome {
            Ok(terminal) => FromAgent::Created {
                req,
                terminal: terminal.clone(),
            },
            Err(sentence) => {
                let reason = Reason::from(CloseCode::Internal);
                FromAgent::Refused {
                    req,
                    reason: Reason {
                        sentence: sentence.clone(),
                        ..reason
                    },
                }
            }
        };
        if let Ok(terminal) = &outcome {
            self.put_terminal(terminal.clone());
        }
        for wish in wishes {
            self.say(wish.session, &message(wish.req));
        }
    }

    /// A terminal is there, or has changed.
    pub fn put_terminal(&mut self, mut terminal: Terminal) {
        // All terminals fit into one message, whatever their programs call themselves.
        terminal.title = shortened(&terminal.title, LISTED_TEXT).to_owned();
        terminal.cwd = shortened(&terminal.cwd, LISTED_TEXT).to_owned();
        if self.terminals.get(terminal.id) != Some(&terminal) {
            self.terminals.put(terminal);
            self.tell_terminals();
        }
    }

    /// A terminal is gone for good.
    pub fn terminal_gone(&mut self, id: TerminalId) {
        let tokens: Vec<_> = self
            .leases
            .iter()
            .filter(|lease| lease.terminal == id)
            .map(|lease| lease.jti)
            .collect();
        for jti in tokens {
            self.end_lease(jti, CloseCode::TerminalGone);
        }
        if self.terminals.remove(id) {
            self.tell_terminals();
        }
    }

    /// All terminals, as a list shows them.
    #[must_use]
    pub fn terminals(&self) -> Vec<Terminal> {
        self.terminals.list()
    }

    /// Every session hears the list, but no session has more than one waiting: a program that changes its title all the time fills no queue.
    fn tell_terminals(&mut self) {
        let sessions: Vec<_> = self
            .talks
            .iter()
            .filter(|(_, talk)| talk.is_session())
            .map(|(id, _)| *id)
            .collect();
        for stream in sessions {
            if let Some(talk) = self.talks.get_mut(&stream) {
                talk.list_is_old = true;
            }
            self.flush_talk(stream);
        }
    }

    /// Renews what is due and may go on, ends what may not.
    pub(super) fn look_at_leases(&mut self, now: Now) {
        let again = now.unix + Duration::from_secs(5);
        for jti in self.leases.due(now.unix, again) {
            let Some(lease) = self.leases.get(jti) else {
                continue;
            };
            if now.unix >= lease.ends() {
                self.end_lease(jti, CloseCode::Lapsed);
            } else if self.may_go_on(lease, now)
                && let Err(code) = self.renew(jti, now)
            {
                self.end_lease(jti, code);
            }
        }
    }

    /// Watching goes on while attached; typing while a person is present.
    fn may_go_on(&self, lease: &lease::Lease, now: Now) -> bool {
        if self.clock_behind {
            return false;
        }
        let Some(talk) = self.talks.get(&lease.session) else {
            return false;
        };
        match lease.purpose {
            Scope::View => true,
            Scope::Terminal => talk
                .present
                .is_some_and(|at| now.mono.since(at) < lanyard_shared::limits::PRESENCE),
        }
    }

    /// Ends a lease and its stream: sealed words first, then the close that the relay sees.
    pub(super) fn end_lease(&mut self, jti: TokenId, code: CloseCode) {
        let Some(lease) = self.leases.remove(jti) else {
            return;
        };
        if let Some(stream) = lease.stream {
            self.finish_purpose(stream, &Close::from(code));
        }
        self.say(
            lease.session,
            &FromAgent::Ended {
                jti,
                reason: code.into(),
            },
        );
    }
}

fn expiry(purpose: Scope, now: UnixMs, bound: UnixMs) -> UnixMs {
    UnixMs::from_secs((now + life(purpose)).min(bound).secs())
}

/// A name that a person will read in a terminal: no control or invisible characters, not too long.
fn clean_name(name: &str) -> String {
    let clean: String = name
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c))
        .take(NAME_MAX)
        .collect();
    let clean = clean.trim();
    if clean.is_empty() {
        "unnamed".to_owned()
    } else {
        clean.to_owned()
    }
}
