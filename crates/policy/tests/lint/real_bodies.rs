//! Which bodies hold credentials is no opinion: a real kube-apiserver records them, and the lints must agree for every
//! verb and level.

use std::collections::BTreeMap;
use std::fs;

use auditward_policy::lint::lint;
use auditward_policy::read::read;
use auditward_testkit::{ApiServer, Kubectl, Program};
use serde_json::{Value, json};

/// In every Secret and every reviewed token.
const TELLTALE: &str = "TOPSECRET";
/// The same in base 64, as Secrets hold it.
const IN_BASE_64: &str = "VE9QU0VDUkVU";

const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- {level: Request, users: [asker]}
- {level: RequestResponse, users: [admin]}
- level: None
";

#[test]
fn the_lints_say_what_a_real_log_holds() {
    if let Err(error) = Program::get() {
        assert!(std::env::var_os("CI").is_none(), "CI must have a real kube-apiserver: {error}");
        eprintln!("skipped: {error}");
        return;
    }
    let mut api =
        ApiServer::builder().audit_policy(POLICY).user("asker", &["system:masters"]).start().unwrap();
    for (user, namespace) in [("asker", "asked"), ("admin", "answered")] {
        send_everything(&api.kubectl_as(user), namespace);
    }
    api.stop().unwrap();
    let log = fs::read_to_string(api.audit_log()).unwrap();

    let mut held: BTreeMap<(String, String, String), bool> = BTreeMap::new();
    for line in log.lines() {
        let event: Value = serde_json::from_str(line).unwrap();
        let Some((group, pattern)) = credentials(&event["objectRef"]) else { continue };
        assert_eq!(group, event["objectRef"]["apiGroup"].as_str().unwrap_or(""));
        let word = |key: &str| event[key].as_str().unwrap().to_owned();
        let bodies = json!([event["requestObject"], event["responseObject"]]).to_string();
        // A token is a JWT, which begins so.
        let holds = bodies.contains(TELLTALE) || bodies.contains(IN_BASE_64) || bodies.contains("\"eyJ");
        *held.entry((word("level"), pattern, word("verb"))).or_default() |= holds;
    }
    assert_eq!(held.len(), 2 * (8 + 1 + 1), "{held:?}");
    for ((level, pattern, verb), held) in held {
        let group = if pattern == "tokenreviews" { "authentication.k8s.io" } else { "" };
        let text = format!(
            "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n\
             - {{level: {level}, verbs: [{verb}], resources: [{{group: \"{group}\", resources: [{pattern}]}}]}}\n"
        );
        let findings = lint(text.as_bytes(), &read(text.as_bytes()));
        let told = findings.iter().any(|finding| matches!(finding.id, "secret-bodies" | "token-bodies"));
        assert_eq!(told, held, "{verb} {pattern} at {level}");
    }
}

fn credentials(object: &Value) -> Option<(&'static str, String)> {
    let word = |key: &str| object[key].as_str().unwrap_or("");
    match (word("resource"), word("subresource")) {
        ("secrets", "") => Some(("", "secrets".to_owned())),
        ("serviceaccounts", "token") => Some(("", "serviceaccounts/token".to_owned())),
        ("tokenreviews", "") => Some(("authentication.k8s.io", "tokenreviews".to_owned())),
        _ => None,
    }
}

/// Every verb of Secrets, a `TokenRequest` and a `TokenReview`.
fn send_everything(kubectl: &Kubectl, namespace: &str) {
    kubectl.run(&["create", "namespace", namespace]).unwrap();
    let secrets = format!("/api/v1/namespaces/{namespace}/secrets");
    let one = format!("{secrets}/one");
    let secret = |name: &str, finalizers: &[&str]| {
        json!({
            "apiVersion": "v1", "kind": "Secret", "stringData": {"key": TELLTALE},
            "metadata": {"name": name, "finalizers": finalizers},
        })
        .to_string()
    };
    let post =
        |path: &str, body: &str| kubectl.run_with_input(&["create", "--raw", path, "-f", "-"], body).unwrap();
    post(&secrets, &secret("one", &["example.com/stay"]));
    post(&secrets, &secret("two", &[]));
    kubectl.run(&["get", "--raw", &one]).unwrap();
    kubectl.run(&["get", "--raw", &secrets]).unwrap();
    kubectl.run(&["get", "--raw", &format!("{secrets}?watch=true&timeoutSeconds=1")]).unwrap();
    kubectl
        .run_with_input(&["replace", "--raw", &one, "-f", "-"], &secret("one", &["example.com/stay"]))
        .unwrap();
    let patch = format!("{{\"stringData\":{{\"key\":\"{TELLTALE}\"}}}}");
    kubectl.run(&["patch", "secret", "one", "-n", namespace, "--type=merge", "-p", &patch]).unwrap();
    // With a finalizer the object is still there, so it is the answer.
    kubectl.run(&["delete", "--raw", &one]).unwrap();
    kubectl.run(&["delete", "--raw", &secrets]).unwrap();

    let account =
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "builder"}}).to_string();
    post(&format!("/api/v1/namespaces/{namespace}/serviceaccounts"), &account);
    let request =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}).to_string();
    post(&format!("/api/v1/namespaces/{namespace}/serviceaccounts/builder/token"), &request);
    let review =
        json!({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": TELLTALE}})
            .to_string();
    post("/apis/authentication.k8s.io/v1/tokenreviews", &review);
}
