//! `GET /api/v1/rules`: which detections are at work, and how they do.

use axum::Json;
use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use crate::error::{Error, Problems};
use crate::params::Segment;
use crate::ports::{RuleState, RuleText};
use crate::state::{App, Lane};

/// The detections.
#[derive(Serialize, ToSchema)]
pub(crate) struct RuleList {
    /// They, by id.
    rules: Vec<RuleState>,
}

/// The loaded detections.
#[utoipa::path(
    get, path = "/api/v1/rules", tag = "rules", operation_id = "listRules",
    responses((status = 200, description = "All of them.", body = RuleList), Problems),
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<RuleList>, Error> {
    let rules = app.ask(Lane::Brief, "path", |ports, _| ports.rules.list()).await?;
    Ok(Json(RuleList { rules }))
}

/// One detection with its text.
#[utoipa::path(
    get, path = "/api/v1/rules/{id}", tag = "rules", operation_id = "getRule",
    params(("id" = String, Path, description = "The detection's id.")),
    responses((status = 200, description = "The detection.", body = RuleText), Problems),
)]
pub(crate) async fn one(State(app): State<App>, Segment(id): Segment) -> Result<Json<RuleText>, Error> {
    let asked = id.clone();
    let rule = app.ask(Lane::Brief, "path", move |ports, _| ports.rules.get(&asked)).await?;
    rule.map(Json).ok_or(Error::Absent("rule", id))
}
