//! Proof that audit is on: a request of ours, and its event in the log.
//!
//! The policy says which harmless request it records, and at which level; the request is made with an `Audit-ID` that
//! nobody else has; the event with that ID must turn up in the log, at that level. Flags in a process prove less: a policy
//! that records nothing, a log on a full disk and a mount that hides the log all look the same there.

mod choose;
mod find;

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use auditward_base::random_id;
use auditward_event::Level;
use serde_json::{Value, json};

use crate::api::{ApiError, Client, Request};
pub use choose::{Identity, Probe, choose};
pub use find::{Found, find};

/// Where events can be looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trail {
    /// A log file, by its path on the node.
    File(PathBuf),
    /// The API server's standard output: the log of its container, below this folder, of this pod.
    ContainerLog {
        /// `/var/log/pods`
        pods: PathBuf,
        /// `NAMESPACE_POD`
        pod: String,
    },
    /// A webhook alone: what it received, only its receiver knows.
    Elsewhere,
}

/// What was proven.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The request's event is in the log, at the level that the policy says.
    Recorded {
        /// As people say it: `get /version`.
        request: String,
        /// The `Audit-ID`.
        audit_id: String,
        /// The level.
        level: Level,
        /// From the request to the event being found.
        after: Duration,
    },
    /// The request was made, and there is no place on this node to look for its event.
    NotHere {
        /// The `Audit-ID`, for looking where the events go.
        audit_id: String,
    },
}

/// Why audit is not proven.
#[derive(Debug, thiserror::Error)]
pub enum ProveError {
    /// The request could not be made.
    #[error("the probe request could not be made")]
    Request(#[from] ApiError),
    /// No event came.
    #[error("the request `{request}` is not in `{place}` after {} s, though the policy records it at {level}", waited.as_secs())]
    Missing {
        /// As people say it.
        request: String,
        /// Where it was looked for.
        place: String,
        /// The level that the policy says.
        level: Level,
        /// For how long.
        waited: Duration,
    },
    /// An event came at another level: another policy is at work.
    #[error(
        "the request `{request}` was recorded at {found}, and the policy says {expected}: the API server runs with another policy"
    )]
    OtherLevel {
        /// As people say it.
        request: String,
        /// The level that the policy says.
        expected: Level,
        /// The level of the event.
        found: String,
    },
    /// Somebody asked us to stop.
    #[error("interrupted")]
    Interrupted,
    /// No unguessable name could be made.
    #[error("could not ask the system for random bytes")]
    Random(#[source] std::io::Error),
}

/// Who the client is to the API server, and so to the policy; none when it does not say.
pub fn who_am_i(client: &Client) -> Option<Identity> {
    let review = |version: &str| {
        let body =
            json!({"apiVersion": format!("authentication.k8s.io/{version}"), "kind": "SelfSubjectReview"});
        let path = format!("/apis/authentication.k8s.io/{version}/selfsubjectreviews");
        let answer = client.ask(Request::with_body("POST", &path, &body)).ok()?;
        let review: Value = client.decode(&answer).ok()?;
        let user = &review["status"]["userInfo"];
        let groups = user["groups"].as_array().into_iter().flatten();
        Some(Identity {
            name: user["username"].as_str()?.to_owned(),
            groups: groups.filter_map(|group| group.as_str().map(str::to_owned)).collect(),
        })
    };
    // v1 since 1.28.
    ["v1", "v1beta1", "v1alpha1"].into_iter().find_map(review)
}

/// Makes the request and looks for its event.
pub fn prove(
    client: &Client,
    probe: &Probe,
    trail: &Trail,
    within: Duration,
    stop: Option<&Arc<AtomicBool>>,
) -> Result<Proof, ProveError> {
    const EVERY: Duration = Duration::from_millis(100);
    let audit_id = format!("auditward-{}", random_id().map_err(ProveError::Random)?);
    let asked = Request {
        method: probe.method,
        path: probe.path,
        body: probe.body.as_ref(),
        audit_id: Some(&audit_id),
    };
    let began = Instant::now();
    // Its status does not matter: a refused or a futile request is recorded like any other.
    client.send(asked)?;
    if *trail == Trail::Elsewhere {
        return Ok(Proof::NotHere { audit_id });
    }
    let request = probe.to_string();
    loop {
        if let Some(found) = find(trail, &audit_id) {
            // The old format of lines does not say the level.
            if let Some(level) = found.level.filter(|level| level != probe.level.as_str()) {
                return Err(ProveError::OtherLevel { request, expected: probe.level, found: level });
            }
            return Ok(Proof::Recorded { request, audit_id, level: probe.level, after: began.elapsed() });
        }
        if stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
            return Err(ProveError::Interrupted);
        }
        if began.elapsed() > within {
            let place = trail.to_string();
            return Err(ProveError::Missing { request, place, level: probe.level, waited: began.elapsed() });
        }
        thread::sleep(EVERY);
    }
}

impl std::fmt::Display for Trail {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::ContainerLog { pods, pod } => write!(f, "{}", pods.join(pod).display()),
            Self::Elsewhere => f.write_str("the webhook"),
        }
    }
}
