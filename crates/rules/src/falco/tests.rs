//! One finding of each name, as it is told; and conditions that print as they parse.

use expect_test::{Expect, expect};
use proptest::prelude::*;

use super::condition::{Argument, Arity, Ast, Operand, Operator, Quantity, Right, Transformer, parse};
use super::{Loaded, Options, load};

/// A rule around a condition.
fn rule(condition: &str) -> String {
    format!(
        "- rule: r\n  desc: d\n  condition: {condition}\n  output: o %ka.verb\n  priority: WARNING\n  source: k8s_audit\n"
    )
}

fn told(loaded: &Loaded) -> String {
    let lines: Vec<String> =
        loaded.findings.iter().map(|finding| format!("{} {finding}\n", finding.code)).collect();
    lines.concat()
}

fn check(text: &str, expected: Expect) {
    expected.assert_eq(&told(&load(&[("rules.yaml", text)], &Options::default())));
}

fn check_two(first: &str, second: &str, expected: Expect) {
    expected.assert_eq(&told(&load(&[("a.yaml", first), ("b.yaml", second)], &Options::default())));
}

#[test]
fn texts_that_are_no_rules() {
    check(
        "- rule: [\n",
        expect![[r#"
        LOAD_ERR_YAML_PARSE rules.yaml:2:1: error: not YAML: did not find expected node content
    "#]],
    );
    check(
        "rule: x\n",
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE rules.yaml:1:1: error: expected a list of items, found a mapping
          hint: a rules file is a list: `- rule: …`, `- macro: …`, `- list: …`
    "#]],
    );
    check(
        "- x\n",
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE rules.yaml:1:3: error: expected an item such as `rule: …`, found a string
    "#]],
    );
    check(
        "- rule: r\n  condition: ka.verb = get\n",
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE rules.yaml:1:3: error: a rule needs `output`, `desc`, `priority`
    "#]],
    );
    check(
        "- list: l\n  items: x\n",
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE rules.yaml:2:10: error: `items` is a list, not a string
    "#]],
    );
    check(
        "- rulee: r\n",
        expect![[r#"
        LOAD_UNKNOWN_ITEM rules.yaml:1:3: warning: neither a rule nor a macro nor a list: left out
          hint: did you mean `rule`?
    "#]],
    );
    check(
        "- list: l\n  item: [x]\n  items: [x]\n",
        expect![[r#"
        LOAD_UNUSED_LIST rules.yaml:1:3: warning: nothing uses the list `l`
        LOAD_UNKNOWN_KEY rules.yaml:2:3: warning: nobody knows the key `item` here: left out
          hint: did you mean `items`?
    "#]],
    );
    check(
        &rule("ka.verb = get").replace("WARNING", "WARN"),
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE rules.yaml:5:13: error: unknown priority `WARN`
          hint: one of emergency, alert, critical, error, warning, notice, informational, info, debug
    "#]],
    );
}

#[test]
fn what_a_file_asks_for() {
    check(
        "- required_engine_version: 99\n",
        expect![[r#"
        LOAD_ERR_VALIDATE rules.yaml:1:28: error: asks for engine version 99; rules up to 0.63.0 are read here
    "#]],
    );
    check("- required_engine_version: 0.31.0\n- required_engine_version: 15\n", expect![[""]]);
    check(
        "- required_plugin_versions: [{name: k8saudit, version: 0.19.0}]\n",
        expect![[r#"
        LOAD_ERR_VALIDATE rules.yaml:1:30: error: needs plugin `k8saudit` at a version that is not read here
          hint: read here: k8saudit 0.18.0, k8saudit-eks 0.12.0, k8saudit-gke 0.9.0, k8saudit-aks 0.6.0, k8saudit-ovh 0.6.0, json 0.7.3
    "#]],
    );
    check(
        "- required_plugin_versions: [{name: k8saudi, version: 0.1.0}]\n",
        expect![[r#"
        LOAD_ERR_VALIDATE rules.yaml:1:30: error: needs plugin `k8saudi` at a version that is not read here
          hint: did you mean `k8saudit`?
    "#]],
    );
    check(
        "- required_plugin_versions: [{name: x, version: 0.1.0, alternatives: [{name: json, version: 0.7.0}]}]\n",
        expect![[""]],
    );
}

#[test]
fn conditions_that_are_none() {
    check(
        &rule("ka.verb = get and"),
        expect![[r#"
            LOAD_ERR_COMPILE_CONDITION rules.yaml:3:14: error: expected a blank or `(` behind `and`, found the end
        "#]],
    );
    check(
        &rule("ka.nosuch = x"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:3:14: error: no field `ka.nosuch`
          hint: the fields of audit events begin with `ka.`, `jevt.`, `json.` or `evt.`
    "#]],
    );
    check(
        &rule("ka.user.nam = x"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:3:14: error: no field `ka.user.nam`
          hint: did you mean `ka.user.name`?
    "#]],
    );
    check(
        &rule("nobody"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:3:14: error: undefined macro `nobody`
    "#]],
    );
    check(
        &rule("ka.verb regex '\\d'"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:3:29: error: unknown escape `\d`
          hint: write `\\d` for a backslash and `d`
    "#]],
    );
    check(
        &rule("ka.user.groups = x"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:3:14: error: `=` is not for lists
          hint: of a list ask `exists`, `in` or `intersects`
    "#]],
    );
    check(
        &rule(">\n    ka.verb = get and\n    ka.verb startwith x"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:5:13: error: expected an operator such as `=`, `in`, `startswith` or `exists`, found `startwith`
          hint: did you mean `startswith`?
    "#]],
    );
    check(
        &rule("ka.verb = get AND ka.verb = x"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:3:28: error: expected `and`, `or` or the end, found `AND`
          hint: keywords are written in lower case
    "#]],
    );
}

#[test]
fn a_mistake_in_a_macro_is_told_where_it_stands() {
    let macros = "- macro: m\n  condition: fd.name = x\n- macro: n\n  condition: m or m\n";
    check(
        &format!("{macros}{}", rule("n")),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:2:14: error: no field `fd.name`
          hint: the fields of audit events begin with `ka.`, `jevt.`, `json.` or `evt.`
    "#]],
    );
    check(
        "- macro: m\n  condition: ka.verb =\n",
        expect![[r#"
        LOAD_UNUSED_MACRO rules.yaml:1:3: warning: nothing uses the macro `m`
        LOAD_ERR_COMPILE_CONDITION rules.yaml:2:14: error: expected a value, found the end
    "#]],
    );
    check(
        &format!(
            "- macro: a\n  condition: ka.verb exists\n- macro: b\n  condition: a\n- macro: a\n  condition: b\n{}",
            rule("a")
        ),
        expect![[r#"
            LOAD_ERR_COMPILE_CONDITION rules.yaml:4:14: error: macro `a` leads back to itself
        "#]],
    );
    check(
        &format!("- macro: a\n  condition: b\n- macro: b\n  condition: ka.verb exists\n{}", rule("a and b")),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:2:14: error: undefined macro `b`
          hint: it is defined further down; define it first
        LOAD_UNUSED_MACRO rules.yaml:3:3: warning: nothing uses the macro `b`
    "#]],
    );
}

#[test]
fn outputs_that_are_none() {
    check(&rule("ka.verb = get").replace("%ka.verb", "%ka.verb."), expect![[""]]);
    check(
        &rule("ka.verb = get").replace("%ka.verb", "100%"),
        expect![[r#"
        LOAD_ERR_COMPILE_OUTPUT rules.yaml:4:11: error: `%` without a field behind it
          hint: there is no way to write a `%` itself; say `percent`
    "#]],
    );
    check(
        &rule("ka.verb = get").replace("%ka.verb", "%ka.vreb"),
        expect![[r#"
        LOAD_ERR_COMPILE_OUTPUT rules.yaml:4:14: error: no field `ka.vreb`
          hint: did you mean `ka.verb`?
    "#]],
    );
}

#[test]
fn what_upstream_only_warns_about() {
    check(
        &rule("ka.verb = get").replace("k8s_audit", "syscall"),
        expect![[r#"
        LOAD_UNKNOWN_SOURCE rules.yaml:1:3: warning: rule `r` is of source `syscall`, which is not read here: left out
    "#]],
    );
    check(
        &rule("ka.verb = <NA>"),
        expect![[r#"
        LOAD_UNSAFE_NA_CHECK rules.yaml:3:14: warning: comparing with `<NA>` never matches a missing value
          hint: a missing value is no text; ask `not … exists`
    "#]],
    );
    check(
        &rule("ka.user.name = ka.impuser.name"),
        expect![[r#"
        LOAD_COMPILE_CONDITION rules.yaml:3:14: warning: `ka.impuser.name` is the name of a field, compared as a text
          hint: write `val(ka.impuser.name)` to compare with the field
    "#]],
    );
    check(
        &rule("ka.verb regex 'get.*'"),
        expect![[r#"
        LOAD_COMPILE_CONDITION rules.yaml:3:14: warning: this pattern needs no regular expression
          hint: use `=`, `startswith`, `endswith` or `contains`
    "#]],
    );
    check(
        &format!("{}  skip-if-unknown-filter: true\n", rule("ka.nosuch = x")),
        expect![[r#"
        LOAD_UNKNOWN_FILTER rules.yaml:3:14: warning: no field `ka.nosuch`
          hint: the fields of audit events begin with `ka.`, `jevt.`, `json.` or `evt.`
    "#]],
    );
    check(
        "- macro: m\n  condition: ka.verb exists\n- list: l\n  items: []\n",
        expect![[r#"
        LOAD_UNUSED_MACRO rules.yaml:1:3: warning: nothing uses the macro `m`
        LOAD_UNUSED_LIST rules.yaml:3:3: warning: nothing uses the list `l`
    "#]],
    );
    check(
        "- macro: m-m\n  condition: ka.verb exists\n- list: l l\n  items: []\n",
        expect![[r#"
        LOAD_INVALID_MACRO_NAME rules.yaml:1:3: warning: no condition can name the macro `m-m`
          hint: a letter, then letters, digits and `_`
        LOAD_UNUSED_MACRO rules.yaml:1:3: warning: nothing uses the macro `m-m`
        LOAD_INVALID_LIST_NAME rules.yaml:3:3: warning: no condition can name the list `l l`
          hint: leave out blanks, brackets, quotes, `=` and `,`
        LOAD_UNUSED_LIST rules.yaml:3:3: warning: nothing uses the list `l l`
    "#]],
    );
    check(
        "- list: l\n  items: []\n- list: l\n  items: [x]\n  append: true\n",
        expect![[r#"
        LOAD_UNUSED_LIST rules.yaml:1:3: warning: nothing uses the list `l`
        LOAD_DEPRECATED_ITEM rules.yaml:5:11: warning: `append` is the old way to add to an item
          hint: say `override: {…: append}` of each key
    "#]],
    );
    check(
        &format!("{}- rule: r\n  enabled: false\n", rule("ka.verb = get")),
        expect![[r#"
        LOAD_DEPRECATED_ITEM rules.yaml:7:3: warning: `enabled` alone is the old way to turn a rule on or off
          hint: add `override: {enabled: replace}`
    "#]],
    );
}

#[test]
fn overrides() {
    let base = rule("ka.verb = get");
    check_two(&base, "- rule: r\n  tags: [x]\n  override: {tags: append}\n", expect![[""]]);
    check_two(
        &base,
        "- rule: q\n  tags: [x]\n  override: {tags: append}\n",
        expect![[r#"
        LOAD_ERR_VALIDATE b.yaml:1:3: error: there is no rule `q` before this to change
          hint: did you mean `r`?
    "#]],
    );
    check_two(
        &base,
        "- rule: r\n  priority: info\n  override: {priority: append}\n",
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE b.yaml:3:24: error: `priority` cannot be overridden by `append`
    "#]],
    );
    check_two(
        &base,
        "- rule: r\n  tags: [x]\n  desc: y\n  override: {tags: append}\n",
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE b.yaml:4:13: error: `override` does not say what to do with `desc`
    "#]],
    );
    check_two(
        &base,
        "- rule: r\n  tags: [x]\n  append: true\n  override: {tags: append}\n",
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE b.yaml:4:13: error: `append` and `override` do not go together
    "#]],
    );
    check_two(
        &base,
        "- rule: r\n  condition: m\n  override: {condition: append}\n- macro: m\n  condition: ka.uri exists\n",
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION b.yaml:2:14: error: expected `and`, `or` or the end, found `m`
        LOAD_UNUSED_MACRO b.yaml:4:3: warning: nothing uses the macro `m`
    "#]],
    );
    check_two(
        &base,
        &base.replace("k8s_audit", "other"),
        expect![[r#"
        LOAD_ERR_VALIDATE b.yaml:1:3: error: rule `r` is of source `k8s_audit` already
    "#]],
    );
    check_two(
        &rule("m"),
        "- macro: m\n  condition: ka.verb exists\n",
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION a.yaml:3:14: error: undefined macro `m`
          hint: it is defined further down; define it first
        LOAD_UNUSED_MACRO b.yaml:1:3: warning: nothing uses the macro `m`
    "#]],
    );
}

#[test]
fn exceptions() {
    let with = |exceptions: &str| format!("{}  exceptions: [{exceptions}]\n", rule("ka.verb = get"));
    check(
        &with("{name: a, fields: [ka.verb, ka.uri], values: [[get]]}"),
        expect![[r#"
        LOAD_ERR_VALIDATE rules.yaml:7:16: error: exception `a`: each row of `values` has as many as `fields`
    "#]],
    );
    check(
        &with("{name: a, fields: ka.verb, comps: startswith, values: [get]}"),
        expect![[r#"
        LOAD_ERR_VALIDATE rules.yaml:7:16: error: of one field, `comps` is `in`, `pmatch` or `intersects`, not `startswith`
    "#]],
    );
    check(
        &with("{name: a, fields: [ka.verb], comps: [like], values: [[get]]}"),
        expect![[r#"
        LOAD_ERR_VALIDATE rules.yaml:7:16: error: exception `a`: there is no operator `like`
    "#]],
    );
    check(
        &with("{name: a, fields: ka.vreb, values: [get]}"),
        expect![[r#"
        LOAD_ERR_COMPILE_CONDITION rules.yaml:7:24: error: no field `ka.vreb`
          hint: did you mean `ka.verb`?
    "#]],
    );
    check(
        &with("{name: a, fields: ka.verb}, {name: a, fields: ka.uri}"),
        expect![[r#"
        LOAD_EXCEPTION_NAME_NOT_UNIQUE rules.yaml:7:44: warning: exception `a` is there twice
          hint: only the first can be appended to: give each its own name
    "#]],
    );
    check(
        &with("{fields: ka.verb}"),
        expect![[r#"
        LOAD_ERR_YAML_VALIDATE rules.yaml:7:16: error: an exception needs a `name`
    "#]],
    );
    let append = "- rule: r\n  exceptions: [{name: a}]\n  override: {exceptions: append}\n";
    check_two(
        &with("{name: a, fields: ka.verb}"),
        append,
        expect![[r#"
        LOAD_APPEND_NO_VALUES b.yaml:2:16: warning: nothing is added to exception `a`
          hint: add `values`
    "#]],
    );
    check_two(
        &with("{name: b, fields: ka.verb}"),
        append,
        expect![[r#"
        LOAD_ERR_VALIDATE b.yaml:2:16: error: new exception `a` needs `fields` and `values`
    "#]],
    );
}

#[test]
fn exceptions_mean_what_upstream_says() {
    let text = format!(
        "{}  exceptions: [{{name: a, fields: [ka.verb, ka.uri], comps: [=, in], values: [[get, [/a, /b c]], [list, l]]}}, {{name: b, fields: ka.user.name, values: [x]}}]\n",
        rule("ka.verb = get or ka.verb = list")
    );
    let loaded = load(&[("rules.yaml", &format!("- list: l\n  items: [p, q]\n{text}"))], &Options::default());
    assert_eq!(told(&loaded), "");
    let by_hand = rule(
        "(ka.verb = get or ka.verb = list) and not ((ka.verb = get and ka.uri in (/a, '/b c')) or (ka.verb = list and ka.uri in (p, q))) and not (ka.user.name in (x))",
    );
    assert_eq!(loaded.rules[0].trigger, load(&[("", &by_hand)], &Options::default()).rules[0].trigger);
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof!["[a-z*/:.]{0,6}", "[ -~\t\n\"'\\\\]{0,6}"]
}

fn operand() -> impl Strategy<Value = Operand> {
    let field = prop_oneof![
        ("[a-c]{1,3}\\.[a-z_0]{0,1}[a-z]{1,3}").prop_map(|name| (name, None)),
        ("ka\\.[a-z]{1,3}", "[a-z/ ]{1,5}").prop_map(|(name, argument)| (name, Some(argument))),
    ];
    let field = field
        .prop_filter("a word begins with a letter", |(name, _)| !name.contains("._") && !name.contains(".0"))
        .prop_map(|(name, argument)| Operand::Field { name, argument, at: 0 });
    field.prop_recursive(3, 6, 3, |inner| {
        let argument = prop_oneof![inner.prop_map(Argument::Operand), text().prop_map(Argument::Text)];
        let name = proptest::sample::select(Transformer::ALL);
        (name, proptest::collection::vec(argument, 0..3)).prop_map(|(name, arguments)| Operand::Call {
            name,
            arguments,
            at: 0,
        })
    })
}

fn right(operator: Operator) -> BoxedStrategy<Right> {
    let list = || proptest::collection::vec(text(), 0..3);
    match operator.arity() {
        Arity::None => Just(Right::Nothing).boxed(),
        Arity::Number => {
            prop_oneof!["-?[0-9]{1,3}(\\.[0-9])?".prop_map(Right::Value), operand().prop_map(Right::Operand)]
                .boxed()
        }
        Arity::Text => prop_oneof![
            text().prop_map(Right::Value),
            operand().prop_map(Right::Operand),
            (proptest::sample::select(Quantity::ALL), list())
                .prop_map(|(quantity, list)| Right::Quantified(quantity, list)),
        ]
        .boxed(),
        Arity::List => prop_oneof![list().prop_map(Right::List), operand().prop_map(Right::Operand)].boxed(),
    }
}

fn condition() -> impl Strategy<Value = Ast> {
    let check = (operand(), proptest::sample::select(Operator::ALL))
        .prop_flat_map(|(left, operator)| (Just(left), Just(operator), right(operator)))
        .prop_map(|(left, operator, right)| Ast::Check { left, operator, right, at: 0 });
    let named = "[b-m][a-z_0-9]{0,4}".prop_map(|name| Ast::Macro { name, at: 0 });
    prop_oneof![3 => check, 1 => named].prop_recursive(4, 24, 3, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Ast::And),
            proptest::collection::vec(inner.clone(), 2..4).prop_map(Ast::Or),
            inner.prop_map(|inner| Ast::Not(Box::new(inner))),
        ]
    })
}

proptest! {
    #[test]
    fn what_is_printed_reads_back(ast in condition()) {
        let printed = ast.to_string();
        let read = parse(&printed);
        prop_assert!(read.is_ok(), "{printed}: {read:?}");
        prop_assert_eq!(read.map(|read| read.to_string()), Ok(printed));
    }

    #[test]
    fn any_condition_is_survived(text in "[ -~\\n]{0,60}") {
        let _ = load(&[("", &rule(&text))], &Options::default());
        let _ = parse(&text);
    }

    #[test]
    fn any_words_are_survived(words in proptest::collection::vec(proptest::sample::select(vec![
        "ka.verb", "=", "!=", "in", "(", ")", ",", "and", "or", "not", "m", "l", "exists", "\"a b\"", "val(", "len(", "ka.user.groups",
        ">", "1", "oneof", "glob", "regex", "[", "*", "pmatch", "<NA>",
    ]), 0..14)) {
        let text = format!("- list: l\n  items: [m, 'x y']\n- macro: m\n  condition: ka.verb in (l)\n{}", rule(&format!(">\n    {}", words.join(" "))));
        let _ = load(&[("", &text)], &Options::default());
    }
}
