//! One relay, one agent, its terminals and viewers, all of them processes, with a network between them that can be broken.

use crate::life::{How, Page, Place, Viewer};
use crate::model::Model;
use crate::part::Part;
use crate::proxy::Proxy;
use crate::screen::SIZE;
use crate::small_disk::SmallDisk;
use crate::stage::Stage;
use crate::witness;
use anyhow::{Context as _, Result, anyhow, bail};
use lanyard_client::client::Client;
use lanyard_client::keys::Store;
use lanyard_dial::sabotage::VARIABLE;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::ids::DeviceId;
use lanyard_shared::limits::DIALLER_SILENCE;
use lanyard_shared::msg::Grid;
use lanyard_shared::pair::address::Address;
use lanyard_tests::mark::Mark;
use lanyard_tests::process::{program, run};
use lanyard_tests::{Agent, PATIENCE};
use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;
use tokio::process::Command;
use tokio::time::{Instant, sleep, timeout_at};

/// Terminals in which processes type and watch; a page has one more, after them.
pub const STAGES: usize = 2;
/// How long anything that is asked of the machine may take: its agent may have to find out by silence that it has no link any more.
pub const ANSWERED: Duration = DIALLER_SILENCE.saturating_add(PATIENCE);
/// How often a device that was ended tries to come back, each time after another fault.
const THIEF_TRIES: u32 = 4;
/// What a command says of an agent that was killed a moment ago, or under its hands.
const STARTING: [&str; 3] = [
    "no agent is running",
    "the agent did not answer",
    "the agent was lost",
];
/// How often something is looked at that tells nobody when it changes.
const LOOK: Duration = Duration::from_millis(20);

/// The whole set-up.
pub struct Arena {
    pub relay: Part,
    pub agent: Part,
    /// Between the agent and the relay, and between viewers and the relay.
    pub near: Proxy,
    pub far: Proxy,
    pub terminals: Vec<Stage>,
    /// Guests whose devices were ended, each with its terminal and how often it still tries to come back.
    thieves: Vec<(usize, Viewer, u32)>,
    /// Where the agent keeps its state.
    pub state: PathBuf,
    /// That state lies on a disk that can be filled, where that can be had.
    pub disk: Option<SmallDisk>,
    home: PathBuf,
    devices: u32,
    mark: Mark,
    dir: TempDir,
}

impl Arena {
    /// Starts everything and waits until it works.
    ///
    /// # Errors
    /// Something does not start.
    pub async fn start(page: bool) -> Result<Self> {
        let dir = tempfile::Builder::new().prefix("lanyard-chaos").tempdir()?;
        let home = dir.path().join("home");
        std::fs::create_dir(&home)?;
        let mark = Mark::new(dir.path().display().to_string());
        let folder = dir.path().join("witness");
        std::fs::create_dir(&folder)?;
        let listen = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let (near, far) = (
            Proxy::start(listen.clone()).await?,
            Proxy::start(listen.clone()).await?,
        );
        let data = dir.path().join("relay");
        let public = format!("https://{}", far.address);
        let arguments = [
            "serve",
            "--json",
            "--listen",
            &listen,
            "--http-listen",
            "off",
            "--host",
            &near.address,
            "--host",
            &far.address,
            "--public-url",
            &public,
            "--data",
        ];
        let mut relay = Part {
            name: "lanyard-relay",
            arguments: arguments.map(str::to_owned).to_vec(),
            envs: sabotage().into_iter().collect(),
            log: dir.path().join("relay.log"),
            child: None,
        };
        relay.arguments.push(data.display().to_string());
        relay.start()?;
        let state = dir.path().join("agent");
        std::fs::create_dir(&state)?;
        std::fs::set_permissions(&state, std::os::unix::fs::PermissionsExt::from_mode(0o700))?;
        let disk = SmallDisk::mount(&state).ok();
        let code = enrolment(&data, &near.address).await?;
        let text = |path: &Path| path.display().to_string();
        let witness = dir.path().join("shell");
        // A login shell has one name and no arguments of ours.
        std::os::unix::fs::symlink(std::env::current_exe()?, &witness)?;
        let agent = Part {
            name: "lanyard",
            arguments: ["--state", &text(&state), "up", "--json"]
                .map(str::to_owned)
                .to_vec(),
            envs: [
                ("PATH", "/usr/local/bin:/usr/bin:/bin".to_owned()),
                ("HOME", text(&home)),
                ("SHELL", text(&witness)),
                (witness::FOLDER, text(&folder)),
                (lanyard_tests::mark::VARIABLE, mark.text().to_owned()),
            ]
            .into_iter()
            .chain(sabotage())
            .collect(),
            log: dir.path().join("agent.log"),
            child: None,
        };
        let mut arena = Self {
            relay,
            agent,
            near,
            far,
            terminals: Vec::new(),
            thieves: Vec::new(),
            state,
            disk,
            home,
            devices: 0,
            mark,
            dir,
        };
        arena.agent.arguments.extend(["--enrol".to_owned(), code]);
        arena.agent.start()?;
        arena.paired(&["view", "terminal"]).await?;
        let spent = arena.agent.arguments.len() - 2;
        arena.agent.arguments.truncate(spent);
        for stage in 0..STAGES {
            let stage = arena.stage(stage).await?;
            arena.terminals.push(stage);
        }
        if page {
            let stage = arena.page().await?;
            arena.terminals.push(stage);
        }
        Ok(arena)
    }

