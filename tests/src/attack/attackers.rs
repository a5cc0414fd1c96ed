//! Threads for attackers, of a low priority: what is measured beside them is what the relay does with them, not what they cost themselves.

use crate::PATIENCE;
use anyhow::{Context as _, Result, bail};
use rustix::process::setpriority_process;
use std::future::Future;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

/// Enough to stand behind whoever is measured, and not so much that an attack does not get on beside other work.
const NICENESS: i32 = 15;

/// The threads.
pub struct Attackers(Option<Runtime>);

/// Counts what an attack has done.
#[derive(Clone)]
pub struct Hits(watch::Sender<u64>);

/// An attack that goes on until it is stopped.
pub struct Attack {
    hits: Hits,
    tasks: Vec<JoinHandle<Result<()>>>,
}

impl Attackers {
    /// Starts the threads.
    ///
    /// # Errors
    /// The system has none.
    pub fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .on_thread_start(|| {
                // On Linux a priority belongs to a thread. Raising one's own niceness is always allowed.
                let _ = setpriority_process(None, NICENESS);
            })
            .build()?;
        Ok(Self(Some(runtime)))
    }

    /// Runs something there to its end.
    ///
    /// # Errors
    /// What it says.
    pub async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let runtime = self.0.as_ref().context("they run")?;
        runtime.spawn(work).await?
    }

    /// Starts `count` attackers, each doing what `attack` says over and over, and waits for the first hit.
    ///
    /// # Errors
    /// The attack cannot even begin.
    pub async fn attack<F: Future<Output = Result<()>> + Send + 'static>(
        &self,
        count: u32,
        attack: impl Fn(u32, Hits) -> F,
    ) -> Result<Attack> {
        let runtime = self.0.as_ref().context("they run")?;
        let hits = Hits(watch::Sender::new(0));
        let tasks = (0..count)
            .map(|number| runtime.spawn(attack(number, hits.clone())))
            .collect();
        let attack = Attack { hits, tasks };
        if attack.reached(1).await.is_err() {
            attack.stop().await?;
            bail!("the attack does not begin");
        }
        Ok(attack)
    }
}

impl Drop for Attackers {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl Hits {
    /// One more.
    pub fn hit(&self) {
        self.0.send_modify(|hits| *hits += 1);
    }

    /// How many there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        *self.0.borrow()
    }
}

impl Attack {
    /// Waits for the next hit.
    ///
    /// # Errors
    /// There is none in time.
    pub async fn goes_on(&self) -> Result<()> {
        self.reached(self.hits() + 1).await
    }

    /// Waits until there were so many hits.
    ///
    /// # Errors
    /// There is none for a long time.
    pub async fn reached(&self, count: u64) -> Result<()> {
        let mut hits = self.hits.0.subscribe();
        while *hits.borrow_and_update() < count {
            let next = timeout(PATIENCE, hits.changed()).await;
            next.context("the attack does not go on")??;
        }
        Ok(())
    }

    /// How many hits there were.
    #[must_use]
    pub fn hits(&self) -> u64 {
        self.hits.count()
    }

    /// Ends it.
    ///
    /// # Errors
    /// An attacker had given up: the relay did something that it did not expect.
    pub async fn stop(self) -> Result<()> {
        for task in self.tasks {
            task.abort();
            match task.await {
                Ok(Ok(())) => bail!("an attacker stopped by itself"),
                Ok(Err(error)) => return Err(error.context("an attacker gave up")),
                Err(ended) if ended.is_cancelled() => {}
                Err(panicked) => return Err(panicked.into()),
            }
        }
        Ok(())
    }
}
