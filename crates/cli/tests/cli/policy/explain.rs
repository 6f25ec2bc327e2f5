use expect_test::expect;

use super::POLICY;
use crate::{check, check_with_input};

#[test]
fn by_parts() {
    check(
        "policy explain --policy examples/policies/recommended.yaml --user alice --verb create --resource deployments.apps --namespace shop",
        expect![[r#"
            exit 0
            --- stdout
            alice (system:authenticated): create deployments.apps in shop
            Request by rule 13 (line 117), but not at RequestReceived

            RULE  LINE  NO MATCH BECAUSE
               1    14  verb `create` is not one of `get`
               2    20  no entry is for apps
               3    30  no entry is for apps
               4    43  user `alice` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more
               5    52  none of the user's groups is one of `system:nodes`
               6    58  user `alice` is not one of `system:kube-controller-manager`, `system:kube-scheduler`
               7    66  none of the user's groups is one of `system:nodes`, `system:serviceaccounts:kube-system`
               8    73  user `alice` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more
               9    79  none of the user's groups is one of `system:nodes`
              10    86  user `alice` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more
              11   107  none of the user's groups is one of `system:nodes`, `system:serviceaccounts:kube-system`
              12   113  verb `create` is not one of `get`, `list`, `watch`
        "#]],
    );
}

#[test]
fn by_uri() {
    check(
        "policy explain --policy examples/policies/recommended.yaml --user alice --uri /api/v1/namespaces/shop/secrets?watch=1",
        expect![[r#"
            exit 0
            --- stdout
            alice (system:authenticated): watch secrets in shop
            Metadata by rule 2 (line 18), but not at RequestReceived

            RULE  LINE  NO MATCH BECAUSE
               1    14  verb `watch` is not one of `get`
        "#]],
    );
}

#[test]
fn without_a_user() {
    check(
        "policy explain --policy examples/policies/copied.yaml --uri /healthz/etcd",
        expect![[r#"
        exit 1
        --- stdout
        no authenticated user: get /healthz/etcd
        None by rule 3 (line 14)

        RULE  LINE  NO MATCH BECAUSE
           1     7  the request has no authenticated user
           2    12  the rule is about resources, the request is for another path
    "#]],
    );
}

#[test]
fn by_event() {
    let event = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods?fieldSelector=metadata.name%3Dweb","verb":"list","user":{"username":"bob","groups":["system:authenticated"]}}"#;
    check_with_input(
        "policy explain --policy examples/policies/recommended.yaml --event - -o json",
        event,
        expect![[r#"
            exit 0
            --- stdout
            {
              "request": "bob (system:authenticated): list pods web in shop",
              "level": "Metadata",
              "omitStages": [
                "RequestReceived"
              ],
              "omitManagedFields": true,
              "rule": 12,
              "line": 112,
              "passedOver": [
                {
                  "rule": 1,
                  "line": 14,
                  "condition": "verbs",
                  "reason": "verb `list` is not one of `get`"
                },
                {
                  "rule": 2,
                  "line": 20,
                  "condition": "resources",
                  "reason": "`pods` of the core group is not listed"
                },
                {
                  "rule": 3,
                  "line": 30,
                  "condition": "resources",
                  "reason": "`pods` of the core group is not listed"
                },
                {
                  "rule": 4,
                  "line": 43,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more"
                },
                {
                  "rule": 5,
                  "line": 52,
                  "condition": "userGroups",
                  "reason": "none of the user's groups is one of `system:nodes`"
                },
                {
                  "rule": 6,
                  "line": 58,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:kube-controller-manager`, `system:kube-scheduler`"
                },
                {
                  "rule": 7,
                  "line": 66,
                  "condition": "userGroups",
                  "reason": "none of the user's groups is one of `system:nodes`, `system:serviceaccounts:kube-system`"
                },
                {
                  "rule": 8,
                  "line": 73,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more"
                },
                {
                  "rule": 9,
                  "line": 79,
                  "condition": "userGroups",
                  "reason": "none of the user's groups is one of `system:nodes`"
                },
                {
                  "rule": 10,
                  "line": 86,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more"
                },
                {
                  "rule": 11,
                  "line": 107,
                  "condition": "userGroups",
                  "reason": "none of the user's groups is one of `system:nodes`, `system:serviceaccounts:kube-system`"
                }
              ]
            }
        "#]],
    );
}

#[test]
fn a_refused_policy() {
    check_with_input(
        "policy explain --policy - --uri /",
        &POLICY.replace("None", "none"),
        expect![[r#"
        exit 2
        --- stderr
        <stdin>:4:10: error: unknown level `none` (rules[0].level)
          4 | - level: none
            |          ^^^^
          hint: did you mean `None`?
        error: kube-apiserver would refuse `<stdin>`
    "#]],
    );
}
