use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::*;
use crate::space::tests::naive;
use crate::{GroupResources, Rule};

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// There is a difference for a pair of rules if and only if some request shows it.
    #[test]
    fn exactly_what_trying_every_request_shows(a in naive::policy(), b in naive::policy()) {
        let diff = diff(&a, &b).unwrap();
        prop_assert_eq!(diff.unconfirmed, 0);
        let mut expected = std::collections::BTreeSet::new();
        let key = |rule: Option<usize>| rule.unwrap_or(usize::MAX);
        naive::universe(&[&a, &b], |request| {
            let (rule_a, rule_b) = (naive::first_match(&a, request), naive::first_match(&b, request));
            let differs = !records_alike(&decision(&a, rule_a), &decision(&b, rule_b));
            if differs {
                expected.insert((key(rule_a), key(rule_b)));
            }
            let found: Vec<_> = diff.differences.iter().filter(|found| found.space.contains(request)).collect();
            assert_eq!(found.len(), usize::from(differs), "{request:?}");
            assert!(found.iter().all(|found| (found.a.rule, found.b.rule) == (rule_a, rule_b)), "{request:?}");
        });
        let found: Vec<_> = diff.differences.iter().map(|found| (key(found.a.rule), key(found.b.rule))).collect();
        prop_assert_eq!(expected.into_iter().collect::<Vec<_>>(), found);
    }
}

fn check(a: &[Rule], b: &[Rule], expected: &Expect) {
    let policy = |rules: &[Rule]| Policy {
        rules: rules.to_vec(),
        omit_stages: StageSet::EMPTY,
        omit_managed_fields: false,
    };
    let diff = diff(&policy(a), &policy(b)).unwrap();
    let lines: Vec<String> = diff
        .differences
        .iter()
        .map(|found| {
            format!(
                "{:?} {} -> {:?} {}: {} ({})\n",
                found.a.rule,
                found.a.level,
                found.b.rule,
                found.b.level,
                found.witness.request,
                found.description
            )
        })
        .collect();
    expected.assert_eq(&lines.concat());
}

fn secrets(level: Level) -> Rule {
    let entry = GroupResources {
        group: String::new(),
        resources: vec!["secrets".to_owned()],
        resource_names: Vec::new(),
    };
    Rule { resources: vec![entry], ..Rule::catch_all(level) }
}

#[test]
fn differences_carry_a_request_and_a_description() {
    let alice = |level| Rule { users: vec!["alice".to_owned()], ..Rule::catch_all(level) };
    check(
        &[secrets(Level::Metadata), Rule::catch_all(Level::Request)],
        &[alice(Level::None), secrets(Level::Metadata), Rule::catch_all(Level::RequestResponse)],
        &expect![[r#"
            Some(0) Metadata -> Some(0) None: alice (system:authenticated): get secrets db-password in default (any verb of secrets (core) in any namespace by alice)
            Some(1) Request -> Some(0) None: alice (system:authenticated): get pods web in default (any verb of anything by alice, but for what earlier rules decide)
            Some(1) Request -> Some(2) RequestResponse: bob (system:authenticated): get pods web in default (any verb of anything by anyone, but for what earlier rules decide)
        "#]],
    );
    check(
        &[secrets(Level::Metadata)],
        &[Rule::catch_all(Level::Metadata)],
        &expect![[r#"
            None None -> Some(0) Metadata: alice (system:authenticated): get pods web in default (any verb of anything by anyone, but for what earlier rules decide)
        "#]],
    );
}

#[test]
fn what_records_the_same_is_no_difference() {
    let silent = Rule { omit_stages: StageSet::ALL, ..Rule::catch_all(Level::Request) };
    check(&[Rule::catch_all(Level::None)], &[silent], &expect![""]);
    let trimmed = |level, omit| Rule { omit_managed_fields: Some(omit), ..Rule::catch_all(level) };
    check(&[trimmed(Level::Metadata, true)], &[trimmed(Level::Metadata, false)], &expect![""]);
    check(
        &[trimmed(Level::Request, true)],
        &[trimmed(Level::Request, false)],
        &expect![[r#"
            Some(0) Request -> Some(0) Request: alice (system:authenticated): get pods web in default (any verb of anything by anyone)
        "#]],
    );
    // A wildcard that matches nothing a real verb could be is no difference either.
    let odd = Rule { verbs: vec!["*".to_owned()], ..secrets(Level::RequestResponse) };
    check(&[odd, Rule::catch_all(Level::Metadata)], &[Rule::catch_all(Level::Metadata)], &expect![""]);
}
