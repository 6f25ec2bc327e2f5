//! Bytes as an event and as a stream of events.
//!
//! Held: nothing panics; what `serde_json` takes, we take, and read the same; what is written reads back and is written
//! the same again; a reader counts what it hands out, and an event that it hands out is one by itself.

#![no_main]

use auditward_event::{Event, EventView, Events, Raw, Value};
use libfuzzer_sys::fuzz_target;

/// Small, so that the fuzzer comes across it.
const DOCUMENT_BYTES_MAX: usize = 512;

fuzz_target!(|bytes: &[u8]| {
    one_event(bytes);
    for limit in [DOCUMENT_BYTES_MAX, auditward_event::DOCUMENT_BYTES_MAX] {
        stream(bytes, limit);
    }
    if let Ok(raw) = Raw::new(bytes) {
        let event = Event { request_object: Some(raw), ..Event::default() };
        let written = event.to_json();
        assert_eq!(Event::from_json(&written).map(|event| event.to_json()), Ok(written));
    }
});

fn one_event(bytes: &[u8]) {
    let expected = serde_json::from_slice::<serde_json::Map<String, serde_json::Value>>(bytes).ok();
    let Ok(view) = EventView::parse(bytes) else {
        assert!(expected.is_none(), "refused what is an object");
        return;
    };
    if let Some(expected) = expected {
        assert_eq!(view.validate(), Ok(()));
        agree(view.object(), &expected.into());
    }
    look_at(&view);
    if let Ok(event) = Event::from_view(&view) {
        let written = event.to_json();
        let again = Event::from_json(&written);
        assert_eq!(again.map(|event| event.to_json()), Ok(written));
        assert!(!event.to_legacy_line(None).contains('\n'));
    }
}

fn stream(bytes: &[u8], limit: usize) {
    let mut events = Events::with_limit(bytes, limit);
    let (mut whole, mut broken, mut last) = (0, 0, None);
    while let Some(next) = events.next() {
        match next {
            Ok(event) => {
                whole += 1;
                assert!(last < Some(event.place), "events come in order");
                last = Some(event.place);
                assert!(event.view.len() <= limit);
                let standalone = event.view.standalone();
                assert!(EventView::parse(&standalone).is_ok());
                look_at(&event.view);
            }
            Err(error) => {
                broken += 1;
                assert!(!error.to_string().is_empty());
            }
        }
    }
    let stats = events.stats();
    assert_eq!((stats.events, stats.broken), (whole, broken));
    // Compressed streams say more than they take.
    if bytes.first() != Some(&0x1f) {
        assert_eq!(stats.bytes, bytes.len() as u64);
    }
}

fn look_at(view: &EventView<'_>) {
    let user = view.user();
    let _ = (view.level(), view.stage(), view.request_uri(), view.object_ref(), view.response_code());
    let _ = (view.request_received(), view.stage_time(), user.groups().count(), user.extra().count());
    let _ = (view.source_ips().count(), view.annotations().count(), view.unknown_fields().count());
}

/// What `serde_json` reads, we read.
fn agree(value: Value<'_>, expected: &serde_json::Value) {
    match expected {
        serde_json::Value::Null => assert!(value.is_null()),
        serde_json::Value::Bool(expected) => assert_eq!(value.as_bool(), Some(*expected)),
        serde_json::Value::Number(expected) => assert_eq!(value.as_i64(), expected.as_i64()),
        serde_json::Value::String(expected) => assert_eq!(value.as_str().as_deref(), Some(expected.as_str())),
        serde_json::Value::Array(expected) => {
            assert_eq!(value.items().count(), expected.len());
            value.items().zip(expected).for_each(|(value, expected)| agree(value, expected));
        }
        serde_json::Value::Object(expected) => {
            for (key, expected) in expected {
                assert!(value.get(key).is_some(), "lost `{key}`");
                value.get(key).into_iter().for_each(|value| agree(value, expected));
            }
        }
    }
}
