//! The agent at work: carries out what the core decides, towards relay, holders and owner.
//!
//! One task owns everything that decides; it is the only one that touches the core. Effects are carried out before anything is written to
//! the relay, so what must be on disk is there first.

mod dialling;
mod disk;
mod handout;
mod holders;
pub mod owner;

use crate::core::clock::AgentClock;
use crate::core::{Core, Effect, Identity, Machine};
use crate::limits::LONGEST_SLEEP;
use crate::state::{Enrolment, StateDir, StateError};
use dialling::{Dialled, Dialling};
use disk::Disk;
use handout::Handout;
use holders::{Holders, News};
use lanyard_dial::{Incoming, Relay, Socket, clock};
use lanyard_holder::wire::FromClient;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::link::{Dialler, Link};
use lanyard_shared::pair::address::Address;
use lanyard_shared::time::{Now, UnixMs};
use owner::{Command, Notice, Owners};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::UnboundedReceiver;

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
    relay: Relay,
    /// Set until the code is spent.
    newcomer: Option<Dialler>,
    /// Set while an enrolment code is being spent.
    enrolling: bool,
    dialling: Dialling,
    socket: Option<Socket>,
    holders: Holders,
    news: UnboundedReceiver<News>,
    owners: Owners,
    commands: UnboundedReceiver<Command>,
    web: Option<Address>,
    ever_online: bool,
    /// What the relay said as it accepted us; may be empty.
    warning: String,
    handout: Handout,
}

impl Daemon {
    /// Prepares everything that can fail before the first word to the relay.
    ///
    /// # Errors
    /// See [`DaemonError`].
    pub async fn prepare(options: Options) -> Result<(Self, Owners), DaemonError> {
        let now = clock::now();
        let mut identity = options.state.identity(now.unix)?;
        if options.enrol.is_some() && identity.name_by_chain() {
            options.state.save_identity(&identity)?;
        }
        let (relay, newcomer) = relay_and_role(&options, &identity)?;
        let devices = options.state.devices()?;
        let clock = AgentClock::start(now, options.state.high_water()?);
        let core = Core::new(identity, options.machine, devices, now);
        let (mut holders, news) = Holders::new(options.state.holders(), options.exe, options.cwd);
        holders.find().await?;
        let (owners, commands) = Owners::listen(&options.state.owner_socket())?;
        let daemon = Self {
            core,
            clock,
            disk: Disk::new(options.state),
            relay,
            newcomer,
            enrolling: options.enrol.is_some(),
            dialling: Dialling::default(),
            socket: None,
            holders,
            news,
            owners: owners.clone(),
            commands,
            web: None,
            ever_online: false,
            warning: String::new(),
            handout: Handout::default(),
        };
        Ok((daemon, owners))
    }

