//! Tokens that are not what they say, over a real link: the relay refuses each by its code and its sentence, and its agent hears of none.
//!
//! The agent is enrolled, and its identity and its signer are held here: so every token is signed by whoever would have signed it, and the
//! fault is all that is wrong with it.

use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::SigningKey;
use lanyard_dial::clock;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame, Open, StreamId, Target as For, kind};
use lanyard_shared::ids::{ConnId, TokenId};
use lanyard_shared::limits::LIFE_SIGNER;
use lanyard_shared::token::signer_cert;
use lanyard_tests::attack::faults::{self, Fault};
use lanyard_tests::attack::forge::{Forged, Of};
use lanyard_tests::attack::link::told;
use lanyard_tests::attack::{Ground, HostileLink};

/// A relay and an agent whose keys are held here, with one viewer whose device key is proven.
struct Rig {
    ground: Ground,
    viewer: HostileLink,
    last: StreamId,
    tokens: u8,
}

impl Rig {
    async fn start() -> Result<Self> {
        let ground = Ground::start().await?;
        let viewer = ground.agent.viewer(&ground.target).await?;
        Ok(Self {
            ground,
            viewer,
            last: 0,
            tokens: 0,
        })
    }

    /// Whose the next token is.
    fn of(&mut self) -> Of {
        self.tokens += 1;
        Of {
            agent: self.ground.agent.id,
            device: self.ground.agent.device_id(),
            epoch: 0,
            issued: clock::now().unix.secs(),
            id: TokenId([self.tokens; 16]),
        }
    }

    fn view(&mut self) -> Forged {
        let conn = self.viewer.conn;
        Forged::view(&self.of(), conn)
    }

    fn grant(&mut self) -> Forged {
        Forged::grant(&self.of())
    }

    async fn open(&mut self, target: For) -> Result<StreamId> {
        self.last += 1;
        self.viewer.open(self.last, target, 1000).await?;
        Ok(self.last)
    }

    /// How the relay refuses this.
    async fn refusal(&mut self, target: For) -> Result<Close> {
        let id = self.open(target).await?;
        let refusal = |frame| {
            if let Frame::Close(closed, close) = frame {
                Some(close).filter(|_| closed == id)
            } else {
                None
            }
        };
        self.viewer.until(refusal).await
    }

    /// The relay refuses this with this code and its sentence.
    async fn refuses(&mut self, target: For, code: CloseCode) -> Result<()> {
        let refusal = self.refusal(target).await?;
        ensure!(refusal == Close::from(code), "refused by {refusal:?}");
        Ok(())
    }

    /// The relay passes this on, and nothing that came before it.
    async fn passes(&mut self, target: For) -> Result<()> {
        let id = self.open(target.clone()).await?;
        let offered = self.ground.agent.link.until(offer).await?;
        ensure!(offered.target == target, "offered {:?}", offered.target);
        self.viewer
            .send(&Frame::Close(id, CloseCode::Done.into()))
            .await
    }

    /// Each of these tokens to watch is refused so, and its honest twin is passed on.
    async fn refuses_tokens(&mut self, faults: Vec<Fault>, code: CloseCode) -> Result<()> {
        let signer = self.ground.agent.signer.clone();
        for (name, make) in faults {
            let honest = self.view();
            let faulty = For::Purpose(make(&honest, &signer));
            self.refuses(faulty, code).await.context(name.clone())?;
            let twin = For::Purpose(honest.signed(&signer));
            self.passes(twin).await.context(name)?;
        }
        Ok(())
    }

    /// The same of grants.
    async fn refuses_grants(&mut self, faults: Vec<Fault>, code: CloseCode) -> Result<()> {
        let identity = self.ground.agent.identity.clone();
        for (name, make) in faults {
            let honest = self.grant();
            let faulty = For::Session(make(&honest, &identity));
            self.refuses(faulty, code).await.context(name.clone())?;
            let twin = For::Session(honest.signed(&identity));
            self.passes(twin).await.context(name)?;
        }
        Ok(())
    }
}

fn offer(frame: Frame) -> Option<Open> {
    if let Frame::Open(_, open) = frame {
        Some(open)
    } else {
        None
    }
}

#[tokio::test]
async fn algorithms_foreign_keys_and_headers_that_point_elsewhere_open_nothing() -> Result<()> {
    let mut rig = Rig::start().await?;
    let refused = CloseCode::TokenRefused;
    rig.refuses_tokens(faults::of_header_and_signature(), refused)
        .await?;
    rig.refuses_grants(faults::of_header_and_signature(), refused)
        .await
}

