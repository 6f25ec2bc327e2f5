//! What a question may take: time, memory, the spill folder.

use std::time::Duration;

use auditward_scan::{Given, ScanError};

use crate::trail::{Shape, Trail, captured, rows};

/// Never done: every row beside every other, four times.
const ENDLESS: &str =
    "SELECT count(*) FROM events a, events b, events c, events d WHERE a.name || b.name > c.name || d.name";

fn outcome(trail: &Trail, text: &str) -> Result<usize, ScanError> {
    let mut batches = trail.scan.wait(trail.scan.sql(text))?;
    let mut rows = 0;
    while let Some(batch) = batches.wait_next() {
        rows += batch?.num_rows();
    }
    Ok(rows)
}

#[test]
fn a_query_is_given_up_after_its_time() {
    let trail =
        Trail::with(rows(captured()), Shape::Files(1), |limits| limits.time = Duration::from_millis(300));
    let error = outcome(&trail, ENDLESS).unwrap_err();
    assert!(matches!(error, ScanError::Given(Given::Time(_))), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the query took longer than 300ms; ask for a shorter time or fewer columns"
    );
    assert_eq!(outcome(&trail, "SELECT 1").unwrap(), 1, "the threads are free again");
}

/// Each batch comes at once, and none is the last.
#[test]
fn a_quick_stream_is_given_up_after_its_time() {
    let trail =
        Trail::with(rows(captured()), Shape::Files(1), |limits| limits.time = Duration::from_millis(300));
    let error = outcome(&trail, "SELECT * FROM generate_series(1, 30000000000)").unwrap_err();
    assert!(matches!(error, ScanError::Given(Given::Time(_))), "{error:?}");
}

/// Joins that read nothing any more, whether they let rows through or not.
#[test]
fn a_join_in_memory_is_given_up_after_its_time() {
    let joins = [
        "SELECT count(*) FROM events a, events b, events c WHERE a.name <> b.name AND b.name <> c.name",
        "SELECT count(*) FROM events a, events b, events c WHERE a.name || b.name || c.name = 'nothing'",
        "SELECT count(*) FROM events a, events b, events c",
        "SELECT count(*) FROM events a JOIN events b ON a.stage = b.stage JOIN events c ON a.stage = c.stage",
        "SELECT count(*) FROM events a JOIN events b ON a.stage = b.stage AND a.name || b.name = 'nothing' \
         JOIN events c ON a.stage = c.stage",
        "SELECT count(DISTINCT a.name || b.name || c.name) FROM events a, events b, events c",
        "SELECT a.name FROM events a, events b, events c ORDER BY a.name || b.name || c.name LIMIT 3",
    ];
    let many = || rows(captured().into_iter().cycle().take(6000));
    let trail = Trail::with(many(), Shape::Files(1), |limits| {
        limits.time = Duration::from_millis(300);
        limits.threads = 2;
    });
    for join in joins {
        let began = std::time::Instant::now();
        let error = outcome(&trail, join).unwrap_err();
        assert!(matches!(error, ScanError::Given(_)), "{join}: {error:?}");
        assert_eq!(outcome(&trail, "SELECT 1").unwrap(), 1);
        // Else it would have been minutes.
        assert!(began.elapsed() < Duration::from_secs(20), "{join}");
    }
}

#[test]
fn a_query_that_nobody_waits_for_ends() {
    let trail = Trail::with(rows(captured()), Shape::Files(1), |limits| limits.threads = 1);
    for _ in 0..3 {
        drop(trail.scan.wait(trail.scan.sql(ENDLESS)).unwrap());
    }
    // The only thread is free, or else this would run into the time limit.
    assert_eq!(outcome(&trail, "SELECT count(*) FROM events").unwrap(), 1);
}

/// 24 MB to be sorted.
const LARGE: &str = "SELECT value, value * 2 AS twice, value * 3 AS thrice FROM generate_series(1, 1000000) ORDER BY value % 1000";

#[test]
fn what_does_not_fit_into_memory_is_spilled() {
    let trail = Trail::with(Vec::new(), Shape::Fresh, |limits| {
        limits.memory_bytes = 8 << 20;
        limits.threads = 1;
    });
    assert_eq!(outcome(&trail, LARGE).unwrap(), 1_000_000);
}

#[test]
fn what_does_not_fit_anywhere_is_given_up() {
    let trail = Trail::with(Vec::new(), Shape::Fresh, |limits| {
        limits.memory_bytes = 8 << 20;
        limits.spill_bytes = 1 << 20;
        limits.threads = 1;
    });
    let error = outcome(&trail, LARGE).unwrap_err();
    assert!(matches!(error, ScanError::Given(Given::Memory)), "{error:?}");
    assert_eq!(
        error.to_string(),
        "the query needs more memory than its limit; ask for a shorter time or fewer columns"
    );
}
