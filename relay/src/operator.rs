//! The operator's socket: a Unix socket in the data directory, for the user who runs the relay. One JSON line asks, one answers.

use crate::clock;
use crate::limits::{OPERATOR_ANSWER, OPERATOR_LINE, OPERATOR_TIME, OUT_OF_DESCRIPTORS};
use crate::state::State;
use crate::store::Agent;
use crate::trouble::Trouble;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::ids::AgentId;
use lanyard_shared::pair::address::Address;
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::fs::Permissions;
use std::io::{BufRead as _, BufReader as StdBufReader, Read as _, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};

/// What an operator asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "lowercase", deny_unknown_fields)]
pub enum Request {
    /// A new enrolment code that lives for so many seconds.
    Enrol {
        /// Its life.
        seconds: u64,
    },
    /// All agents. With braces, because only so an unknown field beside it is refused.
    Agents {},
}

/// What the relay answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A new code.
    Code(NewCode),
    /// All agents.
    Agents(Vec<Listed>),
    /// It did not work.
    Failed {
        /// What went wrong.
        error: String,
        /// What to do about it.
        hint: String,
    },
}

/// A new enrolment code.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewCode {
    /// The text for `lanyard up --enrol`.
    pub code: String,
    /// The relay's address in it.
    pub address: String,
    /// When it ends.
    pub expires: UnixMs,
}

/// An agent, as listed.
#[derive(Debug, Serialize, Deserialize)]
pub struct Listed {
    /// Its id.
    pub id: AgentId,
    /// Its name.
    pub name: String,
    /// When it was enrolled.
    pub enrolled: UnixMs,
    /// When it was last seen.
    pub seen: Option<UnixMs>,
    /// Whether it is connected.
    pub online: bool,
}

impl Listed {
    /// An agent that is or is not connected.
    #[must_use]
    pub fn new(agent: Agent, online: bool) -> Self {
        Self {
            id: agent.id,
            name: agent.name,
            enrolled: agent.enrolled,
            seen: agent.seen,
            online,
        }
    }
}

/// What goes into an enrolment code beside the code.
#[derive(Clone, Debug)]
pub struct Enroller {
    /// The relay's https address.
    pub address: Address,
    /// Its certificate, if it is its own.
    pub fingerprint: Option<[u8; 32]>,
}

/// The socket's server.
pub struct Operator {
    socket: UnixListener,
    _path: RemovedOnDrop,
    state: Arc<State>,
    enroller: Enroller,
}

struct RemovedOnDrop(PathBuf);

impl Operator {
    /// Opens the socket. The data directory is locked, so one that is there already is left over.
    ///
    /// # Errors
    /// It cannot be opened.
    pub fn bind(path: &Path, state: Arc<State>, enroller: Enroller) -> Result<Self, Trouble> {
        let bind = || {
            if path.exists() {
                std::fs::remove_file(path)?;
            }
            // The directory is closed to others, so there is no moment at which they could connect.
            let socket = UnixListener::bind(path)?;
            std::fs::set_permissions(path, Permissions::from_mode(0o600))?;
            Ok(socket)
        };
        let socket = bind().map_err(|error: std::io::Error| {
            Trouble::new(format!(
                "cannot open the operator's socket {}: {error}",
                path.display()
            ))
            .hint("a socket's path may have 107 characters; pass a shorter --data DIR")
        })?;
        Ok(Self {
            socket,
            _path: RemovedOnDrop(path.to_owned()),
            state,
            enroller,
        })
    }

    /// Answers for ever.
    pub async fn run(self) {
        loop {
            match self.socket.accept().await {
                Ok((stream, _)) => {
                    let (state, enroller) = (Arc::clone(&self.state), self.enroller.clone());
                    tokio::spawn(tokio::time::timeout(
                        OPERATOR_TIME,
                        answer(stream, state, enroller),
                    ));
                }
                Err(error) => {
                    tracing::warn!(%error, "accept on the operator's socket failed");
                    tokio::time::sleep(OUT_OF_DESCRIPTORS).await;
                }
            }
        }
    }
}

