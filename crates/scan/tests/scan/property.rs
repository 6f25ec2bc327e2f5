//! Random events, however they lie, and random questions: always the naive scan's answer.

use std::collections::BTreeMap;

use auditward_event::MicroTime;
use auditward_query::{ClusterRule, Pattern, Search};
use auditward_scan::{Found, Order, Page};

use crate::naive::{self, Row};
use crate::random::{Random, expr, mutated};
use crate::trail::{Shape, Trail, captured, rows};

fn number(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// A third of the events as they were captured, the others changed; many at the same moment.
fn events(count: usize, seed: u64) -> Vec<Vec<u8>> {
    let all = captured();
    let mut random = Random::new(seed);
    (0..count)
        .map(|_| {
            let event = random.pick(&all).clone();
            if random.one_in(3) { event } else { mutated(&event, &mut random) }
        })
        .collect()
}

fn search(events: &[Vec<u8>], rows: &[Row], random: &mut Random) -> Search {
    let mut search = Search::of(expr(events, 3, random));
    let moment = |random: &mut Random| {
        let time = random.pick(rows).time();
        MicroTime::from_micros(time.as_micros() + i64::try_from(random.below(3)).unwrap() - 1)
    };
    if random.one_in(3) {
        search.since = Some(moment(random));
    }
    if random.one_in(3) {
        search.until = Some(moment(random));
    }
    if random.one_in(4) {
        let any = vec![Pattern::Like("edge-*".to_owned()), Pattern::Name("nowhere".to_owned())];
        search.clusters.push(ClusterRule { negated: random.one_in(2), any });
    }
    search
}

/// Page by page to the end.
pub(crate) fn paged(trail: &Trail, search: &Search, limit: usize, order: Order) -> Vec<u64> {
    let mut page = Page { after: None, limit, order };
    let mut all = Vec::new();
    loop {
        let Found { events, next } = trail.scan.wait(trail.scan.search(search, page)).unwrap();
        assert!(events.len() <= limit);
        all.extend(events.iter().map(|hit| hit.position));
        match next {
            Some(next) => page.after = Some(next),
            None => return all,
        }
    }
}

fn check(shape: Shape, seed: u64) {
    const EVENTS: u64 = 700;
    let cases = number("SCAN_CASES", 16);
    let seed = number("SCAN_SEED", seed);
    let events = events(usize::try_from(EVENTS).unwrap(), seed);
    // So small that a page takes several.
    let trail = Trail::with(rows(events.clone()), shape, |limits| limits.slice_rows = 20);
    let mut found_any = 0;
    for case in 0..cases {
        let mut random = Random::new(seed + 1000 + case);
        let search = search(&events, &trail.rows, &mut random);
        let order = if random.one_in(2) { Order::NewestFirst } else { Order::OldestFirst };
        let wanted: Vec<u64> =
            naive::search(&trail.rows, &search, order).iter().map(|row| row.position).collect();
        let limit = [1 + wanted.len() / 3, 1000][random.below(2)];
        let about = || format!("{shape:?}, SCAN_SEED={seed}, case {case}: {}\n{search:?}", search.expr);
        assert_eq!(paged(&trail, &search, limit.max(1), order), wanted, "{}", about());
        let counted = trail.scan.wait(trail.scan.count(&search)).unwrap();
        assert_eq!(counted.events, wanted.len() as u64, "{}", about());
        found_any += usize::from(!wanted.is_empty());
    }
    // A question that finds nothing shows little.
    assert!(found_any * 3 > usize::try_from(cases).unwrap(), "{found_any} of {cases} found anything");
}

/// What is asked of bodies is looked for in their texts first.
#[test]
fn bodies_answer_as_a_naive_scan_does() {
    // As an API server writes them: of what it would not, the whole event is asked, and no text is looked at.
    let patch = |patch: &str| {
        format!(
            r#"{{"kind":"Event","apiVersion":"audit.k8s.io/v1","stage":"ResponseComplete","verb":"patch","objectRef":{{"resource":"pods"}},"requestObject":{patch}}}"#
        )
    };
    let mut events: Vec<_> = captured().into_iter().skip(800).take(500).collect();
    events.extend(
        [
            r#"[{"op":"add","path":"/spec/hostNetwork","value":true}]"#,
            r#"[{"op":"add","path":"\/spec\/host\u004eetwork","value":true}]"#,
            r#"[{"op":"add","path":"\/spec\/hostNetwork","value":true}]"#,
            r#"[{"op":"replace","path":"/spec","value":{"hostNetwork":true,"containers":[{"image":"x"}]}}]"#,
            r#"{"spec":{"host\u004eetwork":true,"h\u006fstPID":true}}"#,
            r#"{"metadata":{"annotations":{"a\/b":"c","a~b":"d"}}}"#,
            r#"[{"op":"add","path":"/metadata/annotations/a~0b","value":"d"}]"#,
            r#"{"spec":{"hostnetwork":true}}"#,
            r#"["hostNetwork", true]"#,
            r#""hostNetwork""#,
        ]
        .map(|text| patch(text).into_bytes()),
    );
    let questions = [
        "object.spec.hostNetwork == true",
        "not object.spec.hostNetwork == true",
        "exists requestObject",
        "exists requestObject[*]",
        "not exists object.spec.hostPID",
        "pod.hostPID == true or object.spec.hostNetwork == true",
        r#"object.metadata.annotations["a/b"] == "c""#,
        r#"object.metadata.annotations["a~b"] == "d""#,
        r#"container.image contains "x""#,
        "some container (.securityContext.privileged == true and exists .image)",
        "some object.spec.containers[*] (exists .image and not exists .command)",
        r#"responseObject.kind == "Status""#,
        "count(object.spec.containers[*]) == 0",
    ];
    let trail = Trail::new(rows(events), Shape::Files(1));
    for question in questions {
        let search = Search::of(auditward_expr::parse(question, &BTreeMap::new()).unwrap());
        let wanted = naive::search(&trail.rows, &search, Order::NewestFirst);
        assert!(!wanted.is_empty(), "{question}");
        let wanted: Vec<u64> = wanted.iter().map(|row| row.position).collect();
        assert_eq!(paged(&trail, &search, 1000, Order::NewestFirst), wanted, "{question}");
    }
}

#[test]
fn fresh_rows_answer_as_a_naive_scan_does() {
    check(Shape::Fresh, 1);
}

#[test]
fn files_answer_as_a_naive_scan_does() {
    check(Shape::Files(4), 2);
}

#[test]
fn compacted_files_answer_as_a_naive_scan_does() {
    check(Shape::Compacted(5), 3);
}
