//! The reference's table (`checker_test.go`), then random policies against [`crate::matching`].

use auditward_event::{Level, Stage};
use proptest::prelude::*;

use super::*;
use crate::attributes::{Resource, User};
use crate::read::read;

const RULES: [(&str, &str); 17] = [
    ("default", "level: Metadata"),
    ("create", "level: Request, verbs: [create]"),
    ("tims", "level: Metadata, users: [tim@k8s.io]"),
    ("humans", "level: Metadata, userGroups: [humans]"),
    ("serviceAccounts", "level: Request, userGroups: ['system:serviceaccounts']"),
    ("getPods", "level: RequestResponse, verbs: [get], resources: [{resources: [pods]}]"),
    ("getPodLogs", "level: Request, verbs: [get], resources: [{resources: [pods/log]}]"),
    ("podWild", "level: Request, verbs: [get], resources: [{resources: ['*']}]"),
    ("resWild", "level: Request, verbs: [get], resources: [{resources: ['*/log']}]"),
    ("subWild", "level: Request, verbs: [get], resources: [{resources: ['pods/*']}]"),
    (
        "getClusterRoles",
        "level: RequestResponse, verbs: [get], namespaces: [''], resources: [{group: rbac.authorization.k8s.io, resources: [clusterroles]}]",
    ),
    (
        "groupWild",
        "level: RequestResponse, verbs: [update], resources: [{group: '*', resources: ['*/status']}]",
    ),
    ("getLogs", "level: RequestResponse, verbs: [get], nonResourceURLs: ['/logs*']"),
    ("getMetrics", "level: Request, verbs: [get], nonResourceURLs: [/metrics]"),
    (
        "crEdit",
        "level: Request, resources: [{group: rbac.authorization.k8s.io, resources: [clusterroles], resourceNames: [edit]}]",
    ),
    ("omitRR", "level: Request, omitStages: [RequestReceived]"),
    ("onlyPanic", "level: Request, omitStages: [RequestReceived, ResponseStarted, ResponseComplete]"),
];

const TIM: User<'static> = User { name: "tim@k8s.io", groups: &["humans", "developers"] };
const RBAC: &str = "rbac.authorization.k8s.io";

fn request(name: char) -> Attributes<'static> {
    let pod = Resource { resource: "pods", namespace: "default", name: "busybox", ..Resource::default() };
    let user = (name != 'U').then_some(TIM);
    let (verb, target) = match name {
        'N' | 'U' => ("get", Target::Resource(pod)),
        'C' => {
            let role =
                Resource { group: RBAC, resource: "clusterroles", name: "edit", ..Resource::default() };
            ("get", Target::Resource(role))
        }
        'X' => ("get", Target::Path("/logs/kubelet.log")),
        'S' => ("get", Target::Resource(Resource { subresource: "log", ..pod })),
        'R' => {
            let role = Resource {
                group: RBAC,
                resource: "clusterroles",
                subresource: "status",
                name: "somerole",
                ..pod
            };
            ("update", Target::Resource(Resource { namespace: "", ..role }))
        }
        _ => unreachable!("no such request"),
    };
    Attributes { user, verb, target }
}

fn policy(names: &str, omit_stages: &str) -> Policy {
    let mut rules = String::new();
    for name in names.split(',') {
        let (_, rule) = RULES.iter().find(|(known, _)| *known == name).expect("a known rule");
        rules += &format!("- {{{rule}}}\n");
    }
    let text =
        format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [{omit_stages}]\nrules:\n{rules}");
    let reading = read(text.as_bytes());
    reading.policy.unwrap_or_else(|| panic!("{text}\n{:?}", reading.findings))
}

/// Both without and with stages omitted by the policy.
fn check(name: char, rules: &str, expected: Level) {
    for (omit, stages) in [
        ("", StageSet::EMPTY),
        (
            "RequestReceived, ResponseStarted",
            StageSet::EMPTY.with(Stage::RequestReceived).with(Stage::ResponseStarted),
        ),
    ] {
        let decision = Evaluator::new(policy(rules, omit)).decide(&request(name));
        assert_eq!(decision.level, expected, "{name} by {rules}");
        assert_eq!(decision.omit_stages, stages, "{name} by {rules}");
    }
}

