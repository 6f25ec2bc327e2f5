//! `GET /api/v1/alerts`: alerts, the newest first.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;

use crate::error::{Error, Problems};
use crate::params::{Params, limit};
use crate::ports::{AlertFilter, AlertPage, AlertState};
use crate::state::{App, Lane};

const LIMIT: usize = 50;
const LIMIT_MAX: usize = 1_000;

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Which {
    /// In these states, with commas between: `open`, `acknowledged`, `closed`.
    #[param(example = "open,acknowledged")]
    state: Option<String>,
    /// Of at least this severity.
    severity: Option<String>,
    /// Of this rule.
    rule: Option<String>,
    /// In this cluster.
    cluster: Option<String>,
    /// Not before this time: RFC 3339, or a span before now such as `2h`.
    since: Option<String>,
    /// Before this time, written likewise.
    until: Option<String>,
    /// At most so many, 1 to 1000; 50 unless said.
    limit: Option<usize>,
    /// `next` of the page before.
    before: Option<u64>,
}

/// Lists alerts.
#[utoipa::path(
    get, path = "/api/v1/alerts", tag = "alerts", operation_id = "listAlerts", params(Which),
    responses((status = 200, description = "A page.", body = AlertPage), Problems),
)]
pub(crate) async fn list(
    State(app): State<App>,
    Params(which): Params<Which>,
) -> Result<Json<AlertPage>, Error> {
    let Which { state, severity, rule, cluster, since, until, limit: asked, before } = which;
    let limit = limit(asked, LIMIT, LIMIT_MAX)?;
    let states = state.as_deref().map(states).transpose()?.unwrap_or_default();
    let filter = AlertFilter { states, severity, rule, cluster, since, until };
    app.ask(Lane::Brief, "query parameters", move |ports, _| ports.alerts.list(&filter, before, limit))
        .await
        .map(Json)
}

fn states(text: &str) -> Result<Vec<AlertState>, Error> {
    let state = |word: &str| match word.trim() {
        "open" => Ok(AlertState::Open),
        "acknowledged" => Ok(AlertState::Acknowledged),
        "closed" => Ok(AlertState::Closed),
        other => {
            let what = format!("`{}` is no state of an alert", other.chars().take(80).collect::<String>());
            Err(Error::parameter(what, "there are `open`, `acknowledged` and `closed`"))
        }
    };
    text.split(',').map(state).collect()
}
