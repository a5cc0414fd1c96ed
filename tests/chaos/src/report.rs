//! What a run says. The only place that prints.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a program's words"
)]

use crate::fault::Fault;
use crate::model::Wrongs;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::time::Duration;

/// What came of a run, or of a part of it.
#[derive(Debug, Default)]
pub struct Report {
    /// How long it took to come back, by fault.
    pub back: BTreeMap<Fault, Vec<Duration>>,
    /// What was wrong.
    pub wrongs: Wrongs,
    /// Words that were typed.
    pub words: u64,
    /// Bytes that were printed and compared.
    pub bytes: u64,
}

impl Report {
    /// Both together.
    pub fn add(&mut self, other: Self) {
        for (fault, times) in other.back {
            self.back.entry(fault).or_default().extend(times);
        }
        self.wrongs.add(other.wrongs);
        self.words += other.words;
        self.bytes += other.bytes;
    }

    /// How many faults there were.
    #[must_use]
    pub fn faults(&self) -> usize {
        self.back.values().map(Vec::len).sum()
    }

    /// A line a kind of fault: how many, and how soon everything was back.
    #[must_use]
    pub fn table(&self) -> String {
        let mut lines = vec![format!(
            "{:<28} {:>6} {:>9} {:>9}",
            "fault", "times", "median", "longest"
        )];
        for (fault, times) in &self.back {
            let mut times = times.clone();
            times.sort_unstable();
            let seconds = |time: Option<&Duration>| time.map_or(0.0, Duration::as_secs_f64);
            lines.push(format!(
                "{:<28} {:>6} {:>7.2} s {:>7.2} s",
                fault.name(),
                times.len(),
                seconds(times.get(times.len() / 2)),
                seconds(times.last())
            ));
        }
        lines.push(format!(
            "{} words typed, {} bytes compared",
            self.words, self.bytes
        ));
        lines.join("\n")
    }

    /// The last line.
    #[must_use]
    pub fn verdict(&self, seed: u64) -> String {
        let Wrongs {
            lost,
            duplicated,
            unauthorised,
            stuck,
        } = self.wrongs;
        format!(
            "faults {}, lost {lost}, duplicated {duplicated}, unauthorised {unauthorised}, stuck {stuck}, seed {seed}",
            self.faults()
        )
    }

    /// The same for programs. Times are milliseconds.
    #[must_use]
    pub fn json(&self, seed: u64) -> Value {
        let millis = |times: &Vec<Duration>| -> Vec<u128> {
            times.iter().map(Duration::as_millis).collect()
        };
        let back: BTreeMap<_, _> = self
            .back
            .iter()
            .map(|(fault, times)| (fault.name(), millis(times)))
            .collect();
        let wrongs = self.wrongs;
        json!({
            "seed": seed,
            "faults": self.faults(),
            "lost": wrongs.lost,
            "duplicated": wrongs.duplicated,
            "unauthorised": wrongs.unauthorised,
            "stuck": wrongs.stuck,
            "words": self.words,
            "bytes": self.bytes,
            "back_ms": back,
        })
    }
}

/// On standard output.
pub fn say(text: &str) {
    println!("{text}");
}

/// What a person wants to see while it runs.
pub fn progress(text: &str) {
    eprintln!("{text}");
}

/// What went wrong with the run itself.
pub fn error(error: &anyhow::Error) {
    eprintln!("error: {error:#}");
}
