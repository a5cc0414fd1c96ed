//! What approved commands leave as it is, as the sandbox takes it.

use lanyard_policy::protected::{self, NEVER_WRITTEN};
use lanyard_sandbox::{Kept, StandIn};

/// All of it.
#[must_use]
pub fn kept() -> Vec<Kept> {
    let kept = |path: &&str| Kept {
        path: (*path).to_owned(),
        stand_in: match protected::stand_in(path) {
            protected::StandIn::Nothing => StandIn::Nothing,
            protected::StandIn::Folder => StandIn::Folder,
            protected::StandIn::File(text) => StandIn::File(text.to_owned()),
        },
    };
    NEVER_WRITTEN.iter().map(kept).collect()
}
