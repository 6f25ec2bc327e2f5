//! A real control-plane node on this machine: kubeadm's manifests, a kubelet, containerd, four static pods.
//!
//! ```text
//!  this machine                        the node (namespaces of its own, see `namespace`)
//!    10.200.N.1 ──── link awtkN ────── 10.200.N.2
//!    /proc/PID/root/etc/kubernetes  =  /etc/kubernetes   (memory; so are /var/lib/etcd, /var/log, /run …)
//!                                      PID 1 pause
//!                                      containerd ─ etcd, kube-apiserver, -controller-manager, -scheduler, pods
//!                                      kubelet
//! ```

mod balancer;
mod containerd;
mod kubeadm;
mod kubelet;
mod namespace;
mod network;

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

pub use self::balancer::Balancer;
use self::namespace::Namespace;
use crate::command::{self, CommandError};
use crate::images::{self, ImageError, Images};
use crate::keep;
use crate::kubectl::Kubectl;
use crate::program::{Program, ProgramError};
use crate::slots::{self, Slot};
use crate::wait;

/// A running node. It ends when this is dropped or when the process ends, unless it was
/// [detached](NodeBuilder::detached).
#[derive(Debug)]
pub struct Node {
    name: String,
    program: &'static Program,
    namespace: Namespace,
    services: Vec<Child>,
    number: u16,
    folder: PathBuf,
    /// None when another process holds it: the node itself, if nobody else.
    slot: Option<Slot>,
    detached: bool,
}

/// What a node shall be like.
#[derive(Debug)]
#[must_use]
pub struct NodeBuilder {
    name: String,
    audit_policy: Option<String>,
    joins: Option<(u16, u32)>,
    detached: bool,
}

