use expect_test::expect;

use super::{RIGHT, WRONG};
use crate::{check, check_with_input};

#[test]
fn the_shipped_rules() {
    check(
        "rules check detections",
        expect![[r#"
            exit 0
            --- stdout
            161 rules in 162 files: 0 errors, 0 warnings, 0 notes
        "#]],
    );
}

#[test]
fn mistakes_have_places_and_hints() {
    check_with_input(
        "rules check -",
        WRONG,
        expect![[r#"
            exit 1
            --- stdout
            <stdin>:8:7: error: unknown field `resorce`
              8 |   and resorce == "secrets"
                |       ^^^^^^^
              hint: did you mean `resource`?
            <stdin>:10:12: error: unknown field `usr`
              10 | summary: '{usr} read {name}'
                 |            ^^^
              hint: did you mean `user`?
            0 rules in 1 file: 2 errors, 0 warnings, 0 notes
        "#]],
    );
    check_with_input(
        "rules check -o json -",
        WRONG,
        expect![[r#"
            exit 1
            --- stdout
            {
              "files": 1,
              "rules": 0,
              "findings": [
                {
                  "severity": "error",
                  "file": "<stdin>",
                  "line": 8,
                  "column": 7,
                  "rule": "secret-read-by-hand",
                  "message": "unknown field `resorce`",
                  "hint": "did you mean `resource`?"
                },
                {
                  "severity": "error",
                  "file": "<stdin>",
                  "line": 10,
                  "column": 12,
                  "rule": "secret-read-by-hand",
                  "message": "unknown field `usr`",
                  "hint": "did you mean `user`?"
                }
              ]
            }
        "#]],
    );
}

#[test]
fn a_rule_without_fault() {
    check_with_input(
        "rules check -",
        RIGHT,
        expect![[r#"
        exit 0
        --- stdout
        1 rule in 1 file: 0 errors, 0 warnings, 0 notes
    "#]],
    );
}

#[test]
fn settings_are_held_against_the_shipped_rules() {
    check_with_input(
        "rules check -",
        "params: {privileged-pod: {allowedNamespace: [a]}}\n",
        expect![[r#"
        exit 1
        --- stdout
        <stdin>:1:27: error: no parameter of `privileged-pod` is called `allowedNamespace`
          1 | params: {privileged-pod: {allowedNamespace: [a]}}
            |                           ^^^^^^^^^^^^^^^^
          hint: did you mean `allowedNamespaces`?
        0 rules in 1 file: 1 error, 0 warnings, 0 notes
    "#]],
    );
}

#[test]
fn what_cannot_be_read() {
    check(
        "rules check",
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          <PATH>...

        Usage: auditward rules check <PATH>...

        For more information, try '--help'.
    "#]],
    );
    check(
        "rules check nowhere.yaml",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `nowhere.yaml`: No such file or directory (os error 2)
    "#]],
    );
    check(
        "rules check docs/policy",
        expect![[r#"
        exit 2
        --- stderr
        error: there are no rules in `docs/policy`
        hint: rules are in files that end in .yaml or .yml
    "#]],
    );
    check_with_input(
        "rules check - -",
        "",
        expect![[r#"
        exit 2
        --- stderr
        error: `-` is given more than once, and standard input can be read only once
    "#]],
    );
}
