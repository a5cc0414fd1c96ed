//! A working session beside an attack: how long its keys take there and back.

use super::attackers::{Attack, Attackers, Hits};
use crate::{TestTerminal, TestViewer, World};
use anyhow::{Context as _, Result, bail};
use std::future::Future;
use std::time::{Duration, Instant};

/// Keys of one measurement.
const KEYS: usize = 21;
/// How often an attacked session is measured on a machine with nothing else to do before it counts as slowed down.
const ROUNDS: usize = 5;
/// How often at most, when the machine has other things to do all the time.
const ROUNDS_IN_A_CROWD: usize = 15;
/// Threads that run at once because of the test itself: two of the relay, one of the agent, one of the attackers.
const OURS: usize = 4;
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

/// One measurement.
struct Sample {
    median: Duration,
    /// Threads that wanted to run meanwhile, in the median.
    running: usize,
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
        Ok(self.sample().await?.median)
    }

    async fn sample(&mut self) -> Result<Sample> {
        let (mut times, mut running) = (Vec::new(), Vec::new());
        for _ in 0..KEYS {
            times.push(self.key("x", 1).await?);
            running.push(threads_running()?);
        }
        times.sort();
        running.sort();
        // A terminal takes lines of 4,096 characters.
        self.key("\r", 2).await?;
        Ok(Sample {
            median: times[KEYS / 2],
            running: running[KEYS / 2],
        })
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
    /// The echo takes more than three times as long in every round, on a machine that has nothing else to do. On one that has, the relay's
    /// threads wait for others as soon as an attack makes them work, and that says nothing about the relay.
    pub async fn keeps_its_echo(&mut self, quiet: Duration) -> Result<Echo> {
        let crowd = OURS + std::thread::available_parallelism()?.get();
        let (mut attacked, mut calm_rounds) = (Duration::MAX, 0);
        for _ in 0..ROUNDS_IN_A_CROWD {
            let sample = self.sample().await?;
            attacked = attacked.min(sample.median);
            calm_rounds += usize::from(sample.running <= crowd);
            if attacked <= (quiet * RATIO).max(quiet + NOISE) {
                return Ok(Echo { quiet, attacked });
            }
            if calm_rounds == ROUNDS {
                bail!("the echo took {attacked:?} beside the attack, and {quiet:?} without it");
            }
        }
        Ok(Echo { quiet, attacked })
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

/// Threads of this machine that run or want to (proc_loadavg(5)).
fn threads_running() -> Result<usize> {
    let load = std::fs::read_to_string("/proc/loadavg")?;
    let running = load
        .split(' ')
        .nth(3)
        .and_then(|field| field.split('/').next());
    Ok(running.context("a number of threads")?.parse()?)
}

async fn still(attack: Attack) -> Result<()> {
    let on = attack.goes_on().await;
    attack.stop().await?;
    on
}
