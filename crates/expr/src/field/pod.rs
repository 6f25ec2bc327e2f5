//! The pod specification that a request writes: a Pod's, or that of a workload's template.

use std::sync::LazyLock;

use auditward_event::{ObjectRefView, Path, Step};

use crate::{Item, Subject};

/// The keys from the object down to the pod specification.
pub(crate) type PodPlace = &'static [&'static str];

/// Where the pod specification is; `None` for what has none.
///
/// Decided by what the request is about, not by the body's `kind`, which a patch need not say.
pub(crate) fn place(object: &ObjectRefView<'_>) -> Option<PodPlace> {
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
    if let Some(place) = subject.pod() {
        subject.body().each(place, path.steps(), &mut |node| found(node.into()));
    }
}

/// The lists of containers that a pod specification has.
static LISTS: LazyLock<[[Step; 2]; 3]> = LazyLock::new(|| {
    ["containers", "initContainers", "ephemeralContainers"]
        .map(|list| [Step::Key(list.to_owned()), Step::Each])
});

/// In each of the containers, whatever they are called.
pub(crate) fn each_container<'a>(path: &Path, subject: &Subject<'a>, found: &mut dyn FnMut(Item<'a>)) {
    let Some(place) = subject.pod() else { return };
    for list in LISTS.iter() {
        subject.body().each(place, list, &mut |container| {
            container.each(path.steps(), &mut |node| found(node.into()));
        });
    }
}
