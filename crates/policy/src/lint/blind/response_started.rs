//! Long requests that are only told of when they end.

use auditward_event::{Level, Stage};

use crate::lint::context::Context;
use crate::lint::who::asking;
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "response-started-omitted",
    severity: Severity::Warning,
    summary: "`ResponseStarted` is omitted, so a shell in a pod is only told of when it ends",
    why: "exec, attach, portforward, proxied streams and watches may last for days. ResponseStarted is the only event \
          before their end; no other request has one, so it costs little.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/"],
    check,
};

const SESSIONS: [&str; 3] = ["exec", "attach", "portforward"];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut hidden: Vec<(usize, Vec<&str>, crate::lint::Proof)> = Vec::new();
    for session in SESSIONS {
        for part in cx.decide(&asking("", "pods", session, &[])) {
            let Some(index) = part.rule else { continue };
            let rule = &cx.policy.rules[index];
            if rule.level == Level::None || !cx.omitted(rule).contains(Stage::ResponseStarted) {
                continue;
            }
            match hidden.iter_mut().find(|(rule, ..)| *rule == index) {
                Some((_, sessions, _)) => sessions.push(session),
                None => {
                    let proof = Context::proof(&part.space, part.rule);
                    hidden.extend(proof.map(|it| (index, vec![session], it)));
                }
            }
        }
    }
    hidden
        .into_iter()
        .map(|(rule, sessions, proof)| {
            let patterns: Vec<String> = sessions.iter().map(|session| format!("pods/{session}")).collect();
            let message = format!(
                "omits `ResponseStarted`: a session of {} is only told of when it ends",
                names::quoted(&patterns, "or")
            );
            Draft::field(rule, "omitStages", message).witness(Some(proof))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn where_sessions_are_decided() {
        check(
            "response-started-omitted",
            "- {level: Metadata, omitStages: [ResponseStarted]}",
            expect![[r#"
                warning rule 1 at 4:33: omits `ResponseStarted`: a session of `pods/exec`, `pods/attach` or `pods/portforward` is only told of when it ends
                  alice (system:authenticated): create pods/exec web in default: rule 1
            "#]],
        );
        check("response-started-omitted", "- {level: Metadata, omitStages: [RequestReceived]}", expect![""]);
        check(
            "response-started-omitted",
            "- {level: Request, resources: [{resources: [pods/*]}]}\n- {level: Metadata, omitStages: [ResponseStarted]}",
            expect![""],
        );
    }
}
