//! Machines as small trees of files: what runs the API server there, and the verdict.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use expect_test::{Expect, expect};

use super::*;

/// 2026-06-01T12:00:00Z
const NOW: i64 = 1_780_315_200_000_000;

const POLICY: &str =
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules:\n- level: Metadata\n";
const NONE: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: None\n";

/// A folder that goes when its owner goes.
struct Tree(PathBuf);

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let tree =
            Self(std::env::temp_dir().join(format!("auditward-inspect-{}-{number}", std::process::id())));
        fs::create_dir(&tree.0).unwrap();
        for (path, text) in files {
            tree.write(path, text.as_bytes());
        }
        tree
    }

    fn write(&self, path: &str, text: &[u8]) {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn link(&self, path: &str, target: &str) {
        let path = self.0.join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::os::unix::fs::symlink(target, path).unwrap();
    }

    fn host(&self) -> Host {
        Host::at(&self.0).unwrap()
    }

    /// A file was last changed so long before [`NOW`], in seconds.
    fn age(&self, path: &str, seconds: u64) {
        let at = std::time::UNIX_EPOCH + std::time::Duration::from_secs(NOW as u64 / 1_000_000 - seconds);
        fs::File::open(self.0.join(path.trim_start_matches('/'))).unwrap().set_modified(at).unwrap();
    }
}

impl Drop for Tree {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

/// What is said of a tree, in short.
fn told(tree: &Tree) -> String {
    let facts = facts(&tree.host(), NOW);
    let judgement = verdict(&facts);
    let mut out = match facts.found.distribution {
        Some(distribution) => format!("{distribution}, {}\n", facts.found.sign),
        None => "nothing\n".to_owned(),
    };
    for flag in &facts.flags {
        out += &format!("  --{}={} ({})\n", flag.name, flag.value, flag.origin);
    }
    out += &format!("{}\n", judgement.summary);
    for reason in &judgement.reasons {
        let verdict = reason.verdict.map_or("also".to_owned(), |verdict| verdict.to_string());
        out += &format!("  {verdict} [{}] {}\n", reason.code, reason.what);
    }
    out
}

#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` is a value")]
fn check(files: &[(&str, &str)], expected: Expect) {
    expected.assert_eq(&told(&Tree::new(files)));
}

/// kubeadm's manifest with these flags, and the guide's mounts when there are any.
fn manifest(flags: &[&str]) -> String {
    let mut text = "apiVersion: v1\nkind: Pod\nmetadata:\n  labels:\n    component: kube-apiserver\n    tier: control-plane\n  \
                    name: kube-apiserver\n  namespace: kube-system\nspec:\n  containers:\n  - command:\n    - kube-apiserver\n    \
                    - --secure-port=6443\n"
        .to_owned();
    for flag in flags {
        text += &format!("    - {flag}\n");
    }
    text += "    image: registry.k8s.io/kube-apiserver:v1.34.0\n    name: kube-apiserver\n";
    if !flags.is_empty() {
        text += "    volumeMounts:\n    - {mountPath: /etc/kubernetes/audit, name: audit, readOnly: true}\n    \
                 - {mountPath: /var/log/audit, name: log}\n  volumes:\n  \
                 - {name: audit, hostPath: {path: /etc/kubernetes/audit}}\n  \
                 - {name: log, hostPath: {path: /var/log/kubernetes/audit}}\n";
    }
    text
}

const MANIFEST: &str = "/etc/kubernetes/manifests/kube-apiserver.yaml";
const BOTH: [&str; 2] =
    ["--audit-policy-file=/etc/kubernetes/audit/policy.yaml", "--audit-log-path=/var/log/audit/audit.log"];
const POLICY_FILE: &str = "/etc/kubernetes/audit/policy.yaml";

/// `/proc` of a machine that was booted an hour before [`NOW`], with these processes started so many seconds later.
fn proc(tree: &Tree, processes: &[(u32, &str, u64)]) {
    let booted = NOW / 1_000_000 - 3600;
    tree.write("/proc/stat", format!("cpu 1 2\nbtime {booted}\n").as_bytes());
    for (pid, cmdline, after) in processes {
        tree.write(&format!("/proc/{pid}/cmdline"), cmdline.replace(' ', "\0").as_bytes());
        let ticks = after * 100;
        let stat = format!("{pid} (a) b) S 1 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 {ticks} 0 0\n");
        tree.write(&format!("/proc/{pid}/stat"), stat.as_bytes());
    }
}

/// An event that was written so many seconds before [`NOW`].
fn event(seconds: i64) -> String {
    let at = moment(NOW - seconds * 1_000_000);
    format!(
        "{{\"kind\":\"Event\",\"apiVersion\":\"audit.k8s.io/v1\",\"level\":\"Metadata\",\"stageTimestamp\":\"{at}\"}}\n"
    )
}

mod distributions {
    use super::*;

