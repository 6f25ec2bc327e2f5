//! Text as rules and settings of ours.
//!
//! Held: nothing panics; every finding has a place in its file and words; events of tests are events; a rule that runs says
//! the same of an event each time.

#![no_main]

use auditward_event::EventView;
use auditward_expr::Subject;
use auditward_rules::{library, native};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    let files = [("rule.yaml".to_owned(), text.to_owned())];
    let loaded = library::load(&files);
    for finding in &loaded.findings {
        assert!(finding.file != "rule.yaml" || finding.span.start <= text.len(), "{finding:?}");
        assert!(finding.at.line >= 1 && !finding.message.is_empty(), "{finding:?}");
    }
    for source in &loaded.sources {
        for test in &source.tests {
            let Ok(events) = native::event(&test.events) else { continue };
            let Ok(rule) = loaded.rule_for_test(source, test) else { continue };
            for event in events.iter().take(10) {
                let view = EventView::parse(event.as_bytes()).expect("a test's event is an event");
                view.validate().expect("a test's event is JSON");
                let subject = Subject::new(&view);
                for expr in rule.trigger.expressions() {
                    assert_eq!(expr.holds(&subject), expr.holds(&Subject::new(&view)));
                }
            }
        }
    }
});
