//! A thief tries everything, with all that is in the bag; what is missing it makes up.

use super::line::{Line, contains};
use super::scene::{Bag, Ear, Keys, Recorded, Scene, WORD, knock, own_keys};
use super::{machine, operator};
use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_dial::clock;
use lanyard_shared::access::DevicesRequest;
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, Role, Target as For};
use lanyard_shared::ids::{DeviceId, TerminalId, TokenId};
use lanyard_shared::msg::{self, FromAgent, ToAgent};
use lanyard_shared::proof::prove;
use lanyard_shared::record::ViewerRecord;
use lanyard_shared::rotate;
use lanyard_shared::seal::{Direction, Opener, StreamSecret};
use lanyard_shared::token::Kind;
use lanyard_tests::attack::HostileLink;
use lanyard_tests::attack::forge::{Forged, Of, quoted};
use lanyard_tests::attack::link::ATTACH;
use lanyard_tests::blast::{Act, Operation, Step, Verdict};
use lanyard_tests::viewer::GRID;
use serde_json::{Value, json};

/// What came of each operation.
pub type Outcomes = Vec<(Operation, Verdict)>;

/// A thief at work.
pub struct Thief<'a> {
    pub scene: &'a Scene,
    pub bag: Bag,
    own: Keys,
    outcomes: Outcomes,
}

impl<'a> Thief<'a> {
    pub fn new(scene: &'a Scene, bag: Bag) -> Result<Self> {
        Ok(Self {
            scene,
            bag,
            own: own_keys()?,
            outcomes: Vec::new(),
        })
    }

    fn note(&mut self, operation: Operation, verdict: Verdict) {
        self.outcomes.push((operation, verdict));
    }

    fn act(&mut self, act: Act, verdict: Verdict) {
        self.note(Operation::Act(act), verdict);
    }

    /// All of it; what takes the machine's place comes last.
    pub async fn try_all(mut self, recorded: &Recorded) -> Result<Outcomes> {
        let read = self.reads(recorded);
        self.act(Act::ReadCiphertext, yes(read));
        let owner = self.commands().await?;
        self.act(Act::BeOwner, yes(owner));
        let pairs = self.pairs().await.context("pairing")?;
        self.act(Act::PairDevice, pairs);
        let mut line = self.line().await.context("a link")?;
        self.session(&mut line).await.context("a session")?;
        for kind in Kind::ALL
            .iter()
            .copied()
            .filter(|kind| *kind != Kind::Device)
        {
            let tried = self.purpose(&mut line, kind).await;
            tried.with_context(|| kind.name())?;
        }
        self.in_session(&mut line).await.context("in a session")?;
        drop(line);
        for (act, verdict) in operator::tries(self.scene, &self.bag).await? {
            self.act(act, verdict);
        }
        for (act, verdict) in machine::tries(self.scene, &self.bag).await? {
            self.act(act, verdict);
        }
        Ok(self.outcomes)
    }

    /// Every key in the bag, as a stream secret.
    fn reads(&self, recorded: &Recorded) -> bool {
        let keys = self.bag.keys.iter().flat_map(|keys| {
            let noise = *keys.noise.to_bytes();
            [keys.sign.to_bytes(), noise]
        });
        let identity = self.bag.identity.iter().map(SigningKey::to_bytes);
        let noise = self.bag.noise.iter().map(|key| *key.to_bytes());
        let secrets = keys.chain(identity).chain(noise).chain([[0; 32]]);
        let mut secrets: Vec<_> = secrets.map(StreamSecret::from_bytes).collect();
        secrets.extend(self.bag.secret.iter().map(|(_, secret)| secret.clone()));
        secrets.iter().any(|secret| {
            let mut opener = Opener::new(secret, recorded.jti, Direction::ToViewer);
            let plain = recorded.records.iter().map_while(|record| {
                let plain = opener.open_bytes(record.clone()).ok()?;
                Some(plain.to_vec())
            });
            contains(&plain.flatten().collect::<Vec<_>>(), WORD)
        })
    }

