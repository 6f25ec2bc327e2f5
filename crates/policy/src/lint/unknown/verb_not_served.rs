//! Verbs that exist, but not for what the rule names.

use super::{Pattern, patterns};
use crate::api_resources;
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, names};
use crate::space::universe::RESOURCE_VERBS;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "verb-not-served",
    severity: Severity::Info,
    summary: "a resource that serves none of the rule's verbs",
    why: "Only requests that fail match: a TokenReview cannot be got, a log cannot be created.",
    refs: &["https://kubernetes.io/docs/reference/using-api/api-concepts/"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for pattern in patterns(cx).filter(Pattern::is_sound) {
        let verbs = &cx.policy.rules[pattern.rule].verbs;
        let Some(known) = api_resources::find(&pattern.entry.group, pattern.resource()) else { continue };
        let Some(served) = known.verbs_of(pattern.subresource().unwrap_or("")) else { continue };
        let sound: Vec<&str> =
            verbs.iter().map(String::as_str).filter(|verb| RESOURCE_VERBS.contains(verb)).collect();
        if sound.is_empty() || sound.iter().any(|verb| served.contains(verb)) {
            continue;
        }
        let message = format!(
            "`{}` serves none of the rule's verbs, only {}",
            pattern.text,
            names::quoted(served, "and")
        );
        drafts.push(Draft::rule(pattern.rule, message).at(pattern.path()));
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn none_of_them() {
        let rule = |verbs: &str, resource: &str| {
            format!("- {{level: Metadata, verbs: [{verbs}], resources: [{{resources: [{resource}]}}]}}")
        };
        check(
            "verb-not-served",
            &rule("get, list", "serviceaccounts/token"),
            expect![[r#"
            info rule 1 at 4:66: `serviceaccounts/token` serves none of the rule's verbs, only `create`
        "#]],
        );
        check(
            "verb-not-served",
            &rule("create, delete", "pods/log"),
            expect![[r#"
            info rule 1 at 4:71: `pods/log` serves none of the rule's verbs, only `get`
        "#]],
        );
        check("verb-not-served", &rule("get, create", "pods/exec"), expect![""]);
        check("verb-not-served", &rule("watch", "pods/*"), expect![""]);
        check("verb-not-served", &rule("read", "pods"), expect![""]);
    }
}
