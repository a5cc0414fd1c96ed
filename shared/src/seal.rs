//! Sealed records of purpose streams: one token, one stream, one key a direction (`docs/PROTOCOL.md`, section 4.4).

use crate::close::CloseCode;
use crate::ids::TokenId;
use crate::limits::{RECORD_MAX, TAG};
use crate::random;
use bytes::{Bytes, BytesMut};
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::hkdf::{HKDF_SHA256, Salt};
use std::fmt;
use zeroize::Zeroizing;

/// HKDF salt of the keys of a stream (RFC 5869).
pub const SEAL_SALT: &str = "lanyard/seal/v1";

/// 32 random bytes from which the keys of one stream come. Minted with the token, sent inside the session, used for nothing else.
#[derive(Clone)]
pub struct StreamSecret(Zeroizing<[u8; 32]>);

impl StreamSecret {
    /// A fresh secret from the system's randomness.
    ///
    /// # Errors
    /// The system gives no randomness.
    pub fn generate() -> Result<Self, SealFault> {
        random::secret().map(Self).ok_or(SealFault::Unprepared)
    }

    /// The secret with these bytes.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for the message `minted`.
    #[must_use]
    pub fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for StreamSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("StreamSecret(redacted)")
    }
}

/// Which way records go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Direction {
    /// Viewer to agent.
    ToAgent = 1,
    /// Agent to viewer.
    ToViewer = 2,
}

/// Why a record was not sealed or opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SealFault {
    /// It does not verify: changed, repeated, dropped before it, moved from another stream, or under another secret.
    #[error("a sealed record does not verify")]
    Forged,
    /// An earlier record failed; nothing after it can be trusted.
    #[error("the stream's seal is broken already")]
    Broken,
    /// A record without its kind byte.
    #[error("a sealed record is empty")]
    Empty,
    /// Longer than [`RECORD_MAX`] before sealing.
    #[error("a sealed record is larger than allowed")]
    TooLarge,
    /// 2^64 - 1 records: the counter would come round. Our fault.
    #[error("the stream's counter is used up")]
    Exhausted,
    /// The system gives no randomness. Our fault.
    #[error("no randomness")]
    Unprepared,
}

impl From<SealFault> for CloseCode {
    fn from(fault: SealFault) -> Self {
        match fault {
            SealFault::Forged | SealFault::Broken | SealFault::Empty | SealFault::TooLarge => {
                Self::SealBroken
            }
            SealFault::Exhausted | SealFault::Unprepared => Self::Internal,
        }
    }
}

/// Seals the records of one direction of one stream, in order.
pub struct Sealer(Counter);

impl Sealer {
    /// The sealing end. There must be one only for a secret, token and direction: two would use every nonce twice.
    #[must_use]
    pub fn new(secret: &StreamSecret, jti: TokenId, direction: Direction) -> Self {
        Self(Counter::new(secret, jti, direction))
    }

    /// Seals `buffer[start..]` (1 to [`RECORD_MAX`] bytes) where it stands and appends the tag of [`TAG`] bytes. What comes before `start`,
    /// a frame header for instance, is neither touched nor authenticated. With [`TAG`] bytes of spare capacity nothing is copied.
    ///
    /// # Errors
    /// The record is empty or too large, or the counter is used up; the buffer is as before.
    pub fn seal(&mut self, buffer: &mut BytesMut, start: usize) -> Result<(), SealFault> {
        let record = buffer.get_mut(start..).filter(|r| !r.is_empty());
        let record = record.ok_or(SealFault::Empty)?;
        if record.len() > RECORD_MAX {
            return Err(SealFault::TooLarge);
        }
        let nonce = self.0.next_nonce()?;
        let tag = self
            .0
            .key
            .seal_in_place_separate_tag(nonce, Aad::empty(), record)
            .map_err(|_| SealFault::TooLarge)?;
        buffer.extend_from_slice(tag.as_ref());
        Ok(())
    }
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sealer(at {})", self.0.next)
    }
}

/// Opens the records of one direction of one stream, in order and each once.
pub struct Opener {
    counter: Counter,
    broken: bool,
}

