//! The stream that shows a terminal, as often as it has to be opened anew.

use super::leg::Leg;
use super::screen::Screen;
use super::{TerminalEvent, TerminalEvents};
use crate::failure::Failure;
use lanyard_shared::close::CloseCode;
use lanyard_shared::link::Link;
use lanyard_shared::msg::Grid;
use lanyard_shared::record::{AgentRecord, ViewerRecord};

/// See the module.
pub(super) struct View {
    pub leg: Leg,
    screen: Screen,
    interrupted: bool,
    /// Payload handed out and not yet consumed: it takes from the window of the next stream.
    pub outstanding: u32,
}

impl View {
    pub fn new(have: Option<u64>, seed: &[u8]) -> Self {
        Self {
            leg: Leg::new(seed),
            screen: Screen::new(have),
            interrupted: false,
            outstanding: 0,
        }
    }

    /// What a stream begins with.
    pub fn opening(&self, grid: Grid) -> ViewerRecord {
        let have = self.screen.have();
        ViewerRecord::ViewOpening { have, grid }
    }

    /// The agent accepted the stream.
    pub fn accepted(&mut self, events: &mut TerminalEvents<'_>) {
        self.screen.restart();
        if std::mem::take(&mut self.interrupted) {
            events.push(TerminalEvent::Resumed);
        }
    }

    /// Takes a record, except the end.
    pub fn take(
        &mut self,
        record: AgentRecord,
        payload: u32,
        link: &mut Link,
        events: &mut TerminalEvents<'_>,
    ) -> Result<(), CloseCode> {
        let event = self.screen.take(record)?;
        if matches!(event, Some(TerminalEvent::Output { .. })) {
            self.outstanding += payload;
        } else if let Some(sealed) = self.leg.sealed() {
            sealed.consumed(link, payload);
        }
        if let Some(event) = event {
            events.push(event);
        }
        Ok(())
    }

    /// Says, once, that nothing comes for a while.
    pub fn interrupt(&mut self, why: Failure, events: &mut TerminalEvents<'_>) {
        if !std::mem::replace(&mut self.interrupted, true) {
            events.push(TerminalEvent::Interrupted(why));
        }
    }
}
