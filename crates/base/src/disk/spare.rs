//! A file that only takes room. On a full disk it goes first, so that there is room for what lets more go.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::Disk;

/// See the module.
#[derive(Debug)]
pub struct Spare {
    folder: PathBuf,
    bytes: usize,
    /// As far as is known.
    is_there: AtomicBool,
}

impl Spare {
    /// Its name.
    pub const NAME: &str = "spare";

    /// One in this folder, of so many bytes.
    pub fn new(folder: &Path, bytes: usize) -> Self {
        Spare { folder: folder.to_owned(), bytes, is_there: AtomicBool::new(false) }
    }

    /// Makes it if it is not there. A disk that has no room for it now may have some later.
    pub fn keep(&self, disk: &dyn Disk) {
        if !self.is_there.load(Ordering::Relaxed) {
            let kept = self.is_found(disk) || disk.replace(&self.path(), &[&noise(self.bytes)]).is_ok();
            self.is_there.store(kept, Ordering::Relaxed);
        }
    }

    /// Whether an earlier process has made it.
    fn is_found(&self, disk: &dyn Disk) -> bool {
        let size = disk.open(&self.path()).and_then(|file| file.bytes());
        size.is_ok_and(|size| size == self.bytes as u64)
    }

    /// Gives it up. Whether there is more room now.
    pub fn give_up(&self, disk: &dyn Disk) -> bool {
        self.is_there.store(false, Ordering::Relaxed);
        disk.remove(&self.path()).and_then(|()| disk.sync_folder(&self.folder)).is_ok()
    }

    fn path(&self) -> PathBuf {
        self.folder.join(Self::NAME)
    }
}

/// Bytes that no file system makes smaller.
fn noise(bytes: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..bytes / 8).flat_map(|_| next()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::disk::faulty::FaultyDisk;

    #[test]
    fn it_is_made_once_and_given_up_once() {
        const FOLDER: &str = "/data";
        let disk = FaultyDisk::new(1);
        disk.create_folder(Path::new(FOLDER)).unwrap();
        let spare = || Spare::new(Path::new(FOLDER), 4096);
        let path = Path::new(FOLDER).join(Spare::NAME);
        let text = || disk.read(&path, u64::MAX).unwrap();
        spare().keep(&disk);
        assert_eq!(text(), noise(4096));
        // Whose content does not matter: it is not written again.
        disk.replace(&path, &[&[7; 4096]]).unwrap();
        spare().keep(&disk);
        assert_eq!(text(), [7; 4096]);
        // One of another size is.
        disk.replace(&path, &[&[7; 10]]).unwrap();
        let kept = spare();
        kept.keep(&disk);
        assert_eq!(text().len(), 4096);
        assert!(kept.give_up(&disk) && !kept.give_up(&disk));
        kept.keep(&disk);
        assert_eq!(text().len(), 4096);
    }
}
