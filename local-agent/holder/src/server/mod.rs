//! The holder itself: one thread, one PTY, any number of connections.
//!
//! Everything runs on one thread and shares [`Hub`] without locks. Who does what:
//! [`pump`] moves output from the PTY into the ring, hands it to connections at once, and only then lets the screen catch up;
//! [`connection`] serves one connection; [`input`] moves typed bytes into the PTY; [`ending`] watches the child;
//! [`orphan`] ends what nobody comes for; [`to_disk`] keeps what has happened, after all others had it.

mod connection;
mod diary;
mod ending;
mod hub;
mod input;
mod orphan;
mod outbox;
mod pump;
mod screen_feed;
mod to_disk;

use std::rc::Rc;
use std::time::Duration;

use tokio::net::UnixListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::LocalSet;

use crate::config::{HolderConfig, Meta};
use crate::error::HolderError;
use crate::history::{self, Log};
use crate::socket::{self, Place};
use crate::{clock, limits, shell, wire};
use hub::Hub;
use orphan::Orphan;

/// How many tasks may run before the runtime looks for new input; small, so that a flood of output does not delay a key.
pub(crate) const EVENT_INTERVAL: u32 = 8;

/// Holds a terminal until it is over: the child has ended and was forgotten, nobody forgot it for `linger_secs`, or it was killed
/// (by [`wire::FromClient::Kill`] or `SIGTERM`). `SIGHUP` is ignored. Needs a current-thread runtime.
pub async fn run(config: HolderConfig) -> Result<(), HolderError> {
    run_and_tell(config, || {}).await
}

/// The same; calls `ready` once the holder can be found.
pub(crate) async fn run_and_tell(
    config: HolderConfig,
    ready: impl FnOnce(),
) -> Result<(), HolderError> {
    if !size_is_allowed(config.cols, config.rows) {
        return Err(HolderError::SizeOutOfBounds {
            cols: config.cols,
            rows: config.rows,
        });
    }
    // Before the child starts: a signal must not find the holder without its handler. Handlers do not survive exec,
    // so the child gets the default ones.
    let mut hangup = signal(SignalKind::hangup()).map_err(HolderError::Process)?;
    let mut terminate = signal(SignalKind::terminate()).map_err(HolderError::Process)?;
    let (mut place, listener) = Place::prepare(&config)?;
    let shell = shell::start(&config)?;
    let started = clock::unix_secs();
    let meta = Meta {
        id: config.id,
        name: config.name.clone(),
        command: shell.command,
        cwd: shell.cwd,
        started,
        version: wire::VERSION,
    };
    let hub = Rc::new(Hub::new(
        shell.pty,
        shell.pid,
        config.cols,
        config.rows,
        started,
        Orphan::new(bound(config.orphan_secs), clock::boot()),
    ));
    if let Err(error) = place.publish(&meta) {
        ending::end_by_force(&hub);
        return Err(error);
    }
    let log = config.history.as_deref().and_then(|dir| {
        let meta = history::Meta {
            id: config.id,
            name: meta.name,
            cwd: meta.cwd,
            started,
            cols: config.cols,
            rows: config.rows,
        };
        // A terminal that nothing is kept of is better than none.
        Log::create(dir, &meta)
            .inspect_err(|error| {
                tracing::warn!(dir = %dir.display(), %error, "nothing of this terminal is kept on disk");
            })
            .ok()
    });
    let linger = Duration::from_secs(config.linger_secs);
    drop(config);
    let local = LocalSet::new();
    local.spawn_local(pump::pump(hub.clone()));
    local.spawn_local(input::write_backlog(hub.clone()));
    local.spawn_local(ending::await_child(hub.clone(), shell.child));
    local.spawn_local(orphan::end_orphan(hub.clone()));
    if let Some(log) = log {
        hub.disk.open(clock::boot(), hub.size.get());
        local.spawn_local(to_disk::write(hub.clone(), log));
    }
    local.spawn_local(accept(hub.clone(), listener));
    let signals = hub.clone();
    local.spawn_local(async move {
        loop {
            tokio::select! {
                _ = hangup.recv() => {}
                _ = terminate.recv() => ending::kill(&signals),
            }
        }
    });
    ready();
    local
        .run_until(ending::until_over(&hub, linger, || place.remove()))
        .await;
    Ok(())
}

/// Whether a terminal may have this size.
pub(crate) fn size_is_allowed(cols: u16, rows: u16) -> bool {
    (1..=limits::MAX_COLS).contains(&cols) && (1..=limits::MAX_ROWS).contains(&rows)
}

/// Seconds of which none means no bound at all.
pub(crate) fn bound(secs: u64) -> Option<Duration> {
    (secs > 0).then(|| Duration::from_secs(secs))
}

async fn accept(hub: Rc<Hub>, listener: UnixListener) {
    loop {
        match listener.accept().await {
            Ok((stream, _)) if socket::is_own_user(&stream) => {
                tokio::task::spawn_local(connection::serve(hub.clone(), stream));
            }
            // Not told why: another user has no business here.
            Ok(_) => tracing::warn!("refused a connection of another user"),
            Err(error) => {
                // Out of descriptors, most likely; the next connection that ends makes room.
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(limits::ACCEPT_PAUSE).await;
            }
        }
    }
}
