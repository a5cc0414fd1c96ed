//! The program in the terminal: writes down what it was typed and what it prints, byte by byte, in files that no fault touches.

use anyhow::{Context as _, Result};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

/// The variable that names the folder of the files.
pub const FOLDER: &str = "LANYARD_CHAOS_WITNESS";
/// A word that ends so is answered by [`BURST`] bytes.
pub const BURST_MARK: u8 = b'!';
/// More than a link carries at once, less than what is kept.
const BURST: usize = 256 * 1024;

/// What was typed into a terminal.
#[must_use]
pub fn typed(folder: &Path, terminal: &str) -> PathBuf {
    folder.join(format!("typed-{terminal}"))
}

/// What its program printed.
#[must_use]
pub fn printed(folder: &Path, terminal: &str) -> PathBuf {
    folder.join(format!("printed-{terminal}"))
}

/// Runs until the terminal goes.
///
/// # Errors
/// It is not in a terminal of a chaos run.
pub fn run(folder: &Path) -> Result<()> {
    let terminal = std::env::var("LANYARD_TERMINAL").context("not in a terminal of Lanyard")?;
    let (mut keys, mut screen) = (std::io::stdin().lock(), std::io::stdout().lock());
    // Every byte comes as it was typed, none is echoed, none is changed on its way out.
    let mut raw = tcgetattr(&keys)?;
    raw.make_raw();
    tcsetattr(&keys, OptionalActions::Now, &raw)?;
    let mut typed = append(&typed(folder, &terminal))?;
    let mut printed = append(&printed(folder, &terminal))?;
    let (mut piece, mut word) = ([0; 4096], Vec::new());
    loop {
        let length = keys.read(&mut piece)?;
        if length == 0 {
            return Ok(());
        }
        typed.write_all(&piece[..length])?;
        for byte in &piece[..length] {
            if *byte != b';' {
                word.push(*byte);
                continue;
            }
            let mut answer = word.clone();
            answer.extend_from_slice(b"\r\n");
            if word.last() == Some(&BURST_MARK) {
                burst(&word, &mut answer);
            }
            word.clear();
            // Written down before it is shown: nobody sees what is not there.
            printed.write_all(&answer)?;
            screen.write_all(&answer)?;
            screen.flush()?;
        }
    }
}

fn burst(word: &[u8], answer: &mut Vec<u8>) {
    let word = String::from_utf8_lossy(word).into_owned();
    for line in 0.. {
        if answer.len() >= BURST {
            return;
        }
        answer.extend_from_slice(format!("{word} line {line} of many\r\n").as_bytes());
    }
}

fn append(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}
