//! `GET /api/v1/events`: what a search finds, page by page.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;

use super::QUERY;
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::{Params, limit};
use crate::ports::{Found, Order, Page};
use crate::state::{App, Lane};

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// A text in the search language; all events without it.
    #[serde(default)]
    #[param(required = false, example = "verb:delete since:2h")]
    q: String,
    /// At most so many, 1 to 1000; 100 unless said.
    limit: Option<usize>,
    /// In which order; the newest first unless said.
    #[serde(default)]
    #[param(required = false, inline)]
    order: Order,
    /// `next` of the page before.
    after: Option<String>,
}

/// Searches.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "events", operation_id = "searchEvents", params(Search),
    responses((status = 200, description = "A page.", body = Found), Problems),
)]
pub(crate) async fn search(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Params(params): Params<Search>,
) -> Result<Json<Found>, Error> {
    let Search { q, order, after, .. } = params;
    let page = Page { limit: limit(params.limit, LIMIT, LIMIT_MAX)?, order, after };
    app.ask(Lane::Query(&who), QUERY, move |ports, cancel| ports.trail.search(&q, &page, cancel))
        .await
        .map(Json)
}
