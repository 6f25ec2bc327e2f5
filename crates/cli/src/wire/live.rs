//! A running server: what is started in which order, and stopped in the reverse.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use auditward_base::disk::OsDisk;
use auditward_collect::redact::{self, DigestKey, Redactor};
use auditward_detect::RuleSet;
use auditward_journal::{self as journal, Journal};
use auditward_notify::Feed;
use auditward_scan::{Limits, Scan};
use auditward_server::ports::Ports;
use auditward_server::{self as server, Said, Server};
use auditward_store::Store;
use auditward_store::alerts::AlertLog;

use super::detect::{self, Memories, Rules};
use super::intake::{self, Intake};
use super::metrics::Gauges;
use super::rules::{Shelf, Tally};
use super::targets::Targets;
use super::trail::Questions;
use super::triage::Desk;
use super::{Folder, Health, Metrics, Parts, Stop, feed, keep, tail};
use crate::config::{Config, Redaction};
use crate::exit::{Failure, context};
use crate::rule_files::RuleArgs;
use crate::{input, output};

/// How long requests may go on after the word to stop.
const GRACE: Duration = Duration::from_secs(5);

/// A server at work, until [`Live::stop`].
pub(crate) struct Live {
    stop: Stop,
    metrics: Arc<Metrics>,
    journal: Journal,
    rules: Rules,
    targets: Targets,
    server: Mutex<Option<Server>>,
    address: SocketAddr,
    /// Those that take in, those that work on it.
    sources: Mutex<Vec<JoinHandle<()>>>,
    workers: Mutex<Vec<JoinHandle<()>>>,
    folder: Mutex<Option<Folder>>,
}

/// What a person sees who watches.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Numbers {
    pub(crate) events: u64,
    pub(crate) repeated: u64,
    pub(crate) bytes: u64,
    pub(crate) alerts: u64,
    /// Events that a worker has before it.
    pub(crate) waiting: u64,
}

impl Live {
    /// Starts everything; when this returns, requests are answered and logs are read.
    pub(crate) fn start(data: &Path, config: &Config) -> Result<Self, Failure> {
        let set = rule_set(config)?;
        let folder = Folder::take(data, "auditward serve")?;
        folder.make_room();
        let redactor = redactor(&folder, &config.collect.redaction)?;
        let Parts { store, alerts } = Parts::open(&folder, &config.store)?;
        let memories = Memories::read(&folder, &set, config.detect.lateness.0)?;
        let journal = open_journal(&folder, config, store.status().position.max(memories.next()))?;

        let (stop, health) = (Stop::default(), Health::default());
        let (metrics, tally) = (Arc::new(Metrics::default()), Tally::default());
        let rules = Rules::new(set);
        let kept = keep::Kept::default();
        let log: Arc<dyn Feed> = Arc::new(feed::Log(alerts.clone()));
        let targets = Targets::start(config.notify.clone(), &log, folder.room("notify")?)?;
        let wake = targets.clone();
        let parts = detect::Parts {
            journal: &journal,
            alerts: alerts.clone(),
            rules: rules.clone(),
            memories,
            metrics: metrics.clone(),
            tally: tally.clone(),
            wake: Box::new(move || wake.wake()),
        };
        let mut workers = vec![
            keep::start(&journal, &store, &kept, &stop, &health)?,
            detect::start(parts, &stop, &health)?,
            keep::tidy(&store, &alerts, targets.clone(), &stop, &health)?,
            keep::scrub(&store, &stop, &health)?,
        ];
        let scan = scan(&folder, config, &store, &alerts)?;
        let body_max = usize::try_from(config.collect.body_max.0).unwrap_or(usize::MAX);
        let intake = Intake::new(journal.clone(), redactor, metrics.clone(), health.clone(), body_max);
        workers.push(intake::start(&intake, &stop, &health)?);
        let ports = Ports {
            intake: Arc::new(intake.clone()),
            trail: Arc::new(Questions { scan, store: store.clone(), kept }),
            alerts: Arc::new(Desk(alerts.clone())),
            rules: Arc::new(Shelf { rules: rules.clone(), tally: tally.clone() }),
            health: Arc::new(health.clone()),
            metrics: Arc::new(Gauges {
                metrics: metrics.clone(),
                journal: journal.clone(),
                store,
                alerts,
                targets: targets.clone(),
                tally,
                health: health.clone(),
            }),
        };
        let server = Server::start(&server_config(&folder, config), ports, Arc::new(say))
            .map_err(context("could not answer requests"))?;
        let address = server.addresses().first().copied().unwrap_or(config.listen.address);
        let source = |log| tail::start(log, &journal, &intake, &metrics, &stop, &health);
        let sources = config.collect.logs.iter().map(source).collect::<Result<_, _>>()?;
        folder.keep_room();
        Ok(Live {
            stop,
            metrics,
            journal,
            rules,
            targets,
            server: Mutex::new(Some(server)),
            address,
            sources: Mutex::new(sources),
            workers: Mutex::new(workers),
            folder: Mutex::new(Some(folder)),
        })
    }

    /// Where requests are answered.
    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many rules there are.
    pub(crate) fn rules(&self) -> usize {
        self.rules.set().rules().len()
    }

    /// How the targets of alerts fare.
    pub(crate) fn deliveries(&self) -> Vec<auditward_notify::Status> {
        self.targets.status()
    }

    pub(crate) fn numbers(&self) -> Numbers {
        let taken = self.metrics.taken();
        let waiting = self.journal.status().readers.iter().map(|reader| reader.events).max();
        Numbers {
            events: taken.events,
            repeated: taken.repeated,
            bytes: taken.bytes,
            alerts: self.metrics.alerts.get(),
            waiting: waiting.unwrap_or(0),
        }
    }

