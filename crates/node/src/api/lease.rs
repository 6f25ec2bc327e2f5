//! One node of a cluster at a time: a Lease that whoever changes an API server holds meanwhile.
//!
//! ```text
//! kube-system/auditward-enable    holderIdentity: auditward on cp2    renewTime, leaseDurationSeconds
//! ```
//! A lease that was not renewed for its duration is nobody's: its holder died. The duration is longer than a change and
//! its rollback may take, for while the only API server of a cluster restarts nothing can be renewed.

use auditward_base::clock;
use auditward_event::MicroTime;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{ApiError, Client, Request};

const PATH: &str = "/apis/coordination.k8s.io/v1/namespaces/kube-system/leases";
const NAME: &str = "auditward-enable";

/// For how long it is ours without being renewed.
const SECONDS: i64 = 900;

/// It is renewed this often while the API server answers.
const RENEW_SECONDS: i64 = 60;

/// The lease's own fields. What others wrote may lack any of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "camelCase", default)]
pub struct Spec {
    /// Who holds it; empty when it was given back.
    pub holder_identity: Option<String>,
    /// For how long, from the last renewal.
    pub lease_duration_seconds: Option<i64>,
    /// When it was last renewed, RFC 3339.
    pub renew_time: Option<String>,
}

/// Who would take the lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder(pub String);

/// Whose turn it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// Nobody's: it may be taken.
    Free,
    /// Ours already.
    Ours,
    /// Somebody else's.
    Theirs {
        /// Who, in their own words.
        holder: String,
        /// When it is nobody's unless they renew it.
        until: MicroTime,
    },
}

/// Whose turn it is by a lease that says this.
pub fn turn(spec: &Spec, us: &Holder, now: MicroTime) -> Turn {
    let Some(holder) = spec.holder_identity.as_deref().filter(|holder| !holder.is_empty()) else {
        return Turn::Free;
    };
    if holder == us.0 {
        return Turn::Ours;
    }
    let renewed = spec.renew_time.as_deref().and_then(|time| MicroTime::parse_rfc3339(time).ok());
    // Without a time nobody can say when it ends. Such a lease was not made by us, and a person must look at it.
    let Some(renewed) = renewed else {
        return Turn::Theirs { holder: holder.to_owned(), until: MicroTime::MAX };
    };
    let seconds = spec.lease_duration_seconds.unwrap_or(SECONDS).clamp(0, 86_400);
    let until = MicroTime::from_micros(renewed.as_micros() + seconds * 1_000_000);
    if until <= now { Turn::Free } else { Turn::Theirs { holder: holder.to_owned(), until } }
}

/// Why there is no lease.
#[derive(Debug, thiserror::Error)]
pub enum LeaseError {
    /// Somebody else holds it.
    #[error(
        "another control-plane node is being changed: the lease kube-system/{NAME} is held by {holder} until {until}"
    )]
    Held {
        /// Who.
        holder: String,
        /// Until when.
        until: MicroTime,
    },
    /// The API server did not let us.
    #[error("could not take the lease kube-system/{NAME}")]
    Api(#[from] ApiError),
}

/// A lease that we hold. Give it back with [`Held::release`]; one that is dropped runs out by itself.
#[derive(Debug)]
pub struct Held {
    client: Client,
    us: Holder,
    renewed: MicroTime,
}

impl Held {
    /// Takes the lease at once or not at all.
    pub fn take(client: &Client, us: Holder) -> Result<Self, LeaseError> {
        // A lost race is seen as 409: somebody else wrote it meanwhile. Then it is looked at again.
        const TRIES: usize = 3;
        let mut last = None;
        for _ in 0..TRIES {
            let now = now();
            match try_take(client, &us, now) {
                Ok(()) => return Ok(Self { client: client.clone(), us, renewed: now }),
                Err(LeaseError::Api(error)) if error.status() == Some(409) => last = Some(error),
                Err(error) => return Err(error),
            }
        }
        Err(last.map_or_else(
            || LeaseError::Held { holder: "somebody".to_owned(), until: MicroTime::MAX },
            LeaseError::Api,
        ))
    }

    /// Renews it when it is time to. That the API server is away just now is no error: the lease lasts longer.
    pub fn keep(&mut self) {
        let now = now();
        if now.as_micros() - self.renewed.as_micros() < RENEW_SECONDS * 1_000_000 {
            return;
        }
        if try_take(&self.client, &self.us, now).is_ok() {
            self.renewed = now;
        }
    }

