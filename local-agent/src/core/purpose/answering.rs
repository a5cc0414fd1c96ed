//! `approve`: one answer to one request, signed by the device.

use super::Kind;
use crate::core::Core;
use lanyard_shared::approval::{Answer, By, Holds, Settled};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::ApprovalId;
use lanyard_shared::msg::{self, Scope};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::Now;
use lanyard_shared::token::{Approve, Permit};

/// Answers one request.
pub(super) struct ApproveStream {
    pub permit: Permit<Approve>,
    pub open: bool,
    request: ApprovalId,
    /// The answer is given, and what has come of the request is said when it is on the disk.
    answered: bool,
}

impl ApproveStream {
    pub fn new(permit: Permit<Approve>, request: ApprovalId) -> Self {
        Self {
            permit,
            open: false,
            request,
            answered: false,
        }
    }
}

impl Core {
    pub(super) fn approve_record(
        &mut self,
        stream: StreamId,
        record: &ViewerRecord,
        cost: u32,
        now: Now,
    ) -> Result<(), CloseCode> {
        let Some(Kind::Approve(approve)) = self.purposes.get_mut(&stream).map(|p| &mut p.kind)
        else {
            return Err(CloseCode::Internal);
        };
        let live = approve.permit.live(now.unix)?;
        match record {
            ViewerRecord::Opening if !approve.open => {
                approve.open = true;
                self.give_back(stream, cost);
                self.send_record(stream, AgentRecord::Ready);
                Ok(())
            }
            ViewerRecord::Request(json) if approve.open && !approve.answered => {
                let (device, request) = (live.claims().device, approve.request);
                approve.answered = true;
                let answer: Answer = msg::decode(json).map_err(|_| CloseCode::BadMessage)?;
                let session = self.session_of(stream).ok_or(CloseCode::Internal)?;
                let talk = self.talks.get(&session).ok_or(CloseCode::Internal)?;
                let device = self.devices.get(device).ok_or(CloseCode::UnknownDevice)?;
                // What it may do can have changed since the token was minted.
                if !self.may_answer(device, request) {
                    return Err(CloseCode::ApprovalUnknown);
                }
                let key = talk.origin.device;
                if !answer.is_by(&key, self.agent) {
                    return Err(CloseCode::ProofRefused);
                }
                let by = By::Device {
                    name: device.name.clone(),
                    key: b64::Bytes(key),
                    signature: answer.signature,
                };
                // To save a rule takes what it takes to grant access.
                if answer.holds == (Holds::Always {}) && !device.allows(Scope::Devices) {
                    return Err(CloseCode::NotGranted);
                }
                // Of one that is not on the disk yet it hears with the others.
                let known = self.recorded_approval(request);
                self.answer_approval(request, answer.hash, answer.said(), by, now)?;
                if let Some(settled) = known {
                    self.reply_to_answers(&settled);
                }
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

    /// Says to each that has answered what has come of the request. That is all that its stream was for.
    pub(in crate::core) fn reply_to_answers(&mut self, settled: &Settled) {
        let waits = |kind: &Kind| matches!(kind, Kind::Approve(approve) if approve.answered && approve.request == settled.id);
        let streams = self.purposes.iter().filter(|(_, p)| waits(&p.kind));
        let streams: Vec<_> = streams.map(|(stream, _)| *stream).collect();
        for stream in streams {
            self.send_record(stream, AgentRecord::Reply(msg::encode(settled).into()));
            self.finish_purpose(stream, &CloseCode::Done.into());
        }
    }
}
