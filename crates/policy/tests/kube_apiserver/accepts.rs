//! kube-apiserver accepts exactly the policies that we accept, and warns where we warn.

use auditward_policy::read::{Severity, read};
use auditward_testkit::{Verdict, policy_verdict};

/// Texts on which readers of YAML and of policies like to disagree.
const TEXTS: &[&str] = &[
    "",
    "null",
    "---\n---\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n",
    "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Metadata}]\n---\n}{\n",
    "\u{feff}apiVersion: audit.k8s.io/v1\r\nkind: Policy\r\nrules:\r\n- level: Metadata\r\n",
    "{apiVersion: audit.k8s.io/v1, rules: [{level: Metadata}]}",
    "{\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{\"level\":\"Metadata\"}]}",
    "{\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{\"level\":\"Metadata\"}]} x",
    "{\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{\"level\":\"None\",\"level\":\"Metadata\"}]}",
    "{\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{\"level\":\"None\",\"level\":null}]}",
    "{\"apiVersion\":\"audit.k8s.io/v1\",\"APIVERSION\":\"v1\",\"rules\":[{\"level\":\"None\"}]}",
    "{\"APIVERSION\":\"v1\",\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{\"level\":\"None\"}]}",
    "{\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{\"level\":\"None\"}],\"rules\":[{\"users\":[\"a\"]}]}",
    "{\"apiVersion\":\"audit.k8s.io/v1\",\"rules\":[{\"level\":\"None\"}],\"rules\":[{\"users\":[\"a\"]},{\"users\":[\"b\"]}]}",
    "apiVersion: audit.k8s.io/v1\nrules: [{level: None}]\nx: .inf\n",
    "apiVersion: audit.k8s.io/v1\na: &a {level: None}\nl: &l [*a]\nb: {<<: *l}\nrules: [*a]\n",
    "apiVersion: audit.k8s.io/v1\na: &a {level: None}\nb: {<<: [*a]}\nrules: [*a]\n",
    "APIVERSION: audit.k8s.io/v1\nrules: [{level: Metadata}]\n",
    "apiVersion: audit.k8s.io/v1beta1\nkind: Policy\nrules: [{level: Metadata}]\n",
    "apiVersion: audit.k8s.io/v1\nkind: policy\nrules: [{level: Metadata}]\n",
    "apiVersion: audit.k8s.io/v1\nkind: Event\nrules: [{level: Metadata}]\n",
    "apiVersion: audit.k8s.io/v1\nkind: null\nrules: [{level: Metadata}]\n",
    "kind: Policy\nrules: [{level: Metadata}]\n",
    "apiVersion: audit.k8s.io/v1\nRules: [{level: Metadata}]\n",
    "- level: Metadata\n",
    "apiVersion: audit.k8s.io/v1\nrules:\n\t- level: Metadata\n",
    "apiVersion: audit.k8s.io/v1\nrules:\n- level: Metadata\n level: None\n",
    "apiVersion: audit.k8s.io/v1\nrules: [{level: Metadata}\n",
];

/// What `rules:` may hold, and what the head may say.
const RULES: &[&str] = &[
    "[]",
    "[{}]",
    "[null]",
    "{level: Metadata}",
    "[{level: metadata}]",
    "[{level: [Metadata]}]",
    "[{level: !!str Metadata}]",
    "[{level: !own Metadata}]",
    "[&a {level: Metadata}, *a]",
    "[&a {level: Metadata}, {<<: *a, users: [tim]}]",
    "[{level: Metadata, users: tim}]",
    "[{level: Metadata, users: [1]}]",
    "[{level: Metadata, users: [yes]}]",
    "[{level: Metadata, users: [y]}]",
    "[{level: Metadata, users: [2026-11-23]}]",
    "[{level: Metadata, users: [0x1f]}]",
    "[{level: Metadata, users: [null]}]",
    "[{level: Metadata, omitManagedFields: on}]",
    "[{level: Metadata, omitManagedFields: 'true'}]",
    "[{level: Metadata, omitManagedFields: null}]",
    "[{level: Metadata, omitStages: [requestReceived]}]",
    "[{level: Metadata, nonResourceURLs: ['/a**']}]",
    "[{level: Metadata, nonResourceURLs: ['*']}]",
    "[{level: Metadata, nonResourceURLs: ['/a'], namespaces: ['']}]",
    "[{level: Metadata, resources: [null]}]",
    "[{level: Metadata, resources: [{group: '*'}]}]",
    "[{level: Metadata, resources: [{group: '*.k8s.io'}]}]",
    "[{level: Metadata, resources: [{group: Apps}]}]",
    "[{level: Metadata, resources: [{group: a..b}]}]",
    "[{level: Metadata, resources: [{resourceNames: [a]}]}]",
    "[{level: Metadata, resources: [{resources: ['a/b/c', '**', '']}]}]",
    "[{level: Metadata, 1: x}]",
    "[{level: Metadata, verbs: [get], verb: [get]}]",
];

#[test]
fn texts() {
    if !super::have_kube_apiserver() {
        return;
    }
    let heads = [
        "omitStages: [Panic]",
        "omitManagedFields: maybe",
        "metadata: {name: 5}",
        "metadata: {creationTimestamp: now}",
        "metadata: {creationTimestamp: '2026-01-01T00:00:00++1:00'}",
    ];
    let with_rules =
        RULES.iter().map(|rules| format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: {rules}\n"));
    let with_heads =
        heads.iter().map(|head| format!("apiVersion: audit.k8s.io/v1\n{head}\nrules: [{{level: None}}]\n"));
    let texts: Vec<String> =
        TEXTS.iter().map(|text| (*text).to_owned()).chain(with_rules).chain(with_heads).collect();
    compare(texts.iter().map(|text| (text.clone(), text.as_bytes().to_vec())));
}

#[test]
fn published_policies() {
    let Some(corpus) = super::corpus().filter(|_| super::have_kube_apiserver()) else { return };
    let folder = corpus.join("policies");
    let mut files: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    files.push(corpus.join("guide/audit-policy.yaml"));
    compare(files.into_iter().map(|path| (path.display().to_string(), std::fs::read(&path).unwrap())));
}

fn compare(policies: impl Iterator<Item = (String, Vec<u8>)>) {
    let mut wrong = Vec::new();
    let mut compared = 0;
    for (name, text) in policies {
        let ours = read(&text);
        let theirs = policy_verdict(std::str::from_utf8(&text).unwrap()).unwrap();
        let warned = ours.findings.iter().any(|finding| {
            finding.severity == Severity::Warning
                && finding.reference.is_none()
                && (finding.message.starts_with("unknown field")
                    || finding.message.contains("is set already"))
        });
        let agree = match &theirs {
            Verdict::Accepted { warning } => ours.policy.is_some() && warning.is_some() == warned,
            // The refusal's own words too, where they are more than "failed decoding".
            Verdict::Refused { reason } => {
                ours.policy.is_none()
                    && (reason.contains("failed decoding")
                        || ours.reference_refusal.as_ref().is_some_and(|ours| reason.contains(ours)))
            }
        };
        compared += 1;
        if !agree {
            wrong.push(format!(
                "{name}\n  kube-apiserver: {theirs:?}\n  ours: {:?} {:?}",
                ours.reference_refusal, ours.findings
            ));
        }
    }
    assert!(compared > 0, "nothing was compared");
    assert!(wrong.is_empty(), "{} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("kube-apiserver agrees on {compared} policies");
}
