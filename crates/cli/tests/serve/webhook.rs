//! What an API server's audit webhook posts, while the server is killed: what was answered with 200 is kept.

use std::collections::BTreeSet;

use super::server::{Folder, Server, eventually, example, key, keys};

#[test]
fn what_was_acknowledged_is_kept_and_retries_count_once() {
    let folder = Folder::new("webhook");
    let lines: Vec<String> = example().into_iter().take(1200).collect();
    let batches: Vec<String> = lines
        .chunks(100)
        .map(|lines| {
            let items = lines.join(",");
            format!(
                r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","metadata":{{}},"items":[{items}]}}"#
            )
        })
        .collect();
    for (number, batch) in batches.iter().enumerate() {
        let server = Server::start(&folder.0, &[]);
        assert_eq!(server.post("prod", batch.as_bytes()).unwrap(), 200);
        if number > 0 {
            // An API server that got no answer sends the batch again.
            assert_eq!(server.post("prod", batches[number - 1].as_bytes()).unwrap(), 200);
        }
        server.kill();
    }
    let server = Server::start(&folder.0, &[]);
    eventually("all events are found", || server.count("cluster:prod") == lines.len() as u64);
    let found: BTreeSet<_> = server.search("cluster:prod").iter().map(|hit| key(&hit["event"])).collect();
    assert_eq!(found, keys(&lines));
    // The same events of another cluster are other events.
    assert_eq!(server.post("edge", batches[0].as_bytes()).unwrap(), 200);
    eventually("both clusters have them", || server.count("cluster:edge") == 100);
    assert_eq!(server.count(""), lines.len() as u64 + 100);
}

#[test]
fn one_event_that_is_none_does_not_keep_the_others_out() {
    let folder = Folder::new("broken");
    let server = Server::start(&folder.0, &[]);
    let good = &example()[..2];
    let body = format!(
        r#"{{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{},{{"auditID":1,}},{}]}}"#,
        good[0], good[1]
    );
    assert_eq!(server.post("prod", body.as_bytes()).unwrap(), 400);
    server.says("webhook of the cluster `prod`: line 1, column ");
    assert_eq!(server.post("prod", b"no events at all").unwrap(), 400);
    assert_eq!(server.post("prod", format!("{}\n{}\n", good[0], good[1]).as_bytes()).unwrap(), 200);
    eventually("both are found", || server.count("") == 2);
}

#[test]
fn a_broken_line_or_item_is_refused_by_its_place_and_counted() {
    let folder = Folder::new("places");
    let server = Server::start(&folder.0, &[]);
    let good = &example()[..2];
    let body = format!("{}\n{{\"kind\":\"Event\", broken\n{}\n", good[0], good[1]);
    assert_eq!(server.post("prod", body.as_bytes()).unwrap(), 400);
    let said = server.says("webhook of the cluster `prod`: line 2, column ");
    assert!(said.ends_with("; all other events of the body were taken"), "{said}");
    eventually("the others are found", || server.count("") == 2);
    assert_eq!(server.post("prod", br#"{"kind":"EventList","items":[{"a":1}]}"#).unwrap(), 400);
    server.says("item 1 of the body is no audit event");
    for nothing in ["[]", "", r#"{"kind":"EventList","items":null}"#] {
        assert_eq!(server.post("prod", nothing.as_bytes()).unwrap(), 200, "{nothing}");
    }
    let metrics = server.text("/metrics");
    assert!(metrics.contains("\nauditward_events_broken_total 2\n"), "{metrics}");
}
