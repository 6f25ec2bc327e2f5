//! Rules of which earlier ones take everything.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Proof, Severity, edit};
use crate::space::Reach;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "rule-shadowed",
    severity: Severity::Warning,
    summary: "a rule never decides anything, because earlier rules take all that it names",
    why: "The first rule that matches wins. A rule that gets nothing misleads whoever reads the policy: what it says is \
          not what happens.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let dead = cx.rules().filter_map(|(index, _)| match cx.reach(index)? {
        Reach::Dead { taken_by } => Some((index, taken_by)),
        _ => None,
    });
    dead.map(|(index, taken_by)| {
        let takers: Vec<usize> = taken_by.iter().map(|taken| taken.rule).collect();
        let take = if takers.len() == 1 { "takes" } else { "take" };
        let message =
            format!("never decides anything: {} {take} all that it names", cx.names(takers.clone()));
        let witness = taken_by
            .first()
            .map(|taken| Proof { request: taken.witness.request.clone(), decided_by: Some(taken.rule) });
        // Behind a rule that takes everything it is the order that is wrong, not the rule.
        let order = takers.iter().any(|taker| cx.policy.rules[*taker].is_catch_all());
        Draft::rule(index, message).witness(witness).fix(edit::remove_rule(cx, index, !order))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn by_one_rule_or_by_several() {
        check(
            "rule-shadowed",
            "- {level: None, resources: [{resources: [\"*\"]}]}\n\
             # pods\n- level: Metadata # dead\n  resources: [{resources: [pods]}]\n- level: Metadata",
            expect![[r#"
                warning rule 2 at 6:3: never decides anything: rule 1 (line 4) takes all that it names
                  alice (system:authenticated): get pods web in default: rule 1
                  fix: remove rule 2 (line 6)
                    -- level: Metadata # dead
                    -  resources: [{resources: [pods]}]
            "#]],
        );
        check(
            "rule-shadowed",
            "- {level: None, verbs: [get]}\n- {level: None, verbs: [list]}\n- {level: Request, verbs: [get, list]}",
            expect![[r#"
                warning rule 3 at 6:3: never decides anything: rule 1 (line 4) and rule 2 (line 5) take all that it names
                  alice (system:authenticated): get pods web in default: rule 1
                  fix: remove rule 3 (line 6)
                    -- {level: Request, verbs: [get, list]}
            "#]],
        );
        check("rule-shadowed", "- {level: None, verbs: [get]}\n- level: Metadata", expect![""]);
    }

    #[test]
    fn behind_a_catch_all_nothing_is_removed_unasked() {
        check(
            "rule-shadowed",
            "- level: Metadata\n- {level: None, verbs: [get]}",
            expect![[r#"
            warning rule 2 at 5:3: never decides anything: rule 1 (line 4) takes all that it names
              alice (system:authenticated): get pods web in default: rule 1
              maybe: remove rule 2 (line 5)
                -- {level: None, verbs: [get]}
        "#]],
        );
    }
}
