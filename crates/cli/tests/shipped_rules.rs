//! The shipped rules over what a real API server wrote while real attacks were made (crates/event/testdata/captures).
//!
//! Between two attacks a config map `mark-STEP` was created: what lies behind a mark belongs to its step.

#![allow(
    clippy::unwrap_used,
    clippy::needless_pass_by_value,
    reason = "tests stop at surprises, and read as sentences"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::sync::Arc;

use auditward_detect::{Batch, Config, Engine, RuleSet};
use auditward_event::{EventView, Events};
use auditward_rules::library;
use expect_test::{Expect, expect};
use flate2::read::GzDecoder;

/// Each step with the rules that gave alerts in it, and how many; `(before)` is ordinary work.
#[track_caller]
fn check(capture: &str, expected: Expect) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/testdata/captures").join(capture);
    let mut events = Events::new(BufReader::new(GzDecoder::new(File::open(path).unwrap())));
    let rules = library::load_shipped().rules.into_iter().filter(|rule| rule.enabled).collect();
    let set = Arc::new(RuleSet::compile(rules).unwrap());
    let mut engine = Engine::new(set, Config::default());
    let mut matcher = engine.matcher();
    let mut batch = Batch::default();
    let mut step = "(before)".to_owned();
    let mut steps: BTreeMap<String, String> = BTreeMap::new();
    let mut order = Vec::new();
    while let Some(event) = events.next() {
        let event = event.unwrap();
        if let Some(mark) = mark(&event.view) {
            step = mark;
        }
        if order.last() != Some(&step) {
            order.push(step.clone());
        }
        steps.insert(event.view.audit_id().into_owned(), step.clone());
        matcher.look(&event.view, &mut batch);
    }
    let mut alerts = Vec::new();
    engine.absorb(batch, &mut alerts);
    engine.finish(&mut alerts);
    let mut found: BTreeMap<&str, BTreeMap<&str, usize>> = BTreeMap::new();
    for alert in &alerts {
        let last = &alert.events.last().unwrap().audit_id;
        *found.entry(steps[last].as_str()).or_default().entry(&alert.rule).or_default() += 1;
    }
    let mut seen = String::new();
    let mut told = BTreeSet::new();
    for step in order.iter().filter(|step| told.insert(*step)) {
        let rules: Vec<String> = found
            .get(step.as_str())
            .into_iter()
            .flatten()
            .map(|(rule, count)| if *count == 1 { (*rule).to_owned() } else { format!("{rule} ×{count}") })
            .collect();
        seen += &format!("{step}: {}\n", rules.join(", "));
    }
    expected.assert_eq(&seen);
}

fn mark(view: &EventView<'_>) -> Option<String> {
    let object = view.object_ref()?;
    let name = object.name.strip_prefix("mark-")?;
    (object.namespace == "marks" && view.verb() == "create").then(|| name.to_owned())
}

