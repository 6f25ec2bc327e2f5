//! Resource patterns that match nothing.

use super::patterns;
use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, edit};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "resource-pattern",
    severity: Severity::Warning,
    summary: "a resource pattern that matches nothing",
    why: "There are five forms: `pods`, `pods/log`, `pods/*` (the pod and all its subresources), `*/scale` and `*` \
          (everything). Any other `*` is a letter like the rest.",
    refs: &[
        "https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-GroupResources",
    ],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let unsound = patterns(cx).filter(|pattern| !pattern.is_sound());
    unsound
        .map(|pattern| {
            let meant = meant(pattern.text);
            let hint = meant.as_ref().map(|meant| format!("; did you mean `{meant}`?")).unwrap_or_default();
            let fix = meant.and_then(|meant| {
                edit::replace_word(cx, &pattern.path(), &meant, |policy| {
                    policy.rules[pattern.rule].resources[pattern.entry_at].resources[pattern.at]
                        .clone_from(&meant);
                })
            });
            let message = format!("`{}` matches nothing{hint}", pattern.text);
            Draft::rule(pattern.rule, message).at(pattern.path()).fix(fix)
        })
        .collect()
}

fn meant(text: &str) -> Option<String> {
    let parts: Vec<&str> = text.split('/').filter(|part| !part.is_empty()).collect();
    match parts.as_slice() {
        ["*" | "**", ..] if parts.iter().all(|part| part.trim_matches('*').is_empty()) => {
            Some("*".to_owned())
        }
        [one] if !one.contains('*') => Some((*one).to_owned()),
        [resource, sub] if !resource.contains('*') && !sub.contains('*') => Some(format!("{resource}/{sub}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn five_forms() {
        let rule =
            |resource: &str| format!("- {{level: Metadata, resources: [{{resources: [{resource}]}}]}}");
        check("resource-pattern", &rule("pods, pods/log, pods/*, '*/scale', '*'"), expect![""]);
        check(
            "resource-pattern",
            &rule("'*/*', pods/, pod*, a/b/c, ''"),
            expect![[r#"
                warning rule 1 at 4:46: `*/*` matches nothing; did you mean `*`?
                  maybe: write `*`
                    -- {level: Metadata, resources: [{resources: ['*/*', pods/, pod*, a/b/c, '']}]}
                    +- {level: Metadata, resources: [{resources: ['*', pods/, pod*, a/b/c, '']}]}
                warning rule 1 at 4:53: `pods/` matches nothing; did you mean `pods`?
                  maybe: write `pods`
                    -- {level: Metadata, resources: [{resources: ['*/*', pods/, pod*, a/b/c, '']}]}
                    +- {level: Metadata, resources: [{resources: ['*/*', pods, pod*, a/b/c, '']}]}
                warning rule 1 at 4:60: `pod*` matches nothing
                warning rule 1 at 4:66: `a/b/c` matches nothing
                warning rule 1 at 4:73: `` matches nothing
            "#]],
        );
    }
}
