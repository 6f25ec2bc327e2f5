//! How fast questions are answered, beside `DuckDB` over the same files: `cargo bench -p auditward-scan`.
//!
//! A captured log of a real cluster, repeated with other audit ids, times and users, in 1, 4 and 16 files. In every round
//! each question is asked of us and of `DuckDB` in turn (`AUDITWARD_DUCKDB_PYTHON`: a Python that has the package `duckdb`;
//! without it, of us alone), so that a busy machine slows both down; shown are the middles of all rounds. `DuckDB` runs in
//! one process for all rounds, with as many threads as we have, and answers with the rows' columns; we answer with events.
//!
//! Options: `--events 200000`, `--rounds 7`, `--threads 2`.

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
    println!("{events} events, {rounds} rounds, {threads} threads; milliseconds, middle of all rounds\n");
    println!("{:<28} {:>6} {:>10} {:>10} {:>8}", "question", "files", "ours", "DuckDB", "found");
    for files in [1, 4, 16] {
        let folder = Folder::new();
        let generated = store(&folder.0, events, files);
        let scan = Scan::new(
            generated.store.clone(),
            None,
            Limits { threads, ..Limits::new(folder.0.join("spill")) },
        )
        .unwrap();
        let mut duck = Duck::new(&folder.0.join("store"), threads);
        for question in questions(&generated) {
            let (mut ours, mut theirs, mut found) = (Vec::new(), Vec::new(), 0);
            for _ in 0..rounds {
                let began = Instant::now();
                found = (question.ours)(&scan);
                ours.push(began.elapsed().as_secs_f64() * 1e3);
                if let Some(duck) = &mut duck {
                    let (millis, rows) = duck.ask(&question.sql);
                    theirs.push(millis);
                    assert!(
                        question.loose || rows == found,
                        "{}: ours {found}, DuckDB's {rows}",
                        question.name
                    );
                }
            }
            let theirs = if theirs.is_empty() { "-".to_owned() } else { format!("{:.1}", middle(theirs)) };
            println!("{:<28} {files:>6} {:>10.1} {theirs:>10} {found:>8}", question.name, middle(ours));
        }
    }
}

fn option(name: &str, usual: usize) -> usize {
    let mut arguments = std::env::args().skip_while(|argument| argument != name).skip(1);
    arguments.next().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

fn middle(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

struct Question {
    name: &'static str,
    ours: Box<dyn Fn(&Scan) -> usize>,
    sql: String,
    /// Whether both answer with another number of rows.
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
    let window = format!("time >= '{since}'::TIMESTAMPTZ AND time < '{until}'::TIMESTAMPTZ");
    let all = "* EXCLUDE (rest, raw)";
    let newest = "ORDER BY time DESC, position DESC";
    let id = generated.id.clone();
    let object = parsed("resource:configmaps ns:kube-system name:kube-root-ca.crt");
    vec![
        Question {
            name: "auditID",
            sql: format!("SELECT {all} FROM events WHERE audit_id = '{id}'"),
            ours: Box::new(move |scan| scan.wait(scan.lookup(&id, &Clusters::all())).unwrap().events.len()),
            loose: false,
        },
        Question {
            name: "user in ten minutes",
            sql: format!(
                "SELECT {all} FROM events WHERE username = 'user-7' AND {window} {newest} LIMIT 100"
            ),
            ours: searched(parsed("user:user-7").within(Some(since), Some(until)), 100),
            loose: false,
        },
        Question {
            name: "object, newest 100",
            sql: format!(
                "SELECT {all} FROM events WHERE resource = 'configmaps' AND namespace = 'kube-system' \
                 AND name = 'kube-root-ca.crt' {newest} LIMIT 100"
            ),
            ours: searched(object, 100),
            loose: false,
        },
        Question {
            name: "denied, newest 100",
            sql: format!("SELECT {all} FROM events WHERE code = 403 {newest} LIMIT 100"),
            ours: searched(parsed("code:403"), 100),
            loose: false,
        },
        Question {
            name: "newest 100",
            sql: format!("SELECT {all} FROM events {newest} LIMIT 100"),
            ours: searched(Search::default(), 100),
            loose: false,
        },
        Question {
            name: "text in bodies, newest 100",
            sql: format!(
                "SELECT {all} FROM events WHERE contains(lower(request_object), 'hostnetwork') \
                 OR contains(lower(response_object), 'hostnetwork') {newest} LIMIT 100"
            ),
            ours: searched(parsed("hostNetwork"), 100),
            loose: true,
        },
        Question {
            name: "a body's field, newest 100",
            sql: format!(
                "SELECT {all} FROM events WHERE (request_object->'$.spec.hostNetwork') = 'true' {newest} LIMIT 100"
            ),
            ours: searched(parsed("object.spec.hostNetwork:true"), 100),
            loose: true,
        },
        Question {
            name: "histogram of all",
            sql: "SELECT time_bucket(INTERVAL '1 minute', time) AS t, count(*) FROM events GROUP BY t"
                .to_owned(),
            ours: Box::new(|scan| scan.wait(scan.histogram(&Search::default(), 200)).unwrap().buckets.len()),
            loose: true,
        },
        Question {
            name: "ten most active users",
            sql: "SELECT username, count(*) AS n FROM events GROUP BY username ORDER BY n DESC LIMIT 10"
                .to_owned(),
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
struct Duck {
    process: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
}

const SCRIPT: &str = "
import sys, time, duckdb
files, threads = sys.argv[1], sys.argv[2]
db = duckdb.connect()
db.execute(f\"SET threads = {threads}; SET TimeZone = 'UTC'; SET enable_object_cache = true\")
db.execute(f\"CREATE VIEW events AS SELECT * FROM read_parquet('{files}/*.parquet')\")
for line in sys.stdin:
    began = time.perf_counter()
    rows = db.execute(line).fetchall()
    print((time.perf_counter() - began) * 1e3, len(rows), flush=True)
";

impl Duck {
    fn new(files: &Path, threads: usize) -> Option<Self> {
        let python = std::env::var_os("AUDITWARD_DUCKDB_PYTHON")?;
        let mut process = Command::new(python)
            .args(["-c", SCRIPT])
            .arg(files)
            .arg(threads.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let questions = process.stdin.take().unwrap();
        let answers = BufReader::new(process.stdout.take().unwrap());
        Some(Duck { process, questions, answers })
    }

    fn ask(&mut self, sql: &str) -> (f64, usize) {
        writeln!(self.questions, "{sql}").unwrap();
        self.questions.flush().unwrap();
        let mut line = String::new();
        self.answers.read_line(&mut line).unwrap();
        let (millis, rows) =
            line.trim().split_once(' ').unwrap_or_else(|| panic!("DuckDB has no answer to {sql}"));
        (millis.parse().unwrap(), rows.parse().unwrap())
    }
}

impl Drop for Duck {
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
