//! A server on a disk without a free block.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::server::{Folder, Server};

/// A small disk of its own, in memory. Only root may have one.
struct SmallDisk(PathBuf);

impl SmallDisk {
    fn new(path: &Path) -> Option<Self> {
        fs::create_dir(path).unwrap();
        let mut mount = Command::new("mount");
        let mounted = mount.args(["-t", "tmpfs", "-o", "size=32m", "tmpfs"]).arg(path).status();
        mounted.is_ok_and(|status| status.success()).then(|| SmallDisk(path.to_owned()))
    }

    /// Takes all the room that there is.
    fn fill(&self) {
        let mut file = File::options().create(true).append(true).open(self.0.join("filler")).unwrap();
        while file.write(&[1; 4096]).is_ok_and(|bytes| bytes > 0) {}
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

#[test]
fn a_server_starts_on_a_full_disk_and_says_so() {
    let folder = Folder::new("full");
    let Some(disk) = SmallDisk::new(&folder.0.join("disk")) else {
        eprintln!("skipped: a small disk cannot be mounted here");
        return;
    };
    let data = disk.0.join("data");
    Server::start(&data, &[]).kill();
    disk.fill();

    let server = Server::start(&data, &[]);
    assert_eq!(server.count(""), 0);
    let event = br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"1","stage":"Panic"}"#;
    assert_eq!(server.post("prod", event).unwrap(), 503);
    let said = server.says("is full");
    assert!(said.contains("senders are turned away"), "{said}");
    let (status, body) = server.ask("/readyz");
    assert!(status == 503 && body.contains("is full"), "{status} {body}");
}
