use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use arrow::array::AsArray as _;
use arrow::datatypes::UInt64Type;
use auditward_base::disk::Disk;
use auditward_base::disk::faulty::{Faults, FaultyDisk, Loss};
use auditward_event::MicroTime;

use super::*;
use crate::columns::{Rebuilder, Row};

const FOLDER: &str = "/data/store";

fn disk() -> Arc<dyn Disk> {
    Arc::new(FaultyDisk::new(1))
}

/// A disk, and the hand on it that makes it fail.
fn faulty_disk(seed: u64) -> (FaultyDisk, Arc<dyn Disk>) {
    let faulty = FaultyDisk::new(seed);
    (faulty.clone(), Arc::new(faulty))
}

fn config() -> Config {
    Config { target_bytes: 1 << 20, ..Config::new(FOLDER) }
}

fn open(disk: &Arc<dyn Disk>) -> (Store, Recovered) {
    Store::open(Arc::clone(disk), config()).unwrap()
}

/// The event of a position: no two are the same, and their times go up and down.
fn event(position: u64) -> String {
    let time = MicroTime::from_micros(i64::try_from((position ^ 5) * 1_000_000).unwrap());
    format!(
        r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"{position}","verb":"get","stageTimestamp":"{time}"}}"#
    )
}

fn cluster(position: u64) -> &'static str {
    if position % 3 == 2 { "small one/é" } else { "prod" }
}

fn append(store: &Store, positions: std::ops::Range<u64>) -> usize {
    let events: Vec<String> = positions.clone().map(event).collect();
    let rows: Vec<Row<'_>> = positions
        .zip(&events)
        .map(|(position, event)| Row {
            position,
            cluster: cluster(position),
            received: MicroTime::from_micros(i64::try_from(position).unwrap()),
            event: event.as_bytes(),
        })
        .collect();
    store.append(&rows).unwrap().taken
}

/// Position, cluster and event of every row that a snapshot sees; fails if one is there twice.
fn seen(snapshot: &Snapshot) -> BTreeMap<u64, (String, String)> {
    let mut all = BTreeMap::new();
    let mut add = |batch: &arrow::array::RecordBatch| {
        let rebuilder = Rebuilder::new(batch).unwrap();
        let positions = batch.column_by_name("position").unwrap().as_primitive::<UInt64Type>();
        let clusters = batch.column_by_name("cluster").unwrap().as_string_view();
        for row in 0..batch.num_rows() {
            let mut event = Vec::new();
            rebuilder.rebuild(row, &mut event);
            let value = (clusters.value(row).to_owned(), String::from_utf8(event).unwrap());
            assert_eq!(all.insert(positions.value(row), value), None);
        }
    };
    for segment in &snapshot.segments {
        let mut rows = 0;
        let mut last = i64::MIN;
        for batch in segment.read(100).unwrap() {
            let batch = batch.unwrap();
            rows += batch.num_rows() as u64;
            for place in seal::places(&batch, 0) {
                assert!(last <= place.time);
                last = place.time;
                assert!((segment.meta.position.0..=segment.meta.position.1).contains(&place.position));
            }
            add(&batch);
        }
        assert_eq!(rows, segment.meta.rows);
    }
    snapshot.fresh.iter().for_each(&mut add);
    all
}

/// All events of these positions are there, once, and nothing else is.
fn check(store: &Store, positions: std::ops::Range<u64>) {
    let found = seen(&store.snapshot());
    let expected: BTreeMap<u64, (String, String)> =
        positions.map(|position| (position, (cluster(position).to_owned(), event(position)))).collect();
    assert_eq!(found, expected);
}

fn files(disk: &Arc<dyn Disk>) -> Vec<String> {
    disk.list(Path::new(FOLDER)).unwrap().into_iter().map(|file| file.name).collect()
}

