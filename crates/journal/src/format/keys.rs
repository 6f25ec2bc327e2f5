//! A key file: which events are in a data file, by their keys, so that opening need not read the events.

use super::bytes::Bytes;
use super::{POSITION_MAX, VERSION};
use crate::append::Key;

const MAGIC: [u8; 8] = *b"\xFFAWKEYS\n";

/// The keys of events, oldest first.
pub(crate) type Keys = Vec<(u64, Key)>;

/// What is in a key file, and what is not in any longer for the window's bound.
pub(crate) fn write(sequence: u64, keys: impl Iterator<Item = (u64, Key)>) -> Vec<u8> {
    let mut text = Vec::new();
    text.extend_from_slice(&MAGIC);
    text.extend_from_slice(&VERSION.to_le_bytes());
    text.extend_from_slice(&[0; 4]);
    text.extend_from_slice(&sequence.to_le_bytes());
    // Runs of positions without a gap; there is one, unless something was lost.
    let mut keys = keys.peekable();
    while let Some((first, _)) = keys.peek().copied() {
        let start = text.len();
        text.extend_from_slice(&first.to_le_bytes());
        text.extend_from_slice(&[0; 4]);
        let mut count = 0_u32;
        while let Some((_, key)) = keys.next_if(|(position, _)| *position == first + u64::from(count)) {
            text.extend_from_slice(&key);
            count += 1;
        }
        text[start + 8..start + 12].copy_from_slice(&count.to_le_bytes());
    }
    let sum = crc32c::crc32c(&text);
    text.extend_from_slice(&sum.to_le_bytes());
    text
}

/// Nothing if it is not the whole key file of that data file.
pub(crate) fn read(text: &[u8], sequence: u64) -> Option<Keys> {
    let (text, sum) = text.split_last_chunk::<4>()?;
    if crc32c::crc32c(text) != u32::from_le_bytes(*sum) {
        return None;
    }
    let mut bytes = Bytes(text);
    let head = (bytes.array()?, bytes.u32()?, bytes.u32()?, bytes.u64()?);
    if head != (MAGIC, VERSION, 0, sequence) {
        return None;
    }
    let mut keys = Keys::new();
    while !bytes.0.is_empty() {
        let (first, count) = (bytes.u64()?, bytes.u32()?);
        (first <= POSITION_MAX).then_some(())?;
        for index in 0..u64::from(count) {
            keys.push((first + index, bytes.array()?));
        }
    }
    Some(keys)
}

#[cfg(test)]
mod tests {
    use auditward_base::disk::faulty::Dice;

    use super::*;

    #[test]
    fn read_as_written_with_gaps_and_never_with_a_flipped_bit() {
        let keys: Keys = vec![(3, [1; 16]), (4, [2; 16]), (9, [3; 16]), (10, [4; 16]), (12, [5; 16])];
        let text = write(7, keys.iter().copied());
        assert_eq!(text.len(), 24 + 3 * 12 + 5 * 16 + 4);
        assert_eq!(read(&text, 7), Some(keys));
        assert_eq!(read(&text, 8), None);
        assert_eq!(read(&write(1, [].into_iter()), 1), Some(Keys::new()));
        for bit in 0..text.len() * 8 {
            let mut flipped = text.clone();
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(read(&flipped, 7), None, "bit {bit}");
        }
        for cut in 0..text.len() {
            assert_eq!(read(&text[..cut], 7), None, "cut at {cut}");
        }
    }

    #[test]
    fn whatever_has_a_right_sum_is_read_or_refused() {
        let mut dice = Dice::new(1);
        let text = write(7, (3..20).map(|position| (position, [1; 16])));
        let read_again = |_| {
            let mut text = text[..text.len() - 4].to_vec();
            for _ in 0..=dice.below(3) {
                let at = dice.index(text.len());
                text[at] = dice.roll().to_le_bytes()[0];
            }
            text.truncate(text.len() - dice.index(40));
            let sum = crc32c::crc32c(&text);
            text.extend(sum.to_le_bytes());
            read(&text, 7).is_some()
        };
        let taken = (0..10_000).map(read_again).filter(|taken| *taken).count();
        assert!(taken > 100 && taken < 9_900, "{taken}");
    }
}
