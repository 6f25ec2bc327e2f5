//! Time cut into slices.

use auditward_scan::Order;
use auditward_scan::slices::{Lot, Slices};

fn lot(rows: f64, first: i64, last: i64) -> Lot {
    Lot { rows, span: (first, last) }
}

fn slices(lots: &[Lot], order: Order, rows: usize) -> Vec<(i64, i64)> {
    Slices::new(lots.to_vec(), order, rows).collect()
}

#[test]
fn each_is_larger_than_all_before_it() {
    let lots = [lot(1000.0, 0, 999)];
    let newest = slices(&lots, Order::NewestFirst, 10);
    assert_eq!(newest, [(990, i64::MAX), (920, 989), (360, 919), (i64::MIN, 359)]);
    let oldest = slices(&lots, Order::OldestFirst, 10);
    assert_eq!(oldest, [(i64::MIN, 9), (10, 79), (80, 639), (640, i64::MAX)]);
}

#[test]
fn little_is_one_slice() {
    assert_eq!(slices(&[lot(10.0, 0, 999)], Order::NewestFirst, 10), [(i64::MIN, i64::MAX)]);
    assert_eq!(slices(&[], Order::OldestFirst, 10), [(i64::MIN, i64::MAX)]);
}

#[test]
fn whatever_lies_together_is_not_parted_and_no_moment_is_missed_or_told_twice() {
    let lots = [
        lot(100.0, 50, 50),
        lot(30.0, 0, 60),
        lot(1e9, i64::MIN, i64::MIN + 1),
        lot(5.0, i64::MAX, i64::MAX),
    ];
    for order in [Order::NewestFirst, Order::OldestFirst] {
        for rows in [1, 7, 100] {
            let mut slices = slices(&lots, order, rows);
            if order == Order::NewestFirst {
                slices.reverse();
            }
            assert_eq!((slices[0].0, slices[slices.len() - 1].1), (i64::MIN, i64::MAX), "{slices:?}");
            assert!(slices.windows(2).all(|two| two[0].1 + 1 == two[1].0), "{slices:?}");
        }
    }
}