    /// Gives it back, so that the next need not wait.
    pub fn release(self) -> Result<(), ApiError> {
        let found: Value = self.client.get(&format!("{PATH}/{NAME}"))?;
        if turn(&spec_of(&found), &self.us, now()) != Turn::Ours {
            return Ok(());
        }
        let metadata = &found["metadata"];
        let only_this = json!({
            "kind": "DeleteOptions",
            "apiVersion": "v1",
            "preconditions": {"uid": metadata["uid"], "resourceVersion": metadata["resourceVersion"]},
        });
        let request = Request::with_body("DELETE", "/", &only_this);
        self.client.ask(Request { path: &format!("{PATH}/{NAME}"), ..request }).map(drop)
    }
}

fn try_take(client: &Client, us: &Holder, now: MicroTime) -> Result<(), LeaseError> {
    let path = format!("{PATH}/{NAME}");
    let mut spec = json!({
        "holderIdentity": us.0,
        "leaseDurationSeconds": SECONDS,
        "acquireTime": now.to_string(),
        "renewTime": now.to_string(),
    });
    let found: Value = match client.get(&path) {
        Ok(found) => found,
        Err(error) if error.status() == Some(404) => {
            let lease = json!({
                "apiVersion": "coordination.k8s.io/v1",
                "kind": "Lease",
                "metadata": {"name": NAME, "namespace": "kube-system"},
                "spec": spec,
            });
            client.ask(Request::with_body("POST", PATH, &lease))?;
            return Ok(());
        }
        Err(error) => return Err(error.into()),
    };
    match turn(&spec_of(&found), us, now) {
        Turn::Theirs { holder, until } => return Err(LeaseError::Held { holder, until }),
        Turn::Ours => spec["acquireTime"] = found["spec"]["acquireTime"].clone(),
        Turn::Free => {}
    }
    // With the resource version that was read: whoever writes in between makes this a conflict.
    let lease = json!({
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": found["metadata"],
        "spec": spec,
    });
    client.ask(Request::with_body("PUT", &path, &lease))?;
    Ok(())
}

fn spec_of(lease: &Value) -> Spec {
    serde_json::from_value(lease["spec"].clone()).unwrap_or_default()
}

fn now() -> MicroTime {
    MicroTime::from_micros(clock::micros(clock::now()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(holder: &str, renewed: &str, seconds: i64, expected: &str) {
        let spec = Spec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(seconds),
            renew_time: Some(renewed.to_owned()).filter(|time| !time.is_empty()),
        };
        let now = MicroTime::parse_rfc3339("2026-01-01T12:00:00Z").unwrap();
        let seen = match turn(&spec, &Holder("us".to_owned()), now) {
            Turn::Free => "free".to_owned(),
            Turn::Ours => "ours".to_owned(),
            Turn::Theirs { holder, until } => format!("{holder} until {until}"),
        };
        assert_eq!(seen, expected);
    }

    #[test]
    fn whose_turn_it_is() {
        check("", "2026-01-01T11:59:59Z", 60, "free");
        check("us", "2026-01-01T11:59:59Z", 60, "ours");
        check("us", "2020-01-01T00:00:00Z", 60, "ours");
        check("cp2", "2026-01-01T11:59:59.5Z", 60, "cp2 until 2026-01-01T12:00:59.500000Z");
        check("cp2", "2026-01-01T11:59:00Z", 60, "free");
        check("cp2", "2026-01-01T11:59:00.000001Z", 60, "cp2 until 2026-01-01T12:00:00.000001Z");
        // A clock that runs ahead of ours, a time that is none, a duration without sense.
        check("cp2", "2026-01-01T13:00:00Z", 60, "cp2 until 2026-01-01T13:01:00.000000Z");
        check("cp2", "", 60, "cp2 until 9999-12-31T23:59:59.999999Z");
        check("cp2", "yesterday", 60, "cp2 until 9999-12-31T23:59:59.999999Z");
        check("cp2", "2026-01-01T11:59:59Z", i64::MAX, "cp2 until 2026-01-02T11:59:59.000000Z");
        check("cp2", "2026-01-01T11:59:59Z", -5, "free");
        assert_eq!(turn(&Spec::default(), &Holder("us".into()), MicroTime::MAX), Turn::Free);
    }
}
