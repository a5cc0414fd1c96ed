//! Where the thefts happen: a machine at a relay, a device of its owner's that may do everything, and a terminal with a word on its screen.

use super::line::{Line, Sealed, Use};
use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_agent::core::Identity;
use lanyard_agent::state::StateDir;
use lanyard_client::client::Client;
use lanyard_client::keys::Device;
use lanyard_dial::clock;
use lanyard_shared::approval::{self, Answer, Request};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::Target as For;
use lanyard_shared::ids::{AgentId, TerminalId, TokenId};
use lanyard_shared::msg::Wanted;
use lanyard_shared::noise::StaticKey;
use lanyard_shared::pair::address::Address;
use lanyard_shared::pair::{PairingLink, PairingSecret};
use lanyard_shared::seal::StreamSecret;
use lanyard_shared::token::Kind;
use lanyard_tests::attack::target::source;
use lanyard_tests::attack::{HostileLink, Target};
use lanyard_tests::blast::{Credential, Loot, Thing, Verdict};
use lanyard_tests::process::{program, run};
use lanyard_tests::viewer::plain;
use lanyard_tests::{PATIENCE, TestTerminal, TestViewer, World};
use serde_json::{Value, json};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::process::Command;
use tokio::time::timeout;

/// Everything that can be granted.
pub const SCOPES: &[&str] = &[
    "view",
    "files.read",
    "terminal",
    "run",
    "files.write",
    "prompt",
    "approve",
    "devices",
];
/// On the screen, and nowhere else.
pub const WORD: &str = "tourmaline";

/// The machine, its relay, the device.
pub struct Scene {
    pub world: World,
    pub target: Target,
    pub agent: AgentId,
    pub remote: [u8; 32],
    pub victim: TestViewer,
    pub terminal: TerminalId,
    pub root: String,
    /// Somebody on the machine asks for this, and waits.
    pub request: Request,
    _asker: Ear,
    _shown: TestTerminal,
    sources: AtomicU32,
}

/// Both keys of a device.
#[derive(Clone)]
pub struct Keys {
    pub sign: SigningKey,
    pub noise: StaticKey,
}

/// What a thief has in the bag.
#[derive(Default)]
pub struct Bag {
    pub code: Option<String>,
    pub invitation: Option<String>,
    pub keys: Option<Keys>,
    pub line: Option<Line>,
    pub grant: Option<String>,
    pub token: Option<(Kind, String)>,
    pub secret: Option<(TokenId, StreamSecret)>,
    pub identity: Option<SigningKey>,
    pub noise: Option<StaticKey>,
    pub owner: bool,
    pub relay_key: Option<PathBuf>,
    pub operator: Option<String>,
}

/// A stream that somebody listened to: its token's name and its records.
pub struct Recorded {
    pub jti: TokenId,
    pub records: Vec<Bytes>,
}

impl Scene {
    pub async fn start() -> Result<Self> {
        let world = World::start().await?;
        let target = Target::of(&world.relay)?;
        let victim = TestViewer::pair(&world, SCOPES).await?;
        let mut shown = victim.terminal().await?;
        // In two parts, so that the line itself is not what it prints.
        shown.type_text("echo tourma''line\r").await?;
        shown.until(WORD).await?;
        let root = world.home().canonicalize()?;
        let mut asker = Ear::at(&world).await?;
        let request = asker.ask_people(&root).await?;
        Ok(Self {
            request,
            _asker: asker,
            target,
            agent: victim.machine.agent,
            remote: victim.machine.noise_key.0,
            terminal: shown.handle.terminal(),
            root: root.to_str().context("text")?.to_owned(),
            victim,
            _shown: shown,
            sources: AtomicU32::new(0),
            world,
        })
    }

    /// An address that nobody has used yet: what one thief spoils must not look like another's failure.
    pub fn address(&self) -> Ipv4Addr {
        source(self.sources.fetch_add(1, Ordering::Relaxed))
    }

    /// The victim's keys, as a copy of its file holds them.
    pub fn victim_keys(&self) -> Keys {
        Keys {
            sign: SigningKey::clone(self.victim.device.signing_key()),
            noise: self.victim.device.noise_key().clone(),
        }
    }

    pub async fn proven(&self, key: &SigningKey) -> Result<Line> {
        let link = HostileLink::viewer(&self.target, self.agent, key, self.address()).await?;
        Ok(Line::new(link))
    }

