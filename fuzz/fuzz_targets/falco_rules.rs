//! Bytes as a file of Falco's rules.
//!
//! Held: nothing panics; every finding has a place; what is read compiles, and answers any event.

#![no_main]

use auditward_event::EventView;
use auditward_expr::{Compiled, Subject};
use auditward_rules::Trigger;
use auditward_rules::falco::{FINDINGS_MAX, Options, load};
use libfuzzer_sys::fuzz_target;

const EVENT: &[u8] =
    br#"{"auditID":"a","stage":"ResponseComplete","verb":"create","user":{"username":"u","groups":["g"]}}"#;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let loaded = load(&[("fuzz.yaml", text)], &Options::default());
    assert!(loaded.findings.len() <= FINDINGS_MAX);
    for finding in &loaded.findings {
        assert!(finding.at.line >= 1 && finding.span.start <= text.len(), "{finding}");
    }
    let Ok(event) = EventView::parse(EVENT) else { return };
    for rule in &loaded.rules {
        let Trigger::Event(expr) = &rule.trigger else { continue };
        match Compiled::new(expr) {
            Ok(compiled) => _ = compiled.holds(&Subject::new(&event)),
            Err(bad) => panic!("{}: {bad:?}", rule.id),
        }
    }
});
