//! `GET /api/v1/count`: how many events a search finds.

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::QUERY;
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::Params;
use crate::state::{App, Lane};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// A text in the search language; all events without it.
    #[serde(default)]
    #[param(required = false)]
    q: String,
}

/// How many events.
#[derive(Serialize, ToSchema)]
pub(crate) struct Count {
    /// So many.
    count: u64,
}

/// Counts.
#[utoipa::path(
    get, path = "/api/v1/count", tag = "events", operation_id = "countEvents", params(Search),
    responses((status = 200, description = "How many.", body = Count), Problems),
)]
pub(crate) async fn count(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Params(Search { q }): Params<Search>,
) -> Result<Json<Count>, Error> {
    let count = app.ask(Lane::Query(&who), QUERY, move |ports, cancel| ports.trail.count(&q, cancel)).await?;
    Ok(Json(Count { count }))
}
