//! What the service manager hears of the agent, when it is one that started it.

use lanyard_service::notify::Notify;
use lanyard_shared::time::Mono;

/// The agent's signs of life. Only its loop gives them: one that hangs gives none, and is started again.
pub struct Pulse {
    manager: Notify,
    /// When the next sign is due; never, when nobody waits for one.
    next: Option<Mono>,
    ready: bool,
}

impl Pulse {
    /// Nothing was said yet; the first sign is due now.
    ///
    /// # Errors
    /// There is a manager, and it cannot be spoken to.
    pub fn start(now: Mono) -> std::io::Result<Self> {
        let manager = Notify::from_env()?;
        let next = manager.every().map(|_| now);
        Ok(Self {
            manager,
            next,
            ready: false,
        })
    }

    /// Gives a sign if one is due.
    pub fn beat(&mut self, now: Mono) {
        if let (Some(every), Some(due)) = (self.manager.every(), self.next)
            && due <= now
        {
            self.manager.alive();
            self.next = Some(now + every);
        }
    }

    /// When [`Pulse::beat`] wants to be called at the latest.
    pub fn next(&self) -> Option<Mono> {
        self.next
    }

    /// The relay has accepted the machine. The first time, the service is up.
    pub fn online(&mut self, relay: &str) {
        let status = format!("connected to {relay}");
        if std::mem::replace(&mut self.ready, true) {
            self.manager.status(&status);
        } else {
            self.manager.ready(&status);
        }
    }

    /// It is not connected.
    pub fn offline(&self, why: &str) {
        self.manager.status(&format!("not connected: {why}"));
    }

    /// It was told to leave.
    pub fn stopping(&self) {
        self.manager.stopping();
    }
}
