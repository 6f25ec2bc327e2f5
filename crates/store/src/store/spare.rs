//! A file that only takes room. On a full disk it goes first, so that there is room for the catalogue that lets old events go.

use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use super::Inner;

const SPARE: &str = "spare";

/// More than the catalogue of some thousand files takes.
const SPARE_BYTES: usize = 1 << 20;

/// Whether it is there, as far as is known.
#[derive(Default)]
pub(super) struct Spare(AtomicBool);

impl Inner {
    /// Makes it if it is not there. A disk that has no room for it now may have some later.
    pub(super) fn keep_spare(&self) {
        let is_there = &self.spare.0;
        if !is_there.load(Ordering::Relaxed) {
            let kept = self.bin.disk.replace(&self.spare_path(), &[&noise()]);
            is_there.store(kept.is_ok(), Ordering::Relaxed);
        }
    }

    /// Gives it up. Whether there is more room now.
    pub(super) fn give_up_spare(&self) -> bool {
        self.spare.0.store(false, Ordering::Relaxed);
        let disk = &self.bin.disk;
        disk.remove(&self.spare_path()).and_then(|()| disk.sync_folder(&self.config.folder)).is_ok()
    }

    fn spare_path(&self) -> PathBuf {
        self.config.folder.join(SPARE)
    }
}

/// Bytes that no file system makes smaller.
fn noise() -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..SPARE_BYTES / 8).flat_map(|_| next()).collect()
}
