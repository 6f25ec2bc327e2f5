//! How often the shipped rules are right: over what a real API server wrote while real attacks were made, and over Falco's
//! own samples. The tables of `docs/detect/precision.md` are what this test finds; `UPDATE_EXPECT=1` writes them.
//!
//! What a step is for is said here, by hand, in [`CAPTURES`], [`LOG`] and [`TRACES`]: it is the judgement that rules are
//! measured by, so a rule is added to a step because of what was done there, never because it fires.

#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops at surprises, and says what it left out"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs::{self, File};
use std::io::{BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use auditward_detect::{Alert, Batch, Config, Engine, RuleSet};
use auditward_event::{EventView, Events};
use auditward_rules::{Rule, Severity, library};
use flate2::read::GzDecoder;

/// For each step of the captures, the rules that it is for. A config map `mark-STEP` stands before each. What a rule keeps
/// to itself as a repetition is not listed: the pods of the first steps are all made by hand, which is told once.
const CAPTURES: &[(&str, &[&str])] = &[
    ("k8s-1002-privileged", &["privileged-pod", "pod-by-hand"]),
    ("k8s-1004-hostpath", &["sensitive-host-path"]),
    ("k8s-1005-hostnetwork", &["host-network"]),
    ("k8s-1006-hostpid", &["host-pid"]),
    ("k8s-1010-mgmt-pod", &["pod-by-hand", "workload-in-system-namespace"]),
    ("k8s-1024-miner", &["miner-indicators"]),
    ("k8s-1012-daemonset", &["daemonset-created"]),
    ("k8s-1013-cronjob", &["cronjob-created", "workload-runs-download"]),
    ("k8s-1017-serviceaccount", &["service-account-created", "service-account-in-system-namespace"]),
    ("k8s-1016-clusteradmin", &["cluster-admin-binding", "role-binding-changed"]),
    ("wildcard-role", &["all-powerful-role", "wildcard-role"]),
    (
        "anonymous-binding",
        &["access-for-anonymous", "role-binding-changed", "token-minted", "token-of-system-account"],
    ),
    (
        "k8s-1014-secrets",
        &[
            "secret-read",
            "cluster-secrets-listed",
            "cluster-secrets-read-by-account",
            "curl-client",
            "grant-then-use",
        ],
    ),
    ("k8s-1020-forbidden", &["access-denied", "denied-kinds", "secret-read-denied"]),
    ("k8s-1008-curl-sa", &["curl-client"]),
    ("k8s-1007-unauthenticated", &["curl-client", "invalid-credentials"]),
    (
        "anonymous",
        &["access-denied", "anonymous-read", "curl-client", "grant-then-use", "secret-read-denied"],
    ),
    ("k8s-1015-enumeration", &["self-access-burst", "self-rights-review"]),
    ("k8s-1003-exec-shell", &["exec-interactive-shell", "command-in-pod"]),
    ("k8s-1009-exec-mgmt", &["exec-in-system-namespace", "command-in-pod", "exec-reads-credentials"]),
    ("attach", &["command-in-pod"]),
    ("port-forward", &["pod-port-forward"]),
    ("debug-ephemeral", &["ephemeral-container"]),
    (
        "node-debug",
        &["host-network", "host-pid", "node-shell", "pod-by-hand", "privileged-pod", "sensitive-host-path"],
    ),
    ("nodes-proxy", &["node-proxy"]),
    ("impersonate", &["impersonation", "privileged-impersonation"]),
    ("token-request", &["token-long-lived"]),
    (
        "csr",
        &[
            "certificate-self-approved",
            "client-certificate-approved",
            "denied-then-granted",
            "masters-certificate-refused",
        ],
    ),
    (
        "webhook",
        &[
            "admission-guard-removed",
            "admission-webhook-changed",
            "short-lived-grant",
            "webhook-outside",
            "webhook-sees-secrets",
        ],
    ),
    ("k8s-1023-externalip", &["service-external-address"]),
    ("nodeport", &["service-exposed"]),
    ("k8s-1022-ingress", &["ingress-injection", "ingress-snippet"]),
    ("k8s-1001-delete-events", &["event-deletion"]),
    ("configmap-credentials", &["credentials-in-configmap"]),
    ("delete-namespace", &["namespace-deleted"]),
    ("coredns-edit", &["cluster-dns-changed"]),
];

/// Steps of `guide.jsonl.gz` of which its policy writes nothing that their alarm needs.
const NOT_RECORDED: &[&str] = &["k8s-1009-exec-mgmt", "k8s-1001-delete-events", "configmap-credentials"];

/// As [`CAPTURES`], for `examples/audit.log.gz`; a step is named by how its row in `examples/README.md` begins. What comes before
/// the first of them is ordinary work.
const LOG: &[(&str, &[&str])] = &[
    ("tries what a developer may not", &["access-denied", "secret-read-denied", "self-rights-review"]),
    ("reads the shop's secrets", &["secret-read"]),
    ("requests a token", &["token-minted"]),
    (
        "lists all secrets",
        &["cluster-secrets-listed", "cluster-secrets-read-by-account", "grant-then-use", "secret-read"],
    ),
    ("runs a shell", &["command-in-pod", "exec-reads-credentials"]),
    ("starts a privileged pod", &["privileged-pod"]),
    ("starts a pod that mounts", &["sensitive-host-path"]),
    ("starts a pod in the node's", &["host-network", "host-pid"]),
    ("starts a coin miner", &["miner-indicators"]),
    ("binds `cluster-admin`", &["cluster-admin-binding", "role-binding-changed"]),
    ("lets anonymous users", &["access-for-anonymous", "role-binding-changed"]),
    ("looks in without", &["anonymous-read", "curl-client", "grant-then-use"]),
    ("makes a role that", &["all-powerful-role", "wildcard-role"]),
    ("impersonates", &["impersonation"]),
    ("reaches the kubelet", &["node-proxy"]),
    (
        "has a certificate",
        &[
            "access-denied",
            "certificate-self-approved",
            "client-certificate-approved",
            "denied-then-granted",
            "masters-certificate-refused",
        ],
    ),
    ("registers a webhook", &["admission-webhook-changed", "webhook-outside", "webhook-sees-secrets"]),
    ("opens a node port", &["service-exposed"]),
    ("adds a debugging container", &["ephemeral-container", "dangerous-capabilities"]),
    ("covers its tracks", &["admission-guard-removed", "event-deletion", "short-lived-grant"]),
    ("deletes a namespace", &["namespace-deleted"]),
];

/// Falco's samples, and the rules that each is for. Those that are not named are for none: they are there to be left alone.
const TRACES: &[(&str, &[&str])] = &[
    ("anonymous_creates_namespace_foo", &["anonymous-write"]),
    ("attach_cluster_admin_role", &["cluster-admin-binding", "role-binding-changed"]),
    ("attach_pod", &["command-in-pod"]),
    ("create_cluster_role_pod_exec", &["secret-reading-role"]),
    ("create_cluster_role_wildcard_resources", &["wildcard-role"]),
    ("create_cluster_role_wildcard_verbs", &["wildcard-role"]),
    ("create_clusterrolebinding", &["role-binding-changed"]),
    ("create_configmap_sensitive_values", &["credentials-in-configmap"]),
    ("create_kube_system_secret", &["secret-written", "bootstrap-token"]),
    ("create_nginx_pod_hostnetwork", &["host-network"]),
    ("create_nginx_pod_no_secctx_1st_container_privileged_2nd_container", &["privileged-pod"]),
    ("create_nginx_pod_privileged", &["privileged-pod"]),
    ("create_nginx_pod_privileged_2nd_container", &["privileged-pod"]),
    ("create_nginx_pod_sensitive_mount", &["sensitive-host-path"]),
    ("create_nginx_pod_sensitive_mount_2nd_container", &["sensitive-host-path"]),
    ("create_nginx_service_nodeport", &["service-exposed"]),
    ("create_secret", &["secret-written"]),
    ("create_serviceaccount", &["service-account-created"]),
    (
        "create_serviceaccount_kube_public_namespace",
        &["service-account-created", "service-account-in-system-namespace"],
    ),
    (
        "create_serviceaccount_kube_system_namespace",
        &["service-account-created", "service-account-in-system-namespace"],
    ),
    ("delete_cluster_role_kube_aggregator", &["system-role-changed"]),
    ("delete_clusterrolebinding", &["role-binding-changed"]),
    ("delete_namespace_foo", &["namespace-deleted"]),
    ("delete_secret", &["secret-written"]),
    ("exec_pod", &["command-in-pod", "exec-interactive-shell"]),
    ("modify_cluster_role_node_problem_detector", &["system-role-changed"]),
];

/// A piece of a log in which one thing was done, and what became of it.
struct Step {
    name: String,
    /// The rules that it is for; `None` where the work was ordinary.
    own: Option<&'static [&'static str]>,
    alerts: Vec<Alert>,
}

