//! What people do, from off to off.

use super::outage::Outage;
use super::{LOG, MANIFEST, Machine, eventually};

#[test]
fn on_proven_another_policy_edited_by_hand_off_again() {
    let Some(machine) = Machine::start("story") else { return };
    let refused = machine.run("enable");
    refused.ended(2, &["the only API server of the cluster", "nothing was changed", "--yes"]);
    machine.is_as_before();

    // On, with the grace that the kubelet gives.
    let outage = Outage::watch(&machine);
    machine.run("enable --yes").ended(0, &["audit is on and proven"]);
    eprintln!("without --quick: {}", outage.end());
    let kubectl = machine.node.kubectl();
    kubectl.run(&["create", "configmap", "seen", "--from-literal=password=hidden"]).unwrap();
    eventually("kubectl's request is in the log", || {
        machine.log().contains("/api/v1/namespaces/default/configmaps")
    });
    assert!(!machine.log().contains("hidden"), "the recommended policy keeps data of ConfigMaps out");
    let modes = machine.sh(&format!(
        "stat -c %a {LOG} /var/log/kubernetes/audit /etc/kubernetes/audit/policy.yaml {MANIFEST}"
    ));
    assert_eq!(modes, "600\n700\n600\n600\n");
    assert_eq!(machine.stray_files(), "kube-apiserver.yaml\n");

    // Twice is once.
    let enabled = machine.manifest();
    machine.run("enable --yes").ended(0, &["everything is set as asked for", "audit is on and proven"]);
    assert!(machine.manifest() == enabled);

    // Another policy is at work only after a restart, and that is proven.
    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Request, verbs: [get, list]}]\n";
    let file = machine.file("policy.yaml", policy);
    let installed = machine.run(&format!("policy install {file} --yes --quick"));
    installed.ended(0, &["audit is on and proven", "at Request"]);
    assert_eq!(
        std::fs::read_to_string(machine.node.path("/etc/kubernetes/audit/policy.yaml")).unwrap(),
        policy
    );

    // What somebody wrote into the manifest meanwhile stays theirs. A comment restarts nothing.
    let edited = String::from_utf8(machine.manifest()).unwrap();
    std::fs::write(machine.node.path(MANIFEST), format!("# kept by the platform team\n{edited}")).unwrap();
    let outage = Outage::watch(&machine);
    machine.run("disable --yes --quick").ended(0, &["is off", "what others edited was kept"]);
    eprintln!("with --quick: {}", outage.end());
    machine.answers();
    let original = String::from_utf8(machine.original.clone()).unwrap();
    assert_eq!(
        String::from_utf8(machine.manifest()).unwrap(),
        format!("# kept by the platform team\n{original}")
    );
    assert!(!machine.node.path("/etc/kubernetes/audit").exists());
    assert!(machine.node.path(LOG).exists(), "the log is evidence and is kept");

    machine.run("disable --yes").ended(2, &["has not turned audit on here"]);
    let list = machine.run("rollback");
    list.ended(0, &["-enable", "-policy", "-disable", "kept"]);
    let first = list.stdout.lines().nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    machine.run(&format!("rollback {first} --yes --quick")).ended(0, &["as it was before"]);
    machine.is_as_before();
}

#[test]
fn the_guides_values_survive_an_upgrade_when_kubeadm_knows_them() {
    let Some(machine) = Machine::start("guide") else { return };
    machine.run("enable --preset guide --persist --yes --quick").ended(
        0,
        &[
            "audit is on and proven",
            "wrote the ClusterConfiguration",
            "every control-plane node needs the policy file before it is upgraded or joins",
        ],
    );
    let flags =
        machine.sh("tr '\\0' '\\n' < /proc/$(pidof -s kube-apiserver)/cmdline | grep ^--audit | sort");
    assert_eq!(
        flags,
        "--audit-log-maxage=1\n--audit-log-maxbackup=10\n--audit-log-maxsize=100\n\
         --audit-log-path=/var/log/kubernetes/audit/audit.log\n--audit-policy-file=/etc/kubernetes/audit-policy.yaml\n"
    );
    let manifest = String::from_utf8(machine.manifest()).unwrap();
    for part in [
        "    - mountPath: /etc/kubernetes/audit-policy.yaml\n      name: audit\n      readOnly: true\n",
        "      path: /etc/kubernetes/audit-policy.yaml\n      type: File\n    name: audit\n",
        "      path: /var/log/kubernetes/audit\n      type: DirectoryOrCreate\n    name: audit-log\n",
    ] {
        assert!(manifest.contains(part), "{part}\nis not in\n{manifest}");
    }

    // What an upgrade does to the manifest: rendered from what the cluster holds.
    let configuration = machine
        .node
        .kubectl()
        .run(&[
            "get",
            "-n",
            "kube-system",
            "configmap",
            "kubeadm-config",
            "-o",
            "jsonpath={.data.ClusterConfiguration}",
        ])
        .unwrap();
    let mine = std::fs::read_to_string(machine.node.kubeadm_config()).unwrap();
    let init = mine.split("---").next().unwrap();
    let config = machine.file("kubeadm.yaml", &format!("{init}---\n{configuration}"));
    machine.sh(&format!("kubeadm init phase control-plane apiserver --config {config}"));
    let rendered = String::from_utf8(machine.manifest()).unwrap();
    assert!(rendered.contains("--audit-policy-file=/etc/kubernetes/audit-policy.yaml"), "{rendered}");
    assert!(rendered.contains("path: /etc/kubernetes/audit-policy.yaml\n      type: File"), "{rendered}");
    eventually("it runs with what was rendered", || {
        machine.node.kubectl().run(&["get", "--raw", "/readyz"]).is_ok()
            && machine.sh("cat /proc/*/cmdline | tr '\\0' '\\n' | grep -c '^--audit-policy-file' || true")
                == "1\n"
    });

    // Taken back, the cluster forgets it too.
    machine.run("disable --yes --quick").ended(0, &["is off", "wrote the ClusterConfiguration"]);
    let configuration = machine
        .node
        .kubectl()
        .run(&[
            "get",
            "-n",
            "kube-system",
            "configmap",
            "kubeadm-config",
            "-o",
            "jsonpath={.data.ClusterConfiguration}",
        ])
        .unwrap();
    assert!(!configuration.contains("audit"), "{configuration}");
    let manifest = String::from_utf8(machine.manifest()).unwrap();
    assert!(!manifest.contains("--audit"), "{manifest}");
}
