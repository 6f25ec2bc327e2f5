//! What each field yields of an event, and what each comparison says of it.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "a test stops at surprises and reads better so"
)]

use auditward_event::{EventView, Path};
use auditward_expr::{
    Compare, Expr, Field, Fold, Function, Item, Literal, Match, Quantifier, Root, Subject, Test, TimePart,
};
use expect_test::{Expect, expect};

/// The texts of a field's values.
fn check_field(field: &Field, event: &str, expected: Expect) {
    let view = EventView::parse(event.as_bytes()).unwrap();
    let mut texts = Vec::new();
    field.each(&Subject::new(&view), &mut |item: Item<'_>| {
        texts.push(item.text().map_or_else(|| "(part)".to_owned(), std::borrow::Cow::into_owned));
    });
    expected.assert_eq(&texts.join(" | "));
}

fn check_root(root: Root, event: &str, expected: Expect) {
    check_field(&Field::of(root), event, expected);
}

fn check_fact(name: &str, event: &str, expected: Expect) {
    check_root(Root::Fact(name.to_owned()), event, expected);
}

/// Whether a value, as JSON, passes.
fn check_match(check: Match, value: &str, expected: bool) {
    let event = format!(r#"{{"verb":{value},"auditID":"get"}}"#);
    let view = EventView::parse(event.as_bytes()).unwrap();
    let field = Field::of(Root::Event(path("verb")));
    let expr = Expr::Test(Test { field, quantifier: Quantifier::Any, check: check.clone() });
    assert_eq!(expr.holds(&Subject::new(&view)), expected, "{check:?} of {value}");
}

fn path(text: &str) -> Path {
    if text.is_empty() { Path::new([]) } else { Path::parse(text).unwrap() }
}

fn text(text: &str) -> String {
    text.to_owned()
}

const POD: &str = r#"{"verb":"create","objectRef":{"resource":"pods","namespace":"a"},"requestObject":{"spec":{"hostNetwork":true,
    "containers":[{"name":"a","image":"x"},{"name":"b","image":"y"}],"initContainers":[{"name":"c","image":"z"}]}}}"#;
const CRON: &str = r#"{"verb":"patch","objectRef":{"resource":"cronjobs","apiGroup":"batch"},"requestObject":
    {"spec":{"jobTemplate":{"spec":{"template":{"spec":{"containers":[{"name":"b","image":"y"}]}}}}}}}"#;
const JSON_PATCH: &str = r#"{"verb":"patch","objectRef":{"resource":"deployments","apiGroup":"apps"},"requestObject":[
    {"op":"test","path":"/spec/template/spec/containers/0/image","value":"no"},
    {"op":"add","path":"/spec/template/spec/containers/-","value":{"image":"x"}},
    {"op":"replace","path":"/spec/template/spec/containers/0/image","value":"y"},
    {"op":"replace","path":"/spec/template","value":{"spec":{"hostPID":true,"containers":[{"image":"z"}]}}},
    {"op":"remove","path":"/spec/template/spec/containers/1"},
    {"op":"add","path":"/metadata/annotations/a~1b~0c","value":"v"}]}"#;