#[tokio::test]
async fn times_missing_doubled_in_arrays_as_text_or_far_away_open_nothing() -> Result<()> {
    let mut rig = Rig::start().await?;
    rig.refuses_tokens(faults::of_times(), CloseCode::TokenRefused)
        .await?;
    rig.refuses_grants(faults::of_times(), CloseCode::TokenRefused)
        .await
}

#[tokio::test]
async fn another_issuer_device_link_purpose_type_or_epoch_opens_nothing() -> Result<()> {
    let mut rig = Rig::start().await?;
    let refused = CloseCode::TokenRefused;
    rig.refuses_tokens(faults::of_parties(), refused).await?;
    rig.refuses_tokens(faults::of_tokens_alone(), refused)
        .await?;
    rig.refuses_grants(faults::of_parties(), refused).await?;
    rig.refuses_grants(faults::of_grants_alone(), refused).await
}

#[tokio::test]
async fn a_token_or_grant_from_the_future_names_the_clock_and_opens_nothing() -> Result<()> {
    let mut rig = Rig::start().await?;
    let behind = CloseCode::ClockBehind;
    let token = rig.view();
    let ahead = faults::early(&token, 60).signed(&rig.ground.agent.signer);
    rig.refuses(For::Purpose(ahead), behind).await?;
    let twin = token.signed(&rig.ground.agent.signer);
    rig.passes(For::Purpose(twin)).await?;
    let grant = rig.grant();
    let ahead = faults::early(&grant, 60).signed(&rig.ground.agent.identity);
    rig.refuses(For::Session(ahead), behind).await?;
    let twin = grant.signed(&rig.ground.agent.identity);
    rig.passes(For::Session(twin)).await
}

#[tokio::test]
async fn a_token_from_before_a_revocation_opens_nothing_and_a_grant_says_why() -> Result<()> {
    let mut rig = Rig::start().await?;
    let (token, grant) = (rig.view(), rig.grant());
    rig.passes(For::Purpose(token.signed(&rig.ground.agent.signer)))
        .await?;
    rig.passes(For::Session(grant.signed(&rig.ground.agent.identity)))
        .await?;
    let mut announce = rig.ground.agent.announcement();
    announce.devices[0].epoch = 1;
    rig.ground.agent.announce(announce).await?;
    let (token, grant) = (rig.view(), rig.grant());
    let old = For::Purpose(token.signed(&rig.ground.agent.signer));
    rig.refuses(old, CloseCode::TokenRefused).await?;
    let old = For::Session(grant.signed(&rig.ground.agent.identity));
    rig.refuses(old, CloseCode::Revoked).await?;
    let twin = token.claim("ep", 1).signed(&rig.ground.agent.signer);
    rig.passes(For::Purpose(twin)).await?;
    let twin = grant.claim("ep", 1).signed(&rig.ground.agent.identity);
    rig.passes(For::Session(twin)).await
}

#[tokio::test]
async fn the_keys_of_one_machine_open_nothing_at_another() -> Result<()> {
    let mut rig = Rig::start().await?;
    let mut other = rig.ground.another().await?;
    other.signer = SigningKey::from_bytes(&[75; 32]);
    other.announce(other.announcement()).await?;
    let refused = CloseCode::TokenRefused;
    let (token, grant) = (rig.view(), rig.grant());
    for theirs in [
        token.clone(),
        token.clone().claim("iss", format!("\"{}\"", other.id)),
    ] {
        rig.refuses(For::Purpose(theirs.signed(&other.signer)), refused)
            .await?;
    }
    for theirs in [
        grant.clone(),
        grant.clone().claim("iss", format!("\"{}\"", other.id)),
    ] {
        rig.refuses(For::Session(theirs.signed(&other.identity)), refused)
            .await?;
    }
    // One's own keys, each in the other's place: a thief of the signer makes no grant.
    rig.refuses(
        For::Purpose(token.signed(&rig.ground.agent.identity)),
        refused,
    )
    .await?;
    rig.refuses(
        For::Session(grant.signed(&rig.ground.agent.signer)),
        refused,
    )
    .await?;
    let twin = token.signed(&rig.ground.agent.signer);
    rig.passes(For::Purpose(twin)).await?;
    let twin = grant.signed(&rig.ground.agent.identity);
    rig.passes(For::Session(twin)).await?;
    // At its own machine the other's token is good.
    let mut viewer = other.viewer(&rig.ground.target).await?;
    let of = Of {
        agent: other.id,
        ..rig.of()
    };
    let theirs = For::Purpose(Forged::view(&of, viewer.conn).signed(&other.signer));
    viewer.open(1, theirs.clone(), 1000).await?;
    assert_eq!(other.link.until(offer).await?.target, theirs);
    Ok(())
}

