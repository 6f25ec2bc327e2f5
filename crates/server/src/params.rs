//! What comes with a request beside its body: parameters, a part of the path; and small JSON bodies. A mistake in them is
//! told as every other.

use axum::extract::rejection::PathRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::header::CONTENT_TYPE;
use axum::http::request::Parts;
use serde::de::DeserializeOwned;

use crate::body;
use crate::error::Error;
use crate::state::App;

/// The parameters of the URL.
pub(crate) struct Params<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Params<T> {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Error> {
        match Query::try_from_uri(&parts.uri) {
            Ok(Query(params)) => Ok(Self(params)),
            Err(error) => {
                let what = error.body_text();
                let what = what.trim_start_matches("Failed to deserialize query string: ").to_owned();
                Err(Error::parameter(what, "`/openapi.json` lists the parameters"))
            }
        }
    }
}

/// The one variable part of the path.
pub(crate) struct Segment(pub(crate) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Error> {
        let path: Result<Path<String>, PathRejection> = Path::from_request_parts(parts, state).await;
        match path {
            Ok(Path(segment)) => Ok(Self(segment)),
            Err(error) => Err(Error::Bad { place: "path", what: error.body_text(), hint: None }),
        }
    }
}

/// A JSON body; an empty one is the default.
pub(crate) struct Sent<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<App> for Sent<T> {
    type Rejection = Error;

    async fn from_request(request: Request, app: &App) -> Result<Self, Error> {
        let (parts, body) = request.into_parts();
        let kind = media_type(&parts.headers);
        let held = body::receive(app, &parts.headers, body, app.limits.question_bytes_max).await?;
        if held.bytes.is_empty() {
            return Ok(Self(T::default()));
        }
        // A page of another site can send no such type without asking first.
        if kind != "application/json" {
            return Err(Error::MediaType(kind));
        }
        let sent = serde_json::from_slice(&held.bytes);
        let sent = sent.map_err(|error| Error::Bad { place: "body", what: error.to_string(), hint: None })?;
        Ok(Self(sent))
    }
}

/// The type of the body without its parameters, in small letters.
pub(crate) fn media_type(headers: &axum::http::HeaderMap) -> String {
    let told = headers.get(CONTENT_TYPE).map(|value| String::from_utf8_lossy(value.as_bytes()));
    let told = told.unwrap_or_default();
    told.split(';').next().unwrap_or_default().trim().chars().take(80).collect::<String>().to_lowercase()
}

/// A number of things to list: as asked, `default` if not, and at most `max`.
pub(crate) fn limit(asked: Option<usize>, default: usize, max: usize) -> Result<usize, Error> {
    match asked {
        None => Ok(default),
        Some(asked) if (1..=max).contains(&asked) => Ok(asked),
        Some(asked) => {
            let what = format!("`limit` is {asked}, and may be 1 to {max}");
            Err(Error::parameter(what, "ask for less, and for the next page"))
        }
    }
}
