//! `TestValidatePolicy`

use auditward_policy::read::read;

const VALID: [&str; 5] = [
    "{level: Metadata}",
    "{level: None, userGroups: ['system:serviceaccounts', 'system:nodes']}",
    "{level: RequestResponse, verbs: [get], namespaces: [kube-system], resources: [{group: rbac.authorization.k8s.io, resources: [roles, rolebindings]}]}",
    "{level: Metadata, userGroups: [developers], nonResourceURLs: ['/logs*', '/healthz*', /metrics, '*']}",
    "{level: Metadata, omitStages: [RequestReceived]}",
];

const INVALID: [(&str, &str); 12] = [
    ("no level", "{}"),
    (
        "no level but conditions",
        "{verbs: [get], resources: [{resources: [secrets]}], namespaces: [kube-system]}",
    ),
    ("unknown level", "{level: FooBar}"),
    ("URL and namespaces", "{level: Metadata, nonResourceURLs: ['/logs*'], namespaces: [default]}"),
    (
        "URL and resources",
        "{level: Metadata, nonResourceURLs: ['/logs*'], resources: [{resources: [secrets]}]}",
    ),
    ("group with version", "{level: Metadata, resources: [{group: rbac.authorization.k8s.io/v1beta1}]}"),
    ("URL without slash", "{level: Metadata, nonResourceURLs: [logs]}"),
    ("empty URL", "{level: Metadata, nonResourceURLs: ['']}"),
    ("wildcard in the middle", "{level: Metadata, nonResourceURLs: ['/logs/*/*']}"),
    ("wildcard before a suffix", "{level: Metadata, nonResourceURLs: ['/logs/*.log']}"),
    ("names without resources", "{level: Metadata, resources: [{resourceNames: [leader]}]}"),
    ("unknown stage", "{level: Metadata, omitStages: [foo]}"),
];

fn accepted(head: &str, rules: &[&str]) -> bool {
    let rules: Vec<String> = rules.iter().map(|rule| format!("- {rule}")).collect();
    let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{head}\nrules:\n{}\n", rules.join("\n"));
    read(text.as_bytes()).policy.is_some()
}

#[test]
fn valid() {
    for rule in VALID {
        assert!(accepted("", &[rule]), "{rule}");
    }
    assert!(accepted("", &VALID));
    assert!(accepted("omitStages: [RequestReceived]", &VALID[..1]));
}

#[test]
fn invalid() {
    for (name, rule) in INVALID {
        assert!(!accepted("", &[rule]), "{name}");
    }
    let with_an_empty_rule: Vec<&str> = VALID.into_iter().chain(["{}"]).collect();
    assert!(!accepted("", &with_an_empty_rule));
    assert!(!accepted("omitStages: [foo]", &VALID[..1]));
}
