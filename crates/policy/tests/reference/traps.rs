//! What one would get wrong by reading the documentation alone. The traps of bodies, stages and backends are tested
//! where those are.

use auditward_event::Level;
use auditward_policy::read::{Severity, read};
use auditward_policy::{Attributes, Evaluator, RequestInfo, Resource, Target, User};

fn evaluator(rules: &str) -> Evaluator {
    let reading = read(format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: {rules}\n").as_bytes());
    Evaluator::new(reading.policy.unwrap_or_else(|| panic!("{:?}", reading.findings)))
}

const ALICE: Option<User<'static>> = Some(User { name: "alice", groups: &["system:authenticated"] });

fn matches(rule: &str, verb: &str, resource: Resource<'_>) -> bool {
    let request = Attributes { user: ALICE, verb, target: Target::Resource(resource) };
    evaluator(&format!("[{{level: Metadata, {rule}}}]")).decide(&request).rule.is_some()
}

#[test]
fn trap_1_an_empty_policy_has_no_version_rather_than_no_rules() {
    for text in ["", " \n", "# nothing\n", "---\n", "null\n", "{}"] {
        let refusal = read(text.as_bytes()).reference_refusal.expect("a refusal");
        assert_eq!(
            refusal, "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy",
            "{text:?}"
        );
    }
    let refusal = read(b"apiVersion: audit.k8s.io/v1").reference_refusal.expect("a refusal");
    assert_eq!(refusal, "loaded illegal policy with 0 rules");
}

#[test]
fn trap_2_unknown_and_doubled_fields_only_warn_but_types_and_case_matter() {
    let verdict = |rules: &str| {
        let reading = read(format!("apiVersion: audit.k8s.io/v1\n{rules}").as_bytes());
        (
            reading.policy.is_some(),
            reading.findings.iter().any(|finding| finding.severity == Severity::Warning),
        )
    };
    assert_eq!(verdict("rules: [{level: None, verb: [get]}]"), (true, true));
    assert_eq!(verdict("rules: [{level: None, level: Metadata}]"), (true, true));
    assert_eq!(verdict("Rules: [{level: None}]"), (false, true));
    assert_eq!(verdict("rules: [{level: none}]"), (false, false));
    assert_eq!(verdict("rules: [{level: None, users: tim}]"), (false, false));
}

#[test]
fn trap_3_where_wildcards_work_and_where_they_do_not() {
    let pods = Resource { resource: "pods", namespace: "default", name: "web", ..Resource::default() };
    let log = Resource { subresource: "log", ..pods };
    assert!(matches("resources: [{resources: ['pods/*']}]", "get", pods));
    assert!(matches("resources: [{resources: ['pods/*']}]", "get", log));
    assert!(!matches("resources: [{resources: [pods]}]", "get", log));
    assert!(!matches("resources: [{resources: ['*/*']}]", "get", log));
    assert!(!matches("verbs: ['*']", "get", pods));
    assert!(!matches("namespaces: ['*']", "get", pods));
    assert!(!matches("users: ['*']", "get", pods));
    assert!(!matches("resources: [{resources: [pods], resourceNames: ['*']}]", "get", pods));
}

#[test]
fn trap_4_namespaces_of_namespaces_and_names_of_lists() {
    let decide = |rule: &str, uri: &str| {
        let info = RequestInfo::resolve("GET", uri).unwrap();
        evaluator(&format!("[{{level: Metadata, {rule}}}]")).decide(&info.attributes(ALICE)).level
    };
    assert_eq!(decide("namespaces: [foo]", "/api/v1/namespaces/foo"), Level::Metadata);
    assert_eq!(decide("namespaces: ['']", "/api/v1/namespaces/foo"), Level::None);
    assert_eq!(decide("namespaces: ['']", "/api/v1/pods"), Level::Metadata);
    let named = "/api/v1/namespaces?fieldSelector=metadata.name=foo";
    assert_eq!(
        decide("resources: [{resources: [namespaces], resourceNames: [foo]}]", named),
        Level::Metadata
    );
    assert_eq!(decide("namespaces: [foo]", named), Level::None);
}

#[test]
fn trap_5_without_authentication_there_is_no_user_at_all() {
    let request = |user| Attributes { user, verb: "get", target: Target::Path("/api") };
    let by_group = evaluator("[{level: Metadata, userGroups: ['system:unauthenticated']}]");
    let anonymous = User { name: "system:anonymous", groups: &["system:unauthenticated"] };
    assert_eq!(by_group.decide(&request(Some(anonymous))).level, Level::Metadata);
    assert_eq!(by_group.decide(&request(None)).level, Level::None);
    let nameless = evaluator("[{level: Metadata, users: ['']}]");
    assert_eq!(nameless.decide(&request(None)).level, Level::None);
    assert_eq!(nameless.decide(&request(Some(User { name: "", groups: &[] }))).level, Level::Metadata);
}
