//! `POST /api/v1/alerts/{id}/close`: it is dealt with, and how.

use axum::extract::State;
use axum::{Extension, Json};

use super::{Note, triage, wrong};
use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::{Segment, Sent};
use crate::ports::{Alert, AlertState};
use crate::state::App;

/// Says that an alert is dealt with, and how: the note is required.
#[utoipa::path(
    post, path = "/api/v1/alerts/{id}/close", tag = "alerts", operation_id = "closeAlert", request_body = Note,
    params(("id" = String, Path, description = "The alert's id.")),
    responses((status = 200, description = "The alert as it is now.", body = Alert), Problems),
)]
pub(crate) async fn close(
    State(app): State<App>,
    Extension(by): Extension<Identity>,
    Segment(id): Segment,
    Sent(note): Sent<Note>,
) -> Result<Json<Alert>, Error> {
    let note = note.checked()?;
    if note.is_none() {
        return Err(wrong("a note is missing".to_owned(), "whoever reads this in a year wants to know why"));
    }
    triage(&app, id, &by, AlertState::Closed, note).await
}
