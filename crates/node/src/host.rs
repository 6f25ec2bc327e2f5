//! This machine: which manifest runs its API server, and how that is asked.

use std::fs;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use crate::api::{Address, Client, Kubeconfig, KubeconfigError, Request};
use crate::inspect::{Distribution, Host, RefusedManifest, find};
use crate::manifest::{BYTES_MAX, Manifest, Pod, Refusal};
use crate::watch::{Site, Starter};

/// Credentials that a control-plane node has, the most able first.
pub(crate) const KUBECONFIGS: [&str; 3] =
    ["/etc/kubernetes/admin.conf", "/etc/kubernetes/super-admin.conf", "/etc/kubernetes/kubelet.conf"];

/// The authority that signs the API server's certificate, for asking without credentials.
pub(crate) const AUTHORITY: &str = "/etc/kubernetes/pki/ca.crt";

/// Where changes are recorded.
pub const STATE: &str = "/var/lib/auditward";

/// The manifest that runs this node's API server.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// The file.
    pub path: PathBuf,
    /// What it says.
    pub manifest: Manifest,
    /// What made the file; none where somebody named it.
    pub distribution: Option<Distribution>,
}

/// Why there is no API server to be changed here.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    /// A file or folder could not be read.
    #[error("could not read `{}`", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no manifest that can be used.
    #[error("`{}`: {refusal}", path.display())]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// Files of which each would run an API server.
    #[error(
        "{} each define an API server; the kubelet reads every file whose name does not begin with a dot",
        shown(paths)
    )]
    Several {
        /// Which.
        paths: Vec<PathBuf>,
    },
    /// Nothing that was looked at runs an API server.
    #[error("nothing here runs kube-apiserver")]
    Nothing,
    /// It is not run from a manifest that may be edited.
    #[error("the API server is run by {distribution}, and auditward does not change that by itself")]
    Elsewhere {
        /// By what.
        distribution: Distribution,
        /// How audit is turned on there: what to write, and where.
        right_way: String,
    },
}

impl ControlPlane {
    /// Finds it: the file that is named, or the one in the kubelet's manifest folder.
    pub fn find(named: Option<&Path>) -> Result<Self, HostError> {
        if let Some(path) = named {
            let manifest =
                read(path)?.map_err(|refusal| HostError::Refused { path: path.to_owned(), refusal })?;
            return Ok(Self { path: path.to_owned(), manifest, distribution: None });
        }
        let found = find(&Host::live());
        let distribution = found.distribution;
        if let Some(distribution) = distribution.filter(|it| !it.is_static_pod() || *it == Distribution::Rke2)
        {
            let right_way = distribution.right_way().to_owned();
            return Err(HostError::Elsewhere { distribution, right_way });
        }
        // A file that can't be read may be the one that the kubelet will trip over.
        if let Some(RefusedManifest { path, refusal }) = found.refused.into_iter().next() {
            return Err(HostError::Refused { path: path.into(), refusal });
        }
        let mut all = found.manifests.into_iter();
        match (all.next(), all.next()) {
            (None, _) => Err(HostError::Nothing),
            (Some(one), None) => Ok(Self { path: one.path.into(), manifest: one.manifest, distribution }),
            (Some(one), Some(other)) => {
                let paths = [one, other].into_iter().chain(all).map(|pod| pod.path.into()).collect();
                Err(HostError::Several { paths })
            }
        }
    }

    /// Other files in the folder that define the same pod or an API server.
    pub fn rivals(&self) -> Result<Vec<PathBuf>, HostError> {
        let pod = self.manifest.pod();
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        let mut rivals = Vec::new();
        for path in candidates(folder)? {
            if path != self.path && rivals_with(&path, pod)? {
                rivals.push(path);
            }
        }
        Ok(rivals)
    }

    /// The address that it announces to the cluster.
    pub fn announced(&self) -> String {
        let server = &self.manifest.pod().api_server;
        let announced = server.flags.value("advertise-address").map(|address| server.expand(address));
        announced.unwrap_or_else(|| local_address(self.manifest.pod()).host)
    }

    /// The same by the credentials of this kubeconfig.
    pub fn site_with(&self, kubeconfig: &Path) -> Result<Site, KubeconfigError> {
        let pod = self.manifest.pod();
        let client = first(clients(&[kubeconfig], Some(&local_address(pod))), true)?;
        Ok(Site { client, starter: starter(pod), proc: "/proc".into() })
    }

    /// The API server, to be asked and watched. With `must_answer` only credentials that it accepts now will do.
    pub fn site(&self, must_answer: bool) -> Result<Site, KubeconfigError> {
        let pod = self.manifest.pod();
        let client = client(&local_address(pod), must_answer)?;
        Ok(Site { client, starter: starter(pod), proc: "/proc".into() })
    }
}

/// The kubelet, as what starts a static pod.
pub(crate) fn starter(pod: &Pod) -> Starter {
    let namespace = if pod.namespace.is_empty() { "default" } else { &pod.namespace };
    Starter::Kubelet {
        pod: format!("{namespace}_{}-{}", pod.name, host_name()),
        pod_logs: "/var/log/pods".into(),
    }
}

/// The cluster's administrator, at the address that the kubeconfig names: for what is the cluster's and not the node's.
///
/// The first that may read who serves the API: on clusters of 1.29 and later `admin.conf` has its rights from a binding,
/// which may be missing, and `super-admin.conf` from its certificate.
pub fn cluster_client() -> Option<Client> {
    let configs = KUBECONFIGS[..2].iter().filter_map(|path| Kubeconfig::read(Path::new(path)).ok());
    let clients: Vec<Client> = configs.filter_map(|config| Client::new(&config).ok()).collect();
    // While the only API server starts there is no such object yet; that it is said so means that one may ask.
    let may = |client: &&Client| match client.ask(Request::get(crate::peers::SLICE)) {
        Ok(_) => true,
        Err(error) => error.status() == Some(404),
    };
    let able = clients.iter().find(may).cloned();
    able.or_else(|| clients.into_iter().next())
}