    /// Runs until told to stop, or until the relay refuses this machine for good.
    ///
    /// # Errors
    /// See [`DaemonError`]. Holders, and so the terminals, stay.
    pub async fn run(mut self) -> Result<(), DaemonError> {
        self.dialling.start(&self.relay, Duration::ZERO);
        loop {
            self.carry_out()?;
            if self.socket.is_some() && !self.core.has_link() {
                self.hang_up().await?;
            }
            let now = self.now();
            let sleep = self
                .core
                .poll_timeout(now)
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
                    self.dialling.again(&self.relay, clock::mono());
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
                self.owners.tell(&Notice::Unreachable {
                    sentence: error.to_string(),
                    hint: error.hint().to_owned(),
                });
                self.dialling.again(&self.relay, clock::mono());
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

    fn carry_out(&mut self) -> Result<(), DaemonError> {
        while let Some(effect) = self.core.poll_effect() {
            match effect {
                Effect::SaveDevices => {
                    if let Err(error) = self.disk.save_devices(&self.core) {
                        self.cannot_save(&error);
                    }
                }
                Effect::SaveKeys => {
                    if let Err(error) = self.disk.save_keys(&self.core) {
                        self.cannot_save(&error);
                    }
                }
                Effect::Rotated(rotated) => self.owners.tell(&Notice::RotationDone { rotated }),
                Effect::Suspended { device, name } => {
                    self.owners.tell(&Notice::Suspended { device, name });
                }
                Effect::NoteDevices => {
                    if let Err(error) = self.disk.note_devices(&self.core) {
                        tracing::warn!(%error, "when devices were last seen could not be saved");
                    }
                }
                Effect::SaveTime => {
                    if let Some(time) = self.clock.vouched(clock::mono())
                        && let Err(error) = self.disk.note_time(time)
                    {
                        tracing::warn!(%error, "the time could not be saved");
                    }
                }
                Effect::Online { web, warning, .. } => self.online(&web, warning)?,
                Effect::TakenIn(upto) => self.handout.taken_in(upto),
                Effect::Offline(close) => {
                    self.handout.offline();
                    self.offline(close)?;
                }
                Effect::Ask(question) => self.owners.ask(question),
                Effect::Withdraw(question) => self.owners.withdraw(question),
                Effect::Paired { name, scopes } => self.owners.tell(&Notice::Paired {
                    device: name,
                    scopes,
                }),
                Effect::Spawn {
                    terminal,
                    name,
                    grid,
                } => self.holders.spawn(terminal, name, grid),
                Effect::Kill(terminal) => {
                    let ended = self
                        .core
                        .terminals()
                        .iter()
                        .any(|t| t.id == terminal && t.exit.is_some());
                    self.holders.kill(terminal, ended);
                }
                Effect::Rename {
                    terminal,
                    name,
                    wish,
                } => {
                    let outcome = self.holders.rename(terminal, &name);
                    self.core.renamed(terminal, name, wish, outcome);
                }
                Effect::Resize(terminal, grid) => {
                    self.holders.tell(
                        terminal,
                        FromClient::Resize {
                            cols: grid.cols,
                            rows: grid.rows,
                        },
                    );
                }
                Effect::Type {
                    terminal,
                    writer,
                    seq,
                    bytes,
                } => {
                    self.holders
                        .tell(terminal, holders::input(writer, seq, bytes));
                }
                Effect::LastInput { terminal, writer } => {
                    self.holders
                        .tell(terminal, FromClient::LastSeq { writer: writer.0 });
                }
                Effect::Watch {
                    stream,
                    terminal,
                    have,
                    pace,
                } => self.holders.watch(stream, terminal, have, pace),
                Effect::Pull(stream, bytes) => {
                    self.holders.tell_watch(stream, FromClient::Credit(bytes))
                }
                Effect::Pace(stream, on) => self.holders.tell_watch(stream, FromClient::Pace(on)),
                Effect::Unwatch(stream) => self.holders.unwatch(stream),
            }
        }
        self.core.set_disk_works(self.disk.works());
        Ok(())
    }

    /// What must be on disk is not, so what was to be said after it is not said: the link goes, and the owner hears why.
    fn cannot_save(&mut self, error: &StateError) {
        self.tell_trouble(error);
        self.socket = None;
        self.core.disconnected(CloseCode::Internal);
    }

    fn tell_trouble(&self, error: &StateError) {
        self.owners.tell(&Notice::Trouble {
            sentence: error.to_string(),
            hint: error.hint(),
        });
    }

    fn online(&mut self, web: &str, warning: String) -> Result<(), DaemonError> {
        self.dialling.proven(clock::mono());
        self.ever_online = true;
        self.web = Address::parse(web).ok();
        if std::mem::take(&mut self.enrolling) {
            let fingerprint = self.fingerprint().map(b64::Bytes);
            self.disk.state.save_enrolment(&Enrolment {
                relay: self.relay.to_string(),
                fingerprint,
            })?;
            self.newcomer = None;
        }
        self.warning.clone_from(&warning);
        self.owners.tell(&Notice::Online {
            relay: self.relay.to_string(),
            web: web.to_owned(),
            warning,
        });
        Ok(())
    }

    fn offline(&mut self, close: lanyard_shared::frame::Close) -> Result<(), DaemonError> {
        // The relay chooses the code; the words are ours.
        let code = close.code.unwrap_or(CloseCode::Cut);
        // It knew us once, or there would be no key to prove.
        let removed = code == CloseCode::UnknownAgent && !self.enrolling;
        let sentence = if removed {
            "the relay does not know this machine any more; its operator may have removed it"
        } else {
            code.sentence()
        }
        .to_owned();
        let lasting = self.enrolling
            || matches!(
                code,
                CloseCode::UnknownAgent | CloseCode::WrongHost | CloseCode::Version
            );
        let skewed = code == CloseCode::ClockSkew && !self.ever_online;
        if lasting || skewed {
            return Err(DaemonError::Refused { code, sentence });
        }
        self.owners.tell(&Notice::Offline {
            sentence,
            hint: code.hint().to_owned(),
        });
        if code == CloseCode::Replaced {
            self.dialling.much_later(&self.relay);
        } else {
            self.dialling.again(&self.relay, clock::mono());
        }
        Ok(())
    }

    fn hear(&mut self, news: News) {
        let now = self.now();
        match news {
            News::Spawned(id, outcome) => self.core.spawned(id, outcome),
            News::Terminal(terminal) => self.core.put_terminal(terminal),
            News::Gone(id) => {
                self.holders.gone(id);
                self.core.terminal_gone(id);
            }
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

    /// Does what an owner's command asks. True when it is to stop.
    fn obey(&mut self, command: Command) -> Result<bool, DaemonError> {
        let now = self.now();
        match command {
            Command::Pair { invitation, reply } => {
                let outcome = match &self.web {
                    Some(web) if self.core.is_online() => {
                        let fingerprint = self.fingerprint().filter(|_| web.is_https());
                        let link = self.core.open_pairing(invitation, fingerprint, now);
                        link.map(|link| owner::Link::new(web, &link))
                    }
                    Some(_) | None => Err(CloseCode::AgentOffline),
                };
                self.handout.put(outcome, || self.core.ask_relay(), reply);
            }
            Command::Cancel => self.core.cancel_pairings(),
            Command::Answer { question, yes } => {
                self.core.answer(question, yes, now);
                self.owners.withdraw(question);
            }
            Command::Status { reply } => {
                let _ = reply.send(owner::Status {
                    online: self.core.is_online(),
                    relay: self.relay.to_string(),
                    web: self.web.as_ref().map(|web| web.web().to_owned()),
                    agent: self.agent(),
                    sessions: self.core.sessions(),
                    terminals: self.core.terminals(),
                    time: now.unix,
                    locked: self.core.devices().locked,
                    devices: self.core.device_entries(None),
                    tokens: self.core.token_entries(|_| true),
                    keys: self.core.key_entries(now),
                    invitations: self.core.invitation_entries(now),
                    warning: self.warning.clone(),
                    clock_behind: self.core.clock_behind(now),
                });
            }
            Command::Revoke { revocation, reply } => {
                let ended = self.core.revoke(revocation, now);
                self.carry_out()?;
                let _ = reply.send(ended.and_then(|ended| self.saved().map(|()| ended)));
            }
            Command::Lock { locked, reply } => {
                if locked {
                    self.core.lock();
                } else {
                    self.core.unlock();
                }
                self.carry_out()?;
                let _ = reply.send(self.saved());
            }
            Command::Rotate {
                rotation,
                urgency,
                reply,
            } => {
                let rotated = self.core.rotate(rotation, urgency, now);
                self.carry_out()?;
                let _ = reply.send(rotated.and_then(|rotated| self.saved().map(|()| rotated)));
            }
            Command::Trust { device, reply } => {
                let trusted = self.core.trust(device);
                self.carry_out()?;
                let _ = reply.send(trusted.and_then(|()| self.saved()));
            }
            Command::AcceptClock { reply } => {
                let _ = reply.send(self.accept_clock()?);
            }
            Command::Stop => return Ok(true),
        }
        Ok(false)
    }

    /// The owner says that the present time is right, whatever was known before. What stands is dialled anew under it.
    fn accept_clock(&mut self) -> Result<Result<Notice, CloseCode>, DaemonError> {
        self.clock = AgentClock::start(clock::now(), UnixMs::default());
        let now = self.now();
        let pair_again = self.core.accept_clock(now);
        self.carry_out()?;
        let noted = self.disk.note_time(now.unix);
        self.core.leave();
        let saved = noted
            .map_err(|_| CloseCode::Internal)
            .and_then(|()| self.saved());
        Ok(saved.map(|()| Notice::ClockAccepted {
            time: now.unix,
            pair_again,
        }))
    }

    /// Whether all that must be on disk is.
    fn saved(&mut self) -> Result<(), CloseCode> {
        let saved = self.disk.catch_up(&self.core);
        saved.map_err(|_| CloseCode::Internal)
    }

    async fn stop(mut self) -> Result<(), DaemonError> {
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
    let enrolment = options.state.enrolment()?.ok_or(DaemonError::NotEnrolled)?;
    let relay = Relay::parse(
        &enrolment.relay,
        enrolment.fingerprint.map(|bytes| bytes.0).into(),
    )?;
    Ok((relay, None))
}
