//! The events of tests: a base that a real API server wrote, and what is different about it.
//!
//! ```yaml
//! event:
//!   from: create-pod                                  # see bases.yaml
//!   user: system:serviceaccount:shop:worker           # its groups follow
//!   namespace: kube-system
//!   container: {securityContext: {privileged: true}}  # merged into the pod's first container
//! ```
//! What is said with an event's own field (`requestObject`, `responseStatus` …) is merged into the base as a JSON merge
//! patch does: mappings key by key, `null` takes a key away, anything else is replaced. The words that expressions have
//! (`user`, `namespace`, `resource`, `code`, `pod`, `container`, `query` …) mean here what they mean there. What follows from
//! them is put right: the request's URI, the object's own name and namespace, the groups of a user, the body of a refusal.

use std::sync::LazyLock;

use auditward_event::MicroTime;
use auditward_policy::read::{Node, Span, Value as Yaml, did_you_mean, rule_documents};
use serde_json::{Map, Value, json};

use super::duration;

/// Why an event of a test cannot be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct EventError {
    /// Where in the file.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// The names of the bases, in their order.
pub fn bases() -> impl Iterator<Item = &'static str> + Clone {
    BASES.iter().map(|(name, _)| name.as_str())
}

/// The events that a test's `events` say, as JSON, in order.
pub fn event(nodes: &[Node]) -> Result<Vec<String>, EventError> {
    let mut made = Vec::new();
    let mut micros = START_MICROS;
    for node in nodes {
        let Yaml::Map(entries) = &node.value else {
            return Err(error(&node.span, "expected a mapping".to_owned(), None));
        };
        for entry in entries {
            if !KEYS.iter().any(|(known, _)| *known == entry.key) {
                let near = did_you_mean(&entry.key, KEYS.iter().map(|(key, _)| *key));
                let hint = near.map_or_else(
                    || "the words of expressions (`user`, `namespace`, `container` …) and the fields of an audit event".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                return Err(error(
                    &entry.key_span,
                    format!("unknown key of an event, `{}`", entry.key),
                    Some(hint),
                ));
            }
        }
        let copies = copies(node)?;
        for copy in 1..=copies {
            if !made.is_empty() {
                micros = micros.saturating_add(after(node)?);
            }
            let mut event = one(node)?;
            number(&mut event, copy);
            stamp(&mut event, made.len() + 1, micros);
            made.push(event.to_string());
            if made.len() > EVENTS_MAX {
                return Err(error(
                    &(node.span.start..node.span.start),
                    format!("more than {EVENTS_MAX} events"),
                    None,
                ));
            }
        }
    }
    Ok(made)
}

/// The words of an event in a test, beside the fields of an audit event, with what they mean.
pub(super) const KEYS: &[(&str, &str)] = &[
    ("from", "The base: one of those in `bases.yaml`"),
    ("user", "Who asks: a name, whose groups follow from it, or the whole mapping"),
    ("groups", "The groups of who asks"),
    ("as", "Whom they impersonate: a name, whose groups follow from it, or the whole mapping"),
    ("verb", "The verb"),
    ("resource", "`pods`, `pods/exec`, `deployments.apps`"),
    ("apiGroup", "The API group"),
    ("subresource", "The subresource; `null` for none"),
    ("namespace", "The namespace; `null` for none"),
    ("name", "The object's name; `null` for none. `{n}` is the number of a copy"),
    ("code", "The HTTP status. With 403 and 401 the rest of a refusal follows"),
    ("query", "Parameters of the URI, merged: a text or a list for each; `null` takes one away"),
    ("object", "Merged into `requestObject`"),
    ("pod", "Merged into the pod's specification, or that of the workload's template"),
    ("container", "Merged into that specification's first container"),
    ("sourceIP", "The one address that the request comes from"),
    ("after", "How long after the event before: `5m`; by default a second"),
    ("repeat", "How often it happens; each time is a request of its own"),
    ("level", "`Metadata` takes the bodies away"),
    ("stage", "The stage"),
    ("auditID", "The request's id, where two events are of one request"),
    ("requestURI", "The URI, where it is not the usual one"),
    ("userAgent", "The client"),
    ("sourceIPs", "All addresses"),
    ("objectRef", "Merged"),
    ("impersonatedUser", "Merged"),
    ("responseStatus", "Merged"),
    ("requestObject", "Merged"),
    ("responseObject", "Merged"),
    ("annotations", "Merged"),
    ("authenticationMetadata", "Merged"),
    ("requestReceivedTimestamp", "When the request came; follows from `after`"),
    ("stageTimestamp", "When the stage was reached; follows from `after`"),
];

/// Those of [`KEYS`] that are merged into the event as they stand.
const MERGED: &[&str] = &[
    "verb",
    "level",
    "stage",
    "auditID",
    "requestURI",
    "userAgent",
    "sourceIPs",
    "objectRef",
    "impersonatedUser",
    "responseStatus",
    "requestObject",
    "responseObject",
    "annotations",
    "authenticationMetadata",
    "requestReceivedTimestamp",
    "stageTimestamp",
];

/// 2026-01-01T00:00:00Z: tests happen at a time of their own.
const START_MICROS: i64 = 1_767_225_600_000_000;

/// How many copies of an event a test may ask for.
const REPEAT_MAX: u64 = 1000;

/// How many events a test may have in all.
const EVENTS_MAX: usize = 10_000;

/// The bases with their names. The text is ours, and a test reads it, so what cannot be read here cannot be there.
static BASES: LazyLock<Vec<(String, Value)>> = LazyLock::new(|| {
    let (trees, _) = rule_documents(include_bytes!("bases.yaml"));
    let Some(Yaml::Map(entries)) = trees.into_iter().next().map(|tree| tree.root.value) else {
        return Vec::new();
    };
    entries.into_iter().map(|entry| (entry.key, to_json(&entry.node))).collect()
});

/// One event, without its number and its time.
fn one(node: &Node) -> Result<Value, EventError> {
    let mut event = base(node)?;
    for key in MERGED {
        if let Some(value) = node.get(key) {
            merge_key(&mut event, key, to_json(value));
        }
    }
    user(node, "user", "user", &mut event);
    user(node, "as", "impersonatedUser", &mut event);
    if let Some(groups) = node.get("groups") {
        merge_at(&mut event, &["user", "groups"], to_json(groups));
    }
    object_ref(node, &mut event)?;
    bodies(node, &mut event);
    if let Some(address) = node.get("sourceIP") {
        merge_key(&mut event, "sourceIPs", json!([to_json(address)]));
    }
    let code = node.get("code").map(|code| (code, to_json(code).as_i64()));
    match code {
        Some((_, Some(code))) => outcome(&mut event, code),
        Some((code, None)) => {
            return Err(error(&code.span, "expected a status, such as 403".to_owned(), None));
        }
        None if node.get("verb").is_some() && node.get("responseStatus").is_none() => usual_code(&mut event),
        None => {}
    }
    if node.get("requestURI").is_none() {
        request_uri(&mut event, node.get("query"));
    }
    if event["level"] == "Metadata"
        && let Some(event) = event.as_object_mut()
    {
        event.remove("requestObject");
        event.remove("responseObject");
    }
    Ok(event)
}

fn base(node: &Node) -> Result<Value, EventError> {
    let Some(from) = node.get("from") else {
        let hint = "for example `from: create-pod`; `auditward rules test --bases` lists them";
        return Err(error(
            &(node.span.start..node.span.start),
            "this event has no `from`".to_owned(),
            Some(hint.to_owned()),
        ));
    };
    let name = to_json(from);
    let name = name.as_str().unwrap_or_default();
    BASES.iter().find(|(known, _)| known == name).map(|(_, base)| base.clone()).ok_or_else(|| {
        let hint = did_you_mean(name, bases()).map_or_else(
            || "`auditward rules test --bases` lists them".to_owned(),
            |near| format!("did you mean `{near}`?"),
        );
        error(&from.span, format!("no event to start from is called `{name}`"), Some(hint))
    })
}

fn user(node: &Node, key: &str, field: &str, event: &mut Value) {
    match node.get(key).map(to_json) {
        None => {}
        Some(Value::String(name)) => event[field] = json!({"username": name, "groups": groups(&name)}),
        Some(other) => merge_key(event, field, other),
    }
}

/// The groups that a name has in every cluster.
fn groups(name: &str) -> Vec<String> {
    let mut groups: Vec<String> = Vec::new();
    if name == "system:anonymous" {
        return vec!["system:unauthenticated".to_owned()];
    }
    if let Some(account) = name.strip_prefix("system:serviceaccount:") {
        let namespace = account.split(':').next().unwrap_or_default();
        groups = vec!["system:serviceaccounts".to_owned(), format!("system:serviceaccounts:{namespace}")];
    } else if name.starts_with("system:node:") {
        groups.push("system:nodes".to_owned());
    }
    groups.push("system:authenticated".to_owned());
    groups
}

fn object_ref(node: &Node, event: &mut Value) -> Result<(), EventError> {
    if let Some(resource) = node.get("resource") {
        let Value::String(text) = to_json(resource) else {
            return Err(error(&resource.span, "expected a resource, such as `pods/exec`".to_owned(), None));
        };
        let (resource, sub) = text.split_once('/').map_or((text.as_str(), None), |(r, sub)| (r, Some(sub)));
        let (resource, group) =
            resource.split_once('.').map_or((resource, None), |(r, group)| (r, Some(group)));
        merge_at(event, &["objectRef"], json!({"resource": resource, "subresource": sub}));
        if let Some(group) = group {
            merge_at(event, &["objectRef", "apiGroup"], json!(group));
        }
    }
    for key in ["apiGroup", "subresource", "namespace", "name"] {
        if let Some(value) = node.get(key) {
            merge_at(event, &["objectRef", key], to_json(value));
        }
    }
    Ok(())
}

fn bodies(node: &Node, event: &mut Value) {
    if let Some(object) = node.get("object") {
        merge_at(event, &["requestObject"], to_json(object));
    }
    let path = pod_path(event);
    if let Some(pod) = node.get("pod") {
        merge_at(event, &path, to_json(pod));
    }
    if let Some(container) = node.get("container") {
        let list = if event["objectRef"]["subresource"] == "ephemeralcontainers" {
            "ephemeralContainers"
        } else {
            "containers"
        };
        // Whatever a test has put there instead of an object gives way to one.
        merge_at(event, &path, json!({}));
        let pod = path.iter().fold(&mut *event, |value, key| &mut value[*key]);
        if pod[list].as_array().is_none_or(Vec::is_empty) {
            pod[list] = json!([{}]);
        }
        merge(&mut pod[list][0], to_json(container));
    }
    // What is created or replaced has its name in itself.
    let changes = ["name", "namespace"].into_iter().filter(|key| node.get(key).is_some());
    let whole = event["verb"] == "create" || event["verb"] == "update";
    if whole && event["requestObject"]["metadata"].is_object() {
        for key in changes {
            let value = event["objectRef"][key].clone();
            merge_at(event, &["requestObject", "metadata", key], value);
        }
    }
}

/// Where the specification of the pods is, in what this request writes.
fn pod_path(event: &Value) -> Vec<&'static str> {
    match event["objectRef"]["resource"].as_str() {
        Some("pods") | None => vec!["requestObject", "spec"],
        Some("cronjobs") => vec!["requestObject", "spec", "jobTemplate", "spec", "template", "spec"],
        Some("podtemplates") => vec!["requestObject", "template", "spec"],
        Some(_) => vec!["requestObject", "spec", "template", "spec"],
    }
}

