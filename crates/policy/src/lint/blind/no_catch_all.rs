//! Requests that no rule decides.

use auditward_event::Level;

use super::doings;
use crate::Rule;
use crate::lint::context::Context;
use crate::lint::who::{ALICE, asking};
use crate::lint::{Draft, Lint, Severity, edit};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "no-catch-all",
    severity: Severity::Warning,
    summary: "no last rule records what is left, so that some requests leave no trace",
    why: "What no rule matches leaves no trace. New APIs, custom resources and whatever nobody thought of fall through: \
          end with `- level: Metadata`, and drop by name what is too loud.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy", "CIS 3.2.2"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let last = cx
        .policy
        .rules
        .iter()
        .position(Rule::is_catch_all)
        .filter(|last| cx.level(Some(*last)) == Level::None);
    let left = match last {
        Some(last) => cx.decided_by(last),
        None => cx.undecided(),
    };
    let Some(left) = left.filter(|left| !left.is_empty() && !cx.records_nothing()) else {
        return Vec::new();
    };
    // The most telling of what is left.
    let telling = [
        asking("rbac.authorization.k8s.io", "clusterrolebindings", "", &["create"]),
        doings(),
        asking("", "pods", "", &[]),
    ];
    let by_alice = ALICE.of(cx, left);
    let witness = telling.iter().find_map(|it| Context::proof(&cx.both(&by_alice, it), last));
    let severity = if witness.is_some() { Severity::Warning } else { Severity::Info };
    let witness = witness.or_else(|| Context::proof(left, last));
    if let Some(last) = last {
        let message = "drops whatever no rule before it takes";
        let fix = edit::set_level(cx, last, Level::Metadata, false);
        return vec![Draft::rule(last, message).severity(severity).witness(witness).fix(fix)];
    }
    let comment = "Whatever no rule above decides.";
    let fix = edit::insert_rule(
        cx,
        cx.policy.rules.len(),
        Rule::catch_all(Level::Metadata),
        comment,
        "end with a rule that records the rest at Metadata".to_owned(),
        false,
    );
    let message = "what no rule matches is not recorded: there is no rule for the rest";
    vec![Draft::policy(message).severity(severity).witness(witness).fix(fix)]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn something_is_left() {
        check("no-catch-all", "- level: Metadata", expect![""]);
        check(
            "no-catch-all",
            "- {level: Metadata, verbs: [get]}",
            expect![[r#"
            warning at 4:1: what no rule matches is not recorded: there is no rule for the rest
              alice (system:authenticated): create clusterrolebindings.rbac.authorization.k8s.io: no rule
              maybe: end with a rule that records the rest at Metadata
                +# Whatever no rule above decides.
                +- level: Metadata
        "#]],
        );
        check(
            "no-catch-all",
            "- {level: Metadata, resources: [{group: '*'}]}",
            expect![[r#"
            info at 4:1: what no rule matches is not recorded: there is no rule for the rest
              alice (system:authenticated): get /healthz: no rule
              maybe: end with a rule that records the rest at Metadata
                +# Whatever no rule above decides.
                +- level: Metadata
        "#]],
        );
        // Nobody is left who is authenticated.
        check(
            "no-catch-all",
            "- {level: Metadata, userGroups: ['system:authenticated', 'system:unauthenticated']}",
            expect![[r#"
                info at 4:1: what no rule matches is not recorded: there is no rule for the rest
                  no authenticated user: get pods web in default: no rule
                  maybe: end with a rule that records the rest at Metadata
                    +# Whatever no rule above decides.
                    +- level: Metadata
            "#]],
        );
        check("no-catch-all", "- level: None", expect![""]);
        check(
            "no-catch-all",
            "- {level: Metadata, verbs: [get]}\n- level: None",
            expect![[r#"
            warning rule 2 at 5:3: drops whatever no rule before it takes
              alice (system:authenticated): create clusterrolebindings.rbac.authorization.k8s.io: rule 2
              maybe: record rule 2 (line 5) at Metadata
                -- level: None
                +- level: Metadata
        "#]],
        );
    }
}