/// This machine's name, as the kubelet names mirror pods unless it is told otherwise.
pub fn host_name() -> String {
    let from_kubelet = kubelet_arguments().into_iter().flatten().collect::<Vec<_>>();
    let overridden = from_kubelet.iter().enumerate().find_map(|(at, argument)| {
        let value = argument.strip_prefix("--hostname-override")?;
        value.strip_prefix('=').map(str::to_owned).or_else(|| from_kubelet.get(at + 1).cloned())
    });
    overridden
        .unwrap_or_else(|| rustix::system::uname().nodename().to_string_lossy().into_owned())
        .to_lowercase()
}

/// The API server's own address: the one it listens on, the one its probes use, the one it announces, this machine.
pub(crate) fn local_address(pod: &Pod) -> Address {
    let server = &pod.api_server;
    let probed = || server.probes.iter().find_map(|probe| probe.host.clone());
    let announced = || server.flags.value("advertise-address").map(|address| server.expand(address));
    let host = server.bind_address().or_else(probed).or_else(announced);
    Address {
        host: host.filter(|host| !host.is_empty()).unwrap_or_else(|| "127.0.0.1".to_owned()),
        port: server.secure_port().unwrap_or(6443),
    }
}

/// The first credentials that can be used; none at all, if the server tells strangers whether it is ready.
fn client(at: &Address, must_answer: bool) -> Result<Client, KubeconfigError> {
    let configs: Vec<&Path> = KUBECONFIGS.iter().map(Path::new).collect();
    let mut clients = clients(&configs, Some(at));
    let anonymous = Kubeconfig::anonymous(Path::new(AUTHORITY), at.clone(), "kubernetes.default.svc");
    clients.extend(anonymous.ok().map(|config| Client::new(&config)));
    first(clients, must_answer)
}

/// A client for each kubeconfig, asking at another address where one is given.
pub(crate) fn clients(paths: &[&Path], at: Option<&Address>) -> Vec<Result<Client, KubeconfigError>> {
    let client = |path: &&Path| {
        let client = Kubeconfig::read(path).and_then(|config| Client::new(&config))?;
        Ok(at.map_or_else(|| client.clone(), |at| client.at(at.clone())))
    };
    paths.iter().map(client).collect()
}

/// The first that the server answers as ready; with `must_answer` unset, the first that can be used will do.
pub(crate) fn first(
    clients: Vec<Result<Client, KubeconfigError>>,
    must_answer: bool,
) -> Result<Client, KubeconfigError> {
    let mut first_error = None;
    let mut usable = Vec::new();
    for client in clients {
        match client {
            Ok(client) => usable.push(client),
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let answered =
        |client: &Client| client.send(Request::get("/readyz")).is_ok_and(|answer| answer.status == 200);
    let chosen = usable.iter().find(|client| answered(client)).cloned();
    let chosen = if must_answer { chosen } else { chosen.or_else(|| usable.first().cloned()) };
    chosen.or_else(|| usable.into_iter().next()).ok_or_else(|| {
        first_error.unwrap_or_else(|| KubeconfigError::Unusable {
            path: KUBECONFIGS[0].into(),
            what: "there are no credentials on this node".to_owned(),
        })
    })
}

fn kubelet_arguments() -> Option<Vec<String>> {
    let processes = fs::read_dir("/proc").ok()?.flatten();
    processes.filter_map(|entry| fs::read(entry.path().join("cmdline")).ok()).find_map(|line| {
        let arguments: Vec<String> =
            line.split(|byte| *byte == 0).map(|part| String::from_utf8_lossy(part).into_owned()).collect();
        (arguments.first()?.rsplit('/').next() == Some("kubelet")).then_some(arguments)
    })
}

/// The files that the kubelet reads: every one whose name does not begin with a dot, whatever its ending.
fn candidates(folder: &Path) -> Result<Vec<PathBuf>, HostError> {
    let failed = |source| HostError::Read { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let hidden = entry.file_name().to_string_lossy().starts_with('.');
        // Links are followed.
        if !hidden && fs::metadata(entry.path()).is_ok_and(|metadata| metadata.is_file()) {
            files.push(entry.path());
        }
    }
    files.sort();
    Ok(files)
}

fn rivals_with(path: &Path, pod: &Pod) -> Result<bool, HostError> {
    if read(path)?.is_ok() {
        return Ok(true);
    }
    let text = String::from_utf8_lossy(&bytes(path)?).into_owned();
    let Ok(other) = serde_saphyr::from_str::<serde_json::Value>(&text) else { return Ok(false) };
    let metadata = &other["metadata"];
    let same = |key: &str, value: &str| metadata[key].as_str().unwrap_or_default() == value;
    Ok(other["kind"] == "Pod" && same("name", &pod.name) && same("namespace", &pod.namespace))
}

fn read(path: &Path) -> Result<Result<Manifest, Refusal>, HostError> {
    Ok(Manifest::read(&bytes(path)?))
}

fn bytes(path: &Path) -> Result<Vec<u8>, HostError> {
    let mut bytes = Vec::new();
    fs::File::open(path)
        .and_then(|file| file.take(BYTES_MAX as u64 + 1).read_to_end(&mut bytes))
        .map_err(|source| HostError::Read { path: path.to_owned(), source })?;
    Ok(bytes)
}

fn shown(paths: &[PathBuf]) -> String {
    paths.iter().map(|path| format!("`{}`", path.display())).collect::<Vec<_>>().join(" and ")
}
