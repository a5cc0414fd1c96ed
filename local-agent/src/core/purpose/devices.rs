//! `devices`: what has access to this machine, seen and ended from elsewhere.

use super::Kind;
use crate::core::{Core, Effect};
use crate::limits::{LISTED_AT_ONCE, REPLIES_WAITING_MAX};
use lanyard_shared::access::{DevicesReply, DevicesRequest, Revocation};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::msg;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::Now;
use lanyard_shared::token::{Devices, Live, Permit};

/// Sees and ends what has access.
pub(super) struct DevicesStream {
    pub permit: Permit<Devices>,
    pub open: bool,
}

impl DevicesStream {
    pub fn new(permit: Permit<Devices>) -> Self {
        Self {
            permit,
            open: false,
        }
    }
}

/// What a live permit for `devices` allows: forgetting to ask does not compile.
enum Allowed {
    List {
        req: u32,
        its: DeviceId,
    },
    Revoke {
        req: u32,
        its: DeviceId,
        revocation: Revocation,
    },
    Lock {
        req: u32,
        its: DeviceId,
    },
    Audit {
        req: u32,
        before: Option<u64>,
    },
}

fn allowed(live: Live<'_, Devices>, request: DevicesRequest) -> Allowed {
    let its = live.claims().device;
    match request {
        DevicesRequest::List { req } => Allowed::List { req, its },
        DevicesRequest::Revoke { req, revocation } => Allowed::Revoke {
            req,
            its,
            revocation,
        },
        DevicesRequest::Lock { req } => Allowed::Lock { req, its },
        DevicesRequest::Audit { req, before } => Allowed::Audit { req, before },
    }
}

/// The other records of such a stream have no length to speak of.
fn reply_bytes(record: &AgentRecord) -> usize {
    if let AgentRecord::Reply(json) = record {
        json.len()
    } else {
        0
    }
}

impl Core {
    pub(super) fn devices_record(
        &mut self,
        stream: StreamId,
        record: ViewerRecord,
        cost: u32,
        now: Now,
    ) -> Result<(), CloseCode> {
        let Some(purpose) = self.purposes.get_mut(&stream) else {
            return Err(CloseCode::Internal);
        };
        let waiting: usize = purpose.waiting.iter().map(reply_bytes).sum();
        let Kind::Devices(devices) = &mut purpose.kind else {
            return Err(CloseCode::Internal);
        };
        let live = devices.permit.live(now.unix)?;
        match record {
            ViewerRecord::Opening if !devices.open => {
                devices.open = true;
                self.give_back(stream, cost);
                self.send_record(stream, AgentRecord::Ready);
                Ok(())
            }
            ViewerRecord::Request(json) if devices.open => {
                // Who asks without reading fills no memory.
                if waiting >= REPLIES_WAITING_MAX {
                    return Err(CloseCode::Busy);
                }
                let request = msg::decode(&json).map_err(|_| CloseCode::BadMessage)?;
                let allowed = allowed(live, request);
                self.give_back(stream, cost);
                self.administer(stream, allowed, now);
                Ok(())
            }
            ViewerRecord::Opening
            | ViewerRecord::Request(_)
            | ViewerRecord::ViewOpening { .. }
            | ViewerRecord::TerminalOpening { .. }
            | ViewerRecord::Input { .. }
            | ViewerRecord::Resize(_)
            | ViewerRecord::TakeOver => Err(CloseCode::UnexpectedFrame),
        }
    }

    fn administer(&mut self, stream: StreamId, allowed: Allowed, now: Now) {
        match allowed {
            Allowed::List { req, its } => self.list(stream, req, its, now),
            Allowed::Revoke {
                req,
                its,
                revocation,
            } => {
                let reply = match self.revoke(revocation, self.who(its), now) {
                    Ok(ended) => DevicesReply::Done { req, ended },
                    Err(code) => DevicesReply::Refused {
                        req,
                        reason: code.into(),
                    },
                };
                self.send_reply(stream, &reply);
            }
            Allowed::Lock { req, its } => {
                self.send_reply(stream, &DevicesReply::Done { req, ended: 0 });
                self.lock(self.who(its));
            }
            Allowed::Audit { req, before } => self.effects.push_back(Effect::ReadAudit {
                stream,
                req,
                before,
            }),
        }
    }

    /// In parts, for a record is bounded and the list is not that small.
    fn list(&mut self, stream: StreamId, req: u32, its: DeviceId, now: Now) {
        let devices = self.device_entries(Some(its));
        let tokens = self.token_entries(|_| true);
        let parts = devices.len().max(tokens.len()).div_ceil(LISTED_AT_ONCE);
        for part in 0..parts {
            let of = part * LISTED_AT_ONCE;
            let reply = DevicesReply::Listed {
                req,
                time: now.unix,
                devices: devices
                    .iter()
                    .skip(of)
                    .take(LISTED_AT_ONCE)
                    .cloned()
                    .collect(),
                tokens: tokens
                    .iter()
                    .skip(of)
                    .take(LISTED_AT_ONCE)
                    .cloned()
                    .collect(),
                more: part + 1 < parts,
            };
            self.send_reply(stream, &reply);
        }
    }
}
