//! An agent's core on a manual clock, with a relay and a viewer played by hand.

use crate::core::devices::Devices;
use crate::core::pairing::Invitation;
use crate::core::{Core, Effect, Identity, Machine, Watched};
use bytes::Bytes;
use ed25519_dalek::SigningKey;
use lanyard_shared::access::Reach;
use lanyard_shared::approval::{Asker, Card, Fences, Request, Risk};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{
    Announce, Challenge, Close, Frame, Leg, Open, Origin, StreamId, Target, Welcome,
};
use lanyard_shared::ids::{ApprovalId, ConnId, DeviceId, TerminalId, TokenId, WriterId};
use lanyard_shared::limits::{FRAME_HEADER, LINK_VERSIONS, SESSION_VERSIONS};
use lanyard_shared::link::{Dialler, Link};
use lanyard_shared::msg::{
    self, FromAgent, Grid, Offer, PairReply, PairRequest, Scope, Terminal, ToAgent, Wanted,
};
use lanyard_shared::noise::{Initiator, Prologue, Session, StaticKey};
use lanyard_shared::pair::{self, PairingLink};
use lanyard_shared::record::{AgentRecord, ViewerRecord};
use lanyard_shared::seal::{Direction, Opener, Sealer, StreamSecret};
use lanyard_shared::time::{Mono, Now, UnixMs};
use std::cell::Cell;
use std::net::Ipv6Addr;
use std::sync::Arc;
use std::time::Duration;

pub const GRID: Grid = Grid { cols: 80, rows: 24 };
pub const TERMINAL: TerminalId = TerminalId([5; 16]);
/// Waits from the beginning on.
pub const APPROVAL: ApprovalId = ApprovalId([1; 16]);
pub const WRITER: WriterId = WriterId([6; 16]);
const WINDOW: u32 = 512 * 1024;

/// The agent, the clock, and what the agent said to the relay so far.
pub struct Rig {
    pub core: Core,
    pub now: Now,
    pub said: Vec<Frame>,
    pub effects: Vec<Effect>,
    next_stream: StreamId,
}

/// A device's keys.
pub struct Keys {
    pub sign: SigningKey,
    pub noise: StaticKey,
    /// What it says in its next hello.
    pub generation: Cell<u32>,
    pub serial: Cell<u32>,
}

impl Keys {
    pub fn new(seed: u8) -> Self {
        Self {
            sign: SigningKey::from_bytes(&[seed; 32]),
            noise: StaticKey::from_bytes(&[seed; 32]),
            generation: Cell::new(0),
            serial: Cell::new(1),
        }
    }

    pub fn public(&self) -> [u8; 32] {
        self.sign.verifying_key().to_bytes()
    }

    pub fn id(&self) -> DeviceId {
        DeviceId::of_key(&self.public())
    }
}

/// A viewer's session, as the viewer holds it.
pub struct Viewer {
    pub stream: StreamId,
    pub origin: Origin,
    pub noise: Session,
}

/// A purpose stream, as the viewer holds it.
pub struct Sealed {
    pub stream: StreamId,
    pub jti: TokenId,
    sealer: Sealer,
    opener: Opener,
}

/// What `minted` said.
#[derive(Clone)]
pub struct Minted {
    pub jti: TokenId,
    pub token: String,
    pub secret: [u8; 32],
}

impl Rig {
    pub fn new() -> Self {
        let now = Now {
            mono: Mono::from_secs(1000),
            unix: UnixMs::from_secs(1_800_000_000),
        };
        let identity = Identity::new(
            Arc::new(SigningKey::from_bytes(&[1; 32])),
            StaticKey::from_bytes(&[2; 32]),
            now.unix,
        );
        let machine = Machine {
            name: "desk".into(),
            user: "ada".into(),
            folder: "work".into(),
            cwd: "/home/ada/work".into(),
        };
        let core = Core::new(identity, machine, Devices::default(), now);
        let mut rig = Self {
            core,
            now,
            said: Vec::new(),
            effects: Vec::new(),
            next_stream: 1,
        };
        rig.link_up();
        rig.core.put_terminal(terminal());
        let life = Duration::from_secs(20 * 365 * 24 * 3600);
        rig.core.ask_approval(card(APPROVAL), life, now).unwrap();
        rig.core.poll_effect();
        rig
    }

