use super::*;

/// Multiples of one of these are zero: the u-coordinates of the points of order 1, 2, 4 and 8, of the curve and its twist, and those of
/// them that are not reduced (<https://cr.yp.to/ecdh.html>, "How do I validate Curve25519 public keys?").
const LOW_ORDER: [&str; 7] = [
    "0000000000000000000000000000000000000000000000000000000000000000",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
    "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
    "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
];

pub(super) fn prologue() -> Prologue<'static> {
    Prologue {
        agent: AgentId([1; 16]),
        conn: ConnId([2; 16]),
        viewer_versions: &[1, 2],
        agent_versions: &[1],
    }
}

fn viewer() -> StaticKey {
    StaticKey::from_bytes(&[3; 32])
}

pub(super) fn agent() -> StaticKey {
    StaticKey::from_bytes(&[4; 32])
}

fn psk() -> Psk {
    Psk::from_bytes(zeroize::Zeroizing::new([5; 32]))
}

pub(super) fn hex(text: &str) -> Vec<u8> {
    (0..text.len())
        .step_by(2)
        .map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap())
        .collect()
}

/// Both ends of a session, confirmed.
fn session() -> (Session, Session) {
    let (m1, waiting) = Initiator::session(&prologue(), &viewer(), agent().public()).unwrap();
    let received = Responder::read_session(&prologue(), &agent(), &m1).unwrap();
    assert_eq!(received.remote(), viewer().public());
    let (m2, unconfirmed) = received.reply(b"").unwrap();
    let (mut ours, payload) = waiting.finish(&m2).unwrap();
    assert!(payload.is_empty());
    let hello = ours.seal(b"hello").unwrap();
    let (theirs, said) = unconfirmed.confirm(&hello).unwrap();
    assert_eq!(said, b"hello");
    (ours, theirs)
}

#[test]
fn a_session_carries_messages_both_ways_under_one_hash() {
    let (mut viewer, mut agent) = session();
    assert_eq!(viewer.handshake_hash(), agent.handshake_hash());
    let message = agent.seal(b"welcome").unwrap();
    assert_eq!(viewer.open(&message).unwrap(), b"welcome");
    let largest = vec![7; MESSAGE_MAX];
    let message = viewer.seal(&largest).unwrap();
    assert_eq!(agent.open(&message).unwrap(), largest);
    assert_eq!(
        viewer.seal(&vec![7; MESSAGE_MAX + 1]),
        Err(NoiseFault::TooLarge)
    );
}

#[test]
fn pairing_carries_an_offer_and_needs_the_same_secret() {
    let (m1, waiting) = Initiator::pair(&prologue(), &viewer(), agent().public(), &psk()).unwrap();
    let other = Psk::from_bytes(zeroize::Zeroizing::new([9; 32]));
    let refused = Responder::read_pair(&prologue(), &agent(), &other, &m1);
    assert_eq!(refused.unwrap_err(), NoiseFault::Handshake);
    let received = Responder::read_pair(&prologue(), &agent(), &psk(), &m1).unwrap();
    let (m2, _unconfirmed) = received.reply(b"offer").unwrap();
    let (_session, payload) = waiting.finish(&m2).unwrap();
    assert_eq!(payload, b"offer");
}

#[test]
fn a_relay_that_tells_the_two_sides_different_things_ends_the_handshake() {
    let (m1, _) = Initiator::session(&prologue(), &viewer(), agent().public()).unwrap();
    let lies = [
        Prologue {
            agent: AgentId([9; 16]),
            ..prologue()
        },
        Prologue {
            conn: ConnId([9; 16]),
            ..prologue()
        },
        Prologue {
            viewer_versions: &[1],
            ..prologue()
        },
        Prologue {
            agent_versions: &[1, 2],
            ..prologue()
        },
        Prologue {
            viewer_versions: &[1],
            agent_versions: &[2, 1],
            ..prologue()
        },
    ];
    for lie in lies {
        let read = Responder::read_session(&lie, &agent(), &m1);
        assert_eq!(read.unwrap_err(), NoiseFault::Handshake, "{lie:?}");
    }
    assert_ne!(
        prologue().bytes(Mode::Session),
        prologue().bytes(Mode::Pair)
    );
}

#[test]
fn a_replayed_first_message_never_becomes_a_session() {
    let (m1, waiting) = Initiator::session(&prologue(), &viewer(), agent().public()).unwrap();
    let first = Responder::read_session(&prologue(), &agent(), &m1).unwrap();
    let (m2, unconfirmed) = first.reply(b"").unwrap();
    let (mut session, _) = waiting.finish(&m2).unwrap();
    let hello = session.seal(b"hello").unwrap();
    assert!(unconfirmed.confirm(&hello).is_ok());

    let replay = Responder::read_session(&prologue(), &agent(), &m1).unwrap();
    let (_, unconfirmed) = replay.reply(b"").unwrap();
    assert_eq!(
        unconfirmed.confirm(&hello).unwrap_err(),
        NoiseFault::Transport
    );
}

#[test]
fn one_message_that_does_not_verify_ends_the_session() {
    let (mut viewer, mut agent) = session();
    let good = viewer.seal(b"one").unwrap();
    let mut forged = good.clone();
    forged[0] ^= 1;
    assert_eq!(agent.open(&forged), Err(NoiseFault::Transport));
    assert_eq!(agent.open(&good), Err(NoiseFault::Ended));
    assert_eq!(agent.seal(b"x"), Err(NoiseFault::Ended));
}

