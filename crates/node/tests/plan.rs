//! A plan for what a plan has made is a plan to do nothing, and its undo gives the old bytes: for kubeadm's manifest, and for
//! every published one that may be edited.

#![expect(clippy::unwrap_used, reason = "tests stop at surprises")]

use std::fs;
use std::path::{Path, PathBuf};

use auditward_node::manifest::Manifest;
use auditward_node::plan::{Found, GUIDE, Paths, Plan, PlanError, Settings, Webhook};
use expect_test::{Expect, expect};

const KUBEADM: &str = include_str!("../../../examples/kube-apiserver.yaml");

fn plan(manifest: &Manifest, settings: &Settings, found: &Found) -> Result<Plan, PlanError> {
    let paths = Paths::of(manifest.pod(), settings)?;
    Plan::new(Path::new("/m.yaml"), manifest, settings, paths, found)
}

/// What the node looks like once a plan was carried out.
fn carried_out(plan: &Plan) -> (Manifest, Found) {
    let policy =
        plan.files.iter().find(|file| file.path == plan.paths.policy_on_node).map(|file| file.text.clone());
    let found = Found { policy, webhook: None, folders: plan.paths.folders() };
    (Manifest::read(plan.edited.text.as_bytes()).unwrap(), found)
}

/// Checks that twice is once, and that back is where it was.
fn check_twice_and_back(manifest: &Manifest, settings: &Settings) -> bool {
    let Ok(first) = plan(manifest, settings, &Found::default()) else { return false };
    let (after, found) = carried_out(&first);
    let second = plan(&after, settings, &found).unwrap();
    assert!(second.is_done(), "{:?}\n{}", second.effects(), second.diff());
    assert_eq!(after.undo(&first.edited.undo).unwrap().text, manifest.text());
    // Without a wish of its own it keeps what is there, whoever set it.
    let third = plan(&after, &Settings::default(), &found).unwrap();
    assert!(third.is_done(), "{:?}", third.effects());
    true
}

#[test]
fn twice_is_once() {
    let manifest = Manifest::read(KUBEADM.as_bytes()).unwrap();
    assert!(check_twice_and_back(&manifest, &Settings::recommended()));
    assert!(check_twice_and_back(&manifest, &Settings::guide()));

    let corpus = std::env::var_os("AUDITWARD_CORPUS").map_or_else(
        || PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"),
        PathBuf::from,
    );
    let mut files = Vec::new();
    collect(&corpus.join("manifests"), &mut files);
    if files.is_empty() {
        eprintln!("skipped: no manifests in {}", corpus.display());
        return;
    }
    let readable = files.iter().filter_map(|path| Manifest::read(&fs::read(path).unwrap()).ok());
    let editable: Vec<Manifest> = readable.filter(|manifest| manifest.editable().is_ok()).collect();
    let planned =
        editable.iter().filter(|manifest| check_twice_and_back(manifest, &Settings::recommended())).count();
    eprintln!("{planned} of {} editable manifests planned, twice and back", editable.len());
    assert!(planned * 2 > editable.len(), "most published manifests can be planned for");
}

#[track_caller]
#[expect(clippy::needless_pass_by_value, reason = "reads as a sentence")]
fn check(edit: impl FnOnce(String) -> String, settings: Settings, found: Found, expected: Expect) {
    let manifest = Manifest::read(edit(KUBEADM.to_owned()).as_bytes()).unwrap();
    let seen = match plan(&manifest, &settings, &found) {
        Ok(plan) => {
            let warnings = plan.warnings.iter().map(|warning| format!("warning: {warning}"));
            plan.effects().into_iter().chain(warnings).fold(String::new(), |all, line| all + &line + "\n")
        }
        Err(PlanError::Conflict { what, hint }) => format!("{what}\nhint: {hint}\n"),
        Err(error) => error.to_string(),
    };
    expected.assert_eq(&seen);
}

fn with_flags(flags: &str) -> impl FnOnce(String) -> String {
    move |text| text.replacen("    - --advertise", &format!("{flags}    - --advertise"), 1)
}

