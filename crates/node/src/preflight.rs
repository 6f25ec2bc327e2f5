//! What would go wrong, found out before anything is touched.
//!
//! Invariant: it only looks. Nothing is written, not even to see whether it can be.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, IFlags, StatVfs, access, ioctl_getflags, statvfs};

use auditward_policy::read::BYTES_MAX;

use crate::host::ControlPlane;
use crate::inspect::Distribution;
use crate::inspect::{Host, Kind};
use crate::plan::Plan;
use crate::service::{self, Enabling};

/// Something that stands in the way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Obstacle {
    /// What.
    pub what: String,
    /// What to do.
    pub hint: String,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preflight {
    /// What stands in the way; nothing is done while there is any.
    pub obstacles: Vec<Obstacle>,
    /// What is better known before.
    pub warnings: Vec<String>,
}

impl Preflight {
    /// Looks at everything that a plan would touch.
    pub fn of(control_plane: &ControlPlane, plan: &Plan) -> Self {
        let mut seen = Self::default();
        seen.user();
        seen.maker(control_plane);
        seen.manifest(control_plane);
        for file in &plan.files {
            seen.writable_file(&file.path);
        }
        for folder in &plan.folders {
            seen.writable_folder(nearest(&folder.path));
        }
        if plan.restarts() {
            seen.log(control_plane, plan);
        }
        seen
    }

    /// Looks at everything that turning audit on in a unit would touch.
    pub fn of_service(enabling: &Enabling) -> Self {
        let mut seen = Self::default();
        seen.user();
        if let Err(why) = service::is_known(&enabling.plan.unit) {
            seen.obstacle(why, format!("see systemctl status {}", enabling.plan.unit));
        }
        let files = enabling.plan.files.iter().map(|file| &file.path);
        for path in files.chain(enabling.writes.iter().map(|write| &write.path)) {
            seen.writable_file(path);
        }
        for folder in &enabling.folders {
            seen.writable_folder(nearest(&folder.path));
        }
        let folder = enabling.plan.log.parent().unwrap_or(Path::new("/"));
        if let Some((user, group)) = enabling.owner {
            seen.may_write(i64::from(user), &[i64::from(group)], folder);
        }
        let place = nearest(folder);
        if let Ok(disk) = statvfs(place) {
            seen.room(place, &disk, enabling.log_bytes_max());
        }
        seen
    }

    fn obstacle(&mut self, what: String, hint: impl Into<String>) {
        self.obstacles.push(Obstacle { what, hint: hint.into() });
    }

    /// Tools that write the manifest anew do not know of our change.
    fn maker(&mut self, control_plane: &ControlPlane) {
        let Some(maker) = control_plane.distribution else { return };
        if matches!(maker, Distribution::Kubespray | Distribution::Kind) {
            self.warnings
                .push(format!("this manifest was made by {maker}; so that it lasts, {}", maker.right_way()));
        }
    }

    fn user(&mut self) {
        if !rustix::process::geteuid().is_root() {
            self.obstacle("this needs root".to_owned(), "run it with sudo on the control-plane node");
        }
    }

    fn manifest(&mut self, control_plane: &ControlPlane) {
        let path = &control_plane.path;
        let shown = path.display();
        if let Err(refusals) = control_plane.manifest.editable() {
            for refusal in refusals {
                self.obstacle(format!("`{shown}` may not be edited: {refusal}"), refusal.hint());
            }
        }
        match control_plane.rivals() {
            Ok(rivals) => {
                for rival in rivals {
                    self.obstacle(
                        format!(
                            "`{}` defines the same pod as `{shown}`; the kubelet reads both, and the last by name wins",
                            rival.display()
                        ),
                        format!("move it out of the folder: mv {} /root/", rival.display()),
                    );
                }
            }
            Err(error) => self.obstacle(error.to_string(), "look at the manifest folder by hand"),
        }
        match fs::symlink_metadata(path) {
            Ok(metadata) if metadata.file_type().is_symlink() => {
                self.obstacle(
                    format!("`{shown}` is a symbolic link"),
                    "name the file that it points to with --manifest, or put the file itself there",
                );
            }
            Ok(metadata) if metadata.nlink() > 1 => {
                self.obstacle(
                    format!(
                        "`{shown}` has {} names (hard links); replacing it would part them",
                        metadata.nlink()
                    ),
                    "make it a file of its own: cp it aside and mv it back",
                );
            }
            Ok(_) => {}
            Err(error) => {
                self.obstacle(format!("`{shown}` can't be looked at: {error}"), "look at it by hand");
            }
        }
        self.writable_file(path);
    }

    fn writable_file(&mut self, path: &Path) {
        if path.exists() {
            self.unlocked(path);
        }
        self.writable_folder(nearest(path.parent().unwrap_or(Path::new("/"))));
    }