impl Drop for RemovedOnDrop {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

async fn answer(
    mut stream: UnixStream,
    state: Arc<State>,
    enroller: Enroller,
) -> std::io::Result<()> {
    let ours = rustix::process::geteuid().as_raw();
    let theirs = stream.peer_cred()?.uid();
    if theirs != ours {
        tracing::warn!(uid = theirs, "another user on the operator's socket");
        return Ok(());
    }
    let (read, mut write) = stream.split();
    let mut line = String::new();
    BufReader::new(read.take(OPERATOR_LINE))
        .read_line(&mut line)
        .await?;
    let answer = match serde_json::from_str(&line) {
        Ok(Request::Enrol { seconds }) => enrol(&state, &enroller, seconds).await,
        Ok(Request::Agents {}) => Answer::Agents(
            state
                .agents
                .list()
                .into_iter()
                .map(|agent| {
                    let online = state.router.is_online(agent.id);
                    Listed::new(agent, online)
                })
                .collect(),
        ),
        Err(_) => failed(
            &Trouble::new("the relay does not understand this request")
                .hint("use the same version of lanyard-relay"),
        ),
    };
    let mut text = serde_json::to_vec(&answer)?;
    text.push(b'\n');
    write.write_all(&text).await
}

async fn enrol(state: &State, enroller: &Enroller, seconds: u64) -> Answer {
    let Some(code) = EnrolmentCode::generate() else {
        return failed(&Trouble::new("the system gives no random numbers"));
    };
    let now = clock::unix();
    let life = Duration::from_secs(seconds).min(crate::limits::ENROL_LIFE_MAX);
    let expires = now + life;
    if let Err(error) = state.agents.add_code(&code, now, expires).await {
        return failed(&error.into());
    }
    tracing::info!(seconds = life.as_secs(), "enrolment code made");
    let text = EnrolmentCode {
        code,
        address: enroller.address.clone(),
        fingerprint: enroller.fingerprint,
    }
    .encode();
    Answer::Code(NewCode {
        code: text.to_string(),
        address: enroller.address.web().to_owned(),
        expires,
    })
}

fn failed(trouble: &Trouble) -> Answer {
    Answer::Failed {
        error: trouble.to_string(),
        hint: trouble.hint_text().unwrap_or_default().to_owned(),
    }
}

/// Asks a running relay.
///
/// # Errors
/// None is running, or it says no.
pub fn ask(socket: &Path, request: &Request) -> Result<Answer, Trouble> {
    let mut stream = StdUnixStream::connect(socket).map_err(|error| {
        let is = |kinds: &[std::io::ErrorKind]| kinds.contains(&error.kind());
        if is(&[
            std::io::ErrorKind::NotFound,
            std::io::ErrorKind::ConnectionRefused,
        ]) {
            not_running(socket)
        } else if is(&[std::io::ErrorKind::PermissionDenied]) {
            Trouble::new("the relay belongs to another user")
                .hint("run this as the user who runs the relay")
        } else {
            Trouble::new(format!(
                "cannot reach the relay at {}: {error}",
                socket.display()
            ))
        }
    })?;
    let failed = |error: std::io::Error| Trouble::new(format!("the relay did not answer: {error}"));
    stream
        .set_read_timeout(Some(OPERATOR_TIME))
        .map_err(failed)?;
    let mut line = serde_json::to_vec(request).map_err(|error| failed(error.into()))?;
    line.push(b'\n');
    stream.write_all(&line).map_err(failed)?;
    let mut answer = String::new();
    StdBufReader::new(stream.take(OPERATOR_ANSWER))
        .read_line(&mut answer)
        .map_err(failed)?;
    match serde_json::from_str(&answer).map_err(|error| failed(error.into()))? {
        Answer::Failed { error, hint } => Err(Trouble::new(error).hint(hint)),
        answer @ (Answer::Code(_) | Answer::Agents(_)) => Ok(answer),
    }
}

/// True while a relay answers at this socket; one that was killed leaves its socket behind.
#[must_use]
pub fn is_running(socket: &Path) -> bool {
    StdUnixStream::connect(socket).is_ok()
}

/// There is no relay.
#[must_use]
pub fn not_running(socket: &Path) -> Trouble {
    let data = socket.parent().unwrap_or(socket).display();
    Trouble::new(format!("no relay is running on {data}"))
        .hint("start one with `lanyard-relay serve`, or pass the --data DIR it was started with")
}