#[test]
fn repeated_reordered_and_oversized_messages_end_the_session() {
    let (mut viewer, mut agent) = session();
    let one = viewer.seal(b"one").unwrap();
    agent.open(&one).unwrap();
    assert_eq!(agent.open(&one), Err(NoiseFault::Transport));

    let (mut viewer, mut agent) = session();
    let _dropped = viewer.seal(b"one").unwrap();
    let two = viewer.seal(b"two").unwrap();
    assert_eq!(agent.open(&two), Err(NoiseFault::Transport));

    let (_, mut agent) = session();
    assert_eq!(
        agent.open(&vec![0; MESSAGE_MAX + TAG + 1]),
        Err(NoiseFault::TooLarge)
    );
    let (_, mut agent) = session();
    assert_eq!(agent.open(&[0; 3]), Err(NoiseFault::Transport));
}

#[test]
fn the_first_message_carries_no_payload_and_no_other_length() {
    for length in [0, 1, MESSAGE_1 - 1, MESSAGE_1 + 1, 65_535] {
        let read = Responder::read_session(&prologue(), &agent(), &vec![8; length]);
        assert_eq!(read.unwrap_err(), NoiseFault::Length);
    }
    for length in [
        0,
        MESSAGE_2_OVERHEAD - 1,
        MESSAGE_2_OVERHEAD + MESSAGE_MAX + 1,
    ] {
        let (_, waiting) = Initiator::session(&prologue(), &viewer(), agent().public()).unwrap();
        assert_eq!(
            waiting.finish(&vec![8; length]).unwrap_err(),
            NoiseFault::Length
        );
    }
}

#[test]
fn low_order_keys_are_refused_wherever_they_come_from() {
    for key in LOW_ORDER {
        let key: [u8; 32] = hex(key).try_into().unwrap();
        // The agent's static key, as a viewer knows it.
        let started = Initiator::session(&prologue(), &viewer(), &key);
        assert_eq!(started.unwrap_err(), NoiseFault::LowOrderKey);
        // The viewer's ephemeral key.
        let mut m1 = vec![0; MESSAGE_1];
        m1[..32].copy_from_slice(&key);
        let read = Responder::read_session(&prologue(), &agent(), &m1);
        assert_eq!(read.unwrap_err(), NoiseFault::LowOrderKey);
        // The agent's ephemeral key.
        let (_, waiting) = Initiator::session(&prologue(), &viewer(), agent().public()).unwrap();
        let mut m2 = vec![0; MESSAGE_2_OVERHEAD];
        m2[..32].copy_from_slice(&key);
        assert_eq!(waiting.finish(&m2).unwrap_err(), NoiseFault::LowOrderKey);
    }
}

/// Message 1 of somebody who follows the protocol but for sending `key` as the static key: all of it can be computed, since with a key of
/// low order the secret `ss` is all zero.
#[test]
fn a_low_order_static_key_inside_the_first_message_is_refused() {
    struct Lying(Resolver, [u8; 32]);
    struct LyingKey(resolver::X25519, [u8; 32]);
    use snow::params::{CipherChoice, DHChoice, HashChoice};
    use snow::resolvers::CryptoResolver;
    use snow::types::{Cipher, Dh, Hash, Random};
    impl CryptoResolver for Lying {
        fn resolve_rng(&self) -> Option<Box<dyn Random>> {
            self.0.resolve_rng()
        }
        fn resolve_dh(&self, _: &DHChoice) -> Option<Box<dyn Dh>> {
            Some(Box::new(LyingKey(resolver::X25519::default(), self.1)))
        }
        fn resolve_hash(&self, choice: &HashChoice) -> Option<Box<dyn Hash>> {
            self.0.resolve_hash(choice)
        }
        fn resolve_cipher(&self, choice: &CipherChoice) -> Option<Box<dyn Cipher>> {
            self.0.resolve_cipher(choice)
        }
    }
    impl Dh for LyingKey {
        fn name(&self) -> &'static str {
            "25519"
        }
        fn pub_len(&self) -> usize {
            32
        }
        fn priv_len(&self) -> usize {
            32
        }
        fn set(&mut self, secret: &[u8]) {
            self.0.set(secret);
        }
        fn generate(&mut self, rng: &mut dyn Random) -> Result<(), snow::Error> {
            // Only ephemeral keys are generated, and those are honest.
            self.0.generate(rng)?;
            self.1 = self.0.pubkey().try_into().unwrap();
            Ok(())
        }
        fn pubkey(&self) -> &[u8] {
            &self.1
        }
        fn privkey(&self) -> &[u8] {
            self.0.privkey()
        }
        fn dh(&self, theirs: &[u8], out: &mut [u8]) -> Result<(), snow::Error> {
            if self.0.pubkey() != self.1 {
                out[..32].fill(0);
                return Ok(());
            }
            self.0.dh(theirs, out)
        }
    }
    for key in LOW_ORDER {
        let key: [u8; 32] = hex(key).try_into().unwrap();
        let prologue_bytes = prologue().bytes(Mode::Session);
        let mut state = Builder::with_resolver(
            SESSION_PROTOCOL.parse().unwrap(),
            Box::new(Lying(Resolver, key)),
        )
        .local_private_key(&[6; 32])
        .and_then(|b| {
            b.remote_public_key(agent().public())?
                .prologue(&prologue_bytes)?
                .build_initiator()
        })
        .unwrap();
        let mut m1 = vec![0; MESSAGE_1];
        state.write_message(&[], &mut m1).unwrap();
        let read = Responder::read_session(&prologue(), &agent(), &m1);
        assert_eq!(read.unwrap_err(), NoiseFault::LowOrderKey);
    }
}

#[test]
fn secrets_show_in_no_debug_output() {
    let key = StaticKey::from_bytes(&[0x77; 32]);
    assert!(!format!("{key:?} {:?}", psk()).contains(&crate::b64::encode([0x77; 32])[..8]));
    assert!(format!("{key:?}").contains(&crate::b64::encode(key.public())));
}
