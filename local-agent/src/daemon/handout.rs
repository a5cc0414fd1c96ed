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
    /// A link, if it could be made. `ask` asks the relay and gives the number of the question; `None` when there is no relay.
    pub fn put(
        &mut self,
        link: Result<Link, CloseCode>,
        ask: impl FnOnce() -> Option<u64>,
        reply: Reply,
    ) {
        match link.and_then(|link| Ok((ask().ok_or(CloseCode::AgentOffline)?, link))) {
            Ok((number, link)) => self.waiting.push((number, link, reply)),
            Err(code) => drop(reply.send(Err(code))),
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
