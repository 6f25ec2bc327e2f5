//! Any text is a search or is refused with places in it; what is read is printed, and reads back as the same.

#![no_main]

use auditward_event::MicroTime;
use auditward_query::{Matcher, parse};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    match parse(text, MicroTime::from_micros(1_764_165_600_000_000)) {
        Ok(search) => {
            let printed = search.print();
            assert_eq!(parse(&printed, MicroTime::MAX).as_ref(), Ok(&search), "{printed}");
            assert!(Matcher::new(search).is_ok());
        }
        Err(findings) => {
            assert!(!findings.is_empty());
            assert!(findings.iter().all(|finding| text.get(finding.span.clone()).is_some()));
        }
    }
});
