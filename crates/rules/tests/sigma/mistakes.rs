//! What is said of mistakes, and where.

use expect_test::{Expect, expect};

use super::{load, rule, told};

/// A detection; the text says itself how many rules are left.
fn check(detection: &str, expected: &Expect) {
    let loaded = load(&rule(detection));
    let runs = if loaded.rules.is_empty() { "refused" } else { "runs" };
    expected.assert_eq(&format!("{runs}\n{}", told(&loaded)));
}

#[test]
fn modifiers() {
    check(
        "s: {verb|contain: get}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:7: error: unknown modifier `contain`
          hint: did you mean `contains`?
    "#]],
    );
    check(
        "s: {verb|not: get}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:7: error: unknown modifier `not`
          hint: `neq` negates the match of a field
    "#]],
    );
    check(
        "s: {verb|i: get}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:15: error: `i` belongs behind `re`
          hint: as in `field|re|i`
    "#]],
    );
    check(
        "s: {verb|contains|re: get}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:25: error: `re` takes a value that no other modifier has changed
          hint: write it first
    "#]],
    );
    check(
        "s: {verb|re: 'a(?!b)'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:16: error: not a regular expression that is understood here: look-around, including look-ahead and look-behind, is not supported
          hint: match what must be there, and put the rest into a search of its own with `not` before it in the condition
    "#]],
    );
    check(
        "s: {verb|re: '(a)\\1'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:16: error: not a regular expression that is understood here: backreferences are not supported
          hint: write out what is repeated
    "#]],
    );
    check(
        "s: {verb|re: '(a'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:16: error: not a regular expression that is understood here: unclosed group
    "#]],
    );
    check(
        "s: {sourceIPs|cidr: [10.0.0.0/33, localhost]}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:24: error: `10.0.0.0/33` is no network
          hint: as in `10.0.0.0/8`, `fd00::/8` or `192.0.2.7`
        test.yml:4:37: error: `localhost` is no network
          hint: as in `10.0.0.0/8`, `fd00::/8` or `192.0.2.7`
    "#]],
    );
    check(
        "s: {verb|exists: yes please}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:20: error: `exists` takes `true` or `false`
    "#]],
    );
    check(
        "s: {responseStatus.code|gt: many}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:31: error: only a number can be compared in size, not a text
    "#]],
    );
    check(
        "s: {user.username|expand: '%users%'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:29: error: the placeholder `%users%` is not configured
          hint: say in a file of settings what it stands for: `placeholders: {users: [...]}`
    "#]],
    );
    check(
        "s: {user.username|expand: '%admin%'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:29: error: the placeholder `%admin%` is not configured
          hint: did you mean `%admins%`?
    "#]],
    );
    check(
        "s: {user.username|expand: '%nobody%'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:29: error: a placeholder stands for no value, or for too many
    "#]],
    );
    check(
        "s: {userAgent|wide: sh}\ncondition: s",
        &expect![[r#"
        runs
    "#]],
    );
    check(
        "s: {userAgent|utf16: sh}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:24: error: UTF-16 is no text that an event could have
          hint: encode it further, with `base64` or `base64offset`
    "#]],
    );
    check(
        "s: {userAgent|base64: 's*h'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:25: error: a value with wildcards cannot be encoded
          hint: escape them as `\*` and `\?`; `contains` stands behind the encoding
    "#]],
    );
    check(
        "s: {userAgent|fieldref: 'u*'}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:27: error: `fieldref` takes the name of a field
          hint: without wildcards; `contains` and its like stand behind it
    "#]],
    );
    check(
        "s:\n  '|gte': 4\ncondition: s",
        &expect![[r#"
        refused
        test.yml:5:13: error: this modifier needs a field before it
    "#]],
    );
}

#[test]
fn values() {
    check(
        "s: {verb: []}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:13: error: an empty list of values
    "#]],
    );
    check(
        "s: {verb: [get, null]}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:19: error: `null` may not stand in a list
          hint: give it a search of its own
    "#]],
    );
    check(
        "s: {objectRef: {resource: pods}}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:18: error: a mapping is no value
          hint: write the whole way as the name of the field: `objectRef.resource: pods`
    "#]],
    );
    check(
        "s: {verb: [[get]]}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:14: error: a list in a list has no meaning
    "#]],
    );
    check(
        "s: {}\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:6: error: an empty search
    "#]],
    );
    check(
        "s: []\ncondition: s",
        &expect![[r#"
        refused
        test.yml:4:6: error: an empty search
    "#]],
    );
}

#[test]
fn conditions() {
    check(
        "s: {verb: get}",
        &expect![[r#"
        refused
        test.yml:4:3: error: no `condition`
    "#]],
    );
    check(
        "s: {verb: get}\ncondtion: s",
        &expect![[r#"
        refused
        test.yml:4:3: error: no `condition`
          hint: is `condtion` meant to be it?
    "#]],
    );
    check(
        "selection: {verb: get}\ncondition: selektion",
        &expect![[r#"
            refused
            test.yml:5:14: error: no search is called `selektion`
              hint: did you mean `selection`?
        "#]],
    );
    check(
        "selection: {verb: get}\ncondition: \"selection and (not selection\"",
        &expect![[r#"
            refused
            test.yml:5:29: error: a `(` without its `)`
        "#]],
    );
    check(
        "s: {verb: get}\ncondition: s | count() by user.username > 5",
        &expect![[r#"
            refused
            test.yml:5:16: error: conditions with `|` are not read any more
              hint: aggregations became rules of their own: a document with `correlation`, of type `event_count` or `value_count`
        "#]],
    );
    check(
        "s: {verb: get}\ncondition: 1 of filter_*",
        &expect![[r#"
            refused
            test.yml:5:19: error: no search is meant by `filter_*`
        "#]],
    );
    check(
        "s: {verb: get}\nt: {verb: list}\ncondition: s",
        &expect![[r#"
        runs
        test.yml:5:3: warning: the condition does not ask for `t`
          hint: name it there, or take it out
    "#]],
    );
    check(
        "s: {verb: get}\ntimeframe: 5m\ncondition: s",
        &expect![[r#"
        runs
        test.yml:5:14: warning: `timeframe` has no meaning without an aggregation
          hint: windows are said in a document with `correlation`, as its `timespan`
    "#]],
    );
    check(
        "s: {verb: get}\ncondition: {a: b}",
        &expect![[r#"
            refused
            test.yml:5:14: error: a condition is a text, such as `selection and not filter`
        "#]],
    );
    check(
        "s: {verb: get}\ncondition: |\n  s and\n  t",
        &expect![[r#"
            refused
            test.yml:5:14: error: no search is called `t`
        "#]],
    );
}

#[test]
fn what_can_hardly_match() {
    check(
        "s: {responseStatus.code: ALLOW}\ncondition: s",
        &expect![[r#"
        runs
        test.yml:4:28: warning: the code is a number, so `ALLOW` can never be it
          hint: what the authorizer decided stands in `annotations.authorization.k8s.io/decision`, as `allow` or `forbid`
    "#]],
    );
    check(
        "s: {verb: [create, replace]}\ncondition: s",
        &expect![[r#"
        runs
        test.yml:4:22: info: `replace` is no verb of Kubernetes
    "#]],
    );
    check(
        "s: {verb: create, objectRef.resource: pods, objectRef.subresource: exec}\ncondition: s",
        &expect![[r#"
            runs
            test.yml:4:13: info: clients open this with `get` too
              hint: `kubectl` sends `get` (WebSocket) since 1.30, `create` (SPDY) before: list both verbs
        "#]],
    );
    check(
        "s: {verb: delete, objectRef.resource: events}\ncondition: s",
        &expect![[r#"
        runs
        test.yml:4:13: info: `deletecollection` deletes too, and is not asked for
          hint: list both verbs
    "#]],
    );
    check(
        "s: {stage: Responsecomplete, level: Metdata}\ncondition: s",
        &expect![[r#"
        runs
        test.yml:4:39: info: `Metdata` is no level
          hint: did you mean `Metadata`?
    "#]],
    );
    check(
        "s: {objectref.resource: pods, Image: x}\ncondition: s",
        &expect![[r#"
        runs
        test.yml:4:7: info: no audit event has a field `objectref.resource`
          hint: did you mean `objectRef.resource`?
        test.yml:4:33: info: no audit event has a field `Image`
          hint: did you mean `stage`?
    "#]],
    );
}
