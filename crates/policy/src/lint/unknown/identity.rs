//! Users that are groups, groups that are users, and users that are no more.

use crate::lint::context::Context;
use crate::lint::{Draft, Lint, Severity};
use crate::read::FieldPath;

pub(in crate::lint) const LINT: Lint = Lint {
    id: "identity-never-seen",
    severity: Severity::Warning,
    summary: "a user that is a group, a group that is a user, or one that is no more",
    why: "Names and groups are compared exactly and separately, so such an entry matches nobody.",
    refs: &["https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings"],
    check,
};

/// Groups that Kubernetes and kubeadm define.
const GROUPS: [&str; 9] = [
    "kubeadm:cluster-admins",
    "system:authenticated",
    "system:bootstrappers",
    "system:kube-system:masters",
    "system:masters",
    "system:monitoring",
    "system:nodes",
    "system:serviceaccounts",
    "system:unauthenticated",
];

/// Users that Kubernetes defines.
const USERS: [&str; 6] = [
    "system:anonymous",
    "system:apiserver",
    "system:kube-apiserver",
    "system:kube-controller-manager",
    "system:kube-proxy",
    "system:kube-scheduler",
];

fn check(cx: &Context<'_>) -> Vec<Draft> {
    let mut drafts = Vec::new();
    for (index, rule) in cx.rules() {
        let users =
            rule.users.iter().enumerate().filter_map(|(at, word)| Some(("users", at, wrong_user(word)?)));
        let groups = rule
            .user_groups
            .iter()
            .enumerate()
            .filter_map(|(at, word)| Some(("userGroups", at, wrong_group(word)?)));
        for (field, at, (severity, message)) in users.chain(groups) {
            let path = FieldPath::rule(index).key(field).index(at);
            drafts.push(Draft::rule(index, message).severity(severity).at(path));
        }
    }
    drafts
}

fn wrong_user(user: &str) -> Option<(Severity, String)> {
    let warning = |text: String| Some((Severity::Warning, text));
    match user {
        "system:unsecured" => Some((
            Severity::Info,
            "`system:unsecured` is no more: the insecure port went with Kubernetes 1.20".to_owned(),
        )),
        "kubelet" => Some((
            Severity::Info,
            "`kubelet` is what kubelets were called long ago; now each is `system:node:NAME`, in group `system:nodes`"
                .to_owned(),
        )),
        "system:node" => {
            warning("no user is called `system:node`: a kubelet is `system:node:NAME`, in group `system:nodes`".to_owned())
        }
        _ if GROUPS.contains(&user) || user.starts_with("system:serviceaccounts:") => {
            warning(format!("`{user}` is a group: it belongs into `userGroups`"))
        }
        _ => {
            let account = user.strip_prefix("system:serviceaccount:")?;
            let whole = account.split_once(':').is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
            if whole { None } else { warning(format!("`{user}` is no service account: write `system:serviceaccount:NAMESPACE:NAME`")) }
        }
    }
}

fn wrong_group(group: &str) -> Option<(Severity, String)> {
    let is_user = USERS.contains(&group)
        || group.strip_prefix("system:serviceaccount:").is_some_and(|account| account.contains(':'))
        || group.strip_prefix("system:node:").is_some_and(|node| !node.is_empty());
    is_user.then(|| (Severity::Warning, format!("`{group}` is a user: it belongs into `users`")))
}

#[cfg(test)]
mod tests {
    use expect_test::expect;

    use crate::lint::tests::check;

    #[test]
    fn in_the_wrong_place() {
        check(
            "identity-never-seen",
            "- {level: None, users: [alice, 'system:masters', 'system:serviceaccount:prod', 'system:unsecured', kubelet]}\n\
             - {level: None, userGroups: ['system:nodes', 'system:kube-proxy', 'system:serviceaccount:prod:web']}",
            expect![[r#"
                warning rule 1 at 4:32: `system:masters` is a group: it belongs into `userGroups`
                warning rule 1 at 4:50: `system:serviceaccount:prod` is no service account: write `system:serviceaccount:NAMESPACE:NAME`
                info rule 1 at 4:80: `system:unsecured` is no more: the insecure port went with Kubernetes 1.20
                info rule 1 at 4:100: `kubelet` is what kubelets were called long ago; now each is `system:node:NAME`, in group `system:nodes`
                warning rule 2 at 5:46: `system:kube-proxy` is a user: it belongs into `users`
                warning rule 2 at 5:67: `system:serviceaccount:prod:web` is a user: it belongs into `users`
            "#]],
        );
        check(
            "identity-never-seen",
            "- {level: None, users: ['system:kube-proxy', 'system:serviceaccount:prod:web'], userGroups: ['system:masters', ops]}",
            expect![""],
        );
    }
}
