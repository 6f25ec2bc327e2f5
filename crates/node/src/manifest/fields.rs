//! What the kubelet checks of a pod besides what we need of it: a value of the wrong type or form anywhere makes it drop
//! the whole file.
//!
//! In a pod one name means one type wherever it stands, so the table goes by name. What it does not name is not checked.
//! Held against the kubelet's own reader in tests.

use auditward_policy::read::{Node, Value};

use super::plan::is_label;

/// The first field that the kubelet would refuse: its path, its value and what is wrong with it.
pub(super) fn first_invalid(root: &Node) -> Option<(String, &Node, String)> {
    walk(root, "", "")
}

fn walk<'n>(node: &'n Node, path: &str, key: &str) -> Option<(String, &'n Node, String)> {
    let found = |message: String| Some((path.to_owned(), node, message));
    if matches!(node.value, Value::Null) {
        return None;
    }
    if let Some(wanted) = kind(key).filter(|wanted| !wanted.fits(&node.value)) {
        return found(format!("is {}, not {}", node.kind(), wanted.name()));
    }
    if let Some(message) = bad_form(path, key, node) {
        return found(message);
    }
    match &node.value {
        // Any key may stand in these; their values are texts.
        Value::Map(entries) if matches!(key, "labels" | "annotations" | "nodeSelector") => {
            entries.iter().find_map(|entry| {
                let at = format!("{path}.{}", entry.key);
                let bad = match &entry.node.value {
                    Value::String(text) if key != "annotations" && !is_label_value(text) => {
                        Some("is no value of a label".to_owned())
                    }
                    Value::String(_) | Value::Null => None,
                    _ => Some(format!("is {}, not a string", entry.node.kind())),
                };
                let bad =
                    bad.or_else(|| (!is_qualified(&entry.key)).then(|| "is no name for one".to_owned()));
                bad.map(|message| (at, &entry.node, message))
            })
        }
        Value::Map(entries) => entries.iter().find_map(|entry| {
            let at = if path.is_empty() { entry.key.clone() } else { format!("{path}.{}", entry.key) };
            // Quantities: their keys are names of resources.
            let inner = if matches!(key, "limits" | "requests") { "quantity" } else { entry.key.as_str() };
            walk(&entry.node, &at, inner)
        }),
        Value::List(nodes) => nodes
            .iter()
            .enumerate()
            .find_map(|(index, node)| walk(node, &format!("{path}[{index}]"), item(key))),
        _ => None,
    }
}

#[derive(Clone, Copy)]
enum Kind {
    Integer,
    Boolean,
    Text,
    Map,
    List,
    Quantity,
}

fn kind(key: &str) -> Option<Kind> {
    Some(match key {
        "failureThreshold"
        | "periodSeconds"
        | "initialDelaySeconds"
        | "timeoutSeconds"
        | "successThreshold"
        | "terminationGracePeriodSeconds"
        | "activeDeadlineSeconds"
        | "priority"
        | "containerPort"
        | "hostPort"
        | "runAsUser"
        | "runAsGroup"
        | "fsGroup"
        | "tolerationSeconds"
        | "defaultMode"
        | "mode" => Kind::Integer,
        "hostNetwork"
        | "hostPID"
        | "hostIPC"
        | "readOnly"
        | "readOnlyRootFilesystem"
        | "privileged"
        | "allowPrivilegeEscalation"
        | "runAsNonRoot"
        | "stdin"
        | "tty"
        | "enableServiceLinks"
        | "shareProcessNamespace"
        | "automountServiceAccountToken"
        | "optional"
        | "hostUsers" => Kind::Boolean,
        "apiVersion"
        | "kind"
        | "name"
        | "namespace"
        | "image"
        | "imagePullPolicy"
        | "path"
        | "mountPath"
        | "subPath"
        | "scheme"
        | "host"
        | "type"
        | "priorityClassName"
        | "restartPolicy"
        | "dnsPolicy"
        | "protocol"
        | "value"
        | "fieldPath"
        | "word"
        | "creationTimestamp"
        | "nodeName"
        | "hostname"
        | "serviceAccountName"
        | "operator"
        | "effect"
        | "terminationMessagePolicy"
        | "terminationMessagePath"
        | "mountPropagation"
        | "workingDir" => Kind::Text,
        "metadata" | "spec" | "status" | "labels" | "annotations" | "resources" | "limits" | "requests"
        | "securityContext" | "seccompProfile" | "capabilities" | "httpGet" | "exec" | "tcpSocket"
        | "hostPath" | "emptyDir" | "livenessProbe" | "readinessProbe" | "startupProbe" | "lifecycle"
        | "valueFrom" | "container" | "volume" | "mount" | "port object" | "variable" | "toleration"
        | "nodeSelector" => Kind::Map,
        "containers" | "initContainers" | "volumes" | "volumeMounts" | "ports" | "env" | "command"
        | "args" | "tolerations" | "add" | "drop" | "supplementalGroups" | "ownerReferences" => Kind::List,
        "quantity" => Kind::Quantity,
        _ => return None,
    })
}

/// What the items of a list are.
fn item(list: &str) -> &'static str {
    match list {
        "containers" | "initContainers" => "container",
        "volumes" => "volume",
        "volumeMounts" => "mount",
        "ports" => "port object",
        "env" => "variable",
        "tolerations" => "toleration",
        "command" | "args" | "add" | "drop" => "word",
        "supplementalGroups" => "fsGroup",
        _ => "",
    }
}

