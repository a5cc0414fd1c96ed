//! Proof of possession: who dialled holds the key it names, at this relay, on this link, now (`docs/PROTOCOL.md`, sections 1 and 2.1).

use crate::b64::Bytes;
use crate::close::CloseCode;
use crate::frame::{Challenge, Enrol, Proof, Role};
use crate::ids::AgentId;
use crate::limits::LINK_VERSIONS;
use crate::rotate::{IdentityCert, follow};
use crate::sign;
use crate::time::UnixMs;
use ed25519_dalek::SigningKey;

/// Context of the signature in `proof`.
pub const PROOF_CONTEXT: &str = "lanyard/link-proof/v1";
/// Context of the signature in `enrol`.
pub const ENROL_CONTEXT: &str = "lanyard/enrol/v1";

/// The highest version that both lists hold.
#[must_use]
pub fn common_version(ours: &[u16], theirs: &[u16]) -> Option<u16> {
    ours.iter().filter(|v| theirs.contains(v)).max().copied()
}

/// Answers `challenge` as the agent or device that holds `key`. `host` is the authority that was dialled, in lower case; `time` is the
/// prover's clock.
///
/// # Errors
/// [`CloseCode::Version`]: the relay speaks no version of ours.
pub fn prove(
    key: &SigningKey,
    role: Role,
    host: &str,
    agent: AgentId,
    challenge: &Challenge,
    time: UnixMs,
) -> Result<Proof, CloseCode> {
    let mut proof = Proof {
        role,
        host: host.to_owned(),
        agent,
        key: Bytes(key.verifying_key().to_bytes()),
        conn: challenge.conn,
        time,
        version: choose(challenge)?,
        signature: Bytes([0; 64]),
    };
    let fields = proof_fields(&proof, challenge);
    proof.signature = Bytes(sign::sign(key, PROOF_CONTEXT, &refs(&fields)));
    Ok(proof)
}

/// Checks that `proof` answers `challenge`. Whether its host is ours, its key is the agent's and its clock is near is for the relay to say.
///
/// # Errors
/// [`CloseCode::ProofRefused`]: another link's proof, or the signature does not hold. [`CloseCode::Version`]: the version was not offered.
pub fn check_proof(proof: &Proof, challenge: &Challenge) -> Result<(), CloseCode> {
    let fields = proof_fields(proof, challenge);
    let valid = sign::verify(
        &proof.key.0,
        PROOF_CONTEXT,
        &refs(&fields),
        &proof.signature.0,
    );
    check(
        proof.conn == challenge.conn && valid,
        proof.version,
        challenge,
    )
}

/// Answers `challenge` as a new agent with the identity key `key`, with the operator's code. `chain` leads from its first key to `key`; it is
/// empty when that is the first.
///
/// # Errors
/// [`CloseCode::Version`]: the relay speaks no version of ours.
pub fn prove_enrol(
    key: &SigningKey,
    host: &str,
    code: &[u8; 16],
    name: &str,
    chain: &[IdentityCert],
    challenge: &Challenge,
    time: UnixMs,
) -> Result<Enrol, CloseCode> {
    let mut enrol = Enrol {
        host: host.to_owned(),
        key: Bytes(key.verifying_key().to_bytes()),
        conn: challenge.conn,
        time,
        version: choose(challenge)?,
        code: Bytes(*code),
        name: name.to_owned(),
        chain: chain.to_vec(),
        signature: Bytes([0; 64]),
    };
    let fields = enrol_fields(&enrol, agent_of(&enrol), challenge);
    enrol.signature = Bytes(sign::sign(key, ENROL_CONTEXT, &refs(&fields)));
    Ok(enrol)
}

/// Checks that `enrol` answers `challenge`. Returns the id of the agent whose first key it is. Whether the code is good is for the relay
/// to say.
///
/// # Errors
/// As [`check_proof`].
pub fn check_enrol(enrol: &Enrol, challenge: &Challenge) -> Result<AgentId, CloseCode> {
    let agent = agent_of(enrol);
    let led = follow(&first_key(enrol), &enrol.chain, agent) == Some(enrol.key.0);
    let fields = enrol_fields(enrol, agent, challenge);
    let valid = sign::verify(
        &enrol.key.0,
        ENROL_CONTEXT,
        &refs(&fields),
        &enrol.signature.0,
    );
    check(
        enrol.conn == challenge.conn && valid && led,
        enrol.version,
        challenge,
    )?;
    Ok(agent)
}

