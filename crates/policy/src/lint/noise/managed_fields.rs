//! Bookkeeping of server-side apply, in every body.

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, edit};
use crate::read::FieldPath;
use crate::space::Reach;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "managed-fields-kept",
    severity: Severity::Info,
    summary: "recorded bodies keep `metadata.managedFields`",
    why: "They say which client last set each field and are often the larger part of an object. Since 1.23 \
          `omitManagedFields: true` leaves them out.",
    refs: &["https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-Policy"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let keep = cx.rules().filter(|(index, rule)| {
        cx.level(Some(*index)) >= Level::Request
            && cx.keeps_managed_fields(rule)
            && matches!(cx.reach(*index), Some(Reach::Decides { .. }))
    });
    let rules: Vec<usize> = keep.map(|(index, _)| index).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let message = format!("bodies are recorded with `managedFields` by {}", cx.names(rules));
    vec![
        Draft::policy(message)
            .at(FieldPath::ROOT.key("omitManagedFields"))
            .fix(edit::omit_managed_fields(cx, false)),
    ]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::{check, check_whole};

    #[test]
    fn only_where_there_are_bodies() {
        check("managed-fields-kept", "- level: Metadata", expect![""]);
        check("managed-fields-kept", "- {level: Request, omitManagedFields: true}", expect![""]);
        check(
            "managed-fields-kept",
            "- level: Request",
            expect![[r#"
            info at 1:1: bodies are recorded with `managedFields` by rule 1 (line 4)
              maybe: omit managed fields from all bodies
                +omitManagedFields: true
        "#]],
        );
    }

    #[test]
    fn the_policy_s_own_word_is_changed() {
        let text = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitManagedFields: false # no\nrules:\n- level: Request\n";
        check_whole(
            "managed-fields-kept",
            text,
            expect![[r#"
            info at 3:20: bodies are recorded with `managedFields` by rule 1 (line 5)
              maybe: omit managed fields from all bodies
                -omitManagedFields: false # no
                +omitManagedFields: true # no
        "#]],
        );
    }
}
