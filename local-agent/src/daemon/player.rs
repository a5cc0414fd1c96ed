//! Plays what is kept of a terminal that has ended, as fast as its viewer takes it.

use crate::core::Watched;
use crate::history::exit;
use crate::limits::PLAYED_SMALL;
use bytes::Bytes;
use lanyard_holder::history::{Reader, Record, What, meta};
use lanyard_holder::limits::PAYLOAD_BYTES;
use lanyard_holder::wire::FromClient;
use lanyard_shared::msg::Grid;
use std::io;
use std::path::{Path, PathBuf};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::task::spawn_blocking;

/// Why a play ended before all was played.
#[derive(Debug)]
pub(super) enum Cut {
    /// Nobody watches any more.
    Unwatched,
    /// The log cannot be read, or is gone.
    Unread(io::Error),
}

/// Brings all that is kept in a folder, within the credit that `messages` gives, from `have` on. Returns the segments that cannot be read to
/// their end.
pub(super) async fn play(
    folder: &Path,
    have: Option<u64>,
    messages: UnboundedReceiver<FromClient>,
    bring: impl FnMut(Watched) -> Result<(), Cut>,
) -> Result<Vec<PathBuf>, Cut> {
    let mut reader = Reader::new(folder);
    let mut play = Play {
        have: have.unwrap_or(0),
        skips: true,
        grid: meta(folder).ok().map(|meta| Grid {
            cols: meta.cols,
            rows: meta.rows,
        }),
        ms: None,
        credit: Credit { left: 0, messages },
        bring,
    };
    loop {
        let (back, read) = spawn_blocking(move || {
            let read = next(&mut reader);
            (reader, read)
        })
        .await
        .map_err(|error| Cut::Unread(io::Error::other(error)))?;
        reader = back;
        match read.map_err(Cut::Unread)? {
            Read::Records(records) => {
                for record in records {
                    play.record(record).await?;
                }
            }
            Read::End(damaged) => {
                play.begin().await?;
                return Ok(damaged);
            }
        }
    }
}

/// What is read next.
enum Read {
    Records(Vec<Record>),
    /// That was all; these segments hold more than could be read.
    End(Vec<PathBuf>),
}

fn next(reader: &mut Reader) -> io::Result<Read> {
    let records = reader.more()?;
    Ok(if records.is_empty() {
        Read::End(reader.damaged())
    } else {
        Read::Records(records)
    })
}

struct Play<F> {
    have: u64,
    /// Nothing was brought yet: the viewer may have what comes.
    skips: bool,
    /// The size by now.
    grid: Option<Grid>,
    /// The time that was told last.
    ms: Option<u64>,
    credit: Credit,
    bring: F,
}

impl<F: FnMut(Watched) -> Result<(), Cut>> Play<F> {
    async fn record(&mut self, Record { ms, what }: Record) -> Result<(), Cut> {
        match what {
            What::Size { cols, rows } => {
                let grid = Grid { cols, rows };
                // Each segment begins with the size that it has anyway.
                let is_new = self.grid.replace(grid) != Some(grid);
                if is_new && !self.skips {
                    self.at(ms).await?;
                    self.small(Watched::Size(grid)).await?;
                }
            }
            What::Output { offset, bytes } => {
                let had = usize::try_from(self.have.saturating_sub(offset)).unwrap_or(usize::MAX);
                if had >= bytes.len() {
                    return Ok(());
                }
                self.begin().await?;
                self.at(ms).await?;
                self.output(offset + had as u64, Bytes::from(bytes).slice(had..))
                    .await?;
            }
            What::Exit(status) => {
                self.begin().await?;
                self.at(ms).await?;
                self.small(Watched::Exit(exit(status))).await?;
            }
        }
        Ok(())
    }

    /// What the viewer has is skipped: says the size that it has by then.
    async fn begin(&mut self) -> Result<(), Cut> {
        if !std::mem::take(&mut self.skips) {
            return Ok(());
        }
        match self.grid {
            Some(grid) => self.small(Watched::Size(grid)).await,
            None => Ok(()),
        }
    }

    async fn at(&mut self, ms: u64) -> Result<(), Cut> {
        if self.ms.replace(ms) == Some(ms) {
            return Ok(());
        }
        self.small(Watched::At(ms)).await
    }

    async fn small(&mut self, what: Watched) -> Result<(), Cut> {
        self.credit.some().await?;
        self.credit.left = self.credit.left.saturating_sub(PLAYED_SMALL);
        (self.bring)(what)
    }

    async fn output(&mut self, mut offset: u64, mut bytes: Bytes) -> Result<(), Cut> {
        while !bytes.is_empty() {
            let most = self.credit.some().await?;
            let part = bytes.split_to(most.min(PAYLOAD_BYTES).min(bytes.len()));
            let length = part.len();
            self.credit.left -= u32::try_from(length).unwrap_or(self.credit.left);
            (self.bring)(Watched::Output {
                offset,
                bytes: part,
            })?;
            offset += length as u64;
        }
        Ok(())
    }
}

