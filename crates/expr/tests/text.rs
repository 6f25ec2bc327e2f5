//! What is written is read, what is read is printed, and what is wrong is told.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test stops at surprises and reads better so"
)]

use auditward_event::EventView;
use auditward_expr::{Literal, Parameters, Subject, parse, parse_unchecked};
use expect_test::{Expect, expect};

fn parameters() -> Parameters {
    let text = |text: &str| Literal::Text(text.to_owned());
    Parameters::from([
        ("shells".to_owned(), vec![text("sh"), text("bash")]),
        ("limit".to_owned(), vec![Literal::Number(400.0)]),
    ])
}

/// As it is printed, or what is said against it: `offset: message (hint)`.
fn check(text: &str, expected: Expect) {
    let shown = match parse(text, &parameters()) {
        Ok(expr) => {
            let printed = expr.to_string();
            assert_eq!(parse_unchecked(&printed).unwrap(), expr, "{printed}");
            printed
        }
        Err(errors) => {
            let lines = errors.iter().map(|e| match e.hint.as_str() {
                "" => format!("{}: {}", e.offset, e.message),
                hint => format!("{}: {} ({hint})", e.offset, e.message),
            });
            lines.collect::<Vec<_>>().join("\n")
        }
    };
    expected.assert_eq(&shown);
}

fn check_holds(text: &str, event: &str, expected: bool) {
    let expr = parse(text, &parameters()).unwrap();
    let view = EventView::parse(event.as_bytes()).unwrap();
    assert_eq!(expr.holds(&Subject::new(&view)), expected, "{text}");
}

