//! Bytes to complete messages, or an end to it. The length is checked before anything is reserved for it.

use std::marker::PhantomData;

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::WireError;
use crate::limits;

/// A message of either direction.
pub trait Message: Sized {
    /// The byte that names the message.
    fn kind(&self) -> u8;
    /// Appends the body.
    fn put_body(&self, out: &mut BytesMut);
    /// Reads the body of a message of this kind.
    fn take(kind: u8, body: &mut Body) -> Result<Self, WireError>;

    /// Appends the whole message: length, kind, body.
    fn encode(&self, out: &mut BytesMut) {
        let start = out.len();
        out.put_u32(0);
        out.put_u8(self.kind());
        self.put_body(out);
        let length = (out.len() - start - 4) as u32;
        debug_assert!(length as usize <= limits::MESSAGE_BYTES);
        out[start..start + 4].copy_from_slice(&length.to_be_bytes());
    }
}

/// Collects bytes and gives complete messages.
pub struct Decoder<M> {
    buffer: BytesMut,
    message: PhantomData<M>,
}

impl<M: Message> Default for Decoder<M> {
    fn default() -> Self {
        Self {
            buffer: BytesMut::new(),
            message: PhantomData,
        }
    }
}

impl<M: Message> Decoder<M> {
    /// Where the next bytes go. Messages are parts of this buffer, not copies; it never holds more than one
    /// read beyond one message as long as [`Decoder::next`] is called until it gives `None`.
    pub fn buffer(&mut self) -> &mut BytesMut {
        &mut self.buffer
    }

    /// The next complete message, if there is one.
    #[expect(
        clippy::should_implement_trait,
        reason = "an iterator would promise that `None` is the end"
    )]
    pub fn next(&mut self) -> Result<Option<M>, WireError> {
        let Some(length) = self
            .buffer
            .first_chunk::<4>()
            .copied()
            .map(u32::from_be_bytes)
        else {
            return Ok(None);
        };
        if length == 0 {
            return Err(WireError::Empty);
        }
        if length as usize > limits::MESSAGE_BYTES {
            return Err(WireError::TooLong(length));
        }
        let whole = 4 + length as usize;
        if self.buffer.len() < whole {
            self.buffer.reserve(whole - self.buffer.len());
            return Ok(None);
        }
        let mut bytes = self.buffer.split_to(whole).freeze();
        bytes.advance(4);
        let kind = bytes.get_u8();
        let mut body = Body { kind, bytes };
        let message = M::take(kind, &mut body)?;
        if body.bytes.has_remaining() {
            return Err(WireError::LeftOver(kind));
        }
        Ok(Some(message))
    }
}

/// The unread rest of a body.
pub struct Body {
    kind: u8,
    bytes: Bytes,
}

impl Body {
    pub(super) fn u8(&mut self) -> Result<u8, WireError> {
        self.array().map(|[byte]: [u8; 1]| byte)
    }

    pub(super) fn bool(&mut self) -> Result<bool, WireError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(self.out_of_bounds()),
        }
    }

    pub(super) fn u16(&mut self) -> Result<u16, WireError> {
        self.array().map(u16::from_be_bytes)
    }

    pub(super) fn u32(&mut self) -> Result<u32, WireError> {
        self.array().map(u32::from_be_bytes)
    }

    pub(super) fn i32(&mut self) -> Result<i32, WireError> {
        self.array().map(i32::from_be_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, WireError> {
        self.array().map(u64::from_be_bytes)
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], WireError> {
        let array = *self
            .bytes
            .first_chunk::<N>()
            .ok_or(WireError::CutShort(self.kind))?;
        self.bytes.advance(N);
        Ok(array)
    }

    /// All the rest, within the bound on payloads.
    pub(super) fn payload(&mut self) -> Result<Bytes, WireError> {
        if self.bytes.len() > limits::PAYLOAD_BYTES {
            return Err(self.out_of_bounds());
        }
        Ok(std::mem::take(&mut self.bytes))
    }

    /// All the rest as text.
    pub(super) fn text(&mut self, max: usize) -> Result<String, WireError> {
        if self.bytes.len() > max {
            return Err(self.out_of_bounds());
        }
        let rest = std::mem::take(&mut self.bytes);
        String::from_utf8(rest.into()).map_err(|_| self.out_of_bounds())
    }

    pub(super) fn skip_rest(&mut self) {
        self.bytes.clear();
    }

    pub(super) fn out_of_bounds(&self) -> WireError {
        WireError::OutOfBounds(self.kind)
    }
}
