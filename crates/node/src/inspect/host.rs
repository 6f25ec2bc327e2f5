//! A machine to look at: this one, or a folder with what was copied from another.
//!
//! Invariant: with a folder, nothing outside it is read. Links are followed as they would be on the machine itself: an
//! absolute one begins at the folder, and `..` does not leave it.

use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Component, Path, PathBuf};
use std::time::SystemTime;

use auditward_base::clock::micros;

/// The machine that is looked at.
#[derive(Clone, Debug)]
pub struct Host {
    /// `None`: this one.
    root: Option<PathBuf>,
}

/// What a path is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stat {
    /// File, folder or something else.
    pub kind: Kind,
    /// In bytes.
    pub size: u64,
    /// When its content last changed, in microseconds since 1970.
    pub modified: i64,
    /// Permission bits.
    pub mode: u32,
    /// The file system it lies on.
    pub device: u64,
}

/// Kinds of paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A device, a pipe, a socket.
    Other,
}

/// A file system's room, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Space {
    /// All of it.
    pub size: u64,
    /// What programs without privileges may still write.
    pub free: u64,
}

/// How many links one path may go through, as in Linux.
const LINKS_MAX: usize = 40;
/// How many entries of one folder are looked at.
const ENTRIES_MAX: usize = 1 << 17;

impl Host {
    /// This machine.
    pub fn live() -> Self {
        Self { root: None }
    }

    /// A folder that stands for a machine's `/`.
    pub fn at(root: &Path) -> io::Result<Self> {
        if !fs::metadata(root)?.is_dir() {
            return Err(io::Error::from(io::ErrorKind::NotADirectory));
        }
        Ok(Self { root: Some(root.to_owned()) })
    }

    /// Whether it is this machine, and not a folder.
    pub fn is_live(&self) -> bool {
        self.root.is_none()
    }

    /// A file's content, of at most `bytes_max` bytes; a larger one is an error, and so is what is no regular file.
    pub fn read(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let file = self.open(path)?;
        let mut bytes = Vec::new();
        file.take(bytes_max + 1).read_to_end(&mut bytes)?;
        if bytes.len() as u64 > bytes_max {
            let told = format!("larger than {bytes_max} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, told));
        }
        Ok(bytes)
    }

    /// At most the first `bytes_max` bytes of a file.
    pub fn head(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        self.open(path)?.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// At most the last `bytes_max` bytes of a file.
    pub fn tail(&self, path: &str, bytes_max: u64) -> io::Result<Vec<u8>> {
        let mut file = self.open(path)?;
        let size = file.metadata()?.len();
        file.seek(SeekFrom::Start(size.saturating_sub(bytes_max)))?;
        let mut bytes = Vec::new();
        file.take(bytes_max).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    /// The names in a folder, sorted. Those that are no text can't be asked for, and are left out.
    pub fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.resolve(path)?)?.take(ENTRIES_MAX);
        let mut names = Vec::new();
        for entry in entries {
            names.extend(entry?.file_name().into_string().ok());
        }
        names.sort_unstable();
        Ok(names)
    }

    /// What a path is, links followed.
    pub fn stat(&self, path: &str) -> io::Result<Stat> {
        let metadata = fs::metadata(self.resolve(path)?)?;
        let kind = if metadata.is_file() {
            Kind::File
        } else if metadata.is_dir() {
            Kind::Folder
        } else {
            Kind::Other
        };
        Ok(Stat {
            kind,
            size: metadata.len(),
            modified: micros(metadata.modified().unwrap_or(SystemTime::UNIX_EPOCH)),
            mode: metadata.mode() & 0o7777,
            device: metadata.dev(),
        })
    }

    /// Whether there is anything at a path. What can't be looked at is taken to be there.
    pub fn exists(&self, path: &str) -> bool {
        self.stat(path).map_or_else(|error| !is_absent(&error), |_| true)
    }

    /// The room on the file system that a path lies on.
    pub fn space(&self, path: &str) -> io::Result<Space> {
        let room = rustix::fs::statvfs(&self.resolve(path)?)?;
        Ok(Space {
            size: room.f_blocks.saturating_mul(room.f_frsize),
            free: room.f_bavail.saturating_mul(room.f_frsize),
        })
    }

    fn open(&self, path: &str) -> io::Result<File> {
        // A pipe without a writer would hold us up for ever.
        let flags = rustix::fs::OFlags::NONBLOCK.bits().cast_signed();
        let file = File::options().read(true).custom_flags(flags).open(self.resolve(path)?)?;
        let metadata = file.metadata()?;
        if metadata.is_dir() {
            return Err(io::Error::new(io::ErrorKind::IsADirectory, "is a directory"));
        }
        if !metadata.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "is no regular file"));
        }
        Ok(file)
    }

    /// Where a path of the machine lies on ours.
    fn resolve(&self, path: &str) -> io::Result<PathBuf> {
        let Some(root) = &self.root else { return Ok(PathBuf::from(path)) };
        let mut todo: Vec<OsString> = parts(Path::new(path));
        let mut here = PathBuf::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            if part == ".." {
                here.pop();
                continue;
            }
            let next = here.join(&part);
            let there = root.join(&next);
            if !fs::symlink_metadata(&there)?.is_symlink() {
                here = next;
                continue;
            }
            links += 1;
            if links > LINKS_MAX {
                return Err(io::Error::other("too many links"));
            }
            let target = fs::read_link(&there)?;
            if target.is_absolute() {
                here = PathBuf::new();
            }
            todo.extend(parts(&target));
        }
        Ok(root.join(here))
    }
}

/// Whether an error says that there is nothing.
pub(super) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// Whether a file's name ends with one of these, exactly as programs that read folders compare it.
pub(super) fn has_extension(name: &str, extensions: &[&str]) -> bool {
    let own = Path::new(name).extension().and_then(OsStr::to_str);
    own.is_some_and(|own| extensions.contains(&own))
}

/// The names and `..`s of a path, the last one first.
fn parts(path: &Path) -> Vec<OsString> {
    let part = |component| match component {
        Component::Normal(name) => Some(name),
        Component::ParentDir => Some(OsStr::new("..")),
        Component::RootDir | Component::CurDir | Component::Prefix(_) => None,
    };
    path.components().rev().filter_map(part).map(OsStr::to_owned).collect()
}
