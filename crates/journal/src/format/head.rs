//! The first bytes of a data file.

use super::bytes::Bytes;
use super::{POSITION_MAX, VERSION};

/// How long it is.
pub(crate) const HEAD_BYTES: usize = 44;

const MAGIC: [u8; 8] = *b"\xFFAWJRNL\n";

/// What a data file says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) sequence: u64,
    /// The position of its first event. What the file before it has from here on does not count.
    pub(crate) first: u64,
    /// The position behind the last event that the file began with: what an opened journal took over from a tail that
    /// nobody had vouched for.
    pub(crate) next: u64,
}

/// What the first bytes are instead.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum NoHead {
    Damaged,
    /// A later format.
    Newer(u32),
}

impl Head {
    pub(crate) fn write(self) -> [u8; HEAD_BYTES] {
        let mut bytes = [0; HEAD_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..12].copy_from_slice(&VERSION.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.sequence.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.first.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.next.to_le_bytes());
        let sum = crc32c::crc32c(&bytes[..40]);
        bytes[40..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    pub(crate) fn read(text: &[u8]) -> Result<Self, NoHead> {
        let read = || {
            let sum = crc32c::crc32c(text.get(..40)?);
            let mut bytes = Bytes(text);
            let (magic, version, zero) = (bytes.array()?, bytes.u32()?, bytes.u32()?);
            let head = Self { sequence: bytes.u64()?, first: bytes.u64()?, next: bytes.u64()? };
            let bounded = head.first <= POSITION_MAX && head.next <= POSITION_MAX;
            (magic == MAGIC && zero == 0 && bounded && bytes.u32()? == sum).then_some((version, head))
        };
        match read().ok_or(NoHead::Damaged)? {
            (VERSION, head) => Ok(head),
            (version, _) => Err(NoHead::Newer(version)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_as_written_and_never_with_a_flipped_bit() {
        let head = Head { sequence: 7, first: 1 << 40, next: 1 << 41 };
        let bytes = head.write();
        assert_eq!(Head::read(&bytes), Ok(head));
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Head::read(&flipped), Err(NoHead::Damaged), "bit {bit}");
        }
        assert_eq!(Head::read(&bytes[..43]), Err(NoHead::Damaged));
    }

    #[test]
    fn a_later_format_is_told_from_damage() {
        let mut bytes = Head { sequence: 7, first: 3, next: 3 }.write();
        bytes[8] = 2;
        let sum = crc32c::crc32c(&bytes[..40]);
        bytes[40..].copy_from_slice(&sum.to_le_bytes());
        assert_eq!(Head::read(&bytes), Err(NoHead::Newer(2)));
    }
}
