//! A machine inside this machine: mount, network, PID, UTS and IPC namespaces of its own.
//!
//! Its first process sets the mounts up and then becomes our `pause`, whose standard input is our lifeline: when that
//! closes, PID 1 exits, and the kernel kills all that is in the namespace, takes the network link down and forgets the
//! mounts. Its standard output is the slot's lock, so the node's number is taken exactly as long as the node lives.
//!
//! What the node's programs write under /etc and /var lands in an overlay in memory, and not on this machine; /tmp is
//! this machine's own.

use std::fs::{self, File};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::NodeError;
use crate::command;
use crate::program::Program;
use crate::slots::Slot;
use crate::{lifeline, wait};

/// Folders that are memory of the node's own.
const OWN: &str = "/etc/kubernetes /etc/cni/net.d /var/lib/kubelet /var/lib/etcd /var/lib/cni /var/log /run";

#[derive(Debug)]
pub(crate) struct Namespace {
    /// The first process's number, as this machine counts.
    pub(crate) init: u32,
    /// Ours to wait for; none if another process started the node.
    unshare: Option<Child>,
}

impl Namespace {
    pub(crate) fn start(
        program: &Program,
        slot: &Slot,
        name: &str,
        detached: bool,
    ) -> Result<Self, NodeError> {
        let script = slot.folder.join("init.sh");
        let pid_file = slot.folder.join("init.pid");
        fs::write(&script, init_script(program, slot, name)).map_err(NodeError::io(&script))?;
        let log = slot.folder.join("init.log");
        let mut command = Command::new("unshare");
        command
            .args(["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "--kill-child", "/bin/sh"])
            .arg(&script)
            .current_dir("/")
            // Ctrl-C at the terminal is for the test, which then closes the lifeline.
            .process_group(0)
            .stdout(slot.share().map_err(NodeError::io(&slot.folder))?)
            .stderr(File::create(&log).map_err(NodeError::io(&log))?);
        if detached {
            command.stdin(Stdio::null());
        } else {
            lifeline::attach(&mut command);
        }
        let mut unshare = command.spawn().map_err(NodeError::io(Path::new("unshare")))?;
        let init = wait::until(Duration::from_secs(20), || {
            let over = !matches!(unshare.try_wait(), Ok(None));
            let init = fs::read_to_string(&pid_file).ok().and_then(|text| text.trim().parse().ok());
            (over || init.is_some()).then_some(init)
        });
        let Some(Some(init)) = init else {
            let _ = unshare.kill();
            let _ = unshare.wait();
            let log = fs::read_to_string(&log).unwrap_or_default();
            return Err(NodeError::NotReady { what: "the node's namespaces", log });
        };
        Ok(Self { init, unshare: Some(unshare) })
    }

    /// The namespace of a node that another process started.
    pub(crate) fn of(folder: &Path) -> Option<Self> {
        Some(Self::by_init(fs::read_to_string(folder.join("init.pid")).ok()?.trim().parse().ok()?))
    }

    /// The namespace of a first process whose number is known.
    pub(crate) fn by_init(init: u32) -> Self {
        Self { init, unshare: None }
    }

    /// A command that will run inside, in `/`.
    pub(crate) fn enter(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.init.to_string(), "--mount", "--net", "--pid", "--uts", "--ipc"]);
        command.args(["--wdns=/", "--"]);
        command
    }

    /// A path of the node, seen from this machine.
    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        let root = Path::new("/proc").join(self.init.to_string()).join("root");
        root.join(inside.trim_start_matches('/'))
    }

    /// Ends everything inside; returns when it has ended.
    pub(crate) fn end(&mut self) {
        let _ = command::run(Command::new("kill").args(["-KILL", &self.init.to_string()]));
        let process = Path::new("/proc").join(self.init.to_string());
        match &mut self.unshare {
            Some(unshare) => drop(unshare.wait()),
            None => drop(wait::until(Duration::from_secs(20), || (!process.exists()).then_some(()))),
        }
    }

    /// Lets it live on without us.
    pub(crate) fn let_go(&mut self) {
        self.unshare = None;
    }
}

/// Removes what a dead node left outside of its namespaces: control groups.
pub(crate) fn remove_cgroups(number: u16) {
    let top = Path::new("/sys/fs/cgroup");
    let hierarchies = fs::read_dir(top).into_iter().flatten().flatten().map(|entry| entry.path());
    for hierarchy in hierarchies.chain([top.to_owned()]) {
        remove_tree(&hierarchy.join(cgroup(number)));
    }
}

pub(crate) fn cgroup(number: u16) -> String {
    format!("auditward-{number}")
}

/// Control groups are removed by rmdir alone, the innermost first.
fn remove_tree(folder: &Path) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            remove_tree(&entry.path());
        }
    }
    // A group whose last process is still going is removed by the next sweep.
    let _ = fs::remove_dir(folder);
}

fn init_script(program: &Program, slot: &Slot, name: &str) -> String {
    format!(
        r#"set -eu
# Still the mother's /proc: our number as she counts.
read -r pid rest < /proc/self/stat
mount --make-rprivate /
mount -t proc proc /proc
mkdir -p {folder}/own
mount -t tmpfs -o mode=755 own {folder}/own
for top in etc var; do
  mkdir -p {folder}/own/$top/upper {folder}/own/$top/work
  mount -t overlay -o lowerdir=/$top,upperdir={folder}/own/$top/upper,workdir={folder}/own/$top/work own /$top
done
for own in {OWN}; do
  mkdir -p $own
  mount -t tmpfs -o mode=755 own $own
done
mkdir -p {folder}/containerd /run/containerd /etc/kubernetes/manifests
# The kubelet hands mounts on to its pods.
mount --make-rshared /
hostname {name}
ip link set lo up
echo 1 > /proc/sys/net/ipv4/ip_forward
for hierarchy in /sys/fs/cgroup/*/; do
  [ -e /sys/fs/cgroup/cgroup.controllers ] || mkdir -p "$hierarchy/{cgroup}" 2> /dev/null || true
done
[ ! -e /sys/fs/cgroup/cgroup.controllers ] || mkdir -p /sys/fs/cgroup/{cgroup}
if [ -e /sys/fs/cgroup/cpuset/cpuset.cpus ]; then
  for file in cpuset.cpus cpuset.mems; do
    cat /sys/fs/cgroup/cpuset/$file > /sys/fs/cgroup/cpuset/{cgroup}/$file
  done
fi
echo $pid > {folder}/init.pid.new
mv {folder}/init.pid.new {folder}/init.pid
exec {pause}
"#,
        folder = slot.folder.display(),
        cgroup = cgroup(slot.number),
        pause = program.path("pause").display(),
    )
}
