//! The last bytes of output under absolute offsets.

use crate::limits::RING_BYTES;

/// Keeps [`RING_BYTES`] bytes. Offsets count from the first byte ever pushed and never wrap in practice (`u64`).
///
/// The memory is asked for at once and touched only as output comes, so the pages of a quiet terminal are never there.
pub(crate) struct Ring {
    bytes: Box<[u8]>,
    head: u64,
}

impl Ring {
    pub(crate) fn new() -> Self {
        Self {
            bytes: vec![0; RING_BYTES].into_boxed_slice(),
            head: 0,
        }
    }

    /// Offset after the newest byte.
    pub(crate) fn head(&self) -> u64 {
        self.head
    }

    /// Offset of the oldest byte still here.
    pub(crate) fn tail(&self) -> u64 {
        self.head.saturating_sub(RING_BYTES as u64)
    }

    /// Where the next bytes go, at most `max` of them and often fewer. What is written there takes the place of the oldest bytes
    /// only when [`Ring::commit`] says how much it was.
    pub(crate) fn space(&mut self, max: usize) -> &mut [u8] {
        let start = index(self.head);
        let end = start.saturating_add(max).min(RING_BYTES);
        &mut self.bytes[start..end]
    }

    /// Takes the first `written` bytes of [`Ring::space`].
    pub(crate) fn commit(&mut self, written: usize) {
        self.head += written as u64;
    }

    /// At most `max` bytes from `offset` on, in two parts as the ring closes. Empty if `offset` is not in the ring.
    pub(crate) fn slices(&self, offset: u64, max: usize) -> (&[u8], &[u8]) {
        if offset < self.tail() || offset >= self.head {
            return (&[], &[]);
        }
        let count = usize::try_from(self.head - offset)
            .unwrap_or(usize::MAX)
            .min(max);
        let start = index(offset);
        let first = count.min(RING_BYTES - start);
        (
            &self.bytes[start..start + first],
            &self.bytes[..count - first],
        )
    }
}

fn index(offset: u64) -> usize {
    (offset % RING_BYTES as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    fn push(ring: &mut Ring, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = ring.space(bytes.len());
            let count = space.len();
            space.copy_from_slice(&bytes[..count]);
            ring.commit(count);
            bytes = &bytes[count..];
        }
    }

    fn read(ring: &Ring, offset: u64, max: usize) -> Vec<u8> {
        let (first, second) = ring.slices(offset, max);
        [first, second].concat()
    }

    #[test]
    fn offsets_stay_absolute_when_the_ring_closes() {
        let mut ring = Ring::new();
        let pattern: Vec<u8> = (0..RING_BYTES as u64 * 2 + 777)
            .map(|at| (at % 251) as u8)
            .collect();
        for part in pattern.chunks(99_991) {
            push(&mut ring, part);
            let (head, tail) = (ring.head(), ring.tail());
            assert!(head - tail <= RING_BYTES as u64);
            for offset in [tail, (head + tail) / 2, head - 1] {
                assert_eq!(
                    read(&ring, offset, 5000),
                    pattern[offset as usize..head as usize][..5000.min((head - offset) as usize)]
                );
            }
        }
        assert_eq!(ring.head(), pattern.len() as u64);
    }

    #[test]
    fn nothing_is_read_from_outside_the_ring() {
        let mut ring = Ring::new();
        assert!(read(&ring, 0, 10).is_empty());
        push(&mut ring, &vec![1; RING_BYTES + 10]);
        assert_eq!(ring.tail(), 10);
        assert!(read(&ring, 9, 10).is_empty());
        assert!(read(&ring, ring.head(), 10).is_empty());
        assert!(read(&ring, u64::MAX, 10).is_empty());
        assert_eq!(read(&ring, 10, 10).len(), 10);
    }

    #[test]
    fn space_that_is_not_committed_takes_nothing_away() {
        let mut ring = Ring::new();
        push(&mut ring, &vec![7; RING_BYTES]);
        ring.space(100)[..3].copy_from_slice(b"abc");
        ring.commit(3);
        assert_eq!(ring.tail(), 3);
        assert_eq!(read(&ring, 3, 5), [7; 5]);
        assert_eq!(read(&ring, ring.head() - 3, 5), b"abc");
    }
}
