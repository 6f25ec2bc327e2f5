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
            Request by rule 15 (line 129), but not at RequestReceived

            RULE  LINE  NO MATCH BECAUSE
               1    14  verb `create` is not one of `get`
               2    20  no entry is for apps
               3    29  no entry is for apps
               4    36  no entry is for apps
               5    49  user `alice` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more
               6    58  none of the user's groups is one of `system:nodes`
               7    64  user `alice` is not one of `system:kube-controller-manager`, `system:kube-scheduler`
               8    72  none of the user's groups is one of `system:nodes`, `system:serviceaccounts:kube-system`
               9    79  user `alice` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more
              10    85  none of the user's groups is one of `system:nodes`
              11    92  user `alice` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more
              12   113  none of the user's groups is one of `system:nodes`, `system:serviceaccounts:kube-system`
              13   119  verb `create` is not one of `get`, `list`, `watch`
              14   123  verb `create` is not one of `patch`
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
              "rule": 13,
              "line": 118,
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
                  "line": 29,
                  "condition": "resources",
                  "reason": "`pods` of the core group is not listed"
                },
                {
                  "rule": 4,
                  "line": 36,
                  "condition": "resources",
                  "reason": "`pods` of the core group is not listed"
                },
                {
                  "rule": 5,
                  "line": 49,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more"
                },
                {
                  "rule": 6,
                  "line": 58,
                  "condition": "userGroups",
                  "reason": "none of the user's groups is one of `system:nodes`"
                },
                {
                  "rule": 7,
                  "line": 64,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:kube-controller-manager`, `system:kube-scheduler`"
                },
                {
                  "rule": 8,
                  "line": 72,
                  "condition": "userGroups",
                  "reason": "none of the user's groups is one of `system:nodes`, `system:serviceaccounts:kube-system`"
                },
                {
                  "rule": 9,
                  "line": 79,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more"
                },
                {
                  "rule": 10,
                  "line": 85,
                  "condition": "userGroups",
                  "reason": "none of the user's groups is one of `system:nodes`"
                },
                {
                  "rule": 11,
                  "line": 92,
                  "condition": "users",
                  "reason": "user `bob` is not one of `system:apiserver`, `system:kube-controller-manager`, `system:kube-scheduler`, 1 more"
                },
                {
                  "rule": 12,
                  "line": 113,
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