fn outcome(event: &mut Value, code: i64) {
    event["responseStatus"] = json!({"metadata": {}, "code": code});
    let (decision, reason) = match code {
        401 => (None, "Unauthorized"),
        403 => (Some("forbid"), "Forbidden"),
        404 => (Some("allow"), "NotFound"),
        409 => (Some("allow"), "AlreadyExists"),
        422 => (Some("allow"), "Invalid"),
        429 => (Some("allow"), "TooManyRequests"),
        500.. => (Some("allow"), "InternalError"),
        _ => (Some("allow"), ""),
    };
    if code >= 400 {
        event["responseStatus"] = json!({"metadata": {}, "status": "Failure", "reason": reason, "message": message(event, reason), "code": code});
    }
    // Nobody known: no decision was made, and the event says so by saying nothing.
    if code == 401 {
        event["user"] = json!({});
        event["stage"] = json!("ResponseStarted");
    } else if code >= 400 {
        event["stage"] = json!("ResponseComplete");
    }
    match decision {
        Some(decision) => merge_at(event, &["annotations", "authorization.k8s.io/decision"], json!(decision)),
        None => merge_key(event, "annotations", Value::Null),
    }
}

/// What kube-apiserver says when it refuses; of other failures, their reason.
fn message(event: &Value, reason: &str) -> String {
    let text = |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
    if reason != "Forbidden" {
        return reason.to_owned();
    }
    let (user, verb, group) = (text("/user/username"), text("/verb"), text("/objectRef/apiGroup"));
    let (resource, name) = (text("/objectRef/resource"), text("/objectRef/name"));
    let object = if name.is_empty() { resource.to_owned() } else { format!("{resource} \"{name}\"") };
    let scope = match text("/objectRef/namespace") {
        "" => "at the cluster scope".to_owned(),
        namespace => format!("in the namespace \"{namespace}\""),
    };
    format!(
        "{object} is forbidden: User \"{user}\" cannot {verb} resource \"{resource}\" in API group \"{group}\" {scope}"
    )
}

