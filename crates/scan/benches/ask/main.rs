//! How fast questions are answered, beside `DuckDB` and chdb (`ClickHouse` as a library) over the same files:
//! `cargo bench -p auditward-scan`.
//!
//! A captured log of a real cluster, repeated with other audit ids, times and users, in 1, 4 and 16 files. In every round
//! each question is asked of all of them in turn (`AUDITWARD_READERS_PYTHON`: a Python that has the packages `duckdb` and
//! `chdb`; without it, of us alone), so that a busy machine slows all down; shown are the middles of all rounds. Each of the
//! others runs in one process for all rounds, with as many threads as we have, and answers with the rows' columns; we answer
//! with events.
//!
//! Options: `--events 200000`, `--rounds 7`, `--threads 2`, `--only "text in"` (questions with that in their names).

#![allow(
    missing_docs,
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench stops at surprises and talks"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::time::Instant;

use auditward_base::disk::OsDisk;
use auditward_event::{Events, MicroTime};
use auditward_query::{Clusters, Search};
use auditward_scan::{Limits, Page, Scan};
use auditward_store::columns::Row;
use auditward_store::{Config, Store};

const START: i64 = 1_760_000_000_000_000;
const STEP: i64 = 40_000;

fn main() {
    let events = option("--events", 200_000);
    let rounds = option("--rounds", 7);
    let threads = option("--threads", 2);
    let only = argument("--only").unwrap_or_default();
    println!("{events} events, {rounds} rounds, {threads} threads; milliseconds, middle of all rounds\n");
    println!(
        "{:<28} {:>6} {:>10} {:>10} {:>10} {:>8}",
        "question", "files", "ours", "DuckDB", "chdb", "found"
    );
    for files in [1, 4, 16] {
        let folder = Folder::new();
        let generated = store(&folder.0, events, files);
        let scan = Scan::new(
            generated.store.clone(),
            None,
            Limits { threads, ..Limits::new(folder.0.join("spill")) },
        )
        .unwrap();
        let mut peers = DIALECTS.map(|dialect| Peer::new(dialect, &folder.0.join("store"), threads));
        for question in questions(&generated).into_iter().filter(|question| question.name.contains(&only)) {
            let (mut ours, mut theirs, mut found) = (Vec::new(), DIALECTS.map(|_| Vec::new()), 0);
            for _ in 0..rounds {
                let began = Instant::now();
                found = (question.ours)(&scan);
                ours.push(began.elapsed().as_secs_f64() * 1e3);
                for (peer, theirs) in peers.iter_mut().zip(&mut theirs) {
                    let Some(peer) = peer else { continue };
                    let (millis, rows) = peer.ask(&(question.sql)(peer.dialect));
                    theirs.push(millis);
                    let name = peer.dialect.name;
                    assert!(
                        question.loose || rows == found,
                        "{}: ours {found}, {name}'s {rows}",
                        question.name
                    );
                }
            }
            let [duckdb, chdb] = theirs.map(|times| match times.as_slice() {
                [] => "-".to_owned(),
                _ => format!("{:.1}", middle(times)),
            });
            let ours = middle(ours);
            println!("{:<28} {files:>6} {ours:>10.1} {duckdb:>10} {chdb:>10} {found:>8}", question.name);
        }
    }
}

fn argument(name: &str) -> Option<String> {
    std::env::args().skip_while(|argument| argument != name).nth(1)
}

