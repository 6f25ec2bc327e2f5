//! Logins that fail.

use auditward_event::{Level, Stage};

use crate::lint::context::Context;
use crate::lint::who::{ALICE, asking, getting};
use crate::lint::{Draft, Lint, Severity};
use crate::space::{Cube, Groups, Paths, ResourceSet, Space, Users, Words};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "failed-authentication-hidden",
    severity: Severity::Warning,
    summary: "failed authentication (401) leaves no trace",
    why: "Such a request has no user, so no rule with `users` or `userGroups` matches it, and its one event has the stage \
          ResponseStarted. Guessed and stolen credentials show up here first.",
    refs: &["https://github.com/kubernetes/kubernetes/issues/59331", "PCI DSS 10.2.1.4"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    if cx.records_nothing() {
        return Vec::new();
    }
    for asked in [asking("", "pods", "", &["list"]), asking("", "secrets", "", &["list"]), getting("/api")] {
        // Who drops it for everybody means to.
        let known = cx.decide(&ALICE.of(cx, &asked)).iter().any(|part| cx.level(part.rule) > Level::None);
        if !known {
            continue;
        }
        for part in cx.decide(&cx.both(&asked, &nobody())) {
            let witness = Context::proof(&part.space, part.rule);
            let Some(rule) = part.rule else {
                let message = "failed authentication is not recorded: only rules with `users` or `userGroups` would take it";
                return vec![Draft::policy(message).witness(witness)];
            };
            if cx.level(part.rule) == Level::None {
                let message = "drops failed authentication, which has no user";
                return vec![Draft::rule(rule, message).witness(witness)];
            }
            if cx.omitted(&cx.policy.rules[rule]).contains(Stage::ResponseStarted) {
                let message =
                    "omits `ResponseStarted`, the only stage at which failed authentication is recorded";
                return vec![Draft::field(rule, "omitStages", message).witness(witness)];
            }
        }
    }
    Vec::new()
}

/// Requests without a user.
fn nobody() -> Space {
    let without = |mut cube: Cube| {
        cube.users = Users { names: Words::only::<&str>([]), absent: true };
        cube.groups = Groups::any();
        cube
    };
    [Cube::resources(ResourceSet::any()), Cube::paths(Paths::any())].into_iter().map(without).collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    const ID: &str = "failed-authentication-hidden";

    #[test]
    fn three_ways_to_hide_it() {
        check(
            ID,
            "- {level: Metadata, userGroups: ['system:authenticated']}",
            expect![[r#"
            warning at 4:1: failed authentication is not recorded: only rules with `users` or `userGroups` would take it
              no authenticated user: list pods in default: no rule
        "#]],
        );
        check(
            ID,
            "- {level: Metadata, userGroups: ['system:authenticated']}\n- level: None",
            expect![[r#"
                warning rule 2 at 5:3: drops failed authentication, which has no user
                  no authenticated user: list pods in default: rule 2
            "#]],
        );
        check(
            ID,
            "- {level: Metadata, omitStages: [ResponseStarted]}",
            expect![[r#"
            warning rule 1 at 4:33: omits `ResponseStarted`, the only stage at which failed authentication is recorded
              no authenticated user: list pods in default: rule 1
        "#]],
        );
        check(ID, "- {level: Metadata, omitStages: [RequestReceived]}", expect![""]);
        check(ID, "- {level: Metadata, resources: [{resources: [secrets]}]}", expect![""]);
    }
}
