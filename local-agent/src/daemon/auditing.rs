//! The audit log: what the core decided goes in, and what devices ask of it comes out.

use super::Daemon;
use super::owner::Notice;
use crate::audit::Event;
use crate::audit::read::AuditError;
use crate::audit::recorder::{Recorder, Signer};
use crate::core::Identity;
use crate::state::{Finding, StateDir, StateError};
use lanyard_shared::audit::Head;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::time::Now;
use std::sync::Arc;
use std::time::Duration;

impl Daemon {
    /// What does not wait for the log goes on without it: no revocation fails because the disk is full. The log says later that lines are missing.
    pub(super) fn record(&mut self, event: Event) {
        if let Err(error) = self.write_down(event) {
            self.tell_unrecorded(&error);
        }
    }

    /// On the disk when this returns, if it must be.
    pub(super) fn write_down(&mut self, event: Event) -> Result<(), AuditError> {
        let now = self.now();
        self.audit.record(event, now)
    }

    pub(super) fn tell_unrecorded(&self, error: &AuditError) {
        self.owners.tell(&Notice::Trouble {
            sentence: format!("what was asked, answered or done could not be recorded: {error}"),
            hint: "check the disk; until then nothing is approved".to_owned(),
        });
    }

    /// Signs the log every so often, and tells devices how far it goes.
    pub(super) fn look_at_audit(&mut self) {
        let now = self.now();
        match self.audit.look(now) {
            Ok(false) => {}
            Ok(true) => self.core.audit_signed(self.audit.head()),
            Err(error) => self.tell_unrecorded(&error),
        }
    }

    pub(super) fn compare_audit(
        &mut self,
        stream: StreamId,
        device: DeviceId,
        name: String,
        seen: Option<Head>,
    ) {
        let agrees = match seen.map(|seen| self.audit.agrees(seen)).transpose() {
            Ok(agrees) => agrees.flatten(),
            Err(error) => return self.tell_unrecorded(&error),
        };
        if let (Some(false), Some(seen)) = (agrees, seen) {
            self.owners.tell(&Notice::Trouble {
                sentence: format!(
                    "\"{name}\" has seen {} lines of the audit log that are not the ones here",
                    seen.count
                ),
                hint: "somebody has edited the log, or it was set aside as damaged: `lanyard audit verify`".to_owned(),
            });
            self.record(Event::Disputed { device, name, seen });
        }
        self.core.audit_compared(stream, self.audit.head(), agrees);
    }

    pub(super) fn read_audit(&mut self, stream: StreamId, req: u32, before: Option<u64>) {
        let page = self.audit.page(before).map_err(|error| {
            tracing::warn!(%error, "the audit log cannot be read");
            CloseCode::Internal
        });
        self.core.audit_read(stream, req, self.audit.head(), page);
    }

    /// The log says how the machine's new identity came from the one before. Of one that was compromised nothing follows: then another log begins.
    pub(super) fn identity_changed(&mut self) {
        let now = self.now();
        let signer = signer(self.core.identity());
        let followed = self.audit.rekey(signer, now);
        let Err(AuditError::Broken(broken)) = followed else {
            if let Err(error) = followed {
                self.tell_unrecorded(&error);
            }
            return;
        };
        let keep = self.audit.keep();
        let state = &self.disk.state;
        match begin_anew(state, self.core.identity(), keep, &broken.to_string(), now) {
            Ok((audit, Finding { sentence, hint })) => {
                self.audit = audit;
                self.owners.tell(&Notice::Trouble { sentence, hint });
            }
            Err(error) => self.tell_trouble(&error),
        }
    }
}

fn signer(identity: &Identity) -> Signer {
    Signer {
        agent: identity.agent(),
        key: Arc::clone(identity.key()),
        chain: identity.chain().to_vec(),
    }
}

/// The log, and what is to be said of one that was damaged. That one is kept aside, and another begins.
pub(super) fn open_audit(
    state: &StateDir,
    identity: &Identity,
    keep: Duration,
    now: Now,
) -> Result<(Recorder, Option<Finding>), StateError> {
    match Recorder::open(&state.audit_log(), signer(identity), keep, now) {
        Err(AuditError::Broken(broken)) => {
            let (audit, finding) = begin_anew(state, identity, keep, &broken.to_string(), now)?;
            Ok((audit, Some(finding)))
        }
        audit => Ok((audit.map_err(StateError::Audit)?, None)),
    }
}

fn begin_anew(
    state: &StateDir,
    identity: &Identity,
    keep: Duration,
    why: &str,
    now: Now,
) -> Result<(Recorder, Finding), StateError> {
    let path = state.audit_log();
    let finding = state.set_aside(&path, why, now.unix)?;
    let audit = Recorder::open(&path, signer(identity), keep, now);
    Ok((audit.map_err(StateError::Audit)?, finding))
}