    fn folder(&self) -> PathBuf {
        self.dir.path().join("witness")
    }

    async fn stage(&mut self, number: usize) -> Result<Stage> {
        let (device, id) = self.terminal(&format!("stage {number}")).await?;
        let (watcher, _) = self.paired(&["view"]).await?;
        let place = |device, watch| Place {
            folder: self.folder(),
            terminal: id.clone(),
            how: How::Process { device, watch },
        };
        let typist = Viewer::start(place(device, false), &format!("t{number}"))?;
        let watcher = Viewer::start(place(watcher, true), &format!("w{number}"))?;
        self.staged(id, typist, Some(watcher))
    }

    /// A terminal of the browser's page.
    async fn page(&mut self) -> Result<Stage> {
        let title = "page".to_owned();
        let (_, id) = self.terminal(&title).await?;
        let profile = self.dir.path().join("profile");
        std::fs::create_dir(&profile)?;
        let page = Page {
            link: self.pairing_link(&["view", "terminal"]).await?,
            address: format!("https://{}/", self.far.address),
            certificate: self.dir.path().join("relay/tls-cert.pem"),
            profile,
            title,
            mark: self.mark.text().to_owned(),
        };
        let place = Place {
            folder: self.folder(),
            terminal: id.clone(),
            how: How::Page(page),
        };
        let typist = Viewer::start(place, "p")?;
        self.staged(id, typist, None)
    }

    /// A fresh terminal whose witness writes, and the device that asked for it.
    async fn terminal(&mut self, name: &str) -> Result<(PathBuf, String)> {
        let (device, machine) = self.paired(&["view", "terminal"]).await?;
        let store = Store::at(&device);
        let (keys, _) = store.load().map_err(failed)?.context("not paired")?;
        let client = Client::connect(&keys, &machine).await.map_err(failed)?;
        let grid = Grid {
            cols: SIZE.0,
            rows: SIZE.1,
        };
        let created = client.create(grid, name).await.map_err(failed)?;
        client.close().await;
        let id = created.id.to_string();
        let folder = self.folder();
        let (typed, printed) = (witness::typed(&folder, &id), witness::printed(&folder, &id));
        until(PATIENCE, "the witness writes", || {
            typed.exists() && printed.exists()
        })
        .await?;
        Ok((device, id))
    }

    fn staged(&self, id: String, typist: Viewer, watcher: Option<Viewer>) -> Result<Stage> {
        let mut model = Model::default();
        model.begun(&typist.name);
        let folder = self.folder();
        Ok(Stage {
            typed: File::open(witness::typed(&folder, &id))?,
            printed: witness::printed(&folder, &id),
            id,
            model,
            typist,
            watcher,
        })
    }

    /// Pairs a fresh device that may do this; returns its file and its machine.
    ///
    /// # Errors
    /// It does not come to be in time.
    pub async fn paired(
        &mut self,
        scopes: &[&str],
    ) -> Result<(PathBuf, lanyard_client::keys::Machine)> {
        self.devices += 1;
        let path = self
            .dir
            .path()
            .join(format!("device-{}.json", self.devices));
        let end = Instant::now() + ANSWERED;
        loop {
            match timeout_at(end, self.pair(&path, scopes)).await {
                Ok(Ok(machine)) => return Ok((path, machine)),
                Ok(Err(why)) if Instant::now() > end => return Err(why),
                Ok(Err(_)) => sleep(LOOK * 10).await,
                Err(_) => bail!("no device could be paired in time"),
            }
        }
    }