/// Why there is no node, or why something could not be done with it.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// This machine can't: no root, a missing package. Tests say so and count as skipped.
    #[error("no node can run here: {0}")]
    Unavailable(String),
    /// There is no program to start.
    #[error(transparent)]
    Program(#[from] &'static ProgramError),
    /// A program failed, here or inside the node.
    #[error(transparent)]
    Command(#[from] CommandError),
    /// Something did not come up in time.
    #[error("{what} did not come up\n{log}")]
    NotReady {
        /// The part of the node.
        what: &'static str,
        /// What it logged.
        log: String,
    },
    /// A file could not be used, a process not started.
    #[error("could not use `{}`", path.display())]
    Io {
        /// The file or the program.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl NodeError {
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        |source| Self::Io { path, source }
    }
}

impl NodeBuilder {
    /// Starts with auditing on: this policy, and the log in [`Node::AUDIT_LOG`]. A node starts with auditing off
    /// otherwise.
    pub fn audit_policy(mut self, text: impl Into<String>) -> Self {
        self.audit_policy = Some(text.into());
        self
    }

    /// Makes it a further control-plane node of the cluster of `first`, whose etcd it uses.
    pub fn joins(mut self, first: &Node) -> Self {
        self.joins = Some((first.number, first.namespace.init));
        self
    }

    /// Lets it live on when this process ends, until [`Node::stop`] by someone who [found](Node::find) it.
    pub fn detached(mut self) -> Self {
        self.detached = true;
        self
    }

    /// Starts it and waits until the API server is ready and pods can be made.
    pub fn start(self) -> Result<Node, NodeError> {
        Node::available().map_err(NodeError::Unavailable)?;
        let program = Program::get()?;
        let images = Images::get(program, &busybox()?).map_err(|e| match e {
            ImageError::Command(e) => NodeError::Command(e),
            ImageError::Io(source) => NodeError::Io { path: program.path("images"), source },
        })?;
        sweep();
        let slot = Slot::claim("nodes", 1..=199, |_| true).map_err(NodeError::io(Path::new("/tmp")))?;
        clear(&slot);
        let folder = slot.folder.clone();
        fs::create_dir(&folder).map_err(NodeError::io(&folder))?;
        write(&folder.join("name"), &self.name)?;
        let config = folder.join("kubeadm.yaml");
        let number = slot.number;
        let first = self.joins.map(|(number, _)| number);
        write(&config, &kubeadm::configure(&self, program.version(), number, first))?;

        let namespace = Namespace::start(program, &slot, &self.name, self.detached)?;
        // From here on an early return drops the node, and so ends it.
        let mut node = Node {
            name: self.name.clone(),
            program,
            namespace,
            services: Vec::new(),
            number,
            folder: folder.clone(),
            slot: Some(slot),
            detached: false,
        };
        network::connect(&node.namespace, number)?;
        let first = self.joins.map(|(_, init)| Namespace::by_init(init));
        if first.is_some() {
            network::forward()?;
        }
        node.services.push(containerd::start(&node.namespace, &folder, &images)?);
        std::thread::scope(|both| {
            let import = both.spawn(|| containerd::import(&node.namespace, &images));
            kubeadm::prepare(&self, program, &node.namespace, &config, first.as_ref())?;
            import.join().unwrap_or(Ok(()))
        })?;
        node.start_kubelet()?;
        node.await_ready(first.is_none())?;
        if self.detached {
            node.detached = true;
        }
        Ok(node)
    }
}

impl Node {
    /// Where the node's API server writes its audit log when started with a policy.
    pub const AUDIT_LOG: &'static str = kubeadm::AUDIT_LOG;

    /// An image that is in every node, for pods: busybox with a shell.
    pub const IMAGE: &'static str = images::BUSYBOX;

    /// A node of this name, which is also its host name. Names may repeat in different clusters.
    pub fn builder(name: &str) -> NodeBuilder {
        NodeBuilder { name: name.to_owned(), audit_policy: None, joins: None, detached: false }
    }

    /// Whether this machine can run one; if not, why.
    pub fn available() -> Result<(), String> {
        if fs::metadata("/proc/self").map_or(1, |me| me.uid()) != 0 {
            return Err("it needs root".to_owned());
        }
        let tools =
            ["containerd", "runc", "ctr", "ip", "iptables", "conntrack", "unshare", "nsenter", "mount"];
        for tool in tools {
            if which(tool).is_none() {
                return Err(format!(
                    "`{tool}` is missing; install the Debian packages of crates/testkit/packages.txt"
                ));
            }
        }
        if busybox().is_err() || !Path::new("/usr/lib/cni/bridge").exists() {
            return Err("busybox-static or containernetworking-plugins is missing".to_owned());
        }
        let separate = ["--mount", "--net", "--pid", "--uts", "--ipc", "--fork", "true"];
        command::run(Command::new("unshare").args(separate)).map_err(|e| e.to_string())?;
        Ok(())
    }

    /// The living nodes of this machine, whoever started them.
    pub fn all() -> Result<Vec<Self>, NodeError> {
        let program = Program::get()?;
        sweep();
        let numbers = slots::used("nodes").map_err(NodeError::io(Path::new("/tmp")))?;
        let folder = slots::folder("nodes").map_err(NodeError::io(Path::new("/tmp")))?;
        Ok(numbers.into_iter().filter_map(|number| Self::open(program, number, &folder)).collect())
    }

    /// The living node of this name, whoever started it.
    pub fn find(name: &str) -> Result<Option<Self>, NodeError> {
        Ok(Self::all()?.into_iter().find(|node| node.name == name))
    }

    /// The name it was given.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its address, which only this machine and its other nodes reach.
    pub fn address(&self) -> String {
        network::address(self.number)
    }

    /// A path inside the node as this machine sees it: `node.path("/etc/kubernetes/manifests")`.
    pub fn path(&self, inside: &str) -> PathBuf {
        self.namespace.path(inside)
    }

    /// Runs a program inside, in `/`, with kubeadm, kubectl and kubelet in its `PATH`: its standard output.
    pub fn exec<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Result<String, CommandError> {
        command::run(self.command().args(arguments))
    }

    /// A command to run inside, for what [`Node::exec`] does not do: add the program and its arguments.
    pub fn command(&self) -> Command {
        let path = std::env::var("PATH").unwrap_or_default();
        let mut command = self.namespace.enter();
        command.arg("env").arg(format!("PATH={}:{path}", self.program.folder().display()));
        command
    }

    /// kubectl from this machine as the cluster's super-administrator.
    pub fn kubectl(&self) -> Kubectl {
        Kubectl::new(self.program, self.kubeconfig())
    }

    /// The super-administrator's kubeconfig, on this machine.
    pub fn kubeconfig(&self) -> PathBuf {
        self.folder.join("super-admin.kubeconfig")
    }

    /// kubectl as any user, by a client certificate that is made for it now.
    pub fn kubectl_as(&self, user: &str, groups: &[&str]) -> Result<Kubectl, NodeError> {
        let config = self.kubeadm_config();
        let mut command = self.command();
        command.args(["kubeadm", "kubeconfig", "user", "--client-name", user]);
        if !groups.is_empty() {
            command.args(["--org", &groups.join(",")]);
        }
        let text = command::run(command.arg("--config").arg(config))?;
        let path = self.folder.join(format!("{}.kubeconfig", user.replace(['/', ':'], "_")));
        write(&path, &text)?;
        Ok(Kubectl::new(self.program, path))
    }

    /// kubectl as the holder of a bearer token, a service account's say.
    pub fn kubectl_with_token(&self, user: &str, token: &str) -> Result<Kubectl, NodeError> {
        let authority = self.folder.join("ca.crt");
        fs::copy(self.path("/etc/kubernetes/pki/ca.crt"), &authority).map_err(NodeError::io(&authority))?;
        let server = format!("https://{}:6443", self.address());
        let path = self.folder.join(format!("{}.kubeconfig", user.replace(['/', ':'], "_")));
        write(&path, &crate::kubeconfig::with_token(&server, &authority, user, token))?;
        Ok(Kubectl::new(self.program, path))
    }

    /// The configuration its manifests are rendered from: `kubeadm init phase control-plane apiserver --config …`
    /// inside the node is what an upgrade does. The path is the same inside and outside.
    pub fn kubeadm_config(&self) -> PathBuf {
        self.folder.join("kubeadm.yaml")
    }

    /// How often the kubelet has restarted a static pod's container, as `kube-apiserver`, since its manifest was
    /// last changed. None if it never ran.
    pub fn restart_count(&self, container: &str) -> Option<u32> {
        let (count, _) = self.newest_log(container)?;
        Some(count)
    }

    /// What the newest container of a static pod has logged, empty if it never ran.
    pub fn container_log(&self, container: &str) -> String {
        self.newest_log(container).and_then(|(_, path)| fs::read_to_string(path).ok()).unwrap_or_default()
    }

    /// What the kubelet has logged.
    pub fn kubelet_log(&self) -> String {
        fs::read_to_string(kubelet::log(&self.folder)).unwrap_or_default()
    }

    /// Gives an image of the node one more name, so that pods of a story can have images of that story.
    pub fn tag_image(&self, image: &str, name: &str) -> Result<(), NodeError> {
        containerd::ctr(&self.namespace, &["images", "tag", image, name]).map(drop)
    }

    /// Puts the images of an archive of this machine into the node.
    pub fn import_images(&self, archive: &Path) -> Result<(), NodeError> {
        // The node sees what lies in /tmp by the same path.
        let copy = self.folder.join("images.tar");
        fs::copy(archive, &copy).map_err(NodeError::io(archive))?;
        containerd::ctr(&self.namespace, &["images", "import", &copy.to_string_lossy()])?;
        fs::remove_file(&copy).map_err(NodeError::io(&copy))
    }

    /// The number of the node's first process, as this machine counts: when it is gone, all is.
    pub fn init_pid(&self) -> u32 {
        self.namespace.init
    }

    /// Ends it and removes all it left. Dropping does the same, but for a detached node.
    pub fn stop(mut self) {
        self.detached = false;
    }

    fn open(program: &'static Program, number: u16, all: &Path) -> Option<Self> {
        let folder = all.join(number.to_string());
        let namespace = Namespace::of(&folder)?;
        let name = fs::read_to_string(folder.join("name")).ok()?;
        Some(Self {
            name,
            program,
            namespace,
            services: Vec::new(),
            number,
            folder,
            slot: None,
            detached: true,
        })
    }

    fn start_kubelet(&mut self) -> Result<(), NodeError> {
        let Some(slot) = &self.slot else { return Ok(()) };
        let kubelet = kubelet::start(self.program, &self.namespace, slot, &self.name)?;
        self.services.push(kubelet);
        Ok(())
    }

    fn await_ready(&self, new_cluster: bool) -> Result<(), NodeError> {
        let from = self.path("/etc/kubernetes/super-admin.conf");
        fs::copy(&from, self.kubeconfig()).map_err(NodeError::io(&from))?;
        self.await_answer("/readyz", "kube-apiserver")?;
        if new_cluster {
            // kubeadm's own phase for it wants to run with the rest of `init`.
            let binding = ["create", "clusterrolebinding", "kubeadm:apiserver-kubelet-client"];
            let role = ["--clusterrole=system:kubelet-api-admin", "--user=kube-apiserver-kubelet-client"];
            self.kubectl().run(&[&binding[..], &role[..]].concat())?;
            kubeadm::upload(self.program, &self.namespace, &self.kubeadm_config())?;
        }
        // Without it no pod is admitted. The controller manager makes it a second later.
        self.await_answer(
            "/api/v1/namespaces/default/serviceaccounts/default",
            "the service account `default`",
        )?;
        let name = &self.name;
        self.await_answer(&format!("/api/v1/nodes/{name}"), "the kubelet's registration")
    }

    fn await_answer(&self, path: &str, what: &'static str) -> Result<(), NodeError> {
        let mut question = self.program.command("await");
        let asked = command::run(question.arg(self.kubeconfig()).args([path, "180s"]));
        asked.map(drop).map_err(|e| {
            let log = format!("{e}\n{}", crate::start_error::tail(&self.kubelet_log()));
            NodeError::NotReady { what, log }
        })
    }

    /// The kubelet names a container's logs `/var/log/pods/NAMESPACE_POD_UID/CONTAINER/RESTARTS.log`, and a changed manifest gets
    /// a new UID.
    fn newest_log(&self, container: &str) -> Option<(u32, PathBuf)> {
        let pod = format!("kube-system_{container}-{}_", self.name);
        let pods = fs::read_dir(self.path("/var/log/pods")).ok()?.flatten();
        let mine = pods.filter(|entry| entry.file_name().to_string_lossy().starts_with(&pod));
        let logs =
            mine.filter_map(|entry| fs::read_dir(entry.path().join(container)).ok()).flatten().flatten();
        logs.filter_map(|entry| {
            let path = entry.path();
            let count = path.file_stem()?.to_str()?.parse().ok()?;
            // The link itself, made with the container; its target goes on being written.
            Some((fs::symlink_metadata(&path).ok()?.created().ok(), count, path))
        })
        .max()
        .map(|(_, count, path)| (count, path))
    }

    fn keep_logs(&self) -> io::Result<()> {
        let kept = keep::folder(&self.name)?;
        for file in ["init.log", "containerd.log", "kubelet.log", "kubeadm.yaml"] {
            let _ = fs::copy(self.folder.join(file), kept.join(file));
        }
        for inside in ["/var/log/pods", "/var/log/kubernetes", "/etc/kubernetes/manifests"] {
            let from = self.path(inside);
            if from.exists() {
                let _ = command::run(Command::new("cp").arg("-rL").arg(&from).arg(&kept));
            }
        }
        Ok(())
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        if self.detached {
            self.namespace.let_go();
            return;
        }
        if keep::wanted() {
            let _ = self.keep_logs();
        }
        self.namespace.end();
        for service in &mut self.services {
            let _ = service.wait();
        }
        match &self.slot {
            Some(slot) => clear(slot),
            None => {
                // The node itself held its lock; `unshare` ends a moment after the first process.
                let free = || Slot::take("nodes", self.number).ok().flatten();
                if let Some(slot) = wait::until(Duration::from_secs(20), free) {
                    clear(&slot);
                }
            }
        }
    }
}

/// A program that runs beside us until its namespace ends.
fn service(command: &mut Command, log: &Path) -> Result<Child, NodeError> {
    let file = File::create(log).map_err(NodeError::io(log))?;
    let again = file.try_clone().map_err(NodeError::io(log))?;
    command.stdin(Stdio::null()).stdout(again).stderr(file).process_group(0);
    command.spawn().map_err(NodeError::io(Path::new("nsenter")))
}

/// Removes what dead nodes left. They are known by their locks: only a living one holds its own.
fn sweep() {
    for number in slots::used("nodes").unwrap_or_default() {
        if let Ok(Some(dead)) = Slot::take("nodes", number) {
            clear(&dead);
        }
    }
}

fn clear(slot: &Slot) {
    namespace::remove_cgroups(slot.number);
    let _ = fs::remove_dir_all(&slot.folder);
}

fn busybox() -> Result<PathBuf, NodeError> {
    which("busybox").ok_or_else(|| NodeError::Unavailable("`busybox` is missing".to_owned()))
}

fn which(tool: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let sbin = ["/usr/sbin", "/sbin"].map(PathBuf::from);
    std::env::split_paths(&path).chain(sbin).map(|folder| folder.join(tool)).find(|file| file.is_file())
}

fn write(path: &Path, text: &str) -> Result<(), NodeError> {
    fs::write(path, text).map_err(NodeError::io(path))
}