#[tokio::test]
async fn a_signer_of_another_start_opens_nothing_once_it_is_not_announced() -> Result<()> {
    let mut rig = Rig::start().await?;
    let before = rig.ground.agent.signer.clone();
    let token = rig.view();
    rig.ground.agent.signer = SigningKey::from_bytes(&[76; 32]);
    rig.ground
        .agent
        .announce(rig.ground.agent.announcement())
        .await?;
    let old = For::Purpose(token.signed(&before));
    rig.refuses(old, CloseCode::TokenRefused).await?;
    let twin = token.signed(&rig.ground.agent.signer);
    rig.passes(For::Purpose(twin)).await
}

#[tokio::test]
async fn a_signer_of_small_order_signs_nothing_even_when_it_is_announced() -> Result<()> {
    let mut rig = Rig::start().await?;
    let mut announce = rig.ground.agent.announcement();
    let since = clock::now().unix.secs();
    let (weak, until) = (faults::small_order(), since + LIFE_SIGNER.as_secs());
    let certified = signer_cert(
        &rig.ground.agent.identity,
        rig.ground.agent.id,
        &weak,
        since,
        until,
    );
    announce.signers.push(certified);
    rig.ground.agent.announce(announce).await?;
    let token = rig.view();
    // Under a lax check this is a signature of everything.
    let forged = token.with_signature(&faults::small_order_signature());
    rig.refuses(For::Purpose(forged), CloseCode::TokenRefused)
        .await?;
    let twin = token.signed(&rig.ground.agent.signer);
    rig.passes(For::Purpose(twin)).await
}

#[tokio::test]
async fn a_key_of_another_length_ends_the_link_that_announces_it() -> Result<()> {
    let mut rig = Rig::start().await?;
    let honest = serde_json::to_value(rig.ground.agent.announcement())?;
    for length in [0, 31, 33, 64] {
        rig.ground.agent.again(&rig.ground.target).await?;
        let mut announce = honest.clone();
        announce["signers"][0]["key"] = b64::encode(vec![7; length]).into();
        let bytes = serde_json::to_vec(&announce)?;
        rig.ground
            .agent
            .link
            .send_bytes(0, kind::ANNOUNCE, &bytes)
            .await?;
        let ending = rig.ground.agent.link.ending().await?;
        assert_eq!(told(ending)?, CloseCode::Malformed, "{length} bytes");
    }
    rig.ground.agent.again(&rig.ground.target).await?;
    let bytes = serde_json::to_vec(&honest)?;
    rig.ground
        .agent
        .link
        .send_bytes(0, kind::ANNOUNCE, &bytes)
        .await?;
    rig.ground.agent.settled().await
}

#[tokio::test]
async fn a_token_of_five_kilobytes_ends_the_link_that_sends_it_and_no_other() -> Result<()> {
    let mut rig = Rig::start().await?;
    let grown = |token: &Forged, bytes: usize, key: &SigningKey| {
        token
            .clone()
            .and_claim("x", format!("\"{}\"", "x".repeat(bytes)))
            .signed(key)
    };
    for bytes in [600, 5 * 1024] {
        let mut viewer = rig.ground.agent.viewer(&rig.ground.target).await?;
        let large = grown(&rig.view(), bytes, &rig.ground.agent.signer);
        ensure!(large.len() > 1024);
        viewer.open(1, For::Purpose(large), 1000).await?;
        assert_eq!(
            told(viewer.ending().await?)?,
            CloseCode::Malformed,
            "{bytes}"
        );
        let mut viewer = rig.ground.agent.viewer(&rig.ground.target).await?;
        let large = grown(&rig.grant(), bytes, &rig.ground.agent.identity);
        viewer.open(1, For::Session(large), 1000).await?;
        assert_eq!(
            told(viewer.ending().await?)?,
            CloseCode::Malformed,
            "{bytes}"
        );
    }
    let twin = rig.view().signed(&rig.ground.agent.signer);
    rig.passes(For::Purpose(twin)).await
}

#[tokio::test]
async fn a_token_that_was_used_opens_nothing_on_its_own_link_or_on_a_later_one() -> Result<()> {
    let mut rig = Rig::start().await?;
    let token = rig.view();
    let raw = For::Purpose(token.signed(&rig.ground.agent.signer));
    rig.passes(raw.clone()).await?;
    rig.refuses(raw.clone(), CloseCode::TokenUsed).await?;
    // The same device on a new link: its name is another.
    rig.viewer = rig.ground.agent.viewer(&rig.ground.target).await?;
    rig.last = 0;
    rig.refuses(raw, CloseCode::TokenRefused).await?;
    let conn: ConnId = rig.viewer.conn;
    let twin = token.claim("conn", format!("\"{conn}\""));
    let twin = twin.claim("jti", format!("\"{}\"", TokenId([200; 16])));
    rig.passes(For::Purpose(twin.signed(&rig.ground.agent.signer)))
        .await
}
