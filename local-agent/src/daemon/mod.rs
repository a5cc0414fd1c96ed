//! The agent at work: carries out what the core decides, towards relay, holders and owner.
//!
//! One task owns everything that decides; it is the only one that touches the core. Effects are carried out before anything is written to
//! the relay, so what must be on disk is there first.

mod asking;
mod auditing;
mod commands;
mod dialling;
mod disk;
mod effects;
mod handout;
mod holders;
mod keeper;
pub mod owner;
mod player;
mod presence;
mod pulse;

use crate::audit::recorder::Recorder;
use crate::core::clock::AgentClock;
use crate::core::{Core, Identity, Machine};
use crate::history::{Retention, Shelf};
use crate::limits::{HISTORY_TOTAL, LONGEST_SLEEP};
use crate::policy::trust::{Known, ProjectHash};
use crate::state::{Enrolment, Finding, StateDir, StateError};
use dialling::{Dialled, Dialling};
use disk::Disk;
use handout::Handout;
use holders::{Holders, News, Place};
use keeper::Keeper;
use lanyard_dial::{Changes, Incoming, Proxies, Relay, Socket, clock};
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::link::{Dialler, Link};
use lanyard_shared::pair::address::Address;
use lanyard_shared::time::Now;
use owner::{Command, Notice, Owners};
use presence::Presence;
use pulse::Pulse;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What `lanyard up` was told.
pub struct Options {
    /// The agent's folder.
    pub state: StateDir,
    /// A code to spend, when this machine is new to the relay.
    pub enrol: Option<EnrolmentCode>,
    /// How the machine presents itself.
    pub machine: Machine,
    /// Where new terminals start.
    pub cwd: PathBuf,
    /// This program, to start holders with.
    pub exe: PathBuf,
    /// Terminals end when no agent has come for them for so long; zero: they never do.
    pub orphans_end_after: Duration,
    /// What terminals have printed is kept for so long after they ended; zero: not at all.
    pub keep_history: Duration,
    /// What was asked, answered and done is kept on record for so long.
    pub keep_audit: Duration,
}

