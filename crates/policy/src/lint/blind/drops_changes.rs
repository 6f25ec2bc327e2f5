//! Rules that drop changes, or the use of what runs.

use auditward_event::Level;

use super::{changes, drops_namespace};
use crate::lint::context::Context;
use crate::lint::who::{ADMIN, ALICE, SUPER_ADMIN};
use crate::lint::{Draft, Lint, Severity};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "drops-changes",
    severity: Severity::Warning,
    summary: "a rule drops changes by people to what an intruder would change",
    why: "Workloads, Secrets, accounts, roles, webhooks, nodes, and sessions in pods: of these a trail must know every \
          change, or it does not answer who did it.",
    refs: &["CIS 3.2.2", "PCI DSS 10.2.1.2", "PCI DSS 10.2.1.5"],
    check,
};

fn check(cx: &Context<'_>) -> Vec<Draft> {
    if cx.records_nothing() {
        return Vec::new();
    }
    let mut seen = Vec::new();
    let mut drafts = Vec::new();
    for who in [ALICE, ADMIN, SUPER_ADMIN] {
        for part in cx.decide(&who.of(cx, &changes())) {
            let Some(index) = part.rule.filter(|_| cx.level(part.rule) == Level::None) else { continue };
            let rule = &cx.policy.rules[index];
            // These have lints of their own.
            if seen.contains(&index) || drops_namespace::is_whole(rule) || rule.is_catch_all() {
                continue;
            }
            seen.push(index);
            let what = part.space.clone().tidy();
            let more = what.cubes().len();
            let kinds = if more > 1 { " and other changes" } else { "" };
            let Some(proof) = Context::proof(&what, part.rule) else { continue };
            let message = format!("drops `{}`{kinds}", deed(&proof.request));
            drafts.push(Draft::rule(index, message).witness(Some(proof)));
        }
    }
    drafts
}

/// `create pods`
fn deed(request: &crate::space::OwnedAttributes) -> String {
    let crate::space::OwnedTarget::Resource { resource, subresource, .. } = &request.target else {
        return request.verb.clone();
    };
    let slash = if subresource.is_empty() { "" } else { "/" };
    format!("{} {resource}{slash}{subresource}", request.verb)
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn changes_and_sessions() {
        check(
            "drops-changes",
            "- {level: None, resources: [{resources: [pods, pods/*]}]}\n- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: drops `create pods` and other changes
                  alice (system:authenticated): create pods in default: rule 1
            "#]],
        );
        check(
            "drops-changes",
            "- {level: None, verbs: [get, list, watch], resources: [{resources: [secrets]}]}\n- level: Metadata",
            expect![""],
        );
        check(
            "drops-changes",
            "- {level: None, users: ['system:kube-proxy']}\n- level: Metadata",
            expect![""],
        );
        check(
            "drops-changes",
            "- {level: None, userGroups: ['system:masters']}\n- level: Metadata",
            expect![[r#"
                warning rule 1 at 4:3: drops `create pods` and other changes
                  kubernetes-super-admin (system:authenticated, system:masters): create pods in default: rule 1
            "#]],
        );
    }
}
