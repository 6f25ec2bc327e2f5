//! Texts made to hurt: they end in a verdict, in bounded time and memory.

use std::time::{Duration, Instant};

use auditward_rules::sigma::{BYTES_MAX, FINDINGS_MAX, Loaded};

use super::{load, rule};

/// Generous, since tests run unoptimized and beside others: without the bounds these take hours or all memory.
const TIME_MAX: Duration = Duration::from_mins(3);

fn check(name: &str, text: &str) -> Loaded {
    let start = Instant::now();
    let loaded = load(text);
    let took = start.elapsed();
    assert!(took < TIME_MAX, "{name} took {took:?}");
    assert!(loaded.findings.len() <= FINDINGS_MAX, "{name}");
    loaded
}

#[test]
fn too_large() {
    let loaded = check("spaces", &" ".repeat(BYTES_MAX + 1));
    assert!(loaded.has_errors() && loaded.rules.is_empty());
}

#[test]
fn long_lists() {
    let values: Vec<String> = (0..90_000).map(|i| format!("v{i}")).collect();
    let loaded = check("list", &rule(&format!("s: {{verb: [{}]}}\ncondition: s", values.join(","))));
    assert_eq!(loaded.rules.len(), 1, "{}", super::told(&loaded));
    let loaded = check("keywords", &rule(&format!("s: [{}]\ncondition: s", values.join(","))));
    assert_eq!(loaded.rules.len(), 1, "{}", super::told(&loaded));
    let wild: Vec<String> = (0..40_000).map(|i| format!("'*a*{i}?'")).collect();
    let loaded = check("wildcards", &rule(&format!("s: {{verb: [{}]}}\ncondition: s", wild.join(","))));
    assert_eq!(loaded.rules.len(), 1, "{}", super::told(&loaded));
}

#[test]
fn what_names_repeat_is_bounded() {
    let values: Vec<String> = (0..1000).map(|i| format!("'*{i}'")).collect();
    let search = format!("s: {{verb: [{}]}}\n", values.join(","));
    let names = vec!["s"; 20_000].join(" and ");
    let loaded = check("one condition", &rule(&format!("{search}condition: {names}")));
    assert!(loaded.has_errors() && loaded.rules.is_empty());
    let list = vec!["s"; 100_000].join(",");
    let loaded = check("many conditions", &rule(&format!("{search}condition: [{list}]")));
    assert!(loaded.has_errors() && loaded.rules.is_empty());
    // Each rule is small enough, together they are not.
    let names = vec!["s"; 90].join(" or ");
    let one = rule(&format!("s: {{verb: [{}]}}\ncondition: {names}\n", values.join(",")));
    let all: Vec<String> = (0..100).map(|i| one.replace("title: Test", &format!("title: T{i}"))).collect();
    let loaded = check("many rules", &all.join("---\n"));
    assert!(loaded.has_errors() && loaded.rules.len() < 100);
}

#[test]
fn filters_and_correlations_that_repeat_are_bounded() {
    let values: Vec<String> = (0..20_000).map(|i| format!("'*{i}'")).collect();
    let big = rule(&format!("s: {{verb: [{}]}}\ncondition: s\n", values.join(",")));
    let correlations: String = (0..2000)
        .map(|i| format!("---\ntitle: C{i}\ncorrelation: {{type: event_count, rules: [big], timespan: 5m, condition: {{gte: 1}}}}\n"))
        .collect();
    let loaded = check("correlations", &format!("name: big\n{big}{correlations}"));
    assert!(loaded.has_errors());
    let filter = format!(
        "title: F\nlogsource: {{product: kubernetes}}\nfilter: {{rules: any, s: {{verb: [{}]}}, condition: not s}}\n",
        values.join(",")
    );
    let rules: String = (0..2000)
        .map(|i| format!("---\n{}", rule("s: {verb: get}\ncondition: s").replace("Test", &format!("T{i}"))))
        .collect();
    let loaded = check("filters", &format!("{filter}{rules}"));
    assert!(loaded.has_errors());
    let chain: String = (0..3000)
        .map(|i| format!("---\ntitle: C{i}\nname: c{i}\ncorrelation: {{type: temporal, rules: [c{}, c{}], timespan: 5m}}\n", i + 1, i + 2))
        .collect();
    assert!(check("a chain", &chain).has_errors());
}