fn option(name: &str, usual: usize) -> usize {
    argument(name).and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

struct Question {
    name: &'static str,
    ours: Box<dyn Fn(&Scan) -> usize>,
    sql: Box<dyn Fn(&Dialect) -> String>,
    /// Whether others may answer with another number of rows.
    loose: bool,
}

fn searched(search: Search, limit: usize) -> Box<dyn Fn(&Scan) -> usize> {
    Box::new(move |scan| scan.wait(scan.search(&search, Page::first(limit))).unwrap().events.len())
}

fn parsed(text: &str) -> Search {
    auditward_query::parse(text, MicroTime::from_micros(START)).unwrap()
}

fn questions(generated: &Generated) -> Vec<Question> {
    let middle = START + STEP * i64::try_from(generated.events / 2).unwrap();
    let (since, until) = (MicroTime::from_micros(middle), MicroTime::from_micros(middle + 600_000_000));
    let id = generated.id.clone();
    let of_id = format!("audit_id = '{id}'");
    let where_ = |condition: &'static str| -> Box<dyn Fn(&Dialect) -> String> {
        Box::new(move |dialect| dialect.newest(condition))
    };
    let object = parsed("resource:configmaps ns:kube-system name:kube-root-ca.crt");
    vec![
        Question {
            name: "auditID",
            sql: Box::new(move |dialect| format!("SELECT {} FROM events WHERE {of_id}", dialect.all)),
            ours: Box::new(move |scan| scan.wait(scan.lookup(&id, &Clusters::all())).unwrap().events.len()),
            loose: false,
        },
        Question {
            name: "user in ten minutes",
            sql: Box::new(move |dialect| {
                let [since, until] = [since, until].map(|time| (dialect.moment)(&time.to_string()));
                dialect.newest(&format!("username = 'user-7' AND time >= {since} AND time < {until}"))
            }),
            ours: searched(parsed("user:user-7").within(Some(since), Some(until)), 100),
            loose: false,
        },
        Question {
            name: "object, newest 100",
            sql: where_(
                "resource = 'configmaps' AND namespace = 'kube-system' AND name = 'kube-root-ca.crt'",
            ),
            ours: searched(object, 100),
            loose: false,
        },
        Question {
            name: "denied, newest 100",
            sql: where_("code = 403"),
            ours: searched(parsed("code:403"), 100),
            loose: false,
        },
        Question {
            name: "newest 100",
            sql: where_("1 = 1"),
            ours: searched(Search::default(), 100),
            loose: false,
        },
        Question {
            name: "text in bodies, newest 100",
            sql: where_(
                "contains(lower(request_object), 'hostnetwork') OR contains(lower(response_object), 'hostnetwork')",
            ),
            ours: searched(parsed("hostNetwork"), 100),
            loose: true,
        },
        Question {
            name: "text that is in no body",
            sql: where_(
                "contains(lower(request_object), 'gethostnetwork') OR contains(lower(response_object), 'gethostnetwork')",
            ),
            ours: searched(parsed("getHostNetwork"), 100),
            loose: false,
        },
        Question {
            name: "a body's field, newest 100",
            sql: Box::new(|dialect| dialect.newest(dialect.on_host_network)),
            ours: searched(parsed("object.spec.hostNetwork:true"), 100),
            loose: true,
        },
        Question {
            name: "a field that is in no body",
            sql: Box::new(|dialect| dialect.newest(dialect.shares_processes)),
            ours: searched(parsed("object.spec.shareProcessNamespace:true"), 100),
            loose: false,
        },
        Question {
            name: "histogram of all",
            sql: Box::new(|dialect| {
                format!("SELECT {} AS t, count(*) FROM events GROUP BY t", dialect.minute)
            }),
            ours: Box::new(|scan| scan.wait(scan.histogram(&Search::default(), 200)).unwrap().buckets.len()),
            loose: true,
        },
        Question {
            name: "ten most active users",
            sql: Box::new(|_| {
                "SELECT username, count(*) AS n FROM events GROUP BY username ORDER BY n DESC LIMIT 10"
                    .to_owned()
            }),
            ours: Box::new(|scan| {
                scan.wait(scan.facets(&Search::default(), "user", 10)).unwrap().values.len()
            }),
            loose: false,
        },
    ]
}

struct Generated {
    store: Store,
    events: usize,
    /// The audit id of an event in the middle.
    id: String,
}

fn store(folder: &Path, events: usize, files: usize) -> Generated {
    let mut config = Config::new(folder.join("store"));
    (config.fresh_events_max, config.fresh_bytes_max) = (usize::MAX / 4, usize::MAX / 4);
    let (store, _) = Store::open(Arc::new(OsDisk), config).unwrap();
    let captured = captured();
    let each = events.div_ceil(files);
    let mut id = String::new();
    for number in 0..events {
        let mut event = captured[number % captured.len()].clone();
        let text =
            format!("{:08x}-0000-4000-8000-{number:012x}", number.wrapping_mul(0x9e37_79b1) & 0xffff_ffff);
        if number == events / 2 {
            id.clone_from(&text);
        }
        let time = MicroTime::from_micros(START + STEP * i64::try_from(number).unwrap());
        set(&mut event, "\"auditID\":\"", &text);
        set(&mut event, "\"stageTimestamp\":\"", &time.to_string());
        if number % 3 == 0 {
            set(&mut event, "\"user\":{\"username\":\"", &format!("user-{}", number * 7 / 3 % 500));
        }
        let row = Row { position: number as u64, cluster: "bench", received: time, event: event.as_bytes() };
        store.append(&[row]).unwrap();
        if (number + 1) % each == 0 {
            store.seal().unwrap();
        }
    }
    store.seal().unwrap();
    Generated { store, events, id }
}

