//! Input on its way: numbered, kept until applied, sent again under the same number or given back to the person. Never lost in silence.

use super::Unsent;
use crate::limits::INPUT_PIECE;
use bytes::Bytes;
use lanyard_dial::sabotage::{Guarantee, is_off};
use lanyard_shared::close::CloseCode;
use lanyard_shared::limits::INPUT_RESEND;
use lanyard_shared::time::Mono;
use std::collections::VecDeque;

/// The inputs of one writer that are not known to be applied, in order.
#[derive(Debug)]
pub(super) struct Typed {
    queue: VecDeque<Input>,
    /// The number of the next input that is queued.
    next: u64,
    /// How many of the queue were sent on the present stream.
    sent: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Input {
    seq: u64,
    bytes: Bytes,
    typed: Mono,
    /// Sent on some stream: it may be applied, and its number is taken.
    tried: bool,
}

impl Default for Typed {
    fn default() -> Self {
        Self {
            queue: VecDeque::new(),
            next: 1,
            sent: 0,
            bytes: 0,
        }
    }
}

impl Typed {
    /// Queues what was typed.
    pub fn push(&mut self, mut bytes: Bytes, now: Mono) {
        while !bytes.is_empty() {
            let piece = bytes.split_to(bytes.len().min(INPUT_PIECE));
            self.bytes += piece.len();
            self.queue.push_back(Input {
                seq: self.next,
                bytes: piece,
                typed: now,
                tried: false,
            });
            self.next += 1;
        }
    }

    /// Bytes not known to be applied.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// True when some were sent on the present stream and not answered.
    pub fn in_doubt(&self) -> bool {
        self.sent > 0
    }

    /// The next input to send on the present stream.
    pub fn peek(&self) -> Option<(u64, Bytes)> {
        self.queue
            .get(self.sent)
            .map(|input| (input.seq, input.bytes.clone()))
    }

    /// What [`Typed::peek`] showed was sent.
    pub fn mark_sent(&mut self) {
        if let Some(input) = self.queue.get_mut(self.sent) {
            input.tried = true;
            self.sent += 1;
        }
    }

    /// The stream is gone; what was sent on it may or may not have been applied.
    pub fn stream_lost(&mut self) {
        self.sent = 0;
    }

    /// All inputs up to `seq` are applied.
    pub fn applied(&mut self, seq: u64) -> Result<(), CloseCode> {
        if seq >= self.next {
            return Err(CloseCode::InputGap);
        }
        while self.queue.front().is_some_and(|input| input.seq <= seq) {
            self.pop();
            self.sent = self.sent.saturating_sub(1);
        }
        Ok(())
    }

    /// A new stream stands, and `last` was applied last: the rest is sent again under its numbers if the first of it is young enough and
    /// this viewer drives. Returns what is not: later input without the earlier would mean something else, so it is all or nothing.
    pub fn opened(
        &mut self,
        last: u64,
        drives: bool,
        now: Mono,
    ) -> Result<Option<(Unsent, Bytes)>, CloseCode> {
        self.sent = 0;
        if is_off(Guarantee::Once) {
            self.renumber(last);
        }
        self.applied(last)?;
        if is_off(Guarantee::Resend) {
            while self.queue.front().is_some_and(|first| first.tried) {
                self.pop();
            }
        }
        if self.queue.front().is_none_or(|first| !first.tried) {
            self.renumber(last);
        }
        let first = self.queue.front();
        let why = match first {
            None => return Ok(None),
            Some(_) if !drives => Unsent::NotDriving,
            Some(first) if now.since(first.typed) >= INPUT_RESEND || first.seq != last + 1 => {
                Unsent::TooOld
            }
            Some(_) => return Ok(None),
        };
        let back = self.take_all();
        self.next = last + 1;
        Ok(Some((why, back)))
    }

    /// Gives back what has waited for a stream for too long without ever being sent.
    pub fn expire(&mut self, now: Mono) -> Option<Bytes> {
        self.expires()
            .is_some_and(|at| at <= now)
            .then(|| self.take_all())
    }

    /// When [`Typed::expire`] has something.
    pub fn expires(&self) -> Option<Mono> {
        self.queue
            .front()
            .filter(|first| !first.tried)
            .map(|first| first.typed + INPUT_RESEND)
    }

    /// Numbers that nobody has seen go on from `last`.
    fn renumber(&mut self, last: u64) {
        self.next = last + 1;
        for input in &mut self.queue {
            input.seq = self.next;
            self.next += 1;
        }
    }

    /// Gives back what a stream that stands has not been sent: its numbers were seen by nobody, or not applied.
    pub fn give_back(&mut self) -> Bytes {
        if let Some(first) = self.queue.front() {
            self.next = first.seq;
        }
        self.take_all()
    }