#[test]
fn rows_are_seen_at_once_and_stay_when_they_are_sealed() {
    let disk = disk();
    let (store, recovered) = open(&disk);
    assert_eq!(recovered, Recovered::default());
    assert_eq!(store.seal().unwrap(), None);
    assert_eq!(append(&store, 0..10), 10);
    check(&store, 0..10);
    assert_eq!(append(&store, 5..12), 2);
    check(&store, 0..12);
    assert_eq!(store.seal().unwrap(), Some(12));
    assert_eq!(store.seal().unwrap(), None);
    check(&store, 0..12);
    append(&store, 12..20);
    check(&store, 0..20);
    assert_eq!(
        files(&disk),
        [
            "catalogue",
            "events-prod-19700101T000001Z-0000000000000000.parquet",
            "events-small_one__-19700101T000000Z-0000000000000001.parquet"
        ]
    );
    let status = store.status();
    assert_eq!((status.position, status.rows, status.fresh_rows, status.segments), (12, 12, 8, 2));
    assert_eq!(status.clusters["prod"].0, 8);
    drop(store);
    // What was fresh is in the journal still.
    let (store, recovered) = open(&disk);
    assert_eq!(recovered, Recovered { position: 12, ..Recovered::default() });
    check(&store, 0..12);
    append(&store, 12..20);
    check(&store, 0..20);
}

#[test]
fn many_rows_make_columns_as_they_come() {
    let disk = disk();
    let (store, _) = open(&disk);
    for position in (0..9000).step_by(100) {
        append(&store, position..position + 100);
    }
    assert_eq!(store.snapshot().fresh.len(), 3);
    check(&store, 0..9000);
    // So many together do not wait, and what came before them stays before them.
    append(&store, 9000..12_000);
    append(&store, 11_000..12_010);
    assert_eq!(store.snapshot().fresh.len(), 5);
    check(&store, 0..12_010);
    store.seal().unwrap();
    check(&store, 0..12_010);
}

#[test]
fn fresh_rows_have_a_bound_and_an_age() {
    let disk = disk();
    let config = Config { fresh_events_max: 5, fresh_age_max: Duration::from_micros(50), ..config() };
    let (store, _) = Store::open(disk, config).unwrap();
    let at = MicroTime::from_micros;
    assert!(!store.is_due(at(1000)));
    let event = event(0);
    let row = |position| Row { position, cluster: "c", received: at(100), event: event.as_bytes() };
    let rows: Vec<Row<'_>> = (0..10).map(row).collect();
    assert_eq!(store.append(&rows[..4]).unwrap(), Append { taken: 4, due: false });
    assert!(!store.is_due(at(149)));
    assert!(store.is_due(at(150)));
    assert_eq!(store.append(&rows).unwrap(), Append { taken: 6, due: true });
    assert!(store.is_due(at(100)));
    let error = store.append(&[row(11)]).unwrap_err();
    assert_eq!(error.to_string(), "there are 10 fresh rows that could not be sealed");
    store.seal().unwrap();
    assert_eq!(store.append(&[row(11)]).unwrap().taken, 1);
}

#[test]
fn small_files_become_large_ones() {
    let disk = disk();
    let (store, _) = open(&disk);
    for start in (0..400).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    append(&store, 400..403);
    let before = files(&disk);
    let snapshot = store.snapshot();
    let report = store.compact().unwrap();
    // 40 files of each cluster: 16, then that and 15 more, then that and the last 9.
    assert_eq!((report.compacted, report.made), (84, 6));
    check(&store, 0..403);
    assert_eq!(store.status().segments, 2);
    // Who was reading still reads.
    assert_eq!(seen(&snapshot).len(), 403);
    assert!(before.iter().all(|name| files(&disk).contains(name)));
    drop(snapshot);
    assert_eq!(files(&disk).len(), 1 + 2);
    assert_eq!(store.compact().unwrap(), Report::default());
    drop(store);
    let (store, recovered) = open(&disk);
    assert_eq!(recovered, Recovered { position: 400, ..Recovered::default() });
    check(&store, 0..400);
}

#[test]
fn compaction_stops_at_its_target_and_at_the_span_that_retention_allows() {
    let disk = disk();
    let retention = Retention {
        others: Limits { age: Some(Duration::from_mins(8)), bytes: None },
        clusters: BTreeMap::new(),
    };
    let (store, _) = Store::open(Arc::clone(&disk), Config { retention, ..config() }).unwrap();
    for start in (0..400).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    store.compact().unwrap();
    check(&store, 0..400);
    for segment in store.snapshot().segments {
        assert!(segment.meta.time.1 - segment.meta.time.0 <= 60_000_000);
    }
    drop(store);
    let (store, _) = Store::open(disk, Config { target_bytes: 1, ..config() }).unwrap();
    assert_eq!(store.compact().unwrap(), Report::default());
}

