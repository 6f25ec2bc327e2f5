//! What the server counts about itself.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::layers::around::Ids;
use crate::ports::Taken;

/// What the server counts about itself, and the ids of its requests.
pub(crate) struct Counters {
    pub(crate) ids: Ids,
    /// By route and status: bounded by how many of them there are.
    requests: Mutex<BTreeMap<(String, u16), Answered>>,
    in_flight: AtomicU64,
    refused: [AtomicU64; Refused::ALL.len()],
    taken: AtomicU64,
    repeated: AtomicU64,
    body_bytes: AtomicU64,
}

#[derive(Clone, Copy, Default)]
struct Answered {
    count: u64,
    time: Duration,
}

/// Why a connection ended before its first request.
#[derive(Clone, Copy)]
pub(crate) enum Refused {
    /// There are too many.
    Total,
    /// There are too many from its address.
    Address,
    /// The TLS handshake failed.
    Handshake,
    /// The system has no more files.
    Files,
    /// It was slow or idle for too long.
    Slow,
}

impl Refused {
    const ALL: [(Self, &'static str); 5] = [
        (Self::Total, "too_many"),
        (Self::Address, "too_many_from_address"),
        (Self::Handshake, "tls_handshake"),
        (Self::Files, "no_more_files"),
        (Self::Slow, "slow"),
    ];
}

/// A request that is being answered.
pub(crate) struct InFlight<'a>(&'a AtomicU64);

impl Drop for InFlight<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Counters {
    pub(crate) fn new(process: String) -> Self {
        Self {
            ids: Ids::new(process),
            requests: Mutex::default(),
            in_flight: AtomicU64::new(0),
            refused: Default::default(),
            taken: AtomicU64::new(0),
            repeated: AtomicU64::new(0),
            body_bytes: AtomicU64::new(0),
        }
    }

    pub(crate) fn in_flight(&self) -> InFlight<'_> {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(&self.in_flight)
    }

    pub(crate) fn request(&self, route: &str, status: u16, time: Duration) {
        let mut requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner);
        let answered = requests.entry((route.to_owned(), status)).or_default();
        answered.count += 1;
        answered.time += time;
    }

    pub(crate) fn refused(&self, why: Refused) {
        self.refused[why as usize].fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn count_taken(&self, taken: Taken, bytes: u64) {
        self.taken.fetch_add(taken.taken, Ordering::Relaxed);
        self.repeated.fetch_add(taken.repeated, Ordering::Relaxed);
        self.body_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Adds all of them in Prometheus' text format.
    pub(crate) fn write(&self, out: &mut String, gauges: &[(&str, &str, usize)]) {
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone();
        family(out, "auditward_http_requests_total", "counter", "Requests answered.");
        for ((route, status), answered) in &requests {
            let labels = format!("{{route=\"{route}\",status=\"{status}\"}}");
            *out += &format!("auditward_http_requests_total{labels} {}\n", answered.count);
        }
        family(out, "auditward_http_request_seconds_total", "counter", "Time until the head of the answer.");
        for ((route, status), answered) in &requests {
            let labels = format!("{{route=\"{route}\",status=\"{status}\"}}");
            *out +=
                &format!("auditward_http_request_seconds_total{labels} {}\n", answered.time.as_secs_f64());
        }
        family(
            out,
            "auditward_http_refused_total",
            "counter",
            "Connections ended for their own fault or for want of room.",
        );
        for ((_, why), count) in Refused::ALL.iter().zip(&self.refused) {
            *out += &format!(
                "auditward_http_refused_total{{reason=\"{why}\"}} {}\n",
                count.load(Ordering::Relaxed)
            );
        }
        for (name, about, count) in [
            ("auditward_http_events_taken_total", "New events of ingest requests.", &self.taken),
            (
                "auditward_http_events_repeated_total",
                "Events of ingest requests that were there.",
                &self.repeated,
            ),
            (
                "auditward_http_body_bytes_total",
                "Bytes of ingest bodies as they were sent.",
                &self.body_bytes,
            ),
        ] {
            family(out, name, "counter", about);
            *out += &format!("{name} {}\n", count.load(Ordering::Relaxed));
        }
        family(out, "auditward_http_in_flight", "gauge", "Requests that are being answered.");
        *out += &format!("auditward_http_in_flight {}\n", self.in_flight.load(Ordering::Relaxed));
        for (name, about, value) in gauges {
            family(out, name, "gauge", about);
            *out += &format!("{name} {value}\n");
        }
    }
}

fn family(out: &mut String, name: &str, kind: &str, about: &str) {
    *out += &format!("# HELP {name} {about}\n# TYPE {name} {kind}\n");
}
