//! Whether what a log says can be true: each hash is that of its request, and what a device is said to have answered was signed by it. Somebody who
//! can write the log can make its lines follow from each other, but cannot sign.

use super::Event;
use super::chain::Head;
use lanyard_shared::approval::Hash;
use lanyard_shared::ids::{AgentId, ApprovalId};
use lanyard_shared::rotate;
use std::collections::BTreeMap;

const NOBODYS: &str = "stands before the one that says whose log it is";

/// What the lines so far have said that later ones must agree with.
#[derive(Debug, Default)]
pub struct Sense {
    agent: Option<AgentId>,
    key: Option<[u8; 32]>,
    asked: BTreeMap<ApprovalId, Hash>,
    /// Lines that the machine has vouched for.
    signed: u64,
}

impl Sense {
    /// The key that signs, as the log says.
    #[must_use]
    pub fn key(&self) -> Option<[u8; 32]> {
        self.key
    }

    /// How many lines the machine has vouched for.
    #[must_use]
    pub fn signed(&self) -> u64 {
        self.signed
    }

    /// Takes the next event, which stands behind these lines.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn follow(&mut self, event: &Event, before: Head) -> Result<(), &'static str> {
        match event {
            Event::Began { agent, key, .. } => {
                self.is_of(*agent, key.0)?;
                // Nothing that waited outlives the agent.
                self.asked.clear();
            }
            Event::Continued { agent, key } => self.is_of(*agent, key.0)?,
            Event::Rekeyed { chain } => {
                let known = self.agent.zip(self.key);
                let next = known.and_then(|(agent, key)| rotate::follow(&key, chain, agent));
                let next = next.filter(|next| Some(*next) != self.key);
                self.key = Some(next.ok_or("brings a key that the one before has not signed")?);
            }
            Event::Checkpoint { signature } => {
                let known = self.agent.zip(self.key);
                let (agent, key) = known.ok_or(NOBODYS)?;
                if !before.is_signed(agent, &key, &signature.0) {
                    return Err("is not signed by this machine");
                }
                self.signed = before.count;
            }
            Event::Asked { request, hash } => {
                if request.hash() != *hash {
                    return Err("has a hash that is not that of its request");
                }
                self.asked.insert(request.id, *hash);
            }
            Event::Settled { settled } => {
                let asked = self.asked.remove(&settled.id);
                if asked.is_some_and(|hash| hash != settled.hash) {
                    return Err("answers something else than was asked");
                }
                if !settled.is_signed(self.agent.ok_or(NOBODYS)?) {
                    return Err("names a device that has not signed it");
                }
            }
            Event::Torn { .. }
            | Event::Unwritten { .. }
            | Event::Omitted { .. }
            | Event::Removed { .. }
            | Event::Decided { .. }
            | Event::ModeChosen { .. }
            | Event::GrantEnded { .. }
            | Event::RulesSaved { .. }
            | Event::FolderTrusted { .. }
            | Event::Paired { .. }
            | Event::Connected { .. }
            | Event::Minted { .. }
            | Event::Ended { .. }
            | Event::Refused { .. }
            | Event::Revoked { .. }
            | Event::ShareEnded { .. }
            | Event::Locked { .. }
            | Event::Suspended { .. }
            | Event::Trusted { .. }
            | Event::Rotated { .. }
            | Event::KeysChanged { .. }
            | Event::TerminalBegan { .. }
            | Event::TerminalEnded { .. }
            | Event::HistoryRemoved { .. }
            | Event::Disputed { .. } => {}
        }
        Ok(())
    }

    fn is_of(&mut self, agent: AgentId, key: [u8; 32]) -> Result<(), &'static str> {
        if self.agent.is_some_and(|known| known != agent) {
            return Err("is of another machine");
        }
        if self.key.is_some_and(|known| known != key) {
            return Err("names another key than has signed so far");
        }
        (self.agent, self.key) = (Some(agent), Some(key));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::rig;
    use ed25519_dalek::SigningKey;
    use lanyard_shared::approval::{Answer, By, End, Holds, Settled, Verdict};
    use lanyard_shared::b64::Bytes;
    use lanyard_shared::time::UnixMs;

    const AGENT: AgentId = AgentId([4; 16]);

    fn began() -> Event {
        Event::Began {
            agent: AGENT,
            version: String::new(),
            key: Bytes(key(3).verifying_key().to_bytes()),
        }
    }

    fn key(number: u8) -> SigningKey {
        SigningKey::from_bytes(&[number; 32])
    }

    /// A log with an approval by a device, before and after somebody has gone over it.
    fn log(change: impl Fn(&mut Settled)) -> Result<(), &'static str> {
        let request = Box::new(rig::card(ApprovalId([1; 16])).request);
        let hash = request.hash();
        let key = SigningKey::from_bytes(&[5; 32]);
        let answer = Answer::sign(&key, AGENT, hash, Verdict::Denied);
        let mut settled = Settled {
            id: request.id,
            hash,
            end: End::Answered {
                verdict: Verdict::Denied,
                holds: Holds::Once {},
                by: By::Device {
                    name: "phone".to_owned(),
                    key: Bytes(key.verifying_key().to_bytes()),
                    signature: answer.signature,
                },
            },
            at: UnixMs(1),
        };
        change(&mut settled);
        let mut sense = Sense::default();
        for event in [
            began(),
            Event::Asked { request, hash },
            Event::Settled { settled },
        ] {
            sense.follow(&event, Head::EMPTY)?;
        }
        Ok(())
    }

    #[test]
    fn an_answer_that_no_device_has_signed_is_found_even_if_all_lines_were_written_anew() {
        assert_eq!(log(|_| {}), Ok(()));
        let approved = |settled: &mut Settled| {
            if let End::Answered { verdict, .. } = &mut settled.end {
                *verdict = Verdict::Approved;
            }
        };
        assert!(log(approved).is_err());
        assert!(log(|settled| settled.hash = Bytes([0; 32])).is_err());
        let another = |settled: &mut Settled| {
            if let End::Answered {
                by: By::Device { key, .. },
                ..
            } = &mut settled.end
            {
                *key = Bytes(SigningKey::from_bytes(&[6; 32]).verifying_key().to_bytes());
            }
        };
        assert!(log(another).is_err());
    }

    #[test]
    fn a_request_that_was_put_in_the_place_of_another_is_found() {
        let mut request = rig::card(ApprovalId([1; 16])).request;
        let hash = request.hash();
        request.line.push('x');
        let request = Box::new(request);
        let asked = Event::Asked { request, hash };
        assert!(Sense::default().follow(&asked, Head::EMPTY).is_err());
    }

    #[test]
    fn a_checkpoint_of_another_key_or_of_other_lines_is_found() {
        let here = Head {
            count: 7,
            hash: Bytes([7; 32]),
        };
        let there = Head { count: 8, ..here };
        let other = Head {
            hash: Bytes([8; 32]),
            ..here
        };
        for (signed, by, holds) in [
            (here, 3, true),
            (here, 4, false),
            (there, 3, false),
            (other, 3, false),
        ] {
            let mut sense = Sense::default();
            sense.follow(&began(), Head::EMPTY).unwrap();
            let signature = Bytes(signed.sign(AGENT, &key(by)));
            let followed = sense.follow(&Event::Checkpoint { signature }, here);
            assert_eq!(followed.is_ok(), holds);
            assert_eq!(sense.signed(), if holds { 7 } else { 0 });
        }
    }

    #[test]
    fn a_key_comes_only_from_the_one_before_it() {
        let public = |number| key(number).verifying_key().to_bytes();
        let cert = |from, to| rotate::identity_cert(&key(from), &public(to), AGENT);
        let mut sense = Sense::default();
        sense.follow(&began(), Head::EMPTY).unwrap();
        let forged = Event::Rekeyed {
            chain: vec![cert(5, 6)],
        };
        assert!(sense.follow(&forged, Head::EMPTY).is_err());
        let real = Event::Rekeyed {
            chain: vec![cert(3, 5), cert(5, 6)],
        };
        assert_eq!(sense.follow(&real, Head::EMPTY), Ok(()));
        assert_eq!(sense.key(), Some(public(6)));
        // Nor does the agent begin with another.
        assert!(sense.follow(&began(), Head::EMPTY).is_err());
    }
}
