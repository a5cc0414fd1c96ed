//! A relay that an agent trusts, and that does what no relay should.

use super::target::Wire;
use super::ws::{BINARY, FIN, Heard, RawSocket, unmasked};
use crate::PATIENCE;
use anyhow::{Context as _, Result, bail};
use lanyard_dial::clock;
use lanyard_shared::b64;
use lanyard_shared::code::EnrolmentCode;
use lanyard_shared::frame::{Announce, Challenge, Frame, Leg, Role, StreamId, Welcome};
use lanyard_shared::ids::{AgentId, ConnId};
use lanyard_shared::limits::{LINK_VERSIONS, PROOF_HELD};
use lanyard_shared::pair::address::Address;
use rcgen::{CertifiedKey, generate_simple_self_signed};
use ring::digest::{SHA256, digest};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;

/// The relay.
pub struct HostileRelay {
    listener: TcpListener,
    acceptor: TlsAcceptor,
    fingerprint: [u8; 32],
}

/// Its end of one link.
pub struct HeldLink {
    /// Below it.
    pub socket: RawSocket,
    /// The name it gave the link.
    pub conn: ConnId,
    /// The machine at its other end, or the one that is wanted there.
    pub agent: AgentId,
    /// The device that says so; `None` when a machine is at its other end.
    pub device: Option<[u8; 32]>,
}

impl HostileRelay {
    /// Starts one.
    ///
    /// # Errors
    /// There is no port, or no certificate.
    pub async fn start() -> Result<Self> {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(vec!["127.0.0.1".to_owned()])?;
        let mut fingerprint = [0; 32];
        fingerprint.copy_from_slice(digest(&SHA256, cert.der()).as_ref());
        let key = PrivateKeyDer::try_from(signing_key.serialize_der())
            .map_err(|error| anyhow::anyhow!("no key: {error}"))?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)?;
        Ok(Self {
            listener: TcpListener::bind("127.0.0.1:0").await?,
            acceptor: TlsAcceptor::from(Arc::new(config)),
            fingerprint,
        })
    }

    /// A code that makes an agent join it.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn code(&self) -> Result<String> {
        let code = EnrolmentCode {
            code: EnrolmentCode::generate().context("randomness")?,
            address: self.address()?,
            fingerprint: Some(self.fingerprint),
        };
        Ok(code.encode().to_string())
    }

    /// Where it is.
    ///
    /// # Errors
    /// Never, while it stands.
    pub fn address(&self) -> Result<Address> {
        let address = format!("https://{}", self.listener.local_addr()?);
        Ok(Address::parse(&address)?)
    }

    /// The next connection, with TLS and nothing more.
    ///
    /// # Errors
    /// Nobody dials.
    pub async fn dialled(&self) -> Result<Box<dyn Wire>> {
        let accepting = async {
            let (tcp, _) = self.listener.accept().await?;
            self.acceptor.accept(tcp).await
        };
        let wire = timeout(PATIENCE, accepting).await;
        Ok(Box::new(wire.context("nobody dials")??))
    }

    /// The next connection, with a WebSocket that has said nothing.
    ///
    /// # Errors
    /// Nobody dials, or not for a WebSocket.
    pub async fn socket(&self) -> Result<RawSocket> {
        RawSocket::answered(self.dialled().await?).await
    }

    /// The next link, proven and announced as it should be.
    ///
    /// # Errors
    /// Nobody dials, or there is no proof.
    pub async fn link(&self) -> Result<HeldLink> {
        let mut link = self.welcomed().await?;
        let Frame::Announce(Announce { .. }) = link.next().await? else {
            bail!("an announcement");
        };
        Ok(link)
    }

    /// The next link of anyone, whose proof is believed.
    ///
    /// # Errors
    /// Nobody dials, or there is no proof.
    pub async fn welcomed(&self) -> Result<HeldLink> {
        let mut link = HeldLink {
            socket: self.socket().await?,
            conn: ConnId(fresh_id()?),
            agent: AgentId([0; 16]),
            device: None,
        };
        let challenge = link.challenge(link.conn)?;
        link.send(&challenge).await?;
        let proof = link.next().await?;
        if let Frame::Enrol(enrol) = proof {
            link.agent = AgentId::of_first_key(&enrol.key.0);
        } else if let Frame::Proof(proof) = proof {
            link.agent = proof.agent;
            link.device = (proof.role == Role::Device).then_some(proof.key.0);
        } else {
            bail!("a proof, not {proof:?}");
        }
        let welcome = link.welcome();
        link.send(&welcome).await?;
        Ok(link)
    }
}

impl HeldLink {
    /// A question on the link of this name.
    ///
    /// # Errors
    /// There is no randomness.
    pub fn challenge(&self, conn: ConnId) -> Result<Frame> {
        let half: [u8; 16] = fresh_id()?;
        let mut nonce = [0; 32];
        nonce[..16].copy_from_slice(&half);
        Ok(Frame::Challenge(Challenge {
            nonce: b64::Bytes(nonce),
            conn,
            time: clock::now().unix,
            versions: LINK_VERSIONS.to_vec(),
        }))
    }

    /// The yes to a proof.
    #[must_use]
    pub fn welcome(&self) -> Frame {
        Frame::Welcome(Welcome {
            held: u64::try_from(PROOF_HELD.as_millis()).unwrap_or(u64::MAX),
            time: clock::now().unix,
            agent: self.agent,
            web: "https://127.0.0.1:1".to_owned(),
            warning: String::new(),
        })
    }

    /// Sends a frame.
    ///
    /// # Errors
    /// The agent has hung up.
    pub async fn send(&mut self, frame: &Frame) -> Result<()> {
        self.socket
            .send(&unmasked(FIN | BINARY, &frame.encode()))
            .await
    }

    /// Sends the bytes of a frame, whatever they are.
    ///
    /// # Errors
    /// The agent has hung up.
    pub async fn send_bytes(&mut self, stream: StreamId, kind: u8, payload: &[u8]) -> Result<()> {
        let mut bytes = stream.to_be_bytes().to_vec();
        bytes.push(kind);
        bytes.extend_from_slice(payload);
        self.socket.send(&unmasked(FIN | BINARY, &bytes)).await
    }

    /// The next frame.
    ///
    /// # Errors
    /// The link ends, or nothing comes.
    pub async fn next(&mut self) -> Result<Frame> {
        loop {
            match self.socket.hear().await? {
                Heard::Message(message) => return Ok(Frame::decode(message, self.leg())?),
                Heard::Control => {}
                heard @ (Heard::Closed(_) | Heard::Gone) => bail!("the link has ended: {heard:?}"),
            }
        }
    }

    fn leg(&self) -> Leg {
        match self.device {
            Some(_) => Leg::Viewer,
            None => Leg::Agent,
        }
    }

    /// Reads until the agent has hung up.
    ///
    /// # Errors
    /// It does not.
    pub async fn hung_up(&mut self) -> Result<()> {
        loop {
            if let Heard::Closed(_) | Heard::Gone = self.socket.hear().await? {
                return Ok(());
            }
        }
    }
}

/// A fresh id.
fn fresh_id() -> Result<[u8; 16]> {
    Ok(*EnrolmentCode::generate().context("randomness")?)
}
