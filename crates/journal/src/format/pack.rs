//! Bodies made smaller. Events of one append are much alike: a tenth or less is left of most.
//!
//! ```text
//! plain length  4
//! one zstd frame
//! ```
//! It costs a microsecond an event and saves the disk nine bytes of ten, which the API server's etcd next to us wants more
//! than we want the microsecond; and what may wait for a slow reader is ten times as much.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use zstd::bulk::{Compressor, Decompressor};

use super::bytes::Bytes;
use crate::append::BODY_BYTES_MAX;

/// The fastest level that is not a compromise; higher ones take much longer and save little more.
const LEVEL: i32 = 1;

/// What is smaller is not worth it.
const BYTES_MIN: usize = 2 << 10;

/// The most compressors that are kept for the next append; each has about a megabyte.
const KEPT_MAX: usize = 8;

/// Packs for any number of threads.
#[derive(Default)]
pub(crate) struct Packer {
    kept: Mutex<Vec<Compressor<'static>>>,
}

/// Unpacks for one reader.
#[derive(Default)]
pub(crate) struct Unpacker(Option<Decompressor<'static>>);

impl Packer {
    /// Nothing if a quarter at least would not be saved.
    pub(crate) fn pack(&self, plain: &[u8]) -> Option<Vec<u8>> {
        let length = u32::try_from(plain.len()).ok()?;
        if plain.len() < BYTES_MIN {
            return None;
        }
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let mut compressor = kept.map_or_else(|| Compressor::new(LEVEL), Ok).ok()?;
        let mut packed = vec![0; plain.len() / 4 * 3];
        let (head, body) = packed.split_first_chunk_mut::<4>()?;
        *head = length.to_le_bytes();
        let bytes = compressor.compress_to_buffer(plain, body);
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < KEPT_MAX {
            kept.push(compressor);
        }
        drop(kept);
        packed.truncate(4 + bytes.ok()?);
        packed.shrink_to_fit();
        Some(packed)
    }
}

impl Unpacker {
    /// Nothing if it is not what was packed.
    pub(crate) fn unpack(&mut self, packed: &[u8]) -> Option<Vec<u8>> {
        let mut bytes = Bytes(packed);
        let length = bytes.u32()? as usize;
        if length > BODY_BYTES_MAX {
            return None;
        }
        let decompressor = match &mut self.0 {
            Some(decompressor) => decompressor,
            none => none.insert(Decompressor::new().ok()?),
        };
        decompressor.decompress(bytes.0, length).ok().filter(|plain| plain.len() == length)
    }
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Packer")
    }
}

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Unpacker")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacked_as_it_was_and_never_more_than_it_says() {
        let plain = b"{\"kind\":\"Event\"}".repeat(1000);
        let (packer, mut unpacker) = (Packer::default(), Unpacker::default());
        for _ in 0..3 {
            let packed = packer.pack(&plain).unwrap();
            assert!(packed.len() < plain.len() / 50);
            assert_eq!(unpacker.unpack(&packed).unwrap(), plain);
            for cut in 0..packed.len() {
                assert!(unpacker.unpack(&packed[..cut]).is_none(), "{cut}");
            }
        }
        let mut less = packer.pack(&plain).unwrap();
        less[0] -= 1;
        assert!(unpacker.unpack(&less).is_none());
        less[3] = 0xFF;
        assert!(unpacker.unpack(&less).is_none());
    }

    #[test]
    fn what_gains_nothing_stays_as_it_is() {
        let mut dice = auditward_base::disk::faulty::Dice::new(1);
        let noise: Vec<u8> = (0..2000).flat_map(|_| dice.roll().to_le_bytes()).collect();
        assert!(Packer::default().pack(&noise).is_none());
        assert!(Packer::default().pack(b"short").is_none());
        assert!(Packer::default().pack(&[]).is_none());
    }
}
