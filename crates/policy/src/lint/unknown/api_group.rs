//! API groups that do not exist.

use super::{entries, entry_path};
use crate::api_resources::{self, ADD_ON_GROUPS};
use crate::lint::context::Context;
use crate::lint::names::near;
use crate::lint::{Draft, Lint, Severity, edit, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "unknown-api-group",
    severity: Severity::Warning,
    summary: "an API group that no API server serves",
    why: "A rule about a group that is not there matches nothing. Groups of custom resources have a dot in them; those \
          under `k8s.io` belong to Kubernetes itself.",
    refs: &["https://kubernetes.io/docs/reference/using-api/#api-groups"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (rule, at, entry) in entries(cx) {
        let group = entry.group.as_str();
        let exists = group.is_empty() || group == "*" || api_resources::groups().any(|known| known == group);
        if exists || ADD_ON_GROUPS.contains(&group) || api_resources::removed_group(group).is_some() {
            continue;
        }
        let meant = meant(group);
        let (message, severity) = match (group.contains('.'), group.ends_with(".k8s.io"), meant) {
            // Someone's own.
            (true, false, _) => continue,
            (_, _, Some(meant)) => (
                format!("no API server serves group `{group}`; did you mean {}?", names::group(meant)),
                Severity::Warning,
            ),
            (true, true, None) => (
                format!(
                    "group `{group}` is none of Kubernetes {}'s own; is it an add-on's?",
                    api_resources::KUBERNETES
                ),
                Severity::Info,
            ),
            (false, ..) => (
                format!("no API server serves group `{group}`: only Kubernetes' own groups have no dot"),
                Severity::Warning,
            ),
        };
        let path = entry_path(rule, at).key("group");
        let fix = meant.and_then(|meant| {
            edit::replace_word(cx, &path, meant, |policy| {
                meant.clone_into(&mut policy.rules[rule].resources[at].group);
            })
        });
        drafts.push(Draft::rule(rule, message).severity(severity).at(path).fix(fix));
    }
    drafts
}

/// The group that was meant: `networking` for `networking.k8s.io`, `core` for the core group.
fn meant(group: &str) -> Option<&'static str> {
    if matches!(group, "core" | "v1" | "api" | "legacy") {
        return Some("");
    }
    let first = group.split('.').next().unwrap_or(group);
    api_resources::groups()
        .find(|known| known.split('.').next() == Some(first) && !known.is_empty())
        .or_else(|| near(group, api_resources::groups().filter(|known| !known.is_empty())))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn built_in_groups_and_those_of_others() {
        let rule = |group: &str| format!("- {{level: Metadata, resources: [{{group: \"{group}\"}}]}}");
        for known in ["", "apps", "batch", "example.com", "metrics.k8s.io", "cluster.x-k8s.io", "extensions"]
        {
            check("unknown-api-group", &rule(known), expect![""]);
        }
        check(
            "unknown-api-group",
            &rule("app"),
            expect![[r#"
            warning rule 1 at 4:41: no API server serves group `app`; did you mean group `apps`?
              maybe: write `apps`
                -- {level: Metadata, resources: [{group: "app"}]}
                +- {level: Metadata, resources: [{group: "apps"}]}
        "#]],
        );
        check(
            "unknown-api-group",
            &rule("networking"),
            expect![[r#"
            warning rule 1 at 4:41: no API server serves group `networking`; did you mean group `networking.k8s.io`?
              maybe: write `networking.k8s.io`
                -- {level: Metadata, resources: [{group: "networking"}]}
                +- {level: Metadata, resources: [{group: "networking.k8s.io"}]}
        "#]],
        );
        check(
            "unknown-api-group",
            &rule("core"),
            expect![[r#"
                warning rule 1 at 4:41: no API server serves group `core`; did you mean the core group?
                  maybe: write `""`
                    -- {level: Metadata, resources: [{group: "core"}]}
                    +- {level: Metadata, resources: [{group: ""}]}
            "#]],
        );
        check(
            "unknown-api-group",
            &rule("authorisation.k8s.io"),
            expect![[r#"
            warning rule 1 at 4:41: no API server serves group `authorisation.k8s.io`; did you mean group `authorization.k8s.io`?
              maybe: write `authorization.k8s.io`
                -- {level: Metadata, resources: [{group: "authorisation.k8s.io"}]}
                +- {level: Metadata, resources: [{group: "authorization.k8s.io"}]}
        "#]],
        );
        check(
            "unknown-api-group",
            &rule("kops.k8s.io"),
            expect![[r#"
            info rule 1 at 4:41: group `kops.k8s.io` is none of Kubernetes 1.36's own; is it an add-on's?
        "#]],
        );
        check(
            "unknown-api-group",
            &rule("widgets"),
            expect![[r#"
            warning rule 1 at 4:41: no API server serves group `widgets`: only Kubernetes' own groups have no dot
        "#]],
        );
    }
}
