//! Alerts: listed, looked at, and what people make of them.

pub(crate) mod acknowledge;
pub(crate) mod close;
pub(crate) mod list;
pub(crate) mod one;
pub(crate) mod reopen;

use axum::Json;
use serde::Deserialize;
use utoipa::ToSchema;

use crate::Identity;
use crate::error::Error;
use crate::ports::{Alert, AlertState, Triage};
use crate::state::{App, Lane};

/// The longest note, in bytes.
const NOTE_MAX: usize = 10_000;

/// What somebody notes.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Note {
    /// It, in at most 10,000 bytes.
    #[serde(default)]
    note: Option<String>,
}

impl Note {
    fn checked(self) -> Result<Option<String>, Error> {
        let note = self.note.map(|note| note.trim().to_owned()).filter(|note| !note.is_empty());
        if note.as_ref().is_some_and(|note| note.len() > NOTE_MAX) {
            return Err(wrong(format!("the note is longer than {NOTE_MAX} bytes"), "put the rest elsewhere"));
        }
        Ok(note)
    }
}

fn wrong(what: String, hint: &'static str) -> Error {
    Error::Bad { place: "body, `note`", what, hint: Some(hint) }
}

async fn triage(
    app: &App,
    id: String,
    by: &Identity,
    state: AlertState,
    note: Option<String>,
) -> Result<Json<Alert>, Error> {
    let triage = Triage { state, note, by: by.name().to_owned() };
    let asked = id.clone();
    let alert = app.ask(Lane::Brief, "path", move |ports, _| ports.alerts.triage(&asked, &triage)).await?;
    alert.map(Json).ok_or(Error::Absent("alert", id))
}
