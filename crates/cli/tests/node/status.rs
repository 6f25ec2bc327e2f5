//! `status` on the node itself: what runs, its counters, and the proof.

use super::{Machine, Outcome};

#[test]
fn off_on_proven_and_silent() {
    let Some(machine) = Machine::start("status") else { return };
    // The counters are there, and count requests that are not recorded.
    machine.run("status").ended(1, &["auditing is off", "kubeadm", "counted by the API server", "0 events"]);
    // Nothing is asked where nothing could come of it.
    machine.run("status --probe").ended(1, &["auditing is off"]);

    machine.run("enable --yes --quick").ended(0, &["audit is on and proven"]);
    let on = machine.run("status");
    on.ended(0, &["auditing is on: events go to", "counted by the API server", "0 lost, 0 requests refused"]);
    assert!(!on.stdout.contains("  0 events"), "{}", on.stdout);
    machine.run("status --probe").ended(0, &["auditing is on, proven", "note[proven]", "at Metadata"]);
    let json = machine.run("status --probe -o json");
    json.ended(0, &["\"outcome\": \"recorded\"", "\"metrics\"", "\"levels\""]);

    // Who may read nothing can tell nothing.
    let mut command = machine.node.command();
    command.args(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]);
    let nobody = Outcome::of(command.arg(machine.folder.join("auditward")).args(["status", "--probe"]));
    nobody.ended(3, &["could not be told", "run this as root"]);

    // Events go on into a file that nobody can find any more.
    machine.sh("rm /var/log/kubernetes/audit/audit.log");
    machine.run("status --probe").ended(1, &["on but silent", "no event came"]);
}
