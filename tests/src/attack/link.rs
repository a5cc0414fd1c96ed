//! Links whose other end may do anything: proven, and from then on without an opinion about what is allowed.

use super::target::Target;
use super::ws::{BINARY, Ending, FIN, Heard, RawSocket, frame};
use anyhow::{Context as _, Result, bail};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_dial::clock;
use lanyard_shared::close::CloseCode;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::frame::{
    Accept, Announce, Challenge, DeviceEpoch, Frame, Leg, Open, Role, StreamId, Target as For,
};
use lanyard_shared::ids::{AgentId, ConnId, DeviceId, TokenId};
use lanyard_shared::limits::LIFE_SIGNER;
use lanyard_shared::proof::{prove, prove_enrol};
use lanyard_shared::rotate::{IdentityCert, rotate};
use lanyard_shared::token::{Device, NewToken, Purpose, issue, signer_cert};
use std::net::Ipv4Addr;

/// Where agents connect.
pub const AGENT: &str = "/v1/agent";
/// Where viewers connect.
pub const ATTACH: &str = "/v1/attach";

/// A link that has been proven, or asks to be.
pub struct HostileLink {
    /// Below it.
    pub socket: RawSocket,
    /// Its name.
    pub conn: ConnId,
    leg: Leg,
}

impl HostileLink {
    /// A WebSocket that has been asked for its proof.
    ///
    /// # Errors
    /// The relay does not ask.
    pub async fn challenged(
        target: &Target,
        path: &str,
        source: Ipv4Addr,
    ) -> Result<(Self, Challenge)> {
        let leg = if path == AGENT {
            Leg::Agent
        } else {
            Leg::Viewer
        };
        let mut link = Self {
            socket: RawSocket::open(target, path, source).await?,
            conn: ConnId([0; 16]),
            leg,
        };
        let Frame::Challenge(challenge) = link.next().await? else {
            bail!("the relay speaks first, and asks");
        };
        link.conn = challenge.conn;
        Ok((link, challenge))
    }

    /// A link that any device key proves.
    ///
    /// # Errors
    /// The relay refuses it.
    pub async fn viewer(
        target: &Target,
        agent: AgentId,
        key: &SigningKey,
        source: Ipv4Addr,
    ) -> Result<Self> {
        let (mut link, challenge) = Self::challenged(target, ATTACH, source).await?;
        let now = clock::now().unix;
        let proof = prove(key, Role::Device, &target.host(), agent, &challenge, now)?;
        link.send(&Frame::Proof(proof)).await?;
        let Frame::Welcome(_) = link.next().await? else {
            bail!("a welcome");
        };
        Ok(link)
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The relay has hung up.
    pub async fn send(&mut self, frame: &Frame) -> Result<()> {
        self.socket.send_link_frame(frame).await
    }

    /// Sends the bytes of a frame, whatever they are.
    ///
    /// # Errors
    /// The relay has hung up.
    pub async fn send_bytes(&mut self, stream: StreamId, kind: u8, payload: &[u8]) -> Result<()> {
        let mut bytes = stream.to_be_bytes().to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(payload);
        self.socket.send(&frame(FIN | BINARY, &bytes)).await
    }

    /// Asks for a stream.
    ///
    /// # Errors
    /// The relay has hung up.
    pub async fn open(&mut self, id: StreamId, target: For, credit: u32) -> Result<()> {
        self.send(&open(id, target, credit)).await
    }

    /// The next frame.
    ///
    /// # Errors
    /// The link ends, or nothing comes.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            match self.socket.hear().await? {
                Heard::Message(message) => return Ok(Frame::decode(message, self.leg)?),
                Heard::Control => {}
                heard @ (Heard::Closed(_) | Heard::Gone) => bail!("the link has ended: {heard:?}"),
            }
        }
    }

    /// The next frame that is as wanted; others pass by.
    ///
    /// # Errors
    /// The link ends, or nothing comes.
    pub async fn until<T>(&mut self, wanted: impl Fn(Frame) -> Option<T>) -> Result<T> {
        loop {
            if let Some(found) = wanted(self.next().await?) {
                return Ok(found);
            }
        }
    }

    /// Why the relay refused this stream.
    ///
    /// # Errors
    /// It does not.
    pub async fn refusal(&mut self, id: StreamId) -> Result<CloseCode> {
        let refusal = |frame| {
            if let Frame::Close(closed, close) = frame {
                close.code.filter(|_| closed == id)
            } else {
                None
            }
        };
        self.until(refusal).await
    }

    /// How the relay ends this link.
    ///
    /// # Errors
    /// It does not.
    pub async fn ending(&mut self) -> Result<Ending> {
        self.socket.ending().await
    }
}

