//! Tokens and their leases over time: minted when asked for, renewed while they may go on, ended with words.

use super::Core;
use super::lease::Lease;
use crate::audit::Event;
use crate::limits::{DEVICES_LEASES, LEASE_LOOK_AHEAD};
use crate::random;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, StreamId};
use lanyard_shared::ids::TokenId;
use lanyard_shared::limits::{LEASES_PER_DEVICE_AND_TERMINAL, LEASES_PER_SESSION, PRESENCE};
use lanyard_shared::msg::{FromAgent, Scope, Wanted};
use lanyard_shared::seal::StreamSecret;
use lanyard_shared::time::{Now, UnixMs};
use lanyard_shared::token::{self, NewToken, Renewal};
use std::time::Duration;

impl Core {
    pub(super) fn mint(
        &mut self,
        stream: StreamId,
        req: u32,
        wanted: Wanted,
        now: Now,
    ) -> Result<FromAgent, CloseCode> {
        let purpose = wanted.scope();
        let (device, conn) = match wanted.terminal() {
            Some(terminal) if purpose == Scope::View => {
                self.allowed_to_watch(stream, terminal, now)?
            }
            Some(terminal) => self.allowed_terminal(stream, purpose, terminal, now)?,
            None => self.allowed(stream, purpose, now)?,
        };
        if wanted.root().is_some_and(|root| !device.reaches_path(root)) {
            return Err(CloseCode::NotGranted);
        }
        if let Wanted::Approve { request } = wanted
            && !self.may_answer(device, request)
        {
            return Err(CloseCode::ApprovalUnknown);
        }
        let (device, epoch, bound) = (device.id, device.epoch, device.expires);
        // One device must not take the places of others: a holder has 64.
        let its = |lease: &&Lease| {
            lease.device == device
                && wanted.terminal().is_some()
                && lease.wanted.terminal() == wanted.terminal()
        };
        // Each of their streams may have a long list waiting.
        let its_devices =
            |lease: &&Lease| lease.device == device && lease.purpose() == Scope::Devices;
        if self.leases.of_session(stream) >= LEASES_PER_SESSION
            || self.leases.iter().filter(its).count() >= LEASES_PER_DEVICE_AND_TERMINAL
            || (purpose == Scope::Devices
                && self.leases.iter().filter(its_devices).count() >= DEVICES_LEASES)
        {
            return Err(CloseCode::Busy);
        }
        let secret = StreamSecret::generate().map_err(|_| CloseCode::Internal)?;
        let lease = Lease {
            jti: TokenId(random::bytes()),
            wanted: wanted.clone(),
            device,
            conn,
            session: stream,
            secret: Some(secret.clone()),
            issued: now.unix,
            expires: expiry(purpose, now.unix, bound),
            used: now.unix,
            stream: None,
        };
        let message = FromAgent::Minted {
            req,
            jti: lease.jti,
            token: self.token(&lease, epoch)?,
            secret: b64::Bytes(*secret.expose()),
            issued: lease.issued,
            expires: lease.expires,
        };
        if purpose.kind().renewal() == Renewal::WhilePresent
            && let Some(talk) = self.talks.get_mut(&stream)
        {
            // A viewer asks for this when a key was pressed.
            talk.present = Some(now.mono);
        }
        self.record(Event::Minted {
            device,
            jti: lease.jti,
            wanted,
            expires: lease.expires,
        });
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
        let key = self.signer.key();
        let token = match lease.purpose() {
            Scope::View => token::issue::<token::View>(key, &new),
            Scope::FilesRead => token::issue::<token::FilesRead>(key, &new),
            Scope::Terminal => token::issue::<token::Terminal>(key, &new),
            Scope::Run => token::issue::<token::Run>(key, &new),
            Scope::FilesWrite => token::issue::<token::FilesWrite>(key, &new),
            Scope::Prompt => token::issue::<token::Prompt>(key, &new),
            Scope::Approve => token::issue::<token::Approve>(key, &new),
            Scope::Devices => token::issue::<token::Devices>(key, &new),
        };
        token.map_err(|_| CloseCode::Internal)
    }

    /// Signs a later token for a lease and pushes it: to the relay as `renew`, to the viewer as `lease`.
    pub(super) fn renew(&mut self, jti: TokenId, now: Now) -> Result<(), CloseCode> {
        let lease = self.leases.get(jti).ok_or(CloseCode::Internal)?;
        let device = self
            .devices
            .get(lease.device)
            .ok_or(CloseCode::UnknownDevice)?;
        let epoch = device.epoch;
        // Never earlier than what was promised.
        let expires = lease
            .expires
            .max(expiry(lease.purpose(), now.unix, device.expires));
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

    /// Renews what is due and may go on, ends what may not.
    pub(super) fn look_at_leases(&mut self, now: Now) {
        let again = now.unix + LEASE_LOOK_AHEAD;
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

    /// What keeps a token of its purpose alive: see [`Renewal`].
    fn may_go_on(&self, lease: &Lease, now: Now) -> bool {
        if self.clock_is_behind(now) {
            return false;
        }
        let Some(talk) = self.talks.get(&lease.session) else {
            return false;
        };
        let open = lease.stream.is_some_and(|stream| self.is_open(stream));
        match lease.purpose().kind().renewal() {
            Renewal::WhileAttached => open,
            Renewal::OnUse => open && lease.used > lease.issued,
            Renewal::WhilePresent => talk.present.is_some_and(|at| now.mono.since(at) < PRESENCE),
            Renewal::Never | Renewal::Sliding => false,
        }
    }

    /// A person wants one of this session's tokens to live longer, and so is there.
    pub(super) fn renew_asked(
        &mut self,
        stream: StreamId,
        jti: TokenId,
        now: Now,
    ) -> Result<(), CloseCode> {
        let lease = self.leases.get(jti).filter(|lease| lease.session == stream);
        let lease = lease.ok_or(CloseCode::NotYours)?;
        if lease.purpose().kind().renewal() == Renewal::Never {
            return Err(CloseCode::NotRenewed);
        }
        if lease.stream.is_none() || now.unix >= lease.ends() {
            return Err(CloseCode::NotYours);
        }
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        if let Some(talk) = self.talks.get_mut(&stream) {
            talk.present = Some(now.mono);
        }
        self.renew(jti, now)
    }

    /// Ends the leases that `which` names.
    pub(super) fn end_leases(&mut self, which: impl Fn(&Lease) -> bool, code: CloseCode) {
        let named = self.leases.iter().filter(|lease| which(lease));
        for jti in named.map(|lease| lease.jti).collect::<Vec<_>>() {
            self.end_lease(jti, code);
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
        self.record(Event::Ended {
            jti,
            why: code.sentence().to_owned(),
        });
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
    UnixMs::from_secs((now + purpose.kind().life()).min(bound).secs())
}
