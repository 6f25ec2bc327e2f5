use auditward_event::{Level, Stage};
use auditward_policy::StageSet;
use auditward_policy::space::{Cube, Paths, Realism, ResourceSet, Space, Words};
use expect_test::{Expect, expect};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::generate;
use crate::coverage::{Demand, Judge, Sight};

/// `verbs` of `resources` (`pods`, `pods/exec`, `*`), of whatever group.
fn demand(level: Level, verbs: &[&str], resources: &[&str]) -> Demand {
    let verbs = if verbs.is_empty() { Words::any() } else { Words::only(verbs) };
    let cubes = resources.iter().map(|resource| {
        let (resource, subresource) = resource.split_once('/').unwrap_or((resource, ""));
        let resources = if resource == "*" { Words::any() } else { Words::only([resource]) };
        let subresources = if resource == "*" { Words::any() } else { Words::only([subresource]) };
        let set = ResourceSet { resources, subresources, ..ResourceSet::any() };
        Cube { verbs: verbs.clone(), ..Cube::resources(set) }
    });
    Demand {
        step: String::new(),
        space: cubes.collect(),
        level,
        stages: StageSet::EMPTY.with(Stage::ResponseComplete),
        paths: Vec::new(),
    }
}

fn check(demands: &[Demand], expect: &Expect) {
    let generated = generate(demands).expect("a policy");
    let text = auditward_policy::print(&generated.policy);
    let findings = auditward_policy::read::read(text.as_bytes()).findings;
    assert!(findings.iter().all(|it| it.severity != auditward_policy::read::Severity::Error), "{findings:?}");
    expect.assert_eq(&text);
}

