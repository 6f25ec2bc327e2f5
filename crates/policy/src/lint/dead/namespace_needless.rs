//! A namespace on kinds whose objects live in none.

use crate::lint::context::Context;
use crate::lint::unknown::Scope;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "namespace-needless",
    severity: Severity::Warning,
    summary: "`namespaces` on kinds whose objects live in no namespace",
    why: "Requests for such kinds name no namespace, so the rule matches none of them. Leave `namespaces` out, or write \
          `\"\"`.",
    refs: &["https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-PolicyRule"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let named = cx
        .rules()
        .filter(|(_, rule)| !rule.namespaces.is_empty() && rule.namespaces.iter().all(|it| !it.is_empty()));
    named
        .filter(|(_, rule)| Scope::of(rule) == Some(Scope::Cluster))
        // A request for a Namespace is also in it.
        .filter(|(_, rule)| {
            !rule.resources.iter().flat_map(|entry| &entry.resources).any(|it| it.starts_with("namespaces"))
        })
        .map(|(index, _)| {
            Draft::field(index, "namespaces", "matches nothing: these kinds live in no namespace")
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn only_where_every_kind_is_known_to_be_cluster_wide() {
        let rule = |resources: &str| {
            format!("- {{level: Metadata, namespaces: [prod], resources: [{{resources: [{resources}]}}]}}")
        };
        check(
            "namespace-needless",
            &rule("nodes, nodes/status"),
            expect![[r#"
            warning rule 1 at 4:33: matches nothing: these kinds live in no namespace
        "#]],
        );
        check("namespace-needless", &rule("nodes, pods"), expect![""]);
        check("namespace-needless", &rule("namespaces"), expect![""]);
    }
}
