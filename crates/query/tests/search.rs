//! What is written is read, what is read is printed, and what is wrong is told.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test stops at surprises and reads better so"
)]

use auditward_event::{EventView, MicroTime};
use auditward_expr::Subject;
use auditward_query::{Matcher, RuleHead, Search, parse};
use expect_test::{Expect, expect};

fn now() -> MicroTime {
    "2026-11-26T14:30:00.000000Z".parse().unwrap()
}

/// `as it is printed → the expression`, or what is said against it: `start..end: message (hint)`.
fn check(text: &str, expected: Expect) {
    let shown = match parse(text, now()) {
        Ok(search) => {
            let printed = search.print();
            assert_eq!(parse(&printed, MicroTime::GO_ZERO).as_ref(), Ok(&search), "{printed}");
            format!("{printed} → {}", search.expr)
        }
        Err(findings) => {
            let lines = findings.iter().map(|f| {
                assert!(text.is_char_boundary(f.span.start) && text.is_char_boundary(f.span.end));
                match f.hint.as_str() {
                    "" => format!("{:?}: {}", f.span, f.message),
                    hint => format!("{:?}: {} ({hint})", f.span, f.message),
                }
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&shown);
}

#[test]
fn fields_and_values() {
    check("", expect![" → true"]);
    check("verb:delete", expect![[r#"verb:delete → verb == "delete""#]]);
    check(
        "verb:delete resource:secrets ns:prod user:alice* code:>=400",
        expect![[
            r#"verb:delete resource:secrets ns:prod user:alice* code:>=400 → verb == "delete" and resource == "secrets" and namespace == "prod" and user like "alice*" and code >= 400"#
        ]],
    );
    check(
        "level:RequestResponse ip:10.0.0.0/8",
        expect![[
            r#"level:RequestResponse ip:10.0.0.0/8 → level == "RequestResponse" and sourceIPs[*] within ["10.0.0.0/8"]"#
        ]],
    );
    check(
        "level:>=request level:<Metadata",
        expect![[
            r#"level:(Request OR RequestResponse) level:None → level in ["Request", "RequestResponse"] and level == "None""#
        ]],
    );
    check(
        "user:system:serviceaccount:kube-system:x",
        expect![[
            r#"user:system:serviceaccount:kube-system:x → user == "system:serviceaccount:kube-system:x""#
        ]],
    );
    check(
        "USER:alice Namespace:prod api_group:apps",
        expect![[
            r#"user:alice ns:prod apiGroup:apps → user == "alice" and namespace == "prod" and apiGroup == "apps""#
        ]],
    );
    check(
        "user:\"alice*\" user:alice\\* user:a\\ b user:'x y'",
        expect![[
            r#"user:alice\* user:alice\* user:"a b" user:"x y" → user == "alice*" and user == "alice*" and user == "a b" and user == "x y""#
        ]],
    );
    check(
        "user:* -as:* uid:\"\"",
        expect![[
            r#"user:* -as:* uid:"" → exists user and not exists impersonatedUser.username and user.uid == """#
        ]],
    );
    check(
        "code:403 code:400..499 code:4*",
        expect![[
            r#"code:403 code:400..499 code:4* → code == 403 and (code >= 400 and code <= 499) and code like "4*""#
        ]],
    );
    check(
        "body.spec.replicas:1..3 response.code:400..499 body.a:\"1..3\"",
        expect![[
            r#"body.spec.replicas:1..3 response.code:400..499 body.a:"1..3" → (object.spec.replicas >= 1 and object.spec.replicas <= 3) and (responseObject.code >= 400 and responseObject.code <= 499) and object.a == "1..3""#
        ]],
    );
    check(
        "body.spec.replicas:(1..3 OR 7)",
        expect![[
            r#"body.spec.replicas:1..3 OR body.spec.replicas:7 → object.spec.replicas >= 1 and object.spec.replicas <= 3 or object.spec.replicas equals "7""#
        ]],
    );
    check(
        "actor:person outcome:DENIED impersonated:true exec.command:*sh*",
        expect![[
            r#"actor:person outcome:denied impersonated:true exec.command:*sh* → actor == "person" and outcome == "denied" and impersonated == true and exec.command like "*sh*""#
        ]],
    );
    check(
        "id:x uri:/api/v1/nodes/*/proxy* agent:curl/*",
        expect![[
            r#"id:x uri:/api/v1/nodes/*/proxy* agent:curl/* → auditID == "x" and requestURI like "/api/v1/nodes/*/proxy*" and userAgent like "curl/*""#
        ]],
    );
    check(
        "time:<2026-11-26T14:00Z received:>=today",
        expect![[
            r#"time:<2026-11-26T14:00:00.000000Z received:>=2026-11-26T00:00:00.000000Z → stageTimestamp text < "2026-11-26T14:00:00.000000Z" and requestReceivedTimestamp text >= "2026-11-26T00:00:00.000000Z""#
        ]],
    );
    check(
        "objectRef.resource:pods requestURI:/x user.username:a",
        expect![[
            r#"resource:pods uri:/x user:a → resource == "pods" and requestURI == "/x" and user == "a""#
        ]],
    );
}

#[test]
fn lists() {
    check("verb:(create OR update)", expect![[r#"verb:(create OR update) → verb in ["create", "update"]"#]]);
    check(
        "verb:(create, update patch)",
        expect![[r#"verb:(create OR update OR patch) → verb in ["create", "update", "patch"]"#]],
    );
    check("user:(a* OR b)", expect![[r#"user:a* OR user:b → user like "a*" or user == "b""#]]);
    check("verb:(create)", expect![[r#"verb:create → verb == "create""#]]);
    check("-code:(401 OR 403)", expect!["-(code:401 OR code:403) → not (code == 401 or code == 403)"]);
    check(
        "ip:(10.0.0.0/8 OR fd00::/8)",
        expect![[r#"ip:(10.0.0.0/8 OR fd00::/8) → sourceIPs[*] within ["10.0.0.0/8", "fd00::/8"]"#]],
    );
    check(
        "body.a:(1 OR \"1\")",
        expect![[r#"body.a:1 OR body.a:"1" → object.a equals "1" or object.a == "1""#]],
    );
    check("body.a:(1 OR x)", expect![[r#"body.a:(1 OR x) → object.a in ["1", "x"]"#]]);
}

#[test]
fn resources() {
    check(
        "resource:pods/exec",
        expect![[r#"resource:pods/exec → resource == "pods" and subresource == "exec""#]],
    );
    check(
        "resource:pods/exec verb:create",
        expect![[
            r#"resource:pods/exec verb:create → (resource == "pods" and subresource == "exec") and verb == "create""#
        ]],
    );
    check(
        "resource:deployments.apps/scale",
        expect![[
            r#"resource:deployments.apps/scale → resource == "deployments" and apiGroup == "apps" and subresource == "scale""#
        ]],
    );
    check(
        "resource:*/status OR resource:pods/*",
        expect![[
            r#"resource:*/status OR resource:pods/* → exists resource and subresource == "status" or resource == "pods" and exists subresource"#
        ]],
    );
    check(
        "resource:(pods/exec OR secrets)",
        expect![[
            r#"resource:pods/exec OR resource:secrets → resource == "pods" and subresource == "exec" or resource == "secrets""#
        ]],
    );
    check(
        "resource:(pods OR secrets)",
        expect![[r#"resource:(pods OR secrets) → resource in ["pods", "secrets"]"#]],
    );
    check(
        "resource:\"a/b\" -resource:pod*",
        expect![[r#"resource:"a/b" -resource:pod* → resource == "a/b" and not resource like "pod*""#]],
    );
    check(
        "resource:pods/ resource:/exec",
        expect![[r#"
        9..14: `pods/` lacks a part (write `pods/exec`, `deployments.apps`, or `*/exec`)
        24..29: `/exec` lacks a part (write `pods/exec`, `deployments.apps`, or `*/exec`)"#]],
    );
}

#[test]
fn bodies() {
    check(
        "body.spec.hostNetwork:true",
        expect![[r#"body.spec.hostNetwork:true → object.spec.hostNetwork equals "true""#]],
    );
    check(
        "body.spec.containers.image:nginx* body.spec.containers:*",
        expect![[
            r#"body.spec.containers[*].image:nginx* body.spec.containers:* → object.spec.containers[*].image like "nginx*" and exists object.spec.containers"#
        ]],
    );
    check(
        "body.spec.containers[0].image:x body.spec.containers[*].image:x",
        expect![[
            r#"body.spec.containers[0].image:x body.spec.containers[*].image:x → object.spec.containers[0].image equals "x" and object.spec.containers[*].image equals "x""#
        ]],
    );
    check(
        "body.metadata.labels.app.kubernetes.io/name:web",
        expect![[
            r#"body.metadata.labels["app.kubernetes.io/name"]:web → object.metadata.labels["app.kubernetes.io/name"] equals "web""#
        ]],
    );
    check(
        "body.metadata.annotations[\"a b\"]:x",
        expect![[r#"body.metadata.annotations["a b"]:x → object.metadata.annotations["a b"] equals "x""#]],
    );
    check(
        "annotations.authorization.k8s.io/decision:forbid",
        expect![[
            r#"annotations["authorization.k8s.io/decision"]:forbid → annotations["authorization.k8s.io/decision"] == "forbid""#
        ]],
    );
    check(
        "body.spec.replicas:>10 response.kind:Secret",
        expect![[
            r#"body.spec.replicas:>10 response.kind:Secret → object.spec.replicas > 10 and responseObject.kind equals "Secret""#
        ]],
    );
    check(
        "container.image:*miner* pod.hostNetwork:true query.fieldManager:kubectl*",
        expect![[
            r#"container.image:*miner* pod.hostNetwork:true query.fieldManager:kubectl* → container.image like "*miner*" and pod.hostNetwork equals "true" and query.fieldManager like "kubectl*""#
        ]],
    );
    check(
        "body.rules.verbs:\"*\"",
        expect![[r#"body.rules[*].verbs[*]:"*" → object.rules[*].verbs[*] == "*""#]],
    );
    check(
        "user.extra.scopes.example.com/x:y user.groups:z",
        expect![[
            r#"user.extra["scopes.example.com/x"][*]:y group:z → user.extra["scopes.example.com/x"][*] equals "y" and groups == "z""#
        ]],
    );
    check(
        "body:* -requestObject:*",
        expect!["body:* -requestObject:* → exists object and not exists requestObject"],
    );
}

#[test]
fn texts() {
    check("xmrig", expect![[r#""xmrig" → anywhere icontains "xmrig""#]]);
    check(
        "\"rm -rf /\" -'it\"s'",
        expect![[
            r#""rm -rf /" -"it\"s" → anywhere icontains "rm -rf /" and not anywhere icontains "it\"s""#
        ]],
    );
    check(
        "text:xmrig text:(a OR b)",
        expect![[
            r#""xmrig" ("a" OR "b") → anywhere icontains "xmrig" and (anywhere icontains "a" or anywhere icontains "b")"#
        ]],
    );
    check(
        "foo*bar *foo* foo\\*",
        expect![[
            r#"*foo*bar* "foo" "foo*" → anywhere ilike "*foo*bar*" and anywhere icontains "foo" and anywhere icontains "foo*""#
        ]],
    );
    check("*", expect![" → true"]);
    check(
        "10:30 a-b",
        expect![[r#""10:30" "a-b" → anywhere icontains "10:30" and anywhere icontains "a-b""#]],
    );
}

#[test]
fn logic() {
    check(
        "verb:get user:a OR verb:list",
        expect![[r#"verb:get user:a OR verb:list → verb == "get" and user == "a" or verb == "list""#]],
    );
    check(
        "verb:get AND (user:a OR user:b)",
        expect![[r#"verb:get (user:a OR user:b) → verb == "get" and (user == "a" or user == "b")"#]],
    );
    check(
        "NOT (verb:get OR verb:list) -user:a",
        expect![[
            r#"-(verb:get OR verb:list) -user:a → not (verb == "get" or verb == "list") and user != "a""#
        ]],
    );
    check(
        "--verb:get NOT -verb:get",
        expect![[r#"--verb:get --verb:get → not verb != "get" and not verb != "get""#]],
    );
    check(
        "(verb:get user:a) ns:x",
        expect![[r#"(verb:get user:a) ns:x → (verb == "get" and user == "a") and namespace == "x""#]],
    );
    check(
        "(a OR b) OR c",
        expect![[
            r#"("a" OR "b") OR "c" → (anywhere icontains "a" or anywhere icontains "b") or anywhere icontains "c""#
        ]],
    );
    check(
        "where:'some container (.securityContext.privileged)' verb:create",
        expect![[
            r#"where:"some container (.securityContext.privileged == true)" verb:create → some container (.securityContext.privileged == true) and verb == "create""#
        ]],
    );
}

#[test]
fn time_and_cluster() {
    check("since:2h", expect!["since:2026-11-26T12:30:00.000000Z → true"]);
    check(
        "since:2h until:2026-11-26T14:00:00Z verb:get OR verb:list",
        expect![[
            r#"since:2026-11-26T12:30:00.000000Z until:2026-11-26T14:00:00.000000Z (verb:get OR verb:list) → verb == "get" or verb == "list""#
        ]],
    );
    check(
        "cluster:prod -cluster:(a OR b*) verb:get",
        expect![[r#"cluster:prod -cluster:(a OR b*) verb:get → verb == "get""#]],
    );
    check(
        "since:1h cluster:* (a OR b)",
        expect![[
            r#"since:2026-11-26T13:30:00.000000Z cluster:* ("a" OR "b") → anywhere icontains "a" or anywhere icontains "b""#
        ]],
    );
}

#[test]
fn what_is_wrong_is_told_all_at_once() {
    check(
        "vreb:get cod:>=x code:>=x level:foo",
        expect![[r#"
        0..4: unknown field `vreb` (did you mean `verb:`?)
        9..12: unknown field `cod` (did you mean `code:`?)
        22..25: `x` is no number (`<` and `>` compare numbers)
        32..35: `level` is never `foo` (it is one of None, Metadata, Request, RequestResponse)"#]],
    );
    check(
        "verb: get",
        expect![[
            r#"5..5: a value is missing (a value follows the colon without a blank; `*` is any value, `""` the empty text)"#
        ]],
    );
    check(
        "verb=get code>=400 user!=x",
        expect![[r#"
        0..8: a field is followed by a colon (write `verb:get`; as a text, put it in quotes: `"verb=get"`)
        9..18: a field is followed by a colon (write `code:>=400`; as a text, put it in quotes: `"code>=400"`)
        19..26: a field is followed by a colon (write `-user:x`; as a text, put it in quotes: `"user!=x"`)"#]],
    );
    check(
        "a and b or not c && d",
        expect![[r#"
        2..5: words of the language are in capital letters (write `AND`; as a text, put it in quotes: `"and"`)
        8..10: words of the language are in capital letters (write `OR`; as a text, put it in quotes: `"or"`)
        11..14: words of the language are in capital letters (write `NOT`; as a text, put it in quotes: `"not"`)
        17..19: `&&` has no meaning here (write `AND`; as a text, put it in quotes: `"&&"`)"#]],
    );
    check(
        "OR a",
        expect![[
            r#"0..2: something has to stand on both sides of `OR` (as a text, put it in quotes: `"OR"`)"#
        ]],
    );
    check(
        "a OR",
        expect![[
            r#"2..4: something has to stand on both sides of `OR` (as a text, put it in quotes: `"OR"`)"#
        ]],
    );
    check(
        "a OR OR b AND",
        expect![[r#"
        5..7: something has to stand on both sides of `OR` (as a text, put it in quotes: `"OR"`)
        10..13: something has to stand on both sides of `AND` (as a text, put it in quotes: `"AND"`)"#]],
    );
    check("(a", expect!["0..1: this parenthesis is never closed"]);
    check("a) b", expect!["1..2: this parenthesis was never opened"]);
    check(
        "() - NOT",
        expect![[r#"
        0..2: nothing stands between these parentheses
        5..8: nothing follows that could be negated"#]],
    );
    check("\"abc", expect![[r#"0..1: this text is never closed (write `"` behind it)"#]]);
    check("verb:(get", expect!["5..6: this parenthesis is never closed"]);
    check(
        "verb:() verb:(a AND b)",
        expect![[r#"
        5..7: a list holds at least one value
        16..19: a list holds values only (a list means any of its values: `verb:(create OR update)`; negate it as a whole)"#]],
    );
    check(
        "since:tomorrow since:2h since:3h",
        expect![[r#"
        0..14: `tomorrow` is no time (write `2h`, `7d`, `today`, `2026-11-26` or `2026-11-26T14:00:00Z`)
        24..32: `since` is said twice (leave one of them out)"#]],
    );
    check(
        "(since:2h) -until:1h",
        expect![[r#"
        1..9: `since` holds for the whole search (put `since` outside of parentheses, without a negation)
        12..20: `until` holds for the whole search (put `until` outside of parentheses, without a negation)"#]],
    );
    check(
        "since:1h until:2h",
        expect![
            "0..17: nothing lies between 2026-11-26T13:30:00.000000Z and 2026-11-26T12:30:00.000000Z (`since` is the earlier of the two)"
        ],
    );
    check(
        "verb:list OR since:1h",
        expect![
            "13..21: a time holds for the whole search, and is no side of an `OR` (put it before the rest: `since:2h (… OR …)`)"
        ],
    );
    check(
        "cluster:a verb:x OR cluster:b",
        expect![[r#"
        0..9: a cluster is named for the whole search, not for one side of an `OR` (put the rest in parentheses: `cluster:prod (… OR …)`)
        20..29: a cluster is named for the whole search, not for one side of an `OR` (put the rest in parentheses: `cluster:prod (… OR …)`)"#]],
    );
    check(
        "ip:foo ip:>3 time:today",
        expect![[r#"
        3..6: `foo` is neither a network nor an address (write `10.0.0.0/8`, `fd00::/8` or one address)
        10..12: `ip` has no order (`<` and `>` are for numbers, times and levels)
        18..23: `time` is compared by `<` or `>` (write `time:>=today` or `time:<2h`)"#]],
    );
    check(
        "verb:!=get verb:=get verb:>get",
        expect![[r#"
        5..10: a colon alone means equal (negate the whole: `-field:get`)
        16..20: a colon alone means equal (leave it out: `get`)
        26..30: `verb` has no order (`<` and `>` are for numbers, times and levels)"#]],
    );
    check(
        "level:Requestresponse level:RequstResponse stage:x",
        expect![[r#"
        28..42: `level` is never `RequstResponse` (did you mean `RequestResponse`?)
        49..50: `stage` is never `x` (it is one of RequestReceived, ResponseStarted, ResponseComplete, Panic)"#]],
    );
    check(
        "pod:x query:x annotations:*",
        expect![[r#"
        0..3: `pod` alone is no single value (say what is inside: `pod.hostNetwork:true`)
        6..11: `query` alone is no single value (say what is inside: `query.fieldManager:kubectl*`)
        14..25: `annotations` alone is no single value (say what is inside: `annotations.authorization.k8s.io/reason:*cluster-admin*`)"#]],
    );
    check(
        "http://x.y user:a\"b",
        expect![[r#"
        0..4: unknown field `http` (put it in quotes to search for it as a text)
        17..18: a quote in the middle of a word (put the whole value in quotes, or a `\` before it)"#]],
    );
    check(
        "where:'code >= 400 and foo == 1'",
        expect![
            "23..23: unknown field `foo` (docs/rules/expressions.md lists the fields; inside `some` a path begins with a dot)"
        ],
    );
    check(
        "where:\"a \\\" b\"",
        expect![[r#"
        6..14: unknown field `a` (docs/rules/expressions.md lists the fields; inside `some` a path begins with a dot)
        6..14: malformed text: this text is never closed; write `"` behind it"#]],
    );
    check(
        "changes:yes \"\\x\"",
        expect![[r#"
        8..11: `changes` is true or false (write `changes:true`)
        13..15: this escape has no meaning (in double quotes `\` begins an escape: write `\\`, or use single quotes)"#]],
    );
    check(
        "ü:x user:ü\"",
        expect![[
            r#"12..13: a quote in the middle of a word (put the whole value in quotes, or a `\` before it)"#
        ]],
    );
    check(
        "user.nmae:x user:x.y body..x:1",
        expect![[r#"
        0..9: unknown field `user.nmae` (did you mean `username:`?)
        21..28: malformed field `body..x` (keys are joined by dots; others stand in brackets: `annotations["a/b"]`, `[0]`, `[*]`)"#]],
    );
}

#[test]
fn bounds_hold() {
    let told = |text: &str| parse(text, now()).unwrap_err()[0].to_string();
    expect!["the search has 100000 bytes, at most 65536 are read"].assert_eq(&told(&"(".repeat(100_000)));
    expect!["nested more than 50 deep"].assert_eq(&told(&"(".repeat(1000)));
    expect!["nested more than 50 deep"].assert_eq(&told(&"-".repeat(1000)));
    expect!["nested more than 50 deep"].assert_eq(&told(&format!("{}a", "NOT ".repeat(1000))));
    expect!["more than 1000 things are asked for"].assert_eq(&told(&"a ".repeat(1001)));
    expect!["more than 1000 values are asked for"].assert_eq(&told(&format!("verb:({})", "a ".repeat(1001))));
}

/// Whatever is read can be asked of events.
#[test]
fn what_is_too_long_to_look_for_is_told() {
    let text = |length: usize| format!("\"{}\"", "a".repeat(length));
    assert!(Matcher::new(parse(&text(1000), now()).unwrap()).is_ok());
    let findings = parse(&text(60_000), now()).unwrap_err();
    assert_eq!((findings.len(), findings[0].span.clone()), (1, 0..60_002));
}

const EVENT: &str = r#"{"kind":"Event","level":"RequestResponse","auditID":"x","stage":"ResponseComplete",
"requestURI":"/api/v1/namespaces/prod/pods?dryRun=All","verb":"create","user":{"username":"alice@example.com","groups":["dev","system:authenticated"]},
"sourceIPs":["10.1.2.3","192.168.0.1"],"userAgent":"kubectl/v1.37","objectRef":{"resource":"pods","namespace":"prod","name":"db","subresource":"exec"},
"responseStatus":{"code":403,"reason":"Forbidden"},"requestObject":{"spec":{"hostNetwork":true,"replicas":3,"containers":[{"image":"xmrig/XMRig:1"}]}},
"stageTimestamp":"2026-11-26T14:00:00.000000Z","annotations":{"authorization.k8s.io/decision":"forbid"}}"#;

fn check_holds(text: &str, expected: bool) {
    let event = EVENT.replace('\n', "");
    let view = EventView::parse(event.as_bytes()).unwrap();
    let matcher = Matcher::new(parse(text, now()).unwrap()).unwrap();
    assert_eq!(matcher.holds("prod-1", &Subject::new(&view)), expected, "{text}");
}

#[test]
fn searches_find() {
    for text in [
        "",
        "verb:create resource:pods/exec ns:prod user:alice* code:>=400",
        "level:>=Request ip:10.0.0.0/8 since:2h",
        "body.spec.hostNetwork:true body.spec.replicas:3 body.spec.containers.image:xmrig*",
        "xMrIg",
        "\"xmrig:1\" -nothere",
        "cluster:prod-* -cluster:prod-2",
        "decision:forbid outcome:denied dryRun:true",
        "group:dev group:system:authenticated",
        "time:<2026-11-26T14:00:01Z until:2026-11-26T14:00:00.000001Z since:2026-11-26T14:00:00Z",
        "verb:(create OR update) NOT (user:bob* OR user:carl*)",
        "-subresource:status -as:*",
        "code:400..499 code:4*",
    ] {
        check_holds(text, true);
    }
}

#[test]
fn searches_do_not_find() {
    for text in [
        "verb:get",
        "user:Alice*",
        "cluster:prod",
        "since:10m",
        "until:2026-11-26T14:00:00Z",
        "body.spec.replicas:>3",
        "ip:10.2.0.0/16",
        "-group:dev",
        "\"rm -rf\"",
        "user:\"alice*\"",
    ] {
        check_holds(text, false);
    }
}

#[test]
fn a_search_becomes_a_rule() {
    let search = parse("verb:create resource:pods/exec since:2h cluster:a", now()).unwrap();
    let head = RuleHead { id: "exec".into(), title: "Exec: a \"pod\"".into(), severity: "notice".into() };
    expect![[r##"
        # Made of the search: since:2026-11-26T12:30:00.000000Z cluster:a verb:create resource:pods/exec
        # A rule looks at every event that comes: the search's time is not in it.
        # A rule looks at every cluster that it is given to: the search's clusters are not in it.
        id: "exec"
        title: "Exec: a \"pod\""
        description: "What it finds, and why that matters."
        severity: notice
        when: |
          verb == "create" and (resource == "pods" and subresource == "exec")
        groupBy: [user, namespace, name]
        summary: "{user}: {verb} {resource} {namespace}/{name}"
        response: What to look at, and what to undo.
        tests: []
    "##]]
    .assert_eq(&search.as_rule(&head));
}

#[test]
fn bounds_are_put_together() {
    let search = parse("since:2h", now()).unwrap();
    let later = parse("since:1h until:5m", now()).unwrap();
    assert_eq!(search.clone().within(later.since, later.until).print(), later.print());
    assert_eq!(later.clone().within(search.since, None).print(), later.print());
    assert_eq!(Search::default().within(None, later.until).until, later.until);
}
