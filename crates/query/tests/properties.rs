//! What must hold of every text and every expression.

#![allow(clippy::unwrap_used, reason = "a test stops at surprises")]

use auditward_event::{MicroTime, Path, Step};
use auditward_expr::{Compare, Expr, Field, Fold, Literal, Match, Parameters, Quantifier, Root, Test, check};
use auditward_query::{ClusterRule, Clusters, NAMES, Name, Pattern, Search, parse};
use proptest::prelude::*;

fn now() -> MicroTime {
    "2026-11-26T14:30:00.000000Z".parse().unwrap()
}

/// Pieces that searches are made of, right and wrong.
fn piece() -> impl Strategy<Value = String> {
    let names: Vec<String> = NAMES.iter().map(|name| format!("{}:", name.name)).collect();
    prop_oneof![
        prop::sample::select(names),
        prop::sample::select(vec![
            "AND",
            "OR",
            "NOT",
            "-",
            "(",
            ")",
            "\"",
            "'",
            "\\",
            "*",
            "?",
            ">=",
            "..",
            "body.",
            "spec",
            "[*]",
            "[\"a",
            "\"]",
            ".containers",
            "labels.",
            "pods/exec",
            "deployments.apps",
            "2h",
            "today",
            "400",
            "true",
            "RequestResponse",
            "10.0.0.0/8",
            "where:'code >= 400'",
            ",",
            ":",
            "=",
            "!",
            "and",
            "verb:get",
            "user:(a OR b)",
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        "[ -~]{0,8}",
        Just(" ".to_owned()),
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

fn word() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "a", "a b", "OR", "a*", "?", "\\", "\"", "-x", ">=1", "1", "true", "", "a,b", "ü", "[x]"
        ])
        .prop_map(str::to_owned),
        any::<String>(),
        "[ -~]{0,6}",
    ]
}

fn path() -> impl Strategy<Value = Path> {
    let key = prop_oneof![
        prop::sample::select(vec!["spec", "containers", "labels", "rules", "a.b/c", "image", "x y", ""])
            .prop_map(str::to_owned),
        any::<String>(),
    ];
    let step = prop_oneof![
        6 => key.prop_map(Step::Key),
        1 => (0..5_usize).prop_map(Step::Index),
        1 => Just(Step::Each),
    ];
    prop::collection::vec(step, 0..4).prop_map(Path::new)
}

fn root() -> impl Strategy<Value = Root> {
    let known: Vec<&str> = NAMES.iter().filter_map(Name::path).collect();
    prop_oneof![
        4 => prop::sample::select(known).prop_map(|path| Root::Event(Path::parse(path).unwrap())),
        1 => path().prop_map(|path| {
            Root::Event(Path::new([Step::Key("annotations".into())].into_iter().chain(path.steps().iter().cloned())))
        }),
        1 => path().prop_map(|path| {
            Root::Event(Path::new([Step::Key("responseObject".into())].into_iter().chain(path.steps().iter().cloned())))
        }),
        1 => path().prop_map(Root::Object),
        1 => path().prop_map(Root::Pod),
        1 => path().prop_map(Root::Container),
        1 => word().prop_map(Root::Query),
        1 => Just(Root::Anywhere),
        1 => prop::sample::select(vec!["actor", "outcome", "dryRun", "exec.command", "sourceIP"])
            .prop_map(|name| Root::Fact(name.into())),
    ]
}

fn fold() -> impl Strategy<Value = Fold> {
    prop::sample::select(vec![Fold::Exact, Fold::Ascii, Fold::Unicode])
}

fn check_of() -> impl Strategy<Value = Match> {
    let compare = prop::sample::select(vec![
        Compare::Equal,
        Compare::Less,
        Compare::LessOrEqual,
        Compare::Greater,
        Compare::GreaterOrEqual,
    ]);
    let number = prop_oneof![(-1000_i32..1000).prop_map(f64::from), any::<f64>()];
    prop_oneof![
        Just(Match::Exists),
        Just(Match::Null),
        word().prop_map(|text| Match::Is(Literal::Text(text))),
        number.clone().prop_map(|number| Match::Is(Literal::Number(number))),
        any::<bool>().prop_map(|yes| Match::Is(Literal::Bool(yes))),
        (prop::collection::vec(word(), 0..4), fold()).prop_map(|(texts, fold)| Match::In(texts, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::Equals(text, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::Contains(text, fold)),
        (word(), fold()).prop_map(|(text, fold)| Match::Glob(text, fold)),
        word().prop_map(Match::Regex),
        (compare.clone(), word()).prop_map(|(compare, text)| Match::TextOrder(compare, text)),
        (compare, number).prop_map(|(compare, number)| Match::Number(compare, number)),
        prop::collection::vec(
            prop::sample::select(vec!["10.0.0.0/8", "fd00::/8", "1.2.3.4"]).prop_map(str::to_owned),
            0..3
        )
        .prop_map(Match::Cidr),
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let quantifier = prop_oneof![9 => Just(Quantifier::Any), 1 => Just(Quantifier::Every)];
    let test = (root(), quantifier, check_of())
        .prop_map(|(root, quantifier, check)| Expr::Test(Test { field: Field::of(root), quantifier, check }));
    let leaf = prop_oneof![9 => test, 1 => any::<bool>().prop_map(Expr::Const)];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| Expr::Not(Box::new(inner))),
            prop::collection::vec(inner.clone(), 0..4).prop_map(Expr::And),
            prop::collection::vec(inner, 0..4).prop_map(Expr::Or),
        ]
    })
}

fn clusters() -> impl Strategy<Value = Clusters> {
    let pattern = word().prop_map(Pattern::Name);
    let rule = (any::<bool>(), prop::collection::vec(pattern, 1..3))
        .prop_map(|(negated, any)| ClusterRule { negated, any });
    prop::collection::vec(rule, 0..3).prop_map(|rules| {
        let mut clusters = Clusters::all();
        for rule in rules {
            clusters.push(rule);
        }
        clusters
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn every_text_is_read_or_refused_in_its_places(text in text()) {
        match parse(&text, now()) {
            Ok(search) => {
                let printed = search.print();
                prop_assert_eq!(parse(&printed, MicroTime::MAX), Ok(search), "{}", printed);
            }
            Err(findings) => {
                prop_assert!(!findings.is_empty());
                for finding in findings {
                    prop_assert!(text.get(finding.span.clone()).is_some(), "{finding:?}");
                    prop_assert!(!finding.message.is_empty());
                }
            }
        }
    }

    #[test]
    fn what_is_printed_reads_back(
        expr in expr(),
        clusters in clusters(),
        since in prop::option::of(0..1_i64 << 50),
        until in prop::option::of(1_i64 << 50..1_i64 << 51),
    ) {
        let sound = |expr: &Expr| {
            let text = expr.to_string();
            check(expr).is_empty() && auditward_expr::parse(&text, &Parameters::new()).as_ref() == Ok(expr)
        };
        prop_assume!(sound(&expr));
        let search = Search {
            since: since.map(MicroTime::from_micros),
            until: until.map(MicroTime::from_micros),
            clusters,
            expr,
        };
        let printed = search.print();
        prop_assert_eq!(parse(&printed, now()), Ok(search), "{}", printed);
    }
}
