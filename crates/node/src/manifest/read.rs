//! Bytes to [`Manifest`]: one document, one pod, one API server.
//!
//! The kubelet turns the first YAML document into JSON and decodes that without strictness: what it does not know it
//! ignores, a key set twice has its last value, but a value of the wrong type refuses the whole file. So do we.

use std::collections::BTreeMap;

use auditward_policy::read::{Node, SyntaxError, Value, documents, position};

use super::flags::Flags;
use super::pod::{
    ApiServer, ArgumentList, HostPathType, Launch, Mount, Pod, Probe, ProbeKind, Security, Volume,
    VolumeSource,
};
use super::refusal::{Refusal, Why};
use super::syntax::{self, Written};
use super::{BYTES_MAX, Manifest};

pub(super) fn read(bytes: &[u8]) -> Result<Manifest, Refusal> {
    if bytes.len() > BYTES_MAX {
        return Err(Refusal::whole(Why::TooLarge { bytes: bytes.len(), max: BYTES_MAX }));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| Refusal::at(position(bytes, error.valid_up_to()), Why::NotText))?;
    // The kubelet's parser takes a mark inside for a letter, ours for nothing.
    if let Some(offset) = text.rfind('\u{feff}').filter(|offset| *offset > 0) {
        let message = "not YAML: a byte order mark stands inside it".to_owned();
        return Err(Refusal::at(position(bytes, offset), Why::NotYaml { message }));
    }
    // The YAML parser panics at a tag with a comma behind it; `!` hardly ever stands in a manifest.
    if let Some(offset) = tag_before_comma(text) {
        let message = "not YAML that can be read here: `!` and a comma stand in one word".to_owned();
        return Err(Refusal::at(position(bytes, offset), Why::NotYaml { message }));
    }
    let (trees, error) = documents(bytes);
    let tree = match (trees.into_iter().next(), error) {
        (Some(tree), _) => tree,
        (None, Some(error)) => return Err(not_yaml(text, &error)),
        (None, None) => return Err(Refusal::whole(Why::NotAPod { message: "the file is empty".into() })),
    };
    let pod = Reader { text }.pod(&tree.root).map_err(|refusal| match template(text) {
        // A placeholder is why it does not fit; that is worth more than where it does not.
        Some((offset, marker)) if matches!(refusal.why, Why::NotAPod { .. } | Why::Invalid { .. }) => {
            Refusal::at(position(bytes, offset), Why::Template { marker })
        }
        _ => refusal,
    })?;
    let Some(Written { root: syntax, second, version }) = syntax::parse(text) else {
        return Err(Refusal::whole(Why::NotAPod { message: "the file is empty".into() }));
    };
    if let Some((offset, version)) = version {
        return Err(Refusal::at(position(bytes, offset), Why::YamlVersion { version }));
    }
    Ok(Manifest { text: text.to_owned(), root: tree.root, pod, syntax, second })
}

/// A `!` with a comma somewhere behind it in the same word.
fn tag_before_comma(text: &str) -> Option<usize> {
    text.split(char::is_whitespace).find_map(|word| {
        let tag = word.find('!').filter(|tag| word[*tag..].contains(','))?;
        Some(word.as_ptr() as usize - text.as_ptr() as usize + tag)
    })
}

fn not_yaml(text: &str, error: &SyntaxError) -> Refusal {
    let place = position(text.as_bytes(), error.offset);
    if let Some((offset, marker)) = template(text) {
        return Refusal::at(position(text.as_bytes(), offset), Why::Template { marker });
    }
    match indenting_tab(text, error.offset) {
        Some(offset) => Refusal::at(position(text.as_bytes(), offset), Why::Tab),
        None => Refusal::at(place, Why::NotYaml { message: error.message.clone() }),
    }
}

/// The tab in the indentation of the line at `offset` or of the one before, where the parser noticed.
fn indenting_tab(text: &str, offset: usize) -> Option<usize> {
    let start = |at: usize| text[..at].rfind('\n').map_or(0, |newline| newline + 1);
    let here = start(text.floor_char_boundary(offset.min(text.len())));
    let before = start(here.saturating_sub(1));
    [here, before].into_iter().find_map(|line| {
        let indent = text[line..].len() - text[line..].trim_start_matches([' ', '\t']).len();
        text[line..line + indent].find('\t').map(|tab| line + tab)
    })
}

