//! Killed after every line of the journal: the next run finds what was left behind, and undoes or finishes it.
//!
//! The program ends itself like a crash would, by `AUDITWARD_CRASH_AFTER_LINE`, which only debug builds have.

use super::{Machine, Outcome};

/// Lines of the journal of `enable` on a node where audit is off: began, two folders, the policy, the manifest, each
/// `doing` and `done`, then proven and ended.
const LINES: usize = 11;

#[test]
fn killed_after_any_line_the_next_run_undoes_or_finishes() {
    let Some(machine) = Machine::start("crash") else { return };
    for line in 1..=LINES {
        // The log of a run before would be one folder less to make.
        machine.sh("rm -rf /var/log/kubernetes/audit");
        let mut command = machine.node.command();
        command.arg(format!("AUDITWARD_CRASH_AFTER_LINE={line}")).arg(machine.folder.join("auditward"));
        command.args(["enable", "--yes", "--quick"]).stdin(std::process::Stdio::null());
        let crashed = Outcome::of(&mut command);
        // Ended by a signal, as `abort` ends it.
        assert_eq!(crashed.code, None, "line {line} of {LINES}: {}", crashed.stderr);

        let next = machine.run("rollback --quick");
        if line < LINES - 1 {
            next.ended(
                0,
                &["had not been finished; it was undone", "rolled back", "the run that began it was killed"],
            );
            machine.is_as_before();
            assert!(!machine.node.path("/etc/kubernetes/audit").exists(), "after line {line}");
        } else {
            // Everything was proven: what is left is to say so.
            next.ended(0, &["kept"]);
            machine.answers();
            assert!(machine.manifest() != machine.original);
            machine.run("disable --yes --quick").ended(0, &["byte for byte"]);
            machine.is_as_before();
        }
    }
}