/// The status of a success of this verb, where the base's is that of another verb.
fn usual_code(event: &mut Value) {
    if matches!(event["responseStatus"]["code"].as_i64(), Some(200 | 201)) {
        let code = if event["verb"] == "create" { 201 } else { 200 };
        event["responseStatus"]["code"] = json!(code);
    }
}

/// Writes the URI anew from what the request is about, with the base's query and what is said of it.
fn request_uri(event: &mut Value, query: Option<&Node>) {
    let uri = event["requestURI"].as_str().unwrap_or("/").to_owned();
    let (path, old) = uri.split_once('?').unwrap_or((uri.as_str(), ""));
    let path = match event.get("objectRef") {
        Some(Value::Object(object)) => {
            resource_path(object, event["verb"].as_str().unwrap_or_default(), path)
        }
        _ => path.to_owned(),
    };
    let mut pairs: Vec<(String, String)> = old
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .collect();
    if event["verb"] == "watch" && !pairs.iter().any(|(key, _)| key == "watch") {
        pairs.push(("watch".to_owned(), "true".to_owned()));
    }
    if let Some(Yaml::Map(entries)) = query.map(|query| &query.value) {
        for entry in entries {
            pairs.retain(|(key, _)| *key != entry.key);
            let values = match to_json(&entry.node) {
                Value::Null => Vec::new(),
                Value::Array(values) => values,
                value => vec![value],
            };
            for value in values {
                let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                pairs.push((entry.key.clone(), encode(&text)));
            }
        }
    }
    let query: Vec<String> = pairs.into_iter().map(|(key, value)| format!("{key}={value}")).collect();
    event["requestURI"] =
        if query.is_empty() { json!(path) } else { json!(format!("{path}?{}", query.join("&"))) };
}