    async fn pair(&self, path: &Path, scopes: &[&str]) -> Result<lanyard_client::keys::Machine> {
        let link = self.pairing_link(scopes).await?;
        let store = Store::at(path);
        let (device, _) = store.load_or_create("chaos").map_err(failed)?;
        let pairing = Client::pair(&link, &device).await.map_err(failed)?;
        let machine = pairing.wait().await.map_err(failed)?;
        store.remember(machine.clone()).map_err(failed)?;
        Ok(machine)
    }

    async fn pairing_link(&self, scopes: &[&str]) -> Result<String> {
        let link = self
            .lanyard(&["pair", "--yes", "--json", "--grant", &scopes.join(",")])
            .await?;
        let link: serde_json::Value = serde_json::from_str(&link)?;
        Ok(link["url"].as_str().context("a link")?.to_owned())
    }

    /// Runs a command of the owner, who tries again while the agent is only just starting.
    ///
    /// # Errors
    /// It says so.
    pub async fn lanyard(&self, arguments: &[&str]) -> Result<String> {
        let end = Instant::now() + PATIENCE;
        loop {
            let mut command = Agent::command(&self.state, &self.home, self.mark.text())?;
            let (status, out, err) = run(command.args(arguments)).await?;
            if status.success() {
                return Ok(out);
            }
            if !STARTING.iter().any(|words| err.contains(words)) || Instant::now() > end {
                bail!("lanyard {arguments:?}: {err}");
            }
            sleep(LOOK).await;
        }
    }

    /// A viewer of terminal `stage` beside the others, on a device of its own.
    ///
    /// # Errors
    /// The device cannot be paired.
    pub async fn guest(&mut self, stage: usize, base: &str) -> Result<Viewer> {
        let (device, _) = self.paired(&["view", "terminal"]).await?;
        let place = Place {
            folder: self.folder(),
            terminal: self.terminals[stage].id.clone(),
            how: How::Process {
                device,
                watch: false,
            },
        };
        let guest = Viewer::start(place, base)?;
        self.terminals[stage].model.begun(&guest.name);
        Ok(guest)
    }

    /// Waits until a guest has typed; false when it does not come to it.
    ///
    /// # Errors
    /// A file cannot be read.
    pub async fn guest_types(&mut self, stage: usize, guest: &mut Viewer) -> Result<bool> {
        let end = Instant::now() + PATIENCE;
        loop {
            let stage = &mut self.terminals[stage];
            guest.hear(&mut stage.model);
            stage.look()?;
            let typed = stage.model.typist(&guest.name).map_or(0, |t| t.typed);
            if typed > 0 || Instant::now() > end {
                return Ok(typed > 0);
            }
            sleep(LOOK).await;
        }
    }

    /// Ends a guest's device while it types.
    ///
    /// # Errors
    /// It cannot be ended.
    pub async fn end_guest(&mut self, stage: usize, guest: &mut Viewer) -> Result<()> {
        let store = Store::at(guest.device().context("a guest with keys in a file")?);
        let (device, machines) = store.load().map_err(failed)?.context("not paired")?;
        let own = machines.first().and_then(|machine| machine.memory().keys);
        let key = own.map_or(device.signing_key().verifying_key(), |own| {
            own.key.verifying_key()
        });
        let id = DeviceId::of_key(&key.to_bytes()).to_string();
        guest.is_to_end();
        let ended = self.lanyard(&["revoke", &id]).await;
        // What it had said before the command returned is on its way here; what it says a moment later must not be typed.
        sleep(LOOK * 25).await;
        let stage = &mut self.terminals[stage];
        guest.hear(&mut stage.model);
        if ended.is_ok() {
            stage.model.ended(&guest.name);
        }
        guest.kill(&mut stage.model).await?;
        ended?;
        Ok(())
    }

    /// Whoever was ended tries again from now on, now and then.
    pub fn keep_thief(&mut self, stage: usize, guest: Viewer) {
        self.thieves.push((stage, guest, THIEF_TRIES));
    }

    /// Thieves try to come back.
    ///
    /// # Errors
    /// One cannot be started.
    pub async fn thieves_try(&mut self) -> Result<()> {
        for (stage, thief, tries) in &mut self.thieves {
            let stage = &mut self.terminals[*stage];
            thief.kill(&mut stage.model).await?;
            *tries -= 1;
            if *tries > 0 {
                thief.live()?;
                stage.model.forbid(&thief.name);
            }
        }
        self.thieves.retain(|(_, _, tries)| *tries > 0);
        Ok(())
    }