#[test]
fn with_everything_recorded() {
    check(
        "full.jsonl.gz",
        expect![[r#"
            (before): access-denied, breakglass-used, impersonation, internals-read, job-by-hand, role-binding-changed, secret-written ×2, service-account-created
            k8s-1002-privileged: pod-by-hand, privileged-pod
            k8s-1004-hostpath: sensitive-host-path
            k8s-1005-hostnetwork: host-network
            k8s-1006-hostpid: host-pid
            k8s-1010-mgmt-pod: pod-by-hand, workload-in-system-namespace
            k8s-1024-miner: miner-indicators
            k8s-1012-daemonset: daemonset-created
            k8s-1013-cronjob: cronjob-created
            k8s-1017-serviceaccount: service-account-created, service-account-in-system-namespace
            k8s-1016-clusteradmin: cluster-admin-binding, role-binding-changed
            wildcard-role: all-powerful-role, wildcard-role
            anonymous-binding: access-for-anonymous, role-binding-changed, token-minted ×2, token-of-system-account
            k8s-1014-secrets: cluster-secrets-listed ×2, cluster-secrets-read-by-account, curl-client, grant-then-use, secret-read ×3
            k8s-1020-forbidden: access-denied, denied-kinds, secret-read-denied
            k8s-1008-curl-sa: curl-client
            k8s-1007-unauthenticated: curl-client, invalid-credentials
            anonymous: access-denied, anonymous-read, curl-client, grant-then-use, secret-read-denied
            k8s-1015-enumeration: self-access-burst, self-rights-review
            k8s-1003-exec-shell: command-in-pod, exec-interactive-shell
            k8s-1009-exec-mgmt: command-in-pod, exec-in-system-namespace, exec-reads-credentials
            attach: command-in-pod
            port-forward: port-forward
            debug-ephemeral: ephemeral-container
            node-debug: host-network, host-pid, node-shell, pod-by-hand, privileged-pod, sensitive-host-path
            nodes-proxy: node-proxy
            impersonate: impersonation, privileged-impersonation
            token-request: token-long-lived
            csr: certificate-self-approved, client-certificate-approved, denied-then-granted, masters-certificate-refused
            webhook: admission-guard-removed, admission-webhook-changed, short-lived-grant, webhook-outside, webhook-sees-secrets
            k8s-1023-externalip: service-external-address
            nodeport: service-exposed
            k8s-1022-ingress: ingress-injection, ingress-snippet
            k8s-1001-delete-events: event-deletion
            configmap-credentials: credentials-in-configmap
            delete-namespace: namespace-deleted
            coredns-edit: cluster-dns-changed
        "#]],
    );
}

#[test]
fn with_the_policy_that_guides_copy() {
    check(
        "guide.jsonl.gz",
        expect![[r#"
            (before): access-denied, breakglass-used, impersonation, internals-read, job-by-hand, role-binding-changed, secret-written ×2, service-account-created
            k8s-1002-privileged: pod-by-hand, privileged-pod
            k8s-1004-hostpath: sensitive-host-path
            k8s-1005-hostnetwork: host-network
            k8s-1006-hostpid: host-pid
            k8s-1010-mgmt-pod: pod-by-hand, workload-in-system-namespace
            k8s-1024-miner: miner-indicators
            k8s-1012-daemonset: daemonset-created
            k8s-1013-cronjob: cronjob-created
            k8s-1017-serviceaccount: service-account-created, service-account-in-system-namespace
            k8s-1016-clusteradmin: cluster-admin-binding, role-binding-changed
            wildcard-role: all-powerful-role, wildcard-role
            anonymous-binding: access-for-anonymous, role-binding-changed, token-minted ×2, token-of-system-account
            k8s-1014-secrets: cluster-secrets-listed ×2, cluster-secrets-read-by-account, curl-client, grant-then-use, secret-read ×3
            k8s-1020-forbidden: access-denied, denied-kinds, secret-read-denied
            k8s-1008-curl-sa: curl-client
            k8s-1007-unauthenticated: curl-client, invalid-credentials
            anonymous: access-denied, anonymous-read, curl-client, grant-then-use, secret-read-denied
            k8s-1015-enumeration: self-access-burst, self-rights-review
            k8s-1003-exec-shell: command-in-pod, exec-interactive-shell
            k8s-1009-exec-mgmt: 
            attach: command-in-pod
            port-forward: port-forward
            debug-ephemeral: ephemeral-container
            node-debug: host-network, host-pid, node-shell, pod-by-hand, privileged-pod, sensitive-host-path
            nodes-proxy: node-proxy
            impersonate: impersonation, privileged-impersonation
            token-request: token-long-lived
            csr: certificate-self-approved, client-certificate-approved, denied-then-granted, masters-certificate-refused
            webhook: admission-guard-removed, admission-webhook-changed, short-lived-grant, webhook-outside, webhook-sees-secrets
            k8s-1023-externalip: service-external-address
            nodeport: service-exposed
            k8s-1022-ingress: ingress-injection, ingress-snippet
            k8s-1001-delete-events: 
            configmap-credentials: 
            delete-namespace: namespace-deleted
            coredns-edit: cluster-dns-changed
        "#]],
    );
}
