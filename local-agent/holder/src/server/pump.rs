//! Output: from the PTY into the ring, from there to connections at once, and only then to the screen.

use std::io;
use std::rc::Rc;

use tokio::io::Interest;

use super::diary::Moment;
use super::ending;
use super::hub::Hub;
use crate::limits;

/// Runs until no process has the terminal open any more and the child is known to have ended.
pub(crate) async fn pump(hub: Rc<Hub>) {
    let mut hung_up = false;
    let mut drain_until = None;
    loop {
        let allowed = if hung_up {
            0
        } else {
            hub.pace_allows().min(limits::READ_BURST)
        };
        let found = if allowed > 0 {
            read_burst(&hub, allowed)
        } else {
            Found::Nothing
        };
        match found {
            Found::Bytes => {
                hub.serve_all();
                hub.note(Moment::Output);
                while hub.screen.borrow().lag(&hub.ring.borrow()) > limits::SCREEN_LAG {
                    hub.emulate_slice();
                }
                // Connections, signals and typed keys have their turn before the next burst.
                tokio::task::yield_now().await;
                continue;
            }
            Found::HangUp => hung_up = true,
            Found::Nothing => {}
        }
        let lags = hub.emulate_slice();
        if hung_up && hub.child_exit.get().is_some() {
            ending::tell_exit(&hub);
            while hub.emulate_slice() {
                tokio::task::yield_now().await;
            }
            return;
        }
        if lags {
            tokio::task::yield_now().await;
            continue;
        }
        // Once the child has ended, only what other processes still write can come.
        if drain_until.is_none()
            && allowed > 0
            && hub.child_exit.get().is_some()
            && hub.exit.get().is_none()
        {
            drain_until = Some(tokio::time::Instant::now() + limits::DRAIN_GRACE);
        }
        let drained = async {
            match drain_until {
                Some(until) if hub.exit.get().is_none() && allowed > 0 => {
                    tokio::time::sleep_until(until).await
                }
                Some(_) | None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = hub.pty.readable(), if allowed > 0 => {}
            () = hub.pump_wake.notified() => {}
            () = drained => ending::tell_exit(&hub),
            // The child closed its terminal and lives: it may open it again.
            () = tokio::time::sleep(limits::KILL_GRACE), if hung_up => hung_up = false,
        }
    }
}

enum Found {
    Bytes,
    Nothing,
    HangUp,
}

/// Takes what is there, up to `allowed` bytes, without waiting for more.
fn read_burst(hub: &Hub, allowed: usize) -> Found {
    let mut left = allowed;
    let mut ring = hub.ring.borrow_mut();
    while left > 0 {
        let space = ring.space(left);
        let read = hub.pty.try_io(Interest::READABLE, |pty| {
            Ok(rustix::io::read(pty, &mut *space)?)
        });
        match read {
            Ok(count) if count > 0 => {
                ring.commit(count);
                left -= count;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
            // On Linux a hang-up reads as EIO, elsewhere as an end.
            Ok(_) | Err(_) if left == allowed => return Found::HangUp,
            Ok(_) | Err(_) => break,
        }
    }
    if left < allowed {
        Found::Bytes
    } else {
        Found::Nothing
    }
}
