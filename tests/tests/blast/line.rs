//! A proven link in any hands: it opens streams, speaks Noise if it can, and seals records with whatever secret it is given.

use anyhow::{Result, bail};
use bytes::Bytes;
use lanyard_shared::access::DevicesRequest;
use lanyard_shared::approval::Answer;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Frame, StreamId, Target as For};
use lanyard_shared::ids::{AgentId, TokenId, WriterId};
use lanyard_shared::limits::{FRAME_HEADER, SESSION_VERSIONS};
use lanyard_shared::msg::{self, FromAgent, ToAgent, Wanted};
use lanyard_shared::noise::{Initiator, Prologue, Session, StaticKey};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::seal::{Direction, Opener, Sealer, StreamSecret};
use lanyard_shared::token::Kind;
use lanyard_tests::attack::HostileLink;
use lanyard_tests::blast::Verdict;
use lanyard_tests::viewer::GRID;

/// More than anything here receives.
const CREDIT: u32 = 1 << 20;

/// The link.
pub struct Line {
    pub link: HostileLink,
    talk: Option<(StreamId, Session)>,
    last: StreamId,
}

/// A token with all that came with it.
pub struct Minted {
    pub jti: TokenId,
    pub token: String,
    pub secret: StreamSecret,
}

/// What a record stream is opened with.
pub struct Sealed {
    stream: StreamId,
    sealer: Sealer,
    opener: Opener,
    /// The records as they came.
    pub ciphertext: Vec<Bytes>,
}

enum Heard {
    Said(Box<FromAgent>),
    Other(Box<Frame>),
}

impl Line {
    pub fn new(link: HostileLink) -> Self {
        let (talk, last) = (None, 0);
        Self { link, talk, last }
    }

    /// As it is for who has the link and not what is inside.
    pub fn without_session(mut self) -> Self {
        self.talk = None;
        self
    }

    pub fn has_session(&self) -> bool {
        self.talk.is_some()
    }

    /// What binds signatures to the session.
    pub fn handshake_hash(&self) -> Option<[u8; 32]> {
        let (_, session) = self.talk.as_ref()?;
        Some(*session.handshake_hash())
    }

    async fn heard(&mut self) -> Result<Heard> {
        let frame = self.link.next().await?;
        if let (Frame::Data(stream, data), Some((its, session))) = (&frame, &mut self.talk)
            && stream == its
        {
            let said = msg::decode(&session.open(data)?)?;
            return Ok(Heard::Said(Box::new(said)));
        }
        Ok(Heard::Other(Box::new(frame)))
    }

    /// The next frame; what the session says meanwhile is read, as its numbers go on, and passes by.
    async fn frame(&mut self) -> Result<Frame> {
        loop {
            if let Heard::Other(frame) = self.heard().await? {
                return Ok(*frame);
            }
        }
    }

    /// Opens a stream; the refusal's code if it is refused.
    pub async fn open(&mut self, target: For) -> Result<Result<StreamId, Option<CloseCode>>> {
        self.last += 1;
        let id = self.last;
        self.link.open(id, target, CREDIT).await?;
        loop {
            match self.frame().await? {
                Frame::Accept(its, _) if its == id => return Ok(Ok(id)),
                Frame::Close(its, close) if its == id => return Ok(Err(close.code)),
                _ => {}
            }
        }
    }

    /// Waits until the relay says that a refusal no longer stands.
    pub async fn woken(&mut self) -> Result<()> {
        while !matches!(self.frame().await?, Frame::Wake) {}
        Ok(())
    }

    /// Goes through the handshake on an open session stream; false if it fails.
    pub async fn shake_hands(
        &mut self,
        id: StreamId,
        agent: AgentId,
        own: &StaticKey,
        remote: &[u8; 32],
    ) -> Result<bool> {
        let prologue = Prologue {
            agent,
            conn: self.link.conn,
            viewer_versions: &[1],
            agent_versions: SESSION_VERSIONS,
        };
        let (message, waiting) = Initiator::session(&prologue, own, remote)?;
        self.data(id, message).await?;
        let Some(reply) = self.data_on(id).await? else {
            return Ok(false);
        };
        let Ok((session, _)) = waiting.finish(&reply) else {
            return Ok(false);
        };
        self.talk = Some((id, session));
        let hello = ToAgent::Hello {
            name: "thief".to_owned(),
            generation: 0,
            serial: 1,
        };
        self.say(&hello).await?;
        loop {
            match self.heard().await? {
                Heard::Said(said) if matches!(*said, FromAgent::Welcome { .. }) => return Ok(true),
                Heard::Other(frame) if matches!(*frame, Frame::Close(its, _) if its == id) => {
                    self.talk = None;
                    return Ok(false);
                }
                _ => {}
            }
        }
    }

    async fn data(&mut self, id: StreamId, bytes: impl Into<Bytes>) -> Result<()> {
        self.link.send(&Frame::Data(id, bytes.into())).await
    }

    /// The next data on a stream; nothing if it ends.
    async fn data_on(&mut self, id: StreamId) -> Result<Option<Bytes>> {
        loop {
            match self.frame().await? {
                Frame::Data(its, data) if its == id => return Ok(Some(data)),
                Frame::Close(its, _) if its == id => return Ok(None),
                _ => {}
            }
        }
    }

    async fn say(&mut self, message: &ToAgent) -> Result<()> {
        let Some((stream, session)) = &mut self.talk else {
            bail!("there is no session");
        };
        let (id, sealed) = (*stream, session.seal(&msg::encode(message))?);
        self.data(id, sealed).await
    }

