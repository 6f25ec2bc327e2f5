//! Rules about exec and its kin that miss the verb by which most clients now call them.

use crate::lint::context::Context;
use crate::lint::who::asking;
use crate::lint::{Draft, Lint, Severity, names};
use crate::matching::entry_matches;
use crate::{Resource, Rule};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "connect-without-get",
    severity: Severity::Warning,
    summary: "a rule for exec, attach, portforward or proxy leaves out the verb `get`",
    why: "A WebSocket begins with a GET, and kubectl uses WebSockets for these since 1.31: the verb is then `get`, not \
          `create`. Proxied requests have the verb of their own method.",
    refs: &[
        "https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb",
    ],
    check,
};

const CONNECT: [(&str, &str); 6] = [
    ("pods", "exec"),
    ("pods", "attach"),
    ("pods", "portforward"),
    ("pods", "proxy"),
    ("services", "proxy"),
    ("nodes", "proxy"),
];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in cx.rules() {
        let level = cx.level(Some(index));
        let has_get = rule.verbs.is_empty() || rule.verbs.iter().any(|verb| verb == "get");
        if has_get || !rule.verbs.iter().any(|verb| verb == "create") || level == auditward_event::Level::None
        {
            continue;
        }
        let mut missed = Vec::new();
        let mut witness = None;
        for (resource, subresource) in
            CONNECT.into_iter().filter(|(resource, sub)| is_named(rule, resource, sub))
        {
            let less = cx.decide(&asking("", resource, subresource, &["get"]));
            let Some(part) = less.iter().find(|part| cx.level(part.rule) < level) else { continue };
            missed.push(format!("{resource}/{subresource}"));
            witness = witness.or_else(|| Context::proof(&part.space, part.rule));
        }
        if !missed.is_empty() {
            let message = format!(
                "without `get` this misses most use of {}: over a WebSocket it is a GET",
                names::quoted(&missed, "and")
            );
            drafts.push(Draft::field(index, "verbs", message).witness(witness));
        }
    }
    drafts
}

/// Whether the rule names the subresource itself, not just a whole group.
fn is_named(rule: &Rule, resource: &str, subresource: &str) -> bool {
    let request = Resource { resource, subresource, ..Resource::default() };
    rule.resources.iter().any(|entry| {
        let named = entry.resources.iter().any(|pattern| pattern.contains('/'));
        named
            && entry_matches(&crate::GroupResources { resource_names: Vec::new(), ..entry.clone() }, &request)
    })
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn get_is_needed_where_it_would_be_recorded_at_less() {
        let rule = "- {level: Request, verbs: [create], resources: [{resources: [pods/exec, pods/log]}]}\n";
        check(
            "connect-without-get",
            &format!("{rule}- level: Metadata"),
            expect![[r#"
            warning rule 1 at 4:27: without `get` this misses most use of `pods/exec`: over a WebSocket it is a GET
              alice (system:authenticated): get pods/exec web in default: rule 2
        "#]],
        );
        check("connect-without-get", &format!("{rule}- level: Request"), expect![""]);
        check("connect-without-get", &rule.replace("create", "create, get"), expect![""]);
    }
}
