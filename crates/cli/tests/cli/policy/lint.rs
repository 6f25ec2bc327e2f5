use std::fs;

use expect_test::expect;

use super::POLICY;
use crate::{check, check_with_input, root};

#[test]
fn errors_come_with_a_proof_and_a_fix() {
    check(
        "policy lint --severity error examples/policies/copied.yaml",
        expect![[r#"
        exit 1
        --- stdout
        examples/policies/copied.yaml:26:5: error[secret-bodies]: records the contents of Secrets (`secrets` at RequestResponse) (rules[5])
          26 |   - level: RequestResponse
             |     ^^^^^^^^^^^^^^^^^^^^^^
          why: Whoever reads the audit log, its backups or the system it is sent to then has every password and key in it. Metadata says who touched which Secret, and that is enough.
          for example: alice (system:authenticated): get secrets db-password in default
          fix: record secrets and serviceaccounts/token at Metadata before rule 6 (line 26) (--fix does it)

        examples/policies/copied.yaml:26:5: error[token-bodies]: records new tokens of service accounts (`serviceaccounts/token` at RequestResponse) (rules[5])
          26 |   - level: RequestResponse
             |     ^^^^^^^^^^^^^^^^^^^^^^
          why: A recorded token is a login for whoever reads the log, until it expires. `serviceaccounts/token` belongs to the core group, so a rule for all of that group takes it too.
          for example: alice (system:authenticated): create serviceaccounts/token builder in default
          fix: record secrets and serviceaccounts/token at Metadata before rule 6 (line 26) (--fix does it)

        examples/policies/copied.yaml: 2 errors, 0 warnings, 0 notes
    "#]],
    );
}

#[test]
fn what_we_recommend_has_no_warnings() {
    check(
        "policy lint --severity warning examples/policies/recommended.yaml",
        expect![[r#"
        exit 0
        --- stdout
        examples/policies/recommended.yaml: 0 errors, 0 warnings, 0 notes
    "#]],
    );
}

#[test]
fn a_refused_policy() {
    check_with_input(
        "policy lint -",
        &POLICY.replace("None", "none"),
        expect![[r#"
        exit 2
        --- stderr
        <stdin>:4:10: error: unknown level `none` (rules[0].level)
          4 | - level: none
            |          ^^^^
          hint: did you mean `None`?
        error: kube-apiserver would refuse `<stdin>`
    "#]],
    );
}

#[test]
fn fixing_standard_input_writes_the_result() {
    let policy = "# ours\napiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n- level: Request # all of it\n";
    check_with_input(
        "policy lint --fix -",
        policy,
        expect![[r#"
        exit 0
        --- stdout
        # ours
        apiVersion: audit.k8s.io/v1
        kind: Policy
        omitStages: [RequestReceived]
        rules:
        # Bodies of these hold credentials: record who asked and when, not what was said.
        - level: Metadata
          resources:
          - group: ""
            resources: ["secrets"]
          - group: "authentication.k8s.io"
            resources: ["tokenreviews"]
        - level: Request # all of it
        --- stderr
        fixed: omit RequestReceived everywhere
        fixed: record secrets and tokenreviews at Metadata before rule 1 (line 5)
    "#]],
    );
}

#[test]
fn fixing_a_file_changes_it_and_a_second_time_changes_nothing() {
    let path = std::env::temp_dir().join(format!("auditward-lint-{}.yaml", std::process::id()));
    fs::copy(root().join("examples/policies/copied.yaml"), &path).unwrap();
    let fix = || {
        let status = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"))
            .args(["policy", "lint", "--fix"])
            .arg(&path)
            .output()
            .unwrap()
            .status;
        (status.code(), fs::read_to_string(&path).unwrap())
    };
    let before = fs::read_to_string(&path).unwrap();
    let (_, once) = fix();
    assert_ne!(once, before);
    assert!(once.contains("# pods and deployments with everything"), "comments stay");
    let (_, twice) = fix();
    assert_eq!(twice, once);
    fs::remove_file(&path).unwrap();
}