/// The first placeholder outside comments, with its offset: `{{ x }}`, `{% x %}`, `{NAME}`, `__NAME__`, `${NAME}`.
pub(super) fn template(text: &str) -> Option<(usize, String)> {
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        if !line.trim_start().starts_with('#')
            && let Some((at, marker)) = marker(line)
        {
            return Some((offset + at, marker.to_owned()));
        }
        offset += line.len();
    }
    None
}

/// The first placeholder in a line or a value.
pub(super) fn marker(line: &str) -> Option<(usize, &str)> {
    let braces = [("{{", "}}"), ("{%", "%}")].into_iter().find_map(|(open, close)| {
        let start = line.find(open)?;
        let end = line[start..].find(close).map_or(line.trim_end().len(), |end| start + end + close.len());
        Some((start, &line[start..end]))
    });
    let names = || {
        [("${", "}"), ("{", "}"), ("__", "__")].into_iter().find_map(|(open, close)| {
            line.match_indices(open).find_map(|(start, _)| {
                let body = &line[start + open.len()..];
                let name = &body[..body.find(close)?];
                let is_name = name.starts_with(|c: char| c.is_ascii_uppercase())
                    && name.bytes().all(|byte| matches!(byte, b'A'..=b'Z' | b'0'..=b'9' | b'_'));
                is_name.then(|| (start, &line[start..start + open.len() + name.len() + close.len()]))
            })
        })
    };
    braces.or_else(names)
}

/// Reads fields out of a tree; every refusal names the field and its place.
struct Reader<'t> {
    text: &'t str,
}

type Result<T, E = Refusal> = std::result::Result<T, E>;

