//! What the dialler's end of a link promises.

use super::*;
use crate::b64;
use crate::limits::LINK_VERSIONS;
use crate::time::UnixMs;

fn challenge(nonce: u8) -> Bytes {
    let challenge = Challenge {
        nonce: b64::Bytes([nonce; 32]),
        conn: ConnId([1; 16]),
        time: UnixMs(0),
        versions: LINK_VERSIONS.to_vec(),
    };
    Frame::Challenge(challenge).encode()
}

fn key(seed: u8) -> Arc<SigningKey> {
    Arc::new(SigningKey::from_bytes(&[seed; 32]))
}

fn link() -> (Link, Now) {
    let key = key(1);
    let now = Now {
        mono: Mono::from_secs(100),
        unix: UnixMs(0),
    };
    let agent = AgentId([2; 16]);
    let dialler = Dialler::Viewer { agent, key };
    (Link::new(dialler, "relay.test".into(), now.mono), now)
}

#[test]
fn a_relay_that_asks_without_end_and_reads_nothing_fills_no_memory() {
    let (mut link, now) = link();
    for n in 0..100_000_u32 {
        link.handle(challenge(n.to_be_bytes()[3]), now);
        link.handle(welcomed(now), now);
    }
    assert!(link.is_over());
    let waiting = std::iter::from_fn(|| link.poll_output()).count();
    assert!(waiting <= LINK_FRAMES_WAITING + 2, "{waiting}");
}

fn welcomed(now: Now) -> Bytes {
    let welcome = Welcome {
        held: 600_000,
        time: now.unix,
        agent: AgentId([2; 16]),
        web: String::new(),
        warning: String::new(),
    };
    Frame::Welcome(welcome).encode()
}

fn welcome(link: &mut Link, now: Now) {
    link.handle(challenge(1), now);
    link.handle(welcomed(now), now);
    while link.poll_output().is_some() {}
}

#[test]
fn a_welcome_proves_the_key_of_the_proof_that_it_answers_whatever_key_came_since() {
    let (_, now) = link();
    let (old, next) = (key(1), key(3));
    let agent = AgentId([2; 16]);
    let dialler = Dialler::Agent {
        agent,
        key: Arc::clone(&old),
    };
    let mut link = Link::new(dialler, "relay.test".into(), now.mono);
    welcome(&mut link, now);
    let proven = |link: &mut Link| {
        link.handle(welcomed(now), now);
        std::iter::from_fn(|| link.poll_event())
            .filter_map(|event| {
                if let Event::Welcome { proven, .. } = event {
                    Some(proven)
                } else {
                    None
                }
            })
            .last()
    };
    // Asked again, as every link is; the rotation comes before the relay's answer.
    link.handle(challenge(2), now);
    link.rotate(&next);
    assert_eq!(proven(&mut link), Some(old.verifying_key().to_bytes()));
    link.handle(challenge(3), now);
    assert_eq!(proven(&mut link), Some(next.verifying_key().to_bytes()));
    assert!(!link.is_over());
}

#[test]
fn a_welcome_to_nothing_and_a_question_before_the_welcome_end_the_link() {
    let (mut link, now) = self::link();
    welcome(&mut link, now);
    link.handle(welcomed(now), now);
    assert!(link.is_over());
    let (mut link, now) = self::link();
    link.handle(challenge(1), now);
    link.handle(challenge(2), now);
    assert!(link.is_over());
}

#[test]
fn a_link_that_hears_nothing_pings_and_is_given_up_after_forty_five_seconds() {
    let (mut link, now) = link();
    welcome(&mut link, now);
    assert_eq!(link.poll_timeout(), Some(now.mono + PING_EVERY));
    link.on_timeout(now.mono + PING_EVERY);
    assert_eq!(link.poll_output(), Some(Frame::Ping([0; 8]).encode()));
    link.on_timeout(now.mono + PING_EVERY * 2);
    assert_eq!(link.poll_timeout(), Some(now.mono + DIALLER_SILENCE));
    assert!(!link.is_over());
    link.on_timeout(now.mono + DIALLER_SILENCE);
    assert!(link.is_over());
}

