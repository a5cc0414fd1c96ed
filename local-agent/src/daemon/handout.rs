//! Pairing links that wait until the relay knows of them: whoever is given one may follow it at once.

use super::owner::Link;
use lanyard_shared::close::CloseCode;
use tokio::sync::oneshot;

/// Who asked for a link.
pub type Reply = oneshot::Sender<Result<Link, CloseCode>>;

/// The links that were made and not given out.
#[derive(Default)]
pub struct Handout {
    waiting: Vec<(u64, Link, Reply)>,
}

impl Handout {
    /// A link for which the relay was asked under this number; without a number there is no relay to ask.
    pub fn put(&mut self, link: Result<Link, CloseCode>, number: Option<u64>, reply: Reply) {
        match (link, number) {
            (Ok(link), Some(number)) => self.waiting.push((number, link, reply)),
            (Ok(_), None) => drop(reply.send(Err(CloseCode::AgentOffline))),
            (Err(code), _) => drop(reply.send(Err(code))),
        }
    }

    /// The relay has answered all questions up to this one.
    pub fn taken_in(&mut self, upto: u64) {
        for (_, link, reply) in self.waiting.extract_if(.., |(number, ..)| *number <= upto) {
            let _ = reply.send(Ok(link));
        }
    }

    /// The relay is gone.
    pub fn offline(&mut self) {
        for (.., reply) in self.waiting.drain(..) {
            let _ = reply.send(Err(CloseCode::AgentOffline));
        }
    }
}
