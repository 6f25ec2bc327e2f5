//! Rules that drop whole sets of programs.

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, names};
use crate::space::Reach;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "drops-service-accounts",
    severity: Severity::Warning,
    summary: "a rule drops what all service accounts of a namespace, or of all, do",
    why: "A pod that was broken into acts as its service account. Name the few accounts that are too loud, with verbs and \
          resources.",
    refs: &["https://kubernetes.io/docs/concepts/security/service-accounts/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in cx.rules().filter(|(index, _)| cx.level(Some(*index)) == Level::None) {
        let whom: Vec<&str> = rule
            .user_groups
            .iter()
            .map(String::as_str)
            .filter(|group| group.starts_with("system:serviceaccounts"))
            .collect();
        let Some(Reach::Decides { witness, .. }) = cx.reach(index) else { continue };
        if whom.is_empty() || !rule.resources.is_empty() || rule.scope() == crate::Scope::NonResource {
            continue;
        }
        let told = cx
            .decided_by(index)
            .and_then(|decided| Context::proof(&cx.both(decided, &super::doings()), Some(index)));
        let proof =
            told.unwrap_or(crate::lint::Proof { request: witness.request.clone(), decided_by: Some(index) });
        let verbs =
            if rule.verbs.is_empty() { "whatever".to_owned() } else { names::quoted(&rule.verbs, "and") };
        let message = format!("drops {verbs} by {}", names::quoted(&whom, "and"));
        drafts.push(Draft::rule(index, message).witness(Some(proof)));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn whole_groups() {
        check(
            "drops-service-accounts",
            "- {level: None, userGroups: ['system:serviceaccounts:kube-system']}\n- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: drops whatever by `system:serviceaccounts:kube-system`
                  system:serviceaccount:kube-system:default (system:authenticated, system:serviceaccounts, system:serviceaccounts:kube-system): create nodes: rule 1
            "#]],
        );
        check(
            "drops-service-accounts",
            "- {level: None, userGroups: ['system:serviceaccounts'], resources: [{group: coordination.k8s.io}]}\n- level: Metadata",
            expect![""],
        );
    }
}
