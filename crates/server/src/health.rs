//! `/healthz`, `/readyz`, `/metrics`: for whoever keeps the server running.

use axum::Json;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Response};
use serde::Serialize;
use utoipa::ToSchema;

use crate::Role;
use crate::auth::identify;
use crate::error::{Error, Problems, unwell};
use crate::ports::Part;
use crate::state::{App, Lane};

/// How the server is.
#[derive(Serialize, ToSchema)]
pub(crate) struct Condition {
    /// Whether all is well.
    ok: bool,
    /// Its parts; only for those who may read.
    #[serde(skip_serializing_if = "Option::is_none")]
    parts: Option<Vec<Part>>,
}

/// Whether the process works.
#[utoipa::path(
    get, path = "/healthz", tag = "health", operation_id = "getLiveness", security(()),
    responses(
        (status = 200, description = "It does.", body = Condition),
        (status = 503, description = "It should be restarted.", body = Condition),
    ),
)]
pub(crate) async fn live(State(app): State<App>) -> Result<Response, Error> {
    let ok = app.ask(Lane::Health, "path", |ports, _| Ok(ports.health.live())).await?;
    Ok(answer(Condition { ok, parts: None }))
}

/// Whether every part does its work.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "getReadiness", security(()),
    responses(
        (status = 200, description = "They do.", body = Condition),
        (status = 503, description = "Some do not.", body = Condition),
    ),
)]
pub(crate) async fn ready(State(app): State<App>, request: Request) -> Result<Response, Error> {
    let reader = identify(&app, &request).is_ok_and(|identity| identity.may(Role::Read));
    let readiness = app.ask(Lane::Health, "path", |ports, _| Ok(ports.health.ready())).await?;
    let ok = readiness.ready() && !*app.stopping.borrow();
    Ok(answer(Condition { ok, parts: reader.then_some(readiness.parts) }))
}

fn answer(condition: Condition) -> Response {
    if condition.ok { Json(condition).into_response() } else { unwell(Json(condition)) }
}

/// Counters.
#[utoipa::path(
    get, path = "/metrics", tag = "health", operation_id = "getMetrics",
    responses((status = 200, description = "They.", body = String, content_type = "text/plain"), Problems),
)]
pub(crate) async fn metrics(State(app): State<App>) -> Result<Response, Error> {
    let mut text = app
        .ask(Lane::Health, "path", |ports, _| {
            let mut text = String::new();
            ports.metrics.write(&mut text);
            Ok(text)
        })
        .await?;
    app.write_metrics(&mut text);
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    Ok(([(CONTENT_TYPE, kind)], text).into_response())
}
