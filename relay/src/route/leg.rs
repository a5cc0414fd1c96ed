//! What waits for one link's socket. Link frames first, then credit, then the streams in turn.
//!
//! Nothing in it can grow because a peer does not read: data is bounded by credit, credit is one number a stream, and whoever makes other
//! frames pile up loses its link.

use super::fault::PeerMisbehaved;
use super::waiting::Share;
use crate::limits::QUEUED_LINK_FRAMES;
use bytes::{BufMut as _, Bytes, BytesMut};
use lanyard_shared::close::CloseCode;
use lanyard_shared::frame::{Close, Frame, StreamId, kind};
use lanyard_shared::limits::FRAME_HEADER;
use lanyard_shared::stream::Outbox;
use std::collections::BTreeMap;
use std::task::Waker;

/// One link's side of a hub.
#[derive(Debug, Default)]
pub struct Leg {
    outbox: Outbox,
    /// What the streams in `outbox` take.
    share: Share,
    /// Frames of the link in `outbox`, other than opens.
    link_frames: u32,
    /// Streams that are over but whose close still waits; they count as open.
    closing: usize,
    /// Credit that the peer is to be told.
    owed: BTreeMap<StreamId, u32>,
    pong: Option<[u8; 8]>,
    end: Option<CloseCode>,
    waker: Option<Waker>,
}

/// What a link is to do next.
#[derive(Debug, PartialEq, Eq)]
pub enum Output {
    /// Write this message.
    Message(Bytes),
    /// Tell the peer why and close.
    End(CloseCode),
    /// Wait; the waker is called when there is more.
    Nothing,
}

/// What left a leg.
#[derive(Debug)]
pub enum Left {
    /// A message, and the stream and payload bytes if it was data.
    Message(Bytes, Option<(StreamId, usize)>),
    /// The link is to end.
    End(CloseCode),
    /// Nothing was there.
    Nothing,
}

impl Leg {
    /// A leg whose streams wait in this share.
    #[must_use]
    pub fn new(share: Share) -> Self {
        Self {
            share,
            ..Self::default()
        }
    }

    /// Queues a frame of the link, or an answer to an open.
    pub fn push_link(&mut self, frame: &Frame) {
        if self.link_frames >= QUEUED_LINK_FRAMES {
            return self.end(PeerMisbehaved::NotReading.into());
        }
        self.link_frames += 1;
        self.outbox.push_link(frame.encode());
        self.wake();
    }

    /// Queues a frame that makes a stream exist. There are at most as many of these as streams, so they have no limit of their own and do not
    /// count towards the one of link frames: many viewers at once must not cost an agent its link.
    pub fn push_open(&mut self, frame: &Frame) {
        self.outbox.push_link(frame.encode());
        self.wake();
    }

    /// Queues data. The payload is copied, so that it does not keep a larger read buffer alive.
    pub fn push_data(&mut self, stream: StreamId, payload: &[u8]) {
        let mut message = BytesMut::with_capacity(FRAME_HEADER + payload.len());
        message.put_u32(stream);
        message.put_u8(kind::DATA);
        message.put_slice(payload);
        self.push_stream(stream, message.freeze());
    }

    /// Answers a ping. The last one counts.
    pub fn pong(&mut self, body: [u8; 8]) {
        self.pong = Some(body);
        self.wake();
    }

    /// Tells the peer of more credit.
    pub fn owe(&mut self, stream: StreamId, amount: u32) {
        *self.owed.entry(stream).or_default() += amount;
        self.wake();
    }

    /// Ends a stream after what still waits on it.
    pub fn close(&mut self, stream: StreamId, close: Close) {
        self.owed.remove(&stream);
        self.closing += 1;
        self.push_stream(stream, Frame::Close(stream, close).encode());
    }

    /// Forgets what waits on a stream.
    pub fn discard(&mut self, stream: StreamId) {
        self.owed.remove(&stream);
        for message in self.outbox.discard(stream) {
            self.share.remove(&message);
        }
    }

    /// What waits on its streams.
    #[must_use]
    pub fn held(&self) -> usize {
        self.share.own()
    }

    /// Ends the link and forgets at once what waits on its streams.
    pub fn give_up(&mut self, code: CloseCode) {
        self.end(code);
        self.outbox = Outbox::default();
        self.share.clear();
    }

    /// Ends the link. The first reason stands.
    pub fn end(&mut self, code: CloseCode) {
        self.end.get_or_insert(code);
        self.wake();
    }

    /// Why the link is to end, if it is, for a link whose socket takes nothing. Otherwise `waker` is called when there is more to write or the
    /// link is to end.
    pub fn ending(&mut self, waker: &Waker) -> Option<CloseCode> {
        if self.end.is_none() {
            self.listen(waker);
        }
        self.end
    }