#[test]
fn asks_for_no_more_than_is_needed() {
    check(
        &[demand(Level::Request, &["create", "patch"], &["pods"])],
        &expect![[r#"
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        omitManagedFields: true
        rules:
        - level: Request
          verbs: ["create", "patch"]
          resources:
          - group: ""
            resources: ["pods"]
    "#]],
    );
}

#[test]
fn joins_what_differs_in_one_dimension() {
    check(
        &[
            demand(Level::Request, &["create"], &["pods"]),
            demand(Level::Request, &["create"], &["deployments", "daemonsets"]),
            demand(Level::Metadata, &["create", "get"], &["pods/exec"]),
            demand(Level::Metadata, &["create"], &["pods/attach"]),
        ],
        &expect![[r#"
            apiVersion: audit.k8s.io/v1
            kind: Policy
            omitStages: [RequestReceived]
            omitManagedFields: true
            rules:
            - level: Request
              verbs: ["create"]
              resources:
              - group: ""
                resources: ["pods"]
              - group: "apps"
                resources: ["daemonsets", "deployments"]
            - level: Metadata
              verbs: ["create", "get"]
              resources:
              - group: ""
                resources: ["pods/exec"]
            - level: Metadata
              verbs: ["create"]
              resources:
              - group: ""
                resources: ["pods/attach"]
        "#]],
    );
}

#[test]
fn a_catch_all_takes_in_what_asks_for_no_more() {
    check(
        &[
            demand(Level::Metadata, &[], &["*"]),
            demand(Level::Metadata, &["get"], &["secrets"]),
            demand(Level::Request, &["create"], &["events"]),
        ],
        &expect![[r#"
            apiVersion: audit.k8s.io/v1
            kind: Policy
            omitStages: [RequestReceived]
            omitManagedFields: true
            rules:
            - level: Request
              verbs: ["create"]
              resources:
              - group: ""
                resources: ["events"]
              - group: "events.k8s.io"
                resources: ["events"]
            - level: Metadata
        "#]],
    );
}

#[test]
fn bodies_of_credentials_stay_out() {
    let demands = [
        demand(Level::Request, &["create"], &["*"]),
        demand(Level::RequestResponse, &["create"], &["serviceaccounts/token"]),
    ];
    check(
        &demands,
        &expect![[r#"
            apiVersion: audit.k8s.io/v1
            kind: Policy
            omitStages: [RequestReceived]
            omitManagedFields: true
            rules:
            - level: Metadata
              resources:
              - group: ""
                resources: ["secrets"]
              - group: "authentication.k8s.io"
                resources: ["tokenreviews"]
            - level: Request
              verbs: ["create"]
        "#]],
    );
    assert_eq!(generate(&demands).expect("a policy").guarded, [true, true]);
}

#[test]
fn the_question_for_a_token_is_told_and_its_answer_is_not() {
    let demands = [
        demand(Level::Request, &["create"], &["serviceaccounts/token"]),
        demand(Level::RequestResponse, &["create"], &["*"]),
    ];
    check(
        &demands,
        &expect![[r#"
            apiVersion: audit.k8s.io/v1
            kind: Policy
            omitStages: [RequestReceived]
            omitManagedFields: true
            rules:
            - level: Request
              resources:
              - group: ""
                resources: ["serviceaccounts/token"]
            - level: Metadata
              resources:
              - group: ""
                resources: ["secrets"]
              - group: "authentication.k8s.io"
                resources: ["tokenreviews"]
            - level: RequestResponse
              verbs: ["create"]
        "#]],
    );
    assert_eq!(generate(&demands).expect("a policy").guarded, [false, true]);
}

#[test]
fn paths_are_named() {
    let mut paths = demand(Level::Metadata, &[], &[]);
    paths.space = Space::from(Cube::paths(Paths::prefix("/debug").or(&Paths::exact("/metrics"))));
    check(
        &[paths],
        &expect![[r#"
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        omitManagedFields: true
        rules:
        - level: Metadata
          nonResourceURLs: ["/debug*", "/metrics"]
    "#]],
    );
}

/// The API server refuses names of no resource.
#[test]
fn a_name_of_whatever_resource() {
    let named = ResourceSet { names: Words::only(["aws-auth"]), ..ResourceSet::any() };
    let mut demand = demand(Level::Metadata, &["create", "patch"], &[]);
    demand.space = Space::from(Cube { verbs: Words::only(["create", "patch"]), ..Cube::resources(named) });
    check(
        &[demand],
        &expect![[r#"
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        omitManagedFields: true
        rules:
        - level: Metadata
          verbs: ["create", "patch"]
          resources:
          - group: "*"
            resources: ["*"]
            resourceNames: ["aws-auth"]
    "#]],
    );
}

#[test]
fn a_stage_that_few_requests_have() {
    for stage in [Stage::ResponseStarted, Stage::Panic] {
        let stages = StageSet::EMPTY.with(stage);
        let generated = generate(&[Demand { stages, ..demand(Level::Metadata, &[], &["pods"]) }]);
        let policy = generated.expect("a policy").policy;
        assert!(!policy.omit_stages.contains(stage));
        assert_eq!(policy.rules[0].level, Level::Metadata, "{stage:?}");
    }
    // A stage that these requests never have is no reason for a policy that records nothing.
    let never = StageSet::EMPTY.with(Stage::ResponseStarted);
    let never = generate(&[Demand { stages: never, ..demand(Level::Metadata, &["get"], &["pods"]) }]);
    assert_eq!(never, Err(super::GenerateError::NotFed { demand: 0 }));
}

#[test]
fn nothing_asked_is_nothing_recorded() {
    check(
        &[],
        &expect![[r#"
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        omitManagedFields: true
        rules:
        - level: None
    "#]],
    );
}

const VERBS: [&str; 4] = ["create", "get", "list", "patch"];
const RESOURCES: [&str; 8] =
    ["pods", "pods/exec", "secrets", "configmaps", "deployments", "events", "serviceaccounts/token", "*"];

/// The highest level at which an event holds no credential: the token that is asked for stands in the answer.
const MOST_OF_CREDENTIALS: [(&str, &str, &str, Level); 3] = [
    ("", "secrets", "", Level::Metadata),
    ("", "serviceaccounts", "token", Level::Request),
    ("authentication.k8s.io", "tokenreviews", "", Level::Metadata),
];

fn any_demand() -> impl Strategy<Value = Demand> {
    let level = select(vec![Level::Metadata, Level::Request, Level::RequestResponse]);
    (level, subsequence(&VERBS, 0..=3), subsequence(&RESOURCES, 1..=3), any::<bool>(), any::<bool>())
        .prop_map(|(level, verbs, resources, named, placed)| {
            let mut demand = demand(level, &verbs, &resources);
            let mut narrow = Cube::resources(ResourceSet {
                namespaces: if placed { Words::only(["kube-system"]) } else { Words::any() },
                ..ResourceSet::any()
            });
            if named {
                narrow.users = auditward_policy::space::Users::named(Words::only(["alice", "bob"]));
            }
            demand.space = demand.space.and(&Space::from(narrow)).expect("small");
            demand
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Whatever is asked for is fed, nothing can be left out, and no credential's body is recorded.
    #[test]
    fn a_generated_policy_is_enough_and_no_more(demands in proptest::collection::vec(any_demand(), 1..5)) {
        let generated = generate(&demands).expect("a policy");
        let sees_all = |policy: &auditward_policy::Policy| {
            let judge = Judge::new(policy);
            let ordinary = |demand: &Demand| demand.space.witness().is_some_and(|it| it.realism < Realism::Odd);
            demands.iter().zip(&generated.guarded).all(|(demand, guarded)| {
                *guarded || !ordinary(demand) || judge.coverage(std::slice::from_ref(demand)).expect("small").sight == Sight::Full
            })
        };
        let keeps_credentials_out = |policy: &auditward_policy::Policy| {
            MOST_OF_CREDENTIALS.iter().all(|(group, resource, subresource, most)| {
                let one = |word: &str| Words::only([word]);
                let (groups, resources, subresources) = (one(group), one(resource), one(subresource));
                let space = Cube::resources(ResourceSet { groups, resources, subresources, ..ResourceSet::any() });
                let parts = Judge::new(policy).partition(&Space::from(space)).expect("small");
                let level = |rule: Option<usize>| rule.map_or(Level::None, |rule| policy.rules[rule].level);
                parts.iter().all(|part| level(part.rule) <= *most)
            })
        };
        prop_assert!(sees_all(&generated.policy) && keeps_credentials_out(&generated.policy));
        // (A policy must have a rule, even where nothing is asked.)
        if !generated.guarded.contains(&true) && generated.policy.rules[0].level > Level::None {
            for rule in 0..generated.policy.rules.len() {
                let mut without = generated.policy.clone();
                without.rules.remove(rule);
                let enough = sees_all(&without) && keeps_credentials_out(&without);
                prop_assert!(!enough, "rule {rule} of {}", auditward_policy::print(&generated.policy));
            }
        }
    }
}