    /// The owner's socket is a place on the machine: who is not there has nothing to try.
    async fn commands(&self) -> Result<bool> {
        if !self.bag.owner {
            return Ok(false);
        }
        let answer = self.scene.world.agent.owner(json!({"t": "status"})).await?;
        Ok(answer["event"] == "status")
    }

    /// With a link, or one that it has made as the owner, or one that it makes up.
    async fn pairs(&mut self) -> Result<Verdict> {
        let link = match &self.bag.invitation {
            Some(link) => link.clone(),
            None if self.bag.owner => self.scene.link(true).await?,
            None => self.scene.made_up_link()?,
        };
        let mut ear = Ear::at(&self.scene.world).await?;
        let Ok(pairing) = knock(&link, &self.own).await else {
            return Ok(Verdict::No);
        };
        let waiting = tokio::spawn(pairing.wait());
        // Whoever is asked says no; where nobody is, the device is in.
        let asked = ear.asked().await?;
        if let Some(question) = &asked {
            ear.say(&json!({"t": "answer", "question": question, "yes": false}))
                .await?;
        }
        match (waiting.await?, asked) {
            (Ok(machine), None) => {
                self.bag.keys = Some(self.own.clone());
                self.bag.grant = Some(machine.grant);
                Ok(Verdict::Yes)
            }
            (Err(failure), Some(_)) if failure.code() == Some(CloseCode::PairDenied) => {
                Ok(Verdict::Asks)
            }
            (outcome, asked) => bail!("asked {asked:?}, and then {outcome:?}"),
        }
    }

    /// The best link there is. A device paired just now is not the victim.
    async fn line(&mut self) -> Result<Line> {
        let paired = self.bag.invitation.is_some() || self.bag.owner;
        if let Some(line) = self.bag.line.take() {
            self.act(Act::ProveDevice, Verdict::Yes);
            return Ok(line);
        }
        let victim = self.scene.victim_keys().sign.verifying_key();
        if let Some(keys) = self.bag.keys.as_ref().filter(|_| !paired) {
            let line = self.scene.proven(&keys.sign).await?;
            self.act(Act::ProveDevice, Verdict::Yes);
            return Ok(line);
        }
        let forged = self.forges_a_proof(victim.to_bytes()).await?;
        self.act(Act::ProveDevice, yes(forged));
        let keys = self.bag.keys.as_ref().unwrap_or(&self.own);
        self.scene.proven(&keys.sign).await
    }

    /// The victim's name under another's signature.
    async fn forges_a_proof(&self, victim: [u8; 32]) -> Result<bool> {
        let scene = self.scene;
        let address = scene.address();
        let (mut link, challenge) = HostileLink::challenged(&scene.target, ATTACH, address).await?;
        let (now, host) = (clock::now().unix, scene.target.host());
        let signer = self.bag.identity.as_ref().unwrap_or(&self.own.sign);
        let mut proof = prove(signer, Role::Device, &host, scene.agent, &challenge, now)?;
        proof.key = b64::Bytes(victim);
        link.send(&Frame::Proof(proof)).await?;
        match link.next().await? {
            Frame::Welcome(_) => Ok(true),
            Frame::Close(0, close) if close.code == Some(CloseCode::ProofRefused) => Ok(false),
            frame => bail!("answered {frame:?}"),
        }
    }

    fn of(&self, device: DeviceId, id: u8) -> Of {
        Of {
            agent: self.scene.agent,
            device,
            epoch: 1,
            issued: clock::now().unix.secs(),
            id: TokenId([id; 16]),
        }
    }

    /// Whose devices a forged token can name, and by which keys it can be signed.
    fn forgeries(&self) -> (Vec<DeviceId>, Vec<SigningKey>) {
        let id = |key: &SigningKey| DeviceId::of_key(&key.verifying_key().to_bytes());
        let devices = vec![self.scene.victim.device.id(), id(&self.own.sign)];
        let mut keys = vec![self.own.sign.clone()];
        keys.extend(self.bag.keys.iter().map(|keys| keys.sign.clone()));
        keys.extend(self.bag.identity.clone());
        (devices, keys)
    }

