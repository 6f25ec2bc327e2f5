//! A file of the store is damaged under a running server: who asks is told once, and answered afterwards.

use std::fs;
use std::os::unix::fs::FileExt as _;

use super::server::{Folder, Server, eventually, example};

#[test]
fn a_damaged_file_is_found_by_who_asks_and_left_out() {
    let folder = Folder::new("damage");
    let data = folder.0.join("data");
    let lines = example();
    let (first, second) = lines.split_at(lines.len() / 2);
    // Each cluster has files of its own.
    for (cluster, lines) in [("first", first), ("second", second)] {
        let server = Server::start(&data, &[]);
        assert_eq!(server.post(cluster, lines.join("\n").as_bytes()).unwrap(), 200);
        eventually("all are there", || server.count(&format!("cluster:{cluster}")) == lines.len() as u64);
        server.stop();
    }
    let server = Server::start(&data, &[]);
    let search = |cluster: &str| server.ask(&format!("/api/v1/events?q=cluster:{cluster}&limit=1000"));
    assert_eq!(server.count(""), lines.len() as u64);

    let name = |entry: fs::DirEntry| entry.file_name().into_string().unwrap();
    let files = || fs::read_dir(data.join("store")).unwrap().map(|entry| name(entry.unwrap()));
    let damaged = files().find(|name| name.starts_with("events-first-")).unwrap();
    let file = fs::File::options().write(true).open(data.join("store").join(&damaged)).unwrap();
    // All of the rows, none of what is at the end.
    let length = file.metadata().unwrap().len();
    file.write_all_at(&vec![0xAA; usize::try_from(length / 2).unwrap()], 4).unwrap();

    let (status, body) = search("first");
    assert_eq!(status, 500, "{body}");
    let said = server.says(&format!("`{damaged}`"));
    assert!(said.contains("its digest is not that of what was written"), "{said}");
    eventually("it is left out", || search("first").0 == 200);
    assert_eq!(server.count("cluster:first"), 0);
    assert_eq!(server.search("cluster:second").len(), second.len());
    assert!(files().any(|name| name == format!("{damaged}.damaged")));
    let metrics = server.text("/metrics");
    assert!(metrics.contains("auditward_store_files_damaged 1"), "{metrics}");
    server.stop();
}
