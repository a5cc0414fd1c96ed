//! Output that shows when a byte of it is lost, doubled or moved: lines of text that no two places share.

/// What most runs send.
pub const BULK: u64 = 64 * 1024 * 1024;
/// One line, with its end.
const LINE: usize = 80;
/// One block: lines, each beginning with its number.
const LINES: usize = 512;

/// Makes the pattern block by block.
#[derive(Debug)]
pub struct Pattern {
    left: u64,
    line: u64,
    block: Vec<u8>,
}

impl Pattern {
    /// The first `bytes` of it.
    #[must_use]
    pub fn new(bytes: u64) -> Self {
        let mut state = 0x9e37_79b9_7f4a_7c15_u64;
        let mut block = vec![0; LINE * LINES];
        for (at, byte) in block.iter_mut().enumerate() {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            *byte = match at % LINE {
                78 => b'\r',
                79 => b'\n',
                _ => b' ' + (state >> 32) as u8 % 95,
            };
        }
        Self {
            left: bytes,
            line: 0,
            block,
        }
    }

    /// The next block, if there is one.
    pub fn next_block(&mut self) -> Option<&[u8]> {
        if self.left == 0 {
            return None;
        }
        for line in self.block.chunks_exact_mut(LINE) {
            let mut number = self.line;
            for digit in line[..10].iter_mut().rev() {
                *digit = b'0' + (number % 10) as u8;
                number /= 10;
            }
            self.line += 1;
        }
        let take = self.left.min(self.block.len() as u64);
        self.left -= take;
        self.block.get(..take as usize)
    }

    /// The SHA-256 of the first `bytes` of it.
    #[must_use]
    pub fn digest(bytes: u64) -> Vec<u8> {
        let mut pattern = Self::new(bytes);
        let mut context = ring::digest::Context::new(&ring::digest::SHA256);
        while let Some(block) = pattern.next_block() {
            context.update(block);
        }
        context.finish().as_ref().to_vec()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    fn whole(bytes: u64) -> Vec<u8> {
        let mut pattern = Pattern::new(bytes);
        let mut out = Vec::new();
        while let Some(block) = pattern.next_block() {
            out.extend_from_slice(block);
        }
        out
    }

    #[test]
    fn it_is_as_long_as_asked_for_and_no_line_comes_twice() {
        let bytes = whole(100_001);
        assert_eq!(bytes.len(), 100_001);
        let lines: Vec<&[u8]> = bytes.chunks(LINE).collect();
        let different: HashSet<&[u8]> = lines.iter().copied().collect();
        assert_eq!(different.len(), lines.len());
    }

    #[test]
    fn a_longer_one_begins_with_a_shorter_one() {
        assert!(whole(90_000).starts_with(&whole(50_000)));
        assert_ne!(Pattern::digest(90_000), Pattern::digest(90_001));
    }
}
