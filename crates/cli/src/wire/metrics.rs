//! Numbers for Prometheus.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use auditward_journal::{Appended, Journal};
use auditward_server::ports;
use auditward_store::Store;
use auditward_store::alerts::AlertLog;

use super::Health;
use super::rules::Tally;
use super::targets::Targets;

/// A number that only grows.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// How many clusters are told apart; senders choose their names only within what their tokens allow.
const CLUSTERS_MAX: usize = 1024;

/// What the workers count.
#[derive(Debug, Default)]
pub(crate) struct Metrics {
    /// By source and cluster.
    taken: Mutex<BTreeMap<(&'static str, String), Taken>>,
    /// Lines and items that were passed over: no events, torn or too long.
    pub(super) broken: Counter,
    /// Batches of agents that came again.
    pub(super) repeated_batches: Counter,
    /// Events that the rules were asked about.
    pub(super) looked_at: Counter,
    /// Events of clusters beyond the number that has engines.
    pub(super) unwatched: Counter,
    /// Alerts that were new.
    pub(super) alerts: Counter,
}

/// What came from one source.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Taken {
    pub(crate) events: u64,
    pub(crate) repeated: u64,
    pub(crate) bytes: u64,
}

impl Metrics {
    pub(super) fn took(&self, source: &'static str, cluster: &str, appended: &Appended, bytes: usize) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let name = if taken.len() < CLUSTERS_MAX { cluster } else { "others" };
        let sum = taken.entry((source, name.to_owned())).or_default();
        sum.events += appended.taken as u64;
        sum.repeated += appended.repeated as u64;
        sum.bytes += bytes as u64;
    }

    /// From everywhere.
    pub(crate) fn taken(&self) -> Taken {
        let taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.values().fold(Taken::default(), |sum, one| Taken {
            events: sum.events + one.events,
            repeated: sum.repeated + one.repeated,
            bytes: sum.bytes + one.bytes,
        })
    }
}

