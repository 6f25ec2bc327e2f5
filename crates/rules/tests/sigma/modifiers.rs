//! What each construct of a detection becomes.

use expect_test::{Expect, expect};

use super::{load, rule, show, told};

/// One entry of a search.
fn check(entry: &str, expected: &Expect) {
    detection(&format!("s:\n  {entry}\ncondition: s"), expected);
}

fn detection(text: &str, expected: &Expect) {
    let loaded = load(&rule(text));
    let shown = loaded.rules.first().map(|_| show::first(&loaded.rules)).unwrap_or_default();
    let told = told(&loaded);
    let both = if told.is_empty() { shown } else { format!("{shown}\n{told}") };
    expected.assert_eq(both.trim());
}

#[test]
fn values() {
    check("verb: get", &expect![[r#"verb = "get""#]]);
    check("verb: [get, list]", &expect![[r#"verb in ["get", "list"]"#]]);
    check(
        "verb: ['get*', '*st', '*at*', 'w?tch', patch]",
        &expect![[
            r#"(verb = "patch" or verb startswith "get" or verb endswith "st" or verb contains "at" or verb glob "w?tch")"#
        ]],
    );
    check("objectRef.name: '*'", &expect!["(objectRef.name exists and not every objectRef.name is null)"]);
    check("objectRef.name: ''", &expect![[r#"objectRef.name = """#]]);
    check("objectRef.name: null", &expect!["(not objectRef.name exists or objectRef.name is null)"]);
    check("objectRef.name:", &expect!["(not objectRef.name exists or objectRef.name is null)"]);
    check("responseStatus.code: 403", &expect!["responseStatus.code == 403"]);
    check(
        "responseStatus.code: [401, '403']",
        &expect![[r#"(responseStatus.code = "403" or responseStatus.code == 401)"#]],
    );
    check(
        "requestObject.spec.hostNetwork: true",
        &expect![[r#"requestObject.spec.hostNetwork = "true" ascii"#]],
    );
    check(r"requestObject.a: 'C:\x\*y\\*'", &expect![[r#"requestObject.a startswith "C:\\x*y\\""#]]);
    check(
        "requestObject.big: 12345678901234567890",
        &expect![[r#"requestObject.big = "12345678901234567890" exactly"#]],
    );
    check("sourceIPs[0]: 10.0.0.1", &expect![[r#"exactly sourceIPs[0] = "10.0.0.1""#]]);
}

#[test]
fn modifiers() {
    check("userAgent|contains: curl", &expect![[r#"userAgent contains "curl""#]]);
    check(
        "userAgent|startswith: [curl, wget]",
        &expect![[r#"(userAgent startswith "curl" or userAgent startswith "wget")"#]],
    );
    check("userAgent|endswith: '?x*y'", &expect![[r#"userAgent glob "*?x*y""#]]);
    check(
        "userAgent|contains|all: [a, b]",
        &expect![[r#"(userAgent contains "a" and userAgent contains "b")"#]],
    );
    check("userAgent|contains|cased: cURL", &expect![[r#"userAgent contains "cURL" exactly"#]]);
    check("verb|neq: get", &expect![[r#"not verb = "get""#]]);
    check("verb|neq: [get, list]", &expect![[r#"not verb in ["get", "list"]"#]]);
    check("objectRef.name|exists: true", &expect!["objectRef.name exists"]);
    check("objectRef.name|exists: false", &expect!["not objectRef.name exists"]);
    check("responseStatus.code|startswith: 4", &expect![[r#"responseStatus.code startswith "4""#]]);
    check("responseStatus.code|gte: 400", &expect!["responseStatus.code >= 400"]);
    check("responseStatus.code|lt: 3.5", &expect!["responseStatus.code < 3.5"]);
    check("sourceIPs|cidr: 10.0.0.0/8", &expect!["sourceIPs cidr 10.0.0.0/8"]);
    check(
        "sourceIPs|cidr: [10.0.0.0/8, 'fd00::/8', 192.0.2.7]",
        &expect!["(sourceIPs cidr 10.0.0.0/8 or sourceIPs cidr fd00::/8 or sourceIPs cidr 192.0.2.7)"],
    );
    check(r"requestURI|re: '^/api/v1/\w+$'", &expect![[r#"requestURI re ^/api/v1/\w+$"#]]);
    check(r"requestURI|re|i|s: 'a.b'", &expect!["requestURI re (?is)a.b"]);
    check(r"requestURI|re|startswith: 'a|b'", &expect!["requestURI re ^(?:a|b)"]);
    check("userAgent|fieldref: user.username", &expect!["userAgent == user.username"]);
    check("userAgent|fieldref|contains: user.username", &expect!["userAgent contains user.username"]);
    check("userAgent|neq|fieldref: user.username", &expect!["not userAgent == user.username"]);
    check(
        "user.username|expand: '%admins%'",
        &expect![[r#"(user.username = "alice" or user.username startswith "ops-")"#]],
    );
    check(
        "user.username|expand: 'dev:%admins%:100%'",
        &expect![[r#"(user.username = "dev:alice:100%" or user.username glob "dev:ops-*:100%")"#]],
    );
    check("requestReceivedTimestamp|hour: 3", &expect!["Hour(requestReceivedTimestamp) == 3"]);
    check("requestReceivedTimestamp|hour|gte: 22", &expect!["Hour(requestReceivedTimestamp) >= 22"]);
}

#[test]
fn encodings() {
    check("requestObject.a|base64: foo", &expect![[r#"requestObject.a = "Zm9v""#]]);
    check(
        "requestObject.a|base64offset|contains: 'http://'",
        &expect![[
            r#"(requestObject.a contains "aHR0cDovL" or requestObject.a contains "h0dHA6Ly" or requestObject.a contains "odHRwOi8v")"#
        ]],
    );
    check(
        "requestObject.a|wide|base64offset|contains: sh",
        &expect![[
            r#"(requestObject.a contains "cwBoA" or requestObject.a contains "MAaA" or requestObject.a contains "zAGgA")"#
        ]],
    );
    check("requestObject.a|utf16|base64: sh", &expect![[r#"requestObject.a = "//5zAGgA""#]]);
    check("requestObject.a|utf16be|base64: sh", &expect![[r#"requestObject.a = "AHMAaA==""#]]);
    check(
        "requestObject.a|base64offset|contains|all: [one, two]",
        &expect![[
            r#"((requestObject.a contains "b25l" or requestObject.a contains "9uZ" or requestObject.a contains "vbm") and (requestObject.a contains "dHdv" or requestObject.a contains "R3b" or requestObject.a contains "0d2"))"#
        ]],
    );
    check(
        "requestObject.a|windash: 'ping -n 4 host-name'",
        &expect![[r#"requestObject.a re (?is)^ping [-/–—―]n 4 host\-name$"#]],
    );
    check(
        "requestObject.a|windash|contains|all: [' -a', ' /b']",
        &expect!["(requestObject.a re (?is)^.* [-/–—―]a.*$ and requestObject.a re (?is)^.* [-/–—―]b.*$)"],
    );
}

#[test]
fn names_of_fields() {
    check("apiGroup: apps", &expect![[r#"objectRef.apiGroup = "apps""#]]);
    check(
        "hostPath: '*'",
        &expect!["(pod:volumes[*].hostPath exists and not every pod:volumes[*].hostPath is null)"],
    );
    check(
        "capabilities: '*'",
        &expect![
            "(container:securityContext.capabilities exists and not every container:securityContext.capabilities is null)"
        ],
    );
    check("privileged: true", &expect![[r#"container:securityContext.privileged = "true" ascii"#]]);
    check(
        "annotations.authorization.k8s.io/decision: forbid",
        &expect![[r#"annotations.authorization.k8s.io/decision = "forbid""#]],
    );
    check(
        "Verb: get",
        &expect![[r#"
        Verb = "get"
        test.yml:5:5: info: no audit event has a field `Verb`
          hint: did you mean `verb`?"#]],
    );
}

#[test]
fn searches_and_conditions() {
    detection(
        "s: {verb: get, level: Metadata}\ncondition: s",
        &expect![[r#"(verb = "get" and level = "Metadata")"#]],
    );
    detection(
        "s: [{verb: get}, {verb: list, stage: Panic}]\ncondition: s",
        &expect![[r#"(verb = "get" or (verb = "list" and stage = "Panic"))"#]],
    );
    detection(
        "s: [curl, 'wg?t']\ncondition: s",
        &expect![[r#"(anywhere contains "curl" or anywhere glob "*wg?t*")"#]],
    );
    detection("s: /bin/sh\ncondition: s", &expect![[r#"anywhere contains "/bin/sh""#]]);
    detection(
        "s:\n  '|all': [curl, 404]\ncondition: s",
        &expect![[r#"(anywhere contains "curl" and anywhere contains "404")"#]],
    );
    detection("s:\n  '|re': 'c[u]rl'\ncondition: s", &expect!["anywhere re c[u]rl"]);
    detection(
        "a: {verb: get}\nb: {verb: list}\ncondition: [a, b]",
        &expect![[r#"(verb = "get" or verb = "list")"#]],
    );
    detection(
        "sel_a: {verb: get}\nsel_b: {verb: list}\nf: {level: None}\ncondition: 1 of sel_* and not f",
        &expect![[r#"((verb = "get" or verb = "list") and not level = "None")"#]],
    );
    detection(
        "sel_a: {verb: get}\n_b: {verb: list}\ncondition: all of them or _b",
        &expect![[r#"(verb = "get" or verb = "list")"#]],
    );
}
