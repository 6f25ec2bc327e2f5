//! Resources that their group does not have.

use super::{Pattern, patterns};
use crate::api_resources::{self, ApiResource};
use crate::lint::context::Context;
use crate::lint::names::near;
use crate::lint::{Draft, Lint, Severity, edit, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "unknown-resource",
    severity: Severity::Warning,
    summary: "a resource that its API group does not have",
    why: "Resources are matched by their plural name and their group, exactly. One that is listed under another group \
          is simply not matched, and falls to a later rule.",
    refs: &[
        "https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-GroupResources",
    ],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for pattern in patterns(cx).filter(Pattern::is_sound) {
        let (group, resource) = (pattern.entry.group.as_str(), pattern.resource());
        let own_group = api_resources::groups().any(|known| known == group);
        let known = resource == "*" || api_resources::find(group, resource).is_some();
        if !own_group || known || api_resources::removed(group, resource).is_some() {
            continue;
        }
        let message = |more: &str| format!("{} has no resource `{resource}`{more}", names::group(group));
        let draft = match meant(group, resource) {
            Meant::Here(word) => {
                let text = pattern.text.replacen(resource, word, 1);
                let fix = edit::replace_word(cx, &pattern.path(), &text, |policy| {
                    policy.rules[pattern.rule].resources[pattern.entry_at].resources[pattern.at]
                        .clone_from(&text);
                });
                Draft::rule(pattern.rule, message(&format!("; did you mean `{word}`?"))).fix(fix)
            }
            Meant::There(others) => {
                let places: Vec<String> = others.iter().map(|it| names::group(it.group)).collect();
                let word = others.first().map_or(resource, |it| it.resource);
                Draft::rule(
                    pattern.rule,
                    message(&format!(": `{word}` is in {}", names::joined(&places, "and"))),
                )
            }
            Meant::Subresources(whole) => {
                let what = format!("; it is a subresource: {}", names::quoted(&whole, "or"));
                Draft::rule(pattern.rule, message(&what))
            }
            Meant::Unknown => Draft::rule(pattern.rule, message("")),
        };
        drafts.push(draft.at(pattern.path()));
    }
    drafts
}

enum Meant {
    /// Another word of the same group.
    Here(&'static str),
    /// The same, in other groups.
    There(Vec<&'static ApiResource>),
    /// Subresources, as `pods/exec`, of the core group where none is named.
    Subresources(Vec<String>),
    Unknown,
}

fn meant(group: &str, word: &str) -> Meant {
    // The kind, its singular or a short name, in any case.
    let is_called = |it: &&ApiResource| {
        let mut names = vec![it.resource, it.kind];
        names.extend(&it.short_names);
        names.iter().any(|name| name.eq_ignore_ascii_case(word))
    };
    if let Some(it) = api_resources::in_group(group).find(is_called) {
        return Meant::Here(it.resource);
    }
    // As kubectl writes it: `deployments.apps`.
    let word = word.split('.').next().unwrap_or(word);
    let elsewhere: Vec<_> = api_resources::all()
        .iter()
        .filter(|it| it.resource.eq_ignore_ascii_case(word) || it.kind.eq_ignore_ascii_case(word))
        .collect();
    if !elsewhere.is_empty() {
        return Meant::There(elsewhere);
    }
    let whole = subresources(word);
    if !whole.is_empty() {
        return Meant::Subresources(whole);
    }
    if let Some(near) = near(word, api_resources::in_group(group).map(|it| it.resource)) {
        return Meant::Here(near);
    }
    match near(word, api_resources::all().iter().map(|it| it.resource)) {
        Some(near) => Meant::There(api_resources::all().iter().filter(|it| it.resource == near).collect()),
        None => Meant::Unknown,
    }
}

/// What is asked for under this name, or under the kind of what is sent there.
fn subresources(word: &str) -> Vec<String> {
    let word = word.to_lowercase();
    let name = match word.trim_end_matches('s') {
        "tokenrequest" => "token",
        name => name,
    };
    let of = |it: &ApiResource| it.subresources.iter().any(|sub| sub.name.trim_end_matches('s') == name);
    api_resources::all()
        .iter()
        .filter(|it| of(it))
        .flat_map(|it| it.subresources.iter().map(move |sub| (it, sub.name)))
        .filter(|(_, sub)| sub.trim_end_matches('s') == name)
        .map(|(it, sub)| match it.group {
            "" => format!("{}/{sub}", it.resource),
            group => format!("{}/{sub}.{group}", it.resource),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    fn rule(group: &str, resource: &str) -> String {
        format!("- {{level: Metadata, resources: [{{group: \"{group}\", resources: [\"{resource}\"]}}]}}")
    }

    #[test]
    fn the_right_group() {
        check(
            "unknown-resource",
            &rule("", "deployments"),
            expect![[r#"
            warning rule 1 at 4:57: the core group has no resource `deployments`: `deployments` is in group `apps`
        "#]],
        );
        check(
            "unknown-resource",
            &rule("", "deployments.apps"),
            expect![[r#"
            warning rule 1 at 4:57: the core group has no resource `deployments.apps`: `deployments` is in group `apps`
        "#]],
        );
        check(
            "unknown-resource",
            &rule("apps", "events"),
            expect![[r#"
            warning rule 1 at 4:61: group `apps` has no resource `events`: `events` is in the core group and group `events.k8s.io`
        "#]],
        );
        check(
            "unknown-resource",
            &rule("apps", "cronjob/status"),
            expect![[r#"
            warning rule 1 at 4:61: group `apps` has no resource `cronjob`: `cronjobs` is in group `batch`
        "#]],
        );
    }

    #[test]
    fn the_right_word() {
        check(
            "unknown-resource",
            &rule("", "Pod"),
            expect![[r#"
            warning rule 1 at 4:57: the core group has no resource `Pod`; did you mean `pods`?
              maybe: write `pods`
                -- {level: Metadata, resources: [{group: "", resources: ["Pod"]}]}
                +- {level: Metadata, resources: [{group: "", resources: ["pods"]}]}
        "#]],
        );
        check(
            "unknown-resource",
            &rule("", "cm"),
            expect![[r#"
            warning rule 1 at 4:57: the core group has no resource `cm`; did you mean `configmaps`?
              maybe: write `configmaps`
                -- {level: Metadata, resources: [{group: "", resources: ["cm"]}]}
                +- {level: Metadata, resources: [{group: "", resources: ["configmaps"]}]}
        "#]],
        );
        check(
            "unknown-resource",
            &rule("apps", "deploymnets/scale"),
            expect![[r#"
            warning rule 1 at 4:61: group `apps` has no resource `deploymnets`; did you mean `deployments`?
              maybe: write `deployments/scale`
                -- {level: Metadata, resources: [{group: "apps", resources: ["deploymnets/scale"]}]}
                +- {level: Metadata, resources: [{group: "apps", resources: ["deployments/scale"]}]}
        "#]],
        );
        check(
            "unknown-resource",
            &rule("", "widgets"),
            expect![[r#"
            warning rule 1 at 4:57: the core group has no resource `widgets`
        "#]],
        );
    }

    #[test]
    fn what_is_known_or_another_s() {
        for (group, resource) in
            [("", "pods"), ("", "*"), ("", "*/scale"), ("example.com", "widgets"), ("*", "widgets")]
        {
            check("unknown-resource", &rule(group, resource), expect![""]);
        }
        check("unknown-resource", &rule("extensions", "deployments"), expect![""]);
    }
}
