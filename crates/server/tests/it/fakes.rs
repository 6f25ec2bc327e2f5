//! Ports that live in memory, and a server around them.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use auditward_server::ports::*;
use auditward_server::{Config, Identity, Limits, Role, Server, tokens};
use axum::http::HeaderMap;
use serde_json::value::RawValue;

/// A trail of lines, an alert, a rule.
#[derive(Default)]
pub(crate) struct Fake {
    /// What was taken: cluster, sender, body.
    pub(crate) taken: Mutex<Vec<(String, String, Vec<u8>)>>,
    /// What the intake answers next, instead of taking.
    pub(crate) refusal: Mutex<Option<Refusal>>,
    pub(crate) alert: Mutex<Option<Alert>>,
    /// The filters that alerts were listed by.
    pub(crate) filters: Mutex<Vec<String>>,
    pub(crate) unready: AtomicBool,
    /// Searches for `wait` wait until they are cancelled, and say so here.
    pub(crate) cancelled: AtomicU32,
    pub(crate) waiting: AtomicU32,
}

impl Intake for Fake {
    fn take(
        &self,
        cluster: &str,
        sender: &Identity,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Result<Taken, Refusal> {
        assert!(!headers.contains_key("authorization"));
        if let Some(refusal) = self.refusal.lock().unwrap().take() {
            return Err(refusal);
        }
        self.taken.lock().unwrap().push((cluster.into(), sender.name().into(), body.to_vec()));
        Ok(Taken { taken: body.split(|byte| *byte == b'\n').count() as u64, repeated: 0 })
    }
}

impl Fake {
    fn hits(&self) -> Vec<Hit> {
        let taken = self.taken.lock().unwrap();
        let lines = taken.iter().flat_map(|(cluster, _, body)| {
            let text = String::from_utf8(body.clone()).unwrap();
            text.lines().map(|line| (cluster.clone(), line.to_owned())).collect::<Vec<_>>()
        });
        lines.zip(0..).map(|((cluster, line), n)| Hit::new(n, cluster, line.into_bytes()).unwrap()).collect()
    }

    fn found(&self, query: &str, cancel: &Cancel) -> Result<Vec<Hit>, Failure> {
        match query {
            "wrong" => {
                let finding = Finding {
                    what: "`wrong` is wrong".into(),
                    start: 0,
                    end: 5,
                    hint: Some("say `right`".into()),
                };
                Err(Failure::Bad(vec![finding]))
            }
            "broken" => Err(Failure::Broken("disk /dev/secret is gone".into())),
            "panic" => panic!("on purpose"),
            "wait" => {
                self.waiting.fetch_add(1, Ordering::SeqCst);
                while !cancel.cancelled() {
                    std::thread::sleep(Duration::from_millis(2));
                }
                self.cancelled.fetch_add(1, Ordering::SeqCst);
                Err(Failure::Cancelled)
            }
            _ => Ok(self.hits().into_iter().filter(|hit| hit.event.get().contains(query)).collect()),
        }
    }
}

impl Trail for Fake {
    fn search(&self, query: &str, page: &Page, cancel: &Cancel) -> Result<Found, Failure> {
        let mut events = self.found(query, cancel)?;
        if page.order == Order::Newest {
            events.reverse();
        }
        let from = page.after.as_deref().map_or(0, |after| after.parse().unwrap());
        let next = (from + page.limit < events.len()).then(|| (from + page.limit).to_string());
        Ok(Found { events: events.into_iter().skip(from).take(page.limit).collect(), next })
    }

    fn count(&self, query: &str, cancel: &Cancel) -> Result<u64, Failure> {
        Ok(self.found(query, cancel)?.len() as u64)
    }

    fn histogram(&self, query: &str, buckets: usize, cancel: &Cancel) -> Result<Histogram, Failure> {
        let count = self.count(query, cancel)?;
        let start = "2026-11-26T14:00:00.000000Z".to_owned();
        Ok(Histogram { width: buckets as u64, buckets: vec![Bucket { start, count }] })
    }

