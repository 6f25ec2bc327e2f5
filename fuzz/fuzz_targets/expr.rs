//! Bytes as an expression and, behind a zero byte, an event to ask.
//!
//! Held: nothing panics; what is read is printed, and reads back as the same; any event can be asked.

#![no_main]

use auditward_event::EventView;
use auditward_expr::symbolic::symbolic;
use auditward_expr::{Parameters, Subject, check, parse, parse_unchecked};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let (text, event) = bytes.split_at(bytes.iter().position(|byte| *byte == 0).unwrap_or(bytes.len()));
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(expr) = parse_unchecked(text) else { return };
    assert_eq!(parse_unchecked(&expr.to_string()).as_ref(), Ok(&expr), "{expr}");
    if parse(text, &Parameters::new()).is_ok() {
        assert!(check(&expr).is_empty(), "{expr}");
    }
    symbolic(&expr);
    let Some(Ok(event)) = event.get(1..).map(EventView::parse) else { return };
    let _verdict = expr.holds(&Subject::new(&event));
});