impl Kind {
    fn fits(self, value: &Value) -> bool {
        match (self, value) {
            (Self::Integer, Value::Number(number)) => number.parse::<i64>().is_ok(),
            (Self::Quantity, Value::Number(_))
            | (Self::Boolean, Value::Bool(_))
            | (Self::Text, Value::String(_))
            | (Self::Map, Value::Map(_))
            | (Self::List, Value::List(_)) => true,
            (Self::Quantity, Value::String(text)) => is_quantity(text),
            _ => false,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Integer => "a whole number",
            Self::Boolean => "a boolean",
            Self::Text => "a string",
            Self::Map => "a mapping",
            Self::List => "a list",
            Self::Quantity => "a quantity",
        }
    }
}

/// What is wrong with a value of the right type.
fn bad_form(path: &str, key: &str, node: &Node) -> Option<String> {
    let one_of = |text: &str, words: &[&str]| {
        (!words.contains(&text)).then(|| format!("is `{text}`; the kubelet knows {}", words.join(", ")))
    };
    match (key, &node.value) {
        ("name", Value::String(text)) if path == "metadata.name" => {
            let parts = text.split('.').all(is_label);
            (!parts).then(|| format!("is `{text}`, which is no name"))
        }
        ("priorityClassName", Value::String(text)) => (!text.is_empty() && !text.split('.').all(is_label))
            .then(|| format!("is `{text}`, which is no name")),
        ("httpGet", Value::Map(_)) => {
            let port = node.get("port").is_some_and(|port| !matches!(port.value, Value::Null));
            (!port).then(|| "has no `port`".to_owned())
        }
        ("ports", Value::List(nodes)) => {
            let mut seen = std::collections::HashSet::new();
            let number = |node: &Node, key: &str| match node.get(key).map(|node| &node.value) {
                Some(Value::Number(number)) => Some(number.clone()),
                _ => None,
            };
            let host = |node: &Node| number(node, "hostPort").or_else(|| number(node, "containerPort"));
            nodes
                .iter()
                .filter_map(host)
                .find_map(|port| (!seen.insert(port.clone())).then(|| format!("has port {port} twice")))
        }
        ("namespace", Value::String(text)) => {
            (!is_label(text)).then(|| format!("is `{text}`, which is no name"))
        }
        ("port" | "containerPort" | "hostPort", Value::Number(number)) => {
            let port = number.parse().is_ok_and(|port: u16| port > 0 || key == "hostPort");
            (!port).then(|| format!("is {number}, which is no port"))
        }
        ("port", Value::String(name)) => {
            let named = is_label(name)
                && name.len() <= 15
                && name.bytes().any(|byte| byte.is_ascii_lowercase())
                && !name.contains("--");
            (!named).then(|| format!("is `{name}`, which is no name of a port"))
        }
        ("scheme", Value::String(text)) => one_of(text, &["HTTP", "HTTPS", ""]),
        ("protocol", Value::String(text)) => one_of(text, &["TCP", "UDP", "SCTP", ""]),
        ("imagePullPolicy", Value::String(text)) => one_of(text, &["Always", "IfNotPresent", "Never", ""]),
        ("restartPolicy", Value::String(text)) if path == "spec.restartPolicy" => {
            one_of(text, &["Always", "OnFailure", "Never", ""])
        }
        ("dnsPolicy", Value::String(text)) => {
            one_of(text, &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None", ""])
        }
        ("creationTimestamp", Value::String(text)) => (!text.starts_with(|c: char| c.is_ascii_digit()))
            .then(|| format!("is `{text}`, which is no time")),
        ("seccompProfile", Value::Map(_)) => {
            let kind = node.get("type").map(|kind| &kind.value);
            match kind {
                Some(Value::String(text)) => one_of(text, &["RuntimeDefault", "Unconfined", "Localhost"]),
                _ => Some("has no type".into()),
            }
        }
        ("container", Value::Map(_)) => {
            let said = |key: &str| matches!(node.get(key).map(|node| &node.value), Some(Value::String(text)) if !text.trim().is_empty());
            ["name", "image"].into_iter().find(|key| !said(key)).map(|key| format!("has no `{key}`"))
        }
        ("containers" | "initContainers" | "volumes", Value::List(nodes)) => {
            let mut names = std::collections::HashSet::new();
            nodes.iter().find_map(|node| match node.get("name").map(|name| &name.value) {
                Some(Value::String(name)) if !names.insert(name) => {
                    Some(format!("has two entries named `{name}`"))
                }
                _ => None,
            })
        }
        _ => None,
    }
}

fn is_quantity(text: &str) -> bool {
    let digits =
        text.trim_start_matches(['+', '-']).trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    let number = &text[..text.len() - digits.len()];
    let units = ["", "n", "u", "m", "k", "M", "G", "T", "P", "E", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
    number.bytes().any(|byte| byte.is_ascii_digit())
        && number.matches('.').count() <= 1
        && (units.contains(&digits)
            || digits.strip_prefix(['e', 'E']).is_some_and(|power| power.parse::<i8>().is_ok()))
}

fn is_label_value(text: &str) -> bool {
    text.is_empty() || is_name_part(text)
}

/// A name with or without a domain before it.
fn is_qualified(key: &str) -> bool {
    match key.split_once('/') {
        // Upper case is taken down in a domain of an annotation.
        Some((domain, name)) => domain.to_ascii_lowercase().split('.').all(is_label) && is_name_part(name),
        None => is_name_part(key),
    }
}

fn is_name_part(text: &str) -> bool {
    let ends = |c: char| c.is_ascii_alphanumeric();
    text.len() <= 63
        && text.starts_with(ends)
        && text.ends_with(ends)
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
}
