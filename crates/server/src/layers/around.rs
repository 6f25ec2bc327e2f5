//! An id for each request, a line in the log, and counters.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use axum::extract::{MatchedPath, Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;

use super::log::Said;
use crate::auth::Who;
use crate::error::Told;
use crate::listen::Peer;
use crate::state::App;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// The longest path that is logged, in bytes.
const PATH_MAX: usize = 200;

/// Makes ids: what this process is called, and a number.
pub(crate) struct Ids {
    process: String,
    next: AtomicU64,
}

impl Ids {
    pub(crate) fn new(process: String) -> Self {
        Self { process, next: AtomicU64::new(0) }
    }

    fn next(&self) -> String {
        format!("{}-{}", self.process, self.next.fetch_add(1, Ordering::Relaxed))
    }
}

pub(crate) async fn around(State(app): State<App>, request: Request, next: Next) -> Response {
    let begun = Instant::now();
    let id = app.counters.ids.next();
    let peer = request.extensions().get::<Peer>().map(|peer| peer.address.ip());
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let path = if route.is_some() { shortened(request.uri().path()) } else { "-".to_owned() };
    let in_flight = app.counters.in_flight();
    let mut response = next.run(request).await;
    drop(in_flight);
    let taken = begun.elapsed();
    let status = response.status().as_u16();
    app.counters.request(route.as_ref().map_or("other", MatchedPath::as_str), status, taken);
    if let Some(Told(what)) = response.extensions().get() {
        (app.log)(&Said::Broken { id: &id, what });
    }
    if let Some(peer) = peer {
        let who = response.extensions().get::<Who>().map(|who| who.0.clone());
        (app.log)(&Said::Request {
            id: &id,
            peer,
            who: who.as_deref(),
            method: method.as_str(),
            path: &path,
            status,
            micros: u64::try_from(taken.as_micros()).unwrap_or(u64::MAX),
        });
    }
    if let Ok(id) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response
}

fn shortened(path: &str) -> String {
    path.chars().take(PATH_MAX).flat_map(char::escape_debug).collect()
}
