//! Correlations: what each becomes, and what is said of mistakes.

use expect_test::{Expect, expect};

use super::{load, show, told};

const BASE: &str = "\
title: Denied
name: denied
logsource: {product: kubernetes}
detection: {s: {responseStatus.code: 403}, condition: s}
---
title: Allowed
name: allowed
logsource: {product: kubernetes}
detection: {s: {responseStatus.code|lt: 300}, condition: s}
---
title: Impersonated
name: impersonated
logsource: {product: kubernetes}
detection: {s: {impersonatedUser.username|exists: true}, condition: s}
---
";

/// Correlations upon [`BASE`]: the section itself, or whole documents where it begins with `title`.
fn check(correlation: &str, expected: &Expect) {
    let text = if correlation.starts_with("title") {
        format!("{BASE}{correlation}")
    } else {
        format!(
            "{BASE}title: C\nlevel: high\ncorrelation:\n{}",
            correlation.replace("; ", "\n").lines().map(|line| format!("  {line}\n")).collect::<String>()
        )
    };
    let loaded = load(&text);
    let mut out = String::new();
    for rule in &loaded.rules {
        if ["denied", "allowed", "impersonated"].contains(&rule.id.as_str()) {
            continue;
        }
        let by = rule.group_by.iter().map(show::field).collect::<Vec<_>>().join(", ");
        out += &format!("{} by [{by}]: {}\n", rule.id, show::trigger(&rule.trigger));
    }
    let enabled: Vec<&str> =
        loaded.rules.iter().filter(|rule| rule.enabled).map(|rule| rule.id.as_str()).collect();
    out += &format!("enabled: {}\n{}", enabled.join(", "), told(&loaded));
    expected.assert_eq(&out);
}