/// Puts a text where the first one behind `before` stands.
fn set(event: &mut String, before: &str, text: &str) {
    if let Some(start) = event.find(before).map(|at| at + before.len()) {
        let end = start + event[start..].find('"').unwrap();
        event.replace_range(start..end, text);
    }
}

fn captured() -> Vec<String> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../event/testdata/captures/full.jsonl.gz");
    let mut text = Vec::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut text).unwrap();
    let mut events = Events::new(text.as_slice());
    let mut all = Vec::new();
    while let Some(event) = events.next() {
        all.push(String::from_utf8(event.unwrap().view.as_bytes().to_vec()).unwrap());
    }
    all
}

/// `DuckDB` in a Python of its own: a line of SQL in, milliseconds and rows out.
/// Who is asked beside us, and how he says what SQL leaves open.
struct Dialect {
    name: &'static str,
    /// Takes the folder of files and the number of threads, then answers each line with its time and number of rows.
    script: &'static str,
    /// All columns but two.
    all: &'static str,
    moment: fn(&str) -> String,
    on_host_network: &'static str,
    shares_processes: &'static str,
    minute: &'static str,
}

const DIALECTS: [&Dialect; 2] = [
    &Dialect {
        name: "DuckDB",
        script: "
import sys, time, duckdb
files, threads = sys.argv[1], sys.argv[2]
db = duckdb.connect()
db.execute(f\"SET threads = {threads}; SET TimeZone = 'UTC'; SET enable_object_cache = true\")
db.execute(f\"CREATE VIEW events AS SELECT * FROM read_parquet('{files}/*.parquet')\")
for line in sys.stdin:
    began = time.perf_counter()
    rows = db.execute(line).fetchall()
    print((time.perf_counter() - began) * 1e3, len(rows), flush=True)
",
        all: "* EXCLUDE (rest, raw)",
        moment: |time| format!("'{time}'::TIMESTAMPTZ"),
        on_host_network: "(request_object->'$.spec.hostNetwork') = 'true'",
        shares_processes: "(request_object->'$.spec.shareProcessNamespace') = 'true'",
        minute: "time_bucket(INTERVAL '1 minute', time)",
    },
    &Dialect {
        name: "chdb",
        script: "
import sys, time
from chdb import session
files, threads = sys.argv[1], sys.argv[2]
db = session.Session()
db.query(f\"SET max_threads = {threads}\")
db.query(\"CREATE FUNCTION contains AS (text, part) -> position(text, part) > 0\")
db.query(\"CREATE DATABASE bench\")
db.query(\"USE bench\")
db.query(f\"CREATE VIEW events AS SELECT * FROM file('{files}/*.parquet', Parquet)\")
for line in sys.stdin:
    began = time.perf_counter()
    rows = db.query(line, 'TSV').bytes()
    print((time.perf_counter() - began) * 1e3, rows.count(10), flush=True)
",
        all: "* EXCEPT (rest, raw)",
        moment: |time| format!("parseDateTime64BestEffort('{time}', 6, 'UTC')"),
        on_host_network: "JSONExtractRaw(ifNull(request_object, ''), 'spec', 'hostNetwork') = 'true'",
        shares_processes: "JSONExtractRaw(ifNull(request_object, ''), 'spec', 'shareProcessNamespace') = 'true'",
        minute: "toStartOfMinute(time)",
    },
];

impl Dialect {
    fn newest(&self, condition: &str) -> String {
        let all = self.all;
        format!("SELECT {all} FROM events WHERE {condition} ORDER BY time DESC, position DESC LIMIT 100")
    }
}

struct Peer {
    dialect: &'static Dialect,
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    fn new(dialect: &'static Dialect, files: &Path, threads: usize) -> Option<Self> {
        let python = std::env::var_os("AUDITWARD_READERS_PYTHON")?;
        let mut process = Command::new(python)
            .args(["-c", dialect.script])
            .arg(files)
            .arg(threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Some(Peer { dialect, process, questions, answers })
    }

    fn ask(&mut self, sql: &str) -> (f64, usize) {
        writeln!(self.questions, "{sql}").unwrap();
        self.questions.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (millis, rows) = line
            .trim()
            .split_once(' ')
            .unwrap_or_else(|| panic!("{} has no answer to {sql}", self.dialect.name));
        (millis.parse().unwrap(), rows.parse().unwrap())
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        _ = self.process.kill();
        _ = self.process.wait();
    }
}

struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        let path = std::env::temp_dir().join(format!("auditward-ask-{}", std::process::id()));
        _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.0);
    }
}
