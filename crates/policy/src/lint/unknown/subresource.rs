//! Subresources that their resource does not have.

use super::{Pattern, patterns};
use crate::api_resources::{self, ApiResource};
use crate::lint::context::Context;
use crate::lint::names::near;
use crate::lint::{Draft, Lint, Severity, edit, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "unknown-subresource",
    severity: Severity::Warning,
    summary: "a subresource that its resource does not have",
    why: "Subresources are matched exactly; one that is not served decides nothing but requests that fail.",
    refs: &[
        "https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-GroupResources",
    ],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for pattern in patterns(cx).filter(Pattern::is_sound) {
        let Some(sub) = pattern.subresource().filter(|sub| *sub != "*") else { continue };
        let (group, resource) = (pattern.entry.group.as_str(), pattern.resource());
        let of: Vec<&ApiResource> =
            api_resources::in_group(group).filter(|it| resource == "*" || it.resource == resource).collect();
        let known: Vec<&str> = of.iter().flat_map(|it| it.subresources.iter().map(|it| it.name)).collect();
        if of.is_empty() || known.contains(&sub) {
            continue;
        }
        let whose = if resource == "*" {
            format!("no resource of {}", names::group(group))
        } else {
            format!("`{resource}`")
        };
        let has = if resource == "*" { "has a" } else { "has no" };
        let meant = near(sub, known.iter().copied());
        let hint = match (meant, known.is_empty()) {
            (Some(meant), _) => format!("; did you mean `{meant}`?"),
            (None, true) => String::new(),
            (None, false) if resource == "*" => String::new(),
            (None, false) => format!("; it has {}", names::quoted(&known, "and")),
        };
        let fix = meant.and_then(|meant| {
            let text = format!("{resource}/{meant}");
            edit::replace_word(cx, &pattern.path(), &text, |policy| {
                policy.rules[pattern.rule].resources[pattern.entry_at].resources[pattern.at]
                    .clone_from(&text);
            })
        });
        drafts.push(
            Draft::rule(pattern.rule, format!("{whose} {has} subresource `{sub}`{hint}"))
                .at(pattern.path())
                .fix(fix),
        );
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn known_and_unknown() {
        let rule =
            |resource: &str| format!("- {{level: Metadata, resources: [{{resources: [\"{resource}\"]}}]}}");
        for known in ["pods", "pods/log", "pods/*", "*/scale", "*", "pods/ephemeralcontainers"] {
            check("unknown-subresource", &rule(known), expect![""]);
        }
        check(
            "unknown-subresource",
            &rule("pods/logs"),
            expect![[r#"
                warning rule 1 at 4:46: `pods` has no subresource `logs`; did you mean `log`?
                  maybe: write `pods/log`
                    -- {level: Metadata, resources: [{resources: ["pods/logs"]}]}
                    +- {level: Metadata, resources: [{resources: ["pods/log"]}]}
            "#]],
        );
        check(
            "unknown-subresource",
            &rule("services/exec"),
            expect![[r#"
            warning rule 1 at 4:46: `services` has no subresource `exec`; it has `proxy` and `status`
        "#]],
        );
        check(
            "unknown-subresource",
            &rule("secrets/status"),
            expect![[r#"
            warning rule 1 at 4:46: `secrets` has no subresource `status`
        "#]],
        );
        check(
            "unknown-subresource",
            &rule("*/rollback"),
            expect![[r#"
            warning rule 1 at 4:46: no resource of the core group has a subresource `rollback`
        "#]],
        );
    }
}
