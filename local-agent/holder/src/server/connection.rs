//! One connection: hears messages, acts on them, and sends what its outbox holds.

use std::cell::{Cell, RefCell};
use std::io::{self, IoSlice};
use std::rc::Rc;

use tokio::net::UnixStream;
use tokio::sync::Notify;

use super::hub::Hub;
use super::outbox::{Outbox, Sent, Sink};
use super::{bound, ending, input, size_is_allowed};
use crate::limits;
use crate::wire::{self, Decoder, FromClient, FromHolder, Kind, OLDEST, Refusal, VERSION};
use crate::writers::Verdict;

/// A connection as the rest of the holder sees it.
pub(crate) struct Connection {
    stream: UnixStream,
    outbox: RefCell<Outbox>,
    /// The socket was full at the last attempt.
    blocked: Cell<bool>,
    /// Nothing more is heard or begun; what is queued is still sent.
    closing: Cell<bool>,
    broken: Cell<bool>,
    /// Told when one of the three above changed.
    changed: Notify,
}

impl Connection {
    /// Sends what can be sent now.
    pub(crate) fn advance(&self, hub: &Hub) {
        if self.blocked.get() || self.broken.get() {
            return;
        }
        let mut outbox = self.outbox.borrow_mut();
        let before = outbox.paces_from();
        let sent = outbox.advance(hub, &self.stream);
        if before.is_some() && outbox.paces_from() != before {
            hub.pump_wake.notify_one();
        }
        drop(outbox);
        match sent {
            Sent::All => {}
            Sent::Blocked => {
                self.blocked.set(true);
                self.changed.notify_one();
            }
            Sent::Broken => {
                self.broken.set(true);
                self.changed.notify_one();
            }
        }
    }

    /// Queues a message.
    pub(crate) fn tell(&self, message: &FromHolder) {
        if !self.closing.get() && !self.outbox.borrow_mut().push(message) {
            self.refuse(Refusal::TooSlow, "the connection does not read");
            // A peer that reads nothing would not read this either.
            self.broken.set(true);
            self.changed.notify_one();
        }
    }

    /// The offset from which this connection holds back the PTY, if it does.
    pub(crate) fn paces_from(&self) -> Option<u64> {
        if self.closing.get() || self.broken.get() {
            None
        } else {
            self.outbox.borrow().paces_from()
        }
    }

    /// Waits until what is queued has been sent or cannot be.
    pub(crate) async fn until_sent(&self, hub: &Hub) {
        loop {
            self.advance(hub);
            if self.broken.get() || !self.blocked.get() {
                return;
            }
            if self.stream.writable().await.is_err() {
                return;
            }
            self.blocked.set(false);
        }
    }

    fn refuse(&self, code: Refusal, sentence: &str) {
        self.outbox.borrow_mut().push(&FromHolder::Refused {
            code,
            sentence: sentence.to_owned(),
        });
        if code.closes() {
            self.closing.set(true);
        }
    }
}

