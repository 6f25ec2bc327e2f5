//! Verbs that no request has.

use crate::lint::context::Context;
use crate::lint::names::near;
use crate::lint::{Draft, Lint, Severity, edit, names};
use crate::read::FieldPath;
use crate::space::universe::RESOURCE_VERBS;
use crate::{Rule, Scope};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "unknown-verb",
    severity: Severity::Warning,
    summary: "a verb that no request has",
    why: "Verbs are compared exactly and know no wildcard: leave `verbs` out for all of them. A request for a resource has \
          one of get, list, watch, create, update, patch, delete, deletecollection; any other request its HTTP method in \
          lower case.",
    refs: &[
        "https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb",
    ],
    check,
};

/// HTTP methods in lower case, and what they become when a resource is asked for.
const METHODS: [(&str, &[&str]); 7] = [
    ("get", &["get"]),
    ("head", &["get"]),
    ("post", &["create"]),
    ("put", &["update"]),
    ("patch", &["patch"]),
    ("delete", &["delete"]),
    ("options", &[]),
];

/// Words from RBAC that grant something and are never what a request does.
const PERMISSIONS: [&str; 9] = [
    "approve",
    "attest",
    "bind",
    "escalate",
    "impersonate",
    "sign",
    "use",
    "associate-node",
    "arbitrary-node",
];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in cx.rules() {
        let useless = rule.verbs.iter().all(|verb| !is_sent(rule, verb));
        for (at, verb) in rule.verbs.iter().enumerate().filter(|(_, verb)| !is_sent(rule, verb)) {
            let path = FieldPath::rule(index).key("verbs").index(at);
            let (reason, meant) = judge(rule, verb);
            let consequence = if useless { ", so the rule matches nothing" } else { "" };
            let hint = match meant.as_slice() {
                [] => String::new(),
                meant => format!("; did you mean {}?", names::quoted(meant, "or")),
            };
            let fix = match meant.as_slice() {
                [meant] => edit::replace_word(cx, &path, meant, |policy| {
                    (*meant).clone_into(&mut policy.rules[index].verbs[at]);
                }),
                _ => None,
            };
            drafts.push(Draft::rule(index, format!("{reason}{consequence}{hint}")).at(path).fix(fix));
        }
    }
    drafts
}

fn is_sent(rule: &Rule, verb: &str) -> bool {
    let by_method = METHODS.iter().any(|(method, _)| *method == verb);
    match rule.scope() {
        Scope::Resource => RESOURCE_VERBS.contains(&verb),
        // Whoever writes their own method has thought about it.
        Scope::NonResource => by_method || matches!(verb, "connect" | "trace"),
        Scope::Any => RESOURCE_VERBS.contains(&verb) || by_method,
    }
}

fn judge<'v>(rule: &Rule, verb: &'v str) -> (String, Vec<&'v str>) {
    let lower = verb.to_lowercase();
    if verb.contains('*') {
        return (format!("`{verb}` is no wildcard in `verbs`; leave `verbs` out for all"), Vec::new());
    }
    if PERMISSIONS.contains(&lower.as_str()) {
        return (format!("`{verb}` is a permission of RBAC, not a verb that a request has"), Vec::new());
    }
    if lower == "connect" && rule.scope() != Scope::NonResource {
        return (
            "`connect` is what admission calls it: exec and its kin have the verb `get` or `create`"
                .to_owned(),
            vec!["get", "create"],
        );
    }
    let reason = format!("no request has the verb `{verb}`");
    let of_resources = rule.scope() != Scope::NonResource;
    if of_resources {
        if let Some((_, verbs)) =
            METHODS.iter().find(|(method, _)| *method == lower && !RESOURCE_VERBS.contains(&verb))
        {
            return (reason, verbs.to_vec());
        }
    } else if let Some((method, _)) = METHODS.iter().find(|(method, _)| *method == lower) {
        return (reason, vec![*method]);
    } else if let Some(method) = by_resource_verb(&lower) {
        return (
            format!("`{verb}` is a verb of resources; a path is asked for with an HTTP method"),
            vec![method],
        );
    }
    let meant = match lower.as_str() {
        "read" | "view" => vec!["get", "list", "watch"],
        "write" | "modify" | "edit" | "change" => vec!["create", "update", "patch"],
        "remove" => vec!["delete"],
        "deletecollections" => vec!["deletecollection"],
        other => {
            let known = RESOURCE_VERBS.into_iter().filter(|known| !known.is_empty() && *known != "proxy");
            let methods = METHODS.iter().map(|(method, _)| *method);
            let near = if of_resources { near(other, known) } else { near(other, methods) };
            near.into_iter().collect()
        }
    };
    (reason, meant)
}