impl Step {
    fn fired(&self, rule: &str) -> usize {
        self.alerts.iter().filter(|alert| *alert.rule == *rule).count()
    }

    fn is_for(&self, rule: &str) -> bool {
        self.own.is_some_and(|own| own.contains(&rule))
    }
}

#[test]
fn each_step_raises_its_alarm() {
    let (full, guide) = (capture("full.jsonl.gz"), capture("guide.jsonl.gz"));
    let mut missing = Vec::new();
    for (log, steps) in [("full", &full), ("guide", &guide), ("log", &example_log())] {
        for step in steps.iter().filter(|step| log != "guide" || !NOT_RECORDED.contains(&step.name.as_str()))
        {
            let own = step.own.unwrap_or_default();
            missing.extend(
                own.iter()
                    .filter(|rule| step.fired(rule) == 0)
                    .map(|rule| format!("{log} {}: {rule}", step.name)),
            );
            let number = step.name.strip_prefix("k8s-").and_then(|rest| rest.split('-').next());
            let Some(number) = number.map(|number| format!("k8s_{number}")) else { continue };
            if !step.alerts.iter().any(|alert| alert.refs.contains(&number)) {
                missing.push(format!("{log} {}: no alarm with ref {number}", step.name));
            }
        }
    }
    assert!(missing.is_empty(), "these did not fire:\n{}", missing.join("\n"));
}