    /// Gives everything back.
    pub fn take_all(&mut self) -> Bytes {
        let mut all = Vec::with_capacity(self.bytes);
        while let Some(input) = self.pop() {
            all.extend_from_slice(&input.bytes);
        }
        self.sent = 0;
        all.into()
    }

    fn pop(&mut self) -> Option<Input> {
        let input = self.queue.pop_front()?;
        self.bytes -= input.bytes.len();
        Some(input)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const T0: Mono = Mono::from_secs(100);

    fn typed(texts: &[&'static str]) -> Typed {
        let mut typed = Typed::default();
        for text in texts {
            typed.push(Bytes::from_static(text.as_bytes()), T0);
        }
        typed
    }

    fn send(typed: &mut Typed) -> (u64, Bytes) {
        let next = typed.peek().unwrap();
        typed.mark_sent();
        next
    }

    #[test]
    fn unacknowledged_input_is_sent_once_more_under_the_same_number() {
        let mut typed = typed(&["a", "b"]);
        send(&mut typed);
        let second = send(&mut typed);
        assert_eq!(typed.peek(), None);
        typed.stream_lost();
        assert_eq!(typed.opened(1, true, T0 + Duration::from_secs(9)), Ok(None));
        assert_eq!(send(&mut typed), second);
        assert_eq!(typed.peek(), None);
    }

    #[test]
    fn after_ten_seconds_it_is_given_back_and_its_numbers_are_free() {
        let mut typed = typed(&["a", "b"]);
        send(&mut typed);
        typed.stream_lost();
        assert_eq!(
            typed.opened(1, true, T0 + INPUT_RESEND),
            Ok(Some((Unsent::TooOld, Bytes::from_static(b"b"))))
        );
        typed.push(Bytes::from_static(b"c"), T0);
        assert_eq!(typed.peek(), Some((2, Bytes::from_static(b"c"))));
    }

    #[test]
    fn younger_input_is_not_sent_without_the_older_before_it() {
        let mut typed = typed(&["rm -r "]);
        typed.push(Bytes::from_static(b"x\r"), T0 + Duration::from_secs(9));
        let back = Bytes::from_static(b"rm -r x\r");
        assert_eq!(
            typed.opened(0, true, T0 + INPUT_RESEND),
            Ok(Some((Unsent::TooOld, back)))
        );
    }

    #[test]
    fn input_from_before_a_take_over_is_given_back() {
        let mut typed = typed(&["a"]);
        assert_eq!(
            typed.opened(0, false, T0),
            Ok(Some((Unsent::NotDriving, Bytes::from_static(b"a"))))
        );
    }

    #[test]
    fn input_that_was_never_sent_is_given_back_after_ten_seconds_without_a_stream() {
        let mut typed = typed(&["a"]);
        assert_eq!(typed.expire(T0 + Duration::from_secs(9)), None);
        assert_eq!(
            typed.expire(T0 + INPUT_RESEND),
            Some(Bytes::from_static(b"a"))
        );
        typed.push(Bytes::from_static(b"b"), T0);
        assert_eq!(typed.opened(0, true, T0), Ok(None));
        assert_eq!(send(&mut typed), (1, Bytes::from_static(b"b")));
    }

    #[test]
    fn input_that_was_sent_waits_to_hear_whether_it_was_applied() {
        let mut typed = typed(&["a"]);
        send(&mut typed);
        typed.stream_lost();
        assert_eq!(typed.expire(T0 + INPUT_RESEND), None);
        assert_eq!(typed.opened(1, true, T0 + INPUT_RESEND), Ok(None));
        assert!(typed.is_empty());
    }

    #[test]
    fn numbers_of_input_that_was_given_back_unsent_are_used_again() {
        let mut typed = typed(&["a", "b"]);
        assert_eq!(typed.give_back(), "ab");
        typed.push(Bytes::from_static(b"c"), T0);
        assert_eq!(send(&mut typed), (1, Bytes::from_static(b"c")));
    }

    #[test]
    fn an_answer_to_input_never_typed_is_refused() {
        assert_eq!(typed(&["a"]).applied(2), Err(CloseCode::InputGap));
        assert_eq!(
            Typed::default().opened(1, true, T0),
            Err(CloseCode::InputGap)
        );
    }

    #[test]
    fn a_paste_is_cut_into_numbered_pieces_and_comes_back_whole() {
        let mut typed = Typed::default();
        let paste = Bytes::from(vec![b'x'; 2 * INPUT_PIECE + 1]);
        typed.push(paste.clone(), T0);
        assert_eq!((typed.bytes(), typed.next), (paste.len(), 4));
        assert_eq!(typed.take_all(), paste);
        assert_eq!(typed.bytes(), 0);
    }
}
