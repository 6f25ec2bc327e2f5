//! The cubes against a naive checker that tries every request of a small universe.

mod corpus;
pub(crate) mod naive;

use auditward_event::Level;
use proptest::prelude::*;

use super::*;
use crate::matching::{Condition, first_failed};
use crate::{GroupResources, Policy, RequestInfo, Rule, StageSet};

fn config() -> ProptestConfig {
    ProptestConfig { failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    /// A request is in exactly one part, that of the first rule that matches it, and every part has a request.
    #[test]
    fn the_partition_is_what_the_plain_engine_decides(policy in naive::policy()) {
        let parts = Classifier::new(&policy).partition(&Space::everything()).unwrap();
        let mut reached = std::collections::BTreeSet::new();
        naive::universe(&[&policy], |request| {
            let rule = naive::first_match(&policy, request);
            reached.insert(rule.unwrap_or(usize::MAX));
            let holders: Vec<_> = parts.iter().filter(|part| part.space.contains(request)).map(|part| part.rule).collect();
            assert_eq!(holders, [rule], "{request:?}");
            // Disjoint, cube by cube.
            let cubes = parts.iter().flat_map(|part| part.space.cubes()).filter(|cube| cube.contains(request)).count();
            assert_eq!(cubes, 1, "{request:?}");
        });
        let parted: std::collections::BTreeSet<_> = parts.iter().map(|part| part.rule.unwrap_or(usize::MAX)).collect();
        prop_assert_eq!(reached, parted);
        for part in &parts {
            check_witness(&policy, part.rule, &part.space);
            let tidy = part.space.clone().tidy();
            prop_assert!(tidy.cubes().len() <= part.space.cubes().len());
            check_witness(&policy, part.rule, &tidy);
        }
    }

    /// Tidying changes no member and keeps the cubes disjoint.
    #[test]
    fn tidy_is_the_same_set(policy in naive::policy()) {
        let parts = Classifier::new(&policy).partition(&Space::everything()).unwrap();
        let tidy: Vec<_> = parts.iter().map(|part| part.space.clone().tidy()).collect();
        naive::universe(&[&policy], |request| {
            for (part, tidy) in parts.iter().zip(&tidy) {
                let holders = tidy.cubes().iter().filter(|cube| cube.contains(request)).count();
                assert_eq!(holders, usize::from(part.space.contains(request)), "{request:?}");
            }
        });
    }

    /// A rule's reach says what trying every request says.
    #[test]
    fn reach_is_what_every_request_says(policy in naive::policy()) {
        let classifier = Classifier::new(&policy);
        let mut matched = vec![false; policy.rules.len()];
        let mut decided = vec![false; policy.rules.len()];
        let mut takers = vec![std::collections::BTreeSet::new(); policy.rules.len()];
        naive::universe(&[&policy], |request| {
            let first = naive::first_match(&policy, request);
            for (index, rule) in policy.rules.iter().enumerate() {
                if first_failed(rule, request).is_none() {
                    matched[index] = true;
                    match first {
                        Some(first) if first < index => { takers[index].insert(first); }
                        _ => decided[index] = true,
                    }
                }
            }
        });
        for index in 0..policy.rules.len() {
            let taken_by = match classifier.reach(index).unwrap() {
                Reach::Impossible { .. } => {
                    prop_assert!(!matched[index], "rule {} is not impossible", index);
                    continue;
                }
                Reach::Decides { witness, taken_by } => {
                    prop_assert!(decided[index], "rule {} is dead", index);
                    prop_assert_eq!(witness.request.with(|it| naive::first_match(&policy, it)), Some(index));
                    let rules: std::collections::BTreeSet<_> = taken_by.iter().map(|taken| taken.rule).collect();
                    prop_assert_eq!(&rules, &takers[index]);
                    taken_by
                }
                Reach::Dead { taken_by } => {
                    prop_assert!(matched[index] && !decided[index], "rule {} is not dead", index);
                    // They take all of it, and without any one of them something is left.
                    let takes_all = |skipped: Option<usize>| {
                        let mut all = true;
                        naive::universe(&[&policy], |request| {
                            let others = taken_by.iter().map(|taken| taken.rule).filter(|rule| Some(*rule) != skipped);
                            let mut others = others.filter(|&rule| first_failed(&policy.rules[rule], request).is_none());
                            all &= first_failed(&policy.rules[index], request).is_some() || others.next().is_some();
                        });
                        all
                    };
                    prop_assert!(takes_all(None));
                    for taken in &taken_by {
                        prop_assert!(!takes_all(Some(taken.rule)), "rule {} is not needed", taken.rule);
                    }
                    taken_by
                }
            };
            for taken in taken_by {
                prop_assert_eq!(taken.witness.request.with(|it| naive::first_match(&policy, it)), Some(taken.rule));
                prop_assert!(taken.witness.request.with(|it| first_failed(&policy.rules[index], it).is_none()));
            }
        }
    }

    /// Differences and intersections of whole spaces, with groups on both sides.
    #[test]
    fn spaces_and_their_members_agree(policy in naive::policy()) {
        let all = Classifier::new(&policy);
        let space = |index: usize| all.rules().get(index).cloned().unwrap_or_else(Space::everything);
        let (a, b, c) = (space(0), space(1), space(2));
        let cut = a.minus(&b).unwrap();
        let pieces = c.minus(&cut).unwrap();
        let both = c.and(&cut).unwrap();
        naive::universe(&[&policy], |request| {
            let in_cut = a.contains(request) && !b.contains(request);
            assert_eq!(cut.contains(request), in_cut, "{request:?}");
            assert_eq!(pieces.contains(request), c.contains(request) && !in_cut, "{request:?}");
            assert_eq!(both.contains(request), c.contains(request) && in_cut, "{request:?}");
        });
    }

    /// What the resolver of real URLs makes of a URL can occur, and its parts are what the universe says they are.
    #[test]
    fn every_resolved_url_can_occur(
        method in prop::sample::select(vec!["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "get", "FOO"]),
        path in "(/{1,2})(api|apis|apis/apps|ap)?(/{0,2})(v1|watch|proxy)?(/{0,2})(watch|proxy|namespaces|pods)?(/(a|namespaces)?){0,2}(/pods)?(/x)?(/log)?(/y)?(/{0,1})",
        query in prop::sample::select(vec!["", "?watch=1", "?fieldSelector=metadata.name=x", "?fieldSelector=metadata.name=a/b"]),
    ) {
        let url = format!("{path}{query}");
        if let Ok(info) = RequestInfo::resolve(method, &url) {
            let request = info.attributes(None);
            prop_assert!(universe::can_occur(&request), "{} {} gives {:?}", method, url, request);
            prop_assert_eq!(universe::is_resource_path(&info.path), info.is_resource_request());
        } else {
            prop_assert!(universe::is_resource_path(&path));
        }
    }
}

fn check_witness(policy: &Policy, rule: Option<usize>, space: &Space) {
    let witness = space.witness().expect("a space that is not empty has a witness");
    witness.request.with(|request| {
        assert!(universe::can_occur(request), "{}", witness.request);
        assert!(space.contains(request), "{}", witness.request);
        assert_eq!(naive::first_match(policy, request), rule, "{}", witness.request);
    });
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(|&word| word.to_owned()).collect()
}

fn resources(group: &str, resources: &[&str]) -> Vec<GroupResources> {
    vec![GroupResources {
        group: group.to_owned(),
        resources: strings(resources),
        resource_names: Vec::new(),
    }]
}

fn policy(rules: Vec<Rule>) -> Policy {
    Policy { rules, omit_stages: StageSet::EMPTY, omit_managed_fields: false }
}

fn any() -> Rule {
    Rule::catch_all(Level::Metadata)
}

fn reach(rules: Vec<Rule>, index: usize) -> String {
    match Classifier::new(&policy(rules)).reach(index).unwrap() {
        Reach::Decides { witness, taken_by } => {
            let by: Vec<_> =
                taken_by.iter().map(|taken| format!("{}: {}", taken.rule, taken.witness.request)).collect();
            format!("{} ({:?}) but {by:?}", witness.request, witness.realism)
        }
        Reach::Dead { taken_by } => {
            let by: Vec<_> =
                taken_by.iter().map(|taken| format!("{}: {}", taken.rule, taken.witness.request)).collect();
            format!("dead by {by:?}")
        }
        Reach::Impossible { conditions } => format!("impossible by {conditions:?}"),
    }
}

#[test]
fn what_can_never_match() {
    let check = |rule: Rule, expected: &[Condition]| {
        assert_eq!(reach(vec![rule], 0), format!("impossible by {expected:?}"));
    };
    check(Rule { verbs: strings(&["*"]), resources: resources("", &[]), ..any() }, &[Condition::Verbs]);
    check(
        Rule { verbs: strings(&["exec"]), resources: resources("", &["pods"]), ..any() },
        &[Condition::Verbs],
    );
    check(Rule { non_resource_urls: strings(&["/api/v1/nodes*"]), ..any() }, &[Condition::NonResourceUrls]);
    check(Rule { resources: resources("", &["pods/exec/x", "a/"]), ..any() }, &[Condition::Resources]);
    check(Rule { namespaces: strings(&["a/b"]), ..any() }, &[Condition::Namespaces]);
    check(
        Rule { verbs: strings(&["GET"]), non_resource_urls: strings(&["/healthz"]), ..any() },
        &[Condition::Verbs],
    );
    let mut named = resources("", &["pods"]);
    named[0].resource_names = strings(&["web"]);
    check(Rule { verbs: strings(&["deletecollection"]), resources: named, ..any() }, &[]);
}

#[test]
fn who_takes_it() {
    use expect_test::expect;
    let secrets = || Rule { resources: resources("", &["secrets"]), ..any() };
    let verbs = |verbs: &[&str]| Rule { verbs: strings(verbs), ..any() };
    expect![[r#"dead by ["0: alice (system:authenticated): get secrets db-password in default"]"#]]
        .assert_eq(&reach(vec![any(), secrets()], 1));
    expect![[r#"alice (system:authenticated): list secrets in default (Usual) but ["0: alice (system:authenticated): get secrets db-password in default"]"#]].assert_eq(&reach(vec![verbs(&["get"]), secrets()], 1));
    let of_alice = Rule { users: strings(&["alice"]), ..secrets() };
    expect![[r#"dead by ["2: bob (system:authenticated): list secrets in default"]"#]].assert_eq(&reach(
        vec![of_alice, verbs(&["get"]), Rule { resources: resources("*", &["*"]), ..any() }, secrets()],
        3,
    ));
    let two = vec![
        verbs(&["get", "list", "watch"]),
        verbs(&["create", "update", "patch", "delete", "deletecollection", "", "proxy"]),
        verbs(&["get", "patch"]),
        secrets(),
    ];
    expect![[r#"dead by ["0: alice (system:authenticated): get secrets db-password in default", "1: alice (system:authenticated): create secrets in default"]"#]].assert_eq(&reach(two, 3));
    // Every user is in `system:authenticated`, but for the anonymous one.
    let authenticated = || Rule { user_groups: strings(&["system:authenticated"]), ..any() };
    expect![[r#"alice (system:unauthenticated): get pods web in default (Odd) but ["0: alice (system:authenticated): get pods web in default"]"#]].assert_eq(&reach(vec![authenticated(), Rule { users: strings(&["alice"]), ..any() }], 1));
    expect![[r#"system:anonymous (system:unauthenticated): get pods web in default (Usual) but ["0: alice (system:authenticated): get pods web in default"]"#]].assert_eq(&reach(vec![authenticated(), any()], 1));
}

#[test]
fn a_question_about_some_requests() {
    // Can the body of a Secret ever be recorded?
    let rules = vec![
        Rule {
            users: strings(&["system:serviceaccount:kube-system:generic-garbage-collector"]),
            ..Rule::catch_all(Level::None)
        },
        Rule { verbs: strings(&["get", "list", "watch"]), resources: resources("", &["secrets"]), ..any() },
        Rule::catch_all(Level::RequestResponse),
    ];
    let policy = policy(rules);
    let secrets = Space::from(Cube::resources(ResourceSet {
        groups: Words::only([""]),
        resources: Words::only(["secrets"]),
        ..ResourceSet::any()
    }));
    let parts = Classifier::new(&policy).partition(&secrets).unwrap();
    let with_bodies: Vec<_> = parts.iter().filter(|part| part.rule == Some(2)).collect();
    let [part] = with_bodies.as_slice() else { panic!("{parts:?}") };
    assert_eq!(
        part.space.witness().unwrap().request.to_string(),
        "alice (system:authenticated): create secrets in default"
    );
}

#[test]
fn too_much_is_said_to_be_unknown() {
    // Every rule cuts all that is left along another corner.
    let word = |kind: &str, at: usize| vec![format!("{kind}{at}")];
    let rules = (0..2000)
        .map(|at| Rule {
            users: word("u", at % 13),
            user_groups: vec![format!("g{at}"), format!("h{}", at % 7)],
            verbs: strings(&[RESOURCE[at % 7]]),
            namespaces: vec![format!("n{}", at % 11), format!("m{at}")],
            resources: resources(&format!("a{}", at % 17), &[&format!("r{}", at % 19), &format!("s{at}")]),
            ..any()
        })
        .collect();
    let policy = policy(rules);
    let classifier = Classifier::new(&policy);
    assert_eq!(classifier.partition(&Space::everything()), Err(TooComplex));
    // What each rule gets is a smaller question.
    assert!(classifier.reach(0).is_ok());
}

const RESOURCE: [&str; 7] = ["get", "list", "watch", "create", "update", "patch", "delete"];
