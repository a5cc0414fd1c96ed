//! What viewers ask inside a session, and how unpaired ones come in.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::talk::TalkPurpose;
use super::terminals::Wish;
use crate::audit::Event;
use crate::limits::SEEN_EVERY;
use crate::text::is_invisible;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Origin, StreamId};
use lanyard_shared::ids::{ConnId, DeviceId, TerminalId};
use lanyard_shared::limits::NAME_MAX;
use lanyard_shared::msg::{self, FromAgent, Grid, Scope, ToAgent};
use lanyard_shared::sign;
use lanyard_shared::time::Now;
use lanyard_shared::token::{self, Expected};
use std::net::Ipv6Addr;
use std::time::Duration;

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
        if self.devices.locked {
            return Err(CloseCode::Locked);
        }
        // By a clock that was set back a grant that is over would be good again.
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        let id = DeviceId::of_key(&origin.device);
        let device = self.devices.get(id).ok_or(CloseCode::UnknownDevice)?;
        let expected = Expected {
            agent: self.agent,
            device: id,
            conn: None,
            epoch: device.epoch,
            early: Duration::ZERO,
        };
        let keys = self.identity.grant_keys(now.unix);
        let permit = token::verify::<token::Device>(now.unix, grant, &keys, &expected)?;
        let purpose = TalkPurpose::Session(permit.claims().id);
        self.accept_talk(stream, origin, id, purpose, versions, now)
    }

    /// The first message of a session: it was no replay.
    pub(super) fn hello(
        &mut self,
        stream: StreamId,
        plain: &[u8],
        now: Now,
    ) -> Result<(), CloseCode> {
        let ToAgent::Hello {
            name,
            generation,
            serial,
        } = msg::decode(plain).map_err(|_| CloseCode::BadMessage)?
        else {
            return Err(CloseCode::UnexpectedFrame);
        };
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let mut device = self
            .devices
            .get(talk.device)
            .cloned()
            .ok_or(CloseCode::UnknownDevice)?;
        let before = device.clone();
        device.name = clean_name(&name);
        device.from = from_text(talk.origin.from);
        device.serial = device.serial.max(serial.min(self.identity.noise().serial));
        device.advance(generation, now.unix);
        let by_former = self.identity.since() > before.seen;
        let slides = !self.clock_is_behind(now) && (device.slide(now.unix) || by_former);
        // A page that comes back every few seconds is not worth a write to disk each time, which everybody here would wait for.
        let is_news = device.name != before.name
            || device.from != before.from
            || device.generation != before.generation
            || device.suspended != before.suspended
            || device.replaces.is_some()
            || slides
            || before.seen.until(now.unix) >= SEEN_EVERY;
        if is_news {
            device.seen = now.unix;
        }
        let welcome = FromAgent::Welcome {
            machine: self.machine.name.clone(),
            user: self.machine.user.clone(),
            time: now.unix,
            scopes: device.allowed_scopes(),
            reach: device.reach.clone(),
            expires: device.expires,
            until: device.until,
            generation: device.generation,
            suspended: device.suspended,
            terminals: self.terminals_for(Some(device.id)),
        };
        let (id, label) = (device.id, device.name.clone());
        let from = device.from.clone();
        let replaced = device.replaces.take();
        let newly_suspended = device.suspended && !before.suspended;
        self.devices
            .admit(device, now.unix)
            .map_err(|_| CloseCode::Busy)?;
        if is_news {
            self.effects.push_back(Effect::NoteDevices);
        }
        self.record(Event::Connected {
            device: id,
            name: label.clone(),
            from,
        });
        self.say(stream, &welcome);
        self.tell_approvals(stream);
        if slides {
            self.regrant(stream, now)?;
        }
        if newly_suspended {
            self.suspend(id, label, now);
        }
        if let Some(old) = replaced {
            self.keys_changed(old, id, now);
        }
        self.tell_keys(stream, serial);
        self.tell_rekey(stream, now);
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
            ToAgent::Mint { req, wanted } => {
                let outcome = self.mint(stream, req, wanted.clone(), now);
                if let (Err(code), Some(talk)) = (&outcome, self.talks.get(&stream)) {
                    self.record(Event::Refused {
                        device: talk.device,
                        wanted,
                        why: code.sentence().to_owned(),
                    });
                }
                let must_rekey = outcome
                    .as_ref()
                    .is_err_and(|code| *code == CloseCode::KeysChanged);
                self.reply(stream, req, outcome);
                if must_rekey {
                    // An earlier try may have been lost, or refused because another page was at it.
                    self.tell_rekey(stream, now);
                }
            }
            ToAgent::SetMode { req, mode } => {
                let outcome = self.choose_mode(stream, mode, now);
                self.reply(stream, req, outcome.map(|()| FromAgent::Done { req }));
            }
            ToAgent::EndGranted { req, id } => {
                let outcome = self.end_granted_by(stream, id, now);
                self.reply(stream, req, outcome.map(|()| FromAgent::Done { req }));
            }
            ToAgent::Audit { seen } => self.audit_asked(stream, seen),
            ToAgent::KeysTaken { serial } => self.keys_taken(stream, serial),
            ToAgent::Rekey { req, keys } => {
                let outcome = self.rekey(stream, req, &keys, now);
                self.reply(stream, req, outcome);
            }
            ToAgent::Renew { req, jti } => {
                let outcome = self.renew_asked(stream, jti, now);
                self.reply(stream, req, outcome.map(|()| FromAgent::Done { req }));
            }
            ToAgent::Access { req } => {
                let outcome = self.own_access(stream, req, now);
                self.reply(stream, req, outcome);
            }
            ToAgent::Revoke { req, revocation } => {
                let outcome = self.revoke_own(stream, revocation, now);
                self.reply(stream, req, outcome.map(|_| FromAgent::Done { req }));
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
                if let Err(code) = self.end_terminal(stream, req, terminal, now) {
                    self.reply(stream, req, Err(code));
                }
            }
            ToAgent::Rename {
                req,
                terminal,
                name,
            } => {
                if let Err(code) = self.rename(stream, req, terminal, &name, now) {
                    self.reply(stream, req, Err(code));
                }
            }
            ToAgent::History { req, after } => {
                let outcome = self.history(stream, req, after, now);
                self.reply(stream, req, outcome);
            }
            ToAgent::Forget { req, terminal } => {
                if let Err(code) = self.forget_past(stream, req, terminal, now) {
                    self.reply(stream, req, Err(code));
                }
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
    pub(super) fn allowed(
        &self,
        stream: StreamId,
        scope: Scope,
        now: Now,
    ) -> Result<(&Device, ConnId), CloseCode> {
        if self.clock_is_behind(now) {
            return Err(CloseCode::ClockBehind);
        }
        if self.devices.locked {
            return Err(CloseCode::Locked);
        }
        let talk = self.talks.get(&stream).ok_or(CloseCode::Internal)?;
        let device = self
            .devices
            .get(talk.device)
            .ok_or(CloseCode::UnknownDevice)?;
        if now.unix >= device.expires {
            Err(CloseCode::Lapsed)
        } else if device.must_rekey() {
            Err(CloseCode::KeysChanged)
        } else if device.allows(scope) {
            Ok((device, talk.origin.conn))
        } else {
            Err(CloseCode::NotGranted)
        }
    }

    /// As [`Core::allowed`], and the terminal must exist for the device: one out of its reach is as one that is not there.
    pub(super) fn allowed_terminal(
        &self,
        stream: StreamId,
        scope: Scope,
        terminal: TerminalId,
        now: Now,
    ) -> Result<(&Device, ConnId), CloseCode> {
        let (device, conn) = self.allowed(stream, scope, now)?;
        let terminal = self.terminals.get(terminal);
        if terminal.is_some_and(|terminal| device.reaches(terminal)) {
            Ok((device, conn))
        } else {
            Err(CloseCode::TerminalGone)
        }
    }

    /// As [`Core::allowed_terminal`], for watching: what is kept of a terminal that has ended can be watched too.
    pub(super) fn allowed_to_watch(
        &self,
        stream: StreamId,
        terminal: TerminalId,
        now: Now,
    ) -> Result<(&Device, ConnId), CloseCode> {
        let (device, conn) = self.allowed(stream, Scope::View, now)?;
        if self.past_exists_for(device, terminal) {
            Ok((device, conn))
        } else {
            self.allowed_terminal(stream, Scope::View, terminal, now)
        }
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
        let device = self.allowed(stream, Scope::Terminal, now)?.0;
        // New terminals start in the machine's folder, and one that is there already is not a new one.
        if device.reach.terminal.is_some() || !device.reaches_path(&self.machine.cwd) {
            return Err(CloseCode::NotGranted);
        }
        let device = device.id;
        // The same wish of the same device is the same terminal, also after a restart of this process.
        let terminal = TerminalId(sign::digest_16(
            "lanyard/terminal-id/v1",
            &[&device.0, &key],
        ));
        if self.terminals.has_ended(terminal) || self.past_terminal(terminal).is_some() {
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
        let wish = Wish {
            session: stream,
            req,
        };
        if self.terminals.wish(terminal, wish)? {
            let name = self.terminal_name(name, terminal);
            self.record(Event::TerminalBegan {
                terminal,
                name: name.clone(),
                by: self.who(device),
            });
            self.effects.push_back(Effect::Spawn {
                terminal,
                name,
                grid,
            });
        }
        Ok(None)
    }

    /// The name asked for, or the folder's with a number that no other terminal has.
    fn terminal_name(&self, wanted: &str, its: TerminalId) -> String {
        let wanted = cleaned(wanted);
        if !wanted.is_empty() {
            return wanted;
        }
        let taken = |name: &str| {
            self.terminals
                .list()
                .iter()
                .any(|other| other.id != its && other.name == name)
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

    /// The answer comes when the terminal is gone: nobody is told of an end that a kill of this process can still prevent.
    fn end_terminal(
        &mut self,
        stream: StreamId,
        req: u32,
        terminal: TerminalId,
        now: Now,
    ) -> Result<(), CloseCode> {
        self.allowed_terminal(stream, Scope::Terminal, terminal, now)?;
        let wish = Wish {
            session: stream,
            req,
        };
        self.terminals.wish_end(terminal, wish)?;
        self.effects.push_back(Effect::Kill(terminal));
        Ok(())
    }

    /// The answer comes when the new name is on disk.
    fn rename(
        &mut self,
        stream: StreamId,
        req: u32,
        terminal: TerminalId,
        name: &str,
        now: Now,
    ) -> Result<(), CloseCode> {
        self.allowed_terminal(stream, Scope::Terminal, terminal, now)?;
        self.effects.push_back(Effect::Rename {
            terminal,
            name: self.terminal_name(name, terminal),
            wish: Wish {
                session: stream,
                req,
            },
        });
        Ok(())
    }
}

/// A name that a person will read in a terminal: no control or invisible characters, not too long.
pub(super) fn clean_name(name: &str) -> String {
    let clean = cleaned(name);
    if clean.is_empty() {
        "unnamed".to_owned()
    } else {
        clean
    }
}

/// Where a link comes from, as lists show it.
pub(super) fn from_text(from: Ipv6Addr) -> String {
    if from.is_unspecified() {
        String::new()
    } else {
        from.to_canonical().to_string()
    }
}

/// What of a name a person can see, not too long; may be empty.
pub(super) fn cleaned(name: &str) -> String {
    let seen = name
        .chars()
        .filter(|c| !c.is_control() && !is_invisible(*c));
    let clean: String = seen.take(NAME_MAX).collect();
    clean.trim().to_owned()
}
