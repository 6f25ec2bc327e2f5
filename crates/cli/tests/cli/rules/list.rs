use expect_test::expect;

use super::RIGHT;
use crate::{check, check_with_input};

#[test]
fn by_reference() {
    check(
        "rules list --ref k8s_1002",
        expect![[r#"
        exit 0
        --- stdout
        RULE            SEVERITY  NEEDS    TACTIC                REFS      FINDS
        privileged-pod  critical  Request  privilege-escalation  k8s_1002  Privileged container
    "#]],
    );
    check(
        "rules list --ref k8s_1002 -o json",
        expect![[r#"
        exit 0
        --- stdout
        [
          {
            "id": "privileged-pod",
            "title": "Privileged container",
            "severity": "critical",
            "enabled": true,
            "language": "native",
            "kind": "event",
            "level": "Request",
            "tactics": [
              "privilege-escalation"
            ],
            "techniques": [
              "T1611",
              "T1610"
            ],
            "threatMatrix": [
              "MS-TA9018"
            ],
            "refs": [
              "k8s_1002"
            ],
            "description": "A pod, or a workload whose pods would be so, asks for a privileged container of any kind: ordinary, init or ephemeral. A privileged container has the node's devices and all capabilities; whoever runs code in it owns the node and with it the credentials of everything else there. The person behind a workload is seen too, not only the controller that makes its pods.",
            "file": "detections/privilege-escalation/privileged-pod.yaml",
            "line": 1
          }
        ]
    "#]],
    );
}

#[test]
fn rules_of_a_file() {
    check_with_input(
        "rules list -",
        RIGHT,
        expect![[r#"
        exit 0
        --- stdout
        RULE                 SEVERITY  NEEDS     TACTIC             REFS  FINDS
        secret-read-by-hand  error     Metadata  credential-access        Secret read by hand
    "#]],
    );
}

#[test]
fn shipped_rules_as_settings_make_them() {
    check_with_input(
        "rules list --ref k8s_1002 -",
        "disable: [privileged-pod]\nseverity: {privileged-pod: alert}\n",
        expect![[r#"
            exit 0
            --- stdout
            RULE            SEVERITY     NEEDS    TACTIC                REFS      FINDS
            privileged-pod  alert (off)  Request  privilege-escalation  k8s_1002  Privileged container
        "#]],
    );
}

#[test]
fn none() {
    check(
        "rules list --tactic nothing",
        expect![[r#"
        exit 1
        --- stdout
        RULE  SEVERITY  NEEDS  TACTIC  REFS  FINDS
    "#]],
    );
}