    fn facets(&self, query: &str, field: &str, limit: usize, cancel: &Cancel) -> Result<Facets, Failure> {
        let count = self.count(query, cancel)?;
        let values = vec![Facet { value: format!("{field}/{limit}"), count }];
        Ok(Facets { values, others: 0, missing: 0 })
    }

    fn fields(&self) -> Result<Vec<FieldInfo>, Failure> {
        let info =
            FieldInfo { name: "verb".into(), kind: "text".into(), about: "The verb.".into(), facets: true };
        Ok(vec![info])
    }

    fn values(&self, field: &str, prefix: &str, limit: usize, _: &Cancel) -> Result<Vec<String>, Failure> {
        Ok(vec![format!("{field}/{prefix}/{limit}")])
    }

    fn sql(&self, text: &str, _: Format, cancel: &Cancel) -> Result<Chunks, Failure> {
        if text == "wrong" {
            self.found("wrong", cancel)?;
        }
        let breaks = text == "breaks";
        let many = (0..3).map(move |n| match n {
            2 if breaks => Err(Failure::Broken("in the middle".into())),
            n => Ok(format!("{{\"n\":{n}}}\n").into_bytes()),
        });
        Ok(Box::new(many))
    }

    fn event(&self, audit_id: &str, cluster: Option<&str>, cancel: &Cancel) -> Result<Vec<Hit>, Failure> {
        let hits = self.found(audit_id, cancel)?;
        Ok(hits.into_iter().filter(|hit| cluster.is_none_or(|cluster| hit.cluster == cluster)).collect())
    }

    fn live(&self, query: &str, after: Option<u64>) -> Result<Box<dyn Live>, Failure> {
        let (_canceller, cancel) = Cancel::new();
        self.found(query, &cancel)?;
        let from = after.map_or(0, |after| after + 1);
        Ok(Box::new(Lines { hits: self.hits().into_iter().filter(|hit| hit.position >= from).collect() }))
    }
}

/// Follows what was there when it began.
struct Lines {
    hits: Vec<Hit>,
}

impl Live for Lines {
    fn next(&mut self, max: usize, _: Duration) -> Result<Batch, Failure> {
        let events: Vec<_> = self.hits.drain(..max.min(self.hits.len())).collect();
        if events.is_empty() {
            std::thread::sleep(Duration::from_millis(2));
        }
        Ok(Batch { position: events.last().map(|hit| hit.position), events, skipped: 0 })
    }
}

impl Alerts for Fake {
    fn list(&self, filter: &AlertFilter, before: Option<u64>, limit: usize) -> Result<AlertPage, Failure> {
        self.filters.lock().unwrap().push(format!("{filter:?} {before:?} {limit}"));
        Ok(AlertPage { alerts: self.alert.lock().unwrap().iter().cloned().collect(), next: None })
    }

    fn get(&self, id: &str) -> Result<Option<Alert>, Failure> {
        Ok(self.alert.lock().unwrap().clone().filter(|alert| alert.id == id))
    }

    fn triage(&self, id: &str, triage: &Triage) -> Result<Option<Alert>, Failure> {
        let mut alert = self.alert.lock().unwrap();
        let Some(alert) = alert.as_mut().filter(|alert| alert.id == id) else { return Ok(None) };
        let Triage { state, note, by } = triage.clone();
        alert.state = state;
        alert.history.push(Triaged { state, note, by, at: "2026-11-26T14:00:00.000000Z".into() });
        Ok(Some(alert.clone()))
    }
}

pub(crate) fn alert() -> Alert {
    Alert {
        id: "a1".into(),
        seq: 7,
        time: "2026-11-26T14:00:00.000000Z".into(),
        rule: "secrets-read".into(),
        title: "Secrets read".into(),
        severity: "high".into(),
        cluster: "prod".into(),
        summary: "alice read secrets".into(),
        state: AlertState::Open,
        history: Vec::new(),
        alert: RawValue::from_string("{}".into()).unwrap(),
    }
}

impl Rules for Fake {
    fn list(&self) -> Result<Vec<RuleState>, Failure> {
        Ok(vec![rule()])
    }

