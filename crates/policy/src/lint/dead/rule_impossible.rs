//! Rules that no request can match, wherever they stand.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity, edit, names};
use crate::matching::Condition;
use crate::space::Reach;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "rule-impossible",
    severity: Severity::Warning,
    summary: "no request can match a rule, wherever it stands",
    why: "An API server never resolves a request to what this rule asks for, so it decides nothing.",
    refs: &[
        "https://kubernetes.io/docs/reference/access-authn-authz/authorization/#determine-the-request-verb",
    ],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, _) in cx.rules() {
        let Some(Reach::Impossible { conditions }) = cx.reach(index) else { continue };
        // These two have lints of their own, which say it better.
        if conditions.iter().any(|it| matches!(it, Condition::Verbs | Condition::Resources)) {
            continue;
        }
        let fields: Vec<&str> = conditions.iter().map(|it| field(*it)).collect();
        let message = match fields.as_slice() {
            [] => "no request can match this rule: its conditions exclude each other".to_owned(),
            _ if conditions.contains(&Condition::NonResourceUrls) => {
                "no request can match this rule: such paths are requests for resources, so `resources` decides them"
                    .to_owned()
            }
            _ => format!("no request can match this rule, because of its {}", names::quoted(&fields, "and")),
        };
        let draft = match fields.first() {
            Some(field) => Draft::field(index, field, message),
            None => Draft::rule(index, message),
        };
        drafts.push(draft.fix(edit::remove_rule(cx, index, false)));
    }
    drafts
}

fn field(condition: Condition) -> &'static str {
    match condition {
        Condition::Users => "users",
        Condition::UserGroups => "userGroups",
        Condition::Verbs => "verbs",
        Condition::Namespaces => "namespaces",
        Condition::ResourceRequest | Condition::Resources => "resources",
        Condition::NonResourceRequest | Condition::NonResourceUrls => "nonResourceURLs",
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn resource_paths_are_no_paths() {
        check(
            "rule-impossible",
            "- {level: None, nonResourceURLs: [/api/v1/nodes*]}\n- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:34: no request can match this rule: such paths are requests for resources, so `resources` decides them
                  maybe: remove rule 1 (line 4)
                    -- {level: None, nonResourceURLs: [/api/v1/nodes*]}
            "#]],
        );
        check(
            "rule-impossible",
            "- {level: None, nonResourceURLs: [/api/v1*]}\n- level: Metadata",
            expect![""],
        );
    }

    #[test]
    fn conditions_that_exclude_each_other() {
        check(
            "rule-impossible",
            "- {level: None, verbs: [deletecollection], resources: [{resources: [pods], resourceNames: [web]}]}\n\
             - level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: no request can match this rule: its conditions exclude each other
                  maybe: remove rule 1 (line 4)
                    -- {level: None, verbs: [deletecollection], resources: [{resources: [pods], resourceNames: [web]}]}
            "#]],
        );
    }
}
