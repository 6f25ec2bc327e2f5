//! What the policy hides.

pub(super) mod catch_all_not_last;
pub(super) mod drops_anonymous;
pub(super) mod drops_changes;
pub(super) mod drops_everyone;
pub(super) mod drops_namespace;
pub(super) mod drops_service_accounts;
pub(super) mod failed_authentication;
pub(super) mod no_catch_all;
pub(super) mod records_nothing;
pub(super) mod response_complete;
pub(super) mod response_started;

use super::bodies::SECRETS;
use super::who::asking;
use crate::space::Space;

const WRITES: &[&str] = &["create", "update", "patch", "delete", "deletecollection"];

/// Changes by which an intruder gets in, gets further or stays, and use of what runs.
pub(super) fn changes() -> Space {
    const CHANGED: [(&str, &str); 20] = [
        ("", "pods"),
        ("", "secrets"),
        ("", "serviceaccounts"),
        ("", "namespaces"),
        ("", "nodes"),
        ("admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("admissionregistration.k8s.io", "validatingadmissionpolicies"),
        ("admissionregistration.k8s.io", "validatingwebhookconfigurations"),
        ("apiextensions.k8s.io", "customresourcedefinitions"),
        ("apiregistration.k8s.io", "apiservices"),
        ("apps", "daemonsets"),
        ("apps", "deployments"),
        ("batch", "cronjobs"),
        ("batch", "jobs"),
        ("certificates.k8s.io", "certificatesigningrequests"),
        ("networking.k8s.io", "networkpolicies"),
        ("rbac.authorization.k8s.io", "clusterrolebindings"),
        ("rbac.authorization.k8s.io", "clusterroles"),
        ("rbac.authorization.k8s.io", "rolebindings"),
        ("rbac.authorization.k8s.io", "roles"),
    ];
    const USED: [(&str, &str, &str); 8] = [
        ("", "pods", "exec"),
        ("", "pods", "attach"),
        ("", "pods", "portforward"),
        ("", "pods", "ephemeralcontainers"),
        ("", "pods", "proxy"),
        ("", "services", "proxy"),
        ("", "nodes", "proxy"),
        ("", "serviceaccounts", "token"),
    ];
    let changed = CHANGED.into_iter().map(|(group, resource)| asking(group, resource, "", WRITES));
    let used = USED.into_iter().map(|(group, resource, sub)| {
        let verbs: &[&str] = if sub == "ephemeralcontainers" { &["update", "patch"] } else { &[] };
        asking(group, resource, sub, verbs)
    });
    changed.chain(used).fold(Space::nothing(), Space::or)
}

/// The same and reading Secrets.
pub(super) fn doings() -> Space {
    changes().or(asking(SECRETS.group, SECRETS.resource, SECRETS.subresource, &["get", "list", "watch"]))
}