    /// Opens a session, with any grant there is or can be made.
    async fn session(&mut self, line: &mut Line) -> Result<()> {
        let operation = |step| Operation::Purpose(step, Kind::Device);
        if line.has_session() {
            self.note(operation(Step::Open), Verdict::Yes);
            self.note(operation(Step::Use), Verdict::Yes);
            return Ok(());
        }
        let mut grants: Vec<String> = self.bag.grant.iter().cloned().collect();
        let (devices, keys) = self.forgeries();
        for device in devices {
            let honest = Forged::grant(&self.of(device, 1));
            grants.extend(keys.iter().map(|key| honest.signed(key)));
        }
        if let Some((_, token)) = &self.bag.token {
            grants.push(token.clone());
        }
        let (mut opened, mut used) = (false, false);
        for grant in grants {
            let Ok(id) = line.open(For::Session(grant)).await? else {
                continue;
            };
            opened = true;
            let noise = self.bag.keys.as_ref().unwrap_or(&self.own).noise.clone();
            let noise = self
                .bag
                .noise
                .clone()
                .filter(|_| self.bag.keys.is_none())
                .unwrap_or(noise);
            let (agent, remote) = (self.scene.agent, self.scene.remote);
            used = line.shake_hands(id, agent, &noise, &remote).await?;
            if used {
                break;
            }
        }
        self.note(operation(Step::Open), yes(opened));
        self.note(operation(Step::Use), yes(used));
        Ok(())
    }

    /// One purpose: a token, its stream, its effect.
    async fn purpose(&mut self, line: &mut Line, kind: Kind) -> Result<()> {
        let scene = self.scene;
        let wish = scene.wanted(kind).context("a wish")?;
        let minted = if line.has_session() {
            line.mint(wish).await?
        } else {
            None
        };
        self.note(Operation::Purpose(Step::Mint, kind), yes(minted.is_some()));
        let (tokens, secret) = match minted {
            Some(minted) => (vec![minted.token], Some((minted.jti, minted.secret))),
            None => (self.tokens(line, kind)?, self.bag.secret.clone()),
        };
        let (mut opened, mut used) = (false, Verdict::No);
        for token in tokens {
            let Ok(id) = line.open(For::Purpose(token.clone())).await? else {
                continue;
            };
            opened = true;
            // Whoever has no secret for it tries one of its own.
            let (jti, secret) = secret
                .clone()
                .unwrap_or((TokenId([1; 16]), StreamSecret::from_bytes([3; 32])));
            let mut on = Line::sealed(id, jti, &secret);
            let purpose = scene.purpose(self.bag.keys.as_ref().unwrap_or(&self.own));
            used = line.use_stream(&mut on, kind, &purpose).await?;
            if kind != Kind::Devices {
                line.link
                    .send(&Frame::Close(id, CloseCode::Done.into()))
                    .await?;
            }
        }
        self.note(Operation::Purpose(Step::Open, kind), yes(opened));
        self.note(Operation::Purpose(Step::Use, kind), used);
        Ok(())
    }

    /// The stolen token as it is, or changed to this purpose; others as far as they can be made.
    fn tokens(&self, line: &Line, kind: Kind) -> Result<Vec<String>> {
        let mut tokens = Vec::new();
        if let Some((its, token)) = &self.bag.token {
            if *its == kind {
                tokens.push(token.clone());
            } else {
                let changed = Forged::read(token).context("a token")?;
                let changed = changed.claim("aud", quoted(kind.name()));
                let (_, signature) = token.rsplit_once('.').context("a signature")?;
                let signature = b64::decode(signature).context("a signature")?;
                tokens.push(changed.with_signature(&signature));
            }
        }
        let (devices, keys) = self.forgeries();
        for device in devices {
            let honest = Forged::view(&self.of(device, 2), line.link.conn);
            let honest = honest.claim("aud", quoted(kind.name()));
            let honest = honest.claim("exp", clock::now().unix.secs() + kind.life().as_secs());
            tokens.extend(keys.iter().map(|key| honest.signed(key)));
        }
        Ok(tokens)
    }

