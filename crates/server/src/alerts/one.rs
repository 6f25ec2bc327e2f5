//! `GET /api/v1/alerts/{id}`: one alert with its events and its history.

use axum::Json;
use axum::extract::State;

use crate::error::{Error, Problems};
use crate::params::Segment;
use crate::ports::Alert;
use crate::state::{App, Lane};

/// One alert.
#[utoipa::path(
    get, path = "/api/v1/alerts/{id}", tag = "alerts", operation_id = "getAlert",
    params(("id" = String, Path, description = "The alert's id.")),
    responses((status = 200, description = "The alert.", body = Alert), Problems),
)]
pub(crate) async fn one(State(app): State<App>, Segment(id): Segment) -> Result<Json<Alert>, Error> {
    let asked = id.clone();
    let alert = app.ask(Lane::Brief, "path", move |ports, _| ports.alerts.get(&asked)).await?;
    alert.map(Json).ok_or(Error::Absent("alert", id))
}
