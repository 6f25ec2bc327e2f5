//! `TestParser` and what stands beside it.

use auditward_event::Level;
use auditward_policy::read::{Severity, read};
use auditward_policy::{GroupResources, Policy, Rule, StageSet};

const RULES: &str = "
rules:
  - level: None
    nonResourceURLs:
      - /healthz*
      - /version
  - level: RequestResponse
    users: [\"tim\"]
    userGroups: [\"testers\", \"developers\"]
    verbs: [\"patch\", \"delete\", \"create\"]
    resources:
      - group: \"\"
      - group: \"rbac.authorization.k8s.io\"
        resources: [\"clusterroles\", \"clusterrolebindings\"]
    namespaces: [\"default\", \"kube-system\"]
  - level: Metadata
";

fn strings(list: &[&str]) -> Vec<String> {
    list.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_policy_is_read_as_it_stands() {
    let reading = read(format!("apiVersion: audit.k8s.io/v1\nkind: Policy\n{RULES}").as_bytes());
    let rbac = GroupResources {
        group: "rbac.authorization.k8s.io".into(),
        resources: strings(&["clusterroles", "clusterrolebindings"]),
        resource_names: Vec::new(),
    };
    let expected = Policy {
        rules: vec![
            Rule { non_resource_urls: strings(&["/healthz*", "/version"]), ..Rule::catch_all(Level::None) },
            Rule {
                users: strings(&["tim"]),
                user_groups: strings(&["testers", "developers"]),
                verbs: strings(&["patch", "delete", "create"]),
                resources: vec![GroupResources::default(), rbac],
                namespaces: strings(&["default", "kube-system"]),
                ..Rule::catch_all(Level::RequestResponse)
            },
            Rule::catch_all(Level::Metadata),
        ],
        omit_stages: StageSet::EMPTY,
        omit_managed_fields: false,
    };
    assert_eq!(reading.policy, Some(expected));
    assert_eq!(reading.findings, []);
}

#[test]
fn without_version_and_kind_it_is_refused() {
    let refusal = read(RULES.as_bytes()).reference_refusal.expect("a refusal");
    assert!(refusal.contains("unknown group version field"), "{refusal}");
}

#[test]
fn an_unknown_field_is_only_warned_of() {
    let reading = read(
        b"apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n  resources:\n  - group: ''\n    verbs: [get]\n",
    );
    assert!(reading.policy.is_some());
    assert_eq!(
        reading.findings.iter().map(|finding| finding.severity).collect::<Vec<_>>(),
        [Severity::Warning]
    );
}

#[test]
fn a_policy_without_rules_is_refused() {
    for text in ["apiVersion: audit.k8s.io/v1\nkind: Policy\n", ""] {
        assert_eq!(read(text.as_bytes()).policy, None, "{text:?}");
    }
}
