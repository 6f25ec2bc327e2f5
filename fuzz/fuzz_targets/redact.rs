//! Bytes as an event to be redacted, as a body that was posted, and as a file of rules.
//!
//! Held: nothing panics; a valid event stays valid and keeps its keys; twice is the same as once; what the pre-scan passes
//! the walk would not change.

#![no_main]

use auditward_collect::intake::{self, Limits};
use auditward_collect::prepare;
use auditward_collect::redact::{DigestKey, Redactor, Rules};
use auditward_event::EventView;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static REDACTOR: Redactor = Redactor::new(&Rules::default(), &DigestKey::new([7; 32]));
}

/// Small, so that the fuzzer comes across them.
const LIMITS: Limits = Limits { event_bytes_max: 256, events_max: 8, body_bytes_max: 1024 };

fuzz_target!(|bytes: &[u8]| {
    let mut redactor = REDACTOR.with(Clone::clone);
    event(bytes, &mut redactor);
    // The same as a text within a body, where most secrets stand.
    if let Ok(text) = std::str::from_utf8(bytes) {
        let body = serde_json::json!({ "kind": "Event", "requestURI": text, "requestObject": { "a": [text], "data": text } });
        event(body.to_string().as_bytes(), &mut redactor);
        let _ = Rules::parse(text);
    }
    if let Ok(mut batch) = intake::read(bytes, &LIMITS) {
        while let Some(next) = batch.next() {
            match next {
                Ok(event) => {
                    assert!(event.len() <= LIMITS.event_bytes_max);
                    let prepared = prepare("fuzz", &event, &mut redactor);
                    assert!(!prepared.event.contains(&b'\n'));
                    assert_eq!(EventView::parse(&prepared.event).map(|view| view.validate()), Ok(Ok(())));
                }
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
    }
});

fn event(bytes: &[u8], redactor: &mut Redactor) {
    let Ok(view) = EventView::parse(bytes) else { return };
    let redacted = redactor.redact(&view);
    let Ok(new) = EventView::parse(&redacted) else { panic!("no event any more") };
    if view.validate().is_err() {
        return;
    }
    assert_eq!(new.validate(), Ok(()));
    assert!(view.object().entries().map(|(key, _)| key).eq(new.object().entries().map(|(key, _)| key)));
    assert_eq!(redactor.redact(&new), redacted);
}
