use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use auditward_base::disk::Disk;
use auditward_base::disk::faulty::{Faults, FaultyDisk, Loss};
use auditward_event::MicroTime;

use super::*;

fn disk() -> Arc<dyn Disk> {
    Arc::new(FaultyDisk::new(1))
}

fn config() -> AlertConfig {
    AlertConfig { file_bytes: 600, ..AlertConfig::new("/data/alerts") }
}

fn open(disk: &Arc<dyn Disk>) -> (AlertLog, AlertsRecovered) {
    AlertLog::open(Arc::clone(disk), config()).unwrap()
}

fn at(micros: i64) -> MicroTime {
    MicroTime::from_micros(micros)
}

fn alert(id: &str, time: i64) -> NewAlert<'_> {
    let (severity, cluster) = if time % 2 == 0 { ("high", "prod") } else { ("low", "test") };
    NewAlert { id, time: at(time), rule: "rule", severity, cluster, json: r#"{"title":"\u00e9","n":[1]}"# }
}

fn append(log: &AlertLog, id: &str, time: i64) -> u64 {
    log.append(&[alert(id, time)]).unwrap()[0]
}

fn ids(alerts: &[StoredAlert]) -> Vec<&str> {
    alerts.iter().map(|alert| alert.id.as_str()).collect()
}

