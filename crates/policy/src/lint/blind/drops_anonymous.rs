//! Rules that drop whoever gives no name.

use auditward_event::Level;

use super::doings;
use crate::lint::context::Context;
use crate::lint::who::{ALICE, ANONYMOUS, asking};
use crate::lint::{Draft, Lint, Severity};
use crate::space::{Cube, Groups, Part, Space, Users};

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
    if cx.records_nothing() {
        return Vec::new();
    }
    // What is dropped for everybody is no matter of names.
    let asked = asking("", "pods", "", &["list", "get"]).or(doings());
    let seen = |part: &Part| cx.level(part.rule) > Level::None;
    let known = |space: &Space| cx.decide(&ALICE.of(cx, &anybody(space))).iter().any(seen);
    let mut drafts: Vec<Draft> = Vec::new();
    for part in cx.decide(&ANONYMOUS.of(cx, &asked)) {
        if seen(&part) || !known(&part.space) {
            continue;
        }
        let draft = match part.rule {
            Some(rule) => Draft::rule(rule, "drops what anonymous users ask of resources"),
            None => Draft::policy("what anonymous users ask of resources is not recorded: no rule takes it"),
        };
        drafts.push(draft.witness(Context::proof(&part.space, part.rule)));
    }
    drafts
}

/// The same requests, whoever asks.
fn anybody(space: &Space) -> Space {
    let anybody = |cube: &Cube| Cube { users: Users::any(), groups: Groups::any(), ..cube.clone() };
    space.cubes().iter().map(anybody).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn by_no_rule_or_by_the_last() {
        check(
            "drops-anonymous",
            "- {level: Metadata, userGroups: ['system:authenticated']}",
            expect![[r#"
                warning at 4:1: what anonymous users ask of resources is not recorded: no rule takes it
                  system:anonymous (system:unauthenticated): create nodes: no rule
            "#]],
        );
        check(
            "drops-anonymous",
            "- {level: Metadata, userGroups: ['system:authenticated']}\n- level: None",
            expect![[r#"
                warning rule 2 at 5:3: drops what anonymous users ask of resources
                  system:anonymous (system:unauthenticated): create nodes: rule 2
            "#]],
        );
        check("drops-anonymous", "- {level: None, verbs: [list, get]}\n- level: Metadata", expect![""]);
    }

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
