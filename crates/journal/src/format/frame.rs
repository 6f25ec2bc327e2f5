//! The first bytes of a frame: what it holds, and what was safe when it was written.
//!
//! They have a checksum of their own, so that a broken body's length and positions can still be trusted. The file's number
//! goes into it: what a file system gives back from an older file is no frame of this one. No text in UTF-8 has the first
//! byte, so nobody can write an event that looks like a frame.

use super::POSITION_MAX;
use super::bytes::Bytes;
use crate::append::{BODY_BYTES_MAX, ENTRIES_MAX};

/// How long they are.
pub(crate) const FRAME_BYTES: usize = 40;

/// How they begin.
pub(crate) const MAGIC: [u8; 4] = [0xFF, b'A', b'W', 0xFE];

/// What a frame holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Events and checkpoints of one append.
    Append,
    /// All checkpoints there are: the first frame of a file.
    Carried,
}

/// What a frame says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    /// Whether the body is packed.
    pub(crate) packed: bool,
    /// How long the body is.
    pub(crate) length: u32,
    /// How many events are in it.
    pub(crate) count: u32,
    /// The position of the first of them, or of the next one to come.
    pub(crate) first: u64,
    /// How much of the file was synced when this was written. What is broken before it was whole once.
    pub(crate) durable: u64,
    pub(crate) body_sum: u32,
}

impl Frame {
    /// The position behind its last event.
    pub(crate) fn end(&self) -> u64 {
        self.first.saturating_add(u64::from(self.count))
    }

    pub(crate) fn bytes(&self) -> u64 {
        FRAME_BYTES as u64 + u64::from(self.length)
    }

    pub(crate) fn write(&self, sequence: u64) -> [u8; FRAME_BYTES] {
        let mut bytes = [0; FRAME_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4] = match self.kind {
            Kind::Append => 1,
            Kind::Carried => 2,
        };
        bytes[5] = u8::from(self.packed);
        // 6, 7: nothing yet.
        bytes[8..12].copy_from_slice(&self.length.to_le_bytes());
        bytes[12..16].copy_from_slice(&self.count.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.first.to_le_bytes());
        bytes[24..32].copy_from_slice(&self.durable.to_le_bytes());
        bytes[32..36].copy_from_slice(&self.body_sum.to_le_bytes());
        let sum = sum(&bytes[..36], sequence);
        bytes[36..].copy_from_slice(&sum.to_le_bytes());
        bytes
    }

    /// Nothing if this is not where a frame begins.
    pub(crate) fn read(text: &[u8], sequence: u64) -> Option<Self> {
        let expected = sum(text.get(..36)?, sequence);
        let mut bytes = Bytes(text);
        if bytes.array()? != MAGIC {
            return None;
        }
        let (kind, packed) = match bytes.array()? {
            [1, packed @ (0 | 1), 0, 0] => (Kind::Append, packed == 1),
            [2, packed @ (0 | 1), 0, 0] => (Kind::Carried, packed == 1),
            _ => return None,
        };
        let (length, count, first, durable) = (bytes.u32()?, bytes.u32()?, bytes.u64()?, bytes.u64()?);
        let frame = Self { kind, packed, length, count, first, durable, body_sum: bytes.u32()? };
        let bounded =
            length as usize <= BODY_BYTES_MAX && count as usize <= ENTRIES_MAX && first <= POSITION_MAX;
        (bounded && bytes.u32()? == expected).then_some(frame)
    }
}

fn sum(bytes: &[u8], sequence: u64) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&sequence.to_le_bytes()), bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn read_as_written_in_its_own_file_only_and_never_with_a_flipped_bit() {
        let frame = Frame {
            kind: Kind::Append,
            packed: true,
            length: 90,
            count: 3,
            first: 70,
            durable: 36,
            body_sum: 5,
        };
        let bytes = frame.write(4);
        assert_eq!(Frame::read(&bytes, 4), Some(frame));
        assert_eq!(Frame::read(&bytes, 5), None);
        assert_eq!(Frame::read(&bytes[..39], 4), None);
        for bit in 0..bytes.len() * 8 {
            let mut flipped = bytes;
            flipped[bit / 8] ^= 1 << (bit % 8);
            assert_eq!(Frame::read(&flipped, 4), None, "bit {bit}");
        }
    }
}
