//! DISA STIG V-242403, to the letter.

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "stig-v-242403-literal",
    severity: Severity::Info,
    summary: "STIG V-242403, fix text: one rule, RequestResponse for everything",
    why: "To the letter the STIG asks for all bodies. That puts Secrets and tokens into the log, which CIS 3.2.2 forbids: \
          record sensitive kinds at Metadata, write the deviation down, and hold on to the intent (who, what, when, from \
          where, with what result), which Metadata meets.",
    refs: &["STIG V-242403", "CIS 3.2.2"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let last = cx.policy.rules.len();
    let less = (0..=last).find_map(|at| {
        let rule = Some(at).filter(|at| *at < last);
        let space = if rule.is_some() { cx.decided_by(at) } else { cx.undecided() };
        let space = space.filter(|_| cx.level(rule) < Level::RequestResponse)?;
        Some((rule, Context::proof(space, rule)?))
    });
    let Some((rule, proof)) = less else { return Vec::new() };
    let level = cx.level(rule);
    let message = format!(
        "to the letter STIG V-242403 asks for RequestResponse everywhere; some requests are recorded at {level}"
    );
    vec![Draft::policy(message).witness(Some(proof))]
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn everything_in_full() {
        check("stig-v-242403-literal", "- level: RequestResponse", expect![""]);
        check(
            "stig-v-242403-literal",
            "- {level: Metadata, verbs: [get]}\n- level: RequestResponse",
            expect![[r#"
                info at 4:1: to the letter STIG V-242403 asks for RequestResponse everywhere; some requests are recorded at Metadata
                  alice (system:authenticated): get pods web in default: rule 1
            "#]],
        );
    }
}
