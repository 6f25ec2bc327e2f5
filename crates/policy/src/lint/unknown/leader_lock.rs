//! Rules for leader election as it once was.

use crate::Rule;
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "leader-lock-gone",
    severity: Severity::Info,
    summary: "a rule for leader election by Endpoints or ConfigMaps",
    why: "Since Kubernetes 1.20 the control plane elects its leaders by Leases. The rule quiets nothing any more, and the \
          leases may want one.",
    refs: &["https://kubernetes.io/docs/concepts/architecture/leases/#leader-election"],
    check,
};

const CANDIDATES: [&str; 6] = [
    "cluster-autoscaler",
    "endpoint-controller",
    "system:cloud-controller-manager",
    "system:kube-controller-manager",
    "system:kube-scheduler",
    "system:serviceaccount:kube-system:endpoint-controller",
];

const LOCKS: [&str; 5] = [
    "cloud-controller-manager",
    "cluster-autoscaler",
    "controller-leader",
    "kube-controller-manager",
    "kube-scheduler",
];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let silent = cx.rules().filter(|(_, rule)| rule.level == auditward_event::Level::None);
    silent
        .filter(|(_, rule)| is_for_a_lock(rule))
        .map(|(index, _)| {
            Draft::rule(index, "leaders are elected by leases since Kubernetes 1.20, not by these")
        })
        .collect()
}

fn is_for_a_lock(rule: &Rule) -> bool {
    let locks_only = !rule.resources.is_empty()
        && rule.resources.iter().all(|entry| {
            entry.group.is_empty()
                && !entry.resources.is_empty()
                && entry.resources.iter().all(|it| it == "endpoints" || it == "configmaps")
        });
    let by_name = || {
        rule.resources.iter().all(|entry| {
            !entry.resource_names.is_empty()
                && entry.resource_names.iter().all(|name| LOCKS.contains(&name.as_str()))
        })
    };
    let by_user = || {
        rule.namespaces == ["kube-system"]
            && !rule.users.is_empty()
            && rule.users.iter().all(|user| CANDIDATES.contains(&user.as_str()))
    };
    locks_only && (by_name() || by_user())
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn locks_of_old() {
        check(
            "leader-lock-gone",
            "- {level: None, resources: [{resources: [configmaps], resourceNames: [controller-leader]}]}",
            expect![[r#"
                info rule 1 at 4:3: leaders are elected by leases since Kubernetes 1.20, not by these
            "#]],
        );
        check(
            "leader-lock-gone",
            "- {level: None, users: ['system:kube-scheduler'], namespaces: [kube-system], resources: [{resources: [endpoints]}]}",
            expect![[r#"
                info rule 1 at 4:3: leaders are elected by leases since Kubernetes 1.20, not by these
            "#]],
        );
        check(
            "leader-lock-gone",
            "- {level: None, users: ['system:kube-proxy'], resources: [{resources: [endpoints, services]}]}",
            expect![""],
        );
    }
}