impl Opener {
    /// The opening end of what [`Sealer::new`] makes with the same arguments.
    #[must_use]
    pub fn new(secret: &StreamSecret, jti: TokenId, direction: Direction) -> Self {
        Self {
            counter: Counter::new(secret, jti, direction),
            broken: false,
        }
    }

    /// Opens the next record where it stands. Returns the record without its tag.
    ///
    /// # Errors
    /// The record does not verify as the next one, or one before it did not. The bytes are unusable then.
    pub fn open<'a>(&mut self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], SealFault> {
        if self.broken {
            return Err(SealFault::Broken);
        }
        let opened = self.open_next(sealed);
        self.broken = opened.is_err();
        opened
    }

    /// [`Opener::open`] for a frame's data. Copies only when others hold the same memory.
    ///
    /// # Errors
    /// As [`Opener::open`].
    pub fn open_bytes(&mut self, sealed: Bytes) -> Result<Bytes, SealFault> {
        let mut buffer = sealed
            .try_into_mut()
            .unwrap_or_else(|shared| BytesMut::from(shared.as_ref()));
        let length = self.open(&mut buffer)?.len();
        buffer.truncate(length);
        Ok(buffer.freeze())
    }

    fn open_next<'a>(&mut self, sealed: &'a mut [u8]) -> Result<&'a mut [u8], SealFault> {
        if sealed.len() <= TAG {
            return Err(SealFault::Empty);
        }
        if sealed.len() > RECORD_MAX + TAG {
            return Err(SealFault::TooLarge);
        }
        let nonce = self.counter.next_nonce()?;
        self.counter
            .key
            .open_in_place(nonce, Aad::empty(), sealed)
            .map_err(|_| SealFault::Forged)
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener")
            .field("at", &self.counter.next)
            .field("broken", &self.broken)
            .finish()
    }
}

/// A key and the number of the next record. The nonce of a record is its number, so none is ever used twice.
struct Counter {
    key: LessSafeKey,
    next: u64,
}

