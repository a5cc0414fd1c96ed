//! What goes into the audit log, and what devices hear of it.
//!
//! A device keeps how far the log went, and hears at its next session whether it goes on from there: who edits the log on the machine cannot edit
//! what devices have seen.

use super::Core;
use super::devices::Device;
use super::effect::Effect;
use super::talk::Talk;
use crate::audit::log::Page;
use crate::audit::{Event, Who};
use crate::limits::AUDIT_PIECE;
use crate::text::shortened;
use bytes::Bytes;
use lanyard_shared::access::DevicesReply;
use lanyard_shared::audit::Head;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::msg::{self, FromAgent};
use lanyard_shared::record::AgentRecord;

impl Core {
    pub(super) fn record(&mut self, event: Event) {
        self.effects.push_back(Effect::Record(Box::new(event)));
    }

    /// A device as the log names it.
    pub(super) fn who(&self, device: DeviceId) -> Who {
        let name = self.devices.get(device).map(|device| device.name.clone());
        Who::Device {
            device,
            name: name.unwrap_or_default(),
        }
    }

    /// Who holds a session.
    pub(super) fn who_of(&self, session: StreamId) -> Option<Who> {
        let talk = self.talks.get(&session)?;
        Some(self.who(talk.device))
    }

    /// A viewer wants to know how far the log goes. A share is told nothing of what others do here.
    pub(super) fn audit_asked(&mut self, stream: StreamId, seen: Option<Head>) {
        let Some(device) = self.device_of(stream).filter(|device| hears(device)) else {
            return;
        };
        let (device, name) = (device.id, device.name.clone());
        if let Some(talk) = self.talks.get_mut(&stream) {
            talk.hears_of_audit = true;
        }
        self.effects.push_back(Effect::CompareAudit {
            stream,
            device,
            name,
            seen,
        });
    }

    /// How far the log goes, and whether it goes on from what this viewer has seen: answers [`Effect::CompareAudit`].
    pub fn audit_compared(&mut self, stream: StreamId, head: Head, agrees: Option<bool>) {
        self.say(stream, &FromAgent::Audit { head, agrees });
    }

    /// The machine has vouched for the log as far as this: all who hear of it keep that.
    pub fn audit_signed(&mut self, head: Head) {
        for stream in self.streams_of(|talk| talk.hears_of_audit && talk.is_session()) {
            if self.device_of(stream).is_some_and(hears) {
                let agrees = None;
                self.say(stream, &FromAgent::Audit { head, agrees });
            }
        }
    }

    /// Lines of the log, or why they cannot be read: answers [`Effect::ReadAudit`].
    pub fn audit_read(
        &mut self,
        stream: StreamId,
        req: u32,
        head: Head,
        page: Result<Page, CloseCode>,
    ) {
        match page {
            Ok(page) => {
                for reply in pieces(req, head, &page) {
                    self.send_reply(stream, &reply);
                }
            }
            Err(code) => {
                let reason = code.into();
                self.send_reply(stream, &DevicesReply::Refused { req, reason });
            }
        }
    }

    pub(super) fn send_reply(&mut self, stream: StreamId, reply: &DevicesReply) {
        self.send_record(stream, AgentRecord::Reply(Bytes::from(msg::encode(reply))));
    }

    fn device_of(&self, stream: StreamId) -> Option<&Device> {
        let talk: &Talk = self.talks.get(&stream)?;
        self.devices.get(talk.device)
    }
}

fn hears(device: &Device) -> bool {
    device.until.is_none()
}

/// A record is bounded, and a line of the log is not that short.
fn pieces(req: u32, head: Head, page: &Page) -> Vec<DevicesReply> {
    let mut pieces = Vec::new();
    let mut left = page.text.as_str();
    loop {
        let piece = shortened(left, AUDIT_PIECE);
        left = left.get(piece.len()..).unwrap_or_default();
        pieces.push(DevicesReply::Audited {
            req,
            first: page.first,
            text: piece.to_owned(),
            more: !left.is_empty(),
            earlier: page.more,
            head,
        });
        if left.is_empty() {
            return pieces;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_shared::limits::RECORD_MAX;

    #[test]
    fn a_page_comes_in_pieces_of_which_each_fits_into_a_record_whatever_it_holds() {
        for text in ["", "{}\n", &"\\\"€\u{1f600}".repeat(60_000)] {
            let page = Page {
                first: 3,
                text: text.to_owned(),
                more: true,
            };
            let pieces = pieces(7, Head::EMPTY, &page);
            let mut all = String::new();
            for (at, piece) in pieces.iter().enumerate() {
                let json = Bytes::from(msg::encode(piece));
                assert!(AgentRecord::Reply(json).encode().len() < RECORD_MAX);
                let DevicesReply::Audited { text, more, .. } = piece else {
                    panic!("{piece:?}");
                };
                assert_eq!(*more, at + 1 < pieces.len());
                all.push_str(text);
            }
            assert_eq!(all, text);
        }
    }
}
