//! The stage that says nothing new.

use auditward_event::Stage;

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, edit};
use crate::read::FieldPath;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "request-received-not-omitted",
    severity: Severity::Warning,
    summary: "every request is recorded twice: when it arrives and when it is answered",
    why: "The second event says all that the first does, and the outcome. Only a request during which the API server \
          dies is in the first alone.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#audit-policy"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let rules: Vec<usize> = cx.recording_at(Stage::RequestReceived).collect();
    if rules.is_empty() {
        return Vec::new();
    }
    let message =
        format!("`RequestReceived` is not omitted by {}: every request is recorded twice", cx.names(rules));
    vec![Draft::policy(message).at(FieldPath::ROOT.key("omitStages")).fix(edit::omit_stage(
        cx,
        Stage::RequestReceived,
        true,
    ))]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::{check, check_whole};

    const ID: &str = "request-received-not-omitted";

    #[test]
    fn by_the_policy_or_by_every_rule() {
        check(ID, "- {level: Metadata, omitStages: [RequestReceived]}\n- level: None", expect![""]);
        check(
            ID,
            "- {level: Metadata, omitStages: [RequestReceived]}\n- level: Request",
            expect![[r#"
            warning at 1:1: `RequestReceived` is not omitted by rule 2 (line 5): every request is recorded twice
              fix: omit RequestReceived everywhere
                +omitStages: [RequestReceived]
        "#]],
        );
    }

    #[test]
    fn added_to_what_is_there() {
        let rest = "\nrules:\n- level: Metadata\n";
        let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
        check_whole(
            ID,
            &format!("{head}omitStages:\n  - Panic # why{rest}"),
            expect![[r#"
            warning at 4:3: `RequestReceived` is not omitted by rule 1 (line 6): every request is recorded twice
              fix: omit RequestReceived everywhere
                +  - RequestReceived
        "#]],
        );
        check_whole(
            ID,
            &format!("{head}omitStages: [\"Panic\"]{rest}"),
            expect![[r#"
            warning at 3:13: `RequestReceived` is not omitted by rule 1 (line 5): every request is recorded twice
              fix: omit RequestReceived everywhere
                -omitStages: ["Panic"]
                +omitStages: ["RequestReceived", "Panic"]
        "#]],
        );
        check_whole(
            ID,
            &format!("{head}omitStages: []{rest}"),
            expect![[r#"
            warning at 3:13: `RequestReceived` is not omitted by rule 1 (line 5): every request is recorded twice
              fix: omit RequestReceived everywhere
                -omitStages: []
                +omitStages: ["RequestReceived"]
        "#]],
        );
        check_whole(
            ID,
            "{\"kind\": \"Policy\", \"apiVersion\": \"audit.k8s.io/v1\", \"rules\": [{\"level\": \"Metadata\"}]}",
            expect![[r#"
                warning at 1:1: `RequestReceived` is not omitted by rule 1 (line 1): every request is recorded twice
                  fix: omit RequestReceived everywhere
                    -{"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "rules": [{"level": "Metadata"}]}
                    +{"kind": "Policy", "apiVersion": "audit.k8s.io/v1", "omitStages": ["RequestReceived"], "rules": [{"level": "Metadata"}]}
            "#]],
        );
    }
}
