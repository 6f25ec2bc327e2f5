//! All events, in order of time.

use auditward_query::Search;
use auditward_scan::Order;

use crate::naive;
use crate::random::{Random, expr, mutated};
use crate::trail::{Shape, Trail, captured, rows};

fn exported(trail: &Trail, search: &Search) -> Vec<u64> {
    let mut export = trail.scan.export(search).unwrap();
    let mut positions = Vec::new();
    while let Some(hit) = export.wait_next() {
        positions.push(hit.unwrap().position);
    }
    positions
}

fn check(shape: Shape, seed: u64) {
    let mut random = Random::new(seed);
    let all = captured();
    let events: Vec<Vec<u8>> = (0..900)
        .map(|_| {
            let event = random.pick(&all).clone();
            if random.one_in(20) { mutated(&event, &mut random) } else { event }
        })
        .collect();
    let trail = Trail::new(rows(events.clone()), shape);
    for case in 0..6 {
        let search = if case == 0 { Search::default() } else { Search::of(expr(&events, 2, &mut random)) };
        let wanted: Vec<u64> =
            naive::search(&trail.rows, &search, Order::OldestFirst).iter().map(|row| row.position).collect();
        assert_eq!(exported(&trail, &search), wanted, "{shape:?} case {case}: {}", search.expr);
    }
}

#[test]
fn in_order_of_time_however_files_overlap() {
    check(Shape::Fresh, 11);
    check(Shape::Files(4), 12);
    check(Shape::Compacted(4), 13);
}

#[test]
fn an_export_that_nobody_reads_ends() {
    let trail = Trail::new(rows(captured()), Shape::Files(2));
    let mut export = trail.scan.export(&Search::default()).unwrap();
    assert!(export.wait_next().is_some());
    assert_eq!(export.position(), trail.rows.len() as u64);
    drop(export);
    // The scan still answers.
    assert_eq!(
        trail.scan.wait(trail.scan.count(&Search::default())).unwrap().events,
        trail.rows.len() as u64
    );
}
