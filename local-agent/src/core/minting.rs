//! Tokens and their leases over time: minted when asked for, renewed while they may go on, ended with words.

use super::Core;
use super::lease::{Lease, life};
use crate::limits::LEASE_LOOK_AHEAD;
use crate::random;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, StreamId};
use lanyard_shared::ids::{TerminalId, TokenId};
use lanyard_shared::limits::{LEASES_PER_DEVICE_AND_TERMINAL, LEASES_PER_SESSION, PRESENCE};
use lanyard_shared::msg::{FromAgent, Scope};
use lanyard_shared::seal::StreamSecret;
use lanyard_shared::time::{Now, UnixMs};
use lanyard_shared::token::{self, NewToken};
use std::time::Duration;

impl Core {
    pub(super) fn mint(
        &mut self,
        stream: StreamId,
        req: u32,
        purpose: Scope,
        terminal: TerminalId,
        now: Now,
    ) -> Result<FromAgent, CloseCode> {
        let (device, conn) = self.allowed(stream, purpose, now)?;
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

    /// Watching goes on while attached; typing while a person is present.
    fn may_go_on(&self, lease: &Lease, now: Now) -> bool {
        if self.clock_is_behind(now) {
            return false;
        }
        let Some(talk) = self.talks.get(&lease.session) else {
            return false;
        };
        match lease.purpose {
            Scope::View => lease.stream.is_some_and(|stream| self.is_watching(stream)),
            Scope::Terminal => talk.present.is_some_and(|at| now.mono.since(at) < PRESENCE),
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