impl Sink for UnixStream {
    fn write(&self, parts: &[IoSlice<'_>]) -> io::Result<usize> {
        self.try_write_vectored(parts)
    }
}

/// Serves a connection from its first byte to its last.
pub(crate) async fn serve(hub: Rc<Hub>, stream: UnixStream) {
    let connection = Rc::new(Connection {
        stream,
        outbox: RefCell::new(Outbox::control()),
        blocked: Cell::new(false),
        closing: Cell::new(false),
        broken: Cell::new(false),
        changed: Notify::new(),
    });
    let mut decoder = Decoder::default();
    if hub.connections.borrow().len() >= limits::CONNECTIONS {
        connection.refuse(Refusal::TooMany, "this terminal has too many connections");
    } else {
        match tokio::time::timeout(limits::HELLO_WAIT, greet(&connection, &hub, &mut decoder)).await
        {
            Ok(true) => {
                hub.join(connection.clone());
                converse(&connection, &hub, &mut decoder).await;
                hub.part(&connection);
            }
            Ok(false) => {}
            Err(_) => connection.refuse(Refusal::Malformed, "no hello in time"),
        }
    }
    let _ = tokio::time::timeout(limits::FAREWELL, connection.until_sent(&hub)).await;
}

/// Takes the hello. False if the connection is not to go on.
async fn greet(connection: &Connection, hub: &Hub, decoder: &mut Decoder<FromClient>) -> bool {
    let hello = loop {
        match decoder.next() {
            Ok(Some(message)) => break message,
            Ok(None) => {}
            Err(error) => {
                connection.refuse(Refusal::Malformed, &error.to_string());
                return false;
            }
        }
        if connection.stream.readable().await.is_err() || !read(connection, decoder) {
            return false;
        }
    };
    let FromClient::Hello { version, kind } = hello else {
        connection.refuse(Refusal::Malformed, "the first message is hello");
        return false;
    };
    if !wire::is_spoken(version) {
        connection.refuse(
            Refusal::Version,
            &format!("this holder speaks versions {OLDEST} to {VERSION}, not {version}"),
        );
        return false;
    }
    let welcome = hub.welcome(version);
    let (head, tail) = (welcome.head, welcome.tail);
    let mut outbox = connection.outbox.borrow_mut();
    outbox.push(&FromHolder::Welcome(welcome));
    match kind {
        Kind::Control => {}
        Kind::Watch { have, pace } => outbox.watch(
            have.filter(|offset| (tail..=head).contains(offset)),
            head,
            pace,
        ),
    }
    true
}

/// Hears and sends until either side is done.
async fn converse(connection: &Connection, hub: &Rc<Hub>, decoder: &mut Decoder<FromClient>) {
    loop {
        while !connection.closing.get() && input::has_room(hub) {
            match decoder.next() {
                Ok(Some(message)) => obey(connection, hub, message),
                Ok(None) => break,
                Err(error) => connection.refuse(Refusal::Malformed, &error.to_string()),
            }
        }
        connection.advance(hub);
        if connection.closing.get() || connection.broken.get() {
            return;
        }
        let hears = input::has_room(hub);
        tokio::select! {
            readable = connection.stream.readable(), if hears => {
                if readable.is_err() || !read(connection, decoder) {
                    return;
                }
            }
            writable = connection.stream.writable(), if connection.blocked.get() => {
                connection.blocked.set(false);
                if writable.is_err() {
                    return;
                }
            }
            () = connection.changed.notified() => {}
            () = hub.backlog_drained.notified(), if !hears => {}
        }
    }
}

/// Takes what has arrived. False at the end of the connection.
fn read(connection: &Connection, decoder: &mut Decoder<FromClient>) -> bool {
    decoder.buffer().reserve(limits::SERVER_READ_BYTES);
    match connection.stream.try_read_buf(decoder.buffer()) {
        Ok(count) => count > 0,
        Err(error) => matches!(
            error.kind(),
            io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted
        ),
    }
}

fn obey(connection: &Connection, hub: &Rc<Hub>, message: FromClient) {
    match message {
        FromClient::Hello { .. } => connection.refuse(Refusal::Malformed, "hello was said before"),
        FromClient::Credit(bytes) => connection.outbox.borrow_mut().add_credit(bytes),
        FromClient::Input { writer, seq, bytes } => {
            // The number is judged even after the end: a repeat must learn that it was applied.
            let last = hub.writers.borrow().last(writer);
            if hub.child_exit.get().is_some() && seq > last {
                return connection
                    .refuse(Refusal::Ended, "the terminal has ended; nothing was typed");
            }
            let verdict = hub.writers.borrow_mut().admit(writer, seq);
            let seq = match verdict {
                Verdict::Apply => {
                    input::accept(hub, &bytes);
                    seq
                }
                Verdict::Repeat(last) => last,
                Verdict::Gap(next) => {
                    let sentence =
                        format!("input {seq} came before input {next}; nothing was typed");
                    return connection.refuse(Refusal::InputGap, &sentence);
                }
            };
            connection.tell(&FromHolder::Applied { writer, seq });
        }
        FromClient::Resize { cols, rows } if !size_is_allowed(cols, rows) => {
            let (max_cols, max_rows) = (limits::MAX_COLS, limits::MAX_ROWS);
            connection.refuse(
                Refusal::SizeOutOfBounds,
                &format!(
                    "a terminal has 1x1 to {max_cols}x{max_rows} characters, not {cols}x{rows}"
                ),
            );
        }
        FromClient::Resize { cols, rows } => {
            if hub.child_exit.get().is_some() || hub.resize(cols, rows).is_err() {
                connection.refuse(Refusal::Ended, "the terminal has ended; its size stays");
            }
        }
        FromClient::Kill => ending::kill(hub),
        FromClient::Forget if hub.exit.get().is_none() => {
            connection.refuse(Refusal::StillRunning, "the terminal has not ended yet");
        }
        FromClient::Forget => hub.leave.notify_one(),
        FromClient::LastSeq { writer } => {
            let seq = hub.writers.borrow().last(writer);
            connection.tell(&FromHolder::Applied { writer, seq });
        }
        FromClient::Pace(on) => {
            connection.outbox.borrow_mut().set_pace(on);
            hub.pump_wake.notify_one();
        }
        FromClient::OrphanAfter(secs) => hub.orphan.borrow_mut().set(bound(secs)),
    }
}
