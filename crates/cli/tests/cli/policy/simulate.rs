use expect_test::expect;

use crate::check_with_input;

const LOG: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"RequestReceived","requestURI":"/api/v1/namespaces/shop/secrets","verb":"list","user":{"username":"bob","groups":["system:authenticated"]}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/secrets","verb":"list","user":{"username":"bob","groups":["system:authenticated"]}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"2","stage":"ResponseComplete","requestURI":"/apis/apps/v1/namespaces/shop/deployments","verb":"create","user":{"username":"bob","groups":["system:authenticated"]},"requestObject":{"kind":"Deployment","metadata":{"name":"web"}},"responseObject":{"kind":"Deployment","metadata":{"name":"web","managedFields":[{"manager":"kubectl"}]}}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"3
{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"4","stage":"ResponseStarted","requestURI":"/api/v1/pods","verb":"list","user":{}}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"5","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods/web","verb":"delete","user":{"username":"bob","groups":["system:authenticated"]}}
"#;

#[test]
fn a_summary_says_what_is_kept_and_what_is_unknown() {
    check_with_input(
        "policy simulate --policy examples/policies/recommended.yaml -",
        LOG,
        expect![[r#"
            exit 0
            --- stdout
            examples/policies/recommended.yaml keeps 4 of 5 events (80.0 %), 923 B of 1.3 kB (73.0 %)

            RULE  LINE  LEVEL            EVENTS  KEPT  KEPT BYTES  OF ALL KEPT
               1    13  None                  0     0         0 B        0.0 %
               2    18  Metadata              2     1       229 B       24.8 %
               3    27  Request               0     0         0 B        0.0 %
               4    34  Metadata              0     0         0 B        0.0 %
               5    47  None                  0     0         0 B        0.0 %
               6    57  None                  0     0         0 B        0.0 %
               7    63  None                  0     0         0 B        0.0 %
               8    71  None                  0     0         0 B        0.0 %
               9    77  None                  0     0         0 B        0.0 %
              10    84  None                  0     0         0 B        0.0 %
              11    90  Metadata              0     0         0 B        0.0 %
              12   112  Metadata              0     0         0 B        0.0 %
              13   118  Metadata              1     1       159 B       17.2 %
              14   122  RequestResponse       0     0         0 B        0.0 %
              15   129  Request               2     2       535 B       58.0 %
              16   148  Metadata              0     0         0 B        0.0 %

            LEVEL     EVENTS  KEPT  KEPT BYTES  OF ALL KEPT
            Metadata       3     2       388 B       42.0 %
            Request        2     2       535 B       58.0 %

            STAGE             EVENTS  KEPT  KEPT BYTES  OF ALL KEPT
            RequestReceived        1     0         0 B        0.0 %
            ResponseStarted        1     1       159 B       17.2 %
            ResponseComplete       3     3       764 B       82.8 %

            REQUEST                  EVENTS  KEPT  KEPT BYTES  OF ALL KEPT
            create deployments.apps       1     1       304 B       32.9 %
            delete pods                   1     1       231 B       25.0 %
            list secrets                  2     1       229 B       24.8 %
            list pods                     1     1       159 B       17.2 %

            USER                 EVENTS  KEPT  KEPT BYTES  OF ALL KEPT
            bob                       4     3       764 B       82.8 %
            (not authenticated)       1     1       159 B       17.2 %

            What this log cannot tell: requests that its own policy left out are not in it.
            --- stderr
            <stdin>: line 4, column 77: a string without end
            passed over 1 broken line
        "#]],
    );
}

#[test]
fn the_fate_of_each_event() {
    check_with_input(
        "policy simulate --policy examples/policies/recommended.yaml --events -",
        LOG,
        expect![[r#"
            exit 0
            --- stdout
            {"auditID":"1","stage":"RequestReceived","level":"Metadata","rule":2,"recorded":false}
            {"auditID":"1","stage":"ResponseComplete","level":"Metadata","rule":2,"recorded":true}
            {"auditID":"2","stage":"ResponseComplete","level":"Request","rule":15,"recorded":true}
            {"auditID":"4","stage":"ResponseStarted","level":"Metadata","rule":13,"recorded":true}
            {"auditID":"5","stage":"ResponseComplete","level":"Request","rule":15,"recorded":true}
            --- stderr
            <stdin>: line 4, column 77: a string without end
            passed over 1 broken line
        "#]],
    );
}
