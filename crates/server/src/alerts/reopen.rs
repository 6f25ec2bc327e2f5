//! `POST /api/v1/alerts/{id}/reopen`: it is not dealt with after all.

use axum::extract::State;
use axum::{Extension, Json};

use super::{Note, triage};
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::{Segment, Sent};
use crate::ports::{Alert, AlertState};
use crate::state::App;

/// Takes back that an alert is dealt with.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/reopen", tag = "alerts", operation_id = "reopenAlert", request_body = Note,
    params(("id" = String, Path, description = "The alert's id.")),
    responses((status = 200, description = "The alert as it is now.", body = Alert), Problems),
)]
pub(crate) async fn reopen(
    State(app): State<App>,
    Extension(by): Extension<Identity>,
    Segment(id): Segment,
    Sent(note): Sent<Note>,
) -> Result<Json<Alert>, Error> {
    let note = note.checked()?;
    triage(&app, id, &by, AlertState::Open, note).await
}
