//! The device's file: read only if nobody else can, replaced only as a whole.

#[cfg(test)]
mod tests;

use super::{Device, Machine};
use crate::core::{Memory, News, OwnKeys};
use crate::failure::Failure;
use crate::limits::KEY_FILE_MAX;
use crate::random;
use lanyard_shared::b64;
use lanyard_shared::ids::{AgentId, DeviceId};
use rustix::fs::{FileType, FlockOperation, Mode, OFlags, flock, fstat, open};
use rustix::io::Errno;
use serde::{Deserialize, Serialize};
use std::fs::{DirBuilder, File};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _};
use std::path::{Path, PathBuf};
use zeroize::{Zeroize as _, Zeroizing};

const VERSION: u32 = 1;
/// How a file is called that is being written; 11 random letters follow.
const BESIDE: &str = ".device-";

/// The file with a device's keys and its machines.
#[derive(Clone, Debug)]
pub struct Store {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Contents {
    version: u32,
    name: String,
    key: String,
    noise: String,
    machines: Vec<Machine>,
}

/// What every version of the file says.
#[derive(Deserialize)]
struct Versioned {
    version: u32,
}

impl Drop for Contents {
    fn drop(&mut self) {
        self.key.zeroize();
        self.noise.zeroize();
        for machine in &mut self.machines {
            machine.grant.zeroize();
        }
    }
}

impl Store {
    /// The file at `path`; it need not be there yet.
    #[must_use]
    pub fn at(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where a person's device file is: `$XDG_STATE_HOME/lanyard/device.json`, or below `~/.local/state`.
    ///
    /// # Errors
    /// Neither `XDG_STATE_HOME` nor `HOME` is an absolute path.
    pub fn of_user() -> Result<Self, Failure> {
        let absolute = |name: &str| {
            std::env::var_os(name)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
        };
        let state =
            absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let state = state.ok_or_else(|| {
            Failure::local("there is no home folder to keep device keys in", "set HOME")
        })?;
        Ok(Self::at(state.join("lanyard/device.json")))
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads the device and its machines. `None` when there is no file.
    ///
    /// # Errors
    /// The file belongs to somebody else, others can read it, or it holds something else.
    pub fn load(&self) -> Result<Option<(Device, Vec<Machine>)>, Failure> {
        let Some(mut contents) = self.read()? else {
            return Ok(None);
        };
        let device = contents
            .device()
            .ok_or_else(|| self.broken("its keys are none"))?;
        Ok(Some((device, std::mem::take(&mut contents.machines))))
    }

    /// Reads the device, or makes one with fresh keys that calls itself `name`.
    ///
    /// # Errors
    /// As [`Store::load`]; or the file cannot be written.
    pub fn load_or_create(&self, name: &str) -> Result<(Device, Vec<Machine>), Failure> {
        let _lock = self.lock()?;
        if let Some(loaded) = self.load()? {
            return Ok(loaded);
        }
        let device = Device::generate(name)?;
        self.write(&Contents::of(&device, Vec::new()))?;
        Ok((device, Vec::new()))
    }

    /// Remembers a machine, in place of what was known of it.
    ///
    /// # Errors
    /// As [`Store::load`]; or there is no device yet, or the file cannot be written.
    pub fn remember(&self, machine: Machine) -> Result<(), Failure> {
        self.change(|contents| {
            contents
                .machines
                .retain(|other| other.agent != machine.agent);
            contents.machines.push(machine);
        })
    }

    /// Adds what a viewer has learned of a machine as `device`. False, and nothing changes, where the machine was forgotten or this device has
    /// other keys for it by now.
    ///
    /// # Errors
    /// As [`Store::remember`].
    pub fn keep(&self, agent: AgentId, device: DeviceId, news: &News) -> Result<bool, Failure> {
        self.change(|contents| {
            let known = contents.recall(agent).and_then(|memory| memory.keys);
            if known.is_none_or(|own| own.device() != device) {
                return false;
            }
            let its = |machine: &&mut Machine| machine.agent == agent;
            contents
                .machines
                .iter_mut()
                .find(its)
                .map(|machine| machine.learn(news))
                .is_some()
        })
    }

    /// What is kept of a machine now, with the keys that this device has for it. `None` when it was forgotten.
    ///
    /// # Errors
    /// As [`Store::load`].
    pub fn recall(&self, agent: AgentId) -> Result<Option<Memory>, Failure> {
        Ok(self.read()?.and_then(|contents| contents.recall(agent)))
    }

    /// Forgets a machine.
    ///
    /// # Errors
    /// As [`Store::remember`].
    pub fn forget(&self, agent: AgentId) -> Result<(), Failure> {
        self.change(|contents| contents.machines.retain(|machine| machine.agent != agent))
    }

    fn change<T>(&self, change: impl FnOnce(&mut Contents) -> T) -> Result<T, Failure> {
        let _lock = self.lock()?;
        let mut contents = self.read()?.ok_or_else(|| self.broken("it is gone"))?;
        let outcome = change(&mut contents);
        self.write(&contents)?;
        Ok(outcome)
    }

    fn read(&self) -> Result<Option<Contents>, Failure> {
        let file = match open(
            &self.path,
            OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC | OFlags::NONBLOCK,
            Mode::empty(),
        ) {
            Ok(file) => File::from(file),
            Err(Errno::NOENT) => return Ok(None),
            Err(Errno::LOOP) => return Err(self.broken("it is a link")),
            Err(error) => return Err(self.io("read", error.into())),
        };
        // The file that was opened is judged, not the name: it cannot be exchanged in between.
        let about = fstat(&file).map_err(|error| self.io("read", error.into()))?;
        if FileType::from_raw_mode(about.st_mode) != FileType::RegularFile {
            return Err(self.broken("it is not a file"));
        }
        self.check_owner(about.st_uid)?;
        if about.st_mode & 0o077 != 0 {
            return Err(Failure::local(
                format!(
                    "the device file {} can be read by others (mode {:04o})",
                    self.shown(),
                    about.st_mode & 0o7777
                ),
                format!(
                    "if nobody has read it, run `chmod 600 {}`; otherwise delete it and pair again",
                    self.shown()
                ),
            ));
        }
        let mut text = Zeroizing::new(Vec::new());
        file.take(KEY_FILE_MAX)
            .read_to_end(&mut text)
            .map_err(|error| self.io("read", error))?;
        let contents: Result<Contents, _> = serde_json::from_slice(&text);
        let version = serde_json::from_slice(&text).map(|Versioned { version }| version);
        if version.is_ok_and(|version| version != VERSION) {
            return Err(Failure::local(
                format!(
                    "the device file {} was written by a later version of lanyard",
                    self.shown()
                ),
                "run that version, or a later one",
            ));
        }
        let contents = contents.map_err(|_| self.broken("it is damaged"))?;
        Ok(Some(contents))
    }

    /// Writes a new file beside the old one and puts it in its place, so that a crash leaves one or the other.
    fn write(&self, contents: &Contents) -> Result<(), Failure> {
        let text = Zeroizing::new(
            serde_json::to_vec_pretty(contents)
                .map_err(|_| self.broken("it cannot be written down"))?,
        );
        self.clear_half_written();
        let beside = self
            .folder()
            .join(format!("{BESIDE}{}", b64::encode(random::bytes::<8>()?)));
        let outcome = self.write_beside(&beside, &text);
        if outcome.is_err() {
            let _ = std::fs::remove_file(&beside);
        }
        outcome.map_err(|error| self.io("written", error))
    }

    fn write_beside(&self, beside: &Path, text: &[u8]) -> std::io::Result<()> {
        let flags =
            OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let mut file = File::from(open(beside, flags, Mode::RUSR | Mode::WUSR)?);
        file.write_all(text)?;
        file.sync_all()?;
        std::fs::rename(beside, &self.path)?;
        File::open(self.folder())?.sync_all()
    }

    /// Removes what a power failure left of earlier writes: keys may be in it. The caller holds the lock, so nobody is writing now.
    fn clear_half_written(&self) {
        let entries = std::fs::read_dir(self.folder())
            .into_iter()
            .flatten()
            .flatten();
        for entry in entries {
            let name = entry.file_name();
            let random = name.to_str().and_then(|name| name.strip_prefix(BESIDE));
            if random.is_some_and(|random| b64::decode_array::<8>(random).is_some()) {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Held while the file is read and replaced: two `lanyard attach` at once lose nothing of each other.
    fn lock(&self) -> Result<File, Failure> {
        self.make_folder()?;
        let path = self.folder().join(".device.lock");
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let lock = open(&path, flags, Mode::RUSR | Mode::WUSR)
            .map_err(|error| self.io("locked", error.into()))?;
        flock(&lock, FlockOperation::LockExclusive)
            .map_err(|error| self.io("locked", error.into()))?;
        Ok(File::from(lock))
    }

    /// Makes the folder, for its owner only. One that is there must not let others write: they could exchange the file.
    fn make_folder(&self) -> Result<(), Failure> {
        let folder = self.folder();
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| self.io("made", error))?;
        let about = std::fs::metadata(folder).map_err(|error| self.io("read", error))?;
        self.check_owner(about.uid())?;
        if about.mode() & 0o022 != 0 {
            return Err(Failure::local(
                format!("others can write to the folder {}", folder.display()),
                format!("run `chmod 700 {}`", folder.display()),
            ));
        }
        Ok(())
    }

    fn check_owner(&self, owner: u32) -> Result<(), Failure> {
        if owner == rustix::process::geteuid().as_raw() {
            return Ok(());
        }
        Err(Failure::local(
            format!("the device file {} belongs to another user", self.shown()),
            "run this as the user who paired the device",
        ))
    }

    fn folder(&self) -> &Path {
        self.path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or_else(|| Path::new("."))
    }

    fn shown(&self) -> std::path::Display<'_> {
        self.path.display()
    }

    fn broken(&self, why: &str) -> Failure {
        Failure::local(
            format!("the device file {} cannot be used: {why}", self.shown()),
            "move it away and pair again with `lanyard pair`",
        )
    }

    fn io(&self, what: &str, error: std::io::Error) -> Failure {
        Failure::local(
            format!("the device file {} cannot be {what}: {error}", self.shown()),
            "check that the disk has room and can be written, and the folder's permissions",
        )
    }
}

impl Contents {
    fn of(device: &Device, machines: Vec<Machine>) -> Self {
        let key = Zeroizing::new(device.key.to_bytes());
        Self {
            version: VERSION,
            name: device.name.clone(),
            key: b64::encode(*key),
            noise: b64::encode(*device.noise.to_bytes()),
            machines,
        }
    }

    fn recall(&self, agent: AgentId) -> Option<Memory> {
        let its = |machine: &&Machine| machine.agent == agent;
        let memory = self.machines.iter().find(its)?.memory();
        let keys = memory.keys.clone();
        let keys = keys.or_else(|| Some(OwnKeys::from(&self.device()?)));
        Some(Memory { keys, ..memory })
    }

    fn device(&self) -> Option<Device> {
        let key = Zeroizing::new(b64::decode_array(&self.key)?);
        let noise = Zeroizing::new(b64::decode_array(&self.noise)?);
        Some(Device::from_secrets(&key, &noise, &self.name))
    }
}