#[test]
fn counts() {
    check(
        "type: event_count; rules: [denied]; group-by: [user.username]; timespan: 5m; condition: {gte: 10}",
        &expect![[r#"
            C by [user.username]: events >= 10 in 300 s
            denied: responseStatus.code == 403
            enabled: allowed, impersonated, C
        "#]],
    );
    check(
        "type: event_count; rules: denied; timespan: 1h; condition: {gt: 3, lte: 9}; generate: true",
        &expect![[r#"
            C by []: events > 3 and <= 9 in 3600 s
            denied: responseStatus.code == 403
            enabled: denied, allowed, impersonated, C
        "#]],
    );
    check(
        "type: event_count; rules: [denied, allowed]; group-by: user.username; timespan: 30s; condition: {eq: 100}",
        &expect![[r#"
            C by [user.username]: events == 100 in 30 s
            denied or allowed: (responseStatus.code == 403 or responseStatus.code < 300)
            enabled: impersonated, C
        "#]],
    );
    check(
        "type: value_count; rules: [denied]; group-by: [user.username]; timespan: 1d; condition: {field: objectRef.namespace, gte: 5}",
        &expect![[r#"
            C by [user.username]: distinct objectRef.namespace >= 5 in 86400 s
            denied: responseStatus.code == 403
            enabled: allowed, impersonated, C
        "#]],
    );
    check(
        "type: value_count; rules: [denied]; timespan: 1d; condition: {field: [verb, resource], gte: 5}",
        &expect![[r#"
            C by []: distinct verb+objectRef.resource >= 5 in 86400 s
            denied: responseStatus.code == 403
            enabled: allowed, impersonated, C
        "#]],
    );
    check(
        "type: value_sum; rules: [denied]; timespan: 1w; condition: {field: responseObject.metadata.remainingItemCount, gt: 1.5}",
        &expect![[r#"
            C by []: sum responseObject.metadata.remainingItemCount > 1.5 in 604800 s
            denied: responseStatus.code == 403
            enabled: allowed, impersonated, C
        "#]],
    );
    check(
        "type: value_avg; rules: [denied]; timespan: 1M; condition: {field: responseStatus.code, lt: 300}",
        &expect![[r#"
            C by []: average responseStatus.code < 300 in 2629746 s
            denied: responseStatus.code == 403
            enabled: allowed, impersonated, C
            test.yml:22:14: info: without a lower bound this fires from the first event on
              hint: windows see events, not their absence
        "#]],
    );
    check(
        "type: value_percentile; rules: [denied]; timespan: 1y; condition: {field: responseStatus.code, percentile: 95, gte: 1}",
        &expect![[r#"
            C by []: percentile 95 responseStatus.code >= 1 in 31556952 s
            denied: responseStatus.code == 403
            enabled: allowed, impersonated, C
        "#]],
    );
    check(
        "type: value_median; rules: [denied]; timespan: 1m; condition: {field: responseStatus.code, gte: 1}",
        &expect![[r#"
            C by []: percentile 50 responseStatus.code >= 1 in 60 s
            denied: responseStatus.code == 403
            enabled: allowed, impersonated, C
        "#]],
    );
}

#[test]
fn sequences() {
    check(
        "type: temporal; rules: [denied, allowed]; group-by: [user.username]; timespan: 5m",
        &expect![[r#"
        C by [user.username]: in any order in 300 s
        denied: responseStatus.code == 403
        allowed: responseStatus.code < 300
        enabled: impersonated, C
    "#]],
    );
    check(
        "type: temporal_ordered; rules: [denied, allowed]; timespan: 5m",
        &expect![[r#"
        C by []: in order in 300 s
        denied: responseStatus.code == 403
        allowed: responseStatus.code < 300
        enabled: impersonated, C
    "#]],
    );
    check(
        "type: temporal; rules: [denied, allowed]; timespan: 5m; condition: {gte: 2}",
        &expect![[r#"
        C by []: in any order in 300 s
        denied: responseStatus.code == 403
        allowed: responseStatus.code < 300
        enabled: impersonated, C
    "#]],
    );
    check(
        "type: temporal; timespan: 5m; condition: denied and (allowed or impersonated)",
        &expect![[r#"
        C by []: in any order in 300 s
        denied: responseStatus.code == 403
        allowed or impersonated: (responseStatus.code < 300 or impersonatedUser.username exists)
        enabled: C
    "#]],
    );
    check(
        "type: temporal; timespan: 5m; condition: denied or (allowed and impersonated)",
        &expect![[r#"
        C by []: in any order in 300 s
        denied or allowed: (responseStatus.code == 403 or responseStatus.code < 300)
        denied or impersonated: (responseStatus.code == 403 or impersonatedUser.username exists)
        enabled: C
    "#]],
    );
    check(
        "type: temporal_ordered; timespan: 5m; condition: (denied or impersonated) and allowed",
        &expect![[r#"
            C by []: in order in 300 s
            denied or impersonated: (responseStatus.code == 403 or impersonatedUser.username exists)
            allowed: responseStatus.code < 300
            enabled: C
        "#]],
    );
    check(
        "type: temporal; timespan: 5m; condition: denied and not allowed",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:21:14: error: `not` in a correlation is not understood: that nothing happened is known only when its time is over
          hint: leave out what is harmless in the rules themselves, or with a filter
    "#]],
    );
    check(
        "type: temporal; rules: [denied, allowed]; timespan: 5m; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:22:14: error: how many of the rules is not understood, unless it is all of them
          hint: say which: `condition: rule_a and (rule_b or rule_c)`
    "#]],
    );
    check(
        "type: temporal; rules: [denied]; timespan: 5m; condition: allowed",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:20:11: error: the condition does not name the rule `denied`
        test.yml:22:14: error: `allowed` is not among the `rules`
    "#]],
    );
    check(
        "type: temporal_ordered; timespan: 5m; condition: denied or (allowed and impersonated)",
        &expect![[r#"
            enabled: denied, allowed, impersonated
            test.yml:21:14: error: in order, `or` stands between single rules only
              hint: write a correlation for each of the ways
        "#]],
    );
}

#[test]
fn aliases() {
    check(
        "type: temporal_ordered; rules: [impersonated, denied]; group-by: [who]; timespan: 5m; aliases: {who: {impersonated: impersonatedUser.username, denied: user.username}}",
        &expect![[r#"
            C by [impersonatedUser.username]: in order in 300 s
            impersonated by impersonatedUser.username: impersonatedUser.username exists
            denied by user.username: responseStatus.code == 403
            enabled: allowed, C
        "#]],
    );
    check(
        "type: event_count; rules: [impersonated, denied]; group-by: [who, verb]; timespan: 5m; condition: {gte: 3}; aliases: {who: {impersonated: impersonatedUser.username, denied: user.username}}",
        &expect![[r#"
            C by [impersonatedUser.username, verb]: events >= 3 in 300 s
            impersonated by impersonatedUser.username, verb: impersonatedUser.username exists
            denied by user.username, verb: responseStatus.code == 403
            enabled: allowed, C
        "#]],
    );
    check(
        "type: temporal; rules: [impersonated, denied]; group-by: [who]; timespan: 5m; aliases: {who: {impersonated: impersonatedUser.username}}",
        &expect![[r#"
            enabled: denied, allowed, impersonated
            test.yml:21:14: error: the alias `who` does not say which field of `denied` it is
              hint: list every rule of the correlation under the alias
        "#]],
    );
}

#[test]
fn correlations_upon_correlations() {
    let many = "title: Many\nname: many\ncorrelation: {type: event_count, rules: [denied], group-by: [user.username], timespan: 5m, condition: {gte: 10}}\n---\n";
    check(
        &format!(
            "{many}title: Then\nname: then\ncorrelation: {{type: temporal_ordered, rules: [many, allowed], group-by: [user.username], timespan: 1h}}\n"
        ),
        &expect![[r#"
            many by [user.username]: events >= 10 in 300 s
            denied: responseStatus.code == 403
            then by [user.username]: in order in 3600 s
            many: fires by user.username: events >= 10 in 300 s
              denied: responseStatus.code == 403
            allowed: responseStatus.code < 300
            enabled: impersonated, then
        "#]],
    );
    check(
        "title: A\nname: a\ncorrelation: {type: temporal, rules: [b, denied], timespan: 5m}\n---\n\
         title: B\nname: b\ncorrelation: {type: temporal, rules: [a, denied], timespan: 5m}\n",
        &expect![[r#"
            enabled: denied, allowed, impersonated
            test.yml:18:39: error: the correlation `b` cannot run
              hint: see what is said of it, or whether the two refer to each other
            test.yml:22:39: error: the correlation `a` cannot run
              hint: see what is said of it, or whether the two refer to each other
        "#]],
    );
    check(
        "title: A\nname: a\ncorrelation: {type: temporal, rules: [a], timespan: 5m}\n",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:18:39: error: the correlation refers to itself
    "#]],
    );
}

#[test]
fn mistakes() {
    check(
        "type: event_cuont; rules: [denied]; timespan: 5m; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:19:9: error: unknown type `event_cuont` of a correlation
          hint: did you mean `event_count`?
    "#]],
    );
    check(
        "rules: [denied]; timeframe: 5m; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:19:3: error: no `type`
          hint: one of event_count, value_count, temporal, temporal_ordered, value_sum, value_avg, value_percentile, value_median
        test.yml:19:3: error: no `timespan`
          hint: such as `5m`: the window in which to count
        test.yml:20:3: error: unknown key `timeframe` of a correlation
          hint: did you mean `timespan`?
    "#]],
    );
    check(
        "type: event_count; rules: [denyed]; timespan: 5m; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:20:11: error: no rule has the id or name `denyed`
          hint: did you mean `denied`?
    "#]],
    );
    check(
        "type: event_count; rules: [denied]; timespan: 5 minutes; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:21:13: error: not a time span
          hint: a number and one of s, m, h, d, w, M, y: `5m`; more than nothing, and at most a year
    "#]],
    );
    check(
        "type: event_count; rules: [denied]; timespan: 0s; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:21:13: error: not a time span
          hint: a number and one of s, m, h, d, w, M, y: `5m`; more than nothing, and at most a year
    "#]],
    );
    check(
        "type: event_count; rules: [denied]; timespan: 99999999999999999999y; condition: {gte: 1}",
        &expect![[r#"
            enabled: denied, allowed, impersonated
            test.yml:21:13: error: not a time span
              hint: a number and one of s, m, h, d, w, M, y: `5m`; more than nothing, and at most a year
        "#]],
    );
    check(
        "type: event_count; rules: [denied]; timespan: 5m",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:19:3: error: no `condition`
          hint: such as `condition: {gte: 10}`
    "#]],
    );
    check(
        "type: event_count; rules: [denied]; timespan: 5m; condition: {min: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:22:15: error: unknown key `min` of a condition
          hint: one of gt, gte, lt, lte, eq, neq
    "#]],
    );
    check(
        "type: event_count; rules: [denied]; timespan: 5m; condition: {gte: many}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:22:20: error: expected a number
    "#]],
    );
    check(
        "type: event_count; rules: [denied]; timespan: 5m; condition: {lt: 5}",
        &expect![[r#"
        C by []: events < 5 in 300 s
        denied: responseStatus.code == 403
        enabled: allowed, impersonated, C
        test.yml:22:14: info: without a lower bound this fires from the first event on
          hint: windows see events, not their absence
    "#]],
    );
    check(
        "type: event_count; rules: []; timespan: 5m; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:19:3: error: no `rules`
          hint: list the ids or names of the rules whose events are meant
    "#]],
    );
    check(
        "type: value_count; rules: [denied]; timespan: 5m; condition: {gte: 1}",
        &expect![[r#"
        enabled: denied, allowed, impersonated
        test.yml:22:14: error: `value_count` needs a `field` in its `condition`
          hint: whose values are meant: `condition: {field: objectRef.namespace, gte: 3}`
    "#]],
    );
    check(
        "type: value_percentile; rules: [denied]; timespan: 5m; condition: {field: verb, percentile: 101, gte: 1}",
        &expect![[r#"
            enabled: denied, allowed, impersonated
            test.yml:22:14: error: `value_percentile` needs a `percentile` from 0 to 100 in its `condition`
        "#]],
    );
    check(
        "title: Broken\nname: broken\nlogsource: {product: kubernetes}\ndetection: {s: {verb|x: get}, condition: s}\n---\n\
         title: C\ncorrelation: {type: event_count, rules: [broken], timespan: 5m, condition: {gte: 1}}\n",
        &expect![[r#"
            enabled: denied, allowed, impersonated
            test.yml:19:17: error: unknown modifier `x`
            test.yml:22:42: error: the rule `broken` was refused
              hint: see what is said of it
        "#]],
    );
}
