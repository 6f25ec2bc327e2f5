//! `auditward enable --dry-run`, of folders that stand for nodes of each distribution.

use expect_test::expect;

use crate::check;

#[test]
fn k3s() {
    check("enable --dry-run --root examples/nodes/k3s-off", expect![[""]]);
}

#[test]
fn rke2() {
    check("enable --dry-run --root examples/nodes/rke2-off", expect![[""]]);
}

#[test]
fn microk8s() {
    check("enable --dry-run --root examples/nodes/microk8s-off", expect![[""]]);
}

#[test]
fn k0s() {
    check("enable --dry-run --root examples/nodes/k0s-off", expect![[""]]);
}

#[test]
fn systemd() {
    check("enable --dry-run --root examples/nodes/systemd-off", expect![[""]]);
}

#[test]
fn what_does_not_fit() {
    check("enable --dry-run --root examples/nodes/k3s-off --log-path /var/log/k3s/audit.log", expect![[""]]);
    check("enable --dry-run --root examples/nodes/k3s-off --persist", expect![[""]]);
    check("enable --root examples/nodes/k3s-off", expect![[""]]);
    check("enable --dry-run --root examples/policies", expect![[""]]);
}

#[test]
fn a_manifest_in_a_folder() {
    check("enable --dry-run --root examples/nodes/kubeadm-on", expect![[""]]);
}

#[test]
fn as_data() {
    check("enable --dry-run --root examples/nodes/microk8s-off --max-age 60 -o json", expect![[""]]);
}
