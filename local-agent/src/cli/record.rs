//! `lanyard record`: a terminal as an asciicast file.

use super::history::{named, say_damaged, unreadable};
use super::up::signals;
use super::{Failure, output};
use crate::history::cast::{About, Cast};
use crate::history::{Found, Shelf};
use crate::limits::{FOLLOW_EVERY, LISTED_ID};
use crate::state::StateDir;
use lanyard_holder::history::{Reader, is_live};
use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use tokio::time::sleep;

/// Flags of `lanyard record`.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The terminal, running or ended: its id, the beginning of its id, or its name
    #[arg(value_name = "TERMINAL", allow_hyphen_values = true)]
    terminal: String,
    /// Where to write; `-` for standard output [default: lanyard-ID.cast in the present folder]
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Go on until the terminal ends or Ctrl-C
    #[arg(long)]
    follow: bool,
    /// Write over a file that is there
    #[arg(long)]
    force: bool,
}

pub async fn record(state: StateDir, args: Args) -> Result<ExitCode, Failure> {
    let shelf = Shelf::new(state.history());
    let found = named(&shelf, &args.terminal)?;
    let folder = shelf.folder(found.past.id);
    if args.output.as_deref() == Some(Path::new("-")) {
        let stdout = output::stdout().lock();
        return match write(&folder, &found, args.follow, stdout).await {
            // Whoever reads has read enough.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
            Err(error) => Err(unreadable(&error)),
            Ok(_) => Ok(ExitCode::SUCCESS),
        };
    }
    let path = args.output.unwrap_or_else(|| {
        let id: String = found.past.id.to_string().chars().take(LISTED_ID).collect();
        PathBuf::from(format!("lanyard-{id}.cast"))
    });
    let file = create(&path, args.force)?;
    if args.follow && found.live {
        output::say("recording; it ends with the terminal, or with Ctrl-C");
    }
    let events = write(&folder, &found, args.follow, BufWriter::new(file))
        .await
        .map_err(|error| Failure {
            sentence: format!(
                "the recording cannot be written to its end: {error}; {} is good up to there",
                path.display()
            ),
            hint: "check the disk, then try again with `--force`".to_owned(),
        })?;
    output::say(&format!(
        "wrote {} ({events} events); open it on the History page, or with `asciinema play`",
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}

/// For its owner alone: what programs print may be secret.
fn create(path: &Path, force: bool) -> Result<File, Failure> {
    if force && path.symlink_metadata().is_ok_and(|m| m.is_file()) {
        // Another file, and no writing into one that others have open or may read.
        let _ = std::fs::remove_file(path);
    }
    let file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path);
    file.map_err(|error| Failure {
        sentence: format!("{} cannot be made: {error}", path.display()),
        hint: if error.kind() == ErrorKind::AlreadyExists {
            "choose another with `--output FILE`, or write over it with `--force`".to_owned()
        } else {
            "choose another with `--output FILE`".to_owned()
        },
    })
}

/// Writes all that is kept, and what comes, if it is followed. Returns how many events that were. What of it could not be read is said.
async fn write(
    folder: &Path,
    found: &Found,
    follow: bool,
    mut into: impl Write,
) -> io::Result<usize> {
    let about = About {
        started: found.past.started.secs(),
        title: &found.past.name,
        size: (found.past.grid.cols, found.past.grid.rows),
    };
    let mut stop = signals().map_err(|failure| io::Error::other(failure.sentence))?;
    let mut reader = Reader::new(folder);
    let mut cast = Cast::default();
    let mut lines = 0;
    loop {
        // Looked at first: when its holder is gone, what is read now is all.
        let live = is_live(folder)?;
        loop {
            let records = reader.more()?;
            if records.is_empty() {
                break;
            }
            for line in records.iter().flat_map(|record| cast.record(about, record)) {
                writeln!(into, "{line}")?;
                lines += 1;
            }
        }
        into.flush()?;
        if !live {
            say_damaged(&reader.damaged());
        }
        if !live || !follow {
            break;
        }
        tokio::select! {
            _ = stop.recv() => break,
            () = sleep(FOLLOW_EVERY) => {}
        }
    }
    for line in cast.end(about) {
        writeln!(into, "{line}")?;
        lines += 1;
    }
    into.flush()?;
    // The first line is the header.
    Ok(lines - 1)
}
