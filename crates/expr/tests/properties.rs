//! What must hold of every expression and every event.

#![allow(clippy::unwrap_used, reason = "a test stops at surprises")]

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::io::Read;
use std::sync::LazyLock;

use auditward_event::{EventView, Path, Stage, Step};
use auditward_expr::symbolic::{Names, Way, symbolic};
use auditward_expr::{
    Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Subject, Test, TimePart,
    parse_unchecked,
};
use proptest::prelude::*;

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "verb",
            "user",
            "username",
            "groups",
            "objectRef",
            "resource",
            "name",
            "spec",
            "a",
            "not",
            "in",
            "some",
            "event",
            "userAgent",
            "requestObject",
            "stage",
            "path",
            "exec",
            "command",
            "true",
            "x-y",
            "A",
            "",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        "[ -~]{0,8}",
    ]
}

fn path() -> impl Strategy<Value = Path> {
    let step = prop_oneof![
        6 => word().prop_map(Step::Key),
        1 => (0..5_usize).prop_map(Step::Index),
        1 => Just(Step::Each),
    ];
    prop::collection::vec(step, 0..4).prop_map(Path::new)
}

fn root() -> impl Strategy<Value = Root> {
    prop_oneof![
        path().prop_map(Root::Event),
        prop::collection::vec(word(), 0..4).prop_map(Root::Dotted),
        path().prop_map(Root::Object),
        path().prop_map(Root::Pod),
        path().prop_map(Root::Container),
        path().prop_map(Root::Element),
        word().prop_map(Root::Query),
        Just(Root::Anywhere),
        prop_oneof![Just("actor".to_owned()), Just("exec.command".to_owned()), word()].prop_map(Root::Fact),
        (word(), prop::option::of(word())).prop_map(|(name, argument)| Root::Falco(name, argument)),
    ]
}

fn function() -> impl Strategy<Value = Function> {
    prop_oneof![
        prop::sample::select(vec![
            Function::Lower,
            Function::Upper,
            Function::Base64,
            Function::Basename,
            Function::Length,
            Function::Count,
            Function::ImageRegistry,
            Function::ImageRepository,
        ]),
        word().prop_map(Function::Join),
        prop::sample::select(vec![
            TimePart::Minute,
            TimePart::Hour,
            TimePart::Day,
            TimePart::Week,
            TimePart::Month,
            TimePart::Year,
        ])
        .prop_map(Function::TimePart),
    ]
}

fn field() -> impl Strategy<Value = Field> {
    (root(), prop::collection::vec(function(), 0..3)).prop_map(|(root, functions)| Field { root, functions })
}

fn number() -> impl Strategy<Value = f64> {
    any::<f64>().prop_filter("a number", |number| !number.is_nan())
}

fn compare() -> impl Strategy<Value = Compare> {
    prop::sample::select(vec![
        Compare::Equal,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
        Compare::Contains,
        Compare::StartsWith,
        Compare::EndsWith,
    ])
}

