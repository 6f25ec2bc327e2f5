//! Where in a row a field of an event stands.

use auditward_event::{Path, Step};
use auditward_expr::Root;

/// A column that holds a field, alone and exactly, in every row that is not odd.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Column {
    /// A text, or null where there is none.
    Text(&'static str),
    /// A whole number, or null where there is none.
    Int(&'static str),
    /// All items of an array of texts.
    List(&'static str),
}

impl Column {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Column::Text(name) | Column::Int(name) | Column::List(name) => name,
        }
    }
}

/// The column of a root; `None` if it has none of its own.
pub(crate) fn column(root: &Root) -> Option<Column> {
    match root {
        Root::Event(path) => of_keys(&keys(path)?),
        Root::Dotted(words) => dotted(words),
        Root::Fact(name) => match name.as_str() {
            "decision" => Some(Column::Text("decision")),
            "sourceIP" => Some(Column::Text("source_ip")),
            _ => None,
        },
        _ => None,
    }
}

/// A path's keys, with `*` for "each item" at its end.
fn keys(path: &Path) -> Option<Vec<&str>> {
    path.steps()
        .iter()
        .map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Each => Some("*"),
            Step::Index(_) => None,
        })
        .collect()
}

/// Sigma's fields enter arrays by themselves, and know no key with dots but where they lead nowhere otherwise.
fn dotted(words: &[String]) -> Option<Column> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match of_keys(&words) {
        Some(Column::List(_)) | None => {}
        known => return known,
    }
    let items: Vec<&str> = words.iter().copied().chain(["*"]).collect();
    match of_keys(&items) {
        list @ Some(Column::List(_)) => list,
        _ => None,
    }
}

fn of_keys(keys: &[&str]) -> Option<Column> {
    use Column::{Int, List, Text};
    Some(match keys {
        ["auditID"] => Text("audit_id"),
        ["stage"] => Text("stage"),
        ["level"] => Text("level"),
        ["verb"] => Text("verb"),
        ["requestURI"] => Text("request_uri"),
        ["userAgent"] => Text("user_agent"),
        ["user", "username"] => Text("username"),
        ["user", "uid"] => Text("user_uid"),
        ["user", "groups", "*"] => List("user_groups"),
        ["impersonatedUser", "username"] => Text("impersonated_username"),
        ["impersonatedUser", "uid"] => Text("impersonated_uid"),
        ["impersonatedUser", "groups", "*"] => List("impersonated_groups"),
        ["sourceIPs", "*"] => List("source_ips"),
        ["objectRef", key] => Text(match *key {
            "apiGroup" => "api_group",
            "apiVersion" => "api_version",
            "resource" => "resource",
            "subresource" => "subresource",
            "namespace" => "namespace",
            "name" => "name",
            "uid" => "object_uid",
            "resourceVersion" => "object_resource_version",
            _ => return None,
        }),
        ["responseStatus", "code"] => Int("code"),
        ["responseStatus", "status"] => Text("status"),
        ["responseStatus", "reason"] => Text("reason"),
        ["responseStatus", "message"] => Text("message"),
        ["annotations", "authorization.k8s.io/decision"] => Text("decision"),
        ["annotations", "authorization.k8s.io/reason"] => Text("decision_reason"),
        _ => return None,
    })
}

const USER: &[&str] = &["username", "user_uid", "user_groups", "user_extra"];
const IMPERSONATED: &[&str] =
    &["impersonated_username", "impersonated_uid", "impersonated_groups", "impersonated_extra"];
const OBJECT: &[&str] = &[
    "api_group",
    "api_version",
    "resource",
    "subresource",
    "namespace",
    "name",
    "object_uid",
    "object_resource_version",
];
const STATUS: &[&str] = &["code", "status", "reason", "message", "status_details", "status_metadata"];
const ANNOTATIONS: &[&str] = &["decision", "decision_reason", "annotations"];

/// The columns out of which a root can be read; `None`: any of them.
pub(crate) fn needed(root: &Root) -> Option<Vec<&'static str>> {
    if let Some(column) = column(root) {
        return Some(vec![column.name()]);
    }
    Some(match root {
        Root::Event(path) => of_path(path.steps())?,
        Root::Dotted(words) => of_key(words.first().map_or("", String::as_str)),
        Root::Object(_) => vec!["verb", "request_object"],
        Root::Pod(_) | Root::Container(_) => {
            vec!["verb", "api_group", "resource", "subresource", "request_object"]
        }
        // It looks into what the root of its list has found.
        Root::Element(_) => Vec::new(),
        Root::Query(_) => vec!["request_uri"],
        Root::Fact(name) => of_fact(name)?,
        Root::Anywhere | Root::Falco(..) => return None,
    })
}

fn of_path(steps: &[Step]) -> Option<Vec<&'static str>> {
    match steps {
        [Step::Key(first), ..] => Some(of_key(first)),
        _ => None,
    }
}

/// Of a key of the event itself. Nothing for what has no column: a row that has it is odd.
fn of_key(key: &str) -> Vec<&'static str> {
    match key {
        "user" => USER.to_vec(),
        "impersonatedUser" => IMPERSONATED.to_vec(),
        "objectRef" => OBJECT.to_vec(),
        "responseStatus" => STATUS.to_vec(),
        "annotations" => ANNOTATIONS.to_vec(),
        "authenticationMetadata" => vec!["authentication_metadata"],
        "sourceIPs" => vec!["source_ips"],
        "requestObject" => vec!["request_object"],
        "responseObject" => vec!["response_object"],
        "requestReceivedTimestamp" => vec!["request_received"],
        "stageTimestamp" => vec!["stage_time"],
        other => of_keys(&[other]).map(Column::name).into_iter().collect(),
    }
}

/// What the definitions in `expr`'s `fact.rs` look at; the property test holds the two together.
fn of_fact(name: &str) -> Option<Vec<&'static str>> {
    Some(match name {
        "actor" | "node" => vec!["username", "user_groups"],
        "changes" => vec!["verb"],
        "dryRun" => vec!["verb", "request_uri", "subresource", "request_object"],
        "exec.command" | "exec.interactive" => vec!["subresource", "request_uri"],
        "final" => vec!["stage", "verb", "code", "subresource", "request_uri"],
        "grant.binding" | "grant.namespace" => vec!["decision", "decision_reason"],
        "impersonated" => IMPERSONATED.to_vec(),
        "longRunning" => vec!["verb", "subresource", "request_uri"],
        "outcome" => vec!["code", "decision"],
        "patch.kind" => vec!["verb", "request_object"],
        "path" => vec!["request_uri"],
        "serviceAccount.name" | "serviceAccount.namespace" => vec!["username"],
        "sourceScope" => vec!["source_ips"],
        "userAgent.name" => vec!["user_agent"],
        _ => return None,
    })
}
