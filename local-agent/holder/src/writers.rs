//! Which input of which writer has been applied: what makes typing happen once.

use crate::limits::WRITERS;

/// Whoever types, under an id chosen at random.
pub(crate) type Writer = [u8; 16];

/// The last number of each of the most recent [`WRITERS`] writers, most recent last.
#[derive(Default)]
pub(crate) struct Writers {
    last: Vec<(Writer, u64)>,
}

/// What to do with an input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The next one: apply it.
    Apply,
    /// Applied before: say so again, with the last number applied.
    Repeat(u64),
    /// Others are missing in between; the number that would be next.
    Gap(u64),
}

impl Writers {
    /// Judges an input and remembers it if it is to be applied.
    pub(crate) fn admit(&mut self, writer: Writer, seq: u64) -> Verdict {
        let last = self.last(writer);
        if seq <= last {
            return Verdict::Repeat(last);
        }
        if seq != last + 1 {
            return Verdict::Gap(last + 1);
        }
        self.last.retain(|(known, _)| *known != writer);
        if self.last.len() == WRITERS {
            self.last.remove(0);
        }
        self.last.push((writer, seq));
        Verdict::Apply
    }

    /// The last number applied; 0 for a writer never seen or forgotten. A forgotten writer that goes on is told of a gap, never applied twice.
    pub(crate) fn last(&self, writer: Writer) -> u64 {
        self.last
            .iter()
            .rev()
            .find(|(known, _)| *known == writer)
            .map_or(0, |(_, seq)| *seq)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_applied_once_and_in_order() {
        let mut writers = Writers::default();
        let me = [1; 16];
        assert_eq!(writers.admit(me, 1), Verdict::Apply);
        assert_eq!(writers.admit(me, 1), Verdict::Repeat(1));
        assert_eq!(writers.admit(me, 3), Verdict::Gap(2));
        assert_eq!(writers.admit(me, 2), Verdict::Apply);
        assert_eq!(writers.admit(me, 0), Verdict::Repeat(2));
        assert_eq!(writers.admit([2; 16], 2), Verdict::Gap(1));
        assert_eq!(writers.admit(me, u64::MAX), Verdict::Gap(3));
    }

    #[test]
    fn the_least_recently_used_writer_is_forgotten_first() {
        let mut writers = Writers::default();
        for at in 0..WRITERS as u8 {
            assert_eq!(writers.admit([at; 16], 1), Verdict::Apply);
        }
        assert_eq!(writers.admit([0; 16], 2), Verdict::Apply);
        assert_eq!(writers.admit([200; 16], 1), Verdict::Apply);
        assert_eq!(writers.last([0; 16]), 2);
        assert_eq!(writers.last([1; 16]), 0);
        assert_eq!(writers.admit([1; 16], 2), Verdict::Gap(1));
    }
}
