//! The owner's socket: `lanyard status`, `pair` and their like talk to the running agent here, one JSON object a line.
//!
//! Only this user's processes are served, and not those that descend from a terminal: a program in a terminal that a device drives must
//! not pair further devices. (A speed bump: a process can leave its ancestry.)

mod peer;
mod words;

pub use words::{Gap, Link, Notice, Request, Status, Trouble, Wish};

use crate::core::Question;
use crate::core::keys::Urgency;
use crate::core::pairing::{Invitation, QuestionId};
use crate::core::rotation::{Rotated, Rotation};
use crate::limits::{OWNER_BACKLOG, OWNER_LINE, OWNER_PAUSE, PAIR_TIME};
use lanyard_shared::access::Revocation;
use lanyard_shared::approval::{Granted, Hash, Mode, Request as Approval, Said, Settled};
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::{ApprovalId, DeviceId};
use serde::Serialize;
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
    /// Something on this machine would like to run a command.
    Ask {
        /// Which process.
        pid: u32,
        /// What.
        wish: Box<Wish>,
        /// Whether it may, or [`Notice::Decided`] with what people are asked.
        reply: oneshot::Sender<Result<Notice, CloseCode>>,
    },
    /// Whoever asked for these has gone.
    WithdrawApprovals(Vec<ApprovalId>),
    /// How a request for approval has ended, if it has.
    Settled {
        /// Which.
        id: ApprovalId,
        /// How.
        reply: oneshot::Sender<Option<Settled>>,
    },
    /// What waits for an approval.
    Approvals {
        /// The oldest first.
        reply: oneshot::Sender<Vec<Approval>>,
    },
    /// The person at the machine answers.
    AnswerApproval {
        /// Which.
        id: ApprovalId,
        /// What was shown.
        hash: Hash,
        /// The answer.
        said: Said,
        /// What has come of it, for good: by this answer or an earlier one.
        reply: oneshot::Sender<Result<Settled, CloseCode>>,
    },
    /// What a person lets stand for now.
    Permissions {
        /// The mode that was chosen, and rules for a time.
        reply: oneshot::Sender<(Option<Mode>, Vec<Granted>)>,
    },
    /// From now on work in this mode.
    SetMode {
        /// Which; nothing for what settings say.
        mode: Option<Mode>,
        /// It is so.
        reply: oneshot::Sender<()>,
    },
    /// Rules that stand for a time are to stand no longer.
    EndGranted {
        /// Which.
        id: ApprovalId,
        /// Whether there were any.
        reply: oneshot::Sender<Result<(), CloseCode>>,
    },
    /// Something that was kept of terminals may be gone from the disk.
    LookAtHistory {
        /// It was looked at.
        reply: oneshot::Sender<()>,
    },
    /// Leave. Terminals stay.
    Stop,
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
    /// Listens on `path`, where nothing lies any more.
    ///
    /// # Errors
    /// The socket cannot be made.
    pub fn listen(path: &Path) -> std::io::Result<(Self, UnboundedReceiver<Command>)> {
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
        self.request_of(std::process::id(), request).await
    }

    async fn request_of(&self, pid: u32, request: Request) -> Notice {
        self.try_request(pid, request)
            .await
            .unwrap_or_else(|| Notice::Refused {
                reason: CloseCode::GoingAway.into(),
            })
    }

    /// Tells the agent to leave.
    pub fn stop(&self) {
        let _ = self.commands.send(Command::Stop);
    }

    async fn try_request(&self, pid: u32, request: Request) -> Option<Notice> {
        let outcome = match request {
            Request::Pair {
                scopes,
                reach,
                stays,
                yes,
            } => {
                let invitation = Invitation {
                    scopes,
                    reach,
                    stays: stays.map(Duration::from_secs),
                    without_asking: yes,
                };
                // A relay that stands and never takes it in is no relay to wait for.
                let link = self.ask_daemon(|reply| Command::Pair { invitation, reply });
                let link = tokio::time::timeout(PAIR_TIME, link).await;
                let link = link.unwrap_or(Some(Err(CloseCode::AgentOffline)))?;
                link.map(Notice::Link)
            }
            Request::Cancel {} => {
                self.commands.send(Command::Cancel).ok()?;
                Ok(Notice::Done {})
            }
            Request::Answer { question, yes } => {
                self.commands.send(Command::Answer { question, yes }).ok()?;
                Ok(Notice::Done {})
            }
            Request::Status {} => {
                let status = self.ask_daemon(|reply| Command::Status { reply }).await?;
                Ok(Notice::Status(status))
            }
            Request::Revoke { revocation } => {
                let command = |reply| Command::Revoke { revocation, reply };
                let tokens = self.ask_daemon(command).await?;
                tokens.map(|tokens| Notice::Ended { tokens })
            }
            Request::Lock { locked } => {
                let command = |reply| Command::Lock { locked, reply };
                self.ask_daemon(command).await?.map(|()| Notice::Done {})
            }
            Request::Rotate { rotation, urgency } => {
                let command = |reply| Command::Rotate {
                    rotation,
                    urgency,
                    reply,
                };
                let rotated = self.ask_daemon(command).await?;
                rotated.map(|rotated| Notice::Rotated { rotated })
            }
            Request::Trust { device } => {
                let command = |reply| Command::Trust { device, reply };
                self.ask_daemon(command).await?.map(|()| Notice::Done {})
            }
            Request::LookAtHistory {} => {
                self.ask_daemon(|reply| Command::LookAtHistory { reply })
                    .await?;
                Ok(Notice::Done {})
            }
            Request::Ask { wish } => {
                let command = |reply| Command::Ask { pid, wish, reply };
                self.ask_daemon(command).await?
            }
            Request::Approvals {} => {
                let requests = self
                    .ask_daemon(|reply| Command::Approvals { reply })
                    .await?;
                Ok(Notice::Approvals { requests })
            }
            Request::Permissions {} => {
                let asked = self.ask_daemon(|reply| Command::Permissions { reply });
                let (mode, granted) = asked.await?;
                Ok(Notice::Permissions { mode, granted })
            }
            Request::SetMode { mode } => {
                let command = |reply| Command::SetMode { mode, reply };
                self.ask_daemon(command).await?;
                Ok(Notice::Done {})
            }
            Request::EndGranted { id } => {
                let command = |reply| Command::EndGranted { id, reply };
                self.ask_daemon(command).await?.map(|()| Notice::Done {})
            }
            Request::AnswerApproval {
                id,
                hash,
                verdict,
                holds,
            } => {
                let said = Said { verdict, holds };
                let command = |reply| Command::AnswerApproval {
                    id,
                    hash,
                    said,
                    reply,
                };
                let settled = self.ask_daemon(command).await?;
                settled.map(|settled| Notice::Answered { settled })
            }
            Request::AcceptClock {} => {
                self.ask_daemon(|reply| Command::AcceptClock { reply })
                    .await?
            }
        };
        Some(outcome.unwrap_or_else(|code| Notice::Refused {
            reason: code.into(),
        }))
    }

    /// The daemon's answer to a command; `None` when it leaves.
    async fn ask_daemon<T>(
        &self,
        command: impl FnOnce(oneshot::Sender<T>) -> Command,
    ) -> Option<T> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).ok()?;
        answer.await.ok()
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
        let pid = match peer::check(&stream) {
            Ok(pid) => pid,
            Err(refused) => {
                tracing::warn!(reason = %refused, "a caller on the owner's socket was refused");
                return;
            }
        };
        let mut asked = Asked {
            owners: self.clone(),
            ids: Vec::new(),
        };
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
                    let notice = self.request_of(pid, request).await;
                    asked.hear(&notice);
                    notice
                }
                notice = notices.recv() => match notice {
                    Ok(notice) => notice,
                    Err(broadcast::error::RecvError::Lagged(_)) => {
                        // Whoever waits for an answer hears it, however much else was lost on the way.
                        for settled in asked.settled().await {
                            if write.write_all(&line(&settled)).await.is_err() {
                                return;
                            }
                        }
                        continue;
                    }
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

/// What one connection has asked approvals for: with it goes who would act on them.
struct Asked {
    owners: Owners,
    ids: Vec<ApprovalId>,
}

impl Asked {
    fn hear(&mut self, notice: &Notice) {
        if let Notice::Decided {
            request: Some(request),
            ..
        } = notice
        {
            self.ids.push(request.id);
        }
    }

    /// Those that have ended.
    async fn settled(&self) -> Vec<Notice> {
        let mut ended = Vec::new();
        for id in self.ids.iter().copied() {
            let settled = self
                .owners
                .ask_daemon(|reply| Command::Settled { id, reply });
            ended.extend(settled.await.flatten());
        }
        let settled = ended.into_iter();
        settled.map(|settled| Notice::Settled { settled }).collect()
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        let ids = std::mem::take(&mut self.ids);
        if !ids.is_empty() {
            // A daemon that has left withdraws nothing: with it all that waits is gone.
            let _ = self.owners.commands.send(Command::WithdrawApprovals(ids));
        }
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

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    text
}
