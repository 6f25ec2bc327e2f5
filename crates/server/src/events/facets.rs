//! `GET /api/v1/facets/{field}`: which values a field has among what a search finds, and how often.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;

use super::QUERY;
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::{Params, Segment, limit};
use crate::ports::Facets;
use crate::state::{App, Lane};

const LIMIT: usize = 10;
const LIMIT_MAX: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// A text in the search language; all events without it.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// At most so many values, 1 to 1000; 10 unless said.
    limit: Option<usize>,
}

/// A field's most frequent values.
#[utoipa::path(
    get, path = "/api/v1/facets/{field}", tag = "events", operation_id = "getFacets",
    params(("field" = String, Path, description = "A field of `/api/v1/fields` that has facets."), Search),
    responses((status = 200, description = "The values with counts.", body = Facets), Problems),
)]
pub(crate) async fn facets(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Segment(field): Segment,
    Params(params): Params<Search>,
) -> Result<Json<Facets>, Error> {
    let limit = limit(params.limit, LIMIT, LIMIT_MAX)?;
    let question =
        move |ports: &crate::ports::Ports, cancel: &_| ports.trail.facets(&params.q, &field, limit, cancel);
    app.ask(Lane::Query(&who), QUERY, question).await.map(Json)
}
