//! `*` where it is a letter like the rest.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};
use crate::read::FieldPath;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "no-wildcard-here",
    severity: Severity::Warning,
    summary: "a `*` in users, userGroups, namespaces or resourceNames, where it is no wildcard",
    why: "These are compared exactly, so the entry matches nothing that exists. Leave the field out for all; there is no \
          way to say \"all that begin with\".",
    refs: &["https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-PolicyRule"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in cx.rules() {
        let mut look = |path: &FieldPath, field: &str, words: &[String]| {
            for (at, word) in words.iter().enumerate().filter(|(_, word)| word.contains('*')) {
                let all = if word == "*" { format!(": leave `{field}` out for all") } else { String::new() };
                let message = format!("`{word}` is no wildcard in `{field}`{all}");
                drafts.push(Draft::rule(index, message).at(path.key(field).index(at)));
            }
        };
        let path = FieldPath::rule(index);
        look(&path, "users", &rule.users);
        look(&path, "userGroups", &rule.user_groups);
        look(&path, "namespaces", &rule.namespaces);
        for (at, entry) in rule.resources.iter().enumerate() {
            look(&path.key("resources").index(at), "resourceNames", &entry.resource_names);
        }
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn four_fields() {
        check(
            "no-wildcard-here",
            "- level: Metadata\n  users: ['system:node:*']\n  userGroups: ['*']\n  namespaces: [prod, 'kube-*']\n  \
             resources: [{resources: ['*'], resourceNames: ['*']}]",
            expect![[r#"
                warning rule 1 at 5:11: `system:node:*` is no wildcard in `users`
                warning rule 1 at 6:16: `*` is no wildcard in `userGroups`: leave `userGroups` out for all
                warning rule 1 at 7:22: `kube-*` is no wildcard in `namespaces`
                warning rule 1 at 8:50: `*` is no wildcard in `resourceNames`: leave `resourceNames` out for all
            "#]],
        );
        check("no-wildcard-here", "- {level: None, nonResourceURLs: [/healthz*]}", expect![""]);
    }
}
