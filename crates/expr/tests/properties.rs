//! What must hold of every expression and every event.

#![allow(clippy::unwrap_used, reason = "a test stops at surprises")]

use auditward_event::{Path, Step};
use auditward_expr::{
    Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Test, TimePart, parse_unchecked,
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
