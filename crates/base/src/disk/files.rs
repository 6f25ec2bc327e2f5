//! Files that a store is made of, behind a trait, so that tests can take the power away at any moment.
//!
//! ```text
//! create → append … → sync            the bytes survive a loss of power, the name may not yet
//!        → sync_folder                now the name does too
//! replace = create NAME.new, append, sync, rename, sync_folder: the old content or the new, never half
//! ```
//! What is not synced may be there after a loss of power, or not, or in part, and its parts in any order. After a sync
//! that failed nobody knows what of the file's new bytes will be there, and a later sync does not mend that.

use std::fmt::Debug;
use std::fs::{self, File};
use std::io::{self, IoSlice, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, FileExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::{NOFOLLOW, folder_of};

/// Where files are. Paths are used as they are given.
pub trait Disk: Debug + Send + Sync {
    /// A new, empty file, for appending and reading. One of that name must not be there.
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// A file that is there, for appending and reading.
    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>>;

    /// The files of a folder by name, without its folders.
    fn list(&self, folder: &Path) -> io::Result<Vec<Found>>;

    /// A folder with all those above it. Nothing happens if it is there.
    fn create_folder(&self, folder: &Path) -> io::Result<()>;

    /// Gives a file another name in the same folder; a file that has it already is gone.
    fn rename(&self, from: &Path, to: &Path) -> io::Result<()>;

    /// Takes a file's name away; who has it open can still read it.
    fn remove(&self, path: &Path) -> io::Result<()>;

    /// Makes what was created, renamed or removed in a folder survive a loss of power.
    fn sync_folder(&self, folder: &Path) -> io::Result<()>;

    /// The bytes that we may still write to the file system of this folder.
    fn free(&self, folder: &Path) -> io::Result<u64>;

    /// Writes a file of this content, whether or not there is one: afterwards and after a loss of power it is the old
    /// one or the new one. `NAME.new` is what an earlier attempt may have left.
    fn replace(&self, path: &Path, parts: &[&[u8]]) -> io::Result<()> {
        let beside = new_name(path);
        match self.remove(&beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let written = self.create(&beside).and_then(|file| {
            file.append(parts)?;
            file.sync()?;
            self.rename(&beside, path)
        });
        if written.is_err() {
            // The first error is the one to tell.
            _ = self.remove(&beside);
        }
        written?;
        self.sync_folder(folder_of(path))
    }

    /// The whole of a file that has at most `bytes_max`; a larger one is an error of kind `FileTooLarge`.
    fn read(&self, path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let bytes = file.bytes()?;
        if bytes > bytes_max {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let mut text = vec![0; usize::try_from(bytes).map_err(io::Error::other)?];
        let mut done = 0;
        while done < text.len() {
            match file.read_at(done as u64, &mut text[done..])? {
                0 => break,
                more => done += more,
            }
        }
        text.truncate(done);
        Ok(text)
    }
}

/// A file of a [`Disk`]. Several threads may read while one appends.
pub trait DiskFile: Debug + Send + Sync {
    /// Adds the parts at the end. After an error some of the bytes may be there.
    fn append(&self, parts: &[&[u8]]) -> io::Result<()>;

    /// Reads what is at `offset`; fewer bytes than asked for only at the end, none behind it.
    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize>;

    /// How long it is.
    fn bytes(&self) -> io::Result<u64>;

    /// Cuts the file to that length; a shorter file stays as it is.
    fn truncate(&self, bytes: u64) -> io::Result<()>;

    /// Makes bytes and length survive a loss of power. Once this has failed for a file, do not trust what was appended
    /// since it last succeeded, whatever later calls say.
    fn sync(&self) -> io::Result<()>;
}

/// A file in a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// Its name, without the folder. Names that are not UTF-8 are not listed: nobody here gives such.
    pub name: String,
    /// How long it is.
    pub bytes: u64,
}

/// Whether this is because there is no more room for whoever writes.
pub fn is_full(error: &io::Error) -> bool {
    use io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// What [`Disk::replace`] calls a file while it writes it.
pub fn new_name(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    name.into()
}

/// The real one. Files are ours alone (mode 0600), folders too (0700).
#[derive(Clone, Copy, Debug, Default)]
pub struct OsDisk;

impl Disk for OsDisk {
    fn create(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = File::options();
        options.create_new(true).append(true).read(true).mode(0o600).custom_flags(NOFOLLOW);
        Ok(Arc::new(OsFile(options.open(path)?)))
    }

    fn open(&self, path: &Path) -> io::Result<Arc<dyn DiskFile>> {
        let mut options = File::options();
        options.append(true).read(true).custom_flags(NOFOLLOW);
        Ok(Arc::new(OsFile(options.open(path)?)))
    }

    fn list(&self, folder: &Path) -> io::Result<Vec<Found>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(folder)? {
            let entry = entry?;
            // Another thread may have removed it since.
            let about = match entry.metadata() {
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                about => about?,
            };
            if let (true, Ok(name)) = (about.is_file(), entry.file_name().into_string()) {
                all.push(Found { name, bytes: about.len() });
            }
        }
        all.sort_by(|left, right| left.name.cmp(&right.name));
        Ok(all)
    }

    fn create_folder(&self, folder: &Path) -> io::Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        if let Some(above) = folder.parent().filter(|above| !above.as_os_str().is_empty()) {
            self.create_folder(above)?;
        }
        match fs::DirBuilder::new().mode(0o700).create(folder) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && folder.is_dir() => {}
            made => made?,
        }
        self.sync_folder(folder_of(folder))
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        fs::rename(from, to)
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        fs::remove_file(path)
    }

    fn sync_folder(&self, folder: &Path) -> io::Result<()> {
        super::sync_folder(folder)
    }

    fn free(&self, folder: &Path) -> io::Result<u64> {
        let about = rustix::fs::statvfs(folder)?;
        Ok(about.f_bavail.saturating_mul(about.f_frsize))
    }
}

