use expect_test::expect;

use super::POLICY;
use crate::{check, check_with_input};

#[test]
fn an_accepted_policy() {
    check(
        "policy check examples/policies/recommended.yaml",
        expect![[r#"
            exit 0
            --- stdout
            examples/policies/recommended.yaml: accepted, 16 rules
        "#]],
    );
}

#[test]
fn unknown_fields_are_warned_of() {
    check_with_input(
        "policy check -",
        POLICY,
        expect![[r#"
        exit 0
        --- stdout
        <stdin>:6:3: warning: unknown field `verb` is ignored (rules[0].verb)
          6 |   verb: [get]
            |   ^^^^
          hint: did you mean `verbs`?
        <stdin>: accepted, 2 rules
    "#]],
    );
}

#[test]
fn everything_wrong_is_told_at_once() {
    let policy = "\
apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestRecieved]
rules:
- level: Requests
  users: alice
- nonResourceURLs: [healthz, /a*b]
  namespaces: [yes]
- level: Metadata
  resources:
  - group: apps/v1
    resourceNames: [web]
";
    check_with_input(
        "policy check -",
        policy,
        expect![[r#"
        exit 1
        --- stdout
        <stdin>:3:14: error: unknown stage `RequestRecieved` (omitStages[0])
          3 | omitStages: [RequestRecieved]
            |              ^^^^^^^^^^^^^^^
          hint: did you mean `RequestReceived`?
        <stdin>:5:10: error: unknown level `Requests` (rules[0].level)
          5 | - level: Requests
            |          ^^^^^^^^
          hint: did you mean `Request`?
        <stdin>:6:10: error: expected a list, found a string (rules[0].users)
          6 |   users: alice
            |          ^^^^^
          hint: write it as a list with one entry: `["alice"]`
        <stdin>:7:3: error: this rule has no `level` (rules[1].level)
          7 | - nonResourceURLs: [healthz, /a*b]
            |   ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
          hint: add one of None, Metadata, Request, RequestResponse
        <stdin>:7:21: error: a non-resource URL begins with `/`, this is `healthz` (rules[1].nonResourceURLs[0])
          7 | - nonResourceURLs: [healthz, /a*b]
            |                     ^^^^^^^
          hint: write `/healthz`
        <stdin>:7:30: error: in `/a*b` the `*` is not the last character (rules[1].nonResourceURLs[1])
          7 | - nonResourceURLs: [healthz, /a*b]
            |                              ^^^^
          hint: a path can only be matched from its beginning: keep one `*`, at the end
        <stdin>:8:16: error: expected a string, found a boolean (rules[1].namespaces[0])
          8 |   namespaces: [yes]
            |                ^^^
          hint: put it in quotes: YAML reads yes, no, on, off, y, n, true and false as booleans
        <stdin>:11:12: error: `apps/v1` is not the name of an API group (rules[2].resources[0].group)
          11 |   - group: apps/v1
             |            ^^^^^^^
          hint: write the group without a version: `apps`
        <stdin>:12:21: error: `resourceNames` needs at least one entry in `resources` (rules[2].resources[0].resourceNames)
          12 |     resourceNames: [web]
             |                     ^^^
          hint: say which resources have these names
        <stdin>: refused: kube-apiserver would not start
    "#]],
    );
}

#[test]
fn json_for_programs() {
    check_with_input(
        "policy check -o json -",
        "kind: Policy\nrules: [{level: Metadata}]\n",
        expect![[r#"
        exit 1
        --- stdout
        [
          {
            "file": "<stdin>",
            "accepted": false,
            "rules": 0,
            "findings": [
              {
                "severity": "error",
                "line": 1,
                "column": 1,
                "path": "apiVersion",
                "message": "`apiVersion` is missing or empty",
                "hint": "begin the file with `apiVersion: audit.k8s.io/v1` and `kind: Policy`"
              }
            ],
            "kubeApiserverSays": "unknown group version field audit.k8s.io/__internal, Kind=Policy in policy"
          }
        ]
    "#]],
    );
}

#[test]
fn not_yaml() {
    check_with_input(
        "policy check -",
        "rules:\n\t- level: None\n",
        expect![[r#"
        exit 1
        --- stdout
        <stdin>:2:1: error: not YAML: found character that cannot start any token
          2 | →- level: None
            | ^
          hint: indent with spaces; YAML does not allow tabs there
        <stdin>: refused: kube-apiserver would not start
    "#]],
    );
}

#[test]
fn no_such_file() {
    check(
        "policy check no-such-file.yaml",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `no-such-file.yaml`: No such file or directory (os error 2)
    "#]],
    );
}

#[test]
fn usage() {
    check(
        "policy check",
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <FILE>...

        Usage: auditward policy check <FILE>...

        For more information, try '--help'.
    "#]],
    );
}

/// The parser panics on it, which nobody but us needs to know.
#[test]
fn a_text_that_the_parser_gives_up_on() {
    check_with_input(
        "policy check -",
        "rules: [!!u, x]\n",
        expect![[r#"
        exit 1
        --- stdout
        <stdin>:1:9: error: YAML that the parser gives up on, somewhere from here on
          1 | rules: [!!u, x]
            |         ^
          hint: put texts with `!` or other signs in them into quotes
        <stdin>: refused: kube-apiserver would not start
    "#]],
    );
}
