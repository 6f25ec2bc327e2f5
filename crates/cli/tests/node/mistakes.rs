//! The most dangerous mistakes in turning audit on, and what is said of each before anything is touched.
//!
//! Each is made on a copy of a real manifest, on a real node. What is found out only by doing it is in `roll_back`, what comes of
//! policies edited without a restart in the tests of `status`, of forgetting kubeadm in `story`.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use expect_test::{Expect, expect};

use super::Machine;

/// Runs `auditward enable --dry-run` on an edited copy of the manifest, and compares its exit code and all it says but the plan.
#[track_caller]
#[allow(clippy::needless_pass_by_value, reason = "reads as a sentence")]
fn check(machine: &Machine, edit: impl FnOnce(String) -> String, words: &str, expected: Expect) {
    let folder = machine.folder.join("manifests");
    _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir(&folder).unwrap();
    let copy = folder.join("kube-apiserver.yaml");
    std::fs::write(&copy, edit(String::from_utf8(machine.original.clone()).unwrap())).unwrap();
    let outcome = machine.run(&format!("enable --dry-run --manifest {} {words}", copy.display()));
    let warnings = outcome.stdout.lines().filter(|line| line.starts_with("warning"));
    let said = warnings.fold(outcome.stderr, |said, line| said + line + "\n");
    let said = said.trim_end().replace(&machine.folder.display().to_string(), "FOLDER");
    expected.assert_eq(&format!("exit {}\n{said}\n", outcome.code.unwrap()));
}

fn with_flag(flag: &str) -> impl FnOnce(String) -> String {
    let line = format!("    - kube-apiserver\n    - {flag}\n");
    move |text| text.replacen("    - kube-apiserver\n", &line, 1)
}

fn with_mount(path: &str, kind: &str) -> impl FnOnce(String) -> String {
    let mount = format!("    volumeMounts:\n    - mountPath: {path}\n      name: theirs\n");
    let volume =
        format!("  volumes:\n  - hostPath:\n      path: {path}\n      type: {kind}\n    name: theirs\n");
    move |text| text.replacen("    volumeMounts:\n", &mount, 1).replacen("  volumes:\n", &volume, 1)
}

