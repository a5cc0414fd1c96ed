//! What an operator asks of a relay, and what it answers: over its socket, and with an operator token over HTTPS.

mod client;
mod socket;

pub use client::{ask_or_do, no_agent};
pub use socket::Operator;

use crate::clock;
use crate::limits::{ENROL_LIFE_MAX, TOKEN_NOTE_MAX};
use crate::secret::Secret;
use crate::state::State;
use crate::store::Agent;
use crate::tokens::{Purpose, Record, Spoken, TokenId};
use crate::trouble::Trouble;
use client::no_random;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::ids::AgentId;
use lanyard_shared::pair::address::Address;
use lanyard_shared::time::UnixMs;
use serde::{Deserialize, Serialize};
use std::net::IpAddr;
use std::time::Duration;

/// What an operator asks.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Request {
    /// A new enrolment code that lives for so many seconds.
    Enrol {
        /// Its life.
        seconds: u64,
    },
    /// All agents. With braces, because only so an unknown field beside it is refused.
    Agents {},
    /// Remove an agent for good.
    RevokeAgent {
        /// Which.
        id: AgentId,
    },
    /// A new operator token.
    CreateToken {
        /// What it opens.
        purpose: Purpose,
        /// Its life.
        seconds: u64,
        /// What to write to it.
        note: String,
    },
    /// All operator tokens.
    Tokens {},
    /// End operator tokens.
    RevokeTokens {
        /// Which.
        which: Spoken,
    },
    /// Read the certificate's files again.
    Reload {},
}

/// What the relay answers.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// A new code.
    Code(NewCode),
    /// All agents.
    Agents(Vec<Listed>),
    /// An agent as it was before it was removed.
    Removed(Listed),
    /// A new operator token.
    Token(NewToken),
    /// Operator tokens: all, or those that were ended.
    Tokens(Vec<ListedToken>),
    /// What TLS listeners show.
    Certificate(ServedNow),
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
    pub code: Secret,
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

/// A new operator token.
#[derive(Debug, Serialize, Deserialize)]
pub struct NewToken {
    /// The text for the `Authorization` header.
    pub token: Secret,
    /// What it is.
    pub about: ListedToken,
}

/// An operator token, as listed.
#[derive(Debug, Serialize, Deserialize)]
pub struct ListedToken {
    /// Its name; it opens nothing.
    pub id: TokenId,
    /// What it opens.
    pub purpose: Purpose,
    /// What the operator wrote to it.
    pub note: String,
    /// When it was made.
    pub created: UnixMs,
    /// When it ends or ended by itself.
    pub expires: UnixMs,
    /// When it was ended.
    pub revoked: Option<UnixMs>,
    /// When it opened something last.
    pub used: Option<UnixMs>,
    /// For whom.
    pub from: Option<IpAddr>,
    /// Whether it still opens anything.
    pub live: bool,
}

/// The certificate in use.
#[derive(Debug, Serialize, Deserialize)]
pub struct ServedNow {
    /// SHA-256 in hexadecimal.
    pub fingerprint: String,
    /// When it ends.
    pub expires: UnixMs,
    /// Since when it is served.
    pub since: UnixMs,
    /// True for the relay's own.
    pub own: bool,
    /// Whether it has just taken the place of another.
    pub changed: bool,
}

/// What goes into an enrolment code beside the code.
#[derive(Clone, Debug)]
pub struct Enroller {
    /// The relay's https address.
    pub address: Address,
    /// Its certificate, if it is its own.
    pub fingerprint: Option<[u8; 32]>,
}

/// Does what an operator asks.
///
/// # Errors
/// What the operator has to know.
pub async fn perform(state: &State, request: Request) -> Result<Answer, Trouble> {
    let now = clock::now();
    match request {
        Request::Enrol { seconds } => enrol(state, seconds).await.map(Answer::Code),
        Request::Agents {} => {
            let listed = |agent: Agent| {
                let online = state.router.is_online(agent.id);
                Listed::new(agent, online)
            };
            let list = state.agents.list().into_iter().map(listed);
            Ok(Answer::Agents(list.collect()))
        }
        Request::RevokeAgent { id } => revoke_agent(state, id).await.map(Answer::Removed),
        Request::CreateToken {
            purpose,
            seconds,
            note,
        } => {
            note_fits(&note)?;
            let expires = now.unix + Duration::from_secs(seconds);
            let created = state.tokens.create(purpose, note, expires, now).await?;
            let (token, record) = created.ok_or_else(no_random)?;
            tracing::info!(token = %record.id, purpose = purpose.name(), "operator token made");
            Ok(Answer::Token(NewToken {
                token: Secret::new(token.encode()),
                about: ListedToken::new(&record, now.unix),
            }))
        }
        Request::Tokens {} => {
            let list = state.tokens.list();
            let list = list.iter().map(|record| ListedToken::new(record, now.unix));
            Ok(Answer::Tokens(list.collect()))
        }
        Request::RevokeTokens { which } => {
            let records = state.tokens.revoke(which, now.unix).await?;
            for record in &records {
                tracing::info!(token = %record.id, purpose = record.purpose.name(), "operator token revoked");
            }
            ended(which, &records, now.unix)
        }
        Request::Reload {} => reload(state, now.unix),
    }
}

