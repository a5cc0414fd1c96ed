//! The same tokens at the agent itself, passed on by a relay that checks nothing: it refuses each by its code and its sentence, and what it
//! minted opens one stream, once.

use anyhow::{Context as _, Result, ensure};
use ed25519_dalek::SigningKey;
use lanyard_client::{Mode, TerminalEvent};
use lanyard_dial::clock;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame, Open, Origin, StreamId, Target as For};
use lanyard_shared::ids::{ConnId, DeviceId, TokenId};
use lanyard_tests::attack::between::open;
use lanyard_tests::attack::faults::{self, Fault};
use lanyard_tests::attack::forge::{Forged, Of, quoted};
use lanyard_tests::attack::{Between, Side};
use lanyard_tests::viewer::{GRID, plain};
use lanyard_tests::{TestTerminal, TestViewer};

const BOTH: &[&str] = &["view", "terminal"];

/// An agent that has minted a token, and the relay that keeps it back.
struct Rig {
    between: Between,
    viewer: TestViewer,
    origin: Origin,
    withheld: Withheld,
    terminal: TestTerminal,
}

/// A viewer's honest open that never arrived.
struct Withheld {
    place: usize,
    stream: StreamId,
    open: Open,
    raw: String,
}

fn is_purpose(frame: &Frame) -> bool {
    matches!(frame, Frame::Open(_, open) if matches!(open.target, For::Purpose(_)))
}

impl Rig {
    async fn start() -> Result<Self> {
        let between = Between::start().await?;
        let viewer = between.viewer(BOTH).await?;
        between.meddle(|carried| {
            if is_purpose(&carried.frame) {
                vec![]
            } else {
                vec![carried]
            }
        });
        let made = viewer.client.create(GRID, "test").await.map_err(plain)?;
        let handle = viewer
            .client
            .open(made.id, GRID, Mode::ViewOnly)
            .map_err(plain)?;
        let withheld = between
            .carried(|carried| {
                let (Side::Viewer(place), Frame::Open(_, open)) = (carried.from, &carried.frame)
                else {
                    return None;
                };
                let For::Purpose(raw) = &open.target else {
                    return None;
                };
                Some(Withheld {
                    place,
                    stream: carried.stream,
                    open: open.clone(),
                    raw: raw.clone(),
                })
            })
            .await?;
        between.behave();
        let (_, origin) = between.link_by(viewer.device.signing_key())?;
        let terminal = TestTerminal {
            handle,
            text: Vec::new(),
            events: Vec::new(),
        };
        Ok(Self {
            between,
            viewer,
            origin,
            withheld,
            terminal,
        })
    }

    /// The agent refuses this token with this code and its sentence.
    async fn refuses(&self, raw: &str, origin: Origin, code: CloseCode) -> Result<()> {
        let refused = self
            .between
            .try_open(For::Purpose(raw.to_owned()), origin)
            .await?;
        ensure!(refused == Err(Close::from(code)), "answered {refused:?}");
        Ok(())
    }

    /// The honest open arrives after all, and the viewer sees its terminal.
    async fn honest_twin(&mut self) -> Result<()> {
        let Withheld {
            place,
            stream,
            open,
            ..
        } = &self.withheld;
        let (id, whose) = (self.between.id, Some((*place, *stream)));
        self.between.open_at(id, open.clone(), whose).await?;
        self.terminal
            .until_event(|event| matches!(event, TerminalEvent::Snapshot { .. }))
            .await
    }

    /// Whose the next grant is.
    fn of(&self, number: u8) -> Result<Of> {
        let device = DeviceId::of_key(&self.origin.device);
        let announced = self.between.announced(self.between.id);
        let known = announced.devices.iter().find(|known| known.id == device);
        Ok(Of {
            agent: self.between.id,
            device,
            epoch: known.context("the device is announced")?.epoch,
            issued: clock::now().unix.secs(),
            id: TokenId([number; 16]),
        })
    }
}

#[tokio::test]
async fn a_token_that_the_signer_did_not_sign_as_it_stands_opens_nothing_at_the_agent() -> Result<()>
{
    let mut rig = Rig::start().await?;
    let honest = Forged::read(&rig.withheld.raw).context("a token")?;
    let (_, signature) = rig.withheld.raw.rsplit_once('.').context("a signature")?;
    let signature = lanyard_shared::b64::decode(signature).context("a signature")?;
    // Not the signer's key, but the one that certifies it.
    let identity = rig.between.identity()?;
    let lists = [
        faults::of_header_and_signature(),
        faults::of_times(),
        faults::of_parties(),
        faults::of_tokens_alone(),
    ];
    for (name, make) in lists.into_iter().flatten() {
        let forged = make(&honest, &identity);
        let refused = rig
            .refuses(&forged, rig.origin, CloseCode::TokenRefused)
            .await;
        refused.context(name)?;
    }
    let signers = rig.between.announced(rig.between.id).signers;
    let public = signers.first().context("a signer")?.key.0;
    let longer = honest.claim_seconds("exp") + 60;
    let forgeries = [
        ("HS256 with the signer's public key", honest.keyed(&public)),
        ("typing in place of watching", {
            honest
                .clone()
                .claim("aud", quoted("terminal"))
                .with_signature(&signature)
        }),
        ("a minute longer", {
            honest
                .clone()
                .claim("exp", longer)
                .with_signature(&signature)
        }),
        ("another token's name", {
            let id = quoted(&TokenId([8; 16]).to_string());
            honest.clone().claim("jti", id).with_signature(&signature)
        }),
        ("signed by the identity", honest.signed(&identity)),
        ("a grant", Forged::grant(&rig.of(1)?).signed(&identity)),
        ("the device's own grant", rig.viewer.machine.grant.clone()),
    ];
    for (name, forged) in forgeries {
        let refused = rig
            .refuses(&forged, rig.origin, CloseCode::TokenRefused)
            .await;
        refused.context(name)?;
    }
    rig.honest_twin().await
}

