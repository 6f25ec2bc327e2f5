//! `auditward status`, of folders that stand for nodes.

use expect_test::expect;

use crate::check;

#[test]
fn off() {
    check(
        "status --root examples/nodes/kubeadm-off",
        expect![[r#"
            exit 1
            --- stdout
            auditing is off: neither a policy nor a log nor a webhook is set

              off[no-flags]: neither a policy nor a log nor a webhook is set
                to do: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up

            API server: kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver, v1.34.0
              whether it runs can't be seen here

            looked at
              /proc: nothing there
              /var/snap/microk8s/current/args/kube-apiserver: nothing there
              /var/snap/k8s/common/args/kube-apiserver: nothing there
              /etc/microshift/config.yaml: nothing there
              /etc/k0s/k0s.yaml: nothing there
              /etc/rancher/k3s/config.yaml: nothing there
              /etc/rancher/rke2/config.yaml: nothing there
              /var/lib/kubelet/config.yaml: staticPodPath /etc/kubernetes/manifests
              /etc/kubernetes/manifests/kube-apiserver.yaml: a pod with kube-apiserver, `kube-apiserver`
              /etc/kubernetes/manifests: 1 file, 1 with kube-apiserver
              /etc/kubernetes/manifest: nothing there
        "#]],
    );
}

#[test]
fn on() {
    check(
        "status --root examples/nodes/kubeadm-on",
        expect![[r#"
            exit 0
            --- stdout
            auditing is on, by its configuration: events go to /var/log/kubernetes/audit/audit.log

            API server: kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver, v1.34.0
              whether it runs can't be seen here

            FLAG                   VALUE                                FROM
            --audit-log-maxage     30                                   /etc/kubernetes/manifests/kube-apiserver.yaml:14
            --audit-log-maxbackup  10                                   /etc/kubernetes/manifests/kube-apiserver.yaml:15
            --audit-log-maxsize    100                                  /etc/kubernetes/manifests/kube-apiserver.yaml:16
            --audit-log-path       /var/log/kubernetes/audit/audit.log  /etc/kubernetes/manifests/kube-apiserver.yaml:17
            --audit-policy-file    /etc/kubernetes/audit/policy.yaml    /etc/kubernetes/manifests/kube-apiserver.yaml:18

            policy: /etc/kubernetes/audit/policy.yaml
              15 rules, sha256:01594bf6e75937d7c70169d9b047818040926b1bc38f198b088bab6e66030ab5
              0 errors, 0 warnings, 3 notes of lint

            log: /var/log/kubernetes/audit/audit.log
              1.3 GB at most

            looked at
              /proc: nothing there
              /var/snap/microk8s/current/args/kube-apiserver: nothing there
              /var/snap/k8s/common/args/kube-apiserver: nothing there
              /etc/microshift/config.yaml: nothing there
              /etc/k0s/k0s.yaml: nothing there
              /etc/rancher/k3s/config.yaml: nothing there
              /etc/rancher/rke2/config.yaml: nothing there
              /var/lib/kubelet/config.yaml: staticPodPath /etc/kubernetes/manifests
              /etc/kubernetes/manifests/kube-apiserver.yaml: a pod with kube-apiserver, `kube-apiserver`
              /etc/kubernetes/manifests: 1 file, 1 with kube-apiserver
              /etc/kubernetes/manifest: nothing there
        "#]],
    );
}

#[test]
fn on_in_name_only() {
    check(
        "status --root examples/nodes/rke2-cis",
        expect![[r#"
            exit 1
            --- stdout
            auditing is only half on: the policy /etc/rancher/rke2/audit-policy.yaml records nothing: it is only None

              half on[policy-none]: the policy /etc/rancher/rke2/audit-policy.yaml records nothing: it is only None
                to do: write rules that record, and judge them with auditward policy lint /etc/rancher/rke2/audit-policy.yaml

              note[note]: `profile: cis` is set (/etc/rancher/rke2/config.yaml:2)

            API server: RKE2, /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml runs kube-apiserver, v1.34.1-rke2r1-build20260915
              whether it runs can't be seen here

            FLAG                   VALUE                                        FROM
            --audit-log-maxage     30                                           /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:15
            --audit-log-maxbackup  10                                           /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:16
            --audit-log-maxsize    100                                          /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:17
            --audit-log-path       /var/lib/rancher/rke2/server/logs/audit.log  /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:18
            --audit-policy-file    /etc/rancher/rke2/audit-policy.yaml          /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:19

            policy: /etc/rancher/rke2/audit-policy.yaml
              1 rule, sha256:48697a0e578abc56eded7025b4de1defafa71119a17271c04d4e1266fc259dce
              2 errors, 0 warnings, 1 note of lint

            log: /var/lib/rancher/rke2/server/logs/audit.log
              1.3 GB at most

            looked at
              /proc: nothing there
              /var/snap/microk8s/current/args/kube-apiserver: nothing there
              /var/snap/k8s/common/args/kube-apiserver: nothing there
              /etc/microshift/config.yaml: nothing there
              /etc/k0s/k0s.yaml: nothing there
              /etc/rancher/k3s/config.yaml: nothing there
              /etc/rancher/rke2/config.yaml: no audit flag
              /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml: a pod with kube-apiserver, `kube-apiserver`
              /var/lib/rancher/rke2/agent/pod-manifests: 1 file, 1 with kube-apiserver
              /etc/kubernetes/manifests: nothing there
              /etc/kubernetes/manifest: nothing there
        "#]],
    );
}

#[test]
fn checks() {
    check(
        "status --checks --root examples/nodes/rke2-cis",
        expect![[r#"
            exit 1
            --- stdout
            auditing is only half on: the policy /etc/rancher/rke2/audit-policy.yaml records nothing: it is only None

            CHECK          RESULT  EVIDENCE
            CIS 1.2.16     pass    /var/lib/rancher/rke2/server/logs/audit.log (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:18)
            CIS 1.2.17     pass    30 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:15)
            CIS 1.2.18     pass    10 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:16)
            CIS 1.2.19     pass    100 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:17)
            CIS 3.2.1      FAIL    /etc/rancher/rke2/audit-policy.yaml records nothing; a scanner that only reads flags passes it
            CIS 3.2.2      FAIL    /etc/rancher/rke2/audit-policy.yaml records nothing
            STIG V-242402  pass    /var/lib/rancher/rke2/server/logs/audit.log (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:18)
            STIG V-242403  FAIL    /etc/rancher/rke2/audit-policy.yaml records nothing
            STIG V-242461  FAIL    /etc/rancher/rke2/audit-policy.yaml records nothing; a scanner that only reads flags passes it
            STIG V-242462  pass    100 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:17)
            STIG V-242463  pass    10 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:16)
            STIG V-242464  pass    30 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:15)
            STIG V-242465  pass    /var/lib/rancher/rke2/server/logs/audit.log (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:18)

            to do
              write a policy that records, and judge it with auditward policy lint
              auditward policy lint /etc/rancher/rke2/audit-policy.yaml

            9 pass, 4 fail, 0 to be looked at
        "#]],
    );
    check(
        "status --checks -o yaml --root examples/nodes/kubeadm-off",
        expect![[r#"
            exit 1
            --- stdout
            verdict: "off"
            summary: "auditing is off: neither a policy nor a log nor a webhook is set"
            reasons:
            - code: no-flags
              verdict: "off"
              what: neither a policy nor a log nor a webhook is set
              todo: "`auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            checks:
            - id: CIS 1.2.16
              title: --audit-log-path is set
              result: fail
              evidence: not set
              remedy: "set --audit-log-path: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: CIS 1.2.17
              title: --audit-log-maxage is 30 or more
              result: fail
              evidence: not set
              remedy: "set --audit-log-maxage=30: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: CIS 1.2.18
              title: --audit-log-maxbackup is 10 or more
              result: fail
              evidence: not set
              remedy: "set --audit-log-maxbackup=10: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: CIS 1.2.19
              title: --audit-log-maxsize is 100 or more
              result: fail
              evidence: not set
              remedy: "set --audit-log-maxsize=100: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: CIS 3.2.1
              title: there is a minimal audit policy
              result: fail
              evidence: --audit-policy-file is not set
              remedy: "set --audit-policy-file: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: CIS 3.2.2
              title: the policy covers key security concerns
              result: fail
              evidence: --audit-policy-file is not set
              remedy: "set --audit-policy-file: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: STIG V-242402
              title: the API server has an audit log path
              result: fail
              evidence: not set
              remedy: "set --audit-log-path: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: STIG V-242403
              title: the policy records who did what, when, where from, with what result
              result: fail
              evidence: --audit-policy-file is not set
              remedy: "set --audit-policy-file: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: STIG V-242461
              title: audit logs are enabled
              result: fail
              evidence: --audit-policy-file is not set
              remedy: "set --audit-policy-file: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: STIG V-242462
              title: the maximum size of an audit log is 100 MB or more
              result: fail
              evidence: not set
              remedy: "set --audit-log-maxsize=100: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: STIG V-242463
              title: ten or more old audit logs are kept
              result: fail
              evidence: not set
              remedy: "set --audit-log-maxbackup=10: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: STIG V-242464
              title: audit logs are kept for 30 days or more
              result: fail
              evidence: not set
              remedy: "set --audit-log-maxage=30: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            - id: STIG V-242465
              title: the audit log path is set
              result: fail
              evidence: not set
              remedy: "set --audit-log-path: `auditward enable` sets the flags and the mounts in the manifest, and undoes it when the API server does not come up"
            apiServer:
              runBy: kubeadm
              sign: /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              manifests:
              - /etc/kubernetes/manifests/kube-apiserver.yaml
              version: v1.34.0
            flags: []
            differences: []
            lookedAt:
            - path: /proc
              seen: absent
            - path: /var/snap/microk8s/current/args/kube-apiserver
              seen: absent
            - path: /var/snap/k8s/common/args/kube-apiserver
              seen: absent
            - path: /etc/microshift/config.yaml
              seen: absent
            - path: /etc/k0s/k0s.yaml
              seen: absent
            - path: /etc/rancher/k3s/config.yaml
              seen: absent
            - path: /etc/rancher/rke2/config.yaml
              seen: absent
            - path: /var/lib/kubelet/config.yaml
              seen: found
              what: staticPodPath /etc/kubernetes/manifests
            - path: /etc/kubernetes/manifests/kube-apiserver.yaml
              seen: found
              what: a pod with kube-apiserver, `kube-apiserver`
            - path: /etc/kubernetes/manifests
              seen: found
              what: 1 file, 1 with kube-apiserver
            - path: /etc/kubernetes/manifest
              seen: absent
        "#]],
    );
}

#[test]
fn for_programs() {
    check(
        "status -o json --root examples/nodes/kubeadm-on",
        expect![[r#"
            exit 0
            --- stdout
            {
              "verdict": "on",
              "summary": "auditing is on, by its configuration: events go to /var/log/kubernetes/audit/audit.log",
              "reasons": [],
              "apiServer": {
                "runBy": "kubeadm",
                "sign": "/etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver",
                "manifests": [
                  "/etc/kubernetes/manifests/kube-apiserver.yaml"
                ],
                "version": "v1.34.0"
              },
              "flags": [
                {
                  "name": "audit-log-maxage",
                  "value": "30",
                  "origin": "/etc/kubernetes/manifests/kube-apiserver.yaml:14"
                },
                {
                  "name": "audit-log-maxbackup",
                  "value": "10",
                  "origin": "/etc/kubernetes/manifests/kube-apiserver.yaml:15"
                },
                {
                  "name": "audit-log-maxsize",
                  "value": "100",
                  "origin": "/etc/kubernetes/manifests/kube-apiserver.yaml:16"
                },
                {
                  "name": "audit-log-path",
                  "value": "/var/log/kubernetes/audit/audit.log",
                  "origin": "/etc/kubernetes/manifests/kube-apiserver.yaml:17"
                },
                {
                  "name": "audit-policy-file",
                  "value": "/etc/kubernetes/audit/policy.yaml",
                  "origin": "/etc/kubernetes/manifests/kube-apiserver.yaml:18"
                }
              ],
              "differences": [],
              "policy": {
                "flag": "/etc/kubernetes/audit/policy.yaml",
                "path": "/etc/kubernetes/audit/policy.yaml",
                "state": "accepted",
                "digest": "sha256:01594bf6e75937d7c70169d9b047818040926b1bc38f198b088bab6e66030ab5",
                "rules": 15,
                "recordsNothing": false,
                "recordsRoutine": false,
                "errors": 0,
                "warnings": 0,
                "notes": 3,
                "findings": [
                  {
                    "id": "stig-v-242403-literal",
                    "severity": "info",
                    "line": 13,
                    "message": "to the letter STIG V-242403 asks for RequestResponse everywhere; some requests are recorded at None"
                  }
                ]
              },
              "log": {
                "flag": "/var/log/kubernetes/audit/audit.log",
                "path": "/var/log/kubernetes/audit/audit.log",
                "mount": {
                  "readOnly": false,
                  "singleFile": false
                },
                "files": [],
                "bytesPerHour": null,
                "keeps": null,
                "bytesMax": 1258291200,
                "space": null,
                "sharesWithEtcd": null,
                "worldReadable": false
              },
              "lookedAt": [
                {
                  "path": "/proc",
                  "seen": "absent"
                },
                {
                  "path": "/var/snap/microk8s/current/args/kube-apiserver",
                  "seen": "absent"
                },
                {
                  "path": "/var/snap/k8s/common/args/kube-apiserver",
                  "seen": "absent"
                },
                {
                  "path": "/etc/microshift/config.yaml",
                  "seen": "absent"
                },
                {
                  "path": "/etc/k0s/k0s.yaml",
                  "seen": "absent"
                },
                {
                  "path": "/etc/rancher/k3s/config.yaml",
                  "seen": "absent"
                },
                {
                  "path": "/etc/rancher/rke2/config.yaml",
                  "seen": "absent"
                },
                {
                  "path": "/var/lib/kubelet/config.yaml",
                  "seen": "found",
                  "what": "staticPodPath /etc/kubernetes/manifests"
                },
                {
                  "path": "/etc/kubernetes/manifests/kube-apiserver.yaml",
                  "seen": "found",
                  "what": "a pod with kube-apiserver, `kube-apiserver`"
                },
                {
                  "path": "/etc/kubernetes/manifests",
                  "seen": "found",
                  "what": "1 file, 1 with kube-apiserver"
                },
                {
                  "path": "/etc/kubernetes/manifest",
                  "seen": "absent"
                }
              ]
            }
        "#]],
    );
}

#[test]
fn nothing_to_tell_of() {
    check(
        "status --root examples/policies",
        expect![[r#"
        exit 3
        --- stdout
        whether auditing is on could not be told: nothing here runs an API server

          unknown[no-api-server]: nothing here runs an API server
            to do: run this as root on a control-plane node, or give --root a folder that was copied from one

        looked at
          /proc: nothing there
          /var/snap/microk8s/current/args/kube-apiserver: nothing there
          /var/snap/k8s/common/args/kube-apiserver: nothing there
          /etc/microshift/config.yaml: nothing there
          /etc/k0s/k0s.yaml: nothing there
          /etc/rancher/k3s/config.yaml: nothing there
          /etc/rancher/rke2/config.yaml: nothing there
          /etc/kubernetes/manifests: nothing there
          /etc/kubernetes/manifest: nothing there
    "#]],
    );
}

#[test]
fn no_folder() {
    check(
        "status --root examples/absent",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `examples/absent`: No such file or directory (os error 2)
    "#]],
    );
    check(
        "status --root examples/README.md",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `examples/README.md`: not a directory
    "#]],
    );
}