async fn enrol(state: &State, seconds: u64) -> Result<NewCode, Trouble> {
    let code = EnrolmentCode::generate().ok_or_else(no_random)?;
    let now = clock::unix();
    let life = Duration::from_secs(seconds).min(ENROL_LIFE_MAX);
    let expires = now + life;
    state.agents.add_code(&code, now, expires).await?;
    tracing::info!(seconds = life.as_secs(), "enrolment code made");
    let text = EnrolmentCode {
        code,
        address: state.enroller.address.clone(),
        fingerprint: state.enroller.fingerprint,
    }
    .encode();
    Ok(NewCode {
        code: Secret::new(text.to_string()),
        address: state.enroller.address.web().to_owned(),
        expires,
    })
}

/// First it is unknown, then its links end: whoever proves itself in between is noticed when it takes its place.
async fn revoke_agent(state: &State, id: AgentId) -> Result<Listed, Trouble> {
    let agent = state.agents.revoke(id).await?.ok_or_else(no_agent)?;
    let online = state.router.is_online(id);
    state.router.end_agent(id, CloseCode::UnknownAgent);
    tracing::info!(agent = %id, "agent revoked");
    Ok(Listed::new(agent, online))
}

fn reload(state: &State, now: UnixMs) -> Result<Answer, Trouble> {
    let certificate = state.certificate.as_ref().ok_or_else(|| {
        Trouble::new("this relay serves no certificate: a proxy in front of it does TLS")
            .hint("reload the proxy")
    })?;
    let served = certificate.reload(now).map_err(|error| {
        tracing::warn!(%error, "new certificate refused");
        let since = crate::views::instant(certificate.served().since);
        Trouble::new(format!(
            "{error}; the certificate in use since {since} goes on being served"
        ))
        .hint(error.hint())
    })?;
    let fingerprint = crate::views::hex(served.fingerprint);
    tracing::info!(
        fingerprint,
        changed = served.changed,
        "certificate read again"
    );
    Ok(Answer::Certificate(ServedNow {
        fingerprint,
        expires: served.ends,
        since: served.since,
        own: served.own,
        changed: served.changed,
    }))
}

/// The tokens that were ended. It is no success to end one that does not stand.
fn ended(which: Spoken, records: &[Record], now: UnixMs) -> Result<Answer, Trouble> {
    match which {
        Spoken::Id(_) if records.is_empty() => Err(Trouble::new("no token with this id stands")
            .hint("run `lanyard-relay token list` for the ids there are")),
        Spoken::Id(_) | Spoken::Purpose(_) | Spoken::All => {
            let list = records.iter().map(|record| ListedToken::new(record, now));
            Ok(Answer::Tokens(list.collect()))
        }
    }
}

fn note_fits(note: &str) -> Result<(), Trouble> {
    if note.chars().count() <= TOKEN_NOTE_MAX && !note.chars().any(char::is_control) {
        return Ok(());
    }
    Err(Trouble::new(format!(
        "a note is one line of at most {TOKEN_NOTE_MAX} characters"
    ))
    .hint("write less into --note"))
}

impl From<&Trouble> for Answer {
    fn from(trouble: &Trouble) -> Self {
        Self::Failed {
            error: trouble.to_string(),
            hint: trouble.hint_text().unwrap_or_default().to_owned(),
        }
    }
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

impl ListedToken {
    /// A token as it stands `now`.
    #[must_use]
    pub fn new(record: &Record, now: UnixMs) -> Self {
        Self {
            id: record.id,
            purpose: record.purpose,
            note: record.note.clone(),
            created: record.created,
            expires: record.expires,
            revoked: record.revoked,
            used: record.used,
            from: record.from,
            live: record.revoked.is_none() && now < record.expires,
        }
    }
}
