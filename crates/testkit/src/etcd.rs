//! etcd for one API server, on a socket in its folder: no port to find, none to collide on.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use crate::program::Program;
use crate::start_error::{StartError, tail};
use crate::{lifeline, wait};

#[derive(Debug)]
pub(crate) struct Etcd {
    child: Child,
    socket: PathBuf,
}

impl Etcd {
    /// Starts it and waits until its socket takes connections.
    pub(crate) fn start(program: &Program, folder: &Path) -> Result<Self, StartError> {
        let socket = folder.join("etcd.sock");
        let log = folder.join("etcd.log");
        let file = File::create(&log).map_err(StartError::io(&log))?;
        let mut command = program.command("etcd");
        command
            .arg(format!("--data-dir={}", folder.join("etcd").display()))
            .arg(format!("--listen-client-urls=unix://{}", socket.display()))
            .arg(format!("--listen-peer-urls=unix://{}", folder.join("peer.sock").display()))
            // It insists on host and port here; a cluster of one never tells anyone.
            .arg("--advertise-client-urls=http://127.0.0.1:2379")
            // The data is thrown away with the server.
            .args(["--unsafe-no-fsync", "--log-level=warn", "--name=testkit"])
            .arg("--initial-cluster=testkit=http://localhost:2380")
            .stdout(Stdio::null())
            .stderr(file);
        let child = lifeline::attach(&mut command).spawn().map_err(StartError::io(&program.path("etcd")))?;
        let mut etcd = Self { child, socket };
        let ready = wait::until(Duration::from_secs(30), || {
            let over = !matches!(etcd.child.try_wait(), Ok(None));
            let open = UnixStream::connect(&etcd.socket).is_ok();
            (over || open).then_some(open)
        });
        if ready != Some(true) {
            let log = tail(&fs::read_to_string(&log).unwrap_or_default());
            return Err(StartError::NotReady { what: "etcd", last: "nobody listens".to_owned(), log });
        }
        Ok(etcd)
    }

    pub(crate) fn url(&self) -> String {
        format!("unix://{}", self.socket.display())
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