    /// Asks inside the session; what is pushed meanwhile passes by.
    pub async fn ask(&mut self, question: &ToAgent) -> Result<FromAgent> {
        self.say(question).await?;
        loop {
            match self.heard().await? {
                Heard::Said(said) => match *said {
                    FromAgent::Minted { .. }
                    | FromAgent::Created { .. }
                    | FromAgent::Done { .. }
                    | FromAgent::Refused { .. }
                    | FromAgent::History { .. }
                    | FromAgent::Rekeyed { .. } => return Ok(*said),
                    FromAgent::Welcome { .. }
                    | FromAgent::Approvals { .. }
                    | FromAgent::Approval { .. }
                    | FromAgent::Settled { .. }
                    | FromAgent::Audit { .. }
                    | FromAgent::Permissions { .. }
                    | FromAgent::Pong { .. }
                    | FromAgent::Access { .. }
                    | FromAgent::Scopes { .. }
                    | FromAgent::Terminals { .. }
                    | FromAgent::Lease { .. }
                    | FromAgent::Ended { .. }
                    | FromAgent::Keys { .. }
                    | FromAgent::Rekey {}
                    | FromAgent::Grant { .. } => {}
                },
                Heard::Other(_) => {}
            }
        }
    }

    /// Asks for a token; nothing if it is refused.
    pub async fn mint(&mut self, wanted: Wanted) -> Result<Option<Minted>> {
        let answer = self.ask(&ToAgent::Mint { req: 1, wanted }).await?;
        if let FromAgent::Minted {
            jti, token, secret, ..
        } = answer
        {
            let secret = StreamSecret::from_bytes(secret.0);
            return Ok(Some(Minted { jti, token, secret }));
        }
        Ok(None)
    }

    /// Takes its end of an open stream.
    pub fn sealed(stream: StreamId, jti: TokenId, secret: &StreamSecret) -> Sealed {
        Sealed {
            stream,
            sealer: Sealer::new(secret, jti, Direction::ToAgent),
            opener: Opener::new(secret, jti, Direction::ToViewer),
            ciphertext: Vec::new(),
        }
    }

    pub async fn send_record(&mut self, on: &mut Sealed, record: &ViewerRecord) -> Result<()> {
        let mut buffer = record.encode();
        on.sealer.seal(&mut buffer, FRAME_HEADER)?;
        let bytes = buffer.split_off(FRAME_HEADER).freeze();
        self.data(on.stream, bytes).await
    }

    /// The next record; nothing when the stream has ended or cannot be read.
    pub async fn record(&mut self, on: &mut Sealed) -> Result<Option<AgentRecord>> {
        let Some(data) = self.data_on(on.stream).await? else {
            return Ok(None);
        };
        on.ciphertext.push(data.clone());
        let plain = on.opener.open_bytes(data).ok();
        Ok(plain.and_then(|plain| AgentRecord::decode(&plain)))
    }

    /// Uses an open stream of this purpose as whoever holds `secret` would.
    pub async fn use_stream(
        &mut self,
        on: &mut Sealed,
        kind: Kind,
        purpose: &Use<'_>,
    ) -> Result<Verdict> {
        let opening = match kind {
            Kind::View => ViewerRecord::ViewOpening {
                have: None,
                grid: GRID,
            },
            Kind::Terminal => ViewerRecord::TerminalOpening {
                writer: WriterId([7; 16]),
                grid: GRID,
                take_over: true,
            },
            Kind::Device
            | Kind::FilesRead
            | Kind::Run
            | Kind::FilesWrite
            | Kind::Prompt
            | Kind::Approve
            | Kind::Devices => ViewerRecord::Opening,
        };
        self.send_record(on, &opening).await?;
        let mut text = Vec::new();
        while let Some(record) = self.record(on).await? {
            match record {
                AgentRecord::SnapshotChunk(bytes) | AgentRecord::Output { bytes, .. } => {
                    text.extend_from_slice(&bytes);
                    if contains(&text, purpose.word) {
                        return Ok(Verdict::Yes);
                    }
                }
                AgentRecord::Opened { .. } => {
                    let bytes = Bytes::from_static(b"x");
                    let input = ViewerRecord::Input { seq: 1, bytes };
                    self.send_record(on, &input).await?;
                }
                AgentRecord::Applied(1) => return Ok(Verdict::Yes),
                AgentRecord::Ready => {
                    let asked = if kind == Kind::Approve {
                        msg::encode(&purpose.answer)
                    } else {
                        msg::encode(&DevicesRequest::List { req: 1 })
                    };
                    let request = ViewerRecord::Request(Bytes::from(asked));
                    self.send_record(on, &request).await?;
                }
                AgentRecord::Reply(_) => return Ok(Verdict::Yes),
                AgentRecord::End(close) if close.code == Some(CloseCode::NotOffered) => {
                    return Ok(Verdict::NotYet);
                }
                AgentRecord::Snapshot { .. }
                | AgentRecord::Size(_)
                | AgentRecord::Exit(_)
                | AgentRecord::At(_)
                | AgentRecord::Applied(_)
                | AgentRecord::Driver(_)
                | AgentRecord::End(_) => {}
            }
        }
        Ok(Verdict::No)
    }
}

/// What streams are used for here.
pub struct Use<'a> {
    /// What a terminal shows to who can read it.
    pub word: &'a str,
    /// What is answered to the request that waits.
    pub answer: Answer,
}

pub fn contains(text: &[u8], word: &str) -> bool {
    text.windows(word.len()).any(|w| w == word.as_bytes())
}