    /// What is done inside a session, and by no other way.
    async fn in_session(&mut self, line: &mut Line) -> Result<()> {
        let changes = Operation::Purpose(Step::Mint, Kind::Device);
        if !line.has_session() {
            self.note(changes, Verdict::No);
            self.act(Act::StartTerminal, Verdict::No);
            self.act(Act::ListHistory, Verdict::No);
            self.act(Act::ForgetHistory, Verdict::No);
            self.act(Act::LockMachine, Verdict::No);
            return Ok(());
        }
        let due = self.changes_keys(line).await?;
        self.note(changes, due);
        let create = ToAgent::Create {
            req: 2,
            key: b64::Bytes([8; 16]),
            name: "thief".to_owned(),
            grid: GRID,
        };
        let created = matches!(line.ask(&create).await?, FromAgent::Created { .. });
        self.act(Act::StartTerminal, yes(created));
        let list = ToAgent::History {
            req: 4,
            after: None,
        };
        let listed = matches!(line.ask(&list).await?, FromAgent::History { .. });
        self.act(Act::ListHistory, yes(listed));
        // None of this id is there, which only who may forget it hears.
        let terminal = TerminalId([9; 16]);
        let forgets = match line.ask(&ToAgent::Forget { req: 5, terminal }).await? {
            FromAgent::Refused { reason, .. } => reason.code == CloseCode::TerminalGone.name(),
            other => bail!("answered {other:?}"),
        };
        self.act(Act::ForgetHistory, yes(forgets));
        let locked = self.locks(line).await?;
        self.act(Act::LockMachine, yes(locked));
        Ok(())
    }

    /// Tells a device that may not change its keys yet from one that never may.
    async fn changes_keys(&self, line: &mut Line) -> Result<Verdict> {
        let present = match &self.bag.keys {
            Some(keys) => keys.sign.clone(),
            // A live session's owner has lent its hands; the keys cannot be taken, but they can be used.
            None => self.scene.victim_keys().sign,
        };
        let next = own_keys()?;
        let device = DeviceId::of_key(&present.verifying_key().to_bytes());
        let hash = line.handshake_hash().context("a session")?;
        let keys = rotate::rekey(
            &present,
            &next.sign,
            next.noise.public(),
            self.scene.agent,
            device,
            &hash,
        );
        match line.ask(&ToAgent::Rekey { req: 3, keys }).await? {
            FromAgent::Rekeyed { .. } => Ok(Verdict::Yes),
            FromAgent::Refused { reason, .. } if reason.code == CloseCode::NotGranted.name() => {
                Ok(Verdict::WhenDue)
            }
            refused => bail!("answered {refused:?}"),
        }
    }

    /// Locks the machine, which its owner then opens again.
    async fn locks(&self, line: &mut Line) -> Result<bool> {
        let scene = self.scene;
        let wish = scene.wanted(Kind::Devices).context("a wish")?;
        let Some(minted) = line.mint(wish).await? else {
            return Ok(false);
        };
        let id = line.open(For::Purpose(minted.token)).await?;
        let id = id.map_err(|code| anyhow::anyhow!("refused: {code:?}"))?;
        let mut on = Line::sealed(id, minted.jti, &minted.secret);
        line.send_record(&mut on, &ViewerRecord::Opening).await?;
        line.record(&mut on).await?.context("it is ready")?;
        let lock = msg::encode(&DevicesRequest::Lock { req: 1 });
        let request = ViewerRecord::Request(Bytes::from(lock));
        line.send_record(&mut on, &request).await?;
        // The stream ends with all others.
        while line.record(&mut on).await?.is_some() {}
        let agent = &scene.world.agent;
        let status: Value = agent.owner(json!({"t": "status"})).await?;
        let unlocked = agent.owner(json!({"t": "lock", "locked": false})).await?;
        ensure!(unlocked["event"] != "refused", "{unlocked}");
        Ok(status["locked"] == true)
    }
}

pub fn yes(it: bool) -> Verdict {
    if it { Verdict::Yes } else { Verdict::No }
}
