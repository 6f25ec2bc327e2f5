//! What all of these tests need.

use std::collections::VecDeque;
use std::fs;
use std::io::{self, BufRead as _, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use auditward_notify::{Feed, Notice, Notifier, Settings, Severity, Status, Targets};
use serde_json::{Value, json};

/// Nothing here takes longer unless it is broken.
pub const WITHIN: Duration = Duration::from_secs(30);

/// Alerts in memory.
#[derive(Default)]
pub struct Alerts(Mutex<Vec<Notice>>);

impl Alerts {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    /// Adds so many.
    pub fn add(&self, count: u64) {
        let mut all = self.0.lock().unwrap();
        for _ in 0..count {
            let seq = all.len() as u64 + 1;
            all.push(notice(seq));
        }
    }
}

impl Feed for Alerts {
    fn after(&self, seq: u64, max: usize) -> io::Result<Vec<Notice>> {
        let all = self.0.lock().unwrap();
        Ok(all.iter().filter(|notice| notice.seq > seq).take(max).cloned().collect())
    }
}

/// The alert of a number.
pub fn notice(seq: u64) -> Notice {
    let id = format!("{seq:032x}");
    let alert = json!({
        "id": id, "rule": format!("rule-{}", seq % 3), "user": "alice", "verb": "list",
        "object": { "resource": "secrets", "namespace": "shop", "name": "" },
        "response": "Ask alice.",
    });
    Notice {
        id,
        seq,
        time: 1_785_000_000_000_000 + i64::try_from(seq).unwrap(),
        severity: Severity::Warning,
        rule: format!("rule-{}", seq % 3),
        title: "Secrets listed".to_owned(),
        cluster: "prod".to_owned(),
        summary: format!("alice listed secrets, number {seq}"),
        alert,
        falco: None,
    }
}

/// Targets as a configuration file says them.
pub fn targets(config: Value) -> Targets {
    serde_json::from_value(config).unwrap()
}

pub fn start(folder: &Path, config: Value, feed: &Arc<Alerts>) -> Notifier {
    let settings =
        Settings { targets: targets(config), folder: folder.to_owned(), stdout: Box::new(io::sink()) };
    let feed: Arc<dyn Feed> = Arc::clone(feed) as _;
    Notifier::start(settings, &feed).unwrap()
}

/// The only target's status, as soon as it is as wanted.
#[track_caller]
pub fn status(notifier: &Notifier, wanted: impl Fn(&Status) -> bool) -> Status {
    let found = until(|| notifier.status().into_iter().next().filter(&wanted));
    found.unwrap_or_else(|| panic!("{:?}", notifier.status()))
}

/// Asks until there is an answer.
pub fn until<T>(mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + WITHIN;
    while Instant::now() < end {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        thread::sleep(Duration::from_millis(3));
    }
    None
}

/// A folder that is gone after the test.
pub struct Folder(PathBuf);

impl Folder {
    pub fn new(name: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path =
            std::env::temp_dir().join(format!("auditward-notify-{name}-{}-{number}", std::process::id()));
        fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    /// A file in it.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        _ = fs::remove_dir_all(&self.0);
    }
}

/// A program that ends with the test, and with the test's thread if that is killed.
pub struct Program(Child);

impl Program {
    /// `None` where the program is not installed; the test says so.
    pub fn start(program: &str, arguments: &[String]) -> Option<Self> {
        let path = ["/usr/bin", "/usr/sbin"].iter().map(|folder| Path::new(folder).join(program));
        let Some(path) = path.into_iter().find(|path| path.exists()) else {
            eprintln!("skipped: {program} is not installed (crates/testkit/packages.txt)");
            return None;
        };
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "--"]).arg(path).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        Some(Self(command.spawn().unwrap()))
    }

    pub fn running(&mut self) -> bool {
        matches!(self.0.try_wait(), Ok(None))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        _ = self.0.kill();
        _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// What a server does with a request.
#[derive(Clone, Debug)]
pub enum Does {
    /// Answers with this status, these header lines (each with its end) and this body.
    Answer(u16, &'static str, String),
    /// Says nothing and keeps the connection.
    Hang,
    /// Closes the connection without a word.
    Close,
}

pub fn ok() -> Does {
    Does::Answer(200, "", "ok".to_owned())
}

pub fn no(status: u16) -> Does {
    Does::Answer(status, "", "no".to_owned())
}

#[derive(Clone, Debug)]
pub struct Request {
    /// `POST /path HTTP/1.1` and the headers, in lower case but for values.
    pub head: String,
    pub body: String,
    pub at: Instant,
}

impl Request {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
    }
}

/// An HTTP server that does what it is told: each request takes one from the list, and when that is empty the last is
/// repeated.
pub struct Server {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

struct Shared {
    does: Mutex<VecDeque<Does>>,
    seen: Mutex<Vec<Request>>,
    changed: Condvar,
}

impl Server {
    pub fn new(does: impl IntoIterator<Item = Does>) -> Self {
        Self::with(does, |stream| Some(Box::new(stream) as Box<dyn Stream>))
    }

    /// With something between the connection and HTTP; `None` for a connection that came to nothing.
    pub fn with(
        does: impl IntoIterator<Item = Does>,
        wrap: impl Fn(std::net::TcpStream) -> Option<Box<dyn Stream>> + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            does: Mutex::new(does.into_iter().collect()),
            seen: Mutex::default(),
            changed: Condvar::new(),
        });
        let of_thread = Arc::clone(&shared);
        let wrap = Arc::new(wrap);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (shared, wrap) = (Arc::clone(&of_thread), Arc::clone(&wrap));
                thread::spawn(move || {
                    if let Some(stream) = wrap(stream) {
                        let mut stream = BufReader::new(stream);
                        while shared.serve(&mut stream).is_some() {}
                    }
                });
            }
        });
        Self { address, shared }
    }

    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// All requests so far.
    pub fn seen(&self) -> Vec<Request> {
        self.shared.seen.lock().unwrap().clone()
    }

    /// Waits for so many requests.
    #[track_caller]
    pub fn wait(&self, count: usize) -> Vec<Request> {
        let seen = self.shared.seen.lock().unwrap();
        let few = |seen: &mut Vec<Request>| seen.len() < count;
        let (seen, over) = self.shared.changed.wait_timeout_while(seen, WITHIN, few).unwrap();
        assert!(!over.timed_out(), "{} of {count} requests came: {seen:#?}", seen.len());
        seen.clone()
    }
}