/// What the viewer has room for.
struct Credit {
    left: u32,
    messages: UnboundedReceiver<FromClient>,
}

impl Credit {
    /// Waits until there is some.
    async fn some(&mut self) -> Result<usize, Cut> {
        while self.left == 0 {
            match self.messages.recv().await.ok_or(Cut::Unwatched)? {
                FromClient::Credit(more) => self.left = self.left.saturating_add(more),
                // Nothing else is said to what has ended.
                FromClient::Hello { .. }
                | FromClient::Input { .. }
                | FromClient::LastSeq { .. }
                | FromClient::Resize { .. }
                | FromClient::Kill
                | FromClient::Forget
                | FromClient::Pace(_)
                | FromClient::OrphanAfter(_) => {}
            }
        }
        Ok(self.left as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_holder::{HolderConfig, TerminalId};
    use std::cell::RefCell;
    use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

    /// The folder of a terminal that has printed so many lines.
    async fn kept(lines: &str) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        let mut config = HolderConfig::new(dir.path().join("holders"), TerminalId([7; 16]));
        config.command = ["seq", "1", lines].map(str::to_owned).to_vec();
        config.linger_secs = 0;
        config.history = Some(dir.path().join("one"));
        let local = tokio::task::LocalSet::new();
        local.run_until(lanyard_holder::run(config)).await.unwrap();
        dir
    }

    /// What comes of credits that are given one after the other, each when the one before is used up.
    async fn played(dir: &Path, have: Option<u64>, credits: &[u32]) -> (Vec<Watched>, bool) {
        let (sender, messages): (UnboundedSender<_>, _) = unbounded_channel();
        for credit in credits {
            sender.send(FromClient::Credit(*credit)).unwrap();
        }
        drop(sender);
        let brought = RefCell::new(Vec::new());
        let folder = dir.join("one");
        let outcome = play(&folder, have, messages, |watched| {
            brought.borrow_mut().push(watched);
            Ok(())
        });
        let is_whole = outcome.await.is_ok();
        (brought.into_inner(), is_whole)
    }

    fn output(watched: &[Watched]) -> Vec<(u64, usize)> {
        let mut found = Vec::new();
        for watched in watched {
            if let Watched::Output { offset, bytes } = watched {
                found.push((*offset, bytes.len()));
            }
        }
        found
    }

    #[tokio::test]
    async fn no_more_is_brought_than_there_is_credit_for() {
        let dir = kept("1000").await;
        let (brought, is_whole) = played(dir.path(), None, &[]).await;
        assert!(brought.is_empty() && !is_whole);
        let (brought, is_whole) = played(dir.path(), None, &[PLAYED_SMALL * 2 + 7]).await;
        assert!(matches!(
            brought[..],
            [Watched::Size(_), Watched::At(_), Watched::Output { .. }]
        ));
        assert_eq!((output(&brought), is_whole), (vec![(0, 7)], false));
        let (brought, is_whole) = played(dir.path(), None, &[10; 2000]).await;
        assert!(is_whole);
        assert_eq!(
            output(&brought)
                .iter()
                .map(|(_, length)| length)
                .sum::<usize>(),
            4893
        );
        assert!(matches!(brought.last(), Some(Watched::Exit(_))));
    }

    #[tokio::test]
    async fn who_has_some_of_it_gets_the_rest_and_who_has_all_hears_how_it_ended() {
        let dir = kept("1000").await;
        let (brought, is_whole) = played(dir.path(), Some(4890), &[u32::MAX]).await;
        assert_eq!((output(&brought), is_whole), (vec![(4890, 3)], true));
        assert!(matches!(brought[0], Watched::Size(_)));
        let (brought, _) = played(dir.path(), Some(4893), &[u32::MAX]).await;
        assert!(matches!(
            brought[..],
            [Watched::Size(_), Watched::At(_), Watched::Exit(_)]
        ));
    }

    #[tokio::test]
    async fn what_cannot_be_read_to_its_end_is_played_up_to_there_and_named() {
        let dir = kept("1000").await;
        let folder = dir.path().join("one");
        let segment = folder.join("00000000.log");
        let mut bytes = std::fs::read(&segment).unwrap();
        bytes.extend(b"no record");
        std::fs::write(&segment, bytes).unwrap();
        let (sender, messages) = unbounded_channel();
        sender.send(FromClient::Credit(u32::MAX)).unwrap();
        let brought = RefCell::new(Vec::new());
        let damaged = play(&folder, None, messages, |watched| {
            brought.borrow_mut().push(watched);
            Ok(())
        });
        assert_eq!(damaged.await.unwrap(), [segment]);
        assert!(matches!(brought.borrow().last(), Some(Watched::Exit(_))));
    }

    #[tokio::test]
    async fn what_is_gone_is_not_played() {
        let dir = tempfile::tempdir().unwrap();
        let (brought, is_whole) = played(dir.path(), None, &[u32::MAX]).await;
        assert!(brought.is_empty() && !is_whole);
    }
}