#[test]
fn much_to_say_is_no_refusal() {
    let fields: String = (0..1000).map(|i| format!("  unknown{i}: x\n")).collect();
    let loaded = check("fields", &rule(&format!("s:\n{fields}condition: s")));
    assert_eq!(loaded.rules.len(), 1, "{}", super::told(&loaded));
}

#[test]
fn deep_texts() {
    for (name, condition) in [
        ("not", format!("{}s", "not ".repeat(15_000))),
        ("parentheses", format!("{}s{}", "(".repeat(15_000), ")".repeat(15_000))),
        ("long", "s or ".repeat(100_000) + "s"),
    ] {
        let loaded = check(name, &rule(&format!("s: {{verb: get}}\ncondition: {condition}")));
        assert!(loaded.has_errors() && loaded.rules.is_empty(), "{name}");
    }
    check("lists", &"[".repeat(100_000));
    check("mappings", &"{a: ".repeat(100_000));
}

#[test]
fn regular_expressions() {
    let bomb = |expression: &str, count: usize| {
        let each = format!("'{expression}'");
        rule(&format!("s: {{verb|re: [{}]}}\ncondition: s", vec![each; count].join(",")))
    };
    for expression in [r"((\w{100}){100}){100}", r"(a{1000}){1000}", r"(?i)(\pL{50}){50}"] {
        let loaded = check(expression, &bomb(expression, 1));
        assert!(loaded.has_errors(), "{expression}");
    }
    let loaded = check("many", &bomb("a+b", 20_000));
    assert!(loaded.has_errors());
    let nested = format!("{}a{}", "(".repeat(3000), ")".repeat(3000));
    assert!(check("nested", &bomb(&nested, 1)).has_errors());
}

#[test]
fn aliases_of_yaml() {
    let mut bomb =
        String::from("title: T\nlogsource: {product: kubernetes}\na0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for i in 1..9 {
        bomb += &format!("a{i}: &a{i} [{}]\n", vec![format!("*a{}", i - 1); 10].join(", "));
    }
    bomb += "detection: {s: {verb: *a8}, condition: s}\n";
    assert!(check("billion laughs", &bomb).has_errors());
    let mut global = String::from("action: global\nlogsource: {product: kubernetes}\nx: [");
    global += &"a, ".repeat(5000);
    global += "]\n";
    global += &"---\ntitle: T\n".repeat(20_000);
    assert!(check("global", &global).has_errors());
}

#[test]
fn placeholders_multiply() {
    let text = "%admins%".repeat(100);
    let loaded =
        check("placeholders", &rule(&format!("s: {{user.username|expand: '{text}'}}\ncondition: s")));
    assert!(loaded.has_errors());
}

#[test]
fn many_mistakes() {
    let keys: String = (0..40_000).map(|i| format!("  f{i}|x: a\n")).collect();
    check(
        "modifiers",
        &format!("title: T\nlogsource: {{product: kubernetes}}\ndetection:\n s:\n{keys} condition: s\n"),
    );
    let names: String = (0..900).map(|i| format!("  name_of_a_search_{i}: {{verb: get}}\n")).collect();
    let wrong = vec!["name_of_a_serch"; 3000].join(" and ");
    check(
        "names",
        &format!("title: T\nlogsource: {{product: kubernetes}}\ndetection:\n{names}  condition: {wrong}\n"),
    );
    let rules: String =
        (0..8000).map(|i| format!("---\ntitel: T{i}\nlogsorce: {{}}\ndetecton: {{}}\n")).collect();
    let loaded = check("documents", &rules);
    assert_eq!(loaded.findings.len(), FINDINGS_MAX);
    let rules: String = (0..5000)
        .map(|i| format!("---\ntitle: T{i}\nlogsource: {{product: kubernetes}}\ndetection: {{s: {{unknown.field{i}: x}}, condition: s}}\n"))
        .collect();
    check("fields", &rules);
}
