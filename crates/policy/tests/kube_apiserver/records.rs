//! kube-apiserver records of each request what we say: the level, the stages, the bodies, or nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use auditward_event::{Events, Level, Stage};
use auditward_policy::read::read;
use auditward_policy::simulate::decide;
use auditward_policy::{Evaluator, RequestInfo};
use auditward_testkit::ApiServer;

use crate::expected::{Known, expected};
use crate::tap::Tap;

const ADMIN: Known = Known { name: "admin", groups: &["system:masters", "system:authenticated"] };
const ALICE: Known = Known { name: "alice", groups: &["dev", "ops", "system:authenticated"] };
const NODE: Known = Known { name: "system:node:node-1", groups: &["system:nodes", "system:authenticated"] };

/// Each rule records in a way of its own, so that the log shows which one decided.
const OWN: &str = "
apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- {level: None, nonResourceURLs: ['/healthz*', /version]}
- {level: None, userGroups: ['system:nodes'], verbs: [get, list, watch]}
- {level: Metadata, resources: [{group: '', resources: [secrets, serviceaccounts/token]}], omitStages: [RequestReceived]}
- {level: None, users: [alice], namespaces: [shop], resources: [{group: '', resources: [configmaps], resourceNames: [quiet]}]}
- {level: Request, users: [alice], verbs: [create, patch, update, delete]}
- {level: Metadata, verbs: [watch], omitStages: [ResponseStarted]}
- {level: RequestResponse, resources: [{group: '', resources: ['pods/*']}, {group: apps}], omitStages: [ResponseComplete]}
- {level: Request, namespaces: ['']}
- {level: Metadata, omitStages: [RequestReceived, Panic], nonResourceURLs: ['/api*', '*']}
- {level: RequestResponse, resources: [{group: '*', resources: ['*/status', '*/scale']}]}
- {level: RequestResponse, namespaces: [shop, victim], omitManagedFields: false}
- {level: Metadata, omitStages: [RequestReceived, ResponseStarted]}
";

