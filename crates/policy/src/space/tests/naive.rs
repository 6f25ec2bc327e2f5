//! The second opinion: small policies, and every request that they can tell apart.

use std::collections::BTreeSet;

use auditward_event::{Level, Stage};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use crate::matching::first_failed;
use crate::space::universe;
use crate::{Attributes, GroupResources, Policy, Resource, Rule, StageSet, Target, User};

const USERS: &[&str] = &["alice", "system:anonymous", ""];
const GROUPS: &[&str] = &["system:authenticated", "system:unauthenticated", "dev"];
const API_GROUPS: &[&str] = &["", "apps", "*"];
const PATTERNS: &[&str] = &["pods", "pods/log", "pods/*", "*/log", "*", "*/*", "a/b/c", "", "nodes"];
const NAMESPACES: &[&str] = &["", "default", "*"];
const NAMES: &[&str] = &["", "web", "a/b"];
const URLS: &[&str] =
    &["/healthz", "/healthz*", "/api*", "/api", "/api/v1/pods*", "/api/v1/*", "/a*", "*", "/*"];

/// The first rule that matches, according to the plain engine.
pub(crate) fn first_match(policy: &Policy, request: &Attributes<'_>) -> Option<usize> {
    policy.rules.iter().position(|rule| first_failed(rule, request).is_none())
}

pub(crate) fn policy() -> impl Strategy<Value = Policy> {
    (prop::collection::vec(rule(), 1..6), stages(), any::<bool>()).prop_map(
        |(rules, omit_stages, omit_managed_fields)| Policy { rules, omit_stages, omit_managed_fields },
    )
}

fn some(of: &'static [&'static str], empty_weight: u32) -> impl Strategy<Value = Vec<String>> {
    let words = |words: Vec<&str>| words.into_iter().map(str::to_owned).collect::<Vec<_>>();
    prop_oneof![
        empty_weight => Just(Vec::new()),
        3 => subsequence(of, 1..=2).prop_map(words),
        1 => subsequence(of, 1..=of.len()).prop_map(words),
    ]
}

fn verbs() -> impl Strategy<Value = Vec<String>> {
    const VERBS: &[&str] = &["get", "create", "deletecollection", "*", "proxy"];
    prop_oneof![
        6 => some(VERBS, 5),
        1 => Just(universe::RESOURCE_VERBS.iter().map(|&verb| verb.to_owned()).collect()),
    ]
}

fn stages() -> impl Strategy<Value = StageSet> {
    prop_oneof![
        3 => Just(StageSet::EMPTY),
        1 => Just(StageSet::EMPTY.with(Stage::RequestReceived)),
        1 => Just(StageSet::ALL),
    ]
}

fn rule() -> impl Strategy<Value = Rule> {
    let entry =
        (select(API_GROUPS), some(PATTERNS, 1), some(NAMES, 3)).prop_map(|(group, resources, names)| {
            let resource_names = if resources.is_empty() { Vec::new() } else { names };
            GroupResources { group: group.to_owned(), resources, resource_names }
        });
    let entries = prop_oneof![3 => Just(Vec::new()), 2 => prop::collection::vec(entry, 1..3)];
    let scope = prop_oneof![
        4 => (entries, some(NAMESPACES, 4)).prop_map(|(entries, namespaces)| (entries, namespaces, Vec::new())),
        2 => some(URLS, 1).prop_map(|urls| (Vec::new(), Vec::new(), urls)),
    ];
    let outcome = (select(&Level::ALL[..]), stages(), any::<Option<bool>>());
    (some(USERS, 6), some(GROUPS, 6), verbs(), scope, outcome).prop_map(
        |(
            users,
            user_groups,
            verbs,
            (resources, namespaces, non_resource_urls),
            (level, omit_stages, omit_managed_fields),
        )| Rule {
            level,
            users,
            user_groups,
            verbs,
            resources,
            namespaces,
            non_resource_urls,
            omit_stages,
            omit_managed_fields,
        },
    )
}

