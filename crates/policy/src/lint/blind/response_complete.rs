//! Requests without their outcome.

use auditward_event::{Level, Stage};

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};
use crate::space::Reach;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "response-complete-omitted",
    severity: Severity::Error,
    summary: "`ResponseComplete` is omitted, so most requests leave no outcome, or nothing",
    why: "It is the event that says what came of a request, and for most the only one. Without it nobody can tell what \
          was allowed from what was refused.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/", "STIG V-242403"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in cx.rules().filter(|(_, rule)| rule.level != Level::None) {
        let Some(Reach::Decides { witness, .. }) = cx.reach(index) else { continue };
        let omitted = cx.omitted(rule);
        if !omitted.contains(Stage::ResponseComplete) || cx.level(Some(index)) == Level::None {
            continue;
        }
        let rest = if omitted.contains(Stage::RequestReceived) {
            "most requests leave nothing"
        } else {
            "no outcome is recorded"
        };
        let proof = crate::lint::Proof { request: witness.request.clone(), decided_by: Some(index) };
        let message = format!("omits `ResponseComplete`: {rest}");
        drafts.push(Draft::field(index, "omitStages", message).witness(Some(proof)));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn with_and_without_the_first_stage() {
        check(
            "response-complete-omitted",
            "- {level: Metadata, omitStages: [ResponseComplete]}",
            expect![[r#"
                error rule 1 at 4:33: omits `ResponseComplete`: no outcome is recorded
                  alice (system:authenticated): get pods web in default: rule 1
            "#]],
        );
        check(
            "response-complete-omitted",
            "- {level: Metadata, omitStages: [RequestReceived, ResponseComplete]}",
            expect![[r#"
                error rule 1 at 4:33: omits `ResponseComplete`: most requests leave nothing
                  alice (system:authenticated): get pods web in default: rule 1
            "#]],
        );
        check("response-complete-omitted", "- {level: Metadata, omitStages: [RequestReceived]}", expect![""]);
    }
}
