//! Which request to make: harmless, and recorded by the policy.

use std::fmt;

use auditward_event::{Level, Stage};
use auditward_policy::{Evaluator, RequestInfo, User};
use serde_json::{Value, json};

/// Who asks, as the API server sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The user's name.
    pub name: String,
    /// The user's groups.
    pub groups: Vec<String>,
}

impl Identity {
    /// Whom administrators' kubeconfigs name: for clusters before 1.27, which do not say who asks.
    pub fn administrator() -> Self {
        let groups = ["kubeadm:cluster-admins", "system:masters", "system:authenticated"];
        Self { name: "kubernetes-admin".to_owned(), groups: groups.map(str::to_owned).to_vec() }
    }
}

/// A harmless request that the policy records.
#[derive(Clone, Debug, PartialEq)]
pub struct Probe {
    /// `GET` …
    pub method: &'static str,
    /// Path and query.
    pub path: &'static str,
    /// Sent as JSON.
    pub body: Option<Value>,
    /// The level at which the policy records it.
    pub level: Level,
    /// The policy's rule that does, from 0.
    pub rule: Option<usize>,
}

/// What is asked, the most innocent first: reading what everybody reads, reading what is not there, deleting and making
/// what is not there and only for show (`dryRun`).
const CANDIDATES: [(&str, &str); 22] = [
    ("GET", "/api/v1/namespaces/default"),
    ("GET", "/version"),
    ("GET", "/api"),
    ("GET", "/apis"),
    ("GET", "/auditward-probe"),
    ("GET", "/api/v1/namespaces/auditward-probe/configmaps/auditward-probe"),
    ("GET", "/api/v1/namespaces/auditward-probe/pods/auditward-probe"),
    ("GET", "/api/v1/namespaces?limit=1"),
    ("GET", "/api/v1/namespaces/auditward-probe/pods?limit=1"),
    ("GET", "/apis/apps/v1/namespaces/auditward-probe/deployments/auditward-probe"),
    ("GET", "/apis/rbac.authorization.k8s.io/v1/clusterroles/auditward-probe"),
    ("GET", "/api/v1/namespaces/auditward-probe/secrets/auditward-probe"),
    ("GET", "/api/v1/namespaces/auditward-probe/secrets?limit=1"),
    ("DELETE", "/api/v1/namespaces/auditward-probe/configmaps/auditward-probe?dryRun=All"),
    ("DELETE", "/api/v1/namespaces/auditward-probe/pods/auditward-probe?dryRun=All"),
    ("DELETE", "/apis/apps/v1/namespaces/auditward-probe/deployments/auditward-probe?dryRun=All"),
    ("DELETE", "/apis/rbac.authorization.k8s.io/v1/clusterroles/auditward-probe?dryRun=All"),
    ("DELETE", "/api/v1/namespaces/auditward-probe/secrets/auditward-probe?dryRun=All"),
    ("POST", "/api/v1/namespaces/default/configmaps?dryRun=All"),
    ("POST", "/api/v1/namespaces?dryRun=All"),
    ("POST", "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"),
    ("GET", "/api/v1/namespaces/kube-system/configmaps/kubeadm-config"),
];

/// The first request that the policy records of what `who` may as well ask; none if it records none of them.
pub fn choose(policy: &Evaluator, who: &Identity) -> Option<Probe> {
    let groups: Vec<&str> = who.groups.iter().map(String::as_str).collect();
    CANDIDATES.into_iter().find_map(|(method, path)| {
        let info = RequestInfo::resolve(method, path).ok()?;
        let user = User { name: &who.name, groups: &groups };
        let decision = policy.decide(&info.attributes(Some(user)));
        let recorded = decision.level != Level::None
            && [Stage::RequestReceived, Stage::ResponseComplete]
                .into_iter()
                .any(|stage| !decision.omit_stages.contains(stage));
        recorded.then(|| Probe {
            method,
            path,
            body: body(method, path),
            level: decision.level,
            rule: decision.rule,
        })
    })
}

/// What a request sends: the object that is made for show.
fn body(method: &str, path: &str) -> Option<Value> {
    if method != "POST" {
        return None;
    }
    let named =
        |kind: &str| json!({"apiVersion": "v1", "kind": kind, "metadata": {"name": "auditward-probe"}});
    Some(if path.contains("configmaps") {
        named("ConfigMap")
    } else if path.contains("namespaces") {
        named("Namespace")
    } else {
        json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {"verb": "get", "resource": "pods"}},
        })
    })
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)
    }
}

#[cfg(test)]
mod tests {
    use auditward_policy::read;

    use super::*;

    #[track_caller]
    fn check(rules: &str, expected: &str) {
        let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{rules}\n");
        let policy = read::read(text.as_bytes()).policy.unwrap();
        let admin = Identity { name: "kubernetes-admin".into(), groups: vec!["system:masters".into()] };
        let seen = choose(&Evaluator::new(policy), &admin);
        assert_eq!(seen.map_or("none".to_owned(), |probe| format!("{probe} at {}", probe.level)), expected);
    }

    #[test]
    fn the_most_innocent_request_that_is_recorded() {
        check("rules: [{level: Metadata}]", "GET /api/v1/namespaces/default at Metadata");
        check(
            "rules: [{level: None, verbs: [get]}, {level: Request}]",
            "GET /api/v1/namespaces?limit=1 at Request",
        );
        check(
            "rules: [{level: None, verbs: [get, list]}, {level: Metadata, verbs: [delete]}]",
            "DELETE /api/v1/namespaces/auditward-probe/configmaps/auditward-probe?dryRun=All at Metadata",
        );
        check(
            "rules: [{level: Metadata, resources: [{group: apps}]}]",
            "GET /apis/apps/v1/namespaces/auditward-probe/deployments/auditward-probe at Metadata",
        );
        check("rules: [{level: Metadata, nonResourceURLs: [/version]}]", "GET /version at Metadata");
        check("rules: [{level: None}]", "none");
        check("rules: [{level: Metadata, users: [alice]}]", "none");
        check(
            "rules: [{level: Metadata}]\nomitStages: [ResponseComplete]",
            "GET /api/v1/namespaces/default at Metadata",
        );
        check("rules: [{level: Metadata}]\nomitStages: [ResponseComplete, RequestReceived]", "none");
    }
}
