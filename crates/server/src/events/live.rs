//! `GET /api/v1/live`: server-sent events, what a search finds from now on.
//!
//! Each has the position as its id, so that a browser that lost the connection goes on where it was (`Last-Event-ID`). A
//! client that reads too slowly for a while is let go; it comes again and misses nothing that is still kept.

use std::convert::Infallible;
use std::time::{Duration, Instant};

use axum::Extension;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::IntoParams;

use super::QUERY;
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::Params;
use crate::ports::{Batch, Failure, Live};
use crate::state::App;

/// Events that one look may bring, and that wait for a client. An event is at most what the intake takes of one, so a
/// client holds no more than these.
const BATCH_MAX: usize = 64;
const WAITING_MAX: usize = 64;
/// How long one look waits; within it a client's end and the server's are noticed.
const LOOK: Duration = Duration::from_millis(500);

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Follow {
    /// A text in the search language; all events without it.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// Only what came after this position; from now on without it. `Last-Event-ID` says the same and has precedence.
    after: Option<u64>,
}

/// Follows a search.
///
/// A message `event` has one found event as `{"position", "cluster", "event"}`; `skipped` has how many could not be
/// told; `position` says how far was looked; `failure` is the last. A comment comes when nothing else does.
#[utoipa::path(
    get, path = "/api/v1/live", tag = "events", operation_id = "followEvents", params(Follow),
    responses(
        (status = 200, description = "Messages.", body = String, content_type = "text/event-stream"), Problems,
    ),
)]
pub(crate) async fn live(
    State(app): State<App>,
    Extension(identity): Extension<Identity>,
    Params(Follow { q, after }): Params<Follow>,
    headers: HeaderMap,
) -> Result<Response, Error> {
    let after = match headers.get("last-event-id") {
        None => after,
        Some(id) => Some(id.to_str().ok().and_then(|id| id.parse().ok()).ok_or_else(|| Error::Bad {
            place: "header `Last-Event-ID`",
            what: "it is no position".to_owned(),
            hint: None,
        })?),
    };
    let retry_after = app.limits.retry_after;
    let busy = || Error::Busy(retry_after);
    let share = app.following.of(&identity, app.limits.live_per_identity_max);
    let share = share.try_acquire_owned().map_err(|_| busy())?;
    let turn = app.lanes.live.clone().try_acquire_owned().map_err(|_| busy())?;
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let (begun, beginning) = tokio::sync::oneshot::channel();
    let follower = Follower { app: app.clone(), sender };
    tokio::task::spawn_blocking(move || {
        let _held = (turn, share);
        match follower.app.ports.trail.live(&q, after) {
            Err(failure) => _ = begun.send(Err(failure)),
            Ok(live) => {
                if begun.send(Ok(())).is_ok() {
                    follower.follow(live);
                }
            }
        }
    });
    let begun = timeout(app.limits.query_time, beginning).await.map_err(|_| busy())?;
    let begun = begun.map_err(|_| Error::Broken("a follower ended in a panic".to_owned()))?;
    begun.map_err(|failure| Error::of(QUERY, failure, retry_after))?;
    let heartbeat = KeepAlive::new().interval(app.limits.heartbeat).text("nothing new");
    Ok(Sse::new(ReceiverStream::new(receiver)).keep_alive(heartbeat).into_response())
}

struct Follower {
    app: App,
    sender: mpsc::Sender<Result<Event, Infallible>>,
}

/// The client has gone, or reads too slowly.
struct Gone;

impl Follower {
    fn follow(&self, mut live: Box<dyn Live>) {
        let mut told = Instant::now();
        while !self.sender.is_closed() && !*self.app.stopping.borrow() {
            let sent = match live.next(BATCH_MAX, LOOK) {
                Ok(batch) => self.tell(batch, &mut told),
                Err(failure) => {
                    self.fail(failure);
                    return;
                }
            };
            if sent.is_err() {
                return;
            }
        }
    }

    fn tell(&self, batch: Batch, told: &mut Instant) -> Result<(), Gone> {
        let Batch { events, position, skipped } = batch;
        let any = !events.is_empty();
        for hit in events {
            let Ok(event) = Event::default().event("event").id(hit.position.to_string()).json_data(&hit)
            else {
                continue;
            };
            self.send(event)?;
        }
        if skipped > 0 {
            self.send(Event::default().event("skipped").data(skipped.to_string()))?;
        }
        // Where little is found, a client that comes again should not have us look through everything again.
        let due = told.elapsed() >= self.app.limits.heartbeat;
        if let Some(position) = position.filter(|_| any || due) {
            *told = Instant::now();
            let position = position.to_string();
            self.send(Event::default().event("position").id(&position).data(position))?;
        }
        Ok(())
    }

    fn fail(&self, failure: Failure) {
        let text = match failure {
            Failure::Broken(what) => {
                (self.app.log)(&crate::Said::Trouble { what: &format!("a follower ended: {what}") });
                "something broke; the server's log says what".to_owned()
            }
            other => other.to_string(),
        };
        _ = self.send(Event::default().event("failure").data(text.replace(['\r', '\n'], " ")));
    }

    fn send(&self, event: Event) -> Result<(), Gone> {
        let sent =
            Handle::current().block_on(timeout(self.app.limits.stall_time, self.sender.send(Ok(event))));
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(Gone) }
    }
}
