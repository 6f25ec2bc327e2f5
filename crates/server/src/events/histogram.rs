//! `GET /api/v1/histogram`: how many events over time.

use axum::extract::State;
use axum::{Extension, Json};
use serde::Deserialize;
use utoipa::IntoParams;

use super::QUERY;
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::Params;
use crate::ports::Histogram;
use crate::state::{App, Lane};

const BUCKETS: usize = 60;
const BUCKETS_MAX: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Search {
    /// A text in the search language; all events without it.
    #[serde(default)]
    #[param(required = false)]
    q: String,
    /// About so many buckets, 1 to 1000; 60 unless said.
    buckets: Option<usize>,
}

/// How many events over time.
#[utoipa::path(
    get, path = "/api/v1/histogram", tag = "events", operation_id = "getHistogram", params(Search),
    responses((status = 200, description = "The buckets.", body = Histogram), Problems),
)]
pub(crate) async fn histogram(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Params(Search { q, buckets }): Params<Search>,
) -> Result<Json<Histogram>, Error> {
    let buckets = buckets.unwrap_or(BUCKETS);
    if !(1..=BUCKETS_MAX).contains(&buckets) {
        let what = format!("`buckets` is {buckets}, and may be 1 to {BUCKETS_MAX}");
        return Err(Error::parameter(what, "a screen has no more columns than that"));
    }
    app.ask(Lane::Query(&who), QUERY, move |ports, cancel| ports.trail.histogram(&q, buckets, cancel))
        .await
        .map(Json)
}
