//! Proofs that were made for something else: each is refused by a code, and one made for this very question is taken.

use anyhow::{Context as _, Result, bail};
use ed25519_dalek::SigningKey;
use lanyard_dial::clock;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Challenge, Frame, Proof, Role, kind};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::proof::{prove, prove_enrol};
use lanyard_tests::attack::faults::{foreign_key, small_order, small_order_signature};
use lanyard_tests::attack::link::{AGENT, ATTACH, told};
use lanyard_tests::attack::{Ground, HostileAgent, HostileLink};
use std::net::Ipv4Addr;

/// A relay, an agent whose identity is held here, and another one.
struct Rig {
    ground: Ground,
    other: HostileAgent,
}

/// Who proves what to whom, as an honest party would.
#[derive(Clone)]
struct Claim {
    key: SigningKey,
    role: Role,
    host: String,
    agent: AgentId,
    challenge: Challenge,
}

impl Claim {
    fn proof(&self) -> Result<Proof> {
        let now = clock::now().unix;
        Ok(prove(
            &self.key,
            self.role,
            &self.host,
            self.agent,
            &self.challenge,
            now,
        )?)
    }
}

/// What an attacker does with an honest claim, and the code that refuses it.
type Attack = (&'static str, fn(&Rig, &Claim) -> Result<Proof>, CloseCode);

impl Rig {
    async fn start() -> Result<Self> {
        let ground = Ground::start().await?;
        let other = ground.another().await?;
        Ok(Self { ground, other })
    }

    /// A link that waits for its proof, and the honest one.
    async fn asked(&self, path: &str) -> Result<(HostileLink, Claim)> {
        let (link, challenge) =
            HostileLink::challenged(&self.ground.target, path, Ipv4Addr::LOCALHOST).await?;
        let (role, key) = if path == AGENT {
            (Role::Agent, self.ground.agent.identity.clone())
        } else {
            (Role::Device, self.ground.agent.device.clone())
        };
        let claim = Claim {
            key,
            role,
            host: self.ground.target.host(),
            agent: self.ground.agent.id,
            challenge,
        };
        Ok((link, claim))
    }

    /// Each is refused so, and the honest claim to the next question is taken.
    async fn refuses(&self, path: &str, attacks: &[Attack]) -> Result<()> {
        for (name, attack, code) in attacks {
            let (mut link, claim) = self.asked(path).await?;
            let proof = attack(self, &claim).context(*name)?;
            link.send(&Frame::Proof(proof)).await?;
            let ending = told(link.ending().await.context(*name)?).context(*name)?;
            assert_eq!(ending, *code, "{name}");
        }
        let (mut link, claim) = self.asked(path).await?;
        link.send(&Frame::Proof(claim.proof()?)).await?;
        welcome(&mut link).await
    }
}

async fn welcome(link: &mut HostileLink) -> Result<()> {
    match link.next().await? {
        Frame::Welcome(_) => Ok(()),
        other => bail!("{other:?} in place of a welcome"),
    }
}

/// A proof for another claim, handed in as one for this.
fn posing(claim: &Claim, made_for: &Claim) -> Result<Proof> {
    Ok(Proof {
        role: claim.role,
        host: claim.host.clone(),
        agent: claim.agent,
        key: b64::Bytes(claim.key.verifying_key().to_bytes()),
        conn: claim.challenge.conn,
        ..made_for.proof()?
    })
}

fn at_another_relay(claim: &Claim) -> Claim {
    Claim {
        host: "another.example".to_owned(),
        ..claim.clone()
    }
}

fn for_another_agent(rig: &Rig, claim: &Claim) -> Claim {
    Claim {
        agent: rig.other.id,
        ..claim.clone()
    }
}

fn in_another_role(claim: &Claim) -> Claim {
    let role = match claim.role {
        Role::Agent => Role::Device,
        Role::Device => Role::Agent,
    };
    Claim {
        role,
        ..claim.clone()
    }
}

fn on_another_link(claim: &Claim) -> Claim {
    let mut claim = claim.clone();
    claim.challenge.conn = ConnId([9; 16]);
    claim
}

fn to_another_question(claim: &Claim) -> Claim {
    let mut claim = claim.clone();
    claim.challenge.nonce = b64::Bytes([9; 32]);
    claim
}

/// What no proof of either role gets away with.
const ALWAYS: &[Attack] = &[
    (
        "for another relay",
        |_, claim| at_another_relay(claim).proof(),
        CloseCode::WrongHost,
    ),
    (
        "for another relay, renamed",
        |_, claim| posing(claim, &at_another_relay(claim)),
        CloseCode::ProofRefused,
    ),
    (
        "in another role",
        |_, claim| in_another_role(claim).proof(),
        CloseCode::ProofRefused,
    ),
    (
        "in another role, renamed",
        |_, claim| posing(claim, &in_another_role(claim)),
        CloseCode::ProofRefused,
    ),
    (
        "for another agent, renamed",
        |rig, claim| posing(claim, &for_another_agent(rig, claim)),
        CloseCode::ProofRefused,
    ),
    (
        "on another link",
        |_, claim| on_another_link(claim).proof(),
        CloseCode::ProofRefused,
    ),
    (
        "on another link, renamed",
        |_, claim| posing(claim, &on_another_link(claim)),
        CloseCode::ProofRefused,
    ),
    (
        "to another question",
        |_, claim| to_another_question(claim).proof(),
        CloseCode::ProofRefused,
    ),
    (
        "by a key of small order",
        |_, claim| {
            let (key, signature) = (
                b64::Bytes(small_order()),
                b64::Bytes(small_order_signature()),
            );
            Ok(Proof {
                key,
                signature,
                ..claim.proof()?
            })
        },
        CloseCode::ProofRefused,
    ),
    (
        "by another key under this one's name",
        |_, claim| {
            let other = Claim {
                key: foreign_key(),
                ..claim.clone()
            };
            posing(claim, &other)
        },
        CloseCode::ProofRefused,
    ),
    (
        "with another time",
        |_, claim| {
            let mut proof = claim.proof()?;
            proof.time.0 += 1;
            Ok(proof)
        },
        CloseCode::ProofRefused,
    ),
    (
        "for a machine nobody enrolled",
        |_, claim| {
            Claim {
                agent: AgentId([9; 16]),
                ..claim.clone()
            }
            .proof()
        },
        CloseCode::UnknownAgent,
    ),
];

#[tokio::test]
async fn a_device_proof_that_was_made_for_anything_else_is_refused() -> Result<()> {
    let rig = Rig::start().await?;
    rig.refuses(ATTACH, ALWAYS).await
}

#[tokio::test]
async fn an_agent_proof_that_was_made_for_anything_else_is_refused() -> Result<()> {
    let rig = Rig::start().await?;
    rig.refuses(AGENT, ALWAYS).await?;
    let another_key: &[Attack] = &[
        (
            "by a key that is not the machine's",
            |_, claim| {
                Claim {
                    key: foreign_key(),
                    ..claim.clone()
                }
                .proof()
            },
            CloseCode::ProofRefused,
        ),
        (
            "by another machine's key",
            |rig, claim| {
                Claim {
                    key: rig.other.identity.clone(),
                    ..claim.clone()
                }
                .proof()
            },
            CloseCode::ProofRefused,
        ),
        (
            "for another machine",
            |rig, claim| for_another_agent(rig, claim).proof(),
            CloseCode::ProofRefused,
        ),
        (
            "by the signer",
            |rig, claim| {
                Claim {
                    key: rig.ground.agent.signer.clone(),
                    ..claim.clone()
                }
                .proof()
            },
            CloseCode::ProofRefused,
        ),
    ];
    rig.refuses(AGENT, another_key).await
}

#[tokio::test]
async fn a_proof_that_was_heard_on_one_link_opens_no_other_and_not_its_own_a_second_time()
-> Result<()> {
    let rig = Rig::start().await?;
    for path in [ATTACH, AGENT] {
        let (mut first, claim) = rig.asked(path).await?;
        let heard = Frame::Proof(claim.proof()?);
        first.send(&heard).await?;
        welcome(&mut first).await?;
        let (mut thief, _) = rig.asked(path).await?;
        thief.send(&heard).await?;
        assert_eq!(
            told(thief.ending().await?)?,
            CloseCode::ProofRefused,
            "{path}"
        );
        // The one it belongs to goes on, until it says again what was not asked again.
        first.send(&Frame::Ping([5; 8])).await?;
        let pong = |frame| (frame == Frame::Pong([5; 8])).then_some(());
        first.until(pong).await?;
        first.send(&heard).await?;
        assert_eq!(
            told(first.ending().await?)?,
            CloseCode::UnexpectedFrame,
            "{path}"
        );
    }
    Ok(())
}

#[tokio::test]
async fn an_enrolment_is_no_proof_and_a_proof_is_no_enrolment() -> Result<()> {
    let rig = Rig::start().await?;
    let code = lanyard_shared::code::EnrolmentCode::parse(&rig.ground.relay.enrol().await?)?;
    let newcomer = SigningKey::from_bytes(&[77; 32]);
    // The signature of an enrolment, in a proof for the id that it would have made.
    let (mut link, claim) = rig.asked(AGENT).await?;
    let now = clock::now().unix;
    let host = rig.ground.target.host();
    let enrol = prove_enrol(
        &newcomer,
        &host,
        &code.code,
        "rogue",
        &[],
        &claim.challenge,
        now,
    )?;
    let mut proof = claim.proof()?;
    proof.key = enrol.key;
    proof.agent = AgentId::of_first_key(&enrol.key.0);
    proof.time = enrol.time;
    proof.signature = enrol.signature;
    link.send(&Frame::Proof(proof)).await?;
    assert_eq!(told(link.ending().await?)?, CloseCode::ProofRefused);
    // The signature of a proof, in an enrolment.
    let (mut link, claim) = rig.asked(AGENT).await?;
    let claim = Claim {
        key: newcomer.clone(),
        agent: proof_agent(&newcomer),
        ..claim
    };
    let proof = claim.proof()?;
    let mut enrol = prove_enrol(
        &newcomer,
        &host,
        &code.code,
        "rogue",
        &[],
        &claim.challenge,
        proof.time,
    )?;
    enrol.signature = proof.signature;
    link.send(&Frame::Enrol(enrol)).await?;
    assert_eq!(told(link.ending().await?)?, CloseCode::ProofRefused);
    // The code was not spent on it.
    let (mut link, claim) = rig.asked(AGENT).await?;
    let enrol = prove_enrol(
        &newcomer,
        &host,
        &code.code,
        "honest",
        &[],
        &claim.challenge,
        now,
    )?;
    link.send(&Frame::Enrol(enrol)).await?;
    welcome(&mut link).await
}

fn proof_agent(key: &SigningKey) -> AgentId {
    AgentId::of_first_key(&key.verifying_key().to_bytes())
}

#[tokio::test]
async fn a_proof_by_a_key_of_another_length_is_no_frame() -> Result<()> {
    let rig = Rig::start().await?;
    for length in [0, 31, 33, 64] {
        let (mut link, claim) = rig.asked(ATTACH).await?;
        let mut proof = serde_json::to_value(claim.proof()?)?;
        proof["key"] = b64::encode(vec![7; length]).into();
        link.send_bytes(0, kind::PROOF, &serde_json::to_vec(&proof)?)
            .await?;
        assert_eq!(
            told(link.ending().await?)?,
            CloseCode::Malformed,
            "{length}"
        );
    }
    let (mut link, claim) = rig.asked(ATTACH).await?;
    let proof = serde_json::to_vec(&claim.proof()?)?;
    link.send_bytes(0, kind::PROOF, &proof).await?;
    welcome(&mut link).await
}
