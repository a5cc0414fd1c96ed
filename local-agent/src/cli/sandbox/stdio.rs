//! Where a command reads and writes that somebody waits for: pipes of its own, whatever the caller has open. Through `/proc/self/fd` whoever holds one
//! end of a pipe opens the other, and so takes what others say there, or says something to whoever reads there next; and of a file the mode.

use lanyard_sandbox::Streams;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{FileType, OFlags, SeekFrom, fcntl_setfl, fstat, seek};
use rustix::io::{Errno, ioctl_fionread, retry_on_intr};
use rustix::termios::isatty;
use std::fs::File;
use std::io::{self, ErrorKind, PipeReader, PipeWriter};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::thread::{self, JoinHandle};

/// What is still on its way to where it belongs.
pub struct Piped {
    copies: Vec<JoinHandle<io::Result<u64>>>,
    feed: Option<Feed>,
}

/// The terminal is handed to it where all goes there, as programs look whether there is one. Otherwise nothing is read of a terminal: its keys may be
/// for another program.
pub fn of_its_own() -> io::Result<(Streams, Piped)> {
    let terminal = terminal(io::stdout().as_fd());
    let mut copies = Vec::new();
    let mut out = |own: BorrowedFd<'_>| {
        if terminal.is_some() && self::terminal(own) == terminal {
            return own.try_clone_to_owned();
        }
        let mut to = File::from(own.try_clone_to_owned()?);
        let (mut reads, writes) = io::pipe()?;
        copies.push(thread::spawn(move || io::copy(&mut reads, &mut to)));
        Ok(writes.into())
    };
    let output = out(io::stdout().as_fd())?;
    let errors = out(io::stderr().as_fd())?;
    let (input, feed) = input(terminal)?;
    let streams = Streams {
        input,
        output,
        errors,
    };
    Ok((streams, Piped { copies, feed }))
}

impl Piped {
    /// Waits until all is written. The command's own ends are closed by now.
    ///
    /// # Errors
    /// Something that the command said was not written. A reader that has gone away is told to the command, and is no error.
    pub fn finish(self) -> io::Result<()> {
        if let Some(feed) = self.feed {
            feed.take_back()?;
        }
        for copy in self.copies {
            match copy.join() {
                Ok(Err(error)) if error.kind() != ErrorKind::BrokenPipe => return Err(error),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(())
    }
}

/// Which terminal it is, if it is one.
fn terminal(own: BorrowedFd<'_>) -> Option<u64> {
    isatty(own)
        .then(|| fstat(own).ok())
        .flatten()?
        .st_rdev
        .into()
}

fn input(terminal: Option<u64>) -> io::Result<(OwnedFd, Option<Feed>)> {
    let stdin = io::stdin();
    let own = stdin.as_fd();
    if terminal.is_some() && self::terminal(own) == terminal {
        return Ok((own.try_clone_to_owned()?, None));
    }
    match fstat(own).map(|found| FileType::from_raw_mode(found.st_mode)) {
        Ok(FileType::Fifo | FileType::Socket) => {
            let mut from = File::from(own.try_clone_to_owned()?);
            let (reads, mut writes) = io::pipe()?;
            // It ends with this process, if nothing comes any more.
            thread::spawn(move || io::copy(&mut from, &mut writes));
            Ok((reads.into(), None))
        }
        Ok(FileType::RegularFile) => {
            let (reads, feed) = Feed::start(own)?;
            Ok((reads.into(), Some(feed)))
        }
        Ok(
            FileType::Directory
            | FileType::Symlink
            | FileType::CharacterDevice
            | FileType::BlockDevice
            | FileType::Unknown,
        )
        | Err(_) => Ok((File::open("/dev/null")?.into(), None)),
    }
}

/// A file on its way into a pipe. Others read on where the command has stopped, as if it had read the file itself.
struct Feed {
    file: File,
    start: u64,
    /// To see how much of it the command has left there.
    pipe: PipeReader,
    stop: PipeWriter,
    sent: JoinHandle<u64>,
}

impl Feed {
    fn start(own: BorrowedFd<'_>) -> io::Result<(PipeReader, Self)> {
        let file = File::from(own.try_clone_to_owned()?);
        let start = seek(&file, SeekFrom::Current(0))?;
        let (reads, writes) = io::pipe()?;
        let (stopped, stop) = io::pipe()?;
        fcntl_setfl(&writes, OFlags::NONBLOCK)?;
        let pipe = reads.try_clone()?;
        let from = file.try_clone()?;
        let sent = thread::spawn(move || feed(&from, start, &writes, &stopped));
        let feed = Self {
            file,
            start,
            pipe,
            stop,
            sent,
        };
        Ok((reads, feed))
    }

    fn take_back(self) -> io::Result<()> {
        drop(self.stop);
        let sent = self.sent.join().unwrap_or(0);
        let taken = sent.saturating_sub(ioctl_fionread(&self.pipe)?);
        seek(&self.file, SeekFrom::Start(self.start + taken))?;
        Ok(())
    }
}

/// Returns how much went into the pipe, until the file ended or it was told to stop.
fn feed(from: &File, start: u64, to: &PipeWriter, stopped: &PipeReader) -> u64 {
    let mut chunk = vec![0; 64 * 1024];
    let mut sent = 0;
    loop {
        let length = match from.read_at(&mut chunk, start + sent) {
            Ok(0) | Err(_) => return sent,
            Ok(length) => length,
        };
        let mut left = &chunk[..length];
        while !left.is_empty() {
            match rustix::io::write(to, left) {
                Ok(written) => {
                    sent += written as u64;
                    left = left.get(written..).unwrap_or_default();
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => {
                    let mut both = [
                        PollFd::new(to, PollFlags::OUT),
                        PollFd::new(stopped, PollFlags::IN),
                    ];
                    let ready = retry_on_intr(|| poll(&mut both, None));
                    let [_, stop] = both;
                    if ready.is_err() || !stop.revents().is_empty() {
                        return sent;
                    }
                }
                Err(_) => return sent,
            }
        }
    }
}
