//! `resourceNames` with verbs whose requests name no object.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, names};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "resource-names-never-sent",
    severity: Severity::Warning,
    summary: "`resourceNames` with verbs that name no object",
    why: "The name comes from the URL. A `create` has it in the body, which the policy does not see; `list` and `watch` \
          only have one when the client asks for `metadata.name=…`; `deletecollection` has none.",
    refs: &[
        "https://kubernetes.io/docs/reference/config-api/apiserver-audit.v1/#audit-k8s-io-v1-GroupResources",
    ],
    check,
};

const NAMELESS: [&str; 2] = ["create", "deletecollection"];
const BY_SELECTOR: [&str; 2] = ["list", "watch"];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in cx.rules().filter(|(_, rule)| !rule.verbs.is_empty()) {
        let verbs = |known: &[&str]| -> Vec<&str> {
            rule.verbs.iter().map(String::as_str).filter(|verb| known.contains(verb)).collect()
        };
        let (nameless, by_selector) = (verbs(&NAMELESS), verbs(&BY_SELECTOR));
        if nameless.len() + by_selector.len() < rule.verbs.len() {
            continue;
        }
        for (at, entry) in rule.resources.iter().enumerate() {
            let takes_nameless = entry.resource_names.iter().any(String::is_empty);
            // Subresources have a name whatever the verb.
            let of_subresources =
                entry.resources.iter().any(|pattern| pattern.contains('/') || pattern == "*");
            if entry.resource_names.is_empty() || takes_nameless || of_subresources {
                continue;
            }
            let path = crate::read::FieldPath::rule(index).key("resources").index(at).key("resourceNames");
            let draft = if by_selector.is_empty() {
                let verbs = names::quoted(&nameless, "or");
                Draft::rule(index, format!("matches nothing: no ordinary {verbs} request names an object"))
            } else {
                let verbs = names::quoted(&by_selector, "or");
                let message = format!("matches a {verbs} only where the client selects one `metadata.name`");
                Draft::rule(index, message).severity(Severity::Info)
            };
            drafts.push(draft.at(path));
        }
    }
    drafts
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn verbs_decide_whether_there_is_a_name() {
        let rule = |verbs: &str, resource: &str| {
            format!(
                "- {{level: Metadata, verbs: [{verbs}], resources: [{{resources: [{resource}], resourceNames: [web]}}]}}"
            )
        };
        check(
            "resource-names-never-sent",
            &rule("create", "pods"),
            expect![[r#"
            warning rule 1 at 4:85: matches nothing: no ordinary `create` request names an object
        "#]],
        );
        check(
            "resource-names-never-sent",
            &rule("create, list, watch", "pods"),
            expect![[r#"
            info rule 1 at 4:98: matches a `list` or `watch` only where the client selects one `metadata.name`
        "#]],
        );
        check("resource-names-never-sent", &rule("create, get", "pods"), expect![""]);
        check("resource-names-never-sent", &rule("create", "pods/exec"), expect![""]);
    }
}
