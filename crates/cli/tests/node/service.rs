//! An API server that a unit of systemd's runs. The unit, its drop-in and the API server are real; systemd is not: a few lines
//! of shell stand in for `systemctl` and `journalctl`, and start what the unit says again and again, as `Restart=always` does.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{Machine, Outcome, eventually};

const DROP_IN: &str = "/etc/systemd/system/kube-apiserver.service.d/90-auditward.conf";

const SYSTEMCTL: &str = r#"#!/bin/sh
case "$1" in
show) echo loaded ;;
restart)
    setsid sh -c '
        kill $(cat /run/supervisor) 2>/dev/null
        echo $$ >/run/supervisor
        kill $(pidof kube-apiserver) 2>/dev/null
        sleep 1
        kill -9 $(pidof kube-apiserver) 2>/dev/null
        command=$(cat /run/systemd/system/kube-apiserver.service /etc/systemd/system/kube-apiserver.service.d/*.conf 2>/dev/null |
            sed -e ":a" -e "/\\\\\$/N; s/\\\\\n//; ta" | sed -n "s/^ExecStart=//p" | tail -n 1)
        while :; do
            $command
            sleep 1
        done' </dev/null >/run/kube-apiserver.log 2>&1 &
    ;;
esac
"#;

const JOURNALCTL: &str = "#!/bin/sh\ncat /run/kube-apiserver.log\n";

impl Machine {
    /// The same node, its API server run by a unit instead of a manifest.
    fn with_a_unit(self) -> Self {
        let arguments = self.sh("tr '\\0' '\\n' < /proc/$(pidof -s kube-apiserver)/cmdline | tail -n +2");
        let program = self.folder.join("kube-apiserver");
        self.sh(&format!("cp /proc/$(pidof -s kube-apiserver)/exe {}", program.display()));
        let flags = arguments.lines().fold(String::new(), |all, flag| all + " \\\n  " + flag);
        let unit = format!("[Service]\nExecStart={}{flags}\nRestart=always\n", program.display());
        self.sh("mkdir -p /run/systemd/system");
        fs::write(self.node.path("/run/systemd/system/kube-apiserver.service"), unit).unwrap();
        for (name, text) in [("systemctl", SYSTEMCTL), ("journalctl", JOURNALCTL)] {
            let path = self.folder.join(name);
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        }
        self.sh("rm /etc/kubernetes/manifests/kube-apiserver.yaml");
        eventually("the kubelet's API server ends", || self.sh("pidof kube-apiserver || true").is_empty());
        self.sh(&format!("{} restart kube-apiserver.service", self.folder.join("systemctl").display()));
        eventually("the unit's API server is ready", || {
            self.node.kubectl().run(&["get", "--raw", "/readyz"]).is_ok()
        });
        self
    }

    /// Runs `auditward` with our systemd first on its path.
    fn run_with_systemd(&self, variable: &str, words: &str) -> Outcome {
        let mut command = self.node.command();
        let path = format!("{}:/usr/bin:/bin", self.folder.display());
        command.arg(format!("PATH={path}")).arg(variable).arg(self.folder.join("auditward"));
        let outcome = Outcome::of(command.args(words.split_whitespace()).stdin(std::process::Stdio::null()));
        eprintln!("--- auditward {words}: {:?}\n{}", outcome.code, outcome.stderr);
        outcome
    }

    fn audit_flags(&self) -> String {
        self.sh(
            "tr '\\0' '\\n' < /proc/$(pidof -s kube-apiserver)/cmdline | grep ^--audit | sort | tr '\\n' ' '",
        )
    }

    #[track_caller]
    fn unit_is_as_before(&self) {
        self.answers();
        assert_eq!(self.audit_flags(), "");
        for path in [DROP_IN, "/etc/systemd/system/kube-apiserver.service.d", "/etc/kubernetes/audit"] {
            assert!(!self.node.path(path).exists(), "{path} is there");
        }
    }
}

#[test]
fn a_unit_on_broken_killed_and_off_again() {
    let Some(machine) = Machine::start("unit") else { return };
    let machine = machine.with_a_unit();
    let run = |words: &str| machine.run_with_systemd("HOME=/root", words);

    run("status").ended(1, &["auditing is off", "a systemd service"]);
    run("enable").ended(2, &["restart kube-apiserver.service", "the only API server", "nothing was changed"]);
    machine.unit_is_as_before();

    // What the API server refuses is found in the unit's journal, and undone.
    let broken = run("enable --yes --extra-arg audit-log-maxages=3");
    broken.ended(2, &["rolled back", "unknown flag: --audit-log-maxages", "the node is as it was"]);
    machine.unit_is_as_before();

    // Killed once the unit was told to restart: the next run undoes it.
    let crashed = machine.run_with_systemd("AUDITWARD_CRASH_AFTER_LINE=13", "enable --yes");
    assert_eq!(crashed.code, None, "{}", crashed.stderr);
    run("status").ended(1, &["cut-off", "auditward rollback"]);
    run("rollback").ended(0, &["had not been finished; it was undone"]);
    machine.unit_is_as_before();

    run("enable --yes").ended(0, &["audit is on and proven"]);
    assert_eq!(
        machine.audit_flags(),
        "--audit-log-maxage=30 --audit-log-maxbackup=10 --audit-log-maxsize=100 \
         --audit-log-path=/var/log/kubernetes/audit/audit.log --audit-policy-file=/etc/kubernetes/audit/policy.yaml "
    );
    run("status --probe").ended(0, &["auditing is on, proven"]);
    run("enable --yes").ended(0, &["everything is set as asked for", "audit is on and proven"]);

    // Another policy alone is a restart too.
    let policy = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules: [{level: Request}]\n";
    let file = machine.file("policy.yaml", policy);
    run(&format!("enable --yes --policy {file}")).ended(0, &["audit is on and proven", "at Request"]);

    run("disable --dry-run").ended(0, &["-  --audit-log-path", "restart kube-apiserver.service"]);
    run("disable --yes").ended(0, &["is off", "byte for byte"]);
    machine.unit_is_as_before();

    // And back, from the list.
    run("disable --yes").ended(2, &["has not turned audit on here"]);
    run("rollback").ended(0, &["-enable", "-disable", "kept", "rolled back"]);
}
