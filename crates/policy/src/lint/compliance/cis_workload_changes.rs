//! CIS 3.2.2, second part.

use super::missing;
use crate::lint::context::Context;
use crate::lint::who::asking;
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "cis-3-2-2-workload-changes",
    severity: Severity::Warning,
    summary: "CIS 3.2.2: changes to pods and deployments are recorded",
    why: "They are how something new comes to run in the cluster.",
    refs: &["CIS 3.2.2", "https://www.cisecurity.org/benchmark/kubernetes"],
    check,
};

const WRITES: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    if cx.records_nothing() {
        return Vec::new();
    }
    let kinds = [("", "pods"), ("apps", "deployments")];
    let unseen: Vec<_> = kinds
        .into_iter()
        .filter_map(|(group, resource)| Some((resource, missing(cx, &asking(group, resource, "", &WRITES))?)))
        .collect();
    let Some((_, proof)) = unseen.first() else { return Vec::new() };
    let kinds: Vec<&str> = unseen.iter().map(|(resource, _)| *resource).collect();
    let message =
        format!("CIS 3.2.2 asks for all changes to {}: some are not recorded", names::quoted(&kinds, "and"));
    vec![Draft::policy(message).witness(Some(proof.clone()))]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn every_change() {
        check("cis-3-2-2-workload-changes", "- level: Metadata", expect![""]);
        check(
            "cis-3-2-2-workload-changes",
            "- {level: Metadata, verbs: [create, update, patch]}",
            expect![[r#"
                warning at 4:1: CIS 3.2.2 asks for all changes to `pods` and `deployments`: some are not recorded
                  alice (system:authenticated): delete pods web in default: no rule
            "#]],
        );
        check(
            "cis-3-2-2-workload-changes",
            "- {level: Request, resources: [{group: apps}]}",
            expect![[r#"
                warning at 4:1: CIS 3.2.2 asks for all changes to `pods`: some are not recorded
                  alice (system:authenticated): create pods in default: no rule
            "#]],
        );
    }
}
