//! What can be a workspace, and be read beside it. Looked at before anything is made or started.

use crate::job::{Job, Profile};
use crate::run::SandboxError;
use crate::tool_chains::{is_led_by, real_or_named};
use std::fs::canonicalize;
use std::path::Path;

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
    if real_or_named(&job.home).starts_with(&workspace) {
        return refused("your home cannot be the workspace, nor a folder that holds it");
    }
    if changes && workspace != job.workspace {
        return refused("the workspace is not named by its real path");
    }
    if let Some(why) = changes.then(|| is_led_by(&workspace, &job.home)).flatten() {
        let what = workspace.display();
        return refused(&format!("{what} cannot be the workspace: {why}"));
    }
    if changes && is_of_system(&workspace) {
        let what = workspace.display();
        return refused(&format!(
            "{what} is the system's, and cannot be the workspace"
        ));
    }
    if changes && crate::private::base()?.starts_with(&workspace) {
        return refused("the folder of all temporary files cannot be the workspace");
    }
    for hidden in job.hidden.iter().map(|path| real_or_named(path)) {
        let seen = job.read.iter().chain(&job.exec);
        for seen in seen.chain([&workspace, &job.program]) {
            let seen = real_or_named(seen);
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

/// Folders right below `/` of which the machine is made, and those in which nothing is a project.
fn is_of_system(workspace: &Path) -> bool {
    const WHOLE: &[&str] = &[
        "bin", "boot", "dev", "etc", "home", "lib", "lib32", "lib64", "libx32", "proc", "root",
        "run", "sbin", "sys", "usr", "var",
    ];
    const ALL_IN_IT: &[&str] = &["boot", "dev", "etc", "proc", "sys"];
    let top = Path::new("/");
    let shared = Path::new("/dev/shm");
    WHOLE.iter().any(|name| workspace == top.join(name))
        || ALL_IN_IT
            .iter()
            .any(|name| workspace.starts_with(top.join(name)))
            && !(workspace.starts_with(shared) && workspace != shared)
}

fn refused(why: &str) -> Result<(), SandboxError> {
    Err(SandboxError::Unsuitable(why.to_owned()))
}
