//! API groups and resources that are gone.

use super::{entries, entry_path};
use crate::api_resources::{self, Removed};
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "removed-api",
    severity: Severity::Info,
    summary: "an API group or resource that Kubernetes serves no more",
    why: "It does no harm, and it decides nothing but requests that fail. What took its place should be named too.",
    refs: &["https://kubernetes.io/docs/reference/using-api/deprecation-guide/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (rule, at, entry) in entries(cx) {
        if let Some(gone) = api_resources::removed_group(&entry.group) {
            let of = entry
                .resources
                .iter()
                .filter_map(|it| api_resources::removed(&entry.group, super::resource_of(it)));
            let instead: Vec<String> = of.filter_map(instead).collect();
            let message = format!(
                "group `{}` is gone since Kubernetes {}{}",
                entry.group,
                gone.gone_in,
                meaning(&instead)
            );
            drafts.push(Draft::rule(rule, message).at(entry_path(rule, at).key("group")));
            continue;
        }
        for (pattern_at, pattern) in entry.resources.iter().enumerate() {
            let resource = super::resource_of(pattern);
            let Some(gone) = api_resources::removed(&entry.group, resource) else { continue };
            let instead: Vec<String> = instead(gone).into_iter().collect();
            let what = names::resource(&entry.group, resource);
            let message = format!("{what} is gone since Kubernetes {}{}", gone.gone_in, meaning(&instead));
            let path = entry_path(rule, at).key("resources").index(pattern_at);
            drafts.push(Draft::rule(rule, message).at(path));
        }
    }
    drafts
}

fn instead(gone: &Removed) -> Option<String> {
    gone.instead.map(|(group, resource)| names::resource(group, resource))
}

fn meaning(instead: &[String]) -> String {
    if instead.is_empty() { String::new() } else { format!("; now {}", names::joined(instead, "and")) }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn groups_and_resources() {
        check(
            "removed-api",
            "- level: Metadata\n  resources:\n  - group: extensions\n  - group: extensions\n    resources: [deployments, ingresses]\n  \
             - group: policy\n    resources: [podsecuritypolicies, poddisruptionbudgets]",
            expect![[r#"
                info rule 1 at 6:12: group `extensions` is gone since Kubernetes 1.22
                info rule 1 at 7:12: group `extensions` is gone since Kubernetes 1.22; now `deployments` of group `apps` and `ingresses` of group `networking.k8s.io`
                info rule 1 at 10:17: `podsecuritypolicies` of group `policy` is gone since Kubernetes 1.25
            "#]],
        );
    }
}
