use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use expect_test::{Expect, expect};

use super::{FileChange, Files, Flags, Service, plan, undo};

#[derive(Clone, PartialEq, Debug)]
struct Tree(BTreeMap<PathBuf, Vec<u8>>);

impl Files for Tree {
    fn read(&self, path: &Path) -> io::Result<Option<Vec<u8>>> {
        Ok(self.0.get(path).cloned())
    }

    fn names(&self, folder: &Path) -> io::Result<Vec<String>> {
        let inside = self.0.keys().filter(|path| path.parent() == Some(folder));
        Ok(inside.filter_map(|path| Some(path.file_name()?.to_str()?.to_owned())).collect())
    }
}

impl Tree {
    fn new(files: &[(&str, &str)]) -> Self {
        Self(files.iter().map(|(path, text)| (PathBuf::from(path), text.as_bytes().to_vec())).collect())
    }

    fn apply(&mut self, changes: &[FileChange]) {
        for change in changes {
            assert_eq!(self.0.get(&change.path), change.before.as_ref());
            match &change.after {
                Some(after) => self.0.insert(change.path.clone(), after.clone()),
                None => self.0.remove(&change.path),
            };
        }
    }
}

fn flags() -> Flags {
    [("audit-log-maxsize", "100"), ("audit-log-maxage", "30"), ("audit-log-maxbackup", "10")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .to_vec()
}

/// Shows the plan, and that doing it twice is doing it once; then what is not as it was when it is undone.
fn check(service: Service, files: &[(&str, &str)], expect: &Expect) {
    let first = Tree::new(files);
    let mut out = String::new();
    match plan(service, &first, &flags()) {
        Err(refusal) => out += &format!("refused: {refusal}\nhint: {}\n", refusal.hint().unwrap_or("none")),
        Ok(plan) => {
            for note in &plan.notes {
                out += &format!("note: {note}\n");
            }
            let user = plan.user.as_deref().unwrap_or("root");
            out += &format!(
                "restart {}; {} and {} for {user}\n",
                plan.unit,
                plan.policy.display(),
                plan.log.display()
            );
            let mut tree = first.clone();
            tree.apply(&plan.files);
            for change in &plan.files {
                out += &format!("--- {}\n", change.path.display());
                out += &String::from_utf8_lossy(change.after.as_deref().unwrap_or_default());
            }
            let again = super::plan(service, &tree, &flags()).expect("once more");
            assert!(again.files.is_empty(), "{:?}", again.files);
            let changes = undo(service, &tree, &flags()).expect("undone");
            tree.apply(&changes);
            for (path, text) in tree.0.iter().filter(|(path, text)| first.0.get(*path) != Some(*text)) {
                out += &format!("--- {} when undone\n{}", path.display(), String::from_utf8_lossy(text));
            }
            assert!(tree.0.keys().eq(first.0.keys()));
        }
    }
    expect.assert_eq(&out.replace('\r', "␍"));
}

#[test]
fn k3s_without_any_configuration() {
    check(
        Service::K3s,
        &[],
        &expect![[r#"
        note: k3s.service is restarted: the kubelet and, where it is embedded, etcd of this node restart with it; running containers live on
        restart k3s.service; /etc/rancher/k3s/auditward/policy.yaml and /var/lib/rancher/k3s/server/logs/audit.log for root
        --- /etc/rancher/k3s/config.yaml.d/90-auditward.yaml
        # Written by `auditward enable`; `auditward disable` removes it.
        # The `+` adds to the lists of the files before it instead of replacing them.
        kube-apiserver-arg+:
        - audit-policy-file=/etc/rancher/k3s/auditward/policy.yaml
        - audit-log-path=/var/lib/rancher/k3s/server/logs/audit.log
        - audit-log-maxsize=100
        - audit-log-maxage=30
        - audit-log-maxbackup=10
    "#]],
    );
}

#[test]
fn k3s_keeps_the_lists_of_other_files() {
    check(
        Service::K3s,
        &[
            (
                "/etc/rancher/k3s/config.yaml",
                "data-dir: /srv/k3s\nkube-apiserver-arg:\n- audit-log-path=/tmp/a\n- v=2\n",
            ),
            ("/etc/rancher/k3s/config.yaml.d/10-site.yaml", "kube-apiserver-arg+: profiling=false\n"),
            (
                "/etc/systemd/system/k3s.service",
                "[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n",
            ),
        ],
        &expect![[r#"
            note: k3s.service is restarted: the kubelet and, where it is embedded, etcd of this node restart with it; running containers live on
            note: /etc/rancher/k3s/config.yaml:2: `audit-log-path=/tmp/a` is there already; where it differs, what stands in `90-auditward.yaml` counts, because it comes later
            restart k3s.service; /etc/rancher/k3s/auditward/policy.yaml and /srv/k3s/server/logs/audit.log for root
            --- /etc/rancher/k3s/config.yaml.d/90-auditward.yaml
            # Written by `auditward enable`; `auditward disable` removes it.
            # The `+` adds to the lists of the files before it instead of replacing them.
            kube-apiserver-arg+:
            - audit-policy-file=/etc/rancher/k3s/auditward/policy.yaml
            - audit-log-path=/srv/k3s/server/logs/audit.log
            - audit-log-maxsize=100
            - audit-log-maxage=30
            - audit-log-maxbackup=10
        "#]],
    );
}

#[test]
fn k3s_whose_later_file_replaces_the_list() {
    check(
        Service::K3s,
        &[("/etc/rancher/k3s/config.yaml.d/95-last.yaml", "# last\nkube-apiserver-arg: [v=2]\n")],
        &expect![[r#"
            refused: /etc/rancher/k3s/config.yaml.d/95-last.yaml:2: `kube-apiserver-arg` replaces the list of `/etc/rancher/k3s/config.yaml.d/90-auditward.yaml`, which is read before it
            hint: write `kube-apiserver-arg+` there, so that it adds to the list
        "#]],
    );
}

#[test]
fn k3s_with_arguments_on_the_command_line() {
    check(
        Service::K3s,
        &[(
            "/etc/systemd/system/k3s.service",
            "[Unit]\n[Service]\nExecStart=/usr/local/bin/k3s \\\n    server \\\n    '--kube-apiserver-arg=v=2'\n",
        )],
        &expect![[r#"
            refused: /etc/systemd/system/k3s.service:3: `--kube-apiserver-arg` on the command line replaces the list of every configuration file
            hint: move these arguments into `/etc/rancher/k3s/config.yaml` under `kube-apiserver-arg`, then run this again
        "#]],
    );
}

#[test]
fn k3s_whose_configuration_is_no_yaml() {
    check(
        Service::K3s,
        &[("/etc/rancher/k3s/config.yaml", "tls-san:\n\t- a\n")],
        &expect![[r#"
            refused: /etc/rancher/k3s/config.yaml:2: not YAML: found character that cannot start any token
            hint: k3s itself would not start with it; put it right first
        "#]],
    );
}

#[test]
fn rke2_with_the_cis_profile() {
    check(
        Service::Rke2,
        &[("/etc/rancher/rke2/config.yaml", "profile: cis\n")],
        &expect![[r#"
        note: rke2-server.service is restarted: the kubelet of this node restarts with it; running containers live on
        note: /etc/rancher/rke2/config.yaml:1: `profile: cis` is there already; where it differs, what stands in `90-auditward.yaml` counts, because it comes later
        restart rke2-server.service; /etc/rancher/rke2/auditward/policy.yaml and /var/lib/rancher/rke2/server/logs/audit.log for root
        --- /etc/rancher/rke2/config.yaml.d/90-auditward.yaml
        # Written by `auditward enable`; `auditward disable` removes it.
        # The `+` adds to the lists of the files before it instead of replacing them.
        audit-policy-file: /etc/rancher/rke2/auditward/policy.yaml
        kube-apiserver-arg+:
        - audit-log-path=/var/lib/rancher/rke2/server/logs/audit.log
    "#]],
    );
}

#[test]
fn microk8s_gets_lines() {
    check(
        Service::MicroK8s,
        &[(
            "/var/snap/microk8s/current/args/kube-apiserver",
            "# snap\n--cert-dir=${SNAP_DATA}/certs\n--secure-port=16443",
        )],
        &expect![[r#"
            note: snap.microk8s.daemon-kubelite.service is restarted: the kubelet of this node restarts with it; containers live on
            restart snap.microk8s.daemon-kubelite.service; /var/snap/microk8s/common/audit/policy.yaml and /var/snap/microk8s/common/audit/log/audit.log for root
            --- /var/snap/microk8s/current/args/kube-apiserver
            # snap
            --cert-dir=${SNAP_DATA}/certs
            --secure-port=16443
            --audit-policy-file=/var/snap/microk8s/common/audit/policy.yaml
            --audit-log-path=/var/snap/microk8s/common/audit/log/audit.log
            --audit-log-maxsize=100
            --audit-log-maxage=30
            --audit-log-maxbackup=10
            --- /var/snap/microk8s/current/args/kube-apiserver when undone
            # snap
            --cert-dir=${SNAP_DATA}/certs
            --secure-port=16443
        "#]],
    );
}

#[test]
fn microk8s_with_flags_already() {
    check(
        Service::MicroK8s,
        &[(
            "/var/snap/microk8s/current/args/kube-apiserver",
            "--audit-log-maxsize=\"50\"\n--audit-log-maxage=30\n--secure-port=16443\n",
        )],
        &expect![[r#"
            note: snap.microk8s.daemon-kubelite.service is restarted: the kubelet of this node restarts with it; containers live on
            note: /var/snap/microk8s/current/args/kube-apiserver:1: `--audit-log-maxsize="50"` becomes `--audit-log-maxsize=100`
            restart snap.microk8s.daemon-kubelite.service; /var/snap/microk8s/common/audit/policy.yaml and /var/snap/microk8s/common/audit/log/audit.log for root
            --- /var/snap/microk8s/current/args/kube-apiserver
            --audit-log-maxsize=100
            --audit-log-maxage=30
            --secure-port=16443
            --audit-policy-file=/var/snap/microk8s/common/audit/policy.yaml
            --audit-log-path=/var/snap/microk8s/common/audit/log/audit.log
            --audit-log-maxbackup=10
            --- /var/snap/microk8s/current/args/kube-apiserver when undone
            --secure-port=16443
        "#]],
    );
}

#[test]
fn microk8s_with_flags_in_the_wrong_file() {
    check(
        Service::MicroK8s,
        &[
            ("/var/snap/microk8s/current/args/kube-apiserver", "--secure-port=16443\n"),
            ("/var/snap/microk8s/current/args/kubelite", "--audit-log-path=/var/log/a\n"),
        ],
        &expect![[r#"
            refused: /var/snap/microk8s/current/args/kubelite:1: `--audit-log-path=/var/log/a` is a flag of the API server, and kubelite does not start with it
            hint: remove that line; the API server's flags belong into `/var/snap/microk8s/current/args/kube-apiserver`
        "#]],
    );
    check(
        Service::MicroK8s,
        &[],
        &expect![[r#"
        refused: there is no file `/var/snap/microk8s/current/args/kube-apiserver`
        hint: is the snap `microk8s` installed and set up? See `microk8s status`
    "#]],
    );
}

const K0S: &str = "apiVersion: k0s.k0sproject.io/v1beta1\nkind: ClusterConfig\nmetadata:\n  name: k0s\nspec:\n  api:\n    # ours\n    address: 10.0.0.1\n    sans:\n    - 10.0.0.1\n  network:\n    provider: kuberouter\n";

#[test]
fn k0s_without_extra_args() {
    check(
        Service::K0s,
        &[("/etc/k0s/k0s.yaml", K0S)],
        &expect![[r#"
            note: k0scontroller.service is restarted: on a controller that is also a worker, its kubelet restarts too
            note: dynamic configuration does not carry these settings: do the same on every controller
            restart k0scontroller.service; /etc/k0s/audit/policy.yaml and /var/log/k0s/audit/audit.log for kube-apiserver
            --- /etc/k0s/k0s.yaml
            apiVersion: k0s.k0sproject.io/v1beta1
            kind: ClusterConfig
            metadata:
              name: k0s
            spec:
              api:
                # ours
                extraArgs:
                  audit-policy-file: /etc/k0s/audit/policy.yaml
                  audit-log-path: /var/log/k0s/audit/audit.log
                  audit-log-maxsize: "100"
                  audit-log-maxage: "30"
                  audit-log-maxbackup: "10"
                address: 10.0.0.1
                sans:
                - 10.0.0.1
              network:
                provider: kuberouter
        "#]],
    );
}

#[test]
fn k0s_with_extra_args() {
    let text = K0S.replace("    sans:", "    extraArgs:\n      v: \"2\" # loud\n    sans:");
    check(
        Service::K0s,
        &[("/etc/k0s/k0s.yaml", &text)],
        &expect![[r#"
            note: k0scontroller.service is restarted: on a controller that is also a worker, its kubelet restarts too
            note: dynamic configuration does not carry these settings: do the same on every controller
            restart k0scontroller.service; /etc/k0s/audit/policy.yaml and /var/log/k0s/audit/audit.log for kube-apiserver
            --- /etc/k0s/k0s.yaml
            apiVersion: k0s.k0sproject.io/v1beta1
            kind: ClusterConfig
            metadata:
              name: k0s
            spec:
              api:
                # ours
                address: 10.0.0.1
                extraArgs:
                  audit-policy-file: /etc/k0s/audit/policy.yaml
                  audit-log-path: /var/log/k0s/audit/audit.log
                  audit-log-maxsize: "100"
                  audit-log-maxage: "30"
                  audit-log-maxbackup: "10"
                  v: "2" # loud
                sans:
                - 10.0.0.1
              network:
                provider: kuberouter
        "#]],
    );
    let other = K0S.replace("    sans:", "    extraArgs:\n      audit-log-maxage: \"7\"\n    sans:");
    check(
        Service::K0s,
        &[("/etc/k0s/k0s.yaml", &other)],
        &expect![[r#"
            note: k0scontroller.service is restarted: on a controller that is also a worker, its kubelet restarts too
            note: dynamic configuration does not carry these settings: do the same on every controller
            note: /etc/k0s/k0s.yaml:11: `audit-log-maxage` is set to something else and becomes `30`
            restart k0scontroller.service; /etc/k0s/audit/policy.yaml and /var/log/k0s/audit/audit.log for kube-apiserver
            --- /etc/k0s/k0s.yaml
            apiVersion: k0s.k0sproject.io/v1beta1
            kind: ClusterConfig
            metadata:
              name: k0s
            spec:
              api:
                # ours
                address: 10.0.0.1
                extraArgs:
                  audit-policy-file: /etc/k0s/audit/policy.yaml
                  audit-log-path: /var/log/k0s/audit/audit.log
                  audit-log-maxsize: "100"
                  audit-log-maxbackup: "10"
                  audit-log-maxage: "30"
                sans:
                - 10.0.0.1
              network:
                provider: kuberouter
            --- /etc/k0s/k0s.yaml when undone
            apiVersion: k0s.k0sproject.io/v1beta1
            kind: ClusterConfig
            metadata:
              name: k0s
            spec:
              api:
                # ours
                address: 10.0.0.1
                sans:
                - 10.0.0.1
              network:
                provider: kuberouter
        "#]],
    );
}

#[test]
fn k0s_that_cannot_be_edited() {
    let flow = K0S.replace("    sans:", "    extraArgs: {v: \"2\"}\n    sans:");
    check(
        Service::K0s,
        &[("/etc/k0s/k0s.yaml", &flow)],
        &expect![[r#"
            refused: /etc/k0s/k0s.yaml:9: is laid out in a way that is not edited safely
            hint: add `audit-log-maxbackup: "10"` under `spec.api.extraArgs` by hand
        "#]],
    );
    check(
        Service::K0s,
        &[("/etc/k0s/k0s.yaml", "spec: {}\n")],
        &expect![[r#"
            refused: /etc/k0s/k0s.yaml:1: is laid out in a way that is not edited safely
            hint: add `audit-log-maxbackup: "10"` under `spec.api.extraArgs` by hand
        "#]],
    );
    check(
        Service::K0s,
        &[],
        &expect![[r#"
        refused: there is no file `/etc/k0s/k0s.yaml`
        hint: write the defaults with `k0s config create > /etc/k0s/k0s.yaml`, and let the controller use it with `k0s install controller --config /etc/k0s/k0s.yaml --force`
    "#]],
    );
}

#[test]
fn k0s_with_its_configuration_elsewhere() {
    check(
        Service::K0s,
        &[
            (
                "/etc/systemd/system/k0scontroller.service",
                "[Service]\nExecStart=/usr/bin/k0s controller --config=/opt/k0s.yaml\n",
            ),
            ("/opt/k0s.yaml", "spec:\r\n  api:\r\n    extraArgs:\r\n    address: 10.0.0.1\r\n"),
        ],
        &expect![[r#"
            note: k0scontroller.service is restarted: on a controller that is also a worker, its kubelet restarts too
            note: dynamic configuration does not carry these settings: do the same on every controller
            restart k0scontroller.service; /etc/k0s/audit/policy.yaml and /var/log/k0s/audit/audit.log for kube-apiserver
            --- /opt/k0s.yaml
            spec:␍
              api:␍
                extraArgs:␍
                  audit-policy-file: /etc/k0s/audit/policy.yaml␍
                  audit-log-path: /var/log/k0s/audit/audit.log␍
                  audit-log-maxsize: "100"␍
                  audit-log-maxage: "30"␍
                  audit-log-maxbackup: "10"␍
                address: 10.0.0.1␍
            --- /opt/k0s.yaml when undone
            spec:␍
              api:␍
                address: 10.0.0.1␍
        "#]],
    );
}

const UNIT: &str = "[Unit]\nDescription=Kubernetes API Server\n\n[Service]\nUser=kube\nExecStart=/usr/local/bin/kube-apiserver \\\n  --etcd-servers=https://127.0.0.1:2379 \\\n  --audit-log-path=/var/log/audit.log \\\n  --v=2\nRestart=on-failure\n\n[Install]\nWantedBy=multi-user.target\n";

#[test]
fn a_systemd_unit() {
    check(
        Service::Systemd,
        &[("/etc/systemd/system/kube-apiserver.service", UNIT)],
        &expect![[r#"
        note: /etc/systemd/system/kube-apiserver.service:6: `--audit-log-path=/var/log/audit.log` is there already; where it differs, the value at the end of the command counts
        restart kube-apiserver.service; /etc/kubernetes/audit/policy.yaml and /var/log/kubernetes/audit/audit.log for kube
        --- /etc/systemd/system/kube-apiserver.service.d/90-auditward.conf
        # Written by `auditward enable`; `auditward disable` removes it.
        # The command of /etc/systemd/system/kube-apiserver.service with audit flags at its end.
        [Service]
        ExecStart=
        ExecStart=/usr/local/bin/kube-apiserver \
          --etcd-servers=https://127.0.0.1:2379 \
          --audit-log-path=/var/log/audit.log \
          --v=2 \
          --audit-policy-file=/etc/kubernetes/audit/policy.yaml \
          --audit-log-path=/var/log/kubernetes/audit/audit.log \
          --audit-log-maxsize=100 \
          --audit-log-maxage=30 \
          --audit-log-maxbackup=10
    "#]],
    );
}

#[test]
fn a_systemd_unit_with_drop_ins() {
    check(
        Service::Systemd,
        &[
            ("/lib/systemd/system/kube-apiserver.service", UNIT),
            (
                "/etc/systemd/system/kube-apiserver.service.d/10-site.conf",
                "[Service]\nExecStart=\nExecStart=/opt/kube-apiserver --v=4\n",
            ),
        ],
        &expect![[r#"
            restart kube-apiserver.service; /etc/kubernetes/audit/policy.yaml and /var/log/kubernetes/audit/audit.log for kube
            --- /etc/systemd/system/kube-apiserver.service.d/90-auditward.conf
            # Written by `auditward enable`; `auditward disable` removes it.
            # The command of /etc/systemd/system/kube-apiserver.service.d/10-site.conf with audit flags at its end.
            [Service]
            ExecStart=
            ExecStart=/opt/kube-apiserver --v=4 \
              --audit-policy-file=/etc/kubernetes/audit/policy.yaml \
              --audit-log-path=/var/log/kubernetes/audit/audit.log \
              --audit-log-maxsize=100 \
              --audit-log-maxage=30 \
              --audit-log-maxbackup=10
        "#]],
    );
    check(
        Service::Systemd,
        &[
            ("/lib/systemd/system/kube-apiserver.service", UNIT),
            (
                "/run/systemd/system/kube-apiserver.service.d/99-z.conf",
                "[Service]\nExecStart=\nExecStart=/opt/kube-apiserver\n",
            ),
        ],
        &expect![[r#"
            refused: /run/systemd/system/kube-apiserver.service.d/99-z.conf:3: this ExecStart comes after `/etc/systemd/system/kube-apiserver.service.d/90-auditward.conf` and would undo it
            hint: rename that file so that it sorts before `90-auditward.conf`
        "#]],
    );
}

#[test]
fn a_systemd_unit_that_starts_a_shell() {
    check(
        Service::Systemd,
        &[(
            "/etc/systemd/system/kube-apiserver.service",
            "[Service]\nExecStart=/bin/sh -c 'exec kube-apiserver $ARGS'\n",
        )],
        &expect![[r#"
            refused: /etc/systemd/system/kube-apiserver.service:2: `/bin/sh` starts the API server here, and what it does with further arguments is not known
            hint: add the audit flags where that program builds the API server's command line
        "#]],
    );
    check(
        Service::Systemd,
        &[],
        &expect![[r#"
        refused: there is no unit `kube-apiserver.service`
        hint: name the unit that starts kube-apiserver on this machine so
    "#]],
    );
}
