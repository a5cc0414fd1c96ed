//! How a terminal ends: the child's exit, being killed, being forgotten.

use std::os::unix::process::ExitStatusExt;
use std::rc::Rc;
use std::time::Duration;

use rustix::process::Signal;
use tokio::process::Child;

use super::diary::Moment;
use super::hub::Hub;
use crate::wire::ExitStatus;
use crate::{limits, shell};

/// Waits for the child and notes how it ended.
pub(crate) async fn await_child(hub: Rc<Hub>, mut child: Child) {
    let status = match child.wait().await {
        Ok(status) => match (status.code(), status.signal()) {
            (Some(code), _) => ExitStatus::Code(code),
            (None, signal) => ExitStatus::Signal(signal.unwrap_or(0)),
        },
        Err(error) => {
            tracing::error!(%error, "lost the child");
            ExitStatus::Code(-1)
        }
    };
    hub.child_exit.set(Some(status));
    hub.pump_wake.notify_one();
}

/// All output of the child is in the ring: tells connections how it ended, each after its last byte.
pub(crate) fn tell_exit(hub: &Hub) {
    if hub.exit.get().is_none()
        && let Some(status) = hub.child_exit.get()
    {
        hub.exit.set(Some(status));
        hub.serve_all();
        hub.note(Moment::Exit(status));
        hub.exit_known.notify_waiters();
        hub.exit_known.notify_one();
    }
}

/// Asks the child to end, makes it end if it does not, and then leaves.
pub(crate) fn kill(hub: &Rc<Hub>) {
    if hub.killed.replace(true) {
        return;
    }
    hub.pump_wake.notify_one();
    if hub.child_exit.get().is_none() {
        shell::signal(&hub.pty, hub.pid, Signal::HUP);
        // A stopped process takes no hang-up before it goes on.
        shell::signal(&hub.pty, hub.pid, Signal::CONT);
    }
    let hub = hub.clone();
    tokio::task::spawn_local(async move {
        tokio::select! {
            () = until_exit(&hub) => {}
            () = tokio::time::sleep(limits::KILL_GRACE) => {
                end_by_force(&hub);
                // The kernel may keep a process in a system call; its terminal is over all the same.
                let _ = tokio::time::timeout(limits::KILL_GRACE, until_exit(&hub)).await;
            }
        }
        hub.leave.notify_one();
    });
}

/// Makes the child end now.
pub(crate) fn end_by_force(hub: &Hub) {
    if hub.child_exit.get().is_none() {
        shell::signal(&hub.pty, hub.pid, Signal::KILL);
    }
}

async fn until_exit(hub: &Hub) {
    while hub.exit.get().is_none() {
        let told = hub.exit_known.notified();
        if hub.exit.get().is_none() {
            told.await;
        }
    }
}

/// Returns when the holder is to leave, after `farewell` (which makes it impossible to find) and the last messages.
pub(crate) async fn until_over(hub: &Hub, linger: Duration, farewell: impl FnOnce()) {
    let lingered = async {
        until_exit(hub).await;
        tokio::time::sleep(linger).await;
    };
    tokio::select! {
        () = hub.leave.notified() => {}
        () = lingered => {}
    }
    farewell();
    let connections = hub.connections.borrow().clone();
    let sent = async {
        for connection in &connections {
            connection.until_sent(hub).await;
        }
    };
    let _ = tokio::time::timeout(limits::FAREWELL, sent).await;
    let _ = tokio::time::timeout(limits::FAREWELL, hub.disk.until_closed()).await;
}