    pub fn link_up(&mut self) {
        self.link_up_and_keep_words();
        self.said.clear();
    }

    pub fn link_up_and_keep_words(&mut self) {
        let dialler = Dialler::Agent {
            agent: self.core.agent(),
            key: self.core.proof_key(),
        };
        self.core
            .connected(Link::new(dialler, "relay.test".into(), self.now.mono));
        self.next_stream = 1;
        let challenge = Challenge {
            nonce: b64::Bytes([7; 32]),
            conn: ConnId([8; 16]),
            time: self.now.unix,
            versions: LINK_VERSIONS.to_vec(),
        };
        self.hear(&Frame::Challenge(challenge));
        let welcome = Welcome {
            held: 600_000,
            time: self.now.unix,
            agent: self.core.agent(),
            web: "http://localhost:1".into(),
            warning: String::new(),
        };
        self.hear(&Frame::Welcome(welcome));
    }

    /// Much time passes without a link; then there is one again.
    pub fn later(&mut self, time: Duration) {
        self.with(|core, _| core.disconnected(CloseCode::Cut));
        self.now.mono = self.now.mono + time;
        self.now.unix = self.now.unix + time;
        self.link_up_and_keep_words();
        self.pass(Duration::from_secs(1));
    }

    /// The relay refuses the proof, with these words or with none.
    pub fn link_up_refused(&mut self, refusal: impl Fn(&mut Self)) {
        let dialler = Dialler::Agent {
            agent: self.core.agent(),
            key: self.core.proof_key(),
        };
        self.core
            .connected(Link::new(dialler, "relay.test".into(), self.now.mono));
        refusal(self);
        self.with(|core, _| core.disconnected(CloseCode::Cut));
    }

    /// The relay says something.
    pub fn hear(&mut self, frame: &Frame) {
        self.core.handle(frame.encode(), self.now);
        self.settle();
    }

    /// Time passes, with every deadline on the way kept.
    pub fn pass(&mut self, time: Duration) {
        let end = self.now.mono + time;
        loop {
            let next = self
                .core
                .poll_timeout(self.now)
                .filter(|at| *at <= end)
                .unwrap_or(end);
            let step = next.since(self.now.mono);
            self.now = Now {
                mono: self.now.mono + step,
                unix: self.now.unix + step,
            };
            self.core.on_timeout(self.now);
            self.settle();
            // A relay that is there answers.
            self.hear(&Frame::Pong([0; 8]));
            if self.now.mono >= end {
                return;
            }
            // What is due at this very instant has been done.
            self.now.mono = self.now.mono + Duration::from_millis(1);
            self.now.unix = self.now.unix + Duration::from_millis(1);
        }
    }

    fn settle(&mut self) {
        while let Some(effect) = self.core.poll_effect() {
            self.effects.push(effect);
        }
        while let Some(message) = self.core.poll_output() {
            self.said.push(Frame::decode(message, Leg::Agent).unwrap());
        }
    }

    /// Something of the core's that is not a message.
    pub fn with<T>(&mut self, run: impl FnOnce(&mut Core, Now) -> T) -> T {
        let outcome = run(&mut self.core, self.now);
        self.settle();
        outcome
    }

    /// Opens a stream the way the relay passes it on; returns its id.
    pub fn open(&mut self, origin: Origin, target: Target) -> StreamId {
        let versions = if matches!(target, Target::Purpose(_)) {
            &[]
        } else {
            SESSION_VERSIONS
        };
        self.open_with(origin, target, versions, Bytes::new())
    }

    /// The same with what comes first on the stream.
    pub fn open_with(
        &mut self,
        origin: Origin,
        target: Target,
        versions: &[u16],
        first: Bytes,
    ) -> StreamId {
        let stream = self.next_stream;
        self.next_stream += 1;
        self.hear(&Frame::Open(
            stream,
            Open {
                target,
                credit: WINDOW,
                versions: versions.to_vec(),
                origin: Some(origin),
                first,
            },
        ));
        stream
    }

