//! `GET /api/v1/events/{auditID}`: all that is known of one request.

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::{Params, Segment};
use crate::ports::Hit;
use crate::state::{App, Lane};

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Where {
    /// Only in this cluster.
    cluster: Option<String>,
}

/// The stages of a request.
#[derive(Serialize, ToSchema)]
pub(crate) struct Stages {
    /// They, in time order. Clients may choose audit ids, so several requests can have the same.
    events: Vec<Hit>,
}

/// All stages of one request.
#[utoipa::path(
    get, path = "/api/v1/events/{auditID}", tag = "events", operation_id = "getEvent",
    params(("auditID" = String, Path, description = "The request's audit id."), Where),
    responses((status = 200, description = "Its stages.", body = Stages), Problems),
)]
pub(crate) async fn one(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Segment(id): Segment,
    Params(Where { cluster }): Params<Where>,
) -> Result<Json<Stages>, Error> {
    let asked = id.clone();
    let events = app
        .ask(Lane::Query(&who), "path", move |ports, cancel| {
            ports.trail.event(&asked, cluster.as_deref(), cancel)
        })
        .await?;
    if events.is_empty() {
        Err(Error::Absent("event with the audit id", id))
    } else {
        Ok(Json(Stages { events }))
    }
}
