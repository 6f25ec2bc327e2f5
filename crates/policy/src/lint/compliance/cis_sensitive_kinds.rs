//! CIS 3.2.2, first part.

use super::missing;
use crate::lint::bodies::{CONFIG_MAPS, SECRETS, TOKEN_REVIEWS};
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "cis-3-2-2-sensitive-kinds",
    severity: Severity::Warning,
    summary: "CIS 3.2.2: access to Secrets, ConfigMaps and TokenReviews is recorded, at Metadata only",
    why: "Access to these must leave a trace, and the trace must not hold what they hold.",
    refs: &["CIS 3.2.2", "https://www.cisecurity.org/benchmark/kubernetes"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    if cx.records_nothing() {
        return Vec::new();
    }
    let kinds = [SECRETS, CONFIG_MAPS, TOKEN_REVIEWS];
    let mut witness = None;
    let (mut unseen, mut in_full) = (Vec::new(), Vec::new());
    for kind in kinds {
        if let Some(proof) = missing(cx, &kind.any()) {
            unseen.push(kind.resource);
            witness = witness.or(Some(proof));
        }
    }
    for kind in kinds {
        if let Some((_, proof)) = kind.leaks(cx).into_iter().next() {
            in_full.push(kind.resource);
            witness = witness.or(Some(proof));
        }
    }
    let mut wrong = Vec::new();
    if !unseen.is_empty() {
        wrong.push(format!("some access to {} is not recorded", names::quoted(&unseen, "and")));
    }
    if !in_full.is_empty() {
        wrong.push(format!("{} with bodies", names::quoted(&in_full, "and")));
    }
    if wrong.is_empty() {
        return Vec::new();
    }
    let message =
        format!("CIS 3.2.2 asks for Metadata of Secrets, ConfigMaps and TokenReviews: {}", wrong.join("; "));
    vec![Draft::policy(message).witness(witness)]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    const ID: &str = "cis-3-2-2-sensitive-kinds";

    #[test]
    fn neither_less_nor_more() {
        check(ID, "- level: Metadata", expect![""]);
        check(
            ID,
            "- level: Request",
            expect![[r#"
            warning at 4:1: CIS 3.2.2 asks for Metadata of Secrets, ConfigMaps and TokenReviews: `secrets`, `configmaps` and `tokenreviews` with bodies
              alice (system:authenticated): create secrets in default: rule 1
        "#]],
        );
        check(
            ID,
            "- {level: Metadata, verbs: [create, update, patch, delete, deletecollection]}",
            expect![[r#"
                warning at 4:1: CIS 3.2.2 asks for Metadata of Secrets, ConfigMaps and TokenReviews: some access to `secrets` and `configmaps` is not recorded
                  alice (system:authenticated): get secrets db-password in default: no rule
            "#]],
        );
        check(
            ID,
            "- {level: None, users: ['system:apiserver'], resources: [{resources: [secrets]}]}\n- level: Metadata",
            expect![""],
        );
    }
}
