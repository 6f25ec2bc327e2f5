//! What the tests of all lints share: one `check` that renders the findings of one lint, and what must hold for any.

use std::collections::BTreeSet;

use expect_test::Expect;

use super::*;
use crate::matching::first_failed;
use crate::read::{position, read};

/// The findings of one lint about a policy with these rules.
pub(super) fn check(id: &str, rules: &str, expected: Expect) {
    check_whole(id, &format!("apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n{rules}\n"), expected);
}

/// The same for a whole text.
#[expect(clippy::needless_pass_by_value, reason = "`expect![…]` is a value")]
pub(super) fn check_whole(id: &str, text: &str, expected: Expect) {
    assert!(LINTS.iter().any(|lint| lint.id == id), "no lint `{id}`");
    let reading = read(text.as_bytes());
    assert!(reading.policy.is_some(), "{:?}", reading.findings);
    let findings = lint(text.as_bytes(), &reading);
    let policy = reading.policy.as_ref().unwrap();
    let mut out = String::new();
    for finding in findings.iter().filter(|finding| finding.id == id) {
        let place = position(text.as_bytes(), finding.span.start);
        let rule = finding.rule.map(|rule| format!(" rule {}", rule + 1)).unwrap_or_default();
        out += &format!("{}{rule} at {place}: {}\n", finding.severity, finding.message);
        if let Some(proof) = &finding.witness {
            let by = proof.decided_by.map_or("no rule".to_owned(), |rule| format!("rule {}", rule + 1));
            out += &format!("  {proof}: {by}\n");
            assert_eq!(decided_by(policy, proof), proof.decided_by, "{proof}");
        }
        if let Some(fix) = &finding.fix {
            let word = if fix.safe { "fix" } else { "maybe" };
            out += &format!("  {word}: {}\n", fix.description);
            let fixed = fix::apply(text.as_bytes(), fix.edits.clone());
            let fixed = String::from_utf8(fixed).unwrap();
            for line in added(text, &fixed) {
                out += &format!("    {line}\n");
            }
        }
    }
    for finding in findings {
        still_there_after_its_fix(text.as_bytes(), &finding);
    }
    expected.assert_eq(&out);
}

/// The rule that the plain engine decides by.
pub(super) fn decided_by(policy: &crate::Policy, proof: &Proof) -> Option<usize> {
    proof.request.with(|it| policy.rules.iter().position(|rule| first_failed(rule, it).is_none()))
}

/// A safe fix leaves a policy without the finding, and doing all of them leaves nothing to fix.
fn still_there_after_its_fix(text: &[u8], finding: &LintFinding) {
    let Some(fix) = finding.fix.as_ref().filter(|fix| fix.safe) else { return };
    let fixed = fix::apply(text, fix.edits.clone());
    let reading = read(&fixed);
    assert!(reading.policy.is_some(), "{}", String::from_utf8_lossy(&fixed));
    let same = |other: &&LintFinding| {
        other.id == finding.id && other.message == finding.message && other.fix.is_some()
    };
    let left = lint(&fixed, &reading);
    assert_eq!(left.iter().find(same), None, "{}", String::from_utf8_lossy(&fixed));
}

/// Lines of `after` marked +, lines of `before` that went marked -.
fn added(before: &str, after: &str) -> Vec<String> {
    let (old, new): (Vec<&str>, Vec<&str>) = (before.lines().collect(), after.lines().collect());
    let head = old.iter().zip(&new).take_while(|(a, b)| a == b).count();
    let tail = old[head..].iter().rev().zip(new[head..].iter().rev()).take_while(|(a, b)| a == b).count();
    let gone = old[head..old.len() - tail].iter().map(|line| format!("-{line}"));
    let come = new[head..new.len() - tail].iter().map(|line| format!("+{line}"));
    gone.chain(come).collect()
}

#[test]
fn ids_are_in_kebab_case_and_given_once() {
    let ids: BTreeSet<&str> = LINTS.iter().map(|lint| lint.id).collect();
    assert_eq!(ids.len(), LINTS.len());
    for lint in LINTS {
        let kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(lint.id.chars().all(kebab), "{}", lint.id);
        assert!(lint.why.ends_with('.') && !lint.summary.ends_with('.'), "{}", lint.id);
    }
}

#[test]
fn nothing_is_said_of_a_text_that_is_no_policy() {
    let text = b"kind: Pod\n";
    assert_eq!(lint(text, &read(text)), []);
}

/// What a stranger may send is answered in bounded time, and what was not looked at is said.
#[test]
fn hostile_policies_are_answered() {
    let head = "apiVersion: audit.k8s.io/v1\nkind: Policy\nrules:\n";
    let many = |stem: &str, n: usize| (0..n).map(|at| format!("{stem}{at}")).collect::<Vec<_>>().join(", ");
    let long = "x".repeat(200_000);
    let texts = [
        format!("{head}{}", "- level: Metadata\n".repeat(3_000)),
        format!("{head}- {{level: Metadata, users: [{}]}}\n- level: Request\n", many("u", 20_000)),
        format!(
            "{head}- {{level: None, verbs: [{}], resources: [{{group: {long}, resources: [{long}]}}]}}\n",
            many("v", 5_000)
        ),
        format!(
            "{head}- {{level: None, verbs: [{long}], users: ['{long}*'], nonResourceURLs: ['/{long}*']}}\n"
        ),
    ];
    for text in texts {
        let reading = read(text.as_bytes());
        if reading.policy.is_some() {
            assert!(!lint(text.as_bytes(), &reading).is_empty());
        }
        assert!(fix_all(text.as_bytes()).text.len() >= text.len() / 2);
    }
    let text = format!("{head}{}", "- level: Metadata\n".repeat(3_000));
    let ids: Vec<_> =
        lint(text.as_bytes(), &read(text.as_bytes())).iter().map(|finding| finding.id).collect();
    assert!(ids.contains(&"too-complex"), "{ids:?}");
}