    /// A session of the victim's own.
    pub async fn honest(&self) -> Result<Line> {
        let keys = self.victim_keys();
        let mut line = self.proven(&keys.sign).await?;
        let grant = For::Session(self.victim.machine.grant.clone());
        let id = loop {
            match line.open(grant.clone()).await? {
                Ok(id) => break id,
                // A thief has locked the machine, and its owner has opened it just now.
                Err(Some(CloseCode::Locked)) => line.woken().await?,
                Err(code) => bail!("the victim is refused: {code:?}"),
            }
        };
        let stands = line
            .shake_hands(id, self.agent, &keys.noise, &self.remote)
            .await?;
        ensure!(stands, "the victim has no session");
        Ok(line)
    }

    /// What a token of this purpose is asked for here; nothing where no session gives one.
    pub fn wanted(&self, kind: Kind) -> Option<Wanted> {
        let (terminal, root) = (self.terminal, self.root.clone());
        Some(match kind {
            Kind::Device => return None,
            Kind::View => Wanted::View { terminal },
            Kind::FilesRead => Wanted::FilesRead { root },
            Kind::Terminal => Wanted::Terminal { terminal },
            Kind::Run => Wanted::Run { root },
            Kind::FilesWrite => Wanted::FilesWrite { root },
            Kind::Prompt => Wanted::Prompt { root },
            Kind::Approve => Wanted::Approve {
                request: self.request.id,
            },
            Kind::Devices => Wanted::Devices {},
        })
    }

    /// What streams are used for by who holds these keys. An answer is also taken when there was one before, so that each thief can try.
    pub fn purpose(&self, keys: &Keys) -> Use<'static> {
        let hash = self.request.hash();
        Use {
            word: WORD,
            answer: Answer::sign(&keys.sign, self.agent, hash, approval::Verdict::Denied),
        }
    }

    /// A stream of the victim's that somebody records, with its secret.
    pub async fn recorded(&self) -> Result<(Recorded, StreamSecret)> {
        let mut line = self.honest().await?;
        let view = self.wanted(Kind::View).context("a wish")?;
        let minted = line.mint(view).await?.context("a token to watch")?;
        let id = line.open(For::Purpose(minted.token)).await?;
        let id = id.map_err(|code| anyhow::anyhow!("the victim cannot watch: {code:?}"))?;
        let mut on: Sealed = Line::sealed(id, minted.jti, &minted.secret);
        let purpose = self.purpose(&self.victim_keys());
        let seen = line.use_stream(&mut on, Kind::View, &purpose).await?;
        ensure!(seen == Verdict::Yes, "the victim sees its terminal");
        let recorded = Recorded {
            jti: minted.jti,
            records: on.ciphertext,
        };
        Ok((recorded, minted.secret))
    }

    /// What this thief has, taken for real.
    pub async fn steal(&self, loot: Loot, secret: &StreamSecret, of: TokenId) -> Result<Bag> {
        let mut bag = Bag::default();
        // The link on which a token was made is the one that it is good for.
        let mut line = self.honest().await?;
        match loot.stolen {
            Credential::Thing(thing) => match thing {
                Thing::EnrolmentCode => bag.code = Some(self.world.relay.enrol().await?),
                Thing::PairingLink => bag.invitation = Some(self.link(false).await?),
                Thing::PairingLinkYes => bag.invitation = Some(self.link(true).await?),
                Thing::ShareLink => bag.invitation = Some(self.share().await?),
                Thing::DeviceKeys => bag.keys = Some(self.victim_keys()),
                Thing::Session => {
                    bag.line = Some(line);
                    return Ok(bag);
                }
                Thing::StreamSecret => bag.secret = Some((of, secret.clone())),
                Thing::IdentityKey => bag.identity = Some(self.key_file()?.0),
                Thing::NoiseKey => bag.noise = Some(self.key_file()?.1),
                Thing::KeyFile => {
                    let (identity, noise) = self.key_file()?;
                    (bag.identity, bag.noise) = (Some(identity), Some(noise));
                }
                // It is in memory only; see the signer's own test.
                Thing::Signer => {}
                Thing::OwnerSocket => bag.owner = true,
                Thing::RelayKey => bag.relay_key = Some(self.world.relay.data.clone()),
            },
            Credential::Token(Kind::Device) => bag.grant = Some(self.victim.machine.grant.clone()),
            Credential::Token(kind) => {
                let wanted = self.wanted(kind).context("a wish")?;
                let minted = line.mint(wanted).await?;
                bag.token = Some((kind, minted.context("a token")?.token));
            }
            Credential::Operator(purpose) => {
                let mut command = Command::new(program("lanyard-relay")?);
                command.args(["token", "create", "--purpose", purpose.name(), "--data"]);
                let (status, out, said) = run(command.arg(&self.world.relay.data)).await?;
                ensure!(status.success(), "no operator token: {said}");
                bag.operator = Some(out.trim().to_owned());
            }
        }
        if loot.keys {
            bag.keys = Some(self.victim_keys());
        }
        if loot.link {
            bag.line = Some(line.without_session());
        }
        Ok(bag)
    }

    pub async fn link(&self, yes: bool) -> Result<String> {
        self.world.agent.pairing_link(SCOPES, yes).await
    }

    /// A link to a rendezvous that does not exist.
    pub fn made_up_link(&self) -> Result<String> {
        let link = PairingLink {
            agent: self.agent,
            noise_key: self.remote,
            secret: PairingSecret::from_bytes([7; 32]),
            fingerprint: None,
        };
        let web = Address::parse(&self.victim.machine.relay)?;
        Ok(link.url(&web).to_string())
    }

    async fn share(&self) -> Result<String> {
        let request = json!({"t": "pair", "scopes": ["view"], "reach": {"root": null, "terminal": null}, "stays": 1800, "yes": true});
        let answer = self.world.agent.owner(request).await?;
        Ok(answer["url"].as_str().context("a link")?.to_owned())
    }

    /// The machine's keys, from a copy of its file: reading them also writes them.
    fn key_file(&self) -> Result<(SigningKey, StaticKey)> {
        let dir = tempfile::TempDir::new()?;
        let stolen = StateDir::open(Some(dir.path().join("stolen")))?;
        let file = "identity.key";
        let copy = dir.path().join("stolen").join(file);
        std::fs::copy(self.world.agent.state.join(file), copy)?;
        let keys: Identity = stolen.identity(clock::now().unix)?;
        Ok((SigningKey::clone(keys.key()), keys.noise().key.clone()))
    }
}

