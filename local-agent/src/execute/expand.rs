//! Puts names in the place of patterns, as Bash does without options, at the moment a command is about to start.
//!
//! No folder is listed that the policy would not let be read. What comes out is no proof of anything: it is decided on again.

use super::name::fits;
use super::{End, Until};
use crate::limits::{LOOKED_AT_MAX, NAMES_BYTES_MAX, NAMES_MAX};
use lanyard_policy::grammar::{Command, Piece, Word};
use lanyard_policy::place::{Look, Place};
use rustix::fs::{CWD, Dir, Mode, OFlags, ResolveFlags, openat2};
use std::fs;
use std::path::PathBuf;

/// The command with literal words alone. A pattern that means nothing stays as it is written.
///
/// What stops it is a reason to ask.
pub(super) fn expand(command: &Command, place: &Place<'_>, until: &Until) -> Result<Command, Stop> {
    let mut looking = Looking {
        place,
        until,
        looked_at: 0,
        names: 0,
        bytes: 0,
    };
    let mut arguments = Vec::new();
    for word in &command.arguments {
        if word.literal().is_some() {
            arguments.push(word.clone());
            continue;
        }
        let names = looking.names(word)?;
        arguments.extend(names.into_iter().map(|name| Word(vec![Piece::Text(name)])));
    }
    Ok(Command {
        arguments,
        ..command.clone()
    })
}

/// What has been looked at for one command.
struct Looking<'a> {
    place: &'a Place<'a>,
    until: &'a Until,
    looked_at: usize,
    names: usize,
    bytes: usize,
}

/// Why there are no names.
pub(super) enum Stop {
    End(End),
    /// A reason to ask.
    Why(String),
}

/// A part of a pattern of paths.
enum Part {
    Slashes(String),
    Name(Vec<Piece>),
}

impl Looking<'_> {
    fn names(&mut self, word: &Word) -> Result<Vec<String>, Stop> {
        let mut paths = vec![String::new()];
        let mut meets = false;
        for part in parts(word) {
            let mut next = Vec::new();
            for path in paths {
                self.until.check().map_err(Stop::End)?;
                match &part {
                    Part::Slashes(slashes) if !meets => next.push(path + slashes),
                    // Behind a pattern Bash writes one, and behind folders alone.
                    Part::Slashes(_) if self.is_folder(&path)? => next.push(path + "/"),
                    Part::Slashes(_) => {}
                    Part::Name(pieces) => match literal(pieces) {
                        Some(name) if !meets || self.is_there(&path, &name) => {
                            next.push(path + &name)
                        }
                        Some(_) => {}
                        None => self.listed(&path, pieces, &mut next)?,
                    },
                }
            }
            meets |= matches!(&part, Part::Name(pieces) if literal(pieces).is_none());
            paths = next;
        }
        if paths.is_empty() {
            paths.push(written(word));
        }
        paths.sort_unstable();
        for path in &paths {
            self.count(path)?;
        }
        Ok(paths)
    }

    /// Names in a folder that fit.
    fn listed(
        &mut self,
        folder: &str,
        pieces: &[Piece],
        into: &mut Vec<String>,
    ) -> Result<(), Stop> {
        let Some(real) = self.folder(folder)? else {
            return Ok(());
        };
        // The policy has said where it leads: a link that is put in its place now leads nowhere.
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let opened = openat2(CWD, &real, flags, Mode::empty(), ResolveFlags::NO_SYMLINKS);
        let Ok(mut entries) = opened.and_then(Dir::new) else {
            return Ok(());
        };
        let mut bytes = 0;
        while let Some(Ok(entry)) = entries.next() {
            self.looked_at += 1;
            if self.looked_at > LOOKED_AT_MAX {
                return Err(Stop::Why("there are too many files to look at".to_owned()));
            }
            self.until.check().map_err(Stop::End)?;
            let name = entry.file_name().to_bytes();
            if matches!(name, b"." | b"..") || !fits(pieces, name) {
                continue;
            }
            let Ok(name) = str::from_utf8(name) else {
                let name = String::from_utf8_lossy(name);
                return Err(Stop::Why(format!(
                    "the name of `{folder}{name}` is no text"
                )));
            };
            let path = format!("{folder}{name}");
            bytes += path.len();
            if into.len() >= NAMES_MAX || bytes > NAMES_BYTES_MAX {
                return Err(Stop::Why(TOO_MANY.to_owned()));
            }
            into.push(path);
        }
        Ok(())
    }

    /// Whether it is a folder that may be read.
    fn is_folder(&self, path: &str) -> Result<bool, Stop> {
        let real = self.folder(path)?;
        Ok(real.is_some_and(|real| fs::symlink_metadata(real).is_ok_and(|found| found.is_dir())))
    }

    /// Where a folder is, if it is one. A link to a folder elsewhere is not passed over in silence.
    fn folder(&self, path: &str) -> Result<Option<PathBuf>, Stop> {
        let path = if path.is_empty() { "." } else { path };
        match self.place.path(path, Look::Name) {
            Ok(real) => Ok(Some(real)),
            Err(why) if self.place.current().join(path).is_dir() => Err(Stop::Why(why.to_string())),
            Err(_) => Ok(None),
        }
    }

    fn is_there(&self, folder: &str, name: &str) -> bool {
        let path = self.place.current().join(format!("{folder}{name}"));
        fs::symlink_metadata(path).is_ok()
    }

    fn count(&mut self, path: &str) -> Result<(), Stop> {
        self.names += 1;
        self.bytes += path.len();
        if self.names > NAMES_MAX || self.bytes > NAMES_BYTES_MAX {
            return Err(Stop::Why(TOO_MANY.to_owned()));
        }
        Ok(())
    }
}

const TOO_MANY: &str = "its patterns stand for too many names";

fn parts(word: &Word) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut name = Vec::new();
    for piece in &word.0 {
        let Piece::Text(text) = piece else {
            name.push(piece.clone());
            continue;
        };
        for run in text.split_inclusive('/') {
            let (text, slash) = match run.strip_suffix('/') {
                Some(text) => (text, true),
                None => (run, false),
            };
            if !text.is_empty() {
                name.push(Piece::Text(text.to_owned()));
            }
            if !slash {
                continue;
            }
            if !name.is_empty() {
                parts.push(Part::Name(std::mem::take(&mut name)));
            }
            match parts.last_mut() {
                Some(Part::Slashes(slashes)) => slashes.push('/'),
                Some(Part::Name(_)) | None => parts.push(Part::Slashes("/".to_owned())),
            }
        }
    }
    if !name.is_empty() {
        parts.push(Part::Name(name));
    }
    parts
}

fn literal(pieces: &[Piece]) -> Option<String> {
    Word(pieces.to_vec()).literal()
}

fn written(word: &Word) -> String {
    let text = |piece: &Piece| match piece {
        Piece::Text(text) => text.clone(),
        Piece::Any => "*".to_owned(),
        Piece::One => "?".to_owned(),
    };
    word.0.iter().map(text).collect()
}
