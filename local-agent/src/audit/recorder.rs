//! What is written into the log: what must be there at once, what is signed when, and what is too much.

use super::Event;
use super::chain::Head;
use super::log::{AuditLog, Owner, Page};
use super::read::AuditError;
use crate::limits::{
    AUDIT_BURST, AUDIT_EVERY, AUDIT_TOTAL, AUDIT_UNSIGNED_MAX, AUDIT_UNSIGNED_TIME,
};
use ed25519_dalek::SigningKey;
use lanyard_shared::b64;
use lanyard_shared::ids::AgentId;
use lanyard_shared::rotate::{self, IdentityCert};
use lanyard_shared::time::{Mono, Now};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The machine as the log knows it.
pub struct Signer {
    /// Its id.
    pub agent: AgentId,
    /// Its identity key.
    pub key: Arc<SigningKey>,
    /// How that came from its first.
    pub chain: Vec<IdentityCert>,
}

/// Writes the log.
pub struct Recorder {
    log: AuditLog,
    signer: Signer,
    keep: Duration,
    room: Room,
    /// Lines that the disk did not take.
    unwritten: u64,
    /// Lines that were too many.
    omitted: u64,
    /// Lines without a signature behind them, and since when.
    unsigned: Option<(u64, Mono)>,
}

/// How many lines about sessions and tokens may come now: a device that makes them fills no disk.
struct Room {
    left: u32,
    since: Mono,
}

impl Signer {
    fn owner(&self) -> Owner {
        Owner {
            agent: self.agent,
            key: self.key.verifying_key().to_bytes(),
        }
    }
}

impl Recorder {
    /// Opens the log, or makes it, and says that the agent has begun.
    ///
    /// # Errors
    /// It is not what was written, its key does not lead to the machine's, or the disk does not take it.
    pub fn open(dir: &Path, signer: Signer, keep: Duration, now: Now) -> Result<Self, AuditError> {
        let (log, key) = AuditLog::open(dir, now.unix)?;
        let mut recorder = Self {
            log,
            keep,
            room: Room {
                left: AUDIT_BURST,
                since: now.mono,
            },
            unwritten: 0,
            omitted: 0,
            unsigned: None,
            signer,
        };
        if let Some(key) = key {
            recorder.follow(key, now)?;
        }
        let owner = recorder.signer.owner();
        recorder.append(
            Event::Began {
                agent: owner.agent,
                version: env!("CARGO_PKG_VERSION").to_owned(),
                key: b64::Bytes(owner.key),
            },
            now,
        )?;
        recorder.log.expire(now.unix, keep, AUDIT_TOTAL, owner)?;
        recorder.sign(now)?;
        Ok(recorder)
    }

    /// For how long lines are kept.
    #[must_use]
    pub fn keep(&self) -> Duration {
        self.keep
    }

    /// How far it goes.
    #[must_use]
    pub fn head(&self) -> Head {
        self.log.head()
    }

    /// Writes a line.
    ///
    /// # Errors
    /// The disk did not take it. Later ones say how many are missing.
    pub fn record(&mut self, event: Event, now: Now) -> Result<(), AuditError> {
        if !event.is_durable() && !self.room.take(now.mono) {
            self.omitted += 1;
            return Ok(());
        }
        let written = self.make_up(now).and_then(|()| self.append(event, now));
        if written.is_err() {
            self.unwritten += 1;
        }
        written
    }

    /// Signs what has stood unsigned for long enough. True if it did.
    ///
    /// # Errors
    /// The disk did not take it.
    pub fn look(&mut self, now: Now) -> Result<bool, AuditError> {
        let due = self.unsigned.is_some_and(|(lines, since)| {
            lines >= AUDIT_UNSIGNED_MAX || now.mono.since(since) >= AUDIT_UNSIGNED_TIME
        });
        if due {
            self.sign(now)?;
            let owner = self.signer.owner();
            self.log.expire(now.unix, self.keep, AUDIT_TOTAL, owner)?;
        }
        Ok(due)
    }

