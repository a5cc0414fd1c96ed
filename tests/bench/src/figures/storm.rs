//! `storm`: the relay is killed and started again at once. From the kill until a thousand agents are linked and fifty viewers have all
//! that their terminals printed, what was printed meanwhile included.

use crate::Bench;
use crate::floor::{Address, Leg, connect};
use crate::machine::descriptors;
use crate::report::Row;
use crate::rig::{FloorRelay, Ours, at, load};
use crate::stats::Rounds;
use crate::terminal::{Ours as OurTerminal, Terminal, hand_over};
use anyhow::{Context as _, Result, ensure};
use futures_util::future::try_join_all;
use lanyard_client::Mode;
use lanyard_tests::TestViewer;
use lanyard_tests::process::Process;
use lanyard_tests::viewer::{GRID, plain};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::time::{Instant, sleep, timeout};

/// Terminals; each is driven by one viewer and watched by another.
const TERMINALS: usize = 25;
/// Viewers.
const VIEWERS: u32 = 2 * TERMINALS as u32;
/// What each terminal prints before the relay is killed, and again while it is away.
const LINES: u32 = 2000;
/// How soon the floor's viewers dial again.
const FLOOR_AGAIN: Duration = Duration::from_millis(20);
/// Who is not back by then does not come back.
const PATIENCE: Duration = Duration::from_secs(120);
/// What a process needs beside one descriptor for each agent.
const SPARE: u64 = 400;

/// Measures it.
pub async fn measure(bench: &mut Bench) -> Result<Vec<Row>> {
    let (agents, rounds) = bench.choose((200_u32, 1), (1000, 3));
    if u64::from(agents) + SPARE > descriptors() {
        return Ok(vec![Row::missing(
            "storm",
            "too few descriptors for its agents",
        )]);
    }
    let [all, others] = [agents, agents - 1].map(|count| count.to_string());
    let mut ours = Crowded::start(&others).await?;
    let history = u32::try_from(ours.printed.len())?;
    let dir = tempfile::tempdir()?;
    let mut floor = FloorRelay::start(dir.path()).await?;
    let given = ["--history", &history.to_string()];
    let mut floor_agents = load(
        "floor-agents",
        &floor.at(),
        &[&crowd(&all)[..], &given].concat(),
    )?;
    standing(&mut floor_agents).await?;
    let mut took = Rounds::default();
    for round in 0..rounds {
        crate::say::progress(&format!("storm {round}"));
        let our = ours.storm().await?;
        took.push(
            our,
            floor_storm(&mut floor, &mut floor_agents, history).await?,
        );
    }
    Ok(vec![Row::ratio("storm", &took, "s", rounds)])
}

/// A machine with terminals that print what is written into a file, their viewers, and a crowd of other agents at the same relay.
struct Crowded {
    ours: Ours,
    others: Process,
    /// They would be away if they went out of scope.
    _devices: Vec<TestViewer>,
    viewers: Vec<OurTerminal>,
    source: File,
    /// All that was written into it.
    printed: Vec<u8>,
}

impl Crowded {
    async fn start(count: &str) -> Result<Self> {
        let ours = Ours::start().await?;
        let mut others = load("agents", &at(&ours.world.relay), &crowd(count))?;
        standing(&mut others).await?;
        let path = ours.world.path("printed");
        let source = File::create(&path)?;
        let (mut devices, mut viewers) = (Vec::new(), Vec::new());
        for _ in 0..TERMINALS {
            let [driver, watcher] = terminal(&ours, &path, &mut devices).await?;
            viewers.extend([driver, watcher]);
        }
        let mut crowded = Self {
            ours,
            others,
            _devices: devices,
            viewers,
            source,
            printed: Vec::new(),
        };
        crowded.print()?;
        crowded.seen().await?;
        Ok(crowded)
    }

    /// Lets every terminal print, and notes what: only the last of it is waited for.
    fn print(&mut self) -> Result<()> {
        self.printed.clear();
        for line in 0..LINES {
            writeln!(self.printed, "line {line} of what must not be lost")?;
        }
        Ok(self.source.write_all(&self.printed)?)
    }

    /// Reads in every viewer until it has what was printed last, byte by byte.
    async fn seen(&mut self) -> Result<()> {
        let printed = &self.printed;
        let all = self.viewers.iter_mut().map(|viewer| async move {
            let mut seen = 0;
            while seen < printed.len() {
                let bytes = viewer.read().await?;
                let end = seen + bytes.len();
                ensure!(printed.get(seen..end) == Some(&bytes), "output was lost");
                seen = end;
            }
            Ok(())
        });
        timeout(PATIENCE, try_join_all(all))
            .await
            .context("a viewer did not come back")??;
        Ok(())
    }

    /// Seconds.
    async fn storm(&mut self) -> Result<f64> {
        let began = Instant::now();
        self.ours.world.relay.process.kill().await?;
        self.print()?;
        self.ours.world.relay.restart().await?;
        self.seen().await?;
        standing(&mut self.others).await?;
        Ok(began.elapsed().as_secs_f64())
    }
}

fn crowd(count: &str) -> [&str; 5] {
    ["--first", "1", "--count", count, "--come-back"]
}

/// A terminal that waits for what is written into `source`, with a driver and a watcher that have seen nothing of it.
async fn terminal(
    ours: &Ours,
    source: &Path,
    devices: &mut Vec<TestViewer>,
) -> Result<[OurTerminal; 2]> {
    let device = TestViewer::pair(&ours.world, &["view", "terminal"]).await?;
    let created = device.client.create(GRID, "storm").await.map_err(plain)?;
    let mut driver = ours.open(&device.client, created.id, Mode::Drive)?;
    devices.push(device);
    hand_over(
        &mut driver,
        &format!("read begin; exec tail -c +1 -f {}", source.display()),
    )
    .await?;
    let device = TestViewer::pair(&ours.world, &["view"]).await?;
    let mut watcher = ours.open(&device.client, created.id, Mode::ViewOnly)?;
    // The picture of the screen so far.
    watcher.read().await?;
    driver.write(b"\n").await?;
    devices.push(device);
    Ok([driver, watcher])
}

async fn floor_storm(floor: &mut FloorRelay, agents: &mut Process, history: u32) -> Result<f64> {
    let began = Instant::now();
    floor.again().await?;
    let address = floor.address()?;
    let viewers = (1..=VIEWERS).map(|number| floor_viewer(&address, number, history));
    timeout(PATIENCE, try_join_all(viewers))
        .await
        .context("a viewer of the floor did not come back")??;
    standing(agents).await?;
    Ok(began.elapsed().as_secs_f64())
}

/// Dials until this agent gives its history.
async fn floor_viewer(address: &Address, number: u32, history: u32) -> Result<()> {
    let mut bytes = vec![0; history as usize];
    loop {
        let came = async {
            let mut stream = connect(address, None, Leg::Viewer, number.into()).await?;
            stream.write_u8(b'?').await?;
            stream.flush().await?;
            stream.read_exact(&mut bytes).await?;
            anyhow::Ok(())
        };
        // Its agent may not be there yet.
        if came.await.is_ok() {
            return Ok(());
        }
        sleep(FLOOR_AGAIN).await;
    }
}

async fn standing(load: &mut Process) -> Result<()> {
    load.event_within(PATIENCE, "standing").await.map(drop)
}
