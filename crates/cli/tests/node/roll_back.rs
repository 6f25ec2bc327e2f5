//! What only the API server or the log can tell: everything is put back, and the reason is said.

use std::thread;
use std::time::Duration;

use super::{Machine, Outcome, eventually};

#[test]
fn an_api_server_that_does_not_start_is_put_back_with_its_own_reason() {
    let Some(machine) = Machine::start("wrong") else { return };
    // A flag that this version does not know.
    machine.run("enable --yes --quick --extra-arg audit-log-maxages=1").ended(
        2,
        &[
            "rolled back: kube-apiserver does not start: unknown flag: --audit-log-maxages",
            "the node is as it was",
        ],
    );
    machine.is_as_before();
    assert!(!machine.node.path("/etc/kubernetes/audit").exists());

    // A log folder that may not be written to, which the checks before would have found.
    machine.sh(
        "mkdir -p /var/log/kubernetes/audit && mount -t tmpfs -o ro,size=1m full /var/log/kubernetes/audit",
    );
    machine
        .run("enable --yes --quick --unchecked")
        .ended(2, &["rolled back: kube-apiserver does not start", "read-only file system"]);
    machine.is_as_before();

    // A disk that is full: the server starts, and loses every event.
    machine.sh("mount -o remount,rw,size=64k /var/log/kubernetes/audit; cat /dev/zero > /var/log/kubernetes/audit/fill || true");
    machine
        .run("enable --yes --quick --unchecked")
        .ended(2, &["rolled back: the request", "is not in `/var/log/kubernetes/audit/audit.log`"]);
    machine.is_as_before();
    machine.sh("umount /var/log/kubernetes/audit");
}

#[test]
fn what_somebody_broke_is_put_back_from_a_backup() {
    let Some(machine) = Machine::start("broken") else { return };
    machine.run("enable --yes --quick").ended(0, &["audit is on and proven"]);
    let backup = machine.run("rollback").stdout.lines().nth(1).unwrap().split(' ').next().unwrap().to_owned();
    let text = String::from_utf8(machine.manifest()).unwrap();
    std::fs::write(
        machine.node.path(super::MANIFEST),
        text.replace("    - --audit-log-maxage=30\n", "    - --audit-log-maxages=30\n"),
    )
    .unwrap();
    eventually("it crashes", || {
        machine.node.container_log("kube-apiserver").contains("unknown flag: --audit-log-maxages")
    });
    machine.run("enable --yes").ended(2, &["the API server is not ready now"]);
    machine.run(&format!("rollback {backup} --yes")).ended(0, &["as it was before"]);
    machine.is_as_before();
}

#[test]
fn told_to_stop_it_puts_everything_back() {
    let Some(machine) = Machine::start("told") else { return };
    for signal in ["TERM", "INT"] {
        let mut command = machine.command("enable --yes --quick");
        command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
        let child = command.spawn().unwrap();
        // nsenter is our child; the program is its child in the node.
        eventually("the manifest is changed", || machine.manifest() != machine.original);
        if signal == "INT" {
            thread::sleep(Duration::from_secs(5));
        }
        machine.sh(&format!("kill -{signal} $(pidof auditward)"));
        let output = child.wait_with_output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        let outcome = Outcome { code: output.status.code(), stdout: String::new(), stderr };
        eprintln!("{}", outcome.stderr);
        outcome.ended(2, &["rolled back: interrupted", "the node is as it was"]);
        machine.is_as_before();
    }
}
