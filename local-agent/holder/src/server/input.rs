//! Typed bytes on their way into the PTY: at once if it takes them, else kept in order until it does.

use std::io;
use std::rc::Rc;

use tokio::io::Interest;

use super::hub::Hub;
use crate::limits;

/// Takes typed bytes. The caller has seen [`has_room`].
pub(crate) fn accept(hub: &Hub, bytes: &[u8]) {
    let mut backlog = hub.backlog.borrow_mut();
    let taken = if backlog.is_empty() {
        write(hub, bytes)
    } else {
        0
    };
    if taken < bytes.len() {
        backlog.extend(&bytes[taken..]);
        hub.backlog_begun.notify_one();
    }
}

/// Whether more input may be accepted. If not, connections are not read.
pub(crate) fn has_room(hub: &Hub) -> bool {
    hub.backlog.borrow().len() < limits::INPUT_BACKLOG
}

/// Writes the backlog as the PTY takes it, for as long as the holder lives.
pub(crate) async fn write_backlog(hub: Rc<Hub>) {
    loop {
        while hub.backlog.borrow().is_empty() {
            hub.backlog_begun.notified().await;
        }
        if hub.pty.writable().await.is_err() {
            return;
        }
        let had_room = has_room(&hub);
        let mut backlog = hub.backlog.borrow_mut();
        let taken = write(&hub, backlog.as_slices().0);
        backlog.drain(..taken);
        if backlog.is_empty() {
            backlog.shrink_to(limits::BACKLOG_KEPT);
        }
        drop(backlog);
        if !had_room && has_room(&hub) {
            hub.backlog_drained.notify_waiters();
        }
    }
}

/// Writes what the PTY takes now. A terminal that nobody has open takes everything and loses it.
fn write(hub: &Hub, bytes: &[u8]) -> usize {
    let mut taken = 0;
    while taken < bytes.len() {
        match hub.pty.try_io(Interest::WRITABLE, |pty| {
            Ok(rustix::io::write(pty, &bytes[taken..])?)
        }) {
            Ok(count) if count > 0 => taken += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Ok(_) => return taken,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return taken,
            Err(_) => return bytes.len(),
        }
    }
    taken
}
