//! The owner's socket: `lanyard status`, `pair` and their like talk to the running agent here, one JSON object a line.
//!
//! Only this user's processes are served, and not those that descend from a terminal: a program in a terminal that a device drives must
//! not pair further devices. (A speed bump: a process can leave its ancestry.)

mod peer;

use crate::core::Question;
use crate::core::keys::Urgency;
use crate::core::pairing::{Invitation, QuestionId};
use crate::core::rotation::{Rotated, Rotation};
use crate::limits::{OWNER_BACKLOG, OWNER_LINE, OWNER_PAUSE, PAIR_TIME};
use lanyard_shared::access::{
    DeviceEntry, InvitationEntry, KeyEntry, Reach, Revocation, TokenEntry,
};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{AgentId, DeviceId};
use lanyard_shared::msg::{Reason, Scope, Terminal};
use lanyard_shared::pair::{PairingLink, address::Address};
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::sync::{broadcast, oneshot};

/// What an owner's command asks of the daemon.
#[derive(Debug)]
pub enum Command {
    /// A pairing link, please.
    Pair {
        /// What it gives.
        invitation: Invitation,
        /// The link, or why not.
        reply: oneshot::Sender<Result<Link, CloseCode>>,
    },
    /// End open pairing links.
    Cancel,
    /// The answer to a question.
    Answer {
        /// Which.
        question: QuestionId,
        /// The answer.
        yes: bool,
    },
    /// How things are.
    Status {
        /// How.
        reply: oneshot::Sender<Status>,
    },
    /// End access.
    Revoke {
        /// What.
        revocation: Revocation,
        /// How many tokens ended, for good.
        reply: oneshot::Sender<Result<u32, CloseCode>>,
    },
    /// End all remote access until it is allowed again, or allow it again.
    Lock {
        /// Which of the two.
        locked: bool,
        /// Done, for good.
        reply: oneshot::Sender<Result<(), CloseCode>>,
    },
    /// Replace keys.
    Rotate {
        /// Which.
        rotation: Rotation,
        /// How.
        urgency: Urgency,
        /// What was begun.
        reply: oneshot::Sender<Result<Vec<Rotated>, CloseCode>>,
    },
    /// A suspended device is its owner's.
    Trust {
        /// Which.
        device: DeviceId,
        /// Done, for good.
        reply: oneshot::Sender<Result<(), CloseCode>>,
    },
    /// The clock was ahead before, and says the right time now.
    AcceptClock {
        /// The answer, for good.
        reply: oneshot::Sender<Result<Notice, CloseCode>>,
    },
    /// Leave. Terminals stay.
    Stop,
}

/// A request on the socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "t", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// See [`Command::Pair`].
    Pair {
        /// What it grants.
        scopes: Vec<Scope>,
        /// What that reaches.
        reach: Reach,
        /// For how many seconds the device may stay; `None` while it is used.
        stays: Option<u64>,
        /// The yes, given beforehand.
        yes: bool,
    },
    /// See [`Command::Cancel`].
    Cancel {},
    /// See [`Command::Answer`].
    Answer {
        /// Which.
        question: QuestionId,
        /// The answer.
        yes: bool,
    },
    /// See [`Command::Status`].
    Status {},
    /// See [`Command::Revoke`].
    Revoke {
        /// What.
        revocation: Revocation,
    },
    /// See [`Command::Lock`].
    Lock {
        /// Shut, or open again.
        locked: bool,
    },
    /// See [`Command::Rotate`].
    Rotate {
        /// Which.
        rotation: Rotation,
        /// How.
        urgency: Urgency,
    },
    /// See [`Command::Trust`].
    Trust {
        /// Which.
        device: DeviceId,
    },
    /// See [`Command::AcceptClock`].
    AcceptClock {},
}

