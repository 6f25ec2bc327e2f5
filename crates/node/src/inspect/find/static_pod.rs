//! Static pods: the kubelet's folders, and the manifests in them that run an API server.

use crate::inspect::host::{Kind, has_extension};
use crate::inspect::process::{Processes, Program};
use crate::inspect::unit;
use crate::inspect::yaml::Document;
use crate::manifest::{BYTES_MAX, Flags, Launch, Manifest, Why};

use super::rancher::Rke2;
use super::{
    CONFIG_MAX, Candidate, Distribution, Look, Origin, RefusedManifest, Setting, StaticPod, audit_settings,
    how_many,
};

/// Where manifests lie when nobody said otherwise; the second is the guide's.
const FOLDERS: [&str; 2] = ["/etc/kubernetes/manifests", "/etc/kubernetes/manifest"];
const KUBELET_CONFIG: &str = "/var/lib/kubelet/config.yaml";
/// How many files of a folder are read.
const FILES_MAX: usize = 200;

/// What the folders hold.
#[derive(Default)]
pub(super) struct Pods {
    pub(super) candidate: Option<Candidate>,
    pub(super) watched: Vec<String>,
    pub(super) manifests: Vec<StaticPod>,
    pub(super) refused: Vec<RefusedManifest>,
}

pub(super) fn look(look: &mut Look<'_>, processes: &Processes, rke2: Option<&Rke2>) -> Pods {
    let watched = watched(look, processes);
    let mut folders = watched.clone();
    folders.extend(rke2.map(|rke2| rke2.manifests.clone()));
    folders.extend(FOLDERS.map(str::to_owned));
    let mut pods = Pods { watched, ..Pods::default() };
    let mut seen = Vec::new();
    for folder in folders {
        if !seen.contains(&folder) {
            pods.look_into(look, &folder);
            seen.push(folder);
        }
    }
    pods.candidate = pods.candidate(look, rke2);
    pods
}

impl Pods {
    fn look_into(&mut self, look: &mut Look<'_>, folder: &str) {
        // Every name that does not begin with a dot counts, whatever it ends with.
        let names = look.folder(folder).into_iter().filter(|name| !name.starts_with('.'));
        let mut servers = Vec::new();
        let mut files = 0;
        for name in names.take(FILES_MAX) {
            let path = format!("{folder}/{name}");
            if look.host.stat(&path).is_ok_and(|stat| stat.kind != Kind::File) {
                continue;
            }
            files += 1;
            let Some(text) = look.file(&path, BYTES_MAX as u64) else { continue };
            match Manifest::read(&text) {
                Ok(manifest) => {
                    servers.push(name);
                    look.found(&path, format!("a pod with kube-apiserver, `{}`", manifest.pod().name));
                    let watched =
                        (!self.watched.is_empty()).then(|| self.watched.iter().any(|w| w == folder));
                    self.manifests.push(StaticPod { path, watched, manifest });
                }
                Err(refusal) => {
                    let ours = !matches!(refusal.why, Why::NoApiServer) && mentions(&text);
                    if ours {
                        look.found(&path, format!("mentions kube-apiserver, but: {refusal}"));
                        self.refused.push(RefusedManifest { path, refusal });
                    }
                }
            }
        }
        if files > 0 || look.host.exists(folder) {
            let what = format!(
                "{files} {}, {} with kube-apiserver",
                if files == 1 { "file" } else { "files" },
                servers.len()
            );
            // That it could not be listed was noted already.
            if look.host.list(folder).is_ok() {
                look.found(folder, what);
            }
        }
    }

    fn candidate(&self, look: &mut Look<'_>, rke2: Option<&Rke2>) -> Option<Candidate> {
        let pod = self.manifests.iter().rfind(|pod| pod.watched == Some(true)).or(self.manifests.last())?;
        let distribution = distribution(look, pod, rke2);
        let server = &pod.manifest.pod().api_server;
        let mut settings: Vec<Setting> =
            audit_settings(&server.flags, |flag| Origin::File(pod.path.clone(), flag.line));
        for setting in &mut settings {
            setting.value = server.expand(&setting.value);
        }
        let mut notes = Vec::new();
        if distribution == Distribution::OpenShift {
            let (more, note) = openshift(look, pod);
            settings.extend(more);
            notes.extend(note);
        } else if let Launch::Shell { program } = &server.launch {
            settings = in_script(pod);
            notes
                .push(format!("`{program}` starts the API server, so its flags were looked for in a script"));
        }
        Some(Candidate {
            distribution,
            sign: format!("{} runs kube-apiserver", pod.path),
            program: Program::KubeApiserver,
            settings,
            notes,
            version: server.image_version().map(str::to_owned),
        })
    }
}

fn mentions(text: &[u8]) -> bool {
    text.windows(b"kube-apiserver".len()).any(|part| part == b"kube-apiserver")
}