fn by_resource_verb(verb: &str) -> Option<&'static str> {
    match verb {
        "list" | "watch" => Some("get"),
        "create" => Some("post"),
        "update" => Some("put"),
        "deletecollection" => Some("delete"),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn of_resources() {
        let rule = |verbs: &str| {
            format!("- {{level: Metadata, verbs: [{verbs}], resources: [{{resources: [pods]}}]}}")
        };
        check(
            "unknown-verb",
            &rule("get, list, watch, create, update, patch, delete, deletecollection"),
            expect![""],
        );
        check(
            "unknown-verb",
            &rule("'*'"),
            expect![[r#"
                warning rule 1 at 4:29: `*` is no wildcard in `verbs`; leave `verbs` out for all, so the rule matches nothing
            "#]],
        );
        check(
            "unknown-verb",
            &rule("get, GET, post, read, bind, connect, udpate"),
            expect![[r#"
            warning rule 1 at 4:34: no request has the verb `GET`; did you mean `get`?
              maybe: write `get`
                -- {level: Metadata, verbs: [get, GET, post, read, bind, connect, udpate], resources: [{resources: [pods]}]}
                +- {level: Metadata, verbs: [get, get, post, read, bind, connect, udpate], resources: [{resources: [pods]}]}
            warning rule 1 at 4:39: no request has the verb `post`; did you mean `create`?
              maybe: write `create`
                -- {level: Metadata, verbs: [get, GET, post, read, bind, connect, udpate], resources: [{resources: [pods]}]}
                +- {level: Metadata, verbs: [get, GET, create, read, bind, connect, udpate], resources: [{resources: [pods]}]}
            warning rule 1 at 4:45: no request has the verb `read`; did you mean `get`, `list` or `watch`?
            warning rule 1 at 4:51: `bind` is a permission of RBAC, not a verb that a request has
            warning rule 1 at 4:57: `connect` is what admission calls it: exec and its kin have the verb `get` or `create`; did you mean `get` or `create`?
            warning rule 1 at 4:66: no request has the verb `udpate`; did you mean `update`?
              maybe: write `update`
                -- {level: Metadata, verbs: [get, GET, post, read, bind, connect, udpate], resources: [{resources: [pods]}]}
                +- {level: Metadata, verbs: [get, GET, post, read, bind, connect, update], resources: [{resources: [pods]}]}
        "#]],
        );
    }

    #[test]
    fn of_paths_and_of_both() {
        check(
            "unknown-verb",
            "- {level: None, verbs: [get, head], nonResourceURLs: [/healthz]}",
            expect![""],
        );
        check(
            "unknown-verb",
            "- {level: None, verbs: [GET, list], nonResourceURLs: [/healthz]}",
            expect![[r#"
                warning rule 1 at 4:25: no request has the verb `GET`, so the rule matches nothing; did you mean `get`?
                  maybe: write `get`
                    -- {level: None, verbs: [GET, list], nonResourceURLs: [/healthz]}
                    +- {level: None, verbs: [get, list], nonResourceURLs: [/healthz]}
                warning rule 1 at 4:30: `list` is a verb of resources; a path is asked for with an HTTP method, so the rule matches nothing; did you mean `get`?
                  maybe: write `get`
                    -- {level: None, verbs: [GET, list], nonResourceURLs: [/healthz]}
                    +- {level: None, verbs: [GET, get], nonResourceURLs: [/healthz]}
            "#]],
        );
        check("unknown-verb", "- {level: None, verbs: [post, create]}", expect![""]);
    }
}