    /// What the agent said on a stream since it was asked last.
    pub fn data(&mut self, stream: StreamId) -> Vec<Bytes> {
        let mut found = Vec::new();
        self.said.retain(|frame| match frame {
            Frame::Data(id, data) if *id == stream => {
                found.push(data.clone());
                false
            }
            _ => true,
        });
        found
    }

    pub fn closed(&self, stream: StreamId) -> Option<CloseCode> {
        self.said.iter().find_map(|frame| match frame {
            Frame::Close(id, Close { code, .. }) if *id == stream => *code,
            _ => None,
        })
    }

    pub fn last_announce(&self) -> Option<&Announce> {
        self.said.iter().rev().find_map(|f| {
            if let Frame::Announce(a) = f {
                Some(a)
            } else {
                None
            }
        })
    }

    pub fn pairing_link(&mut self, scopes: &[Scope], yes: bool) -> PairingLink {
        self.invitation(granting(scopes, yes))
    }

    pub fn invitation(&mut self, invitation: Invitation) -> PairingLink {
        let link = self.core.open_pairing(invitation, None, self.now).unwrap();
        self.settle();
        link
    }

    /// Handshake and request of a pairing; returns what the viewer then holds.
    pub fn start_pairing(
        &mut self,
        keys: &Keys,
        link: &PairingLink,
        conn: ConnId,
    ) -> (Viewer, Offer) {
        let origin = Origin {
            conn,
            device: keys.public(),
            from: Ipv6Addr::LOCALHOST,
        };
        let stream = self.open(origin, Target::Pair(link.secret.rendezvous()));
        let prologue = prologue(link.agent, conn);
        let (message1, awaiting) =
            Initiator::pair(&prologue, &keys.noise, &link.noise_key, &link.secret.psk()).unwrap();
        self.hear(&Frame::Data(stream, message1.into()));
        let reply = self.data(stream).remove(0);
        let (noise, offer) = awaiting.finish(&reply).unwrap();
        (
            Viewer {
                stream,
                origin,
                noise,
            },
            msg::decode(&offer).unwrap(),
        )
    }

    pub fn request_pairing(&mut self, keys: &Keys, viewer: &mut Viewer) {
        let hash = *viewer.noise.handshake_hash();
        let signature =
            pair::sign_pairing(&keys.sign, &hash, self.core.agent(), keys.noise.public());
        let request = PairRequest {
            name: "Test on Linux".into(),
            key: b64::Bytes(keys.public()),
            signature: b64::Bytes(signature),
        };
        let sealed = viewer.noise.seal(&msg::encode(&request)).unwrap();
        self.hear(&Frame::Data(viewer.stream, sealed.into()));
    }

    pub fn pair_replies(&mut self, viewer: &mut Viewer) -> Vec<PairReply> {
        let data = self.data(viewer.stream);
        data.iter()
            .map(|data| msg::decode(&viewer.noise.open(data).unwrap()).unwrap())
            .collect()
    }

    /// Pairs without a question; returns the grant.
    pub fn pair(&mut self, keys: &Keys, scopes: &[Scope]) -> String {
        let link = self.pairing_link(scopes, true);
        self.follow(keys, &link)
    }

    /// Follows a link whose yes was given beforehand; returns the grant.
    pub fn follow(&mut self, keys: &Keys, link: &PairingLink) -> String {
        let (mut viewer, _) = self.start_pairing(keys, link, ConnId([9; 16]));
        self.request_pairing(keys, &mut viewer);
        let replies = self.pair_replies(&mut viewer);
        let Some(PairReply::Granted { grant, .. }) = replies.last() else {
            panic!("not granted: {replies:?}")
        };
        grant.clone()
    }

    pub fn session(&mut self, keys: &Keys, grant: &str, conn: ConnId) -> Viewer {
        self.greeted(keys, grant, conn).0
    }

