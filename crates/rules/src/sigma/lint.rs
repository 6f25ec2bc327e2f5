//! Searches that read well and find little: told, never refused. Upstream's own rules have most of these.

use auditward_policy::read::{Entry, Node, Value};

use super::notes::{Notes, near};

/// The verbs of requests, and HTTP's methods for what is no resource. `bind`, `impersonate` and their like are asked of
/// the authorizer only.
const VERBS: [&str; 14] = [
    "get",
    "list",
    "watch",
    "create",
    "update",
    "patch",
    "delete",
    "deletecollection",
    "post",
    "put",
    "head",
    "options",
    "connect",
    "trace",
];

/// Subresources over which somebody acts in a container: clients open them with `get` (WebSocket) or `create` (SPDY).
const CONNECTIONS: [&str; 3] = ["exec", "attach", "portforward"];

/// How many values of a list are looked at.
const VALUES_MAX: usize = 50;

const STAGES: [&str; 4] = ["RequestReceived", "ResponseStarted", "ResponseComplete", "Panic"];
const LEVELS: [&str; 4] = ["None", "Metadata", "Request", "RequestResponse"];

/// Says what is odd about the entries of one search.
pub(super) fn search(entries: &[Entry], notes: &mut Notes) {
    for entry in entries {
        match entry.key.as_str() {
            "responseStatus.code" => numbers_only(&entry.node, notes),
            "verb" => words_of(&entry.node, &VERBS, "is no verb of Kubernetes", notes),
            "stage" => words_of(&entry.node, &STAGES, "is no stage", notes),
            "level" => words_of(&entry.node, &LEVELS, "is no level", notes),
            _ => {}
        }
    }
    verbs_too_few(entries, notes);
}

fn numbers_only(node: &Node, notes: &mut Notes) {
    for value in values(node) {
        if let Value::String(text) = &value.value
            && !text.contains(['*', '?'])
            && text.parse::<u16>().is_err()
        {
            notes
                .warning(value.span.clone(), format!("the code is a number, so `{text}` can never be it"))
                .hint(
                    "what the authorizer decided stands in `annotations.authorization.k8s.io/decision`, as `allow` or `forbid`",
                );
        }
    }
}

fn words_of(node: &Node, known: &[&'static str], is_none: &str, notes: &mut Notes) {
    for value in values(node).iter().take(VALUES_MAX) {
        let Value::String(text) = &value.value else { continue };
        if text.is_empty()
            || text.contains(['*', '?'])
            || known.iter().any(|word| word.eq_ignore_ascii_case(text))
        {
            continue;
        }
        let near = near(text, known.iter().copied());
        notes.info(value.span.clone(), format!("`{text}` {is_none}")).hint =
            near.map(|near| format!("did you mean `{near}`?"));
    }
}

/// One verb where another one does the same.
fn verbs_too_few(entries: &[Entry], notes: &mut Notes) {
    let of = |key: &str| {
        let entry = entries.iter().find(|entry| entry.key == key)?;
        Some(values(&entry.node).iter().filter_map(|value| match &value.value {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }))
    };
    let Some(entry) = entries.iter().find(|entry| entry.key == "verb") else { return };
    let has =
        |verb: &str| of("verb").is_some_and(|mut verbs| verbs.any(|word| word.eq_ignore_ascii_case(verb)));
    let connects =
        of("objectRef.subresource").is_some_and(|mut words| words.any(|word| CONNECTIONS.contains(&word)));
    if connects && has("create") != has("get") {
        let missing = if has("get") { "create" } else { "get" };
        notes
            .info(entry.node.span.clone(), format!("clients open this with `{missing}` too"))
            .hint("`kubectl` sends `get` (WebSocket) since 1.30, `create` (SPDY) before: list both verbs");
    }
    if has("delete") && !has("deletecollection") && of("objectRef.resource").is_some() {
        notes
            .info(entry.node.span.clone(), "`deletecollection` deletes too, and is not asked for")
            .hint("list both verbs");
    }
}

fn values(node: &Node) -> &[Node] {
    match &node.value {
        Value::List(nodes) => nodes,
        _ => std::slice::from_ref(node),
    }
}