#[derive(Debug)]
struct OsFile(File);

impl DiskFile for OsFile {
    fn append(&self, parts: &[&[u8]]) -> io::Result<()> {
        let mut slices: Vec<_> = parts.iter().map(|part| IoSlice::new(part)).collect();
        let mut rest = &mut slices[..];
        // Empty parts at the front would look like a disk that takes nothing.
        IoSlice::advance_slices(&mut rest, 0);
        while !rest.is_empty() {
            match (&self.0).write_vectored(rest) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => IoSlice::advance_slices(&mut rest, written),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, into: &mut [u8]) -> io::Result<usize> {
        let mut done = 0;
        while done < into.len() {
            match self.0.read_at(&mut into[done..], offset + done as u64) {
                Ok(0) => break,
                Ok(more) => done += more,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    fn bytes(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn truncate(&self, bytes: u64) -> io::Result<()> {
        if self.bytes()? > bytes { self.0.set_len(bytes) } else { Ok(()) }
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    use super::super::faulty::FaultyDisk;
    use super::*;

    /// What any disk must do, whatever it is made of.
    fn check(disk: &dyn Disk, folder: &Path) {
        disk.create_folder(folder).unwrap();
        disk.create_folder(folder).unwrap();
        let path = folder.join("one");
        let file = disk.create(&path).unwrap();
        assert_eq!(disk.create(&path).unwrap_err().kind(), io::ErrorKind::AlreadyExists);
        file.append(&[b"", b"abc", b"", b"defg"]).unwrap();
        file.append(&[]).unwrap();
        disk.open(&path).unwrap().append(&[b"hi"]).unwrap();
        let mut text = [0; 4];
        assert_eq!(file.read_at(2, &mut text).unwrap(), 4);
        assert_eq!(&text, b"cdef");
        assert_eq!(file.read_at(7, &mut text).unwrap(), 2);
        assert_eq!(file.read_at(90, &mut text).unwrap(), 0);
        file.truncate(8).unwrap();
        file.truncate(20).unwrap();
        assert_eq!(file.bytes().unwrap(), 8);
        file.sync().unwrap();
        assert_eq!(disk.read(&path, 8).unwrap(), b"abcdefgh");
        assert_eq!(disk.read(&path, 7).unwrap_err().kind(), io::ErrorKind::FileTooLarge);

        disk.replace(&folder.join("two"), &[b"2", b"2"]).unwrap();
        disk.replace(&folder.join("two"), &[b"22", b"2"]).unwrap();
        disk.rename(&path, &folder.join("a")).unwrap();
        let names =
            || -> Vec<_> { disk.list(folder).unwrap().into_iter().map(|f| (f.name, f.bytes)).collect() };
        assert_eq!(names(), [("a".to_owned(), 8), ("two".to_owned(), 3)]);
        disk.remove(&folder.join("a")).unwrap();
        disk.sync_folder(folder).unwrap();
        assert_eq!(names(), [("two".to_owned(), 3)]);
        // Who has it open can still read it.
        assert_eq!(file.read_at(0, &mut text).unwrap(), 4);
        for absent in [disk.open(&path).map(drop), disk.remove(&path), disk.rename(&path, &folder.join("b"))]
        {
            assert_eq!(absent.unwrap_err().kind(), io::ErrorKind::NotFound);
        }
        assert!(disk.create(&folder.join("absent/file")).is_err());
        assert!(disk.free(folder).unwrap() > 0);
    }

    #[test]
    fn the_real_disk() {
        let folder = std::env::temp_dir().join(format!("auditward-os-disk-{}", std::process::id()));
        check(&OsDisk, &folder.join("below/it"));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn the_faulty_disk_without_faults() {
        check(&FaultyDisk::new(1), Path::new("/data/below/it"));
    }
}