#[test]
fn the_reference_table() {
    use Level::{Metadata, None, Request, RequestResponse};
    let single: [(char, [Level; 9]); 3] = [
        ('N', [Metadata, None, Metadata, Metadata, None, RequestResponse, None, None, None]),
        ('C', [Metadata, None, Metadata, Metadata, None, None, RequestResponse, None, None]),
        ('X', [Metadata, None, Metadata, Metadata, None, None, None, RequestResponse, None]),
    ];
    let names = [
        "default",
        "create",
        "tims",
        "humans",
        "serviceAccounts",
        "getPods",
        "getClusterRoles",
        "getLogs",
        "getMetrics",
    ];
    for (request, levels) in single {
        for (rule, level) in names.iter().zip(levels) {
            check(request, rule, level);
        }
    }
    check('N', "getMetrics,serviceAccounts,default", Metadata);
    check('N', "getMetrics,getPods,default", RequestResponse);
    check('N', "getPodLogs,getPods", RequestResponse);
    check('C', "crEdit,getClusterRoles", Request);
    check('C', "getMetrics,serviceAccounts,default", Metadata);
    check('C', "getMetrics,getClusterRoles,default", RequestResponse);
    check('C', "getPodLogs,getPods", None);
    check('X', "getMetrics,serviceAccounts,default", Metadata);
    check('X', "getLogs,getClusterRoles,default", RequestResponse);
    check('X', "getPodLogs,getPods", None);
    for rules in ["getPodLogs,getPods", "podWild", "resWild", "subWild"] {
        check('S', rules, Request);
    }
    check('U', "tims", None);
    check('U', "tims,default", Metadata);
    check('U', "humans", None);
    check('U', "humans,default", Metadata);
    check('R', "groupWild", RequestResponse);
}

#[test]
fn a_rules_stages_join_the_policys() {
    use Stage::{RequestReceived, ResponseComplete, ResponseStarted};
    let check = |name, rules, policy_stages, level, stages: &[Stage]| {
        let decision = Evaluator::new(policy(rules, policy_stages)).decide(&request(name));
        assert_eq!(
            (decision.level, decision.omit_stages),
            (level, stages.iter().copied().collect()),
            "{name} by {rules}"
        );
    };
    let two = "RequestReceived, ResponseStarted";
    for name in ['N', 'C', 'X'] {
        check(name, "omitRR,getPods,default", "", Level::Request, &[RequestReceived]);
        let three = [RequestReceived, ResponseStarted, ResponseComplete];
        check(name, "onlyPanic,getPods,default", "", Level::Request, &three);
        check(name, "omitRR,getPods,default", two, Level::Request, &[RequestReceived, ResponseStarted]);
        check(name, "onlyPanic,getPods,default", two, Level::Request, &three);
    }
    check('X', "default,omitRR,getPods", two, Level::Metadata, &[RequestReceived, ResponseStarted]);
}

#[test]
fn a_rules_word_on_managed_fields_goes_before_the_policys() {
    for (global, rule, expected) in
        [(false, None, false), (true, None, true), (true, Some(false), false), (false, Some(true), true)]
    {
        let rules = vec![Rule { omit_managed_fields: rule, ..Rule::catch_all(Level::Request) }];
        let policy = Policy { rules, omit_stages: StageSet::EMPTY, omit_managed_fields: global };
        assert_eq!(Evaluator::new(policy).decide(&request('N')).omit_managed_fields, expected);
    }
}

const NAMES: [&str; 4] = ["", "a", "b", "system:serviceaccount:kube-system:generic-garbage-collector"];
const RESOURCES: [&str; 4] = ["", "pods", "nodes", "deployments"];
const SUBRESOURCES: [&str; 4] = ["", "log", "scale", "*"];
const PATTERNS: [&str; 13] = [
    "",
    "*",
    "pods",
    "nodes",
    "pods/log",
    "pods/*",
    "*/scale",
    "*/*",
    "**",
    "pods/",
    "*/",
    "pods/log/x",
    "nodes/scale",
];
const PATHS: [&str; 6] = ["", "/", "/healthz", "/healthz/etcd", "/healthzfoo", "/logs"];
const URLS: [&str; 6] = ["*", "/", "/healthz", "/healthz*", "/healthz/*", "/*"];

