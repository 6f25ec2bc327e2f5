//! Rules that drop whoever matters most.

use auditward_event::Level;

use crate::lint::context::Context;
use crate::lint::who::{ADMIN, ALICE, SUPER_ADMIN, getting};
use crate::lint::{Draft, Lint, Severity, names};
use crate::{Rule, Scope};

pub(in crate::lint) const LINT: Lint = Lint {
    id: "drops-everyone",
    severity: Severity::Warning,
    summary: "a rule drops what all users, or all administrators, do",
    why: "Stolen administrator credentials are what a trail is for, and every user with credentials is in \
          `system:authenticated`.",
    refs: &["PCI DSS 10.2.1.2", "STIG V-242403"],
    check,
};

const GROUPS: [&str; 3] = ["system:authenticated", "system:masters", "kubeadm:cluster-admins"];
const USERS: [&str; 4] = ["kubernetes-admin", "kubernetes-super-admin", "system:admin", "cluster-admin"];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let dropping =
        cx.rules().filter(|(index, _)| cx.level(Some(*index)) == Level::None && !cx.records_nothing());
    dropping.filter_map(|(index, rule)| judge(cx, index, rule)).collect()
}

fn judge(cx: &Context<'_>, index: usize, rule: &Rule) -> Option<Draft> {
    let groups = rule.user_groups.iter().filter(|group| GROUPS.contains(&group.as_str()));
    let users = rule.users.iter().filter(|user| USERS.contains(&user.as_str()));
    let whom: Vec<&str> = groups.chain(users).map(String::as_str).collect();
    let decided = cx.decided_by(index)?;
    if whom.is_empty() {
        return None;
    }
    let quoted = names::quoted(&whom, "and");
    if rule.scope() == Scope::NonResource {
        let explored = ["/api", "/apis", "/openapi/v2"].iter().map(|path| ALICE.of(cx, &getting(path)));
        let witness =
            explored.map(|asked| cx.both(decided, &asked)).find_map(|it| Context::proof(&it, Some(index)))?;
        let message = format!("drops discovery by {quoted}: nobody sees who explores the API");
        return Some(Draft::rule(index, message).severity(Severity::Info).witness(Some(witness)));
    }
    // An exception for certain resources is no blind spot by itself.
    if !rule.resources.is_empty() {
        return None;
    }
    let witness = [ALICE, ADMIN, SUPER_ADMIN]
        .into_iter()
        .find_map(|who| Context::proof(&cx.both(&who.of(cx, decided), &super::doings()), Some(index)))
        .or_else(|| Context::proof(decided, Some(index)));
    let verbs = if rule.verbs.is_empty() { "whatever".to_owned() } else { names::quoted(&rule.verbs, "and") };
    let message = format!("drops {verbs} by {quoted}");
    Some(Draft::rule(index, message).witness(witness))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn whole_groups() {
        let rest = "\n- level: Metadata";
        check(
            "drops-everyone",
            &format!("- {{level: None, userGroups: ['system:masters']}}{rest}"),
            expect![[r#"
                warning rule 1 at 4:3: drops whatever by `system:masters`
                  kubernetes-super-admin (system:authenticated, system:masters): create nodes: rule 1
            "#]],
        );
        check(
            "drops-everyone",
            &format!(
                "- {{level: None, userGroups: ['system:authenticated'], verbs: [get, list, watch]}}{rest}"
            ),
            expect![[r#"
                warning rule 1 at 4:3: drops `get`, `list` and `watch` by `system:authenticated`
                  alice (system:authenticated): get nodes/proxy node-1: rule 1
            "#]],
        );
        check(
            "drops-everyone",
            &format!(
                "- {{level: None, userGroups: ['system:authenticated'], resources: [{{resources: [events]}}]}}{rest}"
            ),
            expect![""],
        );
        check(
            "drops-everyone",
            &format!(
                "- {{level: None, userGroups: ['system:authenticated'], nonResourceURLs: ['/api*', /version]}}{rest}"
            ),
            expect![[r#"
                info rule 1 at 4:3: drops discovery by `system:authenticated`: nobody sees who explores the API
                  alice (system:authenticated): get /api: rule 1
            "#]],
        );
        check(
            "drops-everyone",
            &format!(
                "- {{level: None, userGroups: ['system:authenticated'], nonResourceURLs: [/version]}}{rest}"
            ),
            expect![""],
        );
    }
}
