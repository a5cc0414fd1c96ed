//! How a file of state is written: JSON, and below it a line with its SHA-256. A bit that has flipped on the disk is noticed and not taken for
//! a key, an epoch or a lock that is open.

use ring::digest::{SHA256, digest};
use serde::Serialize;
use serde::de::DeserializeOwned;
use zeroize::Zeroizing;

/// Before the digest, on the last line. What was written before there were digests has none, and is read as it is.
const LABEL: &str = "sha256 ";

/// Why a file says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unread {
    /// It is not as it was written.
    Damaged,
    /// It is whole, and says something that this program does not know.
    Later,
}

/// The bytes of a file that says `value`.
pub(super) fn seal(value: &impl Serialize) -> serde_json::Result<Zeroizing<Vec<u8>>> {
    let mut text = Zeroizing::new(serde_json::to_vec_pretty(value)?);
    let line = format!("\n{LABEL}{}\n", hex(&text));
    text.extend_from_slice(line.as_bytes());
    Ok(text)
}

/// What a file says.
pub(super) fn open<T: DeserializeOwned>(content: &[u8]) -> Result<T, Unread> {
    let Some((text, digest)) = split(content) else {
        return serde_json::from_slice(content).map_err(|_| Unread::Damaged);
    };
    if digest != hex(text).as_bytes() {
        return Err(Unread::Damaged);
    }
    serde_json::from_slice(text).map_err(|_| Unread::Later)
}

/// The text, and the digest below it; `None` where there is none.
fn split(content: &[u8]) -> Option<(&[u8], &[u8])> {
    let content = content.strip_suffix(b"\n").unwrap_or(content);
    let end = content.iter().rposition(|byte| *byte == b'\n')?;
    let (text, line) = content.split_at(end);
    let digest = line.strip_prefix(b"\n")?.strip_prefix(LABEL.as_bytes())?;
    Some((text, digest))
}

fn hex(text: &[u8]) -> String {
    let digest = digest(&SHA256, text);
    digest.as_ref().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    type Pair = (u32, String);

    fn pair() -> Pair {
        (7, "seven".to_owned())
    }

    #[test]
    fn a_file_cut_short_or_with_a_flipped_bit_says_nothing_or_what_was_written()
    -> serde_json::Result<()> {
        let whole = seal(&pair())?;
        assert_eq!(open::<Pair>(&whole), Ok(pair()));
        for length in 0..whole.len() {
            let cut = open::<Pair>(&whole[..length]);
            assert!(cut == Err(Unread::Damaged) || cut == Ok(pair()), "{length}");
        }
        for bit in 0..whole.len() * 8 {
            let mut flipped = whole.to_vec();
            flipped[bit / 8] ^= 1 << (bit % 8);
            let read = open::<Pair>(&flipped);
            // Only the end of the last line may be another one.
            assert!(
                read == Err(Unread::Damaged) || (bit / 8 == whole.len() - 1 && read == Ok(pair())),
                "{bit}: {read:?}"
            );
        }
        Ok(())
    }

    #[test]
    fn a_file_from_before_there_were_digests_is_read() -> serde_json::Result<()> {
        let bare = serde_json::to_vec(&pair())?;
        assert_eq!(open::<Pair>(&bare), Ok(pair()));
        Ok(())
    }

    #[test]
    fn a_whole_file_that_says_something_else_is_of_a_later_version() -> serde_json::Result<()> {
        let later = seal(&serde_json::json!({"new": "field"}))?;
        assert_eq!(open::<Pair>(&later), Err(Unread::Later));
        Ok(())
    }
}
