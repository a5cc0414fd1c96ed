//! What approved commands leave as it is, as the sandbox takes it.

use lanyard_policy::protected::{self, NEVER_WRITTEN, OF_REPOSITORY, REPOSITORY};
use lanyard_sandbox::{Kept, StandIn};

/// At the top of a workspace.
#[must_use]
pub fn kept() -> Vec<Kept> {
    NEVER_WRITTEN.iter().copied().map(one).collect()
}

/// Of each repository: all of it, or for what may write repositories what leads to programs.
#[must_use]
pub fn of_repository(writes: bool) -> Vec<Kept> {
    let paths = if writes { OF_REPOSITORY } else { &[REPOSITORY] };
    paths.iter().copied().map(one).collect()
}

fn one(path: &str) -> Kept {
    Kept {
        path: path.into(),
        stand_in: match protected::stand_in(path) {
            protected::StandIn::Folder => StandIn::Folder,
            protected::StandIn::File(text) => StandIn::File(text.to_owned()),
        },
    }
}
