//! Levels that do nothing for a watch.

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};
use crate::space::{Cube, ResourceSet, Space, Words};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "watch-bodies",
    severity: Severity::Info,
    summary: "a watch is recorded at Request or RequestResponse, which adds nothing",
    why: "A watch has no request body, and what it streams is never recorded. Metadata says the same.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut watches = Cube::resources(ResourceSet::any());
    watches.verbs = Words::only(["watch"]);
    let watches = Space::from(watches);
    let mut found = Vec::new();
    for (index, rule) in cx.rules().filter(|(index, _)| cx.level(Some(*index)) >= Level::Request) {
        let asks = rule.verbs.iter().any(|verb| verb == "watch");
        let Some(decided) = cx.decided_by(index).filter(|_| asks) else { continue };
        let taken = cx.both(decided, &watches);
        found.extend(Context::proof(&taken, Some(index)).map(|proof| (index, proof)));
    }
    let draft = |(index, proof)| {
        let level = cx.level(Some(index));
        Draft::field(index, "verbs", format!("a watch at {level} is recorded like one at Metadata"))
            .witness(Some(proof))
    };
    found.into_iter().map(draft).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn only_where_a_rule_asks_for_watches() {
        check(
            "watch-bodies",
            "- {level: Request, verbs: [get, watch]}",
            expect![[r#"
            info rule 1 at 4:27: a watch at Request is recorded like one at Metadata
              alice (system:authenticated): watch pods in default: rule 1
        "#]],
        );
        check("watch-bodies", "- {level: Metadata, verbs: [watch]}", expect![""]);
        check("watch-bodies", "- level: Request", expect![""]);
        check(
            "watch-bodies",
            "- {level: None, verbs: [watch]}\n- {level: Request, verbs: [get, watch]}",
            expect![""],
        );
    }
}
