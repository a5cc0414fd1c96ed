//! What programs get that change the workspace: by a rule that allows them, or because somebody says so.

use crate::policy::kept::kept;
use lanyard_sandbox::{CannotHold, Changes, Holder, Job, Launcher, ResolveError, on_path, working};
use std::env;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

/// What of this machine and its user they get.
#[derive(Clone, Debug)]
pub struct Work {
    holder: Holder,
    home: PathBuf,
    network: bool,
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
            network: self.network,
            home: self.home.clone(),
            holder: self.holder.clone(),
        };
        let mut job = Job::changing(program, workspace, changes);
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