/// An open as a viewer sends it.
#[must_use]
pub fn open(id: StreamId, target: For, credit: u32) -> Frame {
    let versions = match target {
        For::Purpose(_) => vec![],
        For::Session(_) | For::Pair(_) => vec![1],
    };
    let open = Open {
        target,
        credit,
        versions,
        origin: None,
        first: Bytes::new(),
    };
    Frame::Open(id, open)
}

/// An enrolled agent with everything that an agent has, and no scruples.
pub struct HostileAgent {
    /// Its link.
    pub link: HostileLink,
    /// Its id.
    pub id: AgentId,
    /// The one device it knows.
    pub device: SigningKey,
    /// Signs its links, its grants and the certificates of its signers.
    pub identity: SigningKey,
    /// Signs its tokens.
    pub signer: SigningKey,
    tokens: u64,
}

impl HostileAgent {
    /// Enrols with this code.
    ///
    /// # Errors
    /// The relay refuses it.
    pub async fn enrol(target: &Target, code: &str) -> Result<Self> {
        Self::enrol_as(target, code, [71; 32]).await
    }

    /// Enrols with this code under the identity of this secret.
    ///
    /// # Errors
    /// The relay refuses it.
    pub async fn enrol_as(target: &Target, code: &str, secret: [u8; 32]) -> Result<Self> {
        let identity = SigningKey::from_bytes(&secret);
        let code = EnrolmentCode::parse(code)?;
        let home = Ipv4Addr::LOCALHOST;
        let mut link = introduced(target, &code.code, &identity, &[], home).await?;
        let Frame::Welcome(welcome) = link.next().await? else {
            bail!("a welcome");
        };
        Ok(Self {
            link,
            id: welcome.agent,
            device: SigningKey::from_bytes(&[72; 32]),
            identity,
            signer: SigningKey::from_bytes(&[73; 32]),
            tokens: 0,
        })
    }

    /// Tries a code that must be refused.
    ///
    /// # Errors
    /// The relay takes it.
    pub async fn try_code(
        target: &Target,
        code: &[u8; 16],
        secret: [u8; 32],
        from: Ipv4Addr,
    ) -> Result<CloseCode> {
        let identity = SigningKey::from_bytes(&secret);
        let mut link = introduced(target, code, &identity, &[], from).await?;
        told(link.ending().await?)
    }

    /// Takes its place again, on a new link.
    ///
    /// # Errors
    /// The relay refuses it.
    pub async fn again(&mut self, target: &Target) -> Result<()> {
        let (mut link, challenge) =
            HostileLink::challenged(target, AGENT, Ipv4Addr::LOCALHOST).await?;
        let now = clock::now().unix;
        let host = target.host();
        let proof = prove(&self.identity, Role::Agent, &host, self.id, &challenge, now)?;
        link.send(&Frame::Proof(proof)).await?;
        let Frame::Welcome(_) = link.next().await? else {
            bail!("a welcome");
        };
        self.link = link;
        Ok(())
    }

    /// Goes over to another identity.
    ///
    /// # Errors
    /// The relay refuses it.
    pub async fn rotate(&mut self, target: &Target, to: &SigningKey) -> Result<()> {
        let wish = rotate(&self.identity, to, self.id, self.link.conn);
        self.link.send(&Frame::Rotate(wish)).await?;
        let asked = |frame| {
            if let Frame::Challenge(challenge) = frame {
                Some(challenge)
            } else {
                None
            }
        };
        let challenge = self.link.until(asked).await?;
        let now = clock::now().unix;
        let proof = prove(to, Role::Agent, &target.host(), self.id, &challenge, now)?;
        self.link.send(&Frame::Proof(proof)).await?;
        let welcome = |frame| matches!(frame, Frame::Welcome(_)).then_some(());
        self.link.until(welcome).await?;
        self.identity = to.clone();
        Ok(())
    }

