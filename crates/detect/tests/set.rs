//! Rules compiled together match exactly what each of them matches alone.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

mod common;

use std::borrow::Cow;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::Path as File_;

use auditward_detect::{Config, Engine, Limits};
use auditward_event::{EventView, Path};
use auditward_expr::field::fact::FACTS;
use auditward_expr::field::falco;
use auditward_expr::{
    Compare, Expr, Field, Fold, Function, Literal, Match, Parts, Quantifier, Root, Subject, Test,
};
use auditward_rules::{Rule, Trigger};
use common::{compiled, rule};
use flate2::bufread::MultiGzDecoder;
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::Value as Json;

/// Fields that real rules ask for, and some that are only nearly those.
fn any_field() -> impl Strategy<Value = Field> {
    let path = |text: &str| Path::parse(text).unwrap();
    let events = [
        "verb",
        "stage",
        "level",
        "objectRef.resource",
        "objectRef.apiGroup",
        "objectRef.subresource",
        "objectRef.apiVersion",
        "objectRef.namespace",
        "objectRef.name",
        "objectRef",
        "user.username",
        "user.groups[*]",
        "userAgent",
        "requestURI",
        "responseStatus.code",
        "sourceIPs[0]",
        "auditID",
        "requestObject.spec.containers[*].image",
        "requestObject.metadata.name",
        "requestObject.kind",
        "responseObject.metadata.name",
        "annotations[\"authorization.k8s.io/decision\"]",
        "kind",
        "verb.x",
        "unknown",
    ];
    let mut roots: Vec<Root> = events.iter().map(|text| Root::Event(path(text))).collect();
    let dotted = [
        "verb",
        "objectRef.resource",
        "objectRef.subresource",
        "user.groups",
        "requestObject.spec.containers.image",
        "objectRef",
        "stage.x",
    ];
    roots.extend(dotted.iter().map(|text| Root::Dotted(text.split('.').map(str::to_owned).collect())));
    let falco = [
        "ka.verb",
        "ka.stage",
        "ka.target.resource",
        "ka.target.subresource",
        "ka.target.name",
        "ka.target.namespace",
        "ka.user.name",
        "ka.user.groups",
        "ka.uri",
        "ka.response.code",
        "ka.req.pod.containers.image",
        "ka.auditid",
        "ka.target.pod.name",
        "ka.resp.name",
        "ka.useragent",
    ];
    roots.extend(falco.iter().map(|name| Root::Falco((*name).to_owned(), None)));
    for pointer in ["/verb", "/objectRef/resource", "/stage", "/requestObject/kind", "/objectRef"] {
        roots.push(Root::Falco("jevt.value".to_owned(), Some(pointer.to_owned())));
    }
    roots.push(Root::Object(path("metadata.name")));
    roots.push(Root::Pod(path("hostNetwork")));
    roots.push(Root::Container(path("image")));
    roots.push(Root::Query("fieldManager".to_owned()));
    roots.push(Root::Anywhere);
    roots.extend(FACTS.iter().map(|fact| Root::Fact(fact.name.to_owned())));
    let functions = select(vec![
        vec![],
        vec![],
        vec![],
        vec![Function::Lower],
        vec![Function::Length],
        vec![Function::Count],
        vec![Function::Basename],
    ]);
    (select(roots), functions).prop_map(|(root, functions)| Field { root, functions })
}

fn any_text() -> impl Strategy<Value = String> {
    select(vec![
        "",
        "create",
        "get",
        "delete",
        "list",
        "watch",
        "pods",
        "secrets",
        "deployments",
        "apps",
        "exec",
        "status",
        "shop",
        "victim",
        "kube-system",
        "ResponseComplete",
        "RequestReceived",
        "Metadata",
        "system:",
        "system:masters",
        "kubectl",
        "nginx",
        "web",
        "a",
        "200",
        "201",
        "allow",
        "Pod",
        "v1",
        "kubernetes-super-admin",
        "/api/v1",
        "null",
        "things",
    ])
    .prop_map(str::to_owned)
}

