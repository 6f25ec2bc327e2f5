//! What rules find: upstream's in real traffic, and small ones in small events.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;

use auditward_event::{EventView, Events};
use auditward_expr::{Compiled, Subject};
use auditward_rules::{Rule, Trigger};
use expect_test::expect;

use super::{load, rule, told, upstream};

/// Rules of one event each, ready to be asked.
fn compiled(rules: &[Rule]) -> Vec<(&Rule, Compiled)> {
    let ready = rules.iter().map(|rule| match &rule.trigger {
        Trigger::Event(expr) => (rule, Compiled::new(expr).unwrap()),
        other => panic!("{other:?}"),
    });
    ready.collect()
}

/// Whether a search of one entry is true of an event.
fn check(entry: &str, event: &str, expected: bool) {
    let loaded = load(&rule(&format!("s:\n  {entry}\ncondition: s")));
    assert!(!loaded.has_errors(), "{}", told(&loaded));
    let view = EventView::parse(event.as_bytes()).unwrap();
    let subject = Subject::new(&view);
    let found = compiled(&loaded.rules)[0].1.holds(&subject);
    assert_eq!(found, expected, "{entry} of {event}");
}

#[test]
fn texts() {
    let event = r#"{"verb":"GET","userAgent":"kubectl/v1.30 [x]*","user":{"groups":["a","system:masters"]},"n":null,"e":""}"#;
    check("verb: get", event, true);
    check("verb|cased: get", event, false);
    check("verb: ge", event, false);
    check("verb: 'g?t'", event, true);
    check("userAgent: 'KUBECTL*'", event, true);
    check(r"userAgent: '*\*'", event, true);
    check(r"userAgent: '*[x]?'", event, true);
    check("userAgent|contains: '[X]'", event, true);
    check("user.groups: system:masters", event, true);
    check("user.groups|contains|all: [a, masters]", event, true);
    check("verb|neq: list", event, true);
    check("absent|neq: list", event, true);
    check("absent: null", event, true);
    check("n: null", event, true);
    check("e: null", event, false);
    check("e: ''", event, true);
    check("n: '*'", event, false);
    check("e: '*'", event, true);
    check("absent: '*'", event, false);
    check("n|exists: true", event, true);
    check("absent|exists: false", event, true);
    check("absent: ''", event, false);
}

#[test]
fn numbers_and_booleans() {
    let event = r#"{"code":401,"text":"401","flag":true,"word":"True","list":[1,5]}"#;
    for field in ["code", "text"] {
        check(&format!("{field}: 401"), event, true);
        check(&format!("{field}: '401'"), event, true);
        check(&format!("{field}: [400, 401]"), event, true);
        check(&format!("{field}|gte: 401"), event, true);
        check(&format!("{field}|gt: 401"), event, false);
        check(&format!("{field}|startswith: 4"), event, true);
    }
    check("flag: true", event, true);
    check("word: true", event, true);
    check("flag: 'true'", event, true);
    check("flag: false", event, false);
    check("list|gt: 4", event, true);
}

/// As `PyYAML` reads them, with which pySigma reads.
#[test]
fn letters_alone_are_texts() {
    let event = r#"{"f":"y","g":true,"h":false,"n":"N"}"#;
    check("f: y", event, true);
    check("g: y", event, false);
    check("h: N", event, false);
    check("n: n", event, true);
    check("g: yes", event, true);
    check("h: off", event, true);
}

#[test]
fn the_other_modifiers() {
    let event = r#"{"sourceIPs":["192.0.2.1","fd00::7"],"a":"xaHR0cDovLw==","who":"Alice","other":"alice","same":"Alice B",
        "t":"2026-01-02T23:04:05.123456Z","uri":"/bin/sh -c","w":"x –a /b"}"#;
    check("sourceIPs|cidr: 192.0.2.0/24", event, true);
    check("sourceIPs|cidr: fd00::/8", event, true);
    check("sourceIPs|cidr: 10.0.0.0/8", event, false);
    check("a|base64offset|contains: 'http://'", event, true);
    check("same|fieldref|startswith: who", event, true);
    check("who|fieldref: other", event, false);
    check("t|hour: 23", event, true);
    check("t|hour|gte: 22", event, true);
    check("t|month: 1", event, true);
    check("t|year|lt: 2026", event, false);
    check("uri|re: '^/bin/(ba)?sh'", event, true);
    check("uri|re: 'SH'", event, false);
    check("uri|re|i: 'SH'", event, true);
    check("w|windash|contains|all: [' -a', ' -b']", event, true);
    check("'|all': [alice, /bin/sh]", event, true);
    check("'': [nobody, 'fd00*7']", event, true);
}

#[test]
fn places() {
    let event = r#"{"annotations":{"authorization.k8s.io/decision":"forbid"},"objectRef":{"resource":"pods","apiVersion":"v1"},
        "requestObject":{"spec":{"containers":[{"image":"a"},{"image":"b","securityContext":{"privileged":true}}],
        "initContainers":[{"securityContext":{"capabilities":{"add":["SYS_ADMIN"]}}}],
        "volumes":[{"hostPath":{"path":"/"}}]}}}"#;
    check("annotations.authorization.k8s.io/decision: forbid", event, true);
    check("requestObject.spec.containers.image: b", event, true);
    check("'requestObject.spec.containers[0].image': b", event, false);
    check("resource: pods", event, true);
    check("privileged: true", event, true);
    check("hostPath: '*'", event, true);
    check("capabilities: '*'", event, true);
    check("capabilities|contains: SYS_ADMIN", event, true);
}