pub trait Stream: Read + Write + Send {}

impl<T: Read + Write + Send> Stream for T {}

impl Shared {
    /// One request; `None` when the connection is over.
    fn serve(&self, stream: &mut BufReader<Box<dyn Stream>>) -> Option<()> {
        let mut head = String::new();
        loop {
            let mut line = String::new();
            if stream.read_line(&mut line).ok()? == 0 {
                return None;
            }
            if line == "\r\n" {
                break;
            }
            let (name, rest) = line.split_once(':').unwrap_or((&line, ""));
            let is_header = !rest.is_empty() && !name.contains(' ');
            head += &if is_header { name.to_lowercase() + ":" + rest } else { line };
        }
        let request = |body: &[u8]| Request {
            head: head.replace('\r', ""),
            body: String::from_utf8_lossy(body).into_owned(),
            at: Instant::now(),
        };
        let length: usize = request(b"").header("content-length").unwrap_or("0").parse().ok()?;
        let mut body = vec![0; length];
        stream.read_exact(&mut body).ok()?;
        let does = {
            let mut all = self.does.lock().unwrap();
            if all.len() > 1 { all.pop_front()? } else { all.front()?.clone() }
        };
        // Before the answer: who has the answer finds the request here.
        self.seen.lock().unwrap().push(request(&body));
        self.changed.notify_all();
        match does {
            Does::Answer(status, headers, said) => {
                let length = said.len();
                let text = format!("HTTP/1.1 {status} X\r\n{headers}Content-Length: {length}\r\n\r\n{said}");
                stream.get_mut().write_all(text.as_bytes()).and_then(|()| stream.get_mut().flush()).ok()
            }
            Does::Hang => {
                // Until the other side has had enough.
                _ = stream.read(&mut [0]);
                None
            }
            Does::Close => None,
        }
    }
}
