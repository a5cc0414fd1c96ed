//! The pipes to a running program: feeds its input, gathers its outputs, and says when a limit is met.

use crate::run::Cut;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{ErrorKind, PipeReader, PipeWriter, Result, Write};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// What is said to a program and what it says.
pub(crate) struct Talk<'a> {
    input: Option<PipeWriter>,
    left: &'a [u8],
    /// The program's output.
    pub(crate) stdout: Gathered,
    /// The program's complaints.
    pub(crate) stderr: Gathered,
}

impl<'a> Talk<'a> {
    /// Says this into one pipe, and hears the others.
    pub(crate) fn with(
        input: Option<PipeWriter>,
        left: &'a [u8],
        output: PipeReader,
        errors: PipeReader,
    ) -> Result<Self> {
        if let Some(input) = &input {
            rustix::io::ioctl_fionbio(input, true)?;
        }
        Ok(Self {
            input,
            left,
            stdout: Gathered::from(output.into())?,
            stderr: Gathered::from(errors.into())?,
        })
    }

    /// Until the program has ended, or must be.
    pub(crate) fn until_end(
        &mut self,
        program: &OwnedFd,
        deadline: Instant,
        most: usize,
    ) -> Result<Option<Cut>> {
        loop {
            let mut waiting = vec![PollFd::new(program, PollFlags::IN)];
            let outputs = [&self.stdout, &self.stderr];
            for pipe in outputs.iter().filter_map(|output| output.pipe.as_ref()) {
                waiting.push(PollFd::new(pipe, PollFlags::IN));
            }
            if let Some(input) = &self.input {
                waiting.push(PollFd::new(input, PollFlags::OUT));
            }
            if !wait_for(&mut waiting, deadline)? {
                return Ok(Some(Cut::Time));
            }
            let ended = waiting.first().is_some_and(|fd| !fd.revents().is_empty());
            if ended {
                return Ok(None);
            }
            self.feed()?;
            if let Some(cut) = self.drain(most)? {
                return Ok(Some(cut));
            }
        }
    }

    /// Takes what is there.
    pub(crate) fn drain(&mut self, most: usize) -> Result<Option<Cut>> {
        self.stdout
            .take(most.saturating_sub(self.stderr.said.len()))?;
        self.stderr
            .take(most.saturating_sub(self.stdout.said.len()))?;
        let too_much = self.stdout.over || self.stderr.over;
        Ok(too_much.then_some(Cut::Output))
    }

    /// A program that does not want its input is no error.
    fn feed(&mut self) -> Result<()> {
        let Some(input) = &mut self.input else {
            return Ok(());
        };
        match input.write(self.left) {
            Ok(length) => self.left = self.left.get(length..).unwrap_or_default(),
            Err(error) if passing(&error) => {}
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.left = &[],
            Err(error) => return Err(error),
        }
        if self.left.is_empty() {
            self.input = None;
        }
        Ok(())
    }
}

/// One output, until it is closed.
pub(crate) struct Gathered {
    pipe: Option<OwnedFd>,
    pub(crate) said: Vec<u8>,
    over: bool,
}

impl Gathered {
    fn from(pipe: OwnedFd) -> Result<Self> {
        rustix::io::ioctl_fionbio(&pipe, true)?;
        Ok(Self {
            pipe: Some(pipe),
            said: Vec::new(),
            over: false,
        })
    }

    /// Reads until nothing is there for now, keeps what fits, and marks what does not.
    fn take(&mut self, most: usize) -> Result<()> {
        let mut part = [0; 16 * 1024];
        while let Some(pipe) = &self.pipe {
            let length = match rustix::io::read(pipe, &mut part) {
                Ok(length) => length,
                Err(Errno::AGAIN) => return Ok(()),
                Err(Errno::INTR) => continue,
                Err(error) => return Err(error.into()),
            };
            if length == 0 {
                self.pipe = None;
            }
            let room = most.saturating_sub(self.said.len());
            self.said.extend(part.iter().take(length.min(room)));
            if length > room {
                self.over = true;
                self.pipe = None;
            }
        }
        Ok(())
    }
}

/// Whether one of these is ready before the deadline.
pub(crate) fn wait_for(waiting: &mut [PollFd<'_>], deadline: Instant) -> Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let time = Timespec::try_from(left.max(Duration::from_micros(1)));
        let time = time.map_err(|_| Errno::INVAL)?;
        match poll(waiting, Some(&time)) {
            // A timer may fire early; only the clock says that it is time.
            Ok(0) if Instant::now() < deadline => {}
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