    /// Reads rules, tokens, certificates and targets again, each for itself: a mistake in a rule keeps no new certificate
    /// waiting. What cannot be read stays as it was, and is told.
    pub(crate) fn reload(&self, config: &Config) -> Vec<Failure> {
        let rules = rule_set(config).map(|set| self.rules.replace(set));
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        let server = server.as_ref().map_or((Ok(()), Ok(())), |server| {
            let tokens = server.reload_tokens().map_err(context("could not use the new tokens"));
            (tokens, server.reload_certificates().map_err(context("could not use the new certificates")))
        });
        let targets = self.targets.change(config.notify.clone());
        [rules, server.0, server.1, targets].into_iter().filter_map(Result::err).collect()
    }

    /// Ends everything: first what takes in, then what works on it, so that little is left to be done again.
    pub(crate) fn stop(&self) {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner).take();
        if server.is_some_and(|server| !server.stop(GRACE)) {
            output::talk("some requests were broken off");
        }
        self.stop.give();
        for threads in [&self.sources, &self.workers] {
            for thread in std::mem::take(&mut *threads.lock().unwrap_or_else(PoisonError::into_inner)) {
                // A panic has been printed; there is nothing to add.
                _ = thread.join();
            }
        }
        self.targets.stop(GRACE);
        drop(self.folder.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// The rules that the configuration names, compiled.
pub(crate) fn rule_set(config: &Config) -> Result<Arc<RuleSet>, Failure> {
    let args = RuleArgs { paths: config.detect.rules.clone(), no_shipped: config.detect.no_shipped };
    let mut rules = args.load_whole()?.rules;
    rules.retain(|rule| rule.enabled && rule.severity >= config.detect.severity);
    let compiled = RuleSet::compile(rules).map_err(|errors| {
        for error in &errors {
            output::talk(&format!("error: {error}"));
        }
        Failure::new("these rules cannot run together")
    })?;
    Ok(Arc::new(compiled))
}

fn redactor(folder: &Folder, redaction: &Redaction) -> Result<Redactor, Failure> {
    if redaction.disabled {
        return Ok(Redactor::off());
    }
    let key = DigestKey::load_or_create(&folder.file("redact.key"))
        .map_err(context("could not prepare the removal of secrets"))?;
    let rules = match &redaction.rules {
        None => redact::Rules::default(),
        Some(path) => redaction_rules(path)?,
    };
    Ok(Redactor::new(&rules, &key))
}

/// A site's rules for the removal of secrets.
pub(crate) fn redaction_rules(path: &Path) -> Result<redact::Rules, Failure> {
    const BYTES_MAX: usize = 1 << 20;
    let name = input::name(path);
    let text = String::from_utf8(input::whole(path, BYTES_MAX)?)
        .map_err(|_| Failure::new(format!("`{name}` is not UTF-8 text")))?;
    redact::Rules::parse(&text).map_err(|errors| {
        for error in &errors {
            let hint = error.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
            output::talk(&format!("error: {name}: {error}{hint}"));
        }
        Failure::new(format!("`{name}` cannot be used"))
    })
}

fn open_journal(folder: &Folder, config: &Config, next_min: u64) -> Result<Journal, Failure> {
    let config = journal::Config {
        bytes_max: config.journal.backlog.0,
        keys_max: config.journal.known_events,
        next_min,
        ..journal::Config::new(folder.room("journal")?)
    };
    let opened = Journal::open(Arc::new(OsDisk), config);
    let (journal, recovered) = opened.map_err(context("could not open the journal"))?;
    if recovered.cut_bytes > 0 {
        output::talk(&format!(
            "journal: {} bytes that a crash had left half were cut off",
            recovered.cut_bytes
        ));
    }
    for damage in &recovered.damage {
        output::talk(&format!("journal: {damage}"));
    }
    Ok(journal)
}

fn scan(folder: &Folder, config: &Config, store: &Store, alerts: &AlertLog) -> Result<Scan, Failure> {
    let spill = folder.file("spill");
    // What a query left that was killed.
    _ = std::fs::remove_dir_all(&spill);
    let limits = Limits {
        memory_bytes: usize::try_from(config.query.memory.0).unwrap_or(usize::MAX),
        time: config.query.time.0,
        ..Limits::new(folder.room("spill")?)
    };
    Scan::new(store.clone(), Some(alerts.clone()), limits).map_err(context("could not prepare for questions"))
}

/// The certificates that the server is to use.
pub(crate) fn tls(config: &Config) -> Option<server::Tls> {
    config.listen.tls.as_ref().map(|tls| server::Tls {
        certificate: tls.certificate.clone(),
        key: tls.key.clone(),
        clients: tls.client_ca.as_ref().map(|authorities| server::ClientCertificates {
            authorities: authorities.clone(),
            clusters: tls.client_clusters.clone(),
        }),
    })
}

fn server_config(folder: &Folder, config: &Config) -> server::Config {
    let most = usize::try_from(config.collect.body_max.0).unwrap_or(usize::MAX);
    server::Config {
        listen: vec![config.listen.address],
        tls: tls(config),
        plain_http: false,
        tokens: folder.file("tokens"),
        limits: server::Limits {
            unpacked_bytes_max: most,
            query_time: config.query.time.0,
            ..server::Limits::default()
        },
    }
}

/// Requests that went well are nobody's concern but of who asked.
fn say(said: &Said<'_>) {
    match said {
        Said::Request { status: ..=499, .. } => {}
        other => output::talk(&other.to_string()),
    }
}