#[test]
fn ordinary_work_raises_nothing_that_anybody_is_woken_for() {
    for log in ["full.jsonl.gz", "guide.jsonl.gz"] {
        for step in capture(log).iter().filter(|step| step.own.is_none()) {
            let loud: Vec<&Alert> =
                step.alerts.iter().filter(|alert| alert.severity > Severity::Notice).collect();
            assert!(loud.is_empty(), "{log}: {loud:#?}");
        }
    }
}

#[test]
fn every_rule_that_a_step_is_for_exists() {
    let rules = rules();
    let named = [CAPTURES, LOG, TRACES].into_iter().flatten().flat_map(|(_, own)| own.iter());
    let unknown: Vec<_> = named.filter(|id| !rules.iter().any(|rule| rule.id == **id)).collect();
    assert!(unknown.is_empty(), "no enabled rule is called {unknown:?}");
}

#[test]
fn the_page_says_what_is_found() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/detect/precision.md");
    let text = fs::read_to_string(&page).unwrap();
    let (full, guide, log) = (capture("full.jsonl.gz"), capture("guide.jsonl.gz"), example_log());
    let mut fresh = with_table(&text, "captures", &steps_table(&full, Some(&guide)));
    fresh = with_table(&fresh, "log", &steps_table(&log, None));
    // Without Falco's samples the numbers would be others, so the page stands as it is.
    if let Some(traces) = traces() {
        fresh = with_table(&fresh, "traces", &steps_table(&traces, None));
        let steps: Vec<&Step> = [&full, &guide, &log, &traces].into_iter().flatten().collect();
        fresh = with_table(&fresh, "rules", &rules_table(&steps));
    }
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&page, fresh).unwrap();
    } else {
        assert!(text == fresh, "docs/detect/precision.md should read:\n{fresh}");
    }
}

