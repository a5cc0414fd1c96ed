//! Whether what a log says can be true: each hash is that of its request, and what a device is said to have answered was signed by it. Somebody who
//! can write the log can make its lines follow from each other, but cannot sign.

use super::Event;
use lanyard_shared::approval::Hash;
use lanyard_shared::ids::{AgentId, ApprovalId};
use std::collections::BTreeMap;

/// What the lines so far have said that later ones must agree with.
#[derive(Debug, Default)]
pub struct Sense {
    agent: Option<AgentId>,
    asked: BTreeMap<ApprovalId, Hash>,
}

impl Sense {
    /// Takes the next event.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn follow(&mut self, event: &Event) -> Result<(), &'static str> {
        match event {
            Event::Began { agent, .. } => {
                self.agent = Some(*agent);
                // Nothing that waited outlives the agent.
                self.asked.clear();
            }
            Event::Torn { .. } => {}
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
                if !self.agent.is_some_and(|agent| settled.is_signed(agent)) {
                    return Err("names a device that has not signed it");
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::tests::rig;
    use ed25519_dalek::SigningKey;
    use lanyard_shared::approval::{Answer, By, End, Settled, Verdict};
    use lanyard_shared::b64::Bytes;
    use lanyard_shared::time::UnixMs;

    const AGENT: AgentId = AgentId([4; 16]);

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
            Event::Began {
                agent: AGENT,
                version: String::new(),
            },
            Event::Asked { request, hash },
            Event::Settled { settled },
        ] {
            sense.follow(&event)?;
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
        assert!(Sense::default().follow(&asked).is_err());
    }
}