fn resource_path(object: &Map<String, Value>, verb: &str, old: &str) -> String {
    let get = |key: &str| object.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
    let version = get("apiVersion").unwrap_or("v1");
    let mut path = match get("apiGroup") {
        Some(group) => format!("/apis/{group}/{version}"),
        None => format!("/api/{version}"),
    };
    let resource = get("resource").unwrap_or_default();
    if let Some(namespace) = get("namespace").filter(|_| resource != "namespaces") {
        path += &format!("/namespaces/{namespace}");
    }
    path += &format!("/{resource}");
    let subresource = get("subresource");
    let collection =
        matches!(verb, "list" | "watch" | "deletecollection") || verb == "create" && subresource.is_none();
    if let Some(name) = get("name").filter(|_| !collection) {
        path += &format!("/{name}");
    }
    if let Some(sub) = subresource {
        path += &format!("/{sub}");
        // What is asked of whatever stands behind the proxy.
        if let Some((_, behind)) = old.split_once("/proxy/").filter(|_| sub == "proxy") {
            path += &format!("/{behind}");
        }
    }
    path
}

/// As kubectl writes a query.
fn encode(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            b' ' => out.push('+'),
            _ => out += &format!("%{byte:02X}"),
        }
    }
    out
}

fn copies(node: &Node) -> Result<u64, EventError> {
    let Some(node) = node.get("repeat") else { return Ok(1) };
    match to_json(node).as_u64() {
        Some(copies @ 1..=REPEAT_MAX) => Ok(copies),
        _ => Err(error(&node.span, format!("expected a number from 1 to {REPEAT_MAX}"), None)),
    }
}