    /// Signs what is not signed yet.
    ///
    /// # Errors
    /// The disk did not take it.
    pub fn sign(&mut self, now: Now) -> Result<(), AuditError> {
        if self.unsigned.take().is_some() {
            let head = self.log.head();
            let signature = b64::Bytes(head.sign(self.signer.agent, &self.signer.key));
            let checkpoint = Event::Checkpoint { signature };
            let owner = self.signer.owner();
            let signed = self.log.append(now.unix, checkpoint, owner);
            if signed.is_err() {
                // It is tried again in a while, and not all the time.
                self.unsigned = Some((1, now.mono));
            }
            signed?;
        }
        Ok(())
    }

    /// The machine has another identity key: the log says how it came from the one before.
    ///
    /// # Errors
    /// It did not come from there, or the disk did not take it.
    pub fn rekey(&mut self, signer: Signer, now: Now) -> Result<(), AuditError> {
        let before = self.signer.owner().key;
        self.sign(now)?;
        self.signer = signer;
        self.follow(before, now)
    }

    /// Lines before this one, or the last ones.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn page(&self, before: Option<u64>) -> Result<Page, AuditError> {
        self.log.page(before)
    }

    /// Whether these were the first so many lines; nothing if they are not all here any more.
    ///
    /// # Errors
    /// They cannot be read.
    pub fn agrees(&self, seen: Head) -> Result<Option<bool>, AuditError> {
        let here = self.log.head_at(seen.count)?;
        let removed = seen.count.saturating_add(1) < self.log.oldest();
        Ok((!removed).then_some(here == Some(seen)))
    }

    /// Says how many lines are missing, before any other.
    fn make_up(&mut self, now: Now) -> Result<(), AuditError> {
        if self.unwritten > 0 {
            let lines = self.unwritten;
            self.append(Event::Unwritten { lines }, now)?;
            self.unwritten = 0;
        }
        if self.omitted > 0 && self.room.left > 0 {
            let lines = self.omitted;
            self.append(Event::Omitted { lines }, now)?;
            self.omitted = 0;
        }
        Ok(())
    }

    fn append(&mut self, event: Event, now: Now) -> Result<(), AuditError> {
        self.log.append(now.unix, event, self.signer.owner())?;
        let (lines, since) = self.unsigned.unwrap_or((0, now.mono));
        self.unsigned = Some((lines + 1, since));
        Ok(())
    }

    fn follow(&mut self, key: [u8; 32], now: Now) -> Result<(), AuditError> {
        let Signer { agent, chain, .. } = &self.signer;
        let present = self.signer.owner().key;
        if key == present {
            return Ok(());
        }
        let since = chain.iter().position(|cert| cert.from.0 == key);
        let chain = since.and_then(|at| chain.get(at..)).unwrap_or_default();
        if rotate::follow(&key, chain, *agent) != Some(present) {
            let broken = super::chain::Broken {
                line: self.log.head().count,
                why: "was written under an identity of this machine that does not lead to its present one",
            };
            return Err(broken.into());
        }
        let chain = chain.to_vec();
        self.append(Event::Rekeyed { chain }, now)
    }
}

impl Room {
    fn take(&mut self, now: Mono) -> bool {
        let every = u32::try_from(AUDIT_EVERY.as_millis()).unwrap_or(u32::MAX);
        let more = now.since(self.since).as_millis() / u128::from(every);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more > 0 {
            self.left = self.left.saturating_add(more).min(AUDIT_BURST);
            self.since = now;
        }
        let is_room = self.left > 0;
        self.left = self.left.saturating_sub(1);
        is_room
    }
}

#[cfg(test)]
mod tests {
    use super::super::read::Lines;
    use super::*;
    use lanyard_shared::b64::Bytes;
    use lanyard_shared::ids::{DeviceId, TokenId};
    use lanyard_shared::time::UnixMs;

    const KEEP: Duration = Duration::from_secs(3600);

    fn key(number: u8) -> Arc<SigningKey> {
        Arc::new(SigningKey::from_bytes(&[number; 32]))
    }

    fn public(number: u8) -> [u8; 32] {
        key(number).verifying_key().to_bytes()
    }

    fn agent() -> AgentId {
        AgentId::of_first_key(&public(1))
    }

    /// The machine with the last of these keys, each of which came from the one before.
    fn signer(keys: &[u8]) -> Signer {
        let cert = |pair: &[u8]| rotate::identity_cert(&key(pair[0]), &public(pair[1]), agent());
        Signer {
            agent: agent(),
            key: key(keys.last().copied().unwrap()),
            chain: keys.windows(2).map(cert).collect(),
        }
    }