#[test]
fn what_is_too_old_or_too_much_goes() {
    let disk = disk();
    let limits = |age, bytes| Limits { age, bytes };
    let with = |prod| {
        let others = limits(Some(Duration::from_secs(100)), None);
        let retention = Retention { others, clusters: BTreeMap::from([("prod".to_owned(), prod)]) };
        Store::open(Arc::clone(&disk), Config { retention, ..config() }).unwrap().0
    };
    let store = with(Limits::default());
    for start in (0..100).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    let at = |seconds: i64| MicroTime::from_micros(seconds * 1_000_000);
    let before = store.status();
    let held = store.snapshot();
    assert_eq!(store.retain(at(100)).unwrap(), Report::default());
    // By their own time they would be younger; but they were received in the first moment.
    let report = store.retain(at(101)).unwrap();
    let left = store.status();
    assert_eq!(
        (report.removed, report.removed_rows, report.freed_bytes),
        (10, 33, before.bytes - left.bytes)
    );
    assert_eq!(left.clusters.keys().collect::<Vec<_>>(), ["prod"]);
    assert_eq!(seen(&held).len(), 100);
    drop((held, store));

    let half = left.clusters["prod"].1 / 2;
    let store = with(limits(None, Some(half)));
    assert!(store.retain(at(101)).unwrap().removed >= 5);
    let left = store.status().clusters["prod"].1;
    assert!(left <= half && left > half / 2, "{left} of {half}");
    let first = *seen(&store.snapshot()).first_key_value().unwrap().0;
    assert!(first >= 50, "{first}");
    assert_eq!(store.retain(at(101)).unwrap(), Report::default());
}

#[test]
fn a_file_that_no_longer_is_what_it_was_is_set_aside() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    append(&store, 0..30);
    store.seal().unwrap();
    append(&store, 30..60);
    store.seal().unwrap();
    assert_eq!(store.verify().unwrap(), []);
    let segment = store.snapshot().segments[0].clone();
    assert!(faulty.flip(&segment.path, segment.meta.bytes / 2, 16));
    let damaged = store.verify().unwrap();
    let name = &segment.meta.file.clone();
    assert_eq!(damaged.len(), 1);
    assert_eq!((&damaged[0].file, damaged[0].rows), (name, 20));
    assert_eq!(damaged[0].problem, "its digest is not that of what was written");
    let left = seen(&store.snapshot());
    assert_eq!(left.len(), 40);
    drop((segment, store));
    assert!(files(&disk).contains(&format!("{name}.damaged")));
    let (store, recovered) = open(&disk);
    assert_eq!(recovered.position, 60);
    assert_eq!((recovered.damaged.len(), &recovered.damaged[0].file), (1, name));
    assert_eq!(seen(&store.snapshot()), left);
    assert_eq!(store.status().damaged, recovered.damaged);
}

#[test]
fn each_file_is_read_in_its_turn_and_all_of_them_in_doubt() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    append(&store, 0..30);
    store.seal().unwrap();
    let every = Duration::from_hours(1);
    let scrub = |store: &Store, minutes: i64| {
        let scrubbed = store.scrub(MicroTime::from_micros(minutes * 60_000_000), every).unwrap();
        (scrubbed.bytes > 0, scrubbed.damage.map(|damage| damage.file), scrubbed.in_doubt)
    };
    let (nothing, whole) = ((false, None, false), (true, None, false));
    // Written shortly before; their turn, each once; their turn again.
    assert_eq!(
        [59, 61, 62, 63, 121].map(|minutes| scrub(&store, minutes)),
        [nothing.clone(), whole.clone(), whole.clone(), nothing.clone(), whole]
    );
    // A clock that was put back.
    assert!(scrub(&store, 5).0 && scrub(&store, 5).0 && !scrub(&store, 5).0);
    let segment = store.snapshot().segments[1].clone();
    assert!(faulty.flip(&segment.path, segment.meta.bytes / 2, 16));
    assert_eq!(scrub(&store, 14), nothing);
    store.doubt();
    // Just read, so another reason is likelier, and nobody has files read all the time by asking for what fails.
    assert_eq!(scrub(&store, 14), nothing);
    store.doubt();
    let found = [scrub(&store, 15), scrub(&store, 15), scrub(&store, 15)];
    assert_eq!(found, [(true, None, true), (true, Some(segment.meta.file.clone()), true), nothing]);
    assert_eq!(store.snapshot().segments.len(), 1);
}

