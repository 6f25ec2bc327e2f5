//! What the running API server says when it is asked: its counters, and a request made to be recorded.
//!
//! Invariant: only a request that reads, or one for show (`dryRun`), is ever made, and only when it was asked for.

use std::path::Path;

use auditward_policy::Evaluator;
use auditward_policy::read::{BYTES_MAX, read};

use super::facts::{Facts, Probe};
use super::host::Host;
use super::metrics::Metrics;
use crate::api::{Client, KubeconfigError, Request};
use crate::change::Limits;
use crate::host::{self, KUBECONFIGS, local_address};
use crate::prove::{Identity, Proof, ProveError, Trail, choose, prove, who_am_i};
use crate::service;
use crate::watch::{self, with_causes};

/// Asks for the counters, with the credentials of the node or with those that are named. Without credentials that may
/// read them there are none.
pub fn ask_metrics(facts: &mut Facts, named: Option<&Path>) {
    if !facts.live || facts.running.is_none() {
        return;
    }
    let clients = clients(facts, named).into_iter().flatten();
    let mut answers = clients.filter_map(|client| client.ask(Request::get("/metrics")).ok());
    facts.metrics = answers.next().and_then(|answer| Metrics::read(&String::from_utf8_lossy(&answer.body)));
}

/// Makes a harmless request that the policy records, and looks for its event. Nothing is asked where auditing is off.
pub fn ask_probe(host: &Host, facts: &mut Facts, named: Option<&Path>) {
    if facts.live && facts.policy.is_some() && (facts.log.is_some() || facts.webhook.is_some()) {
        facts.probe = Some(probe(host, facts, named).unwrap_or_else(|why| Probe::Failed { why }));
    }
}

fn probe(host: &Host, facts: &Facts, named: Option<&Path>) -> Result<Probe, String> {
    if facts.running.is_none() {
        return Err("no API server runs here".to_owned());
    }
    let path = facts.policy.as_ref().and_then(|policy| policy.path.clone());
    let path = path.ok_or("the policy can't be found on this machine")?;
    let text = host.read(&path, BYTES_MAX as u64).map_err(|error| format!("{path}: {error}"))?;
    let policy = read(&text).policy.ok_or("the policy is refused")?;
    let client = host::first(clients(facts, named), true).map_err(|error| with_causes(&error))?;
    let who = who_am_i(&client).unwrap_or_else(Identity::administrator);
    let probe = choose(&Evaluator::new(policy), &who)
        .ok_or_else(|| format!("the policy records no harmless request that `{}` could make", who.name))?;
    match prove(&client, &probe, &trail(facts), Limits::default().proof, None) {
        Ok(Proof::Recorded { request, level, after, .. }) => Ok(Probe::Recorded {
            request,
            level: level.as_str().to_owned(),
            milliseconds: u64::try_from(after.as_millis()).unwrap_or(u64::MAX),
        }),
        Ok(Proof::NotHere { audit_id }) => Err(format!(
            "events do not go to a file here; look where they go for the request with the Audit-ID {audit_id}"
        )),
        Err(ProveError::Missing { request, .. }) => Ok(Probe::NotRecorded { request }),
        Err(ProveError::OtherLevel { request, expected, found }) => {
            let expected = expected.as_str().to_owned();
            Ok(Probe::OtherLevel { request, expected, found })
        }
        Err(error) => Err(with_causes(&error)),
    }
}

/// The credentials of this node, the most able first.
fn clients(facts: &Facts, named: Option<&Path>) -> Vec<Result<Client, KubeconfigError>> {
    if let Some(path) = named {
        return host::clients(&[path], None);
    }
    let service = facts.found.distribution.and_then(service::wanted_service);
    match (service, facts.found.manifest()) {
        (Some(service), _) => service::clients(service, None),
        (None, Some(pod)) => {
            let paths: Vec<&Path> = KUBECONFIGS.iter().map(Path::new).collect();
            host::clients(&paths, Some(&local_address(pod.manifest.pod())))
        }
        (None, None) => service::clients(service::Service::Systemd, None),
    }
}

fn trail(facts: &Facts) -> Trail {
    let Some(log) = &facts.log else { return Trail::Elsewhere };
    if let Some(path) = &log.path {
        return Trail::File(path.into());
    }
    match (log.flag.as_str(), facts.found.manifest()) {
        ("-", Some(pod)) => match host::starter(pod.manifest.pod()) {
            watch::Starter::Kubelet { pod, pod_logs } => Trail::ContainerLog { pods: pod_logs, pod },
            watch::Starter::Unit { .. } => Trail::Elsewhere,
        },
        _ => Trail::Elsewhere,
    }
}
