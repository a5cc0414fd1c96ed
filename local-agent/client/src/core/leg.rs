//! One purpose of one attached terminal: idle, minting, open, over; and when to try again.

use super::chance::Chance;
use super::sealed::Sealed;
use lanyard_dial::Backoff;
use lanyard_shared::frame::StreamId;
use lanyard_shared::limits::{RETRY_GOOD_AFTER, STREAM_TIME};
use lanyard_shared::time::Mono;

/// See [`Leg`].
pub(super) enum Stage {
    Idle,
    /// A token was asked for, under this request number.
    Minting(u32),
    Open(Box<Sealed>),
    /// Never again.
    Over,
}

/// The way from wanting a stream to having it, as often as it takes.
pub(super) struct Leg {
    pub stage: Stage,
    /// Not before.
    again: Option<Mono>,
    /// When the present stream was opened.
    since: Mono,
    /// It has failed once: the first time again at once.
    failed_before: bool,
    backoff: Backoff,
    chance: Chance,
}

impl Leg {
    /// `seed` is another for each stream.
    pub fn new(seed: &[u8]) -> Self {
        Self {
            stage: Stage::Idle,
            again: None,
            since: Mono::default(),
            failed_before: false,
            backoff: Backoff::default(),
            chance: Chance::of(seed),
        }
    }

    /// The stream, if there is one.
    pub fn sealed(&mut self) -> Option<&mut Sealed> {
        match &mut self.stage {
            Stage::Open(sealed) => Some(sealed),
            Stage::Idle | Stage::Minting(_) | Stage::Over => None,
        }
    }

    pub fn is_stream(&self, id: StreamId) -> bool {
        matches!(&self.stage, Stage::Open(sealed) if sealed.stream() == id)
    }

    pub fn is_request(&self, req: u32) -> bool {
        matches!(self.stage, Stage::Minting(minting) if minting == req)
    }

    pub fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// True when a token may be asked for now.
    pub fn may_mint(&self, now: Mono) -> bool {
        matches!(self.stage, Stage::Idle) && self.again.is_none_or(|at| at <= now)
    }

    /// When a token may be asked for, or an opening is given up, if that lies ahead.
    pub fn next_look(&self, now: Mono) -> Option<Mono> {
        let again = self
            .again
            .filter(|at| matches!(self.stage, Stage::Idle) && *at > now);
        again.or(self.gives_up())
    }

    /// A stream was opened.
    pub fn open(&mut self, sealed: Sealed, now: Mono) {
        self.stage = Stage::Open(Box::new(sealed));
        self.since = now;
    }

    /// When a stream that nobody has accepted is given up.
    pub fn gives_up(&self) -> Option<Mono> {
        match &self.stage {
            Stage::Open(sealed) if !sealed.is_accepted() => Some(self.since + STREAM_TIME),
            Stage::Open(_) | Stage::Idle | Stage::Minting(_) | Stage::Over => None,
        }
    }

    /// A record verified. One that comes right before the next end proves nothing.
    pub fn proven(&mut self, now: Mono) {
        if now.since(self.since) >= RETRY_GOOD_AFTER {
            self.forgive();
        }
    }

    /// The stream or the attempt failed: the first time again at once, then after longer and longer waits.
    pub fn failed(&mut self, now: Mono) {
        let before = std::mem::replace(&mut self.failed_before, true);
        self.again = before.then(|| now + self.backoff.next_wait(self.chance.next()));
        self.idle();
    }

    /// The session is gone, and the attempt with it. The next may follow as soon as there is another, which has waits of its own.
    pub fn reset(&mut self) {
        self.idle();
        self.again = None;
        self.forgive();
    }

    fn forgive(&mut self) {
        self.failed_before = false;
        self.backoff.reset();
    }

    fn idle(&mut self) {
        if !self.is_over() {
            self.stage = Stage::Idle;
        }
    }

    pub fn end(&mut self) {
        self.stage = Stage::Over;
    }
}
