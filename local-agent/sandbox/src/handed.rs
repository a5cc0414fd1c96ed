//! Input and outputs that were handed in open. Whoever holds one can change the mode and the times of the file behind it, so that in the workspace
//! profile it is none that outlives the program.

use crate::helper::Refusal;
use rustix::fs::{FileType, Mode, OFlags, Stat, fcntl_getfl, fstat, fstatfs, open};
use rustix::io::Errno;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::path::Path;

/// The file system of pipes that have no name (`statfs(2)`).
const PIPES: u64 = 0x5049_5045;

/// Whether nothing can be done to it that anybody else would find: a pipe of the run's own, or a file that has no name.
fn is_nameless(stream: impl AsFd) -> bool {
    let Ok(found) = fstat(&stream) else {
        return false;
    };
    match FileType::from_raw_mode(found.st_mode) {
        FileType::Fifo => {
            let system = fstatfs(&stream).map(|system| u64::try_from(system.f_type));
            system.is_ok_and(|kind| kind == Ok(PIPES))
        }
        FileType::RegularFile => found.st_nlink == 0,
        FileType::Directory
        | FileType::Socket
        | FileType::Symlink
        | FileType::CharacterDevice
        | FileType::BlockDevice
        | FileType::Unknown => false,
    }
}

/// What cannot be left to the program as it is, it gets as it is mounted here, read-only: `/dev/null`, the terminal, and files to read.
pub(crate) fn replace() -> Result<(), Refusal> {
    let (input, output, errors) = (
        rustix::stdio::stdin(),
        rustix::stdio::stdout(),
        rustix::stdio::stderr(),
    );
    let by = Refusal::by("its input or output could not be replaced");
    if let Some(own) = in_its_place(input, "input")? {
        rustix::stdio::dup2_stdin(&own).map_err(&by)?;
    }
    if let Some(own) = in_its_place(output, "output")? {
        rustix::stdio::dup2_stdout(&own).map_err(&by)?;
    }
    if let Some(own) = in_its_place(errors, "error output")? {
        rustix::stdio::dup2_stderr(&own).map_err(&by)?;
    }
    Ok(())
}

fn in_its_place(stream: BorrowedFd<'_>, what: &str) -> Result<Option<OwnedFd>, Refusal> {
    let found = match fstat(stream) {
        Err(Errno::BADF) => return Ok(None),
        found => found.map_err(Refusal::by("its input or output could not be looked at"))?,
    };
    // Only its owner sets the mode of a file.
    let is_ours = found.st_uid == rustix::process::geteuid().as_raw();
    if !is_ours || is_nameless(stream) {
        return Ok(None);
    }
    let own = same(stream, &found, Path::new("/dev/null"))
        .or_else(|| same(stream, &found, Path::new("/dev/console")))
        .or_else(|| same_to_read(stream, &found));
    own.map(Some).ok_or_else(|| {
        Refusal::because(&format!(
            "its {what} is a file or device of yours, which it could change: pass it through a pipe"
        ))
    })
}

fn same(stream: BorrowedFd<'_>, found: &Stat, path: &Path) -> Option<OwnedFd> {
    let flags = fcntl_getfl(stream).ok()? & (OFlags::ACCMODE | OFlags::APPEND);
    let flags = flags | OFlags::NOCTTY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let own = open(path, flags, Mode::empty()).ok()?;
    let there = fstat(&own).ok()?;
    let is_same = (there.st_dev, there.st_ino) == (found.st_dev, found.st_ino);
    // What waits is again for the program to say.
    rustix::fs::fcntl_setfl(&own, flags & OFlags::APPEND).ok()?;
    is_same.then_some(own)
}

/// A file to read goes on where it was. It is read through a mount that is read-only, or of the workspace, whose modes it may set.
fn same_to_read(stream: BorrowedFd<'_>, found: &Stat) -> Option<OwnedFd> {
    let reads = fcntl_getfl(stream).ok()? & OFlags::ACCMODE == OFlags::RDONLY;
    if !reads || FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return None;
    }
    let number = stream.as_raw_fd();
    let path = std::fs::read_link(format!("/proc/self/fd/{number}")).ok()?;
    let own = same(stream, found, &path)?;
    let position = rustix::fs::tell(stream).ok()?;
    rustix::fs::seek(&own, rustix::fs::SeekFrom::Start(position)).ok()?;
    Some(own)
}
