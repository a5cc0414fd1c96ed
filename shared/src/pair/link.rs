//! The pairing link as text: everything secret stands after `#`, which browsers send to no server.

use super::PairingSecret;
use super::address::{Address, AddressFault};
use crate::b64;
use crate::ids::AgentId;
use zeroize::Zeroizing;

const VERSION: u8 = 1;
const FLAG_FINGERPRINT: u8 = 1;
const LENGTH: usize = 2 + 16 + 32 + 32;

/// What a pairing link says.
#[derive(Clone, Debug)]
pub struct PairingLink {
    /// The machine.
    pub agent: AgentId,
    /// The machine's static Noise key.
    pub noise_key: [u8; 32],
    /// Known to the machine and to whoever has the link.
    pub secret: PairingSecret,
    /// SHA-256 of the relay's certificate (DER), where no authority vouches for it.
    pub fingerprint: Option<[u8; 32]>,
}

/// Why text is not a pairing link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    /// The part before `#` is not an address that may be dialled.
    #[error(transparent)]
    Address(#[from] AddressFault),
    /// No `#pair=`.
    #[error("this is not a pairing link")]
    NoPair,
    /// Not base64url, or not of the right length: most likely cut while copying.
    #[error("the pairing link is incomplete")]
    Incomplete,
    /// Made by a version this build does not know.
    #[error("the pairing link is of another version")]
    Version,
}

impl PairingLink {
    /// The fragment, without `#`.
    #[must_use]
    pub fn fragment(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(LENGTH + 32));
        bytes.push(VERSION);
        bytes.push(u8::from(self.fingerprint.is_some()) * FLAG_FINGERPRINT);
        bytes.extend_from_slice(&self.agent.0);
        bytes.extend_from_slice(&self.noise_key);
        bytes.extend_from_slice(self.secret.expose());
        bytes.extend_from_slice(self.fingerprint.as_ref().map_or(&[], |f| &f[..]));
        Zeroizing::new(format!("pair={}", *Zeroizing::new(b64::encode(&*bytes))))
    }

    /// The whole link for a relay at `web`.
    #[must_use]
    pub fn url(&self, web: &Address) -> Zeroizing<String> {
        Zeroizing::new(format!("{}/#{}", web.web(), *self.fragment()))
    }

    /// Reads what [`PairingLink::fragment`] writes; one leading `#` may stand before it.
    ///
    /// # Errors
    /// The text is anything else.
    pub fn parse_fragment(text: &str) -> Result<Self, LinkFault> {
        let text = text.strip_prefix('#').unwrap_or(text);
        let text = text.strip_prefix("pair=").ok_or(LinkFault::NoPair)?;
        let bytes = Zeroizing::new(b64::decode(text).ok_or(LinkFault::Incomplete)?);
        let ([version, flags], rest) = bytes.split_first_chunk().ok_or(LinkFault::Incomplete)?;
        if *version != VERSION || flags & !FLAG_FINGERPRINT != 0 {
            return Err(LinkFault::Version);
        }
        Self::parse_body(flags & FLAG_FINGERPRINT != 0, rest).ok_or(LinkFault::Incomplete)
    }

    fn parse_body(fingerprint: bool, rest: &[u8]) -> Option<Self> {
        let (agent, rest) = rest.split_first_chunk()?;
        let (noise_key, rest) = rest.split_first_chunk()?;
        let (secret, rest) = rest.split_first_chunk()?;
        Some(Self {
            agent: AgentId(*agent),
            noise_key: *noise_key,
            secret: PairingSecret::from_bytes(*secret),
            fingerprint: match fingerprint {
                true => Some(rest.try_into().ok()?),
                false => rest.is_empty().then_some(None)?,
            },
        })
    }

    /// Reads a whole link: where to dial, and what for. Only what stands before `#` says where to dial, so a link cannot show one relay and
    /// use another.
    ///
    /// # Errors
    /// The address has a query, a user name or a path, is neither `https` nor `http` on loopback, or the fragment is no pairing link.
    pub fn parse(url: &str) -> Result<(Address, Self), LinkFault> {
        let (web, fragment) = url.trim().split_once('#').ok_or(LinkFault::NoPair)?;
        let address = Address::parse(web)?;
        if fragment.starts_with('#') {
            return Err(LinkFault::NoPair);
        }
        Ok((address, Self::parse_fragment(fragment)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(fingerprint: Option<[u8; 32]>) -> PairingLink {
        PairingLink {
            agent: AgentId([1; 16]),
            noise_key: [2; 32],
            secret: PairingSecret::from_bytes([3; 32]),
            fingerprint,
        }
    }

    #[test]
    fn a_link_goes_there_and_back_with_and_without_a_fingerprint() {
        let web = Address::parse("https://relay.example").unwrap();
        for fingerprint in [None, Some([4; 32])] {
            let text = link(fingerprint).url(&web);
            let (address, back) = PairingLink::parse(&text).unwrap();
            assert_eq!(address, web);
            assert_eq!((back.agent, back.noise_key), (AgentId([1; 16]), [2; 32]));
            assert_eq!(
                (back.secret.expose(), back.fingerprint),
                (&[3; 32], fingerprint)
            );
        }
    }

    #[test]
    fn a_link_that_would_dial_another_relay_than_it_shows_is_refused() {
        let fragment = link(None).fragment();
        for (before, fault) in [
            (
                "https://relay.example/?relay=evil.example",
                AddressFault::Query,
            ),
            (
                "https://relay.example@evil.example/",
                AddressFault::UserInfo,
            ),
            ("http://relay.example/", AddressFault::Scheme),
        ] {
            let text = format!("{before}#{}", *fragment);
            assert_eq!(
                PairingLink::parse(&text).unwrap_err(),
                LinkFault::Address(fault)
            );
        }
    }

    #[test]
    fn a_cut_link_or_one_of_another_version_says_so() {
        let whole = link(Some([4; 32])).fragment();
        for end in "pair=".len()..whole.len() {
            let fault = PairingLink::parse_fragment(&whole[..end]).unwrap_err();
            assert_eq!(fault, LinkFault::Incomplete, "{end}");
        }
        let longer = format!("{}AAAA", *whole);
        assert_eq!(
            PairingLink::parse_fragment(&longer).unwrap_err(),
            LinkFault::Incomplete
        );
        for head in [[2, 0], [1, 2], [1, 0x80]] {
            let text = format!("pair={}", b64::encode([&head[..], &[0; 80]].concat()));
            assert_eq!(
                PairingLink::parse_fragment(&text).unwrap_err(),
                LinkFault::Version
            );
        }
        assert_eq!(
            PairingLink::parse("https://relay.example/").unwrap_err(),
            LinkFault::NoPair
        );
    }
}
