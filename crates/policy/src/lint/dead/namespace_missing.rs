//! `namespaces: [""]` on kinds whose objects live in namespaces.

use crate::lint::context::Context;
use crate::lint::unknown::Scope;
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "namespace-missing",
    severity: Severity::Warning,
    summary: "`namespaces: [\"\"]` on kinds whose objects live in a namespace",
    why: "The empty namespace does not mean \"any\": it stands for requests that name none. For these kinds that is only \
          a list or a watch across all namespaces.",
    refs: &["https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-PolicyRule"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let empty_only = cx
        .rules()
        .filter(|(_, rule)| !rule.namespaces.is_empty() && rule.namespaces.iter().all(String::is_empty));
    empty_only
        .filter(|(_, rule)| Scope::of(rule) == Some(Scope::Namespace))
        .filter(|(_, rule)| rule.verbs.is_empty() || !rule.verbs.iter().all(|verb| verb == "list" || verb == "watch"))
        .map(|(index, _)| {
            let message = "takes only lists and watches across all namespaces: every other request for these kinds names one";
            Draft::field(index, "namespaces", message)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn only_where_every_kind_is_known_to_be_namespaced() {
        let rule = |verbs: &str, resources: &str| {
            format!(
                "- {{level: Metadata, verbs: [{verbs}], namespaces: [\"\"], resources: [{{resources: [{resources}]}}]}}"
            )
        };
        check(
            "namespace-missing",
            &rule("", "pods, secrets"),
            expect![[r#"
            warning rule 1 at 4:44: takes only lists and watches across all namespaces: every other request for these kinds names one
        "#]],
        );
        check("namespace-missing", &rule("", "pods, nodes"), expect![""]);
        check("namespace-missing", &rule("list", "pods"), expect![""]);
        check("namespace-missing", &rule("", "widgets"), expect![""]);
    }
}