    /// Streams that are over and whose close still waits.
    #[must_use]
    pub fn closing(&self) -> usize {
        self.closing
    }

    /// The next thing to write. When there is nothing, `waker` is called as soon as there is.
    pub fn next(&mut self, waker: &Waker) -> Left {
        if let Some(code) = self.end {
            return Left::End(code);
        }
        if self.link_frames == 0 {
            if let Some(body) = self.pong.take() {
                return Left::Message(Frame::Pong(body).encode(), None);
            }
            if let Some((stream, amount)) = self.owed.pop_first() {
                return Left::Message(Frame::Credit(stream, amount).encode(), None);
            }
        }
        let Some(out) = self.outbox.pop() else {
            self.outbox.shrink();
            self.listen(waker);
            return Left::Nothing;
        };
        if out.stream.is_some() {
            self.share.remove(&out.message);
        }
        let is = |kind| out.message.get(FRAME_HEADER - 1) == Some(&kind);
        let Some(stream) = out.stream else {
            if !is(kind::OPEN) {
                self.link_frames -= 1;
            }
            return Left::Message(out.message, None);
        };
        if is(kind::CLOSE) {
            self.closing -= 1;
        }
        let data = is(kind::DATA).then(|| (stream, out.message.len() - FRAME_HEADER));
        Left::Message(out.message, data)
    }

    fn push_stream(&mut self, stream: StreamId, message: Bytes) {
        // Nothing more is written to a link that ends.
        if self.end.is_none() {
            self.share.add(&message);
            self.outbox.push_stream(stream, message);
        }
        self.wake();
    }

    fn listen(&mut self, waker: &Waker) {
        match &mut self.waker {
            Some(known) => known.clone_from(waker),
            None => self.waker = Some(waker.clone()),
        }
    }

    /// Calls whoever waits for this leg.
    pub fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(leg: &mut Leg) -> Option<Frame> {
        match leg.next(Waker::noop()) {
            Left::Message(message, _) => {
                Some(Frame::decode(message, lanyard_shared::frame::Leg::Viewer).unwrap())
            }
            Left::End(_) | Left::Nothing => None,
        }
    }

    #[test]
    fn credit_adds_up_to_one_frame_and_goes_before_data() {
        let mut leg = Leg::default();
        leg.push_data(1, b"x");
        leg.owe(1, 10);
        leg.owe(1, 5);
        assert_eq!(next(&mut leg), Some(Frame::Credit(1, 15)));
        assert_eq!(
            next(&mut leg),
            Some(Frame::Data(1, Bytes::from_static(b"x")))
        );
        assert_eq!(next(&mut leg), None);
    }

    #[test]
    fn pings_without_end_cost_one_pong() {
        let mut leg = Leg::default();
        for n in 0..100 {
            leg.pong([n; 8]);
        }
        assert_eq!(next(&mut leg), Some(Frame::Pong([99; 8])));
        assert_eq!(next(&mut leg), None);
    }

    #[test]
    fn a_peer_that_makes_link_frames_pile_up_loses_its_link() {
        let mut leg = Leg::default();
        for _ in 0..=QUEUED_LINK_FRAMES {
            leg.push_link(&Frame::Wake);
        }
        assert!(matches!(
            leg.next(Waker::noop()),
            Left::End(CloseCode::Busy)
        ));
    }

    #[test]
    fn opens_that_wait_do_not_cost_an_agent_its_link() {
        let mut leg = Leg::default();
        let open = Frame::Open(
            1,
            lanyard_shared::frame::Open {
                target: lanyard_shared::frame::Target::Session("grant".to_owned()),
                credit: 1,
                versions: vec![1],
                origin: None,
                first: Bytes::new(),
            },
        );
        for _ in 0..=QUEUED_LINK_FRAMES {
            leg.push_open(&open);
        }
        leg.push_link(&Frame::Wake);
        let waiting = std::iter::from_fn(|| next(&mut leg)).count();
        assert_eq!(waiting, QUEUED_LINK_FRAMES as usize + 2);
        assert_eq!(leg.link_frames, 0);
    }

    #[test]
    fn a_stream_counts_until_its_close_has_left() {
        let mut leg = Leg::default();
        leg.push_data(1, b"last words");
        leg.close(1, CloseCode::Done.into());
        assert_eq!(leg.closing(), 1);
        next(&mut leg);
        assert_eq!(leg.closing(), 1);
        next(&mut leg);
        assert_eq!(leg.closing(), 0);
    }
}
