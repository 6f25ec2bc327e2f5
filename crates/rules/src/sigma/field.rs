//! Field names: where each is read, and which no audit event has.
//!
//! A name is the way through the event's JSON, joined by dots; wherever it meets a list, it means each item. Upstream's
//! rules also use bare names, which [`FIELDS`] knows.

use auditward_event::Path;
use auditward_expr::{Field, Root};

use super::notes::near;

/// A name that is no way through the event, and what is read instead.
#[derive(Clone, Copy, Debug)]
pub struct Mapped {
    /// As rules write it.
    pub name: &'static str,
    /// For people: what is read.
    pub reads: &'static str,
    to: To,
}

#[derive(Clone, Copy, Debug)]
enum To {
    /// Through the event's JSON.
    Event,
    /// In the pod specification that the request writes.
    Pod(&'static str),
    /// In each of its containers.
    Container(&'static str),
}

/// Every name with a meaning of its own. What rules call `hostPath`, `capabilities` and `privileged` is read wherever a
/// request writes a pod: in pods and templates, in all kinds of containers, in patches.
pub const FIELDS: [Mapped; 9] = [
    Mapped { name: "apiGroup", reads: "objectRef.apiGroup", to: To::Event },
    Mapped { name: "resource", reads: "objectRef.resource", to: To::Event },
    Mapped { name: "subresource", reads: "objectRef.subresource", to: To::Event },
    Mapped { name: "namespace", reads: "objectRef.namespace", to: To::Event },
    Mapped { name: "username", reads: "user.username", to: To::Event },
    Mapped { name: "groups", reads: "user.groups", to: To::Event },
    Mapped { name: "hostPath", reads: "`hostPath` of the pod's volumes", to: To::Pod("volumes[*].hostPath") },
    Mapped {
        name: "capabilities",
        reads: "`securityContext.capabilities` of each container",
        to: To::Container("securityContext.capabilities"),
    },
    Mapped {
        name: "privileged",
        reads: "`securityContext.privileged` of each container",
        to: To::Container("securityContext.privileged"),
    },
];

/// What an event of `audit.k8s.io/v1` has; `.*` where anything may follow.
const KNOWN: [&str; 51] = [
    "kind",
    "apiVersion",
    "level",
    "auditID",
    "stage",
    "requestURI",
    "verb",
    "user",
    "user.username",
    "user.uid",
    "user.groups",
    "user.extra.*",
    "impersonatedUser",
    "impersonatedUser.username",
    "impersonatedUser.uid",
    "impersonatedUser.groups",
    "impersonatedUser.extra.*",
    "authenticationMetadata",
    "authenticationMetadata.impersonationConstraint",
    "sourceIPs",
    "userAgent",
    "objectRef",
    "objectRef.resource",
    "objectRef.namespace",
    "objectRef.name",
    "objectRef.uid",
    "objectRef.apiGroup",
    "objectRef.apiVersion",
    "objectRef.resourceVersion",
    "objectRef.subresource",
    "responseStatus",
    "responseStatus.kind",
    "responseStatus.apiVersion",
    "responseStatus.metadata.*",
    "responseStatus.status",
    "responseStatus.message",
    "responseStatus.reason",
    "responseStatus.code",
    "responseStatus.details",
    "responseStatus.details.name",
    "responseStatus.details.group",
    "responseStatus.details.kind",
    "responseStatus.details.uid",
    "responseStatus.details.causes.*",
    "responseStatus.details.retryAfterSeconds",
    "requestObject.*",
    "responseObject.*",
    "requestReceivedTimestamp",
    "stageTimestamp",
    "annotations.*",
    "responseStatus.details.causes",
];

/// Mappings from free text to something: what follows one of these is one key, dots and all.
const FREE_KEYS: [&str; 11] = [
    "annotations",
    "labels",
    "matchLabels",
    "nodeSelector",
    "extra",
    "data",
    "stringData",
    "binaryData",
    "limits",
    "requests",
    "capacity",
];

/// The field that `name` means.
pub(super) fn first(name: &str) -> Field {
    let root = match FIELDS.iter().find(|mapped| mapped.name == name) {
        Some(mapped) => mapped.root(),
        None if name.contains('[') => match Path::parse(name) {
            // A place in a list is exact, and so is the whole way then.
            Ok(path) => Root::Event(path),
            Err(_) => Root::Dotted(keys(name)),
        },
        None => Root::Dotted(keys(name)),
    };
    Field { root, functions: Vec::new() }
}

/// Whether an audit event can have a field of that name.
pub(super) fn is_known(name: &str) -> bool {
    let bare = name.split('[').next().unwrap_or(name);
    let has = |known: &str| match known.strip_suffix(".*") {
        Some(prefix) => bare == prefix || bare.strip_prefix(prefix).is_some_and(|rest| rest.starts_with('.')),
        None => known == bare,
    };
    FIELDS.iter().any(|mapped| mapped.name == name) || KNOWN.iter().any(|known| has(known))
}

/// Which field was probably meant.
pub(super) fn suggestion(name: &str) -> Option<String> {
    let names = KNOWN.iter().map(|known| known.trim_end_matches(".*"));
    let mapped = FIELDS.iter().map(|mapped| mapped.name);
    let is_last = |known: &&str| known.rsplit('.').next().is_some_and(|last| last.eq_ignore_ascii_case(name));
    let near = names.clone().find(is_last).or_else(|| near(name, names.chain(mapped)));
    near.map(|near| format!("did you mean `{near}`?"))
}

impl Mapped {
    fn root(self) -> Root {
        let path = |text: &str| Path::parse(text).expect("a path of the table");
        match self.to {
            To::Event => Root::Dotted(keys(self.reads)),
            To::Pod(text) => Root::Pod(path(text)),
            To::Container(text) => Root::Container(path(text)),
        }
    }
}

/// The keys of a name.
fn keys(name: &str) -> Vec<String> {
    let mut keys = Vec::new();
    let mut rest = name;
    while let Some((key, after)) = rest.split_once('.') {
        keys.push(key.to_owned());
        rest = after;
        if FREE_KEYS.contains(&key) {
            break;
        }
    }
    keys.push(rest.to_owned());
    keys
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, expected: &[&str]) {
        assert_eq!(
            first(name).root,
            Root::Dotted(expected.iter().map(|&key| key.to_owned()).collect()),
            "{name}"
        );
    }

    #[test]
    fn names_are_ways_and_free_keys_end_them() {
        check("verb", &["verb"]);
        check("apiGroup", &["objectRef", "apiGroup"]);
        check("requestObject.spec.containers.image", &["requestObject", "spec", "containers", "image"]);
        check("annotations.authorization.k8s.io/decision", &["annotations", "authorization.k8s.io/decision"]);
        check(
            "user.extra.authentication.kubernetes.io/pod-name",
            &["user", "extra", "authentication.kubernetes.io/pod-name"],
        );
        assert_eq!(first("sourceIPs[0]").root, Root::Event(Path::parse("sourceIPs[0]").unwrap()));
    }

    #[test]
    fn every_mapped_name_has_a_field() {
        for mapped in FIELDS {
            first(mapped.name);
        }
    }

    #[test]
    fn unknown_names_are_told_from_known_ones() {
        for name in ["verb", "capabilities", "requestObject.anything.at.all", "sourceIPs[0]", "user.extra"] {
            assert!(is_known(name), "{name}");
        }
        let check = |name: &str, expected: Option<&str>| {
            assert!(!is_known(name), "{name}");
            let expected = expected.map(|field| format!("did you mean `{field}`?"));
            assert_eq!(suggestion(name), expected, "{name}");
        };
        check("objectref.resource", Some("objectRef.resource"));
        check("name", Some("objectRef.name"));
        check("usrAgent", Some("userAgent"));
        check("CommandLine", None);
    }
}
