//! CIS 3.2.2, last part.

use auditward_event::Level;

use crate::api_resources;
use crate::lint::context::Context;
use crate::lint::who::{ALICE, asking, within};
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "cis-3-2-2-most-requests",
    severity: Severity::Warning,
    summary: "CIS 3.2.2: most requests are recorded, at Metadata at least",
    why: "The benchmark asks for the most basic level for most requests. Here that is taken as: every request by an ordinary \
          user in an ordinary namespace is recorded for more than half of the built-in kinds.",
    refs: &["CIS 3.2.2", "https://www.cisecurity.org/benchmark/kubernetes"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    if cx.records_nothing() {
        return Vec::new();
    }
    let mut witness = None;
    let mut unseen = 0;
    for it in api_resources::all() {
        let place = if it.namespaced { "prod" } else { "" };
        let ordinary = within(&asking(it.group, it.resource, "", &[]), &[place]);
        let parts = cx.decide(&ALICE.of(cx, &ordinary));
        if let Some(part) = parts.iter().find(|part| cx.level(part.rule) == Level::None) {
            unseen += 1;
            witness = witness.or_else(|| Context::proof(&part.space, part.rule));
        }
    }
    let all = api_resources::all().len();
    if unseen * 2 <= all {
        return Vec::new();
    }
    let message = format!(
        "CIS 3.2.2 asks for most requests: of {unseen} of {all} built-in kinds some are not recorded"
    );
    vec![Draft::policy(message).witness(witness)]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn half_is_not_most() {
        check(
            "cis-3-2-2-most-requests",
            "- {level: None, resources: [{group: apps}]}\n- level: Metadata",
            expect![""],
        );
        check(
            "cis-3-2-2-most-requests",
            "- {level: Metadata, verbs: [create]}",
            expect![[r#"
            warning at 4:1: CIS 3.2.2 asks for most requests: of 69 of 76 built-in kinds some are not recorded
              alice (system:authenticated): get componentstatuses scheduler: no rule
        "#]],
        );
    }
}