impl Reader<'_> {
    fn pod(&self, root: &Node) -> Result<Pod> {
        let Value::Map(_) = root.value else {
            return Err(self.not_a_pod(root, format!("the file is {}, not a pod", root.kind())));
        };
        let (version, kind) = (self.string(root, "", "apiVersion")?, self.string(root, "", "kind")?);
        if (version.as_str(), kind.as_str()) != ("v1", "Pod") {
            let node = root.get("kind").unwrap_or(root);
            let shown = |word: &str| if word.is_empty() { "nothing".to_owned() } else { format!("`{word}`") };
            let message = format!(
                "this is {} of {}, not a `Pod` of `v1`, and the kubelet runs nothing else",
                shown(&kind),
                shown(&version)
            );
            return Err(self.not_a_pod(node, message));
        }
        let null = Node { value: Value::Null, span: 0..0 };
        let metadata = self.map(root, "", "metadata")?.unwrap_or(&null);
        let Some(spec) = self.map(root, "", "spec")? else {
            return Err(self.not_a_pod(root, "the pod has no `spec`".into()));
        };
        let containers = self.list(spec, "spec", "containers")?;
        let names = containers
            .iter()
            .map(|node| self.string(node, "spec.containers[]", "name"))
            .collect::<Result<_>>()?;
        let api_server = self.api_server(containers, root)?;
        let mut mounted_elsewhere = Vec::new();
        let others = containers.iter().enumerate().filter(|(index, _)| *index != api_server.index);
        for node in others.map(|(_, node)| node).chain(self.list(spec, "spec", "initContainers")?) {
            mounted_elsewhere.extend(self.mounts(node)?.into_iter().map(|mount| mount.volume));
        }
        Ok(Pod {
            name: self.string(metadata, "metadata", "name")?,
            namespace: self.string(metadata, "metadata", "namespace")?,
            labels: self.strings_by_key(metadata, "metadata", "labels")?,
            annotations: self.strings_by_key(metadata, "metadata", "annotations")?,
            host_network: self.boolean(spec, "spec", "hostNetwork")?.unwrap_or(false),
            security: self.security(spec, "spec")?,
            volumes: self.volumes(spec)?,
            api_server,
            containers: names,
            mounted_elsewhere,
        })
    }

    /// The container that runs kube-apiserver. One that runs the program itself goes before one whose script does.
    fn api_server(&self, containers: &[Node], root: &Node) -> Result<ApiServer> {
        let mut found = Vec::new();
        for (index, node) in containers.iter().enumerate() {
            let words = self.words(node)?;
            let image = self.string(node, "spec.containers[]", "image")?;
            if let Some((launch, first)) = launch(&words, &image) {
                found.push((index, node, words, launch, first));
            }
        }
        if found.iter().any(|(_, _, _, launch, _)| matches!(launch, Launch::Listed { .. })) {
            found.retain(|(_, _, _, launch, _)| matches!(launch, Launch::Listed { .. }));
        }
        let name = |node: &Node| self.string(node, "spec.containers[]", "name");
        let mut found = found.into_iter();
        let Some((index, node, words, launch, first)) = found.next() else {
            return Err(self.refusal(root.get("spec").unwrap_or(root), Why::NoApiServer));
        };
        if let Some((_, second, ..)) = found.next() {
            let why = Why::TwoApiServers { first: name(node)?, second: name(second)? };
            return Err(self.refusal(second, why));
        }
        let at = "spec.containers[]";
        Ok(ApiServer {
            index,
            line: self.line(node),
            name: name(node)?,
            image: self.string(node, at, "image")?,
            flags: Flags::parse(words[first..].iter().map(|word| (word.text, self.line(word.node)))),
            first_word: first,
            command_words: words.iter().filter(|word| word.list == ArgumentList::Command).count(),
            launch,
            names_first: self.names_first(node)?,
            mounts: self.mounts(node)?,
            security: self.security(node, at)?,
            probes: self.probes(node)?,
            env: self.env(node)?,
        })
    }

    /// The words of `command` and `args`, as the container gets them.
    fn words<'n>(&self, container: &'n Node) -> Result<Vec<Word<'n>>> {
        let mut words = Vec::new();
        for list in [ArgumentList::Command, ArgumentList::Args] {
            for node in self.list(container, "spec.containers[]", list.key())? {
                let text = match &node.value {
                    Value::String(text) => text.as_str(),
                    // Go's zero value.
                    Value::Null => "",
                    _ => {
                        let field = format!("spec.containers[].{}[]", list.key());
                        return Err(self.wrong_type(&field, node, "a string"));
                    }
                };
                words.push(Word { text, list, node });
            }
        }
        Ok(words)
    }

    fn volumes(&self, spec: &Node) -> Result<Vec<Volume>> {
        let at = "spec.volumes[]";
        let volume = |node: &Node| {
            let source = match &node.value {
                Value::Map(entries) => entries
                    .iter()
                    .find(|entry| entry.key != "name" && !matches!(entry.node.value, Value::Null))
                    .map(|entry| entry.key.as_str()),
                _ => return Err(self.wrong_type(at, node, "a mapping")),
            };
            let source = match (self.map(node, at, "hostPath")?, source) {
                (Some(host), _) => VolumeSource::HostPath {
                    path: self.string(host, "spec.volumes[].hostPath", "path")?,
                    kind: HostPathType::from(self.string(host, "spec.volumes[].hostPath", "type")?.as_str()),
                },
                (None, Some(other)) => VolumeSource::Other(other.to_owned()),
                (None, None) => VolumeSource::None,
            };
            Ok(Volume { name: self.string(node, at, "name")?, source, line: self.line(node) })
        };
        self.list(spec, "spec", "volumes")?.iter().map(volume).collect()
    }

    fn mounts(&self, container: &Node) -> Result<Vec<Mount>> {
        let at = "spec.containers[].volumeMounts[]";
        let mount = |node: &Node| {
            let sub_path = self.string(node, at, "subPath")?;
            let sub_path_expr = self.string(node, at, "subPathExpr")?;
            Ok(Mount {
                volume: self.string(node, at, "name")?,
                path: self.string(node, at, "mountPath")?,
                read_only: self.boolean(node, at, "readOnly")?.unwrap_or(false),
                sub_path: [sub_path, sub_path_expr].into_iter().find(|path| !path.is_empty()),
                line: self.line(node),
            })
        };
        self.list(container, "spec.containers[]", "volumeMounts")?.iter().map(mount).collect()
    }

    fn names_first(&self, container: &Node) -> Result<bool> {
        let first = self.list(container, "spec.containers[]", "volumeMounts")?.first();
        Ok(match first.map(|node| &node.value) {
            Some(Value::Map(entries)) => entries.first().is_some_and(|entry| entry.key == "name"),
            // Without a neighbour, as the container itself is written.
            _ => {
                matches!(&container.value, Value::Map(entries) if entries.first().is_some_and(|entry| entry.key == "name"))
            }
        })
    }

    fn security(&self, owner: &Node, at: &str) -> Result<Security> {
        let Some(node) = self.map(owner, at, "securityContext")? else { return Ok(Security::default()) };
        let at = format!("{at}.securityContext");
        let groups = self.list(node, &at, "supplementalGroups")?.iter();
        Ok(Security {
            user: self.integer(node, &at, "runAsUser")?,
            group: self.integer(node, &at, "runAsGroup")?,
            fs_group: self.integer(node, &at, "fsGroup")?,
            supplemental_groups: groups.filter_map(integer).collect(),
            read_only_root: self.boolean(node, &at, "readOnlyRootFilesystem")?,
        })
    }

    fn probes(&self, container: &Node) -> Result<Vec<Probe>> {
        let mut ports = BTreeMap::new();
        for port in self.list(container, "spec.containers[]", "ports")? {
            let number = self.integer(port, "spec.containers[].ports[]", "containerPort")?;
            ports.insert(self.string(port, "spec.containers[].ports[]", "name")?, number);
        }
        let mut probes = Vec::new();
        for (kind, key) in [
            (ProbeKind::Liveness, "livenessProbe"),
            (ProbeKind::Readiness, "readinessProbe"),
            (ProbeKind::Startup, "startupProbe"),
        ] {
            let Some(probe) = self.map(container, "spec.containers[]", key)? else { continue };
            let at = format!("spec.containers[].{key}");
            let Some(http) = self.map(probe, &at, "httpGet")? else { continue };
            let at = format!("{at}.httpGet");
            let port = match http.get("port") {
                Some(Node { value: Value::String(name), .. }) => ports.get(name).copied().flatten(),
                Some(node) => integer(node),
                None => None,
            };
            let scheme = self.string(http, &at, "scheme")?;
            probes.push(Probe {
                kind,
                host: Some(self.string(http, &at, "host")?).filter(|host| !host.is_empty()),
                port: port.and_then(|port| u16::try_from(port).ok()),
                scheme: if scheme.is_empty() { "HTTP".into() } else { scheme },
                path: self.string(http, &at, "path")?,
            });
        }
        Ok(probes)
    }

    fn env(&self, container: &Node) -> Result<BTreeMap<String, Option<String>>> {
        let at = "spec.containers[].env[]";
        let variable = |node: &Node| {
            let value = match node.get("valueFrom") {
                Some(Node { value: Value::Map(_), .. }) => None,
                _ => Some(self.string(node, at, "value")?),
            };
            Ok((self.string(node, at, "name")?, value))
        };
        self.list(container, "spec.containers[]", "env")?.iter().map(variable).collect()
    }

    /// The text at `key`; empty where there is none, as in Go.
    fn string(&self, owner: &Node, at: &str, key: &str) -> Result<String> {
        match present(owner, key) {
            None => Ok(String::new()),
            Some(Node { value: Value::String(text), .. }) => Ok(text.clone()),
            Some(node) => Err(self.wrong_type(&field(at, key), node, "a string")),
        }
    }

    fn boolean(&self, owner: &Node, at: &str, key: &str) -> Result<Option<bool>> {
        match present(owner, key) {
            None => Ok(None),
            Some(Node { value: Value::Bool(value), .. }) => Ok(Some(*value)),
            Some(node) => Err(self.wrong_type(&field(at, key), node, "a boolean")),
        }
    }

    fn integer(&self, owner: &Node, at: &str, key: &str) -> Result<Option<i64>> {
        let Some(node) = present(owner, key) else { return Ok(None) };
        integer(node).map(Some).ok_or_else(|| self.wrong_type(&field(at, key), node, "a whole number"))
    }

    fn map<'n>(&self, owner: &'n Node, at: &str, key: &str) -> Result<Option<&'n Node>> {
        match present(owner, key) {
            Some(node) if !matches!(node.value, Value::Map(_)) => {
                Err(self.wrong_type(&field(at, key), node, "a mapping"))
            }
            node => Ok(node),
        }
    }

    fn list<'n>(&self, owner: &'n Node, at: &str, key: &str) -> Result<&'n [Node]> {
        match present(owner, key) {
            None => Ok(&[]),
            Some(Node { value: Value::List(nodes), .. }) => Ok(nodes),
            Some(node) => Err(self.wrong_type(&field(at, key), node, "a list")),
        }
    }

    fn strings_by_key(&self, owner: &Node, at: &str, key: &str) -> Result<BTreeMap<String, String>> {
        let Some(Node { value: Value::Map(entries), .. }) = self.map(owner, at, key)? else {
            return Ok(BTreeMap::new());
        };
        let entry = |entry: &auditward_policy::read::Entry| match &entry.node.value {
            Value::String(text) => Ok((entry.key.clone(), text.clone())),
            Value::Null => Ok((entry.key.clone(), String::new())),
            _ => Err(self.wrong_type(&format!("{}.{}", field(at, key), entry.key), &entry.node, "a string")),
        };
        entries.iter().map(entry).collect()
    }

    fn wrong_type(&self, field: &str, node: &Node, wanted: &str) -> Refusal {
        let message = format!("is {}, not {wanted}", node.kind());
        self.refusal(node, Why::Invalid { field: field.to_owned(), message })
    }

    fn not_a_pod(&self, node: &Node, message: String) -> Refusal {
        self.refusal(node, Why::NotAPod { message })
    }

    fn refusal(&self, node: &Node, why: Why) -> Refusal {
        Refusal::at(position(self.text.as_bytes(), node.span.start), why)
    }

    fn line(&self, node: &Node) -> usize {
        position(self.text.as_bytes(), node.span.start).line
    }
}