/// Why the agent cannot run, or cannot go on. What heals by itself (an unreachable relay) is not among it, unless it is the first try.
#[derive(Debug, thiserror::Error)]
pub enum DaemonError {
    /// The agent's folder.
    #[error(transparent)]
    State(#[from] StateError),
    /// The relay refuses this machine for good.
    #[error("{sentence}")]
    Refused {
        /// The relay's code.
        code: CloseCode,
        /// What it said.
        sentence: String,
    },
    /// The very first try failed, and there is nobody who would see later ones succeed.
    #[error(transparent)]
    Dial(#[from] lanyard_dial::DialError),
    /// The machine belongs to no relay.
    #[error("this machine is not enrolled at a relay")]
    NotEnrolled,
    /// The relay's address in the state is not one.
    #[error("the relay's address is damaged: {0}")]
    Address(#[from] lanyard_shared::pair::address::AddressFault),
    /// The owner's socket or a folder.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

impl DaemonError {
    /// Whether it stays so until a person does something at this machine: starting again is of no use.
    #[must_use]
    pub fn is_lasting(&self) -> bool {
        match self {
            Self::State(error) => error.is_lasting(),
            Self::Address(_) => true,
            Self::Refused { .. } | Self::Dial(_) | Self::NotEnrolled | Self::Io(_) => false,
        }
    }

    /// What the person can do about it.
    #[must_use]
    pub fn hint(&self) -> String {
        match self {
            Self::State(error) => error.hint(),
            Self::Refused {
                code: CloseCode::UnknownAgent,
                ..
            } => {
                "ask the relay's operator for a code, then run `lanyard up --enrol CODE`".to_owned()
            }
            Self::Refused { code, .. } => code.hint().to_owned(),
            Self::Dial(error) => error.hint().to_owned(),
            Self::NotEnrolled => {
                "run `lanyard-relay enrol` on the relay, then `lanyard up --enrol CODE` here"
                    .to_owned()
            }
            Self::Address(_) => "enrol again with `lanyard up --enrol CODE`".to_owned(),
            Self::Io(_) => "check the disk and the folder's permissions".to_owned(),
        }
    }
}

/// The running agent.
pub struct Daemon {
    core: Core,
    clock: AgentClock,
    disk: Disk,
    audit: Recorder,
    /// What was last known of each folder that somebody asked in.
    trust_noted: BTreeMap<String, (ProjectHash, Known)>,
    relay: Relay,
    /// Set until the code is spent.
    newcomer: Option<Dialler>,
    /// Set while an enrolment code is being spent.
    enrolling: bool,
    dialling: Dialling,
    changes: Changes,
    socket: Option<Socket>,
    holders: Holders,
    keeper: Keeper,
    news: UnboundedReceiver<News>,
    owners: Owners,
    commands: UnboundedReceiver<Command>,
    web: Option<Address>,
    ever_online: bool,
    /// What the relay said as it accepted us; may be empty.
    warning: String,
    handout: Handout,
    /// What was wrong on the disk at the start, until the owner was told.
    findings: Vec<Finding>,
    presence: Presence,
    pulse: Pulse,
}

impl Daemon {
    /// Prepares everything that can fail before the first word to the relay.
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub async fn prepare(options: Options) -> Result<(Self, Owners), DaemonError> {
        let now = clock::now();
        let pulse = Pulse::start(now.mono)?;
        let enrolment = match &options.enrol {
            Some(_) => None,
            None => Some(options.state.enrolment()?.ok_or(DaemonError::NotEnrolled)?),
        };
        let mut identity = options.state.identity(now.unix)?;
        if options.enrol.is_some() && identity.name_by_chain() {
            options.state.save_identity(&identity)?;
        }
        let (relay, newcomer) = relay_and_role(&options, enrolment, &identity)?;
        let (devices, damaged_table) = options.state.devices(now.unix)?;
        let (known, damaged_clock) = options.state.high_water(now.unix)?;
        let known = known.unwrap_or_else(|| devices.latest().max(identity.latest()));
        let clock = AgentClock::start(now, known);
        let (socket, folder) = (options.state.owner_socket(), options.state.holders());
        let history = options.state.history();
        let findings = [
            damaged_table,
            damaged_clock,
            options.state.make_way(&socket, now.unix)?,
            options.state.make_way_for_folder(&folder, now.unix)?,
            options.state.make_way_for_folder(&history, now.unix)?,
        ];
        let (audit, broken_log) =
            auditing::open_audit(&options.state, &identity, options.keep_audit, now)?;
        let findings = findings.into_iter().chain([broken_log]);
        let core = Core::new(identity, options.machine, devices, now);
        let (tell, news) = unbounded_channel();
        let shelf = Shelf::new(history);
        let rule = Retention {
            age: options.keep_history,
            total: HISTORY_TOTAL,
        };
        let place = Place {
            dir: folder,
            exe: options.exe,
            cwd: options.cwd,
        };
        let mut holders = Holders::new(
            place,
            options.orphans_end_after,
            (shelf.clone(), rule.keeps()),
            tell.clone(),
        );
        holders.find().await?;
        let keeper = Keeper::start(shelf, rule, tell)?;
        let (owners, commands) = Owners::listen(&socket)?;
        let daemon = Self {
            core,
            clock,
            disk: Disk::new(options.state),
            audit,
            trust_noted: BTreeMap::new(),
            relay,
            newcomer,
            enrolling: options.enrol.is_some(),
            dialling: Dialling::new(Proxies::of_environment()),
            changes: Changes::watch(),
            socket: None,
            holders,
            keeper,
            news,
            owners: owners.clone(),
            commands,
            web: None,
            ever_online: false,
            warning: String::new(),
            handout: Handout::default(),
            findings: findings.flatten().collect(),
            presence: Presence::default(),
            pulse,
        };
        Ok((daemon, owners))
    }

    /// Runs until told to stop, or until the relay refuses this machine for good.
    ///
    /// # Errors
    /// See [`DaemonError`]. Holders, and so the terminals, stay.
    pub async fn run(mut self) -> Result<(), DaemonError> {
        for Finding { sentence, hint } in std::mem::take(&mut self.findings) {
            self.owners.tell(&Notice::Trouble { sentence, hint });
        }
        self.dialling.start(&self.relay, Duration::ZERO);
        loop {
            self.carry_out()?;
            self.look_at_audit();
            if self.socket.is_some() && !self.core.has_link() {
                self.hang_up().await?;
            }
            let now = self.now();
            self.pulse.beat(now.mono);
            let wake = [self.core.poll_timeout(now), self.pulse.next()];
            let sleep = wake
                .into_iter()
                .flatten()
                .min()
                .map(|at| at.since(now.mono))
                .unwrap_or(LONGEST_SLEEP);
            let core = &mut self.core;
            tokio::select! {
                incoming = receive(&mut self.socket, || core.poll_output()) => match incoming {
                    Incoming::Message(message) => self.core.handle(message, self.now()),
                    Incoming::Gone => {
                        self.core.disconnected(CloseCode::Cut);
                        self.socket = None;
                    }
                },
                dialled = self.dialling.next() => self.dialled(dialled)?,
                gap = self.changes.next() => {
                    tracing::debug!(?gap, "the network has changed, or the machine has slept");
                    if let Some(gap) = gap {
                        self.presence.was_away(gap, clock::unix());
                    }
                    self.dialling.hurry(&self.relay);
                    self.core.probe(clock::mono());
                }
                () = tokio::time::sleep(sleep) => self.core.on_timeout(self.now()),
                Some(news) = self.news.recv() => self.hear(news),
                Some(command) = self.commands.recv() => {
                    if self.obey(command)? {
                        return self.stop().await;
                    }
                }
            }
        }
    }

    fn now(&self) -> Now {
        self.clock.at(clock::mono())
    }

    fn dialled(&mut self, dialled: Dialled) -> Result<(), DaemonError> {
        match dialled {
            Ok(socket) => {
                // A link says who we are and whom we admit: not what a crash would undo.
                if let Err(error) = self.disk.catch_up(&self.core) {
                    self.tell_trouble(&error);
                    self.dialling.again(&self.relay, None, clock::mono());
                    return Ok(());
                }
                self.clock.rebase(clock::now());
                self.core.set_earliest(self.clock.earliest());
                let now = self.now();
                let host = self.relay.address().authority().to_owned();
                self.core
                    .connected(Link::new(self.dialler(), host, now.mono));
                self.socket = Some(socket);
            }
            // A code is for once and for now: say at once what is wrong with it.
            Err(error) if self.enrolling || (error.is_lasting() && !self.ever_online) => {
                return Err(error.into());
            }
            Err(error) => {
                tracing::debug!(%error, "dialling failed");
                self.pulse.offline(&error.to_string());
                self.presence
                    .offline(&error.to_string(), error.hint(), clock::unix());
                self.owners.tell(&Notice::Unreachable {
                    sentence: error.to_string(),
                    hint: error.hint().to_owned(),
                });
                self.dialling
                    .again(&self.relay, error.again(), clock::mono());
            }
        }
        Ok(())
    }

    /// The link is over: says the last words and decides whether to dial again.
    async fn hang_up(&mut self) -> Result<(), DaemonError> {
        if let Some(socket) = self.socket.take() {
            let core = &mut self.core;
            socket.finish(|| core.poll_output()).await;
        }
        self.core.disconnected(CloseCode::Cut);
        self.carry_out()
    }

    fn hear(&mut self, news: News) {
        let now = self.now();
        match news {
            News::Spawned(id, outcome) => self.core.spawned(id, outcome),
            News::Terminal(terminal) => self.core.put_terminal(terminal),
            News::Gone(id) => {
                self.holders.gone(id);
                self.keeper.left(id);
            }
            News::Left(id, past) => {
                if let Some(past) = past {
                    self.core.put_past(past);
                }
                self.core.terminal_gone(id);
            }
            News::Past(past) => self.core.put_past(past),
            News::PastGone(id) => self.core.past_gone(id),
            News::Forgot(id, wish, outcome) => self.core.forgot(id, wish, outcome),
            News::Looked(answer) => drop(answer.send(())),
            News::Applied(terminal, writer, seq) => {
                self.core.last_input(terminal, writer, seq, now);
                self.core.applied(terminal, writer, seq, now.mono);
            }
            News::InputGap(terminal) => self.core.input_refused(terminal, CloseCode::InputGap),
            News::Watched(stream, number, watched) => {
                if self.holders.is_watching(stream, number) {
                    self.core.watched(stream, watched, now);
                }
            }
        }
    }

    async fn stop(mut self) -> Result<(), DaemonError> {
        self.pulse.stopping();
        let now = self.now();
        if let Err(error) = self.audit.sign(now) {
            tracing::warn!(%error, "the audit log could not be signed");
        }
        self.core.leave();
        self.hang_up().await
    }

    fn fingerprint(&self) -> Option<[u8; 32]> {
        match self.relay.trust() {
            lanyard_dial::Trust::Pinned(fingerprint) => Some(fingerprint),
            lanyard_dial::Trust::System => None,
        }
    }

    fn agent(&self) -> lanyard_shared::ids::AgentId {
        self.core.agent()
    }

    /// Who we are to the relay now: the key changes when the identity is rotated.
    fn dialler(&self) -> Dialler {
        self.newcomer.clone().unwrap_or_else(|| Dialler::Agent {
            agent: self.agent(),
            key: self.core.proof_key(),
        })
    }
}

/// The next message, or never while there is no socket.
async fn receive(
    socket: &mut Option<Socket>,
    source: impl FnMut() -> Option<bytes::Bytes>,
) -> Incoming {
    match socket {
        Some(socket) => socket.next(source).await,
        None => std::future::pending().await,
    }
}

fn relay_and_role(
    options: &Options,
    enrolment: Option<Enrolment>,
    identity: &Identity,
) -> Result<(Relay, Option<Dialler>), DaemonError> {
    if let Some(code) = &options.enrol {
        let relay = Relay::new(code.address.clone(), code.fingerprint.into());
        let (key, name) = (Arc::clone(identity.key()), options.machine.name.clone());
        let (chain, _) = identity.certificates();
        let code = *code.code;
        let newcomer = Dialler::Newcomer {
            key,
            code,
            name,
            chain,
        };
        return Ok((relay, Some(newcomer)));
    }
    let enrolment = enrolment.ok_or(DaemonError::NotEnrolled)?;
    let relay = Relay::parse(
        &enrolment.relay,
        enrolment.fingerprint.map(|bytes| bytes.0).into(),
    )?;
    Ok((relay, None))
}