fn rules() -> Vec<Rule> {
    library::load_shipped().rules.into_iter().filter(|rule| rule.enabled).collect()
}

/// All alerts of these events, and for each audit id where in the log `place` says its first event stands.
fn alerts<T>(
    input: impl Read,
    mut place: impl FnMut(&EventView<'_>) -> T,
) -> (Vec<Alert>, BTreeMap<String, T>) {
    let mut engine = Engine::new(Arc::new(RuleSet::compile(rules()).unwrap()), Config::default());
    let (mut matcher, mut batch, mut places) = (engine.matcher(), Batch::default(), BTreeMap::new());
    let mut events = Events::new(BufReader::new(input));
    while let Some(event) = events.next() {
        let Ok(event) = event else { continue };
        let here = place(&event.view);
        places.entry(event.view.audit_id().into_owned()).or_insert(here);
        matcher.look(&event.view, &mut batch);
    }
    let mut alerts = Vec::new();
    engine.absorb(&mut batch, &mut alerts);
    engine.finish(&mut alerts);
    (alerts, places)
}

/// A capture's steps, in order; the first is the ordinary work.
fn capture(file: &str) -> Vec<Step> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/testdata/captures").join(file);
    let mut steps = vec![Step { name: "ordinary work".to_owned(), own: None, alerts: Vec::new() }];
    let (alerts, places) = alerts(GzDecoder::new(File::open(path).unwrap()), |view| {
        if let Some(mark) = mark(view).filter(|mark| !steps.iter().any(|step| step.name == *mark)) {
            let (_, own) = CAPTURES.iter().find(|(name, _)| *name == mark).unwrap();
            steps.push(Step { name: mark, own: Some(own), alerts: Vec::new() });
        }
        steps.len() - 1
    });
    for alert in alerts {
        let place = places[&alert.events.last().unwrap().audit_id];
        steps[place].alerts.push(alert);
    }
    steps
}

fn mark(view: &EventView<'_>) -> Option<String> {
    let object = view.object_ref()?;
    let name = object.name.strip_prefix("mark-")?;
    (object.namespace == "marks" && view.verb() == "create").then(|| name.to_owned())
}

/// The steps of the log that comes with the examples, told apart by time.
fn example_log() -> Vec<Step> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let table = fs::read_to_string(examples.join("README.md")).unwrap();
    let mut begins = vec![String::new()];
    let mut steps = vec![Step { name: "ordinary work".to_owned(), own: None, alerts: Vec::new() }];
    for row in table.lines().filter(|line| line.starts_with("| 20")) {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        if let Some((name, own)) = LOG.iter().find(|(name, _)| cells[3].starts_with(name)) {
            begins.push(cells[1].to_owned());
            steps.push(Step { name: (*name).to_owned(), own: Some(own), alerts: Vec::new() });
        }
    }
    assert_eq!(steps.len(), LOG.len() + 1, "examples/README.md has other steps");
    let log = GzDecoder::new(File::open(examples.join("audit.log.gz")).unwrap());
    for alert in alerts(log, |_| ()).0 {
        // Both are written alike, so they order as times do.
        let place = begins.iter().rposition(|begin| *begin < alert.time).unwrap();
        steps[place].alerts.push(alert);
    }
    steps
}

/// Falco's samples, each a step of its own; `None` where they are not at hand.
fn traces() -> Option<Vec<Step>> {
    let corpus = std::env::var_os("AUDITWARD_CORPUS")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/corpus"), PathBuf::from);
    let folder = corpus.join("events/falco-trace-files");
    let Ok(entries) = fs::read_dir(&folder) else {
        eprintln!("skipped: no corpus at {}", corpus.display());
        return None;
    };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let steps: Vec<Step> = paths
        .iter()
        .map(|path| {
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            let own = TRACES.iter().find(|(trace, _)| *trace == name).map_or(&[][..], |(_, own)| own);
            Step { own: Some(own), alerts: alerts(File::open(path).unwrap(), |_| ()).0, name }
        })
        .collect();
    let known = TRACES.iter().all(|(name, _)| steps.iter().any(|step| step.name == *name));
    assert!(known, "a sample that is named here is not there");
    Some(steps)
}

