//! Who follows a search hears every event once and in order, though the server is killed meanwhile.

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use serde_json::Value;

use super::server::{Folder, Server, example};

/// `auditward search --follow`; killed when it is dropped.
struct Follower {
    child: Child,
    heard: Receiver<String>,
}

impl Follower {
    fn start(url: &str, search: &str) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_auditward"))
            .args(["search", "--follow", "-o", "json", "--server", url, search])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (to, heard) = channel();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        std::thread::spawn(move || stdout.lines().map_while(Result::ok).try_for_each(|line| to.send(line)));
        Follower { child, heard }
    }

    /// The id of the next event; none if there is none for a while.
    fn next(&self, within: Duration) -> Option<String> {
        let line = self.heard.recv_timeout(within).ok()?;
        let hit: Value = serde_json::from_str(&line).unwrap();
        Some(hit["event"]["auditID"].as_str().unwrap().to_owned())
    }
}

impl Drop for Follower {
    fn drop(&mut self) {
        _ = self.child.kill();
        _ = self.child.wait();
    }
}

#[test]
fn who_follows_hears_every_event_once_though_the_server_is_killed() {
    let folder = Folder::new("follow");
    let data = folder.0.join("data");
    let server = Server::start(&data, &[]);
    let (url, address) = (server.url.clone(), server.url.trim_start_matches("http://").to_owned());
    let line = example().into_iter().find(|line| line.contains("\"verb\":\"create\"")).unwrap();
    let event = |id: &str| {
        let mut event: Value = serde_json::from_str(&line).unwrap();
        event["auditID"] = id.into();
        event.to_string()
    };
    let other = line.replace("\"verb\":\"create\"", "\"verb\":\"get\"");
    let follower = Follower::start(&url, "verb:create");
    // Until it listens; what came before is not for it.
    let begun = (0..100).find_map(|probe| {
        assert_eq!(server.post("c", event(&format!("probe-{probe}")).as_bytes()).unwrap(), 200);
        follower.next(Duration::from_millis(300))
    });
    let mut last: usize = begun.unwrap().trim_start_matches("probe-").parse().unwrap();
    // The probes that are still on their way.
    while let Some(id) = follower.next(Duration::from_secs(1)) {
        last += 1;
        assert_eq!(id, format!("probe-{last}"));
    }

    let mut server = server;
    for round in 0..4 {
        let ids: Vec<String> = (0..5).map(|number| format!("{round}-{number}")).collect();
        let body: Vec<String> = ids.iter().map(|id| event(id)).chain([other.clone()]).collect();
        assert_eq!(server.post("c", body.join("\n").as_bytes()).unwrap(), 200);
        // Sometimes all was heard by then, sometimes nothing.
        let heard: Vec<String> =
            if round % 2 == 0 { Vec::new() } else { (0..5).filter_map(|_| follower.next(LONG)).collect() };
        server.kill();
        server = Server::start_at(&data, &address, &[]);
        let rest = (heard.len()..5).filter_map(|_| follower.next(LONG));
        let all: Vec<String> = heard.iter().cloned().chain(rest).collect();
        assert_eq!(all, ids, "round {round}");
    }
    assert_eq!(follower.next(Duration::from_secs(1)), None, "nothing twice");
}

/// Then it does not come any more.
const LONG: Duration = Duration::from_mins(1);
