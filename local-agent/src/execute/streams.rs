//! Where a program reads and writes: redirections in their order, and files that are opened for it.

use super::{End, Until};
use crate::limits::{SENTENCE_MAX, WHOLE_INPUT_MAX};
use lanyard_policy::grammar::Redirect;
use rustix::event::PollFlags;
use rustix::fs::{
    CWD, FileType, MemfdFlags, Mode, OFlags, ResolveFlags, SealFlags, fcntl_add_seals, fstat,
    memfd_create, openat2,
};
use rustix::io::Errno;
use std::fs::{File, OpenOptions};
use std::io::{self, PipeReader, PipeWriter, Seek as _, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::rc::Rc;

/// Where a line writes.
#[derive(Debug)]
pub struct Outputs {
    /// What it says.
    pub output: OwnedFd,
    /// What it complains of.
    pub errors: OwnedFd,
}

/// Where one program reads and writes. What two of them share is closed when the last lets go.
#[derive(Clone, Debug)]
pub(super) struct Streams {
    input: Rc<OwnedFd>,
    output: Rc<OwnedFd>,
    errors: Rc<OwnedFd>,
    /// `/dev/null`, to read and to write.
    null: Rc<OwnedFd>,
}

impl Streams {
    /// Reads nothing, and writes there.
    pub(super) fn to(outputs: &Outputs) -> io::Result<Self> {
        let null = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/null")?;
        let null = Rc::new(OwnedFd::from(null));
        Ok(Self {
            input: null.clone(),
            output: Rc::new(outputs.output.try_clone()?),
            errors: Rc::new(outputs.errors.try_clone()?),
            null,
        })
    }

    pub(super) fn reading(self, from: PipeReader) -> Self {
        Self {
            input: Rc::new(from.into()),
            ..self
        }
    }

    pub(super) fn writing(self, to: PipeWriter) -> Self {
        Self {
            output: Rc::new(to.into()),
            ..self
        }
    }

    /// The redirections of one command, one after the other; those before one that fails hold.
    pub(super) fn redirect<F>(
        &mut self,
        redirects: &[Redirect<F>],
        open: impl Fn(&F) -> io::Result<OwnedFd>,
    ) -> io::Result<()> {
        for redirect in redirects {
            match redirect {
                Redirect::DropOutput => self.output = self.null.clone(),
                Redirect::DropErrors => self.errors = self.null.clone(),
                Redirect::ErrorsToOutput => self.errors = self.output.clone(),
                Redirect::OutputToErrors => self.output = self.errors.clone(),
                Redirect::Input(file) => self.input = Rc::new(open(file)?),
            }
        }
        Ok(())
    }

    /// For a program that starts.
    pub(super) fn hand_over(&self) -> io::Result<lanyard_sandbox::Streams> {
        Ok(lanyard_sandbox::Streams {
            input: self.input.try_clone()?,
            output: self.output.try_clone()?,
            errors: self.errors.try_clone()?,
        })
    }

    /// Whether what it reads comes from another command.
    pub(super) fn reads_a_pipe(&self) -> bool {
        has_type(&self.input, FileType::Fifo)
    }

    /// Reads all of its input, and puts it in place of the pipe. `false` if that is too much.
    pub(super) fn take_whole_input(&mut self, until: &Until) -> Result<bool, End> {
        let failed = |error: io::Error| End::Failed(error.to_string());
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut whole = File::from(memfd_create("input", flags).map_err(|e| failed(e.into()))?);
        let (mut length, mut part) = (0, vec![0; 64 * 1024]);
        loop {
            until.wait(&self.input, PollFlags::IN)?;
            let read = match rustix::io::read(&self.input, part.as_mut_slice()) {
                Ok(0) => break,
                Ok(read) => read,
                Err(Errno::INTR | Errno::AGAIN) => continue,
                Err(error) => return Err(failed(error.into())),
            };
            length += read;
            if length > WHOLE_INPUT_MAX {
                return Ok(false);
            }
            let read = part.get(..read).unwrap_or_default();
            whole.write_all(read).map_err(failed)?;
        }
        whole.rewind().map_err(failed)?;
        // As little can be done to it as to the pipe.
        let seals = SealFlags::WRITE | SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL;
        fcntl_add_seals(&whole, seals).map_err(|e| failed(e.into()))?;
        self.input = Rc::new(whole.into());
        Ok(true)
    }

    /// Whether what a program writes makes a file longer.
    pub(super) fn make_a_file(&self) -> bool {
        let is_file = |fd| has_type(fd, FileType::RegularFile);
        is_file(&self.output) || is_file(&self.errors)
    }

    /// Says a sentence on the error stream. Nobody need listen.
    pub(super) fn say(&self, sentence: &str, until: &Until) -> Result<(), End> {
        let line = format!("lanyard: {sentence}\n");
        write(&self.errors, line.as_bytes(), until).map(drop)
    }

    /// Writes what a program would have. `false` if nobody reads it.
    pub(super) fn write(&self, text: &[u8], until: &Until) -> Result<bool, End> {
        write(&self.output, text, until)
    }
}

/// Opens a file to read from, which the policy has allowed: from the root, without links.
///
/// # Errors
/// It cannot be opened, a link has taken its place or a folder's above it, or it is no file that ends by itself.
pub(super) fn open(file: &Path) -> io::Result<OwnedFd> {
    if file == Path::new("/dev/null") {
        return Ok(OpenOptions::new().read(true).open(file)?.into());
    }
    // A pipe would be waited for, and a terminal would become ours.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let opened = openat2(CWD, file, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS)?;
    if !has_type(&opened, FileType::RegularFile) {
        return Err(io::Error::other("it is no plain file"));
    }
    Ok(opened)
}

fn has_type(fd: &OwnedFd, wanted: FileType) -> bool {
    fstat(fd).is_ok_and(|found| FileType::from_raw_mode(found.st_mode) == wanted)
}

/// In parts that a pipe takes at once, so that nothing waits longer than it may. `false` if nobody reads it.
fn write(to: &OwnedFd, text: &[u8], until: &Until) -> Result<bool, End> {
    let mut left = text;
    while !left.is_empty() {
        until.wait(to, PollFlags::OUT)?;
        let part = left.get(..SENTENCE_MAX).unwrap_or(left);
        match rustix::io::write(to, part) {
            Ok(length) => left = left.get(length..).unwrap_or_default(),
            Err(Errno::INTR | Errno::AGAIN) => {}
            Err(_) => return Ok(false),
        }
    }
    Ok(true)
}