/// Microseconds since the event before.
fn after(node: &Node) -> Result<i64, EventError> {
    let Some(node) = node.get("after") else { return Ok(1_000_000) };
    let seconds =
        to_json(node).as_str().and_then(duration::parse).and_then(|seconds| i64::try_from(seconds).ok());
    seconds.map(|seconds: i64| seconds.saturating_mul(1_000_000)).ok_or_else(|| {
        error(
            &node.span,
            "this is no duration".to_owned(),
            Some("written as `90s`, `10m`, `2h` or `7d`".to_owned()),
        )
    })
}

/// Puts the number of the copy where `{n}` stands.
fn number(value: &mut Value, copy: u64) {
    match value {
        Value::String(text) if text.contains("{n}") => *text = text.replace("{n}", &copy.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        Value::Array(values) => values.iter_mut().for_each(|value| number(value, copy)),
        Value::Object(map) => map.values_mut().for_each(|value| number(value, copy)),
    }
}

fn stamp(event: &mut Value, index: usize, micros: i64) {
    let set = |event: &mut Value, key: &str, value: String| {
        if event.get(key).is_none() {
            event[key] = json!(value);
        }
    };
    set(event, "kind", "Event".to_owned());
    set(event, "apiVersion", "audit.k8s.io/v1".to_owned());
    set(event, "auditID", format!("00000000-0000-4000-8000-{index:012}"));
    set(event, "requestReceivedTimestamp", MicroTime::from_micros(micros).to_string());
    set(event, "stageTimestamp", MicroTime::from_micros(micros.saturating_add(10_000)).to_string());
}

fn merge_key(event: &mut Value, key: &str, patch: Value) {
    merge_at(event, &[key], patch);
}

/// Merges into what stands at the end of a path of keys, which is made where it is missing.
fn merge_at(value: &mut Value, keys: &[&str], patch: Value) {
    let whole = keys.iter().rev().fold(patch, |inner, key| json!({ *key: inner }));
    merge(value, whole);
}

/// RFC 7386.
fn merge(value: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *value = patch;
        return;
    };
    if !value.is_object() {
        *value = json!({});
    }
    let Some(map) = value.as_object_mut() else { return };
    for (key, patch) in patch {
        if patch.is_null() {
            map.remove(&key);
        } else {
            merge(map.entry(key).or_insert(Value::Null), patch);
        }
    }
}

fn to_json(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Number(text) => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        Yaml::String(text) => json!(text),
        Yaml::List(nodes) => nodes.iter().map(to_json).collect(),
        Yaml::Map(entries) => entries.iter().map(|entry| (entry.key.clone(), to_json(&entry.node))).collect(),
    }
}

fn error(span: &Span, message: String, hint: Option<String>) -> EventError {
    EventError { span: span.clone(), message, hint }
}

#[cfg(test)]
#[expect(clippy::needless_pass_by_value, reason = "tests read as sentences")]
mod tests {
    use auditward_event::EventView;
    use expect_test::{Expect, expect};

    use super::*;

    /// The fields of each event that `yaml` (a list) says, or what is wrong with it.
    #[track_caller]
    fn check(yaml: &str, fields: &str, expected: Expect) {
        let (trees, error) = rule_documents(yaml.as_bytes());
        assert_eq!(error, None);
        let Yaml::List(nodes) = &trees[0].root.value else { panic!("not a list") };
        let seen = match event(nodes) {
            Ok(events) => {
                let mut seen = String::new();
                for text in events {
                    let event: Value = serde_json::from_str(&text).unwrap();
                    let field =
                        |path: &str| event.pointer(&format!("/{path}")).unwrap_or(&Value::Null).to_string();
                    seen += &fields.split(' ').map(field).collect::<Vec<_>>().join(" ");
                    seen.push('\n');
                }
                seen
            }
            Err(error) => format!(
                "{:?}: {} ({})\n",
                &yaml[error.span.clone()],
                error.message,
                error.hint.unwrap_or_default()
            ),
        };
        expected.assert_eq(&seen);
    }

