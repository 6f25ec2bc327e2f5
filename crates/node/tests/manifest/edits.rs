//! Single changes, and what is said where one cannot be made.

use std::collections::BTreeMap;

use auditward_node::manifest::{Change, HostPath, HostPathType, Manifest, Refusal, diff};
use expect_test::{Expect, expect};

use super::enable;

/// A manifest with these parts in its container and its pod.
fn manifest(container: &str, spec: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kube-apiserver\nspec:\n  containers:\n  - name: kube-apiserver\n    \
         image: registry.k8s.io/kube-apiserver:v1.36.3\n{container}{spec}"
    )
}

fn flags(flags: &[(&str, Option<&str>)]) -> Change {
    let flags = flags.iter().map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned))).collect();
    Change { flags, ..Change::default() }
}

fn mount(path: &str, mount: &str, read_only: bool) -> Change {
    let kind = HostPathType::DirectoryOrCreate;
    let path = HostPath { volume: "audit".into(), path: path.into(), mount: mount.into(), read_only, kind };
    Change { mount: vec![path], ..Change::default() }
}

/// The diff of a change and its effects, or the refusal; there and back again.
#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` is a value")]
fn check(text: &str, change: Change, expected: Expect) {
    let said = match Manifest::read(text.as_bytes()).and_then(|manifest| manifest.edit(&change)) {
        Err(refusal) => told(&refusal),
        Ok(edited) if !edited.changed() && edited.effects.is_empty() => "nothing to do\n".to_owned(),
        Ok(edited) => {
            let new = Manifest::read(edited.text.as_bytes()).unwrap();
            assert_eq!(new.undo(&edited.undo).unwrap().text, text);
            assert!(!new.edit(&change).unwrap().changed());
            let shown = diff(text, &edited.text, "old", "new");
            let changes = shown.lines().filter(|line| line.starts_with(['+', '-', '\\']));
            let changes: Vec<&str> =
                changes.filter(|line| !line.starts_with("+++") && !line.starts_with("---")).collect();
            let effects: Vec<String> = edited.effects.iter().map(ToString::to_string).collect();
            [changes.join("\n"), effects.join("\n")].join("\n\n") + "\n"
        }
    };
    expected.assert_eq(&said);
}

fn told(refusal: &Refusal) -> String {
    format!("{refusal}\nhint: {}\n", refusal.hint())
}

const COMMAND: &str = "    command:\n    - kube-apiserver\n    - --secure-port=6443\n";

