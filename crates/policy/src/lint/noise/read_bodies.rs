//! Everything that is read, written down again.

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};
use crate::space::{Cube, ResourceSet, Space, Words};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "read-bodies",
    severity: Severity::Warning,
    summary: "what is read is recorded in full: `get` or `list` at RequestResponse",
    why: "One `list` of pods is an event of many megabytes, and controllers list all day. Events beyond the limit of a \
          webhook or of truncation lose their bodies, or are lost.",
    refs: &["https://kubernetes.io/docs/tasks/debug/debug-cluster/audit/#batching"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    let full = cx.rules().filter(|(index, _)| cx.level(Some(*index)) == Level::RequestResponse);
    for (index, _) in full {
        let Some(decided) = cx.decided_by(index) else { continue };
        let lists = cx.both(decided, &reads("list"));
        let witness = Context::proof(&lists, Some(index))
            .or_else(|| Context::proof(&cx.both(decided, &reads("get")), Some(index)));
        if let Some(witness) = witness {
            let message = "records in full what is read, not only what is changed";
            drafts.push(Draft::rule(index, message).witness(Some(witness)));
        }
    }
    drafts
}

/// Answers to exec and its kin are streams, and never recorded.
fn reads(verb: &str) -> Space {
    let streams = ["attach", "exec", "log", "portforward", "proxy"];
    let mut cube =
        Cube::resources(ResourceSet { subresources: Words::except(streams), ..ResourceSet::any() });
    cube.verbs = Words::only([verb]);
    cube.into()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn reads_at_the_fullest_level() {
        check(
            "read-bodies",
            "- {level: RequestResponse, resources: [{resources: [pods]}]}",
            expect![[r#"
                warning rule 1 at 4:3: records in full what is read, not only what is changed
                  alice (system:authenticated): list pods in default: rule 1
            "#]],
        );
        check(
            "read-bodies",
            "- {level: RequestResponse, resources: [{resources: [pods/exec, pods/proxy]}]}",
            expect![""],
        );
        check(
            "read-bodies",
            "- {level: Request, verbs: [get, list]}\n- {level: RequestResponse, verbs: [create]}",
            expect![""],
        );
    }
}
