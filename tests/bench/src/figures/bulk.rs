//! `bulk`: 64 MiB out of a terminal, beside the same out of a bare PTY; compared byte for byte by their hash.

use crate::Bench;
use crate::pattern::{BULK, Pattern};
use crate::report::Row;
use crate::rig::Ours;
use crate::stats::Rounds;
use crate::terminal::{Bare, Terminal, hand_over};
use anyhow::{Context as _, Result, bail};
use lanyard_tests::PATIENCE;
use lanyard_tests::process::program;
use lanyard_tests::viewer::plain;
use std::time::Duration;
use tokio::time::{Instant, sleep_until, timeout};

/// Bytes a second that a slow viewer takes: a browser that draws.
pub const SLOW: f64 = 20e6;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let rounds = bench.choose(2, 8);
    let expected = Pattern::digest(BULK);
    let ours = Ours::start().await?;
    let mut speed = Rounds::default();
    for number in 0..rounds {
        let (our, bare) = if number % 2 == 0 {
            let our = one(&ours, &expected).await?;
            (our, bare(&expected).await?)
        } else {
            let bare = bare(&expected).await?;
            (one(&ours, &expected).await?, bare)
        };
        speed.push(our, bare);
    }
    Ok(vec![Row::ratio("bulk", &speed, "MB/s", rounds)])
}

async fn one(ours: &Ours, expected: &[u8]) -> Result<f64> {
    let (id, mut terminal) = ours.terminal().await?;
    let speed = flood(&mut terminal, expected).await?;
    ours.viewer.client.end(id).await.map_err(plain)?;
    Ok(speed)
}

async fn bare(expected: &[u8]) -> Result<f64> {
    flood(&mut Bare::start()?, expected).await
}

/// Lets the pattern run through a terminal; MB a second.
///
/// # Errors
/// What came is not what was written.
pub async fn flood(terminal: &mut impl Terminal, expected: &[u8]) -> Result<f64> {
    let mut flood = Flood::begin(terminal, BULK).await?;
    while flood.left > 0 {
        flood.read(terminal).await?;
    }
    flood.end(expected)
}

/// A flood on its way.
pub struct Flood {
    /// Bytes that are still to come.
    pub left: u64,
    bytes: u64,
    began: Instant,
    digest: ring::digest::Context,
}

impl Flood {
    /// Makes the terminal write the first `bytes` of the pattern.
    ///
    /// # Errors
    /// The shell does not answer.
    pub async fn begin(terminal: &mut impl Terminal, bytes: u64) -> Result<Self> {
        let load = program("lanyard-bench-load")?;
        // The shell waits for a line, so that its start is not counted.
        let command = format!("read begin; exec {} pattern {bytes}", load.display());
        hand_over(terminal, &command).await?;
        let began = Instant::now();
        terminal.write(b"\n").await?;
        Ok(Self {
            left: bytes,
            bytes,
            began,
            digest: ring::digest::Context::new(&ring::digest::SHA256),
        })
    }

    /// Takes what comes next.
    ///
    /// # Errors
    /// Nothing comes.
    pub async fn read(&mut self, terminal: &mut impl Terminal) -> Result<()> {
        let bytes = timeout(PATIENCE, terminal.read()).await.with_context(|| {
            format!(
                "it is stuck: {} of {} bytes have not come",
                self.left, self.bytes
            )
        })??;
        self.digest.update(&bytes);
        self.left = self
            .left
            .checked_sub(bytes.len() as u64)
            .context("more came than was written")?;
        Ok(())
    }

    /// Waits until taking what came so far took as long as at so many bytes a second.
    pub async fn keep_to(&self, pace: f64) {
        let taken = (self.bytes - self.left) as f64;
        sleep_until(self.began + Duration::from_secs_f64(taken / pace)).await;
    }

    /// How long it has been on its way, in seconds.
    #[must_use]
    pub fn seconds(&self) -> f64 {
        self.began.elapsed().as_secs_f64()
    }

    /// Compares; MB a second.
    ///
    /// # Errors
    /// What came is not what was written.
    pub fn end(self, expected: &[u8]) -> Result<f64> {
        let speed = self.bytes as f64 / 1e6 / self.seconds();
        if self.digest.finish().as_ref() != expected {
            bail!("what came is not what was written");
        }
        Ok(speed)
    }
}