#[test]
fn event_paths_are_exact() {
    let event = r#"{"user":{"groups":["a","b"]},"annotations":{"a.b/c":"d"},"responseStatus":{"code":403}}"#;
    check_root(Root::Event(path("user.groups[*]")), event, expect!["a | b"]);
    check_root(Root::Event(path("user.groups")), event, expect![[r#"["a","b"]"#]]);
    check_root(Root::Event(path("user.groups.x")), event, expect![""]);
    check_root(Root::Event(path("annotations[\"a.b/c\"]")), event, expect!["d"]);
    check_root(Root::Event(path("responseStatus.code")), event, expect!["403"]);
}

#[test]
fn dotted_fields_enter_arrays_and_keys_with_dots() {
    let dotted = |text: &str| Root::Dotted(text.split('.').map(str::to_owned).collect());
    let event = r#"{"user":{"groups":["a","b"]},"annotations":{"a.b/c":"d","x":"1","x.y":"2"},
        "requestObject":{"spec":{"containers":[{"image":"x"},[{"image":"y"}],{}]},"a":{"b":{"n":1}},"a.b":{"c":2}}}"#;
    check_root(dotted("user.groups"), event, expect!["a | b"]);
    check_root(dotted("annotations.a.b/c"), event, expect!["d"]);
    check_root(dotted("annotations.x.y"), event, expect!["2"]);
    check_root(dotted("requestObject.spec.containers.image"), event, expect!["x | y"]);
    check_root(dotted("requestObject.a.b.c"), event, expect!["2"]);
    check_root(dotted("requestObject.a.b.n"), event, expect!["1"]);
    check_root(dotted("requestObject.none.x"), event, expect![""]);
}

#[test]
fn the_object_is_read_from_every_kind_of_body() {
    check_root(Root::Object(path("spec.hostNetwork")), POD, expect!["true"]);
    check_root(
        Root::Object(path("spec.template.spec.containers[*].image")),
        JSON_PATCH,
        expect!["x | y | z"],
    );
    check_root(Root::Object(path("spec.template.spec.containers[0].image")), JSON_PATCH, expect!["y | z"]);
    check_root(Root::Object(path("metadata.annotations[\"a/b~c\"]")), JSON_PATCH, expect!["v"]);
    check_root(Root::Object(path("metadata.annotations")), JSON_PATCH, expect!["(part)"]);
    let delete = r#"{"verb":"delete","requestObject":{"spec":1}}"#;
    check_root(Root::Object(path("spec")), delete, expect![""]);
}

#[test]
fn the_pod_is_found_in_every_workload() {
    check_root(Root::Pod(path("hostNetwork")), POD, expect!["true"]);
    check_root(Root::Pod(path("hostPID")), JSON_PATCH, expect!["true"]);
    check_root(Root::Container(path("image")), POD, expect!["x | y | z"]);
    check_root(Root::Container(path("image")), CRON, expect!["y"]);
    check_root(Root::Container(path("image")), JSON_PATCH, expect!["x | y | z"]);
    for place in
        [r#""pods","subresource":"binding""#, r#""deployments""#, r#""jobs","apiGroup":"batch.volcano.sh""#]
    {
        let event = POD.replace("\"pods\"", place);
        check_root(Root::Pod(path("hostNetwork")), &event, expect![""]);
    }
}

#[test]
fn one_container_has_to_be_all_of_it() {
    let is = |path_text: &str, value: &str| {
        let field = Field::of(Root::Element(path(path_text)));
        Expr::Test(Test { field, quantifier: Quantifier::Any, check: Match::Is(Literal::Text(text(value))) })
    };
    let check = |event: &str, name: &str, image: &str, expected: bool| {
        let view = EventView::parse(event.as_bytes()).unwrap();
        let both = Expr::And(vec![is("name", name), is("image", image)]);
        let some = Expr::Some { list: Field::of(Root::Container(path(""))), holds: Box::new(both) };
        assert_eq!(some.holds(&Subject::new(&view)), expected, "{name} {image}");
    };
    check(POD, "a", "x", true);
    check(POD, "a", "y", false);
    check(POD, "c", "z", true);
    check(CRON, "b", "y", true);
    // A JSON Patch that sets one property of a container speaks of that container too.
    let image = Expr::Some { list: Field::of(Root::Container(path(""))), holds: Box::new(is("image", "y")) };
    let view = EventView::parse(JSON_PATCH.as_bytes()).unwrap();
    assert!(image.holds(&Subject::new(&view)));
}

/// An API server reads paths by `gopkg.in/evanphx/json-patch.v4`, which takes more than RFC 6901 does.
#[test]
fn paths_of_a_json_patch_are_read_as_an_api_server_reads_them() {
    let check = |path_text: &str, images: Expect| {
        let event = format!(
            r#"{{"verb":"patch","objectRef":{{"resource":"pods"}},"requestObject":[
                {{"op":"replace","path":"{path_text}","value":"x"}}]}}"#
        );
        check_root(Root::Container(path("image")), &event, images);
    };
    check("/spec/containers/0/image", expect!["x"]);
    check("/spec/containers/-/image", expect!["x"]);
    check("/spec/containers/-1/image", expect!["x"]);
    check("/spec/containers/+0/image", expect!["x"]);
    check("anything/spec/containers/0/image", expect!["x"]);
    check("spec/containers/0/image", expect![""]);
    check("/spec/containers/--1/image", expect![""]);
    check("/spec/containers/+/image", expect![""]);
    check("/spec/containers/a/image", expect![""]);
    check("spec", expect![""]);
}