/// What the agent tells its owner, asked or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Notice {
    /// The relay has accepted this machine.
    Online {
        /// Its address.
        relay: String,
        /// The address browsers use.
        web: String,
        /// Something to know, or empty.
        warning: String,
    },
    /// The link has ended; the agent dials again.
    Offline {
        /// Why.
        sentence: String,
        /// What to do; may be empty.
        hint: String,
    },
    /// The relay cannot be reached; the agent tries again.
    Unreachable {
        /// Why.
        sentence: String,
        /// What to do.
        hint: String,
    },
    /// Something that must be on disk could not be written.
    Trouble {
        /// What.
        sentence: String,
        /// What to do.
        hint: String,
    },
    /// The answer to `pair`.
    Link(Link),
    /// A device wants in.
    Question {
        /// To answer with.
        question: QuestionId,
        /// How it calls itself.
        device: String,
        /// To compare with its screen.
        words: [String; 4],
        /// What a yes grants.
        scopes: Vec<Scope>,
        /// What that reaches.
        reach: Reach,
        /// When it ends whatever happens: a share.
        until: Option<UnixMs>,
    },
    /// Nobody needs to answer any more.
    Withdrawn {
        /// Which question.
        question: QuestionId,
    },
    /// A device was paired.
    Paired {
        /// How it calls itself.
        device: String,
        /// What it was granted.
        scopes: Vec<Scope>,
    },
    /// The answer to `status`.
    Status(Status),
    /// Done as asked.
    Done {},
    /// The answer to `revoke`.
    Ended {
        /// How many tokens ended.
        tokens: u32,
    },
    /// The answer to `rotate`.
    Rotated {
        /// What, and when the old keys stop working.
        rotated: Vec<Rotated>,
    },
    /// A rotation that waited for somebody is done.
    RotationDone {
        /// Which, and when the old keys stopped working.
        rotated: Rotated,
    },
    /// The answer to `accept_clock`.
    ClockAccepted {
        /// The present time, which is taken for right.
        time: UnixMs,
        /// The names of devices that must pair again: they were last seen at a time that has not come yet.
        pair_again: Vec<String>,
    },
    /// A copy of a device was seen: it may only watch until its owner has decided.
    Suspended {
        /// Which.
        device: DeviceId,
        /// How it calls itself.
        name: String,
    },
    /// Not done.
    Refused {
        /// Why.
        reason: Reason,
    },
}

/// A pairing link for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Link {
    /// To open in a browser, or to give to `lanyard attach`.
    pub url: String,
    /// Whether only this machine can open it.
    pub local_only: bool,
    /// The relay's certificate to compare, in hex, when no authority vouches for it.
    pub fingerprint: Option<String>,
}

/// How things are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Whether the relay has accepted this machine.
    pub online: bool,
    /// The relay.
    pub relay: String,
    /// The address browsers use.
    pub web: Option<String>,
    /// This machine.
    pub agent: AgentId,
    /// Viewers that have a session now.
    pub sessions: usize,
    /// All terminals.
    pub terminals: Vec<Terminal>,
    /// The machine's clock.
    pub time: UnixMs,
    /// Whether all remote access is shut.
    pub locked: bool,
    /// All devices.
    pub devices: Vec<DeviceEntry>,
    /// All live tokens.
    pub tokens: Vec<TokenEntry>,
    /// The machine's own keys.
    pub keys: Vec<KeyEntry>,
    /// Pairing and share links that still open.
    pub invitations: Vec<InvitationEntry>,
    /// What the relay said when it accepted this machine: something to know, or empty.
    pub warning: String,
    /// The time that this machine knew and its clock is behind: nothing is granted until then.
    pub clock_behind: Option<UnixMs>,
}

impl Link {
    /// The link at the address browsers use.
    #[must_use]
    pub fn new(web: &Address, link: &PairingLink) -> Self {
        Self {
            url: link.url(web).to_string(),
            local_only: web.is_loopback(),
            fingerprint: link
                .fingerprint
                .map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect()),
        }
    }
}

/// All who listen to the agent: connections on the socket, and the terminal of `lanyard up` itself.
#[derive(Clone)]
pub struct Owners {
    commands: UnboundedSender<Command>,
    notices: broadcast::Sender<Notice>,
    /// Questions that nobody has answered, for those who start to listen later.
    open: Arc<Mutex<Vec<Notice>>>,
}

