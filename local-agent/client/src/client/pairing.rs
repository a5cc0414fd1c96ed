//! Pairing over a socket.

use super::engine::PATH;
use crate::core::{self, PairingEvent};
use crate::failure::Failure;
use crate::keys::{Device, Machine};
use lanyard_dial::{DialError, Incoming, Proxies, Relay, Socket, clock};
use lanyard_shared::b64;
use lanyard_shared::close::CloseCode;
use lanyard_shared::ids::AgentId;
use lanyard_shared::msg::Offer;
use lanyard_shared::pair::address::{Address, AddressFault};
use lanyard_shared::pair::{LinkFault, PairingLink};
use std::fmt;

/// A pairing that has its check words; a person at the machine is being asked. Dropping it takes the question back.
pub struct Pairing {
    core: core::Pairing,
    socket: Option<Socket>,
    offer: Offer,
    words: [&'static str; 4],
    agent: AgentId,
    fingerprint: Option<[u8; 32]>,
    address: Address,
}

impl Pairing {
    pub(super) async fn start(link: &str, device: &Device) -> Result<Self, Failure> {
        let (address, link) = parse(link)?;
        let relay = Relay::new(address.clone(), link.fingerprint.into());
        let mut socket = Some(
            Socket::connect(&relay, &Proxies::of_environment(), PATH)
                .await
                .map_err(|error| refused_dial(&error))?,
        );
        let party = device.party(link.agent, link.noise_key);
        let mut core = core::Pairing::new(
            party,
            link.secret,
            address.authority().to_owned(),
            clock::mono(),
        );
        match next(&mut core, &mut socket).await {
            PairingEvent::Offered { offer, words } => Ok(Self {
                core,
                socket,
                offer,
                words,
                agent: link.agent,
                fingerprint: link.fingerprint,
                address,
            }),
            PairingEvent::Failed(why) => Err(why),
            PairingEvent::Waiting | PairingEvent::Granted { .. } => {
                Err(CloseCode::UnexpectedFrame.into())
            }
        }
    }

    /// The check words, to be compared with the machine's.
    #[must_use]
    pub fn words(&self) -> [&'static str; 4] {
        self.words
    }

    /// What the machine offers. Its texts hold no control characters.
    #[must_use]
    pub fn offer(&self) -> &Offer {
        &self.offer
    }

    /// Waits for the person at the machine.
    ///
    /// # Errors
    /// They said no, or the connection was cut meanwhile.
    pub async fn wait(mut self) -> Result<Machine, Failure> {
        loop {
            match next(&mut self.core, &mut self.socket).await {
                PairingEvent::Waiting => {}
                PairingEvent::Granted { memory, scopes } => {
                    if let Some(socket) = self.socket.take() {
                        socket.finish(|| self.core.poll_output()).await;
                    }
                    return Ok(Machine {
                        agent: self.agent,
                        noise_key: b64::Bytes(memory.remote),
                        relay: self.address.web().to_owned(),
                        fingerprint: self.fingerprint.map(b64::Bytes),
                        grant: memory.grant,
                        expires: memory.expires,
                        scopes,
                        name: self.offer.machine,
                        user: self.offer.user,
                        identity: memory.identity.map(b64::Bytes),
                        serial: memory.serial,
                        generation: memory.generation,
                        keys: None,
                    });
                }
                PairingEvent::Failed(why) => return Err(why),
                PairingEvent::Offered { .. } => return Err(CloseCode::UnexpectedFrame.into()),
            }
        }
    }
}

impl fmt::Debug for Pairing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pairing")
            .field("agent", &self.agent)
            .field("words", &self.words)
            .finish_non_exhaustive()
    }
}

/// Carries messages until something happens.
async fn next(core: &mut core::Pairing, socket: &mut Option<Socket>) -> PairingEvent {
    loop {
        if let Some(event) = core.poll_event() {
            return event;
        }
        let Some(open) = socket else {
            core.disconnected();
            // It was over already, and said so before.
            return core
                .poll_event()
                .unwrap_or_else(|| PairingEvent::Failed(CloseCode::Cut.into()));
        };
        let now = clock::mono();
        let sleep = core
            .poll_timeout()
            .map_or(std::time::Duration::MAX, |at| at.since(now));
        tokio::select! {
            incoming = open.next(|| core.poll_output()) => match incoming {
                Incoming::Message(message) => core.handle(message, clock::now()),
                Incoming::Gone => {
                    *socket = None;
                    core.disconnected();
                }
            },
            () = tokio::time::sleep(sleep) => core.on_timeout(clock::mono()),
        }
    }
}

/// Says what is wrong with a pairing link, if anything is.
pub(crate) fn check_link(link: &str) -> Result<(), Failure> {
    parse(link).map(drop)
}

/// Reads a pairing link as a person pasted it.
fn parse(link: &str) -> Result<(Address, PairingLink), Failure> {
    PairingLink::parse(link).map_err(|fault| {
        let hint = match fault {
            LinkFault::Address(AddressFault::Query | AddressFault::UserInfo) => {
                "somebody may have changed it: use the link exactly as `lanyard pair` shows it, or run `lanyard pair` for a new one"
            }
            LinkFault::Address(AddressFault::Scheme | AddressFault::Path | AddressFault::Host) | LinkFault::NoPair => {
                "a pairing link looks like https://relay.example/#pair=…; run `lanyard pair` on the machine for one"
            }
            LinkFault::Incomplete => "copy the whole link, in quotes: a shell cuts it at special characters",
            LinkFault::Version => "update the older side",
        };
        let sentence = match fault {
            LinkFault::Address(fault) => format!("this is not a pairing link: {fault}"),
            LinkFault::NoPair | LinkFault::Incomplete | LinkFault::Version => fault.to_string(),
        };
        Failure::local(sentence, hint)
    })
}

/// A dial that failed, with the way out of somebody who has only a link.
fn refused_dial(error: &DialError) -> Failure {
    let why = Failure::from(error);
    match error {
        DialError::Certificate(_) => {
            why.with_hint("the link is for another relay, or something stands between: run `lanyard pair` for a new one")
        }
        DialError::Unreachable { .. }
        | DialError::NoNetwork { .. }
        | DialError::NoName { .. }
        | DialError::Timeout { .. }
        | DialError::Proxy(_)
        | DialError::Refused { .. } => why,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use lanyard_shared::pair::PairingSecret;

    fn fragment() -> String {
        let link = PairingLink {
            agent: AgentId([1; 16]),
            noise_key: [2; 32],
            secret: PairingSecret::from_bytes([3; 32]),
            fingerprint: None,
        };
        link.fragment().to_string()
    }

    #[test]
    fn a_link_that_names_another_relay_in_its_query_is_refused_with_a_warning() {
        let link = format!("https://relay.example/?relay=evil.example#{}", fragment());
        let failure = parse(&link).unwrap_err();
        assert!(failure.sentence().contains("query"), "{failure}");
        assert!(failure.hint().contains("somebody may have changed it"));
    }

    #[test]
    fn what_is_no_link_or_was_cut_says_so() {
        let whole = format!("https://relay.example/#{}", fragment());
        assert!(parse(&whole).is_ok());
        assert!(
            parse(&whole[..whole.len() - 5])
                .unwrap_err()
                .sentence()
                .contains("incomplete")
        );
        assert!(
            parse("https://relay.example/")
                .unwrap_err()
                .sentence()
                .contains("not a pairing link")
        );
        assert!(parse("hello").is_err());
        let plain = format!("http://relay.example/#{}", fragment());
        assert!(
            parse(&plain)
                .unwrap_err()
                .sentence()
                .contains("neither https")
        );
    }
}