fn any_match() -> impl Strategy<Value = Match> {
    let fold = || select(vec![Fold::Exact, Fold::Exact, Fold::Ascii, Fold::Unicode]);
    prop_oneof![
        1 => Just(Match::Exists),
        1 => Just(Match::Null),
        1 => any_text().prop_map(|text| Match::Is(Literal::Text(text))),
        1 => (prop::collection::vec(any_text(), 0..5), fold()).prop_map(|(texts, fold)| Match::In(texts, fold)),
        3 => (any_text(), fold()).prop_map(|(text, fold)| Match::Equals(text, fold)),
        2 => (any_text(), fold()).prop_map(|(text, fold)| Match::Contains(text, fold)),
        2 => (any_text(), fold()).prop_map(|(text, fold)| Match::StartsWith(text, fold)),
        1 => (any_text(), fold()).prop_map(|(text, fold)| Match::EndsWith(text, fold)),
        1 => any_text().prop_map(|text| Match::Glob(format!("{text}*"), Fold::Exact)),
        1 => any_text().prop_map(|text| Match::Regex(format!("^{text}"))),
        1 => any_text().prop_map(|text| Match::TextOrder(Compare::Less, text)),
        1 => (0..300_i32).prop_map(|number| Match::Number(Compare::Greater, f64::from(number))),
        1 => any_field().prop_map(|field| Match::Field(Compare::Equal, Box::new(field))),
    ]
}

fn any_expr() -> impl Strategy<Value = Expr> {
    let quantifier = select(vec![Quantifier::Any, Quantifier::Any, Quantifier::Every]);
    let test = (any_field(), quantifier, any_match())
        .prop_map(|(field, quantifier, check)| Expr::Test(Test { field, quantifier, check }));
    let leaf = prop_oneof![20 => test, 1 => any::<bool>().prop_map(Expr::Const)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let some = |holds| Expr::Some {
            list: Field {
                root: Root::Event(Path::parse("requestObject.spec.containers[*]").unwrap()),
                functions: vec![],
            },
            holds: Box::new(holds),
        };
        prop_oneof![
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            3 => prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::Or),
            2 => inner.clone().prop_map(|expr| Expr::Not(Box::new(expr))),
            1 => inner.prop_map(some),
        ]
    })
}

/// A real event, and what somebody might make of it.
fn any_event() -> impl Strategy<Value = String> {
    let logged = logged();
    let changes = select(vec![
        ("", ""),
        ("", ""),
        ("\"verb\":\"create\"", "\"verb\":\"\\u0063reate\""),
        ("\"verb\":", "\"v\\u0065rb\":"),
        ("\"verb\":", "\"verb\":null,\"was\":"),
        ("\"verb\":", "\"verb\":\"delete\",\"verb\":"),
        ("\"auditID\":\"", "\"auditID\":7,\"x\":\""),
        ("\"objectRef\":{", "\"objectRef\":{\"resource\":\"secrets\","),
        ("\"objectRef\":{", "\"objectRef\":[{\"resource\":\"secrets\"}],\"y\":{"),
        ("\"objectRef\":{", "\"objectRef\":null,\"y\":{"),
        ("\"objectRef\":{", "\"objectRef\":{\"subresource\":null,"),
        ("\"objectRef\":{", "\"objectRef\":{\"res\\u006furce\":\"pods\","),
        ("\"resource\":\"pods\"", "\"resource\":[\"pods\"]"),
        ("\"resource\":\"pods\"", "\"resource\":201"),
        ("\"stage\":\"", "\"stage\":\"X"),
        ("\"requestObject\":{", "\"requestObject\":[{},1],\"z\":{"),
    ]);
    (0..logged.len(), changes).prop_map(move |(at, (from, to))| {
        if from.is_empty() { logged[at].clone() } else { logged[at].replacen(from, to, 1) }
    })
}

fn logged() -> Vec<String> {
    let path = File_::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/audit.log.gz");
    let mut text = String::new();
    MultiGzDecoder::new(BufReader::new(File::open(path).unwrap())).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn rules(exprs: &[Expr]) -> Vec<Rule> {
    exprs.iter().enumerate().map(|(n, expr)| rule(&n.to_string(), Trigger::Event(expr.clone()))).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, ..ProptestConfig::default() })]
    #[test]
    fn together_as_alone(
        exprs in prop::collection::vec(any_expr(), 1..30),
        events in prop::collection::vec(any_event(), 1..40),
    ) {
        let engine = Engine::new(compiled(rules(&exprs)), Config::default());
        let mut matcher = engine.matcher();
        for event in &events {
            let view = EventView::parse(event.as_bytes()).unwrap();
            let subject = Subject::new(&view);
            let alone: Vec<usize> =
                exprs.iter().enumerate().filter(|(_, expr)| expr.holds(&subject)).map(|(n, _)| n).collect();
            prop_assert_eq!(matcher.matches(&view), alone, "{}", event);
        }
    }
}