    /// Kills a viewer and begins its next life.
    ///
    /// # Errors
    /// It cannot be started.
    pub async fn kill_viewer(&mut self, stage: usize, watcher: bool) -> Result<()> {
        let Stage {
            model,
            typist,
            watcher: watches,
            ..
        } = &mut self.terminals[stage];
        let viewer = match watches {
            Some(watches) if watcher => watches,
            Some(_) | None => typist,
        };
        viewer.kill(model).await?;
        model.killed(&viewer.name);
        viewer.live()?;
        model.begun(&viewer.name);
        Ok(())
    }

    /// Takes down all that was said and typed.
    ///
    /// # Errors
    /// A file cannot be read.
    pub fn look(&mut self) -> Result<()> {
        for (stage, thief, _) in &mut self.thieves {
            thief.hear(&mut self.terminals[*stage].model);
        }
        self.terminals.iter_mut().try_for_each(Stage::look)
    }

    /// Waits until everything is back: each typist's words are typed, and everybody has seen what was printed when the wait began. Returns
    /// how long that took, or who is missing.
    ///
    /// # Errors
    /// A file cannot be read.
    pub async fn back(&mut self, within: Duration) -> Result<Result<Duration, String>> {
        self.look()?;
        let began = Instant::now();
        let wanted: Vec<_> = self
            .terminals
            .iter()
            .map(|stage| {
                let sent = stage.model.typist(&stage.typist.name).map_or(0, |t| t.sent);
                Ok((sent, stage.printed()?))
            })
            .collect::<Result<_>>()?;
        loop {
            self.look()?;
            let missing =
                self.terminals
                    .iter()
                    .zip(&wanted)
                    .find_map(|(stage, (sent, printed))| {
                        let typed = stage
                            .model
                            .typist(&stage.typist.name)
                            .map_or(0, |t| t.typed);
                        let words = |what: &str, viewer: &Viewer| {
                            Some(format!("{} {what}; {}", viewer.name, viewer.trouble))
                        };
                        if typed <= *sent {
                            words("is not typed", &stage.typist)
                        } else if stage.typist.seen < *printed {
                            words("does not see", &stage.typist)
                        } else {
                            let late = stage.watcher.as_ref().filter(|w| w.seen < *printed);
                            late.and_then(|watcher| words("does not see", watcher))
                        }
                    });
            let Some(missing) = missing else {
                return Ok(Ok(began.elapsed()));
            };
            if began.elapsed() > within {
                return Ok(Err(missing));
            }
            sleep(LOOK).await;
        }
    }

    /// Looks for what is lost.
    pub fn judge(&mut self) {
        let now = std::time::Instant::now();
        for stage in &mut self.terminals {
            stage.model.judge(now);
        }
    }

    /// Whether anything was wrong so far.
    #[must_use]
    pub fn is_wrong(&self) -> bool {
        let mut all = self.terminals.iter();
        all.any(|stage| !stage.model.wrongs.is_none())
    }

    /// Where everything is that was written down, while it runs.
    #[must_use]
    pub fn logs(&self) -> &Path {
        self.dir.path()
    }

    /// The same, afterwards.
    #[must_use]
    pub fn keep(self) -> PathBuf {
        let Self { dir, mark, .. } = self;
        drop(mark);
        dir.keep()
    }
}

/// What is switched off in a build that can do that.
fn sabotage() -> Option<(&'static str, String)> {
    let name = std::env::var(VARIABLE).ok()?;
    Some((VARIABLE, name))
}

async fn enrolment(data: &Path, relay: &str) -> Result<String> {
    let end = Instant::now() + PATIENCE;
    loop {
        let mut command = Command::new(program("lanyard-relay")?);
        command.arg("enrol").arg("--data").arg(data);
        let (status, out, err) = run(&mut command).await?;
        if status.success() {
            let line = out.lines().next().context("a code")?;
            let mut code = EnrolmentCode::parse(line).map_err(|fault| anyhow!("{fault}"))?;
            // The agent's way to the relay is its own.
            code.address = Address::parse(&format!("https://{relay}"))?;
            return Ok(code.encode().to_string());
        }
        if Instant::now() > end {
            bail!("no code: {err}");
        }
        sleep(LOOK).await;
    }
}

/// Waits until something is so.
///
/// # Errors
/// It is not in time.
pub async fn until(within: Duration, what: &str, is: impl Fn() -> bool) -> Result<()> {
    let end = Instant::now() + within;
    while !is() {
        if Instant::now() > end {
            bail!("waited too long until {what}");
        }
        sleep(LOOK).await;
    }
    Ok(())
}

/// A failure of a viewer as an error.
pub fn failed(failure: lanyard_client::Failure) -> anyhow::Error {
    anyhow!("{failure:?}")
}