#[tokio::test]
async fn a_true_token_opens_nothing_for_another_link_or_device_and_nothing_twice() -> Result<()> {
    let mut rig = Rig::start().await?;
    let guest = rig.between.viewer(BOTH).await?;
    let (_, others) = rig.between.link_by(guest.device.signing_key())?;
    let unknown = SigningKey::from_bytes(&[0x66; 32])
        .verifying_key()
        .to_bytes();
    let raw = rig.withheld.raw.clone();
    let mine = rig.origin;
    for (name, origin, code) in [
        (
            "another link of the device",
            Origin {
                conn: ConnId([9; 16]),
                ..mine
            },
            CloseCode::TokenRefused,
        ),
        ("another device's link", others, CloseCode::TokenRefused),
        (
            "another device on this link",
            Origin {
                device: others.device,
                ..mine
            },
            CloseCode::TokenRefused,
        ),
        (
            "nobody's device",
            Origin {
                device: unknown,
                ..mine
            },
            CloseCode::UnknownDevice,
        ),
    ] {
        rig.refuses(&raw, origin, code).await.context(name)?;
    }
    rig.honest_twin().await?;
    rig.refuses(&raw, mine, CloseCode::TokenUsed).await?;
    // What stands is not disturbed by it.
    rig.between.viewer(BOTH).await?;
    let device = rig.viewer.client.heartbeat().await.map_err(plain)?;
    ensure!(device.0.is_some(), "its session stands");
    Ok(())
}

async fn refuses_grants(rig: &Rig, key: &SigningKey, faults: Vec<Fault>) -> Result<()> {
    for (number, (name, make)) in (0..=u8::MAX).cycle().zip(faults) {
        let honest = Forged::grant(&rig.of(number)?);
        let faulty = For::Session(make(&honest, key));
        let refused = rig.between.try_open(faulty, rig.origin).await?;
        let expected = Err(Close::from(CloseCode::TokenRefused));
        ensure!(refused == expected, "{name}: answered {refused:?}");
        let twin = For::Session(honest.signed(key));
        let taken = rig.between.try_open(twin, rig.origin).await?;
        let id = taken.map_err(|close| anyhow::anyhow!("the twin of {name}: {close:?}"))?;
        let close = Frame::Close(id, CloseCode::ViewerGone.into());
        rig.between.say(Side::Agent(rig.between.id), close)?;
    }
    Ok(())
}

#[tokio::test]
async fn a_grant_with_any_fault_opens_no_session_even_when_the_identity_signed_it() -> Result<()> {
    let rig = Rig::start().await?;
    let identity = rig.between.identity()?;
    refuses_grants(&rig, &identity, faults::of_header_and_signature()).await?;
    refuses_grants(&rig, &identity, faults::of_times()).await?;
    refuses_grants(&rig, &identity, faults::of_parties()).await?;
    refuses_grants(&rig, &identity, faults::of_grants_alone()).await?;
    // By the machine's own clock no second of the future is forgiven.
    let ahead = faults::early(&Forged::grant(&rig.of(1)?), 60).signed(&identity);
    let refused = rig
        .between
        .try_open(For::Session(ahead), rig.origin)
        .await?;
    assert_eq!(refused, Err(CloseCode::ClockBehind.into()));
    // The epoch is the table's, whatever a grant says.
    let of = rig.of(2)?;
    for epoch in [of.epoch - 1, of.epoch + 1] {
        let other = Forged::grant(&Of { epoch, ..of }).signed(&identity);
        let refused = rig
            .between
            .try_open(For::Session(other), rig.origin)
            .await?;
        assert_eq!(refused, Err(CloseCode::TokenRefused.into()), "{epoch}");
    }
    // And the table says who is a device at all.
    let stranger = SigningKey::from_bytes(&[0x66; 32])
        .verifying_key()
        .to_bytes();
    let of = Of {
        device: DeviceId::of_key(&stranger),
        ..of
    };
    let origin = Origin {
        device: stranger,
        ..rig.origin
    };
    let grant = Forged::grant(&of).signed(&identity);
    let refused = rig.between.try_open(For::Session(grant), origin).await?;
    assert_eq!(refused, Err(CloseCode::UnknownDevice.into()));
    Ok(())
}

#[tokio::test]
async fn a_token_of_five_kilobytes_costs_the_relay_that_passes_it_on_its_link() -> Result<()> {
    let mut rig = Rig::start().await?;
    rig.honest_twin().await?;
    let honest = Forged::read(&rig.withheld.raw).context("a token")?;
    let long = quoted(&"x".repeat(5 * 1024));
    let large = honest
        .and_claim("x", long)
        .signed(&*rig.between.identity()?);
    rig.between
        .open_at(rig.between.id, open(For::Purpose(large), rig.origin), None)
        .await?;
    rig.between.agent.process.event_named("offline").await?;
    rig.between.agent.process.event_named("online").await?;
    // The viewer finds its terminal again by itself.
    rig.terminal
        .until_event(|event| matches!(event, TerminalEvent::Resumed))
        .await
}
