//! A line whose outputs are gathered as they come, up to a limit.

use super::{Executor, Outcome, Outputs, Until, Why};
use lanyard_policy::place::Place;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::sync::Mutex;
use std::thread;

/// What became of a line, and what it said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gathered {
    /// What became of it.
    pub outcome: Outcome,
    /// Its output.
    pub output: Vec<u8>,
    /// Its complaints, our own sentences among them.
    pub errors: Vec<u8>,
}

impl Executor<'_> {
    /// As [`Executor::run`], and gathers what is said: on both outputs together at most so many bytes. More, and the line is ended; what was
    /// said until then is kept.
    ///
    /// # Errors
    /// There could be no pipes, or they could not be read.
    pub fn gather(
        &self,
        line: &str,
        place: &Place<'_>,
        most: usize,
        mut until: Until,
    ) -> io::Result<Gathered> {
        let (output, to_output) = io::pipe()?;
        let (errors, to_errors) = io::pipe()?;
        let (cancelled, over) = io::pipe()?;
        until.cancelled.push(cancelled.into());
        let room = Mutex::new(most);
        let outputs = Outputs {
            output: to_output.into(),
            errors: to_errors.into(),
        };
        thread::scope(|scope| {
            let output = scope.spawn(|| drain(output, &room, &over));
            let errors = scope.spawn(|| drain(errors, &room, &over));
            // Programs live with this thread.
            let outcome = self.run(line, place, &outputs, &until);
            drop(outputs);
            let joined = |said: thread::Result<io::Result<Drained>>| {
                said.map_err(|_| io::Error::other("a reader has gone"))?
            };
            let (output, errors) = (joined(output.join())?, joined(errors.join())?);
            Ok(Gathered {
                outcome: if output.over || errors.over {
                    Outcome::Cut(Why::Output)
                } else {
                    outcome
                },
                output: output.said,
                errors: errors.said,
            })
        })
    }
}

struct Drained {
    said: Vec<u8>,
    over: bool,
}

/// Reads to the end, keeps what there is room for, and ends the line when there is none.
fn drain(mut from: PipeReader, room: &Mutex<usize>, mut full: &PipeWriter) -> io::Result<Drained> {
    let mut drained = Drained {
        said: Vec::new(),
        over: false,
    };
    let mut part = [0; 16 * 1024];
    loop {
        let length = match from.read(&mut part) {
            Ok(0) => return Ok(drained),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let taken = {
            let mut room = room
                .lock()
                .map_err(|_| io::Error::other("a reader has gone"))?;
            let taken = length.min(*room);
            *room -= taken;
            taken
        };
        drained.said.extend(part.iter().take(taken));
        if taken < length && !drained.over {
            drained.over = true;
            full.write_all(b"x")?;
        }
    }
}
