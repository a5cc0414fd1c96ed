//! A working session beside an attack: how long its keys take there and back.

use super::attackers::{Attack, Attackers, Hits};
use crate::{TestTerminal, TestViewer, World};
use anyhow::{Result, bail};
use std::future::Future;
use std::time::{Duration, Instant};

/// Keys of one measurement.
const KEYS: usize = 21;
/// How often an attacked session is measured before it counts as slowed down. Whatever else runs on the machine only ever adds.
const ROUNDS: usize = 5;
/// An attacked echo may take this many times as long as a quiet one.
const RATIO: u32 = 3;
/// Differences below this say more about the machine than about an attack.
const NOISE: Duration = Duration::from_millis(5);

/// The session.
pub struct Beside {
    /// Its viewer.
    pub viewer: TestViewer,
    terminal: TestTerminal,
}

/// Medians of echo times.
#[derive(Clone, Copy, Debug)]
pub struct Echo {
    /// Without the attack.
    pub quiet: Duration,
    /// During it.
    pub attacked: Duration,
}

impl Beside {
    /// Pairs a device and starts a terminal in which a program reads what is typed.
    ///
    /// # Errors
    /// Something between does not work.
    pub async fn start(world: &World) -> Result<Self> {
        let viewer = TestViewer::pair(world, &["view", "terminal"]).await?;
        let mut terminal = viewer.terminal().await?;
        // The shell has given its way of reading keys back before anything runs; a key before that would not be echoed. In two parts, so that
        // the line itself does not look like its output.
        terminal
            .type_text("echo rea''dy; cat > /dev/null\r")
            .await?;
        terminal.until("ready\r\n").await?;
        Ok(Self { viewer, terminal })
    }

    /// The median time of a key from here to the machine and back.
    ///
    /// # Errors
    /// The session has ended.
    pub async fn echo(&mut self) -> Result<Duration> {
        let mut times = Vec::with_capacity(KEYS);
        for _ in 0..KEYS {
            times.push(self.key("x", 1).await?);
        }
        times.sort();
        // A terminal takes lines of 4,096 characters.
        self.key("\r", 2).await?;
        Ok(times[KEYS / 2])
    }

    /// Presses a key that the terminal shows as so many bytes.
    async fn key(&mut self, key: &str, bytes: usize) -> Result<Duration> {
        let all = self.terminal.text.len() + bytes;
        let pressed = Instant::now();
        self.terminal.type_text(key).await?;
        while self.terminal.text.len() < all {
            self.terminal.event().await?;
        }
        Ok(pressed.elapsed())
    }

    /// Measures beside an attack that stands, against the quiet echo from before it.
    ///
    /// # Errors
    /// The echo takes more than three times as long, in every round.
    pub async fn keeps_its_echo(&mut self, quiet: Duration) -> Result<Echo> {
        let mut best = Duration::MAX;
        for _ in 0..ROUNDS {
            best = best.min(self.echo().await?);
            if best <= (quiet * RATIO).max(quiet + NOISE) {
                let attacked = best;
                return Ok(Echo { quiet, attacked });
            }
        }
        bail!("the echo took {best:?} beside the attack, and {quiet:?} without it")
    }

    /// Measures without and beside an attack, which is started and stopped here.
    ///
    /// # Errors
    /// The echo takes more than three times as long, or the attack meets something that it does not expect.
    pub async fn through<F: Future<Output = Result<()>> + Send + 'static>(
        &mut self,
        attackers: &Attackers,
        count: u32,
        attack: impl Fn(u32, Hits) -> F,
    ) -> Result<Echo> {
        let quiet = self.echo().await?;
        let attack = attackers.attack(count, attack).await?;
        let kept = self.keeps_its_echo(quiet).await;
        // It was still at it when the last key came back.
        still(attack).await?;
        kept
    }
}

async fn still(attack: Attack) -> Result<()> {
    let on = attack.goes_on().await;
    attack.stop().await?;
    on
}
