//! `POST /api/v1/sql`: a read-only query, answered as its rows come.
//!
//! The first piece is awaited before the answer begins, so that a mistake has its status. What goes wrong later breaks
//! the connection off: a short answer must not look like a whole one.

use std::io;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Deserialize;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_stream::wrappers::ReceiverStream;
use utoipa::ToSchema;

use crate::error::{Error, Problems};
use crate::params::Sent;
use crate::ports::{Cancel, Chunks, Failure, Format};
use crate::state::{App, Lane};
use crate::{Identity, Said};

/// Pieces that wait for a client.
const WAITING_MAX: usize = 4;
const PLACE: &str = "body, `sql`";

/// A query.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Query {
    /// Its text, over the views `events` and `alerts`.
    #[schema(example = "select username, count(*) from events group by 1 order by 2 desc limit 10")]
    sql: String,
    /// How rows are written; `json` unless said.
    #[serde(default)]
    #[schema(required = false, inline)]
    format: Format,
}

/// Asks in SQL.
#[utoipa::path(
    post, path = "/api/v1/sql", tag = "events", operation_id = "querySql", request_body = Query,
    responses(
        (status = 200, description = "The rows.", content(
            (String = "application/x-ndjson"), (String = "text/csv"),
            (Vec<u8> = "application/vnd.apache.arrow.stream"), (Vec<u8> = "application/vnd.apache.parquet"),
        )),
        Problems,
    ),
)]
pub(crate) async fn sql(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Sent(query): Sent<Query>,
) -> Result<Response, Error> {
    let limits = &app.limits;
    let retry_after = limits.retry_after;
    let turn = app.turn(Lane::Query(&who)).await?;
    let (canceller, cancel) = Cancel::new();
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    let (begun, beginning) = oneshot::channel();
    let format = query.format;
    let answerer = Answerer { app: app.clone(), sender };
    tokio::task::spawn_blocking(move || {
        let _turn = turn;
        let first = answerer.app.ports.trail.sql(&query.sql, format, &cancel);
        let first = first.and_then(|mut chunks| Ok((chunks.next().transpose()?, chunks)));
        match first {
            Err(failure) => _ = begun.send(Err(failure)),
            Ok((first, chunks)) => {
                if begun.send(Ok(())).is_ok() {
                    answerer.answer(first, chunks, &cancel);
                }
            }
        }
    });
    match timeout(limits.query_time, beginning).await {
        Ok(Ok(Ok(()))) => {}
        Ok(Ok(Err(failure))) => return Err(Error::of(PLACE, failure, retry_after)),
        Ok(Err(_)) => return Err(Error::Broken("a query ended in a panic".to_owned())),
        Err(_) => {
            let what = format!("no row was found within {} s", limits.query_time.as_secs());
            return Err(Error::TooMuch(what));
        }
    }
    let pieces = tokio_stream::StreamExt::map(ReceiverStream::new(receiver), move |piece| {
        // The query is cancelled when the client has gone, as this is dropped then.
        let _ = &canceller;
        piece
    });
    let kind = HeaderValue::from_static(match format {
        Format::Json => "application/x-ndjson",
        Format::Csv => "text/csv; charset=utf-8",
        Format::Arrow => "application/vnd.apache.arrow.stream",
        Format::Parquet => "application/vnd.apache.parquet",
    });
    Ok(([(CONTENT_TYPE, kind)], Body::from_stream(pieces)).into_response())
}

struct Answerer {
    app: App,
    sender: mpsc::Sender<io::Result<Vec<u8>>>,
}

impl Answerer {
    fn answer(&self, first: Option<Vec<u8>>, chunks: Chunks, cancel: &Cancel) {
        for chunk in first.map(Ok).into_iter().chain(chunks) {
            if cancel.cancelled() {
                return;
            }
            let piece = chunk.map_err(|failure| {
                if let Failure::Broken(what) = &failure {
                    (self.app.log)(&Said::Trouble { what: &format!("a query broke off: {what}") });
                }
                io::Error::other(failure.to_string())
            });
            let last = piece.is_err();
            let sent =
                Handle::current().block_on(timeout(self.app.limits.stall_time, self.sender.send(piece)));
            if last || !matches!(sent, Ok(Ok(()))) {
                return;
            }
        }
    }
}
