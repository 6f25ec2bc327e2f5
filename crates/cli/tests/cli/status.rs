//! `auditward status`, of folders that stand for nodes.

use expect_test::expect;

use crate::check;

#[test]
fn off() {
    check("status --root examples/nodes/kubeadm-off", expect![[""]]);
}

#[test]
fn on() {
    check("status --root examples/nodes/kubeadm-on", expect![[""]]);
}

#[test]
fn on_in_name_only() {
    check("status --root examples/nodes/rke2-cis", expect![[""]]);
}

#[test]
fn checks() {
    check("status --checks --root examples/nodes/rke2-cis", expect![[""]]);
    check("status --checks -o yaml --root examples/nodes/kubeadm-off", expect![[""]]);
}

#[test]
fn for_programs() {
    check("status -o json --root examples/nodes/kubeadm-on", expect![[""]]);
}

#[test]
fn nothing_to_tell_of() {
    check("status --root examples/policies", expect![[""]]);
}

#[test]
fn no_folder() {
    check("status --root examples/absent", expect![[""]]);
    check("status --root examples/README.md", expect![[""]]);
}
