//! What kubelets report.

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::who::{KUBELET, asking};
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "noise-status-bodies",
    severity: Severity::Warning,
    summary: "the status that kubelets report of nodes and pods is recorded with bodies",
    why: "A node's status lists every image on it. Kubelets report it every few minutes, a pod's with every change: much \
          data, and nobody did anything.",
    refs: &["https://kubernetes.io/docs/concepts/architecture/nodes/#heartbeats"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut recorded: Vec<(usize, &str, crate::lint::Proof)> = Vec::new();
    for resource in ["nodes", "pods"] {
        for part in cx.decide(&KUBELET.of(cx, &asking("", resource, "status", &["patch", "update"]))) {
            let Some(rule) = part.rule.filter(|_| cx.level(part.rule) >= Level::Request) else { continue };
            recorded.extend(Context::proof(&part.space, part.rule).map(|proof| (rule, resource, proof)));
        }
    }
    let mut drafts: Vec<Draft> = Vec::new();
    let mut rules: Vec<usize> = recorded.iter().map(|(rule, ..)| *rule).collect();
    rules.sort_unstable();
    rules.dedup();
    for rule in rules {
        let of_rule: Vec<_> = recorded.iter().filter(|(other, ..)| *other == rule).collect();
        let mut what: Vec<String> =
            of_rule.iter().map(|(_, resource, _)| format!("{resource}/status")).collect();
        what.dedup();
        let level = cx.level(Some(rule));
        let message =
            format!("records {} from kubelets at {level}; Metadata would do", names::quoted(&what, "and"));
        let witness = of_rule.first().map(|(_, _, proof)| proof.clone());
        drafts.push(Draft::rule(rule, message).witness(witness));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn bodies_only() {
        check("noise-status-bodies", "- level: Metadata", expect![""]);
        check(
            "noise-status-bodies",
            "- {level: Request, verbs: [patch], resources: [{group: \"\"}]}",
            expect![[r#"
                warning rule 1 at 4:3: records `nodes/status` and `pods/status` from kubelets at Request; Metadata would do
                  system:node:node-1 (system:authenticated, system:nodes): patch nodes/status node-1: rule 1
            "#]],
        );
        check(
            "noise-status-bodies",
            "- {level: None, userGroups: ['system:nodes'], verbs: [patch, update]}\n- level: Request",
            expect![""],
        );
    }
}