#[test]
fn each_is_named_before_anything_is_touched() {
    let Some(machine) = Machine::start("mistakes") else { return };
    let as_it_is = |text: String| text;
    let policy = |name: &str, text: &str| format!("--policy {}", machine.file(name, text));

    // 1. A backup in the manifest folder.
    let backup = machine.folder.join("manifests/kube-apiserver.yaml.bak");
    let with_backup = |text: String| {
        std::fs::write(&backup, &text).unwrap();
        text
    };
    check(
        &machine,
        with_backup,
        "",
        expect![[r#"
        exit 1
        in the way: `FOLDER/manifests/kube-apiserver.yaml.bak` defines the same pod as `FOLDER/manifests/kube-apiserver.yaml`; the kubelet reads both, and the last by name wins
          hint: move it out of the folder: mv FOLDER/manifests/kube-apiserver.yaml.bak /root/
    "#]],
    );

    // 2. A manifest that is half written.
    check(
        &machine,
        |text| text[..text.find("    livenessProbe").unwrap() + 10].to_owned(),
        "",
        expect![[r#"
        exit 2
        error: there is no API server here that auditward can change: `FOLDER/manifests/kube-apiserver.yaml`: line 44, column 11: the file is not YAML: could not find expected ':'
        hint: mend the file or put back the one that ran before; the kubelet stops a pod whose file it cannot read
    "#]],
    );

    // 3. A policy that is absent, empty, of an old version, a folder.
    let named = "--audit-policy-file=/etc/kubernetes/no-such/policy.yaml";
    check(
        &machine,
        with_flag(named),
        "",
        expect![[r#"
        exit 2
        error: nothing was changed: there is no policy at `/etc/kubernetes/no-such/policy.yaml`
        hint: give one with --policy FILE
    "#]],
    );
    check(
        &machine,
        as_it_is,
        &policy("empty.yaml", ""),
        expect![[r#"
        exit 2
        FOLDER/empty.yaml:1:1: error: the policy is empty (apiVersion)
          hint: begin the file with `apiVersion: audit.k8s.io/v1` and `kind: Policy`
        error: kube-apiserver would refuse `FOLDER/empty.yaml`
    "#]],
    );
    let old = "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: Metadata}]\n";
    check(
        &machine,
        as_it_is,
        &policy("old.yaml", old),
        expect![[r#"
        exit 2
        FOLDER/old.yaml:1:13: error: apiVersion `audit.k8s.io/v1beta1` is refused since Kubernetes 1.24 (apiVersion)
          1 | apiVersion: audit.k8s.io/v1beta1
            |             ^^^^^^^^^^^^^^^^^^^^
          hint: write `audit.k8s.io/v1`; the rules need no other change
        error: kube-apiserver would refuse `FOLDER/old.yaml`
    "#]],
    );
    machine.sh("mkdir -p /etc/kubernetes/made-by-the-runtime/policy.yaml");
    let named = "--audit-policy-file=/etc/kubernetes/made-by-the-runtime/policy.yaml";
    check(
        &machine,
        with_flag(named),
        "",
        expect![[r#"
        exit 2
        error: could not look at what is there: `/etc/kubernetes/made-by-the-runtime/policy.yaml` is a folder; container runtimes make one where a file was missing: rmdir /etc/kubernetes/made-by-the-runtime/policy.yaml
    "#]],
    );

    // 4. The log mounted as a single file; a log folder that the server's user may not write to.
    check(
        &machine,
        with_mount("/var/log/kubernetes/audit/audit.log", "FileOrCreate"),
        "",
        expect![[r#"
        exit 2
        error: nothing was changed: `/var/log/kubernetes/audit/audit.log` is mounted as a single file, and a mounted file can't be renamed when it is rotated
        hint: mount its folder instead, or choose another folder with --log-path
    "#]],
    );
    machine.sh("mkdir -p /var/log/kubernetes/audit && chmod 700 /var/log/kubernetes/audit");
    let as_nobody = "  securityContext:\n    runAsUser: 65534\n";
    check(
        &machine,
        |text| text.replacen("  securityContext:\n", as_nobody, 1),
        "",
        expect![[r#"
        exit 1
        in the way: the API server runs as user 65534, who may not write to `/var/log/kubernetes/audit`
          hint: chown 65534 /var/log/kubernetes/audit
    "#]],
    );

    // 7. A manifest that something else writes.
    let rke2 = "index.docker.io/rancher/hardened-kubernetes:";
    check(
        &machine,
        |text| text.replace("registry.k8s.io/kube-apiserver:", rke2),
        "",
        expect![[r#"
        exit 2
        error: nothing was changed: `FOLDER/manifests/kube-apiserver.yaml` can't be changed: line 54, column 11: this manifest is written by RKE2 (seen: image index.docker.io/rancher/hardened-kubernetes:v1.36.3); an edit would be undone or ignored
        hint: set `audit-policy-file:` and `kube-apiserver-arg:` in /etc/rancher/rke2/config.yaml and restart rke2-server
    "#]],
    );
    let openshift = "namespace: openshift-kube-apiserver";
    check(
        &machine,
        |text| text.replace("namespace: kube-system", openshift),
        "",
        expect![[r#"
        exit 2
        error: nothing was changed: `FOLDER/manifests/kube-apiserver.yaml` can't be changed: line 54, column 11: this manifest is written by the OpenShift operator (seen: namespace openshift-kube-apiserver); an edit would be undone or ignored
        hint: set `spec.audit.profile` with `oc edit apiserver cluster`
    "#]],
    );

    // 9. Bodies of secrets and tokens in the log.
    let all = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: RequestResponse}]\n";
    check(
        &machine,
        as_it_is,
        &policy("all.yaml", all),
        expect![[r#"
        exit 0
        warning: the policy: records the contents of Secrets (`secrets` at RequestResponse); `auditward policy lint` says more
        warning: the policy: records new tokens of service accounts (`serviceaccounts/token` at RequestResponse); `auditward policy lint` says more
        warning: the policy: records tokens under review (`tokenreviews` of group `authentication.k8s.io` at RequestResponse); `auditward policy lint` says more
    "#]],
    );

    // 10. etcd's disk, and no end to the log.
    check(
        &machine,
        as_it_is,
        "--log-path /var/lib/etcd/audit/audit.log --max-backup 0",
        expect![[r#"
        exit 0
        warning: nothing bounds how many rotated logs are kept: the disk will fill
        warning: /var/lib/etcd/audit shares its file system with etcd (/var/lib/etcd); a log that fills it stops the cluster
        warning: --audit-log-maxbackup is 0, which means without bound; CIS and DISA ask for 10 or more
    "#]],
    );

    machine.is_as_before();
}

/// The eighth: some kubelets of 1.22 and 1.23 never start a pod again that they have known before. This one is held for as long
/// as it takes to believe that it is of their kind.
#[test]
fn the_old_pod_is_written_once_more_where_the_kubelet_leaves_it_dead() {
    let Some(machine) = Machine::start("dead") else { return };
    let mut command = machine.command("enable --yes --quick --extra-arg audit-log-maxages=1");
    let mut child = command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    let mut said = Vec::new();
    let mut held = None;
    for line in BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok) {
        eprintln!("{line}");
        if line.contains("rolling back") {
            held = Some(HeldKubelet::of(&machine));
        }
        if line.contains("has not started the old pod again") {
            held = None;
        }
        said.push(line);
    }
    drop(held);
    assert_eq!(child.wait().unwrap().code(), Some(2));
    let said = said.join("\n");
    assert!(said.contains("Writing it once more with one more annotation"), "{said}");
    assert!(said.contains("the manifest is as it was but for one annotation"), "{said}");
    machine.answers();
    let original = String::from_utf8(machine.original.clone()).unwrap();
    let manifest = String::from_utf8(machine.manifest()).unwrap();
    let more: Vec<&str> = manifest.lines().filter(|line| !original.lines().any(|old| old == *line)).collect();
    assert!(matches!(&more[..], [line] if line.contains("auditward.dev/")), "{more:?}");

    // The next change takes what it finds, and goes back to it.
    machine.run("enable --yes --quick").ended(0, &["audit is on and proven"]);
    machine.run("disable --yes --quick").ended(0, &["byte for byte"]);
    assert_eq!(String::from_utf8(machine.manifest()).unwrap(), manifest);
}

/// A kubelet that does nothing until this is dropped.
struct HeldKubelet<'a>(&'a Machine);

impl<'a> HeldKubelet<'a> {
    fn of(machine: &'a Machine) -> Self {
        machine.sh("kill -STOP $(pidof kubelet)");
        Self(machine)
    }
}

impl Drop for HeldKubelet<'_> {
    fn drop(&mut self) {
        _ = self.0.node.exec(&["sh", "-c", "kill -CONT $(pidof kubelet)"]);
        // The `nsenter` that waits for it stops when it stops, and is our own child.
        let ours = format!("kill -CONT $(pgrep -P {} nsenter)", std::process::id());
        _ = Command::new("sh").args(["-c", &ours]).status();
    }
}