#[test]
fn operators() {
    check(r#"verb == "get""#, expect![[r#"verb == "get""#]]);
    check(r#"verb != 'get'"#, expect![[r#"verb != "get""#]]);
    check(r#"not verb == "get""#, expect![[r#"verb != "get""#]]);
    check("code >= 400", expect!["code >= 400"]);
    check("responseStatus.code == 403", expect!["code == 403"]);
    check("code < $limit", expect!["code < 400"]);
    check(r#"verb in ["get", "list"]"#, expect![[r#"verb in ["get", "list"]"#]]);
    check("code in [401, 403]", expect![[r#"code in ["401", "403"]"#]]);
    check("verb not in []", expect!["verb not in []"]);
    check("exec.command in $shells", expect![[r#"exec.command in ["sh", "bash"]"#]]);
    check(r#"exec.command in ["x", $shells]"#, expect![[r#"exec.command in ["x", "sh", "bash"]"#]]);
    check(
        r#"exec.command contains $shells and true"#,
        expect![[r#"(exec.command contains "sh" or exec.command contains "bash") and true"#]],
    );
    check(r#"user not startswith "system:""#, expect![[r#"not user startswith "system:""#]]);
    check(r#"user istartswith "System:""#, expect![[r#"user istartswith "System:""#]]);
    check(r#"user uin ["A"] or user iin "b""#, expect![[r#"user uin ["A"] or user iin ["b"]"#]]);
    check(r#"userAgent ilike "*CURL*""#, expect![[r#"userAgent ilike "*CURL*""#]]);
    check(r"requestURI matches '^/a\d+'", expect![r"requestURI matches '^/a\d+'"]);
    check(r#"sourceIP within ["10.0.0.0/8"]"#, expect![[r#"sourceIP within ["10.0.0.0/8"]"#]]);
    check(
        r#"pod.volumes[*].hostPath.path under "/etc""#,
        expect![[r#"pod.volumes[*].hostPath.path under ["/etc"]"#]],
    );
    check(r#"falco(ka.uri) pmatch ["/etc"]"#, expect![[r#"falco(ka.uri) pmatch ["/etc"]"#]]);
    check("exists object.spec", expect!["exists object.spec"]);
    check("object.spec not exists", expect!["not exists object.spec"]);
    check(
        "object.spec is null or object.x is not null",
        expect!["object.spec is null or not object.x is null"],
    );
    check(r#"code text < "5" and verb number == 5"#, expect![[r#"code text < "5" and verb number == 5"#]]);
    check("user == impersonatedUser.username", expect!["user == impersonatedUser.username"]);
    check("namespace != serviceAccount.namespace", expect!["namespace != serviceAccount.namespace"]);
    check("requestURI contains name", expect!["requestURI contains name"]);
    check("every groups startswith \"a\"", expect![[r#"every groups startswith "a""#]]);
    check("every groups exists", expect!["every groups exists"]);
    check("not every groups == \"a\"", expect![[r#"not every groups == "a""#]]);
}

#[test]
fn fields() {
    check("dryRun and not exec.interactive", expect!["dryRun == true and exec.interactive != true"]);
    check("pod.hostNetwork", expect!["pod.hostNetwork == true"]);
    check("user.username == user", expect!["user == user"]);
    check(
        r#"annotations["authorization.k8s.io/decision"] == "forbid""#,
        expect![[r#"annotations["authorization.k8s.io/decision"] == "forbid""#]],
    );
    check(r#"user.extra["a/b"][*] == "x""#, expect![[r#"user.extra["a/b"][*] == "x""#]]);
    check(
        r#"query.command == "sh" or query["a b"] == "x""#,
        expect![[r#"query.command == "sh" or query["a b"] == "x""#]],
    );
    check(
        r#"some container (.securityContext.privileged and .image not in $shells)"#,
        expect![[r#"some container (.securityContext.privileged == true and .image not in ["sh", "bash"])"#]],
    );
    check(
        r#"some object.rules[*] (some .verbs[*] (. == "*") and .["a b"] == 1)"#,
        expect![[r#"some object.rules[*] (some .verbs[*] (. == "*") and .["a b"] == 1)"#]],
    );
    check(
        r#"lower(registry(container.image)) == "x" and count(container.image) > 3"#,
        expect![[r#"lower(registry(container.image)) == "x" and count(container.image) > 3"#]],
    );
    check(
        r#"join(lower(query.command), ", ") contains "x""#,
        expect![[r#"join(lower(query.command), ", ") contains "x""#]],
    );
    check(r#"hour(stageTimestamp) < 6"#, expect!["hour(stageTimestamp) < 6"]);
    check(r#"anywhere icontains "xmrig""#, expect![[r#"anywhere icontains "xmrig""#]]);
    check(
        r#"falco(jevt.value[/a/b~1c/0]) == "x" or falco(ka.uri.param["a b"]) == "y""#,
        expect![[r#"falco(jevt.value[/a/b~1c/0]) == "x" or falco(ka.uri.param["a b"]) == "y""#]],
    );
    check(
        r#"sigma(annotations.authorization.k8s.io/decision) uequals "allow""#,
        expect![[r#"sigma(annotations.authorization.k8s.io/decision) uequals "allow""#]],
    );
    check(
        r#"requestObject.spec.containers[0].image == "x""#,
        expect![[r#"requestObject.spec.containers[0].image == "x""#]],
    );
}

#[test]
fn precedence_and_layout() {
    check("true and false or not true and true", expect!["true and false or not true and true"]);
    check("true and (false or true)", expect!["true and (false or true)"]);
    check("(true and true) and true", expect!["(true and true) and true"]);
    check("not (true or false)", expect!["not (true or false)"]);
    check("not not true", expect!["not not true"]);
    check("all() or any(true) or all(true, false)", expect!["all() or any(true) or true and false"]);
    check("# who\nchanges  # what\n  and dryRun", expect!["changes == true and dryRun == true"]);
}

#[test]
fn mistakes() {
    check("", expect!["0: expected a field, `not`, `some`, `every`, `exists` or `(` at the end"]);
    check("verb = \"get\"", expect!["5: expected an operator, found `=` (equality is `==`)"]);
    check("changes && dryRun", expect!["8: expected an operator, found `&&` (write `and`)"]);
    check(
        "(changes",
        expect!["8: expected `)` at the end (what was opened in line 1 at column 1 is not closed)"],
    );
    check("changes AND dryRun", expect!["8: `AND` is no operator (words of the language are in lower case)"]);
    check("verb conains \"x\"", expect!["5: `conains` is no operator (did you mean `contains`?)"]);
    check("vreb == \"get\"", expect!["0: unknown field `vreb` (did you mean `verb`?)"]);
    check(
        "objectRef.resorce == \"a\" and usr == \"b\" and $x",
        expect![[r#"
            0: unknown field `objectRef.resorce` (did you mean `objectRef.resource`?)
            29: unknown field `usr` (did you mean `user`?)
            44: expected a field, `not`, `some`, `every`, `exists` or `(`, found `$x`"#]],
    );
    check("outcom == \"denied\"", expect!["0: unknown field `outcom` (did you mean `outcome`?)"]);
    check(
        "exec.comand == \"denied\"",
        expect!["0: unknown field `exec.comand` (did you mean `exec.command`?)"],
    );
    check(
        "user.groups.x == \"a\"",
        expect!["0: unknown field `user.groups.x` (`user.groups` is a list: `user.groups[*]`)"],
    );
    check(
        "user.groups == \"a\"",
        expect!["0: `user.groups` is no single value (name what is inside, or its items: `user.groups[*]`)"],
    );
    check("verb == 5", expect![[r#"0: `verb` is a text, never a number (put the value in quotes: `"5"`)"#]]);
    check("verb", expect!["0: `verb` is a text, never true or false (say what it is compared with)"]);
    check("code == \"403\"", expect!["0: `code` is a number (compare it with a number, without quotes)"]);
    check(
        "dryRun == \"true\"",
        expect!["0: `dryRun` is true or false (compare it with `true` or `false`, or write it alone)"],
    );
    check("verb == get", expect![[r#"8: unknown field `get` (put a text in quotes: `"get"`)"#]]);
    check("verb in [get]", expect![[r#"9: a list holds values, no fields (put it in quotes: `"get"`)"#]]);
    check("verb == [\"get\"]", expect!["5: `==` takes one value, not a list (write `in`)"]);
    check(
        "verb < \"get\"",
        expect![[r#"5: `<` takes a number or a field (texts are ordered by `text < "…"`)"#]],
    );
    check("verb in $shels", expect!["8: unknown parameter `$shels` (did you mean `$shells`?)"]);
    check(
        "verb within [\"10.0.0.0/8\"]",
        expect!["0: `verb` is no address (`sourceIP` and `sourceIPs[*]` are)"],
    );
    check(
        "sourceIP within [\"10.0.0/8\"] and verb matches \"(\"",
        expect![[r#"
        0: `10.0.0/8` is neither a network nor an address (write `10.0.0.0/8`, `fd00::/8` or one address)
        33: malformed pattern `(`: unclosed group (the syntax is that of the crate `regex`: no look-around, no back-references)"#]],
    );
    check(
        "requestURI matches \"\\d\"",
        expect![[
            r#"19: malformed text: in double quotes `\` begins an escape; write `\\`, or put the text in single quotes"#
        ]],
    );
    check("requestURI under [\"etc\"]", expect!["0: `etc` is no absolute path (begin it with `/`)"]);
    check("fact(\"actr\") == \"x\"", expect!["0: unknown fact `actr` (did you mean `actor`?)"]);
    check("falco(ka.vreb) == \"x\"", expect!["0: Falco has no field `ka.vreb` (did you mean `ka.verb`?)"]);
    check("lowr(verb) == \"x\"", expect!["0: unknown function `lowr` (did you mean `lower`?)"]);
    check(
        "every groups != \"x\"",
        expect![
            "13: a negation behind `every` reads two ways (write `not every groups …` or `not groups …`, or use `matches` with an alternation)"
        ],
    );
    check(
        "every groups contains [\"x\", \"y\"]",
        expect![
            "13: `every` takes no list here (write `not every groups …` or `not groups …`, or use `matches` with an alternation)"
        ],
    );
    check(
        "some container (privileged)",
        expect![
            "16: unknown field `privileged` (docs/rules/expressions.md lists the fields; inside `some` a path begins with a dot)"
        ],
    );
    check("verb == \"get", expect![[r#"8: malformed text: this text is never closed; write `"` behind it"#]]);
    check("verb == § ", expect!["8: malformed text: this character has no meaning here"]);
    check(
        "changes dryRun",
        expect!["8: `dryRun` is no operator (two conditions are joined by `and` or `or`)"],
    );
    check("object. spec", expect!["8: expected a key, found `spec`"]);
    check("object[x] == 1", expect!["7: expected `*`, a number or a key in quotes, found `x`"]);
}

#[test]
fn what_is_read_is_asked() {
    let pod = r#"{"verb":"create","user":{"username":"eve","groups":["a","b"]},"objectRef":{"resource":"pods"},
        "requestURI":"/x?dryRun=All","sourceIPs":["10.0.0.1"],"responseStatus":{"code":201},"requestObject":{"spec":{
        "hostNetwork":true,"volumes":[{"hostPath":{"path":"//etc/kubernetes/"}}],
        "containers":[{"image":"docker.io/a","securityContext":{"privileged":true}},{"image":"b"}]}}}"#;
    for (text, expected) in [
        (r#"verb == "create" and resource == "pods" and outcome == "success""#, true),
        ("dryRun", true),
        (r#"namespace != "x""#, true),
        (r#"namespace == "x""#, false),
        (r#"some container (.securityContext.privileged and .image == "b")"#, false),
        (r#"some container (.securityContext.privileged and registry(.image) == "docker.io")"#, true),
        (r#"pod.volumes[*].hostPath.path under ["/etc"]"#, true),
        (r#"sourceIP within ["10.0.0.0/8"] and code < 400"#, true),
        (r#"every groups in ["a", "b"]"#, true),
        (r#"count(groups) == 2"#, true),
        ("not exists object.spec.hostPID", true),
    ] {
        check_holds(text, pod, expected);
    }
}

#[test]
fn hostile_texts_end_in_a_verdict() {
    let deep = |unit: &str, count: usize| unit.repeat(count);
    for text in [
        deep("(", 100_000),
        deep("not ", 100_000),
        deep("lower(", 100_000),
        deep("some container (", 50_000),
        deep("all(", 100_000),
        format!("verb matches \"{}\"", deep("(a*)*", 20_000)),
        format!("verb matches \"{}\"", deep("(", 5_000)),
        "verb matches \"(a{1000}){1000}\"".to_owned(),
        format!("verb like \"{}\"", deep("*a", 5_000)),
        format!("verb icontains \"{}\"", deep("a", 50_000)),
        deep("x", 2 << 20),
        deep("verb == 5 and ", 50_000),
        deep("$", 1000),
        "\"".to_owned(),
        "verb == \"\\u12".to_owned(),
        "verb == \"\\uD800\"".to_owned(),
        "sigma(a.".to_owned(),
        "falco(ka.x[".to_owned(),
    ] {
        let verdict = parse(&text, &parameters());
        assert!(verdict.is_err(), "{}", &text[..20.min(text.len())]);
        assert!(verdict.unwrap_err().len() <= 51);
    }
}