fn some(of: &'static [&'static str]) -> impl Strategy<Value = Vec<String>> {
    let listed = prop::collection::vec(prop::sample::select(of).prop_map(str::to_owned), 1..4);
    prop_oneof![2 => Just(Vec::new()), 1 => listed]
}

fn any_entry() -> impl Strategy<Value = GroupResources> {
    (prop::sample::select(&["", "*", "apps", "batch"][..]), some(&PATTERNS), some(&NAMES)).prop_map(
        |(group, resources, names)| {
            let resource_names = if resources.is_empty() { Vec::new() } else { names };
            GroupResources { group: group.into(), resources, resource_names }
        },
    )
}

fn any_rule() -> impl Strategy<Value = Rule> {
    let who = (some(&NAMES), some(&NAMES), some(&["get", "list", "*", ""]));
    let what = prop_oneof![
        (prop::collection::vec(any_entry(), 0..4), some(&NAMES)).prop_map(|(resources, namespaces)| (
            resources,
            namespaces,
            Vec::new()
        )),
        some(&URLS).prop_map(|urls| (Vec::new(), Vec::new(), urls)),
    ];
    (prop::sample::select(&Level::ALL[..]), who, what, 0..16u8).prop_map(|(level, who, what, stages)| Rule {
        users: who.0,
        user_groups: who.1,
        verbs: who.2,
        resources: what.0,
        namespaces: what.1,
        non_resource_urls: what.2,
        omit_stages: Stage::ALL.into_iter().filter(|stage| stages >> *stage as u8 & 1 == 1).collect(),
        ..Rule::catch_all(level)
    })
}

fn naive(policy: &Policy, request: &Attributes<'_>) -> Option<usize> {
    policy.rules.iter().position(|rule| matching::first_failed(rule, request).is_none())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    /// Rules for nobody go before, so that the first match is found in the second and third word of bits too.
    #[test]
    fn compiled_decides_as_rule_by_rule(
        before in prop::sample::select(&[0usize, 60, 64, 130][..]),
        rules in prop::collection::vec(any_rule(), 0..12),
        omit_managed_fields: bool,
        requests in prop::collection::vec(
            (prop::option::of((0..5usize, prop::collection::vec(0..5usize, 0..4))), 0..5usize, 0..5usize, 0..5usize, 0..5usize, 0..5usize, 0..7usize, any::<bool>()),
            40,
        ),
    ) {
        let nobody = Rule { users: vec!["nobody".into()], ..Rule::catch_all(Level::Request) };
        let rules: Vec<Rule> = std::iter::repeat_n(nobody, before).chain(rules).collect();
        let nobody = Rule { users: vec!["nobody".into()], ..Rule::catch_all(Level::Request) };
        let rules: Vec<Rule> = std::iter::repeat_n(nobody, before).chain(rules).collect();
        let evaluator = Evaluator::new(Policy { rules, omit_stages: StageSet::EMPTY, omit_managed_fields });
        let pick = |of: &[&'static str], i: usize| of.get(i).copied().unwrap_or("other");
        for (user, verb, group, resource, subresource, name, path, is_resource) in requests {
            let groups: Vec<&str> = user.iter().flat_map(|(_, groups)| groups.iter().map(|i| pick(&NAMES, *i))).collect();
            let target = if is_resource {
                Target::Resource(Resource {
                    group: pick(&["", "apps", "batch", "*"], group),
                    resource: pick(&RESOURCES, resource),
                    subresource: pick(&SUBRESOURCES, subresource),
                    namespace: pick(&NAMES, path),
                    name: pick(&NAMES, name),
                })
            } else {
                Target::Path(pick(&PATHS, path))
            };
            let request = Attributes {
                user: user.as_ref().map(|(name, _)| User { name: pick(&NAMES, *name), groups: &groups }),
                verb: pick(&["get", "list", "*", ""], verb),
                target,
            };
            prop_assert_eq!(evaluator.decide(&request).rule, naive(evaluator.policy(), &request), "{:?}", request);
        }
    }
}
