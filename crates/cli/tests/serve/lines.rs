//! Lines of a log that are passed over: each is told and counted, and costs no other.

use std::fs;

use super::server::{Folder, Server, eventually, example};

#[test]
fn every_line_that_is_passed_over_is_told_and_counted() {
    let folder = Folder::new("lines");
    let log = folder.0.join("audit.log");
    let good = &example()[..2];
    let long = |bytes: usize| "x".repeat(bytes);
    let text = format!("{}\n{}\n{}\nbroken\n{}\n", good[0], long(17 << 20), long(33 << 20), good[1]);
    fs::write(&log, text).unwrap();
    let server = Server::start(&folder.0.join("data"), &["--log", log.to_str().unwrap()]);
    eventually("the others are found", || server.count("") == 2);
    for bytes in [(17 << 20) + 1, (33 << 20) + 1] {
        let said = server.says(&format!("a line of {bytes} bytes"));
        assert!(said.contains("too long and was passed over"), "{said}");
    }
    let metrics = server.text("/metrics");
    assert!(metrics.contains("\nauditward_events_broken_total 3\n"), "{metrics}");
}