    #[test]
    fn every_base_is_an_event() {
        assert!(bases().count() > 30);
        for name in bases() {
            let yaml = format!("- from: {name}\n");
            let (trees, _) = rule_documents(yaml.as_bytes());
            let Yaml::List(nodes) = &trees[0].root.value else { panic!("not a list") };
            let text = event(nodes).unwrap().remove(0);
            let view = EventView::parse(text.as_bytes()).unwrap();
            view.validate().unwrap();
            assert!(
                view.level().is_some() && view.stage().is_some() && view.stage_time().is_some(),
                "{name}"
            );
            assert_eq!(view.unknown_fields().count(), 0, "{name}");
            assert!(view.response_code().is_some(), "{name}");
            // What the URI is made of is what the real one said.
            let base = BASES.iter().find(|(known, _)| known == name).unwrap();
            assert_eq!(view.request_uri(), base.1["requestURI"].as_str().unwrap(), "{name}");
        }
    }

    #[test]
    fn who_asks() {
        check(
            "- {from: create-pod, user: bob}",
            "user",
            expect![[r#"
            {"groups":["system:authenticated"],"username":"bob"}
        "#]],
        );
        check(
            "- {from: create-pod, user: system:serviceaccount:shop:cart}",
            "user",
            expect![[r#"
            {"groups":["system:serviceaccounts","system:serviceaccounts:shop","system:authenticated"],"username":"system:serviceaccount:shop:cart"}
        "#]],
        );
        check(
            "- {from: create-pod, user: system:node:n1, groups: [a]}",
            "user",
            expect![[r#"
            {"groups":["a"],"username":"system:node:n1"}
        "#]],
        );
        check(
            "- {from: create-pod, user: {uid: x, groups: null}}",
            "user",
            expect![[r#"
            {"uid":"x","username":"alice"}
        "#]],
        );
        check(
            "- {from: create-pod, as: bob}",
            "user/username impersonatedUser",
            expect![[r#"
            "alice" {"groups":["system:authenticated"],"username":"bob"}
        "#]],
        );
    }

    #[test]
    fn what_stands_in_the_way_of_a_container_gives_way() {
        let written = [
            "pod: er",
            "pod: []",
            "pod: {containers: []}",
            "pod: {containers: x}",
            "object: er",
            "object: {spec: 1}",
        ];
        for written in written {
            check(
                &format!("- {{from: create-pod, {written}, container: {{image: x}}}}"),
                "requestObject/spec/containers",
                expect![[r#"
                    [{"image":"x"}]
                "#]],
            );
        }
    }

    #[test]
    fn what_it_is_about() {
        let fields = "verb objectRef requestURI requestObject/metadata";
        check(
            "- {from: create-pod, namespace: kube-system, name: cart}",
            fields,
            expect![[r#"
            "create" {"apiVersion":"v1","name":"cart","namespace":"kube-system","resource":"pods"} "/api/v1/namespaces/kube-system/pods?fieldManager=kubectl-client-side-apply&fieldValidation=Strict" {"name":"cart","namespace":"kube-system"}
        "#]],
        );
        check(
            "- {from: create-pod, verb: update}",
            "requestURI responseStatus",
            expect![[r#"
            "/api/v1/namespaces/shop/pods/web?fieldManager=kubectl-client-side-apply&fieldValidation=Strict" {"code":200,"metadata":{}}
        "#]],
        );
        check(
            "- {from: get-secret, resource: deployments.apps/scale}",
            "requestURI",
            expect![[r#"
            "/apis/apps/v1/namespaces/shop/deployments/web/scale"
        "#]],
        );
        check(
            "- {from: list-secrets, namespace: null, verb: watch}",
            "requestURI",
            expect![[r#"
            "/api/v1/secrets?limit=500&watch=true"
        "#]],
        );
        check(
            "- {from: exec, query: {command: [sh, -c, 'a b&c'], tty: true, container: null}}",
            "requestURI",
            expect![[r#"
            "/api/v1/namespaces/shop/pods/web/exec?stderr=true&stdout=true&command=sh&command=-c&command=a+b%26c&tty=true"
        "#]],
        );
        check(
            "- {from: node-proxy, name: node2}",
            "requestURI",
            expect![[r#"
            "/api/v1/nodes/node2/proxy/pods"
        "#]],
        );
    }

    #[test]
    fn what_it_writes() {
        check(
            "- {from: create-cronjob, pod: {hostPID: true}, container: {image: x}}",
            "requestObject/spec/jobTemplate/spec/template/spec/hostPID requestObject/spec/jobTemplate/spec/template/spec/containers/0/image requestObject/spec/jobTemplate/spec/template/spec/containers/0/name",
            expect![[r#"
            true "x" "web"
        "#]],
        );
        check(
            "- {from: patch-pod, container: {name: a}}",
            "requestObject",
            expect![[r#"
            {"metadata":{"labels":{"tier":"front"}},"spec":{"containers":[{"name":"a"}]}}
        "#]],
        );
        check(
            "- {from: ephemeral-container, container: {image: x}}",
            "requestObject/spec/ephemeralContainers/0/image requestObject/spec/containers",
            expect![[r#"
            "x" null
        "#]],
        );
        check(
            "- {from: patch-pod, requestObject: [{op: remove, path: /a}]}",
            "requestObject",
            expect![[r#"
            [{"op":"remove","path":"/a"}]
        "#]],
        );
        check(
            "- {from: create-pod, level: Metadata}",
            "level requestObject",
            expect![[r#"
            "Metadata" null
        "#]],
        );
    }

    #[test]
    fn how_it_ended() {
        check(
            "- {from: exec, code: 403}",
            "stage responseStatus annotations",
            expect![[r#"
                "ResponseComplete" {"code":403,"message":"pods \"web\" is forbidden: User \"alice\" cannot get resource \"pods\" in API group \"\" in the namespace \"shop\"","metadata":{},"reason":"Forbidden","status":"Failure"} {"authorization.k8s.io/decision":"forbid","authorization.k8s.io/reason":""}
            "#]],
        );
        check(
            "- {from: get-secret, code: 401}",
            "stage user responseStatus annotations",
            expect![[r#"
                "ResponseStarted" {} {"code":401,"message":"Unauthorized","metadata":{},"reason":"Unauthorized","status":"Failure"} null
            "#]],
        );
    }

    #[test]
    fn when_it_happens() {
        check(
            "- {from: get-secret, repeat: 2, name: 'db-{n}', after: 1m}\n- {from: get-secret, after: 1h}",
            "auditID requestReceivedTimestamp objectRef/name",
            expect![[r#"
                "00000000-0000-4000-8000-000000000001" "2026-01-01T00:00:00.000000Z" "db-1"
                "00000000-0000-4000-8000-000000000002" "2026-01-01T00:01:00.000000Z" "db-2"
                "00000000-0000-4000-8000-000000000003" "2026-01-01T01:01:00.000000Z" "web"
            "#]],
        );
    }

    #[test]
    fn mistakes_are_told_with_their_place() {
        check(
            "- {user: bob}",
            "",
            expect![[r#"
            "": this event has no `from` (for example `from: create-pod`; `auditward rules test --bases` lists them)
        "#]],
        );
        check(
            "- {from: create-pot}",
            "",
            expect![[r#"
            "create-pot": no event to start from is called `create-pot` (did you mean `create-pod`?)
        "#]],
        );
        check(
            "- {from: create-pod, usre: bob}",
            "",
            expect![[r#"
            "usre": unknown key of an event, `usre` (did you mean `user`?)
        "#]],
        );
        check(
            "- {from: create-pod, code: no}",
            "",
            expect![[r#"
            "no": expected a status, such as 403 ()
        "#]],
        );
        check(
            "- {from: create-pod, repeat: 1000000}",
            "",
            expect![[r#"
            "1000000": expected a number from 1 to 1000 ()
        "#]],
        );
        check(
            "- {from: create-pod}\n- {from: create-pod, after: 5}",
            "",
            expect![[r#"
            "5": this is no duration (written as `90s`, `10m`, `2h` or `7d`)
        "#]],
        );
        check(
            "- create-pod",
            "",
            expect![[r#"
            "create-pod": expected a mapping ()
        "#]],
        );
    }
}
