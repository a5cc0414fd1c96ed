//! What decides in a workspace at present: its settings, and the folders that they let be read.

use super::files::Disk;
use super::present::Present;
use super::save;
use super::settings::{Found, home};
use super::trust::{Known, ProjectHash, Trust};
use lanyard_policy::check::folders;
use lanyard_policy::decide::{Grant, Policy};
use lanyard_policy::place::Place;
use lanyard_policy::settings::{Mode, Scopes};
use lanyard_shared::time::UnixMs;
use std::path::{Path, PathBuf};

/// As it was read. A folder is not trusted by having been asked in: a person at the machine has to say so.
#[derive(Debug)]
pub struct Standing {
    workspace: PathBuf,
    scopes: Scopes,
    home: Option<PathBuf>,
    folders: Vec<PathBuf>,
    project: ProjectHash,
    known: Known,
    mode: Mode,
    grants: Vec<Grant>,
}

impl Standing {
    /// Reads the settings of a workspace, which is absolute.
    #[must_use]
    pub fn of(workspace: &Path, trust: &Trust, present: &Present) -> Self {
        let found = Found::of(workspace);
        let known = trust.of(workspace, &found.project_hash());
        let scopes = found.scopes(known == Known::Trusted);
        let home = home();
        Self {
            workspace: workspace.to_owned(),
            folders: folders(&scopes, workspace, home.as_deref()),
            home,
            project: found.project_hash(),
            known,
            mode: scopes.mode_chosen(present.mode()),
            grants: present.grants(),
            scopes,
        }
    }

    /// The settings.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The settings that come with the project, and what is known of them.
    #[must_use]
    pub fn trust(&self) -> (ProjectHash, Known) {
        (self.project, self.known)
    }

    /// The file in which rules are saved that somebody lets stand for good; empty where they would not count.
    #[must_use]
    pub fn saved_in(&self) -> String {
        if self.known != Known::Trusted || self.scopes.allow_only() {
            return String::new();
        }
        let file = save::file_of(&self.workspace);
        file.to_str().map(str::to_owned).unwrap_or_default()
    }

    /// What decides, in the mode that a person has chosen or that the settings begin with.
    #[must_use]
    pub fn policy(&self, now: UnixMs) -> Policy<'_> {
        Policy {
            scopes: &self.scopes,
            grants: &self.grants,
            mode: self.mode,
            trusted: self.known == Known::Trusted,
            home: self.home.as_deref(),
            now: now.secs(),
        }
    }

    /// A folder of the workspace, or one that may be read beside it; nothing if it is another.
    #[must_use]
    pub fn place(&self, folder: &str) -> Option<Place<'static>> {
        let mut place = Place::new(&self.workspace, &self.folders, &Disk);
        place.enter(folder).ok()?;
        Some(place)
    }
}
