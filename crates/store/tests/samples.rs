//! What an earlier version wrote is read. `AUDITWARD_WRITE_SAMPLES=1` writes the files of this version, once, when its formats
//! have changed: into a folder of its own, never over an older one.

#![allow(clippy::unwrap_used, reason = "tests stop at surprises")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::datatypes::UInt64Type;
use auditward_base::disk::OsDisk;
use auditward_event::MicroTime;
use auditward_store::alerts::{AlertConfig, AlertLog, NewAlert, Triage, TriageState};
use auditward_store::columns::{Rebuilder, Row};
use auditward_store::{Config, FORMAT, Store};

fn testdata() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

/// One event a line, odd ones among them.
const EVENTS: &str = concat!(
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"RequestResponse","auditID":"5b7ffba9-fe1e-418d-afe9-529f28e416d9","stage":"ResponseComplete","requestURI":"/api/v1/namespaces/shop/secrets/db?a=b\u0026c=d","verb":"get","user":{"username":"alice","uid":"7","groups":["dev","system:authenticated"],"extra":{"authentication.kubernetes.io/credential-id":["JTI=1"]}},"impersonatedUser":{"username":"bob","groups":["ops"]},"authenticationMetadata":{"impersonationConstraint":"x"},"sourceIPs":["192.0.2.7","10.0.0.1"],"userAgent":"kubectl/v1.36.3","objectRef":{"resource":"secrets","namespace":"shop","name":"db","uid":"u","apiGroup":"g","apiVersion":"v1","resourceVersion":"12","subresource":"s"},"responseStatus":{"metadata":{},"status":"Failure","message":"secrets \"db\" not found","reason":"NotFound","details":{"name":"db","kind":"secrets"},"code":404},"requestObject":{"kind":"A","n":1.50},"responseObject":{"kind":"B"},"requestReceivedTimestamp":"2026-11-23T21:01:14.542686Z","stageTimestamp":"2026-11-23T21:01:14.547480Z","annotations":{"a.b/c":"1","authorization.k8s.io/decision":"allow","authorization.k8s.io/reason":"RBAC: allowed","z":"2"}}"#,
    "\n",
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","user":{},"novelty":[1,2],"stageTimestamp":"2026-11-23T21:01:13Z"}"#,
    "\n",
    r#"{"verb":"list","verb":"get"}"#,
    "\n",
    "no event\n",
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Request","auditID":"2","stage":"Panic","requestURI":"/é\u2028","verb":"post","user":{"username":"","groups":[]},"sourceIPs":["::1"],"requestObject":{"n":1e400},"requestReceivedTimestamp":"2026-11-23T21:01:15.000000Z","stageTimestamp":"2026-11-23T21:01:16.000001Z"}"#,
    "\n",
    r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"3","stageTimestamp":"1969-12-31T23:59:59.999999Z"}"#,
    "\n",
);
/// The last is of another cluster, and is sealed together with the one before it; those before that are put together.
const OTHER: u64 = 5;

fn write(folder: &Path) {
    let (store, _) = Store::open(Arc::new(OsDisk), Config::new(folder.join("store"))).unwrap();
    let row = |(position, event): (u64, &'static str)| Row {
        position,
        cluster: if position == OTHER { "other" } else { "prod" },
        received: MicroTime::from_micros(1_000_000),
        event: event.as_bytes(),
    };
    let rows: Vec<Row<'_>> = (0..).zip(EVENTS.lines()).map(row).collect();
    let (single, together) = rows.split_at(4);
    for rows in single.chunks(1).chain([together]) {
        store.append(rows).unwrap();
        store.seal().unwrap();
        store.compact().unwrap();
    }
    let (log, _) = AlertLog::open(Arc::new(OsDisk), AlertConfig::new(folder.join("alerts"))).unwrap();
    let alert = |id| NewAlert {
        id,
        time: MicroTime::from_micros(5),
        rule: "rule",
        severity: "high",
        cluster: "prod",
        json: r#"{"id":"é"}"#,
    };
    log.append(&[alert("a"), alert("b")]).unwrap();
    log.triage("a", &triage()).unwrap();
}

fn triage() -> Triage {
    Triage {
        state: TriageState::Closed,
        note: "a test".to_owned(),
        by: "kim".to_owned(),
        at: Some(MicroTime::from_micros(6)),
    }
}

fn check(folder: &Path) {
    for is_lost in [false, true] {
        if is_lost {
            fs::remove_file(folder.join("store/catalogue")).unwrap();
        }
        check_store(folder, is_lost);
    }
    let (log, recovered) = AlertLog::open(Arc::new(OsDisk), AlertConfig::new(folder.join("alerts"))).unwrap();
    assert_eq!((recovered.alerts, recovered.next, recovered.cut_bytes), (2, 3, 0));
    let alerts = log.after(0, 9).unwrap();
    assert_eq!(
        (&*alerts[0].id, &*alerts[0].json, &*alerts[0].history),
        ("a", r#"{"id":"é"}"#, &[triage()][..])
    );
    assert_eq!((&*alerts[1].id, alerts[1].history.len()), ("b", 0));
}

fn check_store(folder: &Path, is_lost: bool) {
    let (store, recovered) = Store::open(Arc::new(OsDisk), Config::new(folder.join("store"))).unwrap();
    assert_eq!((recovered.position, recovered.damaged.len()), (6, 0));
    assert_eq!((recovered.catalogue_made, store.status().segments), (is_lost, 3));
    assert_eq!(store.verify().unwrap(), []);
    let mut found = BTreeMap::new();
    for segment in store.snapshot().segments {
        for batch in segment.read(2).unwrap() {
            let batch = batch.unwrap();
            let rebuilder = Rebuilder::new(&batch).unwrap();
            let positions = batch.column_by_name("position").unwrap().as_primitive::<UInt64Type>();
            for row in 0..batch.num_rows() {
                let mut event = Vec::new();
                rebuilder.rebuild(row, &mut event);
                found.insert(positions.value(row), String::from_utf8(event).unwrap());
            }
        }
    }
    let mut expected: Vec<&str> = EVENTS.lines().collect();
    // An unknown field stands last.
    expected[1] = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","level":"Metadata","auditID":"1","user":{},"stageTimestamp":"2026-11-23T21:01:13Z","novelty":[1,2]}"#;
    assert_eq!(found.values().map(String::as_str).collect::<Vec<_>>(), expected);
}

#[test]
fn every_version_is_read() {
    let current = testdata().join(format!("v{FORMAT}"));
    if std::env::var_os("AUDITWARD_WRITE_SAMPLES").is_some() && !current.exists() {
        write(&current);
    }
    let mut versions = 0;
    for version in fs::read_dir(testdata()).unwrap() {
        let version = version.unwrap().path();
        // Opening a store may change it.
        let name = version.file_name().unwrap().to_string_lossy().into_owned();
        let copy = std::env::temp_dir().join(format!("auditward-samples-{name}-{}", std::process::id()));
        for part in ["store", "alerts"] {
            fs::create_dir_all(copy.join(part)).unwrap();
            for file in fs::read_dir(version.join(part)).unwrap() {
                let file = file.unwrap();
                fs::copy(file.path(), copy.join(part).join(file.file_name())).unwrap();
            }
        }
        check(&copy);
        fs::remove_dir_all(&copy).unwrap();
        versions += 1;
    }
    assert_eq!(versions, FORMAT);
}
