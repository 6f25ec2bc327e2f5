//! Bytes as a file of Sigma rules.
//!
//! Held: nothing panics; reading again gives the same; each rule has an id of its own and a finding stands where it says;
//! every expression of a rule that loads can be compiled.

#![no_main]

use std::collections::HashSet;
use std::sync::Once;

use auditward_expr::Compiled;
use auditward_rules::sigma::{FINDINGS_MAX, Options, load};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    // libFuzzer's own hook aborts on the panics of the YAML parser that are caught; others still end the run.
    static QUIET: Once = Once::new();
    QUIET.call_once(|| std::panic::set_hook(Box::new(|_| ())));
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut options = Options::default();
    options.placeholders.insert("admins".to_owned(), vec!["alice".to_owned(), "ops-*".to_owned()]);
    let files = [("fuzz.yml", text)];
    let loaded = load(&files, &options);
    let again = load(&files, &options);
    assert_eq!(loaded.rules, again.rules);
    assert_eq!(loaded.findings, again.findings);
    assert!(loaded.findings.len() <= FINDINGS_MAX);
    for finding in &loaded.findings {
        assert!(finding.span.start <= text.len() && finding.at.line >= 1, "{finding}");
    }
    let mut ids = HashSet::new();
    for rule in &loaded.rules {
        assert!(ids.insert(&rule.id), "{} twice", rule.id);
        for expr in rule.trigger.expressions() {
            if let Err(wrong) = Compiled::new(expr) {
                panic!("{}: {wrong:?}", rule.id);
            }
        }
    }
});
