//! A request line: the method up to the first space, then the target.
//!
//! Held: nothing panics; the parts are parts of the path; and an event of the request, which has the verb instead of
//! the method, resolves to the same parts.

#![no_main]

use auditward_policy::RequestInfo;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|line: &str| {
    let (method, uri) = line.split_once(' ').unwrap_or(("GET", line));
    let Ok(info) = RequestInfo::resolve(method, uri) else { return };
    for part in [info.group(), info.version(), info.namespace(), info.resource(), info.subresource()] {
        assert!(info.path.contains(part));
    }
    assert!(info.is_resource_request() || info.resource().is_empty());
    let known = ["create", "get", "list", "watch", "update", "patch", "delete", "deletecollection"];
    if info.is_resource_request() && known.contains(&&*info.verb) {
        let verb = info.verb.clone().into_owned();
        let again = RequestInfo::from_event(&verb, uri).expect("it was resolved before");
        assert_eq!(
            (again.resource(), again.name(), again.verb.as_ref()),
            (info.resource(), info.name(), &*verb)
        );
    }
});
