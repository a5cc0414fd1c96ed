//! A revocation that comes between a proof and the place it gives, or a key that was replaced since. Over sockets that instant cannot be hit, so the two halves are called here.

use super::held::challenge;
use super::prove::{attach_agent, attach_viewer, hand_over};
use crate::admission::Admission;
use crate::agents::Agents;
use crate::clock;
use crate::guesses::{WrongProofs, WrongTokens};
use crate::operator::Enroller;
use crate::route::Router;
use crate::state::{Links, Refused, State};
use crate::store::Store;
use crate::tokens::Tokens;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Proof, Role};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::pair::address::Address;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Semaphore;

const KEY: [u8; 32] = [7; 32];
const CONN: ConnId = ConnId([1; 16]);

fn state() -> (tempfile::TempDir, State) {
    let dir = tempfile::tempdir().unwrap();
    let store = Arc::new(Store::open(&dir.path().join("relay.db")).unwrap());
    let state = State {
        router: Router::new(),
        agents: Agents::load(Arc::clone(&store)).unwrap(),
        tokens: Tokens::load(store, clock::now()).unwrap(),
        wrong_tokens: WrongTokens::of_tokens(),
        wrong_proofs: WrongProofs::default(),
        enroller: Enroller {
            address: Address::parse("https://relay.example").unwrap(),
            fingerprint: None,
        },
        certificate: None,
        refused: Refused::default(),
        admission: Admission::default(),
        web: "https://relay.example".to_owned(),
        links: Links::default(),
        farewells: Semaphore::new(1),
    };
    (dir, state)
}

async fn enrol(state: &State) -> AgentId {
    let (now, id) = (clock::unix(), AgentId::of_first_key(&KEY));
    let later = now + Duration::from_secs(60);
    state.agents.add_code(&[1; 16], now, later).await.unwrap();
    state
        .agents
        .enrol(&[1; 16], id, &KEY, Vec::new(), "laptop", now)
        .await
        .unwrap();
    id
}

fn attach(state: &State, id: AgentId, key: [u8; 32]) -> Result<crate::route::Port, CloseCode> {
    let now = clock::now();
    attach_agent(state, id, CONN, key, now.unix, now)
}

#[tokio::test]
async fn an_agent_that_was_revoked_after_its_proof_gets_no_place() {
    let (_dir, state) = state();
    let id = enrol(&state).await;
    drop(attach(&state, id, KEY).unwrap());
    state.agents.revoke(id).await.unwrap().unwrap();
    assert_eq!(
        attach(&state, id, KEY).unwrap_err(),
        CloseCode::UnknownAgent
    );
    assert!(!state.router.is_online(id));
}

#[tokio::test]
async fn an_agent_whose_key_is_another_since_its_proof_gets_no_place_and_may_come_back() {
    let (_dir, state) = state();
    let id = enrol(&state).await;
    assert_eq!(
        attach(&state, id, [8; 32]).unwrap_err(),
        CloseCode::ProofRefused
    );
    assert!(!state.router.is_online(id));
}

#[tokio::test]
async fn an_agent_that_rotates_a_key_that_was_replaced_since_may_come_back_with_its_other_one() {
    let (_dir, state) = state();
    let id = enrol(&state).await;
    let rotate = |from: u8| hand_over(&state, id, [from; 32], [9; 32]);
    assert_eq!(rotate(8).await, Err(CloseCode::ProofRefused));
    assert_eq!(rotate(7).await, Ok(()));
    state.agents.revoke(id).await.unwrap().unwrap();
    assert_eq!(rotate(7).await, Err(CloseCode::UnknownAgent));
}

#[tokio::test]
async fn a_viewer_whose_agent_was_revoked_after_its_proof_gets_no_place() {
    let (_dir, state) = state();
    let id = enrol(&state).await;
    let asked = challenge(CONN, clock::unix()).unwrap();
    let device = ed25519_dalek::SigningKey::from_bytes(&[3; 32]);
    let proof: Proof = lanyard_shared::proof::prove(
        &device,
        Role::Device,
        "relay.example",
        id,
        &asked,
        clock::unix(),
    )
    .unwrap();
    let attach = || attach_viewer(&state, Ipv6Addr::UNSPECIFIED, &proof, &asked);
    drop(attach().unwrap());
    state.agents.revoke(id).await.unwrap().unwrap();
    assert_eq!(attach().err(), Some(CloseCode::UnknownAgent));
    assert_eq!(state.router.traffic().viewers, 0);
}
