//! Histograms and facets.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use auditward_event::MicroTime;
use auditward_query::{Search, names, parse};
use auditward_scan::{Facet, Histogram, Order, ScanError, facet_fields};

use crate::naive;
use crate::trail::{Shape, Trail, captured, rows};

fn trail() -> Trail {
    Trail::new(rows(captured().into_iter().take(1200)), Shape::Files(3))
}

fn search(text: &str) -> Search {
    parse(text, MicroTime::GO_ZERO).unwrap()
}

#[test]
fn histograms_count_what_a_naive_scan_counts() {
    let trail = trail();
    for (text, most) in [("", 1), ("", 20), ("verb:get", 100), ("user:nobody-at-all", 10), ("", 5000)] {
        let search = search(text);
        let histogram = trail.scan.wait(trail.scan.histogram(&search, most)).unwrap();
        assert!(!histogram.buckets.is_empty() && histogram.buckets.len() <= most, "{text} {most}");
        let mut counted = 0;
        for bucket in &histogram.buckets {
            let end = MicroTime::from_micros(bucket.start.as_micros() + histogram.width_micros);
            let within = search.clone().within(Some(bucket.start), Some(end));
            if most < 1000 {
                let wanted = naive::search(&trail.rows, &within, Order::OldestFirst).len() as u64;
                assert_eq!(bucket.events, wanted, "{text} {most} {}", bucket.start);
            }
            counted += bucket.events;
        }
        assert_eq!(counted, naive::search(&trail.rows, &search, Order::OldestFirst).len() as u64);
    }
}

#[test]
fn a_clock_that_runs_wrong_does_not_stretch_a_histogram() {
    let wrong = br#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a","stageTimestamp":"9999-01-01T00:00:00.000000Z"}"#;
    let trail = Trail::new(rows(captured().into_iter().take(50).chain([wrong.to_vec()])), Shape::Files(1));
    let histogram = trail.scan.wait(trail.scan.histogram(&Search::default(), 60)).unwrap();
    assert!(histogram.width_micros < 365 * 86_400_000_000, "{histogram:?}");
    let until = Search::default().within(None, Some(MicroTime::MAX));
    let all = trail.scan.wait(trail.scan.histogram(&until, 60)).unwrap();
    let count = |histogram: &Histogram| histogram.buckets.iter().map(|bucket| bucket.events).sum::<u64>();
    assert_eq!(count(&histogram) + 1, count(&all));
}

#[test]
fn a_histogram_spans_what_was_asked_for() {
    let trail = trail();
    let first = trail.rows.iter().map(crate::naive::Row::time).min().unwrap();
    let since = MicroTime::from_micros(first.as_micros() - 3_600_000_000);
    let search = Search::default().within(Some(since), Some(first));
    let histogram = trail.scan.wait(trail.scan.histogram(&search, 60)).unwrap();
    assert_eq!(histogram.buckets.iter().map(|bucket| bucket.events).sum::<u64>(), 0);
}

#[test]
fn facets_count_what_a_naive_scan_counts() {
    let trail = trail();
    let search = search("-verb:watch");
    let mut wanted: BTreeMap<Option<String>, u64> = BTreeMap::new();
    let mut groups: BTreeMap<Option<String>, u64> = BTreeMap::new();
    for row in naive::search(&trail.rows, &search, Order::OldestFirst) {
        let view = row.view();
        let user = view.user();
        *wanted.entry(Some(user.username.to_string()).filter(|name| !name.is_empty())).or_default() += 1;
        if user.groups().next().is_none() {
            *groups.entry(None).or_default() += 1;
        }
        for group in user.groups() {
            *groups.entry(Some(group.into_owned())).or_default() += 1;
        }
    }
    for (field, wanted) in [("user", wanted), ("groups", groups)] {
        let (events, distinct) = (wanted.values().sum::<u64>(), wanted.len() as u64);
        let mut wanted: Vec<Facet> =
            wanted.into_iter().map(|(value, events)| Facet { value, events }).collect();
        wanted.sort_by_key(|facet| (Reverse(facet.events), facet.value.is_none(), facet.value.clone()));
        for most in [0, 1, 2, 3, 1000] {
            let facets = trail.scan.wait(trail.scan.facets(&search, field, most)).unwrap();
            let told: u64 = facets.values.iter().map(|facet| facet.events).sum();
            assert_eq!(facets.values, wanted[..wanted.len().min(most)], "{field} {most}");
            assert_eq!((facets.others, facets.distinct), (events - told, distinct), "{field} {most}");
        }
    }
}

#[test]
fn every_field_can_be_counted_by() {
    let trail = trail();
    for field in facet_fields() {
        assert_eq!(
            names::find(field).map(|name| name.name),
            Some(field),
            "what is counted can be searched for"
        );
        let facets = trail.scan.wait(trail.scan.facets(&Search::default(), field, 3)).unwrap();
        assert!(!facets.values.is_empty(), "{field}");
    }
    let error = trail.scan.wait(trail.scan.facets(&Search::default(), "colour", 3)).unwrap_err();
    assert!(matches!(&error, ScanError::Field(unknown) if unknown.field == "colour"), "{error}");
}