/// What people, programs and intruders do. A word in front says who; `!` marks what the API server refuses.
const KUBECTL: &str = "
admin create namespace shop
admin create namespace victim
admin create deployment web --image=nginx -n shop
admin get deployments -A
admin scale deployment web --replicas=2 -n shop
admin set env deployment/web A=b -n shop
admin annotate deployment web note=x -n shop
admin create configmap quiet -n shop --from-literal=a=b
admin create configmap loud -n shop --from-literal=a=b
admin create secret generic db -n shop --from-literal=password=hunter2
admin get secrets -n shop -o yaml
admin get secret db -n shop
admin create serviceaccount robot -n shop
admin create token robot -n shop
admin create clusterrolebinding robot --clusterrole=cluster-admin --serviceaccount=shop:robot
admin create role reader --verb=get --resource=pods -n shop
admin create role dev --verb=* --resource=pods,configmaps,deployments.apps,deployments.apps/scale -n shop
admin create rolebinding alice --role=dev --user=alice -n shop
admin auth can-i create pods
!admin auth can-i list secrets --as alice -n shop
admin get pods --field-selector metadata.name=web -n shop
admin get --raw /api/v1/pods?watch=true&timeoutSeconds=1
admin get --raw /apis/apps/v1/namespaces/shop/deployments?watch=1&timeoutSeconds=1&fieldSelector=metadata.name%3Dweb
admin get --raw /healthz
admin get --raw /healthz/etcd
admin get --raw /version
admin get --raw /metrics
admin get --raw /openapi/v2
admin api-resources
admin get clusterroles
admin create serviceaccount default -n victim
admin run bad -n victim --image=nginx
admin get pod bad -n victim
admin logs bad -n victim
!admin exec bad -n victim -- id
!admin get --raw /api/v1/namespaces/victim/pods/bad/proxy/x
!admin get --raw /api/v1/nodes/none/proxy/metrics
admin patch configmap loud -n shop --type=merge -p {\"data\":{\"a\":\"c\"}}
admin patch configmap loud -n shop --type=json -p [{\"op\":\"add\",\"path\":\"/data/b\",\"value\":\"d\"}]
admin delete pods --all -n victim --wait=false --force
admin delete configmap loud -n shop
admin get leases -A
admin get events -A
!admin certificate approve none
alice get pods -n shop
alice get configmap quiet -n shop
alice create configmap mine -n shop --from-literal=a=b
alice patch configmap quiet -n shop --type=merge -p {\"data\":{\"a\":\"c\"}}
alice delete configmap mine -n shop
alice get deployments -n shop
alice scale deployment web --replicas=1 -n shop
!alice get secrets -A
!alice get nodes
!alice create clusterrolebinding mine --clusterrole=cluster-admin --user=alice
!alice get pods -n victim --as admin
!alice get --raw /metrics
!node get --raw /api/v1/nodes
node get --raw /api/v1/nodes?fieldSelector=metadata.name%3Dnode-1
!node get pods -n shop
!node create configmap x -n shop
admin delete namespace victim --wait=false
";

/// Request lines that no client library would send. (`//api/v1/pods` is not here: `kubectl proxy` answers it itself.)
const RAW: &[(&str, &str)] = &[
    ("GET", "/api/v1/pods/"),
    ("GET", "/api/v1/watch/pods?timeoutSeconds=1"),
    ("GET", "/api/v1/watch/namespaces/shop/configmaps?timeoutSeconds=1"),
    ("GET", "/api/v1/namespaces/shop%2Fpods"),
    ("GET", "/api/v1/namespaces/shop/pods/p%20q"),
    ("HEAD", "/api/v1/namespaces/shop/pods"),
    ("OPTIONS", "/api/v1/namespaces/shop/pods"),
    ("GET", "/api/v1/pods?limit=x&fieldSelector=metadata.name=a"),
    ("GET", "/API/v1/pods"),
    ("GET", "/apis/nothing.example.com/v1/things"),
    ("POST", "/apis/apps/v1/namespaces/shop/deployments"),
    ("PUT", "/api/v1/namespaces/shop/configmaps/none"),
    ("DELETE", "/api/v1/namespaces/shop/configmaps/none"),
    ("GET", "/logs/"),
    ("GET", "/healthzfoo"),
];

#[test]
fn by_a_policy_of_our_own() {
    compare("our own", OWN);
}

#[test]
fn by_published_policies() {
    let Some(corpus) = super::corpus() else { return };
    for name in [
        "guide/audit-policy.yaml",
        "policies/gce-configure-helper.yaml",
        "policies/openshift-writerequestbodies.yaml",
    ] {
        compare(name, &std::fs::read_to_string(corpus.join(name)).unwrap());
    }
}

fn compare(name: &str, policy: &str) {
    if !super::have_kube_apiserver() {
        return;
    }
    let evaluator = Evaluator::new(read(policy.as_bytes()).policy.expect("an accepted policy"));
    let mut api = ApiServer::builder()
        .audit_policy(policy)
        .user(ALICE.name, &ALICE.groups[..2])
        .user(NODE.name, &NODE.groups[..1])
        .start()
        .unwrap();
    let users = [("admin", ADMIN), ("alice", ALICE), ("node", NODE)];
    let taps = users
        .map(|(short, known)| (short, Some(known), Tap::start(short, api.kubectl_as(known.name).command())));
    let stranger = [("stranger", None, Tap::start("stranger", kubectl_of_a_stranger(&api)))];
    let taps: Vec<_> = taps.into_iter().chain(stranger).collect();
    drive(&api, &taps);
    api.stop().unwrap();

    let log = std::fs::read(api.audit_log()).unwrap();
    let (seen, events) = read_log(&evaluator, &log);
    let (mut wrong, mut compared) = (Vec::new(), 0);
    for (_, known, tap) in &taps {
        for sent in tap.sent() {
            let Some((decision, stages)) = expected(&evaluator, &sent, *known) else { continue };
            compared += 1;
            let found = seen.get(&sent.audit_id).cloned().unwrap_or_default();
            let same_level = found.values().all(|level| *level == decision.level);
            if !same_level || found.keys().copied().collect::<BTreeSet<_>>() != stages {
                wrong.push(format!("{sent:?}\n  ours {decision:?} at {stages:?}\n  log  {found:?}"));
            }
        }
    }
    assert!(compared > 100, "only {compared} requests were sent");
    assert!(wrong.is_empty(), "{name}: {} of {compared} differ:\n{}", wrong.len(), wrong.join("\n"));
    eprintln!("{name}: kube-apiserver agrees on {compared} requests, {events} events");
}

fn drive(api: &ApiServer, taps: &[(&str, Option<Known>, Tap)]) {
    let tap = |who: &str| &taps.iter().find(|(name, ..)| *name == who).expect("a known user").2;
    let kubectl = |who: &str, words: &[&str]| {
        let server = format!("--server=http://{}", tap(who).address);
        let output = api.kubectl().command().arg(server).args(words).output().unwrap();
        (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
    };
    let mut surprises = Vec::new();
    for line in KUBECTL.lines().filter(|line| !line.is_empty()) {
        let refused = line.starts_with('!');
        let words: Vec<&str> = line.trim_start_matches('!').split(' ').collect();
        let (ok, stderr) = kubectl(words[0], &words[1..]);
        if ok == refused {
            surprises.push(format!("{line}: {stderr}"));
        }
    }
    assert!(surprises.is_empty(), "{}", surprises.join("\n"));
    for (method, uri) in RAW {
        tap("admin").raw(method, uri);
        tap("alice").raw(method, uri);
    }
    for uri in ["/api/v1/namespaces/shop/secrets", "/version", "/api/v1/pods?watch=1"] {
        tap("stranger").raw("GET", uri);
    }
}

/// kubectl with a token that nobody has.
fn kubectl_of_a_stranger(api: &ApiServer) -> Command {
    let kubeconfig = std::fs::read_to_string(api.kubectl().kubeconfig()).unwrap();
    let path = api.folder().join("stranger.conf");
    std::fs::write(&path, kubeconfig.replace(&api.token("admin"), "no-such-token")).unwrap();
    let mut command = api.kubectl().command();
    command.env("KUBECONFIG", path);
    command
}

/// Level by stage by Audit-ID. Of every event, the API server's own requests among them, it is asked whether our
/// engine would have written it so.
fn read_log(evaluator: &Evaluator, log: &[u8]) -> (BTreeMap<String, BTreeMap<Stage, Level>>, u64) {
    let mut seen: BTreeMap<String, BTreeMap<Stage, Level>> = BTreeMap::new();
    let mut events = Events::new(log);
    while let Some(event) = events.next() {
        let view = event.unwrap().view;
        let (verb, uri) = (view.verb(), view.request_uri());
        let (level, stage) = (view.level().unwrap(), view.stage().unwrap());
        let info = RequestInfo::from_event(&verb, &uri).unwrap();
        let decision = decide(evaluator, &view, &info);
        assert_eq!(decision.level, level, "{verb} {uri} at {stage}");
        assert!(!decision.omit_stages.contains(stage), "{verb} {uri} at {stage}");
        assert!(view.request_object().is_none() || level >= Level::Request, "{verb} {uri} at {stage}");
        assert!(
            view.response_object().is_none() || level == Level::RequestResponse,
            "{verb} {uri} at {stage}"
        );
        if decision.omit_managed_fields {
            let body =
                view.response_object().map(|body| String::from_utf8_lossy(body.as_bytes()).into_owned());
            assert!(!body.unwrap_or_default().contains("\"managedFields\""), "{verb} {uri} at {stage}");
        }
        seen.entry(view.audit_id().into_owned()).or_default().insert(stage, level);
    }
    (seen, events.stats().events)
}