proptest! {
    /// Many questions about few fields, which are answered together.
    #[test]
    fn families_as_alone(
        tests in prop::collection::vec((0..4_usize, any::<bool>(), any_match(), any::<bool>()), 10..120),
        events in prop::collection::vec(any_event(), 1..20),
    ) {
        let paths = ["user.username", "requestURI", "requestObject.spec.containers[*].image", "user.groups[*]"];
        let exprs: Vec<Expr> = tests
            .into_iter()
            .map(|(path, every, check, not)| {
                let quantifier = if every { Quantifier::Every } else { Quantifier::Any };
                let test = Expr::Test(Test { field: common::field(paths[path]), quantifier, check });
                if not { Expr::Not(Box::new(test)) } else { test }
            })
            .collect();
        let engine = Engine::new(compiled(rules(&exprs)), Config::default());
        let mut matcher = engine.matcher();
        for event in &events {
            let view = EventView::parse(event.as_bytes()).unwrap();
            let subject = Subject::new(&view);
            let alone: Vec<usize> =
                exprs.iter().enumerate().filter(|(_, expr)| expr.holds(&subject)).map(|(n, _)| n).collect();
            prop_assert_eq!(matcher.matches(&view), alone, "{}", event);
        }
    }
}

/// Each part that a field can depend on, with where it stands.
const PARTS: &[(Parts, &[&str])] = &[
    (Parts::LEVEL, &["level"]),
    (Parts::STAGE, &["stage"]),
    (Parts::VERB, &["verb"]),
    (Parts::URI, &["requestURI"]),
    (Parts::USER, &["user"]),
    (Parts::IMPERSONATED, &["impersonatedUser"]),
    (Parts::ADDRESSES, &["sourceIPs"]),
    (Parts::USER_AGENT, &["userAgent"]),
    (
        Parts::KIND,
        &["objectRef.apiGroup", "objectRef.apiVersion", "objectRef.resource", "objectRef.subresource"],
    ),
    (Parts::NAMESPACE, &["objectRef.namespace"]),
    (Parts::NAME, &["objectRef.name"]),
    (Parts::OBJECT_REST, &["objectRef.uid", "objectRef.resourceVersion"]),
    (Parts::STATUS, &["responseStatus"]),
    (Parts::ANNOTATIONS, &["annotations"]),
    (Parts::REQUEST, &["requestObject"]),
    (Parts::RESPONSE, &["responseObject"]),
    (Parts::OTHERS, &["auditID", "requestReceivedTimestamp", "stageTimestamp", "kind"]),
];

/// An event that has these parts of `other`, and all else of `event`: also whether there is an `objectRef`.
fn mixed(event: &Json, other: &Json, parts: Parts) -> String {
    let mut mixed = event.clone();
    for key in PARTS.iter().filter(|(part, _)| parts.meets(*part)).flat_map(|(_, keys)| *keys) {
        let (into, from, key) = match key.strip_prefix("objectRef.") {
            Some(key) => (mixed.get_mut("objectRef"), other.get("objectRef"), key),
            None => (Some(&mut mixed), Some(other), *key),
        };
        let Some(into) = into.and_then(Json::as_object_mut) else { continue };
        match from.and_then(|from| from.get(key)) {
            Some(value) => _ = into.insert(key.to_owned(), value.clone()),
            None => _ = into.remove(key),
        }
    }
    mixed.to_string()
}

fn any_parts() -> impl Strategy<Value = Parts> {
    prop::collection::vec(select(PARTS), 0..6)
        .prop_map(|parts| parts.into_iter().map(|(part, _)| part).fold(Parts::NONE, Parts::and))
}

fn any_logged() -> impl Strategy<Value = Json> {
    let logged = logged();
    (0..logged.len()).prop_map(move |at| serde_json::from_str(&logged[at]).unwrap())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]
    /// Events that have much in common, one after the other: what was found out of one is not said of another.
    #[test]
    fn alike_as_alone(
        exprs in prop::collection::vec(any_expr(), 1..20),
        event in any_logged(),
        other in any_logged(),
        mixes in prop::collection::vec(any_parts(), 1..12),
        order in prop::collection::vec(any::<prop::sample::Index>(), 1..60),
        alike_max in 1..8_usize,
    ) {
        let limits = Limits { alike_max, ..Limits::default() };
        let engine = Engine::new(compiled(rules(&exprs)), Config { limits, ..Config::default() });
        let mut matcher = engine.matcher();
        let events: Vec<String> = mixes.iter().map(|parts| mixed(&event, &other, *parts)).collect();
        for event in order.iter().map(|index| index.get(&events)) {
            let view = EventView::parse(event.as_bytes()).unwrap();
            let subject = Subject::new(&view);
            let alone: Vec<usize> =
                exprs.iter().enumerate().filter(|(_, expr)| expr.holds(&subject)).map(|(n, _)| n).collect();
            prop_assert_eq!(matcher.matches(&view), alone, "{}", event);
        }
    }
}