#[test]
fn a_flag_is_changed_where_it_stands() {
    check(
        &manifest(
            "    command:\n    - kube-apiserver\n    - '--audit_log_maxage=7'   # a week\n    - --v=2\n",
            "",
        ),
        flags(&[("audit-log-maxage", Some("30"))]),
        expect![[r#"
            -    - '--audit_log_maxage=7'   # a week
            +    - '--audit_log_maxage=30'   # a week

            change flag --audit-log-maxage from `7` to `30` (line 11)
        "#]],
    );
}

#[test]
fn a_flag_of_two_words_keeps_them() {
    check(
        &manifest("    command: [kube-apiserver, --audit-log-path, \"-\", --audit-log-maxage, '7']\n", ""),
        flags(&[
            ("audit-log-path", Some("/var/log/a b.log")),
            ("audit-log-maxsize", Some("100")),
            ("audit-log-compress", Some("true")),
        ]),
        expect![[r#"
            -    command: [kube-apiserver, --audit-log-path, "-", --audit-log-maxage, '7']
            +    command: [kube-apiserver, --audit-log-path, "/var/log/a b.log", --audit-log-maxage, '7', '--audit-log-compress=true', '--audit-log-maxsize', '100']

            add flag --audit-log-compress=true
            add flag --audit-log-maxsize=100
            change flag --audit-log-path from `-` to `/var/log/a b.log` (line 9)
        "#]],
    );
}

#[test]
fn a_flag_goes_with_its_repeats() {
    check(
        &manifest(
            "    command:\n    - kube-apiserver\n    - --audit-log-path=a # first\n    - --v=2\n    - --audit-log-path\n    - b\n",
            "",
        ),
        flags(&[("audit-log-path", None)]),
        expect![[r#"
            -    - --audit-log-path=a # first
            -    - --audit-log-path
            -    - b

            remove the repeated flag --audit-log-path=a, which had no effect (line 11)
            remove flag --audit-log-path=b (line 13)
        "#]],
    );
}

#[test]
fn the_last_item_leaves_brackets() {
    check(
        &manifest(
            "    command: [kube-apiserver]\n    args: # flags\n    - --audit-log-path=a\n    # the end\n",
            "",
        ),
        flags(&[("audit-log-path", None)]),
        expect![[r#"
            -    args: # flags
            -    - --audit-log-path=a
            +    args: [] # flags

            remove flag --audit-log-path=a (line 11)
        "#]],
    );
}

#[test]
fn a_boolean_alone_is_true() {
    let text = manifest("    command:\n    - kube-apiserver\n    - --audit-log-compress\n", "");
    check(&text, flags(&[("audit-log-compress", Some("true"))]), expect!["nothing to do\n"]);
    check(
        &text,
        flags(&[("audit-log-compress", Some("false"))]),
        expect![[r#"
        -    - --audit-log-compress
        +    - --audit-log-compress=false

        change flag --audit-log-compress from `true` to `false` (line 11)
    "#]],
    );
}

#[test]
fn a_mount_that_covers_is_used() {
    let with = |read_only: &str| {
        let container =
            format!("{COMMAND}    volumeMounts:\n    - name: log\n      mountPath: /var/log/\n{read_only}");
        manifest(&container, "  volumes:\n  - name: log\n    hostPath: {path: /srv/log}\n")
    };
    let read_only = "      readOnly: true\n";
    check(
        &with(""),
        mount("/srv/log/audit", "/var/log/audit", false),
        expect![[r#"


        use the mount of volume `log` at /var/log/, which covers /var/log/audit
    "#]],
    );
    check(
        &with(read_only),
        mount("/srv/log/audit", "/var/log/audit", true),
        expect![[r#"


        use the mount of volume `log` at /var/log/, which covers /var/log/audit
    "#]],
    );
    check(
        &with(read_only),
        mount("/srv/log/audit", "/var/log/audit", false),
        expect![[r#"
        +    - name: audit
        +      mountPath: /var/log/audit
        +  - name: audit
        +    hostPath:
        +      path: /srv/log/audit
        +      type: DirectoryOrCreate

        add volume `audit` for /srv/log/audit of the node
        mount volume `audit` at /var/log/audit, writable
    "#]],
    );
}

#[test]
fn a_mount_in_the_way_is_named() {
    let with = |read_only: &str| {
        let container =
            format!("{COMMAND}    volumeMounts:\n    - name: log\n      mountPath: /var/log\n{read_only}");
        manifest(&container, "  volumes:\n  - name: log\n    hostPath: {path: /srv/log}\n")
    };
    check(
        &with(""),
        mount("/other", "/var/log", false),
        expect![[r#"
        /var/log is a mount already (line 13): of /srv/log, not of /other
        hint: use another path in the container, or change that mount by hand first
    "#]],
    );
    check(
        &with("      readOnly: true\n"),
        mount("/srv/log", "/var/log", false),
        expect![[r#"
        /var/log is mounted already (line 13), but read-only
        hint: take `readOnly: true` from that mount, or use another path
    "#]],
    );
    check(
        &with("      readOnly: true\n"),
        mount("/other", "/var/log/audit", false),
        expect![[r#"
        /var/log/audit lies in /var/log (line 13), which is read-only and /srv/log/audit on the node: nothing can be mounted there
        hint: use another path in the container, or change that mount by hand first
    "#]],
    );
}

#[test]
fn bad_wishes_are_refused() {
    let text = manifest(COMMAND, "");
    check(
        &text,
        flags(&[("--audit-log-path", Some("a"))]),
        expect![[r#"
        `--audit-log-path` is no name of a flag
        hint: leave out the dashes in front
    "#]],
    );
    check(
        &text,
        flags(&[("audit-log-path", Some("a\nb"))]),
        expect![[r#"
        the value of --audit-log-path has control characters or more than 4096 bytes
        hint: give it as one line of text
    "#]],
    );
    check(
        &text,
        mount("relative", "/a", false),
        expect![[r#"
        `relative` is no path of the node that can be mounted
        hint: name an absolute path without `..` and `:`
    "#]],
    );
    check(
        &text,
        mount("/a/../b", "/a", false),
        expect![[r#"
        `/a/../b` is no path of the node that can be mounted
        hint: name an absolute path without `..` and `:`
    "#]],
    );
    check(
        &text,
        Change {
            mount: vec![HostPath { volume: "Audit".into(), ..enable().mount[0].clone() }],
            ..Change::default()
        },
        expect![[r#"
            `Audit` is no name of a volume
            hint: use lower-case letters, digits and dashes, at most 63
        "#]],
    );
}

#[test]
fn an_annotation_is_set_and_taken() {
    let text = manifest(COMMAND, "")
        .replace("metadata:\n", "metadata:\n  annotations: # ours\n    a: \"1\"\n    b: two\n");
    let annotations = |pairs: &[(&str, Option<&str>)]| Change {
        annotations: pairs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.map(str::to_owned)))
            .collect::<BTreeMap<_, _>>(),
        ..Change::default()
    };
    check(
        &text,
        annotations(&[("a", Some("yes")), ("b", None), ("auditward.dev/c", Some("30"))]),
        expect![[r#"
            -    a: "1"
            -    b: two
            +    a: "yes"
            +    auditward.dev/c: "30"

            change annotation a from `1` to `yes`
            add annotation auditward.dev/c: `30`
            remove annotation b: `two`
        "#]],
    );
    check(
        &text,
        annotations(&[("a", None), ("b", None)]),
        expect![[r#"
        -  annotations: # ours
        -    a: "1"
        -    b: two
        +  annotations: {} # ours

        remove annotation a: `1`
        remove annotation b: `two`
    "#]],
    );
}

/// What only shows where something hinders: message, place and hint of every reason.
#[test]
fn every_refusal_says_what_to_do() {
    let good = || manifest(COMMAND, "");
    let volumes = |volumes: &str| manifest(COMMAND, &format!("  volumes:\n{volumes}"));
    let mounted = "    volumeMounts:\n    - name: a\n      mountPath: /a\n";
    let cases: Vec<(&str, String)> = vec![
        ("too large", " ".repeat((1 << 20) + 1)),
        ("empty", String::new()),
        ("tab", good().replace("    - --secure", "\t- --secure")),
        ("no YAML", good().replace("kind: Pod", "kind: [Pod")),
        ("YAML 1.2", format!("%YAML 1.2\n---\n{}", good())),
        ("template", good().replace("6443", "{{ .Port }}")),
        ("placeholder", good().replace("6443", "${PORT}")),
        ("another kind", good().replace("Pod", "Deployment")),
        ("a list", "- a\n".into()),
        ("a wrong type", good().replace("    command:", "    stdin: maybe\n    command:")),
        ("a number as a flag", good().replace("--secure-port=6443", "6443")),
        ("no API server", good().replace("- kube-apiserver", "- etcd")),
        ("two of them", format!("{}{}", good(), good().split_once("containers:\n").unwrap().1.replace("name: kube-apiserver", "name: again"))),
        ("two documents", format!("{}---\nkind: Pod\n", good())),
        ("a shell", good().replace("- kube-apiserver", "- /bin/sh\n    - -c\n    - exec kube-apiserver --v=2")),
        ("an anchor", good().replace("command:", "command: &flags")),
        ("a merge key", good().replace("    command:", "    <<: {tty: false}\n    command:")),
        ("a doubled key", good().replace("    command:", "    command: []\n    command:")),
        ("RKE2", good().replace("registry.k8s.io/kube-apiserver", "index.docker.io/rancher/hardened-kubernetes")),
        ("OpenShift", good().replace("metadata:\n", "metadata:\n  namespace: openshift-kube-apiserver\n")),
        ("Talos", good().replace("metadata:\n", "metadata:\n  annotations: {talos.dev/config-version: \"1\"}\n")),
        ("GCE", good().replace("- kube-apiserver", "- /go-runner\n    - --also-stdout\n    - /usr/local/bin/kube-apiserver")),
        ("a mirror", good().replace("metadata:\n", "metadata:\n  uid: 5d1c\n")),
        ("a status", format!("{}status:\n  phase: Running\n", good())),
        ("no volumes", manifest(&format!("{COMMAND}{mounted}"), "")),
        ("no mounts", good().replace("--secure-port=6443", "--client-ca-file=/etc/kubernetes/pki/ca.crt")),
        ("a probe cut off", manifest(&format!("{COMMAND}    livenessProbe:\n      failureThreshold: 8\n"), "")),
        ("a volume cut off", volumes("  - name: a\n    hostPath:\n      path: /a\n      type: DirectoryOrCre\n")),
        ("a volume twice", volumes("  - name: a\n  - name: a\n")),
        ("no image", good().replace("    image: registry.k8s.io/kube-apiserver:v1.36.3\n", "")),
        ("JSON with a comment", "{\"apiVersion\": \"v1\", \"kind\": \"Pod\", \"metadata\": {\"name\": \"a\"}, # here\n\"spec\": {\"containers\": [{\"name\": \"a\", \"image\": \"a\", \"command\": [\"kube-apiserver\"]}]}}".into()),
        ("a tag before a comma", "{!,".into()),
        ("a byte order mark inside", good().replace("kind", "\u{feff}kind")),
    ];
    let mut table = String::new();
    for (name, text) in cases {
        let refusal =
            Manifest::read(text.as_bytes()).and_then(|manifest| manifest.edit(&enable())).unwrap_err();
        table += &format!("{name}: [{}] {}\n", refusal.why.code(), told(&refusal));
    }
    table += &format!("no text: {}", told(&Manifest::read(b"kind: \xff").unwrap_err()));
    expect_test::expect_file!["refusals.txt"].assert_eq(&table);
}
