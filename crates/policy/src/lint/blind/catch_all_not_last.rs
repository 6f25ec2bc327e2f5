//! A rule for everything with rules behind it.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "catch-all-not-last",
    severity: Severity::Warning,
    summary: "a rule that matches everything has rules behind it",
    why: "The first rule that matches wins, so none of those behind it decides anything. Move it to the end.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let Some((index, _)) = cx.rules().find(|(_, rule)| rule.is_catch_all()) else { return Vec::new() };
    let behind = cx.policy.rules.len() - index - 1;
    let message = match behind {
        0 => return Vec::new(),
        1 => "matches every request, so the rule behind it decides nothing".to_owned(),
        behind => format!("matches every request, so the {behind} rules behind it decide nothing"),
    };
    vec![Draft::rule(index, message)]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn the_order_counts() {
        check("catch-all-not-last", "- {level: None, verbs: [get]}\n- level: Metadata", expect![""]);
        check(
            "catch-all-not-last",
            "- level: Metadata\n- {level: None, verbs: [get]}\n- level: Request",
            expect![[r#"
                warning rule 1 at 4:3: matches every request, so the 2 rules behind it decide nothing
            "#]],
        );
    }
}