/// One word of a command line, and where it stands.
struct Word<'n> {
    text: &'n str,
    list: ArgumentList,
    node: &'n Node,
}

/// How these words start kube-apiserver, and which word is the first behind its name; `None` when they do not.
fn launch(words: &[Word<'_>], image: &str) -> Option<(Launch, usize)> {
    let listed = |first: usize, wrapper: Option<&str>| {
        // What is added goes behind what is there: to `args` when there are any.
        let list = words.last().map_or(ArgumentList::Command, |word| word.list);
        Some((Launch::Listed { list, wrapper: wrapper.map(str::to_owned) }, first))
    };
    let program = words.first()?.text;
    let second = words.get(1).map(|word| word.text);
    match base_name(program) {
        "kube-apiserver" => listed(1, None),
        "hyperkube" if matches!(second, Some("apiserver" | "kube-apiserver")) => listed(2, None),
        "sh" | "bash" | "dash" | "ash" | "busybox" | "env" | "timeout"
            if words[1..]
                .iter()
                .any(|word| word.text.contains(char::is_whitespace) && runs_it(word.text)) =>
        {
            Some((Launch::Shell { program: program.to_owned() }, words.len()))
        }
        // Without a command the image's own program runs: kube-apiserver, when these are flags and that is its name.
        _ if program.starts_with("--") && words[0].list == ArgumentList::Args => {
            let name = image.rsplit('/').next().unwrap_or_default();
            if name.starts_with("kube-apiserver") { listed(0, None) } else { None }
        }
        _ => {
            let own =
                |word: &Word<'_>| word.text.starts_with('/') && base_name(word.text) == "kube-apiserver";
            let at = words.iter().position(own)?;
            listed(at + 1, Some(program))
        }
    }
}

/// Whether a script runs kube-apiserver.
fn runs_it(script: &str) -> bool {
    script
        .split(|c: char| c.is_whitespace() || ";&|()'\"".contains(c))
        .any(|word| base_name(word) == "kube-apiserver")
}

fn base_name(program: &str) -> &str {
    program.rsplit('/').next().unwrap_or(program)
}

/// The value at `key`; null is as good as absent.
fn present<'n>(owner: &'n Node, key: &str) -> Option<&'n Node> {
    owner.get(key).filter(|node| !matches!(node.value, Value::Null))
}

fn integer(node: &Node) -> Option<i64> {
    match &node.value {
        Value::Number(number) => number.parse().ok(),
        _ => None,
    }
}

fn field(at: &str, key: &str) -> String {
    if at.is_empty() { key.to_owned() } else { format!("{at}.{key}") }
}
