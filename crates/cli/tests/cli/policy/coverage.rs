use expect_test::expect;

use crate::check;

#[test]
fn each_blind_part_of_a_detection_has_a_request() {
    check(
        "policy coverage --policy examples/policies/copied.yaml --detection privileged-pod,daemonset-created",
        expect![[r#"
            exit 1
            --- stdout
            0 of 2 detections in full, 1 in part, 1 blind

            SIGHT    DETECTION          NOT SEEN, FOR EXAMPLE                                                                          RECORDED  NEEDED    BY
            blind    daemonset-created  alice (system:authenticated): create daemonsets.apps in default                                nothing   an event  no rule
                                        alice (system:authenticated): create daemonsets.apps in kube-system                            nothing   an event  rule 2, line 12
            partial  privileged-pod     alice (system:authenticated): create pods in kube-system                                       nothing   an event  rule 2, line 12
                                        alice (system:authenticated): create replicationcontrollers in kube-system                     nothing   an event  rule 2, line 12
                                        alice (system:authenticated): create deployments.apps in default                               nothing   an event  no rule
                                        alice (system:authenticated): create replicasets.apps in kube-node-lease                       nothing   an event  no rule
                                        alice (system:authenticated): update pods/ephemeralcontainers web in kube-system               nothing   an event  rule 2, line 12
                                        system:anonymous (system:unauthenticated): create pods in kube-system                          nothing   an event  rule 2, line 12
                                        system:anonymous (system:unauthenticated): create replicationcontrollers in kube-system        nothing   an event  rule 2, line 12
                                        system:anonymous (system:unauthenticated): create replicasets.apps in kube-node-lease          nothing   an event  no rule
                                        system:anonymous (system:unauthenticated): update pods/ephemeralcontainers web in kube-system  nothing   an event  rule 2, line 12
        "#]],
    );
}

#[test]
fn what_is_fed_in_full_is_fine() {
    check(
        "policy coverage --policy examples/policies/recommended.yaml --detection privileged-pod,cluster-admin-binding",
        expect![[r#"
            exit 0
            --- stdout
            2 of 2 detections in full, 0 in part, 0 blind

            SIGHT  DETECTION              NOT SEEN, FOR EXAMPLE  RECORDED  NEEDED  BY
            full   cluster-admin-binding
            full   privileged-pod
        "#]],
    );
}

#[test]
fn a_detection_that_is_not_there_is_guessed() {
    check(
        "policy coverage --policy examples/policies/copied.yaml --detection priviledged-pod",
        expect![[r#"
        exit 2
        --- stderr
        error: there is no detection `priviledged-pod`
        hint: did you mean `privileged-pod`?
    "#]],
    );
}

#[test]
fn as_json() {
    check(
        "policy coverage --policy examples/policies/copied.yaml --detection daemonset-created -o json",
        expect![[r#"
            exit 1
            --- stdout
            [
              {
                "rule": "daemonset-created",
                "title": "DaemonSet created",
                "severity": "notice",
                "sight": "blind",
                "blind": [
                  {
                    "request": "alice (system:authenticated): create daemonsets.apps in default",
                    "recorded": "nothing",
                    "needed": "an event"
                  },
                  {
                    "request": "alice (system:authenticated): create daemonsets.apps in default",
                    "recorded": "nothing",
                    "needed": "an event"
                  },
                  {
                    "request": "alice (system:authenticated): create daemonsets.apps in kube-system",
                    "policyRule": 2,
                    "line": 12,
                    "recorded": "nothing",
                    "needed": "an event"
                  },
                  {
                    "request": "alice (system:authenticated): create daemonsets.apps in kube-system",
                    "policyRule": 2,
                    "line": 12,
                    "recorded": "nothing",
                    "needed": "an event"
                  }
                ]
              }
            ]
        "#]],
    );
}
