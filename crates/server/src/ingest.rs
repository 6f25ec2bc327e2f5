//! `POST /ingest/{cluster}`: events in.
//!
//! What an API server's audit webhook posts, what our agent posts, and what a person posts by hand. The answer is 200 only
//! when the intake has said that everything will survive a loss of power: the sender then forgets it.

use axum::extract::{Request, State};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::{Extension, Json};

use crate::body::{self, Packing};
use crate::error::{Error, IntakeProblems};
use crate::params::{Segment, media_type};
use crate::ports::Taken;
use crate::state::App;
use crate::{ClusterName, Identity};

/// Takes events of a cluster.
///
/// An `EventList` or one event as `application/json`, or a JSON event a line as `application/x-ndjson`; plain or packed
/// with gzip. 200 means that all of the body is taken. With 400 and 413 for an event in it, the others are taken. A
/// repeated event is counted and not kept twice, so whoever got another answer may send again.
#[utoipa::path(
    post, path = "/ingest/{cluster}", tag = "ingest", operation_id = "ingest",
    params(("cluster" = String, Path, description = "The name of the cluster.")),
    request_body(content = Object, content_type = "application/json"),
    responses((status = 200, description = "Everything is on the disk.", body = Taken), IntakeProblems),
)]
pub(crate) async fn take(
    State(app): State<App>,
    Extension(sender): Extension<Identity>,
    Segment(cluster): Segment,
    request: Request,
) -> Result<Json<Taken>, Error> {
    let cluster: ClusterName = cluster.parse().map_err(|error: crate::ClusterNameError| Error::Bad {
        place: "path",
        what: error.to_string(),
        hint: None,
    })?;
    if !sender.may_ingest(&cluster) {
        return Err(Error::OtherCluster(cluster.to_string()));
    }
    let (axum::http::request::Parts { mut headers, .. }, body) = request.into_parts();
    // The intake has no use for it, and what it has it may log.
    headers.remove(AUTHORIZATION);
    known_type(&headers)?;
    let packing = Packing::of(&headers)?;
    let held = body::receive(&app, &headers, body, app.limits.body_bytes_max).await?;
    let sent = held.bytes.len() as u64;
    let retry_after = app.limits.retry_after;
    // Every turn holds a body and a thread; who finds none comes again, as the events are safe where they are.
    let turn = app.lanes.intakes.clone().try_acquire_owned().map_err(|_| Error::Busy(retry_after))?;
    let (ports, max) = (app.ports.clone(), app.limits.unpacked_bytes_max);
    let taking = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let held = body::unpack(held, packing, max)?;
        let taken = ports.intake.take(cluster.as_str(), &sender, &headers, &held.bytes);
        taken.map_err(|refusal| Error::of_intake(refusal, retry_after))
    });
    let taken = taking.await.map_err(|_| Error::Broken("the intake ended in a panic".to_owned()))??;
    app.counters.count_taken(taken, sent);
    Ok(Json(taken))
}

fn known_type(headers: &HeaderMap) -> Result<(), Error> {
    match media_type(headers).as_str() {
        // Nothing said is taken for what API servers send.
        "" | "application/json" | "application/x-ndjson" | "application/jsonl" | "application/json-lines" => {
            Ok(())
        }
        other => Err(Error::MediaType(other.to_owned())),
    }
}
