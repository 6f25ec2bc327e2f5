//! `auditward enable --dry-run`, of folders that stand for nodes of each distribution.

use expect_test::expect;

use crate::check;

#[test]
fn k3s() {
    check(
        "enable --dry-run --root examples/nodes/k3s-off",
        expect![[r#"
        exit 0
        --- stdout
        k3s.service
          make the folder /etc/rancher/k3s/auditward, mode 0750
          make the folder /var/lib/rancher/k3s/server/logs, mode 0700
          make the folder /etc/rancher/k3s/config.yaml.d, mode 0755
          write /etc/rancher/k3s/auditward/policy.yaml, mode 0600
          set --audit-policy-file=/etc/rancher/k3s/auditward/policy.yaml: which requests are recorded, and how much of them
          set --audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log: where events are written; without it the log is off
          set --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
          set --audit-log-maxage=30: keep rotated logs for so many days; CIS and DISA ask for 30 or more
          set --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
          restart k3s.service

        --- /dev/null
        +++ /etc/rancher/k3s/config.yaml.d/90-auditward.yaml
        @@ -0,0 +1,8 @@
        +# Written by `auditward enable`; `auditward disable` removes it.
        +# The `+` adds to the lists of the files before it instead of replacing them.
        +kube-apiserver-arg+:
        +- audit-policy-file=/etc/rancher/k3s/auditward/policy.yaml
        +- audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log
        +- audit-log-maxsize=100
        +- audit-log-maxage=30
        +- audit-log-maxbackup=10
        note: k3s.service is restarted: the kubelet and, where it is embedded, etcd of this node restart with it; running containers live on
    "#]],
    );
}

#[test]
fn rke2() {
    check(
        "enable --dry-run --root examples/nodes/rke2-off",
        expect![[r#"
        exit 0
        --- stdout
        rke2-server.service
          make the folder /etc/rancher/rke2/auditward, mode 0750
          make the folder /var/lib/rancher/rke2/server/logs, mode 0700
          make the folder /etc/rancher/rke2/config.yaml.d, mode 0755
          write /etc/rancher/rke2/auditward/policy.yaml, mode 0600
          set --audit-policy-file=/etc/rancher/rke2/auditward/policy.yaml: which requests are recorded, and how much of them
          set --audit-log-path=/var/lib/rancher/rke2/server/logs/audit.log: where events are written; without it the log is off
          set --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
          set --audit-log-maxage=30: keep rotated logs for so many days; CIS and DISA ask for 30 or more
          set --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
          restart rke2-server.service

        --- /dev/null
        +++ /etc/rancher/rke2/config.yaml.d/90-auditward.yaml
        @@ -0,0 +1,5 @@
        +# Written by `auditward enable`; `auditward disable` removes it.
        +# The `+` adds to the lists of the files before it instead of replacing them.
        +audit-policy-file: /etc/rancher/rke2/auditward/policy.yaml
        +kube-apiserver-arg+:
        +- audit-log-path=/var/lib/rancher/rke2/server/logs/audit.log
        note: rke2-server.service is restarted: the kubelet of this node restarts with it; running containers live on
    "#]],
    );
}

#[test]
fn microk8s() {
    check(
        "enable --dry-run --root examples/nodes/microk8s-off",
        expect![[r#"
        exit 0
        --- stdout
        snap.microk8s.daemon-kubelite.service
          make the folder /var/snap/microk8s/common, mode 0755
          make the folder /var/snap/microk8s/common/audit, mode 0750
          make the folder /var/snap/microk8s/common/audit/log, mode 0700
          write /var/snap/microk8s/common/audit/policy.yaml, mode 0600
          set --audit-policy-file=/var/snap/microk8s/common/audit/policy.yaml: which requests are recorded, and how much of them
          set --audit-log-path=/var/snap/microk8s/common/audit/log/audit.log: where events are written; without it the log is off
          set --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
          set --audit-log-maxage=30: keep rotated logs for so many days; CIS and DISA ask for 30 or more
          set --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
          restart snap.microk8s.daemon-kubelite.service

        --- /var/snap/microk8s/current/args/kube-apiserver
        +++ /var/snap/microk8s/current/args/kube-apiserver
        @@ -2,3 +2,8 @@
         --service-cluster-ip-range=10.152.183.0/24
         --authorization-mode=RBAC,Node
         --secure-port=16443
        +--audit-policy-file=/var/snap/microk8s/common/audit/policy.yaml
        +--audit-log-path=/var/snap/microk8s/common/audit/log/audit.log
        +--audit-log-maxsize=100
        +--audit-log-maxage=30
        +--audit-log-maxbackup=10
        note: snap.microk8s.daemon-kubelite.service is restarted: the kubelet of this node restarts with it; containers live on
    "#]],
    );
}

#[test]
fn k0s() {
    check(
        "enable --dry-run --root examples/nodes/k0s-off",
        expect![[r#"
        exit 0
        --- stdout
        k0scontroller.service
          make the folder /etc/k0s/audit, mode 0750, owner 996:996
          make the folder /var, mode 0755
          make the folder /var/log, mode 0755
          make the folder /var/log/k0s, mode 0755
          make the folder /var/log/k0s/audit, mode 0700, owner 996:996
          write /etc/k0s/audit/policy.yaml, mode 0600, owner 996:996
          set --audit-policy-file=/etc/k0s/audit/policy.yaml: which requests are recorded, and how much of them
          set --audit-log-path=/var/log/k0s/audit/audit.log: where events are written; without it the log is off
          set --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
          set --audit-log-maxage=30: keep rotated logs for so many days; CIS and DISA ask for 30 or more
          set --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
          restart k0scontroller.service

        --- /etc/k0s/k0s.yaml
        +++ /etc/k0s/k0s.yaml
        @@ -4,6 +4,12 @@
           name: k0s
         spec:
           api:
        +    extraArgs:
        +      audit-policy-file: /etc/k0s/audit/policy.yaml
        +      audit-log-path: /var/log/k0s/audit/audit.log
        +      audit-log-maxsize: "100"
        +      audit-log-maxage: "30"
        +      audit-log-maxbackup: "10"
             address: 192.0.2.10
             sans:
             - 192.0.2.10
        note: k0scontroller.service is restarted: on a controller that is also a worker, its kubelet restarts too
        note: dynamic configuration does not carry these settings: do the same on every controller
    "#]],
    );
}

#[test]
fn systemd() {
    check(
        "enable --dry-run --root examples/nodes/systemd-off",
        expect![[r#"
        exit 0
        --- stdout
        kube-apiserver.service
          make the folder /etc/kubernetes, mode 0755
          make the folder /etc/kubernetes/audit, mode 0750
          make the folder /var, mode 0755
          make the folder /var/log, mode 0755
          make the folder /var/log/kubernetes, mode 0755
          make the folder /var/log/kubernetes/audit, mode 0700
          make the folder /etc/systemd/system/kube-apiserver.service.d, mode 0755
          write /etc/kubernetes/audit/policy.yaml, mode 0600
          set --audit-policy-file=/etc/kubernetes/audit/policy.yaml: which requests are recorded, and how much of them
          set --audit-log-path=/var/log/kubernetes/audit/audit.log: where events are written; without it the log is off
          set --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
          set --audit-log-maxage=30: keep rotated logs for so many days; CIS and DISA ask for 30 or more
          set --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
          restart kube-apiserver.service

        --- /dev/null
        +++ /etc/systemd/system/kube-apiserver.service.d/90-auditward.conf
        @@ -0,0 +1,14 @@
        +# Written by `auditward enable`; `auditward disable` removes it.
        +# The command of /etc/systemd/system/kube-apiserver.service with audit flags at its end.
        +[Service]
        +ExecStart=
        +ExecStart=/usr/local/bin/kube-apiserver \
        +  --authorization-mode=Node,RBAC \
        +  --etcd-servers=http://127.0.0.1:2379 \
        +  --service-cluster-ip-range=10.32.0.0/24 \
        +  --v=2 \
        +  --audit-policy-file=/etc/kubernetes/audit/policy.yaml \
        +  --audit-log-path=/var/log/kubernetes/audit/audit.log \
        +  --audit-log-maxsize=100 \
        +  --audit-log-maxage=30 \
        +  --audit-log-maxbackup=10
    "#]],
    );
}

#[test]
fn what_does_not_fit() {
    check(
        "enable --dry-run --root examples/nodes/k3s-off --log-path /var/log/k3s/audit.log",
        expect![[r#"
        exit 2
        --- stderr
        error: nothing was changed: --log-path is for API servers that a manifest runs; this one has its own places
        hint: leave --log-path away; `auditward enable --dry-run` shows the places
    "#]],
    );
    check(
        "enable --dry-run --root examples/nodes/k3s-off --persist",
        expect![[r#"
        exit 2
        --- stderr
        error: nothing was changed: --persist is for kubeadm, which does not run here
        hint: leave it away; the configuration that is written here stays
    "#]],
    );
    check(
        "enable --root examples/nodes/k3s-off",
        expect![[r#"
        exit 2
        --- stderr
        error: the following required arguments were not provided:
          --dry-run

        Usage: auditward enable --dry-run --root <DIR>

        For more information, try '--help'.
    "#]],
    );
    check(
        "enable --dry-run --root examples/policies",
        expect![[r#"
        exit 2
        --- stderr
        error: nothing in `examples/policies` runs an API server
        hint: copy /etc and the distribution's folder below /var from a control-plane node
    "#]],
    );
}

#[test]
fn a_manifest_in_a_folder() {
    check(
        "enable --dry-run --root examples/nodes/kubeadm-on",
        expect![[r#"
            exit 0
            --- stdout
            examples/nodes/kubeadm-on/etc/kubernetes/manifests/kube-apiserver.yaml
              make the folder /var/log/kubernetes/audit, mode 0700
              add annotation auditward.dev/policy-digest: `sha256:01594bf6e75937d7c70169d9b047818040926b1bc38f198b088bab6e66030ab5`

            --- examples/nodes/kubeadm-on/etc/kubernetes/manifests/kube-apiserver.yaml
            +++ examples/nodes/kubeadm-on/etc/kubernetes/manifests/kube-apiserver.yaml
            @@ -6,6 +6,8 @@
                 tier: control-plane
               name: kube-apiserver
               namespace: kube-system
            +  annotations:
            +    auditward.dev/policy-digest: sha256:01594bf6e75937d7c70169d9b047818040926b1bc38f198b088bab6e66030ab5
             spec:
               containers:
               - command:
        "#]],
    );
}

#[test]
fn as_data() {
    check(
        "enable --dry-run --root examples/nodes/microk8s-off --max-age 60 -o json",
        expect![[r#"
            exit 0
            --- stdout
            {
              "service": "microk8s",
              "restarts": "snap.microk8s.daemon-kubelite.service",
              "configuration": [
                "/var/snap/microk8s/current/args/kube-apiserver"
              ],
              "folders": [
                {
                  "path": "/var/snap/microk8s/common",
                  "mode": 493,
                  "owner": null
                },
                {
                  "path": "/var/snap/microk8s/common/audit",
                  "mode": 488,
                  "owner": null
                },
                {
                  "path": "/var/snap/microk8s/common/audit/log",
                  "mode": 448,
                  "owner": null
                }
              ],
              "files": [
                "/var/snap/microk8s/common/audit/policy.yaml"
              ],
              "auditFlags": {
                "audit-log-maxage": "60",
                "audit-log-maxbackup": "10",
                "audit-log-maxsize": "100",
                "audit-log-path": "/var/snap/microk8s/common/audit/log/audit.log",
                "audit-policy-file": "/var/snap/microk8s/common/audit/policy.yaml"
              },
              "policyDigest": "sha256:9d0d9c8672a68bd4c5690ac8e29f2368555ae8343f9fcef474532fa0172f82b7",
              "notes": [
                "snap.microk8s.daemon-kubelite.service is restarted: the kubelet of this node restarts with it; containers live on"
              ],
              "diff": "--- /var/snap/microk8s/current/args/kube-apiserver\n+++ /var/snap/microk8s/current/args/kube-apiserver\n@@ -2,3 +2,8 @@\n --service-cluster-ip-range=10.152.183.0/24\n --authorization-mode=RBAC,Node\n --secure-port=16443\n+--audit-policy-file=/var/snap/microk8s/common/audit/policy.yaml\n+--audit-log-path=/var/snap/microk8s/common/audit/log/audit.log\n+--audit-log-maxsize=100\n+--audit-log-maxage=60\n+--audit-log-maxbackup=10\n"
            }
        "#]],
    );
}
