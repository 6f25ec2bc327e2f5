//! A real systemd as the first process of namespaces within a node. It has the units that tests give it and none of this
//! machine's, so that it sets no clock, cleans no folder and mounts nothing but what it needs itself.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use auditward_testkit::Node;

use crate::{deploy, eventually};

const PROGRAM: &str = "/usr/lib/systemd/systemd";

/// Targets that our units ask for; here they stand for nothing.
const TARGETS: [&str; 5] =
    ["basic.target", "sysinit.target", "shutdown.target", "network-online.target", "multi-user.target"];

pub(crate) struct Systemd<'n> {
    node: &'n Node,
    folder: &'n Path,
    /// Its control group in each hierarchy; gone when it is dropped.
    group: String,
    /// The first process's number, as the node counts.
    init: String,
}

impl<'n> Systemd<'n> {
    /// Whether this machine has one.
    pub(crate) fn available() -> Result<(), String> {
        let there = Path::new(PROGRAM).exists();
        there.then_some(()).ok_or_else(|| format!("there is no {PROGRAM}"))
    }

    /// Starts it; it ends with the node at the latest. `folder` is where `auditward` is.
    pub(crate) fn start(node: &'n Node, folder: &'n Path) -> Self {
        let group = format!("auditward-systemd-{}", std::process::id());
        let script = folder.join("systemd.sh");
        fs::write(&script, entry(folder, &group)).unwrap();
        fs::write(folder.join("init.sh"), init(folder)).unwrap();
        let log = fs::File::create(folder.join("systemd.log")).unwrap();
        let mut command = node.command();
        command.arg("sh").arg(&script).stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let mut child = command.spawn().unwrap();
        std::thread::spawn(move || child.wait());
        let mut systemd = Systemd { node, folder, group, init: String::new() };
        eventually("systemd runs", || {
            systemd.init = systemd.find().unwrap_or_default();
            !systemd.init.is_empty() && systemd.enter(&["systemctl", "list-units"]).is_ok()
        });
        systemd
    }

    /// Installs a unit of `deploy/` as it is, with what `systemctl edit` would add; what it says goes into a file.
    pub(crate) fn install(&self, unit: &str, edited: &str) {
        let name = unit.trim_end_matches(".service");
        fs::copy(deploy(unit), self.folder.join(unit)).unwrap();
        let added = format!(
            "[Service]\nStandardOutput=append:/run/{name}.said\nStandardError=append:/run/{name}.said\n{edited}"
        );
        fs::write(self.folder.join(format!("{unit}.conf")), added).unwrap();
        let units = "/etc/systemd/system";
        let script = format!(
            "mkdir -p {units}/{unit}.d && cp /srv/{unit} {units}/ && cp /srv/{unit}.conf {units}/{unit}.d/ && systemctl daemon-reload"
        );
        self.enter(&["sh", "-c", &script]).unwrap_or_else(|said| panic!("{said}"));
        // Its own judgement of the unit, the program's presence included.
        let judged = self.enter(&["systemd-analyze", "verify", "--man=no", unit]);
        assert_eq!(judged, Ok(String::new()), "{unit}");
    }

    /// systemctl, which must succeed: what it prints.
    #[track_caller]
    pub(crate) fn ctl(&self, words: &[&str]) -> String {
        let all: Vec<&str> = ["systemctl"].iter().chain(words).copied().collect();
        self.enter(&all).unwrap_or_else(|problem| {
            let said = ["auditward", "auditward-agent"].map(|unit| self.said(unit)).join("\n");
            let status = self.enter(&["systemctl", "status", "--no-pager", "auditward", "auditward-agent"]);
            panic!("systemctl {}: {problem}\n{status:?}\n{said}", words.join(" "));
        })
    }

    /// What a unit has said.
    pub(crate) fn said(&self, unit: &str) -> String {
        self.enter(&["cat", &format!("/run/{unit}.said")]).unwrap_or_default()
    }

    fn find(&self) -> Option<String> {
        let outer = fs::read_to_string(self.folder.join("systemd.pid")).ok()?;
        let children = format!("/proc/{0}/task/{0}/children", outer.trim());
        let children = self.node.exec(&["cat", &children]).ok()?;
        children.split_whitespace().next().map(str::to_owned)
    }

    /// Stdout and stderr of a program inside; an error if it fails.
    fn enter(&self, words: &[&str]) -> Result<String, String> {
        let mut command = self.node.command();
        command.args(["nsenter", "--target", &self.init]);
        command.args(["--mount", "--pid", "--uts", "--ipc", "--cgroup", "--wdns=/", "--"]);
        let output = command.args(words).stdin(Stdio::null()).output().unwrap();
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        if output.status.success() { Ok(said) } else { Err(said) }
    }
}

impl Drop for Systemd<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let log = fs::read_to_string(self.folder.join("systemd.log")).unwrap_or_default();
            eprintln!("systemd: {log}");
        }
        _ = self.node.exec(&["kill", "-KILL", &self.init]);
        let tops = fs::read_dir("/sys/fs/cgroup").into_iter().flatten().flatten().map(|entry| entry.path());
        for top in tops.chain([PathBuf::from("/sys/fs/cgroup")]) {
            // By rmdir alone, the innermost first; what still ends makes the next turn.
            let group = top.join(&self.group);
            for _ in 0..50 {
                if !group.exists() {
                    break;
                }
                _ = Command::new("find").arg(&group).args(["-depth", "-type", "d", "-delete"]).output();
                std::thread::sleep(std::time::Duration::from_millis(20));
            }
        }
    }
}

/// Enters a control group of its own, whatever the version, and leaves the node's namespaces.
fn entry(folder: &Path, group: &str) -> String {
    format!(
        r#"set -eu
folder={folder}
tops=/sys/fs/cgroup
[ -e $tops/cgroup.controllers ] || tops=/sys/fs/cgroup/*
for top in $tops; do
    # Not every hierarchy takes processes at once (cpuset); systemd does not need those.
    mkdir -p "$top/{group}" && echo $$ >"$top/{group}/cgroup.procs" || true
done 2>/dev/null
echo $$ >$folder/systemd.pid.new
mv $folder/systemd.pid.new $folder/systemd.pid
exec unshare --mount --pid --fork --uts --ipc --cgroup --kill-child sh $folder/init.sh
"#,
        folder = folder.display()
    )
}

/// Makes the machine that systemd finds, and becomes it.
fn init(folder: &Path) -> String {
    format!(
        r#"set -eu
mount --make-rprivate /
mount --bind {folder} /srv
mount -t tmpfs own /usr/lib/systemd/system
mount -t tmpfs own /usr/lib/systemd/system-generators
mount -t tmpfs own /etc/systemd/system
mount -t tmpfs own /usr/local/bin
touch /usr/local/bin/auditward
mount --bind /srv/auditward /usr/local/bin/auditward
mount -t proc proc /proc
mount -t tmpfs own /run
mkdir -p /run/systemd/system /run/lock
mount -t tmpfs own /tmp
if [ ! -e /sys/fs/cgroup/cgroup.controllers ]; then
    umount -R /sys/fs/cgroup 2>/dev/null || true
    mount -t tmpfs own /sys/fs/cgroup
    mkdir /sys/fs/cgroup/systemd
    mount -t cgroup -o none,name=systemd systemd /sys/fs/cgroup/systemd
else
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
fi
for target in {targets}; do
    echo '[Unit]' >/usr/lib/systemd/system/$target
done
export container=test SYSTEMD_LOG_TARGET=console
exec {PROGRAM} --system --unit=multi-user.target
"#,
        folder = folder.display(),
        targets = TARGETS.join(" ")
    )
}
