//! Answers as programs read them: the same JSON from `--json` and over HTTPS.

use crate::operator::{Listed, ListedToken, NewCode, NewToken, ServedNow};
use lanyard_shared::time::UnixMs;
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

/// A new enrolment code.
#[must_use]
pub fn code(code: &NewCode) -> Value {
    json!({ "code": code.code, "address": code.address, "expires": instant(code.expires) })
}

/// One agent.
#[must_use]
pub fn agent(agent: &Listed) -> Value {
    json!({
        "id": agent.id,
        "name": agent.name,
        "enrolled": instant(agent.enrolled),
        "online": agent.online,
        "last_seen": agent.seen.map(instant),
    })
}

/// All agents.
#[must_use]
pub fn agents(agents: &[Listed]) -> Value {
    agents.iter().map(agent).collect()
}

/// A new operator token.
#[must_use]
pub fn new_token(new: &NewToken) -> Value {
    json!({
        "token": new.token,
        "id": new.about.id,
        "purpose": new.about.purpose,
        "expires": instant(new.about.expires),
    })
}

/// One operator token.
#[must_use]
pub fn token(token: &ListedToken) -> Value {
    json!({
        "id": token.id,
        "purpose": token.purpose,
        "note": token.note,
        "live": token.live,
        "created": instant(token.created),
        "expires": instant(token.expires),
        "revoked": token.revoked.map(instant),
        "last_used": token.used.map(instant),
        "last_used_from": token.from,
    })
}

/// Operator tokens.
#[must_use]
pub fn tokens(tokens: &[ListedToken]) -> Value {
    tokens.iter().map(token).collect()
}

/// The certificate in use.
#[must_use]
pub fn certificate(served: &ServedNow) -> Value {
    json!({
        "fingerprint": served.fingerprint,
        "expires": instant(served.expires),
        "since": instant(served.since),
        "own": served.own,
        "changed": served.changed,
    })
}

/// A point in time.
#[must_use]
pub fn instant(at: UnixMs) -> String {
    i64::try_from(at.secs())
        .ok()
        .and_then(|seconds| OffsetDateTime::from_unix_timestamp(seconds).ok())
        .and_then(|at| at.format(&Rfc3339).ok())
        .unwrap_or_default()
}

/// Bytes in hexadecimal.
#[must_use]
pub fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_written_as_programs_and_people_read_them() {
        assert_eq!(
            instant(UnixMs::from_secs(1_767_225_600)),
            "2026-01-01T00:00:00Z"
        );
    }
}
