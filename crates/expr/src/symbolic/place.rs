//! What a field is, seen from a policy.

use auditward_event::{Path, Step};

use crate::{Field, Root};

/// What a field is, seen from a policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Place {
    /// Something that a policy decides by.
    Visible(Visible),
    /// The stage of the event.
    Stage,
    /// Told at level Metadata, at whatever stage.
    Metadata,
    /// Told at level Metadata once there is an answer.
    Answer,
    /// In the body of a request for a resource.
    Request(String),
    /// In the pod specification of such a body.
    Pod(String),
    /// In the body of the answer.
    Response(String),
    /// In the object that an enclosing `some` is about, which has been counted.
    Element,
    /// Anywhere at all.
    Unknown,
}

/// What a policy decides by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Visible {
    User,
    Groups,
    Verb,
    ApiGroup,
    Resource,
    Subresource,
    Namespace,
    Name,
    Uri,
}

/// What the field is.
pub(super) fn of(field: &Field) -> Place {
    match &field.root {
        Root::Event(path) => match keyed(&keys(path), &path.to_string()) {
            // The first of the groups is not each of them, and what has no items yields none.
            Place::Visible(Visible::Groups) if !matches!(path.steps(), [_, _, Step::Each]) => Place::Metadata,
            Place::Visible(visible) if visible != Visible::Groups && !only_keys(path) => Place::Metadata,
            Place::Stage if !only_keys(path) => Place::Metadata,
            place => place,
        },
        Root::Dotted(keys) => {
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            keyed(&keys, &keys.join("."))
        }
        Root::Object(path) => Place::Request(below("object", path)),
        Root::Pod(path) => Place::Pod(below("pod", path)),
        Root::Container(path) => Place::Pod(below("container", path)),
        Root::Element(_) => Place::Element,
        Root::Query(_) => Place::Metadata,
        Root::Anywhere => Place::Unknown,
        Root::Fact(name) => fact(name),
        Root::Falco(name, argument) => falco(name, argument.as_deref()),
    }
}

fn below(root: &str, path: &Path) -> String {
    let path = path.to_string();
    let dot = if path.is_empty() || path.starts_with('[') { "" } else { "." };
    format!("{root}{dot}{path}")
}

/// The keys on the way, items of lists left out.
fn keys(path: &Path) -> Vec<&str> {
    path.steps()
        .iter()
        .filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            _ => None,
        })
        .collect()
}

fn only_keys(path: &Path) -> bool {
    path.steps().iter().all(|step| matches!(step, Step::Key(_)))
}

fn keyed(keys: &[&str], whole: &str) -> Place {
    let visible = match keys {
        ["user", "username"] => Visible::User,
        ["user", "groups"] => Visible::Groups,
        ["verb"] => Visible::Verb,
        ["objectRef", "apiGroup"] => Visible::ApiGroup,
        ["objectRef", "resource"] => Visible::Resource,
        ["objectRef", "subresource"] => Visible::Subresource,
        ["objectRef", "namespace"] => Visible::Namespace,
        ["objectRef", "name"] => Visible::Name,
        ["requestURI"] => Visible::Uri,
        ["stage"] => return Place::Stage,
        ["requestObject", ..] => return Place::Request(whole.to_owned()),
        ["responseObject", ..] => return Place::Response(whole.to_owned()),
        // The first event is written before anybody is impersonated, authorised or admitted.
        ["responseStatus" | "impersonatedUser", ..] => return Place::Answer,
        ["annotations", key @ ..] if is_verdict(&key.join(".")) => return Place::Answer,
        _ => return Place::Metadata,
    };
    Place::Visible(visible)
}

/// Annotations of authorisation and admission. Authentication, and whoever passes events on, may add theirs at once.
fn is_verdict(annotation: &str) -> bool {
    annotation.starts_with("authorization.k8s.io/")
        || annotation.starts_with("pod-security.kubernetes.io/")
        || annotation.split('/').next().is_some_and(|domain| domain.ends_with("admission.k8s.io"))
}

fn fact(name: &str) -> Place {
    match name {
        // Unless it is asked for what they say at first; see `leaf`.
        "decision" | "final" | "impersonated" | "outcome" => Place::Answer,
        "patch.kind" => Place::Request("requestObject".to_owned()),
        _ => Place::Metadata,
    }
}

fn falco(name: &str, argument: Option<&str>) -> Place {
    let visible = match name {
        "ka.user.name" => Visible::User,
        "ka.user.groups" => Visible::Groups,
        "ka.verb" => Visible::Verb,
        "ka.target.resource" => Visible::Resource,
        "ka.target.subresource" => Visible::Subresource,
        "ka.target.namespace" => Visible::Namespace,
        "ka.target.name" => Visible::Name,
        "ka.uri" => Visible::Uri,
        "ka.stage" => return Place::Stage,
        "ka.response.code"
        | "ka.response.reason"
        | "ka.impuser.name"
        | "ka.auth.decision"
        | "ka.auth.reason"
        | "ka.validations.admission.policy.failure"
        | "ka.security.pod.violations" => return Place::Answer,
        "ka.resp.name" | "ka.target.pod.name" => return Place::Response(name.to_owned()),
        // It says "true" of every event.
        "ka.req.binding.subject.has_name" => return Place::Metadata,
        // The target's name, whatever it is called.
        "ka.req.configmap.name" => Visible::Name,
        "jevt.value" | "json.value" => {
            let pointer = argument.unwrap_or_default();
            let pointer = pointer.strip_prefix('/').unwrap_or(pointer);
            let keys: Vec<String> =
                pointer.split('/').map(|key| key.replace("~1", "/").replace("~0", "~")).collect();
            let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
            // All groups are one text there.
            let place = keyed(&keys, &keys.join("."));
            return if place == Place::Visible(Visible::Groups) { Place::Metadata } else { place };
        }
        "jevt.obj" | "json.obj" => return Place::Unknown,
        name if name.starts_with("ka.req.") => return Place::Request(name.to_owned()),
        _ => return Place::Metadata,
    };
    Place::Visible(visible)
}
