//! Looks after what is kept of terminals that have ended: a thread of its own, so that no link and no key waits for the disk.

use super::holders::News;
use crate::core::terminals::Wish;
use crate::history::{Found, Kept, Retention, Shelf};
use crate::limits::HISTORY_SWEEP;
use lanyard_dial::clock;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::TerminalId;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use tokio::sync::mpsc::UnboundedSender;
use tokio::sync::oneshot;

/// What the thread is asked.
enum Order {
    /// A terminal's holder has left.
    Left(TerminalId),
    /// Remove what is kept of a terminal.
    Forget(TerminalId, Option<Wish>),
    /// Somebody else may have removed something: look. Answered when all that is found is told.
    Look(Option<oneshot::Sender<()>>),
}

/// The thread, as others see it. It ends when this is dropped.
pub(super) struct Keeper(Sender<Order>);

impl Keeper {
    /// Tells what is found as news, and removes by the rule: now, after each end, and every [`HISTORY_SWEEP`].
    ///
    /// # Errors
    /// There is no thread to be had.
    pub fn start(shelf: Shelf, rule: Retention, news: UnboundedSender<News>) -> io::Result<Self> {
        let (orders, receiver) = channel();
        let mut desk = Desk {
            shelf,
            rule,
            news,
            known: BTreeMap::new(),
            odd: BTreeSet::new(),
        };
        let work = move || desk.work(&receiver);
        std::thread::Builder::new()
            .name("history".to_owned())
            .spawn(work)?;
        Ok(Self(orders))
    }

    /// A terminal's holder has left: answered by [`News::Left`].
    pub fn left(&self, id: TerminalId) {
        let _ = self.0.send(Order::Left(id));
    }

    /// Removes what is kept of a terminal: answered by [`News::Forgot`].
    pub fn forget(&self, id: TerminalId, wish: Option<Wish>) {
        let _ = self.0.send(Order::Forget(id, wish));
    }

    /// Looks what is there: the owner may have removed something by hand.
    pub fn look(&self, answer: Option<oneshot::Sender<()>>) {
        let _ = self.0.send(Order::Look(answer));
    }
}

/// What the thread works with.
struct Desk {
    shelf: Shelf,
    rule: Retention,
    news: UnboundedSender<News>,
    /// What the daemon was told of.
    known: BTreeMap<TerminalId, Kept>,
    /// What lies there and is no terminal's, as it was warned of.
    odd: BTreeSet<PathBuf>,
}

impl Desk {
    fn work(&mut self, orders: &Receiver<Order>) {
        self.look();
        loop {
            match orders.recv_timeout(HISTORY_SWEEP) {
                Ok(Order::Left(id)) => self.left(id),
                Ok(Order::Forget(id, wish)) => {
                    let outcome = self.remove(id);
                    self.tell(News::Forgot(id, wish, outcome));
                }
                Ok(Order::Look(answer)) => {
                    self.look();
                    // By way of the daemon: it has heard of all that was found when the answer is given.
                    if let Some(answer) = answer {
                        self.tell(News::Looked(answer));
                    }
                }
                Err(RecvTimeoutError::Timeout) => self.look(),
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn tell(&self, news: News) {
        let _ = self.news.send(news);
    }

    /// Told in one: while it has left the list of those that live, the history has it already.
    fn left(&mut self, id: TerminalId) {
        let found = self.find(id);
        if let Some(found) = &found {
            self.note(found);
        }
        self.remove_overdue();
        let past = found.filter(|found| self.known.contains_key(&found.past.id));
        self.tell(News::Left(id, past.map(|found| found.past)));
    }

    /// Finds what the daemon was not told of, and what is there no more.
    fn look(&mut self) {
        let listing = match self.shelf.list() {
            Ok(listing) => listing,
            Err(error) => {
                tracing::warn!(%error, "what is kept of terminals cannot be looked at");
                return;
            }
        };
        for odd in news_of(&mut self.odd, listing.odd) {
            tracing::warn!("odd thing in the history, left alone: {}", odd.display());
        }
        let gone: Vec<_> = self
            .known
            .keys()
            .filter(|id| !listing.ids.contains(id))
            .copied()
            .collect();
        for id in gone {
            self.known.remove(&id);
            self.tell(News::PastGone(id));
        }
        for id in listing.ids {
            if self.known.contains_key(&id) {
                continue;
            }
            if let Some(found) = self.find(id)
                && !found.live
            {
                self.note(&found);
                self.tell(News::Past(found.past));
            }
        }
        self.remove_overdue();
    }

    fn find(&self, id: TerminalId) -> Option<Found> {
        match self.shelf.find(id) {
            Ok(found) => found.inspect(|found| {
                if found.nameless {
                    tracing::warn!(terminal = %id, "the history of a terminal has lost its name and folder");
                }
            }),
            Err(error) => {
                tracing::warn!(terminal = %id, %error, "what is kept of a terminal cannot be read");
                None
            }
        }
    }

    fn note(&mut self, found: &Found) {
        let kept = Kept {
            ended: found.past.ended,
            bytes: found.bytes,
        };
        self.known.insert(found.past.id, kept);
    }

    fn remove_overdue(&mut self) {
        for id in self.rule.overdue(&self.known, clock::unix()) {
            if self.remove(id).is_ok() {
                self.tell(News::PastGone(id));
            }
        }
    }

    fn remove(&mut self, id: TerminalId) -> Result<(), CloseCode> {
        self.shelf.remove(id).map_err(|error| {
            tracing::warn!(terminal = %id, %error, "what is kept of a terminal could not be removed");
            CloseCode::Internal
        })?;
        self.known.remove(&id);
        Ok(())
    }
}

/// What of `found` was not there before; from now on it was. What is gone in between is news when it comes again.
fn news_of(before: &mut BTreeSet<PathBuf>, found: Vec<PathBuf>) -> Vec<PathBuf> {
    let found = BTreeSet::from_iter(found);
    let news = found.difference(before).cloned().collect();
    *before = found;
    news
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_odd_thing_is_told_of_once_for_as_long_as_it_lies_there() {
        let paths = |names: &[&str]| names.iter().map(PathBuf::from).collect::<Vec<_>>();
        let mut before = BTreeSet::new();
        assert_eq!(news_of(&mut before, paths(&["a", "b"])), paths(&["a", "b"]));
        assert!(news_of(&mut before, paths(&["b", "a"])).is_empty());
        assert_eq!(news_of(&mut before, paths(&["b", "c"])), paths(&["c"]));
        assert_eq!(news_of(&mut before, paths(&["a", "b"])), paths(&["a"]));
    }
}
