use std::fs;
use std::path::{Path, PathBuf};

use expect_test::expect;

use crate::{check, check_with_input};

/// A privileged pod, three secrets read by one user, a broken line.
const LOG: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"a1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods","verb":"create","user":{"username":"mallory","groups":["system:authenticated"]},"sourceIPs":["10.0.0.7"],"userAgent":"kubectl/v1.36","objectRef":{"resource":"pods","namespace":"shop","name":"miner","apiVersion":"v1"},"responseStatus":{"code":201},"requestObject":{"kind":"Pod","metadata":{"name":"miner"},"spec":{"containers":[{"name":"a","image":"busybox","securityContext":{"privileged":true}}]}},"requestReceivedTimestamp":"2026-01-02T03:04:05.000000Z","stageTimestamp":"2026-01-02T03:04:05.100000Z"}
{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"b
{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"a1","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/pods","verb":"create","user":{"username":"mallory","groups":["system:authenticated"]},"sourceIPs":["10.0.0.7"],"userAgent":"kubectl/v1.36","objectRef":{"resource":"pods","namespace":"shop","name":"miner","apiVersion":"v1"},"responseStatus":{"code":201},"requestObject":{"kind":"Pod","metadata":{"name":"miner"},"spec":{"containers":[{"name":"a","image":"busybox","securityContext":{"privileged":true}}]}},"requestReceivedTimestamp":"2026-01-02T03:04:05.000000Z","stageTimestamp":"2026-01-02T03:04:05.100000Z"}
"#;

#[test]
fn alerts_for_people() {
    check_with_input(
        "detect --severity critical -",
        LOG,
        expect![[r#"
            exit 1
            --- stdout
            TIME                         SEVERITY       RULE                     USER                      OBJECT                                SUMMARY
            2026-01-02T03:04:05.100000Z  critical       privileged-pod           mallory                   pods shop/miner                       mallory put a privileged container into pods shop/miner
            --- stderr
            <stdin>: line 2, column 77: a string without end
            1 alert in 2 events of 1.3 kB
                   1  critical       privileged-pod
            1 broken line passed over
        "#]],
    );
    check_with_input(
        "detect --severity critical --exit-zero --threads 3 -",
        LOG,
        expect![[r#"
            exit 0
            --- stdout
            TIME                         SEVERITY       RULE                     USER                      OBJECT                                SUMMARY
            2026-01-02T03:04:05.100000Z  critical       privileged-pod           mallory                   pods shop/miner                       mallory put a privileged container into pods shop/miner
            --- stderr
            <stdin>: line 2, column 77: a string without end
            1 alert in 2 events of 1.3 kB
                   1  critical       privileged-pod
            1 broken line passed over
        "#]],
    );
}

#[test]
fn alerts_for_programs() {
    check_with_input(
        "detect --severity critical --cluster prod -o json -",
        LOG,
        expect![[r#"
            exit 1
            --- stdout
            {"id":"54860113558cf60c7490b4d3e20427fc","time":"2026-01-02T03:04:05.100000Z","rule":"privileged-pod","title":"Privileged container","severity":"critical","refs":["k8s_1002"],"attack":{"tactics":["privilege-escalation"],"techniques":["T1611","T1610"],"threatMatrix":["MS-TA9018"]},"cluster":"prod","user":"mallory","sourceIPs":["10.0.0.7"],"userAgent":"kubectl/v1.36","verb":"create","code":201,"object":{"apiGroup":"","resource":"pods","subresource":"","namespace":"shop","name":"miner"},"summary":"mallory put a privileged container into pods shop/miner","count":1,"events":[{"auditID":"a1","stage":"ResponseComplete"}],"details":{"commands":null,"images":"busybox","sourceIPs":"10.0.0.7","userAgent":"kubectl/v1.36"},"response":"Find out whether the person knows of it, and whether the workload is one that needs the node (network, storage,\nmonitoring). If not, delete the workload and not only its pods, cordon the node that they ran on, and treat every\ncredential on that node as known to others. Pod Security `baseline` on the namespace refuses such pods."}
            --- stderr
            <stdin>: line 2, column 77: a string without end
            1 alert in 2 events of 1.3 kB
                   1  critical       privileged-pod
            1 broken line passed over
        "#]],
    );
    check_with_input(
        "detect --severity critical -o falco -",
        LOG,
        expect![[r#"
            exit 1
            --- stdout
            {"hostname":"","message":"mallory put a privileged container into pods shop/miner","output":"03:04:05.100000000: Critical mallory put a privileged container into pods shop/miner","output_fields":{"commands":null,"evt.time":1767323045100000000,"images":"busybox","name":"miner","namespace":"shop","resource":"pods","sourceIPs":"10.0.0.7","user":"mallory","userAgent":"kubectl/v1.36"},"priority":"Critical","rule":"Privileged container","source":"k8s_audit","tags":[],"time":"2026-01-02T03:04:05.100000000Z"}
            --- stderr
            <stdin>: line 2, column 77: a string without end
            1 alert in 2 events of 1.3 kB
                   1  critical       privileged-pod
            1 broken line passed over
        "#]],
    );
    check_with_input(
        "detect --severity critical -o yaml -",
        LOG,
        expect![[r#"
            exit 1
            --- stdout
            ---
            id: d43c191fcb98ee04e1755d654018fb04
            time: "2026-01-02T03:04:05.100000Z"
            rule: privileged-pod
            title: Privileged container
            severity: critical
            refs:
            - k8s_1002
            attack:
              tactics:
              - privilege-escalation
              techniques:
              - T1611
              - T1610
              threatMatrix:
              - MS-TA9018
            cluster: ""
            user: mallory
            sourceIPs:
            - "10.0.0.7"
            userAgent: kubectl/v1.36
            verb: create
            code: 201
            object:
              apiGroup: ""
              resource: pods
              subresource: ""
              namespace: shop
              name: miner
            summary: mallory put a privileged container into pods shop/miner
            count: 1
            events:
            - auditID: a1
              stage: ResponseComplete
            details:
              commands: null
              images: busybox
              sourceIPs: "10.0.0.7"
              userAgent: kubectl/v1.36
            response: |-
              Find out whether the person knows of it, and whether the workload is one that needs the node (network, storage,
              monitoring). If not, delete the workload and not only its pods, cordon the node that they ran on, and treat every
              credential on that node as known to others. Pod Security `baseline` on the namespace refuses such pods.
            --- stderr
            <stdin>: line 2, column 77: a string without end
            1 alert in 2 events of 1.3 kB
                   1  critical       privileged-pod
            1 broken line passed over
        "#]],
    );
}

#[test]
fn sarif_is_one_document_with_and_without_results() {
    for (log, results) in [(LOG, 1), ("", 0)] {
        let output = run(&["detect", "--severity", "critical", "-o", "sarif", "-"], log);
        let sarif: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(sarif["version"], "2.1.0");
        let run = &sarif["runs"][0];
        assert_eq!(run["results"].as_array().unwrap().len(), results);
        for result in run["results"].as_array().unwrap() {
            let rule = &run["tool"]["driver"]["rules"]
                [usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
            assert_eq!(rule["id"], result["ruleId"]);
        }
    }
}

#[test]
fn what_is_followed_is_told_at_once() {
    check_with_input(
        "detect --severity critical --follow -",
        LOG,
        expect![[r#"
            exit 1
            --- stdout
            TIME                         SEVERITY       RULE                     USER                      OBJECT                                SUMMARY
            2026-01-02T03:04:05.100000Z  critical       privileged-pod           mallory                   pods shop/miner                       mallory put a privileged container into pods shop/miner
            --- stderr
            <stdin>: line 2, column 77: a string without end
            1 alert in 2 events of 1.3 kB
                   1  critical       privileged-pod
            1 broken line passed over
        "#]],
    );
}

#[test]
fn any_number_of_threads_says_the_same() {
    let one = run(&["detect", "-o", "json", "--threads", "1", "examples/audit.log.gz"], "");
    assert!(!one.stdout.is_empty());
    for threads in ["2", "8"] {
        let many = run(&["detect", "-o", "json", "--threads", threads, "examples/audit.log.gz"], "");
        assert_eq!(many.stdout, one.stdout, "{threads} threads");
    }
}

#[test]
fn a_log_is_read_on_where_it_was_left() {
    let folder = std::env::temp_dir().join(format!("auditward-detect-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    let (log, state) = (folder.join("audit.log"), folder.join("state"));
    let lines: Vec<&str> = LOG.lines().collect();
    let detect = |text: &str| {
        fs::write(&log, text).unwrap();
        let words = ["detect", "--severity", "critical", "-o", "json", "--state", path(&state), path(&log)];
        let output = run(&words, "");
        let (stdout, stderr) =
            (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
        (stdout.lines().count(), stderr.contains("read in an earlier run"))
    };
    // Somebody else: the same again by the same user would be left out.
    let other = lines[0].replace("\"a1\"", "\"a2\"").replace("mallory", "eve");
    assert_eq!(detect(&format!("{}\n", lines[0])), (1, false));
    assert_eq!(detect(&format!("{}\n", lines[0])), (0, true));
    assert_eq!(detect(&format!("{}\n{other}\n", lines[0])), (1, true));
    // Rotated: another log under the same name.
    let third = other.replace("a2", "a3").replace("eve", "zoe");
    assert_eq!(detect(&format!("{third}\n{third}\n")), (1, false));
    // Rotated, and read on under its new name: nothing in it is new.
    fs::rename(&log, folder.join("audit-1.log")).unwrap();
    fs::write(&log, format!("{}\n", third.replace("\"a3\"", "\"a4\"").replace("zoe", "ian"))).unwrap();
    let output = run(&["detect", "--severity", "critical", "--state", path(&state), path(&folder)], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("1 alert in 1 event "), "{stderr}");
    fs::write(&state, "{}").unwrap();
    let output = run(&["detect", "--state", path(&state), path(&log)], "");
    assert_eq!(output.status.code(), Some(2));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn only_what_happened_within_the_span_is_looked_at() {
    check_with_input(
        "detect --severity critical --since 2026-01-02T03:04:05Z --until 2026-01-02T03:04:06Z -",
        LOG,
        expect![[r#"
            exit 1
            --- stdout
            TIME                         SEVERITY       RULE                     USER                      OBJECT                                SUMMARY
            2026-01-02T03:04:05.100000Z  critical       privileged-pod           mallory                   pods shop/miner                       mallory put a privileged container into pods shop/miner
            --- stderr
            <stdin>: line 2, column 77: a string without end
            1 alert in 2 events of 1.3 kB
                   1  critical       privileged-pod
            1 broken line passed over
        "#]],
    );
    check_with_input(
        "detect --severity critical --until 2026-01-02T03:04:05Z -",
        LOG,
        expect![[r#"
            exit 0
            --- stderr
            <stdin>: line 2, column 77: a string without end
            0 alerts in 0 events of 0 B
            1 broken line passed over
            2 events before --since or after --until
        "#]],
    );
}

#[test]
fn a_span_begins_at_its_first_moment_and_ends_before_its_last() {
    let line = LOG.lines().next().unwrap();
    let stage = line.replace("05.100000Z", "06.000000Z");
    let received = line.replace(",\"stageTimestamp\":\"2026-01-02T03:04:05.100000Z\"", "");
    let undated = received.replace(",\"requestReceivedTimestamp\":\"2026-01-02T03:04:05.000000Z\"", "");
    let looked_at = |log: &str, bound: &str, time: &str| {
        let output = run(&["detect", "--severity", "critical", bound, time, "-"], log);
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr.contains(" in 0 events "), stderr.contains("--since"), "{stderr}");
        !stderr.contains("--since")
    };
    for (log, moment, later) in [
        (&stage, "2026-01-02T03:04:06Z", "2026-01-02T03:04:07Z"),
        (&received, "2026-01-02T03:04:05Z", "2026-01-02T03:04:06Z"),
    ] {
        assert!(looked_at(log, "--since", moment), "{log}");
        assert!(!looked_at(log, "--since", later), "{log}");
        assert!(!looked_at(log, "--until", moment), "{log}");
        assert!(looked_at(log, "--until", later), "{log}");
    }
    assert!(!looked_at(&undated, "--since", "2026-01-01"));
    assert!(!looked_at(&undated, "--until", "2027-01-01"));
}

#[test]
fn what_is_outside_of_the_span_is_behind_us_too() {
    let folder = scratch("span");
    let (log, state) = (folder.join("audit.log"), folder.join("state"));
    fs::write(&log, LOG.lines().next().unwrap()).unwrap();
    let words = ["detect", "--severity", "critical", "--state", path(&state), path(&log)];
    let output = run(&[&words[..], &["--until", "2026-01-01"][..]].concat(), "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("1 event before --since or after --until"), "{stderr}");
    let output = run(&words, "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.contains("1 event read in an earlier run"), "{stderr}");
    assert_eq!(output.status.code(), Some(0));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_log_that_cannot_be_read_costs_no_other() {
    let folder = scratch("unreadable");
    let (good, notes, gone) = (folder.join("a.log"), folder.join("notes.json"), folder.join("gone.log"));
    fs::write(&good, LOG).unwrap();
    fs::write(&notes, "not\nan\nevent\n").unwrap();
    for logs in [[&notes, &gone, &good], [&good, &notes, &gone]] {
        for option in ["--threads=1", "--threads=3", "--exit-zero"] {
            let mut words = vec!["detect", "--severity", "critical", option];
            words.extend(logs.map(|log| path(log)));
            let output = run(&words, "");
            let (stdout, stderr) =
                (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
            assert!(stdout.contains("privileged-pod"), "{stdout}");
            assert!(stderr.contains("notes.json` holds no audit events"), "{stderr}");
            assert!(stderr.contains("gone.log`: No such file"), "{stderr}");
            assert!(stderr.contains("1 alert in 2 events "), "{stderr}");
            assert!(stderr.contains("2 logs not read, or not to its end"), "{stderr}");
            assert!(stderr.contains("1 broken line passed over"), "{stderr}");
            assert_eq!(output.status.code(), Some(2));
        }
    }
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_is_passed_over_in_a_folder_is_named() {
    let folder = scratch("folder");
    let told = || {
        let output = run(&["detect", "--severity", "critical", path(&folder)], "");
        assert_eq!(output.status.code(), Some(1));
        let stderr = String::from_utf8(output.stderr).unwrap();
        let told = stderr.lines().find(|line| line.contains("passed over") && line.starts_with('`'));
        told.map(|line| line.replace(path(&folder), "DIR"))
    };
    fs::write(folder.join("audit.log"), LOG).unwrap();
    fs::write(folder.join(".hidden"), "").unwrap();
    assert_eq!(told(), None);
    fs::write(folder.join("audit.gz"), "").unwrap();
    fs::write(folder.join("audit-2026-01"), "").unwrap();
    fs::create_dir_all(folder.join("old.log")).unwrap();
    let expected = |counts: &str, names: &str| {
        let rule = "(logs in a folder have `log` or `json` in their names)";
        Some(format!("`DIR`: passed over {counts} {rule}: {names}"))
    };
    assert_eq!(told(), expected("2 files and 1 folder", "audit-2026-01, audit.gz, old.log"));
    for name in ["b", "c", "d"] {
        fs::write(folder.join(name), "").unwrap();
    }
    assert_eq!(told(), expected("5 files and 1 folder", "audit-2026-01, audit.gz, b, c, d and 1 more"));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn of_a_gzip_that_breaks_off_what_comes_before_is_told() {
    use std::io::Write;
    let folder = scratch("gzip");
    let (cut, good) = (folder.join("cut.log.gz"), folder.join("good.log"));
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    packed.write_all(LOG.lines().next().unwrap().as_bytes()).unwrap();
    packed.write_all(b"\n").unwrap();
    let packed = packed.finish().unwrap();
    // Without all of its checksum: every byte of the event is there.
    let packed = &packed[..packed.len() - 6];
    fs::write(&cut, packed).unwrap();
    // Somebody else: the same again by the same user would be left out.
    let other = LOG.lines().next().unwrap().replace("mallory", "eve").replace("\"a1\"", "\"a2\"");
    fs::write(&good, other).unwrap();
    for (logs, alerts) in [(vec![&cut], 1), (vec![&cut, &good], 2)] {
        let mut words = vec!["detect", "--severity", "critical", "-o", "json"];
        words.extend(logs.iter().map(|log| path(log)));
        let output = run(&words, "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().count(), alerts, "{stderr}");
        assert!(stderr.contains("error: could not read on in `"), "{stderr}");
        assert!(stderr.contains("1 log not read, or not to its end"), "{stderr}");
        assert!(!stderr.contains("broken line"), "{stderr}");
        assert_eq!(output.status.code(), Some(2));
    }
    // Not even a header: there is nothing to tell but the error.
    fs::write(&cut, &packed[..5]).unwrap();
    let output = run(&["detect", path(&cut)], "");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with("error: could not read on in `"), "{stderr}");
    assert!(!stderr.contains("alerts in"), "{stderr}");
    assert_eq!(output.status.code(), Some(2));
    fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn what_cannot_be_done_is_said() {
    check(
        "detect --since tomorow -",
        expect![[r#"
        exit 2
        --- stderr
        error: `tomorow` is no time
        hint: write `2h`, `7d`, `today`, `2026-11-26` or `2026-11-26T14:00:00Z`
    "#]],
    );
    for bound in ["--since", "--until"] {
        let output = run(&["detect", "--follow", bound, "today", "-"], "");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert!(stderr.contains("cannot be used with"), "{stderr}");
        assert_eq!(output.status.code(), Some(2));
    }
    check(
        "detect nowhere.log",
        expect![[r#"
        exit 2
        --- stderr
        error: could not read `nowhere.log`: No such file or directory (os error 2)
    "#]],
    );
    check(
        "detect docs/detect",
        expect![[r#"
        exit 2
        --- stderr
        error: there is no log in `docs/detect`
        hint: logs in a folder have `log` or `json` in their names; others can be named one by one
    "#]],
    );
    check(
        "detect README.md",
        expect![[r#"
        exit 2
        --- stderr
        README.md: line 1, column 1: expected a value
        README.md: line 3, column 1: expected a value
        README.md: line 5, column 1: expected a value
        error: `README.md` holds no audit events
        hint: a log has one event a line, or event lists; gzip is fine
    "#]],
    );
    check(
        "detect --follow a b",
        expect![[r#"
        exit 2
        --- stderr
        error: `--follow` waits at the end of one log, and several were given
    "#]],
    );
    check(
        "detect --follow docs",
        expect![[r#"
        exit 2
        --- stderr
        error: `--follow` waits at the end of one log, and `docs` is a folder
        hint: name the log in it that is written to, such as `audit.log`
    "#]],
    );
    check(
        "detect --severity terrible -",
        expect![[r#"
        exit 2
        --- stderr
        error: invalid value 'terrible' for '--severity <SEVERITY>': unknown severity `terrible`; there are debug, informational, notice, warning, error, critical, alert and emergency

        For more information, try '--help'.
    "#]],
    );
}

/// An empty folder for one test.
fn scratch(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("auditward-detect-{name}-{}", std::process::id()));
    fs::create_dir_all(&folder).unwrap();
    folder
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

fn run(words: &[&str], input: &str) -> std::process::Output {
    use std::io::Write;
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(words)
        .current_dir(crate::root())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}
