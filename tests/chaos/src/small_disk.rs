//! A disk so small that it can be filled. It takes a user who may mount.

use anyhow::{Result, ensure};
use rustix::io::Errno;
use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// What terminals have printed leaves 64 MiB of that.
const SIZE: &str = "size=96m,mode=700";
const FILLER: &str = "filler";

/// A disk of its own in a folder. It goes with the value.
#[derive(Debug)]
pub struct SmallDisk(PathBuf);

impl SmallDisk {
    /// Mounts one.
    ///
    /// # Errors
    /// This user may not.
    pub fn mount(at: &Path) -> Result<Self> {
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", SIZE, "tmpfs"]).arg(at);
        let status = mount.stderr(Stdio::null()).status()?;
        ensure!(status.success(), "this user may not mount");
        Ok(Self(at.to_owned()))
    }

    /// Nothing more can be written.
    ///
    /// # Errors
    /// It is not full in the end.
    pub fn fill(&self) -> Result<()> {
        let mut file = File::create(self.0.join(FILLER))?;
        let mut piece = vec![7; 1 << 20];
        loop {
            match file.write(&piece) {
                Ok(_) => {}
                // To the last page.
                Err(error)
                    if piece.len() > 4096
                        && error.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) =>
                {
                    piece.truncate(4096);
                }
                Err(error) if error.raw_os_error() == Some(Errno::NOSPC.raw_os_error()) => {
                    return Ok(());
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// There is room again.
    ///
    /// # Errors
    /// It was not full.
    pub fn empty(&self) -> Result<()> {
        Ok(std::fs::remove_file(self.0.join(FILLER))?)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}
