//! An event made ready for the journal.

use std::borrow::Cow;

use auditward_event::{EventView, Value};
use sha2::{Digest as _, Sha256};

use crate::redact::Redactor;

/// An event as it may be written down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared<'a> {
    /// What tells this event from all others: the same event has the same key, however often and by whichever way it
    /// comes in.
    pub key: [u8; 16],
    /// The event on one line, redacted, with `kind` and `apiVersion`; borrowed if it came so.
    pub event: Cow<'a, [u8]>,
}

/// Redacts an event, brings it onto one line and gives it its key.
///
/// The key is of the cluster, `auditID`, `stage`, both timestamps and `requestURI`. Clients may choose the `auditID` of
/// their requests, so it alone would let one hide an event behind another. It is taken of the redacted event: the key is
/// not secret, and must not be a way to try out what stood in a URI.
pub fn prepare<'a>(cluster: &str, event: &EventView<'a>, redactor: &mut Redactor) -> Prepared<'a> {
    let redacted = redactor.redact(event);
    let changed = match &redacted {
        Cow::Borrowed(_) => None,
        Cow::Owned(bytes) => EventView::parse(bytes).ok(),
    };
    let key = key(cluster, changed.as_ref().unwrap_or(event));
    let event = match redacted {
        Cow::Borrowed(_) => one_line(event.standalone()),
        Cow::Owned(bytes) => match EventView::parse(&bytes).map(|view| view.standalone()) {
            Ok(Cow::Owned(standalone)) => one_line(Cow::Owned(standalone)),
            _ => one_line(Cow::Owned(bytes)),
        },
    };
    Prepared { key, event }
}

/// The first half of a SHA-256, each part with its length before it, so that no two lists of parts look alike.
fn key(cluster: &str, event: &EventView<'_>) -> [u8; 16] {
    let text = |name| event.get(name).map_or(&b""[..], Value::as_bytes);
    let mut digest = Sha256::new();
    let parts = ["auditID", "stage", "requestReceivedTimestamp", "stageTimestamp", "requestURI"].map(text);
    for part in [cluster.as_bytes()].into_iter().chain(parts) {
        digest.update((part.len() as u64).to_le_bytes());
        digest.update(part);
    }
    let digest: [u8; 32] = digest.finalize().into();
    let mut key = [0; 16];
    key.copy_from_slice(&digest[..16]);
    key
}

/// Without line breaks: in JSON they stand between tokens only, where a space does as well.
fn one_line(event: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    if memchr::memchr2(b'\n', b'\r', &event).is_none() {
        return event;
    }
    let mut event = event.into_owned();
    for byte in &mut event {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
    Cow::Owned(event)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::redact::{DigestKey, Rules};

    const EVENT: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stage":"ResponseComplete","requestURI":"/x","stageTimestamp":"2026-01-01T00:00:00.000000Z"}"#;

    fn prepared(cluster: &str, event: &str) -> ([u8; 16], String) {
        let mut redactor = Redactor::new(&Rules::default(), &DigestKey::new([7; 32]));
        let view = EventView::parse(event.as_bytes()).unwrap();
        let prepared = prepare(cluster, &view, &mut redactor);
        (prepared.key, String::from_utf8(prepared.event.into_owned()).unwrap())
    }

    #[test]
    fn an_event_of_a_list_stands_alone_on_one_line() {
        let (key, event) = prepared("a", EVENT);
        assert_eq!(event, EVENT);
        let in_list = EVENT.replace(r#""kind":"Event","apiVersion":"audit.k8s.io/v1","#, "\n ");
        let (same, event) = prepared("a", &in_list);
        assert_eq!(key, same);
        assert!(
            event.starts_with(r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1""#) && !event.contains('\n'),
            "{event}"
        );
        EventView::parse(event.as_bytes()).unwrap().validate().unwrap();
    }

    #[test]
    fn whatever_tells_two_events_apart_is_in_the_key() {
        let (key, _) = prepared("a", EVENT);
        assert_eq!(prepared("a", &EVENT.replace('}', r#","verb":"get"}"#)).0, key);
        assert_ne!(prepared("b", EVENT).0, key);
        for (old, new) in [
            (r#""auditID":"a""#, r#""auditID":"b""#),
            ("ResponseComplete", "ResponseStarted"),
            ("/x", "/y"),
            ("00.000000Z", "00.000001Z"),
        ] {
            assert_ne!(prepared("a", &EVENT.replace(old, new)).0, key, "{new}");
        }
    }

    #[test]
    fn the_key_is_no_way_to_try_out_a_password() {
        let with = |password| prepared("a", &EVENT.replace("/x", &format!("/x?password={password}")));
        let (one, event) = with("hunter2");
        assert!(event.contains("/x?password=redacted:password:"), "{event}");
        let redacted = event.split("requestURI\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert_eq!(prepared("a", &EVENT.replace("/x", &redacted)).0, one);
        assert_ne!(with("hunter3").0, one);
    }
}
