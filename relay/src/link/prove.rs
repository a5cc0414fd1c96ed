//! From a stranger to a party: challenge, proof or enrolment, welcome.

use super::held::{Held, challenge};
use super::socket::{Incoming, incoming};
use super::{Stranger, blame};
use crate::agents::{EnrolError, Standing};
use crate::door::Door;
use crate::guesses::Verdict;
use crate::route::{AgentClock, PeerMisbehaved, Port, frame_name};
use crate::state::State;
use crate::{clock, random};
use axum::extract::ws::{Message, WebSocket};
use futures_util::StreamExt as _;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Challenge, Enrol, Frame, Leg, Proof, Role, Welcome};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::limits::{CLOCK_REFUSE, CLOCK_WARN, PROOF_HELD};
use lanyard_shared::proof::{check_enrol, check_proof};
use lanyard_shared::time::{Mono, Now, UnixMs};
use std::net::Ipv6Addr;
use std::sync::Arc;

/// A link whose other end is known.
pub struct Proven {
    /// Its place in the hub.
    pub port: Port,
    /// The key that every later proof must be by.
    pub key: [u8; 32],
    /// How long the proof holds.
    pub held: Held,
    /// Where it came in; later proofs must name it too.
    pub door: Arc<Door>,
}

/// Why a stranger stays one.
pub enum Unproven {
    /// It left.
    Gone,
    /// It is told why.
    Refused(CloseCode),
}

impl From<CloseCode> for Unproven {
    fn from(code: CloseCode) -> Self {
        Self::Refused(code)
    }
}

/// Asks a stranger for its proof, and takes what it answers within its time.
pub async fn prove(
    state: &State,
    stranger: &Stranger,
    socket: &mut WebSocket,
) -> Result<Proven, Unproven> {
    let exchange = exchange(state, stranger, socket);
    tokio::time::timeout_at(clock::instant(stranger.deadline), exchange)
        .await
        .map_err(|_| CloseCode::HandshakeTimeout)?
}

async fn exchange(
    state: &State,
    stranger: &Stranger,
    socket: &mut WebSocket,
) -> Result<Proven, Unproven> {
    let conn = ConnId(random::bytes().ok_or(CloseCode::Internal)?);
    let asked = challenge(conn, clock::unix()).ok_or(CloseCode::Internal)?;
    let question = Message::Binary(Frame::Challenge(asked.clone()).encode());
    socket.send(question).await.map_err(|_| Unproven::Gone)?;
    let frame = first_frame(stranger.role, socket).await?;
    let now = clock::now();
    let (named, outcome) = match (stranger.role, frame) {
        (Role::Agent, Frame::Proof(proof)) => (
            proof.agent,
            agent(state, stranger, &proof, &asked, now).await,
        ),
        (Role::Agent, Frame::Enrol(enrol)) => (
            AgentId::of_first_key(&enrol.key.0),
            enrolled(state, stranger, &enrol, &asked, now).await,
        ),
        (Role::Device, Frame::Proof(proof)) => {
            (proof.agent, viewer(state, stranger, &proof, &asked))
        }
        (Role::Agent | Role::Device, frame) => {
            return Err(blame(PeerMisbehaved::OutOfPlace(frame_name(&frame))).into());
        }
    };
    let (port, key) = outcome.map_err(|code| refused(state, stranger, named, code, now.mono))?;
    let [jitter] = random::bytes().ok_or(CloseCode::Internal)?;
    tracing::info!(role = ?stranger.role, agent = %port.agent(), %conn, "link stands");
    Ok(Proven {
        port,
        key,
        held: Held::new(now.mono, jitter),
        door: Arc::clone(&stranger.door),
    })
}

/// What a stranger hears whose proof was refused: why, unless its address or the machine it names has had too many of them.
fn refused(
    state: &State,
    stranger: &Stranger,
    named: AgentId,
    code: CloseCode,
    now: Mono,
) -> Unproven {
    let is_wrong = matches!(
        code,
        CloseCode::ProofRefused | CloseCode::UnknownAgent | CloseCode::EnrolRefused
    );
    if !is_wrong {
        return code.into();
    }
    match state.wrong_proofs.wrong(stranger.from.into(), named, now) {
        Verdict::Refuse => code.into(),
        Verdict::Last => {
            tracing::warn!(from = %stranger.from, agent = %named, "too many proofs that do not hold: the next ones are dropped without a word");
            code.into()
        }
        Verdict::TurnAway => Unproven::Gone,
    }
}

