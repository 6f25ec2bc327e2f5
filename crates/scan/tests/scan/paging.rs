//! Pages, while more is stored; requests by their id; objects.

use auditward_query::{Clusters, Search};
use auditward_scan::{Cursor, Object, Order, Page, Whose};

use crate::naive;
use crate::property::paged;
use crate::trail::{Shape, Trail, captured, put, rows};

#[test]
fn pages_are_stable_while_more_is_stored() {
    let rows = rows(captured().into_iter().take(900));
    let (before, after) = rows.split_at(600);
    let trail = Trail::new(before.to_vec(), Shape::Files(2));
    let everything = Search::default();
    for order in [Order::NewestFirst, Order::OldestFirst] {
        let wanted: Vec<u64> =
            naive::search(before, &everything, order).iter().map(|row| row.position).collect();
        let mut page = Page { after: None, limit: 100, order };
        let mut seen = Vec::new();
        let mut more = after.chunks(60);
        loop {
            let found = trail.scan.wait(trail.scan.search(&everything, page)).unwrap();
            seen.extend(found.events.iter().map(|hit| hit.position));
            if order == Order::NewestFirst
                && let Some(more) = more.next()
            {
                put(&trail.store, more);
                trail.store.seal().unwrap();
                trail.store.compact().unwrap();
            }
            match found.next {
                Some(next) => page.after = Some(next),
                None => break,
            }
        }
        let mut once = seen.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!(once.len(), seen.len(), "no event is on two pages");
        // What was there from the start is there in its order, whatever came between.
        let old: Vec<u64> = seen.into_iter().filter(|position| *position < 600).collect();
        assert_eq!(old, wanted, "{order:?}");
    }
}

#[test]
fn a_page_has_no_more_bytes_than_its_limit() {
    let rows = rows(captured().into_iter().take(300));
    let largest = rows.iter().map(|row| row.event.len()).max().unwrap();
    let trail = Trail::with(rows, Shape::Files(1), |limits| limits.page_bytes = 20_000);
    let mut page = Page::first(1000);
    let mut seen = 0;
    loop {
        let found = trail.scan.wait(trail.scan.search(&Search::default(), page)).unwrap();
        let bytes: usize = found.events.iter().map(|hit| hit.event.len()).sum();
        assert!(bytes <= 20_000.max(largest), "{bytes}");
        assert!(!found.events.is_empty());
        seen += found.events.len();
        match found.next {
            Some(next) => page.after = Some(next),
            None => break,
        }
    }
    assert_eq!(seen, 300);
}

#[test]
fn an_event_comes_back_as_it_was() {
    let trail = Trail::new(rows(captured().into_iter().take(400)), Shape::Files(2));
    let found = trail.scan.wait(trail.scan.search(&Search::default(), Page::first(1000))).unwrap();
    for hit in found.events {
        let row = &trail.rows[usize::try_from(hit.position).unwrap()];
        assert_eq!(hit.event.escape_ascii().to_string(), row.event.escape_ascii().to_string());
        assert_eq!((hit.time, hit.received, &hit.cluster), (row.time(), row.received, &row.cluster));
    }
}

#[test]
fn a_request_is_found_by_its_id() {
    let trail = Trail::new(rows(captured().into_iter().take(800)), Shape::Compacted(3));
    for row in trail.rows.iter().step_by(97) {
        let id = row.view().audit_id().into_owned();
        let found = trail.scan.wait(trail.scan.lookup(&id, &Clusters::all())).unwrap();
        let wanted: Vec<u64> =
            trail.rows.iter().filter(|row| row.view().audit_id() == id).map(|row| row.position).collect();
        let mut positions: Vec<u64> = found.events.iter().map(|hit| hit.position).collect();
        positions.sort_unstable();
        assert_eq!(positions, wanted, "{id}");
    }
    let none = trail.scan.wait(trail.scan.lookup("no such request", &Clusters::all())).unwrap();
    assert_eq!((none.events.len(), none.next), (0, None));
}

#[test]
fn timelines_are_searches() {
    let trail = Trail::new(rows(captured().into_iter().take(1500)), Shape::Files(2));
    let row = trail
        .rows
        .iter()
        .find(|row| row.view().object_ref().is_some_and(|object| !object.name.is_empty()))
        .unwrap();
    let view = row.view();
    let object = view.object_ref().unwrap();
    let whose = [
        Whose::User(view.user().username.into_owned()),
        Whose::Address(view.source_ips().last().unwrap().into_owned()),
        Whose::Object(Object {
            group: Some(object.api_group.to_string()),
            resource: object.resource.to_string(),
            namespace: (!object.namespace.is_empty()).then(|| object.namespace.to_string()),
            name: object.name.to_string(),
        }),
    ];
    for whose in whose {
        let search = whose.search();
        let wanted: Vec<u64> =
            naive::search(&trail.rows, &search, Order::OldestFirst).iter().map(|row| row.position).collect();
        assert!(wanted.contains(&row.position), "{whose:?}");
        assert_eq!(paged(&trail, &search, 200, Order::OldestFirst), wanted, "{whose:?}");
    }
}

#[test]
fn cursors_are_read_back() {
    for cursor in [(0, 0), (-62_135_596_800_000_000, 7), (1_764_165_600_000_000, u64::MAX)] {
        let cursor = Cursor { time: auditward_event::MicroTime::from_micros(cursor.0), position: cursor.1 };
        assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }
    for text in ["", "-", "1", "1-", "x-1", "1-x", "1--1"] {
        assert!(text.parse::<Cursor>().is_err(), "{text}");
    }
    assert_eq!("x".parse::<Cursor>().unwrap_err().to_string(), "`x` is no cursor; take one from an answer");
}
