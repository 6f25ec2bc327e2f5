//! How a predicate is said of columns. That it is the same predicate is the property test's business.

use std::collections::BTreeMap;

use auditward_scan::lower::lower;
use expect_test::{Expect, expect};

fn check(text: &str, expect: Expect) {
    let expr = auditward_expr::parse(text, &BTreeMap::new()).unwrap();
    let lowered = lower(&expr).unwrap();
    let mut out = String::from(if lowered.exact { "exact\n" } else { "asked\n" });
    for plain in &lowered.plain {
        out += &format!("{plain}\n");
    }
    expect.assert_eq(&out);
}

#[test]
fn comparisons_of_columns() {
    check(
        r#"verb == "delete""#,
        expect![[r#"
            exact
            verb = Utf8View("delete")
        "#]],
    );
    check(
        r#"verb != "delete""#,
        expect![[r#"
            exact
            NOT verb = Utf8View("delete") OR verb IS NULL
        "#]],
    );
    check(
        r#"verb in ["get", "list"]"#,
        expect![[r#"
            exact
            verb IN ([Utf8View("get"), Utf8View("list")])
        "#]],
    );
    check(
        r#"not verb in ["get", "list"]"#,
        expect![[r#"
            exact
            verb NOT IN ([Utf8View("get"), Utf8View("list")]) OR verb IS NULL
        "#]],
    );
    check(
        "code >= 400",
        expect![[r#"
            exact
            code >= Int32(400)
        "#]],
    );
    check(
        r#"user startswith "system:""#,
        expect![[r#"
            exact
            username LIKE Utf8View("system:%")
        "#]],
    );
    check(
        r#"user like "system:*""#,
        expect![[r#"
            exact
            username LIKE Utf8View("system:%")
        "#]],
    );
    check(
        r#"user like "*:admin""#,
        expect![[r#"
            exact
            value_matches(username)
        "#]],
    );
    check(
        "exists namespace",
        expect![[r#"
            exact
            namespace IS NOT NULL
        "#]],
    );
    check(
        "not exists namespace",
        expect![[r#"
            exact
            namespace IS NULL
        "#]],
    );
    check(
        r#"groups == "system:masters""#,
        expect![[r#"
            exact
            array_has(user_groups, Utf8View("system:masters"))
        "#]],
    );
    check(
        r#"user contains "admin""#,
        expect![[r#"
            exact
            value_matches(username)
        "#]],
    );
    check(
        r#"sourceIP within ["10.0.0.0/8"]"#,
        expect![[r#"
            exact
            value_matches(source_ip)
        "#]],
    );
    check(
        r#"groups == "a" and not (verb == "get" or code == 200)"#,
        expect![[r#"
            exact
            array_has(user_groups, Utf8View("a"))
            NOT verb = Utf8View("get") OR verb IS NULL
            NOT code = Int32(200) OR code IS NULL
        "#]],
    );
}

#[test]
fn parts_of_an_event() {
    check(
        r#"actor == "person" and verb == "get""#,
        expect![[r#"
            asked
            verb = Utf8View("get")
            event_matches(user_groups, username)
        "#]],
    );
    check(
        "object.spec.hostNetwork == true",
        expect![[r#"
            asked
            event_matches(request_object, verb)
        "#]],
    );
    check(
        r#"verb == "get" or actor == "person""#,
        expect![[r#"
            asked
            event_matches(user_groups, username, verb)
        "#]],
    );
    check(
        r#"not (verb == "get" and actor == "person")"#,
        expect![[r#"
            asked
            event_matches(user_groups, username, verb)
        "#]],
    );
    check(
        r#"not (verb == "get" or actor == "person")"#,
        expect![[r#"
            asked
            NOT verb = Utf8View("get") OR verb IS NULL
            event_matches(user_groups, username)
        "#]],
    );
}