async fn first_frame(role: Role, socket: &mut WebSocket) -> Result<Frame, Unproven> {
    let leg = match role {
        Role::Agent => Leg::Agent,
        Role::Device => Leg::Viewer,
    };
    loop {
        match incoming(socket.next().await) {
            Incoming::Frame(bytes) => {
                return Frame::decode(bytes, leg).map_err(|error| blame(error.into()).into());
            }
            Incoming::Alive => {}
            Incoming::Misbehaved(fault) => return Err(blame(fault).into()),
            Incoming::Spent => return Err(CloseCode::UnprovenBytes.into()),
            Incoming::Gone => return Err(Unproven::Gone),
        }
    }
}

async fn agent(
    state: &State,
    stranger: &Stranger,
    proof: &Proof,
    asked: &Challenge,
    now: Now,
) -> Result<(Port, [u8; 32]), CloseCode> {
    holds(stranger, proof, asked)?;
    let key = proof.key.0;
    match state.agents.standing(proof.agent, &key) {
        None => return Err(CloseCode::UnknownAgent),
        Some(Standing::Stranger) => return Err(CloseCode::ProofRefused),
        Some(Standing::Present) => {}
        Some(Standing::Next) => promote(state, proof.agent, key).await?,
    }
    Ok((
        attach_agent(state, proof.agent, asked.conn, key, proof.time, now)?,
        key,
    ))
}

async fn enrolled(
    state: &State,
    stranger: &Stranger,
    enrol: &Enrol,
    asked: &Challenge,
    now: Now,
) -> Result<(Port, [u8; 32]), CloseCode> {
    if !stranger.door.names.has_host(&enrol.host) {
        return Err(CloseCode::WrongHost);
    }
    let agent = check_enrol(enrol, asked)?;
    // Before the code is spent: an agent that would be refused at once should not need a second code.
    check_clock(enrol.time, now)?;
    let before = enrol.chain.iter().map(|cert| cert.from.0).collect();
    let (code, key, name) = (&enrol.code.0, &enrol.key.0, &enrol.name);
    state
        .agents
        .enrol(code, agent, key, before, name, now.unix)
        .await
        .map_err(|error| match error {
            EnrolError::Refused => CloseCode::EnrolRefused,
            EnrolError::KeyReplaced => {
                tracing::warn!(%agent, "enrolment refused: the machine is known by another key; if it is to enrol by this one, `lanyard-relay agents revoke {agent}` first");
                CloseCode::EnrolRefused
            }
            EnrolError::Store(error) => {
                tracing::error!(%error, "enrolment failed");
                CloseCode::Internal
            }
        })?;
    tracing::info!(%agent, "agent enrolled");
    Ok((
        attach_agent(state, agent, asked.conn, enrol.key.0, enrol.time, now)?,
        enrol.key.0,
    ))
}

fn viewer(
    state: &State,
    stranger: &Stranger,
    proof: &Proof,
    asked: &Challenge,
) -> Result<(Port, [u8; 32]), CloseCode> {
    holds(stranger, proof, asked)?;
    state
        .agents
        .key(proof.agent)
        .ok_or(CloseCode::UnknownAgent)?;
    attach_viewer(state, stranger.from, proof, asked)
}

/// Gives a viewer its place beside an agent that was known a moment ago.
pub(super) fn attach_viewer(
    state: &State,
    from: Ipv6Addr,
    proof: &Proof,
    asked: &Challenge,
) -> Result<(Port, [u8; 32]), CloseCode> {
    let port = state
        .router
        .attach_viewer(proof.agent, asked.conn, proof.key.0, from)?;
    still_enrolled(state, proof.agent, None)?;
    port.push(&welcome(state, Role::Device, proof.agent, String::new()));
    Ok((port, proof.key.0))
}

fn holds(stranger: &Stranger, proof: &Proof, asked: &Challenge) -> Result<(), CloseCode> {
    if !stranger.door.names.has_host(&proof.host) {
        return Err(CloseCode::WrongHost);
    }
    if proof.role != stranger.role {
        return Err(CloseCode::ProofRefused);
    }
    check_proof(proof, asked)
}

