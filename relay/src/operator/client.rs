//! The other end of the operator's socket: a command asks the relay that runs, or, where that is enough, the database of one that is stopped.

use super::{Answer, Listed, ListedToken, NewToken, Request, note_fits};
use crate::clock;
use crate::data::DataDir;
use crate::limits::{OPERATOR_ANSWER, OPERATOR_TIME};
use crate::secret::Secret;
use crate::store::Store;
use crate::tokens;
use crate::trouble::Trouble;
use std::io::{BufRead as _, BufReader as StdBufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream as StdUnixStream;
use std::path::Path;
use std::time::Duration;
use zeroize::Zeroizing;

/// Asks the relay of `data`; if it is stopped, does what needs none.
///
/// # Errors
/// It says no, or it is needed and does not run.
pub fn ask_or_do(data: &DataDir, request: Request) -> Result<Answer, Trouble> {
    if is_running(&data.socket()) {
        return ask(&data.socket(), &request);
    }
    if !data.database().exists() {
        return Err(not_running(&data.socket()));
    }
    // A relay that starts now waits for nobody, so it is kept from starting until this is written.
    let open = || -> Result<_, Trouble> {
        let lock = data.lock()?;
        Ok((lock, Store::open(&data.database())?))
    };
    let now = clock::unix();
    match request {
        Request::Enrol { .. } | Request::Reload {} => Err(not_running(&data.socket())),
        Request::Agents {} => {
            let agents = Store::open(&data.database())?.agents()?;
            let offline = |agent| Listed::new(agent, false);
            Ok(Answer::Agents(agents.into_iter().map(offline).collect()))
        }
        Request::RevokeAgent { id } => {
            let (_lock, store) = open()?;
            let agent = store.revoke_agent(id)?.ok_or_else(no_agent)?;
            Ok(Answer::Removed(Listed::new(agent, false)))
        }
        Request::CreateToken {
            purpose,
            seconds,
            note,
        } => {
            note_fits(&note)?;
            let (_lock, store) = open()?;
            let expires = now + Duration::from_secs(seconds);
            let (token, record) =
                tokens::fresh(purpose, note, expires, now).ok_or_else(no_random)?;
            store.add_token(&record, now)?;
            Ok(Answer::Token(NewToken {
                token: Secret::new(token.encode()),
                about: ListedToken::new(&record, now),
            }))
        }
        Request::Tokens {} => {
            let list = Store::open(&data.database())?.tokens()?;
            let list = list.iter().map(|record| ListedToken::new(record, now));
            Ok(Answer::Tokens(list.collect()))
        }
        Request::RevokeTokens { which } => {
            let (_lock, store) = open()?;
            let ended = store.revoke_tokens(which, now)?;
            super::ended(which, &ended, now)
        }
    }
}

/// There is no such agent.
#[must_use]
pub fn no_agent() -> Trouble {
    Trouble::new("no machine with this id has joined")
        .hint("run `lanyard-relay agents` for the ids there are")
}

/// The system is not able to make a secret.
#[must_use]
pub fn no_random() -> Trouble {
    Trouble::new("the system gives no random numbers")
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
    let mut answer = Zeroizing::new(String::new());
    StdBufReader::new(stream.take(OPERATOR_ANSWER))
        .read_line(&mut answer)
        .map_err(failed)?;
    match serde_json::from_str(&answer).map_err(|error| failed(error.into()))? {
        Answer::Failed { error, hint } => Err(Trouble::new(error).hint(hint)),
        answer @ (Answer::Code(_)
        | Answer::Agents(_)
        | Answer::Removed(_)
        | Answer::Token(_)
        | Answer::Tokens(_)
        | Answer::Certificate(_)) => Ok(answer),
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