#[test]
fn what_is_there_is_kept() {
    let flags = "    - --audit-log-maxage=7\n    - --audit-log-path=/etc/kubernetes/pki/../audit.log\n";
    let settings = || Settings { log_path: Some("/var/log/k8s/audit.log".into()), ..Settings::recommended() };
    check(
        with_flags(flags),
        settings(),
        Found::default(),
        expect![[r#"
            make the folder /etc/kubernetes/audit, mode 0750
            make the folder /var/log/k8s, mode 0700
            write /etc/kubernetes/audit/policy.yaml, mode 0600
            add flag --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
            add flag --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
            change flag --audit-log-path from `/etc/kubernetes/pki/../audit.log` to `/var/log/k8s/audit.log` (line 16): where events are written; without it the log is off
            add flag --audit-policy-file=/etc/kubernetes/audit/policy.yaml: which requests are recorded, and how much of them
            add volume `audit-policy` for /etc/kubernetes/audit of the node
            mount volume `audit-policy` at /etc/kubernetes/audit, read-only
            add volume `audit-log` for /var/log/k8s of the node
            mount volume `audit-log` at /var/log/k8s, writable
            add annotation auditward.dev/policy-digest: `sha256:9d0d9c8672a68bd4c5690ac8e29f2368555ae8343f9fcef474532fa0172f82b7`
            warning: --audit-log-maxage is 7 days; CIS and DISA ask for 30 or more
        "#]],
    );
    let policy = Some(GUIDE.as_bytes().to_vec());
    check(
        |text| text,
        Settings::recommended(),
        Found { policy, ..Found::default() },
        expect![[r#"
            make the folder /etc/kubernetes/audit, mode 0750
            make the folder /var/log/kubernetes/audit, mode 0700
            replace /etc/kubernetes/audit/policy.yaml; what it holds now is kept in the backup
            add flag --audit-log-maxage=30: keep rotated logs for so many days; CIS and DISA ask for 30 or more
            add flag --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
            add flag --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
            add flag --audit-log-path=/var/log/kubernetes/audit/audit.log: where events are written; without it the log is off
            add flag --audit-policy-file=/etc/kubernetes/audit/policy.yaml: which requests are recorded, and how much of them
            add volume `audit-policy` for /etc/kubernetes/audit of the node
            mount volume `audit-policy` at /etc/kubernetes/audit, read-only
            add volume `audit-log` for /var/log/kubernetes/audit of the node
            mount volume `audit-log` at /var/log/kubernetes/audit, writable
            add annotation auditward.dev/policy-digest: `sha256:9d0d9c8672a68bd4c5690ac8e29f2368555ae8343f9fcef474532fa0172f82b7`
            warning: another policy is replaced; `auditward policy diff` shows what that changes
        "#]],
    );
}

#[test]
fn an_api_server_that_is_not_root_owns_its_log() {
    let user = |text: String| {
        text.replace(
            "  securityContext:\n",
            "  securityContext:\n    runAsUser: 2000\n    runAsGroup: 2001\n",
        )
    };
    check(
        user,
        Settings::recommended(),
        Found::default(),
        expect![[r#"
            make the folder /etc/kubernetes/audit, mode 0750, owner 2000:2001
            make the folder /var/log/kubernetes/audit, mode 0700, owner 2000:2001
            write /etc/kubernetes/audit/policy.yaml, mode 0600, owner 2000:2001
            add flag --audit-log-maxage=30: keep rotated logs for so many days; CIS and DISA ask for 30 or more
            add flag --audit-log-maxbackup=10: keep so many rotated logs; without it older releases fill the disk
            add flag --audit-log-maxsize=100: rotate after so many megabytes; CIS and DISA ask for 100 or more
            add flag --audit-log-path=/var/log/kubernetes/audit/audit.log: where events are written; without it the log is off
            add flag --audit-policy-file=/etc/kubernetes/audit/policy.yaml: which requests are recorded, and how much of them
            add volume `audit-policy` for /etc/kubernetes/audit of the node
            mount volume `audit-policy` at /etc/kubernetes/audit, read-only
            add volume `audit-log` for /var/log/kubernetes/audit of the node
            mount volume `audit-log` at /var/log/kubernetes/audit, writable
            add annotation auditward.dev/policy-digest: `sha256:9d0d9c8672a68bd4c5690ac8e29f2368555ae8343f9fcef474532fa0172f82b7`
        "#]],
    );
}

#[test]
fn conflicts_are_named() {
    let at = |path: &str| Settings { log_path: Some(path.to_owned()), ..Settings::recommended() };
    check(
        |text| text,
        at("/etc/kubernetes/pki/audit/audit.log"),
        Found::default(),
        expect![[r#"
        `/etc/kubernetes/pki/audit/audit.log` lies in the mount /etc/kubernetes/pki, which is read-only
        hint: choose another folder with --log-path, or make that mount writable
    "#]],
    );
    check(
        |text| text,
        at("/usr/audit.log"),
        Found::default(),
        expect![[r#"
            `/usr/audit.log` lies in /usr, which is not for the API server alone
            hint: give it a folder of its own, as /etc/kubernetes/audit/policy.yaml and /var/log/kubernetes/audit/audit.log have
        "#]],
    );
    check(
        |text| text,
        Settings::default(),
        Found::default(),
        expect![[r#"
        there is no policy at `/etc/kubernetes/audit/policy.yaml`
        hint: give one with --policy FILE
    "#]],
    );
    let webhook = |text: &str| Settings {
        webhook: Some(Webhook { text: text.into(), origin: "hook.yaml".into() }),
        ..Settings::recommended()
    };
    let named = "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority: /root/ca.crt}}]";
    check(
        |text| text,
        webhook(named),
        Found::default(),
        expect![[r#"
        `hook.yaml` names `/root/ca.crt`, which the API server would not see
        hint: put its content into the kubeconfig (certificate-authority-data …), or name a file in a folder that is mounted
    "#]],
    );
    check(
        |text| text,
        webhook("key: ["),
        Found::default(),
        expect![[r#"
        `hook.yaml` is no kubeconfig
        hint: give the kubeconfig of the webhook's receiver
    "#]],
    );
    let whole = "clusters: [{name: c, cluster: {server: 'https://h', certificate-authority: /etc/kubernetes/pki/ca.crt}}]";
    let manifest = Manifest::read(KUBEADM.as_bytes()).unwrap();
    let plan = plan(&manifest, &webhook(whole), &Found::default()).unwrap();
    assert_eq!(plan.audit_flags["audit-webhook-config-file"], "/etc/kubernetes/audit/audit-webhook.yaml");
    assert_eq!(plan.audit_flags["audit-log-path"], "/var/log/kubernetes/audit/audit.log");
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push(path);
        }
    }
}
