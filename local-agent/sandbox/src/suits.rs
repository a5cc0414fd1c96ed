//! What can be a workspace, and be read beside it. Looked at before anything is made or started.

use crate::job::{Job, Profile};
use crate::run::SandboxError;
use std::fs::canonicalize;
use std::path::{Path, PathBuf};

/// # Errors
/// The workspace holds more than one, or something to be read holds what no command may see.
pub(crate) fn suits(job: &Job) -> Result<(), SandboxError> {
    let workspace = canonicalize(&job.workspace)?;
    let changes = match job.profile {
        Profile::ReadOnly { .. } => false,
        Profile::Workspace(_) => true,
    };
    if workspace == Path::new("/") {
        return refused("the whole system cannot be the workspace");
    }
    if real(&job.home).starts_with(&workspace) {
        return refused("your home cannot be the workspace, nor a folder that holds it");
    }
    if changes && workspace != job.workspace {
        return refused("the workspace is not named by its real path");
    }
    if changes && crate::private::base()?.starts_with(&workspace) {
        return refused("the folder of all temporary files cannot be the workspace");
    }
    for hidden in job.hidden.iter().map(|path| real(path)) {
        for seen in job.read.iter().chain(&job.exec).chain([&workspace]) {
            let seen = real(seen);
            let (what, which) = (seen.display(), hidden.display());
            if hidden.starts_with(&seen) {
                return refused(&format!("{what} holds {which}, which no command may see"));
            }
            if seen.starts_with(&hidden) {
                return refused(&format!("{what} lies in {which}, which no command may see"));
            }
        }
    }
    Ok(())
}

/// Of what is not there yet, its name: it can come to be.
fn real(path: &Path) -> PathBuf {
    canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

fn refused(why: &str) -> Result<(), SandboxError> {
    Err(SandboxError::Unsuitable(why.to_owned()))
}
