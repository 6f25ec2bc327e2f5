//! Which texts are policies: the verdict, the number of rules, and the words of every validation error.

use auditward_policy::read::{Severity, read};

#[test]
fn load() {
    let mut wrong = Vec::new();
    let mut cases = 0;
    for case in crate::lines("load.jsonl.gz") {
        cases += 1;
        let text = case["text"].as_str().unwrap();
        let reading = read(text.as_bytes());
        let warned = reading.findings.iter().any(|finding| {
            finding.severity == Severity::Warning
                && (finding.message.starts_with("unknown field")
                    || finding.message.contains("is set already"))
        });
        let ours = (
            reading.policy.as_ref().map(|policy| policy.rules.len()),
            reading.reference_refusal.clone(),
            reading.policy.is_some() && warned,
        );
        let rules = case["rules"].as_u64().map(|rules| usize::try_from(rules).unwrap());
        let error = case["error"].as_str().filter(|error| !error.starts_with("failed decoding"));
        let theirs = (rules, error.map(str::to_owned), rules.is_some() && case.get("warning").is_some());
        if ours != theirs {
            wrong.push(format!(
                "{}:\n{text}\n  theirs {:?} {:?}\n  ours   {ours:?}\n  {:?}",
                case["name"],
                case["error"].as_str(),
                case["warning"].as_str(),
                reading.findings
            ));
        }
        assert_eq!(
            reading.policy.is_none(),
            reading.findings.iter().any(|finding| finding.severity == Severity::Error),
            "{}: a refusal says why, an acceptance has no errors: {:?}",
            case["name"],
            reading.findings,
        );
    }
    crate::verdict("policies", cases, &wrong);
}