impl Owners {
    /// Listens on `path`. A socket that a killed agent left there is replaced; the caller holds the folder's lock.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(path: &Path) -> std::io::Result<(Self, UnboundedReceiver<Command>)> {
        let _ = std::fs::remove_file(path);
        let listener = peer::bind_private(path)?;
        let (commands, receiver) = mpsc::unbounded_channel();
        let (notices, _) = broadcast::channel(OWNER_BACKLOG);
        let owners = Self {
            commands,
            notices,
            open: Arc::default(),
        };
        tokio::spawn(owners.clone().serve(listener));
        Ok((owners, receiver))
    }

    /// Tells all who listen.
    pub fn tell(&self, notice: &Notice) {
        // Nobody may be listening; that is no fault.
        let _ = self.notices.send(notice.clone());
    }

    /// Asks all who listen, now and until it is answered or withdrawn.
    pub fn ask(&self, question: Question) {
        let notice = Notice::Question {
            question: question.id,
            device: question.device,
            words: question.words.map(str::to_owned),
            scopes: question.scopes,
            reach: question.reach,
            until: question.until,
        };
        self.open_questions(|open| open.push(notice.clone()));
        self.tell(&notice);
    }

    /// Takes a question back.
    pub fn withdraw(&self, id: QuestionId) {
        self.open_questions(|open| {
            open.retain(|n| !matches!(n, Notice::Question { question, .. } if *question == id))
        });
        self.tell(&Notice::Withdrawn { question: id });
    }

    /// What is told from now on.
    #[must_use]
    pub fn subscribe(&self) -> broadcast::Receiver<Notice> {
        self.notices.subscribe()
    }

    /// Does what a request asks, and answers it.
    pub async fn request(&self, request: Request) -> Notice {
        self.try_request(request)
            .await
            .unwrap_or_else(|| Notice::Refused {
                reason: CloseCode::GoingAway.into(),
            })
    }

    /// Tells the agent to leave.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    async fn try_request(&self, request: Request) -> Option<Notice> {
        Some(match request {
            Request::Pair {
                scopes,
                reach,
                stays,
                yes,
            } => {
                let (reply, answer) = oneshot::channel();
                let invitation = Invitation {
                    scopes,
                    reach,
                    stays: stays.map(Duration::from_secs),
                    without_asking: yes,
                };
                self.commands
                    .send(Command::Pair { invitation, reply })
                    .ok()?;
                // A relay that stands and never takes it in is no relay to wait for.
                let answer = tokio::time::timeout(PAIR_TIME, answer).await;
                match answer.unwrap_or(Ok(Err(CloseCode::AgentOffline))).ok()? {
                    Ok(link) => Notice::Link(link),
                    Err(code) => Notice::Refused {
                        reason: code.into(),
                    },
                }
            }
            Request::Cancel {} => {
                self.commands.send(Command::Cancel).ok()?;
                Notice::Done {}
            }
            Request::Answer { question, yes } => {
                self.commands.send(Command::Answer { question, yes }).ok()?;
                Notice::Done {}
            }
            Request::Status {} => {
                let (reply, answer) = oneshot::channel();
                self.commands.send(Command::Status { reply }).ok()?;
                Notice::Status(answer.await.ok()?)
            }
            Request::Revoke { revocation } => {
                let (reply, answer) = oneshot::channel();
                self.commands
                    .send(Command::Revoke { revocation, reply })
                    .ok()?;
                match answer.await.ok()? {
                    Ok(tokens) => Notice::Ended { tokens },
                    Err(code) => Notice::Refused {
                        reason: code.into(),
                    },
                }
            }
            Request::Rotate { rotation, urgency } => self.rotate(rotation, urgency).await?,
            Request::Trust { device } => self.trust(device).await?,
            Request::AcceptClock {} => self.accept_clock().await?,
            Request::Lock { locked } => {
                let (reply, answer) = oneshot::channel();
                self.commands.send(Command::Lock { locked, reply }).ok()?;
                match answer.await.ok()? {
                    Ok(()) => Notice::Done {},
                    Err(code) => Notice::Refused {
                        reason: code.into(),
                    },
                }
            }
        })
    }

    async fn rotate(&self, rotation: Rotation, urgency: Urgency) -> Option<Notice> {
        let (reply, answer) = oneshot::channel();
        let command = Command::Rotate {
            rotation,
            urgency,
            reply,
        };
        self.commands.send(command).ok()?;
        Some(match answer.await.ok()? {
            Ok(rotated) => Notice::Rotated { rotated },
            Err(code) => refused(code),
        })
    }

    async fn trust(&self, device: DeviceId) -> Option<Notice> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::Trust { device, reply }).ok()?;
        Some(match answer.await.ok()? {
            Ok(()) => Notice::Done {},
            Err(code) => refused(code),
        })
    }

    async fn accept_clock(&self) -> Option<Notice> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(Command::AcceptClock { reply }).ok()?;
        Some(answer.await.ok()?.unwrap_or_else(refused))
    }

    async fn serve(self, listener: UnixListener) {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(self.clone().serve_one(stream));
                }
                Err(error) => {
                    tracing::warn!(%error, "the owner's socket failed");
                    tokio::time::sleep(OWNER_PAUSE).await;
                }
            }
        }
    }

    async fn serve_one(self, stream: UnixStream) {
        if let Err(refused) = peer::check(&stream) {
            tracing::warn!(reason = %refused, "a caller on the owner's socket was refused");
            return;
        }
        let mut notices = self.subscribe();
        let (read, mut write) = stream.into_split();
        let mut lines = BufReader::new(read.take(OWNER_LINE)).lines();
        for question in self.open_questions(|open| open.clone()) {
            if write.write_all(&line(&question)).await.is_err() {
                return;
            }
        }
        loop {
            let notice = tokio::select! {
                read = lines.next_line() => {
                    let Ok(Some(text)) = read else { return };
                    lines.get_mut().get_mut().set_limit(OWNER_LINE);
                    let Ok(request) = serde_json::from_str(&text) else { return };
                    self.request(request).await
                }
                notice = notices.recv() => match notice {
                    Ok(notice) => notice,
                    Err(broadcast::error::RecvError::Lagged(_)) => continue,
                    Err(broadcast::error::RecvError::Closed) => return,
                },
            };
            if write.write_all(&line(&notice)).await.is_err() {
                return;
            }
        }
    }

    fn open_questions<T>(&self, look: impl FnOnce(&mut Vec<Notice>) -> T) -> T {
        look(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A command's end of the socket.
pub struct OwnerConn {
    lines: tokio::io::Lines<BufReader<tokio::net::unix::OwnedReadHalf>>,
    write: tokio::net::unix::OwnedWriteHalf,
}

impl OwnerConn {
    /// Connects to the agent of this folder.
    ///
    /// # Errors
    /// None is running.
    pub async fn connect(path: &Path) -> std::io::Result<Self> {
        let (read, write) = UnixStream::connect(path).await?.into_split();
        Ok(Self {
            lines: BufReader::new(read).lines(),
            write,
        })
    }

    /// Sends a request.
    ///
    /// # Errors
    /// The agent has left.
    pub async fn send(&mut self, request: &Request) -> std::io::Result<()> {
        self.write.write_all(&line(request)).await
    }

    /// The next notice; `None` when the agent has left or refused this caller.
    ///
    /// # Errors
    /// The connection failed, or what came is no notice.
    pub async fn next(&mut self) -> std::io::Result<Option<Notice>> {
        let Some(text) = self.lines.next_line().await? else {
            return Ok(None);
        };
        serde_json::from_str(&text)
            .map(Some)
            .map_err(std::io::Error::other)
    }
}

fn refused(code: CloseCode) -> Notice {
    Notice::Refused {
        reason: code.into(),
    }
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    text
}