/// In the order of the corpus' table: what an independent evaluator found in Falco's trace files.
#[test]
fn upstream_rules_find_what_an_independent_evaluator_found() {
    let Some(loaded) = upstream::rules() else { return };
    let rules = compiled(&loaded.rules);
    let folder = upstream::corpus().join("events");
    let table = std::fs::read_to_string(folder.join("derived-matches.tsv")).unwrap();
    let (mut compared, mut found_any, mut differences) = (0, 0, String::new());
    for row in table.lines().skip(1) {
        let cells: Vec<&str> = row.split('\t').collect();
        let (source, line) = (cells[0], cells[1].parse::<usize>().unwrap());
        let Ok(text) = std::fs::read_to_string(folder.join("falco-trace-files").join(source)) else {
            continue;
        };
        let Some(event) = text.lines().filter(|line| !line.trim().is_empty()).nth(line - 1) else { continue };
        let Ok(view) = EventView::parse(event.as_bytes()) else { continue };
        let subject = Subject::new(&view);
        let mut found: Vec<&str> = Vec::new();
        for (rule, expr) in &rules {
            if expr.holds(&subject) {
                found.push(&rule.title);
            }
        }
        let mut expected: Vec<&str> = cells[4].split("; ").filter(|title| *title != "-").collect();
        found.sort_unstable();
        expected.sort_unstable();
        compared += 1;
        found_any += usize::from(!found.is_empty());
        if found != expected {
            differences += &format!("{source}:{line}: found {found:?}, expected {expected:?}\n");
        }
    }
    expect![[r#"
        51 events, 15 with a match
    "#]]
    .assert_eq(&format!("{compared} events, {found_any} with a match\n{differences}"));
}

/// Which rule fires in which step of the attacks that were captured; see the captures' own README.
#[test]
fn upstream_rules_on_a_captured_cluster() {
    let Some(loaded) = upstream::rules() else { return };
    let rules = compiled(&loaded.rules);
    let path = upstream::corpus().join("events/captures/full.jsonl.gz");
    let file = BufReader::new(flate2::read::GzDecoder::new(File::open(path).unwrap()));
    let mut events = Events::new(BufReader::new(file));
    let mut step = "ordinary work".to_owned();
    let mut found: BTreeMap<&str, Vec<(String, usize)>> = BTreeMap::new();
    let mut count = 0;
    while let Some(event) = events.next() {
        let event = event.unwrap();
        count += 1;
        let subject = Subject::new(&event.view);
        if let Some(object) = event.view.object_ref()
            && object.resource == "configmaps"
            && let Some(mark) = object.name.strip_prefix("mark-")
        {
            mark.clone_into(&mut step);
        }
        for (rule, expr) in &rules {
            if expr.holds(&subject) {
                let steps = found.entry(&rule.title).or_default();
                match steps.last_mut() {
                    Some((last, events)) if *last == step => *events += 1,
                    _ => steps.push((step.clone(), 1)),
                }
            }
        }
    }
    let mut out = format!("{count} events\n");
    for (rule, _) in &rules {
        let steps = found.get(rule.title.as_str()).into_iter().flatten();
        let steps: Vec<String> = steps.map(|(step, events)| format!("{step} ({events})")).collect();
        let steps = if steps.is_empty() { "never".to_owned() } else { steps.join(", ") };
        out += &format!("{}: {steps}\n", rule.title);
    }
    expect![[r#"
        1783 events
        Kubernetes Admission Controller Modification: webhook (4)
        Kubernetes CronJob/Job Modification: ordinary work (10), k8s-1013-cronjob (2)
        Deployment Deleted From Kubernetes Cluster: never
        Kubernetes Events Deleted: k8s-1001-delete-events (60)
        Potential Remote Command Execution In Pod Container: never
        Container With A hostPath Mount Created: k8s-1004-hostpath (1), node-debug (1)
        Creation Of Pod In System Namespace: k8s-1010-mgmt-pod (4)
        Kubernetes Potential Enumeration Activity: never
        Privileged Container Deployed: never
        RBAC Permission Enumeration Attempt: k8s-1015-enumeration (2)
        Kubernetes Rolebinding Modification: ordinary work (2), k8s-1016-clusteradmin (2), anonymous-binding (2)
        Kubernetes Secrets Enumeration: ordinary work (2), k8s-1014-secrets (4), k8s-1020-forbidden (2), anonymous (2), impersonate (2)
        Kubernetes Secrets Modified or Deleted: ordinary work (4)
        New Kubernetes Service Account Created: ordinary work (22), k8s-1004-hostpath (2), k8s-1005-hostnetwork (2), k8s-1006-hostpid (2), k8s-1010-mgmt-pod (2), k8s-1024-miner (4), k8s-1012-daemonset (2), k8s-1017-serviceaccount (2), anonymous-binding (4), nodes-proxy (2), token-request (2), csr (2)
        Potential Sidecar Injection Into Running Deployment: ordinary work (8)
        Kubernetes Unauthorized or Unauthenticated Access: ordinary work (18), k8s-1006-hostpid (1), k8s-1020-forbidden (6), k8s-1008-curl-sa (1), k8s-1007-unauthenticated (6), anonymous (1), csr (1), coredns-edit (2)
    "#]].assert_eq(&out);
}