    #[test]
    fn an_empty_machine() {
        check(
            &[("/etc/hostname", "a")],
            expect![[r#"
            nothing
            whether auditing is on could not be told: nothing here runs an API server
              unknown [no-api-server] nothing here runs an API server
        "#]],
        );
    }

    #[test]
    fn kubeadm() {
        check(
            &[(MANIFEST, &manifest(&[]))],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
            auditing is off: neither a policy nor a log nor a webhook is set
              off [no-flags] neither a policy nor a log nor a webhook is set
        "#]],
        );
        let on = manifest(&BOTH);
        check(
            &[(MANIFEST, &on), (POLICY_FILE, POLICY)],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is on, by its configuration: events go to /var/log/kubernetes/audit/audit.log
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]],
        );
    }

    #[test]
    fn the_kubelet_watches_another_folder() {
        let config = "kind: KubeletConfiguration\nstaticPodPath: /srv/pods/\n";
        check(
            &[
                ("/var/lib/kubelet/config.yaml", config),
                ("/srv/pods/api", &manifest(&[])),
                (MANIFEST, &manifest(&BOTH)),
            ],
            expect![[r#"
                kubeadm, /srv/pods/api runs kube-apiserver
                auditing is off: neither a policy nor a log nor a webhook is set
                  off [no-flags] neither a policy nor a log nor a webhook is set
                  also [several-manifests] 2 manifests run an API server: /srv/pods/api, /etc/kubernetes/manifests/kube-apiserver.yaml
            "#]],
        );
        let unit = "[Service]\nEnvironment=\"A=--config=/etc/k.yaml\"\nExecStart=/usr/bin/kubelet $A --config-dir=/etc/k.d\n";
        check(
            &[
                ("/usr/lib/systemd/system/kubelet.service", unit),
                ("/etc/k.yaml", "staticPodPath: /a\n"),
                ("/etc/k.d/10.conf", "staticPodPath: /b\n"),
                ("/a/x.yaml", &manifest(&BOTH)),
            ],
            expect![[r#"
                nothing
                whether auditing is on could not be told: nothing here runs an API server
                  unknown [no-api-server] nothing here runs an API server
            "#]],
        );
    }

    #[test]
    fn the_guides_folder() {
        check(
            &[("/etc/kubernetes/manifest/kube-apiserver.yaml", &manifest(&[]))],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifest/kube-apiserver.yaml runs kube-apiserver
            auditing is off: neither a policy nor a log nor a webhook is set
              off [no-flags] neither a policy nor a log nor a webhook is set
        "#]],
        );
    }

    #[test]
    fn kubespray_kind_and_minikube() {
        let off = manifest(&[]);
        for (sign, expected) in [
            ("/etc/kubernetes/kubelet.env", "kubespray"),
            ("/kind/version", "kind"),
            ("/var/lib/minikube/certs/ca.crt", "minikube"),
        ] {
            let tree = Tree::new(&[(MANIFEST, &off), (sign, "")]);
            assert_eq!(find(&tree.host()).distribution.unwrap().to_string(), expected);
        }
    }

    #[test]
    fn k3s_with_drop_ins() {
        check(
            &[
                (
                    "/etc/rancher/k3s/config.yaml",
                    "kube-apiserver-arg:\n- audit-log-maxage=30\n- audit-log-path=/var/log/k3s.log\n- v=2\n",
                ),
                (
                    "/etc/rancher/k3s/config.yaml.d/10.yaml",
                    "kube-apiserver-arg+:\n- audit-policy-file=/etc/p.yaml\n",
                ),
                ("/etc/rancher/k3s/config.yaml.d/20.txt", "kube-apiserver-arg: []\n"),
                ("/var/lib/rancher/k3s/server/token", "secret"),
                (
                    "/etc/systemd/system/k3s.service",
                    "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n    '--kube-apiserver-arg=audit-log-maxage=7'\n",
                ),
                ("/etc/p.yaml", POLICY),
            ],
            expect![[r#"
                k3s, /var/lib/rancher/k3s/server is a server's
                  --audit-log-maxage=7 (/etc/systemd/system/k3s.service:4)
                  --audit-log-maxsize=100 (default)
                  --audit-log-path=/var/log/k3s.log (/etc/rancher/k3s/config.yaml:3)
                  --audit-policy-file=/etc/p.yaml (/etc/rancher/k3s/config.yaml.d/10.yaml:2)
                auditing is on, by its configuration: events go to /var/log/k3s.log
                  also [policy-lint] the policy /etc/p.yaml has 0 errors and 3 warnings of lint
            "#]],
        );
        check(
            &[
                ("/etc/rancher/k3s/config.yaml", "kube-apiserver-arg: audit-log-path=/l\n"),
                ("/etc/rancher/k3s/config.yaml.d/10.yaml", "kube-apiserver-arg: [audit-log-maxage=1]\n"),
                ("/var/lib/rancher/k3s/server/token", "secret"),
            ],
            expect![[r#"
                k3s, /var/lib/rancher/k3s/server is a server's
                  --audit-log-maxage=1 (/etc/rancher/k3s/config.yaml.d/10.yaml:1)
                auditing is off: neither a policy nor a log nor a webhook is set
                  off [no-flags] neither a policy nor a log nor a webhook is set
            "#]],
        );
        check(
            &[("/etc/rancher/k3s/config.yaml", "server: https://other:6443\ntoken: secret\n")],
            expect![[r#"
                nothing
                whether auditing is on could not be told: nothing here runs an API server
                  unknown [no-api-server] nothing here runs an API server
            "#]],
        );
    }

    #[test]
    fn rke2_with_its_profile() {
        let generated = manifest(&[
            "--audit-policy-file=/etc/kubernetes/audit/policy.yaml",
            "--audit-log-path=/var/log/audit/audit.log",
            "--audit-log-maxage=30",
            "--audit-log-maxbackup=10",
            "--audit-log-maxsize=100",
        ]);
        check(
            &[
                ("/etc/rancher/rke2/config.yaml", "profile: cis\n"),
                ("/var/lib/rancher/rke2/server/token", "secret"),
                ("/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml", &generated),
                (POLICY_FILE, NONE),
            ],
            expect![[r#"
                RKE2, /var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml runs kube-apiserver
                  --audit-log-maxage=30 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:16)
                  --audit-log-maxbackup=10 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:17)
                  --audit-log-maxsize=100 (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:18)
                  --audit-log-path=/var/log/audit/audit.log (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:15)
                  --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/var/lib/rancher/rke2/agent/pod-manifests/kube-apiserver.yaml:14)
                auditing is only half on: the policy /etc/kubernetes/audit/policy.yaml records nothing: it is only None
                  half on [policy-none] the policy /etc/kubernetes/audit/policy.yaml records nothing: it is only None
                  also [note] `profile: cis` is set (/etc/rancher/rke2/config.yaml:1)
                  also [note] the configuration sets audit-policy-file and audit-log-path otherwise than the manifest; restart rke2-server to write it anew
            "#]],
        );
        check(
            &[
                ("/etc/rancher/rke2/config.yaml", "profile: cis\n"),
                ("/var/lib/rancher/rke2/server/token", "secret"),
            ],
            expect![[r#"
                RKE2, /var/lib/rancher/rke2/server is a server's
                  --audit-log-maxage=30 (/etc/rancher/rke2/config.yaml:1)
                  --audit-log-maxbackup=10 (/etc/rancher/rke2/config.yaml:1)
                  --audit-log-maxsize=100 (/etc/rancher/rke2/config.yaml:1)
                  --audit-log-path=/var/lib/rancher/rke2/server/logs/audit.log (/etc/rancher/rke2/config.yaml:1)
                  --audit-policy-file=/etc/rancher/rke2/audit-policy.yaml (/etc/rancher/rke2/config.yaml:1)
                auditing is only half on: the policy /etc/rancher/rke2/audit-policy.yaml does not exist
                  half on [policy-missing] the policy /etc/rancher/rke2/audit-policy.yaml does not exist
                  also [note] `profile: cis` is set (/etc/rancher/rke2/config.yaml:1)
            "#]],
        );
    }

    #[test]
    fn microk8s() {
        check(
            &[
                (
                    "/var/snap/microk8s/current/args/kube-apiserver",
                    "--cert-dir=${SNAP_DATA}/certs\n# --audit-log-path=/no\n--audit-log-path=\"${SNAP_COMMON}/audit.log\"\n\
                     --audit-policy-file=${SNAP_DATA}/policy.yaml\n",
                ),
                ("/var/snap/microk8s/current/policy.yaml", POLICY),
            ],
            expect![[r#"
                MicroK8s, /var/snap/microk8s/current/args/kube-apiserver holds its flags
                  --audit-log-maxsize=100 (default)
                  --audit-log-path=/var/snap/microk8s/common/audit.log (/var/snap/microk8s/current/args/kube-apiserver:3)
                  --audit-policy-file=/var/snap/microk8s/current/policy.yaml (/var/snap/microk8s/current/args/kube-apiserver:4)
                auditing is on, by its configuration: events go to /var/snap/microk8s/common/audit.log
                  also [policy-lint] the policy /var/snap/microk8s/current/policy.yaml has 0 errors and 3 warnings of lint
            "#]],
        );
    }

    #[test]
    fn canonical_kubernetes() {
        check(
            &[("/var/snap/k8s/common/args/kube-apiserver", "--secure-port=6443\n")],
            expect![[r#"
            Canonical Kubernetes, /var/snap/k8s/common/args/kube-apiserver holds its flags
            auditing is off: neither a policy nor a log nor a webhook is set
              off [no-flags] neither a policy nor a log nor a webhook is set
        "#]],
        );
    }

    #[test]
    fn k0s() {
        let config = "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nspec:\n  api:\n    extraArgs:\n      \
                      audit-policy-file: /etc/k0s/policy.yaml\n      audit-log-path: /var/log/k0s-audit.log\n      audit-log-maxage: 30\n";
        check(
            &[("/etc/k0s/k0s.yaml", config)],
            expect![[r#"
            k0s, /etc/k0s/k0s.yaml configures it
              --audit-log-maxage=30 (/etc/k0s/k0s.yaml:8)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/k0s-audit.log (/etc/k0s/k0s.yaml:7)
              --audit-policy-file=/etc/k0s/policy.yaml (/etc/k0s/k0s.yaml:6)
            auditing is only half on: the policy /etc/k0s/policy.yaml does not exist
              half on [policy-missing] the policy /etc/k0s/policy.yaml does not exist
        "#]],
        );
        let tree = Tree::new(&[("/etc/k0s/k0s.yaml", config), ("/etc/k0s/policy.yaml", POLICY)]);
        tree.age("/etc/k0s/policy.yaml", 9000);
        proc(
            &tree,
            &[
                (1, "/sbin/init", 0),
                (7, "/usr/local/bin/k0s controller", 10),
                (9, "/var/lib/k0s/bin/kube-apiserver --v=1", 20),
            ],
        );
        expect![[r#"
            k0s, /etc/k0s/k0s.yaml configures it
            auditing is only half on: --audit-log-path is /var/log/k0s-audit.log in the configuration and is not set in the running process
              half on [not-running-with] --audit-log-path is /var/log/k0s-audit.log in the configuration and is not set in the running process
              half on [not-running-with] --audit-policy-file is /etc/k0s/policy.yaml in the configuration and is not set in the running process
              also [not-running-with] --audit-log-maxage is 30 in the configuration and is not set in the running process
        "#]].assert_eq(&told(&tree));
    }

    #[test]
    fn a_systemd_unit() {
        check(
            &[
                (
                    "/etc/systemd/system/kube-apiserver.service",
                    "[Service]\nEnvironmentFile=-/etc/default/api\nExecStart=/usr/local/bin/kube-apiserver \\\n  --audit-log-path=/var/log/audit.log \\\n  $MORE\n",
                ),
                ("/etc/default/api", "MORE=\"--audit-log-maxage=30 --v=2\"\n"),
            ],
            expect![[r#"
                a systemd service, /etc/systemd/system/kube-apiserver.service starts kube-apiserver
                  --audit-log-maxage=30 (/etc/systemd/system/kube-apiserver.service:5)
                  --audit-log-maxsize=100 (default)
                  --audit-log-path=/var/log/audit.log (/etc/systemd/system/kube-apiserver.service:4)
                auditing is only half on: --audit-log-path is set (/etc/systemd/system/kube-apiserver.service:4) and no policy, so no event is made
                  half on [no-policy] --audit-log-path is set (/etc/systemd/system/kube-apiserver.service:4) and no policy, so no event is made
            "#]],
        );
    }

    #[test]
    fn talos() {
        let tree = Tree::new(&[
            ("/etc/os-release", "NAME=Talos\nID=talos\n"),
            ("/system/config/kubernetes/kube-apiserver/auditpolicy.yaml", POLICY),
        ]);
        expect![[r#"
            Talos, /etc/os-release says Talos
              --audit-log-maxage=30 (set by Talos)
              --audit-log-maxbackup=10 (set by Talos)
              --audit-log-maxsize=100 (set by Talos)
              --audit-log-path=/var/log/audit/kube/kube-apiserver.log (set by Talos)
              --audit-policy-file=/system/config/kubernetes/kube-apiserver/auditpolicy.yaml (set by Talos)
            auditing is on, by its configuration: events go to /var/log/audit/kube/kube-apiserver.log
              also [talos] what Talos runs shows only in its API: `talosctl get staticpods`
              also [policy-lint] the policy /system/config/kubernetes/kube-apiserver/auditpolicy.yaml has 0 errors and 3 warnings of lint
        "#]].assert_eq(&told(&tree));
    }

    #[test]
    fn openshift() {
        let pod = "apiVersion: v1\nkind: Pod\nmetadata: {name: kube-apiserver, namespace: openshift-kube-apiserver}\nspec:\n  \
                   containers:\n  - name: kube-apiserver\n    image: quay.io/x@sha256:1\n    command: [/bin/bash, -ec]\n    args:\n    - |\n      \
                   exec watch-termination -- hyperkube kube-apiserver --openshift-config=/etc/kubernetes/static-pod-resources/configmaps/config/config.yaml\n    \
                   volumeMounts:\n    - {mountPath: /etc/kubernetes/static-pod-resources, name: r}\n    \
                   - {mountPath: /var/log/kube-apiserver, name: l}\n  volumes:\n  \
                   - {name: r, hostPath: {path: /etc/kubernetes/static-pod-resources/kube-apiserver-pod-7}}\n  \
                   - {name: l, hostPath: {path: /var/log/kube-apiserver}}\n";
        let policies = "/etc/kubernetes/static-pod-resources/kube-apiserver-pod-7/configmaps";
        check(
            &[
                ("/etc/kubernetes/manifests/kube-apiserver-pod.yaml", pod),
                (
                    &format!("{policies}/config/config.yaml"),
                    "{\"apiServerArguments\":{\"audit-log-path\":[\"/var/log/kube-apiserver/audit.log\"],\n\"audit-log-maxbackup\":[\"10\"],\
                     \"audit-policy-file\":[\"/etc/kubernetes/static-pod-resources/configmaps/kube-apiserver-audit-policies/policy.yaml\"]}}",
                ),
                (&format!("{policies}/kube-apiserver-audit-policies/policy.yaml"), POLICY),
            ],
            expect![[r#"
                OpenShift, /etc/kubernetes/manifests/kube-apiserver-pod.yaml runs kube-apiserver
                  --audit-log-maxbackup=10 (/etc/kubernetes/static-pod-resources/kube-apiserver-pod-7/configmaps/config/config.yaml:2)
                  --audit-log-maxsize=100 (default)
                  --audit-log-path=/var/log/kube-apiserver/audit.log (/etc/kubernetes/static-pod-resources/kube-apiserver-pod-7/configmaps/config/config.yaml:1)
                  --audit-policy-file=/etc/kubernetes/static-pod-resources/configmaps/kube-apiserver-audit-policies/policy.yaml (/etc/kubernetes/static-pod-resources/kube-apiserver-pod-7/configmaps/config/config.yaml:2)
                auditing is on, by its configuration: events go to /var/log/kube-apiserver/audit.log
                  also [policy-lint] the policy /etc/kubernetes/static-pod-resources/kube-apiserver-pod-7/configmaps/kube-apiserver-audit-policies/policy.yaml has 0 errors and 3 warnings of lint
            "#]],
        );
    }

    #[test]
    fn kops() {
        let pod = manifest(&BOTH).replace("component: kube-apiserver", "k8s-app: kube-apiserver").replace(
            "    - kube-apiserver\n",
            "    - /go-runner\n    - --log-file=/var/log/x\n    - /usr/local/bin/kube-apiserver\n",
        );
        check(
            &[("/etc/kubernetes/manifests/kube-apiserver.manifest", &pod), (POLICY_FILE, POLICY)],
            expect![[r#"
                kOps, /etc/kubernetes/manifests/kube-apiserver.manifest runs kube-apiserver
                  --audit-log-maxage=0 (default)
                  --audit-log-maxbackup=0 (default)
                  --audit-log-maxsize=100 (default)
                  --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.manifest:17)
                  --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.manifest:16)
                auditing is on, by its configuration: events go to /var/log/kubernetes/audit/audit.log
                  also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
                  also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
            "#]],
        );
    }

    #[test]
    fn microshift() {
        check(
            &[("/etc/microshift/config.yaml", "apiServer:\n  auditLog:\n    maxFiles: 3\n")],
            expect![[r#"
                MicroShift, /etc/microshift/config.yaml is there
                  --audit-log-maxage=0 (set by MicroShift)
                  --audit-log-maxbackup=3 (/etc/microshift/config.yaml:3)
                  --audit-log-maxsize=200 (set by MicroShift)
                  --audit-log-path=/var/log/kube-apiserver/audit.log (set by MicroShift)
                auditing is on, by its configuration: events go to /var/log/kube-apiserver/audit.log
                  also [note] the policy is MicroShift's own, profile Default
            "#]],
        );
    }
}

mod verdicts {
    use super::*;

    #[test]
    fn half_on() {
        check(
            &[(MANIFEST, &manifest(&BOTH[..1])), (POLICY_FILE, POLICY)],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: a policy is set (/etc/kubernetes/manifests/kube-apiserver.yaml:14) and no log or webhook, so events go nowhere
              half on [no-backend] a policy is set (/etc/kubernetes/manifests/kube-apiserver.yaml:14) and no log or webhook, so events go nowhere
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
        "#]],
        );
        check(
            &[(MANIFEST, &manifest(&BOTH[1..]))],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: --audit-log-path is set (/etc/kubernetes/manifests/kube-apiserver.yaml:14) and no policy, so no event is made
              half on [no-policy] --audit-log-path is set (/etc/kubernetes/manifests/kube-apiserver.yaml:14) and no policy, so no event is made
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]],
        );
        check(
            &[(MANIFEST, &manifest(&BOTH))],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: the policy /etc/kubernetes/audit/policy.yaml does not exist
              half on [policy-missing] the policy /etc/kubernetes/audit/policy.yaml does not exist
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]],
        );
        let v1beta1 = POLICY.replace("v1", "v1beta1");
        check(
            &[(MANIFEST, &manifest(&BOTH)), (POLICY_FILE, &v1beta1)],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: the policy is refused, and the API server would not start again: /etc/kubernetes/audit/policy.yaml:1: apiVersion `audit.k8s.io/v1beta1` is refused since Kubernetes 1.24
              half on [policy-refused] the policy is refused, and the API server would not start again: /etc/kubernetes/audit/policy.yaml:1: apiVersion `audit.k8s.io/v1beta1` is refused since Kubernetes 1.24
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]],
        );
        check(
            &[(MANIFEST, &manifest(&BOTH)), ("/etc/kubernetes/audit/policy.yaml/x", "")],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: the policy /etc/kubernetes/audit/policy.yaml is a folder: a container runtime made it where a file was missing
              half on [policy-folder] the policy /etc/kubernetes/audit/policy.yaml is a folder: a container runtime made it where a file was missing
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]],
        );
        check(
            &[(MANIFEST, &manifest(&BOTH)), (POLICY_FILE, NONE)],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: the policy /etc/kubernetes/audit/policy.yaml records nothing: it is only None
              half on [policy-none] the policy /etc/kubernetes/audit/policy.yaml records nothing: it is only None
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]],
        );
        let elsewhere = manifest(&["--audit-policy-file=/p.yaml", "--audit-log-path=/l.log"]);
        check(
            &[(MANIFEST, &elsewhere)],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/l.log (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
              --audit-policy-file=/p.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: the policy /p.yaml lies in no mount of the pod
              half on [policy-not-mounted] the policy /p.yaml lies in no mount of the pod
              half on [log-not-mounted] the log /l.log lies in no mount of the pod: it is lost when the container restarts
        "#]],
        );
    }

    #[test]
    fn a_backup_beside_the_manifest() {
        let backup = format!("{MANIFEST}.bak");
        check(
            &[(MANIFEST, &manifest(&BOTH)), (&backup, &manifest(&[])), (POLICY_FILE, POLICY)],
            expect![[r#"
                kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml.bak runs kube-apiserver
                auditing is off: neither a policy nor a log nor a webhook is set
                  off [no-flags] neither a policy nor a log nor a webhook is set
                  half on [several-manifests] 2 manifests run an API server: /etc/kubernetes/manifests/kube-apiserver.yaml, /etc/kubernetes/manifests/kube-apiserver.yaml.bak
            "#]],
        );
    }

    /// kubeadm with both flags, and a process that was started 20 seconds after boot.
    fn running(process: &str) -> Tree {
        let tree = Tree::new(&[(MANIFEST, &manifest(&BOTH)), (POLICY_FILE, POLICY)]);
        tree.age(POLICY_FILE, 9000);
        proc(&tree, &[(1, "/sbin/init", 0), (9, process, 20)]);
        tree
    }

    fn with_both() -> String {
        format!("kube-apiserver --secure-port=6443 {} {}", BOTH[0], BOTH[1])
    }

    #[test]
    fn the_process_does_not_have_the_flags() {
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
            auditing is only half on: --audit-log-path is /var/log/audit/audit.log in the configuration and is not set in the running process
              half on [not-running-with] --audit-log-path is /var/log/audit/audit.log in the configuration and is not set in the running process
              half on [not-running-with] --audit-policy-file is /etc/kubernetes/audit/policy.yaml in the configuration and is not set in the running process
        "#]].assert_eq(&told(&running("kube-apiserver --secure-port=6443")));
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
            auditing is only half on: no API server is running here, so nothing is recorded
              half on [not-running] no API server is running here, so nothing is recorded
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]].assert_eq(&told(&running("/usr/bin/kubelet")));
    }

    #[test]
    fn the_policy_is_newer_than_the_process() {
        let tree = running(&with_both());
        tree.write("/var/log/kubernetes/audit/audit.log", event(5).as_bytes());
        tree.age(POLICY_FILE, 60);
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (process 9)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (process 9)
            auditing is only half on: the policy /etc/kubernetes/audit/policy.yaml was changed 58 min after the API server started, and it reads it only then
              half on [policy-newer] the policy /etc/kubernetes/audit/policy.yaml was changed 58 min after the API server started, and it reads it only then
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]].assert_eq(&told(&tree));
    }

    #[test]
    fn on_and_silent() {
        let log = "/var/log/kubernetes/audit/audit.log";
        let tree = running(&with_both());
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (process 9)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (process 9)
            auditing is on but silent: nothing was ever written to /var/log/kubernetes/audit/audit.log, and the API server is up for 59 min
              on but silent [log-empty] nothing was ever written to /var/log/kubernetes/audit/audit.log, and the API server is up for 59 min
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]].assert_eq(&told(&tree));
        tree.write(log, event(3000).as_bytes());
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (process 9)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (process 9)
            auditing is on but silent: nothing was written to /var/log/kubernetes/audit/audit.log for 50 min
              on but silent [log-silent] nothing was written to /var/log/kubernetes/audit/audit.log for 50 min
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]].assert_eq(&told(&tree));
        tree.write(log, (event(3000) + &event(10)).as_bytes());
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (process 9)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (process 9)
            auditing is on: events go to /var/log/kubernetes/audit/audit.log
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]].assert_eq(&told(&tree));
        // Only secrets are recorded: nobody may have asked for any.
        tree.write(log, event(3000).as_bytes());
        let some = POLICY
            .replace("level: Metadata", "{level: Metadata, resources: [{group: '', resources: [secrets]}]}");
        tree.write(POLICY_FILE, some.as_bytes());
        tree.age(POLICY_FILE, 9000);
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-log-maxage=0 (default)
              --audit-log-maxbackup=0 (default)
              --audit-log-maxsize=100 (default)
              --audit-log-path=/var/log/audit/audit.log (process 9)
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (process 9)
            auditing is on: events go to /var/log/kubernetes/audit/audit.log
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 6 warnings of lint
              also [log-quiet] nothing was written to /var/log/kubernetes/audit/audit.log for 50 min; the policy drops what a cluster does by itself, so that may be right
              also [kept-for-ever] no flag ends what is kept, so the log grows until the disk is full
        "#]].assert_eq(&told(&tree));
    }

    #[test]
    fn another_policy_than_it_was_turned_on_with() {
        let digest = auditward_base::Digest::of(POLICY.as_bytes()).to_string();
        let with = |digest: &str| {
            manifest(&BOTH)
                .replace("  labels:", &format!("  annotations: {{{POLICY_DIGEST}: '{digest}'}}\n  labels:"))
        };
        let tree = Tree::new(&[(MANIFEST, &with(&digest)), (POLICY_FILE, POLICY)]);
        assert_eq!(verdict(&facts(&tree.host(), NOW)).verdict, Verdict::On);
        let tree = Tree::new(&[(MANIFEST, &with("sha256:0000")), (POLICY_FILE, POLICY)]);
        assert_eq!(verdict(&facts(&tree.host(), NOW)).reasons[0].code, "policy-changed");
    }

    #[test]
    fn a_webhook_and_none_of_its_secrets() {
        let flags = [BOTH[0], "--audit-webhook-config-file=/etc/kubernetes/audit/hook.yaml"];
        let hook = "clusters:\n- name: a\n  cluster: {server: 'https://u:hunter2@hook.example.com/path?token=hunter2'}\n\
                    users:\n- name: u\n  user: {token: hunter2}\n";
        let files = [
            (MANIFEST, &*manifest(&flags)),
            (POLICY_FILE, POLICY),
            ("/etc/kubernetes/audit/hook.yaml", hook),
        ];
        let tree = Tree::new(&files);
        let facts = facts(&tree.host(), NOW);
        assert_eq!(facts.webhook.as_ref().unwrap().server.as_deref(), Some("https://hook.example.com:443"));
        assert!(!format!("{facts:?}").contains("hunter2"));
        expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
              --audit-webhook-config-file=/etc/kubernetes/audit/hook.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
            auditing is on, by its configuration: events go to a webhook
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
        "#]].assert_eq(&told(&tree));
        check(
            &files[..2],
            expect![[r#"
            kubeadm, /etc/kubernetes/manifests/kube-apiserver.yaml runs kube-apiserver
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:14)
              --audit-webhook-config-file=/etc/kubernetes/audit/hook.yaml (/etc/kubernetes/manifests/kube-apiserver.yaml:15)
            auditing is only half on: the webhook's kubeconfig /etc/kubernetes/audit/hook.yaml does not exist
              half on [webhook-missing] the webhook's kubeconfig /etc/kubernetes/audit/hook.yaml does not exist
              also [policy-lint] the policy /etc/kubernetes/audit/policy.yaml has 0 errors and 3 warnings of lint
        "#]],
        );
    }
}

mod logs {
    use super::*;

    fn log(files: &[(&str, usize)], flags: &[&str]) -> LogFacts {
        let all: Vec<&str> = BOTH.iter().chain(flags).copied().collect();
        let tree = Tree::new(&[(MANIFEST, &manifest(&all)), (POLICY_FILE, POLICY)]);
        for (name, size) in files {
            let mut text = event(3600).into_bytes();
            let last = event(0).into_bytes();
            text.resize(size.saturating_sub(last.len() + 1).max(text.len()), b' ');
            text.push(b'\n');
            text.extend(last);
            tree.write(&format!("/var/log/kubernetes/audit/{name}"), &text);
        }
        facts(&tree.host(), NOW).log.unwrap()
    }

    #[test]
    fn one_file_grows_from_its_first_event_to_its_last() {
        let log = log(&[("audit.log", 1 << 20)], &["--audit-log-maxage=30", "--audit-log-maxbackup=10"]);
        assert_eq!(log.bytes_per_hour, Some(1 << 20));
        // Eleven files of 100 MiB at 1 MiB an hour are sooner full than thirty days are over? 1100 hours against 720.
        assert_eq!(log.keeps, Some(Keeps { hours: Some(720), ended_by: EndedBy::Age }));
        assert_eq!(log.bytes_max, Some((12 * 100) << 20));
    }

    #[test]
    fn the_smaller_of_age_and_size() {
        let log = log(
            &[("audit.log", 1 << 20)],
            &["--audit-log-maxage=30", "--audit-log-maxbackup=1", "--audit-log-maxsize=5"],
        );
        assert_eq!(log.keeps, Some(Keeps { hours: Some(10), ended_by: EndedBy::Size }));
    }

    #[test]
    fn nothing_ends_it() {
        let log = log(&[("audit.log", 1000)], &[]);
        assert_eq!(log.keeps, Some(Keeps { hours: None, ended_by: EndedBy::Nothing }));
        assert_eq!(log.bytes_max, None);
    }

    #[test]
    fn rotated_files_are_its_own_by_name() {
        let log = log(
            &[
                ("audit.log", 1 << 20),
                ("audit-2026-06-01T10-00-00.000.log", 1 << 20),
                ("audit-2026-06-01T11-00-00.000.log.gz", 500),
                ("audit-2026.log", 700),
                ("other-2026-06-01T11-00-00.000.log", 700),
                ("audit.log.1", 700),
            ],
            &[],
        );
        let names: Vec<&str> = log.files.iter().map(|file| file.name.as_str()).collect();
        assert_eq!(
            names,
            ["audit-2026-06-01T10-00-00.000.log", "audit-2026-06-01T11-00-00.000.log.gz", "audit.log"]
        );
        // What came in the two hours since the first was rotated: 100 MiB, now compressed, and what is being written.
        assert_eq!(log.bytes_per_hour, Some((101 << 20) / 2));
    }
}

mod hostile {
    use super::*;

    #[test]
    fn links_stay_inside() {
        let tree = Tree::new(&[("/data/policy.yaml", POLICY)]);
        tree.link("/absolute", "/data/policy.yaml");
        tree.link("/relative", "../../../../../data/policy.yaml");
        tree.link("/loop", "/loop");
        tree.link("/outside", "/etc/passwd");
        tree.link("/folder", "/data");
        let host = tree.host();
        assert_eq!(host.read("/absolute", 1000).unwrap(), POLICY.as_bytes());
        assert_eq!(host.read("/relative", 1000).unwrap(), POLICY.as_bytes());
        assert_eq!(host.read("/folder/policy.yaml", 1000).unwrap(), POLICY.as_bytes());
        assert_eq!(host.read("/folder/../absolute", 1000).unwrap(), POLICY.as_bytes());
        assert!(host.read("/loop", 1000).is_err());
        assert!(fs::metadata("/etc/passwd").is_ok() && host.read("/outside", 1 << 20).is_err());
        assert!(host.read("/../../../../etc/passwd", 1 << 20).is_err());
        assert!(host.read("/data", 10).is_err());
        assert!(host.read("/absolute", 10).is_err());
    }

    #[test]
    fn a_manifest_that_links_outside_is_not_read() {
        let real = Tree::new(&[("/m.yaml", &manifest(&BOTH))]);
        let tree = Tree::new(&[("/etc/hostname", "a")]);
        tree.link(MANIFEST, &real.0.join("m.yaml").display().to_string());
        assert_eq!(find(&tree.host()).distribution, None);
    }

    #[test]
    fn rubbish_everywhere() {
        let rubbish: Vec<u8> =
            (0..4096_u32).map(|at| at.wrapping_mul(2_654_435_761).to_be_bytes()[1]).collect();
        let huge = vec![b'a'; (1 << 20) + 10];
        let long = [b"kube-apiserver: [".repeat(1000), b"\n".to_vec()].concat();
        for text in [&rubbish, &huge, &long] {
            let tree = Tree::new(&[(POLICY_FILE, "")]);
            for path in [
                MANIFEST,
                "/etc/kubernetes/manifests/x",
                "/var/lib/kubelet/config.yaml",
                "/etc/rancher/k3s/config.yaml",
                "/etc/rancher/k3s/config.yaml.d/x.yaml",
                "/etc/rancher/rke2/config.yaml",
                "/etc/k0s/k0s.yaml",
                "/etc/microshift/config.yaml",
                "/var/snap/microk8s/current/args/kube-apiserver",
                "/etc/systemd/system/kube-apiserver.service",
                "/etc/systemd/system/kubelet.service",
                "/etc/os-release",
                "/proc/stat",
                "/proc/1/cmdline",
                "/proc/1/stat",
            ] {
                tree.write(path, text);
            }
            let facts = facts(&tree.host(), NOW);
            verdict(&facts);
            checks(&facts);
        }
        let tree = Tree::new(&[(MANIFEST, &manifest(&BOTH))]);
        tree.write(POLICY_FILE, &rubbish);
        tree.write("/var/log/kubernetes/audit/audit.log", &rubbish);
        assert_eq!(verdict(&facts(&tree.host(), NOW)).reasons[0].code, "policy-refused");
    }

    #[test]
    fn a_pipe_does_not_hold_us_up() {
        let tree = Tree::new(&[(MANIFEST, &manifest(&BOTH)), ("/etc/kubernetes/audit/x", "")]);
        let pipe = tree.0.join(POLICY_FILE.trim_start_matches('/'));
        rustix::fs::mknodat(
            rustix::fs::CWD,
            &pipe,
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::from_raw_mode(0o600),
            0,
        )
        .unwrap();
        assert_eq!(verdict(&facts(&tree.host(), NOW)).verdict, Verdict::Unknown);
    }
}