/// Hands over a request of every kind that `policies` can tell apart: what they name, and an outsider a dimension.
pub(crate) fn universe(policies: &[&Policy], mut visit: impl FnMut(&Attributes<'_>)) {
    let rules = || policies.iter().flat_map(|policy| &policy.rules);
    let entries = || rules().flat_map(|rule| &rule.resources);
    // The words that the universe itself tells apart are named too.
    let built_in = universe::USERS_WITH_ANY_GROUPS;
    let users = with_outsider(rules().flat_map(|rule| strs(&rule.users)).chain(built_in));
    let groups =
        with_outsider(rules().flat_map(|rule| strs(&rule.user_groups)).chain(universe::BUILT_IN_GROUPS));
    let names = with_outsider(entries().flat_map(|entry| strs(&entry.resource_names)).chain([""]));
    let namespaces = with_outsider(rules().flat_map(|rule| strs(&rule.namespaces)));
    let api_groups = with_outsider(entries().map(|entry| entry.group.as_str()));
    let patterns: Vec<&str> = entries().flat_map(|entry| strs(&entry.resources)).collect();
    let segments = || patterns.iter().flat_map(|pattern| pattern.split('/'));
    let resources = with_outsider(segments());
    let subresources = with_outsider(segments().chain([""]));
    let told_apart: BTreeSet<&str> =
        rules().flat_map(|rule| strs(&rule.verbs)).chain(["get", "deletecollection", "proxy"]).collect();
    let other = universe::RESOURCE_VERBS.into_iter().find(|verb| !told_apart.contains(verb));
    let verbs: Vec<&str> = told_apart.iter().copied().chain(other).collect();
    let methods: Vec<&str> = told_apart.iter().copied().chain(["outsider"]).collect();
    let paths = paths(&rules().flat_map(|rule| strs(&rule.non_resource_urls)).collect::<Vec<_>>());

    let group_sets: Vec<Vec<&str>> = (0..1_usize << groups.len())
        .map(|bits| {
            groups
                .iter()
                .enumerate()
                .filter(|(at, _)| bits >> at & 1 == 1)
                .map(|(_, group)| group.as_str())
                .collect()
        })
        .collect();
    let mut who: Vec<Option<User<'_>>> = vec![None];
    for name in &users {
        who.extend(group_sets.iter().map(|groups| Some(User { name, groups })));
    }
    let mut what = Vec::new();
    for verb in methods {
        what.extend(paths.iter().map(|path| (verb, Target::Path(path))));
    }
    for verb in verbs {
        for group in &api_groups {
            for resource in &resources {
                for subresource in &subresources {
                    for namespace in &namespaces {
                        for name in &names {
                            what.push((
                                verb,
                                Target::Resource(Resource { group, resource, subresource, namespace, name }),
                            ));
                        }
                    }
                }
            }
        }
    }
    // Who and what are independent, but for first match: all of who for some of what, and the reverse, would miss
    // something, so it is all of both; requests that a policy cannot tell apart are tried once.
    let classes = |tell: &dyn Fn(usize, &Rule) -> bool, count: usize| -> Vec<usize> {
        let mut seen = BTreeSet::new();
        (0..count).filter(|&at| seen.insert(rules().map(|rule| tell(at, rule)).collect::<Vec<_>>())).collect()
    };
    let who: Vec<_> = who
        .into_iter()
        .filter(|user| universe::can_occur(&Attributes { user: *user, verb: "list", target: PODS }))
        .collect();
    let what: Vec<_> = what
        .into_iter()
        .filter(|(verb, target)| universe::can_occur(&Attributes { user: None, verb, target: *target }))
        .collect();
    let who_of = |rule: &Rule| Rule {
        users: rule.users.clone(),
        user_groups: rule.user_groups.clone(),
        ..Rule::catch_all(Level::None)
    };
    let what_of = |rule: &Rule| Rule { users: Vec::new(), user_groups: Vec::new(), ..rule.clone() };
    let who_classes = classes(
        &|at, rule| {
            first_failed(&who_of(rule), &Attributes { user: who[at], verb: "", target: PODS }).is_none()
        },
        who.len(),
    );
    let what_classes = classes(
        &|at, rule| {
            first_failed(&what_of(rule), &Attributes { user: None, verb: what[at].0, target: what[at].1 })
                .is_none()
        },
        what.len(),
    );
    for &user in &who_classes {
        for &at in &what_classes {
            visit(&Attributes { user: who[user], verb: what[at].0, target: what[at].1 });
        }
    }
    // And, so that cubes are tried in every corner, everyone for something and everything by someone.
    for (at, user) in who.iter().enumerate() {
        let (verb, target) = what[at % what.len()];
        visit(&Attributes { user: *user, verb, target });
    }
    for (at, (verb, target)) in what.iter().enumerate() {
        visit(&Attributes { user: who[at % who.len()], verb, target: *target });
    }
}

fn with_outsider<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    words.chain(["outsider"]).map(str::to_owned).collect::<BTreeSet<_>>().into_iter().collect()
}

const PODS: Target<'static> =
    Target::Resource(Resource { group: "", resource: "pods", subresource: "", namespace: "", name: "" });

/// Around every pattern: itself, what only just starts with it, what only just does not.
fn paths(urls: &[&str]) -> Vec<String> {
    let mut paths =
        BTreeSet::from([String::new(), "/".to_owned(), "outsider".to_owned(), "/outsider".to_owned()]);
    for url in urls {
        let stem = url.trim_end_matches('*');
        paths.extend(["", "\0", "x", "/", "/x", "/x/y", "/v1/"].map(|end| format!("{stem}{end}")));
    }
    // Below `/api/v1/` the only path that is not a resource's is one with nothing but slashes.
    paths.extend(["/api/v1/", "/api/v1//", "/ap", "/api0", "/a", "/b"].map(str::to_owned));
    paths.into_iter().collect()
}

fn strs(words: &[String]) -> impl Iterator<Item = &str> {
    words.iter().map(String::as_str)
}