/// Which rules gave alerts in each step; those that it is for stand first, those that should have, last and in italics.
fn steps_table(steps: &[Step], beside: Option<&[Step]>) -> String {
    let mut table = String::from("| step | alerts |");
    table += if beside.is_some() {
        " with the guide's policy |\n| --- | --- | --- |\n"
    } else {
        "\n| --- | --- |\n"
    };
    for step in steps {
        write!(table, "| {} | {} |", step.name, cell(step)).unwrap();
        if let Some(other) = beside {
            let other = other.iter().find(|other| other.name == step.name);
            write!(table, " {} |", other.map_or_else(String::new, cell)).unwrap();
        }
        table += "\n";
    }
    table
}

fn cell(step: &Step) -> String {
    let fired: BTreeSet<&str> = step.alerts.iter().map(|alert| &*alert.rule).collect();
    let (own, beside): (Vec<&str>, Vec<&str>) = fired.into_iter().partition(|rule| step.is_for(rule));
    let missed = step.own.unwrap_or_default().iter().filter(|rule| step.fired(rule) == 0);
    let own = own.into_iter().map(|rule| format!("**{rule}**"));
    let beside = beside.into_iter().map(str::to_owned);
    own.chain(beside).chain(missed.map(|rule| format!("*not {rule}*"))).collect::<Vec<_>>().join(", ")
}

/// What became of each rule that some step is for, or that gave an alert; and how many others there are.
fn rules_table(steps: &[&Step]) -> String {
    let mut table = String::from(
        "| rule | severity | steps | found | right | beside | ordinary | precision | recall |\n\
         | --- | --- | --: | --: | --: | --: | --: | --: | --: |\n",
    );
    let (mut total, mut silent) = ([0; 5], 0);
    let mut rules = rules();
    rules.sort_by(|a, b| a.id.cmp(&b.id));
    for rule in &rules {
        let own: Vec<&&Step> = steps.iter().filter(|step| step.is_for(&rule.id)).collect();
        let found = own.iter().filter(|step| step.fired(&rule.id) > 0).count();
        let count = |wanted: fn(&Step, &str) -> bool| -> usize {
            steps.iter().filter(|step| wanted(step, &rule.id)).map(|step| step.fired(&rule.id)).sum()
        };
        let right = count(Step::is_for);
        let beside = count(|step, rule| step.own.is_some() && !step.is_for(rule));
        let ordinary = count(|step, _| step.own.is_none());
        let numbers = [own.len(), found, right, beside, ordinary];
        if numbers == [0; 5] {
            silent += 1;
            continue;
        }
        for (sum, number) in total.iter_mut().zip(numbers) {
            *sum += number;
        }
        line(&mut table, &format!("{} | {}", rule.id, rule.severity), numbers);
    }
    line(&mut table, "**all** | ", total);
    write!(table, "\nFor {silent} further rules there is no step in these logs, and they gave no alert.\n")
        .unwrap();
    table
}

fn line(table: &mut String, head: &str, [own, found, right, beside, ordinary]: [usize; 5]) {
    let (precision, recall) = (share(right, right + beside + ordinary), share(found, own));
    writeln!(
        table,
        "| {head} | {own} | {found} | {right} | {beside} | {ordinary} | {precision} | {recall} |"
    )
    .unwrap();
}

/// In percent, rounded down, so that only all of it is 100.
fn share(part: usize, whole: usize) -> String {
    (part * 100).checked_div(whole).map_or_else(|| "–".to_owned(), |percent| format!("{percent} %"))
}

/// Puts a table between `<!-- name -->` and the next `<!-- end -->`.
fn with_table(page: &str, name: &str, table: &str) -> String {
    let (before, rest) = page.split_once(&format!("<!-- {name} -->\n")).unwrap();
    let (_, after) = rest.split_once("<!-- end -->").unwrap();
    format!("{before}<!-- {name} -->\n{table}<!-- end -->{after}")
}
