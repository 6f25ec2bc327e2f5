//! Makes `examples/audit.log.gz`: a day of a small cluster in half a minute, then an intruder's.
//!
//! ```text
//! sudo -E cargo run -p auditward-testkit --example capture
//! ```
//!
//! Everything is done with the real kubectl against a real node that records everything (`auditward_testkit::story`). What a
//! step must come to is part of it, so that a capture that went otherwise is not written.

#![expect(clippy::print_stderr, reason = "a program for the maintainer at a terminal")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::Duration;

use auditward_testkit::story::{Step, Story};
use auditward_testkit::{Node, story};

const POLICY: &str = "apiVersion: audit.k8s.io/v1
kind: Policy
omitManagedFields: true
rules:
- level: RequestResponse
";

/// A step of the story, and the time that its events come after.
type Dated = (String, Step);

fn main() -> Result<(), Box<dyn Error>> {
    let node = Node::builder("cp1").audit_policy(POLICY).start()?;
    story::prepare(&node)?;
    let mut steps: Vec<Dated> = Vec::new();
    let mut story = Story::new(&node, |step| {
        eprintln!("{} {}", step.who, step.what);
        let log = fs::read_to_string(node.path(Node::AUDIT_LOG)).unwrap_or_default();
        let time = log.rsplit("\"stageTimestamp\":\"").next().and_then(|rest| rest.split('"').next());
        steps.push((time.unwrap_or("-").to_owned(), step));
    });
    story.ordinary_day()?;
    story.intruder()?;
    drop(story);

    // What the background does after the last step belongs to the log too.
    sleep(Duration::from_secs(3));
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let log = fs::read(node.path(Node::AUDIT_LOG))?;
    let whole = log.iter().rposition(|&byte| byte == b'\n').map_or(0, |end| end + 1);
    let out = File::create(folder.join("audit.log.gz"))?;
    let mut gzip = Command::new("gzip").args(["-9", "-n"]).stdin(Stdio::piped()).stdout(out).spawn()?;
    std::io::Write::write_all(&mut gzip.stdin.take().ok_or("no pipe")?, &log[..whole])?;
    if !gzip.wait()?.success() {
        return Err("gzip failed".into());
    }
    let events = log[..whole].split(|&byte| byte == b'\n').count() - 1;
    fs::write(folder.join("README.md"), readme(events, &steps))?;
    eprintln!("{events} events, {} steps", steps.len());
    node.stop();
    Ok(())
}

fn readme(events: usize, steps: &[Dated]) -> String {
    let mut text = format!(
        "# Examples

`policies/` holds audit policies, `nodes/` what `auditward status --root` needs of control-plane nodes; `run.sh` is what
`make run` starts.

## audit.log.gz

{events} events of a real kube-apiserver on a real kubeadm node: half a minute of a small shop's cluster, and then an
intruder. The policy was one rule, `RequestResponse`, with `omitManagedFields: true` and every stage recorded. Users come
by client certificate, service accounts by token; the kubelet, the scheduler and the controllers are in between, as in life.

It is made by `crates/testkit/examples/capture.rs` with the real kubectl (`sudo -E cargo run -p auditward-testkit --example
capture`), which also writes this page. Another run makes other names, identifiers and times. Tokens and keys
in it are of a cluster that was gone a minute later; the secret's value says what it is not.

Each step's events come after the given `stageTimestamp` and before the next step's:

| after | user | step |
| --- | --- | --- |
"
    );
    for (after, step) in steps {
        let denied = if step.denied { " (403)" } else { "" };
        let _ = writeln!(text, "| {} | `{}` | {}{denied} |", after, step.who, step.what);
    }
    text
}
