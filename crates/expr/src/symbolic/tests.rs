use std::collections::BTreeSet;
use std::fmt::Write;

use auditward_event::Path;
use expect_test::{Expect, expect};

use super::{Names, Paths, Way, symbolic};
use crate::{Compare, Expr, Field, Fold, Function, Literal, Match, Quantifier, Root, Test};

fn field(root: Root) -> Field {
    Field { root, functions: Vec::new() }
}

fn event(path: &str) -> Root {
    Root::Event(Path::parse(path).expect("a path"))
}

fn test(root: Root, check: Match) -> Expr {
    Expr::Test(Test { field: field(root), quantifier: Quantifier::Any, check })
}

fn is(path: &str, text: &str) -> Expr {
    test(event(path), Match::Is(Literal::Text(text.to_owned())))
}

fn not(expr: Expr) -> Expr {
    Expr::Not(Box::new(expr))
}

fn check(expr: &Expr, expect: &Expect) {
    let needs = symbolic(expr);
    let mut out = String::new();
    for way in &needs.ways {
        writeln!(out, "{}", show(way)).expect("a string");
    }
    out += if needs.exact { "exact\n" } else { "" };
    expect.assert_eq(&out);
}

fn show(way: &Way) -> String {
    let mut parts = Vec::new();
    let mut names = |what: &str, names: &Names| {
        let list = |names: &BTreeSet<String>| names.iter().cloned().collect::<Vec<_>>().join(",");
        match names {
            Names::Only(names) => parts.push(format!("{what} {{{}}}", list(names))),
            Names::Except(names) if !names.is_empty() => {
                parts.push(format!("{what} but {{{}}}", list(names)));
            }
            Names::Except(_) => {}
        }
    };
    names("user", &way.users);
    names("verb", &way.verbs);
    if let Some(of) = &way.about.resources {
        names("group", &of.groups);
        names("resource", &of.resources);
        names("subresource", &of.subresources);
        names("namespace", &of.namespaces);
        names("name", &of.names);
    } else {
        parts.push("no resource".to_owned());
    }
    match &way.about.paths {
        None => parts.push("no path".to_owned()),
        Some(Paths::Any) => {}
        Some(paths) => parts.push(format!("{paths:?}")),
    }
    if !way.without_user {
        parts.push("a user".to_owned());
    }
    parts.extend((!way.groups.is_empty()).then(|| format!("in {:?}", way.groups)));
    parts.extend((!way.not_groups.is_empty()).then(|| format!("not in {:?}", way.not_groups)));
    let stages: Vec<String> = way.stages.iter().map(ToString::to_string).collect();
    format!("{}; {} {:?} at {}", parts.join(", "), way.level, way.paths, stages.join("|"))
}

