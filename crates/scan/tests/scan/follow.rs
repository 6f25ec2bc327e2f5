//! Somebody who follows sees each event once, in the order in which they were taken in.

use auditward_query::Search;

use crate::trail::{Shape, Trail, captured, put, rows};

#[test]
fn every_event_once_whatever_happens_to_the_files_meanwhile() {
    let rows = rows(captured().into_iter().take(700));
    let trail = Trail::new(rows[..100].to_vec(), Shape::Files(1));
    let search = auditward_query::parse("verb:(get OR list)", auditward_event::MicroTime::GO_ZERO).unwrap();
    let (mut all, mut some) = (Vec::new(), Vec::new());
    let (mut from_all, mut from_some) = (0, 0);
    let mut more = rows[100..].chunks(130);
    loop {
        loop {
            let (hits, next) = trail.scan.wait(trail.scan.follow(&Search::default(), from_all, 64)).unwrap();
            from_all = next;
            all.extend(hits.iter().map(|hit| hit.position));
            if hits.len() < 64 {
                break;
            }
        }
        loop {
            let (hits, next) = trail.scan.wait(trail.scan.follow(&search, from_some, 64)).unwrap();
            from_some = next;
            some.extend(hits.iter().map(|hit| hit.position));
            if hits.len() < 64 {
                break;
            }
        }
        let Some(more) = more.next() else { break };
        put(&trail.store, more);
        trail.store.seal().unwrap();
        trail.store.compact().unwrap();
    }
    assert_eq!(all, (0..700).collect::<Vec<u64>>());
    let wanted: Vec<u64> = rows
        .iter()
        .filter(|row| matches!(&*row.view().verb(), "get" | "list"))
        .map(|row| row.position)
        .collect();
    assert_eq!(some, wanted);
    assert_eq!(from_some, 700, "whoever follows a rare event does not look at the others again");
}