    /// A session, and what it was told when it began.
    pub fn greeted(&mut self, keys: &Keys, grant: &str, conn: ConnId) -> (Viewer, Vec<FromAgent>) {
        let origin = Origin {
            conn,
            device: keys.public(),
            from: Ipv6Addr::LOCALHOST,
        };
        let stream = self.open(origin, Target::Session(grant.to_owned()));
        let prologue = prologue(self.core.agent(), conn);
        let remote = self.core.identity().noise().key.public();
        let (message1, awaiting) = Initiator::session(&prologue, &keys.noise, remote).unwrap();
        self.hear(&Frame::Data(stream, message1.into()));
        let reply = self.data(stream).remove(0);
        let (noise, _) = awaiting.finish(&reply).unwrap();
        let mut viewer = Viewer {
            stream,
            origin,
            noise,
        };
        let hello = ToAgent::Hello {
            name: "Test".into(),
            generation: keys.generation.get(),
            serial: keys.serial.get(),
        };
        let told = self.ask(&mut viewer, &hello);
        (viewer, told)
    }

    /// Says something in a session and returns what came back.
    pub fn ask(&mut self, viewer: &mut Viewer, message: &ToAgent) -> Vec<FromAgent> {
        let sealed = viewer.noise.seal(&msg::encode(message)).unwrap();
        self.hear(&Frame::Data(viewer.stream, sealed.into()));
        self.told(viewer)
    }

    pub fn told(&mut self, viewer: &mut Viewer) -> Vec<FromAgent> {
        let data = self.data(viewer.stream);
        data.iter()
            .map(|data| msg::decode(&viewer.noise.open(data).unwrap()).unwrap())
            .collect()
    }

    /// A token for this purpose, about the one terminal, the machine's folder, or nothing, as the purpose demands.
    pub fn mint(&mut self, viewer: &mut Viewer, purpose: Scope) -> Result<Minted, String> {
        self.mint_for(viewer, wanted(purpose))
    }

    pub fn mint_for(&mut self, viewer: &mut Viewer, wanted: Wanted) -> Result<Minted, String> {
        let answers = self.ask(viewer, &ToAgent::Mint { req: 1, wanted });
        let answer = answers.iter().find_map(|answer| match answer {
            FromAgent::Minted {
                jti, token, secret, ..
            } => Some(Ok(Minted {
                jti: *jti,
                token: token.clone(),
                secret: secret.0,
            })),
            FromAgent::Refused { reason, .. } => Some(Err(reason.code.clone())),
            _ => None,
        });
        answer.unwrap_or_else(|| panic!("neither minted nor refused: {answers:?}"))
    }

    pub fn open_sealed(&mut self, origin: Origin, minted: &Minted) -> Sealed {
        let stream = self.open(origin, Target::Purpose(minted.token.clone()));
        let secret = StreamSecret::from_bytes(minted.secret);
        Sealed {
            stream,
            jti: minted.jti,
            sealer: Sealer::new(&secret, minted.jti, Direction::ToAgent),
            opener: Opener::new(&secret, minted.jti, Direction::ToViewer),
        }
    }

    pub fn send(&mut self, sealed: &mut Sealed, record: &ViewerRecord) {
        let mut framed = record.encode();
        sealed.sealer.seal(&mut framed, FRAME_HEADER).unwrap();
        self.hear(&Frame::Data(
            sealed.stream,
            framed.freeze().slice(FRAME_HEADER..),
        ));
    }

    pub fn records(&mut self, sealed: &mut Sealed) -> Vec<AgentRecord> {
        let data = self.data(sealed.stream);
        data.into_iter()
            .map(|d| AgentRecord::decode(&sealed.opener.open_bytes(d).unwrap()).unwrap())
            .collect()
    }

    /// A view stream that is open and watched.
    pub fn view(&mut self, viewer: &mut Viewer) -> Sealed {
        let minted = self.mint(viewer, Scope::View).unwrap();
        let mut view = self.open_sealed(viewer.origin, &minted);
        self.send(
            &mut view,
            &ViewerRecord::ViewOpening {
                have: None,
                grid: GRID,
            },
        );
        view
    }

    /// A terminal stream that drives.
    pub fn typist(&mut self, viewer: &mut Viewer) -> Sealed {
        self.typist_of(viewer, WRITER)
    }

    /// The same under this writer id.
    pub fn typist_of(&mut self, viewer: &mut Viewer, writer: WriterId) -> Sealed {
        let typist = self.opens_typing(viewer, writer);
        self.with(|core, now| core.last_input(TERMINAL, writer, 0, now));
        typist
    }