#[test]
fn a_name_is_a_set() {
    check(
        &is("verb", "create"),
        &expect![[r#"
        verb {create}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &not(is("objectRef.namespace", "kube-system")),
        &expect![[r#"
        namespace but {kube-system}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &test(event("objectRef.namespace"), Match::Exists),
        &expect![[r#"
        namespace but {}, no path; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &not(test(event("objectRef.subresource"), Match::Exists)),
        &expect![[r#"
        subresource {}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
}

#[test]
fn conditions_meet() {
    check(
        &Expr::And(vec![is("verb", "create"), is("objectRef.resource", "pods")]),
        &expect![[r#"
        verb {create}, resource {pods}, no path; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &Expr::And(vec![is("verb", "create"), is("verb", "get")]),
        &expect![[r#"
        exact
    "#]],
    );
    check(
        &Expr::Or(vec![is("verb", "create"), is("objectRef.resource", "pods")]),
        &expect![[r#"
        verb {create}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        resource {pods}, no path; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &not(Expr::Or(vec![is("verb", "create"), is("objectRef.resource", "pods")])),
        &expect![[r#"
        verb but {create}, resource but {pods}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
}

#[test]
fn a_body_needs_its_level() {
    let host_network =
        test(Root::Pod(Path::parse("hostNetwork").expect("a path")), Match::Is(Literal::Bool(true)));
    check(
        &host_network,
        &expect![[r#"
            verb {create,patch,update}, group {,apps,batch,extensions}, resource {cronjobs,daemonsets,deployments,jobs,pods,podtemplates,replicasets,replicationcontrollers,statefulsets}, subresource {,ephemeralcontainers,resize}, no path; Request {"pod.hostNetwork"} at ResponseStarted|ResponseComplete|Panic
        "#]],
    );
    check(
        &not(host_network),
        &expect![[r#"
        ; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
    check(
        &is("responseObject.metadata.name", "x"),
        &expect![[r#"
            ; RequestResponse {"responseObject.metadata.name"} at ResponseStarted|ResponseComplete|Panic
        "#]],
    );
    check(
        &test(Root::Falco("ka.req.role.rules.verbs".to_owned(), None), Match::Exists),
        &expect![[r#"
            verb {create,patch,update}, no path; Request {"ka.req.role.rules.verbs"} at ResponseStarted|ResponseComplete|Panic
        "#]],
    );
}

#[test]
fn an_answer_is_not_there_at_first() {
    check(
        &test(Root::Fact("outcome".to_owned()), Match::Is(Literal::Text("denied".to_owned()))),
        &expect![[r#"
        ; Metadata {} at ResponseStarted|ResponseComplete|Panic
    "#]],
    );
    check(
        &is("stage", "ResponseStarted"),
        &expect![[r#"
        ; Metadata {} at ResponseStarted
        exact
    "#]],
    );
}

#[test]
fn who_asks() {
    check(
        &is("user.username", "alice"),
        &expect![[r#"
        user {alice}, a user; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &not(is("user.username", "alice")),
        &expect![[r#"
        user but {alice}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &is("user.groups[*]", "system:masters"),
        &expect![[r#"
        a user, in {{"system:masters"}}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &not(is("user.groups[*]", "system:masters")),
        &expect![[r#"
        not in {"system:masters"}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    let actor = |kind: &str| test(Root::Fact("actor".to_owned()), Match::Is(Literal::Text(kind.to_owned())));
    check(
        &actor("anonymous"),
        &expect![[r#"
        user {system:anonymous}, a user; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &actor("unauthenticated"),
        &expect![[r#"
        user {}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &not(actor("anonymous")),
        &expect![[r#"
        user but {system:anonymous}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
}

#[test]
fn paths() {
    check(
        &test(event("requestURI"), Match::StartsWith("/debug/".to_owned(), Fold::Exact)),
        &expect![[r#"
        no resource, Some { exact: {}, prefixes: {"/debug/"} }; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
    check(
        &is("requestURI", "/api/v1/pods?watch=true"),
        &expect![[r#"
        Some { exact: {"/api/v1/pods"}, prefixes: {} }; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
}

#[test]
fn patterns_could_be_anything() {
    let like = |path: &str| test(event(path), Match::StartsWith("system:".to_owned(), Fold::Exact));
    check(
        &like("user.username"),
        &expect![[r#"
        a user; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
    check(
        &not(like("user.username")),
        &expect![[r#"
        ; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
    check(
        &test(event("verb"), Match::Equals("DELETE".to_owned(), Fold::Unicode)),
        &expect![[r#"
        verb {delete}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
}

#[test]
fn too_many_ways_become_one() {
    let group = |name: String| is("user.groups[*]", &name);
    let either = |n: usize| Expr::Or(vec![group(format!("a{n}")), not(group(format!("b{n}")))]);
    let needs = symbolic(&Expr::And((0..12).map(either).collect()));
    assert!(!needs.ways.is_empty() && needs.ways.len() <= super::WAYS_MAX && !needs.exact);
}

#[test]
fn one_of_the_groups_is_not_each_of_them() {
    let pointed = |pointer: &str, text: &str| {
        let field = Root::Falco("jevt.value".to_owned(), Some(pointer.to_owned()));
        test(field, Match::Equals(text.to_owned(), Fold::Exact))
    };
    for expr in [
        not(is("user.groups[0]", "system:masters")),
        not(is("user.groups", "system:masters")),
        not(pointed("/user/groups/0", "system:masters")),
        not(pointed("/user/groups", "[]")),
        not(pointed("/objectRef/0/resource", "pods")),
        not(is("objectRef[*].resource", "pods")),
    ] {
        check(
            &expr,
            &expect![[r#"
            ; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        "#]],
        );
    }
}

#[test]
fn what_is_created_is_named_in_the_body() {
    check(
        &Expr::And(vec![is("verb", "create"), is("objectRef.name", "coredns")]),
        &expect![[r#"
            verb {create}, subresource {}, name {}, no path; Metadata {} at ResponseStarted|ResponseComplete|Panic
            verb {create}, name {coredns}, no path; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        "#]],
    );
    check(
        &not(is("objectRef.name", "coredns")),
        &expect![[r#"
        name but {coredns}; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    // Roles may be called `Cluster-Admin`.
    let folded = test(event("objectRef.name"), Match::Equals("cluster-admin".to_owned(), Fold::Unicode));
    check(
        &Expr::And(vec![is("verb", "delete"), folded]),
        &expect![[r#"
        verb {delete}, name but {}, no path; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
}

#[test]
fn what_is_compared_is_recorded_on_both_sides() {
    let other = Field::of(event("requestObject.spec.username"));
    let equal = Match::Field(Compare::Equal, Box::new(other));
    check(
        &test(event("user.username"), equal),
        &expect![[r#"
        user but {}, verb {create,delete,deletecollection,patch,update}, no path, a user; Request {"requestObject.spec.username"} at ResponseStarted|ResponseComplete|Panic
    "#]],
    );
}

#[test]
fn many_of_something_need_it_none_do_not() {
    let count = |relation, number| {
        let field = Field { functions: vec![Function::Count], ..Field::of(Root::Container(Path::new([]))) };
        Expr::Test(Test { field, quantifier: Quantifier::Any, check: Match::Number(relation, number) })
    };
    check(
        &count(Compare::Greater, 2.0),
        &expect![[r#"
        verb {create,patch,update}, group {,apps,batch,extensions}, resource {cronjobs,daemonsets,deployments,jobs,pods,podtemplates,replicasets,replicationcontrollers,statefulsets}, subresource {,ephemeralcontainers,resize}, no path; Request {"container"} at ResponseStarted|ResponseComplete|Panic
    "#]],
    );
    check(
        &count(Compare::Less, 2.0),
        &expect![[r#"
        ; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
}

#[test]
fn nobody_is_authorised_or_impersonated_at_first() {
    let fact = |name: &str, value: Literal| test(Root::Fact(name.to_owned()), Match::Is(value));
    for expr in [
        fact("decision", Literal::Text("forbid".to_owned())),
        fact("impersonated", Literal::Bool(true)),
        fact("final", Literal::Bool(true)),
        is("impersonatedUser.username", "admin"),
        test(Root::Falco("ka.auth.decision".to_owned(), None), Match::Exists),
        test(
            Root::Dotted(vec!["annotations".to_owned(), "authorization.k8s.io/decision".to_owned()]),
            Match::Exists,
        ),
    ] {
        check(
            &expr,
            &expect![[r#"
            ; Metadata {} at ResponseStarted|ResponseComplete|Panic
        "#]],
        );
    }
    check(
        &fact("impersonated", Literal::Bool(false)),
        &expect![[r#"
        ; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
    "#]],
    );
}

#[test]
fn capitals_are_what_they_are() {
    let field = Field { functions: vec![Function::Lower], ..Field::of(event("verb")) };
    let loud = Match::Equals("GET".to_owned(), Fold::Exact);
    check(
        &not(Expr::Test(Test { field, quantifier: Quantifier::Any, check: loud })),
        &expect![[r#"
        ; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
    check(
        &not(is("stage", "responsecomplete")),
        &expect![[r#"
        ; Metadata {} at RequestReceived|ResponseStarted|ResponseComplete|Panic
        exact
    "#]],
    );
}
