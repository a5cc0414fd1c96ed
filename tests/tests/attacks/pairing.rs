//! Pairing links in the wrong hands: used, raced, guessed, expired. The right holder gets in, unless somebody was there first.

use anyhow::{Context as _, Result, ensure};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_client::Failure;
use lanyard_client::client::Client;
use lanyard_client::keys::{Device, Machine};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame, Rendezvous, RendezvousState, StreamId, Target as For};
use lanyard_shared::ids::RendezvousId;
use lanyard_shared::limits::{PAIRING_TRIES, SESSION_VERSIONS};
use lanyard_shared::noise::{Initiator, Prologue, StaticKey};
use lanyard_shared::pair::{PairingLink, PairingSecret};
use lanyard_tests::attack::{HostileAgent, HostileLink, Target};
use lanyard_tests::viewer::plain;
use lanyard_tests::{PATIENCE, World};
use std::net::Ipv4Addr;
use tokio::time::timeout;

const VIEW: &[&str] = &["view"];

/// One device tries a link to its end.
async fn tries(link: String, name: &'static str) -> Result<Machine, Failure> {
    let device = Device::generate(name)?;
    let pairing = Client::pair(&link, &device).await?;
    pairing.wait().await
}

fn refused(outcome: Result<Machine, Failure>) -> Result<CloseCode> {
    let failure = outcome.err().context("it paired")?;
    failure
        .code()
        .with_context(|| format!("a code, not {failure:?}"))
}

#[tokio::test]
async fn a_link_that_was_used_pairs_nobody_else() -> Result<()> {
    let world = World::start().await?;
    let link = world.agent.pairing_link(VIEW, true).await?;
    tries(link.clone(), "first").await.map_err(plain)?;
    for _ in 0..2 {
        assert_eq!(
            refused(tries(link.clone(), "late").await)?,
            CloseCode::PairUsed
        );
    }
    let fresh = world.agent.pairing_link(VIEW, true).await?;
    tries(fresh, "honest").await.map_err(plain)?;
    Ok(())
}

#[tokio::test]
async fn of_two_viewers_that_race_for_one_link_exactly_one_wins() -> Result<()> {
    let world = World::start().await?;
    for _ in 0..4 {
        let link = world.agent.pairing_link(VIEW, true).await?;
        let racing =
            async { tokio::join!(tries(link.clone(), "one"), tries(link.clone(), "other")) };
        let (one, other) = timeout(PATIENCE, racing).await?;
        let (won, lost) = if one.is_ok() {
            (one, other)
        } else {
            (other, one)
        };
        won.map_err(plain)?;
        let code = refused(lost)?;
        // Which of the two it hears depends on how far it had come.
        ensure!(
            matches!(code, CloseCode::PairUsed | CloseCode::Cut),
            "{code:?}"
        );
    }
    Ok(())
}

fn closed(frame: Frame, id: StreamId) -> Option<Close> {
    if let Frame::Close(closed, close) = frame {
        Some(close).filter(|_| closed == id)
    } else {
        None
    }
}

/// A viewer that knows where to knock and not what to say.
struct Guesser {
    link: HostileLink,
    parsed: PairingLink,
    last: StreamId,
}

impl Guesser {
    async fn at(world: &World, url: &str) -> Result<Self> {
        let (_, parsed) = PairingLink::parse(url)?;
        let key = SigningKey::from_bytes(&[0x66; 32]);
        let target = Target::of(&world.relay)?;
        let link = HostileLink::viewer(&target, parsed.agent, &key, Ipv4Addr::LOCALHOST).await?;
        Ok(Self {
            link,
            parsed,
            last: 0,
        })
    }

    /// Knocks there with this secret; returns how the stream ended, or nothing if the machine answered the handshake.
    async fn knock(&mut self, at: RendezvousId, secret: &PairingSecret) -> Result<Option<Close>> {
        self.last += 1;
        let id = self.last;
        self.link.open(id, For::Pair(at), 1 << 16).await?;
        let accepted = |frame| {
            if let Frame::Accept(opened, _) = frame {
                (opened == id).then_some(None)
            } else {
                closed(frame, id).map(Some)
            }
        };
        if let Some(close) = self.link.until(accepted).await? {
            return Ok(Some(close));
        }
        let prologue = Prologue {
            agent: self.parsed.agent,
            conn: self.link.conn,
            viewer_versions: &[1],
            agent_versions: SESSION_VERSIONS,
        };
        let noise = StaticKey::from_bytes(&[0x67; 32]);
        let remote = self.parsed.noise_key;
        let (message, _) = Initiator::pair(&prologue, &noise, &remote, &secret.psk())?;
        self.link
            .send(&Frame::Data(id, Bytes::from(message)))
            .await?;
        let answered = |frame| {
            if let Frame::Data(on, _) = frame {
                (on == id).then_some(None)
            } else {
                closed(frame, id).map(Some)
            }
        };
        self.link.until(answered).await
    }
}

