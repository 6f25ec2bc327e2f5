//! Files that are the old one or the new one at every moment, and stay so when the machine loses its power.
//!
//! ```text
//! .NAME.PID.new   written, its owner, mode and labels set, synced
//! NAME            renamed over, the folder synced
//! ```
//! The name begins with a dot because programs that watch a folder for files, the kubelet among them, pass such names
//! over.
//!
//! [`Disk`] is the same for stores that keep many files and must be tested without power.

pub mod faulty;
mod files;
mod spare;

use std::ffi::OsStr;
use std::fs::{self, File, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, fgetxattr, flistxattr, fsetxattr};
use rustix::io::Errno;

pub use files::{Disk, DiskFile, Found, OsDisk, is_full, new_name};
pub use spare::Spare;

/// Who may do what with a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Access {
    /// Permission bits, as `0o600`.
    pub mode: u32,
    /// The owner's and the group's number; `None` leaves them to be whoever writes.
    pub owner: Option<(u32, u32)>,
}

/// Replaces a file's content. Owner, mode, access control lists and SELinux label stay. A symbolic link's target is
/// replaced, not the link; of several hard links only this one sees the new content.
pub fn replace(path: &Path, text: &[u8]) -> io::Result<()> {
    replace_with(path, |out| out.write_all(text))
}

/// The same of a content that is too long to be held in memory as a whole: `fill` writes it, piece by piece.
pub fn replace_with(path: &Path, fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>) -> io::Result<()> {
    let path = fs::canonicalize(path)?;
    write_beside(&path, fill, |file| {
        let old = File::open(&path)?;
        let (was, is) = (old.metadata()?, file.metadata()?);
        if (was.uid(), was.gid()) != (is.uid(), is.gid()) {
            std::os::unix::fs::fchown(file, Some(was.uid()), Some(was.gid()))?;
        }
        // After the owner: changing that takes set-user-id bits away.
        file.set_permissions(Permissions::from_mode(was.mode() & 0o7777))?;
        copy_attributes(&old, file)
    })
}

/// Writes a file of this content, whether or not there is one. The folder must exist.
pub fn write(path: &Path, text: &[u8], access: Access) -> io::Result<()> {
    write_with(path, access, |out| out.write_all(text))
}

/// The same, piece by piece, as [`replace_with`].
pub fn write_with(
    path: &Path,
    access: Access,
    fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> io::Result<()> {
    write_beside(path, fill, |file| {
        if let Some((user, group)) = access.owner {
            std::os::unix::fs::fchown(file, Some(user), Some(group))?;
        }
        file.set_permissions(Permissions::from_mode(access.mode))
    })
}

/// Removes a file so that it stays removed.
pub fn remove(path: &Path) -> io::Result<()> {
    fs::remove_file(path)?;
    sync_folder(folder_of(path))
}

/// Makes what was created, renamed or removed in a folder survive a loss of power.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}

fn write_beside(
    path: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    dress: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    let beside = beside(path);
    let written = write_new(&beside, fill, dress).and_then(|()| fs::rename(&beside, path));
    if written.is_err() {
        // The first error is the one to tell.
        _ = fs::remove_file(&beside);
    }
    written?;
    sync_folder(folder_of(path))
}

fn write_new(
    beside: &Path,
    fill: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
    dress: impl FnOnce(&File) -> io::Result<()>,
) -> io::Result<()> {
    const BUFFER_BYTES: usize = 1 << 16;
    // Nobody may read it before it is dressed. A file of this name is what an earlier process with our number left.
    let mut options = File::options();
    options.create(true).truncate(true).write(true).mode(0o600).custom_flags(NOFOLLOW);
    let file = options.open(beside)?;
    dress(&file)?;
    let mut out = io::BufWriter::with_capacity(BUFFER_BYTES, file);
    fill(&mut out)?;
    out.into_inner()?.sync_all()
}

const NOFOLLOW: i32 = rustix::fs::OFlags::NOFOLLOW.bits().cast_signed();

fn beside(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    folder_of(path).join(format!(".{name}.{}.new", std::process::id()))
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) => Path::new("."),
        None => Path::new("/"),
    }
}

/// Access control lists, the SELinux label, and what users noted; the rest is the file system's own business.
fn copy_attributes(from: &File, to: &File) -> io::Result<()> {
    const VALUE_MAX: usize = 1 << 16;
    let mut names = vec![0; VALUE_MAX];
    let length = match flistxattr(from, &mut names[..]) {
        Ok(length) => length,
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    for name in names[..length].split(|byte| *byte == 0) {
        let kept =
            matches!(name, b"security.selinux" | b"system.posix_acl_access") || name.starts_with(b"user.");
        if !kept {
            continue;
        }
        let name = OsStr::from_bytes(name);
        let mut value = vec![0; VALUE_MAX];
        let length = fgetxattr(from, name, &mut value[..])?;
        fsetxattr(to, name, &value[..length], XattrFlags::empty())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("auditward-disk-{name}-{}", std::process::id()));
        fs::create_dir(&folder).unwrap();
        folder
    }

    #[test]
    fn the_file_is_replaced_with_its_mode_and_nothing_is_left_beside_it() {
        let folder = folder("replace");
        let path = folder.join("policy.yaml");
        fs::write(&path, "old").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
        replace(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        assert!(replace(&folder.join("absent"), b"new").is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn what_is_noted_on_a_file_stays_on_it() {
        let folder = folder("attributes");
        let path = folder.join("noted");
        fs::write(&path, "old").unwrap();
        let note = rustix::fs::setxattr(&path, "user.note", b"kept", XattrFlags::empty());
        replace(&path, b"new").unwrap();
        let mut value = [0; 16];
        let length = rustix::fs::getxattr(&path, "user.note", &mut value[..]);
        // A temporary folder in memory may not take notes.
        assert_eq!(length.ok().map(|length| &value[..length]), note.ok().map(|()| &b"kept"[..]));
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_new_file_has_the_access_it_was_given() {
        let folder = folder("write");
        let path = folder.join("secret");
        let access = Access { mode: 0o640, owner: None };
        write(&path, b"one", access).unwrap();
        write(&path, b"two", access).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
        remove(&path).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        assert!(write(&folder.join("absent/file"), b"x", access).is_err());
        // What was not written whole is not there at all.
        let half = |out: &mut dyn io::Write| {
            out.write_all(&vec![b'x'; 1 << 17])?;
            Err(io::Error::other("no more"))
        };
        write(&path, b"old", access).unwrap();
        assert!(write_with(&path, access, half).is_err());
        assert_eq!(fs::read(&path).unwrap(), b"old");
        remove(&path).unwrap();
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 0);
        fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn a_planted_link_is_not_followed() {
        let folder = folder("link");
        let victim = folder.join("victim");
        fs::write(&victim, "mine").unwrap();
        let path = folder.join("file");
        std::os::unix::fs::symlink(&victim, beside(&path)).unwrap();
        assert!(write(&path, b"theirs", Access { mode: 0o600, owner: None }).is_err());
        assert_eq!(fs::read(&victim).unwrap(), b"mine");
        fs::remove_dir_all(&folder).unwrap();
    }
}