#[test]
fn a_file_that_is_cut_or_gone_is_told_and_the_others_are_read() {
    for gone in [false, true] {
        let disk = disk();
        let (store, _) = open(&disk);
        append(&store, 0..30);
        store.seal().unwrap();
        let meta = store.snapshot().segments[0].meta.clone();
        drop(store);
        let path = Path::new(FOLDER).join(&meta.file);
        if gone {
            disk.remove(&path).unwrap();
        } else {
            disk.open(&path).unwrap().truncate(100).unwrap();
        }
        let (store, recovered) = open(&disk);
        assert_eq!(recovered.damaged.len(), 1);
        assert_eq!((&recovered.damaged[0].file, recovered.damaged[0].rows), (&meta.file, 20));
        assert_eq!(seen(&store.snapshot()).len(), 10);
        assert_eq!(files(&disk).contains(&format!("{}.damaged", meta.file)), !gone);
    }
}

#[test]
fn compaction_sets_aside_what_it_cannot_read() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    for start in (0..60).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    let segment = store.snapshot().segments[2].clone();
    // Its end: nothing of it can be read.
    assert!(faulty.flip(&segment.path, segment.meta.bytes - 6, 255));
    let report = store.compact().unwrap();
    assert_eq!((report.damaged.len(), &report.damaged[0].file), (1, &segment.meta.file));
    assert_eq!(report.made, 2);
    assert_eq!(seen(&store.snapshot()).len() as u64, 60 - segment.meta.rows);
}

#[test]
fn a_file_that_the_disk_refuses_is_left_out_and_comes_back() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    append(&store, 0..30);
    store.seal().unwrap();
    let before = files(&disk);
    let segment = store.snapshot().segments[0].clone();
    for times in 1..=20 {
        faulty.set_faults(Faults { errors_per_million: 1_000_000, ..Faults::default() });
        let told = store.suspect(&segment).unwrap().unwrap();
        faulty.set_faults(Faults::default());
        assert!(told.problem.starts_with("it cannot be read: "), "{told:?}");
        // A query that has failed because of it does not fail for ever.
        assert_eq!(store.snapshot().segments.len(), if times < 3 { 2 } else { 1 });
        assert_eq!(store.status().damaged.len(), usize::from(times >= 3));
    }
    assert_eq!(files(&disk), before);
    // Not chosen while it is refused, looked at again with each compaction.
    assert_eq!(store.compact().unwrap(), Report::default());
    check(&store, 0..30);
    assert_eq!(store.status().damaged, []);
}

#[test]
fn a_folder_that_is_gone_for_a_while_costs_no_file() {
    let disk = disk();
    let (store, _) = open(&disk);
    append(&store, 0..30);
    store.seal().unwrap();
    let before = files(&disk);
    let moved = |name: &str, back: bool| {
        let (here, there) = (Path::new(FOLDER).join(name), Path::new(FOLDER).join(format!("{name}.moved")));
        let (from, to) = if back { (there, here) } else { (here, there) };
        disk.rename(&from, &to).unwrap();
    };
    before.iter().for_each(|name| moved(name, false));
    assert_eq!(store.verify().unwrap().len(), 2);
    before.iter().for_each(|name| moved(name, true));
    assert_eq!(store.verify().unwrap(), []);
    check(&store, 0..30);
    assert_eq!(files(&disk), before);
}

#[test]
fn a_full_disk_is_not_filled_by_trying() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    for start in (0..50).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    append(&store, 50..100);
    let before = files(&disk);
    for room in (0..40_000).step_by(500) {
        faulty.set_faults(Faults { capacity: Some(faulty.used() + room), ..Faults::default() });
        if room > 30_000 {
            // By now there is room for all of it.
            store.compact().unwrap();
            break;
        }
        if store.seal().is_err() {
            assert_eq!(files(&disk), before, "{room}");
        }
    }
    check(&store, 0..100);
}

