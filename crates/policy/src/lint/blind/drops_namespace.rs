//! Rules that drop a whole namespace.

use auditward_event::Level;

use super::doings;
use crate::Rule;
use crate::lint::context::Context;
use crate::lint::who::ALICE;
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "drops-namespace",
    severity: Severity::Warning,
    summary: "a rule drops what anybody does in a namespace",
    why: "It takes everyone and every kind of object there, Secrets and pods with the rights of the control plane among \
          them. Drop by user and resource instead.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in
        cx.rules().filter(|(index, rule)| cx.level(Some(*index)) == Level::None && is_whole(rule))
    {
        let Some(decided) = cx.decided_by(index) else { continue };
        let by_alice = ALICE.of(cx, decided);
        let witness = Context::proof(&cx.both(&by_alice, &doings()), Some(index))
            .or_else(|| Context::proof(&by_alice, Some(index)));
        if let Some(witness) = witness {
            let verbs =
                if rule.verbs.is_empty() { "whatever".to_owned() } else { names::quoted(&rule.verbs, "and") };
            let places = names::quoted(&rule.namespaces, "and");
            let message = format!("drops {verbs} of anything by anyone in {places}");
            drafts.push(Draft::rule(index, message).witness(Some(witness)));
        }
    }
    drafts
}

/// Whether the rule asks for a namespace and for nothing else but maybe verbs.
pub(super) fn is_whole(rule: &Rule) -> bool {
    rule.namespaces.iter().any(|it| !it.is_empty()) && rule.resources.is_empty() && !rule.names_someone()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn anyone_and_anything() {
        check(
            "drops-namespace",
            "- {level: None, verbs: [get, update], namespaces: [kube-system]}\n- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: drops `get` and `update` of anything by anyone in `kube-system`
                  alice (system:authenticated): update pods web in kube-system: rule 1
            "#]],
        );
        check(
            "drops-namespace",
            "- {level: None, namespaces: [kube-system], resources: [{resources: [endpoints]}]}\n- level: Metadata",
            expect![""],
        );
        check(
            "drops-namespace",
            "- level: Metadata\n- {level: None, namespaces: [kube-system]}",
            expect![""],
        );
    }
}
