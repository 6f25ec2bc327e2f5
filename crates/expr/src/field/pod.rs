//! The pod specification that a request writes: a Pod's, or that of a workload's template.

use std::sync::LazyLock;

use auditward_event::{ObjectRefView, Path, Step};

use super::Node;
use crate::{Item, Subject};

/// The keys from the object down to the pod specification.
type PodPlace = &'static [&'static str];

/// Where the pod specification is; `None` for what has none.
///
/// Decided by what the request is about, not by the body's `kind`, which a patch need not say.
fn place(object: &ObjectRefView<'_>) -> Option<PodPlace> {
    const TEMPLATE: PodPlace = &["spec", "template", "spec"];
    Some(match (&*object.api_group, &*object.resource, &*object.subresource) {
        ("", "pods", "" | "ephemeralcontainers" | "resize") => &["spec"],
        ("", "podtemplates", "") => &["template", "spec"],
        ("", "replicationcontrollers", "") => TEMPLATE,
        ("apps" | "extensions", "deployments" | "daemonsets" | "statefulsets" | "replicasets", "") => {
            TEMPLATE
        }
        ("batch", "jobs", "") => TEMPLATE,
        ("batch", "cronjobs", "") => &["spec", "jobTemplate", "spec", "template", "spec"],
        _ => return None,
    })
}

pub(crate) fn each<'a>(path: &Path, subject: &Subject<'a>, found: &mut dyn FnMut(Item<'a>)) {
    for spec in subject.pod_specs() {
        spec.each(path.steps(), &mut |node| found(node.into()));
    }
}

/// In each of the containers, whatever they are called.
pub(crate) fn each_container<'a>(path: &Path, subject: &Subject<'a>, found: &mut dyn FnMut(Item<'a>)) {
    for container in subject.containers() {
        container.each(path.steps(), &mut |node| found(node.into()));
    }
}

/// The pod specifications that a request writes, or parts of: one, or one for each operation of a JSON Patch.
pub(crate) fn specs<'a>(subject: &Subject<'a>) -> Vec<Node<'a>> {
    let mut specs = Vec::new();
    if let Some(place) = subject.object_ref().and_then(place) {
        subject.body().each(place, &[], &mut |spec| specs.push(spec));
    }
    specs
}

/// The lists of containers that a pod specification has.
static LISTS: LazyLock<[[Step; 2]; 3]> = LazyLock::new(|| {
    ["containers", "initContainers", "ephemeralContainers"]
        .map(|list| [Step::Key(list.to_owned()), Step::Each])
});

/// The containers of those, by list.
pub(crate) fn containers<'a>(specs: &[Node<'a>]) -> Vec<Node<'a>> {
    let mut containers = Vec::new();
    for list in LISTS.iter() {
        for spec in specs {
            spec.each(list, &mut |container| containers.push(container));
        }
    }
    containers
}
