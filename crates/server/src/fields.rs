//! `GET /api/v1/fields` and their values: what a person who types a search may want to type next.

use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::Identity;
use crate::error::{Error, Problems};
use crate::params::{Params, Segment, limit};
use crate::ports::FieldInfo;
use crate::state::{App, Lane};

const LIMIT: usize = 20;
const LIMIT_MAX: usize = 1_000;
/// The longest beginning of a value, in bytes.
const PREFIX_MAX: usize = 1_000;

/// The fields of the search language.
#[derive(Serialize, ToSchema)]
pub(crate) struct Fields {
    /// They.
    fields: Vec<FieldInfo>,
}

/// The fields that a search can name.
#[utoipa::path(
    get, path = "/api/v1/fields", tag = "events", operation_id = "listFields",
    responses((status = 200, description = "All of them.", body = Fields), Problems),
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<Fields>, Error> {
    let fields = app.ask(Lane::Brief, "path", |ports, _| ports.trail.fields()).await?;
    Ok(Json(Fields { fields }))
}

#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(crate) struct Beginning {
    /// What the values begin with.
    #[serde(default)]
    #[param(required = false)]
    prefix: String,
    /// At most so many, 1 to 1000; 20 unless said.
    limit: Option<usize>,
}

/// Values of a field.
#[derive(Serialize, ToSchema)]
pub(crate) struct Values {
    /// They, the most frequent first.
    values: Vec<String>,
}

/// Values that a field has had.
#[utoipa::path(
    get, path = "/api/v1/fields/{field}/values", tag = "events", operation_id = "listValues",
    params(("field" = String, Path, description = "A field of `/api/v1/fields` that has facets."), Beginning),
    responses((status = 200, description = "The values.", body = Values), Problems),
)]
pub(crate) async fn values(
    State(app): State<App>,
    Extension(who): Extension<Identity>,
    Segment(field): Segment,
    Params(Beginning { prefix, limit: asked }): Params<Beginning>,
) -> Result<Json<Values>, Error> {
    let limit = limit(asked, LIMIT, LIMIT_MAX)?;
    if prefix.len() > PREFIX_MAX {
        return Err(Error::parameter(
            format!("`prefix` is longer than {PREFIX_MAX} bytes"),
            "no value begins so",
        ));
    }
    let values = app
        .ask(Lane::Query(&who), "path", move |ports, cancel| {
            ports.trail.values(&field, &prefix, limit, cancel)
        })
        .await?;
    Ok(Json(Values { values }))
}
