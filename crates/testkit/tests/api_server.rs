//! The API server of the testkit is a real one, and goes when its owner goes.

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use auditward_testkit::{ApiServer, StartError, Verdict, policy_verdict};

const METADATA: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n";

#[test]
fn what_kubectl_does_is_in_the_audit_log() {
    let mut api = ApiServer::builder().audit_policy(METADATA).user("alice", &["dev"]).start().unwrap();
    api.kubectl().run(&["create", "namespace", "shop"]).unwrap();
    let denied = api.kubectl_as("alice").run(&["get", "secrets"]).unwrap_err();
    assert!(denied.stderr.contains("User \"alice\" cannot list resource \"secrets\""), "{denied}");
    let bob = api.kubectl_with_certificate("bob", &["ops", "dev"]).unwrap();
    let who = bob.run(&["auth", "whoami", "-o", "jsonpath={.status.userInfo}"]).unwrap();
    assert!(who.contains("\"ops\"") && who.contains("\"bob\""), "{who}");

    api.stop().unwrap();
    let log = std::fs::read_to_string(api.audit_log()).unwrap();
    let created = log.lines().any(|line| {
        line.contains("\"verb\":\"create\"") && line.contains("\"requestURI\":\"/api/v1/namespaces?")
    });
    assert!(created, "{log}");
    assert!(log.lines().any(|line| line.contains("\"username\":\"alice\"") && line.contains("\"code\":403")));
}

#[test]
fn a_refused_start_says_why() {
    let no_rules = "apiVersion: audit.k8s.io/v1\nkind: Policy\n";
    let error = ApiServer::builder().audit_policy(no_rules).start().unwrap_err();
    let StartError::Refused { reason, .. } = error else { panic!("{error}") };
    assert!(reason.contains("loading audit policy file: loaded illegal policy with 0 rules"), "{reason}");

    let error = ApiServer::builder().arg("--audit-log-maxages=1").start().unwrap_err();
    let StartError::Refused { reason, .. } = error else { panic!("{error}") };
    assert_eq!(reason, "unknown flag: --audit-log-maxages");
}

#[test]
fn verdicts_are_the_servers_own() {
    let begun = Instant::now();
    assert_eq!(policy_verdict(METADATA).unwrap(), Verdict::Accepted { warning: None });
    let accepted = begun.elapsed();
    let unknown = policy_verdict(&METADATA.replace("rules:", "ruels: []\nrules:")).unwrap();
    let warning = "strict decoding error: unknown field \"ruels\"".to_owned();
    assert_eq!(unknown, Verdict::Accepted { warning: Some(warning) });
    let begun = Instant::now();
    let refused = policy_verdict(&METADATA.replace("Metadata", "Metadatas")).unwrap();
    let reason = "rules[0].level: Unsupported value: \"Metadatas\": supported values: \
                  \"None\", \"Metadata\", \"Request\", \"RequestResponse\"";
    assert_eq!(refused, Verdict::Refused { reason: reason.to_owned() });
    eprintln!("accepted in {accepted:?}, refused in {:?}", begun.elapsed());
}

/// Not a test of its own: what the next one starts as another process, and kills.
#[test]
#[ignore = "started and killed by killed_leaves_no_process"]
fn victim() {
    let api = ApiServer::builder().start().unwrap();
    let [server, etcd] = api.pids();
    println!("\npids {server} {etcd}");
    std::thread::sleep(Duration::from_mins(10));
}

#[test]
fn killed_leaves_no_process() {
    let mut victim = Command::new(std::env::current_exe().unwrap())
        .args(["--ignored", "--exact", "victim", "--nocapture"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(victim.stdout.take().unwrap()).lines().map_while(Result::ok);
    let line = lines.into_iter().find(|line| line.starts_with("pids ")).unwrap();
    let pids: Vec<&str> = line.split(' ').skip(1).collect();
    let living = || pids.iter().filter(|pid| Path::new("/proc").join(pid).exists()).count();
    assert_eq!(living(), 2);

    victim.kill().unwrap();
    victim.wait().unwrap();
    let end = Instant::now() + Duration::from_secs(30);
    while living() > 0 {
        assert!(Instant::now() < end, "{} of {pids:?} still live", living());
        std::thread::sleep(Duration::from_millis(10));
    }
}