fn check() -> impl Strategy<Value = Match> {
    let fold = || prop::sample::select(vec![Fold::Exact, Fold::Ascii, Fold::Unicode]);
    let words = || prop::collection::vec(word(), 0..3);
    prop_oneof![
        Just(Match::Exists),
        Just(Match::Null),
        word().prop_map(|text| Match::Is(Literal::Text(text))),
        number().prop_map(|number| Match::Is(Literal::Number(number))),
        any::<bool>().prop_map(|yes| Match::Is(Literal::Bool(yes))),
        (words(), fold()).prop_map(|(texts, fold)| Match::In(texts, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::Equals(text, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::Contains(text, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::StartsWith(text, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::EndsWith(text, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::Glob(text, fold)),
        word().prop_map(Match::Regex),
        (compare(), word()).prop_map(|(compare, text)| Match::TextOrder(compare, text)),
        (compare(), number()).prop_map(|(compare, number)| Match::Number(compare, number)),
        words().prop_map(Match::Cidr),
        (words(), any::<bool>()).prop_map(|(roots, clean)| Match::Under { roots, clean }),
        (compare(), field()).prop_map(|(compare, field)| Match::Field(compare, Box::new(field))),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let quantifier = prop::sample::select(vec![Quantifier::Any, Quantifier::Every]);
    let test = (field(), quantifier, check()).prop_map(|(field, quantifier, check)| Test {
        field,
        quantifier,
        check,
    });
    let leaf = prop_oneof![1 => any::<bool>().prop_map(Expr::Const), 8 => test.prop_map(Expr::Test)];
    leaf.prop_recursive(5, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::Or),
            (field(), inner).prop_map(|(list, holds)| Expr::Some { list, holds: Box::new(holds) }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Every node has a spelling, and no two the same.
    #[test]
    fn what_is_printed_reads_back(expr in expr()) {
        let printed = expr.to_string();
        match parse_unchecked(&printed) {
            Ok(read) => prop_assert_eq!(read, expr, "{}", printed),
            Err(errors) => prop_assert!(false, "{printed}\n{errors:?}"),
        }
    }

    /// Whatever is written, reading ends in a verdict that points into the text.
    #[test]
    fn any_text_is_read(text in "[a-z .()\\[\\]\"'=<>!$#,0-9é-]{0,60}") {
        if let Err(errors) = parse_unchecked(&text) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(text.is_char_boundary(error.offset));
            }
        }
    }
}

/// Real events: each line one.
static EVENTS: LazyLock<Vec<String>> = LazyLock::new(|| {
    let file = std::fs::File::open("../../examples/audit.log.gz").unwrap();
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(file).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
});

/// Tests whose answers differ between real events.
fn real_test() -> impl Strategy<Value = Expr> {
    let path = prop::sample::select(vec![
        "verb",
        "stage",
        "objectRef.resource",
        "objectRef.subresource",
        "objectRef.namespace",
        "objectRef.apiGroup",
        "user.username",
        "objectRef.name",
        "user.groups[*]",
        "user.groups[0]",
        "user.groups",
        "impersonatedUser.username",
        "responseStatus.code",
        "requestURI",
        "requestObject.kind",
        "requestObject.metadata.name",
        "responseObject.kind",
    ]);
    let other = path.clone();
    let root = prop_oneof![
        4 => path.clone().prop_map(|path| Root::Event(Path::parse(path).unwrap())),
        1 => path.prop_map(|path| Root::Dotted(path.replace("[*]", "").split('.').map(str::to_owned).collect())),
        1 => prop::sample::select(vec!["actor", "outcome", "decision", "dryRun", "final", "impersonated", "changes", "patch.kind", "path"])
            .prop_map(|name| Root::Fact(name.to_owned())),
        1 => prop::sample::select(vec!["metadata.name", "spec", "kind"])
            .prop_map(|path| Root::Object(Path::parse(path).unwrap())),
        1 => Just(Root::Container(Path::parse("image").unwrap())),
        1 => prop::sample::select(vec!["ka.verb", "ka.target.resource", "ka.target.name", "ka.user.groups", "ka.response.code", "ka.auth.decision"])
            .prop_map(|name| Root::Falco(name.to_owned(), None)),
        1 => prop::sample::select(vec!["/verb", "/objectRef/name", "/user/groups/0", "/user/groups", "/objectRef/0/resource"])
            .prop_map(|pointer| Root::Falco("jevt.value".to_owned(), Some(pointer.to_owned()))),
    ];
    let value = prop::sample::select(vec![
        "create",
        "get",
        "pods",
        "secrets",
        "exec",
        "",
        "kube-system",
        "apps",
        "system:masters",
        "system:anonymous",
        "person",
        "ResponseComplete",
        "RequestReceived",
        "200",
        "403",
        "success",
        "none",
        "denied",
        "merge",
        "Pod",
        "leases",
        "PODS",
        "net",
        "Worker",
        "helper",
        "responsecomplete",
        "system:authenticated",
        "system:serviceaccounts",
        "allow",
        "forbid",
        "/healthz",
    ]);
    let text = move || value.clone().prop_map(str::to_owned);
    let fold = || prop::sample::select(vec![Fold::Exact, Fold::Ascii, Fold::Unicode]);
    let check = prop_oneof![
        1 => Just(Match::Exists),
        3 => text().prop_map(|text| Match::Is(Literal::Text(text))),
        2 => (text(), fold()).prop_map(|(text, fold)| Match::Equals(text, fold)),
        2 => (prop::collection::vec(text(), 0..4), fold()).prop_map(|(texts, fold)| Match::In(texts, fold)),
        1 => (text(), fold()).prop_map(|(text, fold)| Match::StartsWith(text, fold)),
        1 => (text(), fold()).prop_map(|(text, fold)| Match::Contains(text, fold)),
        1 => Just(Match::Glob("*s".to_owned(), Fold::Exact)),
        1 => Just(Match::Number(Compare::Less, 400.0)),
        1 => any::<bool>().prop_map(|yes| Match::Is(Literal::Bool(yes))),
        1 => other.prop_map(|path| {
            let field = Field::of(Root::Event(Path::parse(path).unwrap()));
            Match::Field(Compare::Equal, Box::new(field))
        }),
    ];
    let quantifier = prop_oneof![4 => Just(Quantifier::Any), 1 => Just(Quantifier::Every)];
    let functions =
        prop_oneof![6 => Just(vec![]), 1 => Just(vec![Function::Lower]), 1 => Just(vec![Function::Count])];
    (root, functions, quantifier, check).prop_map(|(root, functions, quantifier, check)| {
        Expr::Test(Test { field: Field { root, functions }, quantifier, check })
    })
}

fn real_expr() -> impl Strategy<Value = Expr> {
    real_test().prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            prop::collection::vec(inner, 0..4).prop_map(Expr::Or),
        ]
    })
}

fn covers(names: &Names, name: &str) -> bool {
    match names {
        Names::Only(names) => names.contains(name),
        Names::Except(names) => !names.contains(name),
    }
}

/// Whether the event is one of those that the way speaks of, as the policy saw its request; paths aside.
fn belongs(event: &EventView<'_>, way: &Way) -> bool {
    let user = event.user();
    let somebody =
        if user.username.is_empty() { way.without_user } else { covers(&way.users, &user.username) };
    let groups: BTreeSet<String> = user.groups().map(Cow::into_owned).collect();
    let grouped = way.groups.iter().all(|one_of| !one_of.is_disjoint(&groups));
    let somebody = somebody && grouped && way.not_groups.is_disjoint(&groups);
    let about = match event.object_ref() {
        Some(object) => way.about.resources.as_ref().is_some_and(|resources| {
            covers(&resources.groups, &object.api_group)
                && covers(&resources.resources, &object.resource)
                && covers(&resources.subresources, &object.subresource)
                && covers(&resources.namespaces, &object.namespace)
                // What is created is named in the body, which is read later.
                && match (&*event.verb(), &*object.subresource) {
                    ("create", "") => covers(&resources.names, ""),
                    _ => covers(&resources.names, &object.name),
                }
        }),
        None => way.about.paths.is_some(),
    };
    let stage: Option<Stage> = event.stage();
    let recorded = event.level().is_some_and(|level| level >= way.level)
        && stage.is_some_and(|stage| way.stages.contains(&stage));
    somebody && about && recorded && covers(&way.verbs, &event.verb())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1500, failure_persistence: None, ..ProptestConfig::default() })]

    /// An event that makes an expression true belongs to one of its ways.
    #[test]
    fn the_symbolic_answers_agree_with_real_events(expr in real_expr(), seed in any::<prop::sample::Index>()) {
        let start = seed.index(EVENTS.len());
        let needs = symbolic(&expr);
        for line in EVENTS.iter().cycle().skip(start).take(20) {
            let event = EventView::parse(line.as_bytes()).unwrap();
            let subject = Subject::new(&event);
            let holds = expr.holds(&subject);
            if holds {
                prop_assert!(needs.ways.iter().any(|way| belongs(&event, way)), "{expr}\n{line}\n{:?}", needs.ways);
            }
        }
    }
}