fn reads_body(field: &Field) -> bool {
    Parts::of_field(field).meets(Parts::BODIES)
}

fn says(field: &Field, event: &str) -> Vec<Option<String>> {
    let view = EventView::parse(event.as_bytes()).unwrap();
    let mut texts = Vec::new();
    field.each(&Subject::new(&view), &mut |item| texts.push(item.into_text().map(Cow::into_owned)));
    texts
}

/// Every fact and every field of Falco's.
fn every_field() -> Vec<Field> {
    let facts = FACTS.iter().map(|fact| Root::Fact(fact.name.to_owned()));
    let falco = falco::FIELDS.iter().flat_map(|spec| {
        let arguments: &[Option<&str>] = match spec.argument {
            falco::Argument::None => &[None],
            falco::Argument::Index => &[None, Some("0")],
            falco::Argument::Key => {
                &[Some("/verb"), Some("/objectRef/name"), Some("objectRef"), Some("timeout")]
            }
        };
        arguments.iter().map(|argument| Root::Falco(spec.name.to_owned(), argument.map(str::to_owned)))
    });
    facts.chain(falco).map(Field::of).collect()
}

proptest! {
    #[test]
    fn fields_depend_on_their_parts_alone(
        fields in prop::collection::vec(any_field(), 1..40),
        event in any_logged(),
        other in any_logged(),
    ) {
        for field in fields.iter().chain(&every_field()) {
            let mixed = mixed(&event, &other, Parts::ALL.without(Parts::of_field(field)));
            prop_assert_eq!(says(field, &mixed), says(field, &event.to_string()), "{:?}", field);
        }
    }

    /// Fields that no body has a say in say the same of what is kept of an event as of the event.
    #[test]
    fn bodies_have_no_say_where_none_is_claimed(
        fields in prop::collection::vec(any_field(), 1..40),
        event in any_event(),
    ) {
        let mut short = Vec::new();
        EventView::parse(event.as_bytes()).unwrap().write_without_bodies(&mut short);
        let short = String::from_utf8(short).unwrap();
        for field in fields.iter().filter(|field| !reads_body(field)) {
            prop_assert_eq!(says(field, &short), says(field, &event), "{:?} of {}", field, event);
        }
    }

    /// A first-seen rule reads what it tells only when its turn comes, of what was kept of the event; the alert is the one
    /// that a rule gives that reads it at once.
    #[test]
    fn what_is_read_later_is_the_same(
        group in prop::collection::vec(any_field(), 0..3),
        details in prop::collection::vec(any_field(), 0..5),
        bodies in any::<bool>(),
        events in prop::collection::vec(any_event(), 1..20),
    ) {
        let wanted = |fields: &[Field]| -> Vec<Field> {
            fields.iter().filter(|field| bodies || !reads_body(field)).cloned().collect()
        };
        let with = |trigger| Rule {
            group_by: wanted(&group),
            details: wanted(&details).into_iter().enumerate().map(|(n, field)| (n.to_string(), field)).collect(),
            summary: common::says(&["%user.username", " ", "%objectRef.namespace"]),
            ..rule("rule", trigger)
        };
        let at_once = compiled(vec![with(Trigger::Event(Expr::Const(true)))]);
        let later = compiled(vec![with(Trigger::FirstSeen {
            of: Expr::Const(true),
            key: wanted(&group),
            learning_seconds: 0,
            forget_seconds: 60,
        })]);
        for event in &events {
            let [at_once, later] = [&at_once, &later].map(|set| {
                let mut engine = Engine::new(set.clone(), Config::default());
                let mut alerts = Vec::new();
                common::feed(&mut engine, std::slice::from_ref(event), &mut alerts);
                engine.finish(&mut alerts);
                alerts
            });
            prop_assert_eq!(at_once.len(), 1);
            prop_assert_eq!(at_once, later);
        }
    }
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let bad = rule("bad", Trigger::Event(common::test("verb", Match::Regex("(".to_owned()))));
    let errors = auditward_detect::RuleSet::compile(vec![bad.clone(), bad]).unwrap_err();
    let said: Vec<String> = errors.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "rule `bad` is there twice: in `test.yaml:1` and in `test.yaml:1`",
            "an expression has something in it that cannot be asked"
        ]
    );
}
