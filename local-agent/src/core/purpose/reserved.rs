//! Purposes whose work comes with later versions: their tokens are minted, checked, renewed and ended as all others, and open nothing yet.

use super::Kind;
use crate::core::Core;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::StreamId;
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::time::Now;
use lanyard_shared::token::AnyPermit;

/// A stream that stands, and behind which there is nothing yet.
pub(super) struct ReservedStream {
    pub permit: AnyPermit,
    pub open: bool,
}

impl ReservedStream {
    pub fn new(permit: AnyPermit) -> Self {
        Self {
            permit,
            open: false,
        }
    }
}

impl Core {
    pub(super) fn reserved_record(
        &mut self,
        stream: StreamId,
        record: &ViewerRecord,
        cost: u32,
        now: Now,
    ) -> Result<(), CloseCode> {
        let Some(Kind::Reserved(reserved)) = self.purposes.get_mut(&stream).map(|p| &mut p.kind)
        else {
            return Err(CloseCode::Internal);
        };
        reserved.permit.live(now.unix)?;
        match record {
            ViewerRecord::Opening if !reserved.open => {
                reserved.open = true;
                self.give_back(stream, cost);
                self.send_record(stream, AgentRecord::Ready);
                Ok(())
            }
            ViewerRecord::Request(_) if reserved.open => Err(CloseCode::NotOffered),
            ViewerRecord::Opening
            | ViewerRecord::Request(_)
            | ViewerRecord::ViewOpening { .. }
            | ViewerRecord::TerminalOpening { .. }
            | ViewerRecord::Input { .. }
            | ViewerRecord::Resize(_)
            | ViewerRecord::TakeOver => Err(CloseCode::UnexpectedFrame),
        }
    }
}