/// What the owner is told.
pub struct Ear {
    lines: Lines<BufReader<OwnedReadHalf>>,
    write: OwnedWriteHalf,
}

impl Ear {
    /// Listens at the owner's socket from now on.
    pub async fn at(world: &World) -> Result<Self> {
        let socket = world.agent.state.join("owner.sock");
        let (read, write) = UnixStream::connect(socket).await?.into_split();
        let lines = BufReader::new(read).lines();
        let mut ear = Self { lines, write };
        // Once it answers, it listens.
        ear.say(&json!({"t": "status"})).await?;
        while ear.heard().await?["event"] != "status" {}
        Ok(ear)
    }

    /// Asks people whether something may run. It is asked until this is dropped.
    async fn ask_people(&mut self, folder: &Path) -> Result<Request> {
        let wish = json!({
            "name": "", "session": null, "line": "make", "programs": [], "folder": folder, "workspace": folder,
            "fences": {"fences": "outside"},
        });
        self.say(&json!({"t": "ask", "wish": wish})).await?;
        loop {
            let notice = self.heard().await?;
            if notice["event"] == "decided" {
                return Ok(serde_json::from_value(notice["request"].clone())?);
            }
        }
    }

    /// Says something as the owner.
    pub async fn say(&mut self, request: &Value) -> Result<()> {
        let line = format!("{request}\n");
        Ok(self.write.write_all(line.as_bytes()).await?)
    }

    async fn heard(&mut self) -> Result<Value> {
        let line = timeout(PATIENCE, self.lines.next_line()).await;
        let line = line.context("nothing is said")??.context("it hung up")?;
        Ok(serde_json::from_str(&line)?)
    }

    /// The question that a pairing asks; nothing if the device was let in without one.
    pub async fn asked(&mut self) -> Result<Option<Value>> {
        loop {
            let notice = self.heard().await?;
            if notice["event"] == "question" {
                return Ok(Some(notice["question"].clone()));
            }
            if notice["event"] == "paired" {
                return Ok(None);
            }
        }
    }
}

/// Fresh keys of the thief's own.
pub fn own_keys() -> Result<Keys> {
    let device = Device::generate("thief").map_err(plain)?;
    Ok(Keys {
        sign: SigningKey::clone(device.signing_key()),
        noise: device.noise_key().clone(),
    })
}

/// Starts pairing by this link with these keys.
pub async fn knock(
    link: &str,
    keys: &Keys,
) -> Result<lanyard_client::client::Pairing, lanyard_client::Failure> {
    let device = Device::from_secrets(&keys.sign.to_bytes(), &keys.noise.to_bytes(), "thief");
    Client::pair(link, &device).await
}