impl Counter {
    fn new(secret: &StreamSecret, jti: TokenId, direction: Direction) -> Self {
        let prk = Salt::new(HKDF_SHA256, SEAL_SALT.as_bytes()).extract(secret.expose());
        let direction = [direction as u8];
        let info: [&[u8]; 2] = [&jti.0, &direction];
        #[expect(
            clippy::expect_used,
            reason = "HKDF-SHA256 gives up to 8160 bytes; a key is 32"
        )]
        let okm = prk.expand(&info, &AES_256_GCM).expect("32 bytes");
        Self {
            key: LessSafeKey::new(UnboundKey::from(okm)),
            next: 0,
        }
    }

    fn next_nonce(&mut self) -> Result<Nonce, SealFault> {
        let mut nonce = [0; 12];
        nonce[4..].copy_from_slice(&self.next.to_be_bytes());
        self.next = self.next.checked_add(1).ok_or(SealFault::Exhausted)?;
        Ok(Nonce::assume_unique_for_key(nonce))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::FRAME_HEADER;

    const JTI: TokenId = TokenId([2; 16]);

    fn secret() -> StreamSecret {
        StreamSecret::from_bytes([1; 32])
    }

    fn pair() -> (Sealer, Opener) {
        (
            Sealer::new(&secret(), JTI, Direction::ToViewer),
            Opener::new(&secret(), JTI, Direction::ToViewer),
        )
    }

    fn sealed(sealer: &mut Sealer, record: &[u8]) -> Vec<u8> {
        let mut buffer = BytesMut::from(record);
        sealer.seal(&mut buffer, 0).unwrap();
        buffer.to_vec()
    }

    #[test]
    fn a_record_is_sealed_where_it_stands_behind_its_frame_header() {
        let (mut sealer, mut opener) = pair();
        let mut buffer = BytesMut::with_capacity(FRAME_HEADER + 6 + TAG);
        buffer.extend_from_slice(b"headerrecord"[..11].as_ref());
        let at = buffer.as_ptr();
        sealer.seal(&mut buffer, FRAME_HEADER).unwrap();
        assert_eq!((buffer.as_ptr(), buffer.len()), (at, 11 + TAG));
        assert_eq!(&buffer[..FRAME_HEADER], b"heade");
        let opened = opener.open(&mut buffer[FRAME_HEADER..]).unwrap();
        assert_eq!(opened, b"rrecor");
    }

    #[test]
    fn opening_a_frame_nobody_else_holds_copies_nothing() {
        let (mut sealer, mut opener) = pair();
        let message = Bytes::from([b"heade", &sealed(&mut sealer, b"record")[..]].concat());
        let data = message.slice(FRAME_HEADER..);
        drop(message);
        let at = data.as_ptr();
        let record = opener.open_bytes(data).unwrap();
        assert_eq!((record.as_ptr(), &record[..]), (at, &b"record"[..]));
        let data = Bytes::from(sealed(&mut sealer, b"shared"));
        let held = data.clone();
        assert_eq!(opener.open_bytes(data).unwrap(), "shared");
        assert_ne!(held, "shared");
    }

    #[test]
    fn a_changed_repeated_dropped_or_reordered_record_breaks_the_stream_for_good() {
        let cheats: [fn(&mut Vec<Vec<u8>>); 5] = [
            |records| records[1][0] ^= 1,
            |records| records[1] = records[0].clone(),
            |records| drop(records.remove(1)),
            |records| records.swap(1, 2),
            |records| records[1].truncate(20),
        ];
        for cheat in cheats {
            let (mut sealer, mut opener) = pair();
            let mut records: Vec<_> = [b"record 0", b"record 1", b"record 2"]
                .map(|record| sealed(&mut sealer, record))
                .into();
            cheat(&mut records);
            assert!(opener.open(&mut records[0]).is_ok());
            assert_eq!(opener.open(&mut records[1]), Err(SealFault::Forged));
            let honest = &mut sealed(&mut sealer, b"record 3");
            assert_eq!(opener.open(honest), Err(SealFault::Broken));
        }
    }

    #[test]
    fn a_record_opens_on_no_other_stream_and_in_no_other_direction() {
        for (secret, jti, direction) in [
            (StreamSecret::from_bytes([9; 32]), JTI, Direction::ToViewer),
            (secret(), TokenId([9; 16]), Direction::ToViewer),
            (secret(), JTI, Direction::ToAgent),
        ] {
            let (mut sealer, _) = pair();
            let mut record = sealed(&mut sealer, b"record");
            let mut other = Opener::new(&secret, jti, direction);
            assert_eq!(other.open(&mut record), Err(SealFault::Forged));
        }
    }

    #[test]
    fn records_have_a_kind_and_a_largest_size() {
        let (mut sealer, mut opener) = pair();
        let mut empty = BytesMut::from(&b"heade"[..]);
        assert_eq!(sealer.seal(&mut empty, FRAME_HEADER), Err(SealFault::Empty));
        assert_eq!(sealer.seal(&mut empty, 99), Err(SealFault::Empty));
        let mut large = BytesMut::zeroed(RECORD_MAX + 1);
        assert_eq!(sealer.seal(&mut large, 0), Err(SealFault::TooLarge));
        assert_eq!(large.len(), RECORD_MAX + 1);
        let mut largest = sealed(&mut sealer, &vec![7; RECORD_MAX]);
        assert_eq!(opener.open(&mut largest).unwrap().len(), RECORD_MAX);
        let (_, mut opener) = pair();
        assert_eq!(opener.open(&mut [0; TAG]), Err(SealFault::Empty));
        let (_, mut opener) = pair();
        let too_large = opener.open_bytes(Bytes::from(vec![0; RECORD_MAX + TAG + 1]));
        assert_eq!(too_large, Err(SealFault::TooLarge));
    }

    #[test]
    fn the_counter_never_comes_round() {
        let (mut sealer, mut opener) = pair();
        sealer.0.next = u64::MAX;
        opener.counter.next = u64::MAX;
        let mut record = BytesMut::from(&b"record"[..]);
        assert_eq!(sealer.seal(&mut record, 0), Err(SealFault::Exhausted));
        assert_eq!(opener.open(&mut [0; 20]), Err(SealFault::Exhausted));
    }

    #[test]
    fn the_secret_shows_in_no_debug_output() {
        let (sealer, opener) = pair();
        let text = format!("{:?} {sealer:?} {opener:?}", secret());
        assert_eq!(
            text,
            "StreamSecret(redacted) Sealer(at 0) Opener { at: 0, broken: false }"
        );
    }
}