/// The folders that the kubelet watches, by its flags and its configuration.
fn watched(look: &mut Look<'_>, processes: &Processes) -> Vec<String> {
    let mut folders = Vec::new();
    let mut configs = Vec::new();
    let mut drop_ins = Vec::new();
    let mut flags: Vec<Flags> =
        processes.of(Program::Kubelet).map(super::super::process::Process::flags).collect();
    if flags.is_empty()
        && let Some(words) = unit::command(look, "kubelet")
    {
        flags.push(Flags::parse(words.iter().skip(1).map(|word| (word.text.as_str(), word.line))));
    }
    for flags in &flags {
        folders.extend(flags.value("pod-manifest-path").map(str::to_owned));
        configs.extend(flags.value("config").map(str::to_owned));
        drop_ins.extend(flags.value("config-dir").map(str::to_owned));
    }
    if configs.is_empty() && look.host.exists(KUBELET_CONFIG) {
        configs.push(KUBELET_CONFIG.to_owned());
    }
    // Drop-ins are laid over the file, by name; the last word counts. Flags are above both.
    let mut files = configs;
    for folder in drop_ins {
        let names = look.folder(&folder);
        files.extend(
            names.iter().filter(|name| has_extension(name, &["conf"])).map(|name| format!("{folder}/{name}")),
        );
    }
    let mut configured = None;
    for path in files {
        let Some(text) = look.file(&path, CONFIG_MAX) else { continue };
        let Some(document) = Document::read(&text) else {
            look.found(&path, "no YAML");
            continue;
        };
        match document.string(&["staticPodPath"]).filter(|folder| !folder.is_empty()) {
            Some(folder) => {
                look.found(&path, format!("staticPodPath {folder}"));
                configured = Some(folder);
            }
            None => look.found(&path, "no staticPodPath"),
        }
    }
    if folders.is_empty() {
        folders.extend(configured);
    }
    let clean = |folder: String| folder.trim_end_matches('/').to_owned();
    let mut folders: Vec<String> =
        folders.into_iter().map(clean).filter(|folder| folder.starts_with('/')).collect();
    folders.dedup();
    folders
}

fn distribution(look: &Look<'_>, pod: &StaticPod, rke2: Option<&Rke2>) -> Distribution {
    let says = pod.manifest.pod();
    let server = &says.api_server;
    let host = look.host;
    if rke2.is_some_and(|rke2| pod.path.starts_with(&rke2.manifests)) {
        Distribution::Rke2
    } else if says.namespace.starts_with("openshift-") {
        Distribution::OpenShift
    } else if pod.path.ends_with(".manifest") && says.labels.contains_key("k8s-app") {
        Distribution::Kops
    } else if host.exists("/kind/version") {
        Distribution::Kind
    } else if host.exists("/var/lib/minikube") {
        Distribution::Minikube
    } else if host.exists("/etc/kubernetes/kubelet.env") || host.exists("/etc/kubernetes/kubeadm-images.yaml")
    {
        Distribution::Kubespray
    } else if says.labels.get("component").is_some_and(|name| name == "kube-apiserver")
        && server.image.contains("kube-apiserver")
    {
        Distribution::Kubeadm
    } else {
        Distribution::StaticPod
    }
}

/// The words of a script that look like audit flags. What the shell would make of variables is not known.
fn in_script(pod: &StaticPod) -> Vec<Setting> {
    let text = pod.manifest.text();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with('#'));
    let words = lines.flat_map(|(at, line)| {
        let words = line.split(|c: char| c.is_whitespace() || "\"'\\;,".contains(c));
        words.filter(|word| word.starts_with("--audit")).map(move |word| (word, at + 1))
    });
    audit_settings(&Flags::parse(words), |flag| Origin::File(pod.path.clone(), flag.line))
}

/// `OpenShift`'s flags stand in a file beside the pod, `apiServerArguments` with a list for each.
fn openshift(look: &mut Look<'_>, pod: &StaticPod) -> (Vec<Setting>, Option<String>) {
    const INSIDE: &str = "/etc/kubernetes/static-pod-resources/configmaps/config/config.yaml";
    let Some(path) = pod.manifest.pod().on_node(INSIDE).map(|on| on.path) else {
        return (
            Vec::new(),
            Some("the pod mounts no static-pod-resources, where its flags would stand".to_owned()),
        );
    };
    let Some(text) = look.file(&path, CONFIG_MAX) else {
        return (Vec::new(), Some(format!("the flags stand in {path}, which could not be read")));
    };
    let Some(document) = Document::read(&text) else {
        look.found(&path, "no YAML");
        return (Vec::new(), Some(format!("the flags stand in {path}, which is no YAML")));
    };
    let settings = super::settings_by_name(&document, &["apiServerArguments"], &path);
    look.found(&path, how_many(&settings));
    (settings, None)
}