#[test]
fn a_link_that_is_probed_is_given_up_within_seconds_unless_anything_is_heard() {
    for answers in [true, false] {
        let (mut link, now) = link();
        welcome(&mut link, now);
        link.probe(now.mono);
        assert_eq!(link.poll_output(), Some(Frame::Ping([0; 8]).encode()));
        link.probe(now.mono + PROBE_TIME / 2);
        assert_eq!(link.poll_output(), None);
        assert_eq!(link.poll_timeout(), Some(now.mono + PROBE_TIME));
        if answers {
            link.handle(Frame::Pong([0; 8]).encode(), now);
        }
        link.on_timeout(now.mono + PROBE_TIME);
        assert_eq!(link.is_over(), !answers);
    }
}

#[test]
fn a_pong_says_that_all_before_the_question_was_taken_in_and_nothing_that_was_not_asked() {
    let (mut link, now) = link();
    welcome(&mut link, now);
    while link.poll_event().is_some() {}
    assert_eq!((link.ask(), link.ask()), (1, 2));
    let mut hear = |number: u64| {
        link.handle(Frame::Pong(number.to_be_bytes()).encode(), now);
        match link.poll_event() {
            Some(Event::TakenIn(upto)) => Some(upto),
            _ => None,
        }
    };
    assert_eq!(hear(0), None);
    // The first pong was left out for the second.
    assert_eq!(hear(9), Some(2));
    assert_eq!(hear(2), None);
}

#[test]
fn a_relay_that_answers_pings_and_never_says_welcome_is_given_up() {
    let (mut link, now) = link();
    link.handle(challenge(1), now);
    assert_eq!(link.poll_timeout(), Some(now.mono + WELCOME_TIME));
    link.handle(Frame::Pong([0; 8]).encode(), now);
    link.on_timeout(now.mono + WELCOME_TIME);
    assert!(link.is_over());
}

/// A link with one stream that the agent has accepted.
fn standing(window: u32) -> (Link, Now, StreamId) {
    let (mut link, now) = link();
    welcome(&mut link, now);
    let id = link
        .open(Target::Session(String::new()), window, &[1], Bytes::new())
        .unwrap();
    let accept = Accept {
        credit: 100,
        versions: vec![1],
    };
    link.handle(Frame::Accept(id, accept).encode(), now);
    while link.poll_output().is_some() {}
    (link, now, id)
}

#[test]
fn credit_for_keys_is_gathered_and_a_whole_frame_always_fits() {
    let window = 4 * FRAME_MAX as u32;
    let (mut link, now, id) = standing(window);
    let (mut told, mut used) = (0_u64, 0_u64);
    for _ in 0..100_000 {
        let key = Frame::Data(id, Bytes::from_static(&[0; 30])).encode();
        link.handle(key, now);
        link.grant(id, 30);
        used += 30;
        while let Some(message) = link.poll_output() {
            told += u64::from(u32::from_be_bytes(message[5..9].try_into().unwrap()));
        }
        assert!(u64::from(window) + told - used >= FRAME_MAX as u64);
    }
    assert!(!link.is_over());
    assert!(told > 0);
}

#[test]
fn a_small_window_is_told_of_every_byte() {
    let (mut link, _, id) = standing(FRAME_MAX as u32);
    link.grant(id, 1);
    assert_eq!(link.poll_output(), Some(Frame::Credit(id, 1).encode()));
}

#[test]
fn a_challenge_under_another_name_of_the_link_ends_it() {
    let (mut link, now) = link();
    link.handle(challenge(0), now);
    let other = Challenge {
        nonce: b64::Bytes([0; 32]),
        conn: ConnId([9; 16]),
        time: UnixMs(0),
        versions: LINK_VERSIONS.to_vec(),
    };
    link.handle(Frame::Challenge(other).encode(), now);
    assert!(link.is_over());
}