/// Name, kind, what it means, and where it is.
type Family<T> = (&'static str, &'static str, &'static str, fn(&T) -> u64);

/// What is asked for numbers.
pub(super) struct Gauges {
    pub(super) metrics: Arc<Metrics>,
    pub(super) journal: Journal,
    pub(super) store: Store,
    pub(super) alerts: AlertLog,
    pub(super) targets: Targets,
    pub(super) tally: Tally,
    pub(super) health: Health,
}

impl ports::Metrics for Gauges {
    fn write(&self, out: &mut String) {
        let mut page = Page(out);
        self.intake(&mut page);
        self.journal(&mut page);
        self.detection(&mut page);
        self.store(&mut page);
        self.deliveries(&mut page);
        page.family("auditward_part_failing", "gauge", "1 while a part does not work");
        for part in self.health.troubles().keys() {
            page.sample("auditward_part_failing", &[("part", part)], 1.0);
        }
    }
}

impl Gauges {
    fn intake(&self, page: &mut Page<'_>) {
        let taken = self.metrics.taken.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let families: [Family<Taken>; 3] = [
            ("auditward_events_taken_total", "counter", "Events taken in", |taken| taken.events),
            ("auditward_events_repeated_total", "counter", "Events that were there already", |taken| {
                taken.repeated
            }),
            ("auditward_events_taken_bytes_total", "counter", "Bytes of events that came in", |taken| {
                taken.bytes
            }),
        ];
        for (name, kind, help, of) in families {
            page.family(name, kind, help);
            for ((source, cluster), taken) in &taken {
                page.sample(name, &[("source", source), ("cluster", cluster)], of(taken) as f64);
            }
        }
        page.counter(
            "auditward_events_broken_total",
            "Lines and items that were passed over: no events, torn or too long",
            self.metrics.broken.get(),
        );
        page.counter(
            "auditward_batches_repeated_total",
            "Batches of agents that came again",
            self.metrics.repeated_batches.get(),
        );
    }

    fn journal(&self, page: &mut Page<'_>) {
        let status = self.journal.status();
        page.counter("auditward_journal_events_total", "Position of the next event", status.next);
        page.gauge("auditward_journal_bytes", "Bytes of the journal's files", status.bytes as f64);
        page.gauge(
            "auditward_journal_backlog_bytes",
            "Bytes that the slowest reader has before it",
            status.backlog_bytes as f64,
        );
        page.gauge(
            "auditward_journal_backlog_bytes_max",
            "The most that those may be before senders are turned away",
            status.backlog_bytes_max as f64,
        );
        page.family("auditward_reader_backlog_events", "gauge", "Events that a reader has before it");
        for reader in &status.readers {
            page.sample("auditward_reader_backlog_events", &[("reader", &reader.name)], reader.events as f64);
        }
        page.family("auditward_appends_refused_total", "counter", "Appends that were not taken, by reason");
        for (reason, count) in [("behind", status.behind), ("failed", status.failed)] {
            page.sample("auditward_appends_refused_total", &[("reason", reason)], count as f64);
        }
        page.counter(
            "auditward_events_lost_total",
            "Events that were found damaged in the journal",
            status.lost,
        );
        page.counter("auditward_fsyncs_total", "Times that appends were written and synced", status.syncs);
        page.family("auditward_fsync_seconds_total", "counter", "How long that took");
        page.sample("auditward_fsync_seconds_total", &[], status.sync_time.as_secs_f64());
        page.gauge("auditward_fsync_seconds_max", "The longest of them", status.sync_time_max.as_secs_f64());
        page.gauge("auditward_known_events", "Events that would be known again", status.keys as f64);
        page.gauge("auditward_known_events_max", "The most that are", status.keys_max as f64);
    }

    fn detection(&self, page: &mut Page<'_>) {
        page.counter(
            "auditward_events_looked_at_total",
            "Events that the rules were asked about",
            self.metrics.looked_at.get(),
        );
        page.counter(
            "auditward_events_unwatched_total",
            "Events that no rule was asked about, as there are too many clusters",
            self.metrics.unwatched.get(),
        );
        page.family("auditward_alerts_total", "counter", "Alerts since the start, by rule");
        for (rule, alerts) in self.tally.alerts() {
            page.sample("auditward_alerts_total", &[("rule", &rule)], alerts as f64);
        }
        let status = self.alerts.status();
        page.gauge("auditward_alerts_kept", "Alerts that are kept", status.alerts as f64);
        page.gauge("auditward_alerts_open", "Alerts that nobody has looked at", status.open as f64);
    }

    fn store(&self, page: &mut Page<'_>) {
        let status = self.store.status();
        page.gauge(
            "auditward_store_fresh_events",
            "Events in memory, not in a file yet",
            status.fresh_rows as f64,
        );
        page.gauge("auditward_store_files", "Files of the store", status.segments as f64);
        page.gauge("auditward_store_files_damaged", "Files that were set aside", status.damaged.len() as f64);
        for (name, help, second) in [
            ("auditward_store_events", "Events in files", false),
            ("auditward_store_bytes", "Bytes of files", true),
        ] {
            page.family(name, "gauge", help);
            for (cluster, (rows, bytes)) in &status.clusters {
                page.sample(name, &[("cluster", cluster)], if second { *bytes } else { *rows } as f64);
            }
        }
    }

    fn deliveries(&self, page: &mut Page<'_>) {
        let targets = self.targets.status();
        let families: [Family<auditward_notify::Status>; 6] = [
            ("auditward_deliveries_queued", "gauge", "Alerts that wait for a target", |status| status.queued),
            ("auditward_deliveries_total", "counter", "Alerts that a target took", |status| status.sent),
            ("auditward_deliveries_repeated_total", "counter", "Alerts told again", |status| status.repeated),
            ("auditward_deliveries_failed_total", "counter", "Tries that failed", |status| status.failed),
            ("auditward_deliveries_dead_total", "counter", "Alerts given up", |status| status.dead),
            ("auditward_deliveries_lost_total", "counter", "Alerts gone before they were sent", |status| {
                status.lost
            }),
        ];
        for (name, kind, help, of) in families {
            page.family(name, kind, help);
            for target in &targets {
                page.sample(name, &[("target", &target.target)], of(target) as f64);
            }
        }
    }
}

/// Prometheus' text format, version 0.0.4.
struct Page<'o>(&'o mut String);

impl Page<'_> {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: f64) {
        self.0.push_str(name);
        for (index, (label, text)) in labels.iter().enumerate() {
            let text = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
            let before = if index == 0 { '{' } else { ',' };
            _ = write!(self.0, "{before}{label}=\"{text}\"");
        }
        self.0.push_str(if labels.is_empty() { " " } else { "} " });
        _ = writeln!(self.0, "{value}");
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.family(name, "counter", help);
        self.sample(name, &[], value as f64);
    }

    fn gauge(&mut self, name: &str, help: &str, value: f64) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }
}
