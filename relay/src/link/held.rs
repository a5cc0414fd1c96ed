//! How long a proof holds a link, and the next challenge.

use crate::random;
use lanyard_shared::b64;
use lanyard_shared::frame::Challenge;
use lanyard_shared::ids::ConnId;
use lanyard_shared::limits::{
    LINK_VERSIONS, PROOF_HELD, PROOF_JITTER_PERCENT, PROOF_RENEW_PERCENT,
};
use lanyard_shared::time::{Mono, Now, UnixMs};

/// A new question on the link `conn`. `None` when the system has no randomness.
pub fn challenge(conn: ConnId, time: UnixMs) -> Option<Challenge> {
    Some(Challenge {
        nonce: b64::Bytes(random::bytes()?),
        conn,
        time,
        versions: LINK_VERSIONS.to_vec(),
    })
}

/// A proof and its end.
#[derive(Debug)]
pub struct Held {
    until: Mono,
    ask_at: Mono,
    /// The question that waits for an answer.
    asked: Option<Box<Challenge>>,
}

/// What is due.
#[derive(Debug, PartialEq, Eq)]
pub enum Due {
    /// Ask again.
    Ask,
    /// No proof came in time.
    Expired,
    /// Nothing yet.
    Nothing,
}

impl Held {
    /// A proof that was given at `now`. `jitter` spreads the questions of links that began together.
    #[must_use]
    pub fn new(now: Mono, jitter: u8) -> Self {
        let percent =
            PROOF_RENEW_PERCENT + u32::from(jitter) * PROOF_JITTER_PERCENT / u32::from(u8::MAX);
        Self {
            until: now + PROOF_HELD,
            ask_at: now + PROOF_HELD * percent / 100,
            asked: None,
        }
    }

    /// When to look again.
    #[must_use]
    pub fn deadline(&self) -> Mono {
        if self.asked.is_some() {
            self.until
        } else {
            self.ask_at
        }
    }

    /// What is due at `now`.
    #[must_use]
    pub fn due(&self, now: Mono) -> Due {
        if now >= self.until {
            Due::Expired
        } else if self.asked.is_none() && now >= self.ask_at {
            Due::Ask
        } else {
            Due::Nothing
        }
    }

    /// Asks again. `None` when the system has no randomness.
    pub fn ask(&mut self, conn: ConnId, now: Now) -> Option<Challenge> {
        let challenge = challenge(conn, now.unix)?;
        self.asked = Some(Box::new(challenge.clone()));
        Some(challenge)
    }

    /// Whether a question waits for its answer.
    #[must_use]
    pub const fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// The question that a proof answers; each is answered once.
    pub fn take_asked(&mut self) -> Option<Box<Challenge>> {
        self.asked.take()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_asked_again_at_about_sixty_percent_and_ends_without_an_answer() {
        let start = Mono::from_secs(1000);
        for jitter in [0, 128, 255] {
            let mut held = Held::new(start, jitter);
            let asked_after = held.deadline().since(start).as_secs();
            assert!((330..=390).contains(&asked_after), "{asked_after}");
            assert_eq!(held.due(start), Due::Nothing);
            let now = Now {
                mono: held.deadline(),
                unix: UnixMs(0),
            };
            assert_eq!(held.due(now.mono), Due::Ask);
            held.ask(ConnId([1; 16]), now).unwrap();
            assert_eq!(held.due(now.mono), Due::Nothing);
            assert_eq!(held.deadline(), start + PROOF_HELD);
            assert_eq!(held.due(start + PROOF_HELD), Due::Expired);
        }
    }

    #[test]
    fn each_question_is_new_and_answered_once() {
        let mut held = Held::new(Mono::from_secs(0), 0);
        let now = Now {
            mono: Mono::from_secs(400),
            unix: UnixMs(0),
        };
        let first = held.ask(ConnId([1; 16]), now).unwrap();
        assert!(held.take_asked().is_some());
        assert!(held.take_asked().is_none());
        assert_ne!(held.ask(ConnId([1; 16]), now).unwrap().nonce, first.nonce);
    }
}
