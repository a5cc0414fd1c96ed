//! Who has access now, as lists show it.

use super::Core;
use super::lease::Lease;
use super::session::from_text;
use lanyard_shared::access::{DeviceEntry, TokenEntry};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::msg::{FromAgent, Wanted};
use lanyard_shared::time::Now;

impl Core {
    /// Every paired device, the one that said hello last at the end. `yours` is who is told.
    #[must_use]
    pub fn device_entries(&self, yours: Option<DeviceId>) -> Vec<DeviceEntry> {
        self.devices
            .in_use()
            .map(|device| DeviceEntry {
                id: device.id,
                name: device.name.clone(),
                scopes: device.scopes.clone(),
                reach: device.reach.clone(),
                paired: device.paired,
                seen: device.seen,
                from: device.from.clone(),
                expires: device.expires,
                until: device.until,
                keys_end: device.keys_end(),
                sessions: u32::try_from(self.sessions_of(device.id).len()).unwrap_or(u32::MAX),
                suspended: device.suspended,
                changing_keys: device.rekey.is_some() || self.devices.next_of(device.id).is_some(),
                yours: yours == Some(device.id),
            })
            .collect()
    }

    /// Every live token of those leases.
    #[must_use]
    pub fn token_entries(&self, which: impl Fn(StreamId) -> bool) -> Vec<TokenEntry> {
        self.leases
            .iter()
            .filter(|lease| which(lease.session))
            .map(|lease| self.token_entry(lease))
            .collect()
    }

    fn token_entry(&self, lease: &Lease) -> TokenEntry {
        let origin = self.talks.get(&lease.session).map(|talk| talk.origin);
        TokenEntry {
            jti: lease.jti,
            purpose: lease.purpose(),
            device: lease.device,
            conn: lease.conn,
            from: origin
                .map(|origin| from_text(origin.from))
                .unwrap_or_default(),
            about: self.about(&lease.wanted),
            issued: lease.issued,
            expires: lease.expires,
            used: lease.used,
            attached: lease.stream.is_some(),
        }
    }

    fn about(&self, wanted: &Wanted) -> String {
        match (wanted.terminal(), wanted.root()) {
            (Some(terminal), _) => self
                .terminals
                .get(terminal)
                .map(|terminal| terminal.name.clone())
                .unwrap_or_default(),
            (None, Some(root)) => {
                crate::text::shortened(root, crate::limits::LISTED_TEXT).to_owned()
            }
            (None, None) => String::new(),
        }
    }

    /// What a device has over one link: the answer to `access`.
    pub(super) fn own_access(
        &self,
        stream: StreamId,
        req: u32,
        now: Now,
    ) -> Result<FromAgent, CloseCode> {
        let its = self.talks.get(&stream).ok_or(CloseCode::Internal)?.device;
        let mut devices = self.device_entries(Some(its)).into_iter();
        let device = devices
            .find(|device| device.id == its)
            .ok_or(CloseCode::UnknownDevice)?;
        Ok(FromAgent::Access {
            req,
            time: now.unix,
            device,
            tokens: self.token_entries(|session| session == stream),
        })
    }
}