fn choose(challenge: &Challenge) -> Result<u16, CloseCode> {
    common_version(LINK_VERSIONS, &challenge.versions).ok_or(CloseCode::Version)
}

fn check(proven: bool, version: u16, challenge: &Challenge) -> Result<(), CloseCode> {
    if !proven {
        return Err(CloseCode::ProofRefused);
    }
    if !challenge.versions.contains(&version) {
        return Err(CloseCode::Version);
    }
    Ok(())
}

fn proof_fields(proof: &Proof, challenge: &Challenge) -> Vec<Vec<u8>> {
    let role = match proof.role {
        Role::Agent => "agent",
        Role::Device => "device",
    };
    link_fields(
        role,
        &proof.host,
        proof.agent,
        &proof.key.0,
        proof.conn.0,
        challenge,
        proof.time,
        proof.version,
    )
}

/// The key after which the machine is called.
fn first_key(enrol: &Enrol) -> [u8; 32] {
    enrol.chain.first().map_or(enrol.key.0, |cert| cert.from.0)
}

fn agent_of(enrol: &Enrol) -> AgentId {
    AgentId::of_first_key(&first_key(enrol))
}

fn enrol_fields(enrol: &Enrol, agent: AgentId, challenge: &Challenge) -> Vec<Vec<u8>> {
    let mut fields = link_fields(
        "enrol",
        &enrol.host,
        agent,
        &enrol.key.0,
        enrol.conn.0,
        challenge,
        enrol.time,
        enrol.version,
    );
    fields.push(enrol.code.0.to_vec());
    fields.push(enrol.name.as_bytes().to_vec());
    fields
}

#[expect(
    clippy::too_many_arguments,
    reason = "the fields of one transcript, in its order"
)]
fn link_fields(
    role: &str,
    host: &str,
    agent: AgentId,
    key: &[u8; 32],
    conn: [u8; 16],
    challenge: &Challenge,
    time: UnixMs,
    version: u16,
) -> Vec<Vec<u8>> {
    vec![
        role.as_bytes().to_vec(),
        host.as_bytes().to_vec(),
        agent.0.to_vec(),
        key.to_vec(),
        conn.to_vec(),
        challenge.nonce.0.to_vec(),
        time.0.to_be_bytes().to_vec(),
        challenge
            .versions
            .iter()
            .flat_map(|v| v.to_be_bytes())
            .collect(),
        version.to_be_bytes().to_vec(),
    ]
}