    /// A terminal stream whose holder has not said yet where its writer stands.
    pub fn opens_typing(&mut self, viewer: &mut Viewer, writer: WriterId) -> Sealed {
        let minted = self.mint(viewer, Scope::Terminal).unwrap();
        let mut typist = self.open_sealed(viewer.origin, &minted);
        let opening = ViewerRecord::TerminalOpening {
            writer,
            grid: GRID,
            take_over: false,
        };
        self.send(&mut typist, &opening);
        typist
    }

    /// A stream for devices, ready for requests.
    pub fn opens_devices(&mut self, viewer: &mut Viewer) -> Sealed {
        let minted = self.mint(viewer, Scope::Devices).unwrap();
        let mut devices = self.open_sealed(viewer.origin, &minted);
        self.send(&mut devices, &ViewerRecord::Opening);
        assert_eq!(self.records(&mut devices), [AgentRecord::Ready]);
        devices
    }

    pub fn output(&mut self, view: &Sealed, offset: u64, text: &'static str) {
        let bytes = Bytes::from_static(text.as_bytes());
        let output = Watched::Output { offset, bytes };
        self.with(|core, now| core.watched(view.stream, output, now));
    }

    /// What was typed since the rig was asked last.
    pub fn typed(&mut self) -> Vec<(u64, Bytes)> {
        let mut typed = Vec::new();
        self.effects.retain(|effect| match effect {
            Effect::Type { seq, bytes, .. } => {
                typed.push((*seq, bytes.clone()));
                false
            }
            _ => true,
        });
        typed
    }
}

pub fn key(seq: u64, text: &'static str) -> ViewerRecord {
    ViewerRecord::Input {
        seq,
        bytes: Bytes::from_static(text.as_bytes()),
    }
}

pub fn granting(scopes: &[Scope], without_asking: bool) -> Invitation {
    Invitation {
        scopes: scopes.to_vec(),
        reach: Reach::default(),
        stays: None,
        without_asking,
    }
}

pub fn wanted(purpose: Scope) -> Wanted {
    let (terminal, root) = (TERMINAL, "/home/ada/work".to_owned());
    match purpose {
        Scope::View => Wanted::View { terminal },
        Scope::FilesRead => Wanted::FilesRead { root },
        Scope::Terminal => Wanted::Terminal { terminal },
        Scope::Run => Wanted::Run { root },
        Scope::FilesWrite => Wanted::FilesWrite { root },
        Scope::Prompt => Wanted::Prompt { root },
        Scope::Approve => Wanted::Approve { request: APPROVAL },
        Scope::Devices => Wanted::Devices {},
    }
}

/// Somebody asks to run `make` in the machine's folder.
pub fn card(id: ApprovalId) -> Card {
    let request = Request {
        id,
        asker: Asker::Script {
            pid: 1,
            name: String::new(),
        },
        line: "make".to_owned(),
        programs: Vec::new(),
        folder: "/home/ada/work".to_owned(),
        workspace: "/home/ada/work".to_owned(),
        fences: Fences::Workspace {
            network: false,
            repository: false,
        },
        reason: "no rule speaks of it".to_owned(),
        rules: vec!["Bash(make)".to_owned()],
        saved_in: "/home/ada/src/.lanyard/settings.local.toml".to_owned(),
        asked: UnixMs(0),
        until: UnixMs(0),
    };
    Card {
        request,
        consequence: "RUNS A COMMAND".to_owned(),
        risk: Risk::Low,
        shown: "make".to_owned(),
        careful: Vec::new(),
        parts: Vec::new(),
    }
}

pub fn prologue(agent: lanyard_shared::ids::AgentId, conn: ConnId) -> Prologue<'static> {
    Prologue {
        agent,
        conn,
        viewer_versions: SESSION_VERSIONS,
        agent_versions: SESSION_VERSIONS,
    }
}

pub fn terminal() -> Terminal {
    Terminal {
        id: TERMINAL,
        name: "one".into(),
        title: String::new(),
        cwd: "/".into(),
        started: UnixMs(1),
        grid: GRID,
        exit: None,
        driver: None,
    }
}
