//! Whether a manifest may be changed at all: what is generated, copied, templated, cut off or hidden in a script is read,
//! and left alone.

use std::collections::HashSet;

use auditward_policy::read::{Node, Position, Value};

use super::Manifest;
use super::fields::first_invalid;
use super::plan::is_label;
use super::pod::{HostPathType, Launch, VolumeSource};
use super::read::marker;
use super::refusal::{Generator, Refusal, Why};

/// Everything that stands in the way of any change, the plainest first.
pub(super) fn check(manifest: &Manifest) -> Result<(), Vec<Refusal>> {
    let checker = Checker { manifest };
    let mut found = Vec::new();
    found.extend(checker.generated());
    found.extend(checker.copied());
    found.extend(checker.template());
    found.extend(manifest.second.map(|offset| Refusal::at(manifest.place(offset), Why::SeveralDocuments)));
    if let Launch::Shell { program } = &manifest.pod.api_server.launch {
        found.push(checker.in_container("command", Why::Shell { program: program.clone() }));
    }
    found.extend(checker.cut_off());
    found.extend(checker.invalid());
    if found.is_empty() { Ok(()) } else { Err(found) }
}

struct Checker<'m> {
    manifest: &'m Manifest,
}

impl Checker<'_> {
    /// Who else writes this file, by the signs they leave.
    fn generated(&self) -> Option<Refusal> {
        let pod = &self.manifest.pod;
        let api = &pod.api_server;
        let value = |text: &str| {
            api.flags.iter().find_map(|flag| {
                let value = flag.value.as_deref().filter(|value| value.starts_with(text))?;
                Some(format!("--{}={value}", flag.name))
            })
        };
        let annotation = |prefix: &str| {
            pod.annotations
                .keys()
                .find(|name| name.starts_with(prefix))
                .map(|name| format!("annotation {name}"))
        };
        let image = |part: &str| api.image.contains(part).then(|| format!("image {}", api.image));
        let wrapper = match &api.launch {
            Launch::Listed { wrapper: Some(wrapper), .. } if wrapper.ends_with("/go-runner") => {
                Some(wrapper.clone())
            }
            _ => None,
        };
        let kops = annotation("dns.alpha.kubernetes.io/internal")
            .or_else(|| value("/srv/kubernetes/kube-apiserver/"));
        let signs = [
            (
                Generator::Rke2,
                image("rancher/hardened-kubernetes").or_else(|| value("/var/lib/rancher/rke2/")),
            ),
            (
                Generator::OpenShift,
                (pod.namespace == "openshift-kube-apiserver")
                    .then(|| format!("namespace {}", pod.namespace))
                    .or_else(|| annotation("openshift.io/"))
                    .or_else(|| annotation("kubernetes.openshift.io/")),
            ),
            (Generator::Talos, annotation("talos.dev/").or_else(|| value("/system/secrets/"))),
            (Generator::Kops, wrapper.as_ref().and(kops)),
            (Generator::Gce, wrapper.map(|wrapper| format!("{wrapper} starts it"))),
        ];
        let (by, sign) = signs.into_iter().find_map(|(by, sign)| Some((by, sign?)))?;
        Some(self.in_container("name", Why::Generated { by, sign }))
    }

    /// What only the API sets.
    fn copied(&self) -> Option<Refusal> {
        let root = &self.manifest.root;
        let metadata = root.get("metadata");
        let fields = ["uid", "ownerReferences", "resourceVersion", "managedFields"];
        let field =
            fields.into_iter().find_map(|field| Some((format!("metadata.{field}"), metadata?.get(field)?)));
        let mirror = || {
            let annotation = metadata?.get("annotations")?.get("kubernetes.io/config.mirror")?;
            Some(("metadata.annotations.kubernetes.io/config.mirror".to_owned(), annotation))
        };
        let status = || {
            let status = root.get("status")?;
            let said = matches!(&status.value, Value::Map(entries) if !entries.is_empty());
            said.then(|| ("status".to_owned(), status))
        };
        let (field, node) = field.or_else(mirror).or_else(status)?;
        Some(self.at(node, Why::MirrorDump { field }))
    }

    /// A placeholder in what the API server is started with.
    fn template(&self) -> Option<Refusal> {
        let root = &self.manifest.root;
        let mut strings = Vec::new();
        let container = self.container();
        let parts =
            ["command", "args", "image", "volumeMounts", "livenessProbe", "readinessProbe", "startupProbe"];
        let parts = parts.into_iter().filter_map(|key| container?.get(key));
        let volumes = root.get("spec").and_then(|spec| spec.get("volumes"));
        for node in parts.chain(volumes) {
            collect(node, &mut strings);
        }
        let is_script = matches!(self.manifest.pod.api_server.launch, Launch::Shell { .. });
        strings.into_iter().filter(|(text, _)| !(is_script && text.contains(char::is_whitespace))).find_map(
            |(text, node)| {
                let (_, marker) = marker(text)?;
                Some(self.at(node, Why::Template { marker: marker.to_owned() }))
            },
        )
    }

    /// What the kubelet would refuse, or what shows that the end of the file is missing.
    fn cut_off(&self) -> Option<Refusal> {
        let pod = &self.manifest.pod;
        let api = &pod.api_server;
        let spec = self.manifest.root.get("spec")?;
        let half = |message: String| Why::HalfWritten { message };
        if pod.name.is_empty() {
            return Some(Refusal::whole(half("the pod has no `metadata.name`".into())));
        }
        let mut names = HashSet::new();
        for name in &pod.containers {
            if !is_label(name) || !names.insert(name) {
                let message = match name.as_str() {
                    "" => "a container has no name".to_owned(),
                    name => format!("`{name}` is no name of a container, or is there twice"),
                };
                return Some(self.in_container("name", half(message)));
            }
        }
        if api.image.is_empty() {
            return Some(self.in_container("image", half("the container has no image".into())));
        }
        if let Some(refusal) = self.bad_volume(spec) {
            return Some(refusal);
        }
        let mut paths = HashSet::new();
        for mount in &api.mounts {
            let volume = pod.volumes.iter().any(|volume| volume.name == mount.volume);
            let message = if !volume {
                format!(
                    "volume `{}` is mounted (line {}), but there is no such volume",
                    mount.volume, mount.line
                )
            } else if mount.path.is_empty() || mount.path.contains(':') || !paths.insert(&mount.path) {
                format!("`{}` is no path to mount at, or is there twice (line {})", mount.path, mount.line)
            } else {
                continue;
            };
            return Some(self.in_container("volumeMounts", half(message)));
        }
        if let Some(volume) =
            pod.mounted_elsewhere.iter().find(|name| !pod.volumes.iter().any(|volume| volume.name == **name))
        {
            return Some(
                self.at(spec, half(format!("volume `{volume}` is mounted, but there is no such volume"))),
            );
        }
        for key in ["livenessProbe", "readinessProbe", "startupProbe"] {
            let probe = self.container()?.get(key).filter(|node| !matches!(node.value, Value::Null));
            let asks = |probe: &Node| {
                ["httpGet", "exec", "tcpSocket", "grpc"].iter().any(|how| probe.get(how).is_some())
            };
            if let Some(probe) = probe.filter(|probe| !asks(probe)) {
                return Some(self.at(probe, half(format!("`{key}` does not say what to ask"))));
            }
        }
        // Certificates have to come from somewhere.
        let file = api.flags.iter().find(|flag| {
            flag.name.ends_with("file") && !flag.name.starts_with("audit-") && flag.meaning().starts_with('/')
        });
        let flag = file.filter(|_| api.mounts.is_empty())?;
        let message =
            format!("--{}={} is in no mount: there are no mounts at all", flag.name, flag.meaning());
        Some(self.in_container("name", half(message)))
    }

    /// What else makes the kubelet drop the file.
    fn invalid(&self) -> Option<Refusal> {
        let text = &self.manifest.text;
        if text.trim_start().starts_with('{')
            && let Err(error) = serde_json::from_str::<serde_json::Value>(text)
        {
            let place = Position { line: error.line(), column: error.column() };
            return Some(Refusal::at(place, Why::NotJson { message: error.to_string() }));
        }
        let (field, node, message) = first_invalid(&self.manifest.root)?;
        Some(self.at(node, Why::Invalid { field, message }))
    }

    fn bad_volume(&self, spec: &Node) -> Option<Refusal> {
        let mut names = HashSet::new();
        let Value::List(nodes) = &spec.get("volumes")?.value else { return None };
        for (volume, node) in self.manifest.pod.volumes.iter().zip(nodes) {
            let sources = match &node.value {
                Value::Map(entries) => entries
                    .iter()
                    .filter(|entry| entry.key != "name" && !matches!(entry.node.value, Value::Null))
                    .count(),
                _ => 0,
            };
            let message = match &volume.source {
                _ if volume.name.is_empty() => "a volume has no name".to_owned(),
                _ if !is_label(&volume.name) => format!("`{}` is no name of a volume", volume.name),
                _ if !names.insert(&volume.name) => format!("two volumes are named `{}`", volume.name),
                _ if sources > 1 => format!("volume `{}` is two things at once", volume.name),
                VolumeSource::HostPath { path, .. } if path.is_empty() => {
                    format!("volume `{}` has no path", volume.name)
                }
                VolumeSource::HostPath { path, .. } if path.split('/').any(|part| part == "..") => {
                    format!("the path of volume `{}` has `..` in it", volume.name)
                }
                VolumeSource::HostPath { kind: HostPathType::Unknown(word), .. } => {
                    format!("volume `{}` has the unknown type `{word}`", volume.name)
                }
                _ => continue,
            };
            return Some(self.at(node, Why::HalfWritten { message }));
        }
        None
    }

    fn container(&self) -> Option<&Node> {
        match &self.manifest.root.get("spec")?.get("containers")?.value {
            Value::List(nodes) => nodes.get(self.manifest.pod.api_server.index),
            _ => None,
        }
    }

    /// At a field of the API server's container, or at the container.
    fn in_container(&self, key: &str, why: Why) -> Refusal {
        let container = self.container();
        match container.and_then(|container| container.get(key)).or(container) {
            Some(node) => self.at(node, why),
            None => Refusal::whole(why),
        }
    }

    fn at(&self, node: &Node, why: Why) -> Refusal {
        Refusal::at(self.manifest.place(node.span.start), why)
    }
}

/// All texts in a value.
fn collect<'n>(node: &'n Node, strings: &mut Vec<(&'n str, &'n Node)>) {
    match &node.value {
        Value::String(text) => strings.push((text, node)),
        Value::List(nodes) => nodes.iter().for_each(|node| collect(node, strings)),
        Value::Map(entries) => entries.iter().for_each(|entry| collect(&entry.node, strings)),
        _ => {}
    }
}
