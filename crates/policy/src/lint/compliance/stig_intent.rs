//! DISA STIG V-242403, in spirit.

use super::missing;
use crate::lint::blind::doings;
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "stig-v-242403-intent",
    severity: Severity::Warning,
    summary: "STIG V-242403, intent: who did what, when, from where, with what result",
    why: "All of this is in an event at Metadata. Here changes to what an intruder would change, access to Secrets and \
          sessions in pods are looked at, by people, administrators, service accounts and strangers.",
    refs: &["STIG V-242403"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let Some(proof) = missing(cx, &doings()).filter(|_| !cx.records_nothing()) else { return Vec::new() };
    let message = "STIG V-242403 asks who did what, with what result: of some of it nothing is recorded";
    vec![Draft::policy(message).witness(Some(proof))]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn what_must_not_be_missing() {
        check(
            "stig-v-242403-intent",
            "- {level: None, resources: [{resources: [events]}]}\n- level: Metadata",
            expect![""],
        );
        check(
            "stig-v-242403-intent",
            "- {level: None, namespaces: [kube-system]}\n- level: Metadata",
            expect![[r#"
                warning at 4:1: STIG V-242403 asks who did what, with what result: of some of it nothing is recorded
                  alice (system:authenticated): create pods in kube-system: rule 1
            "#]],
        );
    }
}
