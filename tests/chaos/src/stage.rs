//! A terminal, who types into it, who watches it, and what must hold.

use crate::life::Viewer;
use crate::model::Model;
use anyhow::Result;
use std::fs::File;
use std::io::Read as _;
use std::path::PathBuf;

/// A terminal, who types into it, who watches it, and what must hold.
pub struct Stage {
    pub id: String,
    pub model: Model,
    pub typist: Viewer,
    /// A page looks at what it types in by itself.
    pub watcher: Option<Viewer>,
    pub typed: File,
    pub printed: PathBuf,
}

impl Stage {
    /// How many bytes its program has printed.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn printed(&self) -> Result<u64> {
        Ok(std::fs::metadata(&self.printed)?.len())
    }

    /// Takes down all that was said and typed.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn look(&mut self) -> Result<()> {
        self.typist.hear(&mut self.model);
        if let Some(watcher) = &mut self.watcher {
            watcher.hear(&mut self.model);
        }
        let mut typed = Vec::new();
        self.typed.read_to_end(&mut typed)?;
        // What was typed was sent before, and said to be before that.
        self.typist.hear(&mut self.model);
        self.model.typed(&typed);
        Ok(())
    }
}
