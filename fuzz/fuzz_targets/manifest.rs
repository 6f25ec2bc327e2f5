//! Bytes as the manifest of an API server.
//!
//! Held: nothing panics; what is edited is edited once for all and put back to the byte; a refusal says what to do.

#![no_main]

use auditward_node::manifest::{Change, HostPath, HostPathType, Manifest};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let change = Change {
        flags: [("audit-log-path".to_owned(), Some("/var/log/audit/a.log".to_owned()))].into(),
        mount: vec![HostPath {
            volume: "audit".into(),
            path: "/var/log/audit".into(),
            mount: "/var/log/audit".into(),
            read_only: false,
            kind: HostPathType::DirectoryOrCreate,
        }],
        unmount: Vec::new(),
        annotations: [("auditward.dev/policy".to_owned(), Some("sha256:0".to_owned()))].into(),
    };
    let edited = Manifest::read(bytes).and_then(|manifest| manifest.edit(&change));
    match edited {
        Err(refusal) => assert!(!refusal.to_string().is_empty() && !refusal.hint().is_empty()),
        Ok(edited) => {
            let new = Manifest::read(edited.text.as_bytes()).expect("what is handed out is read");
            assert!(!new.edit(&change).expect("and may be edited").changed());
            let back = new.undo(&edited.undo).expect("and put back");
            assert_eq!(back.text.as_bytes(), bytes);
        }
    }
});
