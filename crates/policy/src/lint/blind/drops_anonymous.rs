//! Rules that drop whoever gives no name.

use auditward_event::Level;

use super::doings;
use crate::lint::context::Context;
use crate::lint::who::{ANONYMOUS, asking};
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "drops-anonymous",
    severity: Severity::Warning,
    summary: "a rule drops what anonymous users ask of resources",
    why: "Nobody without a name has business with resources: each such request is a probe, or a cluster that lets \
          strangers in.",
    refs: &[
        "https://kubernetes.io/docs/reference/access-authn-authz/authentication/#anonymous-requests",
        "PCI DSS 10.2.1.4",
    ],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts: Vec<Draft> = Vec::new();
    let asked = doings().or(asking("", "pods", "", &["list", "get"]));
    for part in cx.decide(&ANONYMOUS.of(cx, &asked)) {
        let Some(index) = part.rule.filter(|_| cx.level(part.rule) == Level::None) else { continue };
        let rule = &cx.policy.rules[index];
        let names_them = rule.user_groups.iter().any(|group| group == "system:unauthenticated")
            || rule.users.iter().any(|user| user == ANONYMOUS.name);
        if names_them {
            let message = "drops what anonymous users ask of resources";
            drafts.push(Draft::rule(index, message).witness(Context::proof(&part.space, part.rule)));
        }
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn resources_but_not_paths() {
        check(
            "drops-anonymous",
            "- {level: None, userGroups: ['system:unauthenticated']}\n- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: drops what anonymous users ask of resources
                  system:anonymous (system:unauthenticated): create nodes: rule 1
            "#]],
        );
        check(
            "drops-anonymous",
            "- {level: None, users: ['system:anonymous'], verbs: [list]}\n- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: drops what anonymous users ask of resources
                  system:anonymous (system:unauthenticated): list pods in default: rule 1
            "#]],
        );
        check(
            "drops-anonymous",
            "- {level: None, userGroups: ['system:unauthenticated'], nonResourceURLs: [/healthz]}\n- level: Metadata",
            expect![""],
        );
    }
}
