//! What programs get that change the workspace: by a rule that allows them, or because somebody says so.

use crate::policy::kept::{kept, of_repository};
use lanyard_sandbox::{
    CannotHold, Changes, Holder, Job, Launcher, ResolveError, on_path, resolve, working,
};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What of this machine and its user they get.
#[derive(Clone, Debug)]
pub struct Work {
    holder: Holder,
    home: PathBuf,
    network: bool,
    repository: bool,
    variables: Vec<(String, OsString)>,
}

impl Work {
    /// What the user of this process has.
    ///
    /// # Errors
    /// Nothing on this machine keeps a program to the workspace.
    pub fn here(launcher: &Launcher) -> Result<Self, CannotHold> {
        Ok(Self {
            holder: Holder::find(launcher)?,
            home: env::home_dir().unwrap_or_default(),
            network: false,
            repository: false,
            variables: env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect(),
        })
    }

    /// The same with or without the network, which only somebody who was asked gives.
    #[must_use]
    pub fn with_network(mut self, network: bool) -> Self {
        self.network = network;
        self
    }

    /// The same with or without leave to write repositories, which Git itself always has.
    #[must_use]
    pub fn with_repository(mut self, repository: bool) -> Self {
        self.repository = repository;
        self
    }

    /// A program that starts in `folder`. Its first argument is its name.
    ///
    /// # Errors
    /// There is no such program.
    pub fn job(
        &self,
        name: &str,
        arguments: Vec<OsString>,
        folder: &Path,
        workspace: &Path,
    ) -> Result<Job, ResolveError> {
        let path = self.variable("PATH").unwrap_or_default();
        let program = on_path(name, folder, workspace, path)?;
        let changes = Changes {
            kept: kept(),
            repository: of_repository(self.repository || is_git(&program, workspace)),
            network: self.network,
            holder: self.holder.clone(),
        };
        let mut job = Job::changing(program, workspace, changes);
        job.home.clone_from(&self.home);
        job.arguments = arguments;
        job.folder = folder.to_owned();
        job.environment = working(|name| self.variable(name).map(OsStr::to_owned), workspace);
        Ok(job)
    }

    fn variable(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.iter().find(|(other, _)| other == name);
        found.map(|(_, value)| value.as_os_str())
    }
}

/// Whether it is the system's Git, which keeps a repository in order. What Git starts, as hooks, may write it too.
fn is_git(program: &Path, workspace: &Path) -> bool {
    let real = std::fs::canonicalize(program);
    let git = resolve("git", workspace);
    real.is_ok_and(|real| git.is_ok_and(|git| git == real))
}