#[test]
fn query_parameters_are_decoded() {
    let event = r#"{"requestURI":"/a?command=sh&command=-c&command=a%20b+c%2&x&y=%zz&é=1"}"#;
    check_root(Root::Query(text("command")), event, expect!["sh | -c | a b c%2"]);
    check_root(Root::Query(text("x")), event, expect![""]);
    check_root(Root::Query(text("y")), event, expect!["%zz"]);
    check_root(Root::Query(text("é")), event, expect!["1"]);
    check_root(Root::Query(text("none")), event, expect![""]);
}

#[test]
fn every_scalar_is_somewhere() {
    let event = r#"{"a":"x","b":[1,true,{"c\"":"y\"z"}],"d" : {"e":null}}"#;
    check_root(Root::Anywhere, event, expect![[r#"x | 1 | true | y"z | null"#]]);
}

#[test]
fn functions_are_applied_in_order() {
    let event = r#"{"user":{"groups":["Aa","b/C"]},"verb":"aGk","userAgent":"reg.x:5000/t/app:1@sha256:0","stageTimestamp":"2024-12-30T23:05:00.000000Z"}"#;
    let check = |field_path: &str, functions: &[Function], expected: Expect| {
        check_field(
            &Field { root: Root::Event(path(field_path)), functions: functions.to_vec() },
            event,
            expected,
        );
    };
    check("user.groups[*]", &[Function::Lower], expect!["aa | b/c"]);
    check("user.groups[*]", &[Function::Basename, Function::Upper], expect!["AA | C"]);
    check("user.groups[*]", &[Function::Count], expect!["2"]);
    check("user.none[*]", &[Function::Count], expect!["0"]);
    check("user.groups[*]", &[Function::Lower, Function::Join(text("+")), Function::Length], expect!["6"]);
    check("user.none[*]", &[Function::Join(text("+"))], expect![""]);
    check("verb", &[Function::Base64], expect!["hi"]);
    check("userAgent", &[Function::Base64], expect![""]);
    check("userAgent", &[Function::ImageRegistry], expect!["reg.x:5000"]);
    check("userAgent", &[Function::ImageRepository], expect!["reg.x:5000/t/app"]);
    check("verb", &[Function::ImageRegistry], expect!["docker.io"]);
    for (part, expected) in [
        (TimePart::Minute, expect!["5"]),
        (TimePart::Hour, expect!["23"]),
        (TimePart::Day, expect!["30"]),
        (TimePart::Week, expect!["1"]),
        (TimePart::Month, expect!["12"]),
        (TimePart::Year, expect!["2024"]),
    ] {
        check("stageTimestamp", &[Function::TimePart(part)], expected);
    }
}

#[test]
fn actors() {
    let check =
        |user: &str, expected: Expect| check_fact("actor", &format!(r#"{{"user":{user}}}"#), expected);
    check("{}", expect!["unauthenticated"]);
    check(r#"{"username":"system:anonymous","groups":["system:unauthenticated"]}"#, expect!["anonymous"]);
    check(r#"{"username":"system:node:n1","groups":["system:nodes"]}"#, expect!["node"]);
    check(r#"{"username":"system:node:n1"}"#, expect!["person"]);
    check(r#"{"username":"system:apiserver","groups":["system:masters"]}"#, expect!["controlPlane"]);
    check(
        r#"{"username":"system:serviceaccount:kube-system:job-controller","groups":["system:serviceaccounts"]}"#,
        expect!["controller"],
    );
    check(r#"{"username":"system:serviceaccount:kube-system:job-controller"}"#, expect!["serviceAccount"]);
    check(
        r#"{"username":"system:serviceaccount:kube-system:evil","groups":["system:serviceaccounts"]}"#,
        expect!["serviceAccount"],
    );
    check(r#"{"username":"system:bootstrap:abcdef"}"#, expect!["bootstrap"]);
    check(r#"{"username":"kubernetes-admin"}"#, expect!["person"]);
}

#[test]
fn facts() {
    check_fact("outcome", r#"{"responseStatus":{"code":201}}"#, expect!["success"]);
    check_fact("outcome", r#"{"responseStatus":{"code":101}}"#, expect!["success"]);
    check_fact("outcome", r#"{"responseStatus":{"code":401}}"#, expect!["unauthenticated"]);
    check_fact("outcome", r#"{"responseStatus":{"code":403}}"#, expect!["denied"]);
    check_fact("outcome", r#"{"annotations":{"authorization.k8s.io/decision":"forbid"}}"#, expect!["denied"]);
    check_fact("outcome", r#"{"responseStatus":{"code":409}}"#, expect!["failed"]);
    check_fact("outcome", r#"{"verb":"get"}"#, expect!["none"]);
    check_fact("decision", r#"{"annotations":{"authorization.k8s.io/decision":"allow"}}"#, expect!["allow"]);
    let granted = |reason: &str| {
        let reason = serde_json::json!({"annotations": {"authorization.k8s.io/reason": reason}});
        reason.to_string()
    };
    let everywhere = granted(
        r#"RBAC: allowed by ClusterRoleBinding "ops" of ClusterRole "admin" to Group "system:masters""#,
    );
    check_fact("grant.binding", &everywhere, expect!["ops"]);
    check_fact("grant.namespace", &everywhere, expect![""]);
    let here = granted(r#"RBAC: allowed by RoleBinding "read/shop" of Role "reader" to User "alice""#);
    check_fact("grant.binding", &here, expect!["read"]);
    check_fact("grant.namespace", &here, expect!["shop"]);
    check_fact("grant.binding", &granted("RBAC: allowed by RoleBinding \"read"), expect![""]);
    check_fact(
        "grant.binding",
        &granted("no relationship found between node 'n1' and this object"),
        expect![""],
    );
    check_fact("dryRun", r#"{"requestURI":"/x?dryRun=All"}"#, expect!["true"]);
    check_fact("dryRun", r#"{"requestURI":"/x?dryRun="}"#, expect!["false"]);
    check_fact("dryRun", r#"{"verb":"delete","requestObject":{"dryRun":["All"]}}"#, expect!["true"]);
    check_fact("dryRun", r#"{"verb":"create","requestObject":{"dryRun":["All"]}}"#, expect!["false"]);
    check_fact("changes", r#"{"verb":"deletecollection"}"#, expect!["true"]);
    check_fact("changes", r#"{"verb":"get"}"#, expect!["false"]);
    let account = r#"{"user":{"username":"system:serviceaccount:shop:web"}}"#;
    check_fact("serviceAccount.namespace", account, expect!["shop"]);
    check_fact("serviceAccount.name", account, expect!["web"]);
    check_fact("serviceAccount.name", r#"{"user":{"username":"web"}}"#, expect![""]);
    check_fact("node", r#"{"user":{"username":"system:node:n1","groups":["system:nodes"]}}"#, expect!["n1"]);
    check_fact("sourceIP", r#"{"sourceIPs":["1.2.3.4","10.0.0.7"]}"#, expect!["10.0.0.7"]);
    check_fact("sourceScope", r#"{"sourceIPs":["1.2.3.4","10.0.0.7"]}"#, expect!["private"]);
    check_fact("sourceScope", r#"{"sourceIPs":["::1"]}"#, expect!["loopback"]);
    check_fact("sourceScope", r#"{"sourceIPs":["::ffff:8.8.8.8"]}"#, expect!["public"]);
    check_fact("sourceScope", r#"{"sourceIPs":["x"]}"#, expect![""]);
    let exec = r#"{"verb":"get","stage":"ResponseStarted","objectRef":{"resource":"pods","subresource":"exec"},
        "requestURI":"/x?command=sh&command=-c&stdin=true&tty=1"}"#;
    check_fact("exec.command", exec, expect!["sh -c"]);
    check_fact("exec.interactive", exec, expect!["true"]);
    check_fact("longRunning", exec, expect!["true"]);
    check_fact("final", exec, expect!["true"]);
    check_fact("final", r#"{"stage":"ResponseStarted","verb":"get"}"#, expect!["false"]);
    check_fact("final", r#"{"stage":"RequestReceived"}"#, expect!["false"]);
    check_fact("final", r#"{"stage":"Panic"}"#, expect!["true"]);
    check_fact("exec.command", r#"{"requestURI":"/x?command=sh"}"#, expect![""]);
    check_fact("impersonated", r#"{"impersonatedUser":{"username":"x"}}"#, expect!["true"]);
    check_fact("impersonated", r#"{"verb":"x"}"#, expect!["false"]);
    check_fact("patch.kind", JSON_PATCH, expect!["json"]);
    check_fact("patch.kind", CRON, expect!["merge"]);
    check_fact("patch.kind", POD, expect![""]);
    check_fact("path", r#"{"requestURI":"/api?x=1"}"#, expect!["/api"]);
    check_fact("userAgent.name", r#"{"userAgent":"kubectl/v1.30 (linux)"}"#, expect!["kubectl"]);
    check_fact("none", POD, expect![""]);
}

#[test]
fn comparisons() {
    let is = |text_value: &str| Match::Is(Literal::Text(text(text_value)));
    check_match(Match::Exists, "null", true);
    check_match(Match::Null, "null", true);
    check_match(Match::Null, "0", false);
    check_match(is("get"), r#""get""#, true);
    check_match(is("get"), r#""g\u0065t""#, true);
    check_match(is("5"), "5", false);
    check_match(Match::Is(Literal::Number(5.0)), "5.0", true);
    check_match(Match::Is(Literal::Number(5.0)), r#""5""#, false);
    check_match(Match::Is(Literal::Bool(true)), "true", true);
    check_match(Match::Equals(text("5"), Fold::Exact), "5", true);
    check_match(Match::Equals(text("GET"), Fold::Ascii), r#""gEt""#, true);
    check_match(Match::Equals(text("STRASSE\u{df}"), Fold::Unicode), r#""straſſeß""#, true);
    check_match(Match::Equals(text("é"), Fold::Ascii), r#""É""#, false);
    check_match(Match::In(vec![text("a"), text("B")], Fold::Ascii), r#""b""#, true);
    check_match(Match::In(vec![text("É")], Fold::Unicode), r#""é""#, true);
    check_match(Match::In(vec![text("401")], Fold::Exact), "401", true);
    check_match(Match::In(vec![], Fold::Exact), "401", false);
    check_match(Match::Contains(text(""), Fold::Exact), r#""""#, true);
    check_match(Match::Contains(text("É"), Fold::Unicode), r#""caféx""#, true);
    check_match(Match::Contains(text("k"), Fold::Ascii), "\"\u{212a}\"", false);
    check_match(Match::Contains(text("k"), Fold::Unicode), "\"\u{212a}\"", true);
    check_match(Match::StartsWith(text("Sys"), Fold::Ascii), r#""sYstem""#, true);
    check_match(Match::StartsWith(text("é"), Fold::Ascii), r#""x""#, false);
    check_match(Match::EndsWith(text("EM"), Fold::Unicode), r#""system""#, true);
    check_match(Match::EndsWith(text("long text"), Fold::Ascii), r#""x""#, false);
    for (pattern, value, expected) in [
        ("*", r#""""#, true),
        ("a*", r#""a/b""#, true),
        ("*a", r#""bA""#, false),
        ("a?c", r#""a/c""#, true),
        ("a[b-d]", r#""ac""#, true),
        ("a[!b-d]", r#""ac""#, false),
        ("a[]]", r#""a]""#, true),
        ("a[[:digit:]]", r#""a7""#, true),
        ("a[", r#""a[""#, true),
        ("a\\*", r#""ab""#, false),
        ("a\\*", r#""a*""#, true),
        ("a*b*c", r#""a\nb\nc""#, true),
        ("a.c", r#""abc""#, false),
    ] {
        check_match(Match::Glob(text(pattern), Fold::Exact), value, expected);
    }
    check_match(Match::Glob(text("A[X-Z]*"), Fold::Ascii), r#""ayb""#, true);
    check_match(Match::Glob(text("É*é?"), Fold::Unicode), r#""éxÉx""#, true);
    check_match(Match::Regex(text("^g.t$")), r#""get""#, true);
    check_match(Match::Regex(text("(")), r#""get""#, false);
    check_match(Match::TextOrder(Compare::Less, text("9")), r#""10""#, true);
    check_match(Match::Number(Compare::Less, 9.0), r#""10""#, false);
    check_match(Match::Number(Compare::GreaterOrEqual, 10.0), "10", true);
    check_match(Match::Number(Compare::Less, 9.0), r#""x""#, false);
    check_match(Match::Number(Compare::Less, 9.0), "true", false);
    let networks = || {
        Match::Cidr(vec![text("10.0.0.0/8"), text("fd00::/8"), text("::ffff:1.2.3.0/120"), text("9.9.9.9")])
    };
    check_match(networks(), r#""10.9.9.9""#, true);
    check_match(networks(), r#""::ffff:10.9.9.9""#, true);
    check_match(networks(), r#""11.0.0.0""#, false);
    check_match(networks(), r#""fd12::1%eth0""#, true);
    check_match(networks(), r#""1.2.3.4""#, true);
    check_match(networks(), r#""9.9.9.8""#, false);
    check_match(networks(), r#""x""#, false);
    check_match(Match::Cidr(vec![text("0.0.0.0/0")]), r#""1.2.3.4""#, true);
    let under = |root: &str, clean| Match::Under { roots: vec![text(root)], clean };
    for (root, clean, value, expected) in [
        ("/etc", true, "/etc", true),
        ("/etc", true, "/etc/x", true),
        ("/etc", true, "/etcx", false),
        ("/etc", true, "//etc/./", true),
        ("/etc", true, "/var/../etc/shadow", true),
        ("/etc", true, "etc", false),
        ("/etc/*/x", true, "/etc/y/x/z", true),
        ("/", true, "/x", true),
        ("/etc", false, "/etc/x", true),
        ("/etc", false, "//etc/x", false),
        ("/etc/", false, "/etc/x", true),
    ] {
        check_match(under(root, clean), &format!("\"{value}\""), expected);
    }
    let other = || Box::new(Field::of(Root::Event(path("auditID"))));
    check_match(Match::Field(Compare::Equal, other()), r#""get""#, true);
    check_match(Match::Field(Compare::StartsWith, other()), r#""gets""#, true);
    check_match(Match::Field(Compare::Less, other()), r#""a""#, true);
}

#[test]
fn of_nothing_every_test_is_false() {
    let view = EventView::parse(b"{}").unwrap();
    let subject = Subject::new(&view);
    for quantifier in [Quantifier::Any, Quantifier::Every] {
        for check in [Match::Exists, Match::Null, Match::Contains(String::new(), Fold::Exact)] {
            let test = Test { field: Field::of(Root::Event(path("verb"))), quantifier, check };
            assert!(!Expr::Test(test).holds(&subject));
        }
    }
}

#[test]
fn every_means_each_value() {
    let view = EventView::parse(br#"{"user":{"groups":["a","b"]}}"#).unwrap();
    let subject = Subject::new(&view);
    let holds = |quantifier, texts: &[&str]| {
        let check = Match::In(texts.iter().map(|t| text(t)).collect(), Fold::Exact);
        Expr::Test(Test { field: Field::of(Root::Event(path("user.groups[*]"))), quantifier, check })
            .holds(&subject)
    };
    assert!(holds(Quantifier::Any, &["a"]));
    assert!(!holds(Quantifier::Every, &["a"]));
    assert!(holds(Quantifier::Every, &["a", "b"]));
}