#[test]
fn on_a_full_disk_what_is_too_much_goes() {
    let (faulty, disk) = faulty_disk(3);
    let limits = Limits { age: None, bytes: Some(0) };
    let open = |others: Limits| {
        let retention = Retention { others, clusters: BTreeMap::new() };
        Store::open(Arc::clone(&disk), Config { retention, ..config() }).unwrap().0
    };
    let store = open(Limits::default());
    for start in (0..50).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    store.retain(MicroTime::from_micros(1)).unwrap();
    drop(store);
    let before = faulty.used();
    faulty.set_faults(Faults { capacity: Some(before), ..Faults::default() });
    let store = open(limits);
    assert_eq!(store.retain(MicroTime::from_micros(1)).unwrap().removed_rows, 50);
    check(&store, 0..0);
    let after = faulty.used();
    assert!(after < before && after > 1 << 20, "{before} {after}: there is room for another spare file");
}

/// What a crash has left has a name that would be given next.
#[test]
fn what_cannot_be_removed_at_the_start_is_in_nobodys_way() {
    let begin = |disk: &Arc<dyn Disk>| {
        let (store, _) = open(disk);
        append(&store, 0..10);
        store
    };
    let clean = disk();
    begin(&clean).seal().unwrap();
    let mut stayed = 0;
    for seed in 0..50 {
        let (faulty, disk) = faulty_disk(seed);
        drop(open(&disk));
        let left = files(&clean).into_iter().filter(|name| name.starts_with("events-"));
        let left: Vec<String> = left.map(|name| format!("{name}.new")).collect();
        for name in &left {
            drop(disk.create(&Path::new(FOLDER).join(name)).unwrap());
        }
        faulty.set_faults(Faults { errors_per_million: 300_000, ..Faults::default() });
        let store = (0..1000).find_map(|_| Store::open(Arc::clone(&disk), config()).ok()).unwrap().0;
        faulty.set_faults(Faults::default());
        stayed += usize::from(left.iter().any(|name| files(&disk).contains(name)));
        append(&store, 0..10);
        store.seal().unwrap();
        check(&store, 0..10);
        assert!(!left.iter().any(|name| files(&disk).contains(name)), "seed {seed}");
    }
    assert!(stayed > 0, "the disk has always removed them");
}

#[test]
fn what_cannot_be_removed_at_once_is_removed_later() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    for start in (0..40).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    let snapshot = store.snapshot();
    assert_eq!(store.compact().unwrap().made, 2);
    faulty.set_faults(Faults { errors_per_million: 1_000_000, ..Faults::default() });
    append(&store, 40..50);
    for _ in 0..5 {
        store.seal().unwrap_err();
    }
    drop(snapshot);
    faulty.set_faults(Faults::default());
    store.seal().unwrap();
    assert_eq!(files(&disk).len(), 1 + 2 + 2, "{:?}", files(&disk));
    check(&store, 0..50);
}

#[test]
fn a_position_that_was_told_stays() {
    for seed in 0..60 {
        let (faulty, disk) = faulty_disk(seed);
        let (store, _) = open(&disk);
        append(&store, 0..6);
        store.seal().unwrap();
        append(&store, 6..12);
        faulty.crash_after(seed % 20);
        _ = store.seal();
        faulty.crash_after(0);
        _ = disk.list(Path::new(FOLDER));
        drop(store);
        faulty.restart(Loss::Process);
        let (store, recovered) = open(&disk);
        // With this the journal lets go what is before, and the power goes.
        faulty.crash_after(0);
        _ = disk.list(Path::new(FOLDER));
        drop(store);
        faulty.restart(Loss::Power);
        let (store, again) = open(&disk);
        assert_eq!(again.position, recovered.position, "seed {seed}");
        check(&store, 0..recovered.position);
    }
}

#[test]
fn a_damaged_catalogue_is_made_anew() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    for start in (0..60).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    store.compact().unwrap();
    append(&store, 60..70);
    store.seal().unwrap();
    drop(store);
    assert!(faulty.flip(&Path::new(FOLDER).join("catalogue"), 20, 1));
    let (store, recovered) = open(&disk);
    assert!(recovered.catalogue_made);
    assert_eq!(recovered.position, 70);
    assert_eq!(recovered.damaged[0].file, "catalogue");
    check(&store, 0..70);
    drop(store);
    let (store, recovered) = open(&disk);
    assert!(!recovered.catalogue_made);
    check(&store, 0..70);
}