    fn at(seconds: u64) -> Now {
        Now {
            mono: Mono::from_secs(seconds),
            unix: UnixMs::from_secs(1_000_000 + seconds),
        }
    }

    fn recorder(dir: &Path, keys: &[u8]) -> Result<Recorder, AuditError> {
        Recorder::open(dir, signer(keys), KEEP, at(0))
    }

    fn token(number: u8) -> Event {
        Event::Ended {
            jti: TokenId([number; 16]),
            why: String::new(),
        }
    }

    fn events(dir: &Path) -> Vec<Event> {
        let mut lines = Lines::open(dir).unwrap();
        let mut events = Vec::new();
        while let Some(line) = lines.next_line().unwrap() {
            events.push(line.entry.event);
        }
        events
    }

    fn signed(dir: &Path) -> (u64, u64) {
        let mut lines = Lines::open(dir).unwrap();
        while lines.next_line().unwrap().is_some() {}
        (lines.sense().signed(), lines.head().count)
    }

    #[test]
    fn what_was_written_is_signed_after_a_minute_or_after_many_lines() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = recorder(dir.path(), &[1]).unwrap();
        assert_eq!(signed(dir.path()), (1, 2));
        recorder.record(token(1), at(1)).unwrap();
        assert!(!recorder.look(at(60)).unwrap());
        assert!(recorder.look(at(61)).unwrap());
        assert_eq!(signed(dir.path()), (3, 4));
        // A signature wants none behind it.
        assert!(!recorder.look(at(600)).unwrap());
        for _ in 0..AUDIT_UNSIGNED_MAX {
            recorder.record(token(1), at(601)).unwrap();
        }
        assert!(recorder.look(at(601)).unwrap());
    }

    #[test]
    fn a_device_that_makes_lines_fills_no_disk_and_hides_nothing_that_matters() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = recorder(dir.path(), &[1]).unwrap();
        for _ in 0..AUDIT_BURST + 5 {
            recorder.record(token(1), at(1)).unwrap();
        }
        let device = DeviceId([1; 16]);
        recorder
            .record(Event::ShareEnded { device }, at(1))
            .unwrap();
        recorder.record(token(2), at(5)).unwrap();
        let events = events(dir.path());
        let tokens = events.iter().filter(|event| **event == token(1)).count();
        assert_eq!(tokens, AUDIT_BURST as usize);
        assert!(events.contains(&Event::ShareEnded { device }));
        assert!(events.contains(&Event::Omitted { lines: 5 }));
        assert!(events.contains(&token(2)));
    }

    #[test]
    fn the_log_follows_the_machines_identity_and_says_how_it_came() {
        let dir = tempfile::tempdir().unwrap();
        let mut first = recorder(dir.path(), &[1]).unwrap();
        first.rekey(signer(&[1, 2]), at(1)).unwrap();
        first.record(token(1), at(2)).unwrap();
        first.sign(at(3)).unwrap();
        drop(first);
        // It was replaced twice more, and the agent was killed before it could say so.
        drop(recorder(dir.path(), &[1, 2, 3, 4]).unwrap());
        let mut lines = Lines::open(dir.path()).unwrap();
        while lines.next_line().unwrap().is_some() {}
        assert_eq!(lines.sense().key(), Some(public(4)));
    }

    #[test]
    fn a_log_that_somebody_signed_with_another_key_is_not_gone_on_with() {
        let dir = tempfile::tempdir().unwrap();
        drop(recorder(dir.path(), &[7]).unwrap());
        let refused = recorder(dir.path(), &[1]);
        assert!(matches!(refused, Err(AuditError::Broken(_))));
    }

    #[test]
    fn what_a_device_has_seen_is_here_or_is_not_or_is_not_known_any_more() {
        let dir = tempfile::tempdir().unwrap();
        let mut recorder = recorder(dir.path(), &[1]).unwrap();
        let seen = recorder.head();
        recorder.record(token(1), at(1)).unwrap();
        assert_eq!(recorder.agrees(seen).unwrap(), Some(true));
        let other = Head {
            hash: Bytes([9; 32]),
            ..seen
        };
        assert_eq!(recorder.agrees(other).unwrap(), Some(false));
        let later = Head { count: 99, ..seen };
        assert_eq!(recorder.agrees(later).unwrap(), Some(false));
    }
}
