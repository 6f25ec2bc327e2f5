//! A real control-plane node, looked at through its root folder and its own `/proc`.

use std::path::Path;
use std::time::{Duration, Instant};

use auditward_base::clock::{micros, now};
use auditward_node::inspect::{Distribution, Facts, Host, Verdict, facts, verdict};
use auditward_testkit::Node;

const POLICY: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Metadata\n";

fn look(node: &Node) -> Facts {
    let host = Host::at(&Path::new("/proc").join(node.init_pid().to_string()).join("root")).unwrap();
    facts(&host, micros(now()))
}

#[test]
fn off_then_on() {
    if let Err(reason) = Node::available() {
        eprintln!("skipped: {reason}");
        return;
    }
    let node = Node::builder("inspected").start().unwrap_or_else(|error| panic!("{error}"));
    let facts = look(&node);
    assert_eq!(facts.found.distribution, Some(Distribution::Kubeadm), "{:#?}", facts.found.looked);
    assert_eq!(facts.found.watched, ["/etc/kubernetes/manifests"]);
    assert!(facts.running.as_ref().is_some_and(|running| running.others == 0), "{:?}", facts.running);
    assert_eq!(verdict(&facts).verdict, Verdict::Off, "{:#?}", verdict(&facts));
    node.stop();

    let node =
        Node::builder("audited").audit_policy(POLICY).start().unwrap_or_else(|error| panic!("{error}"));
    let facts = look(&node);
    let judgement = verdict(&facts);
    assert_eq!(judgement.verdict, Verdict::On, "{judgement:#?}");
    let log = facts.log.as_ref().unwrap();
    assert_eq!(log.path.as_deref(), Some(Node::AUDIT_LOG));
    assert!(log.last_written.is_some() && log.files.len() == 1, "{log:?}");
    let started = facts.running.as_ref().unwrap().process.started.unwrap();
    let age = Duration::from_micros(u64::try_from(facts.now - started).unwrap());
    assert!(age < Duration::from_mins(10), "it was started {age:?} ago");

    // The running server does not read it again.
    let before = Instant::now();
    while before.elapsed() < Duration::from_millis(1100) {
        std::thread::yield_now();
    }
    std::fs::write(node.path("/etc/kubernetes/audit/policy.yaml"), POLICY).unwrap();
    let judgement = verdict(&look(&node));
    assert_eq!(
        (judgement.verdict, judgement.reasons[0].code),
        (Verdict::HalfOn, "policy-newer"),
        "{judgement:#?}"
    );
}