fn refs(fields: &[Vec<u8>]) -> Vec<&[u8]> {
    fields.iter().map(Vec::as_slice).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::ConnId;
    use crate::rotate::identity_cert;

    fn challenge() -> Challenge {
        Challenge {
            nonce: Bytes([1; 32]),
            conn: ConnId([2; 16]),
            time: UnixMs(3),
            versions: vec![1, 7],
        }
    }

    fn proof() -> Proof {
        let key = SigningKey::from_bytes(&[4; 32]);
        let agent = AgentId([5; 16]);
        prove(
            &key,
            Role::Agent,
            "relay.example",
            agent,
            &challenge(),
            UnixMs(6),
        )
        .unwrap()
    }

    #[test]
    fn a_proof_holds_for_exactly_the_challenge_it_answers() {
        assert_eq!(check_proof(&proof(), &challenge()), Ok(()));
        let mut replayed = challenge();
        replayed.nonce = Bytes([9; 32]);
        assert_eq!(
            check_proof(&proof(), &replayed),
            Err(CloseCode::ProofRefused)
        );
        let mut downgraded = challenge();
        downgraded.versions = vec![1];
        assert_eq!(
            check_proof(&proof(), &downgraded),
            Err(CloseCode::ProofRefused)
        );
        let mut other_link = challenge();
        other_link.conn = ConnId([9; 16]);
        assert_eq!(
            check_proof(&proof(), &other_link),
            Err(CloseCode::ProofRefused)
        );
    }

    #[test]
    fn no_field_of_a_proof_can_be_changed() {
        let changes: [fn(&mut Proof); 7] = [
            |p| p.role = Role::Device,
            |p| p.host = "evil.example".to_owned(),
            |p| p.agent = AgentId([9; 16]),
            |p| p.key = Bytes(SigningKey::from_bytes(&[9; 32]).verifying_key().to_bytes()),
            |p| p.conn = ConnId([9; 16]),
            |p| p.time = UnixMs(9),
            |p| p.version = 7,
        ];
        for change in changes {
            let mut changed = proof();
            change(&mut changed);
            assert_eq!(
                check_proof(&changed, &challenge()),
                Err(CloseCode::ProofRefused),
                "{changed:?}"
            );
        }
    }

    #[test]
    fn a_version_that_was_not_offered_is_refused_even_when_signed() {
        let mut offered = challenge();
        offered.versions = vec![7, 8];
        let key = SigningKey::from_bytes(&[4; 32]);
        let agent = AgentId([5; 16]);
        let none = prove(&key, Role::Device, "h", agent, &offered, UnixMs(6));
        assert_eq!(none.unwrap_err(), CloseCode::Version);
        let mut proof = proof();
        proof.version = 1;
        proof.signature = Bytes(sign::sign(
            &key,
            PROOF_CONTEXT,
            &refs(&proof_fields(&proof, &offered)),
        ));
        assert_eq!(check_proof(&proof, &offered), Err(CloseCode::Version));
    }

    #[test]
    fn an_enrolment_covers_its_code_and_name_and_names_the_agent() {
        let key = SigningKey::from_bytes(&[4; 32]);
        let enrol = prove_enrol(
            &key,
            "relay.example",
            &[7; 16],
            "laptop",
            &[],
            &challenge(),
            UnixMs(6),
        )
        .unwrap();
        assert_eq!(
            check_enrol(&enrol, &challenge()),
            Ok(AgentId::of_first_key(&key.verifying_key().to_bytes()))
        );
        let changes: [fn(&mut Enrol); 3] = [
            |e| e.code = Bytes([9; 16]),
            |e| e.name = "other".to_owned(),
            |e| e.host = "evil.example".to_owned(),
        ];
        for change in changes {
            let mut changed = enrol.clone();
            change(&mut changed);
            assert_eq!(
                check_enrol(&changed, &challenge()),
                Err(CloseCode::ProofRefused)
            );
        }
    }

    #[test]
    fn a_machine_whose_identity_has_changed_enrols_under_its_first_name_and_nobody_else_does() {
        let (first, present) = (
            SigningKey::from_bytes(&[4; 32]),
            SigningKey::from_bytes(&[5; 32]),
        );
        let agent = AgentId::of_first_key(&first.verifying_key().to_bytes());
        let enrol = |key: &SigningKey, chain: &[IdentityCert]| {
            let (code, time) = ([7; 16], UnixMs(6));
            let enrol = prove_enrol(key, "h", &code, "laptop", chain, &challenge(), time);
            check_enrol(&enrol.unwrap(), &challenge())
        };
        let public = present.verifying_key().to_bytes();
        let chain = [identity_cert(&first, &public, agent)];
        assert_eq!(enrol(&present, &chain), Ok(agent));
        let thief = SigningKey::from_bytes(&[6; 32]);
        assert_eq!(enrol(&thief, &chain), Err(CloseCode::ProofRefused));
        let mut forged = identity_cert(&thief, &thief.verifying_key().to_bytes(), agent);
        forged.from = Bytes(first.verifying_key().to_bytes());
        assert_eq!(enrol(&thief, &[forged]), Err(CloseCode::ProofRefused));
    }

    #[test]
    fn the_highest_common_version_is_chosen() {
        assert_eq!(common_version(&[1, 2, 3], &[2, 1, 9]), Some(2));
        assert_eq!(common_version(&[1], &[2]), None);
    }
}