#[tokio::test]
async fn a_wrong_secret_at_the_right_rendezvous_fails_and_the_third_time_spends_the_link()
-> Result<()> {
    let world = World::start().await?;
    let wrong = PairingSecret::from_bytes([7; 32]);
    let failed = Some(Close::from(CloseCode::HandshakeFailed));
    for guesses in 1..=PAIRING_TRIES {
        let url = world.agent.pairing_link(VIEW, true).await?;
        let mut guesser = Guesser::at(&world, &url).await?;
        let rendezvous = guesser.parsed.secret.rendezvous();
        for _ in 0..guesses {
            assert_eq!(guesser.knock(rendezvous, &wrong).await?, failed);
        }
        let outcome = tries(url, "honest").await;
        if guesses < PAIRING_TRIES {
            outcome.map_err(plain)?;
        } else {
            assert_eq!(refused(outcome)?, CloseCode::PairUsed);
        }
    }
    Ok(())
}

#[tokio::test]
async fn a_guessed_rendezvous_is_unknown_and_the_right_secret_is_answered() -> Result<()> {
    let world = World::start().await?;
    let url = world.agent.pairing_link(VIEW, true).await?;
    let mut guesser = Guesser::at(&world, &url).await?;
    let secret = PairingSecret::from_bytes(*guesser.parsed.secret.expose());
    for guess in 0..100 {
        let nowhere = RendezvousId([guess; 16]);
        let unknown = Some(Close::from(CloseCode::PairUnknown));
        assert_eq!(guesser.knock(nowhere, &secret).await?, unknown);
    }
    assert_eq!(guesser.knock(secret.rendezvous(), &secret).await?, None);
    Ok(())
}

#[tokio::test]
async fn a_link_with_one_letter_changed_pairs_nobody_and_spends_nothing() -> Result<()> {
    let world = World::start().await?;
    let url = world.agent.pairing_link(VIEW, true).await?;
    let (web, parsed) = PairingLink::parse(&url)?;
    let mut secret = *parsed.secret.expose();
    secret[31] ^= 1;
    let changed = PairingLink {
        secret: PairingSecret::from_bytes(secret),
        ..parsed
    };
    for _ in 0..5 {
        let outcome = tries(changed.url(&web).to_string(), "guesser").await;
        assert_eq!(refused(outcome)?, CloseCode::PairUnknown);
    }
    tries(url, "honest").await.map_err(plain)?;
    Ok(())
}

#[tokio::test]
async fn a_rendezvous_that_was_used_or_has_expired_says_so_and_passes_nothing_on() -> Result<()> {
    let world = World::start().await?;
    let target = Target::of(&world.relay)?;
    let mut agent = HostileAgent::enrol(&target, &world.relay.enrol().await?).await?;
    let at = |state, id| Rendezvous {
        id: RendezvousId([id; 16]),
        state,
    };
    let mut announce = agent.announcement();
    announce.rendezvous = vec![
        at(RendezvousState::Expired, 1),
        at(RendezvousState::Used, 2),
        at(RendezvousState::Open, 3),
    ];
    agent.announce(announce).await?;
    let mut viewer = agent.viewer(&target).await?;
    for (id, code) in [
        (1_u8, CloseCode::PairExpired),
        (2, CloseCode::PairUsed),
        (9, CloseCode::PairUnknown),
    ] {
        viewer
            .open(id.into(), For::Pair(RendezvousId([id; 16])), 1000)
            .await?;
        assert_eq!(viewer.refusal(id.into()).await?, code);
    }
    viewer
        .open(10, For::Pair(RendezvousId([3; 16])), 1000)
        .await?;
    let offered = |frame| {
        if let Frame::Open(_, open) = frame {
            Some(open.target)
        } else {
            None
        }
    };
    let first = agent.link.until(offered).await?;
    assert_eq!(first, For::Pair(RendezvousId([3; 16])));
    Ok(())
}
