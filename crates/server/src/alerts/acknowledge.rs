//! `POST /api/v1/alerts/{id}/acknowledge`: somebody looks at it.

use axum::extract::State;
use axum::{Extension, Json};

use super::{Note, triage};
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::{Segment, Sent};
use crate::ports::{Alert, AlertState};
use crate::state::App;

/// Says that somebody looks at an alert.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/acknowledge", tag = "alerts", operation_id = "acknowledgeAlert", request_body = Note,
    params(("id" = String, Path, description = "The alert's id.")),
    responses((status = 200, description = "The alert as it is now.", body = Alert), Problems),
)]
pub(crate) async fn acknowledge(
    State(app): State<App>,
    Extension(by): Extension<Identity>,
    Segment(id): Segment,
    Sent(note): Sent<Note>,
) -> Result<Json<Alert>, Error> {
    let note = note.checked()?;
    triage(&app, id, &by, AlertState::Acknowledged, note).await
}
