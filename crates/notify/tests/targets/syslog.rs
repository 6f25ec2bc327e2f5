//! Debian's rsyslogd, as it is.

use std::fs;

use serde_json::{Value, json};

use crate::support::{Alerts, Folder, Program, free_port, start, status, until};

struct Rsyslogd {
    program: Program,
    folder: Folder,
}

impl Rsyslogd {
    /// Started; `None` where it is not installed. What it takes, over whatever, it writes as JSON lines.
    fn start(udp: u16, tcp: u16) -> Option<Self> {
        let folder = Folder::new("rsyslog");
        let at = folder.path().display();
        let config = format!(
            r#"
global(workDirectory="{at}" maxMessageSize="64k")
module(load="imudp")
module(load="imtcp")
module(load="imuxsock" SysSock.Use="off")
template(name="line" type="list" option.jsonf="on") {{
  property(outname="app" name="app-name" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="msgid" name="msgid" format="jsonf")
  property(outname="severity" name="syslogseverity-text" format="jsonf")
  property(outname="facility" name="syslogfacility-text" format="jsonf")
  property(outname="time" name="timereported" dateFormat="rfc3339" format="jsonf")
  property(outname="data" name="structured-data" format="jsonf")
  property(outname="version" name="protocol-version" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
  property(outname="input" name="inputname" format="jsonf")
}}
ruleset(name="all") {{ action(type="omfile" file="{at}/out" template="line") }}
input(type="imudp" address="127.0.0.1" port="{udp}" ruleset="all")
input(type="imtcp" address="127.0.0.1" port="{tcp}" ruleset="all")
input(type="imuxsock" Socket="{at}/log" CreatePath="off" UseSpecialParser="off" IgnoreTimestamp="off" ParseHostname="on" ruleset="all")
"#
        );
        let path = folder.file("rsyslog.conf", &config);
        let arguments =
            ["-n", "-f", &path.display().to_string(), "-i", &format!("{at}/pid")].map(str::to_owned);
        let program = Program::start("rsyslogd", &arguments)?;
        let mut server = Self { program, folder };
        let ready = until(|| {
            assert!(server.program.running(), "it ended by itself");
            std::net::TcpStream::connect(("127.0.0.1", tcp)).ok()
        });
        assert!(ready.is_some());
        Some(server)
    }

    #[track_caller]
    fn wait(&self, count: usize) -> Vec<Value> {
        let read = || {
            let text = fs::read_to_string(self.folder.path().join("out")).unwrap_or_default();
            let lines: Vec<Value> = text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
            (lines.len() >= count).then_some(lines)
        };
        until(read).unwrap_or_else(|| panic!("{:?}", fs::read_to_string(self.folder.path().join("out"))))
    }
}

#[test]
fn messages_arrive_whole_over_udp_tcp_and_a_socket() {
    let (udp, tcp) = (free_port(), free_port());
    let Some(server) = Rsyslogd::start(udp, tcp) else { return };
    let socket = format!("unix://{}/log", server.folder.path().display());
    let cases = [
        (format!("udp://127.0.0.1:{udp}"), "text", "imudp"),
        (format!("tcp://127.0.0.1:{tcp}"), "text", "imtcp"),
        (format!("tcp://127.0.0.1:{tcp}"), "json", "imtcp"),
        (socket, "text", "imuxsock"),
    ];
    let mut expected = 0;
    for (address, format, input) in cases {
        let (folder, feed) = (Folder::new("syslog"), Alerts::new());
        let config = json!({ "logs": { "syslog": {
            "address": address, "format": format, "facility": "authpriv", "hostname": "node1",
        } } });
        let notifier = start(folder.path(), config, &feed);
        feed.add(3);
        notifier.wake();
        status(&notifier, |status| status.sent == 3);
        feed.add(1);
        notifier.wake();
        status(&notifier, |status| status.sent == 4);
        expected += 4;
        let mut new = server.wait(expected).split_off(expected - 4);
        new.sort_by_key(|message| message["time"].to_string());
        let second = &new[1];
        let said = if format == "json" {
            let alert: Value = serde_json::from_str(second["message"].as_str().unwrap().trim()).unwrap();
            assert_eq!(alert["user"], "alice");
            &second["message"]
        } else {
            &json!("alice listed secrets, number 2")
        };
        let id = "00000000000000000000000000000002";
        let data = format!(
            r#"[auditward@32473 id="{id}" rule="rule-2" severity="warning" cluster="prod" user="alice"]"#
        );
        let whole = json!({
            "app": "auditward", "host": "node1", "msgid": "rule-2", "severity": "warning", "facility": "authpriv",
            "time": "2026-07-25T17:20:00.000002Z", "data": data, "version": "1", "message": said, "input": input,
        });
        assert_eq!(second, &whole, "{address}");
    }
    assert_eq!(server.wait(expected).len(), expected);
}

#[test]
fn a_server_that_is_restarted_gets_what_came_meanwhile() {
    let (udp, tcp) = (free_port(), free_port());
    let Some(server) = Rsyslogd::start(udp, tcp) else { return };
    let (folder, feed) = (Folder::new("syslog"), Alerts::new());
    let config = json!({ "logs": {
        "syslog": { "address": format!("tcp://127.0.0.1:{tcp}") }, "retry": { "first": "10ms", "longest": "50ms" },
    } });
    let notifier = start(folder.path(), config, &feed);
    feed.add(1);
    notifier.wake();
    server.wait(1);
    drop(server);
    feed.add(2);
    notifier.wake();
    status(&notifier, |status| status.sent == 1 && status.failing > 0);
    let server = Rsyslogd::start(udp, tcp).unwrap();
    assert_eq!(server.wait(2).len(), 2);
}
