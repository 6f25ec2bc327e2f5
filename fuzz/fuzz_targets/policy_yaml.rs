//! Bytes as a policy.
//!
//! Held: nothing panics; a refusal says why, and an acceptance has no errors; what is accepted is printed, and reads
//! back as the same policy; linting and fixing keep it accepted.

#![no_main]

use auditward_policy::lint::{fix, lint};
use auditward_policy::print;
use auditward_policy::read::{Severity, position, read};
use libfuzzer_sys::fuzz_target;

/// Linting looks at all requests there can be, which takes its time; the fuzzer needs many runs.
const LINTED_RULES_MAX: usize = 6;

fuzz_target!(|bytes: &[u8]| {
    let reading = read(bytes);
    let errors = reading.findings.iter().any(|finding| finding.severity == Severity::Error);
    assert_eq!(reading.policy.is_none(), errors, "{:?}", reading.findings);
    for finding in &reading.findings {
        assert!(position(bytes, finding.span.start).line >= 1);
    }
    let Some(policy) = &reading.policy else { return };
    let printed = print(policy);
    assert_eq!(read(printed.as_bytes()).policy.as_ref(), Some(policy), "{printed}");
    if policy.rules.len() <= LINTED_RULES_MAX {
        let fixed = fix(bytes, &lint(bytes, &reading));
        assert!(read(&fixed).policy.is_some(), "{}", String::from_utf8_lossy(&fixed));
    }
});