#[test]
fn an_alert_is_there_once_however_often_it_is_found() {
    let disk = disk();
    let (log, recovered) = open(&disk);
    assert_eq!(recovered, AlertsRecovered { next: 1, ..AlertsRecovered::default() });
    assert_eq!(log.append(&[alert("a", 1), alert("b", 2), alert("a", 1)]).unwrap(), [1, 2, 1]);
    assert_eq!(log.append(&[alert("b", 2), alert("c", 3)]).unwrap(), [2, 3]);
    assert!(log.append(&[]).unwrap().is_empty());
    let (again, recovered) = open(&disk);
    assert_eq!((recovered.alerts, recovered.next), (3, 4));
    assert_eq!(again.append(&[alert("c", 3), alert("d", 4)]).unwrap(), [3, 4]);
    let alerts = again.after(1, 2).unwrap();
    assert_eq!(ids(&alerts), ["b", "c"]);
    assert_eq!(alerts[0].json, r#"{"title":"\u00e9","n":[1]}"#);
    assert_eq!((alerts[0].seq, alerts[0].time, &*alerts[0].severity), (2, at(2), "high"));
    assert_eq!(again.after(4, 9).unwrap(), []);
    assert_eq!(again.after(u64::MAX, 9).unwrap(), []);
    assert_eq!(again.get("d").unwrap().unwrap().seq, 4);
    assert_eq!(again.get("e").unwrap(), None);
}

#[test]
fn pages_go_back_in_time() {
    let (log, _) = open(&disk());
    for (id, time) in ["a", "b", "c", "d", "e"].into_iter().zip(1..) {
        append(&log, id, time);
    }
    let page = |filter: &AlertFilter, before, limit| {
        let page = log.page(filter, before, limit).unwrap();
        (ids(&page.alerts).join(""), page.next)
    };
    let all = AlertFilter::default();
    assert_eq!(page(&all, None, 2), ("ed".to_owned(), Some(4)));
    assert_eq!(page(&all, Some(4), 2), ("cb".to_owned(), Some(2)));
    assert_eq!(page(&all, Some(2), 2), ("a".to_owned(), None));
    assert_eq!(page(&all, Some(1), 2), (String::new(), None));
    let high = AlertFilter { severities: vec!["high".to_owned()], ..AlertFilter::default() };
    assert_eq!(page(&high, None, 2), ("db".to_owned(), None));
    let some = AlertFilter { since: Some(at(2)), until: Some(at(4)), ..AlertFilter::default() };
    assert_eq!(page(&some, None, 9), ("cb".to_owned(), None));
    let none = AlertFilter { rules: vec!["other".to_owned()], ..AlertFilter::default() };
    assert_eq!(page(&none, None, 9), (String::new(), None));
    log.triage("c", &Triage { state: TriageState::Closed, ..Triage::default() }).unwrap();
    let open = AlertFilter { states: vec![TriageState::Open], ..AlertFilter::default() };
    assert_eq!(page(&open, None, 9), ("edba".to_owned(), None));
    assert_eq!((log.count(&open), log.count(&all), log.status().open), (4, 5, 4));
}

#[test]
fn what_was_done_about_an_alert_stays() {
    let disk = disk();
    let (log, _) = open(&disk);
    append(&log, "a", 1);
    append(&log, "b", 2);
    let triage = Triage {
        state: TriageState::Acknowledged,
        note: "a \"test\"\nof ours".to_owned(),
        by: "kim".to_owned(),
        at: Some(at(77)),
    };
    assert_eq!(log.triage("a", &triage).unwrap().history, std::slice::from_ref(&triage));
    let (log, _) = open(&disk);
    assert_eq!(log.get("a").unwrap().unwrap().history, std::slice::from_ref(&triage));
    assert!(log.get("b").unwrap().unwrap().history.is_empty());
    let again = Triage { state: TriageState::Open, note: "no".to_owned(), ..triage.clone() };
    log.triage("a", &again).unwrap();
    assert_eq!(log.get("a").unwrap().unwrap().history, [triage.clone(), again]);
    log.triage("a", &triage).unwrap();
    let error = log.triage("z", &triage).unwrap_err();
    assert_eq!(error.to_string(), "there is no alert `z`");
    let long = Triage { note: "x".repeat(NOTE_BYTES_MAX + 1), ..triage };
    assert_eq!(
        log.triage("a", &long).unwrap_err().to_string(),
        "a note has at most 4096 bytes, this one has 4097"
    );
}

#[test]
fn what_is_no_json_of_one_line_is_refused_and_nothing_is_written() {
    let (log, _) = open(&disk());
    for json in ["", "{", "{\n}", "1 2"] {
        let wrong = NewAlert { json, ..alert("b", 1) };
        let error = log.append(&[alert("a", 1), wrong]).unwrap_err();
        assert_eq!(error.to_string(), "alert `b` is no JSON of one line with at most 4194304 bytes");
    }
    assert_eq!(log.status(), AlertStatus::default());
    assert_eq!(append(&log, "a", 1), 1);
}

#[test]
fn the_oldest_files_go() {
    let disk = disk();
    let config = AlertConfig { alerts_max: 4, age: Some(Duration::from_micros(100)), ..config() };
    let (log, _) = AlertLog::open(Arc::clone(&disk), config.clone()).unwrap();
    for number in 1..=12 {
        append(&log, &number.to_string(), number);
    }
    let files = log.status().files;
    assert!(files > 2, "{files}");
    let removed = log.retain(at(50), u64::MAX).unwrap();
    let left = log.status();
    assert!(removed > 0 && left.alerts >= 4 && left.alerts + removed == 12, "{removed} {left:?}");
    let (again, recovered) = AlertLog::open(Arc::clone(&disk), config).unwrap();
    assert_eq!((recovered.alerts, recovered.next), (left.alerts, 13));
    // What is no longer kept is not known any more.
    assert_eq!(again.get("1").unwrap(), None);
    assert_eq!(append(&again, "1", 1), 13);
    again.retain(at(1000), u64::MAX).unwrap();
    assert_eq!(again.status().files, 1);
}

#[test]
fn what_somebody_has_still_to_be_told_of_stays_within_bounds() {
    let config = AlertConfig { alerts_max: 8, age: Some(Duration::from_micros(100)), ..config() };
    let (log, _) = AlertLog::open(disk(), config).unwrap();
    for number in 1..=12 {
        append(&log, &number.to_string(), number);
    }
    let oldest = || log.after(0, 1).unwrap()[0].seq;
    assert_eq!(log.retain(at(1000), 0).unwrap(), 0, "nobody has been told of any");
    log.retain(at(1000), 7).unwrap();
    let first = oldest();
    assert!(first > 1 && first <= 7, "{first}");
    for number in 13..=40 {
        append(&log, &number.to_string(), number);
    }
    log.retain(at(1000), 7).unwrap();
    let left = log.status().alerts;
    assert!(oldest() > 7 && (16..24).contains(&left), "{left}");
}

#[test]
fn a_torn_end_is_cut_and_a_damaged_line_is_told() {
    let disk = disk();
    let (log, _) = open(&disk);
    append(&log, "a", 1);
    append(&log, "b", 2);
    let path = Path::new("/data/alerts/alerts-0000000000000001.log");
    let text = disk.read(path, 1 << 20).unwrap();
    let lines: Vec<&[u8]> = text.split_inclusive(|byte| *byte == b'\n').collect();
    for cut in 0..=lines[2].len() {
        let (disk, kept) = (self::disk(), text.len() - cut);
        disk.create_folder(Path::new("/data/alerts")).unwrap();
        disk.replace(path, &[&text[..kept]]).unwrap();
        let (log, recovered) = open(&disk);
        assert_eq!(recovered.alerts, if cut == 0 { 2 } else { 1 }, "{cut}");
        assert!(recovered.damaged.is_empty());
        let b = append(&log, "b", 2);
        let (log, recovered) = open(&disk);
        assert_eq!((recovered.alerts, log.get("b").unwrap().unwrap().seq), (2, b));
    }
    for flipped in lines[0].len()..lines[0].len() + lines[1].len() {
        let disk = self::disk();
        let mut text = text.clone();
        text[flipped] ^= 1;
        disk.create_folder(Path::new("/data/alerts")).unwrap();
        disk.replace(path, &[&text]).unwrap();
        let (log, recovered) = open(&disk);
        assert_eq!(recovered.damaged.len(), 1, "{flipped}");
        assert_eq!(recovered.damaged[0].file, "alerts-0000000000000001.log");
        // The line break itself makes two lines one.
        assert!(log.get("b").unwrap().is_some() || flipped + 1 == lines[0].len() + lines[1].len());
        assert!(append(&log, "a", 1) > 1);
        let (_, recovered) = open(&disk);
        assert!(recovered.next > 3);
    }
}

#[test]
fn a_later_version_is_not_touched() {
    let disk = disk();
    let mut text = Vec::new();
    line::write(&serde_json::json!({"head": {"version": 2, "first": 1}}), &mut text).unwrap();
    disk.create_folder(Path::new("/data/alerts")).unwrap();
    disk.replace(Path::new("/data/alerts/alerts-0000000000000001.log"), &[&text]).unwrap();
    let error = AlertLog::open(disk, config()).map(drop).unwrap_err();
    let text =
        "`/data/alerts/alerts-0000000000000001.log` has version 2, and the newest that is known here is 1";
    assert_eq!(error.to_string(), text);
}

#[test]
fn what_was_seen_after_a_restart_stays_when_the_power_goes() {
    for seed in 0..200 {
        let faulty = FaultyDisk::new(seed);
        let disk: Arc<dyn Disk> = Arc::new(faulty.clone());
        let (log, _) = open(&disk);
        append(&log, "a", 1);
        // Written, and perhaps not synced.
        if seed % 2 == 0 {
            faulty.crash_after(seed % 5);
        } else {
            faulty.set_faults(Faults { sync_errors_per_million: 1_000_000, ..Faults::default() });
        }
        _ = log.append(&[alert("b", 2)]);
        drop(log);
        faulty.restart(Loss::Process);
        let (log, _) = open(&disk);
        let b = append(&log, "b", 2);
        drop(log);
        faulty.restart(Loss::Power);
        let (log, _) = open(&disk);
        assert_eq!(log.get("b").unwrap().map(|alert| alert.seq), Some(b), "seed {seed}");
        assert_eq!(log.get("a").unwrap().map(|alert| alert.seq), Some(1), "seed {seed}");
    }
}

#[test]
fn what_a_failed_call_has_left_does_not_come_back() {
    for seed in 0..200 {
        let faulty = FaultyDisk::new(seed);
        let disk: Arc<dyn Disk> = Arc::new(faulty.clone());
        let (log, _) = open(&disk);
        append(&log, "a", 1);
        let triage = |state| Triage { state, ..Triage::default() };
        log.triage("a", &triage(TriageState::Acknowledged)).unwrap();
        faulty.set_faults(Faults { errors_per_million: 500_000, ..Faults::default() });
        let done = log.triage("a", &triage(TriageState::Closed)).is_ok();
        faulty.set_faults(Faults::default());
        append(&log, "b", 2);
        let expected = if done { TriageState::Closed } else { TriageState::Acknowledged };
        assert_eq!(log.get("a").unwrap().unwrap().state(), expected, "seed {seed}");
        drop(log);
        faulty.restart(Loss::Power);
        let (log, _) = open(&disk);
        assert_eq!(log.get("a").unwrap().unwrap().state(), expected, "seed {seed}");
        assert_eq!(log.status().alerts, 2, "seed {seed}");
    }
}

#[test]
fn a_full_disk_is_not_filled_by_trying_and_what_is_there_is_shown() {
    let faulty = FaultyDisk::new(1);
    let disk: Arc<dyn Disk> = Arc::new(faulty.clone());
    let (log, _) = open(&disk);
    append(&log, "a", 1);
    let files = || disk.list(Path::new("/data/alerts")).unwrap();
    let before = files();
    for room in 0..60 {
        faulty.set_faults(Faults { capacity: Some(faulty.used() + room), ..Faults::default() });
        log.append(&[alert("b", 2)]).unwrap_err();
        assert_eq!(files(), before, "{room}");
    }
    let (log, recovered) = open(&disk);
    assert_eq!((recovered.alerts, log.get("a").unwrap().map(|alert| alert.seq)), (1, Some(1)));
    // Nothing is promised while nobody knows whether the last lines are safe.
    log.append(&[alert("a", 1)]).unwrap_err();
    faulty.set_faults(Faults::default());
    assert_eq!(log.append(&[alert("a", 1), alert("b", 2)]).unwrap(), [1, 2]);
}

#[test]
fn a_file_that_was_removed_before_the_disk_failed_is_removed() {
    for seed in 0..50 {
        let faulty = FaultyDisk::new(seed);
        let disk: Arc<dyn Disk> = Arc::new(faulty.clone());
        let config = AlertConfig { alerts_max: 4, ..config() };
        let (log, _) = AlertLog::open(Arc::clone(&disk), config).unwrap();
        for number in 1..=20 {
            append(&log, &number.to_string(), number);
        }
        faulty.set_faults(Faults { errors_per_million: 500_000, ..Faults::default() });
        _ = log.retain(at(50), u64::MAX);
        faulty.set_faults(Faults::default());
        log.retain(at(50), u64::MAX).unwrap();
        let left = log.status();
        assert!((4..10).contains(&left.alerts), "seed {seed}: {left:?}");
        assert_eq!(log.after(0, 99).unwrap().len(), left.alerts);
        assert_eq!(disk.list(Path::new("/data/alerts")).unwrap().len(), left.files);
    }
}
