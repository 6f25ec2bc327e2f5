//! Every route there is, by who may ask.

use axum::Router;
use axum::middleware::from_fn_with_state as layer;
use axum::routing::{delete, get, post};

use crate::error::Error;
use crate::layers::{around::around, headers::headers, host::host};
use crate::state::App;
use crate::{Role, alerts, auth, events, fields, health, ingest, openapi, rules, sql, tokens};

/// All of it, with what every request goes through around it.
pub(crate) fn routes(app: &App) -> Router {
    let need = |role: Option<Role>| layer((app.clone(), role), auth::need);
    open()
        .merge(ingesting().route_layer(need(Some(Role::Ingest))))
        .merge(anybody_known().route_layer(need(None)))
        .merge(reading().route_layer(need(Some(Role::Read))))
        .merge(triaging().route_layer(need(Some(Role::Triage))))
        .merge(administering().route_layer(need(Some(Role::Admin))))
        .fallback(async || Error::NoRoute)
        .method_not_allowed_fallback(async || Error::NoMethod)
        .layer(layer(app.clone(), host))
        .layer(layer(app.clone(), headers))
        .layer(layer(app.clone(), around))
        .with_state(app.clone())
}

fn open() -> Router<App> {
    Router::new()
        .route("/healthz", get(health::live))
        .route("/readyz", get(health::ready))
        .route("/openapi.json", get(openapi::show))
}

fn ingesting() -> Router<App> {
    Router::new().route("/ingest/{cluster}", post(ingest::take))
}

fn anybody_known() -> Router<App> {
    Router::new().route("/api/v1/whoami", get(tokens::http::whoami))
}

fn reading() -> Router<App> {
    Router::new()
        .route("/api/v1/events", get(events::search::search))
        .route("/api/v1/events/{auditID}", get(events::one::one))
        .route("/api/v1/count", get(events::count::count))
        .route("/api/v1/histogram", get(events::histogram::histogram))
        .route("/api/v1/facets/{field}", get(events::facets::facets))
        .route("/api/v1/fields", get(fields::list))
        .route("/api/v1/fields/{field}/values", get(fields::values))
        .route("/api/v1/live", get(events::live::live))
        .route("/api/v1/sql", post(sql::sql))
        .route("/api/v1/alerts", get(alerts::list::list))
        .route("/api/v1/alerts/{id}", get(alerts::one::one))
        .route("/api/v1/rules", get(rules::list))
        .route("/api/v1/rules/{id}", get(rules::one))
        .route("/metrics", get(health::metrics))
}

fn triaging() -> Router<App> {
    Router::new()
        .route("/api/v1/alerts/{id}/acknowledge", post(alerts::acknowledge::acknowledge))
        .route("/api/v1/alerts/{id}/close", post(alerts::close::close))
        .route("/api/v1/alerts/{id}/reopen", post(alerts::reopen::reopen))
}

fn administering() -> Router<App> {
    Router::new()
        .route("/api/v1/tokens", get(tokens::http::list).post(tokens::http::add))
        .route("/api/v1/tokens/{id}", delete(tokens::http::revoke))
}
