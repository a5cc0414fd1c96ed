//! What the tasks of a holder share.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::os::fd::OwnedFd;
use std::rc::Rc;

use rustix::process::Pid;
use rustix::termios::{Winsize, tcsetwinsize};
use tokio::io::unix::AsyncFd;
use tokio::sync::Notify;

use super::connection::Connection;
use super::diary::Moment;
use super::orphan::Orphan;
use super::screen_feed::ScreenFeed;
use super::to_disk::ToDisk;
use crate::ring::Ring;
use crate::wire::{ExitStatus, FromHolder, Welcome};
use crate::{clock, limits, writers::Writers};

/// One terminal. No borrow of a cell is ever held across an await.
pub(crate) struct Hub {
    pub(crate) pty: AsyncFd<OwnedFd>,
    pub(crate) pid: Pid,
    pub(crate) ring: RefCell<Ring>,
    pub(crate) screen: RefCell<ScreenFeed>,
    pub(crate) size: Cell<(u16, u16)>,
    pub(crate) started: u64,
    pub(crate) writers: RefCell<Writers>,
    pub(crate) connections: RefCell<Vec<Rc<Connection>>>,

    /// Input accepted and not yet taken by the PTY.
    pub(crate) backlog: RefCell<VecDeque<u8>>,
    /// Told when there is a backlog.
    pub(crate) backlog_begun: Notify,
    /// All told when the backlog is below its bound again.
    pub(crate) backlog_drained: Notify,

    /// Since when nobody is connected.
    pub(crate) orphan: RefCell<Orphan>,
    /// Told when that has changed.
    pub(crate) orphan_changed: Notify,

    /// What goes to disk.
    pub(crate) disk: ToDisk,

    /// Told when the pump may have something to do: a pacing connection moved or left, the child ended.
    pub(crate) pump_wake: Notify,

    /// How the child ended, as soon as it is known.
    pub(crate) child_exit: Cell<Option<ExitStatus>>,
    /// The same, once all its output is in the ring: what connections are told.
    pub(crate) exit: Cell<Option<ExitStatus>>,
    /// Told when `exit` is set.
    pub(crate) exit_known: Notify,
    /// Whether somebody asked for the end.
    pub(crate) killed: Cell<bool>,
    /// Told when the holder is to leave.
    pub(crate) leave: Notify,
}

impl Hub {
    pub(crate) fn new(
        pty: AsyncFd<OwnedFd>,
        pid: Pid,
        cols: u16,
        rows: u16,
        started: u64,
        orphan: Orphan,
    ) -> Self {
        Self {
            pty,
            pid,
            ring: RefCell::new(Ring::new()),
            screen: RefCell::new(ScreenFeed::new(cols, rows)),
            size: Cell::new((cols, rows)),
            started,
            writers: RefCell::default(),
            connections: RefCell::default(),
            backlog: RefCell::default(),
            backlog_begun: Notify::new(),
            backlog_drained: Notify::new(),
            orphan: RefCell::new(orphan),
            orphan_changed: Notify::new(),
            disk: ToDisk::default(),
            pump_wake: Notify::new(),
            child_exit: Cell::new(None),
            exit: Cell::new(None),
            exit_known: Notify::new(),
            killed: Cell::new(false),
            leave: Notify::new(),
        }
    }

    /// The state told to a new connection.
    pub(crate) fn welcome(&self, version: u16) -> Welcome {
        let (cols, rows) = self.size.get();
        let ring = self.ring.borrow();
        Welcome {
            version,
            pid: self.pid.as_raw_nonzero().get().unsigned_abs(),
            cols,
            rows,
            head: ring.head(),
            tail: ring.tail(),
            started: self.started,
            title: self.screen.borrow().title().to_owned(),
            exit: self.exit.get(),
        }
    }

    /// How many bytes may be read from the PTY before a pacing connection lags by more than its window.
    pub(crate) fn pace_allows(&self) -> usize {
        if self.killed.get() {
            return usize::MAX;
        }
        let head = self.ring.borrow().head();
        let slowest = self
            .connections
            .borrow()
            .iter()
            .filter_map(|connection| connection.paces_from())
            .min();
        slowest.map_or(usize::MAX, |offset| {
            usize::try_from(limits::PACE_WINDOW.saturating_sub(head - offset)).unwrap_or(usize::MAX)
        })
    }

    /// Sends what each connection may have now.
    pub(crate) fn serve_all(&self) {
        // A connection that fails is taken out by its own task, so the list does not change here.
        for connection in self.connections.borrow().iter() {
            connection.advance(self);
        }
    }

    /// Takes a connection that has said hello.
    pub(crate) fn join(&self, connection: Rc<Connection>) {
        self.connections.borrow_mut().push(connection);
        self.orphan.borrow_mut().somebody_came();
    }

    /// Lets go of a connection that is over.
    pub(crate) fn part(&self, connection: &Rc<Connection>) {
        let mut connections = self.connections.borrow_mut();
        connections.retain(|other| !Rc::ptr_eq(other, connection));
        if connections.is_empty() {
            self.orphan.borrow_mut().left_alone(clock::boot());
            self.orphan_changed.notify_one();
        }
        // It may have been the one that held back the PTY.
        self.pump_wake.notify_one();
    }

    /// Tells every connection.
    pub(crate) fn tell_all(&self, message: &FromHolder) {
        for connection in self.connections.borrow().iter() {
            connection.tell(message);
            connection.advance(self);
        }
    }

    /// Changes the size of the terminal, if it is another one.
    pub(crate) fn resize(&self, cols: u16, rows: u16) -> rustix::io::Result<()> {
        if self.size.get() == (cols, rows) {
            return Ok(());
        }
        tcsetwinsize(
            &self.pty,
            Winsize {
                ws_col: cols,
                ws_row: rows,
                ws_xpixel: 0,
                ws_ypixel: 0,
            },
        )?;
        self.size.set((cols, rows));
        self.screen
            .borrow_mut()
            .resize_at(self.ring.borrow().head(), cols, rows);
        self.tell_all(&FromHolder::Size { cols, rows });
        self.note(Moment::Size(cols, rows));
        Ok(())
    }

    /// Notes for the disk what has just happened, if anything is kept there.
    pub(crate) fn note(&self, moment: Moment) {
        self.disk
            .note(clock::boot(), self.ring.borrow().head(), moment);
    }

    /// Lets the screen catch up by one slice and tells of a new title. True if it still lags.
    pub(crate) fn emulate_slice(&self) -> bool {
        let mut screen = self.screen.borrow_mut();
        let lags = screen.advance(&self.ring.borrow(), limits::SCREEN_SLICE);
        let title = screen.take_new_title();
        drop(screen);
        if let Some(title) = title {
            self.tell_all(&FromHolder::Title(title));
        }
        lags
    }

    /// Offset where output goes on, and what brings a fresh terminal there.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let mut screen = self.screen.borrow_mut();
        let ring = self.ring.borrow();
        while screen.advance(&ring, usize::MAX) {}
        let (offset, bytes) = screen.snapshot(&ring);
        Snapshot {
            offset,
            size: screen.size(),
            bytes,
        }
    }
}

/// The state of the screen as escape sequences.
pub(crate) struct Snapshot {
    pub(crate) offset: u64,
    pub(crate) size: (u16, u16),
    pub(crate) bytes: Vec<u8>,
}
