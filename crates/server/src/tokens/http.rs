//! `/api/v1/tokens` and `/api/v1/whoami`: tokens over HTTP.

use std::path::Path;

use auditward_base::clock;
use axum::extract::State;
use axum::{Extension, Json};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{NewToken, Token, TokensError};
use crate::error::{Error, Problems, told};
use crate::params::{Segment, Sent};
use crate::state::{App, Lane};
use crate::{ClusterName, Identity, Role};

/// Who the server takes somebody for.
#[derive(Serialize, ToSchema)]
pub(crate) struct You {
    /// The name of the token or certificate; `local` where none is needed.
    name: String,
    /// What you may; all of it where nothing is needed.
    roles: Vec<Role>,
    /// The only cluster that you may send events of.
    cluster: Option<String>,
}

/// Who the server takes you for.
#[utoipa::path(
    get, path = "/api/v1/whoami", tag = "tokens", operation_id = "whoAmI",
    responses((status = 200, description = "You.", body = You), Problems),
)]
pub(crate) async fn whoami(Extension(identity): Extension<Identity>) -> Json<You> {
    let roles = Role::ALL.into_iter().filter(|role| identity.may(*role)).collect();
    let cluster = match &identity {
        Identity::Local => None,
        Identity::Token { cluster, .. } => cluster.as_ref().map(ToString::to_string),
        Identity::Certificate { cluster, .. } => Some(cluster.to_string()),
    };
    Json(You { name: identity.name().to_owned(), roles, cluster })
}

/// The tokens.
#[derive(Serialize, ToSchema)]
pub(crate) struct TokenList {
    /// They, the oldest first.
    tokens: Vec<Token>,
}

/// The tokens, without their secrets.
#[utoipa::path(
    get, path = "/api/v1/tokens", tag = "tokens", operation_id = "listTokens",
    responses((status = 200, description = "All of them.", body = TokenList), Problems),
)]
pub(crate) async fn list(State(app): State<App>) -> Result<Json<TokenList>, Error> {
    let tokens = with_file(&app, super::list).await?;
    Ok(Json(TokenList { tokens }))
}

/// What a token shall be.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    /// A name for people.
    name: String,
    /// What it may.
    role: Option<Role>,
    /// The only cluster that it may send events of; for the role `ingest` alone.
    cluster: Option<String>,
}

/// A token that was made.
#[derive(Serialize, ToSchema)]
pub(crate) struct Made {
    /// The token.
    token: Token,
    /// Its text, which nobody can find out again.
    secret: String,
}

/// Makes a token.
#[utoipa::path(
    post, path = "/api/v1/tokens", tag = "tokens", operation_id = "addToken", request_body = Wanted,
    responses((status = 200, description = "The token and its secret.", body = Made), Problems),
)]
pub(crate) async fn add(State(app): State<App>, Sent(wanted): Sent<Wanted>) -> Result<Json<Made>, Error> {
    let wrong = |what: String| Error::Bad { place: "body", what, hint: None };
    let role = wanted.role.ok_or_else(|| wrong("`role` is missing".to_owned()))?;
    let cluster = wanted.cluster.map(|cluster| cluster.parse::<ClusterName>()).transpose();
    let cluster = cluster.map_err(|error| wrong(error.to_string()))?;
    let new = NewToken { name: wanted.name, role, cluster };
    let now = clock::micros(clock::now());
    let (token, secret) = with_file(&app, move |path| super::add(path, new, now)).await?;
    Ok(Json(Made { token, secret }))
}

/// Takes a token's power away.
#[utoipa::path(
    delete, path = "/api/v1/tokens/{id}", tag = "tokens", operation_id = "revokeToken",
    params(("id" = String, Path, description = "The token's id.")),
    responses((status = 200, description = "Those that are left.", body = TokenList), Problems),
)]
pub(crate) async fn revoke(State(app): State<App>, Segment(id): Segment) -> Result<Json<TokenList>, Error> {
    let asked = id.clone();
    let (revoked, tokens) =
        with_file(&app, move |path| Ok((super::revoke(path, &asked)?, super::list(path)?))).await?;
    if revoked { Ok(Json(TokenList { tokens })) } else { Err(Error::Absent("token", id)) }
}

/// Does something with the file and has the guard look at it at once.
async fn with_file<T, F>(app: &App, act: F) -> Result<T, Error>
where
    T: Send + 'static,
    F: FnOnce(&Path) -> Result<T, TokensError> + Send + 'static,
{
    let path = app.guard.path().to_owned();
    // The lane's turns keep the threads few; what failed is no failure of a port.
    let done = app.ask(Lane::Brief, "body", move |_, _| Ok(act(&path))).await?;
    let done = done.map_err(|error| match error {
        TokensError::Refused(what) => Error::Bad { place: "body", what, hint: None },
        other => Error::Broken(told(&other)),
    })?;
    app.guard.reload().map_err(|error| Error::Broken(told(&error)))?;
    Ok(done)
}