    fn writable_folder(&mut self, folder: &Path) {
        self.unlocked(folder);
        match access(folder, Access::WRITE_OK) {
            Ok(()) => {}
            Err(rustix::io::Errno::ROFS) => {
                self.once(
                    format!("`{}` is on a read-only file system", folder.display()),
                    "remount it writable, or choose another folder",
                );
            }
            Err(error) => {
                let error = io::Error::from(error);
                self.once(
                    format!("`{}` can't be written to: {error}", folder.display()),
                    "change its mode or its owner",
                );
            }
        }
    }

    /// `chattr +i`, `chattr +a`: root too may not.
    fn unlocked(&mut self, path: &Path) {
        let flags = File::open(path).ok().and_then(|file| ioctl_getflags(&file).ok());
        for (flag, letter, name) in
            [(IFlags::IMMUTABLE, 'i', "immutable"), (IFlags::APPEND, 'a', "append-only")]
        {
            if flags.is_some_and(|flags| flags.contains(flag)) {
                let path = path.display();
                self.once(
                    format!("`{path}` is {name} (chattr +{letter})"),
                    format!("chattr -{letter} {path}"),
                );
            }
        }
    }

    fn once(&mut self, what: String, hint: impl Into<String>) {
        if self.obstacles.iter().all(|other| other.what != what) {
            self.obstacle(what, hint);
        }
    }

    fn log(&mut self, control_plane: &ControlPlane, plan: &Plan) {
        let Some(log) = &plan.paths.log_on_node else { return };
        let folder = log.parent().unwrap_or(Path::new("/"));
        self.writable_folder(nearest(folder));
        self.servers_user(control_plane, folder);
        if log.is_dir() {
            self.obstacle(
                format!("`{}` is a folder, and the log is to be a file", log.display()),
                "remove the folder, or choose another path with --log-path",
            );
        }
        if log.exists() {
            self.unlocked(log);
        }
        let place = nearest(folder);
        if let Ok(disk) = statvfs(place) {
            self.room(place, &disk, plan.log_bytes_max());
        }
        let etcd = fs::metadata("/var/lib/etcd").map(|metadata| metadata.dev());
        if let (Ok(etcd), Ok(log)) = (etcd, fs::metadata(place))
            && etcd == log.dev()
        {
            self.warnings.push(format!(
                "{} shares its file system with etcd (/var/lib/etcd); a log that fills it stops the cluster",
                folder.display()
            ));
        }
    }

    fn room(&mut self, place: &Path, disk: &StatVfs, wanted: Option<u64>) {
        let free = disk.f_bavail.saturating_mul(disk.f_frsize);
        let Some(wanted) = wanted else {
            self.warnings
                .push("nothing bounds how many rotated logs are kept: the disk will fill".to_owned());
            return;
        };
        if free < wanted {
            self.obstacle(
                format!(
                    "`{}` has {} MB free, and the log may take {} MB: maxsize × (maxbackup + 2)",
                    place.display(),
                    free >> 20,
                    wanted >> 20
                ),
                "choose a folder on a larger disk with --log-path, or less with --max-size and --max-backup",
            );
        }
    }

    /// An API server that does not run as root must be able to write its log.
    fn servers_user(&mut self, control_plane: &ControlPlane, folder: &Path) {
        let pod = control_plane.manifest.pod();
        let Some(user) = pod.user().filter(|user| *user != 0) else { return };
        let groups: Vec<i64> =
            pod.group().into_iter().chain(pod.security.supplemental_groups.clone()).collect();
        self.may_write(user, &groups, folder);
    }

    fn may_write(&mut self, user: i64, groups: &[i64], folder: &Path) {
        let Ok(metadata) = fs::metadata(folder) else { return };
        let bits = if i64::from(metadata.uid()) == user {
            metadata.mode() >> 6
        } else if groups.contains(&i64::from(metadata.gid())) {
            metadata.mode() >> 3
        } else {
            metadata.mode()
        };
        if bits & 0o3 != 0o3 {
            let folder = folder.display();
            self.obstacle(
                format!("the API server runs as user {user}, who may not write to `{folder}`"),
                format!("chown {user} {folder}"),
            );
        }
    }
}

/// The path itself, or the nearest folder above it that exists.
fn nearest(path: &Path) -> &Path {
    path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("/"))
}

/// What is there of what a plan needs to know.
pub fn find(host: &Host, paths: &crate::plan::Paths) -> io::Result<crate::plan::Found> {
    let read = |path: &PathBuf| match host.read(&path.to_string_lossy(), BYTES_MAX as u64) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) if error.kind() == io::ErrorKind::IsADirectory => Err(io::Error::new(
            error.kind(),
            format!(
                "`{0}` is a folder; container runtimes make one where a file was missing: rmdir {0}",
                path.display()
            ),
        )),
        Err(error) => Err(io::Error::new(error.kind(), format!("`{}`: {error}", path.display()))),
    };
    Ok(crate::plan::Found {
        policy: read(&paths.policy_on_node)?,
        webhook: paths.webhook.as_ref().map(|(_, path)| read(path)).transpose()?.flatten(),
        folders: paths
            .folders()
            .into_iter()
            .filter(|folder| host.stat(&folder.to_string_lossy()).is_ok_and(|stat| stat.kind == Kind::Folder))
            .collect(),
    })
}
