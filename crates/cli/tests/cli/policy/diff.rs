use std::fs;

use expect_test::expect;

use crate::{check, root};

#[test]
fn a_policy_does_not_differ_from_itself() {
    check(
        "policy diff examples/policies/copied.yaml examples/policies/copied.yaml",
        expect![[r#"
        exit 0
        --- stdout
        A examples/policies/copied.yaml
        B examples/policies/copied.yaml

        The two record the same of every request.
    "#]],
    );
}

#[test]
fn standard_input_can_be_read_only_once() {
    check(
        "policy diff - -",
        expect![[r#"
        exit 2
        --- stderr
        error: `-` is given more than once, and standard input can be read only once
    "#]],
    );
}

#[test]
fn a_policy_that_says_the_same_in_other_words_does_not_differ() {
    let path = std::env::temp_dir().join(format!("auditward-diff-{}.yaml", std::process::id()));
    let policy = fs::read_to_string(root().join("examples/policies/recommended.yaml")).unwrap();
    // The order of verbs means nothing, and neither does a rule that nothing can reach.
    let same = policy.replace(r#"verbs: ["get", "list", "watch"]"#, r#"verbs: ["watch", "list", "get"]"#)
        + "  - level: None\n    verbs: [\"get\"]\n";
    fs::write(&path, same).unwrap();
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_auditward"))
        .args(["policy", "diff", "examples/policies/recommended.yaml"])
        .arg(&path)
        .current_dir(root())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stdout));
    fs::remove_file(&path).unwrap();
}
