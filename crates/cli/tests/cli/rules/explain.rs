use expect_test::expect;

use crate::{check, check_with_input};

const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"a1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/secrets/db","verb":"get","user":{"username":"alice","groups":["system:authenticated"]},"sourceIPs":["10.0.0.17"],"userAgent":"kubectl/v1.36.3","objectRef":{"resource":"secrets","namespace":"shop","name":"db","apiVersion":"v1"},"responseStatus":{"metadata":{},"code":200},"requestReceivedTimestamp":"2026-01-01T00:00:00.000000Z","stageTimestamp":"2026-01-01T00:00:00.010000Z","annotations":{"authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":""}}
"#;

#[test]
fn why_it_matches() {
    check_with_input(
        "rules explain secret-read --event -",
        EVENT,
        expect![[r#"
        exit 0
        --- stdout
        secret-read matches alice: get secrets shop/db at ResponseComplete
          yes  not stage equals "RequestReceived"   (ResponseComplete)
          yes  verb in ["get", "list", "watch"]   (get)
          yes  resource == "secrets"   (secrets)
          yes  not exists apiGroup   (nothing there)
          yes  not exists subresource   (nothing there)
          yes  actor not in ["node", "controlPlane", "controller"]   (person)
          yes  user not in []   (alice)
          yes  outcome == "success"   (success)
    "#]],
    );
}

#[test]
fn why_it_does_not() {
    check_with_input(
        "rules explain exec-interactive-shell --event -",
        EVENT,
        expect![[r#"
        exit 1
        --- stdout
        exec-interactive-shell does not match alice: get secrets shop/db at ResponseComplete
          yes  not stage equals "RequestReceived"   (ResponseComplete)
          yes  verb in ["create", "get"]   (get)
           no  resource == "pods"   (secrets)
           no  any of
           no    all of
           no      subresource == "exec"   (nothing there)
           no      exec.interactive == true   (nothing there)
           no      lower(basename(query.command)) in ["sh", "bash", "ash", "dash", "zsh", "ksh", "csh", "tcsh", "fish", "busybox", "pwsh"]   (nothing there)
           no    all of
           no      subresource == "attach"   (nothing there)
           no      exec.interactive == true   (nothing there)
          yes  user not in []   (alice)
          yes  outcome == "success"   (success)
    "#]],
    );
    check_with_input(
        "rules explain event-deletion --event - -o json",
        EVENT,
        expect![[r#"
        exit 1
        --- stdout
        [
          {
            "rule": "event-deletion",
            "auditId": "a1",
            "stage": "ResponseComplete",
            "request": "alice: get secrets shop/db",
            "matches": false,
            "conditions": [
              {
                "part": {
                  "holds": false,
                  "text": "all of",
                  "parts": [
                    {
                      "holds": true,
                      "text": "not stage equals \"RequestReceived\"",
                      "saw": [
                        "ResponseComplete"
                      ]
                    },
                    {
                      "holds": false,
                      "text": "verb in [\"delete\", \"deletecollection\"]",
                      "saw": [
                        "get"
                      ]
                    },
                    {
                      "holds": false,
                      "text": "resource == \"events\"",
                      "saw": [
                        "secrets"
                      ]
                    },
                    {
                      "holds": true,
                      "text": "actor not in [\"controller\", \"controlPlane\"]",
                      "saw": [
                        "person"
                      ]
                    },
                    {
                      "holds": true,
                      "text": "user not in []",
                      "saw": [
                        "alice"
                      ]
                    },
                    {
                      "holds": true,
                      "text": "outcome == \"success\"",
                      "saw": [
                        "success"
                      ]
                    }
                  ]
                }
              }
            ]
          }
        ]
    "#]],
    );
}

#[test]
fn no_such_rule_no_such_event() {
    check_with_input(
        "rules explain secret-reads --event -",
        EVENT,
        expect![[r#"
        exit 2
        --- stderr
        error: no rule that can run is called `secret-reads`
        hint: did you mean `secret-read`?
    "#]],
    );
    check_with_input(
        "rules explain secret-read --event - --audit-id a2",
        EVENT,
        expect![[r#"
        exit 2
        --- stderr
        error: `<stdin>` has no event with the audit id `a2`
    "#]],
    );
    check_with_input(
        "rules explain secret-read --event -",
        "",
        expect![[r#"
        exit 2
        --- stderr
        error: `<stdin>` has no event
    "#]],
    );
    check(
        "rules explain secret-read --event nowhere.json",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `nowhere.json`: No such file or directory (os error 2)
    "#]],
    );
}
