use auditward_event::{Level, Stage};
use auditward_policy::StageSet;
use auditward_policy::space::{Cube, ResourceSet, Space, Words};
use expect_test::{Expect, expect};

use super::{Cause, Demand, coverage};

/// `create pods`, in core or any group, with its body.
fn pods(level: Level) -> Demand {
    let set = ResourceSet {
        resources: Words::only(["pods"]),
        subresources: Words::only([""]),
        ..ResourceSet::any()
    };
    let cube = Cube { verbs: Words::only(["create"]), ..Cube::resources(set) };
    Demand {
        step: String::new(),
        space: Space::from(cube),
        level,
        stages: StageSet::EMPTY.with(Stage::ResponseComplete).with(Stage::Panic),
        paths: vec!["requestObject.spec.hostNetwork".to_owned()],
    }
}

fn check(rules: &str, demands: &[Demand], expect: &Expect) {
    let text = format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{rules}");
    let policy = auditward_policy::read::read(text.as_bytes()).policy.expect("a policy");
    let found = coverage(&policy, demands).expect("small");
    let mut out = format!("{:?}\n", found.sight);
    for blind in &found.blind {
        let rule = blind.policy_rule.map_or("no rule".to_owned(), |rule| format!("rule {}", rule + 1));
        let cause = match blind.cause {
            Cause::NotRecorded => "not recorded".to_owned(),
            Cause::Level { recorded, needed } => format!("{recorded} instead of {needed}"),
            Cause::Stages { needed } => format!("all of {needed:?} omitted"),
        };
        out += &format!("{}: {cause}, by {rule}\n", blind.witness.request);
    }
    expect.assert_eq(&out);
}

#[test]
fn everything_with_bodies_is_full() {
    check(
        "- level: Request",
        &[pods(Level::Request)],
        &expect![[r#"
        Full
    "#]],
    );
}

#[test]
fn metadata_blinds_what_reads_a_body() {
    check(
        "- level: Metadata",
        &[pods(Level::Request)],
        &expect![[r#"
        Blind
        alice (system:authenticated): create pods in default: Metadata instead of Request, by rule 1
    "#]],
    );
}

#[test]
fn a_namespace_that_is_dropped_makes_it_partial() {
    check(
        "- {level: None, namespaces: [kube-system]}\n- level: Request",
        &[pods(Level::Request)],
        &expect![[r#"
            Partial
            alice (system:authenticated): create pods in kube-system: not recorded, by rule 1
        "#]],
    );
}

#[test]
fn a_step_that_is_blind_blinds_the_sequence() {
    let create = Demand { step: "created".to_owned(), ..pods(Level::Request) };
    let mut delete = Demand { step: "deleted".to_owned(), ..pods(Level::Metadata) };
    delete.space = delete.space.and(&create.space).expect("small");
    check(
        "- {level: Request, verbs: [create], resources: [{group: '', resources: [pods]}]}",
        &[create.clone(), delete],
        &expect![[r#"
            Full
        "#]],
    );
    let set = ResourceSet { resources: Words::only(["secrets"]), ..ResourceSet::any() };
    let secrets =
        Demand { step: "read".to_owned(), space: Space::from(Cube::resources(set)), ..pods(Level::Metadata) };
    check(
        "- {level: Request, verbs: [create], resources: [{group: '', resources: [pods]}]}",
        &[create, secrets],
        &expect![[r#"
            Blind
            alice (system:authenticated): get secrets db-password in default: not recorded, by no rule
        "#]],
    );
}

#[test]
fn an_omitted_stage_blinds() {
    check(
        "- {level: Request, omitStages: [ResponseComplete, Panic]}",
        &[pods(Level::Request)],
        &expect![[r#"
            Blind
            alice (system:authenticated): create pods in default: all of {ResponseComplete, Panic} omitted, by rule 1
        "#]],
    );
}

/// Both ways in which a pod called `web` is created: by a path with its name, which nobody uses, and without.
fn named() -> Vec<Demand> {
    let pod = |names: &[&str]| {
        let set = ResourceSet {
            groups: Words::only([""]),
            resources: Words::only(["pods"]),
            subresources: Words::only([""]),
            names: Words::only(names),
            ..ResourceSet::any()
        };
        let space = Space::from(Cube { verbs: Words::only(["create"]), ..Cube::resources(set) });
        Demand { space, ..pods(Level::Metadata) }
    };
    vec![pod(&["web"]), pod(&[""])]
}

#[test]
fn a_rule_for_a_name_does_not_see_it_created() {
    let only = "- {level: Metadata, resources: [{group: '', resources: [pods], resourceNames: [web]}]}\n";
    check(
        only,
        &named(),
        &expect![[r#"
        Blind
        alice (system:authenticated): create pods in default: not recorded, by no rule
    "#]],
    );
    check(
        &format!("{only}- level: Metadata\n"),
        &named(),
        &expect![[r#"
        Full
    "#]],
    );
}

#[test]
fn what_can_never_be_true_is_blind() {
    let never = Demand { space: Space::nothing(), ..pods(Level::Metadata) };
    check(
        "- level: RequestResponse",
        &[pods(Level::Request), Demand { step: "never".to_owned(), ..never }],
        &expect![[r#"
            Blind
        "#]],
    );
}

/// A sequence needs all of its steps, however deep it stands.
#[test]
fn the_steps_of_a_nested_sequence_are_steps() {
    let event = |name: &str, verb: &str| {
        format!(
            "title: {name}\nname: {name}\nstatus: test\nlogsource: {{product: kubernetes, service: audit}}\n\
             detection: {{sel: {{verb: {verb}, objectRef.resource: secrets}}, condition: sel}}\n---\n"
        )
    };
    let related = |name: &str, what: &str| {
        format!(
            "title: {name}\nname: {name}\ncorrelation: {{{what}, group-by: [user.username], timespan: 5m}}\n---\n"
        )
    };
    let text = [
        event("read", "get"),
        event("gone", "delete"),
        event("made", "create"),
        related("pair", "type: temporal_ordered, rules: [read, gone]"),
        related("often", "type: event_count, rules: [pair], condition: {gte: 2}"),
        related("chain", "type: temporal_ordered, rules: [often, made]"),
    ]
    .concat();
    let loaded = crate::sigma::load(&[("rules.yml", &text)], &crate::sigma::Options::default());
    let rule = loaded.rules.iter().find(|rule| rule.title == "chain").expect("a rule");
    let steps: Vec<String> = super::demands(rule).into_iter().map(|demand| demand.step).collect();
    assert_eq!(steps, ["often, read", "often, gone", "made"], "{:?}", loaded.findings);
}