/// Gives an agent that was known a moment ago its place.
pub(super) fn attach_agent(
    state: &State,
    agent: AgentId,
    conn: ConnId,
    key: [u8; 32],
    time: UnixMs,
    now: Now,
) -> Result<Port, CloseCode> {
    let warning =
        check_clock(time, now).inspect_err(|_| state.router.agent_skewed(agent, now.mono))?;
    let port = state
        .router
        .attach_agent(agent, conn, key, AgentClock::measured(now.mono, time));
    still_enrolled(state, agent, Some(&key))?;
    state.agents.saw(agent, now.unix);
    port.push(&welcome(state, Role::Agent, agent, warning));
    Ok(port)
}

/// An agent is about to go over from `key`, by which its link was proven, to `next`.
///
/// # Errors
/// `ProofRefused`: another key has taken the place of `key` since; the agent may have that one too. `UnknownAgent`: it was revoked since.
pub async fn hand_over(
    state: &State,
    agent: AgentId,
    key: [u8; 32],
    next: [u8; 32],
) -> Result<(), CloseCode> {
    match state.agents.hand_over(agent, key, next).await {
        Ok(true) => {
            tracing::info!(%agent, "the agent's identity key is about to change");
            Ok(())
        }
        Ok(false) if state.agents.key(agent).is_none() => Err(CloseCode::UnknownAgent),
        Ok(false) => Err(CloseCode::ProofRefused),
        Err(error) => {
            tracing::error!(%error, "the next identity key could not be remembered");
            Err(CloseCode::Internal)
        }
    }
}

/// An agent has proven its next key. When this returns, its present one is nobody's.
pub async fn promote(state: &State, agent: AgentId, next: [u8; 32]) -> Result<(), CloseCode> {
    match state.agents.promote(agent, next).await {
        Ok(true) => {
            tracing::info!(%agent, "the agent's identity key has changed");
            Ok(())
        }
        Ok(false) => Err(CloseCode::ProofRefused),
        Err(error) => {
            tracing::error!(%error, "an identity key could not be changed");
            Err(CloseCode::Internal)
        }
    }
}

/// Asked again once a link has its place: a revocation first makes an agent unknown and then ends the links that have a place, so one that
/// raced it is noticed here or ended there. An agent must also still have the key that it proved.
fn still_enrolled(
    state: &State,
    agent: AgentId,
    proven: Option<&[u8; 32]>,
) -> Result<(), CloseCode> {
    let key = state.agents.key(agent).ok_or(CloseCode::UnknownAgent)?;
    match proven {
        Some(proven) if *proven != key => Err(CloseCode::ProofRefused),
        Some(_) | None => Ok(()),
    }
}

/// The warning about an agent's clock, if one is due.
///
/// # Errors
/// `ClockSkew`: it is too far off.
pub fn check_clock(theirs: UnixMs, now: Now) -> Result<String, CloseCode> {
    let off = now.unix.abs_diff(theirs);
    if off > CLOCK_REFUSE {
        return Err(CloseCode::ClockSkew);
    }
    let which = if theirs > now.unix {
        "ahead of"
    } else {
        "behind"
    };
    let warning = format!(
        "this machine's clock is {} s {which} the relay's",
        off.as_secs()
    );
    Ok(if off > CLOCK_WARN {
        warning
    } else {
        String::new()
    })
}

/// The relay's yes.
pub fn welcome(state: &State, role: Role, agent: AgentId, warning: String) -> Frame {
    let held = u64::try_from(PROOF_HELD.as_millis()).unwrap_or(u64::MAX);
    let web = match role {
        Role::Agent => state.web.clone(),
        Role::Device => String::new(),
    };
    Frame::Welcome(Welcome {
        held,
        time: clock::unix(),
        agent,
        web,
        warning,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_shared::time::Mono;

    #[test]
    fn a_clock_is_warned_about_above_thirty_seconds_and_refused_above_ten_minutes() {
        let now = Now {
            mono: Mono::from_secs(5),
            unix: UnixMs::from_secs(100_000),
        };
        let check = |theirs| check_clock(UnixMs::from_secs(theirs), now);
        assert_eq!(check(100_030), Ok(String::new()));
        assert_eq!(
            check(100_031),
            Ok("this machine's clock is 31 s ahead of the relay's".to_owned())
        );
        assert_eq!(
            check(99_400),
            Ok("this machine's clock is 600 s behind the relay's".to_owned())
        );
        assert_eq!(check(100_601), Err(CloseCode::ClockSkew));
        assert_eq!(check(99_399), Err(CloseCode::ClockSkew));
    }
}
