//! Brings the diary to disk: when something has gathered, by a thread that no terminal waits for.

use std::cell::{Cell, RefCell};
use std::io;
use std::rc::Rc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep_until};

use super::diary::{Diary, Moment};
use super::hub::Hub;
use crate::history::Log;
use crate::limits;

/// What the tasks of a holder share of it.
#[derive(Default)]
pub(crate) struct ToDisk {
    /// `None`: nothing is kept, or nothing any more.
    diary: RefCell<Option<Diary>>,
    /// Told when there is something to write, much to write, or nothing more to come.
    wake: Notify,
    /// Nothing more comes.
    leaving: Cell<bool>,
    /// Told when `diary` is `None`.
    closed: Notify,
}

impl ToDisk {
    /// From now on, moments are noted.
    pub(crate) fn open(&self, now: Duration, size: (u16, u16)) {
        *self.diary.borrow_mut() = Some(Diary::new(now, size));
    }

    /// Notes what has just happened. Cheap: it lies between two keys.
    pub(crate) fn note(&self, now: Duration, head: u64, moment: Moment) {
        if let Some(diary) = self.diary.borrow_mut().as_mut() {
            let before = (diary.is_empty(), diary.is_due());
            diary.note(now, head, moment);
            if before != (diary.is_empty(), diary.is_due()) {
                self.wake.notify_one();
            }
        }
    }

    /// Returns when all that was noted is on disk, or never will be.
    pub(crate) async fn until_closed(&self) {
        self.leaving.set(true);
        self.wake.notify_one();
        while self.diary.borrow().is_some() {
            self.closed.notified().await;
        }
    }

    fn close(&self) {
        *self.diary.borrow_mut() = None;
        self.closed.notify_one();
    }

    fn is_empty(&self) -> bool {
        self.diary.borrow().as_ref().is_none_or(Diary::is_empty)
    }

    fn is_due(&self) -> bool {
        self.leaving.get() || self.diary.borrow().as_ref().is_some_and(Diary::is_due)
    }
}

/// Writes for as long as the holder lives.
pub(crate) async fn write(hub: Rc<Hub>, log: Log) {
    let mut desk = Desk {
        log: Some(log),
        unsynced_since: None,
        refused: false,
    };
    loop {
        if hub.disk.is_empty() {
            if hub.disk.leaving.get() {
                desk.sync().await;
                break;
            }
            desk.sync_in_time(&hub).await;
            continue;
        }
        gather(&hub).await;
        let Some(outcome) = desk.write_batch(&hub).await else {
            break;
        };
        if !outcome && !wait_after_refusal(&hub).await {
            break;
        }
    }
    hub.disk.close();
}

/// Lets a little gather, for a disk is asked seldom.
async fn gather(hub: &Hub) {
    let until = Instant::now() + limits::HISTORY_GATHER;
    while !hub.disk.is_due() {
        tokio::select! {
            () = sleep_until(until) => return,
            () = hub.disk.wake.notified() => {}
        }
    }
}

/// False if there is no time for another attempt.
async fn wait_after_refusal(hub: &Hub) -> bool {
    let until = Instant::now() + limits::HISTORY_RETRY;
    while !hub.disk.leaving.get() {
        tokio::select! {
            () = sleep_until(until) => return true,
            () = hub.disk.wake.notified() => {}
        }
    }
    false
}

/// The log, in turns here and in the thread that writes it.
struct Desk {
    /// `None` only while the thread has it.
    log: Option<Log>,
    /// When something was written that may still be lost with the machine's power.
    unsynced_since: Option<Instant>,
    /// The disk refused the last time: said once, not at every attempt.
    refused: bool,
}

impl Desk {
    /// Writes what has gathered. False if the disk refused; `None` if the log is lost.
    async fn write_batch(&mut self, hub: &Hub) -> Option<bool> {
        let taken = match hub.disk.diary.borrow_mut().as_mut() {
            Some(diary) => diary.take(&hub.ring.borrow()),
            None => None,
        };
        let Some((batch, taken)) = taken else {
            return Some(true);
        };
        let outcome = self
            .with_log(move |log| {
                if batch.bytes.is_empty() {
                    Ok(())
                } else {
                    log.append(&batch)
                }
            })
            .await?;
        let is_written = self.judge(outcome);
        if let Some(diary) = hub.disk.diary.borrow_mut().as_mut() {
            if is_written {
                diary.written(taken);
            } else {
                diary.not_written(taken);
            }
        }
        if is_written && self.unsynced_since.is_none() {
            self.unsynced_since = Some(Instant::now());
        }
        let is_old = |since: Instant| since.elapsed() >= limits::HISTORY_SYNC;
        let has_ended = hub.exit.get().is_some();
        if is_written && (has_ended || self.unsynced_since.is_some_and(is_old)) {
            self.sync().await;
        }
        Some(is_written)
    }

    /// Waits for something to write; what was written is brought to the disk in the meantime.
    async fn sync_in_time(&mut self, hub: &Hub) {
        let Some(since) = self.unsynced_since else {
            return hub.disk.wake.notified().await;
        };
        tokio::select! {
            () = hub.disk.wake.notified() => {}
            () = sleep_until(since + limits::HISTORY_SYNC) => self.sync().await,
        }
    }

    async fn sync(&mut self) {
        if self.unsynced_since.take().is_some()
            && let Some(outcome) = self.with_log(|log| log.sync()).await
        {
            self.judge(outcome);
        }
    }

    /// Does something with the log in a thread: a disk may take its time.
    async fn with_log(
        &mut self,
        act: impl FnOnce(&mut Log) -> io::Result<()> + Send + 'static,
    ) -> Option<io::Result<()>> {
        let mut log = self.log.take()?;
        let acted = spawn_blocking(move || {
            let outcome = act(&mut log);
            (log, outcome)
        });
        let (log, outcome) = acted.await.ok()?;
        self.log = Some(log);
        Some(outcome)
    }

    fn judge(&mut self, outcome: io::Result<()>) -> bool {
        let is_done = outcome.is_ok();
        match outcome {
            Err(error) if !self.refused => {
                tracing::warn!(%error, "output is not kept on disk for now");
            }
            Ok(()) if self.refused => tracing::info!("output is kept on disk again"),
            Ok(()) | Err(_) => {}
        }
        self.refused = !is_done;
        is_done
    }
}