#[test]
fn a_catalogue_lost_in_the_middle_of_a_seal_loses_and_doubles_nothing() {
    let (_, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    append(&store, 0..10);
    store.seal().unwrap();
    append(&store, 10..20);
    store.seal().unwrap();
    let last = store.snapshot().segments[3].clone();
    drop(store);
    disk.remove(&last.path).unwrap();
    disk.remove(&Path::new(FOLDER).join("catalogue")).unwrap();
    for _ in 0..2 {
        let (store, recovered) = open(&disk);
        assert_eq!(recovered.position, 10);
        assert_eq!(append(&store, 10..25) as u64, last.meta.rows + 5);
        check(&store, 0..25);
    }
    let (store, _) = open(&disk);
    append(&store, 10..25);
    store.seal().unwrap();
    check(&store, 0..25);
    drop(store);
    let (store, recovered) = open(&disk);
    assert_eq!(recovered.position, 25);
    check(&store, 0..25);
}

#[test]
fn a_catalogue_lost_after_retention_took_some_of_the_last_files_costs_no_others() {
    let (faulty, disk) = faulty_disk(3);
    let bytes = Limits { age: None, bytes: Some(1) };
    let retention =
        Retention { others: Limits::default(), clusters: BTreeMap::from([("prod".to_owned(), bytes)]) };
    let config = Config { retention, ..config() };
    let (store, _) = Store::open(Arc::clone(&disk), config.clone()).unwrap();
    append(&store, 0..30);
    store.seal().unwrap();
    assert_eq!(store.retain(MicroTime::from_micros(0)).unwrap().removed, 1);
    let left = seen(&store.snapshot());
    assert_eq!(left.len(), 10);
    drop(store);
    assert!(faulty.flip(&Path::new(FOLDER).join("catalogue"), 20, 1));
    for _ in 0..2 {
        let (store, _) = Store::open(Arc::clone(&disk), config.clone()).unwrap();
        assert_eq!(seen(&store.snapshot()), left);
    }
    // Should the journal still have them all, none is doubled.
    let (store, _) = Store::open(Arc::clone(&disk), config).unwrap();
    append(&store, 0..40);
    check(&store, 0..40);
    store.seal().unwrap();
    check(&store, 0..40);
}

#[test]
fn a_part_of_a_seal_is_not_made_whole_by_being_put_together() {
    let disk = disk();
    let (store, _) = open(&disk);
    for start in (0..40).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
    }
    let last = store.snapshot().segments[7].clone();
    assert_eq!(last.meta.cluster, cluster(2));
    drop(store);
    disk.remove(&last.path).unwrap();
    for made in [1, 0] {
        disk.remove(&Path::new(FOLDER).join("catalogue")).unwrap();
        let (store, recovered) = open(&disk);
        assert_eq!(recovered.position, 30);
        assert_eq!(store.compact().unwrap().made, made);
    }
    let (store, _) = open(&disk);
    append(&store, 30..40);
    check(&store, 0..40);
}

#[test]
fn a_catalogue_lost_while_a_query_holds_old_files_doubles_nothing() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    let mut held = None;
    for start in (0..400).step_by(10) {
        append(&store, start..start + 10);
        store.seal().unwrap();
        // These outlive the first files that are made of them.
        held.get_or_insert_with(|| store.snapshot());
        store.compact().unwrap();
    }
    check(&store, 0..400);
    faulty.crash_after(0);
    _ = disk.list(Path::new(FOLDER));
    drop((held, store));
    faulty.restart(Loss::Process);
    disk.remove(&Path::new(FOLDER).join("catalogue")).unwrap();
    let (store, recovered) = open(&disk);
    assert_eq!(recovered.position, 400);
    check(&store, 0..400);
    assert_eq!(files(&disk).len(), 1 + store.status().segments);
}