    /// What an honest agent would announce.
    #[must_use]
    pub fn announcement(&self) -> Announce {
        let since = clock::now().unix.secs();
        let key = self.signer.verifying_key().to_bytes();
        let signer = signer_cert(
            &self.identity,
            self.id,
            &key,
            since,
            since + LIFE_SIGNER.as_secs(),
        );
        let device = DeviceEpoch {
            id: self.device_id(),
            epoch: 0,
        };
        Announce {
            signers: vec![signer],
            devices: vec![device],
            ..Announce::default()
        }
    }

    /// Announces that, and waits until the relay has taken it.
    ///
    /// # Errors
    /// The relay has hung up.
    pub async fn announce(&mut self, announce: Announce) -> Result<()> {
        self.link.send(&Frame::Announce(announce)).await?;
        self.settled().await
    }

    /// Waits until the relay has taken everything that was sent before.
    ///
    /// # Errors
    /// The relay has hung up.
    pub async fn settled(&mut self) -> Result<()> {
        self.link.send(&Frame::Ping([9; 8])).await?;
        let pong = |frame| matches!(frame, Frame::Pong(_)).then_some(());
        self.link.until(pong).await
    }

    /// A viewer of this agent, with the device it knows.
    ///
    /// # Errors
    /// The relay refuses it.
    pub async fn viewer(&self, target: &Target) -> Result<HostileLink> {
        HostileLink::viewer(target, self.id, &self.device, Ipv4Addr::LOCALHOST).await
    }

    /// A grant for its device.
    ///
    /// # Errors
    /// Never, unless something is broken.
    pub fn grant(&mut self) -> Result<For> {
        let new = self.new_token::<Device>(None);
        Ok(For::Session(issue::<Device>(&self.identity, &new)?))
    }

    /// A token for one purpose on the link `conn` of its device.
    ///
    /// # Errors
    /// Never, unless something is broken.
    pub fn token<P: Purpose>(&mut self, conn: ConnId) -> Result<String> {
        let new = self.new_token::<P>(Some(conn));
        Ok(issue::<P>(&self.signer, &new)?)
    }

    /// Waits for the offer of a stream; returns its id on this leg and what its viewer is ready to receive.
    ///
    /// # Errors
    /// There is none.
    pub async fn offered(&mut self) -> Result<(StreamId, u32)> {
        let offered = |frame| {
            if let Frame::Open(id, open) = frame {
                Some((id, open.credit))
            } else {
                None
            }
        };
        self.link.until(offered).await
    }

    /// Accepts a stream.
    ///
    /// # Errors
    /// The relay has hung up.
    pub async fn accept(&mut self, id: StreamId, credit: u32) -> Result<()> {
        let versions = vec![1];
        let accept = Frame::Accept(id, Accept { credit, versions });
        self.link.send(&accept).await
    }

    /// Sends data.
    ///
    /// # Errors
    /// The relay has hung up.
    pub async fn data(&mut self, id: StreamId, bytes: Bytes) -> Result<()> {
        self.link.send(&Frame::Data(id, bytes)).await
    }

    /// The id of its device.
    #[must_use]
    pub fn device_id(&self) -> DeviceId {
        DeviceId::of_key(self.device.verifying_key().as_bytes())
    }

    fn new_token<P: Purpose>(&mut self, conn: Option<ConnId>) -> NewToken {
        self.tokens += 1;
        let mut id = [0; 16];
        id[..8].copy_from_slice(&self.tokens.to_be_bytes());
        NewToken {
            agent: self.id,
            device: self.device_id(),
            issued: clock::now().unix,
            life: P::LIFE,
            id: TokenId(id),
            conn,
            epoch: 0,
        }
    }
}

/// A link on which an agent has asked to be enrolled, by the identity to which `chain` leads.
///
/// # Errors
/// The relay has hung up.
pub async fn introduced(
    target: &Target,
    code: &[u8; 16],
    identity: &SigningKey,
    chain: &[IdentityCert],
    from: Ipv4Addr,
) -> Result<HostileLink> {
    let (mut link, challenge) = HostileLink::challenged(target, AGENT, from).await?;
    let now = clock::now().unix;
    let enrol = prove_enrol(
        identity,
        &target.host(),
        code,
        "rogue",
        chain,
        &challenge,
        now,
    )?;
    link.send(&Frame::Enrol(enrol)).await?;
    Ok(link)
}

/// The close code of a link that was ended with words.
///
/// # Errors
/// It was cut.
pub fn told(ending: Ending) -> Result<CloseCode> {
    match ending {
        Ending::Told(code) => Some(code),
        Ending::Cut => None,
    }
    .context("the relay says why")
}
