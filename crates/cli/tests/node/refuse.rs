//! What is found before anything is touched: one node, many traps, no restart.

use super::{MANIFEST, Machine};

#[test]
fn nothing_is_touched_when_something_is_in_the_way() {
    let Some(machine) = Machine::start("refuse") else { return };
    let uptime = machine.sh("pidof kube-apiserver");
    let refused = |words: &str, said: &[&str]| {
        machine.run(words).ended(2, said);
        assert!(machine.manifest() == machine.original, "after {words}");
    };

    // Policies that kube-apiserver would not take, or that prove nothing.
    let broken =
        machine.file("broken.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Requests\n");
    refused(
        &format!("enable --yes --policy {broken}"),
        &["unknown level `Requests`", "kube-apiserver would refuse"],
    );
    let silent =
        machine.file("silent.yaml", "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: None}]\n");
    refused(&format!("enable --yes --policy {silent}"), &["nothing could be proven", "--without-proof"]);

    // Files that may not be replaced, in a folder that the kubelet does not watch.
    let folder = machine.folder.join("manifests");
    let copy = folder.join("kube-apiserver.yaml");
    let anew = |script: &str| {
        let (folder, copy) = (folder.display(), copy.display());
        machine.sh(&format!("rm -rf {folder}; mkdir {folder}; cp {MANIFEST} {copy}; cd {folder}; {script}"));
    };
    let enable = format!("enable --yes --manifest {}", copy.display());
    anew("cp kube-apiserver.yaml kube-apiserver.yaml.bak");
    refused(
        &enable,
        &[
            "kube-apiserver.yaml.bak` defines the same pod",
            "the last by name wins",
            "move it out of the folder",
        ],
    );
    anew("ln kube-apiserver.yaml second");
    refused(&enable, &["has 2 names (hard links)"]);
    anew("mv kube-apiserver.yaml .real; ln -s .real kube-apiserver.yaml");
    refused(&enable, &["is a symbolic link"]);
    anew("sed -i '0,/^  labels:/s//\\tlabels:/' kube-apiserver.yaml");
    refused(&enable, &["a tab is used as indentation"]);
    anew("chattr +i kube-apiserver.yaml || true");
    if machine.sh(&format!("lsattr {} 2> /dev/null || true", copy.display())).contains("i-") {
        refused(&enable, &["immutable (chattr +i)", "chattr -i"]);
        machine.sh(&format!("chattr -i {}", copy.display()));
    }

    // Places that the log can't have.
    refused("enable --yes --log-path /var/log/audit.log", &["not for the API server alone"]);
    refused("enable --yes --log-path /var/log/audit/audit.log", &["belongs to auditd"]);
    refused("enable --yes --log-path relative.log", &["not an absolute path"]);
    refused("enable --yes --log-path /etc/kubernetes/audit/audit.log", &["may not write to its policy"]);
    refused("enable --yes --log-path /etc/kubernetes/pki/x/audit.log", &["read-only"]);
    machine.sh("mkdir -p /var/log/small && mount -t tmpfs -o size=1m small /var/log/small");
    refused("enable --yes --log-path /var/log/small/audit.log", &["MB free", "maxsize × (maxbackup + 2)"]);
    machine.sh("mount -o remount,ro /var/log/small");
    refused("enable --yes --log-path /var/log/small/audit.log", &["read-only file system"]);
    machine.sh("umount /var/log/small");
    // Without a yes, and without root.
    refused("enable", &["--yes"]);
    let program = machine.folder.join("auditward");
    let nobody = machine.node.exec(&[
        "setpriv",
        "--reuid=65534",
        "--clear-groups",
        program.to_str().unwrap(),
        "enable",
        "--yes",
    ]);
    assert!(nobody.unwrap_err().stderr.contains("this needs root"));

    assert_eq!(machine.sh("pidof kube-apiserver"), uptime, "the API server was never restarted");
    machine.is_as_before();

    // A copy that somebody left where the kubelet looks. It stops the right pod within a second and will run the copy;
    // taken away, the right one comes back.
    machine.sh(&format!("cp {MANIFEST} {MANIFEST}.bak"));
    refused(
        "enable --yes",
        &["kube-apiserver.yaml.bak", "the kubelet reads every file whose name does not begin with a dot"],
    );
    machine.sh(&format!("rm {MANIFEST}.bak"));
}