#[test]
fn without_a_catalogue_a_file_that_cannot_be_judged_now_is_not_set_aside() {
    let (faulty, disk) = faulty_disk(3);
    let (store, _) = open(&disk);
    append(&store, 0..30);
    store.seal().unwrap();
    drop(store);
    disk.remove(&Path::new(FOLDER).join("catalogue")).unwrap();
    let before = files(&disk);
    let mut refused = 0;
    for _ in 0..200 {
        faulty.set_faults(Faults { errors_per_million: 100_000, ..Faults::default() });
        let opened = Store::open(Arc::clone(&disk), config());
        faulty.set_faults(Faults::default());
        match opened {
            Err(OpenError::File { .. }) => refused += 1,
            Err(_) => {}
            Ok((store, _)) => {
                check(&store, 0..30);
                drop(store);
                disk.remove(&Path::new(FOLDER).join("catalogue")).unwrap();
            }
        }
        let parquet = |names: &[String]| names.iter().filter(|name| name.ends_with(".parquet")).count();
        assert_eq!(parquet(&files(&disk)), parquet(&before));
    }
    assert!(refused > 5, "{refused}");
    let (store, _) = open(&disk);
    check(&store, 0..30);
}

#[test]
fn a_later_version_is_not_touched() {
    let disk = disk();
    let text = br#"{"auditwardCatalogue":2}"#;
    let digest = format!("\n{}\n", auditward_base::Digest::of(text));
    disk.create_folder(Path::new(FOLDER)).unwrap();
    disk.replace(&Path::new(FOLDER).join("catalogue"), &[text, digest.as_bytes()]).unwrap();
    disk.create(&Path::new(FOLDER).join("events-x-1.parquet")).unwrap();
    let error = Store::open(Arc::clone(&disk), config()).map(drop).unwrap_err();
    assert_eq!(error.to_string(), "could not read `/data/store/catalogue`");
    assert_eq!(files(&disk).len(), 2);
}

mod damage {
    use auditward_base::disk::faulty::Dice;

    use super::*;

    /// A flipped bit anywhere: the store opens, the file is told by its name, the other files' rows are there.
    #[test]
    fn any_flipped_bit_is_told() {
        for seed in 0..40 {
            let mut dice = Dice::new(seed);
            let (faulty, disk) = faulty_disk(seed);
            let (store, _) = open(&disk);
            append(&store, 0..40);
            store.seal().unwrap();
            append(&store, 40..60);
            store.seal().unwrap();
            let whole = seen(&store.snapshot());
            let metas: Vec<SegmentMeta> =
                store.snapshot().segments.iter().map(|one| one.meta.clone()).collect();
            drop(store);
            let all = disk.list(Path::new(FOLDER)).unwrap();
            let file = &all[dice.index(all.len())];
            let bit = 1 << dice.below(8);
            assert!(faulty.flip(&Path::new(FOLDER).join(&file.name), dice.below(file.bytes), bit));
            let (store, mut recovered) = open(&disk);
            recovered.damaged.extend(store.verify().unwrap());
            let told: Vec<&str> = recovered.damaged.iter().map(|damage| damage.file.as_str()).collect();
            // The line break at the catalogue's end says nothing.
            assert!(
                told == [file.name.as_str()] || file.name == "catalogue" && told.is_empty(),
                "seed {seed}: {told:?}"
            );
            let hit = metas.iter().find(|meta| meta.file == file.name);
            let lost = hit.map_or(0, |meta| usize::try_from(meta.rows).unwrap());
            let left = seen(&store.snapshot());
            assert_eq!(left.len() + lost, whole.len(), "seed {seed}");
            assert!(left.iter().all(|row| whole.get(row.0) == Some(row.1)));
        }
    }
}

#[test]
fn files_that_follow_each_other_are_not_in_memory_together() {
    let disk = disk();
    let (store, _) = open(&disk);
    for part in 0..6 {
        append(&store, part * 24..(part + 1) * 24);
        store.seal().unwrap();
    }
    let segments: Vec<_> =
        store.snapshot().segments.into_iter().filter(|segment| segment.meta.cluster == "prod").collect();
    let mut merge = compact::Merge::new(&segments).unwrap();
    let mut rows = 0;
    while let Some(batch) = merge.next_rows().unwrap() {
        assert!(merge.in_memory() <= 1);
        rows += batch.num_rows();
    }
    assert_eq!((segments.len(), rows), (6, 96));
}