    fn get(&self, id: &str) -> Result<Option<RuleText>, Failure> {
        Ok((id == "secrets-read").then(|| RuleText { rule: rule(), text: "id: secrets-read".into() }))
    }
}

fn rule() -> RuleState {
    RuleState {
        id: "secrets-read".into(),
        title: "Secrets read".into(),
        severity: "high".into(),
        tags: vec![],
        source: "embedded".into(),
        enabled: true,
        hits: 1,
        alerts: 1,
        last: None,
    }
}

impl Health for Fake {
    fn live(&self) -> bool {
        true
    }

    fn ready(&self) -> Readiness {
        let unready = self.unready.load(Ordering::SeqCst);
        let why = unready.then(|| "it is full".to_owned());
        Readiness { parts: vec![Part { name: "journal".into(), ready: !unready, why }] }
    }
}

impl Metrics for Fake {
    fn write(&self, out: &mut String) {
        out.push_str("# HELP fake_total Fake.\n# TYPE fake_total counter\nfake_total 1\n");
    }
}

/// A running server, its folder, and what it said.
pub(crate) struct Running {
    pub(crate) fake: Arc<Fake>,
    pub(crate) server: Option<Server>,
    pub(crate) address: SocketAddr,
    pub(crate) folder: PathBuf,
    pub(crate) said: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// One that listens to this machine and has no tokens.
    pub(crate) fn open() -> Self {
        Self::start(|_| {})
    }

    /// One as a test wants it.
    pub(crate) fn start(set_up: impl FnOnce(&mut Config)) -> Self {
        let folder = folder();
        Self::start_in(folder, set_up)
    }

    pub(crate) fn start_in(folder: PathBuf, set_up: impl FnOnce(&mut Config)) -> Self {
        let mut config = config(&folder);
        set_up(&mut config);
        let (fake, said) = (Arc::new(Fake::default()), Arc::new(Mutex::new(Vec::new())));
        let log = said.clone();
        let log =
            Arc::new(move |line: &auditward_server::Said<'_>| log.lock().unwrap().push(line.to_string()));
        let server = Server::start(&config, ports(&fake), log).unwrap();
        let address = server.addresses()[0];
        Self { fake, server: Some(server), address, folder, said }
    }

    /// Makes a token before or while it runs.
    pub(crate) fn token(&self, role: Role, cluster: Option<&str>) -> String {
        let token = token(&self.folder, role, cluster);
        self.server.as_ref().unwrap().reload_tokens().unwrap();
        token
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        drop(self.server.take());
        _ = std::fs::remove_dir_all(&self.folder);
    }
}

pub(crate) fn folder() -> PathBuf {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let folder = std::env::temp_dir().join(format!("auditward-server-it-{}-{number}", std::process::id()));
    std::fs::create_dir(&folder).unwrap();
    folder
}

pub(crate) fn config(folder: &std::path::Path) -> Config {
    Config {
        listen: vec![([127, 0, 0, 1], 0).into()],
        tls: None,
        plain_http: false,
        tokens: folder.join("tokens"),
        limits: Limits::default(),
    }
}

pub(crate) fn ports(fake: &Arc<Fake>) -> Ports {
    Ports {
        intake: fake.clone(),
        trail: fake.clone(),
        alerts: fake.clone(),
        rules: fake.clone(),
        health: fake.clone(),
        metrics: fake.clone(),
    }
}

pub(crate) fn token(folder: &std::path::Path, role: Role, cluster: Option<&str>) -> String {
    let name = format!("{role} of {}", cluster.unwrap_or("all"));
    let cluster = cluster.map(|cluster| cluster.parse().unwrap());
    tokens::add(&folder.join("tokens"), tokens::NewToken { name, role, cluster }, 0).unwrap().1
}
