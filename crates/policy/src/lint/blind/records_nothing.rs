//! A policy that is none.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "records-nothing",
    severity: Severity::Error,
    summary: "the policy records nothing at all",
    why: "Auditing is then on in name only: every flag is set, a scanner is content, and the log stays empty.",
    refs: &["CIS 3.2.1", "STIG V-242403", "STIG V-242461"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    if !cx.records_nothing() {
        return Vec::new();
    }
    let message = "records nothing: every rule that decides anything has level None, or omits every stage";
    vec![Draft::policy(message)]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn none_or_no_stage() {
        check(
            "records-nothing",
            "- level: None",
            expect![[r#"
            error at 4:1: records nothing: every rule that decides anything has level None, or omits every stage
        "#]],
        );
        check(
            "records-nothing",
            "- level: None\n- level: Metadata",
            expect![[r#"
            error at 4:1: records nothing: every rule that decides anything has level None, or omits every stage
        "#]],
        );
        check(
            "records-nothing",
            "- {level: Metadata, omitStages: [RequestReceived, ResponseStarted, ResponseComplete, Panic]}",
            expect![[r#"
                error at 4:1: records nothing: every rule that decides anything has level None, or omits every stage
            "#]],
        );
        check("records-nothing", "- {level: None, verbs: [get]}\n- level: Metadata", expect![""]);
    }
}
