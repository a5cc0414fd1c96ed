//! The enrolment code as text (`docs/PROTOCOL.md`, section 5).

use crate::b64;
use crate::pair::address::{Address, AddressFault};
use crate::random;
use std::fmt;
use zeroize::Zeroizing;

const PREFIX: &str = "lanyard1.";
const FLAG_FINGERPRINT: u8 = 1;
/// An address is `https://`, a name of 253 characters and a port.
const ADDRESS_MAX: usize = 8 + 253 + 6;

/// What `lanyard-relay enrol` prints and `lanyard up` reads. Lives [`crate::limits::ENROL_LIFE`], once.
#[derive(Clone)]
pub struct EnrolmentCode {
    /// 128 random bits; the relay keeps their hash.
    pub code: Zeroizing<[u8; 16]>,
    /// Where the relay is.
    pub address: Address,
    /// SHA-256 of the relay's certificate (DER), where no authority vouches for it.
    pub fingerprint: Option<[u8; 32]>,
}

/// Why text is not an enrolment code.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodeFault {
    /// It does not begin with `lanyard1.`.
    #[error("this is not an enrolment code")]
    NotACode,
    /// Not base64url, or too short or long: most likely cut while copying.
    #[error("the enrolment code is incomplete")]
    Incomplete,
    /// Made by a version this build does not know.
    #[error("the enrolment code is of another version")]
    Version,
    /// Its address may not be dialled.
    #[error("the enrolment code names an address that cannot be used: {0}")]
    Address(#[from] AddressFault),
}

impl EnrolmentCode {
    /// Fresh code bytes from the system's randomness; `None` when the system gives none.
    #[must_use]
    pub fn generate() -> Option<Zeroizing<[u8; 16]>> {
        random::secret()
    }

    /// The text.
    #[must_use]
    pub fn encode(&self) -> Zeroizing<String> {
        let mut bytes = Zeroizing::new(Vec::with_capacity(49 + ADDRESS_MAX));
        bytes.push(u8::from(self.fingerprint.is_some()) * FLAG_FINGERPRINT);
        bytes.extend_from_slice(&*self.code);
        bytes.extend_from_slice(self.fingerprint.as_ref().map_or(&[], |f| &f[..]));
        bytes.extend_from_slice(self.address.web().as_bytes());
        Zeroizing::new(format!("{PREFIX}{}", *Zeroizing::new(b64::encode(&*bytes))))
    }

    /// Reads what [`EnrolmentCode::encode`] writes; white space around it is dropped.
    ///
    /// # Errors
    /// The text is anything else, or its address is not `https`: an agent dials nothing else.
    pub fn parse(text: &str) -> Result<Self, CodeFault> {
        let text = text
            .trim()
            .strip_prefix(PREFIX)
            .ok_or(CodeFault::NotACode)?;
        if text.len() > (49 + ADDRESS_MAX).div_ceil(3) * 4 {
            return Err(CodeFault::Incomplete);
        }
        let bytes = Zeroizing::new(b64::decode(text).ok_or(CodeFault::Incomplete)?);
        let (flags, rest) = bytes.split_first().ok_or(CodeFault::Incomplete)?;
        if flags & !FLAG_FINGERPRINT != 0 {
            return Err(CodeFault::Version);
        }
        let (code, rest) = rest.split_first_chunk().ok_or(CodeFault::Incomplete)?;
        let (fingerprint, rest) = match flags & FLAG_FINGERPRINT {
            0 => (None, rest),
            _ => {
                let (fingerprint, rest) = rest.split_first_chunk().ok_or(CodeFault::Incomplete)?;
                (Some(*fingerprint), rest)
            }
        };
        let address = std::str::from_utf8(rest).map_err(|_| CodeFault::Incomplete)?;
        if address.is_empty() {
            return Err(CodeFault::Incomplete);
        }
        let address = Address::parse(address)?;
        if !address.is_https() {
            return Err(CodeFault::Address(AddressFault::Scheme));
        }
        Ok(Self {
            code: Zeroizing::new(*code),
            address,
            fingerprint,
        })
    }
}

impl fmt::Debug for EnrolmentCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "EnrolmentCode(redacted, {})", self.address.web())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(fingerprint: Option<[u8; 32]>) -> EnrolmentCode {
        EnrolmentCode {
            code: Zeroizing::new([7; 16]),
            address: Address::parse("https://relay.example:8443").unwrap(),
            fingerprint,
        }
    }

    #[test]
    fn a_code_goes_there_and_back_with_and_without_a_fingerprint() {
        for fingerprint in [None, Some([8; 32])] {
            let text = code(fingerprint).encode();
            let back = EnrolmentCode::parse(&format!(" {}\n", *text)).unwrap();
            assert_eq!((*back.code, back.fingerprint), ([7; 16], fingerprint));
            assert_eq!(back.address.authority(), "relay.example:8443");
        }
    }

    #[test]
    fn faulty_codes_are_refused_by_name() {
        let encode = |bytes: &[&[u8]]| format!("lanyard1.{}", b64::encode(bytes.concat()));
        for (text, fault) in [
            ("lanyard2.AAAA".to_owned(), CodeFault::NotACode),
            ("lanyard1.".to_owned(), CodeFault::Incomplete),
            (encode(&[&[0], &[7; 15]]), CodeFault::Incomplete),
            (encode(&[&[0], &[7; 16]]), CodeFault::Incomplete),
            (encode(&[&[1], &[7; 40]]), CodeFault::Incomplete),
            (encode(&[&[0], &[7; 16], &[0xff]]), CodeFault::Incomplete),
            (
                encode(&[&[0], &[7; 16], &[b'a'; 400]]),
                CodeFault::Incomplete,
            ),
            (encode(&[&[2], &[7; 16], b"https://a"]), CodeFault::Version),
            (
                encode(&[&[0], &[7; 16], b"http://localhost"]),
                CodeFault::Address(AddressFault::Scheme),
            ),
            (
                encode(&[&[0], &[7; 16], b"https://a@b"]),
                CodeFault::Address(AddressFault::UserInfo),
            ),
        ] {
            assert_eq!(EnrolmentCode::parse(&text).unwrap_err(), fault, "{text}");
        }
    }

    #[test]
    fn the_code_shows_in_no_debug_output() {
        assert_eq!(
            format!("{:?}", code(None)),
            "EnrolmentCode(redacted, https://relay.example:8443)"
        );
    }
}
