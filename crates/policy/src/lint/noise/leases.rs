//! Heartbeats.

use super::{dropping, recorded};
use crate::lint::context::Context;
use crate::lint::who::{CONTROLLER_MANAGER, KUBELET, SCHEDULER, asking, within};
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "noise-leases",
    severity: Severity::Warning,
    summary: "heartbeats (renewed leases) are recorded",
    why: "Every node renews its lease every ten seconds and every leader its own every two: with a catch-all this is most \
          of a quiet cluster's log.",
    refs: &["https://kubernetes.io/docs/concepts/architecture/leases/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let renewed = asking("coordination.k8s.io", "leases", "", &["update"]);
    let asked = [
        KUBELET.of(cx, &within(&renewed, &["kube-node-lease"])),
        CONTROLLER_MANAGER.of(cx, &within(&renewed, &["kube-system"])),
        SCHEDULER.of(cx, &within(&renewed, &["kube-system"])),
    ];
    let verbs = ["get", "update", "patch"];
    let why = "Heartbeats of nodes and leaders: every few seconds, nothing to see.";
    recorded(cx, &asked, "records the heartbeats of nodes and leaders")
        .map(|draft| dropping(cx, draft, &verbs, &[("coordination.k8s.io", "leases")], why))
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn by_whom_and_where() {
        check(
            "noise-leases",
            "- level: Metadata",
            expect![[r#"
            warning rule 1 at 4:3: records the heartbeats of nodes and leaders at Metadata
              system:node:node-1 (system:authenticated, system:nodes): update leases.coordination.k8s.io leader in kube-node-lease: rule 1
              maybe: drop leases before rule 1 (line 4)
                +# Heartbeats of nodes and leaders: every few seconds, nothing to see.
                +- level: None
                +  verbs: ["get", "update", "patch"]
                +  resources:
                +  - group: "coordination.k8s.io"
                +    resources: ["leases"]
        "#]],
        );
        check(
            "noise-leases",
            "- {level: None, verbs: [update], resources: [{group: coordination.k8s.io}]}\n- level: Metadata",
            expect![""],
        );
        check(
            "noise-leases",
            "- {level: None, userGroups: ['system:nodes'], resources: [{group: coordination.k8s.io}]}\n- level: Metadata",
            expect![[r#"
                warning rule 2 at 5:3: records the heartbeats of nodes and leaders at Metadata
                  system:kube-controller-manager (system:authenticated): update leases.coordination.k8s.io leader in kube-system: rule 2
                  maybe: drop leases before rule 2 (line 5)
                    +# Heartbeats of nodes and leaders: every few seconds, nothing to see.
                    +- level: None
                    +  verbs: ["get", "update", "patch"]
                    +  resources:
                    +  - group: "coordination.k8s.io"
                    +    resources: ["leases"]
            "#]],
        );
    }
}
